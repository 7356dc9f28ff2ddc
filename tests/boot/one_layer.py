# SPDX-License-Identifier: Apache-2.0
"""An OCI image made here and now, and the EIF that `selfsame build` makes of it."""
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile

import rig

EPOCH = '1700000000'
LOCAL = ['--kernel', 'local', '--runtime', os.path.dirname(rig.RUNTIME)]


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
    """An OCI layout with one layer, built into an EIF: for the local kernel, or as `words` say."""

    def __init__(self, files, config, words=None):
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
             self.eif, '--source-date-epoch', EPOCH, *(words or LOCAL)],
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
