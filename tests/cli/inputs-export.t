# What a build fetched, as an OCI artifact: judged by Python and by skopeo.

. "$SRC/tests/cli/inputs.sh"
one=$(object first)
two=$(object 'the second')
lock "http://h/a $one 5" "http://h/b $two 10" "http://h/c $two 10" >enclave.lock
try 0 inputs export
out 'inputs.tar: 2 objects, 15 bytes'
try 0 inputs export -o again.tar enclave.lock
check 'the same lock gives the same bytes' cmp inputs.tar again.tar
check 'an OCI layout with each object once' python3 -c '
import hashlib, json, sys, tarfile
t = tarfile.open("inputs.tar")
files = {m.name: t.extractfile(m).read() for m in t}
assert all((m.mode, m.uid, m.gid, m.mtime, m.type) == (0o644, 0, 0, 0, b"0") for m in t)
def blob(d):
    b = files["blobs/" + d["digest"].replace(":", "/")]
    assert len(b) == d["size"] and "sha256:" + hashlib.sha256(b).hexdigest() == d["digest"]
    return b
assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
index = json.loads(files["index.json"])
m = json.loads(blob(index["manifests"][0]))
assert m["artifactType"] == "application/vnd.selfsame.inputs.v1", m
assert m["schemaVersion"] == 2 and blob(m["config"]) == b"{}"
assert m["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
assert m["layers"][0]["mediaType"] == "application/vnd.selfsame.inputs.v1+toml"
text = blob(m["layers"][0]).decode()
assert text.count("[[input]]") == 3 and "http://h/b" in text, text
got = [blob(d) for d in m["layers"][1:]]
assert sorted(got) == [b"first", b"the second"], got
assert [d["digest"] for d in m["layers"][1:]] == sorted(d["digest"] for d in m["layers"][1:])
assert len(files) == 2 + 3 + 2, sorted(files)'

# Copied by other tools, through a folder and back, it is still what it was.
mkdir layout
check 'unpacked' tar -xf inputs.tar -C layout
rm -rf "$STORE"
try 0 inputs import layout
out '2 objects, 15 bytes; new: 2'
check 'skopeo copies it' skopeo --insecure-policy copy --quiet oci-archive:inputs.tar oci:copied
rm -rf "$STORE"
try 0 inputs import copied
out '2 objects, 15 bytes; new: 2'
try 0 inputs verify enclave.lock

printf x >>"$(where "$one")"
try 4 inputs export -o new.tar
err "selfsame: error: 'new.tar': input 'http://h/a': damaged in the store of inputs"
rm "$(where "$one")"
try 4 inputs export -o new.tar
err "selfsame: error: 'new.tar': input 'http://h/a': not in the store of inputs"
check 'nothing is left of it' test ! -e new.tar
lock >empty.lock
try 0 inputs export -o empty.tar empty.lock
out 'empty.tar: 0 objects, 0 bytes'
try 0 inputs import empty.tar
out '0 objects, 0 bytes; new: 0'
try 4 inputs export nowhere.lock
