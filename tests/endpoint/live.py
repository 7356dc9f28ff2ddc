# SPDX-License-Identifier: Apache-2.0
"""An endpoint with an application behind it: many connections at a time, each end of a stream on its
own; and what can happen to it while somebody watches."""
import socket
import ssl
import threading

from server import Endpoint


class Stream:
    """TLS whose two ways end one by one, which ssl.SSLSocket cannot."""

    def __init__(self, context, raw):
        self.raw, self.inb, self.outb = raw, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inb, self.outb, server_side=True)
        self.do(self.tls.do_handshake)

    def flush(self):
        if self.outb.pending:
            self.raw.sendall(self.outb.read())

    def do(self, f, *args):
        while True:
            try:
                r = f(*args)
                self.flush()
                return r
            except ssl.SSLWantReadError:
                self.flush()
                more = self.raw.recv(65536)
                if more:
                    self.inb.write(more)
                else:
                    self.inb.write_eof()

    def recv(self, n=65536):
        """b"" at a close_notify; ssl.SSLError where somebody cut it."""
        try:
            return self.do(self.tls.read, n)
        except ssl.SSLZeroReturnError:
            return b""

    def read_all(self):
        all_of_it = b""
        while more := self.recv():
            all_of_it += more
        return all_of_it

    def send(self, data):
        for i in range(0, len(data), 16384):
            self.do(self.tls.write, data[i:i + 16384])

    def end(self):
        """close_notify; more may come."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()


class Live(Endpoint):
    def __init__(self, key, reply, app):
        self.app, self.app_connections = app, 0
        super().__init__(key, reply)

    def use(self, key):
        """Another key from the next connection on."""
        other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        other.minimum_version = ssl.TLSVersion.TLSv1_3
        other.load_cert_chain(key.cert, key.key)
        other.set_alpn_protocols(["selfsame/1"])
        self.context = other

    def serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            raw.settimeout(100)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.one, args=(raw, self.context), daemon=True).start()

    def one(self, raw, context):
        try:
            s = Stream(context, raw)
            if s.tls.selected_alpn_protocol() is None:
                self.app_connections += 1
                self.app(s)
            else:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += s.recv()
                self.requests.append(request)
                s.send(self.answer(request))
                s.end()
        except (OSError, ssl.SSLError):
            pass
        finally:
            raw.close()


def echo(s):
    while data := s.recv():
        s.send(data)
    s.end()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=100)


def read_all(c):
    parts = []
    while more := c.recv(1 << 20):
        parts.append(more)
    return b"".join(parts)
