# What `apt-get install` and its like leave behind: two builds from nothing, at different times and
# in different surroundings, are the same bytes; without the table of docs/determinism.md they are
# not, and the table has a row for all that differs. The steps see the machine: of a hermetic build
# (hermetic.t) there would be nothing to remove. And a real interpreter in the unpacked image
# finds every .pyc as it wants it: an enclave that compiles again at each boot is a bug.

mkdir -p runtime/x86_64 one two home1 home2
echo kernel >runtime/x86_64/kernel-nitro
echo init >runtime/x86_64/init
echo dataplane >runtime/x86_64/dataplane
echo keyplane >runtime/x86_64/keyplane
echo 'retain_initrd console=ttyS0' >runtime/x86_64/cmdline
cat >one/Dockerfile <<'END'
ARG BASE
FROM $BASE
RUN apt-get update && apt-get install -y --no-install-recommends python3 dbus
RUN useradd --create-home app && echo 'app:secret' | chpasswd -e && groupadd other
RUN rm -f /etc/machine-id /var/lib/dbus/machine-id && dbus-uuidgen --ensure && dbus-uuidgen --ensure=/etc/machine-id
COPY m.py /srv/
# With times in the headers, as Python writes them where nobody has set SOURCE_DATE_EPOCH.
RUN cd /srv && python3 -c 'import m' && test -s __pycache__/m.cpython-3*.pyc
RUN env -u SOURCE_DATE_EPOCH python3 -m compileall -q -f /usr/lib/python3*/json
CMD ["/usr/bin/python3", "/srv/m.py"]
END
echo 'says = 1' >one/m.py
printf 'name = "apt"\nsource_date_epoch = 1700000000\n[build]\nengine = "buildah"\nhermetic = false\nargs = { BASE = "%s" }\n' \
	"$SELFSAME_DEMO_BASE" >one/enclave.toml
cp one/* two
rows='apt-cache apt-logs ar-times dpkg-old engine-traces font-cache git-index gzip-times histories hosts kernel-list ldconfig-cache login-records logs machine-id
man-cache package-archives passwd-backups pip-records pyc-times shadow-day stamp-files tmp-leftovers tool-caches zip-times'
set --
for row in $rows; do
	set -- "$@" --no-normalise "$row"
done

# Storage of its own for each, so that every step runs in both; then once more without the table.
here=$PWD
cd "$here/one" || exit 99
HOME=$here/home1
try 0 build -q --runtime "$here/runtime"
cp enclave.lock ../one.lock
try 0 build -q --runtime "$here/runtime" --output raw.eif "$@"
cd "$here/two" || exit 99
HOME=$here/home2 TZ=Asia/Tokyo
umask 077
try 0 build -q --runtime "$here/runtime"
check 'apt-get install twice: the same lock' cmp enclave.lock ../one.lock
try 0 build -q --runtime "$here/runtime" --output raw.eif "$@"
cd "$here" || exit 99
check 'apt-get install twice: the same bytes' cmp one/apt.eif two/apt.eif
check 'without the table they differ' sh -c 'test -s one/raw.eif -a -s two/raw.eif && ! cmp -s one/raw.eif two/raw.eif'

for eif in one/apt one/raw two/raw; do
	try 0 extract -q --tree $eif.eif $eif
done
cat >compare.py <<'END'
import fnmatch
import hashlib
import os
import sys

def files(top):
    out = {}
    for d, dirs, names in os.walk(top):
        for n in dirs + names:
            p = os.path.join(d, n)
            st = os.lstat(p)
            body = os.readlink(p) if os.path.islink(p) else hashlib.sha256(open(p, 'rb').read()).hexdigest() if os.path.isfile(p) else ''
            out[os.path.relpath(p, top)] = (st.st_mode, st.st_mtime_ns, body)
    return out

a, b = files(sys.argv[1]), files(sys.argv[2])
TABLE = ['.dockerenv', 'run/.containerenv', 'etc/hostname', 'etc/resolv.conf', 'etc/hosts', 'var/log/*.log', 'var/log/apt/*', 'var/cache/apt/*.bin',
         'var/cache/ldconfig/aux-cache', 'etc/machine-id', 'var/lib/dbus/machine-id', 'etc/shadow', 'etc/*-', '*.pyc']
different = sorted(p for p in set(a) | set(b) if a.get(p) != b.get(p))
print('\n'.join(different))
strange = [p for p in different if not any(fnmatch.fnmatch(p, t) for t in TABLE)]
assert not strange, strange
for must in ('var/log/dpkg.log', 'var/log/apt/history.log', 'etc/machine-id', 'var/cache/ldconfig/aux-cache'):
    assert must in different, (must, different)
END
check 'all that differs is in the table, and logs, caches and ids do' \
	sh -c 'python3 compare.py one/raw/ramdisk1/rootfs two/raw/ramdisk1/rootfs >different 2>&1 || { cat different; exit 1; }'

# The modules that were compiled in the image, imported by its interpreter where it could write.
cat >pyc.sh <<'END'
root=$1/ramdisk1/rootfs
list() { find "$root/srv" "$root"/usr/lib/python3* -name '*.pyc' -printf '%p %i %s %T@\n' | LC_ALL=C sort; }
list >before
chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin /usr/bin/python3 -c '
import sys
sys.path.insert(0, "/srv")
import m, json.tool, argparse, inspect, tokenize, dataclasses
assert m.says == 1 and not sys.dont_write_bytecode and m.__cached__' || exit 2
list >after
grep -q /srv/__pycache__/m.cpython before && grep -q /json/__pycache__/decoder before || exit 2
diff before after
END
check 'the tree has the times of the image' test "$(stat -c %Y one/apt/ramdisk1/rootfs/srv/m.py)" = 1700000000
sh pyc.sh one/apt >why 2>&1
check 'no .pyc is compiled again' sh -c 'test "$1" -eq 0 || { cat why; exit 1; }' - $?
sh pyc.sh one/raw >why 2>&1
check 'without the table they would be' sh -c 'test "$1" -eq 1 && grep -q json/__pycache__/decoder why' - $?
