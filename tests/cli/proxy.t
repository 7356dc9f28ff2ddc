# What can be said without an endpoint; with one: tests/endpoint/proxy.py.

pcrs=$(for n in 0 1 2; do printf -- '--pcr %s=%096d ' $n $n; done)
try 2 proxy
err 'selfsame: error: proxy needs URL'
try 2 proxy https://a.example
err 'selfsame: error: nothing is expected of the code that runs: no verdict
selfsame: hint: give --eif, --measurements, --policy, or --pcr for each of PCR0, PCR1 and PCR2'
for where in 0.0.0.0:1 127.0.0.1 127.0.0.1:65536 '[::]:1' '[::1]' ::1:1 localhost:1 127.0.0.1:01 192.0.2.1:1 ''; do
	# shellcheck disable=SC2086 # words
	try 2 proxy $pcrs --any-operator --listen "$where" https://a.example
	err "selfsame: error: '$where' is not an address of this machine alone and a port, as in 127.0.0.1:8443"
done
# shellcheck disable=SC2086
try 2 proxy $pcrs https://a.example/path
err "selfsame: error: 'https://a.example/path' is not https://NAME[:PORT]"
printf 'max_age = 4\n' >hasty.toml
# shellcheck disable=SC2086
try 2 proxy $pcrs --any-operator --policy hasty.toml https://a.example
err "selfsame: error: the policy's max_age is 4 s, and a yes here counts for 5 s or more"
for seconds in 4 31536001; do
	# shellcheck disable=SC2086
	try 2 proxy $pcrs --max-age "$seconds" https://a.example
	err "selfsame: error: --max-age: $seconds is out of range; it goes from 5 to 31536000"
done
