# Releases written by the program, read back by it, beside what people wrote.

python3 "$SRC/tests/oracle/eif.py" make a.eif kernel=/dev/null cmdline=/dev/null metadata=/dev/null ramdisk=/dev/null
"$SELFSAME" measure --json a.eif >a.json
pcr() { sed -n "s/^  \"PCR$1\": \"\(.*\)\",/\1/p" a.json; }
sha=$(sha384sum </dev/null | cut -d' ' -f1)

try 0 policy add new.toml a.json --release 1.0
out 'release 1.0 added; releases: 1'
err ''
cat >want <<END
[[release]]
pcr0 = "$(pcr 0)"
pcr1 = "$(pcr 1)"
pcr2 = "$(pcr 2)"
version = "1.0"

[[release.part]]
sha384 = "$sha"
size = 0
type = "kernel"

[[release.part]]
sha384 = "$sha"
size = 0
type = "cmdline"

[[release.part]]
sha384 = "$sha"
size = 0
type = "ramdisk0"
END
check 'a new policy is one release' diff want new.toml

# What stands there stays, byte for byte; a missing newline is no harm.
printf '# ours\nmax_age = 300 # seconds' >p.toml
cp p.toml old
try 0 policy add p.toml a.json --release 1.0 --note 'first "one"' --not-before 2026-01-01 --not-after 2026-12-31T00:00:00Z
check 'the beginning is what it was' sh -c 'head -c "$(stat -c %s old)" p.toml | cmp - old'
check 'the note is there' grep -qxF 'note = "first \"one\""' p.toml
check 'the dates are there' grep -qxF 'not_after = "2026-12-31T00:00:00Z"' p.toml
cp p.toml old
try 0 policy add p.toml a.json --release 1.1
out 'release 1.1 added; releases: 2'
try 3 policy add p.toml a.json --release 1.1
err "selfsame: error: 'p.toml' with the new release: release 1.1 comes twice"
try 3 policy add p.toml a.json --release 1.1.0
err "selfsame: error: 'p.toml' with the new release: release 1.1.0 comes twice"

# Nothing changes when it fails.
cp p.toml old
try 2 policy add p.toml a.json
err 'selfsame: error: policy add needs --release VERSION'
try 2 policy add p.toml a.json --release v1
err 'selfsame: error: --release must be numbers with dots between, as in 1.4.2'
try 2 policy add p.toml a.json --release 2 --not-after soon
err 'selfsame: error: --not-after must be a time as in 2026-11-21T10:30:00Z'
try 2 policy add p.toml a.json --release 2 --not-before 2026-02-30
err 'selfsame: error: --not-before must be a time as in 2026-11-21T10:30:00Z'
try 2 policy add p.toml a.json --release 2 --not-before 2026-01-02 --not-after 2026-01-01
err 'selfsame: error: --not-after is before --not-before'
try 4 policy add p.toml nowhere.json --release 2
try 3 policy add p.toml p.toml --release 2
try 2 policy add p.toml
check 'the policy is what it was' cmp p.toml old
printf 'relase = 1\n' >bad.toml
try 3 policy add bad.toml a.json --release 2
err "selfsame: error: 'bad.toml': line 1: unknown key 'relase'; did you mean 'release'?"
printf 'release = []\n' >inline.toml
try 3 policy add inline.toml a.json --release 2
check 'a list written inline is not added to' cmp inline.toml - <<'END'
release = []
END

# The same in JSON: keys, values and their order stay.
try 0 policy add new.json a.json --release 1.0
out 'release 1.0 added; releases: 1'
err ''
cat >want <<END
{
  "release": [
    {
      "version": "1.0",
      "pcr0": "$(pcr 0)",
      "pcr1": "$(pcr 1)",
      "pcr2": "$(pcr 2)",
      "part": [
        {
          "type": "kernel",
          "size": 0,
          "sha384": "$sha"
        },
        {
          "type": "cmdline",
          "size": 0,
          "sha384": "$sha"
        },
        {
          "type": "ramdisk0",
          "size": 0,
          "sha384": "$sha"
        }
      ]
    }
  ]
}
END
check 'a new JSON policy is one release' diff want new.json
printf '{"nonce":true,"max_age":300,"role":"arn:aws:iam::1:role/\303\251"}' >p.json
try 0 policy add p.json a.json --release 1.0 --note 'first "one"' --not-after 2026-12-31T00:00:00Z
cat >keep.py <<'END'
import json
p = json.load(open('p.json', encoding='utf-8'))
assert list(p) == ['nonce', 'max_age', 'role', 'release'], list(p)
assert p['nonce'] is True and p['max_age'] == 300 and p['role'] == 'arn:aws:iam::1:role/\u00e9'
r, = p['release']
assert r['note'] == 'first "one"' and r['not_after'] == '2026-12-31T00:00:00Z' and 'not_before' not in r
END
check 'what stood there stays, and the entry is what was asked for' python3 keep.py
cp p.json old
try 3 policy add p.json a.json --release 1.0.0
err "selfsame: error: 'p.json' with the new release: release 1.0.0 comes twice"
try 4 policy add p.json nowhere.json --release 2
check 'the JSON policy is what it was' cmp p.json old
try 0 policy add p.json a.json --release 1.1
out 'release 1.1 added; releases: 2'
printf '{"nonces": []}' >bad.json
try 3 policy add bad.json a.json --release 2
err "selfsame: error: 'bad.json': unknown key 'nonces'; did you mean 'nonce'?"
try 3 policy add p.json bad.json --release 2
err "selfsame: error: 'bad.json': 'HashAlgorithm' is missing"

# What a policy may not say.
say() { # TEXT MESSAGE
	printf '%b\n' "$1" >q.toml
	try 3 verify --policy q.toml x
	err "selfsame: error: 'q.toml': $2"
}
say 'min_rebuilders = 2' "line 1: 'min_rebuilders' is reserved: this version of selfsame counts no rebuilders"
say 'max_age = 0' "line 1: 'max_age' must be 1 to 31536000, not 0"
say 'minimum_release = "1.x"' "line 1: 'minimum_release' must be numbers with dots between, as in \"1.4.2\""
say 'role = "admin"' "line 1: 'role' must begin with 'arn:'"
say 'instance = "m-1"' "line 1: 'instance' must begin with 'i-'"
say '[[release]]\nversion = "1"' "line 1: 'release.pcr0' is missing"
say '[[release]]\nversion = "1"\npcr0 = "00"' "line 3: 'release.pcr0' must be 96 hexadecimal digits"
say '[[release]]\nversion = "1"\nnot_after = "2026-13-01"' "line 3: 'release.not_after' must be a date or a time of UTC, as in \"2026-11-21T10:30:00Z\""
say '[[release]]\nversion = "1"\npcr9 = "00"' "line 3: unknown key 'release.pcr9'; did you mean 'pcr0'?"
say '[[pcr]]\nindex = 32' "line 2: 'pcr.index' must be 0 to 31, not 32"
for list in release pcr signer; do
	say "$list = []" "line 1: '$list' is an empty list, which says nothing"
done
say '[[signer]]' "signer 1 must have either 'certificate' or 'pcr8'"
say '[[signer]]\ncertificate = "nowhere.pem"\npcr8 = "00"' "line 3: 'signer.pcr8' must be 96 hexadecimal digits"
printf '[[signer]]\ncertificate = "nowhere.pem"\n' >q.toml
try 4 verify --policy q.toml x
err "selfsame: error: 'q.toml': signer 1: cannot open 'nowhere.pem': No such file or directory"
mkdir sub
printf '[[signer]]\ncertificate = "../q.toml"\n' >sub/q.toml
try 3 verify --policy sub/q.toml x
err "selfsame: error: 'sub/q.toml': signer 1: 'sub/../q.toml': there is no certificate in PEM form"

# The pages have exactly the keys of the program.
"$TABLE" policy | sort >keys
check 'there are keys' test "$(grep -c . keys)" -gt 10
grep -E '^\*' "$SRC/docs/man/selfsame-policy.5.scd" | grep -oE '\*[a-z_0-9.]+\* = ' | tr -d '* =' | sort >seen
check 'selfsame-policy(5) has the keys of the program (<)' diff keys seen
grep -E '^\|' "$SRC/docs/formats/policy.md" | grep -oE '^\| (`[a-z_0-9.]+`(, | and )?)+' | grep -oE '`[a-z_0-9.]+`' | tr -d '`' | sort >seen
check 'docs/formats/policy.md has the keys of the program (<)' diff keys seen
