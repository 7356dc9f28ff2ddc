# What can be said without an endpoint; with one: tests/endpoint.

try 2 attest
err 'selfsame: error: attest needs URL'
for url in a.example http://a.example https://a/b https://u@a 'https://a?nonce=1'; do
	try 2 attest "$url"
	err "selfsame: error: '$url' is not https://NAME[:PORT]"
done
try 2 attest "$(printf 'https://a\033[2J')"
err "selfsame: error: 'https://a\\x1b[2J' is not https://NAME[:PORT]"
# A listener that is gone leaves a port that nobody has.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
try 5 attest "https://127.0.0.1:$port"
err "selfsame: error: 127.0.0.1 port $port: Connection refused"
check 'nothing is left' test ! -e attestation.cbor
