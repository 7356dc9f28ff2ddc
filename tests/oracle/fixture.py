# SPDX-License-Identifier: Apache-2.0
"""Fixtures of tests/golden (see pack.c there), read and merged a second time, in plain Python."""
import re
import stat


class Node:
    """An inode; several paths may share one."""

    def __init__(self, mode, uid, gid, mtime, body=b'', rdev=(0, 0)):
        self.mode, self.uid, self.gid, self.mtime = mode, uid, gid, mtime
        self.body, self.rdev, self.xattrs = body, rdev, {}


def plain_dir():
    return Node(stat.S_IFDIR | 0o755, 0, 0, 0)


def _field(raw):
    out = re.sub(rb'\\x([0-9a-f]{2})', lambda m: bytes([int(m[1], 16)]), raw)
    return b'' if out == b'-' else out


def pattern(n):
    return bytes((i * 31 + i // 251) & 255 for i in range(n))


TYPES = {b'dir': stat.S_IFDIR, b'file': stat.S_IFREG, b'link': stat.S_IFLNK, b'chr': stat.S_IFCHR,
         b'blk': stat.S_IFBLK, b'fifo': stat.S_IFIFO}


class Fixture:
    def __init__(self, path):
        self.argv, self.env = [], []
        self.root = plain_dir()
        self.paths = {}     # path -> Node
        self.layer_of = {}  # path -> layer number
        self.layer = 0
        with open(path, 'rb') as f:
            lines = [[_field(x) for x in raw.split(b' ') if x] for raw in f.read().split(b'\n')]
        lines = [x for x in lines if x and not x[0].startswith(b'#')]
        for kind, *rest in lines:
            if kind == b'arg':
                self.argv.append(rest[0])
            if kind == b'env':
                self.env.append(rest[0])
        layer = []
        for line in lines + [[b'layer']]:
            if line[0] == b'layer':
                self._apply(layer)
                layer = []
            elif line[0] not in (b'arg', b'env'):
                layer.append(line)

    def _apply(self, lines):
        if not lines:
            return
        self.layer += 1
        late = (b'hard', b'xattr', b'whiteout', b'opaque')
        for line in [x for x in lines if x[0] not in late]:
            self._entry(*line)
        for _, path, target in [x for x in lines if x[0] == b'hard']:
            node = self.paths[target]
            self._clear(path)
            self._set(path, node)
        for kind, path, *rest in [x for x in lines if x[0] in late[1:]]:
            if kind == b'xattr':
                self.paths[path].xattrs[rest[0]] = rest[1]
            elif path in self.paths or kind == b'opaque':
                self._hide(path, kind == b'whiteout')

    def _below(self, path, top):
        return top == b'' or path.startswith(top + b'/')

    def _clear(self, path):
        for p in [p for p in self.paths if p == path or self._below(p, path)]:
            del self.paths[p], self.layer_of[p]

    def _set(self, path, node):
        for i in [i for i, c in enumerate(path) if c == ord('/')]:
            if path[:i] not in self.paths:
                self._set(path[:i], plain_dir())
        self.paths[path], self.layer_of[path] = node, self.layer

    def _entry(self, kind, path, mode, uid, gid, mtime, *rest):
        node = Node(TYPES[kind] | int(mode, 8), int(uid), int(gid), int(mtime))
        if kind == b'file':
            how, what = rest[0], rest[1] if len(rest) > 1 else b''
            node.body = what if how == b'text' else pattern(int(what)) if how == b'size' else \
                open(what, 'rb').read()
        elif kind == b'link':
            node.body = rest[0]
        elif kind in (b'chr', b'blk'):
            node.rdev = (int(rest[0]), int(rest[1]))
        if path == b'':
            self.root = node
            return
        old = self.paths.get(path)
        if kind == b'dir' and old is not None and stat.S_ISDIR(old.mode):
            self._set(path, node)
            return
        self._clear(path)
        self._set(path, node)

    def _hide(self, top, itself):
        def is_hit(p):
            return self._below(p, top) or (itself and p == top)
        new = [p for p in self.paths if self.layer_of[p] == self.layer]
        for p in [p for p in self.paths if is_hit(p) and self.layer_of[p] < self.layer]:
            if any(self._below(q, p) for q in new):
                self.paths[p], self.layer_of[p] = plain_dir(), self.layer
            else:
                del self.paths[p], self.layer_of[p]

    def walk(self):
        """(path, node) in canonical order."""
        return sorted(self.paths.items(), key=lambda x: x[0].split(b'/'))
