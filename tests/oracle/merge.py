#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: merge.py IMAGE_DUMP [ROUNDS]

Random layers, merged here a second time: two passes a layer, first what it hides of the layers
below, then what it brings, over a plain dictionary of paths. Both merges must agree on every name,
or both refuse the image. Prints TAP.
"""
import copy
import hashlib
import os
import random
import sys
import tarfile
import tempfile

import images
from images import BLK, CHR, DIR, FIFO, LNK, REG, SYM

KEPT = ('security.capability', 'system.posix_acl_access', 'system.posix_acl_default')
LETTER = {REG: '-', DIR: 'd', SYM: 'l', CHR: 'c', BLK: 'b', FIFO: 'p'}


class Refused(Exception):
    pass


def clean(name):
    parts = [p for p in name.split(b'/') if p not in (b'', b'.')]
    if b'..' in parts or (name.startswith(b'/') and parts):
        raise Refused('name')
    return tuple(parts)


class Node:
    def __init__(self, kind, m=None, body=b'', link=b''):
        self.kind, self.body, self.link = kind, body, link
        self.mode, self.uid, self.gid, self.mtime = (m.mode & 0o7777, m.uid, m.gid, int(m.mtime)) if m else (0o755, 0, 0, 0)
        self.dev = (m.devmajor, m.devminor) if m and kind in (CHR, BLK) else (0, 0)
        self.xattrs = {}


class Tree:
    """Paths to nodes; a node under several paths is a hard link."""

    def __init__(self):
        self.at = {(): Node(DIR)}

    def drop_below(self, path):
        for p in [p for p in self.at if len(p) > len(path) and p[:len(path)] == path]:
            del self.at[p]

    def drop(self, path):
        self.drop_below(path)
        self.at.pop(path, None)

    def parents(self, path):
        for i in range(1, len(path)):
            n = self.at.setdefault(path[:i], Node(DIR))
            if n.kind != DIR:
                raise Refused('parent')

    def hide(self, marks):
        """On what lower layers brought: the tree has nothing else yet."""
        for what, path in marks:
            if what == 'opaque':
                if path in self.at and self.at[path].kind == DIR:
                    self.drop_below(path)
            else:
                self.drop(path)

    def put(self, m, body):
        path = clean(os.fsencode(m.name))
        if m.type == LNK:
            target = clean(os.fsencode(m.linkname))
            if not path or target not in self.at or self.at[target].kind == DIR:
                raise Refused('hard link')
            node = self.at[target]
            if path == target:
                return
            if node.kind == SYM:
                node = copy.copy(node)
                node.xattrs = {}
            self.parents(path)
            self.drop(path)
            self.at[path] = node
            return
        if not path and m.type != DIR:
            raise Refused('root')
        node = Node(m.type, m, body, os.fsencode(m.linkname) if m.type == SYM else b'')
        for k, v in m.pax_headers.items():
            if k.startswith('SCHILY.xattr.') and k[13:] in KEPT:
                node.xattrs[k[13:].encode()] = os.fsencode(v)
        self.parents(path)
        old = self.at.get(path)
        if not (old and old.kind == DIR and m.type == DIR):
            self.drop(path)
        self.at[path] = node

    def apply(self, layer):
        marks, rest = [], []
        for m, body in layer:
            path = clean(os.fsencode(m.name))
            if path and path[-1] == b'.wh..wh..opq':
                marks.append(('opaque', path[:-1]))
            elif path and path[-1].startswith(b'.wh.'):
                marks.append(('whiteout', path[:-1] + (path[-1][4:],)))
            else:
                rest.append((m, body))
        self.hide(marks)
        for m, body in rest:
            self.put(m, body)

    def listing(self):
        groups = {}
        for p in sorted(self.at):
            groups.setdefault(id(self.at[p]), b'/'.join(p))
        # Only a group of several names has a name of its own in the dump, so this is the same.
        out = {}
        for p, n in self.at.items():
            path = b'/'.join(p)
            size = len(n.body) if n.kind == REG else len(n.link) if n.kind == SYM else 0
            out[path] = (LETTER[n.kind], f'{n.mode:o}', str(n.uid), str(n.gid), str(size), f'{n.dev[0]},{n.dev[1]}',
                         str(n.mtime) if n.kind == REG else None, n.link.hex(),
                         hashlib.sha256(n.body).hexdigest() if n.kind == REG else None,
                         tuple((k.hex(), v.hex()) for k, v in sorted(n.xattrs.items())), groups[id(n)])
        return out


NAMES = ['a', 'b', 'c', 'd', 'a.b', 'lib', '\u00e9', '\udcff', ' ', 'x' * 120, 'y' * 255]


def some_path(rng, depth=3):
    return '/'.join(rng.choice(NAMES[:6] if rng.random() < .8 else NAMES) for _ in range(rng.randint(1, depth)))


def dress(rng, path):
    """The same name in another spelling."""
    r = rng.random()
    return './' + path if r < .3 else path.replace('/', '//') if r < .35 else path.replace('/', '/./') if r < .4 else path


def some_entry(rng, linked):
    path = some_path(rng)
    r = rng.random()
    if r < .12:
        head, _, tail = path.rpartition('/')
        return images.entry(dress(rng, (head + '/' if head else '') + '.wh.' + tail))
    if r < .17:
        return images.entry(path + '/.wh..wh..opq')
    owner = {'uid': rng.choice([0, 1, 1000, 3000000]), 'gid': rng.choice([0, 5]), 'mtime': rng.choice([0, 1, 1700000000])}
    pax = {}
    if rng.random() < .1:
        pax = {'SCHILY.xattr.' + rng.choice(KEPT + ('user.x', 'security.selinux')): rng.choice(['v', 'w\x01\x02'])}
    if r < .45:
        return images.entry(dress(rng, path) + rng.choice(['', '/']), DIR, mode=rng.choice([0o755, 0o700, 0o1777]), pax=pax, **owner)
    if r < .55:
        return images.entry(dress(rng, path), SYM, link=rng.choice(['/etc/x', 'a', '../../..', 'q' * 200]), **owner)
    if r < .62 and linked:
        return images.entry(dress(rng, path), LNK, link=dress(rng, rng.choice(linked)))
    if r < .66:
        return images.entry(path, rng.choice([CHR, BLK, FIFO]), devmajor=rng.randint(0, 300), devminor=rng.randint(0, 300), **owner)
    linked.append(path)
    return images.entry(dress(rng, path), REG, rng.randbytes(rng.choice([0, 1, 511, 512, 513, 5000])),
                        mode=rng.choice([0o644, 0o4755, 0]), pax=pax, **owner)


def safe(tree, layer):
    """Whether the order of marks and entries inside the layer cannot matter, which it does in one
    pass but not in two: a link to a name that the layer hides, a name below a file that it hides."""
    hidden = []
    for m, _ in layer:
        path = clean(os.fsencode(m.name))
        if path and path[-1].startswith(b'.wh.'):
            hidden.append(path[:-1] if path[-1] == b'.wh..wh..opq' else path[:-1] + (path[-1][4:],))
    for m, _ in layer:
        path, target = clean(os.fsencode(m.name)), clean(os.fsencode(m.linkname)) if m.type == LNK else ()
        for h in hidden:
            if m.type == LNK and target[:len(h)] == h:
                return False
            above = [path[:i] for i in range(len(h), len(path)) if path[:len(h)] == h]
            if any(a in tree.at and tree.at[a].kind != DIR for a in above):
                return False
    return True


def one_round(tap, tool, work, seed):
    rng = random.Random(seed)
    tree, layers, linked, refused = Tree(), [], [], False
    for _ in range(rng.randint(1, 5)):
        layer = [some_entry(rng, linked) for _ in range(rng.randint(0, 14))]
        try:
            trial = copy.deepcopy(tree)
            trial.apply(layer)
        except Refused:
            # Most refusals are taken out again, so that most images are whole.
            if rng.random() < .95:
                continue
            refused = True
        if not safe(tree, layer):
            refused = False
            continue
        layers.append(layer)
        if refused:
            break
        tree = trial
    kinds = [rng.choice(['plain', 'gzip', 'zstd']) for _ in layers]
    fmts = [tarfile.PAX_FORMAT if any(m.pax_headers for m, _ in x) else rng.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
            for x in layers]
    images.simple(f'{work}/{seed}', [images.tar(x, f) for x, f in zip(layers, fmts)], kinds, docker=rng.random() < .3)
    rc, lines, err = images.dump(tool, f'oci:{work}/{seed}')
    if refused:
        return tap.check(f'seed {seed}: refused', rc == 3 and err.startswith("'oci:"), f'{rc} {err}')
    got, want = images.listing(lines), tree.listing()
    return tap.check(f'seed {seed}: {len(layers)} layers, {len(want)} names', rc == 0 and got == want,
                     err or images.difference(got, want))


def main():
    tool, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    tap = images.Tap()
    with tempfile.TemporaryDirectory(prefix='selfsame-merge-') as work:
        for seed in range(rounds):
            one_round(tap, tool, work, seed)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
