#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: merge.py IMAGE_DUMP [ROUNDS]

Random layers, merged here a second time over a plain dictionary of paths, by the rules of
docs/formats/layers.md: entry after entry, a mark hides what lower layers have where it stands, and
the way to an entry is walked through links as the tree is at that moment. Both merges must agree on
every name, or both refuse the image. Where no way leads through a link, the merge in two passes that
the specification describes (first all marks, then all entries) must give the same. Prints TAP.
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
    """Paths to nodes; a node under several paths is a hard link. `since` says which layer put a path."""

    def __init__(self):
        self.at, self.since, self.layer = {(): Node(DIR)}, {(): 0}, 0
        self.followed = 0  # links on the ways to entries

    def set(self, path, node):
        self.at[path], self.since[path] = node, self.layer

    def drop(self, path, itself=True):
        for p in [p for p in self.at if p[:len(path)] == path and (itself or len(p) > len(path))]:
            del self.at[p], self.since[p]

    # --- ways

    def folder(self, names, make, at=(), asked=True, hops=None):
        """The real path of the folder that `names` lead to from `at`, or None: there is none. Where an
        entry is put, its own missing folders are made; those that only a link names are not."""
        hops = [0] if hops is None else hops
        for name in names:
            if name in (b'', b'.'):
                continue
            if name == b'..':
                if not at:
                    raise Refused('a link above the root')
                at = at[:-1]
                continue
            here = at + (name,)
            if here not in self.at and make and asked:
                self.set(here, Node(DIR))
            node = self.at.get(here)
            if node is not None and node.kind == SYM:
                hops[0] += 1
                self.followed += 1
                if hops[0] > 40:
                    raise Refused('too many links')
                start = () if node.link.startswith(b'/') else at
                at = self.folder(node.link.split(b'/'), make, start, False, hops)
                if at is None:
                    return None
                continue
            if node is None or node.kind != DIR:
                if make:
                    raise Refused('parent')
                return None
            at = here
        return at

    def place(self, path, make):
        """Where the entry `path` really lies; its last component is itself. None: in no folder."""
        if not path:
            return ()
        at = self.folder(path[:-1], make)
        return None if at is None else at + path[-1:]

    # --- entries

    def hide(self, path, itself):
        """What lower layers have at and below `path`; folders in which this layer has put something
        stay, bare."""
        for p in sorted((p for p in self.at if p[:len(path)] == path and (itself or p != path)), key=len, reverse=True):
            if self.since[p] == self.layer:
                continue
            if any(q[:len(p)] == p and len(q) > len(p) for q in self.at):
                self.set(p, Node(DIR))
            else:
                del self.at[p], self.since[p]

    def mark(self, path):
        opaque = path[-1] == b'.wh..wh..opq'
        real = self.folder(path[:-1], False)
        if real is None:
            return
        if opaque:
            self.hide(real, False)
        elif real + (path[-1][4:],) in self.at:
            self.hide(real + (path[-1][4:],), True)

    def put_hard_link(self, path, target):
        target = self.place(target, False)
        if not target or target not in self.at or self.at[target].kind == DIR:
            raise Refused('hard link')
        node = self.at[target]
        path = self.place(path, True)
        if path == target:
            self.set(path, node)
            return
        if node.kind == SYM:
            node = copy.copy(node)
            node.xattrs = {}
        self.drop(path)
        self.set(path, node)

    def put(self, m, body):
        path = clean(os.fsencode(m.name))
        if m.type == LNK:
            self.put_hard_link(path, clean(os.fsencode(m.linkname)))
            return
        if not path and m.type != DIR:
            raise Refused('root')
        node = Node(m.type, m, body, os.fsencode(m.linkname) if m.type == SYM else b'')
        for k, v in m.pax_headers.items():
            if k.startswith('SCHILY.xattr.') and k[13:] in KEPT:
                node.xattrs[k[13:].encode()] = os.fsencode(v)
        path = self.place(path, True)
        old = self.at.get(path)
        if not (old and old.kind == DIR and m.type == DIR):
            self.drop(path)
        self.set(path, node)

    def apply_one(self, m, body):
        path = clean(os.fsencode(m.name))
        if path and path[-1].startswith(b'.wh.'):
            self.mark(path)
        else:
            self.put(m, body)

    def apply_in_two_passes(self, layer):
        """First the marks, when the tree has nothing but what lower layers brought."""
        self.layer += 1
        marks = [clean(os.fsencode(m.name)) for m, _ in layer]
        marks = [path for path in marks if path and path[-1].startswith(b'.wh.')]
        for path in marks:
            at = path[:-1] if path[-1] == b'.wh..wh..opq' else path[:-1] + (path[-1][4:],)
            if path[-1] != b'.wh..wh..opq':
                self.drop(at)
            elif at in self.at and self.at[at].kind == DIR:
                self.drop(at, False)
        for m, body in layer:
            if clean(os.fsencode(m.name)) not in marks:
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


def some_target(rng, tree, path):
    """Mostly a folder that there is."""
    if rng.random() < .3:
        return rng.choice(['/etc/x', 'a', '../../..', 'q' * 200, '/', '.', '..', './b//'])
    folders = [os.fsdecode(b'/'.join(p)) for p, n in tree.at.items() if n.kind == DIR and len(p) < 4]
    to = rng.choice(sorted(folders)) + rng.choice(['', '/', '/a'])
    return '/' + to if rng.random() < .5 else '../' * path.count('/') + (to.lstrip('/') or '.')


def some_way(rng, tree):
    """A path, now and then through a link that there is."""
    links = sorted(os.fsdecode(b'/'.join(p)) for p, n in tree.at.items() if n.kind == SYM and len(p) < 4)
    path = some_path(rng)
    return rng.choice(links) + '/' + path if links and rng.random() < .2 else path


def some_entry(rng, tree, linked):
    path = some_way(rng, tree)
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
        return images.entry(dress(rng, path), SYM, link=some_target(rng, tree, path), **owner)
    if r < .62 and linked:
        # What it says of itself does not count.
        return images.entry(dress(rng, path), LNK, link=dress(rng, rng.choice(linked)), mode=rng.choice([0o644, 0]), pax=pax, **owner)
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


def in_two_passes(tree, layer, want):
    """None, or how that differs; not asked where it may."""
    if tree.followed or want.followed or not safe(tree, layer):
        return None
    other = copy.deepcopy(tree)
    try:
        other.apply_in_two_passes(layer)
    except Refused as e:
        return f'refused in two passes: {e}'
    if other.followed:
        return None
    a, b = other.listing(), want.listing()
    return images.difference(a, b) if a != b else ''


def some_layer(rng, tree, linked):
    """A layer, the tree with it, and whether it is refused. Most entries that would be are left out,
    so that most images are whole."""
    layer = []
    tree = copy.deepcopy(tree)
    tree.layer += 1
    for _ in range(rng.randint(0, 14)):
        e, trial = some_entry(rng, tree, linked), copy.deepcopy(tree)
        try:
            trial.apply_one(*e)
        except Refused:
            if rng.random() < .98:
                continue
            return layer + [e], tree, True
        layer.append(e)
        tree = trial
    return layer, tree, False


def one_round(tap, tool, work, seed, seen):
    rng = random.Random(seed)
    tree, layers, linked, refused = Tree(), [], [], False
    for _ in range(rng.randint(1, 5)):
        layer, trial, refused = some_layer(rng, tree, linked)
        layers.append(layer)
        if refused:
            break
        way = in_two_passes(tree, layer, trial)
        if way is not None:
            seen['two passes'] += 1
        if way:
            return tap.check(f'seed {seed}: one pass and two', False, way)
        tree = trial
    seen['links'] += tree.followed > 0
    seen['refused'] += refused
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
    seen = {'links': 0, 'two passes': 0, 'refused': 0}
    with tempfile.TemporaryDirectory(prefix='selfsame-merge-') as work:
        for seed in range(rounds):
            one_round(tap, tool, work, seed, seen)
    print('#', seen)
    tap.check('all kinds were among them', seen['links'] > rounds / 4 and seen['two passes'] > rounds and
              rounds / 2 > seen['refused'] > rounds / 20, seen)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
