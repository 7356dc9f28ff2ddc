/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "project/steps.h"

#include <string.h>

/*
 * What a step sees of the recorder's certificate must not be in the image: the certificate is
 * another one in each build. In bundles of certificates, wherever they were copied, it is a block
 * of its own, which is taken out again; whatever else holds it is an error that names the file.
 */
#define PIECE 65536u
#define BUNDLE_MAX ((size_t)16 * 1024 * 1024)
#define LINE 64u /* of base64 in PEM */

/* Its name as DER writes it: UTF8String, length, text. */
static const char der_mark[] = "\x0c\x1fselfsame: recorder of one build";

struct clean {
	struct tree *t;
	struct ss_span block; /* the certificate in PEM */
	struct ss_span line;  /* one line of it that no other certificate has */
	uint8_t piece[PIECE];
};

static bool has(struct ss_span in, struct ss_span what)
{
	return in.n >= what.n && memmem(in.p, in.n, what.p, what.n) != NULL;
}

static int fail(const struct clean *c, tree_id id, struct ss_err *err)
{
	uint8_t path[TREE_MAX_PATH + 1];
	const struct ss_span p = tree_path(c->t, id, path);

	(void)ss_fail(
		err, SS_EINPUT,
		"'/%.*s' holds the certificate of this build's recorder, which only steps may "
		"see",
		(int)p.n, (const char *)p.p);
	err->hint = "a step copied what lies in /dev/selfsame, or put it into a key store";
	return -1;
}

/* The whole file, without each block. */
static int strip(struct clean *c, tree_id id, uint32_t size, struct ss_err *err)
{
	AUTO_FREE uint8_t *p = ss_calloc(size, 1);
	struct tree_body body = { 0 };
	uint32_t left = size;
	uint8_t *at;

	if (tree_read(c->t, id, 0, p, size, err) < 0)
		return -1;
	while ((at = memmem(p, left, c->block.p, c->block.n)) != NULL) {
		left -= (uint32_t)c->block.n;
		memmove(at, at + c->block.n, left - (size_t)(at - p));
	}
	if (has((struct ss_span){ p, left }, c->line))
		return fail(c, id, err);
	if (tree_body_new(c->t, (struct ss_span){ p, left }, &body, err) < 0)
		return -1;
	tree_set_body(c->t, id, body, left);
	return 0;
}

static int look(struct clean *c, tree_id id, uint32_t size, struct ss_err *err)
{
	const struct ss_span der = { (const uint8_t *)der_mark, sizeof(der_mark) - 1 };
	uint64_t at = 0;
	size_t kept = 0;

	while (at < size) {
		const uint64_t rest = size - at;
		const size_t n = rest < PIECE - kept ? (size_t)rest : PIECE - kept;
		const struct ss_span all = { c->piece, kept + n };

		if (tree_read(c->t, id, at, c->piece + kept, n, err) < 0)
			return -1;
		if (has(all, der))
			return fail(c, id, err);
		if (has(all, c->line))
			return size <= BUNDLE_MAX ? strip(c, id, size, err) : fail(c, id, err);
		kept = all.n < LINE ? all.n : LINE;
		memmove(c->piece, c->piece + all.n - kept, kept);
		at += n;
	}
	return 0;
}

/* The second line: behind the first stands what all such certificates have in common. */
static struct ss_span line_of(struct ss_span pem)
{
	const uint8_t *p = pem.p;

	for (int i = 0; i < 2 && p != NULL; i++) {
		p = memchr(p, '\n', pem.n - (size_t)(p - pem.p));
		p = p != NULL ? p + 1 : NULL;
	}
	if (p == NULL || pem.n - (size_t)(p - pem.p) < LINE)
		return (struct ss_span){ NULL, 0 };
	return (struct ss_span){ p, LINE };
}

int project_clean(struct ss_span pem, struct tree *t, struct ss_err *err)
{
	AUTO_FREE struct clean *c = ss_calloc(1, sizeof(*c));
	AUTO_FREE bool *seen = ss_calloc((size_t)tree_inode_max(t) + 1, sizeof(*seen));
	struct tree_walk w;
	tree_id id;

	c->t = t;
	c->block = pem;
	c->line = line_of(pem);
	if (c->line.n == 0)
		return ss_fail(err, SS_EINPUT, "the recorder's certificate is not PEM");
	tree_walk_init(&w, t);
	while ((id = tree_walk_next(&w)) != TREE_NONE) {
		struct tree_inode in;
		bool *once = &seen[tree_inode_no(t, id)];

		tree_stat(t, id, &in);
		if (in.type != TREE_REG || in.size < LINE || *once)
			continue;
		*once = true;
		if (look(c, id, in.size, err) < 0)
			return -1;
	}
	return 0;
}
