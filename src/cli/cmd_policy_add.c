/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/verify_expect.h"
#include "config/policy.h"
#include "io/atomic.h"
#include "io/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct opts {
	const char *release;
	const char *note;
	const char *not_before;
	const char *not_after;
};

static const struct cli_opt opt_table[] = {
	{ .name = "release",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, release),
	  .arg = "VERSION",
	  .help = "the release's version, numbers with dots between; needed" },
	{ .name = "note",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, note),
	  .arg = "TEXT",
	  .help = "a note for people" },
	{ .name = "not-before",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, not_before),
	  .arg = "TIME",
	  .help = "from when on it is accepted, as in 2026-11-21T10:30:00Z" },
	{ .name = "not-after",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, not_after),
	  .arg = "TIME",
	  .help = "until when it is accepted" },
	CLI_OPTS_END,
};

static int check_opts(const struct opts *o, struct ss_err *err)
{
	int64_t from = INT64_MIN, to = INT64_MAX;

	if (o->release == NULL)
		return ss_fail(err, SS_EUSAGE, "policy add needs --release VERSION");
	if (!att_is_version(o->release))
		return ss_fail(err, SS_EUSAGE,
			       "--release must be numbers with dots between, as in 1.4.2");
	if (o->not_before != NULL && !ss_date_read(o->not_before, &from))
		return ss_fail(err, SS_EUSAGE,
			       "--not-before must be a time as in 2026-11-21T10:30:00Z");
	if (o->not_after != NULL && !ss_date_read(o->not_after, &to))
		return ss_fail(err, SS_EUSAGE,
			       "--not-after must be a time as in 2026-11-21T10:30:00Z");
	return to < from ? ss_fail(err, SS_EUSAGE, "--not-after is before --not-before") : 0;
}

/* What is there stays as it is, comments and all: the entry goes behind it. */
static int add_toml(struct ss_span old, const struct att_entry *e, struct ss_buf *ret,
		    struct ss_err *err)
{
	AUTO_POLICY struct cfg_policy p = { 0 };

	if (old.n > 0 && cfg_policy_read(old, &p, err) < 0)
		return -1;
	ss_buf_put(ret, old);
	if (old.n > 0)
		ss_buf_put(ret, (struct ss_span){ (const uint8_t *)"\n\n",
						  old.p[old.n - 1] == '\n' ? 1 : 2 });
	cfg_policy_put(e, ret);
	return 0;
}

/* How many releases it has now. */
static int read_back(struct ss_span in, bool is_json, size_t *ret_n, struct ss_err *err)
{
	AUTO_POLICY struct cfg_policy toml = { 0 };
	AUTO_SSV_POLICY struct ssv_policy *json = NULL;

	if ((is_json ? ssv_policy_read(in, "policy", &json, err)
		     : cfg_policy_read(in, &toml, err)) < 0)
		return -1;
	*ret_n = is_json ? json->set.n : toml.release_rows.n;
	return 0;
}

static int load_old(const char *path, struct ss_buf *ret, struct ss_err *err)
{
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return io_load_file(path, ret, err);
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const char *path = r->args[0];
	const bool is_json = cli_is_json(path);
	AUTO_BUF struct ss_buf old = SS_BUF_INIT(CFG_POLICY_MAX);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_POLICY_MAX);
	struct att_part parts[ATT_PARTS_MAX];
	struct att_release release;
	const struct att_entry entry = { o->release, o->note, o->not_before, o->not_after,
					 &release };
	size_t n = 0;

	if (check_opts(o, err) < 0 || load_old(path, &old, err) < 0)
		return -1;
	if (cli_measurements_load(r->args[1], parts, &release, err) < 0)
		return -1;
	if ((is_json ? ssv_policy_add : add_toml)(ss_buf_span(&old), &entry, &b, err) < 0)
		return ss_ctx(err, "'%s'", path);
	if (ss_buf_check(&b, "policy", err) < 0 || read_back(ss_buf_span(&b), is_json, &n, err) < 0)
		return ss_ctx(err, "'%s' with the new release", path);
	if (io_atomic_store(path, ss_buf_span(&b), err) < 0)
		return -1;
	(void)printf("release %s added; releases: %zu\n", o->release, n);
	return 0;
}

const struct cli_cmd cli_policy_add = {
	.name = "policy add",
	.args = "POLICY MEASUREMENTS",
	.summary = "add a release to a policy",
	.about = "Writes the registers and the parts of a build, from its measurements.json, as a "
		 "release that 'selfsame verify --policy' accepts. POLICY is made if it is not "
		 "there; what stands in it already stays as it is. A version that the policy has "
		 "already is refused. A POLICY whose name ends in .json is JSON, as "
		 "libselfsame-verify takes it; else it is TOML.",
	.examples = "selfsame policy add accepted.toml measurements.json --release 1.4.2\n"
		    "selfsame policy add accepted.toml old.json --release 1.4 --note first\n",
	.min_args = 2,
	.max_args = 2,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
