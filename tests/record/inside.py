#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A step's network as tests see it from within, and all web servers of the world outside. Needs root.
Used by the other files of this folder."""
import ctypes
import os
import socket
import ssl
import struct
import subprocess
import threading

from proxied import WAIT, Server

LIBC = ctypes.CDLL(None, use_errno=True)
NEWNET = 0x40000000


class World(Server):
    """All web servers there are, behind a proxy: answer(host, path, head, body). http, and https with
    a certificate of world.pem for what ends in .example.test and for 203.0.113.7."""

    def __init__(self, answer):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        "world.key", "-out", "world.pem", "-subj", "/CN=t", "-addext",
                        "subjectAltName=DNS:*.example.test,IP:203.0.113.7", "-days", "3650"],
                       check=True, capture_output=True, timeout=WAIT)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain("world.pem", "world.key")
        super().__init__(lambda path, head, body, c: answer(head["host"], path.removeprefix("http://" + head["host"]), head, body))
        self.env = {**os.environ, "http_proxy": self.url, "https_proxy": self.url, "no_proxy": ""}

    def serve(self, c):
        if c.recv(7, socket.MSG_PEEK) == b"CONNECT":
            while not c.recv(1, socket.MSG_PEEK) or c.recv(4096).endswith(b"\r\n\r\n") is False:
                pass
            c.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                c = self.tls.wrap_socket(c, server_side=True)
            except (ssl.SSLError, OSError):
                return
        super().serve(c)


def inside(r, f):
    """f() on a thread in the step's network."""
    got = []

    def run():
        fd = os.open(r.ns, os.O_RDONLY)
        assert LIBC.setns(fd, NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(fd)
        try:
            got.append(f())
        except Exception as e:
            got.append(e)
    t = threading.Thread(target=run)
    t.start()
    t.join()
    if isinstance(got[0], Exception):
        raise got[0]
    return got[0]


def program(r, *command):
    """A program in the step, which has the step's /etc/resolv.conf; what it printed."""
    open("resolv.conf", "w").write("nameserver 198.18.0.1\noptions ndots:0 attempts:1\n")
    p = subprocess.run(["nsenter", "--net=" + r.ns, "unshare", "-m", "sh", "-c",
                        'mount --bind resolv.conf /etc/resolv.conf && exec "$@"', "sh", *command], capture_output=True, timeout=WAIT)
    assert p.returncode == 0, p.stderr
    return p.stdout


def question(name, kind, id=7):
    labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".") if l)
    return struct.pack(">6H", id, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)


def ask_name(name, kind, to="198.18.0.1", tcp=False):
    """rcode and addresses."""
    q = question(name, kind)
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(WAIT)
        s.connect((to, 53))
        if tcp:
            s.sendall(struct.pack(">H", len(q)) + q)
            f = s.makefile("rb")
            a = f.read(struct.unpack(">H", f.read(2))[0])
        else:
            s.send(q)
            a = s.recv(4096)
    assert a[:2] == q[:2] and a[12:len(q)] == q[12:], a
    n, at, found = struct.unpack(">H", a[6:8])[0], len(q), []
    for _ in range(n):
        size = struct.unpack(">H", a[at + 10:at + 12])[0]
        found.append(socket.inet_ntop(socket.AF_INET if size == 4 else socket.AF_INET6, a[at + 12:at + 12 + size]))
        at += 12 + size
    return a[3] & 15, found


def address(name):
    return ask_name(name, 1)[1][0]
