#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: toolchain.sh SOURCE-ROOT
# What tools/toolchain promises, on a root of two small packages made here (TAP). No network.
# shellcheck disable=SC2016 # the inner shells expand what is in single quotes
set -eu
toolchain=$(cd "$1" && pwd)/tools/toolchain
real_lock=$(cd "$1" && pwd)/tools/toolchain.lock
top=$(mktemp -d)
trap 'chmod -R u+w "$top"; rm -rf "$top"' EXIT
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
# expect STATUS TEXT CMD...: CMD ends with STATUS and says TEXT somewhere
expect() {
	want=$1 text=$2
	shift 2
	got=0
	"$@" >"$top/said" 2>&1 || got=$?
	cat "$top/said"
	[ "$got" -eq "$want" ] || {
		echo "status $got, not $want"
		return 1
	}
	grep -qF -- "$text" "$top/said"
}

# --- two packages; the first brings the folders that the root's links go to
deb() { # NAME VERSION: a package with the tree in $top/tree
	mkdir -p "$top/tree/DEBIAN" "$top/pool"
	printf 'Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: a <a@example.org>\nDescription: a\n' "$1" "$2" >"$top/tree/DEBIAN/control"
	printf '#!/bin/sh\ntouch %s/postinst-ran\n' "$top" >"$top/tree/DEBIAN/postinst"
	chmod 755 "$top/tree/DEBIAN/postinst"
	dpkg-deb --root-owner-group -Zxz -b "$top/tree" "$top/pool/$1_$2_amd64.deb" >/dev/null
	rm -rf "$top/tree"
}
pin() { # FILE: its line of the lock
	f=$top/pool/$1
	echo "$(echo "$1" | sed 's/\.deb$//' | tr _ ' ') $(wc -c <"$f") $(sha256sum <"$f" | cut -d' ' -f1) pool/main/$1"
}
mkdir -p "$top/tree/usr/bin" "$top/tree/tmp" "$top/tree/etc" "$top/tree/usr/include/x86_64-linux-musl" \
	"$top/tree/usr/include/aarch64-linux-musl"
ln -s usr/bin "$top/tree/bin"
deb base-files 1
mkdir -p "$top/tree/usr/share/doc" "$top/tree/usr/bin"
echo hello >"$top/tree/usr/bin/hello"
echo noise >"$top/tree/usr/share/doc/noise"
deb hello 2.0-1
printf 'source\n' >"$top/pool/linux-source-9_1_amd64.deb"
{
	echo '# a lock'
	pin base-files_1_amd64.deb
	pin hello_2.0-1_amd64.deb
	echo "+$(pin linux-source-9_1_amd64.deb)"
} >"$top/lock"

export SELFSAME_TOOLCHAIN_LOCK="$top/lock" XDG_CACHE_HOME="$top/cache" SELFSAME_MIRROR="$top/nothing"
unset SELFSAME_ARTIFACTS SELFSAME_SNAPSHOT || true

ok 'a package that nobody has is a pin gone, status 5, by name and version' \
	expect 5 'error: pin gone: base-files 1' "$toolchain" root
ok 'a failed root leaves nothing behind that could be taken for one' \
	sh -c '! ls -d "$1"/cache/selfsame/toolchain-* 2>/dev/null | grep -v lock' sh "$top"

mkdir "$top/artifacts"
cp "$top/pool"/base-files* "$top/artifacts"
export SELFSAME_ARTIFACTS="$top/artifacts"
ok 'the pin that is gone is named even when others are there' \
	expect 5 'error: pin gone: hello 2.0-1' "$toolchain" root
printf 'something else\n' >"$top/artifacts/hello_2.0-1_amd64.deb"
ok 'a file with another hash is refused' expect 5 'sha256 differs' "$toolchain" root
mkdir -p "$top/snap/pool/main"
cp "$top/pool"/hello* "$top/snap/pool/main"
export SELFSAME_SNAPSHOT="$top/snap/"
ok 'the snapshot is asked when mirror and artifacts fail' expect 0 "$top/cache/selfsame/toolchain-" "$toolchain" root
root=$("$toolchain" root 2>/dev/null)
ok 'packages are unpacked, manuals are not kept' sh -c '[ -f "$1/usr/bin/hello" ] && [ ! -e "$1/usr/share/doc" ]' sh "$root"
ok 'no maintainer script ran' [ ! -e "$top/postinst-ran" ]
ok 'the alternatives are there' [ "$(readlink "$root/usr/bin/awk")" = mawk ]
ok 'a package that is locked but not unpacked was not fetched' \
	[ ! -e "$top/cache/selfsame/packages/linux-source-9_1_amd64.deb" ]
ok 'the path ends with the hash of the lock' [ "${root##*/}" = "toolchain-$("$toolchain" hash)" ]
rm -rf "$top/snap" "$top/artifacts"
ok 'a second call needs no source of packages' expect 0 "$root" "$toolchain" root
rm -rf "$root"
ok 'a root is made again from the cached packages' expect 0 "$root" "$toolchain" root
printf 'damage' >>"$top/cache/selfsame/packages/hello_2.0-1_amd64.deb"
rm -rf "$root"
ok 'a damaged package in the cache is noticed' expect 5 'pin gone: hello 2.0-1' "$toolchain" root
export SELFSAME_MIRROR="$top/mirror"
mkdir -p "$top/mirror/pool/main"
cp "$top/pool"/* "$top/mirror/pool/main"
ok 'and fetched again where somebody has it' expect 0 "$root" "$toolchain" root
ok 'two at once make one root' sh -c 'rm -rf "$2"; "$1" root >"$3/a" 2>/dev/null & "$1" root >"$3/b" 2>/dev/null && wait &&
	cmp "$3/a" "$3/b" && [ -d "$2" ] && ! ls -d "$3"/cache/selfsame/.tmp* 2>/dev/null' sh "$toolchain" "$root" "$top"
ok 'a locked source package comes by name' \
	expect 0 "$top/cache/selfsame/packages/linux-source-9_1_amd64.deb" "$toolchain" deb linux-source-9
ok 'all locked packages come by one command' sh -c 'ls "$("$1" packages)" | wc -l | grep -qx 3' sh "$toolchain"
ok 'an unknown one is a usage error' expect 2 "'none' is not in" "$toolchain" deb none
ok 'no command is a usage error' expect 2 'usage: toolchain root' "$toolchain"
# the ar and tar way gives what dpkg-deb gives
mkdir "$top/bin"
for c in sh sed awk grep cut sha256sum cat mkdir mktemp dirname basename rm mv ln chmod wc du flock ar tar xz tail find cp ls readlink; do
	ln -s "$(command -v $c)" "$top/bin/$c"
done
(cd "$root" && find . -type f -exec sha256sum {} + | LC_ALL=C sort) >"$top/with"
rm -rf "$root"
ok 'dpkg is not needed' expect 0 "$root" env PATH="$top/bin" "$toolchain" root
ok 'ar and tar unpack the same' sh -c '(cd "$1" && find . -type f -exec sha256sum {} + | LC_ALL=C sort) | cmp - "$2"' sh "$root" "$top/with"

# --- the lock of the tree
ok 'every line of tools/toolchain.lock is name, version, architecture, size, sha256 and a path in main' \
	sh -c '! grep -vE "^#|^\+?[a-z0-9][^ ]* [^ ]+ (amd64|arm64|all) [0-9]+ [0-9a-f]{64} pool/main/[^ ]+\.deb$" "$1"' sh "$real_lock"
ok 'it names no machine to fetch from' sh -c '! grep -qE "[a-z]+://" "$1"' sh "$real_lock"
ok 'it has both compilers, both C libraries and the kernel source' \
	sh -c 'for p in gcc-14 gcc-14-aarch64-linux-gnu +linux-source-6.12; do grep -q "^$p " "$1" || exit 1; done
		[ "$(grep -c "^musl-dev " "$1")" -eq 2 ]' sh "$real_lock"
echo "1..$n"
