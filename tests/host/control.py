# SPDX-License-Identifier: Apache-2.0
"""Heartbeat, control stream, states, logs, and every way in which an enclave ends."""
import json
import os
import signal
import sys
import time

import guest as G
import rig


def exits_seven(g, _):
    g.say('rt:03 no nsm')
    g.beat()
    c = g.control(G.state(G.STARTING), G.state(G.READY), G.log(G.STDOUT, b'out \xff'),
                  G.log(G.STDERR, b'err'), G.log(G.RUNTIME, b'word'),
                  G.log(G.STDOUT, b'half ', flags=1), G.log(G.STDOUT, b'a line'),
                  G.frame(G.LOST, bytes(7) + b'\x05' + bytes(7) + b'\x09'),
                  G.ended(0, 7))
    assert c.frame() is None


def killed_by_nine(g, _):
    g.beat()
    g.control(G.state(G.STARTING), G.ended(1, 9)).everything()


def refused_by_the_runtime(g, _):
    g.beat()
    g.control(G.state(G.STARTING), G.ended(2, 17, b'rt:E17 \x1b[31mno memory')).everything()


def the_applications_end_is_the_end_of_run():
    with rig.Place(logs=True) as p:
        r = p.run(exits_seven).expect(
            7, 'selfsame: app: qemu nitro-enclave', 'selfsame: ready\n', 'err\n', 'enclave: word\n',
            '5 log lines (9 bytes) lost inside', 'selfsame: app: exited 7\n')
        assert r.out == 'out \udcff\nhalf a line\n', r.out
        assert p.left() == [], p.left()
        p.run(killed_by_nine).expect(137, 'selfsame: app: killed by signal 9 (SIGKILL)\n')
        p.run(refused_by_the_runtime).expect(
            125, 'selfsame: app: stopped: rt:E17 \\x1b[31mno memory\n')


def json_has_everything_at_the_end():
    with rig.Place(logs=True) as p:
        r = p.run(exits_seven, '--json', '--name', 'n-1', '--cid', '77', '--memory', '512',
                  '--cpus', '3')
        doc = json.loads(r.out)
        assert 'out \udcff\n' in r.err and doc['EnclaveName'] == 'n-1'
        assert doc['EnclaveCID'] == 77 and doc['MemoryMiB'] == 512 and doc['NumberOfCPUs'] == 3
        assert doc['Measurements']['PCR0'] == p.pcr0()
        assert doc['State'] == 'TERMINATED' and doc['Machine'] == 'qemu nitro-enclave'
        assert doc['End'] == {'Kind': 'exited', 'Status': 7, 'Signal': None, 'Reason': '',
                              'ExitStatus': 7}, doc
        assert r.status == 7


# --- without a control stream ----------------------------------------------------------------

def console_exits(g, _):
    g.beat()
    g.say('rt:10 application started')
    g.say('hello \x07')
    g.say('rt:20 application exited 3')


def console_signal(g, _):
    g.beat()
    g.say('rt:20 application killed by signal 15')


def console_refusal(g, _):
    g.say('rt:E17 give the enclave 20 MiB more')


def console_panic(g, _):
    g.say('[    1.0] Kernel panic - not syncing: No working init found.')


def silent_end(g, _):
    g.beat()


def dead_at_once(g, _):
    pass


def status_of_qemu(g, _):
    print('qemu: first\nqemu: cannot do \x1b[1mthat', file=sys.stderr, flush=True)
    return 1


def the_console_tells_an_end_that_nobody_else_told():
    with rig.Place() as p:
        r = p.run(console_exits).expect(3)
        assert 'hello \\x07\n' in r.out and 'rt:20 application exited 3\n' in r.out
        p.run(console_signal).expect(143, 'killed by signal 15 (SIGTERM)\n')
        p.run(console_refusal).expect(125, 'stopped: rt:E17 give the enclave 20 MiB more\n')
        p.run(console_panic).expect(125, 'stopped: kernel panic: No working init found.\n')
        p.run(silent_end).expect(125, 'failed: the enclave ended without a word\n')
        p.run(dead_at_once).expect(125, 'failed: the enclave ended before its first heartbeat\n')
        p.run(status_of_qemu).expect(
            125, 'failed: QEMU ended with status 1: qemu: cannot do \x1b[1mthat\n')


def lies_in_console(g, _):
    g.beat()
    g.say('rt:20 application exited 0')
    g.control(G.state(G.STARTING), G.ended(0, 9)).everything()


def the_control_stream_counts_more_than_the_console():
    with rig.Place() as p:
        p.run(lies_in_console).expect(9)


# --- registers -------------------------------------------------------------------------------

def other_register(g, _):
    g.say('rt:03 nsm ready, i-1, pcr0 ' + 'ab' * 48)
    g.beat()
    time.sleep(G.LIMIT)


def same_register(g, _):
    g.say('rt:03 nsm ready, i-1, pcr0 ' + os.environ['PCR0'])
    g.beat()
    g.say('rt:10 application started')
    g.say('rt:03 nsm ready, i-1, pcr0 ' + 'ab' * 48)  # the application's idea
    g.say('rt:20 application exited 0')


def another_pcr0_stops_the_run():
    with rig.Place() as p:
        p.run(other_register).expect(
            125, 'QEMU measured another image: its PCR0 is %s, this file\'s is %s' %
            ('ab' * 48, p.pcr0()))
        p.run(same_register, PCR0=p.pcr0()).expect(0)


# --- stopping --------------------------------------------------------------------------------

def stops_when_told(g, _):
    g.beat()
    c = g.control(G.state(G.READY))
    kind, body = c.frame()
    assert kind == G.STOP
    c.send(G.state(G.DRAINING) + G.log(G.STDOUT, b'grace %d' % int.from_bytes(body, 'big')) +
           G.ended(0, 4))
    c.everything()


def never_stops(g, _):
    g.beat()
    c = g.control(G.state(G.READY))
    assert c.frame()[0] == G.STOP
    c.send(G.log(G.STDERR, b'I will not'))
    c.frame()
    time.sleep(G.LIMIT)


def deaf(g, _):
    g.beat()
    time.sleep(G.LIMIT)


def exits_but_stays(g, _):
    g.beat()
    g.control(G.state(G.READY), G.ended(0, 5)).everything()
    time.sleep(G.LIMIT)


def a_signal_stops_it_in_order_and_a_second_one_at_once():
    with rig.Place(logs=True) as p:
        r = p.start(stops_when_told, '--grace', '33')
        rig.wait_line(r, 'selfsame: ready')
        rig.stop(r)
        got = rig.Result(r).expect(4, 'selfsame: stopping\n', 'draining\n', 'exited 4\n')
        assert got.out == 'grace 33000\n'
        r = p.start(never_stops)
        rig.wait_line(r, 'selfsame: ready')
        r.send_signal(signal.SIGINT)
        rig.wait_line(r, 'I will not')
        r.send_signal(signal.SIGINT)
        r.wait(rig.TIMEOUT)
        rig.Result(r).expect(137, 'killed: told to stop a second time\n')
        r = p.start(deaf)
        rig.wait_line(r, 'qemu nitro-enclave')
        rig.stop(r)
        rig.Result(r).expect(137, 'killed: it cannot be told to stop')
        assert p.left() == [], p.left()


def an_enclave_that_stays_after_its_last_word_is_ended():
    with rig.Place(logs=True) as p:
        p.run(exits_but_stays).expect(5, 'the machine goes on: ended\n')


# --- a hostile or a broken guest -------------------------------------------------------------

def breaks_the_form(g, _):
    g.beat()
    g.control(b'\xff' * 64).everything()
    g.control(G.state(G.READY), G.frame(G.HELLO, bytes(16))).everything()
    c = g.listen(9001)()
    c.frame()
    c.send(G.state(G.READY))  # before WELCOME
    c.everything()
    g.control(G.state(G.READY), G.ended(0, 0)).everything()


def a_control_stream_that_breaks_the_form_is_made_again():
    with rig.Place(logs=True) as p:
        p.run(breaks_the_form).expect(0, "the enclave's control stream: ")


def floods(g, _):
    g.beat()
    c = g.control(G.state(G.READY))
    line = G.log(G.STDOUT, b'x' * 8000) * 32
    for _ in range(256):  # 64 MiB
        c.send(line)
    c.send(G.ended(0, 0))
    c.everything()


def a_flood_of_lines_costs_bounded_memory_and_none_is_lost():
    with rig.Place(logs=True) as p:
        r = p.start(floods)
        peak = 0
        while r.poll() is None:
            try:
                with open('/proc/%d/status' % r.pid, encoding='ascii') as f:
                    peak = max([peak] + [int(x.split()[1]) for x in f if x.startswith('VmHWM')])
            except OSError:
                pass
            time.sleep(0.02)
        assert rig.Result(r).status == 0, rig.text(r.err)
        assert len(rig.text(r.out)) == 256 * 32 * 8001
        assert os.environ.get('SANITIZED') or 0 < peak < 40000, peak


def beats_wrongly(g, _):
    for byte in (b'\x00', b'\xb8', b'\xb7'):
        s = g.call(9000)
        s.send(byte)
        assert s.everything() == (byte if byte == b'\xb7' else b'')
    g.beat()
    g.control(G.state(G.READY), G.ended(0, 0)).everything()


def only_the_right_byte_is_a_heartbeat():
    with rig.Place(logs=True) as p:
        p.run(beats_wrongly).expect(0)


def wrong_packets(g, _):
    g.beat()
    for op in (0, 9, 65535):
        g.raw(G.HEAD.pack(g.cid, 3, 1, 2, 0, 1, op, 0, 0, 0))
    g.raw(G.HEAD.pack(99, 3, 1, 9000, 0, 1, G.REQUEST, 0, 0, 0))
    g.raw(b'short')
    time.sleep(G.LIMIT)


def a_ring_that_breaks_the_rules_ends_the_run():
    with rig.Place() as p:
        p.run(wrong_packets).expect(125, 'QEMU was killed by signal 9: the guest sent a packet of '
                                         '5 bytes\n')


if __name__ == '__main__':
    rig.main([
        the_applications_end_is_the_end_of_run,
        json_has_everything_at_the_end,
        the_console_tells_an_end_that_nobody_else_told,
        the_control_stream_counts_more_than_the_console,
        another_pcr0_stops_the_run,
        a_signal_stops_it_in_order_and_a_second_one_at_once,
        an_enclave_that_stays_after_its_last_word_is_ended,
        a_control_stream_that_breaks_the_form_is_made_again,
        a_flood_of_lines_costs_bounded_memory_and_none_is_lost,
        only_the_right_byte_is_a_heartbeat,
        a_ring_that_breaks_the_rules_ends_the_run,
    ])
