# SPDX-License-Identifier: Apache-2.0
"""The host chooses the memory. Each size gives a complete start or a refusal, nothing between."""
import re

import rig
from rig import E

PARTS = rig.Parts()
FILES = 1500
TREE = [E.directory('rootfs/d'), E.regular('rootfs/d/large', bytes(40 << 20))]
TREE += [E.regular('rootfs/d/%04d' % i, b'%d' % i) for i in range(FILES)]
TOTAL = sum(len(e.body) for e in TREE)
# With all that dataplane may hold from the start.
EIF = PARTS.eif(E.app_ramdisk(rig.probe_tree(*TREE), ['/probe', 'count=/d'], logs=True,
                              egress=[b'*.example.com:443'], ingress=[E.ingress(443, 8080)]))
COMPLETE = 'counted %d entries %d bytes' % (len(TREE), TOTAL)


def outcome(mib):
    """'complete', 'refused' (with a code), or 'dead' (the kernel did not reach our code)."""
    b = rig.Boot(EIF, mem='%dM' % mib)
    if b.find('rt:10 ') is not None:
        b.expect('rt:07 image complete', 'rt:10 ', COMPLETE, 'rt:20 application exited 0')
        return 'complete', b
    b.expect_not('counted')
    if b.find('rt:E') is not None:
        return 'refused', b
    assert b.find('rt:02 ') is None, b.tail()  # our code was reached: it had to give its reason
    return 'dead', b


def limit():
    """The size that a refusal asks for."""
    what, b = outcome(112)
    assert what == 'refused', b.tail()
    more = re.search(r'give the enclave (\d+) MiB more', b.find('rt:E17 '))
    assert more, b.tail()
    return 112 + int(more[1])


def each_mib_around_the_limit_starts_all_or_refuses():
    at = limit()
    print('# the limit is %d MiB' % at)
    seen = [outcome(at + d) for d in range(-4, 3)]
    words = [w for w, _ in seen]
    print('# %s' % ' '.join(words))
    for what, b in seen:
        if what == 'refused':
            b.stopped(17)
    assert 'dead' not in words
    # More memory never turns a start into a refusal; what a refusal asks for is enough, and what
    # is 4 MiB less is not.
    assert words == sorted(words, reverse=True), words
    assert words[0] == 'refused' and words[4] == 'complete', seen[0][1].tail()


def far_too_little_never_starts_a_part():
    seen = [(mib, outcome(mib)[0]) for mib in (48, 64, 96)]
    print('# %s' % seen)
    assert all(w != 'complete' for _, w in seen)
    assert ('refused' in [w for _, w in seen])


rig.run([
    each_mib_around_the_limit_starts_all_or_refuses,
    far_too_little_never_starts_a_part,
])
