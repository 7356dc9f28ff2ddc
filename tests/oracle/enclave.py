# SPDX-License-Identifier: Apache-2.0
"""EIFs, ramdisks and measured configs, written a second time.

An independent writer, for tests: it shares no line with src/, and writes whatever it is told to,
right or wrong. Formats: docs/formats/. Entries of a ramdisk are Entry objects; archive() numbers
them in the order given, which canonical() produces.
"""
import hashlib
import stat
import struct
import zlib

KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = 1, 2, 3, 4, 5
METADATA_TEXT = (b'{"ImageName":"selfsame","ImageVersion":"1","BuildMetadata":{"BuildTime":'
                 b'"1970-01-01T00:00:00+00:00","BuildTool":"test","BuildToolVersion":"1",'
                 b'"OperatingSystem":"Linux","KernelVersion":"Unknown"},"DockerInfo":null,'
                 b'"CustomMetadata":null}')


def sha384(data):
    return hashlib.sha384(data).digest()


def pcr(data):
    return sha384(bytes(48) + sha384(data)).hex()


class Entry:
    """One name of an archive. `same` = the first name of a hard link."""

    def __init__(self, name, mode, body=b'', uid=0, gid=0, rdev=(0, 0), mtime=0, same=None):
        self.name = name if isinstance(name, bytes) else name.encode()
        self.mode, self.body, self.uid, self.gid = mode, body, uid, gid
        self.rdev, self.mtime, self.same = rdev, mtime, same


def directory(name, perm=0o755, **more):
    return Entry(name, stat.S_IFDIR | perm, **more)


def regular(name, body, perm=0o644, **more):
    return Entry(name, stat.S_IFREG | perm, body, **more)


def symlink(name, target, **more):
    return Entry(name, stat.S_IFLNK | 0o777, target.encode(), **more)


def canonical(entries):
    """Depth first, siblings by their bytes."""
    return sorted(entries, key=lambda e: e.name.split(b'/'))


def _pad(data):
    return data + bytes(-len(data) % 4)


def _header(name, ino, mode, uid, gid, nlink, mtime, size, rdev):
    fields = (ino, mode, uid, gid, nlink, mtime, size, 0, 0, rdev[0], rdev[1], len(name) + 1, 0)
    return _pad(b'070701' + b''.join(b'%08x' % f for f in fields) + name + b'\0')


TRAILER = _header(b'TRAILER!!!', 0, 0, 0, 0, 1, 0, 0, (0, 0))


def archive(entries):
    """A newc archive of the entries in their order, in the runtime's canonical form."""
    names = {e.name: 1 for e in entries}
    for e in entries:
        if e.same is not None:
            names[e.same] += 1
    numbers, out = {}, []
    for e in entries:
        first = e.same if e.same is not None else e.name
        ino = numbers.setdefault(first, len(numbers) + 1)
        nlink = 2 if stat.S_ISDIR(e.mode) else names[first]
        body = b'' if e.same is not None else e.body
        out.append(_header(e.name, ino, e.mode, e.uid, e.gid, nlink, e.mtime, len(body), e.rdev))
        out.append(_pad(body))
    return b''.join(out) + TRAILER


def _cbor(major, n):
    for limit, lead in ((24, None), (1 << 8, 24), (1 << 16, 25), (1 << 32, 26), (1 << 64, 27)):
        if n < limit:
            break
    if lead is None:
        return bytes([major << 5 | n])
    return bytes([major << 5 | lead]) + n.to_bytes(1 << (lead - 24), 'big')


def cbor(v):
    """Integers, booleans, bytes, text, lists and ordered maps in the shortest definite form."""
    if isinstance(v, bool):
        return b'\xf5' if v else b'\xf4'
    if isinstance(v, int):
        return _cbor(0, v)
    if isinstance(v, bytes):
        return _cbor(2, len(v)) + v
    if isinstance(v, str):
        return _cbor(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return _cbor(4, len(v)) + b''.join(map(cbor, v))
    return _cbor(5, len(v)) + b''.join(cbor(k) + cbor(x) for k, x in v.items())


def ingress(port, to=None, tls=0, udp=False, proxy=False, http=False, alpn=()):
    return {'port': port, 'to': port if to is None else to, 'tls': tls, 'udp': udp, 'proxy': proxy, 'http': http,
            'alpn': [a.encode() for a in alpn]}


def health(check=0, port=0, interval=0, timeout=0, failures=0, path=b''):
    """check: 0 none, 1 tcp, 2 http; times in milliseconds."""
    return {'check': check, 'port': port, 'interval': interval, 'timeout': timeout,
            'failures': failures, 'path': path}


def config(tree, argv, **over):
    """The measured config of `tree` ("rootfs" and all below it) with what it starts."""
    bodies = [len(e.body) if e.same is None else 0 for e in tree]
    files = [n for e, n in zip(tree, bodies) if stat.S_ISREG(e.mode)]
    c = {
        'selfsame': 1, 'entries': len(tree), 'bytes': sum(bodies),
        'pages': sum((n + 4095) // 4096 for n in files),
        'argv': [a if isinstance(a, bytes) else a.encode() for a in argv],
        'env': [b'PATH=/usr/sbin:/usr/bin:/sbin:/bin'], 'cwd': b'/', 'uid': 0, 'gid': 0,
        'groups': [], 'stop_signal': 15, 'new_privileges': False, 'nsm': False, 'ingress': [],
        'egress': [], 'secrets': [], 'health': health(), 'restart': 0, 'grace': 10000, 'clock': 0, 'logs': False,
        'xattrs': [],
    }
    for key in over:
        assert key in c, key
    c.update(over)
    return cbor(c)


def app_ramdisk(tree, argv, **over):
    """Ramdisk 1 of layout 1. `tree`: entries below "rootfs", any order, parents included."""
    tree = [directory('rootfs')] + canonical(tree)
    return archive([regular('config', config(tree, argv, **over), 0o400)] + tree)


def runtime_ramdisk(init, dataplane, keyplane):
    return archive([regular('dataplane', dataplane, 0o755), regular('init', init, 0o755), regular('keyplane', keyplane, 0o755)])


def command_line(ramdisk0, rest):
    return b'selfsame.rd0=%d:%s %s' % (len(ramdisk0), sha384(ramdisk0).hex().encode(), rest)


def eif(sections, version=4, flags=0):
    """An EIF of (type, data) sections in the order given."""
    body, offsets, at = b'', [], 548
    for kind, data in sections:
        offsets.append(at)
        body += struct.pack('>HHQ', kind, 0, len(data)) + data
        at += 12 + len(data)
    none = [0] * (32 - len(sections))
    head = struct.pack('>4sHHQQHH32Q32QI', b'.eif', version, flags, 1 << 30, 2, 0, len(sections),
                       *(offsets + none), *([len(d) for _, d in sections] + none), 0)
    crc = zlib.crc32(body, zlib.crc32(head))
    return head + struct.pack('>I', crc) + body


def standard(kernel, cmdline, *ramdisks):
    return eif([(KERNEL, kernel), (CMDLINE, cmdline), (METADATA, METADATA_TEXT)] +
               [(RAMDISK, r) for r in ramdisks])


def pcrs(kernel, cmdline, *ramdisks):
    return [pcr(kernel + cmdline + b''.join(ramdisks)), pcr(kernel + cmdline + ramdisks[0]),
            pcr(b''.join(ramdisks[1:]))]
