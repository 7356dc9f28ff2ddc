# SPDX-License-Identifier: Apache-2.0
"""The host's side of the control port (docs/formats/vsock.md), for tests that are the host."""
import struct
import time

import rig

HELLO, TIME, STOP, SCRAPE = 1, 2, 3, 4
WELCOME, STATE, LOG, LOST, METRICS, EXIT = 16, 17, 18, 19, 20, 21
STARTING, READY, FAILING, DRAINING, RESTARTING, WAITING = range(6)


def frame(kind, body=b''):
    return struct.pack('>BxxxI', kind, len(body)) + body


def hello(when=None):
    return frame(HELLO, struct.pack('>HHIQ', 1, 0, 9002, time.time_ns() if when is None else when))


class Host:
    """A caller of the control port."""

    def __init__(self, g, when=None):
        self.g, self.seen = g, []
        self.s = g.connect(9001)
        self.s.sendall(hello(when))

    def say(self, kind, body=b''):
        self.s.sendall(frame(kind, body))
        return self

    def hear(self):
        head = rig.receive(self.s, 8)
        if head is None:
            return None
        body = rig.receive(self.s, struct.unpack('>I', head[4:])[0])
        self.seen.append((head[0], body))
        return self.seen[-1]

    def until(self, kind, start=b''):
        while True:
            f = self.hear()
            assert f is not None, '%r\n%s' % (self.seen[-9:], self.g.tail())
            if f[0] == kind and f[1].startswith(start):
                return f[1]

    def exit(self, kind, value):
        """EXIT with these, then the end of the machine; returns the reason."""
        body = self.until(EXIT)
        assert (body[0], body[1]) == (kind, value), '%r\n%s' % (body, self.g.tail())
        self.s.close()
        self.g.end()
        return body[4:].decode()
