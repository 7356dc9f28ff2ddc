# SPDX-License-Identifier: Apache-2.0
"""Runs inside, as the application of tests/boot/attested.py: 8080 answers with JSON what it is asked for.

    GET /                    hello
    GET /local?QUERY         what attest.sock says to GET /attestation?QUERY, in hex
    GET /certificate         the same of GET /certificate
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


def local(target):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect('/run/selfsame/attest.sock')
        s.sendall(b'GET %s HTTP/1.1\r\nHost: enclave\r\n\r\n' % target)
        return everything(s).hex()


def broken():
    """What may not be done to the socket."""
    out = []
    for f in (lambda: os.unlink('/run/selfsame/attest.sock'), lambda: os.rename('/run/selfsame', '/run/x'),
              lambda: open('/run/selfsame/x', 'w'), lambda: os.rmdir('/run/selfsame')):
        try:
            f()
            out.append('done')
        except OSError as e:
            out.append(e.errno)
    return out


def serve(c):
    with c:
        head = b''
        while b'\r\n\r\n' not in head:
            more = c.recv(4096)
            if not more:
                return
            head += more
        target = head.split(b' ')[1]
        if target.startswith(b'/local'):
            body = local(b'/attestation' + target[6:])
        elif target == b'/certificate':
            body = local(target)
        elif target == b'/broken':
            body = broken()
        else:
            body = 'hello'
        body = json.dumps(body).encode()
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' % len(body) + body)


s = socket.create_server(('127.0.0.1', 8080))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],)).start()
