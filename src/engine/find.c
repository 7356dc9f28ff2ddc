/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/job.h"

#include <string.h>

#define BUILDKIT_MIN_MAJOR 0
#define BUILDKIT_MIN_MINOR 11 /* before it an OCI layout could not be written as a folder */

/* "…v0.12.5-rc1 abc" → "0.12.5": the first digits with a dot. The caller's; NULL = none. */
static char *find_version(const char *text)
{
	static const char chars[] = "0123456789.";

	for (const char *p = text; *p != '\0'; p++) {
		const bool begins = *p >= '0' && *p <= '9' &&
				    (p == text || p[-1] == ' ' || p[-1] == 'v' || p[-1] == '\t');
		const size_t n = strspn(p, chars);

		if (begins && n >= 3 && memchr(p, '.', n) != NULL)
			return engine_text("%.*s", (int)n, p);
	}
	return NULL;
}

/* Asks a program; *ret is NULL if it is not there or says no. */
static int try_ask(const struct engine_job *j, const struct engine_words *w, char **ret,
		   struct ss_err *err)
{
	AUTO_FREE char *answer = NULL;
	struct engine_end e;

	*ret = NULL;
	if (engine_ask(j, w, &e, &answer, err) < 0)
		return -1;
	if (e.status == 0)
		*ret = TAKE_PTR(answer);
	return 0;
}

static void found(struct engine_job *j, enum engine_kind kind, char **program, char *version)
{
	j->kind = kind;
	j->enclosed = kind == ENGINE_BUILDAH && getuid() == 0;
	j->program = TAKE_PTR(*program);
	/* What is built without a release's build script says 0.0.0. */
	if (version != NULL && strncmp(version, "0.0.", 4) == 0)
		free(TAKE_PTR(version));
	j->version = version != NULL ? version : engine_text("unknown");
}

static int find_buildah(struct engine_job *j, bool *ret, struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };
	AUTO_FREE char *program = io_spawn_find("buildah");
	AUTO_FREE char *answer = NULL;

	*ret = false;
	if (program == NULL)
		return 0;
	engine_words(&w, program, "--version", NULL);
	if (try_ask(j, &w, &answer, err) < 0)
		return -1;
	if (answer == NULL)
		return 0;
	found(j, ENGINE_BUILDAH, &program, find_version(answer));
	*ret = true;
	return 0;
}

/* The line of `text` that begins with `front` (blanks before it apart), after it; NULL = none. */
static const char *line_after(const char *text, const char *front)
{
	for (const char *p = text; p != NULL; p = strchr(p, '\n')) {
		p += strspn(p, " \t\n");
		if (strncasecmp(p, front, strlen(front)) == 0)
			return p + strlen(front);
	}
	return NULL;
}

/* buildctl, if the daemon it talks to answers. */
static int find_buildctl(struct engine_job *j, bool *ret, struct ss_err *err)
{
	AUTO_WORDS struct engine_words workers = { 0 };
	AUTO_WORDS struct engine_words info = { 0 };
	AUTO_WORDS struct engine_words own = { 0 };
	AUTO_FREE char *program = io_spawn_find("buildctl");
	AUTO_FREE char *answer = NULL;
	const char *line;

	*ret = false;
	if (program == NULL)
		return 0;
	engine_words(&workers, program, "--timeout", "5", "debug", "workers", NULL);
	if (try_ask(j, &workers, &answer, err) < 0)
		return -1;
	if (answer == NULL)
		return 0;
	free(TAKE_PTR(answer));
	/* The daemon's version if it tells (0.12 does), else buildctl's own. */
	engine_words(&info, program, "debug", "info", NULL);
	engine_words(&own, program, "--version", NULL);
	if (try_ask(j, &info, &answer, err) < 0 ||
	    (answer == NULL && try_ask(j, &own, &answer, err) < 0))
		return -1;
	if (answer == NULL)
		return 0;
	line = line_after(answer, "BuildKit:");
	found(j, ENGINE_BUILDCTL, &program, find_version(line != NULL ? line : answer));
	*ret = true;
	return 0;
}

/* docker buildx, if its builder answers. */
static int find_buildx(struct engine_job *j, bool *ret, struct ss_err *err)
{
	AUTO_WORDS struct engine_words w = { 0 };
	AUTO_FREE char *program = io_spawn_find("docker");
	AUTO_FREE char *answer = NULL;
	const char *line;

	*ret = false;
	if (program == NULL)
		return 0;
	engine_words(&w, program, "buildx", "inspect", NULL);
	if (try_ask(j, &w, &answer, err) < 0)
		return -1;
	line = answer != NULL ? line_after(answer, "BuildKit version:") : NULL;
	if (answer != NULL && line == NULL)
		line = line_after(answer, "Buildkit:");
	if (line == NULL)
		return 0;
	found(j, ENGINE_BUILDX, &program, find_version(line));
	*ret = true;
	return 0;
}

/* True unless the version is known to be too old. */
static bool is_new_enough(const char *version)
{
	char *end = NULL;
	const unsigned long major = strtoul(version, &end, 10);
	const unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;

	if (version[0] < '0' || version[0] > '9')
		return true;
	return major > BUILDKIT_MIN_MAJOR || minor >= BUILDKIT_MIN_MINOR;
}

static int find_buildkit(struct engine_job *j, bool *ret, struct ss_err *err)
{
	if (find_buildctl(j, ret, err) < 0 || (!*ret && find_buildx(j, ret, err) < 0))
		return -1;
	if (*ret && !is_new_enough(j->version))
		return ss_fail(err, SS_ESYS, "BuildKit %s is too old; 0.%d or later is needed",
			       j->version, BUILDKIT_MIN_MINOR);
	return 0;
}

static int missing(const char *what, const char *hint, struct ss_err *err)
{
	(void)ss_fail(err, SS_ESYS, "%s", what);
	err->hint = hint;
	return -1;
}

int engine_find(struct engine_job *j, struct ss_err *err)
{
	const char *want = j->req->engine;
	const bool any = strcmp(want, "auto") == 0;
	bool there = false;

	/* buildah first, daemon or not: which one builds should not depend on what happens to run.
	 */
	if ((any || strcmp(want, "buildah") == 0) && find_buildah(j, &there, err) < 0)
		return -1;
	if (!there && (any || strcmp(want, "buildkit") == 0) && find_buildkit(j, &there, err) < 0)
		return -1;
	if (there)
		return 0;
	if (any)
		return missing("no engine for the Dockerfile: neither buildah nor BuildKit is here",
			       "on Debian: apt-get install buildah runc", err);
	if (strcmp(want, "buildah") == 0)
		return missing("engine 'buildah' is not installed",
			       "on Debian: apt-get install buildah runc", err);
	return missing("engine 'buildkit': neither buildctl nor 'docker buildx' reaches a BuildKit",
		       "start buildkitd and set BUILDKIT_HOST, or use --engine buildah", err);
}
