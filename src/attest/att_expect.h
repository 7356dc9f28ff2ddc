/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_doc.h"
#include "crypto/hash.h"

/*
 * What a caller expects of a document. Everything that is given must hold; of a set of releases,
 * one must. All of it is borrowed by att_verify() while it runs. Who fills it: the command line
 * (cli/verify_expect.c) from files, a policy (config/policy.h), a program through the library.
 *
 * `source` says in words where an expectation comes from ("'hello.eif'", "--pcr"), for the verdict.
 */
#define ATT_PARTS_MAX 32u
#define ATT_PART_NAME 16u

/* One measured part of an image, as measurements.json lists them. */
struct att_part {
	char name[ATT_PART_NAME]; /* "kernel", "cmdline", "ramdisk0", … */
	uint64_t size;
	uint8_t sha384[CRYPTO_SHA384_SIZE];
};

/* Of one image. PCR0, PCR1 and PCR2 are always compared, PCR8 where there is one. */
struct att_release {
	const char *name; /* "1.4.2"; NULL = an image that nobody numbered */
	const char *note; /* shown; NULL = none */
	bool has_not_before;
	bool has_not_after;
	int64_t not_before; /* seconds since 1970, both included */
	int64_t not_after;
	uint8_t pcr[3][CRYPTO_SHA384_SIZE];
	bool has_pcr8;
	uint8_t pcr8[CRYPTO_SHA384_SIZE];
	const struct att_part *parts;
	size_t n_parts;    /* 0 = not known */
	bool kernel_known; /* one of ours, which keeps ramdisk 1 apart: PCR1 then says something */
};

/* A release as somebody adds it to a policy: texts as they will stand there. */
struct att_entry {
	const char *name;
	const char *note;       /* NULL = none */
	const char *not_before; /* "2026-11-21T00:00:00Z"; NULL = none */
	const char *not_after;
	const struct att_release *r;
};

/* Images of which the document must be one. */
struct att_releases {
	const char *source;
	const struct att_release *v;
	size_t n;
	const char *minimum; /* the least name that is accepted; NULL = any */
};

/* A register that must have one of the values in `any`. */
struct att_register {
	unsigned index;
	const uint8_t (*any)[ATT_PCR_SIZE];
	size_t n;
	const char *source; /* "--role arn:…" */
};

/*
 * The peer of the very connection that the document came over (docs/formats/endpoint.md). Needs a
 * nonce. That somebody signed the image (PCR8) says nothing of who runs it.
 */
struct att_endpoint {
	struct ss_span spki; /* DER of the key that signed the handshake */
	/* The certificate's chain and this name hold by the system's roots; NULL = they do not. */
	const char *webpki_name;
	/* The caller's clock when the nonce was drawn, in milliseconds since 1970; 0 = not told. A
	 * wrong nonce in a document of before that is an answer to an older question. */
	uint64_t asked_ms;
	bool own_roots;     /* they are not the system's but those that the environment named */
	bool allow_raw_nsm; /* said in the first line of the verdict */
	bool any_operator;  /* the same */
};

struct att_expect {
	const struct att_releases *sets;
	size_t n_sets;
	const struct att_release *known; /* never accepted: only to say which part changed */
	size_t n_known;
	const struct att_register *registers;
	size_t n_registers;
	struct ss_span nonce; /* p = NULL: not expected */
	struct ss_span user_data;
	struct ss_span public_key;
	const struct att_endpoint *endpoint; /* NULL: the document is a file */
	bool has_max_age;
	uint64_t max_age_s;
};

/*
 * Fails with SS_EUSAGE unless PCR0, PCR1 and PCR2 are all expected, by a set of releases or each as
 * a register: without them nothing tells what runs, and PCR0 alone leaves open where the parts of
 * the image begin. An endpoint without a nonce is the same mistake.
 */
SS_MUST_CHECK SS_NONNULL int att_expect_check(const struct att_expect *e, struct ss_err *err);

/* Up to 8 decimal numbers of up to 9 digits with dots between: "1.10". */
SS_NONNULL bool att_is_version(const char *text);
/* Of two versions, number by number; missing ones are 0. -1, 0, 1. */
SS_NONNULL int att_version_compare(const char *a, const char *b);

/*
 * The registers that are told in words: SHA-384 of 48 zero bytes and the text itself (PCR3: the ARN
 * of the role, PCR4: the id of the instance), or of 48 zero bytes and the SHA-384 of the DER of a
 * certificate (PCR8).
 */
SS_NONNULL void att_pcr_of_text(const char *text, uint8_t ret[ATT_PCR_SIZE]);
SS_NONNULL void att_pcr_of_certificate(struct ss_span der, uint8_t ret[ATT_PCR_SIZE]);
