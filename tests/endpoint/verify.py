#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: verify.py SELFSAME NSM-MINT

`selfsame verify URL`: endpoints that are what they should be, and each way in which one is not, with
its own reason. Prints TAP.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

from server import APP, DOMAIN, Endpoint, Key, Minter, answer, nonce_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
from sentences import run_all  # noqa: E402

SELFSAME, MINT = (os.path.abspath(x) for x in sys.argv[1:3])
TESTS = []
PCRS = ["11" * 48, "22" * 48, "33" * 48]
INSTANCE, ROLE = "i-0123456789abcdef0", "arn:aws:iam::123456789012:role/good"
IMAGE = [w for i in range(3) for w in ("--pcr", f"{i}={PCRS[i]}")]


def sentence(f):
    TESTS.append(f)
    return f


def documents(key=None, more=(), **how):
    """Answers as a real endpoint does, but for `how`."""
    made = [w for i in range(3) for w in ("--pcr", f"{i}={PCRS[i]}")] + ["--instance", INSTANCE, "--role", ROLE, *more]
    spki = (key or KEY).spki
    return lambda request: answer(MINTER.mint(nonce_of(request), spki, more=made, **how))


def verify(url, *args, root=True, env=None):
    words = [SELFSAME, "verify", *IMAGE, *(["--root", MINTER.root] if root else []), *args]
    env = {**os.environ, "SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null", **(env or {})}
    text = subprocess.run([*words, url], capture_output=True, env=env, timeout=120)
    return text.returncode, text.stdout.decode(), text.stderr.decode()


def says(reply, args, status, first, reason=None, key=None, **how):
    """The endpoint behaves as `reply`; the first line begins with `first`."""
    e = Endpoint(key or KEY, reply)
    rc, out, err = verify(e.url, *args, **how)
    rc_js, js, _ = verify(e.url, "--json", *args, **how)
    e.close()
    assert (rc, rc_js) == (status, status), (rc, rc_js, out, err)
    assert out.startswith(first), out
    o = json.loads(js)
    assert o["Verdict"] == ("yes" if status == 0 else "no") and o["Reason"] == reason, js
    assert e.connections == 2
    return out, o


def no(reason, reply, args=("--instance", INSTANCE), **how):
    return says(reply, args, 1, f"no: {reason}: ", reason, **how)


@sentence
def an_expected_instance_or_role_gives_a_yes_and_is_the_identity():
    out, o = says(documents(), ["--instance", INSTANCE], 0, "yes; root: NOT AWS ")
    assert "\nidentity:  PCR4 instance\n" in out and o["Identity"] == "PCR4 instance", out
    assert all(f"\n{x} yes\n" in out for x in ("nonce     ", "key       ", "domain    ", "nsm       ", "operator  ")), out
    out, _ = says(documents(), ["--role", ROLE, "--instance", INSTANCE], 0, "yes; root: NOT AWS ")
    assert "\nidentity:  PCR3 role\n" in out, out


@sentence
def a_certificate_that_holds_by_the_system_roots_is_the_identity():
    roots = {"SSL_CERT_FILE": WEB.cert}
    out, _ = says(documents(WEB), [], 0, "yes; root: NOT AWS ", key=WEB, env=roots)
    assert "\nidentity:  WebPKI name 127.0.0.1, by roots that the environment names\n" in out, out
    says(documents(OTHER_NAME), [], 1, "no: operator: ", "operator", key=OTHER_NAME, env={"SSL_CERT_FILE": OTHER_NAME.cert})
    no("operator", documents(WEB), [], key=WEB)


@sentence
def without_an_identity_it_is_no_unless_any_operator_will_do():
    no("operator", documents(), [])
    out, o = says(documents(), ["--any-operator"], 0, "yes, this code, unknown operator; root: NOT AWS ")
    assert "\nidentity:  none\n" in out and o["Identity"] == "none", out


@sentence
def where_no_code_is_known_a_yes_claims_none():
    zeros = documents(more=[w for i in range(3) for w in ("--pcr", f"{i}=" + "00" * 48)])
    out, o = says(zeros, ["--any-operator", "--allow-debug"], 0, "yes, unknown operator; root: NOT AWS ")
    assert out.split("\n", maxsplit=1)[0].endswith("; DEBUG MODE: nothing tells which code runs") and o["DebugMode"] is True, out
    no("debug-mode", zeros, ["--any-operator"])
    no("operator", zeros, ["--allow-debug"])


@sentence
def a_role_or_instance_of_zeros_is_anybody():
    zero = "00" * 48
    for index in (3, 4):
        out, _ = no("operator", documents(more=["--pcr", f"{index}={zero}"]), ["--pcr", f"{index}={zero}"])
        assert f"\npcr{index}       yes\n" in out and "\nidentity:  none\n" in out, out


@sentence
def who_signed_the_image_is_nobody_who_runs_it():
    pem = open(OTHER.cert, encoding="ascii").read()
    der = subprocess.run(["openssl", "x509", "-outform", "DER"], input=pem.encode(), capture_output=True, check=True).stdout
    pcr8 = hashlib.sha384(bytes(48) + hashlib.sha384(der).digest()).hexdigest()
    reply = documents(more=["--pcr", f"8={pcr8}"])
    out, _ = no("operator", reply, ["--signer", OTHER.cert])
    assert "\npcr8       yes\n" in out, out


@sentence
def the_same_image_run_by_another_operator_is_no():
    no("instance", documents(), ["--instance", "i-0fedcba9876543210"])
    no("role", documents(), ["--role", "arn:aws:iam::123456789012:role/evil"])


@sentence
def another_image_is_no():
    no("pcr2", documents(more=["--pcr", "2=" + "44" * 48]))


@sentence
def debug_mode_is_no():
    no("debug-mode", documents(more=[w for i in range(3) for w in ("--pcr", f"{i}=" + "00" * 48)]))


@sentence
def another_nonce_is_no():
    no("nonce", lambda request: documents()(OTHERS_REQUEST))


@sentence
def an_old_document_that_is_played_back_is_no():
    def old(seconds):
        return lambda request: documents(more=["--time", str(int(time.time()) - seconds)])(OTHERS_REQUEST)
    out, _ = no("replayed", old(100))
    assert re.match(r"no: replayed: nonce is not the expected one, and the document was made \d+ s before it was asked for: "
                    r"it answers an older question; root: NOT AWS ", out), out
    # By less than clocks may differ nobody can tell.
    no("nonce", old(100), ["--instance", INSTANCE, "--leeway", "300"])
    # With the right nonce nothing is wrong with a clock that is behind.
    says(documents(more=["--time", str(int(time.time()) - 100)]), ["--instance", INSTANCE], 0, "yes; root: NOT AWS ")


@sentence
def another_key_than_the_connection_has_is_no():
    no("endpoint-key", documents(OTHER, user_data=APP + hashlib.sha256(OTHER.spki).digest()))
    no("endpoint-key", documents(OTHER, user_data=DOMAIN + hashlib.sha256(KEY.spki).digest()))


@sentence
def somebody_in_the_middle_who_passes_genuine_documents_on_is_no():
    real = Endpoint(KEY, documents())

    def relay(request):
        return subprocess.run([sys.executable, "-c", RELAY, str(real.port)], input=request, capture_output=True, check=True).stdout
    out, _ = no("in-the-middle", relay, key=OTHER)
    assert out.startswith("no: in-the-middle: an endpoint made this document for another connection with the same nonce: "), out
    # What he has kept is of an older question, whatever its key.
    no("nonce", lambda request: relay(OTHERS_REQUEST), key=OTHER)
    real.close()


@sentence
def a_document_that_the_application_asked_for_is_no():
    out, _ = no("endpoint-domain", documents(user_data=APP + hashlib.sha256(KEY.spki).digest()))
    assert out.startswith("no: endpoint-domain: the application asked for this document, not the endpoint"), out
    no("endpoint-domain", documents(user_data=DOMAIN + hashlib.sha256(OTHER.spki).digest()))
    no("endpoint-domain", documents(user_data=DOMAIN))
    no("endpoint-domain", documents(user_data=DOMAIN + hashlib.sha256(KEY.spki).digest() + b"\0"))


@sentence
def an_application_that_can_ask_the_nsm_is_no_unless_it_is_allowed():
    no("raw-nsm", documents(extend="selfsame/1 nsm=1"))
    out, o = says(documents(extend="selfsame/1 nsm=1"), ["--instance", INSTANCE, "--allow-raw-nsm"], 0, "yes; root: NOT AWS ")
    assert "; RAW NSM: " in out.split("\n", maxsplit=1)[0] and o["RawNsm"] is True, out
    for extend in (None, "selfsame/1 nsm=2"):
        no("raw-nsm", documents(extend=extend), ["--instance", INSTANCE, "--allow-raw-nsm"])


@sentence
def a_root_of_somebody_is_no_unless_it_is_given():
    no("root-not-aws", documents(), root=False)


@sentence
def no_document_is_no_verdict():
    e = Endpoint(KEY, lambda request: answer(b"", "503 Busy"))
    rc, out, err = verify(e.url, "--instance", INSTANCE)
    e.close()
    assert rc == 5 and out == "" and "status 503: it is busy" in err, (rc, out, err)
    out, _ = no("cose", lambda request: answer(b"\xff"))
    assert "identity:" not in out, out


@sentence
def options_that_mean_nothing_are_refused_before_anybody_is_asked():
    e = Endpoint(KEY, documents())
    for args, message in ((["--nonce", "00"], "a URL has its own --nonce"), (["--public-key", "00"], "a URL has its own --public-key"),
                          (["--user-data", "00"], "a URL has its own --user-data"),
                          (["--at", "document"], "a URL is verified now: without --at")):
        rc, out, err = verify(e.url, *args)
        assert (rc, out, err) == (2, "", f"selfsame: error: {message}\n"), (rc, out, err)
    p = subprocess.run([SELFSAME, "verify", e.url], capture_output=True)
    assert p.returncode == 2 and b"nothing is expected of the code that runs: no verdict" in p.stderr, p.stderr
    assert e.connections == 0
    e.close()
    for flag in ("--allow-raw-nsm", "--any-operator"):
        p = subprocess.run([SELFSAME, "verify", *IMAGE, flag, "nowhere.cose"], capture_output=True)
        assert p.returncode == 2 and p.stderr == f"selfsame: error: {flag} is for a URL\n".encode(), p.stderr


OTHERS_REQUEST = b"GET /attestation?nonce=" + b"ab" * 32 + b" HTTP/1.1\r\nHost: a\r\n\r\n"

RELAY = """
import socket, ssl, sys
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
c.set_alpn_protocols(["selfsame/1"])
s = c.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
s.sendall(sys.stdin.buffer.read())
while (more := s.recv(65536)):
    sys.stdout.buffer.write(more)
"""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        KEY, OTHER = Key(folder, "peer"), Key(folder, "other")
        WEB = Key(folder, "web", "-addext", "subjectAltName=IP:127.0.0.1")
        OTHER_NAME = Key(folder, "name", "-addext", "subjectAltName=IP:127.0.0.2")
        MINTER = Minter(MINT, folder)
        # The root is made by the first document, and holds from then on.
        MINTER.mint("00" * 32, KEY.spki, more=["--time", str(int(time.time()) - 3600)])
        rc = run_all(TESTS)
        os.chdir("/")
    sys.exit(rc)
