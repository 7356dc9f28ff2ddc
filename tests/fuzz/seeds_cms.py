#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzz_cms: a message of KMS (RustCrypto/formats, issue 779) and others like it."""
import base64
import os

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus', 'cms')
KMS = base64.b64decode(
    'MIAGCSqGSIb3DQEHA6CAMIACAQIxggFrMIIBZwIBAoAgcQ0zX+yOdGR8CYwov05XCbHVlfydT4HojTIC6+f7aZcwPAYJKoZIhvcN'
    'AQEHMC+gDzANBglghkgBZQMEAgEFAKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgEFAASCAQApz/6xMi9PgrgYx6rvL+IP5U3G'
    '3b914l3A6Z3dxV72IoZN7bi5ILgBHJND5x1WzLCKuiLcNboY3v776NaZcCcXpD/Gtn+0X7BECFTdDkO58xKEP+24A9F8YUp2Aa6W'
    'DPR6Sf3+KAmaSy9aIiwgqLjT/gQTjYBP9AfRUtpiCZCxLTbARkTt0sArPiRef9+ltIxXKptWfbT8pOacD8orrQVZ433UajAtGOOT'
    'iAVAt8PcCBNLpCEisamJoSyPhW5peAkuulELN9bCr+2cvl62+cUsZOoPElV8kIc9b2eCnf15MD38oyX+j99xwCfZB4bpSo9cAuTf'
    'tyD0kH3tva3ZIhEDMIAGCSqGSIb3DQEHATAdBglghkgBZQMEASoEEDc0PfFHDfYl7rb0v9LxrMOggAQQzHSt9l2XPItyzVHhuSfw'
    '8AAAAAAAAAAAAAA=')


def store(name, data):
    os.makedirs(TOP, exist_ok=True)
    with open(os.path.join(TOP, name), 'wb') as f:
        f.write(data)


def put(tag, *parts):
    body = b''.join(parts)
    n = len(body)
    return bytes([tag]) + (bytes([n]) if n < 128 else b'\x82' + n.to_bytes(2, 'big')) + body


kind, version, recipients, info, content = KMS[2:13], KMS[17:20], KMS[20:387], KMS[389:431], KMS[435:451]
definite = put(0x30, kind, put(0xa0, put(0x30, version, recipients, put(0x30, info, put(0x80, content)))))
assert len(recipients) == 367 and len(definite) < len(KMS)
store('kms', KMS)
store('definite', definite)
store('pieces', KMS[:433] + b''.join(put(4, content[i:i + 5]) for i in range(0, 16, 5)) + KMS[451:])
store('wide', b'\x30\x84\0\0\1' + bytes([len(definite) - 4 - 256]) + definite[4:])
store('cut', KMS[:-1])
store('twice', KMS[:20] + put(0x31, KMS[24:387] * 2) + KMS[387:])
store('uneven', KMS[:433] + b'\4\x0f' + content[:15] + KMS[451:])
