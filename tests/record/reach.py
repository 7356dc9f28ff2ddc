#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: reach.py RECORDER

Whom the recorder asks on behalf of a step, in a network where all of it is there: loopback, a
metadata service, an address of the machine's own, and another machine. Needs root. Prints TAP.
"""
import os
import re
import socket
import subprocess
import sys
import threading

from inside import LIBC, NEWNET, World, address, inside
from proxied import WAIT, Recorder, Server, main, ok, sentence

if "SELFSAME_ALONE" not in os.environ:
    os.execvpe("unshare", ["unshare", "-n", "-m", "--propagation", "private", sys.executable, "-B", *sys.argv],
               {**os.environ, "SELFSAME_ALONE": "1"})

OWN = "10.5.0.1"     # this machine
OTHER = "10.5.0.2"   # another, behind a cable
LINK, META4, META6 = "169.254.7.7", "169.254.169.254", "fd00:ec2::254"
SAYS = ": no step may ask it, unless 'build.local' in enclave.toml lists it"


def ip(*words):
    subprocess.run(["ip", *words], check=True, timeout=WAIT)


def hosts(*lines):
    """Whatever the machine says of names, for the recorder."""
    open("hosts", "w").write("".join(line + "\n" for line in lines))
    return ["unshare", "-m", "sh", "-c", 'mount --bind hosts /etc/hosts && exec "$@"', "sh"]


def cable():
    """Another machine: a network namespace that a sleeping program holds."""
    ip("link", "set", "lo", "up")
    p = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; read -r x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdout.readline()
    ip("link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(p.pid))
    for a in (OWN + "/24", LINK + "/16", META4 + "/32"):
        ip("addr", "add", a, "dev", "here")
    ip("-6", "addr", "add", META6 + "/128", "dev", "lo")
    ip("link", "set", "here", "up")
    at = ["nsenter", "--net=/proc/%d/ns/net" % p.pid, "ip"]
    subprocess.run(at + ["addr", "add", OTHER + "/24", "dev", "there"], check=True, timeout=WAIT)
    subprocess.run(at + ["link", "set", "there", "up"], check=True, timeout=WAIT)
    return p


def served(netns=None):
    """A web server on port 80 of every address there is, which counts who came."""
    w = Server.__new__(Server)
    w.answer, w.seen = (lambda *_: ok(b"secret of " + (b"there" if netns else b"here"))), []

    def listen():
        if netns:
            fd = os.open(netns, os.O_RDONLY)
            assert LIBC.setns(fd, NEWNET) == 0
            os.close(fd)
        w.sock = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
    t = threading.Thread(target=listen)
    t.start()
    t.join()
    threading.Thread(target=w.accept, daemon=True).start()
    return w


CABLE = cable()
HERE, THERE = served(), served("/proc/%d/ns/net" % CABLE.pid)


def refused(cases, **more):
    HERE.seen.clear()
    said = []
    with Recorder("record", local=[], **more) as r:
        for url, what in cases:
            host = url.split("/")[2]
            where = host if re.search(r":\d+$", host) else host + ":80"
            why = f"cannot fetch: '{where}' is {what}{SAYS}"
            got = r.get(url)
            assert got == (403, f"selfsame: {why}\n".encode()), (url, got)
            said.append(f"GET {url}: {why}")
    assert r.inputs == [] and HERE.seen == [] and r.problems == said, (HERE.seen, r.problems)


@sentence
def this_machine_is_asked_nothing():
    refused([("http://127.0.0.1/", "this machine (127.0.0.1)"), ("http://127.9.9.9:8080/", "this machine (127.9.9.9)"),
             ("http://[::1]/", "this machine (::1)"), ("http://0.0.0.0/", "this machine (0.0.0.0)"), ("http://[::]/", "this machine (::)"),
             ("http://[::ffff:7f00:1]/", "this machine (127.0.0.1)"), (f"http://{OWN}/", f"this machine ({OWN})"),
             ("http://localhost/", "this machine"), ("http://a.localhost/", "this machine")])


@sentence
def numbers_in_other_forms_are_the_same_numbers():
    refused([("http://127.1/", "this machine (127.0.0.1)"), ("http://2130706433/", "this machine (127.0.0.1)"),
             ("http://0x7f000001/", "this machine (127.0.0.1)"), ("http://0251.0376.0251.0376/", f"a cloud's metadata service ({META4})"),
             ("http://[::ffff:a9fe:a9fe]/", f"a cloud's metadata service ({META4})")])


@sentence
def the_link_and_a_cloud_s_metadata_service_are_asked_nothing():
    refused([(f"http://{META4}/", f"a cloud's metadata service ({META4})"), (f"http://{LINK}/", f"only on this machine's link ({LINK})"),
             (f"http://[{META6}]/", f"a cloud's metadata service ({META6})"), ("http://metadata.google.internal/", "a cloud's metadata service"),
             ("http://100.100.100.200/", "a cloud's metadata service (100.100.100.200)")])


@sentence
def a_name_is_judged_by_the_address_that_is_connected_to():
    before = hosts("127.0.0.1 self.test", f"{META4} meta.test", f"{META6} meta6.test", f"{OWN} own.test")
    refused([("http://self.test/", "this machine (127.0.0.1)"), ("http://meta.test/", f"a cloud's metadata service ({META4})"),
             ("http://meta6.test/", f"a cloud's metadata service ({META6})"), ("http://own.test/", f"this machine ({OWN})")], before=before)


@sentence
def a_name_that_changes_its_mind_gains_nothing():
    """Each request looks the name up anew, and each time the answer is judged that is used."""
    before = hosts(f"{OTHER} mirror.test")
    HERE.seen.clear()
    with Recorder("record", local=[], before=before) as r:
        first = r.get("http://mirror.test/a")
        with open("hosts", "r+") as f:   # the same file, which is mounted
            f.write("127.0.0.1 mirror.test #\n")
            f.truncate()
        second = r.get("http://mirror.test/b")
    assert first == (200, b"secret of there") and second[0] == 403 and HERE.seen == [], (first, second)
    assert [i["url"] for i in r.inputs] == ["http://mirror.test/a"], r.inputs


@sentence
def a_private_network_is_everybody_s():
    with Recorder("record", local=[]) as r:
        assert r.get(f"http://{OTHER}/") == (200, b"secret of there")
    assert r.problems == [], r.problems


@sentence
def of_several_addresses_the_one_that_may_be_asked_is():
    before = hosts("127.0.0.1 both.test", f"{OTHER} both.test")
    HERE.seen.clear()
    with Recorder("record", local=[], before=before) as r:
        assert r.get("http://both.test/") == (200, b"secret of there")
    assert HERE.seen == []


@sentence
def what_is_listed_is_asked_and_only_that():
    with Recorder("record", local=["self.test:80", f"{LINK}:80", "localhost:80", "[::1]:80"], before=hosts("127.0.0.1 self.test localhost")) as r:
        got = [r.get(u) for u in ("http://self.test/", f"http://{LINK}/", "http://localhost/", "http://[::1]/")]
        refusals = [r.get(u)[0] for u in ("http://127.0.0.1/", f"http://{META4}/", "http://self.test:81/", "https://self.test/")]
    assert got == [(200, b"secret of here")] * 4 and refusals == [403] * 4, (got, refusals)
    assert len(r.inputs) == 4 and len(r.problems) == 4, r.problems


@sentence
def what_is_fetched_again_for_a_lock_is_judged_too():
    with Recorder("record", local=["127.0.0.1:80"]) as r:
        assert r.get("http://127.0.0.1/")[0] == 200
    for d, _, files in os.walk("store"):
        [os.remove(os.path.join(d, f)) for f in files if f != "lock"]
    HERE.seen.clear()
    with Recorder("play", local=[], fetch_missing=True) as p:
        status, text = p.get("http://127.0.0.1/")
    assert status == 403 and b"is this machine" in text and HERE.seen == [], text
    with Recorder("play", local=["127.0.0.1:80"], fetch_missing=True) as p:
        assert p.get("http://127.0.0.1/") == (200, b"secret of here")


@sentence
def a_proxy_of_the_caller_s_is_asked_but_for_nothing_of_this_machine():
    w = World(lambda host, path, head, body: ok(b"through it " + host.encode()))
    HERE.seen.clear()
    with Recorder("record", local=[], env=w.env, ca="world.pem") as r:
        assert r.get("http://packages.example.test/") == (200, b"through it packages.example.test")
        for url in (f"http://{META4}/", "http://127.0.0.1/", "http://localhost/", "http://metadata.google.internal/", f"http://{OWN}/"):
            assert r.get(url)[0] == 403, url
    assert len(w.seen) == 1 and HERE.seen == [], w.seen
    w.close()


@sentence
def what_is_passed_on_unrecorded_is_judged_as_well():
    HERE.seen.clear()
    def ask():
        with socket.create_connection((address("db.test"), 80), WAIT) as c:
            try:
                c.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return c.recv(1000)
            except ConnectionResetError:
                return b""
    before = hosts("127.0.0.1 db.test")
    with Recorder("record", led=["db.test:80"], local=[], before=before) as r:
        assert inside(r, ask) == b""
    assert HERE.seen == [] and r.problems == [f"tcp db.test:80: refused: 'db.test:80' is this machine (127.0.0.1){SAYS}"], r.problems
    with Recorder("record", led=["db.test:80"], local=["db.test:80"], before=before) as r:
        assert inside(r, ask).endswith(b"secret of here")


main()
