/* SPDX-License-Identifier: Apache-2.0 */
#include "base/near.h"
#include "base/show.h"
#include "base/text.h"
#include "engine/engine.h"
#include "fmt/json.h"
#include "project/paths.h"
#include "project/project.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_NAME "selfsame"
#define DEFAULT_ARCH "x86_64" /* never this machine's: the same inputs give the same bytes */

static const char *first(const char *a, const char *b, const char *c)
{
	return a != NULL ? a : b != NULL ? b : c;
}

/* --- the folder and its files ---------------------------------------------------------------- */

static int find_dir(const struct project_options *o, struct project_plan *p, struct ss_err *err)
{
	const bool is_image = o->source != NULL && oci_is_source(o->source);
	const char *dir = o->source == NULL || is_image ? "." : o->source;
	struct stat st = { 0 };

	if (stat(dir, &st) < 0)
		return ss_fail_sys(err, "cannot build '%s'", SS_SHOW(ss_text(dir)));
	if (!S_ISDIR(st.st_mode)) {
		(void)ss_fail(err, SS_EUSAGE, "'%s' is neither a folder nor an image source",
			      SS_SHOW(ss_text(dir)));
		err->hint = "images are named as oci:DIR, oci-archive:FILE, docker-archive:FILE, "
			    "dir:DIR, docker-daemon:REF, containers-storage:REF, rootfs:DIR, "
			    "rootfs-tar:FILE";
		return -1;
	}
	p->dir = ss_copy(dir);
	return 0;
}

static int load_config(const struct project_options *o, struct project_plan *p, struct ss_err *err)
{
	AUTO_FREE char *toml = project_path_join(p->dir, "enclave.toml");
	AUTO_FREE char *lock = project_path_join(p->dir, "enclave.lock");

	(void)o;
	p->has_config = access(toml, F_OK) == 0;
	if (!p->has_config) {
		cfg_enclave_init(&p->config);
		if (!p->is_rebuild)
			return 0;
		(void)ss_fail(err, SS_EUSAGE, "there is no enclave.toml in '%s'",
			      SS_SHOW(ss_text(p->dir)));
		err->hint = "'selfsame init' writes one; 'selfsame build' then keeps the lock that "
			    "a rebuild goes by";
		return -1;
	}
	if (cfg_enclave_load(toml, &p->config, err) < 0)
		return -1;
	p->has_lock = access(lock, F_OK) == 0;
	if (p->has_lock)
		return cfg_lock_load(lock, &p->locked, err);
	if (!p->is_rebuild)
		return 0;
	(void)ss_fail(err, SS_EUSAGE, "there is no enclave.lock in '%s'", SS_SHOW(ss_text(p->dir)));
	err->hint = "'selfsame build' writes it";
	return -1;
}

/* What is built: the source of the command line, else the file's image, else its Dockerfile. */
static int find_source(const struct project_options *o, struct project_plan *p, struct ss_err *err)
{
	const char *dockerfile = p->is_rebuild && p->locked.dockerfile != NULL
					 ? p->locked.dockerfile
					 : p->config.dockerfile;

	if (o->source != NULL && oci_is_source(o->source)) {
		p->source = ss_copy(o->source);
		return 0;
	}
	if (p->config.image != NULL && o->dockerfile == NULL &&
	    dockerfile == p->config.dockerfile) {
		if (!oci_is_source(p->config.image))
			return ss_fail(err, SS_EINPUT,
				       "enclave.toml: image = '%s' is not an image source",
				       SS_SHOW(ss_text(p->config.image)));
		p->source = project_source_below(p->dir, p->config.image);
		return 0;
	}
	p->dockerfile = o->dockerfile != NULL
				? ss_copy(o->dockerfile)
				: project_path_join(p->dir, first(dockerfile, "Dockerfile", NULL));
	if (o->dockerfile != NULL || dockerfile != p->config.dockerfile)
		p->elsewhere = project_path_relative(p->dir, p->dockerfile);
	p->context = project_path_join(p->dir, first(p->config.context, ".", NULL));
	if (access(p->dockerfile, R_OK) == 0)
		return 0;
	if (errno != ENOENT)
		return ss_fail_sys(err, "cannot read '%s'", SS_SHOW(ss_text(p->dockerfile)));
	(void)ss_fail(err, SS_EUSAGE, "there is no '%s'", SS_SHOW(ss_text(p->dockerfile)));
	err->hint = "name a folder with a Dockerfile, or an image source such as oci:DIR";
	return -1;
}

/* What was built from a Dockerfile is built from one again, and an image is taken again. */
static int check_kind(const struct project_plan *p, struct ss_err *err)
{
	const bool was_built = p->locked.engine != NULL;

	if (!p->is_rebuild || was_built == (p->source == NULL))
		return 0;
	(void)ss_fail(err, SS_EINPUT, "the lock is of %s, but enclave.toml names %s",
		      was_built ? "a Dockerfile's build" : "an image that was taken",
		      was_built ? "an image" : "a Dockerfile");
	err->hint = "'selfsame build' without a SOURCE builds what enclave.toml names and writes "
		    "the lock anew";
	return -1;
}

static char *below(const char *dir, const char *name)
{
	return name != NULL ? project_path_join(dir, name) : NULL;
}

static bool is_in_root(const struct project_plan *p, const char *file)
{
	const bool is_root = p->source != NULL && strncmp(p->source, "rootfs:", 7) == 0;

	return is_root && project_path_is_below(p->source + 7, file);
}

/* A name that is already taken by what the build needs or writes beside the EIF. */
static int check_output(const struct project_options *o, const struct project_plan *p,
			struct ss_err *err)
{
	AUTO_FREE char *toml = project_path_join(p->dir, "enclave.toml");
	AUTO_FREE char *lock = project_path_join(p->records, "enclave.lock");
	AUTO_FREE char *measurements = project_path_join(p->records, "measurements.json");
	AUTO_FREE char *certificate = below(p->dir, p->config.certificate);
	AUTO_FREE char *key = below(p->dir, p->config.key);
	const char *const taken[] = { toml,           lock,        measurements,
				      p->dockerfile,  certificate, key,
				      o->certificate, o->key,      o->signature_from };
	const char *const made[] = { p->output, measurements };

	for (size_t i = 0; i < SS_NELEMS(taken); i++)
		if (taken[i] != NULL && project_path_same(p->output, taken[i]))
			return ss_fail(err, SS_EUSAGE, "the output '%s' would replace '%s'",
				       SS_SHOW(ss_text(p->output)), SS_SHOW(ss_text(taken[i])));
	for (size_t i = 0; i < SS_NELEMS(made); i++)
		if (is_in_root(p, made[i]))
			return ss_fail(err, SS_EUSAGE,
				       "'%s' would be written into '%s', which is read: the next "
				       "build would be another",
				       SS_SHOW(ss_text(made[i])), SS_SHOW(ss_text(p->source)));
	return 0;
}

static void find_output(const struct project_options *o, struct project_plan *p)
{
	char file[160];

	(void)snprintf(file, sizeof(file), "%s.eif", p->name);
	p->eif = project_path_join(p->has_config ? p->dir : ".", file);
	p->scratch = project_path_join(p->dir, ".selfsame-rebuild.eif");
	p->output = ss_copy(first(o->output, p->is_rebuild ? p->scratch : p->eif, NULL));
	p->records = p->has_config ? ss_copy(p->dir) : project_path_dir(p->output);
}

/* --- values ---------------------------------------------------------------------------------- */

static int find_layout(const struct project_options *o, struct project_plan *p, struct ss_err *err)
{
	const char *form = p->is_rebuild ? p->locked.form : first(o->layout, "selfsame", NULL);

	if (strcmp(form, "selfsame") == 0)
		p->layout = IMAGE_SELFSAME;
	else if (strcmp(form, "nitro-cli") == 0)
		p->layout = IMAGE_NITRO_CLI;
	else
		return ss_fail(err, SS_EUSAGE, "no layout '%s': there are selfsame and nitro-cli",
			       SS_SHOW(ss_text(form)));
	if (p->is_rebuild && p->locked.layout != IMAGE_LAYOUT)
		return ss_fail(err, SS_EINPUT,
			       "enclave.lock is of layout %u; this release makes %u",
			       (unsigned)p->locked.layout, (unsigned)IMAGE_LAYOUT);
	return 0;
}

static int switch_row(struct project_plan *p, const char *name, bool on, struct ss_err *err)
{
	const int i = tree_normaliser_find(name);
	struct ss_near near = ss_near_init(name);

	for (size_t k = 0; i < 0 && k < TREE_NORMALISERS; k++)
		ss_near_offer(&near, tree_normalisers[k].name);
	if (i < 0)
		return ss_fail(err, SS_EUSAGE, "no normaliser '%s'%s%s%s", SS_SHOW(ss_text(name)),
			       near.best != NULL ? "; did you mean '" : "",
			       near.best != NULL ? near.best : "", near.best != NULL ? "'?" : "");
	p->normalise_off &= ~(1u << (unsigned)i);
	p->normalise_off |= (uint32_t)!on << (unsigned)i;
	return 0;
}

/* The lock names those that were applied; an unknown one was made by a later release. */
static int normalisers_of_lock(struct project_plan *p, struct ss_err *err)
{
	uint32_t on = 0;

	for (size_t i = 0; i < p->locked.normalisers.n; i++) {
		const int row = tree_normaliser_find(p->locked.normalisers.v[i]);

		if (row < 0)
			return ss_fail(err, SS_EINPUT,
				       "enclave.lock: normaliser '%s' is unknown to this release",
				       SS_SHOW(ss_text(p->locked.normalisers.v[i])));
		on |= 1u << (unsigned)row;
	}
	p->normalise_off = ~on;
	return 0;
}

static int switch_rows(struct project_plan *p, const char *const *names, size_t n, bool on,
		       struct ss_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (switch_row(p, names[i], on, err) < 0)
			return -1;
	return 0;
}

/* The command line's word is the last one; of its two lists, that of what is left out. */
static int find_normalisers(const struct project_options *o, struct project_plan *p,
			    struct ss_err *err)
{
	const struct cfg_switches *s = &p->config.normalize;

	if (p->is_rebuild)
		return normalisers_of_lock(p, err);
	p->normalise_off = tree_normalisers_off();
	if (switch_rows(p, (const char *const *)s->on.v, s->on.n, true, err) < 0 ||
	    switch_rows(p, (const char *const *)s->off.v, s->off.n, false, err) < 0) {
		err->code = SS_EINPUT;
		return ss_ctx(err, "enclave.toml: normalize");
	}
	if (switch_rows(p, o->normalise, o->n_normalise, true, err) < 0)
		return -1;
	return switch_rows(p, o->normalise_off, o->n_normalise_off, false, err);
}

/* A folder is named with a slash behind it. */
static bool leaves_out(const void *ctx, const char *path)
{
	const struct project_plan *p = ctx;
	AUTO_FREE char *name = ss_copy(path);

	for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--)
		name[n - 1] = '\0';
	return engine_leaves_out(p->dockerfile, p->context, name);
}

static int find_epoch(const struct project_options *o, struct project_plan *p, struct ss_err *err)
{
	char eif[160];
	AUTO_FREE char *output = o->output != NULL ? project_path_real(o->output) : NULL;
	AUTO_FREE char *given = p->elsewhere != NULL ? project_path_real(p->dockerfile) : NULL;
	const char *const outputs[] = { "measurements.json", "enclave.lock", eif, output };
	const struct cfg_git_paths paths = {
		.project = p->dir,
		.context = p->config.context != NULL ? p->config.context : ".",
		.dockerfile = given != NULL ? given : p->config.dockerfile,
		.outputs = outputs,
		.n_outputs = SS_NELEMS(outputs) - (output == NULL ? 1 : 0),
		.leaves_out = p->source == NULL ? leaves_out : NULL,
		.ctx = p,
	};
	const struct cfg_epoch_from from = {
		.option = o->epoch, .env = o->epoch_env, .config = &p->config, .git = &p->git
	};

	(void)snprintf(eif, sizeof(eif), "%s.eif", p->name);
	/* An image from elsewhere was not made of what lies in this folder. */
	if ((p->has_config || p->source == NULL) && cfg_git_look(&paths, &p->git, err) < 0)
		return -1;
	if (p->is_rebuild) {
		p->epoch = (uint32_t)p->locked.epoch;
		return 0;
	}
	return cfg_epoch_choose(&from, &p->epoch, err);
}

/* "KEY=VALUE" words of the command line over the pairs of the file. */
static int merge_pairs(struct cfg_pairs *to, const char *const *words, size_t n, const char *option,
		       struct ss_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const char *eq = strchr(words[i], '=');
		AUTO_FREE char *key = NULL;

		if (eq == NULL || eq == words[i])
			return ss_fail(err, SS_EUSAGE, "%s '%s' is not KEY=VALUE", option,
				       SS_SHOW(ss_text(words[i])));
		key = ss_copy(words[i]);
		key[eq - words[i]] = '\0';
		cfg_pairs_set(to, key, eq + 1);
	}
	return 0;
}

/* What goes into the lock has to come out of it again. */
static int check_text(const char *option, const char *text, struct ss_err *err)
{
	json_t *j = text != NULL ? json_string(text) : NULL;

	if (text != NULL && j == NULL)
		return ss_fail(err, SS_EUSAGE, "%s '%s' is not UTF-8 text", option,
			       SS_SHOW(ss_text(text)));
	json_decref(j);
	return 0;
}

static int check_texts(const struct project_options *o, struct ss_err *err)
{
	for (size_t i = 0; i < o->n_args; i++)
		if (check_text("--build-arg", o->args[i], err) < 0)
			return -1;
	if (check_text("--target", o->target, err) < 0)
		return -1;
	return check_text("--platform", o->platform, err);
}

static int find_build(const struct project_options *o, struct project_plan *p, struct ss_err *err)
{
	struct cfg_build *b = &p->config.build;

	for (size_t i = 0; p->is_rebuild && i < p->locked.args.n; i++)
		cfg_pairs_set(&b->args, p->locked.args.v[i].key, p->locked.args.v[i].value);
	if (p->is_rebuild) {
		cfg_text_set(&b->target, p->locked.target);
		cfg_text_set(&b->platform, p->locked.platform);
	}
	if ((o->target != NULL && o->target[0] == '\0') ||
	    (o->platform != NULL && o->platform[0] == '\0'))
		return ss_fail(err, SS_EUSAGE, "%s is empty",
			       o->target != NULL && o->target[0] == '\0' ? "--target"
									 : "--platform");
	if (o->target != NULL)
		cfg_text_set(&b->target, o->target);
	if (o->platform != NULL)
		cfg_text_set(&b->platform, o->platform);
	if (o->engine != NULL)
		cfg_text_set(&b->engine, o->engine);
	if (check_texts(o, err) < 0)
		return -1;
	if (merge_pairs(&b->args, o->args, o->n_args, "--build-arg", err) < 0)
		return -1;
	return merge_pairs(&b->secrets, o->secrets, o->n_secrets, "--secret", err);
}

static int find_names(const struct project_options *o, struct project_plan *p, struct ss_err *err)
{
	const struct cfg_lock *l = &p->locked;

	p->name = p->is_rebuild ? l->name : first(o->name, p->config.name, DEFAULT_NAME);
	p->version = p->is_rebuild ? l->version : first(p->config.version, "1", NULL);
	p->arch = p->is_rebuild ? l->arch : first(o->arch, p->config.arch, DEFAULT_ARCH);
	if (!cfg_is_name(p->name))
		return ss_fail(err, SS_EUSAGE,
			       "--name '%s': letters, digits, '.', '_' and '-', at most 128",
			       SS_SHOW(ss_text(p->name)));
	if (strcmp(p->arch, "x86_64") != 0 && strcmp(p->arch, "aarch64") != 0)
		return ss_fail(err, SS_EUSAGE, "no architecture '%s': there are x86_64 and aarch64",
			       SS_SHOW(ss_text(p->arch)));
	return 0;
}

/* Who gives a view of the steps, as the doctor does, has one of his own. */
static void find_hermetic(const struct project_options *o, struct project_plan *p)
{
	const char *locked = p->locked.hermetic;

	p->hermetic = p->is_rebuild ? locked != NULL && strcmp(locked, "full") == 0
				    : p->config.build.hermetic && !o->no_hermetic;
	p->hermetic_must = p->is_rebuild || p->config.build.hermetic_asked;
	p->hermetic = p->hermetic && p->source == NULL && o->view == NULL;
}

static int find_level(const struct project_options *o, struct project_plan *p, struct ss_err *err)
{
	if (o->level != NULL && o->no_hermetic)
		return ss_fail(err, SS_EUSAGE,
			       "--level is for hermetic steps, and --no-hermetic "
			       "wants none");
	p->level = p->is_rebuild ? p->locked.level : first(o->level, p->config.build.level, NULL);
	if (p->level != NULL && strcmp(p->level, "auto") == 0)
		p->level = NULL;
	return 0;
}

int project_plan_make(const struct project_options *o, bool is_rebuild, struct project_plan *ret,
		      struct ss_err *err)
{
	SS_CLEANUP(project_plan_done) struct project_plan p = { .is_rebuild = is_rebuild };

	if (find_dir(o, &p, err) < 0 || load_config(o, &p, err) < 0 ||
	    find_source(o, &p, err) < 0 || find_names(o, &p, err) < 0 ||
	    find_layout(o, &p, err) < 0 || find_normalisers(o, &p, err) < 0 ||
	    find_epoch(o, &p, err) < 0 || find_build(o, &p, err) < 0)
		return -1;
	find_hermetic(o, &p);
	if (find_level(o, &p, err) < 0)
		return -1;
	find_output(o, &p);
	if (check_kind(&p, err) < 0 || check_output(o, &p, err) < 0)
		return -1;
	*ret = p;
	p = (struct project_plan){ 0 };
	return 0;
}

void project_plan_done(struct project_plan *p)
{
	cfg_enclave_done(&p->config);
	cfg_lock_done(&p->locked);
	free(p->dir);
	free(p->source);
	free(p->dockerfile);
	free(p->elsewhere);
	free(p->context);
	free(p->output);
	free(p->eif);
	free(p->scratch);
	free(p->records);
}
