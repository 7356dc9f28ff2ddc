# SPDX-License-Identifier: Apache-2.0
"""An enclave that answers on the network: attested TLS at 8443 beside plain bytes at 8080, booted with an
NSM of ours, and judged by `selfsame verify https://…`: one yes, and the ways in which it must be no.
One boot serves all of these tests."""
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys

import rig
import running

sys.path[:0] = [os.path.join(rig.TOP, 'tests', 'endpoint')]
import attested  # noqa: E402
import server  # noqa: E402
from rig import E  # noqa: E402

ROLE = 'arn:aws:iam::123456789012:role/test'
INSTANCE = 'i-0123456789abcdef0'
AWS = os.path.join(rig.TOP, 'tests', 'vectors', 'attestation', 'production-2025-indefinite-map.cose')
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

    place = eif = root = minter = pcrs = None
    ports = {}


def qemu():
    p = subprocess.run([os.path.join(rig.TOP, 'tools', 'setup-qemu'), 'nsm'], stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=500, check=False)
    assert p.returncode == 0, p.stderr.decode()
    return p.stdout.decode().splitlines()[0].split('=', 1)[1]


def verify(port, *args, root=True, eif=None):
    words = ['verify', '--eif', eif or It.eif, *(['--root', It.root] if root else []), *args, 'https://127.0.0.1:%d' % port]
    p = subprocess.run([rig.SELFSAME, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=running.LIMIT, check=False,
                       env=dict(os.environ, SSL_CERT_FILE='/dev/null', SSL_CERT_DIR='/dev/null'))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def no(reason, port, *args, **how):
    status, out, err = verify(port, *args, **how)
    assert status == 1 and out.startswith('no: %s: ' % reason), (status, out, err)


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
    It.eif, measured = running.build(It.place.dir, root, TOML)
    It.pcrs = [measured['PCR%d' % i] for i in range(3)]
    folder = os.path.join(It.place.dir, 'nsm')
    It.root = os.path.join(folder, 'root.pem')
    doc = json.loads(It.place.ask('run', It.eif, '--detach', '--json', '--name', 'it', '--nsm-root', folder, '--nsm-role', ROLE,
                                  '--nsm-instance', INSTANCE, '--port', '127.0.0.1:0:8080', '--port', '127.0.0.1:0:8443'))
    assert doc['Readiness'] == 'ready', doc
    It.ports = {p['EnclavePort']: p['HostPort'] for p in doc['Ports']}
    # Its documents come from the same root.
    It.minter = server.Minter(os.path.join(rig.BUILD, 'tests', 'rig', 'nsm-mint'), It.place.dir)


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


def minted(key, **how):
    made = [w for i in range(3) for w in ('--pcr', '%d=%s' % (i, It.pcrs[i]))] + ['--instance', INSTANCE, '--role', ROLE]
    return lambda request: server.answer(It.minter.mint(server.nonce_of(request), key.spki, more=how.get('more', made)))


def ten_ways_to_be_no_each_with_its_reason():
    port, known = It.ports[8443], ('--instance', INSTANCE)
    other = os.path.join(It.place.dir, 'other.eif')
    with open(other, 'wb') as f:
        f.write(rig.Parts().eif(E.app_ramdisk(rig.probe_tree(), ['/probe', 'id'])))
    no('pcr0', port, *known, eif=other)
    no('instance', port, '--instance', 'i-0fedcba9876543210')
    no('operator', port)
    no('root-not-aws', port, *known, root=False)
    key = server.Key(It.place.dir, 'own')
    old = relayed(b'GET /attestation?nonce=' + b'00' * 32 + b' HTTP/1.1\r\nHost: a\r\n\r\n')
    e, at = endpoint(key, lambda request: old)
    no('nonce', at, *known)
    e.close()
    e, at = endpoint(key, relayed)
    no('endpoint-key', at, *known)
    e.close()

    def by_the_application(request):
        answer = json.loads(ask('/local?nonce=%s&public_key=%s&user_data=%s' % (
            server.nonce_of(request), key.spki.hex(), (server.DOMAIN + hashlib.sha256(key.spki).digest()).hex())))
        return bytes.fromhex(answer)
    e, at = endpoint(key, by_the_application)
    no('endpoint-domain', at, *known)
    e.close()
    e, at = endpoint(key, minted(key, more=[w for i in range(3) for w in ('--pcr', '%d=%s' % (i, '00' * 48))]))
    no('debug-mode', at, *known)
    e.close()
    path = os.path.join(It.place.dir, 'old.cbor')
    with open(path, 'wb') as f:
        f.write(old.split(b'\r\n\r\n', 1)[1])
    for reason, args in (('nonce', ['--root', It.root, '--nonce', '11' * 32, path]),
                         ('root-not-given', ['--root', It.root, '--at', 'document', AWS])):
        p = subprocess.run([rig.SELFSAME, 'verify', '--eif', It.eif, *args], capture_output=True, check=False)
        assert p.returncode == 1 and p.stdout.decode().startswith('no: %s: ' % reason), (p.stdout, p.stderr)


with running.Place() as It.place:
    It.place.env['SELFSAME_QEMU'] = qemu()
    rig.run([
        it_starts_and_has_three_programs,
        verify_says_yes,
        the_application_answers_over_the_same_port,
        the_application_has_documents_of_its_own_domain_and_cannot_remake_the_socket,
        a_certificate_by_its_own_request_is_served_and_renewed,
        ten_ways_to_be_no_each_with_its_reason,
    ])
