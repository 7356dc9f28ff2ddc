#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: verify_page.py SELFSAME SOURCE-ROOT [PAGE]

web/verify.html in headless Chromium, opened from disk: genuine documents and forged ones get the
verdict that `selfsame verify --json` gives, check by check; nothing is fetched and nothing could be;
it fits a phone, is readable in the light and in the dark, and works without a mouse. PAGE is what
tools/web-build makes, and is asked of it where it is not given. Prints TAP.
"""
import json
import os
import select
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '../attest')]
from cdp import Browser  # noqa: E402
from diff_page import Tap  # noqa: E402
import forge  # noqa: E402

SELFSAME, SRC = map(os.path.abspath, sys.argv[1:3])
VECTORS = f'{SRC}/tests/vectors/attestation/'
NOV, DEBUG, INDEFINITE = (VECTORS + f for f in ('production-2022-nov.cose', 'debug-2022.cose',
                                                'production-2025-indefinite-map.cose'))
REGISTERS = ('22f9e1c949208da55eb01b9b9fc88f87454f77ba133f0d82320b509621c92482152a99d0a12335b97178c02d6f977d01',
             'bcdf05fefccaa8e55bf2c8d6dee9e79bbff31e34bf28a99aa19e6b29c37ee80b214a414b7607236edf26fcb78654e63f',
             '00943ea859140fed74e1025fe41aedb38780eae5656b3f9ef9b4b0e6111350315544db3efcda05725108f72b2ab141f7')
NONCE = 'c678c86135de539d183acff58886d98dfb9823041af9f934bf909ac0f8d96245'
AT = '2022-11-09T22:52:05Z'   # of NOV, and five seconds
FORGED_AT = '2023-11-14T22:13:20Z'
POLICY = {'release': [{'version': '1.4.2', 'pcr0': REGISTERS[0], 'pcr1': REGISTERS[1], 'pcr2': REGISTERS[2]}]}
# option: the field of the page
FIELDS = {'--nonce': 'nonce', '--user-data': 'user-data', '--public-key': 'public-key', '--role': 'role',
          '--instance': 'instance', '--max-age': 'max-age'}
TEXTS = '''[...document.querySelectorAll("body *")].filter(e => e.checkVisibility()
    && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
    || ["INPUT", "TEXTAREA", "SELECT"].includes(e.tagName) && e.type !== "checkbox" && e.checkVisibility())'''
CONTRAST = '''(() => {
    const parts = s => s.match(/[0-9.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255, v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const ground = e => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor);
        if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
    let least = 21, n = 0;
    for (const e of ''' + TEXTS + ''') {
        const a = light(parts(getComputedStyle(e).color)), b = light(ground(e));
        least = Math.min(least, (Math.max(a, b) + .05) / (Math.min(a, b) + .05));
        n++;
    }
    return [n > 40, least, light(ground(document.body)) < .1];
})()'''


def read(path):
    with open(path, 'rb') as f:
        return f.read()


class Form:
    """The page as somebody uses it."""

    def __init__(self, page, url, top):
        self.page, self.url, self.top = page, url, top

    def fresh(self):
        self.page.go(self.url)

    def set(self, name, value):
        """As typing does: the value, and the event that it changed."""
        self.page.evaluate(f'(() => {{ const e = document.getElementById({json.dumps(name)});'
                           f'e.value = {json.dumps(value)}; e.dispatchEvent(new Event("input", {{bubbles: true}})) }})()')

    def allow(self, name):
        self.page.evaluate(f'document.getElementById("{name}").checked = true')

    def document(self, path):
        self.page.files('#document', [path])
        self.page.wait('document.getElementById("document-name").textContent !== ""')

    def fill(self, options):
        rest = list(options)
        registers = []
        while rest:
            o = rest.pop(0)
            if o in ('--allow-debug', '--allow-emulated'):
                self.allow(o[2:])
                continue
            value = rest.pop(0)
            if o == '--pcr':
                n, digits = value.split('=')
                if int(n) < 3:
                    self.set(f'pcr{n}', digits)
                else:
                    registers.append(value)
            elif o == '--at':
                self.set('when', value if value == 'document' else 'time')
                if value != 'document':
                    self.set('time', value)
            elif o in ('--policy', '--measurements'):
                self.page.files('#expected-file', [value])
                self.page.wait('document.getElementById("expected").value !== ""')
            elif o == '--root':
                self.set('root', read(value).decode())
            else:
                self.set(FIELDS[o], value)
        self.set('pcrs', '\n'.join(registers))

    def verify(self):
        """[verdict, code, first line, the report]."""
        self.page.click('#verify')
        self.page.wait('!document.getElementById("answer").hidden')
        return self.page.evaluate('[...["verdict", "code"].map(k => document.getElementById("verdict").dataset[k]),'
                                  'document.getElementById("verdict").textContent,'
                                  'JSON.parse(document.getElementById("json").textContent)]')

    def ask(self, document, options):
        self.fresh()
        self.document(document)
        self.fill(options)
        return self.verify()


def expected(document, options):
    """What the command line says of the same."""
    run = subprocess.run([SELFSAME, 'verify', '--json', *options, document], capture_output=True, check=False, timeout=60)
    assert run.returncode in (0, 1), run.stderr
    return json.loads(run.stdout)


def without_sources(report):
    """The two name the same file, or the same field, differently."""
    return {**report, 'Checks': [{k: v for k, v in c.items() if k != 'Source'} for c in report.get('Checks', [])]}


def write(top, name, data):
    path = os.path.join(top, name)
    with open(path, 'wb') as f:
        f.write(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


def forged(top):
    """Documents of a test CA: name, path, options besides, code."""
    out = []

    def add(name, code, change=lambda d: None, *options):
        d = forge.Doc()
        got = change(d)
        out.append((name, write(top, f'{len(out)}.cose', got if isinstance(got, bytes) else d.bytes()), options, code))

    def fields(**values):
        return lambda d: d.fields.update(values)

    def payload(d):
        return d.bytes() + b'\0'

    def flip(d):
        b = bytearray(d.bytes())
        b[-1] ^= 1
        return bytes(b)

    def expired(d):
        d.certs['leaf'].end = forge.T - 1

    add('a forged one with its own root', '')
    add('the wrong nonce', 'nonce', fields(nonce=forge.bstr(b'a')), '--nonce', '62')
    add('the right nonce', '', fields(nonce=forge.bstr(b'b')), '--nonce', '62')
    add('user_data that is not there', 'user-data', lambda d: None, '--user-data', '00')
    add('a byte behind the end', 'trailing-bytes', payload)
    add('another signature', 'signature', flip)
    add('a certificate that has expired', 'certificate-expired', expired)
    add('a role that is not its', 'role', lambda d: None, '--role', 'arn:aws:iam::1:role/x')
    add('another register', 'signer', lambda d: None, '--pcr', '8=' + '11' * 48)
    add('text that would be markup', '', fields(module_id=forge.tstr('<img src=x onerror=alert(1)>\x1b[2J\u202e')))
    add('nothing', 'document-size', lambda d: b'')
    add('too much', 'document-size', lambda d: d.bytes() + bytes(40000))
    return out


def genuine(top):
    wrong = {**POLICY['release'][0], 'pcr2': '01' * 48}
    registers = [w for i in range(3) for w in ('--pcr', f'{i}={REGISTERS[i]}')]
    zeros = [w for i in range(3) for w in ('--pcr', f'{i}={"00" * 48}')]
    policy, other = write(top, 'accepted.json', POLICY), write(top, 'other.json', {'release': [wrong]})
    measured = write(top, 'measurements.json', {'HashAlgorithm': 'Sha384 { ... }', 'PCR0': REGISTERS[0],
                                                'PCR1': REGISTERS[1], 'PCR2': '01' * 48})
    cut = bytearray(read(NOV))
    cut[len(cut) // 2] ^= 1
    # The command line passes over the tail that dstack put behind this one; the library does not.
    plain = write(top, 'plain.cose', read(INDEFINITE)[:4527])
    return [
        ('a genuine document, by a policy', NOV, ['--policy', policy, '--at', AT, '--nonce', NONCE], ''),
        ('by registers', NOV, [*registers, '--at', AT], ''),
        ('at its own time', NOV, [*registers, '--at', 'document'], ''),
        ('much later', NOV, [*registers, '--at', '2026-11-21T10:30:00Z'], 'certificate-expired'),
        ('too old', NOV, [*registers, '--at', AT, '--max-age', '1'], 'too-old'),
        ('another release', NOV, ['--policy', other, '--at', AT], 'release-unknown'),
        ('other measurements', NOV, ['--measurements', measured, '--at', AT], 'pcr2'),
        ('a changed byte', write(top, 'cut.cose', bytes(cut)), [*registers, '--at', AT], None),
        ('debug mode', DEBUG, [*zeros, '--at', 'document'], 'debug-mode'),
        ('debug mode, allowed', DEBUG, [*zeros, '--at', 'document', '--allow-debug'], ''),
        ('an indefinite map, other registers', plain, [*registers, '--at', 'document'], 'pcr0'),
    ]


def verdicts(tap, form, top):
    root = write(top, 'root.pem', forge.pem(forge.ROOT_DER).encode())
    mine = ['--root', root, '--at', FORGED_AT, *(w for i in range(3) for w in ('--pcr', f'{i}={forge.PCRS[i].hex()}'))]
    cases = genuine(top) + [(n, d, [*mine, *o], c) for n, d, o, c in forged(top)]
    for name, document, options, code in cases:
        want = expected(document, options)
        verdict, said, line, report = form.ask(document, options)
        tap.case(f'{name}: the verdict is the command line\'s', (verdict, said, without_sources(report)),
                 (want['Verdict'], want['Reason'] or '', without_sources(want)))
        if code is not None:
            tap.case(f'{name}: {code or "yes"}', (said, line.split(';')[0].split(': ')[:2]),
                     (code, ['no', code] if code else ['yes']))


def shown(tap, form, top):
    form.ask(NOV, ['--policy', write(top, 'accepted.json', POLICY), '--at', AT, '--nonce', NONCE])
    page = form.page
    text = page.evaluate('document.getElementById("answer").innerText')
    tap.case('a yes shows registers, their source and the chain',
             [s for s in (*REGISTERS, 'accepted.json', 'CN=aws.nitro-enclaves', 'cabundle[0]', 'certificate', 'the chain holds',
                          'i-04fd167167daacf3b-enc01845e97d0b3eb4e', NONCE) if s not in text], [])
    tap.case('there are five certificates', page.evaluate('document.querySelectorAll("#chain li").length'), 5)
    tap.case('the verdict has the focus', page.evaluate('document.activeElement.id'), 'verdict')
    form.set('nonce', '00')
    tap.case('a verdict goes when the question changes', page.evaluate('document.getElementById("answer").hidden'))
    verdict, code, line, _ = form.verify()
    tap.case('and the next one is of the new question', (verdict, code), ('no', 'nonce'))
    tap.case('a no says in words why', line, 'no: nonce: nonce is not the expected one')
    text = page.evaluate('document.getElementById("answer").innerText')
    tap.case('a no claims nothing', 'Not proven' in text and 'the chain holds' not in text)


def incomplete(tap, form, top):
    page = form.page
    form.fresh()
    tap.case('without a document there is no verdict', form.verify()[:3],
             ['none', 'no-question', 'no verdict: there is no document yet'])
    form.fresh()
    form.document(NOV)
    tap.case('without an expectation there is none', form.verify()[:2], ['none', 'no-question'])
    for name, field, value, line in (
            ('a policy with a misspelt key', 'expected', '{"nonces": true}',
             "no verdict: 'the policy': unknown key 'nonces'; did you mean 'nonce'?"),
            ('what is no JSON', 'expected', '{', None),
            ('half a register', 'pcr0', '00', 'no verdict: PCR0 must be 96 hexadecimal digits'),
            ('a nonce that is none', 'nonce', 'xyz', 'no verdict: the nonce must be pairs of hexadecimal digits'),
            ('a time that is none', 'time', 'soon', 'no verdict: the time must be one of UTC, as in 2026-11-21T10:30:00Z'),
            ('a root that is none', 'root', 'x', None)):
        form.fresh()
        form.document(NOV)
        if field != 'expected':
            form.fill([w for i in range(3) for w in ('--pcr', f'{i}={REGISTERS[i]}')] + ['--at', AT])
        form.set(field, value)
        got = form.verify()
        tap.case(f'{name}: no verdict', (got[:2], line or got[2]), (['none', 'no-question'], got[2]))
    form.fresh()
    page.evaluate('''(() => { const files = new DataTransfer();
        files.items.add(new File(["abc"], "dropped.cose"));
        document.getElementById("drop").dispatchEvent(new DragEvent("drop",
            {dataTransfer: files, bubbles: true, cancelable: true})) })()''')
    page.wait('document.getElementById("document-name").textContent === "dropped.cose, 3 bytes"')
    form.fill([w for i in range(3) for w in ('--pcr', f'{i}={REGISTERS[i]}')] + ['--at', AT])
    tap.case('a document that is dropped is read', form.verify()[0], 'no')
    tap.case('and is the one that is shown as chosen', page.evaluate('document.getElementById("document").files[0].name'),
             'dropped.cose')


def knock(page, port):
    """What a page can do to reach somebody; ends when all of it was answered."""
    return page.evaluate(f'''(async () => {{
        const url = "http://127.0.0.1:{port}/";
        const image = new Promise(done => {{
            const i = new Image(); i.onload = i.onerror = () => done(); i.src = url + "image"; }});
        const said = await fetch(url + "fetch", {{mode: "no-cors"}}).then(() => "asked", e => e.name);
        await image;
        return said; }})()''')


def heard(server):
    """How many connections came."""
    n = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return n
        n += 1


def private(tap, browser, form, url, top):
    page = form.page
    tap.case('nothing but the page was fetched', set(page.requests), {url})
    tap.case('no text became an element',
             page.evaluate('document.querySelectorAll("img, a, iframe, [onerror]").length'), 0)
    tap.case('nothing was written to the console, no error came', (page.console, page.errors), ([], []))
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        tap.case('it cannot ask anybody', (knock(page, port), heard(server)), ('TypeError', 0))
        blocked = [c for c in page.console if 'Content Security Policy' in c]
        tap.case('which its policy forbids', len(blocked) >= 2)
        other = browser.open('file://' + write(top, 'other.html', b'<title>no policy</title>'))
        other.evaluate(f'setTimeout(() => fetch("http://127.0.0.1:{port}/", {{mode: "no-cors"}}).catch(() => 0), 0)')
        ready = select.select([server], [], [], 120)[0]
        tap.case('the control: a page without one reaches the same port', bool(ready))


def look(tap, form, top):
    page = form.page
    for width, name in ((360, 'a phone'), (1280, 'a desk')):
        page.call('Emulation.setDeviceMetricsOverride', width=width, height=740, deviceScaleFactor=2, mobile=width < 500)
        form.ask(NOV, ['--policy', write(top, 'accepted.json', POLICY), '--at', AT])
        page.evaluate('document.querySelectorAll("details").forEach(e => e.open = true)')
        tap.case(f'{name}: nothing is wider than the screen', page.evaluate(
            f'[document.documentElement.scrollWidth <= {width}, [...document.querySelectorAll("body *")].filter(e => e.checkVisibility()'
            f'&& e.getBoundingClientRect().right > {width} + 1).length]'), [True, 0])
        tap.case(f'{name}: what is touched is large enough', page.evaluate(
            '[...document.querySelectorAll("button, select, summary, .box, input:not([type=checkbox]), textarea")].filter('
            'e => e.checkVisibility() && e.getBoundingClientRect().height < 40).length'), 0)
        for scheme in ('light', 'dark'):
            page.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
            many, least, dark = page.evaluate(CONTRAST)
            tap.case(f'{name}, {scheme}: the ground is so', dark, scheme == 'dark')
            tap.case(f'{name}, {scheme}: all text has contrast', (many, least >= 4.5 or least), (True, True))
    page.call('Emulation.setEmulatedMedia', features=[])
    page.call('Emulation.clearDeviceMetricsOverride')


def key(page, name, code, text=''):
    for kind in ('keyDown', 'keyUp'):
        page.call('Input.dispatchKeyEvent', type=kind, key=name, code=name, windowsVirtualKeyCode=code,
                  **({'text': text} if kind == 'keyDown' and text else {}))


def without_a_mouse(tap, form):
    page = form.page
    form.fresh()
    form.document(NOV)
    form.fill([w for i in range(3) for w in ('--pcr', f'{i}={REGISTERS[i]}')] + ['--at', AT])
    page.evaluate('document.querySelectorAll("details").forEach(e => e.open = true)')
    unnamed = page.evaluate('[...document.querySelectorAll("input, textarea, select")].filter('
                            'e => ![...e.labels].some(l => l.textContent.trim())).map(e => e.id)')
    tap.case('every field has a label', unnamed, [])
    want = page.evaluate('[...document.querySelectorAll("input, textarea, select, button")].filter('
                         'e => e.checkVisibility()).map(e => e.id)')
    got = []
    page.evaluate('document.activeElement.blur()')
    for _ in range(3 * len(want)):
        key(page, 'Tab', 9)
        got.append(page.evaluate('document.activeElement.id'))
        if got[-1] == 'verify':
            break
    tap.case('the tab key reaches every field in its order', [g for g in dict.fromkeys(got) if g in want], want)
    key(page, 'Enter', 13, '\r')
    page.wait('!document.getElementById("answer").hidden')
    tap.case('and the return key verifies', page.evaluate('document.getElementById("verdict").dataset.verdict'), 'yes')


def main():
    tap = Tap()
    path = sys.argv[3] if len(sys.argv) > 3 else subprocess.run(
        [f'{SRC}/tools/web-build'], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    url = 'file://' + os.path.abspath(path)
    with tempfile.TemporaryDirectory() as top, Browser() as browser:
        form = Form(browser.open(url), url, top)
        verdicts(tap, form, top)
        shown(tap, form, top)
        incomplete(tap, form, top)
        without_a_mouse(tap, form)
        look(tap, form, top)
        private(tap, browser, form, url, top)
    print(f'1..{tap.n}')
    return tap.bad > 0


if __name__ == '__main__':
    sys.exit(main())
