#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: images.sh SOURCE-ROOT [PROFILE-ARCH]...       (default: local-x86_64)
# Builds (or takes from the cache, which is keyed by the hash of all inputs) kernel, stage0, init and command line, and
# compares each with kernel/images.lock: a rebuild must give the committed bytes (TAP). `tools/kernel-bless` writes the lock.
set -eu
src=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- local-x86_64
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
n=0
same() { # ARCH FILE: its hash is the committed one
	n=$((n + 1))
	want=$(awk -v a="$1" -v f="$2" '$1 == a && $2 == f { print $4 }' "$src/kernel/images.lock")
	got=$(sha256sum <"$top/$1/$2" | cut -d' ' -f1)
	if [ -n "$want" ] && [ "$want" = "$got" ]; then
		echo "ok $n - $1 $2 is the committed one"
	else
		echo "not ok $n - $1 $2 is the committed one"
		echo "# kernel/images.lock has ${want:-nothing}, the build gives $got: an input changed? then tools/kernel-bless"
	fi
}
for p in "$@"; do
	profile=${p%-*} arch=${p#*-}
	"$src/tools/runtime-all" --profile "$profile" --arch "$arch" "$top"
	for f in stage0 init cmdline "kernel-$profile" "kernel-$profile.config"; do
		same "$arch" "$f"
	done
	n=$((n + 1))
	if cmp "$top/$arch/kernel-$profile.config" "$src/kernel/config/$p.final" >"$top/cmp" 2>&1; then
		echo "ok $n - kernel/config/$p.final is what the build used"
	else
		echo "not ok $n - kernel/config/$p.final is what the build used"
		sed 's/^/# /' "$top/cmp"
	fi
done
echo "1..$n"
