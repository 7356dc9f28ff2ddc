/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/guard.h"

#include "base/mem.h"

#include <fcntl.h>
#include <sys/stat.h>

struct oci_guard {
	int fd;
	struct stat st;
};

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

#ifdef __APPLE__
#define MTIME st_mtimespec
#define CTIME st_ctimespec
#else
#define MTIME st_mtim
#define CTIME st_ctim
#endif

int oci_guard_add(struct oci_guards *g, int fd, struct ss_err *err)
{
	struct stat st = { 0 };
	int own;

	if (fstat(fd, &st) < 0)
		return ss_fail_sys(err, "cannot read");
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].st.st_dev == st.st_dev && g->v[i].st.st_ino == st.st_ino)
			return 0;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return ss_fail_sys(err, "cannot keep a file open");
	if (g->n == g->cap) {
		g->cap = g->cap > 0 ? g->cap * 2 : 16;
		g->v = ss_reallocarray(g->v, g->cap, sizeof(*g->v));
	}
	g->v[g->n++] = (struct oci_guard){ own, st };
	return 0;
}

int oci_guards_check(const struct oci_guards *g, struct ss_err *err)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct stat *was = &g->v[i].st;
		struct stat st = { 0 };

		if (fstat(g->v[i].fd, &st) < 0)
			return ss_fail_sys(err, "cannot read a source");
		if (st.st_size != was->st_size || !same_time(&st.MTIME, &was->MTIME) ||
		    !same_time(&st.CTIME, &was->CTIME))
			return ss_fail(err, SS_EINPUT,
				       "the image changed while it was being read (a file of "
				       "%llu bytes)",
				       (unsigned long long)was->st_size);
	}
	return 0;
}

void oci_guards_done(struct oci_guards *g)
{
	for (size_t i = 0; i < g->n; i++)
		(void)close(g->v[i].fd);
	free(g->v);
	*g = (struct oci_guards){ 0 };
}
