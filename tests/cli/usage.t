# What everybody meets first: no command, a wrong one, the version, a full disk.

try 0 --help
out_has 'usage: selfsame COMMAND [OPTIONS] [ARGUMENTS]'
err ''
golden help/selfsame.txt
try 0 -h
golden help/selfsame.txt

try 0 --version
out "selfsame $(sed -n "s/^  version: '\(.*\)',/\1/p" "$SRC/meson.build")"
err ''

try 2
out ''
err <<'END'
selfsame: error: a command is needed
selfsame: hint: 'selfsame --help' lists the commands
END

try 2 frob
err <<'END'
selfsame: error: unknown command 'frob'
selfsame: hint: 'selfsame --help' lists the commands
END
try 2 compeltion
err "selfsame: error: unknown command 'compeltion'; did you mean 'completion'?"
try 2 "$(printf 'a\033[31mb')"
err_has "unknown command 'a\\x1b[31mb'"

try 2 completion
err 'selfsame: error: completion needs SHELL'
try 2 completion tcsh
err "selfsame: error: completion: 'tcsh' is not one of: bash zsh fish"
try 2 completion bash fish
err "selfsame: error: completion: one argument too many: 'fish'"
try 2 completion --verbsoe bash
err "selfsame: error: completion: unknown option '--verbsoe'; did you mean '--verbose'?"
try 2 completion --frob bash
err <<'END'
selfsame: error: completion: unknown option '--frob'
selfsame: hint: 'selfsame COMMAND --help' lists the options
END
try 2 completion -x bash
err <<'END'
selfsame: error: completion: unknown option '-x'
selfsame: hint: 'selfsame COMMAND --help' lists the options
END
try 2 completion --quiet=yes bash
err 'selfsame: error: --quiet takes no value'

# Results that do not arrive are an error, not silence.
to_full() { "$SELFSAME" --help >/dev/full; }
to_nowhere() { "$SELFSAME" --help >&-; }
full=0
to_full 2>full.err || full=$?
check 'a full disk is exit status 4' test "$full" -eq 4
check 'a full disk is named' grep -qx \
	'selfsame: error: cannot write to standard output: No space left on device' full.err
closed=0
to_nowhere 2>closed.err || closed=$?
check 'a closed standard output is exit status 4' test "$closed" -eq 4
check 'a closed standard output is named' grep -qx \
	'selfsame: error: cannot write to standard output: Bad file descriptor' closed.err
mkfifo pipe
exec 9<>pipe 8>pipe 9>&- # a pipe that nobody reads
pipe=0
"$SELFSAME" completion fish 2>pipe.err >&8 || pipe=$?
exec 8>&-
check 'a pipe that nobody reads is exit status 4' test "$pipe" -eq 4
check 'a pipe that nobody reads is named' grep -qx \
	'selfsame: error: cannot write to standard output: Broken pipe' pipe.err
