# SPDX-License-Identifier: Apache-2.0
"""`selfsame run` of an image with an unmodified Python program (tests/boot/service.py) and nothing
else in it: what reaches it, what it reaches, and all that `list`, `logs` and `stop` say of it. One
boot serves all of these tests."""
import datetime
import hashlib
import json
import os
import re
import socket
import ssl
import struct
import threading
import time

import rig
import running
import world
from running import V4, V6

BIG = 100 << 20
TOML = '''
[app]
command = ["/usr/bin/python3", "-I", "-S", "/srv/service.py"]
user = "65532:65532"

[egress]
allow = ["allowed.test:7", "allowed.test:8", "allowed.test:10", "allowed.test:11", "*.wild.test:7",
         "203.0.113.5/32:7", "[2001:db8::/32]:7", "[2001:db8::/32]:8"]

[health]
tcp = true
interval = 1

[logs]
host = true
'''
INGRESS = '''
[[ingress]]
port = %d
tls = "none"
proto = "%s"
proxy = %s
'''
PORTS = [(8080, 'tcp', 'false'), (7000, 'tcp', 'false'), (7001, 'tcp', 'false'),
         (7002, 'udp', 'false'), (7003, 'tcp', 'true')]


class Net:
    """The one enclave."""

    place = eif = measured = names = None
    ports = {}
    heard = []

    @classmethod
    def connect(cls, port):
        return socket.create_connection(('127.0.0.1', cls.ports[port]), running.LIMIT)

    @classmethod
    def ask(cls, *words):
        """An HTTP request; its answer."""
        with cls.connect(8080) as s:
            s.sendall(b'GET /%s HTTP/1.1\r\nHost: x\r\n\r\n' % '/'.join(map(str, words)).encode())
            head, body = everything(s).split(b'\r\n\r\n', 1)
        assert head.startswith(b'HTTP/1.1 200 OK\r\n'), head
        return json.loads(body)

    @classmethod
    def logs(cls):
        p = cls.place.ask_all('logs', 'net')
        return p.stdout.decode(), p.stderr.decode()


def everything(s):
    out = bytearray()
    while True:
        data = s.recv(1 << 18)
        if not data:
            return bytes(out)
        out += data


# --- start -------------------------------------------------------------------------------------

def it_starts_in_the_background_and_says_when_it_is_ready():
    root = os.path.join(Net.place.dir, 'root')
    running.python_root(root, os.path.join(running.HERE, 'service.py'))
    toml = TOML + ''.join(INGRESS % p for p in PORTS)
    Net.eif, Net.measured = running.build(Net.place.dir, root, toml)
    publish = [w for p, _, _ in PORTS for w in ('--port', '127.0.0.1:0:%d' % p)]
    doc = json.loads(Net.place.ask('run', Net.eif, '--detach', '--json', '--name', 'net', *publish))
    assert doc['EnclaveName'] == 'net' and doc['Readiness'] == 'ready', doc
    Net.ports = {p['EnclavePort']: p['HostPort'] for p in doc['Ports']}
    assert sorted(Net.ports) == sorted(p for p, _, _ in PORTS), doc


def the_registers_inside_are_those_of_measurements_json():
    _, err = Net.logs()
    pcr0, = re.findall(r'^enclave: rt:03 nsm ready, .* pcr0 ([0-9a-f]{96})$', err, re.M)
    doc, = json.loads(Net.place.ask('list', '--json'))
    assert pcr0 == Net.measured['PCR0'] == doc['Measurements']['PCR0']
    assert doc['Measurements']['PCR1'] == Net.measured['PCR1']
    assert doc['Measurements']['PCR2'] == Net.measured['PCR2']


# --- in ----------------------------------------------------------------------------------------

def http_comes_from_inside():
    got = Net.ask('')
    assert got == {'hello': 'from inside', 'uid': 65532, 'pid': got['pid'], 'host': 'enclave',
                   'umask': 0o022}, got


def its_ports_are_given_to_nobody_else():
    assert Net.ask('kept') == {'ports': '7000-7003,8080'}


def datagrams_come_back():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(running.LIMIT)
        s.connect(('127.0.0.1', Net.ports[7002]))
        for n in (0, 1, 1400, 30000):
            s.send(b'x' * n)
            assert s.recv(65536) == b'echo ' + b'x' * n


def the_proxy_header_names_the_caller():
    with Net.connect(7003) as s:
        want = b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + b'\x7f\0\0\1' * 2 + \
            struct.pack('>HH', s.getsockname()[1], Net.ports[7003])
        assert everything(s) == want.hex().encode()


def a_thousand_connections_at_once():
    clients = [Net.connect(7000) for _ in range(1000)]
    for turn in range(2):
        for i, s in enumerate(clients):
            s.sendall(struct.pack('>II', turn, i))
        for i, s in enumerate(clients):
            got = b''
            while len(got) < 8:
                got += s.recv(8 - len(got))
            assert got == struct.pack('>II', turn, i)
    for s in clients:
        s.close()
    assert Net.ask('')['hello'] == 'from inside'


def there_and_back(s, back):
    """100 MB, sent while they are received; what comes is what `back` makes of what went."""
    block = hashlib.shake_128(b'block').digest(1 << 20)
    sent, got, n = hashlib.sha256(), hashlib.sha256(), 0

    def send():
        for i in range(BIG // len(block)):
            data = struct.pack('>I', i) + block[4:]
            sent.update(data.translate(back) if back else data)
            s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    t = threading.Thread(target=send)
    t.start()
    while True:
        data = s.recv(1 << 18)
        if not data:
            break
        got.update(data)
        n += len(data)
    t.join()
    assert n == BIG and got.digest() == sent.digest(), n


def a_hundred_megabytes_in_and_back():
    with Net.connect(7000) as s:
        there_and_back(s, None)


def a_hundred_megabytes_out_and_back():
    with Net.connect(7001) as s:
        s.sendall(b'allowed.test 7\n')
        there_and_back(s, world.FLIP)


def a_caller_who_leaves_mid_stream_harms_nobody():
    for _ in range(20):
        s = Net.connect(7000)
        s.sendall(bytes(100000))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        s.close()
    assert Net.ask('')['hello'] == 'from inside'


# --- out ---------------------------------------------------------------------------------------

FLIPPED = b'abc'.translate(world.FLIP).hex()


def names_on_the_list_are_reached_by_name():
    for host in ('allowed.test', 'ALLOWED.Test', 'a.wild.test', 'a.b.wild.test'):
        got = Net.ask('tcp', host, 7)
        assert got.get('got') == FLIPPED, (host, got)
    inside = Net.ask('names', 'allowed.test')['addresses']
    assert inside and all(x.startswith(('198.18.', 'fd53:656c:6673:1:')) for x in inside), inside


def addresses_on_the_list_are_reached_ipv4_and_ipv6():
    assert Net.ask('tcp', V4, 7) == {'peer': V4, 'got': FLIPPED}
    assert Net.ask('tcp', V6, 7) == {'peer': V6, 'got': FLIPPED}


def a_name_with_only_an_ipv6_address_is_reached():
    assert Net.ask('tcp', 'six.wild.test', 7)['got'] == FLIPPED


def what_is_not_on_the_list_is_refused_and_said_why():
    for host, port, error in (('other.test', 7, 'EAI_NONAME'), ('wild.test', 7, 'EAI_NONAME'),
                              ('allowed.test', 9, 'ECONNREFUSED'), (V4, 8, 'ECONNREFUSED'),
                              ('203.0.113.6', 7, 'ECONNREFUSED'), (V6, 9, 'ECONNREFUSED'),
                              ('2001:db9::1', 7, 'ECONNREFUSED'), ('10.0.0.1', 22, 'ECONNREFUSED')):
        assert Net.ask('tcp', host, port) == {'error': error}, (host, port)
    _, err = Net.logs()
    for line in ('refused: tcp allowed.test:9: not on the allow-list',
                 'refused: tcp %s:8: not on the allow-list' % V4,
                 'refused: tcp [2001:db8:0:0:0:0:0:5]:9: not on the allow-list'):
        assert line in err, (line, err)


def client_hello(name):
    """What a TLS client says first, to a server of this name or of none."""
    wire = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        context.wrap_bio(ssl.MemoryBIO(), wire, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return wire.read()


def tls_goes_only_to_the_server_that_was_asked_for():
    for name in ('allowed.test', 'ALLOWED.test'):
        hello = client_hello(name)
        assert hello[0] == 22 and name.encode() in hello
        assert Net.ask('first', 'allowed.test', 7, hello.hex()) == {'got': hello.translate(world.FLIP).hex()}
        assert hello in Net.heard
    for name, why in (('other.test', 'TLS asks for another server'), ('a.wild.test', 'TLS asks for another server'),
                      ('xallowed.test', 'TLS asks for another server'), (None, 'TLS does not name the server')):
        before = Net.logs()[1].count(why)
        got = Net.ask('first', 'allowed.test', 7, client_hello(name).hex())
        # A reset, which is seen in whatever the program does next.
        assert got.get('error') in ('ECONNRESET', 'EPIPE', 'ENOTCONN'), (name, got)
        running.wait_for(lambda b=before, w=why: Net.logs()[1].count('refused: tcp allowed.test:7: ' + w) > b, why)
    assert not any(b'other.test' in x or b'wild.test' in x for x in Net.heard)  # no byte of it went out
    # An address is no name: nothing can be compared, and the list has allowed the address itself.
    hello = client_hello('other.test')
    assert Net.ask('first', V4, 7, hello.hex()) == {'got': hello.translate(world.FLIP).hex()}


def the_worlds_own_refusals_arrive():
    assert Net.ask('tcp', 'gone.wild.test', 7)['error'] == 'ECONNREFUSED'  # no such name
    assert Net.ask('tcp', 'allowed.test', 10)['error'] == 'ECONNREFUSED'  # nobody listens there


def a_server_that_hangs_up_mid_stream_is_seen_to():
    got = Net.ask('tcp', 'allowed.test', 11)
    assert got.get('got') == b'half of '.hex() or got.get('error') == 'ECONNRESET', got


def datagrams_go_out_to_what_is_allowed():
    assert Net.ask('udp', 'allowed.test', 8)['got'] == 'pong'
    assert Net.ask('udp', V6, 8) == {'peer': V6, 'got': 'pong'}
    assert Net.ask('udp', V4, 8) == {'error': 'EHOSTUNREACH'}


def other_questions_go_to_the_hosts_resolver():
    answer = bytes.fromhex(Net.ask('dns', world.question('allowed.test', world.TXT).hex())['answer'])
    assert answer[3] & 15 == 0 and b'\x05hello' in answer, answer.hex()
    assert ('allowed.test', world.TXT) in Net.names.asked
    answer = bytes.fromhex(Net.ask('dns', world.question('other.test', world.TXT).hex())['answer'])
    assert answer[3] & 15 == 3 and ('other.test', world.TXT) not in Net.names.asked


# --- its words, its end ------------------------------------------------------------------------

def lines_have_their_source_and_time():
    Net.ask('say', 'a-word')
    Net.ask('moan', 'a-sigh')

    def there():
        out, err = Net.logs()
        return '\na-word\n' in out and '\na-sigh\n' in err
    running.wait_for(there, 'the lines')
    out, err = Net.logs()
    assert out.startswith('service: up\n') and 'a-sigh' not in out and 'a-word' not in err
    assert '\nenclave: rt:10 application started\n' in err, err
    lines = [json.loads(x) for x in Net.place.ask('logs', '--json', 'net').splitlines()]
    for source, line in (('stdout', 'a-word'), ('stderr', 'a-sigh'),
                         ('runtime', 'rt:10 application started'),
                         ('dataplane', 'refused: tcp 10.0.0.1:22: not on the allow-list')):
        found, = [x for x in lines if x['Text'] == line]
        said = datetime.datetime.strptime(found['Time'][:19] + '+0000', '%Y-%m-%dT%H:%M:%S%z')
        # An emulated clock on a loaded machine falls behind.
        assert found['Source'] == source and abs(said.timestamp() - time.time()) < 600, found


def it_is_listed_and_stops_when_told():
    doc, = json.loads(Net.place.ask('list', '--json'))
    assert doc['State'] == 'RUNNING' and doc['Readiness'] == 'ready', doc
    end = json.loads(Net.place.ask('stop', 'net', '--json'))
    assert end['Terminated'] is True and end['End']['Kind'] == 'exited', end
    assert end['End']['Status'] == 3, end  # what its handler of SIGTERM exits with
    assert json.loads(Net.place.ask('list', '--json')) == []
    assert os.listdir(os.path.join(Net.place.dir, 'run', 'selfsame')) == []


def hear_and_flip(s):
    """The world at port 7; what each caller says first is kept."""
    Net.heard.append(s.recv(4096, socket.MSG_PEEK))
    world.flip(s)


running.in_a_network()
for where in (V4, V6):
    world.serve_tcp(where, 7, hear_and_flip)
    world.serve_tcp(where, 9, world.flip)
    world.serve_tcp(where, 11, world.half)
    world.serve_udp(where, 8, lambda d: b'pong' if d == b'ping' else None)
Net.names = world.Names('127.0.0.1', {
    (name, kind): [data] for name in ('allowed.test', 'a.wild.test', 'a.b.wild.test', 'other.test')
    for kind, data in ((world.A, socket.inet_pton(socket.AF_INET, V4)),
                       (world.AAAA, socket.inet_pton(socket.AF_INET6, V6)),
                       (world.TXT, b'\x05hello'))} | {
    ('six.wild.test', world.AAAA): [socket.inet_pton(socket.AF_INET6, V6)]})
with running.Place() as Net.place:
    rig.run([
        it_starts_in_the_background_and_says_when_it_is_ready,
        the_registers_inside_are_those_of_measurements_json,
        http_comes_from_inside,
        its_ports_are_given_to_nobody_else,
        datagrams_come_back,
        the_proxy_header_names_the_caller,
        a_thousand_connections_at_once,
        a_hundred_megabytes_in_and_back,
        a_hundred_megabytes_out_and_back,
        a_caller_who_leaves_mid_stream_harms_nobody,
        names_on_the_list_are_reached_by_name,
        addresses_on_the_list_are_reached_ipv4_and_ipv6,
        a_name_with_only_an_ipv6_address_is_reached,
        what_is_not_on_the_list_is_refused_and_said_why,
        tls_goes_only_to_the_server_that_was_asked_for,
        the_worlds_own_refusals_arrive,
        a_server_that_hangs_up_mid_stream_is_seen_to,
        datagrams_go_out_to_what_is_allowed,
        other_questions_go_to_the_hosts_resolver,
        lines_have_their_source_and_time,
        it_is_listed_and_stops_when_told,
    ])
