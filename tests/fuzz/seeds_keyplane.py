#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzz_kp_link, fuzz_kp_secret and fuzz_pem: what dataplane, senders and users hand in. Needs openssl."""
import os
import subprocess
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus')
NO_APP, CSR_ASK, CHAIN = 3, 4, 5


def store(folder, name, data):
    os.makedirs(os.path.join(TOP, folder), exist_ok=True)
    assert 0 < len(data) <= 4096, (name, len(data))
    with open(os.path.join(TOP, folder, name), 'wb') as f:
        f.write(data)


def openssl(*args, data=None):
    return subprocess.run(['openssl', *args], input=data, check=True, capture_output=True).stdout


def message(kind, text=b''):
    return bytes([kind]) + len(text).to_bytes(2, 'big') + text


def part(offset, total, data):
    return message(CHAIN, offset.to_bytes(4, 'big') + total.to_bytes(4, 'big') + data)


def names(*all_of_them):
    return bytes([len(all_of_them)]) + b''.join(bytes([len(n)]) + n.encode() for n in all_of_them)


def step(what, who, which, n, body=b''):
    return bytes([what, who, which]) + n.to_bytes(2, 'big') + body


with tempfile.TemporaryDirectory() as folder:
    key, pem, rsa = (os.path.join(folder, x) for x in ('key', 'pem', 'rsa'))
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '20000', '-subj', '/CN=a',
            '-keyout', key, '-out', pem)
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes', '-days', '20000', '-subj',
            '/O=selfsame test/CN=\x1b[1m', '-keyout', rsa, '-out', rsa + '.pem')
    text = open(pem, 'rb').read()
    other = open(rsa + '.pem', 'rb').read()
    der, other_der = (openssl('x509', '-outform', 'DER', data=x) for x in (text, other))
    request = openssl('req', '-new', '-key', key, '-subj', '/', '-addext', 'subjectAltName=DNS:a.example', '-outform', 'DER')

store('kp_link', 'names', message(CSR_ASK, names('a.example', '*.b.example')) + message(CSR_ASK, names('a..b')) + message(CSR_ASK))
store('kp_link', 'chain', part(0, len(der), der))
store('kp_link', 'two', part(0, len(der + other_der), der + other_der))
store('kp_link', 'not-ours', part(0, len(other_der), other_der))
store('kp_link', 'parts', part(0, len(der), der[:100]) + part(100, len(der), der[100:200]) + part(200, len(der), der[200:]))
store('kp_link', 'order', part(0, 300, der[:100]) + part(50, 300, der[50:100]) + part(0, 20000, der) + part(0, 300, b''))
store('kp_link', 'total-shrinks', part(0, len(der), der[:100]) + part(100, 50, der[100:]) + part(0, len(der), der))
store('kp_link', 'no-app', message(NO_APP) + message(7))
store('kp_link', 'short', message(0, b'\5\0\0\0'))
store('kp_link', 'length', message(0, bytes([CHAIN, 0, 0, 0, 9, 0, 0, 0]) + bytes(24)))
store('kp_secret', 'two', step(0, 1, 0, 5) + step(1, 0, 0, 5, b'value') + step(0, 1, 0, 5) + step(0, 2, 2, 0) + step(1, 0, 0, 0))
store('kp_secret', 'strangers', step(0, 2, 0, 1) + step(0, 3, 0, 1) + step(0, 1, 9, 1))
store('kp_secret', 'zero-byte', step(0, 1, 0, 3) + step(1, 0, 0, 2, b'a\0') + step(0, 1, 0, 1) + step(1, 0, 0, 1, b'a'))
store('kp_secret', 'full', step(0, 1, 0, 9) * 5 + step(1, 0, 2, 1, b'x') + step(1, 0, 1, 1, b'x') + step(2, 0, 0, 3, b'abc'))
store('kp_secret', 'limits', step(0, 1, 0, 32768) + step(0, 1, 0, 32769) + step(0, 1, 1, 65535) + step(192, 1, 1, 65535)
      + step(1, 0, 0, 1, b'x') + step(1, 0, 1, 1, b'y'))
store('pem', 'one', text)
store('pem', 'two', text + b'\r\n' + other)
store('pem', 'words-before', b'subject=CN = a\n' + text)
store('pem', 'no-end', text[:-20])
store('pem', 'dos', text.replace(b'\n', b'\r\n'))
store('pem', 'trailing-der', text.replace(b'-----END', b'AAAA\n-----END'))
store('pem', 'der', other_der)
store('pem', 'request', request)
store('pem', 'request-broken', request[:-1] + bytes([request[-1] ^ 1]))
