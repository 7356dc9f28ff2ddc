/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "engine/job.h"
#include "fmt/json.h"
#include "io/file.h"

#include <string.h>

/*
 * The base images, by the digests that they are pinned to: fetched once each, before the engine
 * builds, and asked when they were made.
 */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* True if an earlier use has the same image for the same platform. */
static bool is_repeated(const struct engine_job *j, size_t i)
{
	const struct df_use *u = j->file.uses;

	for (size_t k = 0; k < i; k++)
		if (same_text(u[k].repo, u[i].repo) && same_text(u[k].platform, u[i].platform) &&
		    same_text(j->digests[k], j->digests[i]))
			return true;
	return false;
}

int engine_pull(struct engine_job *j, struct ss_err *err)
{
	for (size_t i = 0; i < j->file.n_uses; i++) {
		const struct df_use *u = &j->file.uses[i];
		AUTO_FREE char *pinned = engine_text("%s@%s", u->repo, j->digests[i]);

		if (!is_repeated(j, i) && buildah_pull(j, pinned, engine_platform(j, u), err) < 0)
			return ss_ctx(err, "'%s': line %u", j->req->dockerfile, u->line);
	}
	return 0;
}

/* --- when they were made ---------------------------------------------------------------------- */

#define SECONDS_SIZE (sizeof("2026-11-21T10:30:00") - 1)
#define CONFIG_MAX ((size_t)4 * 1024 * 1024) /* what registries accept */

/* "Z", "+01:00", "-08:30": seconds east of UTC. */
static bool read_zone(const char *s, int64_t *ret)
{
	static const char form[] = "+00:00";

	*ret = 0;
	if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
		return true;
	if (strlen(s) != sizeof(form) - 1 || (s[0] != '+' && s[0] != '-'))
		return false;
	for (size_t i = 1; form[i] != '\0'; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	*ret = ((s[1] - '0') * 10 + s[2] - '0') * 3600 + ((s[4] - '0') * 10 + s[5] - '0') * 60;
	*ret = s[0] == '-' ? -*ret : *ret;
	return true;
}

uint64_t engine_made_at(const char *created)
{
	const size_t n = strlen(created);
	AUTO_FREE char *utc = NULL;
	const char *rest;
	int64_t at, zone;

	if (n <= SECONDS_SIZE)
		return 0;
	utc = engine_text("%.*sZ", (int)SECONDS_SIZE, created);
	rest = created + SECONDS_SIZE;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!ss_date_read(utc, &at) || !read_zone(rest, &zone))
		return 0;
	return at > zone ? (uint64_t)(at - zone) : 0;
}

static int load_spool(int fd, struct ss_buf *b, struct ss_err *err)
{
	uint8_t block[16384];
	uint64_t at = 0;
	size_t n;

	do {
		if (io_pread_full(fd, at, block, sizeof(block), &n, err) < 0)
			return -1;
		ss_buf_put(b, (struct ss_span){ block, n });
		at += n;
	} while (n == sizeof(block) && !b->bad);
	return ss_buf_check(b, "the image's configuration", err);
}

static int made_at(struct engine_job *j, const char *pinned, const char *platform, uint64_t *ret,
		   struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CONFIG_MAX);
	AUTO_CLOSE int spool = -1;
	AUTO_JSON json_t *config = NULL;
	const char *created = NULL;

	if (io_spool_new(&spool, err) < 0 || buildah_config(j, pinned, platform, spool, err) < 0)
		return -1;
	if (load_spool(spool, &b, err) < 0 ||
	    js_read(ss_buf_span(&b), CONFIG_MAX, "configuration", &config, err) < 0 ||
	    js_str(config, "created", false, &created, err) < 0)
		return ss_ctx(err, "'%s'", pinned);
	*ret = created != NULL ? engine_made_at(created) : 0;
	return 0;
}

/* The newest of them, which is a function of the digests alone; 0 = none says. */
static int newest(struct engine_job *j, uint64_t *ret, struct ss_err *err)
{
	*ret = 0;
	for (size_t i = 0; i < j->file.n_uses; i++) {
		const struct df_use *u = &j->file.uses[i];
		AUTO_FREE char *pinned = engine_text("%s@%s", u->repo, j->digests[i]);
		uint64_t made = 0;

		if (is_repeated(j, i))
			continue;
		if (made_at(j, pinned, engine_platform(j, u), &made, err) < 0)
			return ss_ctx(err, "'%s': line %u", j->req->dockerfile, u->line);
		*ret = made > *ret ? made : *ret;
	}
	return 0;
}

int engine_tell_made(struct engine_job *j, struct ss_err *err)
{
	uint64_t made;

	if (j->req->bases_made == NULL)
		return 0;
	if (newest(j, &made, err) < 0)
		return -1;
	return j->req->bases_made(j->req->ctx, made, &j->epoch, err);
}
