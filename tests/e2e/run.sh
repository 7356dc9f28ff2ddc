#!/bin/sh
# usage: run.sh SELFSAME SOURCE-ROOT CASES.t [TOOL]
#
# Cases as in tests/cli/run.sh, with a real engine: beside a registry on loopback that holds the
# base image (tools/demo-base), in name spaces of their own: whatever a case mounts or starts ends
# with it. They need root, for containers; without it they are skipped, and say so. What
# tools/TOOL prints, NAME=PATH, is on PATH.
set -eu
[ "$(id -u)" -eq 0 ] || {
	echo '1..0 # SKIP real engines are tried as root only'
	exit 0
}
if [ $# -eq 4 ]; then
	found=$("$2/tools/$4")
	PATH=$(dirname "${found##*=}"):$PATH
	export PATH
fi
exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
	"$2/tools/demo-base" "$2/tests/cli/run.sh" "$1" "$2" "$3"
