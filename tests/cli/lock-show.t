# What a build was made of, for people.

. "$SRC/tests/cli/inputs.sh"
one=1111111111111111111111111111111111111111111111111111111111111111
two=2222222222222222222222222222222222222222222222222222222222222222
lock "http://d/pool/curl_7.88.1-10%2bdeb12u14_amd64.deb $one 315" "http://d/dists/InRelease $two 9" >enclave.lock
try 0 lock show
out 'layout 1 (selfsame), x86_64, epoch 0, written by 0.1.0
kernel nitro  0000000000000000000000000000000000000000000000000000000000000000  known
inputs 2, 324 bytes
  GET  200          9  222222222222  http://d/dists/InRelease
  GET  200        315  111111111111  curl 7.88.1-10+deb12u14  http://d/pool/curl_7.88.1-10%2bdeb12u14_amd64.deb'
try 0 lock show --json enclave.lock
check 'the same in JSON' python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert [i["URL"] for i in r["Inputs"]] == ["http://d/dists/InRelease", "http://d/pool/curl_7.88.1-10%2bdeb12u14_amd64.deb"], r
i = r["Inputs"][1]
assert i["PackageSystem"] == "deb" and i["Package"] == "curl" and i["PackageVersion"] == "7.88.1-10+deb12u14", i
assert i["Size"] == 315 and i["Status"] == 200 and i["Method"] == "GET" and i["Type"] == "text/plain" and i["SHA256"] == "1" * 64, i
assert r["Layout"] == 1 and r["Arch"] == "x86_64" and r["Bases"] == [] and "Engine" not in r' "$OUT"

# An answer that changed, a HEAD, a build with an engine; text of others does not reach the terminal.
{
	printf '[[base]]\ndigest = "sha256:%s"\nname = "docker.io/x:1"\n\n[build]\nengine = "buildah"\nengine_version = "1\\u009b2"\n\n' $one
	lock "http://d/a $one 5" | sed 's/^\[image/[[input]]\nmethod = "HEAD"\nurl = "http:\/\/d\/a"\nsize = 7\nstatus = 404\nturn = 3\n\n[image/'
} >mixed.toml
awk '/^\[\[base/ { hold = 1 } hold && /^arch/ { hold = 0; at = 1 } hold { keep = keep $0 "\n"; next } { print } END { printf "\n%s", keep }' mixed.toml >other.lock
try 0 lock show other.lock
out_has 'engine buildah 1\xc2\x9b2'
out_has "base   docker.io/x:1  sha256:$one"
out_has '  GET  200          5  111111111111  http://d/a'
out_has '  HEAD 404          7  -             http://d/a  from request 3 on'
sed "s/^engine = /clock = 1767225600\n&/; s/^engine_version.*/&\nhermetic = \"full\"\nseed = \"$one\"/" other.lock >clock.lock
try 0 lock show clock.lock
out_has 'clock  1767225600  2026-01-01T00:00:00+00:00'
try 0 lock show --json clock.lock
check 'the clock in JSON' python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["Clock"] == 1767225600' "$OUT"
try 4 lock show nowhere
try 3 lock show /dev/null
try 2 lock show a b
