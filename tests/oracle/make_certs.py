#!/usr/bin/env python3
"""Writes tests/unit/certs.h: keys of RFC 6979 (appendix A.2.5 to A.2.7, so known to everybody),
certificates for them, and keys that an EIF cannot be signed with.

usage: make_certs.py >tests/unit/certs.h    (needs python3-cryptography >= 42)
"""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

UTC = datetime.timezone.utc
KEYS = {
    "P256": (ec.SECP256R1(), hashes.SHA256(),
             0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721),
    "P384": (ec.SECP384R1(), hashes.SHA384(),
             0x6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5),
    "P521": (ec.SECP521R1(), hashes.SHA512(),
             0x0FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538),
}


def c_string(name, pem):
    print(f"static const char {name}[] =")
    lines = pem.decode().splitlines()
    for i, line in enumerate(lines):
        print(f'\t"{line}\\n"' + (";" if i == len(lines) - 1 else ""))
    print()


def certificate(key, digest, first, last):
    subject = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "selfsame test"),
        x509.NameAttribute(NameOID.COMMON_NAME, "signer \u00e9"),
    ])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "selfsame test issuer")])
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
            .public_key(key.public_key()).serial_number(7)
            .not_valid_before(first).not_valid_after(last)
            .sign(key, digest, ecdsa_deterministic=True))


def main():
    sec1 = serialization.PrivateFormat.TraditionalOpenSSL
    pkcs8 = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()

    print("/* SPDX-License-Identifier: Apache-2.0 */\n#pragma once\n")
    print("/* Made by tests/oracle/make_certs.py. The keys are the published ones of RFC 6979. */\n")
    print("/* clang-format off */")
    for name, (curve, digest, d) in KEYS.items():
        key = ec.derive_private_key(d, curve)
        c_string(f"key_{name}", key.private_bytes(pem, sec1, plain))
        cert = certificate(key, digest, datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC),
                           datetime.datetime(2089, 12, 31, 23, 59, 59, tzinfo=UTC))
        c_string(f"cert_{name}", cert.public_bytes(pem))
    key = ec.derive_private_key(KEYS["P384"][2], KEYS["P384"][0])
    c_string("key_P384_pkcs8", key.private_bytes(pem, pkcs8, plain))
    c_string("key_P384_locked",
             key.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"secret")))
    early = certificate(key, hashes.SHA384(), datetime.datetime(1960, 1, 1, tzinfo=UTC),
                        datetime.datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC))
    c_string("cert_early", early.public_bytes(pem))
    odd = ec.derive_private_key(KEYS["P256"][2], ec.SECP256K1())
    c_string("key_K256", odd.private_bytes(pem, pkcs8, plain))
    c_string("cert_K256", certificate(odd, hashes.SHA256(),
                                      datetime.datetime(2020, 1, 1, tzinfo=UTC),
                                      datetime.datetime(2089, 1, 1, tzinfo=UTC)).public_bytes(pem))
    ed = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    c_string("key_ed25519", ed.private_bytes(pem, pkcs8, plain))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ed25519")])
    c_string("cert_ed25519",
             (x509.CertificateBuilder().subject_name(name).issuer_name(name)
              .public_key(ed.public_key()).serial_number(7)
              .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=UTC))
              .not_valid_after(datetime.datetime(2089, 1, 1, tzinfo=UTC))
              .sign(ed, None)).public_bytes(pem))
    print("/* clang-format on */")


main()
