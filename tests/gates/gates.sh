#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: gates.sh SOURCE-ROOT
#
# Negative controls: each gate is shown something wrong and must say so. Prints TAP.
set -u
src=$(realpath "$1")
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT
cd "$work" || exit 99
count=0

verdict() { # OK NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/# /' log
	fi
}

refuses() { # NAME TEXT COMMAND...: it fails, and its output holds TEXT
	name=$1 text=$2
	shift 2
	rc=0
	"$@" >log 2>&1 || rc=$?
	[ "$rc" -ne 0 ] && grep -qF -- "$text" log
	verdict $? "refused: $name"
}

accepts() { # NAME COMMAND...
	name=$1
	shift
	"$@" >log 2>&1
	verdict $? "accepted: $name"
}

# --- layers
mkdir -p tree/src/base tree/src/crypto tree/src/io tree/src/eif tree/tools
cp "$src/tools/layers.txt" tree/tools/
echo '#include "base/a.h"' >tree/src/io/good.c
accepts 'an include that the table allows' "$src/tools/check-layers" tree
one() { # NAME TEXT FILE LINE
	echo "$4" >"tree/src/$3"
	refuses "$1" "$2" "$src/tools/check-layers" tree
	rm "tree/src/$3"
}
one 'an upward include' 'src/base/up.c:1: base may not include io' base/up.c '#include "io/file.h"'
one 'an include with spaces' 'base may not include io' base/up.h ' #  include "io/file.h"'
one 'an include by a way round' 'an include is "folder/file.h"' base/up.c '#include "../io/file.h"'
one 'an include without a folder' 'an include is "folder/file.h"' base/up.c '#include "file.h"'
one 'a library outside its folder' 'eif may not include <openssl/>' eif/x.c '#include <openssl/evp.h>'
one 'libssl, which crypto does not have' 'crypto may not include <openssl/ssl>' crypto/x.c '#include <openssl/ssl.h>'
mkdir tree/src/frob
one 'a folder that is not in the table' 'folder frob is not in tools/layers.txt' frob/x.c '#include "base/a.h"'
rm tree/src/io/good.c
refuses 'a tree without includes' 'no includes found' "$src/tools/check-layers" tree

# --- symbols
echo 'int good_one(void); int good_one(void) { return 1; }' >good.c
echo 'int stray(void); int stray(void) { return 1; } static int mine(void) { return 2; } int (*good_p)(void) = mine;' >bad.c
cc -c good.c bad.c && ar rcs libgood.a good.o && ar rcs libbad.a good.o bad.o && ar rcs libempty.a
accepts 'a library whose symbols have its prefix' "$src/tools/check-symbols" libgood.a 'good_|also_'
refuses 'a symbol without the prefix' 'not prefixed with (good_): stray' "$src/tools/check-symbols" libbad.a good_
refuses 'a library without symbols' 'no symbols' "$src/tools/check-symbols" libempty.a good_

# --- banned calls
banned() { # NAME CALL
	printf '#include <string.h>\n#include <stdio.h>\nint f(char *a, char *b); int f(char *a, char *b) { (void)a; (void)b; %s; return 0; }\n' "$2" >call.c
	refuses "a call of $1" "banned_$1" sh -c '"$@" <call.c' - cc -fsyntax-only -include "$src/src/base/banned.h" -x c -
}
banned strcpy 'strcpy(a, b)'
banned sprintf 'sprintf(a, "%s", b)'
banned atoi '(void)atoi(a)'
banned system '(void)system(a)'
banned qsort 'qsort(a, 1, 1, 0)'
banned readdir '(void)readdir(0)'
echo 'int f(void); int f(void) { char a[4]; return snprintf(a, sizeof a, "x"); }' >call.c
accepts 'a call that is not banned' sh -c '"$@" <call.c' - cc -fsyntax-only -include "$src/src/base/banned.h" -x c -

# --- the rebuild
mkdir -p tiny
printf "project('t', 'c', default_options: 'buildtype=plain')\nexecutable('selfsame', 'main.c', c_args: '-DWHERE=\"' + meson.current_source_dir() + '\"')\n" >tiny/meson.build
printf 'const char *where(void);\nconst char *where(void) { return "same"; }\nint main(void) { return where()[0] == 0; }\n' >tiny/main.c
accepts 'a program that rebuilds' "$src/tools/check-repro" tiny
sed 's/"same"/WHERE/' tiny/main.c >tiny/m && mv tiny/m tiny/main.c
refuses 'a program with its path inside' 'differ' "$src/tools/check-repro" tiny

# --- lint: a tree of its own with one fault at a time
mkdir -p house/src house/tools house/tests/cli house/build
cp "$src/tools/lint" "$src/tools/spelling.txt" house/tools/
cp "$src/.clang-format" "$src/.clang-tidy" house/
(cd house && git init -q . && git config user.name t && git config user.email t@example.org)
cat >house/src/good.c <<'END'
int good(int a);

int good(int a)
{
	return a + 1;
}
END
lint() { # GATE
	(
		cd house && git add -A && printf '[%s{"directory":"%s","command":"clang -c src/good.c","file":"%s/src/good.c"}]' \
			"$([ ! -f src/bad.c ] || printf '{"directory":"%s","command":"clang -c src/bad.c","file":"%s/src/bad.c"},' "$PWD" "$PWD")" \
			"$PWD" "$PWD" >build/compile_commands.json && tools/lint build "$1"
	)
}
printf '#!/bin/sh\necho "$1"\n' >house/tools/good.sh
printf 'echo hello\n' >house/tests/cli/good.t
for gate in format tidy cppcheck shell spelling size; do
	accepts "a clean tree ($gate)" lint $gate
done
printf 'int  f( void );\n' >house/src/bad.c
refuses 'code laid out another way' 'lint format: FAILED' lint format
printf '#include <stdlib.h>\nint f(int a);\n\nint f(int a)\n{\n\tint *p = 0;\n\n\tif (a > 3)\n\t\treturn *p;\n\treturn 1;\n}\n' >house/src/bad.c
refuses 'a null pointer followed (tidy)' 'lint tidy: FAILED' lint tidy
printf 'int f(void);\n\nint f(void)\n{\n\tint a[2];\n\n\ta[2] = 1;\n\treturn a[0];\n}\n' >house/src/bad.c
refuses 'a write past the end (cppcheck)' 'lint cppcheck: FAILED' lint cppcheck
{ printf 'int f(int a);\n\nint f(int a)\n{\n'; i=0; while [ $i -lt 120 ]; do printf '\ta++;\n'; i=$((i + 1)); done; printf '\treturn a;\n}\n'; } >house/src/bad.c
refuses 'a function of 120 lines' 'lint size: FAILED' lint size
rm house/src/bad.c
printf '#!/bin/sh\n[[ "$1" == x ]] && echo yes\n' >house/tools/bad.sh
refuses 'a test that is not POSIX' 'lint shell: FAILED' lint shell
rm house/tools/bad.sh
printf 'this is t%s text\n' eh >house/README.md
refuses 'a spelling mistake' 'lint spelling: FAILED' lint spelling
rm house/README.md

# --- command-line cases: of a program that prints what it is given
cases() { # LINES
	printf '%b' "$1" >cases.t
	"$src/tests/cli/run.sh" /bin/echo "$src" "$PWD/cases.t"
}
accepts 'a case that is as it says' cases "try 0 a b\nout 'a b'\nout_has 'a'\nerr ''\n"
refuses 'another exit status' 'status 0 instead of 1' cases 'try 1 a\n'
refuses 'another output' 'not ok 2 - selfsame a: out' cases 'try 0 a\nout b\n'
refuses 'a line that is not there' "not ok 2 - selfsame a: out has 'b'" cases 'try 0 a\nout_has b\n'
refuses 'a text of several lines, of which one is there' 'the text has several lines' cases "try 0 a\nout_has 'a\nb'\n"
refuses 'no case' '1..0' cases ':\n'
accepts 'words with an end of line in them' cases "try 0 'a\nb'\ncheck 'c\nd' true\n"
grep -qx 'ok 1 - selfsame a b: exit status 0' log && grep -qx 'ok 2 - c d' log && [ "$(wc -l <log)" -eq 3 ]
verdict $? 'a case has a line'

# --- totals
mkdir -p results/meson-logs
line() { # RESULT STDOUT
	printf '{"name": "t", "result": "%s", "stdout": "%s"}\n' "$1" "$2" >results/meson-logs/testlog.json
}
line OK '1..2\nok 1 - a\nok 2 - b\n'
accepts 'two good cases' "$src/tools/totals" results
grep -qx '2 passed, 0 failed' log
verdict $? 'counted: two passed'
line FAIL '1..2\nok 1 - a\nnot ok 2 - b\n'
refuses 'a bad case' '1 passed, 1 failed' "$src/tools/totals" results
line ERROR '1..3\nok 1 - a\n'
refuses 'a program that died' '1 passed, 1 failed' "$src/tools/totals" results
line ERROR '1..2\nok 2 - b\nok 1 - a\n'
refuses 'two threads that count' 'their numbers are out of order' "$src/tools/totals" results
line TIMEOUT ''
refuses 'a program without an end' '0 passed, 1 failed' "$src/tools/totals" results
: >results/meson-logs/testlog.json
refuses 'a log without tests' 'no test was run' "$src/tools/totals" results
rm results/meson-logs/testlog.json
line OK ''
mv results/meson-logs/testlog.json results/meson-logs/testlog-check.json
accepts 'the log of a named set-up' "$src/tools/totals" results
refuses 'a folder without a log' '0 passed, 1 failed' "$src/tools/totals" nowhere

# --- packages
refuses 'a tier that is not there' 'no such tier: frob' "$src/tools/install-deps" --list build frob
# shellcheck disable=SC2046 # a list of tiers
accepts 'the tiers of the make targets' "$src/tools/install-deps" --list \
	$(sed -n 's/.*tools\/install-deps //p' "$src/Makefile" "$src/tools/check" "$src/tools/demo" | tr ' ' '\n' | sort -u)
refuses 'no tier' 'usage: install-deps' "$src/tools/install-deps"

echo "1..$count"
