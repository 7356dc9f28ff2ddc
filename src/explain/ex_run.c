/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_run.h"

#include "base/date.h"
#include "base/mem.h"
#include "base/sort.h"

#include <string.h>

const char *ex_kind_name(enum ex_kind k)
{
	static const char *const names[EX_KINDS] = {
		[EX_ADDED] = "added",     [EX_REMOVED] = "removed", [EX_MOVED] = "moved",
		[EX_TYPE] = "type",       [EX_MODE] = "mode",       [EX_OWNER] = "owner",
		[EX_MTIME] = "mtime",     [EX_LINK] = "link",       [EX_DEVICE] = "device",
		[EX_XATTR] = "xattr",     [EX_ORDER] = "order",     [EX_INODE] = "inode",
		[EX_CONTENT] = "content",
	};

	return names[k];
}

void ex_run_init(struct ex_run *r, const struct ex_options *o, struct ex_report *ret)
{
	*r = (struct ex_run){ .o = o, .ret = ret, .measured = true };
}

static int by_weight(const void *x, const void *y)
{
	const struct ex_group *a = x;
	const struct ex_group *b = y;

	if (a->measured != b->measured)
		return a->measured ? -1 : 1;
	if (a->files != b->files)
		return a->files > b->files ? -1 : 1;
	return strcmp(ex_cause_row(a->cause)->code, ex_cause_row(b->cause)->code);
}

void ex_run_done(struct ex_run *r)
{
	struct ex_report *to = r->ret;

	for (size_t c = 0; c < EX_CAUSES; c++) {
		to->causes += r->groups[0][c].diffs > 0 || r->groups[1][c].diffs > 0;
		for (size_t m = 0; m < 2; m++)
			if (r->groups[m][c].diffs > 0)
				to->groups[to->n_groups++] = r->groups[m][c];
	}
	ss_sort(to->groups, to->n_groups, sizeof(to->groups[0]), by_weight);
	while (r->n > 0)
		ex_pair_done(&r->stack[--r->n]);
	free(r->stack);
	r->stack = NULL;
}

/* A file of a root file system, whatever holds it. */
static struct ss_span in_root(struct ss_span path)
{
	static const char prefix[] = "rootfs/";
	const size_t n = sizeof(prefix) - 1;

	if (path.n > n && memcmp(path.p, prefix, n) == 0)
		return (struct ss_span){ path.p + n, path.n - n };
	return path;
}

void ex_next_file(struct ex_run *r, struct ss_span path)
{
	r->file++;
	r->of_path = ex_cause_of_path(in_root(path));
	r->pairs = 0;
	r->left = EX_UNPACK;
}

/* The cause that is told for this one. */
static enum ex_cause renamed(const struct ex_run *r, enum ex_cause cause)
{
	if (!r->metadata)
		return cause;
	return cause == EX_TIME_TEXT || cause == EX_TIME_METADATA ? EX_TIME_METADATA
								  : EX_INPUT_METADATA;
}

void ex_count(struct ex_run *r, enum ex_cause told)
{
	const enum ex_cause cause = renamed(r, told);
	const size_t m = r->measured;
	struct ex_group *g = &r->groups[m][cause];

	g->cause = cause;
	g->measured = r->measured;
	g->diffs++;
	if (r->group_counted[m][cause] != r->file) {
		r->group_counted[m][cause] = r->file;
		g->files++;
	}
	if (r->counted != r->file) {
		r->counted = r->file;
		r->ret->files++;
	}
	r->ret->registers = r->ret->registers || r->measured;
	r->said++;
}

static struct ss_span copy(struct ss_span s, size_t max)
{
	uint8_t *p;

	if (s.n == 0)
		return (struct ss_span){ NULL, 0 };
	s.n = s.n < max ? s.n : max;
	p = ss_calloc(s.n, 1);
	memcpy(p, s.p, s.n);
	return (struct ss_span){ p, s.n };
}

/* The path tells why a content differs, or why the file is there; not who owns it. */
static bool path_decides(enum ex_kind k)
{
	return k == EX_CONTENT || k == EX_ADDED || k == EX_REMOVED || k == EX_MOVED || k == EX_LINK;
}

static size_t kept(struct ss_span s)
{
	return s.n < EX_EVIDENCE ? s.n : EX_EVIDENCE;
}

static bool joins(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '.' || c == '_';
}

static bool has_word(struct ss_span s, const char *word)
{
	const size_t n = strlen(word);

	for (size_t i = 0; n <= s.n && i <= s.n - n; i++)
		if (memcmp(s.p + i, word, n) == 0 && (i == 0 || !joins(s.p[i - 1])) &&
		    (i + n == s.n || !joins(s.p[i + n])))
			return true;
	return false;
}

static void say_as(struct ex_run *r, const struct ex_diff *d, enum ex_cause cause);

/* One difference for each word that it holds: each wants a mend of its own. */
static bool say_known(struct ex_run *r, const struct ex_diff *d)
{
	bool any = false;

	for (size_t i = 0; i < r->o->n_known; i++) {
		const struct ex_known *k = &r->o->known[i];

		if (!has_word(d->b, k->word) || has_word(d->a, k->word))
			continue;
		say_as(r, d, k->cause);
		any = true;
	}
	return any;
}

void ex_say(struct ex_run *r, const struct ex_diff *d)
{
	if (r->of_path != EX_UNKNOWN && path_decides(d->kind))
		say_as(r, d, r->of_path);
	else if (d->kind != EX_CONTENT || !say_known(r, d))
		say_as(r, d, d->cause);
}

static void say_as(struct ex_run *r, const struct ex_diff *d, enum ex_cause cause)
{
	struct ex_report *to = r->ret;
	const size_t size = d->path.n + kept(d->where) + kept(d->a) + kept(d->b);

	cause = renamed(r, cause);
	ex_count(r, cause);
	if (to->n >= EX_KEEP || size > EX_TEXTS - to->texts) {
		to->left_out++;
		return;
	}
	to->texts += size;
	if (to->n == to->cap) {
		to->cap = to->cap > 0 ? to->cap * 2 : 64;
		to->diffs = ss_reallocarray(to->diffs, to->cap, sizeof(*to->diffs));
	}
	to->diffs[to->n++] = (struct ex_diff){
		.kind = d->kind,
		.cause = cause,
		.measured = r->measured,
		.part = r->part,
		.path = copy(d->path, SIZE_MAX),
		.where = copy(d->where, EX_EVIDENCE),
		.a = copy(d->a, EX_EVIDENCE),
		.b = copy(d->b, EX_EVIDENCE),
	};
}

static void drop(struct ss_span s)
{
	union {
		const uint8_t *borrowed;
		uint8_t *owned; /* by copy() */
	} p = { s.p };

	free(p.owned);
}

void ex_report_done(struct ex_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		drop(r->diffs[i].path);
		drop(r->diffs[i].where);
		drop(r->diffs[i].a);
		drop(r->diffs[i].b);
	}
	free(r->diffs);
	*r = (struct ex_report){ 0 };
}

void ex_say_content(struct ex_run *r, const struct ex_pair *p, enum ex_cause cause,
		    const char *where, struct ss_span a, struct ss_span b)
{
	ex_say(r, &(struct ex_diff){ .kind = EX_CONTENT,
				     .cause = cause,
				     .path = ss_buf_span(&p->path),
				     .where = ex_text(where),
				     .a = a,
				     .b = b });
}

void ex_say_text(struct ex_run *r, const struct ex_pair *p, enum ex_cause cause, const char *where,
		 const char *a, const char *b)
{
	ex_say_content(r, p, cause, where, ex_text(a), ex_text(b));
}

void ex_say_time(struct ex_run *r, const struct ex_pair *p, enum ex_cause cause, const char *where,
		 int64_t a, int64_t b)
{
	char x[SS_DATE_SIZE];
	char y[SS_DATE_SIZE];

	ss_date_text(a, x);
	ss_date_text(b, y);
	ex_say_text(r, p, cause, where, x, y);
}
