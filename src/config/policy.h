/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_expect.h"
#include "config/field.h"
#include "config/measurements.h"

/*
 * A policy: which releases of an enclave a relying party accepts, and what else must hold, in TOML.
 * docs/formats/policy.md describes it. What it demands is handed over as expectations, which borrow
 * from it.
 */
#define CFG_POLICY_MAX ((size_t)4 * 1024 * 1024) /* some thousand releases with their parts */
#define CFG_POLICY_RELEASES 1024u
#define CFG_POLICY_SIGNERS 16u
#define CFG_POLICY_MAX_AGE 31536000u /* a year */

struct cfg_policy_release {
	char *name;
	char *note;
	char *text;            /* scratch of the reader: the field as it is written */
	struct cfg_list parts; /* struct cfg_policy_part */
	struct att_part *made; /* the same, as att_verify() takes them */
	struct att_release r;  /* filled but for the pointers, which cfg_policy.releases has */
};

struct cfg_policy_part {
	char *name;
	char *text;
	struct att_part p;
};

struct cfg_policy_register {
	uint64_t index;
	char *text;
	uint8_t value[ATT_PCR_SIZE];
};

struct cfg_policy_signer {
	char *certificate; /* a path, seen from the policy's folder */
	char *text;
	bool has_pcr8; /* given in its place, or computed from it */
	uint8_t pcr8[ATT_PCR_SIZE];
};

struct cfg_policy {
	char *minimum;
	uint64_t max_age;        /* seconds; 0 = not limited */
	uint64_t min_rebuilders; /* reserved */
	bool nonce;              /* whoever verifies must give one */
	char *role;
	char *instance;
	struct cfg_list release_rows; /* struct cfg_policy_release */
	struct cfg_list registers;    /* struct cfg_policy_register */
	struct cfg_list signers;      /* struct cfg_policy_signer */
	struct att_release *releases; /* of release_rows */
};

extern const struct cfg_field cfg_policy_fields[];

/* Signers' certificates are not read yet. Messages begin "line N: ". */
SS_MUST_CHECK SS_NONNULL int cfg_policy_read(struct ss_span in, struct cfg_policy *ret,
					     struct ss_err *err);
/* The file and the certificates that it names. Fails on a minimum_release without a release, which
 * cfg_policy_read() takes: a policy may be written in that order. */
SS_MUST_CHECK SS_NONNULL int cfg_policy_load(const char *path, struct cfg_policy *ret,
					     struct ss_err *err);
SS_NONNULL void cfg_policy_done(struct cfg_policy *p); /* accepts a zeroed one */
#define AUTO_POLICY SS_CLEANUP(cfg_policy_done)

/* What of an image is expected; `parts` has room for ATT_PARTS_MAX, and *ret borrows it. Fails
 * where PCR0 cannot be computed. */
SS_MUST_CHECK SS_NONNULL int cfg_release_of(const struct eif_measurements *m,
					    struct att_part *parts, struct att_release *ret,
					    struct ss_err *err);

/* The text of one [[release]] entry, appended. */
SS_NONNULL void cfg_policy_put(const struct att_entry *e, struct ss_buf *b);
