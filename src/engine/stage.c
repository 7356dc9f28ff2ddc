/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stage.h"

#include "base/show.h"
#include "base/text.h"
#include "config/field.h"
#include "io/beneath.h"
#include "io/file.h"
#include "io/fswalk.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK ((size_t)1024 * 1024)
#define IGNORE_LINES_MAX 4096u

/* --- what is left out ---------------------------------------------------------------------------
 */

static struct ss_span trim(struct ss_span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct ss_span){ s.p + 1, s.n - 1 };
	while (s.n > 0 && strchr(" \t\r", s.p[s.n - 1]) != NULL)
		s.n--;
	return s;
}

/* Without the decorations that mean nothing: "/a", "./a", "a/". */
static struct ss_span clean(struct ss_span s)
{
	while (ss_begins(s, "/") || ss_begins(s, "./"))
		s = (struct ss_span){ s.p + 1, s.n - 1 };
	while (s.n > 0 && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

/* Letters, '*' and '?', and one "**" in front at most: there fnmatch() and the engines agree. */
static bool is_plain(const char *p)
{
	const char *rest = strncmp(p, "**/", 3) == 0 ? p + 3 : p;

	return rest[0] != '\0' && strpbrk(rest, "[]\\{}") == NULL && strstr(rest, "**") == NULL &&
	       strstr(rest, "//") == NULL && strstr(rest, "..") == NULL &&
	       strstr(rest, "/.") == NULL && strcmp(rest, ".") != 0;
}

/* Fills `ret` with the plain patterns; none at all if a line makes an exception. */
static void read_ignore(struct ss_span in, struct cfg_texts *ret)
{
	for (size_t at = 0; at < in.n && ret->n < IGNORE_LINES_MAX;) {
		const uint8_t *end = memchr(in.p + at, '\n', in.n - at);
		const size_t next = end != NULL ? (size_t)(end - in.p) + 1 : in.n;
		struct ss_span line = { in.p + at, next - at - (end != NULL ? 1 : 0) };
		char text[IO_WALK_MAX_PATH + 1] = "";

		at = next;
		if (ss_begins(line, "#"))
			continue;
		line = trim(line);
		if (ss_begins(line, "!")) {
			cfg_texts_done(ret);
			return;
		}
		line = clean(line);
		if (line.n == 0 || line.n >= sizeof(text) || memchr(line.p, 0, line.n) != NULL)
			continue;
		memcpy(text, line.p, line.n);
		if (is_plain(text))
			cfg_texts_push(ret, text);
	}
}

static bool matches(const char *pattern, const char *path)
{
	if (strncmp(pattern, "**/", 3) != 0)
		return fnmatch(pattern, path, FNM_PATHNAME) == 0;
	for (const char *p = path; p != NULL; p = strchr(p, '/')) {
		p += *p == '/' ? 1 : 0;
		if (fnmatch(pattern + 3, p, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static bool any_matches(const struct cfg_texts *patterns, const char *path)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (matches(patterns->v[i], path))
			return true;
	return false;
}

bool stage_is_ignored(struct ss_span ignore, const char *path)
{
	struct cfg_texts patterns = { 0 };
	bool ret;

	read_ignore(ignore, &patterns);
	ret = any_matches(&patterns, path);
	cfg_texts_done(&patterns);
	return ret;
}

/* --- copying
 * -------------------------------------------------------------------------------------- */

struct stage {
	struct io_beneath to;
	struct cfg_texts ignored;
	struct cfg_texts folders; /* their times are set last: what comes into them moves them */
	char skip[IO_WALK_MAX_PATH + 2]; /* "node_modules/": all below is left out */
	uint32_t epoch;
	struct ss_progress *progress;
};

static int copy_by_blocks(int from, int to, struct stage *s, struct ss_err *err)
{
	AUTO_FREE uint8_t *block = ss_calloc(BLOCK, 1);
	size_t n;

	do {
		if (io_read_full(from, block, BLOCK, &n, err) < 0 ||
		    io_write_all(to, (struct ss_span){ block, n }, err) < 0)
			return -1;
		ss_progress_step(s->progress, n);
	} while (n == BLOCK);
	return 0;
}

static int copy_bytes(int from, int to, struct stage *s, struct ss_err *err)
{
#ifdef __linux__
	/* Where the file system can, the copy shares its blocks. */
	for (;;) {
		const ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return 0;
		if (n < 0)
			break;
		ss_progress_step(s->progress, (uint64_t)n);
	}
	if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return ss_fail_sys(err, "cannot copy");
#endif
	return copy_by_blocks(from, to, s, err);
}

static int copy_file(struct stage *s, const struct io_walk_entry *e, const char *path,
		     struct ss_err *err)
{
	/* The owner's bit is the one that git keeps. */
	const unsigned mode = (e->st->st_mode & S_IXUSR) != 0 ? 0755 : 0644;
	AUTO_CLOSE int from = -1;
	AUTO_CLOSE int to = -1;

	if (io_walk_open(e, &from, err) < 0 || io_beneath_file(&s->to, path, mode, &to, err) < 0)
		return -1;
	return copy_bytes(from, to, s, err);
}

static int copy_link(struct stage *s, const struct io_walk_entry *e, const char *path,
		     struct ss_err *err)
{
	char target[IO_WALK_MAX_PATH + 1] = "";
	size_t n;

	if (io_walk_readlink(e, (uint8_t *)target, sizeof(target) - 1, &n, err) < 0)
		return -1;
	return io_beneath_symlink(&s->to, path, target, err);
}

static int copy_entry(struct stage *s, const struct io_walk_entry *e, const char *path,
		      struct ss_err *err)
{
	int rc;

	if (S_ISDIR(e->st->st_mode)) {
		cfg_texts_push(&s->folders, path);
		return io_beneath_folder(&s->to, path, 0755, err);
	}
	if (S_ISREG(e->st->st_mode))
		rc = copy_file(s, e, path, err);
	else if (S_ISLNK(e->st->st_mode))
		rc = copy_link(s, e, path, err);
	else
		return 0; /* sockets, devices and the like: no source */
	return rc < 0 ? -1 : io_beneath_mtime(&s->to, path, s->epoch, err);
}

static int visit(void *ctx, const struct io_walk_entry *e, struct ss_err *err)
{
	struct stage *s = ctx;
	char path[IO_WALK_MAX_PATH + 1] = "";

	if (e->path.n == 0)
		return 0;
	memcpy(path, e->path.p, e->path.n);
	if (s->skip[0] != '\0' && strncmp(path, s->skip, strlen(s->skip)) == 0)
		return 0;
	if (any_matches(&s->ignored, path)) {
		if (S_ISDIR(e->st->st_mode))
			(void)snprintf(s->skip, sizeof(s->skip), "%s/", path);
		return 0;
	}
	if (copy_entry(s, e, path, err) < 0)
		return ss_ctx(err, "'%s'", SS_SHOW(e->path));
	return 0;
}

static void stage_done(struct stage *s)
{
	io_beneath_done(&s->to);
	cfg_texts_done(&s->ignored);
	cfg_texts_done(&s->folders);
}

int stage_context(const char *from, const char *to, struct ss_span ignore, uint32_t epoch,
		  struct ss_progress *progress, struct ss_err *err)
{
	SS_CLEANUP(stage_done)
	struct stage s = { .to = IO_BENEATH_NONE, .epoch = epoch, .progress = progress };
	const int root = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (root < 0)
		return ss_fail_sys(err, "cannot open '%s'", to);
	io_beneath_init(&s.to, root);
	read_ignore(ignore, &s.ignored);
	if (io_walk(from, visit, &s, err) < 0)
		return ss_ctx(err, "context '%s'", from);
	for (size_t i = s.folders.n; i > 0; i--)
		if (io_beneath_mtime(&s.to, s.folders.v[i - 1], epoch, err) < 0)
			return -1;
	return 0;
}
