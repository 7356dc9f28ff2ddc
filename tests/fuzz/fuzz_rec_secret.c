/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "record/rec_secret.h"

#include <stdlib.h>
#include <string.h>

/*
 * A request's head, behind a NUL a URL, behind another the answer's body. However the body is cut,
 * a credential in it is seen, and nothing else is: what a plain search for each of them in the
 * whole finds. A second look at the same, whole, agrees.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ss_span part(struct ss_span *in)
{
	const uint8_t *end = in->n > 0 ? memchr(in->p, 0, in->n) : NULL;
	const struct ss_span ret = { in->p, end != NULL ? (size_t)(end - in->p) : in->n };

	in->p += ret.n + (end != NULL);
	in->n -= ret.n + (end != NULL);
	return ret;
}

static bool plain_search(const struct rec_watch *w, struct ss_span body)
{
	bool has = false;

	for (size_t i = 0; i < w->n; i++) {
		if (w->size[i] < REC_SECRET_MIN || w->at[i] + w->size[i] > w->text.n)
			abort();
		for (size_t k = 0; !has && w->size[i] <= body.n && k <= body.n - w->size[i]; k++)
			has = memcmp(body.p + k, w->text.p + w->at[i], w->size[i]) == 0;
	}
	return has;
}

static void try_cut(const struct rec_head *h, const char *url, struct ss_span body, size_t step)
{
	struct rec_watch w = REC_WATCH_NONE;
	bool want;

	rec_watch_begin(h, url, &w);
	want = plain_search(&w, body);
	for (size_t i = 0; i < body.n; i += step)
		rec_watch_put(
			&w, (struct ss_span){ body.p + i, body.n - i < step ? body.n - i : step });
	if (w.seen != want || rec_watch_has(&w, body) != want)
		abort();
	rec_watch_done(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 2, 3, 7, 16, 61, 4096 };
	struct ss_span in = { data, size };
	const struct ss_span text = part(&in), url = part(&in);
	AUTO_FREE char *s = ss_calloc(url.n + 1, 1);
	static struct rec_head head;
	struct ss_err err = { 0 };
	size_t n = 0;

	if (rec_head_read(text, &head, &n, &err) != 1)
		return 0;
	if (url.n > 0)
		memcpy(s, url.p, url.n);
	for (size_t i = 0; i < SS_NELEMS(steps); i++)
		try_cut(&head, s, in, steps[i]);
	return 0;
}
