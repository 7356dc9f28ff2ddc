#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: places.py IMAGE_DUMP

Every place an image can lie in, made by hand: layouts with indexes inside indexes, archives with
links between their members, skopeo's folders, plain folders; what is chosen, what is refused and
how that is said. Prints TAP.
"""
import gzip
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile

import images
from images import DIR, DOCKER_LIST, INDEX, LNK, MANIFEST, REG, SYM, Layout, entry, sha, tar

TOOL = sys.argv[1]
tap = images.Tap()
A, B, C = (tar([entry(x, REG, x.encode())]) for x in 'abc')


def names(source, *args):
    rc, lines, err = images.dump(TOOL, source, *args)
    return sorted(os.fsdecode(p) for p in images.listing(lines) if p) if rc == 0 else (rc, err)


def holds(name, source, want, *args):
    tap.equal(name, names(source, *args), want)


def refused(name, source, want, *args, status=3):
    tap.equal(name, names(source, *args), (status, f"'{source}': {want}" if status != 2 else want))


def indexes(work):
    def new(name):
        return Layout(f'{work}/{name}')

    def plat(arch, variant=None, os_='linux'):
        return {'os': os_, 'architecture': arch, **({'variant': variant} if variant else {})}

    lay = new('tags')
    one, two = lay.image([A]), lay.image([B])
    lay.tag(one, '1')
    lay.tag(two, '2')
    holds('a tag', f'oci:{work}/tags:1', ['a'])
    holds('another tag', f'oci:{work}/tags:2', ['b'])
    refused('no tag, two images', f'oci:{work}/tags', '2 images for linux/amd64; name one by its tag: 1, 2')
    refused('a tag that is not there', f'oci:{work}/tags:3', "no image has the tag '3'; tags: 1, 2")
    holds('by digest', f"oci:{work}/tags@{two['digest']}", ['b'])
    inner = lay.json({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [one]}, INDEX)
    holds('an index by digest', f"oci:{work}/tags@{inner['digest']}", ['a'])
    gone = sha(b'gone')
    refused('a digest that is not there', f'oci:{work}/tags@{gone}', f"'blobs/sha256/{gone[7:]}': no such file in the image")
    lay = new('same')
    lay.tag(one, 'x')
    lay.tag(lay.image([A]), 'y')
    holds('one image under two tags', f'oci:{work}/same', ['a'])

    lay = new('platforms')
    amd, arm = lay.image([A], platform=plat('amd64')), lay.image([B], arch='arm64', platform=plat('arm64', 'v8'))
    att = lay.json({'schemaVersion': 2, 'mediaType': MANIFEST, 'config': lay.blob(b'{}', images.CONFIG), 'layers': []}, MANIFEST,
                   platform=plat('unknown', os_='unknown'),
                   annotations={'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': amd['digest']})
    lay.tag(lay.json({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [att, arm, amd]}, INDEX), 'all')
    holds('an index in the index: amd64', f'oci:{work}/platforms:all', ['a'])
    holds('an index in the index: arm64', f'oci:{work}/platforms', ['b'], '--arch', 'aarch64')
    lay.index([arm, att])
    refused('no image for the platform', f'oci:{work}/platforms', 'no image for linux/amd64; there are: linux/arm64/v8')
    lay.index([att])
    refused('nothing but an attestation', f'oci:{work}/platforms', 'there is no image in it')
    lay.index([])
    refused('an empty index', f'oci:{work}/platforms', 'there is no image in it')
    v3 = lay.image([C], platform=plat('amd64', 'v3'))
    lay.index([v3, amd])
    holds('the base level, not v3', f'oci:{work}/platforms', ['a'])
    lay.index([v3])
    refused('v3 alone', f'oci:{work}/platforms', 'no image for linux/amd64; there are: linux/amd64/v3')
    lay.index([lay.image([A], platform=plat('amd64')), lay.image([B], platform=plat('amd64'))])
    refused('two for one platform', f'oci:{work}/platforms', '2 images for linux/amd64; name one by its tag: none')
    lay.index([lay.image([B]), amd])
    holds('a stated platform goes first', f'oci:{work}/platforms', ['a'])
    lay.index([dict(arm, platform=plat('amd64'))])
    refused('a platform that is not the config\'s', f'oci:{work}/platforms', 'the image is for linux/arm64, not for linux/amd64')
    docker = lay.image([C], 'gzip', docker=True, platform=plat('amd64'))
    lay.index([lay.json({'schemaVersion': 2, 'mediaType': DOCKER_LIST, 'manifests': [docker]}, DOCKER_LIST)])
    holds("Docker's manifest list", f'oci:{work}/platforms', ['c'])
    inner = amd
    for _ in range(3):
        inner = lay.json({'schemaVersion': 2, 'manifests': [inner]}, INDEX)
    lay.index([inner])
    holds('indexes four deep', f'oci:{work}/platforms', ['a'])
    lay.index([lay.json({'schemaVersion': 2, 'manifests': [inner]}, INDEX)])
    refused('indexes five deep', f'oci:{work}/platforms', 'indexes more than 4 deep')


def documents(work):
    """JSON that is damaged or means two things."""
    lay = Layout(f'{work}/j')
    good = lay.image([A])
    source = f'oci:{work}/j'

    def with_manifest(change, name, want):
        m = json.loads(open(lay.blob_path(good['digest']), 'rb').read())
        change(m)
        lay.index([lay.json(m, MANIFEST)])
        refused(name, source, want)

    def with_config(change, name, want):
        m = json.loads(open(lay.blob_path(good['digest']), 'rb').read())
        c = json.loads(open(lay.blob_path(m['config']['digest']), 'rb').read())
        change(c)
        m['config'] = lay.json(c, images.CONFIG)
        lay.index([lay.json(m, MANIFEST)])
        if isinstance(want, str):
            refused(name, source, want)
        else:
            holds(name, source, want)

    with_manifest(lambda m: m.update(schemaVersion=1), 'schema 1', 'manifest: schema version 1; only 2 is read')
    with_manifest(lambda m: m.update(manifests=[]), 'layers and manifests', "manifest: 'manifests' beside the members of another kind")
    with_manifest(lambda m: m.update(mediaType=INDEX), 'another media type', f"manifest: its media type is '{INDEX}'")
    with_manifest(lambda m: m.pop('config'), 'no config', "manifest: 'config' is missing")
    with_manifest(lambda m: m['config'].update(mediaType='application/vnd.cncf.helm.config.v1+json'), 'a chart, not an image',
                  "manifest: not an image: its config has media type 'application/vnd.cncf.helm.config.v1+json'")
    with_manifest(lambda m: m['layers'][0].update(mediaType=images.LAYER + '+encrypted'), 'an encrypted layer',
                  f"manifest: layer 1 has media type '{images.LAYER}+encrypted'")
    with_manifest(lambda m: m['layers'][0].update(digest='md5:00'), 'an unknown digest',
                  "manifest: 'layers' 0: 'md5:00' is not a sha256 or sha512 digest")
    with_manifest(lambda m: m['layers'][0].update(digest=m['layers'][0]['digest'].upper()), 'a digest in upper case',
                  f"manifest: 'layers' 0: '{json.loads(open(lay.blob_path(good['digest']), 'rb').read())['layers'][0]['digest'].upper()}'"
                  ' is not a sha256 or sha512 digest')
    with_manifest(lambda m: m['layers'][0].update(digest='sha256:../../../etc/passwd'), 'a digest that is a path',
                  "manifest: 'layers' 0: 'sha256:../../../etc/passwd' is not a sha256 or sha512 digest")
    with_manifest(lambda m: m['layers'][0].update(size=-1), 'a negative size', "manifest: 'layers' 0: 'size' is not a whole number")
    with_manifest(lambda m: m['layers'].append(m['layers'][0]), 'more layers than diff_ids',
                  'the manifest has 2 layers, the config 1')
    with_manifest(lambda m: m.update(layers=m['layers'] * 257), 'too many layers', 'manifest: 257 layers; the limit is 256')
    with_config(lambda c: c.update(os='windows'), 'windows', 'the image is for windows/amd64, not for linux/amd64')
    with_config(lambda c: c.update(architecture='arm64'), 'another architecture', 'the image is for linux/arm64, not for linux/amd64')
    with_config(lambda c: c['rootfs'].update(type='x'), 'no layers', "config: 'rootfs' is of type 'x'")
    with_config(lambda c: c['rootfs'].update(diff_ids=[1]), 'diff_ids that are none', "config: 'diff_ids' 0 is not a string")
    with_config(lambda c: c.update(config={'Env': 'A=b'}), 'Env that is no list', "config: 'Env' is not an array")
    with_config(lambda c: c.update(config={'Cmd': ['a', 1]}), 'Cmd with a number', "config: 'Cmd' 1 is not a string")
    with_config(lambda c: c.update(config=None), 'no config member', ['a'])
    with_config(lambda c: c.update(config={'Cmd': None, 'Labels': {}, 'x': 1}), 'unknown and null members', ['a'])
    lay.index([dict(good, size=good['size'] + 1)])
    refused('a manifest of another size', source,
            f"'blobs/sha256/{good['digest'][7:]}': {good['size']} bytes, but {good['size'] + 1} were expected")
    lay.index([dict(good, size=5 << 20)])
    lay.file('blobs/sha256/' + good['digest'][7:], b' ' * (5 << 20))
    refused('a manifest of 5 MiB', source, f"'blobs/sha256/{good['digest'][7:]}': 5242880 bytes; the limit is 4194304")
    for text, name, want in (
            (b'', 'an empty index.json', 'index: the JSON ends too early (line 1, column 0)'),
            (b'[]', 'a list', 'index: not an object'),
            (b'{"schemaVersion":2,"schemaVersion":2}', 'a key twice', 'index: a key occurs twice (line 1, column 34)'),
            (b'{"schemaVersion":2,"manifests":[],"layers":[]}', 'manifests and layers',
             "index: 'layers' beside the members of another kind"),
            (b'{"schemaVersion":2,"mediaType":"' + MANIFEST.encode() + b'","manifests":[]}', 'an index that calls itself a manifest',
             f"index: its media type is '{MANIFEST}'"),
            (b'{"schemaVersion":2,"manifests":[]}x', 'something behind it', 'index: something follows the JSON (line 1, column 35)'),
            (b'{"schemaVersion":2,"manifests":["\xff"]}', 'not UTF-8', 'index: not UTF-8 (line 1, column 33)'),
            (b'{"schemaVersion":2,"manifests":["\\u0000"]}', 'a NUL', 'index: a NUL in a string (line 1, column 40)'),
            (b'{"schemaVersion":2}', 'no manifests', "index: 'manifests' is missing"),
            (b'[' * 40, 'too deep', 'index: more than 32 levels deep, at offset 32')):
        lay.file('index.json', text)
        refused(name, source, want)
    lay.file('oci-layout', b'{"imageLayoutVersion":"2.0.0"}')
    refused('another layout', source, "oci-layout: version '2.0.0'; only 1.0.0 is read")
    os.unlink(f'{work}/j/oci-layout')
    refused('no layout', source, "'oci-layout': no such file in the image")
    refused('no folder', f'oci:{work}/none', f"cannot open '{work}/none': No such file or directory", status=4)


def config(work):
    lay = Layout(f'{work}/c')
    lay.tag(lay.image([A], config={'Entrypoint': ['/bin/x', ''], 'Cmd': ['a b', '\u00e9'], 'Env': ['B=2', 'A=1'], 'User': '5:6',
                                   'WorkingDir': '/w', 'StopSignal': 'SIGINT', 'ExposedPorts': {'9/udp': {}, '80/tcp': {}, '443': {}}}))
    rc, lines, err = images.dump(TOOL, f'oci:{work}/c')
    got = [(x.split(' ')[1], bytes.fromhex(x.partition('is=')[2]).decode()) for x in lines if x.startswith('config ')][:-1]
    tap.equal('what an enclave uses of the config', got, [
        ('entrypoint', '/bin/x'), ('entrypoint', ''), ('cmd', 'a b'), ('cmd', '\u00e9'), ('env', 'B=2'), ('env', 'A=1'),
        ('port', '443'), ('port', '80/tcp'), ('port', '9/udp'), ('workdir', '/w'), ('user', '5:6'), ('signal', 'SIGINT'), ('arch', 'amd64')])
    manifest = json.load(open(f'{work}/c/index.json', encoding='utf-8'))['manifests'][0]['digest']
    tap.check('the manifest\'s digest is told', lines[-1].endswith(f'manifest={manifest[7:]}'), lines[-1])


def add(t, name, body=b'', kind=REG, link=''):
    m, body = entry(name, kind, body, link=link)
    t.addfile(m, io.BytesIO(body))


def docker_archives(work):
    conf = json.dumps({'os': 'linux', 'architecture': 'amd64', 'config': {}, 'rootfs': {'type': 'layers', 'diff_ids': [sha(A), sha(B), sha(A)]}}).encode()
    other = json.dumps({'os': 'linux', 'architecture': 'amd64', 'config': {}, 'rootfs': {'type': 'layers', 'diff_ids': [sha(C)]}}).encode()
    name = sha(conf)[7:] + '.json'

    def archive(path, members, fmt=tarfile.USTAR_FORMAT):
        with tarfile.open(path, 'w', format=fmt) as t:
            for m in members:
                add(t, *m)

    old = [{'Config': name, 'RepoTags': ['alpine:3', 'docker.io/x/y:latest'], 'Layers': ['1/layer.tar', '2/layer.tar', '3/layer.tar']},
           {'Config': 'c.json', 'RepoTags': None, 'Layers': ['4/layer.tar']}]
    members = [('manifest.json', json.dumps(old).encode()), (name, conf), ('c.json', other), ('1/', b'', DIR), ('1/layer.tar', A), ('1/VERSION', b'1.0'),
               ('2/layer.tar', B), ('3/layer.tar', b'', SYM, '../1/layer.tar'), ('4/layer.tar', C), ('repositories', b'{}')]
    path = f'{work}/old.tar'
    archive(path, members)
    lines = images.dump(TOOL, f'docker-archive:{path}:@0')[1]
    tap.check('it is named by the digest of its config', lines and lines[-1].endswith(f'manifest={sha(conf)[7:]}'), lines[-1:])
    holds('docker save, old: by name', f'docker-archive:{path}:alpine:3', ['a', 'b'])
    holds('a name in full', f'docker-archive:{path}:docker.io/library/alpine:3', ['a', 'b'])
    holds('a name without its tag', f'docker-archive:{path}:x/y', ['a', 'b'])
    holds('by number', f'docker-archive:{path}:@1', ['c'])
    refused('two images, no name', f'docker-archive:{path}', '2 images; name one: docker-archive:FILE:NAME, or :@0 for the first')
    refused('an unknown name', f'docker-archive:{path}:alpine:4', "no image is called 'alpine:4'")
    refused('a number too high', f'docker-archive:{path}:@2', 'there is no image @2, only 2')
    with open(path, 'rb') as f:
        packed = gzip.compress(f.read(), 1)
    with open(f'{work}/old.tgz', 'wb') as f:
        f.write(packed)
    holds('a compressed archive', f'docker-archive:{work}/old.tgz:@1', ['c'])
    refused('a compressed archive over the total', f'docker-archive:{work}/old.tgz:@1', 'more than 5000 bytes when decompressed', '--total', '5000')
    hard = [(n, b'', LNK, '1/layer.tar') if n == '3/layer.tar' else (n, b, *x) for n, b, *x in members]
    archive(f'{work}/hard.tar', hard)
    holds('hard links between layers', f'docker-archive:{work}/hard.tar:alpine:3', ['a', 'b'])
    blob = [{'Config': 'blobs/sha256/' + sha(other)[7:], 'RepoTags': ['n:1'], 'Layers': ['blobs/sha256/' + sha(gzip.compress(C, mtime=0))[7:]]}]
    new = [('./blobs/', b'', DIR), ('./manifest.json', json.dumps(blob).encode()), ('./' + blob[0]['Config'], other),
           ('./' + blob[0]['Layers'][0], gzip.compress(C, mtime=0))]
    archive(f'{work}/new.tar', new)
    holds('docker save, new, compressed layers', f'docker-archive:{work}/new.tar', ['c'])
    archive(f'{work}/bad1.tar', new[:2] + [(new[2][0], other + b' ')] + new[3:])
    refused('a config that is not its name', f'docker-archive:{work}/bad1.tar',
            f"config: '{blob[0]['Config']}': digest {sha(other + b' ')}, but {sha(other)} was expected")
    archive(f'{work}/bad2.tar', new[:3] + [(new[3][0], gzip.compress(B, mtime=0))])
    refused('a layer that is not its name', f'docker-archive:{work}/bad2.tar',
            f"layer 1 ({blob[0]['Layers'][0][13:25].join(['sha256:', ''])}): digest {sha(gzip.compress(B, mtime=0))}, but "
            f"{sha(gzip.compress(C, mtime=0))} was expected")
    archive(f'{work}/bad3.tar', [m if m[0] != '4/layer.tar' else ('4/layer.tar', B) for m in members])
    refused('a layer that is not its diff_id', f'docker-archive:{work}/bad3.tar:@1',
            f'layer 1 ({sha(C)[:19]}): uncompressed: digest {sha(B)}, but {sha(C)} was expected')
    archive(f'{work}/bad9.tar', [m if m[0] != name else (name, conf + b'\n') for m in members])
    refused('a config that is not its old name', f'docker-archive:{work}/bad9.tar:@0',
            f"config: '{name}': digest {sha(conf + b'%c' % 10)}, but {sha(conf)} was expected")
    chain = [(f'l{i}', b'', SYM, f'l{i + 1}') for i in range(7)] + [('l7', b'', LNK, '1/layer.tar')]
    archive(f'{work}/links8.tar', [m if m[0] != '3/layer.tar' else ('3/layer.tar', b'', SYM, '../l1') for m in members] + chain)
    holds('eight links in a row', f'docker-archive:{work}/links8.tar:@0', ['a', 'b'])
    archive(f'{work}/links9.tar', [m if m[0] != '3/layer.tar' else ('3/layer.tar', b'', SYM, '../l0') for m in members] + chain)
    refused('nine links in a row', f'docker-archive:{work}/links9.tar:@0', f"layer 3 ({sha(A)[:19]}): '3/layer.tar': no such file in the image")
    for n in (16384, 16385):
        archive(f'{work}/full.tar', members + [(f'f{i}', b'') for i in range(n - len([m for m in members if m[0] != '1/']))])
        if n == 16384:
            holds('as many files as an archive may have', f'docker-archive:{work}/full.tar:@1', ['c'])
        else:
            refused('one more', f'docker-archive:{work}/full.tar:@1', f"'f{n - len(members)}': more than 16384 files")
    archive(f'{work}/bad4.tar', members + [('manifest.json', b'[]')])
    refused('a member twice', f'docker-archive:{work}/bad4.tar:@1', "'manifest.json' occurs twice")
    archive(f'{work}/bad5.tar', [(n, b'', SYM, '3/layer.tar') if n == '1/layer.tar' else (n, b, *x) for n, b, *x in members])
    refused('links in a circle', f'docker-archive:{work}/bad5.tar:@0',
            f"layer 1 ({sha(A)[:19]}): '1/layer.tar': no such file in the image")
    archive(f'{work}/bad6.tar', [('x', b'', SYM, '../../etc/passwd')] + members)
    refused('a link out of the archive', f'docker-archive:{work}/bad6.tar:@1', "'x': a link that leaves the archive")
    archive(f'{work}/bad7.tar', [('../x', b'')] + members)
    refused('a member outside', f'docker-archive:{work}/bad7.tar:@1', "'../x': '..' in a name")
    archive(f'{work}/bad8.tar', members[1:])
    refused('no manifest.json', f'docker-archive:{work}/bad8.tar', "'manifest.json': no such file in the image")
    data = open(f'{work}/new.tar', 'rb').read()
    wrong = []
    for n in list(range(0, len(data) - 1024 - 512 * 15, 97)):
        with open(f'{work}/cut.tar', 'wb') as f:
            f.write(data[:n])
        got = names(f'docker-archive:{work}/cut.tar')
        if got[0] != 3 or 'truncated' not in got[1]:
            wrong.append(f'{n}: {got}')
    tap.check('an archive truncated anywhere', not wrong, '\n'.join(wrong))
    refused('an empty archive', f'docker-archive:{os.devnull}', f"'{os.devnull}' is not a regular file")


def oci_archives(work):
    lay = Layout(f'{work}/a')
    lay.tag(lay.image([A, B], ['plain', 'zstd']), 'v1')
    for prefix in ('', './'):
        path = f'{work}/a{len(prefix)}.tar'
        with tarfile.open(path, 'w', format=tarfile.GNU_FORMAT) as t:
            for root, dirs, files in os.walk(lay.path):
                for f in sorted(files):
                    t.add(f'{root}/{f}', prefix + os.path.relpath(f'{root}/{f}', lay.path))
        holds(f"an archived layout, names with '{prefix}'", f'oci-archive:{path}', ['a', 'b'])
        holds('and its tag', f'oci-archive:{path}:v1', ['a', 'b'])
        refused('another tag', f'oci-archive:{path}:v2', "no image has the tag 'v2'; tags: v1")
    subprocess.run(['zstd', '-q', path], check=True)
    holds('compressed', f'oci-archive:{path}.zst:v1', ['a', 'b'])


def skopeo_folders(work):
    lay = Layout(f'{work}/x')
    m = lay.image([A, B], 'gzip')
    d = f'{work}/dir'
    os.mkdir(d)
    for f in os.listdir(f'{lay.path}/blobs/sha256'):
        os.link(f'{lay.path}/blobs/sha256/{f}', f'{d}/{f}')
    os.rename(f"{d}/{m['digest'][7:]}", f'{d}/manifest.json')
    with open(f'{d}/version', 'w', encoding='ascii') as f:
        f.write('Directory Transport Version: 1.1\n')
    holds("skopeo's folder", f'dir:{d}', ['a', 'b'])
    os.rename(f'{d}/manifest.json', f"{d}/{m['digest'][7:]}.manifest.json")
    with open(f'{d}/manifest.json', 'w', encoding='ascii') as f:
        json.dump({'schemaVersion': 2, 'manifests': [dict(m, platform={'os': 'linux', 'architecture': 'amd64'})]}, f)
    holds('the same with an index', f'dir:{d}', ['a', 'b'])
    with open(f'{d}/version', 'w', encoding='ascii') as f:
        f.write('Directory Transport Version: 2.0\n')
    refused('another version', f'dir:{d}', "'version': not version 1 of skopeo's folders")


def folders(work):
    """rootfs: and rootfs-tar: of the same folder must agree, and with what tar says."""
    top = f'{work}/root'
    os.makedirs(f'{top}/etc/deep/' + 'd/' * 100)
    for name, body in (('etc/passwd', b'root'), ('empty', b''), ('big', os.urandom(700000)), ('not-\udcff-utf8', b'x'), ('.wh.a', b'name')):
        with open(f'{top}/{name}', 'wb') as f:
            f.write(body)
    os.symlink('/etc/passwd', f'{top}/link')
    os.symlink('t' * 4000, f'{top}/long')
    os.link(f'{top}/big', f'{top}/etc/big2')
    os.link(f'{top}/big', f'{top}/etc/big3')
    os.link(f'{top}/link', f'{top}/link2')
    os.mkfifo(f'{top}/fifo')
    os.chmod(f'{top}/etc', 0o2711)
    os.chmod(f'{top}/big', 0o4755)
    if os.geteuid() == 0:
        os.mknod(f'{top}/dev', 0o20600, os.makedev(10, 200))
        os.chown(f'{top}/empty', 77, 88)
        os.setxattr(f'{top}/big', 'security.capability', bytes.fromhex('0100000200040000000000000000000000000000'))
    for i in range(3000):
        open(f'{top}/etc/deep/{i}', 'wb').close()
    subprocess.run(['tar', '--format=pax', '--xattrs', '--xattrs-include=*', '-cf', f'{work}/root.tar', '-C', top, '.'], check=True)
    rc, lines, err = images.dump(TOOL, f'rootfs:{top}')
    got = images.listing(lines)
    tap.check('a folder is read', rc == 0 and len(got) == 3000 + 100 + 14 + (os.geteuid() == 0), f'{rc} {err} {len(got)}')
    for kind, argv in (('plain', ['cat']), ('gzip', ['gzip', '-nc']), ('zstd', ['zstd', '-qc'])):
        with open(f'{work}/root.tar', 'rb') as f, open(f'{work}/r.{kind}', 'wb') as out:
            subprocess.run(argv, stdin=f, stdout=out, check=True)
        rc, lines, err = images.dump(TOOL, f'rootfs-tar:{work}/r.{kind}')
        want = images.listing(lines)
        tap.check(f'the same as its archive, {kind}', rc == 0 and got == want, err or images.difference(got, want))
    s = socket.socket(socket.AF_UNIX)
    s.bind(f'{top}/socket')
    holds('sockets are left out', f'rootfs:{top}', names(f'rootfs-tar:{work}/root.tar'))
    s.close()
    os.unlink(f'{top}/socket')
    refused('a folder over the total', f'rootfs:{top}', "'big': more than 600000 bytes in all", '--total', '600000')
    with open(f'{top}/huge', 'wb') as f:
        f.truncate(1 << 32)
    refused('a file over 2^32 - 1', f'rootfs:{top}', "'huge': a file of 4294967296 bytes; the limit is 4294967295")
    os.unlink(f'{top}/huge')
    os.makedirs(f'{top}/e/' + 'e/' * 256)
    deep = 'e/' * 256 + 'e'
    refused('too deep', f'rootfs:{top}', f"'{deep[:102]}...{deep[-102:]}': more than 256 folders deep")
    subprocess.run(['rm', '-r', f'{top}/e'], check=True)
    if os.geteuid() == 0:
        # In a mount namespace of its own; where that is not allowed the test says so and fails.
        r = subprocess.run(['unshare', '-m', 'sh', '-c', f'mkdir {top}/proc && mount -t tmpfs none {top}/proc && exec {TOOL} rootfs:{top}'],
                           capture_output=True, timeout=60)
        tap.equal('a mount inside', (r.returncode, r.stderr.decode().strip()), (3, f"'rootfs:{top}': 'proc': another file system is mounted there"))
    refused('not a folder', f'rootfs:{work}/root.tar', f"cannot open '{work}/root.tar': Not a directory", status=4)


def sparse_files(work):
    """The holes of many files, in every form that tar has for them, read as what is in the files."""
    top = f'{work}/root'
    os.mkdir(top)
    for name, size, data in (('all-hole', 1 << 20, []), ('start', 300000, [(0, b's' * 5000)]), ('end', 300001, [(290000, b'e' * 10001)]),
                             ('many', 5 << 20, [(i << 16, os.urandom(300)) for i in range(70)]), ('full', 70000, [(0, os.urandom(70000))]),
                             ('empty', 0, []), ('last', 8 << 20, [(0, b'x'), ((8 << 20) - 1, b'y')])):
        with open(f'{top}/{name}', 'wb') as f:
            for at, body in data:
                f.seek(at)
                f.write(body)
            f.truncate(size)
    os.link(f'{top}/many', f'{top}/many-too')
    want = images.listing(images.dump(TOOL, f'rootfs:{top}')[1])
    for how in (['--format=gnu'], *(['--format=pax', f'--sparse-version={v}'] for v in ('0.0', '0.1', '1.0'))):
        # Both ways for tar to find holes: by what the file system says, and by zeros.
        for detect in ('seek', 'raw'):
            path = f'{work}/{how[-1]}-{detect}.tar'
            subprocess.run(['tar', '-S', f'--hole-detection={detect}', *how, '-cf', path, '-C', top, '.'], check=True)
            rc, lines, err = images.dump(TOOL, f'rootfs-tar:{path}')
            got = images.listing(lines)
            tap.check(f'sparse files, {how[-1]} {detect}', rc == 0 and got == want and os.path.getsize(path) < 1 << 19,
                      err or images.difference(got, want))
            with open(path, 'rb') as f:
                data = f.read()
            images.simple(f'{path}.oci', [data, tar([entry('hard', LNK, link='last'), entry('.wh.start')])], 'gzip')
            got = images.listing(images.dump(TOOL, f'oci:{path}.oci')[1])
            tap.check(f'and in a layer, {how[-1]} {detect}', got.get(b'hard', ())[8:9] == want[b'last'][8:9] and b'start' not in got and
                      got.get(b'many') == want[b'many'], images.difference(got, want))


def words(_work):
    """The spelling of sources."""
    for source, want in (
            ('oci', "'oci' is not an image source: no known transport"), ('', "'' is not an image source: no known transport"),
            ('OCI:x', "'OCI:x' is not an image source: no known transport"), ('oci:', "'oci:' names no image"),
            ('oci::x', "'oci::x' names no image"), ('oci:x:', "'oci:x:' has an empty name after the ':'"),
            ('dir:', "'dir:' names no image")):
        refused(f'{source!r}', source, want, status=2)
    r = images.dump(TOOL, 'docker://debian')
    tap.equal('a registry', (r[0], r[2]), (2, "'docker://debian': this release does not read registries itself"))
    r = images.dump(TOOL, 'oci:x', '--arch', 'sparc')
    tap.equal('another processor', (r[0], r[2]), (2, "architecture 'sparc': x86_64 or aarch64"))


def main():
    with tempfile.TemporaryDirectory(prefix='selfsame-places-') as work:
        for part in (indexes, documents, config, docker_archives, oci_archives, skopeo_folders, folders, sparse_files, words):
            os.mkdir(f'{work}/{part.__name__}')
            part(f'{work}/{part.__name__}')
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())
