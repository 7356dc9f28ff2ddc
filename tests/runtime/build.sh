#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: build.sh SOURCE-ROOT
# What src/runtime/Makefile makes with this machine's musl-gcc: the same bytes in another folder, within
# the sizes, with nothing of a heap, of stdio or of a loader in it (TAP). That the pinned root gives one
# result everywhere is the business of tests/kernel.
set -eu
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
		tail -n 20 "$top/out" | sed 's/^/# /'
	fi
}
build() { # SOURCE OUT TZ
	(umask 077 && TZ=$3 make -s -f "$1/src/runtime/Makefile" SRC="$1" OUT="$2" ARCH=x86_64 CC=musl-gcc all)
}
at_most() { # FILE BYTES
	wc -c <"$1"
	[ "$(wc -c <"$1")" -le "$2" ]
}
# Which archive members of the C library were linked in, from the linker's map.
members() { sed -n 's/^.*libc\.a(\([a-z_0-9]*\)\.l*o).*/\1/p' "$top/one/$1.map" | sort -u; }
without() { # PROGRAM WORD...: none of these members
	program=$1
	shift
	members "$program"
	[ "$(members "$program" | wc -l)" -gt 20 ] || return 1 # the map was not read
	for word; do
		if members "$program" | grep -qx "$word"; then
			return 1
		fi
	done
}
is_static() { # FILE: no interpreter, nothing needed, nothing writable and executable, no build id
	readelf -lW "$1"
	! readelf -lW "$1" | grep -Eq 'INTERP|DYNAMIC|NOTE|RWE|  WE ' || return 1
	[ "$(readelf -lW "$1" | grep -c ' LOAD ')" -ge 2 ]
}
no_names_of_places() { # FILE: no path of this machine
	! grep -aqF -e "$top" -e "$src" "$1"
}

src=$(cd "$1" && pwd)
mkdir -p "$top/elsewhere/deeper"
cp -r "$src/src" "$src/kernel" "$top/elsewhere/deeper"
ok 'the Makefile builds with musl-gcc' build "$src" "$top/one" UTC
ok 'and elsewhere, in another time zone' build "$top/elsewhere/deeper" "$top/elsewhere/two" Asia/Tokyo
for f in stage0 init dataplane; do
	ok "$f has the same bytes both times" cmp "$top/one/$f" "$top/elsewhere/two/$f"
	ok "$f is static, W or X, without build id" is_static "$top/one/$f"
	ok "$f names no place of this machine" no_names_of_places "$top/one/$f"
	ok "$f has no heap" without $f malloc lite_malloc free calloc realloc mmap_malloc
	ok "$f has no stdio" without $f vfprintf printf stdout stderr __stdio_write fopen
done
ok 'stage0 has at most 32 KiB' at_most "$top/one/stage0" 32768
ok 'init has at most 128 KiB' at_most "$top/one/init" 131072
ok 'dataplane has at most 128 KiB' at_most "$top/one/dataplane" 131072
# The checks above can say no: a program with stdio fails them.
cat >"$top/hello.c" <<-'END'
	#include <stdio.h>
	#include <stdlib.h>
	int main(int argc, char **argv) { return printf("%s %p\n", argv[0], malloc((size_t)argc)); }
END
musl-gcc -static -Wl,-Map="$top/one/hello.map" -o "$top/one/hello" "$top/hello.c"
no() { ! "$@"; }
ok 'a program with a heap would be noticed' no without hello malloc lite_malloc
ok 'a program with stdio would be noticed' no without hello vfprintf
cc -o "$top/one/dynamic" "$top/hello.c"
ok 'a program with a loader would be noticed' no is_static "$top/one/dynamic"
echo "1..$n"
