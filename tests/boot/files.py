# SPDX-License-Identifier: Apache-2.0
"""The application sees the image's tree as it is in the archive: every kind of file, every field."""
import rig
from rig import E

PARTS = rig.Parts()
FNV_BASIS, FNV_PRIME = 0xcbf29ce484222325, 0x100000001b3
CAPABILITY = bytes.fromhex('0100000200040000000000000000000000000000')  # cap_net_bind_service=ep


def fnv(data):
    h = FNV_BASIS
    for b in data:
        h = (h ^ b) * FNV_PRIME & (1 << 64) - 1
    return h


def line(e, nlink=1):
    """What tests/boot/probe.c says of an entry."""
    kind = e.mode & 0o170000
    size = len(e.body) if kind == 0o100000 else 0
    body = e.body if kind in (0o100000, 0o120000) else b''
    return 'entry %s %o %d:%d %d %d %d %016x %d:%d' % (
        e.name.decode()[len('rootfs'):], e.mode, e.uid, e.gid, size,
        2 if kind == 0o040000 else nlink, e.mtime, fnv(body), *e.rdev)


TREE = [
    E.directory('rootfs/t', 0o755, mtime=1),
    E.regular('rootfs/t/empty', b'', 0o600, mtime=86400),
    E.regular('rootfs/t/big', bytes(range(256)) * 2000, 0o644, uid=0x3fffffff, gid=0x3fffffff,
              mtime=0x7fffffff),
    E.regular('rootfs/t/setuid', b'x', 0o104755 & 0o7777, uid=5, gid=6, mtime=2**32 - 1),
    E.directory('rootfs/t/sticky', 0o1777, uid=1, gid=2, mtime=1234567890),
    E.directory('rootfs/t/setgid', 0o2755, gid=50, mtime=1234567891),
    E.symlink('rootfs/t/link', '/t/no/such', mtime=1000),
    E.symlink('rootfs/t/up', '../../../etc', mtime=1001),
    E.Entry('rootfs/t/fifo', 0o010640, uid=9, mtime=77),
    E.Entry('rootfs/t/null', 0o020666, rdev=(1, 3), mtime=78),
    E.Entry('rootfs/t/disk', 0o060660, gid=6, rdev=(259, 70000), mtime=79),
    E.regular('rootfs/t/' + 'n' * 255, b'long name', mtime=80),
    E.regular('rootfs/t/one', b'two names', 0o640, uid=3, mtime=81),
]
SECOND = E.Entry('rootfs/t/other', 0o100640, b'two names', uid=3, mtime=81, same=b'rootfs/t/one')


def every_field_of_every_kind_arrives():
    tree = rig.probe_tree(*TREE, SECOND)
    b = rig.Boot(PARTS.eif(E.app_ramdisk(tree, ['/probe', 'tree=/t', 'xattr=/t/setuid'],
                                         xattrs=[[b'rootfs/t/setuid', 'security.capability',
                                                  CAPABILITY]])))
    want = [line(e, 2 if e.name.endswith(b'/one') else 1) for e in TREE] + [line(SECOND, 2)]
    got = b.all('entry ')
    assert sorted(got) == sorted(want), '\n'.join(sorted(set(got) ^ set(want))) + b.tail()
    # The kernel shows it with the root of the application's own namespace, written as ours.
    assert CAPABILITY.hex() in b.find('capability /t/setuid '), b.tail()


def twenty_thousand_small_files_arrive():
    tree = [E.directory('rootfs/d')]
    for i in range(20):
        tree.append(E.directory('rootfs/d/%02d' % i))
        tree += [E.regular('rootfs/d/%02d/%03d' % (i, j), b'x' * (j % 7)) for j in range(1000)]
    total = sum(len(e.body) for e in tree)
    b = rig.Boot(PARTS.eif(E.app_ramdisk(rig.probe_tree(*tree), ['/probe', 'count=/d'])),
                 mem='512M')
    b.expect('counted %d entries %d bytes' % (len(tree), total), 'rt:20 application exited 0')


def deep_and_long_names_arrive():
    name, tree = 'rootfs', []
    for _ in range(15):
        name += '/' + 'd' * 200
        tree.append(E.directory(name))
    tree.append(E.regular(name + '/leaf', b'here'))
    b = rig.Boot(PARTS.eif(E.app_ramdisk(rig.probe_tree(*tree), ['/probe', 'count=/' + 'd' * 200])))
    b.expect('counted 16 entries 4 bytes')


rig.run([
    every_field_of_every_kind_arrives,
    deep_and_long_names_arrive,
    twenty_thousand_small_files_arrive,
])
