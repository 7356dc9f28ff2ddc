#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: seeds_record.py CORPUS-FOLDER

Writes the first files of the recorder's fuzz targets: one of each kind of thing that they read.
"""
import base64
import os
import struct
import sys


def question(name, kind, edns=False, cls=1):
    q = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".") if p) + b"\0" + struct.pack(">HH", kind, cls)
    opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0) if edns else b""
    m = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, int(edns)) + q + opt
    return bytes([len(m)]) + m


NAMES = {
    "a": question("packages.example.test", 1),
    "aaaa": question("packages.example.test", 28, True),
    "both": question("x.test", 1) + question("X.test", 28) + question("x.test", 16),
    "localhost": question("localhost", 1) + question("a.localhost", 28),
    "arpa": question("1.0.18.198.in-addr.arpa", 12),
    "chaos": question("version.bind", 16, cls=3),
    "broken": question("ok.example.test", 1)[:-1] + b"\x05\x01\x02\x81\x00\x00",
    "root": question("", 1),
}
HEAD = b"GET / HTTP/1.1\r\nHost: h\r\n"
BASIC = base64.b64encode(b"user:password-1")
SECRET = {
    "bearer": HEAD + b"Authorization: Bearer abcdefgh\r\n\r\n\0http://h/\0one abcdefgh two",
    "basic": HEAD + b"Authorization: Basic " + BASIC + b"\r\n\r\n\0http://h/\0says password-1",
    "cookie": HEAD + b"Cookie: a=cookie-1; b=cookie-2\r\n\r\n\0http://h/\0cookie-2cookie-",
    "query": HEAD + b"\r\n\0http://h/?token=a%20bcdef&x=1;sig=zzzzzzz\0a bcdef",
    "none": HEAD + b"X-Api-Key: 12345\r\n\r\n\0http://h/?key=1\0" + b"12345",
    "twice": HEAD + b"Private-Token: aaaaaaa\r\nAuthorization: aaaaaaa\r\n\r\n\0\0" + b"a" * 30,
}
ENTRY = '[[input]]\nmethod = "%s"\n%ssize = %d\nstatus = %d\n%surl = "%s"\n'


def entry(url, method="GET", sha="ab" * 32, size=3, status=200, more=""):
    return ENTRY % (method, f'sha256 = "{sha}"\n' if sha else "", size, status, more, url)


LOCK = {
    "one": entry("http://h/a"),
    "turns": entry("http://h/a") + entry("http://h/a", sha="cd" * 32, more="turn = 3\n"),
    "head": entry("http://h/a", "HEAD", "", 9),
    "packages": entry("http://h/pool/c/curl_7.88.1-10+deb12u14_amd64.deb") + entry("http://h/c/curl_7.88.1-10+deb12u15_amd64.deb", sha="cd" * 32),
    "headers": entry("https://h/a", more='headers = ["link: <x>", "location: /b"]\ntype = "text/html"\n'),
    "traversal": entry("http://h/../../etc", sha="../../../../etc/passwd"),
    "lies": entry("http://h/", size=9223372036854775807),
    "twins": entry("http://h/a") + entry("http://h/a"),
    "answer": "http://h/a?b=c\nContent-Type: text/html; charset=utf-8\nLocation: /b?token=abcdef\nLink: <x>; rel=y\nSet-Cookie: no\n",
    "redirect": "https://u:p@h:8443/a/b\nlocation: //cdn.test/x?X-Amz-Signature=1&Expires=2\ncontent-encoding: gzip\nwww-authenticate: Bearer realm=\"x\"\n",
    "controls": "http://h/\nlink: a\x1b[31m\ncontent-disposition: attachment; filename=\"../../x\"\n",
}

for name, files in (("rec_names", NAMES), ("rec_secret", SECRET), ("rec_lock", LOCK)):
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder, exist_ok=True)
    for file, data in files.items():
        with open(os.path.join(folder, file), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
