# SPDX-License-Identifier: Apache-2.0
"""The ramdisks of nitro-cli 1.5.0, written a second time from docs/formats/nitro-cli-layout.md."""
import os.path
import stat

D = 1492533000
HOSTS = (b'127.0.0.1       localhost\n::1     localhost ip6-localhost ip6-loopback\n'
         b'fe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\n'
         b'ff02::2 ip6-allrouters\n')
RESOLV = b'/run/resolvconf/resolv.conf'
DOCKER = [('dev/pts', 'dir'), ('dev/shm', 'dir'), ('proc', 'dir'), ('sys', 'dir'),
          ('.dockerenv', 'file'), ('etc/resolv.conf', 'file'), ('etc/hosts', 'file'),
          ('etc/hostname', 'file'), ('dev/console', 'file'), ('etc/mtab', 'link')]
EXCLUDE = (b'.dockerenv', b'Dockerfile', b'dev/console', b'etc/hostname', b'dev/pts', b'dev/shm')
TOUCH = (b'dev/', b'dev/pts/', b'dev/shm/', b'etc/', b'etc/hosts', b'etc/mtab', b'etc/resolv.conf',
         b'proc/', b'sys/')


class Cpio:
    """surma/gocpio's bytes: inode numbers from 721, device 3:1, nlink 2 or 1."""

    def __init__(self):
        self.out, self.ino = b'', 721

    def put(self, name, mode, uid=0, gid=0, mtime=D, body=b'', rdev=(0, 0), nlink=None):
        nlink = nlink or (2 if stat.S_ISDIR(mode) else 1)
        fields = [self.ino, mode, uid, gid, nlink, mtime, len(body), 3, 1, *rdev, len(name) + 1, 0]
        self.ino += 1
        for part in (b'070701' + b''.join(b'%08x' % f for f in fields) + name + b'\0', body):
            self.out += part + bytes(-len(part) % 4)

    def end(self):
        self.put(b'TRAILER!!!', 0, mtime=0)
        return self.out + bytes(-len(self.out) % 512)


def bootstrap(init, nsm):
    c = Cpio()
    c.put(b'dev', stat.S_IFDIR | 0o755)
    c.put(b'init', stat.S_IFREG | 0o755, body=init)
    c.put(b'nsm.ko', stat.S_IFREG | 0o755, body=nsm)
    return c.end()


def docker_layer(paths, make):
    """What docker makes for a container, over {path: node}. make(kind) gives a node."""
    for text, kind in DOCKER:
        path = text.encode()
        prefixes = [path[:i] for i, c in enumerate(path) if c == ord('/')] + [path]
        for p in prefixes:
            if p in paths and not stat.S_ISDIR(paths[p].mode):
                del paths[p]
        for p in prefixes[:-1]:
            paths.setdefault(p, make('dir'))
        if path not in paths:
            paths[path] = make(kind)


def customer(nodes, cmd, env):
    """nodes: (path, node) in the order of a lexical walk, docker's own included."""
    c, seen, first = Cpio(), set(), {}
    c.put(b'rootfs', stat.S_IFDIR | 0o755)
    for path, n in nodes:
        name = path + b'/' if stat.S_ISDIR(n.mode) else path
        if name in EXCLUDE:
            continue
        mode, body, rdev = n.mode, n.body, n.rdev
        mtime = D if name in TOUCH else n.mtime
        seen.add(name)
        if name == b'etc/hosts':
            body = HOSTS
        elif name == b'etc/resolv.conf':
            mode, body = stat.S_IFLNK | stat.S_IMODE(mode), RESOLV
        elif not stat.S_ISDIR(mode) and id(n) in first:
            mode = stat.S_IFLNK | stat.S_IMODE(mode)
            body = os.path.relpath(b'/' + first[id(n)], os.path.dirname(b'/' + path))
        first.setdefault(id(n), path)
        c.put(b'rootfs/' + name, mode, n.uid, n.gid, mtime, body, rdev)
    missing = {b'etc/hosts': (stat.S_IFREG | 0o644, HOSTS),
               b'etc/mtab': (stat.S_IFLNK | 0o755, b'/proc/mounts'),
               b'etc/resolv.conf': (stat.S_IFLNK | 0o644, RESOLV)}
    for name in TOUCH:
        if name not in seen:
            mode, body = missing.get(name, (stat.S_IFDIR | 0o755, b''))
            c.put(b'rootfs/' + name.rstrip(b'/'), mode, body=body)
    for name in (b'', b'/dev', b'/run', b'/sys', b'/var', b'/proc', b'/tmp'):
        c.put(b'rootfs' + name, stat.S_IFDIR | 0o755)
    c.put(b'cmd', stat.S_IFREG | 0o644, body=cmd)
    c.put(b'env', stat.S_IFREG | 0o644, body=env)
    return c.end()
