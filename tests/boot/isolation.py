# SPDX-License-Identifier: Apache-2.0
"""What an application can reach, and what its image's attributes give it."""
import os
import struct

import rig
from rig import E

PARTS = rig.Parts()
INSIDE = rig.load(os.path.join(rig.BUILD, 'tests', 'boot', 'inside'))
DENIED, NOT_ALLOWED, ABSENT = ('Permission denied', 'Operation not permitted',
                               'No such file or directory')


def boot(argv, tree=(), **config):
    program = E.regular('rootfs/inside', INSIDE, 0o755)
    return rig.Boot(PARTS.eif(E.app_ramdisk([program, *tree], ['/inside', *argv], **config)))


def all_lines(b, lines):
    for line in lines:
        assert line in b.lines, '%r is missing in:\n%s' % (line, b.tail(60))
    return b


def root_of_an_image_reaches_nothing_of_the_keepers():
    all_lines(boot(['keeper']), [
        '/proc/1/mem: ' + DENIED, '/proc/1/root/etc: ' + DENIED, '/proc/1/fd: ' + DENIED,
        '/proc/1/ns/mnt: ' + DENIED, '/proc/1/oom_score_adj: ' + DENIED,
        'kill 1: ' + NOT_ALLOWED, 'probe 1: ' + NOT_ALLOWED, 'trace 1: ' + NOT_ALLOWED,
        'rt:20 application exited 0'])


def root_of_an_image_reaches_nothing_of_the_machine():
    all_lines(boot(['machine']), [
        '/proc/sysrq-trigger: ' + ABSENT, '/proc/sys/kernel/hostname: ' + DENIED,
        '/proc/sys/kernel/yama/ptrace_scope: ' + DENIED, '/proc/kcore: ' + ABSENT,
        '/proc/kmsg: ' + DENIED, '/sys/firmware/initrd: ' + DENIED, '/sys/power/state: ' + ABSENT,
        '/dev/console: ' + ABSENT, '/dev/kmsg: ' + ABSENT, '/dev/vsock: ' + ABSENT,
        '/app: ' + ABSENT, 'reboot: ' + NOT_ALLOWED, 'sethostname: ' + NOT_ALLOWED,
        'rt:20 application exited 0'])


def root_of_an_image_changes_no_mount_and_makes_no_device():
    node = E.Entry('rootfs/null', 0o20666, rdev=(1, 3))
    all_lines(boot(['mounts', 'nested'], [node]), [
        'mount: ' + NOT_ALLOWED, 'umount /dev: ' + NOT_ALLOWED, 'remount /: ' + NOT_ALLOWED,
        'mknod: ' + NOT_ALLOWED, 'unshare: No space left on device',
        'nested remount /: ' + NOT_ALLOWED, 'nested umount /dev: ' + NOT_ALLOWED,
        '/null: ' + DENIED])


def it_opens_no_vsock_and_none_of_the_large_interfaces():
    family, absent = 'Address family not supported by protocol', 'Function not implemented'
    for ids in ({}, {'uid': 1000, 'gid': 1000}, {'new_privileges': True}):
        all_lines(boot(['sockets'], **ids), [
            'socket vsock: ' + family, 'socket vsock datagram: ' + family,
            'socket packet: ' + family, 'socket alg: ' + family, 'socket xdp: ' + family,
            'socket raw: ' + NOT_ALLOWED, 'socket unix: ok', 'socket ipv4: ok', 'socket ipv6: ok',
            'socket netlink: ok', 'io_uring: ' + absent, 'bpf: ' + absent,
            'userfaultfd: ' + absent, 'keyctl: ' + absent, 'perf: ' + absent,
            'rt:20 application exited 0'])


def calls_of_another_abi_end_it():
    all_lines(boot(['foreign']), ['x32: signal 31', 'int 0x80: signal 11', 'inside done'])


def it_sees_and_signals_only_its_own():
    all_lines(boot(['signals']), ['others 0', 'kill all: No such process', 'inside done',
                                  'rt:20 application exited 0'])


def names_are_the_runtimes_and_links_are_not_followed():
    hosts = ['/etc/hosts: 127.0.0.1 localhost enclave',
             '/etc/hosts: ::1 localhost ip6-localhost ip6-loopback enclave']
    none = '/etc/resolv.conf: # no name can be asked for: [egress] allows none'
    tree = [E.directory('rootfs/etc', mtime=4000), E.regular('rootfs/stub', b'untouched\n'),
            E.symlink('rootfs/etc/resolv.conf', '../stub'),
            E.regular('rootfs/etc/hosts', b'6.6.6.6 localhost\n'),
            E.symlink('rootfs/etc/hostname', '/not/there')]
    for more in (tree, []):
        b = all_lines(boot(['names', 'modes'], more), [
            'hostname enclave', '/etc/hostname: enclave', none, *hosts,
            'rt:20 application exited 0'])
        assert 'localhost' not in ''.join(b.all('/etc/hosts: 6')), b.tail()
        assert ('/stub: untouched' in b.lines) == (more is tree), b.tail()
    want = 'mode /etc 40755 0:0 time %d ' % 0
    assert b.find(want), b.tail()


def an_etc_that_is_a_link_is_left_alone_and_said():
    tree = [E.directory('rootfs/real'), E.symlink('rootfs/etc', 'real')]
    b = all_lines(boot(['names'], tree), [
        '/etc/hosts: No such file or directory', 'rt:20 application exited 0'])
    b.expect("rt:16 the image's /etc is no directory of its own: ")


def folders_have_the_modes_that_programs_count_on():
    b = boot(['modes'])
    for start in ('mode /tmp 41777 0:0 ', 'mode /run 40755 0:0 '):
        assert b.find(start), b.tail()
    kept = [E.directory('rootfs/tmp', 0o1770, mtime=5), E.directory('rootfs/run', 0o700, mtime=6)]
    b = all_lines(boot(['modes'], kept, uid=7, gid=8), [
        'mode /tmp 41770 0:0 time 5 device 0:0', 'mode /run 40700 0:0 time 6 device 0:0'])
    for start in ('mode /dev 40755 0:0 ', 'mode /dev/shm 41777 0:0 ', 'mode /dev/pts 40755 0:0 '):
        assert b.find(start), b.tail()


def a_node_of_the_nsm_in_the_image_opens_nothing():
    b = boot(['modes', 'open=/dev/nsm'], nsm=True, uid=1000, gid=1000)
    all_lines(b, ['/dev/nsm: ok'])
    assert b.find('mode /dev/nsm 20600 1000:1000 '), b.tail()
    device = tuple(map(int, b.find('mode /dev/nsm ').split()[-1].split(':')))
    assert device[0] == 10, b.tail()
    nodes = [E.Entry('rootfs/nsm', 0o20666, rdev=device),
             E.directory('rootfs/dev'), E.Entry('rootfs/dev/nsm', 0o20666, rdev=device)]
    all_lines(boot(['open=/nsm', 'open=/dev/nsm'], nodes), [
        '/nsm: ' + DENIED, '/dev/nsm: ' + ABSENT, 'rt:20 application exited 0'])


def root_of_an_image_has_the_usual_rights_over_its_own():
    all_lines(boot(['self']), [
        'self Uid:\t0\t0\t0\t0', 'self Gid:\t0\t0\t0\t0', 'self Groups:\t ',
        'self CapEff:\t00000000a80425fb', 'self CapBnd:\t00000000a80425fb', 'self NoNewPrivs:\t1',
        'self Umask:\t0022', 'self SigBlk:\t0000000000000000', 'self SigIgn:\t0000000000000000',
        'files 65536 1048576 core 0 nice 0',
        '/proc/sys/fs/file-max: 1048576', 'stdin 0', 'leader 1', '/dev/stdout: ok', '/dev/ptmx: ok'])


def another_user_has_none_and_its_output_all_the_same():
    all_lines(boot(['self'], uid=1000, gid=1000, groups=[4, 24]), [
        'self Uid:\t1000\t1000\t1000\t1000', 'self Groups:\t4 24 ',
        'self CapEff:\t0000000000000000', '/dev/stdout: ok', '/dev/ptmx: ok'])


def privileged_files():
    """A setuid program, one with CAP_NET_BIND_SERVICE, and a file with an ACL; their xattrs."""
    capability = struct.pack('<5I', 0x02000001, 1 << 10, 0, 0, 0)
    acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in (
        (1, 6, 0xffffffff), (2, 4, 1000), (4, 4, 0xffffffff), (16, 4, 0xffffffff),
        (32, 0, 0xffffffff)))
    tree = [E.regular('rootfs/capable', INSIDE, 0o755), E.regular('rootfs/shared', b'x', 0o640),
            E.regular('rootfs/setuid', INSIDE, 0o4755)]
    return tree, [[b'rootfs/capable', 'security.capability', capability],
                  [b'rootfs/shared', 'system.posix_acl_access', acl]]


def attributes_arrive_and_give_nothing_unless_granted():
    tree, xattrs = privileged_files()
    b = boot(['attributes', 'become=/setuid', 'become=/capable'], tree, uid=1000, gid=1000,
             xattrs=xattrs)
    all_lines(b, ['acl 44', 'rt:20 application exited 0'])
    assert b.find('capability 2') is not None, b.tail()  # 20 bytes, or 24 with the root's id
    assert b.all('self Uid:') == 2 * ['self Uid:\t1000\t1000\t1000\t1000'], b.tail()
    assert b.all('self CapEff:') == 2 * ['self CapEff:\t0000000000000000'], b.tail()


def new_privileges_are_granted_by_the_config():
    tree, xattrs = privileged_files()
    b = boot(['become=/setuid', 'become=/capable'], tree, uid=1000, gid=1000, xattrs=xattrs,
             new_privileges=True)
    assert b.all('self Uid:') == ['self Uid:\t1000\t0\t0\t0',
                                  'self Uid:\t1000\t1000\t1000\t1000'], b.tail()
    assert b.all('self CapEff:') == ['self CapEff:\t00000000a80425fb',
                                     'self CapEff:\t0000000000000400'], b.tail()


rig.run([
    root_of_an_image_reaches_nothing_of_the_keepers,
    root_of_an_image_reaches_nothing_of_the_machine,
    root_of_an_image_changes_no_mount_and_makes_no_device,
    it_opens_no_vsock_and_none_of_the_large_interfaces,
    calls_of_another_abi_end_it,
    it_sees_and_signals_only_its_own,
    names_are_the_runtimes_and_links_are_not_followed,
    an_etc_that_is_a_link_is_left_alone_and_said,
    folders_have_the_modes_that_programs_count_on,
    a_node_of_the_nsm_in_the_image_opens_nothing,
    root_of_an_image_has_the_usual_rights_over_its_own,
    another_user_has_none_and_its_output_all_the_same,
    attributes_arrive_and_give_nothing_unless_granted,
    new_privileges_are_granted_by_the_config,
])
