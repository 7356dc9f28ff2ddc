#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: secrets.py SELFSAME NSM-MINT

`selfsame secrets send` to an endpoint in Python, which takes what the format says, and is wrong in one
thing at a time. Prints TAP.
"""
import hashlib
import json
import os
import ssl
import subprocess
import sys
import tempfile

from live import Live, Stream
from server import Key, Minter, answer, nonce_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
from sentences import run_all  # noqa: E402

SELFSAME, MINT = (os.path.abspath(x) for x in sys.argv[1:3])
TESTS = []
PCRS = ["11" * 48, "22" * 48, "33" * 48]
IMAGE = [w for i in range(3) for w in ("--pcr", f"{i}={PCRS[i]}")]
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


def sentence(f):
    TESTS.append(f)
    return f


class Keeper(Live):
    """Takes secrets of the sender whose certificate it knows. `before` is answered to a PUT instead."""

    def __init__(self, known, mint=None, asks=True, alpn="selfsame-secrets/1", before=b""):
        self.known, self.taken, self.log, self.before = known, {}, [], before
        self.mint = mint or (lambda request: MINTER.mint(nonce_of(request), KEY.spki, more=IMAGE))
        super().__init__(KEY, None, None)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(KEY.cert, KEY.key)
        self.context.set_alpn_protocols([alpn])
        if asks:
            self.context.verify_mode = ssl.CERT_REQUIRED
            for k in (SENDER, STRANGER):
                self.context.load_verify_locations(k.cert)

    def one(self, raw, context):
        try:
            s = Stream(context, raw)
            self.who = s.tls.getpeercert(binary_form=True)
            rest = b""
            while True:
                while b"\r\n\r\n" not in rest:
                    more = s.recv()
                    if not more:
                        self.log.append("end")
                        return
                    rest += more
                head, _, rest = rest.partition(b"\r\n\r\n")
                rest = self.serve_one(s, head + b"\r\n\r\n", rest)
        except (OSError, ssl.SSLError) as e:
            self.log.append(e)
        finally:
            raw.close()

    def serve_one(self, s, head, rest):
        method, target, version = head.split(b"\r\n", 1)[0].split(b" ")
        assert version == b"HTTP/1.1" and head.lower().count(b"\r\nhost: 127.0.0.1:") == 1
        self.log.append(f"{method.decode()} {target.decode().partition('?')[0]}")
        if method == b"GET":
            s.send(answer(self.mint(head)).replace(b"Connection: close\r\n", b""))
            return rest
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += s.recv()
        name = target.decode().removeprefix("/secrets/")
        if self.before:
            s.send(self.before)
        elif self.who != self.known:
            s.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        elif name in self.taken:
            s.send(b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n")
        else:
            self.taken[name] = rest[:length]
            s.send(NO_CONTENT)
        return rest[length:]


def send(url, *words, key=None, args=()):
    key = key or SENDER
    p = subprocess.run([SELFSAME, "secrets", "send", *IMAGE, "--root", MINTER.root, "--any-operator", "--certificate", key.cert,
                        "--key", key.key, *args, url, *words], capture_output=True, timeout=120)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def der(key):
    return ssl.PEM_cert_to_DER_cert(open(key.cert, encoding="ascii").read())


@sentence
def secrets_arrive_as_they_are_over_one_connection():
    e = Keeper(der(SENDER))
    rc, out, err = send(e.url, "A=text", "_b2=bytes", "C=nothing", "D=big")
    assert (rc, err) == (0, ""), (rc, err)
    assert out.startswith("yes, this code, unknown operator; ") and out.endswith("\nsent A\nsent _b2\nsent C\nsent D\n"), out
    assert e.taken == {"A": b"token\n", "_b2": bytes(range(256)) * 4, "C": b"", "D": b"x" * 65536}
    assert e.log[:5] == ["GET /attestation", "PUT /secrets/A", "PUT /secrets/_b2", "PUT /secrets/C", "PUT /secrets/D"], e.log
    e.close()


@sentence
def json_says_who_sent_what():
    e = Keeper(der(SENDER))
    rc, out, err = send(e.url, "A=text", args=["--json"])
    o = json.loads(out)
    assert (rc, err, o["Sent"], o["Verdict"]["Verdict"]) == (0, "", ["A"], "yes"), (rc, out, err)
    assert o["Sender"] == "sha256:" + hashlib.sha256(SENDER.spki).hexdigest()
    e.close()


@sentence
def a_no_sends_nothing():
    for mint, reason in ((lambda r: MINTER.mint(nonce_of(r), OTHER.spki, more=IMAGE), "in-the-middle"),
                         (lambda r: MINTER.mint(nonce_of(r), KEY.spki, more=[*IMAGE, "--pcr", "2=" + "44" * 48]), "pcr2"),
                         (lambda r: MINTER.mint("ab" * 32, KEY.spki, more=IMAGE), "nonce")):
        e = Keeper(der(SENDER), mint=mint)
        rc, out, err = send(e.url, "A=text")
        assert rc == 1 and err == "" and out.startswith(f"no: {reason}: ") and "\nsent " not in out, (rc, out, err)
        rc, out, err = send(e.url, "A=text", args=["--json"])
        o = json.loads(out)
        assert (rc, o["Sent"], o["Verdict"]["Reason"]) == (1, [], reason), out
        assert e.taken == {} and "PUT /secrets/A" not in e.log
        e.close()


@sentence
def a_sender_that_the_enclave_does_not_know_is_told_so():
    e = Keeper(der(SENDER))
    rc, out, err = send(e.url, "A=text", key=STRANGER)
    assert rc == 5 and "\nsent " not in out, (rc, out)
    assert err == (f"selfsame: error: 127.0.0.1 port {e.port}: the enclave does not take 'A' from this sender: its configuration names "
                   "another, or no such secret\n"), err
    assert e.taken == {}
    e.close()


@sentence
def what_the_enclave_has_it_does_not_take_again():
    e = Keeper(der(SENDER))
    assert send(e.url, "A=text")[0] == 0
    rc, out, err = send(e.url, "B=text", "A=bytes", "C=text", args=["--json"])
    assert rc == 5 and err == f"selfsame: error: 127.0.0.1 port {e.port}: the enclave has 'A' since it began\n", (rc, err)
    assert json.loads(out)["Sent"] == ["B"] and e.taken == {"A": b"token\n", "B": b"token\n"}
    e.close()


@sentence
def a_peer_that_asks_for_no_sender_gets_nothing():
    e = Keeper(der(SENDER), asks=False)
    rc, out, err = send(e.url, "A=text")
    assert (rc, out) == (5, "") and err == f"selfsame: error: 127.0.0.1 port {e.port}: the peer does not ask who sends secrets\n", err
    e.close()
    e = Keeper(der(SENDER), alpn="selfsame/1")
    rc, out, err = send(e.url, "A=text")
    assert (rc, out) == (5, "") and e.taken == {}, (rc, out, err)
    e.close()


@sentence
def what_is_no_answer_is_status_5():
    for before, why in ((b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "the enclave answers 'A' with status 200"),
                        (b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", "the enclave answers 'A' with status 413"),
                        (b"HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\nx", "the answer has a body"),
                        (NO_CONTENT + b"x", "the answer has a body"),
                        (NO_CONTENT.replace(b"1.1", b"1.0"), "HTTP: the answer is not of HTTP/1.1")):
        e = Keeper(der(SENDER), before=before)
        rc, _, err = send(e.url, "A=text")
        assert (rc, err) == (5, f"selfsame: error: 127.0.0.1 port {e.port}: {why}\n"), (rc, err)
        e.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        KEY, OTHER, SENDER, STRANGER = (Key(folder, x) for x in ("peer", "other", "sender", "stranger"))
        MINTER = Minter(MINT, folder)
        MINTER.mint("00" * 32, KEY.spki)  # the root is there
        for name, value in (("text", b"token\n"), ("bytes", bytes(range(256)) * 4), ("nothing", b""), ("big", b"x" * 65536)):
            with open(name, "wb") as f:
                f.write(value)
        rc = run_all(TESTS)
        os.chdir("/")
    sys.exit(rc)
