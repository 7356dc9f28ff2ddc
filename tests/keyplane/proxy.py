#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: proxy.py KEYPLANE-HOST SELFSAME

`selfsame proxy` before a real keyplane: plain bytes at one end, plain bytes at the other. Prints TAP.
"""
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
from keyplane import CUT, DONE, PATIENCE, SERVED, Plane  # noqa: E402
from sentences import run_all  # noqa: E402

KEYPLANE, SELFSAME = (os.path.abspath(x) for x in sys.argv[1:3])
TESTS = []
PCRS = ["11" * 48, "22" * 48, "33" * 48]
IMAGE = [w for i in range(3) for w in ("--pcr", f"{i}={PCRS[i]}")]


def sentence(f):
    TESTS.append(f)
    return f


class Proxy:
    def __init__(self, url):
        self.p = subprocess.Popen([SELFSAME, "proxy", "--json", *IMAGE, "--root", os.path.join(ROOT, "root.pem"), "--any-operator", url],
                                  stdout=subprocess.PIPE, text=True)
        assert self.event()["Event"] == "Attested"
        self.port = int(self.event()["Address"].rpartition(":")[2])

    def event(self):
        return json.loads(self.p.stdout.readline())

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def close(self):
        self.p.send_signal(signal.SIGTERM)
        rest = [json.loads(line) for line in self.p.stdout]
        assert self.p.wait(PATIENCE) == -signal.SIGTERM
        self.p.stdout.close()
        return rest


def read_all(s):
    parts = []
    while more := s.recv(1 << 20):
        parts.append(more)
    return b"".join(parts)


def both(app):
    k = Plane(KEYPLANE, ROOT, *IMAGE, "--pcr16", "selfsame/1 nsm=0", app=app)
    return k, Proxy(k.url)


@sentence
def an_application_is_reached_by_any_program_after_a_yes():
    def app(s):
        with s:
            while data := s.recv(65536):
                s.sendall(data.upper())
    k, p = both(app)
    k.over_with(SERVED)  # the question's connection is not kept
    for size in (1, 1000, 16384, 40000):
        with p.connect() as c:
            data = b"a" * size
            got = b""
            c.sendall(data)
            while len(got) < size:
                got += c.recv(65536)
            c.shutdown(socket.SHUT_WR)
            assert got == data.upper() and c.recv(1) == b""
        assert k.over_with(DONE)[1:] == (size, size)
    p.close()
    k.close()


@sentence
def each_end_comes_through_by_itself():
    heard = []

    def app(s):
        with s:
            heard.append(hashlib.sha256(read_all(s)).digest())  # until the program ends …
            s.sendall(b"b" * 2000000)                           # … and only then
    k, p = both(app)
    with p.connect() as c:
        c.sendall(b"a" * 2000000)
        c.shutdown(socket.SHUT_WR)
        assert read_all(c) == b"b" * 2000000
    assert heard == [hashlib.sha256(b"a" * 2000000).digest()]
    assert k.over_with(DONE)[1:] == (2000000, 2000000)
    closed = [e for e in p.close() if e["Event"] == "Closed"]
    assert [(e["Reason"], e["Sent"], e["Received"]) for e in closed] == [("done", 2000000, 2000000)], closed
    k.close()


@sentence
def a_program_that_breaks_off_and_an_application_that_does_are_both_seen():
    def app(s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.recv(1)
        s.close()
    k, p = both(app)
    with p.connect() as c:
        c.sendall(b"x")
        try:
            assert c.recv(1) != b"", "a reset became an end"
        except ConnectionResetError:
            pass
    k.over_with(CUT)
    k.app = lambda s: s.recv(1)
    with p.connect() as c:
        c.sendall(b"x")
        while p.event()["Event"] != "Opened":
            continue
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    p.close()
    k.close()


@sentence
def many_programs_are_served_at_a_time():
    def app(s):
        with s:
            s.sendall(read_all(s)[::-1])
    k, p = both(app)
    all_of_them = [p.connect() for _ in range(64)]
    for i, c in enumerate(all_of_them):
        c.sendall(b"%d-" % i * 3000)
        c.shutdown(socket.SHUT_WR)
    for i, c in enumerate(all_of_them):
        assert read_all(c) == (b"%d-" % i * 3000)[::-1], i
        c.close()
    p.close()
    k.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        ROOT = os.path.join(folder, "nsm")
        rc = run_all(TESTS)
    sys.exit(rc)
