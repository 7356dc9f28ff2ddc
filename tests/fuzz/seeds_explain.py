#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: seeds_explain.py DIR: inputs of fuzz_explain and of its groups, into DIR/explain and
DIR/explain_<group>: the pairs of tests/causes, pairs of forms that no cause needs, and those of
seeds_readers.py.
"""
import bz2
import importlib.util
import lzma
import os
import struct
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location('causes', here + '/../causes/causes.py')
causes = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(causes)
sys.path.insert(0, here)
import seeds_readers  # noqa: E402
NAMES = ['.pyc', 'etc/passwd', 'etc/shadow', 'dpkg/status', '.json']
# The forms of each group in the order of fuzz_explain.c: a name's end, a place, its bytes.
GROUPS = {
    'elf': [('', 0, b'\177ELF\2\1'), ('', 0, b'\177ELF\1\1'), ('', 0, b'\177ELF\2\2'), ('', 0, b'\177ELF\1\2')],
    'archive': [('', 0, b'!<arch>'), ('', 0, b'PK\3\4'), ('', 0, b'070701'), ('', 257, b'ustar')],
    'stream': [('', 0, b'\37\213'), ('', 0, b'\x28\xb5\x2f\xfd'), ('', 0, b'\xfd7zXZ'), ('', 0, b'BZh')],
    'media': [('', 0, b'SQLite format 3'), ('', 0, b'%PDF'), ('', 0, b'\211PNG')],
    'kernel': [('', 0x202, b'HdrS')],
    'text': [('.x', 0, b''), ('.pyc', 0, b''), ('.json', 0, b'{'), ('.json', 0, b'['), ('etc/passwd', 0, b''),
             ('etc/shadow', 0, b''), ('dpkg/status', 0, b''), ('db/installed', 0, b''), ('.ini', 0, b'['),
             ('config', 0, b'')],
}

# Readers that the group of texts seldom reaches have one of their own, with the same seeds.
ALONE = {
    'ini': [('.ini', 0, b'['), ('.ini', 0, b'[a]\nk=')],
    'json': [('.json', 0, b'{'), ('.json', 0, b'[')],
    'keyed': [('etc/passwd', 0, b''), ('etc/shadow', 0, b''), ('dpkg/status', 0, b''), ('db/installed', 0, b'')],
    'pyc': [('.pyc', 0, b'')],
}


def zstd(data):
    return subprocess.run(['zstd', '-qc'], input=data, stdout=subprocess.PIPE, check=True).stdout


def cpio(name, mtime):
    out = b''
    for n, body in ((name, b'body'), (b'TRAILER!!!', b'')):
        head = b'070701' + b''.join(b'%08X' % v for v in (1, 0o100644, 0, 0, 1, mtime, len(body), 0, 0, 0, 0,
                                                           len(n) + 1, 0))
        out += (head + n + b'\0').ljust((len(head) + len(n) + 4) // 4 * 4, b'\0') + body
    return out


def turned(wide, big, text):
    """An object of either width and byte order with one section."""
    e, names = '>' if big else '<', b'\0.comment\0.shstrtab\0'
    head, entry = (64, 64) if wide else (52, 40)
    form = e + ('IIQQQQIIQQ' if wide else 'IIIIIIIIII')
    at = head + len(text) + len(names)
    rows = [bytes(entry), struct.pack(form, 1, 1, 0, 0, head, len(text), 0, 0, 1, 0),
            struct.pack(form, 10, 3, 0, 0, head + len(text), len(names), 0, 0, 1, 0)]
    return (b'\177ELF' + bytes([2 if wide else 1, 2 if big else 1, 1]) + bytes(9)
            + struct.pack(e + ('HHIQQQIHHHHHH' if wide else 'HHIIIIIHHHHHH'), 1, 62, 1, 0, 0, at, 0, head, 0, 0,
                          entry, 3, 2) + text + names + b''.join(rows))


OTHERS = [('b', bz2.compress(b'one\n'), bz2.compress(b'two\n')), ('z', zstd(b'one\n'), zstd(b'two\n')),
          ('x', lzma.compress(b'one\n'), lzma.compress(b'two\n')), ('c', cpio(b'a', 1), cpio(b'a', 2)),
          ('x.ini', b'[a]\nk = 1\n[b]\nk=2\n', b'[b]\nk=2\n[a]\nk = 3\n'),
          ('lib/apk/db/installed', b'P:x\nV:1\n\n', b'P:x\nV:2\n\n'),
          ('k', causes.bzimage(b'6.12.1 a')[:0x610], causes.bzimage(b'6.12.2 b')[:0x610])]
OTHERS += [(f'elf{wide}{big}', turned(wide, big, b'built 1\0'), turned(wide, big, b'built 2\0'))
           for wide in (0, 1) for big in (0, 1)]


def put(group, name, form, a, b):
    data = struct.pack('<BH', form, len(a)) + a + b
    if len(data) <= 4096:
        os.makedirs(os.path.join(sys.argv[1], group), exist_ok=True)
        with open(os.path.join(sys.argv[1], group, name), 'wb') as f:
            f.write(data)


def group_of(path, a, groups):
    for group, forms in groups.items():
        for i, (end, at, magic) in enumerate(forms):
            if path.endswith(end) and a[at:at + len(magic)] == magic and (end or magic):
                return 'explain_' + group, i
    return None, 0


for i, (code, path, a, b) in enumerate([*causes.PAIRS, *(('other', *x) for x in OTHERS)]):
    if a is None or b is None:
        continue
    a, b = (x if isinstance(x, bytes) else x.encode() for x in (a, b))
    if len(a) > 3 and code != 'other':
        put('explain', f'{code}-{i}', next((n + 1 for n, end in enumerate(NAMES) if path.endswith(end)), 0), a, b)
    group, form = group_of(path, a, GROUPS)
    put(group or 'explain_text', f'{code}-{i}', form, a, b)
    group, form = group_of(path, a, ALONE)
    if group is not None:
        put(group, f'{code}-{i}', form, a, b)

# Measured configurations: those of fuzz_measured, in pairs.
measured = []
for name in sorted(os.listdir(here + '/corpus/measured')):
    with open(here + '/corpus/measured/' + name, 'rb') as f:
        measured.append((name, f.read()))
for (name, a), (_, b) in zip(measured, measured[1:]):
    put('explain_config', name, 0, a, b)
# Notes of ELF, in either byte order.
for big in (0, 1):
    note = [struct.pack('>III' if big else '<III', 4, 4, 3) + b'GNU\0' + v for v in (b'aaaa', b'bbbb')]
    a, b = (causes.elf([(b'.note.gnu.build-id', n, 7)], '>' if big else '<') for n in note)
    put('explain_elf', f'notes-{big}', 2 * big, a, b)
# Each way through the readers with a group of their own.
for group, form, name, a, b in seeds_readers.PAIRS:
    put('explain_' + group, name, form, a, b)
