#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: recipe.sh SOURCE-ROOT
# kernel/build and kernel/recipe with a kernel.org tarball (TAP): a small one, whose "kernel" is a list of all that its
# build could see (tests/kernel/small-kernel). The real ones: images.sh, debian13.sh and elsewhere.sh.
# shellcheck disable=SC2016 # the inner shells and make expand what is in single quotes
set -eu
src=$(cd "$1" && pwd)
top=$(mktemp -d /var/tmp/selfsame-recipe.XXXXXX)
child=
clean_up() {
	[ -z "$child" ] || kill "$child" 2>/dev/null || true
	rm -rf "$top"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
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
		sed 's/^/# said: /' "$top/said" 2>/dev/null || :
	fi
}
ends() { # STATUS TEXT CMD...: it ends so and says a line with TEXT
	want=$1 text=$2 got=0
	shift 2
	"$@" 2>"$top/said" || got=$?
	[ "$got" -eq "$want" ] && grep -qF -- "$text" "$top/said"
}
# a cache of its own, but not a pinned root of its own: that one has a test
cache() { # NAME
	mkdir -p "$top/$1/selfsame"
	ln -s "$root" "$top/$1/selfsame/"
}
root=$("$src/tools/toolchain" root)
cache one
cache two
export XDG_CACHE_HOME="$top/one"

# --- small kernels
tarball() { "$src/tests/kernel/small-kernel" "$top" "$@"; } # NAME MAKE-LINE [gz]
tarball plain 'OFFSET = \000\000'
tarball gzipped 'OFFSET = \000\000' gz
tarball slow 'PAUSE = sleep 12'
tarball never 'PAUSE = echo here >$(O)/started; sleep 1000'
tarball broken 'PAUSE = echo it cannot be; exit 3'
tarball moved 'OFFSET = \000\010'
mkdir "$top/other" && echo hello >"$top/other/file" && tar -C "$top" -czf "$top/other.tar.gz" other
echo 'stage0 one' >"$top/stage0"
chmod 755 "$top/stage0"
echo 'stage0 two' >"$top/stage0-two"
sum_of() { sha256sum <"$1" | cut -d' ' -f1; }
build() { # TARBALL ARG...
	tarball=$top/$1
	shift
	"$src/kernel/build" --profile local --arch x86_64 --stage0 "$top/stage0" --output "$top/result" \
		--source "$tarball" --sha256 "$(sum_of "$tarball")" "$@"
}
start() { # TARBALL LOG: the same beside us, $child
	"$src/kernel/build" --profile local --arch x86_64 --stage0 "$top/stage0" --output "$top/result" \
		--source "$top/$1" --sha256 "$(sum_of "$top/$1")" >"$2" 2>&1 &
	child=$!
}

# --- what is refused
ok 'a tarball with another sha256 is status 3' ends 3 "has not the sha256 given" \
	build plain.tar.xz --sha256 "$(sum_of "$top/stage0")"
ok 'a tarball without its sha256 is status 2' ends 2 '--source FILE and --sha256 HEX go together' \
	"$src/kernel/build" --profile local --arch x86_64 --stage0 "$top/stage0" --output "$top/result" --source "$top/plain.tar.xz"
ok 'a sha256 without a tarball is status 2' ends 2 '--source FILE and --sha256 HEX go together' \
	"$src/kernel/build" --profile local --arch x86_64 --stage0 "$top/stage0" --output "$top/result" --sha256 "$(sum_of "$top/stage0")"
ok 'a tarball that is not there is status 4' ends 4 "no source '/nowhere.tar.xz'" \
	build plain.tar.xz --source /nowhere.tar.xz
ok 'a profile that is none is status 2' ends 2 "no profile 'local' for 'aarch64'" build plain.tar.xz --arch aarch64
ok 'a stage0 that is not there is status 4' ends 4 "no stage0 '/nowhere'" build plain.tar.xz --stage0 /nowhere
ok 'a tarball that is no kernel is status 4' ends 4 'cannot unpack the kernel source' build other.tar.gz
ok 'and leaves nothing in the cache' sh -c '! ls -d "$1"/linux-* "$1"/.tmp.* "$1"/kernel-????????????????????????????????' \
	sh "$top/one/selfsame"
ok 'nothing was written so far' [ ! -e "$top/result" ]

# --- what is built
ok 'a tarball is built' ends 0 "result/bzImage: " build plain.tar.xz --jobs 1
ok 'options that it lacks are named' grep -q 'not as asked.*: CONFIG_NSM CONFIG_TUN $' "$top/said"
ok 'and no others' [ "$(grep -c CONFIG_ "$top/said")" -eq 1 ]
cp "$top/result/bzImage" "$top/first"
ok 'its time, user, host and number are fixed' sh -c 'for l in "KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970" \
	KBUILD_BUILD_USER=selfsame KBUILD_BUILD_HOST=selfsame KBUILD_BUILD_VERSION=1; do grep -qx "$l" "$1" || exit 1; done' sh "$top/first"
ok 'it got stage0 as its /init' sh -c 'grep -qx "file /init /in/stage0 0755 0 0" "$1" && grep -qx "stage0 one" "$1"' sh "$top/first"
ok 'and the flag that keeps it off the ramdisks' grep -q -- '-DCONFIG_INITRAMFS_FORCE=1' "$top/first"
ok 'the configuration comes with it' grep -qx 'CONFIG_VIRTIO_VSOCKETS=y' "$top/result/config"
rm -r "$top/result"
ok 'a second call takes it from the cache' ends 0 'not as asked' build plain.tar.xz
ok 'without building' sh -c '! grep -q building "$1" && [ "$(wc -l <"$2")" -eq 1 ]' sh "$top/said" "$top/one/selfsame/kernel-tree-local-x86_64/times"
ok 'and it is the same' cmp "$top/result/bzImage" "$top/first"
ok '--fresh builds it anew, without the old object tree' ends 0 'building' build plain.tar.xz --fresh
ok 'to the same bytes' sh -c 'cmp "$1" "$2" && [ "$(wc -l <"$3")" -eq 1 ]' sh "$top/result/bzImage" "$top/first" \
	"$top/one/selfsame/kernel-tree-local-x86_64/times"
ok 'another stage0 is another kernel' ends 0 'building' build plain.tar.xz --stage0 "$top/stage0-two"
ok 'which holds it' grep -qx 'stage0 two' "$top/result/bzImage"
ok 'made in the same object tree' [ "$(wc -l <"$top/one/selfsame/kernel-tree-local-x86_64/times")" -eq 2 ]
ok 'the same source packed otherwise is another key' ends 0 'building' build gzipped.tar.gz
ok 'and the same kernel' cmp "$top/result/bzImage" "$top/first"

# --- two folders, two caches, other surroundings
mkdir -p "$top/far/be low"
(cd "$src" && tar -c kernel tools) | tar -x -C "$top/far/be low"
cp "$top/plain.tar.xz" "$top/far/be low/x.txz"
cp "$top/stage0" "$top/far/init"
ok 'it is built in another folder' sh -c 'umask 077 && cd "$1/far" && XDG_CACHE_HOME=$1/two TZ=Asia/Tokyo LC_ALL=C.UTF-8 HOME=/ \
	USER=somebody KCFLAGS=-O0 KBUILD_BUILD_USER=me ARCH=riscv MAKEFLAGS=-k CC=false faketime -f +400d "be low/kernel/build" --profile local \
	--arch x86_64 --stage0 init --output out --source "be low/x.txz" --sha256 "$2" --jobs 2' sh "$top" "$(sum_of "$top/plain.tar.xz")"
ok 'the same bytes from another folder, cache, umask, zone, home, user, number of jobs and time' cmp "$top/far/out/bzImage" "$top/first"
ok 'and another cache has it' [ "$(find "$top/two/selfsame" -name bzImage -path '*/kernel-????????????????????????????????/*' | wc -l)" -eq 1 ]

# --- aarch64
aarch64() { # TARBALL
	build "$1" --profile nitro --arch aarch64
}
ok 'an Image is built' ends 0 'result/Image: ' aarch64 plain.tar.xz
ok 'its text offset is 2 MiB' [ "$(od -An -v -tx1 "$top/result/Image" | tr -d ' \n')" = \
	4d5a0000000000000000200000000000"$(printf '%080d' 0)"41524d646166746572 ]
ok 'one that has a text offset already is refused' ends 4 'the build of the kernel failed' aarch64 moved.tar.xz

# --- what goes wrong, and how long it takes
ok 'a compiler that fails is status 4, with its last words' ends 4 'it cannot be' build broken.tar.xz
ok 'and where the rest is' grep -q "the build of the kernel failed: '.*log' has all of it" "$top/said"
ok 'and leaves neither a kernel nor scraps' sh -c '! ls -d "$1"/.tmp.* && ! [ -e "$1/kernel-tree-local-x86_64/selfsame-key" ]' sh "$top/one/selfsame"
ok 'the next call builds again' ends 4 'building' build broken.tar.xz
start slow.tar.xz "$top/slow.log"
i=0
until grep -qs building "$top/slow.log" || [ $i -eq 300 ]; do sleep 0.1 && i=$((i + 1)); done
ok 'a second build of the same profile waits' ends 0 'waiting for another build of it' build plain.tar.xz --fresh
slow=0
wait $child || slow=$?
child=
ok 'a long build says how far it is' sh -c '[ "$2" -eq 0 ] && grep -q "2 of about 930 objects, 10 s" "$1"' sh "$top/slow.log" $slow
start never.tar.xz "$top/never.log"
i=0
until [ -e "$top/one/selfsame/kernel-tree-local-x86_64/started" ] || [ $i -eq 300 ]; do sleep 0.1 && i=$((i + 1)); done
kill $child
never=0
wait $child || never=$?
child=
ok 'SIGTERM ends it' [ $never -eq 143 ]
ok 'and leaves no scraps' sh -c '! ls -d "$1"/.tmp.*' sh "$top/one/selfsame"
ok 'and no lock: the next build runs' ends 0 'result/bzImage' build plain.tar.xz --fresh
echo "1..$n"
