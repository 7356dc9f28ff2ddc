/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ssv_question.h"

#include <assert.h>
#include <string.h>

#define NO_QUESTION "no-question"

/* The pointer that is a yes. Nobody else makes one. */
struct ssv_verified {
	const struct att_verified *proof;
};

struct ssv_verdict {
	uint8_t *document;     /* what the proof borrows from */
	struct att_verdict *v; /* NULL = the question was none */
	const char *code;      /* static */
	char *message;
	char *text;
	char *json;
	struct ssv_verified yes; /* proof = NULL: not yes */
};

/* --- the question, as attest/ takes it ------------------------------------------------------- */

struct asked {
	struct att_expect e;
	struct att_releases sets[SSV_POLICIES_MAX + SSV_IMAGES_MAX];
	struct att_release known[SSV_KNOWN_MAX];
	struct att_register
		registers[SSV_REGISTERS_MAX + (size_t)SSV_POLICIES_MAX * (ATT_PCRS + 3)];
	size_t n_sets;
	size_t n_registers;
};

static void ask_registers(struct asked *a, const struct att_register *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		a->registers[a->n_registers++] = v[i];
}

static void ask_age(struct asked *a, uint64_t seconds)
{
	if (a->e.has_max_age && a->e.max_age_s <= seconds)
		return;
	a->e.has_max_age = true;
	a->e.max_age_s = seconds;
}

static int ask_policy(struct asked *a, const struct ssv_policy *p, bool has_nonce,
		      struct ss_err *err)
{
	if (p->nonce && !has_nonce)
		return ss_fail(err, SS_EUSAGE, "'%s' demands a nonce", p->source);
	if (p->set.n > 0)
		a->sets[a->n_sets++] = p->set;
	ask_registers(a, p->registers, p->n_registers);
	if (p->max_age != 0)
		ask_age(a, p->max_age);
	return 0;
}

static void ask_images(struct asked *a, const struct ssv_question *q)
{
	for (size_t i = 0; i < q->n_images; i++)
		a->sets[a->n_sets++] = (struct att_releases){ .source = q->images[i]->source,
							      .v = &q->images[i]->release,
							      .n = 1 };
	for (size_t i = 0; i < q->n_known; i++)
		a->known[i] = q->known[i]->release;
	a->e.known = a->known;
	a->e.n_known = q->n_known;
}

static struct ss_span value_span(const struct ssv_value *v)
{
	return (struct ss_span){ v->p, v->n };
}

/* Without a peer the rest of what an endpoint is asked can be looked at, and not be answered. */
static int ask(const struct ssv_question *q, struct asked *a, struct ss_err *err)
{
	const bool has_nonce = q->is[SSV_NONCE].p != NULL || q->is_endpoint;

	if (q->error != NULL) {
		*err = q->err;
		return -1;
	}
	if (!q->has_time)
		return ss_fail(err, SS_EUSAGE, "no time of verification was chosen");
	if (q->has_max_age && q->o.when == ATT_AT_DOCUMENT)
		return ss_fail(err, SS_EUSAGE, "at the document's own time it has no age");
	if (q->has_max_age)
		ask_age(a, q->max_age_s);
	ask_registers(a, q->registers, q->n_registers);
	ask_images(a, q);
	for (size_t i = 0; i < q->n_policies; i++)
		if (ask_policy(a, q->policies[i], has_nonce, err) < 0)
			return -1;
	a->e.sets = a->sets;
	a->e.n_sets = a->n_sets;
	a->e.registers = a->registers;
	a->e.n_registers = a->n_registers;
	a->e.nonce = value_span(&q->is[SSV_NONCE]);
	a->e.user_data = value_span(&q->is[SSV_USER_DATA]);
	a->e.public_key = value_span(&q->is[SSV_PUBLIC_KEY]);
	a->e.endpoint = q->peer;
	return att_expect_check(&a->e, err);
}

/* --- the answer ------------------------------------------------------------------------------ */

/* The text in `b`, terminated, the caller's. */
static char *take_text(struct ss_buf *b)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"", 1 });
	return (char *)TAKE_PTR(b->p);
}

static int put_json(const char *p, size_t n, void *b)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)p, n });
	return 0;
}

/* Takes over `o`. It holds valid UTF-8 only, so nothing but memory can lack. */
static char *json_text(json_t *o)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(SIZE_MAX);
	const int rc = json_dump_callback(o, put_json, &b, JSON_INDENT(2) | JSON_ENSURE_ASCII);

	assert(rc == 0);
	json_decref(o);
	return take_text(&b);
}

static void tell_none(struct ssv_verdict *ret, const struct ss_err *err)
{
	json_t *o;

	ret->code = NO_QUESTION;
	ret->message = ssv_shown(err->msg);
	ret->text = ssv_join("no verdict: ", ret->message, "\n");
	o = json_pack("{ss ss ss}", "Verdict", "none", "Reason", NO_QUESTION, "Message",
		      ret->message);
	assert(o != NULL);
	ret->json = json_text(o);
}

static void tell(struct ssv_verdict *ret)
{
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(SIZE_MAX);

	ret->code = att_reason_code(att_verdict_reason(ret->v));
	ret->message = ssv_shown(att_verdict_message(ret->v));
	att_verdict_text(ret->v, &text);
	ret->text = take_text(&text);
	ret->json = json_text(att_verdict_json(ret->v));
	ret->yes.proof = att_verdict_yes(ret->v);
}

/* One byte over the limit is kept, so that what is too large is seen to be. */
static struct ss_span keep_document(struct ssv_verdict *v, const uint8_t *document, size_t n)
{
	if (document == NULL)
		n = 0;
	if (n > ATT_DOCUMENT_MAX)
		n = ATT_DOCUMENT_MAX + 1;
	v->document = ss_calloc(n, 1);
	if (n > 0)
		memcpy(v->document, document, n);
	return (struct ss_span){ v->document, n };
}

int ssv_question_check(const struct ssv_question *q, struct ss_err *err)
{
	AUTO_FREE struct asked *a = ss_calloc(1, sizeof(*a));

	return ask(q, a, err);
}

int ssv_answer(struct ssv_question *q, struct ss_span document, struct ssv_verdict **ret,
	       struct ss_err *err)
{
	AUTO_FREE struct asked *a = ss_calloc(1, sizeof(*a));
	AUTO_SSV_VERDICT struct ssv_verdict *v = ss_calloc(1, sizeof(*v));

	if (ask(q, a, err) < 0)
		return -1;
	if (q->is_endpoint && a->e.endpoint == NULL)
		return ss_fail(err, SS_EUSAGE, "an endpoint without its peer: no verdict");
	if (att_verify(keep_document(v, document.p, document.n), &a->e, &q->o, &v->v, err) < 0)
		return -1;
	tell(v);
	*ret = TAKE_PTR(v);
	return 0;
}

void ssv_verify(struct ssv_question *q, const uint8_t *document, size_t n, struct ssv_verdict **ret)
{
	struct ss_err err = { 0 };

	if (ret == NULL)
		return;
	*ret = NULL;
	if (q == NULL || ssv_answer(q, (struct ss_span){ document, n }, ret, &err) == 0)
		return;
	*ret = ss_calloc(1, sizeof(**ret));
	tell_none(*ret, &err);
}

void ssv_verdict_free(struct ssv_verdict *v)
{
	if (v == NULL)
		return;
	att_verdict_free(v->v);
	free(v->document);
	free(v->message);
	free(v->text);
	free(v->json);
	free(v);
}

const struct ssv_verified *ssv_verdict_yes(const struct ssv_verdict *v)
{
	return v != NULL && v->yes.proof != NULL ? &v->yes : NULL;
}

json_t *ssv_verdict_object(const struct ssv_verdict *v)
{
	assert(v->v != NULL);
	return att_verdict_json(v->v);
}

#define NULL_MESSAGE "there is no verdict"

const char *ssv_verdict_code(const struct ssv_verdict *v)
{
	return v != NULL ? v->code : NO_QUESTION;
}

const char *ssv_verdict_message(const struct ssv_verdict *v)
{
	return v != NULL ? v->message : NULL_MESSAGE;
}

const char *ssv_verdict_text(const struct ssv_verdict *v)
{
	return v != NULL ? v->text : "no verdict: " NULL_MESSAGE "\n";
}

const char *ssv_verdict_json(const struct ssv_verdict *v)
{
	return v != NULL ? v->json
			 : "{\"Verdict\": \"none\", \"Reason\": \"" NO_QUESTION
			   "\", \"Message\": \"" NULL_MESSAGE "\"}";
}

const char *ssv_reason_meaning(const char *code)
{
	if (code == NULL)
		return NULL;
	for (int r = ATT_NO_NONE + 1; r < ATT_NO_END; r++)
		if (strcmp(code, att_reason_code((enum att_reason)r)) == 0)
			return att_reason_meaning((enum att_reason)r);
	return NULL;
}

/* --- what is proven -------------------------------------------------------------------------- */

const struct att_verified *ssv_verified_proof(const struct ssv_verified *v)
{
	return v->proof;
}

static const uint8_t *lend(struct ss_span s, size_t *ret_n)
{
	if (ret_n != NULL)
		*ret_n = s.p != NULL ? s.n : 0;
	return s.p;
}

static struct att_doc doc_of(const struct ssv_verified *v)
{
	return v != NULL ? *att_verified_doc(v->proof) : (struct att_doc){ 0 };
}

const uint8_t *ssv_verified_nonce(const struct ssv_verified *v, size_t *ret_n)
{
	return lend(doc_of(v).nonce, ret_n);
}

const uint8_t *ssv_verified_user_data(const struct ssv_verified *v, size_t *ret_n)
{
	return lend(doc_of(v).user_data, ret_n);
}

const uint8_t *ssv_verified_public_key(const struct ssv_verified *v, size_t *ret_n)
{
	return lend(doc_of(v).public_key, ret_n);
}

const uint8_t *ssv_verified_pcr(const struct ssv_verified *v, unsigned index, size_t *ret_n)
{
	return lend(index < ATT_PCRS ? doc_of(v).pcr[index] : (struct ss_span){ NULL, 0 }, ret_n);
}

const uint8_t *ssv_verified_module_id(const struct ssv_verified *v, size_t *ret_n)
{
	return lend(doc_of(v).module_id, ret_n);
}

uint64_t ssv_verified_timestamp_ms(const struct ssv_verified *v)
{
	return doc_of(v).timestamp_ms;
}
