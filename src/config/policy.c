/* SPDX-License-Identifier: Apache-2.0 */
#include "config/policy.h"

#include "base/date.h"
#include "base/hex.h"
#include "base/show.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "io/file.h"

#include <string.h>

#define CERTIFICATE_MAX ((size_t)64 * 1024)

/* --- values ------------------------------------------------------------------------------------
 */

static int check_hex(const struct toml_node *v, const char *name, uint8_t *ret, struct ss_err *err)
{
	if (ss_unhex(v->text, ret, ATT_PCR_SIZE))
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' must be %u hexadecimal digits", v->line, name,
		       2 * ATT_PCR_SIZE);
}

static int check_pcr0(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_policy_release *r = base;

	return check_hex(v, name, r->r.pcr[0], err);
}

static int check_pcr1(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_policy_release *r = base;

	return check_hex(v, name, r->r.pcr[1], err);
}

static int check_pcr2(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_policy_release *r = base;

	return check_hex(v, name, r->r.pcr[2], err);
}

static int check_pcr8(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_policy_release *r = base;

	r->r.has_pcr8 = true;
	return check_hex(v, name, r->r.pcr8, err);
}

static int check_part_hash(const struct toml_node *v, void *base, const char *name,
			   struct ss_err *err)
{
	struct cfg_policy_part *p = base;

	return check_hex(v, name, p->p.sha384, err);
}

static int check_part_name(const struct toml_node *v, void *base, const char *name,
			   struct ss_err *err)
{
	static const char ramdisk[] = "ramdisk";
	const size_t n = sizeof(ramdisk) - 1;
	struct cfg_policy_part *p = base;
	const char *digits = strncmp(v->text, ramdisk, n) == 0 ? v->text + n : "";
	const bool is_numbered = digits[0] != '\0' && strlen(digits) <= 2 &&
				 strspn(digits, "0123456789") == strlen(digits);

	if (!is_numbered && strcmp(v->text, "kernel") != 0 && strcmp(v->text, "cmdline") != 0)
		return ss_fail(err, SS_EINPUT,
			       "line %u: '%s' must be kernel, cmdline, ramdisk0, ramdisk1 …",
			       v->line, name);
	(void)snprintf(p->p.name, sizeof(p->p.name), "%s", v->text);
	return 0;
}

static int check_register(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err)
{
	struct cfg_policy_register *r = base;

	return check_hex(v, name, r->value, err);
}

/* Of "none of these" and "nothing about these" nobody knows which was meant. */
static int check_not_empty(const struct toml_node *v, void *base, const char *name,
			   struct ss_err *err)
{
	(void)base;
	if (v->n == 0)
		return ss_fail(err, SS_EINPUT, "line %u: '%s' is an empty list, which says nothing",
			       v->line, name);
	return 0;
}

static int check_signer_pcr8(const struct toml_node *v, void *base, const char *name,
			     struct ss_err *err)
{
	struct cfg_policy_signer *s = base;

	s->has_pcr8 = true;
	return check_hex(v, name, s->pcr8, err);
}

static int check_version(const struct toml_node *v, void *base, const char *name,
			 struct ss_err *err)
{
	(void)base;
	if (att_is_version(v->text))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' must be numbers with dots between, as in \"1.4.2\"", v->line,
		       name);
}

static int read_date(const struct toml_node *v, const char *name, int64_t *ret, struct ss_err *err)
{
	if (ss_date_read(v->text, ret))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' must be a date or a time of UTC, as in "
		       "\"2026-11-21T10:30:00Z\"",
		       v->line, name);
}

static int check_not_before(const struct toml_node *v, void *base, const char *name,
			    struct ss_err *err)
{
	struct cfg_policy_release *r = base;

	r->r.has_not_before = true;
	return read_date(v, name, &r->r.not_before, err);
}

static int check_not_after(const struct toml_node *v, void *base, const char *name,
			   struct ss_err *err)
{
	struct cfg_policy_release *r = base;

	r->r.has_not_after = true;
	return read_date(v, name, &r->r.not_after, err);
}

/* Until rebuilders are counted, a policy that wants some accepts nothing. */
static int check_rebuilders(const struct toml_node *v, void *base, const char *name,
			    struct ss_err *err)
{
	const struct cfg_policy *p = base;

	if (p->min_rebuilders == 0)
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' is reserved: this version of selfsame counts no rebuilders",
		       v->line, name);
}

static int check_begin(const struct toml_node *v, const char *name, const char *begin,
		       struct ss_err *err)
{
	if (strncmp(v->text, begin, strlen(begin)) == 0)
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' must begin with '%s'", v->line, name, begin);
}

static int check_role(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	return check_begin(v, name, "arn:", err);
}

static int check_instance(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err)
{
	(void)base;
	return check_begin(v, name, "i-", err);
}

/* --- the keys ----------------------------------------------------------------------------------
 */

static const struct cfg_field part_fields[] = {
	{ .key = "type",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_policy_part, name),
	  .need = true,
	  .check = check_part_name },
	{ .key = "size",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_policy_part, p.size),
	  .need = true,
	  .max = INT64_MAX },
	{ .key = "sha384",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_policy_part, text),
	  .need = true,
	  .check = check_part_hash },
	CFG_FIELDS_END,
};

#define SCRATCH offsetof(struct cfg_policy_release, text)

static const struct cfg_field release_fields[] = {
	{ .key = "version",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_policy_release, name),
	  .need = true,
	  .check = check_version },
	{ .key = "note", .kind = CFG_TEXT, .at = offsetof(struct cfg_policy_release, note) },
	{ .key = "not_before", .kind = CFG_TEXT, .at = SCRATCH, .check = check_not_before },
	{ .key = "not_after", .kind = CFG_TEXT, .at = SCRATCH, .check = check_not_after },
	{ .key = "pcr0", .kind = CFG_TEXT, .at = SCRATCH, .need = true, .check = check_pcr0 },
	{ .key = "pcr1", .kind = CFG_TEXT, .at = SCRATCH, .need = true, .check = check_pcr1 },
	{ .key = "pcr2", .kind = CFG_TEXT, .at = SCRATCH, .need = true, .check = check_pcr2 },
	{ .key = "pcr8", .kind = CFG_TEXT, .at = SCRATCH, .check = check_pcr8 },
	{ .key = "part",
	  .kind = CFG_LIST,
	  .at = offsetof(struct cfg_policy_release, parts),
	  .max = ATT_PARTS_MAX,
	  .fields = part_fields,
	  .size = sizeof(struct cfg_policy_part) },
	CFG_FIELDS_END,
};

static const struct cfg_field register_fields[] = {
	{ .key = "index",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_policy_register, index),
	  .need = true,
	  .max = ATT_PCRS - 1 },
	{ .key = "value",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_policy_register, text),
	  .need = true,
	  .check = check_register },
	CFG_FIELDS_END,
};

static const struct cfg_field signer_fields[] = {
	{ .key = "certificate",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_policy_signer, certificate) },
	{ .key = "pcr8",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_policy_signer, text),
	  .check = check_signer_pcr8 },
	CFG_FIELDS_END,
};

const struct cfg_field cfg_policy_fields[] = {
	{ .key = "minimum_release",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_policy, minimum),
	  .check = check_version },
	{ .key = "max_age",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_policy, max_age),
	  .min = 1,
	  .max = CFG_POLICY_MAX_AGE },
	{ .key = "nonce", .kind = CFG_BOOL, .at = offsetof(struct cfg_policy, nonce) },
	{ .key = "min_rebuilders",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_policy, min_rebuilders),
	  .max = 64,
	  .check = check_rebuilders },
	{ .key = "role",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_policy, role),
	  .check = check_role },
	{ .key = "instance",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_policy, instance),
	  .check = check_instance },
	{ .key = "release",
	  .kind = CFG_LIST,
	  .at = offsetof(struct cfg_policy, release_rows),
	  .max = CFG_POLICY_RELEASES,
	  .fields = release_fields,
	  .size = sizeof(struct cfg_policy_release),
	  .check = check_not_empty },
	{ .key = "pcr",
	  .kind = CFG_LIST,
	  .at = offsetof(struct cfg_policy, registers),
	  .max = ATT_PCRS,
	  .fields = register_fields,
	  .size = sizeof(struct cfg_policy_register),
	  .check = check_not_empty },
	{ .key = "signer",
	  .kind = CFG_LIST,
	  .at = offsetof(struct cfg_policy, signers),
	  .max = CFG_POLICY_SIGNERS,
	  .fields = signer_fields,
	  .size = sizeof(struct cfg_policy_signer),
	  .check = check_not_empty },
	CFG_FIELDS_END,
};

/* --- the file ----------------------------------------------------------------------------------
 */

static int check_releases(const struct cfg_policy *p, struct ss_err *err)
{
	const struct cfg_policy_release *r = p->release_rows.v;

	for (size_t i = 0; i < p->release_rows.n; i++) {
		if (r[i].r.has_not_before && r[i].r.has_not_after &&
		    r[i].r.not_after < r[i].r.not_before)
			return ss_fail(err, SS_EINPUT, "release %s ends before it begins",
				       r[i].name);
		for (size_t k = 0; k < i; k++)
			if (att_version_compare(r[i].name, r[k].name) == 0)
				return ss_fail(err, SS_EINPUT, "release %s comes twice", r[i].name);
	}
	return 0;
}

static int check_rest(const struct cfg_policy *p, struct ss_err *err)
{
	const struct cfg_policy_register *g = p->registers.v;
	const struct cfg_policy_signer *s = p->signers.v;

	for (size_t i = 0; i < p->registers.n; i++)
		for (size_t k = 0; k < i; k++)
			if (g[i].index == g[k].index)
				return ss_fail(err, SS_EINPUT, "PCR%u comes twice",
					       (unsigned)g[i].index);
	for (size_t i = 0; i < p->signers.n; i++)
		if ((s[i].certificate != NULL) == s[i].has_pcr8)
			return ss_fail(err, SS_EINPUT,
				       "signer %zu must have either 'certificate' or 'pcr8'",
				       i + 1);
	return 0;
}

/* The releases as att_verify() takes them; names, notes and parts stay where they are. */
static void make_releases(struct cfg_policy *p)
{
	struct cfg_policy_release *row = p->release_rows.v;

	p->releases = ss_calloc(p->release_rows.n + 1, sizeof(*p->releases));
	for (size_t i = 0; i < p->release_rows.n; i++) {
		const struct cfg_policy_part *part = row[i].parts.v;

		row[i].made = ss_calloc(row[i].parts.n + 1, sizeof(*row[i].made));
		for (size_t k = 0; k < row[i].parts.n; k++)
			row[i].made[k] = part[k].p;
		p->releases[i] = row[i].r;
		p->releases[i].name = row[i].name;
		p->releases[i].note = row[i].note;
		p->releases[i].parts = row[i].made;
		p->releases[i].n_parts = row[i].parts.n;
	}
}

int cfg_policy_read(struct ss_span in, struct cfg_policy *ret, struct ss_err *err)
{
	AUTO_TOML struct toml_node *t = NULL;
	AUTO_POLICY struct cfg_policy p = { 0 };

	if (toml_read(in, &t, err) < 0 || cfg_fields_read(cfg_policy_fields, t, "", &p, err) < 0 ||
	    check_releases(&p, err) < 0 || check_rest(&p, err) < 0)
		return -1;
	make_releases(&p);
	*ret = p;
	p = (struct cfg_policy){ 0 };
	return 0;
}

void cfg_policy_done(struct cfg_policy *p)
{
	struct cfg_policy_release *row = p->release_rows.v;

	for (size_t i = 0; i < p->release_rows.n; i++)
		free(row[i].made);
	free(p->releases);
	cfg_fields_done(cfg_policy_fields, p);
	*p = (struct cfg_policy){ 0 };
}

static int load_signer(const char *policy, struct cfg_policy_signer *s, struct ss_err *err)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(CERTIFICATE_MAX);
	AUTO_BUF struct ss_buf der = SS_BUF_INIT(CERTIFICATE_MAX);
	AUTO_CERT struct crypto_cert *c = NULL;
	const char *slash = s->certificate[0] == '/' ? NULL : strrchr(policy, '/');
	const int folder = slash != NULL ? (int)(slash - policy) + 1 : 0;
	char path[2 * CFG_TEXT_MAX];
	const int n = snprintf(path, sizeof(path), "%.*s%s", folder, policy, s->certificate);

	if (n < 0 || (size_t)n >= sizeof(path))
		return ss_fail(err, SS_ELIMIT, "the path of a signer's certificate is too long");
	if (io_load_file(path, &pem, err) < 0)
		return -1;
	if (crypto_cert_read_pem(ss_buf_span(&pem), &c, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(ss_text(path)));
	crypto_cert_der(c, &der);
	att_pcr_of_certificate(ss_buf_span(&der), s->pcr8);
	s->has_pcr8 = true;
	return 0;
}

int cfg_policy_load(const char *path, struct cfg_policy *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_POLICY_MAX);
	AUTO_POLICY struct cfg_policy p = { 0 };

	if (io_load_file(path, &b, err) < 0)
		return -1;
	if (cfg_policy_read(ss_buf_span(&b), &p, err) < 0)
		return ss_ctx(err, "'%s'", path);
	if (p.minimum != NULL && p.release_rows.n == 0)
		return ss_fail(err, SS_EINPUT,
			       "'%s': 'minimum_release' says nothing without a release", path);
	for (size_t i = 0; i < p.signers.n; i++) {
		struct cfg_policy_signer *s = (struct cfg_policy_signer *)p.signers.v + i;

		if (s->certificate != NULL && load_signer(path, s, err) < 0)
			return ss_ctx(err, "'%s': signer %zu", path, i + 1);
	}
	*ret = p;
	p = (struct cfg_policy){ 0 };
	return 0;
}
