#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: seeds_normalise.py DIR: small archives as inputs of fuzz_normalise."""
import gzip
import io
import os
import struct
import sys
import zipfile


def zipped(names, extra=b''):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for name in names:
            info = zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 6))
            info.extra = extra
            z.writestr(info, b'words ' * 9)
    return out.getvalue()


def member(name, data=b'x'):
    return b'%-16s%-12d%-6d%-6d%-8o%-10d`\n' % (name, 7, 1, 1, 0o644, len(data)) + data + b'\n' * (len(data) % 2)


UT = struct.pack('<HHBIII', 0x5455, 13, 7, 1, 2, 3)
NTFS = struct.pack('<HHIHHQQQ', 10, 32, 0, 1, 24, 1, 2, 3)
UX = struct.pack('<HHIIHH', 0x5855, 12, 1, 2, 3, 4)
ZIP64 = zipped(['a'])
END = ZIP64.index(b'PK\5\6')
FROM = ZIP64.index(b'PK\1\2')
ZIP64 = (ZIP64[:END] + struct.pack('<IQHHIIQQQQ', 0x06064b50, 44, 45, 45, 0, 0, 1, 1, END - FROM, FROM)
         + struct.pack('<IIQI', 0x07064b50, 0, END, 1)
         + struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0))
SEEDS = {
    'ar': (0, b'!<arch>\n' + member(b'/', b'\0' * 4) + member(b'//', b'long/\n') + member(b'a.o/')),
    'ar-bsd': (0, b'!<arch>\n' + member(b'#1/20', bytes(20))),
    'zip': (1, zipped(['a', 'b/c'])), 'zip-ut': (1, zipped(['a'], UT + UX)),
    'zip-ntfs': (1, zipped(['a'], NTFS)), 'zip-signed': (1, zipped(['META-INF/A.SF'])),
    'zip64': (1, ZIP64), 'gzip': (2, gzip.compress(b'x', mtime=7)),
    'record': (3, b'../y.pyc,sha256=x,1\ny.pyc,sha256=x,1\na,,\n'), 'record-quoted': (3, b'"a,b",,\na'), 'record-twice': (3, b'b\na\nb\n\n\n'),
    'url': (4, b'{"url": "file:///x", "dir_info": {}}'), 'shadow': (5, b'a:*:19000:0:::::\n'),
    'md5sums': (6, b'0' * 32 + b'  x.a\n'), 'apk': (7, b'F:\nR:x.a\nZ:Q1a=\n'),
    'pyc': (8, struct.pack('<HccIII', 3495, b'\r', b'\n', 0, 7, 1) + b'code'),
}
if __name__ == '__main__':
    for name, (kind, data) in SEEDS.items():
        with open(os.path.join(sys.argv[1], name), 'wb') as f:
            f.write(bytes([kind]) + data)
