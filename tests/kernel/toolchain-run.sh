#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: toolchain-run.sh SOURCE-ROOT
# What `tools/toolchain run` promises, on the real pinned root (fetched and unpacked if the cache lacks it). TAP.
# shellcheck disable=SC2016 # the inner shells expand what is in single quotes
set -eu
src=$(cd "$1" && pwd)
toolchain=$src/tools/toolchain
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
n=0
ok() { # NAME CMD...: the sentence holds when CMD succeeds
	name=$1
	shift
	n=$((n + 1))
	if "$@" >"$top/out" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$top/out"
	fi
}
says() { # TEXT CMD...: CMD prints exactly TEXT
	want=$1
	shift
	got=$("$@")
	[ "$got" = "$want" ] || {
		printf 'wanted: %s\ngot:    %s\n' "$want" "$got"
		return 1
	}
}
ends() { # STATUS CMD...
	want=$1
	shift
	got=0
	"$@" || got=$?
	[ "$got" -eq "$want" ]
}
run() { "$toolchain" run "$@"; }

root=$("$toolchain" root)
(cd "$root" && find . -printf '%p %s %T@ %m\n' | LC_ALL=C sort) >"$top/before"

ok 'the environment is fixed and nothing else' says 'HOME=/
LC_ALL=C
PATH=/usr/bin:/usr/sbin
PWD=/
SHELL=/bin/sh
SOURCE_DATE_EPOCH=0
TZ=UTC' env LEAK=1 LC_ALL=de_DE.UTF-8 TZ=Asia/Tokyo "$toolchain" run -- sh -c 'env | sort'
ok '--env adds to it, whatever the value' says 'a  "b" $c' run --env 'X=a  "b" $c' -- sh -c 'printf "%s\n" "$X"'
ok 'arguments arrive as they are' says 'a b|*|$x|' run -- sh -c 'printf "%s|" "$@"' sh 'a b' '*' '$x'
ok 'the umask is 022, whatever the caller has' says 0022 sh -c 'umask 077; exec "$1" run -- sh -c umask' sh "$toolchain"
ok 'the host name is selfsame' says selfsame run -- cat /proc/sys/kernel/hostname
ok 'the process sees no process of the host' says 1 run -- sh -c 'echo $$'
ok 'there is no network device but a loopback that is down' \
	says 'lo' run -- sh -c 'sed -n "s/^ *\([a-z0-9]*\):.*/\1/p" /proc/net/dev'
ok 'the status of the command is handed on' ends 7 "$toolchain" run -- sh -c 'exit 7'
ok 'standard input is handed on' says in sh -c 'echo in | "$1" run -- cat' sh "$toolchain"
ok 'the root is read-only' ends 1 "$toolchain" run -- touch /usr/bin/x /etc/x /x
ok '/tmp can be written' says yes run -- sh -c 'echo yes >/tmp/x && cat /tmp/x'
ok 'and is empty the next time' says '' run -- ls -A /tmp
mkdir "$top/in" "$top/with space"
echo data >"$top/in/file"
ok 'a read-only bind can be read' says data run --bind "$top/in:/deep/er/in:ro" -- cat /deep/er/in/file
ok 'and not written' ends 1 "$toolchain" run --bind "$top/in:/in:ro" -- touch /in/file
ok 'a file can be bound alone' says data run --bind "$top/in/file:/one:ro" -- cat /one
ok 'a writable bind keeps what is written' run --bind "$top/with space:/out" -- sh -c 'echo kept >/out/x'
ok 'where the caller asked for it' says kept cat "$top/with space/x"
ok '--chdir starts there' says /in run --bind "$top/in:/in:ro" --chdir /in -- pwd
ok 'a bind without a source is status 4' ends 4 "$toolchain" run --bind /nowhere/at/all:/in -- true
ok 'a bind that climbs is status 2' ends 2 "$toolchain" run --bind "$top:/../x" -- true
ok 'a wrong option is status 2' ends 2 "$toolchain" run --wrong -- true
ok 'the compilers are the pinned ones' says '14 14 14' run -- sh -c \
	'echo $(gcc -dumpversion) $(x86_64-linux-musl-gcc -dumpversion) $(aarch64-linux-musl-gcc -dumpversion)'
cat >"$top/in/p.c" <<-'EOF'
	#include <linux/nsm.h>
	#include <linux/vm_sockets.h>
	#include <stdio.h>
	int main(void) { return printf("%d\n", (int)sizeof(struct nsm_raw) + AF_VSOCK) < 0; }
EOF
for arch in x86_64 aarch64; do
	ok "musl and the kernel's headers make a static program for $arch" run --bind "$top/in:/in:ro" --bind "$top/with space:/out" -- \
		$arch-linux-musl-gcc -Wall -Werror -static -Os -o /out/p.$arch /in/p.c
done
ok 'which runs' says 72 "$top/with space/p.x86_64"
mkdir "$top/plain" "$top/plain/usr" "$top/plain/dev" "$top/plain/proc" "$top/plain/src" "$top/plain/cache"
for d in bin sbin lib lib64; do ln -s "usr/$d" "$top/plain/$d"; done
in_plain_chroot() {
	flags=--mount
	[ "$(id -u)" -eq 0 ] || flags="--user --map-root-user $flags"
	unshare $flags sh -euc 'mount --make-rprivate /
		for d in /usr /dev /proc; do mount --rbind $d "$1$d"; done
		mount --rbind "$2" "$1/src"
		mount --rbind "$3" "$1/cache"
		XDG_CACHE_HOME=/cache exec chroot "$1" /src/tools/toolchain run -- true' sh "$top/plain" "$src" "${root%/selfsame/*}" 2>"$top/said"
}
ok 'in a chroot that is no mount point it is status 4' ends 4 in_plain_chroot
ok 'and says what to do' grep -qx "toolchain: error: '/' is no mount point here (a plain chroot?): 'mount --bind DIR DIR' before entering DIR makes it one" "$top/said"
ok 'the cached root has not changed by all this' sh -c \
	'(cd "$1" && find . -printf "%p %s %T@ %m\n" | LC_ALL=C sort) | cmp - "$2"' sh "$root" "$top/before"
echo "1..$n"
