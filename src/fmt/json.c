/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/json.h"

#include "base/mem.h"
#include "base/sort.h"

#include <string.h>

/*
 * Counts what the parser would build, without building it. Strings are skipped with their escapes;
 * whether the text is JSON at all is the parser's business.
 */
static int check_bounds(struct ss_span in, struct ss_err *err)
{
	size_t depth = 0, values = 1;
	bool text = false;

	for (size_t i = 0; i < in.n; i++) {
		const uint8_t c = in.p[i];

		if (text) {
			if (c == '\\')
				i++;
			text = c != '"';
			continue;
		}
		if (c == '"')
			text = true;
		if (c == '[' || c == '{')
			depth++;
		if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (c == '[' || c == '{' || c == ',')
			values++;
		if (depth > JS_MAX_DEPTH)
			return ss_fail(err, SS_ELIMIT, "more than %u levels deep, at offset %zu",
				       JS_MAX_DEPTH, i);
		if (values > JS_MAX_VALUES)
			return ss_fail(err, SS_ELIMIT, "more than %u values, at offset %zu",
				       JS_MAX_VALUES, i);
	}
	return 0;
}

/* The parser's own words quote the input, and change between its releases. */
static const char *reason(const json_error_t *e)
{
	static const struct {
		enum json_error_code code;
		const char *text;
	} table[] = {
		{ json_error_premature_end_of_input, "the JSON ends too early" },
		{ json_error_end_of_input_expected, "something follows the JSON" },
		{ json_error_invalid_utf8, "not UTF-8" },
		{ json_error_null_byte_in_key, "a NUL in a key" },
		{ json_error_null_character, "a NUL in a string" },
		{ json_error_duplicate_key, "a key occurs twice" },
		{ json_error_numeric_overflow, "a number is too large" },
	};

	for (size_t i = 0; i < SS_NELEMS(table); i++)
		if (table[i].code == json_error_code(e))
			return table[i].text;
	return "not JSON";
}

int js_read(struct ss_span in, size_t max, const char *what, json_t **ret, struct ss_err *err)
{
	json_error_t e = { 0 };
	json_t *j;

	if (in.n > max)
		return ss_fail(err, SS_ELIMIT, "%s: %zu bytes of JSON; the limit is %zu", what,
			       in.n, max);
	if (check_bounds(in, err) < 0)
		return ss_ctx(err, "%s", what);
	j = json_loadb(in.n > 0 ? (const char *)in.p : "", in.n,
		       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (j == NULL)
		return ss_fail(err, SS_EINPUT, "%s: %s (line %d, column %d)", what, reason(&e),
			       e.line, e.column);
	*ret = j;
	return 0;
}

static int member(const json_t *o, const char *key, bool need, bool (*is)(const json_t *),
		  const char *type, const json_t **ret, struct ss_err *err)
{
	const json_t *v = json_object_get(o, key);

	if (v != NULL && json_is_null(v))
		v = NULL;
	if (v == NULL && need)
		return ss_fail(err, SS_EINPUT, "'%s' is missing", key);
	if (v != NULL && !is(v))
		return ss_fail(err, SS_EINPUT, "'%s' is not %s", key, type);
	*ret = v;
	return 0;
}

static bool is_str(const json_t *v)
{
	return json_is_string(v);
}

static bool is_obj(const json_t *v)
{
	return json_is_object(v);
}

static bool is_arr(const json_t *v)
{
	return json_is_array(v);
}

static bool is_u64(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0;
}

int js_str(const json_t *o, const char *key, bool need, const char **ret, struct ss_err *err)
{
	const json_t *v;

	if (member(o, key, need, is_str, "a string", &v, err) < 0)
		return -1;
	*ret = json_string_value(v);
	return 0;
}

int js_obj(const json_t *o, const char *key, bool need, const json_t **ret, struct ss_err *err)
{
	return member(o, key, need, is_obj, "an object", ret, err);
}

int js_arr(const json_t *o, const char *key, bool need, const json_t **ret, struct ss_err *err)
{
	return member(o, key, need, is_arr, "an array", ret, err);
}

int js_u64(const json_t *o, const char *key, bool need, uint64_t *ret, struct ss_err *err)
{
	const json_t *v;

	if (member(o, key, need, is_u64, "a whole number", &v, err) < 0)
		return -1;
	if (v != NULL)
		*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **js_keys(const json_t *o, size_t *ret_n)
{
	const char **keys = ss_calloc(json_object_size(o), sizeof(*keys));
	union {
		const json_t *in;
		json_t *out;
	} u = { .in = o }; /* the library's iterators only read, but say so nowhere */
	size_t n = 0;

	for (void *i = json_object_iter(u.out); i != NULL; i = json_object_iter_next(u.out, i))
		keys[n++] = json_object_iter_key(i);
	ss_sort(keys, n, sizeof(*keys), by_bytes);
	*ret_n = n;
	return keys;
}
