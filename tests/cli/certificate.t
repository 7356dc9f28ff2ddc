# With enclaves: tests/host/certificate.py. Here: what is refused before anybody is asked.

mkdir -m 700 runtime
export XDG_RUNTIME_DIR="$PWD/runtime"
try 2 certificate app
err 'selfsame: error: certificate needs NAME CHAIN'
try 4 certificate app none.pem
err_has 'none.pem'
echo 'no certificate' >text.pem
try 3 certificate app text.pem
err "selfsame: error: 'text.pem': line 1 is no part of a certificate in PEM form"
: >empty.pem
try 3 certificate app empty.pem
err "selfsame: error: 'empty.pem': there is no certificate in PEM form"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -days 2 -keyout key.pem -out cert.pem 2>/dev/null
cat cert.pem key.pem >both.pem
try 3 certificate app both.pem
err_has "selfsame: error: 'both.pem': line "
for _ in $(seq 60); do cat cert.pem; done >long.pem
try 3 certificate app long.pem
err_has "selfsame: error: 'long.pem': the chain"
try 4 certificate app cert.pem
err <<'END'
selfsame: error: there is no enclave named 'app'
selfsame: hint: 'selfsame list' shows those that run
END
out ''
check 'asking makes no folder' sh -c 'test -z "$(ls runtime)"'
