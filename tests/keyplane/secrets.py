#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: secrets.py KEYPLANE-HOST SELFSAME

Secrets on their way through keyplane: whom it takes them from, once, and what init is told. Clients are
`selfsame secrets send` and one in Python. Prints TAP.
"""
import hashlib
import os
import socket
import ssl
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "endpoint"), os.path.join(HERE, "..", "oracle")]
from attested import Document  # noqa: E402
from keyplane import CUT, HANDSHAKE, PATIENCE, REFUSED, SERVED, Plane, client, get, rest_of, until  # noqa: E402
from sentences import run_all  # noqa: E402
from server import Key  # noqa: E402

KEYPLANE, SELFSAME = (os.path.abspath(x) for x in sys.argv[1:3])
TESTS = []
PCRS = ["11" * 48, "22" * 48, "33" * 48]
NSM = [w for i in range(3) for w in ("--pcr", f"{i}={PCRS[i]}")] + ["--pcr16", "selfsame/1 nsm=0"]
ALPN = ["selfsame-secrets/1"]


def sentence(f):
    TESTS.append(f)
    return f


def plane(**how):
    mine, other = (hashlib.sha256(k.spki).hexdigest() for k in (SENDER, OTHER))
    return Plane(KEYPLANE, ROOT, *NSM, secrets=[f"A,{mine},env", f"b_2,{mine},file", f"C,{other},file", f"D,{mine},file"], **how)


def send(p, *words, key=None):
    key = key or SENDER
    r = subprocess.run([SELFSAME, "secrets", "send", *NSM[:6], "--root", os.path.join(ROOT, "root.pem"), "--any-operator", "--certificate",
                        key.cert, "--key", key.key, p.url, *words], capture_output=True, timeout=120)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def tls(p, key=None, alpn=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    c.set_alpn_protocols(alpn or ALPN)
    if key is not None:
        c.load_cert_chain(key.cert, key.key)
    raw = socket.create_connection(("127.0.0.1", p.port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what was sent is there before the next call connects
    raw.settimeout(PATIENCE)
    return c.wrap_socket(raw, suppress_ragged_eofs=False)


def put(name, value, length=None):
    return f"PUT /secrets/{name} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(value) if length is None else length}\r\n\r\n".encode() + value


def answer(s, body=False):
    """One answer: (status, headers, body)."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = s.recv(1)
        assert more, got
        got += more
    line, *headers = got[:-4].decode().split("\r\n")
    headers = dict(h.split(": ", 1) for h in headers)
    n = int(headers.get("Content-Length", 0))
    got = b""
    while body and len(got) < n:
        got += s.recv(n - len(got))
    return int(line.split(" ")[1]), headers, got


@sentence
def what_selfsame_sends_is_told_to_init_and_to_nobody_else():
    p = plane()
    rc, out, err = send(p, "A=text", "b_2=big", "D=nothing")
    assert (rc, err) == (0, "") and out.endswith("\nsent A\nsent b_2\nsent D\n"), (rc, out, err)
    assert [p.came() for _ in range(3)] == [(0, TEXT), (1, BIG), (3, b"")]
    p.over_with(SERVED)
    assert p.said == ["the secret A came", "the secret b_2 came", "the secret D came"], p.said
    p.close()


@sentence
def a_secret_is_taken_once():
    p = plane()
    assert send(p, "A=text")[0] == 0
    rc, out, err = send(p, "A=other")
    assert rc == 5 and err.endswith(": the enclave has 'A' since it began\n") and "sent" not in out, (rc, out, err)
    p.over_with(REFUSED)
    assert p.came() == (0, TEXT)
    p.init.setblocking(False)
    try:
        assert not p.init.recv(1), "something came"
    except BlockingIOError:
        pass
    p.close()


@sentence
def nobody_else_s_key_is_taken_for_a_name():
    p = plane()
    for key, name in ((STRANGER, "A"), (SENDER, "C"), (OTHER, "A"), (SENDER, "nowhere")):
        rc, _, err = send(p, f"{name}=text", key=key)
        assert rc == 5 and err.endswith(f": the enclave does not take '{name}' from this sender: its configuration names "
                                        "another, or no such secret\n"), (rc, err)
        p.over_with(REFUSED)
    assert send(p, "C=text", key=OTHER)[0] == 0 and p.came() == (2, TEXT)
    # The certificate's words do not count: anybody can write them. Only its key does.
    forged = Key(FOLDER, "sender2")
    assert send(p, "A=text", key=forged)[0] == 5
    assert p.said == ["the secret C came"]
    p.close()


@sentence
def who_shows_no_certificate_gets_nothing():
    p = plane()
    try:
        with tls(p) as s:  # TLS 1.3: the client learns of it when it reads
            s.sendall(put("A", b"x"))
            assert not s.recv(1), "an answer"
    except (ssl.SSLError, ConnectionResetError):
        pass
    p.over_with(HANDSHAKE)
    # And nowhere else is one asked for, or a secret taken.
    with tls(p, SENDER, ["selfsame/1"]) as s:
        s.sendall(put("A", b"x"))
        assert answer(s)[0] == 404
    with tls(p, SENDER, ["selfsame-secrets/1", "selfsame/1"]) as s:
        assert s.selected_alpn_protocol() == "selfsame/1"
    p.close()


@sentence
def offered_with_others_or_without_secrets_it_is_the_application_s():
    def app(s):
        s.sendall(b"app")
        s.close()
    p = plane(app=app)
    with tls(p, SENDER, ["selfsame-secrets/1", "h2"]) as s:
        assert s.selected_alpn_protocol() is None and rest_of(s) == b"app"
    p.close()
    p = Plane(KEYPLANE, ROOT, *NSM, app=app)
    with tls(p, SENDER) as s:
        assert s.selected_alpn_protocol() is None and rest_of(s) == b"app"
    p.close()


@sentence
def one_connection_has_a_document_and_many_secrets_in_any_pieces():
    p = plane()
    with tls(p, SENDER) as s:
        s.sendall(get("/attestation?nonce=" + "ab" * 32))
        status, headers, body = answer(s, True)
        assert status == 200 and "Connection" not in headers, headers
        assert Document(body)["nonce"] == b"\xab" * 32
        whole = put("b_2", BIG) + put("A", TEXT) + put("D", b"") + get("/attestation?nonce=" + "cd" * 32)
        for at in range(0, len(whole), 9000):
            s.sendall(whole[at:at + 9000])
        assert [answer(s)[0] for _ in range(3)] == [204] * 3
        assert Document(answer(s, True)[2])["nonce"] == b"\xcd" * 32
        s.unwrap()
    assert [p.came() for _ in range(3)] == [(1, BIG), (0, TEXT), (3, b"")]
    p.over_with(SERVED)
    p.close()


@sentence
def what_has_another_form_is_refused_and_the_connection_ends():
    p = plane()
    for status, request in (
            (400, put("1", b"x")), (400, put("", b"x")), (400, put("a/b", b"x")), (400, put("A?x=1", b"x")), (400, put("%41", b"x")),
            (400, put("A" * 65, b"x")), (400, b"PUT /secrets/A HTTP/1.1\r\nHost: a\r\n\r\n"), (400, put("A", b"a\0b")),
            (400, put("A", b"x").replace(b"1.1", b"1.0")), (400, get("/attestation?nonce=00")),
            (400, put("A", b"x").replace(b"Host: a", b"Host: a\r\nTransfer-Encoding: chunked")),
            (404, get("/")), (404, put("", b"").replace(b"/secrets/", b"/secrets")), (405, get("/secrets/A")),
            (405, put("A", b"x").replace(b"PUT", b"POST")), (413, put("b_2", b"", 65537)), (413, put("A", b"", 32769)),
            (413, put("nowhere", b"", 65537)), (403, put("nowhere", b"x" * 65536)), (431, put("A", b"").replace(b"Host", b"A: " + b"x" * 8192 + b"\r\nHost"))):
        with tls(p, SENDER) as s:
            s.sendall(request)
            got, headers, _ = answer(s)
            assert got == status and headers["Connection"] == "close", (got, status, request[:60])
            assert headers.get("Allow") == ("PUT" if status == 405 else None)
            assert rest_of(s) == b""
    assert send(p, "A=text", "b_2=big")[0] == 0, "nothing of that was taken"
    assert p.came() == (0, TEXT)
    p.close()


@sentence
def half_a_secret_is_none():
    p = plane()
    with tls(p, SENDER) as s:
        s.sendall(put("A", b"half", 8))
        try:
            s.unwrap()
        except (ssl.SSLError, ConnectionResetError):
            pass
    p.over_with(CUT)
    assert send(p, "A=text")[0] == 0 and p.came() == (0, TEXT)
    p.close()


@sentence
def four_are_received_at_a_time_and_only_from_who_is_named():
    p = plane()
    waiting = []
    for _ in range(4):
        s = tls(p, SENDER)
        s.sendall(put("D", b"half", 8))
        waiting.append(s)

    def full():
        with tls(p, SENDER) as s:
            s.sendall(put("b_2", b"x", 2))
            s.settimeout(0.5)
            try:
                return answer(s)[0] == 503
            except TimeoutError:
                return False
    until(full, "a fifth is taken")
    waiting[0].sendall(b"more")
    assert answer(waiting[0])[0] == 204 and p.came() == (3, b"halfmore")
    waiting[1].sendall(b"MORE")
    assert answer(waiting[1])[0] == 409
    for s in waiting:
        s.close()
    p.close()


@sentence
def while_init_hears_nothing_no_name_is_taken():
    p = plane()
    mine = hashlib.sha256(SENDER.spki).hexdigest()
    p.close()
    p = Plane(KEYPLANE, ROOT, *NSM, secrets=[f"S{i},{mine},file" for i in range(32)])
    statuses = []
    with tls(p, SENDER) as s:
        for i in range(32):
            s.sendall(put(f"S{i}", BIG))
            statuses.append(answer(s)[0])
            if statuses[-1] != 204:
                break
    assert statuses[-1] == 503 and set(statuses[:-1]) == {204}, statuses
    for i in range(len(statuses) - 1):
        assert p.came() == (i, BIG)
    assert send(p, f"S{len(statuses) - 1}=big")[0] == 0
    assert p.came() == (len(statuses) - 1, BIG)
    p.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = folder
        os.chdir(folder)
        ROOT = os.path.join(folder, "nsm")
        SENDER, OTHER, STRANGER = (Key(folder, x) for x in ("sender", "other", "stranger"))
        TEXT, BIG = b"token\n", os.urandom(65536)
        for name, value in (("text", TEXT), ("big", BIG), ("other", b"other"), ("nothing", b"")):
            with open(name, "wb") as f:
                f.write(value)
        rc = run_all(TESTS)
        os.chdir("/")
    sys.exit(rc)
