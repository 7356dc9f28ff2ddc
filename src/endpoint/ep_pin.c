/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_pin.h"

#include <string.h>

int ep_pin_make(const struct att_verified *yes, const struct ep_conn *c, struct ep_pin *ret,
		struct ss_err *err)
{
	const struct ss_span proven = att_verified_doc(yes)->public_key, seen = ep_conn_spki(c);
	struct ep_pin p = { .n_spki = seen.n, .n_address = sizeof(p.address) };

	if (proven.n != seen.n || memcmp(proven.p, seen.p, seen.n) != 0)
		return ss_fail(err, SS_EVERIFY, "the document binds another key");
	memcpy(p.spki, seen.p, seen.n);
	if (ep_conn_address(c, &p.address, &p.n_address) < 0)
		return ss_fail(err, SS_EREMOTE, "the connection is gone");
	*ret = p;
	return 0;
}

bool ep_pin_is_same_key(const struct ep_pin *a, const struct ep_pin *b)
{
	return a->n_spki == b->n_spki && memcmp(a->spki, b->spki, a->n_spki) == 0;
}
