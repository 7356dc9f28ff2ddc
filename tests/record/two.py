#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: two.py RECORDER

HTTP/2, judged by nghttp2's own programs and by frames written here. Needs root. Prints TAP.
"""
import hashlib
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

from inside import World, address, inside, program
from proxied import WAIT, Recorder, main, objects, ok, read_answer, sentence

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def fields(*pairs):
    """HPACK without a table: literal, never indexed, no Huffman."""
    text = b""
    for name, value in pairs:
        assert len(name) < 127 and len(value) < 127
        text += b"\x10" + bytes([len(name)]) + name + bytes([len(value)]) + value
    return text


def request(stream, path=b"/x", method=b"GET", host=b"raw.example.test", *more, flags=5):
    return frame(1, flags, stream, fields((b":method", method), (b":scheme", b"https"), (b":authority", host), (b":path", path), *more))


def two(name):
    """A connection that offers nothing but h2."""
    x = ssl.create_default_context(cafile="inputs.toml.pem")
    x.set_alpn_protocols(["h2"])
    t = x.wrap_socket(socket.create_connection((address(name), 443), WAIT), server_hostname=name)
    assert t.selected_alpn_protocol() == "h2"
    return t


def read_frames(t, until):
    """(kind, flags, stream, payload) up to the first for which until() is true; EOFError without."""
    got, f = [], t.makefile("rb")
    while True:
        head = f.read(9)
        if len(head) < 9:
            raise EOFError(got)
        n = int.from_bytes(head[:3], "big")
        got.append((head[3], head[4], int.from_bytes(head[5:9], "big"), f.read(n)))
        if until(got[-1]):
            return got


def recorded(w, ask):
    """ask(recorder) while recording, and without the world while playing: the same."""
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        first = ask(r)
    assert r.problems == [], r.problems
    w.close()
    with Recorder("play", led=[]) as p:
        second = ask(p)
    assert p.problems == [], p.problems
    assert first == second
    return r, first


@sentence
def a_client_that_speaks_nothing_else_is_recorded_and_played():
    w = World(lambda host, path, head, body: ok(f"{host} {path} {head.get('x-a')} ".encode() + body, "Content-Type: a/b", "Link: <l>"))
    open("form", "w").write("sent " * 40000)
    def ask(r):
        return [program(r, "nghttp", "--no-dep", "https://two.example.test/a?b=c", "-H", "x-a: 1"),
                program(r, "nghttp", "--no-dep", "-d", "form", "https://two.example.test/post"),
                program(r, "nghttp", "--no-dep", "--no-content-length", "-d", "form", "https://two.example.test/chunks"),
                program(r, "nghttp", "--no-dep", "-H", ":method: HEAD", "https://two.example.test/head")]
    r, got = recorded(w, ask)
    assert got == [b"two.example.test /a?b=c 1 ", b"two.example.test /post None " + b"sent " * 40000,
                   b"two.example.test /chunks None " + b"sent " * 40000, b""], [g[:80] for g in got]
    assert [(i["method"], i["url"]) for i in r.inputs] == [
        ("GET", "https://two.example.test/a?b=c"), ("POST", "https://two.example.test/chunks"),
        ("HEAD", "https://two.example.test/head"), ("POST", "https://two.example.test/post")], r.inputs
    assert r.inputs[0]["type"] == "a/b" and r.inputs[0]["headers"] == ["link: <l>"]


@sentence
def who_offers_both_gets_the_older_one():
    w = World(lambda host, path, head, body: ok(b"one"))
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        got = program(r, "curl", "-sS", "--http2", "-w", " %{http_version}", "--cacert", "inputs.toml.pem", "https://both.example.test/")
    assert got == b"one 1.1", got


@sentence
def a_large_body_goes_through_small_windows():
    body = os.urandom(1 << 20) * 20
    w = World(lambda host, path, head, _: ok(body))
    def ask(r):
        return [hashlib.sha256(program(r, "nghttp", "--no-dep", *more, "https://two.example.test/big")).hexdigest()
                for more in ([], ["-w", "14", "-W", "14"])]
    recorded(w, ask)
    assert list(objects()) == [hashlib.sha256(body).hexdigest()]


@sentence
def many_streams_at_once_are_served():
    w = World(lambda host, path, head, body: ok(path.encode() * 3000))
    open("urls", "w").write("".join(f"https://two.example.test/{i}\n" for i in range(200)))
    def ask(r):
        said = program(r, "h2load", "-i", "urls", "-n", "600", "-c", "3", "-m", "30", "-t", "1").decode()
        assert re.search(r"600 total, 600 started, 600 done, 600 succeeded, 0 failed", said), said
    r, _ = recorded(w, ask)
    assert len(r.inputs) == 200, len(r.inputs)  # each of the three goes through as many


@sentence
def a_body_that_breaks_off_ends_its_stream_alone():
    def answer(host, path, head, body):
        return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\nhalf" if path == "/half" else ok(b"whole")
    w = World(answer)
    inner = w.answer
    w.answer = lambda path, head, body, c: (c.sendall(inner(path, head, body, c)), None)[1] if path == "/half" else inner(path, head, body, c)
    def ask():
        with two("raw.example.test") as t:
            t.sendall(PREFACE + frame(4, 0, 0) + request(1, b"/half"))
            got = read_frames(t, lambda f: f[0] == 3)
            assert got[-1][2] == 1 and got[-1][3] == b"\0\0\0\x02", got
            t.sendall(request(3, b"/whole"))
            got = read_frames(t, lambda f: f[2] == 3 and f[1] & 1)
        return b"".join(f[3] for f in got if f[0] == 0 and f[2] == 3)
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        assert inside(r, ask) == b"whole"
    assert [i["url"] for i in r.inputs] == ["https://raw.example.test/whole"] and len(r.problems) == 1, (r.inputs, r.problems)


@sentence
def what_is_not_in_the_lock_is_refused_on_its_stream():
    w = World(lambda host, path, head, body: ok(b"x"))
    def ask(path):
        with two("raw.example.test") as t:
            t.sendall(PREFACE + frame(4, 0, 0) + request(1, path))
            got = read_frames(t, lambda f: f[2] == 1 and f[1] & 1)
        return b"".join(f[3] for f in got if f[0] == 0)
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        assert inside(r, lambda: ask(b"/x")) == b"x"
    w.close()
    with Recorder("play", led=[]) as p:
        assert inside(p, lambda: ask(b"/y")) == b"selfsame: not in the lock: this was never fetched while recording\n"
    assert p.problems == ["GET https://raw.example.test/y: not in the lock: this was never fetched while recording"], p.problems


@sentence
def steps_that_break_the_protocol_are_let_go():
    w = World(lambda host, path, head, body: ok(b"good"))
    bombs = fields(*[(b"x-%d" % i, b"v" * 120) for i in range(120)])
    cases = [b"GET / HTTP/1.1\r\n\r\n", b"", PREFACE, PREFACE + b"\xff" * 100, PREFACE + frame(0, 0, 1, b"data"), PREFACE + frame(4, 0, 0, b"12345"),
             PREFACE + frame(4, 0, 0) + frame(1, 5, 1, b"\xff" * 40), PREFACE + frame(4, 0, 0) + frame(1, 1, 1, b"\x82"),
             PREFACE + frame(4, 0, 0) + frame(1, 5, 2, b"\x82"), PREFACE + frame(4, 0, 0) + frame(8, 0, 0, b"\0\0\0\0"),
             PREFACE + frame(4, 0, 0) + request(1, flags=4) + frame(0, 1, 1, b"x")[:-1]]
    streams = [request(1, b"*", b"OPTIONS"), request(1, b"", b"CONNECT"), request(1, b"x"), request(1, b"/", b"GET", b""),
               request(1, b"/a\r\nX: y"), request(1, b"/", b"GET", b"raw.example.test", (b"connection", b"close")),
               request(1, b"/", b"GET", b"raw.example.test", (b"A", b"b")), request(1, b"/", b"G\0T"),
               frame(1, 1, 1, fields((b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/"), (b":authority", b"raw.example.test")) + bombs[:15000]) +
               frame(9, 0, 1, bombs[15000:]) * 1 + frame(9, 4, 1, bombs),
               request(1, b"/", b"POST", b"raw.example.test", (b"content-length", b"5"), flags=4) + frame(0, 1, 1, b"four"),
               request(1, b"/", b"DELETE"), request(1, b"/", b"GET", b"evil.example.test")]
    def ask():
        for case in cases:
            with two("raw.example.test") as t:
                t.sendall(case)
                try:
                    t.unwrap().shutdown(socket.SHUT_WR)
                except (OSError, ssl.SSLError):
                    pass
        for case in streams:
            with two("raw.example.test") as t:
                t.sendall(PREFACE + frame(4, 0, 0) + case)
                # Reset, an error of the connection, or a refusal with a reason: never an answer.
                try:
                    got = read_frames(t, lambda f: f[0] in (3, 7) or (f[2] == 1 and f[1] & 1 and f[0] in (0, 1)))
                except EOFError as e:
                    got = e.args[0]
                data = b"".join(f[3] for f in got if f[0] == 0)
                assert data == b"" or data.startswith(b"selfsame: "), (case[:100], data)
        with two("raw.example.test") as t:
            t.sendall(PREFACE + frame(4, 0, 0) + request(1, b"/good"))
            return b"".join(f[3] for f in read_frames(t, lambda f: f[2] == 1 and f[1] & 1) if f[0] == 0)
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        assert inside(r, ask) == b"good"
    assert [i["url"] for i in r.inputs] == ["https://raw.example.test/good"], r.inputs


@sentence
def it_ends_while_streams_hang():
    w = World(lambda host, path, head, body: None)
    hang = threading.Event()
    w.answer = lambda path, head, body, c: (hang.wait(WAIT), None)[1]
    held = []
    def ask():
        for _ in range(5):
            t = two("raw.example.test")
            t.sendall(PREFACE + frame(4, 0, 0) + b"".join(request(1 + 2 * i, b"/%d" % i) for i in range(20)) + request(101, b"/p", b"POST", flags=4))
            held.append(t)
        while len(w.seen) < 100:
            time.sleep(0.01)
        return True
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        assert inside(r, ask)
    hang.set()
    assert r.inputs == []


@sentence
def a_server_that_speaks_nothing_else_is_asked():
    os.mkdir("htdocs")
    open("htdocs/file", "wb").write(b"over two" * 100000)
    w = World(lambda *_: ok(b""))
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    server = subprocess.Popen(["nghttpd", "-a", "127.0.0.1", "-d", "htdocs", str(port), "world.key", "world.pem"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + WAIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert time.monotonic() < until and server.poll() is None
            time.sleep(0.05)
    w.answer = None
    tunnels = socket.create_server(("127.0.0.1", 0))
    def carry(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    def accept():
        while True:
            c, _ = tunnels.accept()
            while not c.recv(4096).endswith(b"\r\n\r\n"):
                pass
            c.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            u = socket.create_connection(("127.0.0.1", port))
            for a, b in ((c, u), (u, c)):
                threading.Thread(target=carry, args=(a, b), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    env = {**os.environ, "https_proxy": f"http://127.0.0.1:{tunnels.getsockname()[1]}", "no_proxy": ""}
    try:
        with Recorder("record", ca="world.pem", led=[], env=env) as r:
            got = program(r, "curl", "-sS", "--cacert", "inputs.toml.pem", "https://up.example.test/file")
    finally:
        server.kill()
        server.wait()
    assert got == b"over two" * 100000 and r.problems == [], r.problems
    assert r.inputs[0]["url"] == "https://up.example.test/file" and r.inputs[0]["size"] == 800000


main()
