# SPDX-License-Identifier: Apache-2.0
"""An attested endpoint in Python, for its clients' tests: TLS 1.3, a key on P-256, documents by
nsm-mint. It answers as the format says, or with exactly one thing wrong (class Endpoint, `wrong`)."""
import hashlib
import os
import socket
import ssl
import subprocess
import threading

DOMAIN = b"selfsame/1 endpoint\0"
APP = b"selfsame/1 app\0"


def openssl(*args, **more):
    return subprocess.run(["openssl", *args], check=True, capture_output=True, **more).stdout


class Key:
    """A private key and its self-signed certificate."""

    def __init__(self, folder, name, *more):
        self.key, self.cert = (os.path.join(folder, f"{name}.{x}") for x in ("key", "pem"))
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=selfsame test", "-keyout", self.key, "-out", self.cert, *more)
        self.spki = openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")


class Endpoint:
    """Listens on 127.0.0.1 until close(); `answer(request)` gives the bytes of the answer."""

    def __init__(self, key, answer, alpn=("selfsame/1",), version=ssl.TLSVersion.TLSv1_3, silent=False):
        self.answer, self.silent, self.requests, self.connections = answer, silent, [], 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = self.context.maximum_version = version
        self.context.load_cert_chain(key.cert, key.key)
        if alpn:
            self.context.set_alpn_protocols(list(alpn))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            raw.settimeout(20)
            try:
                self.talk(raw)
            except (OSError, ssl.SSLError):
                pass
            raw.close()

    def talk(self, raw):
        with self.context.wrap_socket(raw, server_side=True) as s:
            request = b""
            while b"\r\n\r\n" not in request:
                more = s.recv(4096)
                if not more:
                    return
                request += more
            self.requests.append(request)
            s.sendall(self.answer(request))
            if not self.silent:
                s.unwrap()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def nonce_of(request):
    """The nonce of a request that is what the format says, else None."""
    line, *headers = request.split(b"\r\n")
    words = line.split(b" ")
    begin = b"/attestation?nonce="
    if len(words) != 3 or words[0] != b"GET" or words[2] != b"HTTP/1.1" or not words[1].startswith(begin):
        return None
    text = words[1][len(begin):].decode()
    hosts = [h for h in headers if h.lower().startswith(b"host:")]
    return text if len(text) == 64 and set(text) <= set("0123456789abcdef") and len(hosts) == 1 else None


def answer(body, status="200 OK", kind="application/cbor", length=None, more=""):
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n" if kind else f"HTTP/1.1 {status}\r\n"
    head += f"Content-Length: {len(body) if length is None else length}\r\n{more}Connection: close\r\n\r\n"
    return head.encode() + body


class Minter:
    """Documents of a root of the test's own, made anew."""

    def __init__(self, program, folder):
        self.program, self.folder = program, os.path.join(folder, "nsm")
        self.root = os.path.join(self.folder, "root.pem")

    def mint(self, nonce, spki, user_data=None, extend="selfsame/1 nsm=0", more=()):
        user_data = DOMAIN + hashlib.sha256(spki).digest() if user_data is None else user_data
        args = ["--nonce", nonce, "--public-key", spki.hex(), "--user-data", user_data.hex(), *more]
        if extend is not None:
            args += ["--extend", "16=" + extend.encode().hex()]
        return subprocess.run([self.program, "--root", self.folder, *args], check=True, capture_output=True).stdout
