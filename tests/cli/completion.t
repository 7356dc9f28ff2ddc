# The three scripts come from the command table; each shell must at least accept its own.

try 0 completion bash
err ''
check 'bash accepts its script' bash -n "$OUT"
cp "$OUT" bash.sh
complete_bash() { # WORDS...: what bash offers for the last one
	bash -c '. ./bash.sh; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _selfsame
		printf "%s\n" "${COMPREPLY[@]}"' - "$@" | sort | tr '\n' ' '
}
check 'bash offers commands' test "$(complete_bash selfsame compl)" = 'completion '
check 'bash offers options' test "$(complete_bash selfsame completion --ver)" = '--verbose '
check 'bash offers choices' test "$(complete_bash selfsame completion '')" = 'bash fish zsh '

try 0 completion zsh
err ''
check 'zsh accepts its script' zsh -n "$OUT"
try 0 completion fish
err ''
check 'fish accepts its script' fish --no-execute "$OUT"

"$TABLE" | awk -F'\t' '$2 != "-" { print $2 }' | sort -u >options
for shell in bash zsh fish; do
	"$SELFSAME" completion $shell >script
	missing=
	while read -r o; do
		case $shell in fish) word="-l $o" ;; *) word="--$o" ;; esac
		grep -qF -e "$word" script || missing="$missing $o"
	done <options
	check "$shell knows every option" test -z "$missing"
done
