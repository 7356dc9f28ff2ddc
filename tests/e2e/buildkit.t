# The same Dockerfile through buildah and through BuildKit: the same bytes, but for what
# docs/determinism.md lists; and what BuildKit says when it goes wrong. Two daemons, both this
# test's own: one as anybody has it, and one whose steps selfsame-runtime starts.

real=${SELFSAME_DEMO_BASE%:*}
mkdir -p runtime/x86_64 p/sub/deep q/sub bk
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
runtime=$PWD/runtime
cache=$HOME/.cache/selfsame

# start NAME OPTION...: a daemon; its process is in $daemon.
start() {
	name=$1
	shift
	buildkitd --root "$bk/$name" --addr "unix://$bk/$name.sock" --containerd-worker=false \
		--oci-worker=true --oci-worker-net=host "$@" >"$bk/$name.log" 2>&1 </dev/null &
	daemon=$!
	tries=100
	until buildctl --addr "unix://$bk/$name.sock" --timeout 5 debug workers >/dev/null 2>&1 ||
		[ "$tries" -eq 0 ]; do
		tries=$((tries - 1))
		sleep 0.2
	done
	check "buildkitd answers ($name)" test "$tries" -gt 0
}
bk=$PWD/bk
start plain
plain=$daemon
start ours --oci-worker-binary "$(dirname "$SELFSAME")/selfsame-runtime"
ours=$daemon
use() { # NAME: the daemon that is asked from now on
	export BUILDKIT_HOST="unix://$bk/$1.sock"
}

# What an EIF holds, a line a name, for people to compare.
list() { # EIF
	rm -rf "$bk/listed"
	"$SELFSAME" extract -q --tree "$1" "$bk/listed" >/dev/null
	(cd "$bk/listed" && find . -printf '%P %M %U %G %s %l ' \( -type f -exec sha256sum {} \; -o -print \)) |
		sed 's|  ./.*||; s| \./[^ ]*$||' | sort
}
same() { # EIF EIF
	cmp "$1" "$2" && return 0
	list "$1" >"$bk/one.list"
	list "$2" >"$bk/two.list"
	diff -U0 "$bk/one.list" "$bk/two.list"
	return 1
}

cd p || exit 99
cat >Dockerfile <<'END'
ARG BASE
FROM $BASE AS plain
FROM $BASE AS build
ARG WHO=nobody
ENV ONE=1 TWO="two words"
SHELL ["/bin/sh", "-ec"]
RUN useradd --create-home --uid 1234 app; echo "$WHO" >/who
RUN mkdir -p /opt/made/deep; cd /opt/made; echo a >a; ln a hard; ln -s a soft; chmod 4755 a; mkfifo pipe; chown 1234:1234 deep
RUN rm -r /var/lib/dpkg/info; rm -f /etc/motd; mv /opt/made/deep /opt/moved; touch -d @5 /srv/old
RUN for f in hostname /etc/hostname /etc/hosts; do $f || cat $f; umask; id; pwd; done >>/seen 2>/dev/null
RUN echo "$SOURCE_DATE_EPOCH $TZ $LANG $PYTHONHASHSEED $HOSTNAME $HOME $ONE $TWO $PATH" >>/seen
RUN test ! -e /run/.containerenv; echo here >/etc/hostname
WORKDIR /srv/place/new
VOLUME /srv/data
RUN mkdir -p /srv/data; echo kept >/srv/data/file
COPY . .
COPY --chown=app:app sub/ /home/app/sub/
COPY --chmod=640 top /added/
ADD top /added/more/
FROM $BASE AS unused
RUN exit 1
FROM $BASE
COPY --from=plain /etc/passwd /plain
COPY --from=build /who /seen /
COPY --from=build /etc /etc
COPY --from=build /home /home
COPY --from=build /srv /srv
COPY --from=build /opt /opt
COPY --from=build /added /added
RUN --mount=type=bind,from=build,source=/opt,target=/from cp -a /from/made /copy
RUN --mount=type=secret,id=token grep -qx 's3cre[t]' /run/secrets/token
RUN rm -r /opt/moved && ln -s made /opt/moved && rm /home/app/sub/link && mkdir /home/app/sub/link
WORKDIR /home/app
USER app
EXPOSE 8080/tcp
STOPSIGNAL SIGINT
LABEL a=b
ENTRYPOINT ["/home/app/sub/run"]
CMD ["x"]
END
# Without the recorder and the view, which BuildKit's daemon gives no step.
printf 'name = "e2e"\nsource_date_epoch = 1700000000\n[build]\nhermetic = false\nsecrets = { token = "token" }\nargs = { BASE = "%s" }\n' \
	"$SELFSAME_DEMO_BASE" | tee enclave.toml >../q/enclave.toml
printf s3cret | tee token >../q/token
printf 'token\n' >.dockerignore
printf '#!/bin/sh\n' >sub/run
chmod 755 sub/run
ln -s run sub/link
echo text >sub/deep/text
echo top >top
git init --quiet . # whatever is in it: no engine sees it
echo "$$" >.git/odd

try 0 build -q --engine buildah --runtime "$runtime"
cp e2e.eif ../buildah.eif
cp enclave.lock ../buildah.lock
use plain
try 0 rebuild -q --engine buildkit --runtime "$runtime" --output ../rebuilt.eif
out same
check 'a rebuild with the other engine: the same file' same ../rebuilt.eif ../buildah.eif
rm e2e.eif
use ours
try 0 build -q --engine buildkit --runtime "$runtime"
err ''
check 'BuildKit with selfsame-runtime: the same file' same e2e.eif ../buildah.eif
sed 's/^engine = .*/engine = "buildkit"/; s/^engine_version = .*/engine_version = "0.11.6"/' ../buildah.lock >../want.lock
check 'the lock differs in the engine alone' diff -u ../want.lock enclave.lock
"$SELFSAME" extract -q --tree e2e.eif "$bk/e2e" >/dev/null
root=$bk/e2e/ramdisk1/rootfs
check 'what a step saw' diff -u - $root/seen <<'END'
selfsame
0022
uid=0(root) gid=0(root) groups=0(root)
/
debian
0022
uid=0(root) gid=0(root) groups=0(root)
/
127.0.0.1	localhost selfsame
::1	localhost ip6-localhost ip6-loopback
0022
uid=0(root) gid=0(root) groups=0(root)
/
1700000000 UTC C.UTF-8 0 selfsame /root 1 two words /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
END
check 'what a step writes to /etc/hostname is the image'"'"'s' grep -qx here $root/etc/hostname
check 'nothing of git is in the image' test -e $root/srv/place/new/top -a ! -e $root/srv/place/new/.git
check 'no folder of a secret is left' test ! -e $root/run/secrets
cd ..

# What docs/determinism.md says of the two: a step's environment, and what --mount leaves.
cd q || exit 99
cat >Dockerfile <<'END'
ARG BASE
FROM $BASE AS plain
FROM scratch
COPY --from=plain /usr/bin/dash /bin/sh
COPY --from=plain /usr/bin/cat /bin/cat
COPY --from=plain /usr/lib/x86_64-linux-gnu/libc.so.6 /lib/x86_64-linux-gnu/
COPY --from=plain /lib64/ld-linux-x86-64.so.2 /lib64/
ARG WHO=nobody
RUN cat /proc/$$/environ >/environ; echo "$WHO" >/who
WORKDIR /full
RUN echo there >/full/file; echo there >/file
RUN --mount=type=bind,source=sub,target=/full :
RUN --mount=type=secret,id=token,target=/file :
RUN --mount=type=secret,id=token,target=/left/over/token :
RUN --mount=type=bind,source=sub,target=/new/point :
CMD ["/x"]
END
echo text >sub/text
for how in buildah plain ours; do
	engine=buildkit
	[ $how != buildah ] || engine=buildah
	use $how
	try 0 build -q --engine $engine --runtime "$runtime" --build-arg WHO=else --output ../$how.eif
	grep -A 2 '^LOST' "$OUT" >../$how.lost
	rm -f enclave.lock measurements.json
	"$SELFSAME" extract -q --tree ../$how.eif ../$how >/dev/null
	root=../$how/ramdisk1/rootfs
	check "a build argument arrives ($how)" grep -qx else $root/who
	tr '\0' '\n' <$root/environ >../$how.environ
	cut -d= -f1 ../$how.environ | grep -v '^OTEL_\|^TRACE' >../$how.names
	rm $root/environ
	(cd $root && find . -mindepth 1 -printf '%P %M %U %G %l\n' | sed 's/ $//' | sort) >../$how.list
done
check 'the environment with our runtime is the one with buildah' diff -u ../buildah.environ ../ours.environ
check 'without it BuildKit adds the identity of its traces' grep -q '^TRACEPARENT=' ../plain.environ
check 'and has an order of its own' diff -u - ../plain.names <<'END'
PATH
HOSTNAME
LANG
PYTHONHASHSEED
SOURCE_DATE_EPOCH
TZ
WHO
HOME
END
diff ../buildah.list ../plain.list | grep '^[<>]' >../list.diff
check 'buildah removes what lay at a mount point, and leaves the folders above a new one' diff -u - ../list.diff <<'END'
> file -rw-r--r-- 0 0
< left drwxr-xr-x 0 0
< left/over drwxr-xr-x 0 0
> full/file -rw-r--r-- 0 0
< new drwxr-xr-x 0 0
END
check 'what buildah removed is said, by line' diff -u - ../buildah.lost <<'END'
LOST: buildah removed what the image had where a RUN --mount lay
  Dockerfile: line 12: /full
  Dockerfile: line 13: /file
END
check 'BuildKit removes nothing' test ! -s ../plain.lost -a ! -s ../ours.lost
check 'nothing of it depends on the runtime' diff -u ../plain.list ../ours.list
cd ../p || exit 99
rm -f e2e.eif enclave.lock measurements.json

# Faults.
left() {
	ls -A "$cache/work"
	find . -mindepth 1 -name '*.eif' -o -name '*.json' -o -name '*.lock'
	grep -lxzF "$nap" /proc/[0-9]*/cmdline
}
nothing_left() { # WHAT
	left >../left 2>../left.err
	check "$1: nothing is left" diff /dev/null ../left
}
nap=32$$
dockerfile() { # LINE...: below the base
	printf 'FROM %s\n' "$SELFSAME_DEMO_BASE" >Dockerfile
	printf '%s\n' "$@" 'CMD ["/bin/true"]' >>Dockerfile
}
# Hermetic by default: what BuildKit cannot give is said, and an error only for who asked for it.
cp enclave.toml ../open.toml
sed -i '/^hermetic/d' enclave.toml
dockerfile 'RUN test -z "$http_proxy" && test ! -e /dev/selfsame'
try 0 build --engine buildkit --runtime "$runtime"
err_has "selfsame: warning: not hermetic: BuildKit's daemon runs the steps"
out_has "not hermetic: what RUN steps saw and fetched in BuildKit's daemon is pinned by nothing"
check 'and is in the lock' grep -qxF 'hermetic = "engine"' enclave.lock
try 0 rebuild -q --engine buildkit --runtime "$runtime"
out same
sed -i 's/^.build.$/&\nhermetic = true/' enclave.toml
try 2 build -q --engine buildkit --runtime "$runtime"
err "selfsame: error: only with buildah can what a step sees be chosen; BuildKit's daemon runs them
selfsame: hint: --no-hermetic, or --engine buildah"
rm -f e2e.eif enclave.lock measurements.json
cp ../open.toml enclave.toml
dockerfile 'RUN echo no >&2; exit 7'
try 4 build -q --engine buildkit --runtime "$runtime"
err "selfsame: error: 'Dockerfile': BuildKit: failed to solve: process \"/bin/sh -c echo no >&2; exit 7\" did not complete successfully: exit code: 7"
nothing_left 'a step that fails'
zeros=$(printf 'sha256:%064d' 0)
printf 'FROM %s@%s\nCMD ["/x"]\n' "$real" "$zeros" >Dockerfile
try 5 build -q --engine buildkit --runtime "$runtime"
err "selfsame: error: 'Dockerfile': BuildKit: failed to solve: $real@$zeros: $real@$zeros: not found"
nothing_left 'a base that is not there'
printf 'FROM 127.0.0.1:1/x@%s\nCMD ["/x"]\n' "$zeros" >Dockerfile
try 5 build -q --engine buildkit --runtime "$runtime"
err "selfsame: error: 'Dockerfile': BuildKit: failed to solve: 127.0.0.1:1/x@$zeros: failed to do request: Head \"http://127.0.0.1:1/v2/x/manifests/$zeros\": dial tcp 127.0.0.1:1: connect: connection refused"
nothing_left 'a registry that is not there'
dockerfile "RUN sleep $nap"
"$SELFSAME" build -q --engine buildkit --runtime "$runtime" >"$OUT" 2>"$ERR" </dev/null &
pid=$!
tries=300
until grep -qxzF "$nap" /proc/[0-9]*/cmdline || [ "$tries" -eq 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done 2>/dev/null
check 'SIGTERM: the step runs' test "$tries" -gt 0
kill -TERM "$pid"
rc=0
wait "$pid" 2>/dev/null || rc=$?
check 'SIGTERM: status 143' test "$rc" -eq 143
while grep -qxzF "$nap" /proc/[0-9]*/cmdline && [ "$tries" -gt 0 ]; do # the daemon ends it
	tries=$((tries - 1))
	sleep 0.1
done 2>/dev/null
nothing_left SIGTERM

kill "$plain" "$ours"
wait "$plain" "$ours" 2>/dev/null
try 4 build -q --engine buildkit --runtime "$runtime"
err "selfsame: error: engine 'buildkit': neither buildctl nor 'docker buildx' reaches a BuildKit
selfsame: hint: start buildkitd and set BUILDKIT_HOST, or use --engine buildah"
nothing_left 'no daemon'
cd ..
grep -F " $bk/" /proc/self/mounts >mounts
check 'no mount of the daemons is left' diff /dev/null mounts
