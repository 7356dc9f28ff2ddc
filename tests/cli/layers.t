# Images with layers from the command line: limits and how they are raised, links on the way to an
# entry, what is changed in the merged tree and what the lock says of it.

mkdir -p runtime/x86_64
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
cat >make.py <<'END'
import gzip
import hashlib
import io
import os
import sys
import zipfile
sys.path.insert(0, os.environ['SRC'] + '/tests/oracle')
sys.dont_write_bytecode = True
from images import DIR, LNK, REG, SYM, entry, pack, sha, simple, tar  # noqa: E402

def jar():
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        z.writestr(zipfile.ZipInfo('a', (2020, 1, 2, 3, 4, 6)), b'x')
    return out.getvalue()

def index():
    entry = bytes(range(1, 41)) + bytes(20) + (1).to_bytes(2, 'big') + b'a'
    text = b'DIRC' + (2).to_bytes(4, 'big') + (1).to_bytes(4, 'big') + entry + bytes(-len(entry) % 8 or 8)
    return text + hashlib.sha1(text).digest()

def image(name, layers, kind='plain'):
    tars = [tar(x) for x in layers]
    simple(name, tars, kind, config={'Cmd': ['/bin/app']})
    for i, t in enumerate(tars):
        with open(f'{name}.{i + 1}', 'w', encoding='ascii') as f:
            f.write(sha(pack(t, kind))[:19])

app = entry('bin/app', REG, b'app', mode=0o755)
image('many', [[app] + [entry(f'a{i}') for i in range(5)], [entry(f'b{i}') for i in range(5)]])
image('zeros', [[app, entry('z', REG, bytes(20 << 20))]], 'zstd')
image('hole', [[app, entry('s', REG, b'abc', pax={'GNU.sparse.size': str(40 << 20), 'GNU.sparse.numblocks': '1', 'GNU.sparse.map': '0,3'})]])
image('merged', [[entry('usr/bin/sh'), entry('bin', SYM, link='usr/bin')], [app]])
image('plain', [[entry('usr/bin/sh'), entry('bin', SYM, link='usr/bin'), entry('usr/bin/app', REG, b'app', mode=0o755)]])
image('out', [[app, entry('srv/up', SYM, link='../../etc')], [entry('srv/up/passwd')]])
traces = ['.dockerenv', 'run/.containerenv', 'etc/hosts', 'var/log/dpkg.log', 'var/cache/apt/pkgcache.bin', 'var/cache/ldconfig/aux-cache',
          'etc/passwd-', 'var/cache/apt/archives/a.deb', 'var/lib/dpkg/status-old', 'var/cache/man/index.db', 'var/cache/fontconfig/a.cache-7',
          'etc/apt/apt.conf.d/01autoremove-kernels', 'etc/.updated', 'tmp/hsperfdata_root/1', 'root/.cache/pip/a', 'root/.bash_history']
lists = ['var/lib/apt/lists/a', 'tmp/left', 'root/.cache/models/a']
pyc = (3531).to_bytes(2, 'little') + b'\r\n' + bytes(4) + (7).to_bytes(4, 'little') + (1).to_bytes(4, 'little') + b'code'
image('traces', [[app] + [entry(x) for x in traces] +
                 [entry(x) for x in lists] +
                 [entry('var/log/syslog', REG, b'x'), entry('var/log/wtmp', REG, b'x'), entry('srv/a.gz', REG, gzip.compress(b'x', mtime=7)),
                  entry('srv/a.a', REG, b'!<arch>\n%-16s%-12d%-6d%-6d%-8o%-10d`\nx\n' % (b'x/', 7, 0, 0, 0o644, 1)),
                  entry('srv/a.jar', REG, jar()), entry('srv/.git/index', REG, index()), entry('lib/a.dist-info/RECORD', REG, b'b,,\na,,\n'),
                  entry('lib/a.dist-info/direct_url.json', REG, b'{"url": "file:///x"}'),
                  entry('etc/machine-id', REG, b'0123'), entry('etc/shadow', REG, b'a:*:19000:0:::::\n'),
                  entry('lib/m.py', REG, b'#', mtime=7), entry('lib/__pycache__/m.cpython-311.pyc', REG, pyc)]])
image('attributes', [[app, entry('x', pax={'SCHILY.xattr.user.a': '1', 'SCHILY.xattr.security.selinux': '2'})]])
END
check 'the images are made' python3 make.py
build() { # STATUS OPTIONS...
	want_status=$1
	shift
	try "$want_status" build -q --runtime runtime --output x.eif --name n --source-date-epoch 1700000000 "$@"
}

# Each limit, its option, and that raising it is enough.
build 3 --limit-entries 10 oci:many
err "selfsame: error: 'oci:many': layer 2 ($(cat many.2)): more than 10 entries in all layers
selfsame: hint: --limit-entries raises this limit"
check 'no file is left' test ! -e x.eif
build 0 --limit-entries 11 oci:many
build 3 --limit-total 1000 oci:many
err "selfsame: error: 'oci:many': layer 1 ($(cat many.1)): more than 1000 bytes
selfsame: hint: --limit-total raises this limit"
build 3 --limit-total 15000 oci:many
err "selfsame: error: 'oci:many': layer 2 ($(cat many.2)): more than 15000 bytes in all layers
selfsame: hint: --limit-total raises this limit"
build 0 --limit-total 20480 oci:many
build 3 oci:zeros
err_has "'oci:zeros': layer 1 ($(cat zeros.1)): decompresses to more than 1100 times its size (offset "
err_has 'selfsame: hint: --limit-ratio raises this limit'
build 3 --limit-ratio 1000000 --limit-total 1000000 oci:zeros
err "selfsame: error: 'oci:zeros': layer 1 ($(cat zeros.1)): more than 1000000 bytes when decompressed
selfsame: hint: --limit-total raises this limit"
build 0 --limit-ratio 1000000 oci:zeros
build 3 oci:hole
err "selfsame: error: 'oci:hole': layer 1 ($(cat hole.1)): 's': expands to more than 1100 times the layer's size
selfsame: hint: --limit-ratio raises this limit"
build 0 --limit-ratio 1000000 oci:hole
mkdir -p root/bin
echo app >root/bin/app
printf 'name = "p"\nimage = "rootfs:root"\n[app]\ncommand = ["/bin/app"]\n' >enclave.toml
try 3 build -q --runtime runtime --limit-entries 1
err "selfsame: error: 'rootfs:root': 'bin': more than 1 entries
selfsame: hint: --limit-entries raises this limit"
try 3 build -q --runtime runtime --limit-total 3
err "selfsame: error: 'rootfs:root': 'bin/app': more than 3 bytes in all
selfsame: hint: --limit-total raises this limit"
for option in total ratio entries; do
	try 2 build --limit-$option 0 oci:many
done

# What is built with a raised limit is rebuilt with it.
printf 'name = "p"\nimage = "oci:zeros"\n' >enclave.toml
try 0 build -q --runtime runtime --limit-ratio 1000000
try 3 rebuild -q --runtime runtime
err_has 'hint: --limit-ratio raises this limit'
try 0 rebuild -q --runtime runtime --limit-ratio 1000000
out same
rm enclave.toml enclave.lock measurements.json

# bin/app over bin -> usr/bin: as if it had been put into usr/bin.
build 0 oci:merged
cp x.eif merged.eif
build 0 oci:plain
check 'an entry goes through a link' cmp x.eif merged.eif
build 3 oci:out
err "selfsame: error: 'oci:out': layer 2 ($(cat out.2)): 'srv/up/passwd': its parent 'srv/up' is a link to '../../etc', which leaves the root"

# nitro-cli's bytes would depend on Docker's storage driver.
mkdir blobs
head -c 16384 /dev/zero >blobs/bzImage
echo init >blobs/init
echo module >blobs/nsm.ko
echo 'console=ttyS0' >blobs/cmdline
build 3 --layout nitro-cli --blobs blobs oci:merged
err "selfsame: error: 'oci:merged': layer 2 ($(cat merged.2)): 'bin/app': its parent 'bin' is a link to 'usr/bin', which not all engines follow"
build 0 --layout nitro-cli --blobs blobs oci:plain

# Every row of the table is in the lock, and each can be switched off: then it is not, and its bytes
# stay as they were.
rows='apt-cache apt-logs ar-times dpkg-old engine-traces font-cache git-index gzip-times histories hosts kernel-list ldconfig-cache login-records logs machine-id man-cache
package-archives passwd-backups pip-records pyc-times shadow-day stamp-files tmp-leftovers tool-caches zip-times'
rows=$(echo $rows)
locked() { sed -n '/^normalisers = \[/,/^\]/p' enclave.lock | tr -dc 'a-z\n-' | grep -vx normalisers | xargs; }
printf 'name = "p"\nimage = "oci:traces"\nsource_date_epoch = 1700000000\n' >enclave.toml
try 0 build -q --runtime runtime
cp p.eif all.eif
check 'all rows are in the lock' test "$(locked)" = "$rows"
for row in $rows; do
	out_has "normalised $row: "
done
for row in $rows; do
	try 0 build -q --runtime runtime --no-normalise "$row"
	check "without $row it is another image" sh -c '! cmp -s p.eif all.eif'
	check "the lock says so: $row" test "$(locked)" = "$(echo "$rows" | xargs -n 1 | grep -vx -- "$row" | xargs)"
done
try 0 rebuild -q --runtime runtime
out same
set --
for row in $rows; do
	set -- "$@" --no-normalise "$row"
done
try 0 build -q --runtime runtime "$@"
check 'none in the lock' grep -qx 'normalisers = \[\]' enclave.lock
cp p.eif none.eif

# What is made only if it is asked for: by the command line or the file, which has the weaker word.
for row in home-cache package-lists pip-urls tmp; do
	try 0 build -q --runtime runtime "$@" --normalise "$row"
	out_has "normalised $row: "
	check "with $row it is another image" sh -c '! cmp -s p.eif none.eif'
	check "the lock has it: $row" test "$(sed -n 's/^normalisers = //p' enclave.lock)" = "[\"$row\"]"
done
try 0 rebuild -q --runtime runtime
out same
printf 'name = "p"\nimage = "oci:traces"\nsource_date_epoch = 1700000000\n[normalize]\nhosts = false\ntmp = true\n' >enclave.toml
try 0 build -q --runtime runtime
check 'enclave.toml switches one off, and one on' test "$(locked)" = "$(echo "$rows" | sed 's/ hosts / /; s/tmp-leftovers/tmp &/')"
try 0 build -q --runtime runtime --normalise hosts --no-normalise tmp
check 'the command line wins' test "$(locked)" = "$rows"
rm enclave.toml enclave.lock measurements.json

build 0 oci:attributes
out_has 'extended attributes left out: 2'
build 0 --json oci:attributes
out_has '"XattrsDropped": 2'
