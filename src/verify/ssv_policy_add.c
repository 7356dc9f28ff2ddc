/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "verify/ssv_policy.h"

#include <assert.h>
#include <selfsame-verify.h>

/* jansson fails only for lack of memory here: what is written passed its readers. */
static void set(json_t *o, const char *key, json_t *value)
{
	const int rc = json_object_set_new(o, key, value);

	assert(rc == 0);
}

static void push(json_t *list, json_t *value)
{
	const int rc = json_array_append_new(list, value);

	assert(rc == 0);
}

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text != NULL)
		set(o, key, json_string(text));
}

static void set_hex(json_t *o, const char *key, const uint8_t p[ATT_PCR_SIZE])
{
	char hex[2 * ATT_PCR_SIZE + 1];

	ss_hex((struct ss_span){ p, ATT_PCR_SIZE }, hex);
	set(o, key, json_string(hex));
}

static json_t *parts_json(const struct att_release *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_parts; i++) {
		json_t *o = json_object();

		set(o, "type", json_string(r->parts[i].name));
		set(o, "size", json_integer((json_int_t)r->parts[i].size));
		set_hex(o, "sha384", r->parts[i].sha384);
		push(list, o);
	}
	return list;
}

static json_t *entry_json(const struct att_entry *e)
{
	json_t *o = json_object();

	set_text(o, "version", e->name);
	set_text(o, "note", e->note);
	set_text(o, "not_before", e->not_before);
	set_text(o, "not_after", e->not_after);
	set_hex(o, "pcr0", e->r->pcr[0]);
	set_hex(o, "pcr1", e->r->pcr[1]);
	set_hex(o, "pcr2", e->r->pcr[2]);
	if (e->r->has_pcr8)
		set_hex(o, "pcr8", e->r->pcr8);
	if (e->r->n_parts > 0)
		set(o, "part", parts_json(e->r));
	return o;
}

static int put(const char *p, size_t n, void *b)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)p, n });
	return 0;
}

/* The old policy as a value to add to: an object whose "release" is a list. */
static int open_old(struct ss_span old, json_t **ret, struct ss_err *err)
{
	AUTO_SSV_POLICY struct ssv_policy *p = NULL;

	if (old.n == 0) {
		*ret = json_object();
	} else if (ssv_policy_read(old, "policy", &p, err) < 0 ||
		   js_read(old, SSV_POLICY_MAX, "policy", ret, err) < 0) {
		return -1;
	}
	if (json_object_get(*ret, "release") == NULL)
		set(*ret, "release", json_array());
	return 0;
}

int ssv_policy_add(struct ss_span old, const struct att_entry *e, struct ss_buf *ret,
		   struct ss_err *err)
{
	AUTO_JSON json_t *o = NULL;
	int rc;

	if (open_old(old, &o, err) < 0)
		return -1;
	push(json_object_get(o, "release"), entry_json(e));
	rc = json_dump_callback(o, put, ret, JSON_INDENT(2));
	assert(rc == 0);
	ss_buf_put(ret, (struct ss_span){ (const uint8_t *)"\n", 1 });
	return 0;
}
