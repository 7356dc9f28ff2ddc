# SPDX-License-Identifier: Apache-2.0
"""Images made by hand, for tests: layers from lists of entries, layouts, archives; and TAP."""
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile

REG, DIR, SYM, LNK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
CHR, BLK, FIFO = tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE

MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
INDEX = 'application/vnd.oci.image.index.v1+json'
CONFIG = 'application/vnd.oci.image.config.v1+json'
LAYER = 'application/vnd.oci.image.layer.v1.tar'
DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar'


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def check(self, name, ok, why=''):
        self.n += 1
        self.failed += not ok
        print(f'{"ok" if ok else "not ok"} {self.n} - {name}', flush=True)
        for line in str(why).splitlines()[:20] if not ok else []:
            print('#', line, flush=True)
        return ok

    def equal(self, name, got, want):
        return self.check(name, got == want, f'got  {got!r}\nwant {want!r}')

    def end(self):
        print(f'1..{self.n}')
        return 1 if self.failed else 0


def sha(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def entry(name, kind=REG, body=b'', **kw):
    """A TarInfo and its body. Names are bytes or str; `link` may be given."""
    m = tarfile.TarInfo(os.fsdecode(name))
    m.type = kind
    m.size = len(body)
    m.mode = kw.pop('mode', 0o755 if kind == DIR else 0o644)
    m.linkname = os.fsdecode(kw.pop('link', ''))
    m.pax_headers = kw.pop('pax', {})
    for k, v in kw.items():
        setattr(m, k, v)
    return m, body


def tar(entries, fmt=tarfile.PAX_FORMAT):
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode='w', format=fmt, encoding='utf-8', errors='surrogateescape') as t:
        for m, body in entries:
            t.addfile(m, io.BytesIO(body))
    return buf.getvalue()


def pack(data, kind):
    if kind == 'gzip':
        return gzip.compress(data, 6, mtime=0)
    if kind == 'zstd':
        return subprocess.run(['zstd', '-qc'], input=data, capture_output=True, check=True).stdout
    return data


def suffix(kind):
    return '' if kind == 'plain' else '+' + kind


class Layout:
    """An OCI layout in a folder. Everything that is put can be wrong on purpose."""

    def __init__(self, path):
        self.path = path
        os.makedirs(f'{path}/blobs/sha256', exist_ok=True)
        self.file('oci-layout', b'{"imageLayoutVersion":"1.0.0"}')
        self.descs = []

    def file(self, name, data):
        with open(f'{self.path}/{name}', 'wb') as f:
            f.write(data)

    def blob(self, data, media, **kw):
        d = sha(data)
        self.file('blobs/sha256/' + d[7:], data)
        return {'mediaType': media, 'digest': d, 'size': len(data), **kw}

    def json(self, value, media, **kw):
        return self.blob(json.dumps(value).encode(), media, **kw)

    def blob_path(self, digest):
        return f'{self.path}/blobs/sha256/{digest[7:]}'

    def config(self, diff_ids, arch='amd64', media=CONFIG, **kw):
        return self.json({'os': 'linux', 'architecture': arch, 'config': kw.pop('config', {}),
                          'rootfs': {'type': 'layers', 'diff_ids': diff_ids}, **kw}, media)

    def manifest(self, layers, config, media=MANIFEST, platform=None, **kw):
        m = {'schemaVersion': 2, 'mediaType': media, 'config': config, 'layers': layers, **kw}
        return self.json(m, media, **({'platform': platform} if platform else {}))

    def image(self, tars, kind='plain', arch='amd64', config=None, docker=False, **kw):
        """A whole image of uncompressed layers; its manifest's descriptor."""
        kinds = kind if isinstance(kind, list) else [kind] * len(tars)
        if docker:
            types = [DOCKER_LAYER + ('' if k == 'plain' else '.' + k) for k in kinds]
        else:
            types = [LAYER + suffix(k) for k in kinds]
        layers = [self.blob(pack(t, k), y) for t, k, y in zip(tars, kinds, types)]
        c = self.config([sha(t) for t in tars], arch, DOCKER_CONFIG if docker else CONFIG, config=config or {})
        return self.manifest(layers, c, DOCKER_MANIFEST if docker else MANIFEST, **kw)

    def tag(self, desc, tag=None):
        if tag is not None:
            desc = dict(desc, annotations={'org.opencontainers.image.ref.name': tag, **desc.get('annotations', {})})
        self.descs.append(desc)
        self.index(self.descs)

    def index(self, descs):
        self.file('index.json', json.dumps({'schemaVersion': 2, 'manifests': descs}).encode())


def simple(path, tars, kind='plain', **kw):
    layout = Layout(path)
    layout.tag(layout.image(tars, kind, **kw), 'latest')
    return layout


def dump(tool, source, *args, env=None):
    """What our reader makes of it: status, lines, message."""
    r = subprocess.run([tool, *args, source], capture_output=True, timeout=300, env=env)
    return r.returncode, r.stdout.decode().splitlines(), r.stderr.decode('utf-8', 'replace').strip()


def fields(line):
    """'- mode=644 … xattr=A value=B' → ('-', {…}, [(A, B)])."""
    words = line.split(' ')
    d, xattrs = {}, []
    for w in words[1:]:
        k, _, v = w.partition('=')
        if k == 'xattr':
            xattrs.append([v, None])
        elif k == 'value':
            xattrs[-1][1] = v
        else:
            d[k] = v
    return words[0], d, xattrs


def listing(lines):
    """The tree of a dump, as {path: comparable}; hard links as the first path of their group."""
    out, first = {}, {}
    for line in lines:
        if line.startswith('config '):
            continue
        kind, d, xattrs = fields(line)
        path = bytes.fromhex(d['path'])
        group = first.setdefault(d['ino'], path) if 'ino' in d else path
        out[path] = (kind, d['mode'], d['uid'], d['gid'], d['size'], d['dev'], d.get('mtime'), d['link'],
                     d.get('sha256'), tuple(map(tuple, xattrs)), group)
    return out


def difference(got, want):
    lines = []
    for p in sorted(set(got) | set(want)):
        if got.get(p) != want.get(p):
            lines.append(f'{p!r}:\n  ours   {got.get(p)}\n  theirs {want.get(p)}')
    return '\n'.join(lines)
