#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: web_repro.sh SOURCE-ROOT
# tools/web-build once more, libraries and all, in a cache and a copy of the sources elsewhere: the
# page has the same bytes. Prints TAP.
set -eu
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
trap 'exit 143' TERM INT
mkdir -p "$top/other place/sources"
(cd "$1" && cp -R include meson.build src tools web "$top/other place/sources/")
"$1/tools/web-build" "$top/one.html"
XDG_CACHE_HOME=$top/cache TZ=Asia/Kathmandu "$top/other place/sources/tools/web-build" "$top/two.html"
if cmp "$top/one.html" "$top/two.html"; then
	echo 'ok 1 - the page has the same bytes, built elsewhere'
else
	echo 'not ok 1 - the page has the same bytes, built elsewhere'
fi
echo 1..1
