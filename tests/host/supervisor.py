# SPDX-License-Identifier: Apache-2.0
"""Enclaves in the background: detach, list, stop, logs, console; what is left behind; the socket."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import guest as G
import rig
from rig import E

DESCRIBE, STOP, LOGS, CONSOLE, METRICS = 1, 2, 3, 4, 5


def service(g, _):
    g.say('rt:01 hello console \x1b')
    g.beat()
    c = g.control(G.state(G.STARTING), G.log(G.STDOUT, b'first'), G.log(G.STDERR, b'second'),
                  G.state(G.READY, b'all well'))
    while True:
        kind, body = c.frame()
        if kind == G.STOP:
            break
    c.send(G.log(G.STDOUT, b'last ' + str(int.from_bytes(body, 'big')).encode()) + G.ended(0, 6))
    c.everything()


def never_ready(g, _):
    g.beat()
    c = g.control(G.state(G.STARTING))
    while c.frame()[0] != G.STOP:
        pass
    c.send(G.ended(0, 0))
    c.everything()


def fails_its_check(g, _):
    g.beat()
    c = g.control(G.state(G.STARTING), G.state(G.FAILING, b'connection refused'))
    while c.frame()[0] != G.STOP:
        pass
    c.send(G.ended(0, 0))
    c.everything()


def waits_for_secrets(g, _):
    g.beat()
    c = g.control(G.state(G.STARTING), G.state(G.WAITING, b'secrets: A'))
    while c.frame()[0] != G.STOP:
        pass
    c.send(G.ended(0, 0))
    c.everything()


def dies_early(g, _):
    g.beat()
    g.control(G.state(G.STARTING), G.ended(0, 1, b'no config')).everything()


def qemu_says_no(g, _):
    print('qemu: no such thing', file=sys.stderr, flush=True)
    return 1


def detach(p, guest, *args, **env):
    r = p.start(guest, '--detach', *args, **env)
    r.wait(rig.TIMEOUT)
    return rig.Result(r)


def gone(pid):
    """A process that is no child of ours; a zombie counts as gone."""
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii') as f:
            return f.read().rsplit(')', 1)[1].split()[0] == 'Z'
    except FileNotFoundError:
        return True


def an_enclave_in_the_background_is_listed_read_and_stopped():
    with rig.Place(logs=True, ingress=[E.ingress(8080)]) as p:
        r = detach(p, service, '--port', '127.0.0.1:0:8080', '--name', 'bg', '--grace', '7')
        assert (r.status, r.out, r.err) == (0, 'bg\n', ''), (r.status, r.out, r.err)
        doc, = p.list()
        assert doc['EnclaveName'] == 'bg' and doc['State'] == 'RUNNING'
        assert doc['Readiness'] == 'ready' and doc['Reason'] == 'all well'
        assert doc['Flags'] == 'NONE' and doc['NumberOfCPUs'] == 1 and doc['MemoryMiB'] == 1024
        assert doc['Measurements']['PCR0'] == p.pcr0() and doc['EnclaveCID'] == 16
        port, = doc['Ports']
        assert port['EnclavePort'] == 8080 and port['Protocol'] == 'tcp'
        assert port['Host'] == '127.0.0.1:%d' % port['HostPort']
        table = p.ask('list').stdout.decode().splitlines()
        assert table[0].split() == ['NAME', 'STATE', 'PID', 'CID', 'CPUS', 'MEMORY', 'PORTS']
        assert table[1].split() == ['bg', 'ready', str(doc['ProcessID']), '16', '1', '1024',
                                    '%s->8080/tcp' % port['Host']], table
        logs = p.ask('logs', 'bg')
        assert logs.stdout == b'first\n', logs
        assert logs.stderr.decode().startswith('enclave: host: bg: qemu nitro-enclave'), logs
        assert b'\nsecond\n' in logs.stderr
        timed = p.ask('logs', '--times', 'bg')
        assert timed.stdout == b'1970-01-01T00:00:00.000000Z stdout: first\n', timed
        assert b'\n1970-01-01T00:00:00.000000Z stderr: second\n' in timed.stderr, timed
        objects = [json.loads(x) for x in p.ask('logs', '--json', 'bg').stdout.splitlines()]
        assert {x['Source'] for x in objects} == {'stdout', 'stderr', 'runtime'}, objects
        assert {'Time': '1970-01-01T00:00:00.000000Z', 'Source': 'stdout', 'Text': 'first',
                'GoesOn': False} in objects, objects
        assert objects[0]['Text'].startswith('host: bg: qemu') and objects[0]['Time'] > '2026'
        assert p.ask('console', '--once', 'bg').stdout == \
            b'rt:01 hello console \\x1b\nrt:05 heartbeat answered\n'
        follow = subprocess.Popen([rig.SELFSAME, 'logs', '-f', 'bg'], env=p.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        p.started.append(follow)
        assert follow.stdout.readline() == b'first\n'
        stop = p.ask('stop', 'bg')
        assert stop.stdout == b'bg: exited 6\n', stop
        assert follow.stdout.read() == b'last 7000\n'
        assert follow.wait(rig.TIMEOUT) == 0
        assert p.list() == [] and p.left() == [], p.left()


def json_of_detach_and_stop():
    with rig.Place(logs=True) as p:
        r = detach(p, service, '--json')
        doc = json.loads(r.out)
        assert r.status == 0 and doc['EnclaveName'] == 'app' and doc['Readiness'] == 'ready'
        stop = json.loads(p.ask('stop', 'app', '--json', '--grace', '9').stdout)
        assert stop['Terminated'] is True and stop['End']['Status'] == 6
        assert stop['EnclaveID'] == doc['EnclaveID']


def detach_reports_what_went_wrong():
    with rig.Place(logs=True) as p:
        detach(p, dies_early).expect(
            125, "selfsame: error: 'app' ended before it was ready: exited no config\n")
        detach(p, qemu_says_no).expect(
            125, "selfsame: error: 'app' ended before it was ready: failed QEMU ended with status "
                 '1: qemu: no such thing\n')
        r = detach(p, fails_its_check)
        assert r.status == 0 and p.list()[0]['Readiness'] == 'failing'
        assert p.list()[0]['Reason'] == 'connection refused'
        p.ask('stop', 'app')
        assert p.left() == []


def a_guest_that_waits_for_secrets_is_listed_so():
    with rig.Place(logs=True) as p:
        r = p.start(waits_for_secrets, '--detach')
        rig.wait_for(lambda: [x for x in p.list() if x['Readiness'] == 'waiting'])
        assert p.list()[0]['Reason'] == 'secrets: A'
        p.ask('stop', 'app')
        assert r.wait(rig.TIMEOUT) is not None and p.left() == []


def an_interrupted_detach_leaves_nothing():
    with rig.Place(logs=True) as p:
        r = p.start(never_ready, '--detach')
        rig.wait_for(lambda: [x for x in p.list() if x['Readiness'] == 'starting'])
        pid = p.list()[0]['ProcessID']
        assert pid != r.pid
        r.send_signal(signal.SIGINT)
        assert r.wait(rig.TIMEOUT) in (-signal.SIGINT, 125)
        rig.wait_for(lambda: gone(pid))
        assert p.left() == []


def names_and_addresses_are_given_once():
    with rig.Place(logs=True) as p:
        detach(p, service).expect(0)
        assert detach(p, service).out == 'app-2\n'
        assert detach(p, service, '--name', 'app-3').out == 'app-3\n'
        assert detach(p, service).out == 'app-4\n'
        assert [(x['EnclaveName'], x['EnclaveCID']) for x in p.list()] == \
            [('app', 16), ('app-2', 17), ('app-3', 18), ('app-4', 19)]
        detach(p, service, '--name', 'app-2').expect(
            125, "selfsame: error: --name: an enclave named 'app-2' is running\n")
        detach(p, service, '--cid', '18').expect(
            125, 'selfsame: error: CID 18 is taken by another enclave\n')
        for name in ('app', 'app-2', 'app-3', 'app-4'):
            p.ask('stop', name)
        assert p.left() == []


def what_a_killed_supervisor_leaves_is_removed():
    with rig.Place(logs=True) as p:
        detach(p, service).expect(0)
        pid = p.list()[0]['ProcessID']
        with open('/proc/%d/task/%d/children' % (pid, pid), encoding='ascii') as f:
            qemu = int(f.read().split()[0])
        os.kill(pid, signal.SIGKILL)
        rig.wait_for(lambda: gone(qemu), 'QEMU to end with it')
        rig.wait_for(lambda: gone(pid))
        left = p.left()
        assert 'app.sock' in left and 'app.lock' in left and 'cid-16' in left
        assert p.ask('stop', 'app', check=False).stderr.startswith(
            b"selfsame: error: there is no enclave named 'app'\n")
        assert 'app.sock' not in p.left() and 'app.lock' not in p.left()
        detach(p, service).expect(0)
        assert [x['EnclaveCID'] for x in p.list()] == [16]
        p.ask('stop', 'app')
        assert p.left() == [], p.left()


def a_foreground_run_is_listed_and_can_be_stopped():
    with rig.Place(logs=True) as p:
        r = p.start(service)
        rig.wait_line(r, 'selfsame: ready')
        assert p.list()[0]['ProcessID'] == r.pid
        p.ask('stop', 'app')
        assert r.wait(rig.TIMEOUT) == 6


def nobody_by_that_name_is_an_error():
    with rig.Place() as p:
        for command in ('stop', 'logs', 'console'):
            for name in ('nobody', '../x', 'a/b', ''):
                r = p.ask(command, name, check=False)
                assert r.returncode == 4 and b'there is no enclave named' in r.stderr, r
        assert p.ask('list').stdout.count(b'\n') == 1 and p.ask('list', '--json').stdout == b'[]\n'


def a_folder_that_others_may_enter_is_refused():
    with rig.Place(logs=True) as p:
        os.mkdir(os.path.join(p.dir, 'run', 'selfsame'), 0o755)
        p.run(service).expect(125, 'selfsame: error: others may enter \'')
        os.rmdir(os.path.join(p.dir, 'run', 'selfsame'))
        del p.env['XDG_RUNTIME_DIR']
        if os.geteuid() != 0:
            p.run(service).expect(125, 'XDG_RUNTIME_DIR is not set')


# --- the socket ------------------------------------------------------------------------------

def connect(p):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(rig.TIMEOUT)
    s.connect(os.path.join(p.dir, 'run', 'selfsame', 'app.sock'))
    return s


def message(kind, body=b''):
    return struct.pack('>B3xI', kind, len(body)) + body


def everything(s):
    out = b''
    while True:
        try:
            more = s.recv(1 << 16)
        except ConnectionResetError:
            return out
        if not more:
            return out
        out += more


def nonsense_on_the_socket_ends_only_that_client():
    with rig.Place(logs=True) as p:
        detach(p, service).expect(0)
        for text in (b'GET / HTTP/1.0\r\n\r\n', b'\xff' * 100, message(0), message(6), message(16),
                     message(17), message(18), message(255), b'\1\0\0\1\0\0\0\0', message(1, b'x'),
                     message(2), message(2, bytes(3)), message(2, b'\xff' * 4), message(3),
                     message(3, b'\2'), message(4, b'\1\1'), b'\1\0\0\0\xff\xff\xff\xff'):
            s = connect(p)
            s.sendall(text)
            assert everything(s) == b'', text
        idle = [connect(p) for _ in range(40)]  # more than are let in
        time.sleep(0.1)
        for s in idle:
            s.close()
        half = connect(p)
        half.sendall(b'\1\0\0')
        rig.wait_for(lambda: len(p.list()) == 1)
        half.sendall(b'\0\0\0\0\0')
        assert everything(half)[:1] == b'\x10'
        s = connect(p)
        s.sendall(message(METRICS))
        got = everything(s)
        assert got[:1] == b'\x14' and b'selfsame_host_lines_total 2\n' in got
        p.ask('stop', 'app')


def chatters(g, _):
    g.beat()
    c = g.control(G.state(G.READY))
    for i in range(40):
        c.send(b''.join(G.log(G.STDOUT, b'%06d ' % (i * 100 + j) + b'x' * 990) for j in range(100)))
    c.send(G.state(G.READY, b'done'))
    while c.frame()[0] != G.STOP:
        pass
    c.send(G.ended(0, 0))
    c.everything()


def logs_are_kept_up_to_a_bound_and_a_slow_reader_is_told():
    with rig.Place(logs=True) as p:
        detach(p, chatters).expect(0)
        slow = subprocess.Popen([rig.SELFSAME, 'logs', '-f', 'app'], env=p.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.started.append(slow)
        rig.wait_for(lambda: p.list()[0]['Reason'] == 'done')
        logs = p.ask('logs', 'app')
        lines = logs.stdout.decode().splitlines()
        assert lines[-1].startswith('003999 ') and 1500 < len(lines) < 2500, len(lines)
        assert [int(x[:6]) for x in lines] == list(range(4000 - len(lines), 4000))
        out, _ = None, p.ask('stop', 'app')
        out, err = slow.communicate(timeout=rig.TIMEOUT)
        seen = [int(x[:6]) for x in out.decode().splitlines()]
        assert seen == sorted(set(seen)) and seen[-1] == 3999
        if len(seen) < 4000:
            assert b'lines are no longer kept' in err, err


# --- these tests themselves ------------------------------------------------------------------

def forked(what):
    """A process that makes a place and an enclave in the background, and does this; its place."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with rig.Place(logs=True) as p:
                detach(p, service).expect(0)
                assert len(p.alive()) == 2  # supervisor, "QEMU"
                os.write(w, p.dir.encode())
                what()
        finally:
            os._exit(1)
    os.close(w)
    p = rig.Place.__new__(rig.Place)
    p.dir = os.read(r, 4096).decode()
    os.close(r)
    return pid, p


def a_test_that_fails_or_is_stopped_leaves_nothing():
    pid, p = forked(lambda: 1 // 0)
    os.waitpid(pid, 0)
    assert p.alive() == [] and not os.path.exists(p.dir)
    pid, p = forked(signal.pause)
    assert len(p.alive()) >= 2
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    assert p.alive() == [] and not os.path.exists(p.dir)


if __name__ == '__main__':
    rig.main([
        an_enclave_in_the_background_is_listed_read_and_stopped,
        json_of_detach_and_stop,
        detach_reports_what_went_wrong,
        a_guest_that_waits_for_secrets_is_listed_so,
        an_interrupted_detach_leaves_nothing,
        names_and_addresses_are_given_once,
        what_a_killed_supervisor_leaves_is_removed,
        a_foreground_run_is_listed_and_can_be_stopped,
        nobody_by_that_name_is_an_error,
        a_folder_that_others_may_enter_is_refused,
        nonsense_on_the_socket_ends_only_that_client,
        logs_are_kept_up_to_a_bound_and_a_slow_reader_is_told,
        a_test_that_fails_or_is_stopped_leaves_nothing,
    ])
