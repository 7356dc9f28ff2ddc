/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ssv_question.h"

#include "base/show.h"
#include "crypto/x509.h"

#include <assert.h>
#include <string.h>

#define ROLE_PCR 3u
#define INSTANCE_PCR 4u
#define SIGNER_PCR 8u
#define LEEWAY_MAX 300u

const char *ssv_version(void)
{
	return SELFSAME_VERSION;
}

char *ssv_shown(const char *message)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(SIZE_MAX);

	ss_show_line(&b, (struct ss_span){ (const uint8_t *)message, strlen(message) });
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	return (char *)TAKE_PTR(b.p);
}

struct ssv_question *ssv_question_new(void)
{
	struct ssv_question *q = ss_calloc(1, sizeof(*q));

	q->o.root = att_root_aws();
	q->o.cache = att_cache_new();
	return q;
}

static void image_free(struct ssv_image *m)
{
	free(m->source);
	free(m);
}

void ssv_question_free(struct ssv_question *q)
{
	if (q == NULL)
		return;
	for (size_t i = 0; i < q->n_policies; i++)
		ssv_policy_free(q->policies[i]);
	for (size_t i = 0; i < q->n_images; i++)
		image_free(q->images[i]);
	for (size_t i = 0; i < q->n_known; i++)
		image_free(q->known[i]);
	for (size_t i = 0; i < q->n_registers; i++)
		free(q->sources[i]);
	for (size_t i = 0; i < SSV_WHATS; i++)
		free(q->is[i].p);
	free(q->error);
	att_cache_free(q->o.cache);
	free(q);
}

const char *ssv_question_error(const struct ssv_question *q)
{
	return q != NULL && q->error != NULL ? q->error : "";
}

/* What a setter returns. The first failure stays: it makes every answer "no-question". */
static int done(struct ssv_question *q, int rc, const struct ss_err *err)
{
	if (rc == 0)
		return SSV_OK;
	if (q->error == NULL) {
		q->err = *err;
		q->error = ssv_shown(err->msg);
	}
	if (err->code == SS_EUSAGE)
		return SSV_EUSAGE;
	return err->code == SS_ELIMIT ? SSV_ELIMIT : SSV_EINPUT;
}

/* --- registers ------------------------------------------------------------------------------- */

int ssv_put_register(struct ssv_question *q, unsigned index, const uint8_t value[ATT_PCR_SIZE],
		     const char *source, struct ss_err *err)
{
	const size_t i = q->n_registers;

	if (i == SSV_REGISTERS_MAX)
		return ss_fail(err, SS_ELIMIT, "over %u registers are expected", SSV_REGISTERS_MAX);
	memcpy(q->values[i], value, ATT_PCR_SIZE);
	q->sources[i] = ssv_join(source, "", "");
	q->registers[i] =
		(struct att_register){ .index = index,
				       .any = (const uint8_t(*)[ATT_PCR_SIZE]) & q->values[i],
				       .n = 1,
				       .source = q->sources[i] };
	q->n_registers++;
	return 0;
}

static int add_pcr(struct ssv_question *q, unsigned index, const uint8_t *value, size_t n,
		   struct ss_err *err)
{
	if (index >= SSV_PCRS)
		return ss_fail(err, SS_EUSAGE, "there is no PCR%u", index);
	if (value == NULL || n != SSV_PCR_SIZE)
		return ss_fail(err, SS_EUSAGE, "PCR%u must be of %u bytes", index, SSV_PCR_SIZE);
	return ssv_put_register(q, index, value, "the caller", err);
}

int ssv_expect_pcr(struct ssv_question *q, unsigned index, const uint8_t *value, size_t n)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE : done(q, add_pcr(q, index, value, n, &err), &err);
}

static int add_words(struct ssv_question *q, unsigned index, const char *what, const char *text,
		     const char *begin, struct ss_err *err)
{
	AUTO_FREE char *source = NULL;
	uint8_t value[ATT_PCR_SIZE];

	if (text == NULL)
		return ss_fail(err, SS_EUSAGE, "%s is NULL", what);
	if (ssv_check_text(what, text, begin, err) < 0)
		return -1;
	att_pcr_of_text(text, value);
	source = ssv_join(what, " ", text);
	return ssv_put_register(q, index, value, source, err);
}

int ssv_expect_role(struct ssv_question *q, const char *arn)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE
			 : done(q, add_words(q, ROLE_PCR, "role", arn, "arn:", &err), &err);
}

int ssv_expect_instance(struct ssv_question *q, const char *id)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE
			 : done(q, add_words(q, INSTANCE_PCR, "instance", id, "i-", &err), &err);
}

static int check_pem(const char *what, const char *pem, size_t n, struct ss_err *err)
{
	if (pem == NULL || n == 0)
		return ss_fail(err, SS_EUSAGE, "%s is empty", what);
	if (n > SSV_PEM_MAX)
		return ss_fail(err, SS_ELIMIT, "%s: %zu bytes; the limit is %u", what, n,
			       SSV_PEM_MAX);
	return 0;
}

static struct ss_span span_of(const char *pem, size_t n)
{
	return (struct ss_span){ (const uint8_t *)pem, n };
}

static int add_signer(struct ssv_question *q, const char *pem, size_t n, struct ss_err *err)
{
	uint8_t value[ATT_PCR_SIZE];

	if (check_pem("signer", pem, n, err) < 0)
		return -1;
	if (ssv_pcr8_of_pem(span_of(pem, n), value, err) < 0)
		return ss_ctx(err, "signer");
	return ssv_put_register(q, SIGNER_PCR, value, "signer", err);
}

int ssv_expect_signer_pem(struct ssv_question *q, const char *pem, size_t n)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE : done(q, add_signer(q, pem, n, &err), &err);
}

/* --- policies -------------------------------------------------------------------------------- */

static int check_source(const char *what, const char *json, const char *source, struct ss_err *err)
{
	char of[64];

	if (json == NULL || source == NULL)
		return ss_fail(err, SS_EUSAGE, "%s: %s is NULL", what,
			       json == NULL ? "the text" : "its source");
	(void)snprintf(of, sizeof(of), "the source of a %s", what);
	return ssv_check_text(of, source, "", err);
}

/* Before what is too much is read. */
static int check_room(size_t n, size_t max, const char *what, struct ss_err *err)
{
	return n < max ? 0 : ss_fail(err, SS_ELIMIT, "over %zu %s", max, what);
}

int ssv_put_policy(struct ssv_question *q, struct ssv_policy *p, struct ss_err *err)
{
	if (check_room(q->n_policies, SSV_POLICIES_MAX, "policies", err) < 0) {
		ssv_policy_free(p);
		return -1;
	}
	q->policies[q->n_policies++] = p;
	return 0;
}

static int add_policy(struct ssv_question *q, const char *json, size_t n, const char *source,
		      struct ss_err *err)
{
	struct ssv_policy *p;

	if (check_source("policy", json, source, err) < 0 ||
	    check_room(q->n_policies, SSV_POLICIES_MAX, "policies", err) < 0)
		return -1;
	if (ssv_policy_read(span_of(json, n), source, &p, err) < 0)
		return ss_ctx(err, "'%s'", source);
	return ssv_put_policy(q, p, err);
}

int ssv_expect_policy(struct ssv_question *q, const char *json, size_t n, const char *source)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE : done(q, add_policy(q, json, n, source, &err), &err);
}

/* --- what somebody measured ------------------------------------------------------------------ */

static struct ssv_image *image_new(const struct att_release *r, const char *source)
{
	struct ssv_image *m = ss_calloc(1, sizeof(*m));

	assert(r->n_parts <= SS_NELEMS(m->parts));
	m->source = ssv_join(source, "", "");
	m->release = *r;
	m->release.name = m->release.note = NULL;
	m->release.parts = m->parts;
	for (size_t i = 0; i < r->n_parts; i++)
		m->parts[i] = r->parts[i];
	return m;
}

int ssv_put_image(struct ssv_question *q, const struct att_release *r, const char *source,
		  struct ss_err *err)
{
	if (check_room(q->n_images, SSV_IMAGES_MAX, "measurements", err) < 0)
		return -1;
	q->images[q->n_images++] = image_new(r, source);
	return 0;
}

int ssv_put_known(struct ssv_question *q, const struct att_release *r, const char *name,
		  struct ss_err *err)
{
	struct ssv_image *m;

	if (check_room(q->n_known, SSV_KNOWN_MAX, "measurements", err) < 0)
		return -1;
	m = image_new(r, name);
	m->release.name = m->source;
	q->known[q->n_known++] = m;
	return 0;
}

static int read_image(struct ss_span json, const char *source, struct att_part *parts,
		      struct att_release *ret, struct ss_err *err)
{
	return ssv_measurements_read(json, parts, ret, err) < 0 ? ss_ctx(err, "'%s'", source) : 0;
}

static int add_image(struct ssv_question *q, struct ss_span json, const char *source,
		     struct ss_err *err)
{
	struct att_part parts[ATT_PARTS_MAX];
	struct att_release r;

	if (check_source("measurement", (const char *)json.p, source, err) < 0 ||
	    check_room(q->n_images, SSV_IMAGES_MAX, "measurements", err) < 0 ||
	    read_image(json, source, parts, &r, err) < 0)
		return -1;
	return ssv_put_image(q, &r, source, err);
}

static int add_known(struct ssv_question *q, struct ss_span json, const char *name,
		     struct ss_err *err)
{
	struct att_part parts[ATT_PARTS_MAX];
	struct att_release r;

	if (check_source("measurement", (const char *)json.p, name, err) < 0 ||
	    check_room(q->n_known, SSV_KNOWN_MAX, "measurements", err) < 0 ||
	    read_image(json, name, parts, &r, err) < 0)
		return -1;
	return ssv_put_known(q, &r, name, err);
}

int ssv_expect_measurements(struct ssv_question *q, const char *json, size_t n, const char *source)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE : done(q, add_image(q, span_of(json, n), source, &err), &err);
}

int ssv_know_measurements(struct ssv_question *q, const char *json, size_t n, const char *name)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE : done(q, add_known(q, span_of(json, n), name, &err), &err);
}

/* --- values ---------------------------------------------------------------------------------- */

void ssv_put_value(struct ssv_question *q, enum ssv_what what, struct ss_span value)
{
	struct ssv_value *to = &q->is[what];

	free(to->p);
	to->p = ss_calloc(value.n, 1); /* of no bytes: expected all the same */
	to->n = value.n;
	if (value.n > 0)
		memcpy(to->p, value.p, value.n);
}

static int add_value(struct ssv_question *q, enum ssv_what what, const uint8_t *value, size_t n,
		     struct ss_err *err)
{
	static const char *const names[SSV_WHATS] = { [SSV_NONCE] = "nonce",
						      [SSV_USER_DATA] = "user_data",
						      [SSV_PUBLIC_KEY] = "public_key" };

	if (value == NULL || n == 0)
		return ss_fail(err, SS_EUSAGE, "%s is empty", names[what]);
	if (n > SSV_VALUE_MAX)
		return ss_fail(err, SS_ELIMIT, "%s: %zu bytes; the limit is %u", names[what], n,
			       SSV_VALUE_MAX);
	ssv_put_value(q, what, (struct ss_span){ value, n });
	return 0;
}

int ssv_expect_nonce(struct ssv_question *q, const uint8_t *value, size_t n)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE : done(q, add_value(q, SSV_NONCE, value, n, &err), &err);
}

int ssv_expect_user_data(struct ssv_question *q, const uint8_t *value, size_t n)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE : done(q, add_value(q, SSV_USER_DATA, value, n, &err), &err);
}

int ssv_expect_public_key(struct ssv_question *q, const uint8_t *value, size_t n)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE : done(q, add_value(q, SSV_PUBLIC_KEY, value, n, &err), &err);
}

/* --- time ------------------------------------------------------------------------------------ */

int ssv_at_time(struct ssv_question *q, int64_t unix_s)
{
	if (q == NULL)
		return SSV_EUSAGE;
	q->has_time = true;
	q->o.when = ATT_AT_TIME;
	q->o.at = unix_s;
	return SSV_OK;
}

int ssv_at_document(struct ssv_question *q)
{
	if (q == NULL)
		return SSV_EUSAGE;
	q->has_time = true;
	q->o.when = ATT_AT_DOCUMENT;
	q->o.at = 0;
	return SSV_OK;
}

void ssv_put_max_age(struct ssv_question *q, uint64_t seconds)
{
	q->has_max_age = true;
	q->max_age_s = seconds;
}

uint64_t ssv_least_age(const struct ssv_question *q)
{
	uint64_t least = q->has_max_age ? q->max_age_s : 0;

	for (size_t i = 0; i < q->n_policies; i++) {
		const uint64_t age = q->policies[i]->max_age;

		if (age != 0 && (least == 0 || age < least))
			least = age;
	}
	return least;
}

int ssv_expect_max_age(struct ssv_question *q, uint64_t seconds)
{
	struct ss_err err = { 0 };

	if (q == NULL)
		return SSV_EUSAGE;
	if (seconds == 0)
		return done(q, ss_fail(&err, SS_EUSAGE, "an age of 0 seconds"), &err);
	ssv_put_max_age(q, seconds);
	return SSV_OK;
}

int ssv_allow_leeway(struct ssv_question *q, unsigned seconds)
{
	struct ss_err err = { 0 };

	if (q == NULL)
		return SSV_EUSAGE;
	if (seconds > LEEWAY_MAX)
		return done(q,
			    ss_fail(&err, SS_ELIMIT, "a leeway of %u seconds; the limit is %u",
				    seconds, LEEWAY_MAX),
			    &err);
	q->o.leeway_s = seconds;
	return SSV_OK;
}

/* --- what is refused unless it is named ------------------------------------------------------ */

int ssv_allow_debug(struct ssv_question *q)
{
	if (q == NULL)
		return SSV_EUSAGE;
	q->o.allow_debug = true;
	return SSV_OK;
}

int ssv_allow_emulated(struct ssv_question *q)
{
	if (q == NULL)
		return SSV_EUSAGE;
	q->o.allow_emulated = true;
	return SSV_OK;
}

int ssv_put_root(struct ssv_question *q, struct ss_span pem, struct ss_err *err)
{
	AUTO_CERT struct crypto_cert *c = NULL;

	if (crypto_cert_read_pem_only(pem, &c, err) < 0)
		return -1;
	q->o.root = att_root_of(c);
	return 0;
}

static int add_root(struct ssv_question *q, const char *pem, size_t n, struct ss_err *err)
{
	if (check_pem("root", pem, n, err) < 0)
		return -1;
	return ssv_put_root(q, span_of(pem, n), err) < 0 ? ss_ctx(err, "root") : 0;
}

int ssv_trust_root_pem(struct ssv_question *q, const char *pem, size_t n)
{
	struct ss_err err = { 0 };

	return q == NULL ? SSV_EUSAGE : done(q, add_root(q, pem, n, &err), &err);
}

/* --- an endpoint ----------------------------------------------------------------------------- */

void ssv_put_endpoint(struct ssv_question *q)
{
	q->is_endpoint = true;
}

void ssv_put_peer(struct ssv_question *q, const struct att_endpoint *peer)
{
	q->peer = peer;
}
