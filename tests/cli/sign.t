# Signing: held to the openssl program by tests/oracle/eif.py, in both directions.

oracle() { python3 "$SRC/tests/oracle/eif.py" "$@"; }

printf 'a kernel' >kernel
printf 'console=ttyS0' >cmdline
printf '{}' >metadata
printf 'ramdisk zero' >r0
head -c 900000 /dev/zero | tr '\0' 'r' >r1
oracle make a.eif flags=1 kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0 ramdisk=r1
for curve in prime256v1 secp384r1 secp521r1 secp256k1; do
	openssl ecparam -genkey -name "$curve" -noout -out "$curve.key"
	openssl req -new -x509 -key "$curve.key" -subj "/CN=$curve" -days 30 -out "$curve.pem"
done

for curve in prime256v1 secp384r1 secp521r1; do
	try 0 sign --certificate "$curve.pem" --key "$curve.key" -o "$curve.eif" a.eif
	oracle measure a.eif >want
	oracle verify "$curve.eif" >pcr8
	check "openssl verifies the signature on $curve" test -s pcr8
	cat want pcr8 >all
	out <all
	err ''
	try 0 describe "$curve.eif"
	cp a.eif again.eif
	try 0 sign --key "$curve.key" --certificate "$curve.pem" again.eif
	check "signing twice gives the same bytes on $curve" cmp again.eif "$curve.eif"
	try 0 sign --key "$curve.key" --certificate "$curve.pem" again.eif
	check "signing what is signed gives the same bytes on $curve" cmp again.eif "$curve.eif"
	oracle sign a.eif theirs.eif "$curve.pem" "$curve.key"
	try 0 describe theirs.eif
	try 0 sign --key "$curve.key" --certificate "$curve.pem" theirs.eif
	check "openssl's signature is replaced by ours on $curve" cmp theirs.eif "$curve.eif"
done

# A chain goes in whole; PCR8 is that of the first certificate.
cat secp384r1.pem prime256v1.pem >chain.pem
try 0 sign --certificate chain.pem --key secp384r1.key -o chain.eif a.eif
oracle verify chain.eif >pcr8
oracle verify secp384r1.eif >want
check 'PCR8 of a chain is that of its first certificate' cmp pcr8 want
oracle section chain.eif signature >section
try 0 sign --json --certificate secp384r1.pem --key secp384r1.key chain.eif
check 'the old signature is gone' cmp chain.eif secp384r1.eif
out_has '  "Measurements": {'
out_has "    \"PCR8\": \"$(sed 's/PCR8  //' want)\""

# The link stays, what it leads to is signed.
cp a.eif target.eif
ln -s target.eif link.eif
try 0 sign --certificate secp384r1.pem --key secp384r1.key link.eif
check 'the link is still a link' test -L link.eif
check 'its target is signed' cmp target.eif secp384r1.eif

# A published signature.
oracle section secp384r1.eif signature >published
try 0 sign --signature published -o b.eif a.eif
check 'with the published signature it is the published file' cmp b.eif secp384r1.eif
oracle make other.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r1
cp other.eif kept.eif
try 1 sign --signature published other.eif
err "selfsame: error: 'other.eif': the signature is over another PCR0"
check 'the file is as it was' cmp other.eif kept.eif
oracle make forged.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0
oracle sign forged.eif forged2.eif prime256v1.pem secp521r1.key 2>/dev/null ||
	oracle sign forged.eif forged2.eif secp384r1.pem secp384r1.key
cp published wrong
size=$(stat -c %s wrong)
last=$(od -An -tu1 -j$((size - 1)) wrong)
printf "\\$(printf '%o' $((last ^ 1)))" | dd of=wrong bs=1 seek=$((size - 1)) conv=notrunc 2>/dev/null
try 1 sign --signature wrong a.eif
err "selfsame: error: 'wrong': the signature is not by the certificate's key"
try 3 sign --signature kernel a.eif
err_has "selfsame: error: 'kernel': signature section: "
try 3 sign --signature r1 a.eif
err "selfsame: error: r1 is larger than 32768 bytes"

# --- what is refused; the file survives ---------------------------------------------------------

cp a.eif before
refused() { # STATUS MESSAGE ARGS...
	status=$1 text=$2
	shift 2
	try "$status" sign "$@" a.eif
	err "selfsame: error: $text"
	check 'the file is as it was' cmp a.eif before
	check 'nothing is left over' test "$(find . -name '.*selfsame*' | wc -l)" -eq 0
}
printf 'garbage' >junk
cat prime256v1.pem prime256v1.key >both.pem
openssl genrsa -out rsa.key 2048 2>rsa.log
openssl req -new -x509 -key rsa.key -subj /CN=rsa -days 30 -out rsa.pem
openssl pkcs8 -topk8 -in prime256v1.key -passout pass:secret -out locked.key
faketime() { # a certificate of another time: -not_before is not in every openssl
	python3 "$SRC/tests/oracle/old_cert.py" "$@"
}
faketime prime256v1.key 200101000000Z 210101000000Z >expired.pem
faketime prime256v1.key 600101000000Z 890101000000Z >wrong.pem
faketime prime256v1.key 20800101000000Z 20890101000000Z >future.pem

refused 3 "'expired.pem': the certificate is not valid after Jan  1 00:00:00 2021 GMT" \
	--certificate expired.pem --key prime256v1.key
refused 3 "'future.pem': the certificate is not valid before Jan  1 00:00:00 2080 GMT" \
	--certificate future.pem --key prime256v1.key
refused 3 "the key 'secp384r1.key' is not that of the certificate 'prime256v1.pem'" \
	--certificate prime256v1.pem --key secp384r1.key
refused 3 "'junk': line 1 is no part of a certificate in PEM form" \
	--certificate junk --key prime256v1.key
refused 3 "'junk': there is no private key in PEM form" --certificate prime256v1.pem --key junk
refused 3 "'both.pem': line $(($(wc -l <prime256v1.pem) + 1)) is no part of a certificate in PEM form" \
	--certificate both.pem --key prime256v1.key
refused 3 "'rsa.key': the private key is RSA; EIF signatures need P-256, P-384 or P-521" \
	--certificate rsa.pem --key rsa.key
refused 3 "'secp256k1.key': the private key is on the curve 'secp256k1'; EIF signatures need P-256, P-384 or P-521" \
	--certificate secp256k1.pem --key secp256k1.key
refused 4 "cannot open 'nowhere': No such file or directory" \
	--certificate nowhere --key prime256v1.key
refused 4 "cannot open 'nowhere': No such file or directory" \
	--certificate prime256v1.pem --key nowhere
refused 2 'sign needs --certificate and --key, or --signature'
refused 2 'sign: --certificate and --key go together' --key prime256v1.key
refused 2 'sign: --signature does not go with --certificate and --key' \
	--signature published --key prime256v1.key
refused 4 "cannot write 'nowhere/x.eif': folder 'nowhere': No such file or directory" \
	--certificate prime256v1.pem --key prime256v1.key -o nowhere/x.eif
cp prime256v1.key kept.key
refused 2 "the output './prime256v1.key' would replace 'prime256v1.key'" \
	--certificate prime256v1.pem --key prime256v1.key -o ./prime256v1.key
check 'the key is as it was' cmp prime256v1.key kept.key
ln -s /dev/null null
refused 2 "'null' is a device or the like, not a file" \
	--certificate prime256v1.pem --key prime256v1.key -o null
try 3 sign --certificate prime256v1.pem --key locked.key a.eif
err <<'END'
selfsame: error: 'locked.key': the private key is encrypted with a passphrase
selfsame: hint: 'openssl pkey -in KEY -out PLAIN' decrypts it
END
seq 40 | while read -r _; do cat prime256v1.pem; done >long.pem
try 3 sign --certificate long.pem --key prime256v1.key a.eif
err <<'END'
selfsame: error: 'a.eif': the signature section would be larger than 32768 bytes
selfsame: hint: only the first certificate counts: leave the others out of the file
END
check 'the file is as it was' cmp a.eif before

oracle make p.eif flags=0x40 kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0
try 3 sign --certificate prime256v1.pem --key prime256v1.key p.eif
err "selfsame: error: 'p.eif': PCR0 of an image with PCIe flags cannot be computed, so it cannot be signed"
cp a.eif c.eif
oracle set c.eif 700 00
try 3 sign --certificate prime256v1.pem --key prime256v1.key c.eif
err_has "selfsame: error: 'c.eif': the CRC-32 at byte 544 says "

# A disk that is full in the middle: the old file stays, and nothing else.
small() { (trap '' XFSZ; ulimit -f 1000; exec "$SELFSAME" "$@"); }
cp a.eif full.eif
rc=0
small sign --certificate prime256v1.pem --key prime256v1.key full.eif 2>full.err || rc=$?
check 'a full disk is exit status 4' test "$rc" -eq 4
check 'a full disk is named' grep -q "cannot write: File too large" full.err
check 'the file is as it was' cmp full.eif before
check 'nothing is left over' test "$(find . -name '.*selfsame*' | wc -l)" -eq 0
