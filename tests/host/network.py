# SPDX-License-Identifier: Apache-2.0
"""Published ports, connections out, datagrams, DNS, metrics: bytes both ways, limits, refusals."""
import hashlib
import os
import socket
import struct
import threading
import time
import urllib.request

import guest as G
import rig
from rig import E

BIG = 24 << 20
NOT_ALLOWED, NO_NAME, REFUSED, UNREACHABLE = 1, 2, 3, 4


def pattern(n, seed):
    return hashlib.shake_128(seed).digest(n)


def serve_and_wait(g, _):
    """READY, then until the host says STOP."""
    g.beat()
    c = g.control(G.state(G.READY))
    while True:
        f = c.frame()
        if f is None or f[0] == G.STOP:
            break
    c.send(G.ended(0, 0))
    c.everything()


# --- streams in ------------------------------------------------------------------------------

def echo(s):
    while True:
        data = s.recv(1 << 16)
        if not data:
            break
        s.send(data)
    s.shutdown()


def says_hello_and_hangs_up(s):
    s.send(b'hello')
    s.close()


def resets(s):
    s.reset()


def reads_all_then_answers(s):
    data = s.everything()
    s.send(b'%d %s' % (len(data), hashlib.sha256(data).hexdigest().encode()))
    s.close()


def shows_the_header(s):
    head = s.exactly(16)
    rest = s.exactly(struct.unpack('>H', head[14:])[0])
    s.send((head + rest).hex().encode())
    s.close()


def never_reads(s):
    time.sleep(G.LIMIT)


def services(g, _):
    g.serve(1001, echo)
    g.serve(1002, says_hello_and_hangs_up)
    g.serve(1003, resets)
    g.serve(1004, reads_all_then_answers)
    g.serve(1005, shows_the_header)
    g.serve(1006, never_reads)
    serve_and_wait(g, _)


INGRESS = [E.ingress(1001), E.ingress(1002), E.ingress(1003), E.ingress(1004),
           E.ingress(1005, proxy=True), E.ingress(1006), E.ingress(1007)]


class Running:
    """An enclave with everything published at free ports of 127.0.0.1."""

    def __init__(self, guest, *args, ports=(), ip='127.0.0.1', machine='nitro', **config):
        self.place = rig.Place(**config)
        for port in ports:
            args += ('--port', '%s:0:%d' % (ip, port))
        self.p = self.place.start(guest, *args, FAKE_MACHINE=machine)
        try:
            rig.wait_line(self.p, 'selfsame: ready')
        except BaseException:  # nobody will leave what was not entered
            self.place.leave(True)
            raise
        self.ports = {}
        for line in rig.text(self.p.err).splitlines():
            if 'publishing' in line:
                host, to = line.split('publishing ')[1].split(' -> ')
                self.ports[to] = int(host.rsplit(':', 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                rig.stop(self.p).expect(0)
        finally:
            self.place.leave(kind is not None)

    def connect(self, port, host='127.0.0.1'):
        s = socket.create_connection((host, self.ports[str(port)]), timeout=rig.TIMEOUT)
        return s


def everything(s):
    out = bytearray()
    while True:
        data = s.recv(1 << 16)
        if not data:
            return bytes(out)
        out += data


def bytes_go_in_and_come_back():
    with Running(services, ports=[1001, 1004], ingress=INGRESS) as r:
        for n in (1, 65536, BIG):
            s = r.connect(1001)
            data = pattern(n, b'%d' % n)

            def send(s=s, data=data):
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            t = threading.Thread(target=send)
            t.start()
            assert everything(s) == data
            t.join()
        s = r.connect(1004)  # half-close is kept: the answer comes after our end
        data = pattern(BIG, b'up')
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        assert everything(s) == b'%d %s' % (BIG, hashlib.sha256(data).hexdigest().encode())


def ends_are_passed_on():
    with Running(services, ports=[1002, 1003, 1007], ingress=INGRESS) as r:
        assert everything(r.connect(1002)) == b'hello'
        for port in (1003, 1007):  # reset by the service; nobody listens there
            s = r.connect(port)
            try:
                assert s.recv(1) == b''
            except ConnectionResetError:
                pass


def hundreds_at_once_and_a_slow_one_holds_nobody_up():
    with Running(services, ports=[1001, 1006], ingress=INGRESS) as r:
        stuck = r.connect(1006)
        stuck.setblocking(False)
        sent = 0
        while True:  # until every buffer on the way is full
            try:
                sent += stuck.send(bytes(1 << 16))
            except BlockingIOError:
                time.sleep(0.2)
                try:
                    sent += stuck.send(bytes(1 << 16))
                except BlockingIOError:
                    break
        assert sent < 16 << 20, sent
        clients = [r.connect(1001) for _ in range(400)]
        for i, s in enumerate(clients):
            s.sendall(b'client %d' % i)
        for i, s in enumerate(clients):
            want = b'client %d' % i
            got = b''
            while len(got) < len(want):
                got += s.recv(100)
            assert got == want
        for s in clients:
            s.close()


def the_header_says_who_called():
    with Running(services, ports=[1005], ingress=INGRESS) as r:
        s = r.connect(1005)
        mine = s.getsockname()[1]
        head = bytes.fromhex(everything(s).decode())
        assert head == bytes.fromhex('0d0a0d0a000d0a515549540a') + b'\x21\x11\x00\x0c' + \
            b'\x7f\0\0\1' * 2 + struct.pack('>HH', mine, r.ports['1005']), head.hex()
    with Running(services, ports=[1005], ip='[::1]', ingress=INGRESS) as r:
        s = r.connect(1005, '::1')
        head = bytes.fromhex(everything(s).decode())
        assert head[12:14] == b'\x21\x21' and head[16:32] == bytes(15) + b'\1', head.hex()


def without_an_ip_every_address_is_served():
    with rig.Place(ingress=INGRESS) as p:
        r = p.start(services, '--port', '0:1005')
        port = rig.port_of(r, 'publishing *:')
        rig.wait_line(r, 'selfsame: ready')
        for host, family in (('127.0.0.1', b'\x11'), ('::1', b'\x21')):
            s = socket.create_connection((host, port), timeout=rig.TIMEOUT)
            head = bytes.fromhex(everything(s).decode())
            assert head[13:14] == family, head.hex()
        rig.stop(r).expect(0)


def a_port_with_attested_tls_is_said_to_stay_closed_without_an_nsm():
    for machine, said in (
            ('microvm', ['selfsame: port 443 stays closed: without an NSM nothing can be attested']),
            ('nitro', [])):
        with Running(serve_and_wait, ports=[443, 444], machine=machine,
                     ingress=[E.ingress(443, tls=2), E.ingress(444, tls=1)]) as r:
            lines = [x for x in rig.text(r.p.err).splitlines() if 'closed' in x]
            assert lines == said, lines
            assert r.connect(443).recv(1) == b''  # this guest has nothing there


# --- datagrams in ----------------------------------------------------------------------------

def udp_echo(s):
    try:
        while True:
            data = s.datagram()
            s.send_datagram(b'echo ' + data)
    except EOFError:
        s.close()


def udp_after_a_header(s):
    head = s.exactly(16)
    rest = s.exactly(struct.unpack('>H', head[14:])[0])
    s.send_datagram((head + rest).hex().encode() + b' ' + s.datagram())


def udp_services(g, _):
    g.serve(65536 + 2001, udp_echo)
    g.serve(65536 + 2002, udp_after_a_header)
    serve_and_wait(g, _)


UDP = [E.ingress(2001, udp=True), E.ingress(2002, udp=True, proxy=True)]


def udp_client(r, port, host='127.0.0.1'):
    s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(rig.TIMEOUT)
    s.connect((host, r.ports['%d (UDP)' % port]))
    return s


def datagrams_go_in_and_come_back_each_client_its_own():
    with Running(udp_services, ports=[2001, 2002], ingress=UDP) as r:
        clients = [udp_client(r, 2001) for _ in range(20)]
        for n in (0, 1, 1000, 9000):
            for i, s in enumerate(clients):
                data = pattern(n, b'%d' % i)
                s.send(data)
                assert s.recv(65536) == b'echo ' + data
        s = udp_client(r, 2002)
        s.send(b'who am I')
        head, word = s.recv(65536).split(b' ', 1)
        head = bytes.fromhex(head.decode())
        assert word == b'who am I' and head[12:14] == b'\x21\x12'
        assert head[16:20] == b'\x7f\0\0\1'
        assert struct.unpack('>H', head[24:26])[0] == s.getsockname()[1]


def more_clients_than_flows_push_out_the_longest_idle():
    with Running(udp_services, '--metrics', '0', ports=[2001], ingress=UDP) as r:
        port = r.ports['2001 (UDP)']
        first = udp_client(r, 2001)
        first.send(b'1')
        assert first.recv(10) == b'echo 1'
        socks = []
        for i in range(1100):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(rig.TIMEOUT)
            s.sendto(b'%d' % i, ('127.0.0.1', port))
            socks.append(s)
            if i % 50 == 49:  # no more than a socket's buffer holds
                assert s.recv(100) == b'echo %d' % i, i
        first.send(b'2')  # a new flow, and it works
        assert first.recv(10) == b'echo 2'
        with urllib.request.urlopen('http://' + r.place.list()[0]['Metrics'] + '/metrics') as a:
            counts = dict(x.rsplit(' ', 1) for x in a.read().decode().splitlines() if x[0] != '#')
        assert int(counts['selfsame_host_flows_total']) == 1102
        assert int(counts['selfsame_host_flows_evicted_total']) == 1102 - 1024


# --- streams out -----------------------------------------------------------------------------

def out_there(g, _):
    """What the test asks for on the ingress 1: transport, kind, port, address; then the bytes."""
    def broker(s):
        transport, kind, port, n = struct.unpack('>BBHB', s.exactly(5))
        addr = s.exactly(n)
        out = g.call(g.egress_port)
        if kind == 1:
            out.send(G.open_name(transport, addr, port))
        elif kind in (4, 6):
            out.send(G.open_addr(transport, addr, port))
        elif kind == 0:
            out.send(G.frame(G.OPEN, struct.pack('>BBH', transport, 0, 0)))
        else:
            out.send(addr)
        f = out.frame()
        s.send(b'\xff' if f is None else f[1][:1])
        if f is None or f[1][0] != 0:
            s.close()
            return

        def up():
            while True:
                data = s.recv(1 << 16)
                if not data:
                    break
                out.send(data)
            out.shutdown()
        threading.Thread(target=up, daemon=True).start()
        while True:
            data = out.recv(1 << 16)
            if not data:
                break
            s.send(data)
        s.shutdown()
    g.serve(1, broker)
    g.beat()
    c = g.control(G.state(G.READY))
    while True:
        f = c.frame()
        if f is None or f[0] == G.STOP:
            break
    c.send(G.ended(0, 0))
    c.everything()


def ask(r, transport, kind, port, addr=b''):
    """(status, stream)"""
    s = r.connect(1)
    s.sendall(struct.pack('>BBHB', transport, kind, port, len(addr)) + addr)
    return s.recv(1)[0], s


FLIP = bytes(b ^ 0xff for b in range(256))


class Server:
    """A TCP service of the world: echoes, upside down."""

    def __init__(self, family=socket.AF_INET, host='127.0.0.1'):
        self.sock = socket.create_server((host, 0), family=family)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            s, _ = self.sock.accept()
            threading.Thread(target=self.serve, args=[s], daemon=True).start()

    @staticmethod
    def serve(s):
        while True:
            data = s.recv(1 << 16)
            if not data:
                break
            s.sendall(data.translate(FLIP))
        s.shutdown(socket.SHUT_WR)


def egress(*rules):
    return {'ingress': [E.ingress(1)], 'egress': [r.encode() for r in rules]}


def connections_out_go_where_the_list_allows():
    v4, v6 = Server(), Server(socket.AF_INET6, '::1')
    rules = egress('localhost:%d' % v4.port, '127.0.0.0/8:%d' % v4.port, '[::1/128]:%d' % v6.port)
    with Running(out_there, ports=[1], **rules) as r:
        for kind, port, addr in ((1, v4.port, b'localhost'), (1, v4.port, b'LocalHost'),
                                 (4, v4.port, b'\x7f\0\0\1'), (6, v6.port, bytes(15) + b'\1')):
            status, s = ask(r, 6, kind, port, addr)
            assert status == 0, (kind, status)
            s.sendall(b'abc')
            s.shutdown(socket.SHUT_WR)
            assert everything(s) == b'\x9e\x9d\x9c'
        status, s = ask(r, 6, 1, v4.port, b'localhost')
        data = pattern(BIG, b'out')
        threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))).start()
        assert everything(s) == data.translate(FLIP)


def what_is_not_on_the_list_is_refused_and_said():
    v4 = Server()
    closed = socket.socket()
    closed.bind(('127.0.0.1', 0))
    nobody = closed.getsockname()[1]
    rules = egress('localhost:%d' % v4.port, '*.example.invalid:443', '127.0.0.1/32:%d' % nobody,
                   'xn--nobody-here.invalid:1')
    with Running(out_there, ports=[1], **rules) as r:
        for kind, port, addr in ((1, v4.port + 1, b'localhost'), (1, v4.port, b'example.com'),
                                 (1, 443, b'example.invalid'), (4, v4.port, b'\x7f\0\0\1'),
                                 (4, nobody, b'\x7f\0\0\2'), (6, nobody, bytes(15) + b'\1')):
            assert ask(r, 6, kind, port, addr)[0] == NOT_ALLOWED, (kind, port, addr)
        assert ask(r, 6, 4, nobody, b'\x7f\0\0\1')[0] == REFUSED
        assert ask(r, 6, 1, 443, b'a.example.invalid')[0] == NO_NAME
        assert ask(r, 6, 6, nobody, bytes(10) + b'\xff\xff\x7f\0\0\1')[0] == REFUSED  # IPv4 in disguise
        for garbage in (b'\x00' * 16, b'\x20\0\0\0\0\0\xff\xff', b'GET / HTTP/1.1\r\n\r\n',
                        G.state(G.READY)):
            assert ask(r, 0, 9, 0, garbage)[0] == 0xff
        text = rig.text(r.p.err)
        assert "egress to localhost:%d is not on the image's list: refused" % (v4.port + 1) in text


def without_a_list_there_is_no_way_out():
    with Running(no_egress, ports=[1], ingress=[E.ingress(1)]) as r:
        assert everything(r.connect(1)) == b'port 0, refused'


def no_egress(g, _):
    def tell(s):
        try:
            g.call(20000)
            s.send(b'port %d, open' % g.egress_port)
        except ConnectionRefusedError:
            s.send(b'port %d, refused' % g.egress_port)
        s.close()
    g.serve(1, tell)
    serve_and_wait(g, _)


# --- datagrams and DNS out ---------------------------------------------------------------------

def udp_server(answer):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('127.0.0.1', 0))

    def loop():
        while True:
            data, who = s.recvfrom(65536)
            out = answer(data)
            if out is not None:
                s.sendto(out, who)
    threading.Thread(target=loop, daemon=True).start()
    return s.getsockname()[1]


def send_datagram(s, data):
    s.sendall(struct.pack('>H', len(data)) + data)


def exactly(s, n):
    out = b''
    while len(out) < n:
        more = s.recv(n - len(out))
        assert more, out
        out += more
    return out


def datagram(s):
    return exactly(s, struct.unpack('>H', exactly(s, 2))[0])


def datagrams_go_out():
    port = udp_server(lambda d: b'got ' + d)
    with Running(out_there, ports=[1], **egress('localhost:%d' % port,
                                               '127.0.0.0/8:%d' % port)) as r:
        for kind, addr in ((4, b'\x7f\0\0\1'), ):
            status, s = ask(r, 17, kind, port, addr)
            assert status == 0
            for n in (0, 5, 1400, 60000):
                send_datagram(s, pattern(n, b'u'))
                assert datagram(s) == b'got ' + pattern(n, b'u')
        assert ask(r, 17, 4, port + 1, b'\x7f\0\0\1')[0] == NOT_ALLOWED


def question(name, ident=b'\x12\x34', kind=1):
    labels = b''.join(bytes([len(x)]) + x for x in name.split(b'.')) + b'\0'
    return ident + b'\x01\0\0\1\0\0\0\0\0\0' + labels + struct.pack('>HH', kind, 1)


def questions_go_to_the_hosts_resolver_if_the_list_knows_the_name():
    asked = []

    def answer(data):
        asked.append(data)
        return data[:2] + b'\x81\x80' + data[4:]
    port = udp_server(answer)
    with Running(out_there, '--dns', '127.0.0.1:%d' % port, ports=[1],
                 **egress('*.example.com:443', 'host:1')) as r:
        status, s = ask(r, 53, 0, 0)
        assert status == 0
        for name in (b'a.example.com', b'A.B.Example.COM', b'host'):
            q = question(name)
            send_datagram(s, q)
            assert datagram(s) == q[:2] + b'\x81\x80' + q[4:]
        for name in (b'example.com', b'other.org', b'host.example.org'):
            q = question(name)
            send_datagram(s, q)
            got = datagram(s)
            assert got[:2] == q[:2] and got[3] & 15 == 5, got.hex()  # REFUSED
        send_datagram(s, b'\x43\x21garbage of no form')
        got = datagram(s)
        assert got[:2] == b'\x43\x21' and got[3] & 15 == 1  # FORMERR
        assert [q for q in asked] == [question(n) for n in
                                      (b'a.example.com', b'A.B.Example.COM', b'host')]


# --- metrics -----------------------------------------------------------------------------------

def with_metrics(g, _):
    g.beat()
    c = g.control(G.state(G.READY))
    while True:
        kind, _ = c.frame()
        if kind == G.SCRAPE:
            c.send(G.frame(G.METRICS, b'# HELP selfsame_x a\n# TYPE selfsame_x counter\n'
                                      b'selfsame_x 5\nselfsame_host_lines_total 666\n'
                                      b'other_metric 1\nselfsame_\x1b 2\nselfsame_last 9'))
        elif kind == G.STOP:
            break
    c.send(G.ended(0, 0))
    c.everything()


def metrics_of_both_sides_are_served():
    with Running(with_metrics, '--metrics', '0') as r:
        doc = r.place.list()[0]
        url = 'http://' + doc['Metrics']
        with urllib.request.urlopen(url + '/metrics', timeout=rig.TIMEOUT) as a:
            assert a.headers['Content-Type'] == 'text/plain; version=0.0.4'
            text = a.read().decode()
        assert 'selfsame_host_control_streams_total 1\n' in text
        assert 'selfsame_host_egress_refused_total{reason="' in text
        assert text.endswith('# HELP selfsame_x a\n# TYPE selfsame_x counter\nselfsame_x 5\n'
                             'selfsame_last 9\n'), text
        assert '666' not in text and 'other' not in text and '\x1b' not in text
        try:
            urllib.request.urlopen(url + '/', timeout=rig.TIMEOUT)
            assert False
        except urllib.error.HTTPError as e:
            assert e.code == 404


def silent_about_metrics(g, _):
    serve_and_wait(g, _)


def an_enclave_that_does_not_answer_costs_only_its_own_metrics():
    with Running(silent_about_metrics, '--metrics', '127.0.0.1:0') as r:
        url = 'http://' + r.place.list()[0]['Metrics'] + '/metrics'
        with urllib.request.urlopen(url, timeout=rig.TIMEOUT) as a:
            text = a.read().decode()
        assert 'selfsame_host_lines_total 0\n' in text and 'selfsame_x' not in text


if __name__ == '__main__':
    rig.main([
        bytes_go_in_and_come_back,
        ends_are_passed_on,
        hundreds_at_once_and_a_slow_one_holds_nobody_up,
        the_header_says_who_called,
        without_an_ip_every_address_is_served,
        a_port_with_attested_tls_is_said_to_stay_closed_without_an_nsm,
        datagrams_go_in_and_come_back_each_client_its_own,
        more_clients_than_flows_push_out_the_longest_idle,
        connections_out_go_where_the_list_allows,
        what_is_not_on_the_list_is_refused_and_said,
        without_a_list_there_is_no_way_out,
        datagrams_go_out,
        questions_go_to_the_hosts_resolver_if_the_list_knows_the_name,
        metrics_of_both_sides_are_served,
        an_enclave_that_does_not_answer_costs_only_its_own_metrics,
    ])
