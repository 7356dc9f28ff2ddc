# Verdicts: their first lines, what they list, exit statuses. Every reason has a document in
# tests/attest/family.py; here are genuine ones, images, and whatever the caller may do wrong.

v=$SRC/tests/vectors/attestation
zero=$(printf '%096d' 0)
nov="--pcr 0=22f9e1c949208da55eb01b9b9fc88f87454f77ba133f0d82320b509621c92482152a99d0a12335b97178c02d6f977d01"
nov="$nov --pcr 1=bcdf05fefccaa8e55bf2c8d6dee9e79bbff31e34bf28a99aa19e6b29c37ee80b214a414b7607236edf26fcb78654e63f"
nov="$nov --pcr 2=00943ea859140fed74e1025fe41aedb38780eae5656b3f9ef9b4b0e6111350315544db3efcda05725108f72b2ab141f7"
zeros="--pcr 0=$zero --pcr 1=$zero --pcr 2=$zero"
first() { check "the first line is: $1" sh -c 'head -n 1 "$1" | grep -qxF -- "$2"' - "$OUT" "$1"; }

# A genuine document at its own time: everything that is printed.
# shellcheck disable=SC2086
try 0 verify --at document $nov "$v/production-2022-nov.cose"
out <<'END'
yes
document   i-04fd167167daacf3b-enc01845e97d0b3eb4e, 2022-11-09T22:52:00+00:00
verified   at 2022-11-09T22:52:00+00:00, the document's own time
syntax     yes
chain      yes
signature  yes
mode       yes
pcr0       yes
  expected 22f9e1c949208da55eb01b9b9fc88f87454f77ba133f0d82320b509621c92482152a99d0a12335b97178c02d6f977d01
  found    22f9e1c949208da55eb01b9b9fc88f87454f77ba133f0d82320b509621c92482152a99d0a12335b97178c02d6f977d01
  from     --pcr
pcr1       yes
  expected bcdf05fefccaa8e55bf2c8d6dee9e79bbff31e34bf28a99aa19e6b29c37ee80b214a414b7607236edf26fcb78654e63f
  found    bcdf05fefccaa8e55bf2c8d6dee9e79bbff31e34bf28a99aa19e6b29c37ee80b214a414b7607236edf26fcb78654e63f
  from     --pcr
pcr2       yes
  expected 00943ea859140fed74e1025fe41aedb38780eae5656b3f9ef9b4b0e6111350315544db3efcda05725108f72b2ab141f7
  found    00943ea859140fed74e1025fe41aedb38780eae5656b3f9ef9b4b0e6111350315544db3efcda05725108f72b2ab141f7
  from     --pcr
unchecked  age: verified at the document's own time
unchecked  nonce: none was expected, so the document may be a replay
unchecked  user_data: the document has one, none was expected
unchecked  public_key: none was expected
unchecked  operator: neither role (PCR3) nor instance (PCR4) was expected; anybody can run this image
END
err ''
for at in 2022-11-09T22:52:01Z 1668034321; do
	# shellcheck disable=SC2086
	try 0 verify --at "$at" --max-age 60 $nov --instance i-04fd167167daacf3b "$v/production-2022-nov.cose"
	out_has 'verified   at 2022-11-09T22:52:01+00:00'
done
# shellcheck disable=SC2086
try 1 verify $nov "$v/production-2022-nov.cose"
out_has 'no: certificate-expired: cabundle[1] was valid until 2022-11-26T23:20:55+00:00, before '
# shellcheck disable=SC2086
try 1 verify --at 2022-11-09T22:51:59Z $nov "$v/production-2022-nov.cose"
first 'no: future: the document was made after the time of verification'
# shellcheck disable=SC2086
try 1 verify --at 2022-11-09T22:53:01Z --max-age 60 $nov "$v/production-2022-nov.cose"
first 'no: too-old: the document is 61 s old; the limit is 60 s'
# shellcheck disable=SC2086
try 1 verify --at document $zeros "$v/production-2022-nov.cose"
first 'no: pcr0: PCR0 is not the expected one'
# shellcheck disable=SC2086
try 1 verify --at document $nov --instance i-04fd167167daacf3c "$v/production-2022-nov.cose"
first 'no: instance: PCR4 is not the expected one'

# Tampered with, debug mode, an indefinite map with dstack's tail.
python3 - "$v/production-2022-nov.cose" <<'END'
import sys
b = bytearray(open(sys.argv[1], 'rb').read())
b[-1] ^= 1
open('bad.cose', 'wb').write(b)
open('tail.cose', 'wb').write(open(sys.argv[1], 'rb').read() + b'\n')
open('large.cose', 'wb').write(bytes(32769))
END
# shellcheck disable=SC2086
try 1 verify --at document $nov bad.cose
out <<'END'
no: signature: the document's signature is not by the leaf certificate's key
document   i-04fd167167daacf3b-enc01845e97d0b3eb4e, 2022-11-09T22:52:00+00:00
verified   at 2022-11-09T22:52:00+00:00, the document's own time
syntax     yes
chain      yes
signature  NO: the document's signature is not by the leaf certificate's key
unchecked  everything else: the document is not authentic
END
err ''
# shellcheck disable=SC2086
try 1 verify --at 2022-11-09T22:52:00Z $nov tail.cose
out <<'END'
no: trailing-bytes: document: 1 bytes follow its end at byte 4461
verified   at 2022-11-09T22:52:00+00:00
syntax     NO: document: 1 bytes follow its end at byte 4461
unchecked  everything else: the document is not authentic
END
# shellcheck disable=SC2086
try 1 verify $nov large.cose
first 'no: document-size: the document has over 32768 bytes, the limit'
# shellcheck disable=SC2086
try 1 verify --at document $zeros "$v/debug-2022.cose"
first 'no: debug-mode: the enclave runs in debug mode: its registers are zero, and the host can read its console; DEBUG MODE: nothing tells which code runs'
# shellcheck disable=SC2086
try 0 verify --at document --allow-debug $nov "$v/debug-2022.cose"
first 'yes; DEBUG MODE: nothing tells which code runs'
out_has 'unchecked  PCR0: zero in debug mode'
dstack="--pcr 0=5cb702954321826d7939d6da829a940d787fcf32357beb8eae1ddf33c28c17d36f3ac3ba6828fdf7edeed02889702da6"
dstack="$dstack --pcr 1=0343b056cd8485ca7890ddd833476d78460aed2aa161548e4e26bedf321726696257d623e8805f3f605946b3d8b0c6aa"
dstack="$dstack --pcr 2=743ea12db9aba9440a8197f7ac9aeda43cfbb1587473ff7577415ac5be116bc026dfa836db6713930474d1aa0d06b049"
# shellcheck disable=SC2086
try 0 verify --at document $dstack "$v/production-2025-indefinite-map.cose"
first yes
err '151 bytes that dstack put behind the document were not read'

# Without an expectation there is no verdict.
try 2 verify "$v/production-2022-nov.cose"
out ''
err <<'END'
selfsame: error: nothing is expected of the code that runs: no verdict
selfsame: hint: give --eif, --measurements, --policy, or --pcr for each of PCR0, PCR1 and PCR2
END
try 2 verify --at document --nonce 00 --instance i-04fd167167daacf3b --allow-debug --allow-emulated "$v/production-2022-nov.cose"
out ''
for n in 0 1 2 8; do
	try 2 verify --pcr $n="$zero" "$v/production-2022-nov.cose"
	out ''
done
try 2 verify --pcr 0="$zero" --pcr 1="$zero" "$v/production-2022-nov.cose"
err <<'END'
selfsame: error: PCR0, PCR1 and PCR2 must all be expected: no verdict
selfsame: hint: give --eif, --measurements, --policy, or --pcr for each of PCR0, PCR1 and PCR2
END
printf 'nonce = true\n' >empty.toml
try 2 verify --policy empty.toml --nonce 00 "$v/production-2022-nov.cose"
err_has 'nothing is expected of the code that runs'
try 2 verify --policy empty.toml "$v/production-2022-nov.cose"
err "selfsame: error: 'empty.toml' demands a nonce: give --nonce"

# The same policy as a program hands it to the library.
cat >nov.json <<END
{"max_age": 60, "release": [{"version": "1.4.2", "note": "a note",
 "pcr0": "$(echo "$nov" | cut -c 9-104)",
 "pcr1": "$(echo "$nov" | cut -c 114-209)",
 "pcr2": "$(echo "$nov" | cut -c 219-314)"}]}
END
try 0 verify --at 1668034330 --policy nov.json "$v/production-2022-nov.cose"
first yes
out_has '  found    1.4.2: a note'
out_has '  from     --policy nov.json'
try 1 verify --at 1668034381 --policy nov.json "$v/production-2022-nov.cose"
first 'no: too-old: the document is 61 s old; the limit is 60 s'
try 1 verify --at 1668034330 --max-age 9 --policy nov.json "$v/production-2022-nov.cose"
first 'no: too-old: the document is 10 s old; the limit is 9 s'
sed 's/"max_age": 60/"nonce": true, "instance": "i-0"/' nov.json >more.json
try 2 verify --policy more.json "$v/production-2022-nov.cose"
err "selfsame: error: 'more.json' demands a nonce: give --nonce"
try 1 verify --at document --policy more.json --nonce c678c86135de539d183acff58886d98dfb9823041af9f934bf909ac0f8d96245 "$v/production-2022-nov.cose"
first 'no: instance: PCR4 is not the expected one'
out_has '  from     --policy more.json: instance i-0'
echo '{"releases": []}' >typo.json
try 3 verify --policy typo.json x
err "selfsame: error: 'typo.json': unknown key 'releases'; did you mean 'release'?"
try 4 verify --policy nowhere.json x

# Options that say nothing.
try 2 verify --pcr 32="$zero" x
err "selfsame: error: --pcr 32=$zero: it must be N=HEX, N from 0 to 31, HEX of 96 digits"
for word in 0 0=00 =00 "0=${zero}0" "-1=$zero" "x0=$zero" "0:$zero"; do
	try 2 verify --pcr "$word" x
done
try 2 verify --pcr 0="$zero" --pcr 0="$zero" x
err 'selfsame: error: --pcr 0 is given twice'
try 2 verify --role admin x
err "selfsame: error: --role admin: it must begin with 'arn:'"
try 2 verify --nonce 0 x
err 'selfsame: error: --nonce must be hexadecimal digits, or @FILE'
# A nonce of no bytes would be said to hold in a document that anybody asked for.
: >nothing
for word in '' @nothing; do
	try 2 verify --nonce "$word" x
	err "selfsame: error: --nonce is empty: anybody's document may have it"
done
try 2 verify --user-data xyz x
err 'selfsame: error: --user-data must be hexadecimal digits, or @FILE'
try 2 verify --at yesterday x
err 'selfsame: error: --at must be now, document, a time as in 2026-11-21T10:30:00Z, or seconds since 1970'
try 2 verify --at document --max-age 60 x
err 'selfsame: error: --max-age says nothing with --at document'

# An expectation that comes twice: the first would be passed over in silence.
for twice in "--policy p.toml --policy q.toml" "--eif a --eif=b" "--measurements a --measurements b" "--role arn:a --role arn:a" \
	"--instance i-0 --instance i-04fd167167daacf3b" "--signer a --signer b" "--nonce 00 --nonce 11" "--user-data 00 --user-data 11" \
	"--public-key 00 --public-key 11" "--at now --at document" "--max-age 1 --max-age 99" "--leeway 0 --leeway 300" "--root a --root b"; do
	# shellcheck disable=SC2086
	try 2 verify $twice $nov "$v/production-2022-nov.cose"
	out ''
	option=${twice%%[ =]*}
	err "selfsame: error: $option is given twice"
done
for command in "proxy --listen 127.0.0.1:0" "secrets send"; do
	# shellcheck disable=SC2086
	try 2 $command --policy p.toml --policy q.toml https://127.0.0.1:1
	err 'selfsame: error: --policy is given twice'
done

# Policies that say less than they seem to: registers of nobody's code, comments, another alphabet, a mark before the text.
printf '[[pcr]]\nindex = 8\nvalue = "%s"\n' "$zero" >pcr8.toml
printf '{"pcr": [{"index": 8, "value": "%s"}]}' "$zero" >pcr8.json
printf '# [[release]]\n' >comment.toml
printf '{}' >comment.json
for policy in pcr8.toml pcr8.json comment.toml comment.json; do
	try 2 verify --at document --policy "$policy" "$v/production-2022-nov.cose"
	err_has 'expected'
done
refused() { # FILE MESSAGE
	# shellcheck disable=SC2086
	try 3 verify --at document --policy "$1" $nov "$v/production-2022-nov.cose"
	err "selfsame: error: '$1': $2"
}
printf 'max_age = 1\n"max_age" = 99\n' >twice.toml
refused twice.toml "line 2: 'max_age' is set already, in line 1"
printf '{"max_age": 1, "max\\u005fage": 99}' >twice.json
refused twice.json 'policy: a key occurs twice (line 1, column 29)'
printf '{} // the old one' >tail.json
refused tail.json 'policy: something follows the JSON (line 1, column 4)'
printf '\357\273\277max_age = 1\n' >mark.toml
refused mark.toml 'line 1: expected a key'
printf '\357\273\277{"max_age": 1}' >mark.json
refused mark.json 'policy: not JSON (line 1, column 1)'
printf 'm\320\260x_age = 1\n' >cyrillic.toml
refused cyrillic.toml "line 1: expected '=' after the key"
# Digits of either case are one value; time is not travelled past what a certificate allows.
upper=$(printf '%s' "$nov" | tr 'abcdef' 'ABCDEF' | sed 's/--pCr/--pcr/g')
# shellcheck disable=SC2086
try 0 verify --at document $upper "$v/production-2022-nov.cose"
for at in 2022-11-09 0 1668045121; do
	# shellcheck disable=SC2086
	try 1 verify --at "$at" --leeway 300 $nov "$v/production-2022-nov.cose"
	out_has 'no: certificate-e'
done
# shellcheck disable=SC2086
try 2 verify --at 2022-11-09T22:52:00+05:00 $nov "$v/production-2022-nov.cose"

# Files that cannot be used: of the caller 3, of the system 4.
try 4 verify $zeros nowhere.cose
err "selfsame: error: cannot open 'nowhere.cose': No such file or directory"
try 4 verify --policy nowhere.toml x
try 3 verify --measurements bad.cose x
try 3 verify --eif bad.cose x
try 3 verify --signer bad.cose $zeros x
err "selfsame: error: 'bad.cose': there is no certificate in PEM form"
try 3 verify --root bad.cose $zeros "$v/production-2022-nov.cose"
printf 'releases = 1\n' >typo.toml
try 3 verify --policy typo.toml x
err "selfsame: error: 'typo.toml': line 1: unknown key 'releases'; did you mean 'release'?"

# A minimum that no release of the policy has to reach, beside an image that it does not judge.
printf 'minimum_release = "2.0"\n' >minimum.toml
try 3 verify --policy minimum.toml $zeros x
err "selfsame: error: 'minimum.toml': 'minimum_release' says nothing without a release"

# An image, its measurements, a policy; a document of a test CA with its registers.
oracle() { python3 "$SRC/tests/oracle/eif.py" "$@"; }
printf 'a kernel' >kernel
printf 'other kernel' >kernel2
printf 'console=ttyS0' >cmdline
printf '{}' >metadata
printf 'ramdisk zero' >r0
printf 'other ramdisk zero' >r02
printf 'the application' >r1
printf 'another application' >r12
image() { oracle make "$1.eif" "kernel=$2" cmdline=cmdline metadata=metadata "ramdisk=$3" "ramdisk=$4"
	"$SELFSAME" measure --json "$1.eif" >"$1.json"; }
image a kernel r0 r1
image app kernel r0 r12
image rt kernel r02 r1
image kern kernel2 r0 r1
image both kernel2 r02 r12
cat >make.py <<'END'
import json, os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.environ['SRC'] + '/tests/attest')
from forge import *
open('root.pem', 'w').write(pem(ROOT_DER))
for name in ('a', 'app', 'rt', 'kern', 'both'):
    m = json.load(open(name + '.json'))
    d = Doc()
    d.pcrs.update({i: bytes.fromhex(m[f'PCR{i}']) for i in range(3)})
    d.fields['nonce'] = bstr(b'abc')
    d.certs = d.ders()
    json.dump([der.hex() for der in d.certs.values()], open(name + '.certs', 'w'))
    open(name + '.cose', 'wb').write(d.bytes())
    if name == 'a':
        d.pcrs[3] = bytes(48)
        d.fields['module_id'] = tstr('i-\u009b31m\u202e')
        open('nobody.cose', 'wb').write(d.bytes())
        del d.pcrs[2]
        open('few.cose', 'wb').write(d.bytes())
root = hashlib.sha256(ROOT_DER).hexdigest()
open('root.sha256', 'w').write(root)
END
python3 make.py
root=$(cat root.sha256)
says="root: NOT AWS $root"
yes="--root root.pem --at 1700000000 --nonce 616263"
# shellcheck disable=SC2086
try 0 verify $yes --eif a.eif a.cose
first "yes; $says"
out_has '  from     --eif a.eif'
out_has 'unchecked  kernel: not known as one of ours, so PCR1 by itself proves nothing of the runtime'
printf abc >nonce
# shellcheck disable=SC2086
try 0 verify --root root.pem --at 1700000000 --nonce @nonce --measurements a.json --eif a.eif a.cose
sed '1s/.*/{"Measurements": {/; s/"PCR2".*/&}/; /PCR2/s/,}/}}/; /PCR2/q' a.json >nitro.json
# shellcheck disable=SC2086
try 0 verify $yes --measurements nitro.json a.cose
# shellcheck disable=SC2086
try 1 verify --root root.pem --at 1700000000 --nonce 616264 --measurements a.json a.cose
first "no: nonce: nonce is not the expected one; $says"
# shellcheck disable=SC2086
try 0 verify --json $yes --measurements a.json a.cose
out_has '  "Verdict": "yes",'
out_has "  \"Root\": \"NOT AWS $root\","
cat >chain.py <<'END'
import hashlib, json
from cryptography import x509
shown = json.load(open('chain.json'))['Document']['Certificates']
ders = [bytes.fromhex(der) for der in json.load(open('a.certs'))]
assert len(shown) == len(ders) == 5, shown
for i, (got, der) in enumerate(zip(shown, ders)):
    c = x509.load_der_x509_certificate(der)
    text = lambda name: ', '.join(f'{a.rfc4514_attribute_name}={a.value}' for a in name)
    want = {'Certificate': f'cabundle[{i}]' if i < 4 else 'certificate',
            'Sha256': hashlib.sha256(der).hexdigest(), 'Subject': text(c.subject), 'Issuer': text(c.issuer),
            'NotBefore': c.not_valid_before.isoformat() + '+00:00',
            'NotAfter': c.not_valid_after.isoformat() + '+00:00'}
    assert got == want, (got, want)
END
# shellcheck disable=SC2086
"$SELFSAME" verify --json $yes --measurements a.json a.cose >chain.json
check 'the certificates are what another reader says' python3 -W ignore chain.py
try 1 verify --at 1700000000 --measurements a.json a.cose
first "no: root-not-aws: the chain does not begin with AWS's root certificate"
# shellcheck disable=SC2086
try 1 verify --root root.pem --at document $nov "$v/production-2022-nov.cose"
first "no: root-not-given: the chain does not begin with the root certificate that was given; $says"

# Which part changed.
# shellcheck disable=SC2086
try 1 verify $yes --measurements a.json app.cose
first "no: pcr0: PCR0 is not the expected one; $says"
out_has 'changed    the application (PCR2); kernel, command line and runtime are the expected ones'
# shellcheck disable=SC2086
try 1 verify $yes --measurements a.json rt.cose
out_has 'changed    kernel, command line or runtime (first ramdisk): PCR1 covers all three, and no known image has this one; the application is the expected one'
# shellcheck disable=SC2086
try 1 verify $yes --measurements a.json --known rt.json rt.cose
out_has 'changed    runtime (first ramdisk): as in rt.json; the application is the expected one'
# shellcheck disable=SC2086
try 1 verify $yes --eif a.eif --known rt.json --known kern.json kern.cose
out_has 'changed    kernel: as in kern.json; the application is the expected one'
# shellcheck disable=SC2086
try 1 verify $yes --eif a.eif --known both.json both.cose
out_has 'changed    the application (PCR2), and kernel, runtime (first ramdisk): as in both.json'
# A register that is not there says nothing of a part.
# shellcheck disable=SC2086
try 1 verify $yes --measurements a.json few.cose
out_has 'pcr2       NO: the document has no PCR2'
check 'no part is said to be another' sh -c '! grep -q "^changed" "$1"' - "$OUT"

# The same where values are expected; what was measured of that image makes them parts.
pcr() { sed -n "s/.*\"PCR$1\": \"\([0-9a-f]*\)\".*/\1/p" "$2.json"; }
values="--pcr 0=$(pcr 0 a) --pcr 1=$(pcr 1 a) --pcr 2=$(pcr 2 a)"
# shellcheck disable=SC2086
try 0 verify $yes $values --known rt.json --known a.json a.cose
check 'nothing changed' sh -c '! grep -q "^changed" "$1"' - "$OUT"
# shellcheck disable=SC2086
try 1 verify $yes $values app.cose
out_has 'changed    the application (PCR2); kernel, command line and runtime are the expected ones'
# shellcheck disable=SC2086
try 1 verify $yes $values rt.cose
out_has 'changed    kernel, command line or runtime (first ramdisk): PCR1 covers all three, and no known image has this one; the application is the expected one'
# shellcheck disable=SC2086
try 1 verify $yes $values --known kern.json --known rt.json rt.cose
out_has 'changed    kernel, command line or runtime (first ramdisk): PCR1 covers all three, and is as in rt.json; which of them, only the parts of both images tell; the application is the expected one'
# shellcheck disable=SC2086
try 1 verify $yes $values --known a.json --known rt.json rt.cose
first "no: pcr0: PCR0 is not the expected one; $says"
out_has 'changed    runtime (first ramdisk): as in rt.json; the application is the expected one'
# shellcheck disable=SC2086
try 1 verify $yes $values --known both.json --known a.json both.cose
out_has 'changed    the application (PCR2), and kernel, runtime (first ramdisk): as in both.json'
# A known image is no expectation, whatever it has.
# shellcheck disable=SC2086
try 1 verify $yes $values --known rt.json --json rt.cose
out_has '  "Verdict": "no",'
try 2 verify --root root.pem --at 1700000000 --known rt.json rt.cose
# What nitro-cli measured has no parts.
# shellcheck disable=SC2086
try 1 verify $yes --measurements nitro.json --known rt.json rt.cose
out_has 'PCR1 covers all three, and is as in rt.json; which of them, only the parts of both images tell'
# shellcheck disable=SC2086
try 1 verify $yes --measurements rt.json --known nitro.json a.cose
out_has 'PCR1 covers all three, and is as in nitro.json; which of them, only the parts of both images tell'
# shellcheck disable=SC2086
try 1 verify $yes --measurements nitro.json --known a.json --known rt.json rt.cose
out_has 'changed    runtime (first ramdisk): as in rt.json; the application is the expected one'
# Of a policy's register and a value for the same one, both must hold.
printf '[[pcr]]\nindex = 1\nvalue = "%s"\n' "$(pcr 1 rt)" >one.toml
# shellcheck disable=SC2086
try 1 verify $yes $values --policy one.toml --known a.json --known rt.json a.cose
first "no: pcr1: PCR1 is not the expected one; $says"
out_has 'changed    runtime (first ramdisk): as in a.json; the application is the expected one'
# shellcheck disable=SC2086
try 1 verify $yes --measurements a.json --eif app.eif a.cose
first "no: pcr0: PCR0 is not the expected one; $says"

# An image whose second ramdisk could replace the runtime is no expectation.
python3 "$SRC/tests/oracle/cpio.py" evil d:755:rootfs f:644:init:evil f:644:cmd:a f:644:env:b trailer
oracle make evil.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0 ramdisk=evil
# shellcheck disable=SC2086
try 3 verify $yes --eif evil.eif a.cose
err "selfsame: error: 'evil.eif': ramdisk 1: 'init' lies outside 'rootfs'"
# With a kernel that the program's own list names, PCR1 stands for the runtime.
mkdir -p bin/kernel
cp "$SELFSAME" bin/selfsame
echo "x86_64 kernel-nitro 00 $(sha256sum <kernel | cut -d' ' -f1) 8" >bin/kernel/images.lock
SELFSAME_WAS=$SELFSAME SELFSAME=$PWD/bin/selfsame
# shellcheck disable=SC2086
try 0 verify $yes --eif a.eif a.cose
check 'the kernel is known' sh -c '! grep -q "unchecked  kernel" "$1"' - "$OUT"
# shellcheck disable=SC2086
try 1 verify $yes --eif kern.eif a.cose
out_has 'unchecked  kernel: not known as one of ours'
SELFSAME=$SELFSAME_WAS

# Policies: several releases, one that is over, the nearest one.
try 0 policy add p.toml a.json --release 1.0 --not-after 2023-01-01
try 0 policy add p.toml app.json --release 1.1 --note 'rotates its keys'
# shellcheck disable=SC2086
try 0 verify $yes --policy p.toml app.cose
out_has '  found    1.1: rotates its keys'
# shellcheck disable=SC2086
try 1 verify $yes --policy p.toml a.cose
first "no: release-expired: release 1.0 was accepted until 2023-01-01T00:00:00+00:00; $says"
# shellcheck disable=SC2086
try 1 verify $yes --policy p.toml both.cose
first "no: release-unknown: none of 2 releases has these registers; the nearest is 1.1; $says"
# shellcheck disable=SC2086
try 1 verify $yes --policy p.toml --known kern.json kern.cose
out_has 'changed    kernel: as in kern.json; the application is the expected one'

# Zeros in PCR3 are an instance without a role: they name nobody.
try 0 verify --root root.pem --at 1700000000 --measurements a.json --pcr 3="$zero" nobody.cose
out_has 'unchecked  operator: neither role (PCR3) nor instance (PCR4) was expected; anybody can run this image'
# Nor do the words of a document reach a terminal as they are, in JSON either.
out_has 'document   i-\xc2\x9b31m\xe2\x80\xae, '
try 0 verify --json --root root.pem --at 1700000000 --measurements a.json nobody.cose
out_has '"i-\u009B31m\u202E"'

# Nothing that a document or a policy says reaches the terminal as it is: a mark that turns text.
sed 's/rotates its keys/\\u202e/' p.toml >mark.toml
# shellcheck disable=SC2086
try 0 verify $yes --policy mark.toml app.cose
out_has '  found    1.1: \xe2\x80\xae'

# The codes and their meanings in the manual are those of the program.
sed -n '/ATT_REASONS(X)/,/^enum/p' "$SRC/src/attest/att_reason.h" | tr -d '\n\\' | tr -s ' \t' ' ' |
	grep -oE '[(][A-Z_0-9]+, "[a-z0-9-]+", ?"[^"]*"' | sed -E 's/^[^"]*"([^"]*)", ?"(.*)"$/\1|\2/' >codes
check 'there are codes' test "$(grep -c . codes)" -gt 50
sed -n '/^# REASONS/,/^# EXIT/p' "$SRC/docs/man/selfsame-verify.1.scd" | sed -nE '/^\*/{N;s/^\*([a-z0-9-]+)\*\n\t(.*)$/\1|\2/p}' >seen
check 'selfsame-verify(1) has every code in its order (<)' diff codes seen
