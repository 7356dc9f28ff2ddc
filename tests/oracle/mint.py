# SPDX-License-Identifier: Apache-2.0
"""Documents of the NSM of our own, judged by openssl.

    usage: mint.py NSM-MINT
"""
import hashlib
import os
import subprocess
import sys
import tempfile

import attested

MINT = os.path.abspath(sys.argv[1])
T = 1800000000


class Root:
    def __init__(self):
        self.dir = tempfile.TemporaryDirectory()
        self.name = os.path.join(self.dir.name, 'root')
        self.pem = os.path.join(self.name, 'root.pem')

    def run(self, *args):
        return subprocess.run([MINT, '--root', self.name, '--time', str(T), *args],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              check=False)

    def mint(self, *args):
        p = self.run(*args)
        assert p.returncode == 0, p.stderr.decode()
        return p.stdout


def fails(what):
    try:
        what()
    except AssertionError:
        return
    raise RuntimeError('it passed')


def a_document_has_what_was_asked_for_and_verifies():
    r = Root()
    doc = attested.Document(r.mint(
        '--nonce', 'aa' * 32, '--user-data', '', '--public-key', '3030', '--pcr', '0=' + '11' * 48,
        '--role', 'arn:aws:iam::123456789012:role/x', '--instance', 'i-0df237f0418feb41e',
        '--extend', '16=' + b'selfsame/1 nsm=0'.hex()))
    doc.check_shape()
    assert doc['module_id'] == 'i-0123456789abcdef0-enc0123456789abcdef'
    assert doc['timestamp'] == T * 1000
    assert (doc['nonce'], doc['user_data'], doc['public_key']) == (b'\xaa' * 32, b'', b'00')
    p = doc['pcrs']
    assert list(p) == list(range(17)) and p[0] == b'\x11' * 48 and p[1] == bytes(48)
    assert p[3] == hashlib.sha384(bytes(48) + b'arn:aws:iam::123456789012:role/x').digest()
    # Seen in genuine documents of that instance.
    assert p[4].hex().startswith('bed9c17c27bdec410da8cabfa9aeb868e557679c88f49f90f5b538460c5538c2')
    assert p[16] == hashlib.sha384(bytes(48) + b'selfsame/1 nsm=0').digest()
    doc.verify(r.pem)


def what_was_not_asked_for_is_null():
    doc = attested.Document(Root().mint())
    doc.check_shape()
    assert (doc['nonce'], doc['user_data'], doc['public_key']) == (None, None, None)
    assert list(doc['pcrs']) == list(range(16))


def the_payload_is_a_map_of_indefinite_length():
    doc = attested.Document(Root().mint())
    assert doc.payload[0] == 0xbf and doc.payload[-1] == 0xff


def the_chain_has_the_shape_of_aws():
    r = Root()
    doc = attested.Document(r.mint())
    assert len(doc['cabundle']) == 4
    lives, subjects, limits, usages = [], [], [], []
    for der in doc['cabundle'] + [doc['certificate']]:
        text = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', '-text'], input=der,
                              capture_output=True, timeout=60, check=True).stdout.decode()
        lines = [x.strip() for x in text.splitlines()]
        assert 'Version: 3 (0x2)' in lines and 'ASN1 OID: secp384r1' in lines
        assert 'Signature Algorithm: ecdsa-with-SHA384' in lines
        subjects.append(next(x for x in lines if x.startswith('Subject: ')))
        limits.append(lines[lines.index('X509v3 Basic Constraints: critical') + 1])
        i = next(i for i, x in enumerate(lines) if x.startswith('X509v3 Key Usage'))
        usages.append((lines[i].endswith('critical'), lines[i + 1]))
        lives.append(next(x for x in lines if x.startswith('Not After')))
    assert all('selfsame test' in x for x in subjects), subjects
    assert limits == ['CA:TRUE', 'CA:TRUE, pathlen:2', 'CA:TRUE, pathlen:1', 'CA:TRUE, pathlen:0',
                      'CA:FALSE'], limits
    assert usages == [(True, 'Digital Signature, Certificate Sign, CRL Sign')] * 3 + [
        (True, 'Certificate Sign'), (False, 'Digital Signature, Non Repudiation')], usages
    doc.verify(r.pem, at=T + 10799)
    fails(lambda: doc.verify(r.pem, at=T + 10801))
    fails(lambda: doc.verify(r.pem, at=T - 4))


def a_changed_document_does_not_verify():
    r = Root()
    data = bytearray(r.mint('--nonce', '00' * 16))
    attested.Document(bytes(data)).verify(r.pem)
    data[data.index(b'\x50' + bytes(16)) + 5] ^= 1
    fails(lambda: attested.Document(bytes(data)).verify(r.pem))


def another_root_is_another():
    r = Root()
    doc = attested.Document(r.mint())
    other = Root()
    other.mint()
    fails(lambda: doc.verify(other.pem))
    attested.Document(r.mint()).verify(r.pem)


def a_wrong_call_is_2_and_a_no_is_1():
    r = Root()
    assert r.run('--pcr', '0=11').returncode == 2
    assert r.run('--nonce', 'zz').returncode == 2
    p = r.run('--nonce', '00' * 513)
    assert (p.returncode, p.stderr) == (1, b'nsm-mint: the NSM refuses: InputTooLarge\n'), p
    p = r.run('--extend', '3=00')
    assert (p.returncode, p.stderr) == (1, b'nsm-mint: the NSM refuses: ReadOnlyIndex\n'), p


def main():
    tests = [a_document_has_what_was_asked_for_and_verifies, what_was_not_asked_for_is_null,
             the_payload_is_a_map_of_indefinite_length, the_chain_has_the_shape_of_aws,
             a_changed_document_does_not_verify, another_root_is_another,
             a_wrong_call_is_2_and_a_no_is_1]
    print('1..%d' % len(tests))
    failed = 0
    for i, test in enumerate(tests, 1):
        name = test.__name__.replace('_', ' ')
        try:
            test()
            print('ok %d - %s' % (i, name))
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print('# %r\nnot ok %d - %s' % (e, i, name))
    sys.exit(failed > 0)


main()
