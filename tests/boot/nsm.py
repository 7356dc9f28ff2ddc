# SPDX-License-Identifier: Apache-2.0
"""An enclave whose NSM is ours: `selfsame run --nsm-root`, on the QEMU of `tools/setup-qemu nsm`.

Its documents are judged twice: by openssl and by `selfsame verify`.
"""
import hashlib
import os
import subprocess
import tempfile

import rig  # first: it knows where the next one is
import attested
import running
from rig import E

ROLE = 'arn:aws:iam::123456789012:role/test'
INSTANCE = 'i-0123456789abcdef0'
NONCE = b'n' * 32


class Enclave:
    """One signed image, run once to its end; what it printed."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory()
        self.parts = rig.Parts()
        self.rd1 = E.app_ramdisk(rig.probe_tree(), ['/probe', 'pcrs', 'document=n', 'exit=7'],
                                 nsm=True)
        self.eif, self.key, self.cert = map(self.path, ('x.eif', 'key.pem', 'cert.pem'))
        with open(self.eif, 'wb') as f:
            f.write(self.parts.eif(self.rd1))
        attested.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384',
                         '-nodes', '-days', '2', '-subj', '/CN=selfsame test', '-keyout', self.key,
                         '-out', self.cert)
        self.call('sign', self.eif, '--certificate', self.cert, '--key', self.key)
        self.root = self.path('root', 'root.pem')
        self.run = self.call('run', self.eif, '--local', '--nsm-root', self.path('root'),
                             '--nsm-role', ROLE, '--nsm-instance', INSTANCE, '--memory', '384',
                             SELFSAME_QEMU=running.qemu('nsm'), XDG_RUNTIME_DIR=self.dir.name)
        self.lines = self.run.stdout.decode(errors='replace').splitlines()
        self.said = self.run.stderr.decode(errors='replace')

    def path(self, *names):
        return os.path.join(self.dir.name, *names)

    @staticmethod
    def call(*args, **env):
        return subprocess.run([rig.SELFSAME, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              env=dict(os.environ, **env), timeout=240, check=False)

    def everything(self):
        return '\n'.join(self.lines[-30:] + [self.said])

    def document(self):
        answer = attested.read(bytes.fromhex(''.join(
            x[7:] for x in self.lines if x.startswith('answer '))))
        return answer['Attestation']['document']

    def verify(self, *args):
        path = self.path('document')
        with open(path, 'wb') as f:
            f.write(self.document())
        p = self.call('verify', path, *args)
        return p.returncode, p.stdout.decode()


def the_enclave_boots_and_its_status_comes_out():
    assert ENCLAVE.run.returncode == 7, ENCLAVE.everything()
    assert 'qemu microvm with our NSM' in ENCLAVE.said, ENCLAVE.said
    assert 'a test root, NOT AWS, signs its attestation documents' in ENCLAVE.said, ENCLAVE.said
    rest = iter(ENCLAVE.lines)
    for want in ('rt:03 nsm ready, %s-enc' % INSTANCE, 'rt:04 random numbers seeded by the nsm',
                 'rt:08 pcr16 locked, nsm=1', 'pcr0 '):
        assert any(x.startswith(want) for x in rest), (want, ENCLAVE.everything())


def wanted():
    p = ENCLAVE.parts
    text = {3: ROLE.encode(), 4: INSTANCE.encode(), 16: b'selfsame/1 nsm=1'}
    out = {i: bytes(48).hex() for i in range(16)}
    out.update(enumerate(E.pcrs(p.kernel, p.cmdline, p.rd0, ENCLAVE.rd1)))
    out.update((i, hashlib.sha384(bytes(48) + t).hexdigest()) for i, t in text.items())
    out[8] = E.pcr(attested.openssl('x509', '-in', ENCLAVE.cert, '-outform', 'DER'))
    return out


def its_registers_are_those_of_the_file():
    got = {int(x.split()[0][3:]): x.split()[1:] for x in ENCLAVE.lines if x.startswith('pcr')}
    assert got == {i: [v, 'lock', '1'] for i, v in wanted().items()}, got


def its_document_says_the_same_and_verifies():
    d = attested.Document(ENCLAVE.document())
    d.check_shape()
    assert {i: v.hex() for i, v in d['pcrs'].items()} == wanted()
    assert (d['nonce'], d['user_data'], d['public_key']) == (NONCE, None, None)
    assert d['module_id'].startswith(INSTANCE + '-enc')
    d.verify(ENCLAVE.root)


def selfsame_verify_says_yes_with_the_root_and_no_without():
    known = ['--eif', ENCLAVE.eif, '--nonce', NONCE.hex(), '--role', ROLE, '--instance', INSTANCE,
             '--signer', ENCLAVE.cert]
    status, text = ENCLAVE.verify('--root', ENCLAVE.root, *known)
    assert status == 0 and text.startswith('yes; root: NOT AWS '), text
    status, text = ENCLAVE.verify(*known)
    assert status == 1 and text.startswith('no: root-not-aws: '), text
    status, text = ENCLAVE.verify('--root', ENCLAVE.root, *known[:2], '--nonce', '00' * 32)
    assert status == 1 and text.startswith('no: nonce'), text
    with open(ENCLAVE.eif, 'wb') as f:
        f.write(ENCLAVE.parts.eif(E.app_ramdisk(rig.probe_tree(), ['/probe', 'id'])))
    status, text = ENCLAVE.verify('--root', ENCLAVE.root, '--eif', ENCLAVE.eif)
    assert status == 1 and text.startswith('no: pcr'), text


ENCLAVE = Enclave()
rig.run([
    the_enclave_boots_and_its_status_comes_out,
    its_registers_are_those_of_the_file,
    its_document_says_the_same_and_verifies,
    selfsame_verify_says_yes_with_the_root_and_no_without,
])
