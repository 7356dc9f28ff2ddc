# SPDX-License-Identifier: Apache-2.0
"""Runs inside, as the application of tests/boot/run_network.py: does what its callers ask for.

    8080  HTTP: /COMMAND/ARGUMENT/… answers with JSON
    7000  echo
    7001  a line "HOST PORT", then the bytes go to a connection out and come back
    7002  UDP echo
    7003  the PROXY header that it was called with, in hex
"""
import errno
import json
import os
import selectors
import signal
import socket
import sys
import threading

threading.stack_size(256 << 10)


def reason(e):
    if isinstance(e, socket.gaierror):
        return next(k for k, v in vars(socket).items() if k.startswith('EAI_') and v == e.errno)
    if isinstance(e, TimeoutError):
        return 'ETIMEDOUT'
    return errno.errorcode[e.errno]


def everything(s):
    out = b''
    while True:
        data = s.recv(1 << 16)
        if not data:
            return out
        out += data


def tcp(host, port):
    """Connects by name as any program does; what it sends comes back upside down."""
    with socket.create_connection((host, int(port)), 60) as s:
        peer = s.getpeername()[0]  # a connection that has ended has none
        s.sendall(b'abc')
        s.shutdown(socket.SHUT_WR)
        return {'peer': peer, 'got': everything(s).hex()}


def first(host, port, hexadecimal):
    """The same with these bytes, which may be what only the runtime minds."""
    with socket.create_connection((host, int(port)), 60) as s:
        s.sendall(bytes.fromhex(hexadecimal))
        s.shutdown(socket.SHUT_WR)
        return {'got': everything(s).hex()}


def udp(host, port):
    family, kind, proto, _, addr = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, proto) as s:
        s.settimeout(10)
        s.connect(addr)
        s.send(b'ping')
        return {'peer': addr[0], 'got': s.recv(2000).decode()}


def names(host):
    return {'addresses': sorted({a[4][0] for a in socket.getaddrinfo(host, None)})}


def dns(question):
    """A question to the resolver inside, as bytes in hex."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(60)
        s.sendto(bytes.fromhex(question), ('198.18.0.2', 53))
        return {'answer': s.recv(2000).hex()}


def say(text):
    print(text, flush=True)
    return {}


def moan(text):
    print(text, file=sys.stderr, flush=True)
    return {}


def me():
    return {'hello': 'from inside', 'uid': os.getuid(), 'pid': os.getpid(),
            'host': socket.gethostname(), 'umask': os.umask(0o022)}


def kept():
    with open('/proc/sys/net/ipv4/ip_local_reserved_ports', 'rb') as f:
        return {'ports': f.read().decode().strip()}


def leave(status):
    threading.Timer(0.2, os._exit, [int(status)]).start()
    return {}


COMMANDS = {'tcp': tcp, 'first': first, 'udp': udp, 'names': names, 'dns': dns, 'say': say, 'moan': moan, '': me,
            'kept': kept, 'leave': leave}


def http(s, _):
    head = b''
    while b'\r\n\r\n' not in head:
        data = s.recv(1 << 16)
        if not data:
            return
        head += data
    words = head.split(b' ')[1].decode().split('/')
    try:
        answer = COMMANDS[words[1]](*words[2:])
    except OSError as e:
        answer = {'error': reason(e)}
    body = json.dumps(answer).encode()
    s.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' %
              (len(body), body))


def pump(a, b):
    """Until the one ends; then so does the other."""
    try:
        while True:
            data = a.recv(1 << 18)
            if not data:
                break
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        a.close()
        b.close()


def echo(port):
    """Any number of callers in one thread."""
    server = socket.create_server(('0.0.0.0', port), backlog=4096)
    ready = selectors.DefaultSelector()
    ready.register(server, selectors.EVENT_READ)

    def turn(s):
        """Passes on what there is; the caller who takes nothing is waited for, with the others."""
        waiting = ready.get_key(s).data
        data = waiting or s.recv(1 << 18)
        rest = data[s.send(data):] if data else b''
        if not data:
            ready.unregister(s)
            s.close()
        elif bool(rest) != bool(waiting) or rest:
            ready.modify(s, selectors.EVENT_WRITE if rest else selectors.EVENT_READ, rest)

    while True:
        for key, _ in ready.select():
            if key.fileobj is server:
                s, _ = server.accept()
                s.setblocking(False)
                ready.register(s, selectors.EVENT_READ, b'')
                continue
            try:
                turn(key.fileobj)
            except BlockingIOError:
                pass
            except OSError:
                ready.unregister(key.fileobj)
                key.fileobj.close()


def relay(s, _):
    line = b''
    while not line.endswith(b'\n'):
        line += s.recv(1)
    host, port = line.decode().split()
    with socket.create_connection((host, int(port)), 60) as out:
        out.settimeout(None)
        up = threading.Thread(target=pump, args=[s, out])
        up.start()
        pump(out, s)
        up.join()


def proxied(s, _):
    head = b''
    while len(head) < 16 or len(head) < 16 + int.from_bytes(head[14:16], 'big'):
        head += s.recv(1 << 16)
    s.sendall(head.hex().encode())


def guarded(serve, s, who):
    with s:
        try:
            serve(s, who)
        except OSError:
            pass


def listen(port, serve):
    server = socket.create_server(('0.0.0.0', port), backlog=4096)

    def loop():
        while True:
            s, who = server.accept()
            threading.Thread(target=guarded, args=[serve, s, who], daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
    for port, serve in ((8080, http), (7001, relay), (7003, proxied)):
        listen(port, serve)
    threading.Thread(target=echo, args=[7000], daemon=True).start()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('0.0.0.0', 7002))
    print('service: up', flush=True)
    while True:
        data, who = s.recvfrom(65536)
        s.sendto(b'echo ' + data, who)


main()
