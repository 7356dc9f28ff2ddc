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


def the_example_answers_and_stops_in_order():
    with running.Place() as place:
        eif, measured = build(place)
        place.ask('run', eif, '--detach', '--port', '127.0.0.1:0:8080')
        doc, = json.loads(place.ask('list', '--json'))
        assert doc['EnclaveName'] == 'hello' and doc['Readiness'] == 'ready', doc
        for path, want in (('/', {'hello': 'from inside', 'uid': 1000}),
                           ('/healthz', {'status': 'ok'})):
            with urllib.request.urlopen('http://%s%s' % (doc['Ports'][0]['Host'], path),
                                        timeout=running.LIMIT) as answer:
                assert json.load(answer) == want, path
        logs = place.ask_all('logs', 'hello')
        assert logs.stdout.startswith(b'hello: listening on port 8080\n'), logs
        assert b' pcr0 %s\n' % measured['PCR0'].encode() in logs.stderr, logs
        assert place.ask('stop', 'hello') == 'hello: exited 0\n'


rig.run([the_example_answers_and_stops_in_order])
