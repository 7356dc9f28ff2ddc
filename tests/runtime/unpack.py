# SPDX-License-Identifier: Apache-2.0
"""usage: unpack.py RT-UNPACK SOURCE-ROOT

The enclave's unpacker as an ordinary program, on ramdisks written by tests/oracle/enclave.py: the
tree it makes is the one that bsdtar and GNU cpio make, and what breaks the form is refused with
its message (TAP). As another user than root it runs as root of a user namespace of its own, without the files
that only root can make; that is a line of its own in the output.
"""
import os
import shutil
import stat
import subprocess
import sys
import tempfile

UNPACK = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.path.join(sys.argv[2], 'tests', 'oracle'))
import enclave as E  # noqa: E402

ROOT = os.geteuid() == 0
AS_ROOT = [] if ROOT else ['unshare', '--user', '--map-root-user']
TOP = tempfile.mkdtemp(prefix='rt-unpack.')
count = failed = 0


def tap(name, problem=''):
    global count, failed
    count += 1
    print(('not ok' if problem else 'ok'), count, '-', name)
    if problem:
        failed += 1
        print('# ' + str(problem).replace('\n', '\n# '))


def unpack(data, *args, wrap=()):
    """(status, output, folder)"""
    path = os.path.join(TOP, 'archive')
    with open(path, 'wb') as f:
        f.write(data)
    out = tempfile.mkdtemp(dir=TOP)
    p = subprocess.run([*AS_ROOT, *wrap, UNPACK, path, out, *args], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=120)
    return p.returncode, p.stdout.decode('latin-1').rstrip('\n'), out


def describe(root):
    """All that an archive says of a tree: {name: (mode, owner, time, size, device, content)}"""
    inodes, found = {}, {}
    for folder, dirs, files in os.walk(os.fsencode(root)):
        for name in sorted(dirs + files):
            path = os.path.join(folder, name)
            s = os.lstat(path)
            if stat.S_ISLNK(s.st_mode):
                body = os.readlink(path)
            elif stat.S_ISREG(s.st_mode):
                with open(path, 'rb') as f:
                    body = f.read()
            else:
                body = b''
            short = os.path.relpath(path, os.fsencode(root))
            first = inodes.setdefault(s.st_ino, short) if not stat.S_ISDIR(s.st_mode) else short
            found[short] = (s.st_mode, s.st_uid, s.st_gid, int(s.st_mtime), s.st_rdev,
                            s.st_nlink if not stat.S_ISDIR(s.st_mode) else 0, first, body)
    return found


def made_by(data, *command):
    out = tempfile.mkdtemp(dir=TOP)
    subprocess.run([*AS_ROOT, *command], input=data, cwd=out, check=True, timeout=120)
    return describe(out)


def without_some_times(tree):
    """Those of folders and links, which GNU cpio does not keep."""
    return {n: (v[:3] + (0,) + v[4:] if stat.S_ISDIR(v[0]) or stat.S_ISLNK(v[0]) else v)
            for n, v in tree.items()}


def difference(a, b):
    for name in sorted(set(a) | set(b)):
        if a.get(name) != b.get(name):
            return '%r: %r is not %r' % (name, a.get(name), b.get(name))
    return ''


def same_as_others(name, entries):
    data = E.archive(entries)
    status, said, out = unpack(data)
    want = '%d %d' % (len(entries), sum(len(e.body) for e in entries if e.same is None))
    if (status, said) != (0, want):
        return tap(name, '%d: %s, not %s' % (status, said, want))
    ours = describe(out)
    theirs = made_by(data, 'bsdtar', '-xpf', '-', '--numeric-owner')
    cpio = made_by(data, 'cpio', '-idm', '--quiet', '--no-absolute-filenames')
    return tap(name, difference(ours, theirs) or
               difference(without_some_times(ours), without_some_times(cpio)))


def refused(name, data, message, *args, status=3, wrap=()):
    got = unpack(data, *args, wrap=wrap)[:2]
    tap(name, '' if got == (status, message) else '%r is not %r' % (got, (status, message)))


def plain_tree():
    long_dir = '/'.join(['d' * 200] * 4)
    parents = ['/'.join(['d' * 200] * n) for n in range(1, 5)]
    return E.canonical([
        E.directory('empty', 0o700, mtime=1),
        E.directory('a', 0o755, mtime=2), E.regular('a/b', b'1', mtime=3),
        E.regular('a-b', b'', mtime=0), E.regular('a.b', b'x' * 200001, 0o600, mtime=4294967295),
        E.directory('a/c', 0o1777, mtime=7), E.regular('a/c/setuid', b'#!', 0o4755, mtime=9),
        E.regular('a/c/setgid', b'#!', 0o2755, mtime=9), E.symlink('a/c/link', '../b', mtime=5),
        E.symlink('dangling', '/nowhere', mtime=6), E.symlink('loop', 'loop'),
        E.regular(b'not\xffutf8\n', b'odd', mtime=8),
        E.regular('one', b'shared', 0o640, mtime=10),
        E.regular('two', b'', 0o640, mtime=10, same=b'one'),
        E.regular('a/z', b'first', mtime=11), E.regular('zz', b'', mtime=11, same=b'a/z'),
        E.Entry('fifo', stat.S_IFIFO | 0o620, mtime=12),
        *[E.directory(p, mtime=13) for p in parents],
        E.regular(long_dir + '/' + 'f' * 255, b'deep', mtime=14),
        E.symlink('longlink', '/x' * 2047 + 'y'),
    ])


def rooted_tree():
    return E.canonical([
        E.directory('owned', 0o750, uid=1000, gid=1073741823),
        E.regular('owned/file', b'mine', 0o6755, uid=1073741823, gid=1000, mtime=1),
        E.symlink('owned/link', 'file', uid=7, gid=8),
        E.Entry('null', stat.S_IFCHR | 0o666, rdev=(1, 3)),
        E.Entry('null2', stat.S_IFCHR | 0o666, rdev=(1, 3), same=b'null'),
        E.Entry('disk', stat.S_IFBLK | 0o660, uid=0, gid=6, rdev=(259, 70000)),
        E.Entry('owned/fifo', stat.S_IFIFO | 0o600, uid=5, gid=5),
    ])


def raw(entry, ino=1, nlink=None, size=None, dev=(0, 0), body=None):
    """One entry with chosen header fields."""
    if nlink is None:
        nlink = 2 if stat.S_ISDIR(entry.mode) else 1
    body = entry.body if body is None else body
    fields = (ino, entry.mode, entry.uid, entry.gid, nlink, entry.mtime,
              len(body) if size is None else size, dev[0], dev[1], entry.rdev[0], entry.rdev[1],
              len(entry.name) + 1, 0)
    head = b'070701' + b''.join(b'%08x' % f for f in fields) + entry.name + b'\0'
    return head + bytes(-len(head) % 4) + body + bytes(-len(body) % 4)


def good():
    same_as_others('a tree with every kind of file is what bsdtar and GNU cpio make of it',
                   plain_tree())
    if ROOT:
        same_as_others('owners and devices are what bsdtar and GNU cpio make', rooted_tree())
    else:
        print('# owners and devices need root: left out')
    same_as_others('3000 names in one folder arrive',
                   E.canonical([E.directory('d')] + [E.regular('d/%d' % n, b'%d' % n)
                                                     for n in range(3000)]))
    deep = ['/'.join(['x'] * n) for n in range(1, 2048)]
    data = E.archive([E.directory(p) for p in deep] + [E.regular(deep[-1] + '/f', b'')])
    status, said, out = unpack(data)
    tap('2048 components, 4095 bytes, arrive', '' if (status, said) == (0, '2048 0') else said)
    subprocess.run([*AS_ROOT, 'rm', '-rf', out], check=True)
    status, said, out = unpack(b'junk' * 5 + E.archive(plain_tree()) + bytes(70000), '', '20')
    tap('an archive in the middle of a file, zeros behind it', '' if status == 0 else said)


def form():
    f = E.regular('f', b'body')
    d = E.directory('d')
    behind = "'%s': stands behind '%s': out of order, or there twice"
    refused('nothing at all', b'', 'the ramdisk ends early, at byte 0')
    refused('another format', b'x' * 200, 'header at byte 0: not a newc header: wrong magic')
    refused('a name that comes twice', E.archive([f, E.regular('f', b'other')]), behind % ('f', 'f'))
    refused('names out of order', E.archive([E.directory('b'), E.directory('a')]),
            behind % ('a', 'b'))
    refused('a-b before a/b', E.archive([d, E.regular('d-b', b''), E.regular('d/b', b'')]),
            behind % ('d/b', 'd-b'))
    refused('a folder that is missing', E.archive([E.regular('x/f', b'')]),
            "'x/f': its directory is not in the ramdisk")
    refused('a folder that is a file', E.archive([f, E.regular('f/g', b'')]),
            "'f/g': its directory is not in the ramdisk")
    refused('a folder that is a link', E.archive([E.symlink('l', '/tmp'), E.regular('l/g', b'')]),
            "'l/g': its directory is not in the ramdisk")
    refused('a way up', E.archive([E.regular('../f', b'')]),
            "'../f': a name with '.' or '..' in it")
    refused('an absolute name', E.archive([E.regular('/f', b'')]), "'/f': an absolute name")
    refused('a name with a NUL', E.archive([E.regular(b'f\0g', b'')]),
            'header at byte 0: a name with a NUL inside')
    refused('a socket', E.archive([E.Entry('s', stat.S_IFSOCK | 0o600)]),
            "'s': mode 0140600 is of no known type")
    refused('an id over 2^30', E.archive([E.regular('f', b'', uid=1 << 30)]),
            "'f': is owned by 1073741824:0; ids end at 1073741823")
    refused('a device that Linux cannot name',
            E.archive([E.Entry('n', stat.S_IFCHR | 0o600, rdev=(4096, 0))]),
            "'n': device 4096:0; 4095:1048575 is the last that Linux has")
    refused('a link target with a NUL', E.archive([E.Entry('l', stat.S_IFLNK | 0o777, b'a\0b')]),
            "'l': a link target with a NUL inside")
    refused('outside of the top', E.archive([d]), "'d' stands outside 'rootfs'", 'rootfs')
    refused('beside the top', E.archive([E.directory('rootfs'), E.directory('rootfs2')]),
            "'rootfs2' stands outside 'rootfs'", 'rootfs')


def bytes_between():
    f = E.regular('f', b'body!')
    whole = E.archive([f])
    refused('another archive behind it', whole + whole,
            'bytes follow the archive\'s end, at byte %d' % len(whole))
    refused('one byte behind zeros', whole + bytes(100000) + b'\1',
            "bytes follow the archive's end, at byte %d" % (len(whole) + 100000))
    at = whole.index(b'body!') + 5
    refused('bytes hidden in the padding', whole[:at] + b'x' + whole[at + 1:],
            "'f': padding that is not zero, at byte %d" % at)
    refused('no trailer', raw(f), 'the ramdisk ends early, at byte %d' % len(raw(f)))
    refused('a trailer with a body', raw(E.regular('TRAILER!!!', b'x'), ino=0),
            'the trailer carries values')


def inodes():
    f, g = E.regular('f', b'body'), E.regular('g', b'body')
    refused('an inode number that is skipped', raw(f, 2) + E.TRAILER, "'f': has inode 2, not 1")
    refused('an inode number of nobody', raw(f, 0) + E.TRAILER, "'f': has inode 0, not 1")
    refused('no link count', raw(f, nlink=0) + E.TRAILER, "'f': has 0 links")
    refused('a folder with three links', raw(E.directory('d'), nlink=3) + E.TRAILER,
            "'d': has 3 links")
    refused('a device number of the file system', raw(f, dev=(8, 1)) + E.TRAILER,
            "'f': is of device 8:1, not 0:0")
    refused('a hard link with a body', raw(f, 1, 2) + raw(g, 1, 2) + E.TRAILER,
            "'g': repeats inode 1, but is no hard link")
    refused('a name that never came', raw(f, 1, 2) + E.TRAILER,
            '1 names of hard links are missing')
    refused('one name too many', raw(f, 1, 2) + raw(g, 1, 2, body=b'') +
            raw(E.regular('h', b''), 1, 2) + E.TRAILER,
            "'h': one name more of inode 1 than announced")
    refused('a hard link of another mode', raw(f, 1, 2) +
            raw(E.regular('g', b'', 0o600), 1, 2) + E.TRAILER,
            "'g': differs from 'f', the same inode")
    refused('a hard link to a folder', raw(E.directory('d')) +
            raw(E.directory('e'), 1) + E.TRAILER, "'e': repeats inode 1, but is no hard link")
    refused('a hard link of a file with one name', raw(f, 1, 1) +
            raw(E.regular('g', b''), 1, 2) + E.TRAILER,
            "'g': one name more of inode 1 than announced")


def system():
    big = E.archive([E.regular('f', bytes(3 << 20))])
    small = 'mount -t tmpfs -o size=1m none "$2" && exec "$0" "$@"'
    wrap = ['unshare', '--mount', 'sh', '-c', small]
    refused('a full disk is noticed', big, "'f': cannot write: No space left on device",
            status=4, wrap=wrap)
    few = 'mount -t tmpfs -o nr_inodes=5 none "$2" && exec "$0" "$@"'
    refused('too few inodes are noticed', E.archive([E.regular('%d' % n, b'') for n in range(9)]),
            "'4': cannot make the file: No space left on device", status=4,
            wrap=['unshare', '--mount', 'sh', '-c', few])


try:
    for part in (good, form, bytes_between, inodes, system):
        part()
    print('1..%d' % count)
finally:
    subprocess.run([*AS_ROOT, 'rm', '-rf', TOP], check=False)
sys.exit(failed > 0)
