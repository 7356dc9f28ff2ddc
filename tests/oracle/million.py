#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: million.py IMAGE_DUMP

An image of a million names in two layers, one folder of 100 000 among them, and a third that hides
half: every name is there, and memory stays within 48 MiB and 112 bytes a name. Prints TAP.
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import zlib

import images
from images import entry, sha, tar

TOOL = sys.argv[1]
tap = images.Tap()


class Writer:
    """Empty files by the hundred thousand: one header, in which only name and sum change."""

    def __init__(self, path):
        self.blob, self.n, self.file = hashlib.sha256(), 0, open(path, 'wb')
        self.diff_id, self.z = hashlib.sha256(), zlib.compressobj(1, wbits=31)
        head = bytearray(entry('x')[0].tobuf())
        head[0:1] = b'\0'
        head[148:156] = b' ' * 8
        self.head, self.sum = bytes(head), sum(head)

    def write(self, data):
        self.diff_id.update(data)
        self.put(self.z.compress(data))

    def put(self, data):
        self.blob.update(data)
        self.n += len(data)
        self.file.write(data)

    def names(self, names):
        block = []
        for name in names:
            text = name.encode()
            total = b'%06o\0 ' % (self.sum + sum(text))
            block.append(text + self.head[len(text):148] + total + self.head[156:])
            if len(block) == 4096:
                self.write(b''.join(block))
                block = []
        self.write(b''.join(block))

    def end(self):
        self.write(bytes(1024))
        self.put(self.z.flush())
        self.file.close()
        return 'sha256:' + self.blob.hexdigest(), self.n, 'sha256:' + self.diff_id.hexdigest()


def layer(layout, names):
    path = f'{layout.path}/new'
    w = Writer(path)
    w.names(names)
    digest, n, diff_id = w.end()
    os.rename(path, layout.blob_path(digest))
    return {'mediaType': images.LAYER + '+gzip', 'digest': digest, 'size': n}, diff_id


def main():
    with tempfile.TemporaryDirectory(prefix='selfsame-million-') as work:
        layout = images.Layout(f'{work}/i')
        one = layer(layout, [f'd{i // 1000}/name-{i}' for i in range(600000)])
        two = layer(layout, [f'e/{i:06}' for i in range(100000)] + [f'f/{i // 100}/{i}' for i in range(300000)])
        marks = tar([entry(f'd{i}/.wh..wh..opq') for i in range(600)] + [entry('.wh.e')])
        three = layout.blob(marks, images.LAYER), sha(marks)
        layout.tag(layout.manifest([one[0], two[0]], layout.config([one[1], two[1]])), 'all')
        layout.tag(layout.manifest([one[0], two[0], three[0]], layout.config([one[1], two[1], three[1]])), 'less')
        below_f = 300000 + 3000 + 1
        everything = 600000 + 600 + 100000 + 1 + below_f
        for tag, want in (('all', everything), ('less', 600 + below_f)):
            r = subprocess.run([TOOL, '--time', f'oci:{work}/i:{tag}'], capture_output=True, timeout=300)
            # "1.234 s, 5678 KiB, 999569 names, tree 91011 KiB"
            words = r.stderr.decode().split()
            ok = r.returncode == 0 and len(words) == 9
            tap.check(f'{want} names, {tag}', ok and int(words[4]) == want, f'{r.returncode} {r.stderr.decode()}')
            room = (48 << 20) + 112 * everything
            tap.check(f'memory, {tag}', ok and int(words[2]) * 1024 < room, f'{r.stderr.decode()} of {room >> 10} KiB')
            print('#', r.stderr.decode().strip())
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
