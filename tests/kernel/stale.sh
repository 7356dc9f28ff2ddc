#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: stale.sh SOURCE-ROOT
# kernel/images.lock is of these inputs; and a change of any input of a kernel is noticed without building one, while a
# change of init alone is not one (TAP). Works on a copy of the tree.
set -eu
src=$(cd "$1" && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
n=0
verdict() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$top/said"
	fi
}
look() { # [SOURCE-ROOT]
	"$src/tests/kernel/images.sh" --inputs "${1:-$top/tree}" local-x86_64 nitro-x86_64 nitro-aarch64 >"$top/said" 2>&1
}
copy() {
	rm -rf "$top/tree"
	mkdir "$top/tree"
	(cd "$src" && tar -c src/base src/crypto src/fmt src/nsm src/runtime src/keyplane kernel tools) | tar -x -C "$top/tree"
	cp "$top/lock" "$top/tree/kernel/images.lock"
}
holds() { look "$@" && ! grep -q '^not ok' "$top/said" && grep -qx '1\.\.\(15\|18\|24\)' "$top/said"; }
notices() { # NAME ROW...: just these rows are stale
	name=$1
	shift
	status=0
	look || status=$?
	sed -n 's/^not ok [0-9]* - \([^ ]* [^ ]*\) .*/\1/p' "$top/said" | sort -u >"$top/stale"
	printf '%s\n' "$@" | sort >"$top/want"
	[ $status -eq 0 ] && cmp -s "$top/stale" "$top/want"
	verdict $? "$name"
	copy
}

# what is built from changed sources is not for the cache of others, but the pinned root is the same, and so is OpenSSL
root=$("$src/tools/toolchain" root)
mkdir -p "$top/cache/selfsame"
ln -s "$root" "$top/cache/selfsame/"
for arch in x86_64 aarch64; do
	"$src/tools/openssl-build" $arch "$top/openssl-$arch"
	ln -s "${root%/*}/openssl-$("$src/tools/openssl-build" --print-key $arch)" "$top/cache/selfsame/"
done
export XDG_CACHE_HOME="$top/cache"

# with `set -e`, a list that is tested does not end the script
if holds "$src"; then verdict 0 'kernel/images.lock is of these inputs'; else verdict 1 'kernel/images.lock is of these inputs'; fi
# init's row may be of an earlier tree: in the copy it is of this one
cp "$src/kernel/images.lock" "$top/lock"
for arch in x86_64 aarch64; do
	"$src/tools/runtime-build" $arch "$top/rt"
	sed "s/^\($arch init\) .*/\1 $("$src/tools/runtime-build" --print-key $arch) $(sha256sum <"$top/rt/init" | cut -d' ' -f1) 0/" \
		"$top/lock" >"$top/lock.new"
	mv "$top/lock.new" "$top/lock"
done
copy
if holds; then verdict 0 'so it is in a copy elsewhere'; else verdict 1 'so it is in a copy elsewhere'; fi

x86='x86_64 kernel-local|x86_64 kernel-local.config|x86_64 kernel-nitro|x86_64 kernel-nitro.config'
arm='aarch64 kernel-nitro|aarch64 kernel-nitro.config'
rows() { # A|B|C: as arguments of notices
	IFS='|'
	# shellcheck disable=SC2086 # they are to be split
	set -- "$1" $2
	unset IFS
	notices "$@"
}
cd "$top"
echo 'CONFIG_FUSE_FS=y' >>tree/kernel/config/nitro-x86_64
rows 'another line in a configuration is noticed, in that profile' 'x86_64 kernel-nitro|x86_64 kernel-nitro.config'
echo '# CONFIG_FUSE_FS: not yet' >>tree/kernel/config/nitro-x86_64
if holds; then verdict 0 'a comment there is no change'; else verdict 1 'a comment there is no change'; fi
echo ':' >>tree/kernel/recipe
rows 'another recipe is noticed' "$x86|$arm"
key() { "$1/kernel/build" --profile nitro --arch x86_64 --stage0 "$src/kernel/recipe" --print-key; }
echo '# a newer one' >>tree/tools/toolchain.lock
status=0
[ "$(key tree)" != "$(key "$src")" ] || status=1
verdict $status 'another pinned root is another key'
copy
status=0
[ "$(key tree)" = "$(key "$src")" ] || status=1
verdict $status 'and the same one elsewhere is the same'
sed 's/random.trust_cpu=on/random.trust_cpu=off/' "$src/kernel/cmdline-aarch64" >tree/kernel/cmdline-aarch64
rows 'another command line is noticed, in it and in the kernel of that architecture' "$arm|aarch64 cmdline|aarch64 stage0"
sed 's/^\(x86_64 stage0 [^ ]*\) [0-9a-f]*/\1 00/' lock >tree/kernel/images.lock
rows 'another stage0 is noticed' 'x86_64 stage0'
sed 's/^\(x86_64 init [^ ]*\) [0-9a-f]*/\1 00/' lock >tree/kernel/images.lock
rows 'another init from the same inputs is noticed' 'x86_64 init'
sed '/^aarch64 kernel-nitro /d' lock >tree/kernel/images.lock
rows 'a missing row is noticed' 'aarch64 kernel-nitro'
printf '# more\n' >>tree/kernel/config/nitro-aarch64.final
rows 'a changed final configuration is noticed' 'aarch64 kernel-nitro.config'
printf '/* more */\n' >>tree/src/runtime/init.c
sed 's/^\([^ ]* init [^ ]*\) [0-9a-f]*/\1 00/' lock >tree/kernel/images.lock
if look && ! grep -q '^not ok' said && [ "$(grep -c ' init: its row is of an earlier tree' said)" -eq 3 ]; then
	verdict 0 'a change of init alone leaves the list as it is'
else
	verdict 1 'a change of init alone leaves the list as it is'
fi
echo "1..$n"
