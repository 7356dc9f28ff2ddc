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

#include <string.h>

#define SIGNER_PCR 8u
#define ROLE_PCR 3u
#define INSTANCE_PCR 4u
#define CERTIFICATE_MAX ((size_t)64 * 1024)
#define ROOT_MAX ((size_t)64 * 1024)

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

static int expect_eif(struct ssv_question *q, const char *path, int64_t now, struct ss_err *err)
{
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	AUTO_FREE char *source = ssv_join("--eif", " ", path);
	struct eif_measurements m = { 0 };
	struct att_part parts[ATT_PARTS_MAX];
	struct att_release r;

	if (eif_file_open(path, &f, err) < 0 || measure_eif(&f, now, &m, err) < 0)
		return -1;
	if (cfg_release_of(&m, parts, &r, err) < 0)
		return ss_ctx(err, "'%s'", path);
	if (look_at_kernel(&f, &r.kernel_known, err) < 0)
		return -1;
	return ssv_put_image(q, &r, source, err);
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

static int expect_measurements(struct ssv_question *q, const char *path, struct ss_err *err)
{
	AUTO_FREE char *source = ssv_join("--measurements", " ", path);
	struct att_part parts[ATT_PARTS_MAX];
	struct att_release r;

	if (cli_measurements_load(path, parts, &r, err) < 0)
		return -1;
	return ssv_put_image(q, &r, source, err);
}

static int load_known(struct ssv_question *q, const struct cli_list *paths, struct ss_err *err)
{
	struct att_part parts[ATT_PARTS_MAX];
	struct att_release r;

	if (paths->n > SSV_KNOWN_MAX)
		return ss_fail(err, SS_EUSAGE, "--known is given %zu times; the limit is %u",
			       paths->n, SSV_KNOWN_MAX);
	for (size_t i = 0; i < paths->n; i++)
		if (cli_measurements_load(paths->v[i], parts, &r, err) < 0 ||
		    ssv_put_known(q, &r, paths->v[i], err) < 0)
			return -1;
	return 0;
}

/* --- registers ------------------------------------------------------------------------------- */

/* `seen` has a bit for each register that was given. */
static int expect_pcr(struct ssv_question *q, const char *word, uint32_t *seen, struct ss_err *err)
{
	const size_t digits = strspn(word, "0123456789");
	uint8_t value[ATT_PCR_SIZE];
	unsigned index = ATT_PCRS;

	if ((digits == 1 || digits == 2) && word[digits] == '=')
		index = (unsigned)strtoul(word, NULL, 10);
	if (index >= ATT_PCRS || !ss_unhex(word + digits + 1, value, ATT_PCR_SIZE))
		return ss_fail(err, SS_EUSAGE,
			       "--pcr %s: it must be N=HEX, N from 0 to %u, HEX of %u digits",
			       SS_SHOW(ss_text(word)), ATT_PCRS - 1, 2 * ATT_PCR_SIZE);
	if ((*seen & UINT32_C(1) << index) != 0)
		return ss_fail(err, SS_EUSAGE, "--pcr %u is given twice", index);
	*seen |= UINT32_C(1) << index;
	return ssv_put_register(q, index, value, "--pcr", err);
}

static int expect_signer(struct ssv_question *q, const char *path, struct ss_err *err)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(CERTIFICATE_MAX);
	AUTO_BUF struct ss_buf der = SS_BUF_INIT(CERTIFICATE_MAX);
	AUTO_CERT struct crypto_cert *c = NULL;
	AUTO_FREE char *source = ssv_join("--signer", " ", path);
	uint8_t value[ATT_PCR_SIZE];

	if (io_load_file(path, &pem, err) < 0)
		return -1;
	if (crypto_cert_read_pem(ss_buf_span(&pem), &c, err) < 0)
		return ss_ctx(err, "'%s'", path);
	crypto_cert_der(c, &der);
	att_pcr_of_certificate(ss_buf_span(&der), value);
	return ssv_put_register(q, SIGNER_PCR, value, source, err);
}

/* A role or an instance in words: "arn:aws:iam::…:role/NAME", "i-0123…". */
static int expect_words(struct ssv_question *q, unsigned index, const char *what, const char *text,
			const char *begin, struct ss_err *err)
{
	AUTO_FREE char *source = ssv_join(what, " ", text);
	uint8_t value[ATT_PCR_SIZE];

	if (strncmp(text, begin, strlen(begin)) != 0)
		return ss_fail(err, SS_EUSAGE, "%s %s: it must begin with '%s'", what,
			       SS_SHOW(ss_text(text)), begin);
	att_pcr_of_text(text, value);
	return ssv_put_register(q, index, value, source, err);
}

static int expect_registers(struct ssv_question *q, const struct cli_expect_opts *o,
			    struct ss_err *err)
{
	uint32_t seen = 0;

	if (o->pcr.n > ATT_PCRS)
		return ss_fail(err, SS_EUSAGE, "--pcr is given %zu times; there are %u registers",
			       o->pcr.n, ATT_PCRS);
	for (size_t i = 0; i < o->pcr.n; i++)
		if (expect_pcr(q, o->pcr.v[i], &seen, err) < 0)
			return -1;
	if (o->role != NULL && expect_words(q, ROLE_PCR, "--role", o->role, "arn:", err) < 0)
		return -1;
	if (o->instance != NULL &&
	    expect_words(q, INSTANCE_PCR, "--instance", o->instance, "i-", err) < 0)
		return -1;
	return o->signer == NULL ? 0 : expect_signer(q, o->signer, err);
}

/* --- a policy -------------------------------------------------------------------------------- */

static void put_words(struct ssv_policy *p, unsigned index, const char *what, const char *text,
		      char **ret_source)
{
	if (text == NULL)
		return;
	*ret_source = ssv_join(what, " ", text);
	att_pcr_of_text(text, p->values[p->n_values++]);
	ssv_policy_put_register(p, index, 1, *ret_source);
}

/* What was read from TOML, as the reader of JSON has it; both have the same bounds. */
static void fill_policy(const struct cfg_policy *from, struct ssv_policy *p)
{
	const struct cfg_policy_register *g = from->registers.v;
	const struct cfg_policy_signer *s = from->signers.v;

	_Static_assert(CFG_POLICY_SIGNERS <= SSV_SIGNERS_MAX, "there is room for each");
	p->set = (struct att_releases){ .source = p->source,
					.v = from->releases,
					.n = from->release_rows.n,
					.minimum = from->minimum };
	for (size_t i = 0; i < from->registers.n; i++) {
		memcpy(p->values[p->n_values++], g[i].value, ATT_PCR_SIZE);
		ssv_policy_put_register(p, (unsigned)g[i].index, 1, p->source);
	}
	put_words(p, ROLE_PCR, "role", from->role, &p->role);
	put_words(p, INSTANCE_PCR, "instance", from->instance, &p->instance);
	for (size_t i = 0; i < from->signers.n; i++)
		memcpy(p->values[p->n_values++], s[i].pcr8, ATT_PCR_SIZE);
	if (from->signers.n > 0)
		ssv_policy_put_register(p, SIGNER_PCR, from->signers.n, p->source);
	p->max_age = from->max_age;
	p->nonce = from->nonce;
}

static int read_toml(const char *path, const char *source, struct cfg_policy *room,
		     struct ssv_policy **ret, struct ss_err *err)
{
	if (cfg_policy_load(path, room, err) < 0)
		return -1;
	*ret = ssv_policy_new(source);
	fill_policy(room, *ret);
	return 0;
}

bool cli_is_json(const char *path)
{
	static const char end[] = ".json";
	const size_t n = strlen(path);

	return n >= sizeof(end) - 1 && strcmp(path + n - (sizeof(end) - 1), end) == 0;
}

/* The same in JSON: how libselfsame-verify takes policies. */
static int read_json(const char *path, const char *source, struct ssv_policy **ret,
		     struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_POLICY_MAX);

	if (io_load_file(path, &b, err) < 0)
		return -1;
	return ssv_policy_read(ss_buf_span(&b), source, ret, err) < 0 ? ss_ctx(err, "'%s'", path)
								      : 0;
}

static int expect_policy(struct cli_question *x, const char *path, bool has_nonce,
			 struct ss_err *err)
{
	AUTO_FREE char *source = ssv_join("--policy", " ", path);
	AUTO_SSV_POLICY struct ssv_policy *p = NULL;

	if ((cli_is_json(path) ? read_json(path, source, &p, err)
			       : read_toml(path, source, &x->policy, &p, err)) < 0)
		return -1;
	if (p->nonce && !has_nonce)
		return ss_fail(err, SS_EUSAGE, "'%s' demands a nonce: give --nonce", path);
	return ssv_put_policy(x->q, TAKE_PTR(p), err);
}

/* --- values ---------------------------------------------------------------------------------- */

/* HEX, or @FILE for the bytes of a file. */
static int expect_value(struct ssv_question *q, enum ssv_what what, const char *name,
			const char *text, struct ss_err *err)
{
	AUTO_BUF struct ss_buf value = SS_BUF_INIT(CLI_EXPECT_VALUE);
	const size_t n = strlen(text) / 2;
	uint8_t bytes[CLI_EXPECT_VALUE];

	if (text[0] == '@') {
		if (io_load_file(text + 1, &value, err) < 0)
			return -1;
	} else if (n > sizeof(bytes) || !ss_unhex(text, bytes, n)) {
		return ss_fail(err, SS_EUSAGE, "%s must be hexadecimal digits, or @FILE", name);
	} else {
		ss_buf_put(&value, (struct ss_span){ bytes, n });
	}
	if (what == SSV_NONCE && value.n == 0) /* of a variable that was never set */
		return ss_fail(err, SS_EUSAGE, "--nonce is empty: anybody's document may have it");
	ssv_put_value(q, what, ss_buf_span(&value));
	return 0;
}

static int expect_values(struct ssv_question *q, const struct cli_expect_opts *o,
			 struct ss_err *err)
{
	if (o->nonce != NULL && expect_value(q, SSV_NONCE, "--nonce", o->nonce, err) < 0)
		return -1;
	if (o->user_data != NULL &&
	    expect_value(q, SSV_USER_DATA, "--user-data", o->user_data, err) < 0)
		return -1;
	if (o->public_key != NULL &&
	    expect_value(q, SSV_PUBLIC_KEY, "--public-key", o->public_key, err) < 0)
		return -1;
	if (o->max_age.set)
		ssv_put_max_age(q, o->max_age.value);
	return 0;
}

/* --- what is trusted ------------------------------------------------------------------------- */

/* A root certificate instead of AWS's. */
static int trust_root(struct ssv_question *q, const char *path, struct ss_err *err)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(ROOT_MAX);

	if (io_load_file(path, &pem, err) < 0)
		return -1;
	return ssv_put_root(q, ss_buf_span(&pem), err) < 0 ? ss_ctx(err, "'%s'", path) : 0;
}

static int trust(struct ssv_question *q, const struct cli_expect_opts *o, struct ss_err *err)
{
	if ((o->allow_debug && ssv_allow_debug(q) < 0) ||
	    (o->allow_emulated && ssv_allow_emulated(q) < 0) ||
	    ssv_allow_leeway(q, (unsigned)o->leeway.value) < 0)
		return ss_fail(err, SS_EUSAGE, "%s", ssv_question_error(q));
	return o->root != NULL ? trust_root(q, o->root, err) : 0;
}

int cli_question_make(const struct cli_expect_opts *o, bool is_endpoint, int64_t now,
		      struct cli_question *ret, struct ss_err *err)
{
	struct ssv_question *q = ret->q = ssv_question_new();

	if (is_endpoint)
		ssv_put_endpoint(q);
	if (ssv_at_time(q, now) < 0 || expect_values(q, o, err) < 0 ||
	    expect_registers(q, o, err) < 0 || load_known(q, &o->known, err) < 0)
		return -1;
	if (o->eif != NULL && expect_eif(q, o->eif, now, err) < 0)
		return -1;
	if (o->measurements != NULL && expect_measurements(q, o->measurements, err) < 0)
		return -1;
	if (o->policy != NULL &&
	    expect_policy(ret, o->policy, o->nonce != NULL || is_endpoint, err) < 0)
		return -1;
	return ssv_question_check(q, err) < 0 ? -1 : trust(q, o, err);
}

void cli_question_done(struct cli_question *x)
{
	ssv_question_free(x->q);
	cfg_policy_done(&x->policy);
}
