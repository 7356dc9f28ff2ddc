/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "cli/cli.h"
#include "cli/out.h"
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
static int load_old(const char *path, struct ss_buf *ret, struct ss_err *err)
{
	struct cfg_policy p = { 0 };

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (io_load_file(path, ret, err) < 0)
		return -1;
	if (cfg_policy_read(ss_buf_span(ret), &p, err) < 0)
		return ss_ctx(err, "'%s'", path);
	cfg_policy_done(&p);
	if (ret->n > 0)
		ss_buf_put(ret, (struct ss_span){ (const uint8_t *)"\n\n",
						  ret->p[ret->n - 1] == '\n' ? 1 : 2 });
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_POLICY_MAX);
	AUTO_POLICY struct cfg_policy whole = { 0 };
	struct eif_measurements m = { 0 };
	struct att_part parts[ATT_PARTS_MAX];
	struct att_release release;
	const struct cfg_policy_entry entry = { o->release, o->note, o->not_before, o->not_after,
						&release };

	if (check_opts(o, err) < 0 || load_old(r->args[0], &b, err) < 0 ||
	    cfg_measurements_load_any(r->args[1], &m, err) < 0 ||
	    cfg_release_of(&m, parts, &release, err) < 0)
		return -1;
	cfg_policy_put(&entry, &b);
	if (ss_buf_check(&b, "policy", err) < 0 ||
	    cfg_policy_read(ss_buf_span(&b), &whole, err) < 0)
		return ss_ctx(err, "'%s' with the new release", r->args[0]);
	if (io_atomic_store(r->args[0], ss_buf_span(&b), err) < 0)
		return -1;
	(void)printf("release %s added; releases: %zu\n", o->release, whole.release_rows.n);
	return 0;
}

const struct cli_cmd cli_policy_add = {
	.name = "policy add",
	.args = "POLICY MEASUREMENTS",
	.summary = "add a release to a policy",
	.about = "Writes the registers and the parts of a build, from its measurements.json, as a "
		 "release that 'selfsame verify --policy' accepts. POLICY is made if it is not "
		 "there; what stands in it already stays as it is. A version that the policy has "
		 "already is refused.",
	.examples = "selfsame policy add accepted.toml measurements.json --release 1.4.2\n"
		    "selfsame policy add accepted.toml old.json --release 1.4 --note first\n",
	.min_args = 2,
	.max_args = 2,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
