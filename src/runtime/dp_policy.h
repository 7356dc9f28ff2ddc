/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/egress.h"
#include "fmt/measured.h"
#include "runtime/dp_packet.h"

/* The measured allow-list, as it is asked for every connection. Pure; borrows from the config. */
struct dp_policy {
	struct egress_rule rules[EGRESS_MAX_RULES];
	size_t n;
};

SS_MUST_CHECK SS_NONNULL int dp_policy_read(struct mc_list egress, struct dp_policy *ret,
					    struct ss_err *err);
SS_NONNULL bool dp_policy_allows_name(const struct dp_policy *p, struct ss_span name,
				      uint16_t port);
SS_NONNULL bool dp_policy_knows_name(const struct dp_policy *p, struct ss_span name);
SS_NONNULL bool dp_policy_allows_place(const struct dp_policy *p, const struct dp_place *to);
