/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_verdict.h"
#include "base/date.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define SIGNER_PCR 8u

static const char *const pcr_names[ATT_PCRS] = {
	"pcr0",  "pcr1",  "pcr2",  "pcr3",  "pcr4",  "pcr5",  "pcr6",  "pcr7",
	"pcr8",  "pcr9",  "pcr10", "pcr11", "pcr12", "pcr13", "pcr14", "pcr15",
	"pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21", "pcr22", "pcr23",
	"pcr24", "pcr25", "pcr26", "pcr27", "pcr28", "pcr29", "pcr30", "pcr31",
};

static enum att_reason reason_of(unsigned index)
{
	switch (index) {
	case 0:
		return ATT_NO_PCR0;
	case 1:
		return ATT_NO_PCR1;
	case 2:
		return ATT_NO_PCR2;
	case 3:
		return ATT_NO_ROLE;
	case 4:
		return ATT_NO_INSTANCE;
	case SIGNER_PCR:
		return ATT_NO_SIGNER;
	default:
		return ATT_NO_PCR;
	}
}

/* The bit of a yes that a register's check is, or 0. */
static unsigned need_of(unsigned index)
{
	return index < 3 ? (unsigned)ATT_NEED_PCR0 << index : 0;
}

bool att_is_pcr(struct ss_span s, const uint8_t *want)
{
	return s.p != NULL && s.n == ATT_PCR_SIZE && memcmp(s.p, want, ATT_PCR_SIZE) == 0;
}

static char *hex_of(const uint8_t *p)
{
	return att_hex((struct ss_span){ p, ATT_PCR_SIZE });
}

/* --- one register ---------------------------------------------------------------------------- */

/* Debug mode, which the caller allowed, zeroes what an image has: nothing is left to compare. */
static bool is_hidden_by_debug(const struct att_verdict *v, unsigned index)
{
	return v->is_debug && (index < 3 || index == SIGNER_PCR) && v->doc.pcr[index].p != NULL &&
	       att_is_zero(v->doc.pcr[index]);
}

/* `any`: n values, one of which it must have. */
static void compare_register(struct att_verdict *v, unsigned index,
			     const uint8_t (*any)[ATT_PCR_SIZE], size_t n, const char *source)
{
	const struct ss_span got = v->doc.pcr[index];
	struct att_check *c;
	size_t i = 0;

	while (i < n && !att_is_pcr(got, any[i]))
		i++;
	if (i == n && is_hidden_by_debug(v, index)) {
		v->held |= (v->held & ATT_NEED_MODE) != 0 ? need_of(index) : 0;
		att_add_unchecked(v, att_text("PCR%u: zero in debug mode", index));
		return;
	}
	if (i < n)
		c = att_add_held(v, pcr_names[index], need_of(index));
	else if (got.p == NULL)
		c = att_add_no(v, pcr_names[index], ATT_NO_PCR_ABSENT, "the document has no PCR%u",
			       index);
	else
		c = att_add_no(v, pcr_names[index], reason_of(index),
			       "PCR%u is not the expected one", index);
	c->want = n == 1 || i < n ? hex_of(any[i < n ? i : 0]) : att_text("one of %zu values", n);
	c->got = got.p != NULL ? att_hex(got) : NULL;
	c->source = att_text("%s", source);
}

/* --- releases -------------------------------------------------------------------------------- */

/* Of the registers of an image, how many are the document's; 0 to 3, and PCR8 makes it 4. */
static unsigned likeness(const struct att_doc *d, const struct att_release *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < 3; i++)
		n += att_is_pcr(d->pcr[i], r->pcr[i]);
	return n + (r->has_pcr8 && att_is_pcr(d->pcr[SIGNER_PCR], r->pcr8));
}

static bool is_whole(const struct att_doc *d, const struct att_release *r)
{
	return likeness(d, r) == (r->has_pcr8 ? 4 : 3);
}

static enum att_reason acceptance(const struct att_releases *set, const struct att_release *r,
				  int64_t at)
{
	if (r->has_not_before && at < r->not_before)
		return ATT_NO_RELEASE_EARLY;
	if (r->has_not_after && at > r->not_after)
		return ATT_NO_RELEASE_EXPIRED;
	if (set->minimum != NULL &&
	    (r->name == NULL || att_version_compare(r->name, set->minimum) < 0))
		return ATT_NO_RELEASE_TOO_OLD;
	return ATT_NO_NONE;
}

/* The release that the document is of, one that is accepted first; else the one that is most like
 * it, the later one of two. */
static const struct att_release *choose(const struct att_verdict *v, const struct att_releases *set)
{
	const struct att_release *best = &set->v[0];
	int best_rank = -1;

	for (size_t i = 0; i < set->n; i++) {
		const struct att_release *r = &set->v[i];
		int rank = (int)likeness(&v->doc, r);

		if (is_whole(&v->doc, r))
			rank = acceptance(set, r, v->at) == ATT_NO_NONE ? 20 : 10;
		if (rank >= best_rank) {
			best = r;
			best_rank = rank;
		}
	}
	return best;
}

static const char *name_of(const struct att_release *r)
{
	return r->name != NULL ? r->name : "the expected image";
}

static void compare_acceptance(struct att_verdict *v, const struct att_releases *set,
			       const struct att_release *r)
{
	const enum att_reason reason = acceptance(set, r, v->at);
	char date[SS_DATE_SIZE];
	struct att_check *c;

	if (reason == ATT_NO_RELEASE_EARLY) {
		ss_date_text(r->not_before, date);
		c = att_add_no(v, "release", reason, "release %s is accepted from %s on",
			       name_of(r), date);
	} else if (reason == ATT_NO_RELEASE_EXPIRED) {
		ss_date_text(r->not_after, date);
		c = att_add_no(v, "release", reason, "release %s was accepted until %s", name_of(r),
			       date);
	} else if (reason == ATT_NO_RELEASE_TOO_OLD) {
		c = att_add_no(v, "release", reason, "release %s is older than the minimum, %s",
			       name_of(r), set->minimum);
	} else {
		c = att_add_held(v, "release", 0);
	}
	c->got = att_text("%s%s%s", name_of(r), r->note != NULL ? ": " : "",
			  r->note != NULL ? r->note : "");
	c->source = att_text("%s", set->source);
}

/* Whether PCR1 may be read as "our runtime, whatever the application does". */
static void note_kernel(struct att_verdict *v, const struct att_release *r)
{
	if (!r->kernel_known)
		att_add_unchecked(v, att_text("kernel: not known as one of ours, so PCR1 by itself "
					      "proves nothing of the runtime"));
	if (r->has_pcr8)
		return;
	att_add_unchecked(v, att_text("PCR8: the expected image is not signed"));
}

static void compare_set(struct att_verdict *v, const struct att_releases *set)
{
	const struct att_release *r = choose(v, set);
	const bool named = set->n > 1 || r->name != NULL;

	if (is_whole(&v->doc, r) && named) {
		compare_acceptance(v, set, r);
	} else if (named && !(v->is_debug && is_hidden_by_debug(v, 0))) {
		struct att_check *c =
			att_add_no(v, "release", ATT_NO_RELEASE_UNKNOWN,
				   "none of %zu releases has these registers; the nearest is %s",
				   set->n, name_of(r));
		c->source = att_text("%s", set->source);
	}
	for (unsigned i = 0; i < 3; i++)
		compare_register(v, i, &r->pcr[i], 1, set->source);
	if (r->has_pcr8)
		compare_register(v, SIGNER_PCR, &r->pcr8, 1, set->source);
	note_kernel(v, r);
}

/* --- values ---------------------------------------------------------------------------------- */

static void compare_value(struct att_verdict *v, const char *name, enum att_reason reason,
			  struct ss_span want, struct ss_span got, unsigned need)
{
	struct att_check *c;

	if (want.p == NULL) {
		att_add_unchecked(v,
				  att_text("%s: %s", name,
					   got.p != NULL ? "the document has one, none was expected"
							 : "none was expected"));
		return;
	}
	if (got.p != NULL && got.n == want.n && (want.n == 0 || memcmp(got.p, want.p, want.n) == 0))
		c = att_add_held(v, name, need);
	else if (got.p == NULL)
		c = att_add_no(v, name, reason, "the document has no %s", name);
	else
		c = att_add_no(v, name, reason, "%s is not the expected one", name);
	c->want = att_hex(want);
	c->got = got.p != NULL ? att_hex(got) : NULL;
}

static void compare_nonce(struct att_verdict *v, const struct att_expect *e)
{
	const struct att_endpoint *peer = e->endpoint;
	struct att_check *c;

	if (peer == NULL || !att_is_older(v, peer) || ss_same(e->nonce, v->doc.nonce)) {
		compare_value(v, "nonce", ATT_NO_NONCE, e->nonce, v->doc.nonce, ATT_NEED_NONCE);
		return;
	}
	c = att_add_no(v, "nonce", ATT_NO_REPLAYED,
		       "nonce is not the expected one, and the document was made %" PRIu64
		       " s before it was asked for: it answers an older question",
		       (peer->asked_ms - v->doc.timestamp_ms) / 1000);
	c->want = att_hex(e->nonce);
	c->got = att_hex(v->doc.nonce);
}

static void compare_values(struct att_verdict *v, const struct att_expect *e)
{
	if (e->nonce.p == NULL)
		att_add_unchecked(v, att_text("nonce: none was expected, so the document may be a "
					      "replay"));
	else
		compare_nonce(v, e);
	if (e->endpoint != NULL)
		return;
	compare_value(v, "user_data", ATT_NO_USER_DATA, e->user_data, v->doc.user_data, 0);
	compare_value(v, "public_key", ATT_NO_PUBLIC_KEY, e->public_key, v->doc.public_key, 0);
}

/* It names a role or an instance; zeros, which an instance without a role has, name nobody. */
static bool is_somebody(const struct att_register *r)
{
	if (r->index != 3 && r->index != 4)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (!att_is_zero((struct ss_span){ r->any[i], ATT_PCR_SIZE }))
			return true;
	return false;
}

static void note_operator(struct att_verdict *v, const struct att_expect *e)
{
	for (size_t i = 0; i < e->n_registers; i++)
		if (is_somebody(&e->registers[i]))
			return;
	att_add_unchecked(v, att_text("operator: neither role (PCR3) nor instance (PCR4) was "
				      "expected; anybody can run this image"));
}

static bool has_release(const struct att_expect *e)
{
	for (size_t i = 0; i < e->n_sets; i++)
		if (e->sets[i].n > 0)
			return true;
	return false;
}

/* Where nothing else is expected, these are an image without a name and without parts. */
static void tell_change_by_registers(struct att_verdict *v, const struct att_expect *e)
{
	struct att_release want = { 0 };
	unsigned have = 0;

	for (size_t i = 0; i < e->n_registers; i++) {
		const struct att_register *r = &e->registers[i];

		if (r->index >= 3 || r->n != 1)
			continue;
		/* Of two values for one register the one that is not the document's. */
		if ((have & 1u << r->index) == 0 || !att_is_pcr(v->doc.pcr[r->index], r->any[0]))
			memcpy(want.pcr[r->index], r->any[0], ATT_PCR_SIZE);
		have |= 1u << r->index;
	}
	if (have == 7)
		att_tell_change(v, e, &want);
}

void att_compare(struct att_verdict *v, const struct att_expect *e)
{
	for (size_t i = 0; i < e->n_sets; i++) {
		if (e->sets[i].n == 0)
			continue;
		compare_set(v, &e->sets[i]);
		att_tell_change(v, e, choose(v, &e->sets[i]));
	}
	if (!has_release(e))
		tell_change_by_registers(v, e);
	for (size_t i = 0; i < e->n_registers; i++)
		compare_register(v, e->registers[i].index, e->registers[i].any, e->registers[i].n,
				 e->registers[i].source);
	compare_values(v, e);
	if (e->endpoint != NULL)
		att_compare_endpoint(v, e);
	else
		note_operator(v, e);
}
