/* SPDX-License-Identifier: Apache-2.0 */
#include "config/git.h"

#include "io/env.h"
#include "io/file.h"
#include "io/spawn.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#define GIT_ARGS_MAX 40u
#define GIT_OUTPUT_MAX ((size_t)16 * 1024 * 1024) /* a history of 100 000 records */
#define MEASUREMENTS "measurements.json"
#define LOCK "enclave.lock"

/* --- asking git ----------------------------------------------------------------------------------
 */

struct words {
	const char *v[GIT_ARGS_MAX];
	size_t n;
};

static void add(struct words *w, const char *s)
{
	assert(w->n < GIT_ARGS_MAX); /* the callers' lists are short */
	w->v[w->n++] = s;
}

static void collect(void *ctx, enum io_stream from, const char *line)
{
	if (from != IO_STDOUT)
		return;
	ss_buf_put(ctx, (struct ss_span){ (const uint8_t *)line, strlen(line) });
	ss_buf_put(ctx, (struct ss_span){ (const uint8_t *)"\n", 1 });
}

/* An environment in which git speaks English, writes nothing and asks nobody. */
static void git_env(struct io_env *ret)
{
	static const char *const keep[] = { "PATH", "HOME", "XDG_CONFIG_HOME" };

	for (size_t i = 0; i < SS_NELEMS(keep); i++)
		io_env_keep(ret, keep[i]);
	io_env_set(ret, "LC_ALL", "C");
	io_env_set(ret, "TZ", "UTC");
	io_env_set(ret, "GIT_OPTIONAL_LOCKS", "0");
	io_env_set(ret, "GIT_TERMINAL_PROMPT", "0");
}

/* *ret_ok is false if git refused. `ret`, with a NUL after its end, is what it printed. */
static int ask(const char *dir, const struct words *w, struct ss_buf *ret, bool *ret_ok,
	       struct io_exit *ret_exit, struct ss_err *err)
{
	AUTO_ENV struct io_env env = { 0 };
	const char *argv[GIT_ARGS_MAX + 10] = { "git", "-C",
						dir,   "--no-pager",
						"-c",  "core.fsmonitor=false",
						"-c",  "core.quotePath=false" };
	struct io_spawn s = { .argv = argv, .line = collect, .ctx = ret };

	for (size_t i = 0; i < w->n; i++)
		argv[8 + i] = w->v[i];
	git_env(&env);
	s.env = io_env_list(&env);
	if (io_spawn_run(&s, ret_exit, err) < 0)
		return -1;
	*ret_ok = ret_exit->status == 0;
	ss_buf_put(ret, (struct ss_span){ (const uint8_t *)"", 1 });
	return ss_buf_check(ret, "git's answer", err);
}

/* --- the commit
 * ------------------------------------------------------------------------------------ */

/* The folder of `path`, real, and its last component; NULL if there is no such folder. */
static char *real_file(const char *project, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	AUTO_FREE char *joined = ss_calloc(strlen(project) + strlen(path) + 3, 1);
	AUTO_FREE char *dir = NULL;
	char *ret = NULL;
	size_t n;

	if (path[0] == '/')
		(void)snprintf(joined, strlen(path) + 1, "%.*s", (int)(base - path), path);
	else
		(void)snprintf(joined, strlen(project) + strlen(path) + 3, "%s/%.*s", project,
			       (int)(base - path), path);
	dir = realpath(joined, NULL);
	if (dir == NULL)
		return NULL;
	n = strlen(dir) + strlen(base) + 2;
	ret = ss_calloc(n, 1);
	(void)snprintf(ret, n, "%s/%s", dir, base);
	return ret;
}

/* ":(top,exclude,literal)out/x.eif", or NULL if the file is not below `top`. */
static char *exclusion(const char *project, const char *top, const char *path)
{
	AUTO_FREE char *full = real_file(project, path);
	const size_t n = strlen(top);
	char *ret;

	if (full == NULL || strncmp(full, top, n) != 0 || full[n] != '/')
		return NULL;
	ret = ss_calloc(strlen(full) + 32, 1);
	(void)snprintf(ret, strlen(full) + 32, ":(top,exclude,literal)%s", full + n + 1);
	return ret;
}

#define OUTPUTS_MAX 8u

/* The pathspecs that are the source. */
struct scope {
	char *made[OUTPUTS_MAX + 2];
	size_t n_made;
	struct words words;
};

static void scope_done(struct scope *s)
{
	for (size_t i = 0; i < s->n_made; i++)
		free(s->made[i]);
}

static void scope_add(struct scope *s, char *made)
{
	if (made == NULL)
		return;
	s->made[s->n_made++] = made;
	add(&s->words, made);
}

static char *literal(const char *path)
{
	char *ret = ss_calloc(strlen(path) + 16, 1);

	(void)snprintf(ret, strlen(path) + 16, ":(literal)%s", path);
	return ret;
}

static void make_scope(const struct cfg_git_paths *p, const char *top, struct scope *ret)
{
	add(&ret->words, "--");
	scope_add(ret, literal(p->context));
	if (p->dockerfile != NULL)
		scope_add(ret, literal(p->dockerfile));
	add(&ret->words, ":(literal).");
	for (size_t i = 0; i < p->n_outputs && i < OUTPUTS_MAX; i++)
		scope_add(ret, exclusion(p->project, top, p->outputs[i]));
}

/* True if history was cut off at this very commit: then an older one may be the right one. */
static int is_boundary(const char *dir, const char *commit, bool *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf path = SS_BUF_INIT(PATH_MAX);
	AUTO_BUF struct ss_buf list = SS_BUF_INIT(GIT_OUTPUT_MAX);
	AUTO_FREE char *full = NULL;
	const struct words w = { { "rev-parse", "--git-path", "shallow" }, 3 };
	struct io_exit e;
	bool ok;
	char *text;

	*ret = false;
	if (ask(dir, &w, &path, &ok, &e, err) < 0)
		return -1;
	text = (char *)path.p;
	text[strcspn(text, "\n")] = '\0';
	full = ss_calloc(strlen(dir) + strlen(text) + 2, 1);
	(void)snprintf(full, strlen(dir) + strlen(text) + 2, "%s%s%s", text[0] == '/' ? "" : dir,
		       text[0] == '/' ? "" : "/", text);
	if (!ok || access(full, F_OK) != 0)
		return 0;
	if (io_load_file(full, &list, err) < 0)
		return -1;
	ss_buf_put(&list, (struct ss_span){ (const uint8_t *)"", 1 });
	*ret = strstr((const char *)list.p, commit) != NULL;
	return 0;
}

/* "HASH TIME…"; false if the line is something else. */
static bool parse_commit(const char *line, char *ret_commit, int64_t *ret_time)
{
	const size_t n = strspn(line, "0123456789abcdef");
	char *end = NULL;

	if (n < 40 || n > CFG_COMMIT_MAX || line[n] != ' ')
		return false;
	(void)snprintf(ret_commit, n + 1, "%s", line);
	*ret_time = strtoll(line + n + 1, &end, 10);
	return end != line + n + 1 && (*end == '\n' || *end == ' ' || *end == '\0');
}

/* The lines of `git status`: "!! PATH" for what it ignores, anything else is a change. */
static void read_status(const struct cfg_git_paths *p, const char *top, char *lines,
			struct cfg_git *ret)
{
	for (char *at = lines; *at != '\0';) {
		char *end = at + strcspn(at, "\n");
		AUTO_FREE char *path = ss_calloc(strlen(top) + (size_t)(end - at) + 2, 1);
		char *next = *end == '\n' ? end + 1 : end;

		*end = '\0';
		if (strncmp(at, "!! ", 3) != 0) {
			ret->source.dirty = true;
		} else {
			(void)snprintf(path, strlen(top) + strlen(at) + 2, "%s/%s", top, at + 3);
			if (!p->leaves_out(p->ctx, path))
				ret->beside = true;
		}
		at = next;
	}
}

static int look_inside(const struct cfg_git_paths *p, const char *top, struct cfg_git *ret,
		       struct ss_err *err)
{
	SS_CLEANUP(scope_done) struct scope scope = { 0 };
	AUTO_BUF struct ss_buf log = SS_BUF_INIT(GIT_OUTPUT_MAX);
	AUTO_BUF struct ss_buf status = SS_BUF_INIT(GIT_OUTPUT_MAX);
	struct words ask_log = { { "log", "-1", "--format=%H %ct" }, 3 };
	struct words ask_status = { { "status", "--porcelain", "--ignore-submodules=none" }, 3 };
	struct io_exit e;
	bool ok, cut;

	make_scope(p, top, &scope);
	if (p->leaves_out != NULL)
		add(&ask_status, "--ignored");
	for (size_t i = 0; i < scope.words.n; i++) {
		add(&ask_log, scope.words.v[i]);
		add(&ask_status, scope.words.v[i]);
	}
	if (ask(p->project, &ask_log, &log, &ok, &e, err) < 0)
		return -1;
	if (!ok || !parse_commit((const char *)log.p, ret->source.commit, &ret->time))
		return 0; /* no commit yet, or the context lies outside the repository */
	if (ask(p->project, &ask_status, &status, &ok, &e, err) < 0 ||
	    is_boundary(p->project, ret->source.commit, &cut, err) < 0)
		return -1;
	read_status(p, top, (char *)status.p, ret);
	ret->source.dirty = ret->source.dirty || !ok;
	ret->state = cut ? CFG_GIT_SHALLOW : CFG_GIT_COMMIT;
	if (cut)
		ret->source.commit[0] = '\0';
	return 0;
}

int cfg_git_look(const struct cfg_git_paths *p, struct cfg_git *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf top = SS_BUF_INIT(PATH_MAX + 2);
	AUTO_FREE char *git = io_spawn_find("git");
	const struct words w = { { "rev-parse", "--show-toplevel" }, 2 };
	struct io_exit e;
	bool ok;
	char *text;

	*ret = (struct cfg_git){ 0 };
	if (git == NULL)
		return 0;
	if (ask(p->project, &w, &top, &ok, &e, err) < 0)
		return -1;
	if (!ok)
		return 0;
	text = (char *)top.p;
	text[strcspn(text, "\n")] = '\0';
	return look_inside(p, text, ret, err);
}

/* --- a file of a commit -------------------------------------------------------------------------
 */

/* Byte by byte, through a file: lines may be long. */
static int ask_bytes(const char *dir, const char *object, struct ss_buf *ret, bool *ret_ok,
		     struct ss_err *err)
{
	AUTO_ENV struct io_env env = { 0 };
	const char *argv[] = { "git", "-C", dir, "--no-pager", "cat-file", "blob", object, NULL };
	AUTO_CLOSE int spool = -1;
	struct io_spawn s = { .argv = argv };
	struct io_exit e;
	uint8_t block[16384];
	uint64_t at = 0;
	size_t n;

	if (io_spool_new(&spool, err) < 0)
		return -1;
	git_env(&env);
	s.env = io_env_list(&env);
	s.out_fd = spool;
	if (io_spawn_run(&s, &e, err) < 0)
		return -1;
	*ret_ok = e.status == 0;
	do {
		if (io_pread_full(spool, at, block, sizeof(block), &n, err) < 0)
			return -1;
		ss_buf_put(ret, (struct ss_span){ block, n });
		at += n;
	} while (n == sizeof(block) && !ret->bad);
	return ss_buf_check(ret, object, err);
}

int cfg_git_file(const char *dir, const char *commit, const char *name, struct ss_buf *ret,
		 bool *ret_there, struct ss_err *err)
{
	AUTO_BUF struct ss_buf id = SS_BUF_INIT(GIT_OUTPUT_MAX);
	const size_t n = strlen(commit) + strlen(name) + 16;
	AUTO_FREE char *object = ss_calloc(n, 1);
	struct words w = { { "rev-parse", "--verify", "--quiet", object }, 4 };
	struct io_exit e;
	bool ok;

	if (commit[0] == '-' || commit[0] == '\0')
		return ss_fail(err, SS_EUSAGE, "'%s' is no commit", commit);
	(void)snprintf(object, n, "%s^{commit}", commit);
	if (ask(dir, &w, &id, &ok, &e, err) < 0)
		return -1;
	if (!ok)
		return ss_fail(err, SS_EUSAGE, "git knows no commit '%s'", commit);
	(void)snprintf(object, n, "%s:./%s", commit, name);
	return ask_bytes(dir, object, ret, ret_there, err);
}

/* --- recorded history
 * -------------------------------------------------------------------------------- */

static int read_record(const char *dir, struct cfg_record *r, struct ss_err *err)
{
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(CFG_MEASUREMENTS_MAX);
	char object[CFG_COMMIT_MAX + 32];
	const struct words w = { { "show", object }, 2 };
	struct io_exit e;
	bool ok;

	(void)snprintf(object, sizeof(object), "%s:./" MEASUREMENTS, r->commit);
	if (ask(dir, &w, &text, &ok, &e, err) < 0)
		return -1;
	r->removed = !ok;
	if (!ok)
		return 0;
	text.n--; /* the NUL */
	if (cfg_measurements_read(ss_buf_span(&text), &r->m, &r->bad) == 0)
		r->bad.code = SS_OK;
	return 0;
}

static int each_line(const char *dir, char *line,
		     int (*each)(void *ctx, const struct cfg_record *r, struct ss_err *err),
		     void *ctx, struct ss_err *err)
{
	struct cfg_record r = { 0 };
	char *space;

	if (!parse_commit(line, r.commit, &r.time))
		return ss_fail(err, SS_EINPUT, "git log: not a commit: '%.80s'", line);
	space = strchr(line + strlen(r.commit) + 1, ' ');
	r.subject = space != NULL ? space + 1 : line + strlen(line);
	if (read_record(dir, &r, err) < 0)
		return ss_ctx(err, "commit %.12s: '" MEASUREMENTS "'", r.commit);
	return each(ctx, &r, err);
}

int cfg_history(const char *dir,
		int (*each)(void *ctx, const struct cfg_record *r, struct ss_err *err), void *ctx,
		struct ss_err *err)
{
	AUTO_BUF struct ss_buf log = SS_BUF_INIT(GIT_OUTPUT_MAX);
	const struct words w = { { "log", "--format=%H %ct %s", "--", MEASUREMENTS }, 4 };
	struct io_exit e;
	bool ok;

	if (ask(dir, &w, &log, &ok, &e, err) < 0)
		return -1;
	if (!ok)
		return io_exit_check(&e, "git log", SS_ESYS, err);
	for (char *line = (char *)log.p; *line != '\0';) {
		char *end = line + strcspn(line, "\n");
		char *next = *end == '\n' ? end + 1 : end;

		*end = '\0';
		if (each_line(dir, line, each, ctx, err) < 0)
			return -1;
		line = next;
	}
	return 0;
}
