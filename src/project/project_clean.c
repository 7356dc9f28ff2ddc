/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/x509.h"
#include "project/project_find.h"
#include "project/steps.h"
#include "record/rec_tls.h"

#include <string.h>

/*
 * What a step sees of the recorder's certificate must not be in the image: the certificate is
 * another one in each build. In bundles of certificates, wherever they were copied, it is a block
 * of its own, which is taken out again; whatever else holds it is an error that names the file.
 *
 * It is known by the end of its signature, as it stands or in base64 at any of three alignments
 * (PKCS #7 in PEM, JSON), and, as its leaves are, by its name. What compresses or enciphers it
 * hides it.
 */
#define PIECE 65536u
#define BUNDLE_MAX ((size_t)16 * 1024 * 1024)
#define MARK 18u /* bytes of each mark: half of a line of base64 may be cut by its end */
#define TAIL 30u /* bytes of the signature: two marks in base64, whichever alignment they have */

/* Its name as DER writes it: UTF8String, length, text. Not in one piece: programs hold it, too. */
static const uint8_t der_text[] = { 0x0c, sizeof(REC_AUTHORITY_NAME) - 1 };

struct clean {
	struct tree *t;
	struct ss_span block; /* the certificate in PEM */
	struct project_find marks;
	uint8_t piece[PIECE];
};

/* Three bytes are four characters. */
static void put_base64(const uint8_t *p, size_t triples, uint8_t *ret)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; triples > 0; triples--, p += 3) {
		const uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		for (int shift = 18; shift >= 0; shift -= 6)
			*ret++ = (uint8_t)digits[v >> shift & 63];
	}
}

static int know(struct clean *c, struct ss_span pem, struct ss_err *err)
{
	AUTO_BUF struct ss_buf der = SS_BUF_INIT(BUNDLE_MAX);
	uint8_t text[2 * MARK];
	const uint8_t *tail;
	size_t n = 0;

	if (crypto_certs_put_der(pem, &der, &n, err) < 0)
		return -1;
	if (n != 1 || der.n < TAIL)
		return ss_fail(err, SS_EINPUT, "the recorder's certificate is not one");
	c->block = pem;
	tail = der.p + der.n - TAIL;
	project_find_init(&c->marks, MARK);
	project_find_add(&c->marks, tail + TAIL - MARK);
	for (size_t alignment = 0; alignment < 3; alignment++) {
		put_base64(tail + alignment, sizeof(text) / 4, text);
		project_find_add(&c->marks, text);
		project_find_add(&c->marks, text + MARK);
	}
	memcpy(text, der_text, sizeof(der_text));
	memcpy(text + sizeof(der_text), REC_AUTHORITY_NAME, MARK - sizeof(der_text));
	project_find_add(&c->marks, text);
	return 0;
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
	err->hint =
		"a step copied what lies in /dev/selfsame, or put the image's certificates into "
		"a key store: trust = \"variables\" below [build] keeps ours out of them";
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
	if (project_find_is_in(&c->marks, (struct ss_span){ p, left }))
		return fail(c, id, err);
	if (tree_body_new(c->t, (struct ss_span){ p, left }, &body, err) < 0)
		return -1;
	tree_set_body(c->t, id, body, left);
	return 0;
}

static int look(struct clean *c, tree_id id, uint32_t size, struct ss_err *err)
{
	uint64_t at = 0;
	size_t kept = 0;

	while (at < size) {
		const uint64_t rest = size - at;
		const size_t n = rest < PIECE - kept ? (size_t)rest : PIECE - kept;
		const struct ss_span all = { c->piece, kept + n };

		if (tree_read(c->t, id, at, c->piece + kept, n, err) < 0)
			return -1;
		if (project_find_is_in(&c->marks, all))
			return size <= BUNDLE_MAX ? strip(c, id, size, err) : fail(c, id, err);
		kept = all.n < MARK ? all.n : MARK;
		memmove(c->piece, c->piece + all.n - kept, kept);
		at += n;
	}
	return 0;
}

int project_clean(struct ss_span pem, struct tree *t, struct ss_err *err)
{
	AUTO_FREE struct clean *c = ss_calloc(1, sizeof(*c));
	AUTO_FREE bool *seen = ss_calloc((size_t)tree_inode_max(t) + 1, sizeof(*seen));
	struct tree_walk w;
	tree_id id;

	c->t = t;
	if (know(c, pem, err) < 0)
		return -1;
	tree_walk_init(&w, t);
	while ((id = tree_walk_next(&w)) != TREE_NONE) {
		struct tree_inode in;
		bool *once = &seen[tree_inode_no(t, id)];

		tree_stat(t, id, &in);
		if (in.type != TREE_REG || in.size < MARK || *once)
			continue;
		*once = true;
		if (look(c, id, in.size, err) < 0)
			return -1;
	}
	return 0;
}
