# SPDX-License-Identifier: Apache-2.0
"""What is refused before anything is started, each with its exact message; and what QEMU is given."""
import json
import os
import re
import socket
import subprocess

import guest as G
import rig
from rig import E


def unused(g, _):
    raise AssertionError('it was started')


def refused(p, *args, **env):
    """The one error, and its hint, of a run that must not start; as text and as JSON."""
    r = p.run(unused, *args, **env)
    assert r.status == 125 and r.out == '', (r.status, r.out, r.err)
    assert p.left() == [], p.left()
    j = p.run(unused, '--json', *args, **env)
    doc = json.loads(j.out)
    lines = r.err.splitlines()
    assert lines[0] == 'selfsame: error: ' + doc['Error'] and doc['ExitStatus'] == 125
    assert lines[1:] == (['selfsame: hint: ' + doc['Hint']] if doc['Hint'] else []), lines
    assert j.status == 125
    return tuple(lines)


def error(text, hint=None):
    return ('selfsame: error: ' + text,) + (('selfsame: hint: ' + hint,) if hint else ())


def the_file_is_checked_first():
    with rig.Place() as p:
        eif = p.eif
        with open(eif, 'r+b') as f:
            f.seek(-1, 2)
            f.write(b'\x77')
        assert refused(p)[0].startswith("selfsame: error: '%s': the CRC-32 at byte 544 " % eif)
        p.eif = os.path.join(p.dir, 'none.eif')
        assert refused(p) == error("cannot open '%s': No such file or directory" % p.eif)
        with open(p.eif, 'wb') as f:
            f.write(b'#!/bin/sh\n' * 100)
        assert refused(p) == error("'%s': not an EIF file: wrong magic at byte 0" % p.eif)
        os.truncate(p.eif, 0)
        assert refused(p)[0].startswith("selfsame: error: '%s': " % p.eif)
        p.eif = p.dir
        assert refused(p) == error("'%s' is not a regular file" % p.dir)


def another_architecture_is_refused():
    with rig.Place(flags=1) as p:
        assert refused(p) == error(
            "'%s': wrong architecture: the image is for aarch64, and QEMU's enclave machine is "
            'x86_64' % p.eif)


def a_config_that_breaks_its_form_is_refused():
    with rig.Place(egress=[b'nonsense']) as p:
        assert refused(p)[0].startswith("selfsame: error: '%s': ramdisk 1: " % p.eif)


def too_little_memory_says_how_much_is_needed():
    with rig.Place() as p:
        assert refused(p, '--memory', '10', '--cpus', '1') == error(
            '--memory: 10 MiB are too few: this image needs 64 MiB')
        assert refused(p, '--memory', '64', '--cpus', '3') == error(
            '--memory: 64 MiB are too few: this image needs 66 MiB')
    tree = [E.regular('rootfs/big', bytes(100 << 20))]
    rd0 = E.runtime_ramdisk(b'init', b'dataplane', b'keyplane')
    sections = rig.parts()[:3] + [(E.RAMDISK, rd0), (E.RAMDISK, E.app_ramdisk(tree, ['/big']))]
    with rig.Place(sections=sections) as p:
        need = int(refused(p, '--memory', '200', '--cpus', '1')[0].rsplit(' ', 2)[1])
        assert 230 < need < 300, need
        p.run(ends_well, '--memory', str(need), '--cpus', '1').expect(0, '%d MiB' % need)
        assert refused(p, '--memory', str(need - 1), '--cpus', '1')[0].endswith(
            'needs %d MiB' % need)


def ends_well(g, _):
    g.beat()
    g.control(G.state(G.READY), G.ended(0, 0)).everything()


def without_memory_it_is_the_larger_of_need_and_proposal():
    with rig.Place() as p:
        p.run(ends_well).expect(0, ' 1024 MiB, 1 CPU,')
    # The same file, proposing nothing.
    with rig.Place() as p:
        raw = bytearray(E.eif(p.sections))
        raw[8:24] = bytes(16)
        raw[544:548] = bytes(4)
        import zlib  # pylint: disable=import-outside-toplevel
        crc = zlib.crc32(raw[548:], zlib.crc32(raw[:544]))
        raw[544:548] = crc.to_bytes(4, 'big')
        with open(p.eif, 'wb') as f:
            f.write(raw)
        p.run(ends_well).expect(0, ' 65 MiB, 1 CPU,')


def a_production_policy_refuses_debug_mode():
    with rig.Place() as p:
        policy = os.path.join(p.dir, 'run.toml')

        def write(text):
            with open(policy, 'w', encoding='utf-8') as f:
                f.write(text)
        write('policy = "production"\n')
        assert refused(p, '--debug', '--policy', policy) == error(
            '--debug: this host\'s policy is "production"',
            'in debug mode the console is open and PCR0 to PCR2 are zero: nobody could verify the '
            'enclave')
        p.run(ends_well, '--policy', policy).expect(0)
        write('policy = "development"\n')
        p.run(ends_well, '--debug', '--policy', policy).expect(0)
        write('policy = "prod"\n')
        assert refused(p, '--policy', policy) == error(
            "'%s': line 1: policy is \"production\" or \"development\"" % policy)
        write('debug = false\n')
        assert refused(p, '--policy', policy) == error(
            "'%s': line 1: unknown key 'debug'; the one there is is 'policy'" % policy)
        os.unlink(policy)
        assert refused(p, '--policy', policy) == error(
            "cannot open '%s': No such file or directory" % policy)


def ports_are_checked_and_bound_before_the_start():
    taken = socket.create_server(('127.0.0.1', 0))
    port = taken.getsockname()[1]
    with rig.Place(ingress=[E.ingress(80), E.ingress(443), E.ingress(53, udp=True)]) as p:
        assert refused(p, '--port', '127.0.0.1:%d:80' % port) == error(
            'port %d is taken: another program listens at 127.0.0.1:%d (TCP)' % (port, port),
            'choose another: --port OTHER:GUEST, or 0:GUEST for any that is free')
        assert refused(p, '--port', '%d:80' % port) == error(
            'port %d is taken: another program listens at *:%d (TCP)' % (port, port),
            'choose another: --port OTHER:GUEST, or 0:GUEST for any that is free')
        assert refused(p, '-p', '0:81') == error(
            '--port: the image has no ingress 81; it has 80, 443, 53')
        for bad in ('80', '', ':', '80:', ':80', 'a:80', '80:0', '65536:80', '80:65536', '-1:80',
                    '::1:80:80', '[::1:80:80', '1.2.3:80:80', '127.0.0.1::80', '80:80:80:80',
                    'localhost:80:80', '80:80/tcp', '080000:80'):
            assert refused(p, '--port', bad) == error(
                "--port: '%s' is not [IP:]HOST:GUEST" % bad), bad
        assert refused(p, '--metrics', '127.0.0.1:%d' % port)[0] == \
            'selfsame: error: --metrics: port %d is taken: another program listens at ' \
            '127.0.0.1:%d (TCP)' % (port, port)
        for bad in ('', 'x', '1.2.3.4', '1:2:3', '[::1]'):
            assert refused(p, '--metrics', bad) == error(
                "--metrics: '%s' is not an address and a port" % bad), bad
        for bad in ('', 'localhost', '1.2.3', '1.2.3.4:x', '::1'):
            assert refused(p, '--dns', bad) == error(
                "--dns: '%s' is not an address and a port" % bad), bad
    with rig.Place() as p:
        assert refused(p, '--port', '80:80') == error('--port: the image has no ingress at all')
    taken.close()


def names_are_checked():
    with rig.Place() as p:
        for bad in ('', '-x', '.x', 'a/b', 'a b', 'ä', 'x' * 65, 'a\x1bb'):
            got = refused(p, '--name', bad)
            assert got[0].endswith("' is no name for an enclave"), got
            assert got[1].endswith("letters, digits, '-', '_' and '.', at most 64 of them")
    with rig.Place(name='-we ird\x1b.name.eif') as p:
        assert json.loads(p.run(ends_well, '--json').out)['EnclaveName'] == 'we-ird-.name'


def a_qemu_that_is_missing_says_how_to_get_it():
    hint = 'install QEMU (Debian, Ubuntu: qemu-system-x86; Fedora: qemu-system-x86-core), or run ' \
           'tools/setup-qemu; SELFSAME_QEMU names another program'
    with rig.Place() as p:
        assert refused(p, SELFSAME_QEMU='/nowhere/qemu') == error(
            "SELFSAME_QEMU: '/nowhere/qemu' is not a program")
        del p.env['SELFSAME_QEMU']
        empty = os.path.join(p.dir, 'bin')
        os.mkdir(empty)
        assert refused(p, PATH=empty) == error(
            "there is no QEMU: 'qemu-system-x86_64' is not on PATH", hint)
        fake = os.path.join(empty, 'qemu-system-x86_64')
        with open(fake, 'w', encoding='utf-8') as f:
            f.write('#!/bin/sh\necho pc\n')
        os.chmod(fake, 0o755)
        assert refused(p, PATH=empty) == error(
            "'%s' has neither the machine nitro-enclave nor microvm" % fake, hint)
        with open(fake, 'w', encoding='utf-8') as f:
            f.write('#!/bin/sh\necho broken >&2\nexit 3\n')
        assert refused(p, PATH=empty) == error(
            "'%s': 'qemu -M help' failed with status 3: broken" % fake, hint)


def wrong_calls_are_125_too():
    with rig.Place() as p:
        for args, text in ((['--frob'], "run: unknown option '--frob'"),
                           (['--cid', '3'], '--cid: 3 is out of range; it goes from 4 to '
                                            '4294967294'),
                           (['--memory', 'x'], "--memory: 'x' is not a whole number"),
                           (['second.eif'], "run: one argument too many: 'second.eif'")):
            r = p.run(unused, *args)
            assert r.status == 125 and r.err.startswith('selfsame: error: ' + text), r.err


# --- signatures ------------------------------------------------------------------------------

def signed(p, days, *more):
    """Signs the image with a fresh certificate."""
    key, cert = os.path.join(p.dir, 'key.pem'), os.path.join(p.dir, 'cert.pem')

    def run(*args):
        subprocess.run(args, check=True, capture_output=True, cwd=p.dir)
    run('openssl', 'ecparam', '-genkey', '-name', 'secp384r1', '-noout', '-out', key)
    run('openssl', 'req', '-new', '-x509', '-key', key, '-subj', '/CN=x', '-days', days, '-out',
        cert)
    run(rig.SELFSAME, 'sign', p.eif, '--certificate', cert, '--key', key, *more)


def a_signature_that_does_not_hold_is_refused():
    with rig.Place() as p:
        signed(p, '30')
        p.run(ends_well).expect(0)
        with open(p.eif, 'rb') as f:
            raw = bytearray(f.read())
        at = raw.index(b'console=ttyS0')  # another command line, another PCR0
        raw[at:at + 7] = b'CONSOLE'
        import zlib  # pylint: disable=import-outside-toplevel
        raw[544:548] = zlib.crc32(raw[548:], zlib.crc32(raw[:544])).to_bytes(4, 'big')
        with open(p.eif, 'wb') as f:
            f.write(raw)
        assert refused(p) == error("'%s': the signature is over another PCR0" % p.eif)


# --- what QEMU gets --------------------------------------------------------------------------

def arguments(p, *args, machine='nitro'):
    path = os.path.join(p.dir, 'args')
    p.run(ends_well, *args, FAKE_ARGS=path, FAKE_MACHINE=machine).expect(0)
    return rig.text(path).splitlines()


def after(args, option):
    return [args[i + 1] for i, a in enumerate(args) if a == option]


def qemu_is_given_the_file_or_its_parts():
    with rig.Place() as p:
        a = arguments(p, '--memory', '300', '--cpus', '3')
        assert after(a, '-M')[0].startswith('nitro-enclave,vsock=c,id=i-local-enc'), a
        assert after(a, '-m') == ['300M'] and after(a, '-smp') == ['3']
        words = r'reboot=t panic=-1 no_timer_check( tsc_early_khz=[0-9]{6,8} tsc=reliable)?'
        assert re.fullmatch(words + ' quiet', *after(a, '-append')), a
        assert after(a, '-accel') == ['tcg'] and after(a, '-cpu') == ['max']
        assert '-no-reboot' in a and after(a, '-kernel')[0].startswith('/proc/self/fd/')
        assert re.fullmatch(words, *after(arguments(p, '--debug'), '-append'))
        a = arguments(p, machine='microvm')
        assert after(a, '-M') == ['microvm,acpi=off,memory-backend=mem']
        assert after(a, '-object') == ['memory-backend-memfd,id=mem,size=1024M,share=on']
        assert after(a, '-device') == ['vhost-user-vsock-device,chardev=c']
        assert re.fullmatch(re.escape(p.sections[1][1].decode()) + ' ' + words + ' quiet',
                            *after(a, '-append')), a


def an_nsm_of_our_own_is_a_device_of_a_microvm():
    with rig.Place() as p:
        root = os.path.join(p.dir, 'root')
        a = arguments(p, '--nsm-root', root, machine='nsm')
        assert after(a, '-M') == ['microvm,acpi=off,memory-backend=mem']
        assert after(a, '-device') == [
            'vhost-user-vsock-device,chardev=c',
            'vhost-user-test-device,chardev=n,virtio-id=33,num_vqs=1,vq_size=8'], a
        assert after(a, '-chardev') == ['socket,id=c,path=vhost', 'socket,id=n,path=nsm']
        assert sorted(os.listdir(root)) == ['root-key.pem', 'root.pem']
        with open(os.path.join(root, 'root.pem'), 'rb') as f:
            before = f.read()
        p.run(ends_well, '--nsm-root', root, FAKE_MACHINE='nsm').expect(
            0, 'qemu microvm with our NSM', 'a test root, NOT AWS, signs')
        with open(os.path.join(root, 'root.pem'), 'rb') as f:
            assert f.read() == before


def an_nsm_of_our_own_is_not_for_everything():
    with rig.Place() as p:
        root = os.path.join(p.dir, 'root')
        assert refused(p, '--nsm-root', root) == error(
            'no QEMU here can be given an NSM: it takes microvm and vhost-user-test-device, of '
            '10.2 or newer', "'tools/setup-qemu nsm' makes one; SELFSAME_QEMU names another program")
        assert refused(p, '--nsm-role', 'x') == error(
            '--nsm-role and --nsm-instance need --nsm-root')
        for bad in ('x', 'i-', 'i-0g', 'i-' + '0' * 31):
            assert refused(p, '--nsm-root', root, '--nsm-instance', bad) == error(
                "--nsm-instance: '%s' is not an instance's id" % bad)
        key = os.path.join(root, 'root-key.pem')
        os.chmod(key, 0o644)
        assert refused(p, '--nsm-root', root, FAKE_MACHINE='nsm') == error(
            "--nsm-root: '%s': others may use the key (mode 0644)" % key,
            "make a new root, or 'chmod 600' it if nobody has read it")


def reads_its_files(g, args):
    for option, want in (('-kernel', b'HdrS'), ('-initrd', b'070701')):
        with open(after(args, option)[0], 'rb') as f:
            data = f.read()
        assert want in data[:1024], option
        if option == '-initrd':
            assert data.count(b'TRAILER!!!') == 2  # both ramdisks
    ends_well(g, args)


def the_parts_are_there_and_leave_nothing():
    with rig.Place() as p:
        p.run(reads_its_files, FAKE_MACHINE='microvm').expect(0, 'there is no NSM')
        assert sorted(os.listdir(p.dir)) == ['app.eif', 'err0', 'out0', 'run'] and p.left() == []


if __name__ == '__main__':
    rig.main([
        the_file_is_checked_first,
        another_architecture_is_refused,
        a_config_that_breaks_its_form_is_refused,
        too_little_memory_says_how_much_is_needed,
        without_memory_it_is_the_larger_of_need_and_proposal,
        a_production_policy_refuses_debug_mode,
        ports_are_checked_and_bound_before_the_start,
        names_are_checked,
        a_qemu_that_is_missing_says_how_to_get_it,
        wrong_calls_are_125_too,
        a_signature_that_does_not_hold_is_refused,
        qemu_is_given_the_file_or_its_parts,
        an_nsm_of_our_own_is_a_device_of_a_microvm,
        an_nsm_of_our_own_is_not_for_everything,
        the_parts_are_there_and_leave_nothing,
    ])
