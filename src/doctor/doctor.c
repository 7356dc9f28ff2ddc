/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include "base/mem.h"
#include "base/sort.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Where one comparison found something: hashes of part, path and kind, ascending. They only tell
 * which difference is which, so an accident costs a wrong name of a trigger and no more. */
struct places {
	uint64_t *v;
	size_t n;
	bool known;
};

struct run {
	const struct doc_builder *b;
	struct doc_report *r;
	struct places each_time;
	struct places alone[DOC_VARIATIONS];
	char *first; /* the results */
	char *second;
	uint64_t spent_ms; /* by the first build */
	unsigned most;     /* builds that may come */
};

static void run_done(struct run *x)
{
	free(x->each_time.v);
	for (size_t i = 0; i < DOC_VARIATIONS; i++)
		free(x->alone[i].v);
	free(x->first);
	free(x->second);
}

static char *join(const char *dir, const char *name)
{
	const size_t n = strlen(dir) + strlen(name) + 2;
	char *p = ss_calloc(n, 1);

	(void)snprintf(p, n, "%s/%s", dir, name);
	return p;
}

/* --- places -------------------------------------------------------------------------------------
 */

static uint64_t mix(uint64_t h, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static uint64_t place_of(const struct ex_diff *d)
{
	const uint8_t kind = (uint8_t)d->kind;
	const uint64_t h = mix(0xcbf29ce484222325u, (const uint8_t *)d->part, strlen(d->part) + 1);

	return mix(mix(h, &kind, 1), d->path.p, d->path.n);
}

/* One file may have many differences: twins are told apart by `nth`. */
struct found {
	uint64_t place;
	size_t nth;
};

static int by_place(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->nth < y->nth ? -1 : x->nth > y->nth;
}

static bool has_place(const struct places *p, uint64_t place)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (p->v[mid] == place)
			return true;
		if (p->v[mid] < place)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static void keep_places(const struct ex_report *r, struct places *ret)
{
	AUTO_FREE struct found *all = ss_calloc(r->n + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		all[i] = (struct found){ place_of(&r->diffs[i]), i };
	ss_sort(all, r->n, sizeof(*all), by_place);
	ret->v = ss_calloc(r->n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < r->n; i++)
		if (n == 0 || ret->v[n - 1] != all[i].place)
			ret->v[n++] = all[i].place;
	ret->n = n;
	ret->known = true;
}

/* --- sets of variations --------------------------------------------------------------------------
 */

static bool is_single(uint32_t set)
{
	return (set & (set - 1)) == 0;
}

static unsigned count(uint32_t set)
{
	unsigned n = 0;

	for (; set != 0; set &= set - 1)
		n++;
	return n;
}

/* --- builds -------------------------------------------------------------------------------------
 */

static void announce(struct run *x, const char *what)
{
	char line[160], left[64] = "";

	if (x->r->builds > 0 && x->r->builds < x->most) {
		const uint64_t s = x->spent_ms * (x->most - x->r->builds) / 1000;

		(void)snprintf(left, sizeof(left), "; at most %" PRIu64 ":%02" PRIu64 " left",
			       s / 60, s % 60);
	}
	if (x->most < x->r->builds + 1)
		x->most = x->r->builds + 1;
	(void)snprintf(line, sizeof(line), "build %u of at most %u: %s%s", x->r->builds + 1,
		       x->most, what, left);
	ss_progress_note(x->b->progress, line);
}

static int build(struct run *x, uint32_t vary, const char *what, const char *output,
		 struct ss_err *err)
{
	const uint64_t from = x->b->now_ms();

	announce(x, what);
	x->r->builds++;
	(void)unlink(output);
	if (x->b->build(x->b->ctx, vary, output, err) < 0)
		return -1;
	if (x->spent_ms == 0)
		x->spent_ms = x->b->now_ms() - from;
	return 0;
}

/* What a step said, without the step itself: buildah quotes it before. */
static const char *reason_of(const char *msg)
{
	const char *ret = msg;

	for (const char *p = strstr(msg, "\": "); p != NULL; p = strstr(p + 1, "\": "))
		ret = p + 3;
	return ret;
}

/* The project with one variation; false if it does not build so, which is its reason then. */
static int try_alone(struct run *x, int v, struct ss_err *err)
{
	AUTO_EX_REPORT struct ex_report report = { 0 };
	struct ss_err why = { 0 };

	if (x->alone[v].known)
		return 0;
	if (build(x, 1u << v, doc_row((enum doc_variation)v)->name, x->second, &why) < 0) {
		x->r->why_not[v] = ss_copy(reason_of(why.msg));
		x->r->varied &= ~(1u << v);
		return 0;
	}
	if (ex_compare(x->first, x->second, &x->b->compare, &report, err) < 0)
		return -1;
	keep_places(&report, &x->alone[v]);
	return 0;
}

static int try_each_alone(struct run *x, struct ss_err *err)
{
	for (int v = 0; v < DOC_VARIATIONS; v++)
		if ((x->r->varied & 1u << v) != 0 && try_alone(x, v, err) < 0)
			return -1;
	return 0;
}

static int build_twice(struct run *x, struct ss_err *err)
{
	if (build(x, 0, "as it is", x->first, err) < 0 ||
	    build(x, 0, "as it is, again", x->second, err) < 0 ||
	    ex_compare(x->first, x->second, &x->b->compare, &x->r->diff, err) < 0)
		return -1;
	keep_places(&x->r->diff, &x->each_time);
	return 0;
}

/* All variations; those with which it does not build are found and left out. */
static int build_varied(struct run *x, struct ss_err *err)
{
	struct ss_err why = { 0 };

	if (x->r->varied == 0)
		return 0;
	if (build(x, x->r->varied, "all variations", x->second, &why) == 0)
		return 0;
	if (try_each_alone(x, err) < 0)
		return -1;
	if (x->r->varied == 0)
		return 0;
	if (build(x, x->r->varied, "all variations that can be had", x->second, err) < 0)
		return ss_ctx(err, "with all variations at once");
	return 0;
}

/* --- two builds ---------------------------------------------------------------------------------
 */

static uint32_t lower_half(uint32_t set)
{
	uint32_t ret = 0;

	for (unsigned n = count(set) / 2; n > 0; n--) {
		ret |= set & -set;
		set &= set - 1;
	}
	return ret;
}

/*
 * One variation of `set`, which does not build, is found by halves. That it is not in the half that
 * builds does not mean that it breaks the build alone: it is tried, and *why says so then.
 */
static int find_breaking(struct run *x, uint32_t set, uint32_t *ret, struct ss_err *why)
{
	while (!is_single(set)) {
		const uint32_t half = lower_half(set);
		struct ss_err ignored = { 0 };

		set = build(x, half, "which of them it does not build with", x->second, &ignored) <
				      0
			      ? half
			      : set & ~half;
	}
	*ret = set;
	return build(x, set, "which of them it does not build with", x->second, why);
}

static int build_varied_quick(struct run *x, struct ss_err *err)
{
	struct doc_report *r = x->r;
	struct ss_err first = { 0 };

	while (build(x, r->varied, r->varied != 0 ? "all variations" : "as it is, again", x->second,
		     &first) < 0) {
		struct ss_err why = { 0 };
		uint32_t one;
		int v = 0;

		if (r->varied == 0 || find_breaking(x, r->varied, &one, &why) == 0) {
			*err = first;
			return ss_ctx(err, r->varied != 0 ? "with all variations at once"
							  : "as it is, again");
		}
		while ((one & 1u << v) == 0)
			v++;
		r->why_not[v] = ss_copy(reason_of(why.msg));
		r->varied &= ~one;
		first = (struct ss_err){ 0 };
	}
	return 0;
}

static int run_quick(struct run *x, struct ss_err *err)
{
	x->most = 2;
	if (build(x, 0, "as it is", x->first, err) < 0 || build_varied_quick(x, err) < 0)
		return -1;
	return ex_compare(x->first, x->second, &x->b->compare, &x->r->diff, err);
}

/* --- who triggers what --------------------------------------------------------------------------
 */

static uint32_t triggers_of(const struct run *x, uint64_t place)
{
	uint32_t ret = 0;

	if (has_place(&x->each_time, place))
		return DOC_EACH_TIME;
	if (is_single(x->r->varied))
		return x->r->varied;
	for (int v = 0; v < DOC_VARIATIONS; v++)
		if (has_place(&x->alone[v], place))
			ret |= 1u << v;
	return ret;
}

static bool is_more(const struct run *x)
{
	for (size_t i = 0; i < x->r->diff.n; i++)
		if (!has_place(&x->each_time, place_of(&x->r->diff.diffs[i])))
			return true;
	return false;
}

static int find_triggers(struct run *x, struct ss_err *err)
{
	struct doc_report *r = x->r;

	if (is_more(x) && !is_single(r->varied) && try_each_alone(x, err) < 0)
		return -1;
	r->triggers = ss_calloc(r->diff.n + 1, sizeof(*r->triggers));
	for (size_t i = 0; i < r->diff.n; i++)
		r->triggers[i] = triggers_of(x, place_of(&r->diff.diffs[i]));
	return 0;
}

static int compare_varied(struct run *x, struct ss_err *err)
{
	struct ex_report varied = { 0 };

	if (x->r->varied == 0)
		return 0;
	if (ex_compare(x->first, x->second, &x->b->compare, &varied, err) < 0)
		return -1;
	/* What chance made the same this once differs all the same. */
	if (varied.n == 0) {
		ex_report_done(&varied);
		return 0;
	}
	ex_report_done(&x->r->diff);
	x->r->diff = varied;
	return 0;
}

int doc_run(const struct doc_builder *b, uint32_t vary, struct doc_report *ret, struct ss_err *err)
{
	SS_CLEANUP(run_done) struct run x = { .b = b, .r = ret };
	const char *why = NULL;

	*ret = (struct doc_report){ .varied = doc_beside(vary, &why) };
	for (int v = 0; v < DOC_VARIATIONS; v++)
		if (((vary & ~ret->varied) & 1u << v) != 0)
			ret->why_not[v] = ss_copy(why);
	x.most = 2u + (ret->varied != 0 ? 1u : 0u);
	x.most += is_single(ret->varied) ? 0u : count(ret->varied) + 1u;
	x.first = join(b->dir, "first");
	x.second = join(b->dir, "second");
	if (b->quick ? run_quick(&x, err) < 0
		     : build_twice(&x, err) < 0 || build_varied(&x, err) < 0 ||
			       compare_varied(&x, err) < 0 || find_triggers(&x, err) < 0) {
		doc_report_done(ret);
		return -1;
	}
	return 0;
}

void doc_report_done(struct doc_report *r)
{
	ex_report_done(&r->diff);
	free(r->triggers);
	for (size_t v = 0; v < DOC_VARIATIONS; v++)
		free(r->why_not[v]);
	*r = (struct doc_report){ 0 };
}

uint32_t doc_group_triggers(const struct doc_report *r, const struct ex_group *g)
{
	uint32_t ret = 0;

	for (size_t i = 0; r->triggers != NULL && i < r->diff.n; i++)
		if (r->diff.diffs[i].cause == g->cause && r->diff.diffs[i].measured == g->measured)
			ret |= r->triggers[i];
	return ret;
}
