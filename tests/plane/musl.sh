#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: musl.sh SOURCE-ROOT
# The same tests of dataplane with the C library that it has in the enclave: which system calls that makes is what the
# filter has to allow (TAP).
set -eu
src=$(cd "$1" && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
cd "$src/src"
files='base/buf.c base/cur.c base/err.c base/hex.c base/mem.c base/show.c fmt/cbor.c fmt/cpio.c fmt/dns.c fmt/egress.c
	fmt/frame.c fmt/measured.c fmt/proxy_header.c fmt/tls_hello.c runtime/format.c'
for f in runtime/dp_*.c; do
	[ "$f" = runtime/dp_vsock.c ] || files="$files $f"
done
# shellcheck disable=SC2086 # a list of files
musl-gcc -static -Os -std=gnu17 -D_GNU_SOURCE -DSS_NOT_BANNED -I. -o "$top/plane-host" $files \
	../tests/plane/plane_main.c ../tests/plane/plane_unix.c
cd ../tests/plane
status=0
python3 ingress.py "$top/plane-host" >"$top/in" 2>&1 || status=1
python3 egress.py "$top/plane-host" >"$top/out" 2>&1 || status=1
n=0
for f in in out; do
	n=$((n + 1))
	if tail -n 1 "$top/$f" | grep -q '^1\.\.[1-9]' && ! grep -q '^not ok' "$top/$f"; then
		echo "ok $n - ${f}wards: $(tail -n 1 "$top/$f" | cut -c4-) sentences hold with musl"
	else
		echo "not ok $n - ${f}wards, with musl"
		grep -A 3 '^not ok' "$top/$f" | sed 's/^/# /'
	fi
done
echo "1..$n"
exit $status
