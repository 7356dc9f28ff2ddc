/* SPDX-License-Identifier: Apache-2.0 */
#include "io/fswalk.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#ifdef __linux__
#include <sys/xattr.h>
#endif

/* Here the names are sorted, before anybody sees them. */
#undef readdir

#define LIST_ROOM ((size_t)64 * 1024) /* Linux's own limits, for all names and one value */
#define VALUE_ROOM ((size_t)64 * 1024)

/* One folder on the way down: its sorted names, and which of them are still to come. */
struct level {
	int fd;
	char *text; /* the names, each with its NUL */
	const char **names;
	size_t n;
	size_t next;
	size_t path_n; /* of the folder's own path */
};

struct walk {
	int (*entry)(void *ctx, const struct io_walk_entry *e, struct ss_err *err);
	void *ctx;
	dev_t dev;
	size_t depth; /* levels in use */
	struct level levels[IO_WALK_MAX_DEPTH];
	size_t path_n;
	uint8_t path[IO_WALK_MAX_PATH];
};

static struct ss_span path_of(const struct walk *w)
{
	return (struct ss_span){ w->path, w->path_n };
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void level_done(struct level *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->text);
	free(l->names);
	*l = (struct level){ .fd = -1 };
}

static int read_names(DIR *d, struct level *l, struct ss_err *err)
{
	size_t used = 0, cap = 0;
	const char *p;

	for (;;) {
		const struct dirent *e;
		size_t n;

		errno = 0;
		e = readdir(d);
		if (e == NULL && errno != 0)
			return ss_fail_sys(err, "cannot read the folder");
		if (e == NULL)
			break;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n = strlen(e->d_name) + 1;
		if (n > cap - used) {
			cap = cap > 0 ? cap * 2 : 4096;
			l->text = ss_reallocarray(l->text, cap, 1);
		}
		memcpy(l->text + used, e->d_name, n);
		used += n;
		l->n++;
	}
	l->names = ss_calloc(l->n, sizeof(*l->names));
	p = l->text;
	for (size_t i = 0; i < l->n; i++, p += strlen(p) + 1)
		l->names[i] = p;
	ss_sort(l->names, l->n, sizeof(*l->names), by_bytes);
	return 0;
}

/* The folder `name` in `dir` becomes the lowest level. */
static int enter(struct walk *w, int dir, const char *name, struct ss_err *err)
{
	struct level *l = &w->levels[w->depth];
	DIR *d;
	int fd, rc;

	if (w->depth == IO_WALK_MAX_DEPTH)
		return ss_fail(err, SS_ELIMIT, "more than %u folders deep", IO_WALK_MAX_DEPTH);
	*l = (struct level){ .fd = -1, .path_n = w->path_n };
	l->fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	fd = l->fd >= 0 ? fcntl(l->fd, F_DUPFD_CLOEXEC, 3) : -1;
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		rc = ss_fail_sys(err, "cannot open the folder");
	} else {
		rc = read_names(d, l, err);
		(void)closedir(d);
	}
	if (rc < 0) {
		level_done(l);
		return -1;
	}
	w->depth++;
	return 0;
}

static int append_name(struct walk *w, const char *name, struct ss_err *err)
{
	const size_t n = strlen(name), slash = w->path_n > 0 ? 1 : 0;

	if (slash + n > IO_WALK_MAX_PATH - w->path_n)
		return ss_fail(err, SS_ELIMIT, "a path of more than %u bytes", IO_WALK_MAX_PATH);
	if (slash > 0)
		w->path[w->path_n++] = '/';
	memcpy(w->path + w->path_n, name, n);
	w->path_n += n;
	return 0;
}

static int visit(struct walk *w, const char *name, struct ss_err *err)
{
	const int dir = w->levels[w->depth - 1].fd;
	struct stat st = { 0 };
	const struct io_walk_entry e = { path_of(w), dir, name, &st };

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ss_fail_sys(err, "cannot read");
	if (S_ISDIR(st.st_mode) && st.st_dev != w->dev)
		return ss_fail(err, SS_EINPUT, "another file system is mounted there");
	if (w->entry(w->ctx, &e, err) < 0)
		return -1;
	return S_ISDIR(st.st_mode) ? enter(w, dir, name, err) : 0;
}

static int walk_all(struct walk *w, struct ss_err *err)
{
	while (w->depth > 0) {
		struct level *l = &w->levels[w->depth - 1];
		const char *name;

		w->path_n = l->path_n;
		if (l->next == l->n) {
			level_done(l);
			w->depth--;
			continue;
		}
		name = l->names[l->next++];
		if (append_name(w, name, err) < 0 || visit(w, name, err) < 0)
			return w->path_n > 0 ? ss_ctx(err, "'%s'", SS_SHOW(path_of(w))) : -1;
	}
	return 0;
}

static int walk_top(struct walk *w, const char *top, struct ss_err *err)
{
	struct stat st = { 0 };
	struct io_walk_entry e = { { w->path, 0 }, -1, ".", &st };
	/* The top itself may be a link to the folder. */
	AUTO_CLOSE int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return ss_fail_sys(err, "cannot open '%s'", top);
	w->dev = st.st_dev;
	e.dir = fd;
	if (w->entry(w->ctx, &e, err) < 0 || enter(w, fd, ".", err) < 0)
		return -1;
	return walk_all(w, err);
}

int io_walk(const char *top,
	    int (*entry)(void *ctx, const struct io_walk_entry *e, struct ss_err *err), void *ctx,
	    struct ss_err *err)
{
	AUTO_FREE struct walk *w = ss_calloc(1, sizeof(*w));
	int rc;

	w->entry = entry;
	w->ctx = ctx;
	rc = walk_top(w, top, err);
	while (w->depth > 0)
		level_done(&w->levels[--w->depth]);
	return rc;
}

int io_walk_open(const struct io_walk_entry *e, int *ret, struct ss_err *err)
{
	AUTO_CLOSE int fd =
		openat(e->dir, e->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st = { 0 };

	if (fd < 0 || fstat(fd, &st) < 0)
		return ss_fail_sys(err, "cannot open");
	if (st.st_dev != e->st->st_dev || st.st_ino != e->st->st_ino || !S_ISREG(st.st_mode))
		return ss_fail(err, SS_EINPUT, "changed while it was being read");
	*ret = ss_take_fd(&fd);
	return 0;
}

int io_walk_readlink(const struct io_walk_entry *e, uint8_t *p, size_t n, size_t *ret_n,
		     struct ss_err *err)
{
	const ssize_t got = readlinkat(e->dir, e->name, (char *)p, n);

	if (got < 0)
		return ss_fail_sys(err, "cannot read the link");
	if ((size_t)got == n)
		return ss_fail(err, SS_ELIMIT, "a link target of %zu bytes or more", n);
	*ret_n = (size_t)got;
	return 0;
}

#ifdef __linux__
static int one_xattr(const char *path, const char *name, uint8_t *value,
		     int (*attr)(void *, struct ss_span, struct ss_span, struct ss_err *),
		     void *ctx, struct ss_err *err)
{
	const ssize_t n = lgetxattr(path, name, value, VALUE_ROOM);

	if (n < 0)
		return ss_fail_sys(err, "cannot read an extended attribute");
	return attr(ctx, (struct ss_span){ (const uint8_t *)name, strlen(name) },
		    (struct ss_span){ value, (size_t)n }, err);
}

int io_walk_xattrs(const struct io_walk_entry *e,
		   int (*attr)(void *ctx, struct ss_span name, struct ss_span value,
			       struct ss_err *err),
		   void *ctx, struct ss_err *err)
{
	char path[64 + 256];
	AUTO_FREE char *list = NULL;
	AUTO_FREE uint8_t *value = NULL;
	ssize_t n;

	/* There is no llistxattrat(): the folder is reached through its descriptor. */
	if (snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", e->dir, e->name) >=
	    (int)sizeof(path))
		return ss_fail(err, SS_ELIMIT, "a name of more than 255 bytes");
	n = llistxattr(path, NULL, 0);
	if (n == 0 || (n < 0 && errno == ENOTSUP))
		return 0;
	if (n < 0)
		return ss_fail_sys(err, "cannot read the extended attributes");
	list = ss_calloc(LIST_ROOM, 1);
	value = ss_calloc(VALUE_ROOM, 1);
	n = llistxattr(path, list, LIST_ROOM);
	if (n < 0)
		return ss_fail_sys(err, "cannot read the extended attributes");
	for (const char *p = list; p < list + n; p += strlen(p) + 1)
		if (one_xattr(path, p, value, attr, ctx, err) < 0)
			return -1;
	return 0;
}
#else
int io_walk_xattrs(const struct io_walk_entry *e,
		   int (*attr)(void *ctx, struct ss_span name, struct ss_span value,
			       struct ss_err *err),
		   void *ctx, struct ss_err *err)
{
	(void)e;
	(void)attr;
	(void)ctx;
	(void)err;
	return 0; /* elsewhere they mean other things */
}
#endif
