/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_verify.h"

/*
 * The inside of a verdict, for the files of this folder only: att_verify.c and att_compare.c fill
 * it, with att_change.c; att_report.c prints it. Everybody else has att_verify.h.
 */

/* What a yes needs, each made and held. A bit more is a check more, never a yes more. */
enum att_need {
	ATT_NEED_SYNTAX = 1,
	ATT_NEED_CHAIN = 2,
	ATT_NEED_SIGNATURE = 4,
	ATT_NEED_TIME = 8,
	ATT_NEED_MODE = 16,
	ATT_NEED_PCR0 = 32,
	ATT_NEED_PCR1 = 64,
	ATT_NEED_PCR2 = 128,
	ATT_NEED_ALL = 255, /* of a file */
	ATT_NEED_NONCE = 256,
	ATT_NEED_KEY = 512,
	ATT_NEED_DOMAIN = 1024,
	ATT_NEED_NSM = 2048,
	ATT_NEED_OPERATOR = 4096,
	ATT_NEED_ENDPOINT = 8191, /* of an endpoint */
};

struct att_check {
	const char *name;       /* static: "chain", "pcr0" */
	enum att_reason reason; /* ATT_NO_NONE = held */
	char *message;          /* of a no */
	char *want;             /* NULL = not a comparison */
	char *got;              /* NULL = there is none */
	char *source;           /* of what was wanted; NULL = the rule itself */
};

struct att_verified {
	const struct att_doc *doc;
};

struct att_verdict {
	struct att_doc doc;
	bool has_doc; /* the syntax was good: doc is what the bytes claim */
	bool is_debug;
	bool is_emulated;
	bool is_endpoint;
	bool has_raw_nsm;         /* allowed: the application can ask the NSM itself */
	bool is_operator_unknown; /* allowed */
	char *identity;           /* of an endpoint: "PCR3 role", "none"; NULL = not looked at */
	struct att_root root;
	enum att_when when;
	int64_t at;
	uint64_t leeway_s; /* by how much two clocks may differ */
	unsigned held;     /* att_need */
	struct att_check *checks;
	size_t n_checks;
	char **unchecked; /* lines: "nonce: …" */
	size_t n_unchecked;
	char *changed;              /* which part of the image is another; NULL = not told */
	const struct att_check *no; /* the first that failed */
	bool is_yes;
	struct att_verified yes;
};

/* Text in the verdict's keeping: the caller gives it away. */
SS_PRINTF(1, 2) char *att_text(const char *fmt, ...);
SS_NONNULL char *att_hex(struct ss_span s);

/* `need` 0: not one of those above. The check is returned for its values; valid until the next. */
SS_NONNULL struct att_check *att_add_held(struct att_verdict *v, const char *name, unsigned need);
SS_NONNULL SS_PRINTF(4, 5) struct att_check *att_add_no(struct att_verdict *v, const char *name,
							enum att_reason reason, const char *fmt,
							...);
/* Takes over `line`. */
SS_NONNULL void att_add_unchecked(struct att_verdict *v, char *line);

/* Every register and value that is expected, against the document. */
SS_NONNULL void att_compare(struct att_verdict *v, const struct att_expect *e);
/* A register of the document with exactly this value. */
SS_NONNULL bool att_is_pcr(struct ss_span s, const uint8_t *want);
/* Where the first three registers are not those of `want`: which part of the image is another. */
SS_NONNULL void att_tell_change(struct att_verdict *v, const struct att_expect *e,
				const struct att_release *want);
/* It has a nonce, and was made before the peer was asked: by more than clocks may differ. */
SS_NONNULL bool att_is_older(const struct att_verdict *v, const struct att_endpoint *peer);
/* What binds the document to the connection, and who runs it. */
SS_NONNULL void att_compare_endpoint(struct att_verdict *v, const struct att_expect *e);

/* Each certificate of a document, root first, leaf last: {Certificate, Sha256} and, where it can be
 * read, {Subject, Issuer, NotBefore, NotAfter}. The caller's. */
SS_NONNULL json_t *att_certificates_json(const struct att_doc *d);
