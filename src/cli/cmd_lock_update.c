/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "cli/beside.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config/enclave_lock.h"
#include "io/atomic.h"
#include "record/rec_diff.h"
#include "record/rec_package.h"
#include "record/rec_renew.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define LOCK "enclave.lock"

static const struct cli_opt opt_table[] = { CLI_OPTS_END };

struct updating {
	const char *pattern; /* NULL = all */
	struct cfg_enclave config;
	size_t matched;
	size_t changed;
	size_t unable;
};

static bool is_wanted(const struct updating *u, const struct cfg_input *in)
{
	struct rec_package p;

	if (u->pattern == NULL || fnmatch(u->pattern, in->url, 0) == 0)
		return true;
	return in->status == 200 && rec_package_of(in->url, &p) &&
	       fnmatch(u->pattern, p.name, 0) == 0;
}

/* What is no longer there cannot be refreshed: a build has to ask for something else. */
static int renew(struct updating *u, struct rec_store *s, struct cfg_input *in, struct ss_err *err)
{
	struct cfg_input now = { 0 };
	enum rec_renewed how;

	u->matched++;
	if (rec_renew(s, &u->config.build.local, in, &how, &now, err) < 0)
		return -1;
	if (how == REC_UNABLE)
		u->unable++;
	if (how != REC_OTHER)
		return 0;
	if (now.status >= 400 && in->status < 400) {
		ss_err_set(err, SS_EREMOTE, "'%s': the server answered with status %u", in->url,
			   (unsigned)now.status);
		cfg_fields_done(cfg_input_fields, &now);
		return -1;
	}
	cfg_fields_done(cfg_input_fields, in);
	*in = now;
	u->changed++;
	return 0;
}

static int renew_all(struct updating *u, struct cfg_list *inputs, struct ss_err *err)
{
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	struct cfg_input *v = inputs->v;

	if (rec_store_open(NULL, REC_SHARED, &s, err) < 0)
		return -1;
	for (size_t i = 0; i < inputs->n; i++)
		if (rec_is_last(inputs, i) && is_wanted(u, &v[i]) && renew(u, &s, &v[i], err) < 0)
			return -1;
	return u->changed > 0 ? rec_store_sync(&s, err) : 0;
}

static int store(const struct cfg_lock *l, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_LOCK_MAX);

	cfg_lock_write(l, &b);
	if (ss_buf_check(&b, LOCK, err) < 0)
		return -1;
	return io_atomic_store(LOCK, ss_buf_span(&b), err);
}

static void each(void *ctx, const struct rec_change *c)
{
	(void)ctx;
	cli_print_str(c->name);
	if (c->package != NULL && c->kind == REC_SWAPPED)
		printf(": other bytes under the same version:");
	printf(" %.12s → %.12s\n", c->before != NULL ? c->before : "none",
	       c->now != NULL ? c->now : "none");
}

static int run(struct cli_run *r, struct ss_err *err)
{
	struct updating u = { .pattern = r->args[0] };
	struct cfg_lock before = { 0 }, now = { 0 };
	int rc = cfg_lock_load(LOCK, &before, err);

	if (rc == 0)
		rc = cli_config_beside(LOCK, &u.config, err);
	if (rc == 0)
		rc = cfg_lock_load(LOCK, &now, err);
	if (rc == 0)
		rc = renew_all(&u, &now.inputs, err);
	if (rc == 0 && u.matched == 0 && u.pattern != NULL)
		rc = ss_fail(err, SS_EUSAGE, "'%s' is no URL and no package of " LOCK, u.pattern);
	if (rc == 0 && u.changed > 0)
		rc = store(&now, err);
	if (rc == 0) {
		rec_diff(&before.inputs, &now.inputs, each, &u);
		printf("%zu of %zu inputs changed", u.changed, u.matched);
		if (u.unable > 0)
			printf("; %zu can only be asked for by a build", u.unable);
		printf("\n");
	}
	cfg_enclave_done(&u.config);
	cfg_lock_done(&before);
	cfg_lock_done(&now);
	return rc;
}

const struct cli_cmd cli_lock_update = {
	.name = "lock update",
	.args = "[PATTERN]",
	.summary = "take what servers have today into the lock",
	.about =
		"Asks the servers again for the inputs in enclave.lock whose URL or package "
		"matches "
		"PATTERN, which may have * and ? (default: all), puts what they answer into the "
		"store "
		"and changes their entries. All of it or nothing: if one server does not answer, "
		"or "
		"has no such file any more, the lock stays as it is. A build that then needs other "
		"files asks for those.",
	.examples = "selfsame lock update\n"
		    "selfsame lock update '*/InRelease'\n",
	.max_args = 1,
	.opts = opt_table,
	.run = run,
};
