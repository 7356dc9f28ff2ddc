#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: mends.py SELFSAME

For each cause that an edit of the Dockerfile mends: a step as people write it, run in two different
surroundings, gives two trees; `selfsame diff` must name the cause, and `selfsame build` must give two
files. The same step with the edit that docs/causes.md names, run in both surroundings again, must
give one. Causes that a normaliser mends are in causes.py. Prints TAP; a last case holds that each
code of docs/causes.md is mended in one of the two, or stands in NOT_BY_AN_EDIT with the reason.

A step finds what surrounds it in its environment: $CLOCK (the time), $ORDER (of a directory), $HOST,
$BUILD (the folder of the build, with src.c in it), $MIRROR (a version), $MEMORY, $NAME_OF, $LEVEL …
"""
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import causes  # noqa: E402

NOT_BY_AN_EDIT = {
    'unknown': 'nothing is known of it', 'input.metadata': 'a name in enclave.toml',
    'input.header': '[run] of enclave.toml', 'input.cmdline': 'a release, or an option',
    'input.part': 'its other image says what', 'input.config': 'the Dockerfiles are two', 'time.metadata': 'another tool built it',
    'rand.signature': 'tests/cli/sign.t: local keys sign alike', 'form.padding': 'another tool made it',
    'form.inode-numbers': 'tests/golden: the layout numbers them', 'form.section-order': 'another tool made it',
}
SURROUNDINGS = [
    dict(CLOCK='1700000000', ORDER='x y z', HOST='one', MIRROR='1.0-1', MEMORY='8000', LEVEL='9',
         UMASK='022', PYTHONHASHSEED='1', LANG_='de_DE.UTF-8', ZONE='Europe/Berlin', TIMES='1', COMPILER='12.2.0-14',
         RAN='yes', OWNER='0', HOW='ln'),
    dict(CLOCK='1731234567', ORDER='z x y', HOST='two', MIRROR='1.0-2', MEMORY='9000', LEVEL='1',
         UMASK='002', PYTHONHASHSEED='2', LANG_='en_US.UTF-8', ZONE='Etc/UTC', TIMES='2', COMPILER='12.2.0-13',
         RAN='no', OWNER='7', HOW='cp'),
]
PY = 'python3 -c "import sys; sys.path.insert(0, \'$CAUSES\'); import causes, os; e = os.environ; w = sys.stdout.buffer.write; %s"'
RANDOM = "$(od -An -tx1 -N16 /dev/urandom | tr -d ' ')"
KERNEL = PY % "w(causes.bzimage(b'6.12.1 (u@h) #1 SMP ' + %s.encode()))"
CONFIG = PY % "w(causes.kernel_with(b'CONFIG_A=%%s\\n' %% %s))" + ' >boot/vmlinuz'
TOKEN = 'TOKEN=0123456789abcdef0123456789abcdef; '

# cause, folders, the step, the step with its mend
STEPS = [
    ('time.archive-member', 'srv', 'echo 1 >f; touch -d @$CLOCK f; tar -cf srv/a.tar f; rm f',
     'echo 1 >f; touch -d @$CLOCK f; tar --mtime=@$SOURCE_DATE_EPOCH -cf srv/a.tar f; rm f'),
    ('time.gzip-header', 'srv', 'echo 1 >f; touch -d @$CLOCK f; gzip -c f >srv/data; rm f',
     'echo 1 >f; touch -d @$CLOCK f; gzip -nc f >srv/data; rm f'),
    ('time.text', 'etc', 'date -u -d @$CLOCK +%F >etc/built', 'date -u -d @$SOURCE_DATE_EPOCH +%F >etc/built'),
    ('time.text', 'etc', 'printf "a = 1\\nbuilt = %s\\n" "$(date -u -d @$CLOCK +%F)" >etc/info',
     'printf "a = 1\\nbuilt = %s\\n" "$(date -u -d @$CLOCK +%F)" >etc/info; sed -i /^built/d etc/info'),
    ('time.package-log', 'var/log', 'date -u -d @$CLOCK "+%F %T install x" >var/log/dpkg.log',
     'date -u -d @$CLOCK "+%F %T install x" >var/log/dpkg.log; rm -rf var/log/*'),
    ('time.compiled-in', 'usr/bin', 'echo "const char d[] = __DATE__;" | env -u SOURCE_DATE_EPOCH faketime -f "$(date -u -d @$CLOCK "+%F %T")" cc -x c -c -o usr/bin/x -',
     'echo "const char d[] = __DATE__;" | faketime -f "$(date -u -d @$CLOCK "+%F %T")" cc -x c -c -o usr/bin/x -'),
    ('time.kernel-build', 'boot', 'V=$(LC_ALL=C date -u -d @$CLOCK); export V; ' + KERNEL % "e['V']" + ' >boot/vmlinuz',
     'V="Thu Jan  1 00:00:00 UTC 1970"; export V; ' + KERNEL % "e['V']" + ' >boot/vmlinuz'),
    ('time.java-keystore', 'etc/ssl/certs/java', 'printf "\\376\\355\\376\\355%s" $CLOCK >etc/ssl/certs/java/cacerts',
     'printf "\\376\\355\\376\\355%s" $CLOCK >etc/ssl/certs/java/cacerts; rm etc/ssl/certs/java/cacerts'),
    ('time.npm-log', 'root/.npm/_logs', 'date -u -d @$CLOCK >root/.npm/_logs/a-debug-0.log',
     'date -u -d @$CLOCK >root/.npm/_logs/a-debug-0.log; rm -rf root/.npm/_logs'),
    ('time.stamp-file', 'etc', 'date -u -d @$CLOCK +%s >etc/.updated', 'date -u -d @$CLOCK +%s >etc/.updated; rm -f etc/.updated'),
    ('order.readdir', 'srv', 'for f in $ORDER; do echo $f >$f; done; tar --mtime=@0 -cf srv/b.tar $ORDER; rm $ORDER',
     'for f in $ORDER; do echo $f >$f; done; tar --mtime=@0 -cf srv/b.tar $(printf "%s\\n" $ORDER | sort); rm $ORDER'),
    ('order.lines', 'usr/share', 'printf "%s\\n" $ORDER >usr/share/list', 'printf "%s\\n" $ORDER >usr/share/list; sort -o usr/share/list usr/share/list'),
    ('order.packages', 'var/lib/dpkg', 'for p in $ORDER; do printf "Package: %s\\nStatus: install ok installed\\nVersion: 1\\n\\n" $p; done >var/lib/dpkg/status',
     'for p in $(printf "%s\\n" $ORDER | sort); do printf "Package: %s\\nStatus: install ok installed\\nVersion: 1\\n\\n" $p; done >var/lib/dpkg/status'),
    ('id.host-name', 'etc', 'echo $HOST >etc/mailname; echo $HOST >etc/hostname', 'echo $HOST >etc/hostname; rm -f etc/hostname'),
    ('id.account', 'etc', 'n=100; for u in $ORDER; do echo "$u:x:$n:$n::/:/bin/sh"; n=$((n + 1)); done | sort >etc/passwd',
     'for u in x:1000 y:1001 z:1002; do echo "${u%:*}:x:${u#*:}:${u#*:}::/:/bin/sh"; done | sort >etc/passwd'),
    ('id.owner', 'srv', 'echo 1 >srv/x; chown $OWNER:$OWNER srv/x', 'echo 1 >srv/x; chown $OWNER:$OWNER srv/x; chown 0:0 srv/x'),
    ('rand.hash-seed', 'usr/share', "python3 -c \"print({'one', 'two', 'three', 'four', 'five', 'six', 'seven'})\" >usr/share/set",
     "PYTHONHASHSEED=0 python3 -c \"print({'one', 'two', 'three', 'four', 'five', 'six', 'seven'})\" >usr/share/set"),
    ('rand.token', 'etc', f'echo "id={RANDOM}" >etc/id', TOKEN + 'echo "id=$TOKEN" >etc/id'),
    ('rand.uuid', 'etc', 'cat /proc/sys/kernel/random/uuid >etc/uuid', 'echo 01234567-89ab-cdef-0123-456789abcdef >etc/uuid'),
    ('rand.salt', 'etc', 'echo "a:$(openssl passwd -6 x):19000:0:::::" >etc/shadow', 'echo "a:$(openssl passwd -6 -salt fixed x):19000:0:::::" >etc/shadow'),
    ('rand.private-key', 'srv', 'openssl genpkey -quiet -algorithm ed25519 -out srv/tls.pem 2>/dev/null || openssl genpkey -algorithm ed25519 -out srv/tls.pem',
     'openssl genpkey -algorithm ed25519 -out srv/tls.pem; rm -f srv/tls.pem'),
    ('rand.temp-name', 'etc', 'echo "in $(mktemp -u)" >etc/where', 'echo "in /tmp/fixed" >etc/where'),
    ('rand.lto-section', 'usr/lib', 'cd /; echo "int f(void) { return 1; }" | cc -x c -flto -c -o "$ROOT/usr/lib/t.o" -',
     'cd /; echo "int f(void) { return 1; }" | cc -x c -flto -frandom-seed=t -c -o "$ROOT/usr/lib/t.o" -'),
    ('rand.composer-suffix', 'srv/vendor/composer', f'echo "class ComposerAutoloaderInit{RANDOM}" >srv/vendor/composer/autoload_real.php',
     'echo "class ComposerAutoloaderInitfixed" >srv/vendor/composer/autoload_real.php'),
    ('cache.apt-lists', 'var/lib/apt/lists', 'echo $MIRROR >var/lib/apt/lists/a', 'echo $MIRROR >var/lib/apt/lists/a; rm -rf var/lib/apt/lists/*'),
    ('cache.python-bytecode', 'usr/lib/python3', 'echo "x = 1" >usr/lib/python3/m.py; touch -d @5 usr/lib/python3/m.py; test $RAN = no || (cd usr/lib/python3 && python3 -c "import m")',
     'echo "x = 1" >usr/lib/python3/m.py; touch -d @5 usr/lib/python3/m.py; test $RAN = no || (cd usr/lib/python3 && PYTHONDONTWRITEBYTECODE=1 python3 -c "import m")'),
    ('cache.cargo', 'usr/local/cargo/registry', 'echo $CLOCK >usr/local/cargo/registry/a', 'echo $CLOCK >usr/local/cargo/registry/a; rm -rf usr/local/cargo/registry/*'),
    ('cache.maven', 'root/.m2/repository', 'echo $CLOCK >root/.m2/repository/a', 'echo $CLOCK >root/.m2/repository/a; rm -rf root/.m2/*'),
    ('cache.java-cds', 'usr/lib/jvm/j/lib/server', 'echo $CLOCK >usr/lib/jvm/j/lib/server/classes.jsa',
     'echo $CLOCK >usr/lib/jvm/j/lib/server/classes.jsa; rm -f usr/lib/jvm/*/lib/server/classes*.jsa'),
    ('cache.apk', 'lib/apk/db', 'echo $CLOCK >lib/apk/db/scripts.tar', 'echo $CLOCK >lib/apk/db/scripts.tar; rm -f lib/apk/db/scripts.tar'),
    ('cache.rpm', 'var/cache/dnf', 'echo $CLOCK >var/cache/dnf/a', 'echo $CLOCK >var/cache/dnf/a; rm -rf var/cache/dnf/*'),
    ('cache.home', 'root/.cache/x', 'echo $CLOCK >root/.cache/x/a', 'echo $CLOCK >root/.cache/x/a; rm -rf root/.cache root/.config'),
    ('left.tmp', 'tmp', 'echo $CLOCK >tmp/a', 'echo $CLOCK >tmp/a; rm -rf tmp/* var/tmp/*'),
    ('left.git', 'srv/.git', 'echo $CLOCK >srv/.git/index', 'echo $CLOCK >srv/.git/index; rm -rf srv/.git'),
    ('path.build-dir', 'usr/bin', 'cc -g -gno-record-gcc-switches -c -o usr/bin/x "$BUILD/src.c"',
     'cc -g -gno-record-gcc-switches -ffile-prefix-map="$BUILD"=. -ffile-prefix-map="$PWD"=. -c -o usr/bin/x "$BUILD/src.c"'),
    ('path.build-dir', 'etc', 'echo "prefix=$BUILD/out" >etc/config', 'cd /; echo "prefix=$PWD/out" >"$ROOT/etc/config"'),
    ('path.direct-url', 'usr/x.dist-info', 'echo "{\\"url\\": \\"file://$BUILD\\"}" >usr/x.dist-info/direct_url.json', 'true'),
    ('env.umask', 'srv', 'umask $UMASK; echo 1 >srv/x', 'umask 022; echo 1 >srv/x'),
    ('env.locale', 'etc/default', 'echo "LANG=$LANG_" >etc/default/locale', 'LANG_=C.UTF-8; echo "LANG=$LANG_" >etc/default/locale'),
    ('env.timezone', 'etc', 'echo $ZONE >etc/timezone', 'ZONE=Etc/UTC; echo $ZONE >etc/timezone'),
    ('env.machine', 'usr/share', 'echo "MemTotal:  $MEMORY kB" >usr/share/meminfo', 'echo "MemTotal:  $MEMORY kB" >usr/share/meminfo; rm usr/share/meminfo'),
    ('net.package-version', 'var/lib/dpkg', 'printf "Package: a\\nStatus: install ok installed\\nVersion: %s\\n\\n" $MIRROR >var/lib/dpkg/status',
     'MIRROR=1.0-1; printf "Package: a\\nStatus: install ok installed\\nVersion: %s\\n\\n" $MIRROR >var/lib/dpkg/status'),
    ('tool.compiler-version', 'usr/bin', PY % "w(causes.elf([(b'.comment', b'GCC: (Debian ' + e['COMPILER'].encode() + b') 12.2.0\\0')]))" + ' >usr/bin/z',
     'export COMPILER=12.2.0-14; ' + PY % "w(causes.elf([(b'.comment', b'GCC: (Debian ' + e['COMPILER'].encode() + b') 12.2.0\\0')]))" + ' >usr/bin/z'),
    ('tool.compressor', 'srv', 'seq 2000 | gzip -n$LEVEL >srv/c.gz', 'seq 2000 >srv/c'),
    ('tool.build-id', 'usr/lib', 'echo "int f;" | cc -x c -shared -Wl,--build-id=uuid -o usr/lib/l.so -', 'echo "int f;" | cc -x c -shared -Wl,--build-id=none -o usr/lib/l.so -'),
    ('tool.kernel-config', 'boot', CONFIG % "(b'y' if e['TIMES'] == '1' else b'n')", CONFIG % "b'y'"),
    ('tool.sqlite', 'srv', 'for i in $(seq $TIMES); do python3 -c "import sqlite3; d = sqlite3.connect(\'srv/db\'); d.execute(\'create table if not exists t(x)\');'
     ' d.execute(\'pragma user_version=1\'); d.commit(); d.execute(\'delete from t\'); d.execute(\'insert into t values(1)\'); d.commit()"; done',
     'for i in $(seq $TIMES); do python3 -c "import sqlite3; d = sqlite3.connect(\'srv/o\'); d.execute(\'create table if not exists t(x)\');'
     ' d.execute(\'pragma user_version=1\'); d.commit(); d.execute(\'delete from t\'); d.execute(\'insert into t values(1)\'); d.commit()"; done;'
     ' python3 -c "import sqlite3; sqlite3.connect(\'srv/o\').execute(\'vacuum into \\"srv/db\\"\')"; rm srv/o'),
    ('form.database', 'srv', PY % "w(causes.sqlite_page(e['CLOCK'].encode()))" + ' >srv/db', 'true'),
    ('form.hard-links', 'srv', 'echo 1 >srv/x; $HOW srv/x srv/y', 'echo 1 >srv/x; $HOW srv/x srv/y; rm srv/y; ln srv/x srv/y'),
]


def run(step, folders, root, surroundings, build):
    os.makedirs(os.path.join(root, folders))
    os.makedirs(build)
    with open(os.path.join(build, 'src.c'), 'w', encoding='ascii') as f:
        f.write('int f(void) { return 1; }\n')
    env = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')}
    env = {**env, **surroundings, 'SOURCE_DATE_EPOCH': '1600000000', 'BUILD': build, 'ROOT': root,
           'CAUSES': os.path.dirname(os.path.abspath(__file__)), 'LC_ALL': 'C.UTF-8'}
    p = subprocess.run(['sh', '-euc', step], cwd=root, env=env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120)
    assert p.returncode == 0, (step, p.stdout)
    causes.settle(root, False)


def both(step, folders, top, word):
    """The trees that a step gives in the two surroundings."""
    roots = [os.path.join(top, side, word) for side in ('a', 'b')]
    for root, s, place in zip(roots, SURROUNDINGS, ('one', 'elsewhere/two')):
        run(step, folders, root, s, os.path.join(top, word, place))
    return roots


def mended(program, work, top, folders, edit):
    one, two = (causes.built(program, work, r, None) for r in both(edit, folders, top, 'mended'))
    if isinstance(one, str) or isinstance(two, str):
        return str((one, two))
    return None if one == two else 'the builds differ'


def main():
    program, count, bad = sys.argv[1], 0, 0

    def verdict(problem, name):
        nonlocal count, bad
        count += 1
        bad += problem is not None
        print('ok' if problem is None else 'not ok', count, '-', name, flush=True)
        if problem is not None:
            print('#', problem, flush=True)

    os.umask(0o022)
    with tempfile.TemporaryDirectory() as work:
        for i, (code, folders, step, edit) in enumerate(STEPS):
            top = os.path.join(work, str(i))
            a, b = both(step, folders, top, 'as-written')
            seen = causes.codes(program, a, b)
            verdict(None if code in seen.split() else 'seen: ' + seen, f'{code}: named')
            verdict(mended(program, work, top, folders, edit), f'{code}: with its mend one file')
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs/causes.md')
    with open(page, encoding='utf-8') as f:
        table = set(re.findall(r'^\| `([a-z.-]+)`', f.read(), re.M))
    had = {s[0] for s in STEPS} | {c for c, _ in causes.MENDED} | {c for c, _ in causes.ASKED}
    verdict(None if table == had | set(NOT_BY_AN_EDIT) and not had & set(NOT_BY_AN_EDIT) else
            str(sorted(table ^ (had | set(NOT_BY_AN_EDIT)))), 'every cause is mended, or says why not')
    verdict(None if len(had) >= 60 else str(len(had)), 'at least 60 causes are mended')
    print(f'1..{count}')
    return bad > 0


if __name__ == '__main__':
    sys.exit(main())
