# What can be said without an endpoint; with one: tests/endpoint/secrets.py.

sender() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=me -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
sender me
sender other
openssl pkey -in me.key -aes256 -passout pass:x -out locked.key
echo x >value
head -c 65537 /dev/zero >large
pcrs=$(for n in 0 1 2; do printf -- '--pcr %s=%096d ' $n $n; done)
url=https://a.example

try 2 secrets send $url
err 'selfsame: error: secrets send needs URL NAME=FILE...'
try 2 secrets send $url A=value
err 'selfsame: error: secrets send needs --certificate and --key'
try 3 secrets send --certificate value --key me.key $url A=value
err "selfsame: error: the sender's certificate: no certificate in PEM"
for key in value locked.key me.pem; do
	try 3 secrets send --certificate me.pem --key $key $url A=value
	err "selfsame: error: the sender's key: no private key in PEM without a passphrase"
done
try 3 secrets send --certificate me.pem --key other.key $url A=value
err "selfsame: error: the sender's key is not that of the certificate"
for word in value =value "$(printf '%065d' 1 | tr 01 ab)=value"; do
	try 2 secrets send --certificate me.pem --key me.key $url "$word"
	err 'selfsame: error: a secret is given as NAME=FILE'
done
for name in 1A A-B 'A B' A/../B é; do
	try 2 secrets send --certificate me.pem --key me.key $url "$name=value"
	err "selfsame: error: a secret's name is a letter or '_', then letters, digits and '_'"
done
try 2 secrets send --certificate me.pem --key me.key $url A=value B=value A=value
err "selfsame: error: 'A' is given twice"
try 4 secrets send --certificate me.pem --key me.key $url A=none
err "selfsame: error: cannot open 'none': No such file or directory"
try 3 secrets send --certificate me.pem --key me.key $url A=large
check 'the limit is told' grep -q '65536' "$ERR"
try 2 secrets send --certificate me.pem --key me.key $url A=value
err 'selfsame: error: nothing is expected of the code that runs: no verdict
selfsame: hint: give --eif, --measurements, --policy, or --pcr for each of PCR0, PCR1 and PCR2'
# shellcheck disable=SC2086
try 2 secrets send $pcrs --certificate me.pem --key me.key http://a.example A=value
err "selfsame: error: 'http://a.example' is not https://NAME[:PORT]"
