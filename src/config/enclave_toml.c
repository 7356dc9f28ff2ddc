/* SPDX-License-Identifier: Apache-2.0 */
#include "config/enclave_toml.h"

#include "base/show.h"
#include "io/file.h"

#include <inttypes.h>
#include <string.h>

#define NAME_MAX_LETTERS 128u
#define PORT_MAX 65535u
#define MIB_MAX ((uint64_t)1 << 24) /* 16 TiB: more than any instance */
#define CPUS_MAX 4096u
#define ALPN_MAX 255u /* one length byte in TLS */

static struct ss_span span_of(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

bool cfg_is_name(const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	const size_t n = strlen(s);

	return n > 0 && n <= NAME_MAX_LETTERS && s[strspn(s, letters)] == '\0' && s[0] != '.' &&
	       s[0] != '-';
}

/* --- checks of single keys ----------------------------------------------------------------------
 */

static int check_name(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (cfg_is_name(v->text))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' must be 1 to %u letters, digits, '.', '_' or '-', beginning "
		       "with a letter, digit or '_'",
		       v->line, name, NAME_MAX_LETTERS);
}

static int check_relative(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err)
{
	(void)base;
	if (v->text[0] != '/')
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' is an absolute path, which another machine does not have",
		       v->line, name);
}

static int check_absolute(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err)
{
	(void)base;
	if (v->text[0] == '/')
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' must begin with '/'", v->line, name);
}

static int check_epoch(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_enclave *c = base;
	char what[64];

	if (v->type == TOML_STRING && strcmp(v->text, "commit") == 0) {
		c->epoch_kind = CFG_EPOCH_COMMIT;
		return 0;
	}
	if (v->type != TOML_INT)
		return ss_fail(err, SS_EINPUT, "line %u: '%s' must be \"commit\" or whole seconds",
			       v->line, name);
	(void)snprintf(what, sizeof(what), "line %u: '%s'", v->line, name);
	c->epoch_kind = CFG_EPOCH_FIXED;
	return cfg_epoch_check(v->num, what, &c->epoch, err);
}

static int check_command(const struct toml_node *v, void *base, const char *name,
			 struct ss_err *err)
{
	(void)base;
	if (v->n > 0 && v->kids[0]->text[0] != '\0')
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' must name a program first", v->line, name);
}

static int check_tls(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_ingress *in = base;

	(void)name;
	(void)err;
	in->tls = CFG_TLS_NONE;
	if (strcmp(v->text, "passthrough") == 0)
		in->tls = CFG_TLS_PASSTHROUGH;
	if (strcmp(v->text, "attested") == 0)
		in->tls = CFG_TLS_ATTESTED;
	return 0;
}

static int check_alpn(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	for (size_t i = 0; i < v->n; i++) {
		const char *s = v->kids[i]->text;

		if (s[0] == '\0' || strlen(s) > ALPN_MAX)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' holds a name that is empty "
				       "or longer than %u bytes",
				       v->line, name, ALPN_MAX);
		if (strcmp(s, "selfsame/1") == 0)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' holds 'selfsame/1', which is always on",
				       v->line, name);
	}
	return 0;
}

/* Decimal, 1 to PORT_MAX, nothing else. */
static bool is_port(const char *s)
{
	uint32_t v = 0;

	if (s[0] == '\0' || s[0] == '0' || strlen(s) > 5)
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (uint32_t)(*s - '0');
	}
	return v <= PORT_MAX;
}

/* "host:port", "*.host:port", "[v6]:port" */
static bool is_target(const char *s)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	const char *host = strncmp(s, "*.", 2) == 0 ? s + 2 : s;
	const bool v6 = host[0] == '[';
	const size_t n = v6 ? 1 + strspn(host + 1, "0123456789abcdef:.") : strspn(host, name);
	const char *end = host + n;

	if (v6) {
		if (n < 3 || *end != ']' || host != s)
			return false;
		end++;
	}
	return n > 0 && host[0] != '.' && host[0] != '-' && *end == ':' && is_port(end + 1);
}

static int check_egress(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	for (size_t i = 0; i < v->n; i++)
		if (!is_target(v->kids[i]->text))
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' holds '%s'; it must be host:port or "
				       "*.host:port, in lower case",
				       v->kids[i]->line, name, SS_SHOW(span_of(v->kids[i]->text)));
	return 0;
}

/* --- checks of a whole table ---------------------------------------------------------------------
 */

static int check_ingress(const struct toml_node *v, void *base, const char *name,
			 struct ss_err *err)
{
	const struct cfg_enclave *c = base;
	const struct cfg_ingress *in = c->ingress.v;

	for (size_t i = 0; i < c->ingress.n; i++) {
		const uint32_t line = v->kids[i]->line;

		if (in[i].tls != CFG_TLS_ATTESTED && (in[i].alpn.n > 0 || in[i].http))
			return ss_fail(err, SS_EINPUT, "line %u: '%s.%s' needs tls = \"attested\"",
				       line, name, in[i].alpn.n > 0 ? "alpn" : "http");
		for (size_t k = 0; k < i; k++)
			if (in[k].port == in[i].port)
				return ss_fail(err, SS_EINPUT,
					       "line %u: port %" PRIu64 " has an '%s' already, in "
					       "line %u",
					       line, in[i].port, name, v->kids[k]->line);
	}
	return 0;
}

static int check_sign(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	const struct cfg_enclave *c = base;

	if (c->certificate != NULL && c->key != NULL)
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' needs both 'certificate' and 'key'", v->line,
		       name);
}

static const struct cfg_field app_fields[] = {
	{ .key = "command",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_enclave, app.command),
	  .check = check_command },
	{ .key = "env", .kind = CFG_PAIRS, .at = offsetof(struct cfg_enclave, app.env) },
	{ .key = "new_privileges",
	  .kind = CFG_BOOL,
	  .at = offsetof(struct cfg_enclave, app.new_privileges) },
	{ .key = "nsm", .kind = CFG_BOOL, .at = offsetof(struct cfg_enclave, app.nsm) },
	{ .key = "stop_signal",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, app.stop_signal) },
	{ .key = "user", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, app.user) },
	{ .key = "workdir",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, app.workdir),
	  .check = check_absolute },
	CFG_FIELDS_END,
};

static const struct cfg_field build_fields[] = {
	{ .key = "args", .kind = CFG_PAIRS, .at = offsetof(struct cfg_enclave, build.args) },
	{ .key = "engine",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, build.engine),
	  .choices = "auto buildah buildkit" },
	{ .key = "keep_modes",
	  .kind = CFG_BOOL,
	  .at = offsetof(struct cfg_enclave, build.keep_modes) },
	{ .key = "normalise_off",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_enclave, build.normalise_off) },
	{ .key = "platform", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, build.platform) },
	{ .key = "secrets", .kind = CFG_PAIRS, .at = offsetof(struct cfg_enclave, build.secrets) },
	{ .key = "target", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, build.target) },
	CFG_FIELDS_END,
};

static const struct cfg_field ingress_fields[] = {
	{ .key = "port",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_ingress, port),
	  .need = true,
	  .min = 1,
	  .max = PORT_MAX },
	{ .key = "to",
	  .kind = CFG_NUM,
	  .at = offsetof(struct cfg_ingress, to),
	  .min = 1,
	  .max = PORT_MAX },
	{ .key = "tls",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_ingress, tls_text),
	  .need = true,
	  .choices = "attested passthrough none",
	  .check = check_tls },
	{ .key = "alpn",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_ingress, alpn),
	  .max = 16,
	  .check = check_alpn },
	{ .key = "http", .kind = CFG_BOOL, .at = offsetof(struct cfg_ingress, http) },
	CFG_FIELDS_END,
};

static const struct cfg_field egress_fields[] = {
	{ .key = "allow",
	  .kind = CFG_TEXTS,
	  .at = offsetof(struct cfg_enclave, egress),
	  .check = check_egress },
	CFG_FIELDS_END,
};

static const struct cfg_field health_fields[] = {
	{ .key = "http",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, health),
	  .need = true,
	  .check = check_absolute },
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
	  .check = check_name },
	{ .key = "version", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, version) },
	{ .key = "dockerfile",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, dockerfile),
	  .check = check_relative },
	{ .key = "image", .kind = CFG_TEXT, .at = offsetof(struct cfg_enclave, image) },
	{ .key = "context",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, context),
	  .check = check_relative },
	{ .key = "arch",
	  .kind = CFG_TEXT,
	  .at = offsetof(struct cfg_enclave, arch),
	  .choices = "x86_64 aarch64" },
	{ .key = "source_date_epoch", .kind = CFG_OWN, .check = check_epoch },
	{ .key = "app", .kind = CFG_TABLE, .fields = app_fields },
	{ .key = "build", .kind = CFG_TABLE, .fields = build_fields },
	{ .key = "ingress",
	  .kind = CFG_LIST,
	  .at = offsetof(struct cfg_enclave, ingress),
	  .max = CFG_INGRESS_MAX,
	  .fields = ingress_fields,
	  .size = sizeof(struct cfg_ingress),
	  .check = check_ingress },
	{ .key = "egress", .kind = CFG_TABLE, .fields = egress_fields },
	{ .key = "health", .kind = CFG_TABLE, .fields = health_fields },
	{ .key = "run", .kind = CFG_TABLE, .fields = run_fields },
	{ .key = "sign", .kind = CFG_TABLE, .fields = sign_fields, .check = check_sign },
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

void cfg_enclave_init(struct cfg_enclave *ret)
{
	*ret = (struct cfg_enclave){ 0 };
	fill_defaults(ret);
}

void cfg_enclave_done(struct cfg_enclave *c)
{
	cfg_fields_done(cfg_enclave_fields, c);
}

/* What only the whole file tells. */
static int check_all(const struct toml_node *t, const struct cfg_enclave *c, struct ss_err *err)
{
	if (c->dockerfile != NULL && c->image != NULL)
		return ss_fail(err, SS_EINPUT,
			       "line %u: 'image' and 'dockerfile' exclude each other",
			       toml_get(t, "image")->line);
	return 0;
}

int cfg_enclave_read(struct ss_span in, struct cfg_enclave *ret, struct ss_err *err)
{
	AUTO_TOML struct toml_node *t = NULL;
	struct cfg_enclave c = { 0 };

	*ret = c;
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
