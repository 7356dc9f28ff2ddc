/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ssv_policy.h"

#include "base/date.h"
#include "base/hex.h"
#include "base/near.h"
#include "base/show.h"
#include "base/text.h"
#include "crypto/x509.h"

#include <selfsame-verify.h>
#include <string.h>

#define ROLE_PCR 3u
#define INSTANCE_PCR 4u
#define SIGNER_PCR 8u
#define NAME_SIZE 64u /* "release[1023].part[31]." */

char *ssv_join(const char *a, const char *between, const char *b)
{
	const size_t n = strlen(a) + strlen(between) + strlen(b) + 1;
	char *s = ss_calloc(n, 1);

	(void)snprintf(s, n, "%s%s%s", a, between, b);
	return s;
}

/* --- values ---------------------------------------------------------------------------------- */

/* An object and how messages name it. */
struct place {
	const json_t *o;
	char name[NAME_SIZE]; /* "", "release[3].": what stands before a key */
};

enum kind { TEXT, NUM, BOOL, LIST };

static bool is_kind(const json_t *v, enum kind kind)
{
	switch (kind) {
	case TEXT:
		return json_is_string(v);
	case NUM:
		return json_is_integer(v);
	case BOOL:
		return json_is_boolean(v);
	case LIST:
		return json_is_array(v);
	}
	return false;
}

/* *ret is NULL if there is none. null is a value of another type. */
static int get(const struct place *at, const char *key, enum kind kind, const json_t **ret,
	       struct ss_err *err)
{
	static const char *const kinds[] = { "text", "a whole number", "true or false", "a list" };
	const json_t *v = json_object_get(at->o, key);

	if (v != NULL && !is_kind(v, kind))
		return ss_fail(err, SS_EINPUT, "'%s%s' must be %s", at->name, key, kinds[kind]);
	*ret = v;
	return 0;
}

/* `keys` ends with NULL. */
static int check_keys(const struct place *at, const char *const *keys, struct ss_err *err)
{
	size_t n;
	AUTO_FREE const char **have = js_keys(at->o, &n);

	for (size_t i = 0; i < n; i++) {
		struct ss_near near = ss_near_init(have[i]);
		size_t k = 0;

		for (; keys[k] != NULL && strcmp(keys[k], have[i]) != 0; k++)
			ss_near_offer(&near, keys[k]);
		if (keys[k] != NULL)
			continue;
		if (near.best != NULL)
			return ss_fail(err, SS_EINPUT, "unknown key '%s%s'; did you mean '%s'?",
				       at->name, SS_SHOW(ss_text(have[i])), near.best);
		return ss_fail(err, SS_EINPUT, "unknown key '%s%s'", at->name,
			       SS_SHOW(ss_text(have[i])));
	}
	return 0;
}

static bool is_one_line(const char *s)
{
	for (; *s != '\0'; s++)
		if ((*s > 0 && *s < 0x20) || *s == 0x7f)
			return false;
	return true;
}

int ssv_check_text(const char *what, const char *text, const char *begin, struct ss_err *err)
{
	if (text[0] == '\0')
		return ss_fail(err, SS_EINPUT, "%s is empty", what);
	if (strnlen(text, SSV_TEXT_MAX + 1) > SSV_TEXT_MAX)
		return ss_fail(err, SS_ELIMIT, "%s has over %u bytes", what, SSV_TEXT_MAX);
	if (!ss_is_text(ss_text(text)))
		return ss_fail(err, SS_EINPUT, "%s is not UTF-8", what);
	if (!is_one_line(text))
		return ss_fail(err, SS_EINPUT, "%s holds a control character", what);
	if (strncmp(text, begin, strlen(begin)) != 0)
		return ss_fail(err, SS_EINPUT, "%s must begin with '%s'", what, begin);
	return 0;
}

/* *ret is borrowed from the JSON; NULL if there is none. */
static int get_text(const struct place *at, const char *key, const char *begin, const char **ret,
		    struct ss_err *err)
{
	char name[NAME_SIZE + 32];
	const json_t *v;

	*ret = NULL;
	if (get(at, key, TEXT, &v, err) < 0)
		return -1;
	if (v == NULL)
		return 0;
	(void)snprintf(name, sizeof(name), "'%s%s'", at->name, key);
	*ret = json_string_value(v);
	return ssv_check_text(name, *ret, begin, err);
}

static int get_version(const struct place *at, const char *key, const char **ret,
		       struct ss_err *err)
{
	if (get_text(at, key, "", ret, err) < 0)
		return -1;
	if (*ret != NULL && !att_is_version(*ret))
		return ss_fail(err, SS_EINPUT, "'%s%s' must be numbers with dots between", at->name,
			       key);
	return 0;
}

static int get_pcr(const struct place *at, const char *key, uint8_t ret[ATT_PCR_SIZE], bool *ret_is,
		   struct ss_err *err)
{
	const char *text;

	if (get_text(at, key, "", &text, err) < 0)
		return -1;
	if (text != NULL && !ss_unhex(text, ret, ATT_PCR_SIZE))
		return ss_fail(err, SS_EINPUT, "'%s%s' must be %u hexadecimal digits", at->name,
			       key, 2 * ATT_PCR_SIZE);
	*ret_is = text != NULL;
	return 0;
}

static int get_date(const struct place *at, const char *key, int64_t *ret, bool *ret_is,
		    struct ss_err *err)
{
	const char *text;

	if (get_text(at, key, "", &text, err) < 0)
		return -1;
	if (text != NULL && !ss_date_read(text, ret))
		return ss_fail(err, SS_EINPUT,
			       "'%s%s' must be a time of UTC, as in 2026-11-21T10:30:00Z", at->name,
			       key);
	*ret_is = text != NULL;
	return 0;
}

/* *ret stays as it is if there is none. */
static int get_num(const struct place *at, const char *key, json_int_t min, json_int_t max,
		   uint64_t *ret, bool *ret_is, struct ss_err *err)
{
	const json_t *v;

	if (get(at, key, NUM, &v, err) < 0)
		return -1;
	*ret_is = v != NULL;
	if (v == NULL)
		return 0;
	if (json_integer_value(v) < min || json_integer_value(v) > max)
		return ss_fail(err, SS_EINPUT, "'%s%s' must be from %lld to %lld", at->name, key,
			       (long long)min, (long long)max);
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int get_list(const struct place *at, const char *key, size_t max, const json_t **ret,
		    struct ss_err *err)
{
	if (get(at, key, LIST, ret, err) < 0)
		return -1;
	if (*ret != NULL && json_array_size(*ret) > max)
		return ss_fail(err, SS_ELIMIT, "'%s%s' has %zu elements; the limit is %zu",
			       at->name, key, json_array_size(*ret), max);
	return 0;
}

/* Of "none of these" and "nothing about these" nobody knows which was meant. */
static int get_rows(const struct place *at, const char *key, size_t max, const json_t **ret,
		    struct ss_err *err)
{
	if (get_list(at, key, max, ret, err) < 0)
		return -1;
	if (*ret != NULL && json_array_size(*ret) == 0)
		return ss_fail(err, SS_EINPUT, "'%s%s' is an empty list, which says nothing",
			       at->name, key);
	return 0;
}

/* Element i of a list, which must be an object with no keys but these. */
static int enter(const struct place *at, const char *key, const json_t *list, size_t i,
		 const char *const *keys, struct place *ret, struct ss_err *err)
{
	const int n = snprintf(ret->name, sizeof(ret->name), "%s%s[%zu].", at->name, key, i);

	ret->o = json_array_get(list, i);
	if (!json_is_object(ret->o))
		return ss_fail(err, SS_EINPUT, "'%.*s' must be an object", n - 1, ret->name);
	return check_keys(ret, keys, err);
}

static int need(bool is, const struct place *at, const char *key, struct ss_err *err)
{
	return is ? 0 : ss_fail(err, SS_EINPUT, "'%s%s' is missing", at->name, key);
}

/* --- releases -------------------------------------------------------------------------------- */

static bool is_part_name(const char *s)
{
	static const char ramdisk[] = "ramdisk";
	const size_t n = sizeof(ramdisk) - 1;
	const char *digits = strncmp(s, ramdisk, n) == 0 ? s + n : "";

	if (strcmp(s, "kernel") == 0 || strcmp(s, "cmdline") == 0)
		return true;
	return digits[0] != '\0' && strlen(digits) <= 2 &&
	       strspn(digits, "0123456789") == strlen(digits);
}

static int read_part(const struct place *at, struct att_part *ret, struct ss_err *err)
{
	const char *type;
	bool size, hash;

	if (get_text(at, "type", "", &type, err) < 0 || need(type != NULL, at, "type", err) < 0)
		return -1;
	if (!is_part_name(type))
		return ss_fail(err, SS_EINPUT,
			       "'%stype' must be kernel, cmdline, ramdisk0, ramdisk1 …", at->name);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", type);
	if (get_num(at, "size", 0, INT64_MAX, &ret->size, &size, err) < 0 ||
	    need(size, at, "size", err) < 0 || get_pcr(at, "sha384", ret->sha384, &hash, err) < 0)
		return -1;
	return need(hash, at, "sha384", err);
}

static int read_parts(const struct place *at, struct ssv_policy *p, struct att_release *r,
		      struct ss_err *err)
{
	static const char *const keys[] = { "type", "size", "sha384", NULL };
	const json_t *list;

	if (get_list(at, "part", ATT_PARTS_MAX, &list, err) < 0)
		return -1;
	r->parts = p->parts + p->n_parts;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct place part = { 0 };

		if (enter(at, "part", list, i, keys, &part, err) < 0 ||
		    read_part(&part, &p->parts[p->n_parts], err) < 0)
			return -1;
		p->n_parts++;
		r->n_parts++;
	}
	return 0;
}

static int read_registers_of(const struct place *at, struct att_release *r, struct ss_err *err)
{
	static const char *const keys[] = { "pcr0", "pcr1", "pcr2" };
	bool is;

	for (size_t i = 0; i < SS_NELEMS(keys); i++)
		if (get_pcr(at, keys[i], r->pcr[i], &is, err) < 0 || need(is, at, keys[i], err) < 0)
			return -1;
	return get_pcr(at, "pcr8", r->pcr8, &r->has_pcr8, err);
}

static int read_release(const struct place *at, struct ssv_policy *p, struct att_release *r,
			struct ss_err *err)
{
	if (get_version(at, "version", &r->name, err) < 0 ||
	    need(r->name != NULL, at, "version", err) < 0 ||
	    get_text(at, "note", "", &r->note, err) < 0 ||
	    get_date(at, "not_before", &r->not_before, &r->has_not_before, err) < 0 ||
	    get_date(at, "not_after", &r->not_after, &r->has_not_after, err) < 0 ||
	    read_registers_of(at, r, err) < 0 || read_parts(at, p, r, err) < 0)
		return -1;
	if (r->has_not_before && r->has_not_after && r->not_after < r->not_before)
		return ss_fail(err, SS_EINPUT, "release %s ends before it begins", r->name);
	for (size_t i = 0; i < p->set.n; i++)
		if (att_version_compare(r->name, p->releases[i].name) == 0)
			return ss_fail(err, SS_EINPUT, "release %s comes twice", r->name);
	return 0;
}

/* Room for the parts of all releases, which are not read yet: what is no list has none. */
static size_t count_parts(const json_t *releases)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(releases); i++)
		n += json_array_size(json_object_get(json_array_get(releases, i), "part"));
	return n; /* js_read() has bounded the number of values */
}

static int read_releases(const struct place *at, struct ssv_policy *p, struct ss_err *err)
{
	static const char *const keys[] = { "version", "note", "not_before", "not_after", "pcr0",
					    "pcr1",    "pcr2", "pcr8",       "part",      NULL };
	const json_t *list;

	if (get_rows(at, "release", SSV_RELEASES_MAX, &list, err) < 0)
		return -1;
	p->releases = ss_calloc(json_array_size(list), sizeof(*p->releases));
	p->parts = ss_calloc(count_parts(list), sizeof(*p->parts));
	p->set.v = p->releases;
	p->set.source = p->source;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct place release = { 0 };

		if (enter(at, "release", list, i, keys, &release, err) < 0 ||
		    read_release(&release, p, &p->releases[i], err) < 0)
			return -1;
		p->set.n++;
	}
	if (p->set.minimum != NULL && p->set.n == 0)
		return ss_fail(err, SS_EINPUT, "'minimum_release' says nothing without a release");
	return 0;
}

/* --- registers ------------------------------------------------------------------------------- */

void ssv_policy_put_register(struct ssv_policy *p, unsigned index, size_t n, const char *source)
{
	p->registers[p->n_registers++] =
		(struct att_register){ .index = index,
				       .any = (const uint8_t(*)[ATT_PCR_SIZE]) &
					      p->values[p->n_values - n],
				       .n = n,
				       .source = source };
}

static int read_registers(const struct place *at, struct ssv_policy *p, struct ss_err *err)
{
	static const char *const keys[] = { "index", "value", NULL };
	const json_t *list;

	if (get_rows(at, "pcr", ATT_PCRS, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct place pcr = { 0 };
		uint64_t index = 0;
		bool is;

		if (enter(at, "pcr", list, i, keys, &pcr, err) < 0 ||
		    get_num(&pcr, "index", 0, ATT_PCRS - 1, &index, &is, err) < 0 ||
		    need(is, &pcr, "index", err) < 0 ||
		    get_pcr(&pcr, "value", p->values[p->n_values], &is, err) < 0 ||
		    need(is, &pcr, "value", err) < 0)
			return -1;
		for (size_t k = 0; k < p->n_registers; k++)
			if (p->registers[k].index == index)
				return ss_fail(err, SS_EINPUT, "PCR%u comes twice",
					       (unsigned)index);
		p->n_values++;
		ssv_policy_put_register(p, (unsigned)index, 1, p->source);
	}
	return 0;
}

static int read_words(const struct place *at, const char *key, const char *begin, unsigned index,
		      struct ssv_policy *p, char **ret_source, struct ss_err *err)
{
	AUTO_FREE char *what = NULL;
	const char *text;

	if (get_text(at, key, begin, &text, err) < 0)
		return -1;
	if (text == NULL)
		return 0;
	what = ssv_join(key, " ", text);
	*ret_source = ssv_join(p->source, ": ", what);
	att_pcr_of_text(text, p->values[p->n_values++]);
	ssv_policy_put_register(p, index, 1, *ret_source);
	return 0;
}

int ssv_pcr8_of_pem(struct ss_span pem, uint8_t ret[ATT_PCR_SIZE], struct ss_err *err)
{
	AUTO_BUF struct ss_buf der = SS_BUF_INIT(SSV_PEM_MAX);
	AUTO_CERT struct crypto_cert *c = NULL;

	if (pem.n > SSV_PEM_MAX)
		return ss_fail(err, SS_ELIMIT, "%zu bytes; the limit is %u", pem.n, SSV_PEM_MAX);
	if (crypto_cert_read_pem_only(pem, &c, err) < 0)
		return -1;
	crypto_cert_der(c, &der);
	if (ss_buf_check(&der, "certificate", err) < 0)
		return -1;
	att_pcr_of_certificate(ss_buf_span(&der), ret);
	return 0;
}

static int read_signer(const struct place *at, uint8_t ret[ATT_PCR_SIZE], struct ss_err *err)
{
	const json_t *pem;
	bool has_pcr8;

	if (get_pcr(at, "pcr8", ret, &has_pcr8, err) < 0 || get(at, "pem", TEXT, &pem, err) < 0)
		return -1;
	if ((pem != NULL) == has_pcr8)
		return ss_fail(err, SS_EINPUT, "'%.*s' must have either 'pem' or 'pcr8'",
			       (int)strlen(at->name) - 1, at->name);
	if (pem != NULL && ssv_pcr8_of_pem(ss_text(json_string_value(pem)), ret, err) < 0)
		return ss_ctx(err, "'%spem'", at->name);
	return 0;
}

static int read_signers(const struct place *at, struct ssv_policy *p, struct ss_err *err)
{
	static const char *const keys[] = { "pem", "pcr8", NULL };
	const json_t *list;

	if (get_rows(at, "signer", SSV_SIGNERS_MAX, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct place signer = { 0 };

		if (enter(at, "signer", list, i, keys, &signer, err) < 0 ||
		    read_signer(&signer, p->values[p->n_values], err) < 0)
			return -1;
		p->n_values++;
	}
	if (json_array_size(list) > 0)
		ssv_policy_put_register(p, SIGNER_PCR, json_array_size(list), p->source);
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int read_plain(const struct place *at, struct ssv_policy *p, struct ss_err *err)
{
	const json_t *nonce;
	uint64_t rebuilders = 0;
	bool is;

	if (get_version(at, "minimum_release", &p->set.minimum, err) < 0 ||
	    get_num(at, "max_age", 1, SSV_MAX_AGE, &p->max_age, &is, err) < 0 ||
	    get(at, "nonce", BOOL, &nonce, err) < 0 ||
	    get_num(at, "min_rebuilders", 0, 64, &rebuilders, &is, err) < 0)
		return -1;
	p->nonce = nonce != NULL && json_is_true(nonce);
	/* Until rebuilders are counted, a policy that wants some accepts nothing. */
	if (rebuilders != 0)
		return ss_fail(err, SS_EINPUT,
			       "'min_rebuilders' is reserved: this version of selfsame counts no "
			       "rebuilders");
	return 0;
}

static int read_all(struct ss_span in, struct ssv_policy *p, struct ss_err *err)
{
	static const char *const keys[] = {
		"minimum_release", "max_age", "nonce", "min_rebuilders", "role",
		"instance",        "release", "pcr",   "signer",         NULL
	};
	struct place at = { .name = "" };

	if (js_read(in, SSV_POLICY_MAX, "policy", &p->json, err) < 0)
		return -1;
	at.o = p->json;
	if (!json_is_object(at.o))
		return ss_fail(err, SS_EINPUT, "a policy must be an object");
	if (check_keys(&at, keys, err) < 0 || read_plain(&at, p, err) < 0 ||
	    read_releases(&at, p, err) < 0 || read_registers(&at, p, err) < 0 ||
	    read_words(&at, "role", "arn:", ROLE_PCR, p, &p->role, err) < 0 ||
	    read_words(&at, "instance", "i-", INSTANCE_PCR, p, &p->instance, err) < 0)
		return -1;
	return read_signers(&at, p, err);
}

struct ssv_policy *ssv_policy_new(const char *source)
{
	struct ssv_policy *p = ss_calloc(1, sizeof(*p));

	p->source = ssv_join(source, "", "");
	return p;
}

int ssv_policy_read(struct ss_span in, const char *source, struct ssv_policy **ret,
		    struct ss_err *err)
{
	AUTO_SSV_POLICY struct ssv_policy *p = ssv_policy_new(source);

	if (read_all(in, p, err) < 0)
		return -1;
	*ret = TAKE_PTR(p);
	return 0;
}

void ssv_policy_free(struct ssv_policy *p)
{
	if (p == NULL)
		return;
	json_decref(p->json);
	free(p->source);
	free(p->role);
	free(p->instance);
	free(p->releases);
	free(p->parts);
	free(p);
}
