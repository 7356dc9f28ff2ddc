# SPDX-License-Identifier: Apache-2.0
"""A host that means harm: it answers with garbage, cuts streams, or never answers at all. The test
is the host; inside is the image of run_network.py, and after each attempt its service goes on. One
boot serves all of these tests."""
import json
import os
import socket
import struct
import threading
import time

import rig
import running
import world

EGRESS = 20000
V4 = running.V4
TOML = '''
[app]
command = ["/usr/bin/python3", "-I", "-S", "/srv/service.py"]
user = "65532:65532"

[egress]
allow = ["allowed.test:7", "allowed.test:8", "203.0.113.5/32:7"]

[health]
tcp = true
interval = 1

[[ingress]]
port = 8080
tls = "none"
'''


def frame(kind, body=b''):
    return struct.pack('>BxxxI', kind, len(body)) + body


def hello():
    return frame(1, struct.pack('>HHIQ', 1, 0, EGRESS, time.time_ns()))


OPENED = frame(33, bytes(4))


def hear(s):
    """(type, body) of the next frame, or None."""
    head = rig.receive(s, 8)
    if head is None:
        return None
    return head[0], rig.receive(s, struct.unpack('>I', head[4:])[0])


class Net:
    live = None
    calls = []    # egress streams whose OPEN has come, oldest first
    answer = None # what is done with the next ones

    @classmethod
    def serve(cls):
        server = socket.socket(socket.AF_UNIX)
        server.bind(os.path.join(cls.live.dir.name, 'vsock_%d' % EGRESS))
        server.listen(64)

        def one(s, answer):
            f = hear(s)
            cls.calls.append((s, f))
            try:
                answer(s)
            except OSError:
                pass

        def loop():
            while True:
                s, _ = server.accept()
                threading.Thread(target=one, args=[s, cls.answer], daemon=True).start()
        threading.Thread(target=loop, daemon=True).start()

    @classmethod
    def ask(cls, *words):
        s = cls.live.connect(8080)
        s.sendall(b'GET /%s HTTP/1.1\r\nHost: x\r\n\r\n' % '/'.join(map(str, words)).encode())
        got = b''
        while True:
            data = s.recv(1 << 16)
            if not data:
                break
            got += data
        s.close()
        return json.loads(got.split(b'\r\n\r\n', 1)[1])

    @classmethod
    def is_well(cls):
        assert cls.ask('')['hello'] == 'from inside', cls.live.tail()

    @classmethod
    def control(cls):
        """A control stream up to WELCOME; the one before must be gone."""
        def ready():
            s = cls.live.connect(9001)
            try:
                s.sendall(hello())
                f = hear(s)
            except OSError:
                f = None
            if f is None:
                s.close()
                return None
            assert f[0] == 16, f
            return s
        return running.wait_for(ready, 'WELCOME')


def hangs_up(s):
    s.close()


def flips(s):
    s.sendall(OPENED)
    world.flip(s)


def garbage(*texts):
    rest = list(texts)

    def answer(s):
        s.sendall(rest.pop(0) if len(rest) > 1 else rest[0])
        while s.recv(1 << 16):
            pass
        s.close()
    return answer


def it_starts_for_a_host_that_behaves():
    control = Net.control()
    while hear(control) != (17, b'\x01'):  # STATE ready
        pass
    Net.answer = flips
    got = Net.ask('tcp', V4, 7)
    assert got.get('got') == b'abc'.translate(world.FLIP).hex(), got
    control.close()


def garbage_on_every_port_ends_its_stream_and_nothing_else():
    texts = (b'\xff' * 300, bytes(300), b'GET / HTTP/1.1\r\n\r\n', frame(21, bytes(4)),
             hello()[:-1] + b'', hello() + b'\xff' * 64, frame(1, b'\0' * 65536))
    for port in [*range(9000, 9016), 1, 80, 65535, 65536 + 8080, EGRESS, 0x7fffffff]:
        for text in texts if port == 9001 else texts[:1]:
            s = Net.live.call_once(port)
            assert (s is not None) == (port == 9001), port
            if s is not None:
                try:
                    s.sendall(text)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(1 << 16):
                        pass
                except (ConnectionResetError, BrokenPipeError):
                    pass  # it was not waited for
                s.close()
    Net.is_well()
    Net.control().close()


def garbage_for_an_answer_is_a_refused_connection():
    for text in (b'\xff' * 64, frame(33, b'\xc8\0\0\0'), frame(33, b'') * 2, frame(16, bytes(12)),
                 frame(33, bytes(5)), b'\x21\0\0\0\xff\xff\xff\xff' + bytes(9)):
        Net.answer = garbage(text)
        assert Net.ask('tcp', V4, 7) == {'error': 'ECONNREFUSED'}, text
    Net.answer = flips
    assert Net.ask('tcp', V4, 7)['got'] == b'abc'.translate(world.FLIP).hex()


def a_stream_that_is_cut_is_cut_inside():
    Net.answer = hangs_up
    assert Net.ask('tcp', V4, 7) == {'error': 'ECONNREFUSED'}

    def cut(s):
        s.sendall(OPENED + b'half of ')
        s.close()
    Net.answer = cut
    got = Net.ask('tcp', V4, 7)
    assert got.get('got') == b'half of '.hex() or got.get('error') in ('ECONNRESET', 'EPIPE'), got
    Net.is_well()


def lies_about_names_stay_without_effect():
    Net.answer = garbage(OPENED + b'\0\5short' + b'\xff\xff' + b'x' * 300)
    for _ in range(2):
        answer = bytes.fromhex(
            Net.ask('dns', world.question('allowed.test', world.TXT).hex())['answer'])
        assert answer[:2] == b'\x12\x34' and answer[3] & 15 == 2, answer.hex()  # SERVFAIL
    inside = Net.ask('names', 'allowed.test')['addresses']
    assert inside and all(x.startswith(('198.18.', 'fd53:656c:6673:1:')) for x in inside), inside
    Net.is_well()


def who_is_never_answered_waits_alone():
    Net.calls.clear()
    Net.answer = lambda s: None
    waiting, got = [], []
    for _ in range(8):
        waiting.append(threading.Thread(target=lambda: got.append(Net.ask('tcp', V4, 7))))
        waiting[-1].start()
    running.wait_for(lambda: len(Net.calls) == 8, 'the calls')
    Net.is_well()
    answer = bytes.fromhex(
        Net.ask('dns', world.question('allowed.test', world.TXT).hex())['answer'])
    assert answer[3] & 15 == 2, answer.hex()  # SERVFAIL, after a while
    Net.answer = flips
    assert Net.ask('tcp', V4, 7)['got'] == b'abc'.translate(world.FLIP).hex()
    for s, f in list(Net.calls):
        if f[1][0] == 6:
            s.close()
    for t in waiting:
        t.join(running.LIMIT)
    assert [x.get('error') for x in got] == ['ECONNREFUSED'] * 8, got


def datagrams_out_of_form_end_only_their_flow():
    Net.answer = garbage(OPENED + b'\xff\xff' + b'x' * 100)

    def udp():
        return Net.ask('udp', 'allowed.test', 8)
    t = threading.Thread(target=udp, daemon=True)
    t.start()  # its datagram never comes whole
    running.wait_for(lambda: any(f[1][0] == 17 for _, f in list(Net.calls)), 'the flow')
    Net.is_well()
    for s, f in list(Net.calls):
        if f[1][0] == 17:
            s.close()

    def echoes(s):
        s.sendall(OPENED)
        head = rig.receive(s, 2)
        if head is not None and rig.receive(s, struct.unpack('>H', head)[0]) is not None:
            s.sendall(struct.pack('>H', 4) + b'pong')
    Net.answer = echoes
    t.join(running.LIMIT)
    assert udp()['got'] == 'pong'


def it_still_stops_in_order():
    control = Net.control()
    control.sendall(frame(3, bytes(4)))
    seen = []
    while True:
        f = hear(control)
        assert f is not None, (seen, Net.live.tail())
        seen.append(f)
        if f[0] == 21:
            break
    assert f[1][:2] == b'\0\3', f  # exited 3: what its handler of SIGTERM does
    control.close()
    Net.live.end()


with running.Place() as place:
    root = os.path.join(place.dir, 'root')
    running.python_root(root, os.path.join(running.HERE, 'service.py'))
    with rig.Live(rig.load(running.build(place.dir, root, TOML)[0]), '--timeout', '400') as Net.live:
        Net.serve()
        rig.run([
            it_starts_for_a_host_that_behaves,
            garbage_on_every_port_ends_its_stream_and_nothing_else,
            garbage_for_an_answer_is_a_refused_connection,
            a_stream_that_is_cut_is_cut_inside,
            lies_about_names_stay_without_effect,
            who_is_never_answered_waits_alone,
            datagrams_out_of_form_end_only_their_flow,
            it_still_stops_in_order,
        ])
