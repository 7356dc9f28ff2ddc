#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: setup-qemu.sh SOURCE-ROOT
# What tools/setup-qemu takes as it finds it, and what it refuses (TAP). That it builds a QEMU, or
# unpacks one, `make check` shows each time that there is none. No network: the mirror is a folder.
set -eu
top=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME
n=0

# The script beside a lock of our own; install-deps has nothing to do here.
mkdir -p "$work/tools" "$work/bin" "$work/mirror/pool/main/q/qemu"
cp "$top/tools/setup-qemu" "$top/tools/qemu.lock" "$top/tools/qemu-nsm.list" "$work/tools/"
printf '#!/bin/sh\nexit 0\n' >"$work/tools/install-deps"
printf '#!/bin/sh\necho "Other http://127.0.0.1:9/"\necho "Debian file:%s/"\n' "$work/mirror" >"$work/bin/apt-get"
chmod +x "$work/tools/install-deps" "$work/bin/apt-get"

qemu() { # WITH-MACHINE FILE [WITH-DEVICE]: something that answers as QEMU would
	# shellcheck disable=SC2016 # its own
	printf '#!/bin/sh\ncase "$1 $2" in "-M help") echo "microvm x"; %s ;; "-L help") echo "%s" ;; "-device vhost-user-test-device,help") %s ;; esac\n' \
		"$1" "$work/firmware" "${3-:}" >"$2"
	chmod +x "$2"
}
run() { # the exit status in rc
	rc=0
	PATH=$work/bin:/usr/bin:/bin "$work/tools/setup-qemu" "$@" >"$work/out" 2>"$work/err" </dev/null || rc=$?
}
ok() { # NAME CMD...: the sentence holds when CMD succeeds
	name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $name"
	else
		sed 's/^/# /' "$work/out" "$work/err"
		echo "not ok $n - $name (status $rc)"
	fi
}
found() { # QEMU FIRMWARE
	[ "$rc" = 0 ] && printf 'qemu=%s\nfirmware=%s\n' "$1" "$2" | cmp -s - "$work/out"
}
refused() { # STATUS TEXT: says so, prints nothing, leaves nothing
	[ "$rc" = "$1" ] && grep -qF "$2" "$work/err" && [ ! -s "$work/out" ] &&
		[ -z "$(find "$work/cache" -name 'building-*' 2>/dev/null)" ]
}

echo 'TAP version 13'
echo 1..13
mkdir "$work/firmware"
: >"$work/firmware/qboot.rom"
qemu 'echo "nitro-enclave y"' "$work/bin/qemu-system-x86_64"
run
ok 'one on PATH that has the machine is used' found "$work/bin/qemu-system-x86_64" "$work/firmware"

qemu : "$work/bin/qemu-system-x86_64"
run
ok 'one on PATH without it is not, and a pin that is gone says so' \
	refused 4 'error: pin gone: pool/main/q/qemu/qemu_'

first=$(sed -n 's/^\(pool[^ ]*\) .*/\1/p' "$top/tools/qemu.lock" | head -n 1)
echo 'something else' >"$work/mirror/$first"
run
ok 'a file that is not the pinned one is refused' refused 4 "$first"

sed -i '/meson_/d' "$work/tools/qemu.lock"
while read -r path sum; do
	case $path in pool/*)
		echo "$path" >"$work/mirror/$path"
		sum=$(sha256sum <"$work/mirror/$path")
		printf '%s %s\n' "$path" "${sum%% *}"
		;;
	esac
done <"$top/tools/qemu.lock" >"$work/lock" 2>/dev/null || :
grep -v meson "$work/lock" >"$work/tools/qemu.lock"
run
ok 'a lock that lacks a line says which' refused 4 'error: no line for meson_'

cp "$top/tools/qemu.lock" "$work/tools/qemu.lock"
# shellcheck source=/dev/null
key=$({ cat "$work/tools/qemu.lock"; . /etc/os-release; echo "$ID ${VERSION_ID-}"; } | sha256sum | cut -c1-16)
dir=$work/cache/selfsame/qemu-$key
mkdir -p "$dir"
: >"$dir/qboot.rom"
qemu 'echo "nitro-enclave y"' "$dir/qemu-system-x86_64"
run
ok 'a second call finds what the first one made' found "$dir/qemu-system-x86_64" "$dir"

echo '# a word' >>"$work/tools/qemu.lock"
rm -rf "$work/mirror"
run
ok 'another lock is another QEMU' refused 4 'pin gone'

run --help
ok 'a wrong call is 2' refused 2 'usage: setup-qemu'

# --- nsm: unpacked from a newer release; mmdebstrap is a script that does what $work/debian says ---
device='echo "  virtio-id=<uint16>"'
printf '#!/bin/sh\n. "%s/debian"\n' "$work" >"$work/bin/mmdebstrap"
chmod +x "$work/bin/mmdebstrap"
cat >"$work/unpack" <<'END'
lib=from/usr/lib/x86_64-linux-gnu
mkdir -p from/usr/bin from/usr/lib64 from/usr/share/qemu $lib
echo library >$lib/libx.so.1
echo rom >from/usr/share/qemu/qboot.rom
echo rom >from/usr/share/qemu/linuxboot_dma.bin
cat >from/usr/lib64/ld-linux-x86-64.so.2 <<'LOADER'
#!/bin/sh
libs=$2
shift 2
case $1 in
--list) printf '\tlinux-vdso.so.1 (0x1)\n\tlibx.so.1 => %s/libx.so.1 (0x2)\n' "$libs" ;;
*) program=$1; shift; exec "$program" "$@" ;;
esac
LOADER
chmod +x from/usr/lib64/ld-linux-x86-64.so.2
END

qemu 'echo "nitro-enclave y"' "$work/bin/qemu-system-x86_64" "$device"
run nsm
ok 'nsm: one on PATH that takes the device is used' found "$work/bin/qemu-system-x86_64" "$work/firmware"

qemu 'echo "nitro-enclave y"' "$work/bin/qemu-system-x86_64" 'echo "no such device" >&2'
echo 'echo "E: cannot be reached" >&2; exit 1' >"$work/debian"
run nsm
ok 'nsm: packages that cannot be had are a failure, which is shown' refused 4 'E: cannot be reached'

qemu : "$work/new" :
{ cat "$work/unpack"; echo "cp '$work/new' from/usr/bin/qemu-system-x86_64"; } >"$work/debian"
run nsm
ok 'nsm: one that lacks the device all the same is refused' refused 4 'has no vhost-user-test-device'

qemu : "$work/new" "$device"
run nsm
# shellcheck source=/dev/null
key=$({ cat "$work/tools/qemu-nsm.list"; . /etc/os-release; echo "$ID ${VERSION_ID-}"; } | sha256sum | cut -c1-16)
dir=$work/cache/selfsame/qemu-nsm-$key
ok 'nsm: one that has it is kept' found "$dir/qemu-system-x86_64" "$dir"
ok 'nsm: with the libraries that it needs' grep -q '^library$' "$dir/lib/libx.so.1"
echo exit 1 >"$work/debian"
run nsm
ok 'nsm: a second call finds what the first one made' found "$dir/qemu-system-x86_64" "$dir"
