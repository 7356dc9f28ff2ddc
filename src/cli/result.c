/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/result.h"

#include "base/hex.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/diff_show.h"
#include "cli/out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define STEP_FILES 3u /* named of one step */

/* Rounded up: what `--memory` would have to be. */
static uint64_t mib(uint64_t bytes)
{
	return (bytes + MIB - 1) / MIB;
}

static void print_pcr(const char *name, const uint8_t pcr[CRYPTO_SHA384_SIZE])
{
	char hex[2 * CRYPTO_SHA384_SIZE + 1];

	ss_hex((struct ss_span){ pcr, CRYPTO_SHA384_SIZE }, hex);
	printf("%s    %s\n", name, hex);
}

static void print_privileged(const struct project_result *r)
{
	if (r->n_privileged == 0)
		return;
	printf("no new privileges: these files run without their setuid bits and capabilities\n");
	for (size_t i = 0; i < r->n_privileged; i++) {
		printf("  /");
		cli_print_str(r->privileged[i]);
		(void)putchar('\n');
	}
}

static void print_lost(const struct project_result *r)
{
	if (r->lost.n == 0)
		return;
	printf("LOST: buildah removed what the image had where a RUN --mount lay\n");
	for (size_t i = 0; i < r->lost.n; i++) {
		printf("  ");
		cli_print_str(r->lost.v[i]);
		(void)putchar('\n');
	}
}

static void print_normalised(const struct project_result *r)
{
	for (size_t i = 0; i < TREE_NORMALISERS; i++)
		if (r->normalised[i].changed > 0)
			printf("normalised %s: %" PRIu32 "\n", tree_normalisers[i].name,
			       r->normalised[i].changed);
	for (size_t i = 0; i < TREE_NORMALISERS; i++)
		if (r->normalised[i].kept > 0)
			printf("left alone by %s: %" PRIu32
			       " (signed, listed with digests, or of another form)\n",
			       tree_normalisers[i].name, r->normalised[i].kept);
	if (r->xattrs_dropped > 0)
		printf("extended attributes left out: %" PRIu64 "\n", r->xattrs_dropped);
}

static double in_mib(uint64_t bytes)
{
	return (double)bytes / (double)MIB;
}

static void print_levels(const struct cfg_list *steps)
{
	const struct cfg_step *v = steps->v;
	size_t light = 0;

	for (size_t i = 0; i < steps->n; i++)
		light += strcmp(v[i].level, "light") == 0;
	if (steps->n > 0)
		printf("steps   %zu: %zu light, %zu full\n", steps->n, light, steps->n - light);
}

/* What the steps fetched, and what of it a rebuild gets again. */
static void print_inputs(const struct project_result *r)
{
	const struct project_fetched *f = &r->fetched;

	if (r->lock.hermetic == NULL)
		return;
	if (strcmp(r->lock.hermetic, "full") != 0) {
		printf("not hermetic: what RUN steps saw and fetched %s pinned by nothing\n",
		       strcmp(r->lock.hermetic, "engine") == 0 ? "in BuildKit's daemon is" : "is");
		return;
	}
	print_levels(&r->lock.steps);
	printf("fetched %" PRIu64 " requests, %.1f MiB, %" PRIu64 " cached\n", f->requests,
	       in_mib(f->bytes), f->cached);
	if (f->failed > 0)
		printf("not pinned: %" PRIu64 " requests that failed\n", f->failed);
	for (size_t i = 0; i < r->plan.config.build.unrecorded.n; i++)
		printf("not pinned: what came from %s, which is passed on unrecorded\n",
		       r->plan.config.build.unrecorded.v[i]);
	for (size_t i = 0; i < r->plan.config.build.local.n; i++)
		printf("local   steps may ask %s, also where that is this machine\n",
		       r->plan.config.build.local.v[i]);
	if (r->plan.has_config)
		printf("pinned  %zu base%s, %zu input%s\n", r->lock.bases.n,
		       r->lock.bases.n == 1 ? "" : "s", r->lock.inputs.n,
		       r->lock.inputs.n == 1 ? "" : "s");
	else
		printf("not pinned: without an enclave.toml there is no lock\n");
}

static void print_kernel(const struct project_runtime *r)
{
	if (strcmp(r->standing, "known") != 0)
		printf("kernel  %s: nothing can be concluded from its PCR1\n", r->standing);
	else if (strcmp(r->kernel_kind, "local") == 0)
		printf("kernel  known, profile local: for tests under QEMU, not for Nitro\n");
	else
		printf("kernel  known\n");
}

static void print_text(const struct project_result *r)
{
	const struct eif_measurements *m = &r->image.m;
	char hex[2 * CRYPTO_SHA256_SIZE + 1];

	print_lost(r);
	print_inputs(r);
	print_normalised(r);
	print_privileged(r);
	ss_hex((struct ss_span){ m->file_sha256, sizeof(m->file_sha256) }, hex);
	printf("EIF     ");
	cli_print_str(r->plan.output);
	printf("\nsize    %" PRIu64 " bytes, %" PRIu32 " entries\nsha256  %s\n", m->file_size,
	       r->image.entries, hex);
	print_pcr("PCR0", m->pcr0);
	print_pcr("PCR1", m->pcr1);
	print_pcr("PCR2", m->pcr2);
	if (m->has_pcr8)
		print_pcr("PCR8", m->pcr8);
	if (r->image.memory_need > 0)
		printf("memory  %" PRIu64 " MiB at least\n", mib(r->image.memory_need));
	if (r->plan.layout == IMAGE_SELFSAME)
		print_kernel(&r->runtime);
}

static json_t *names_json(const struct project_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_privileged; i++) {
		json_t *one = json_object();

		cli_json_text(one, "Path", ss_text(r->privileged[i]));
		if (json_array_append_new(list, one) != 0)
			abort();
	}
	return list;
}

static json_t *lost_json(const struct project_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->lost.n; i++) {
		json_t *one = json_object();

		cli_json_text(one, "Where", ss_text(r->lost.v[i]));
		if (json_array_append_new(list, one) != 0)
			abort();
	}
	return list;
}

static json_t *fetched_json(const struct project_result *r)
{
	const struct project_fetched *f = &r->fetched;
	json_t *o = json_object();

	cli_json_set(o, "Requests", json_integer((json_int_t)f->requests));
	cli_json_set(o, "Bytes", json_integer((json_int_t)f->bytes));
	cli_json_set(o, "Cached", json_integer((json_int_t)f->cached));
	cli_json_set(o, "Failed", json_integer((json_int_t)f->failed));
	cli_json_set(o, "Inputs", json_integer((json_int_t)r->lock.inputs.n));
	return o;
}

static json_t *steps_json(const struct cfg_list *steps)
{
	const struct cfg_step *v = steps->v;
	json_t *list = json_array();

	for (size_t i = 0; i < steps->n; i++) {
		json_t *one = json_object();

		cli_json_set(one, "Number", json_integer((json_int_t)v[i].number));
		cli_json_set(one, "Level", json_string(v[i].level));
		cli_json_text(one, "Run", ss_text(v[i].run));
		if (json_array_append_new(list, one) != 0)
			abort();
	}
	return list;
}

static json_t *normalised_json(const struct project_result *r, bool kept)
{
	json_t *o = json_object();

	for (size_t i = 0; i < TREE_NORMALISERS; i++) {
		const struct tree_normalised *n = &r->normalised[i];

		if ((kept ? n->kept : n->changed) > 0)
			cli_json_set(o, tree_normalisers[i].name,
				     json_integer(kept ? n->kept : n->changed));
	}
	return o;
}

static bool is_same_file(const struct ex_diff *a, const struct ex_diff *b)
{
	return ss_same(a->path, b->path);
}

/* The files of one step, each once, the first of them by name. */
static void print_step(const struct doc_twice *t, uint64_t step, const char *run)
{
	const struct ex_diff *last = NULL;
	size_t files = 0;

	for (size_t i = 0; i < t->diff.n; i++) {
		const struct ex_diff *d = &t->diff.diffs[i];

		if (t->steps[i] != step || (last != NULL && is_same_file(last, d)))
			continue;
		last = d;
		if (files++ == 0) {
			printf("  step %" PRIu64 " (", step);
			cli_print_str(run);
			printf("):");
		}
		if (files <= STEP_FILES) {
			printf(" ");
			cli_print_text(d->path);
		}
	}
	if (files > STEP_FILES)
		printf(" and %zu more", files - STEP_FILES);
	if (files > 0)
		printf("\n");
}

/* Who wrote what differs: of what is named nowhere here, COPY, ADD or a base image. */
static void print_steps(const struct doc_twice *t, const struct cfg_list *steps)
{
	const struct cfg_step *v = steps->v;
	bool any = false;

	for (size_t i = 0; i < t->diff.n; i++)
		any = any || t->steps[i] != 0;
	if (any)
		printf("\nwritten last by\n");
	for (size_t i = 0; any && i < steps->n; i++)
		print_step(t, v[i].number, v[i].run);
}

static void print_twice(const struct doc_twice *t, const struct cfg_list *steps)
{
	if (t == NULL)
		return;
	if (t->same) {
		printf("second run: the same\n");
		return;
	}
	printf("\nthe second run differs: ");
	cli_diff_text(&t->diff, false);
	print_steps(t, steps);
}

/* One entry a file. */
static json_t *twice_steps_json(const struct doc_twice *t)
{
	json_t *list = json_array();
	const struct ex_diff *last = NULL;

	for (size_t i = 0; i < t->diff.n; i++) {
		const struct ex_diff *d = &t->diff.diffs[i];
		json_t *one;

		if (t->steps[i] == 0 || (last != NULL && is_same_file(last, d)))
			continue;
		last = d;
		one = json_object();
		cli_json_set(one, "Step", json_integer((json_int_t)t->steps[i]));
		cli_json_text(one, "Path", d->path);
		if (json_array_append_new(list, one) != 0)
			abort();
	}
	return list;
}

static json_t *twice_json(const struct doc_twice *t)
{
	json_t *o = json_object();

	cli_json_set(o, "Same", json_boolean(t->same));
	if (!t->same)
		cli_json_set(o, "Diff", cli_diff_json(&t->diff));
	if (!t->same)
		cli_json_set(o, "WrittenBy", twice_steps_json(t));
	return o;
}

int cli_print_result(const struct project_result *r, const struct doc_twice *twice, bool json,
		     struct ss_err *err)
{
	const struct eif_measurements *m = &r->image.m;
	char hex[2 * CRYPTO_SHA256_SIZE + 1];
	json_t *doc;
	int rc;

	if (!json) {
		print_text(r);
		print_twice(twice, &r->lock.steps);
		return 0;
	}
	doc = json_object();
	ss_hex((struct ss_span){ m->file_sha256, sizeof(m->file_sha256) }, hex);
	cli_json_set(doc, "Measurements", cfg_registers_json(m));
	cli_json_text(doc, "EifPath", ss_text(r->plan.output));
	cli_json_set(doc, "EifSha256", json_string(hex));
	cli_json_set(doc, "EifSize", json_integer((json_int_t)m->file_size));
	cli_json_set(doc, "Entries", json_integer(r->image.entries));
	if (r->image.memory_need > 0)
		cli_json_set(doc, "MemoryMiB", json_integer((json_int_t)mib(r->image.memory_need)));
	if (r->plan.layout == IMAGE_SELFSAME)
		cli_json_set(doc, "Kernel", json_string(r->runtime.standing));
	if (r->lost.n > 0)
		cli_json_set(doc, "LostByMounts", lost_json(r));
	if (r->lock.hermetic != NULL)
		cli_json_set(doc, "Hermetic", json_string(r->lock.hermetic));
	if (r->lock.seed != NULL)
		cli_json_set(doc, "Fetched", fetched_json(r));
	if (r->lock.seed != NULL)
		cli_json_set(doc, "Steps", steps_json(&r->lock.steps));
	cli_json_set(doc, "WithoutPrivileges", names_json(r));
	cli_json_set(doc, "Normalised", normalised_json(r, false));
	cli_json_set(doc, "NotNormalised", normalised_json(r, true));
	cli_json_set(doc, "XattrsDropped", json_integer((json_int_t)r->xattrs_dropped));
	if (twice != NULL)
		cli_json_set(doc, "SecondRun", twice_json(twice));
	rc = cli_json_print(doc, err);
	json_decref(doc);
	return rc;
}
