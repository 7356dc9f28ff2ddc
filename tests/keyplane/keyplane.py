# SPDX-License-Identifier: Apache-2.0
"""keyplane under test: dataplane's side of it, clients and applications, written here once more, by
src/fmt/key_link.h and docs/formats/endpoint.md."""
import array
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

CONN, APP, NO_APP, CSR_ASK, CHAIN = 1, 2, 3, 4, 5
READY, WANT, OVER, CSR, CHAIN_SAID, SAY, COUNTS = 32, 33, 34, 35, 36, 37, 38
# What COUNTS holds, in its order.
COUNTED = ("shaken", "unshaken", "slow", "limit", "given", "late", "failed", "app-given", "app-late", "app-failed", "form", "sender",
           "path", "method", "taken", "size", "head", "busy", "secrets")
DONE, SERVED, REFUSED, BUSY, HANDSHAKE, CUT, IDLE, GONE = range(8)
HEAD = struct.Struct("=BBHIQQQ")
PATIENCE = 60


def until(f, what):
    end = time.monotonic() + PATIENCE
    while not f():
        assert time.monotonic() < end, what
        time.sleep(0.01)


class Plane:
    """keyplane-host and a dataplane that passes on whatever comes to `port`. With `app` (a function of the
    application's end) connections that are not for the service are given to it, in a thread each."""

    def __init__(self, program, root, *args, listeners=("attested",), app=None, local=True, secrets=()):
        self.app, self.said, self.lock, self.texts = app, [], threading.Lock(), []
        self.counts = {}
        self.wanted, self.over, self.generation, self.free = [], [], 0, list(range(4096))
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, "attest.sock")
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fds, words = [theirs], []
        if local:
            call = socket.socket(socket.AF_UNIX)
            call.bind(self.path)
            call.listen(128)
            call.setblocking(False)
            fds.append(call)
            words += ["--local", str(call.fileno())]
        self.init, init = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if secrets:
            fds.append(init)
            words += ["--init", str(init.fileno())]
        for x in secrets:
            words += ["--secret", x]
        for x in listeners:
            words += ["--listener", x]
        self.process = subprocess.Popen([program, "--link", str(theirs.fileno()), "--root", root, *words, *args],
                                        pass_fds=[f.fileno() for f in fds], stderr=subprocess.PIPE)
        for f in fds:
            f.close()
        init.close()
        self.init.settimeout(PATIENCE)
        self.ready = threading.Event()
        threading.Thread(target=self.listen_to_it, daemon=True).start()
        assert self.ready.wait(PATIENCE), "keyplane is not ready"
        self.calls, self.ports = [], []
        for i in range(len(listeners)):
            call = socket.create_server(("127.0.0.1", 0), backlog=512)
            self.calls.append(call)
            self.ports.append(call.getsockname()[1])
            threading.Thread(target=self.accept, args=(i, call), daemon=True).start()
        self.port = self.ports[0]
        self.url = f"https://127.0.0.1:{self.port}"

    def send(self, kind, ident=0, a=0, text=b"", fd=None):
        more = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
        self.link.sendmsg([HEAD.pack(kind, a, 0, len(text), ident, 0, 0) + text], more)

    def accept(self, listener, call):
        while True:
            try:
                s, _ = call.accept()
            except OSError:
                return
            with self.lock:
                self.generation += 1
                ident = self.generation << 32 | self.free.pop(0)
            with s:
                self.send(CONN, ident, listener, fd=s.fileno())

    def listen_to_it(self):
        while True:
            try:
                m = self.link.recv(65536)
            except OSError:
                return
            if not m:
                return
            kind, a, _, n, ident, n_in, n_out = HEAD.unpack(m[:HEAD.size])
            assert n == len(m) - HEAD.size
            if kind == READY:
                self.ready.set()
            elif kind == WANT:
                self.wanted.append(ident)
                self.give(ident)
            elif kind == OVER:
                with self.lock:
                    self.free.append(ident & 0xffffffff)
                self.over.append((a, n_in, n_out))
            elif kind == SAY:
                self.said.append(m[HEAD.size:].decode())
            elif kind == COUNTS:
                all_ = struct.unpack("=%dQ" % len(COUNTED), m[HEAD.size:])
                self.counts = {name: v for name, v in zip(COUNTED, all_) if v}
            else:
                self.texts.append((kind, a, m[HEAD.size:]))

    def give(self, ident):
        if self.app is None:
            self.send(NO_APP, ident)
            return
        server = socket.create_server(("127.0.0.1", 0))
        with socket.create_connection(server.getsockname()) as theirs:
            ours, _ = server.accept()
            server.close()
            threading.Thread(target=self.app, args=(ours,), daemon=True).start()
            self.send(APP, ident, fd=theirs.fileno())

    def over_with(self, why):
        """Waits until a connection was over for this reason; takes it off the list."""
        until(lambda: any(o[0] == why for o in self.over), f"no OVER {why}: {self.over}")
        o = next(o for o in self.over if o[0] == why)
        self.over.remove(o)
        return o

    def counted(self, **want):
        """Waits until just this was counted; names with `_` for `-`."""
        want = {k.replace("_", "-"): v for k, v in want.items()}
        until(lambda: self.counts == want, f"not {want}: {self.counts}")

    def answer_of(self, kind):
        until(lambda: any(t[0] == kind for t in self.texts), f"no message {kind}")
        t = next(t for t in self.texts if t[0] == kind)
        self.texts.remove(t)
        return t

    def local(self, request):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(self.path)
        with s:
            s.sendall(request)
            got = b""
            while more := s.recv(65536):
                got += more
        return got

    def came(self):
        """The next secret that init is told: (index, value)."""
        m = self.init.recv(1 << 17)
        index, n = struct.unpack("=II", m[:8])
        assert n == len(m) - 8
        return index, m[8:]

    def close(self):
        assert self.process.poll() is None, self.process.stderr.read()
        for c in self.calls:
            c.shutdown(socket.SHUT_RDWR)
            c.close()
        self.link.shutdown(socket.SHUT_RDWR)
        self.init.close()
        assert self.process.wait(PATIENCE) == 1
        said = self.process.stderr.read().decode()
        assert said == "keyplane: dataplane has ended\n", said


def client(port, alpn=(), cut_is_end=False):
    """A TLS connection, whoever the peer is."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if not cut_is_end:
        c.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if alpn:
        c.set_alpn_protocols(list(alpn))
    raw = socket.create_connection(("127.0.0.1", port))
    raw.settimeout(PATIENCE)
    return c.wrap_socket(raw, suppress_ragged_eofs=False)


def rest_of(s):
    got = b""
    while more := s.recv(65536):
        got += more
    return got


def ask(port, request, alpn=("selfsame/1",)):
    """(status, headers, body) of the answer, which must end in order."""
    with client(port, alpn) as s:
        s.sendall(request)
        whole = rest_of(s)
    head, _, body = whole.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    return int(line.split(" ")[1]), dict(h.split(": ", 1) for h in headers), body


def get(target, host="a"):
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
