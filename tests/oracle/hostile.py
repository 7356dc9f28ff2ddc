#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: hostile.py IMAGE_DUMP

Layers and images that mean harm, or that are damaged: each is refused with the exact message and
the exact status, by layer and name, and nothing appears outside the spool. Prints TAP.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

import images
from images import BLK, CHR, DIR, FIFO, LNK, REG, SYM, entry, sha, tar

TOOL = sys.argv[1]
tap = images.Tap()


def short(data):
    return sha(data)[:19]


def refused(name, source, want, *args, status=3, env=None):
    rc, _, err = images.dump(TOOL, source, *args, env=env)
    tap.check(name, (rc, err) == (status, want), f'got  {rc} {err}\nwant {status} {want}')


def layers(work):
    """(what, layers, message behind "layer N (digest): " of the last one)"""
    deep = '/'.join(['d' * 100] * 41)
    cases = [
        ("'..' in front", [[entry('../x')]], "'../x': '..' in a name"),
        ("'..' in between", [[entry('a/../../x')]], "'a/../../x': '..' in a name"),
        ("'..' at the end", [[entry('a/..', DIR)]], "'a/../': '..' in a name"),
        ('an absolute name', [[entry('/etc/passwd')]], "'/etc/passwd': an absolute name"),
        ('two slashes in front', [[entry('//x')]], "'//x': an absolute name"),
        ('a root that is a file', [[entry('./')]],
         "tar entry at offset 0: a file whose name ends in '/'"),
        ('a root that is a link', [[entry('.', SYM, link='/tmp')]], 'the root directory is not a directory'),
        ('an absolute hard link', [[entry('a', LNK, link='/etc/passwd')]],
         "'a': hard link to '/etc/passwd': an absolute name"),
        ("a hard link with '..'", [[entry('a', LNK, link='../../etc/passwd')]],
         "'a': hard link to '../../etc/passwd': '..' in a name"),
        ('a hard link to nothing', [[entry('a', LNK, link='b')]], "'a': hard link to 'b', which is not there"),
        ('a hard link to a folder', [[entry('b', DIR), entry('a', LNK, link='b')]],
         "'a': hard link to 'b', which is a directory"),
        ('a name through a link that leaves the root', [[entry('s/l', SYM, link='../../etc'), entry('s/l/passwd')]],
         "'s/l/passwd': its parent 's/l' is a link to '../../etc', which leaves the root"),
        ('the same, two layers', [[entry('s/l', SYM, link='../..')], [entry('s/l/passwd')]],
         "'s/l/passwd': its parent 's/l' is a link to '../..', which leaves the root"),
        ('by way of another link', [[entry('a', SYM, link='b'), entry('b', SYM, link='..')], [entry('a/x', DIR)]],
         "'a/x': its parent 'a' is a link to 'b', which leaves the root"),
        ('an absolute one that does', [[entry('a', SYM, link='/../etc'), entry('a/passwd')]],
         "'a/passwd': its parent 'a' is a link to '/../etc', which leaves the root"),
        ('a hard link that does', [[entry('s', SYM, link='..'), entry('a', LNK, link='s/etc/passwd')]],
         "'a': hard link to 's/etc/passwd': its parent 's' is a link to '..', which leaves the root"),
        ('a hard link put there', [[entry('f'), entry('s', SYM, link='..'), entry('s/a', LNK, link='f')]],
         "'s/a': its parent 's' is a link to '..', which leaves the root"),
        ('a whiteout that does', [[entry('s', SYM, link='..')], [entry('s/.wh.etc')]],
         "whiteout: 's/etc': its parent 's' is a link to '..', which leaves the root"),
        ('an opaque folder that does', [[entry('s', SYM, link='..')], [entry('s/.wh..wh..opq')]],
         "opaque directory: its parent 's' is a link to '..', which leaves the root"),
        ('a name through a link to nothing', [[entry('s', SYM, link='/etc'), entry('s/passwd')]],
         "'s/passwd': its parent 's' is a link to '/etc', which is not there"),
        ('a hard link through one', [[entry('s', SYM, link='/'), entry('a', LNK, link='s/etc/passwd')]],
         "'a': hard link to 's/etc/passwd', which is not there"),
        ('a name through a link to a file', [[entry('f'), entry('s', SYM, link='f')], [entry('s/passwd')]],
         "'s/passwd': its parent 's' is a link to 'f', which is not a directory"),
        ('links in a circle', [[entry('a', SYM, link='b'), entry('b', SYM, link='a'), entry('a/x')]],
         "'a/x': its parent 'a' is a link to 'b', which leads through more than 40 links"),
        ('forty-one links', [[entry('d', DIR), entry('l0', SYM, link='d')] +
                             [entry(f'l{i}', SYM, link=f'l{i - 1}') for i in range(1, 41)] + [entry('l40/x')]],
         "'l40/x': its parent 'l40' is a link to 'l39', which leads through more than 40 links"),
        ('a long path behind a link', [[entry('/'.join(['e' * 255] * 15)), entry('l', SYM, link='/'.join(['e' * 255] * 14)),
                                        entry('l/' + 'f' * 255, DIR), entry('l/' + '/'.join(['f' * 255] * 3))]],
         f"'l/{'f' * 100}...{'f' * 102}': a path of 4351 bytes behind symbolic links; the limit is 4095"),
        ('a file for a parent', [[entry('f'), entry('f/g/h')]], "'f/g/h': its parent 'f' is not a directory"),
        ('a hard link below a file', [[entry('f'), entry('f/g', LNK, link='f')]],
         "'f/g': its parent 'f' is not a directory"),
        ('a long component', [[entry('n' * 256)]],
         f"'{'n' * 102}...{'n' * 102}': a name of 256 bytes; the limit is 255"),
        ('a long path', [[entry(deep)]], f"'{deep[:102]}...{deep[-102:]}': a name of more than 4099 bytes"),
        ('a path one over', [[entry('/'.join(['e' * 255] * 16) + '/f')]], None),
        ('a long link target', [[entry('s', SYM, link='t' * 4096)]],
         "'s': a link target of 4096 bytes; the limit is 4095"),
        ('a whiteout of nothing', [[entry('.wh.')]], "'.wh.': a whiteout of nothing"),
        ("a whiteout of '.'", [[entry('.wh..')]], "'.wh..': a whiteout of nothing"),
        ("a whiteout of '..'", [[entry('a/.wh...')]], "'a/.wh...': a whiteout of nothing"),
        ('below a whiteout', [[entry('.wh.a/b')]], "'.wh.a/b': an entry below a whiteout"),
        ('a whiteout that is a folder', [[entry('.wh.a', DIR)]],
         "'.wh.a/': a whiteout that is not an empty file"),
        ('a whiteout with contents', [[entry('.wh.a', REG, b'x')]], "'.wh.a': a whiteout that is not an empty file"),
        ('AUFS metadata', [[entry('.wh..wh.plnk', DIR)]],
         "'.wh..wh.plnk/': metadata of AUFS, which is not supported"),
        ('a NUL in a name', [[entry('x', pax={'path': 'a\0b'})]], "tar entry at offset 0: malformed 'path'"),
        ('a NUL in a target', [[entry('x', SYM, pax={'linkpath': 'a\0b'})]], "tar entry at offset 0: malformed 'linkpath'"),
        ('a NUL in a hard link', [[entry('a'), entry('x', LNK, pax={'linkpath': 'a\0b'})]],
         "tar entry at offset 512: malformed 'linkpath'"),
        ('a terminal escape in a name', [[entry('a\x1b[31m/..')]], "'a\\x1b[31m/..': '..' in a name"),
        ('a large capability', [[entry('f', pax={'SCHILY.xattr.security.capability': 'c' * 4097})]],
         "'f': security.capability of 4097 bytes; the limit is 4096"),
        ('a body in a folder', [[entry('d', DIR, b'x')]],
         'tar entry at offset 0: a body of 1 bytes where there can be none'),
    ]
    for i, (name, entries, want) in enumerate(cases):
        data = [tar(x) for x in entries]
        images.simple(f'{work}/l{i}', data)
        if want is None:
            continue
        refused(name, f'oci:{work}/l{i}', f"'oci:{work}/l{i}': layer {len(data)} ({short(data[-1])}): {want}")
    # Names that a message must cut still name their layer; this one depends on the tree's limit.
    i = [c[0] for c in cases].index('a path one over')
    rc, _, err = images.dump(TOOL, f'oci:{work}/l{i}')
    tap.check('a path one over the limit', rc == 3 and err.endswith("a path of 4097 bytes; the limit is 4095"), err)


def fine(work):
    """What looks odd and is allowed."""
    cases = [
        ('root by several names', [[entry('./', DIR, mode=0o700)], [entry('/', DIR, mode=0o711)]], b'', 'd', '711'),
        ('an absolute link target', [[entry('s', SYM, link='/../../etc/passwd')]], b's', 'l', '644'),
        ('a whiteout of what is not there', [[entry('.wh.a'), entry('x/.wh..wh..opq'), entry('b')]], b'b', '-', '644'),
        ('a link to itself', [[entry('a'), entry('a', LNK, link='a')]], b'a', '-', '644'),
        ('a fifo, a device', [[entry('p', FIFO), entry('c', CHR, devmajor=1, devminor=3), entry('b', BLK, devmajor=259)]],
         b'c', 'c', '644'),
        ('a name twice', [[entry('a', REG, b'1', mode=0o600), entry('a', REG, b'2', mode=0o640)]], b'a', '-', '640'),
    ]
    cases += [
        ('a name through a link', [[entry('usr/bin/x'), entry('bin', SYM, link='usr/bin')], [entry('bin/y', mode=0o711)]],
         b'usr/bin/y', '-', '711'),
        ('forty links', [[entry('d', DIR), entry('l0', SYM, link='d')] +
                         [entry(f'l{i}', SYM, link=f'l{i - 1}') for i in range(1, 40)] + [entry('l39/x')]], b'd/x', '-', '644'),
    ]
    for i, (name, entries, path, kind, mode) in enumerate(cases):
        images.simple(f'{work}/f{i}', [tar(x) for x in entries])
        rc, lines, err = images.dump(TOOL, f'oci:{work}/f{i}')
        got = images.listing(lines).get(path) if rc == 0 else None
        tap.check(name, got is not None and got[:2] == (kind, mode), f'{rc} {err} {got}')


def limits(work):
    big = tar([entry('z', REG, bytes(20 << 20))])
    for kind in ('plain', 'gzip', 'zstd'):
        images.simple(f'{work}/big-{kind}', [big], kind)
    layout = {k: f'oci:{work}/big-{k}' for k in ('plain', 'gzip', 'zstd')}

    def blob(kind):
        with open(f'{work}/big-{kind}/index.json', encoding='utf-8') as f:
            m = json.load(f)['manifests'][0]['digest']
        with open(f'{work}/big-{kind}/blobs/sha256/{m[7:]}', encoding='utf-8') as f:
            return json.load(f)['layers'][0]['digest'][:19]

    n = len(big)
    refused('total, plain', layout['plain'], f"'{layout['plain']}': layer 1 ({blob('plain')}): more than 1000000 bytes",
            '--total', '1000000')
    for kind in ('gzip', 'zstd'):
        refused(f'total, {kind}', layout[kind],
                f"'{layout[kind]}': layer 1 ({blob(kind)}): more than 1000000 bytes when decompressed", '--total', '1000000')
        rc, _, err = images.dump(TOOL, layout[kind], '--ratio', '5')
        tap.check(f'ratio, {kind}', rc == 3 and f': layer 1 ({blob(kind)}): decompresses to more than 5 times its size' in err,
                  f'{rc} {err}')
        rc, _, err = images.dump(TOOL, layout[kind], '--total', str(n), '--ratio', '100000')
        tap.check(f'raised limits, {kind}', rc == 0, err)
    rc, _, err = images.dump(TOOL, layout['zstd'])
    tap.check('a zstd bomb stops at the default ratio', rc == 3 and 'more than 1100 times its size' in err, f'{rc} {err}')
    rc, _, err = images.dump(TOOL, layout['gzip'])
    tap.check('gzip cannot reach it', rc == 0, err)
    two = [tar([entry('a', REG, bytes(600000))]), tar([entry('b', REG, bytes(600000))])]
    images.simple(f'{work}/two', two, 'gzip')
    rc, _, err = images.dump(TOOL, f'oci:{work}/two', '--total', '1000000')
    tap.check('total over all layers', rc == 3 and ': layer 2 (' in err and err.endswith('more than 1000000 bytes in all layers'), err)
    many = [tar([entry(f'{i}') for i in range(6)]), tar([entry(f'x{i}') for i in range(5)])]
    images.simple(f'{work}/many', many)
    refused('entries over all layers', f'oci:{work}/many',
            f"'oci:{work}/many': layer 2 ({short(many[1])}): more than 10 entries in all layers", '--entries', '10')
    rc, _, err = images.dump(TOOL, f'oci:{work}/many', '--entries', '11')
    tap.check('as many entries as allowed', rc == 0, err)
    sparse = {'GNU.sparse.size': str(3 << 30), 'GNU.sparse.numblocks': '1', 'GNU.sparse.map': '0,3'}
    hole = tar([entry('s', REG, b'abc', pax=sparse)])
    images.simple(f'{work}/hole', [hole])
    refused('a hole of 3 GiB', f'oci:{work}/hole',
            f"'oci:{work}/hole': layer 1 ({short(hole)}): 's': expands to more than 1100 times the layer's size")
    refused('a hole over the total', f'oci:{work}/hole',
            f"'oci:{work}/hole': layer 1 ({short(hole)}): 's': more than 1000000 bytes in all layers", '--total', '1000000')
    rc, lines, err = images.dump(TOOL, f'oci:{work}/hole', '--ratio', '1000000000', '--no-bodies')
    tap.check('the same hole, allowed', rc == 0 and images.listing(lines)[b's'][4] == str(3 << 30), err)
    m, _ = entry('huge')
    m.size = 1 << 32
    path = f'{work}/huge.tar'
    with open(path, 'wb') as f:
        f.write(m.tobuf())
        f.truncate(512 + (1 << 32) + 1024)
    refused('a file over 2^32 - 1', f'rootfs-tar:{path}',
            f"'rootfs-tar:{path}': layer 1 (no digest): 'huge': a file of 4294967296 bytes; the limit is 4294967295")
    m.size -= 1
    with open(path, 'wb') as f:
        f.write(m.tobuf())
        f.truncate(512 + (1 << 32) + 1024)
    rc, lines, err = images.dump(TOOL, f'rootfs-tar:{path}', '--no-bodies')
    tap.check('a file of 2^32 - 1', rc == 0 and images.listing(lines)[b'huge'][4] == '4294967295', err)
    os.unlink(path)


def blobs(work):
    """Bytes that are not what the manifest or the config promises."""
    good = tar([entry('a', REG, b'hello'), entry('b', DIR)])
    other = tar([entry('evil')])
    for kind in ('plain', 'gzip', 'zstd'):
        packed = images.pack(good, kind)
        d, path = short(packed), f'{work}/b-{kind}'
        layout = images.simple(path, [good], kind)
        where = f"'oci:{path}': layer 1 ({d}): "
        blob = layout.blob_path(sha(packed))
        flipped = bytearray(packed)
        flipped[len(packed) // 2] ^= 1
        layout.file('blobs/sha256/' + sha(packed)[7:], flipped)
        refused(f'a changed byte, {kind}', f'oci:{path}',
                f"{where}digest {sha(bytes(flipped))}, but {sha(packed)} was expected")
        layout.file('blobs/sha256/' + sha(packed)[7:], packed[:-1])
        refused(f'too short, {kind}', f'oci:{path}',
                f"{where}'blobs/sha256/{sha(packed)[7:]}': {len(packed) - 1} bytes, but {len(packed)} were expected")
        layout.file('blobs/sha256/' + sha(packed)[7:], packed + b'\0')
        refused(f'too long, {kind}', f'oci:{path}',
                f"{where}'blobs/sha256/{sha(packed)[7:]}': {len(packed) + 1} bytes, but {len(packed)} were expected")
        os.unlink(blob)
        refused(f'missing, {kind}', f'oci:{path}', f"{where}'blobs/sha256/{sha(packed)[7:]}': no such file in the image")
        os.mkdir(blob)
        refused(f'a folder for a blob, {kind}', f'oci:{path}',
                f"{where}'blobs/sha256/{sha(packed)[7:]}': not a regular file")
        layout = images.Layout(f'{work}/d-{kind}')
        desc = layout.blob(packed, images.LAYER + images.suffix(kind))
        layout.tag(layout.manifest([desc], layout.config([sha(other)])))
        refused(f'wrong diff_id, {kind}', f'oci:{work}/d-{kind}',
                f"'oci:{work}/d-{kind}': layer 1 ({d}): uncompressed: digest {sha(good)}, but {sha(other)} was expected")
    fifo = images.Layout(f'{work}/fifo')
    desc = fifo.blob(good, images.LAYER)
    fifo.tag(fifo.manifest([desc], fifo.config([sha(good)])))
    os.unlink(fifo.blob_path(desc['digest']))
    os.mkfifo(fifo.blob_path(desc['digest']))
    refused('a fifo for a blob', f'oci:{work}/fifo',
            f"'oci:{work}/fifo': layer 1 ({short(good)}): 'blobs/sha256/{desc['digest'][7:]}': not a regular file")
    # sha512 in places where it is rare.
    wide = 'sha512:' + hashlib.sha512(good).hexdigest()
    layout = images.Layout(f'{work}/wide')
    layout.tag(layout.manifest([layout.blob(good, images.LAYER)], layout.config([wide])))
    rc, _, err = images.dump(TOOL, f'oci:{work}/wide')
    tap.check('a diff_id in sha512', rc == 0, err)
    bad = 'sha512:' + hashlib.sha512(other).hexdigest()
    layout.descs = []
    layout.tag(layout.manifest([layout.blob(good, images.LAYER)], layout.config([bad])))
    refused('a wrong one', f'oci:{work}/wide',
            f"'oci:{work}/wide': layer 1 ({short(good)}): uncompressed: digest {wide}, but {bad} was expected"[:1024])
    packed = images.pack(good, 'gzip')
    wide = hashlib.sha512(packed).hexdigest()
    os.mkdir(f'{work}/wide/blobs/sha512')
    layout.file(f'blobs/sha512/{wide}', packed)
    desc = {'mediaType': images.LAYER + '+gzip', 'digest': f'sha512:{wide}', 'size': len(packed)}
    layout.index([layout.manifest([desc], layout.config([sha(good)]))])
    rc, _, err = images.dump(TOOL, f'oci:{work}/wide')
    tap.check('a blob by its sha512', rc == 0, err)
    flipped = packed[:-1] + bytes([packed[-1] ^ 1])
    layout.file(f'blobs/sha512/{wide}', flipped)
    refused('and changed', f'oci:{work}/wide', f"'oci:{work}/wide': layer 1 (sha512:{wide[:12]}): digest "
            f"sha512:{hashlib.sha512(flipped).hexdigest()}, but sha512:{wide} was expected")
    # What the bytes are decides, not what the manifest calls them.
    layout = images.Layout(f'{work}/claims')
    tars = [tar([entry(x, REG, x.encode())]) for x in 'abc']
    kinds = (('zstd', 'gzip'), ('plain', 'zstd'), ('gzip', 'plain'))
    descs = [layout.blob(images.pack(t, k), images.LAYER + images.suffix(claim)) for t, (k, claim) in zip(tars, kinds)]
    layout.tag(layout.manifest(descs, layout.config([sha(t) for t in tars])))
    rc, lines, err = images.dump(TOOL, f'oci:{work}/claims')
    tap.check('layers that are compressed in another way than they are called', rc == 0 and
              sorted(images.listing(lines)) == [b'', b'a', b'b', b'c'], err)


def verdicts(work):
    """Which of several things that are wrong is told."""
    for kind in ('plain', 'gzip', 'zstd'):
        tars = [tar([entry('a', REG, os.urandom(200000))]), tar([entry('../x')]), tar([entry('/y')]), tar([entry('.wh.')])]
        packed = [images.pack(t, kind) for t in tars]
        path = f'{work}/{kind}'
        layout = images.simple(path, tars, kind)
        refused(f'three bad layers: the lowest, {kind}', f'oci:{path}', f"'oci:{path}': layer 2 ({short(packed[1])}): '../x': '..' in a name")
        other = tar([entry('../z')])
        layout.file('blobs/sha256/' + sha(packed[1])[7:], images.pack(other, kind).ljust(len(packed[1]), b'\0')[:len(packed[1])])
        rc, lines, err = images.dump(TOOL, f'oci:{path}')
        tap.check(f'its digest before its entries, {kind}', rc == 3 and not lines and
                  err.startswith(f"'oci:{path}': layer 2 ({short(packed[1])}): digest sha256:"), err)
        layout = images.Layout(f'{path}-id')
        layout.tag(layout.manifest([layout.blob(packed[1], images.LAYER)], layout.config([sha(b'')])))
        refused(f'its diff_id before its entries, {kind}', f'oci:{path}-id', f"'oci:{path}-id': layer 1 ({short(packed[1])}): "
                f"uncompressed: digest {sha(tars[1])}, but {sha(b'')} was expected")


def confined(work):
    """All of these images again, where nothing but the spool's folder can be written: the verdicts are
    the same, and nothing is left in that folder. Needs a mount namespace; without root it is said so."""
    if os.geteuid() != 0:
        print('# confined: not root, left out')
        return
    sources = [f'oci:{os.path.dirname(work)}/{part}/{name}' for part in ('layers', 'fine', 'blobs', 'compression')
               for name in sorted(os.listdir(f'{os.path.dirname(work)}/{part}'))]
    script = ('set -e; mount -t tmpfs none "$1"; mkdir "$1/spool"; '
              'for m in $(cut -d" " -f5 /proc/self/mountinfo | grep -vxF -e "$1" -e /dev -e /proc | sort -u); do '
              'mount -o remount,bind,ro "$m" 2>/dev/null || :; done; if touch "$3" 2>/dev/null; then exit 9; fi; export TMPDIR=$1/spool; '
              'shift; tool=$1; shift 2; set +e; for s; do "$tool" "$s" >/dev/null; echo "$?"; ls -A "$TMPDIR"; done')
    r = subprocess.run(['unshare', '-m', 'sh', '-c', script, 'sh', work, TOOL, os.path.dirname(work) + '/x', *sources],
                       capture_output=True, timeout=300)
    want = [str(images.dump(TOOL, s)[0]) for s in sources]
    tap.check(f'{len(sources)} images where only the spool can be written', len(sources) > 60 and
              r.stdout.decode().split() == want, f'{r.stdout.decode().split()} {want} {r.stderr.decode()[-500:]}')


def compression(work):
    good = tar([entry('a', REG, b'hello' * 1000)])
    for kind, tail, why in (('gzip', b'garbage', 'gzip: garbage after the end, at offset {n}'),
                            ('gzip', bytes(512), 'gzip: garbage after the end, at offset {n}'),
                            ('zstd', b'garbage', 'zstd: garbage after the end, at offset {n}')):
        packed = images.pack(good, kind)
        layout = images.Layout(f'{work}/g-{kind}{len(tail)}')
        desc = layout.blob(packed + tail, images.LAYER + '+' + kind)
        layout.tag(layout.manifest([desc], layout.config([sha(good)])))
        refused(f'{len(tail)} bytes behind {kind}', f'oci:{layout.path}',
                f"'oci:{layout.path}': layer 1 ({desc['digest'][:19]}): {why.format(n=len(packed))}")
    for magic, word in ((b'BZh91AY', 'bzip2'), (b'\xfd7zXZ\0', 'xz')):
        layout = images.Layout(f'{work}/{word}')
        desc = layout.blob(magic + bytes(100), images.LAYER)
        layout.tag(layout.manifest([desc], layout.config([sha(good)])))
        refused(f'{word} instead', f'oci:{layout.path}',
                f"'oci:{layout.path}': layer 1 ({desc['digest'][:19]}): compressed with {word}; gzip, zstd and plain are read")
    double = images.pack(images.pack(good, 'gzip'), 'gzip')
    layout = images.Layout(f'{work}/double')
    desc = layout.blob(double, images.LAYER + '+gzip')
    layout.tag(layout.manifest([desc], layout.config([sha(images.pack(good, 'gzip'))])))
    rc, _, err = images.dump(TOOL, f'oci:{layout.path}')
    tap.check('compressed twice is not a tar', rc == 3 and 'layer 1' in err and 'tar entry at offset 0' in err, err)


def truncations(work):
    """Every length of a small layer, with a manifest that fits the shorter file."""
    good = tar([entry('a', REG, b'hi'), entry('b', LNK, link='a')])
    good = good[:good.rindex(b'hi') + 512 * 4]
    for kind in ('plain', 'gzip', 'zstd'):
        packed = images.pack(good, kind)
        wrong = []
        step = 1 if len(packed) < 700 else 7
        for n in range(0, len(packed), step):
            path = f'{work}/t'
            layout = images.Layout(path)
            desc = layout.blob(packed[:n], images.LAYER)
            layout.tag(layout.manifest([desc], layout.config([sha(packed[:n]) if kind == 'plain' else sha(good)])))
            rc, lines, err = images.dump(TOOL, f'oci:{path}')
            if kind == 'plain' or n < (3 if kind == 'gzip' else 4):
                ok = ': truncated (512 bytes were expected at offset' in err
                # A few bytes of a compressed file are a plain file with a wrong diff_id.
                ok = ok or (kind != 'plain' and ': uncompressed: digest' in err)
            else:
                ok = err.endswith(f'{kind}: truncated at offset {n}')
            if rc != 3 or not ok or lines:
                wrong.append(f'{n}: {rc} {err}')
            shutil.rmtree(path)
        tap.check(f'truncated at every byte, {kind} ({len(packed)} bytes)', not wrong, '\n'.join(wrong))
        archive = f'{work}/cut.tar'
        wrong = []
        for n in range(0, len(packed), step):
            with open(archive, 'wb') as f:
                f.write(packed[:n])
            rc, lines, err = images.dump(TOOL, f'rootfs-tar:{archive}')
            if rc != 3 or lines or 'truncated' not in err:
                wrong.append(f'{n}: {rc} {err}')
        tap.check(f'rootfs-tar: truncated at every byte, {kind}', not wrong, '\n'.join(wrong))


def full_disk(work):
    """The spool's disk is full: TMPDIR on a file system of 1 MiB, when that can be had."""
    good = tar([entry('z', REG, os.urandom(4 << 20))])
    images.simple(f'{work}/disk', [good], 'gzip')
    env = dict(os.environ, TMPDIR=f'{work}/none')
    refused('no folder for the spool', f'oci:{work}/disk',
            f"'oci:{work}/disk': layer 1 ({short(images.pack(good, 'gzip'))}): cannot make a temporary file in "
            f"'{work}/none': No such file or directory", status=4, env=env)
    # RLIMIT_FSIZE stands in for the full disk: no privileges are needed, and it is the same path.
    import resource
    import signal

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    r = subprocess.run([TOOL, f'oci:{work}/disk'], capture_output=True, preexec_fn=limit, timeout=60)
    want = (f"'oci:{work}/disk': layer 1 ({short(images.pack(good, 'gzip'))}): the spool: cannot write: File too large")
    tap.check('a spool that cannot grow', (r.returncode, r.stderr.decode().strip(), r.stdout) == (4, want, b''),
              f'{r.returncode} {r.stderr.decode()}')


def main():
    with tempfile.TemporaryDirectory(prefix='selfsame-hostile-') as work:
        before = sorted(os.listdir('/'))
        for part in (layers, fine, limits, blobs, verdicts, compression, truncations, full_disk, confined):
            os.mkdir(f'{work}/{part.__name__}')
            part(f'{work}/{part.__name__}')
        tap.equal('nothing appeared in the root folder', sorted(os.listdir('/')), before)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
