#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: rig-boot.sh RIG-BOOT
# What rig-boot makes of a QEMU, with scripts in its place: what is shown, how it ends (TAP).
set -eu
rig_boot=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TMPDIR=$work
export TMPDIR
n=0
: >"$work/x.eif"

# check NAME STATUS EXPECTED-OUTPUT SCRIPT [OPTION...]: the script is QEMU; "" is no QEMU at all.
check() {
	name=$1 status=$2 expected=$3
	rm -f "$work/qemu"
	[ -z "$4" ] || printf '#!/bin/sh\n%s\n' "$4" >"$work/qemu"
	[ -z "$4" ] || chmod +x "$work/qemu"
	shift 4
	rc=0
	"$rig_boot" --eif "$work/x.eif" --qemu "$work/qemu" --firmware "$work" "$@" \
		>"$work/out" 2>"$work/err" </dev/null || rc=$?
	# shellcheck disable=SC2059 # the escapes are meant
	printf "$expected" | sed "s|WORK|$work|g" >"$work/expected"
	n=$((n + 1))
	if [ "$rc" = "$status" ] && cmp -s "$work/out" "$work/expected" &&
		[ -z "$(find "$work" -mindepth 1 -name 'rig-boot.*')" ]; then
		echo "ok $n - $name"
	else
		sed 's/^/# /' "$work/out" "$work/err"
		echo "not ok $n - $name (status $rc)"
	fi
}

echo 'TAP version 13'
echo 1..12
check 'a guest that ends in order is 0' 0 'one\ntwo\n' "printf 'one\r\ntwo\r\n'"
check 'a last line may lack its end' 0 'one\ntwo\n' "printf 'one\ntwo'"
check 'a QEMU that fails is 1' 1 'no\n' 'echo no >&2; exit 3'
check 'a QEMU that is not there is 1' 1 \
	"rig-boot: cannot run 'WORK/qemu': No such file or directory\n" ''
check 'a kernel panic is 1' 1 'Kernel panic - not syncing: x\n' \
	'echo "Kernel panic - not syncing: x"'
check 'the text that is waited for ends it with 0' 0 'a\nit listens\n' \
	'echo a; echo it listens; exec sleep 100' --until listens
check 'a guest that ends without it is 1' 1 'a\n' 'echo a' --until listens
check 'when the time is up it is 124' 124 'a\n' 'echo a; exec sleep 100' --timeout 4
check 'control bytes and what is no UTF-8 are shown, not obeyed' 0 \
	'\\x1b[31m red \\x07 ä€😀 \\xc2\\x9b \\xff \\xed\\xa0\\x80 \\xc0\\xaf\ttab\n' \
	'printf "\\033[31m red \\007 ä€😀 \\302\\233 \\377 \\355\\240\\200 \\300\\257\\ttab\\n"'
check 'a line without end is shown in pieces' 0 "$(printf '%04095d' 0)\\n0x\\n" \
	'printf "%04096dx" 0'
# shellcheck disable=SC2016 # the script's own
check 'QEMU gets the machine, the memory and what the host adds' 0 \
	'nitro-enclave,vsock=c,id=i-1-enc1\nreboot=t panic=-1 no_timer_check tsc_early_khz=N tsc=reliable more words\n300M\n-no-reboot\n' \
	'while [ $# -gt 0 ]; do
		case $1 in
		-M | -m) echo "$2" ;;
		-append) echo "$2" | sed "s/early_khz=[1-9][0-9]*/early_khz=N/" ;;
		-no-reboot) echo "$1" ;;
		esac
		shift
	done' --mem 300M --append 'more words' --id i-1-enc1
check 'a wrong call is 2' 2 '' 'echo started' --memory 1G
