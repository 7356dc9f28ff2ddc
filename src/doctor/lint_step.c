/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint_step.h"

#include "base/text.h"
#include "fmt/json.h"

#include <string.h>

/* --- the scripts of a step ----------------------------------------------------------------------
 */

static void run_done(struct lint_run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		sh_script_done(&r->v[i].sh);
		free(r->v[i].readers);
	}
	free(r->mounts);
	free(r);
}

static void run_free(struct lint_run **r)
{
	run_done(*r);
}

static void find_readers(struct lint_script *s)
{
	s->readers = ss_calloc(s->sh.n_cmds + 1, sizeof(*s->readers));
	for (size_t i = 0; i < s->sh.n_cmds; i++)
		s->readers[i] = SH_NONE;
	for (size_t i = 0; i < s->sh.n_cmds; i++)
		if (s->sh.cmds[i].piped_from != SH_NONE)
			s->readers[s->sh.cmds[i].piped_from] = (uint32_t)i;
}

static void add_script(struct lint_run *r, struct ss_span text, struct lint_place place)
{
	struct lint_script *s = &r->v[r->n];
	struct ss_err why = { 0 };

	if (r->n == LINT_SCRIPTS) {
		lint_say_at(r->l, LINT_NOT_READ, lint_place(&place, 0),
			    ss_text("more than 64 scripts in one step"));
		return;
	}
	if (sh_read(text, &s->sh, &why) < 0) {
		lint_say_at(r->l, LINT_NOT_READ, lint_place(&place, s->sh.bad_at),
			    ss_text(why.msg));
		s->sh = (struct sh_script){ 0 };
		return;
	}
	s->place = place;
	find_readers(s);
	r->n++;
}

/* sh -c TEXT, su -c TEXT, eval TEXT: the text; NULL if the command is none of them. */
static const char *inner_text(const struct lint_cmd *c)
{
	if (strcmp(c->argv[0], "su") == 0)
		return lint_value(c, "--command", "-c");
	if (strcmp(c->argv[0], "eval") == 0)
		return c->argc > 1 ? c->argv[1] : NULL;
	if (!lint_is_shell(c->argv[0]))
		return NULL;
	for (size_t i = 1; i + 1 < c->argc; i++) {
		const char *a = c->argv[i];

		if (a[0] == '-' && a[1] != '-' && strchr(a, 'c') != NULL)
			return c->argv[i + 1];
		if (strcmp(a, "-o") == 0)
			i++;
	}
	return NULL;
}

/* The scripts that stand in words of this one. */
static void add_inner(struct lint_run *r, size_t nth)
{
	for (uint32_t i = 0; i < r->v[nth].sh.n_cmds; i++) {
		struct lint_cmd c;
		const char *text;

		if (!lint_cmd_of(r, &r->v[nth], i, &c))
			continue;
		text = inner_text(&c);
		if (text != NULL)
			add_script(r, ss_text(text),
				   (struct lint_place){ .rest = lint_place(&r->v[nth].place, c.at),
							.fixed = true });
		lint_cmd_done(&c);
	}
}

/* --- what the step does anywhere ----------------------------------------------------------------
 */

static bool is_check(const struct lint_cmd *c)
{
	static const char *const names[] = { "sha256sum", "sha512sum",     "sha384sum", "sha224sum",
					     "sha1sum",   "b2sum",         "md5sum",    "shasum",
					     "gpgv",      "minisign",      "signify",   "cosign",
					     "rhash",     "slsa-verifier", NULL };

	if (lint_is_one_of(c->argv[0], names))
		return true;
	if (strcmp(c->argv[0], "gpg") == 0 || strcmp(c->argv[0], "gpg2") == 0)
		return lint_has(c, "--verify");
	return strcmp(c->argv[0], "openssl") == 0 && c->argc > 1 &&
	       (strcmp(c->argv[1], "dgst") == 0 || strncmp(c->argv[1], "sha", 3) == 0);
}

/* A word that is a commit, or a variable that holds one. */
static bool names_commit(const struct lint_cmd *c)
{
	for (size_t i = 1; i < c->argc; i++) {
		const char *eq = strrchr(c->argv[i], '=');
		AUTO_FREE char *text = lint_expand(c->run->l, eq != NULL ? eq + 1 : c->argv[i]);

		if (lint_is_hex(text, 40) || lint_is_hex(text, 64))
			return true;
	}
	return false;
}

static void note_removed(struct lint_run *r, const struct lint_cmd *c)
{
	for (size_t i = 1; i < c->argc; i++) {
		const char *a = c->argv[i];

		r->rm_lists = r->rm_lists || strstr(a, "/var/lib/apt") != NULL;
		r->rm_git = r->rm_git || strstr(a, ".git") != NULL;
		r->rm_apk = r->rm_apk || strstr(a, "/var/cache/apk") != NULL ||
			    strcmp(a, "/var/cache/*") == 0;
		r->rm_rpm = r->rm_rpm || strncmp(a, "/var/cache", 10) == 0;
		r->rm_home = r->rm_home || strstr(a, ".cache") != NULL;
		r->rm_npm = r->rm_npm || strstr(a, ".npm") != NULL || strstr(a, "npm") != NULL;
	}
}

static bool is_git_or_test(const char *name)
{
	static const char *const names[] = { "git", "test", "[", "[[", NULL };

	return lint_is_one_of(name, names);
}

static bool removes(const struct lint_cmd *c)
{
	return strcmp(c->argv[0], "rm") == 0 ||
	       (strcmp(c->argv[0], "find") == 0 && lint_has(c, "-delete"));
}

/* "clean" after "apt-get dist", "dnf", "npm cache". */
static void note_cleaning(struct lint_run *r, const struct lint_cmd *c)
{
	for (size_t i = 1; i < c->argc; i++) {
		const char *a = c->argv[i];

		r->rm_lists =
			r->rm_lists || strcmp(a, "distclean") == 0 || strcmp(a, "dist-clean") == 0;
		r->rm_rpm = r->rm_rpm || strcmp(a, "clean") == 0;
		r->rm_npm = r->rm_npm ||
			    (strcmp(a, "clean") == 0 && strcmp(c->argv[i - 1], "cache") == 0);
		r->epoch = r->epoch || strncmp(a, "SOURCE_DATE_EPOCH=", 18) == 0;
	}
}

static void note_fact(struct lint_run *r, const struct lint_cmd *c)
{
	r->sums = r->sums || is_check(c);
	r->commit = r->commit || (is_git_or_test(c->argv[0]) && names_commit(c));
	if (removes(c))
		note_removed(r, c);
	note_cleaning(r, c);
	if (strcmp(c->argv[0], "bundle") == 0 && c->argc > 2 && strcmp(c->argv[1], "config") == 0)
		for (size_t i = 2; i < c->argc; i++)
			r->frozen = r->frozen || strcmp(c->argv[i], "frozen") == 0 ||
				    strcmp(c->argv[i], "deployment") == 0;
}

static void note_assignments(struct lint_run *r, const struct sh_script *s)
{
	for (size_t i = 0; i < s->n_words; i++)
		if (s->words[i].kind == SH_ASSIGN &&
		    strncmp(sh_text(s, &s->words[i]), "SOURCE_DATE_EPOCH=", 18) == 0)
			r->epoch = true;
}

/* --- the rules over all of it -------------------------------------------------------------------
 */

static void each(struct lint_run *r, void (*what)(struct lint_run *r, const struct lint_cmd *c))
{
	for (size_t k = 0; k < r->n; k++)
		for (uint32_t i = 0; i < r->v[k].sh.n_cmds; i++) {
			struct lint_cmd c;

			if (!lint_cmd_of(r, &r->v[k], i, &c))
				continue;
			what(r, &c);
			lint_cmd_done(&c);
		}
}

static void apply(struct lint_run *r, const struct lint_cmd *c)
{
	struct lint_cmd inner;

	(void)r;
	lint_apply(c);
	if (!lint_exec_of(c, &inner))
		return;
	lint_apply(&inner);
	lint_cmd_done(&inner);
}

/* Commands that are only assignments and redirections have words, too. */
static void apply_words(struct lint_run *r)
{
	static const char *none[] = { "", NULL };

	for (size_t k = 0; k < r->n; k++)
		for (uint32_t i = 0; i < r->v[k].sh.n_cmds; i++) {
			const struct sh_cmd *sc = &r->v[k].sh.cmds[i];
			struct lint_cmd c = {
				.run = r, .s = &r->v[k], .index = i, .argv = none, .at = sc->at
			};
			struct lint_cmd real;

			if (lint_cmd_of(r, &r->v[k], i, &real)) {
				lint_words(&real);
				lint_cmd_done(&real);
			} else {
				lint_words(&c);
			}
		}
}

static void check_run(struct lint_run *r)
{
	for (size_t k = 0; k < r->n; k++) {
		note_assignments(r, &r->v[k].sh);
		add_inner(r, k);
	}
	each(r, note_fact);
	each(r, apply);
	apply_words(r);
}

/* --- RUN ----------------------------------------------------------------------------------------
 */

/* RUN ["a", "b"] as the shell would write it; false if it is no such list. */
static bool exec_form(const char *rest, struct ss_buf *ret)
{
	AUTO_JSON json_t *j = NULL;
	struct ss_err ignored = { 0 };

	if (rest[0] != '[' || js_read(ss_text(rest), DF_MAX_SIZE, "RUN", &j, &ignored) < 0 ||
	    !json_is_array(j))
		return false;
	for (size_t i = 0; i < json_array_size(j); i++) {
		const char *s = json_string_value(json_array_get(j, i));

		if (s == NULL)
			return false;
		ss_buf_put(ret, ss_text(" '"));
		for (; *s != '\0'; s++) {
			if (*s == '\'')
				ss_buf_put(ret, ss_text("'\\'"));
			ss_buf_put(ret, (struct ss_span){ (const uint8_t *)s, 1 });
		}
		ss_buf_put(ret, ss_text("'"));
	}
	return !ret->bad;
}

/* The body of the one heredoc is the script: RUN <<EOF. A first line that names another
 * interpreter makes it none of ours. */
static bool is_own_script(const struct lint *l, size_t after)
{
	const struct df_heredoc *d = &l->now.heredocs[0];
	const uint8_t *nl = memchr(l->in.p + d->at, '\n', d->n);
	const size_t n = nl != NULL ? (size_t)(nl - (l->in.p + d->at)) : d->n;
	const char *line = (const char *)l->in.p + d->at;
	struct df_word more;

	return !df_word_next(&l->now, l->src.escape, &after, &more) &&
	       (n < 2 || memcmp(line, "#!", 2) != 0 || memmem(line, n, "sh", 2) != NULL);
}

static void add_body(struct lint_run *r, const struct df_heredoc *d)
{
	add_script(r, (struct ss_span){ r->l->in.p + d->at, d->n },
		   (struct lint_place){ .rest = d->at });
}

/* The joined lines, then the heredocs as they stand: what the shell is given. */
static void add_text(struct lint_run *r, size_t at)
{
	const struct df_instruction *i = &r->l->now;
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(2 * DF_MAX_SIZE + 2);
	const size_t n = i->text.n - at;
	const size_t docs = i->n_heredocs > 0 ? i->heredocs[0].at : i->end;

	ss_buf_put(&b, (struct ss_span){ i->text.p + at, n });
	ss_buf_put(&b, ss_text("\n"));
	ss_buf_put(&b, (struct ss_span){ r->l->in.p + docs, i->end - docs });
	add_script(r, ss_buf_span(&b),
		   (struct lint_place){ .i = i, .base = at, .split = n + 1, .rest = docs });
}

static void add_scripts(struct lint_run *r, const struct df_word *first, size_t at)
{
	const struct lint *l = r->l;
	const struct df_instruction *i = &l->now;
	const size_t start = (size_t)(first->p - (const char *)i->text.p);
	AUTO_BUF struct ss_buf list = SS_BUF_INIT(8 * DF_MAX_SIZE);
	struct lint_place place = { .i = i, .base = start, .split = SIZE_MAX };

	if (exec_form(first->p, &list)) {
		place.rest = lint_place(&place, 0);
		place.fixed = true;
		add_script(r, ss_buf_span(&list), place);
		return;
	}
	if (i->n_heredocs == 1 && first->n > 2 && memcmp(first->p, "<<", 2) == 0) {
		if (is_own_script(l, at))
			add_body(r, &i->heredocs[0]);
		return;
	}
	add_text(r, start);
	if (r->n > 0 && i->n_heredocs > 0 && r->v[0].sh.n_cmds > 0 &&
	    lint_is_shell(lint_name_of(&r->v[0], 0)))
		for (size_t k = 0; k < i->n_heredocs; k++)
			add_body(r, &i->heredocs[k]);
}

void lint_run_step(struct lint *l, size_t at)
{
	SS_CLEANUP(run_free) struct lint_run *r = ss_calloc(1, sizeof(*r));
	AUTO_BUF struct ss_buf mounts = SS_BUF_INIT(DF_MAX_SIZE + 1);
	struct df_word w;

	r->l = l;
	for (;;) {
		if (!df_word_next(&l->now, l->src.escape, &at, &w))
			return;
		if (w.n < 2 || memcmp(w.p, "--", 2) != 0)
			break;
		ss_buf_put(&mounts, (struct ss_span){ (const uint8_t *)w.p, w.n });
	}
	ss_buf_put(&mounts, (struct ss_span){ (const uint8_t *)"", 1 });
	r->mounts = (char *)mounts.p;
	mounts = (struct ss_buf){ 0 };
	if (l->other_shell) {
		struct lint_place here = { .i = &l->now,
					   .base = (size_t)(w.p - (const char *)l->now.text.p),
					   .split = SIZE_MAX };

		lint_say_at(l, LINT_NOT_SHELL, lint_place(&here, 0),
			    (struct ss_span){ (const uint8_t *)w.p, w.n });
		return;
	}
	add_scripts(r, &w, at);
	check_run(r);
}
