#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: proxy.py BUILD-DIR ...

dataplane over unix sockets against its floors, which are measured between its own runs: one stream of bytes beside a
bare splice() loop (relay.c); redis-benchmark through it beside the same directly over loopback, and socat beside both.
Prints rows of bench/run's table: what, figure, floor, ratio, target. Exit
status: 1 if a target is missed, 2 and a traceback if it could not be measured.
"""
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'tests', 'plane'))
import plane  # noqa: E402  (the host's side, in Python)

ROUNDS = int(os.environ.get('RUNS', '3')) * 2 - 1
STREAM_BYTES = 1 << 30
BLOCK = 1 << 16
REQUESTS = 300000
missed = []


def row(what, figure, floor, ratio, target, met):
    print('| %s | %s | %s | %s | %s | %s |' % (what, figure, floor, ratio, target, 'met' if met else 'missed'), flush=True)
    if not met:
        missed.append(what)


def connect_unix(path):
    s = socket.socket(socket.AF_UNIX)
    plane.until(lambda: os.path.exists(path))
    s.connect(path)
    return s


def send_all(s):
    block, left = memoryview(bytes(BLOCK)), STREAM_BYTES
    while left > 0:
        left -= s.send(block[:min(left, BLOCK)])
    s.shutdown(socket.SHUT_WR)


def take_all(s):
    buf, n = bytearray(BLOCK), 0
    while True:
        got = s.recv_into(buf)
        if got == 0:
            assert n == STREAM_BYTES, n
            return
        n += got


def in_child(what, *args):
    pid = os.fork()
    if pid == 0:
        try:
            what(*args)
        except BaseException:  # pylint: disable=broad-except
            os._exit(1)
        os._exit(0)
    return pid


def ended_well(pid):
    assert os.waitpid(pid, 0)[1] == 0


def stream_seconds(path, listener, inwards):
    """From the unix socket to the application's, or back: a process at each end."""
    a = connect_unix(path)
    b = listener.accept()[0]
    source, sink = (a, b) if inwards else (b, a)
    begin = time.monotonic()
    child = in_child(take_all, sink)
    send_all(source)
    ended_well(child)
    seconds = time.monotonic() - begin
    a.close()
    b.close()
    return seconds


def floor_seconds(relay, port, listener, inwards):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 's')
        with subprocess.Popen([relay, path, str(port)]) as p:
            seconds = stream_seconds(path, listener, inwards)
            p.kill()
        return seconds


def streams(program, relay):
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        for inwards, name in ((True, 'to the application'), (False, 'from the application')):
            ours, floor = [], []
            for _ in range(ROUNDS):
                floor.append(floor_seconds(relay, port, listener, inwards))
                with plane.Plane(program, plane.config([{'port': 1000, 'to': port}])) as p, p.control():
                    ours.append(stream_seconds(p.port(1000), listener, inwards))
            ours, floor = (STREAM_BYTES / statistics.median(t) / 1e9 for t in (ours, floor))
            row('one stream, %s' % name, '%.2f GB/s' % ours, 'splice %.2f GB/s' % floor, '%.2f' % (ours / floor), '>= 0.80',
                ours / floor >= 0.8)


def redis_rate(*where):
    out = subprocess.run(['redis-benchmark', *where, '-t', 'set', '-c', '10', '-P', '3', '-n', str(REQUESTS), '-q'], check=True,
                         capture_output=True, text=True).stdout
    return float(re.findall(r'SET: ([0-9.]+) requests per second', out)[-1])


def rate_through(path, command):
    with subprocess.Popen(command) as p:
        try:
            plane.until(lambda: os.path.exists(path))
            return redis_rate('-s', path)
        finally:
            p.kill()
            os.unlink(path)


def small_requests(program, relay):
    port = plane.free_port()
    with tempfile.TemporaryDirectory() as d, \
            subprocess.Popen(['redis-server', '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--appendonly',
                              'no', '--dir', d], stdout=subprocess.DEVNULL) as server:
        try:
            plane.until(lambda: answers(port))
            rates = {'direct': [], 'ours': [], 'a bare splice loop': [], 'socat': []}
            for _ in range(ROUNDS):
                rates['direct'].append(redis_rate('-h', '127.0.0.1', '-p', str(port)))
                with plane.Plane(program, plane.config([{'port': 1000, 'to': port}])) as p, p.control():
                    rates['ours'].append(redis_rate('-s', p.port(1000)))
                path = os.path.join(d, 's')
                for name, command in (('a bare splice loop', [relay, path, str(port)]),
                                      ('socat', ['socat', 'UNIX-LISTEN:%s,fork,backlog=128' % path,
                                                 'TCP:127.0.0.1:%d' % port])):
                    rates[name].append(rate_through(path, command))
        finally:
            server.terminate()
    rate = {k: statistics.median(v) for k, v in rates.items()}
    ratio = rate['ours'] / rate['direct']
    row('redis-benchmark SET, 10 clients, pipeline 3', '%.0f/s' % rate['ours'], 'direct %.0f/s' % rate['direct'],
        '%.2f' % ratio, '>= 0.70', ratio >= 0.7)
    for peer in ('a bare splice loop', 'socat'):
        print('| the same through %s | %.0f/s | direct %.0f/s | %.2f | - | |' %
              (peer, rate[peer], rate['direct'], rate[peer] / rate['direct']), flush=True)


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0


def main():
    build = sys.argv[1]
    program = os.path.join(build, 'tests', 'plane', 'plane-host')
    relay = os.path.join(build, 'bench', 'relay')
    streams(program, relay)
    small_requests(program, relay)
    return 1 if missed else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        sys.exit(2)
