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

void mc_put_ingress(struct ss_buf *raw, const struct mc_ingress *in)
{
	cbor_put_map(raw, 3);
	cbor_put_tstr(raw, "port");
	cbor_put_uint(raw, in->port);
	cbor_put_tstr(raw, "to");
	cbor_put_uint(raw, in->to);
	cbor_put_tstr(raw, "tls");
	cbor_put_uint(raw, (uint64_t)in->tls);
}

void mc_put_xattr(struct ss_buf *raw, struct ss_span path, struct ss_span name,
		  struct ss_span value)
{
	cbor_put_array(raw, 3);
	cbor_put_bstr(raw, path);
	cbor_put_text(raw, name);
	cbor_put_bstr(raw, value);
}

static void put_number(struct ss_buf *b, const char *key, uint64_t v)
{
	cbor_put_tstr(b, key);
	cbor_put_uint(b, v);
}

static void put_list(struct ss_buf *b, const char *key, const struct mc_list *l)
{
	cbor_put_tstr(b, key);
	cbor_put_array(b, l->n);
	ss_buf_put(b, l->raw);
}

static void put_flag(struct ss_buf *b, const char *key, bool v)
{
	cbor_put_tstr(b, key);
	cbor_put_bool(b, v);
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
	put_list(b, "xattrs", &c->xattrs);
}
