/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/secret_link.h"
#include "keyplane/kp_limits.h"

/*
 * Secrets on their way to the application (docs/formats/endpoint.md, "Secrets"): who may send
 * which, what came, and the few values that are being received. A value goes to init when it is
 * whole, is wiped here, and that name is not taken again: keyplane lives as long as the enclave.
 *
 * Everything is in memory that is locked; nothing is allocated.
 */
struct kp_value {
	bool is_used;
	unsigned index;
	size_t n, want;
	/* As it goes to init. */
	struct secret_head head;
	uint8_t bytes[MC_MAX_SECRET];
};

struct kp_secrets {
	int fd; /* the pair to init; -1: there are no secrets */
	size_t n;
	struct mc_secret all[MC_MAX_SECRETS]; /* borrowed from the measured config */
	bool is_taken[MC_MAX_SECRETS];
	struct kp_value values[KP_SECRETS_AT_ONCE];
};

/* `list`: the measured one, whose bytes live as long. */
SS_MUST_CHECK SS_NONNULL int kp_secrets_init(struct kp_secrets *s, struct mc_list list, int fd,
					     struct ss_err *err);
/*
 * `sender`, the SHA-256 of an SPKI whose key the connection has proven, wants to send `n` bytes for
 * `name`. 200 with *ret to be filled, or the status to answer with: 403, 409, 413, 503.
 */
SS_MUST_CHECK SS_NONNULL unsigned kp_secret_begin(struct kp_secrets *s, struct ss_span sender,
						  struct ss_span name, size_t n,
						  struct kp_value **ret);
/* It is whole: 204, init has it; or 400, 409, 503. Either way it is wiped. */
SS_MUST_CHECK SS_NONNULL unsigned kp_secret_end(struct kp_secrets *s, struct kp_value *v);
/* It will not become whole. */
SS_NONNULL void kp_secret_drop(struct kp_value *v);
/* For the log: letters, digits and '_'. */
SS_NONNULL struct ss_span kp_secret_name(const struct kp_secrets *s, const struct kp_value *v);
