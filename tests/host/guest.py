# SPDX-License-Identifier: Apache-2.0
"""A guest without a QEMU, and frames of docs/formats/vsock.md, written a second time.

Guest speaks vhost-user as QEMU does, has two virtio rings in shared memory as Linux has, and vsock
streams on top: listen(), call(), Stream. tests/host/fake_qemu runs one in QEMU's place.
"""
import mmap
import os
import queue
import select
import socket
import struct
import threading

HOST_CID = 3
QUEUE = 128
ROOM = 16384  # of one buffer, either way
UADDR = 0x7f0000000000
BUFS = 0x40000
SIZE = BUFS + 2 * QUEUE * ROOM
ALLOC = 1 << 18  # what a stream of ours takes unread
HEAD = struct.Struct('<QQIIIHHIII')  # 44 bytes
REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST = range(1, 8)
LIMIT = 30  # seconds that anything may take

HELLO, TIME, STOP, SCRAPE, CSR_ASK, CHAIN = 1, 2, 3, 4, 5, 6
WELCOME, STATE, LOG, LOST, METRICS, EXIT, CSR, CHAIN_SAID = 16, 17, 18, 19, 20, 21, 22, 23
OPEN, OPENED = 32, 33
STARTING, READY, FAILING, DRAINING, RESTARTING, WAITING = range(6)
STDOUT, STDERR, RUNTIME, DATAPLANE = 1, 2, 3, 4


def wait(eventfd):
    """The other side has made it non-blocking."""
    select.select([eventfd], [], [])
    try:
        os.eventfd_read(eventfd)
    except BlockingIOError:
        pass


def frame(kind, body=b''):
    return struct.pack('>B3xI', kind, len(body)) + body


def welcome(memory=1 << 28):
    return frame(WELCOME, struct.pack('>HHQ', 1, 0, memory))


def state(which, reason=b''):
    return frame(STATE, bytes([which]) + reason)


def log(source, text, flags=0):
    return frame(LOG, struct.pack('>BBHQ', source, flags, 0, 1) + text)


def ended(kind, value, reason=b''):
    return frame(EXIT, struct.pack('>BBH', kind, value, 0) + reason)


def open_name(transport, name, port):
    return frame(OPEN, struct.pack('>BBH', transport, 1, port) + name)


def open_addr(transport, addr, port):
    return frame(OPEN, struct.pack('>BBH', transport, len(addr), port) + addr
                 if len(addr) == 4 else
                 struct.pack('>BBH', transport, 6, port) + addr)


class Stream:
    """One vsock stream, from inside. Blocking, with a time limit."""

    def __init__(self, guest, local, peer):
        self.guest, self.local, self.peer = guest, local, peer
        self.cond = threading.Condition(guest.lock)
        self.open = self.dead = self.peer_done = self.peer_deaf = False
        self.got, self.fwd, self.told = bytearray(), 0, 0
        self.sent, self.peer_alloc, self.peer_fwd = 0, 0, 0
        self.shut, self.limit = 0, LIMIT

    def _wait(self, what):
        assert self.cond.wait_for(what, self.limit), 'a stream is stuck'

    def send(self, data):
        """All of it; ConnectionError when the other side takes no more."""
        at = 0
        while at < len(data):
            with self.cond:
                self._wait(lambda: self.dead or self.peer_deaf or
                           self.peer_alloc - (self.sent - self.peer_fwd) > 0)
                if self.dead or self.peer_deaf:
                    raise ConnectionError
                n = min(len(data) - at, self.peer_alloc - (self.sent - self.peer_fwd),
                        ROOM - HEAD.size)
                self.sent += n
            self.guest.packet(self, RW, data[at:at + n])
            at += n

    def recv(self, n):
        """Up to n bytes; b'' at the end."""
        with self.cond:
            self._wait(lambda: self.got or self.peer_done or self.dead)
            out = bytes(self.got[:n])
            del self.got[:n]
            self.fwd += len(out)
            tell = self.fwd - self.told > ALLOC // 4 and not self.dead
            if tell:
                self.told = self.fwd
        if tell:
            self.guest.packet(self, CREDIT_UPDATE)
        return out

    def exactly(self, n):
        out = b''
        while len(out) < n:
            more = self.recv(n - len(out))
            if not more:
                raise EOFError(out)
            out += more
        return out

    def everything(self):
        out = bytearray()
        while True:
            more = self.recv(1 << 16)
            if not more:
                return bytes(out)
            out += more

    def frame(self):
        """(type, body), or None at the end."""
        try:
            kind, n = struct.unpack('>B3xI', self.exactly(8))
            return kind, self.exactly(n)
        except EOFError:
            return None

    def datagram(self):
        return self.exactly(struct.unpack('>H', self.exactly(2))[0])

    def send_datagram(self, data):
        self.send(struct.pack('>H', len(data)) + data)

    def shutdown(self):
        self.shut |= 2
        if not self.dead:
            self.guest.packet(self, SHUTDOWN, flags=self.shut)

    def close(self):
        self.shut = 3
        if not self.dead:
            self.guest.packet(self, SHUTDOWN, flags=3)

    def reset(self):
        self.guest.packet(self, RST)
        self.guest.forget(self)


class Guest:
    def __init__(self, path):
        self.lock = threading.RLock()
        self.tx_lock = threading.Lock()
        self.streams, self.listeners, self.next_port = {}, {}, 50000
        memfd = os.memfd_create('guest')
        os.ftruncate(memfd, SIZE)
        self.mem = mmap.mmap(memfd, SIZE)
        self.words = memoryview(self.mem).cast('H')  # stored at once, as struct does not
        self.kick = [os.eventfd(0), os.eventfd(0)]
        self.call_fd = [os.eventfd(0), os.eventfd(0)]
        self.offered, self.taken = [0, 0], [0, 0]
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self._introduce(memfd)
        for i in range(QUEUE):
            self._desc(0, i, self._buf(0, i), ROOM, 2)
            self._offer(0, i)
        os.eventfd_write(self.kick[0], 1)
        threading.Thread(target=self._receive, daemon=True).start()

    # --- QEMU's part ---------------------------------------------------------------------

    def _say(self, request, payload=b'', fds=()):
        msg = struct.pack('<III', request, 1, len(payload)) + payload
        if fds:
            socket.send_fds(self.sock, [msg], list(fds))
        else:
            self.sock.sendall(msg)

    def _ask(self, request, payload=b''):
        self._say(request, payload)
        head = self.sock.recv(12, socket.MSG_WAITALL)
        answer, _, n = struct.unpack('<III', head)
        assert answer == request
        return self.sock.recv(n, socket.MSG_WAITALL)

    def _introduce(self, memfd):
        features, = struct.unpack('<Q', self._ask(1))
        assert features >> 32 & 1 and features >> 30 & 1
        self._say(2, struct.pack('<Q', 1 << 32 | 1 << 30))
        self._say(3)
        assert struct.unpack('<Q', self._ask(15))[0] >> 9 & 1
        self._say(16, struct.pack('<Q', 1 << 9))
        config = self._ask(24, struct.pack('<III', 0, 8, 0) + bytes(8))
        self.cid, = struct.unpack('<Q', config[12:20])
        self._say(5, struct.pack('<QQQQQ', 1, 0, SIZE, UADDR, 0), [memfd])
        for q in (0, 1):
            at = UADDR + q * 0x10000
            self._say(8, struct.pack('<II', q, QUEUE))
            self._say(10, struct.pack('<II', q, 0))
            self._say(9, struct.pack('<QQQQQ', q, at, at + 0x8000, at + 0x4000, 0))
            self._say(12, struct.pack('<Q', q), [self.kick[q]])
            self._say(13, struct.pack('<Q', q), [self.call_fd[q]])
            self._say(18, struct.pack('<II', q, 1))

    # --- rings -----------------------------------------------------------------------------

    def _buf(self, q, i):
        return BUFS + (q * QUEUE + i) * ROOM

    def _desc(self, q, i, at, n, flags):
        struct.pack_into('<QIHH', self.mem, q * 0x10000 + 16 * i, at, n, flags, 0)

    def _offer(self, q, head):
        avail = q * 0x10000 + 0x4000
        struct.pack_into('<H', self.mem, avail + 4 + 2 * (self.offered[q] % QUEUE), head)
        self.offered[q] = (self.offered[q] + 1) & 0xffff
        self.words[avail // 2 + 1] = self.offered[q]

    def _used(self, q):
        """(head, length) of the next buffer that came back, or None."""
        used = q * 0x10000 + 0x8000
        if self.words[used // 2 + 1] == self.taken[q]:
            return None
        got = struct.unpack_from('<II', self.mem, used + 4 + 8 * (self.taken[q] % QUEUE))
        self.taken[q] = (self.taken[q] + 1) & 0xffff
        return got

    def raw(self, packet):
        """A packet as it is, right or wrong."""
        with self.tx_lock:
            while (self.offered[1] - self.taken[1]) & 0xffff >= QUEUE:
                if self._used(1) is None:
                    wait(self.call_fd[1])
            i = self.offered[1] % QUEUE
            at = self._buf(1, i)
            self.mem[at:at + len(packet)] = packet
            self._desc(1, i, at, len(packet), 0)
            self._offer(1, i)
        os.eventfd_write(self.kick[1], 1)

    # --- streams ---------------------------------------------------------------------------

    def packet(self, s, op, data=b'', flags=0):
        self.raw(HEAD.pack(self.cid, HOST_CID, s.local, s.peer, len(data), 1, op, flags, ALLOC,
                           s.fwd & 0xffffffff) + data)

    def forget(self, s):
        with self.lock:
            s.dead = True
            self.streams.pop((s.local, s.peer), None)
            s.cond.notify_all()

    def _receive(self):
        while True:
            wait(self.call_fd[0])
            back = False
            while True:
                got = self._used(0)
                if got is None:
                    break
                at = self._buf(0, got[0])
                packet = self.mem[at:at + got[1]]
                self._offer(0, got[0])
                back = True
                self._handle(packet)
            if back:
                os.eventfd_write(self.kick[0], 1)

    def _handle(self, packet):
        h = HEAD.unpack(packet[:HEAD.size])
        peer, local, n, op, flags, alloc, fwd = h[2], h[3], h[4], h[6], h[7], h[8], h[9]
        with self.lock:
            s = self.streams.get((local, peer))
            if s is None and op == REQUEST:
                self._accept(local, peer, alloc, fwd)
                return
            if s is None:
                return
            s.peer_alloc, s.peer_fwd = alloc, s.peer_fwd + ((fwd - s.peer_fwd) & 0xffffffff)
            if op == RESPONSE:
                s.open = True
            elif op == RW:
                s.got += packet[HEAD.size:HEAD.size + n]
            elif op == SHUTDOWN:
                s.peer_deaf |= bool(flags & 1)
                s.peer_done |= bool(flags & 2)
            elif op == RST:
                s.dead = True
                del self.streams[(local, peer)]
            s.cond.notify_all()
        if op == CREDIT_REQUEST:
            self.packet(s, CREDIT_UPDATE)
        elif op == SHUTDOWN and s.peer_done and s.peer_deaf and not s.dead:
            self.packet(s, RST)

    def _accept(self, local, peer, alloc, fwd):
        s = Stream(self, local, peer)
        if local not in self.listeners:
            self.packet(s, RST)
            return
        s.open, s.peer_alloc, s.peer_fwd = True, alloc, fwd
        self.streams[(local, peer)] = s
        self.packet(s, RESPONSE)
        self.listeners[local].put(s)

    def listen(self, port):
        q = queue.Queue()
        with self.lock:
            self.listeners[port] = q
        return lambda: q.get(timeout=LIMIT)

    def serve(self, port, handler):
        """A thread for each caller."""
        accept = self.listen(port)

        def loop():
            while True:
                try:
                    s = accept()
                except queue.Empty:
                    continue
                threading.Thread(target=handler, args=[s], daemon=True).start()
        threading.Thread(target=loop, daemon=True).start()

    def call(self, port):
        with self.lock:
            self.next_port += 1
            s = Stream(self, self.next_port, port)
            self.streams[(s.local, port)] = s
        self.packet(s, REQUEST)
        with s.cond:
            s._wait(lambda: s.open or s.dead)
        if s.dead:
            raise ConnectionRefusedError(port)
        return s

    # --- what every guest does -------------------------------------------------------------

    def say(self, text):
        os.write(1, text.encode() + b'\r\n')

    def beat(self):
        s = self.call(9000)
        s.send(b'\xb7')
        assert s.exactly(1) == b'\xb7'
        s.close()
        self.say('rt:05 heartbeat answered')

    def control(self, *frames):
        """Waits for the host's call; HELLO is taken, WELCOME and these frames are sent."""
        s = self.listen(9001)()
        s.limit = 600  # the test decides how long it takes
        kind, body = s.frame()
        assert kind == HELLO and len(body) == 16
        self.egress_port, self.host_time = struct.unpack('>4xIQ', body)
        s.send(welcome() + b''.join(frames))
        return s
