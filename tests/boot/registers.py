# SPDX-License-Identifier: Apache-2.0
"""The registers that the NSM of a running enclave has are those that we print for the file."""
import hashlib
import json
import os
import subprocess
import tempfile

import rig
from rig import E

ZERO = '0' * 96


def guest_registers(profile, nsm=True):
    parts = rig.Parts(profile)
    rd1 = E.app_ramdisk(rig.probe_tree(), ['/probe', 'pcrs'], nsm=nsm)
    eif = parts.eif(rd1)
    b = rig.Boot(eif, mem='384M')
    b.expect('rt:03 nsm ready', 'rt:08 pcr16 locked, nsm=%d' % nsm)
    return parts, rd1, eif, b


def values(b):
    return {int(x.split()[0][3:]): x.split()[1:] for x in b.all('pcr')}


def call(*command):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60).stdout


class File:
    """The bytes of an EIF as a file of that name."""

    def __init__(self, eif):
        self.dir = tempfile.TemporaryDirectory()
        self.name = os.path.join(self.dir.name, 'x.eif')
        with open(self.name, 'wb') as f:
            f.write(eif)

    def measured(self):
        return json.loads(call(rig.SELFSAME, 'measure', self.name, '--json'))

    def sign(self):
        key, cert = (os.path.join(self.dir.name, x) for x in ('key.pem', 'cert.pem'))
        call('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384',
             '-nodes', '-days', '2', '-subj', '/CN=selfsame test', '-keyout', key, '-out', cert)
        call(rig.SELFSAME, 'sign', self.name, '--certificate', cert, '--key', key)
        return call('openssl', 'x509', '-in', cert, '-outform', 'DER')


def check_against_the_guest(profile):
    parts, rd1, eif, b = guest_registers(profile)
    got = values(b)
    want = E.pcrs(parts.kernel, parts.cmdline, parts.rd0, rd1)
    ours = File(eif).measured()
    for i in range(3):
        assert got[i] == [want[i], 'lock', '1'], (i, got[i], want[i])
        assert ours['PCR%d' % i] == want[i], (i, ours)
    for i in (5, 6, 7, 8, 15):
        assert got[i] == [ZERO, 'lock', '1'], (i, got[i])
    assert want[0] in b.find('rt:03 '), b.find('rt:03 ')
    # Before anything else started, whether the application has the NSM was attested and locked.
    pcr16 = hashlib.sha384(bytes(48) + b'selfsame/1 nsm=1').hexdigest()
    assert got[16] == [pcr16, 'lock', '1'], got[16]


def pcr0_to_2_are_those_of_measure():
    check_against_the_guest('local')


def the_nitro_kernel_boots_and_has_its_own():
    check_against_the_guest('nitro')


def without_nsm_the_application_sees_no_device():
    b = guest_registers('local', nsm=False)[3]
    b.expect('nsm: No such file or directory', 'rt:20 application exited 0')


def pcr8_of_a_signed_file_is_its_certificate():
    parts = rig.Parts()
    f = File(parts.eif(E.app_ramdisk(rig.probe_tree(), ['/probe', 'pcrs'], nsm=True)))
    before = f.measured()
    der = f.sign()
    after = f.measured()
    assert after['PCR8'] == E.pcr(der) and after['PCR0'] == before['PCR0'], after
    got = values(rig.Boot(rig.load(f.name)).expect('rt:10 '))
    assert got[0][0] == after['PCR0'] and got[8] == [E.pcr(der), 'lock', '1'], got


rig.run([
    pcr0_to_2_are_those_of_measure,
    the_nitro_kernel_boots_and_has_its_own,
    pcr8_of_a_signed_file_is_its_certificate,
    without_nsm_the_application_sees_no_device,
])
