"""usage: suite.py SELFSAME [--again] [--keep] [--table] [NAME...]

What doctor is worth: for each Dockerfile of examples/doctor (or those named)

1. `doctor --quick --apply` builds it twice, as it is and with everything varied that this machine can
   vary, names what differs, and mends what a line mends; `doctor --lint --apply` does the same without
   a build;
2. what is left is mended by hand, by the edits in by_hand.py, each under a code that doctor named;
   that has to give the Dockerfile.mended of the folder;
3. `doctor --quick` builds that twice in the same way: it has to be the same file.

Prints TAP. A result is kept with a hash of all that it depends on, the program too, and is not
built again; --keep takes those of other programs as well (the table names the commit of each row),
--again takes none. --table writes examples/doctor/TABLE.md from all results that there are.
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import by_hand

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
EXAMPLES = os.path.join(TOP, 'examples', 'doctor')
PROGRAMS = ('selfsame', 'selfsame-runtime', 'selfsame-step')
EPOCH = 1700000000
TIMEOUT = 7200
# What the linter still says when all is mended, and why it may stay.
REMAINS = {
    'apt.no-version': 'packages are those of the day: a snapshot archive, or a hermetic build, whose lock holds their bytes',
    'image.unpinned': 'the base has no digest: `enclave.lock` pins it',
}


class Failed(Exception):
    pass


class Suite:
    def __init__(self, selfsame, keep):
        self.selfsame = os.path.abspath(selfsame)
        cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
        self.cache = os.path.join(cache, 'selfsame', 'examples')
        self.results = os.path.join(self.cache, 'results.json')
        self.work = os.path.join(self.cache, f'work-{os.getpid()}')
        self.keep = keep
        self.program = self.hash_files([os.path.join(os.path.dirname(self.selfsame), p) for p in PROGRAMS])
        at = subprocess.run(['git', '-C', TOP, 'rev-parse', '--short=10', 'HEAD'], check=False, capture_output=True, text=True)
        self.commit = at.stdout.strip() or 'a tree without git'
        changed = subprocess.run(['git', '-C', TOP, 'status', '--porcelain', '--', 'src', 'tools'], check=False, capture_output=True, text=True)
        self.commit += '+' if changed.stdout else ''

    @staticmethod
    def hash_files(paths):
        h = hashlib.sha256()
        for p in paths:
            with open(p, 'rb') as f:
                body = f.read()
            h.update(f'{os.path.basename(p)} {len(body)}\n'.encode() + body)
        return h.hexdigest()

    def prepare(self):
        for d in os.listdir(self.cache) if os.path.isdir(self.cache) else []:
            if d.startswith('work-'):
                shutil.rmtree(os.path.join(self.cache, d), ignore_errors=True)
        os.makedirs(os.path.join(self.work, 'program'))
        for p in PROGRAMS:  # somebody may compile meanwhile
            shutil.copy2(os.path.join(os.path.dirname(self.selfsame), p), os.path.join(self.work, 'program'))
        self.selfsame = os.path.join(self.work, 'program', 'selfsame')
        fake = os.path.join(self.work, 'runtime', 'x86_64')
        os.makedirs(fake)
        for name in ('kernel-nitro', 'init', 'dataplane', 'keyplane'):
            with open(os.path.join(fake, name), 'w', encoding='ascii') as f:
                f.write(name + '\n')
        with open(os.path.join(fake, 'cmdline'), 'w', encoding='ascii') as f:
            f.write('retain_initrd console=ttyS0\n')

    # --- results ------------------------------------------------------------------------------

    def load(self):
        if not os.path.exists(self.results):
            return {}
        with open(self.results, encoding='utf-8') as f:
            return json.load(f)

    def known(self, name, part, key):
        """The result of this part of an example, if it is of these very inputs."""
        r = self.load().get(name, {}).get(part)
        if r is None or r['key'] != key or (r['program'] != self.program and not self.keep):
            return None
        return r

    def store(self, name, part, key, result):
        result.update(key=key, program=self.program, commit=self.commit, day=time.strftime('%Y-%m-%d', time.gmtime()))
        all_of_them = self.load()
        all_of_them.setdefault(name, {})[part] = result
        with open(self.results + '.new', 'w', encoding='utf-8') as f:
            json.dump(all_of_them, f, indent=1, sort_keys=True)
        os.rename(self.results + '.new', self.results)
        return result

    # --- doctor -------------------------------------------------------------------------------

    def project(self, name):
        """A copy of an example with an enclave.toml."""
        where = os.path.join(self.work, name)
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(os.path.join(EXAMPLES, name), where)
        os.unlink(os.path.join(where, 'Dockerfile.mended'))
        with open(os.path.join(where, 'enclave.toml'), 'w', encoding='utf-8') as f:
            f.write(f'name = "doctor"\nsource_date_epoch = {EPOCH}\n[build]\nargs = {{ BASE = "{os.environ["SELFSAME_DEMO_BASE"]}" }}\n')
        return where

    def inputs(self, name):
        """A hash of all that an example is made of."""
        top = os.path.join(EXAMPLES, name)
        paths = [os.path.join(d, f) for d, _, files in os.walk(top) for f in files if f != 'Dockerfile.mended']
        return self.hash_files(sorted(paths) + [os.path.join(TOP, 'tools', 'demo-base')])

    def doctor(self, where, words, expect):
        log = os.path.join(self.cache, f'{os.path.basename(where)}-{"-".join(w.strip("-") for w in words if w.startswith("-"))}.log')[:200]
        words = [self.selfsame, 'doctor', *words, '--runtime', os.path.join(self.work, 'runtime'), where]
        with open(log, 'w', encoding='utf-8') as err:
            out = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err, timeout=TIMEOUT, text=True)
        if out.returncode not in expect:
            with open(log, encoding='utf-8', errors='replace') as f:
                raise Failed(f'doctor: exit status {out.returncode}: ' + ' | '.join(f.read().split('\n')[-5:])[-400:])
        return out.stdout

    def codes(self, where):
        return sorted({f['code'] for f in json.loads(self.doctor(where, ['--lint', '--json'], (0, 1)))['findings']})

    def skipped(self):
        """What cannot be varied here, found out once, in a project that fetches and does nothing else."""
        r = None
        if (r := self.known('.machine', 'vary', '')) is None:
            where = os.path.join(self.work, 'machine')
            os.makedirs(where)
            with open(os.path.join(where, 'Dockerfile'), 'w', encoding='ascii') as f:
                f.write('ARG BASE\nFROM ${BASE}\nRUN umask 022 && apt-get update && rm -rf /var/lib/apt/lists/*\n')
            with open(os.path.join(where, 'enclave.toml'), 'w', encoding='ascii') as f:
                f.write(f'source_date_epoch = {EPOCH}\n[build]\nargs = {{ BASE = "{os.environ["SELFSAME_DEMO_BASE"]}" }}\n')
            text = self.doctor(where, ['--quick', '--json'], (0, 1))
            r = self.store('.machine', 'vary', '', {'not': {n['name']: n['why'] for n in json.loads(text)['not_varied']}})
        return r['not']

    def as_it_is(self, name):
        key = self.inputs(name)
        if (r := self.known(name, 'as it is', key)) is not None:
            return r
        where, skip = self.project(name), [w for n in self.skipped() for w in ('--skip', n)]
        r = {'lint': self.codes(where)}
        text = self.doctor(where, ['--quick', '--all', '--apply', '--yes', *skip], (0, 1))
        r['causes'] = {c: int(n) for c, n in re.findall(r'^([a-z0-9]+\.[a-z0-9-]+|unknown): .* \((\d+) files?\)$', text, re.M)}
        r['not varied'] = {**self.skipped(), **dict(re.findall(r'^not varied: ([a-z-]+): (.*)$', text, re.M))}
        self.doctor(where, ['--lint', '--apply', '--yes'], (0, 1))
        r['lint left'] = self.codes(where)
        r['report'] = text
        for f in ('Dockerfile', 'enclave.toml'):
            with open(os.path.join(where, f), encoding='utf-8') as g:
                r[f] = g.read()
        with open(os.path.join(EXAMPLES, name, 'Dockerfile'), encoding='utf-8') as g:
            r['was'] = g.read()
        return self.store(name, 'as it is', key, r)

    def mended(self, name, dockerfile, toml):
        key = self.inputs(name) + hashlib.sha256((dockerfile + '\0' + re.sub(r'127\.0\.0\.1:\d+', '', toml)).encode()).hexdigest()
        if (r := self.known(name, 'mended', key)) is not None:
            return r
        where = self.project(name)
        with open(os.path.join(where, 'enclave.toml'), 'a', encoding='utf-8') as f:
            f.write(toml.partition('\n[normalize]\n')[1] + toml.partition('\n[normalize]\n')[2])
        with open(os.path.join(where, 'Dockerfile'), 'w', encoding='utf-8') as f:
            f.write(dockerfile)
        d = json.loads(self.doctor(where, ['--quick', '--json', *[w for n in self.skipped() for w in ('--skip', n)]], (0, 1)))
        return self.store(name, 'mended', key, {
            'same': d['same'], 'causes': {g['cause']: g['files'] for g in d['groups']}, 'varied': d['varied'],
            'differences': [[g['cause'], x['path'], x['where'], x['a'], x['b']] for g in d['groups'] for x in g['differences']][:20],
            'not varied': {**self.skipped(), **{n['name']: n['why'] for n in d['not_varied']}}, 'lint': self.codes(where)})


# --- one example --------------------------------------------------------------------------------


def finish(r, name):
    """What --apply left, mended by hand. Each edit is for what doctor named and fits in one place."""
    text = r['Dockerfile']
    for code, old, new in by_hand.EDITS[name]:
        if code not in r['causes'] and code not in r['lint']:
            raise Failed(f'{code} is mended by hand, and doctor did not name it')
        if text.count(old) != 1:
            raise Failed(f'the edit for {code} fits in {text.count(old)} places: {old!r}; what --apply left:\n{text}')
        text = text.replace(old, new)
    return text


def cases(suite, name):
    """(ok, what, why) of each step; ends where nothing can follow."""
    try:
        r = suite.as_it_is(name)
    except (Failed, subprocess.TimeoutExpired) as e:
        yield False, f'{name}: doctor builds it as it is', str(e)
        return
    missing = [c for c in by_hand.CAUSES[name] if c not in r['causes']]
    yield not missing and 'unknown' not in r['causes'], f'{name}: each cause is named', f'found {r["causes"]}, not {missing}'
    try:
        text = finish(r, name)
    except Failed as e:
        yield False, f'{name}: the edits by hand fit', str(e)
        return
    with open(os.path.join(EXAMPLES, name, 'Dockerfile.mended'), encoding='utf-8') as f:
        wanted = f.read()
    same = text.partition('\n')[2] == wanted.partition('\n')[2]  # the first line says what it is
    yield same, f'{name}: --apply and the edits by hand make Dockerfile.mended', text
    try:
        m = suite.mended(name, wanted, r['enclave.toml'])
    except (Failed, subprocess.TimeoutExpired) as e:
        yield False, f'{name}: doctor builds it mended', str(e)
        return
    yield m['same'], f'{name}: mended, two builds in different conditions are the same file', json.dumps(m['differences'], indent=1)
    yield set(m['lint']) <= set(REMAINS), f'{name}: mended, the linter says no more than has a reason', str(m['lint'])


# --- the table -----------------------------------------------------------------------------------

HEAD = '''# The ten Dockerfiles, mended by doctor

Each Dockerfile of this folder, as it is: what `selfsame doctor --lint` says, and what differs between two builds, one as it
is and one with everything varied that the machine can vary (`doctor --quick`), by cause with the number of files.
Then what `doctor --apply` mends by itself, what was mended by hand (the code that doctor gave), and whether the mended
form, built twice in the same way, is the same file.

Written by `tests/examples/run SELFSAME --table`, which `make check-full` is. {done} of {all} rows are whole; the last column
says when and with the program of which commit (`+`: and changes that had not landed then).

| Dockerfile | found without a build | differs as it is | `--apply` | by hand | mended | remains | of |
|---|---|---|---|---|---|---|---|
'''


def applied(r):
    by_lint = [c for c in r['lint'] if c not in r['lint left']]
    lines = [x for x in r['Dockerfile'].split('\n') if x not in r['was'].split('\n')]
    by_cause = [c for c in r['causes'] if c in by_hand.APPLIED and any(w in x for w in by_hand.APPLIED[c] for x in lines)]
    return sorted(by_lint + by_cause)


def row(known, name):
    r, m = known.get(name, {}).get('as it is'), known.get(name, {}).get('mended')
    if r is None:
        return f'| {name} | - | - | - | - | - | - | - |\n'
    hand = sorted({code for code, _, _ in by_hand.EDITS[name]})
    causes = ', '.join(f'{c} {n}' for c, n in sorted(r['causes'].items()))
    cells = [name, ', '.join(r['lint']), causes, ', '.join(applied(r)) or 'nothing', ', '.join(hand) or 'nothing']
    if m is None:
        return '| ' + ' | '.join(cells + ['-', '-', f'{r["day"]}, {r["commit"]}']) + ' |\n'
    of = f'{r["day"]}, {r["commit"]}' + ('' if r['commit'] == m['commit'] else f'; mended {m["day"]}, {m["commit"]}')
    cells += ['the same file' if m['same'] else 'differs: ' + ', '.join(f'{c} {n}' for c, n in sorted(m['causes'].items())),
              ', '.join(m['lint']) or 'nothing', of]
    return '| ' + ' | '.join(cells) + ' |\n'


def write_table(known, names):
    whole = [n for n in names if 'mended' in known.get(n, {})]
    text = HEAD.format(done=len(whole), all=len(names)) + ''.join(row(known, n) for n in names)
    text += '\nWhat remains, and why:\n\n'
    text += ''.join(f'- {c}: {why}\n' for c, why in REMAINS.items() if any(c in known[n]['mended']['lint'] for n in whole))
    not_varied = {}
    for n in whole:
        for v, why in known[n]['mended']['not varied'].items():
            not_varied.setdefault((v, re.sub(r'\d+[dhs]|\d+min', 'N', why)), []).append(n)
    for (v, why), where in sorted(not_varied.items()):
        text += f'- not varied: {v} ({"all" if where == whole else ", ".join(where)}): {why}\n'
    with open(os.path.join(EXAMPLES, 'TABLE.md'), 'w', encoding='utf-8') as f:
        f.write(text)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('selfsame')
    p.add_argument('--again', action='store_true')
    p.add_argument('--keep', action='store_true')
    p.add_argument('--table', action='store_true')
    p.add_argument('names', nargs='*')
    o = p.parse_intermixed_args()
    everyone = sorted(by_hand.EDITS)
    suite = Suite(o.selfsame, o.keep)
    os.makedirs(suite.cache, exist_ok=True)
    if o.again and os.path.exists(suite.results):
        os.unlink(suite.results)
    suite.prepare()
    n = bad = 0
    try:
        for name in o.names or everyone:
            for ok, what, why in cases(suite, name):
                n, bad = n + 1, bad + (not ok)
                print('ok' if ok else 'not ok', n, '-', what)
                if not ok:
                    print('\n'.join('# ' + x for x in why.split('\n')))
                sys.stdout.flush()
            if o.table:
                write_table(suite.load(), everyone)
    finally:
        shutil.rmtree(suite.work, ignore_errors=True)
    print(f'1..{n}')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
