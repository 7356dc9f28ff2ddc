#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of what goes over wires: frames, egress rules, DNS, ClientHellos, PROXY headers."""
import os
import struct

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus')


def store(target, name, data):
    assert len(data) <= 4096, name
    os.makedirs(os.path.join(TOP, target), exist_ok=True)
    with open(os.path.join(TOP, target, name), 'wb') as f:
        f.write(data)


def frame(kind, body=b''):
    return struct.pack('>B3xI', kind, len(body)) + body


def frames():
    host = [frame(1, struct.pack('>HHIQ', 1, 0, 1024, 1 << 60)), frame(2, struct.pack('>Q', 1)),
            frame(3, struct.pack('>I', 10000)), frame(4), frame(33, b'\3\0\0\0')]
    control = [frame(16, struct.pack('>HHQ', 1, 0, 1 << 30)), frame(17, b'\0'),
               frame(18, struct.pack('>BBHQ', 1, 1, 0, 7) + b'a line'),
               frame(19, struct.pack('>QQ', 2, 300)), frame(20, b'up 1\n'),
               frame(17, b'\2503'), frame(21, b'\1\x0f\0\0killed')]
    opens = [frame(32, b'\6\1' + struct.pack('>H', 443) + b'a.example'),
             frame(32, b'\x11\4' + struct.pack('>H', 53) + bytes([10, 1, 2, 3])),
             frame(32, b'\6\6' + struct.pack('>H', 1) + bytes(15) + b'\1'), frame(32, b'\x35\0\0\0')]
    store('frame', 'host', b''.join(host))
    store('frame', 'control', b''.join(control))
    store('frame', 'opens', b''.join(opens))
    store('frame', 'cut', opens[0][:-1])
    store('frame', 'long', struct.pack('>B3xI', 18, 8205))


def egress():
    for name, rule, asked in (
            ('host', 'api.example.com.:443', 'API.example.com'),
            ('suffix', '*.example.com:*', 'a.b.example.com.'),
            ('range4', '10.0.0.0/8:5432', '10.1.2.3'),
            ('range6', '[2001:db8::/33]:443', '2001:db8:7fff::1'),
            ('address6', '[1:2:3:4:5:6:7:8]:1', '1:2:3:4:5:6:7:8'),
            ('mapped', '192.0.2.1:1', '::ffff:192.0.2.1'),
            ('bits', '10.0.0.1/8:1', ''), ('star', 'a.*.b:1', ''), ('number', '0x7f.1:1', '')):
        store('egress', name, ('%s\n%s' % (rule, asked)).encode())


def name(text):
    return b''.join(bytes([len(x)]) + x.encode() for x in text.split('.') if x) + b'\0'


def dns():
    def head(flags, *counts):
        return struct.pack('>6H', 1, flags, *counts)
    opt = b'\0' + struct.pack('>HHIH', 41, 1232, 0, 12) + struct.pack('>HH', 10, 8) + b'cookie!!'
    store('dns', 'a', head(0x100, 1, 0, 0, 0) + name('API.example.com') + b'\0\1\0\1')
    store('dns', 'aaaa-edns', head(0x120, 1, 0, 0, 1) + name('_x.a-b.example') + b'\0\x1c\0\1' + opt)
    store('dns', 'root', head(0, 1, 0, 0, 0) + b'\0\0\2\0\1')
    store('dns', 'pointer', head(0, 1, 0, 0, 0) + b'\1a\xc0\x0c\0\1\0\1')
    store('dns', 'answer', head(0x8180, 1, 1, 0, 0) + b'\1a\0\0\1\0\1' +
          b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1')


def extension(kind, body):
    return struct.pack('>HH', kind, len(body)) + body


def hello(*extensions, tail=True):
    more = b''.join(extensions)
    body = (b'\3\3' + b'r' * 32 + b'\0' + b'\0\4\x0a\x0a\x13\1' + b'\1\0' +
            (struct.pack('>H', len(more)) + more if tail else b''))
    return b'\1' + struct.pack('>I', len(body))[1:] + body


def records(message, size):
    return b''.join(b'\x16\3\1' + struct.pack('>H', len(message[i:i + size])) + message[i:i + size]
                    for i in range(0, len(message), size))


def tls():
    sni = extension(0, b'\0\x0c\0\0\x09a.example')
    versions = extension(43, b'\4\x0a\x0a\3\4')
    whole = hello(extension(0x0a0a, b''), versions, sni, extension(0x1a1a, b'\0'))
    store('tls_hello', 'name', b'\x80' + records(whole, 16384))
    store('tls_hello', 'pieces', b'\xc0' + records(whole, 20) + b'\x14\3\3\0\1\1')
    store('tls_hello', 'no-name', b'\xff' + records(hello(versions), 16384))
    store('tls_hello', 'no-extensions', b'\0' + records(hello(tail=False), 16384))
    store('tls_hello', 'twice', b'\0' + records(hello(sni, sni), 16384))
    store('tls_hello', 'long', b'\0\x16\3\1\x40\0\1\1\0\0')
    store('tls_hello', 'http', b'\1GET / HTTP/1.1\r\n')


def proxy():
    signature = b'\r\n\r\n\0\r\nQUIT\n'
    ports = struct.pack('>HH', 51234, 443)
    v4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + ports
    v6 = bytes(range(32)) + ports
    store('proxy_header', 'tcp4', signature + b'\x21\x11\0\x0c' + v4 + b'GET /')
    store('proxy_header', 'udp6', signature + b'\x21\x22\0\x24' + v6)
    store('proxy_header', 'local', signature + b'\x20\0\0\0')
    store('proxy_header', 'tlv', signature + b'\x21\x11\0\x0f' + v4 + b'\4\0\0')
    store('proxy_header', 'version1', b'PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n')



def http():
    get = b'GET /attestation?nonce=' + b'0f' * 32 + b' HTTP/1.1\r\nHost: a.example:8443\r\n'
    store('http_head', 'get', b'\x80' + get + b'Accept: */*\r\nConnection: close\r\n\r\n')
    store('http_head', 'look', b'\xff' + b'GET /a?b&c=&&d HTTP/1.1\r\nHost:\r\n\r\n')
    store('http_head', 'post', b'\x10POST / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nContent-Length: 10\r\n\r\n')
    store('http_head', 'folded', b'\xf0' + get + b'A: b\r\n c\r\n\r\n')
    store('http_head', 'bare', b'\xff' + get.replace(b'\r', b'') + b'\n')
    store('http_head', 'answer', b'\xa0HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nContent-Length: 3\r\n\r\nabc')
    store('http_head', 'moved', b'\0HTTP/1.1 302\r\nLocation: /\r\n\r\n')
    store('http_head', 'chunked', b'\xffHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')


frames()
http()
egress()
dns()
tls()
proxy()
