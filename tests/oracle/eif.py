#!/usr/bin/env python3
"""A second, slow and simple reader and writer of EIF files: the tests' judge of the first.

usage: eif.py make OUT [version=N] [flags=N] KIND=FILE...   write a file; KIND is a section's name
       eif.py mend FILE                                     make the CRC fit the rest
       eif.py set FILE OFFSET HEX                           overwrite bytes; the CRC stays as it is
       eif.py measure FILE                                  "PCR0 hex" lines; the CRC must be right
       eif.py section FILE KIND [N]                         the data of the Nth section, to stdout
       eif.py sign FILE OUT CERT KEY                        sign with the openssl program
       eif.py verify FILE                                   check its signature with the same

Everything is read whole, nothing is shared with the program under test, and only the standard
library and the openssl program are used.
"""
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import zlib

HEADER = struct.Struct(">4sHHQQHH32Q32QII")
KINDS = {"kernel": 1, "cmdline": 2, "ramdisk": 3, "signature": 4, "metadata": 5}
CURVES = {"256": (-7, "sha256", 32), "384": (-35, "sha384", 48), "521": (-36, "sha512", 66)}


def die(text):
    sys.exit("oracle: " + text)


def load(path):
    with open(path, "rb") as f:
        return f.read()


def store(path, data):
    with open(path, "wb") as f:
        f.write(data)


def crc(data):
    return zlib.crc32(data[548:], zlib.crc32(data[:544]))


def build(version, flags, mem, cpus, sections):
    offsets, sizes, body = [], [], b""
    for kind, data in sections:
        offsets.append(548 + len(body))
        sizes.append(len(data))
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
    pad = [0] * (32 - len(sections))
    head = HEADER.pack(b".eif", version, flags, mem, cpus, 0, len(sections), *offsets, *pad,
                       *sizes, *pad, 0, 0)
    data = head + body
    return data[:544] + struct.pack(">I", crc(data)) + data[548:]


def parse(data):
    f = HEADER.unpack(data[:548])
    if f[0] != b".eif" or f[-1] != crc(data):
        die("magic or CRC is wrong")
    count, offsets, sizes = f[6], f[7:39], f[39:71]
    sections, at = [], 548
    for i in range(count):
        kind, _, size = struct.unpack(">HHQ", data[at:at + 12])
        if at != offsets[i] or size != sizes[i]:
            die(f"section {i}: table and headers disagree")
        sections.append((kind, data[at + 12:at + 12 + size]))
        at += 12 + size
    if at != len(data):
        die("the sections do not end where the file does")
    return f[1], f[2], f[3], f[4], sections


def register(content):
    return hashlib.sha384(bytes(48) + hashlib.sha384(content).digest()).digest()


def registers(sections):
    image, boot, app, ramdisks = b"", b"", b"", 0
    for kind, data in sections:
        if kind > 3:
            continue
        image += data
        if kind == 3 and ramdisks > 0:
            app += data
        else:
            boot += data
        ramdisks += kind == 3
    return [register(image), register(boot), register(app)]


# --- CBOR: what the signature section needs ------------------------------------------------------

def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, fmt in ((24, ">B"), (25, ">H"), (26, ">I")):
        if n < 1 << 8 * struct.calcsize(fmt):
            return bytes([major << 5 | info]) + struct.pack(fmt, n)
    raise ValueError(n)


def encode(v):
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(encode(x) for x in v)
    return head(5, len(v)) + b"".join(encode(k) + encode(x) for k, x in v.items())


def decode(data, at=0):
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    n = info
    if info >= 24:
        size = 1 << (info - 24)
        n = int.from_bytes(data[at:at + size], "big")
        at += size
    if major == 0:
        return n, at
    if major == 1:
        return -1 - n, at
    if major in (2, 3):
        text = data[at:at + n]
        return (text if major == 2 else text.decode()), at + n
    if major == 4:
        items = []
        for _ in range(n):
            item, at = decode(data, at)
            items.append(item)
        return items, at
    if major == 5:
        pairs = {}
        for _ in range(n):
            key, at = decode(data, at)
            pairs[key], at = decode(data, at)
        return pairs, at
    return decode(data, at)  # a tag: passed over


# --- ECDSA by the openssl program ----------------------------------------------------------------

def openssl(*args, data=b""):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, check=False)


def curve_of(certificate):
    text = openssl("x509", "-noout", "-text", data=certificate).stdout.decode()
    for bits, row in CURVES.items():
        if f"({bits} bit)" in text:
            return row
    die("the certificate's key is on no known curve")


def der_of(rs, size):
    def integer(b):
        b = b.lstrip(b"\0") or b"\0"
        if b[0] & 0x80:
            b = b"\0" + b
        return b"\x02" + bytes([len(b)]) + b
    body = integer(rs[:size]) + integer(rs[size:])
    return b"\x30" + (bytes([len(body)]) if len(body) < 128 else bytes([0x81, len(body)])) + body


def rs_of(der, size):
    at = 3 if der[1] & 0x80 else 2
    out = b""
    for _ in range(2):
        n = der[at + 1]
        out += int.from_bytes(der[at + 2:at + 2 + n], "big").to_bytes(size, "big")
        at += 2 + n
    return out


def structure(protected, payload):
    return encode(["Signature1", protected, b"", payload])


def sign(path, out, cert_path, key_path):
    version, flags, mem, cpus, sections = parse(load(path))
    certificate = load(cert_path)
    alg, digest, size = curve_of(certificate)
    protected = encode({1: alg})
    payload = encode({"register_index": 0, "register_value": list(registers(sections)[0])})
    made = openssl("dgst", "-" + digest, "-sign", key_path, data=structure(protected, payload))
    if made.returncode != 0:
        die(made.stderr.decode())
    cose = encode([protected, {}, payload, rs_of(made.stdout, size)])
    section = encode([{"signing_certificate": list(certificate), "signature": list(cose)}])
    kept = [s for s in sections if s[0] != 4]
    store(out, build(version, flags, mem, cpus, kept + [(4, section)]))


def verify(path):
    _, _, _, _, sections = parse(load(path))
    raw = [data for kind, data in sections if kind == 4][0]
    entries, end = decode(raw)
    if end != len(raw) or len(entries) != 1 or encode(entries) != raw:
        die("the section is not what this encoder would write")
    if list(entries[0]) != ["signing_certificate", "signature"]:
        die("the keys are others, or in another order")
    certificate = bytes(entries[0]["signing_certificate"])
    cose, _ = decode(bytes(entries[0]["signature"]))
    protected, unprotected, payload, rs = cose
    alg, digest, size = curve_of(certificate)
    said, _ = decode(payload)
    if unprotected != {} or decode(protected)[0] != {1: alg} or len(rs) != 2 * size:
        die("the COSE headers are wrong")
    if said != {"register_index": 0, "register_value": list(registers(sections)[0])}:
        die("the payload is not PCR0")
    with tempfile.TemporaryDirectory() as d:
        key, sig = os.path.join(d, "key"), os.path.join(d, "sig")
        store(key, openssl("x509", "-noout", "-pubkey", data=certificate).stdout)
        store(sig, der_of(rs, size))
        done = openssl("dgst", "-" + digest, "-verify", key, "-signature", sig,
                       data=structure(protected, payload))
    if done.returncode != 0:
        die("openssl says: " + done.stdout.decode() + done.stderr.decode())
    der = openssl("x509", "-outform", "DER", data=certificate).stdout
    print("PCR8 ", register(der).hex())


def main(args):
    if args[:1] == ["make"]:
        version, flags, sections = 4, 0, []
        for word in args[2:]:
            kind, _, value = word.partition("=")
            if kind == "version":
                version = int(value)
            elif kind == "flags":
                flags = int(value, 0)
            else:
                sections.append((KINDS[kind], load(value)))
        store(args[1], build(version, flags, 1 << 30, 2, sections))
    elif args[:1] == ["mend"]:
        data = load(args[1])
        store(args[1], data[:544] + struct.pack(">I", crc(data)) + data[548:])
    elif args[:1] == ["set"]:
        data, at, new = load(args[1]), int(args[2]), bytes.fromhex(args[3])
        store(args[1], data[:at] + new + data[at + len(new):])
    elif args[:1] == ["measure"]:
        for i, value in enumerate(registers(parse(load(args[1]))[4])):
            print(f"PCR{i} ", value.hex())
    elif args[:1] == ["section"]:
        nth = int(args[3]) if len(args) > 3 else 0
        sys.stdout.buffer.write([d for k, d in parse(load(args[1]))[4]
                                 if k == KINDS[args[2]]][nth])
    elif args[:1] == ["sign"]:
        sign(*args[1:5])
    elif args[:1] == ["verify"]:
        verify(args[1])
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
