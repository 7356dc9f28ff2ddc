# SPDX-License-Identifier: Apache-2.0
"""A million small files start, in the memory that the formula of docs/formats/ramdisk.md gives."""
import rig
from rig import E

PARTS = rig.Parts()
FOLDERS, FILES = 1000, 1000
MIB = 1 << 20


def need_mib(rd1, entries, pages):
    """The memory of the whole enclave; it has more than 3 GiB, so both steps are in."""
    tree = 16 * MIB + pages * (4096 + 16) + entries * 1280
    used = 12 * MIB + 4 * len(PARTS.kernel) + len(PARTS.rd0) + len(rd1) + tree + 88 * MIB
    return -(-used * 32 // 31 // MIB)


def a_million_files_arrive():
    tree = []
    for i in range(FOLDERS):
        tree.append(E.directory('rootfs/d/%03d' % i))
        tree += [E.regular('rootfs/d/%03d/%03d' % (i, j), b'x') for j in range(FILES)]
    tree.append(E.directory('rootfs/d'))
    rd1 = E.app_ramdisk(rig.probe_tree(*tree), ['/probe', 'count=/d', 'free'])
    pages = FOLDERS * FILES + -(-len(rig.load(rig.PROBE)) // 4096)
    mib = need_mib(rd1, len(tree) + 2, pages)
    b = rig.Boot(PARTS.eif(rd1), mem='%dM' % mib, timeout=1800)
    b.expect('rt:06 config read, %d entries' % (len(tree) + 2), 'rt:07 image complete', 'rt:10 ',
             'counted %d entries %d bytes' % (len(tree), FOLDERS * FILES),
             'rt:20 application exited 0')
    print('# %d entries in %d MiB of memory: %.0f s, %s left' % (
        len(tree), mib, b.seconds, b.find('free ')[5:]))


rig.run([a_million_files_arrive])
