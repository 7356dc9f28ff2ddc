/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint.h"

#include "base/text.h"
#include "doctor/lint_step.h"
#include "engine/df_expand.h"
#include "engine/dockerfile.h"
#include "fmt/json.h"

#include <assert.h>
#include <string.h>

#define VALUE_MAX 4096u
#define STAGES_MAX 256u

static struct ss_span word_span(const struct df_word *w)
{
	return (struct ss_span){ (const uint8_t *)w->p, w->n };
}

/* --- variables ----------------------------------------------------------------------------------
 */

/* A value as the file has it, quotes and all. */
static void set_var(struct lint *l, struct ss_span name, struct ss_span value)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(VALUE_MAX);
	AUTO_FREE char *key = lint_copy((const char *)name.p, name.n);
	struct cfg_pairs *to = l->in_stage ? &l->vars : &l->globals;
	struct ss_err ignored = { 0 };

	if (key[0] == '\0' || (to->n >= LINT_VARS && cfg_pairs_get(to, key) == NULL))
		return;
	if (df_expand(value, l->src.escape, to, &b, &ignored) < 0 || b.bad) {
		b.n = 0;
		b.bad = false;
		ss_buf_put(&b, value);
	}
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	if (b.bad || memchr(b.p, 0, b.n) != b.p + b.n - 1)
		return;
	cfg_pairs_set(to, key, (const char *)b.p);
	if (l->in_stage && strcmp(key, "SOURCE_DATE_EPOCH") == 0)
		l->epoch = true;
}

/* --- words of an instruction -------------------------------------------------------------------
 */

static bool next_word(const struct lint *l, size_t *at, struct df_word *ret)
{
	return df_word_next(&l->now, l->src.escape, at, ret);
}

static bool is_flag(const struct df_word *w)
{
	return w->n >= 2 && memcmp(w->p, "--", 2) == 0;
}

static size_t place_of(const struct lint *l, const char *p)
{
	const struct df_word w = { p, 1 };
	size_t ret = 0;

	(void)df_word_place(&l->now, &w, &ret);
	return ret;
}

static void say_word(struct lint *l, enum lint_code code, const struct df_word *w)
{
	lint_say_at(l, code, place_of(l, w->p), word_span(w));
}

/* "NAME=value ...", or the old "NAME value". */
static void read_env(struct lint *l, size_t at)
{
	struct df_word w, name;
	size_t k = at;

	if (!next_word(l, &k, &w))
		return;
	lint_text(l,
		  (struct ss_span){ (const uint8_t *)w.p,
				    l->now.text.n - (size_t)(w.p - (char *)l->now.text.p) },
		  place_of(l, w.p));
	if (memchr(w.p, '=', w.n) == NULL) {
		name = w;
		if (next_word(l, &k, &w))
			set_var(l, word_span(&name), word_span(&w));
		return;
	}
	do {
		const char *eq = memchr(w.p, '=', w.n);
		const size_t n = eq != NULL ? (size_t)(eq - w.p) : w.n;

		if (eq != NULL)
			set_var(l, (struct ss_span){ (const uint8_t *)w.p, n },
				(struct ss_span){ (const uint8_t *)eq + 1, w.n - n - 1 });
	} while (next_word(l, &k, &w));
}

/* Without a default: that of the build arguments, or of the ARG before the first FROM. */
static void read_arg(struct lint *l, size_t at)
{
	struct df_word w;

	while (next_word(l, &at, &w)) {
		const char *eq = memchr(w.p, '=', w.n);
		const size_t n = eq != NULL ? (size_t)(eq - w.p) : w.n;
		const struct ss_span name = { (const uint8_t *)w.p, n };
		AUTO_FREE char *key = lint_copy(w.p, n);
		const char *given = cfg_pairs_get(l->o->args, key);

		if (given == NULL && l->in_stage && eq == NULL)
			given = cfg_pairs_get(&l->globals, key);
		if (given == NULL && eq == NULL && strcmp(key, "SOURCE_DATE_EPOCH") == 0)
			given = "0";
		if (given != NULL)
			set_var(l, name, ss_text(given));
		else if (eq != NULL)
			set_var(l, name, (struct ss_span){ (const uint8_t *)eq + 1, w.n - n - 1 });
	}
}

/* --- FROM ---------------------------------------------------------------------------------------
 */

struct stages {
	struct cfg_texts names; /* "" for one without */
	struct cfg_texts bases;
	bool kept[STAGES_MAX];
	size_t now;
};

static void stages_done(struct stages *s)
{
	cfg_texts_done(&s->names);
	cfg_texts_done(&s->bases);
}

static void lower(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

static void note_stage(const struct lint *l, size_t at, struct stages *s)
{
	struct df_word w = { "", 0 }, as, name = { "", 0 };
	AUTO_FREE char *base = NULL;
	AUTO_FREE char *own = NULL;

	while (next_word(l, &at, &w) && is_flag(&w))
		continue;
	if (next_word(l, &at, &as) && df_word_is(&as, "AS"))
		(void)next_word(l, &at, &name);
	base = lint_copy(w.p, w.n);
	own = lint_copy(name.p, name.n);
	lower(base);
	lower(own);
	cfg_texts_push(&s->bases, base);
	cfg_texts_push(&s->names, own);
}

/* Marks the stage that is built, and what it is FROM. */
static void mark_kept(const struct lint *l, struct stages *s)
{
	size_t i = s->names.n - 1;

	for (size_t k = 0; l->o->target != NULL && k < s->names.n; k++)
		if (strcasecmp(s->names.v[k], l->o->target) == 0)
			i = k;
	for (;;) {
		size_t k = i;

		s->kept[i] = true;
		while (k > 0 && strcmp(s->names.v[k - 1], s->bases.v[i]) != 0)
			k--;
		if (k == 0)
			return;
		i = k - 1;
	}
}

static void begin_stage(struct lint *l, struct stages *s)
{
	l->in_stage = true;
	l->kept = s->kept[s->now++];
	l->other_shell = false;
	l->epoch = false;
	cfg_pairs_done(&l->vars);
	l->vars = (struct cfg_pairs){ 0 };
}

static void images(struct lint *l, const struct df_file *f)
{
	for (size_t i = 0; i < f->n_uses; i++) {
		const struct df_use *u = &f->uses[i];
		const size_t n = strlen(u->name);
		const bool latest = n > 7 && strcmp(u->name + n - 7, ":latest") == 0;

		if (u->digest != NULL ||
		    (l->o->locked != NULL && cfg_lock_base(l->o->locked, u->name) != NULL))
			continue;
		lint_say_at(l, latest ? LINT_IMAGE_LATEST : LINT_IMAGE_UNPINNED, u->at,
			    (struct ss_span){ l->in.p + u->at, u->n });
	}
}

/* --- ADD ----------------------------------------------------------------------------------------
 */

static bool starts(const char *s, const char *front)
{
	return strncmp(s, front, strlen(front)) == 0;
}

static bool is_commit(const char *s)
{
	return lint_is_hex(s, 40) || lint_is_hex(s, 64);
}

/* A repository, as BuildKit tells it from a file: *ret_ref is what follows the '#'. */
static bool is_repository(const char *source, const char **ret_ref)
{
	const char *hash = strchr(source, '#');
	const size_t n = hash != NULL ? (size_t)(hash - source) : strlen(source);
	const bool is_http = starts(source, "http://") || starts(source, "https://");

	*ret_ref = hash != NULL ? hash + 1 : "";
	if (starts(source, "git://") || starts(source, "git@") || starts(source, "ssh://"))
		return true;
	return is_http && n > 4 && strncmp(source + n - 4, ".git", 4) == 0;
}

static void add_source(struct lint *l, const struct df_word *w, const char *source, bool checksum)
{
	const char *ref;
	AUTO_FREE char *commit = NULL;

	if (is_repository(source, &ref)) {
		commit = lint_copy(ref, strcspn(ref, ":"));
		if (!is_commit(commit) && !checksum)
			say_word(l, LINT_ADD_GIT, w);
	} else if ((starts(source, "http://") || starts(source, "https://")) && !checksum) {
		say_word(l, LINT_ADD_CHECKSUM, w);
	}
}

/* The word without what JSON puts around it, and with its variables. */
static char *source_text(const struct lint *l, const struct df_word *w)
{
	const char *p = w->p;
	size_t n = w->n;
	AUTO_FREE char *raw = NULL;

	while (n > 0 && strchr("[\",", p[0]) != NULL) {
		p++;
		n--;
	}
	while (n > 0 && strchr("]\",", p[n - 1]) != NULL)
		n--;
	raw = lint_copy(p, n);
	return lint_expand(l, raw);
}

static void read_add(struct lint *l, size_t at)
{
	struct df_word w, last = { NULL, 0 };
	bool checksum = false;

	while (next_word(l, &at, &w)) {
		AUTO_FREE char *source = NULL;

		if (is_flag(&w)) {
			checksum = checksum || (w.n > 11 && memcmp(w.p, "--checksum=", 11) == 0);
			continue;
		}
		if (last.p == NULL) {
			last = w;
			continue;
		}
		source = source_text(l, &last); /* something follows: it is no destination */
		add_source(l, &last, source, checksum);
		last = w;
	}
}

/* --- SHELL and the rest -------------------------------------------------------------------------
 */

static void read_shell(struct lint *l, size_t at)
{
	const char *p = (const char *)l->now.text.p + at;
	AUTO_JSON json_t *j = NULL;
	struct ss_err ignored = { 0 };
	const char *name, *slash;

	if (js_read(ss_text(p), DF_MAX_SIZE, "SHELL", &j, &ignored) < 0)
		return;
	name = json_string_value(json_array_get(j, 0));
	if (name == NULL)
		return;
	slash = strrchr(name, '/');
	l->other_shell = !lint_is_shell(slash != NULL ? slash + 1 : name);
}

static void step(struct lint *l, struct stages *s)
{
	struct df_word w;
	size_t at = 0;

	if (!next_word(l, &at, &w))
		return;
	if (df_word_is(&w, "ONBUILD") && !next_word(l, &at, &w))
		return;
	if (df_word_is(&w, "FROM"))
		begin_stage(l, s);
	else if (df_word_is(&w, "ARG"))
		read_arg(l, at);
	else if (df_word_is(&w, "ENV"))
		read_env(l, at);
	else if (df_word_is(&w, "SHELL"))
		read_shell(l, at);
	else if (df_word_is(&w, "ADD"))
		read_add(l, at);
	else if (df_word_is(&w, "RUN"))
		lint_run_step(l, at);
}

/* --- the file -----------------------------------------------------------------------------------
 */

static bool holds_any(struct ss_span s, const char *const *marks)
{
	for (; *marks != NULL; marks++)
		if (s.n > 0 && memmem(s.p, s.n, *marks, strlen(*marks)) != NULL)
			return true;
	return false;
}

/* Packages come from an archive that keeps old states, or the project brings its own list. */
static bool is_snapshot(const struct lint *l)
{
	static const char *const archives[] = { "snapshot.debian.org",
						"snapshot.ubuntu.com",
						"snapshot-cloudflare.debian.org",
						"APT::Snapshot",
						"repro-sources-list",
						"archive.archlinux.org",
						NULL };
	static const char *const lists[] = { "/etc/apt/sources.list", "/etc/pacman.d/", NULL };
	const struct ss_span s = ss_buf_span(&l->now.text);
	const struct ss_span docs = { l->in.p + l->now.heredocs[0].at,
				      l->now.n_heredocs > 0 ? l->now.end - l->now.heredocs[0].at
							    : 0 };
	const bool is_copy = s.n > 4 && (strncasecmp((const char *)s.p, "COPY", 4) == 0 ||
					 strncasecmp((const char *)s.p, "ADD", 3) == 0);

	return holds_any(s, archives) || holds_any(docs, archives) ||
	       (is_copy && holds_any(s, lists));
}

/* The first pass: stages, and where packages come from. */
static int look_ahead(struct lint *l, struct stages *s, struct ss_err *err)
{
	bool end = false;

	df_source_init(&l->src, l->in);
	while (df_next(&l->src, &l->now, &end, err) == 0) {
		struct df_word w;
		size_t at = 0;

		if (end)
			break;
		l->snapshot = l->snapshot || is_snapshot(l);
		if (next_word(l, &at, &w) && df_word_is(&w, "FROM"))
			note_stage(l, at, s);
	}
	assert(s->names.n > 0 && s->names.n <= STAGES_MAX); /* df_read() saw to it */
	mark_kept(l, s);
	return 0;
}

static void lint_done(struct lint *l)
{
	free(l->lines);
	df_instruction_done(&l->now);
	cfg_pairs_done(&l->globals);
	cfg_pairs_done(&l->vars);
}

static int read_all(struct lint *l, struct ss_err *err)
{
	SS_CLEANUP(stages_done) struct stages s = { .now = 0 };
	bool end = false;

	if (look_ahead(l, &s, err) < 0)
		return -1;
	df_source_init(&l->src, l->in);
	for (;;) {
		if (df_next(&l->src, &l->now, &end, err) < 0)
			return -1;
		if (end)
			return 0;
		step(l, &s);
	}
}

int lint_read(struct ss_span in, const struct lint_options *o, struct lint_report *ret,
	      struct ss_err *err)
{
	const struct df_globals g = { o->args, o->platform, o->platform };
	SS_CLEANUP(lint_done) struct lint l = { .in = in, .o = o, .r = ret };
	struct df_file f;
	int rc;

	*ret = (struct lint_report){ 0 };
	if (df_read(in, &g, &f, err) < 0)
		return -1;
	lint_find_lines(&l);
	images(&l, &f);
	df_done(&f);
	rc = read_all(&l, err);
	lint_sort(ret);
	if (rc < 0)
		lint_report_done(ret);
	return rc;
}
