# A Dockerfile through buildah: the same bytes under all that must not matter, from the lock alone,
# and again after the results were committed beside it.

real=${SELFSAME_DEMO_BASE%:*}
mkdir -p runtime/x86_64
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
runtime=$PWD/runtime

project() { # FOLDER
	mkdir -p "$1/sub"
	cat >"$1/Dockerfile" <<-'END'
		ARG BASE
		FROM $BASE AS build
		ARG WHO=nobody
		ARG V1=a
		ARG V2=b
		ARG V3=c
		RUN useradd --create-home --uid 1234 app && echo "$WHO" >/who
		RUN { tr '\0' '\n' </proc/$$/environ | grep -v "selfsame/\|198.18\|127.0.0.1,"; umask; hostname; cat /etc/hosts; date -r /who +%Z; } >/seen
		WORKDIR /srv
		VOLUME /srv/data
		RUN mkdir -p data && echo kept >data/file
		COPY . .
		FROM $BASE
		COPY --from=build /who /seen /
		COPY --from=build /etc /etc
		COPY --from=build /home /home
		COPY --from=build /srv /srv
		RUN --mount=type=secret,id=token grep -qx 's3cre[t]' /run/secrets/token
		USER app
		CMD ["/bin/true"]
	END
	printf 'name = "e2e"\nsource_date_epoch = 1700000000\n[build]\nsecrets = { token = "token" }\nargs = { BASE = "%s" }\n' \
		"$SELFSAME_DEMO_BASE" >"$1/enclave.toml"
	printf s3cret >"$1/token"
	printf 'token\n' >"$1/.dockerignore"
	printf '#!/bin/sh\n' >"$1/sub/run"
	chmod +x "$1/sub/run"
}

(umask 022 && project one)
cd one || exit 99
git init --quiet . # the other checkout is no clone; COPY . . must not see that
try 0 build -q --runtime "$runtime"
err ''
out_has 'PCR2    '
cp e2e.eif ../first.eif
cp enclave.lock ../first.lock
check 'the base is in the lock, by name and digest' \
	sh -c 'grep -q "^name = \"$1\"$" enclave.lock && grep -q "^digest = \"sha256:[0-9a-f]\{64\}\"$" enclave.lock' - "$SELFSAME_DEMO_BASE"
check 'the secret is nowhere' sh -c '! grep -r s3cret enclave.lock measurements.json e2e.eif'

"$SELFSAME" extract -q --tree e2e.eif parts >/dev/null 2>&1
root=parts/ramdisk1/rootfs
check 'what a step saw' diff -u - $root/seen <<'END'
HOSTNAME=selfsame
LANG=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PYTHONHASHSEED=0
SOURCE_DATE_EPOCH=1700000000
TZ=UTC
V1=a
V2=b
V3=c
WHO=nobody
HOME=/root
0022
selfsame
127.0.0.1	localhost selfsame
::1	localhost ip6-localhost ip6-loopback
UTC
END
check 'nothing of it is in the measured config' \
	sh -c '! grep -aqE "SOURCE_DATE_EPOCH|PYTHONHASHSEED|HOSTNAME" parts/ramdisk1/config'
check 'a volume keeps what a step put there' test "$(cat $root/srv/data/file)" = kept
check 'what .dockerignore names is not there' test ! -e $root/srv/token
rm -rf parts

# The results lie beside the Dockerfile now, and COPY . . does not see them.
try 0 build -q --runtime "$runtime"
check 'COPY . . after a build: the same bytes' cmp e2e.eif ../first.eif
check 'COPY . . after a build: the same lock' cmp enclave.lock ../first.lock
try 0 rebuild -q --runtime "$runtime"
out same
try 0 build -q --runtime "$runtime" --build-arg WHO=else --output ../else.eif
check 'a build argument counts' sh -c '! cmp -s ../else.eif ../first.eif'
check 'and is in the lock' grep -q '^WHO = "else"$' enclave.lock
try 0 rebuild -q --runtime "$runtime"
out same
mkdir ../elsewhere
sed 's/WHO=nobody/WHO=elsewhere/' Dockerfile >../elsewhere/Dockerfile
try 0 build -q --runtime "$runtime" --file ../elsewhere/Dockerfile
check 'the lock names the Dockerfile' grep -q '^dockerfile = "../elsewhere/Dockerfile"$' enclave.lock
check 'it is another image' sh -c '! cmp -s e2e.eif ../first.eif'
try 0 rebuild -q --runtime "$runtime"
out same
cp ../first.lock enclave.lock
try 1 rebuild -q --runtime "$runtime"
out_has 'ramdisk 1'
cd ..

# Another checkout, elsewhere, by somebody else, at another time.
(umask 077 && project much/deeper/two)
cp first.lock much/deeper/two/enclave.lock
mkdir home2
cd much/deeper/two || exit 99
find . -exec touch -d @1234567 {} +
for clock in '1970-01-02 00:00:00' '2100-06-01 12:00:00'; do
	rm -f e2e.eif
	check "other folder, umask, zone, home, user, host name, and a clock of $clock" \
		env TZ=Pacific/Auckland HOME="$PWD/../../../home2" XDG_CACHE_HOME="$HOME/.cache" USER=somebody \
		LANG=de_DE.UTF-8 unshare --uts sh -c 'hostname elsewhere; umask 002; exec "$@"' - \
		faketime -f "$clock" "$SELFSAME" build -q --runtime "$runtime"
	check "a clock of $clock: the same bytes" cmp e2e.eif ../../../first.eif
done
check 'the same lock' cmp enclave.lock ../../../first.lock
cd ../../..

# From the lock alone, without a network: the base is in the cache. Then the cache is gone.
mkdir plain
printf 'FROM %s\nCOPY x /x\nCMD ["/bin/true"]\n' "$SELFSAME_DEMO_BASE" >plain/Dockerfile
echo 'name = "plain"' >plain/enclave.toml
echo x >plain/x
cd plain || exit 99
try 0 build -q --runtime "$runtime"
check 'a rebuild without a network' unshare --net "$SELFSAME" rebuild -q --runtime "$runtime"
zeros=$(printf '%064d' 0)
sed -i "s/^digest = .*/digest = \"sha256:$zeros\"/" enclave.lock
try 5 rebuild -q --runtime "$runtime"
err "selfsame: error: 'Dockerfile': line 1: cannot pull '$real@sha256:$zeros': reading manifest sha256:$zeros in $real: manifest unknown: manifest unknown"
sed -i "s|^name = \"127.*|name = \"other:1\"|" enclave.lock
try 3 rebuild -q --runtime "$runtime"
err "selfsame: error: 'Dockerfile': line 1: '$SELFSAME_DEMO_BASE' is not in the lock
selfsame: hint: 'selfsame build' resolves it and writes the lock anew"
try 0 build -q --runtime "$runtime"
check 'the lock has it again' grep -q "^name = \"$SELFSAME_DEMO_BASE\"$" enclave.lock
try 0 rebuild -q --runtime "$runtime"

# What git ignores and .dockerignore does not may be in the image: then the commit is not all of it.
git_here() { git -c user.name=t -c user.email=t@example.org "$@" >/dev/null; }
git_here init --quiet .
echo '*.log' >.gitignore
git_here add .
git_here commit --quiet -m source
touch x.log
try 0 build -q --runtime "$runtime" --source-date-epoch commit
check 'a file that git ignores, in the context: dirty' grep -q '"dirty": true' measurements.json
echo '*.log' >.dockerignore
git_here add .
git_here commit --quiet -m ignored
try 0 build -q --runtime "$runtime" --source-date-epoch commit
check 'left out by .dockerignore: clean' grep -q '"dirty": false' measurements.json
cd ..

# Stages that begin with a stage. buildah alone fails here: "layer not known".
mkdir stages
printf 'name = "stages"\nsource_date_epoch = 1700000000\n[build]\nargs = { BASE = "%s" }\n' \
	"$SELFSAME_DEMO_BASE" >stages/enclave.toml
cat >stages/Dockerfile <<'END'
ARG BASE
FROM $BASE AS plain
FROM plain AS tools
RUN echo tool >/tool
FROM tools AS made
RUN cat /tool /tool >/made
FROM scratch AS files
COPY Dockerfile /one
FROM files AS more
COPY Dockerfile /two
FROM made
COPY --from=more /one /two /
CMD ["/made"]
END
cd stages || exit 99
try 0 build -q --runtime "$runtime"
"$SELFSAME" extract -q --tree stages.eif parts >/dev/null 2>&1
check 'what the second stage and the third made' sh -c 'test "$(cat parts/ramdisk1/rootfs/made)" = "tool
tool"'
check 'what the fourth made' cmp parts/ramdisk1/rootfs/one Dockerfile
check 'what the fifth made' cmp parts/ramdisk1/rootfs/two Dockerfile
try 0 rebuild -q --runtime "$runtime"
printf 'ARG BASE\nFROM $BASE AS tools\nRUN echo tool >/tool\nFROM tools AS made\nRUN cat /tool >/made\nFROM scratch\nCOPY --from=made /made /made\nCMD ["/made"]\n' >Dockerfile
try 0 build -q --runtime "$runtime"
cd ..
check 'no folder of a build is left' test -z "$(ls -A "$HOME/.cache/selfsame/work")"
