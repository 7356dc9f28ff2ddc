# SPDX-License-Identifier: Apache-2.0
"""The recorder as a process, a client that speaks to it byte by byte, and a web server that a test
writes as a function. Used by the other files of this folder."""
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import tomllib
import traceback

TESTS = []
WAIT = 120  # seconds until a test gives up; nothing depends on how long a thing takes


def sentence(f):
    TESTS.append(f)
    return f


def main():
    sys.argv[1] = os.path.abspath(sys.argv[1])  # each sentence has a folder of its own
    bad = 0
    print(f"1..{len(TESTS)}")
    for i, f in enumerate(TESTS, 1):
        here = os.getcwd()
        with tempfile.TemporaryDirectory() as d:
            os.chdir(d)
            try:
                f()
                print(f"ok {i} - {f.__name__.replace('_', ' ')}", flush=True)
            except Exception:
                bad += 1
                print(f"not ok {i} - {f.__name__.replace('_', ' ')}")
                print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
            os.chdir(here)
    sys.exit(1 if bad else 0)


class Server:
    """answer(path, head, body, connection) returns the bytes of the answer; None closes."""
    ports = set()  # of all that there were: steps may ask them, unless a test says otherwise

    def __init__(self, answer):
        self.answer, self.seen = answer, []
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        Server.ports.add(self.port)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        f = c.makefile("rb")
        try:
            while True:
                first = f.readline()
                if not first:
                    break
                head = {}
                while (line := f.readline()) not in (b"\r\n", b""):
                    k, v = line.decode().split(":", 1)
                    head[k.lower()] = v.strip()
                body = f.read(int(head.get("content-length", 0)))
                method, path, _ = first.decode().split(" ")
                self.seen.append((method, path, head, body))
                out = self.answer(path, head, body, c)
                if out is None:
                    break
                c.sendall(out)
        except OSError:
            pass
        finally:
            c.close()

    def close(self):
        self.sock.close()


def ok(body, *fields, status="200 OK"):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
    return (head + "".join(f + "\r\n" for f in fields) + "\r\n").encode() + body


class Recorder:
    """`with Recorder("record") as r`: afterwards r.inputs is what it wrote, r.problems what it said."""

    def __init__(self, mode, store="store", file="inputs.toml", stall=WAIT, ca=None, led=None, env=None, before=(), local=None, fetch_missing=False):
        self.store, self.file = store, file
        listed = [f"127.0.0.1:{p}" for p in sorted(Server.ports)] if local is None else local
        env = {**(env or os.environ), "LOCAL": " ".join(listed), "FETCH_MISSING": "1" if fetch_missing else ""}
        more = [ca or "-"] + (["led"] + led if led is not None else []) if ca or led is not None else []
        self.process = subprocess.Popen([*before, sys.argv[1], store, mode, file, str(stall)] + more, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=open("problems", "w+b"), env=env)
        said = self.process.stdout.readline().split()
        assert said, open("problems").read()
        self.port = int(said[0])
        self.ns = f"/proc/{self.process.pid}/fd/{int(said[1])}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(WAIT) == 0, open("problems").read()
        self.process.stdout.close()
        self.problems = open("problems").read().splitlines()
        self.text = open(self.file).read()
        self.inputs = tomllib.loads(self.text).get("input", [])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)

    def raw(self, request, body=True):
        """The bytes of the answer to one request on a connection of its own."""
        with self.connect() as c:
            c.sendall(request)
            return read_answer(c.makefile("rb"), body)

    def ask(self, url, *fields, method="GET", body=b""):
        head = f"{method} {url} HTTP/1.1\r\nHost: ignored\r\n" + "".join(f + "\r\n" for f in fields)
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        return self.raw(head.encode() + b"\r\n" + body, method != "HEAD")

    def get(self, url, *fields, **more):
        head, body = self.ask(url, *fields, **more)
        return int(head.split(b" ")[1]), body


def read_answer(f, body=True):
    """Head and body; a body that is cut off is an error."""
    head = b""
    while (line := f.readline()) not in (b"\r\n", b""):
        head += line
    assert head, "the connection was closed without an answer"
    fields = dict(line.lower().split(b": ", 1) for line in head.strip().split(b"\r\n")[1:])
    n = int(fields.get(b"content-length", 0)) if body else 0
    data = f.read(n)
    if len(data) != n:
        raise EOFError(f"{len(data)} of {n} bytes")
    return head, data


def sha256(b):
    return hashlib.sha256(b).hexdigest()


def objects(store="store"):
    """Every object of the store, checked against its name; nothing else may be there."""
    found = {}
    for d, _, files in os.walk(store):
        for name in files:
            path = os.path.join(d, name)
            if path == os.path.join(store, "lock"):
                continue
            data = open(path, "rb").read()
            assert sha256(data) == name, path
            found[name] = data
    return found
