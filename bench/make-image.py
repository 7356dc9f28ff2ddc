#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: make-image.py DIR MEGABYTES gzip|plain [BASE.tar]

Writes an OCI layout of about that size: the base's tar as the first layer (if given), then layers of small and
large files whose bytes compress about as Debian packages do. The same arguments give the same bytes.
"""
import gzip, hashlib, io, json, os, random, subprocess, sys, tarfile

LAYERS = 4


class Blob:
    """A blob of the layout that is hashed while it is written, plain or through gzip."""

    def __init__(self, root, compressed):
        self.root, self.tmp = root, os.path.join(root, "blobs", "sha256", "tmp")
        self.file = open(self.tmp, "wb")
        self.diff = hashlib.sha256()
        self.gzip = None
        if compressed:  # -n: no time, no name; gzip(1) is several times faster than Python's
            self.gzip = subprocess.Popen(["gzip", "-6", "-n"], stdin=subprocess.PIPE, stdout=self.file)

    def write(self, data):
        self.diff.update(data)
        (self.gzip.stdin if self.gzip else self.file).write(data)
        return len(data)

    def close(self):
        if self.gzip:
            self.gzip.stdin.close()
            if self.gzip.wait() != 0:
                sys.exit("gzip failed")
        self.file.close()
        digest, size = hashlib.sha256(), 0
        with open(self.tmp, "rb") as f:
            while block := f.read(1 << 20):
                digest.update(block)
                size += len(block)
        os.rename(self.tmp, os.path.join(self.root, "blobs", "sha256", digest.hexdigest()))
        return "sha256:" + digest.hexdigest(), size, "sha256:" + self.diff.hexdigest()


def body(rng, n):
    """n bytes, about 2.5 : 1 under gzip: random runs between repeats."""
    words = [rng.randbytes(rng.randint(3, 12)) for _ in range(512)]
    out, size = [], 0
    while size < min(n, 1 << 20):
        piece = rng.randbytes(48) if rng.random() < 0.35 else b" ".join(rng.choices(words, k=12))
        out.append(piece)
        size += len(piece)
    unit = b"".join(out)[: max(1, min(n, 1 << 20))]
    reps = n // len(unit) + 1
    return b"".join(unit[i:] + unit[:i] for i in range(0, reps))[:n] if reps > 1 else unit[:n]


def files(rng, total):
    done = 0
    while done < total:
        kind = rng.random()
        n = rng.randint(0, 8192) if kind < 0.90 else rng.randint(16384, 262144) if kind < 0.995 else 16 << 20
        n = min(n, total - done) or 1
        done += n
        yield n


def layer(root, rng, number, total, compressed):
    blob = Blob(root, compressed)
    with tarfile.open(fileobj=blob, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as tar:
        dirs = set()
        for i, n in enumerate(files(rng, total)):
            d = "srv/layer%d/%03x/%02x" % (number, i >> 12, (i >> 6) & 63)
            if d not in dirs:
                dirs.add(d)
                t = tarfile.TarInfo(d)
                t.type, t.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(t)
            t = tarfile.TarInfo("%s/file-%06x.dat" % (d, i))
            t.size, t.mode = n, 0o644
            tar.addfile(t, io.BytesIO(body(rng, n)))
    return blob.close()


def base_layer(root, path, compressed):
    blob = Blob(root, compressed)
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            blob.write(block)
    return blob.close()


def store(root, doc):
    raw = json.dumps(doc, sort_keys=True).encode()
    digest = hashlib.sha256(raw).hexdigest()
    with open(os.path.join(root, "blobs", "sha256", digest), "wb") as f:
        f.write(raw)
    return "sha256:" + digest, len(raw)


def main():
    root, megabytes, compressed = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "gzip"
    base = sys.argv[4] if len(sys.argv) > 4 else None
    rng = random.Random(megabytes)
    os.makedirs(os.path.join(root, "blobs", "sha256"))
    total = megabytes * 1000 * 1000
    layers = []
    if base:
        total = max(total - os.path.getsize(base), total // 4)
        layers.append(base_layer(root, base, compressed))
    for i in range(LAYERS):
        layers.append(layer(root, rng, i, total // LAYERS, compressed))
    config = {"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/bin/true"], "Env": ["PATH=/usr/bin:/bin"]},
              "rootfs": {"type": "layers", "diff_ids": [d for _, _, d in layers]}}
    config_digest, config_size = store(root, config)
    media = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if compressed else "")
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config_size},
                "layers": [{"mediaType": media, "digest": d, "size": n} for d, n, _ in layers]}
    manifest_digest, manifest_size = store(root, manifest)
    index = {"schemaVersion": 2, "manifests": [{"mediaType": manifest["mediaType"], "digest": manifest_digest, "size": manifest_size,
             "platform": {"architecture": "amd64", "os": "linux"}}]}
    for name, doc in (("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(os.path.join(root, name), "w") as f:
            json.dump(doc, f)


main()
