/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_expect.h"
#include "base/buf.h"
#include "fmt/json.h"

/*
 * A policy in JSON: what config/policy.h reads from TOML, with the same keys and bounds and no
 * files. docs/formats/policy.md describes it. A policy owns its text; what it demands is handed
 * over as expectations, which borrow from it. It is never moved: some of it points into itself.
 */
#define SSV_RELEASES_MAX 1024u
#define SSV_SIGNERS_MAX 16u
#define SSV_MAX_AGE 31536000u /* a year */

struct ssv_policy {
	json_t *json; /* owns names and notes */
	char *source;
	char *role; /* the sources of two registers */
	char *instance;
	struct att_release *releases;
	struct att_part *parts; /* of all releases, one behind the other */
	size_t n_parts;
	struct att_releases set;
	struct att_register registers[ATT_PCRS + 3]; /* [[pcr]], role, instance, signers */
	size_t n_registers;
	uint8_t values[ATT_PCRS + 2 + SSV_SIGNERS_MAX][ATT_PCR_SIZE];
	size_t n_values;
	uint64_t max_age; /* seconds; 0 = not limited */
	bool nonce;       /* whoever verifies must give one */
};

/*
 * A policy from another format, its values not yet in it: `set` is the reader's to fill, with
 * releases that outlive the policy. Then its registers: the last n values, as the caller has put
 * them behind the others, are what register `index` may have.
 */
SS_NONNULL struct ssv_policy *ssv_policy_new(const char *source);
SS_NONNULL void ssv_policy_put_register(struct ssv_policy *p, unsigned index, size_t n,
					const char *source);

/* *ret is the caller's. `source` names the policy in verdicts. Messages name the value
 * ("'release[0].pcr1'"), not the source. */
SS_MUST_CHECK SS_NONNULL int ssv_policy_read(struct ss_span in, const char *source,
					     struct ssv_policy **ret, struct ss_err *err);
void ssv_policy_free(struct ssv_policy *p); /* accepts NULL */

static inline void ssv_policy_freep(struct ssv_policy **p)
{
	ssv_policy_free(*p);
}
#define AUTO_SSV_POLICY SS_CLEANUP(ssv_policy_freep)

/*
 * The policy with one release more, appended; `old` may be empty. Keys and values stay as they are,
 * in their order; white space is ours. Fails if `old` is no policy; whether the new one is, its
 * reader says.
 */
SS_MUST_CHECK SS_NONNULL int ssv_policy_add(struct ss_span old, const struct att_entry *e,
					    struct ss_buf *ret, struct ss_err *err);

/* The PCR8 of the first certificate in PEM text that holds nothing else: what has headers could be
 * encrypted, and libcrypto would ask the terminal for a password. */
SS_MUST_CHECK SS_NONNULL int ssv_pcr8_of_pem(struct ss_span pem, uint8_t ret[ATT_PCR_SIZE],
					     struct ss_err *err);
/* A text of one line that begins with `begin`: a role, an instance. Messages begin with `what`. */
SS_MUST_CHECK SS_NONNULL int ssv_check_text(const char *what, const char *text, const char *begin,
					    struct ss_err *err);
/* The caller's: a and b with `between`. */
SS_MUST_CHECK SS_NONNULL char *ssv_join(const char *a, const char *between, const char *b);
