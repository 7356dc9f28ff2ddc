# SPDX-License-Identifier: Apache-2.0
"""Runs inside, as the application of tests/boot/senders.py: 8080 answers with JSON what it is asked for.

    GET /secrets                 what of its secrets it sees, and how
    GET /recipient?QUERY         what attest.sock says to that, in hex
    POST /recipient?key=KEY      the same, to the body that it got
"""
import json
import os
import socket
import threading


def everything(s):
    out = b''
    while True:
        data = s.recv(1 << 16)
        if not data:
            return out
        out += data


def local(request):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect('/run/selfsame/attest.sock')
        s.sendall(request)
        return everything(s).hex()


def refused(f):
    try:
        f()
        return 'done'
    except OSError as e:
        return e.errno


def secrets():
    folder = '/run/selfsame/secrets'
    path = folder + '/tls_key'
    st = os.stat(path)
    return {
        'env': {k: v for k, v in os.environ.items() if k in ('DB_PASSWORD', 'LATER', 'KEPT')},
        'names': sorted(os.listdir(folder)),
        'file': open(path, 'rb').read().hex(), 'mode': st.st_mode & 0o7777, 'uid': st.st_uid, 'gid': st.st_gid, 'me': os.getuid(),
        'refused': [refused(lambda: open(path, 'r+b')), refused(lambda: os.unlink(path)), refused(lambda: open(folder + '/x', 'w')),
                    refused(lambda: os.chmod(path, 0o666))],
    }


def serve(c):
    with c:
        data = b''
        while b'\r\n\r\n' not in data:
            more = c.recv(4096)
            if not more:
                return
            data += more
        head, _, body = data.partition(b'\r\n\r\n')
        method, target = head.split(b' ')[:2]
        if method == b'POST':
            n = int(head.lower().split(b'content-length: ')[1].split(b'\r\n')[0])
            while len(body) < n:
                body += c.recv(65536)
            got = local(b'POST %s HTTP/1.1\r\nHost: enclave\r\nContent-Length: %d\r\n\r\n' % (target, n) + body)
        elif target.startswith(b'/recipient'):
            got = local(b'GET %s HTTP/1.1\r\nHost: enclave\r\n\r\n' % target)
        else:
            got = secrets()
        got = json.dumps(got).encode()
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' % len(got) + got)


print('the application runs', flush=True)
s = socket.create_server(('127.0.0.1', 8080))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],)).start()
