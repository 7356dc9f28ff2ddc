/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/tar.h"

#include "base/mem.h"
#include "base/num.h"
#include "fmt/tar_parts.h"

#include <string.h>

/* The body of an extended header, kept until the entry that it belongs to. */
struct held {
	uint8_t *p;
	size_t n;
	size_t cap;
	bool valid;
};

struct tar_reader {
	struct tar_source src;
	uint64_t at; /* of the next header */
	uint8_t block[TAR_BLOCK];
	uint8_t joined[260]; /* ustar: prefix "/" name */
	struct held pax_body;
	struct held long_name;
	struct held long_link;
	struct tar_pax pax;
	struct tar_segments segments;
};

struct tar_reader *tar_new(const struct tar_source *source)
{
	struct tar_reader *t = ss_calloc(1, sizeof(*t));

	t->src = *source;
	return t;
}

void tar_free(struct tar_reader *t)
{
	if (t == NULL)
		return;
	free(t->pax_body.p);
	free(t->long_name.p);
	free(t->long_link.p);
	free(t->segments.v);
	tar_pax_done(&t->pax);
	free(t);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static uint64_t round_up(uint64_t n)
{
	return (n + TAR_BLOCK - 1) & ~(uint64_t)(TAR_BLOCK - 1);
}

/* --- extended headers --------------------------------------------------------------------- */

/* The body of the header in t->block, whose `at` is behind that header. */
static int hold(struct tar_reader *t, struct held *h, uint64_t *at, struct ss_err *err)
{
	uint64_t n;

	if (h->valid)
		return ss_fail(err, SS_EINPUT, "a second header of its kind for one entry");
	if (tar_field(t->block, "size", AT_SIZE, 12, INT64_MAX, &n, err) < 0)
		return -1;
	if (n > TAR_MAX_HEADER)
		return ss_fail(err, SS_ELIMIT, "an extended header of %llu bytes; the limit is %u",
			       (unsigned long long)n, TAR_MAX_HEADER);
	if (n > h->cap) {
		h->p = ss_reallocarray(h->p, (size_t)n, 1);
		h->cap = (size_t)n;
	}
	h->n = (size_t)n;
	h->valid = true;
	if (n > 0 && tar_read_all(&t->src, *at, h->p, h->n, err) < 0)
		return -1;
	*at += round_up(n);
	return 0;
}

static bool any_held(const struct tar_reader *t)
{
	return t->pax_body.valid || t->long_name.valid || t->long_link.valid;
}

static int hold_global(struct tar_reader *t, uint64_t *at, struct ss_err *err)
{
	if (any_held(t))
		return ss_fail(err, SS_EINPUT, "a global header between a header and its entry");
	if (hold(t, &t->pax_body, at, err) < 0)
		return -1;
	t->pax_body.valid = false;
	return tar_pax_read((struct ss_span){ t->pax_body.p, t->pax_body.n }, true, &t->pax, err);
}

/* True if the header in t->block was one, and is now held; t->at goes on behind it. */
static int take_extended(struct tar_reader *t, bool *ret, struct ss_err *err)
{
	uint64_t at = t->at + TAR_BLOCK;
	int rc = 0;

	*ret = true;
	switch (t->block[AT_TYPE]) {
	case 'x':
		rc = hold(t, &t->pax_body, &at, err);
		if (rc == 0)
			rc = tar_pax_read((struct ss_span){ t->pax_body.p, t->pax_body.n }, false,
					  &t->pax, err);
		break;
	case 'g':
		rc = hold_global(t, &at, err);
		break;
	case 'L':
		rc = hold(t, &t->long_name, &at, err);
		break;
	case 'K':
		rc = hold(t, &t->long_link, &at, err);
		break;
	default:
		*ret = false;
		return 0;
	}
	if (rc == 0)
		t->at = at;
	return rc;
}

/* --- entries ------------------------------------------------------------------------------ */

/* The long forms come first: GNU's header, pax's record, then the fields of the block. */
static int find_name(const struct tar_reader *t, const struct held *gnu, struct ss_span pax,
		     struct ss_span plain, const char *what, struct ss_span *ret,
		     struct ss_err *err)
{
	if (gnu->valid && pax.p != NULL)
		return ss_fail(err, SS_EINPUT, "a long %s in both of the two ways", what);
	*ret = plain;
	if (gnu->valid)
		*ret = gnu->n > 0 ? tar_text(gnu->p, gnu->n) : (struct ss_span){ t->block, 0 };
	else if (pax.p != NULL)
		*ret = pax;
	return 0;
}

static int find_path(struct tar_reader *t, enum tar_family fam, struct ss_span *ret,
		     struct ss_err *err)
{
	struct ss_span plain = tar_text(t->block + AT_NAME, 100);
	const struct ss_span prefix = tar_text(t->block + AT_PREFIX, 155);
	struct ss_span pax = t->pax.path;

	if (fam == TAR_USTAR && prefix.n > 0) {
		memcpy(t->joined, prefix.p, prefix.n);
		t->joined[prefix.n] = '/';
		memcpy(t->joined + prefix.n + 1, plain.p, plain.n);
		plain = (struct ss_span){ t->joined, prefix.n + 1 + plain.n };
	}
	if (t->pax.sparse_name.p != NULL) /* `path` then names a place for readers that know less */
		pax = t->pax.sparse_name;
	if (find_name(t, &t->long_name, pax, plain, "name", ret, err) < 0)
		return -1;
	return ret->n == 0 ? ss_fail(err, SS_EINPUT, "an entry without a name") : 0;
}

static int find_owner(const struct tar_reader *t, struct tar_entry *e, struct ss_err *err)
{
	const struct tar_pax *p = &t->pax;
	uint64_t mode, uid = p->uid, gid = p->gid;

	/* The type may stand in the upper bits. */
	if (tar_field(t->block, "mode", AT_MODE, 8, UINT32_MAX, &mode, err) < 0)
		return -1;
	if (!tar_pax_has(p, TAR_PAX_UID) &&
	    tar_field(t->block, "owner", AT_UID, 8, UINT32_MAX, &uid, err) < 0)
		return -1;
	if (!tar_pax_has(p, TAR_PAX_GID) &&
	    tar_field(t->block, "group", AT_GID, 8, UINT32_MAX, &gid, err) < 0)
		return -1;
	if (uid > UINT32_MAX || gid > UINT32_MAX)
		return ss_fail(err, SS_EINPUT, "%s %llu is out of range",
			       uid > UINT32_MAX ? "owner" : "group",
			       (unsigned long long)(uid > UINT32_MAX ? uid : gid));
	e->mode = (uint16_t)(mode & 07777);
	e->uid = (uint32_t)uid;
	e->gid = (uint32_t)gid;
	e->mtime = p->mtime;
	if (!tar_pax_has(p, TAR_PAX_MTIME) &&
	    !tar_number((struct ss_span){ t->block + AT_MTIME, 12 }, &e->mtime))
		return ss_fail(err, SS_EINPUT, "malformed time");
	return 0;
}

static int find_device(const struct tar_reader *t, enum tar_family fam, struct tar_entry *e,
		       struct ss_err *err)
{
	uint64_t major = 0, minor = 0;

	if (e->type != TAR_CHR && e->type != TAR_BLK)
		return 0;
	if (fam == TAR_V7)
		return ss_fail(err, SS_EINPUT, "a device in an archive that has no field for it");
	if (tar_field(t->block, "device number", AT_MAJOR, 8, UINT32_MAX, &major, err) < 0 ||
	    tar_field(t->block, "device number", AT_MINOR, 8, UINT32_MAX, &minor, err) < 0)
		return -1;
	e->rdev_major = (uint32_t)major;
	e->rdev_minor = (uint32_t)minor;
	return 0;
}

static int read_sparse_gnu(struct tar_reader *t, struct tar_entry *e, struct ss_err *err)
{
	if (tar_field(t->block, "real size", AT_GNU_REALSIZE, 12, INT64_MAX, &e->size, err) < 0)
		return -1;
	return tar_sparse_map_gnu(&t->src, t->block, &e->body, &t->segments, err);
}

static int check_blocks(const struct tar_reader *t, struct ss_err *err)
{
	if (t->segments.n == t->pax.sparse_blocks)
		return 0;
	return ss_fail(err, SS_EINPUT, "%zu sparse segments, but GNU.sparse.numblocks is %llu",
		       t->segments.n, (unsigned long long)t->pax.sparse_blocks);
}

#define HAS(k) (1u << TAR_PAX_SPARSE_##k)

static bool has_pax_sparse(const struct tar_pax *p)
{
	return p->has >> TAR_PAX_SPARSE_MAJOR != 0; /* the sparse keys are the last ones */
}

/* Each version has its own keys, and all of them. */
static int read_sparse_pax(struct tar_reader *t, struct tar_entry *e, struct ss_err *err)
{
	struct tar_pax *p = &t->pax;
	struct tar_segments swap = t->segments;

	e->size = p->sparse_size;
	switch (p->has >> TAR_PAX_SPARSE_MAJOR << TAR_PAX_SPARSE_MAJOR) {
	case HAS(MAJOR) | HAS(MINOR) | HAS(NAME) | HAS(REALSIZE):
		if (p->sparse_major != 1 || p->sparse_minor != 0)
			break;
		return tar_sparse_map_10(&t->src, &e->body, &e->stored, &t->segments, err);
	case HAS(SIZE) | HAS(BLOCKS) | HAS(MAP) | HAS(NAME):
	case HAS(SIZE) | HAS(BLOCKS) | HAS(MAP):
		if (tar_sparse_map_01(p->sparse_map, &t->segments, err) < 0)
			return -1;
		return check_blocks(t, err);
	case HAS(SIZE) | HAS(BLOCKS) | HAS(OFFSET) | HAS(BYTES):
	case HAS(SIZE) | HAS(BLOCKS):
		t->segments = p->segments;
		p->segments = swap;
		p->segments.n = 0;
		return check_blocks(t, err);
	default:
		break;
	}
	return ss_fail(err, SS_EINPUT, "a sparse file of an unknown kind");
}

/* Where the body is and how the file comes out of it. */
static int find_body(struct tar_reader *t, enum tar_family fam, struct tar_entry *e,
		     struct ss_err *err)
{
	const bool old_gnu = t->block[AT_TYPE] == 'S';

	if (tar_pax_has(&t->pax, TAR_PAX_SIZE))
		e->stored = t->pax.size;
	else if (tar_field(t->block, "size", AT_SIZE, 12, INT64_MAX, &e->stored, err) < 0)
		return -1;
	e->size = e->stored;
	if (e->type != TAR_REG && e->stored != 0)
		return ss_fail(err, SS_EINPUT, "a body of %llu bytes where there can be none",
			       (unsigned long long)e->stored);
	e->sparse = old_gnu || has_pax_sparse(&t->pax);
	if (!e->sparse)
		return 0;
	if (e->type != TAR_REG || (old_gnu && (fam != TAR_GNU || has_pax_sparse(&t->pax))))
		return ss_fail(err, SS_EINPUT, "a sparse file of an unknown kind");
	t->segments.n = 0;
	if ((old_gnu ? read_sparse_gnu(t, e, err) : read_sparse_pax(t, e, err)) < 0)
		return -1;
	if (tar_segments_check(&t->segments, e->size, e->stored, err) < 0)
		return -1;
	e->segments = t->segments.v;
	e->n_segments = t->segments.n;
	return 0;
}

static int read_entry(struct tar_reader *t, enum tar_family fam, struct tar_entry *e,
		      struct ss_err *err)
{
	uint64_t end;

	*e = (struct tar_entry){ .body = t->at + TAR_BLOCK };
	if (find_path(t, fam, &e->path, err) < 0 ||
	    tar_type_find(t->block, e->path, &e->type, err) < 0 ||
	    find_name(t, &t->long_link, t->pax.link, tar_text(t->block + AT_LINK, 100),
		      "link target", &e->link, err) < 0 ||
	    find_owner(t, e, err) < 0 || find_device(t, fam, e, err) < 0 ||
	    find_body(t, fam, e, err) < 0)
		return -1;
	if ((e->type == TAR_LINK || e->type == TAR_SYMLINK) && e->link.n == 0)
		return ss_fail(err, SS_EINPUT, "a link without a target");
	if (!ss_add_u64(e->body, e->stored, &end) || end > INT64_MAX - TAR_BLOCK)
		return ss_fail(err, SS_EINPUT, "a body that ends past 2^63");
	t->at = round_up(end);
	e->xattrs = t->pax.xattrs;
	e->n_xattrs = t->pax.n_xattrs;
	return 0;
}

static void forget(struct tar_reader *t)
{
	t->pax_body.valid = false;
	t->long_name.valid = false;
	t->long_link.valid = false;
	tar_pax_clear(&t->pax);
}

/* A block of zeros stands at t->at: one more, then only zeros. */
static int check_end(struct tar_reader *t, struct ss_err *err)
{
	uint64_t at = t->at + TAR_BLOCK;
	uint8_t rest[16384];
	size_t n;

	if (any_held(t))
		return ss_fail(err, SS_EINPUT, "an extended header without its entry");
	if (tar_read_all(&t->src, at, rest, TAR_BLOCK, err) < 0)
		return -1;
	if (!is_zero(rest, TAR_BLOCK))
		return ss_fail(err, SS_EINPUT, "a single block of zeros");
	at += TAR_BLOCK;
	do {
		if (t->src.read(t->src.ctx, at, rest, sizeof(rest), &n, err) < 0)
			return -1;
		if (!is_zero(rest, n))
			return ss_fail(err, SS_EINPUT, "data after the end of the archive");
		at += n;
	} while (n == sizeof(rest));
	return 0;
}

static int next(struct tar_reader *t, struct tar_entry *ret, bool *ret_end, struct ss_err *err)
{
	enum tar_family fam = TAR_V7;
	bool extended;

	for (;;) {
		if (tar_read_all(&t->src, t->at, t->block, TAR_BLOCK, err) < 0)
			return -1;
		*ret_end = is_zero(t->block, TAR_BLOCK);
		if (*ret_end)
			return check_end(t, err);
		if (tar_sum_check(t->block, err) < 0 || tar_family_find(t->block, &fam, err) < 0 ||
		    take_extended(t, &extended, err) < 0)
			return -1;
		if (!extended)
			return read_entry(t, fam, ret, err);
	}
}

int tar_next(struct tar_reader *t, struct tar_entry *ret, bool *ret_end, struct ss_err *err)
{
	forget(t);
	if (next(t, ret, ret_end, err) < 0)
		return ss_ctx(err, "tar entry at offset %llu", (unsigned long long)t->at);
	return 0;
}
