#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the oci_json target to tests/fuzz/corpus/oci_json: a byte that picks the
parser (0 documents, 1 config, 2 names, 3 sources), then its text."""
import json
import os

DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus', 'oci_json')
OCI, DOCKER = 'application/vnd.oci.image.', 'application/vnd.docker.'
D = 'sha256:' + 'ab' * 32


def store(name, kind, value):
    text = value if isinstance(value, bytes) else json.dumps(value, separators=(',', ':')).encode()
    with open(os.path.join(DIR, name), 'wb') as f:
        f.write(bytes([kind]) + text)


def desc(media, **kw):
    return {'mediaType': media, 'digest': D, 'size': 1, **kw}


def main():
    os.makedirs(DIR, exist_ok=True)
    store('index', 0, {'schemaVersion': 2, 'mediaType': OCI + 'index.v1+json', 'manifests': [
        desc(OCI + 'manifest.v1+json', platform={'os': 'linux', 'architecture': 'amd64'}, annotations={'org.opencontainers.image.ref.name': 'v1'}),
        desc(OCI + 'manifest.v1+json', platform={'os': 'linux', 'architecture': 'arm64', 'variant': 'v8'}),
        desc(OCI + 'manifest.v1+json', platform={'os': 'unknown', 'architecture': 'unknown'},
             annotations={'vnd.docker.reference.type': 'attestation-manifest'})]})
    store('list', 0, {'schemaVersion': 2, 'mediaType': DOCKER + 'distribution.manifest.list.v2+json',
                      'manifests': [desc(DOCKER + 'distribution.manifest.v2+json')]})
    store('manifest', 0, {'schemaVersion': 2, 'config': desc(OCI + 'config.v1+json'),
                          'layers': [desc(OCI + 'layer.v1.tar+gzip'), desc(OCI + 'layer.v1.tar+zstd')]})
    store('docker', 0, {'schemaVersion': 2, 'mediaType': DOCKER + 'distribution.manifest.v2+json',
                        'config': desc(DOCKER + 'container.image.v1+json'), 'layers': [desc(DOCKER + 'image.rootfs.diff.tar.gzip')]})
    store('config', 1, {'os': 'linux', 'architecture': 'amd64', 'rootfs': {'type': 'layers', 'diff_ids': [D, 'sha512:' + 'cd' * 64]},
                        'config': {'Entrypoint': ['/x'], 'Cmd': None, 'Env': ['A=1'], 'User': '1', 'WorkingDir': '/', 'StopSignal': '9',
                                   'ExposedPorts': {'1/tcp': {}, '2/udp': {}}}})
    for i, name in enumerate((b'./a//b/', b'../x', b'/a', b'd/.wh.x', b'd/.wh..wh..opq', b'.wh...', b'.wh.a/b', b'/')):
        store(f'name{i}', 2, name)
    for i, source in enumerate((b'oci:d:t', b'oci:d@' + D.encode(), b'docker-archive:f:@0', b'dir:x', b'docker://y', b'oci:')):
        store(f'source{i}', 3, source)


if __name__ == '__main__':
    main()
