# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium, driven over --remote-debugging-pipe with nothing but the standard library.

    with Browser() as browser:
        page = browser.open('file:///tmp/x.html')      # loaded
        page.click('summary')
        assert page.evaluate('document.title') == 'x'
        page.wait('document.querySelector("#verdict").textContent != ""')
        page.files('input[type=file]', ['/tmp/document.bin'])
        page.requests, page.console, page.errors       # URLs, texts, uncaught exceptions

Nothing is skipped: without the program Browser() fails. Every wait has a deadline (WAIT seconds of
silence, for a loaded machine) and ends with an exception. The browser has a profile of its own and
no port; it ends with the `with` block, and only processes started here are ended.
"""
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

WAIT = 120
NAMES = ('chromium', 'chromium-browser', 'google-chrome')
OPTIONS = ('--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--no-first-run',
           '--no-default-browser-check', '--disable-gpu', '--disable-dev-shm-usage',
           '--disable-extensions', '--disable-sync', '--disable-component-update',
           '--disable-background-networking', '--disable-default-apps', '--no-pings',
           '--password-store=basic', '--use-mock-keychain', '--mute-audio')


class CdpError(Exception):
    """The browser said no, or said nothing in time."""


class Page:
    """A tab. Lists grow while any call of this module waits."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.requests, self.console, self.errors, self.loads = [], [], [], 0

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def note(self, method, params):
        if method == 'Network.requestWillBeSent':
            self.requests.append(params['request']['url'])
        elif method == 'Network.webSocketCreated':
            self.requests.append(params['url'])
        elif method == 'Runtime.consoleAPICalled':
            self.console.append(' '.join(str(a.get('value', a.get('description', '')))
                                         for a in params['args']))
        elif method == 'Runtime.exceptionThrown':
            details = params['exceptionDetails']
            self.errors.append(details.get('exception', {}).get('description', details['text']))
        elif method == 'Log.entryAdded':
            self.console.append(params['entry']['text'])
        elif method == 'Page.loadEventFired':
            self.loads += 1

    def go(self, url):
        loads = self.loads
        answer = self.call('Page.navigate', url=url)
        if 'errorText' in answer:
            raise CdpError(f'{url}: {answer["errorText"]}')
        self.browser.pump(lambda: self.loads > loads, f'{url} to load')

    def evaluate(self, expression):
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.call('Runtime.evaluate', expression=expression, returnByValue=True,
                           awaitPromise=True, userGesture=True)
        if 'exceptionDetails' in answer:
            details = answer['exceptionDetails']
            raise CdpError(details.get('exception', {}).get('description', details['text']))
        return answer['result'].get('value')

    def wait(self, expression):
        """Until the expression is true; its value."""
        end = time.monotonic() + WAIT
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            if time.monotonic() > end:
                raise CdpError(f'never true: {expression}')
            time.sleep(0.05)

    def click(self, selector, nth=0):
        """A real click of the mouse in the middle of what the selector finds."""
        find = f'document.querySelectorAll({json.dumps(selector)})[{nth}]'
        at = self.evaluate(f'(() => {{ const e = {find}; if (!e) return null;'
                           'e.scrollIntoView({block: "center"}); const r = e.getClientRects()[0];'
                           'return r ? [r.left + r.width / 2, r.top + r.height / 2] : null })()')
        if at is None:
            raise CdpError(f'nothing to click: {selector} [{nth}]')
        for kind in ('mousePressed', 'mouseReleased'):
            self.call('Input.dispatchMouseEvent', type=kind, x=at[0], y=at[1], button='left',
                      clickCount=1)

    def files(self, selector, paths):
        """Chooses files in an <input type=file>, as a person would."""
        root = self.call('DOM.getDocument')['root']['nodeId']
        node = self.call('DOM.querySelector', nodeId=root, selector=selector)['nodeId']
        if node == 0:
            raise CdpError(f'no such input: {selector}')
        self.call('DOM.setFileInputFiles', nodeId=node, files=[os.path.abspath(p) for p in paths])


class Browser:
    def __init__(self, *options):
        program = next((p for p in map(shutil.which, NAMES) if p), None)
        if program is None:
            raise CdpError(f'none of these is installed: {", ".join(NAMES)}')
        self.command = [program, *OPTIONS, *options]
        self.pages, self.answers, self.rest, self.last = {}, {}, b'', 0
        self.top = self.process = self.to = self.of = None

    def __enter__(self):
        self.top = tempfile.mkdtemp(prefix='chromium.')
        theirs_in, self.to = os.pipe()
        self.of, theirs_out = os.pipe()
        # The browser reads descriptor 3 and writes 4: clear of what dup2 would run over.
        low = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs_in, theirs_out)]
        os.close(theirs_in)
        os.close(theirs_out)

        def descriptors():
            os.dup2(low[0], 3)
            os.dup2(low[1], 4)

        env = {**os.environ, 'HOME': self.top, 'XDG_RUNTIME_DIR': self.top}
        with open(os.path.join(self.top, 'log'), 'wb') as log:
            self.process = subprocess.Popen(
                [*self.command, '--user-data-dir=' + os.path.join(self.top, 'profile'),
                 'about:blank'], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                preexec_fn=descriptors, pass_fds=(3, 4, *low), start_new_session=True)
        for fd in low:
            os.close(fd)
        return self

    def __exit__(self, *_):
        try:
            self.call('Browser.close')
            self.process.wait(WAIT)
        except (CdpError, OSError, subprocess.TimeoutExpired):
            pass
        # What is left is in the session that was begun above, all of it started here.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.to)
        os.close(self.of)
        shutil.rmtree(self.top, ignore_errors=True)

    def log(self):
        with open(os.path.join(self.top, 'log'), errors='replace', encoding='utf-8') as f:
            return f.read()[-2000:]

    def pump(self, done, what):
        """Reads messages until done(); the deadline is for silence."""
        while not done():
            if not select.select([self.of], [], [], WAIT)[0]:
                raise CdpError(f'waited {WAIT} s for {what}')
            data = os.read(self.of, 1 << 16)
            if not data:
                raise CdpError(f'the browser ended while it was asked for {what}: {self.log()}')
            *whole, self.rest = (self.rest + data).split(b'\0')
            for raw in whole:
                message = json.loads(raw)
                if 'id' in message:
                    self.answers[message['id']] = message
                elif message.get('sessionId') in self.pages:
                    self.pages[message['sessionId']].note(message['method'], message['params'])

    def call(self, method, session=None, **params):
        self.last += 1
        mine = self.last
        message = {'id': mine, 'method': method, 'params': params}
        if session is not None:
            message['sessionId'] = session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.to, data):]
        self.pump(lambda: mine in self.answers, method)
        answer = self.answers.pop(mine)
        if 'error' in answer:
            raise CdpError(f'{method}: {answer["error"]["message"]}')
        return answer['result']

    def open(self, url):
        """A new tab with this page, loaded."""
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        page = self.pages[session] = Page(self, session)
        for domain in ('Page', 'Runtime', 'Network', 'Log', 'DOM'):
            page.call(domain + '.enable')
        page.go(url)
        return page
