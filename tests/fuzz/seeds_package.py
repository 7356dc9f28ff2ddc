#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: seeds_package.py

Writes the first files of corpus/ex_package: for each way through dpkg's databases one.
"""
import os

HERE = os.path.dirname(os.path.abspath(__file__))
ONE, TWO = '1' * 32, '2' * 32


def stanza(name='a', version='1.0', arch='b'):
    return f'Package: {name}\nStatus: install ok installed\nArchitecture: {arch}\nVersion: {version}\n\n'


OLD = (stanza(), '/.\n/usr\n/usr/x\n/usr/y\n', f'{ONE}  usr/x\n')
NEW = (stanza(version='1.1'), '/.\n/usr\n/usr/x\n/usr/z\n', f'{TWO}  usr/x\n')
SEEDS = {
    'another-version': OLD + NEW,
    'same-version': OLD + (OLD[0], *NEW[1:]),
    'same-sum': OLD + (*NEW[:2], OLD[2]),
    'only-first': OLD + ('\n', *NEW[1:]),
    'only-second': ('\n', *OLD[1:]) + NEW,
    'removed-by-hand': (OLD[0], NEW[1] + OLD[1], OLD[2]) + (NEW[0], NEW[1] + OLD[1], NEW[2]),
    'merged-usr': (OLD[0], OLD[1].replace('/usr/', '/'), f'{ONE}  x\n') + (NEW[0], NEW[1].replace('/usr/', '/'), f'{TWO}  x\n'),
    'two-packages': (stanza() + stanza('c'), *OLD[1:]) + (stanza(version='2') + stanza('c', '3'), *NEW[1:]),
    'twice': (stanza() * 2, *OLD[1:]) + (stanza(version='2') * 3, *NEW[1:]),
    'another-architecture': OLD + (stanza(arch='d'), *NEW[1:]),
    'no-name': OLD + ('Version: 1\n\n' + NEW[0], *NEW[1:]),
    'short-lines': (OLD[0], 'x\n/\n\n', f'{ONE}\n{ONE}  \n1\n') + (NEW[0], '/', f'{TWO}'),
    'empty': ('', '', '') * 2,
}


def main():
    to = os.path.join(HERE, 'corpus', 'ex_package')
    os.makedirs(to, exist_ok=True)
    for name, parts in SEEDS.items():
        with open(os.path.join(to, name), 'wb') as f:
            f.write(b'\xff'.join(p.encode() for p in parts))


if __name__ == '__main__':
    main()
