# SPDX-License-Identifier: Apache-2.0
"""Tests that are functions named as sentences, one TAP line each."""
import traceback


def run_all(tests):
    """The exit status: 1 if one of them failed."""
    print(f"1..{len(tests)}")
    bad = 0
    for i, f in enumerate(tests):
        try:
            f()
            print(f"ok {i + 1} - {f.__name__}", flush=True)
        except Exception:  # pylint: disable=broad-except
            bad += 1
            print(f"not ok {i + 1} - {f.__name__}")
            print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    return 1 if bad else 0
