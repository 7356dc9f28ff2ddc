# SPDX-License-Identifier: Apache-2.0
"""The nitro-cli layout with AWS's own init: what it does with the ramdisks that we pack.

    usage: aws_init.py BUILD-DIR RUNTIME-DIR SELFSAME BLOBS

BLOBS holds what nitro-cli installs: bzImage, init, nsm.ko, cmdline. They are not ours to pass on, so
this test is there for who has them: meson setup -Daws_blobs=DIR.
"""
import json
import os
import subprocess
import sys

BLOBS = sys.argv.pop(4)

import rig  # noqa: E402
from one_layer import PROBE, Image  # noqa: E402

# As nitro-cli does it, Cmd alone is what is started where there is one.
CONFIG = {'Cmd': ['/probe', 'id', 'exit=3'], 'Env': ['WORD=from the image']}
IMAGE = Image([PROBE], CONFIG, ['--layout', 'nitro-cli', '--blobs', BLOBS])


def it_beats_and_starts_the_application_with_its_environment():
    b = rig.Boot(rig.load(IMAGE.eif), mem='512M')
    b.expect('pid ', 'env WORD=from the image')
    assert b.stderr.rstrip().endswith(' 1 heartbeats'), b.tail()


def run_starts_it_and_shows_its_console():
    p = subprocess.run([rig.SELFSAME, 'run', IMAGE.eif, '--local', '--memory', '512', '--json'],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=rig.TIMEOUT,
                       check=False)
    doc = json.loads(p.stdout)
    assert doc['Measurements']['PCR0'] == IMAGE.measurements['PCR0']
    assert 'env WORD=from the image' in p.stderr.decode(), (p.returncode, p.stderr.decode())
    print('# ' + os.fsdecode(p.stderr).splitlines()[-1])


rig.run([
    it_beats_and_starts_the_application_with_its_environment,
    run_starts_it_and_shows_its_console,
])
