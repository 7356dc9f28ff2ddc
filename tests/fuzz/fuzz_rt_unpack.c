/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unpacker against a model of a file system: here are the rt_fs functions that it calls, and
 * the linker takes them instead of those of src/runtime/unpack_fs.c. The model ends the program on
 * anything that a real one would refuse, lose or let escape.
 */
#include "base/mem.h"
#include "runtime/unpack.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_NODES 512u
#define MAX_LINKS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct node {
	struct ss_span name; /* a copy */
	uint32_t type;
	uint64_t written;
	uint32_t size;
	uint32_t nlink; /* announced; of a hard link's first name */
	uint32_t names;
	bool done;
};

static struct node nodes[MAX_NODES];
static size_t n_nodes;
static struct node *open_file;
static struct rt_archive archive;
static struct rt_link link_table[MAX_LINKS];

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool is_same(struct ss_span a, struct ss_span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static struct node *find(struct ss_span name)
{
	for (size_t i = 0; i < n_nodes; i++)
		if (is_same(nodes[i].name, name))
			return &nodes[i];
	return NULL;
}

static void check_place(struct ss_span name)
{
	const uint8_t *slash;
	struct node *parent;
	struct ss_err err;

	must(cpio_name_check(name, &err) == 0);
	must(find(name) == NULL);
	slash = memrchr(name.p, '/', name.n);
	if (slash == NULL)
		return;
	parent = find((struct ss_span){ name.p, (size_t)(slash - name.p) });
	must(parent != NULL && parent->type == CPIO_DIR && !parent->done);
}

static int add(const struct cpio_entry *e, struct node **ret, struct ss_err *err)
{
	uint8_t *copy;

	must(open_file == NULL);
	check_place(e->name);
	if (n_nodes == MAX_NODES)
		return ss_fail(err, SS_ESYS, "the model is full");
	copy = ss_calloc(e->name.n, 1);
	memcpy(copy, e->name.p, e->name.n);
	nodes[n_nodes] = (struct node){ .name = { copy, e->name.n },
					.type = e->mode & CPIO_TYPE_MASK,
					.size = e->size,
					.nlink = e->nlink,
					.names = 1 };
	*ret = &nodes[n_nodes++];
	return 0;
}

void rt_fs_init(struct rt_fs *fs, int root, uint32_t id_offset)
{
	*fs = (struct rt_fs){ .root = root, .id_offset = id_offset };
}

void rt_fs_done(struct rt_fs *fs)
{
	(void)fs;
}

int rt_fs_dir(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	struct node *n;

	(void)fs;
	must((e->mode & CPIO_TYPE_MASK) == CPIO_DIR);
	return add(e, &n, err);
}

int rt_fs_dir_done(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	struct node *n = find(e->name);

	(void)fs;
	(void)err;
	must(n != NULL && n->type == CPIO_DIR && !n->done);
	n->done = true;
	return 0;
}

int rt_fs_file(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	struct node *n;

	(void)fs;
	must((e->mode & CPIO_TYPE_MASK) == CPIO_REG);
	if (add(e, &n, err) < 0)
		return -1;
	open_file = n;
	return 0;
}

int rt_fs_write(struct rt_fs *fs, struct ss_span s, struct ss_err *err)
{
	(void)fs;
	(void)err;
	must(open_file != NULL && s.n > 0);
	open_file->written += s.n;
	return 0;
}

int rt_fs_file_done(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	(void)fs;
	(void)err;
	must(open_file != NULL && open_file->written == e->size);
	open_file->done = true;
	open_file = NULL;
	return 0;
}

int rt_fs_symlink(struct rt_fs *fs, const struct cpio_entry *e, const char *target,
		  struct ss_err *err)
{
	struct node *n;

	(void)fs;
	must((e->mode & CPIO_TYPE_MASK) == CPIO_LNK);
	must(strlen(target) == e->size && e->size > 0 && e->size <= CPIO_MAX_LINK);
	if (add(e, &n, err) < 0)
		return -1;
	n->written = e->size;
	n->done = true;
	return 0;
}

int rt_fs_node(struct rt_fs *fs, const struct cpio_entry *e, struct ss_err *err)
{
	const uint32_t type = e->mode & CPIO_TYPE_MASK;
	struct node *n;

	(void)fs;
	must(type == CPIO_CHR || type == CPIO_BLK || type == CPIO_FIFO);
	must(e->size == 0);
	if (add(e, &n, err) < 0)
		return -1;
	n->done = true;
	return 0;
}

int rt_fs_link(struct rt_fs *fs, const struct cpio_entry *e, struct ss_span old, struct ss_err *err)
{
	struct node *first = find(old), *n;

	(void)fs;
	must(first != NULL && first->done && first->type != CPIO_DIR);
	must((e->mode & CPIO_TYPE_MASK) == first->type);
	must(first->names < first->nlink);
	if (add(e, &n, err) < 0)
		return -1;
	first->names++;
	n->nlink = 0; /* counted with the first */
	n->done = true;
	return 0;
}

static void forget(void)
{
	for (size_t i = 0; i < n_nodes; i++)
		free((void *)(uintptr_t)nodes[i].name.p);
	n_nodes = 0;
	open_file = NULL;
}

/* Everything that the archive announced is there, and finished. */
static void check_whole(void)
{
	uint64_t bytes = 0;

	must(n_nodes == archive.entries && open_file == NULL);
	for (size_t i = 0; i < n_nodes; i++) {
		const struct node *n = &nodes[i];

		must(n->done);
		must(n->nlink == 0 || n->type == CPIO_DIR || n->names == n->nlink);
		must(n->written == n->size);
		bytes += n->written;
	}
	must(bytes == archive.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rt_links links = { .v = link_table, .n = MAX_LINKS };
	const int fd = memfd_create("ramdisk", MFD_CLOEXEC);
	struct ss_err err = { 0 };
	struct rt_fs fs;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	memset(link_table, 0, sizeof(link_table));
	rt_archive_init(&archive, fd, 0, size);
	rt_fs_init(&fs, -1, 0);
	if (rt_unpack(&archive, NULL, &links, &fs, &err) == 0)
		check_whole();
	else
		must(err.code != SS_OK && err.msg[0] != '\0');
	forget();
	(void)close(fd);
	return 0;
}
