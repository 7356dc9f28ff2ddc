# From a plain root file system to an EIF; sources with layers have tests of their own.

mkdir -p runtime/x86_64 root/bin root/etc
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
echo app >root/bin/app
chmod 4755 root/bin/app
printf 'name = "b"\nimage = "rootfs:root"\n[app]\ncommand = ["/bin/app"]\n' >enclave.toml

try 0 build -q --runtime runtime
err ''
out_has 'EIF     b.eif'
out_has '  /bin/app'
out_has 'MiB at least'
out_has 'kernel  unknown: nothing can be concluded from its PCR1'
check 'three files' test -s b.eif -a -s enclave.lock -a -s measurements.json
cp b.eif one.eif
cp enclave.lock one.lock
(umask 077 && TZ=Asia/Tokyo HOME=/nowhere "$SELFSAME" build -q --runtime runtime >/dev/null)
check 'the same bytes under another umask, zone and home' cmp b.eif one.eif
check 'the same lock' cmp enclave.lock one.lock
check 'the lock names neither host nor path' sh -c '! grep -qF -e "$(uname -n)" -e "$PWD" enclave.lock'

mkdir elsewhere
try 0 build -q --json --runtime runtime --output elsewhere/x.eif
check 'an output elsewhere has the same bytes' cmp elsewhere/x.eif b.eif
check 'nitro-cli keys' python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
m = d["Measurements"]
assert list(m) == ["HashAlgorithm", "PCR0", "PCR1", "PCR2"] and len(m["PCR0"]) == 96, m' "$OUT"
(cd elsewhere && mkdir away && cd away && "$SELFSAME" build -q --runtime ../../runtime --name b rootfs:../../root >"$OUT" 2>"$ERR" && exit 1
	grep -q 'nothing to start' "$ERR")
check 'without enclave.toml there is nothing to start in a plain root' test $? -eq 0

try 4 build nowhere-at-all/x
err_has "cannot build 'nowhere-at-all/x'"
try 2 build -q --runtime runtime --no-normalise foo
err "selfsame: error: no normaliser 'foo'"
try 2 build -q --runtime runtime --no-normalise apt-log
err "selfsame: error: no normaliser 'apt-log'; did you mean 'apt-logs'?"
cp enclave.toml kept
printf '[normalize]\nhots = false\n' >>enclave.toml
try 3 build -q --runtime runtime
err "selfsame: error: enclave.toml: normalize: no normaliser 'hots'; did you mean 'hosts'?"
cp kept enclave.toml
printf '[normalize]\nhosts = "no"\n' >>enclave.toml
try 3 build -q --runtime runtime
err_has "'normalize.hosts' must be true or false, not a string"
cp kept enclave.toml
printf 'normalize = 3\n' | cat - kept >enclave.toml
try 3 build -q --runtime runtime
err_has "line 1: 'normalize' must be a table, not an integer"
cp kept enclave.toml
try 0 build -q --runtime runtime --no-normalise hosts
check 'a row that is off is not in the lock' sh -c '! grep -q hosts enclave.lock && grep -q shadow-day enclave.lock'
try 0 rebuild -q --runtime runtime
out same
try 2 build -q --runtime runtime --source-date-epoch 1700000000000
err 'selfsame: error: --source-date-epoch is 1700000000000: that looks like milliseconds; it counts seconds'
try 3 build -q --runtime runtime --source-date-epoch commit
try 2 build -q --runtime runtime --double oci:image
err 'selfsame: error: --double runs steps twice; an image that is taken has none'
try 2 build -q --runtime runtime --certificate c.pem
err 'selfsame: error: --certificate and --key belong together'
try 4 build -q --runtime runtime --kernel missing
err_has "'missing'"
try 2 build -q --runtime runtime --target ''
err 'selfsame: error: --target is empty'
try 2 build -q --runtime runtime --build-arg "$(printf 'A=\200')"
err "selfsame: error: --build-arg 'A=\x80' is not UTF-8 text"
try 2 build -q --runtime runtime --target x --platform ''
err 'selfsame: error: --platform is empty'
try 0 build -q --runtime runtime --cmdline ''
check 'no words are no key of the lock' sh -c '! grep -q ^cmdline enclave.lock'
try 0 build -q --runtime runtime
try 2 build -q --runtime runtime --build-arg novalue
err "selfsame: error: --build-arg 'novalue' is not KEY=VALUE"
cp enclave.toml plain.toml
printf '[[ingress]]\nport = 9001\ntls = "none"\n' >>enclave.toml
try 3 build -q --runtime runtime
err "selfsame: error: 'enclave.toml': line 6: 'ingress.port' is 9001; 9000 to 9015 are reserved for the runtime"
cp plain.toml enclave.toml

# What is there and is not a regular file stays what it is; nor is the build's own input replaced.
mkfifo pipe
try 2 build -q --runtime runtime -o pipe
err "selfsame: error: 'pipe' is a device or the like, not a file"
check 'the fifo is still one' test -p pipe
ln -s /dev/null link
try 2 build -q --runtime runtime -o link
err "selfsame: error: 'link' is a device or the like, not a file"
try 2 build -q --runtime runtime -o runtime
err "selfsame: error: 'runtime' is a directory, not a file"
for own in enclave.toml enclave.lock measurements.json; do
	cp $own kept
	try 2 build -q --runtime runtime -o ./root/../$own
	err "selfsame: error: the output './root/../$own' would replace '$own'"
	check "$own is as it was" cmp $own kept
done
(mkdir plain && cd plain && exec "$SELFSAME" build -q --runtime ../runtime -o measurements.json rootfs:../root) 2>"$ERR"
check 'measurements go beside the output, never over it' test $? -eq 2
err "selfsame: error: the output 'measurements.json' would replace 'measurements.json'"
try 2 build -q --runtime runtime -o root/b.eif
err "selfsame: error: 'root/b.eif' would be written into 'rootfs:root', which is read: the next build would be another"
try 2 build -q --runtime runtime rootfs:.
err "selfsame: error: 'b.eif' would be written into 'rootfs:.', which is read: the next build would be another"
# The other architecture: its flag in the file, its own kernel and command line, and no other image.
cp -r runtime/x86_64 runtime/aarch64
echo 'console=ttyAMA0' >runtime/aarch64/cmdline
try 0 build -q --runtime runtime --arch aarch64 -o arm.eif
try 0 describe arm.eif
out_has 'format      EIF version 4 for aarch64'
try 0 extract arm.eif arm
check 'its command line' grep -q ' console=ttyAMA0$' arm/cmdline
check 'its architecture is in the lock' grep -qx 'arch = "aarch64"' enclave.lock
try 0 rebuild -q --runtime runtime
out same
PYTHONPATH=$SRC/tests/oracle python3 -c '
import images
images.simple("oci", [images.tar([images.entry("bin/app", images.REG, b"x", mode=0o755)])])'
try 0 build -q --runtime runtime -o x86.eif oci:oci:latest
try 3 build -q --runtime runtime --arch aarch64 -o arm.eif oci:oci:latest
err "selfsame: error: 'oci:oci:latest': the image is for linux/amd64, not for linux/arm64"
printf 'nam = "b"\n' >enclave.toml
try 3 build -q --runtime runtime
err_has 'line 1'
rm enclave.toml
try 2 build -q --runtime runtime
err_has "there is no 'Dockerfile'"
