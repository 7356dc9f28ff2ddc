/* SPDX-License-Identifier: Apache-2.0 */
#include "config/enclave_toml.h"

#include "config/enclave_checks.h"
#include "fmt/egress.h"
#include "fmt/measured.h"
#include "io/file.h"

#define PORT_MAX 65535u
#define MIB_MAX ((uint64_t)1 << 24) /* 16 TiB: more than any instance */
#define CPUS_MAX 4096u
#define MS 1000u

/* What holds for numbers that nobody wrote, in seconds. */
#define STOP_GRACE 10u
#define HEALTH_INTERVAL 10u
#define HEALTH_TIMEOUT 5u
#define HEALTH_FAILURES 3u

static const struct cfg_field app_fields[] = {
	{ .key = "command",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_enclave, app.command),
	  .check = cfg_check_command },
	{ .key = "env", .kind = CFG_PAIRS, .at = offsetof(struct cfg_enclave, app.env) },
	{ .key = "new_privileges",
	  .kind = CFG_BOOL,
	  .at = offsetof(struct cfg_enclave, app.new_privileges) },
	{ .key = "nsm", .kind = CFG_BOOL, .at = offsetof(struct cfg_enclave, app.nsm) },
	{ .key = "restart",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, app.restart_text),
	  .choices = "never on-failure always",
	  .check = cfg_check_restart },
	{ .key = "stop_grace",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_enclave, app.stop_grace),
	  .max = MC_MAX_GRACE_MS / MS },
	{ .key = "stop_signal",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, app.stop_signal) },
	{ .key = "user", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, app.user) },
	{ .key = "workdir",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, app.workdir),
	  .check = cfg_check_absolute },
	CFG_FIELDS_END,
};

/* A default is for engines that can; who asks does not want less. */
static int note_hermetic(const struct toml_node *v, void *base, const char *name,
			 struct ss_err *err)
{
	struct cfg_enclave *c = base;

	(void)name;
	(void)err;
	c->build.hermetic_asked = v->num != 0;
	return 0;
}

static const struct cfg_field build_fields[] = {
	{ .key = "allow_keys",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_enclave, build.allow_keys),
	  .max = 256,
	  .check = cfg_check_allow_keys },
	{ .key = "args", .kind = CFG_PAIRS, .at = offsetof(struct cfg_enclave, build.args) },
	{ .key = "engine",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, build.engine),
	  .choices = "auto buildah buildkit" },
	{ .key = "hermetic",
	  .kind = CFG_BOOL,
	  .at = offsetof(struct cfg_enclave, build.hermetic),
	  .check = note_hermetic },
	{ .key = "keep_modes",
	  .kind = CFG_BOOL,
	  .at = offsetof(struct cfg_enclave, build.keep_modes) },
	{ .key = "level",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, build.level),
	  .choices = "auto light full" },
	{ .key = "local",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_enclave, build.local),
	  .max = 64,
	  .check = cfg_check_hosts },
	{ .key = "platform", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, build.platform) },
	{ .key = "processors",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_enclave, build.processors),
	  .min = 1,
	  .max = 64 },
	{ .key = "secrets", .kind = CFG_PAIRS, .at = offsetof(struct cfg_enclave, build.secrets) },
	{ .key = "target", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, build.target) },
	{ .key = "trust",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, build.trust),
	  .choices = "bundles variables" },
	{ .key = "unrecorded",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_enclave, build.unrecorded),
	  .max = 64,
	  .check = cfg_check_hosts },
	CFG_FIELDS_END,
};

static const struct cfg_field ingress_fields[] = {
	{ .key = "port",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_ingress, port),
	  .need = true,
	  .min = 1,
	  .max = PORT_MAX,
	  .check = cfg_check_port },
	{ .key = "to",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_ingress, to),
	  .min = 1,
	  .max = PORT_MAX },
	{ .key = "proto",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_ingress, proto_text),
	  .choices = "tcp udp",
	  .check = cfg_check_proto },
	{ .key = "proxy", .kind = CFG_BOOL, .at = offsetof(struct cfg_ingress, proxy) },
	{ .key = "tls",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_ingress, tls_text),
	  .need = true,
	  .choices = "attested passthrough none",
	  .check = cfg_check_tls },
	{ .key = "alpn",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_ingress, alpn),
	  .max = 16,
	  .check = cfg_check_alpn },
	{ .key = "http", .kind = CFG_BOOL, .at = offsetof(struct cfg_ingress, http) },
	CFG_FIELDS_END,
};

static const struct cfg_field secret_fields[] = {
	{ .key = "name",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_secret, name),
	  .need = true,
	  .check = cfg_check_secret_name },
	{ .key = "from",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_secret, from),
	  .need = true,
	  .check = cfg_check_secret_from },
	{ .key = "required", .kind = CFG_BOOL, .at = offsetof(struct cfg_secret, required) },
	{ .key = "as",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_secret, as_text),
	  .choices = "env file",
	  .check = cfg_check_secret_as },
	CFG_FIELDS_END,
};

static const struct cfg_field egress_fields[] = {
	{ .key = "allow",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_enclave, egress),
	  .max = EGRESS_MAX_RULES,
	  .check = cfg_check_egress },
	CFG_FIELDS_END,
};

static const struct cfg_field health_fields[] = {
	{ .key = "http",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, health.http),
	  .check = cfg_check_health_path },
	{ .key = "tcp", .kind = CFG_BOOL, .at = offsetof(struct cfg_enclave, health.tcp) },
	{ .key = "port",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_enclave, health.port),
	  .min = 1,
	  .max = PORT_MAX },
	{ .key = "interval",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_enclave, health.interval),
	  .min = 1,
	  .max = MC_MAX_INTERVAL_MS / MS },
	{ .key = "timeout",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_enclave, health.timeout),
	  .min = 1,
	  .max = MC_MAX_TIMEOUT_MS / MS },
	{ .key = "failures",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_enclave, health.failures),
	  .min = 1,
	  .max = MC_MAX_FAILURES },
	CFG_FIELDS_END,
};

static const struct cfg_field logs_fields[] = {
	{ .key = "host", .kind = CFG_BOOL, .at = offsetof(struct cfg_enclave, logs) },
	CFG_FIELDS_END,
};

static const struct cfg_field clock_fields[] = {
	{ .key = "max_slew_ms",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_enclave, max_slew_ms),
	  .max = MC_MAX_CLOCK_MS },
	CFG_FIELDS_END,
};

static const struct cfg_field run_fields[] = {
	{ .key = "cpus",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_enclave, cpus),
	  .min = 1,
	  .max = CPUS_MAX },
	{ .key = "memory_mib",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_enclave, memory_mib),
	  .min = 1,
	  .max = MIB_MAX },
	CFG_FIELDS_END,
};

static const struct cfg_field sign_fields[] = {
	{ .key = "certificate", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, certificate) },
	{ .key = "key", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, key) },
	CFG_FIELDS_END,
};

const struct cfg_field cfg_enclave_fields[] = {
	{ .key = "name",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, name),
	  .check = cfg_check_name },
	{ .key = "version", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, version) },
	{ .key = "dockerfile",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, dockerfile),
	  .check = cfg_check_relative },
	{ .key = "image", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, image) },
	{ .key = "context",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, context),
	  .check = cfg_check_relative },
	{ .key = "arch",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, arch),
	  .choices = "x86_64 aarch64" },
	{ .key = "source_date_epoch", .kind = CFG_OWN, .check = cfg_check_epoch },
	{ .key = "app", .kind = CFG_TABLE, .fields = app_fields },
	{ .key = "build", .kind = CFG_TABLE, .fields = build_fields },
	{ .key = "normalize", .kind = CFG_OWN, .check = cfg_check_normalize },
	{ .key = "ingress",
	  .kind = CFG_LIST,
	  .at = offsetof(struct cfg_enclave, ingress),
	  .max = CFG_INGRESS_MAX,
	  .fields = ingress_fields,
	  .size = sizeof(struct cfg_ingress),
	  .check = cfg_check_ingress },
	{ .key = "secret",
	  .kind = CFG_LIST,
	  .at = offsetof(struct cfg_enclave, secrets),
	  .max = MC_MAX_SECRETS,
	  .fields = secret_fields,
	  .size = sizeof(struct cfg_secret),
	  .check = cfg_check_secret },
	{ .key = "egress", .kind = CFG_TABLE, .fields = egress_fields },
	{ .key = "health", .kind = CFG_TABLE, .fields = health_fields, .check = cfg_check_health },
	{ .key = "logs", .kind = CFG_TABLE, .fields = logs_fields },
	{ .key = "clock", .kind = CFG_TABLE, .fields = clock_fields },
	{ .key = "run", .kind = CFG_TABLE, .fields = run_fields },
	{ .key = "sign", .kind = CFG_TABLE, .fields = sign_fields, .check = cfg_check_sign },
	CFG_FIELDS_END,
};

/* --- the file
 * -------------------------------------------------------------------------------------- */

static void set_default(char **to, const char *text)
{
	if (*to == NULL)
		cfg_text_set(to, text);
}

static void fill_defaults(struct cfg_enclave *c)
{
	if (c->image == NULL)
		set_default(&c->dockerfile, "Dockerfile");
	set_default(&c->context, ".");
	set_default(&c->arch, "x86_64"); /* not the host's: the same file everywhere */
}

static struct cfg_enclave nothing_written(void)
{
	return (struct cfg_enclave){
		.app.stop_grace = STOP_GRACE,
		.build.hermetic = true,
		.health.interval = HEALTH_INTERVAL,
		.health.timeout = HEALTH_TIMEOUT,
		.health.failures = HEALTH_FAILURES,
	};
}

void cfg_enclave_init(struct cfg_enclave *ret)
{
	*ret = nothing_written();
	fill_defaults(ret);
}

void cfg_enclave_done(struct cfg_enclave *c)
{
	cfg_fields_done(cfg_enclave_fields, c);
	cfg_texts_done(&c->normalize.on);
	cfg_texts_done(&c->normalize.off);
}

/* Where the health check goes when it does not say so: to the first program that takes
 * connections. */
static int fill_health_port(const struct toml_node *t, struct cfg_enclave *c, struct ss_err *err)
{
	const struct cfg_ingress *in = c->ingress.v;

	if (c->health.port != 0 || (c->health.http == NULL && !c->health.tcp))
		return 0;
	for (size_t i = 0; i < c->ingress.n && c->health.port == 0; i++)
		if (!in[i].udp)
			c->health.port = in[i].to != 0 ? in[i].to : in[i].port;
	if (c->health.port != 0)
		return 0;
	return ss_fail(
		err, SS_EINPUT,
		"line %u: 'health.port' is missing, and no 'ingress' for TCP stands in for it",
		toml_get(t, "health")->line);
}

/* They are sent by an attested connection and by nothing else. */
static int check_way_of_secrets(const struct toml_node *t, const struct cfg_enclave *c,
				struct ss_err *err)
{
	const struct cfg_ingress *in = c->ingress.v;

	for (size_t i = 0; i < c->ingress.n; i++)
		if (in[i].tls == CFG_TLS_ATTESTED)
			return 0;
	if (c->secrets.n == 0)
		return 0;
	return ss_fail(
		err, SS_EINPUT,
		"line %u: 'secret' needs an 'ingress' with tls = \"attested\", over which it "
		"comes",
		toml_get(t, "secret")->line);
}

/* What only the whole file tells. */
static int check_all(const struct toml_node *t, struct cfg_enclave *c, struct ss_err *err)
{
	if (c->dockerfile != NULL && c->image != NULL)
		return ss_fail(err, SS_EINPUT,
			       "line %u: 'image' and 'dockerfile' exclude each other",
			       toml_get(t, "image")->line);
	if (check_way_of_secrets(t, c, err) < 0)
		return -1;
	return fill_health_port(t, c, err);
}

int cfg_enclave_read(struct ss_span in, struct cfg_enclave *ret, struct ss_err *err)
{
	AUTO_TOML struct toml_node *t = NULL;
	struct cfg_enclave c = nothing_written();

	*ret = (struct cfg_enclave){ 0 };
	if (toml_read(in, &t, err) < 0)
		return -1;
	if (cfg_fields_read(cfg_enclave_fields, t, "", &c, err) < 0 || check_all(t, &c, err) < 0) {
		cfg_enclave_done(&c);
		return -1;
	}
	fill_defaults(&c);
	*ret = c;
	return 0;
}

int cfg_enclave_load(const char *path, struct cfg_enclave *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_ENCLAVE_MAX);

	*ret = (struct cfg_enclave){ 0 };
	if (io_load_file(path, &b, err) < 0)
		return -1;
	if (cfg_enclave_read(ss_buf_span(&b), ret, err) < 0)
		return ss_ctx(err, "'%s'", path);
	return 0;
}
