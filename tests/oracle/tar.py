#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tar.py TAR_LIST

Archives in every format that GNU tar, bsdtar and Python's tarfile write, of a tree with everything
awkward in it; our reader's listing must be the one that tarfile gives, contents and all. Prints TAP.
"""
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

LIST = sys.argv[1]
failed = count = 0


def check(name, ok, why=''):
    global failed, count
    count += 1
    failed += not ok
    print(f'{"ok" if ok else "not ok"} {count} - {name}')
    for line in why.splitlines()[:12] if not ok else []:
        print('#', line)


def raw(text):
    return os.fsencode(text)


def ours(path):
    r = subprocess.run([LIST, path], capture_output=True, timeout=120)
    return r.returncode, r.stdout.decode().splitlines(), r.stderr.decode().strip()


def theirs(path):
    """The same lines, made from what tarfile says."""
    out = []
    with tarfile.open(path, 'r:', encoding='utf-8', errors='surrogateescape') as t:
        for m in t:
            kind = {tarfile.LNKTYPE: 'h', tarfile.SYMTYPE: 'l', tarfile.CHRTYPE: 'c', tarfile.BLKTYPE: 'b',
                    tarfile.DIRTYPE: 'd', tarfile.FIFOTYPE: 'p'}.get(m.type, '-')
            body = t.extractfile(m).read() if kind == '-' else b''
            dev = (m.devmajor, m.devminor) if kind in 'cb' else (0, 0)
            line = (f'{kind} mode={m.mode & 0o7777:o} uid={m.uid} gid={m.gid} size={len(body)} '
                    f'mtime={int(m.mtime // 1)} dev={dev[0]},{dev[1]} path={raw(m.name).hex()} '
                    f'link={raw(m.linkname).hex() if kind in "hl" else ""} '
                    f'sha256={hashlib.sha256(body).hexdigest()}')
            for k, v in m.pax_headers.items():
                if k.startswith('SCHILY.xattr.'):
                    line += f' xattr={raw(k[13:]).hex()} value={raw(v).hex()}'
            out.append(line)
    return out


def normal(line):
    """tarfile drops the slash after a directory's name, and '\\0' has no link."""
    fields = line.split(' ')
    for i, f in enumerate(fields):
        if f.startswith('path=') and fields[0] == 'd':
            while f.endswith('2f') and f != 'path=2f':
                f = f[:-2]
            fields[i] = f
    return ' '.join(fields)


def compare(name, path):
    rc, got, err = ours(path)
    if rc != 0:
        check(name, False, err)
        return
    want = [normal(x) for x in theirs(path)]
    got = [normal(x) for x in got]
    diff = [f'ours   {a}\ntheirs {b}' for a, b in zip(got, want) if a != b]
    check(name, got == want and len(got) > 0, '\n'.join(diff) or f'{len(got)} entries, not {len(want)}')


def make_tree(top):
    os.makedirs(f'{top}/d/sub')
    os.chmod(f'{top}/d', 0o1777)
    for name, body in [('empty', b''), ('one', b'x'), ('block', b'y' * 512), ('more', b'z' * 513), ('big', os.urandom(300000)),
                       ('n' * 100, b'100'), ('n' * 101, b'101'), ('d/sub/' + 'm' * 150, b'150'), ('d/' + 'k' * 255, b'255'),
                       ('caf\u00e9', b'utf-8'), ('not-\udcff\udcfe-utf8', b'bytes'), ('a\nnewline', b'nl'), ('sp ace', b'sp')]:
        with open(f'{top}/{name}', 'wb') as f:
            f.write(body)
    deep = f'{top}/' + '/'.join(c * 60 for c in 'abcdef')
    os.makedirs(deep)
    open(f'{deep}/leaf', 'w').close()
    os.symlink('one', f'{top}/link')
    os.symlink('/' + 't' * 99, f'{top}/link100')
    os.symlink('../' * 60 + 'etc/passwd', f'{top}/link-long')
    os.link(f'{top}/one', f'{top}/one-hard')
    os.link(f'{top}/d/' + 'k' * 255, f'{top}/hard-to-long')
    os.mkfifo(f'{top}/fifo')
    os.chmod(f'{top}/one', 0o4755)
    os.utime(f'{top}/one', (1, 1))
    os.utime(f'{top}/empty', ns=(0, 1234567890_987654321))
    try:
        os.setxattr(f'{top}/one', 'user.test', b'v\x00\xff')
        os.setxattr(f'{top}/big', 'user.a', b'1')
        os.setxattr(f'{top}/big', 'user.b', b'')
    except OSError:
        pass
    if os.geteuid() == 0:
        os.mknod(f'{top}/chr', 0o20600, os.makedev(5, 300))
        os.mknod(f'{top}/blk', 0o60640, os.makedev(259, 70000))
        os.chown(f'{top}/more', 3000000, 4000000000)
    for name, holes in [('sparse1', [(0, b'start'), (1 << 20, b'end')]), ('sparse2', [(1 << 16, b'M' * 70000)]),
                        ('sparse3', [(i << 16, b'%d' % i) for i in range(60)]), ('all-hole', [])]:
        with open(f'{top}/{name}', 'wb') as f:
            for at, data in holes:
                f.seek(at)
                f.write(data)
            f.truncate(4 << 20)


def run(*argv):
    return subprocess.run(argv, capture_output=True, timeout=120)


def written_by_tools(work):
    top = f'{work}/tree'
    make_tree(top)
    n = 0
    jobs = [('gnu', ['tar', '--format=gnu']), ('oldgnu', ['tar', '--format=oldgnu']), ('pax', ['tar', '--format=pax']),
            ('ustar', ['tar', '--format=ustar']), ('v7', ['tar', '--format=v7']), ('gnu sparse', ['tar', '--format=gnu', '-S']),
            ('pax xattrs', ['tar', '--format=pax', '--xattrs', '--xattrs-include=*'])]
    jobs += [(f'pax sparse {v}', ['tar', '--format=pax', '-S', f'--sparse-version={v}']) for v in ('0.0', '0.1', '1.0')]
    jobs += [(f'bsdtar {f}', ['bsdtar', f'--format={f}']) for f in ('pax', 'ustar', 'gnutar', 'v7', 'paxr')]
    for name, argv in jobs:
        path = f'{work}/{name}.tar'
        r = run(*argv, '-cf', path, '-C', top, '.')
        # v7 and ustar cannot hold all of it: they say so, and archive the rest.
        if not os.path.exists(path):
            check(name, False, r.stderr.decode())
            continue
        if 'bsdtar pax' in name:
            # bsdtar marks names that are not UTF-8; tarfile cannot read those two names.
            run('bsdtar', '--format=pax', '-cf', path, '--exclude', '*not-*', '-C', top, '.')
        compare(f'written by {name}', path)
        n += 1
    return n


def written_by_python(work):
    for fmt, name in ((tarfile.USTAR_FORMAT, 'ustar'), (tarfile.GNU_FORMAT, 'gnu'), (tarfile.PAX_FORMAT, 'pax')):
        path = f'{work}/py-{name}.tar'
        with tarfile.open(path, 'w', format=fmt) as t:
            for uid in (0, 0o7777777, 0o10000000 if name != 'ustar' else 1, 4294967295 if name != 'ustar' else 2):
                m = tarfile.TarInfo(f'owner-{uid}')
                m.uid = m.gid = uid
                t.addfile(m)
            for mtime in (0, 1, 0o77777777777, *((-1, -62135596800, 1 << 33) if name != 'ustar' else ())):
                m = tarfile.TarInfo(f'time-{mtime}')
                m.mtime = mtime
                t.addfile(m)
            if name == 'pax':
                for text in ('-1.5', '1.999999999', '-0.25', '7.'):
                    m = tarfile.TarInfo(f'time{text}')
                    m.pax_headers = {'mtime': text}
                    t.addfile(m)
                m = tarfile.TarInfo('x')
                m.pax_headers = {'SCHILY.xattr.security.capability': '\x01\x00\x00\x02', 'SCHILY.xattr.user.\u00e9': '\u00fc',
                                 'comment': 'c', 'LIBARCHIVE.xattr.user.a': 'YQ', 'atime': '5', 'ctime': '6'}
                t.addfile(m)
            m = tarfile.TarInfo('body')
            m.size = 1000
            t.addfile(m, io.BytesIO(b'b' * 1000))
        compare(f'written by tarfile as {name}', path)


def large_sizes(work):
    """A body of 9 GiB, as a hole in the archive: base 256 and pax sizes past 33 bits."""
    for fmt, name in ((tarfile.GNU_FORMAT, 'gnu'), (tarfile.PAX_FORMAT, 'pax')):
        path = f'{work}/large.tar'
        m = tarfile.TarInfo('large')
        m.size = 9 << 30
        head = m.tobuf(fmt)
        with open(path, 'wb') as f:
            f.write(head)
            f.seek(m.size, 1)
            f.write(tarfile.TarInfo('after').tobuf(fmt))
            f.write(bytes(1024))
        # The hash of 9 GiB takes its time; here only that both are found.
        with tarfile.open(path, 'r:') as t:
            want = [(x.name, x.size) for x in t]
        r = subprocess.run([LIST, '--headers', path], capture_output=True, timeout=120)
        got = [(bytes.fromhex(x.split('path=')[1].split(' ')[0]).decode(), int(x.split('size=')[1].split(' ')[0]))
               for x in r.stdout.decode().splitlines()]
        check(f'9 GiB in {name}', got == want and len(got) == 2, f'{got} {r.stderr}')
        os.unlink(path)


def refused_by_both(work):
    """Every byte of a small archive's headers, changed: we never take more than tarfile and bsdtar do."""
    path = f'{work}/flip.tar'
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode='w', format=tarfile.PAX_FORMAT) as t:
        m = tarfile.TarInfo('p' * 120)
        m.size = 3
        t.addfile(m, io.BytesIO(b'abc'))
    good = buf.getvalue()
    wrong = []
    for at in range(0, 512 * 4, 7):
        bad = bytearray(good)
        bad[at] ^= 0x15
        with open(path, 'wb') as f:
            f.write(bad)
        rc, got, _ = ours(path)
        ref = run('bsdtar', '-tf', path)
        if rc == 0 and ref.returncode != 0:
            wrong.append(f'byte {at}: we take it, bsdtar says {ref.stderr.decode().strip()}')
    check('what bsdtar refuses, we refuse', not wrong, '\n'.join(wrong))


def main():
    work = tempfile.mkdtemp(prefix='selfsame-tar-')
    try:
        written_by_tools(work)
        written_by_python(work)
        large_sizes(work)
        refused_by_both(work)
    finally:
        shutil.rmtree(work)
    print(f'1..{count}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
