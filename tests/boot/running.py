# SPDX-License-Identifier: Apache-2.0
"""What the tests of `selfsame run` use: images that `selfsame build` makes, a network of their own,
`run` in the foreground. Beside tests/boot/rig.py, whose arguments and TAP it has.

Call in_a_network() first: the process then has a network namespace with nothing in it but its own
addresses, and its own /etc/hosts and /etc/resolv.conf.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import rig

V4, V6 = '203.0.113.5', '2001:db8::5'  # the world, on loopback
LIMIT = 400                            # seconds that anything may take on a loaded machine
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = '/usr/bin/python3'

# Who is told to stop leaves nothing behind either: the tests unwind.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def in_a_network():
    """Starts the test again where it may have addresses and names of its own."""
    if os.environ.get('SELFSAME_TEST_NETWORK') != 'own':
        env = dict(os.environ, SELFSAME_TEST_NETWORK='own')
        command = [sys.executable, *sys.argv]
        way = ['unshare', '--net', '--mount', '--propagation', 'private']
        os.execvpe('unshare', way + ([] if os.geteuid() == 0 else ['--map-root-user']) + command,
                   env)
    for words in (['link', 'set', 'lo', 'up'], ['addr', 'add', V4 + '/32', 'dev', 'lo'],
                  ['-6', 'addr', 'add', V6 + '/128', 'dev', 'lo']):
        subprocess.run(['ip', *words], check=True)
    folder = tempfile.mkdtemp()
    for name, text in (('hosts', '127.0.0.1 localhost\n::1 localhost\n'),
                       ('resolv.conf', 'nameserver 127.0.0.1\n'),
                       ('nsswitch.conf', 'hosts: files dns\n')):
        path = os.path.join(folder, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(path, 0o644)
        if name != 'nsswitch.conf' or os.path.exists('/etc/' + name):  # the default will do
            subprocess.run(['mount', '--bind', path, '/etc/' + name], check=True)
    shutil.rmtree(folder)  # what is mounted stays


def qemu(*which):
    """The one of tools/setup-qemu; of `nsm`: the one that takes an NSM of ours."""
    p = subprocess.run([os.path.join(rig.TOP, 'tools', 'setup-qemu'), *which], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, timeout=500, check=True)
    return dict(x.split('=', 1) for x in p.stdout.decode().split())['qemu']


# --- images ------------------------------------------------------------------------------------

def copy_in(root, path, mode=0o644):
    """A file of this machine, links followed, at the same place in an image."""
    to = root + path
    os.makedirs(os.path.dirname(to), exist_ok=True)
    shutil.copyfile(path, to)
    os.chmod(to, mode)


def libraries(path):
    out = subprocess.run(['ldd', path], stdout=subprocess.PIPE, check=True).stdout.decode()
    return [w for line in out.splitlines() for w in line.split() if w.startswith('/')]


def python_root(root, script):
    """An interpreter, the modules that the script imports, the libraries of both; no shell."""
    imports = [x for x in rig.load(script).decode().splitlines() if x.startswith('import ')]
    home, *modules = subprocess.run(
        [PYTHON, '-I', '-S', '-c', '\n'.join(imports) + '\nimport encodings.idna, os, sys\n'
         'print(os.path.dirname(os.__file__))\n'
         'for m in list(sys.modules.values()):\n'
         ' if getattr(m, "__file__", None): print(m.__file__)'],
        stdout=subprocess.PIPE, check=True).stdout.decode().split()
    binaries = [PYTHON] + [m for m in modules if m.endswith('.so')]
    for path in {*modules, *(x for b in binaries for x in libraries(b))}:
        copy_in(root, path, 0o755 if '.so' in path else 0o644)
    copy_in(root, PYTHON, 0o755)
    os.makedirs(root + home + '/lib-dynload', exist_ok=True)
    os.makedirs(root + '/srv')
    shutil.copyfile(script, root + '/srv/service.py')
    os.makedirs(root + '/tmp')


def build(folder, root, toml, name='app'):
    """`selfsame build` of a plain root file system; (EIF, measurements)."""
    with open(os.path.join(folder, 'enclave.toml'), 'w', encoding='utf-8') as f:
        f.write('name = "%s"\nimage = "rootfs:%s"\n' % (name, root) + toml)
    p = subprocess.run([rig.SELFSAME, 'build', '--kernel', 'local', '--runtime',
                        os.path.dirname(rig.RUNTIME), folder], cwd=folder,
                       stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert p.returncode == 0, p.stderr.decode()
    with open(os.path.join(folder, 'measurements.json'), encoding='utf-8') as f:
        return os.path.join(folder, name + '.eif'), json.load(f)


# --- runs --------------------------------------------------------------------------------------

class Place:
    """A folder for images, sockets and output. Ends whatever was started in it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='run-')
        os.mkdir(os.path.join(self.dir, 'run'), 0o700)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=os.path.join(self.dir, 'run'),
                        TMPDIR=self.dir, SELFSAME_QEMU=qemu(), LC_ALL='C')
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        wait_for(lambda: not self.kill_all(), 'everything to die')
        for p in self.started:
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def kill_all(self):
        """Processes with this place's variable: what it started, and what those started."""
        mark, n = b'XDG_RUNTIME_DIR=' + os.path.join(self.dir, 'run').encode(), 0
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                pidfd = os.pidfd_open(int(pid))
            except OSError:
                continue
            try:
                if mark in rig.load('/proc/%s/environ' % pid).split(b'\0'):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                    n += 1
            except OSError:
                pass
            os.close(pidfd)
        return n

    def start(self, *args):
        """`selfsame run` in the background; what it prints goes to files."""
        n = len(self.started)
        out = open(os.path.join(self.dir, 'out%d' % n), 'w+b')
        err = open(os.path.join(self.dir, 'err%d' % n), 'w+b')
        p = subprocess.Popen([rig.SELFSAME, 'run', *args], stdin=subprocess.DEVNULL, stdout=out,
                             stderr=err, env=self.env)
        p.out, p.err = out.name, err.name
        out.close()
        err.close()
        self.started.append(p)
        return p

    def run(self, *args):
        p = self.start(*args)
        p.wait(LIMIT)
        return p.returncode, text(p.out), text(p.err)

    def ask_all(self, *args):
        p = subprocess.run([rig.SELFSAME, *args], stdin=subprocess.DEVNULL, capture_output=True,
                           env=self.env, timeout=LIMIT, check=False)
        assert p.returncode == 0, (args, p.returncode, p.stderr.decode())
        return p

    def ask(self, *args):
        return self.ask_all(*args).stdout.decode()


def text(path):
    return rig.load(path).decode(errors='surrogateescape')


def wait_for(what, why):
    """Until `what` returns something true, which is returned."""
    end = time.monotonic() + LIMIT
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, 'waited in vain for ' + why
        time.sleep(0.05)


def wait_line(p, line):
    """Until `run` has said so on standard error."""
    def find():
        assert p.poll() is None or line in text(p.err), (p.returncode, text(p.err), text(p.out))
        return line in text(p.err)
    return wait_for(find, repr(line))
