# SPDX-License-Identifier: Apache-2.0
"""An enclave whose application waits for secrets: who may send them, once, and how it gets them; and what KMS
encrypts to a key of the enclave. Booted with an NSM of ours; one boot serves all of these tests."""
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
import recipient  # noqa: E402
import server  # noqa: E402

INSTANCE = 'i-0123456789abcdef0'
TOML = '''
[app]
command = ["/usr/bin/python3", "-I", "-S", "/srv/service.py"]
user = "65532:65531"
env = { DB_PASSWORD = "of the image", KEPT = "as it was" }
[[ingress]]
port = 8443
to = 8080
tls = "attested"
[[secret]]
name = "DB_PASSWORD"
from = "sha256:%(sender)s"
required = true
[[secret]]
name = "tls_key"
from = "sha256:%(other)s"
required = true
as = "file"
[[secret]]
name = "LATER"
from = "sha256:%(sender)s"
[[secret]]
name = "late"
from = "sha256:%(sender)s"
as = "file"
[health]
tcp = true
interval = 1
[logs]
host = true
'''
PASSWORD, KEY = b'p4ssw0rd-that-nobody-logs', b'k3y\0-that-nobody-logs' + bytes(range(256)) * 200


class It:
    """The one enclave."""

    place = eif = root = console = sender = other = stranger = None
    port = 0


def send(key, *words):
    p = subprocess.run([rig.SELFSAME, 'secrets', 'send', '--eif', It.eif, '--root', It.root, '--instance', INSTANCE, '--certificate',
                        key.cert, '--key', key.key, 'https://127.0.0.1:%d' % It.port, *words], stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=running.LIMIT, check=False, cwd=It.place.dir,
                       env=dict(os.environ, SSL_CERT_FILE='/dev/null', SSL_CERT_DIR='/dev/null'))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def connect(*alpn):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if alpn:
        c.set_alpn_protocols(list(alpn))
    return c.wrap_socket(socket.create_connection(('127.0.0.1', It.port), running.LIMIT), suppress_ragged_eofs=False)


def ask(method, target, body=b''):
    with connect() as s:
        s.sendall(b'%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % (method, target, len(body)) + body)
        out = b''
        while True:
            data = s.recv(1 << 16)
            if not data:
                break
            out += data
    return json.loads(out.partition(b'\r\n\r\n')[2])


def listed():
    return json.loads(It.place.ask('list', '--json'))[0]


def save(name, data):
    with open(os.path.join(It.place.dir, name), 'wb') as f:
        f.write(data)


def it_waits_and_says_for_what():
    root = os.path.join(It.place.dir, 'tree')
    running.python_root(root, os.path.join(running.HERE, 'secret_service.py'))
    It.sender, It.other, It.stranger = (server.Key(It.place.dir, x) for x in ('sender', 'other', 'stranger'))
    ids = {x: hashlib.sha256(getattr(It, x).spki).hexdigest() for x in ('sender', 'other')}
    It.eif, _ = running.build(It.place.dir, root, TOML % ids)
    for name, data in (('password', PASSWORD), ('key', KEY), ('later', b'l4ter'), ('nul', b'a\0b')):
        save(name, data)
    folder = os.path.join(It.place.dir, 'nsm')
    It.root = os.path.join(folder, 'root.pem')
    doc = json.loads(It.place.ask('run', It.eif, '--detach', '--json', '--name', 'it', '--nsm-root', folder, '--nsm-instance', INSTANCE,
                                  '--port', '127.0.0.1:0:8443'))
    assert (doc['Readiness'], doc['Reason']) == ('waiting', 'secrets: DB_PASSWORD, tls_key'), doc
    It.port = doc['Ports'][0]['HostPort']
    It.console = subprocess.Popen([rig.SELFSAME, 'console', 'it'], stdin=subprocess.DEVNULL, env=It.place.env,
                                  stdout=open(os.path.join(It.place.dir, 'console'), 'wb'))
    assert 'rt:17 application waits for secrets: DB_PASSWORD, tls_key' in logs()


def logs():
    p = It.place.ask_all('logs', 'it')
    return (p.stdout + p.stderr).decode()


def nobody_else_is_taken():
    known = 'its configuration names another, or no such secret'
    for key, word in ((It.stranger, 'DB_PASSWORD=password'), (It.other, 'DB_PASSWORD=password'), (It.sender, 'tls_key=key'),
                      (It.sender, 'PATH=password')):
        status, out, err = send(key, word)
        assert status == 5 and known in err and '\nsent' not in out, (status, out, err)
    status, _, err = send(It.sender, 'DB_PASSWORD=nul')
    assert status == 5 and 'with status 400' in err, err
    # The host, which has no key at all: with TLS of its own, and without.
    try:
        with connect('selfsame-secrets/1') as s:
            s.sendall(b'PUT /secrets/DB_PASSWORD HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx')
            assert s.recv(1) == b'', 'an answer'
    except (ssl.SSLError, ConnectionResetError):
        pass
    with socket.create_connection(('127.0.0.1', It.port), running.LIMIT) as s:
        s.sendall(b'PUT /secrets/DB_PASSWORD HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx')
        try:
            assert b'HTTP' not in s.recv(100)
        except ConnectionResetError:
            pass
    assert listed()['Readiness'] == 'waiting'


def it_starts_when_the_last_that_is_required_came():
    status, out, err = send(It.sender, 'DB_PASSWORD=password')
    assert status == 0 and out.endswith('\nsent DB_PASSWORD\n'), (out, err)
    assert 'the application runs' not in logs() and listed()['Readiness'] == 'waiting'
    status, out, err = send(It.other, 'tls_key=key')
    assert status == 0, (out, err)
    running.wait_for(lambda: listed()['Readiness'] == 'ready', 'the application')
    assert 'the application runs' in logs()


def it_has_them_as_the_configuration_says():
    got = ask(b'GET', b'/secrets')
    assert got['env'] == {'DB_PASSWORD': PASSWORD.decode(), 'KEPT': 'as it was'}, got
    assert got['names'] == ['tls_key'] and bytes.fromhex(got['file']) == KEY
    assert (got['mode'], got['uid'], got['gid'], got['me']) == (0o400, 65532, 65531, 65532), got
    assert 'done' not in got['refused'], got['refused']


def what_came_is_not_taken_again():
    for key, word in ((It.sender, 'DB_PASSWORD=later'), (It.other, 'tls_key=later')):
        status, out, err = send(key, word)
        assert status == 5 and 'since it began' in err and '\nsent' not in out, (out, err)
    assert bytes.fromhex(ask(b'GET', b'/secrets')['file']) == KEY


def what_is_not_required_may_come_later():
    status, out, err = send(It.sender, 'LATER=later', 'late=later')
    assert status == 0, (out, err)
    running.wait_for(lambda: ask(b'GET', b'/secrets')['names'] == ['late', 'tls_key'], 'the file')
    assert 'LATER' not in ask(b'GET', b'/secrets')['env']


def no_value_is_in_a_log():
    text = logs()
    It.place.ask('stop', 'it')
    It.console.wait(running.LIMIT)
    text += running.text(os.path.join(It.place.dir, 'console'))
    assert text.count('the application runs') == 2, text
    assert 'the secret DB_PASSWORD came' in text and 'the secret tls_key came' in text, text
    for value in ('that-nobody-logs', 'l4ter'):
        assert value not in text, value


def what_kms_encrypts_to_the_enclave_is_unwrapped_for_the_application():
    class R:
        pem = os.path.join(It.place.dir, 'recipient.pem')
    head, _, body = bytes.fromhex(ask(b'GET', b'/recipient?nonce=00ff')).partition(b'\r\n\r\n')
    document = attested.Document(body)
    document.verify(It.root)
    key = head.partition(b'Selfsame-Key: ')[2][:64]
    assert key.decode() == hashlib.sha256(document['public_key']).hexdigest() and document['nonce'] == b'\0\xff', head
    recipient.openssl('pkey', '-pubin', '-inform', 'DER', '-out', R.pem, data=document['public_key'])
    message = recipient.message(R, b'of kms', recipient.Form(indefinite=True, piece=1000))
    head, _, body = bytes.fromhex(ask(b'POST', b'/recipient?key=' + key, message)).partition(b'\r\n\r\n')
    assert head.startswith(b'HTTP/1.1 200 OK\r\n') and body == b'of kms', (head, body)
    head = bytes.fromhex(ask(b'POST', b'/recipient?key=' + b'00' * 32, message))
    assert head.startswith(b'HTTP/1.1 404 '), head


with running.Place() as It.place:
    It.place.env['SELFSAME_QEMU'] = running.qemu('nsm')
    rig.run([
        it_waits_and_says_for_what,
        nobody_else_is_taken,
        it_starts_when_the_last_that_is_required_came,
        it_has_them_as_the_configuration_says,
        what_came_is_not_taken_again,
        what_is_not_required_may_come_later,
        what_kms_encrypts_to_the_enclave_is_unwrapped_for_the_application,
        no_value_is_in_a_log,
    ])
