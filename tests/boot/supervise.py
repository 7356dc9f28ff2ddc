# SPDX-License-Identifier: Apache-2.0
"""init as the supervisor: what it asks of dataplane and grants it, restarts, stops, lines, clock.

In the place of dataplane runs tests/boot/plane_relay.c, so that each test says what dataplane says
(src/runtime/plane.h) and sees what it is told."""
import os
import re
import struct
import time

import rig
from rig import E

LOG, STARTED, DOWN, DRAIN, EXIT = 1, 2, 3, 4, 5
READY, TIME, STOP, FLUSHED = 32, 33, 34, 35
STDOUT, STDERR, RUNTIME = 1, 2, 3
EXITED, SIGNALLED, STOPPED = 0, 1, 2
NEVER, ON_FAILURE, ALWAYS = 0, 1, 2

PARTS = rig.Parts()
RELAY = rig.load(os.path.join(rig.BUILD, 'tests', 'boot', 'plane_relay'))
RD0 = E.runtime_ramdisk(PARTS.init, RELAY, PARTS.keyplane)
CMDLINE = E.command_line(RD0, PARTS.rest)


def eif(argv, tree=(), **config):
    rd1 = E.app_ramdisk(rig.probe_tree(*tree), ['/probe', *argv], **config)
    return E.standard(PARTS.kernel, CMDLINE, RD0, rd1)


class Told:
    """A datagram of the pair."""

    def __init__(self, data):
        self.type, self.a, self.b, zero, self.count, self.time = struct.unpack('<BBBBIQ', data[:16])
        assert zero == 0
        self.text = data[16:].decode(errors='backslashreplace')

    def __repr__(self):
        return '%d(%d %d %d %d %r)' % (self.type, self.a, self.b, self.count, self.time, self.text)


class Live(rig.Live):
    """A boot with the relay in it, and its caller."""

    def __init__(self, image):
        super().__init__(image)
        self.peer, self.told = None, []

    def call(self):
        self.wait_for('relay: config ')
        self.peer = self.connect(9001)
        return self

    def say(self, kind, when=0, raw=None):
        data = struct.pack('<BBBBIQ', kind, 0, 0, 0, 0, when) if raw is None else raw
        self.peer.sendall(struct.pack('<I', len(data)) + data)
        return self

    def hear(self):
        """The next datagram; None when the enclave has gone."""
        head = rig.receive(self.peer, 4)
        data = head and rig.receive(self.peer, struct.unpack('<I', head)[0])
        if data is None:
            return None
        self.told.append(Told(data))
        return self.told[-1]

    def hear_until(self, kind):
        while True:
            t = self.hear()
            assert t is not None, '%r\n%s' % (self.told[-20:], self.tail())
            if t.type == kind:
                return t

    def finish(self, kind, value):
        """EXIT comes with these, FLUSHED lets the machine go."""
        t = self.hear_until(EXIT)
        assert (t.a, t.b) == (kind, value), '%r\n%s' % (t, self.tail())
        self.say(FLUSHED)
        self.end()
        return t


def now():
    return time.time_ns()


def dataplane_gets_what_it_needs_and_no_more():
    with Live(eif(['id'])) as g:
        g.call()
        given = [x for x in g.lines() if x.startswith('relay: ')]
        size = len(E.config(E.canonical([E.directory('rootfs'), *rig.probe_tree()]),
                            ['/probe', 'id']))
        memory = int(re.search(r'memory (\d+) ', given[1])[1])
        assert 200 << 20 < memory < 256 << 20, given
        assert given == [
            'relay: pid 1 ids 1073741568 1073741568 1073741568 1073741568 groups 0 files 65536 '
            '65536',
            'relay: no_new_privs 1 memory %d environment none' % memory,
            'relay: capabilities effective 000000400 permitted 000000400',
            'relay: root with 0 entries, mkdir Read-only file system',
            'relay: descriptor 0 type 20000', 'relay: descriptor 1 type 20000',
            'relay: descriptor 2 type 20000', 'relay: descriptor 3 type 140000',
            'relay: descriptor 4 type 100000', 'relay: descriptor 6 type 140000',
            'relay: config %d bytes, write Operation not permitted' % size], given
        assert 'rt:10 ' not in g.text()  # nothing starts before it is ready
        g.say(READY).wait_for('rt:12 dataplane ready')
        g.say(TIME, now())
        assert g.hear_until(STARTED).count == 0
        g.finish(EXITED, 0)
        g.expect('rt:09 ', 'relay: ', 'rt:12 ', 'rt:13 clock set by the host', 'rt:10 ',
                 'pid 2 ids', 'rt:20 application exited 0', 'rt:21 end')


def it_gets_the_device_where_egress_is_allowed():
    with Live(eif(['net'], egress=[b'example.com:443'])) as g:
        g.call()
        assert 'relay: descriptor 5 type 20000' in g.lines(), g.tail()
        g.say(READY).say(TIME, now())
        g.finish(EXITED, 0)
        g.expect('rt:11 egress device up, 1 rules', 'rt:10 ', 'resolver nameserver 198.18.0.2',
                 'address egress 198.18.0.1/32', 'address egress fd53:656c:6673::1/128',
                 'udp 4 to 203.0.113.9 from 198.18.0.1',
                 'udp 6 to 2001:db8::9 from fd53:656c:6673::1')


def exit_statuses_arrive_before_the_power_goes():
    for word, kind, value in (('exit=255', EXITED, 255), ('signal=11', SIGNALLED, 11)):
        with Live(eif([word, 'relay=ready'])) as g:
            g.call().say(TIME, now())
            g.finish(kind, value)
            said = 'exited %d' if kind == EXITED else 'killed by signal %d'
            g.expect('rt:10 ', 'rt:20 application ' + said % value, 'rt:21 end')


def a_program_that_does_not_start_is_told_with_its_reason():
    image = E.app_ramdisk(rig.probe_tree(), ['/no/such', 'relay=ready'])
    with Live(E.standard(PARTS.kernel, CMDLINE, RD0, image)) as g:
        g.call().say(TIME, now())
        t = g.finish(STOPPED, 22)
        assert t.text.startswith("cannot start '/no/such': "), t
        g.expect("rt:E22 cannot start '/no/such': ")
        assert STARTED not in [t.type for t in g.told], g.told


def a_failing_program_is_started_again_with_growing_pauses():
    with Live(eif(['flag=/tmp/runs', 'zombies=3', 'exit=7', 'relay=ready'], restart=ON_FAILURE)
              ) as g:
        g.call().say(TIME, now())
        for i in range(4):
            assert g.hear_until(STARTED).count == i
            assert g.hear_until(DOWN).text == 'exited 7'
        g.say(STOP)
        t = g.hear_until(EXIT)
        assert (t.a, t.b) == (EXITED, 7), t
        g.say(FLUSHED).end()
        g.expect('rt:10 application started', 'flag 1', 'zombies 0 of 3',
                 'rt:15 application exited 7; it starts again in 100 ms',
                 'rt:10 application started again, 1 times now', 'flag 2',
                 'rt:15 application exited 7; it starts again in 200 ms', 'rt:10 ', 'flag 3',
                 'rt:15 application exited 7; it starts again in 400 ms', 'rt:10 ', 'flag 4',
                 'rt:15 application exited 7; it starts again in 800 ms', 'rt:20 ')


def a_program_that_ends_well_is_started_again_only_by_always():
    with Live(eif(['exit=0', 'relay=ready'], restart=ON_FAILURE)) as g:
        g.call().say(TIME, now())
        g.finish(EXITED, 0)
    with Live(eif(['exit=0', 'relay=ready'], restart=ALWAYS)) as g:
        g.call().say(TIME, now())
        for i in range(3):
            assert g.hear_until(STARTED).count == i
        g.say(STOP)
        g.hear_until(EXIT)
        g.say(FLUSHED).end()


def a_stop_drains_signals_and_ends_restarts():
    with Live(eif(['term=5', 'relay=ready'], restart=ALWAYS, stop_signal=15)) as g:
        g.call().say(TIME, now())
        g.hear_until(STARTED)
        g.wait_for('waiting for the signal').say(STOP, 20000)
        t = g.hear_until(DRAIN)
        assert t.text == '', t
        g.finish(EXITED, 5)
        g.stops(15, 20000).expect('rt:14 application stops: ', 'got signal 15',
                                  'rt:20 application exited 5')
        assert 'starts again' not in g.text(), g.tail()


def a_program_that_ignores_the_signal_is_killed_after_the_grace():
    with Live(eif(['deaf', 'relay=ready'], restart=ALWAYS, grace=700, stop_signal=1)) as g:
        g.call().say(TIME, now())
        g.wait_for('waiting for the signal').say(STOP)
        g.hear_until(DRAIN)
        start = time.monotonic()
        g.finish(SIGNALLED, 9)
        assert time.monotonic() - start > 0.5
        g.stops(1, 700).expect('rt:14 application stops: ',
                               'rt:14 application does not stop: killed',
                               'rt:20 application killed by signal 9')


def without_the_hosts_time_it_starts_all_the_same():
    with Live(eif(['exit=3', 'relay=ready', 'relay=alone'])) as g:
        g.end()
        g.expect('rt:12 ', 'rt:13 the host gives no time: the clock stays as it is', 'rt:10 ',
                 'rt:20 application exited 3', 'rt:21 end')


def the_clock_is_set_once_and_jumps_are_refused():
    with Live(eif(['clock=6', 'relay=ready'], clock=2000)) as g:
        g.call()
        first = 1900000000 * 10**9  # 2030: as the host says
        g.say(TIME, first)
        g.wait_for('clock 19000')
        g.say(TIME, first + 3600 * 10**9)  # an hour ahead
        g.say(TIME, first - 86400 * 10**9)  # a day back: refused, and not said for a minute
        g.say(TIME, 0)
        g.finish(EXITED, 0)
        g.expect('rt:13 clock set by the host', 'rt:10 ', 'clock 19000')
        said = [x for x in g.lines() if x.startswith('rt:13 ') and 'jumps' in x]
        assert len(said) == 1, said
        m = re.match(r'rt:13 the host.s time jumps (\d+) ms ahead, the bound is 2000: refused$',
                     said[0])
        assert m and 3540000 < int(m[1]) < 3600000, said
        clocks = [int(x.split()[1]) for x in g.lines() if x.startswith('clock ')]
        assert len(clocks) == 6 and clocks == sorted(clocks), clocks
        assert 1900000000 <= clocks[0] and clocks[-1] < 1900000060, clocks


def a_stop_before_the_start_is_an_end_without_one():
    with Live(eif(['id'])) as g:
        g.call().say(STOP)
        t = g.finish(STOPPED, 27)
        assert t.text == 'stopped before the application was started', t
        assert 'rt:10 ' not in g.text()


def lines_go_to_the_host_only_where_logs_is_measured():
    words = ['id', 'stderr=to the other', 'raw=no newline', 'relay=ready']
    with Live(eif(words, logs=True)) as g:
        g.call().say(TIME, now())
        g.finish(EXITED, 0)
        logs = [(t.a, t.b, t.text) for t in g.told if t.type == LOG]
        assert (STDOUT, 0, 'cwd /') in logs and (STDERR, 0, 'to the other') in logs, logs
        assert (STDOUT, 0, 'no newlineprobe done') in logs, logs
        for i in (2, 5, 9, 10, 12, 20):  # what was said before dataplane was there, too
            assert [x for x in logs if x[0] == RUNTIME and x[2].startswith('rt:%02d ' % i)], logs
        times = [t.time for t in g.told if t.type == LOG and t.a == STDOUT]
        assert times and all(abs(t - now()) < 600 * 10**9 for t in times), times
    with Live(eif(words)) as g:
        g.call().say(TIME, now())
        g.finish(EXITED, 0)
        assert LOG not in [t.type for t in g.told], g.told
        g.expect('rt:10 ', 'to the other')


def a_flood_of_lines_never_waits_for_the_host():
    count = 20000
    with Live(eif(['flood=%d' % count, 'relay=ready', 'exit=0'], logs=True)) as g:
        g.call().say(TIME, now())
        g.wait_for('rt:20 application exited 0')  # nobody has read a line yet
        lines = []
        while True:
            t = g.hear()
            if t.type == EXIT:
                break
            lines.append(t)
        g.say(FLUSHED).end()
        arrived = [t for t in lines if t.type == LOG and t.a == STDOUT and 'flood' in t.text]
        lost = sum(t.count for t in lines if t.type == LOG)
        print('# %d lines arrived, %d were dropped' % (len(arrived), lost))
        assert 0 < len(arrived) < count and lost > 0
        said = sum(t.type == LOG for t in lines)
        own = len([x for x in g.lines() if re.match(r'rt:(0[2-9]|1\d|20) ', x)])
        # every line of the application and of init is here or counted; the last one says so
        assert said + lost >= count and said + lost <= count + own + 4, (said, lost, own)


def whatever_else_dataplane_says_ends_the_enclave():
    ready = struct.pack('<BBBBIQ', READY, 0, 0, 0, 0, 0)
    # Every form but the four: tests/unit/test_rt_plane.c.
    for raw in (ready + b'x', os.urandom(4096)):
        with Live(eif(['term=0', 'relay=ready'])) as g:
            g.call().say(TIME, now())
            g.wait_for('waiting for the signal').say(0, raw=raw)
            g.end()
            g.expect('rt:10 ', 'rt:E24 the dataplane says what it may not say')


def a_dataplane_that_ends_ends_the_enclave():
    with Live(eif(['term=0', 'relay=ready'])) as g:
        g.call().say(TIME, now())
        g.wait_for('waiting for the signal')
        g.peer.sendall(bytes(4))
        g.end()
        g.expect('rt:10 ', 'rt:E24 the dataplane exited 3')


def a_dataplane_that_cannot_start_is_a_refusal():
    rd1 = E.app_ramdisk(rig.probe_tree(), ['/probe'])
    for rd0, line in (
            (E.runtime_ramdisk(PARTS.init, b'no program', PARTS.keyplane), 'rt:E24 the dataplane exited 1'),
            (E.archive([E.regular('init', PARTS.init, 0o755), E.regular('keyplane', PARTS.keyplane, 0o755)]),
             'rt:E24 cannot open /dataplane of ramdisk 0: No such file or directory')):
        b = rig.Boot(E.standard(PARTS.kernel, E.command_line(rd0, PARTS.rest), rd0, rd1))
        assert line in b.stopped(24).lines, b.tail()
        assert ('exited' in line) == (
            'dataplane: cannot start: Exec format error' in b.lines), b.tail()


rig.run([
    dataplane_gets_what_it_needs_and_no_more,
    it_gets_the_device_where_egress_is_allowed,
    exit_statuses_arrive_before_the_power_goes,
    a_program_that_does_not_start_is_told_with_its_reason,
    a_failing_program_is_started_again_with_growing_pauses,
    a_program_that_ends_well_is_started_again_only_by_always,
    a_stop_drains_signals_and_ends_restarts,
    a_program_that_ignores_the_signal_is_killed_after_the_grace,
    without_the_hosts_time_it_starts_all_the_same,
    the_clock_is_set_once_and_jumps_are_refused,
    a_stop_before_the_start_is_an_end_without_one,
    lines_go_to_the_host_only_where_logs_is_measured,
    a_flood_of_lines_never_waits_for_the_host,
    whatever_else_dataplane_says_ends_the_enclave,
    a_dataplane_that_ends_ends_the_enclave,
    a_dataplane_that_cannot_start_is_a_refusal,
])
