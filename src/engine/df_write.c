/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "engine/dockerfile.h"

#include <assert.h>
#include <string.h>

static void put(struct ss_buf *b, const char *s)
{
	ss_buf_put(b, ss_text(s));
}

/* "ARG A='1' B" */
static void put_inject(const struct cfg_pairs *inject, struct ss_buf *b)
{
	if (inject->n == 0)
		return;
	if (b->n > 0 && b->p[b->n - 1] != '\n')
		put(b, "\n");
	put(b, "ARG");
	for (size_t i = 0; i < inject->n; i++) {
		assert(strchr(inject->v[i].value, '\'') == NULL);
		put(b, " ");
		put(b, inject->v[i].key);
		if (inject->v[i].value[0] == '\0')
			continue;
		put(b, "='");
		put(b, inject->v[i].value);
		put(b, "'");
	}
	put(b, "\n");
}

static bool is_line(const struct df_directive *d, size_t at)
{
	return d->n > 0 && d->at == at;
}

/* What stands in the line of the directive at `at` afterwards. */
static struct ss_span new_top_line(struct ss_span in, const struct df_source *top,
				   const struct df_directive *d)
{
	const bool move = top->escape_line.n > 0 && top->escape_line.at != top->first.at;
	const struct ss_span first = { in.p + top->first.at, top->first.n };
	const char *text = "#";

	if (move && is_line(&top->first, d->at))
		text = top->escape == '`' ? "# escape=`" : "# escape=\\";
	else if (move && is_line(&top->escape_line, d->at)) {
		if (!is_line(&top->syntax_line, top->first.at))
			return first;
	} else if (!is_line(&top->syntax_line, d->at)) {
		return (struct ss_span){ in.p + d->at, d->n };
	}
	return ss_text(text);
}

/* The lines at the top, in file order; *at is moved behind them. */
static void put_top(struct ss_span in, const struct df_source *top, size_t *at, struct ss_buf *b)
{
	const struct df_directive *const lines[] = { &top->first, &top->escape_line,
						     &top->syntax_line };

	for (;;) {
		const struct df_directive *next = NULL;

		for (size_t i = 0; i < SS_NELEMS(lines); i++)
			if (lines[i]->n > 0 && lines[i]->at >= *at &&
			    (next == NULL || lines[i]->at < next->at))
				next = lines[i];
		if (next == NULL)
			return;
		ss_buf_put(b, (struct ss_span){ in.p + *at, next->at - *at });
		ss_buf_put(b, new_top_line(in, top, next));
		*at = next->at + next->n;
	}
}

/* As many lines, all comments. */
static void put_comments(struct ss_span in, const struct df_range *v, struct ss_buf *b)
{
	put(b, "#");
	for (size_t i = 0; i < v->n; i++) {
		if (in.p[v->at + i] != '\n')
			continue;
		put(b, "\n");
		if (i + 1 < v->n)
			put(b, "#");
	}
}

void df_write(struct ss_span in, const struct df_file *f, const char *const *digests,
	      const struct cfg_pairs *inject, struct ss_buf *ret)
{
	size_t at = 0, use = 0, stage = 0, volume = 0;

	put_top(in, &f->top, &at, ret);
	for (;;) {
		const size_t next_use = use < f->n_uses ? f->uses[use].at : SIZE_MAX;
		const size_t next_stage = stage < f->n_stages ? f->stages[stage] : SIZE_MAX;
		const size_t next_volume = volume < f->n_volumes ? f->volumes[volume].at : SIZE_MAX;

		if (next_use < next_stage && next_use < next_volume) {
			const struct df_use *u = &f->uses[use];

			ss_buf_put(ret, (struct ss_span){ in.p + at, u->at - at });
			put(ret, u->repo);
			put(ret, "@");
			put(ret, digests[use++]);
			at = u->at + u->n;
		} else if (next_stage <= next_volume && next_stage != SIZE_MAX) {
			ss_buf_put(ret, (struct ss_span){ in.p + at, next_stage - at });
			put_inject(inject, ret);
			at = next_stage;
			stage++;
		} else if (next_volume != SIZE_MAX) {
			ss_buf_put(ret, (struct ss_span){ in.p + at, next_volume - at });
			put_comments(in, &f->volumes[volume], ret);
			at = next_volume + f->volumes[volume++].n;
		} else {
			break;
		}
	}
	ss_buf_put(ret, (struct ss_span){ in.p + at, in.n - at });
}
