#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: images.sh [--inputs] SOURCE-ROOT [PROFILE-ARCH]...       (default: local-x86_64)
# What kernel/images.lock says of this tree is true (TAP). Builds kernel, stage0, init and command line, or takes them
# from the cache, which is keyed by the hash of all inputs, and compares each with its row: a rebuild must give the
# committed bytes. --inputs builds stage0 and init only: that the kernels' rows are of these inputs needs no kernel.
# init and dataplane may be ahead of their rows, which then speak of an earlier tree (the key says so): no kernel holds
# them.
# After a change on purpose: tools/kernel-bless.
set -eu
inputs=no
if [ "$1" = --inputs ]; then
	inputs=yes
	shift
fi
src=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- local-x86_64
lock=$src/kernel/images.lock
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
n=0
result() { # STATUS NAME [WHY]
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		echo "# $3: an input changed? then tools/kernel-bless"
	fi
}
row() { # ARCH FILE FIELD
	awk -v a="$1" -v f="$2" -v n="$3" '$1 == a && $2 == f { print $n }' "$lock"
}
sha256_of() { sha256sum <"$1" | cut -d' ' -f1; }
same() { # ARCH FILE PATH: its hash is the committed one
	want=$(row "$1" "$2" 4)
	got=$(sha256_of "$3")
	status=0
	[ "$want" = "$got" ] || status=1
	result $status "$1 $2 is the committed one" "kernel/images.lock has ${want:-nothing}, the build gives $got"
}
same_program() { # ARCH NAME PATH
	if [ "$(row "$1" "$2" 3)" = "$("$src/tools/runtime-build" --print-key "$1")" ]; then
		same "$1" "$2" "$3"
	else
		echo "# $1 $2: its row is of an earlier tree, there is nothing to compare it with"
	fi
}
same_key() { # PROFILE ARCH STAGE0
	key=$("$src/kernel/build" --profile "$1" --arch "$2" --stage0 "$3" --print-key)
	for f in "kernel-$1" "kernel-$1.config"; do
		want=$(row "$2" "$f" 3)
		status=0
		[ "$want" = "$key" ] || status=1
		result $status "$2 $f was blessed with these inputs" "kernel/images.lock has ${want:-nothing}, the key is $key"
	done
}

[ -f "$lock" ] || {
	echo "Bail out! there is no '$lock'"
	exit 4
}
for p in "$@"; do
	profile=${p%-*} arch=${p#*-}
	"$src/tools/runtime-build" "$arch" "$top/$arch"
	if [ $inputs = no ]; then
		"$src/kernel/build" --profile "$profile" --arch "$arch" --stage0 "$top/$arch/stage0" --output "$top/$p"
		image=bzImage
		[ "$arch" = x86_64 ] || image=Image
		same "$arch" "kernel-$profile" "$top/$p/$image"
		same "$arch" "kernel-$profile.config" "$top/$p/config"
	fi
	same_key "$profile" "$arch" "$top/$arch/stage0"
	same "$arch" stage0 "$top/$arch/stage0"
	same "$arch" cmdline "$src/kernel/cmdline-$arch"
	same_program "$arch" init "$top/$arch/init"
	same_program "$arch" dataplane "$top/$arch/dataplane"
	same_program "$arch" keyplane "$top/$arch/keyplane"
	same "$arch" "kernel-$profile.config" "$src/kernel/config/$p.final"
done
echo "1..$n"
