#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: toml.py TOML-CAT CORPUS. What our reader accepts, Python's tomllib accepts too, with the
same values, and our canonical text means the same; documents are the corpus and mutations of it."""
import pathlib
import random
import subprocess
import sys
import tomllib

PIECES = ["[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", "\r\n", " ", "\t", "#", '"', "'",
          '"""', "'''", "\\", "\\u00e9", "a", "b", "a.b", "1", "-1", "0x1f", "1_0", "true", "é",
          "[a]\n", "[a.b]\n", "[[a]]\n", "[[a.b]]\n", "a = 1\n", "a.b = 2\n", "b = []\n",
          "c = {}\n", "c = { a.b = 1 }\n", "[a.b.c]\n", "x = [1, [2], {}]\n", "\\\n  ", "''''",
          "\x00", "\x7f", "\r"]

LINES = ["[a]", "[a.b]", "[[a]]", "[[a.b]]", "[a.b.c]", "[b]", "[[c]]", "[c.d]", "a = 1",
         "a.b = 2", "a.c = 'x'", "a.b.c = []", "b = [1, [2], {}]", "b.x = 0b1", "c = { a.b = 1 }",
         "d = { a = 1, b = { c = [] } }", 'e = """\nx\\\n  y"""', "f = '''a'b'''", "# é", "",
         '"g h".i = "\\t\\u00e9"', "j = [\n1, # x\n2,\n]"]


def documents(corpus):
    rng = random.Random(2)
    seeds = [p.read_bytes() for p in sorted(pathlib.Path(corpus).iterdir())]
    yield from seeds
    for _ in range(6000):
        doc = bytearray(rng.choice(seeds + [b""]))
        for _ in range(rng.randint(1, 8)):
            at = rng.randint(0, len(doc))
            doc[at:at + rng.choice([0, 0, 1, 5])] = rng.choice(PIECES).encode()
        yield bytes(doc)
    for _ in range(6000):
        yield "\n".join(rng.choice(LINES) for _ in range(rng.randint(1, 5))).encode()
    for _ in range(3000):
        yield "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 14))).encode()


def theirs(doc):
    try:
        return tomllib.loads(doc.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, RecursionError):
        return None


def main():
    docs = list(documents(sys.argv[2]))
    feed = b"".join(b"%d\n%s" % (len(d), d) for d in docs)
    out = subprocess.run([sys.argv[1]], input=feed, stdout=subprocess.PIPE, check=True).stdout
    accepted = refused = stricter = at = 0
    for doc in docs:
        end = out.index(b"\n", at)
        word, rest = out[at:end].split(b" ", 1)
        at = end + 1
        want = theirs(doc)
        if word == b"no":
            refused += 1
            stricter += want is not None
            continue
        text = out[at:at + int(rest)]
        at += int(rest)
        accepted += 1
        if want is None:
            sys.exit(f"accepted, but tomllib refuses: {doc!r}")
        if theirs(text) != want:
            sys.exit(f"means something else: {doc!r}\nours: {text!r}")
    print(f"{accepted} accepted alike, {refused} refused, of these {stricter} by us alone")
    if accepted < 1000 or refused < 1000:
        sys.exit("the documents are too one-sided to prove anything")


main()
