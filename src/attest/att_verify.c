/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_verify.h"

#include "attest/att_verdict.h"
#include "base/date.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define MS 1000u

static void add_no(struct att_verdict *v, const char *name, const struct att_no *no)
{
	(void)att_add_no(v, name, no->reason, "%s", no->err.msg);
}

static bool check_syntax(struct att_verdict *v, struct ss_span document,
			 const struct att_options *o)
{
	struct att_no no = { 0 };

	if (att_doc_read(document, &v->doc, &no) < 0) {
		add_no(v, "syntax", &no);
		return false;
	}
	v->has_doc = true;
	v->is_emulated = v->doc.is_emulated;
	(void)att_add_held(v, "syntax", ATT_NEED_SYNTAX);
	v->at = o->when == ATT_AT_DOCUMENT ? (int64_t)(v->doc.timestamp_ms / MS) : o->at;
	return true;
}

/* QEMU's documents have neither chain nor signature: allowed by name, or a no. */
static bool check_emulated(struct att_verdict *v, const struct att_options *o)
{
	if (!o->allow_emulated) {
		(void)att_add_no(v, "signature", ATT_NO_EMULATED,
				 "the document is QEMU's: nobody signed it, anybody can write it");
		return false;
	}
	v->held |= ATT_NEED_CHAIN | ATT_NEED_SIGNATURE;
	att_add_unchecked(v, att_text("chain, signature: an emulated document has none"));
	return true;
}

static bool check_authentic(struct att_verdict *v, const struct att_options *o)
{
	AUTO_P384 struct crypto_p384 *leaf = NULL;
	struct att_no no = { 0 };

	if (v->is_emulated)
		return check_emulated(v, o);
	if (att_chain_check(&v->doc, &o->root, v->at, o->cache, &leaf, &no) < 0) {
		add_no(v, "chain", &no);
		return false;
	}
	(void)att_add_held(v, "chain", ATT_NEED_CHAIN);
	if (att_signature_check(&v->doc, leaf, &no) < 0) {
		add_no(v, "signature", &no);
		return false;
	}
	(void)att_add_held(v, "signature", ATT_NEED_SIGNATURE);
	return true;
}

static char *date_text(int64_t unix_s)
{
	char *s = ss_calloc(SS_DATE_SIZE, 1);

	ss_date_text(unix_s, s);
	return s;
}

/* The document's own clock against the time of verification. */
static void check_time(struct att_verdict *v, const struct att_expect *e,
		       const struct att_options *o)
{
	const uint64_t made = v->doc.timestamp_ms / MS;
	const uint64_t at = v->at > 0 ? (uint64_t)v->at : 0;
	struct att_check *c;

	if (o->when == ATT_AT_DOCUMENT) {
		v->held |= ATT_NEED_TIME;
		att_add_unchecked(v, att_text("age: verified at the document's own time"));
		return;
	}
	if (made > at && made - at > o->leeway_s) {
		c = att_add_no(v, "time", ATT_NO_FUTURE,
			       "the document was made after the time of verification");
	} else if (e->has_max_age && at > made && at - made > e->max_age_s) {
		c = att_add_no(v, "time", ATT_NO_TOO_OLD,
			       "the document is %" PRIu64 " s old; the limit is %" PRIu64 " s",
			       at - made, e->max_age_s);
	} else {
		c = att_add_held(v, "time", ATT_NEED_TIME);
	}
	c->want = date_text(v->at);
	c->got = date_text((int64_t)made);
	if (!e->has_max_age)
		att_add_unchecked(v, att_text("age: without --max-age, the validity of the "
					      "certificates is all that limits it"));
}

//= aws-attestation#2.2
//# In debug mode PCR0, PCR1 and PCR2 are zero: nothing tells which code runs
static void check_mode(struct att_verdict *v, const struct att_options *o)
{
	for (size_t i = 0; i < 3; i++)
		if (v->doc.pcr[i].p != NULL && att_is_zero(v->doc.pcr[i]))
			v->is_debug = true;
	if (!v->is_debug)
		(void)att_add_held(v, "mode", ATT_NEED_MODE);
	else if (o->allow_debug)
		v->held |= ATT_NEED_MODE;
	else
		(void)att_add_no(v, "mode", ATT_NO_DEBUG_MODE,
				 "the enclave runs in debug mode: its registers are zero, and the "
				 "host can read its console");
}

static void decide(struct att_verdict *v)
{
	const unsigned need = v->is_endpoint ? ATT_NEED_ENDPOINT : ATT_NEED_ALL;

	for (size_t i = 0; i < v->n_checks && v->no == NULL; i++)
		if (v->checks[i].reason != ATT_NO_NONE)
			v->no = &v->checks[i];
	assert(v->no != NULL || (v->held & need) == need); /* or a check was forgotten */
	v->is_yes = v->no == NULL && (v->held & need) == need;
	v->yes.doc = v->is_yes ? &v->doc : NULL;
}

int att_verify(struct ss_span document, const struct att_expect *e, const struct att_options *o,
	       struct att_verdict **ret, struct ss_err *err)
{
	struct att_verdict *v;

	if (att_expect_check(e, err) < 0)
		return -1;
	v = ss_calloc(1, sizeof(*v));
	v->root = o->root;
	v->when = o->when;
	v->at = o->at;
	v->leeway_s = o->leeway_s;
	v->is_endpoint = e->endpoint != NULL;
	if (check_syntax(v, document, o) && check_authentic(v, o)) {
		check_time(v, e, o);
		check_mode(v, o);
		att_compare(v, e);
	} else {
		att_add_unchecked(v, att_text("everything else: the document is not authentic"));
	}
	decide(v);
	*ret = v;
	return 0;
}
