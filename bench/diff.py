#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: diff.py SELFSAME [--write]

`selfsame diff` against diffoscope on the same pairs, in one run: time, memory, and how much each
explains: selfsame, a file for which it names a cause of the catalogue; diffoscope, which names none, a file of
which it shows anything but a hex dump (or that only one side has, where a list of its folder says so). Floors:
a read of both files for equal ones, cmp for one changed byte at the end. --write puts the table into bench/README.md between its marks. Exit status: 0 all targets met, 1 one is missed.
"""
import datetime
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, '..', 'tests', 'causes'))
import causes  # noqa: E402

PATIENCE = 600  # seconds for diffoscope
RUNS = 3


def measure(*argv, runs=RUNS, patience=None, fine=(0, 1)):
    """(seconds of the median run, MiB at most, its output), or None after `patience` seconds."""
    seen = []
    for _ in range(runs):
        with tempfile.NamedTemporaryFile('r') as note, tempfile.TemporaryFile('w+') as out:
            try:
                p = subprocess.run(['/usr/bin/time', '-o', note.name, '-f', '%e %M', *argv],
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL,
                                   timeout=patience, check=False)
            except subprocess.TimeoutExpired:
                return None
            assert p.returncode in fine, (argv, p.returncode)
            wall, kib = note.read().split('\n')[-2].split()
            out.seek(0)
            seen.append((float(wall), float(kib) / 1024, out.read()))
    seen.sort(key=lambda x: x[0])
    middle = seen[len(seen) // 2]
    return middle[0], max(x[1] for x in seen), middle[2]


def big_pair(top):
    """1 GB of bytes without order, the same but for the last one, and a copy."""
    paths = [os.path.join(top, n) for n in ('a', 'b', 'same')]
    with open(paths[0], 'wb') as f:
        zeros = subprocess.Popen(['head', '-c', str(1 << 30), '/dev/zero'], stdout=subprocess.PIPE)
        subprocess.run(['openssl', 'enc', '-aes-128-ctr', '-K', '00', '-iv', '00'], stdin=zeros.stdout,
                       stdout=f, stderr=subprocess.DEVNULL, check=True)
        zeros.wait()
    for path in paths[1:]:
        subprocess.run(['cp', paths[0], path], check=True)
    with open(paths[1], 'r+b') as f:
        f.seek((1 << 30) - 1)
        last = f.read(1)
        f.seek((1 << 30) - 1)
        f.write(bytes([last[0] ^ 1]))
    return paths


def pyc_pair(top):
    roots = [os.path.join(top, n) for n in ('pyc1', 'pyc2')]
    for root, when in zip(roots, (causes.T1, causes.T2)):
        for i in range(3000):
            path = f'usr/lib/python3/p{i // 100}/__pycache__/m{i}.cpython-311.pyc'
            code = struct.pack('<I', i) * 1000
            causes.write(root, path, causes.pyc(when, code))
        causes.settle(root, False)
    return roots


def causes_pair(top):
    """Every pair of tests/causes whose path is free, in one tree."""
    roots, paths = [os.path.join(top, n) for n in ('all1', 'all2')], set()
    for _, path, x, y in causes.PAIRS:
        if path not in paths:
            paths.add(path)
            causes.write(roots[0], path, x)
            causes.write(roots[1], path, y)
    for root in roots:
        causes.settle(root, False)
    return roots, paths


def explained(text, paths=None):
    """How many files, of these, diff names a known cause for."""
    named = {d['path'].split('!')[0] for g in json.loads(text)['groups'] if g['cause'] != 'unknown'
             for d in g['differences']}
    return len(named if paths is None else named & paths)


HEX_LINE = re.compile(r'[+-][0-9a-f]{8}: ')


def explained_by_diffoscope(text, roots, paths):
    """How many of these files a report of --json shows more of than a hex dump; `stat` is not counted."""
    named = set()

    def file_of(node):
        for source, root in ((node['source1'], roots[0]), (node['source2'], roots[1])):
            if source.startswith(root):
                return source[len(root):].strip('/')
        return None

    def walk(node, at):
        here = file_of(node)
        at = at if here is None else here
        changed = [line for line in (node.get('unified_diff') or '').split('\n') if line[:1] in ('+', '-')]
        if node['source1'] == 'file list' and at not in paths:
            for name in (os.path.join(at, line[1:]) for line in changed):
                named.update(p for p in paths if p == name or p.startswith(name + '/'))
        elif not node['source1'].startswith('stat ') and any(not HEX_LINE.match(c) for c in changed):
            named.add(at)
        for child in node.get('details') or []:
            walk(child, at)
    walk(json.loads(text), '')
    return len(named & paths)


def cell(m):
    return '–' if m is None else f'{m[0]:.2f} s, {m[1]:.0f} MiB'


class Table:
    def __init__(self):
        self.rows, self.missed = [], False

    def add(self, what, mine, other, floor, target, met):
        self.missed |= not met
        self.rows.append(f'| {what} | {mine} | {other} | {floor} | {target}: {"met" if met else "missed"} |')

    def text(self, version):
        head = ['| pair | selfsame diff | diffoscope | floor | target |', '|---|---|---|---|---|']
        return '\n'.join([f'{datetime.date.today()}, {version}, median of {RUNS} runs of selfsame, one of diffoscope;'
                          f' {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} when it ended.', '',
                          *head, *self.rows, ''])


def main():
    program, t = os.path.abspath(sys.argv[1]), Table()
    version = subprocess.run(['diffoscope', '--version'], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    with tempfile.TemporaryDirectory(dir=os.environ.get('TMPDIR', '/var/tmp')) as top:
        a, b, same = big_pair(top)
        read = measure('sh', '-c', 'cat "$1" "$2" >/dev/null', '-', a, same)
        compare, mine = measure('cmp', a, same), measure(program, 'diff', '-q', a, same)
        t.add('two equal files of 1 GB', cell(mine), cell(measure('diffoscope', a, same, runs=1, patience=PATIENCE)),
              f'reading both {read[0]:.2f} s, cmp {compare[0]:.2f} s', 'at most cmp × 1.3', mine[0] <= 1.3 * compare[0])
        compare, mine = measure('cmp', a, b), measure(program, 'diff', '-q', a, b)
        t.add('1 GB, the last byte changed', cell(mine), 'not run: it makes texts of both',
              f'cmp {compare[0]:.2f} s', f'{mine[0] / compare[0]:.2f} × cmp, at most 1.3', mine[0] <= 1.3 * compare[0])
        peak = mine[1]
        one, two = pyc_pair(top)
        mine = measure(program, 'diff', '-q', '--json', one, two)
        other = measure('diffoscope', '--json', '-', one, two, runs=1, patience=PATIENCE)
        n = explained(mine[2])
        pycs = {os.path.relpath(os.path.join(d, f), one) for d, _, names in os.walk(one) for f in names}
        times = (other[0] if other else PATIENCE) / mine[0]
        t.add('3000 changed .pyc', f'{cell(mine)}, {n} explained, one cause', f'{cell(other)}, {explained_by_diffoscope(other[2], (one, two), pycs)} explained'
              if other else f'not done in {PATIENCE} s', '–', f'{times:.0f} × as fast, at least 50', times >= 50 and n == 3000)
        (one, two), paths = causes_pair(top)
        last = measure(program, 'diff', '-q', '--json', one, two)
        other = measure('diffoscope', '--json', '-', one, two, runs=1, patience=PATIENCE)
        n, files = explained(last[2], paths), len(paths)
        t.add(f'the pairs of tests/causes ({files} files)', f'{cell(last)}, {n} explained, with a mend',
              f'{cell(other)}, {explained_by_diffoscope(other[2], (one, two), paths)} explained' if other else f'not done in {PATIENCE} s', '–',
              f'{n} of {files} explained, all', n == files)
        peak = max(peak, mine[1], last[1])
        t.add('memory of all', f'{peak:.0f} MiB', '', '', 'at most 128 MiB', peak <= 128)
    text = t.text(version)
    print(text)
    if '--write' in sys.argv:
        path = os.path.join(HERE, 'README.md')
        with open(path, encoding='utf-8') as f:
            page = f.read()
        page = re.sub(r'(<!-- diff -->\n).*?(<!-- diff end -->)', lambda m: m.group(1) + text + m.group(2), page, flags=re.S)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(page)
    return t.missed


if __name__ == '__main__':
    sys.exit(main())
