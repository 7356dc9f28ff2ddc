# SPDX-License-Identifier: Apache-2.0
"""What KMS encrypts to a recipient: messages of openssl(1) and by hand, unwrapped; and all else.

    usage: recipient.py RECIPIENT-KEY
"""
import os
import subprocess
import sys
import tempfile

KEY = os.path.abspath(sys.argv[1])
INPUT, LIMIT, VERIFY = 2, 3, 4   # of enum ss_code
CANNOT = (VERIFY, 'the message cannot be unwrapped with this key')


def openssl(*args, data=b''):
    return subprocess.run(['openssl', *args], input=data, capture_output=True, timeout=60, check=True).stdout


# --- the program -----------------------------------------------------------------------------


class Recipient:
    def __init__(self):
        self.p = subprocess.Popen([KEY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.spki = bytes.fromhex(self.p.stdout.readline())
        self.pem = os.path.join(os.getcwd(), f'{self.p.pid}.pem')
        openssl('pkey', '-pubin', '-inform', 'DER', '-out', self.pem, data=self.spki)

    def ask(self, message):
        self.p.stdin.write(message.hex() + '\n')
        self.p.stdin.flush()
        word, _, rest = self.p.stdout.readline().rstrip('\n').partition(' ')
        if word == 'yes':
            return bytes.fromhex(rest)
        assert word == 'no', (word, self.p.poll())
        code, _, text = rest.partition(' ')
        return int(code), text

    def close(self):
        self.p.stdin.close()
        assert self.p.wait(60) == 0
        self.p.stdout.close()

    def certificate(self):
        """For openssl cms, which knows keys by certificates alone; somebody else signs it."""
        name = self.pem + '.crt'
        if not os.path.exists(name):
            with open('x509.ext', 'w', encoding='ascii') as f:
                f.write('subjectKeyIdentifier=hash\n')
            openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca')
            openssl('req', '-new', '-key', 'ca.key', '-subj', '/CN=recipient', '-out', 'r.csr')
            openssl('x509', '-req', '-in', 'r.csr', '-force_pubkey', self.pem, '-CA', 'ca.pem', '-CAkey', 'ca.key',
                    '-set_serial', '1', '-extfile', 'x509.ext', '-out', name)
        return name

    def cms(self, plain, *more, cipher='-aes-256-cbc', padding=('rsa_padding_mode:oaep', 'rsa_oaep_md:sha256'), keyid=True):
        opts = [w for x in padding for w in ('-keyopt', x)]
        return openssl('cms', '-encrypt', '-binary', '-outform', 'DER', cipher, *more, '-recip', self.certificate(), *opts,
                       *(['-keyid'] if keyid else []), data=plain)


# --- messages by hand ------------------------------------------------------------------------


def length(n):
    if n < 128:
        return bytes([n])
    b = n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return bytes([0x80 + len(b)]) + b


class Form:
    """How elements are written: definite, of indefinite length, or with lengths of `wide` octets."""

    def __init__(self, indefinite=False, piece=None, wide=0):
        self.indefinite, self.piece, self.wide = indefinite, piece, wide

    def put(self, tag, *parts):
        body = b''.join(parts)
        if self.indefinite and tag & 0x20:
            return bytes([tag, 0x80]) + body + b'\0\0'
        if self.wide:
            return bytes([tag, 0x80 + self.wide]) + len(body).to_bytes(self.wide, 'big') + body
        return bytes([tag]) + length(len(body)) + body

    def octets(self, tag, body):
        if self.piece is None:
            return self.put(tag, body)
        return self.put(tag | 0x20, *(self.put(4, body[i:i + self.piece]) for i in range(0, len(body), self.piece)))


def oid(text):
    a, b, *rest = (int(x) for x in text.split('.'))
    out = [bytes([40 * a + b])]
    for v in rest:
        groups = [v & 0x7f]
        while v > 0x7f:
            v >>= 7
            groups.insert(0, 0x80 | v & 0x7f)
        out.append(bytes(groups))
    return b'\x06' + length(len(b''.join(out))) + b''.join(out)


DATA, ENVELOPED = '1.2.840.113549.1.7.1', '1.2.840.113549.1.7.3'
OAEP, PKCS1, MGF1 = '1.2.840.113549.1.1.7', '1.2.840.113549.1.1.1', '1.2.840.113549.1.1.8'
SHA1, SHA256, SHA384 = '1.3.14.3.2.26', '2.16.840.1.101.3.4.2.1', '2.16.840.1.101.3.4.2.2'
AES256, AES128, GCM = '2.16.840.1.101.3.4.1.42', '2.16.840.1.101.3.4.1.2', '2.16.840.1.101.3.4.1.46'
AES_KEY, IV = bytes(range(32)), bytes(range(100, 116))
NULL = b'\5\0'


def pad(plain):
    n = 16 - len(plain) % 16
    return plain + bytes([n]) * n


def encrypt(padded, key=AES_KEY):
    return openssl('enc', '-aes-256-cbc', '-nopad', '-K', key.hex(), '-iv', IV.hex(), data=padded)


def oaep(r, key=AES_KEY, md='sha256', mgf='sha256', label=None):
    more = ['-pkeyopt', f'rsa_oaep_label:{label.hex()}'] if label else []
    return openssl('pkeyutl', '-encrypt', '-pubin', '-inkey', r.pem, '-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt',
                   f'rsa_oaep_md:{md}', '-pkeyopt', f'rsa_mgf1_md:{mgf}', *more, data=key)


def message(r, plain=b'plain', f=None, **but):
    """As KMS makes it, in the form `f`, except for what `but` names."""
    f = f or Form()
    v = {'kind': ENVELOPED, 'version': b'\2\1\2', 'originator': b'', 'ri_tag': 0x30, 'ri_version': b'\2\1\2', 'id': bytes(32),
         'kea': OAEP, 'hash': SHA256, 'hash_null': NULL, 'mgf': MGF1, 'mgf_hash': SHA256, 'mgf_null': NULL, 'label': b'',
         'data': DATA, 'cea': AES256, 'iv': IV, 'attributes': b'', 'copies': 1, 'tail': b'', 'key': None, 'content': None, **but}
    v['key'] = oaep(r) if v['key'] is None else v['key']
    v['content'] = encrypt(pad(plain)) if v['content'] is None else v['content']
    params = v.get('params')
    if params is None:
        params = f.put(0x30, f.put(0xa0, f.put(0x30, oid(v['hash']), v['hash_null'])) if v['hash'] else b'',
                       f.put(0xa1, f.put(0x30, oid(v['mgf']), f.put(0x30, oid(v['mgf_hash']), v['mgf_null']))) if v['mgf'] else b'',
                       v['label'])
    rid = v.get('rid', f.put(0x80, v['id']))
    recipient = f.put(v['ri_tag'], v['ri_version'], rid, f.put(0x30, oid(v['kea']), params), f.octets(4, v['key']))
    content = f.octets(0x80, v['content']) if v['content'] != b'none' else b''
    info = f.put(0x30, oid(v['data']), f.put(0x30, oid(v['cea']), f.put(4, v['iv'])), content)
    body = f.put(0x30, v['version'], v['originator'], f.put(0x31, recipient * v['copies']), info, v['attributes'])
    return f.put(0x30, oid(v['kind']), f.put(0xa0, body)) + v['tail']


# --- sentences -------------------------------------------------------------------------------


def messages_of_openssl_are_unwrapped():
    for plain in (b'', b'k' * 15, b'k' * 16, bytes(range(256)) * 17, b'x' * 12000):
        for more in ((), ('-stream',)):
            m = R.cms(plain, *more)
            assert (m[1] == 0x80) == bool(more), 'the two forms of openssl are one'
            assert R.ask(m) == plain, (len(plain), more)


def messages_by_hand_are_unwrapped_in_every_form():
    plain = bytes(range(200))
    for f in (Form(), Form(indefinite=True), Form(piece=7), Form(indefinite=True, piece=100), Form(wide=3), Form(wide=4, piece=16),
              Form(indefinite=True, piece=1)):
        assert R.ask(message(R, plain, f)) == plain
    assert R.ask(message(R, plain, hash_null=b'', mgf_null=b'')) == plain
    assert R.ask(message(R, plain, id=b'')) == plain


def a_key_of_somebody_else_unwraps_nothing():
    other = Recipient()
    m = message(other)
    assert R.ask(m) == CANNOT and other.ask(m) == b'plain'
    other.close()


def every_fault_behind_the_form_has_one_answer():
    good = encrypt(pad(b'plain'))
    for name, m in {
            'key of 31 bytes': message(R, key=oaep(R, AES_KEY[:31])), 'of 33': message(R, key=oaep(R, AES_KEY + b'x')),
            'empty': message(R, key=oaep(R, b'')), 'other key': message(R, key=oaep(R, bytes(32))),
            'SHA-1': message(R, key=oaep(R, md='sha1', mgf='sha1')), 'MGF1 of SHA-1': message(R, key=oaep(R, mgf='sha1')),
            'label': message(R, key=oaep(R, label=b'x')), 'PKCS #1 v1.5': message(R, key=openssl(
                'pkeyutl', '-encrypt', '-pubin', '-inkey', R.pem, data=AES_KEY)),
            'one byte': message(R, key=b'x'), 'none': message(R, key=b''), 'zeros': message(R, key=bytes(256)),
            'over the modulus': message(R, key=b'\xff' * 256), 'of 4096 bits': message(R, key=b'x' * 512),
            'padding of 0': message(R, content=encrypt(b'x' * 15 + b'\0')), 'of 17': message(R, content=encrypt(b'\x11' * 32)),
            'of 255': message(R, content=encrypt(b'\xff' * 256)), 'uneven': message(R, content=encrypt(b'x' * 13 + b'\3\2\3')),
            'first of sixteen': message(R, content=encrypt(b'x' + b'\x10' * 15)), 'cut':
            message(R, content=encrypt(pad(b'p' * 40))[:32]), 'changed': message(R, content=good[:-1] + bytes([good[-1] ^ 1]))}.items():
        assert R.ask(m) == CANNOT, (name, R.ask(m))


def every_other_choice_of_cms_is_refused_by_name():
    issuer = b'\x30\x15' + b'\x30\x10\x31\x0e\x30\x0c\x06\x03\x55\x04\x03\x0c\x05ca ca' + b'\2\1\1'
    for why, at_least in {
            'the message is not enveloped data': {'kind': '1.2.840.113549.1.9.16.1.23'},
            'the version is not 2': {'version': b'\2\1\0'}, 'there is an originator': {'originator': b'\xa0\0'},
            'the recipient is not one of key transport': {'ri_tag': 0xa1}, "the recipient's version is not 2": {'ri_version': b'\2\1\0'},
            'the recipient is named by a certificate': {'rid': issuer}, "the recipient's identifier is over 64 bytes": {'id': bytes(65)},
            'there is more than one recipient': {'copies': 2}, 'the key is not encrypted with RSAES-OAEP': {'kea': PKCS1, 'params': NULL},
            'the hash of OAEP is not SHA-256': {'hash': None}, 'the mask of OAEP is not MGF1 with SHA-256': {'mgf': None},
            'OAEP has a label': {'label': b'\xa2\x0f\x30\x0d' + oid('1.2.840.113549.1.1.9') + b'\4\0'},
            'the encrypted key is over 512 bytes': {'key': bytes(513)}, 'the content is not data': {'data': ENVELOPED},
            'the content is not encrypted with AES-256-CBC': {'cea': AES128}, 'the initial vector is not of 16 bytes': {'iv': IV[:12]},
            'the content is not in the message': {'content': b'none'}, 'the content is not of whole blocks': {'content': b'x' * 17},
            'there are attributes': {'attributes': b'\xa1\0'}}.items():
        for f in (Form(), Form(indefinite=True, piece=9)):
            code, text = R.ask(message(R, f=f, **at_least))
            assert code == INPUT and text.startswith(f'CMS: {why}, at byte '), (why, text)
    for more in ({'hash': SHA1}, {'hash': SHA384}):
        assert R.ask(message(R, **more))[1].startswith('CMS: the hash of OAEP is not SHA-256'), more
    for more in ({'mgf': SHA256}, {'mgf_hash': SHA1}, {'mgf_hash': SHA384}):
        assert R.ask(message(R, **more))[1].startswith('CMS: the mask of OAEP is not MGF1 with SHA-256'), more
    assert R.ask(message(R, content=b''))[1].startswith('CMS: the content is not of whole blocks')
    assert R.ask(message(R, cea=GCM))[1].startswith('CMS: the content is not encrypted with AES-256-CBC')
    assert R.ask(message(R, tail=b'\0\0')) == (INPUT, 'CMS: 2 bytes follow its end')
    assert R.ask(bytes(16385)) == (LIMIT, 'CMS: the message is over 16384 bytes')


def other_choices_of_openssl_are_refused_too():
    for why, more in (('the recipient', {'keyid': False}), ('the version', {'keyid': False}),
                      ('the key is not encrypted with RSAES-OAEP', {'padding': ()}),
                      ('the hash of OAEP is not SHA-256', {'padding': ('rsa_padding_mode:oaep',)}),
                      ('the content is not encrypted with AES-256-CBC', {'cipher': '-aes-128-cbc'}),
                      ('the message is not enveloped data', {'cipher': '-aes-256-gcm'})):
        code, text = R.ask(R.cms(b'plain', **more))
        assert code == INPUT and text.startswith('CMS: '), text
        assert text.startswith(f'CMS: {why}') or why == 'the recipient', text


def a_message_cut_at_every_byte_is_refused():
    for m in (message(R), message(R, f=Form(indefinite=True, piece=64)), R.cms(b'plain', '-stream')):
        for n in range(len(m)):
            code, text = R.ask(m[:n])
            assert code == INPUT and text.startswith('CMS: an element ') and ', at byte ' in text, (n, text)


def a_bit_changed_is_never_the_same_message():
    """No byte but the recipient's identifier, which the key does not depend on, can be another."""
    f = Form(indefinite=True, piece=300)
    m = message(R, b'plain', f, id=b'')
    key_at = m.index(oaep_part(m))
    for i in range(len(m)):
        if key_at + 8 <= i < key_at + 240:
            continue  # each costs an RSA operation, and they are all alike
        for bit in (1, 0x80):
            answer = R.ask(m[:i] + bytes([m[i] ^ bit]) + m[i + 1:])
            assert answer != b'plain', i
            assert isinstance(answer, bytes) or answer[0] in (INPUT, VERIFY), (i, answer)


def oaep_part(m):
    at = m.index(b'\x04\x82\x01\0') + 4
    return m[at:at + 256]


TESTS = [messages_of_openssl_are_unwrapped, messages_by_hand_are_unwrapped_in_every_form, a_key_of_somebody_else_unwraps_nothing,
         every_fault_behind_the_form_has_one_answer, every_other_choice_of_cms_is_refused_by_name,
         other_choices_of_openssl_are_refused_too, a_message_cut_at_every_byte_is_refused, a_bit_changed_is_never_the_same_message]


if __name__ == '__main__':
    print(f'1..{len(TESTS)}')
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        R = Recipient()
        for i, test in enumerate(TESTS, 1):
            try:
                test()
                print(f'ok {i} - {test.__name__}', flush=True)
            except Exception as e:  # pylint: disable=broad-except
                failed += 1
                print(f'not ok {i} - {test.__name__}\n# {e!r}', flush=True)
        R.close()
        os.chdir('/')
    sys.exit(failed > 0)
