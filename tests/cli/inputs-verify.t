# The store of inputs: is every object what its name says? (inputs.sh makes a store and a lock.)

. "$SRC/tests/cli/inputs.sh"
try 0 inputs verify
out '0 whole, 0 bytes; damaged: 0; missing: 0'
one=$(object first)
two=$(object 'the second')
lock "http://h/a $one 5" "http://h/b $two 10" "http://h/c $two 10" >enclave.lock
try 0 inputs verify
out '2 whole, 15 bytes; damaged: 0; missing: 0'
try 0 inputs verify enclave.lock
out '2 whole, 15 bytes; damaged: 0; missing: 0'

printf x >>"$(where "$one")"
rm "$(where "$two")"
echo stray >"$STORE/sha256/stray"
try 1 inputs verify
out "damaged  $one
no object  stray
0 whole, 0 bytes; damaged: 1; missing: 0"
try 1 inputs verify enclave.lock
out "damaged  $one  http://h/a
missing  $two  http://h/b
0 whole, 0 bytes; damaged: 1; missing: 1"
try 1 inputs verify --json enclave.lock
check 'the same in JSON' python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert r == {"Whole": 0, "Bytes": 0, "NoObjects": [],
  "Damaged": [{"SHA256": sys.argv[2], "URL": "http://h/a"}],
  "Missing": [{"SHA256": sys.argv[3], "URL": "http://h/b"}]}, r' "$OUT" "$one" "$two"
try 1 inputs verify --json
check 'what is no object, too' grep -q '"stray"' "$OUT"

try 4 inputs verify nowhere.lock
err "selfsame: error: cannot open 'nowhere.lock': No such file or directory"
try 2 inputs verify a b
XDG_CACHE_HOME='' HOME='' try 4 inputs verify
err 'selfsame: error: neither XDG_CACHE_HOME nor HOME is set'

# What a lock may not say of an input.
for line in 'url = "ftp://h/a"' 'url = "http://h/a b"' 'url = "http://H/a"' 'url = "http://u@h/a"' 'url = "http://h/a#b"' \
	'url = "http://h"' 'url = "http://h/\u000d"' 'sha256 = "00"' 'method = "PUT"' 'status = 199' 'status = 600' 'turn = 1' 'size = -1' \
	'key = "x"' 'headers = ["x: y\r\nz: 1"]' 'headers = ["X: y"]' 'headers = ["x:y"]' 'headers = ["b: 1", "a: 1"]' \
	'headers = ["a: 1", "a: 1"]' 'type = "a\u00e9"' 'more = 1'; do
	lock "http://h/a $one 5" | awk -v l="$line" 'BEGIN { split(l, k, " ") } /^\[\[input/ { print; print l; in_it = 1; next }
		in_it && $1 == k[1] { in_it = 0; next } { print }' >bad.lock
	try 3 inputs verify bad.lock
	err_has "selfsame: error: 'bad.lock': line "
done
lock "http://h/a $one 5" "http://h/a $two 10" >bad.lock
try 3 inputs verify bad.lock
err "selfsame: error: 'bad.lock': two inputs are GET 'http://h/a'"
lock "http://h/a $one 5" | sed 's/"GET"/"HEAD"/' >bad.lock
try 3 inputs verify bad.lock
err "selfsame: error: 'bad.lock': input HEAD 'http://h/a': 'input.sha256' is of no body"
lock "http://h/a $one 5" | awk '/^\[\[input/ { i = 1 } i && /^sha256/ { i = 0; next } { print }' >bad.lock
try 3 inputs verify bad.lock
err "selfsame: error: 'bad.lock': input GET 'http://h/a': 'input.sha256' is missing"
