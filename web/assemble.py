#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: assemble.py FOLDER WASM VERSION

Writes verify.html of FOLDER with its style, its script and the program in it, to standard output. The
content security policy names the two by their hashes, and allows no connection of any kind.
"""
import base64
import hashlib
import sys


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def sha256(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text).digest()).decode() + "'"


def main():
    folder, wasm, version = sys.argv[1:]
    page, css = read(f'{folder}/verify.html'), read(f'{folder}/verify.css')
    js = read(f'{folder}/verify.js').replace(b'@VERSION@', version.encode())
    csp = (f"default-src 'none'; style-src {sha256(css)}; script-src {sha256(js)} 'wasm-unsafe-eval'; "
           "base-uri 'none'; form-action 'none'")
    parts = {b'@CSP@': csp.encode(), b'@CSS@': css, b'@WASM@': base64.b64encode(read(wasm)), b'@JS@': js}
    for mark, text in parts.items():
        assert page.count(mark) == 1, mark
        page = page.replace(mark, text)
    sys.stdout.buffer.write(page)


if __name__ == '__main__':
    main()
