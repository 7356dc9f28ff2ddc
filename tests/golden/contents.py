#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: contents.py PACK

Normalisers that change what a file holds: two files that real tools wrote at two times become the
same bytes, and those tools read, link, unpack, import and check them as before. What is signed, or
listed with a digest, keeps its bytes and is counted. Prints TAP.
"""
import base64
import gzip
import hashlib
import io
import os
import struct
import subprocess
import sys
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
from golden import EPOCH, Bench, Tap, ramdisks  # noqa: E402

T1, T2 = 1600000000, 1731234567


def sh(*argv, cwd=None, data=None, fine=(0,)):
    p = subprocess.run(argv, cwd=cwd, input=data, capture_output=True, check=False, timeout=120)
    assert p.returncode in fine, (argv, p.returncode, p.stderr)
    return p.stdout


class Image:
    """Files by path, packed with the normalisers and unpacked again."""

    def __init__(self, bench, top):
        self.bench, self.top, self.n, self.counts, self.links = bench, top, 0, {}, []

    def build(self, files, *keys):
        lines, self.n = ['arg /x', 'layer', *self.links], self.n + 1
        folder = os.path.join(self.top, 'in%d' % self.n)
        os.mkdir(folder)
        for i, (path, data) in enumerate(files.items()):
            mtime = T1
            if isinstance(data, tuple):
                data, mtime = data
            with open(os.path.join(folder, str(i)), 'wb') as f:
                f.write(data)
            lines.append('file %s 0644 0 0 %d from %s/%d' % (path, mtime, folder, i))
        fixture = os.path.join(self.top, 'case%d.tree' % self.n)
        with open(fixture, 'w') as f:
            f.write('\n'.join(lines) + '\n')
        rc, text, eif = self.bench.run(fixture, 'layout=selfsame', 'normalise=1', *keys)
        assert rc == 0, text
        self.counts = {x.split()[0]: tuple(map(int, x.split()[1:]))
                       for x in text.splitlines() if len(x.split()) == 3}
        root = os.path.join(self.top, 'out%d' % self.n)
        os.mkdir(root)
        sh('cpio', '-idm', '--quiet', cwd=root, data=ramdisks(eif)[1])
        return os.path.join(root, 'rootfs')


def read(root, path):
    with open(os.path.join(root, path), 'rb') as f:
        return f.read()


def static_library(top, when):
    """An archive of GNU ar with dates and owners of files, by `ar U`, and an index."""
    folder = tempfile.mkdtemp(dir=top)
    for name in ('one', 'two_with_a_name_of_more_than_fifteen'):
        with open(os.path.join(folder, name + '.c'), 'w') as f:
            f.write('int %s(void) { return 20; }\n' % name)
        sh('cc', '-c', name + '.c', cwd=folder)
        os.utime(os.path.join(folder, name + '.o'), (when, when))
    sh('ar', 'rcsU', 'libx.a', 'one.o', 'two_with_a_name_of_more_than_fifteen.o', cwd=folder)
    data = bytearray(read(folder, 'libx.a'))
    struct.pack_into('12s', data, 8 + 16, b'%-12d' % when)  # of the index, which ar sets to now
    return bytes(data)


def ar_cases(tap, image, top):
    a, b = static_library(top, T1), static_library(top, T2)
    one, two = (image.build({'usr/lib/libx.a': x}) for x in (a, b))
    out = read(one, 'usr/lib/libx.a')
    tap.case('ar: two dates, one file', None if a != b and out == read(two, 'usr/lib/libx.a') else
             'they differ, or did not')
    lib = os.path.join(one, 'usr/lib')
    tap.case('ar: `ar t` lists the same', None if sh('ar', 't', 'libx.a', cwd=lib).split() == [
        b'one.o', b'two_with_a_name_of_more_than_fifteen.o'] else 'not')
    tap.case('ar: dates are 0', None if b'1970' in sh('ar', 'tvO', 'libx.a', cwd=lib) else 'not')
    with open(os.path.join(lib, 'main.c'), 'w') as f:
        f.write('int one(void); int two_with_a_name_of_more_than_fifteen(void);\n'
                'int main(void) { return one() + two_with_a_name_of_more_than_fifteen(); }\n')
    sh('cc', '-o', 'main', 'main.c', '-L.', '-lx', cwd=lib)
    status = subprocess.run([os.path.join(lib, 'main')], check=False).returncode
    tap.case('ar: it links, and the program runs', None if status == 40 else str(status))
    members = sh('ar', 'p', 'libx.a', cwd=lib)
    with open(os.path.join(lib, 'was.a'), 'wb') as f:
        f.write(a)
    tap.case('ar: the members have their bytes',
             None if members == sh('ar', 'p', 'was.a', cwd=lib) else 'not')
    bsd = b'!<arch>\n' + b'%-16s%-12d%-6d%-6d%-8o%-10d`\n' % (b'#1/20', T1, 1, 1, 0o644, 20) + bytes(20)
    for name, data, kept in (('BSD form', bsd, 1), ('cut', a[:-1], 0), ('thin', b'!<thin>\n' + a[8:], 0)):
        root = image.build({'x.a': data})
        ok = read(root, 'x.a') == data and image.counts['ar-times'] == (0, kept)
        tap.case('ar: %s keeps its bytes' % name, None if ok else str(image.counts['ar-times']))


def gzip_cases(tap, image, top):
    packed = []
    for when in (T1, T2):
        path = os.path.join(top, 'text')
        with open(path, 'wb') as f:
            f.write(b'text\n' * 999)
        os.utime(path, (when, when))
        packed.append(sh('gzip', '-cN', path))
    one, two = (image.build({'doc/x.gz': x, 'doc/y.tgz': x}) for x in packed)
    out = read(one, 'doc/x.gz')
    tap.case('gzip: two times, one file', None if packed[0] != packed[1] and
             out == read(two, 'doc/x.gz') == read(one, 'doc/y.tgz') else 'they differ, or did not')
    tap.case('gzip: it unpacks to the same, by gzip and by Python', None if
             sh('gzip', '-dc', os.path.join(one, 'doc/x.gz')) == gzip.decompress(out) == b'text\n' * 999
             else 'not')
    tap.case('gzip: its name is there', None if b'text\0' in out[:20] else 'not')
    crc = bytearray(packed[0])
    crc[3] |= 2
    for name, data, kept in (('a header with a checksum', bytes(crc), 1), ('no gzip', b'\x1f\x8b\x07' + bytes(99), 0)):
        root = image.build({'x.gz': data})
        ok = read(root, 'x.gz') == data and image.counts['gzip-times'] == (0, kept)
        tap.case('gzip: %s keeps its bytes' % name, None if ok else str(image.counts['gzip-times']))


ENTRIES = {'META-INF/MANIFEST.MF': b'Manifest-Version: 1.0\n', 'a/B.class': b'\xca\xfe' * 500,
           'empty': b'', 'c.txt': b'words ' * 99}


def zip_by_bsdtar(top, when, names=None):
    """With the extra fields of UNIX times that Info-ZIP and bsdtar write."""
    folder = tempfile.mkdtemp(dir=top)
    for name, data in (names or ENTRIES).items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(data)
        os.utime(path, (when, when))
    sh('bsdtar', '--format=zip', '-cf', '../out.zip', *(names or ENTRIES), cwd=folder)
    return read(folder, '../out.zip')


def zip_by_python(date, extra=b'', names=None, comment=b''):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, data in (names or ENTRIES).items():
            info = zipfile.ZipInfo(name, date)
            info.compress_type, info.extra = zipfile.ZIP_DEFLATED, extra
            z.writestr(info, data)
        z.comment = comment
    return out.getvalue()


def ntfs(when):
    return struct.pack('<HHIHHQQQ', 10, 32, 0, 1, 24, *[(when + 11644473600) * 10**7] * 3)


def check_zip(tap, what, root, path):
    full = os.path.join(root, path)
    with zipfile.ZipFile(full) as z:
        got = {i.filename: z.read(i) for i in z.infolist()}
        dates = {i.date_time for i in z.infolist()}
    tap.case(what + ': Python reads the same entries', None if got == ENTRIES else 'not')
    tap.case(what + ': all have the epoch', None if dates == {(2023, 11, 14, 22, 13, 20)} else str(dates))
    sh('unzip', '-tqq', full, fine=(0, 1))  # 1: it warns of the program in front
    ok = all(sh('bsdtar', '-xOf', full, n) == d for n, d in ENTRIES.items())
    tap.case(what + ': unzip and bsdtar read the same entries', None if ok else 'not')
    times = {x.split()[0] for x in sh('unzip', '-ZT', full, fine=(0, 1)).split(b'\n') if b'20231114.' in x}
    tap.case(what + ': unzip sees that time', None if times else 'not')


def zip_cases(tap, image, top):
    pairs = {
        'bsdtar': [zip_by_bsdtar(top, t) for t in (T1, T2)],
        'Python': [zip_by_python(d) for d in ((2020, 1, 2, 3, 4, 6), (2021, 2, 3, 4, 5, 8))],
        'NTFS times': [zip_by_python((2020, 1, 2, 3, 4, 6), ntfs(t)) for t in (T1, T2)],
        'a program in front, a comment behind': [b'#!/bin/sh\nexec java -jar "$0"\n' + zip_by_python(
            (y, 1, 2, 3, 4, 6), comment=b'words') for y in (2020, 2021)],
    }
    for what, (a, b) in pairs.items():
        one, two = (image.build({'srv/x.jar': x}) for x in (a, b))
        tap.case('zip of %s: two times, one file' % what, None if a != b and read(
            one, 'srv/x.jar') == read(two, 'srv/x.jar') else 'they differ, or did not')
        check_zip(tap, 'zip of ' + what, one, 'srv/x.jar')
    root = image.build({'srv/x.war': pairs['Python'][0]}, 'off=zip-times')
    tap.case('zip: switched off, the bytes stay',
             None if read(root, 'srv/x.war') == pairs['Python'][0] else 'not')
    root = image.build({'srv/x.ear': pairs['Python'][0], 'srv/x.txt': pairs['Python'][0]})
    tap.case('zip: only by name', None if image.counts['zip-times'] == (1, 0) and
             read(root, 'srv/x.txt') == pairs['Python'][0] else str(image.counts['zip-times']))


def zip_left_alone(tap, image):
    date = (2020, 1, 2, 3, 4, 6)
    plain = zip_by_python(date)
    locked = bytearray(plain)
    at = plain.index(b'PK\1\2')
    locked[6] |= 1
    locked[at + 8] |= 1
    shuffled = zip_by_python(date, names={'a': b'1', 'b': b'2'})
    first = shuffled.index(b'PK\1\2')
    middle = shuffled.index(b'PK\1\2', first + 1)
    end = shuffled.index(b'PK\5\6')
    shuffled = shuffled[:first] + shuffled[middle:end] + shuffled[first:middle] + shuffled[end:]
    inside = zip_by_python(date, names={'inner.jar': plain})
    fake = bytearray(inside)  # its directory names a header that lies in a body
    cases = (
        ('signed', zip_by_python(date, names={**ENTRIES, 'META-INF/me.sf': b'x'}), 1),
        ('encrypted', bytes(locked), 1),
        ('with .pyc files', zip_by_python(date, names={'m.pyc': b'x' * 20}), 1),
        ('in another order', shuffled, 1),
        ('cut', plain[:-1], 0),
        ('without its head', plain[3:], 0),
        ('empty', b'', 0),
        ('with another name in front of a body', bytes(fake).replace(b'inner.jar', b'outer.jar', 1), 0),
    )
    for name, data, kept in cases:
        root = image.build({'x.jar': data})
        got = image.counts['zip-times']
        tap.case('zip %s: it keeps its bytes' % name,
                 None if read(root, 'x.jar') == data and got == (0, kept) else str(got))


def zip_imports(tap, image, top):
    """Why .pyc files in a zip are left alone: Python would compile them again, or not find them."""
    import py_compile
    folder = tempfile.mkdtemp(dir=top)
    source, out = os.path.join(folder, 'm.py'), os.path.join(folder, 'm.pyc')
    with open(source, 'w') as f:
        f.write('says = 7\n')
    os.utime(source, (T1, T1))
    py_compile.compile(source, out, doraise=True)
    data = zip_by_bsdtar(top, T1, {'m.pyc': read(folder, 'm.pyc')})
    root = image.build({'srv/app.zip': data})
    got = sh(sys.executable, '-c', 'import sys; sys.path.insert(0, sys.argv[1]); import m; print(m.says)',
             os.path.join(root, 'srv/app.zip'))
    tap.case('zip with .pyc files: Python imports them', None if got == b'7\n' else repr(got))


def git_index(top, when, version=2, *how):
    """(folder, index) of a repository whose files have that time; `how`: more commands of git."""
    folder = tempfile.mkdtemp(dir=top)
    env = {'PATH': os.environ['PATH'], 'HOME': top, 'GIT_CONFIG_NOSYSTEM': '1', 'GIT_COMMITTER_DATE': '1600000000 +0000',
           'GIT_AUTHOR_DATE': '1600000000 +0000', 'GIT_AUTHOR_NAME': 'a', 'GIT_AUTHOR_EMAIL': 'a@b',
           'GIT_COMMITTER_NAME': 'a', 'GIT_COMMITTER_EMAIL': 'a@b'}

    def git(*words):
        p = subprocess.run(['git', *words], cwd=folder, env=env, capture_output=True, check=False, timeout=120)
        assert p.returncode == 0, (words, p.stderr)
        return p.stdout

    git('init', '-q', *([] if how[:1] != ('sha256',) else ['--object-format=sha256']))
    for name in ('a', 'b/c', 'b/eight_th', 'b/name_of_a_file', 'd/x', 'd/x1'):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(name)
        os.utime(path, (when, when))
    git('add', '.')
    git('commit', '-q', '-m', 'x')
    blob = git('hash-object', 'a').decode().strip()
    if 'long' in how:  # longer than the flags can say
        for last in ('p', 'pq', 'pqr'):
            git('update-index', '--add', '--cacheinfo', '100644,%s,%s' % (blob, '/'.join(['n' * 200] * 20 + ['m' * 80, last])))
    if 'extended' in how:
        git('update-index', '--skip-worktree', 'b/c')
    for word in ('--split-index', '--force-untracked-cache'):
        if word in how:
            git('update-index', word)
            git('status')
    if version != 2:
        git('update-index', '--index-version', str(version))
    return folder, read(folder, '.git/index'), git


def without_stat(data):
    """What becomes of an index, by another reader than ours; None: it stays as it is."""
    if len(data) < 32 or data[:4] != b'DIRC' or hashlib.sha1(data[:-20]).digest() != data[-20:]:
        return None
    version, n = struct.unpack('>II', data[4:12])
    out, at, text = bytearray(data[:-20]), 12, data[:-20]
    for _ in range(n):
        begin = at
        if len(text) - at < 62:
            return None
        flags = struct.unpack('>H', text[at + 60:at + 62])[0]
        out[at:at + 24] = bytes(24)
        at += 64 if version > 2 and flags & 0x4000 else 62
        while version == 4 and at < len(text) and text[at] & 0x80:
            at += 1
        end = text.find(b'\0', at + (version == 4))
        if end < 0:
            return None
        at = end + 1 if version == 4 else begin + (end - begin) // 8 * 8 + 8
        if at > len(text):
            return None
    while at < len(text):
        if len(text) - at < 8:
            return None
        at += 8 + struct.unpack('>I', text[at + 4:at + 8])[0]
        if at > len(text):
            return None
    return bytes(out) + hashlib.sha1(out).digest()


def git_cases(tap, image, top):
    for name, version, how in (('version 2', 2, ()), ('version 3', 3, ('extended',)), ('version 4', 4, ('extended', 'long')),
                               ('long names', 2, ('long',))):
        (folder, a, git), (_, b, _) = (git_index(top, t, version, *how) for t in (T1, T2))
        assert struct.unpack('>I', a[4:8])[0] == version, a[:8]
        one, two = (image.build({'srv/.git/index': x}) for x in (a, b))
        out = read(one, 'srv/.git/index')
        tap.case('git, %s: two times, one index' % name, None if a != b and image.counts['git-index'] == (1, 0) and
                 out == read(two, 'srv/.git/index') == without_stat(a) else 'they differ, or did not')
        before = git('ls-files', '--stage', '-v')
        with open(os.path.join(folder, '.git/index'), 'wb') as f:
            f.write(out)
        tap.case('git, %s: it has the same entries, and fsck finds it whole' % name, None if
                 before == git('ls-files', '--stage', '-v') and git('fsck') == b'' else 'not')
        if 'long' in how:
            continue
        with open(os.path.join(folder, 'a'), 'w') as f:
            f.write('A')  # of the same size
        os.utime(os.path.join(folder, 'a'), (T1, T1))
        tap.case('git, %s: it sees what changed, and only that' % name,
                 None if git('status', '--porcelain') == b' M a\n' else 'not')
    _, a, _ = git_index(top, T1)
    for name, data, kept in (('a split index', git_index(top, T1, 2, '--split-index')[1], 1),
                             ('an untracked cache', git_index(top, T1, 2, '--force-untracked-cache')[1], 1),
                             ('SHA-256', git_index(top, T1, 2, 'sha256')[1], 0),
                             ('a wrong checksum', a[:-1] + bytes([a[-1] ^ 1]), 0)):
        root = image.build({'.git/index': data})
        ok = read(root, '.git/index') == data and image.counts['git-index'] == (0, kept)
        tap.case('git: %s keeps its bytes' % name, None if ok else str(image.counts['git-index']))
    for version in (2, 4):  # cut anywhere, and then whole again by its checksum
        text = git_index(top, T1, version)[1][:-20]
        cuts = [text[:n] + hashlib.sha1(text[:n]).digest() for n in range(len(text))]
        root = image.build({'%d/index' % i: x for i, x in enumerate(cuts)})
        bad = [i for i, x in enumerate(cuts) if read(root, '%d/index' % i) != (without_stat(x) or x)]
        tap.case('git, version %d: an index that ends anywhere' % version, None if not bad else str(bad))


def digest(data):
    return 'sha256=' + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()


SITE = 'usr/lib/python3/site-packages/'
INFO = SITE + 'x-1.dist-info/'


def package(order, when, extra=None, drop=()):
    """The files of an installed package, with a .pyc whose digest the RECORD has."""
    source = b'says = 1\n'
    pyc = struct.pack('<HccIII', 3495, b'\r', b'\n', 0, T1, len(source)) + b'code'
    doc = gzip.compress(b'doc', mtime=when)
    files = {SITE + 'x.py': source, SITE + '__pycache__/x.cpython-311.pyc': pyc,
             SITE + 'x.gz': doc, INFO + 'METADATA': b'Metadata-Version: 2.1\nName: x\nVersion: 1\n'}
    files.update(extra or {})
    lines = ['%s,%s,%d' % (p[len(SITE):], digest(d), len(d)) for p, d in files.items()]
    lines.append('x-1.dist-info/RECORD,,')
    lines = [x for x in lines if not x.startswith(drop or '?')]
    files[INFO + 'RECORD'] = ('\n'.join(sorted(lines, reverse=order)) + '\n').encode()
    return files


def agrees(root):
    """Every digest of the RECORD is that of the file, and Python's own reader takes it."""
    for line in read(root, INFO + 'RECORD').decode().splitlines():
        path, want, size = line.split(',')
        data = read(root, SITE + path)
        if want and (want != digest(data) or int(size) != len(data)):
            return path
    names = sh(sys.executable, '-c', 'import sys, importlib.metadata as m; sys.path.insert(0, sys.argv[1]);'
               'print(*[str(f) for f in m.distribution("x").files])', os.path.join(root, SITE))
    return None if b'x.py' in names else repr(names)


def record_cases(tap, image):
    one, two = (image.build(package(order, T1)) for order in (False, True))
    tap.case('RECORD: two orders, one file',
             None if read(one, INFO + 'RECORD') == read(two, INFO + 'RECORD') else 'they differ')
    tap.case('RECORD: it agrees with the files, a changed .pyc too', agrees(one))
    tap.case('RECORD: a file that it has a digest of keeps its bytes', None if image.counts[
        'gzip-times'] == (0, 1) and read(one, SITE + 'x.gz') == package(False, T1)[SITE + 'x.gz']
        else str(image.counts['gzip-times']))
    signed = {**package(True, T1), INFO + 'RECORD.jws': b'{}'}
    root = image.build(signed)
    tap.case('RECORD: a signed one keeps its bytes', None if read(root, INFO + 'RECORD') == signed[
        INFO + 'RECORD'] and image.counts['pip-records'] == (0, 1) else str(image.counts['pip-records']))
    odd = {**package(True, T1), INFO + 'RECORD': b'"a\nb",,\nx.py,,\n'}
    root = image.build(odd)
    tap.case('RECORD: one with a line end inside quotes keeps its bytes', None if read(
        root, INFO + 'RECORD') == odd[INFO + 'RECORD'] else 'not')


def url_cases(tap, image):
    def url(text):
        return package(False, T1, {INFO + 'direct_url.json': text})
    local = b'{"url": "file:///build/one", "dir_info": {}}'
    root = image.build(url(local))
    tap.case('direct_url: it stays, unless asked', None if read(
        root, INFO + 'direct_url.json') == local else 'not')
    root = image.build(url(local), 'on=pip-urls')
    gone = not os.path.exists(os.path.join(root, INFO + 'direct_url.json'))
    tap.case('direct_url: a local one goes, and its line', None if gone and
             b'direct_url' not in read(root, INFO + 'RECORD') else 'not')
    tap.case('direct_url: the RECORD agrees with the files', agrees(root))
    for what, text in (('editable', b'{"url": "file:///b", "dir_info": {"editable": true}}'),
                       ('from a repository', b'{"url": "https://example.com/x", "vcs_info": {}}'),
                       ('no JSON', b'{"url": "file:')):
        root = image.build(url(text), 'on=pip-urls')
        tap.case('direct_url: one that is %s stays' % what, None if read(
            root, INFO + 'direct_url.json') == text else 'not')


def vouched_cases(tap, image, top):
    data = gzip.compress(b'x', mtime=T1)
    library = static_library(top, T1)
    lists = {
        'dpkg': {'var/lib/dpkg/info/x.md5sums': b'%s  usr/x.gz\n%s  usr/x.a' % (b'0' * 32, b'1' * 32)},
        'dpkg, through a link': {'var/lib/dpkg/info/x:amd64.md5sums': b'%s  lib/x.gz\n%s  lib/x.a\n' % (
            b'0' * 32, b'1' * 32)},
        'apk': {'lib/apk/db/installed': b'P:x\nF:usr\nR:x.gz\nZ:Q1aa=\nR:x.a\na:0:0:644\nZ:Q1bb=\n\n'},
    }
    for what, files in lists.items():
        folder = 'usr/'
        if 'link' in what:
            folder = 'usr/lib/'
        image.links = ['link lib 0777 0 0 0 usr/lib'] if 'link' in what else []
        root = image.build({folder + 'x.gz': data, folder + 'x.a': library, 'srv/y.gz': data,
                            'srv/y.a': library, **files})
        ok = read(root, folder + 'x.gz') == data and read(root, folder + 'x.a') == library
        counts = image.counts['gzip-times'], image.counts['ar-times']
        tap.case('what %s has a digest of keeps its bytes, other files do not' % what,
                 None if ok and counts == ((1, 1), (1, 1)) else str(counts))


def main(pack):
    tap = Tap()
    with tempfile.TemporaryDirectory() as top:
        image = Image(Bench(pack, top), top)
        ar_cases(tap, image, top)
        gzip_cases(tap, image, top)
        zip_cases(tap, image, top)
        zip_left_alone(tap, image)
        zip_imports(tap, image, top)
        git_cases(tap, image, top)
        record_cases(tap, image)
        url_cases(tap, image)
        vouched_cases(tap, image, top)
        tap.case('the epoch of the tests is the one that the dates above are',
                 None if EPOCH == 1700000000 else str(EPOCH))
    print('1..%d' % tap.n)
    return 1 if tap.bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
