# SPDX-License-Identifier: Apache-2.0
"""The rig itself: our vsock device under a real guest, whose init is tests/boot/vsock_guest.c."""
import os
import socket
import subprocess
import tempfile
import threading
import time

import rig
from rig import E

GUEST = rig.load(os.path.join(rig.BUILD, 'tests', 'boot', 'vsock_guest'))


def guest_eif():
    parts = rig.Parts()
    rd0 = E.runtime_ramdisk(GUEST, b'none', b'none')
    return E.standard(parts.kernel, E.command_line(rd0, parts.rest), rd0, E.TRAILER)


class Running:
    """A guest in the background, its sockets in a folder of ours."""

    def __enter__(self):
        self.dir = tempfile.TemporaryDirectory()
        eif = os.path.join(self.dir.name, 'guest.eif')
        with open(eif, 'wb') as f:
            f.write(guest_eif())
        self.base = os.path.join(self.dir.name, 'vsock')
        self.log = open(os.path.join(self.dir.name, 'log'), 'w+b')
        self.process = subprocess.Popen(
            [os.path.join(rig.TOP, 'tests', 'rig', 'boot'), '--eif', eif, '--mem', '256M', '--echo',
             '7', '--no-hello', '--timeout', str(rig.TIMEOUT), '--sockets', self.dir.name],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=dict(os.environ, B=rig.BUILD))
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)
        self.log.close()
        self.dir.cleanup()

    def text(self):
        with open(self.log.name, 'rb') as f:
            return f.read().decode()

    def wait_for(self, text):
        end = time.monotonic() + rig.TIMEOUT
        while text not in self.text():
            assert time.monotonic() < end and self.process.poll() is None, self.text()
            time.sleep(0.05)

    def call(self, port):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(self.base)
        s.sendall(b'CONNECT %d\n' % port)
        return s


def line(s):
    out = b''
    while not out.endswith(b'\n'):
        c = s.recv(1)
        if not c:
            break
        out += c
    return out


def everything(s, n):
    out = bytearray()
    while len(out) < n:
        c = s.recv(1 << 20)
        assert c, len(out)
        out += c
    return bytes(out)


def bytes_arrive_in_both_directions_and_from_both_sides():
    with Running() as g:
        g.wait_for('listening on 5000')
        text = g.text()
        for want in ('heartbeat b7', 'echo out 8388608 in 8388608 wrong 0 end 0',
                     'call 12345: Connection reset by peer'):
            assert want in text, text
        refused = g.call(4999)
        assert line(refused) == b''
        data = bytes(range(256)) * 4096  # 1 MiB: more than all buffers on the way hold
        for n in (1, 1000, len(data)):
            s = g.call(5000)
            assert line(s).startswith(b'OK 1'), g.text()
            sender = threading.Thread(target=s.sendall, args=[data[:n]])
            sender.start()
            assert everything(s, n) == data[:n]
            sender.join()
            s.shutdown(socket.SHUT_WR)
            assert s.recv(1) == b''
        s = g.call(5000)
        s.close()  # a caller that goes at once
        s = g.call(5000)
        assert line(s).startswith(b'OK 1')
        s.sendall(b'end')
        s.shutdown(socket.SHUT_WR)
        assert everything(s, 3) == b'end'
        assert g.process.wait(rig.TIMEOUT) == 0, g.text()
        assert 'caller 2 sent 1048576' in g.text() and 'guest done' in g.text(), g.text()


def a_signal_to_the_rig_ends_qemu_and_leaves_nothing():
    with Running() as g:
        g.wait_for('heartbeat b7')
        children = open('/proc/%d/task/%d/children' % (g.process.pid, g.process.pid),
                        encoding='ascii').read().split()
        assert len(children) == 1, children
        g.process.terminate()
        assert g.process.wait(20) == 128 + 15
        assert not os.path.exists('/proc/' + children[0])
        assert sorted(os.listdir(g.dir.name)) == ['guest.eif', 'log', 'vsock_7', 'vsock_9000']


rig.run([
    bytes_arrive_in_both_directions_and_from_both_sides,
    a_signal_to_the_rig_ends_qemu_and_leaves_nothing,
])
