# What an image holds, for people and as nitro-cli prints it.

oracle() { python3 "$SRC/tests/oracle/eif.py" "$@"; }

printf 'a kernel' >kernel
printf 'console=ttyS0' >cmdline
printf '{}' >plain
printf 'ramdisk zero' >r0
printf 'ramdisk one!' >r1
cat >metadata <<'END'
{"ImageName":"hello","ImageVersion":"1","BuildMetadata":{"BuildTime":"2024-07-09T17:16:38+00:00",
"BuildTool":"nitro-cli","BuildToolVersion":"1.3.1","OperatingSystem":"Linux","KernelVersion":"4.14.256"},
"DockerInfo":{"Id":"sha256:12","Size":7},"CustomMetadata":{"owner":"ops","BuildTime":"hidden"}}
END

oracle make a.eif flags=1 kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0 ramdisk=r1
oracle measure a.eif >want
pcr() { sed -n "s/^PCR$1  //p" want; }
sha() { sha384sum <"$1" | cut -d' ' -f1; }
try 0 describe a.eif
err ''
out <<END
file        a.eif
format      EIF version 4 for aarch64
flags       0x0001 arm64
size        953 bytes
CRC-32      $(od -An -tx1 -j544 -N4 a.eif | tr -d ' '), correct
hints       1073741824 bytes of memory, 2 CPUs (not measured)

sections         offset         size
  kernel            548            8
  cmdline           568           13
  metadata          593          300
  ramdisk           905           12
  ramdisk           929           12

registers
  PCR0  $(pcr 0)
  PCR1  $(pcr 1)
  PCR2  $(pcr 2)

SHA-384 of the parts
  kernel    $(sha kernel)
  cmdline   $(sha cmdline)
  ramdisk0  $(sha r0)
  ramdisk1  $(sha r1)

layout of ramdisk 1
  unknown

signature
  none

metadata (in no register: never to be trusted)
  name         hello
  version      1
  built        2024-07-09T17:16:38+00:00
  tool         nitro-cli
  tool version 1.3.1
  system       Linux
  kernel       4.14.256
  docker       present; --json shows it
  custom       {"owner":"ops","BuildTime":"hidden"}
END

try 0 describe --json a.eif
out <<END
{
  "EifVersion": 4,
  "Measurements": {
    "HashAlgorithm": "Sha384 { ... }",
    "PCR0": "$(pcr 0)",
    "PCR1": "$(pcr 1)",
    "PCR2": "$(pcr 2)"
  },
  "IsSigned": false,
  "CheckCRC": true,
  "ImageName": "hello",
  "ImageVersion": "1",
  "Metadata": {
    "BuildTime": "2024-07-09T17:16:38+00:00",
    "BuildTool": "nitro-cli",
    "BuildToolVersion": "1.3.1",
    "OperatingSystem": "Linux",
    "KernelVersion": "4.14.256",
    "DockerInfo": {
      "Id": "sha256:12",
      "Size": 7
    },
    "owner": "ops"
  }
}
END

# Metadata of other builders, or none, or nonsense: shown, and nothing depends on it.
oracle make b.eif kernel=kernel cmdline=cmdline metadata=plain ramdisk=r0
try 0 describe b.eif
err ''
try 0 describe --json b.eif
check 'empty metadata leaves the names out' sh -c '! grep -q -e ImageName -e Metadata "$1"' - "$OUT"
printf 'not json' >junk
oracle make b.eif kernel=kernel cmdline=cmdline metadata=junk ramdisk=r0
try 0 describe b.eif
out_has '  metadata: '
printf '[1]' >junk
oracle make b.eif kernel=kernel cmdline=cmdline metadata=junk ramdisk=r0
try 0 describe b.eif
out_has '  metadata: not a JSON object'
try 0 describe --json b.eif
oracle make b.eif version=3 kernel=kernel cmdline=cmdline ramdisk=r0
try 0 describe b.eif
out_has '  none'

# A terminal sees no control characters, whatever stands in a name.
printf '{"ImageName":"\\u001b[31mred\\u202e","ImageVersion":{"a":"\\u0007"}}' >ctl
oracle make b.eif kernel=kernel cmdline=cmdline metadata=ctl ramdisk=r0
try 0 describe b.eif
out_has '  name         \x1b[31mred\xe2\x80\xae'
check 'no escape reaches the terminal' sh -c '! grep -q "$(printf "\033")" "$1"' - "$OUT"

# PCIe flags.
oracle make p.eif flags=0x240 kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0
try 0 describe p.eif
out_has 'flags       0x0240 pcie pcie-virtio'
out_has '  PCR0  not computable: the file has PCIe flags'

# --- signatures -----------------------------------------------------------------------------------

openssl ecparam -genkey -name secp384r1 -noout -out key.pem
openssl req -new -x509 -key key.pem -subj '/C=NL/O=test/CN=sign\er' -days 30 -out cert.pem
openssl ecparam -genkey -name secp384r1 -noout -out other.key
openssl req -new -x509 -key other.key -subj /CN=other -days 30 -out other.pem
openssl req -new -x509 -key key.pem -subj /CN=old -days -1 -out old.pem 2>old.log ||
	openssl x509 -in cert.pem -signkey key.pem -days -1 -out old.pem 2>old.log

oracle sign a.eif s.eif cert.pem key.pem
pcr8=$(oracle verify s.eif | sed 's/PCR8  //')
try 0 describe s.eif
err ''
out_has "  PCR8  $pcr8"
out_has '  algorithm ES384'
out_has "  key       the certificate's key made the signature"
out_has '  payload   PCR0 of this file'
out_has '  dates     the certificate is valid now'
try 0 describe --json s.eif
out_has '  "IsSigned": true,'
out_has '  "SignatureCheck": true,'
out_has "    \"PCR8\": \"$pcr8\""
out_has '      "commonName": "sign'
check 'NotAfter is spelled as openssl spells it' grep -qF \
	"\"NotAfter\": \"$(openssl x509 -in cert.pem -noout -enddate | sed 's/notAfter=//')\"" "$OUT"
check "the certificate's own signature is shown" sh -c \
	'openssl x509 -in cert.pem -noout -text | sed -n "/Signature Value/,\$p" | sed 1d |
	tr -d " \n" | sed "s/-----BEGIN.*//" | tr a-f A-F | grep -qf - "$1"' - "$OUT"

# The right signature in another image.
oracle section s.eif signature >section
oracle make t.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r1 ramdisk=r0 signature=section
try 1 describe t.eif
err "selfsame: error: 't.eif': the signature is over another PCR0"
out_has '  payload   the signature is over another PCR0'
try 1 describe --json t.eif
out_has '  "SignatureCheck": false,'

# A signature by another key than the certificate's.
oracle sign a.eif s2.eif other.pem key.pem
try 1 describe s2.eif
err "selfsame: error: 's2.eif': the signature is not by the certificate's key"
try 1 describe --json s2.eif
out_has '  "SignatureCheck": false,'

# An expired certificate: the signature itself still holds.
check 'there is an expired certificate' test -s old.pem
oracle sign a.eif s3.eif old.pem key.pem
try 1 describe s3.eif
err_has "selfsame: error: 's3.eif': the certificate is not valid after "
try 1 describe --json s3.eif
out_has '  "SignatureCheck": true,'

# A section that cannot be read: the registers are shown all the same.
printf 'nonsense' >section
oracle make u.eif kernel=kernel cmdline=cmdline metadata=metadata ramdisk=r0 signature=section
try 3 describe u.eif
err_has "selfsame: error: 'u.eif': signature section: "
out_has '  unreadable: signature section: '
try 3 describe --json u.eif
out_has '  "SignatureCheck": false,'
try 3 measure u.eif
err_has "selfsame: error: 'u.eif': signature section: "

# Signed, with PCIe flags: the payload cannot be compared, and that is no yes.
oracle sign p.eif q.eif cert.pem key.pem
try 0 describe q.eif
out_has '  payload   not compared: PCR0 is not computable'
try 0 describe --json q.eif
out_has '  "SignatureCheck": false,'

# --- malformed files, each with its message -------------------------------------------------------

oracle make good.eif kernel=kernel cmdline=cmdline metadata=plain ramdisk=r0 ramdisk=r1
bad() { # OFFSET HEX MESSAGE
	cp good.eif bad.eif
	oracle set bad.eif "$1" "$2"
	oracle mend bad.eif
	try 3 describe bad.eif
	err "selfsame: error: 'bad.eif': $3"
	out ''
}
bad 0 2f 'not an EIF file: wrong magic at byte 0'
bad 5 05 'EIF header: version 5 at byte 4 is not supported'
bad 6 80 'EIF header: unknown flags 0x8000 at byte 6'
bad 25 01 'EIF header: the reserved field at byte 24 is not zero'
bad 26 0021 'EIF header: 33 sections at byte 26; the format holds 32'
bad 26 0004 'EIF header: slot 4 is unused, but its offset at byte 60 is not zero'
bad 543 01 'EIF header: the reserved field at byte 540 is not zero'
bad 34 0223 'section 0 at byte 547 overlaps the file header, which ends at byte 548'
bad 42 0239 'section 1 at byte 569 leaves a gap of 1 bytes at byte 568'
bad 42 0237 'section 1 at byte 567 overlaps section 0, which ends at byte 568'
bad 291 07 'section 0 at byte 548: the table says 7 bytes, its own header 8'
bad 316 ff 'section 4 at byte 631: 18374686479671623692 bytes of data end past the file, which ends at byte 655'
bad 642 0b 'section 4 at byte 631: the table says 12 bytes, its own header 11'
bad 549 00 'section 0 at byte 548 has the unknown type 0'
bad 549 06 'section 0 at byte 548 has the unknown type 6'
bad 551 01 'section 0 at byte 548: its flags at byte 550 are 0x0001, not zero'
bad 569 01 'section 1 at byte 568: a second kernel section'
bad 594 02 'section 2 at byte 593: a second cmdline section'
bad 608 05 'section 3 at byte 607: a second metadata section'
bad 549 03 'section 0 at byte 548: a ramdisk before the kernel'
bad 594 03 'there is no metadata, which version 4 demands'
bad 549 04 'section 3 at byte 607: a ramdisk before the kernel'
bad 569 04 'there is no cmdline'
cp good.eif bad.eif
printf 'x' >>bad.eif
oracle mend bad.eif
try 3 describe bad.eif
err "selfsame: error: 'bad.eif': 1 bytes follow the last section, at byte 655"
oracle make bad.eif kernel=kernel cmdline=cmdline metadata=plain
try 3 describe bad.eif
err "selfsame: error: 'bad.eif': there is no ramdisk"
oracle make bad.eif cmdline=cmdline metadata=plain
try 3 describe bad.eif
err "selfsame: error: 'bad.eif': there is no kernel"
head -c 4097 /dev/zero >long
oracle make bad.eif kernel=kernel cmdline=long metadata=plain ramdisk=r0
try 3 describe bad.eif
err "selfsame: error: 'bad.eif': section 1 at byte 568: cmdline of 4097 bytes; the limit is 4096"
head -c 32769 /dev/zero >long
oracle make bad.eif kernel=kernel cmdline=cmdline metadata=plain ramdisk=r0 signature=long
try 3 describe bad.eif
err "selfsame: error: 'bad.eif': section 4 at byte 631: signature of 32769 bytes; the limit is 32768"

# --- ramdisk 1 ------------------------------------------------------------------------------------

archive() { python3 "$SRC/tests/oracle/cpio.py" "$@"; }
layout() { sed -n '/^layout of ramdisk 1$/,/^$/p' "$OUT" | sed '1d;$d'; }

# What nitro-cli writes, by a second writer of it.
cat >nitro_r1.py <<'END'
import os, sys
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests", "oracle"))
import nitro

class Node:
    def __init__(self, kind="dir"):
        self.mode = {"dir": 0o40755, "file": 0o100755, "link": 0o120777}[kind]
        self.uid = self.gid = 0
        self.mtime, self.rdev = 5, (0, 0)
        self.body = b"/proc/mounts" if kind == "link" else b""

paths = {p: Node(k) for p, k in ((b"bin", "dir"), (b"bin/sh", "file"), (b"bin-x", "file"),
                                 (b"usr", "dir"), (b"tmp", "dir"))}
nitro.docker_layer(paths, Node)
order = sorted(paths.items(), key=lambda kv: kv[0].split(b"/"))
sys.stdout.buffer.write(nitro.customer(order, b"/bin/sh\n", b"A=b\n"))
END
python3 nitro_r1.py >nitro_r1
oracle make n.eif kernel=kernel cmdline=cmdline metadata=plain ramdisk=r0 ramdisk=nitro_r1
try 0 describe n.eif
check 'what nitro-cli writes is known, without findings' test "$(layout)" = '  nitro-cli'

# An init beside it would run instead of the one that PCR1 names.
archive evil d:755:rootfs d:755:rootfs/etc f:644:init:evil 'f:644:\x1b[1m' f:644:rootfs/etc d:755:rootfs \
	d:755:rootfs/dev d:755:rootfs/run d:755:rootfs/sys d:755:rootfs/var d:755:rootfs/proc \
	d:755:rootfs/tmp f:644:cmd:a f:644:env:b trailer zeros=200
oracle make n.eif kernel=kernel cmdline=cmdline metadata=plain ramdisk=r0 ramdisk=evil
try 0 describe n.eif
layout >seen
check 'findings are shown, escaped' diff - seen <<'END'
  nitro-cli
  finding: 'init' lies outside 'rootfs'
  finding: '\x1b[1m' lies outside 'rootfs'
  finding: 'rootfs/etc' comes twice or out of order
END
seq 30 | sed 's/.*/f:644:x&/' | xargs python3 "$SRC/tests/oracle/cpio.py" evil d:755:rootfs
oracle make n.eif kernel=kernel cmdline=cmdline metadata=plain ramdisk=r0 ramdisk=evil
try 0 describe n.eif
layout >seen
check 'twenty findings are shown' test "$(grep -c '^  finding: ' seen)" -eq 20
check 'and the rest counted' grep -qx '  and 11 more findings' seen
archive own f:644:config:x d:755:rootfs trailer
oracle make n.eif kernel=kernel cmdline=cmdline metadata=plain ramdisk=r0 ramdisk=own
try 0 describe n.eif
check 'our own layout is known' test "$(layout)" = '  selfsame'
