#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: debian13.sh [--record] SOURCE-ROOT [PROFILE-ARCH]...       (default: local-x86_64; needs root and mmdebstrap)
# The same bytes on another distribution: makes a Debian 13 root with mmdebstrap, runs tools/runtime-all --fresh in
# it (loopback only, with the pinned packages of this machine's cache and nothing else of it), and compares every file
# with the one that is built here (TAP). What was compared once is remembered by the hash of the inputs and results, in
# the cache and, with --record, in kernel/compared.lock: only changed inputs cost the quarter of an hour again.
set -eu
record=no
if [ "$1" = --record ]; then
	record=yes
	shift
fi
src=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- local-x86_64
lock=$src/kernel/compared.lock
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/selfsame
[ "$(id -u)" -eq 0 ] || {
	echo 'Bail out! needs root, for chroot and mmdebstrap'
	exit 4
}
top=$(mktemp -d /var/tmp/selfsame-debian13.XXXXXX)
trap 'rm -rf --one-file-system "$top"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
n=0
result() { # NAME STATUS
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}

make_root() {
	[ ! -d "$top/root" ] || return 0
	mirror=${SELFSAME_MIRROR:-$(apt-get indextargets --format "\$(COMPONENT) \$(REPO_URI)" 'Created-By: Packages' |
		sed -n 's/^main //p' | grep '/debian/$' | sort -u | head -n 1)}
	mmdebstrap --quiet --variant=minbase --include=hostname trixie "$top/root" "$mirror" >&2
	mkdir "$top/root/selfsame" "$top/root/cache" "$top/root/cache/selfsame" "$top/root/cache/selfsame/packages"
	# the repository without what was built in it
	(cd "$src" && tar -c src kernel tools) | tar -x -C "$top/root/selfsame"
	cp "$("$src/tools/toolchain" packages)"/*.deb "$top/root/cache/selfsame/packages/"
}

# build_inside PROFILE ARCH: another name, time zone, umask and network (none) than the host has
build_inside() {
	# shellcheck disable=SC2016 # the inner shell expands them
	unshare --mount --net --uts --pid --fork --kill-child sh -euc '
		mount --make-rprivate /
		mount -t proc proc "$1/proc"
		mount --bind /dev "$1/dev"
		mount -t tmpfs tmpfs "$1/tmp"
		hostname elsewhere
		umask 077
		exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin HOME=/root TZ=Asia/Tokyo XDG_CACHE_HOME=/cache \
			/selfsame/tools/runtime-all --fresh --jobs "$4" --profile "$2" --arch "$3" /out' sh "$top/root" "$1" "$2" "$(nproc)" >&2
}

for p in "$@"; do
	profile=${p%-*} arch=${p#*-}
	"$src/tools/runtime-all" --profile "$profile" --arch "$arch" "$top/here"
	files="stage0 init cmdline kernel-$profile kernel-$profile.config"
	# the scripts without their comments, and what they gave here
	key=$({
		cd "$src"
		grep -hv '^[[:space:]]*#' tests/kernel/debian13.sh tools/toolchain tools/toolchain-run tools/runtime-build \
			tools/runtime-all kernel/build
		cd "$top/here/$arch"
		# shellcheck disable=SC2086 # a list of names
		sha256sum $files
	} | sha256sum | cut -c1-32)
	if grep -qx "$p $key" "$lock" 2>/dev/null; then
		result "$p: these inputs gave the same bytes in a Debian 13 root (kernel/compared.lock)" 0
		continue
	fi
	if [ ! -f "$cache/compared-$key" ]; then
		make_root
		build_inside "$profile" "$arch"
		bad=0
		for f in $files; do
			status=0
			cmp "$top/here/$arch/$f" "$top/root/out/$arch/$f" >&2 || status=1 bad=1
			result "$arch $f built in a Debian 13 root is the one built here" $status
		done
		[ $bad -eq 0 ] || continue
		: >"$cache/compared-$key"
	else
		result "$p: these inputs gave the same bytes in a Debian 13 root before (the cache says so)" 0
	fi
	if [ $record = yes ]; then
		{
			echo '# Inputs for which tests/kernel/debian13.sh saw equal bytes; written by it with --record.'
			grep -v -e '^#' -e "^$p " "$lock" 2>/dev/null || :
			echo "$p $key"
		} >"$lock.tmp"
		mv "$lock.tmp" "$lock"
	fi
done
echo "1..$n"
