#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: installed.sh SOURCE-ROOT BUILD-DIR
# `selfsame kernel build`, from the source tree and as it is installed below a prefix: it finds its recipe, tools and
# sources, gives the same bytes, or says what is missing (TAP). The kernel is the small one of tests/kernel/small-kernel.
set -eu
src=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
top=$(mktemp -d /var/tmp/selfsame-installed.XXXXXX)
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
n=0
ok() { # NAME CMD...: the sentence holds when CMD succeeds
	name=$1
	shift
	n=$((n + 1))
	if "$@" >"$top/out" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$top/out" "$top/said"
	fi
}
ends() { # STATUS CMD...: standard output and error stay in $top/printed and $top/said
	want=$1 got=0
	shift
	"$@" >"$top/printed" 2>"$top/said" </dev/null || got=$?
	[ "$got" -eq "$want" ]
}
: >"$top/said"
root=$("$src/tools/toolchain" root)
for c in one two; do
	mkdir -p "$top/$c/selfsame"
	ln -s "$root" "$top/$c/selfsame/"
done
"$src/tests/kernel/small-kernel" "$top" kernel ''
sum=$(sha256sum <"$top/kernel.tar.xz" | cut -d' ' -f1)
mkdir "$top/work"
cd "$top/work"
kernel_build() { # CACHE PROGRAM ARG...
	c=$1 program=$2
	shift 2
	XDG_CACHE_HOME=$top/$c "$program" kernel build --profile local --source "$top/kernel.tar.xz" --sha256 "$sum" "$@"
}

ok 'from the source tree a kernel is built' ends 0 kernel_build one "$build/selfsame"
image=$(sha256sum <kernel-out/bzImage | cut -d' ' -f1)
ok 'the result goes to standard output' [ "$(cat "$top/printed")" = "kernel-out/bzImage
sha256 $image" ]
ok 'what is done, to standard error' grep -q 'kernel: local x86_64: building with' "$top/said"
ok 'and which options that source has not' grep -q 'not as asked.*: CONFIG_NSM CONFIG_TUN' "$top/said"
ok 'stage0, init, dataplane, keyplane and the configuration lie beside the kernel' sh -c 'ls kernel-out | tr "\n" " " | grep -qx "bzImage config dataplane init keyplane stage0 "'
ok 'stage0 is in the kernel' sh -c 'tail -c "$(wc -c <kernel-out/stage0)" kernel-out/bzImage | cmp - kernel-out/stage0'
ok 'with --json and --quiet it is one document and nothing else' ends 0 kernel_build one "$build/selfsame" --json --quiet -j 1
ok 'that says the same' python3 -c 'import json, sys
assert json.load(open(sys.argv[1])) == {"Profile": "local", "Arch": "x86_64", "Kernel": "kernel-out/bzImage",
    "Sha256": sys.argv[2]}
assert open(sys.argv[3]).read() == ""' "$top/printed" "$image" "$top/said"
ok 'another sha256 is refused as malformed input' ends 3 kernel_build one "$build/selfsame" --sha256 "$image"
ok 'by name' grep -q "kernel.tar.xz' has not the sha256 given" "$top/said"

# --- below a prefix that does not have the source tree above it
DESTDIR=$top/dest meson install -C "$build" --no-rebuild --quiet >"$top/out" 2>&1
installed=$(find "$top/dest" -path '*/bin/selfsame')
share=${installed%/bin/selfsame}/share/selfsame
ok 'the recipe is installed' [ -x "$share/kernel/build" ]
ok 'an installed selfsame builds a kernel' ends 0 kernel_build two "$installed" --output "$top/b"
ok 'the same bytes as from the source tree' cmp "$top/b/bzImage" kernel-out/bzImage
ok 'and init and stage0 as well' sh -c 'cmp "$1/init" kernel-out/init && cmp "$1/stage0" kernel-out/stage0' sh "$top/b"
for arch in x86_64 aarch64; do
	ok "for $arch it has the keys of the source tree" [ "$("$share/tools/runtime-build" --print-key $arch) $("$share/kernel/build" --print-key \
		--profile nitro --arch $arch --stage0 kernel-out/stage0)" = "$("$src/tools/runtime-build" --print-key $arch) $("$src/kernel/build" \
			--print-key --profile nitro --arch $arch --stage0 kernel-out/stage0)" ]
done

# --- which kernels it knows
mkdir -p runtime/x86_64 root/bin
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
echo app >root/bin/app
printf 'name = "b"\nimage = "rootfs:root"\n[app]\ncommand = ["/bin/app"]\n' >enclave.toml
ok 'a kernel that kernel/images.lock does not name is unknown' sh -c '"$1" build --quiet --runtime runtime |
	grep -qx "kernel  unknown: nothing can be concluded from its PCR1"' sh "$installed"
echo "x86_64 kernel-nitro 00 $(sha256sum <runtime/x86_64/kernel-nitro | cut -d' ' -f1) 7" >>"$share/kernel/images.lock"
ok 'one that it names is known' sh -c '"$1" build --quiet --runtime runtime | grep -qx "kernel  known"' sh "$installed"
ok 'and so in the lock' grep -qx 'standing = "known"' enclave.lock
cp runtime/x86_64/kernel-nitro runtime/x86_64/kernel-local
ok 'of a local one it says what it is for' sh -c '"$1" build --quiet --runtime runtime --kernel local |
	grep -qx "kernel  known, profile local: for tests under QEMU, not for Nitro"' sh "$installed"
rm "$share/kernel/images.lock"
ok 'without the list every kernel is unknown' sh -c '"$1" build --quiet --runtime runtime --json | grep -q "\"Kernel\": \"unknown\""' sh "$installed"

# --- what is missing is said
says() { # TEXT...: standard error is these lines
	printf '%s\n' "$@" | cmp - "$top/said"
}
mv "$share/kernel/build" "$top/put-away"
ok 'without the recipe it is status 4' ends 4 kernel_build two "$installed" --quiet
ok 'which is named, with the remedy' says \
	"selfsame: error: 'kernel/build' is neither in '${installed%/*}' nor in lib/selfsame or share/selfsame beside it" \
	"selfsame: hint: the kernel's recipe is not installed: 'make install' installs all"
mv "$top/put-away" "$share/kernel/build"
mkdir "$top/alone" "$top/alone/bin"
cp "$installed" "$top/alone/bin/"
ok 'a program that was copied alone says the same' ends 4 kernel_build two "$top/alone/bin/selfsame" --quiet
ok 'of the first thing that it lacks' says \
	"selfsame: error: 'tools/runtime-build' is neither in '$top/alone/bin' nor in lib/selfsame or share/selfsame beside it" \
	"selfsame: hint: the kernel's recipe is not installed: 'make install' installs all"
rm -r "$share/src/nsm"
ok 'a source folder that is missing is status 4' ends 4 kernel_build two "$installed" --quiet
ok 'and is named' grep -q "no folder 'src/nsm'" "$top/said"
echo "1..$n"
