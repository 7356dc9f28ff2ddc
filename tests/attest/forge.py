# SPDX-License-Identifier: Apache-2.0
"""A test CA and attestation documents of its own, in which any one thing can be broken.

DER and CBOR are written by hand here, so that what no library would write can be written too; only
the signatures are another's (python3-cryptography). Shares nothing with src/.
"""
import hashlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

T = 1700000000  # 2023-11-14T22:13:20Z: when the documents here are made
DAY = 86400
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


# --- CBOR ---------------------------------------------------------------------------------------

def head(major, n, width=None):
    """width: bytes of the argument, 0 = in the first byte; None = the shortest."""
    if width is None:
        width = 0 if n < 24 else 1 if n < 256 else 2 if n < 65536 else 4 if n < 1 << 32 else 8
    if width == 0:
        return bytes([major << 5 | n])
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[width]]) + n.to_bytes(width, "big")


def uint(n, width=None):
    return head(0, n, width)


def nint(n):
    return head(1, -1 - n)


def bstr(b, width=None):
    return head(2, len(b), width) + b


def tstr(s, width=None):
    s = s.encode() if isinstance(s, str) else s
    return head(3, len(s), width) + s


def array(items, indefinite=False):
    return b"\x9f" + b"".join(items) + b"\xff" if indefinite else head(4, len(items)) + b"".join(items)


def cmap(pairs, indefinite=False):
    body = b"".join(k + v for k, v in pairs)
    return b"\xbf" + body + b"\xff" if indefinite else head(5, len(pairs)) + body


NULL = b"\xf6"


# --- DER ----------------------------------------------------------------------------------------

def tlv(tag, *body):
    body = b"".join(body)
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + size + body


def seq(*body):
    return tlv(0x30, *body)


def oid(dotted):
    a = [int(x) for x in dotted.split(".")]
    out = bytes([a[0] * 40 + a[1]])
    for v in a[2:]:
        part = [v & 127]
        while v > 127:
            v >>= 7
            part.append(128 | v & 127)
        out += bytes(reversed(part))
    return tlv(6, out)


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True))


def when(t):
    import time
    g = time.gmtime(t)
    if g.tm_year < 2050:
        return tlv(0x17, time.strftime("%y%m%d%H%M%SZ", g).encode())
    return tlv(0x18, time.strftime("%Y%m%d%H%M%SZ", g).encode())


def name(cn):
    return seq(tlv(0x31, seq(oid("2.5.4.10"), tlv(12, b"selfsame test"))),
               tlv(0x31, seq(oid("2.5.4.3"), tlv(12, cn.encode()))))


def bits(*which):
    v = 0
    for b in which:
        v |= 0x8000 >> b
    raw = v.to_bytes(2, "big")
    raw = raw if raw[1] else raw[:1]
    unused = 0
    while raw and not raw[-1] >> unused & 1:
        unused += 1
    return tlv(3, bytes([unused]) + raw)


def ext(dotted, critical, value):
    return seq(oid(dotted), tlv(1, b"\xff") if critical else b"", tlv(4, value))


def constraints(ca, path=None, critical=True):
    return ext("2.5.29.19", critical, seq(tlv(1, b"\xff") if ca else b"", b"" if path is None else integer(path)))


def usage(*which, critical=True):
    return ext("2.5.29.15", critical, bits(*which))


SIGN, REPUDIATE, CERT_SIGN, CRL_SIGN = 0, 1, 5, 6
SHA384 = "1.2.840.10045.4.3.3"
SHA256 = "1.2.840.10045.4.3.2"
KEYS = {}


def key(which, curve=ec.SECP384R1):
    """The same key for the same name within a run; from a fixed number, so that runs are alike."""
    if (which, curve) not in KEYS:
        d = int.from_bytes(hashlib.sha384(which.encode()).digest(), "big") % (1 << 250) + 1
        KEYS[which, curve] = ec.derive_private_key(d, curve())
    return KEYS[which, curve]


SIGNED = {}


def sign(private, data, digest=hashes.SHA384):
    """The same signature for the same data within a run: a root that is made twice is one root."""
    what = (private, data, digest)
    if what not in SIGNED:
        SIGNED[what] = private.sign(data, ec.ECDSA(digest()))
    return SIGNED[what]


def spki(private):
    return private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Cert:
    """One certificate's ingredients; der() puts them together and signs with `by`."""

    def __init__(self, cn, issuer, private, by, exts, start=T - DAY, end=T + DAY):
        self.cn, self.issuer, self.private, self.by, self.exts = cn, issuer, private, by, list(exts)
        self.start, self.end = start, end
        self.version, self.alg, self.outer_alg, self.digest = 2, SHA384, None, hashes.SHA384
        self.subject_der = name(cn)
        self.issuer_der = name(issuer)
        self.spki = None
        self.change = lambda der: der       # after signing
        self.signature = lambda sig: sig

    def der(self):
        tbs = seq(tlv(0xA0, integer(self.version)) if self.version else b"", integer(7), seq(oid(self.alg)), self.issuer_der,
                  seq(when(self.start), when(self.end)), self.subject_der, self.spki or spki(self.private),
                  tlv(0xA3, seq(*self.exts)) if self.exts else b"")
        sig = self.signature(sign(self.by, tbs, self.digest))
        return self.change(seq(tbs, seq(oid(self.outer_alg or self.alg)), tlv(3, b"\0" + sig)))


CA_EXTS = {"root": [constraints(True), usage(SIGN, CERT_SIGN, CRL_SIGN)],
           "region": [constraints(True, 2), usage(SIGN, CERT_SIGN, CRL_SIGN)],
           "zone": [constraints(True, 1), usage(SIGN, CERT_SIGN, CRL_SIGN)],
           "instance": [constraints(True, 0), usage(CERT_SIGN)]}
LEAF_EXTS = [constraints(False), usage(SIGN, REPUDIATE, critical=False)]
ISSUERS = ["root", "region", "zone", "instance"]


def chain(issuers=ISSUERS):
    """Certificates by name, from the root to "leaf"."""
    out, above = {}, "root"
    for n in issuers:
        out[n] = Cert(n, above, key(n), key(above), CA_EXTS.get(n, [constraints(True), usage(CERT_SIGN)]))
        above = n
    out["root"].start, out["root"].end = T - 400 * DAY, T + 10000 * DAY
    out["leaf"] = Cert("leaf", above, key("leaf"), key(above), LEAF_EXTS, T - 60, T + 3 * 3600)
    return out


ROOT_DER = chain()["root"].der()


def pem(der):
    import base64
    text = base64.b64encode(der).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "-----BEGIN CERTIFICATE-----\n" + "\n".join(lines) + "\n-----END CERTIFICATE-----\n"


# --- the document -------------------------------------------------------------------------------

ES384 = cmap([(uint(1), nint(-35))])
PCRS = {i: bytes([i + 1]) * 48 if i in (0, 1, 2) else bytes(48) for i in range(16)}
PCRS[3] = hashlib.sha384(bytes(48) + b"arn:aws:iam::123456789012:role/test").digest()
PCRS[4] = hashlib.sha384(bytes(48) + b"i-0123456789abcdef0").digest()
MODULE = "i-0123456789abcdef0-enc0123456789abcdef"
ORDER_OF_FIELDS = ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key", "user_data", "nonce"]


class Doc:
    """The ingredients of a document; bytes() signs with the leaf's key unless told otherwise."""

    def __init__(self, certs=None):
        self.certs = certs or chain()
        self.pcrs = dict(PCRS)
        self.fields = {"module_id": tstr(MODULE), "digest": tstr("SHA384"), "timestamp": uint(T * 1000),
                       "public_key": NULL, "user_data": NULL, "nonce": NULL}
        self.order = list(ORDER_OF_FIELDS)
        self.extra = []             # pairs behind the others
        self.indefinite = False
        self.tag = False
        self.protected, self.unprotected = ES384, cmap([])
        self.private = key("leaf")
        self.external = b""
        self.context = "Signature1"
        self.rs = lambda rs: rs
        self.payload = None         # instead of the fields
        self.signed_payload = None  # instead of the payload, under the signature

    def ders(self):
        return {n: c if isinstance(c, bytes) else c.der() for n, c in self.certs.items()}

    def make_payload(self):
        if self.payload is not None:
            return self.payload
        f = dict(self.fields)
        der = self.ders()
        f.setdefault("pcrs", cmap([(uint(i), bstr(v)) for i, v in self.pcrs.items()]))
        f.setdefault("certificate", bstr(der["leaf"]))
        f.setdefault("cabundle", array([bstr(der[n]) for n in der if n != "leaf"]))
        return cmap([(tstr(k), f[k]) for k in self.order] + self.extra, self.indefinite)

    def make_signature(self, payload):
        data = array([tstr(self.context), bstr(self.protected), bstr(self.external), bstr(payload)])
        r, s = utils.decode_dss_signature(sign(self.private, data))
        return self.rs(r.to_bytes(48, "big") + s.to_bytes(48, "big"))

    def bytes(self):
        payload = self.make_payload()
        sig = self.make_signature(payload if self.signed_payload is None else self.signed_payload)
        body = array([bstr(self.protected), self.unprotected, bstr(payload), bstr(sig)])
        return (b"\xd2" if self.tag else b"") + body


def qemu():
    """What QEMU's NSM gives: real registers, nothing signed."""
    d = Doc()
    d.protected = cmap([(uint(1), nint(-1))])
    d.fields["certificate"] = bstr(bytes(64))
    d.fields["cabundle"] = array([bstr(bytes(64))])
    d.rs = lambda rs: bytes(64)
    return d
