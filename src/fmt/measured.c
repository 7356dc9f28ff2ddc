/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/measured.h"

#include "base/text.h"
#include "fmt/cbor.h"
#include "fmt/cpio.h"
#include "fmt/egress.h"
#include "fmt/frame.h"

#include <string.h>

#define PAGE_SIZE 4096u

static bool is_text(struct ss_span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

/* A string that can go to execve(): no NUL inside, and short enough with one behind it. */
static struct ss_span read_string(struct cbor_in *in)
{
	const struct ss_span s = cbor_bstr(in);

	if (s.n > 0 && memchr(s.p, 0, s.n) != NULL)
		cbor_refuse(in, "a string with a NUL inside");
	if (s.n >= MC_MAX_STRING)
		cbor_refuse(in, "a string over its limit");
	return s;
}

/* The items that were read since the offset `from`. */
static struct mc_list list_of(const struct cbor_in *in, size_t from, size_t n)
{
	return (struct mc_list){ .raw = cbor_since(in, from), .n = n };
}

static struct mc_list read_argv(struct cbor_in *in)
{
	struct cbor_seq s = cbor_array(in);
	const size_t from = cbor_offset(in);
	const size_t n = (size_t)s.left;
	bool first = true;

	if (s.left == 0)
		cbor_refuse(in, "no argument at all");
	while (cbor_more(in, &s)) {
		const struct ss_span arg = read_string(in);

		if (first && arg.n == 0)
			cbor_refuse(in, "an empty program name");
		first = false;
	}
	return list_of(in, from, n);
}

static struct mc_list read_env(struct cbor_in *in)
{
	struct cbor_seq s = cbor_array(in);
	const size_t from = cbor_offset(in);
	const size_t n = (size_t)s.left;

	while (cbor_more(in, &s)) {
		const struct ss_span v = read_string(in);
		const uint8_t *eq = v.n > 0 ? memchr(v.p, '=', v.n) : NULL;

		if (eq == NULL || eq == v.p)
			cbor_refuse(in, "an environment entry that is not NAME=value");
	}
	return list_of(in, from, n);
}

static struct ss_span read_cwd(struct cbor_in *in)
{
	const struct ss_span s = read_string(in);

	if (s.n == 0 || s.n >= CPIO_MAX_NAME || s.p[0] != '/')
		cbor_refuse(in, "a working directory that is not an absolute path");
	return s;
}

static struct mc_list read_groups(struct cbor_in *in)
{
	struct cbor_seq s = cbor_array(in);
	const size_t from = cbor_offset(in);
	const size_t n = (size_t)s.left;

	if (s.left > MC_MAX_GROUPS)
		cbor_refuse(in, "too many groups");
	while (cbor_more(in, &s))
		(void)cbor_uint_max(in, MC_ID_MAX);
	return list_of(in, from, n);
}

static uint64_t read_number(struct cbor_in *in, const char *key, uint64_t max)
{
	cbor_key(in, key);
	return cbor_uint_max(in, max);
}

static bool read_flag(struct cbor_in *in, const char *key)
{
	cbor_key(in, key);
	return cbor_bool(in);
}

static uint16_t read_port(struct cbor_in *in, const char *key)
{
	const uint64_t port = read_number(in, key, UINT16_MAX);

	if (port == 0)
		cbor_refuse(in, "port 0");
	return (uint16_t)port;
}

bool mc_is_reserved(uint64_t port)
{
	return port >= FRAME_PORT_HEARTBEAT && port <= FRAME_PORT_RESERVED_LAST;
}

static struct mc_list read_alpn(struct cbor_in *in)
{
	struct cbor_seq s = cbor_array(in);
	const size_t from = cbor_offset(in);
	const size_t n = (size_t)s.left;

	if (s.left > MC_MAX_ALPN)
		cbor_refuse(in, "too many protocols");
	while (cbor_more(in, &s)) {
		const struct ss_span name = cbor_bstr(in);

		if (name.n == 0 || name.n > MC_MAX_ALPN_NAME || ss_is(name, MC_ALPN_SERVICE) ||
		    ss_is(name, MC_ALPN_SECRETS))
			cbor_refuse(in, "a protocol's name that is none");
	}
	return list_of(in, from, n);
}

static struct mc_ingress read_ingress(struct cbor_in *in)
{
	struct cbor_seq s = cbor_map(in);
	struct mc_ingress i = { 0 };

	if (s.left != 7)
		cbor_refuse(in, "an ingress without its seven keys");
	i.port = read_port(in, "port");
	if (mc_is_reserved(i.port))
		cbor_refuse(in, "a port that is reserved");
	i.to = read_port(in, "to");
	i.tls = (enum mc_tls)read_number(in, "tls", MC_TLS_ATTESTED);
	i.udp = read_flag(in, "udp");
	if (i.udp && i.tls != MC_TLS_NONE)
		cbor_refuse(in, "TLS over datagrams");
	i.proxy = read_flag(in, "proxy");
	i.http = read_flag(in, "http");
	cbor_key(in, "alpn");
	i.alpn = read_alpn(in);
	if (i.tls != MC_TLS_ATTESTED && (i.http || i.alpn.n > 0))
		cbor_refuse(in, "protocols where no TLS ends");
	return i;
}

static struct mc_list read_ingresses(struct cbor_in *in)
{
	struct cbor_seq s = cbor_array(in);
	const size_t from = cbor_offset(in);
	const size_t n = (size_t)s.left;
	uint32_t seen[MC_MAX_INGRESS];
	size_t n_seen = 0;

	if (s.left > MC_MAX_INGRESS)
		cbor_refuse(in, "too many ingresses");
	while (cbor_more(in, &s)) {
		const struct mc_ingress i = read_ingress(in);
		const uint32_t id = i.port + (i.udp ? FRAME_PORT_UDP : 0);

		for (size_t k = 0; k < n_seen; k++)
			if (seen[k] == id)
				cbor_refuse(in, "two ingresses for one port");
		seen[n_seen++] = id;
	}
	return list_of(in, from, n);
}

static struct mc_list read_egress(struct cbor_in *in)
{
	struct cbor_seq s = cbor_array(in);
	const size_t from = cbor_offset(in);
	const size_t n = (size_t)s.left;

	if (s.left > EGRESS_MAX_RULES)
		cbor_refuse(in, "too many egress rules");
	while (cbor_more(in, &s)) {
		const struct ss_span text = cbor_bstr(in);
		struct egress_rule rule;
		struct ss_err ignored;

		if (in->why == NULL && !in->c.bad && egress_rule_read(text, &rule, &ignored) < 0)
			cbor_refuse(in, "an egress rule that is none");
	}
	return list_of(in, from, n);
}

static bool is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

bool mc_is_secret_name(struct ss_span s)
{
	if (s.n == 0 || s.n > MC_MAX_SECRET_NAME || !is_letter(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_letter(s.p[i]) && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	return true;
}

static struct mc_secret read_secret(struct cbor_in *in)
{
	const struct cbor_seq s = cbor_map(in);
	struct mc_secret v = { 0 };

	if (s.left != 4)
		cbor_refuse(in, "a secret without its four keys");
	cbor_key(in, "name");
	v.name = cbor_bstr(in);
	if (!mc_is_secret_name(v.name))
		cbor_refuse(in, "a secret of no valid name");
	cbor_key(in, "from");
	v.from = cbor_bstr(in);
	if (v.from.n != MC_SECRET_FROM)
		cbor_refuse(in, "a secret's sender that is no SHA-256");
	v.required = read_flag(in, "required");
	v.file = read_flag(in, "file");
	return v;
}

static struct mc_list read_secrets(struct cbor_in *in)
{
	struct cbor_seq s = cbor_array(in);
	const size_t from = cbor_offset(in);
	const size_t n = (size_t)s.left;
	struct ss_span seen[MC_MAX_SECRETS];
	size_t n_seen = 0;

	if (s.left > MC_MAX_SECRETS)
		cbor_refuse(in, "too many secrets");
	while (cbor_more(in, &s)) {
		const struct mc_secret v = read_secret(in);

		for (size_t k = 0; k < n_seen; k++)
			if (ss_same(seen[k], v.name))
				cbor_refuse(in, "two secrets of one name");
		seen[n_seen++] = v.name;
	}
	return list_of(in, from, n);
}

bool mc_is_path(struct ss_span s)
{
	if (s.n == 0 || s.n > MC_MAX_PATH || s.p[0] != '/')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return true;
}

static struct mc_health read_health(struct cbor_in *in)
{
	const struct cbor_seq s = cbor_map(in);
	struct mc_health h = { 0 };
	bool unused, whole;

	if (s.left != 6)
		cbor_refuse(in, "a health check without its six keys");
	h.check = (enum mc_check)read_number(in, "check", MC_CHECK_HTTP);
	h.port = (uint16_t)read_number(in, "port", UINT16_MAX);
	h.interval_ms = (uint32_t)read_number(in, "interval", MC_MAX_INTERVAL_MS);
	h.timeout_ms = (uint32_t)read_number(in, "timeout", MC_MAX_TIMEOUT_MS);
	h.failures = (uint32_t)read_number(in, "failures", MC_MAX_FAILURES);
	cbor_key(in, "path");
	h.path = cbor_bstr(in);
	if (h.check == MC_CHECK_HTTP ? !mc_is_path(h.path) : h.path.n != 0)
		cbor_refuse(in, "a health check of no valid path");
	unused = h.port == 0 && h.interval_ms == 0 && h.timeout_ms == 0 && h.failures == 0;
	whole = h.port != 0 && h.interval_ms != 0 && h.timeout_ms != 0 && h.failures != 0;
	if (h.check == MC_CHECK_NONE ? !unused : !whole)
		cbor_refuse(in, "a health check that is neither whole nor absent");
	return h;
}

struct xattr {
	struct ss_span path;
	struct ss_span name;
	struct ss_span value;
};

static struct xattr read_xattr(struct cbor_in *in)
{
	const struct cbor_seq s = cbor_array(in);
	struct xattr x = { 0 };
	struct ss_err ignored;

	if (s.left != 3)
		cbor_refuse(in, "an attribute that is not three items");
	x.path = cbor_bstr(in);
	if (in->why == NULL && !in->c.bad && cpio_name_check(x.path, &ignored) < 0)
		cbor_refuse(in, "an attribute of no valid name");
	x.name = cbor_tstr(in);
	if (!is_text(x.name, "security.capability") &&
	    !is_text(x.name, "system.posix_acl_access") &&
	    !is_text(x.name, "system.posix_acl_default"))
		cbor_refuse(in, "an attribute that is not carried");
	x.value = cbor_bstr(in);
	if (x.value.n > MC_MAX_XATTR)
		cbor_refuse(in, "an attribute over its limit");
	return x;
}

static struct mc_list read_xattrs(struct cbor_in *in)
{
	struct cbor_seq s = cbor_array(in);
	const size_t from = cbor_offset(in);
	const size_t n = (size_t)s.left;

	if (s.left > MC_MAX_XATTRS)
		cbor_refuse(in, "too many attributes");
	while (cbor_more(in, &s))
		(void)read_xattr(in);
	return list_of(in, from, n);
}

static void read_what_to_start(struct cbor_in *in, struct mc_config *c)
{
	cbor_key(in, "argv");
	c->argv = read_argv(in);
	cbor_key(in, "env");
	c->env = read_env(in);
	if (c->argv.n > MC_MAX_STRINGS || c->env.n > MC_MAX_STRINGS - c->argv.n)
		cbor_refuse(in, "too many arguments and environment entries");
	cbor_key(in, "cwd");
	c->cwd = read_cwd(in);
	c->uid = (uint32_t)read_number(in, "uid", MC_ID_MAX);
	c->gid = (uint32_t)read_number(in, "gid", MC_ID_MAX);
	cbor_key(in, "groups");
	c->groups = read_groups(in);
	c->stop_signal = (uint32_t)read_number(in, "stop_signal", 64);
	if (c->stop_signal == 0)
		cbor_refuse(in, "signal 0");
	c->new_privileges = read_flag(in, "new_privileges");
	c->nsm = read_flag(in, "nsm");
}

int mc_read(struct ss_span in, struct mc_config *ret, struct ss_err *err)
{
	struct cbor_in r = cbor_in_init(in, CBOR_STRICT);
	struct mc_config c = { 0 };

	if (in.n > MC_MAX_SIZE)
		return ss_fail(err, SS_ELIMIT, "measured config: %zu bytes; the limit is %zu", in.n,
			       MC_MAX_SIZE);
	if (cbor_map(&r).left != MC_KEYS)
		cbor_refuse(&r, "not a map of as many keys as this version has");
	c.version = (uint32_t)read_number(&r, "selfsame", UINT32_MAX);
	if (c.version != MC_VERSION)
		cbor_refuse(&r, "a version this runtime does not know");
	c.entries = (uint32_t)read_number(&r, "entries", MC_MAX_ENTRIES);
	c.bytes = read_number(&r, "bytes", UINT64_MAX);
	c.pages = read_number(&r, "pages", UINT64_MAX / PAGE_SIZE);
	read_what_to_start(&r, &c);
	cbor_key(&r, "ingress");
	c.ingress = read_ingresses(&r);
	cbor_key(&r, "egress");
	c.egress = read_egress(&r);
	cbor_key(&r, "secrets");
	c.secrets = read_secrets(&r);
	cbor_key(&r, "health");
	c.health = read_health(&r);
	c.restart = (enum mc_restart)read_number(&r, "restart", MC_RESTART_ALWAYS);
	c.grace_ms = (uint32_t)read_number(&r, "grace", MC_MAX_GRACE_MS);
	c.clock_ms = (uint32_t)read_number(&r, "clock", MC_MAX_CLOCK_MS);
	c.logs = read_flag(&r, "logs");
	cbor_key(&r, "xattrs");
	c.xattrs = read_xattrs(&r);
	if (cbor_end(&r, "measured config", err) < 0)
		return -1;
	*ret = c;
	return 0;
}

static struct cbor_in list_open(struct mc_list *l)
{
	l->n--;
	return cbor_in_init(l->raw, CBOR_STRICT);
}

static void list_close(struct mc_list *l, const struct cbor_in *in)
{
	struct ss_cur rest = in->c;

	l->raw = ss_cur_take(&rest, ss_cur_left(&rest));
}

bool mc_next_string(struct mc_list *l, struct ss_span *ret)
{
	struct cbor_in in;

	if (l->n == 0)
		return false;
	in = list_open(l);
	*ret = cbor_bstr(&in);
	list_close(l, &in);
	return true;
}

bool mc_next_uint(struct mc_list *l, uint32_t *ret)
{
	struct cbor_in in;

	if (l->n == 0)
		return false;
	in = list_open(l);
	*ret = (uint32_t)cbor_uint_max(&in, UINT32_MAX);
	list_close(l, &in);
	return true;
}

bool mc_next_ingress(struct mc_list *l, struct mc_ingress *ret)
{
	struct cbor_in in;

	if (l->n == 0)
		return false;
	in = list_open(l);
	*ret = read_ingress(&in);
	list_close(l, &in);
	return true;
}

bool mc_next_secret(struct mc_list *l, struct mc_secret *ret)
{
	struct cbor_in in;

	if (l->n == 0)
		return false;
	in = list_open(l);
	*ret = read_secret(&in);
	list_close(l, &in);
	return true;
}

bool mc_next_xattr(struct mc_list *l, struct ss_span *path, struct ss_span *name,
		   struct ss_span *value)
{
	struct cbor_in in;
	struct xattr x;

	if (l->n == 0)
		return false;
	in = list_open(l);
	x = read_xattr(&in);
	*path = x.path;
	*name = x.name;
	*value = x.value;
	list_close(l, &in);
	return true;
}
