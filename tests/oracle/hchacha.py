# SPDX-License-Identifier: Apache-2.0
# A second implementation of what src/hermetic/chacha.c makes keys with; prints the lines of
# tests/unit/test_chacha.c. First it proves itself with the vector of draft-irtf-cfrg-xchacha, 2.2.1.
import struct


def rounds(x):
    def q(a, b, c, d):
        for s, (i, j, k) in zip((16, 12, 8, 7), ((a, b, d), (c, d, b), (a, b, d), (c, d, b))):
            x[i] = (x[i] + x[j]) & 0xffffffff
            v = x[k] ^ x[i]
            x[k] = (v << s | v >> (32 - s)) & 0xffffffff
    for _ in range(10):
        for i in range(4):
            q(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            q(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)


def hchacha(key, n):
    x = list(struct.unpack('<16I', b'expand 32-byte k' + key + n))
    rounds(x)
    return struct.pack('<8I', *x[:4], *x[12:])


def mix(key, s):
    for at in range(0, len(s), 16):
        key = hchacha(key, s[at:at + 16].ljust(16, b'\0'))
    return hchacha(key, struct.pack('<Q', len(s)) + b'\xff' * 8)


KEY = bytes(range(32))
assert hchacha(KEY, bytes.fromhex('000000090000004a0000000031415927')).hex() == \
    '82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc'
for text in b'', b'sixteen bytes...', b'abc':
    print(mix(KEY, text).hex())
