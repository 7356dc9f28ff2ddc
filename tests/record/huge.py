#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: huge.py RECORDER

A body of 5 GiB, which needs as much disk for a moment, and no memory. Prints TAP.
"""
import os

from proxied import Recorder, Server, main, sentence

SIZE = 5 << 30


def read_all(r, url):
    """Bytes of the body, and the most memory that the recorder ever had, in KiB."""
    block = bytearray(1 << 20)
    with r.connect() as c:
        c.sendall(f"GET {url} HTTP/1.1\r\n\r\n".encode())
        f = c.makefile("rb")
        while f.readline() != b"\r\n":
            pass
        left = SIZE
        while left > 0 and (n := f.readinto(block)):
            left -= n
    peak = [int(l.split()[1]) for l in open(f"/proc/{r.process.pid}/status") if l.startswith("VmHWM")][0]
    return SIZE - left, peak


@sentence
def five_gib_are_recorded_and_played_in_constant_memory():
    with open("sparse", "wb") as f:
        f.truncate(SIZE)
    def answer(path, head, body, c):
        c.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode())
        with open("sparse", "rb") as f:
            at = 0
            while at < SIZE:
                at += os.sendfile(c.fileno(), f.fileno(), at, SIZE - at)
        return b""
    s = Server(answer)
    with Recorder("record") as r:
        n, peak = read_all(r, s.url + "/huge")
    assert n == SIZE and r.inputs[0]["size"] == SIZE and peak < 64 << 10, (n, peak)
    s.close()
    with Recorder("play") as p:
        n, peak = read_all(p, s.url + "/huge")
    assert n == SIZE and p.problems == [] and peak < 64 << 10, (n, peak)


main()
