# SPDX-License-Identifier: Apache-2.0
"""usage: idle.py BUILD-DIR RUNTIME-DIR SELFSAME

The memory of 10 000 connections that wait, inside an enclave under QEMU: of dataplane, and of the enclave in all beside
what the application itself takes (tests/boot/crowd.py). Prints rows of bench/run's table. Exit status: 1 if the target
is missed, 2 and a traceback if it could not be measured.
"""
import os
import sys
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, 'tests', 'boot'))
import caller  # noqa: E402
import crowd  # noqa: E402

IDLE = 10000
LIMIT = 64  # MiB


def main():
    with crowd.boot() as g:
        _, mib = crowd.fill(g, caller.Host(g), IDLE)
    met = mib['dataplane'] <= LIMIT
    print('| %d idle connections in an enclave, dataplane | %.1f MiB | - | - | <= %d MiB | %s |' %
          (IDLE, mib['dataplane'], LIMIT, 'met' if met else 'missed'))
    print('| the same, of all the enclave beside the application | %.1f MiB | - | - | - | |' % mib['enclave'])
    return 0 if met else 1


try:
    sys.exit(main())
except Exception:  # pylint: disable=broad-except
    traceback.print_exc()
    sys.exit(2)
