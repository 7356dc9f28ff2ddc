# SPDX-License-Identifier: Apache-2.0
"""usage: boot.py BUILD-DIR RUNTIME-DIR SELFSAME

Power-on to the application's exec, of an image of 4000 files and 100 MB under QEMU without hardware help, beside the
same kernel and the same archive with the least that can be in our init's place (least_init.c). Prints a row of
bench/run's table. Exit status: 1 if the target is missed, 2 and a
traceback if it could not be measured.
"""
import os
import random
import statistics
import sys
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'tests', 'boot'))
import rig  # noqa: E402

ROUNDS = int(os.environ.get('RUNS', '3')) * 2 - 1
LIMIT = 1.2


def tree():
    r = random.Random(1)
    entries = rig.probe_tree()
    for i in range(80):
        entries.append(rig.E.directory('rootfs/d%02d' % i))
        entries += [rig.E.regular('rootfs/d%02d/f%02d' % (i, j), r.randbytes(int(r.expovariate(1 / 25600)))) for j in range(50)]
    return entries


def seconds(eif, line):
    b = rig.Boot(eif, mem='768M', until=line, timeout=120)
    assert b.status == 0, b.tail()
    return b.seconds


def main():
    parts = rig.Parts()
    rd1 = rig.E.app_ramdisk(tree(), ['/probe'])
    rd0 = rig.E.archive([rig.E.regular('init', rig.load(os.path.join(rig.BUILD, 'bench', 'least_init')), 0o755)])
    least = rig.E.standard(parts.kernel, rig.E.command_line(rd0, parts.rest), rd0, rd1)
    both = [], []
    for _ in range(ROUNDS):
        both[0].append(seconds(parts.eif(rd1), 'rt:10 '))
        both[1].append(seconds(least, 'least: application started'))
    ours, floor = map(statistics.median, both)
    met = ours <= LIMIT * floor
    print('| boot, power-on to the application | %.2f s | %.2f s | %.2f | %.2f | %s |' %
          (ours, floor, ours / floor, LIMIT, 'met' if met else 'missed'))
    return 0 if met else 1


try:
    sys.exit(main())
except Exception:  # pylint: disable=broad-except
    traceback.print_exc()
    sys.exit(2)
