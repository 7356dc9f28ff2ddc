#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: kms.py KEYPLANE-HOST

The recipient of AWS KMS on the application's socket: documents with a key to encrypt to, and messages of
our own in KMS's form, unwrapped by it. Prints TAP.
"""
import hashlib
import os
import signal
import socket
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "oracle")]
from attested import Document  # noqa: E402
from keyplane import Plane, ask, get, until  # noqa: E402
from recipient import Form, message, openssl  # noqa: E402
from sentences import run_all  # noqa: E402

KEYPLANE = os.path.abspath(sys.argv[1])
TESTS = []
APP_DOMAIN = b"selfsame/1 app\0"


def sentence(f):
    TESTS.append(f)
    return f


class Key:
    """What /recipient gave: the document's fields, the id, the key as a file."""

    def __init__(self, p, query=""):
        head, _, body = p.local(get("/recipient" + query)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\n"), head
        self.id = head.partition(b"\r\nSelfsame-Key: ")[2][:64].decode()
        self.document = Document(body)
        self.spki = self.document["public_key"]
        assert self.id == hashlib.sha256(self.spki).hexdigest()
        self.pem = os.path.join(os.getcwd(), self.id)
        openssl("pkey", "-pubin", "-inform", "DER", "-out", self.pem, data=self.spki)


def post(p, key, body, length=None):
    head = f"POST /recipient?key={key} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return split(p.local(head.encode() + body))


def split(whole):
    head, _, body = whole.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


@sentence
def what_is_encrypted_to_the_key_of_a_document_comes_back_plain():
    p = Plane(KEYPLANE, ROOT)
    k = Key(p, "?user_data=616263&nonce=00ff")
    k.document.verify(os.path.join(ROOT, "root.pem"))
    assert k.document["user_data"] == APP_DOMAIN + hashlib.sha256(b"abc").digest() and k.document["nonce"] == b"\0\xff"
    for plain in (b"", b"plain", bytes(range(256)) * 24):
        for form in (Form(), Form(indefinite=True, piece=1000)):
            assert post(p, k.id, message(k, plain, form)) == (200, plain)
    p.close()


@sentence
def a_message_for_another_key_or_of_another_form_is_refused_alike():
    p = Plane(KEYPLANE, ROOT)
    k, other = Key(p), Key(p)
    good = message(k, b"plain")
    for body in (message(other, b"plain"), good[:-1] + bytes([good[-1] ^ 1]), good[:-1], good + b"\0", b"x", b"\0" * 16384):
        assert post(p, k.id, body) == (400, b""), body[:20]
    assert post(p, other.id, good) == (400, b"")
    assert post(p, "00" * 32, good) == (404, b"")
    assert post(p, k.id, good, 16385) == (413, b"")
    assert post(p, k.id, good, len(good) - 1) == (400, b"")
    assert post(p, k.id, good) == (200, b"plain")
    assert ask(p.port, get("/recipient"))[0] == 404
    p.close()


@sentence
def the_newest_sixteen_keys_are_kept():
    p = Plane(KEYPLANE, ROOT)
    keys = [Key(p) for _ in range(17)]
    assert len({k.id for k in keys}) == 17
    assert post(p, keys[0].id, message(keys[0])) == (404, b"")
    assert post(p, keys[1].id, message(keys[1])) == (200, b"plain")
    assert post(p, keys[16].id, message(keys[16])) == (200, b"plain")
    p.close()


def keys_of(p):
    """The process that has them."""
    with open(f"/proc/{p.process.pid}/task/{p.process.pid}/children", encoding="ascii") as f:
        return int(f.read())


def call(p, request):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(300)
    s.connect(p.path)
    s.sendall(request)
    return s


def all_of(s):
    with s:
        got = b""
        while more := s.recv(65536):
            got += more
        return got


@sentence
def whoever_needs_no_such_key_waits_for_none():
    p = Plane(KEYPLANE, ROOT)
    k = Key(p)
    os.kill(keys_of(p), signal.SIGSTOP)
    waiting = [call(p, get("/recipient")) for _ in range(10)]
    body = message(k, b"plain")
    waiting.append(call(p, f"POST /recipient?key={k.id} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body))
    assert p.local(get("/certificate")).startswith(b"HTTP/1.1 200 ") and p.local(get("/attestation")).startswith(b"HTTP/1.1 200 ")
    assert ask(p.port, get("/attestation?nonce=" + "ab" * 32))[0] == 200
    os.kill(keys_of(p), signal.SIGCONT)
    said = [all_of(s) for s in waiting]
    assert split(said.pop()) == (200, b"plain")
    ids = {x.partition(b"\r\nSelfsame-Key: ")[2][:64] for x in said}
    assert all(x.startswith(b"HTTP/1.1 200 ") for x in said) and len(ids) == 10, said
    p.close()


@sentence
def without_its_keys_keyplane_ends():
    p = Plane(KEYPLANE, ROOT)
    os.kill(keys_of(p), signal.SIGKILL)
    assert p.process.wait(60) == 1
    assert p.process.stderr.read() == b"keyplane: the process with the keys of KMS has ended\n"
    for c in p.calls:
        c.close()
    p = Plane(KEYPLANE, ROOT)
    child = keys_of(p)
    p.close()
    until(lambda: not os.path.exists(f"/proc/{child}"), "the keys outlive keyplane")


@sentence
def a_message_may_come_in_pieces_and_its_end_is_not_awaited_for_ever():
    p = Plane(KEYPLANE, ROOT)
    k = Key(p)
    body = message(k, b"x" * 6000)
    whole = f"POST /recipient?key={k.id} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(p.path)
        for at in range(0, len(whole), 700):
            s.sendall(whole[at:at + 700])
            time.sleep(0.01)
        got = b""
        while more := s.recv(65536):
            got += more
    assert split(got) == (200, b"x" * 6000)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(p.path)
        s.sendall(whole[:-1])
        assert s.recv(1) == b""
    p.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        ROOT = os.path.join(folder, "nsm")
        rc = run_all(TESTS)
        os.chdir("/")
    sys.exit(rc)
