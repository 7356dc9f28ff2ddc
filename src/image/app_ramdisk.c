/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "base/text.h"
#include "image/ramdisk.h"

#include <string.h>

#define PREFIX "rootfs"
#define PREFIX_SIZE (sizeof(PREFIX) - 1)
#define CONFIG "config"
#define PAGE_BYTES 4096u
/* The runtime notes where the first name of a hard link stands in 32 bits, in steps of 4 bytes. */
#define LINK_REACH ((uint64_t)4 * UINT32_MAX - MC_MAX_SIZE - PAGE_BYTES)

/* How the entries of one archive are numbered: 1, 2, 3 … by first appearance. */
struct numbers {
	uint32_t last;
	uint32_t *seen; /* by the tree's inode number: only those with several names */
};

/* Sets ino, nlink and size; false if an earlier entry has the body. */
static bool number_it(struct numbers *n, const struct tree *t, tree_id id,
		      const struct tree_inode *in, struct cpio_entry *e)
{
	uint32_t *seen = &n->seen[tree_inode_no(t, id)];

	e->nlink = in->type == TREE_DIR ? 2 : in->nlink;
	e->size = in->size;
	if (in->nlink > 1 && *seen != 0) {
		e->ino = *seen;
		e->size = 0;
		return false;
	}
	e->ino = ++n->last;
	if (in->nlink > 1)
		*seen = e->ino;
	return true;
}

static int check_entry(const struct cpio_entry *e, struct ss_err *err)
{
	if (e->uid > MC_ID_MAX || e->gid > MC_ID_MAX)
		return ss_fail(err, SS_ELIMIT, "'%s': owner %u:%u; an enclave has ids up to %u",
			       SS_SHOW(e->name), e->uid, e->gid, MC_ID_MAX);
	if (e->name.n >= CPIO_MAX_NAME)
		return ss_fail(err, SS_ELIMIT, "'%s': a path of %zu bytes; the limit is %u",
			       SS_SHOW(e->name), e->name.n, CPIO_MAX_NAME - 1);
	/* What the runtime would refuse must not be built. */
	return cpio_entry_check(e, err) < 0 ? ss_ctx(err, "'%s'", SS_SHOW(e->name)) : 0;
}

/* What the kernel takes for a capability set or an ACL: the runtime would stop at anything else. */
static bool is_valid(const struct tree_xattr *x)
{
	const uint32_t head = x->value.n < 4 ? 0
					     : x->value.p[0] | (uint32_t)x->value.p[1] << 8 |
						       (uint32_t)x->value.p[2] << 16 |
						       (uint32_t)x->value.p[3] << 24;

	if (x->name.n == sizeof("security.capability") - 1) /* revision, with the effective bit */
		return (x->value.n == 20 && (head & ~1u) == 0x02000000) ||
		       (x->value.n == 24 && (head & ~1u) == 0x03000000);
	return x->value.n % 8 == 4 && head == 2;
}

/* The attributes that newc cannot hold go to the config, with the first name of their file. */
static int put_xattrs(struct rd_app *a, tree_id id, struct ss_span name, struct ss_err *err)
{
	struct tree_xattr x;

	for (size_t i = 0; tree_xattr(a->t, id, i, &x); i++) {
		if (!is_valid(&x))
			return ss_fail(err, SS_EINPUT, "'%s': a malformed %.*s", SS_SHOW(name),
				       (int)x.name.n, (const char *)x.name.p);
		mc_put_xattr(&a->xattrs, name, x.name, x.value);
		a->n_xattrs++;
	}
	return 0;
}

/* What is checked and collected once an inode, with its first name, which stands at `at`. */
static int plan_inode(struct rd_app *a, tree_id id, const struct tree_inode *in,
		      struct ss_span name, uint64_t at, struct ss_err *err)
{
	if (in->nlink > 1 && at > LINK_REACH)
		return ss_fail(err, SS_ELIMIT, "'%s': a hard link more than 16 GiB into the image",
			       SS_SHOW(name));
	return put_xattrs(a, id, name, err);
}

/* One name of the tree. Counts it in `a`. */
static int put_entry(struct rd_app *a, struct rd_out *out, struct numbers *n, tree_id id,
		     struct ss_span name, struct ss_err *err)
{
	struct cpio_entry e = { .mtime = a->epoch, .name = name };
	struct tree_inode in;

	tree_stat(a->t, id, &in);
	e.mode = tree_newc_type(in.type) | in.mode;
	e.uid = in.uid;
	e.gid = in.gid;
	e.rdev_major = in.rdev_major;
	e.rdev_minor = in.rdev_minor;
	if (number_it(n, a->t, id, &in, &e) && out->w == NULL &&
	    plan_inode(a, id, &in, name, out->n, err) < 0)
		return -1;
	if (check_entry(&e, err) < 0 || rd_entry(out, &e, err) < 0)
		return -1;
	a->entries++;
	a->bytes += e.size;
	if (in.type == TREE_REG) {
		a->pages += (e.size + (uint64_t)PAGE_BYTES - 1) / PAGE_BYTES;
		return rd_body(out, a->t, id, e.size, err);
	}
	return in.type == TREE_LNK ? rd_bytes(out, in.target, err) : 0;
}

/* "rootfs" and all below it, then the trailer. The config has had number 1. */
static int put_tree(struct rd_app *a, struct rd_out *out, struct ss_err *err)
{
	AUTO_FREE uint32_t *seen = ss_calloc(tree_inode_max(a->t) + 1, sizeof(*seen));
	struct numbers n = { .last = 1, .seen = seen };
	uint8_t name[PREFIX_SIZE + 1 + TREE_MAX_PATH] = PREFIX "/";
	struct tree_walk w;

	if (put_entry(a, out, &n, TREE_ROOT, (struct ss_span){ name, PREFIX_SIZE }, err) < 0)
		return -1;
	tree_walk_init(&w, a->t);
	for (tree_id id = tree_walk_next(&w); id != TREE_NONE; id = tree_walk_next(&w)) {
		memcpy(name + PREFIX_SIZE + 1, w.path, w.path_n);
		if (put_entry(a, out, &n, id, (struct ss_span){ name, PREFIX_SIZE + 1 + w.path_n },
			      err) < 0)
			return -1;
	}
	return rd_trailer(out, 0, 0, 0, err);
}

/* --- the measured config ------------------------------------------------------------------- */

static int encode_config(struct rd_app *a, const struct mc_config *from, struct ss_err *err)
{
	struct mc_config c = *from;
	struct mc_config back;

	c.version = MC_VERSION;
	c.entries = a->entries;
	c.bytes = a->bytes;
	c.pages = a->pages;
	c.xattrs = (struct mc_list){ .raw = ss_buf_span(&a->xattrs), .n = a->n_xattrs };
	mc_write(&c, &a->config);
	if (ss_buf_check(&a->xattrs, "the extended attributes", err) < 0 ||
	    ss_buf_check(&a->config, "the measured config", err) < 0)
		return -1;
	/* What the runtime would refuse must not be built. */
	return mc_read(ss_buf_span(&a->config), &back, err);
}

int rd_app_plan(const struct tree *t, const struct image_request *req, struct rd_app *ret,
		struct ss_err *err)
{
	struct rd_app a = { .t = t,
			    .epoch = req->epoch,
			    .config = SS_BUF_INIT(MC_MAX_SIZE),
			    .xattrs = SS_BUF_INIT(MC_MAX_SIZE) };
	struct rd_out count = { 0 };
	size_t size;

	if (put_tree(&a, &count, err) < 0 || encode_config(&a, &req->config, err) < 0) {
		rd_app_done(&a);
		return -1;
	}
	size = a.config.n;
	a.size = cpio_entry_size(sizeof(CONFIG) - 1) + size + cpio_pad(size) + count.n;
	*ret = a;
	return 0;
}

int rd_app_write(const struct rd_app *a, struct rd_out *out, struct ss_err *err)
{
	const struct cpio_entry config = { .ino = 1,
					   .mode = CPIO_REG | 0400,
					   .nlink = 1,
					   .mtime = a->epoch,
					   .size = (uint32_t)a->config.n,
					   .name = ss_text(CONFIG) };
	struct rd_app again = { .t = a->t, .epoch = a->epoch };

	if (rd_entry(out, &config, err) < 0 || rd_bytes(out, ss_buf_span(&a->config), err) < 0)
		return -1;
	return put_tree(&again, out, err);
}

void rd_app_done(struct rd_app *a)
{
	ss_buf_done(&a->config);
	ss_buf_done(&a->xattrs);
}

/* --- ramdisk 0 ----------------------------------------------------------------------------- */

static void put_program(const char *name, uint32_t ino, struct ss_span body, struct ss_buf *ret)
{
	static const uint8_t zeros[4];
	const struct cpio_entry e = { .ino = ino,
				      .mode = CPIO_REG | 0755,
				      .nlink = 1,
				      .size = (uint32_t)body.n,
				      .name = ss_text(name) };

	cpio_entry_write(&e, ret);
	ss_buf_put(ret, body);
	ss_buf_put(ret, (struct ss_span){ zeros, cpio_pad(body.n) });
}

int rd_runtime_make(const struct rd_programs *p, struct ss_buf *ret, struct ss_err *err)
{
	put_program("dataplane", 1, p->dataplane, ret);
	put_program("init", 2, p->init, ret);
	put_program("keyplane", 3, p->keyplane, ret);
	cpio_trailer_write(0, 0, 0, ret);
	return ss_buf_check(ret, "ramdisk 0", err);
}
