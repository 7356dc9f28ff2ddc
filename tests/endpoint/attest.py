#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: attest.py SELFSAME NSM-MINT

`selfsame attest` against an endpoint in Python. Prints TAP.
"""
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile

from server import Endpoint, Key, Minter, answer, nonce_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
from sentences import run_all  # noqa: E402

SELFSAME, MINT = (os.path.abspath(x) for x in sys.argv[1:3])
TESTS = []


def sentence(f):
    TESTS.append(f)
    return f


def attest(url, *args, status=0):
    p = subprocess.run([SELFSAME, "attest", url, *args], capture_output=True, timeout=120)
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    return p.stdout.decode(), p.stderr.decode()


def refuses(message, reply, **more):
    """The endpoint gives `reply`: status 5, the message, and no file."""
    e = Endpoint(KEY, lambda request: reply, **more)
    _, err = attest(e.url, "-o", "none.cbor", status=5)
    e.close()
    want = f"selfsame: error: 127.0.0.1 port {e.port}: {message}\n"
    assert err == want, (err, want)
    assert not os.path.exists("none.cbor")


@sentence
def a_document_is_stored_as_it_came_with_what_belongs_to_it():
    e = Endpoint(KEY, lambda request: answer(MINTER.mint(nonce_of(request), KEY.spki)))
    out, err = attest(e.url, "-o", "doc.cbor")
    e.close()
    assert err == "", err
    m = re.fullmatch(r"document   doc\.cbor\nnonce      ([0-9a-f]{64})\npublic_key ([0-9a-f]+)\n", out)
    assert m and m[2] == KEY.spki.hex(), out
    assert len(e.requests) == 1 and e.connections == 1
    assert nonce_of(e.requests[0]) == m[1]
    pcrs = [w for i in range(3) for w in ("--pcr", f"{i}=" + "00" * 48)]
    p = subprocess.run([SELFSAME, "verify", "--root", MINTER.root, "--allow-debug", *pcrs, "--nonce", m[1], "--public-key", m[2],
                        "doc.cbor"], capture_output=True)
    assert p.returncode == 0, p.stdout


@sentence
def every_nonce_is_another_and_json_says_the_same():
    e = Endpoint(KEY, lambda request: answer(b"\xd2"))
    said = [json.loads(attest(e.url, "--json")[0]) for _ in range(3)]
    e.close()
    assert len({s["Nonce"] for s in said}) == 3
    assert [s["Nonce"] for s in said] == [nonce_of(r) for r in e.requests]
    assert all(s["PublicKey"] == KEY.spki.hex() and s["Document"] == "attestation.cbor" for s in said)
    with open("attestation.cbor", "rb") as f:
        assert f.read() == b"\xd2"


@sentence
def an_answer_in_pieces_and_one_of_the_limit_are_read():
    body = bytes(range(256)) * 128
    e = Endpoint(KEY, lambda request: answer(body))
    attest(e.url, "-o", "big.cbor")
    e.close()
    with open("big.cbor", "rb") as f:
        assert f.read() == body


@sentence
def a_redirect_is_never_followed():
    other = Endpoint(KEY, lambda request: answer(b"\xd2"))
    for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
        refuses(f"the endpoint redirects (status {status[:3]}): another peer's document would say nothing of this one",
                answer(b"", status, more=f"Location: {other.url}/attestation\r\n"))
    assert other.connections == 0
    other.close()


@sentence
def what_is_no_document_is_refused():
    refuses("the endpoint answers with status 404", answer(b"", "404 Not Found"))
    refuses("the endpoint answers with status 503: it is busy", answer(b"", "503 Busy", more="Retry-After: 1\r\n"))
    refuses("the answer is not application/cbor", answer(b"\xd2", kind="text/html"))
    refuses("the answer is not application/cbor", answer(b"\xd2", kind=None))
    refuses("the answer is not of 1 to 32768 bytes", answer(b""))
    refuses("the answer is not of 1 to 32768 bytes", answer(b"", length=32769))
    refuses("the answer is not of 1 to 32768 bytes", b"HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\n\r\n\xd2")
    refuses("the answer ends at byte 1 of 2", answer(b"\xd2", length=2))
    refuses("the answer is longer than it says", answer(b"\xd2\x84", length=1))
    refuses("the answer ends within its head", b"HTTP/1.1 200 OK\r\n")
    refuses("HTTP: the answer is not of HTTP/1.1", b"HTTP/1.0 200 OK\r\n\r\n")
    refuses("HTTP: the head is longer than 8192 bytes", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 9000)
    refuses("HTTP: Content-Length comes twice", answer(b"\xd2", more="Content-Length: 1\r\n"))


@sentence
def a_peer_that_does_not_speak_it_is_no_endpoint():
    why = "no attested endpoint: the peer does not speak selfsame/1"
    refuses(why, b"", alpn=None)
    e = Endpoint(KEY, lambda request: b"", version=ssl.TLSVersion.TLSv1_2)
    _, err = attest(e.url, status=5)
    e.close()
    assert err.startswith(f"selfsame: error: 127.0.0.1 port {e.port}: TLS handshake: "), err


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        KEY = Key(folder, "peer")
        MINTER = Minter(MINT, folder)
        rc = run_all(TESTS)
        os.chdir("/")
    sys.exit(rc)
