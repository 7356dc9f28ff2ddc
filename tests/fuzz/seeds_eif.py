#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets eif, eif_signature and eif_ramdisk.

usage: seeds_eif.py CORPUS-FOLDER    (tests/fuzz/corpus; needs the openssl program)

Files are put together by the oracles of the tests (tests/oracle/eif.py, cpio.py). Signatures are
new each time it runs, so a second run changes those seeds.
"""
import gzip
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ORACLE = os.path.join(HERE, "..", "oracle")


def run(script, *args):
    return subprocess.run([sys.executable, os.path.join(ORACLE, script), *args], check=True,
                          capture_output=True).stdout


def store(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    assert len(data) <= 4096, name
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def load(path):
    with open(path, "rb") as f:
        return f.read()


def main(corpus):
    eif, signature, ramdisk = (os.path.join(corpus, d)
                               for d in ("eif", "eif_signature", "eif_ramdisk"))
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        parts = {"k": b"kernel", "c": b"console=ttyS0", "m": b"{}", "r0": b"zero", "r1": b"one!",
                 "e": b""}
        for name, data in parts.items():
            store(".", name, data)
        run("eif.py", "make", "good", "kernel=k", "cmdline=c", "metadata=m", "ramdisk=r0",
            "ramdisk=r1")
        run("eif.py", "make", "three", "version=3", "flags=1", "cmdline=e", "kernel=k",
            "ramdisk=e", "ramdisk=r0", "ramdisk=r1")
        run("eif.py", "make", "pcie", "flags=0x240", "kernel=k", "cmdline=c", "ramdisk=e",
            "metadata=m")
        run("eif.py", "make", "old", "version=2", "kernel=k", "cmdline=c", "ramdisk=r0")
        for name in ("good", "three", "pcie", "old"):
            store(eif, name, load(name))
        data = load("good")
        store(eif, "bad-crc", data[:544] + b"\0\0\0\0" + data[548:])
        store(eif, "bad-truncated", data[:-3])
        store(eif, "bad-tail", data + b"tail")
        store(eif, "bad-header", data[:100])
        for curve in ("prime256v1", "secp384r1", "secp521r1"):
            subprocess.run(["openssl", "ecparam", "-genkey", "-name", curve, "-noout", "-out",
                            "key"], check=True)
            subprocess.run(["openssl", "req", "-new", "-x509", "-key", "key", "-subj", "/CN=s",
                            "-days", "30000", "-out", "cert"], check=True)
            run("eif.py", "sign", "good", "signed", "cert", "key")
            section = run("eif.py", "section", "signed", "signature")
            store(signature, curve, section)
            if curve == "prime256v1":
                store(eif, "signed", load("signed"))
                at = section.index(b"isignature")
                store(signature, "bad-truncated", section[:-5])
                store(signature, "no-certificate",
                      section[:22] + b"\x80" + section[at:])
        entries = ["d:755:d", "f:644:d/file:hello", "l:777:l:d/file", "c:600:null", "p:644:fifo",
                   "trailer"]
        run("cpio.py", "a", *entries)
        store(ramdisk, "good", load("a"))
        run("cpio.py", "a", "zeros=3", "f:644:one:1", "trailer", "zeros=9", "f:644:two:22",
            "trailer", "zeros=200")
        store(ramdisk, "two-archives", load("a"))
        run("cpio.py", "a", "f:644:a/../b:x", "f:644:/abs:y", "trailer")
        store(ramdisk, "names", load("a"))
        run("cpio.py", "a", "f:644:no-trailer:x")
        store(ramdisk, "bad-no-trailer", load("a"))
        run("cpio.py", "a", "s:644:socket", "trailer")
        store(ramdisk, "bad-socket", load("a"))
        store(ramdisk, "bad-gzip", gzip.compress(b"070701", mtime=0))


main(os.path.abspath(sys.argv[1]))
