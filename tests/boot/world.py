# SPDX-License-Identifier: Apache-2.0
"""The world outside an enclave, on loopback: TCP services, a UDP echo, a DNS server. Each listens
at once and serves on threads of its own until the test ends."""
import socket
import struct
import threading

FLIP = bytes(b ^ 0xff for b in range(256))
A, AAAA, TXT = 1, 28, 16


def family(host):
    return socket.AF_INET6 if ':' in host else socket.AF_INET


def serve_tcp(host, port, serve):
    """serve(socket) for each caller, who then is hung up on."""
    server = socket.create_server((host, port), family=family(host), backlog=1024)

    def guarded(s):
        with s:
            try:
                serve(s)
            except OSError:
                pass

    def loop():
        while True:
            s, _ = server.accept()
            threading.Thread(target=guarded, args=[s], daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


def flip(s):
    """What comes goes back upside down."""
    while True:
        data = s.recv(1 << 18)
        if not data:
            break
        s.sendall(data.translate(FLIP))
    s.shutdown(socket.SHUT_WR)


def half(s):
    """Reads to the end, answers with half of what it has, and is gone."""
    while s.recv(1 << 16):
        pass
    s.sendall(b'half of ')
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def serve_udp(host, port, answer):
    """answer(datagram) goes back; None: nothing does."""
    s = socket.socket(family(host), socket.SOCK_DGRAM)
    s.bind((host, port))

    def loop():
        while True:
            data, who = s.recvfrom(65536)
            out = answer(data)
            if out is not None:
                s.sendto(out, who)
    threading.Thread(target=loop, daemon=True).start()


def question(name, kind, ident=b'\x12\x34'):
    labels = b''.join(bytes([len(x)]) + x for x in name.encode().split(b'.')) + b'\0'
    return ident + b'\x01\0\0\1\0\0\0\0\0\0' + labels + struct.pack('>HH', kind, 1)


class Names:
    """A DNS server: answers from a table {(name, type): [data, …]}; every other name is none."""

    def __init__(self, host, table):
        self.table, self.asked = table, []
        serve_udp(host, 53, self.answer)

    def answer(self, q):
        at, labels = 12, []
        while q[at] != 0:
            labels.append(q[at + 1:at + 1 + q[at]])
            at += 1 + q[at]
        kind, = struct.unpack('>H', q[at + 1:at + 3])
        name = b'.'.join(labels).decode().lower()
        self.asked.append((name, kind))
        known = any(n == name for n, _ in self.table)
        data = self.table.get((name, kind), [])
        head = q[:2] + b'\x81' + (b'\x80' if known else b'\x83') + \
            struct.pack('>HHHH', 1, len(data), 0, 0)
        return head + q[12:at + 5] + b''.join(
            b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 60, len(d)) + d for d in data)
