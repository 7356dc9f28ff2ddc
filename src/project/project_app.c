/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "project/project.h"

#include <assert.h>
#include <string.h>

#define ALPN_ROOM ((size_t)MC_MAX_ALPN * (MC_MAX_ALPN_NAME + 2))

/*
 * How the image's config and [app] become what the runtime starts (OCI image-spec, config.md):
 * Entrypoint and Cmd are vectors and stay vectors.
 */

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Adds one string to a raw list; its limits are those of fmt/measured.h. */
static int add(struct ss_buf *raw, struct mc_list *list, const char *s, const char *what,
	       struct ss_err *err)
{
	if (strlen(s) >= MC_MAX_STRING)
		return ss_fail(err, SS_ELIMIT, "%s is longer than %u bytes", what,
			       MC_MAX_STRING - 1);
	if (list->n == MC_MAX_STRINGS)
		return ss_fail(err, SS_ELIMIT, "%s: more than %u strings", what, MC_MAX_STRINGS);
	mc_put_string(raw, ss_text(s));
	list->n++;
	return ss_buf_check(raw, what, err);
}

static int add_all(struct ss_buf *raw, struct mc_list *list, char *const *v, size_t n,
		   const char *what, struct ss_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (add(raw, list, v[i], what, err) < 0)
			return -1;
	return 0;
}

static int make_argv(const struct project_plan *p, const struct oci_image *image,
		     struct project_app *a, struct ss_err *err)
{
	const struct cfg_texts *own = &p->config.app.command;
	struct mc_list *list = &a->config.argv;

	if (own->n > 0)
		return add_all(&a->argv, list, own->v, own->n, "app.command", err);
	if (add_all(&a->argv, list, image->entrypoint.v, image->entrypoint.n, "Entrypoint", err) <
		    0 ||
	    add_all(&a->argv, list, image->cmd.v, image->cmd.n, "Cmd", err) < 0)
		return -1;
	if (list->n > 0)
		return 0;
	(void)ss_fail(err, SS_EINPUT, "nothing to start: the image has neither Entrypoint nor Cmd");
	err->hint = "set  [app] command = [\"/path/to/program\"]  in enclave.toml";
	return -1;
}

static bool has_name(const char *entry, const char *name)
{
	const size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

/* The image's variables in its order, replaced in place by [app] env; then what that adds, by
 * name; PATH where nobody sets it, as every engine does. */
static int make_env(const struct project_plan *p, const struct oci_image *image,
		    struct project_app *a, struct ss_err *err)
{
	const struct cfg_pairs *own = &p->config.app.env;
	struct mc_list *list = &a->config.env;
	bool has_path = cfg_pairs_get(own, "PATH") != NULL;

	for (size_t i = 0; i < image->env.n; i++) {
		const char *entry = image->env.v[i];
		bool replaced = false;

		has_path |= has_name(entry, "PATH");
		for (size_t k = 0; k < own->n; k++)
			replaced |= has_name(entry, own->v[k].key);
		if (!replaced && add(&a->env, list, entry, "Env", err) < 0)
			return -1;
	}
	for (size_t k = 0; k < own->n; k++) {
		AUTO_BUF struct ss_buf one = SS_BUF_INIT(MC_MAX_STRING);

		ss_buf_put(&one, ss_text(own->v[k].key));
		ss_buf_put(&one, ss_text("="));
		ss_buf_put(&one, ss_text(own->v[k].value));
		ss_buf_put(&one, (struct ss_span){ (const uint8_t *)"", 1 });
		if (ss_buf_check(&one, "app.env", err) < 0 ||
		    add(&a->env, list, (const char *)one.p, "app.env", err) < 0)
			return -1;
	}
	return has_path ? 0 : add(&a->env, list, DEFAULT_PATH, "Env", err);
}

static int make_user(const struct project_plan *p, const struct oci_image *image,
		     const struct tree *t, struct project_app *a, struct ss_err *err)
{
	const char *user = p->config.app.user != NULL ? p->config.app.user : image->user;
	struct image_user u = { 0 };

	if (image_user_resolve(t, user, &u, err) < 0)
		return -1;
	a->config.uid = u.uid;
	a->config.gid = u.gid;
	a->config.groups.n = u.n_groups;
	for (size_t i = 0; i < u.n_groups; i++)
		mc_put_uint(&a->groups, u.groups[i]);
	return 0;
}

static int make_cwd(const struct project_plan *p, const struct oci_image *image,
		    struct project_app *a, struct ss_err *err)
{
	const char *own = p->config.app.workdir;
	const char *dir = own != NULL ? own : image->workdir;

	if (dir == NULL || dir[0] == '\0')
		dir = "/";
	if (dir[0] != '/')
		return ss_fail(err, SS_EINPUT, "working directory '%s' is not absolute",
			       SS_SHOW(ss_text(dir)));
	a->cwd = ss_copy(dir);
	a->config.cwd = ss_text(a->cwd);
	return 0;
}

/* "SIGTERM", "TERM", "15"; Linux's numbers, which are those of both architectures. */
static int make_stop_signal(const struct project_plan *p, const struct oci_image *image,
			    struct project_app *a, struct ss_err *err)
{
	static const char *const names[] = {
		NULL,     "HUP",  "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",
		"FPE",    "KILL", "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM",
		"STKFLT", "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",
		"XCPU",   "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS",
	};
	const char *own = p->config.app.stop_signal;
	const char *text = own != NULL ? own : image->stop_signal;
	const char *name = text;
	size_t digits;

	a->config.stop_signal = 15;
	if (text == NULL || text[0] == '\0')
		return 0;
	digits = strspn(text, "0123456789");
	if (digits <= 2 && text[digits] == '\0') {
		a->config.stop_signal = (uint32_t)strtoul(text, NULL, 10);
		if (a->config.stop_signal >= 1 && a->config.stop_signal <= 64)
			return 0;
	}
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (uint32_t i = 1; i < SS_NELEMS(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			a->config.stop_signal = i;
			return 0;
		}
	}
	return ss_fail(err, SS_EINPUT, "stop signal '%s' is none that Linux has",
		       SS_SHOW(ss_text(text)));
}

static enum mc_tls tls_of(enum cfg_tls tls)
{
	switch (tls) {
	case CFG_TLS_NONE:
		return MC_TLS_NONE;
	case CFG_TLS_PASSTHROUGH:
		return MC_TLS_PASSTHROUGH;
	case CFG_TLS_ATTESTED:
		return MC_TLS_ATTESTED;
	}
	abort(); /* no such value */
}

/* The list borrows from `raw`. */
static struct mc_list put_alpn(const struct cfg_texts *names, struct ss_buf *raw)
{
	for (size_t i = 0; i < names->n; i++)
		mc_put_string(raw, ss_text(names->v[i]));
	return (struct mc_list){ .raw = ss_buf_span(raw), .n = names->n };
}

static void make_ingress(const struct project_plan *p, struct project_app *a)
{
	const struct cfg_ingress *v = p->config.ingress.v;

	for (size_t i = 0; i < p->config.ingress.n; i++) {
		AUTO_BUF struct ss_buf alpn = SS_BUF_INIT(ALPN_ROOM);
		const struct mc_ingress in = {
			.port = (uint16_t)v[i].port,
			.to = (uint16_t)(v[i].to != 0 ? v[i].to : v[i].port),
			.tls = tls_of(v[i].tls),
			.udp = v[i].udp,
			.proxy = v[i].proxy,
			.http = v[i].http,
			.alpn = put_alpn(&v[i].alpn, &alpn),
		};

		mc_put_ingress(&a->ingress, &in);
		a->config.ingress.n++;
	}
}

static void make_egress(const struct project_plan *p, struct project_app *a)
{
	const struct cfg_texts *rules = &p->config.egress;

	for (size_t i = 0; i < rules->n; i++)
		mc_put_string(&a->egress, ss_text(rules->v[i]));
	a->config.egress.n = rules->n;
}

static void make_secrets(const struct project_plan *p, struct project_app *a)
{
	const struct cfg_secret *v = p->config.secrets.v;

	for (size_t i = 0; i < p->config.secrets.n; i++) {
		uint8_t from[MC_SECRET_FROM];
		const bool read = ss_unhex(v[i].from + strlen("sha256:"), from, sizeof(from));

		assert(read); /* the reader of the file has seen to it */
		mc_put_secret(&a->secrets, &(struct mc_secret){ .name = ss_text(v[i].name),
								.from = { from, sizeof(from) },
								.required = v[i].required,
								.file = v[i].file });
	}
	a->config.secrets.n = p->config.secrets.n;
}

static void make_health(const struct project_plan *p, struct project_app *a)
{
	const struct cfg_health *h = &p->config.health;

	if (h->http == NULL && !h->tcp)
		return;
	a->config.health = (struct mc_health){
		.check = h->http != NULL ? MC_CHECK_HTTP : MC_CHECK_TCP,
		.port = (uint16_t)h->port,
		.interval_ms = (uint32_t)h->interval * 1000,
		.timeout_ms = (uint32_t)h->timeout * 1000,
		.failures = (uint32_t)h->failures,
	};
	if (h->http == NULL)
		return;
	a->health_path = ss_copy(h->http);
	a->config.health.path = ss_text(a->health_path);
}

static enum mc_restart restart_of(enum cfg_restart restart)
{
	switch (restart) {
	case CFG_RESTART_NEVER:
		return MC_RESTART_NEVER;
	case CFG_RESTART_ON_FAILURE:
		return MC_RESTART_ON_FAILURE;
	case CFG_RESTART_ALWAYS:
		return MC_RESTART_ALWAYS;
	}
	abort(); /* no such value */
}

/* What is only carried over. */
static void make_rest(const struct project_plan *p, struct project_app *a)
{
	const struct cfg_enclave *c = &p->config;

	a->config.new_privileges = c->app.new_privileges;
	a->config.nsm = c->app.nsm;
	a->config.restart = restart_of(c->app.restart);
	a->config.grace_ms = (uint32_t)c->app.stop_grace * 1000;
	a->config.clock_ms = (uint32_t)c->max_slew_ms;
	a->config.logs = c->logs;
}

/* nitro-cli's /cmd and /env: Cmd wins over Entrypoint, one entry a line, nothing else is kept. */
static int make_nitro_files(const struct oci_image *image, struct project_app *a,
			    struct ss_err *err)
{
	const struct oci_strings *cmd = image->cmd.n > 0 ? &image->cmd : &image->entrypoint;

	if (cmd->n == 0)
		return ss_fail(err, SS_EINPUT,
			       "nothing to start: the image has neither Entrypoint nor Cmd");
	for (size_t i = 0; i < cmd->n; i++) {
		ss_buf_put(&a->cmd_file, ss_text(cmd->v[i]));
		ss_buf_put(&a->cmd_file, ss_text("\n"));
	}
	for (size_t i = 0; i < image->env.n; i++) {
		ss_buf_put(&a->env_file, ss_text(image->env.v[i]));
		ss_buf_put(&a->env_file, ss_text("\n"));
	}
	if (ss_buf_check(&a->cmd_file, "the command", err) < 0)
		return -1;
	return ss_buf_check(&a->env_file, "the environment", err);
}

int project_app_make(const struct project_plan *p, const struct oci_image *image,
		     const struct tree *t, struct project_app *ret, struct ss_err *err)
{
	SS_CLEANUP(project_app_done)
	struct project_app a = {
		.argv = SS_BUF_INIT(MC_MAX_SIZE),
		.env = SS_BUF_INIT(MC_MAX_SIZE),
		.groups = SS_BUF_INIT(MC_MAX_SIZE),
		.ingress = SS_BUF_INIT(MC_MAX_SIZE),
		.egress = SS_BUF_INIT(MC_MAX_SIZE),
		.secrets = SS_BUF_INIT(MC_MAX_SIZE),
		.cmd_file = SS_BUF_INIT(MC_MAX_SIZE),
		.env_file = SS_BUF_INIT(MC_MAX_SIZE),
	};

	if (p->layout == IMAGE_NITRO_CLI) {
		if (make_nitro_files(image, &a, err) < 0)
			return -1;
	} else {
		if (make_argv(p, image, &a, err) < 0 || make_env(p, image, &a, err) < 0 ||
		    make_user(p, image, t, &a, err) < 0 || make_cwd(p, image, &a, err) < 0 ||
		    make_stop_signal(p, image, &a, err) < 0)
			return -1;
		make_ingress(p, &a);
		make_egress(p, &a);
		make_secrets(p, &a);
		make_health(p, &a);
		make_rest(p, &a);
	}
	a.config.argv.raw = ss_buf_span(&a.argv);
	a.config.env.raw = ss_buf_span(&a.env);
	a.config.groups.raw = ss_buf_span(&a.groups);
	a.config.ingress.raw = ss_buf_span(&a.ingress);
	a.config.egress.raw = ss_buf_span(&a.egress);
	a.config.secrets.raw = ss_buf_span(&a.secrets);
	*ret = a;
	a = (struct project_app){ 0 };
	return 0;
}

void project_app_done(struct project_app *a)
{
	ss_buf_done(&a->argv);
	ss_buf_done(&a->env);
	ss_buf_done(&a->groups);
	ss_buf_done(&a->ingress);
	ss_buf_done(&a->egress);
	ss_buf_done(&a->secrets);
	ss_buf_done(&a->cmd_file);
	ss_buf_done(&a->env_file);
	free(a->cwd);
	free(a->health_path);
}
