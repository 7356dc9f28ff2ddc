#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: diff_page.py SELFSAME

`diff --html` in headless Chromium: the page opens from disk, everything in it is reached by clicking,
and nothing is fetched. The first case is the control: this browser does see a page that fetches.
Prints TAP.
"""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cdp import Browser  # noqa: E402

SHOWN = '[...document.querySelectorAll("%s")].filter(e => e.checkVisibility()).length'
HOSTILE = '<img src=http://127.0.0.1:1/x onerror=alert(1)>&"\'<b>'


def write(root, path, data):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, 'wb') as f:
        f.write(data)
    os.utime(full, (5, 5))


def trees(top):
    for side, year, byte in (('one', b'2024', b'\1'), ('two', b'2025', b'\2')):
        root = os.path.join(top, side)
        for name in 'xyz':
            write(root, f'srv/{name}', b'made ' + year + b'-01-02\n')
        write(root, 'srv/deep/in/' + HOSTILE.replace('/', '_'), HOSTILE.encode() + year + b'\n')
        write(root, 'srv/deep/image', bytes(64) + byte + bytes(64))
        for folder, _, _ in os.walk(root):
            os.utime(folder, (5, 5))
    return os.path.join(top, 'one'), os.path.join(top, 'two')


class Tap:
    def __init__(self):
        self.n = self.bad = 0

    def case(self, name, got, want=True):
        self.n += 1
        ok = got == want
        self.bad += not ok
        print(('ok' if ok else 'not ok'), self.n, '-', name, flush=True)
        if not ok:
            print(f'# {got!r}, not {want!r}'.replace('\n', ' '), flush=True)


def control(tap, browser, top):
    path = os.path.join(top, 'control.html')
    with open(path, 'w', encoding='ascii') as f:
        f.write('<img src="http://127.0.0.1:1/x"><script>console.log("ran"); boo()</script>')
    page = browser.open('file://' + path)
    browser.pump(lambda: page.requests[1:] and 'ran' in page.console and page.errors, 'the control')
    tap.case('the control: a fetch, a script and an error are seen',
             (page.requests[1:], 'ran' in page.console, len(page.errors)),
             (['http://127.0.0.1:1/x'], True, 1))


def opened(tap, page):
    tap.case('the page has its title', page.evaluate('document.title'), 'selfsame diff')
    tap.case('the verdict is the heading', page.evaluate('document.querySelector("h1").textContent'),
             'different: 5 files, 3 causes; the registers differ')
    tap.case('values are hidden at first', page.evaluate(SHOWN % 'pre'), 0)
    tap.case('causes and folders are shown',
             page.evaluate('[...document.querySelectorAll("h2")].map(e => e.textContent)'),
             ['By cause', 'By folder'])


def clicks(tap, page):
    """Down the tree of causes by the mouse: cause, file, the two lines."""
    group = page.evaluate('[...document.querySelectorAll("summary")]'
                          '.findIndex(e => e.textContent.startsWith("time.text"))')
    page.click('summary', group)
    tap.case('a click on a cause shows its files and the mend',
             page.evaluate(SHOWN % '.mend') == 1 and page.evaluate(SHOWN % 'pre') == 0)
    page.click('summary', group + 1)
    tap.case('a click on a file shows its two lines',
             page.evaluate('[...document.querySelectorAll("pre")].filter(e => e.checkVisibility())'
                           '.map(e => e.textContent)'),
             ['- made 2024-01-02', '+ made 2025-01-02'])
    page.click('summary', group + 1)
    tap.case('another click hides them', page.evaluate(SHOWN % 'pre'), 0)


def summary_of(page, begins):
    return page.evaluate('[...document.querySelectorAll("summary")]'
                         f'.findIndex(e => e.textContent.startsWith("{begins}"))')


def folders(tap, page):
    """Down the tree of folders: part, srv, deep, the file; its bytes, as a hex editor shows them."""
    shown = '[...document.querySelectorAll("summary")].filter(e => e.checkVisibility()).map(e => e.textContent)'
    page.click('summary', summary_of(page, 'tree — '))
    tap.case('a click on a part shows its folders', 'srv/ — 5 differences' in page.evaluate(shown))
    page.click('summary', summary_of(page, 'srv/ — '))
    names = page.evaluate(shown)
    tap.case('a click on a folder shows what is in it', [x for x in names if x.startswith('deep/') or x.endswith(' — time.text')],
             ['deep/ — 2 differences', *[f'tree: srv/{n} — time.text' for n in 'xyz']])
    page.click('summary', summary_of(page, 'deep/ — '))
    page.click('summary', page.evaluate('[...document.querySelectorAll("summary")].findLastIndex(e => '
                                        'e.textContent.startsWith("tree: srv/deep/image"))'))
    tap.case('a click on a file of bytes shows them, with what differs marked',
             page.evaluate('[...document.querySelectorAll("pre")].filter(e => e.checkVisibility())'
                           '.map(e => [e.textContent, [...e.querySelectorAll("mark")].map(m => m.textContent)])'),
             [[f'00000040  {b} {"00 " * 15} |{"." * 16}|', [b]] for b in ('01', '02')])
    tap.case('lines have what differs marked',
             page.evaluate('[...document.querySelectorAll("pre")].filter(e => e.textContent.startsWith("- made"))'
                           '.map(e => e.querySelector("mark").textContent)[0]'), '4')


def harmless(tap, page, url):
    page.evaluate('document.querySelectorAll("details").forEach(e => e.open = true)')
    tap.case('opened, no text of the artifacts has become an element',
             page.evaluate('document.querySelectorAll("img, script, [onerror], a").length'), 0)
    tap.case('that text is shown as it is',
             page.evaluate('document.body.textContent').count(HOSTILE + '2024') > 0)
    tap.case('nothing but the page was fetched', page.requests, [url])
    tap.case('no script ran, no error came', (page.console, page.errors), ([], []))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as top:
        a, b = trees(top)
        path = os.path.join(top, 'page.html')
        run = subprocess.run([sys.argv[1], 'diff', '-q', '--html', path, a, b],
                             stdout=subprocess.DEVNULL, check=False)
        tap.case('diff --html says that they differ', run.returncode, 1)
        with Browser() as browser:
            control(tap, browser, top)
            page = browser.open('file://' + path)
            opened(tap, page)
            clicks(tap, page)
            folders(tap, page)
            harmless(tap, page, 'file://' + path)
    print(f'1..{tap.n}')
    return tap.bad > 0


if __name__ == '__main__':
    sys.exit(main())
