#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the tar target to tests/fuzz/corpus/tar: one archive a feature, each small."""
import io
import os
import tarfile

DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus', 'tar')


def store(name, data):
    assert len(data) <= 4096, name
    with open(os.path.join(DIR, name), 'wb') as f:
        f.write(data)


def archive(fmt, entries):
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode='w', format=fmt) as t:
        for name, kind, body, extra in entries:
            m = tarfile.TarInfo(name)
            m.type = kind
            m.size = len(body)
            m.linkname = extra.pop('link', '')
            m.pax_headers = extra
            t.addfile(m, io.BytesIO(body))
    data = buf.getvalue()
    end = len(data)
    while data[end - 512:end] == bytes(512):
        end -= 512
    return data[:end + 1024]


def gnu_sparse():
    """The old format, with one block of more segments."""
    m = tarfile.TarInfo('sparse')
    m.type = b'S'
    m.size = 6
    h = bytearray(m.tobuf(tarfile.GNU_FORMAT))
    pairs = [(i * 512, 1) for i in range(6)]
    for i, (at, n) in enumerate(pairs[:4]):
        h[386 + 24 * i:410 + 24 * i] = b'%011o\0%011o\0' % (at, n)
    h[482] = 1
    h[483:495] = b'%011o\0' % 8192
    more = bytearray(512)
    for i, (at, n) in enumerate(pairs[4:]):
        more[24 * i:24 * i + 24] = b'%011o\0%011o\0' % (at, n)
    h[148:156] = b' ' * 8
    h[148:156] = b'%06o\0 ' % sum(h)
    return bytes(h) + bytes(more) + b'abcdef'.ljust(512, b'\0') + bytes(1024)


def main():
    os.makedirs(DIR, exist_ok=True)
    reg, lnk, sym, chr_, dir_ = tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE
    store('ustar', archive(tarfile.USTAR_FORMAT, [('d', dir_, b'', {}), ('d/f', reg, b'body', {}), ('h', lnk, b'', {'link': 'd/f'}),
                                                  ('s', sym, b'', {'link': '/x'}), ('c', chr_, b'', {})]))
    store('prefix', archive(tarfile.USTAR_FORMAT, [('p' * 90 + '/' + 'q' * 90, reg, b'', {})]))
    store('gnu', archive(tarfile.GNU_FORMAT, [('n' * 120, sym, b'', {'link': 'l' * 120})]))
    store('pax', archive(tarfile.PAX_FORMAT, [('n' * 120, reg, b'x', {'SCHILY.xattr.user.a': 'v', 'mtime': '-1.5'})]))
    store('sparse-gnu', gnu_sparse())
    store('sparse-0.0', archive(tarfile.PAX_FORMAT, [('s', reg, b'abc', {'GNU.sparse.size': '99', 'GNU.sparse.numblocks': '1',
                                                                         'GNU.sparse.offset': '5', 'GNU.sparse.numbytes': '3'})]))
    store('sparse-0.1', archive(tarfile.PAX_FORMAT, [('s', reg, b'abc', {'GNU.sparse.size': '99', 'GNU.sparse.numblocks': '2',
                                                                         'GNU.sparse.map': '5,2,50,1', 'GNU.sparse.name': 'n'})]))
    store('sparse-1.0', archive(tarfile.PAX_FORMAT, [('s', reg, b'1\n5\n3\n'.ljust(512, b'\0') + b'abc', {
        'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 'n', 'GNU.sparse.realsize': '99'})]))
    store('empty', bytes(1024))


if __name__ == '__main__':
    main()
