#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: family.py SELFSAME SOURCE-ROOT [LIBRARY]

Documents of a test CA, each good or with exactly one thing broken, and the verdict and the reason
that `selfsame verify`, or libselfsame-verify where it is named, must give. Every reason code has at
least one document. Prints TAP.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives.asymmetric import ec

from by_library import Library
from forge import *

SELFSAME, SRC = sys.argv[1], sys.argv[2]
LIBRARY = Library(os.path.abspath(sys.argv[3])) if len(sys.argv) > 3 else None
CASES = []  # name, bytes, options, reason or None
EXPECT = [w for i in range(3) for w in ("--pcr", f"{i}={PCRS[i].hex()}")]


def case(name, reason=None, args=(), base=None):
    """Decorator: the function changes the document and may return bytes instead."""
    def add(change):
        d = base() if base else Doc()
        got = change(d)
        CASES.append((name, got if isinstance(got, bytes) else d.bytes(), list(args), reason))
        return change
    return add


def put(name, data, reason=None, args=()):
    CASES.append((name, data, list(args), reason))


def field(name, key, value, reason=None, args=()):
    @case(name, reason, args)
    def _(d):
        d.fields[key] = value


def cert(name, which, reason=None, args=(), **changes):
    """One ingredient of one certificate is another."""
    @case(name, reason, args)
    def _(d):
        for k, v in changes.items():
            setattr(d.certs[which], k, v)


def exts(name, which, reason, *list_of):
    cert(name, which, reason, exts=list(list_of))


# --- good ones ----------------------------------------------------------------------------------

put("a document as AWS makes it", Doc().bytes())


@case("tagged with 18")
def _(d):
    d.tag = True


@case("the payload is an indefinite map")
def _(d):
    d.indefinite = True


@case("all arrays and maps are indefinite")
def _(d):
    der = d.ders()
    d.indefinite = True
    d.fields["pcrs"] = cmap([(uint(i), bstr(v)) for i, v in d.pcrs.items()], True)
    d.fields["cabundle"] = array([bstr(der[n]) for n in ISSUERS], True)
    d.protected = cmap([(uint(1), nint(-35))], True)
    d.unprotected = cmap([], True)


@case("heads longer than they need be")
def _(d):
    d.fields["timestamp"] = uint(T * 1000, 8)
    d.fields["module_id"] = tstr(MODULE, 4)
    d.fields["pcrs"] = cmap([(uint(i, 2), bstr(v, 8)) for i, v in d.pcrs.items()])


@case("keys in the reverse order")
def _(d):
    d.order.reverse()


@case("the optional fields are left out")
def _(d):
    d.order = d.order[:6]


field("user_data is empty, not null", "user_data", bstr(b""))
field("nonce is empty, not null", "nonce", bstr(b""))
field("user_data of 512 bytes", "user_data", bstr(bytes(512)))
field("nonce of 512 bytes", "nonce", bstr(bytes(512)))
field("public_key of 1024 bytes", "public_key", bstr(bytes(1024)))
field("public_key of 1 byte", "public_key", bstr(b"k"))
field("module_id of 256 bytes", "module_id", tstr("m" * 256))
field("module_id with controls and marks", "module_id", tstr("m\x1b[2J\u202e"))


@case("32 registers")
def _(d):
    d.pcrs.update({i: bytes(48) for i in range(32)} | {i: PCRS[i] for i in range(16)})


@case("only the three registers that are expected")
def _(d):
    d.pcrs = {i: PCRS[i] for i in range(3)}


@case("other registers of 32 and 64 bytes")
def _(d):
    d.pcrs[9], d.pcrs[10] = bytes(32), bytes(64)


put("the root signs the leaf", Doc(chain(["root"])).bytes())


@case("a chain of eight issuers")
def _(d):
    d.certs = chain(["root"] + [f"ca{i}" for i in range(7)])


cert("the leaf has no basicConstraints", "leaf", exts=[usage(SIGN)])
cert("the leaf's keyUsage is critical", "leaf", exts=[constraints(False), usage(SIGN)])
cert("pathLenConstraint over 2^32", "root", args=["--root", "root-path.pem"],
     exts=[constraints(True, 1 << 40), usage(CERT_SIGN)])
# Trusted as it is, byte for byte: neither its issuer nor its signature says anything.
cert("the pinned root is of another issuer", "root", args=["--root", "root-other.pem"], issuer_der=name("nobody"), by=key("mallory"))
cert("a root of another issuer that was not pinned", "root", "root-not-given", issuer_der=name("nobody"), by=key("mallory"))
cert("the leaf begins at that second", "leaf", start=T)
cert("the leaf ends at that second", "leaf", end=T)
cert("an issuer is valid until 2060", "region", end=T + 14000 * DAY)
cert("unknown extensions that are not critical", "zone",
     exts=CA_EXTS["zone"] + [ext("1.2.3.4", False, b"x"), ext("2.5.29.31", False, seq())])

# --- the frame ----------------------------------------------------------------------------------

good = Doc().bytes()
put("nothing", b"", "document-size")
put("over 32 KiB", good + bytes(32768), "document-size")
put("one byte behind the end", good + b"\0", "trailing-bytes")
put("a second document behind the end", good + good, "trailing-bytes")
put("the last byte is missing", good[:-1], "cbor")
put("half of it", good[:len(good) // 2], "cbor")
put("text", b"-----BEGIN", "cose")
put("a float for a document", b"\xfa\0\0\0\0", "cose")
put("a map for a document", cmap([]), "cose")
put("another tag", b"\xd1" + good, "cose")
put("tagged twice", b"\xd2\xd2" + good, "cose")
put("an empty array", array([]), "cose")
put("three elements", array([bstr(ES384), cmap([]), bstr(b"x")]), "cose")
put("five elements", b"\x85" + good[1:] + NULL, "cose")
put("an array without an end", b"\x9f" + good[1:], "cbor")
put("a reserved head", b"\x9c" + good[1:], "cbor")
put("an array of 2^64 - 1", b"\x9b" + b"\xff" * 8, "cbor")
put("the payload is null", array([bstr(ES384), cmap([]), NULL, bstr(bytes(96))]), "cose")
put("the payload is in pieces", array([bstr(ES384), cmap([]), b"\x5f\x41x\xff", bstr(bytes(96))]), "cbor")
put("the signature is text", array([bstr(ES384), cmap([]), bstr(b"x"), tstr("x" * 96)]), "cose")
put("the protected header is a map", array([ES384, cmap([]), bstr(b"x"), bstr(bytes(96))]), "cose")
put("the unprotected header is a list", array([bstr(ES384), array([]), bstr(b"x"), bstr(bytes(96))]), "cose")


def header(name, protected, reason="algorithm"):
    @case(name, reason)
    def _(d):
        d.protected = protected


header("ES256", cmap([(uint(1), nint(-7))]))
header("ES512", cmap([(uint(1), nint(-36))]))
header("a positive algorithm", cmap([(uint(1), uint(34))]))
header("no algorithm", cmap([]))
header("no protected header", b"", "cbor")
header("the algorithm under another label", cmap([(uint(4), nint(-35))]))
header("a key id beside the algorithm", cmap([(uint(1), nint(-35)), (uint(4), bstr(b"k"))]))
header("the algorithm twice", cmap([(uint(1), nint(-35)), (uint(1), nint(-35))]))
header("the algorithm as text", cmap([(uint(1), tstr("ES384"))]), "cbor")
header("the protected header is a list", array([nint(-35)]))
header("a byte behind the protected header", ES384 + b"\0", "trailing-bytes")


@case("something in the unprotected header", "unprotected-header")
def _(d):
    d.unprotected = cmap([(uint(4), bstr(b"k"))])


@case("the payload is empty", "payload-size")
def _(d):
    d.payload = b""


@case("the payload has 16385 bytes", "payload-size")
def _(d):
    d.payload = bytes(16385)


for n in (0, 95, 97, 64, 132):
    @case(f"a signature of {n} bytes", "signature-size")
    def _(d):
        d.rs = lambda rs: (rs + rs)[:n]

for what, r in (("0", 0), ("the order", ORDER), ("over the order", ORDER + 1), ("2^384 - 1", (1 << 384) - 1)):
    @case(f"r is {what}", "signature-range")
    def _(d):
        d.rs = lambda rs: r.to_bytes(48, "big") + rs[48:]

    @case(f"s is {what}", "signature-range")
    def _(d):
        d.rs = lambda rs: rs[:48] + r.to_bytes(48, "big")

# --- the payload --------------------------------------------------------------------------------

for k in ORDER_OF_FIELDS[:6]:
    @case(f"{k} is missing", "field-missing")
    def _(d):
        d.order.remove(k)

    field(f"{k} is null", k, NULL, "field-type")

for k in ORDER_OF_FIELDS:
    @case(f"{k} comes twice", "field-twice")
    def _(d):
        d.order.append(k)


@case("an unknown field", "field-unknown")
def _(d):
    d.extra = [(tstr("pcrs2"), NULL)]


@case("a field's name in capitals", "field-unknown")
def _(d):
    d.extra = [(tstr("NONCE"), NULL)]


@case("a number for a field's name", "field-unknown")
def _(d):
    d.extra = [(uint(1), NULL)]


@case("a field's name in bytes", "field-unknown")
def _(d):
    d.extra = [(bstr(b"nonce"), NULL)]


for what, payload, reason in (("a list", array([]), "field-type"), ("text", tstr("x"), "field-type"),
                              ("a tagged map", b"\xc1\xa0", "field-type"), ("a map that ends early", b"\xa1", "cbor")):
    @case(f"the payload is {what}", reason)
    def _(d):
        d.payload = payload


@case("a byte behind the payload's map", "trailing-bytes")
def _(d):
    d.payload = d.make_payload() + b"\0"


field("module_id is empty", "module_id", tstr(""), "module-id")
field("module_id of 257 bytes", "module_id", tstr("m" * 257), "module-id")
field("module_id in bytes", "module_id", bstr(b"i-0"), "field-type")
field("module_id is not UTF-8", "module_id", tstr(b"\xff\xfe"), "cbor")
field("digest SHA256", "digest", tstr("SHA256"), "digest")
field("digest sha384", "digest", tstr("sha384"), "digest")
field("digest in bytes", "digest", bstr(b"SHA384"), "field-type")
field("timestamp 0", "timestamp", uint(0), "timestamp")
field("timestamp past 9999", "timestamp", uint(253402300800000), "timestamp")
field("timestamp 2^64 - 1", "timestamp", uint((1 << 64) - 1), "timestamp")
field("timestamp below 0", "timestamp", nint(-1), "field-type")
field("timestamp as a float", "timestamp", b"\xfb" + bytes(8), "field-type")
field("pcrs is a list", "pcrs", array([]), "field-type")
field("no registers", "pcrs", cmap([]), "pcr-count")
field("33 registers", "pcrs", cmap([(uint(i), bstr(bytes(48))) for i in range(32)] + [(uint(31), bstr(bytes(48)))]), "pcr-count")
field("PCR32", "pcrs", cmap([(uint(32), bstr(bytes(48)))]), "pcr-index")
field("PCR 2^64 - 1", "pcrs", cmap([(uint((1 << 64) - 1), bstr(bytes(48)))]), "pcr-index")
field("PCR-1", "pcrs", cmap([(nint(-1), bstr(bytes(48)))]), "field-type")
field("a register named by text", "pcrs", cmap([(tstr("0"), bstr(bytes(48)))]), "field-type")
field("PCR0 twice", "pcrs", cmap([(uint(0), bstr(PCRS[0])), (uint(0), bstr(PCRS[0]))]), "pcr-twice")
field("PCR0 twice, the second in a wider head", "pcrs", cmap([(uint(0), bstr(PCRS[0])), (uint(0, 1), bstr(PCRS[0]))]), "pcr-twice")
for n in (0, 31, 33, 47, 49, 65):
    field(f"a register of {n} bytes", "pcrs", cmap([(uint(0), bstr(bytes(n)))]), "pcr-size")
field("a register as text", "pcrs", cmap([(uint(0), tstr("0" * 48))]), "field-type")
field("a register is null", "pcrs", cmap([(uint(0), NULL)]), "field-type")
field("certificate is empty", "certificate", bstr(b""), "certificate-size")
field("certificate of 1025 bytes", "certificate", bstr(bytes(1025)), "certificate-size")
field("certificate as text", "certificate", tstr("x"), "field-type")
field("cabundle is empty", "cabundle", array([]), "cabundle-count")
field("cabundle of nine", "cabundle", array([bstr(ROOT_DER)] * 9), "cabundle-count")
field("cabundle is one certificate", "cabundle", bstr(ROOT_DER), "field-type")
field("cabundle holds text", "cabundle", array([tstr("x")]), "field-type")
field("cabundle holds nothing", "cabundle", array([bstr(b"")]), "cabundle-size")
field("cabundle holds 1025 bytes", "cabundle", array([bstr(ROOT_DER), bstr(bytes(1025))]), "cabundle-size")
field("public_key is empty", "public_key", bstr(b""), "public-key-size")
field("public_key of 1025 bytes", "public_key", bstr(bytes(1025)), "public-key-size")
field("public_key as text", "public_key", tstr("k"), "field-type")
field("user_data of 513 bytes", "user_data", bstr(bytes(513)), "user-data-size")
field("user_data as text", "user_data", tstr("u"), "field-type")
field("nonce of 513 bytes", "nonce", bstr(bytes(513)), "nonce-size")
field("nonce as a number", "nonce", uint(5), "field-type")
field("nonce is undefined, not null", "nonce", b"\xf7", "field-type")
field("nonce is false, not null", "nonce", b"\xf4", "field-type")
field("nonce in pieces", "nonce", b"\x5f\x41n\xff", "cbor")

# --- the chain ----------------------------------------------------------------------------------

put("another root", Doc().bytes(), "root-not-aws", ["--root", ""])
cert("a root with another end", "root", "root-not-given", end=T + 10001 * DAY)


@case("the root is not first", "root-not-given")
def _(d):
    der = d.ders()
    d.fields["cabundle"] = array([bstr(der[n]) for n in ("region", "root", "zone", "instance")])


@case("a chain of its own that ends in the right names", "root-not-given")
def _(d):
    for n in d.certs:
        d.certs[n].private = d.certs[n].by = key("mallory")
    d.private = key("mallory")


@case("the root and then a chain of its own", "chain-signature")
def _(d):
    for n in ("region", "zone", "instance", "leaf"):
        d.certs[n].private = d.certs[n].by = key("mallory")
    d.private = key("mallory")


for a, b in (("region", "zone"), ("zone", "instance")):
    @case(f"{a} and {b} are swapped", "path-length")
    def _(d):
        der = d.ders()
        order = [b if n == a else a if n == b else n for n in ISSUERS]
        d.fields["cabundle"] = array([bstr(der[n]) for n in order])

for n in ("region", "zone", "instance"):
    @case(f"{n} is left out", "chain-name")
    def _(d):
        del d.certs[n]

    @case(f"{n} comes twice", "path-length")
    def _(d):
        der = d.ders()
        i = ISSUERS.index(n)
        d.fields["cabundle"] = array([bstr(der[x]) for x in ISSUERS[:i + 1] + ISSUERS[i:]])

for n in ("region", "zone", "instance", "leaf"):
    cert(f"{n} is signed by another key", n, "chain-signature", by=key("mallory"))
    cert(f"{n} names another issuer", n, "chain-name", issuer_der=name("nobody"))
    cert(f"{n} names its issuer in another spelling", n, "chain-name",
         issuer_der=name({"region": "ROOT", "zone": "REGION", "instance": "ZONE", "leaf": "INSTANCE"}[n]))
    cert(f"the signature of {n} is not DER", n, "chain-signature", signature=lambda s: s[:-1])
    cert(f"{n} is not yet valid", n, "certificate-early", start=T + 1)
    cert(f"{n} has expired", n, "certificate-expired", end=T - 1)
    cert(f"{n} is signed with SHA-256", n, "certificate-algorithm", alg=SHA256, digest=hashes.SHA256)
    cert(f"{n} says SHA-256 outside", n, "certificate-algorithm", outer_alg=SHA256)
    cert(f"{n} is of version 1", n, "certificate", version=0, exts=[])
    cert(f"{n} is followed by a byte", n, "certificate", change=lambda der: der + b"\0")
    cert(f"{n} ends early", n, "certificate", change=lambda der: der[:-1])
    cert(f"{n} is no certificate", n, "certificate", change=lambda der: b"\x30\x03\x02\x01\x00")
    cert(f"{n} has a length that is not DER", n, "certificate",
         change=lambda der: b"\x30\x83\0" + der[2:4] + der[4:])
    cert(f"{n} has a date that is none", n, "certificate",
         change=lambda der, n=n: der.replace(when(T - 60 if n == "leaf" else T - DAY), tlv(0x17, b"231399000000Z"), 1))
    cert(f"the key of {n} is on P-256", n, "certificate-key", spki=spki(key(n, ec.SECP256R1)))
    cert(f"the key of {n} is of another kind", n, "certificate-key",
         spki=seq(seq(oid("1.3.101.112")), tlv(3, b"\0" + bytes(32))))
    cert(f"the key of {n} is no point", n, "certificate-key",
         spki=seq(seq(oid("1.2.840.10045.2.1"), oid("1.3.132.0.34")), tlv(3, b"\0\4" + bytes(96))))
    base = CA_EXTS.get(n, LEAF_EXTS)
    exts(f"{n} has a critical extension that nobody knows", n, "extension-critical", *base, ext("1.2.3.4", True, b"x"))
    exts(f"{n} has critical name constraints", n, "extension-critical", *base, ext("2.5.29.30", True, seq()))
    exts(f"{n} has keyUsage twice", n, "extension-twice", *base, base[1])
    exts(f"{n} has basicConstraints twice", n, "extension-twice", base[0], base[0], base[1])
    exts(f"{n} has another extension twice", n, "extension-twice", *base, ext("1.2.3.4", False, b""), ext("1.2.3.4", False, b""))
    exts(f"the keyUsage of {n} cannot be read", n, "certificate", base[0], ext("2.5.29.15", False, b"\x04\x01x"))
    exts(f"the basicConstraints of {n} cannot be read", n, "certificate", ext("2.5.29.19", True, b"\x05\x00"), base[1])

for n in ("region", "zone", "instance"):
    exts(f"{n} has no basicConstraints", n, "ca-constraints", usage(CERT_SIGN))
    exts(f"{n} is no CA", n, "ca-constraints", constraints(False), usage(CERT_SIGN))
    exts(f"basicConstraints of {n} are not critical", n, "ca-constraints", constraints(True, critical=False), usage(CERT_SIGN))
    exts(f"{n} has no keyUsage", n, "ca-key-usage", constraints(True))
    exts(f"{n} may only sign data", n, "ca-key-usage", constraints(True), usage(SIGN, CRL_SIGN))
exts("pathLenConstraint is negative", "region", "certificate", constraints(True, -1), usage(CERT_SIGN))
exts("region allows one issuer below it", "region", "path-length", constraints(True, 1), usage(CERT_SIGN))
exts("zone allows no issuer below it", "zone", "path-length", constraints(True, 0), usage(CERT_SIGN))
exts("the leaf is a CA", "leaf", "leaf-constraints", constraints(True), usage(SIGN))
exts("the leaf has a pathLenConstraint", "leaf", "leaf-constraints", constraints(False, 0), usage(SIGN))
exts("the leaf has no keyUsage", "leaf", "leaf-key-usage", constraints(False))
exts("the leaf may not sign", "leaf", "leaf-key-usage", constraints(False), usage(REPUDIATE))
exts("the leaf may sign certificates", "leaf", "leaf-key-usage", constraints(False), usage(SIGN, CERT_SIGN))


@case("the leaf is the instance's own certificate", "leaf-constraints")
def _(d):
    der = d.ders()
    d.fields["certificate"] = bstr(der["instance"])
    d.fields["cabundle"] = array([bstr(der[n]) for n in ISSUERS[:3]])
    d.private = key("instance")


# --- the signature ------------------------------------------------------------------------------

@case("signed by another key", "signature")
def _(d):
    d.private = key("mallory")


@case("signed by the instance's key", "signature")
def _(d):
    d.private = key("instance")


@case("a signature over another payload", "signature")
def _(d):
    d.signed_payload = Doc().make_payload() + b"\0"


@case("a signature over other external data", "signature")
def _(d):
    d.external = b"x"


@case("a signature of another context", "signature")
def _(d):
    d.context = "Signature"


@case("r and s are swapped", "signature")
def _(d):
    d.rs = lambda rs: rs[48:] + rs[:48]


@case("one bit of s is another", "signature")
def _(d):
    d.rs = lambda rs: rs[:95] + bytes([rs[95] ^ 1])


# --- time, mode, expectations -------------------------------------------------------------------

field("made one second later", "timestamp", uint((T + 1) * 1000), "future")
field("made one second later, with leeway", "timestamp", uint((T + 1) * 1000), None, ["--leeway", "1"])
field("made two seconds later, with leeway", "timestamp", uint((T + 2) * 1000), "future", ["--leeway", "1"])
field("made in that second", "timestamp", uint(T * 1000 + 999))
field("61 seconds old", "timestamp", uint((T - 61) * 1000), "too-old", ["--max-age", "60"])
field("60 seconds old", "timestamp", uint((T - 60) * 1000), None, ["--max-age", "60"])
put("at the document's time", good, None, ["--at", "document"])
put("three hours later", good, "certificate-expired", ["--at", str(T + 3 * 3600 + 1)])
put("a minute and a second before", good, "certificate-early", ["--at", str(T - 61)])
put("half a minute before", good, "future", ["--at", str(T - 30)])
put("before 1970", good, "certificate-early", ["--at", "1969-12-31"])

debug = Doc()
for i in (0, 1, 2):
    debug.pcrs[i] = bytes(48)
put("debug mode", debug.bytes(), "debug-mode")
put("debug mode, allowed", debug.bytes(), None, ["--allow-debug"])
for i in (0, 1, 2):
    @case(f"only PCR{i} is zero", "debug-mode")
    def _(d):
        d.pcrs[i] = bytes(48)

    @case(f"PCR{i} is another", f"pcr{i}")
    def _(d):
        d.pcrs[i] = bytes(47) + b"\1"

    @case(f"PCR{i} is cut to 32 bytes", f"pcr{i}")
    def _(d):
        d.pcrs[i] = PCRS[i][:32]

    @case(f"PCR{i} is not there", "pcr-absent")
    def _(d):
        del d.pcrs[i]


@case("debug mode allowed, but the registers are another image's", "pcr0", ["--allow-debug"])
def _(d):
    d.pcrs[0], d.pcrs[1] = bytes(48), PCRS[1]
    d.pcrs[0] = b"\7" * 48


put("QEMU's", qemu().bytes(), "emulated")
put("QEMU's, allowed", qemu().bytes(), None, ["--allow-emulated"])


@case("QEMU's, allowed, another image", "pcr2", ["--allow-emulated"], qemu)
def _(d):
    d.pcrs[2] = b"\7" * 48


@case("QEMU's algorithm with real certificates", "algorithm", ["--allow-emulated"], qemu)
def _(d):
    del d.fields["certificate"], d.fields["cabundle"]


@case("QEMU's algorithm with a signature", "algorithm", ["--allow-emulated"], qemu)
def _(d):
    d.rs = lambda rs: rs


@case("QEMU's certificates with ES384", "root-not-given", ["--allow-emulated"])
def _(d):
    d.fields["certificate"] = bstr(bytes(64))
    d.fields["cabundle"] = array([bstr(bytes(64))])


put("a genuine one with --allow-emulated and another key", CASES[0][1][:-1] + bytes([CASES[0][1][-1] ^ 1]), "signature", ["--allow-emulated"])
put("the role", good, None, ["--role", "arn:aws:iam::123456789012:role/test"])
put("another role", good, "role", ["--role", "arn:aws:iam::123456789012:role/tesT"])
put("the instance", good, None, ["--instance", "i-0123456789abcdef0"])
put("another instance", good, "instance", ["--instance", "i-0123456789abcdef1"])
put("another signer", good, "signer", ["--signer", "root.pem"])


@case("the signer", None, ["--signer", "root.pem"])
def _(d):
    d.pcrs[8] = hashlib.sha384(bytes(48) + hashlib.sha384(ROOT_DER).digest()).digest()


@case("PCR16", None, ["--pcr", "16=" + "ab" * 48])
def _(d):
    d.pcrs[16] = b"\xab" * 48


@case("another PCR16", "pcr", ["--pcr", "16=" + "ab" * 48])
def _(d):
    d.pcrs[16] = b"\xaa" * 48


put("no PCR16", good, "pcr-absent", ["--pcr", "16=" + "ab" * 48])
for k in ("nonce", "user_data", "public_key"):
    o = "--" + k.replace("_", "-")
    field(f"the {k}", k, bstr(b"123"), None, [o, "313233"])
    field(f"another {k}", k, bstr(b"123"), k.replace("_", "-"), [o, "313234"])
    field(f"a shorter {k}", k, bstr(b"123"), k.replace("_", "-"), [o, "3132"])
    field(f"a longer {k}", k, bstr(b"123"), k.replace("_", "-"), [o, "31323334"])
    put(f"no {k}", good, k.replace("_", "-"), [o, "313233"])
field("an empty nonce where one is expected", "nonce", bstr(b""), "nonce", ["--nonce", "00"])

RELEASE = '[[release]]\nversion = "{v}"\npcr0 = "{p[0]}"\npcr1 = "{p[1]}"\npcr2 = "{p[2]}"\n{more}\n'


def policy(name, text, reason=None, data=good):
    path = f"policy{len(CASES)}.toml"
    open(path, "w", encoding="utf-8").write(text)
    put(name, data, reason, ["--policy", path])


# --- run ----------------------------------------------------------------------------------------

def hexes(*first):
    return [(first[i] if i < len(first) else PCRS[i]).hex() for i in range(3)]


def policies():
    mine = hexes()
    other = hexes(b"\7" * 48, b"\7" * 48, b"\7" * 48)
    r = RELEASE.format
    policy("the release", r(v="1.0", p=mine, more=""))
    policy("one of two releases", r(v="1.0", p=other, more="") + r(v="1.1", p=mine, more=""))
    policy("no release", r(v="1.0", p=other, more="") + r(v="1.1", p=hexes(b"\7" * 48), more=""), "release-unknown")
    policy("registers of two releases", r(v="1.0", p=[mine[0], other[1], mine[2]], more="") +
           r(v="1.1", p=[other[0], mine[1], mine[2]], more=""), "release-unknown")
    policy("too early", r(v="1.0", p=mine, more='not_before = "2023-11-14T22:13:21Z"'), "release-early")
    policy("just in time", r(v="1.0", p=mine, more='not_before = "2023-11-14T22:13:20Z"\nnot_after = "2023-11-14T22:13:20Z"'))
    policy("over", r(v="1.0", p=mine, more='not_after = "2023-11-14T22:13:19Z"'), "release-expired")
    policy("over under one name, not under another", r(v="1.0", p=mine, more='not_after = "2023-11-14"') + r(v="1.0.1", p=mine, more=""))
    policy("below the minimum", 'minimum_release = "1.10"\n' + r(v="1.9", p=mine, more=""), "release-too-old")
    policy("at the minimum", 'minimum_release = "1.9.0"\n' + r(v="1.9", p=mine, more=""))
    policy("a PCR8 that the document has not", r(v="1.0", p=mine, more=f'pcr8 = "{"07" * 48}"'), "release-unknown")
    signed = Doc()
    signed.pcrs[8] = b"\7" * 48
    policy("the PCR8 of the release", r(v="1.0", p=mine, more=f'pcr8 = "{"07" * 48}"'), None, signed.bytes())
    policy("one of two signers", f'{r(v="1.0", p=mine, more="")}[[signer]]\npcr8 = "{"07" * 48}"\n[[signer]]\npcr8 = "{"00" * 48}"')
    policy("none of two signers", f'{r(v="1.0", p=mine, more="")}[[signer]]\npcr8 = "{"07" * 48}"\n[[signer]]\ncertificate = "root.pem"', "signer")
    policy("a register of the policy", f'{r(v="1.0", p=mine, more="")}[[pcr]]\nindex = 16\nvalue = "{"07" * 48}"', "pcr-absent")
    policy("a role of the policy", f'role = "arn:other"\n{r(v="1.0", p=mine, more="")}', "role")
    policy("an instance of the policy", f'instance = "i-0123456789abcdef0"\n{r(v="1.0", p=mine, more="")}')
    old = Doc()
    old.fields["timestamp"] = uint((T - 31) * 1000)
    policy("older than the policy's limit", f'max_age = 30\n{r(v="1.0", p=mine, more="")}', "too-old", old.bytes())


def first_line_holds(line, reason, args, o):
    """What must be said first, is."""
    want = "yes" if reason is None else f"no: {reason}: "
    says_root = "; root: NOT AWS " in line
    return line.startswith(want) and says_root == (o["Root"] != "AWS") and \
        ("; DEBUG MODE" in line) == o["DebugMode"] and ("; EMULATED" in line) == o["Emulated"] and \
        (reason is not None or "--allow-debug" not in args or o["DebugMode"])


def options(args):
    """What a case does not say itself; --root "" is none."""
    use = [] if "--policy" in args else EXPECT
    for name, value in (("--root", "root.pem"), ("--at", str(T))):
        if name not in args:
            use = [name, value, *use]
    return use + (args[:-2] if args[-2:] == ["--root", ""] else args)


def run(data, args, forms):
    with open("doc", "wb") as f:
        f.write(data)
    use = options(args)
    return [subprocess.run([SELFSAME, "verify", *more, *use, "doc"], capture_output=True, check=False, timeout=60)
            for more in forms]


def judge(reason, args, js, text=None):
    """None, or what is wrong."""
    status = 0 if reason is None else 1
    if js.returncode != status or (text and text.returncode != status):
        return f"exit status {js.returncode}, not {status}: {js.stderr.decode()}"
    o = json.loads(js.stdout)
    if o["Reason"] != reason or o["Verdict"] != ("yes" if reason is None else "no"):
        return f"{o['Verdict']}, {o['Reason']} ({o['Message']}), not {reason}"
    failed = [c for c in o["Checks"] if not c["Holds"]]
    if (reason is None) == bool(failed) or (failed and failed[0]["Reason"] != reason):
        return f"checks that failed: {failed}"
    if text is None:
        return None
    if not first_line_holds(text.stdout.decode().split("\n")[0], reason, args, o):
        return f"first line: {text.stdout.decode()[:200]}"
    if re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80\xae", text.stdout):
        return "control characters in the text"
    return None


def main():
    bad, seen = 0, set()
    codes = set(re.findall(r'^\s*X\(\w+, (?:\n\s*)?"([a-z0-9-]+)"', open(f"{SRC}/src/attest/att_reason.h", encoding="utf-8").read().replace(" \\\n", "\n"), re.M))
    policies()
    other = Cert("root", "nobody", key("root"), key("mallory"), CA_EXTS["root"], T - 400 * DAY, T + 10000 * DAY)
    path = Cert("root", "root", key("root"), key("root"), [constraints(True, 1 << 40), usage(CERT_SIGN)],
                T - 400 * DAY, T + 10000 * DAY)
    for file, root in (("root-other.pem", other), ("root-path.pem", path)):
        with open(file, "w", encoding="ascii") as f:
            f.write(pem(root.der()))
    for i, (name, data, args, reason) in enumerate(CASES):
        forms = [["--json"], []] if reason is None or reason not in seen else [["--json"]]
        seen.add(reason)
        wrong = LIBRARY.judge(reason, options(args), data) if LIBRARY else judge(reason, args, *run(data, args, forms))
        bad += wrong is not None
        print(f"{'ok' if wrong is None else 'not ok'} {i + 1} - {name}: {reason or 'yes'}")
        if wrong is not None:
            print(f"# {wrong}")
            open(f"{i + 1}.cose", "wb").write(data)
    # What only a connection can show: tests/endpoint/verify.py
    connection = {"replayed", "endpoint-key", "in-the-middle", "endpoint-domain", "raw-nsm", "operator"}
    missing = codes - {c[3] for c in CASES} - connection
    print(f"{'ok' if codes and not missing else 'not ok'} {len(CASES) + 1} - every reason code has a document")
    if missing:
        print(f"# none for: {sorted(missing)}")
    print(f"1..{len(CASES) + 1}")
    sys.exit(bool(bad or missing or not codes))


with tempfile.TemporaryDirectory() as folder:
    SELFSAME, SRC = os.path.abspath(SELFSAME), os.path.abspath(SRC)
    os.chdir(os.environ.get("KEEP", folder))
    open("root.pem", "w", encoding="ascii").write(pem(ROOT_DER))
    main()
