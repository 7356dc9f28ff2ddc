# --help of each command is a golden file: `make bless` rewrites them.

"$TABLE" | cut -f1 | sort -u >commands
while read -r cmd; do
	# shellcheck disable=SC2086
	try 0 $cmd --help
	err ''
	golden "help/$(echo "$cmd" | tr ' ' '-').txt"
	awk 'length($0) > 80' "$OUT" >long
	check "selfsame $cmd --help fits 80 columns" test ! -s long
done <commands
(cd "$SRC/tests/cli/help" && ls) | sed 's/\.txt$//' | grep -vx selfsame | sort >seen
tr ' ' '-' <commands | sort >want
check 'no golden file is left of a command that is gone' diff want seen
