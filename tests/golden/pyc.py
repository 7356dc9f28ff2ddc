#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: pyc.py PACK

A real interpreter must use the compiled files of an image as it finds them after packing and
unpacking: an enclave that compiles again at each boot is a bug, one that runs stale code a worse
one. Prints TAP.
"""
import os
import py_compile
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
from golden import Bench, Tap, ramdisks  # noqa: E402

MODES = py_compile.PycInvalidationMode


class Case:
    def __init__(self, bench, top):
        self.bench, self.top, self.lines, self.n = bench, top, ['arg /x'], 0

    def layer(self):
        self.lines.append('layer')
        return self

    def source(self, text, mtime):
        self.n += 1
        path = os.path.join(self.top, '%d.py' % self.n)
        with open(path, 'w') as f:
            f.write(text)
        self.lines.append('file app/m.py 0644 0 0 %d from %s' % (mtime, path))
        return self

    def compiled(self, text, header_mtime, mtime, mode=MODES.TIMESTAMP, optimize=0):
        self.n += 1
        path = os.path.join(self.top, '%d' % self.n, 'm.py')
        os.mkdir(os.path.dirname(path))
        with open(path, 'w') as f:
            f.write(text)
        os.utime(path, (header_mtime, header_mtime))
        out = path + 'c'
        py_compile.compile(path, out, dfile='/app/m.py', doraise=True, invalidation_mode=mode,
                           optimize=optimize)
        tag = sys.implementation.cache_tag + ('.opt-%d' % optimize if optimize else '')
        self.lines.append('file app/__pycache__/m.%s.pyc 0644 0 0 %d from %s' % (tag, mtime, out))
        return self

    def run(self, *keys, flags=()):
        """Packs, unpacks, imports: (what the module says, what became of the compiled file)."""
        fixture = os.path.join(self.top, 'case.tree')
        with open(fixture, 'w') as f:
            f.write('\n'.join(self.lines) + '\n')
        rc, text, eif = self.bench.run(fixture, 'layout=selfsame', 'normalise=1', *keys)
        if rc != 0:
            return text, None
        root = tempfile.mkdtemp(dir=self.top)
        subprocess.run(['cpio', '-idm', '--quiet'], input=ramdisks(eif)[1], cwd=root, check=True)
        app = os.path.join(root, 'rootfs', 'app')
        env = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')}
        p = subprocess.run([sys.executable, *flags, '-v', '-c', 'import m; print(m.says)'],
                           env={**env, 'PYTHONPATH': app}, capture_output=True, text=True,
                           check=False, timeout=60)
        mine = [x for x in p.stderr.split('\n') if app in x]
        used = any(' matches ' in x for x in mine) and not any('wrote' in x for x in mine)
        return p.stdout.strip(), 'used' if used else 'compiled again'


def main(pack):
    tap = Tap()
    one, two = 'says = 1\n', 'says = 2\n'
    with tempfile.TemporaryDirectory() as top:
        bench = Bench(pack, top)

        def case(name, want, build, *keys, **more):
            with tempfile.TemporaryDirectory(dir=top) as sub:
                got = build(Case(bench, sub).layer()).run(*keys, **more)
            tap.case(name, None if got == want else '%r, not %r' % (got, want))

        real = 1650000000
        case('compiled files with their real times are used', ('1', 'used'),
             lambda c: c.source(one, real).compiled(one, real, real + 9))
        case('so are those of an optimising interpreter', ('1', 'used'),
             lambda c: c.source(one, real).compiled(one, real, real + 9, optimize=1), flags=('-O',))
        case('without the normaliser they would be compiled again', ('1', 'compiled again'),
             lambda c: c.source(one, real).compiled(one, real, real + 9), 'off=pyc-times')
        case('compiled files whose times an engine has set are used', ('1', 'used'),
             lambda c: c.source(one, 0).compiled(one, real, 0))
        case('compiled a layer later, with times an engine has set, they are used', ('1', 'used'),
             lambda c: c.source(one, 0).layer().compiled(one, real, 0))
        case('hash-based ones are used', ('1', 'used'),
             lambda c: c.source(one, 5).compiled(one, real, 6, mode=MODES.CHECKED_HASH))
        case('a source replaced in a later layer wins', ('2', 'compiled again'),
             lambda c: c.source(one, 0).compiled(one, real, 0).layer().source(two, 0))
        case('a source edited after it was compiled wins', ('2', 'compiled again'),
             lambda c: c.source(two, real + 1).compiled(one, real, real))
        case('even if its time is the epoch', ('2', 'compiled again'),
             lambda c: c.source(two, real + 1).compiled(one, 1700000000, real))
        case('a source of another size wins', ('33', 'compiled again'),
             lambda c: c.source('says = 33\n', real).compiled(one, real, real))
    print('1..%d' % tap.n)
    return 1 if tap.bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
