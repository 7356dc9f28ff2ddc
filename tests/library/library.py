#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: library.py BUILD SOURCE SHARED STATIC PREFIX LIBDIR SANITIZERS COMPILER...

libselfsame-verify from outside: both libraries export what the header declares and nothing else and
need nothing that could open, ask or print; it is installed with its header and pkg-config file; the
program of docs/verify.md compiles without a warning, shared and static, and answers right. Prints
TAP.
"""
import os
import re
import subprocess
import sys
import tempfile

BUILD, SRC, SHARED, STATIC, PREFIX, LIBDIR, SANITIZE = sys.argv[1:8]
CC = sys.argv[8:] + ([f"-fsanitize={SANITIZE}"] if SANITIZE != "none" else [])
VECTOR = f"{SRC}/tests/vectors/attestation/production-2022-nov.cose"
NONCE = bytes.fromhex("c678c86135de539d183acff58886d98dfb9823041af9f934bf909ac0f8d96245")
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
count = failed = 0


def check(name, good, why=""):
    global count, failed
    count += 1
    failed += not good
    print(("ok" if good else "not ok"), count, "-", name, flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in str(why).splitlines()), end="", flush=True)


def run(*args, env=None):
    p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
                       env={**os.environ, **(env or {})})
    return p.returncode, p.stdout


def symbols(path, *options):
    rc, out = run("nm", *options, path)
    assert rc == 0, out
    return {line.split()[-1].split("@")[0] for line in out.splitlines() if len(line.split()) >= 2}


def exported(path, *options):
    names = symbols(path, "--defined-only", *options)
    return {n for n in names if not n.startswith("__odr_asan") and n != "SELFSAME_VERIFY_0"}


def needed(path):
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", path)[1]))


header = open(f"{SRC}/include/selfsame-verify.h", encoding="utf-8").read()
declared = set(re.findall(r"^SSV_API [^;]*?\b(ssv_[a-z0-9_]+)\(", header, re.M))
mapped = set(re.findall(r"^\t(\w+);", open(f"{SRC}/src/verify/selfsame-verify.map", encoding="utf-8").read(), re.M))
check("the header declares functions", len(declared) > 30, declared)
check("the symbol map has those of the header", mapped == declared, mapped ^ declared)
for what, names in (("shared", exported(SHARED, "-D")), ("static", exported(STATIC, "-g"))):
    check(f"the {what} library exports those of the header", names == declared, names ^ declared)

FORBIDDEN = """open open64 openat fopen fopen64 read socket connect getenv secure_getenv time clock_gettime gettimeofday
localtime setlocale system execve fork printf puts putchar getpid getrandom""".split()
undefined = symbols(STATIC, "-u") | symbols(SHARED, "-D", "-u")
check("neither needs files, network, clock, environment, locale or output", not undefined & set(FORBIDDEN),
      undefined & set(FORBIDDEN))
rc, soname = run("readelf", "-d", SHARED)
check("the soname is libselfsame-verify.so.0", "[libselfsame-verify.so.0]" in soname, soname)
if SANITIZE == "none":
    extra = {n for n in needed(SHARED) if not re.match(r"lib(c|crypto|jansson)\.so\.\d+$", n)}
    check("the shared library needs libc, libcrypto and jansson only", not extra, extra)

with tempfile.TemporaryDirectory() as top:
    rc, out = run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--tags", "devel,runtime", "--destdir", top)
    check("it is installed", rc == 0, out)
    root = top + PREFIX
    lib = f"{root}/{LIBDIR}"
    # What pkg-config says is below the prefix; here it lies below another folder.
    config = {"PKG_CONFIG_PATH": f"{lib}/pkgconfig"}
    moved = ["pkg-config", f"--define-variable=prefix={root}"]
    rc, out = run(*moved, "--cflags", "--libs", "selfsame-verify", env=config)
    flags = out.split()
    check("pkg-config has the flags", flags == [f"-I{root}/include", f"-L{lib}", "-lselfsame-verify"], out)
    rc, out = run(*moved, "--static", "--libs", "selfsame-verify", env=config)
    static = [w.replace("-lselfsame-verify", "-l:libselfsame-verify.a") for w in out.split()]
    check("and those of a static library", {"-lcrypto", "-ljansson"} <= set(static), out)
    rc, out = run("pkg-config", "--modversion", "selfsame-verify", env=config)
    version = re.search(r"version: '([0-9.]+)'", open(f"{SRC}/meson.build", encoding="utf-8").read()).group(1)
    check("and the version", out.strip() == version, out)

    page = open(f"{SRC}/docs/verify.md", encoding="utf-8").read()
    program = re.findall(r"^```c\n(.*?)^```", page, re.M | re.S)
    policy = re.findall(r"^```json\n(.*?)^```", page, re.M | re.S)
    check("docs/verify.md has one program and one policy", len(program) == 1 and len(policy) == 1)
    files = {"check.c": program[0].encode(), "policy.json": policy[0].encode(), "nonce": NONCE, "other": NONCE[1:],
             "wrong.json": policy[0].replace('"pcr2": "00', '"pcr2": "01').encode(), "bad.json": b'{"nonces": true}'}
    at = {}
    for name, data in files.items():
        at[name] = f"{top}/{name}"
        with open(at[name], "wb") as f:
            f.write(data)
    c = at["check.c"]
    shown = ["yes: i-04fd167167daacf3b-enc01845e97d0b3eb4e\n", "no: certificate-expired: cabundle[1] was valid until "
             "2022-11-26T23:20:55+00:00, before "]
    check("the page shows what it prints", all(s in page for s in shown))
    for how, link in (("shared", flags), ("static", [flags[0], *static])):
        program = f"{top}/check-{how}"
        rc, out = run(*CC, *STRICT, c, "-o", program, *link)
        check(f"{how}: it compiles without a warning", rc == 0, out)
        uses = "libselfsame-verify.so.0" in needed(program)
        check(f"{how}: the library is {'outside' if how == 'shared' else 'inside'}", uses == (how == "shared"))
        cases = [("a genuine document is a yes", "policy.json", "nonce", ["1668034325"], 0, shown[0]),
                 ("now it is a no", "policy.json", "nonce", [], 1, shown[1]),
                 ("five minutes later it is too old", "policy.json", "nonce", ["1668034621"], 1, "no: too-old: "),
                 ("another nonce is a no", "policy.json", "other", ["1668034325"], 1, "no: nonce: "),
                 ("another application is a no", "wrong.json", "nonce", ["1668034325"], 1, "no: release-unknown: "),
                 ("a policy with a misspelt key is no question", "bad.json", "nonce", ["1668034325"], 1,
                  "no: no-question: '")]
        for name, pol, nonce, when, status, text in cases:
            rc, out = run(program, at[pol], at[nonce], VECTOR, *when, env={"LD_LIBRARY_PATH": lib})
            check(f"{how}: {name}", rc == status and out.startswith(text), f"{rc}: {out}")
    for name, words in (("C99", [*CC, "-x", "c", *STRICT]),
                        ("C++11", ["clang", "-x", "c++", "-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Werror"])):
        rc, out = run(*words, "-fsyntax-only", f"{root}/include/selfsame-verify.h")
        check(f"the header alone is {name}", rc == 0, out)
print(f"1..{count}")
sys.exit(failed > 0)
