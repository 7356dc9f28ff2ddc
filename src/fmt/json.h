/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

#include <jansson.h>

/*
 * JSON from outside, read strictly: RFC 8259 text in valid UTF-8, one value and nothing after it,
 * no duplicate keys, no NUL in strings (jansson sees to these), and bounded before the first
 * allocation: JS_MAX_DEPTH levels, JS_MAX_VALUES values, and `max` bytes.
 *
 * The members are then fetched by type; an error names the key. Values are borrowed from `o`.
 */
#define JS_MAX_DEPTH 32u
#define JS_MAX_VALUES 65536u

static inline void js_freep(json_t **j)
{
	json_decref(*j);
}
#define AUTO_JSON SS_CLEANUP(js_freep)

/* `what` names the text in errors ("index.json"). On success *ret is the caller's: json_decref().
 */
SS_MUST_CHECK SS_NONNULL int js_read(struct ss_span in, size_t max, const char *what, json_t **ret,
				     struct ss_err *err);

/*
 * Each: 0 with *ret set (NULL, or the number left as it was, if the key is absent or null),
 * or -1 if the value has another type or, with `need`, if there is none.
 */
SS_MUST_CHECK SS_NONNULL int js_str(const json_t *o, const char *key, bool need, const char **ret,
				    struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int js_obj(const json_t *o, const char *key, bool need, const json_t **ret,
				    struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int js_arr(const json_t *o, const char *key, bool need, const json_t **ret,
				    struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int js_u64(const json_t *o, const char *key, bool need, uint64_t *ret,
				    struct ss_err *err);

/* The keys of an object, sorted by their bytes; the caller frees the array, not the strings. */
SS_MUST_CHECK SS_NONNULL const char **js_keys(const json_t *o, size_t *ret_n);
