# SPDX-License-Identifier: Apache-2.0
"""Machines and images on which the runtime stops, each with its code and reason; how programs are
found in an image."""
import os
import subprocess
import tempfile

import rig
from rig import E

PARTS = rig.Parts()
TEXT = E.regular('rootfs/text', b'not a program', 0o755)


def boot(argv, tree=(), parts=PARTS, args=(), **config):
    return rig.Boot(parts.eif(E.app_ramdisk(rig.probe_tree(*tree), argv, **config)), *args)


def refused(b, line):
    assert line in b.lines, b.tail()
    b.expect_not('probe')
    b.expect_not('rt:20 ')


def without_rig(parts, rd1):
    """The console lines of a machine that has neither NSM nor vsock."""
    found = dict(x.split('=', 1) for x in subprocess.run(
        [os.path.join(rig.TOP, 'tools', 'setup-qemu')], capture_output=True, check=True,
        text=True).stdout.splitlines() if '=' in x)
    with tempfile.TemporaryDirectory() as top:
        for name, data in (('kernel', parts.kernel), ('initrd', parts.rd0 + rd1)):
            with open(os.path.join(top, name), 'wb') as f:
                f.write(data)
        p = subprocess.run(
            [found['qemu'], '-L', found['firmware'], '-M', 'microvm,acpi=off', '-m', '256M',
             '-kernel', os.path.join(top, 'kernel'), '-initrd', os.path.join(top, 'initrd'),
             '-append', parts.cmdline.decode() + ' reboot=t panic=-1 no_timer_check', '-nographic',
             '-no-reboot', '-cpu', 'max', '-accel', 'tcg'],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)
    return p.stdout.decode(errors='replace').replace('\r', '').splitlines()


def without_an_nsm_the_nitro_kernel_stops():
    parts = rig.Parts('nitro')
    lines = without_rig(parts, E.app_ramdisk(rig.probe_tree(), ['/probe']))
    assert 'rt:E11 there is no NSM, and this kernel is not the local one' in lines, lines[-9:]
    assert not [x for x in lines if x.startswith('probe')], lines[-9:]


def without_an_nsm_the_local_kernel_says_so_and_goes_on():
    lines = without_rig(PARTS, E.app_ramdisk(rig.probe_tree(), ['/probe', 'exit=3']))
    for want in ('rt:03 no nsm: nothing here can be attested (local kernel)',
                 'rt:05 no vsock: nobody hears of this enclave (local kernel)',
                 'rt:20 application exited 3'):
        assert want in lines, lines[-12:]


def without_an_nsm_nobody_can_send_a_secret_that_is_required():
    """Who sends one asks for a document first: there is nothing to wait an hour for."""
    secret = {'name': b'KEY', 'from': bytes(32), 'required': True, 'file': False}
    lines = without_rig(PARTS, E.app_ramdisk(rig.probe_tree(), ['/probe'], ingress=[E.ingress(8443, tls=2)], secrets=[secret]))
    assert 'rt:E29 without an NSM nobody can send what is required: KEY' in lines, lines[-12:]
    assert not [x for x in lines if x.startswith(('probe', 'rt:20 '))], lines[-12:]


def a_host_without_heartbeat_is_a_refusal_with_a_code():
    b = boot(['/probe'], args=('--no-heartbeat',))
    refused(b, 'rt:E14 cannot reach the host: Connection reset by peer')


def programs_are_found_in_path_inside_the_image():
    tree = [E.directory('rootfs/a'), E.directory('rootfs/b'),
            E.regular('rootfs/a/prog', b'', 0o644),  # may not be executed: the search goes on
            E.symlink('rootfs/b/prog', '../probe')]
    boot(['prog', 'exit=5'], tree, env=[b'PATH=/none:/a:/b']).expect('rt:20 application exited 5')


def scripts_start_with_their_interpreter():
    script = E.regular('rootfs/script', b'#!/probe exit=6\n', 0o755)
    boot(['/script'], [script]).expect('rt:10 ', 'rt:20 application exited 6')


def what_cannot_start_says_why():
    none = E.regular('rootfs/script', b'#!/bin/none\n', 0o755)
    refused(boot(['nothing'], env=[b'PATH=/bin:/x']),
            "rt:E22 cannot start 'nothing': not found in PATH (/bin:/x)")
    refused(boot(['/script'], [none]),
            "rt:E22 cannot start '/script': the interpreter or loader that it names is not in the "
            'image')
    refused(boot(['/text'], [TEXT]),
            "rt:E22 cannot start '/text': not a program of this architecture, and no script that "
            'begins with #!')
    refused(boot(['/probe'], cwd=b'/not/there'),
            "rt:E22 cannot enter the working directory '/not/there': No such file or directory")


def folders_that_are_links_are_not_mounted_over():
    b = boot(['/probe'], [E.directory('rootfs/etc'), E.symlink('rootfs/proc', 'etc')])
    refused(b, "rt:E21 the image's /proc is no directory to mount over: Not a directory")


def names_in_messages_cannot_forge_lines():
    b = boot(['/a\nrt:20 application exited 0'])
    b.expect("rt:E22 cannot start '/a\\x0art:20 application exited 0': there is no such file")
    assert not b.all('rt:20'), b.tail()


rig.run([
    without_an_nsm_the_nitro_kernel_stops,
    without_an_nsm_the_local_kernel_says_so_and_goes_on,
    without_an_nsm_nobody_can_send_a_secret_that_is_required,
    a_host_without_heartbeat_is_a_refusal_with_a_code,
    programs_are_found_in_path_inside_the_image,
    scripts_start_with_their_interpreter,
    what_cannot_start_says_why,
    folders_that_are_links_are_not_mounted_over,
    names_in_messages_cannot_forge_lines,
])
