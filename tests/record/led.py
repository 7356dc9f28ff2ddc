#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: led.py RECORDER

Programs that know no proxy, in a network namespace of their own. Needs root. Prints TAP.
"""
import socket
import ssl
import struct
import threading

from inside import World, address, ask_name, inside, program, question
from proxied import WAIT, Recorder, main, ok, read_answer, sentence

@sentence
def every_name_has_an_address_which_stays_the_same():
    names = ["packages.example.test", "pypi.example.test", "x", "a.b.c.d.e.f", "_x._tcp.example.test"]
    def ask():
        got = []
        for name in names:
            for to, tcp in (("198.18.0.1", False), ("198.18.0.1", True), ("8.8.8.8", False), ("2001:db8::53", False), ("2001:db8::53", True)):
                got.append((ask_name(name, 1, to, tcp), ask_name(name.upper(), 28, to, tcp)))
            assert len(set(map(str, got[-5:]))) == 1, got
        return got
    with Recorder("record", led=[]) as r:
        first = inside(r, ask)
    with Recorder("record", led=[]) as r:
        names.reverse()
        second = inside(r, ask)
    assert sorted(map(str, first)) == sorted(map(str, second)), (first, second)
    found = [v4[1][0] for v4, v6 in first]
    assert len(set(found)) == 5 and all(f.startswith(("198.18.", "198.19.")) for f in found), found
    assert all(not f.startswith("198.18.0.") for f in found)
    for (c4, (v4,)), (c6, (v6,)) in first:
        assert (c4, c6) == (0, 0) and socket.inet_pton(socket.AF_INET6, v6) == bytes.fromhex("fd73656c6673616d00000000") + socket.inet_aton(v4)


@sentence
def other_questions_have_no_answer_and_oneself_is_oneself():
    def ask():
        assert ask_name("mail.example.test", 15) == (0, []) and ask_name("example.test", 16) == (0, [])
        assert ask_name("1.0.18.198.in-addr.arpa", 12) == (3, [])
        assert ask_name("localhost", 1) == (0, ["127.0.0.1"]) and ask_name("a.localhost", 28) == (0, ["::1"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(WAIT)
            s.connect(("198.18.0.1", 53))
            for broken in (b"", b"\0" * 11, b"\x01\x02\x81\x00" + b"\0" * 8, b"x" * 5000):
                s.send(broken)
            s.send(question("ok.example.test", 1)[:-1])
            assert s.recv(4096)[3] & 15 == 1
            s.send(question("ok.example.test", 1))
            assert s.recv(4096)[3] & 15 == 0
        with socket.create_connection(("198.18.0.1", 53), WAIT) as s:
            s.sendall(b"\xff\xff" + b"x" * 100)
            assert s.recv(10) == b""
        return True
    with Recorder("record", led=[]) as r:
        assert inside(r, ask)
    assert r.problems == [], r.problems


@sentence
def programs_without_a_proxy_are_recorded_and_played():
    w = World(lambda host, path, head, body: ok(f"{host} {path}".encode() * 1000, "Content-Type: a/b"))
    def ask(r):
        return [program(r, "curl", "-sS", "-i", "--cacert", "inputs.toml.pem", url) for url in
                ("http://packages.example.test/pool/x.deb", "https://pypi.example.test/simple/?a=b", "http://packages.example.test:8080/y")] + [
                program(r, "curl", "-6", "-sS", "--cacert", "inputs.toml.pem", "https://v6.example.test/z")]
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        first = ask(r)
    assert r.problems == [], r.problems
    w.close()
    with Recorder("play", led=[]) as p:
        second = ask(p)
    assert p.problems == [], p.problems
    assert first == second and first[0].endswith(b"packages.example.test /pool/x.deb" * 1000), first
    assert [i["url"] for i in r.inputs] == ["http://packages.example.test/pool/x.deb", "http://packages.example.test:8080/y",
                                            "https://pypi.example.test/simple/?a=b", "https://v6.example.test/z"], r.inputs


@sentence
def the_proxy_is_there_too():
    w = World(lambda host, path, head, body: ok(path.encode()))
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        got = program(r, "env", "http_proxy=http://198.18.0.1:3128", "https_proxy=http://198.18.0.1:3128", "curl", "-sS", "--cacert",
                      "inputs.toml.pem", "http://packages.example.test/a", "https://packages.example.test/b")
    assert got == b"/a/b" and len(r.inputs) == 2 and r.problems == [], (got, r.problems)


@sentence
def what_is_not_recorded_is_refused_by_name_and_counted():
    def ask():
        def tcp(to, port, data):
            with socket.create_connection((to, port), WAIT) as s:
                try:
                    s.sendall(data)
                    return s.recv(100)
                except ConnectionResetError:
                    return b"reset"
        git = address("git.example.test")
        for _ in range(3):
            assert tcp(git, 22, b"SSH-2.0-OpenSSH_9.2\r\n") == b"reset"
        assert tcp("203.0.113.9", 5432, b"\0\0\0\x08\x04\xd2\x16/") == b"reset"
        assert tcp("2001:db8::9", 9418, b"0033git-upload-pack /x\0host=h\0") == b"reset"
        assert tcp(git, 443, b"\x16\x03\x01\0\x05\x02\0\0\x01\0") == b"reset"
        assert tcp(git, 80, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == b"reset"
        assert tcp(address("mail.example.test"), 25, b"") == b"reset"
        ntp = address("ntp.example.test")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(2):
                s.sendto(b"x", (ntp, 123))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", ("2001:db8::9", 443))
        assert address("after.example.test")
        return True
    with Recorder("record", led=[], stall=2) as r:
        assert inside(r, ask)
    assert sorted(r.problems) == sorted([
        "tcp git.example.test:22: refused: neither HTTP nor TLS: it begins with 'SSH-2.0-OpenSSH_9.2\\x0d\\x0a'",
        "tcp git.example.test:22: refused: neither HTTP nor TLS: it begins with 'SSH-2.0-OpenSSH_9.2\\x0d\\x0a' (3 times)",
        "tcp 203.0.113.9:5432: refused: neither HTTP nor TLS: it begins with '\\x00\\x00\\x00\\x08\\x04\\xd2\\x16/'",
        "tcp [2001:db8::9]:9418: refused: neither HTTP nor TLS: it begins with '0033git-upload-pack /x\\x00h'",
        "tcp git.example.test:443: refused: TLS that is not in order",
        "tcp git.example.test:80: refused: HTTP/2 without TLS",
        "tcp mail.example.test:25: refused: it says nothing, so it is neither HTTP nor TLS",
        "udp ntp.example.test:123: refused: no datagrams are recorded",
        "udp ntp.example.test:123: refused: no datagrams are recorded (2 times)",
        "udp [2001:db8::9]:443: refused: no datagrams are recorded"]), "\n".join(r.problems)
    assert r.inputs == []


@sentence
def names_are_judged_by_hello_and_host():
    w = World(lambda host, path, head, body: ok(f"{host} {path}".encode()))
    def over_tls(to, name, host, path="/x"):
        x = ssl.create_default_context(cafile="inputs.toml.pem")
        x.check_hostname = name is not None
        with x.wrap_socket(socket.create_connection((to, 443), WAIT), server_hostname=name) as t:
            t.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            return read_answer(t.makefile("rb"))
    def plain(to, lines, port=80):
        with socket.create_connection((to, port), WAIT) as s:
            s.sendall(lines)
            return read_answer(s.makefile("rb"))
    def ask():
        front = address("front.example.test")
        assert over_tls(front, "back.example.test", "back.example.test")[1] == b"back.example.test /x"
        assert over_tls(front, None, "front.example.test")[1] == b"front.example.test /x"
        assert over_tls("203.0.113.7", None, "203.0.113.7")[1] == b"203.0.113.7 /x"
        head, body = over_tls(front, "back.example.test", "evil.example.test")
        assert head.startswith(b"HTTP/1.1 403 ") and body == (b"selfsame: request: for host 'evil.example.test' on a connection to "
                                                             b"'https://back.example.test'\n"), body
        assert plain(front, b"GET /p HTTP/1.1\r\nHost: other.example.test\r\n\r\n")[1] == b"other.example.test /p"
        assert plain(front, b"GET /q HTTP/1.0\r\n\r\n")[1] == b"front.example.test /q"
        assert plain(front, b"GET /r HTTP/1.0\r\n\r\n", 8081)[1] == b"front.example.test:8081 /r"
        return True
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        assert inside(r, ask)
    assert [i["url"] for i in r.inputs] == ["http://front.example.test/q", "http://front.example.test:8081/r", "http://other.example.test/p",
                                            "https://203.0.113.7/x", "https://back.example.test/x", "https://front.example.test/x"], r.inputs
    assert len(r.problems) == 1, r.problems


@sentence
def a_hello_in_pieces_is_waited_for():
    w = World(lambda host, path, head, body: ok(b"good"))
    def ask():
        a, b = socket.socketpair()
        s = socket.create_connection((address("slow.example.test"), 443), WAIT)
        def carry():
            first = a.recv(65536)
            for i in range(0, len(first), 7):
                s.sendall(first[i:i + 7])
            while data := a.recv(65536):
                s.sendall(data)
        def back():
            try:
                while data := s.recv(65536):
                    a.sendall(data)
            except OSError:
                pass
        threads = [threading.Thread(target=carry, daemon=True), threading.Thread(target=back, daemon=True)]
        [t.start() for t in threads]
        b.settimeout(WAIT)
        x = ssl.create_default_context(cafile="inputs.toml.pem")
        with x.wrap_socket(b, server_hostname="slow.example.test") as t:
            t.sendall(b"GET / HTTP/1.1\r\nHost: slow.example.test\r\n\r\n")
            got = read_answer(t.makefile("rb"))
            s.shutdown(socket.SHUT_RDWR)
            return got
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        assert inside(r, ask)[1] == b"good"
    assert [i["url"] for i in r.inputs] == ["https://slow.example.test/"], r.inputs


@sentence
def what_is_listed_is_passed_on():
    s = socket.create_server(("127.0.0.1", 0))
    port = s.getsockname()[1]
    def serve():
        c, _ = s.accept()
        c.sendall(b"220 hello\r\n")
        data = b""
        while got := c.recv(100000):
            data += got
        c.sendall(str(len(data)).encode())
        c.close()
    threading.Thread(target=serve, daemon=True).start()
    def ask():
        with socket.create_connection((address("db.example.test"), port), WAIT) as c:
            f = c.makefile("rb")
            assert f.readline() == b"220 hello\r\n"
            c.sendall(b"x" * 3000000)
            c.shutdown(socket.SHUT_WR)
            return f.read()
    open("hosts", "w").write("127.0.0.1 db.example.test\n")
    with Recorder("record", led=["other.example.test:1", f"db.example.test:{port}"], local=[f"db.example.test:{port}"],
                  before=["unshare", "-m", "sh", "-c", 'mount --bind hosts /etc/hosts && exec "$@"', "sh"]) as r:
        got = inside(r, ask)
    assert got == b"3000000" and r.inputs == []
    assert r.problems == [f"tcp db.example.test:{port}: passed on and not recorded: it is listed"], r.problems
    s.close()


@sentence
def connections_that_hang_and_many_names_hold_nobody_up():
    w = World(lambda host, path, head, body: ok(b"good"))
    def ask():
        held = [socket.create_connection(("203.0.113.9", 1000 + i), WAIT) for i in range(50)]
        for i in range(3000):
            address(f"n{i}.example.test")
        with socket.create_connection((address("n1.example.test"), 80), WAIT) as c:
            c.sendall(b"GET / HTTP/1.1\r\nHost: n1.example.test\r\n\r\n")
            got = read_answer(c.makefile("rb"))[1]
        [h.close() for h in held]
        return got
    with Recorder("record", ca="world.pem", led=[], env=w.env) as r:
        assert inside(r, ask) == b"good"


main()
