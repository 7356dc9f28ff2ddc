# SPDX-License-Identifier: Apache-2.0
"""What every boot test uses: the parts an enclave is made of, a way to boot it, and TAP.

    usage of a test: NAME.py BUILD-DIR RUNTIME-DIR SELFSAME [WORD]

Runs the cases whose names have WORD in them, else all. BUILD-DIR is meson's, RUNTIME-DIR holds what
tools/runtime-all makes, SELFSAME is the program. Whatever is missing is a failure, never a skip.
"""
import os
import socket
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tests', 'oracle'))
import enclave as E  # noqa: E402

BUILD, RUNTIME, SELFSAME = map(os.path.abspath, sys.argv[1:4])
PROBE = os.path.join(BUILD, 'tests', 'boot', 'probe')
TIMEOUT = 400  # of a machine that two dozen others may slow down; a boot takes 3


def load(path):
    with open(path, 'rb') as f:
        return f.read()


class Parts:
    """Kernel, init and command line of one profile."""

    def __init__(self, profile='local'):
        self.kernel = load(os.path.join(RUNTIME, 'kernel-' + profile))
        self.init = load(os.path.join(RUNTIME, 'init'))
        self.rest = load(os.path.join(RUNTIME, 'cmdline')).rstrip(b'\n')
        self.dataplane = load(os.path.join(RUNTIME, 'dataplane'))
        self.keyplane = load(os.path.join(RUNTIME, 'keyplane'))
        self.rd0 = E.runtime_ramdisk(self.init, self.dataplane, self.keyplane)
        self.cmdline = E.command_line(self.rd0, self.rest)

    def eif(self, *ramdisks):
        """The canonical file: our runtime, then these."""
        return E.standard(self.kernel, self.cmdline, self.rd0, *ramdisks)


def probe_tree(*more):
    """An image that holds /probe and nothing it does not need."""
    return [E.regular('rootfs/probe', load(PROBE), 0o755), *more]


class Boot:
    """One boot: exit status of rig-boot, console lines, stderr, seconds."""

    def __init__(self, eif, *args, mem='256M', until=None, timeout=TIMEOUT):
        with tempfile.NamedTemporaryFile(suffix='.eif') as f:
            f.write(eif)
            f.flush()
            command = [os.path.join(TOP, 'tests', 'rig', 'boot'), '--eif', f.name, '--mem', mem,
                       '--timeout', str(timeout), *args]
            if until is not None:
                command += ['--until', until]
            start = time.monotonic()
            # Its own time limit ends it; this one is for a rig that is stuck itself.
            p = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                               env=dict(os.environ, B=BUILD), timeout=timeout + 30, check=False)
            self.seconds = time.monotonic() - start
        self.status, self.stderr = p.returncode, p.stderr.decode(errors='replace')
        self.lines = p.stdout.decode().splitlines()

    def find(self, start):
        """The first console line that begins so, or None."""
        return next((x for x in self.lines if x.startswith(start)), None)

    def all(self, start):
        return [x for x in self.lines if x.startswith(start)]

    def tail(self, n=25):
        return '\n'.join(self.lines[-n:] + ['status %d; %s' % (self.status, self.stderr.strip())])

    def expect(self, *lines):
        """Each of these is the start of a console line, in this order."""
        rest = iter(self.lines)
        for want in lines:
            assert any(x.startswith(want) for x in rest), 'no line %r in:\n%s' % (want, self.tail())
        return self

    def expect_not(self, text):
        found = [x for x in self.lines if text in x]
        assert not found, 'unexpected %r' % found
        return self

    def stopped(self, code):
        """The runtime refused with this code, and no application ran."""
        self.expect('rt:E%02d ' % code)
        self.expect_not('probe')
        self.expect_not('rt:10 ')
        assert self.status == 0, self.tail()
        return self


class Live:
    """A boot in the background, and what a host may call: `with Live(eif) as g`. It says no HELLO:
    the test is the host."""

    def __init__(self, eif, *args):
        self.dir = tempfile.TemporaryDirectory()
        path = os.path.join(self.dir.name, 'x.eif')
        with open(path, 'wb') as f:
            f.write(eif)
        self.log = open(os.path.join(self.dir.name, 'log'), 'w+b')
        self.calls = []
        self.process = subprocess.Popen(
            [os.path.join(TOP, 'tests', 'rig', 'boot'), '--eif', path, '--mem', '256M',
             '--no-hello', '--timeout', str(TIMEOUT), '--sockets', self.dir.name, *args],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=dict(os.environ, B=BUILD))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.calls:
            s.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)
        self.log.close()
        self.dir.cleanup()

    def text(self):
        with open(self.log.name, 'rb') as f:
            return f.read().decode(errors='replace')

    def lines(self):
        return self.text().splitlines()

    def tail(self):
        return '\n'.join(self.lines()[-40:])

    def until(self, holds):
        end = time.monotonic() + TIMEOUT
        while not holds():
            assert time.monotonic() < end and self.process.poll() is None, self.tail()
            time.sleep(0.05)
        return self

    def wait_for(self, text):
        return self.until(lambda: text in self.text())

    def connect(self, port):
        """Calls until somebody listens there."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end and self.process.poll() is None:
            s = self.call_once(port)
            if s is not None:
                self.calls.append(s)
                return s
            time.sleep(0.1)
        raise AssertionError('nobody at port %d\n%s' % (port, self.tail()))

    def call_once(self, port):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(TIMEOUT)
        answer = b''
        try:
            s.connect(os.path.join(self.dir.name, 'vsock'))
            s.sendall(b'CONNECT %d\n' % port)
            while not answer.endswith(b'\n'):
                c = s.recv(1)
                if not c:
                    break
                answer += c
        except OSError:  # the rig is not there yet, or no more
            pass
        if answer.startswith(b'OK'):
            return s
        s.close()
        return None

    def end(self, status=0):
        """Until the machine is off, as rig-boot sees it."""
        assert self.process.wait(TIMEOUT) == status, self.tail()
        return self

    def expect(self, *lines):
        """Each of these is the start of a console line, in this order."""
        rest = iter(self.lines())
        for want in lines:
            assert any(x.startswith(want) for x in rest), 'no line %r in:\n%s' % (want, self.tail())
        return self

    def stops(self, signal, grace):
        """The runtime has said how long the application has, which is what is left of `grace`."""
        start = 'rt:14 application stops: signal %d, ' % signal
        self.expect(start)
        said = next(x for x in self.lines() if x.startswith(start))[len(start):].split(' ', 1)
        assert said[1] == 'ms until it is killed', said
        assert grace // 2 < int(said[0]) <= grace, said
        return self


def receive(s, n):
    """Exactly n bytes; None if the other side ends before."""
    data = b''
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            return None
        data += piece
    return data


def run(tests):
    """The functions in order, each a TAP line; exits 1 if one failed."""
    sys.stdout.reconfigure(line_buffering=True)
    failed = 0
    tests = [t for t in tests if all(w in t.__name__ for w in sys.argv[4:])]
    print('TAP version 13')
    print('1..%d' % len(tests))
    for i, test in enumerate(tests, 1):
        name = test.__name__.replace('_', ' ')
        start = time.monotonic()
        try:
            test()
            print('ok %d - %s # %.1f s' % (i, name, time.monotonic() - start))
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print('# ' + line)
            print('not ok %d - %s' % (i, name))
    sys.exit(failed > 0)
