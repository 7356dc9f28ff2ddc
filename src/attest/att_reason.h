/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

/*
 * Why a verdict is no: one code for each rule, stable for ever, listed in selfsame-verify(1) in
 * this order and asserted by tests. A message says more; programs look at the code.
 *
 * The rows are the only place where a code is written: ATT_NO_SIGNER, "signer", what it means.
 */
#define ATT_REASONS(X)                                                                             \
	X(DOCUMENT_SIZE, "document-size", "the document is empty or over 32 KiB")                  \
	X(CBOR, "cbor", "the bytes are not the CBOR that is read here")                            \
	X(TRAILING_BYTES, "trailing-bytes", "bytes follow the end of the document")                \
	X(COSE, "cose", "not a COSE_Sign1: four elements of the right types")                      \
	X(ALGORITHM, "algorithm", "the protected header is not ES384 and nothing else")            \
	X(UNPROTECTED, "unprotected-header", "the unprotected header is not empty")                \
	X(PAYLOAD_SIZE, "payload-size", "the payload is not of 1 to 16384 bytes")                  \
	X(SIGNATURE_SIZE, "signature-size", "the signature is not of 96 bytes")                    \
	X(SIGNATURE_RANGE, "signature-range", "r or s is not between 1 and the order of P-384")    \
	X(FIELD_UNKNOWN, "field-unknown", "the payload has a key that the format has not")         \
	X(FIELD_TWICE, "field-twice", "the payload has a key twice")                               \
	X(FIELD_MISSING, "field-missing", "a mandatory key is missing")                            \
	X(FIELD_TYPE, "field-type", "a value has the wrong type")                                  \
	X(MODULE_ID, "module-id", "module_id is empty or over 256 bytes")                          \
	X(DIGEST, "digest", "digest is not SHA384")                                                \
	X(TIMESTAMP, "timestamp", "timestamp is 0 or past the year 9999")                          \
	X(PCR_COUNT, "pcr-count", "there are no PCRs, or over 32")                                 \
	X(PCR_INDEX, "pcr-index", "a PCR has a number over 31")                                    \
	X(PCR_TWICE, "pcr-twice", "a PCR comes twice")                                             \
	X(PCR_SIZE, "pcr-size", "a PCR is not of 32, 48 or 64 bytes")                              \
	X(CERTIFICATE_SIZE, "certificate-size", "certificate is not of 1 to 1024 bytes")           \
	X(CABUNDLE_COUNT, "cabundle-count", "cabundle is empty or over 8 certificates")            \
	X(CABUNDLE_SIZE, "cabundle-size", "one of cabundle is not of 1 to 1024 bytes")             \
	X(PUBLIC_KEY_SIZE, "public-key-size", "public_key is not of 1 to 1024 bytes")              \
	X(USER_DATA_SIZE, "user-data-size", "user_data is over 512 bytes")                         \
	X(NONCE_SIZE, "nonce-size", "nonce is over 512 bytes")                                     \
	X(EMULATED, "emulated", "unsigned: from QEMU's emulation, proves nothing")                 \
	X(ROOT_NOT_AWS, "root-not-aws", "the chain does not begin with AWS's root")                \
	X(ROOT_NOT_GIVEN, "root-not-given", "the chain does not begin with the root of --root")    \
	X(CERTIFICATE, "certificate", "a certificate cannot be read, or is not of version 3")      \
	X(CERTIFICATE_KEY, "certificate-key", "a certificate's key is not on P-384")               \
	X(CERTIFICATE_ALGORITHM, "certificate-algorithm",                                          \
	  "a certificate is not signed by ECDSA with SHA-384")                                     \
	X(EXTENSION_TWICE, "extension-twice", "a certificate has an extension twice")              \
	X(EXTENSION_CRITICAL, "extension-critical",                                                \
	  "a certificate has a critical extension that is not known")                              \
	X(CA_CONSTRAINTS, "ca-constraints",                                                        \
	  "an issuer's certificate has no critical basicConstraints with CA true")                 \
	X(CA_KEY_USAGE, "ca-key-usage", "an issuer's certificate may not sign certificates")       \
	X(PATH_LENGTH, "path-length", "the chain is longer than a pathLenConstraint allows")       \
	X(LEAF_CONSTRAINTS, "leaf-constraints", "the leaf is a CA, or has a pathLenConstraint")    \
	X(LEAF_KEY_USAGE, "leaf-key-usage",                                                        \
	  "the leaf's keyUsage lacks digitalSignature or has keyCertSign")                         \
	X(CHAIN_NAME, "chain-name", "a certificate's issuer is not the subject before it")         \
	X(CHAIN_SIGNATURE, "chain-signature", "a certificate is not signed by the one before it")  \
	X(CERTIFICATE_EARLY, "certificate-early", "a certificate is not yet valid at that time")   \
	X(CERTIFICATE_EXPIRED, "certificate-expired", "a certificate has expired at that time")    \
	X(SIGNATURE, "signature", "the signature is not by the leaf's key over these bytes")       \
	X(FUTURE, "future", "the document was made after the time of verification")                \
	X(TOO_OLD, "too-old", "the document is older than --max-age")                              \
	X(DEBUG_MODE, "debug-mode", "PCR0, PCR1 or PCR2 is zero: the enclave runs in debug mode")  \
	X(RELEASE_UNKNOWN, "release-unknown", "no accepted release has these registers")           \
	X(RELEASE_EARLY, "release-early", "the release is not yet accepted at that time")          \
	X(RELEASE_EXPIRED, "release-expired", "the release is no longer accepted at that time")    \
	X(RELEASE_TOO_OLD, "release-too-old", "the release is older than the policy's minimum")    \
	X(PCR0, "pcr0", "PCR0 (the whole image) is not the expected one")                          \
	X(PCR1, "pcr1", "PCR1 (kernel, command line, first ramdisk) is not the expected one")      \
	X(PCR2, "pcr2", "PCR2 (the application) is not the expected one")                          \
	X(ROLE, "role", "PCR3 is not that of the expected IAM role")                               \
	X(INSTANCE, "instance", "PCR4 is not that of the expected instance")                       \
	X(SIGNER, "signer", "PCR8 is not that of an expected signing certificate")                 \
	X(PCR, "pcr", "another PCR is not the expected one")                                       \
	X(PCR_ABSENT, "pcr-absent", "the document lacks a PCR that is expected")                   \
	X(NONCE, "nonce", "the nonce is not the expected one, or there is none")                   \
	X(REPLAYED, "replayed",                                                                    \
	  "the nonce is another, and the document was made before it was asked for")               \
	X(USER_DATA, "user-data", "user_data is not the expected one, or there is none")           \
	X(PUBLIC_KEY, "public-key", "public_key is not the expected one, or there is none")        \
	X(ENDPOINT_KEY, "endpoint-key", "public_key is not the key of the connection")             \
	X(IN_THE_MIDDLE, "in-the-middle",                                                          \
	  "the document answers this nonce for the key of another endpoint: it was passed on")     \
	X(ENDPOINT_DOMAIN, "endpoint-domain",                                                      \
	  "user_data does not say that the endpoint asked for the document, for this key")         \
	X(RAW_NSM, "raw-nsm", "PCR16 does not say that the application cannot ask the NSM itself") \
	X(OPERATOR, "operator", "nothing says who runs the enclave")

enum att_reason {
	ATT_NO_NONE, /* not a no */
#define ATT_ROW(name, code, meaning) ATT_NO_##name,
	ATT_REASONS(ATT_ROW)
#undef ATT_ROW
		ATT_NO_END,
};

/* "signer"; "" for ATT_NO_NONE. */
const char *att_reason_code(enum att_reason r);
/* The row's last column. */
const char *att_reason_meaning(enum att_reason r);

/* A no on its way up: the code, and the message in err.msg, whose code is SS_EVERIFY. */
struct att_no {
	enum att_reason reason;
	struct ss_err err;
};

/* `return att_refuse(no, ATT_NO_COSE, "…")`: -1. */
SS_NONNULL SS_PRINTF(3, 4) void att_no_set(struct att_no *no, enum att_reason reason,
					   const char *fmt, ...);
#define att_refuse(...) (att_no_set(__VA_ARGS__), -1)
