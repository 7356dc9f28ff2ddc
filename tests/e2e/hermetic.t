# A build as it is by default, hermetic, through a real buildah: what the steps fetched is in the lock, a rebuild without
# any network gives the same file, another server's answers are no input, and nothing of the
# recorder is in the image or left on the machine.

mkdir -p runtime/x86_64 app small www
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
here=$PWD
store=$HOME/.cache/selfsame/inputs
toml() { # NAME
	printf 'name = "%s"\nsource_date_epoch = 1700000000\n[build]\nengine = "buildah"\nargs = { BASE = "%s" }\n' \
		"$1" "$SELFSAME_DEMO_BASE"
	printf 'local = ["files.test:%s"]\n' "$port"
}

# A server whose name only this mount name space knows, with an authority that only we know.
printf '127.0.0.1 files.test\n' | cat /etc/hosts - >hosts
mount --bind hosts /etc/hosts
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out ca.pem -subj /CN=t \
	-addext subjectAltName=DNS:files.test -days 3650 2>/dev/null
cat >serve.py <<'END'
import functools, http.server, ssl, sys
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(http.server.SimpleHTTPRequestHandler, directory="www"))
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain("ca.pem", "key.pem")
s.socket = c.wrap_socket(s.socket, server_side=True)
print(s.server_address[1], flush=True)
s.serve_forever()
END
mkfifo port
python3 -B serve.py >port 2>served &
server=$!
read -r port <port
seq 100000 >www/a
echo hello >www/b
export SSL_CERT_FILE="$here/ca.pem"

# --- a package and a file -----------------------------------------------------------------------------

cat >app/Dockerfile <<END
ARG BASE
FROM \$BASE
RUN apt-get update && apt-get install -y --no-install-recommends hello
RUN /usr/lib/apt/apt-helper download-file https://files.test:$port/a /a && date >/when && head -c 9 /dev/urandom >/what && cat /dev/selfsame/authority.pem
ADD https://files.test:$port/b /b
RUN apt-get install -y --no-install-recommends ca-certificates wget && wget -q -O /c https://files.test:$port/b
RUN cat /etc/hosts >/hosts && echo mine >>/etc/hosts && env -u WGETRC wget -q -O /d https://files.test:$port/b && cp -p /etc/ssl/certs/ca-certificates.crt /copy
RUN cp -p /etc/ssl/certs/ca-certificates.crt /copy2 && update-ca-certificates && cp -p \$SSL_CERT_FILE /copy3
ENV JAVA_TOOL_OPTIONS=-Xmx64m
RUN test "\$JAVA_TOOL_OPTIONS" = "-Djavax.net.ssl.trustStore=/dev/selfsame/authority.jks -Djavax.net.ssl.trustStoreType=jks -Xmx64m" && test -s /dev/selfsame/authority.jks
CMD ["/usr/bin/hello"]
END
toml app >app/enclave.toml
cd app || exit 99
try 0 build --runtime "$here/runtime"
err_has 'selfsame: step 1: apt-get update && apt-get install -y --no-install-recommends ...: '
err_has "selfsame: step 2: /usr/lib/apt/apt-helper download-file https://files.test:$(echo "$port" | cut -c1-3) ...: 1 request, 575.1 KiB, 0 cached"
sed -n '/^-----BEGIN CERTIFICATE/,/^-----END/p' "$ERR" | sed -n 3p >../authority
check 'the step has a certificate of the recorder' grep -qE '^.{64}$' ../authority
err_has 'selfsame: ADD: 1 request, 6 bytes, 0 cached'
out_has 'fetched '
out_has 'pinned  1 base, '
out_has "local   steps may ask files.test:$port, also where that is this machine"
check 'the lock says what a step fetched' grep -qxF "url = \"https://files.test:$port/a\"" enclave.lock
check 'with its hash' grep -qxF "sha256 = \"$(sha256sum ../www/a | cut -c1-64)\"" enclave.lock
check 'and the package' grep -q '^url = "http.*/hello_.*\.deb"$' enclave.lock
check 'and that it is hermetic' grep -qxF 'hermetic = "full"' enclave.lock
check 'in order' sh -c 'grep "^url = " enclave.lock >urls && LC_ALL=C sort -c urls'
try 0 extract -q --tree app.eif tree
root=tree/ramdisk1/rootfs
check 'the file is in the image' cmp ../www/a $root/a
check 'what ADD fetched, too' cmp ../www/b $root/b
check 'a program that has just been installed fetches' cmp ../www/b $root/c
check 'one that only knows the image'"'"'s certificates does, too' cmp ../www/b $root/d
check 'the image'"'"'s certificates are there' grep -q BEGIN $root/etc/ssl/certs/ca-certificates.crt
for copy in copy copy2 copy3; do
	check "and nothing more in $copy" cmp $root/etc/ssl/certs/ca-certificates.crt $root/$copy
done
check 'localhost has an address in a step' sh -c 'test "$(cat "$1/hosts")" = "127.0.0.1	localhost selfsame
::1	localhost ip6-localhost ip6-loopback"' - $root
check 'made at the epoch' grep -q '^Tue Nov 14 22:13:20 UTC 2023$' $root/when
check 'it is not in the image' sh -c '! grep -rlF -e "$(cat ../authority)" -e "selfsame: recorder" "$1"' - $root
check 'nor anything that only the step has' sh -c 'test ! -e "$1/dev/selfsame" && test ! -s "$1/etc/resolv.conf"' - $root

# --- again, without any network -----------------------------------------------------------------------

kill "$server"
check 'a rebuild without a network gives the same' unshare -n "$SELFSAME" rebuild --runtime "$here/runtime"
check 'and asks nobody' sh -c 'test "$(grep -c "GET /a" ../served)" = 1'

# --- a body that the store has lost ---------------------------------------------------------------------

cd "$here" || exit 99
python3 -B serve.py >port 2>served2 &
server=$!
read -r port <port
printf 'ARG BASE\nFROM $BASE\nRUN /usr/lib/apt/apt-helper download-file https://files.test:%s/curl_1.2-3_amd64.deb /a\n' "$port" >small/Dockerfile
toml small >small/enclave.toml
echo one >www/curl_1.2-3_amd64.deb
one=$(sha256sum www/curl_1.2-3_amd64.deb | cut -c1-64)
cd small || exit 99
try 0 build -q --runtime "$here/runtime"
rm -f "$store/sha256/$(echo "$one" | cut -c1-2)/$one"
echo two >../www/curl_1.2-3_amd64.deb
two=$(sha256sum ../www/curl_1.2-3_amd64.deb | cut -c1-64)
try 4 rebuild --runtime "$here/runtime"
err_has "GET https://files.test:$port/curl_1.2-3_amd64.deb: cannot fetch: deb curl 1.2-3: the lock has sha256 $one, the server now has sha256 $two (4 bytes)"
echo one >../www/curl_1.2-3_amd64.deb
try 0 rebuild -q --runtime "$here/runtime"
out same
check 'and then the store has it again' test -f "$store/sha256/$(echo "$one" | cut -c1-2)/$one"
# A build with a lock takes what the lock has, whatever the server has now; --update asks.
echo two >../www/curl_1.2-3_amd64.deb
cp enclave.lock before
try 0 build -q --runtime "$here/runtime"
check 'a build with a lock changes nothing' cmp enclave.lock before
try 0 build -q --runtime "$here/runtime" --update
check 'with --update it does' grep -qxF "sha256 = \"$two\"" enclave.lock
printf 'ARG BASE\nFROM $BASE\nRUN test ! -e /dev/selfsame\n' >Dockerfile
try 0 build -q --runtime "$here/runtime" --no-hermetic --output open.eif
out_has 'not hermetic: what RUN steps saw and fetched is pinned by nothing'
check 'and the lock says so' grep -qxF 'hermetic = "no"' enclave.lock

# --- whom a step trusts ---------------------------------------------------------------------------------

# The image's certificates in another form: with the recorder's among them that is no image to have.
cat >Dockerfile <<'END'
ARG BASE
FROM $BASE
RUN mkdir -p /etc/ssl/certs && echo '# none' >/etc/ssl/certs/ca-certificates.crt
RUN nproc >/processors && grep -v '^[-#]' $SSL_CERT_FILE | wc -c >/ours && grep -v '^[-#]' /etc/ssl/certs/ca-certificates.crt | tr -d '\n' >/form
END
rm enclave.lock
try 3 build -q --runtime "$here/runtime"
err_has "'/form' holds the certificate of this build's recorder, which only steps may see"
err_has 'trust = "variables" below [build] keeps ours out of them'
printf 'trust = "variables"\nprocessors = 3\n' >>enclave.toml
try 0 build -q --runtime "$here/runtime"
try 0 extract -q --tree small.eif tree
check "then the image's are as they were" test ! -s tree/ramdisk1/rootfs/form
check 'and a variable points to ours' test "$(cat tree/ramdisk1/rootfs/ours)" -gt 400
check 'as many processors as the project says' test "$(cat tree/ramdisk1/rootfs/processors)" = 3
rm -r tree

# --- a second run ---------------------------------------------------------------------------------------

printf 'ARG BASE\nFROM $BASE\nRUN date >/when && head -c 9 /dev/urandom >/what\n' >Dockerfile
try 0 build -q --runtime "$here/runtime" --double
out_has 'second run: the same'
# When a process began, counted from the machine's start, is in no view.
printf 'ARG BASE\nFROM $BASE\nRUN mkdir /out && cut -d" " -f22 /proc/self/stat >/out/began\n' >Dockerfile
try 1 build -q --runtime "$here/runtime" --double
out_has 'the second run differs: '
out_has 'out/began'
check 'what was built first is there' test -s small.eif
try 1 build -q --runtime "$here/runtime" --double --json
check 'also as JSON' python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))["SecondRun"]
assert d["Same"] is False and "out/began" in json.dumps(d["Diff"])' "$OUT"
check 'no folder of it is left' sh -c 'test -z "$(ls "$1"/.cache/selfsame/doctor | grep run-)"' - "$HOME"

# --- without a date -----------------------------------------------------------------------------------

# The configuration says when an image was made; this one's, with another date.
redate() { # RFC3339-TIME NAME
	rm -rf dated
	skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$SELFSAME_DEMO_BASE" oci:dated:x
	python3 -B - "$1" <<'END'
import hashlib, json, os, sys
def load(digest): return json.load(open("dated/blobs/sha256/" + digest.split(":")[1]))
def store(d, value):
    b = json.dumps(value).encode()
    d["digest"], d["size"] = "sha256:" + hashlib.sha256(b).hexdigest(), len(b)
    open("dated/blobs/sha256/" + d["digest"].split(":")[1], "wb").write(b)
index = json.load(open("dated/index.json"))
manifest = load(index["manifests"][0]["digest"])
config = load(manifest["config"]["digest"])
config["created"] = sys.argv[1]
store(manifest["config"], config)
store(index["manifests"][0], manifest)
json.dump(index, open("dated/index.json", "w"))
END
	skopeo copy -q --insecure-policy --dest-tls-verify=false oci:dated:x "docker://${SELFSAME_DEMO_BASE%%/*}/$2"
}
mkdir ../undated
cd ../undated || exit 99
mkdir -m 700 keys
key() { gpg --homedir keys --batch -q --faked-system-time "$@" 2>/dev/null; }
key 20250601T000000 --passphrase '' --quick-gen-key t@example.org ed25519 sign never
echo signed >message
key 20250602T000000 --detach-sign -o message.sig message
gpg --homedir keys --export >ring.gpg
gpgconf --homedir keys --kill all
rm -rf keys
sed -e /^source_date_epoch/d -e 's/^name = .*/name = "undated"/' ../small/enclave.toml >enclave.toml
cat >Dockerfile <<'END'
ARG BASE
FROM $BASE
COPY message message.sig ring.gpg pyc.pl /m/
RUN gpgv --keyring /m/ring.gpg /m/message.sig /m/message
RUN date +%s >/now && echo "$SOURCE_DATE_EPOCH" >>/now && stat -c %Y /m/message /now >>/now && touch /new && stat -c %X /new >>/now
RUN find /etc /usr/bin /m -type f -printf '%A@ %T@ %p\n' | sort >/read
RUN perl /m/pyc.pl
END
# As Python does it (e2e/clock.t); Perl is in the base image.
cat >pyc.pl <<'END'
open F, ">/m.py"; print F "code"; close F;
mkdir "/__pycache__"; open F, ">/__pycache__/m.cpython-311.pyc";
print F pack("a4VVVa*", "\xa7\r\r\n", 0, (stat "/m.py")[9], 4, "x");
END
try 0 build -q --runtime "$here/runtime"
check 'the lock has the clock of steps' grep -qxF 'clock = 1767225600' enclave.lock
check 'but the epoch is 0' grep -qxF 'source_date_epoch = 0' enclave.lock
try 0 extract -q --tree undated.eif tree
check 'and so are the times of files' test "$(stat -c %Y tree/ramdisk1/rootfs/m/message)" = 0
check 'all that a step sees is at that time' test "$(uniq -c tree/ramdisk1/rootfs/now | tr -s ' ')" = ' 5 1767225600'
check 'what was compiled in a step stays' test -s tree/ramdisk1/rootfs/__pycache__/m.cpython-311.pyc
rm -rf tree
check 'a rebuild without a network gives the same' unshare -n "$SELFSAME" rebuild -q --runtime "$here/runtime"
printf 'ARG BASE\nFROM $BASE\nRUN date +%%s >/now\n' >Dockerfile
sed -i 's/^clock = .*/clock = 1767225601/' enclave.lock
try 1 rebuild -q --runtime "$here/runtime" --output later.eif
try 0 extract -q --tree later.eif later
check 'a rebuild has it from the lock' test "$(cat later/ramdisk1/rootfs/now)" = 1767225601
sed -i /^clock/d enclave.lock
try 1 rebuild -q --runtime "$here/runtime" --output early.eif
try 0 extract -q --tree early.eif early
check 'a lock without one means the epoch' test "$(cat early/ramdisk1/rootfs/now)" = 0
# The newest of two bases, whatever the order; of the future there is none.
redate 2026-03-04T05:06:07Z newer:1
redate 0001-01-01T00:00:00Z older:1
printf 'FROM %s AS a\nFROM %s\nCOPY --from=a /etc/hostname /h\nRUN date +%%s >/now\n' \
	"${SELFSAME_DEMO_BASE%%/*}/newer:1" "${SELFSAME_DEMO_BASE%%/*}/older:1" >Dockerfile
try 0 build -q --runtime "$here/runtime"
check 'the newest base says what time it is' grep -qxF 'clock = 1772600767' enclave.lock
try 0 rebuild -q --runtime "$here/runtime"
redate 2099-01-01T00:00:00Z newer:1
try 4 build -q --runtime "$here/runtime" --update
err_has 'steps are to see 2099-01-01T00:00:00+00:00, which is later than what this machine'"'"'s clock says'
try 0 build -q --runtime "$here/runtime" --update --source-date-epoch 1700000000
check 'an epoch overrules it' grep -qxF 'clock = 1700000000' enclave.lock
cd ../small || exit 99

# --- a build that is killed -----------------------------------------------------------------------------

kill "$server"
printf 'ARG BASE\nFROM $BASE\nRUN sleep 98765\n' >Dockerfile
sleeping() { grep -qsxz 98765 /proc/[0-9]*/cmdline; }
mounted() { grep -qF "$HOME/.cache" /proc/self/mounts; }
until_is() { # COMMAND...: a state that comes within two minutes, however slow the machine is
	tries=1200
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}
held() { # a folder of a build: some process of it is still about to end
	for d in "$HOME"/.cache/selfsame/steps/run-* "$HOME"/.cache/selfsame/work/run-*; do
		[ ! -d "$d" ] || flock -n "$d" true || return 0
	done
	return 1
}
gone() { ! sleeping && ! mounted && ! held; }
"$SELFSAME" build -q --runtime "$here/runtime" >killed 2>&1 &
build=$!
check 'the step is reached' until_is sleeping
kill -9 "$build"
wait "$build" 2>/dev/null
check 'after a kill no process and no mount is left' until_is gone
"$SELFSAME" build -q --runtime "$here/runtime" >killed 2>&1 &
build=$!
check 'the step is reached again' until_is sleeping
kill -TERM "$build"
wait "$build"
check 'told to end, it ends by that signal' test $? = 143
check 'and leaves no folder, also of the one before' sh -c 'test -z "$(ls "$1"/.cache/selfsame/steps "$1"/.cache/selfsame/work | grep run-)"' - "$HOME"
check 'no process and no mount' until_is gone
printf 'ARG BASE\nFROM $BASE\nRUN true\n' >Dockerfile
try 0 build -q --runtime "$here/runtime"
check 'after the next build no folder is' sh -c 'test -z "$(ls "$1"/.cache/selfsame/steps "$1"/.cache/selfsame/work | grep run-)"' - "$HOME"
