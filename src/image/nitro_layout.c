/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ramdisks that nitro-cli 1.5.0 makes, byte for byte: what `docker create` and `docker export`
 * show of an image, as linuxkit turns it into a cpio archive. Each rule and its reason:
 * docs/formats/nitro-cli-layout.md.
 */
#include "base/show.h"
#include "base/text.h"
#include "image/ramdisk.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "rootfs/"
#define PREFIX_SIZE (sizeof(PREFIX) - 1)
#define FIRST_INO 721u
#define DEV_MAJOR 3u
#define DEV_MINOR 1u
#define MODTIME 1492533000u /* 2017-04-18T16:30:00Z, of whatever linuxkit itself adds */
#define BLOCK 512u
#define NONE UINT32_MAX

static const char hosts[] = "127.0.0.1       localhost\n"
			    "::1     localhost ip6-localhost ip6-loopback\n"
			    "fe00::0 ip6-localnet\n"
			    "ff00::0 ip6-mcastprefix\n"
			    "ff02::1 ip6-allnodes\n"
			    "ff02::2 ip6-allrouters\n";
static const char resolv[] = "/run/resolvconf/resolv.conf";

/* --- one entry ----------------------------------------------------------------------------- */

struct archive {
	struct rd_out *out;
	uint32_t ino;
};

/* Header and, from memory, body; `body` is empty for what has none or another. */
static int put_entry(struct archive *a, struct cpio_entry e, struct ss_span body,
		     struct ss_err *err)
{
	e.ino = a->ino++;
	e.dev_major = DEV_MAJOR;
	e.dev_minor = DEV_MINOR;
	e.nlink = (e.mode & CPIO_TYPE_MASK) == CPIO_DIR ? 2 : 1;
	if (e.name.n >= CPIO_MAX_NAME)
		return ss_fail(err, SS_ELIMIT, "'%s': a path of %zu bytes; the limit is %u",
			       SS_SHOW(e.name), e.name.n, CPIO_MAX_NAME - 1);
	if (body.n > 0)
		e.size = (uint32_t)body.n;
	if (rd_entry(a->out, &e, err) < 0)
		return -1;
	return rd_bytes(a->out, body, err);
}

/* What linuxkit adds of its own. */
static int put_own(struct archive *a, const char *name, uint32_t mode, struct ss_span body,
		   struct ss_err *err)
{
	return put_entry(
		a, (struct cpio_entry){ .mode = mode, .mtime = MODTIME, .name = ss_text(name) },
		body, err);
}

static int put_end(struct archive *a, struct ss_err *err)
{
	if (rd_trailer(a->out, a->ino, DEV_MAJOR, DEV_MINOR, err) < 0)
		return -1;
	return rd_zeros(a->out, (size_t)(-a->out->n % BLOCK), err);
}

/* --- bootstrap ramdisk --------------------------------------------------------------------- */

static int put_bootstrap(struct archive *a, struct ss_span init, struct ss_span nsm,
			 struct ss_err *err)
{
	static const struct ss_span nothing = { 0 };

	if (put_own(a, "dev", CPIO_DIR | 0755, nothing, err) < 0 ||
	    put_own(a, "init", CPIO_REG | 0755, init, err) < 0 ||
	    put_own(a, "nsm.ko", CPIO_REG | 0755, nsm, err) < 0)
		return -1;
	return put_end(a, err);
}

int rd_bootstrap_write(struct ss_span init, struct ss_span nsm, struct rd_out *out,
		       struct ss_err *err)
{
	struct archive a = { .out = out, .ino = FIRST_INO };

	return put_bootstrap(&a, init, nsm, err);
}

/* --- what docker lays over an image -------------------------------------------------------- */

enum made { MADE_DIR, MADE_FILE, MADE_LINK };

static const struct {
	const char *path;
	enum made made;
} init_layer[] = {
	{ "dev/pts", MADE_DIR },    { "dev/shm", MADE_DIR },       { "proc", MADE_DIR },
	{ "sys", MADE_DIR },        { ".dockerenv", MADE_FILE },   { "etc/resolv.conf", MADE_FILE },
	{ "etc/hosts", MADE_FILE }, { "etc/hostname", MADE_FILE }, { "dev/console", MADE_FILE },
	{ "etc/mtab", MADE_LINK },
};

/* Whatever is no directory on the way to `path`, and at its end, goes. */
static void unlink_on_the_way(struct tree *t, struct ss_span path)
{
	for (size_t n = 0; n <= path.n; n++) {
		struct tree_inode in;
		tree_id id;

		if (n < path.n && path.p[n] != '/')
			continue;
		id = tree_find(t, (struct ss_span){ path.p, n });
		if (id == TREE_NONE)
			return;
		tree_stat(t, id, &in);
		if (in.type != TREE_DIR) {
			tree_remove(t, id);
			return;
		}
	}
}

int rd_docker_layer(struct tree *t, struct ss_err *err)
{
	static const struct tree_inode made[] = {
		[MADE_DIR] = { .type = TREE_DIR, .mode = 0755 },
		[MADE_FILE] = { .type = TREE_REG, .mode = 0755 },
		[MADE_LINK] = { .type = TREE_LNK,
				.mode = 0777,
				.target = { (const uint8_t *)"/proc/mounts", 12 } },
	};

	for (size_t i = 0; i < SS_NELEMS(init_layer); i++) {
		const struct ss_span path = ss_text(init_layer[i].path);

		unlink_on_the_way(t, path);
		if (tree_find(t, path) == TREE_NONE &&
		    tree_put(t, path, &made[init_layer[i].made], NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* --- what linuxkit does with the export ---------------------------------------------------- */

/* Names as the export has them: a directory ends with "/". */
static const char *const excluded[] = { ".dockerenv", "Dockerfile", "dev/console",
					"dev/pts",    "dev/shm",    "etc/hostname" };

/* Must be there; sorted. */
static const struct {
	const char *name;
	const char *added; /* its name where linuxkit has to add it */
	uint32_t mode;
} touched[] = {
	{ "dev/", "rootfs/dev", CPIO_DIR | 0755 },
	{ "dev/pts/", "rootfs/dev/pts", CPIO_DIR | 0755 },
	{ "dev/shm/", "rootfs/dev/shm", CPIO_DIR | 0755 },
	{ "etc/", "rootfs/etc", CPIO_DIR | 0755 },
	{ "etc/hosts", "rootfs/etc/hosts", CPIO_REG | 0644 },
	{ "etc/mtab", "rootfs/etc/mtab", CPIO_LNK | 0755 },
	{ "etc/resolv.conf", "rootfs/etc/resolv.conf", CPIO_LNK | 0644 },
	{ "proc/", "rootfs/proc", CPIO_DIR | 0755 },
	{ "sys/", "rootfs/sys", CPIO_DIR | 0755 },
};

struct customer {
	struct archive a;
	const struct tree *t;
	uint32_t *first; /* by inode number: the first name of a hard link, as tree_id; NONE */
	bool found[SS_NELEMS(touched)];
};

static bool is_excluded(struct ss_span name)
{
	for (size_t i = 0; i < SS_NELEMS(excluded); i++)
		if (ss_is(name, excluded[i]))
			return true;
	return false;
}

static bool is_touched(struct customer *c, struct ss_span name)
{
	for (size_t i = 0; i < SS_NELEMS(touched); i++) {
		if (ss_is(name, touched[i].name)) {
			c->found[i] = true;
			return true;
		}
	}
	return false;
}

/* From the directory of `name` to `target`, both below the same root. */
static struct ss_span relative(struct ss_span name, struct ss_span target, uint8_t *buf)
{
	static const uint8_t up[] = { '.', '.', '/' };
	size_t same = 0; /* bytes of the directories that both have */
	size_t n = 0;

	for (size_t i = 0; i < name.n && i < target.n && name.p[i] == target.p[i]; i++)
		if (name.p[i] == '/')
			same = i + 1;
	for (size_t i = same; i < name.n; i++) {
		if (name.p[i] == '/') {
			memcpy(buf + n, up, sizeof(up));
			n += sizeof(up);
		}
	}
	memcpy(buf + n, target.p + same, target.n - same);
	return (struct ss_span){ buf, n + target.n - same };
}

/* A later name of a file with several: a symbolic link to the first, with the file's mode. */
static int put_again(struct customer *c, struct cpio_entry *e, struct ss_span name, tree_id first,
		     struct ss_err *err)
{
	/* Each component of the name may become three bytes. */
	uint8_t target[2 * TREE_MAX_PATH + TREE_MAX_PATH];
	uint8_t path[TREE_MAX_PATH];
	const struct ss_span rel = relative(name, tree_path(c->t, first, path), target);

	if (rel.n > CPIO_MAX_LINK)
		return ss_fail(err, SS_ELIMIT, "'%s': a link target of %zu bytes; the limit is %u",
			       SS_SHOW(name), rel.n, CPIO_MAX_LINK);
	e->mode = (e->mode & ~CPIO_TYPE_MASK) | CPIO_LNK;
	return put_entry(&c->a, *e, rel, err);
}

static int put_by_type(struct customer *c, struct cpio_entry *e, struct ss_span name, tree_id id,
		       const struct tree_inode *in, struct ss_err *err)
{
	static const struct ss_span nothing = { 0 };
	uint32_t *first = &c->first[tree_inode_no(c->t, id)];

	e->rdev_major = in->rdev_major; /* a tar header keeps them, even that of a link */
	e->rdev_minor = in->rdev_minor;
	if (in->type != TREE_DIR && in->nlink > 1 && *first != NONE)
		return put_again(c, e, name, *first, err);
	*first = id;
	if (in->type == TREE_LNK)
		return put_entry(&c->a, *e, in->target, err);
	e->size = in->size;
	if (put_entry(&c->a, *e, nothing, err) < 0)
		return -1;
	return in->type == TREE_REG ? rd_body(c->a.out, c->t, id, in->size, err) : 0;
}

static int check_numbers(struct ss_span name, const struct tree_inode *in, struct ss_err *err)
{
	if (in->mtime < 0 || in->mtime > UINT32_MAX)
		return ss_fail(err, SS_ELIMIT, "'%s': time %lld; this layout writes 0 to 2^32 - 1",
			       SS_SHOW(name), (long long)in->mtime);
	if (in->uid == UINT32_MAX || in->gid == UINT32_MAX)
		return ss_fail(err, SS_ELIMIT, "'%s': owner %u:%u; newc has ids up to 2^32 - 2",
			       SS_SHOW(name), in->uid, in->gid);
	return 0;
}

/* One name of the export; `name` has the prefix, and a "/" at the end of a directory's. */
static int put_name(struct customer *c, struct ss_span name, tree_id id, struct ss_err *err)
{
	const struct ss_span exported = { name.p + PREFIX_SIZE, name.n - PREFIX_SIZE };
	struct cpio_entry e = { .name = name };
	struct tree_inode in;
	bool touch;

	if (is_excluded(exported))
		return 0;
	tree_stat(c->t, id, &in);
	touch = is_touched(c, exported);
	if (!touch && check_numbers(exported, &in, err) < 0)
		return -1;
	e.mode = tree_newc_type(in.type) | in.mode;
	e.uid = in.uid;
	e.gid = in.gid;
	e.mtime = touch ? MODTIME : (uint32_t)in.mtime;
	if (ss_is(exported, "etc/hosts"))
		return put_entry(&c->a, e, ss_text(hosts), err);
	if (ss_is(exported, "etc/resolv.conf")) {
		e.mode = CPIO_LNK | in.mode;
		return put_entry(&c->a, e, ss_text(resolv), err);
	}
	return put_by_type(c, &e, exported, id, &in, err);
}

static int put_export(struct customer *c, struct ss_err *err)
{
	uint8_t name[PREFIX_SIZE + TREE_MAX_PATH + 2] = PREFIX;
	struct tree_walk w;

	tree_walk_init(&w, c->t);
	for (tree_id id = tree_walk_next(&w); id != TREE_NONE; id = tree_walk_next(&w)) {
		size_t n = PREFIX_SIZE + w.path_n;
		struct tree_inode in;

		tree_stat(c->t, id, &in);
		memcpy(name + PREFIX_SIZE, w.path, w.path_n);
		if (in.type == TREE_DIR)
			name[n++] = '/';
		if (put_name(c, (struct ss_span){ name, n }, id, err) < 0)
			return -1;
	}
	return 0;
}

static int put_missing(struct customer *c, struct ss_err *err)
{
	for (size_t i = 0; i < SS_NELEMS(touched); i++) {
		struct ss_span body = { 0 };

		if (c->found[i])
			continue;
		if (ss_is(ss_text(touched[i].name), "etc/hosts"))
			body = ss_text(hosts);
		if (ss_is(ss_text(touched[i].name), "etc/mtab"))
			body = ss_text("/proc/mounts");
		if (ss_is(ss_text(touched[i].name), "etc/resolv.conf"))
			body = ss_text(resolv);
		if (put_own(&c->a, touched[i].added, touched[i].mode, body, err) < 0)
			return -1;
	}
	return 0;
}

/* The "files" of nitro-cli's description, which come again although the image has them. */
static int put_files(struct archive *a, struct ss_span cmd, struct ss_span env, struct ss_err *err)
{
	static const char *const dirs[] = { "rootfs",     "rootfs/dev",  "rootfs/run", "rootfs/sys",
					    "rootfs/var", "rootfs/proc", "rootfs/tmp" };
	static const struct ss_span nothing = { 0 };

	for (size_t i = 0; i < SS_NELEMS(dirs); i++)
		if (put_own(a, dirs[i], CPIO_DIR | 0755, nothing, err) < 0)
			return -1;
	if (put_own(a, "cmd", CPIO_REG | 0644, cmd, err) < 0 ||
	    put_own(a, "env", CPIO_REG | 0644, env, err) < 0)
		return -1;
	return 0;
}

int rd_customer_write(const struct tree *t, struct ss_span cmd, struct ss_span env,
		      struct rd_out *out, struct ss_err *err)
{
	const size_t inodes = (size_t)tree_inode_max(t) + 1;
	AUTO_FREE uint32_t *first = ss_calloc(inodes, sizeof(*first));
	struct customer c = { .a = { .out = out, .ino = FIRST_INO }, .t = t, .first = first };
	static const struct ss_span nothing = { 0 };

	memset(first, 0xff, inodes * sizeof(*first));
	if (put_own(&c.a, "rootfs", CPIO_DIR | 0755, nothing, err) < 0 || put_export(&c, err) < 0 ||
	    put_missing(&c, err) < 0 || put_files(&c.a, cmd, env, err) < 0)
		return -1;
	return put_end(&c.a, err);
}
