#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: serve.py RECORDER

What is recorded from a server is played without it, byte for byte. Prints TAP.
"""
import base64
import os
import subprocess
import threading

from proxied import Recorder, Server, main, objects, ok, read_answer, sentence, sha256

DATE = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


def record(server, ask):
    """ask(recorder) while recording and, with the server gone, while playing: the same."""
    with Recorder("record") as r:
        first = ask(r)
    assert r.problems == [], r.problems
    server.close()
    with Recorder("play") as p:
        second = ask(p)
    assert p.problems == [], p.problems
    assert first == second, (first, second)
    return r, first


@sentence
def a_page_is_played_byte_for_byte_without_the_server():
    s = Server(lambda *_: ok(b"hello", "Content-Type: text/plain", "Date: now", "ETag: x", "Set-Cookie: id=1",
                             "Server: y", "Last-Modified: z", "X-Request-Id: 1"))
    r, (head, body) = record(s, lambda r: r.ask(s.url + "/a?b=c"))
    assert body == b"hello"
    assert head.decode() == ("HTTP/1.1 200 OK\r\n" + DATE + "Content-Type: text/plain\r\nContent-Length: 5\r\n"
                             "Accept-Ranges: bytes\r\nConnection: keep-alive\r\n"), head
    assert r.inputs == [{"method": "GET", "sha256": sha256(b"hello"), "size": 5, "status": 200,
                         "type": "text/plain", "url": s.url + "/a?b=c"}], r.inputs
    assert objects() == {sha256(b"hello"): b"hello"}
    assert s.seen[0][2]["host"] == f"127.0.0.1:{s.port}" and s.seen[0][2]["accept-encoding"] == "identity"


@sentence
def a_body_without_a_length_gets_one():
    s = Server(lambda *_: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    _, (head, body) = record(s, lambda r: r.ask(s.url + "/"))
    assert body == b"abcde" and b"Content-Length: 5\r\n" in head, head


@sentence
def head_get_and_post_are_told_apart():
    def answer(path, head, body, c):
        return ok(b"you sent " + body) if body else ok(b"page")
    def headers(path, head, body, c):
        return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" if s.seen[-1][0] == "HEAD" else answer(path, head, body, c)
    s = Server(headers)
    r, got = record(s, lambda r: [r.ask(s.url + "/x", method="HEAD"), r.ask(s.url + "/x"),
                                  r.ask(s.url + "/x", "Content-Type: a/b", method="POST", body=b"one"),
                                  r.ask(s.url + "/x", "Content-Type: a/b", method="POST", body=b"two")])
    assert [b for _, b in got] == [b"", b"page", b"you sent one", b"you sent two"], got
    assert b"Content-Length: 4\r\n" in got[0][0]
    assert sorted((i["method"], "sha256" in i, "key" in i) for i in r.inputs) == [
        ("GET", True, False), ("HEAD", False, False), ("POST", True, True), ("POST", True, True)], r.inputs
    assert len({i.get("key") for i in r.inputs}) == 3


@sentence
def a_body_in_chunks_and_one_that_waits_for_100_are_sent_on():
    s = Server(lambda path, head, body, c: ok(body[::-1]))
    def ask(r):
        got = [r.raw(b"POST " + s.url.encode() + b"/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"3\r\nabc\r\n2\r\nxy\r\n0\r\n\r\n")]
        with r.connect() as c:
            f = c.makefile("rb")
            c.sendall(b"POST " + s.url.encode() + b"/y HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            assert f.readline() == b"HTTP/1.1 100 Continue\r\n" and f.readline() == b"\r\n"
            c.sendall(b"xy")
            got.append(read_answer(f))
        return got
    _, got = record(s, ask)
    assert [b for _, b in got] == [b"yxcba", b"yx"], got


@sentence
def a_range_is_served_from_the_whole():
    whole = bytes(range(256)) * 40
    s = Server(lambda *_: ok(whole))
    r, got = record(s, lambda r: [r.ask(s.url + "/f", f"Range: bytes={x}") for x in
                                  ("0-9", "100-", "-5", "99999-", "1-2,4-5")] + [r.ask(s.url + "/f")])
    assert [b for _, b in got] == [whole[:10], whole[100:], whole[-5:], b"", whole, whole]
    assert [int(h.split(b" ")[1]) for h, _ in got] == [206, 206, 206, 416, 200, 200]
    assert b"Content-Range: bytes 0-9/10240\r\n" in got[0][0] and b"Content-Range: bytes */10240\r\n" in got[3][0]
    assert all("range" not in h for _, _, h, _ in s.seen), s.seen
    assert len(r.inputs) == 1, r.inputs


@sentence
def redirects_and_errors_are_answers():
    s = Server(lambda path, *_: ok(b"", "Location: /there", status="302 Found") if path == "/here" else
               ok(b"none", status="404 Not Found") if path == "/none" else ok(b"at last"))
    r, got = record(s, lambda r: [r.ask(s.url + p) for p in ("/here", "/there", "/none")])
    assert [int(h.split(b" ")[1]) for h, _ in got] == [302, 200, 404]
    assert b"location: /there\r\n" in got[0][0] and [b for _, b in got] == [b"", b"at last", b"none"]
    assert [i.get("headers") for i in r.inputs] == [["location: /there"], None, None], r.inputs


@sentence
def an_answer_that_changes_is_played_in_order():
    n = iter([b"1", b"1", b"2", b"1"])
    s = Server(lambda *_: ok(next(n)))
    r, got = record(s, lambda r: [r.get(s.url + "/mutable")[1] for _ in range(4)])
    assert got == [b"1", b"1", b"2", b"1"]
    assert [i.get("turn") for i in r.inputs] == [None, 3, 4], r.inputs
    with Recorder("play") as p:
        assert [p.get(s.url + "/mutable")[1] for _ in range(6)] == [b"1", b"1", b"2", b"1", b"1", b"1"]


@sentence
def a_failure_of_the_moment_is_not_recorded():
    n = iter([ok(b"later", status="503 Busy"), ok(b"slow down", status="429 Many"), ok(b"there")])
    s = Server(lambda *_: next(n))
    with Recorder("record") as r:
        assert [r.get(s.url + "/")[0] for _ in range(3)] == [503, 429, 200]
    assert len(r.problems) == 2 and r.problems[0] == f"GET {s.url}/: not recorded: a failure of the server", r.problems
    with Recorder("play") as p:
        assert p.get(s.url + "/") == (200, b"there")


@sentence
def what_accept_chooses_and_who_asks_are_told_apart():
    s = Server(lambda path, head, *_: ok(head.get("accept", "none").encode()) if "authorization" not in head else
               ok(b"private"))
    r, got = record(s, lambda r: [r.get(s.url + "/", "Accept: a/b"), r.get(s.url + "/", "Accept: */*"), r.get(s.url + "/"),
                                  r.get(s.url + "/", "Authorization: Bearer abcdefgh")])
    assert [b for _, b in got[:1] + got[3:]] == [b"a/b", b"private"]
    assert len({i.get("key") for i in r.inputs}) == 3


@sentence
def a_connection_carries_many_requests_and_many_connections_are_served():
    s = Server(lambda path, *_: ok(path.encode() * 50))
    def ask(r):
        got = {}
        def one(k):
            with r.connect() as c:
                f = c.makefile("rb")
                c.sendall(b"".join(f"GET {s.url}/{k}/{i} HTTP/1.1\r\n\r\n".encode() for i in range(20)))
                got[k] = [read_answer(f) for _ in range(20)]
        threads = [threading.Thread(target=one, args=(k,)) for k in range(8)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        return got
    r, got = record(s, ask)
    assert all(got[k][i][1] == f"/{k}/{i}".encode() * 50 for k in range(8) for i in range(20))
    assert len(r.inputs) == 160 and [i["url"] for i in r.inputs] == sorted(i["url"] for i in r.inputs)


@sentence
def real_programs_work_through_it():
    s = Server(lambda path, *_: ok(b"x" * 100000, "Content-Type: a/b"))
    def ask(r):
        p = subprocess.run(["curl", "-sS", "-i", "-x", f"http://127.0.0.1:{r.port}", s.url + "/f"], capture_output=True, timeout=120)
        assert p.returncode == 0, p.stderr
        return p.stdout
    _, got = record(s, ask)
    assert got.endswith(b"\r\n\r\n" + b"x" * 100000)


@sentence
def credentials_are_sent_on_and_never_kept():
    secrets = ["tok-3f9a8b7c6d5e", "cookie-11aa22bb33", "query-99zz88yy77", "user-name-42:pass-word-43", "signed-abcdef0123"]
    basic = base64.b64encode(secrets[3].encode()).decode()
    def answer(path, head, body, c):
        if path.startswith("/redirect"):
            return ok(b"", f"Location: {s.url}/signed?X-Amz-Signature={secrets[4]}&v=1", "Set-Cookie: id=" + secrets[1], status="302 Found")
        if path.startswith("/signed"):
            return ok(b"for the bearer") if secrets[4] in path else ok(b"no", status="403 Forbidden")
        good = head.get("authorization") in ("Bearer " + secrets[0], "Basic " + basic) or secrets[1] in head.get("cookie", "") or secrets[2] in path
        return ok(b"private package") if good else ok(b"who are you", status="401 No")
    s = Server(answer)
    def ask(r):
        got = [r.get(s.url + "/a", "Authorization: Bearer " + secrets[0]), r.get(s.url + "/b", "Authorization: Basic " + basic),
               r.get(s.url + "/c", "Cookie: id=" + secrets[1]), r.get(s.url + "/d?token=" + secrets[2]),
               r.get(s.url.replace("//", "//" + secrets[3] + "@") + "/e")]
        head, _ = r.ask(s.url + "/redirect")
        where = dict(l.split(": ", 1) for l in head.decode().strip().split("\r\n")[1:])["location"]
        return got + [where, r.get(where)]
    r, got = record(s, ask)
    assert got[:4] == [(200, b"private package")] * 4 and got[4][0] == 401
    assert got[5] == f"{s.url}/signed?X-Amz-Signature=redacted&v=1" and got[6] == (200, b"for the bearer"), got
    everything = b"".join(objects().values()) + r.text.encode() + "\n".join(r.problems).encode()
    for secret in secrets + [basic, "user-name-42", "pass-word-43"]:
        assert secret.encode() not in everything, secret


@sentence
def an_answer_that_repeats_a_credential_is_kept_nowhere():
    secrets = {"/bearer": "tok-3f9a8b7c6d5e", "/basic": "pass-word-43", "/both": "who-17:pass-word-99", "/cookie": "cookie-11aa22bb33",
               "/key": "key-0a1b2c3d4e", "/query": "query/99zz88yy77", "/escaped": "query%2f99zz88yy77", "/head": "tok-headheadhead"}
    fields = {"/bearer": "Authorization: Bearer tok-3f9a8b7c6d5e", "/basic": "Authorization: Basic " + base64.b64encode(b"me:pass-word-43").decode(),
              "/both": "authorization: basic " + base64.b64encode(b"who-17:pass-word-99").decode(), "/cookie": "Cookie: a=b; id=cookie-11aa22bb33",
              "/key": "X-Api-Key: key-0a1b2c3d4e", "/head": "Private-Token: tok-headheadhead"}
    def answer(path, head, body, c):
        path = path.split("?")[0]
        if path == "/head":
            return ok(b"plain", f"Link: <{secrets[path]}>")
        if path == "/busy":
            return ok(b"debug: " + head["authorization"].encode(), status="503 Busy")
        if path == "/cut":  # the secret lies across any two writes
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n")
            for byte in b"a tok-3f9a8b7c6d5e is it?":
                c.sendall(bytes([byte]))
            return b""
        if path == "/other":
            return ok(b"tok-3f9a8b7c6d5 and ok-3f9a8b7c6d5e are not it")
        return ok(b"x" * 70000 + b"you are " + secrets[path].encode() + b"." * 70000)
    s = Server(answer)
    with Recorder("record") as r:
        for path in ("/bearer", "/basic", "/both", "/cookie", "/key"):
            status, got = r.get(s.url + path, fields[path])
            assert status == 200 and secrets[path].encode() in got, path
        for path in ("/query", "/escaped"):
            assert secrets[path].encode() in r.get(s.url + path + "?a=b&token=query%2f99zz88yy77")[1]
        assert r.get(s.url + "/head", fields["/head"]) == (200, b"plain")
        assert r.get(s.url + "/busy", fields["/bearer"])[0] == 503
        assert r.get(s.url + "/cut", fields["/bearer"])[1] == b"a tok-3f9a8b7c6d5e is it?"
        assert r.get(s.url + "/other", fields["/bearer"])[0] == 200
    assert [i["url"] for i in r.inputs] == [s.url + "/other"], r.inputs
    assert sum("repeats a credential" in p for p in r.problems) == 9 and len(r.problems) == 10, r.problems
    everything = b"".join(objects().values()) + r.text.encode() + "\n".join(r.problems).encode()
    for secret in list(secrets.values()) + [f.split()[-1] for f in fields.values()]:
        assert secret.encode() not in everything, secret


@sentence
def trailers_of_an_answer_change_nothing():
    s = Server(lambda *_: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Link\r\n\r\n3\r\nabc\r\n0\r\nLink: <x>\r\n\r\n")
    _, (head, body) = record(s, lambda r: r.ask(s.url + "/"))
    assert body == b"abc" and b"link" not in head.lower(), head


@sentence
def what_was_never_fetched_is_refused_by_name():
    s = Server(lambda *_: ok(b"x"))
    with Recorder("record") as r:
        r.get(s.url + "/a")
    with Recorder("play") as p:
        assert p.get(s.url + "/b?token=very-secret") == (403, b"selfsame: not in the lock: this was never fetched while recording\n")
    assert p.problems == [f"GET {s.url}/b?token=redacted: not in the lock: this was never fetched while recording"], p.problems
    for name, data in objects().items():
        os.remove(f"store/sha256/{name[:2]}/{name}")
    with Recorder("play") as p:
        assert p.get(s.url + "/a")[0] == 502
    assert p.problems == [f"GET {s.url}/a: not in the store of inputs: {sha256(b'x')}"], p.problems


@sentence
def other_methods_are_refused_by_name():
    with Recorder("record") as r:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            assert r.get("http://127.0.0.1:1/x", method=method)[0] == 403
    assert r.problems[0] == "'PUT http://127.0.0.1:1/x': only GET, HEAD and POST are recorded", r.problems
    assert len(r.problems) == 4 and r.inputs == []


main()
