# What a RUN step sees when a view says so (src/hermetic/view.h), through a real buildah and a real
# runtime: that it is the same each time, that it is what was chosen, that everything else is as it
# is without us, and that nothing is left, however a step ends.

build=${SELFSAME%/*}
base=$SELFSAME_DEMO_BASE
mkdir ctx store rr
key='-----BEGIN RSA PRIVATE KEY-----'
echo "$key" >token # the builder's own, and only shown
cp "$build/tests/e2e/step-calls" ctx/calls
cp "$build/tests/e2e/step-files" ctx/files
cp "$build/tests/e2e/step-clock" ctx/clock

engine() { buildah --root "$PWD/store" --runroot "$PWD/rr" "$@"; }
engine pull -q --tls-verify=false "docker://$base" >log 2>&1 || cat log
view() { { echo 'selfsame-view 1' && cat; } >view; }
fixed() {
	view <<-'END'
		aslr 0
		clock-frozen 1700000000
		domain (none)
		kernel-release 6.1.0
		kernel-version #1 SMP selfsame
		pid-base 64
		proc 1
		seed 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
		stat 1
		tsc 0
	END
}
# Runs ctx/step in a step, below the Dockerfile lines that are given; what it says goes to $OUT.
step() { # STATUS [LINE...]
	want=$1
	shift
	{
		printf 'FROM %s\n' "$base"
		printf '%s\n' "$@"
		echo 'RUN --mount=type=bind,source=/,target=/ctx --mount=type=secret,id=token echo BEGIN; . /ctx/step 2>&1'
	} >Dockerfile
	SELFSAME_STEP_EPOCH=1700000000 SELFSAME_STEP_VIEW=$PWD/view \
		timeout 300 buildah --root "$PWD/store" --runroot "$PWD/rr" bud --pull-never --isolation oci \
		--runtime "$build/selfsame-runtime" --no-cache --layers=false --format docker --secret "id=token,src=$PWD/token" \
		--cap-add CAP_AUDIT_WRITE,CAP_MKNOD,CAP_NET_RAW --file Dockerfile --tag "oci:$PWD/made:image" ctx >log 2>&1
	got=$?
	sed -n '/^BEGIN$/,/^COMMIT /{/^BEGIN$/d;/^COMMIT /d;p}' log >"$OUT"
	[ "$want" = "$got" ] || cat log
	check "a step ends with $want" test "$want" = "$got"
	: "${last:=(a step)}"
}

# --- the same each time -----------------------------------------------------------------------------

cat >ctx/step <<'END'
date
uname -a
cat /proc/version /proc/uptime /proc/loadavg /proc/cmdline /proc/sys/kernel/osrelease /proc/sys/kernel/domainname
cat /proc/meminfo /proc/sys/kernel/random/boot_id
cat /proc/sys/kernel/random/uuid
cat /proc/sys/kernel/random/uuid
head -c 8 /dev/urandom | od -An -tx1
head -c 8 /dev/random | od -An -tx1
mktemp -u
perl -e 'print rand, " ", time, " ", join(",", keys %{{map { $_ => 1 } 1..9}}), "\n"'
echo $$
touch /new && stat -c '%y %Y %d' /new /etc/passwd
tar c /new | sha256sum
touch -d '2001-02-03 04:05:06' /old && cat /old && stat -c '%n %X %Y' /old && find /old -printf 'found %A@\n'
for q in addresses counter threads refused skew; do /ctx/calls $q; done
grep Cap /proc/self/status
test ! -e /dev/.selfsame && ! grep selfsame-step /proc/mounts && echo nothing of ours to see
END
fixed
step 0
cp "$OUT" first
step 0
check 'a second time all is the same' diff -u first "$OUT"
out_has 'Tue Nov 14 22:13:20 UTC 2023'
out_has 'Linux selfsame 6.1.0 #1 SMP selfsame'
out_has '2023-11-14 22:13:20.000000000 +0000 1700000000 1'
out_has '/old 981173106 981173106'
out_has 'found 981173106.0000000000'
out_has 'vdso 0'
out_has 'io_uring there is none'
out_has 'ptrace not permitted'
out_has 'untraced not known'
out_has 'nothing of ours to see'
out_has 'a file is not later than now'
check 'two uuids are two' sh -c 'test "$(grep -cE "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]" "$1")" -ge 2 && test -z "$(sort "$1" | grep -E "^[0-9a-f]{8}-.{4}-4" | uniq -d)"' - first
sed -i s/^seed.0/seed\ 1/ view
step 0
check 'another seed, other numbers' sh -c '! cmp -s "$1" "$2"' - first "$OUT"
check 'but the same time' grep -q 'Tue Nov 14 22:13:20 UTC 2023' "$OUT"

# --- told numbers -----------------------------------------------------------------------------------

cat >ctx/step <<'END'
nproc; nproc --all; getconf _NPROCESSORS_ONLN; taskset -c 0 nproc; taskset -c 0-6 nproc
cat /sys/devices/system/cpu/online; grep -c ^processor /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat
/ctx/clock
END
fixed
sed -i 's/^pid-base/monotonic 1\npid-base/; s/^seed/processors 7\nseed/' view
step 0
exactly out <<'END'
7
7
7
1
7
0-6
7
7
a full second: yes
stands: yes
in a thread, too: yes
a sleep moves it: yes
to a deadline: yes
and both take their time: yes
never back, and runs: yes
a child is not earlier: yes
it is the true one: yes
END
echo 'mktemp; mktemp; mktemp -d; mktemp -p /; mktemp -u; ls -d /tmp/*' >ctx/step
step 0
cp "$OUT" first
step 0
check 'temporary files have the same names again' diff -u first "$OUT"
check 'each another one' sh -c 'test "$(head -n 5 "$1" | sort -u | wc -l)" = 5' - "$OUT"

# A file has one number, whoever asks, how ever: by stat, of a list, as root or as somebody else.
cat >ctx/inodes <<'END'
mkdir /n && cd /n && echo a >a && echo b >b && ln a c && ln -s a s && mkdir d && echo x >d/x
for f in a b c s d d/x . .. /etc/passwd; do
	[ "$(stat -c %i "$f")" = "$(ls -di "$f" | cut -d' ' -f1)" ] || echo "two numbers: $f"
done
for f in a b c s d . ..; do
	[ "$(ls -ai | awk -v f="$f" '$2 == f { print $1 }')" = "$(stat -c %i "$f")" ] || echo "listed otherwise: $f"
done
[ a -ef c ] && [ ! a -ef b ] && [ s -ef a ] && echo links are known
stat -c '%n %i' a b c s d d/x / /etc /etc/passwd; stat -L -c '%n %i' s; stat -c %i - <a
perl -e 'open F,"<","b"; $i = (stat F)[1]; unlink "b"; open G, ">", "b"; print((stat F)[1] != (stat G)[1] && (stat G)[1] == $i ? "replaced\n" : "the same\n")'
mv d e && stat -c '%n %i' e e/x
tar cf - /n 2>/dev/null | tar tvf - | grep -c link.to; cp -a /n /m && [ /m/a -ef /m/c ] && rm -r /m && echo copied
END
cat >ctx/step <<'END'
sh /ctx/inodes; rm -r /n
for i in 1 2 3 4 5 6 7; do echo >/junk$i; done; sh /ctx/inodes; rm -r /n /junk*
chroot / sh /ctx/inodes
END
fixed
step 0
check 'nothing is wrong with inode numbers' sh -c '! grep -E "two|otherwise|the same" "$1"' - "$OUT"
lines=$(($(wc -l <"$OUT") / 3))
head -n "$lines" "$OUT" >inodes
check 'a file that was removed before changes none' sh -c 'sed -n "$1,$2p" "$3" | diff -u inodes -' - $((lines + 1)) $((2 * lines)) "$OUT"
check 'nor does another root' sh -c 'tail -n "$1" "$2" | diff -u inodes -' - "$lines" "$OUT"
echo 'cd /n; stat -c "%n %i" a b c s' >ctx/step
step 0 'RUN --mount=type=bind,source=/,target=/ctx sh /ctx/inodes && chmod 777 /n' 'USER 4321'
check 'a user sees the same' sh -c 'sed -n "s/^\([abcs]\) /\1 /p" inodes | head -n 4 | diff -u - "$1"' - "$OUT"

# --- programs that wait -----------------------------------------------------------------------------

cat >ctx/step <<'END'
/ctx/calls deadlines
/ctx/calls timers
/ctx/calls interrupted
from=$(date +%s); sleep 2; echo slept $(($(date +%s) - from))
from=$(date +%s); while [ $(date +%s) -lt $((from + 1)) ]; do sleep 0.1; done; echo waited
perl -e '$t = time + 1; select undef, undef, undef, 0.1 while time < $t; print "selected\n"'
perl -e '$t = time + 1; 1 while time < $t; print "spun\n"'
timeout 1 sleep 100; echo timeout $?
(sleep 100 &)
END
fixed
step 0
exactly out <<'END'
semaphore as it should, and waited
its deadline is as it was
condition as it should, and waited
mutex as it should, and waited
clock_nanosleep as it should, and waited
timerfd as it should, and waited
mq as it should, and waited
timer as it should, and waited
sleep 0
the clock moved by 1
slept 2
waited
selected
spun
timeout 124
END
head -n 8 "$OUT" >waits
view <<-'END'
	clock-offset 100000000
END
cat >ctx/step <<'END'
/ctx/calls deadlines
/ctx/calls timers
date +%s
END
step 0
head -n 8 "$OUT" >waits2
check 'the same with a clock that is moved and runs' diff -u waits waits2
check 'and it is years from here' sh -c 'd=$(($(tail -n 1 "$1") - $(date +%s))); test $d -gt 99990000 && test $d -lt 100000001' - "$OUT"

# --- the stat family, answered ----------------------------------------------------------------------

# The same of each file, asked for in each way, by whom and where ever, as without any answer.
printf '/ctx/files\n/ctx/calls listener\n' >ctx/step
fixed
sed -i '/^stat /d' view
step 0
cp "$OUT" light
fixed
step 0
check 'files are as they are' diff -u light "$OUT"
out_has '-- in another root'
check 'no signal is seen in a call' test "$(grep -cx 'signals: many, 0 wrong' "$OUT")" = 2
check 'threads that end in a call' test "$(grep -A 1 ^threads "$OUT" | tr '\n' ' ')" = 'threads: 0 wrong alone '
out_has 'filter as ever'
[ "$(uname -m)" != x86_64 ] || out_has 'listener not another one'

# --- everything else is as it is --------------------------------------------------------------------

cat >ctx/step <<'END'
id; umask; pwd; ulimit -a
tr '\0' '\n' </proc/self/environ
grep -E 'Cap|NoNewPrivs|Groups|Uid|Gid|Sig[BIC]' /proc/self/status
/s euid
sh -c 'exit 7'; echo $?
sh -c 'kill -9 $$'; echo $?
echo x | cat; ls /proc/self/fd | wc -l
test -t 0 || echo no terminal
command -v perl
END
who='RUN --mount=type=bind,source=/,target=/ctx useradd -u 1234 -G audio u && cp /ctx/calls /s && chmod 4755 /s'
for user in u 4321:100; do
	view </dev/null
	step 0 "$who" "USER $user" 'WORKDIR /srv'
	grep -v '^Seccomp' "$OUT" >without
	fixed
	step 0 "$who" "USER $user" 'WORKDIR /srv'
	check "user $user is who they were" diff -u without "$OUT"
done
check 'a setuid program got its rights' grep -qx 'euid 0, ruid 4321' "$OUT"
# Three programs of a user that has no capability: the same addresses.
echo 'for i in 1 2 3; do /ctx/calls addresses; done | sed "s/canary [0-9a-f]*//" | sort -u | wc -l' >ctx/step
fixed
step 0 "$who" 'USER 4321'
out 1
cat >ctx/step <<'END'
exit 9
END
step 9
: >ctx/step
step 127 'RUN ["no-such-program"]'
check 'a program that is not there is named' grep -q "selfsame-step: error: 'no-such-program' is not in PATH" log

# --- what can be chosen -----------------------------------------------------------------------------

cat >ctx/step <<'END'
nproc; cat /sys/devices/system/cpu/online; grep -c ^processor /proc/cpuinfo
free=$(grep MemTotal /proc/meminfo | tr -dc 0-9); echo $free
uname -rv; cat /proc/sys/kernel/osrelease
test $$ -gt 5000 && echo a high number
hostname; date +%Z; umask; echo ${#PATH}; cat /proc/sys/kernel/domainname; echo $LANG $A; cat /etc/hosts
END
view <<-'END'
	cpus 1
	domain d.example
	env A=b
	host elsewhere
	kernel-release 5.10.0
	kernel-version #2 other
	locale de_DE.UTF-8
	memory-mib 512
	path-bytes 500
	pid-base 5000
	tz EST5
	umask 002
END
step 0
exactly out <<'END'
1
0
1
524288
5.10.0 #2 other
5.10.0
a high number
elsewhere
EST
0002
510
d.example
de_DE.UTF-8 b
127.0.0.1	localhost elsewhere
::1	localhost ip6-localhost ip6-loopback
END
# Folders in another order, the same each time, with all their names; what is removed on the way is gone.
cat >ctx/step <<'END'
mkdir /d && cd /d && for i in 1 2 3 4 5 6 7 8 9; do for j in 1 2 3 4 5 6 7 8 9; do echo >"$i$j"; done; done
ls -U /d | tr '\n' ' '; echo
ls /d | wc -l
find / -xdev | sort | sha256sum
rm -r /d && test ! -e /d && echo removed
END
for n in 1 2 1; do
	view <<-END
		order $n
	END
	[ ! -e "order$n" ] || mv "order$n" again
	step 0
	cp "$OUT" "order$n"
done
check 'an order is the same each time' diff -u order1 again
check 'another number is another order' sh -c 'test "$(head -n 1 order1)" != "$(head -n 1 order2)"'
check 'of the same names' sh -c 'sed 1d order1 >one && sed 1d order2 | diff -u one -'
check 'all of them, and none is left' sh -c 'test "$(head -n 1 order1 | wc -w)" = 81 && grep -qx 81 one && grep -qx removed one'

# Connections begin late, each by another part, not counting those that are not over IP.
cat >ctx/step <<'END'
/ctx/calls late
END
view <<-'END'
	connect-ms 800
END
step 0
out 'connections are refused as they should, and late'
view <<-'END'
	cpus 1000
END
step 125
check 'what cannot be had is named' grep -q 'selfsame-step: error: there are only [0-9]* processors here (cpus)' log
printf 'selfsame-view 1\ncpus 0\n' >view
step 1
check 'a view that is none is named' grep -q 'selfsame-runtime: error: SELFSAME_STEP_VIEW: cpus: 0 is not in 1 .. 1024' log

# --- secrets that are none --------------------------------------------------------------------------

cat >ctx/step <<END
mkdir -p /etc/ssh /old && echo '$key' >/etc/ssh/ssh_host_rsa_key
END
keys() {
	fixed
	sed -i 's/^pid-base/keys 1\n&/' view
	{ echo 'selfsame-view 1' && printf '%s\n' "$@" && tail -n +2 view; } | grep . >view2
	mv view2 view
}
keys ''
step 125
check 'a host key is named' grep -qx "selfsame-step: error: '/etc/ssh/ssh_host_rsa_key' is a host key that this step made, and its random numbers are no secret" log
keys 'allow-key /etc/ssh/'
step 0
cat >ctx/step <<END
echo '$key' >/dev/shm/k
echo 'root:\$y\$j9T\$x\$y' | chpasswd -e
END
keys ''
step 125
check 'a password is named' grep -q "'/etc/shadow' is a file with a password hash that this step made" log
cat >ctx/step <<END
echo '$key' >old && touch -d '2020-01-01' old && ln -s /run/secrets/x /link && mkdir -p a/b && mkfifo a/b/p
cat /run/secrets/token
END
step 0
out "$key"

# --- however it ends --------------------------------------------------------------------------------

cat >ctx/step <<'END'
sleep 98765 & sleep 98765
END
fixed
{ step 1; } >ended &
waiting=$!
# The supervisor is the parent of a shell that has begun to sleep.
victim() {
	for p in /proc/[0-9]*; do
		[ "$(tr '\0' ' ' <"$p/cmdline" 2>/dev/null)" = 'sleep 98765 ' ] || continue
		parent=$(awk '/^PPid/ { print $2 }' "$p/status") && parent=$(awk '/^PPid/ { print $2 }' "/proc/$parent/status") &&
			[ "$(cat "/proc/$parent/comm")" = step ] && echo "$parent" && return
	done
}
tries=0
while [ -z "$(victim)" ] && [ $tries -lt 600 ]; do
	sleep 0.1
	tries=$((tries + 1))
done 2>/dev/null
kill -9 "$(victim)"
wait $waiting
check 'a killed supervisor: no process is left' sh -c '! grep -ls 9876[5] /proc/[0-9]*/cmdline'
check 'a killed supervisor: no mount is left' sh -c '! grep -F /store/ /proc/self/mountinfo'
