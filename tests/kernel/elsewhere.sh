#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: elsewhere.sh SOURCE-ROOT
# The local kernel from a tarball, in another folder and with a cache of its own, is the committed one (TAP). The tarball
# is the one inside the distribution's source package: it has the shape of kernel.org's, and the same files, so the same
# kernel must come out. Takes as long as a kernel does.
set -eu
src=$(cd "$1" && pwd)
top=$(mktemp -d /var/tmp/selfsame-elsewhere.XXXXXX)
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
root=$("$src/tools/toolchain" root)
mkdir -p "$top/cache/selfsame" "$top/a/folder/far below"
ln -s "$root" "$top/cache/selfsame/"
(cd "$src" && tar -c src/base src/crypto src/fmt src/nsm src/runtime src/keyplane kernel tools) | tar -x -C "$top/a/folder/far below"
"$src/tools/toolchain" run --bind "$("$src/tools/toolchain" deb linux-source-6.12):/in/source:ro" -- sh -euc \
	'ar p /in/source data.tar.xz | xz -dc | tar -xO --wildcards "./usr/src/linux-source-*.tar.xz"' >"$top/linux.tar.xz"

cd "$top/a/folder/far below"
umask 077
export XDG_CACHE_HOME="$top/cache" TZ=Pacific/Auckland
tools/runtime-build x86_64 "$top/out"
kernel/build --profile local --arch x86_64 --stage0 "$top/out/stage0" --output "$top/out" --source "$top/linux.tar.xz" \
	--sha256 "$(sha256sum <"$top/linux.tar.xz" | cut -d' ' -f1)" 2>"$top/said" || {
	cat "$top/said" >&2
	exit 1
}
n=0
same() { # FILE NAME-OF-THE-ROW
	n=$((n + 1))
	want=$(awk -v f="$2" '$1 == "x86_64" && $2 == f { print $4 }' kernel/images.lock)
	got=$(sha256sum <"$top/out/$1" | cut -d' ' -f1)
	if [ -n "$want" ] && [ "$want" = "$got" ]; then
		echo "ok $n - $2 from a tarball, built elsewhere, is the committed one"
	else
		echo "not ok $n - $2 from a tarball, built elsewhere, is the committed one"
		echo "# kernel/images.lock has ${want:-nothing}, the build gives $got"
	fi
}
same bzImage kernel-local
same config kernel-local.config
n=$((n + 1))
if grep -q 'not as asked' "$top/said"; then
	echo "not ok $n - its source has every option"
	sed 's/^/# /' "$top/said"
else
	echo "ok $n - its source has every option"
fi
echo "1..$n"
