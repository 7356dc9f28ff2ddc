# What servers have today, into the lock; and --online-check, which only says what differs.

. "$SRC/tests/cli/inputs.sh"
sum() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
mkdir www
printf one >www/a_1.0_amd64.deb
printf two >www/index
python3 -c '
import functools, http.server, sys
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a):
        pass
    def end_headers(self):
        self.send_header("Link", "<x>") if "linked" in self.path else None
        super().end_headers()
    def guess_type(self, path):
        return "text/plain"
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(H, directory="www"))
open("port.new", "w").write(str(s.server_port))
import os; os.rename("port.new", "port")
s.serve_forever()' &
server=$!
trap 'kill $server' EXIT
i=0
while [ ! -f port ] && [ $i -lt 600 ]; do
	sleep 0.1
	i=$((i + 1))
done
at=http://127.0.0.1:$(cat port)
one=$(object one) two=$(object two)

lock "$at/index $two 3" >enclave.lock
try 3 lock update
err "selfsame: error: '$at/index': '${at#http://}' is this machine (127.0.0.1): no step may ask it, unless 'build.local' in enclave.toml lists it"
try 5 inputs verify --online-check enclave.lock
out_has "not reached  '$at/index': '${at#http://}' is this machine (127.0.0.1): no step may ask it, unless "
printf '[build]\nlocal = ["%s"]\n' "${at#http://}" >enclave.toml

lock "$at/a_1.0_amd64.deb $one 3" "$at/index $two 3" >enclave.lock
cp enclave.lock before
try 0 inputs verify --online-check enclave.lock
out "2 whole, 6 bytes; damaged: 0; missing: 0
2 asked for; different: 0; not reached: 0; only a build can ask for: 0"
try 0 lock update
out '0 of 2 inputs changed'
check 'the lock is as it was' cmp enclave.lock before

printf three >www/index
three=$(sum three)
try 1 inputs verify --online-check enclave.lock
out "differs  $(echo "$two" | cut -c1-12) → $(echo "$three" | cut -c1-12)  $at/index
2 whole, 6 bytes; damaged: 0; missing: 0
2 asked for; different: 1; not reached: 0; only a build can ask for: 0"
try 1 inputs verify --json --online-check enclave.lock
check 'the same in JSON' python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert r["Asked"] == 2 and r["NotAskable"] == 0 and r["NotReached"] == [], r
[d] = r["Differs"]
assert d["URL"].endswith("/index") and d["Status"] == 200 and d["Locked"] != d["Found"], d' "$OUT"
check 'nothing was put into the store' test ! -e "$(where "$three")"

try 0 lock update 'a*'
out '0 of 1 inputs changed'
try 2 lock update 'nothing*'
err_has "'nothing*' is no URL and no package of enclave.lock"
try 0 lock update '*/index'
out "$at/index $(echo "$two" | cut -c1-12) → $(echo "$three" | cut -c1-12)
1 of 1 inputs changed"
check 'only that entry is another' python3 -c '
import sys, tomllib
a, b = (tomllib.load(open(f, "rb")) for f in ("before", "enclave.lock"))
[i] = [i for i in a["input"] if i["url"].endswith("/index")]
i["sha256"], i["size"] = sys.argv[1], 5
assert a == b, b' "$three"
check 'its body is in the store' test -e "$(where "$three")"

# The same version with other bytes; then a file that is gone: nothing is written.
printf 1111 >www/a_1.0_amd64.deb
try 0 lock update a
out_has 'a: other bytes under the same version: '
cp enclave.lock before
rm www/a_1.0_amd64.deb
printf four >www/index
try 5 lock update
err_has "'$at/a_1.0_amd64.deb': the server answered with status 404"
check 'nothing was written' cmp enclave.lock before
try 1 inputs verify --online-check enclave.lock
out_has '(status 200 → 404)'

# What nobody can ask for, and who does not answer.
lock "$at/index $(object four) 4" "http://127.0.0.1:1/x $one 3" "$at/q?token=redacted $one 3" >other.lock
try 5 inputs verify --online-check other.lock
out_has 'not reached  '
err_has '1 of 2 inputs could not be asked for'
try 2 inputs verify --online-check
err_has '--online-check needs a LOCK'
try 2 lock update a b
rm enclave.lock
try 4 lock update
