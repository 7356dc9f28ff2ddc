# SPDX-License-Identifier: Apache-2.0
"""Many connections at once to an application inside that holds them (holder.c), and what they cost
there. tests/boot/idle.py and bench/idle.py use it; the arguments are rig.py's.

A connection is one descriptor of this process and one of rig-boot's, whatever it takes inside.
"""
import os
import resource
import socket

import rig
from caller import METRICS, SCRAPE
from rig import E

PORT = 8080
MOST = 10240  # of one listener: DP_MAX_PER_LISTENER
BATCH = 200   # calls at a time: less than the queue of either side
LABELS = '{port="%d",proto="tcp"' % PORT


def boot():
    """The application, ready."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard > MOST + 512, '%d descriptors a process are too few' % hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # rig-boot's, too
    holder = rig.load(os.path.join(rig.BUILD, 'tests', 'boot', 'holder'))
    rd1 = E.app_ramdisk([E.regular('rootfs/holder', holder, 0o755)],
                        ['/holder', str(PORT), str(MOST)], ingress=[E.ingress(PORT, PORT)])
    return rig.Live(rig.Parts().eif(rd1), '--mem', '512M', '--timeout', '2000')


def call(g, n):
    """n more connections. Whoever is told OK is in the queue of dataplane, at most BATCH of them."""
    calls = []
    while len(calls) < n:
        some = []
        for _ in range(min(BATCH, n - len(calls))):
            s = socket.socket(socket.AF_UNIX)
            s.connect(os.path.join(g.dir.name, 'vsock'))  # waits for a place in the queue
            s.settimeout(rig.TIMEOUT)
            s.sendall(b'CONNECT %d\n' % PORT)
            some.append(s)
        for s in some:
            line = b''
            while not line.endswith(b'\n'):
                byte = s.recv(1)
                assert byte, 'refused after %d\n%s' % (len(calls), g.tail())
                line += byte
            assert line.startswith(b'OK '), line
        all_answer(some)
        calls += some
    g.calls += calls
    return calls


def all_answer(calls):
    """Each has its own word back; the number of those whose stream is over."""
    gone = 0
    for i in range(0, len(calls), BATCH):
        words = [(s, b'%08d' % (i + k)) for k, s in enumerate(calls[i:i + BATCH])]
        for s, word in words:
            try:
                s.sendall(word)
            except OSError:
                pass  # then there is no answer either
        for s, word in words:
            try:
                got = rig.receive(s, len(word))
            except ConnectionResetError:
                got = None
            assert got in (word, None), got
            gone += got is None
    return gone


def inside(s):
    """What the application sees: how many it holds, and who has which memory, in KiB."""
    s.sendall(b'?\n')
    text = b''
    while not text.endswith(b'\n\n'):
        text += rig.receive(s, 1)
    words = [x.split() for x in text.decode().splitlines() if x]
    return {w[0].rstrip(':'): int(w[1]) for w in words}


def metrics(h):
    h.say(SCRAPE)
    lines = [x.rsplit(' ', 1) for x in h.until(METRICS).decode().splitlines() if x[0] != '#']
    return {k[len('selfsame_'):]: int(v) for k, v in lines}


def memory(h, s):
    """MiB: of dataplane; free in the enclave; the application's own; the kernel's objects."""
    seen = inside(s)
    return {'dataplane': metrics(h)['dataplane_memory_bytes'] / 1048576,
            **{k: seen[k] / 1024 for k in ('MemFree', 'VmRSS', 'Slab')}}


def fill(g, h, n):
    """n connections that wait: they, and what they cost in MiB: of dataplane in all, and of the
    enclave, without what the application itself took."""
    g.wait_for('holder: listening')
    calls = call(g, 1)
    before = memory(h, calls[0])
    calls += call(g, n - 1)
    assert all_answer(calls) == 0
    after = memory(h, calls[0])
    seen = inside(calls[0])['held'], metrics(h)['ingress_connections_open' + LABELS + '}']
    assert seen == (n, n), seen
    cost = {k: abs(after[k] - before[k]) for k in after}
    return calls, {'dataplane': after['dataplane'], 'enclave': cost['MemFree'] - cost['VmRSS'],
                   'kernel objects': cost['Slab']}
