#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: engines.py IMAGE_DUMP

Images that buildah builds, skopeo carries from place to place and umoci unpacks: our merged tree is
the same wherever they lie and however they are compressed, and the same as the folder that umoci
makes of the layers. Prints TAP. Storage of its own; no network.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

import images
from images import DIR, LNK, REG, SYM, entry

TOOL = sys.argv[1]
tap = images.Tap()


def run(*argv, env=None, cwd=None):
    r = subprocess.run(argv, capture_output=True, timeout=300, env=env, cwd=cwd)
    if r.returncode != 0:
        raise RuntimeError(f'{argv}: {r.stderr.decode()}')
    return r.stdout.decode().strip()


def populate(top):
    """What the layers are made of."""
    os.makedirs(f'{top}/etc/deep/er')
    os.makedirs(f'{top}/lib/old')
    os.makedirs(f'{top}/opaque/below')
    for name, body in (('etc/keep', b'1'), ('etc/deep/er/gone', b'2'), ('lib/old/a', b'3'), ('lib/old/b', b'4'), ('opaque/below/x', b'5'),
                       ('opaque/y', b'6'), ('big', os.urandom(1 << 20)), ('file-then-dir', b'7'), ('caf\u00e9', b'8'),
                       ('n' * 150, b'long'), ('not-\udcff', b'bytes')):
        with open(f'{top}/{name}', 'wb') as f:
            f.write(body)
    os.link(f'{top}/big', f'{top}/lib/big-too')
    os.symlink('/etc/keep', f'{top}/link')
    os.symlink('old', f'{top}/lib/link')
    os.chmod(f'{top}/etc/keep', 0o4755)
    os.chmod(f'{top}/opaque', 0o1777)
    for i in range(1500):
        with open(f'{top}/etc/deep/{i}', 'w', encoding='ascii') as f:
            f.write(f'{i}')


def change(top):
    """A second layer: whiteouts, replacements, a link to a name of the first."""
    os.unlink(f'{top}/etc/deep/er/gone')
    shutil.rmtree(f'{top}/lib/old')
    shutil.rmtree(f'{top}/opaque')
    os.makedirs(f'{top}/opaque/below')
    with open(f'{top}/opaque/below/new', 'wb') as f:
        f.write(b'new')
    os.unlink(f'{top}/file-then-dir')
    os.mkdir(f'{top}/file-then-dir')
    os.unlink(f'{top}/link')
    os.symlink('/elsewhere', f'{top}/link')
    os.chmod(f'{top}/etc', 0o700)
    for i in range(0, 1500, 3):
        os.unlink(f'{top}/etc/deep/{i}')


def build(work, env):
    """Three layers with buildah; changes are made through a mount, so that whiteouts are its own."""
    populate(f'{work}/first')
    name = run('buildah', 'from', 'scratch', env=env)
    run('buildah', 'copy', '-q', name, f'{work}/first', '/', env=env)
    run('buildah', 'config', '--env', 'LANG=C', '--cmd', '["/bin/x"]', '--workingdir', '/etc', name, env=env)
    run('buildah', 'commit', '-q', '--rm', name, 'one', env=env)
    name = run('buildah', 'from', '--pull-never', 'one', env=env)
    change(run('buildah', 'mount', name, env=env))
    run('buildah', 'umount', name, env=env)
    run('buildah', 'commit', '-q', '--rm', name, 'two', env=env)
    name = run('buildah', 'from', '--pull-never', 'two', env=env)
    top = run('buildah', 'mount', name, env=env)
    os.link(f'{top}/big', f'{top}/etc/big-three')
    shutil.rmtree(f'{top}/file-then-dir')
    with open(f'{top}/file-then-dir', 'wb') as f:
        f.write(b'a file again')
    run('buildah', 'umount', name, env=env)
    run('buildah', 'commit', '-q', '--rm', name, 'localhost/three:v1', env=env)


def tree_of(source, env=None):
    rc, lines, err = images.dump(TOOL, source, env=env)
    if rc != 0:
        return None, err
    conf = [x for x in lines if x.startswith('config ') and ' manifest=' not in x]
    return (images.listing(lines), conf), err


def without_times(tree):
    return {p: v[:6] + v[7:] for p, v in tree.items()}


def main():
    with tempfile.TemporaryDirectory(prefix='selfsame-engines-') as work:
        with open(f'{work}/storage.conf', 'w', encoding='ascii') as f:
            f.write(f'[storage]\ndriver = "vfs"\ngraphroot = "{work}/root"\nrunroot = "{work}/run"\n')
        env = dict(os.environ, CONTAINERS_STORAGE_CONF=f'{work}/storage.conf', BUILDAH_ISOLATION='chroot')
        try:
            build(work, env)
            check(work, env)
        finally:
            subprocess.run(['buildah', 'umount', '--all'], env=env, capture_output=True, timeout=60)
    return tap.end()


def check(work, env):
    run('buildah', 'push', '-q', 'localhost/three:v1', f'oci:{work}/oci:v1', env=env)
    base, err = tree_of(f'oci:{work}/oci:v1')
    if not tap.check('a layout that buildah wrote', base is not None, err):
        return
    tree = base[0]
    tap.equal('what the second layer hid is gone', sorted(p for p in tree if p.startswith((b'lib', b'opaque', b'etc/deep/er'))),
              [b'etc/deep/er', b'lib', b'lib/big-too', b'lib/link', b'opaque', b'opaque/below', b'opaque/below/new'])
    tap.equal('names in one folder', len([p for p in tree if p.startswith(b'etc/deep/')]), 1001)
    tap.equal('a file, a folder, a file', tree[b'file-then-dir'][0], '-')
    # buildah's storage writes the new name as a file of its own; a link across layers is merge.py's.
    tap.check('hard links', tree[b'lib/big-too'][10] == b'big' and tree[b'etc/big-three'][8] == tree[b'big'][8], tree[b'big'])

    copies = [('dir:' + f'{work}/dir', []), (f'oci-archive:{work}/o.tar:v1', []), (f'docker-archive:{work}/d.tar:localhost/three:v1', []),
              (f'oci:{work}/zstd:v1', ['--dest-compress', '--dest-compress-format', 'zstd']), (f'dir:{work}/plain', ['--dest-decompress']),
              (f'dir:{work}/v2s2', ['--format', 'v2s2'])]
    for to, how in copies:
        run('skopeo', 'copy', '--quiet', '--insecure-policy', *how, f'oci:{work}/oci:v1', to, env=env)
        got, err = tree_of(to)
        tap.check(f'skopeo carried it to {to.partition(":")[0]} {" ".join(how)}', got == base, err or images.difference(got[0], tree))
    types = {json.load(open(f'{work}/v2s2/manifest.json', encoding='utf-8'))['mediaType']}
    tap.equal('one of them in Docker\'s types', types, {images.DOCKER_MANIFEST})

    for tool in ('buildah', 'skopeo'):
        out_of_storage(work, dict(env, PATH=only(work, tool)), tool, base)
    bare = dict(env, PATH=f'{work}/nothing')
    rc, _, err = images.dump(TOOL, 'containers-storage:x', env=bare)
    tap.equal('no engine', (rc, err),
              (4, "'containers-storage:x': containers-storage: needs podman, buildah or skopeo; none is installed"))
    rc, _, err = images.dump(TOOL, 'docker-daemon:x', env=bare)
    tap.equal('no docker', (rc, err), (4, "'docker-daemon:x': docker-daemon: needs 'docker', which is not installed"))
    fake_docker(work, env)

    run('umoci', 'unpack', *([] if os.geteuid() == 0 else ['--rootless']), '--image', f'{work}/oci:v1', f'{work}/bundle', env=env)
    got, err = tree_of(f'rootfs:{work}/bundle/rootfs')
    want = without_times(tree)
    got = without_times(got[0]) if got else {}
    if os.geteuid() != 0:  # umoci maps every owner to the caller then
        want, got = ({p: v[:2] + v[4:] for p, v in x.items()} for x in (want, got))
    tap.check('the folder that umoci unpacks', got == want, err or images.difference(got, want))
    ways_through_links(work, env)


BASE = [entry('usr/bin', DIR), entry('usr/bin/sh', REG, b'sh'), entry('usr/bin/x', REG, b'x'), entry('usr/bin/d/deep', REG, b'd'),
        entry('bin', SYM, link='usr/bin'), entry('abs', SYM, link='/usr/bin'), entry('srv/rel', SYM, link='../usr/./bin/'),
        entry('chain', SYM, link='srv/rel')]
LAYERS = {
    'a name': [entry('bin/new', REG, b'n')],
    'absolute': [entry('abs/new', REG, b'n'), entry('abs/d/new', REG, b'n')],
    'relative': [entry('srv/rel/new', REG, b'n'), entry('srv/rel/more/new', REG, b'n')],
    'in a chain': [entry('chain/new', SYM, link='x'), entry('chain/d', DIR, mode=0o700)],
    'a file for a file': [entry('bin/x', REG, b'other')],
    'a whiteout': [entry('bin/.wh.x'), entry('chain/.wh.d')],
    'a whiteout behind': [entry('bin/d/new'), entry('bin/d/.wh.deep')],
    'opaque': [entry('bin/.wh..wh..opq'), entry('bin/new')],
    'opaque behind': [entry('bin/new'), entry('bin/d/new'), entry('bin/.wh..wh..opq')],
    'a hard link': [entry('h', LNK, link='bin/x')],
    'a hard link there': [entry('bin/h', LNK, link='chain/x')],
    'a folder for the link': [entry('bin', DIR), entry('bin/new')],
    'and a whiteout in it': [entry('bin', DIR), entry('bin/.wh.x'), entry('bin/new')],
    'a folder later': [entry('bin/new'), entry('bin', DIR)],
    'a whiteout, then a folder': [entry('bin/.wh.x'), entry('bin', DIR), entry('bin/new')],
    'no link any more': [entry('.wh.bin'), entry('bin/new')],
    'no link later': [entry('bin/new'), entry('.wh.bin')],
    'another link': [entry('opt', DIR), entry('bin', SYM, link='opt'), entry('bin/new')],
    'a link of its own': [entry('lib', SYM, link='usr/lib'), entry('usr/lib', DIR), entry('lib/a')],
    'a link of its own later': [entry('lib/a'), entry('lib', SYM, link='usr/lib'), entry('usr/lib', DIR)],
}


def ways_through_links(work, env):
    """Where both unpack layers over one another in a folder, they walk through links as we do."""
    for i, (name, layer) in enumerate(LAYERS.items()):
        top = f'{work}/way{i}'
        want = tree_through_links(f'{top}', layer)
        run('umoci', 'unpack', *([] if os.geteuid() == 0 else ['--rootless']), '--image', f'{top}:latest', f'{top}.umoci', env=env)
        got = plain_facts(tree_of(f'rootfs:{top}.umoci/rootfs'))
        tap.check(f'through links, as umoci: {name}', got == want, images.difference(want, got))
        box = run('buildah', 'from', '--quiet', '--pull', f'oci:{top}:latest', env=env)
        got = plain_facts(tree_of('rootfs:' + run('buildah', 'mount', box, env=env)))
        run('buildah', 'rm', box, env=env)
        if name.startswith('opaque'):  # its one exception: it empties no folder through a link
            want = tree_through_links(f'{top}x', [e for e in layer if not e[0].name.endswith('opq')])
        tap.check(f'through links, as buildah: {name}', got == want, images.difference(want, got))


def tree_through_links(top, layer):
    images.simple(top, [images.tar(BASE), images.tar(layer)], 'gzip')
    return plain_facts(tree_of(f'oci:{top}'))


def plain_facts(tree):
    """Neither times nor owners, and modes of files only: the layers do not say more."""
    if tree[0] is None:
        return {b'': tree[1]}
    return {p: (v[0], v[1] if v[0] == '-' else None) + v[4:6] + v[7:] for p, v in tree[0][0].items()}


def only(work, tool):
    """A PATH with that one program."""
    os.makedirs(f'{work}/only-{tool}')
    os.symlink(shutil.which(tool), f'{work}/only-{tool}/{tool}')
    return f'{work}/only-{tool}'


# A /dev of its own with what programs need; says whether /dev/stdout outlived the program.
OWN_DEV = """d=$1; shift; mount -t tmpfs none "$d"; cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom "$d"
ln -s /proc/self/fd "$d/fd"; ln -s /proc/self/fd/1 "$d/stdout"; mount --bind "$d" /dev
"$@"; status=$?; test -L /dev/stdout && exit $status; echo '/dev/stdout is gone'; exit 99"""


def out_of_storage(work, env, tool, base):
    got, err = tree_of('containers-storage:localhost/three:v1', env)
    tap.check(f'out of the engines\' own storage, by {tool}', got == base, err or images.difference(got[0], base[0]))
    source = 'containers-storage:localhost/none:v1'
    argv = [TOOL, source]
    if os.geteuid() == 0:
        os.mkdir(f'{work}/dev-{tool}')
        argv = [shutil.which('unshare'), '-m', shutil.which('sh'), '-c', f'PATH={os.environ["PATH"]}; {OWN_DEV}', 'sh',
                f'{work}/dev-{tool}', shutil.which('env'), f'PATH={env["PATH"]}', *argv]
    r = subprocess.run(argv, env=env, capture_output=True, timeout=300)
    err = r.stderr.decode()
    tap.check(f'an image that {tool} does not have, and nothing of the machine is removed', (r.returncode, r.stdout) == (5, b'') and
              err.startswith(f"'{source}': '{tool} ") and ' failed with status ' in err, f'{r.returncode} {r.stdout} {err}')


def fake_docker(work, env):
    """`docker save` of a daemon that is not here: a program of that name that writes the archive."""
    os.mkdir(f'{work}/bin')
    archive = glob.glob(f'{work}/d.tar')[0]
    with open(f'{work}/bin/docker', 'w', encoding='ascii') as f:
        f.write('#!/bin/sh\n[ "$1 $2" = "save localhost/three:v1" ] || { echo "No such image: $2" >&2; exit 1; }\n'
                f'exec cat {archive}\n')
    os.chmod(f'{work}/bin/docker', 0o755)
    fake = dict(env, PATH=f'{work}/bin:{env["PATH"]}')
    got, err = tree_of('docker-daemon:localhost/three:v1', fake)
    want, _ = tree_of(f'docker-archive:{archive}')
    tap.check('what docker save writes', got is not None and got == want, err)
    rc, _, err = images.dump(TOOL, 'docker-daemon:none', env=fake)
    tap.equal('docker that says no', (rc, err), (5, "'docker-daemon:none': 'docker save' failed with status 1: No such image: none"))


if __name__ == '__main__':
    sys.exit(main())
