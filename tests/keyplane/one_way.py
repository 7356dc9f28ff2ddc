#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: one_way.py LIBRARY FILES CALLER CALLED

Calls between the files of a library go one way: who calls is above who is called, and nobody is above
himself. That what is read is the library shows by what is known of it: there are FILES or more, and
CALLER calls CALLED. Prints TAP.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
from sentences import run_all  # noqa: E402

LIBRARY, FILES, CALLER, CALLED = sys.argv[1:]
TESTS = []


def sentence(f):
    TESTS.append(f)
    return f


def calls(nm):
    """{member: whom it calls}, out of what `nm -A` says of a library: "ARCHIVE:MEMBER:[ADDRESS] TYPE NAME"."""
    where, wants = {}, {}
    for line in nm.splitlines():
        place, name = line.rsplit(" ", 1)
        kind = place[-1]
        member = os.path.basename(place.split(":")[1])
        wants.setdefault(member, set())
        if kind == "U":
            wants[member].add(name)
        elif kind.isupper():
            where[name] = member
    return {m: {where[n] for n in names if n in where} - {m} for m, names in wants.items()}


def circle(graph):
    """Those that cannot be put below all who call them; empty where everybody can."""
    left = dict(graph)
    while True:
        low = [m for m, to in left.items() if not to & left.keys()]
        if not low:
            return sorted(left)
        for m in low:
            del left[m]


@sentence
def no_file_is_called_by_one_that_it_calls():
    graph = calls(subprocess.run(["nm", "-A", os.path.abspath(LIBRARY)], capture_output=True, check=True, text=True).stdout)
    assert len(graph) >= int(FILES) and f"{CALLED}.c.o" in graph[f"{CALLER}.c.o"], graph
    assert circle(graph) == [], {m: sorted(graph[m]) for m in circle(graph)}


@sentence
def a_circle_would_be_seen():
    said = "l.a:x/a.c.o:00 T a\nl.a:x/a.c.o: U b\nl.a:x/b.c.o:00 T b\nl.a:x/b.c.o: U c\nl.a:x/c.c.o:00 T c\n"
    assert circle(calls(said)) == []
    assert circle(calls(said + "l.a:x/c.c.o: U a\n")) == ["a.c.o", "b.c.o", "c.c.o"]


run_all(TESTS)
