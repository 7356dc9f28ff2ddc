"""What doctor has to name in each Dockerfile as it is, and what is mended by hand where --apply leaves
it: (the code that doctor gave, the words, what stands in their place). Words fit in one place only."""

CAUSES = {
    'apk-style': ['env.umask'],
    'apt': ['env.umask', 'time.text'],
    'c': ['env.umask', 'time.compiled-in'],
    'go-style': ['env.umask'],
    'java': ['env.umask'],
    'multi-stage': ['env.machine', 'env.umask', 'id.host-name', 'time.archive-member'],
    'npm': ['env.umask'],
    'perl': ['env.umask', 'order.lines', 'time.text'],
    'pip': ['env.umask', 'rand.hash-seed'],
    'rust-style': ['env.umask', 'rand.temp-name'],
}

EDITS = {
    'apk-style': [],
    'apt': [('account.no-number', 'useradd --create-home', 'useradd --uid 1000 --create-home')],
    'c': [('time.compiled-in', 'unset SOURCE_DATE_EPOCH; gcc', 'gcc')],
    'go-style': [],
    'java': [('archive.jar', 'jar cfe /hello.jar Hello Hello.class',
              'jar --create --file /hello.jar --main-class Hello --date 1980-01-01T00:00:02Z Hello.class')],
    'multi-stage': [('host.name', '$(hostname) ', ''), ('host.kernel', 'uname -r', 'uname -m')],
    'npm': [('npm.install', 'COPY package.json index.js', 'COPY package.json package-lock.json index.js'),
            ('npm.install', 'npm install', 'npm ci')],
    'perl': [('time.text', 'COPY count.pl', 'ARG SOURCE_DATE_EPOCH\nCOPY count.pl'),
             ('time.text', 'scalar localtime,', 'scalar gmtime $ENV{SOURCE_DATE_EPOCH},')],
    'pip': [('pip.no-hashes', '--no-build-isolation', '--no-build-isolation --no-index --no-deps'),
            ('rand.hash-seed', 'env -u PYTHONHASHSEED python3', 'python3')],
    'rust-style': [('rand.temp-name', 'd=$(mktemp -d) && cp /src/hello.rs "$d" && rustc -g -o /hello "$d/hello.rs"',
                    'cd /src && rustc -g --remap-path-prefix /src=src -o /hello hello.rs')],
}

# A word that the mend of a cause by --apply puts into the Dockerfile.
APPLIED = {
    'cache.python-bytecode': ['PYTHONDONTWRITEBYTECODE'],
    'env.locale': ['LC_ALL='],
    'env.timezone': ['ARG TZ='],
    'env.umask': ['umask 022'],
    'order.lines': ['PERL_HASH_SEED'],
    'rand.hash-seed': ['PYTHONHASHSEED=0'],
}
