#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: golden.py PACK ACCEPT [--bless] [--blobs DIR]

Text fixtures become images; the bytes are compared with the hash of record, with those of an
independent writer (tests/oracle), with another order of entries and other surroundings, and with
what GNU cpio, bsdtar and the runtime read. Prints TAP. --bless rewrites the hashes. --blobs names a folder with
the init and nsm.ko of nitro-cli 1.5.0 (x86_64) and adds the test of the published ramdisk.
"""
import hashlib
import os
import stat
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'oracle'))
sys.dont_write_bytecode = True
import enclave  # noqa: E402
import fixture  # noqa: E402
import nitro  # noqa: E402

EPOCH = 1700000000
KEPT = (b'security.capability', b'system.posix_acl_access', b'system.posix_acl_default')


def synthetic_kernel():
    k = bytearray(fixture.pattern(0x4000))
    k[0x1fe:0x200] = b'\x55\xaa'
    k[0x202:0x206] = b'HdrS'
    k[0x206:0x208] = struct.pack('<H', 0x20f)
    k[0x20e:0x210] = struct.pack('<H', 0x1000)
    k[0x1200:0x1240] = b'6.12.0-golden (nobody@nowhere) #1'.ljust(64, b'\0')
    return bytes(k)


INIT = b'\x7fELF not really' + fixture.pattern(9001)
DATAPLANE = b'\x7fELF either' + fixture.pattern(7001)
KEYPLANE = b'\x7fELF either' + fixture.pattern(7001)
NSM = b'\x7fELF nor this' + fixture.pattern(333)
CMDLINE = b'console=ttyS0 reboot=k'
CMD, ENV = b'/bin/app\n--listen\n', b'PATH=/bin\n'


class Tap:
    def __init__(self):
        self.n, self.bad = 0, 0

    def case(self, name, problem):
        self.n += 1
        self.bad += problem is not None
        print('%s %d - %s' % ('ok' if problem is None else 'not ok', self.n, name), flush=True)
        if problem is not None:
            print('\n'.join('# ' + x for x in problem.split('\n')), flush=True)


class Bench:
    """A folder with the inputs that are not fixtures."""

    def __init__(self, pack, top, accept=None):
        self.pack, self.accept, self.top = os.path.abspath(pack), accept, top
        self.blobs = os.path.join(top, 'blobs')
        os.mkdir(self.blobs)
        for name, data in (('bzImage', synthetic_kernel()), ('init', INIT), ('nsm.ko', NSM),
                           ('dataplane', DATAPLANE), ('keyplane', KEYPLANE), ('cmdline', b'  ' + CMDLINE + b' \n')):
            with open(os.path.join(self.blobs, name), 'wb') as f:
                f.write(data)

    def run(self, case, *more, out='a.eif', **surroundings):
        path = os.path.join(self.top, out)
        inputs = ['kernel=%s/bzImage' % self.blobs, 'init=%s/init' % self.blobs,
                  'dataplane=%s/dataplane' % self.blobs, 'keyplane=%s/keyplane' % self.blobs,
                  'cmdline=' + CMDLINE.decode(), 'blobs=' + self.blobs, 'cmd=' + CMD.decode(),
                  'env=' + ENV.decode(), 'epoch=%d' % EPOCH]
        if os.path.exists(path):
            os.unlink(path)
        p = subprocess.run([self.pack, os.path.join(HERE, case), path, *inputs, *more],
                           capture_output=True, check=False, timeout=120, **surroundings)
        data = None
        if os.path.exists(path):
            with open(path, 'rb') as f:
                data = f.read()
        return p.returncode, p.stdout.decode(), data


def sections(eif):
    """[(type, data)] by the table in the header."""
    n = struct.unpack_from('>H', eif, 26)[0]
    out = []
    for i in range(n):
        at = struct.unpack_from('>Q', eif, 28 + 8 * i)[0]
        kind, _, size = struct.unpack_from('>HHQ', eif, at)
        out.append((kind, eif[at + 12:at + 12 + size]))
    return out


def ramdisks(eif):
    return [data for kind, data in sections(eif) if kind == enclave.RAMDISK]


def metadata():
    return (b'{"ImageName":"golden","ImageVersion":"1","BuildMetadata":{"BuildTime":'
            b'"2023-11-14T22:13:20+00:00","BuildTool":"selfsame","BuildToolVersion":"1",'
            b'"OperatingSystem":"Linux","KernelVersion":"6.12.0-golden"},"DockerInfo":null,'
            b'"CustomMetadata":null}')


def entries_of(fx):
    """The oracle's entries of "rootfs" and all below it, and the config's attributes."""
    first, out, xattrs = {}, [], []
    for path, n in [(b'', fx.root)] + fx.walk():
        name = b'rootfs/' + path if path else b'rootfs'
        same = first.get(id(n))
        out.append(enclave.Entry(name, n.mode, n.body, n.uid, n.gid, n.rdev, EPOCH, same))
        if same is None:
            xattrs += [[name, k.decode(), n.xattrs[k]] for k in sorted(n.xattrs) if k in KEPT]
        first.setdefault(id(n), name)
    return out, xattrs


def oracle_selfsame(fx, **over):
    tree, xattrs = entries_of(fx)
    config = enclave.config(tree, fx.argv, env=fx.env, xattrs=xattrs, **over)
    rd1 = enclave.archive([enclave.regular('config', config, 0o400, mtime=EPOCH)] + tree)
    rd0 = enclave.runtime_ramdisk(INIT, DATAPLANE, KEYPLANE)
    return enclave.eif([(enclave.KERNEL, synthetic_kernel()),
                        (enclave.CMDLINE, enclave.command_line(rd0, CMDLINE)),
                        (enclave.METADATA, metadata()), (enclave.RAMDISK, rd0),
                        (enclave.RAMDISK, rd1)])


def oracle_nitro(fx):
    def make(kind):
        return {'dir': fixture.plain_dir(), 'file': fixture.Node(stat.S_IFREG | 0o755, 0, 0, 0),
                'link': fixture.Node(stat.S_IFLNK | 0o777, 0, 0, 0, b'/proc/mounts')}[kind]
    nitro.docker_layer(fx.paths, make)
    return enclave.eif([(enclave.KERNEL, synthetic_kernel()), (enclave.CMDLINE, CMDLINE),
                        (enclave.METADATA, metadata()),
                        (enclave.RAMDISK, nitro.bootstrap(INIT, NSM)),
                        (enclave.RAMDISK, nitro.customer(fx.walk(), CMD, ENV))])


def dump(archive):
    """One line an entry, for people who wonder what changed."""
    at, out = 0, []
    while True:
        f = [int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = archive[at + 110:at + 110 + f[11] - 1]
        at += (110 + f[11] + 3) // 4 * 4
        body = archive[at:at + f[6]]
        at += (f[6] + 3) // 4 * 4
        out.append('%r ino %d mode %o owner %d:%d nlink %d mtime %d rdev %d:%d size %d %s' % (
            name, f[0], f[1], f[2], f[3], f[4], f[5], f[9], f[10], f[6],
            hashlib.sha256(body).hexdigest()[:16]))
        if name == b'TRAILER!!!':
            return out


def differences(got, want):
    if got == want:
        return None
    if got is None:
        return 'no file was written'
    lines = []
    for (_, a), (_, b) in zip(sections(got), sections(want)):
        if a != b and a.startswith(b'070701') and b.startswith(b'070701'):
            x, y = dump(a), dump(b)
            lines += ['is  %s' % i for i in x if i not in y]
            lines += ['not %s' % i for i in y if i not in x]
        elif a != b:
            lines.append('is %r\nnot %r' % (a[:200], b[:200]))
    return '\n'.join(lines[:40]) or 'the container differs'


def listing(tool, archive, top):
    path = os.path.join(top, 'list.cpio')
    with open(path, 'wb') as f:
        f.write(archive)
    args = {'cpio': ['cpio', '-t', '--quiet', '--null'], 'bsdtar': ['bsdtar', '-tf', '-']}[tool]
    p = subprocess.run([a for a in args if a != '--null'], stdin=open(path, 'rb'),
                       capture_output=True, check=False, timeout=60,
                       env={**os.environ, 'LC_ALL': 'C'})
    return p.returncode, p.stdout, p.stderr


def check_listing(tool, archive, top):
    """Both print names with line feeds and high bytes in ways of their own: those are left out."""
    want = [eval(line.split(' ino ')[0]) for line in dump(archive)[:-1]]  # our own repr
    plain = [n.rstrip(b'/') for n in want if all(32 <= c < 127 for c in n)]
    rc, out, err = listing(tool, archive, top)
    got = [n.rstrip(b'/') for n in out.split(b'\n')]
    got = [n for n in got if n and all(32 <= c < 127 for c in n) and b'\\' not in n]
    if rc != 0 or err:
        return '%s: status %d, %r' % (tool, rc, err)
    lost = [n for n in plain if n not in got]
    return None if not lost and [n for n in got if n in plain] == plain else \
        '%s lists %r for %r' % (tool, got, plain)


def check_runtime(bench, archive, want):
    """The runtime's own reader takes it, and finds `want` entries."""
    path = os.path.join(bench.top, 'runtime.cpio')
    with open(path, 'wb') as f:
        f.write(archive)
    p = subprocess.run([bench.accept, path], capture_output=True, text=True, check=False, timeout=60)
    return None if p.returncode == 0 and p.stdout == '%d\n' % want else p.stdout


def surroundings(top):
    """Order of entries, umask, zone, locale, home, folder: none may matter."""
    other = os.path.join(top, 'x' * 60)
    os.makedirs(other, exist_ok=True)
    env = {**os.environ, 'TZ': 'Asia/Tokyo', 'LC_ALL': 'tr_TR.UTF-8', 'HOME': other,
           'SOURCE_DATE_EPOCH': '1', 'TMPDIR': other}
    return [dict(more=('shuffle=1',)), dict(more=('shuffle=77',)),
            dict(more=('shuffle=3',), env=env, cwd=other, umask=0o077)]


def golden_case(tap, bench, name, layout, more, want, bless):
    title = '%s in layout %s' % (name, layout)
    case = name + '.tree'
    more = ('layout=' + layout, *more)
    rc, text, data = bench.run(case, *more)
    if rc != 0:
        tap.case(title, 'status %d: %s' % (rc, text))
        return
    tap.case(title + ': the bytes of an independent writer', differences(data, want))
    record = os.path.join(HERE, '%s.%s.sha256' % (name, layout))
    digest = hashlib.sha256(data).hexdigest()
    if bless:
        with open(record, 'w') as f:
            f.write(digest + '\n')
        print('\n'.join('# ' + x for x in dump(ramdisks(data)[1])))
    with open(record) as f:
        tap.case(title + ': the hash of record',
                 None if f.read().strip() == digest else 'now ' + digest)
    for i, s in enumerate(surroundings(bench.top)):
        extra = s.pop('more')
        rc, text, again = bench.run(case, *more, *extra, out='b.eif', **s)
        tap.case('%s: same bytes in other surroundings (%d)' % (title, i),
                 text if rc != 0 else differences(again, data))
    for tool in ('cpio', 'bsdtar'):
        for i, archive in enumerate(ramdisks(data)):
            tap.case('%s: %s lists ramdisk %d' % (title, tool, i),
                     check_listing(tool, archive, bench.top))
    for i, archive in enumerate(ramdisks(data) if layout == 'selfsame' else []):
        entries = len(dump(archive)) - 1 - i  # the trailer and, in ramdisk 1, the config
        tap.case('%s: the runtime reads ramdisk %d' % (title, i),
                 check_runtime(bench, archive, entries))


def apt_normalised():
    """apt.tree as the table of docs/determinism.md leaves it."""
    fx = fixture.Fixture(os.path.join(HERE, 'apt.tree'))
    for path in ('.dockerenv run/.containerenv etc/hostname etc/resolv.conf etc/shadow- '
                 'etc/passwd- var/log/dpkg.log var/log/apt/history.log var/log/apt/term.log '
                 'var/log/apt/eipp.log.xz var/log/alternatives.log var/cache/apt/pkgcache.bin '
                 'var/cache/apt/srcpkgcache.bin var/cache/ldconfig/aux-cache').split():
        del fx.paths[path.encode()]
    fx.paths[b'etc/hosts'] = fixture.Node(stat.S_IFREG | 0o644, 0, 0, 0,
                                          b'127.0.0.1 localhost\n::1 localhost\n')
    fx.paths[b'etc/machine-id'].body = fx.paths[b'var/lib/dbus/machine-id'].body = b''
    shadow = fx.paths[b'etc/shadow']
    shadow.body = shadow.body.replace(b'19834', b'19675').replace(b'19837', b'19675')
    pyc = fx.paths[b'usr/lib/python3/__pycache__/a.cpython-311.pyc']
    pyc.body = pyc.body[:8] + struct.pack('<I', EPOCH) + pyc.body[12:]
    return fx


def fixtures():
    return sorted(f[:-5] for f in os.listdir(HERE) if f.endswith('.tree'))


def run_all(tap, bench, bless):
    for name in fixtures():
        if name.startswith('should-fail-'):
            with open(os.path.join(HERE, name + '.error')) as f:
                key, message = f.read().rstrip('\n').split('\n', 1)
            rc, text, data = bench.run(name + '.tree', *key.split())
            ok = rc == 1 and text == message + '\n' and data is None
            tap.case(name, None if ok else 'status %d: %s%s' % (
                rc, text, '' if data is None else ' and a file'))
            continue
        path = os.path.join(HERE, name + '.tree')
        if name == 'apt':
            golden_case(tap, bench, name, 'selfsame', ('normalise=1',),
                        oracle_selfsame(apt_normalised()), bless)
            continue
        over = dict(uid=1000, gid=1000, groups=[4, 40]) if name == 'layout1' else {}
        user = ('user=web',) if name == 'layout1' else ()
        golden_case(tap, bench, name, 'selfsame', user,
                    oracle_selfsame(fixture.Fixture(path), **over), bless)
        golden_case(tap, bench, name, 'nitro-cli', (), oracle_nitro(fixture.Fixture(path)), bless)


PUBLISHED = {  # of the x86_64 blobs of nitro-cli 1.5.0
    'init': '755e650b732777b798cb9ec243ee402bef4826f789cf01a1e453bb724207c005',
    'nsm.ko': '48904e520db2541ca4378da29d85791749408febc81987ade56cc5c556bd90df',
}
BOOTSTRAP = ('8cd1a7c92774b5351c4969f6998f07f6715dbb291ef8a7ade6c3126435a2227d'
             '72904343f41ca3df9984e1f7fa036371')


def published_case(tap, bench, blobs):
    for name, digest in PUBLISHED.items():
        with open(os.path.join(blobs, name), 'rb') as f:
            data = f.read()
        if hashlib.sha256(data).hexdigest() != digest:
            tap.case('the blobs of nitro-cli 1.5.0', '%s is another file' % name)
            return
        with open(os.path.join(bench.blobs, name), 'wb') as f:
            f.write(data)
    rc, text, data = bench.run('empty.tree', 'layout=nitro-cli')
    got = hashlib.sha384(ramdisks(data)[0]).hexdigest() if rc == 0 else text
    tap.case('with the blobs of nitro-cli 1.5.0: the published bootstrap ramdisk',
             None if got == BOOTSTRAP else got)


def main(pack, accept, args):
    tap = Tap()
    with tempfile.TemporaryDirectory() as top:
        bench = Bench(pack, top, os.path.abspath(accept))
        if '--blobs' in args:
            published_case(tap, bench, args[args.index('--blobs') + 1])
        else:
            run_all(tap, bench, '--bless' in args)
    print('1..%d' % tap.n)
    return 1 if tap.bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
