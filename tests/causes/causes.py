#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: causes.py SELFSAME

For each cause a minimal pair of root file systems, made here, that differ for this reason alone:
`selfsame diff` must name exactly that code. Where the mend is a normaliser or the layout, `selfsame
build` of both must then give the same file (MENDED, ASKED); edits are in mends.py. Prints TAP. A last case holds that no code of
docs/causes.md is without a pair, but for those in ELSEWHERE, which name the test that has them.
"""
import bz2
import gzip
import io
import json
import lzma
import os
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib

ELSEWHERE = {
    'unknown': 'tests/cli/diff.t', 'id.owner': 'tests/cli/diff.t',
    'time.metadata': 'tests/cli/diff.t', 'input.metadata': 'tests/cli/diff.t',
    'input.header': 'tests/cli/diff.t', 'input.part': 'tests/cli/diff.t', 'input.cmdline': 'tests/cli/diff.t',
    'rand.signature': 'tests/cli/diff.t', 'form.inode-numbers': 'tests/cli/diff.t',
    'form.padding': 'tests/cli/diff.t', 'form.section-order': 'tests/cli/diff.t', 'input.config': 'tests/cli/diff.t',
}
T1, T2 = 1700000000, 1731234567


def gz(data, mtime=0, level=9):
    out = io.BytesIO()
    with gzip.GzipFile(filename='', mode='wb', fileobj=out, mtime=mtime, compresslevel=level) as f:
        f.write(data)
    return out.getvalue()


def tar(members, mtime=0):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.USTAR_FORMAT) as t:
        for name, data in members:
            i = tarfile.TarInfo(name)
            i.size, i.mtime = len(data), mtime
            t.addfile(i, io.BytesIO(data))
    return out.getvalue()


def zipped(members, date=(2020, 1, 1, 0, 0, 0)):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name, date), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def ar(members, date=0):
    out = b'!<arch>\n'
    for name, data in members:
        out += b'%-16s%-12d%-6d%-6d%-8o%-10d`\n' % (name + b'/', date, 0, 0, 0o100644, len(data))
        out += data + b'\n' * (len(data) % 2)
    return out


def pyc(mtime, code=b'code', flags=0):
    return struct.pack('<HccIII', 3495, b'\r', b'\n', flags, mtime, 10) + code


def elf(sections, order='<'):
    """A 64-bit object of either byte order with these sections, (name, bytes, type, link)."""
    names, body, heads, at = b'\0', b'', [bytes(64)], 64
    for name, data, kind, link in [(*s, 1, 0)[:4] for s in sections + [(b'.shstrtab', None)]]:
        where = len(names)
        names += name + b'\0'
        data = names if data is None else data
        heads.append(struct.pack(order + 'IIQQQQIIQQ', where, kind, 0, 0, at, len(data), link, 0, 1, 0))
        body += data
        at += len(data)
    head = b'\177ELF\2' + (b'\1' if order == '<' else b'\2') + b'\1' + bytes(9) + struct.pack(order + 'HHIQQQIHHHHHH', 1, 62, 1, 0, 0, at, 0, 64,
                                                     0, 0, 64, len(heads), len(heads) - 1)
    return head + body + b''.join(heads)


def note(build_id, order='<'):
    return struct.pack(order + 'III', 4, len(build_id), 3) + b'GNU\0' + build_id


def elf_source(name, order='<'):
    """One whose table of symbols names a source file."""
    return elf([(b'.symtab', bytes(24) + struct.pack(order + 'IBBHQQ', 1, 4, 0, 0xfff1, 0, 0), 2, 2),
                (b'.strtab', b'\0' + name + b'\0', 3)], order)


def png(text):
    out = b'\211PNG\r\n\032\n'
    for kind, data in ((b'IHDR', bytes(13)), (b'tEXt', b'date:create\0' + text), (b'IEND', b'')):
        out += struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    return out


def pdf(when, one):
    return (b'%%PDF-1.7\n1 0 obj\n<</CreationDate(D:%s)/Producer(x 1.2)>>\nendobj\ntrailer\n'
            b'<</ID [<%s><%s>]/Root 1 0 R>>\n%%%%EOF\n' % (when, one, one))


def bzimage(version, payload=b''):
    head = bytearray(0x1000)
    head[0x1f1] = 7
    head[0x202:0x206] = b'HdrS'
    struct.pack_into('<H', head, 0x20e, 0x300)
    struct.pack_into('<II', head, 0x248, 0, len(payload))
    head[0x500:0x500 + len(version)] = version
    return bytes(head) + payload


def kernel_with(config):
    return bzimage(b'6.12.1 same', gz(b'text' + b'IKCFG_ST' + gz(config) + b'IKCFG_ED'))


def sqlite(changes):
    d = bytearray(b'SQLite format 3\0' + bytes(84))
    struct.pack_into('>I', d, 24, changes)
    return bytes(d)


def sqlite_page(text):
    return sqlite(1) + text.ljust(412, b'\0')


STATUS = 'Package: %s\nStatus: install ok installed\nVersion: %s\n\n'
KEY = '-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n'

# code, path, first content, second content; None = the file is not there.
PAIRS = [
    ('time.pyc-header', 'usr/lib/python3/__pycache__/os.cpython-311.pyc', pyc(T1), pyc(T2)),
    ('time.archive-member', 'srv/a.tar', tar([('x', b'1')], T1), tar([('x', b'1')], T2)),
    ('time.archive-member', 'usr/lib/liba.a', ar([(b'x.o', b'1')], T1), ar([(b'x.o', b'1')], T2)),
    ('time.archive-member', 'srv/a.jar', zipped([('x', b'1')]),
     zipped([('x', b'1')], (2021, 2, 3, 4, 6, 8))),
    ('time.archive-member', 'srv/a.tar.gz', gz(tar([('x', b'1')], T1)), gz(tar([('x', b'1')], T2))),
    ('time.gzip-header', 'usr/share/doc/x.gz', gz(b'x', T1), gz(b'x', T2)),
    ('time.text', 'etc/build-info', 'built 2024-01-02 03:04:05\n', 'built 2025-06-07 08:09:10\n'),
    ('time.text', 'etc/stamp', 'at 1700000000\n', 'at 1731234567\n'),
    ('time.text', 'etc/rfc', 'Mon, 02 Jan 2024\n', 'Sat, 07 Jun 2025\n'),
    ('time.text', 'srv/data.bin', b'\0\1' * 20 + struct.pack('<Q', T1) + b'\0\1' * 20,
     b'\0\1' * 20 + struct.pack('<Q', T2) + b'\0\1' * 20),
    ('time.text', 'srv/data.json', '{"a": {"at": "2024-01-02T03:04:05Z"}}',
     '{"a": {"at": "2025-01-02T03:04:05Z"}}'),
    ('time.text', 'srv/a.pdf', pdf(b'20240102030405Z', b'aa' * 16), pdf(b'20250102030405Z', b'aa' * 16)),
    ('time.text', 'srv/a.png', png(b'2024-01-02T03:04:05+00:00'), png(b'2025-01-02T03:04:05+00:00')),
    ('time.text', 'srv/a.xz', lzma.compress(b'made 2024-01-02\n'), lzma.compress(b'made 2025-01-02\n')),
    ('time.shadow-day', 'etc/shadow', 'a:*:19000:0:99999:7:::\n', 'a:*:19001:0:99999:7:::\n'),
    ('time.package-log', 'var/log/dpkg.log', '2024-01-02 03:04:05 startup\n',
     '2025-01-02 03:04:05 startup\n'),
    ('time.package-log', 'var/log/apt/term.log', None, 'Log started\n'),
    ('time.compiled-in', 'usr/bin/x', elf([(b'.rodata', b'\0built Jan  2 2024\0')]),
     elf([(b'.rodata', b'\0built Jun  7 2025\0')])),
    ('time.compiled-in', 'usr/bin/v', elf([(b'.rodata', b'\0built Nov 14 2023\0')]),
     elf([(b'.rodata', b'\0built Nov 10 2024\0')])),
    ('time.compiled-in', 'usr/bin/u', elf([(b'.rodata', b'\0built Nov 14 2023\0')]),
     elf([(b'.rodata', b'\0built Dec 14 2023\0')])),
    ('time.kernel-build', 'boot/vmlinuz', bzimage(b'6.12.1 (u@h) #1 SMP Mon Jan 2 03:04:05 2024'),
     bzimage(b'6.12.1 (u@h) #1 SMP Mon Jan 2 03:04:06 2024')),
    ('time.java-keystore', 'etc/ssl/certs/java/cacerts', b'\xfe\xed\xfe\xed1', b'\xfe\xed\xfe\xed2'),
    ('time.npm-log', 'root/.npm/_logs/2024-01-02-debug-0.log', 'x', None),
    ('time.stamp-file', 'etc/.updated', 'a\n', 'b\n'),
    ('order.readdir', 'srv/b.tar', tar([('x', b'1'), ('y', b'2')]), tar([('y', b'2'), ('x', b'1')])),
    ('order.readdir', 'usr/lib/libb.a', ar([(b'x.o', b'1'), (b'y.o', b'2')]),
     ar([(b'y.o', b'2'), (b'x.o', b'1')])),
    ('order.lines', 'usr/share/list', 'a\nb\nc\n', 'c\na\nb\n'),
    ('order.lines', 'etc/passwd', 'a:x:1:1::/:/bin/sh\nb:x:2:2::/:/bin/sh\n',
     'b:x:2:2::/:/bin/sh\na:x:1:1::/:/bin/sh\n'),
    ('order.packages', 'var/lib/dpkg/status', STATUS % ('a', 1) + STATUS % ('b', 2),
     STATUS % ('b', 2) + STATUS % ('a', 1)),
    ('id.machine-id', 'etc/machine-id', 'a' * 32 + '\n', 'b' * 32 + '\n'),
    ('id.host-name', 'etc/hostname', 'one\n', 'two\n'),
    ('id.host-name', 'boot/vmlinuz', bzimage(b'6.12.1 (u@one) #1'), bzimage(b'6.12.1 (u@two) #1')),
    ('id.account', 'etc/passwd', 'a:x:100:100::/:/bin/sh\n', 'a:x:101:100::/:/bin/sh\n'),
    ('id.account', 'etc/group', 'a:x:100:\n', 'a:x:100:\nb:x:101:\n'),
    ('rand.hash-seed', 'usr/share/set', "{'one', 'two', 'three'}\n", "{'three', 'one', 'two'}\n"),
    ('rand.hash-seed', 'usr/share/set.json', '["one", "two"]', '["two", "one"]'),
    ('rand.hash-seed', 'usr/share/map.json', '{"a": 1, "b": 2}', '{"b": 2, "a": 1}'),
    ('rand.hash-seed', 'usr/lib/m.pyc', pyc(1, b'abc-set-xyz'), pyc(1, b'xyz-set-abc')),
    ('rand.token', 'etc/id', 'id=' + 'a1' * 16 + '\n', 'id=' + 'b2' * 16 + '\n'),
    ('rand.token', 'srv/b.pdf', pdf(b'20240102030405Z', b'a1' * 16), pdf(b'20240102030405Z', b'b2' * 16)),
    ('rand.uuid', 'etc/uuid', '01234567-89ab-cdef-0123-456789abcdef\n',
     'fedcba98-7654-3210-fedc-ba9876543210\n'),
    ('rand.salt', 'etc/shadow', 'a:$6$salt$one:19000:0:::::\n', 'a:$6$tlas$two:19000:0:::::\n'),
    ('rand.private-key', 'etc/ssh/ssh_host_rsa_key', KEY % 'AAA', KEY % 'BBB'),
    ('rand.private-key', 'srv/tls.pem', KEY % 'AAA', KEY % 'BBB'),
    ('rand.temp-name', 'etc/where', 'in /tmp/tmp.aBcDeF\n', 'in /tmp/tmp.GhIjKl\n'),
    ('rand.temp-name', 'usr/lib/s.o', elf_source(b'/tmp/ccAbCdEf.s'), elf_source(b'/tmp/ccGhIjKl.s')),
    ('time.compiled-in', 'usr/bin/big', elf([(b'.rodata', b'\0built Nov 14 2023\0')], '>'),
     elf([(b'.rodata', b'\0built Dec 14 2023\0')], '>')),
    ('time.text', 'srv/a.txt.bz2', bz2.compress(b'built 2024-01-02 03:04:05\n'),
     bz2.compress(b'built 2025-06-07 08:09:10\n')),
    ('rand.lto-section', 'usr/lib/t.o', elf([(b'.gnu.lto_main.1111', b'x')]),
     elf([(b'.gnu.lto_main.2222', b'x')])),
    ('order.lines', 'etc/x.conf', '[a]\nk = 1\n[b]\nl = 2\n', '[b]\nl = 2\n[a]\nk = 1\n'),
    ('time.text', 'etc/y.conf', '[a]\nk = 2024-01-02 03:04\nl = 1\n', '[a]\nl = 1\nk = 2025-06-07 08:09\n'),
    ('tool.build-id', 'usr/bin/n', elf([(b'.note.gnu.build-id', note(b'1' * 20, '>'), 7)], '>'),
     elf([(b'.note.gnu.build-id', note(b'2' * 20, '>'), 7)], '>')),
    ('rand.composer-suffix', 'srv/vendor/composer/autoload_real.php', 'Init1\n', 'Init2\n'),
    ('cache.ldconfig-aux', 'var/cache/ldconfig/aux-cache', b'\0\1', b'\0\2'),
    ('cache.apt', 'var/cache/apt/pkgcache.bin', b'\0\1', b'\0\2'),
    ('cache.apt-lists', 'var/lib/apt/lists/deb_InRelease', 'a', 'b'),
    ('cache.dpkg-old', 'var/lib/dpkg/status-old', 'a', 'b'),
    ('cache.fontconfig', 'var/cache/fontconfig/x-le64.cache-7', b'\0\1', b'\0\2'),
    ('cache.man-db', 'var/cache/man/index.db', b'\0\1', b'\0\2'),
    ('cache.python-bytecode', 'usr/lib/python3/__pycache__/a.pyc', pyc(1), None),
    ('cache.pip', 'root/.cache/pip/http/a', 'a', 'b'),
    ('cache.npm', 'root/.npm/_cacache/a', 'a', 'b'),
    ('cache.go-build', 'root/.cache/go-build/00/a', 'a', 'b'),
    ('cache.cargo', 'usr/local/cargo/registry/a', 'a', 'b'),
    ('cache.maven', 'root/.m2/repository/a', 'a', 'b'),
    ('cache.java-cds', 'usr/lib/jvm/j/lib/server/classes.jsa', b'\0\1', b'\0\2'),
    ('cache.apk', 'lib/apk/db/scripts.tar', tar([('x', b'1')], T1), tar([('x', b'1')], T2)),
    ('cache.rpm', 'var/lib/rpm/rpmdb.sqlite', b'\0\1', b'\0\2'),
    ('cache.systemd', 'var/lib/systemd/random-seed', b'\0\1', b'\0\2'),
    ('cache.home', 'root/.wget-hsts', 'a', 'b'),
    ('left.tmp', 'tmp/x', None, 'a'),
    ('left.engine', '.dockerenv', None, ''),
    ('left.account-backup', 'etc/passwd-', 'a', 'b'),
    ('left.login-records', 'var/log/lastlog', b'\0\1', b'\0\2'),
    ('left.git', 'srv/.git/index', b'\0\1', b'\0\2'),
    ('left.kernel-list', 'etc/apt/apt.conf.d/01autoremove-kernels', 'a', 'b'),
    ('path.build-dir', 'etc/config', 'prefix=/build/one/out\n', 'prefix=/home/me/two/out\n'),
    ('path.build-dir', 'etc/alike', 'prefix=/home/a1b2c3/build/one/out\n', 'prefix=/home/a1b2c3/build/two/out\n'),
    ('path.build-dir', 'etc/deep', 'prefix=/tmp/ci/one/out\n', 'prefix=/tmp/ci/two/out\n'),
    ('path.build-dir', 'usr/bin/y', elf([(b'.debug_str', b'\0/build/one/src\0')]),
     elf([(b'.debug_str', b'\0/build/two/src\0')])),
    ('path.direct-url', 'usr/lib/x.dist-info/direct_url.json', '{"url": "file:///a"}', '{"url": "file:///b"}'),
    ('env.locale', 'etc/default/locale', 'LANG=de_DE.UTF-8\n', 'LANG=en_US.UTF-8\n'),
    ('env.timezone', 'etc/timezone', 'Europe/Berlin\n', 'Etc/UTC\n'),
    ('env.machine', 'usr/share/meminfo', 'MemTotal:  8000 kB\n', 'MemTotal:  9000 kB\n'),
    ('net.package-version', 'var/lib/dpkg/status', STATUS % ('a', '1.0-1'), STATUS % ('a', '1.0-2')),
    ('net.package-version', 'usr/share/version', 'tool 1.2.3\n', 'tool 1.2.4\n'),
    ('net.package-version', 'lib/apk/db/installed', 'P:a\nV:1\n\n', 'P:a\nV:2\n\n'),
    ('tool.compiler-version', 'usr/bin/z', elf([(b'.comment', b'GCC: (Debian 12.2.0-14) 12.2.0\0')]),
     elf([(b'.comment', b'GCC: (Debian 12.2.0-13) 12.2.0\0')])),
    ('tool.compressor', 'srv/c.gz', gz(b'x' * 999, 0, 9), gz(b'x' * 999, 0, 1)),
    ('tool.compressor', 'srv/c.xz', lzma.compress(b'x' * 999, preset=9), lzma.compress(b'x' * 999, preset=0)),
    ('tool.build-id', 'usr/bin/w', elf([(b'.note.gnu.build-id', b'1' * 20)]),
     elf([(b'.note.gnu.build-id', b'2' * 20)])),
    ('tool.kernel-config', 'boot/vmlinuz', kernel_with(b'CONFIG_A=y\n'), kernel_with(b'CONFIG_A=n\n')),
    ('tool.sqlite', 'srv/db', sqlite(1), sqlite(2)),
    ('form.database', 'srv/db', sqlite_page(b'one'), sqlite_page(b'two')),
]


def write(root, path, data):
    if data is None:
        return
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def mode_pair(a, b):
    for root, mode in ((a, 0o644), (b, 0o664)):
        write(root, 'srv/x', 'x')
        os.chmod(os.path.join(root, 'srv/x'), mode)


def time_pair(a, b):
    for root in (a, b):
        write(root, 'srv/x', 'x')
    os.utime(os.path.join(b, 'srv/x'), (T2, T2))


def link_pair(a, b):
    for root in (a, b):
        write(root, 'srv/x', 'x')
    os.link(os.path.join(a, 'srv/x'), os.path.join(a, 'srv/y'))
    write(b, 'srv/y', 'x')


def settle(root, keep):
    for folder, _, names in os.walk(root):
        for name in [folder] + [os.path.join(folder, n) for n in names]:
            if keep and name.endswith('srv/x'):
                continue
            os.utime(name, (T1, T1))


MADE = [('env.umask', mode_pair), ('time.mtime', time_pair),
        ('form.hard-links', link_pair)]


def codes(program, a, b):
    run = subprocess.run([program, 'diff', '--json', 'rootfs:' + a, 'rootfs:' + b],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if run.returncode != 1:
        return f'status {run.returncode}: {run.stderr.decode()}'
    found = json.loads(run.stdout)
    for g in found['groups']:
        if not g['mend'] or not g['differences']:
            return f'{g["cause"]} has no mend or no difference'
    return ' '.join(g['cause'] for g in found['groups'])


# Cause and path of the pairs that a build mends by itself.
MENDED = {
    ('time.pyc-header', PAIRS[0][1]), ('time.shadow-day', 'etc/shadow'),
    ('time.archive-member', 'usr/lib/liba.a'), ('time.archive-member', 'srv/a.jar'),
    ('time.gzip-header', 'usr/share/doc/x.gz'), ('time.npm-log', 'root/.npm/_logs/2024-01-02-debug-0.log'),
    ('time.package-log', 'var/log/dpkg.log'), ('time.package-log', 'var/log/apt/term.log'),
    ('time.stamp-file', 'etc/.updated'),
    ('id.machine-id', 'etc/machine-id'), ('cache.ldconfig-aux', 'var/cache/ldconfig/aux-cache'),
    ('cache.apt', 'var/cache/apt/pkgcache.bin'), ('cache.dpkg-old', 'var/lib/dpkg/status-old'),
    ('cache.fontconfig', 'var/cache/fontconfig/x-le64.cache-7'),
    ('cache.man-db', 'var/cache/man/index.db'), ('cache.pip', 'root/.cache/pip/http/a'),
    ('cache.npm', 'root/.npm/_cacache/a'), ('cache.go-build', 'root/.cache/go-build/00/a'),
    ('cache.systemd', 'var/lib/systemd/random-seed'), ('cache.home', 'root/.wget-hsts'),
    ('left.engine', '.dockerenv'), ('left.account-backup', 'etc/passwd-'),
    ('left.login-records', 'var/log/lastlog'),
    ('left.kernel-list', 'etc/apt/apt.conf.d/01autoremove-kernels'), ('time.mtime', 'time_pair'),
}
# Those that a build mends when it is asked for this normaliser.
ASKED = {
    ('cache.apt-lists', 'var/lib/apt/lists/deb_InRelease'): 'package-lists',
    ('left.tmp', 'tmp/x'): 'tmp',
    ('path.direct-url', 'usr/lib/x.dist-info/direct_url.json'): 'pip-urls',
}


def built(program, work, root, asked):
    """The bytes of the EIF that a build of this tree gives, or why there is none."""
    runtime = os.path.join(work, 'runtime')
    if not os.path.isdir(runtime):
        for name in ('kernel-nitro', 'init', 'dataplane', 'keyplane'):
            write(runtime, 'x86_64/' + name, name)
        write(runtime, 'x86_64/cmdline', 'retain_initrd console=ttyS0')
    project = root + '.project'
    write(project, 'enclave.toml', f'name = "x"\nimage = "rootfs:{root}"\n[app]\ncommand = ["/x"]\n'
          + (f'[normalize]\n{asked} = true\n' if asked else ''))
    run = subprocess.run([program, 'build', '-q', '--runtime', runtime, project],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if run.returncode != 0:
        return root + run.stderr.decode()
    with open(project + '/x.eif', 'rb') as f:
        return f.read()


def main():
    program = sys.argv[1]
    count, bad = 0, 0

    def verdict(ok, name, why=''):
        nonlocal count, bad
        count += 1
        bad += not ok
        print(('ok' if ok else 'not ok'), count, '-', name)
        if not ok:
            print('#', why)

    with tempfile.TemporaryDirectory() as work:
        os.umask(0o022)
        rows = [(c, p, lambda a, b, p=p, x=x, y=y: (write(a, p, x), write(b, p, y)))
                for c, p, x, y in PAIRS] + [(c, m.__name__, m) for c, m in MADE]
        mended = 0
        for i, (code, what, make) in enumerate(rows):
            a, b = (os.path.join(work, f'{i}{s}') for s in 'ab')
            for root in (a, b):
                folder = os.path.dirname(what) if '/' in what else 'srv'
                os.makedirs(os.path.join(root, folder))
            make(a, b)
            for root in (a, b):
                settle(root, code == 'time.mtime' and root == b)
            seen = codes(program, a, b)
            verdict(seen == code, f'{code}: {what}', f'seen: {seen}')
            if (code, what) in MENDED or (code, what) in ASKED:
                mended += 1
                asked = ASKED.get((code, what))
                one, two = (built(program, work, root, asked) for root in (a, b))
                verdict(one == two, f'{code}: {what}: the builds are the same file',
                        one if isinstance(one, str) else 'they differ')
    verdict(mended == len(MENDED) + len(ASKED), 'every row of MENDED and ASKED was built')
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs/causes.md')
    with open(page, encoding='utf-8') as f:
        table = set(re.findall(r'^\| `([a-z.-]+)`', f.read(), re.M))
    had = {r[0] for r in rows}
    verdict(table == had | set(ELSEWHERE), 'every code of docs/causes.md has a pair, and no other',
            str(sorted(table ^ (had | set(ELSEWHERE)))))
    print(f'1..{count}')
    sys.exit(bad > 0)


if __name__ == '__main__':
    main()
