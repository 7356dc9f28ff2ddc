/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "base/text.h"
#include "engine/engine.h"
#include "hermetic/view.h"
#include "io/lock.h"
#include "project/paths.h"
#include "project/project.h"
#include "project/steps.h"

#include <stdio.h>
#include <string.h>

#define NITRO_BLOBS "/usr/share/nitro_enclaves/blobs"
#define DEFAULT_MEM ((uint64_t)1 << 30) /* nitro-cli's; unmeasured, a hint */
#define DEFAULT_CPUS 2u
#define MAX_PRIVILEGED 4096u /* listed by name; all are counted */

struct build {
	const struct project_options *o;
	struct project_result r;
	struct project_steps *steps; /* NULL: not hermetic */
	struct engine_result engine;
	struct tree *tree;
	struct oci_image image;
	struct project_app app;
	struct eif_seal seal;
	bool is_signed;
};

static void build_done(struct build *b)
{
	engine_result_done(&b->engine);
	project_steps_free(b->steps);
	tree_free(b->tree);
	oci_image_done(&b->image);
	project_app_done(&b->app);
	eif_seal_done(&b->seal);
	project_result_done(&b->r);
}

/* Before the engine is asked for anything: it has to know what its steps see. */
static int open_steps(struct build *b, struct ss_err *err)
{
	const struct project_plan *p = &b->r.plan;
	const bool recorded = p->source == NULL && b->o->view != NULL && b->o->recorded;

	return p->hermetic || recorded ? project_steps_open(p, b->o, &b->steps, err) : 0;
}

static int finish_steps(struct build *b, struct ss_err *err)
{
	if (b->steps == NULL)
		return 0;
	if (b->engine.viewed)
		return project_steps_finish(b->steps, &b->r, err);
	project_steps_free(b->steps);
	b->steps = NULL;
	return 0;
}

/* A Dockerfile becomes an image by an engine; any other source is one already. */
static int run_engine(struct build *b, struct ss_err *err)
{
	const struct project_plan *p = &b->r.plan;
	const struct cfg_build *c = &p->config.build;
	AUTO_FREE char *measurements = project_path_join(p->records, "measurements.json");
	AUTO_FREE char *lock = project_path_join(p->records, "enclave.lock");
	const char *const outputs[] = { p->output, p->eif, p->scratch, measurements, lock, NULL };
	const struct engine_request req = {
		.engine = c->engine != NULL ? c->engine : "auto",
		.dockerfile = p->dockerfile,
		.context = p->context,
		.arch = p->arch,
		.epoch = b->steps != NULL ? project_steps_clock(b->steps) : p->epoch,
		.target = c->target,
		.platform = c->platform,
		.args = &c->args,
		.secrets = &c->secrets,
		.outputs = outputs,
		.keep_modes = c->keep_modes,
		.locked = p->has_lock && !b->o->update ? &p->locked : NULL,
		.locked_only = p->is_rebuild,
		.view = b->steps != NULL ? project_steps_view(b->steps) : b->o->view,
		.bases_made = b->steps != NULL && project_steps_wait(b->steps) ? project_steps_made
									       : NULL,
		.ctx = b->steps,
		.view_or_none = p->hermetic && !p->hermetic_must,
		.net = project_steps_net(b->steps),
		.work = b->o->work,
		.progress = b->o->progress,
	};

	if (p->source != NULL)
		return 0;
	if (engine_build(&req, &b->engine, err) < 0) {
		if (b->steps != NULL)
			project_steps_explain(b->steps, err);
		return -1;
	}
	if (finish_steps(b, err) < 0)
		return -1;
	b->r.lost = b->engine.lost;
	b->engine.lost = (struct cfg_texts){ 0 };
	return 0;
}

static int check_arch(const struct build *b, struct ss_err *err)
{
	const char *want = strcmp(b->r.plan.arch, "aarch64") == 0 ? "arm64" : "amd64";

	if (b->image.arch == NULL || strcmp(b->image.arch, want) == 0)
		return 0;
	(void)ss_fail(err, SS_EINPUT, "the image is for %s, the enclave for %s (%s)",
		      SS_SHOW(ss_text(b->image.arch)), b->r.plan.arch, want);
	err->hint = "--arch, or  arch = …  in enclave.toml, names the enclave's architecture";
	return -1;
}

static int load_image(struct build *b, struct ss_err *err)
{
	const struct project_plan *p = &b->r.plan;
	const struct oci_request req = {
		.source = p->source != NULL ? p->source : b->engine.source,
		.arch = p->arch,
		.limits = b->o->limits,
		/* What nitro-cli makes of them depends on Docker's storage driver. */
		.refuse_links = p->layout == IMAGE_NITRO_CLI,
		.progress = b->o->progress,
	};

	if (oci_load(&req, &b->tree, &b->image, err) < 0)
		return -1;
	return check_arch(b, err);
}

/* The time that steps were told in place of every later one; 0 = they saw the true ones. */
static uint32_t told_clock(const struct build *b)
{
	const struct hm_view *v = b->steps != NULL ? project_steps_view(b->steps) : b->o->view;

	return v != NULL && v->stat.set ? (uint32_t)v->clock_frozen.v : 0; /* as hm_view_check() */
}

/* The nitro-cli layout changes nothing: its point is to be what nitro-cli makes. */
static int normalise(struct build *b, struct ss_err *err)
{
	const struct tree_normalise_opts opts = { .off = b->r.plan.normalise_off,
						  .epoch = b->r.plan.epoch,
						  .clock = told_clock(b) };

	if (b->r.plan.layout == IMAGE_SELFSAME &&
	    tree_normalise(b->tree, &opts, b->r.normalised, err) < 0)
		return -1;
	b->r.xattrs_dropped = tree_xattrs_dropped(b->tree);
	tree_sort(b->tree);
	return b->steps != NULL ? project_steps_clean(b->steps, b->tree, err) : 0;
}

/* What no_new_privs takes away inside, by path, so that nobody is surprised. */
static void list_privileged(struct build *b)
{
	struct project_result *r = &b->r;
	struct tree_walk w;
	tree_id id;

	if (r->plan.layout != IMAGE_SELFSAME || r->plan.config.app.new_privileges)
		return;
	tree_walk_init(&w, b->tree);
	while ((id = tree_walk_next(&w)) != TREE_NONE && r->n_privileged < MAX_PRIVILEGED) {
		if (image_privileges(b->tree, id) == 0)
			continue;
		r->privileged =
			ss_reallocarray(r->privileged, r->n_privileged + 1, sizeof(*r->privileged));
		r->privileged[r->n_privileged] = ss_calloc(w.path_n + 1, 1);
		memcpy(r->privileged[r->n_privileged++], w.path, w.path_n);
	}
}

/* Keys are looked at before the long work: an expired certificate should not cost an hour. */
static int load_seal(struct build *b, struct ss_err *err)
{
	const struct project_plan *p = &b->r.plan;
	const struct project_options *o = b->o;
	AUTO_FREE char *certificate = NULL;
	AUTO_FREE char *key = NULL;

	if (o->signature_from != NULL) {
		b->is_signed = true;
		return eif_seal_load_eif(o->signature_from, &b->seal, err);
	}
	/* A rebuilder has no key; measurements.json of a signed file are compared without it. */
	if (p->is_rebuild || (o->certificate == NULL && p->config.certificate == NULL))
		return 0;
	certificate = o->certificate != NULL ? ss_copy(o->certificate)
					     : project_path_join(p->dir, p->config.certificate);
	key = o->key != NULL ? ss_copy(o->key) : project_path_join(p->dir, p->config.key);
	b->is_signed = true;
	return eif_seal_load_key(certificate, key, o->now, &b->seal, err);
}

static int write_eif(struct build *b, struct ss_err *err)
{
	const struct project_plan *p = &b->r.plan;
	const struct image_request req = {
		.layout = p->layout,
		.arch = p->arch,
		.epoch = p->epoch,
		.name = p->name,
		.version = p->version,
		.default_mem = p->config.memory_mib != 0 ? p->config.memory_mib << 20 : DEFAULT_MEM,
		.default_cpus = p->config.cpus != 0 ? p->config.cpus : DEFAULT_CPUS,
		.extra_cmdline = p->is_rebuild ? p->locked.cmdline : b->o->cmdline,
		.runtime = { b->r.runtime.kernel, b->r.runtime.init, b->r.runtime.dataplane,
			     b->r.runtime.keyplane, b->r.runtime.cmdline },
		.config = b->app.config,
		.blobs = b->o->blobs != NULL ? b->o->blobs : NITRO_BLOBS,
		.cmd_file = ss_buf_span(&b->app.cmd_file),
		.env_file = ss_buf_span(&b->app.env_file),
		.want_sha256 = true,
		.seal = b->is_signed ? &b->seal : NULL,
		.output = p->output,
		.discard = p->is_rebuild && b->o->output == NULL,
		.progress = b->o->progress,
	};

	return image_build(b->tree, &req, &b->r.image, err);
}

static void note_normalisers(struct build *b)
{
	struct cfg_lock *l = &b->r.lock;

	for (uint32_t i = 0; b->r.plan.layout == IMAGE_SELFSAME && i < TREE_NORMALISERS; i++)
		if ((b->r.plan.normalise_off & 1u << i) == 0)
			cfg_texts_push(&l->normalisers, tree_normalisers[i].name);
	cfg_texts_sort(&l->normalisers);
}

/* Everything that a rebuild needs to know. */
static void fill_lock(struct build *b)
{
	const struct project_plan *p = &b->r.plan;
	struct cfg_lock *l = &b->r.lock;

	l->schema = CFG_LOCK_SCHEMA;
	l->layout = IMAGE_LAYOUT;
	l->epoch = p->epoch;
	cfg_text_set(&l->form, p->layout == IMAGE_SELFSAME ? "selfsame" : "nitro-cli");
	cfg_text_set(&l->tool, PROJECT_RELEASE);
	cfg_text_set(&l->arch, p->arch);
	cfg_text_set(&l->name, p->name);
	cfg_text_set(&l->version, p->version);
	note_normalisers(b);
	project_lock_image(l, p, &b->image);
	project_lock_runtime(l, p, &b->r.runtime, &b->r.image, b->o->cmdline);
	if (b->engine.source == NULL)
		return;
	cfg_text_set(&l->engine, b->engine.engine);
	cfg_text_set(&l->engine_version, b->engine.version);
	if (b->steps == NULL)
		cfg_text_set(&l->hermetic, p->hermetic ? "engine" : "no");
	for (size_t i = 0; i < b->engine.bases.n; i++) {
		const struct cfg_base *base = (const struct cfg_base *)b->engine.bases.v + i;

		cfg_lock_base_set(l, base->name, base->digest);
	}
}

/* One build at a time writes the outputs of one project, so that they belong together. */
static int write_all(struct build *b, struct ss_err *err)
{
	AUTO_CLOSE int lock = -1;

	if (io_lock_dir(b->r.plan.records, &lock, err) < 0 || write_eif(b, err) < 0)
		return -1;
	fill_lock(b);
	return b->r.plan.is_rebuild || b->o->trial ? 0 : project_record(&b->r, err);
}

int project_make(const struct project_options *o, bool is_rebuild, struct project_result *ret,
		 struct ss_err *err)
{
	SS_CLEANUP(build_done) struct build b = { .o = o, .engine.lock_fd = -1 };

	if (project_plan_make(o, is_rebuild, &b.r.plan, err) < 0)
		return -1;
	if (b.r.plan.layout == IMAGE_SELFSAME &&
	    project_runtime_find(&b.r.plan, o, &b.r.runtime, err) < 0)
		return -1;
	if (load_seal(&b, err) < 0 || open_steps(&b, err) < 0 || run_engine(&b, err) < 0 ||
	    load_image(&b, err) < 0 || normalise(&b, err) < 0 ||
	    project_app_make(&b.r.plan, &b.image, b.tree, &b.app, err) < 0)
		return -1;
	list_privileged(&b);
	if (write_all(&b, err) < 0)
		return -1;
	*ret = b.r;
	b.r = (struct project_result){ 0 };
	return 0;
}

int project_build(const struct project_options *o, struct project_result *ret, struct ss_err *err)
{
	return project_make(o, false, ret, err);
}

void project_result_done(struct project_result *r)
{
	for (size_t i = 0; i < r->n_privileged; i++)
		free(r->privileged[i]);
	free(r->privileged);
	cfg_texts_done(&r->lost);
	project_written_done(&r->written);
	cfg_lock_done(&r->lock);
	project_runtime_done(&r->runtime);
	project_plan_done(&r->plan);
}
