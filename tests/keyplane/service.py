#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: service.py KEYPLANE-HOST SELFSAME

The attestation service of keyplane: documents over TLS and over the application's socket, as a client
in Python, `selfsame verify` and the openssl program see them. Prints TAP.
"""
import hashlib
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "endpoint"), os.path.join(HERE, "..", "oracle")]
from keyplane import BUSY, HANDSHAKE, REFUSED, SERVED, Plane, ask, client, get, rest_of  # noqa: E402
from attested import Document  # noqa: E402
from sentences import run_all  # noqa: E402
from server import APP as APP_DOMAIN, DOMAIN, Endpoint, Key, answer, nonce_of  # noqa: E402

KEYPLANE, SELFSAME = (os.path.abspath(x) for x in sys.argv[1:3])
TESTS = []
PCRS = ["11" * 48, "22" * 48, "33" * 48]
NSM = [w for i in range(3) for w in ("--pcr", f"{i}={PCRS[i]}")] + ["--pcr16", "selfsame/1 nsm=0"]
NONCE = "ab" * 32


def sentence(f):
    TESTS.append(f)
    return f


def plane(*args, **how):
    return Plane(KEYPLANE, ROOT, *NSM, *args, **how)


def verify(url, *args, env=None):
    p = subprocess.run([SELFSAME, "verify", *NSM[:6], "--root", os.path.join(ROOT, "root.pem"), *args, url], capture_output=True,
                       env={**os.environ, "SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null", **(env or {})}, timeout=120)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def openssl(*args, status=0, **more):
    p = subprocess.run(["openssl", *args], capture_output=True, timeout=120, **more)
    assert status is None or p.returncode == status, p.stderr
    return p.stdout.decode(errors="replace") + p.stderr.decode(errors="replace")


def spki_of(port):
    with client(port, ["selfsame/1"]) as s:
        der = s.getpeercert(binary_form=True)
    pem = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-pubkey"], input=der, capture_output=True, check=True).stdout
    return subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, capture_output=True, check=True).stdout


@sentence
def selfsame_verify_says_yes():
    p = plane()
    rc, out, err = verify(p.url, "--any-operator")
    assert rc == 0 and out.startswith("yes, this code, unknown operator; root: NOT AWS "), (out, err)
    assert p.over_with(SERVED) == (SERVED, 0, 0)
    rc, out, _ = verify(p.url)
    assert rc == 1 and out.startswith("no: operator: "), out
    rc, out, _ = verify(p.url, "--any-operator", "--pcr", "2=" + "44" * 48)
    assert rc in (1, 2), out
    p.close()


@sentence
def a_document_binds_the_key_of_its_connection_and_the_nonce():
    p = plane()
    spki = spki_of(p.port)
    for nonce in (NONCE, "00" * 32):
        status, headers, body = ask(p.port, get(f"/attestation?nonce={nonce}"))
        assert status == 200 and headers["Content-Type"] == "application/cbor" and headers["Cache-Control"] == "no-store", headers
        d = Document(body)
        d.verify(os.path.join(ROOT, "root.pem"))
        f = d.fields
        assert f["nonce"] == bytes.fromhex(nonce) and f["public_key"] == spki
        assert f["user_data"] == DOMAIN + hashlib.sha256(spki).digest()
        assert f["pcrs"][16] == hashlib.sha384(bytes(48) + b"selfsame/1 nsm=0").digest()
    p.close()
    q = plane()
    assert spki_of(q.port) != spki, "every start has a key of its own"
    q.close()


@sentence
def what_is_no_request_is_refused():
    p = plane()
    good = get("/attestation?nonce=" + NONCE)
    for status, request in (
            (404, get("/")), (404, get("/attestation/")), (404, get("/.well-known/selfsame/attestation?nonce=" + NONCE)),
            (404, get("/certificate")), (405, good.replace(b"GET", b"POST")), (405, good.replace(b"GET", b"HEAD")),
            (400, get("/attestation")), (400, get("/attestation?nonce=" + NONCE[2:])), (400, get("/attestation?nonce=" + NONCE.upper())),
            (400, get("/attestation?nonce=" + NONCE + "&nonce=" + NONCE)), (400, get("/attestation?nonce=" + NONCE + "&public_key=00")),
            (400, get("/attestation?nonce=" + NONCE + "&user_data=00")), (400, good.replace(b"1.1", b"1.0")),
            (400, good.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\nx")), (400, good.replace(b"Host: a", b"A: a")),
            (400, good.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")), (400, b"\x16\x03\x01\r\n\r\n"),
            (400, good.replace(b"\r\n\r\n", b"\r\nUpgrade: x\r\n\r\n")),
            (431, good[:-2] + b"A: " + b"x" * 8200)):
        got, headers, body = ask(p.port, request)
        assert (got, body) == (status, b""), (got, status, request[:80])
        assert headers["Connection"] == "close" and headers.get("Allow") == ("GET" if status == 405 else None)
        p.over_with(REFUSED)
    assert ask(p.port, good)[0] == 200
    p.close()


@sentence
def the_path_answers_where_http_was_measured_and_only_there():
    seen = []

    def app(s):
        seen.append(rest_of(s))
        s.close()
    p = plane(listeners=("http", "attested"), app=app)
    target = "/.well-known/selfsame/attestation"
    for alpn in ((), ("http/1.1",)):
        status, _, body = ask(p.port, get(f"{target}?nonce={NONCE}"), alpn)
        assert status == 200 and Document(body).fields["nonce"] == bytes.fromhex(NONCE)
    assert ask(p.port, get(target + "?nonce=00"), ())[0] == 400
    assert ask(p.port, get(target), ())[0] == 400
    assert not p.wanted
    others = (get("/"), get(target + "s"), get(target[:-1] + " "), b"GET /.well", b"POST " + target.encode(), b"\0", b"",
              get(target + "?nonce=" + NONCE)[:-2] + b"A: " + b"x" * 9000 + b"\r\n\r\n")
    for bytes_ in others:
        with client(p.port) as s:
            s.sendall(bytes_)
            s.unwrap()
    with client(p.ports[1]) as s:
        s.sendall(get(target + "?nonce=" + NONCE))
        s.unwrap()
    from keyplane import until
    until(lambda: len(seen) == len(others) + 1, seen)
    assert sorted(seen) == sorted([*others, get(target + "?nonce=" + NONCE)])
    p.close()


@sentence
def the_application_gets_documents_of_its_own_domain():
    p = plane()
    key = Key(FOLDER, "app")
    for user_data in (b"", b"x", DOMAIN + hashlib.sha256(key.spki).digest(), bytes(1024)):
        text = p.local(get(f"/attestation?nonce=00&user_data={user_data.hex()}&public_key={key.spki.hex()}"))
        head, _, body = text.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
        f = Document(body).fields
        assert f["user_data"] == APP_DOMAIN + hashlib.sha256(user_data).digest()
        assert f["nonce"] == b"\0" and f["public_key"] == key.spki
    f = Document(p.local(get("/attestation")).partition(b"\r\n\r\n")[2]).fields
    assert f["nonce"] is None and f["public_key"] is None and f["user_data"] == APP_DOMAIN + hashlib.sha256(b"").digest()
    for status, request in ((404, get("/")), (405, b"PUT /attestation HTTP/1.1\r\nHost: a\r\n\r\n"), (400, get("/attestation?a=00")),
                            (400, get("/attestation?nonce=0")), (400, get("/certificate?a=b")), (400, b"x\r\n\r\n"),
                            (431, b"GET / HTTP/1.1\r\nA: " + b"x" * 8200)):
        assert p.local(request).startswith(b"HTTP/1.1 %d " % status), request[:40]
    p.close()


@sentence
def a_document_of_the_application_is_no_endpoint_s():
    p = plane()
    key = Key(FOLDER, "evil")
    user_data = (DOMAIN + hashlib.sha256(key.spki).digest()).hex()

    def reply(request):
        text = p.local(get(f"/attestation?nonce={nonce_of(request)}&user_data={user_data}&public_key={key.spki.hex()}"))
        return answer(text.partition(b"\r\n\r\n")[2])
    e = Endpoint(key, reply)
    rc, out, _ = verify(e.url, "--any-operator")
    assert rc == 1 and out.startswith("no: endpoint-domain: the application asked for this document"), out
    e.close()
    p.close()


@sentence
def only_users_of_the_application_are_served_locally():
    p = plane("--least-uid", str(os.getuid() + 1))
    try:
        assert p.local(get("/attestation")) == b""
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert ask(p.port, get("/attestation?nonce=" + NONCE))[0] == 200
    p.close()


@sentence
def nobody_waits_longer_than_five_seconds_for_a_document():
    p = plane("--slow", "1000")
    got = []

    def one():
        got.append(ask(p.port, get("/attestation?nonce=" + NONCE))[:2])
    threads = [threading.Thread(target=one) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {s for s, _ in got} == {200, 503}, got
    assert all(h["Retry-After"] == "1" for s, h in got if s == 503)
    p.over_with(BUSY)
    p.close()


@sentence
def only_tls_1_3_without_tickets_and_early_data():
    p = plane()
    text = openssl("s_client", "-connect", f"127.0.0.1:{p.port}", "-alpn", "selfsame/1", "-brief", stdin=subprocess.DEVNULL, status=None)
    assert "Protocol version: TLSv1.3" in text, text
    text = openssl("s_client", "-connect", f"127.0.0.1:{p.port}", "-alpn", "selfsame/1", "-sess_out", os.path.join(FOLDER, "session"),
                   input=get("/attestation?nonce=" + NONCE), status=None)
    assert "ALPN protocol: selfsame/1" in text and "New Session Ticket" not in text and "Early data was not sent" in text, text
    assert not os.path.exists(os.path.join(FOLDER, "session"))
    text = openssl("s_client", "-connect", f"127.0.0.1:{p.port}", "-tls1_2", stdin=subprocess.DEVNULL, status=None)
    assert "alert protocol version" in text, text
    p.over_with(HANDSHAKE)
    for suite, known in (("TLS_AES_128_GCM_SHA256", True), ("TLS_AES_256_GCM_SHA384", True), ("TLS_CHACHA20_POLY1305_SHA256", True),
                         ("TLS_AES_128_CCM_SHA256", False)):
        text = openssl("s_client", "-connect", f"127.0.0.1:{p.port}", "-ciphersuites", suite, "-brief", "-alpn", "selfsame/1",
                       stdin=subprocess.DEVNULL, status=None)
        assert (f"Ciphersuite: {suite}" in text) == known, text
    p.close()


@sentence
def its_certificate_says_that_it_is_its_own():
    p = plane()
    pem = ssl.get_server_certificate(("127.0.0.1", p.port))
    text = openssl("x509", "-noout", "-subject", "-issuer", "-dates", "-nameopt", "RFC2253", input=pem.encode())
    assert text.splitlines()[:2] == ["subject=CN=selfsame enclave\\, self-signed", "issuer=CN=selfsame enclave\\, self-signed"], text
    assert "notBefore=Jan  1 00:00:00 2020 GMT" in text and "notAfter=Dec 31 23:59:59 9999 GMT" in text, text
    head, _, body = p.local(get("/certificate")).partition(b"\r\n\r\n")
    assert body.decode() == pem and f'ETag: "{hashlib.sha256(spki_of(p.port)).hexdigest()}"'.encode() in head, head
    p.close()


def names(*all_):
    return bytes([len(all_)]) + b"".join(bytes([len(n)]) + n.encode() for n in all_)


@sentence
def a_request_for_a_certificate_has_the_key_and_the_names():
    from keyplane import CSR, CSR_ASK
    p = plane()
    p.send(CSR_ASK, text=names("app.example.com", "*.example.org"))
    der = p.answer_of(CSR)[2]
    path = os.path.join(FOLDER, "csr")
    with open(path, "wb") as f:
        f.write(der)
    text = openssl("req", "-in", path, "-inform", "DER", "-noout", "-verify", "-text")
    assert "DNS:app.example.com, DNS:*.example.org" in text and "ecdsa-with-SHA256" in text, text
    pub = subprocess.run(["openssl", "req", "-in", path, "-inform", "DER", "-noout", "-pubkey"], capture_output=True, check=True).stdout
    assert subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pub, capture_output=True, check=True).stdout == spki_of(p.port)
    for bad in (b"", names(), names("a b"), names("*"), names("a.*.b"), names("a") + b"x", names("a")[:-1], names("1.2.3.4"),
                names(*["a.example"] * 17), names("x" * 64 + ".example")):
        p.send(CSR_ASK, text=bad)
        assert p.answer_of(CSR)[2] == b"", bad
    p.close()


def certificate(csr, ca, *more):
    """The chain, DER, of a CA of ours for this request."""
    out = os.path.join(FOLDER, "leaf.pem")
    ext = os.path.join(FOLDER, "ext")
    with open(ext, "w", encoding="ascii") as f:
        f.write("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", csr, "-inform", "DER", "-CA", ca.cert, "-CAkey", ca.key, "-CAcreateserial", "-days", "2",
            "-extfile", ext, "-out", out, *more)
    der = b""
    for path in (out, ca.cert):
        der += subprocess.run(["openssl", "x509", "-in", path, "-outform", "DER"], capture_output=True, check=True).stdout
    return der


@sentence
def a_chain_for_the_key_is_served_and_no_other():
    from keyplane import CHAIN, CHAIN_SAID, CSR, CSR_ASK
    p = plane()
    ca = Key(FOLDER, "ca", "-addext", "basicConstraints=critical,CA:TRUE")
    before = ssl.get_server_certificate(("127.0.0.1", p.port))

    def hand_in(*parts):
        for at, total, part in parts:
            p.send(CHAIN, text=struct.pack(">II", at, total) + part)
            said = p.answer_of(CHAIN_SAID)[1]
            if said != 5:  # the next part, please
                break
        return said

    def whole(der):
        return hand_in(*((i, len(der), der[i:i + 8192]) for i in range(0, len(der), 8192)))
    p.send(CSR_ASK, text=names("a.example"))
    csr = os.path.join(FOLDER, "chain.csr")
    with open(csr, "wb") as f:
        f.write(p.answer_of(CSR)[2])
    good = certificate(csr, ca)
    other = subprocess.run(["openssl", "x509", "-in", ca.cert, "-outform", "DER"], capture_output=True, check=True).stdout
    assert whole(other) == 2 and whole(other + good) == 2
    assert whole(b"\x30\x03\x02\x01\x01") == 1 and whole(good[:-1]) == 1 and whole(good + b"\0") == 1
    assert whole(good + other * 8) == 3 and hand_in((0, 16385, b"x")) == 3
    assert hand_in((1, 10, b"x")) == 4 and hand_in((0, 1, b"xx")) == 4 and hand_in((0, 9, b"x"), (2, 9, b"x")) == 4
    assert hand_in((0, 1, b"")) == 1
    assert ssl.get_server_certificate(("127.0.0.1", p.port)) == before
    with client(p.port, ["selfsame/1"]) as old:
        assert hand_in((0, len(good), good[:100]), (100, len(good), good[100:])) == 0
        old.sendall(get("/attestation?nonce=" + NONCE))
        assert b"200 OK" in rest_of(old)
    assert ssl.get_server_certificate(("127.0.0.1", p.port)) != before
    rc, out, _ = verify(p.url, env={"SSL_CERT_FILE": ca.cert})
    assert rc == 0 and "\nidentity:  WebPKI name 127.0.0.1, by roots that the environment names\n" in out, out
    assert p.local(get("/certificate")).count(b"BEGIN CERTIFICATE") == 2
    assert any(re.search("a certificate chain of [0-9]+ bytes is served", s) for s in p.said), p.said
    p.close()


@sentence
def clients_that_stall_leave_room_and_are_bounded():
    p = plane("--memory", "1")  # 64 connections, 16 handshakes
    stalled = [socket.create_connection(("127.0.0.1", p.port)) for _ in range(24)]
    for _ in range(8):
        p.over_with(BUSY)
    for s in stalled:
        s.close()
    for _ in range(16):
        p.over_with(HANDSHAKE)
    assert ask(p.port, get("/attestation?nonce=" + NONCE))[0] == 200
    p.close()


@sentence
def no_bytes_of_a_client_stop_it():
    p = plane(listeners=("http",))
    hello = hello_of()
    cases = [hello[:n] for n in range(0, len(hello), 7)] + [b"\x16\x03\x01\xff\xff" + bytes(65535), bytes(100), b"GET / HTTP/1.1\r\n\r\n"]
    cases += [hello[:n] + bytes([hello[n] ^ 0x55]) + hello[n + 1:] for n in range(0, len(hello), 11)]
    for case in cases:
        with socket.create_connection(("127.0.0.1", p.port)) as s:
            s.sendall(case)
    assert ask(p.port, get("/attestation?nonce=" + NONCE))[0] == 200
    p.close()


def hello_of():
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    try:
        c.wrap_bio(a, b).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return b.read()


@sentence
def what_is_asked_and_refused_is_counted():
    p = plane()
    assert ask(p.port, get("/attestation?nonce=" + NONCE))[0] == 200
    p.counted(shaken=1, given=1)
    for request, status in ((get("/attestation"), 400), (get("/other"), 404), (b"PUT /attestation HTTP/1.1\r\nHost: a\r\n\r\n", 405),
                            (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 4000, 431)):
        assert ask(p.port, request)[0] == status, request[:40]
    p.counted(shaken=5, given=1, form=1, path=1, method=1, head=1)
    with socket.create_connection(("127.0.0.1", p.port)) as s:
        s.sendall(b"no TLS at all" * 100)
        p.counted(shaken=5, unshaken=1, given=1, form=1, path=1, method=1, head=1)
    assert p.local(get("/attestation")).startswith(b"HTTP/1.1 200 ") and p.local(get("/x")).startswith(b"HTTP/1.1 404 ")
    p.counted(shaken=5, unshaken=1, given=1, form=1, path=2, method=1, head=1, app_given=1)
    p.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as FOLDER:
        ROOT = os.path.join(FOLDER, "nsm")
        rc = run_all(TESTS)
    sys.exit(rc)
