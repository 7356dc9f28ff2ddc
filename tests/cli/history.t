# What measurements.json was, by commit.

git_here() { git -c user.name=t -c user.email=t@example.org -c init.defaultBranch=main "$@" >/dev/null; }
try 4 history
err_has 'not a git repository'
git_here init
git_here commit --allow-empty -m nothing
try 0 history
out 'no commit has a measurements.json here'
mkdir -p runtime/x86_64 root/bin
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
echo app >root/bin/app
printf 'name = "h"\nimage = "rootfs:root"\n[app]\ncommand = ["/bin/app"]\n' >enclave.toml
git_here add .
git_here commit -m source
try 0 build -q --runtime runtime
git_here add measurements.json enclave.lock
git_here commit -m 'first measurements'
try 0 history
out_has 'first measurements'
check 'PCR0 is that of the build' grep -qF "$(sed -n 's/.*"PCR0": "\(.*\)".*/\1/p' measurements.json)" "$OUT"
check 'the source is the first commit' grep -q "source $(git rev-parse HEAD~1)\$" "$OUT"
echo changed >root/bin/app
try 0 build -q --runtime runtime
git_here commit -am 'second measurements'
try 0 history --json
check 'two records, newest first' python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert [x["Subject"] for x in r] == ["second measurements", "first measurements"], r
assert r[0]["Source"]["Dirty"] and not r[1]["Source"]["Dirty"], r
assert r[0]["Measurements"]["PCR2"] != r[1]["Measurements"]["PCR2"]
assert r[0]["Measurements"]["PCR1"] == r[1]["Measurements"]["PCR1"]' "$OUT"
try 4 history nowhere

# One bad record hides none of the others.
echo '{' >measurements.json
git_here commit -am 'a slip'
try 3 history
out_has 'a slip'
out_has '  measurements.json cannot be read: '
out_has 'first measurements'
err 'selfsame: error: 1 of 3 records cannot be read'
try 3 history --json
check 'said in its place' python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert ["Unreadable" in x for x in r] == [True, False, False], r
assert "Measurements" in r[1] and "Measurements" not in r[0]' "$OUT"
