# SPDX-License-Identifier: Apache-2.0
"""An enclave that answers on the network: attested TLS at 8443 beside plain bytes at 8080, booted with an
NSM of ours, and judged by `selfsame verify https://…`: one yes, and the ways in which it must be no.
One boot serves all of these tests, a second one is in debug mode."""
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import time

import rig
import running

sys.path[:0] = [os.path.join(rig.TOP, 'tests', 'endpoint')]
import attested  # noqa: E402
import server  # noqa: E402
from rig import E  # noqa: E402

ROLE = 'arn:aws:iam::123456789012:role/test'
INSTANCE = 'i-0123456789abcdef0'
AWS = os.path.join(rig.TOP, 'tests', 'vectors', 'attestation', 'production-2025-indefinite-map.cose')
OTHERS_REQUEST = b'GET /attestation?nonce=' + b'00' * 32 + b' HTTP/1.1\r\nHost: a\r\n\r\n'
REASONS = []
TOML = '''
[app]
command = ["/usr/bin/python3", "-I", "-S", "/srv/service.py"]
user = "65532:65532"
[[ingress]]
port = 8080
tls = "none"
[[ingress]]
port = 8443
to = 8080
tls = "attested"
alpn = ["http/1.1"]
http = true
[health]
tcp = true
interval = 1
[logs]
host = true
'''


class It:
    """The one enclave."""

    place = eif = root = nsm = old = old_ms = key = other_key = None
    ports = {}


def verify(port, *args, root=True, eif=None):
    words = ['verify', '--eif', eif or It.eif, *(['--root', It.root] if root else []), *args, 'https://127.0.0.1:%d' % port]
    p = subprocess.run([rig.SELFSAME, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=running.LIMIT, check=False,
                       env=dict(os.environ, SSL_CERT_FILE='/dev/null', SSL_CERT_DIR='/dev/null'))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def no(reason, port, *args, **how):
    status, out, err = verify(port, *args, **how)
    assert status == 1 and out.startswith('no: %s: ' % reason), (status, out, err)
    REASONS.append(reason)


def tls(*alpn):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if alpn:
        c.set_alpn_protocols(list(alpn))
    return c.wrap_socket(socket.create_connection(('127.0.0.1', It.ports[8443]), running.LIMIT), suppress_ragged_eofs=False)


def everything(s):
    out = b''
    while True:
        data = s.recv(1 << 16)
        if not data:
            return out
        out += data


def ask(target, *alpn):
    with tls(*alpn) as s:
        s.sendall(b'GET %s HTTP/1.1\r\nHost: x\r\n\r\n' % target.encode())
        head, body = everything(s).split(b'\r\n\r\n', 1)
    assert head.startswith(b'HTTP/1.1 200 OK\r\n'), head
    return body


def it_starts_and_has_three_programs():
    root = os.path.join(It.place.dir, 'tree')
    running.python_root(root, os.path.join(running.HERE, 'attested_service.py'))
    It.eif, _ = running.build(It.place.dir, root, TOML)
    It.nsm = os.path.join(It.place.dir, 'nsm')
    It.root = os.path.join(It.nsm, 'root.pem')
    doc = json.loads(It.place.ask('run', It.eif, '--detach', '--json', '--name', 'it', '--nsm-root', It.nsm, '--nsm-role', ROLE,
                                  '--nsm-instance', INSTANCE, '--port', '127.0.0.1:0:8080', '--port', '127.0.0.1:0:8443'))
    assert doc['Readiness'] == 'ready', doc
    It.ports = {p['EnclavePort']: p['HostPort'] for p in doc['Ports']}


def verify_says_yes():
    for args, first in ((['--instance', INSTANCE], 'yes; root: NOT AWS '), (['--role', ROLE], 'yes; root: NOT AWS '),
                        (['--any-operator'], 'yes, this code, unknown operator; root: NOT AWS ')):
        status, out, err = verify(It.ports[8443], *args)
        assert status == 0 and out.startswith(first), (out, err)


def the_application_answers_over_the_same_port():
    assert json.loads(ask('/')) == 'hello'
    assert json.loads(ask('/', 'http/1.1', 'h2')) == 'hello'
    d = attested.Document(ask('/.well-known/selfsame/attestation?nonce=' + 'ab' * 32, 'http/1.1'))
    assert d['nonce'] == b'\xab' * 32


def the_application_has_documents_of_its_own_domain_and_cannot_remake_the_socket():
    answer = bytes.fromhex(json.loads(ask('/local?nonce=00&user_data=616263')))
    d = attested.Document(answer.split(b'\r\n\r\n', 1)[1])
    assert d['user_data'] == server.APP + hashlib.sha256(b'abc').digest() and d['nonce'] == b'\0'
    d.verify(It.root)
    assert b'BEGIN CERTIFICATE' in bytes.fromhex(json.loads(ask('/certificate')))
    assert 'done' not in json.loads(ask('/broken'))


def openssl(*args):
    subprocess.run(['openssl', *args], capture_output=True, check=True, timeout=running.LIMIT)


def served():
    with tls() as s:
        return s.getpeercert(binary_form=True)


def signed(ca):
    """A certificate of a test CA for the enclave's request, as a chain in PEM."""
    at = os.path.join(It.place.dir, 'leaf')
    with open(at + '.csr', 'w', encoding='ascii') as f:
        f.write(It.place.ask('csr', 'it', '--dns', 'app.example.com'))
    with open(at + '.ext', 'w', encoding='ascii') as f:
        f.write('subjectAltName=DNS:app.example.com,IP:127.0.0.1\n')
    openssl('x509', '-req', '-in', at + '.csr', '-CA', ca + '.pem', '-CAkey', ca + '.key', '-CAcreateserial', '-days', '2', '-extfile',
            at + '.ext', '-out', at + '.pem')
    with open(at + '.pem', encoding='ascii') as leaf, open(ca + '.pem', encoding='ascii') as root:
        text = leaf.read()
        with open(at + '.chain', 'w', encoding='ascii') as f:
            f.write(text + root.read())
    return at + '.chain', ssl.PEM_cert_to_DER_cert(text)


def a_certificate_by_its_own_request_is_served_and_renewed():
    ca = os.path.join(It.place.dir, 'ca')
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=selfsame test', '-days', '2',
            '-keyout', ca + '.key', '-out', ca + '.pem')
    before = served()
    p = subprocess.run([rig.SELFSAME, 'certificate', 'it', ca + '.pem'], capture_output=True, check=False, env=It.place.env)
    assert p.returncode == 3 and b'is for another key than the enclave has' in p.stderr, p.stderr
    garbage = os.path.join(It.place.dir, 'garbage')
    with open(garbage, 'w', encoding='ascii') as f:
        f.write('-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n')
    p = subprocess.run([rig.SELFSAME, 'certificate', 'it', garbage], capture_output=True, check=False, env=It.place.env)
    assert p.returncode == 3, p.stderr
    assert served() == before
    for _ in range(2):
        chain, leaf = signed(ca)
        It.place.ask('certificate', 'it', chain)
        assert served() == leaf != before
        before = leaf
    c = ssl.create_default_context(cafile=ca + '.pem')
    with c.wrap_socket(socket.create_connection(('127.0.0.1', It.ports[8443]), running.LIMIT), server_hostname='app.example.com') as s:
        assert ('DNS', 'app.example.com') in s.getpeercert()['subjectAltName']
    status, out, err = verify(It.ports[8443], '--instance', INSTANCE)
    assert status == 0, (out, err)


def relayed(request):
    """A genuine answer for this request, by somebody in the middle."""
    with tls('selfsame/1') as s:
        s.sendall(request)
        return everything(s)


def endpoint(key, reply):
    e = server.Endpoint(key, reply)
    return e, e.port


def by_the_application(key, user_data):
    """What the application inside gets of attest.sock for this request, a key and a user_data of its choice."""
    def reply(request):
        return bytes.fromhex(json.loads(ask('/local?nonce=%s&public_key=%s&user_data=%s' % (
            server.nonce_of(request), key.spki.hex(), user_data.hex()))))
    return reply


def no_of(reason, key, reply):
    e, at = endpoint(key, reply)
    no(reason, at, '--instance', INSTANCE)
    e.close()


# --- ten ways to be no, each with a reason of its own; the last test counts them ---

def a_document_is_kept_for_later():
    body = relayed(OTHERS_REQUEST)
    assert body.startswith(b'HTTP/1.1 200 OK\r\n'), body
    It.old = body
    d = attested.Document(body.split(b'\r\n\r\n', 1)[1])
    It.old_ms = d['timestamp']
    It.key = server.Key(It.place.dir, 'own')
    It.other_key = server.Key(It.place.dir, 'another')


def wrong_pcr_is_no():
    other = os.path.join(It.place.dir, 'other.eif')
    with open(other, 'wb') as f:
        f.write(rig.Parts().eif(E.app_ramdisk(rig.probe_tree(), ['/probe', 'id'])))
    no('pcr0', It.ports[8443], '--instance', INSTANCE, eif=other)


def wrong_nonce_is_no():
    """A document of now, for a nonce of somebody else."""
    no_of('nonce', It.key, lambda request: relayed(OTHERS_REQUEST))


def swapped_tls_key_is_no():
    """The document is for this nonce and binds a key, but the connection has another in its place."""
    no_of('endpoint-key', It.key, by_the_application(It.other_key, server.DOMAIN + hashlib.sha256(It.key.spki).digest()))


def proxy_in_the_middle_is_no():
    """It ends TLS with a certificate of its own and passes everything on, the nonce too."""
    no_of('in-the-middle', It.key, relayed)


def same_image_run_by_another_operator_is_no():
    no('instance', It.ports[8443], '--instance', 'i-0fedcba9876543210')
    no('role', It.ports[8443], '--role', 'arn:aws:iam::123456789012:role/evil')
    no('operator', It.ports[8443])


def a_document_minted_by_the_application_is_no():
    no_of('endpoint-domain', It.key, by_the_application(It.key, server.DOMAIN + hashlib.sha256(It.key.spki).digest()))


def a_document_of_the_local_root_without_root_is_no():
    no('root-not-aws', It.ports[8443], '--instance', INSTANCE, root=False)


def aws_document_with_root_of_ours_is_no():
    p = subprocess.run([rig.SELFSAME, 'verify', '--eif', It.eif, '--root', It.root, '--at', 'document', AWS], capture_output=True,
                       check=False)
    assert p.returncode == 1 and p.stdout.startswith(b'no: root-not-given: '), (p.stdout, p.stderr)
    REASONS.append('root-not-given')


def debug_mode_is_no():
    """The same image and the same host, started once more with --debug."""
    doc = json.loads(It.place.ask('run', It.eif, '--detach', '--json', '--name', 'open', '--debug', '--nsm-root', It.nsm, '--nsm-role',
                                  ROLE, '--nsm-instance', INSTANCE, '--port', '127.0.0.1:0:8443'))
    assert doc['Flags'] == 'DEBUG_MODE' and doc['Measurements']['PCR0'] == '00' * 48, doc
    at = doc['Ports'][0]['HostPort']
    no('debug-mode', at, '--instance', INSTANCE)
    status, out, err = verify(at, '--instance', INSTANCE, '--allow-debug')
    assert status == 0 and '; DEBUG MODE: ' in out.split('\n', maxsplit=1)[0], (out, err)
    It.place.ask('stop', 'open')


def replayed_document_is_no():
    """Kept since above, by more than clocks may differ."""
    running.wait_for(lambda: time.time() * 1000 > It.old_ms + 31000, 'a document to be old')
    no_of('replayed', It.key, lambda request: It.old)


def no_reason_is_there_twice():
    ten = {'pcr0', 'nonce', 'replayed', 'endpoint-key', 'in-the-middle', 'debug-mode', 'instance', 'endpoint-domain', 'root-not-aws',
           'root-not-given'}
    assert len(ten) == 10 and sorted(REASONS) == sorted(ten | {'role', 'operator'}), REASONS


with running.Place() as It.place:
    It.place.env['SELFSAME_QEMU'] = running.qemu('nsm')
    rig.run([
        it_starts_and_has_three_programs,
        verify_says_yes,
        the_application_answers_over_the_same_port,
        the_application_has_documents_of_its_own_domain_and_cannot_remake_the_socket,
        a_certificate_by_its_own_request_is_served_and_renewed,
        a_document_is_kept_for_later,
        wrong_pcr_is_no,
        wrong_nonce_is_no,
        swapped_tls_key_is_no,
        proxy_in_the_middle_is_no,
        same_image_run_by_another_operator_is_no,
        a_document_minted_by_the_application_is_no,
        a_document_of_the_local_root_without_root_is_no,
        aws_document_with_root_of_ours_is_no,
        debug_mode_is_no,
        replayed_document_is_no,
        no_reason_is_there_twice,
    ])
