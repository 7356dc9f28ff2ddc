/* SPDX-License-Identifier: Apache-2.0 */
#include "config/git.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

int cfg_epoch_check(int64_t v, const char *what, uint32_t *ret, struct ss_err *err)
{
	if (v >= INT64_C(100000000000))
		return ss_fail(err, SS_EINPUT,
			       "%s is %" PRId64 ": that looks like milliseconds; it counts seconds",
			       what, v);
	if (v < 0 || v > UINT32_MAX)
		return ss_fail(err, SS_EINPUT, "%s is %" PRId64 "; it must be 0 to %" PRIu32, what,
			       v, UINT32_MAX);
	*ret = (uint32_t)v;
	return 0;
}

/* Decimal seconds, up to 18 digits. */
static int parse_seconds(const char *text, const char *what, uint32_t *ret, struct ss_err *err)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	const size_t n = strlen(digits);
	int rc;

	if (n == 0 || n > 18 || strspn(digits, "0123456789") != n)
		return ss_fail(err, SS_EUSAGE, "%s is '%.40s'; it must be whole seconds", what,
			       text);
	rc = cfg_epoch_check(strtoll(text, NULL, 10), what, ret, err);
	if (rc < 0)
		err->code = SS_EUSAGE;
	return rc;
}

static int from_commit(const struct cfg_git *git, uint32_t *ret, struct ss_err *err)
{
	switch (git->state) {
	case CFG_GIT_NONE:
		return ss_fail(err, SS_EINPUT,
			       "source date epoch \"commit\": the source is not "
			       "committed to a git work tree");
	case CFG_GIT_SHALLOW:
		return ss_fail(err, SS_EINPUT,
			       "source date epoch \"commit\": the clone is shallow and ends before "
			       "the commit that last changed the source");
	case CFG_GIT_COMMIT:
		break;
	}
	if (git->source.dirty)
		return ss_fail(err, SS_EINPUT,
			       "source date epoch \"commit\": the work tree has changes that are "
			       "not committed");
	return cfg_epoch_check(git->time, "the commit's time", ret, err);
}

int cfg_epoch_choose(const struct cfg_epoch_from *from, uint32_t *ret, struct ss_err *err)
{
	if (from->option != NULL && strcmp(from->option, "commit") == 0)
		return from_commit(from->git, ret, err);
	if (from->option != NULL)
		return parse_seconds(from->option, "--source-date-epoch", ret, err);
	if (from->env != NULL && from->env[0] != '\0')
		return parse_seconds(from->env, "the environment's SOURCE_DATE_EPOCH", ret, err);
	switch (from->config->epoch_kind) {
	case CFG_EPOCH_UNSET:
		*ret = 0;
		return 0;
	case CFG_EPOCH_FIXED:
		*ret = from->config->epoch;
		return 0;
	case CFG_EPOCH_COMMIT:
		break;
	}
	return from_commit(from->git, ret, err);
}
