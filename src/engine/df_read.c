/* SPDX-License-Identifier: Apache-2.0 */
#include "base/near.h"
#include "base/show.h"
#include "engine/df_expand.h"
#include "engine/df_lines.h"
#include "engine/dockerfile.h"
#include "engine/imgref.h"

#include <string.h>

#define WORD_MAX 4096u
#define STAGES_MAX 256u

struct reader {
	struct df_source src;
	struct df_instruction now;
	struct df_file f;
	struct cfg_pairs vars;      /* ARG before the first FROM, with values */
	struct cfg_pairs platforms; /* TARGETARCH and its kin */
	struct cfg_texts stages;    /* names, lower case; "" for one without */
	const struct df_globals *g;
};

static struct ss_span span_of(const struct df_word *w)
{
	return (struct ss_span){ (const uint8_t *)w->p, w->n };
}

static bool next_word(const struct reader *r, size_t *at, struct df_word *ret)
{
	return df_word_next(&r->now, r->src.escape, at, ret);
}

/* --- stages
 * ---------------------------------------------------------------------------------------- */

static void lower(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

static bool is_stage(const struct reader *r, const char *name)
{
	AUTO_FREE char *low = NULL;

	cfg_text_set(&low, name);
	lower(low);
	/* Not the stage that is just being written. */
	for (size_t i = 0; i + 1 < r->stages.n; i++)
		if (strcmp(r->stages.v[i], low) == 0)
			return true;
	return false;
}

static bool is_stage_number(const struct reader *r, const char *text, bool *ret_exists)
{
	const size_t n = strlen(text);
	size_t v = 0;

	if (n == 0 || n > 4 || strspn(text, "0123456789") != n)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (size_t)(text[i] - '0');
	*ret_exists = v + 1 < r->stages.n;
	return true;
}

static int add_stage(struct reader *r, const struct df_word *name, struct ss_err *err)
{
	char text[WORD_MAX] = "";

	if (r->stages.n == STAGES_MAX)
		return ss_fail(err, SS_ELIMIT, "line %u: more than %u stages", r->now.line,
			       STAGES_MAX);
	if (name != NULL) {
		if (name->n >= sizeof(text))
			return ss_fail(err, SS_ELIMIT, "line %u: the stage's name is too long",
				       r->now.line);
		memcpy(text, name->p, name->n);
		lower(text);
	}
	cfg_texts_push(&r->stages, text);
	r->f.stages = ss_reallocarray(r->f.stages, r->f.n_stages + 1, sizeof(*r->f.stages));
	r->f.stages[r->f.n_stages++] = r->now.end;
	return 0;
}

/* --- uses
 * ------------------------------------------------------------------------------------------ */

/* `image` is what the word `w` of the file means. */
static int add_use(struct reader *r, const struct df_word *w, const char *image,
		   const char *platform, struct ss_err *err)
{
	struct df_use u = { .line = r->now.line, .n = w->n };
	struct imgref ref;

	if (r->f.n_uses == DF_MAX_USES)
		return ss_fail(err, SS_ELIMIT, "line %u: more than %u images", u.line, DF_MAX_USES);
	if (!df_word_place(&r->now, w, &u.at))
		return ss_fail(err, SS_EINPUT, "line %u: the image's name is broken over two lines",
			       u.line);
	if (imgref_read(image, &ref, err) < 0)
		return ss_ctx(err, "line %u", u.line);
	u.name = imgref_full(&ref);
	cfg_text_set(&u.repo, ref.repo);
	cfg_text_set(&u.digest, ref.digest);
	cfg_text_set(&u.platform, platform);
	imgref_done(&ref);
	r->f.uses = ss_reallocarray(r->f.uses, r->f.n_uses + 1, sizeof(*r->f.uses));
	r->f.uses[r->f.n_uses++] = u;
	return 0;
}

/* The value of --from or from=: a stage, its number, or an image. */
static int add_from(struct reader *r, const struct df_word *w, struct ss_err *err)
{
	char text[WORD_MAX] = "";
	bool exists = false;

	if (w->n == 0 || w->n >= sizeof(text))
		return ss_fail(err, SS_EINPUT, "line %u: 'from' is empty or too long", r->now.line);
	memcpy(text, w->p, w->n);
	if (strpbrk(text, "$\"'\\`") != NULL)
		return ss_fail(err, SS_EINPUT,
			       "line %u: 'from' may hold neither variables nor "
			       "quotes",
			       r->now.line);
	if (is_stage_number(r, text, &exists)) {
		if (exists)
			return 0;
		return ss_fail(err, SS_EINPUT, "line %u: there is no stage %s before this one",
			       r->now.line, text);
	}
	return is_stage(r, text) ? 0 : add_use(r, w, text, NULL, err);
}

/* --- instructions
 * ---------------------------------------------------------------------------------- */

static int expand_word(const struct reader *r, const struct df_word *w, struct ss_buf *ret,
		       struct ss_err *err)
{
	if (df_expand(span_of(w), r->src.escape, &r->vars, ret, err) < 0)
		return ss_ctx(err, "line %u", r->now.line);
	ss_buf_put(ret, (struct ss_span){ (const uint8_t *)"", 1 });
	if (ret->bad || memchr(ret->p, 0, ret->n) != ret->p + ret->n - 1)
		return ss_fail(err, SS_ELIMIT, "line %u: a word over %u bytes", r->now.line,
			       WORD_MAX);
	return 0;
}

/* "--name=value" → the value; false if it is another flag. */
static bool flag_value(const struct df_word *w, const char *name, struct df_word *ret)
{
	const size_t n = strlen(name);

	if (w->n <= n || memcmp(w->p, name, n) != 0 || w->p[n] != '=')
		return false;
	*ret = (struct df_word){ w->p + n + 1, w->n - n - 1 };
	return true;
}

static bool is_flag(const struct df_word *w)
{
	return w->n >= 2 && memcmp(w->p, "--", 2) == 0;
}

/* What follows the image: nothing, or AS and a name. */
static int read_as(struct reader *r, size_t at, struct df_word *ret_name, bool *ret_has,
		   struct ss_err *err)
{
	struct df_word w;

	*ret_has = false;
	if (!next_word(r, &at, &w))
		return 0;
	if (df_word_is(&w, "AS") && next_word(r, &at, ret_name) && !next_word(r, &at, &w)) {
		*ret_has = true;
		return 0;
	}
	return ss_fail(err, SS_EINPUT, "line %u: FROM takes an image, or an image, AS and a name",
		       r->now.line);
}

static int read_from(struct reader *r, size_t at, struct ss_err *err)
{
	AUTO_BUF struct ss_buf platform = SS_BUF_INIT(WORD_MAX);
	AUTO_BUF struct ss_buf image = SS_BUF_INIT(WORD_MAX);
	struct df_word w = { NULL, 0 }, name, value;
	bool has_name;
	const char *text;

	while (next_word(r, &at, &w) && is_flag(&w)) {
		platform.n = 0;
		if (!flag_value(&w, "--platform", &value))
			return ss_fail(err, SS_EINPUT, "line %u: FROM has no option '%s'",
				       r->now.line, SS_SHOW(span_of(&w)));
		if (expand_word(r, &value, &platform, err) < 0)
			return -1;
	}
	if (w.n == 0 || is_flag(&w))
		return ss_fail(err, SS_EINPUT, "line %u: FROM needs an image", r->now.line);
	if (expand_word(r, &w, &image, err) < 0 || read_as(r, at, &name, &has_name, err) < 0)
		return -1;
	text = (const char *)image.p;
	if (text[0] == '\0')
		return ss_fail(err, SS_EINPUT,
			       "line %u: the image '%s' is empty: a variable without a value",
			       r->now.line, SS_SHOW(span_of(&w)));
	if (add_stage(r, has_name ? &name : NULL, err) < 0)
		return -1;
	if (is_stage(r, text)) {
		r->f.grafted = true;
		return 0;
	}
	if (strcmp(text, "scratch") == 0)
		return 0;
	return add_use(r, &w, text, platform.n > 1 ? (const char *)platform.p : NULL, err);
}

/* ARG before the first FROM: its values are for FROM. */
static int set_global(struct reader *r, const char *name, const struct df_word *value,
		      struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(WORD_MAX);
	const char *given = cfg_pairs_get(r->g->args, name);

	if (given == NULL && value == NULL)
		given = cfg_pairs_get(&r->platforms, name);
	if (given != NULL) {
		cfg_pairs_set(&r->vars, name, given);
		return 0;
	}
	if (value == NULL)
		return 0;
	if (expand_word(r, value, &b, err) < 0)
		return -1;
	cfg_pairs_set(&r->vars, name, (const char *)b.p);
	return 0;
}

static int read_arg(struct reader *r, size_t at, struct ss_err *err)
{
	struct df_word w;

	while (next_word(r, &at, &w)) {
		const char *eq = memchr(w.p, '=', w.n);
		const size_t n = eq != NULL ? (size_t)(eq - w.p) : w.n;
		const struct df_word value = { eq != NULL ? eq + 1 : NULL, w.n - n - 1 };
		char name[WORD_MAX] = "";

		if (n == 0 || n >= sizeof(name))
			return ss_fail(err, SS_EINPUT, "line %u: ARG needs a name", r->now.line);
		memcpy(name, w.p, n);
		cfg_texts_push(&r->f.args, name);
		if (r->stages.n == 0 && set_global(r, name, eq != NULL ? &value : NULL, err) < 0)
			return -1;
	}
	return 0;
}

static int read_copy(struct reader *r, size_t at, struct ss_err *err)
{
	struct df_word w, value;

	while (next_word(r, &at, &w) && is_flag(&w))
		if (flag_value(&w, "--from", &value) && add_from(r, &value, err) < 0)
			return -1;
	return 0;
}

/* "target=/x" and its other names; the first place of each is kept. */
static void note_target(struct reader *r, const char *p, size_t n)
{
	static const char *const names[] = { "target=", "dst=", "destination=" };
	char line[16];

	(void)snprintf(line, sizeof(line), "%u", r->now.line);
	for (size_t i = 0; i < SS_NELEMS(names); i++) {
		const size_t skip = strlen(names[i]);
		char target[WORD_MAX] = "";

		if (n <= skip || n - skip >= sizeof(target) || memcmp(p, names[i], skip) != 0)
			continue;
		memcpy(target, p + skip, n - skip);
		for (size_t end = n - skip; end > 1 && target[end - 1] == '/'; end--)
			target[end - 1] = '\0';
		if (cfg_pairs_get(&r->f.mounts, target) == NULL)
			cfg_pairs_set(&r->f.mounts, target, line);
	}
}

/* "type=cache,from=image,…" */
static int read_mount(struct reader *r, const struct df_word *mount, struct ss_err *err)
{
	const char *p = mount->p;
	const char *end = mount->p + mount->n;

	if (memchr(p, '"', mount->n) != NULL || memchr(p, '\'', mount->n) != NULL)
		return ss_fail(err, SS_EINPUT, "line %u: quotes in --mount", r->now.line);
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const size_t n = (size_t)((comma != NULL ? comma : end) - p);
		const struct df_word from = { p + 5, n - 5 };

		if (n >= 5 && memcmp(p, "from=", 5) == 0 && add_from(r, &from, err) < 0)
			return -1;
		if (n == 10 && memcmp(p, "type=cache", 10) == 0 && r->f.cache_mount_line == 0)
			r->f.cache_mount_line = r->now.line;
		note_target(r, p, n);
		p += n + (comma != NULL ? 1 : 0);
	}
	return 0;
}

static int read_run(struct reader *r, size_t at, struct ss_err *err)
{
	struct df_word w, value;

	while (next_word(r, &at, &w) && is_flag(&w))
		if (flag_value(&w, "--mount", &value) && read_mount(r, &value, err) < 0)
			return -1;
	return 0;
}

static int read_volume(struct reader *r, size_t at, struct ss_err *err)
{
	const struct df_word all = { (const char *)r->now.text.p, 1 };
	struct df_range v = { 0 };

	(void)at;
	(void)err;
	(void)df_word_place(&r->now, &all, &v.at);
	v.n = r->now.end - v.at;
	r->f.volumes = ss_reallocarray(r->f.volumes, r->f.n_volumes + 1, sizeof(*r->f.volumes));
	r->f.volumes[r->f.n_volumes++] = v;
	return 0;
}

static int ignore(struct reader *r, size_t at, struct ss_err *err)
{
	(void)r;
	(void)at;
	(void)err;
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct reader *r, size_t at, struct ss_err *err);
} instructions[] = {
	{ "ADD", ignore },     { "ARG", read_arg },       { "CMD", ignore },
	{ "COPY", read_copy }, { "ENTRYPOINT", ignore },  { "ENV", ignore },
	{ "EXPOSE", ignore },  { "FROM", read_from },     { "HEALTHCHECK", ignore },
	{ "LABEL", ignore },   { "MAINTAINER", ignore },  { "ONBUILD", ignore },
	{ "RUN", read_run },   { "SHELL", ignore },       { "STOPSIGNAL", ignore },
	{ "USER", ignore },    { "VOLUME", read_volume }, { "WORKDIR", ignore },
};

static int unknown(const struct reader *r, const struct df_word *w, struct ss_err *err)
{
	char text[64];
	struct ss_near near;

	(void)snprintf(text, sizeof(text), "%.*s", (int)(w->n < 63 ? w->n : 63), w->p);
	for (char *p = text; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	near = ss_near_init(text);
	for (size_t i = 0; i < SS_NELEMS(instructions); i++)
		ss_near_offer(&near, instructions[i].name);
	if (near.best != NULL)
		return ss_fail(err, SS_EINPUT,
			       "line %u: unknown instruction '%s'; did you mean %s?", r->now.line,
			       SS_SHOW(span_of(w)), near.best);
	return ss_fail(err, SS_EINPUT, "line %u: unknown instruction '%s'", r->now.line,
		       SS_SHOW(span_of(w)));
}

static int read_one(struct reader *r, struct ss_err *err)
{
	struct df_word w = { NULL, 0 };
	size_t at = 0;

	(void)next_word(r, &at, &w);
	if (r->now.heredoc_line != 0 && r->f.heredoc_line == 0)
		r->f.heredoc_line = r->now.heredoc_line;
	for (size_t i = 0; i < SS_NELEMS(instructions); i++) {
		if (!df_word_is(&w, instructions[i].name))
			continue;
		if (r->stages.n == 0 && !df_word_is(&w, "FROM") && !df_word_is(&w, "ARG"))
			return ss_fail(err, SS_EINPUT, "line %u: %s before the first FROM",
				       r->now.line, instructions[i].name);
		return instructions[i].read(r, at, err);
	}
	return unknown(r, &w, err);
}

/* --- the file
 * ---------------------------------------------------------------------------------------- */

/* "linux/arm/v7" → its parts, under names that begin with `prefix`. */
static void set_platform(struct cfg_pairs *to, const char *prefix, const char *platform)
{
	static const char *const parts[] = { "OS", "ARCH", "VARIANT" };
	const char *p = platform;
	char name[32], value[64];

	(void)snprintf(name, sizeof(name), "%sPLATFORM", prefix);
	cfg_pairs_set(to, name, platform);
	for (size_t i = 0; i < SS_NELEMS(parts); i++) {
		const size_t n = strcspn(p, "/");

		(void)snprintf(name, sizeof(name), "%s%s", prefix, parts[i]);
		(void)snprintf(value, sizeof(value), "%.*s", (int)n, p);
		cfg_pairs_set(to, name, value);
		p += n + (p[n] == '/' ? 1 : 0);
	}
}

static void reader_done(struct reader *r)
{
	df_instruction_done(&r->now);
	df_done(&r->f);
	cfg_pairs_done(&r->vars);
	cfg_pairs_done(&r->platforms);
	cfg_texts_done(&r->stages);
}

static int read_all(struct reader *r, struct ss_err *err)
{
	bool end = false;

	for (;;) {
		if (df_next(&r->src, &r->now, &end, err) < 0)
			return -1;
		if (end)
			break;
		if (read_one(r, err) < 0)
			return -1;
	}
	if (r->stages.n == 0)
		return ss_fail(err, SS_EINPUT, "no FROM");
	return 0;
}

int df_read(struct ss_span in, const struct df_globals *g, struct df_file *ret, struct ss_err *err)
{
	SS_CLEANUP(reader_done) struct reader r = { .g = g };

	*ret = (struct df_file){ 0 };
	if (in.n > DF_MAX_SIZE)
		return ss_fail(err, SS_ELIMIT, "%zu bytes; the limit is %zu", in.n, DF_MAX_SIZE);
	df_source_init(&r.src, in);
	set_platform(&r.platforms, "TARGET", g->platform);
	set_platform(&r.platforms, "BUILD", g->build_platform);
	/* These are there without an ARG. */
	for (size_t i = 0; i < r.platforms.n; i++)
		cfg_pairs_set(&r.vars, r.platforms.v[i].key, r.platforms.v[i].value);
	if (read_all(&r, err) < 0)
		return -1;
	r.f.top = r.src;
	cfg_texts_sort(&r.f.args);
	*ret = r.f;
	r.f = (struct df_file){ 0 };
	return 0;
}

void df_done(struct df_file *f)
{
	for (size_t i = 0; i < f->n_uses; i++) {
		free(f->uses[i].name);
		free(f->uses[i].repo);
		free(f->uses[i].digest);
		free(f->uses[i].platform);
	}
	free(f->uses);
	free(f->stages);
	free(f->volumes);
	cfg_pairs_done(&f->mounts);
	cfg_texts_done(&f->args);
	*f = (struct df_file){ 0 };
}
