/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_expect.h"

#include "base/hex.h"
#include "base/show.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "eif/examine.h"
#include "eif/layout.h"
#include "io/file.h"
#include "project/project.h"

#include <stdarg.h>
#include <string.h>

#define SIGNER_PCR 8u
#define ROLE_PCR 3u
#define INSTANCE_PCR 4u
#define CERTIFICATE_MAX ((size_t)64 * 1024)
#define SOURCE_MAX ((size_t)1024)

/* Where an expectation comes from; the struct keeps it. */
SS_PRINTF(2, 3) static const char *source(struct cli_expect *x, const char *fmt, ...)
{
	char *s = ss_calloc(SOURCE_MAX, 1);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s, SOURCE_MAX, fmt, ap);
	va_end(ap);
	x->texts = ss_reallocarray(x->texts, x->n_texts + 1, sizeof(*x->texts));
	x->texts[x->n_texts++] = s;
	return s;
}

static void add_set(struct cli_expect *x, const char *from, const struct att_release *v, size_t n,
		    const char *minimum)
{
	x->sets[x->e.n_sets++] =
		(struct att_releases){ .source = from, .v = v, .n = n, .minimum = minimum };
}

/* --- an image -------------------------------------------------------------------------------- */

/* The first thing in ramdisk 1 that does not belong there. */
struct findings {
	size_t n;
	char first[256];
};

static void add_finding(void *ctx, const char *line)
{
	struct findings *f = ctx;

	if (f->n++ == 0)
		(void)snprintf(f->first, sizeof(f->first), "%s", line);
}

static int hash_block(void *ctx, struct ss_span s, struct ss_err *err)
{
	(void)err;
	crypto_hash_put(ctx, s);
	return 0;
}

/* A kernel of ours keeps ramdisk 1 from replacing what PCR1 names. */
static int look_at_kernel(const struct eif_file *f, bool *ret_known, struct ss_err *err)
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	const bool arm = (f->header.flags & EIF_FLAG_ARM64) != 0;
	uint8_t digest[CRYPTO_SHA256_SIZE];

	if (eif_file_each(f, eif_file_find(f, EIF_KERNEL, 0), hash_block, h, err) < 0)
		return -1;
	crypto_hash_end(h, digest);
	*ret_known =
		strcmp(project_kernel_standing(arm ? "aarch64" : "x86_64", digest), "known") == 0;
	return 0;
}

static int measure_eif(const struct eif_file *f, int64_t now, struct eif_measurements *m,
		       struct ss_err *err)
{
	AUTO_EXAMINED struct eif_examined sig = { 0 };
	struct findings findings = { 0 };
	AUTO_LAYOUT_CHECK struct eif_layout_check *layout = eif_layout_new(add_finding, &findings);
	const struct eif_tap tap = { eif_file_find(f, EIF_RAMDISK, 1), eif_layout_put, layout };

	if (eif_file_measure_tapped(f, false, &tap, m, err) < 0 ||
	    eif_examine(f, m, now, &sig, err) < 0)
		return -1;
	(void)eif_layout_end(layout);
	if (findings.n > 0)
		return ss_fail(err, SS_EINPUT, "'%s': ramdisk 1: %s", f->path, findings.first);
	if (sig.readable.code != SS_OK) { /* PCR8 cannot be told */
		*err = sig.readable;
		return ss_ctx(err, "'%s'", f->path);
	}
	return 0;
}

static int expect_eif(struct cli_expect *x, const char *path, int64_t now, struct ss_err *err)
{
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	struct eif_measurements m = { 0 };

	if (eif_file_open(path, &f, err) < 0 || measure_eif(&f, now, &m, err) < 0)
		return -1;
	if (cfg_release_of(&m, x->parts[x->n_parts++], &x->eif, err) < 0)
		return ss_ctx(err, "'%s'", path);
	if (look_at_kernel(&f, &x->eif.kernel_known, err) < 0)
		return -1;
	add_set(x, source(x, "--eif %s", path), &x->eif, 1, NULL);
	return 0;
}

int cli_measurements_load(const char *path, struct att_part *parts, struct att_release *ret,
			  struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(SSV_MEASUREMENTS_MAX);

	if (io_load_file(path, &b, err) < 0)
		return -1;
	if (ssv_measurements_read(ss_buf_span(&b), parts, ret, err) < 0)
		return ss_ctx(err, "'%s'", path);
	return 0;
}

static int expect_measurements(struct cli_expect *x, const char *path, struct ss_err *err)
{
	if (cli_measurements_load(path, x->parts[x->n_parts++], &x->measured, err) < 0)
		return -1;
	add_set(x, source(x, "--measurements %s", path), &x->measured, 1, NULL);
	return 0;
}

static int load_known(struct cli_expect *x, const struct cli_list *paths, struct ss_err *err)
{
	if (paths->n > CLI_EXPECT_KNOWN)
		return ss_fail(err, SS_EUSAGE, "--known is given %zu times; the limit is %u",
			       paths->n, CLI_EXPECT_KNOWN);
	for (size_t i = 0; i < paths->n; i++) {
		if (cli_measurements_load(paths->v[i], x->parts[x->n_parts++], &x->known[i], err) <
		    0)
			return -1;
		x->known[i].name = paths->v[i];
	}
	x->e.known = x->known;
	x->e.n_known = paths->n;
	return 0;
}

/* --- registers ------------------------------------------------------------------------------- */

/* The next value's place; its register is added by the caller. */
static uint8_t *new_value(struct cli_expect *x)
{
	return x->values[x->n_values++];
}

static void add_register(struct cli_expect *x, unsigned index, const uint8_t *value,
			 const char *from)
{
	const size_t at = (size_t)(value - x->values[0]) / ATT_PCR_SIZE;

	x->registers[x->e.n_registers++] = (struct att_register){
		.index = index, .any = &x->values[at], .n = x->n_values - at, .source = from
	};
}

static int expect_pcr(struct cli_expect *x, const char *word, struct ss_err *err)
{
	const size_t digits = strspn(word, "0123456789");
	uint8_t *value = new_value(x);
	unsigned index = ATT_PCRS;

	if ((digits == 1 || digits == 2) && word[digits] == '=')
		index = (unsigned)strtoul(word, NULL, 10);
	if (index >= ATT_PCRS || !ss_unhex(word + digits + 1, value, ATT_PCR_SIZE))
		return ss_fail(err, SS_EUSAGE,
			       "--pcr %s: it must be N=HEX, N from 0 to %u, HEX of %u digits",
			       SS_SHOW(ss_text(word)), ATT_PCRS - 1, 2 * ATT_PCR_SIZE);
	for (size_t i = 0; i < x->e.n_registers; i++)
		if (x->registers[i].index == index)
			return ss_fail(err, SS_EUSAGE, "--pcr %u is given twice", index);
	add_register(x, index, value, "--pcr");
	return 0;
}

static int expect_signer(struct cli_expect *x, const char *path, struct ss_err *err)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(CERTIFICATE_MAX);
	AUTO_BUF struct ss_buf der = SS_BUF_INIT(CERTIFICATE_MAX);
	AUTO_CERT struct crypto_cert *c = NULL;
	uint8_t *value = new_value(x);

	if (io_load_file(path, &pem, err) < 0)
		return -1;
	if (crypto_cert_read_pem(ss_buf_span(&pem), &c, err) < 0)
		return ss_ctx(err, "'%s'", path);
	crypto_cert_der(c, &der);
	att_pcr_of_certificate(ss_buf_span(&der), value);
	add_register(x, SIGNER_PCR, value, source(x, "--signer %s", path));
	return 0;
}

/* A role or an instance in words: "arn:aws:iam::…:role/NAME", "i-0123…". */
static int expect_words(struct cli_expect *x, unsigned index, const char *what, const char *text,
			const char *begin, struct ss_err *err)
{
	uint8_t *value = new_value(x);

	if (strncmp(text, begin, strlen(begin)) != 0)
		return ss_fail(err, SS_EUSAGE, "%s %s: it must begin with '%s'", what,
			       SS_SHOW(ss_text(text)), begin);
	att_pcr_of_text(text, value);
	add_register(x, index, value, source(x, "%s %s", what, text));
	return 0;
}

static int expect_registers(struct cli_expect *x, const struct cli_expect_opts *o,
			    struct ss_err *err)
{
	if (o->pcr.n > ATT_PCRS)
		return ss_fail(err, SS_EUSAGE, "--pcr is given %zu times; there are %u registers",
			       o->pcr.n, ATT_PCRS);
	for (size_t i = 0; i < o->pcr.n; i++)
		if (expect_pcr(x, o->pcr.v[i], err) < 0)
			return -1;
	if (o->role != NULL && expect_words(x, ROLE_PCR, "--role", o->role, "arn:", err) < 0)
		return -1;
	if (o->instance != NULL &&
	    expect_words(x, INSTANCE_PCR, "--instance", o->instance, "i-", err) < 0)
		return -1;
	return o->signer == NULL ? 0 : expect_signer(x, o->signer, err);
}

/* --- a policy -------------------------------------------------------------------------------- */

static int policy_registers(struct cli_expect *x, const char *from, struct ss_err *err)
{
	const struct cfg_policy *p = &x->policy;
	const struct cfg_policy_register *g = p->registers.v;
	const struct cfg_policy_signer *s = p->signers.v;
	const uint8_t *first = NULL;

	for (size_t i = 0; i < p->registers.n; i++) {
		uint8_t *value = new_value(x);

		memcpy(value, g[i].value, ATT_PCR_SIZE);
		add_register(x, (unsigned)g[i].index, value, from);
	}
	if (p->role != NULL && expect_words(x, ROLE_PCR, "role", p->role, "arn:", err) < 0)
		return -1;
	if (p->instance != NULL &&
	    expect_words(x, INSTANCE_PCR, "instance", p->instance, "i-", err) < 0)
		return -1;
	for (size_t i = 0; i < p->signers.n; i++) {
		uint8_t *value = new_value(x);

		first = first != NULL ? first : value;
		memcpy(value, s[i].pcr8, ATT_PCR_SIZE);
	}
	if (first != NULL)
		add_register(x, SIGNER_PCR, first, from);
	return 0;
}

static void limit_age(struct cli_expect *x, uint64_t max_age)
{
	if (max_age == 0 || (x->e.has_max_age && x->e.max_age_s <= max_age))
		return;
	x->e.has_max_age = true;
	x->e.max_age_s = max_age;
}

static int expect_policy(struct cli_expect *x, const char *path, bool has_nonce, struct ss_err *err)
{
	const struct cfg_policy *p = &x->policy;
	const char *from = source(x, "--policy %s", path);

	if (cfg_policy_load(path, &x->policy, err) < 0)
		return -1;
	if (p->nonce && !has_nonce)
		return ss_fail(err, SS_EUSAGE, "'%s' demands a nonce: give --nonce", path);
	if (p->releases != NULL && p->release_rows.n > 0)
		add_set(x, from, p->releases, p->release_rows.n, p->minimum);
	if (policy_registers(x, from, err) < 0)
		return ss_ctx(err, "'%s'", path);
	limit_age(x, p->max_age);
	return 0;
}

bool cli_is_json(const char *path)
{
	static const char end[] = ".json";
	const size_t n = strlen(path);

	return n >= sizeof(end) - 1 && strcmp(path + n - (sizeof(end) - 1), end) == 0;
}

/* The same in JSON: how libselfsame-verify takes policies. */
static int expect_policy_json(struct cli_expect *x, const char *path, bool has_nonce,
			      struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_POLICY_MAX);
	const struct ssv_policy *p;

	if (io_load_file(path, &b, err) < 0)
		return -1;
	if (ssv_policy_read(ss_buf_span(&b), source(x, "--policy %s", path), &x->json, err) < 0)
		return ss_ctx(err, "'%s'", path);
	p = x->json;
	if (p->nonce && !has_nonce)
		return ss_fail(err, SS_EUSAGE, "'%s' demands a nonce: give --nonce", path);
	if (p->set.n > 0)
		x->sets[x->e.n_sets++] = p->set;
	for (size_t i = 0; i < p->n_registers; i++)
		x->registers[x->e.n_registers++] = p->registers[i];
	limit_age(x, p->max_age);
	return 0;
}

/* --- values ---------------------------------------------------------------------------------- */

/* HEX, or @FILE for the bytes of a file. */
static int expect_value(const char *what, const char *text, struct ss_buf *room,
			struct ss_span *ret, struct ss_err *err)
{
	static const uint8_t nothing;
	const size_t n = strlen(text) / 2;
	uint8_t bytes[CLI_EXPECT_VALUE];

	room->max = CLI_EXPECT_VALUE;
	if (text[0] == '@') {
		if (io_load_file(text + 1, room, err) < 0)
			return -1;
	} else if (n > sizeof(bytes) || !ss_unhex(text, bytes, n)) {
		return ss_fail(err, SS_EUSAGE, "%s must be hexadecimal digits, or @FILE", what);
	} else {
		ss_buf_put(room, (struct ss_span){ bytes, n });
	}
	*ret = room->n > 0 ? ss_buf_span(room) : (struct ss_span){ &nothing, 0 };
	return 0;
}

static int expect_values(struct cli_expect *x, const struct cli_expect_opts *o, struct ss_err *err)
{
	if (o->nonce != NULL && expect_value("--nonce", o->nonce, &x->nonce, &x->e.nonce, err) < 0)
		return -1;
	if (o->nonce != NULL && x->e.nonce.n == 0) /* of a variable that was never set */
		return ss_fail(err, SS_EUSAGE, "--nonce is empty: anybody's document may have it");
	if (o->user_data != NULL &&
	    expect_value("--user-data", o->user_data, &x->user_data, &x->e.user_data, err) < 0)
		return -1;
	if (o->public_key != NULL &&
	    expect_value("--public-key", o->public_key, &x->public_key, &x->e.public_key, err) < 0)
		return -1;
	x->e.has_max_age = o->max_age.set;
	x->e.max_age_s = o->max_age.value;
	return 0;
}

int cli_expect_make(const struct cli_expect_opts *o, int64_t now, struct cli_expect *ret,
		    struct ss_err *err)
{
	ret->e.sets = ret->sets;
	ret->e.registers = ret->registers;
	if (expect_values(ret, o, err) < 0 || expect_registers(ret, o, err) < 0 ||
	    load_known(ret, &o->known, err) < 0)
		return -1;
	if (o->eif != NULL && expect_eif(ret, o->eif, now, err) < 0)
		return -1;
	if (o->measurements != NULL && expect_measurements(ret, o->measurements, err) < 0)
		return -1;
	if (o->policy == NULL)
		return 0;
	return (cli_is_json(o->policy) ? expect_policy_json : expect_policy)(
		ret, o->policy, o->nonce != NULL || o->is_endpoint, err);
}

void cli_expect_done(struct cli_expect *x)
{
	for (size_t i = 0; i < x->n_texts; i++)
		free(x->texts[i]);
	free(x->texts);
	ss_buf_done(&x->nonce);
	ss_buf_done(&x->user_data);
	ss_buf_done(&x->public_key);
	cfg_policy_done(&x->policy);
	ssv_policy_free(x->json);
}
