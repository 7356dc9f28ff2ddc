# With enclaves: tests/host/supervisor.py. Here: what is refused, and that nothing is made.

mkdir -m 700 runtime
export XDG_RUNTIME_DIR="$PWD/runtime"
try 2 logs
err 'selfsame: error: logs needs NAME'
try 2 logs a b
err "selfsame: error: logs: one argument too many: 'b'"
try 4 logs nobody
err <<'END'
selfsame: error: there is no enclave named 'nobody'
selfsame: hint: 'selfsame list' shows those that run
END
out ''
try 4 logs ../nobody
err_has "there is no enclave named '../nobody'"
try 4 logs "$(printf 'a\033b')"
err_has 'there is no enclave named '
check 'no escape reaches the terminal' sh -c '! grep -q "$(printf "\033")" "$1"' - "$ERR"
check 'asking makes no folder' sh -c 'test -z "$(ls runtime)"'
