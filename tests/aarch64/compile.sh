#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: compile.sh SOURCE-ROOT
#
# What runs on aarch64 compiles for it: the core, the supervisor of a step and the programs that
# test it, with a cross compiler; and the supervisor, linked statically, starts under QEMU's user
# mode. Tracing is not for QEMU: what it does to a step is tried on x86_64 only. Prints TAP.
set -u
src=$(realpath "$1")
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT
cd "$src" || exit 99
count=0
cc='aarch64-linux-gnu-gcc -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Wall -Wextra -Wconversion -Wsign-conversion
	-Wshadow -Wcast-align -Werror -Isrc'

verdict() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/# /' "$work/log"
	fi
}

compiles() { # NAME FILE...
	name=$1
	shift
	# shellcheck disable=SC2086 # words
	printf '%s\n' "$@" | xargs -P 2 -n 8 $cc -include src/base/banned.h -fsyntax-only >"$work/log" 2>&1
	verdict $? "$name compiles"
}

for folder in base fmt eif oci tree image explain attest nsm hermetic; do
	compiles "src/$folder" "src/$folder"/*.c
done
# A gate that cannot say no is none.
echo '#ifndef __x86_64__
#error "another processor"
#endif' >"$work/wrong.c"
# shellcheck disable=SC2086
if $cc -fsyntax-only "$work/wrong.c" >"$work/log" 2>&1; then rc=1; else rc=0; fi
verdict $rc 'the compiler is one for another processor'

# shellcheck disable=SC2086
$cc -O2 -static -o "$work/step" src/hermetic/sup_*.c src/hermetic/chacha.c src/hermetic/keys.c src/hermetic/view.c \
	src/base/*.c >"$work/log" 2>&1
verdict $? 'the supervisor links'
for q in calls files; do
	# shellcheck disable=SC2086
	$cc -DSS_NOT_BANNED -Wno-conversion -Wno-sign-conversion -O1 -static -o "$work/$q" "tests/e2e/step_$q.c" >"$work/log" 2>&1
	verdict $? "step_$q.c links"
done
qemu-aarch64-static "$work/step" >"$work/log" 2>&1
[ $? -eq 125 ] && grep -qx 'selfsame-step: error: only selfsame-runtime knows how to call this' "$work/log"
verdict $? 'the supervisor starts, and says who may call it'
qemu-aarch64-static "$work/step" 0:0 0:0:0:0:0 keep -- true >"$work/log" 2>&1
[ $? -eq 125 ] && grep -qx "selfsame-step: error: not the ids of a step: '0:0'" "$work/log"
verdict $? 'it reads its words'
echo "1..$count"
