# SPDX-License-Identifier: Apache-2.0
"""From an OCI image through `selfsame build` to a running application."""
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import tempfile

import rig

EPOCH = '1700000000'


def layer(files):
    """A tar of (name, mode, bytes or None for a folder)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.USTAR_FORMAT) as t:
        for name, mode, body in files:
            info = tarfile.TarInfo(name)
            info.mode, info.mtime = mode, 1234567890
            if body is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(body)
            t.addfile(info, io.BytesIO(body or b''))
    return out.getvalue()


class Image:
    """An OCI layout with one layer, built into an EIF for the local kernel."""

    def __init__(self, files, config):
        self.dir = tempfile.TemporaryDirectory()
        self.blobs = os.path.join(self.dir.name, 'oci', 'blobs', 'sha256')
        os.makedirs(self.blobs)
        tar = layer(files)
        layers = [self.blob(tar, 'application/vnd.oci.image.layer.v1.tar')]
        image = {'architecture': 'amd64', 'os': 'linux', 'config': config,
                 'rootfs': {'type': 'layers', 'diff_ids': [layers[0]['digest']]}}
        manifest = self.blob(json.dumps({
            'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
            'config': self.blob(json.dumps(image).encode(),
                                'application/vnd.oci.image.config.v1+json'),
            'layers': layers}).encode(), 'application/vnd.oci.image.manifest.v1+json')
        self.text('oci/oci-layout', json.dumps({'imageLayoutVersion': '1.0.0'}))
        self.text('oci/index.json', json.dumps({'schemaVersion': 2, 'manifests': [manifest]}))
        self.eif = os.path.join(self.dir.name, 'x.eif')
        p = subprocess.run(
            [rig.SELFSAME, 'build', 'oci:' + os.path.join(self.dir.name, 'oci'), '--output',
             self.eif, '--kernel', 'local', '--runtime', os.path.dirname(rig.RUNTIME),
             '--source-date-epoch', EPOCH],
            cwd=self.dir.name, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
            check=False)
        assert p.returncode == 0, p.stderr.decode()
        self.said = (p.stdout + p.stderr).decode()
        with open(os.path.join(self.dir.name, 'measurements.json'), encoding='utf-8') as f:
            self.measurements = json.load(f)

    def text(self, name, text):
        with open(os.path.join(self.dir.name, name), 'w', encoding='utf-8') as f:
            f.write(text)

    def blob(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.blobs, digest), 'wb') as f:
            f.write(data)
        return {'mediaType': media_type, 'digest': 'sha256:' + digest, 'size': len(data)}

    def boot(self, **more):
        b = rig.Boot(rig.load(self.eif), **more)
        # What the NSM of the running enclave says is what `build` recorded.
        assert self.measurements['PCR0'] in b.find('rt:03 nsm ready'), b.tail()
        return b


PROBE = ('probe', 0o755, rig.load(rig.PROBE))


def a_static_binary_on_scratch_starts():
    image = Image([PROBE], {'Entrypoint': ['/probe'], 'Cmd': ['id', 'exit=3']})
    image.boot().expect('pid 2 ids 0 0 0 0 groups', 'cwd /', 'rt:20 application exited 3')


def user_groups_environment_and_directory_come_from_the_image():
    image = Image([
        PROBE, ('etc', 0o755, None),
        ('etc/passwd', 0o644, b'root:x:0:0::/root:/bin/sh\napp:x:1001:100:An app:/srv:/bin/sh\n'),
        ('etc/group', 0o644, b'root:x:0:\nusers:x:100:\nwheel:x:10:root,app\ndata:x:77:app\n'),
        ('srv', 0o755, None), ('srv/data', 0o755, None),
    ], {'Entrypoint': ['/probe', 'id'], 'User': 'app', 'WorkingDir': '/srv/data',
        'Env': ['LOG=info', 'TEXT=with = and spaces', 'PATH=/']})
    image.boot().expect('pid 2 ids 1001 1001 100 100 groups 10 77', 'cwd /srv/data',
                        'env LOG=info', 'env TEXT=with = and spaces', 'env PATH=/',
                        'rt:20 application exited 0')


def a_program_on_the_path_of_the_image_is_found():
    image = Image([('opt', 0o755, None), ('opt/bin', 0o755, None), ('opt/bin/probe',) + PROBE[1:]],
                  {'Cmd': ['probe', 'id'], 'Env': ['PATH=/usr/bin:/opt/bin']})
    image.boot().expect('pid 2 ids 0 0 0 0', 'rt:20 application exited 0')


def an_image_with_its_own_init_starts_what_it_names():
    image = Image([PROBE, ('init', 0o755, b'#!/probe exit=77\n')], {'Cmd': ['/probe', 'id']})
    image.boot().expect('rt:02 mounts ready', 'pid 2 ids 0 0 0 0', 'rt:20 application exited 0')


def it_starts_in_the_memory_that_build_names_and_not_in_4_MiB_less():
    image = Image([PROBE, ('large', 0o644, bytes(50 << 20))], {'Cmd': ['/probe', 'count=/large']})
    need = int(re.search(r'(\d+) MiB', re.search(r'.*memory.*', image.said)[0])[1])
    print('# build names %d MiB' % need)
    image.boot(mem='%dM' % need).expect('counted 1 entries 52428800 bytes',
                                        'rt:20 application exited 0')
    less = image.boot(mem='%dM' % (need - 4)).stopped(17)
    more = int(re.search(r'give the enclave (\d+) MiB more', less.find('rt:E17 '))[1])
    assert abs(need - 4 + more - need) <= 3, less.find('rt:E17 ')


rig.run([
    a_static_binary_on_scratch_starts,
    user_groups_environment_and_directory_come_from_the_image,
    a_program_on_the_path_of_the_image_is_found,
    an_image_with_its_own_init_starts_what_it_names,
    it_starts_in_the_memory_that_build_names_and_not_in_4_MiB_less,
])
