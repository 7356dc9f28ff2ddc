#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: secure.py RECORDER

https through CONNECT, judged by Python, curl and openssl. Prints TAP.
"""
import hashlib
import socket
import ssl
import struct
import subprocess

from proxied import WAIT, Recorder, Server, main, objects, ok, read_answer, sentence, sha256


class Secure(Server):
    """A web server with a certificate of its own for 127.0.0.1: server.pem."""

    def __init__(self, answer):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        "server.key", "-out", "server.pem", "-subj", "/CN=t", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-days", "3650"], check=True, capture_output=True, timeout=WAIT)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain("server.pem", "server.key")
        super().__init__(answer)
        self.url = f"https://127.0.0.1:{self.port}"

    def serve(self, c):
        try:
            c = self.tls.wrap_socket(c, server_side=True)
        except (ssl.SSLError, OSError):
            return
        super().serve(c)


def tunnel(r, where):
    c = r.connect()
    c.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = c.recv(1)
        if not byte:
            break
        answer += byte
    return c, answer


def over_tls(r, where, host, *paths):
    c, answer = tunnel(r, where)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    x = ssl.create_default_context(cafile="inputs.toml.pem")
    x.set_alpn_protocols(["h2", "http/1.1"])
    with x.wrap_socket(c, server_hostname=host) as t:
        assert t.selected_alpn_protocol() == "http/1.1"
        f = t.makefile("rb")
        got = []
        for path in paths:
            t.sendall(f"GET {path} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
            got.append(read_answer(f))
        return got


@sentence
def https_is_recorded_and_played_without_the_server():
    s = Secure(lambda path, *_: ok(path[:2].encode() * 10000, "Content-Type: a/b"))
    with Recorder("record", ca="server.pem") as r:
        first = over_tls(r, f"127.0.0.1:{s.port}", "127.0.0.1", "/a", "/b?token=secret-12345", "/a")
    assert r.problems == [], r.problems
    s.close()
    with Recorder("play") as p:
        second = over_tls(p, f"127.0.0.1:{s.port}", "127.0.0.1", "/a", "/b?token=secret-12345", "/a")
    assert first == second and first[0][1] == b"/a" * 10000
    assert [i["url"] for i in r.inputs] == [s.url + "/a", s.url + "/b?token=redacted"], r.inputs
    assert "secret-12345" not in r.text and len(objects()) == 2


@sentence
def curl_works_through_it():
    s = Secure(lambda path, *_: ok(b"x" * 3000000))
    def curl(r):
        p = subprocess.run(["curl", "-sS", "-x", f"http://127.0.0.1:{r.port}", "--cacert", "inputs.toml.pem", s.url + "/f"],
                           capture_output=True, timeout=WAIT)
        assert p.returncode == 0, p.stderr
        return p.stdout
    with Recorder("record", ca="server.pem") as r:
        first = curl(r)
    s.close()
    with Recorder("play") as p:
        second = curl(p)
    assert first == second == b"x" * 3000000, (first[:200], second[:200], r.problems, p.problems)


@sentence
def a_server_with_a_bad_certificate_is_not_believed():
    s = Secure(lambda *_: ok(b"x"))
    with Recorder("record") as r:
        [(head, body)] = over_tls(r, f"127.0.0.1:{s.port}", "127.0.0.1", "/a")
    assert b" 502 " in head.split(b"\r\n")[0] and b"certificate" in body.lower(), body
    assert r.inputs == [] and objects() == {}


@sentence
def the_certificate_is_for_the_host_that_was_asked_for_and_for_all_times():
    with Recorder("record") as r:
        for host in ("deb.example.org", "127.0.0.1", "::1"):
            where = f"[{host}]:443" if ":" in host else f"{host}:443"
            c, answer = tunnel(r, where)
            x = ssl.create_default_context(cafile="inputs.toml.pem")
            with x.wrap_socket(c, server_hostname=host) as t:
                der = t.getpeercert(binary_form=True)
        open("leaf.pem", "w").write(ssl.DER_cert_to_PEM_cert(der))
        for when in ("0", "4102444798"):
            p = subprocess.run(["openssl", "verify", "-attime", when, "-CAfile", "inputs.toml.pem", "-purpose", "sslserver",
                                "-x509_strict", "leaf.pem"], capture_output=True, timeout=WAIT)
            assert p.returncode == 0, p.stderr
        c, answer = tunnel(r, "deb.example.org:443")
        x = ssl.create_default_context(cafile="inputs.toml.pem")
        try:
            x.wrap_socket(c, server_hostname="other.example.org")
            assert False, "a certificate for another host was taken"
        except ssl.SSLCertVerificationError:
            pass


@sentence
def steps_that_break_the_handshake_are_let_go():
    s = Secure(lambda *_: ok(b"good"))
    with Recorder("record", ca="server.pem") as r:
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"a" * 100, b""):
            c, answer = tunnel(r, "h:443")
            try:
                c.sendall(data)
                c.shutdown(socket.SHUT_WR)
                while c.recv(4096):
                    pass
            except ConnectionError:
                pass
            c.close()
        for where in ("h/x:443", "u@h:443", "h h", ""):
            with r.connect() as c:
                c.sendall(f"CONNECT {where} HTTP/1.1\r\n\r\n".encode())
                assert not c.recv(100).startswith(b"HTTP/1.1 200"), where
        [(_, body)] = over_tls(r, f"127.0.0.1:{s.port}", "127.0.0.1", "/")
        assert body == b"good"
    assert len(r.inputs) == 1 and r.inputs[0]["sha256"] == sha256(b"good")


@sentence
def the_trust_store_for_java_holds_the_same_certificate():
    """Read by the format's own rules (JKS, version 2), its digest included."""
    with Recorder("record"):
        pem, data = open("inputs.toml.pem").read(), open("inputs.toml.jks", "rb").read()
    der = ssl.PEM_cert_to_DER_cert(pem)
    def utf(s):
        return struct.pack(">H", len(s)) + s
    body = struct.pack(">IIII", 0xfeedfeed, 2, 1, 2) + utf(b"selfsame") + bytes(8) + utf(b"X.509") + struct.pack(">I", len(der)) + der
    assert data[:-20] == body
    assert data[-20:] == hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + body).digest()


main()
