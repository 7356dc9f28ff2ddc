# With enclaves: tests/host/certificate.py. Here: what is refused, and that nothing is made.

mkdir -m 700 runtime
export XDG_RUNTIME_DIR="$PWD/runtime"
try 2 csr
err 'selfsame: error: csr needs NAME'
try 2 csr app
err 'selfsame: error: csr needs --dns'
for name in '' . a. '*' '*.' 'a b' a..b 1.2.3.4 'a.*.b' "$(printf '%064d' 0)"; do
	try 2 csr app --dns "$name"
	err "selfsame: error: --dns: '$name' is no name of DNS"
done
set --
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do set -- "$@" --dns "n$i"; done
try 2 csr app "$@" --dns n17
err 'selfsame: error: --dns: 17 names; there may be 16'
try 4 csr app "$@"
err <<'END'
selfsame: error: there is no enclave named 'app'
selfsame: hint: 'selfsame list' shows those that run
END
out ''
check 'asking makes no folder' sh -c 'test -z "$(ls runtime)"'
