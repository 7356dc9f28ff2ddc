# SPDX-License-Identifier: Apache-2.0
"""libselfsame-verify through its C interface, told what the options of `selfsame verify` say."""
import ctypes
import datetime
import json
import tomllib
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint, c_uint64, c_void_p

# name: what it returns, what it takes
FUNCTIONS = {
    "question_new": (c_void_p,), "question_free": (None, c_void_p), "question_error": (c_char_p, c_void_p),
    "expect_policy": (c_int, c_void_p, c_char_p, c_size_t, c_char_p),
    "expect_pcr": (c_int, c_void_p, c_uint, c_char_p, c_size_t),
    "expect_role": (c_int, c_void_p, c_char_p), "expect_instance": (c_int, c_void_p, c_char_p),
    "expect_signer_pem": (c_int, c_void_p, c_char_p, c_size_t),
    "expect_nonce": (c_int, c_void_p, c_char_p, c_size_t), "expect_user_data": (c_int, c_void_p, c_char_p, c_size_t),
    "expect_public_key": (c_int, c_void_p, c_char_p, c_size_t),
    "at_time": (c_int, c_void_p, c_int64), "at_document": (c_int, c_void_p),
    "expect_max_age": (c_int, c_void_p, c_uint64), "allow_leeway": (c_int, c_void_p, c_uint),
    "allow_debug": (c_int, c_void_p), "allow_emulated": (c_int, c_void_p),
    "trust_root_pem": (c_int, c_void_p, c_char_p, c_size_t),
    "verify": (None, c_void_p, c_char_p, c_size_t, POINTER(c_void_p)), "verdict_free": (None, c_void_p),
    "verdict_yes": (c_void_p, c_void_p), "verdict_code": (c_char_p, c_void_p), "verdict_message": (c_char_p, c_void_p),
    "verdict_text": (c_char_p, c_void_p), "verdict_json": (c_char_p, c_void_p),
    "reason_meaning": (c_char_p, c_char_p),
}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def value(text):
    return read(text[1:]) if text.startswith("@") else bytes.fromhex(text)


def policy_json(path):
    """The keys are the same; a certificate is text in the place of a path."""
    p = tomllib.loads(read(path).decode())
    for s in p.get("signer", []):
        if "certificate" in s:
            s["pem"] = read(s.pop("certificate")).decode()
    return json.dumps(p).encode()


class Library:
    def __init__(self, path):
        lib = ctypes.CDLL(path)
        for name, (returns, *takes) in FUNCTIONS.items():
            f = getattr(lib, f"ssv_{name}")
            f.restype, f.argtypes = returns, takes
            setattr(self, name, f)

    def set(self, q, option, text):
        if option == "--pcr":
            n, digits = text.split("=")
            return self.expect_pcr(q, int(n), bytes.fromhex(digits), len(digits) // 2)
        if option == "--policy":
            data = policy_json(text)
            return self.expect_policy(q, data, len(data), text.encode())
        if option in ("--signer", "--root"):
            data = read(text)
            return (self.expect_signer_pem if option == "--signer" else self.trust_root_pem)(q, data, len(data))
        if option in ("--nonce", "--user-data", "--public-key"):
            data = value(text)
            return getattr(self, "expect_" + option[2:].replace("-", "_"))(q, data, len(data))
        if option in ("--role", "--instance"):
            return getattr(self, "expect_" + option[2:])(q, text.encode())
        if option == "--max-age":
            return self.expect_max_age(q, int(text))
        if option == "--leeway":
            return self.allow_leeway(q, int(text))
        assert option == "--at", option
        if text == "document":
            return self.at_document(q)
        if "-" in text:
            return self.at_time(q, int(datetime.datetime.fromisoformat(text + "+00:00").timestamp()))
        return self.at_time(q, int(text))

    def tell(self, q, options):
        """The first option that is refused, or None."""
        rest = list(options)
        while rest:
            option = rest.pop(0)
            if option in ("--allow-debug", "--allow-emulated"):
                rc = getattr(self, option[2:].replace("-", "_"))(q)
            else:
                rc = self.set(q, option, rest.pop(0))
            if rc != 0:
                return option
        return None

    def judge(self, reason, options, document):
        """None, or what is wrong with the answer."""
        q, v = self.question_new(), c_void_p()
        refused = self.tell(q, options)
        self.verify(q, document, len(document), byref(v))
        code, yes = self.verdict_code(v).decode(), self.verdict_yes(v) is not None
        o, text = json.loads(self.verdict_json(v)), self.verdict_text(v).decode()
        message = self.verdict_message(v).decode()
        self.verdict_free(v)
        self.question_free(q)
        if refused is not None:   # the library takes no empty values
            empty = options[options.index(refused) + 1] == ""
            return None if empty and code == "no-question" and not yes else f"{refused}: {message}"
        if yes != (reason is None) or code != (reason or "") or o["Reason"] != reason:
            return f"{'yes' if yes else 'no'}, {code} ({message}), not {reason}"
        if not yes and self.reason_meaning(code.encode()) is None:
            return f"{code} has no meaning"
        return None if text.startswith("yes" if yes else f"no: {code}: {message}") else f"first line: {text[:200]}"
