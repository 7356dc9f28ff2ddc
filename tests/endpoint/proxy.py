#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: proxy.py SELFSAME NSM-MINT

`selfsame proxy` in front of an endpoint that changes while it is watched. Prints TAP.
"""
import concurrent.futures
import hashlib
import json
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from live import Live, connect, echo, read_all
from server import Key, Minter, answer, nonce_of

SELFSAME, MINT = (os.path.abspath(x) for x in sys.argv[1:3])
TESTS = []
PCRS = ["11" * 48, "22" * 48, "33" * 48]
INSTANCE = "i-0123456789abcdef0"
IMAGE = [w for i in range(3) for w in ("--pcr", f"{i}={PCRS[i]}")]
DEADLINE = 100


def sentence(f):
    TESTS.append(f)
    return f


def documents(key, *more):
    made = [w for i in range(3) for w in ("--pcr", f"{i}={PCRS[i]}")] + ["--instance", INSTANCE, *more]
    return lambda request: answer(MINTER.mint(nonce_of(request), key.spki, more=made))


class Proxy:
    def __init__(self, url, *args, listen="127.0.0.1:0"):
        words = [SELFSAME, "proxy", "--json", *IMAGE, "--instance", INSTANCE, "--root", MINTER.root, "--listen", listen, *args, url]
        self.p = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.events, self.seen = queue.Queue(), []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.p.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def wait(self, kind, **has):
        """The next event of this kind; what comes before it is kept in `seen`."""
        while True:
            e = self.events.get(timeout=DEADLINE)
            assert e is not None, (kind, self.seen, self.p.stderr.read())
            self.seen.append(e)
            if e["Event"] == kind and all(e[k] == v for k, v in has.items()):
                return e

    def listening(self):
        self.port = int(self.wait("Listening")["Address"].rpartition(":")[2])
        return self

    def end(self, status, err=""):
        rc = self.p.wait(DEADLINE)
        said = self.p.stderr.read()
        assert (rc, said) == (status, err), (rc, said, self.seen)
        while (e := self.events.get(timeout=DEADLINE)) is not None:
            self.seen.append(e)
        self.p.stdout.close()
        self.p.stderr.close()
        return self.seen

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        return self.end(-signal.SIGTERM)


def is_refused(port):
    try:
        connect(port).close()
        return False
    except ConnectionRefusedError:
        return True


def is_reset(c):
    """The connection ends, and not in order."""
    try:
        while c.recv(65536):
            pass
        return False
    except ConnectionResetError:
        return True


def gets_nothing(port, data=b"secret"):
    """A new connection is reset, at whatever point the program finds out."""
    try:
        with connect(port) as c:
            c.sendall(data)
            return is_reset(c)
    except (ConnectionResetError, BrokenPipeError):
        return True


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


@sentence
def nothing_listens_before_the_first_yes():
    may_answer, asked = threading.Event(), threading.Event()
    good = documents(KEY)

    def reply(request):
        asked.set()
        may_answer.wait(DEADLINE)
        return good(request)
    e, port = Live(KEY, reply, echo), free_port()
    p = Proxy(e.url, listen=f"127.0.0.1:{port}")
    assert asked.wait(DEADLINE) and is_refused(port)
    may_answer.set()
    assert p.listening().port == port
    assert [x["Event"] for x in p.seen] == ["Attested", "Listening"], p.seen
    assert p.seen[0]["Verdict"]["Verdict"] == "yes" and p.seen[0]["NewKey"] is False
    assert not is_refused(port)
    p.stop()
    assert is_refused(port)


@sentence
def bytes_go_both_ways_over_the_attested_key():
    e = Live(KEY, documents(KEY), echo)
    p = Proxy(e.url).listening()
    c = connect(p.port)
    for data in (b"x", b"hello\r\n", bytes(range(256)) * 100):
        c.sendall(data)
        got = b""
        while len(got) < len(data):
            got += c.recv(65536)
        assert got == data
    c.shutdown(socket.SHUT_WR)
    assert c.recv(1) == b""
    closed = p.wait("Closed", Connection=1)
    assert (closed["Reason"], closed["Sent"], closed["Received"]) == ("done", 25608, 25608), closed
    assert len(e.requests) == 1 and e.app_connections == 1
    p.stop()


@sentence
def each_end_of_a_stream_is_passed_on_by_itself():
    def app(s):
        asked = s.read_all()          # the client's end comes first …
        s.send(hashlib.sha256(asked).digest())
        s.end()
    e = Live(KEY, documents(KEY), app)
    p = Proxy(e.url).listening()
    with connect(p.port) as c:
        c.sendall(b"a" * 100000)
        c.shutdown(socket.SHUT_WR)
        assert read_all(c) == hashlib.sha256(b"a" * 100000).digest()
    heard = queue.Queue()

    def first(s):
        s.send(b"bye")                # … or the application's
        s.end()
        heard.put(s.read_all())
    e.app = first
    with connect(p.port) as c:
        assert read_all(c) == b"bye"
        c.sendall(b"b" * 100000)
        c.shutdown(socket.SHUT_WR)
        assert heard.get(timeout=DEADLINE) == b"b" * 100000
    assert p.wait("Closed", Connection=2)["Reason"] == "done"
    p.stop()


@sentence
def who_reads_slowly_holds_the_other_and_loses_nothing():
    size, sent, may_read = 32 << 20, threading.Event(), threading.Event()
    block = hashlib.sha256(b"block").digest() * 2048
    heard = queue.Queue()

    def app(s):
        for _ in range(size // len(block)):
            s.send(block)
        sent.set()
        s.end()
        may_read.wait(DEADLINE)
        h = hashlib.sha256()
        while data := s.recv():
            h.update(data)
        heard.put(h.digest())
    e = Live(KEY, documents(KEY), app)
    p = Proxy(e.url).listening()
    whole = hashlib.sha256(block * (size // len(block))).digest()
    with connect(p.port) as c:
        p.wait("Opened")
        assert not sent.wait(1), "what nobody reads is somewhere"
        assert hashlib.sha256(read_all(c)).digest() == whole
        writer = threading.Thread(target=lambda: (c.sendall(block * (size // len(block))), c.shutdown(socket.SHUT_WR)))
        writer.start()
        writer.join(1)
        assert writer.is_alive(), "what nobody reads is somewhere"
        may_read.set()
        writer.join(DEADLINE)
        assert heard.get(timeout=DEADLINE) == whole
    assert p.wait("Closed")["Reason"] == "done"
    p.stop()


@sentence
def many_connections_are_served_at_a_time():
    e = Live(KEY, documents(KEY), echo)
    p = Proxy(e.url).listening()
    all_of_them = [connect(p.port) for _ in range(100)]
    for i, c in enumerate(all_of_them):
        c.sendall(b"%03d" % i * 5000)
        c.shutdown(socket.SHUT_WR)
    for i, c in enumerate(all_of_them):
        assert read_all(c) == b"%03d" % i * 5000, i
        c.close()
    seen = p.stop()
    assert sorted(x["Connection"] for x in seen if x["Event"] == "Closed" and x["Reason"] == "done") == list(range(1, 101))


@sentence
def a_cut_is_told_from_an_end():
    def app(s):
        s.send(b"half")
        s.recv()                      # then gone, without close_notify
    e = Live(KEY, documents(KEY), app)
    p = Proxy(e.url).listening()
    with connect(p.port) as c:
        assert c.recv(4) == b"half"
        c.sendall(b"x")
        assert is_reset(c)
    assert p.wait("Closed")["Reason"] == "cut"
    heard = queue.Queue()

    def whole(s):
        try:
            heard.put(s.recv(4))      # behind the handshake
            heard.put(s.read_all())
        except OSError as error:      # ssl.SSLError among them
            heard.put(error)
    e.app = whole
    c = connect(p.port)
    c.sendall(b"x" * 1000)
    p.wait("Opened", Connection=2)
    assert heard.get(timeout=DEADLINE) == b"xxxx"
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()                         # a reset
    assert isinstance(heard.get(timeout=DEADLINE), OSError)
    assert p.wait("Closed", Connection=2)["Reason"] == "client"
    p.stop()


@sentence
def without_a_yes_nothing_ever_listens():
    port = free_port()
    for reply, reason in ((documents(KEY, "--pcr", "2=" + "44" * 48), "pcr2"), (documents(OTHER), "in-the-middle"),
                          (documents(KEY, "--time", str(int(time.time()) - 400)), "too-old")):
        e = Live(KEY, reply, echo)
        p = Proxy(e.url, listen=f"127.0.0.1:{port}")
        (refused,) = p.end(1)
        assert refused["Event"] == "Refused" and refused["Verdict"]["Reason"] == reason, refused
        assert is_refused(port) and e.app_connections == 0
    gone = free_port()
    seen = Proxy(f"https://127.0.0.1:{gone}").end(5, f"selfsame: error: 127.0.0.1 port {gone}: Connection refused\n")
    assert seen == []


@sentence
def a_peer_with_another_key_gets_no_byte_and_ends_all():
    """Somebody takes the name over, and passes genuine documents on."""
    e = Live(KEY, documents(KEY), echo)
    p = Proxy(e.url).listening()
    old = connect(p.port)
    old.sendall(b"x")
    assert old.recv(1) == b"x"
    said = []
    e.app = lambda s: said.append(s.recv())
    e.use(OTHER)
    assert gets_nothing(p.port) and is_reset(old)
    seen = p.end(1)
    assert seen[-1]["Event"] == "Refused" and seen[-1]["Verdict"]["Reason"] == "in-the-middle", seen[-1]
    closed = {x["Connection"]: x["Reason"] for x in seen if x["Event"] == "Closed"}
    assert closed == {1: "unattested", 2: "key"}, closed
    assert is_refused(p.port) and b"secret" not in said


@sentence
def an_enclave_that_began_anew_is_gone_on_with_after_a_yes():
    e = Live(KEY, documents(KEY), echo)
    p = Proxy(e.url).listening()
    old = connect(p.port)
    old.sendall(b"x")
    assert old.recv(1) == b"x"
    e.answer = documents(OTHER)
    e.use(OTHER)
    assert gets_nothing(p.port)
    assert p.wait("Closed", Connection=2)["Reason"] == "key"
    assert p.wait("Attested")["NewKey"] is True
    assert is_reset(old)
    with connect(p.port) as c:
        c.sendall(b"y")
        assert c.recv(1) == b"y"
    p.stop()


@sentence
def an_endpoint_that_does_not_answer_any_more_ends_all_when_the_yes_is_old():
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as policy:
        policy.write("max_age = 8\n")
        policy.flush()
        worlds = []
        for limit in (("--max-age", "8"), ("--policy", policy.name)):     # the lesser of both, whichever it is
            e = Live(KEY, documents(KEY), echo)
            p = Proxy(e.url, *limit).listening()
            c = connect(p.port)
            p.wait("Opened")
            e.answer = lambda request: answer(b"", "503 Busy")
            e.use(OTHER)
            assert gets_nothing(p.port)       # so that it asks before three quarters of the time
            worlds.append((e, p, c))
    for e, p, c in worlds:
        why = f"127.0.0.1 port {e.port}: the endpoint answers with status 503: it is busy"
        assert p.wait("NotAnswered")["Message"] == why
        assert is_reset(c)
        seen = p.end(5, f"selfsame: error: no attestation in time: {why}\n")
        assert seen[-1] == {"Event": "Closed", "Connection": 1, "Reason": "unattested", "Sent": 0, "Received": 0}, seen
        assert is_refused(p.port)


@sentence
def a_document_that_is_too_old_ends_all():
    e = Live(KEY, documents(KEY), echo)
    p = Proxy(e.url, "--max-age", "300").listening()
    c = connect(p.port)
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    e.answer = documents(OTHER, "--time", str(int(time.time()) - 400))
    e.use(OTHER)
    assert gets_nothing(p.port) and is_reset(c)
    seen = p.end(1)
    assert seen[-1]["Verdict"]["Reason"] == "too-old", seen[-1]


@sentence
def a_signal_closes_the_port_and_lets_connections_end():
    e = Live(KEY, documents(KEY), echo)
    p = Proxy(e.url, "--grace", "3600").listening()
    c = connect(p.port)
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    p.p.send_signal(signal.SIGTERM)
    p.wait("Stopping")
    assert is_refused(p.port)
    c.sendall(b"y" * 100000)
    c.shutdown(socket.SHUT_WR)
    assert read_all(c) == b"y" * 100000
    seen = p.end(-signal.SIGTERM)
    assert seen[-1]["Reason"] == "done", seen
    p = Proxy(e.url, "--grace", "0").listening()
    c = connect(p.port)
    p.wait("Opened")
    p.p.send_signal(signal.SIGINT)
    seen = p.end(-signal.SIGINT)
    assert seen[-1]["Reason"] == "stopped" and is_reset(c), seen


@sentence
def what_is_said_to_people_has_the_whole_verdict_once():
    e = Live(KEY, documents(KEY), echo)
    words = [SELFSAME, "proxy", *IMAGE, "--instance", INSTANCE, "--root", MINTER.root, "--listen", "[::1]:0", e.url]
    p = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    lines = []
    while not lines or not lines[-1].startswith("listening on [::1]:"):
        lines.append(p.stdout.readline())
    assert lines[0].startswith("yes; root: NOT AWS ") and "identity:  PCR4 instance\n" in lines, lines
    p.send_signal(signal.SIGTERM)
    assert p.stdout.read() == "stopping\n" and p.wait(DEADLINE) == -signal.SIGTERM
    p.stdout.close()


@sentence
def a_port_that_somebody_has_is_status_4():
    e = Live(KEY, documents(KEY), echo)
    seen = Proxy(e.url, listen=f"127.0.0.1:{e.port}").end(4, f"selfsame: error: cannot listen on 127.0.0.1:{e.port}: Address already in use\n")
    assert [x["Event"] for x in seen] == ["Attested"]


def main():
    print(f"1..{len(TESTS)}")
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for i, (f, done) in enumerate([(f, pool.submit(f)) for f in TESTS]):
            try:
                done.result()
                print(f"ok {i + 1} - {f.__name__}", flush=True)
            except Exception as e:  # pylint: disable=broad-except
                bad += 1
                print(f"not ok {i + 1} - {f.__name__}")
                print("# " + "".join(traceback.format_exception(e)).replace("\n", "\n# "), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        KEY, OTHER = Key(folder, "peer"), Key(folder, "other")
        MINTER = Minter(MINT, folder)
        # The root is there before many ask for it, and is older than any document.
        MINTER.mint("00" * 32, KEY.spki, more=["--time", str(int(time.time()) - 7200)])
        rc = main()
        os.chdir("/")
    sys.exit(rc)
