"""usage: suite.py SELFSAME [--fresh] [--again] [--table] [--settings LIST] [NAME...]

Builds each Dockerfile beside this file twice, the second time with everything that can be varied
varied at once, and says how many files differ. Settings:

naive   as an engine builds it: nothing fixed, nothing normalised
epoch   the same with SOURCE_DATE_EPOCH in the steps, which is what engines offer
table   `epoch`, and the normalisers of docs/determinism.md (the same two builds)
light   steps see what docs/determinism.md lists, but for the times of files
full    `hermetic = true`: those too, and a network that is recorded; the second build is a rebuild from
        the lock, with the network cut

Prints TAP: in the setting full each Dockerfile has to differ in the files that
remains.txt names (none but those). --table writes TABLE.md from all results that there are, which
are kept in the user's cache: what has one is built again with --again only. --fresh keeps nothing
and finds nothing there.
"""
import argparse
import fcntl
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import git_server
import mirror_cache

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BASE = 'debian:bookworm-slim'
SETTINGS = ['naive', 'epoch', 'light', 'full']
COLUMNS = ['naive', 'epoch', 'table', 'light', 'full']
MUST = ['full']
AUTHORITIES = '/usr/local/share/ca-certificates'
DAY = 86400
VARIED = 2  # what the second build has is counted up when it changes: a result says of which it is
MEMORY = 6 << 30  # for images in it
# Years, but for who asks TLS servers on the open network: their certificates have an end.
YEARS, FEW = 3 * 365 * DAY + 12345, DAY + 12345
ASK_TLS = {'go-modules', 'node-npm', 'php-composer', 'python-sdist', 'python-venv'}
# What a step of this machine has from who started us, and its builds, too.
FROM_OUTSIDE = ('https_proxy', 'HTTPS_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR')
# All that are on by themselves: docs/determinism.md.
NORMALISERS = ('apt-cache apt-logs ar-times dpkg-old engine-traces font-cache git-index gzip-times histories hosts kernel-list '
               'ldconfig-cache login-records logs machine-id man-cache package-archives passwd-backups pip-records '
               'pyc-times shadow-day stamp-files tmp-leftovers tool-caches zip-times').split()
FORGE = 'forge.test'
# Keys that are made by a step: what makes them, and no secret (docs/determinism.md).
ALLOWED = {name: ['/etc/ssl/private/'] for name in ('apt-large', 'database-postgres', 'mail-postfix')}
# A step stores the image's certificates in another form.
OWN_CERTIFICATES = {'nginx-certificates'}
# Package lists are valid for a week; this file of the base tells apt to take them all the same.
ANY_TIME = '/usr/local/share/any-time.conf'
# What buildah lacks beside other engines: src/engine/buildah.c gives the same.
CAPABILITIES = 'CAP_AUDIT_WRITE,CAP_MKNOD,CAP_NET_RAW'


class Suite:
    def __init__(self, selfsame, limit, fresh):
        self.limit, self.fresh = limit, fresh
        self.programs = os.path.dirname(os.path.abspath(selfsame))
        if fresh:
            self.cache = tempfile.mkdtemp(prefix='selfsame-hermetic-')
        else:
            self.cache = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'selfsame', 'hermetic')
            os.makedirs(self.cache, exist_ok=True)
        self.results = os.path.join(self.cache, 'results.json')
        self.work = os.path.join(self.cache, f'work-{os.getpid()}')
        self.selfsame, self.runtime = os.path.join(self.work, 'selfsame'), os.path.join(self.work, 'selfsame-runtime')
        self.elsewhere = os.path.join(self.work, 'elsewhere')  # another file system
        self.deep = os.path.join(self.elsewhere, 'a/longer/way/down/to/where/the/build/works')
        self.epoch = int(time.time()) // DAY * DAY
        self.url = self.proxy = None
        at = subprocess.run(['git', '-C', TOP, 'rev-parse', '--short=10', 'HEAD'], check=False, capture_output=True, text=True)
        self.commit = at.stdout.strip() or 'a tree without git'

    def clear(self):
        if os.path.ismount(self.elsewhere):
            run(['umount', '-l', self.elsewhere])
        for top in [self.cache] if self.fresh else [os.path.join(self.cache, d) for d in os.listdir(self.cache) if d.startswith('work')]:
            shutil.rmtree(top, ignore_errors=True)

    def prepare(self):
        if not self.fresh:
            self.clear()
        os.makedirs(self.elsewhere)
        # Ours alone: it ends with our name space. A folder of it lists the newest name first.
        if os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >= MEMORY:
            run(['mount', '-t', 'tmpfs', '-o', 'size=75%', 'tmpfs', self.elsewhere])
        else:
            print('# little memory: no second file system', flush=True)
        os.makedirs(self.deep)
        for name in ('selfsame', 'selfsame-runtime', 'selfsame-step'):  # somebody may compile meanwhile
            shutil.copy2(os.path.join(self.programs, name), self.work)
        self.url = git_server.start(os.path.join(self.work, 'forge'))
        self.proxy = mirror_cache.start(os.path.join(self.cache, 'mirror', str(self.epoch // DAY)))
        self.push_base()
        hosts = os.path.join(self.work, 'hosts')
        with open('/etc/hosts', encoding='utf-8') as old, open(hosts, 'w', encoding='utf-8') as f:
            f.write(f'127.0.0.1 {FORGE}\n' + old.read())
        run(['mount', '--bind', hosts, '/etc/hosts'])
        fake = os.path.join(self.work, 'runtime', 'x86_64')
        os.makedirs(fake)
        for name in ('kernel-nitro', 'init', 'dataplane', 'keyplane'):
            with open(os.path.join(fake, name), 'w', encoding='ascii') as f:
                f.write(name + '\n')
        with open(os.path.join(fake, 'cmdline'), 'w', encoding='ascii') as f:
            f.write('retain_initrd console=ttyS0\n')

    # The base is the demo's, with what Debian's own container images have in /etc, and with the
    # authorities that this machine has beside the distribution's: where a proxy stands before the
    # registries, programs in a step have to believe it.
    def push_base(self):
        base = os.environ['SELFSAME_DEMO_BASE']
        registry = base.split('/')[0]
        context = os.path.join(self.work, 'base')
        shutil.copytree(os.path.join(HERE, 'base'), context)
        if os.path.isdir(AUTHORITIES):
            shutil.copytree(AUTHORITIES, context + AUTHORITIES)
        with open(context + '.Dockerfile', 'w', encoding='ascii') as f:
            f.write(f'FROM {base}\nCOPY . /\n')
        store = ['buildah', '--root', self.work + '/base-store', '--runroot', self.work + '/base-run']
        run(store + ['bud', '-q', '--squash', '--tls-verify=false', '--timestamp', '1750000000', '-f', context + '.Dockerfile', '-t', 'base', context])
        run(store + ['push', '-q', '--tls-verify=false', 'base', f'docker://{registry}/{BASE}'])
        conf = os.path.join(self.work, 'registries.conf')
        with open(conf, 'w', encoding='ascii') as f:
            f.write('unqualified-search-registries = ["docker.io"]\n'
                    f'[[registry]]\nprefix = "docker.io/library"\nlocation = "{registry}"\ninsecure = true\n'
                    f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
        os.environ['CONTAINERS_REGISTRIES_CONF'] = conf
        # Not all programs read that variable; what is mounted is seen in our name space only.
        if os.path.exists('/etc/containers/registries.conf'):
            run(['mount', '--bind', conf, '/etc/containers/registries.conf'])

    # --- one build -----------------------------------------------------------------------------

    def view(self, name, setting, varied):
        """What the steps see: lines of a view (src/hermetic/view.h)."""
        rows = []
        if setting in ('naive', 'epoch'):
            rows += ['env PYTHONHASHSEED'] + (['env SOURCE_DATE_EPOCH'] if setting == 'naive' else [])
            if varied:  # as `selfsame doctor` does, all at once
                rows += [f'clock-offset {FEW if name in ASK_TLS else YEARS}', 'connect-ms 100', 'domain example.net',
                         'env APT_CONFIG=' + ANY_TIME, 'env BUILD_NUMBER=4711', 'env CI=true',
                         'env LOGNAME=elsewhere', 'env SHELL=/bin/elsewhere', 'host elsewhere',
                         'kernel-release 4.19.0-elsewhere', 'kernel-version #1 SMP Elsewhere 4.19.1 (2019-01-01)',
                         'locale tr_TR.UTF-8', 'memory-mib 6144', 'order 4711', 'path-bytes 3000', 'pid-base 20000',
                         'tz Asia/Kathmandu', 'umask 002', 'user-ns 1']
        else:
            rows += ['aslr 0', f'clock-frozen {self.epoch}', 'domain (none)', 'kernel-release 6.1.0',
                     'kernel-version #1 SMP selfsame', 'monotonic 1', 'pid-base 64', 'proc 1', 'processors 4', 'seed ' + '5e' * 32, 'tsc 0']
        rows += ['cpus 1'] if varied else []
        rows += [f'env http_proxy={self.proxy}', 'env no_proxy=localhost,127.0.0.1']
        return 'selfsame-view 1\n' + ''.join(r + '\n' for r in sorted(rows, key=lambda r: r.encode()))

    def build(self, name, setting, varied):
        """The image of one build, as an OCI layout. Returns its path and the seconds it took."""
        top = self.deep if varied else self.work
        context, layout = os.path.join(top, 'context'), os.path.join(self.work, 'b' if varied else 'a')
        view = os.path.join(top, 'view')
        for d in (context, layout):
            shutil.rmtree(d, ignore_errors=True)
        shutil.copytree(os.path.join(HERE, name), context)
        with open(view, 'w', encoding='ascii') as f:
            f.write(self.view(name, setting, varied))
        words = ['buildah', '--root', top + '/store', '--runroot', top + '/run', 'bud', '--isolation', 'oci',
                 '--runtime', self.runtime, '--network', 'host', '--no-cache', '--layers=false', '--disable-compression=true',
                 '--format', 'docker', '--cap-add', CAPABILITIES, '--tag', f'oci:{layout}:image']
        with open(os.path.join(context, 'Dockerfile'), encoding='utf-8') as f:
            if 'ARG REPOSITORY' in f.read():
                words += ['--build-arg', 'REPOSITORY=' + self.url]
        env = {'PATH': os.environ['PATH'], 'HOME': top, 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC', 'TMPDIR': top,
               'CONTAINERS_REGISTRIES_CONF': os.environ['CONTAINERS_REGISTRIES_CONF'],
               'SELFSAME_STEP_EPOCH': str(self.epoch), 'SELFSAME_STEP_VIEW': view}
        if varied:
            env.update(LC_ALL='C', LANG='tr_TR.UTF-8', TZ='Asia/Kathmandu', USER='elsewhere')
            words = ['unshare', '--uts', 'sh', '-c', 'hostname elsewhere; umask 077; exec "$@"', '-', 'taskset', '1'] + words
        log = os.path.join(self.cache, f'{name}-{setting}-{"b" if varied else "a"}.log')
        rc, took = self.run_logged(words + [context], env, top, log)
        if rc != 0:
            raise Failed(f'{"second" if varied else "first"} build: exit status {rc}, the last words: {last_words(log)}')
        return layout, took

    # --- a hermetic build, and again without a network -------------------------------------------

    def surroundings(self, top, varied):
        """What the second build has around it: {variable: value}, and the words before the program."""
        env = {'PATH': os.environ['PATH'], 'HOME': top + '/home', 'XDG_CACHE_HOME': top + '/cache', 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC',
               'CONTAINERS_REGISTRIES_CONF': os.environ['CONTAINERS_REGISTRIES_CONF']}
        if not varied:
            env.update({k: os.environ[k] for k in FROM_OUTSIDE if k in os.environ})
            return {**env, 'http_proxy': self.proxy, 'no_proxy': f'{FORGE},localhost,127.0.0.1'}, []
        env.update(LC_ALL='C', LANG='tr_TR.UTF-8', TZ='Asia/Kathmandu', USER='elsewhere', CI='true', BUILD_NUMBER='4711')
        return env, ['unshare', '--uts', '--net', 'sh', '-c',
                     'hostname elsewhere; domainname example.net; umask 077; exec "$@"', '-', 'taskset', '1',
                     'faketime', '-f', f'+{YEARS}s']

    def run_logged(self, words, env, where, log):
        begun = time.monotonic()
        with open(log, 'w', encoding='utf-8') as out, subprocess.Popen(
                words, env=env, cwd=where, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True) as build:
            try:
                rc = build.wait(self.limit)
            except subprocess.TimeoutExpired:
                # Asked first: then it tidies what it mounted. Its steps are of the same session.
                for how, wait in ((signal.SIGTERM, 60), (signal.SIGKILL, None)):
                    try:
                        os.killpg(build.pid, how)
                        build.wait(wait)
                        break
                    except (ProcessLookupError, subprocess.TimeoutExpired):
                        pass
                raise Failed(f'not done after {self.limit} s, the last words: {last_words(log)}') from None
        if rc != 0 and self.fresh:  # the log goes with its folder
            with open(log, encoding='utf-8', errors='replace') as f:
                print(''.join('# ' + x for x in f.readlines()[-40:]), flush=True)
        return rc, time.monotonic() - begun

    def project(self, name, top):
        """A copy of the Dockerfile's folder with an enclave.toml."""
        where = os.path.join(top, 'project')
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(os.path.join(HERE, name), where)
        keys = self.allowed(name)
        with open(os.path.join(where, 'enclave.toml'), 'w', encoding='utf-8') as f:
            f.write(f'name = "suite"\nsource_date_epoch = {self.epoch}\n[build]\nengine = "buildah"\nhermetic = true\n')
            if name in OWN_CERTIFICATES:
                f.write('trust = "variables"\n')
            if keys:
                f.write('allow_keys = [' + ', '.join(f'"{k}"' for k in keys) + ']\n')
            with open(os.path.join(where, 'Dockerfile'), encoding='utf-8') as d:
                if 'ARG REPOSITORY' in d.read():
                    # Nobody asks a recorder for what is on the loopback device.
                    url = self.url.replace('127.0.0.1', FORGE)
                    f.write(f'args = {{ REPOSITORY = "{url}" }}\nlocal = ["{url.split("/")[2]}"]\n')
        return where

    @staticmethod
    def allowed(name):
        """Where this Dockerfile makes keys that are no secret, or that nothing uses."""
        return ALLOWED.get(name, [])

    def hermetic(self, name):
        """(EIF, EIF, seconds, seconds): recorded here, played elsewhere with the network cut."""
        seconds, eifs = [], []
        for varied in (False, True):
            top = self.deep if varied else self.work
            where = self.project(name, top)
            env, before = self.surroundings(top, varied)
            for d in ('home', 'cache'):
                os.makedirs(os.path.join(top, d), exist_ok=True)
            words = [self.selfsame, 'build']
            eif = os.path.join(where, 'suite.eif')
            if varied:
                eif = os.path.join(where, 'again.eif')
                for kept in ('inputs', 'containers'):  # what may be brought along: no folder that steps work in
                    at = os.path.join(top, 'cache', 'selfsame', kept)
                    if not os.path.lexists(at):
                        os.makedirs(os.path.dirname(at), mode=0o700, exist_ok=True)
                        os.symlink(os.path.join(self.work, 'cache', 'selfsame', kept), at)
                for f in ('enclave.lock', 'measurements.json'):
                    shutil.copy2(os.path.join(self.work, 'project', f), where)
                words = [self.selfsame, 'rebuild', '--output', eif]
            log = os.path.join(self.cache, f'{name}-full-{"b" if varied else "a"}.log')
            rc, took = self.run_logged(before + words + ['--runtime', os.path.join(self.work, 'runtime')], env, where, log)
            if rc != 0 and not (varied and rc == 1 and os.path.exists(eif)):
                raise Failed(f'{"second" if varied else "first"} build: exit status {rc}, the last words: {last_words(log)}')
            eifs.append(eif)
            seconds.append(round(took))
        return (*eifs, *seconds)

    def pack(self, layout, normalised):
        """The image as an EIF, where every file has its bytes, owner and mode, and one time."""
        eif = layout + ('.table' if normalised else '.raw') + '.eif'
        words = [self.selfsame, 'build', '-q', '--name', 'suite', '--runtime', os.path.join(self.work, 'runtime'),
                 '--source-date-epoch', str(self.epoch), '--output', eif]
        if not normalised:
            for row in NORMALISERS:
                words += ['--no-normalise', row]
        run(words + [f'oci:{layout}:image'])
        return eif

    def compare(self, a, b):
        """How many files differ, and why: {cause: [paths]}."""
        out = subprocess.run([self.selfsame, 'diff', '-q', '--json', a, b], check=False, capture_output=True, text=True)
        if out.returncode not in (0, 1):
            raise Failed(f'diff: {out.stderr.strip()}')
        d = json.loads(out.stdout)
        causes = {}
        for g in d['groups']:
            for x in g['differences']:
                path = (x['path'] or '').split('!')[0].removeprefix('rootfs/')
                causes.setdefault(g['cause'], set()).add(path)
        return d['files'], {k: sorted(v) for k, v in sorted(causes.items())}

    def one(self, name, setting):
        """Both builds in one setting: {column: {files, causes, seconds}}."""
        if setting == 'full':
            x, y, sa, sb = self.hermetic(name)
            files, causes = self.compare(x, y)
            same = subprocess.run(['cmp', '-s', x, y], check=False).returncode == 0
            return {'full': {'files': files, 'same': same, 'causes': causes, 'seconds': [sa, sb]}}
        a, sa = self.build(name, setting, False)
        b, sb = self.build(name, setting, True)
        found = {}
        columns = {'naive': [('naive', False)], 'epoch': [('epoch', False), ('table', True)]}.get(setting, [(setting, True)])
        for column, normalised in columns:
            x, y = self.pack(a, normalised), self.pack(b, normalised)
            files, causes = self.compare(x, y)
            same = subprocess.run(['cmp', '-s', x, y], check=False).returncode == 0
            found[column] = {'files': files, 'same': same, 'causes': causes, 'seconds': [round(sa), round(sb)]}
            for eif in (x, y):
                os.unlink(eif)
        for layout in (a, b):
            shutil.rmtree(layout)
        return found

    # --- results --------------------------------------------------------------------------------

    def load(self):
        if not os.path.exists(self.results):
            return {}
        with open(self.results, encoding='utf-8') as f:
            return json.load(f)

    def is_wanted(self, name, setting):
        known = self.load().get(name, {}).get(setting, {})
        return 'files' not in known or known.get('varied') != VARIED or judge(name, setting, known) is not None

    def try_one(self, name, setting):
        """What was found, and why that is not good enough, or None."""
        why = None
        try:
            found = self.one(name, setting)
            for column, result in found.items():
                why = why or judge(name, column, result)
        except Failed as e:
            why = str(e)
            found = {setting: {'failed': why}}
        for result in found.values():
            result['commit'], result['varied'] = self.commit, VARIED
            result['day'] = time.strftime('%Y-%m-%d', time.gmtime())
        known = self.load()
        known.setdefault(name, {}).update(found)
        with open(self.results + '.new', 'w', encoding='utf-8') as f:
            json.dump(known, f, indent=1, sort_keys=True)
        os.rename(self.results + '.new', self.results)
        return found, why


class Failed(Exception):
    pass


def last_words(log):
    with open(log, encoding='utf-8', errors='replace') as f:
        lines = [x.strip() for x in f if x.strip()]
    return ' | '.join(lines[-4:])[-400:]


def run(words):
    out = subprocess.run(words, check=False, capture_output=True, text=True)
    if out.returncode != 0:
        raise Failed(f'{words[0]} {words[1]}: {out.stderr.strip()[-400:]}')


def names_of_all():
    return sorted(d for d in os.listdir(HERE) if os.path.exists(os.path.join(HERE, d, 'Dockerfile')))


def remains():
    """{(name, setting): {path: reason}} of remains.txt."""
    found = {}
    with open(os.path.join(HERE, 'remains.txt'), encoding='utf-8') as f:
        for line in f:
            if line.strip() and not line.startswith('#'):
                name, setting, path, reason = line.strip().split(' ', 3)
                found.setdefault((name, setting), {})[path] = reason
    return found


def judge(name, column, result):
    """None, or what is not as it has to be."""
    if column not in MUST:
        return None
    known = remains().get((name, column), {})
    causes = {k: [p for p in v if not any(fnmatch.fnmatchcase(p, x) for x in known)] for k, v in result['causes'].items()}
    if any(causes.values()):
        return f'{column}: differ: ' + '; '.join(f'{k}: {", ".join(v[:10])}' for k, v in causes.items() if v)
    differ = {p for v in result['causes'].values() for p in v}
    gone = [x for x in known if not fnmatch.filter(differ, x)]
    if gone:
        return f'{column}: in remains.txt, and the same: ' + ', '.join(sorted(gone))
    if not known and not result['same']:
        return f'{column}: no file differs, but the images do'
    return None


def table(results):
    """TABLE.md: a row a Dockerfile, of those that were built in a setting at least."""
    all_of = [r for name in names_of_all() for r in results.get(name, {}).values()]
    days = sorted(r['day'] for r in all_of)
    done = sum('files' in r for r in all_of)
    out = ['# How many files differ', '',
           'Each Dockerfile of this folder, as it is, built twice. What the steps of the second build see in `naive` and',
           '`epoch` is varied all at once: clock (three years later; a day where TLS servers of the open network are',
           'asked), time zone, locale, umask, user name space, host name, domain, processors, memory, kernel version,',
           'process ids, environment, length of PATH, order of folders, delay of the network. In each setting the second',
           'engine works in another folder on another file system, with another host name, domain, locale, time zone and',
           'umask, on one processor. In `full` it is `selfsame rebuild`, with the network cut, and a clock of its own that',
           'is three years on. The number is that of files whose bytes, owner or mode differ; `-` was not built.', '',
           f'Written by `tests/hermetic/run SELFSAME --table`, which `make check-full` is: {done} of',
           f'{len(names_of_all()) * len(COLUMNS)} numbers, {days[0]} to {days[-1]}, with the program of '
           f'{", ".join(sorted({r["commit"] for r in all_of}))}.' if days else 'Not run.', '',
           '| Dockerfile | ' + ' | '.join(COLUMNS) + ' | causes in `naive` |', '|---' * (len(COLUMNS) + 2) + '|']
    for name in names_of_all():
        rows = results.get(name, {})
        cells = []
        for c in COLUMNS:
            r = rows.get(c, {})
            cells.append('-' if not r else 'fails' if 'failed' in r else str(r['files']))
        causes = rows.get('naive', {}).get('causes', {})
        cells.append(', '.join(f'{k} {len(v)}' for k, v in sorted(causes.items(), key=lambda kv: (-len(kv[1]), kv[0]))) or '-')
        out.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    old = [f'{n}, {s}' for n in names_of_all() for s, r in sorted(results.get(n, {}).items()) if r.get('varied') != VARIED]
    if old:
        out += ['', 'Found with fewer variations than those above (the clock a day later in place of three years, that of the',
                'rebuild the true one; no user name space, order of folders, limit of memory, delays): ' + '; '.join(old) + '.']
    out += ['', 'What remains, and why:', '']
    known = [f'- {n}, {s}: `{p}`: {why}' for (n, s), paths in sorted(remains().items()) for p, why in sorted(paths.items())]
    out += known or ['Nothing is known to.']
    out += ['', 'Did not build in a setting:', '']
    fails = [f'- {n}, {s}: {r["failed"].rsplit(" | ", 1)[-1][-160:]}' for n, rows in sorted(results.items()) for s, r in sorted(rows.items())
             if 'failed' in r and n in names_of_all()]
    out += fails or ['All do.']
    return '\n'.join(out) + '\n'


def main():
    p = argparse.ArgumentParser()
    p.add_argument('selfsame')
    p.add_argument('--settings', default=','.join(SETTINGS))
    p.add_argument('--fresh', action='store_true', help='keep nothing in the cache')
    p.add_argument('--again', action='store_true', help='also what has a result')
    p.add_argument('--table', action='store_true', help='write TABLE.md of all results')
    p.add_argument('--limit', type=int, default=3600, metavar='SECONDS', help='for each build')
    p.add_argument('names', nargs='*')
    o = p.parse_intermixed_args()
    s = Suite(o.selfsame, o.limit, o.fresh)
    alone = open(os.path.join(s.cache, 'lock'), 'w', encoding='ascii')
    fcntl.flock(alone, fcntl.LOCK_EX)  # one build at a time, whoever asks
    jobs = [(name, setting) for setting in o.settings.split(',') for name in o.names or names_of_all()
            if o.again or s.is_wanted(name, setting)]
    print(f'1..{len(jobs)}', flush=True)
    bad = 0
    try:
        if jobs:
            s.prepare()
        for n, (name, setting) in enumerate(jobs, 1):
            found, why = s.try_one(name, setting)
            bad += why is not None
            said = ', '.join(f'{c} {f["files"]}' for c, f in found.items() if 'files' in f)
            print(f'{"not " if why else ""}ok {n} - {name}, {setting}: {said}', flush=True)
            if why:
                print(f'# {why}', flush=True)
    finally:
        s.clear()
    if o.table:
        with open(os.path.join(HERE, 'TABLE.md'), 'w', encoding='utf-8') as f:
            f.write(table(s.load()))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
