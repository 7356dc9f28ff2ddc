# With enclaves: tests/host/supervisor.py. Here: what is refused, and that nothing is made.

mkdir -m 700 runtime
export XDG_RUNTIME_DIR="$PWD/runtime"
try 2 stop
err 'selfsame: error: stop needs NAME'
try 2 stop a b
err "selfsame: error: stop: one argument too many: 'b'"
try 4 stop nobody
err <<'END'
selfsame: error: there is no enclave named 'nobody'
selfsame: hint: 'selfsame list' shows those that run
END
out ''
try 4 stop ../nobody
err_has "there is no enclave named '../nobody'"
try 4 stop "$(printf 'a\033b')"
err_has 'there is no enclave named '
check 'no escape reaches the terminal' sh -c '! grep -q "$(printf "\033")" "$1"' - "$ERR"
check 'asking makes no folder' sh -c 'test -z "$(ls runtime)"'
try 2 stop --grace 0 app
err 'selfsame: error: --grace: 0 is out of range; it goes from 1 to 600'
