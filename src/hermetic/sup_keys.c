/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/keys.h"
#include "hermetic/sup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * After a step: did it make a secret? What it wrote is what has a later time than its beginning, on
 * the true clock; a file that an archive brought has the archive's time. Only the image's own file
 * system counts.
 */

/* Which of two findings is told is the first in the file system's order, and one is enough. */
#undef readdir

#define DEPTH_MAX 64u
#define FILE_MAX ((uint64_t)64 * 1024 * 1024)
#define PASSWORDS_MAX ((size_t)1024 * 1024)

struct look {
	struct sup *s;
	uint64_t mount; /* of the root folder */
	char path[4096];
	uint8_t piece[65536];
	struct ss_err *err;
};

static const char shadow[] = "/etc/shadow";

static bool load_shadow(struct ss_buf *ret)
{
	const int fd = open(shadow, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t part[4096];
	ssize_t n;

	if (fd < 0)
		return false;
	while ((n = read(fd, part, sizeof(part))) > 0 && !ret->bad)
		ss_buf_put(ret, (struct ss_span){ part, (size_t)n });
	(void)close(fd);
	return !ret->bad;
}

void sup_keys_begin(struct sup *s)
{
	s->shadow = (struct ss_buf)SS_BUF_INIT(PASSWORDS_MAX);
	if (!s->view->keys.set)
		return;
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &s->began);
	(void)load_shadow(&s->shadow);
}

/* A folder's allowance ends in '/'. */
static bool is_allowed(const struct hm_view *v, const char *path)
{
	for (size_t i = 0; i < v->n_allow; i++) {
		const size_t n = strlen(v->allow[i]);

		if (strcmp(v->allow[i], path) == 0 ||
		    (n > 0 && v->allow[i][n - 1] == '/' && strncmp(v->allow[i], path, n) == 0))
			return true;
	}
	return false;
}

static int found(const struct look *l, const char *path, const char *kind)
{
	if (is_allowed(l->s->view, path))
		return 0;
	(void)ss_fail(l->err, SS_EINPUT,
		      "'%.200s' is %s that this step made, and its random numbers are no secret",
		      path, kind);
	return -1;
}

static int look_into(struct look *l, int dir, const char *name)
{
	const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint64_t at = 0;
	size_t kept = 0;
	const char *kind = NULL;
	ssize_t n;

	if (fd < 0)
		return 0; /* it is gone */
	while (kind == NULL && at < FILE_MAX &&
	       (n = read(fd, l->piece + kept, sizeof(l->piece) - kept)) > 0) {
		const size_t all = kept + (size_t)n;

		kind = hm_key_kind(l->path, (struct ss_span){ l->piece, all }, at == 0);
		kept = all < HM_KEY_OVERLAP ? all : HM_KEY_OVERLAP;
		memmove(l->piece, l->piece + all - kept, kept);
		at += (uint64_t)n;
	}
	(void)close(fd);
	return kind != NULL ? found(l, l->path, kind) : 0;
}

static bool is_new(const struct sup *s, const struct statx_timestamp *t)
{
	return t->tv_sec > s->began.tv_sec ||
	       (t->tv_sec == s->began.tv_sec && t->tv_nsec >= s->began.tv_nsec);
}

/* For who asked: the time of change is the kernel's, and true. */
static void tell_written(const struct look *l, const struct statx *st)
{
	const size_t n = strlen(l->path) + 1;

	if (l->s->view->written.set && l->s->level_fd >= 0 && is_new(l->s, &st->stx_ctime))
		(void)!write(l->s->level_fd, l->path, n);
}

/* In the image's own mount: what RUN --mount brought is in no image. Device numbers do not tell:
 * an overlay may show those of what lies below. */
static bool is_own(const struct look *l, const struct statx *st)
{
	return (st->stx_mask & STATX_MNT_ID) == 0 || st->stx_mnt_id == l->mount;
}

static int see(int dir, const char *name, struct statx *ret)
{
	return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		     STATX_BASIC_STATS | STATX_MNT_ID, ret);
}

static int walk(struct look *l, int dir, size_t n, unsigned depth);

static int look_at(struct look *l, int dir, const char *name, size_t n, unsigned depth)
{
	const int m = snprintf(l->path + n, sizeof(l->path) - n, "/%s", name);
	struct statx st;

	if (m < 0 || (size_t)m >= sizeof(l->path) - n || see(dir, name, &st) < 0 || !is_own(l, &st))
		return 0;
	tell_written(l, &st);
	if (S_ISREG(st.stx_mode))
		return st.stx_size > 0 && is_new(l->s, &st.stx_mtime) ? look_into(l, dir, name) : 0;
	if (S_ISDIR(st.stx_mode) && depth < DEPTH_MAX) {
		const int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		return fd < 0 ? 0 : walk(l, fd, n + (size_t)m, depth + 1);
	}
	return 0;
}

/* Below an open folder, which it closes. No deeper than DEPTH_MAX. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static int walk(struct look *l, int dir, size_t n, unsigned depth)
{
	DIR *d = fdopendir(dir);
	int rc = 0;

	if (d == NULL) {
		(void)close(dir);
		return 0;
	}
	for (const struct dirent *e = readdir(d); e != NULL && rc == 0; e = readdir(d))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = look_at(l, dirfd(d), e->d_name, n, depth);
	l->path[n] = '\0';
	(void)closedir(d);
	return rc;
}

int sup_keys_end(struct sup *s, struct ss_err *err)
{
	static struct look l;
	AUTO_BUF struct ss_buf after = SS_BUF_INIT(PASSWORDS_MAX);
	struct statx root;
	int fd;

	if (!s->view->keys.set)
		return 0;
	l.s = s;
	l.err = err;
	if (load_shadow(&after) &&
	    hm_key_new_password(ss_buf_span(&s->shadow), ss_buf_span(&after)) &&
	    found(&l, shadow, "a file with a password hash") < 0)
		return -1;
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || see(fd, ".", &root) < 0)
		return ss_fail_sys(err, "cannot look at what the step made");
	l.mount = root.stx_mnt_id;
	return walk(&l, fd, 0, 0);
}
