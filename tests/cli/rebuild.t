# A rebuild goes by the lock: same is 0, different is 1, and an input that is not there is neither.

mkdir -p runtime/x86_64 root/bin
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
echo app >root/bin/app
try 2 rebuild
err "selfsame: error: nothing to compare with: 'measurements.json': No such file or directory"
printf 'name = "r"\nimage = "rootfs:root"\nsource_date_epoch = 5\n[app]\ncommand = ["/bin/app"]\n' >enclave.toml
try 0 build -q --runtime runtime --cmdline 'quiet'
sha256sum r.eif enclave.lock measurements.json >before
echo mine >.selfsame-rebuild.eif
try 0 rebuild -q --runtime runtime
out same
check 'what is not kept never has a name' grep -q mine .selfsame-rebuild.eif
rm .selfsame-rebuild.eif
check 'nothing was touched' sha256sum --status -c before
ls -A >names
check 'nothing was left' test -z "$(grep -v -x -e runtime -e root -e enclave.toml -e enclave.lock -e measurements.json -e r.eif -e before -e names names)"
try 0 rebuild -q --runtime runtime --output again.eif
check 'the kept file is the same' cmp r.eif again.eif
SOURCE_DATE_EPOCH=77 try 0 rebuild -q --runtime runtime
out same

# A signed file whose key is elsewhere: the registers, or with its signature the whole file.
mkdir kept && cp enclave.lock enclave.toml measurements.json r.eif kept
openssl ecparam -genkey -name secp384r1 -noout -out key.pem
openssl req -new -x509 -key key.pem -subj /CN=test -days 30 -out cert.pem
try 0 build -q --runtime runtime --cmdline 'quiet' --certificate cert.pem --key key.pem
mv r.eif published.eif
try 0 rebuild -q --runtime runtime
out <<'END'
not compared: the file itself, for only one of the two is signed (--signature-from)
same
END
try 0 rebuild -q --json --runtime runtime
out_has '"FileCompared": false'
try 0 rebuild -q --runtime runtime --signature-from published.eif --output whole.eif
out same
check 'the signed file, without the key' cmp whole.eif published.eif
try 2 rebuild -q --runtime runtime --signature-from published.eif --output published.eif
err "selfsame: error: the output 'published.eif' would replace 'published.eif'"
cp root/bin/app app
echo other >root/bin/app
try 1 rebuild -q --runtime runtime --signature-from published.eif
err 'selfsame: error: the signature is over another PCR0'
mv app root/bin/app
cp kept/* .

echo other >root/bin/app
try 1 rebuild -q --runtime runtime
out_has 'ramdisk 1 differs'
out_has 'PCR0 differs'
out_has 'PCR2 differs'
check 'the last line is the verdict' test "$(tail -n 1 "$OUT")" = different
check 'PCR1 is not named' sh -c '! grep -q PCR1 "$1"' - "$OUT"
check 'without a file to keep there is none to explain' sh -c '! grep -q " and the rebuilt one" "$1"' - "$OUT"
try 1 rebuild -q --runtime runtime --output why.eif
out_has 'r.eif and the rebuilt one: different: 1 file, 1 cause; the registers differ'
out_has '  ramdisk1: rootfs/bin/app'
out_has '      - app'
out_has '      + other'
check 'the last line is still the verdict' test "$(tail -n 1 "$OUT")" = different
try 1 rebuild -q --json --runtime runtime
check 'JSON says the same' python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert d["Same"] is False and any(x["What"] == "PCR2" for x in d["Differences"]), d' "$OUT"

echo kernel2 >runtime/x86_64/kernel-nitro
try 3 rebuild -q --runtime runtime
err_has 'the lock wants kernel sha256'
try 2 rebuild oci:x
err 'selfsame: error: rebuild takes a project'"'"'s folder, not an image'
rm enclave.lock
try 2 rebuild -q --runtime runtime
err_has "there is no enclave.lock in '.'"

# An image from elsewhere: the lock has its manifest, and options of a Dockerfile mean nothing.
image() { # CONTENT: the layout 'oci' with one file
	rm -rf oci
	CONTENT=$1 PYTHONPATH=$SRC/tests/oracle python3 -c '
import os, images
images.simple("oci", [images.tar([images.entry("bin/app", images.REG, os.environ["CONTENT"].encode(), mode=0o755)])])'
}
printf 'name = "r"\nimage = "oci:oci:latest"\nsource_date_epoch = 5\n[app]\ncommand = ["/bin/app"]\n' >enclave.toml
image one
try 0 build -q --runtime runtime --target none --platform linux/amd64/v2
check 'neither stage nor platform is in the lock' sh -c '! grep -q -e ^platform -e ^target enclave.lock'
one=$(sed -n 's/^manifest = "\(.*\)"/\1/p' enclave.lock)
try 0 rebuild -q --runtime runtime
out same
image two
try 3 rebuild -q --runtime runtime
two=sha256:$(python3 -c 'import json; print(json.load(open("oci/index.json"))["manifests"][0]["digest"][7:])')
err "selfsame: error: the lock wants the image $one, but 'oci:oci:latest' is $two"
out ''
check 'nothing was left' test ! -e .selfsame-rebuild.eif
printf 'FROM scratch\nCOPY root /\n' >Dockerfile
printf 'name = "r"\n' >enclave.toml
try 3 rebuild -q --runtime runtime
err <<'END'
selfsame: error: the lock is of an image that was taken, but enclave.toml names a Dockerfile
selfsame: hint: 'selfsame build' without a SOURCE builds what enclave.toml names and writes the lock anew
END

# nitro-cli's layout: its blobs are locked inputs, too.
mkdir blobs
for blob in bzImage init nsm.ko; do echo "$blob" >blobs/$blob; done
echo 'console=ttyS0' >blobs/cmdline
rm -rf oci
PYTHONPATH=$SRC/tests/oracle python3 -c '
import images
images.simple("oci", [images.tar([images.entry("bin/app", images.REG, b"x", mode=0o755)])], config={"Cmd": ["/bin/app"]})'
printf 'name = "r"\nimage = "oci:oci:latest"\n' >enclave.toml
try 0 build -q --layout nitro-cli --blobs blobs
try 0 rebuild -q --blobs blobs
out same
sha() { sha256sum <"$1" | cut -d' ' -f1; }
other() { # BLOB NAME: another one is no difference
	cp "blobs/$1" kept-blob
	was=$(sha "blobs/$1")
	echo other >>"blobs/$1"
	try 3 rebuild -q --blobs blobs
	err "selfsame: error: the lock wants $2 sha256 $was, but it is $(sha "blobs/$1")"
	mv kept-blob "blobs/$1"
}
other bzImage kernel
other init init
