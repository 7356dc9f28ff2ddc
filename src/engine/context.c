/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/job.h"
#include "io/beneath.h"
#include "io/file.h"
#include "io/fswalk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/*
 * The context as every checkout of the same source gives it.
 *
 * COPY keeps permissions, but those of a working copy are its owner's umask: the same commit is
 * 0644 here, 0664 on Ubuntu and 0600 where the umask is 077. What git keeps is one bit, executable
 * or not; so a file is 0755 if its owner may execute it, else 0644, and a folder is 0755. Nor does
 * git keep which names are one file. A context that is so already, the usual case, is used where it
 * lies; any other is copied to the private folder first, with its times, for steps that look at
 * them.
 */
#define COPY_BLOCK ((size_t)256 * 1024)

static mode_t wanted(const struct stat *st)
{
	if (S_ISDIR(st->st_mode) || (st->st_mode & S_IXUSR) != 0)
		return 0755;
	return 0644;
}

static bool is_taken(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode);
}

/* The walk's top is nobody's file: its permissions reach no image. */
static int look(void *ctx, const struct io_walk_entry *e, struct ss_err *err)
{
	bool *canonical = ctx;

	(void)err;
	if (e->path.n == 0 || S_ISLNK(e->st->st_mode) || !is_taken(e->st))
		return 0;
	if ((e->st->st_mode & 07777) != wanted(e->st) ||
	    (S_ISREG(e->st->st_mode) && e->st->st_nlink > 1))
		*canonical = false;
	return 0;
}

static int copy_bytes(int from, int to, struct ss_err *err)
{
	AUTO_FREE uint8_t *block = ss_calloc(COPY_BLOCK, 1);
	size_t n;

	do {
		if (io_read_full(from, block, COPY_BLOCK, &n, err) < 0 ||
		    io_write_all(to, (struct ss_span){ block, n }, err) < 0)
			return -1;
	} while (n == COPY_BLOCK);
	return 0;
}

static int copy_file(struct io_beneath *to, const struct io_walk_entry *e, const char *path,
		     struct ss_err *err)
{
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int out = -1;

	if (io_walk_open(e, &in, err) < 0 ||
	    io_beneath_file(to, path, wanted(e->st), &out, err) < 0 || copy_bytes(in, out, err) < 0)
		return -1;
	return io_beneath_mtime(to, path, e->st->st_mtime, err);
}

static int copy_link(struct io_beneath *to, const struct io_walk_entry *e, const char *path,
		     struct ss_err *err)
{
	char target[IO_BENEATH_PATH_MAX];
	size_t n;

	if (io_walk_readlink(e, (uint8_t *)target, sizeof(target) - 1, &n, err) < 0)
		return -1;
	target[n] = '\0';
	return io_beneath_symlink(to, path, target, err);
}

static int copy(void *ctx, const struct io_walk_entry *e, struct ss_err *err)
{
	char path[IO_BENEATH_PATH_MAX];

	if (e->path.n == 0 || !is_taken(e->st))
		return 0;
	memcpy(path, e->path.p, e->path.n); /* IO_WALK_MAX_PATH is one less than the room */
	path[e->path.n] = '\0';
	if (S_ISREG(e->st->st_mode))
		return copy_file(ctx, e, path, err);
	if (S_ISLNK(e->st->st_mode))
		return copy_link(ctx, e, path, err);
	return io_beneath_folder(ctx, path, wanted(e->st), err);
}

static int copy_all(const struct engine_job *j, struct ss_err *err)
{
	SS_CLEANUP(io_beneath_done) struct io_beneath to = IO_BENEATH_NONE;
	int root;

	if (mkdir(j->context, 0700) < 0)
		return ss_fail_sys(err, "cannot make the folder '%s'", j->context);
	root = open(j->context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return ss_fail_sys(err, "cannot open '%s'", j->context);
	io_beneath_init(&to, root);
	return io_walk(j->req->context, copy, &to, err);
}

int engine_context(struct engine_job *j, struct ss_err *err)
{
	bool canonical = true;

	if (io_walk(j->req->context, look, &canonical, err) < 0)
		return ss_ctx(err, "the context '%s'", j->req->context);
	if (canonical) {
		j->context = engine_text("%s", j->req->context);
		return 0;
	}
	j->context = engine_text("%s/context", j->work.path);
	if (copy_all(j, err) < 0)
		return ss_ctx(err, "copying the context '%s'", j->req->context);
	return 0;
}
