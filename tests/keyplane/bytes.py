#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: bytes.py KEYPLANE-HOST

Streams through keyplane: which protocol, both directions, their ends, and what dataplane may say.
Prints TAP.
"""
import hashlib
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "oracle")]
from keyplane import APP, CONN, CUT, DONE, GONE, HEAD, PATIENCE, Plane, ask, client, get, rest_of, until  # noqa: E402
from sentences import run_all  # noqa: E402

KEYPLANE = os.path.abspath(sys.argv[1])
TESTS = []
BIG = os.urandom(1 << 20) * 8


def sentence(f):
    TESTS.append(f)
    return f


def plane(*args, **how):
    return Plane(KEYPLANE, ROOT, *args, **how)


def echo(s):
    try:
        while more := s.recv(65536):
            s.sendall(more)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    s.close()


@sentence
def alpn_decides_once_by_the_measured_list():
    p = plane(listeners=("attested,h2,http/1.1", "attested"), app=echo)
    for listener, offer, selected, to_app in (
            (0, ["http/1.1", "h2"], "h2", True), (0, ["http/1.1"], "http/1.1", True), (0, ["x"], None, True), (0, [], None, True),
            (0, ["h2", "selfsame/1"], "selfsame/1", False), (0, ["selfsame/1"], "selfsame/1", False), (0, ["selfsame/2"], None, True),
            (1, ["http/1.1", "h2"], None, True), (1, ["selfsame/1", "x"], "selfsame/1", False), (1, ["h2" * 100], None, True)):
        n = len(p.wanted)
        with client(p.ports[listener], offer) as s:
            assert s.selected_alpn_protocol() == selected, (offer, s.selected_alpn_protocol())
            if to_app:
                s.sendall(b"hello")
                assert s.recv(100) == b"hello"
        assert len(p.wanted) == n + to_app
    p.close()


def both_ways(s, data):
    """Sends `data` and reads as much at the same time: one thread, since a TLS object bears no two."""
    out, got = memoryview(data), bytearray()
    s.setblocking(False)
    while len(got) < len(data):
        progress = False
        try:
            more = s.recv(1 << 16)
            assert more, "the stream ended after %d bytes" % len(got)
            got += more
            progress = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        try:
            if out:
                out = out[s.send(out[:1 << 16]):]
                progress = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        if not progress:
            ready = select.select([s], [s] if out else [], [], PATIENCE)
            assert ready[0] or ready[1], "nothing moves"
    s.settimeout(PATIENCE)
    return bytes(got)


@sentence
def bytes_go_both_ways_and_are_counted():
    p = plane(app=echo)
    with client(p.port) as s:
        assert hashlib.sha256(both_ways(s, BIG)).digest() == hashlib.sha256(BIG).digest()
        s.unwrap()
    assert p.over_with(DONE) == (DONE, len(BIG), len(BIG))
    p.close()


@sentence
def a_direction_that_ends_leaves_the_other_open():
    seen, go = [], threading.Event()

    def app(s):
        s.sendall(b"first")
        s.shutdown(socket.SHUT_WR)
        seen.append(rest_of(s))
        s.close()
        go.set()
    p = plane(app=app)
    text = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{p.port}", "-quiet", "-verify_quiet"], input=b"",
                          capture_output=True, timeout=PATIENCE)
    assert text.stdout == b"first", text
    assert go.wait(PATIENCE)
    with client(p.port) as s:
        assert rest_of(s) == b"first"
        s.sendall(b"afterwards")
        s.unwrap()
    until(lambda: seen == [b"", b"afterwards"], seen)
    p.over_with(DONE)
    p.close()


@sentence
def a_cut_without_close_notify_is_a_reset_for_the_application():
    seen = []

    def app(s):
        try:
            while s.recv(100):
                pass
            seen.append("end")
        except ConnectionResetError:
            seen.append("reset")
    p = plane(app=app)
    with client(p.port) as s:
        s.sendall(b"half of ")
        raw = socket.socket(fileno=os.dup(s.fileno()))
        until(lambda: p.wanted, "no WANT")
    raw.shutdown(socket.SHUT_RDWR)
    raw.close()
    until(lambda: seen, "the application sees no end")
    assert seen == ["reset"]
    p.over_with(CUT)
    p.close()


@sentence
def what_breaks_inside_never_looks_like_an_end():
    def app(s):
        s.recv(1)
        s.sendall(b"half of ")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    p = plane(app=app)
    with client(p.port) as s:
        s.sendall(b"x")
        try:
            rest_of(s)
            assert False, "it looks like an end"
        except (ConnectionResetError, ssl.SSLEOFError):
            pass
    p.over_with(CUT)
    p.app = None
    with client(p.port) as s:
        try:
            rest_of(s)
            assert False, "it looks like an end"
        except (ConnectionResetError, ssl.SSLEOFError):
            pass
    p.over_with(GONE)
    p.close()


class Mute(Plane):
    """A dataplane that never says what became of the application."""

    def give(self, ident):
        pass


@sentence
def who_waits_in_vain_for_the_application_never_sees_an_end():
    """Nothing that may become a request came in 10 s; what was asked of dataplane was not answered in 11."""
    saw = {}

    def wait(p):
        with client(p.port) as s:
            try:
                saw[p] = s.recv(1)
            except (ConnectionResetError, ssl.SSLEOFError):
                saw[p] = "cut"
    planes = [plane(listeners=("http",)), Mute(KEYPLANE, ROOT)]
    waiting = [threading.Thread(target=wait, args=(p,)) for p in planes]
    for t in waiting:
        t.start()
    for t in waiting:
        t.join()
    assert list(saw.values()) == 2 * ["cut"], saw
    for p in planes:
        assert len(p.wanted) == 1
        p.over_with(GONE)
        p.close()


@sentence
def a_slow_reader_holds_up_its_sender_and_nobody_else():
    stop, sent = threading.Event(), [0]

    def app(s):
        s.settimeout(0.2)
        while not stop.is_set():
            try:
                sent[0] += s.send(BIG[:65536])
            except TimeoutError:
                pass
            except OSError:
                return
    p = plane(app=app)
    with client(p.port) as s:
        before = -1
        while before != sent[0]:
            before = sent[0]
            # Buffers of sockets and one record: then nothing goes. Meanwhile others are served.
            assert ask(p.port, get("/attestation?nonce=" + "00" * 32))[0] == 200
            stop.wait(1)
        rss = int(next(x.split()[1] for x in open(f"/proc/{p.process.pid}/status", encoding="ascii") if x.startswith("VmRSS")))
        assert rss < int(os.environ.get("KEYPLANE_MIB", "64")) * 1024, rss
        s.recv(100)
        stop.set()
    p.close()


@sentence
def what_dataplane_may_not_say_ends_it():
    for message, fds, why in (
            (b"", (), "dataplane has ended"), (b"x", (), "a message that is none"),
            (HEAD.pack(9, 0, 0, 0, 0, 0, 0), (), "a message of type 9"), (HEAD.pack(1, 0, 1, 0, 0, 0, 0), (0,), "a message that is none"),
            (HEAD.pack(CONN, 0, 0, 0, 0, 0, 0), (), "a descriptor is where none belongs"),
            (HEAD.pack(4, 0, 0, 0, 0, 0, 0), (0,), "a descriptor is where none belongs"),
            (HEAD.pack(4, 0, 0, 5, 0, 0, 0), (), "a message that is none"), (HEAD.pack(CONN, 1, 0, 0, 0, 0, 0), (0,), "that cannot be"),
            (HEAD.pack(CONN, 2, 0, 0, 0, 0, 0), (0,), "that cannot be"), (HEAD.pack(CONN, 0, 0, 0, 16384, 0, 0), (0,), "that cannot be"),
            (HEAD.pack(CONN, 0, 0, 0, 0, 0, 0), (0, 0), "a descriptor is where none belongs"), (HEAD.pack(4, 0, 0, 9000, 0, 0, 0) + bytes(9000), (),
                                                                                     "a message that is none")):
        p = plane(listeners=("attested", "none"))
        with socket.socketpair()[0] as s:
            if message:
                socket.send_fds(p.link, [message], [s.fileno() for _ in fds])
            else:
                p.link.shutdown(socket.SHUT_RDWR)
            assert p.process.wait(PATIENCE) == 1
        said = p.process.stderr.read().decode()
        assert said.startswith("keyplane: ") and why in said, (said, why)
    p = plane(app=echo)
    with socket.socketpair()[0] as s:
        p.send(APP, 7, fd=s.fileno())  # of a connection that is over: nothing
    with client(p.port) as s:
        s.sendall(b"hello")
        assert s.recv(5) == b"hello"
    p.close()


@sentence
def four_hundred_connections_leave_nothing_behind():
    p = plane(app=echo)

    def some():
        for _ in range(100):
            with client(p.port) as s:
                s.sendall(b"x")
                assert s.recv(1) == b"x"
                s.unwrap()
    some()
    before = len(os.listdir(f"/proc/{p.process.pid}/fd"))
    threads = [threading.Thread(target=some) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    until(lambda: len([o for o in p.over if o[0] == DONE]) == 400, len(p.over))
    assert len(os.listdir(f"/proc/{p.process.pid}/fd")) <= before
    p.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        ROOT = os.path.join(folder, "nsm")
        rc = run_all(TESTS)
    sys.exit(rc)
