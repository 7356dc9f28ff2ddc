#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: together.py PLANE-HOST KEYPLANE-HOST

dataplane and keyplane with their pair between them, between a host and an application in Python: what
comes in at an attested port. Prints TAP.
"""
import os
import socket
import ssl
import struct
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
def what_keyplane_counts_is_among_what_the_host_reads():
    with World() as w, w.plane.control() as c:
        with w.tls(["selfsame/1"]) as s:
            s.sendall(get("/attestation?nonce=" + NONCE))
            rest_of(s)
        with w.tls(["selfsame/1"]) as s:
            s.sendall(get("/"))
            rest_of(s)
        with w.plane.call(8443) as s:
            s.sendall(b"no TLS at all" * 100)
            want = {'ingress_refused_total{port="8443",proto="tcp",reason="handshake"}': 1, 'ingress_cut_total{port="8443",proto="tcp"}': 0,
                    'tls_handshakes_total{result="done"}': 2, 'tls_handshakes_total{result="failed"}': 1,
                    'tls_handshakes_total{result="limit"}': 0, 'documents_total{result="given"}': 1, 'documents_total{result="limit"}': 0,
                    'application_documents_total{result="given"}': 0, 'service_refused_total{reason="path"}': 1,
                    'service_refused_total{reason="form"}': 0, 'secrets_total{result="taken"}': 0}
            seen = {}

            def there():
                m = c.metrics()
                seen.update({k: m["selfsame_" + k] for k in want})
                return seen == want
            assert P.until(there), {k: (seen.get(k), v) for k, v in want.items() if seen.get(k) != v}
        assert not any("cut" in k and 'port="80"' in k for k in c.metrics())


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
    with World() as w, socket.socket() as held:
        w.server.close()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", w.server.port))     # nobody else listens there in the 10 s of waiting
        w.plane.say(P.L_STARTED)
        with w.tls() as s:
            s.sendall(b"GET / HTTP/1.1\r\n\r\n")    # what keyplane would wait 10 s for
            try:
                assert False, ("it looks like an end", s.recv(1))
            except (ConnectionResetError, ssl.SSLEOFError):
                pass


def names(*all_):
    return bytes([len(all_)]) + b"".join(bytes([len(n)]) + n.encode() for n in all_)


def openssl(*args, **more):
    return subprocess.run(["openssl", *args], capture_output=True, timeout=P.PATIENCE, check=True, **more).stdout


def chain_for(csr, ca):
    """DER of a leaf for this request, and of who signed it."""
    path = os.path.join(FOLDER, "leaf")
    with open(path + ".csr", "wb") as f:
        f.write(csr)
    openssl("x509", "-req", "-in", path + ".csr", "-inform", "DER", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial",
            "-days", "2", "-out", path + ".pem")
    return b"".join(openssl("x509", "-in", p, "-outform", "DER") for p in (path + ".pem", ca + ".pem"))


def hand_in(c, chain):
    """The last that is said of a chain which goes part by part, of at most 100 bytes here."""
    for at in range(0, len(chain), 100):
        c.s.sendall(P.frame(P.CHAIN, struct.pack(">II", at, len(chain)) + chain[at:at + 100]))
        body = c.next(P.CHAIN_SAID)[1]
        assert body[1:] == bytes(3), body
        if body[0] != 5:
            break
    return body[0]


@sentence
def the_host_asks_for_a_request_and_hands_a_chain_in():
    ca = os.path.join(FOLDER, "ca")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=selfsame test", "-days", "2",
            "-keyout", ca + ".key", "-out", ca + ".pem")
    with World() as w, w.plane.control() as c:
        def served():
            with w.tls() as s:
                return s.getpeercert(binary_form=True)
        c.s.sendall(P.frame(P.CSR_ASK, names("a.example", "*.b.example")))
        csr = c.next(P.CSR)[1]
        assert b"a.example" in csr and b"*.b.example" in csr
        first = served()
        chain = chain_for(csr, ca)
        assert hand_in(c, openssl("x509", "-in", ca + ".pem", "-outform", "DER")) == 2 and hand_in(c, b"garbage") == 1
        assert served() == first
        assert hand_in(c, chain) == 0
        assert served() == chain[:len(served())] != first
        renewed = chain_for(csr, ca)
        assert hand_in(c, renewed) == 0 and served() == renewed[:len(served())] != chain[:len(served())]


@sentence
def questions_that_come_at_once_are_answered_in_their_order():
    with World() as w, w.plane.control() as c:
        part = struct.pack(">II", 1, 9)
        c.s.sendall(P.frame(P.CSR_ASK, names("a")) + P.frame(P.SCRAPE) + P.frame(P.CHAIN, part + b"x") + P.frame(P.CSR_ASK, names("b"))
                    + P.frame(P.SCRAPE))
        got = []
        while len(got) < 5:
            kind, body = c.next()
            if kind not in (P.LOG, P.STATE, P.WELCOME):
                got.append((kind, body[:1] if kind == P.CHAIN_SAID else bool(body)))
        assert got == [(P.CSR, True), (P.METRICS, True), (P.CHAIN_SAID, b"\4"), (P.CSR, True), (P.METRICS, True)], got


@sentence
def a_host_that_hangs_up_leaves_its_question_behind():
    def greeted():
        """A stream; the one before it may not be known to be over."""
        while True:
            try:
                c = w.plane.control()
                c.next(P.WELCOME)
                return c
            except (ConnectionError, EOFError):
                pass
    with World() as w:
        for _ in range(100):
            with greeted() as c:
                c.s.sendall(P.frame(P.CSR_ASK, names("a.example")))
        with greeted() as c:
            c.s.sendall(P.frame(P.CHAIN, struct.pack(">II", 0, 1) + b"x"))
            kinds = []
            while P.CHAIN_SAID not in kinds:
                kinds.append(c.next()[0])
            assert P.CSR not in kinds, kinds


@sentence
def without_keyplane_there_is_no_request_and_no_chain():
    with P.Plane(DATAPLANE, P.config([{"port": 8443, "to": 1, "tls": 2}])) as p, p.control() as c:
        c.s.sendall(P.frame(P.CSR_ASK, names("a")) + P.frame(P.CHAIN, struct.pack(">II", 0, 1) + b"x"))
        assert c.next(P.CSR)[1] == b"" and c.next(P.CHAIN_SAID)[1] == b"\6\0\0\0"


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
    with tempfile.TemporaryDirectory() as FOLDER:
        ROOT = os.path.join(FOLDER, "nsm")
        rc = run_all(TESTS)
    sys.exit(rc)
