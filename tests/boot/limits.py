# SPDX-License-Identifier: Apache-2.0
"""An application that takes all there is ends, or waits; the runtime goes on and tells the host."""
import re
import time

import rig
from caller import RESTARTING, STATE, STOP, Host
from rig import E

PARTS = rig.Parts()


def boot(argv, **config):
    return rig.Live(PARTS.eif(E.app_ramdisk(rig.probe_tree(), ['/probe', *argv], **config)))


def who_takes_all_memory_is_killed_and_started_again():
    with boot(['flag=/tmp/runs', 'hog'], restart=1) as g:
        h = Host(g)
        for _ in range(2):
            assert h.until(STATE, bytes([RESTARTING]))[1:] == b'killed by signal 9'
        h.say(STOP, bytes(4))
        h.exit(1, 9)
        g.expect('rt:10 ', 'taking all memory', 'rt:15 application killed by signal 9',
                 'rt:10 application started again, 1 times', 'flag 2', 'rt:21 end')


def files_everywhere_leave_the_runtime_room():
    """What no end of a process gives back at once is bounded in all; the rest is for who lives."""
    words = ['fill=/tmp', 'fill=/dev/shm', 'segments']
    with boot(['flag=/run/runs', *words, 'hog'], restart=1) as g:
        h = Host(g)
        for _ in range(2):
            assert h.until(STATE, bytes([RESTARTING]))[1:] == b'killed by signal 9'
        h.say(STOP, bytes(4))
        h.exit(1, 9)
        g.expect('rt:10 ', 'flag 1', 'filled /tmp ', 'filled /dev/shm ', 'filled ', 'taking all',
                 'rt:15 ', 'flag 2', 'filled /tmp ', 'filled /dev/shm ', 'filled ', 'taking all',
                 'rt:15 ', 'rt:21 end')
        full = [x for x in g.lines() if x.startswith('filled ')]
        print('# ' + '; '.join(full))
        assert all(x.endswith(': No space left on device') for x in full), full
        mib = [int(re.search(r'(\d+) (MiB|segments)', x)[1]) for x in full[:3]]
        assert sum(mib) > 120 and mib[0] > mib[1] > mib[2] > 10, full


def a_fork_bomb_ends_with_its_program():
    with boot(['flag=/tmp/runs', 'bomb', 'exit=5'], restart=1) as g:
        h = Host(g)
        for _ in range(2):
            assert h.until(STATE, bytes([RESTARTING]))[1:] == b'exited 5'
        h.say(STOP, bytes(4))
        h.exit(0, 5)
        g.expect('rt:10 ', 'flag 1', 'forked many: ', 'rt:15 ', 'flag 2', 'forked many: ',
                 'rt:15 ', 'rt:21 end')


def a_machine_full_of_busy_programs_still_obeys():
    with boot(['busy=300'], grace=100) as g:
        h = Host(g)
        g.wait_for('waiting for the signal')
        start = time.monotonic()
        h.say(STOP, bytes(4))
        h.exit(1, 9)
        print('# %.1f s from STOP to the end' % (time.monotonic() - start))


rig.run([
    who_takes_all_memory_is_killed_and_started_again,
    files_everywhere_leave_the_runtime_room,
    a_fork_bomb_ends_with_its_program,
    a_machine_full_of_busy_programs_still_obeys,
])
