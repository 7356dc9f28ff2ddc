/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/rundir.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/sort.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SYSTEM_DIR "/run/selfsame"
#define BACKLOG 128
#define LAST_TRY 1000u /* NAME-1000 */

/* --- the folder ------------------------------------------------------------------------------ */

/* $XDG_RUNTIME_DIR/selfsame, or NULL. */
static char *own_path(void)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	size_t n;
	char *path;

	if (xdg == NULL || xdg[0] != '/')
		return NULL;
	n = strlen(xdg) + sizeof("/selfsame");
	path = ss_calloc(n, 1);
	(void)snprintf(path, n, "%s/selfsame", xdg);
	return path;
}

static int check_dir(int fd, const char *path, struct ss_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ss_fail_sys(err, "cannot look at '%s'", SS_SHOW(ss_text(path)));
	if (st.st_uid != geteuid())
		return ss_fail(err, SS_ESYS, "'%s' belongs to another user",
			       SS_SHOW(ss_text(path)));
	if ((st.st_mode & 077) != 0)
		return ss_fail(err, SS_ESYS, "others may enter '%s' (its mode is %04o, not 0700)",
			       SS_SHOW(ss_text(path)), (unsigned)st.st_mode & 07777);
	return 0;
}

/* With `make` false a folder that is not there is no error: *ret stays as it is. */
static int open_dir(const char *path, bool make, struct rundir *ret, struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;

	if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make the folder '%s'", SS_SHOW(ss_text(path)));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && !make && (errno == ENOENT || errno == EACCES))
		return 0;
	if (fd < 0)
		return ss_fail_sys(err, "cannot open the folder '%s'", SS_SHOW(ss_text(path)));
	if (check_dir(fd, path, err) < 0)
		return -1;
	ret->path = ss_copy(path);
	ret->fd = ss_take_fd(&fd);
	return 0;
}

int rundir_open(struct rundir *ret, struct ss_err *err)
{
	AUTO_FREE char *own = own_path();

	if (own == NULL && geteuid() != 0) {
		(void)ss_fail(err, SS_ESYS,
			      "no folder for the enclave's socket: XDG_RUNTIME_DIR "
			      "is not set");
		err->hint = "a login session sets it; a service may set it to a folder of its own";
		return -1;
	}
	return open_dir(own != NULL ? own : SYSTEM_DIR, true, ret, err);
}

void rundir_done(struct rundir *d)
{
	free(TAKE_PTR(d->path));
	ss_closep(&d->fd);
	d->fd = -1;
}

/* --- locks ----------------------------------------------------------------------------------- */

/*
 * *ret -1: somebody has it. A lock file may be removed by the one who held it just before we got
 * it: then it is another file by now, and we try again.
 */
static int take_lock(const struct rundir *d, const char *name, int *ret, struct ss_err *err)
{
	for (;;) {
		AUTO_CLOSE int fd =
			openat(d->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat ours, now;

		if (fd < 0 || fstat(fd, &ours) != 0)
			return ss_fail_sys(err, "cannot open '%s' in '%s'", name,
					   SS_SHOW(ss_text(d->path)));
		*ret = -1;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			if (errno == EWOULDBLOCK)
				return 0;
			return ss_fail_sys(err, "cannot lock '%s' in '%s'", name,
					   SS_SHOW(ss_text(d->path)));
		}
		if (fstatat(d->fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		    now.st_ino == ours.st_ino && now.st_dev == ours.st_dev) {
			*ret = ss_take_fd(&fd);
			return 0;
		}
	}
}

static void file_of(const char *name, const char *suffix, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s%s", name, suffix);
}

#define FILE_MAX (RUNDIR_MAX_NAME + 8)

/* --- names ----------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_sign(char c)
{
	return c == '-' || c == '_' || c == '.';
}

bool rundir_is_name(const char *name)
{
	const size_t n = strlen(name);

	if (n == 0 || n > RUNDIR_MAX_NAME || !is_letter(name[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_letter(name[i]) && !is_sign(name[i]))
			return false;
	return true;
}

void rundir_name_of(const char *path, char ret[RUNDIR_MAX_NAME + 1])
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	size_t n = strlen(base), at = 0;

	if (n > 4 && strcmp(base + n - 4, ".eif") == 0)
		n -= 4;
	for (size_t i = 0; i < n && at < RUNDIR_MAX_NAME; i++) {
		if (is_letter(base[i]) || (at > 0 && is_sign(base[i])))
			ret[at++] = base[i];
		else if (at > 0)
			ret[at++] = '-';
	}
	if (at == 0)
		ret[at++] = 'e';
	ret[at] = '\0';
}

static int claim(struct rundir *d, const char *name, struct rundir_claim *ret, struct ss_err *err)
{
	char file[FILE_MAX];

	file_of(name, ".lock", file, sizeof(file));
	if (take_lock(d, file, &ret->lock, err) < 0)
		return -1;
	if (ret->lock < 0)
		return 0;
	ret->dir = d;
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	/* Whoever held the name before may have died without tidying up. */
	file_of(name, ".sock", file, sizeof(file));
	(void)unlinkat(d->fd, file, 0);
	return 0;
}

int rundir_claim_name(struct rundir *d, const char *name, bool exactly, struct rundir_claim *ret,
		      struct ss_err *err)
{
	char other[RUNDIR_MAX_NAME + 1];

	if (!rundir_is_name(name)) {
		(void)ss_fail(err, SS_EUSAGE, "'%s' is no name for an enclave",
			      SS_SHOW(ss_text(name)));
		err->hint = "letters, digits, '-', '_' and '.', at most 64 of them";
		return -1;
	}
	if (claim(d, name, ret, err) < 0 || ret->lock >= 0)
		return ret->lock >= 0 ? 0 : -1;
	for (unsigned i = 2; !exactly && i <= LAST_TRY; i++) {
		(void)snprintf(other, sizeof(other), "%.58s-%u", name, i);
		if (claim(d, other, ret, err) < 0)
			return -1;
		if (ret->lock >= 0)
			return 0;
	}
	return ss_fail(err, SS_EUSAGE, "an enclave named '%s' is running", name);
}

int rundir_claim_cid(struct rundir_claim *c, uint32_t cid, struct ss_err *err)
{
	char file[32];

	for (uint32_t i = 0; i < RUNDIR_MAX_ENCLAVES; i++) {
		const uint32_t n = cid != 0 ? cid : RUNDIR_FIRST_CID + i;

		(void)snprintf(file, sizeof(file), "cid-%u", n);
		if (take_lock(c->dir, file, &c->cid_lock, err) < 0)
			return -1;
		if (c->cid_lock >= 0) {
			c->cid = n;
			return 0;
		}
		if (cid != 0) {
			(void)ss_fail(err, SS_EUSAGE, "CID %u is taken by another enclave", cid);
			err->hint = "without --cid a free one is used; 'selfsame list' shows them";
			return -1;
		}
	}
	return ss_fail(err, SS_ELIMIT, "%u enclaves are running: there is no free CID",
		       RUNDIR_MAX_ENCLAVES);
}

void rundir_drop_claim(struct rundir_claim *c)
{
	ss_closep(&c->lock);
	ss_closep(&c->cid_lock);
	c->lock = c->cid_lock = -1;
}

void rundir_unclaim(struct rundir_claim *c)
{
	char file[FILE_MAX];

	/* Locked until both are gone: nobody may have the name in between. */
	if (c->cid_lock >= 0) {
		(void)snprintf(file, sizeof(file), "cid-%u", c->cid);
		(void)unlinkat(c->dir->fd, file, 0);
	}
	if (c->lock >= 0) {
		file_of(c->name, ".sock", file, sizeof(file));
		(void)unlinkat(c->dir->fd, file, 0);
		file_of(c->name, ".lock", file, sizeof(file));
		(void)unlinkat(c->dir->fd, file, 0);
	}
	rundir_drop_claim(c);
}

/* --- sockets --------------------------------------------------------------------------------- */

/* By way of the folder's descriptor: a path may be longer than a socket's name. */
static void sock_addr(const struct rundir *d, const char *name, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%.64s.sock", d->fd,
		       name);
}

int rundir_listen(const struct rundir_claim *c, int *ret_fd, struct ss_err *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;

	sock_addr(c->dir, c->name, &addr);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return ss_fail_sys(err, "cannot listen at '%s/%s.sock'",
				   SS_SHOW(ss_text(c->dir->path)), c->name);
	*ret_fd = ss_take_fd(&fd);
	return 0;
}

/* Removes what is left of a supervisor that is gone. True if it is. */
static bool bury(struct rundir *d, const char *name)
{
	struct rundir_claim c = RUNDIR_CLAIM_NONE;
	struct ss_err err = { 0 };

	if (claim(d, name, &c, &err) < 0 || c.lock < 0)
		return false;
	rundir_unclaim(&c);
	return true;
}

static int call(struct rundir *d, const char *name, int *ret_fd, struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;
	struct sockaddr_un addr;
	char file[FILE_MAX];

	file_of(name, ".sock", file, sizeof(file));
	if (d->fd < 0 || faccessat(d->fd, file, F_OK, AT_SYMLINK_NOFOLLOW) != 0 || bury(d, name))
		return 0;
	sock_addr(d, name, &addr);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		return ss_fail_sys(err, "cannot reach the supervisor of '%s'", name);
	*ret_fd = ss_take_fd(&fd);
	return 0;
}

/* Where enclaves of ours may be: our own folder, and root's. */
static int each_dir(int (*visit)(struct rundir *d, void *ctx, struct ss_err *err), void *ctx,
		    struct ss_err *err)
{
	AUTO_FREE char *own = own_path();
	const char *paths[2] = { own, geteuid() == 0 ? SYSTEM_DIR : NULL };

	for (size_t i = 0; i < 2; i++) {
		AUTO_RUNDIR struct rundir d = RUNDIR_NONE;

		if (paths[i] == NULL || open_dir(paths[i], false, &d, err) < 0)
			continue;
		if (d.fd >= 0 && visit(&d, ctx, err) < 0)
			return -1;
	}
	return 0;
}

struct wanted {
	const char *name;
	int fd;
};

static int call_here(struct rundir *d, void *ctx, struct ss_err *err)
{
	struct wanted *w = ctx;

	return w->fd < 0 ? call(d, w->name, &w->fd, err) : 0;
}

int rundir_call(const char *name, int *ret_fd, struct ss_err *err)
{
	struct wanted w = { name, -1 };

	*ret_fd = -1;
	if (!rundir_is_name(name))
		return 0;
	if (each_dir(call_here, &w, err) < 0)
		return -1;
	*ret_fd = w.fd;
	return 0;
}

/* --- all of them ----------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has(const struct rundir_names *n, const char *name)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->v[i], name) == 0)
			return true;
	return false;
}

static int list_here(struct rundir *d, void *ctx, struct ss_err *err)
{
	struct rundir_names *n = ctx;
	char pattern[64];
	glob_t g = { 0 };

	(void)err;
	(void)snprintf(pattern, sizeof(pattern), "/proc/self/fd/%d/*.sock", d->fd);
	if (glob(pattern, GLOB_NOSORT, NULL, &g) != 0)
		return 0; /* none */
	for (size_t i = 0; i < g.gl_pathc && n->n < RUNDIR_MAX_ENCLAVES; i++) {
		char *name = strrchr(g.gl_pathv[i], '/') + 1;

		name[strlen(name) - strlen(".sock")] = '\0';
		if (!rundir_is_name(name) || has(n, name) || bury(d, name))
			continue;
		n->v[n->n++] = ss_copy(name);
	}
	globfree(&g);
	return 0;
}

int rundir_list(struct rundir_names *ret, struct ss_err *err)
{
	struct rundir_names n = { .v = ss_calloc(RUNDIR_MAX_ENCLAVES, sizeof(char *)) };

	if (each_dir(list_here, &n, err) < 0) {
		rundir_names_done(&n);
		return -1;
	}
	ss_sort(n.v, n.n, sizeof(*n.v), by_name);
	*ret = n;
	return 0;
}

void rundir_names_done(struct rundir_names *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->v[i]);
	free(TAKE_PTR(n->v));
	n->n = 0;
}
