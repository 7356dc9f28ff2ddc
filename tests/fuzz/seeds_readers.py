# SPDX-License-Identifier: Apache-2.0
"""Pairs for the readers of `diff` that have a group of their own in fuzz_explain: for each way through
a reader one. PAIRS is a list of (group, form in the order of fuzz_explain.c, name, first, second).
seeds_explain.py writes them.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'oracle'))
import enclave  # noqa: E402

PAIRS = []
MANY = 20  # more than are told of one text
KEY = b'-----BEGIN PRIVATE KEY-----'


def pair(group, form, name, a, b):
    PAIRS.append((group, form, name, a, b))


def many(line, n=MANY):
    return b''.join(line % (i, i) for i in range(n))


# --- INI: a section begins it (form 0); a section and a key (form 1)
for name, a, b in (
        ('value', b'[a]\nk=1\n', b'[a]\nk=2\n'),
        ('colon', b'[a]\nk: 1\n', b'[a]\nk: 2\n'),
        ('alone-first', b'[a]\nk=1\nl=2\n', b'[a]\nl=2\n'),
        ('alone-second', b'[a]\nl=2\n', b'[a]\nl=2\nm=3\n'),
        ('key-twice', b'[a]\nk=1\nk=2\n', b'[a]\nk=1\nk=3\n'),
        ('section-twice', b'[a]\nk=1\n[b]\n[a]\nk=2\n', b'[a]\nk=1\n[b]\n[a]\nk=3\n'),
        ('sections-moved', b'[a]\nk=1\n[b]\nk=2\n', b'[b]\nk=2\n[a]\nk=1\n'),
        ('goes-on', b'[a]\nk = 1,\n  2,\n\t3\n', b'[a]\nk = 1,\n  2,\n\t4\n'),
        ('goes-on-from-nothing', b'[a]\nk =\n  x\n', b'[a]\nk =\n  y\n'),
        ('indented-key', b'[a]\n  k = 1\n', b'[a]\n  k = 2\n'),
        ('indented-section', b'[a]\nk=1\n [b]\nl=1\n', b'[a]\nk=1\n [b]\nl=2\n'),
        ('behind-a-comment', b'[a]\n# c\n  k=1\n', b'[a]\n; d\n  k=1\n'),
        ('comments', b'[a]\n# 1\n# 2\n', b'[a]\n# 1\n# 3\n'),
        ('blanks-only', b'[a]\nk=1\n', b'[a]\n\nk = 1\r\n'),
        ('empty-value', b'[a]\nk=\n', b'[a]\nk=1\n'),
        ('empty-section', b'[]\nk=1\n', b'[]\nk=2\n'),
        ('time', b'[a]\nk=built 2024-01-02 03:04:05\n', b'[a]\nk=built 2025-01-02 03:04:05\n'),
        ('no-key', b'[a]\n= 1\n', b'[a]\n= 2\n'),
        ('a-word', b'[a]\nword\n', b'[a]\nother\n'),
        ('section-left-open', b'[a\nk=1\n', b'[a\nk=2\n'),
        ('sections-only', b'[a]\n', b'[b]\n'),
        ('no-text', b'[a]\nk=\0\n', b'[a]\nk=\1\n'),
        ('private-key', b'[a]\nk=' + KEY + b'\n', b'[a]\nk=2\n'),
        ('no-last-line', b'[a]\nk=1', b'[a]\nk=2'),
        ('many', b'[a]\n' + many(b'k%d=a%d\n'), b'[a]\n' + many(b'k%d=b%d\n')),
        ('many-alone', b'[a]\nz=1\n' + many(b'k%d=a%d\n'), b'[a]\nz=1\n')):
    pair('ini', 0, name, a, b)
pair('ini', 1, 'pip', b'[a]\nk=x\ny\n', b'[a]\nk=z\n\n')
pair('ini', 1, 'rest-of-it', b'[a]\nk=x\n  y\n', b'[a]\nk=x\n  z\n')

# --- JSON: an object (form 0), a list (form 1)
for name, a, b in (
        ('value', b'{"a":1}', b'{"a":2}'),
        ('kind', b'{"a":1}', b'{"a":"1"}'),
        ('kind-of-container', b'{"a":{"b":1}}', b'{"a":[1]}'),
        ('null', b'{"a":null}', b'{"a":false}'),
        ('real', b'{"a":1.5}', b'{"a":1.25e2}'),
        ('alone-first', b'{"a":1,"b":{"c":2}}', b'{"a":1}'),
        ('alone-second', b'{"a":1}', b'{"a":1,"0":[2]}'),
        ('keys-between', b'{"a":1,"c":1,"e":1}', b'{"b":1,"c":2,"d":1}'),
        ('keys-moved', b'{"a":1,"b":2}', b'{"b":2,"a":1}'),
        ('spaces', b'{"a":1}', b'{ "a": 1 }\n'),
        ('empty', b'{}', b'{"a":{}}'),
        ('empty-key', b'{"":{"":1}}', b'{"":{"":2}}'),
        ('escaped', b'{"a\\u0000b":1}', b'{"a/b~":"\\ud83d\\ude00"}'),
        ('time', b'{"t":"2024-01-02T03:04:05Z"}', b'{"t":"2025-01-02T03:04:05Z"}'),
        ('seconds', b'{"t":1700000000}', b'{"t":1700000099}'),
        ('private-key', b'{"k":"' + KEY + b'\\nx"}', b'{"k":"' + KEY + b'\\ny"}'),
        ('twice', b'{"a":1,"a":2}', b'{"a":1}'),
        ('broken-second', b'{"a":1}', b'{"a":1'),
        ('behind-it', b'{"a":1}', b'{"a":1}}'),
        ('deep', b'{"a":' * 40 + b'1' + b'}' * 40, b'{"a":' * 40 + b'2' + b'}' * 40),
        ('too-deep', b'{"a":' * 300 + b'1' + b'}' * 300, b'{"a":' * 300 + b'2' + b'}' * 300),
        ('many', b'{' + many(b'"k%d":"a%d",') + b'"z":1}', b'{' + many(b'"k%d":"b%d",') + b'"z":1}')):
    pair('json', 0, name, a, b)
for name, a, b in (
        ('element', b'[1,2]', b'[1,3]'),
        ('longer', b'[1]', b'[1,{"a":2}]'),
        ('shorter', b'[1,[2]]', b'[1]'),
        ('moved', b'["a","b","c"]', b'["c","a","b"]'),
        ('moved-and-twice', b'[1,1,2]', b'[2,1,1]'),
        ('not-quite-moved', b'[1,1,2]', b'[2,2,1]'),
        ('moved-inside', b'[{"a":[1,2]},0]', b'[{"a":[2,1]},0]'),
        ('one', b'[[1]]', b'[[2]]'),
        ('nothing', b'[]', b'[null]'),
        ('too-many-to-look', b'[' + b'1,' * 300 + b'2]', b'[2' + b',1' * 300 + b']')):
    pair('json', 1, 'list-' + name, a, b)

# --- tables by key: passwd 0, shadow 1, dpkg's status 2, apk's installed 3, group 4, gshadow 5, subuid 6
USER = b'a:x:1:1:A:/a:/bin/sh\n'
for name, a, b in (
        ('uid', USER, USER.replace(b'1:1', b'2:1')),
        ('gid', USER, USER.replace(b'1:1', b'1:2')),
        ('secret', USER, USER.replace(b'x', b'$6$salt$hash')),
        ('home', USER, USER.replace(b'/a', b'/tmp/tmp.a1b2c3')),
        ('fewer-fields', USER, b'a:x:1\n'),
        ('more-fields', USER, USER[:-1] + b':more:and:more:and:more\n'),
        ('alone-first', USER + b'b:x:2:2::/:\n', USER),
        ('alone-second', USER, b'0:x:2:2::/:\n' + USER),
        ('moved', USER + b'b:x:2:2::/:\n', b'b:x:2:2::/:\n' + USER),
        ('empty-lines', USER + b'\n\n', b'\n' + USER),
        ('one-begins-another', b'a:x\nab:x\n', b'a:x\nab:y\n'),
        ('twice', USER + USER, USER),
        ('no-name', b':x:1\n', USER),
        ('no-colon', b'a\n', b'b\n'),
        ('no-text', USER, USER + b'\0'),
        ('many', many(b'u%d:x:1%d:\n'), many(b'u%d:x:2%d:\n')),
        ('many-alone', many(b'u%d:x:1%d:\n'), USER)):
    pair('keyed', 0, 'passwd-' + name, a, b)
pair('keyed', 1, 'shadow-day', b'a:!:19000:0:9:7:::\n', b'a:!:20000:0:9:7:::\n')
pair('keyed', 1, 'shadow-hash', b'a:$6$x$y:1:0:9:7:::\n', b'a:$6$u$v:1:0:9:7:::\n')
pair('keyed', 1, 'shadow-flag', b'a:!:1:0:9:7:1:2:3\n', b'a:!:1:0:9:7:4:5:6\n')
for form, head, key, version, more in ((2, 'status', b'Package: ', b'Version: ', b'Status: '),
                                       (3, 'installed', b'P:', b'V:', b't:')):
    one = key + b'a\n' + version + b'1\n' + more + b'x\n\n'
    two = key + b'b\n' + version + b'1\n\n'
    for name, a, b in (
            ('version', one, one.replace(b'1', b'2')),
            ('no-version', one, one.replace(version + b'1\n', b'')),
            ('a-line', one, one.replace(b'x', b'y')),
            ('a-time', one.replace(b'x', b'1700000000'), one.replace(b'x', b'1700000099')),
            ('a-line-more', one, one[:-1] + more + b'z\n\n'),
            ('alone-first', one + two, one),
            ('alone-second', two, one + two),
            ('moved', one + two, two + one),
            ('twice', one + one, one + one.replace(b'1', b'2')),
            ('no-key', one + version + b'1\n\n', one),
            ('no-end', one, one[:-2]),
            ('many', many(key + b'%d\n' + version + b'1%d\n\n'), many(key + b'%d\n' + version + b'2%d\n\n'))):
        pair('keyed', form, f'{head}-{name}', a, b)
pair('keyed', 4, 'group-members', b'a:x:1:b,c\n', b'a:x:1:c,b\n')
pair('keyed', 4, 'group-gid', b'a:x:1:\nb:x:2:\n', b'a:x:2:\nb:x:1:\n')
pair('keyed', 5, 'gshadow-secret', b'a:!::b\n', b'a:$6$x$y:c:b\n')
pair('keyed', 6, 'subuid-first', b'a:100000:65536\n', b'a:165536:65536\n')
pair('keyed', 6, 'subuid-count', b'a:100000:65536\n', b'a:100000:1\n')


# --- compiled Python
def pyc(magic=3495, flags=0, mtime=1, size=2, code=b'\xe3code', mark=b'\r\n'):
    return struct.pack('<H', magic) + mark + struct.pack('<III', flags, mtime, size) + code


for name, a, b in (
        ('magic', pyc(), pyc(magic=3531, code=b'\xe3other')),
        ('flags', pyc(), pyc(flags=1)),
        ('time', pyc(), pyc(mtime=1700000000)),
        ('size', pyc(), pyc(size=3)),
        ('time-and-size', pyc(), pyc(mtime=5, size=3, code=b'\xe3edoc')),
        ('hash', pyc(flags=1, mtime=1), pyc(flags=1, mtime=9)),
        ('hash-unchecked', pyc(flags=3), pyc(flags=3, code=b'\xe3body')),
        ('moved', pyc(code=b'\xe3abcdef'), pyc(code=b'\xe3fedcba')),
        ('code', pyc(), pyc(code=b'\xe3doce2')),
        ('longer', pyc(), pyc(code=b'\xe3code, and more')),
        ('no-code', pyc(code=b''), pyc(mtime=2, code=b'')),
        ('unknown-flags', pyc(flags=4), pyc(flags=5)),
        ('old-mark', pyc(mark=b'\n\r'), pyc(mark=b'\n\r', mtime=2)),
        ('short', pyc()[:15], pyc()[:14]),
        ('short-second', pyc(), pyc()[:7])):
    pair('pyc', 0, name, a, b)


# --- the measured configuration: the same one with one value changed
def config(**over):
    return enclave.config([], ['/a', 'b'], **over)


for name, over in {
        'env': {'env': [b'A=1']}, 'env-more': {'env': [b'PATH=/usr/sbin:/usr/bin:/sbin:/bin', b'A=1']},
        'cwd': {'cwd': b'/b'}, 'uid': {'uid': 1}, 'gid': {'gid': 1}, 'groups': {'groups': [5]},
        'stop_signal': {'stop_signal': 2}, 'new_privileges': {'new_privileges': True}, 'nsm': {'nsm': True},
        'ingress': {'ingress': [enclave.ingress(443, 8080, tls=1)]}, 'egress': {'egress': [b'*.example.com:443']},
        'health': {'health': enclave.health(2, 80, 1000, 500, 3, b'/healthz')}, 'restart': {'restart': 1},
        'grace': {'grace': 1}, 'clock': {'clock': 1000}, 'logs': {'logs': True},
        'counts': {'entries': 7, 'bytes': 8, 'pages': 1}, 'other-schema': {'selfsame': 2}}.items():
    pair('config', 0, name, config(), config(**over))
pair('config', 0, 'argv', config(), enclave.config([], ['/a', 'c', 'd']))
pair('config', 0, 'health-path', config(health=enclave.health(2, 80, 1000, 500, 3, b'/a')),
     config(health=enclave.health(2, 80, 1000, 500, 3, b'/b')))
pair('config', 0, 'ingress-port', config(ingress=[enclave.ingress(443, 8080, tls=1)]),
     config(ingress=[enclave.ingress(443, 8081, tls=1)]))
pair('config', 0, 'cut', config(), config()[:-1])
pair('config', 0, 'behind-it', config(), config() + b'\0')


# --- ELF: 64 bits 0 and 2 (big end first), 32 bits 1 and 3
def elf(sections, wide=True, big=False, **over):
    """An object with these sections, (name, bytes, type, link, alignment), from number 1 on."""
    e = '>' if big else '<'
    form, head = (e + 'IIQQQQIIQQ', 64) if wide else (e + 'IIIIIIIIII', 52)
    names, body, rows = b'\0', b'', [bytes(struct.calcsize(form))]
    for name, data, kind, link, align in [(*s, *(1, 0, 1)[len(s) - 2:]) for s in [*sections, (b'.shstrtab', None, 3)]]:
        at = len(names)
        names += name + b'\0'
        data = names if data is None else data
        rows.append(struct.pack(form, at, kind, 0, 0, head + len(body), over.get('size', len(data)), link, 0, align, 0))
        body += data
    start = struct.pack(e + ('HHIQQQIHHHHHH' if wide else 'HHIIIIIHHHHHH'), 1, 62, 1, 0, 0,
                        over.get('table', head + len(body)), 0, head, 0, 0, over.get('entry', len(rows[0])),
                        over.get('rows', len(rows)), over.get('names', len(rows) - 1))
    return b'\177ELF' + bytes([2 if wide else 1, 2 if big else 1, 1]) + bytes(9) + start + body + b''.join(rows)


def note(owner, kind, desc, align=4, big=False):
    head = struct.pack('>III' if big else '<III', len(owner), len(desc), kind) + owner
    head += bytes(-len(head) % align) + desc
    return head + bytes(-len(head) % align)


def noted(desc, owner=b'GNU\0', kind=3, name=b'.note.gnu.build-id', align=4):
    return elf([(name, note(owner, kind, desc, align), 7, 0, align)])


def symbols(rows, wide=True, big=False, name=b'.symtab', kind=2, **over):
    """rows: (name, info, section, value, size)."""
    e, names, table = '>' if big else '<', b'\0', bytes(24 if wide else 16)
    for n, info, section, value, size in rows:
        at = len(names)
        names += n + b'\0'
        table += struct.pack(e + 'IBBHQQ', at, info, 0, section, value, size) if wide else \
            struct.pack(e + 'IIIBBH', at, value, size, info, 0, section)
    return elf([(name, table + over.get('more', b''), kind, over.get('link', 2)), (b'.strtab', names, 3)], wide, big)


F, G = (b'f', 18, 1, 0, 8), (b'g', 18, 1, 8, 8)
text = b'a text that stands in a section, as long as is looked at: '
for name, a, b in (
        ('text', elf([(b'.rodata', text + b'one')]), elf([(b'.rodata', text + b'two')])),
        ('date', elf([(b'.rodata', b'built Jan  2 2024')]), elf([(b'.rodata', b'built Feb  3 2025')])),
        ('bytes', elf([(b'.data', bytes(40))]), elf([(b'.data', bytes(20) + b'\1' + bytes(19))])),
        ('longer', elf([(b'.data', bytes(40))]), elf([(b'.data', bytes(44))])),
        ('shifted', elf([(b'.data', text * 3)]), elf([(b'.data', b'x' + text * 3)])),
        ('many-places', elf([(b'.data', bytes(700))]), elf([(b'.data', (b'\1' + bytes(69)) * 10)])),
        ('comment', elf([(b'.comment', b'cc 1')]), elf([(b'.comment', b'cc 2')])),
        ('comment-longer', elf([(b'.comment', b'cc 1')]), elf([(b'.comment', b'cc 1.1')])),
        ('debuglink', elf([(b'.gnu_debuglink', b'ab.debug')]), elf([(b'.gnu_debuglink', b'cd.debug')])),
        ('lto', elf([(b'.gnu.lto_f.1a2b', b'x')]), elf([(b'.gnu.lto_f.3c4d', b'x')])),
        ('alone-first', elf([(b'.a', b'1'), (b'.b', b'2')]), elf([(b'.a', b'1')])),
        ('alone-second', elf([(b'.a', b'1')]), elf([(b'.a', b'1'), (b'.a', b'2')])),
        ('many-sections', elf([(b'.%d' % i, b'a') for i in range(18)]), elf([(b'.%d' % i, b'b') for i in range(18)])),
        ('no-bits', elf([(b'.bss', b'ab', 8)]), elf([(b'.bss', b'cd', 8)])),
        ('names-only', elf([(b'.ab', b'1'), (b'.b', b'2')]), elf([(b'.b', b'2'), (b'.ab', b'1')])),
        ('other-width', elf([(b'.a', b'1')]), elf([(b'.a', b'2')], wide=False)),
        ('other-order', elf([(b'.a', b'1')]), elf([(b'.a', b'2')], big=True)),
        ('outside', elf([(b'.a', b'1')]), elf([(b'.a', b'1')], size=1 << 40)),
        ('table-outside', elf([(b'.a', b'1')]), elf([(b'.a', b'1')], table=1 << 40)),
        ('other-entries', elf([(b'.a', b'1')]), elf([(b'.a', b'1')], entry=40)),
        ('too-many', elf([(b'.a', b'1')]), elf([(b'.a', b'1')], rows=5000)),
        ('no-names', elf([(b'.a', b'1')]), elf([(b'.a', b'1')], names=9)),
        ('no-sections', elf([(b'.a', b'1')], rows=0), elf([(b'.a', b'2')], rows=0)),
        ('header-only', elf([])[:64], elf([])[:63]),
        ('build-id', noted(b'aaaa'), noted(b'bbbb')),
        ('build-id-shorter', noted(b'aaaaaaaa'), noted(b'bbbb')),
        ('build-id-broken', noted(b'aaaa')[:64 + 12] + b'?' + noted(b'aaaa')[64 + 13:], noted(b'bbbb')),
        ('abi', noted(b'aaaa', kind=1, name=b'.note.ABI-tag'), noted(b'bbbb', kind=1, name=b'.note.ABI-tag')),
        ('go', noted(b'aaaa', b'Go\0\0', 4, b'.note.go.buildid'), noted(b'bbbb', b'Go\0\0', 4, b'.note.go.buildid')),
        ('package', noted(b'{"version":"1"}', b'FDO\0', 0xcafe1a7e, b'.note.package'),
         noted(b'{"version":"2"}', b'FDO\0', 0xcafe1a7e, b'.note.package')),
        ('property', noted(bytes(12), kind=5, name=b'.note.gnu.property', align=8),
         noted(bytes(8) + b'\1\0\0\0', kind=5, name=b'.note.gnu.property', align=8)),
        ('note-owner', noted(b'aaaa', b'A\0', 9, b'.note.a'), noted(b'aaaa', b'B', 9, b'.note.a')),
        ('note-nobody', noted(b'aaaa', b'', 9, b'.note.a'), noted(b'\x80bbb', b'', 9, b'.note.a')),
        ('note-empty', noted(b'', b'A\0', 9, b'.note.a'), noted(b'x', b'A\0', 9, b'.note.a')),
        ('note-cut', noted(b'aaaa', name=b'.note.a'), elf([(b'.note.a', note(b'GNU\0', 3, b'bbbb')[:-1], 7)])),
        ('note-outside', noted(b'aaaa', name=b'.note.a'), elf([(b'.note.a', b'\377' * 12 + b'GNU\0', 7)])),
        ('notes-twice', elf([(b'.note.a', note(b'A\0', 1, b'x') * 2, 7)]),
         elf([(b'.note.a', note(b'A\0', 1, b'x') + note(b'A\0', 1, b'y'), 7)])),
        ('notes-too-many', elf([(b'.note.a', note(b'', 1, b'') * 65, 7)]), elf([(b'.note.a', note(b'', 2, b'') * 65, 7)])),
        ('notes-moved', elf([(b'.note.a', note(b'A\0', 1, b'x') + note(b'B\0', 1, b'y'), 7)]),
         elf([(b'.note.a', note(b'B\0', 1, b'y') + note(b'A\0', 1, b'x'), 7)])),
        ('note-or-not', elf([(b'.note.a', note(b'A\0', 1, b'x'), 7)]), elf([(b'.note.a', note(b'A\0', 1, b'y'), 1)]))):
    pair('elf', 0, name, a, b)
for wide in (True, False):
    for big in (False, True):
        form, end = (0 if wide else 1) + (2 if big else 0), ('64' if wide else '32') + ('-big' if big else '')
        for name, a, b in (
                ('size', [F, G], [(b'f', 18, 1, 0, 9), G]), ('moved', [F, G], [F, (b'g', 18, 1, 16, 8)]),
                ('alone-first', [F, G], [G]), ('alone-second', [F], [F, G]),
                ('source', [(b'/tmp/ccAbCdEf.c', 4, 0xfff1, 0, 0), F], [(b'/tmp/ccXyZ123.c', 4, 0xfff1, 0, 0), F])):
            pair('elf', form, f'symbols-{name}-{end}', symbols(a, wide, big), symbols(b, wide, big))
pair('elf', 0, 'symbols-same-names', symbols([F, F, G]), symbols([F, (b'f', 17, 2, 0, 8), G]))
pair('elf', 0, 'symbols-dynamic', symbols([F], name=b'.dynsym', kind=11), symbols([G], name=b'.dynsym', kind=11))
pair('elf', 0, 'symbols-kind', symbols([F]), symbols([G], kind=11))
pair('elf', 0, 'symbols-many', symbols([(b'a%d' % i, 18, 1, 0, 1) for i in range(12)]),
     symbols([(b'b%d' % i, 18, 1, 0, 1) for i in range(12)]))
pair('elf', 0, 'symbols-no-names', symbols([F], link=9), symbols([G], link=9))
pair('elf', 0, 'symbols-names-of-others', symbols([F], link=3), symbols([G], link=3))
pair('elf', 0, 'symbols-cut', symbols([F], more=b'\1'), symbols([G], more=b'\2'))
pair('elf', 0, 'symbols-none', elf([(b'.symtab', b'', 2, 2), (b'.strtab', b'', 3)]), symbols([F]))
