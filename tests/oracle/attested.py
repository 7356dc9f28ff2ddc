# SPDX-License-Identifier: Apache-2.0
"""Attestation documents, read with a reader of its own and judged by openssl(1)."""
import os
import subprocess
import tempfile


class Reader:
    """CBOR as far as documents use it."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        assert self.at + n <= len(self.data), 'cut short at %d' % self.at
        self.at += n
        return self.data[self.at - n:self.at]

    def head(self):
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if info == 31:
            return major, None
        assert info < 28, 'a reserved head'
        return major, int.from_bytes(self.take(1 << (info - 24)), 'big')

    def ends(self, count, done):
        if count is not None:
            return done == count
        if self.data[self.at] == 0xff:
            self.at += 1
            return True
        return False

    def item(self):
        major, n = self.head()
        if major < 2:
            return n if major == 0 else -1 - n
        if major < 4:
            raw = self.take(n)
            return raw if major == 2 else raw.decode()
        if major == 4:
            out = []
            while not self.ends(n, len(out)):
                out.append(self.item())
            return out
        if major == 5:
            out = {}
            while not self.ends(n, len(out)):
                key = self.item()
                assert key not in out, 'key %r twice' % key
                out[key] = self.item()
            return out
        assert (major, n) in ((7, 20), (7, 21), (7, 22)), 'major type %d' % major
        return {20: False, 21: True, 22: None}[n]


def read(data):
    r = Reader(data)
    out = r.item()
    assert r.at == len(data), '%d bytes follow' % (len(data) - r.at)
    return out


def bstr(b):
    n = len(b)
    return (bytes([0x40 + n]) if n < 24 else b'\x58' + bytes([n]) if n < 256
            else b'\x59' + n.to_bytes(2, 'big')) + b


def der_integer(b):
    b = b.lstrip(b'\0') or b'\0'
    b = (b'\0' if b[0] & 0x80 else b'') + b
    return b'\x02' + bytes([len(b)]) + b


def openssl(*args, **more):
    p = subprocess.run(['openssl', *args], stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=60, check=False, **more)
    assert p.returncode == 0, (args, p.stderr.decode())
    return p.stdout


class Document:
    """The fields of a COSE_Sign1, and its parts."""

    def __init__(self, data):
        self.protected, unprotected, self.payload, self.signature = read(data)
        assert data[0] == 0x84 and unprotected == {} and read(self.protected) == {1: -35}
        assert len(self.signature) == 96 and len(self.payload) <= 16384
        self.fields = read(self.payload)

    def __getitem__(self, key):
        return self.fields[key]

    def check_shape(self):
        """What the specification says of each field, and the order that AWS's have."""
        f = self.fields
        assert list(f) == ['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle',
                           'public_key', 'user_data', 'nonce'], list(f)
        assert f['module_id'] and f['digest'] == 'SHA384' and f['timestamp'] > 0
        assert set(f['pcrs']) >= set(range(16)) and max(f['pcrs']) < 32
        assert all(len(v) == 48 for v in f['pcrs'].values())
        assert all(1 <= len(c) <= 1024 for c in f['cabundle'])

    def verify(self, root_pem, at=None):
        """Raises unless the chain leads to this root and the leaf signed the payload."""
        with tempfile.TemporaryDirectory() as d:
            def put(name, data):
                path = os.path.join(d, name)
                with open(path, 'wb') as f:
                    f.write(data)
                return path

            def pem(name, der):
                return put(name, openssl('x509', '-inform', 'DER', '-in', put('der', der)))
            with open(root_pem, 'rb') as f:
                trusted = put('root.pem', f.read())
            assert openssl('x509', '-in', trusted, '-outform', 'DER') == self['cabundle'][0]
            between = put('between.pem', b''.join(
                openssl('x509', '-inform', 'DER', '-in', put('der', c))
                for c in self['cabundle'][1:]))
            leaf = pem('leaf.pem', self['certificate'])
            when = str(at if at is not None else self['timestamp'] // 1000)
            # Not -x509_strict: it wants an authority key identifier, which AWS's leaf lacks, too.
            openssl('verify', '-attime', when, '-trusted', trusted, '-untrusted',
                    between, leaf)
            key = put('key.pem', openssl('x509', '-in', leaf, '-noout', '-pubkey'))
            r, s = self.signature[:48], self.signature[48:]
            body = der_integer(r) + der_integer(s)
            signature = put('signature', b'\x30' + bytes([len(body)]) + body)
            signed = put('signed', b'\x84\x6aSignature1' + bstr(self.protected) + b'\x40'
                         + bstr(self.payload))
            openssl('dgst', '-sha384', '-verify', key, '-signature', signature, signed)
        return self
