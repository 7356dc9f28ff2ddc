/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/ramdisk_walk.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Everything that was told, as one hash, and whether calls came in their order. */
struct heard {
	struct crypto_hash *h;
	uint64_t left;
	bool inside;
};

static int entry(void *ctx, const struct cpio_entry *e, struct ss_err *err)
{
	struct heard *h = ctx;

	(void)err;
	must(!h->inside && e->name.p[e->name.n] == 0 &&
	     strlen((const char *)e->name.p) == e->name.n);
	h->inside = true;
	h->left = e->size;
	crypto_hash_put(h->h, e->name);
	crypto_hash_put(h->h, (struct ss_span){ (const uint8_t *)&e->mode, sizeof(e->mode) });
	return 0;
}

static int body(void *ctx, struct ss_span s, struct ss_err *err)
{
	struct heard *h = ctx;

	(void)err;
	must(h->inside && s.n > 0 && s.n <= h->left);
	h->left -= s.n;
	crypto_hash_put(h->h, s);
	return 0;
}

static int end(void *ctx, struct ss_err *err)
{
	struct heard *h = ctx;

	(void)err;
	must(h->inside && h->left == 0);
	h->inside = false;
	return 0;
}

static int walk(struct ss_span s, size_t piece, uint8_t ret[CRYPTO_SHA256_SIZE], struct ss_err *err)
{
	AUTO_HASH struct crypto_hash *hash = crypto_hash_new(CRYPTO_SHA256);
	struct heard h = { .h = hash };
	const struct eif_entries to = { entry, body, end, NULL, &h };
	AUTO_EIF_WALK struct eif_walk *w = eif_walk_new(&to);
	int rc = 0;

	while (rc == 0 && s.n > 0) {
		const size_t n = piece < s.n ? piece : s.n;

		rc = eif_walk_put(w, (struct ss_span){ s.p, n }, err);
		s.p += n;
		s.n -= n;
	}
	if (rc == 0)
		rc = eif_walk_end(w, err);
	must(rc < 0 || !h.inside);
	crypto_hash_end(hash, ret);
	return rc;
}

/* In one piece, in sevens and byte by byte: the same entries and the same words. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = { 7, 1 };
	const struct ss_span s = { data, size };
	uint8_t whole[CRYPTO_SHA256_SIZE], split[CRYPTO_SHA256_SIZE];
	struct ss_err err = { 0 }, other = { 0 };
	const int rc = walk(s, size > 0 ? size : 1, whole, &err);

	must(rc == 0 || (err.code != SS_OK && err.msg[0] != '\0'));
	for (size_t i = 0; i < SS_NELEMS(pieces); i++) {
		must(walk(s, pieces[i], split, &other) == rc);
		must(memcmp(whole, split, sizeof(whole)) == 0);
		must(strcmp(err.msg, other.msg) == 0);
	}
	return 0;
}
