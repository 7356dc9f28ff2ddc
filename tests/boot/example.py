# SPDX-License-Identifier: Apache-2.0
"""The example of the README: a Dockerfile with `RUN apt-get install` becomes a service that says
inside the enclave that it listens. What `make demo` shows, as a test."""
import os
import shutil
import subprocess
import tempfile

import rig


def the_example_says_that_it_listens():
    with tempfile.TemporaryDirectory() as d:
        source = os.path.join(d, 'hello')
        shutil.copytree(os.path.join(rig.TOP, 'examples', 'hello'), source)
        eif = os.path.join(d, 'hello.eif')
        build = ('exec "$0" build --kernel local --runtime "$1" --output "$2" '
                 '--build-arg "BASE=$SELFSAME_DEMO_BASE"')
        p = subprocess.run(
            [os.path.join(rig.TOP, 'tools', 'demo-base'), 'sh', '-c', build, rig.SELFSAME,
             os.path.dirname(rig.RUNTIME), eif],
            cwd=source, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=780, check=False)
        assert p.returncode == 0, p.stdout.decode(errors='replace')[-3000:]
        b = rig.Boot(rig.load(eif), mem='1024M', until='listening on port 8080', timeout=100)
    b.expect('rt:03 nsm ready', 'rt:07 image complete', 'hello: listening on port 8080')
    assert b.status == 0, b.tail()


rig.run([the_example_says_that_it_listens])
