# SPDX-License-Identifier: Apache-2.0
"""usage: egress.py PLANE-HOST [TEST]...

dataplane with a TUN device in a network namespace of the test's own: what unmodified programs (curl, the C library's
resolver, Python) reach, by name and by address, over IPv4 and IPv6, TCP and UDP, and what they do not.
"""
import ctypes
import errno
import fcntl
import hashlib
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from plane import (L_STARTED, MEMORY_KIB, OPEN, OPENED, PATIENCE, STATE, Plane, Server, config, echo, frame, hello,
                   least, read_all, read_exactly, read_frame, run_tests, until)

PROGRAM = sys.argv[1]
OWN4, OWN6 = '198.18.0.1', 'fd53:656c:6673::1'
RESOLVER4, RESOLVER6 = '198.18.0.2', 'fd53:656c:6673::2'
OK, NOT_ALLOWED, NO_NAME, REFUSED, UNREACHABLE, TIMED_OUT, BUSY = range(7)
EGRESS = 5000
NEWNS, NEWUSER, NEWNET = 0x20000, 0x10000000, 0x40000000


# --- the enclave's network, made as init makes it

def enter_namespaces():
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(NEWUSER | NEWNET | NEWNS) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')
    for name, text in (('setgroups', 'deny'), ('uid_map', '0 %d 1' % uid), ('gid_map', '0 %d 1' % gid)):
        with open('/proc/self/' + name, 'w', encoding='ascii') as f:
            f.write(text)


def ip(*words):
    subprocess.run(['ip', *words], check=True)


def make_tun():
    tun = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'egress', 0x0001 | 0x1000))  # TUNSETIFF: TUN, NO_PI
    ip('link', 'set', 'lo', 'up')
    ip('addr', 'add', OWN4 + '/32', 'dev', 'egress')
    ip('addr', 'add', OWN6 + '/128', 'dev', 'egress', 'nodad')
    ip('link', 'set', 'egress', 'mtu', '65535', 'up')
    ip('route', 'add', 'default', 'dev', 'egress')
    ip('-6', 'route', 'add', 'default', 'dev', 'egress')
    return tun


def use_resolver():
    f = tempfile.NamedTemporaryFile('w', suffix='.resolv.conf')
    f.write('nameserver %s\n' % RESOLVER4)
    f.flush()
    subprocess.run(['mount', '--bind', f.name, '/etc/resolv.conf'], check=True)
    return f


# --- the host: a table of who is there

class Host:
    """Answers OPEN: rows[(transport, who, port)] is a status, a TCP port on loopback, or a function of the stream."""

    def __init__(self, p, rows=None, port=EGRESS):
        self.rows = rows or {}
        self.opened = []
        self.server = Server(self.serve, p.port(port, 'out'))

    def serve(self, s):
        kind, body = read_frame(s)
        assert kind == OPEN, kind
        transport, address, port = struct.unpack_from('>BBH', body)
        raw = body[4:]
        who = {0: lambda: None, 1: raw.decode, 4: lambda: socket.inet_ntop(socket.AF_INET, raw),
               6: lambda: socket.inet_ntop(socket.AF_INET6, raw)}[address]()
        key = ({6: 'tcp', 17: 'udp', 53: 'dns'}[transport], who, port)
        self.opened.append(key)
        row = self.rows.get(key, NO_NAME)
        if callable(row):
            s.sendall(frame(OPENED, bytes([OK, 0, 0, 0])))
            row(s)
        elif row < 10:
            s.sendall(frame(OPENED, bytes([row, 0, 0, 0])))
        else:
            with socket.create_connection(('127.0.0.1', row)) as c:
                s.sendall(frame(OPENED, bytes([OK, 0, 0, 0])))
                there = threading.Thread(target=copy, args=(s, c), daemon=True)
                there.start()
                copy(c, s)
                there.join()

    def close(self):
        self.server.close()


def copy(a, b):
    try:
        while True:
            data = a.recv(1 << 18)
            if not data:
                b.shutdown(socket.SHUT_WR)
                return
            b.sendall(data)
    except OSError:
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class World:
    """dataplane with its TUN, a host and a control stream."""

    def __init__(self, allow, rows=None, host=True, options=(), **kw):
        self.p = Plane(PROGRAM, config(egress=allow, **kw), *options, tun=TUN)
        self.p.expect(32)
        self.host = Host(self.p, rows)
        self.p.say(L_STARTED)
        self.c = self.p.control() if host else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.host.close()
        self.p.close()

    def refusal(self):
        """The next line of dataplane's own."""
        while True:
            source, _, _, text = self.c.line()
            if source == 4:
                return text.decode()


# --- DNS, by RFC 1035

A, MX, TXT, AAAA, SRV, SVCB, HTTPS = 1, 15, 16, 28, 33, 64, 65


def question(name, kind, ident=7, edns=False, cls=1):
    q = b''.join(bytes([len(w)]) + w.encode() for w in name.split('.') if w) + b'\0' + struct.pack('>HH', kind, cls)
    opt = b'\0' + struct.pack('>HHIH', 41, 1232, 0, 0) if edns else b''
    return struct.pack('>6H', ident, 0x0100, 1, 0, 0, 1 if edns else 0) + q + opt


def answer(message, asked):
    """Code and addresses (or raw data) of an answer to `asked`."""
    ident, flags, n_q, n_a, _, _ = struct.unpack_from('>6H', message)
    assert message[:2] == asked[:2] and flags & 0x8000 and n_q == 1, message
    at = 12
    while message[at]:
        at += 1 + message[at]
    at += 5
    assert message[12:at].lower() == asked[12:at].lower(), message
    got = []
    for _ in range(n_a):
        assert message[at] & 0xc0 == 0xc0
        kind, _, ttl, n = struct.unpack_from('>HHIH', message, at + 2)
        raw = message[at + 12:at + 12 + n]
        got.append(socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, raw) if kind in (A, AAAA) else raw)
        assert 0 < ttl <= 60 or kind not in (A, AAAA)
        at += 12 + n
    return flags & 15, got, bool(flags & 0x0200)


def dig(name, kind=A, server=RESOLVER4, tcp=False, **kw):
    q = question(name, kind, **kw)
    family = socket.AF_INET6 if ':' in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect((server, 53))
        if tcp:
            s.sendall(struct.pack('>H', len(q)) + q)
            return answer(read_exactly(s, struct.unpack('>H', read_exactly(s, 2))[0]), q)
        s.send(q)
        return answer(s.recv(70000), q)


def connect(where, port, timeout=PATIENCE, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET6 if ':' in where else socket.AF_INET, kind)
    s.settimeout(timeout)
    try:
        s.connect((where, port))
    except BaseException:
        s.close()
        raise
    return s


def error_of(call):
    """The name of the errno that a call ends with."""
    try:
        call()
        return None
    except socket.gaierror as e:
        return e.errno
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e)) if e.errno else type(e).__name__


# --- TCP

def programs_reach_listed_names_and_no_others(tap):
    def web(c):
        request = c.recv(4096)
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhi %d\n' % request.count(b'Host'))
    server = Server(web)
    rows = {('tcp', 'web.example', 80): server.port, ('tcp', 'a.wild.example', 8080): server.port}
    with World(['web.example:80', '*.wild.example:*'], rows) as w:
        def curl(*words):
            r = subprocess.run(['curl', '-sS', '-m', '30', *words], capture_output=True, check=False)
            return r.returncode, r.stdout
        for family in ('-4', '-6'):
            tap.equal(curl(family, 'http://web.example/'), (0, b'hi 1\n'), 'curl %s reaches a name on the list' % family)
        tap.equal(curl('http://A.Wild.Example:8080/'), (0, b'hi 1\n'), 'and one below a suffix, in any case')
        tap.equal(set(w.host.opened), set(rows), 'the host is asked for names')
        tap.equal(curl('http://other.example/')[0], 6, 'a name off the list does not exist')
        tap.equal(curl('http://wild.example/')[0], 6, 'nor does the suffix alone')
        tap.equal(curl('http://web.example:81/')[0], 7, 'another port of a listed name is refused')
        tap.equal(curl('http://192.0.2.1/')[0], 7, 'and an address')
        tap.equal(error_of(lambda: socket.getaddrinfo('other.example', 80)), socket.EAI_NONAME, 'for good')
        lines = [w.refusal() for _ in range(8)]
        for want in ('refused: dns other.example: not on the allow-list', 'refused: dns wild.example: not on the allow-list',
                     'refused: tcp web.example:81: not on the allow-list',
                     'refused: tcp 192.0.2.1:80: not on the allow-list'):
            tap.ok(want in lines, 'a line says: ' + want, lines)
        m = w.c.metrics()
        tap.ok(m['selfsame_egress_refused_total{reason="not_listed"}'] >= 5, 'they are counted')
        tap.equal(m['selfsame_egress_connections_total{transport="tcp"}'], 3, 'and what was opened')


def addresses_are_judged_by_networks(tap):
    server = Server(echo)
    rows = {('tcp', '10.1.2.3', 5432): server.port, ('tcp', '2001:db8::5', 443): server.port}
    with World(['10.0.0.0/8:5432', '[2001:db8::/32]:443', '0.0.0.0/0:9'], rows) as w:
        for where, port in (('10.1.2.3', 5432), ('2001:db8::5', 443)):
            with connect(where, port) as s:
                s.sendall(b'over ' + where.encode())
                s.shutdown(socket.SHUT_WR)
                tap.equal(read_all(s), b'over ' + where.encode(), '%s answers, to the end' % where)
        for where, port in (('10.1.2.3', 5433), ('11.1.2.3', 5432), ('2001:db9::5', 443), ('2001:db8::5', 80),
                            (RESOLVER4, 9), (RESOLVER6, 443), ('198.18.16.0', 9), ('198.19.0.0', 9),
                            ('198.18.99.1', 9), ('240.0.0.1', 9), ('fd53:656c:6673:1::', 443), ('fe80::1%egress', 443)):
            got = error_of(lambda w=where, p=port: connect(w, p))
            tap.ok(got in ('ECONNREFUSED', 'ENETUNREACH', 'EINVAL'), '%s port %d is refused' % (where, port), got)
        tap.equal(len(w.host.opened), 2, 'the host was asked for none of these')


def what_the_host_says_reaches_the_application(tap):
    rows = {('tcp', '10.0.0.1', p): p for p in range(1, 7)}

    def broken(s):
        s.sendall(b'')
    rows[('tcp', '10.0.0.1', 100)] = broken
    with World(['10.0.0.0/8:*'], rows) as w:
        for port, want in ((1, 'ECONNREFUSED'), (2, 'ECONNREFUSED'), (3, 'ECONNREFUSED'), (4, 'EHOSTUNREACH'),
                           (5, 'EHOSTUNREACH'), (6, 'ECONNREFUSED')):
            tap.equal(error_of(lambda p=port: connect('10.0.0.1', p)), want, 'status %d is %s' % (port, want))
        tap.equal([w.refusal() for _ in range(6)],
                  ['refused: tcp 10.0.0.1:%d: %s' % r for r in enumerate(
                      ['the host does not allow it', 'the host finds no such name', 'connection refused', 'unreachable',
                       'timed out', 'the host has too many connections'], 1)], 'and each has a line')
        with connect('10.0.0.1', 100) as s:
            tap.equal(s.recv(1), b'', 'a stream that ends at once ends')
    # a host that answers otherwise
    for name, say in (('nothing', b''), ('garbage', os.urandom(12)), ('another frame', frame(16, bytes(12))),
                      ('a status that is none', frame(OPENED, b'\x09\0\0\0')),
                      # The end may come with the bytes, as one event: more than once, to have that, too.
                      *[('half', frame(OPENED)[:5])] * 10,
                      ('padding', frame(OPENED, b'\0\0\0\1'))):
        with World(['10.0.0.0/8:*'], host=False) as w:
            w.host.close()
            time.sleep(0.01)
            os.unlink(w.p.port(EGRESS, 'out'))

            def serve(s, say=say):
                read_frame(s)
                s.sendall(say)
            w.host.server = Server(serve, w.p.port(EGRESS, 'out'))
            w.c = w.p.control()
            tap.equal(error_of(lambda: connect('10.0.0.1', 80)), 'ECONNREFUSED', 'the host answers %s: refused' % name)
            tap.equal(w.refusal(), "refused: tcp 10.0.0.1:80: the host's answer is not in order", 'and a line says why')
            tap.ok(w.p.alive(), 'dataplane lives')


def connections_wait_for_the_host(tap):
    server = Server(echo)
    rows = {('tcp', '10.0.0.1', 80): server.port, ('udp', '10.0.0.1', 80): lambda s: copy(s, s)}

    def attempt():
        """How long a connection takes from HELLO on."""
        with World(['10.0.0.0/8:*', 'name.example:*'], rows, host=False) as w:
            done = []

            def call():
                with connect('10.0.0.1', 80) as s:
                    s.sendall(b'x')
                    done.append(s.recv(1))
            t = threading.Thread(target=call)
            t.start()
            u = connect('10.0.0.1', 80, kind=socket.SOCK_DGRAM)
            u.send(b'one')
            u.send(b'two')
            tap.equal(dig('name.example')[0], 0, 'names are answered without a host')
            time.sleep(0.5)
            tap.equal(done, [], 'before HELLO nothing is sent')
            w.c = w.p.control()
            start = time.monotonic()
            t.join()
            took = time.monotonic() - start
            tap.equal(done, [b'x'], 'after it the connection is made')
            tap.equal([u.recv(9), u.recv(9)], [b'one', b'two'], 'datagrams waited, too')
            u.close()
            return took
    took = least(0.4, attempt)
    tap.ok(took < 0.4, 'without waiting for the next SYN, which comes 0.5 s later', took)
    with World(['10.0.0.0/8:*'], host=False) as w:
        start = time.monotonic()
        tap.equal(error_of(lambda: connect('10.0.0.1', 80)), 'ECONNREFUSED', 'a host that never comes: refused')
        tap.ok(8 < time.monotonic() - start < PATIENCE, 'after 10 s')
        w.host.close()
        w.c = w.p.control()
        tap.equal(error_of(lambda: connect('10.0.0.1', 80)), 'ECONNREFUSED', 'no egress port at the host: refused')
        w.refusal()
        tap.equal(w.refusal(), 'refused: tcp 10.0.0.1:80: the host is not there', 'and said')
    with World(['10.0.0.0/8:*', 'name.example:*'], host=False) as w:
        w.c = w.p.control(greet=False)
        w.c.s.sendall(hello(egress=0))
        w.c.next(STATE)
        start = time.monotonic()
        tap.equal(error_of(lambda: connect('10.0.0.1', 80)), 'ECONNREFUSED', 'a host that serves none: refused')
        tap.equal(dig('name.example', TXT)[0], 2, 'and no DNS')
        tap.ok(time.monotonic() - start < 8, 'without waiting 10 s for it')


def much_goes_both_ways_with_its_checksum(tap):
    size = 100 << 20
    block = random.Random(1).randbytes(1 << 20)
    down, up = block[:-1] * 100, block * 100
    sums = {}

    def serve(c):
        t = threading.Thread(target=lambda: (c.sendall(down), c.shutdown(socket.SHUT_WR)), daemon=True)
        t.start()
        h = hashlib.sha256()
        while True:
            data = c.recv(1 << 18)
            if not data:
                break
            h.update(data)
        sums['up'] = h.hexdigest()
        t.join()
    server = Server(serve)
    for where in ('10.0.0.1', '2001:db8::1'):
        sums.clear()
        with World(['10.0.0.0/8:*', '[2001:db8::/32]:*'], {('tcp', where, 80): server.port}) as w:
            with connect(where, 80) as s:
                start = time.monotonic()
                t = threading.Thread(target=lambda s=s: (s.sendall(up), s.shutdown(socket.SHUT_WR)), daemon=True)
                t.start()
                h = hashlib.sha256()
                while True:
                    data = s.recv(1 << 18)
                    if not data:
                        break
                    h.update(data)
                t.join()
                print('# %s: %.0f MB/s each way' % (where, size / 1e6 / (time.monotonic() - start)))
            tap.equal(h.hexdigest(), hashlib.sha256(down).hexdigest(), '%s: 100 MB in arrive as they were' % where)
            until(lambda: 'up' in sums, 60)
            tap.equal(sums.get('up'), hashlib.sha256(up).hexdigest(), '%s: 100 MB out at the same time, too' % where)
            tap.ok(w.p.rss_kib() < MEMORY_KIB, 'memory did not grow', w.p.rss_kib())


def a_thousand_connections(tap):
    server = Server(echo)
    with World(['many.example:80'], {('tcp', 'many.example', 80): server.port}) as w:
        where = dig('many.example')[1][0]
        socks = [connect(where, 80) for _ in range(1000)]
        for i, s in enumerate(socks):
            s.sendall(b'%04d' % i)
        tap.ok(all(read_exactly(s, 4) == b'%04d' % i for i, s in enumerate(socks)), 'each has its own answer')
        tap.equal(w.c.metrics()['selfsame_egress_connections_open{transport="tcp"}'], 1000, 'all are open at once')
        for s in socks:
            s.close()
        tap.ok(until(lambda: w.c.metrics()['selfsame_egress_connections_open{transport="tcp"}'] == 0), 'and all are over')
        for i in range(3000):   # ports and slots are used again
            with connect(where, 80) as s:
                s.sendall(b'%04d' % i)
                if read_exactly(s, 4) != b'%04d' % i:
                    tap.ok(False, 'connection %d after that' % i)
        tap.ok(True, '3000 one after the other')
        tap.ok(w.p.rss_kib() < MEMORY_KIB, 'in few MiB', w.p.rss_kib())


def ends_and_resets_are_passed_on(tap):
    events = []

    def serve(c):
        got = read_all(c)
        time.sleep(0.1)
        c.sendall(b'you said ' + got)
    server = Server(serve)
    with World(['10.0.0.0/8:*'], {('tcp', '10.0.0.1', 80): server.port}) as w:
        with connect('10.0.0.1', 80) as s:
            s.sendall(b'hello')
            s.shutdown(socket.SHUT_WR)
            tap.equal(read_all(s), b'you said hello', 'half-closed, answered')

        def wait(c):
            c.sendall(b'.')
            try:
                events.append(c.recv(10))
            except ConnectionError:
                events.append(b'')
        server.serve = wait
        s = connect('10.0.0.1', 80)
        s.recv(1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        s.close()
        tap.ok(until(lambda: events == [b'']), 'the application resets: the host sees the end')

        def rude(c):
            c.recv(1)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        server.serve = rude
        s = connect('10.0.0.1', 80)
        s.sendall(b'ab')
        got = error_of(lambda: read_all(s))
        tap.ok(got in (None, 'ECONNRESET'), 'the far side ends: so does the application', got)
        s.close()
        tap.ok(until(lambda: w.c.metrics()['selfsame_egress_connections_open{transport="tcp"}'] == 0), 'nothing stays open')


# --- TLS

def make_certificate(directory):
    key, cert = os.path.join(directory, 'k'), os.path.join(directory, 'c')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
                    key, '-out', cert, '-days', '2', '-subj', '/CN=x', '-addext', 'subjectAltName=DNS:tls.example'],
                   check=True, capture_output=True)
    return key, cert


def tls_has_to_ask_for_the_name(tap):
    with tempfile.TemporaryDirectory() as directory:
        key, cert = make_certificate(directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)

        def serve(c):
            with context.wrap_socket(c, server_side=True) as t:
                echo(t)
        server = Server(serve)
        plain = Server(echo)
        first = Server(lambda c: (c.sendall(b'220 ready\r\n'), echo(c)))
        rows = {('tcp', 'tls.example', 443): server.port, ('tcp', 'tls.example', 80): plain.port,
                ('tcp', 'tls.example', 25): first.port, ('tcp', '10.0.0.1', 443): server.port}
        with World(['tls.example:*', '10.0.0.0/8:443'], rows) as w:
            where = {4: dig('tls.example')[1][0], 6: dig('tls.example', AAAA)[1][0]}

            def talk(host, name, port=443, pieces=0):
                client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                client.check_hostname = False
                client.verify_mode = ssl.CERT_NONE
                with connect(host, port) as s:
                    with client.wrap_socket(s, server_hostname=name) as t:
                        t.sendall(b'secret')
                        return read_exactly(t, 6)
            for n in (4, 6):
                tap.equal(talk(where[n], 'tls.example'), b'secret', 'TLS to the name, over IPv%d' % n)
            tap.equal(talk(where[4], 'TLS.Example'), b'secret', 'in any case')
            tap.equal(talk('10.0.0.1', 'whatever.example'), b'secret', 'an address may be asked for any name')
            for name, line in (('other.example', 'TLS asks for another server'), (None, 'TLS does not name the server'),
                               ('tls.example.evil.example', 'TLS asks for another server')):
                tap.ok(error_of(lambda n=name: talk(where[4], n)) is not None, 'TLS to it that asks for %s is cut' % name)
                tap.equal(w.refusal(), 'refused: tcp tls.example:443: ' + line, 'and said')
            with connect(where[4], 443) as s:
                s.sendall(b'\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff')
                tap.equal(error_of(lambda s=s: s.recv(1)), 'ECONNRESET', 'a broken ClientHello is cut')
                tap.equal(w.refusal(), 'refused: tcp tls.example:443: the TLS ClientHello is not in order', 'and said')
            with connect(where[4], 80) as s:
                s.sendall(b'G')
                tap.equal(s.recv(1), b'G', 'other protocols go through from their first byte')
            with connect(where[4], 25) as s:
                tap.equal(read_exactly(s, 11), b'220 ready\r\n', 'a server that speaks first is not held up')
                s.sendall(b'EHLO')
                tap.equal(read_exactly(s, 4), b'EHLO', 'nor the answer')
            out = ssl.MemoryBIO()
            client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            o = client.wrap_bio(ssl.MemoryBIO(), out, server_hostname='tls.example')
            try:
                o.do_handshake()
            except ssl.SSLWantReadError:
                pass
            record = out.read()
            with connect(where[4], 443) as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for b in record:
                    s.sendall(bytes([b]))
                    time.sleep(0.001)
                tap.equal(s.recv(1), b'\x16', 'a ClientHello may come byte by byte')
            with connect(where[4], 443) as s:
                s.sendall(record[:50])
                s.shutdown(socket.SHUT_WR)
                tap.ok(error_of(lambda: read_all(s)) in (None, 'ECONNRESET'), 'half a ClientHello is cut')
                tap.equal(w.refusal(), 'refused: tcp tls.example:443: the TLS ClientHello is not in order', 'and said')
            with connect(where[4], 443) as s:
                s.sendall(record[:50])
                start = time.monotonic()
                error_of(lambda: read_all(s))
                tap.ok(8 < time.monotonic() - start < PATIENCE, 'or when the rest does not come for 10 s')
            with connect(where[4], 80) as s:
                s.shutdown(socket.SHUT_WR)
                tap.equal(read_all(s), b'', 'who says nothing at all is passed on as that')


# --- UDP

def datagrams_go_out_and_come_back(tap):
    got = []

    def peer(s):
        while True:
            head = s.recv(2)
            if not head:
                return
            if len(head) < 2:
                head += read_exactly(s, 1)
            data = read_exactly(s, struct.unpack('>H', head)[0])
            got.append(data)
            s.sendall(head + data)
    rows = {('udp', w, p): peer for w in ('10.0.0.1', '2001:db8::1', 'udp.example') for p in (123, 443)}
    rows[('udp', '10.0.0.1', 7)] = REFUSED
    with World(['10.0.0.0/8:*', '[2001:db8::/32]:123', 'udp.example:443'], rows) as w:
        places = [('10.0.0.1', 123), ('2001:db8::1', 123)]
        places += [(a, 443) for k in (A, AAAA) for a in dig('udp.example', k)[1]]
        for where, port in places:
            with connect(where, port, kind=socket.SOCK_DGRAM) as s:
                biggest = 65507 if '.' in where else 65487
                for data in (b'a', b'', b'odd', random.Random(5).randbytes(1400), random.Random(6).randbytes(9000),
                             random.Random(7).randbytes(biggest)):
                    s.send(data)
                    tap.ok(s.recv(70000) == data, '%s: %d bytes there and back' % (where, len(data)))
        tap.equal(len(w.host.opened), 4, 'a flow each')
        a, b = (connect('10.0.0.1', 123, kind=socket.SOCK_DGRAM) for _ in range(2))
        a.send(b'from a')
        b.send(b'from b')
        tap.equal((a.recv(9), b.recv(9)), (b'from a', b'from b'), 'flows are kept apart')
        for n in range(50):
            a.send(b'%d' % n)
        tap.equal([a.recv(9) for _ in range(50)], [b'%d' % n for n in range(50)], 'datagrams in a row keep their order')
        m = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        m.settimeout(PATIENCE)
        m.sendto(b'1', ('10.0.0.1', 123))
        m.sendto(b'2', ('10.9.9.9', 7))
        m.sendto(b'3', ('10.0.0.1', 443))
        tap.equal(sorted((m.recvfrom(9), m.recvfrom(9))), [(b'1', ('10.0.0.1', 123)), (b'3', ('10.0.0.1', 443))],
                  'one socket, several places')
        for where, port, want in (('192.0.2.1', 53, 'EHOSTUNREACH'), ('2001:db8::1', 124, 'EACCES'),
                                  (places[2][0], 80, 'EHOSTUNREACH'), ('10.0.0.1', 7, 'ECONNREFUSED')):
            with connect(where, port, kind=socket.SOCK_DGRAM) as s:
                s.send(b'x')
                tap.equal(error_of(lambda s=s: s.recv(9)), want, '%s port %d is refused' % (where, port))
        w.host.close()
        a.close()
        b.close()
        m.close()
        tap.ok(w.p.alive(), 'dataplane lives')


def answered(s, what, times):
    s.settimeout(20 / times)
    for _ in range(times):
        s.send(what)
        try:
            return s.recv(9) == what
        except TimeoutError:
            pass
    return False


def there_is_a_limit_to_flows(tap):
    def peer(s):
        copy(s, s)
    with World(['10.0.0.0/8:*'], {('udp', '10.0.0.1', p): peer for p in range(1, 2000)}) as w:
        socks, heard = [], 0
        for p in range(1, 1200):
            s = connect('10.0.0.1', p, kind=socket.SOCK_DGRAM)
            socks.append(s)
            heard += answered(s, b'x', 1)
        tap.equal(heard, 1199, 'each has its answer at once, beyond the limit as well')
        m = w.c.metrics()
        tap.ok(m['selfsame_egress_connections_open{transport="udp"}'] <= 1024, 'never more than 1024')
        s = connect('10.0.0.1', 1500, kind=socket.SOCK_DGRAM)
        tap.ok(answered(s, b'again', 4), 'a new one finds room')


# --- DNS

def the_resolver_answers(tap):
    asked = []

    def dns(s):
        while True:
            q = read_exactly(s, struct.unpack('>H', read_exactly(s, 2))[0])
            asked.append(q)
            name = q[12:-4] if q[10:12] == b'\0\0' else q[12:-15]
            if name.startswith(b'\4mute'):
                continue
            body = b'\x05hello' if not name.startswith(b'\3big') else b'\xff' + b'x' * 255 + b'\xff' + b'y' * 255 + \
                b'\xff' + b'z' * 255
            rest = q[12:] if q[10:12] == b'\0\0' else q[12:-11]
            a = q[:2] + struct.pack('>5H', 0x8180, 1, 1, 0, 0) + rest + b'\xc0\x0c' + \
                struct.pack('>HHIH', TXT, 1, 60, len(body)) + body
            if name.startswith(b'\3lie'):
                for lie in (bytes([q[0] ^ 1]) + a[1:], a[:2] + b'\x01' + a[3:], a.replace(b'lie', b'lye'), b'', b'x', a[:11]):
                    s.sendall(struct.pack('>H', len(lie)) + lie)
            s.sendall(struct.pack('>H', len(a)) + a)
    with World(['*.example:*', 'one.test:443'], {('dns', None, 0): dns}) as w:
        four, six = dig('a.example')[1], dig('a.example', AAAA)[1]
        tap.ok(len(four) == 1 and four[0].startswith('198.18.'), 'A: one address of ours', four)
        tap.ok(len(six) == 1 and six[0].startswith('fd53:656c:6673:1:'), 'AAAA: one address of ours', six)
        for server in (RESOLVER4, RESOLVER6):
            for tcp in (False, True):
                tap.equal(dig('A.Example', server=server, tcp=tcp), (0, four, False),
                          'the same from %s%s' % (server, ' over TCP' if tcp else ''))
        tap.ok(dig('b.example')[1] != four, 'another name, another address')
        tap.equal(dig('one.test', edns=True)[0], 0, 'EDNS is understood')
        for name in ('example', 'two.test', 'x.one.test', '2.0.18.198.in-addr.arpa', 'localhost'):
            tap.equal(dig(name), (3, [], False), '%s is not there' % name)
        tap.equal(dig('two.test', TXT), (3, [], False), 'whatever is asked')
        for kind in (HTTPS, SVCB):
            tap.equal(dig('a.example', kind), (0, [], False), 'type %d is empty' % kind)
        tap.equal(dig('t.example', TXT), (0, [b'\x05hello'], False), 'another type is asked of the host')
        tap.equal(dig('t.example', TXT, tcp=True, ident=99), (0, [b'\x05hello'], False), 'over TCP, too')
        tap.equal(dig('lie.example', TXT), (0, [b'\x05hello'], False), 'answers to no question are dropped')
        tap.equal(dig('big.example', TXT), (0, [], True), 'what is too long for UDP says so')
        tap.equal(len(dig('big.example', TXT, tcp=True)[1][0]), 768, 'and comes over TCP')
        tap.equal(len(dig('big.example', TXT, edns=True)[1][0]), 768, 'or with EDNS')
        tap.ok(all(q[:2] != struct.pack('>H', 99) for q in asked), 'the host sees numbers of ours')
        start = time.monotonic()
        tap.equal(dig('mute.example', TXT), (2, [], False), 'no answer of the host: failed')
        tap.ok(4 < time.monotonic() - start < PATIENCE, 'after 5 s')
        tap.equal(w.host.opened, [('dns', None, 0)], 'over one stream')
        # many at once
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(PATIENCE)
            s.connect((RESOLVER4, 53))
            for i in range(100):
                s.send(question('t%d.example' % i, TXT, ident=i + 1))
            got = {struct.unpack_from('>H', s.recv(999))[0] for _ in range(100)}
            tap.equal(got, set(range(1, 101)), 'a hundred questions at once')
            for bad in (b'', b'x', bytes(11), bytes(12), b'\0\5' + bytes(10), b'\0\5\x80\0' + bytes(8),
                        question('a.example', A)[:-1], question('a.example', A) + b'x',
                        b'\0\5\1\0\0\2' + bytes(6) + question('a.example', A)[12:], os.urandom(4000)):
                s.send(bad)
            s.send(question('a.example', A, ident=1234))
            while True:
                m = s.recv(999)
                if m[:2] == struct.pack('>H', 1234):
                    break
                tap.ok(m[2] & 0x80 and m[3] & 15 == 1, 'a broken question gets FORMERR', m[:12])
            tap.equal(answer(m, question('a.example', A, ident=1234))[1], four, 'and the next one its answer')
        with connect(RESOLVER4, 53) as s:
            q = question('a.example', A)
            s.sendall((struct.pack('>H', len(q)) + q) * 20)
            for _ in range(20):
                read_exactly(s, struct.unpack('>H', read_exactly(s, 2))[0])
            tap.ok(True, 'twenty questions in one TCP connection')
            s.sendall(b'\xff\xff' + bytes(5000))
            tap.ok(error_of(lambda: read_all(s)) in (None, 'ECONNRESET'), 'one that is too long ends it')
        tap.equal(error_of(lambda: connect(RESOLVER4, 80)), 'ECONNREFUSED', 'the resolver serves nothing else')
        m = w.c.metrics()
        tap.ok(m['selfsame_dns_questions_total{answer="forwarded"}'] >= 100, 'they are counted')
    with World(['*.example:*'], {('dns', None, 0): REFUSED}) as w:
        tap.equal(dig('t.example', TXT), (2, [], False), 'a host without DNS: failed')
        tap.equal(dig('t.example')[0], 0, 'addresses do not need it')


def names_and_addresses_keep_together(tap):
    server = Server(echo)
    with World(['*.example:80'], {('tcp', 'n%d.example' % i, 80): server.port for i in range(10000)}) as w:
        first = dig('n0.example')[1][0]
        s = connect(first, 80)
        seen = {first}
        codes = {}
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        u.settimeout(PATIENCE)
        u.connect((RESOLVER4, 53))
        for i in range(1, 4200):
            q = question('n%d.example' % i, A)
            u.send(q)
            code, got, _ = answer(u.recv(999), q)
            codes[code] = codes.get(code, 0) + 1
            seen.update(got)
        tap.equal(codes, {0: 4095, 2: 104}, '4096 names have an address, more have none while these are fresh')
        tap.equal(len(seen), 4096, 'each its own')
        s.sendall(b'x')
        tap.equal(s.recv(1), b'x', 'connections live on')
        tap.equal(dig('n0.example')[1][0], first, 'a name that is asked again keeps its address')
        tap.equal(error_of(lambda: connect('198.18.255.255', 80)), 'ECONNREFUSED', 'an address of no name is refused')
        u.close()
        s.close()
        w.p.alive()


# --- worse

def packets_that_nobody_expects(tap):
    server = Server(echo)
    with World(['0.0.0.0/0:*', '[::/0]:*', 'x.example:*'], {('tcp', '10.0.0.1', 80): server.port}) as w:
        # raw sockets are root's in this namespace: an application has none, but it can do much of this
        four = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        rng = random.Random(9)
        dropped = 0
        for i in range(3000):
            n = rng.choice([0, 1, 8, 20, 28, 40, 60, 200, 1500])
            body = rng.randbytes(n)
            proto = rng.choice([1, 6, 6, 6, 17, 17, 41, 58, 132, 255])
            dst = rng.choice(['10.0.0.1', '198.18.0.2', '198.19.0.0', '198.19.0.5', '198.18.16.0', '192.0.2.7'])
            if proto == 6 and n >= 20 and rng.random() < 0.7:
                body = body[:12] + bytes([0x50, rng.choice([2, 16, 4, 1, 18, 0x3f])]) + body[14:]
            if proto == 17 and n >= 8:
                body = body[:2] + rng.choice([b'\0\x35', b'\1\1']) + struct.pack('>H', rng.choice([n, n, 8, 0])) + body[6:]
            head = struct.pack('>BBHHHBBH4s4s', 0x45 if rng.random() < 0.9 else rng.randrange(0x40, 0x50), 0, 20 + n, 0,
                               rng.choice([0, 0, 0, 0x2000, 0x4000, 1]), 64, proto, 0, socket.inet_aton(OWN4),
                               socket.inet_aton(dst))
            try:
                four.sendto(head + body, (dst, 0))
            except OSError:
                dropped += 1
        tap.ok(dropped < 2500, 'packets were sent', dropped)
        four.close()
        with connect('10.0.0.1', 80) as s:
            s.sendall(b'well')
            tap.equal(read_exactly(s, 4), b'well', 'dataplane lives and serves')
        # a guess at the listener
        for where in (OWN4, OWN6):
            s = connect(where, 65053)
            tap.ok(error_of(lambda s=s: read_all(s)) in (None, 'ECONNRESET'), 'who calls the listener itself is hung up on')
            s.close()
        s = socket.socket()
        s.setsockopt(socket.IPPROTO_IP, 15, 1)   # IP_FREEBIND needs no right
        try:
            s.bind(('198.19.0.0', 1024))
            s.settimeout(1)
            got = error_of(lambda: s.connect((OWN4, 65053)))
        except OSError as e:
            got = e.errno
        tap.ok(got is not None, 'nobody calls it as somebody else', got)
        s.close()
        tap.ok(w.p.alive(), 'dataplane lives')
        tap.ok(w.p.rss_kib() < MEMORY_KIB, 'in few MiB', w.p.rss_kib())


def refusals_are_said_at_a_bearable_rate(tap):
    with World(['x.example:1']) as w:
        begin = time.monotonic()
        for _ in range(500):
            error_of(lambda: connect('192.0.2.1', 80))
        m = w.c.metrics()
        # A burst of 50, then five a second.
        bearable = 60 + 5 * (time.monotonic() - begin)
        tap.equal(m['selfsame_egress_refused_total{reason="not_listed"}'], 500, 'all are counted')
        tap.ok(m['selfsame_log_lines_total'] < bearable, 'few are said', m['selfsame_log_lines_total'])
        time.sleep(0.5)
        error_of(lambda: connect('192.0.2.1', 80))
        told = 0
        while told < 501:
            line = w.refusal()
            told += 1 + (int(line.split('(and ')[1].split()[0]) if '(and ' in line else 0)
        tap.equal(told, 501, 'and how many were not')


enter_namespaces()
TUN = make_tun()
KEPT = use_resolver()
run_tests([
    programs_reach_listed_names_and_no_others, addresses_are_judged_by_networks,
    what_the_host_says_reaches_the_application, connections_wait_for_the_host, much_goes_both_ways_with_its_checksum,
    a_thousand_connections, ends_and_resets_are_passed_on, tls_has_to_ask_for_the_name, datagrams_go_out_and_come_back,
    there_is_a_limit_to_flows, the_resolver_answers, names_and_addresses_keep_together, packets_that_nobody_expects,
    refusals_are_said_at_a_bearable_rate])
