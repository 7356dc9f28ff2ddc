# SPDX-License-Identifier: Apache-2.0
"""init and dataplane together, as a host sees them over the control port (docs/formats/vsock.md)."""
import os
import re
import socket
import struct
import time

import rig
from caller import (DRAINING, EXIT, HELLO, LOG, LOST, RESTARTING, STATE, STOP, TIME, WELCOME, Host,
                    frame, hello)
from rig import E

PARTS = rig.Parts()


def boot(argv, tree=(), **config):
    return rig.Live(PARTS.eif(E.app_ramdisk(rig.probe_tree(*tree), ['/probe', *argv], **config)))


def the_host_is_told_how_it_ended():
    for word, kind, value in (('exit=0', 0, 0), ('exit=7', 0, 7), ('signal=9', 1, 9)):
        with boot([word]) as g:
            h = Host(g)
            assert struct.unpack('>HHQ', h.until(WELCOME))[:2] == (1, 0)
            assert h.exit(kind, value) == ''
            g.expect('rt:12 dataplane ready', 'rt:13 clock set by the host', 'rt:10 ', 'rt:20 ',
                     'rt:21 end')
            assert [f for f in h.seen if f[0] in (LOG, LOST)] == [], h.seen


def the_host_is_told_why_it_did_not_start():
    with rig.Live(PARTS.eif(E.app_ramdisk(rig.probe_tree(), ['/none']))) as g:
        reason = Host(g).exit(2, 22)
        assert reason == "cannot start '/none': there is no such file in the image", reason


def restarts_are_states():
    with boot(['exit=7'], restart=1) as g:
        h = Host(g)
        for _ in range(3):
            assert h.until(STATE, bytes([RESTARTING]))[1:] == b'exited 7'
        h.say(STOP, bytes(4))
        h.exit(0, 7)


def a_stop_drains_and_is_waited_for():
    with boot(['term=3'], restart=2) as g:
        h = Host(g)
        g.wait_for('waiting for the signal')
        h.say(STOP, struct.pack('>I', 30000))
        h.until(STATE, bytes([DRAINING]))
        h.exit(0, 3)
        g.stops(15, 30000)


def who_does_not_stop_is_killed():
    with boot(['deaf'], grace=500) as g:
        h = Host(g)
        g.wait_for('waiting for the signal')
        h.say(STOP, bytes(4))
        h.exit(1, 9)


def a_host_that_never_says_hello_gets_nothing_and_holds_up_nothing():
    with boot(['exit=4']) as g:
        s = g.connect(9001)
        assert rig.receive(s, 1) is None  # the end of the stream, without a byte before it
        g.end()
        g.expect('rt:12 ', 'rt:13 the host gives no time', 'rt:10 ', 'rt:20 application exited 4',
                 'rt:21 end')


def a_port_below_1024_is_served_by_a_dataplane_without_rights():
    watcher = rig.load(os.path.join(rig.BUILD, 'tests', 'boot', 'watcher'))
    rd0 = E.archive([E.regular('dataplane', PARTS.dataplane, 0o755),
                     E.regular('init', watcher, 0o755),
                     E.regular('init.true', PARTS.init, 0o755),
                     E.regular('keyplane', PARTS.keyplane, 0o755)])
    rd1 = E.app_ramdisk(rig.probe_tree(), ['/probe', 'echo=8080', 'term=0'],
                        ingress=[E.ingress(443, 8080)])
    with rig.Live(E.standard(PARTS.kernel, E.command_line(rd0, PARTS.rest), rd0, rd1)) as g:
        h = Host(g)
        g.wait_for('echo at 8080')
        s = g.connect(443)
        s.sendall(b'to port 443')
        s.shutdown(socket.SHUT_WR)
        assert rig.receive(s, 11) == b'to port 443' and rig.receive(s, 1) is None, g.tail()
        g.wait_for('watcher: dataplane done').wait_for('waiting for the signal')
        rights = [x[19:] for x in g.lines() if x.startswith('watcher: dataplane ')]
        none = '\t0000000000000000'
        for line in ('Uid:' + 4 * '\t1073741568', 'Gid:' + 4 * '\t1073741568', 'Groups:\t ',
                     'CapInh:' + none, 'CapPrm:' + none, 'CapEff:' + none, 'CapBnd:' + none,
                     'CapAmb:' + none, 'NoNewPrivs:\t1', 'Seccomp:\t2'):
            assert line in rights, '%r: %r' % (line, rights)
        h.say(STOP, bytes(4))
        h.exit(0, 0)


def garbage_on_the_control_port_ends_the_stream_and_nothing_else():
    with boot(['term=0']) as g:
        for data in (b'x' * 100, bytes(8), frame(99), frame(HELLO, b'short'), os.urandom(5000),
                     frame(TIME, bytes(8)), frame(HELLO, hello()[8:] + b'x'), b'\xff' * 70000):
            s = g.connect(9001)
            try:
                s.sendall(data)
            except BrokenPipeError:
                pass  # it has seen enough
            assert rig.receive(s, 1) is None, data[:20]
        h = Host(g)
        h.until(WELCOME)
        g.wait_for('waiting for the signal')
        h.s.sendall(b'\xee' * 64)
        while h.hear() is not None:
            pass
        h = Host(g)  # a stream that ended may be replaced
        h.until(WELCOME)
        h.say(STOP, bytes(4))
        h.exit(0, 0)


def clock_jumps_are_refused():
    start = 1900000000 * 10**9  # 2030, as this host has it
    with boot(['clock=10', 'term=0'], clock=1000) as g:
        h = Host(g, start)
        g.wait_for('clock 19')
        time.sleep(1.5)  # times closer together than a second count as one
        h.say(TIME, struct.pack('>Q', start - 3600 * 10**9))
        g.wait_for('refused')
        h.say(TIME, struct.pack('>Q', start + 86400 * 10**9))
        g.wait_for('waiting for the signal')
        h.say(STOP, bytes(4))
        h.exit(0, 0)
        said = [x for x in g.lines() if 'jumps' in x]
        assert len(said) == 1, said
        assert re.match(r'rt:13 the host.s time jumps 36\d{5} ms back, the bound is 1000: refused$',
                        said[0]), said
        clocks = [int(x.split()[1]) for x in g.lines() if x.startswith('clock ')]
        assert clocks == sorted(clocks) and 0 <= clocks[-1] - 1900000000 < 100, clocks


def a_flood_of_lines_is_cut_and_counted():
    count = 30000
    with boot(['flood=%d' % count, 'stderr=the last line', 'exit=0'], logs=True) as g:
        h = Host(g)
        h.until(WELCOME)
        time.sleep(2)  # this host does not read
        g.wait_for('the last line')
        h.exit(0, 0)
        logs = [b for k, b in h.seen if k == LOG]
        lost = sum(struct.unpack('>QQ', b)[0] for k, b in h.seen if k == LOST)
        flood = [b for b in logs if b[0] == 1 and b[12:].startswith(b'flood ')]
        print('# %d of %d lines arrived, %d were counted as dropped' % (len(flood), count, lost))
        assert len(flood) > 0 and len(logs) + lost >= count, (len(logs), lost)
        assert any(b[0] == 2 and b[12:] == b'the last line' for b in logs) or lost > 0
        numbers = [int(b[18:]) for b in flood]
        assert numbers == sorted(numbers)


rig.run([
    the_host_is_told_how_it_ended,
    the_host_is_told_why_it_did_not_start,
    restarts_are_states,
    a_stop_drains_and_is_waited_for,
    who_does_not_stop_is_killed,
    a_host_that_never_says_hello_gets_nothing_and_holds_up_nothing,
    a_port_below_1024_is_served_by_a_dataplane_without_rights,
    garbage_on_the_control_port_ends_the_stream_and_nothing_else,
    clock_jumps_are_refused,
    a_flood_of_lines_is_cut_and_counted,
])
