/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_policy.h"

int dp_policy_read(struct mc_list egress, struct dp_policy *ret, struct ss_err *err)
{
	struct ss_span text;

	for (ret->n = 0; mc_next_string(&egress, &text); ret->n++) {
		if (ret->n == EGRESS_MAX_RULES)
			return ss_fail(err, SS_ELIMIT, "more than %u egress rules",
				       EGRESS_MAX_RULES);
		if (egress_rule_read(text, &ret->rules[ret->n], err) < 0)
			return ss_ctx(err, "egress rule %zu", ret->n + 1);
	}
	return 0;
}

bool dp_policy_allows_name(const struct dp_policy *p, struct ss_span name, uint16_t port)
{
	for (size_t i = 0; i < p->n; i++)
		if (egress_allows_name(&p->rules[i], name, port))
			return true;
	return false;
}

bool dp_policy_knows_name(const struct dp_policy *p, struct ss_span name)
{
	for (size_t i = 0; i < p->n; i++)
		if (egress_knows_name(&p->rules[i], name))
			return true;
	return false;
}

bool dp_policy_allows_place(const struct dp_policy *p, const struct dp_place *to)
{
	for (size_t i = 0; i < p->n; i++)
		if (egress_allows_addr(&p->rules[i], to->addr.a, to->addr.n, to->port))
			return true;
	return false;
}
