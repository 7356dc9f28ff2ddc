# A build that meets a bad machine: what it says, and that it leaves nothing.

mkdir -p runtime/x86_64 root/bin out spool
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
echo app >root/bin/app
chmod 755 root/bin/app
python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 65536)' >root/large # 16 MiB
printf 'name = "f"\nimage = "rootfs:root"\n[app]\ncommand = ["/bin/app"]\n' >enclave.toml
TMPDIR=$PWD/spool
export TMPDIR

try 0 build -q --runtime runtime -o out/f.eif
err ''
cp out/f.eif good.eif
check 'the spool has no names' test -z "$(ls -A spool)"

# In a name space of its own, where DIR is a small or read-only file system: `mounted DIR OPTIONS
# STATUS` builds there.
as_root=
[ "$(id -u)" -eq 0 ] || as_root=--map-root-user
mounted() {
	last="build, $1 mounted with $2"
	got=0
	# shellcheck disable=SC2016,SC2086 # the inner shell's; one word or none
	unshare $as_root --mount sh -c 'mount -t tmpfs -o "$1" none "$2" || exit 99
		rc=0; shift 2; "$@" || rc=$?
		ls -A out spool | grep -v "^$" >left; exit $rc' - "$2" "$1" \
		"$SELFSAME" build -q --runtime runtime -o out/f.eif >"$OUT" 2>"$ERR" || got=$?
	echo "status $got" >"$ERR.why"
	[ "$got" -eq "$3" ]
	verdict $? "$last: exit status $3" "$ERR.why"
}
rm -f out/f.eif enclave.lock measurements.json
mounted out size=8m 4
err "selfsame: error: 'out/f.eif': cannot write: No space left on device"
check 'a full disk: nothing is left there' test "$(cat left)" = "$(printf 'out:\nspool:')"
check 'a full disk: no lock, no measurements' test ! -e enclave.lock -a ! -e measurements.json
mounted spool size=8m 4
err "selfsame: error: 'rootfs:root': 'large': the spool: cannot write: No space left on device"
check 'a full spool: nothing is left' test "$(cat left)" = "$(printf 'out:\nspool:')"
mounted out ro 4
err "selfsame: error: cannot write 'out/f.eif': Read-only file system"
mounted spool ro 4
err "selfsame: error: 'rootfs:root': cannot make a temporary file in '$PWD/spool': Read-only file system"
check 'no output of any of these' test ! -e out/f.eif

# What stood there before survives.
echo before >out/f.eif
chmod 000 runtime/x86_64/init
mv runtime/x86_64/init runtime/x86_64/away
try 4 build -q --runtime runtime -o out/f.eif
err "selfsame: error: init: cannot open 'runtime/x86_64/init': No such file or directory"
check 'an old output survives a failure' test "$(cat out/f.eif)" = before
mv runtime/x86_64/away runtime/x86_64/init
chmod 644 runtime/x86_64/init
rm out/f.eif

# Ended at any moment: the output is whole or not there, and nothing else stays.
python3 -c 'import sys
for i in range(12): sys.stdout.buffer.write(bytes([i]) * (16 << 20))' >root/larger # 192 MiB
ended() { # SIGNAL STATUS SECONDS: adds to $stopped
	rm -f out/f.eif enclave.lock measurements.json
	env --default-signal=HUP "$SELFSAME" build -q --runtime runtime -o out/f.eif >"$OUT" 2>"$ERR" &
	pid=$!
	sleep "$3"
	kill -"$1" "$pid" 2>/dev/null
	rc=0
	wait "$pid" 2>/dev/null || rc=$?
	if [ "$rc" -ne 0 ]; then
		[ "$rc" -eq "$2" ] || partial=$((partial + 1))
		stopped=$((stopped + 1))
		if [ -e out/f.eif ] && [ ! -e measurements.json ]; then
			# the name appears before the records are written: then it is whole
			"$SELFSAME" measure out/f.eif >/dev/null || partial=$((partial + 1))
		fi
	fi
	[ -z "$(find out spool -mindepth 1 ! -name f.eif)" ] || partial=$((partial + 1))
}
for signal in TERM:143 HUP:129 KILL:137; do # a shell's background jobs ignore INT
	status=${signal#*:} signal=${signal%:*} stopped=0 partial=0
	for s in 0.02 0.05 0.1 0.15 0.2 0.3; do ended "$signal" "$status" $s; done
	check "SIG$signal: some builds were stopped" test "$stopped" -gt 0
	check "SIG$signal: its status, no part of an output, no spool" test "$partial" -eq 0
done
try 0 build -q --runtime runtime -o out/f.eif
rm root/larger

# Two at once in one folder: one waits for the other, or both work; the bytes are right.
rm -f out/f.eif enclave.lock measurements.json
"$SELFSAME" build -q --runtime runtime -o out/f.eif >one.out 2>one.err &
one=$!
"$SELFSAME" build -q --runtime runtime -o out/f.eif >two.out 2>two.err &
two=$!
wait "$one"
check 'two at once: the first' test $? -eq 0
wait "$two"
check 'two at once: the second' test $? -eq 0
check 'two at once: the bytes of one alone' cmp out/f.eif good.eif
check 'two at once: nothing is left' test "$(ls -A out spool | tr '\n' ' ')" = 'out: f.eif  spool: '

# Clocks that are wrong. (A sanitized program wants to be the first that is preloaded.)
export ASAN_OPTIONS="verify_asan_link_order=0:${ASAN_OPTIONS:-}"
for when in '1970-01-02 00:00:00' '2038-01-20 00:00:00' '2100-06-01 12:00:00'; do
	rm -f out/f.eif
	check "a clock of $when" faketime -f "$when" "$SELFSAME" build -q --runtime runtime -o out/f.eif
	check "a clock of $when: the same bytes" cmp out/f.eif good.eif
done

# No engine, and none that works.
mkdir empty project
printf 'FROM scratch\nCOPY x /\n' >project/Dockerfile
echo x >project/x
PATH=$PWD/empty "$SELFSAME" build -q --runtime runtime -o out/p.eif project >"$OUT" 2>"$ERR"
check 'no engine: exit status 4' test $? -eq 4
err 'selfsame: error: no engine for the Dockerfile: neither buildah nor BuildKit is here
selfsame: hint: on Debian: apt-get install buildah runc'
printf '#!/bin/sh\n[ "$1" != --version ] || { echo "buildah version 1.28.2"; exit 0; }\necho "it broke" >&2\nexit 1\n' >empty/buildah
chmod 755 empty/buildah
PATH=$PWD/empty:$PATH "$SELFSAME" build -q --engine buildah --runtime runtime -o out/p.eif project >"$OUT" 2>"$ERR"
check 'an engine that fails: exit status 4' test $? -eq 4
err "selfsame: error: 'project/Dockerfile': buildah: it broke"
check 'no output of these' test ! -e out/p.eif
