#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: seeds_attest.py

Writes the first corpora of att_doc, att_chain and policy: documents and chains of the test CA.
"""
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, here + "/../attest")
from forge import *  # noqa: E402


def write(target, name, data):
    folder = f"{here}/corpus/{target}"
    os.makedirs(folder, exist_ok=True)
    assert len(data) <= 4096, (target, name, len(data))
    with open(f"{folder}/{name}", "wb") as f:
        f.write(data)


def lengths(ders):
    return b"".join(len(d).to_bytes(2, "big") + d for d in ders)


short = chain(["root"])
doc = Doc(short)
write("att_doc", "good", doc.bytes())
doc.tag = doc.indefinite = True
doc.fields.update(public_key=bstr(b"key"), user_data=bstr(b""), nonce=bstr(bytes(32)))
write("att_doc", "tagged-indefinite", doc.bytes())
write("att_doc", "qemu", qemu().bytes())
tiny = Doc(short)
tiny.order, tiny.pcrs = tiny.order[:6], {0: b"\1" * 48}
tiny.fields.update(certificate=bstr(b"c"), cabundle=array([bstr(b"r")]))
write("att_doc", "tiny", tiny.bytes())
write("att_doc", "empty-payload", array([bstr(ES384), cmap([]), bstr(cmap([])), bstr(b"\1" * 96)]))

write("att_chain", "one", lengths([c.der() for c in short.values()]))
write("att_chain", "four", lengths([c.der() for c in chain().values()]))
for name, exts in (("path", [constraints(True, 0), usage(CERT_SIGN)]), ("critical", CA_EXTS["region"] + [ext("1.2.3.4", True, b"x")]),
                   ("none", [])):
    c = chain(["root", "region", "zone"])
    c["region"].exts = exts
    write("att_chain", name, lengths([x.der() for x in c.values()]))

# In this order: the first makes a beginning known that the second may not go on from.
below = chain(["root", "region", "zone"])
below["region"].exts = [constraints(True, 0), usage(CERT_SIGN)]
leaf = Cert("leaf", "region", key("leaf"), key("region"), LEAF_EXTS, T - 60, T + 3 * 3600)
write("att_chain", "short-1", lengths([below["root"].der(), below["region"].der(), leaf.der()]))
write("att_chain", "short-2", lengths([c.der() for c in below.values()]))

P = "ab" * 48
REL = f'[[release]]\nversion = "1.0"\npcr0 = "{P}"\npcr1 = "{P}"\npcr2 = "{P}"\n'
write("policy", "release", REL.encode())
write("policy", "parts", (REL + f'pcr8 = "{P}"\nnote = "n"\nnot_before = "2026-01-01"\nnot_after = "2026-12-31T23:59:59Z"\n'
                          f'[[release.part]]\ntype = "kernel"\nsize = 5\nsha384 = "{P}"\n').encode())
write("policy", "all", (f'minimum_release = "1"\nmax_age = 5\nnonce = true\nmin_rebuilders = 0\nrole = "arn:a"\ninstance = "i-0"\n{REL}'
                        f'[[pcr]]\nindex = 16\nvalue = "{P}"\n[[signer]]\npcr8 = "{P}"\n[[signer]]\ncertificate = "c.pem"\n').encode())
