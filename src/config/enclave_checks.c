/* SPDX-License-Identifier: Apache-2.0 */
#include "config/enclave_checks.h"

#include "base/show.h"
#include "base/text.h"
#include "config/enclave_lock.h"
#include "fmt/egress.h"
#include "fmt/frame.h"
#include "fmt/measured.h"

#include <inttypes.h>
#include <string.h>

#define NAME_MAX_LETTERS 128u
#define ALPN_MAX 255u /* one length byte in TLS */

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

int cfg_check_name(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (cfg_is_name(v->text))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' must be 1 to %u letters, digits, '.', '_' or '-', beginning "
		       "with a letter, digit or '_'",
		       v->line, name, NAME_MAX_LETTERS);
}

int cfg_check_relative(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (v->text[0] != '/')
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' is an absolute path, which another machine does not have",
		       v->line, name);
}

int cfg_check_absolute(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (v->text[0] == '/')
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' must begin with '/'", v->line, name);
}

int cfg_check_allow_keys(const struct toml_node *v, void *base, const char *name,
			 struct ss_err *err)
{
	(void)base;
	for (size_t i = 0; i < v->n; i++) {
		const char *s = v->kids[i]->text;
		bool fits = s[0] == '/';

		for (; *s != '\0'; s++)
			fits = fits && (unsigned char)*s >= ' ' && *s != 0x7f;
		if (!fits)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' must begin with '/', without control "
				       "characters",
				       v->kids[i]->line, name);
	}
	return 0;
}

static bool is_host_and_port(const char *s)
{
	const bool v6 = s[0] == '[';
	const size_t host = v6 ? strspn(s + 1, "abcdef0123456789:.") + 2
			       : strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-");
	const char *port;
	unsigned long n = 0;

	if (host == 0 || host > 253 || (v6 && (host < 4 || s[host - 1] != ']')) || s[host] != ':')
		return false;
	port = s + host + 1;
	if (port[0] < '1' || port[0] > '9' || strlen(port) > 5 ||
	    port[strspn(port, "0123456789")] != '\0')
		return false;
	for (; *port != '\0'; port++)
		n = n * 10 + (unsigned long)(*port - '0');
	return n <= 65535;
}

int cfg_check_hosts(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	for (size_t i = 0; i < v->n; i++)
		if (!is_host_and_port(v->kids[i]->text))
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' must be a host in lower case, ':' and a "
				       "port",
				       v->kids[i]->line, name);
	return 0;
}

int cfg_check_epoch(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
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

int cfg_check_normalize(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_enclave *c = base;

	if (v->type != TOML_TABLE)
		return ss_fail(err, SS_EINPUT, "line %u: '%s' must be a table, not %s", v->line,
			       name, toml_type_name(v->type));
	for (size_t i = 0; i < v->n; i++) {
		const struct toml_node *one = v->kids[i];

		if (one->type != TOML_BOOL)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s.%s' must be true or false, not %s", one->line,
				       name, SS_SHOW(ss_text(one->key)), toml_type_name(one->type));
		cfg_texts_push(one->num != 0 ? &c->normalize.on : &c->normalize.off, one->key);
	}
	return 0;
}

int cfg_check_command(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (v->n > 0 && v->kids[0]->text[0] != '\0')
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' must name a program first", v->line, name);
}

int cfg_check_tls(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
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

int cfg_check_alpn(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	for (size_t i = 0; i < v->n; i++) {
		const char *s = v->kids[i]->text;

		if (s[0] == '\0' || strlen(s) > ALPN_MAX)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' holds a name that is empty "
				       "or longer than %u bytes",
				       v->line, name, ALPN_MAX);
		if (strcmp(s, MC_ALPN_SERVICE) == 0)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' holds 'selfsame/1', which is always on",
				       v->line, name);
		if (strcmp(s, MC_ALPN_SECRETS) == 0)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s' holds '" MC_ALPN_SECRETS
				       "', which is on where there is a 'secret'",
				       v->line, name);
	}
	return 0;
}

int cfg_check_egress(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	for (size_t i = 0; i < v->n; i++) {
		struct egress_rule rule;

		if (egress_rule_read(ss_text(v->kids[i]->text), &rule, err) < 0)
			return ss_ctx(err, "line %u: '%s'", v->kids[i]->line, name);
	}
	return 0;
}

int cfg_check_port(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	(void)base;
	if (!mc_is_reserved((uint64_t)v->num))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' is %" PRId64 "; %u to %u are reserved for the runtime",
		       v->line, name, v->num, FRAME_PORT_HEARTBEAT, FRAME_PORT_RESERVED_LAST);
}

int cfg_check_proto(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_ingress *in = base;

	(void)name;
	(void)err;
	in->udp = strcmp(v->text, "udp") == 0;
	return 0;
}

int cfg_check_restart(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_enclave *c = base;

	(void)name;
	(void)err;
	c->app.restart = CFG_RESTART_NEVER;
	if (strcmp(v->text, "on-failure") == 0)
		c->app.restart = CFG_RESTART_ON_FAILURE;
	if (strcmp(v->text, "always") == 0)
		c->app.restart = CFG_RESTART_ALWAYS;
	return 0;
}

int cfg_check_health_path(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err)
{
	if (cfg_check_absolute(v, base, name, err) < 0)
		return -1;
	if (mc_is_path(ss_text(v->text)))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' must be at most %u visible ASCII characters; others are "
		       "written as %%XX",
		       v->line, name, MC_MAX_PATH);
}

int cfg_check_secret_name(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err)
{
	(void)base;
	if (mc_is_secret_name(ss_text(v->text)))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' must be a letter or '_', then letters, digits and '_', %u at "
		       "most",
		       v->line, name, MC_MAX_SECRET_NAME);
}

int cfg_check_secret_from(const struct toml_node *v, void *base, const char *name,
			  struct ss_err *err)
{
	(void)base;
	if (cfg_is_digest(v->text))
		return 0;
	return ss_fail(err, SS_EINPUT,
		       "line %u: '%s' must be 'sha256:' and 64 lower-case hexadecimal digits, the "
		       "hash of the sender's public key",
		       v->line, name);
}

int cfg_check_secret_as(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	struct cfg_secret *s = base;

	(void)name;
	(void)err;
	s->file = strcmp(v->text, "file") == 0;
	return 0;
}

/* --- checks of a whole table ---------------------------------------------------------------------
 */

int cfg_check_ingress(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	const struct cfg_enclave *c = base;
	const struct cfg_ingress *in = c->ingress.v;

	for (size_t i = 0; i < c->ingress.n; i++) {
		const uint32_t line = v->kids[i]->line;

		if (in[i].tls != CFG_TLS_ATTESTED && (in[i].alpn.n > 0 || in[i].http))
			return ss_fail(err, SS_EINPUT, "line %u: '%s.%s' needs tls = \"attested\"",
				       line, name, in[i].alpn.n > 0 ? "alpn" : "http");
		if (in[i].udp && in[i].tls != CFG_TLS_NONE)
			return ss_fail(err, SS_EINPUT,
				       "line %u: '%s.proto' = \"udp\" needs tls = \"none\"", line,
				       name);
		for (size_t k = 0; k < i; k++)
			if (in[k].port == in[i].port && in[k].udp == in[i].udp)
				return ss_fail(err, SS_EINPUT,
					       "line %u: port %" PRIu64 " has an '%s' already, in "
					       "line %u",
					       line, in[i].port, name, v->kids[k]->line);
	}
	return 0;
}

int cfg_check_secret(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	const struct cfg_enclave *c = base;
	const struct cfg_secret *s = c->secrets.v;

	for (size_t i = 0; i < c->secrets.n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(s[k].name, s[i].name) == 0)
				return ss_fail(err, SS_EINPUT,
					       "line %u: '%s' %s is there already, in line %u",
					       v->kids[i]->line, name, s[i].name, v->kids[k]->line);
	return 0;
}

int cfg_check_sign(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	const struct cfg_enclave *c = base;

	if (c->certificate != NULL && c->key != NULL)
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' needs both 'certificate' and 'key'", v->line,
		       name);
}

int cfg_check_health(const struct toml_node *v, void *base, const char *name, struct ss_err *err)
{
	const struct cfg_health *h = &((const struct cfg_enclave *)base)->health;

	if ((h->http != NULL) != h->tcp)
		return 0;
	return ss_fail(err, SS_EINPUT, "line %u: '%s' needs either 'http' or 'tcp = true'", v->line,
		       name);
}
