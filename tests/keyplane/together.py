#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: together.py PLANE-HOST KEYPLANE-HOST

dataplane and keyplane with their pair between them, between a host and an application in Python: what
comes in at an attested port. Prints TAP.
"""
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "plane"), os.path.join(HERE, "..", "oracle")]
import plane as P  # noqa: E402
from attested import Document  # noqa: E402
from keyplane import get, rest_of  # noqa: E402
from sentences import run_all  # noqa: E402

DATAPLANE, KEYPLANE = (os.path.abspath(x) for x in sys.argv[1:3])
TESTS = []
NONCE = "cd" * 32
V2 = bytes.fromhex("0d0a0d0a000d0a515549540a2111000c") + bytes([10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 1, 187])


def sentence(f):
    TESTS.append(f)
    return f


class World:
    """The two, and an echo for an application."""

    def __init__(self, serve=P.echo, **ingress):
        self.server = P.Server(serve)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.key = subprocess.Popen([KEYPLANE, "--link", str(theirs.fileno()), "--root", ROOT, "--listener", "none", "--listener",
                                     "http,http/1.1"], pass_fds=[theirs.fileno()])
        theirs.close()
        conf = P.config([{"port": 80, "to": self.server.port},
                         {"port": 8443, "to": self.server.port, "tls": 2, "http": True, "alpn": ["http/1.1"], **ingress}])
        self.plane = P.Plane(DATAPLANE, conf, key=ours.fileno())
        ours.close()

    def __enter__(self):
        self.plane.__enter__()
        return self

    def __exit__(self, *_):
        self.plane.close()
        assert self.key.wait(P.PATIENCE) == 1
        self.server.close()

    def tls(self, alpn=(), before=b""):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
        if alpn:
            c.set_alpn_protocols(list(alpn))
        raw = self.plane.call(8443)
        raw.sendall(before)
        return c.wrap_socket(raw, suppress_ragged_eofs=False)


@sentence
def a_document_and_the_application_at_one_port():
    with World() as w:
        with w.tls(["selfsame/1"]) as s:
            s.sendall(get("/attestation?nonce=" + NONCE))
            body = rest_of(s).partition(b"\r\n\r\n")[2]
        assert Document(body).fields["nonce"] == bytes.fromhex(NONCE)
        with w.tls(["http/1.1"]) as s:
            s.sendall(b"hello")
            assert s.recv(10) == b"hello"
            s.unwrap()
        with w.plane.call(80) as s:
            s.sendall(b"plain")
            assert s.recv(10) == b"plain"


@sentence
def connections_are_counted_and_leave_nothing_behind():
    with World() as w, w.plane.control() as c:
        def some(n):
            for _ in range(n):
                with w.tls() as s:
                    s.sendall(b"12345")
                    assert s.recv(10) == b"12345"
                    s.unwrap()
        some(5)
        before = w.plane.files()
        threads = [threading.Thread(target=some, args=(40,)) for _ in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

        def open_now():
            return sum(v for k, v in c.metrics().items() if "8443" in k and "open" in k)
        assert P.until(lambda: open_now() == 0)
        m = c.metrics()
        assert any("8443" in k and v == 125 * 5 for k, v in m.items()), m
        assert any("8443" in k and v == 125 for k, v in m.items()), m
        assert w.plane.files() <= before


@sentence
def the_application_sees_who_called_by_the_proxy_header():
    seen = []

    def serve(c):
        seen.append(c.recv(100))
        c.sendall(b"x")
    with World(serve, proxy=True) as w:
        with w.tls(before=V2) as s:
            assert s.recv(1) == b"x"
        assert seen == [V2], seen
        with w.plane.call(8443) as s:
            s.sendall(b"\x16\x03\x01")
            try:
                assert s.recv(1) == b""
            except ConnectionResetError:
                pass


@sentence
def an_application_that_is_not_there_is_a_reset():
    with World() as w:
        w.server.close()
        w.plane.say(P.L_STARTED)
        with w.tls() as s:
            try:
                s.recv(1)
                assert False, "it looks like an end"
            except (ConnectionResetError, ssl.SSLEOFError):
                pass


@sentence
def without_keyplane_the_port_stays_closed():
    with P.Plane(DATAPLANE, P.config([{"port": 8443, "to": 1, "tls": 2}])) as p, p.control() as c:
        assert c.line()[3] == b"ingress 8443 is closed: without an NSM nothing can be attested"
        try:
            p.call(8443)
            assert False, "it is open"
        except (FileNotFoundError, ConnectionRefusedError):
            pass


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        ROOT = os.path.join(folder, "nsm")
        run_all(TESTS)
