/* SPDX-License-Identifier: Apache-2.0 */
#include "config/measurements.h"

#include "base/hex.h"
#include "fmt/json.h"
#include "io/file.h"

#include <inttypes.h>
#include <string.h>

#define ALGORITHM "Sha384 { ... }"
#define HEX_MAX (2 * CRYPTO_HASH_MAX + 1)

/* --- writing -----------------------------------------------------------------------------------
 */

/* jansson fails only for lack of memory here. */
static void set(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) != 0)
		abort();
}

static void set_hex(json_t *o, const char *key, const uint8_t *p, size_t n)
{
	char hex[HEX_MAX];

	ss_hex((struct ss_span){ p, n }, hex);
	set(o, key, json_string(hex));
}

json_t *cfg_registers_json(const struct eif_measurements *m)
{
	json_t *o = json_object();

	set(o, "HashAlgorithm", json_string(ALGORITHM));
	set_hex(o, "PCR0", m->pcr0, sizeof(m->pcr0));
	set_hex(o, "PCR1", m->pcr1, sizeof(m->pcr1));
	set_hex(o, "PCR2", m->pcr2, sizeof(m->pcr2));
	if (m->has_pcr8)
		set_hex(o, "PCR8", m->pcr8, sizeof(m->pcr8));
	return o;
}

static json_t *eif_json(const struct eif_measurements *m)
{
	json_t *o = json_object();

	set_hex(o, "sha256", m->file_sha256, sizeof(m->file_sha256));
	set(o, "size", json_integer((json_int_t)m->file_size));
	return o;
}

static json_t *parts_json(const struct eif_measurements *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->n_parts; i++) {
		json_t *o = json_object();

		set(o, "type", json_string(eif_section_name(m->parts[i].type)));
		set(o, "size", json_integer((json_int_t)m->parts[i].size));
		set_hex(o, "sha384", m->parts[i].sha384, sizeof(m->parts[i].sha384));
		if (json_array_append_new(list, o) != 0)
			abort();
	}
	return list;
}

static json_t *source_json(const struct cfg_source *s)
{
	json_t *o = json_object();

	set(o, "commit", s->commit[0] != '\0' ? json_string(s->commit) : json_null());
	set(o, "dirty", json_boolean(s->dirty));
	return o;
}

static int append(const char *p, size_t n, void *ctx)
{
	ss_buf_put(ctx, (struct ss_span){ (const uint8_t *)p, n });
	return 0;
}

void cfg_measurements_write(const struct cfg_measurements *m, struct ss_buf *b)
{
	AUTO_JSON json_t *o = cfg_registers_json(&m->m);

	set(o, "eif", eif_json(&m->m));
	set(o, "parts", parts_json(&m->m));
	set(o, "source", source_json(&m->source));
	if (json_dump_callback(o, append, b, JSON_INDENT(2)) != 0)
		abort();
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"\n", 1 });
}

/* --- reading -----------------------------------------------------------------------------------
 */

static int get_hex(const json_t *o, const char *key, bool need, uint8_t *ret, size_t n,
		   bool *ret_there, struct ss_err *err)
{
	const char *text = NULL;

	if (js_str(o, key, need, &text, err) < 0)
		return -1;
	*ret_there = text != NULL;
	if (text != NULL && !ss_unhex(text, ret, n))
		return ss_fail(err, SS_EINPUT, "'%s' must be %zu hexadecimal digits", key, 2 * n);
	return 0;
}

static int read_registers(const json_t *o, struct eif_measurements *m, struct ss_err *err)
{
	const char *algorithm = NULL;
	bool there;

	if (js_str(o, "HashAlgorithm", true, &algorithm, err) < 0)
		return -1;
	if (strncmp(algorithm, "Sha384", 6) != 0)
		return ss_fail(err, SS_EINPUT, "'HashAlgorithm' must be " ALGORITHM);
	if (get_hex(o, "PCR0", true, m->pcr0, sizeof(m->pcr0), &there, err) < 0 ||
	    get_hex(o, "PCR1", true, m->pcr1, sizeof(m->pcr1), &there, err) < 0 ||
	    get_hex(o, "PCR2", true, m->pcr2, sizeof(m->pcr2), &there, err) < 0)
		return -1;
	return get_hex(o, "PCR8", false, m->pcr8, sizeof(m->pcr8), &m->has_pcr8, err);
}

static int part_type(const char *name, enum eif_section_type *ret, struct ss_err *err)
{
	static const enum eif_section_type types[] = { EIF_KERNEL, EIF_CMDLINE, EIF_RAMDISK };

	for (size_t i = 0; i < SS_NELEMS(types); i++)
		if (strcmp(name, eif_section_name(types[i])) == 0) {
			*ret = types[i];
			return 0;
		}
	return ss_fail(err, SS_EINPUT, "'type' must be kernel, cmdline or ramdisk");
}

static int read_part(const json_t *o, struct eif_part *ret, struct ss_err *err)
{
	const char *type = NULL;
	bool there;

	if (!json_is_object(o))
		return ss_fail(err, SS_EINPUT, "'parts' must hold objects");
	if (js_str(o, "type", true, &type, err) < 0 || part_type(type, &ret->type, err) < 0 ||
	    js_u64(o, "size", true, &ret->size, err) < 0)
		return -1;
	return get_hex(o, "sha384", true, ret->sha384, sizeof(ret->sha384), &there, err);
}

static int read_parts(const json_t *o, struct eif_measurements *m, struct ss_err *err)
{
	const json_t *list = NULL;

	if (js_arr(o, "parts", true, &list, err) < 0)
		return -1;
	if (json_array_size(list) > EIF_MAX_PARTS)
		return ss_fail(err, SS_ELIMIT, "%zu parts; the format holds %u",
			       json_array_size(list), EIF_MAX_PARTS);
	for (; m->n_parts < json_array_size(list); m->n_parts++)
		if (read_part(json_array_get(list, m->n_parts), &m->parts[m->n_parts], err) < 0)
			return ss_ctx(err, "part %zu", m->n_parts);
	return 0;
}

static int read_file(const json_t *o, struct eif_measurements *m, struct ss_err *err)
{
	const json_t *eif = NULL;

	if (js_obj(o, "eif", true, &eif, err) < 0)
		return -1;
	if (js_u64(eif, "size", true, &m->file_size, err) < 0 ||
	    get_hex(eif, "sha256", true, m->file_sha256, sizeof(m->file_sha256), &m->has_sha256,
		    err) < 0)
		return ss_ctx(err, "'eif'");
	return 0;
}

static int read_source(const json_t *o, struct cfg_source *ret, struct ss_err *err)
{
	const json_t *source = NULL;
	const char *commit = NULL;
	const json_t *dirty;

	if (js_obj(o, "source", true, &source, err) < 0 ||
	    js_str(source, "commit", false, &commit, err) < 0)
		return -1;
	dirty = json_object_get(source, "dirty");
	if (!json_is_boolean(dirty))
		return ss_fail(err, SS_EINPUT, "'dirty' must be true or false");
	if (commit != NULL && (strlen(commit) > CFG_COMMIT_MAX ||
			       strspn(commit, "0123456789abcdef") != strlen(commit)))
		return ss_fail(err, SS_EINPUT, "'commit' must be lower-case hexadecimal");
	(void)snprintf(ret->commit, sizeof(ret->commit), "%s", commit != NULL ? commit : "");
	ret->dirty = json_is_true(dirty);
	return 0;
}

int cfg_measurements_read(struct ss_span in, struct cfg_measurements *ret, struct ss_err *err)
{
	AUTO_JSON json_t *o = NULL;
	struct cfg_measurements m = { 0 };

	if (js_read(in, CFG_MEASUREMENTS_MAX, "measurements", &o, err) < 0)
		return -1;
	if (!json_is_object(o))
		return ss_fail(err, SS_EINPUT, "measurements must be an object");
	if (read_registers(o, &m.m, err) < 0 || read_file(o, &m.m, err) < 0 ||
	    read_parts(o, &m.m, err) < 0 || read_source(o, &m.source, err) < 0)
		return -1;
	*ret = m;
	return 0;
}

int cfg_measurements_load(const char *path, struct cfg_measurements *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_MEASUREMENTS_MAX);

	if (io_load_file(path, &b, err) < 0)
		return -1;
	if (cfg_measurements_read(ss_buf_span(&b), ret, err) < 0)
		return ss_ctx(err, "'%s'", path);
	return 0;
}

static int read_any(struct ss_span in, struct eif_measurements *ret, struct ss_err *err)
{
	AUTO_JSON json_t *o = NULL;
	struct eif_measurements m = { 0 };
	const json_t *registers = NULL;

	if (js_read(in, CFG_MEASUREMENTS_MAX, "measurements", &o, err) < 0)
		return -1;
	if (!json_is_object(o))
		return ss_fail(err, SS_EINPUT, "measurements must be an object");
	if (js_obj(o, "Measurements", false, &registers, err) < 0 ||
	    read_registers(registers != NULL ? registers : o, &m, err) < 0)
		return -1;
	if (json_object_get(o, "parts") != NULL && read_parts(o, &m, err) < 0)
		return -1;
	*ret = m;
	return 0;
}

int cfg_measurements_load_any(const char *path, struct eif_measurements *ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_MEASUREMENTS_MAX);

	if (io_load_file(path, &b, err) < 0)
		return -1;
	if (read_any(ss_buf_span(&b), ret, err) < 0)
		return ss_ctx(err, "'%s'", path);
	return 0;
}

/* --- comparing ---------------------------------------------------------------------------------
 */

struct comparison {
	void (*differs)(void *ctx, const char *what, const char *want, const char *got);
	void *ctx;
	bool same;
};

static void compare_hex(struct comparison *c, const char *what, const uint8_t *want,
			const uint8_t *got, size_t n)
{
	char a[HEX_MAX], b[HEX_MAX];

	if (memcmp(want, got, n) == 0)
		return;
	ss_hex((struct ss_span){ want, n }, a);
	ss_hex((struct ss_span){ got, n }, b);
	c->same = false;
	c->differs(c->ctx, what, a, b);
}

static void compare_num(struct comparison *c, const char *what, uint64_t want, uint64_t got)
{
	char a[24], b[24];

	if (want == got)
		return;
	(void)snprintf(a, sizeof(a), "%" PRIu64, want);
	(void)snprintf(b, sizeof(b), "%" PRIu64, got);
	c->same = false;
	c->differs(c->ctx, what, a, b);
}

static void compare_parts(struct comparison *c, const struct eif_measurements *want,
			  const struct eif_measurements *got)
{
	size_t ramdisk = 0;

	compare_num(c, "number of parts", want->n_parts, got->n_parts);
	for (size_t i = 0; i < want->n_parts && i < got->n_parts; i++) {
		const struct eif_part *p = &want->parts[i];
		const struct eif_part *q = &got->parts[i];
		char what[48], size[64];

		(void)snprintf(what, sizeof(what), "%s", eif_section_name(p->type));
		if (p->type == EIF_RAMDISK)
			(void)snprintf(what, sizeof(what), "ramdisk %zu", ramdisk++);
		if (p->type != q->type) {
			c->same = false;
			c->differs(c->ctx, what, eif_section_name(p->type),
				   eif_section_name(q->type));
			continue;
		}
		(void)snprintf(size, sizeof(size), "%s, size", what);
		compare_num(c, size, p->size, q->size);
		compare_hex(c, what, p->sha384, q->sha384, sizeof(p->sha384));
	}
}

bool cfg_measurements_same(const struct eif_measurements *want, const struct eif_measurements *got,
			   void (*differs)(void *ctx, const char *what, const char *want,
					   const char *got),
			   void *ctx)
{
	struct comparison c = { differs, ctx, true };

	compare_hex(&c, "PCR0", want->pcr0, got->pcr0, sizeof(want->pcr0));
	compare_hex(&c, "PCR1", want->pcr1, got->pcr1, sizeof(want->pcr1));
	compare_hex(&c, "PCR2", want->pcr2, got->pcr2, sizeof(want->pcr2));
	if (want->has_pcr8 && got->has_pcr8)
		compare_hex(&c, "PCR8", want->pcr8, got->pcr8, sizeof(want->pcr8));
	compare_parts(&c, want, got);
	if (want->has_pcr8 == got->has_pcr8) {
		compare_num(&c, "file, size", want->file_size, got->file_size);
		compare_hex(&c, "file", want->file_sha256, got->file_sha256,
			    sizeof(want->file_sha256));
	}
	return c.same;
}
