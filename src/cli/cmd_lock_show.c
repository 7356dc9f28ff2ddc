/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config/enclave_lock.h"
#include "record/rec_package.h"

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

static void print_input(const struct cfg_input *in)
{
	struct rec_package p;

	printf("  %-4s %" PRIu64 " %10" PRIu64 "  %.12s  ", in->method, in->status, in->size,
	       in->sha256 != NULL ? in->sha256 : "-           ");
	if (in->status == 200 && rec_package_of(in->url, &p))
		printf("%s %s  ", p.name, p.version);
	cli_print_str(in->url);
	if (in->turn != 0)
		printf("  from request %" PRIu64 " on", in->turn);
	printf("\n");
}

static void print_steps(const struct cfg_list *steps)
{
	const struct cfg_step *v = steps->v;

	if (steps->n > 0)
		printf("steps  %zu\n", steps->n);
	for (size_t i = 0; i < steps->n; i++) {
		printf("  %4" PRIu64 " %-5s  ", v[i].number, v[i].level);
		cli_print_str(v[i].run);
		printf("\n");
	}
}

static void print_text(const struct cfg_lock *l)
{
	const struct cfg_base *base = l->bases.v;
	const struct cfg_input *in = l->inputs.v;
	uint64_t bytes = 0;

	printf("layout %" PRIu64 " (%s), %s, epoch %" PRIu64 ", written by ", l->layout, l->form,
	       l->arch, l->epoch);
	cli_print_str(l->tool);
	printf("\n");
	if (l->engine != NULL) {
		printf("engine %s ", l->engine);
		cli_print_str(l->engine_version);
		printf("\n");
	}
	if (l->clock != 0) {
		char text[SS_DATE_SIZE];

		ss_date_text((int64_t)l->clock, text);
		printf("clock  %" PRIu64 "  %s\n", l->clock, text);
	}
	for (size_t i = 0; i < l->bases.n; i++) {
		printf("base   ");
		cli_print_str(base[i].name);
		printf("  %s\n", base[i].digest);
	}
	if (l->manifest != NULL)
		printf("image  %s\n", l->manifest);
	printf("kernel %s  %s  ", l->kernel, l->kernel_sha256);
	cli_print_str(l->kernel_standing);
	printf("\n");
	print_steps(&l->steps);
	for (size_t i = 0; i < l->inputs.n; i++)
		bytes += in[i].sha256 != NULL ? in[i].size : 0;
	printf("inputs %zu, %" PRIu64 " bytes\n", l->inputs.n, bytes);
	for (size_t i = 0; i < l->inputs.n; i++)
		print_input(&in[i]);
}

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text != NULL)
		cli_json_text(o, key, (struct ss_span){ (const uint8_t *)text, strlen(text) });
}

static json_t *input_json(const struct cfg_input *in)
{
	json_t *one = json_object();
	struct rec_package p;

	set_text(one, "URL", in->url);
	set_text(one, "Method", in->method);
	set_text(one, "Key", in->key);
	if (in->turn != 0)
		cli_json_set(one, "Turn", json_integer((json_int_t)in->turn));
	cli_json_set(one, "Status", json_integer((json_int_t)in->status));
	set_text(one, "Type", in->type);
	cli_json_set(one, "Size", json_integer((json_int_t)in->size));
	set_text(one, "SHA256", in->sha256);
	if (in->status == 200 && rec_package_of(in->url, &p)) {
		set_text(one, "PackageSystem", p.kind);
		set_text(one, "Package", p.name);
		set_text(one, "PackageVersion", p.version);
	}
	return one;
}

static json_t *steps_json(const struct cfg_list *steps)
{
	const struct cfg_step *v = steps->v;
	json_t *list = json_array();

	for (size_t i = 0; i < steps->n; i++) {
		json_t *one = json_object();

		cli_json_set(one, "Number", json_integer((json_int_t)v[i].number));
		set_text(one, "Level", v[i].level);
		set_text(one, "Run", v[i].run);
		set_text(one, "SHA256", v[i].sha256);
		(void)json_array_append_new(list, one);
	}
	return list;
}

static int print_json(const struct cfg_lock *l, struct ss_err *err)
{
	const struct cfg_base *base = l->bases.v;
	const struct cfg_input *in = l->inputs.v;
	json_t *root = json_object(), *bases = json_array(), *inputs = json_array();
	int rc;

	cli_json_set(root, "Layout", json_integer((json_int_t)l->layout));
	set_text(root, "Form", l->form);
	set_text(root, "Arch", l->arch);
	cli_json_set(root, "SourceDateEpoch", json_integer((json_int_t)l->epoch));
	if (l->clock != 0)
		cli_json_set(root, "Clock", json_integer((json_int_t)l->clock));
	set_text(root, "Tool", l->tool);
	set_text(root, "Engine", l->engine);
	set_text(root, "EngineVersion", l->engine_version);
	set_text(root, "Manifest", l->manifest);
	set_text(root, "Kernel", l->kernel);
	set_text(root, "KernelSHA256", l->kernel_sha256);
	set_text(root, "KernelStanding", l->kernel_standing);
	for (size_t i = 0; i < l->bases.n; i++) {
		json_t *one = json_object();

		set_text(one, "Name", base[i].name);
		set_text(one, "Digest", base[i].digest);
		(void)json_array_append_new(bases, one);
	}
	for (size_t i = 0; i < l->inputs.n; i++)
		(void)json_array_append_new(inputs, input_json(&in[i]));
	cli_json_set(root, "Bases", bases);
	cli_json_set(root, "Inputs", inputs);
	set_text(root, "Level", l->level);
	cli_json_set(root, "Steps", steps_json(&l->steps));
	rc = cli_json_print(root, err);
	json_decref(root);
	return rc;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	struct cfg_lock l;
	int rc = 0;

	if (cfg_lock_load(r->args[0] != NULL ? r->args[0] : "enclave.lock", &l, err) < 0)
		return -1;
	if (o->json)
		rc = print_json(&l, err);
	else
		print_text(&l);
	cfg_lock_done(&l);
	return rc;
}

const struct cli_cmd cli_lock_show = {
	.name = "lock show",
	.args = "[LOCK]",
	.summary = "print what a build was made of",
	.about =
		"Prints LOCK (default: enclave.lock) for people: base images, kernel, and all that "
		"RUN steps fetched, one line each, with the package and its version where the URL "
		"tells them.",
	.examples = "selfsame lock show\n"
		    "selfsame lock show --json release/enclave.lock\n",
	.max_args = 1,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
