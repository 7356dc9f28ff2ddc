/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sort.h"
#include "base/text.h"
#include "doctor/lint_step.h"
#include "engine/df_expand.h"

#include <string.h>

/* Where a finding stands and what it quotes: beneath the rules, which are beneath the walk. */

#define VALUE_MAX 4096u
#define WORDS_SHOWN 200u

/* --- lines ---------------------------------------------------------------------------------------
 */

void lint_find_lines(struct lint *l)
{
	size_t cap = 0;

	for (size_t at = 0; at <= l->in.n;) {
		const uint8_t *nl = at < l->in.n ? memchr(l->in.p + at, '\n', l->in.n - at) : NULL;

		if (l->n_lines == cap) {
			cap = cap == 0 ? 64 : 2 * cap;
			l->lines = ss_reallocarray(l->lines, cap, sizeof(*l->lines));
		}
		l->lines[l->n_lines++] = at;
		at = nl != NULL ? (size_t)(nl - l->in.p) + 1 : l->in.n + 1;
	}
}

/* --- findings -----------------------------------------------------------------------------------
 */

static uint32_t line_of(const struct lint *l, size_t at)
{
	size_t low = 0, high = l->n_lines;

	while (high - low > 1) {
		const size_t mid = low + (high - low) / 2;

		if (l->lines[mid] <= at)
			low = mid;
		else
			high = mid;
	}
	return (uint32_t)low + 1;
}

/* As much of it as is kept: one line, cut at a character. */
static char *keep_words(struct ss_span s)
{
	char *ret = ss_calloc(LINT_WORDS + 4, 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < LINT_WORDS; i++) {
		const bool blank = s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\n';

		if (blank && (n == 0 || ret[n - 1] == ' '))
			continue;
		memcpy(ret + n++, blank ? (const uint8_t *)" " : s.p + i, 1);
	}
	if (n == LINT_WORDS) {
		while (n > 0 && ((uint8_t)ret[n - 1] & 0xc0) == 0x80)
			n--;
		(void)snprintf(ret + (n > 0 ? n - 1 : 0), 5, "...");
	}
	return ret;
}

void lint_say_at(struct lint *l, enum lint_code code, size_t at, struct ss_span words)
{
	struct lint_report *r = l->r;

	if (r->n == LINT_KEEP) {
		r->left_out++;
		return;
	}
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 16 : 2 * r->cap;
		r->v = ss_reallocarray(r->v, r->cap, sizeof(*r->v));
	}
	r->v[r->n] = (struct lint_finding){ code, line_of(l, at), at, r->n, keep_words(words) };
	r->n++;
}

static int by_place(const void *a, const void *b)
{
	const struct lint_finding *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->code != y->code)
		return x->code < y->code ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

/* One code once a place: nested scripts stand at one. */
void lint_sort(struct lint_report *r)
{
	size_t n = 0;

	if (r->n > 1)
		ss_sort(r->v, r->n, sizeof(*r->v), by_place);
	for (size_t i = 0; i < r->n; i++) {
		if (n > 0 && r->v[n - 1].at == r->v[i].at && r->v[n - 1].code == r->v[i].code)
			free(r->v[i].words);
		else
			r->v[n++] = r->v[i];
	}
	r->n = n;
}

void lint_report_done(struct lint_report *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i].words);
	free(r->v);
	*r = (struct lint_report){ 0 };
}

/* --- variables ----------------------------------------------------------------------------------
 */

char *lint_copy(const char *s, size_t n)
{
	char *ret = ss_calloc(n + 1, 1);

	if (n > 0)
		memcpy(ret, s, n);
	return ret;
}

char *lint_expand(const struct lint *l, const char *text)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(VALUE_MAX);
	struct ss_err ignored = { 0 };

	if (df_expand(ss_text(text), '\0', &l->vars, &b, &ignored) < 0 || b.bad)
		return lint_copy(text, strlen(text));
	return lint_copy((const char *)b.p, b.n);
}

bool lint_has_var(const struct lint *l, const char *name)
{
	return cfg_pairs_get(&l->vars, name) != NULL;
}

bool lint_is_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdefABCDEF") == n;
}

/* --- places -------------------------------------------------------------------------------------
 */

size_t lint_place(const struct lint_place *p, size_t at)
{
	struct df_word w;
	size_t ret = p->rest;

	if (p->fixed)
		return p->rest;
	if (p->i == NULL || at >= p->split)
		return p->rest + (at - p->split);
	if (p->base + at >= p->i->text.n)
		return ret;
	w = (struct df_word){ (const char *)p->i->text.p + p->base + at, 1 };
	(void)df_word_place(p->i, &w, &ret);
	return ret;
}

void lint_say(const struct lint_cmd *c, enum lint_code code)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(WORDS_SHOWN);

	for (size_t i = 0; i < c->argc && !b.bad; i++) {
		const struct ss_span s = ss_text(c->argv[i]);
		const size_t room = WORDS_SHOWN - b.n;

		if (i > 0)
			ss_buf_put(&b, ss_text(" "));
		ss_buf_put(&b, (struct ss_span){ s.p, s.n < room ? s.n : room > 0 ? room - 1 : 0 });
	}
	lint_say_at(c->run->l, code, lint_place(&c->s->place, c->at), ss_buf_span(&b));
}
