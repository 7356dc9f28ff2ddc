/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/cbor.h"
#include "fmt/measured.h"

void mc_put_string(struct ss_buf *raw, struct ss_span s)
{
	cbor_put_bstr(raw, s);
}

void mc_put_uint(struct ss_buf *raw, uint32_t v)
{
	cbor_put_uint(raw, v);
}

static void put_number(struct ss_buf *b, const char *key, uint64_t v)
{
	cbor_put_tstr(b, key);
	cbor_put_uint(b, v);
}

static void put_flag(struct ss_buf *b, const char *key, bool v)
{
	cbor_put_tstr(b, key);
	cbor_put_bool(b, v);
}

static void put_list(struct ss_buf *b, const char *key, const struct mc_list *l)
{
	cbor_put_tstr(b, key);
	cbor_put_array(b, l->n);
	ss_buf_put(b, l->raw);
}

void mc_put_ingress(struct ss_buf *raw, const struct mc_ingress *in)
{
	cbor_put_map(raw, 7);
	put_number(raw, "port", in->port);
	put_number(raw, "to", in->to);
	put_number(raw, "tls", (uint64_t)in->tls);
	put_flag(raw, "udp", in->udp);
	put_flag(raw, "proxy", in->proxy);
	put_flag(raw, "http", in->http);
	put_list(raw, "alpn", &in->alpn);
}

void mc_put_secret(struct ss_buf *raw, const struct mc_secret *s)
{
	cbor_put_map(raw, 4);
	cbor_put_tstr(raw, "name");
	cbor_put_bstr(raw, s->name);
	cbor_put_tstr(raw, "from");
	cbor_put_bstr(raw, s->from);
	put_flag(raw, "required", s->required);
	put_flag(raw, "file", s->file);
}

void mc_put_xattr(struct ss_buf *raw, struct ss_span path, struct ss_span name,
		  struct ss_span value)
{
	cbor_put_array(raw, 3);
	cbor_put_bstr(raw, path);
	cbor_put_text(raw, name);
	cbor_put_bstr(raw, value);
}

static void put_health(struct ss_buf *b, const struct mc_health *h)
{
	cbor_put_tstr(b, "health");
	cbor_put_map(b, 6);
	put_number(b, "check", (uint64_t)h->check);
	put_number(b, "port", h->port);
	put_number(b, "interval", h->interval_ms);
	put_number(b, "timeout", h->timeout_ms);
	put_number(b, "failures", h->failures);
	cbor_put_tstr(b, "path");
	cbor_put_bstr(b, h->path);
}

void mc_write(const struct mc_config *c, struct ss_buf *b)
{
	cbor_put_map(b, MC_KEYS);
	put_number(b, "selfsame", c->version);
	put_number(b, "entries", c->entries);
	put_number(b, "bytes", c->bytes);
	put_number(b, "pages", c->pages);
	put_list(b, "argv", &c->argv);
	put_list(b, "env", &c->env);
	cbor_put_tstr(b, "cwd");
	cbor_put_bstr(b, c->cwd);
	put_number(b, "uid", c->uid);
	put_number(b, "gid", c->gid);
	put_list(b, "groups", &c->groups);
	put_number(b, "stop_signal", c->stop_signal);
	put_flag(b, "new_privileges", c->new_privileges);
	put_flag(b, "nsm", c->nsm);
	put_list(b, "ingress", &c->ingress);
	put_list(b, "egress", &c->egress);
	put_list(b, "secrets", &c->secrets);
	put_health(b, &c->health);
	put_number(b, "restart", (uint64_t)c->restart);
	put_number(b, "grace", c->grace_ms);
	put_number(b, "clock", c->clock_ms);
	put_flag(b, "logs", c->logs);
	put_list(b, "xattrs", &c->xattrs);
}
