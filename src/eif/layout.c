/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/layout.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "eif/ramdisk_walk.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX 512u

/* Parts of nitro-cli's archive, in their order. */
enum stage {
	IMAGE, /* the image's tree, "rootfs/…" */
	TOUCH, /* what the image lacks of `touched` */
	TAIL,  /* `tail`, in full */
};

static const char *const touched[] = {
	"rootfs/dev",       "rootfs/dev/pts",  "rootfs/dev/shm",         "rootfs/etc",
	"rootfs/etc/hosts", "rootfs/etc/mtab", "rootfs/etc/resolv.conf", "rootfs/proc",
	"rootfs/sys"
};
static const char *const tail[] = { "rootfs",     "rootfs/dev", "rootfs/run",
				    "rootfs/sys", "rootfs/var", "rootfs/proc",
				    "rootfs/tmp", "cmd",        "env" };

struct eif_layout_check {
	eif_layout_finding finding;
	void *ctx;
	struct eif_walk *walk;
	bool stopped; /* the walk failed: nothing more can be said */
	enum eif_layout layout;
	uint64_t trailers;
	char last[CPIO_MAX_NAME]; /* of the image's tree */
	bool seen[SS_NELEMS(touched)];
	enum stage stage;
	size_t next; /* in touched or tail */
};

const char *eif_layout_name(enum eif_layout l)
{
	switch (l) {
	case EIF_LAYOUT_NONE:
		return "none";
	case EIF_LAYOUT_SELFSAME:
		return "selfsame";
	case EIF_LAYOUT_NITRO_CLI:
		return "nitro-cli";
	case EIF_LAYOUT_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}

static bool is_below_rootfs(struct ss_span name)
{
	static const char prefix[] = "rootfs/";

	return name.n > sizeof(prefix) - 1 && memcmp(name.p, prefix, sizeof(prefix) - 1) == 0;
}

static void tell(const struct eif_layout_check *c, struct ss_span name, const char *what)
{
	char line[LINE_MAX];

	(void)snprintf(line, sizeof(line), "'%s' %s", SS_SHOW(name), what);
	c->finding(c->ctx, line);
}

/* --- entries --------------------------------------------------------------------------------- */

static size_t find_touched(struct ss_span name)
{
	size_t i = 0;

	while (i < SS_NELEMS(touched) && !ss_is(name, touched[i]))
		i++;
	return i;
}

/* Rising order is what rules out that a name comes twice, without remembering them all. */
static void tree_entry(struct eif_layout_check *c, struct ss_span name)
{
	struct ss_err err = { 0 };

	if (cpio_name_check(name, &err) < 0) {
		tell(c, name, "is a name that nothing below a folder has");
		return;
	}
	if (!cpio_name_before(ss_text(c->last), name))
		tell(c, name, "comes twice or out of order");
	memcpy(c->last, name.p, name.n);
	c->last[name.n] = '\0';
}

static void tail_entry(struct eif_layout_check *c, const struct cpio_entry *e, struct ss_span name)
{
	const bool regular = (e->mode & CPIO_TYPE_MASK) == CPIO_REG;

	if (c->next == SS_NELEMS(tail)) {
		tell(c, name, "follows 'env', the last entry");
		return;
	}
	if (!ss_is(name, tail[c->next]))
		tell(c, name, "is not what comes at the end of nitro-cli's archive");
	else if (regular != (c->next >= SS_NELEMS(tail) - 2))
		tell(c, name, "has another type than nitro-cli gives it");
	c->next++;
}

static void nitro_entry(struct eif_layout_check *c, const struct cpio_entry *e, struct ss_span name)
{
	const size_t t = find_touched(name);

	if (c->stage != TAIL && ss_is(name, "rootfs")) {
		c->stage = TAIL;
		c->next = 0;
	}
	if (c->stage == TAIL) {
		tail_entry(c, e, name);
	} else if (!is_below_rootfs(name)) {
		tell(c, name, "lies outside 'rootfs'");
	} else if (c->stage == IMAGE && (t == SS_NELEMS(touched) || c->seen[t] ||
					 cpio_name_before(ss_text(c->last), name))) {
		tree_entry(c, name);
		if (t < SS_NELEMS(touched))
			c->seen[t] = true;
	} else if (t < SS_NELEMS(touched) && !c->seen[t] && (c->stage == IMAGE || t >= c->next)) {
		c->stage = TOUCH;
		c->next = t + 1;
	} else {
		tell(c, name, "comes twice or out of order");
	}
}

static void selfsame_entry(struct eif_layout_check *c, struct ss_span name)
{
	if (!ss_is(name, "rootfs") && !is_below_rootfs(name))
		tell(c, name, "lies outside 'rootfs'");
	else
		tree_entry(c, name);
}

static enum eif_layout layout_of(struct ss_span first)
{
	if (ss_is(first, "config"))
		return EIF_LAYOUT_SELFSAME;
	return ss_is(first, "rootfs") ? EIF_LAYOUT_NITRO_CLI : EIF_LAYOUT_UNKNOWN;
}

static int entry(void *ctx, const struct cpio_entry *e, struct ss_err *err)
{
	struct eif_layout_check *c = ctx;
	struct ss_span name = e->name;

	(void)err;
	if (name.n > 1 && name.p[name.n - 1] == '/')
		name.n--; /* so do directories from a tar stream end */
	if (c->layout == EIF_LAYOUT_NONE) {
		c->layout = layout_of(name);
		return 0;
	}
	if (c->layout == EIF_LAYOUT_UNKNOWN)
		return 0;
	if (c->trailers > 0)
		tell(c, name, "stands in a second archive");
	else if (c->layout == EIF_LAYOUT_NITRO_CLI)
		nitro_entry(c, e, name);
	else
		selfsame_entry(c, name);
	return 0;
}

static int body(void *ctx, struct ss_span s, struct ss_err *err)
{
	(void)ctx, (void)s, (void)err;
	return 0;
}

static int end(void *ctx, struct ss_err *err)
{
	(void)ctx, (void)err;
	return 0;
}

static int trailer(void *ctx, const struct cpio_entry *e, struct ss_err *err)
{
	struct eif_layout_check *c = ctx;

	(void)e, (void)err;
	if (c->layout == EIF_LAYOUT_NITRO_CLI && c->trailers == 0 &&
	    (c->stage != TAIL || c->next < SS_NELEMS(tail)))
		c->finding(c->ctx, "the archive ends before 'env', its last entry");
	if (c->trailers == 1 && c->layout != EIF_LAYOUT_UNKNOWN)
		c->finding(c->ctx, "a second archive follows the first");
	c->trailers++;
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

struct eif_layout_check *eif_layout_new(eif_layout_finding finding, void *ctx)
{
	struct eif_layout_check *c = ss_calloc(1, sizeof(*c));
	const struct eif_entries to = { entry, body, end, trailer, c };

	c->finding = finding;
	c->ctx = ctx;
	c->walk = eif_walk_new(&to);
	return c;
}

void eif_layout_free(struct eif_layout_check *c)
{
	if (c == NULL)
		return;
	eif_walk_free(c->walk);
	free(c);
}

/* What cannot be walked is a finding in a layout of which we know how it looks. */
static void stop(struct eif_layout_check *c, const struct ss_err *why)
{
	c->stopped = true;
	if (c->layout == EIF_LAYOUT_NONE)
		c->layout = EIF_LAYOUT_UNKNOWN;
	else if (c->layout != EIF_LAYOUT_UNKNOWN)
		c->finding(c->ctx, why->msg);
}

int eif_layout_put(void *check, struct ss_span s, struct ss_err *err)
{
	struct eif_layout_check *c = check;
	struct ss_err why = { 0 };

	(void)err;
	if (!c->stopped && eif_walk_put(c->walk, s, &why) < 0)
		stop(c, &why);
	return 0;
}

enum eif_layout eif_layout_end(struct eif_layout_check *c)
{
	struct ss_err why = { 0 };

	if (!c->stopped && eif_walk_end(c->walk, &why) < 0)
		stop(c, &why);
	return c->layout;
}

int eif_layout_check_file(const struct eif_file *f, eif_layout_finding finding, void *ctx,
			  enum eif_layout *ret, struct ss_err *err)
{
	AUTO_LAYOUT_CHECK struct eif_layout_check *c = eif_layout_new(finding, ctx);
	const struct eif_section *s = eif_file_find(f, EIF_RAMDISK, 1);

	if (s != NULL && eif_file_each(f, s, eif_layout_put, c, err) < 0)
		return -1;
	*ret = eif_layout_end(c);
	return 0;
}
