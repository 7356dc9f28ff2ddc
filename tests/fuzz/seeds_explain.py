#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: seeds_explain.py DIR: the pairs of tests/causes as inputs of fuzz_explain."""
import importlib.util
import os
import struct
import sys

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location('causes', here + '/../causes/causes.py')
causes = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(causes)
NAMES = ['.pyc', 'etc/passwd', 'etc/shadow', 'dpkg/status', '.json']
for i, (code, path, a, b) in enumerate(causes.PAIRS):
    if a is None or b is None:
        continue
    a, b = (x if isinstance(x, bytes) else x.encode() for x in (a, b))
    name = next((n + 1 for n, end in enumerate(NAMES) if path.endswith(end)), 0)
    data = struct.pack('<BH', name, len(a)) + a + b
    if len(data) <= 4096 and len(a) > 3:
        with open(os.path.join(sys.argv[1], f'{code}-{i}'), 'wb') as f:
            f.write(data)
