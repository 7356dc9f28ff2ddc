/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff_show.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

#define FEW 3u

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_verdict(const struct ex_report *r)
{
	if (r->files == 0)
		(void)puts("same");
	else
		(void)printf("different: %llu file%s, %zu cause%s; %s\n",
			     (unsigned long long)r->files, plural(r->files), r->causes,
			     plural(r->causes), ex_registers_say(r));
	if (r->not_compared != NULL)
		(void)printf("not compared: %s\n", r->not_compared);
}

static void print_name(const struct ex_diff *d)
{
	(void)printf("  %s", d->part);
	if (d->path.n > 0) {
		(void)fputs(": ", stdout);
		cli_print_text(d->path);
	}
	if (d->kind != EX_CONTENT)
		(void)printf(" (%s)", ex_kind_name(d->kind));
	(void)putchar('\n');
}

static void print_value(const char *label, struct ss_span s)
{
	if (s.n == 0)
		return;
	(void)printf("      %s ", label);
	cli_print_text(s);
	(void)putchar('\n');
}

static void print_diff(const struct ex_diff *d, bool name)
{
	if (name)
		print_name(d);
	if (d->where.n > 0) {
		(void)fputs("    ", stdout);
		cli_print_text(d->where);
		(void)putchar('\n');
	}
	print_value("-", d->a);
	print_value("+", d->b);
}

static bool is_same_place(const struct ex_diff *a, const struct ex_diff *b)
{
	return a->kind == b->kind && strcmp(a->part, b->part) == 0 && a->path.n == b->path.n &&
	       (a->path.n == 0 || memcmp(a->path.p, b->path.p, a->path.n) == 0);
}

static void print_group(const struct ex_report *r, const struct ex_group *g, bool all)
{
	const struct ex_diff *last = NULL;
	uint64_t names = 0;
	uint64_t shown = 0;

	(void)printf("\n%s: %s (%llu file%s)\n", ex_cause_row(g->cause)->code,
		     ex_cause_row(g->cause)->what, (unsigned long long)g->files, plural(g->files));
	for (size_t i = 0; i < r->n; i++) {
		const struct ex_diff *d = &r->diffs[i];
		const bool fresh = last == NULL || !is_same_place(last, d);

		if (d->cause != g->cause || d->measured != g->measured)
			continue;
		if (!all && (shown >= FEW || (fresh && names >= FEW)))
			break;
		print_diff(d, fresh);
		names += fresh;
		shown++;
		last = d;
	}
	if (shown < g->diffs)
		(void)printf("  and %llu more%s\n", (unsigned long long)(g->diffs - shown),
			     all ? " that were only counted" : "; --all shows them");
	(void)printf("  mend: %s\n", ex_cause_row(g->cause)->mend);
}

void cli_diff_text_noted(const struct ex_report *r, bool all,
			 void (*note)(const void *ctx, const struct ex_group *g), const void *ctx)
{
	bool apart = false;

	print_verdict(r);
	for (size_t i = 0; i < r->n_groups; i++) {
		if (!r->groups[i].measured && !apart) {
			(void)puts("\nno register covers what follows");
			apart = true;
		}
		print_group(r, &r->groups[i], all);
		note(ctx, &r->groups[i]);
	}
}

static void no_note(const void *ctx, const struct ex_group *g)
{
	(void)ctx;
	(void)g;
}

void cli_diff_text(const struct ex_report *r, bool all)
{
	cli_diff_text_noted(r, all, no_note, r);
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static void set_text(json_t *j, const char *key, struct ss_span s)
{
	cli_json_text(j, key, s.n > 0 ? s : (struct ss_span){ (const uint8_t *)"", 0 });
}

static json_t *one_json(const struct ex_diff *d)
{
	json_t *j = json_object();

	cli_json_set(j, "kind", json_string(ex_kind_name(d->kind)));
	cli_json_set(j, "part", json_string(d->part));
	set_text(j, "path", d->path);
	set_text(j, "where", d->where);
	set_text(j, "a", d->a);
	set_text(j, "b", d->b);
	return j;
}

static json_t *group_json(const struct ex_report *r, const struct ex_group *g)
{
	const struct ex_cause_row *row = ex_cause_row(g->cause);
	json_t *j = json_object();
	json_t *list = json_array();

	cli_json_set(j, "cause", json_string(row->code));
	cli_json_set(j, "what", json_string(row->what));
	cli_json_set(j, "mend", json_string(row->mend));
	cli_json_set(j, "measured", json_boolean(g->measured));
	cli_json_set(j, "files", number(g->files));
	cli_json_set(j, "count", number(g->diffs));
	for (size_t i = 0; i < r->n; i++)
		if (r->diffs[i].cause == g->cause && r->diffs[i].measured == g->measured)
			(void)json_array_append_new(list, one_json(&r->diffs[i]));
	cli_json_set(j, "differences", list);
	return j;
}

/* null: they are the same as far as that can be told. */
static json_t *registers_json(const struct ex_report *r)
{
	if (r->registers || r->pcr8 == EX_PCR8_DIFFERS)
		return json_false();
	return r->not_compared != NULL || r->pcr8 == EX_PCR8_UNKNOWN ? json_null() : json_true();
}

json_t *cli_diff_json(const struct ex_report *r)
{
	json_t *j = json_object();
	json_t *groups = json_array();

	cli_json_set(j, "same", json_boolean(r->files == 0));
	cli_json_set(j, "registers_same", registers_json(r));
	cli_json_set(j, "not_compared",
		     r->not_compared != NULL ? json_string(r->not_compared) : json_null());
	cli_json_set(j, "files", number(r->files));
	cli_json_set(j, "causes", number(r->causes));
	cli_json_set(j, "left_out", number(r->left_out));
	for (size_t i = 0; i < r->n_groups; i++)
		(void)json_array_append_new(groups, group_json(r, &r->groups[i]));
	cli_json_set(j, "groups", groups);
	return j;
}
