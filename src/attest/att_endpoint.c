/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_verdict.h"
#include "base/text.h"
#include "fmt/binding.h"

#include <string.h>

#define ROLE_PCR 3u
#define INSTANCE_PCR 4u
#define NSM_PCR 16u

static bool is_same(struct ss_span a, struct ss_span b)
{
	return a.p != NULL && ss_same(a, b);
}

/* --- the nonce ------------------------------------------------------------------------------- */

bool att_is_older(const struct att_verdict *v, const struct att_endpoint *peer)
{
	const uint64_t made = v->doc.timestamp_ms, asked = peer->asked_ms;

	return v->doc.nonce.p != NULL && made < asked && asked - made > v->leeway_s * 1000;
}

/* --- the key --------------------------------------------------------------------------------- */

/* user_data says that the endpoint with the document's own key asked for it. */
static bool is_of_an_endpoint(const struct att_doc *d)
{
	uint8_t digest[CRYPTO_SHA256_SIZE];
	enum binding domain = BINDING_APP;
	struct ss_span bound = { NULL, 0 };

	if (d->public_key.p == NULL || d->user_data.p == NULL ||
	    !binding_read(d->user_data, &domain, &bound) || domain != BINDING_ENDPOINT)
		return false;
	crypto_hash_once(CRYPTO_SHA256, d->public_key, digest);
	return is_same(bound, (struct ss_span){ digest, sizeof(digest) });
}

/* With the caller's nonce and another endpoint's key it can only have come over a connection of
 * somebody else to that endpoint. */
static void compare_key(struct att_verdict *v, struct ss_span spki, struct ss_span nonce)
{
	const struct ss_span got = v->doc.public_key;
	struct att_check *c;

	if (is_same(got, spki))
		c = att_add_held(v, "key", ATT_NEED_KEY);
	else if (got.p == NULL)
		c = att_add_no(v, "key", ATT_NO_ENDPOINT_KEY, "the document has no public_key");
	else if (is_same(v->doc.nonce, nonce) && is_of_an_endpoint(&v->doc))
		c = att_add_no(v, "key", ATT_NO_IN_THE_MIDDLE,
			       "an endpoint made this document for another connection with the "
			       "same nonce: whoever answered passes it on");
	else
		c = att_add_no(v, "key", ATT_NO_ENDPOINT_KEY,
			       "the document binds another key: whoever answered is not the "
			       "enclave");
	c->want = att_hex(spki);
	c->got = got.p != NULL ? att_hex(got) : NULL;
	c->source = att_text("the TLS connection");
}

/* The application may have any nonce and any key in its documents, but not this user_data. */
static void compare_domain(struct att_verdict *v, struct ss_span spki)
{
	AUTO_BUF struct ss_buf want = SS_BUF_INIT(BINDING_MAX);
	const struct ss_span got = v->doc.user_data;
	uint8_t digest[CRYPTO_SHA256_SIZE];
	enum binding domain = BINDING_ENDPOINT;
	struct ss_span bound = { NULL, 0 };
	const bool known = got.p != NULL && binding_read(got, &domain, &bound);
	struct att_check *c;

	crypto_hash_once(CRYPTO_SHA256, spki, digest);
	binding_write(BINDING_ENDPOINT, digest, &want);
	if (is_same(got, ss_buf_span(&want)))
		c = att_add_held(v, "domain", ATT_NEED_DOMAIN);
	else if (known && domain == BINDING_APP)
		c = att_add_no(v, "domain", ATT_NO_ENDPOINT_DOMAIN,
			       "the application asked for this document, not the endpoint");
	else if (known)
		c = att_add_no(v, "domain", ATT_NO_ENDPOINT_DOMAIN,
			       "user_data is the endpoint's, but for another key");
	else
		c = att_add_no(v, "domain", ATT_NO_ENDPOINT_DOMAIN,
			       "user_data is not that of an endpoint's document");
	c->want = att_hex(ss_buf_span(&want));
	c->got = got.p != NULL ? att_hex(got) : NULL;
	c->source = att_text("the TLS connection");
}

/* --- who could have made it ------------------------------------------------------------------ */

static void compare_nsm(struct att_verdict *v, bool allow_raw)
{
	const struct ss_span got = v->doc.pcr[NSM_PCR];
	uint8_t none[ATT_PCR_SIZE], raw[ATT_PCR_SIZE];
	struct att_check *c;

	att_pcr_of_text("selfsame/1 nsm=0", none);
	att_pcr_of_text("selfsame/1 nsm=1", raw);
	if (is_same(got, (struct ss_span){ none, sizeof(none) })) {
		c = att_add_held(v, "nsm", ATT_NEED_NSM);
	} else if (!is_same(got, (struct ss_span){ raw, sizeof(raw) })) {
		c = att_add_no(v, "nsm", ATT_NO_RAW_NSM,
			       "PCR16 says nothing of who could ask the NSM: no runtime of ours "
			       "that serves endpoints");
	} else if (allow_raw) {
		v->has_raw_nsm = true;
		v->held |= ATT_NEED_NSM;
		att_add_unchecked(v, att_text("PCR16: the application could have made this "
					      "document, for any key"));
		return;
	} else {
		c = att_add_no(v, "nsm", ATT_NO_RAW_NSM,
			       "the application can ask the NSM itself, so it can make such "
			       "documents for any key");
	}
	c->want = att_hex((struct ss_span){ none, sizeof(none) });
	c->got = got.p != NULL ? att_hex(got) : NULL;
}

/* A register that was expected in words or by value, and found so. Zeros are nobody: an instance
 * without a role has them, whoever runs it. */
static bool has_register(const struct att_verdict *v, const struct att_expect *e, unsigned index)
{
	const struct ss_span got = v->doc.pcr[index];

	for (size_t i = 0; i < e->n_registers; i++) {
		const struct att_register *r = &e->registers[i];

		for (size_t k = 0; r->index == index && k < r->n; k++)
			if (is_same(got, (struct ss_span){ r->any[k], ATT_PCR_SIZE }))
				return !att_is_zero(got);
	}
	return false;
}

/* The first that holds; NULL: none does. */
static char *find_identity(const struct att_verdict *v, const struct att_expect *e)
{
	if (e->endpoint->webpki_name != NULL)
		return att_text("WebPKI name %s%s", e->endpoint->webpki_name,
				e->endpoint->own_roots ? ", by roots that the environment names"
						       : "");
	if (has_register(v, e, ROLE_PCR))
		return att_text("PCR3 role");
	return has_register(v, e, INSTANCE_PCR) ? att_text("PCR4 instance") : NULL;
}

static void compare_operator(struct att_verdict *v, const struct att_expect *e)
{
	char *who = find_identity(v, e);

	v->identity = who != NULL ? who : att_text("none");
	if (who != NULL) {
		(void)att_add_held(v, "operator", ATT_NEED_OPERATOR);
	} else if (e->endpoint->any_operator) {
		v->is_operator_unknown = true;
		v->held |= ATT_NEED_OPERATOR;
		att_add_unchecked(v, att_text("operator: anybody can run this image"));
	} else {
		(void)att_add_no(v, "operator", ATT_NO_OPERATOR,
				 "nothing says who runs this enclave: neither a WebPKI name, nor "
				 "an expected role (PCR3) or instance (PCR4)");
	}
}

void att_compare_endpoint(struct att_verdict *v, const struct att_expect *e)
{
	compare_key(v, e->endpoint->spki, e->nonce);
	compare_domain(v, e->endpoint->spki);
	compare_nsm(v, e->endpoint->allow_raw_nsm);
	compare_operator(v, e);
}
