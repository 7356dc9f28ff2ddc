#!/usr/bin/env python3
"""A self-signed certificate with any dates, which openssl of Debian 12 cannot make.

usage: old_cert.py KEY NOT-BEFORE NOT-AFTER >cert.pem    dates as ASN.1 has them: 13 or 15 bytes

The body is DER put together here; the openssl program signs it. P-256 keys.
"""
import base64
import subprocess
import sys


def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    size = bytes([n]) if n < 128 else (bytes([0x81, n]) if n < 256 else
                                       b"\x82" + n.to_bytes(2, "big"))
    return bytes([tag]) + size + body


def main(key, first, last):
    spki = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"],
                          capture_output=True, check=True).stdout
    algorithm = der(0x30, bytes.fromhex("06082a8648ce3d040302"))
    common_name = der(0x31, der(0x30, bytes.fromhex("0603550403"), der(0x0c, b"old")))
    name = der(0x30, common_name)
    dates = der(0x30, *(der(0x17 if len(t) == 13 else 0x18, t.encode()) for t in (first, last)))
    body = der(0x30, der(0xa0, der(0x02, b"\x02")), der(0x02, b"\x07"), algorithm, name, dates,
               name, spki)
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=body,
                               capture_output=True, check=True).stdout
    text = base64.b64encode(der(0x30, body, algorithm, der(0x03, b"\0", signature))).decode()
    print("-----BEGIN CERTIFICATE-----")
    for i in range(0, len(text), 64):
        print(text[i:i + 64])
    print("-----END CERTIFICATE-----")


main(*sys.argv[1:4])
