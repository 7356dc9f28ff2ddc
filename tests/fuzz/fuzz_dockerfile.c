/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/dockerfile.h"

#include <stdlib.h>
#include <string.h>

/* A file that is accepted, pinned and read again names the same images, all pinned to what was
 * given, on the same lines; pinning that once more changes nothing. What is refused says why. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char digest[] =
	"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void compare(const struct df_file *a, const struct df_file *b)
{
	if (a->n_uses != b->n_uses || a->n_stages != b->n_stages)
		abort();
	for (size_t i = 0; i < a->n_uses; i++) {
		const struct df_use *u = &a->uses[i];
		const struct df_use *v = &b->uses[i];

		if (strcmp(u->repo, v->repo) != 0 || u->line != v->line || v->digest == NULL ||
		    strcmp(v->digest, digest) != 0)
			abort();
	}
}

static void pin(struct ss_span in, const struct df_file *f, struct ss_buf *ret)
{
	const char **digests = ss_calloc(f->n_uses + 1, sizeof(char *));
	const struct cfg_pairs none = { 0 };

	for (size_t i = 0; i < f->n_uses; i++)
		digests[i] = digest;
	df_write(in, f, digests, &none, ret);
	free(digests);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct ss_buf once = SS_BUF_INIT((size_t)1 << 24);
	AUTO_BUF struct ss_buf twice = SS_BUF_INIT((size_t)1 << 24);
	const struct cfg_pairs none = { 0 };
	const struct df_globals g = { &none, "linux/amd64", "linux/amd64" };
	struct df_file f, back;
	struct ss_err err = { 0 };

	if (df_read((struct ss_span){ data, size }, &g, &f, &err) < 0) {
		if ((err.code != SS_EINPUT && err.code != SS_ELIMIT) || err.msg[0] == '\0')
			abort();
		return 0;
	}
	pin((struct ss_span){ data, size }, &f, &once);
	if (df_read(ss_buf_span(&once), &g, &back, &err) < 0)
		abort();
	compare(&f, &back);
	pin(ss_buf_span(&once), &back, &twice);
	if (once.n != twice.n || memcmp(once.p, twice.p, once.n) != 0)
		abort();
	df_done(&f);
	df_done(&back);
	return 0;
}
