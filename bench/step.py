#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: step.py BUILD CACHE [--runs N] [--only dpkg|compile] [--work FOLDER]

What the supervisor of a step costs (src/hermetic/sup.h): a large Debian step (apt-get and dpkg with
its maintainer scripts) and a pure compile, each in a fresh overlay, without a network, by runc (or crun) alone
and by selfsame-runtime around it with the view of `light` (no stat emulation) and of `full`; all
in one run, one after the other, in turns. CPU is what all processes of the step used, supervisor
and runtime included. Prints rows of a table; exit status 1 if a target is missed."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PACKAGES = ('autoconf bison build-essential ca-certificates curl flex fontconfig git jq libpq-dev man-db nginx-light '
            'postfix python3-dev python3-requests rsyslog ruby sqlite3 sudo tcl vim wget').split()
# Each: the words of the step, and the greatest CPU it may take of what the runtime alone takes.
STEPS = {
    'dpkg': (['/bin/sh', '-c', 'exec >/log 2>&1; apt-get install -y --no-download --no-install-recommends ' +
              ' '.join(PACKAGES)], {'light': 1.05, 'full': 1.25}),
    'compile': (['/bin/sh', '-c', 'for i in 1 2 3; do gcc -O2 -DN=$i -o /c$i /compiled.c || exit 1; done'],
                {'light': 1.02, 'full': 1.02}),
}
INNER = shutil.which('runc') or shutil.which('crun') or 'no OCI runtime'
VIEW = {'allow-key': '/etc/ssl/private/', 'clock-frozen': '1700000000', 'aslr': '0', 'domain': '(none)', 'kernel-release': '6.1.0',
        'kernel-version': '#1 SMP selfsame', 'keys': '1', 'pid-base': '64', 'proc': '1', 'seed': '11' * 32, 'tsc': '0'}
CAPS = ('CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT AUDIT_WRITE '
        'MKNOD NET_RAW').split()


def sh(*words, **more):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, **more)


def in_root(root, *words):
    """With this machine's network, to fetch."""
    shutil.copy('/etc/resolv.conf', root + '/etc/resolv.conf')
    with open(root + '/etc/apt/apt.conf.d/99bench', 'w') as f:
        f.write('APT::Sandbox::User "root";\n')
    sh('chroot', root, 'env', 'DEBIAN_FRONTEND=noninteractive', *words, stdout=subprocess.DEVNULL)


def source():
    """A program that takes a compiler seconds: what it does nobody asks."""
    return '#include <stdio.h>\n' + ''.join(
        f'static int f{i}(int n) {{ int a[64]; for (int k = 0; k < 64; k++) a[k] = n * k + {i} + N; '
        f'for (int k = 1; k < 64; k++) a[k] ^= a[k - 1] * (a[(k * 7) % 64] | 1); return a[n & 63]; }}\n'
        for i in range(200)) + 'int main(void) { int s = 0;\n' + ''.join(
            f's += f{i}(s);\n' for i in range(200)) + 'printf("%d\\n", s); }\n'


def roots(cache):
    """Two lower folders, made once: a base with packages to install, and one with them installed."""
    top = os.path.join(cache, 'step-1')
    if not os.path.isdir(top):
        print('bench: making the root folders of the steps', file=sys.stderr)
        new = tempfile.mkdtemp(dir=cache)
        root = new + '/dpkg'
        os.mkdir(root)
        sh('tar', '-C', root, '-xf', os.path.join(cache, 'base-2.tar'), '--exclude=./dev/*')
        in_root(root, 'apt-get', 'update')
        in_root(root, 'apt-get', 'install', '-y', '--download-only', '--no-install-recommends', *PACKAGES)
        with open(root + '/usr/sbin/policy-rc.d', 'w') as f:
            f.write('#!/bin/sh\nexit 101\n')
        os.chmod(root + '/usr/sbin/policy-rc.d', 0o755)
        sh('cp', '-a', root, new + '/compile')
        in_root(new + '/compile', 'apt-get', 'install', '-y', '--no-install-recommends', 'gcc', 'libc6-dev')
        os.rename(new, top)
    return top


def bundle(work, name):
    """As buildah makes one: its mounts, its capabilities."""
    sh(INNER, 'spec', cwd=work)
    with open(work + '/config.json') as f:
        c = json.load(f)
    caps = ['CAP_' + x for x in CAPS]
    c['process'].update(
        terminal=False, args=STEPS[name][0], noNewPrivileges=False,
        capabilities={k: caps for k in ('bounding', 'effective', 'permitted')},
        env=['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND=noninteractive',
             'HOME=/root'])
    c['process'].pop('rlimits', None)
    c['root'] = {'path': 'rootfs', 'readonly': False}
    with open(work + '/config.json', 'w') as f:
        json.dump(c, f)


def run(build, lower, name, level, scratch):
    """One step in a fresh overlay: seconds of CPU, of the wall."""
    work = tempfile.mkdtemp(prefix='selfsame-bench-', dir=scratch)
    for d in ('upper', 'over', 'rootfs'):
        os.mkdir(f'{work}/{d}')
    sh('mount', '-t', 'overlay', 'overlay', '-o', f'lowerdir={lower},upperdir={work}/upper,workdir={work}/over',
       work + '/rootfs')
    env = dict(os.environ, SELFSAME_STEP_EPOCH='1700000000', SELFSAME_RUNTIME_INNER=INNER)
    words = [INNER]
    if level != 'plain':
        view = dict(VIEW, **({'stat': '1'} if level == 'full' else {}))
        with open(work + '/view', 'w') as f:
            f.write('selfsame-view 1\n' + ''.join(f'{k} {v}\n' for k, v in sorted(view.items())))
        env['SELFSAME_STEP_VIEW'] = work + '/view'
        words = [build + '/selfsame-runtime']
    try:
        bundle(work, name)
        with open(work + '/rootfs/compiled.c', 'w') as f:
            f.write(source())
        began = time.monotonic()
        p = subprocess.Popen(words + ['run', '--bundle', work, 'bench-' + os.path.basename(work)[-8:]], env=env,
                             stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(p.pid, 0)
        wall = time.monotonic() - began
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode != 0:
            log = work + '/rootfs/log'
            if os.path.exists(log):
                sh('tail', '-n', '20', log, stdout=sys.stderr)
            raise SystemExit(f'bench: step {name}, {level}: status {p.returncode}')
        return used.ru_utime + used.ru_stime, wall
    finally:
        sh('umount', work + '/rootfs')
        shutil.rmtree(work)


def main():
    words = sys.argv[1:]
    runs, only, scratch = 1, list(STEPS), None
    while len(words) > 2 and words[-2].startswith('--'):
        value, key = words.pop(), words.pop()
        if key == '--runs':
            runs = int(value)
        elif key == '--only':
            only = [value]
        elif key == '--work':
            scratch = value
        else:
            raise SystemExit(__doc__)
    if len(words) != 2 or os.geteuid() != 0:
        raise SystemExit(__doc__)
    build, top, missed = os.path.abspath(words[0]), roots(words[1]), False
    for name in only:
        lower, times = f'{top}/{name}', {}
        sh('tar', '-cf', '-', lower, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # into the page cache
        for _ in range(runs):
            for level in ('plain', 'light', 'full'):
                times.setdefault(level, []).append(run(build, lower, name, level, scratch))
        cpu, wall = ({k: statistics.median(x[i] for x in v) for k, v in times.items()} for i in (0, 1))
        for level, limit in STEPS[name][1].items():
            ratio = cpu[level] / cpu['plain']
            missed = missed or ratio > limit
            print(f'| step, {name}, {level} | {cpu[level]:.2f} s CPU, {wall[level]:.2f} s wall | {cpu["plain"]:.2f} s CPU, '
                  f'{wall["plain"]:.2f} s wall | {ratio:.2f} ({wall[level] / wall["plain"]:.2f} wall) | {limit:.2f} | '
                  f'{"missed" if ratio > limit else "met"} |', flush=True)
    sys.exit(1 if missed else 0)


main()
