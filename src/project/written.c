/* SPDX-License-Identifier: Apache-2.0 */
#include "project/written.h"

#include "base/mem.h"
#include "base/sort.h"

#include <string.h>

static void add_one(struct project_written *w, uint64_t step, struct ss_span path)
{
	if (w->text.max == 0)
		w->text = (struct ss_buf)SS_BUF_INIT(PROJECT_WRITTEN_MAX);
	if ((w->n & (w->n - 1)) == 0) /* room for 1, 2, 4, 8 … */
		w->v = ss_reallocarray(w->v, w->n == 0 ? 1 : w->n * 2, sizeof(*w->v));
	w->v[w->n++] = (struct project_wrote){ .at = w->text.n, .n = path.n, .step = step };
	ss_buf_put(&w->text, path);
}

void project_written_add(struct project_written *w, uint64_t step, struct ss_span paths)
{
	size_t at = 0;

	w->sorted = false;
	while (at < paths.n && !w->text.bad) {
		const uint8_t *end = memchr(paths.p + at, '\0', paths.n - at);
		const size_t n = end != NULL ? (size_t)(end - (paths.p + at)) : 0;

		if (end == NULL)
			return;
		if (n > 1 && paths.p[at] == '/')
			add_one(w, step, (struct ss_span){ paths.p + at, n });
		at += n + 1;
	}
}

struct row {
	const uint8_t *path;
	struct project_wrote wrote;
};

static int compare(const uint8_t *a, size_t an, const uint8_t *b, size_t bn)
{
	const int d = memcmp(a, b, an < bn ? an : bn);

	return d != 0 ? d : an < bn ? -1 : an > bn;
}

/* By path; of one, the last step first. */
static int by_path(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	const int d = compare(x->path, x->wrote.n, y->path, y->wrote.n);

	if (d != 0)
		return d;
	return x->wrote.at > y->wrote.at ? -1 : 1; /* where it stands is unique */
}

static void sort(struct project_written *w)
{
	AUTO_FREE struct row *rows = ss_calloc(w->n + 1, sizeof(*rows));

	for (size_t i = 0; i < w->n; i++)
		rows[i] = (struct row){ w->text.p + w->v[i].at, w->v[i] };
	ss_sort(rows, w->n, sizeof(*rows), by_path);
	for (size_t i = 0; i < w->n; i++)
		w->v[i] = rows[i].wrote;
	w->sorted = true;
}

uint64_t project_written_by(struct project_written *w, struct ss_span path)
{
	size_t low = 0, high = w->n;

	if (w->n == 0 || path.n == 0 || w->text.bad)
		return 0;
	if (!w->sorted)
		sort(w);
	while (low < high) { /* the first that is not before it */
		const size_t mid = low + (high - low) / 2;
		const struct project_wrote *m = &w->v[mid];

		if (compare(w->text.p + m->at, m->n, path.p, path.n) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == w->n || w->v[low].n != path.n ||
	    memcmp(w->text.p + w->v[low].at, path.p, path.n) != 0)
		return 0;
	return w->v[low].step;
}

void project_written_done(struct project_written *w)
{
	ss_buf_done(&w->text);
	free(w->v);
	*w = (struct project_written){ 0 };
}
