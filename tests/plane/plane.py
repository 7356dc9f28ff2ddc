# SPDX-License-Identifier: Apache-2.0
"""dataplane under test: its config, the host's side of it and init's, all written here once more, by the documents."""
import collections
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HELLO, TIME, STOP, SCRAPE, CSR_ASK, CHAIN = 1, 2, 3, 4, 5, 6
WELCOME, STATE, LOG, LOST, METRICS, EXIT, CSR, CHAIN_SAID, OPEN, OPENED = 16, 17, 18, 19, 20, 21, 22, 23, 32, 33
STATES = ['starting', 'ready', 'failing', 'draining', 'restarting']
L_LOG, L_STARTED, L_DOWN, L_DRAIN, L_EXIT = 1, 2, 3, 4, 5
L_READY, L_TIME, L_STOP, L_FLUSHED = 32, 33, 34, 35
PATIENCE = 60
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
MEMORY_KIB = int(os.environ.get('PLANE_MIB', '64')) << 10


# --- the measured config (docs/formats/measured.md): a CBOR map in a fixed order

def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for size, info in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, 'big')


def cbor(v):
    if isinstance(v, bool):
        return b'\xf5' if v else b'\xf4'
    if isinstance(v, int):
        return head(0, v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v)) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b''.join(map(cbor, v))
    return head(5, len(v)) + b''.join(cbor(k) + cbor(x) for k, x in v.items())


def config(ingress=(), egress=(), health=None, logs=True):
    check = {'check': 0, 'port': 0, 'interval': 0, 'timeout': 0, 'failures': 0, 'path': b''}
    check.update(health or {})
    listeners = [{'port': i['port'], 'to': i['to'], 'tls': i.get('tls', 0), 'udp': i.get('udp', False),
                  'proxy': i.get('proxy', False), 'http': i.get('http', False), 'alpn': [a.encode() for a in i.get('alpn', ())]}
                 for i in ingress]
    return cbor({
        'selfsame': 1, 'entries': 1, 'bytes': 0, 'pages': 0, 'argv': [b'/x'], 'env': [], 'cwd': b'/', 'uid': 0,
        'gid': 0, 'groups': [], 'stop_signal': 15, 'new_privileges': False, 'nsm': False, 'ingress': listeners,
        'egress': [r.encode() for r in egress], 'secrets': [], 'health': check, 'restart': 0, 'grace': 10000, 'clock': 1000,
        'logs': logs, 'xattrs': []})


# --- what the tests count

class Tap:
    def __init__(self):
        self.n = 0
        self.bad = 0

    def ok(self, holds, name, why=''):
        self.n += 1
        if not holds:
            self.bad += 1
        print('%s %d - %s' % ('ok' if holds else 'not ok', self.n, name), flush=True)
        if not holds and why != '':
            print('# %s' % (why,), flush=True)

    def equal(self, got, want, name):
        self.ok(got == want, name, 'got %.300r, not %.300r' % (got, want))

    def end(self):
        print('1..%d' % self.n, flush=True)
        os._exit(1 if self.bad else 0)  # threads that still serve have no word in it


def run_tests(tests):
    """Each test is a function of a Tap; a test that raises has failed. An argument chooses by name."""
    tap = Tap()
    wanted = sys.argv[2:]
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        print('# %s' % test.__name__, flush=True)
        try:
            test(tap)
        except Exception as e:  # pylint: disable=broad-except
            import traceback
            tap.ok(False, test.__name__, traceback.format_exc().replace('\n', '\n# '))
    tap.end()


def until(what, patience=PATIENCE):
    """Waits until what() is true; its last value."""
    end = time.monotonic() + patience
    while True:
        v = what()
        if v or time.monotonic() > end:
            return v
        time.sleep(0.01)


def least(limit, attempt, tries=5):
    """The least of what `attempt()` took, which is asked again while that is over `limit`: what waits
    for a timer is late each time, what only runs on a busy machine is not."""
    took = []
    while len(took) < tries and (not took or min(took) >= limit):
        took.append(attempt())
    return min(took)


def read_exactly(s, n):
    got = b''
    while len(got) < n:
        more = s.recv(n - len(got))
        if not more:
            raise EOFError('the stream ended after %d of %d bytes' % (len(got), n))
        got += more
    return got


def read_all(s):
    got = []
    while True:
        more = s.recv(1 << 16)
        if not more:
            return b''.join(got)
        got.append(more)


# --- frames (docs/formats/vsock.md)

def frame(kind, body=b''):
    return struct.pack('>B3xI', kind, len(body)) + body


def hello(egress=5000, when=None):
    when = time.time_ns() if when is None else when
    return frame(HELLO, struct.pack('>HHIQ', 1, 0, egress, when))


def read_frame(s):
    kind, zero, n = struct.unpack('>B3sI', read_exactly(s, 8))
    assert zero == b'\0\0\0' and n <= 65536, (kind, zero, n)
    return kind, read_exactly(s, n)


class Control:
    """The host's control stream."""

    def __init__(self, path, greet=True):
        self.lines = collections.deque()
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(PATIENCE)
        self.s.connect(path)
        if greet:
            self.s.sendall(hello())

    def next(self, kind=None):
        """The next frame of this kind; lines before it are kept for line()."""
        if kind == LOG and self.lines:
            return self.lines.popleft()
        while True:
            got = read_frame(self.s)
            if kind is None or got[0] == kind:
                return got
            if got[0] == LOG:
                self.lines.append(got)

    def state(self):
        body = self.next(STATE)[1]
        return STATES[body[0]], body[1:].decode()

    def line(self):
        """The next line: source, flags, time in ns, text."""
        body = self.next(LOG)[1]
        return struct.unpack_from('>BBxxQ', body) + (body[12:],)

    def metrics(self):
        self.s.sendall(frame(SCRAPE))
        text = self.next(METRICS)[1].decode()
        return {k: int(v) for k, v in (r.rsplit(' ', 1) for r in text.splitlines() if r[0] != '#')}

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Plane:
    """dataplane, running, with init's end of its pair."""

    def __init__(self, program, conf, *options, tun=None, key=None, wrap=()):
        self.dir = tempfile.mkdtemp(prefix='plane.')
        self.base = os.path.join(self.dir, 'v')
        with open(os.path.join(self.dir, 'config'), 'wb') as f:
            f.write(conf)
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.settimeout(PATIENCE)
        args = [*wrap, program, '--unix', self.base, '--config', f.name, '--link', str(theirs.fileno()), *options]
        fds = [theirs.fileno()]
        if tun is not None:
            args += ['--tun', str(tun)]
            fds.append(tun)
        if key is not None:
            args += ['--key', str(key)]
            fds.append(key)
        self.process = subprocess.Popen(args, pass_fds=fds, stderr=subprocess.PIPE)
        theirs.close()

    def __enter__(self):
        self.expect(L_READY)
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.link.close()
        shutil.rmtree(self.dir)

    def alive(self):
        return self.process.poll() is None

    def say(self, kind, a=0, b=0, count=0, when=0, text=b''):
        self.link.send(struct.pack('=BBBBIQ', kind, a, b, 0, count, when) + text)

    def expect(self, kind):
        """The next message to init of this kind: its time."""
        while True:
            m = self.link.recv(16384)
            if not m:
                raise EOFError('dataplane ended: %s' % self.process.stderr.read().decode())
            k, _, _, _, _, when = struct.unpack_from('=BBBBIQ', m)
            if k == kind:
                return when

    def control(self, greet=True):
        return Control(self.port(9001), greet)

    def port(self, port, way='in'):
        return '%s_%s_%d' % (self.base, way, port)

    def call(self, port):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(self.port(port))
        return s

    def rss_kib(self):
        with open('/proc/%d/status' % self.process.pid, encoding='ascii') as f:
            for line in f:
                if line.startswith('VmRSS:'):
                    return int(line.split()[1])
        return None

    def cpu_seconds(self):
        with open('/proc/%d/stat' % self.process.pid, encoding='ascii') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def files(self):
        return len(os.listdir('/proc/%d/fd' % self.process.pid))


class Server:
    """A TCP server on loopback (or a unix socket): serve(connection) in a thread for each."""

    def __init__(self, serve, where=('127.0.0.1', 0), backlog=4096):
        family = socket.AF_UNIX if isinstance(where, str) else \
            socket.AF_INET6 if ':' in where[0] else socket.AF_INET
        self.s = socket.socket(family)
        if family != socket.AF_UNIX:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind(where)
        self.s.listen(backlog)
        self.port = None if family == socket.AF_UNIX else self.s.getsockname()[1]
        self.errors = []
        self.serve = serve
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                c = self.s.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        with c:
            try:
                self.serve(c)
            except Exception as e:  # pylint: disable=broad-except
                self.errors.append(e)

    def close(self):
        try:
            self.s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.s.close()


def echo(c):
    while True:
        data = c.recv(1 << 16)
        if not data:
            return
        c.sendall(data)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]
