# What differs, why, and what mends it. The causes one by one: tests/causes.

python3 - "$SRC/tests/oracle" <<'END'
import os
import sys
sys.path.insert(0, sys.argv[1])
import enclave as e

def tree(who, more=()):
    me = {'uid': os.getuid(), 'gid': os.getgid()}
    return [e.directory('rootfs/etc', **me),
            e.regular('rootfs/etc/machine-id', who.encode() * 32, **me),
            e.regular('rootfs/etc/motd', b'one\ntwo\n', **me), *more]

def write(name, data):
    open(name, 'wb').write(data)

meta = e.METADATA_TEXT
one = e.app_ramdisk(tree('a'), ['/x'])
two = e.app_ramdisk(tree('b', [e.regular('rootfs/etc/new', b'new')]), ['/x', 'y'])
rt = e.runtime_ramdisk(b'init', b'dataplane', b'keyplane')
def eif(kernel, cmdline, meta, *ramdisks):
    return e.eif([(e.KERNEL, kernel), (e.CMDLINE, cmdline), (e.METADATA, meta)] +
                 [(e.RAMDISK, r) for r in ramdisks])
write('a.eif', eif(b'kernel', b'quiet panic=1', meta, rt, one))
write('b.eif', eif(b'kernel', b'quiet panic=2', meta, rt, two))
write('time.eif', eif(b'kernel', b'quiet panic=1', meta.replace(b'1970-01-01', b'2024-02-03'), rt, one))
write('name.eif', eif(b'kernel', b'quiet panic=1', meta.replace(b'"selfsame"', b'"other"'), rt, one))
write('bad.eif', eif(b'kernel', b'quiet panic=1', meta, rt, b'no archive'))
write('pad.eif', eif(b'kernel', b'quiet panic=1', meta, rt, one + bytes(8)))
write('unknown.eif', eif(b'kernal', b'quiet panic=1', meta, rt, one))
write('a.cpio', one)
write('owner1.cpio', e.archive([e.regular('x', b'x', uid=5, gid=6)]))
write('owner2.cpio', e.archive([e.regular('x', b'x', uid=5, gid=7)]))
write('dev1.cpio', e.archive([e.Entry('d', 0o20600, rdev=(1, 3))]))
write('dev2.cpio', e.archive([e.Entry('d', 0o20600, rdev=(1, 5))]))
write('order1.cpio', e.archive([e.regular('x', b'1'), e.regular('y', b'2')]))
write('order2.cpio', e.archive([e.regular('y', b'2'), e.regular('x', b'1')]))
write('ino.cpio', one.replace(b'07070100000004', b'07070100000009'))
END

# --- the same ---

try 0 diff a.eif a.eif
out same
err ''
cp a.eif copy.eif
try 0 diff a.eif copy.eif
out same
try 0 diff --json a.eif copy.eif
out <<'END'
{
  "same": true,
  "registers_same": true,
  "not_compared": null,
  "files": 0,
  "causes": 0,
  "left_out": 0,
  "groups": []
}
END

# --- two enclave images ---

try 1 diff a.eif b.eif
err ''
out <<'END'
different: 4 files, 4 causes; the registers differ

id.machine-id: the machine's identity was made up in the build (1 file)
  ramdisk1: rootfs/etc/machine-id
    line 1
      - aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      + bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
  mend: normaliser machine-id

input.cmdline: the kernel's command line is another (1 file)
  cmdline
      - 1
      + 2
  mend: use the same release's runtime, or the same --cmdline

input.config: what is started, or its environment, is another (1 file)
  ramdisk1: config
    argv
      + y
  mend: compare ENV, CMD, ENTRYPOINT and USER of the two Dockerfiles, and the two enclave.toml

unknown: nothing that is known explains it (1 file)
  ramdisk1: rootfs/etc/new (added)
      + 3 bytes
  mend: look at what differs: another input of the build is an answer; what is random or a time is removed where it is made
END

# --- what no register covers ---

try 1 diff a.eif time.eif
out <<'END'
different: 1 file, 1 cause; the registers are the same

no register covers what follows

time.metadata: the metadata section holds the time of the build (1 file)
  metadata
    /BuildMetadata/BuildTime
      - 1970-01-01T00:00:00+00:00
      + 2024-02-03T00:00:00+00:00
  mend: selfsame build writes the epoch; no register covers it
END
try 1 diff a.eif name.eif
out_has 'input.metadata: '
out_has 'different: 1 file, 1 cause; the registers are the same'

printf 'kernel' >kernel
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout key.pem -out cert.pem -subj /CN=t -days 9 2>/dev/null
try 0 sign a.eif --certificate cert.pem --key key.pem --output signed.eif
try 1 diff a.eif signed.eif
out_has 'rand.signature: '
out_has 'signature (added)'
out_has 'different: 1 file, 1 cause; PCR0 to PCR2 are the same, PCR8 differs'
try 1 diff --json a.eif signed.eif
out_has '"registers_same": false,'
# Another key for the same certificate cannot be; another certificate can, and a broken section.
openssl req -x509 -key key.pem -out cert2.pem -subj /CN=u -days 9 2>/dev/null
try 0 sign a.eif --certificate cert2.pem --key key.pem --output signed2.eif
try 1 diff signed.eif signed2.eif
out_has 'different: 1 file, 1 cause; PCR0 to PCR2 are the same, PCR8 differs'
out_has 'the signatures differ, and the certificates: PCR8 is another'
cat cert.pem cert2.pem >both.pem
try 0 sign a.eif --certificate both.pem --key key.pem --output signed3.eif
try 1 diff signed.eif signed3.eif
out_has 'different: 1 file, 1 cause; the registers are the same'
out_has 'the signatures differ; the certificate, and so PCR8, is the same'
try 1 diff --json signed.eif signed3.eif
out_has '"registers_same": true,'
python3 "$SRC/tests/oracle/eif.py" make odd.eif version=4 kernel=kernel cmdline=kernel metadata=kernel ramdisk=a.cpio ramdisk=a.cpio signature=kernel
python3 "$SRC/tests/oracle/eif.py" make odd2.eif version=4 kernel=kernel cmdline=kernel metadata=kernel ramdisk=a.cpio ramdisk=a.cpio signature=a.cpio
try 1 diff odd.eif odd2.eif
out_has 'PCR0 to PCR2 are the same, PCR8 cannot be told'
out_has 'the signatures differ; not all of them can be read'
try 1 diff --json odd.eif odd2.eif
out_has '"registers_same": null,'

python3 "$SRC/tests/oracle/eif.py" make four.eif version=4 kernel=kernel cmdline=kernel metadata=kernel ramdisk=a.cpio ramdisk=a.cpio
python3 "$SRC/tests/oracle/eif.py" make arm.eif version=4 flags=1 kernel=kernel cmdline=kernel metadata=kernel ramdisk=a.cpio ramdisk=a.cpio
try 1 diff four.eif arm.eif
out_has 'input.header: '
out_has 'different: 1 file, 1 cause; the registers are the same'

# PCR0 and PCR1 are of the sections in the order of the file: the same sections are not enough.
for order in 'a kernel=kernel cmdline=meta metadata=meta' 'b cmdline=meta kernel=kernel metadata=meta' \
	'c cmdline=meta kernel=kernel metadata=kernel' 'd metadata=meta kernel=kernel cmdline=meta'; do
	printf '{}' >meta
	# shellcheck disable=SC2086
	set -- $order
	python3 "$SRC/tests/oracle/eif.py" make "order-$1.eif" "$2" "$3" "$4" ramdisk=a.cpio ramdisk=a.cpio
done
try 1 diff order-a.eif order-b.eif
out <<'END'
different: 1 file, 1 cause; the registers differ

form.section-order: the sections of the image stand in another order (1 file)
  header
    the order of the sections
  mend: make the image with the same program; selfsame build has one order
END
try 1 diff order-a.eif order-c.eif
out_has '; the registers differ'
"$SELFSAME" measure order-a.eif >a.pcrs
"$SELFSAME" measure order-b.eif >b.pcrs
"$SELFSAME" measure order-d.eif >d.pcrs
check 'they do' sh -c '! cmp -s a.pcrs b.pcrs'
check 'metadata may stand anywhere' cmp a.pcrs d.pcrs
try 1 diff order-a.eif order-d.eif
out_has 'different: 1 file, 1 cause; the registers are the same'

# --- the form of an archive ---

try 1 diff a.eif pad.eif
out_has 'form.padding: '
try 1 diff a.cpio ino.cpio
out_has 'form.inode-numbers: '
try 1 diff owner1.cpio owner2.cpio
out <<'END'
different: 1 file, 1 cause; the registers differ

id.owner: the file belongs to somebody else (1 file)
  cpio: x (owner)
      - 5:6
      + 5:7
  mend: COPY --chown=0:0, RUN chown, or fixed numbers for the accounts
END
try 1 diff dev1.cpio dev2.cpio
out_has 'cpio: d (device)'
out_has '      - 1:3'
try 1 diff order1.cpio order2.cpio
out_has 'order.readdir: '
out_has 'cpio (order)'
try 1 diff a.eif unknown.eif
out_has 'unknown: '
out_has '      + kernal'
try 1 diff a.eif bad.eif
out_has 'ramdisk1'
gzip -nc a.cpio >a.cpio.gz
try 0 diff a.cpio a.cpio.gz
out same

# --- mixes ---

try 0 measure --json a.eif
cp "$OUT" measurements.json
try 0 diff a.eif measurements.json
out same
try 1 diff measurements.json b.eif
out_has 'input.part: a part of the image has another measurement (6 files)'
out_has 'measurements: PCR2'
out_has 'measurements: PCR0'

mkdir -p root/etc
printf aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >root/etc/machine-id
printf 'one\ntwo\n' >root/etc/motd
chmod 755 root/etc
chmod 644 root/etc/*
try 0 diff -q a.eif rootfs:root
out <<'END'
same
not compared: kernel, command line, runtime, configuration, metadata, signature; times and order of the files
END
try 0 diff -q --json a.eif rootfs:root
out_has '  "registers_same": null,'
out_has '  "not_compared": "kernel, command line, '
try 0 diff -q --html part.html a.eif rootfs:root
check 'the page says so' grep -qF '<p>not compared: kernel, command line, runtime' part.html
try 0 diff -q root a.cpio
out <<'END'
same
not compared: configuration; times and order of the files
END

# Secrets are never shown: a key that only one side has, accounts in a backup or in no good form.
mkdir -p secret1/etc secret2/etc
printf -- '-----BEGIN PRIVATE KEY-----\nVERYSECRET\n-----END PRIVATE KEY-----\n' >secret1/etc/key
echo 'no key' >secret2/etc/key
for i in 1 2; do
	echo "root:\$6\$VERYSECRET$i:1:0:9:7:::" >secret$i/etc/shadow-
	echo "root:\$6\$VERYSECRET$i:1:0:9:7:::" | sed p >secret$i/etc/shadow
	cp secret$i/etc/shadow- secret$i/etc/gshadow-
done
try 1 diff -q --all secret1 secret2
out_has 'tree: etc/key'
out_has '    a private key'
out_has 'tree: etc/shadow-'
out_has '    accounts with hashes of passwords'
check 'no secret is shown' sh -c '! grep -q VERYSECRET "$1"' - "$OUT"

# Names of sections and symbols that are all one text to its end: hours, once.
python3 - <<'END'
import struct
def elf(name, last):
    names = b'n' * ((1 << 20) - 2) + last + b'\0'
    n, symbols = 4000, b''.join(struct.pack('<IBBHQQ', i % 100, 0, 0, 0, 0, i) for i in range(40000))
    at = 64 + n * 64
    head = b'\x7fELF\2\1\1' + bytes(9) + struct.pack('<HHIQQQIHHHHHH', 1, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, n, 0)
    def section(kind, off, size, link=0):
        return struct.pack('<IIQQQQIIQQ', 0, kind, 0, 0, off, size, link, 0, 1, 0)
    table = section(3, at, len(names)) + section(2, at + len(names), len(symbols)) + section(1, 0, 0) * (n - 2)
    open(name, 'wb').write(head + table + names + symbols)
elf('names1', b'1')
elf('names2', b'2')
END
try 1 diff -q names1 names2
out_has 'different: 1 file, '

# A file of a tree that looks like the measured configuration, with other counts, is a file.
mkdir -p counts1 counts2
python3 - "$SRC/tests/oracle" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import enclave as e
open('counts1/config', 'wb').write(e.config([], ['/x'], entries=1))
open('counts2/config', 'wb').write(e.config([], ['/x'], entries=2))
END
try 1 diff -q counts1 counts2
out_has 'tree: config'

# What stands beside the root in a ramdisk would replace the runtime under some kernels.
python3 "$SRC/tests/oracle/cpio.py" beside d:755:rootfs d:755:rootfs/etc f:644:rootfs/etc/machine-id:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa f:755:init:evil f:644:cmd:a f:644:env:b trailer
mkdir -p beside.d/etc
printf aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >beside.d/etc/machine-id
chmod 755 beside.d/etc
chmod 644 beside.d/etc/*
try 1 diff -q beside beside.d
out_has 'tree: init (removed)'
out_has 'beside rootfs'
try 1 diff -q beside.d beside
out_has 'tree: init (added)'
printf 'one\n2\n' >root/etc/motd
try 1 diff -q a.eif root
out_has 'tree: etc/motd'
out_has 'line 2'

try 2 diff a.eif kernel
err "selfsame: error: 'a.eif' is an enclave image, 'kernel' is another file: these cannot be compared"
try 4 diff a.eif missing
err "selfsame: error: cannot open 'missing': No such file or directory"
try 2 diff a.eif
err_has 'selfsame: error: '
head -c 600 a.eif >cut.eif
try 3 diff a.eif cut.eif
err_has "'cut.eif': "

# --- many of one cause are one group ---

mkdir -p many1/srv many2/srv
for i in 1 2 3 4 5; do
	echo '2024-01-02' >many1/srv/$i
	echo '2025-01-02' >many2/srv/$i
done
find many1 many2 -exec touch -d @5 {} +
try 1 diff -q many1 many2
out <<'END'
different: 5 files, 1 cause; the registers differ

time.text: a text holds the time of the build (5 files)
  tree: srv/1
    line 1
      - 2024-01-02
      + 2025-01-02
  tree: srv/2
    line 1
      - 2024-01-02
      + 2025-01-02
  tree: srv/3
    line 1
      - 2024-01-02
      + 2025-01-02
  and 2 more; --all shows them
  mend: write $SOURCE_DATE_EPOCH in place of the clock, or remove the line with sed
END
try 1 diff -q --all many1 many2
out_has 'tree: srv/5'
mv many2/srv/1 many2/srv/moved
cp many1/srv/1 many2/srv/moved
touch -d @5 many2/srv many2/srv/moved
try 1 diff -q --all many1 many2
out_has 'tree: srv/moved (moved)'
out_has '      - srv/1'
chmod 600 many2/srv/2
ln -s one many1/srv/link
ln -s two many2/srv/link
try 1 diff -q --all many1 many2
out_has 'tree: srv/2 (mode)'
out_has '      - 0644'
out_has '      + 0600'
out_has 'tree: srv/link (link)'

# --- names and values are escaped, secrets are not shown ---

mkdir -p esc1/etc esc2/etc
printf 'a\033[31mb\n' >esc1/etc/x
printf 'a\033[32mb\n' >esc2/etc/x
printf 'r:$6$secret1:1::::::\n' >esc1/etc/shadow
printf 'r:$6$secret2:1::::::\n' >esc2/etc/shadow
find esc1 esc2 -exec touch -d @5 {} +
try 1 diff -q esc1 esc2
out_has 'a\x1b[31mb'
check 'no hash of a password is shown' sh -c '! grep -q secret "$1"' - "$OUT"
try 1 diff -q --json esc1 esc2
check 'JSON has neither' sh -c '! grep -q secret "$1"' - "$OUT"

# --- a page ---

mkdir -p page1/srv page2/srv
printf 'x <script>a</script> 2024-01-02\n' >'page1/srv/<b>&'
printf 'x <script>a</script> 2025-01-02\n' >'page2/srv/<b>&'
find page1 page2 -exec touch -d @5 {} +
try 1 diff -q --html page.html page1 page2
out_has 'different: 1 file, 1 cause; the registers differ'
cat >page.py <<'END'
import html.parser
import sys
seen, open_tags, words = set(), [], []
class P(html.parser.HTMLParser):
    def handle_starttag(self, tag, attrs):
        seen.add(tag)
        assert not any(k in ('src', 'href') or k.startswith('on') for k, _ in attrs), attrs
        if tag != 'meta':
            open_tags.append(tag)
    def handle_endtag(self, tag):
        assert open_tags.pop() == tag, tag
    def handle_data(self, data):
        words.append(data)
P().feed(open('page.html', encoding='utf-8').read())
assert not open_tags and seen == {'html', 'head', 'meta', 'title', 'style', 'body', 'h1', 'h2', 'p',
                                  'details', 'summary', 'b', 'pre', 'mark'}, seen
text = ''.join(words)
for want in ('different: 1 file, 1 cause', 'time.text', 'tree: srv/<b>&',
             '- x <script>a</script> 2024-01-02', '+ x <script>a</script> 2025-01-02', 'mend: '):
    assert want in text, want
END
check 'the page is well-formed, without a script, and says all of it' python3 page.py
try 0 diff -q --html same.html page1 page1
check 'a page that says same' grep -qx '<h1>same</h1>' same.html
try 4 diff -q --html missing/page.html page1 page2
check 'nothing is printed before the page is written' test ! -s "$OUT"
try 2 diff -q --html ./a.eif a.eif b.eif
err "selfsame: error: the output './a.eif' would replace 'a.eif'"

# --- symbols, by name ---

mkdir -p sym1 sym2
printf '.globl f\nf: nop\n.size f,1\n.globl gone\ngone: nop\n' | cc -c -x assembler -o sym1/x.o -
printf '.globl f\nf: nop\nnop\n.size f,2\n.globl come\ncome: nop\n' | cc -c -x assembler -o sym2/x.o -
printf '.globl f\nf: nop\n.globl g\nnop\ng: nop\n' | cc -c -x assembler -o sym1/y.o -
printf '.globl f\nf: nop\n.globl g\ng: nop\nnop\n' | cc -c -x assembler -o sym2/y.o -
find sym1 sym2 -exec touch -d @5 {} +
try 1 diff -q --all sym1 sym2
out_has 'section .symtab: symbol come, only in the second'
out_has 'section .symtab: symbol gone, only in the first'
out_has '    section .symtab: symbol f'
out_has '      - type 0, section 1, size 1'
out_has '      + type 0, section 1, size 2'
out_has '    section .symtab: symbols at another address'
out_has '      + 1'

# --- images ---

PYTHONPATH=$SRC/tests/oracle python3 - <<'END'
import images

def image(path, body=b'x', kind='plain', **kw):
    images.simple(path, [images.tar([images.entry('bin/app', images.REG, body, mode=0o755, mtime=5)])],
                  kind, **kw)

image('one')
image('packed', kind='gzip')
image('body', b'y')
image('env', config={'Env': ['A=1']})
image('env2', config={'Env': ['A=2']})
END
try 0 diff -q oci:one:latest one
out same
try 0 diff -q one packed
out same
tar -C one -cf one.tar oci-layout index.json blobs
try 0 diff -q one.tar oci-archive:one.tar
out same
try 1 diff -q one body
out_has '  tree: bin/app'
out_has 'the registers differ'
try 1 diff -q env env2
out <<'END'
different: 1 file, 1 cause; the registers differ

input.config: what is started, or its environment, is another (1 file)
  config
    Env
      - A=1
      + A=2
  mend: compare ENV, CMD, ENTRYPOINT and USER of the two Dockerfiles, and the two enclave.toml
END
