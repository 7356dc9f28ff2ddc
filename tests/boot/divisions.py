# SPDX-License-Identifier: Apache-2.0
"""PCR0 to 2 do not say where one part ends and the next begins.

Every way to divide the same bytes anew starts the same runtime with the same application, or stops
before anything else runs. So does everything that the host may add after the measuring.
"""
import rig
from rig import E

PARTS = rig.Parts()
RD1 = E.app_ramdisk(rig.probe_tree(E.regular('rootfs/init', rig.load(rig.PROBE), 0o755)),
                    ['/probe', 'id'])
WANT = E.pcrs(PARTS.kernel, PARTS.cmdline, PARTS.rd0, RD1)
K, C, R = E.KERNEL, E.CMDLINE, E.RAMDISK


def registers(sections):
    def data(*kinds):
        return b''.join(d for k, d in sections if k in kinds)
    ramdisks = [d for k, d in sections if k == R]
    return [E.pcr(data(K) + data(C) + data(R)), E.pcr(data(K) + data(C) + ramdisks[0]),
            E.pcr(b''.join(ramdisks[1:]))]


def boot(sections, *args):
    """Boots a division whose registers are those of the canonical file; asserts that first."""
    assert registers(sections) == WANT
    return rig.Boot(E.eif(sections + [(E.METADATA, E.METADATA_TEXT)]), *args, timeout=40)


def is_the_same(b):
    b.expect('rt:01 ', 'rt:03 nsm ready', 'rt:07 image complete', 'rt:10 ', 'pid 2 ids 0 0 0 0',
             'rt:20 application exited 0')
    assert WANT[0] in b.find('rt:03 '), b.tail()


def stops(b, start=None):
    """Neither our runtime nor anything else got as far as a program."""
    b.expect_not('probe done')
    b.expect_not('rt:02 ')
    if start is not None:
        b.expect(start)


def the_canonical_one_starts():
    is_the_same(boot([(K, PARTS.kernel), (C, PARTS.cmdline), (R, PARTS.rd0), (R, RD1)]))


def ramdisk_1_in_pieces_is_the_same():
    cut = 12345
    is_the_same(boot([(K, PARTS.kernel), (C, PARTS.cmdline), (R, PARTS.rd0), (R, RD1[:cut]),
                      (R, RD1[cut:cut + 1]), (R, RD1[cut + 1:])]))


def first_bytes_of_ramdisk_0_in_the_command_line_stop():
    for n in (1, 6, 110, len(PARTS.rd0) - 1):
        b = boot([(K, PARTS.kernel), (C, PARTS.cmdline + PARTS.rd0[:n]), (R, PARTS.rd0[n:]),
                  (R, RD1)])
        stops(b)


def an_empty_ramdisk_0_stops():
    # QEMU's loader refuses a section of no bytes; a loader that takes it finds stage0 without its
    # bytes, which is the case before with one byte more.
    b = boot([(K, PARTS.kernel), (C, PARTS.cmdline + PARTS.rd0), (R, b''), (R, RD1)])
    stops(b)


def leading_words_in_the_kernels_tail_stop():
    for n in (1, len('selfsame.rd0='), PARTS.cmdline.index(b' ') + 1, len(PARTS.cmdline) - 1):
        b = boot([(K, PARTS.kernel + PARTS.cmdline[:n]), (C, PARTS.cmdline[n:]), (R, PARTS.rd0),
                  (R, RD1)])
        stops(b, 'rt:E02 ' if b'console=ttyS0' in PARTS.cmdline[n:] else None)


def the_kernels_tail_in_the_command_line_stops():
    # Bytes that are no words: zeros, at the end of this kernel or not, end the command line.
    stops(boot([(K, PARTS.kernel[:-4]), (C, PARTS.kernel[-4:] + PARTS.cmdline), (R, PARTS.rd0),
                (R, RD1)]))


def words_that_the_host_adds_decide_nothing():
    full = [(K, PARTS.kernel), (C, PARTS.cmdline), (R, PARTS.rd0), (R, RD1)]
    is_the_same(boot(full, '--append', 'selfsame.rd0=1:' + 96 * '0' + ' init=/app/rootfs/init'))
    is_the_same(boot(full, '--append', 'retain_initrd=0 root=/dev/ram0 rw single'))


def words_about_ramdisks_start_nothing_else():
    full = [(K, PARTS.kernel), (C, PARTS.cmdline), (R, PARTS.rd0), (R, RD1)]
    is_the_same(boot(full, '--append', 'noinitrd'))  # it is for the kernel's unpacker: unused
    stops(boot(full, '--append', 'rdinit=/app/rootfs/init'))


def a_second_archive_is_refused():
    b = rig.Boot(PARTS.eif(RD1, E.archive([E.regular('init', rig.load(rig.PROBE), 0o755)])))
    b.stopped(15)


def zeros_behind_ramdisk_1_are_not():
    rig.Boot(PARTS.eif(RD1, bytes(4096))).expect('rt:10 ', 'rt:20 application exited 0')


def an_init_beside_the_image_is_refused():
    tree = [E.directory('rootfs'), E.regular('rootfs/probe', rig.load(rig.PROBE), 0o755)]
    config = E.regular('config', E.config(tree, ['/probe']), 0o400)
    outside = E.regular('init', rig.load(rig.PROBE), 0o755)
    rig.Boot(PARTS.eif(E.archive([config, outside] + tree))).stopped(15)
    rig.Boot(PARTS.eif(E.archive([config] + tree + [E.regular('zinit', b'', 0o755)]))).stopped(15)


def another_ramdisk_0_is_refused():
    other = E.runtime_ramdisk(PARTS.init + b'\0', PARTS.dataplane, PARTS.keyplane)
    b = rig.Boot(E.standard(PARTS.kernel, PARTS.cmdline, other, RD1))
    b.stopped(4)
    b.expect_not('rt:01 ')


def a_config_that_announces_something_else_is_refused():
    tree = [E.directory('rootfs'), E.regular('rootfs/probe', rig.load(rig.PROBE), 0o755)]
    for key, value in (('entries', 3), ('entries', 1), ('bytes', 1)):
        config = E.regular('config', E.config(tree, ['/probe'], **{key: value}), 0o400)
        b = rig.Boot(PARTS.eif(E.archive([config] + tree)))
        b.expect('rt:E')
        b.expect_not('rt:10 ')


def an_archive_that_is_cut_is_refused():
    for cut in (len(RD1) - 1, len(RD1) - 124, len(RD1) // 2):
        b = rig.Boot(PARTS.eif(RD1[:cut]))
        b.expect('rt:E15 ')
        b.expect_not('rt:10 ')


rig.run([
    the_canonical_one_starts,
    ramdisk_1_in_pieces_is_the_same,
    first_bytes_of_ramdisk_0_in_the_command_line_stop,
    an_empty_ramdisk_0_stops,
    leading_words_in_the_kernels_tail_stop,
    the_kernels_tail_in_the_command_line_stops,
    words_that_the_host_adds_decide_nothing,
    words_about_ramdisks_start_nothing_else,
    a_second_archive_is_refused,
    zeros_behind_ramdisk_1_are_not,
    an_init_beside_the_image_is_refused,
    another_ramdisk_0_is_refused,
    a_config_that_announces_something_else_is_refused,
    an_archive_that_is_cut_is_refused,
])
