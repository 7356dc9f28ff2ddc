#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: size.py SOURCE-ROOT

How large ramdisk 0 is, which every image carries and whose bytes a reader of PCR1 has to trust: as built in
build/runtime/x86_64, and of each architecture by kernel/images.lock (docs/decisions/0030). Prints TAP.
"""
import os
import sys

SOURCE = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.path.join(SOURCE, "tests", "oracle"))
import enclave as E  # noqa: E402
from sentences import run_all  # noqa: E402

MIB = 1 << 20
PROGRAMS = ("dataplane", "init", "keyplane")
TESTS = []


def sentence(f):
    TESTS.append(f)
    return f


def built():
    folder = os.path.join(SOURCE, "build", "runtime", "x86_64")
    assert os.path.isdir(folder), f"{folder}: not built; tools/runtime-all --arch x86_64"
    return {name: os.path.getsize(os.path.join(folder, name)) for name in PROGRAMS}


def locked(arch):
    with open(os.path.join(SOURCE, "kernel", "images.lock"), encoding="ascii") as f:
        rows = [line.split() for line in f if not line.startswith("#")]
    return {name: next(int(r[4]) for r in rows if r[:2] == [arch, name]) for name in PROGRAMS}


def size(programs, names):
    return len(E.archive([E.regular(name, bytes(programs[name]), 0o755) for name in names]))


def check(what, programs, names, limit):
    n = size(programs, names)
    assert 100000 < n <= limit, f"{what}: {n} bytes ({', '.join(f'{x} {programs[x]}' for x in names)}); the limit is {limit}, {limit // MIB} MiB"


@sentence
def ramdisk_0_with_tls_has_at_most_4_mib():
    check("ramdisk 0 as built", built(), PROGRAMS, 4 * MIB)
    for arch in ("x86_64", "aarch64"):
        check(f"ramdisk 0 of {arch}", locked(arch), PROGRAMS, 4 * MIB)


@sentence
def what_is_in_it_beside_tls_has_at_most_1_mib():
    check("ramdisk 0 as built, without keyplane", built(), PROGRAMS[:2], MIB)
    for arch in ("x86_64", "aarch64"):
        check(f"ramdisk 0 of {arch}, without keyplane", locked(arch), PROGRAMS[:2], MIB)


@sentence
def one_byte_over_the_limit_would_be_seen():
    programs = {"dataplane": MIB, "init": MIB, "keyplane": 2 * MIB}
    room = 4 * MIB - size({"dataplane": 0, "init": 0, "keyplane": 0}, PROGRAMS)
    programs["keyplane"] = (room - 2 * MIB) // 512 * 512
    check("full", programs, PROGRAMS, size(programs, PROGRAMS))
    programs["keyplane"] += 4  # newc pads to four
    try:
        check("over", programs, PROGRAMS, size(programs, PROGRAMS) - 1)
    except AssertionError as e:
        assert str(e).startswith("over: ") and " the limit is " in str(e), e
    else:
        raise AssertionError("it was not")


if __name__ == "__main__":
    sys.exit(run_all(TESTS))
