/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

#include <stdbool.h>

/*
 * The allow-list: one rule a text, "host:port", "*.suffix:port", "10.0.0.0/8:5432",
 * "[2001:db8::/32]:443", a port or "*" for any. Used where it is written (config), where it is
 * enforced (dataplane, inside) and where it is applied once more (launch, outside). Pure; a rule
 * borrows its name from the text. UDP as well as TCP may go where a rule allows.
 *
 * Names are compared without case, with one dot at the end ignored, letters digits - _ only
 * (an internationalised name is written in its xn-- form). "*.suffix" is one label or more before
 * ".suffix", never the suffix alone. A name that is an address is matched as an address. Addresses
 * match CIDR rules only, names match name rules only: what a name resolves to outside is the
 * host's word and decides nothing.
 */
#define EGRESS_MAX_RULES 256u
#define EGRESS_MAX_NAME 253u

enum egress_kind { EGRESS_HOST, EGRESS_SUFFIX, EGRESS_CIDR4, EGRESS_CIDR6 };

struct egress_rule {
	enum egress_kind kind;
	uint16_t port;       /* 0 = any */
	struct ss_span name; /* HOST: whole; SUFFIX: with its first dot; without one at the end */
	uint8_t addr[16];    /* CIDR4: the first 4 */
	uint8_t bits;
};

SS_MUST_CHECK SS_NONNULL int egress_rule_read(struct ss_span text, struct egress_rule *ret,
					      struct ss_err *err);
SS_NONNULL bool egress_allows_name(const struct egress_rule *r, struct ss_span name, uint16_t port);
/* Is the name on the list at all, whatever the port? For the resolver. */
SS_NONNULL bool egress_knows_name(const struct egress_rule *r, struct ss_span name);
/* n_addr 4 or 16; an IPv4-mapped IPv6 address counts as IPv4. */
SS_NONNULL bool egress_allows_addr(const struct egress_rule *r, const uint8_t *addr, size_t n_addr,
				   uint16_t port);
/* A host name as above, 1 … 253 bytes, labels 1 … 63; no address. */
SS_MUST_CHECK bool egress_is_name(struct ss_span name);
