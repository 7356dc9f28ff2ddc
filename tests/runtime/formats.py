# SPDX-License-Identifier: Apache-2.0
"""usage: formats.py SOURCE-ROOT

Every format in the sources that src/runtime/Makefile links is one that src/runtime/format.c knows
(in other words: no message of the enclave says "%?").
"""
import os
import re
import sys

root = sys.argv[1]
KNOWN = re.compile(r'%(?:%|c|\.\*s|\d*s|[#0]*\d*(?:l|ll|z)?[dux]|#?o)')
NO_FORMATS = (('runtime/format.c', '"%?"'), ('fmt/http_head.c', '''"!#$%&'*+-.^_`|~"'''))
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"')


def linked():
    with open(os.path.join(root, 'src/runtime/Makefile'), encoding='utf-8') as f:
        text = f.read()
    return sorted(set(re.findall(r'\b(?:base|fmt|nsm|runtime)/\w+\.c\b', text)))


def unknown(text):
    """Formats of a source text that are not known, PRIu64 and the like included."""
    bad = re.findall(r'\bPRI[diouxX]\w+', text)
    for literal in LITERAL.findall(re.sub(r'/\*.*?\*/', '', text, flags=re.S)):
        at = literal.find('%')
        while at >= 0:
            m = KNOWN.match(literal, at)
            if m is None:
                bad.append(literal)
                break
            at = literal.find('%', m.end())
    return bad


assert unknown('x("%5.2f")') and unknown('x("%p %s")') and unknown('PRIu64') and unknown('"%-5d"')
assert not unknown('x("%s %.*s %llu %#o %02x %zu%%")')
files = linked()
assert len(files) > 20, files
failed = 0
for name in files:
    with open(os.path.join(root, 'src', name), encoding='utf-8') as f:
        for literal in unknown(f.read()):
            if (name, literal) in NO_FORMATS:
                continue
            print('%s: %s' % (name, literal))
            failed = 1
print('%d files read' % len(files))
sys.exit(failed)
