#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: debian13.sh [--record] SOURCE-ROOT [PROFILE-ARCH]...       (needs root and mmdebstrap)
# The same bytes on another distribution: makes a Debian 13 root with mmdebstrap, and in it the pinned root, stage0 and
# init for both architectures, and the kernels that are named; each file must be the one that is built here (TAP). There
# is no network in it, and of this machine's cache it sees the pinned packages only. What was compared once is remembered
# by the hash of the scripts and results, in the cache and, with --record, for kernels, in kernel/compared.lock: only
# changed inputs cost the time of a kernel again.
set -eu
record=no
if [ "$1" = --record ]; then
	record=yes
	shift
fi
src=$(cd "$1" && pwd)
shift
lock=$src/kernel/compared.lock
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/selfsame
[ "$(id -u)" -eq 0 ] || {
	echo '1..0 # SKIP making a Debian 13 root needs root'
	exit 0
}
top=$(mktemp -d /var/tmp/selfsame-debian13.XXXXXX)
trap 'rm -rf --one-file-system "$top"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
n=0
result() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

make_root() {
	[ ! -d "$top/root" ] || return 0
	mirror=${SELFSAME_MIRROR:-$(apt-get indextargets --format "\$(COMPONENT) \$(REPO_URI)" 'Created-By: Packages' |
		sed -n 's/^main //p' | grep '/debian/$' | sort -u | head -n 1)}
	mmdebstrap --quiet --variant=minbase --include=xz-utils trixie "$top/root" "$mirror" >&2
	grep -qx 'VERSION_CODENAME=trixie' "$top/root/etc/os-release"
	mkdir -p "$top/root/selfsame" "$top/root/cache/selfsame/packages"
	# the repository without what was built in it
	(cd "$src" && tar -c src kernel tools) | tar -x -C "$top/root/selfsame"
	"$src/tools/toolchain" packages >/dev/null
}

# inside COMMAND...: with another name, time zone and umask than the host has, and no network
inside() {
	# shellcheck disable=SC2016 # the inner shell expands them
	unshare --mount --net --uts --pid --fork --kill-child sh -euc '
		root=$1 packages=$2
		shift 2
		mount --make-rprivate /
		mount --bind "$root" "$root"
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/tmp"
		mount --bind "$packages" "$root/cache/selfsame/packages"
		mount -o remount,bind,ro "$root/cache/selfsame/packages"
		hostname elsewhere
		umask 077
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin HOME=/root TZ=Asia/Tokyo XDG_CACHE_HOME=/cache "$@"
	' sh "$top/root" "$cache/packages" "$@" >&2
}

# The scripts that decide, without their comments, and the files that were built here. What stage0 comes from is no
# matter to a kernel, whose bytes hold it. Raise the number when inside() changes.
key_of() { # SCRIPT... -- FILE...
	(
		echo debian13 1
		cd "$src"
		while [ "$1" != -- ]; do
			grep -v '^[[:space:]]*#' "$1"
			shift
		done
		shift
		cd "$top/here"
		sha256sum "$@"
	) | sha256sum | cut -c1-32
}

compare() { # KEY FILE...: below $top/here and below the root's /out
	key=$1 bad=0
	shift
	for f in "$@"; do
		status=0
		cmp "$top/here/$f" "$top/root/out/$f" >&2 || status=1 bad=1
		result $status "$f built in a Debian 13 root is the one built here"
	done
	[ $bad -ne 0 ] || : >"$cache/compared-$key"
}

known() { # WHAT KEY: it was compared before
	if grep -qx "$1 $2" "$lock" 2>/dev/null; then
		result 0 "$1: these inputs gave the same bytes in a Debian 13 root (kernel/compared.lock)"
	elif [ -f "$cache/compared-$2" ]; then
		result 0 "$1: these inputs gave the same bytes in a Debian 13 root (the cache)"
	else
		return 1
	fi
}

# --- the programs
files='x86_64/stage0 x86_64/init x86_64/dataplane x86_64/keyplane aarch64/stage0 aarch64/init aarch64/dataplane aarch64/keyplane'
for arch in x86_64 aarch64; do
	"$src/tools/runtime-build" $arch "$top/here/$arch"
done
# shellcheck disable=SC2086 # a list of names
key=$(key_of tools/toolchain tools/toolchain-run tools/runtime-build -- $files)
if ! known runtime "$key"; then
	make_root
	for arch in x86_64 aarch64; do
		inside /selfsame/tools/runtime-build $arch /out/$arch
	done
	# shellcheck disable=SC2086
	compare "$key" $files
fi

# --- the kernels
for p in "$@"; do
	profile=${p%-*} arch=${p#*-}
	set -- --profile "$profile" --arch "$arch" --jobs "$(nproc)"
	image=bzImage
	[ "$arch" = x86_64 ] || image=Image
	"$src/kernel/build" "$@" --stage0 "$top/here/$arch/stage0" --output "$top/here/$p"
	key=$(key_of tools/toolchain tools/toolchain-run kernel/build -- "$p/$image" "$p/config")
	if ! known "$p" "$key"; then
		make_root
		inside /selfsame/tools/runtime-build "$arch" "/out/$arch"
		inside /selfsame/kernel/build "$@" --stage0 "/out/$arch/stage0" --output "/out/$p"
		compare "$key" "$p/$image" "$p/config"
	fi
	if [ $record = yes ] && [ -f "$cache/compared-$key" ]; then
		{
			echo '# Inputs for which tests/kernel/debian13.sh saw equal bytes; written by it with --record.'
			grep -v -e '^#' -e "^$p " "$lock" 2>/dev/null || :
			echo "$p $key"
		} >"$lock.tmp"
		mv "$lock.tmp" "$lock"
	fi
done
echo "1..$n"
