# SPDX-License-Identifier: Apache-2.0
"""What the tests of the host's side use: `selfsame run` with tests/host/fake_qemu in QEMU's place.

    usage of a test: NAME.py SELFSAME

A test file holds guests (functions that fake_qemu runs) and tests, which name them.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(TOP, 'tests', 'oracle'))
import enclave as E  # noqa: E402

SELFSAME = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
TIMEOUT = 60


def kernel(version=b'6.12.0-local', arm64=False):
    """Enough of a bzImage to have a version."""
    if arm64:
        return bytes(56) + b'ARM\x64' + bytes(4)
    k = bytearray(2048)
    k[0x202:0x206] = b'HdrS'
    k[0x20e:0x210] = (0x400).to_bytes(2, 'little')
    k[0x600:0x600 + len(version) + 1] = version + b'\0'
    return bytes(k)


def parts(flags=0, version=b'6.12.0-local', **config):
    """Sections of a small image with this measured config."""
    rd0 = E.runtime_ramdisk(b'init', b'dataplane', b'keyplane')
    rd1 = E.app_ramdisk([E.regular('rootfs/app', b'app', 0o755)], ['/app'], **config)
    cmdline = E.command_line(rd0, b'console=ttyS0')
    return [(E.KERNEL, kernel(version)), (E.CMDLINE, cmdline), (E.METADATA, E.METADATA_TEXT),
            (E.RAMDISK, rd0), (E.RAMDISK, rd1)]


class Place:
    """A folder with an image in it, and an environment that knows nothing else."""

    def __init__(self, sections=None, name='app.eif', flags=0, **config):
        self.dir = tempfile.mkdtemp(prefix='host-')
        self.eif = os.path.join(self.dir, name)
        self.sections = sections if sections is not None else parts(**config)
        with open(self.eif, 'wb') as f:
            f.write(E.eif(self.sections, flags=flags))
        os.mkdir(os.path.join(self.dir, 'run'), 0o700)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=os.path.join(self.dir, 'run'), HOME=self.dir,
                        TMPDIR=self.dir, SELFSAME_QEMU=os.path.join(HERE, 'fake_qemu'), LC_ALL='C')
        self.env.pop('XDG_CACHE_HOME', None)
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.leave(kind is not None)

    def leave(self, failed):
        """Ends whatever lives; a test that went well has left nothing that does."""
        try:
            if not failed:
                wait_for(lambda: not self.alive(), 'everything to end')
        finally:
            wait_for(lambda: not self.kill_all(), 'everything to die')
            for p in self.started:
                p.wait()
            shutil.rmtree(self.dir, ignore_errors=True)

    def alive(self):
        """Processes with this place's HOME: what it started, and what those started in turn."""
        mark = b'HOME=' + self.dir.encode()
        found = []
        for pid in os.listdir('/proc'):
            try:
                with open('/proc/%s/environ' % pid, 'rb') as f:
                    if mark in f.read().split(b'\0'):  # of a zombie nothing is left to read
                        found.append(int(pid))
            except (OSError, ValueError):
                pass
        return found

    def kill_all(self):
        """How many were told to end. A number that has gone to another process is left alone."""
        n = 0
        for pid in self.alive():
            try:
                pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            if pid in self.alive():
                n += 1
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
        return n

    def pcr0(self):
        k, c, _, *rd = [d for _, d in self.sections]
        return E.pcrs(k, c, *rd)[0]

    def start(self, guest, *args, command='run', **env):
        """In the background; what it prints goes to files."""
        out = open(os.path.join(self.dir, 'out%d' % len(self.started)), 'w+b')
        err = open(os.path.join(self.dir, 'err%d' % len(self.started)), 'w+b')
        full = dict(self.env, **env)
        if guest is not None:
            full['FAKE_GUEST'] = '%s:%s' % (os.path.abspath(sys.argv[0]), guest.__name__)
        p = subprocess.Popen([SELFSAME, command, self.eif, *args], stdin=subprocess.DEVNULL,
                             stdout=out, stderr=err, env=full)
        p.out, p.err = out.name, err.name
        out.close()
        err.close()
        self.started.append(p)
        return p

    def run(self, guest, *args, timeout=TIMEOUT, **env):
        p = self.start(guest, *args, **env)
        p.wait(timeout)
        return Result(p)

    def ask(self, *args, check=True, timeout=TIMEOUT):
        p = subprocess.run([SELFSAME, *args], stdin=subprocess.DEVNULL, capture_output=True,
                           env=self.env, timeout=timeout, check=False)
        assert not check or p.returncode == 0, (args, p.returncode, p.stderr.decode())
        return p

    def list(self):
        return json.loads(self.ask('list', '--json').stdout)

    def left(self):
        """What is left in the folder of the sockets."""
        top = os.path.join(self.dir, 'run', 'selfsame')
        return sorted(os.listdir(top)) if os.path.isdir(top) else []


class Result:
    def __init__(self, p):
        self.status = p.returncode
        self.out, self.err = text(p.out), text(p.err)

    def expect(self, status, *lines):
        assert self.status == status, (self.status, self.err, self.out)
        for line in lines:
            assert line in self.err, (line, self.err)
        return self


def text(path):
    with open(path, 'rb') as f:
        return f.read().decode(errors='surrogateescape')


def wait_for(what, why='it', limit=TIMEOUT):
    """Until `what` returns something true, which is returned."""
    end = time.monotonic() + limit
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, 'waited in vain for ' + why
        time.sleep(0.01)


def wait_line(p, line, stream='err'):
    """Until a line of the output of a started program has this text; returns the line."""
    def find():
        assert p.poll() is None or line in text(getattr(p, stream)), \
            (p.returncode, text(p.err), text(p.out))
        return [x for x in text(getattr(p, stream)).splitlines() if line in x]
    return wait_for(find, repr(line))[0]


def port_of(p, what='publishing'):
    """The port number in a line "selfsame: publishing *:41234 -> 8080"."""
    return int(wait_line(p, what).split(' -> ')[0].rsplit(':', 1)[1])


def stop(p):
    p.send_signal(signal.SIGTERM)
    p.wait(TIMEOUT)
    return Result(p)


def main(tests):
    """The functions in order, each a TAP line; exits 1 if one failed."""
    sys.stdout.reconfigure(line_buffering=True)
    # Who is told to stop leaves nothing behind either: the tests unwind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    only = sys.argv[2:]
    tests = [t for t in tests if not only or t.__name__ in only]
    failed = 0
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
