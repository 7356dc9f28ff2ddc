/* SPDX-License-Identifier: Apache-2.0 */
#include "config/enclave_lock.h"

#include "io/file.h"

#include <string.h>

static const char heading[] = "# Written by selfsame. Commit it: `selfsame rebuild` goes by it.\n";

bool cfg_is_digest(const char *s)
{
	return strncmp(s, "sha256:", 7) == 0 && cfg_is_sha256(s + 7);
}

static int check_digest(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (cfg_is_digest(v->text))
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' must be sha256: and 64 lower-case digits",
		       v->line, name);
}

static int check_runtime(const struct toml_node *v, void *base, const char *name,
			 struct ss_err *err)
{
	for (size_t i = 0; i < v->n; i++)
		if (cfg_check_sha256(v->kids[i], base, name, err) < 0)
			return -1;
	return 0;
}

static int check_schema(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	(void)name;
	if (v->num == CFG_LOCK_SCHEMA)
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: the lock has schema %d; this release reads schema %u", v->line,
		       (int)v->num, CFG_LOCK_SCHEMA);
}

#define LOCK_AT(member) offsetof(struct cfg_lock, member)

static const struct cfg_field image_fields[] = {
	{ .key = "manifest", .kind = CFG_TEXT, .at = LOCK_AT(manifest), .check = check_digest },
	{ .key = "name", .kind = CFG_TEXT, .at = LOCK_AT(name), .need = true },
	{ .key = "version", .kind = CFG_TEXT, .at = LOCK_AT(version), .need = true },
	CFG_FIELDS_END,
};

static const struct cfg_field build_fields[] = {
	{ .key = "args", .kind = CFG_PAIRS, .at = LOCK_AT(args) },
	{ .key = "clock", .kind = CFG_NUM, .at = LOCK_AT(clock), .max = UINT32_MAX },
	{ .key = "dockerfile", .kind = CFG_TEXT, .at = LOCK_AT(dockerfile) },
	{ .key = "engine",
	  .kind = CFG_TEXT,
	  .at = LOCK_AT(engine),
	  .need = true,
	  .choices = "buildah buildkit" },
	{ .key = "engine_version", .kind = CFG_TEXT, .at = LOCK_AT(engine_version), .need = true },
	{ .key = "hermetic",
	  .kind = CFG_TEXT,
	  .at = LOCK_AT(hermetic),
	  .choices = "full no engine" },
	{ .key = "level", .kind = CFG_TEXT, .at = LOCK_AT(level), .choices = "light full" },
	{ .key = "platform", .kind = CFG_TEXT, .at = LOCK_AT(platform) },
	{ .key = "seed", .kind = CFG_TEXT, .at = LOCK_AT(seed), .check = cfg_check_sha256 },
	{ .key = "target", .kind = CFG_TEXT, .at = LOCK_AT(target) },
	CFG_FIELDS_END,
};

static const struct cfg_field base_fields[] = {
	{ .key = "digest",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_base, digest),
	  .need = true,
	  .check = check_digest },
	{ .key = "name", .kind = CFG_TEXT, .at = offsetof(struct cfg_base, name), .need = true },
	CFG_FIELDS_END,
};

static const struct cfg_field kernel_fields[] = {
	{ .key = "cmdline", .kind = CFG_TEXT, .at = LOCK_AT(cmdline) },
	{ .key = "name",
	  .kind = CFG_TEXT,
	  .at = LOCK_AT(kernel),
	  .need = true,
	  .choices = "nitro local file" },
	{ .key = "sha256",
	  .kind = CFG_TEXT,
	  .at = LOCK_AT(kernel_sha256),
	  .need = true,
	  .check = cfg_check_sha256 },
	{ .key = "standing", .kind = CFG_TEXT, .at = LOCK_AT(kernel_standing), .need = true },
	CFG_FIELDS_END,
};

const struct cfg_field cfg_lock_fields[] = {
	{ .key = "arch",
	  .kind = CFG_TEXT,
	  .at = LOCK_AT(arch),
	  .need = true,
	  .choices = "x86_64 aarch64" },
	{ .key = "form",
	  .kind = CFG_TEXT,
	  .at = LOCK_AT(form),
	  .need = true,
	  .choices = "selfsame nitro-cli" },
	{ .key = "layout",
	  .kind = CFG_NUM,
	  .at = LOCK_AT(layout),
	  .need = true,
	  .min = 1,
	  .max = 1 },
	{ .key = "normalisers", .kind = CFG_TEXTS, .at = LOCK_AT(normalisers), .need = true },
	{ .key = "schema",
	  .kind = CFG_NUM,
	  .at = LOCK_AT(schema),
	  .need = true,
	  .max = INT32_MAX,
	  .check = check_schema },
	{ .key = "source_date_epoch",
	  .kind = CFG_NUM,
	  .at = LOCK_AT(epoch),
	  .need = true,
	  .max = UINT32_MAX },
	{ .key = "tool", .kind = CFG_TEXT, .at = LOCK_AT(tool), .need = true },
	{ .key = "base",
	  .kind = CFG_LIST,
	  .at = LOCK_AT(bases),
	  .fields = base_fields,
	  .size = sizeof(struct cfg_base) },
	{ .key = "build", .kind = CFG_TABLE, .fields = build_fields },
	{ .key = "image", .kind = CFG_TABLE, .fields = image_fields, .need = true },
	{ .key = "input",
	  .kind = CFG_LIST,
	  .at = LOCK_AT(inputs),
	  .max = CFG_INPUTS_MAX,
	  .fields = cfg_input_fields,
	  .size = sizeof(struct cfg_input) },
	{ .key = "kernel", .kind = CFG_TABLE, .fields = kernel_fields, .need = true },
	{ .key = "runtime",
	  .kind = CFG_PAIRS,
	  .at = LOCK_AT(runtime),
	  .need = true,
	  .check = check_runtime },
	{ .key = "step",
	  .kind = CFG_LIST,
	  .at = LOCK_AT(steps),
	  .max = CFG_STEPS_MAX,
	  .fields = cfg_step_fields,
	  .size = sizeof(struct cfg_step) },
	CFG_FIELDS_END,
};

void cfg_lock_base_set(struct cfg_lock *l, const char *name, const char *digest)
{
	struct cfg_base *v = l->bases.v;
	size_t i = 0;

	while (i < l->bases.n && strcmp(v[i].name, name) < 0)
		i++;
	if (i == l->bases.n || strcmp(v[i].name, name) != 0) {
		v = ss_reallocarray(v, l->bases.n + 1, sizeof(*v));
		memmove(&v[i + 1], &v[i], (l->bases.n - i) * sizeof(*v));
		v[i] = (struct cfg_base){ 0 };
		cfg_text_set(&v[i].name, name);
		l->bases.v = v;
		l->bases.n++;
	}
	cfg_text_set(&v[i].digest, digest);
}

const char *cfg_lock_base(const struct cfg_lock *l, const char *name)
{
	const struct cfg_base *v = l->bases.v;

	for (size_t i = 0; i < l->bases.n; i++)
		if (strcmp(v[i].name, name) == 0)
			return v[i].digest;
	return NULL;
}

void cfg_lock_write(const struct cfg_lock *l, struct ss_buf *b)
{
	AUTO_TOML struct toml_node *t = toml_new(TOML_TABLE, 0);
	AUTO_BUF struct ss_buf body = SS_BUF_INIT(CFG_LOCK_MAX);

	cfg_fields_write(cfg_lock_fields, l, t);
	toml_write(t, &body);
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)heading, sizeof(heading) - 1 });
	ss_buf_put(b, ss_buf_span(&body));
	b->bad |= body.bad;
}

void cfg_lock_done(struct cfg_lock *l)
{
	cfg_fields_done(cfg_lock_fields, l);
}

static bool is_hermetic(const struct cfg_lock *l)
{
	return l->hermetic != NULL && strcmp(l->hermetic, "full") == 0;
}

/* What one field cannot tell alone. */
static int check_seed(const struct cfg_lock *l, struct ss_err *err)
{
	const bool full = is_hermetic(l);

	if (!full && l->clock != 0)
		return ss_fail(err, SS_EINPUT, "'build.clock' of a build that is not hermetic");
	if (full == (l->seed != NULL))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       full ? "'build.seed' is missing of a hermetic build"
			    : "'build.seed' of a build that is not hermetic");
}

static int check_levels(const struct cfg_lock *l, struct ss_err *err)
{
	if (is_hermetic(l) || (l->level == NULL && l->steps.n == 0))
		return 0;
	return ss_fail(err, SS_EINPUT, "'%s' of a build that is not hermetic",
		       l->level != NULL ? "build.level" : "step");
}

static int check_inputs(const struct cfg_lock *l, struct ss_err *err)
{
	const struct cfg_input *v = l->inputs.v;

	for (size_t i = 0; i < l->inputs.n; i++)
		if ((strcmp(v[i].method, "HEAD") == 0) != (v[i].sha256 == NULL))
			return ss_fail(err, SS_EINPUT, "input %s '%s': 'input.sha256' is %s",
				       v[i].method, v[i].url,
				       v[i].sha256 != NULL ? "of no body" : "missing");
	return 0;
}

/* Sorted and single, whoever wrote it: what follows may rely on it, and so may the next writer. */
static int sort_all(struct cfg_lock *l, struct ss_err *err)
{
	struct cfg_lock sorted = { 0 };
	const struct cfg_base *v = l->bases.v;
	struct cfg_list tmp;

	cfg_texts_sort(&l->normalisers);
	for (size_t i = 0; i < l->bases.n; i++)
		cfg_lock_base_set(&sorted, v[i].name, v[i].digest);
	tmp = l->bases;
	l->bases = sorted.bases;
	sorted.bases = tmp;
	cfg_lock_done(&sorted);
	return cfg_inputs_sort(&l->inputs, err) < 0 ? -1 : cfg_steps_sort(&l->steps, err);
}

int cfg_lock_read(struct ss_span in, struct cfg_lock *ret, struct ss_err *err)
{
	AUTO_TOML struct toml_node *t = NULL;
	const struct toml_node *schema;
	struct cfg_lock l = { 0 };

	*ret = l;
	if (toml_read(in, &t, err) < 0)
		return -1;
	/* First: a newer schema has keys that are unknown here. */
	schema = toml_get(t, "schema");
	if (schema != NULL && schema->type == TOML_INT &&
	    check_schema(schema, &l, "schema", err) < 0)
		return -1;
	if (cfg_fields_read(cfg_lock_fields, t, "", &l, err) < 0 || check_seed(&l, err) < 0 ||
	    check_levels(&l, err) < 0 || check_inputs(&l, err) < 0 || sort_all(&l, err) < 0) {
		cfg_lock_done(&l);
		return -1;
	}
	*ret = l;
	return 0;
}

int cfg_lock_load(const char *path, struct cfg_lock *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_LOCK_MAX);

	*ret = (struct cfg_lock){ 0 };
	if (io_load_file(path, &b, err) < 0)
		return -1;
	if (cfg_lock_read(ss_buf_span(&b), ret, err) < 0)
		return ss_ctx(err, "'%s'", path);
	return 0;
}
