# A real engine that meets a bad Dockerfile, a bad registry, a bad disk and a bad end: what is said,
# and that nothing of it is left.

real=${SELFSAME_DEMO_BASE%:*}
registry=${real%%/*}
mkdir -p runtime/x86_64 p
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
runtime=$PWD/runtime
cache=$HOME/.cache/selfsame
store=$cache/containers/storage
cd p || exit 99
printf 'name = "p"\n' >enclave.toml

dockerfile() { # LINE...: below the base
	printf 'FROM %s\n' "$SELFSAME_DEMO_BASE" >Dockerfile
	printf '%s\n' "$@" 'CMD ["/bin/true"]' >>Dockerfile
}
said() { # TEXT: standard error of the last try, without what is random in it
	sed -E -i 's/[0-9a-f]{64}/HEX/g; s/run-[A-Za-z0-9]{6}/run-X/g; s/(storage|oci-put-blob)[0-9]+/\1N/g' "$ERR"
	err "$1"
}

# All that a build could leave behind. The processes are those of this test's name space.
left() {
	ls -A "$cache/work"
	find "$cache/containers" -mindepth 1 -maxdepth 1 ! -name storage ! -name storage.lock
	find "$store"/overlay "$store"/overlay-* -maxdepth 1 | sort | diff - ../store.clean
	grep -F "$HOME" /proc/self/mounts | cut -d' ' -f2
	cat /proc/[0-9]*/comm >../comms
	grep -vxE 'demo-base|docker-registry|run.sh|cat' ../comms | sed 's/^/process /'
	for id in $(cat ../steps); do
		find /sys/fs/cgroup -type d -name "$id"
	done
	find . -mindepth 1 ! -name Dockerfile ! -name enclave.toml
}
nothing_left() { # WHAT
	left >../left 2>../left.err
	check "$1: nothing is left" diff /dev/null ../left
}
: >../steps

dockerfile 'RUN true'
try 0 build -q --runtime "$runtime"
rm -f p.eif enclave.lock measurements.json
find "$store"/overlay "$store"/overlay-* -maxdepth 1 | sort >../store.clean
nothing_left 'a good build'

# The Dockerfile.
dockerfile 'RUN echo no >&2; exit 7'
try 4 build -q --runtime "$runtime"
err "selfsame: error: 'Dockerfile': buildah: building at STEP \"RUN echo no >&2; exit 7\": while running runtime: exit status 7"
nothing_left 'a step that fails'
try 4 build --runtime "$runtime"
check 'a step that fails: what it said is shown' grep -qx no "$ERR"
dockerfile 'RUN true' 'COPY nothing /'
try 4 build -q --runtime "$runtime"
said "selfsame: error: 'Dockerfile': buildah: building at STEP \"COPY nothing /\": checking on sources under \"$cache/work/run-X/context\": copier: stat: \"/nothing\": no such file or directory"
nothing_left 'a COPY that fails'
dockerfile 'FORM x'
try 3 build -q --runtime "$runtime"
err "selfsame: error: 'Dockerfile': line 2: unknown instruction 'FORM'; did you mean FROM?"
nothing_left 'an unknown instruction'
dockerfile 'RUN true'
export SELFSAME_RUNTIME_INNER=/no/such/runtime
try 4 build -q --runtime "$runtime"
unset SELFSAME_RUNTIME_INNER
err "selfsame: error: 'Dockerfile': RUN: no OCI runtime: SELFSAME_RUNTIME_INNER is '/no/such/runtime'
selfsame: hint: on Debian: apt-get install runc"
nothing_left 'no runtime for steps'

# The registry: nobody there, no such image, no network.
echo 'FROM 127.0.0.1:1/x:1' >Dockerfile
try 5 build -q --runtime "$runtime"
err "selfsame: error: 'Dockerfile': line 1: cannot resolve '127.0.0.1:1/x:1': pinging container registry 127.0.0.1:1: Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused"
nothing_left 'nobody there'
printf 'FROM %s AS a\nFROM %s\n' "$SELFSAME_DEMO_BASE" "$real:nothing" >Dockerfile
try 5 build -q --runtime "$runtime"
err "selfsame: error: 'Dockerfile': line 2: cannot resolve '$real:nothing': reading manifest nothing in $real: manifest unknown: manifest unknown"
nothing_left 'no such image'
dockerfile
last='build in a name space without a network' got=0
unshare --net "$SELFSAME" build -q --runtime "$runtime" >"$OUT" 2>"$ERR" || got=$?
check 'no network at all: exit status 5' test "$got" -eq 5
err "selfsame: error: 'Dockerfile': line 1: cannot resolve '$SELFSAME_DEMO_BASE': pinging container registry $registry: Get \"http://$registry/v2/\": dial tcp $registry: connect: network is unreachable"
nothing_left 'no network'

# A disk that fills while the base is pulled, while the image is written, while a step writes.
mkdir ../small
small() { # OPTIONS STATUS WHAT: a build whose cache is a file system of its own
	# shellcheck disable=SC2034 # run.sh shows it
	last="build, cache mounted with $1" got=0
	mount -t tmpfs -o "$1" none ../small
	XDG_CACHE_HOME=$(realpath ../small) "$SELFSAME" build -q --runtime "$runtime" >"$OUT" 2>"$ERR" || got=$?
	check "$3: exit status $2" test "$got" -eq "$2"
	check "$3: no folder of the build is left" test -z "$(ls -A ../small/selfsame/work 2>&1)"
	check "$3: no output" test ! -e p.eif -a ! -e enclave.lock -a ! -e measurements.json
	umount ../small
}
small size=20m 4 'a pull that fills the disk'
said "selfsame: error: 'Dockerfile': line 1: cannot pull '$real@sha256:HEX': writing blob: storing blob to file \"$(realpath ../small)/selfsame/work/run-X/storageN/1\": write $(realpath ../small)/selfsame/work/run-X/storageN/1: no space left on device"
small size=110m 4 'an image that fills the disk'
err_has "selfsame: error: 'Dockerfile': buildah: committing container for step "
err_has ': no space left on device'
dockerfile 'RUN head -c 900M /dev/zero >/big'
small size=200m 4 'a step that fills the disk'
err "selfsame: error: 'Dockerfile': buildah: building at STEP \"RUN head -c 900M /dev/zero >/big\": while running runtime: exit status 1"
mkdir ../small/selfsame # below what is mounted: not seen
got=0
mount -t tmpfs -o ro none ../small
XDG_CACHE_HOME=$(realpath ../small) "$SELFSAME" build -q --runtime "$runtime" >"$OUT" 2>"$ERR" || got=$?
umount ../small
check 'a cache that cannot be written: exit status 4' test "$got" -eq 4
err "selfsame: error: cannot make the folder '$(realpath ../small)/selfsame': Read-only file system"
nothing_left 'bad disks'

# Ended in a step. The number is one that nobody else sleeps for.
nap=31$$
start() { # WHAT: a build whose step sleeps; sets $pid
	env --default-signal=HUP "$SELFSAME" build -q --runtime "$runtime" >../bg.out 2>&1 </dev/null &
	pid=$!
	tries=300
	until grep -qxzF "$nap" /proc/[0-9]*/cmdline || [ "$tries" -eq 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done 2>/dev/null
	check "$1: the step runs" test "$tries" -gt 0
	ls "$cache"/work/run-*/steps >../steps
	check "$1: it has a container" grep -q . ../steps
}
ended() { # STATUS WHAT: waits for the build
	rc=0
	wait "$pid" 2>/dev/null || rc=$?
	check "$2: status $1" test "$rc" -eq "$1"
	check "$2: nothing is said" diff /dev/null ../bg.out
}
next_run() { # once the kernel has ended what was killed
	tries=100
	while cat /proc/[0-9]*/comm 2>/dev/null | grep -qxE 'selfsame|buildah|sleep'; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || break
		sleep 0.1
	done
	build_next
}
build_next() {
	printf 'FROM scratch\nCOPY Dockerfile /\nCMD ["/x"]\n' >../Dockerfile.next
	try 0 build -q --runtime "$runtime" --file ../Dockerfile.next --output ../next.eif --name next
	rm -f ../next.eif enclave.lock measurements.json
}

dockerfile "RUN sleep $nap"
for signal in TERM:143 HUP:129; do
	what=SIG${signal%:*}
	start "$what"
	kill -"${signal%:*}" "$pid"
	ended "${signal#*:}" "$what"
	nothing_left "$what"
done
start SIGKILL
kill -KILL "$pid"
ended 137 SIGKILL
next_run
nothing_left 'SIGKILL, and a next run'
start 'SIGKILL of the program and its engine'
# shellcheck disable=SC2046 # a list of numbers
kill -KILL "$pid" $(cat /proc/"$pid"/task/*/children)
ended 137 'SIGKILL of the program and its engine'
next_run
nothing_left 'SIGKILL of the program and its engine, and a next run'

# A build under way is not taken for a left-over one, and one that fails does not tidy it away.
start 'another build'
build_next
printf 'FROM %s\nRUN exit 1\n' "$SELFSAME_DEMO_BASE" >../Dockerfile.next
try 4 build -q --runtime "$runtime" --file ../Dockerfile.next --output ../next.eif --name next
check 'the other build goes on' grep -qxzF "$nap" /proc/[0-9]*/cmdline
kill -TERM "$pid"
ended 143 'the other build, at last'
nothing_left 'two builds, one failed, one ended'

# Ended at any moment, also while the base is pulled into a new store.
dockerfile 'RUN true' 'COPY Dockerfile /' 'RUN true'
for signal in TERM KILL; do
	stopped=0
	for pause in 0.1 0.3 0.5 0.7 0.9 1.1 1.3; do
		"$SELFSAME" build -q --runtime "$runtime" >"$OUT" 2>"$ERR" </dev/null &
		pid=$!
		sleep "$pause"
		kill -$signal $pid 2>/dev/null
		wait $pid 2>/dev/null || stopped=$((stopped + 1))
		rm -f p.eif enclave.lock measurements.json
		[ "$signal" = KILL ] || nothing_left "SIG$signal after $pause s"
	done
	check "SIG$signal: some builds were stopped" test "$stopped" -gt 1
done
next_run
nothing_left 'SIGKILL at any moment, and a next run'
for pause in 0.3 0.5 0.7 0.9; do
	rm -rf "$cache/containers"
	"$SELFSAME" build -q --runtime "$runtime" >"$OUT" 2>"$ERR" </dev/null &
	pid=$!
	sleep "$pause"
	kill -TERM $pid
	wait $pid 2>/dev/null
	check "SIGTERM after $pause s, with a new store: nothing that the store does not know" \
		sh -c '[ -d "$1/overlay" ] || exit 0; cd "$1" && for id in $(ls overlay | grep -x "[0-9a-f]\{64\}"); do grep -q "$id" overlay-layers/layers.json || exit 1; done' - "$store"
done
try 0 build -q --runtime "$runtime"
rm -f p.eif enclave.lock measurements.json
nothing_left 'a build after these'

# Two builds of one project at once.
dockerfile 'RUN useradd app'
try 0 build -q --runtime "$runtime"
cp p.eif ../alone.eif
rm -f p.eif enclave.lock measurements.json
"$SELFSAME" build -q --runtime "$runtime" >../one.out 2>&1 &
one=$!
"$SELFSAME" build -q --runtime "$runtime" >../two.out 2>&1 &
two=$!
rc=0
wait $one || rc=$?
wait $two || rc=$?
check 'two at once: both well' test "$rc" -eq 0
check 'two at once: the bytes of one alone' cmp p.eif ../alone.eif
check 'two at once: the same output' cmp ../one.out ../two.out
rm -f p.eif enclave.lock measurements.json
nothing_left 'two at once'
cd ..
