# SPDX-License-Identifier: Apache-2.0
"""usage: ingress.py PLANE-HOST [TEST]...

dataplane over unix sockets: what comes in, what it says to the host and to init, and a host that does its worst.
"""
import hashlib
import os
import random
import select
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
from plane import (EXIT, HELLO, L_DOWN, L_DRAIN, L_EXIT, L_FLUSHED, L_LOG, L_STARTED, L_STOP, L_TIME,
                   LOG, LOST, MEMORY_KIB, METRICS, OPEN, PATIENCE, SCRAPE, STATE, STOP, TIME, WELCOME, Control, Plane, Server,
                   config, echo, frame, free_port, hello, least, read_all, read_exactly, read_frame, run_tests, until)

PROGRAM = sys.argv[1]
PORT = 8080
V2 = b'\r\n\r\n\0\r\nQUIT\n'


def plane(server=None, options=(), **kw):
    """One listener, PORT, to the server."""
    one = {'port': PORT, 'to': server.port if server else free_port()}
    one.update(kw.pop('ingress', {}))
    return Plane(PROGRAM, config(ingress=[one], **kw), *options)


def ended(s):
    """The stream is over: its end, or a reset."""
    try:
        return s.recv(1) == b''
    except ConnectionError:
        return True


def pump(data, s):
    """Sends all of data, then the end of it, in a thread."""
    def run():
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    t = threading.Thread(target=run, daemon=True)
    t.start()
    return t


# --- bytes

def bytes_go_both_ways_and_ends_are_kept_apart(tap):
    def serve(c):
        got = read_all(c)               # until the client's end
        time.sleep(0.05)
        c.sendall(b'you said ' + got)   # which leaves the other way open
    server = Server(serve)
    last = []
    with plane(server) as p:
        s = p.call(PORT)
        s.sendall(b'hello')
        s.shutdown(socket.SHUT_WR)
        tap.equal(read_all(s), b'you said hello', 'an answer comes after the end of the question')

        def first(c):
            c.sendall(b'welcome')
            c.shutdown(socket.SHUT_WR)
            last.append(read_all(c))    # in a thread: the one that tests says what it thinks of it
        server.serve = first
        s = p.call(PORT)
        tap.equal(read_all(s), b'welcome', 'the end of what the application says comes alone')
        s.sendall(b'thanks')
        s.close()
        tap.ok(until(lambda: last == [b'thanks']), 'a question after the end of the answer', last)
        control = p.control()
        gone = until(lambda: control.metrics()['selfsame_ingress_connections_open{port="8080",proto="tcp"}'] == 0)
        tap.ok(gone, 'both are over after both ends')
        m = control.metrics()
        tap.equal(m['selfsame_ingress_bytes_total{port="8080",proto="tcp",direction="in"}'], 11, 'bytes in are counted')
        tap.equal(m['selfsame_ingress_bytes_total{port="8080",proto="tcp",direction="out"}'], 21, 'and bytes out')
    tap.equal(server.errors, [], 'the server saw nothing odd')


def much_goes_both_ways_with_its_checksum(tap):
    size = 100 << 20
    sums = {}

    def serve(c):
        t = pump(down, c)
        h = hashlib.sha256()
        while True:
            data = c.recv(1 << 18)
            if not data:
                break
            h.update(data)
        sums['up'] = h.hexdigest()
        t.join()
    block = random.Random(1).randbytes(1 << 20)
    down = block[:-1] * (size >> 20)
    up = block * (size >> 20)
    server = Server(serve)
    with plane(server) as p:
        s = p.call(PORT)
        t = pump(up, s)
        h = hashlib.sha256()
        while True:
            data = s.recv(1 << 18)
            if not data:
                break
            h.update(data)
        t.join()
        tap.equal(h.hexdigest(), hashlib.sha256(down).hexdigest(), '100 MB out arrive as they were')
        tap.ok(until(lambda: 'up' in sums), 'the other way ends')
        tap.equal(sums.get('up'), hashlib.sha256(up).hexdigest(), '100 MB in at the same time, too')
        tap.ok(p.rss_kib() < MEMORY_KIB, 'memory did not grow', p.rss_kib())


def odd_sizes_arrive(tap):
    rng = random.Random(2)
    with plane(Server(echo)) as p:
        s = p.call(PORT)
        for n in [1, 2, 16383, 16384, 16385, 32768, 65535, 65536, 65537, 200001]:
            data = rng.randbytes(n)
            t = threading.Thread(target=s.sendall, args=(data,))
            t.start()
            tap.ok(read_exactly(s, n) == data, '%d bytes there and back' % n)
            t.join()


def a_reader_that_does_not_read_holds_up_its_own_stream_only(tap):
    sent = [0]

    def serve(c):
        what = c.recv(1)
        if what == b'e':
            echo(c)
        c.setblocking(False)
        while len(sent) == 1:
            select.select([], [c], [], 0.2)
            try:
                sent[0] += c.send(bytes(65536))
            except BlockingIOError:
                pass
    with plane(Server(serve)) as p:
        slow = [p.call(PORT) for _ in range(400)]   # more than there are pipes
        for s in slow:
            s.sendall(b's')
        last = -1
        while last != sent[0]:
            last = sent[0]
            time.sleep(0.5)
        tap.ok(last < 400 * (8 << 20), 'the sender is stopped', last)
        idle = p.cpu_seconds()
        time.sleep(0.5)
        tap.ok(p.cpu_seconds() - idle < 0.1, 'nobody waits busily')
        tap.ok(p.rss_kib() < MEMORY_KIB, 'nothing is piled up', p.rss_kib())
        s = p.call(PORT)
        s.sendall(b'e')
        for n in (10, 100000):
            t = threading.Thread(target=s.sendall, args=(bytes(n),))
            t.start()
            tap.equal(len(read_exactly(s, n)), n, '%d bytes pass the slow ones by' % n)
            t.join()
        got = len(slow[0].recv(1 << 16))
        for _ in range(100):
            got += len(slow[0].recv(1 << 16))
        tap.ok(got > 65536, 'one that reads again gets what was held, and more', got)
        sent.append(0)


def a_reset_is_passed_on(tap):
    events = []

    def serve(c):
        c.sendall(b'x')
        try:
            while c.recv(100):
                pass
            events.append('end')
        except ConnectionResetError:
            events.append('reset')
    server = Server(serve)
    with plane(server) as p:
        s = p.call(PORT)
        s.recv(1)
        s.close()   # over unix sockets with nothing unread: an end
        tap.ok(until(lambda: events == ['end']), 'the host closes: the application reads the end', events)

        def rude(c):
            c.recv(1)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        server.serve = rude
        s = p.call(PORT)
        s.sendall(b'ab')
        tap.ok(ended(s), 'the application resets: the stream of the host is over')

        def answer_then_reset(c):
            c.sendall(b'y' * 500000)
            time.sleep(0.2)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        del answer_then_reset
        control = p.control()
        tap.ok(until(lambda: control.metrics()['selfsame_ingress_connections_open{port="8080",proto="tcp"}'] == 0),
               'nothing stays open')


def nobody_listens_yet(tap):
    port = free_port()
    with plane(ingress={'to': port}) as p:
        s = p.call(PORT)          # the state is starting: it is asked again
        s.sendall(b'early')
        time.sleep(0.3)
        server = Server(echo, ('127.0.0.1', port))
        tap.equal(read_exactly(s, 5), b'early', 'a connection made while the application starts waits for it')
        server.close()
        p.say(L_STARTED)
        c = p.control()
        until(lambda: c.state()[0] == 'ready')
        start = time.monotonic()
        s = p.call(PORT)
        tap.ok(ended(s) and time.monotonic() - start < 8, 'later it is refused, without the 10 s of before')
        tap.equal(c.metrics()['selfsame_ingress_refused_total{port="8080",proto="tcp",reason="application"}'], 1,
                  'and counted')


def a_thousand_connections(tap):
    with plane(Server(echo)) as p:
        with p.control() as c:
            before = c.metrics()
        socks = [p.call(PORT) for _ in range(1000)]
        for i, s in enumerate(socks):
            s.sendall(b'%04d' % i)
        tap.ok(all(read_exactly(s, 4) == b'%04d' % i for i, s in enumerate(socks)), 'each has its own answer')
        control = p.control()
        m = control.metrics()
        tap.equal(m['selfsame_ingress_connections_open{port="8080",proto="tcp"}'], 1000, 'all are open at once')
        used, more = (m['selfsame_dataplane_memory_bytes'] - x for x in (0, before['selfsame_dataplane_memory_bytes']))
        tap.ok(128000 < more < 1 << 20 and used < p.rss_kib() << 10, 'and each has its part in what is counted as memory',
               (used, more, p.rss_kib()))
        tap.ok(0 < m['selfsame_memory_free_bytes'] < os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGESIZE'),
               'beside what the machine has free', m['selfsame_memory_free_bytes'])
        for s in socks:
            s.close()
        tap.ok(until(lambda: control.metrics()['selfsame_ingress_connections_open{port="8080",proto="tcp"}'] == 0),
               'and all are over')
        tap.ok(p.rss_kib() < MEMORY_KIB, 'in few MiB', p.rss_kib())


def there_is_a_limit_to_connections(tap):
    # With few descriptors the pools are small: 2048 of DP_FILES leave about 640 connections.
    server = Server(echo)
    one = {'port': PORT, 'to': server.port}
    with Plane(PROGRAM, config(ingress=[one]), wrap=['sh', '-c', 'ulimit -n 2048; exec "$@"', 'sh']) as p:
        socks = []
        for i in range(1000):
            s = p.call(PORT)
            try:
                s.sendall(b'x')
                read_exactly(s, 1)
            except (OSError, EOFError):
                break
            socks.append(s)
        tap.ok(300 < len(socks) < 900, 'one too many is closed', len(socks))
        socks[0].close()

        def again():
            t = p.call(PORT)
            try:
                t.sendall(b'y')
                return t.recv(1) == b'y'
            except OSError:
                return False
        tap.ok(until(again), 'there is room again when another one ends')
        m = p.control().metrics()
        tap.ok(m['selfsame_ingress_refused_total{port="8080",proto="tcp",reason="limit"}'] >= 1, 'it is counted')
        tap.ok(p.alive(), 'dataplane lives')


# --- PROXY headers

def v2(family=0x11, client=b'\x0a\0\0\1', server=b'\x0a\0\0\2', ports=(1234, 443), command=0x21):
    body = client + server + struct.pack('>HH', *ports) if family else b''
    return V2 + bytes([command, family]) + struct.pack('>H', len(body)) + body


def a_proxy_header_is_read_and_written_anew(tap):
    got = []

    def serve(c):
        got.append(read_all(c))
    with plane(Server(serve), ingress={'proxy': True}) as p:
        for name, h in [('IPv4', v2()), ('IPv6', v2(0x21, bytes(15) + b'\1', bytes(15) + b'\2')),
                        ('LOCAL', v2(0, command=0x20))]:
            s = p.call(PORT)
            s.sendall(h + b'data')
            s.close()
            tap.ok(until(lambda: got), '%s: the application is called' % name)
            tap.equal(got.pop() if got else b'', h + b'data', '%s: header, then the bytes' % name)
        h = v2()
        s = p.call(PORT)
        for i in range(len(h)):
            s.sendall(h[i:i + 1])
            time.sleep(0.002)
        s.sendall(b'slow')
        s.close()
        until(lambda: got)
        tap.equal(got.pop(), h + b'slow', 'a header may come byte by byte')
        bad = [b'GET / HTTP/1.1\r\n\r\n', V2[:-1] + b'X' + h[12:], V2 + b'\x11' + h[13:],
               h[:14] + b'\xff\xff' + h[16:], v2(0x12), V2 + b'\x21\x11\0\x0f' + bytes(15)]
        for b in bad:
            s = p.call(PORT)
            s.sendall(b + b'data')
            tap.ok(ended(s), 'no header, no connection: %r' % b[:18])
        s = p.call(PORT)
        s.sendall(h[:20])
        s.shutdown(socket.SHUT_WR)
        tap.ok(ended(s), 'half a header is none')
        time.sleep(0.1)
        tap.equal(got, [], 'the application saw none of these')
        m = p.control().metrics()
        tap.equal(m['selfsame_ingress_refused_total{port="8080",proto="tcp",reason="header"}'], len(bad) + 1,
                  'they are counted')


# --- datagrams

def datagram(b):
    return struct.pack('>H', len(b)) + b


def read_datagram(s):
    return read_exactly(s, struct.unpack('>H', read_exactly(s, 2))[0])


def datagrams_come_in_and_go_out(tap):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(('127.0.0.1', 0))
    u.settimeout(PATIENCE)
    one = {'port': PORT, 'to': u.getsockname()[1], 'udp': True}
    with Plane(PROGRAM, config(ingress=[one])) as p:
        a, b = p.call(65536 + PORT), p.call(65536 + PORT)
        a.sendall(datagram(b'one') + datagram(b'') + datagram(b'three'))
        got = [u.recvfrom(70000) for _ in range(3)]
        tap.equal([g[0] for g in got], [b'one', b'', b'three'], 'datagrams keep their bounds')
        tap.equal(len({g[1] for g in got}), 1, 'one client, one address')
        b.sendall(datagram(b'other'))
        text, other = u.recvfrom(70000)
        tap.ok(text == b'other' and other != got[0][1], 'another client, another address')
        u.sendto(b'answer', got[0][1])
        u.sendto(b'', got[0][1])
        u.sendto(b'to b', other)
        tap.equal((read_datagram(a), read_datagram(a)), (b'answer', b''), 'answers go to the one who asked')
        tap.equal(read_datagram(b), b'to b', 'and to the other')
        big = random.Random(3).randbytes(65507)
        t = threading.Thread(target=a.sendall, args=(datagram(big),))
        t.start()
        tap.equal(u.recvfrom(70000)[0], big, 'the largest datagram in')
        t.join()
        u.sendto(big, got[0][1])
        tap.equal(read_datagram(a), big, 'and out')
        for c in (datagram(b'pieces')[:3], datagram(b'pieces')[3:]):
            a.sendall(c)
            time.sleep(0.05)
        tap.equal(u.recv(100), b'pieces', 'a datagram may come in pieces')
        a.sendall(b'\xff')   # half a head, then nothing
        u.sendto(b'still', got[0][1])
        tap.equal(read_datagram(a), b'still', 'half a datagram holds up nothing')
        for i in range(3000):
            u.sendto(b'%04d' % i + bytes(1000), got[0][1])
            if i % 50 == 0:
                time.sleep(0.001)
        seen = []
        a.settimeout(1)
        try:
            while True:
                seen.append(int(read_datagram(a)[:4]))
        except (socket.timeout, TimeoutError):
            pass
        tap.ok(seen == sorted(set(seen)) and len(seen) > 20, 'what a slow reader misses is whole datagrams', len(seen))
        a.close()
        tap.ok(p.alive(), 'dataplane lives')


def datagrams_have_a_header_each(tap):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(('127.0.0.1', 0))
    u.settimeout(PATIENCE)
    one = {'port': PORT, 'to': u.getsockname()[1], 'udp': True, 'proxy': True}
    with Plane(PROGRAM, config(ingress=[one])) as p:
        a = p.call(65536 + PORT)
        h = v2(0x12)
        a.sendall(h + datagram(b'one') + datagram(b'two'))
        tap.equal([u.recv(100), u.recv(100)], [h + b'one', h + b'two'], 'before each datagram')
        b = p.call(65536 + PORT)
        b.sendall(v2(0x11) + datagram(b'x'))
        tap.ok(ended(b), 'a header for TCP is refused')


# --- what is said

def the_host_is_greeted_and_told_the_state(tap):
    with plane() as p:
        c = p.control()
        tap.equal(c.next(), (WELCOME, struct.pack('>HHQ', 1, 0, 64 << 20)), 'WELCOME answers HELLO')
        tap.equal(c.state(), ('starting', ''), 'then comes STATE')
        p.say(L_STARTED)
        tap.equal(c.state(), ('ready', ''), 'without a check, started is ready')
        p.say(L_DOWN, text=b'exited 3')
        tap.equal(c.state(), ('restarting', 'exited 3'), 'it ended and will be started again')
        p.say(L_STARTED, count=300)
        tap.equal(c.state(), ('ready', 'restarts: 300'), 'it was')
        d = p.control(greet=False)
        tap.ok(ended(d.s), 'a second control stream is closed')
        p.say(L_DRAIN)
        tap.equal(c.state()[0], 'draining', 'it was told to stop')
        p.say(L_STARTED)
        p.say(L_LOG, a=1, text=b'x')
        tap.equal(c.next()[0], LOG, 'draining is final')
        try:
            p.call(PORT)
            tap.ok(False, 'no connection is taken while draining')
        except ConnectionRefusedError:
            tap.ok(True, 'no connection is taken while draining')
        c.close()
        e = p.control()
        tap.equal([e.next()[0], e.state()[0]], [WELCOME, 'draining'], 'another stream may follow')


def the_host_may_stop_it_and_tell_the_time(tap):
    with plane() as p:
        c = p.control(greet=False)
        c.s.sendall(hello(when=12345))
        tap.equal(p.expect(L_TIME), 12345, 'the time of HELLO reaches init')
        start = time.monotonic()
        for i in range(1000):
            c.s.sendall(frame(TIME, struct.pack('>Q', 1000 + i)))
        time.sleep(1.1)
        c.s.sendall(frame(TIME, struct.pack('>Q', 77)))
        c.s.sendall(frame(STOP, struct.pack('>I', 1500)))
        times = []
        while True:
            m = p.link.recv(100)
            kind, _, _, _, _, when = struct.unpack_from('=BBBBIQ', m)
            if kind == L_STOP:
                break
            times.append(when)
        tap.equal(when, 1500, 'STOP reaches init with its grace')
        most = 2 + int(time.monotonic() - start)    # one a second
        tap.ok(len(times) <= most and times[-1] == 77, 'a flood of times is thinned out', times)


def lines_reach_the_host(tap):
    with plane() as p:
        for i in range(3):
            p.say(L_LOG, a=1 + i, b=1 if i == 0 else 0, when=10 + i, text=b'line %d' % i)
        c = p.control()
        tap.equal([c.line() for _ in range(3)],
                  [(1, 1, 10, b'line 0'), (2, 0, 11, b'line 1'), (3, 0, 12, b'line 2')],
                  'source, flags, time and text, also of what was said before the host came')
        p.say(L_LOG, a=2, text=b'')
        p.say(L_LOG, a=1, text=b'\xff' * 8192)
        tap.equal([c.line()[3], c.line()[3]], [b'', b'\xff' * 8192], 'empty and longest lines')
        p.say(L_LOG, a=1, count=7, text=b'after')
        tap.equal(c.next(), (LOST, struct.pack('>QQ', 7, 0)), 'lines lost in init are told')
        tap.equal(c.line()[3], b'after', 'before the next one')
        p.say(L_LOG, a=9, text=b'no such source')
        p.say(L_LOG, a=1, text=b'good')
        tap.equal(c.line()[3], b'good', 'init itself is checked')


def too_many_lines_are_dropped_and_counted(tap):
    with plane() as p:
        n = 5000
        for i in range(n):
            p.say(L_LOG, a=1, text=b'%06d ' % i + b'x' * 200)
        c = p.control()
        lost = struct.unpack('>QQ', c.next(LOST)[1])
        first = int(c.line()[3][:6])
        tap.equal(lost, (first, first * 207), 'the oldest gave way: as many as are missing')
        tap.ok(1000 <= n - first <= 1200, '256 KiB are kept', n - first)
        rest = [int(c.line()[3][:6]) for _ in range(n - first - 1)]
        tap.equal(rest, list(range(first + 1, n)), 'the others are all there')
        # a host that does not read
        for i in range(20000):
            p.say(L_LOG, a=1, text=b'%06d ' % i + b'y' * 200)
        got = 0
        lost = 0
        p.say(L_LOG, a=1, text=b'last')
        while True:
            kind, body = c.next()
            if kind == LOST:
                lost += struct.unpack('>QQ', body)[0]
            elif body[12:] == b'last':
                break
            elif kind == LOG:
                got += 1
        tap.equal(got + lost, 20000, 'lines that came and lines that were lost are all lines')
        # a stream that breaks with lines under way
        p.say(L_LOG, a=1, text=b'first')
        c.line()
        c.close()
        p.say(L_LOG, a=1, text=b'z')
        d = p.control()
        tap.equal(d.line()[3], b'z', 'the next stream goes on')
        tap.ok(p.rss_kib() < MEMORY_KIB, 'memory did not grow', p.rss_kib())


def no_line_leaves_where_logs_are_off(tap):
    with plane(logs=False) as p:
        c = p.control()
        for i in range(100):
            p.say(L_LOG, a=1, text=b'secret')
        m = c.metrics()
        c.s.sendall(frame(SCRAPE))
        kinds = [c.next()[0] for _ in range(1)]
        tap.equal(kinds, [METRICS], 'only what was asked for')
        tap.equal((m['selfsame_log_lines_total'], m['selfsame_log_lines_lost_total']), (0, 0), 'nothing is counted')


def the_end_is_the_last_word(tap):
    def attempt():
        """How long init waits after the host has hung up."""
        with plane() as p:
            c = p.control()
            c.state()
            for i in range(500):
                p.say(L_LOG, a=1, text=b'%d' % i)
            p.say(L_EXIT, a=1, b=15, text=b'killed')
            seen = []
            while True:
                kind, body = c.next()
                seen.append(kind)
                if kind == EXIT:
                    break
            tap.equal(body, b'\1\x0f\0\0killed', 'EXIT has kind, value and reason')
            tap.equal(seen.count(LOG), 500, 'all lines came before')
            start = time.monotonic()
            c.close()
            p.expect(L_FLUSHED)
            return time.monotonic() - start
    tap.ok(least(0.5, attempt) < 0.5, 'init is told when the host hangs up')
    with plane() as p:
        start = time.monotonic()
        p.say(L_EXIT, a=0, b=0)
        p.expect(L_FLUSHED)
        tap.ok(0.5 < time.monotonic() - start < PATIENCE, 'or after a second, where nobody listens')

    def heard():
        with plane() as p:
            p.say(L_EXIT, a=0, b=7)
            time.sleep(0.2)
            try:
                c = p.control()
                body = c.next(EXIT)[1]
            except (EOFError, OSError):     # too late on a busy machine
                return None
            c.close()
            p.expect(L_FLUSHED)
            return body
    tap.equal(next((b for b in (heard() for _ in range(5)) if b), None), b'\0\7\0\0',
              'who comes within that second hears it')


def metrics_are_prometheus_text(tap):
    with plane() as p:
        c = p.control()
        c.s.sendall(frame(SCRAPE) * 5)
        texts = [c.next(METRICS)[1].decode() for _ in range(5)]
        tap.equal(len(texts), 5, 'each question has its answer')
        types = {}
        bad = []
        for row in texts[0].splitlines():
            if row.startswith('# TYPE '):
                name, kind = row.split()[2:]
                types[name] = kind
            else:
                name = row.split('{')[0].split(' ')[0]
                value = row.rsplit(' ', 1)[1]
                if name not in types or not value.isdigit() or not name.startswith('selfsame_') or \
                        (types[name] == 'counter') != name.endswith('_total'):
                    bad.append(row)
        tap.equal(bad, [], 'every row has a type, counters end in _total')
        documented = open(os.path.join(os.path.dirname(__file__), '../../docs/formats/metrics.md'),
                          encoding='utf-8').read()
        tap.equal([n for n in types if '`%s`' % n not in documented], [], 'docs/formats/metrics.md has every name')


# --- health

def http(status, seen=None):
    def serve(c):
        request = b''
        while b'\r\n\r\n' not in request:
            request += c.recv(4096)
        if seen is not None:
            seen.append(request)
        c.sendall(status[0])
    return serve


def check(port, **kw):
    h = {'check': 2, 'port': port, 'interval': 100, 'timeout': 5000, 'failures': 2, 'path': b'/healthz'}
    h.update(kw)
    return h


def the_check_decides_on_readiness(tap):
    seen = []
    status = [b'HTTP/1.1 204 No Content\r\n\r\n']
    port = free_port()
    with plane(health=check(port)) as p:
        c = p.control()
        c.state()
        p.say(L_STARTED)
        tap.equal(c.state()[0], 'starting', 'started is not ready where there is a check')
        time.sleep(0.3)
        server = Server(http(status, seen), ('127.0.0.1', port))
        tap.equal(c.state(), ('ready', ''), 'ready when the check goes well')
        tap.equal(seen[0].split(b'\r\n')[0], b'GET /healthz HTTP/1.1', 'it asks for the path')
        tap.ok(b'\r\nHost: localhost\r\n' in seen[0], 'with a host')
        status[0] = b'HTTP/1.1 503 Service Unavailable\r\n\r\n'
        tap.equal(c.state(), ('failing', 'health check: status 503'), 'failing after so many failures')
        status[0] = b'HTTP/1.0 302\r\n\r\n'
        tap.equal(c.state(), ('ready', ''), 'a redirection is well')
        for bad, why in [(b'nonsense\r\n', 'the answer is no HTTP'), (b'', 'the connection ended without an answer'),
                         (b'HTTP/1.1 2000\r\n', 'the answer is no HTTP'),
                         (b'HTTP/1.1 200 ' + b'x' * 600, 'the answer is no HTTP')]:
            status[0] = bad
            tap.equal(c.state(), ('failing', 'health check: ' + why), 'failing for %.20r' % bad)
            status[0] = b'HTTP/1.1 200 OK\r\n\r\n' + b'b' * 100000
            tap.equal(c.state()[0], 'ready', 'and well again')
        server.close()
        tap.equal(c.state(), ('failing', 'health check: connection refused'), 'failing when nobody listens')
        tap.equal(server.errors, [], 'the server saw nothing odd')

    def silent(c):
        c.recv(10000)
        time.sleep(5)
    server = Server(silent)
    with plane(health=check(server.port, timeout=300)) as p:
        p.say(L_STARTED)
        c = p.control()
        failed = 'selfsame_health_checks_total{result="failed"}'
        tap.ok(until(lambda: c.metrics()[failed] >= 1), 'no answer in time is a failure')
        m = c.metrics()
        tap.equal(m['selfsame_state{state="starting"}'], 1, 'what never was ready is starting, not failing')
    accepted = []
    server = Server(accepted.append)
    with plane(health=check(server.port, check=1, path=b'')) as p:
        p.say(L_STARTED)
        c = p.control()
        until(lambda: c.state()[0] == 'ready')
        tap.ok(until(lambda: accepted), 'for TCP a connection is enough')
        p.say(L_DOWN, text=b'gone')
        until(lambda: c.state()[0] == 'restarting')
        time.sleep(0.1)
        n = len(accepted)
        time.sleep(0.4)
        tap.equal(len(accepted), n, 'what does not run is not asked')


# --- a host that does its worst

def garbage_on_every_port(tap):
    rng = random.Random(4)
    server = Server(echo)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(('127.0.0.1', 0))
    rows = [{'port': 1, 'to': server.port}, {'port': 2, 'to': server.port, 'proxy': True},
            {'port': 3, 'to': u.getsockname()[1], 'udp': True},
            {'port': 4, 'to': u.getsockname()[1], 'udp': True, 'proxy': True}]
    with Plane(PROGRAM, config(ingress=rows)) as p:
        for i in range(300):
            port = rng.choice([9001, 1, 2, 65536 + 3, 65536 + 4])
            s = p.call(port)
            n = rng.choice([1, 7, 8, 20, 100, 5000])
            data = rng.randbytes(n)
            if rng.random() < 0.5:
                data = hello() + data if port == 9001 else V2 + data
            try:
                s.sendall(data)
                if rng.random() < 0.5:
                    s.shutdown(socket.SHUT_WR)
                if rng.random() < 0.3:
                    s.setblocking(False)
                    s.recv(100)
            except OSError:
                pass
            s.close()
        for bad in [frame(HELLO), frame(99), frame(LOG, bytes(100)), struct.pack('>BBBBI', 1, 1, 0, 0, 16) + bytes(16),
                    struct.pack('>BBBBI', 1, 0, 0, 0, 1 << 31), frame(HELLO, struct.pack('>HHIQ', 2, 0, 1, 1)),
                    frame(SCRAPE), frame(STOP, bytes(4)), hello() + hello(), hello() + frame(OPEN, bytes(300)),
                    hello() + frame(TIME, bytes(7)), hello() + frame(METRICS), hello() + frame(EXIT, bytes(4))]:
            c = p.control(greet=False)
            over = False
            try:
                c.s.sendall(bad)  # it may hang up before all of it was sent
                while True:
                    read_frame(c.s)
            except (EOFError, ConnectionError):
                over = True
            tap.ok(over, 'ends the stream: %r' % bad[:24])
            c.close()
        tap.ok(p.alive(), 'dataplane lives')
        s = p.call(1)
        s.sendall(b'well')
        tap.equal(read_exactly(s, 4), b'well', 'and serves')
        c = p.control()
        tap.equal(c.next()[0], WELCOME, 'and speaks')
        gone = until(lambda: c.metrics()['selfsame_ingress_connections_open{port="1",proto="tcp"}'] == 1)
        tap.ok(gone, 'the garbage left nothing open')
        tap.ok(p.rss_kib() < MEMORY_KIB, 'or in memory', p.rss_kib())


def a_host_that_does_not_read(tap):
    server = Server(echo)
    with plane(server) as p:
        c = p.control()
        c.s.sendall(frame(SCRAPE) * 1)
        time.sleep(0.2)
        sent = 0
        c.s.setblocking(False)
        try:
            while sent < 100 << 20:
                sent += c.s.send(frame(SCRAPE) * 1000)
        except BlockingIOError:
            pass
        tap.ok(sent < 10 << 20, 'questions are not read while answers are not taken', sent)
        start = p.cpu_seconds()
        time.sleep(0.5)
        tap.ok(p.cpu_seconds() - start < 0.1, 'nobody waits busily')
        s = p.call(PORT)
        s.sendall(b'x')
        tap.equal(read_exactly(s, 1), b'x', 'the others are served')
        tap.ok(p.rss_kib() < MEMORY_KIB, 'in few MiB', p.rss_kib())


def a_host_that_says_nothing(tap):
    with plane(Server(echo), ingress={'proxy': True}) as p:
        c = p.control(greet=False)
        s = p.call(PORT)
        start = time.monotonic()
        tap.ok(ended(s) and 3 < time.monotonic() - start < PATIENCE, 'no header for 5 s: closed')
        tap.ok(ended(c.s) and 8 < time.monotonic() - start < PATIENCE, 'no HELLO for 10 s: closed')
        tap.equal(p.control().next()[0], WELCOME, 'another one may come')


run_tests([
    bytes_go_both_ways_and_ends_are_kept_apart, much_goes_both_ways_with_its_checksum, odd_sizes_arrive,
    a_reader_that_does_not_read_holds_up_its_own_stream_only, a_reset_is_passed_on, nobody_listens_yet,
    a_thousand_connections, there_is_a_limit_to_connections, a_proxy_header_is_read_and_written_anew,
    datagrams_come_in_and_go_out, datagrams_have_a_header_each, the_host_is_greeted_and_told_the_state,
    the_host_may_stop_it_and_tell_the_time, lines_reach_the_host, too_many_lines_are_dropped_and_counted,
    no_line_leaves_where_logs_are_off, the_end_is_the_last_word, metrics_are_prometheus_text,
    the_check_decides_on_readiness, garbage_on_every_port, a_host_that_does_not_read, a_host_that_says_nothing])
