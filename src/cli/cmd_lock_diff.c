/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config/enclave_lock.h"
#include "config/git.h"
#include "record/rec_diff.h"
#include "record/rec_package.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOCK "enclave.lock"

struct opts {
	bool json;
};

static const struct cli_opt opt_table[] = {
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

struct listing {
	json_t *list; /* NULL: print lines */
	size_t n;
};

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text != NULL)
		cli_json_text(o, key, (struct ss_span){ (const uint8_t *)text, strlen(text) });
}

/* Hashes are told apart by their beginning, versions by what is new in them. */
static void print_change(const struct rec_change *c)
{
	const bool hashes = c->package == NULL || c->kind == REC_SWAPPED;

	if (c->kind == REC_ADDED || c->kind == REC_REMOVED)
		printf("%c ", c->kind == REC_ADDED ? '+' : '-');
	cli_print_str(c->name);
	if (c->kind == REC_SWAPPED)
		printf(": other bytes under the same version:");
	if (hashes && c->before != NULL && c->now != NULL) {
		printf(" %.12s → %.12s\n", c->before, c->now);
	} else if (hashes) {
		printf("\n");
	} else {
		printf(" ");
		if (c->before != NULL)
			cli_print_str(c->before);
		if (c->before != NULL && c->now != NULL)
			printf(" → %s", rec_version_tail(c->before, c->now));
		else if (c->now != NULL)
			cli_print_str(c->now);
		printf("\n");
	}
}

static void each(void *ctx, const struct rec_change *c)
{
	static const char *const kinds[] = { "added", "removed", "changed", "swapped" };
	struct listing *l = ctx;
	json_t *one;

	l->n++;
	if (l->list == NULL) {
		print_change(c);
		return;
	}
	one = json_object();
	cli_json_set(one, "Change", json_string(kinds[c->kind]));
	set_text(one, "PackageSystem", c->package);
	set_text(one, c->package != NULL ? "Package" : "URL", c->name);
	set_text(one, "Before", c->before);
	set_text(one, "Now", c->now);
	(void)json_array_append_new(l->list, one);
}

/* A value of the lock itself. */
static void compare(struct listing *l, const char *what, const char *before, const char *now)
{
	json_t *one;

	if (before == now || (before != NULL && now != NULL && strcmp(before, now) == 0))
		return;
	l->n++;
	if (l->list == NULL) {
		cli_print_str(what);
		printf(" ");
		cli_print_str(before != NULL ? before : "none");
		printf(" → ");
		cli_print_str(now != NULL ? now : "none");
		printf("\n");
		return;
	}
	one = json_object();
	cli_json_set(one, "Change",
		     json_string(before == NULL ? "added"
				 : now == NULL  ? "removed"
						: "changed"));
	set_text(one, "Value", what);
	set_text(one, "Before", before);
	set_text(one, "Now", now);
	(void)json_array_append_new(l->list, one);
}

/* 0: the lock has none. */
static void compare_clocks(struct listing *l, uint64_t before, uint64_t now)
{
	char x[24], y[24];

	(void)snprintf(x, sizeof(x), "%" PRIu64, before);
	(void)snprintf(y, sizeof(y), "%" PRIu64, now);
	compare(l, "build.clock", before != 0 ? x : NULL, now != 0 ? y : NULL);
}

static void compare_step(struct listing *l, const struct cfg_step *s, const char *before,
			 const char *now)
{
	char what[64 + CFG_STEP_RUN_MAX];

	(void)snprintf(what, sizeof(what), "step %" PRIu64 " (%s)", s->number, s->run);
	compare(l, what, before, now);
}

/* Steps are the same that run the same, whatever stands between them: the first of several first.
 */
static void compare_steps(struct listing *l, const struct cfg_list *before,
			  const struct cfg_list *now)
{
	const struct cfg_step *v = before->v, *w = now->v;
	AUTO_FREE bool *paired = ss_calloc(now->n + 1, sizeof(*paired));

	for (size_t i = 0; i < before->n; i++) {
		size_t k = 0;

		while (k < now->n && (paired[k] || strcmp(v[i].sha256, w[k].sha256) != 0))
			k++;
		if (k == now->n) {
			compare_step(l, &v[i], v[i].level, NULL);
			continue;
		}
		paired[k] = true;
		compare_step(l, &w[k], v[i].level, w[k].level);
	}
	for (size_t k = 0; k < now->n; k++)
		if (!paired[k])
			compare_step(l, &w[k], NULL, w[k].level);
}

static void compare_values(struct listing *l, const struct cfg_lock *a, const struct cfg_lock *b)
{
	const struct cfg_base *v = a->bases.v, *w = b->bases.v;
	char x[24], y[24];

	for (size_t i = 0; i < a->bases.n; i++)
		compare(l, v[i].name, v[i].digest, cfg_lock_base(b, v[i].name));
	for (size_t i = 0; i < b->bases.n; i++)
		if (cfg_lock_base(a, w[i].name) == NULL)
			compare(l, w[i].name, NULL, w[i].digest);
	compare(l, "tool", a->tool, b->tool);
	compare(l, "arch", a->arch, b->arch);
	compare(l, "form", a->form, b->form);
	(void)snprintf(x, sizeof(x), "%" PRIu64, a->epoch);
	(void)snprintf(y, sizeof(y), "%" PRIu64, b->epoch);
	compare(l, "source_date_epoch", x, y);
	compare_clocks(l, a->clock, b->clock);
	compare(l, "image.manifest", a->manifest, b->manifest);
	compare(l, "build.engine", a->engine, b->engine);
	compare(l, "build.engine_version", a->engine_version, b->engine_version);
	compare(l, "build.level", a->level, b->level);
	compare_steps(l, &a->steps, &b->steps);
	compare(l, "build.target", a->target, b->target);
	compare(l, "build.platform", a->platform, b->platform);
	compare(l, "kernel.sha256", a->kernel_sha256, b->kernel_sha256);
	compare(l, "kernel.standing", a->kernel_standing, b->kernel_standing);
	compare(l, "kernel.cmdline", a->cmdline, b->cmdline);
	for (size_t i = 0; i < a->runtime.n; i++)
		compare(l, a->runtime.v[i].key, a->runtime.v[i].value,
			cfg_pairs_get(&b->runtime, a->runtime.v[i].key));
	for (size_t i = 0; i < b->runtime.n; i++)
		if (cfg_pairs_get(&a->runtime, b->runtime.v[i].key) == NULL)
			compare(l, b->runtime.v[i].key, NULL, b->runtime.v[i].value);
}

/* The lock of a commit; one without a lock counts as an error. */
static int load_before(const char *commit, struct cfg_lock *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_LOCK_MAX);
	bool there;

	if (cfg_git_file(".", commit, LOCK, &b, &there, err) < 0)
		return -1;
	if (!there)
		return ss_fail(err, SS_EINPUT, "commit '%s' has no " LOCK " here", commit);
	if (cfg_lock_read(ss_buf_span(&b), ret, err) < 0)
		return ss_ctx(err, "'%s:" LOCK "'", commit);
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	struct listing l = { .list = o->json ? json_array() : NULL };
	struct cfg_lock before = { 0 }, now = { 0 };
	int rc = cfg_lock_load(LOCK, &now, err);

	if (rc == 0)
		rc = load_before(r->args[0] != NULL ? r->args[0] : "HEAD", &before, err);
	if (rc == 0) {
		compare_values(&l, &before, &now);
		rec_diff(&before.inputs, &now.inputs, each, &l);
		r->status = l.n > 0 ? 1 : 0;
	}
	if (rc == 0 && o->json)
		rc = cli_json_print(l.list, err);
	else if (rc == 0 && l.n == 0)
		printf("same\n");
	json_decref(l.list);
	cfg_lock_done(&before);
	cfg_lock_done(&now);
	return rc;
}

const struct cli_cmd cli_lock_diff = {
	.name = "lock diff",
	.args = "[COMMIT]",
	.summary = "say what changed in the lock since a commit",
	.about =
		"Compares enclave.lock in this folder with that of COMMIT (default: HEAD), for a "
		"review: base images, kernel, packages by name and version, other inputs by URL. A "
		"package that has other bytes under the same version is said so.",
	.examples = "selfsame lock diff\n"
		    "selfsame lock diff v1.4\n",
	.no = "something changed",
	.max_args = 1,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
