#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: openssl.sh SOURCE-ROOT [ARCH]...
# What tools/openssl-build promises (TAP): without ARCH how it refuses; with them also that a second
# build, elsewhere and with another number of jobs, gives the same bytes, which takes some minutes.
set -eu
src=$(cd "$1" && pwd)
shift
build=$src/tools/openssl-build
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
expect() { # STATUS TEXT CMD...
	want=$1 text=$2
	shift 2
	got=0
	"$@" >"$top/said" 2>&1 || got=$?
	cat "$top/said"
	[ "$got" -eq "$want" ] && grep -qF -- "$text" "$top/said"
}
# With a cache and a lock of the test's own; nothing is fetched.
alone() {
	env -u SELFSAME_ARTIFACTS -u SELFSAME_SNAPSHOT XDG_CACHE_HOME="$top/cache" SELFSAME_MIRROR="$top/nothing" "$@"
}
key() { "$1/tools/openssl-build" --print-key "$2"; }
changed() { # FILE: a change of it gives another key
	[ "$(key "$src" x86_64)" = "$(key "$top/copy" x86_64)" ] || return 1
	printf '# x\n' >>"$top/copy/tools/$1"
	[ "$(key "$src" x86_64)" != "$(key "$top/copy" x86_64)" ] || return 1
	cp "$src/tools/$1" "$top/copy/tools/$1"
}

mkdir -p "$top/copy/tools"
cp "$src"/tools/openssl-build "$src"/tools/openssl.lock "$src"/tools/toolchain "$src"/tools/toolchain-run \
	"$src"/tools/toolchain.lock "$top/copy/tools"
ok 'no architecture is a usage error' expect 2 'usage: openssl-build' "$build"
ok 'one that nobody knows, too' expect 2 'usage: openssl-build' "$build" riscv64 "$top/o"
ok 'a source that nobody has is a pin gone, by name and version' \
	expect 5 'pin gone: ' alone "$build" x86_64 "$top/o"
ok 'what failed leaves nothing that could be taken for a result' \
	sh -c '! ls -d "$1"/cache/selfsame/openssl-* "$1"/o 2>/dev/null' sh "$top"
for f in openssl.lock openssl-build toolchain.lock; do
	ok "another $f gives another result" changed "$f"
done
ok 'the lock has the source once, with its patches, and what only its build needs' \
	sh -c 'test "$(grep -cE "^openssl\.(orig|debian) [^ ]+ source [0-9]+ [0-9a-f]{64} pool/main/o/openssl/" "$1")" = 2 &&
		test "$(grep -cE "^(patch|perl-base|perl-modules-[0-9.]+|libperl[0-9.]+) [^ ]+ (amd64|all) [0-9]+ [0-9a-f]{64} pool/main/p/" "$1")" = 4' \
	sh "$src/tools/openssl.lock"

for arch in "$@"; do
	"$build" "$arch" "$top/first-$arch" 2>"$top/log" || cat "$top/log" >&2
	mkdir -p "$top/a folder of another length"
	cp -R "$top/copy" "$top/a folder of another length/copy"
	"$top/a folder of another length/copy/tools/openssl-build" --fresh "$arch" "$top/second-$arch" 1 2>"$top/log" || cat "$top/log" >&2
	ok "$arch: two builds give the same bytes" diff -r "$top/first-$arch" "$top/second-$arch"
	ok "$arch: no path of a build machine is in them" \
		sh -c '! strings -n 6 "$1"/lib*.a | grep -E "^/(home|root|tmp|openssl)/"' sh "$top/first-$arch"
done
echo "1..$n"
