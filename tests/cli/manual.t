# Every command has a man page and a file of cases; every option is in its page, and no page names
# an option that is gone.

"$TABLE" >table
cut -f1 table | sort -u >commands
while read -r cmd; do
	file=$(echo "$cmd" | tr ' ' '-')
	page="$SRC/docs/man/selfsame-$file.1.scd"
	check "command $cmd has cases: tests/cli/$file.t" test -s "$SRC/tests/cli/$file.t"
	check "which are run: $file stands in cli_tests of tests/meson.build" \
		sh -c 'sed -n "/^cli_tests/,/]/p" "$1" | grep -qF "'"'$file'"'"' - "$SRC/tests/meson.build"
	check "command $cmd has a man page: docs/man/selfsame-$file.1.scd" test -s "$page"
	[ -s "$page" ] || continue
	awk -F'\t' -v c="$cmd" '$1 == c && $2 != "-" { print "--" $2 }' table | sort >want
	# An option's own entry begins a line: *-o*, *--output* _FILE_
	grep -E '^\*-' "$page" | grep -oE -- '--[a-z0-9-]+' | sort -u >seen
	diff want seen >why
	check "the man page of $cmd has exactly its options (< table, > page)" \
		sh -c 'cat why; test ! -s why'
	check "the man page of $cmd renders" sh -c 'scdoc <"$1" >page.1' - "$page"
	check "selfsame(1) names $cmd" grep -qF "*selfsame-$file*(1)" "$SRC/docs/man/selfsame.1.scd"
done <commands
for page in "$SRC"/docs/man/*.scd; do
	check "$(basename "$page") is installed: docs/man/meson.build" \
		grep -qF "'$(basename "$page" .scd)'" "$SRC/docs/man/meson.build"
	check "$(basename "$page") renders" sh -c 'scdoc <"$1" >page.1' - "$page"
done

# The page and the format of each file have exactly the keys that the program reads.
for file in enclave.toml enclave.lock; do
	"$TABLE" $file | sort >want
	check "$file has keys" test "$(grep -c . want)" -gt 10
	grep -E '^\|' "$SRC/docs/formats/$(echo $file | tr . -).md" | grep -oE '^\| (`[a-z_0-9.]+`(, | and )?)+' |
		grep -oE '`[a-z_0-9.]+`' | tr -d '`' | sort >seen
	check "docs/formats/$(echo $file | tr . -).md has the keys of the program (<)" diff want seen
	grep -E '^\*' "$SRC/docs/man/$file.5.scd" | grep -oE '\*[a-z_0-9.]+\* = ' | tr -d '* =' | sort >seen
	check "$file(5) has the keys of the program (<)" diff want seen
done
