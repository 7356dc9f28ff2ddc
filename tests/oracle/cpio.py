#!/usr/bin/env python3
"""Writes newc archives that no archiver would write.

usage: cpio.py OUT ENTRY...

ENTRY is TYPE:MODE:NAME[:BODY[:INO:NLINK]], MODE octal; TYPE f file, d folder, l link, c character
device 1:3, p fifo, s socket. NAME and BODY may hold \\xNN; BODY of a file, target of a link.
`trailer` ends the archive, `zeros=N` adds zeros. Times are 2001-02-03T04:05:06Z.
"""
import sys

TYPES = {"f": 0o100000, "d": 0o040000, "l": 0o120000, "c": 0o020000, "p": 0o010000, "s": 0o140000}
TIME = 981173106


def raw(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def pad(data):
    return data + bytes(-len(data) % 4)


def entry(name, mode, body, ino, nlink, rdev, mtime=TIME):
    fields = [ino, mode, 1000, 1000, nlink, mtime, len(body), 3, 1, *rdev, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % f for f in fields)
    return pad(head + name + b"\0") + pad(body)


def main(out, specs):
    data = b""
    for i, spec in enumerate(specs):
        if spec == "trailer":
            data += entry(b"TRAILER!!!", 0, b"", 0, 1, (0, 0), 0)
        elif spec.startswith("zeros="):
            data += bytes(int(spec[6:]))
        else:
            part = (spec.split(":") + ["", "", "", ""])[:6]
            data += entry(raw(part[2]), TYPES[part[0]] | int(part[1], 8), raw(part[3]),
                          int(part[4] or i + 1), int(part[5] or 1),
                          (1, 3) if part[0] == "c" else (0, 0))
    with open(out, "wb") as f:
        f.write(data)


main(sys.argv[1], sys.argv[2:])
