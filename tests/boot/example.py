# SPDX-License-Identifier: Apache-2.0
"""The example of the README: a Dockerfile with `RUN apt-get install` becomes a service, which is
asked from outside. What `make demo` shows, as a test."""
import json
import os
import shutil
import subprocess
import urllib.request

import rig
import running


class It:
    """The one image."""

    place = eif = measured = None


def build(place):
    source, eif = os.path.join(place.dir, 'hello'), os.path.join(place.dir, 'hello.eif')
    shutil.copytree(os.path.join(rig.TOP, 'examples', 'hello'), source)
    command = ('exec "$0" build --kernel local --runtime "$1" --output "$2" '
               '--build-arg "BASE=$SELFSAME_DEMO_BASE"')
    p = subprocess.run(
        [os.path.join(rig.TOP, 'tools', 'demo-base'), 'sh', '-c', command, rig.SELFSAME,
         os.path.dirname(rig.RUNTIME), eif],
        cwd=source, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=780, check=False)
    assert p.returncode == 0, p.stdout.decode(errors='replace')[-3000:]
    with open(os.path.join(source, 'measurements.json'), encoding='utf-8') as f:
        return eif, json.load(f)


def the_example_is_built():
    It.eif, It.measured = build(It.place)


def it_answers_and_stops_in_order():
    with running.Place() as place:
        place.ask('run', It.eif, '--detach', '--port', '127.0.0.1:0:8080')
        doc, = json.loads(place.ask('list', '--json'))
        assert doc['EnclaveName'] == 'hello' and doc['Readiness'] == 'ready', doc
        for path, want in (('/', {'hello': 'from inside', 'uid': 1000}),
                           ('/healthz', {'status': 'ok'})):
            with urllib.request.urlopen('http://%s%s' % (doc['Ports'][0]['Host'], path),
                                        timeout=running.LIMIT) as answer:
                assert json.load(answer) == want, path
        logs = place.ask_all('logs', 'hello')
        assert logs.stdout.startswith(b'hello: listening on port 8080\n'), logs
        assert b' pcr0 %s\n' % It.measured['PCR0'].encode() in logs.stderr, logs
        assert place.ask('stop', 'hello') == 'hello: exited 0\n'


def verify_says_yes_by_its_measurements_and_no_by_others():
    with running.Place() as place:
        place.env['SELFSAME_QEMU'] = running.qemu('nsm')
        root = os.path.join(place.dir, 'nsm')
        place.ask('run', It.eif, '--detach', '--nsm-root', root, '--port', '127.0.0.1:0:8080', '--port',
                  '127.0.0.1:0:8443')
        doc, = json.loads(place.ask('list', '--json'))
        url = 'https://' + next(p['Host'] for p in doc['Ports'] if p['EnclavePort'] == 8443)
        known = os.path.join(It.place.dir, 'hello', 'measurements.json')

        def verify(*words):
            p = subprocess.run([rig.SELFSAME, 'verify', '--root', os.path.join(root, 'root.pem'), *words, url],
                               stdin=subprocess.DEVNULL, capture_output=True, env=place.env,
                               timeout=running.LIMIT, check=False)
            return p.returncode, p.stdout.decode().split(';')[0].split(' (')[0], p.stderr
        yes = verify('--measurements', known, '--any-operator')
        assert yes[:2] == (0, 'yes, this code, unknown operator'), yes
        no = verify('--measurements', known, '--pcr', '0=' + '00' * 48, '--any-operator')
        assert no[0] == 1 and no[1].startswith('no: pcr0: '), no
        assert place.ask('stop', 'hello') == 'hello: exited 0\n'


with running.Place() as It.place:
    rig.run([the_example_is_built, it_answers_and_stops_in_order, verify_says_yes_by_its_measurements_and_no_by_others])
