# SPDX-License-Identifier: Apache-2.0
"""`csr` and `certificate`: what the supervisor asks an enclave, and what becomes of each answer."""
import json
import os
import struct
import subprocess

import guest as G
import rig
from rig import E

ATTESTED = E.ingress(8443, tls=2)


def at(name):
    return os.path.join(os.environ['HOME'], name)


def content(path):
    with open(path, 'rb') as f:
        return f.read()


def questions(c, answer):
    """Answers what is asked until STOP."""
    while True:
        kind, body = c.frame()
        if kind == G.STOP:
            c.send(G.ended(0, 0))
            c.everything()
            return
        answer(c, kind, body)


def begin(g):
    g.beat()
    return g.control(G.state(G.STARTING), G.state(G.READY))


def well(g, _):
    """Keeps what it was asked; a chain is taken when it came whole."""
    chain = bytearray()

    def answer(c, kind, body):
        if kind == G.CSR_ASK:
            with open(at('asked'), 'wb') as f:
                f.write(body)
            c.send(G.frame(G.CSR, content(at('csr.der'))))
        elif kind == G.CHAIN:
            offset, total = struct.unpack_from('>II', body)
            assert offset == len(chain) and len(body) > 8
            chain.extend(body[8:])
            if len(chain) < total:
                c.send(G.frame(G.CHAIN_SAID, b'\5\0\0\0'))
                return
            with open(at('chain'), 'wb') as f:
                f.write(chain)
            chain.clear()
            c.send(G.frame(G.CHAIN_SAID, bytes(4)))
    questions(begin(g), answer)


def refuses(g, _):
    """Each time with the next reason."""
    reasons = [1, 2, 3, 4, 6]

    def answer(c, kind, _):
        if kind == G.CSR_ASK:
            c.send(G.frame(G.CSR))
        elif kind == G.CHAIN:
            c.send(G.frame(G.CHAIN_SAID, bytes([reasons.pop(0), 0, 0, 0])))
    questions(begin(g), answer)


def lies(g, _):
    """A request that is none; an answer to something else, after which the host calls again."""
    c = begin(g)
    while c.frame()[0] != G.CSR_ASK:
        pass
    c.send(G.frame(G.CSR, b'\x30\x82\x01\x00 no request'))
    while c.frame()[0] != G.CSR_ASK:
        pass
    c.send(G.frame(G.CHAIN_SAID, bytes(4)))
    c.everything()
    questions(begin(g), lambda *_: None)


def openssl(*args):
    subprocess.run(['openssl', *args], capture_output=True, check=True, timeout=rig.TIMEOUT)


def request(p):
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/', '-outform', 'DER', '-keyout',
            p.dir + '/key', '-out', p.dir + '/csr.der')
    openssl('req', '-x509', '-key', p.dir + '/key', '-subj', '/CN=' + 'x' * 60, '-days', '2', '-out', p.dir + '/one.pem')
    one = content(p.dir + '/one.pem')
    with open(p.dir + '/many.pem', 'wb') as f:
        f.write(one * 30)
    return one


def start(p, guest):
    r = p.start(guest, '--detach', '--name', 'it')
    r.wait(rig.TIMEOUT)
    assert r.returncode == 0, rig.text(r.err)


def refused(p, status, why, *args):
    r = p.ask(*args, check=False)
    assert (r.returncode, r.stderr.decode(), r.stdout) == (status, 'selfsame: error: %s\n' % why, b''), (args, r)


def a_request_is_printed_and_a_chain_goes_in_whole():
    with rig.Place(ingress=[ATTESTED]) as p:
        one = request(p)
        start(p, well)
        text = p.ask('csr', 'it', '--dns', 'a.example', '--dns', '*.b.example').stdout
        p.ask('csr', 'it', '--dns', 'a.example', '-o', p.dir + '/out.pem')
        assert content(p.dir + '/out.pem') == text and text.startswith(b'-----BEGIN CERTIFICATE REQUEST-----\n')
        openssl('req', '-in', p.dir + '/out.pem', '-verify', '-noout')
        assert content(p.dir + '/asked') == b'\1\x09a.example'
        assert p.ask('certificate', 'it', p.dir + '/one.pem').stdout == b'it: serves this chain of 1 certificate\n'
        openssl('x509', '-in', p.dir + '/one.pem', '-outform', 'DER', '-out', p.dir + '/one.der')
        der = content(p.dir + '/one.der')
        assert content(p.dir + '/chain') == der
        doc = json.loads(p.ask('certificate', '--json', 'it', p.dir + '/many.pem').stdout)
        assert doc == {'EnclaveName': 'it', 'Certificates': 30}, doc
        assert content(p.dir + '/chain') == der * 30 and len(der) * 30 > 8192
        assert one
        p.ask('stop', 'it')


def a_no_of_the_enclave_is_an_error_with_its_reason():
    with rig.Place(ingress=[ATTESTED]) as p:
        request(p)
        start(p, refuses)
        refused(p, 4, 'the enclave has no TLS key, or cannot make a request', 'csr', 'it', '--dns', 'a')
        for status, why in ((3, 'the enclave cannot read or serve this chain'), (3, 'its first certificate is for another key than the enclave has'),
                            (3, 'the chain has too many certificates'), (4, 'the enclave lost a part of the chain'),
                            (4, 'the enclave has no TLS key: without an NSM nothing is attested')):
            refused(p, status, why, 'certificate', 'it', p.dir + '/one.pem')
        p.ask('stop', 'it')


def an_enclave_that_lies_is_found_out_and_called_again():
    with rig.Place(ingress=[ATTESTED]) as p:
        start(p, lies)
        refused(p, 3, "the supervisor of 'it': what the enclave made is no certificate request", 'csr', 'it', '--dns', 'a')
        refused(p, 4, 'the enclave hung up', 'csr', 'it', '--dns', 'a')
        p.ask('stop', 'it')


def what_cannot_be_is_refused_before_the_enclave_is_asked():
    with rig.Place(ingress=[E.ingress(8080)]) as p:
        request(p)
        start(p, well)
        refused(p, 4, 'the image has no ingress with tls = "attested"', 'csr', 'it', '--dns', 'a')
        refused(p, 4, 'the image has no ingress with tls = "attested"', 'certificate', 'it', p.dir + '/one.pem')
        assert not os.path.exists(p.dir + '/asked')
        p.ask('stop', 'it')


if __name__ == '__main__':
    rig.main([
        a_request_is_printed_and_a_chain_goes_in_whole,
        a_no_of_the_enclave_is_an_error_with_its_reason,
        an_enclave_that_lies_is_found_out_and_called_again,
        what_cannot_be_is_refused_before_the_enclave_is_asked,
    ])
