#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of what a host reads: of its enclave, of its console, of its own socket."""
import os
import struct

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus')


def store(target, name, data):
    assert len(data) <= 4096, name
    os.makedirs(os.path.join(TOP, target), exist_ok=True)
    with open(os.path.join(TOP, target, name), 'wb') as f:
        f.write(data)


def frame(kind, body=b''):
    return struct.pack('>B3xI', kind, len(body)) + body


def piece(where, data):
    return b''.join(bytes([where, len(data[i:i + 255])]) + data[i:i + 255]
                    for i in range(0, max(len(data), 1), 255))


WELCOME = frame(16, struct.pack('>HHQ', 1, 0, 1 << 30))
READY, EXIT = frame(17, b'\1'), frame(21, b'\0\7\0\0')
UDP = frame(32, b'\x11\4\0\1' + bytes([127, 0, 0, 1]))


def log(text, source=1, flags=0):
    return frame(18, struct.pack('>BBHQ', source, flags, 0, 7) + text)


def question(name):
    labels = b''.join(bytes([len(x)]) + x for x in name.split(b'.')) + b'\0'
    return b'\1\2\1\0\0\1\0\0\0\0\0\0' + labels + b'\0\1\0\1'


def gram(data):
    return struct.pack('>H', len(data)) + data


def host():
    start = piece(0, WELCOME + READY)
    store('host', 'life', start + piece(0, log(b'a line') + log(b'half', flags=1) +
                                        frame(19, struct.pack('>QQ', 2, 300)) + EXIT))
    store('host', 'after-exit', start + piece(0, EXIT + READY + log(b'x')) + piece(0, READY))
    store('host', 'no-welcome', piece(0, READY))
    store('host', 'garbage', piece(0, b'\xff' * 40) + piece(7, b'\xb7') + piece(7, b'x'))
    store('host', 'wrong-way', start + piece(0, frame(2, struct.pack('>Q', 1))))
    store('host', 'scrape', start + piece(8, b'') + piece(0, frame(20, b'selfsame_x 1\nother 2\n'
                                                                  b'selfsame_\x1b 3\n')))
    store('host', 'stop', start + piece(16, b'') + piece(0, frame(17, b'\3') + EXIT))
    store('host', 'paused', start + piece(24, log(b'one')) + piece(0, log(b'two')) + piece(32, b''))
    store('host', 'opens', b''.join(piece(3, x) + piece(6, b'') for x in (
        frame(32, b'\6\1\1\xbba.example'), frame(32, b'\6\4\0\1' + bytes([127, 0, 0, 1])),
        frame(32, b'\6\6\0\1' + bytes(10) + b'\xff\xff\x7f\0\0\1'), frame(32, b'\x35\0\0\0'),
        frame(32, b'\6\4\0\2' + bytes([127, 0, 0, 1])), b'\x20\0\0\0\0\1\0\0', READY)))
    store('host', 'udp', piece(3, UDP) + piece(4, gram(b'abc') + b'\0') + piece(5, b'\2xy'))
    store('host', 'cut', piece(3, UDP[:9]) + piece(4, UDP[9:]) + piece(6, b''))
    store('host', 'dns', piece(3, frame(32, b'\x35\0\0\0')) + piece(4, gram(question(b'a.b'))) +
          piece(5, gram(b'no question') + gram(b'')))


def talk():
    for name, data in (('describe', frame(1)), ('stop', frame(2, struct.pack('>I', 5000))),
                       ('logs', frame(3, b'\1')), ('console', frame(4, b'\0')),
                       ('metrics', frame(5)), ('answers', frame(16, b'{}') + frame(18, READY) +
                                               frame(19, b'bytes') + frame(20, b'x 1\n') + frame(21)),
                       ('long', b'\3\0\0\0\xff\xff\xff\xff'), ('flag', frame(3, b'\2')),
                       ('reserved', b'\1\0\1\0\0\0\0\0'), ('cut', frame(2, bytes(4))[:-1])):
        store('talk', name, data)


def console():
    pcr0 = b'rt:03 nsm ready, i-1-enc2, pcr0 ' + b'ab' * 48 + b'\r\n'
    store('console', 'boot', b'rt:02 mounts ready\r\n' + pcr0 + b'rt:10 application started\r\n'
          b'hello\r\nrt:20 application exited 7\r\n')
    store('console', 'late', b'rt:10 application started\n' + pcr0)
    store('console', 'killed', b'rt:20 application killed by signal 9\nrt:21 end')
    store('console', 'refused', b'rt:E17 give the enclave 20 MiB \x1b[1m more\n')
    store('console', 'panic', b'[    1.0] Kernel panic - not syncing: No init found.\r\n')
    store('console', 'long', b'x' * 4095 + b'\n')
    store('console', 'ends', b'a\r\rb\r\n\n\r\n\0c')


host()
talk()
console()
