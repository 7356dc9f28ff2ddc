/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config/git.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct opts {
	bool json;
};

static const struct cli_opt opt_table[] = {
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

struct listing {
	json_t *list; /* NULL: print lines */
	size_t n, n_bad;
};

static void print_record(const struct cfg_record *r)
{
	char hex[2 * CRYPTO_SHA384_SIZE + 1];

	printf("commit  %s  ", r->commit);
	cli_print_str(r->subject);
	if (r->removed) {
		printf("\n  measurements.json was removed\n");
		return;
	}
	if (r->bad.code != SS_OK) {
		printf("\n  measurements.json cannot be read: ");
		cli_print_str(r->bad.msg);
		printf("\n");
		return;
	}
	printf("\n  source %s%s\n", r->m.source.commit[0] != '\0' ? r->m.source.commit : "unknown",
	       r->m.source.dirty ? ", with changes that were not committed" : "");
	ss_hex((struct ss_span){ r->m.m.pcr0, CRYPTO_SHA384_SIZE }, hex);
	printf("  PCR0   %s\n", hex);
	ss_hex((struct ss_span){ r->m.m.pcr1, CRYPTO_SHA384_SIZE }, hex);
	printf("  PCR1   %s\n", hex);
	ss_hex((struct ss_span){ r->m.m.pcr2, CRYPTO_SHA384_SIZE }, hex);
	printf("  PCR2   %s\n", hex);
}

static void add_record(json_t *list, const struct cfg_record *r)
{
	json_t *one = json_object();

	cli_json_set(one, "Commit", json_string(r->commit));
	cli_json_set(one, "Time", json_integer(r->time));
	cli_json_text(one, "Subject",
		      (struct ss_span){ (const uint8_t *)r->subject, strlen(r->subject) });
	if (r->removed) {
		cli_json_set(one, "Removed", json_true());
	} else if (r->bad.code != SS_OK) {
		cli_json_text(one, "Unreadable",
			      (struct ss_span){ (const uint8_t *)r->bad.msg, strlen(r->bad.msg) });
	} else {
		json_t *source = json_object();

		cli_json_set(source, "Commit",
			     r->m.source.commit[0] != '\0' ? json_string(r->m.source.commit)
							   : json_null());
		cli_json_set(source, "Dirty", json_boolean(r->m.source.dirty));
		cli_json_set(one, "Source", source);
		cli_json_set(one, "Measurements", cfg_registers_json(&r->m.m));
	}
	if (json_array_append_new(list, one) != 0)
		abort();
}

static int each(void *ctx, const struct cfg_record *r, struct ss_err *err)
{
	struct listing *l = ctx;

	(void)err;
	if (l->list != NULL)
		add_record(l->list, r);
	else
		print_record(r);
	l->n++;
	l->n_bad += r->bad.code != SS_OK;
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	struct listing l = { .list = o->json ? json_array() : NULL };
	int rc = cfg_history(r->args[0] != NULL ? r->args[0] : ".", each, &l, err);

	if (rc == 0 && o->json)
		rc = cli_json_print(l.list, err);
	json_decref(l.list);
	if (rc == 0 && l.n == 0 && !o->json)
		printf("no commit has a measurements.json here\n");
	if (rc == 0 && l.n_bad > 0)
		return ss_fail(err, SS_EINPUT, "%zu of %zu records cannot be read", l.n_bad, l.n);
	return rc;
}

const struct cli_cmd cli_history = {
	.name = "history",
	.args = "[DIR]",
	.summary = "list the measurements that were recorded, by commit",
	.about = "Lists each commit that changed measurements.json in DIR (default: this folder), "
		 "newest first: the commit, the source that was measured, and PCR0, PCR1, PCR2. A "
		 "file that cannot be read is said so in its place, and the exit status is 3.",
	.examples = "selfsame history\n"
		    "selfsame history --json examples/hello\n",
	.max_args = 1,
	.value = CLI_DIR,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
