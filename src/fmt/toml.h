/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

/*
 * TOML 1.0, of which this project needs tables, arrays, strings, integers and booleans: floats,
 * dates and times are refused, as are NUL characters, a byte order mark, and what is over the
 * limits below. Dotted keys add only to tables that dotted keys began. What is read means the same
 * to any other reader of TOML (tests/oracle/toml.py). Pure: bytes to a tree of nodes and back.
 *
 * A node owns its strings and its children. Strings are UTF-8 without NUL.
 */
#define TOML_MAX_SIZE ((size_t)8 * 1024 * 1024) /* a lock with 30 000 recorded requests */
#define TOML_MAX_DEPTH 16u
#define TOML_MAX_KEYS 4096u /* in one table; arrays have no limit of their own */

enum toml_type { TOML_TABLE, TOML_ARRAY, TOML_STRING, TOML_INT, TOML_BOOL };

struct toml_node {
	enum toml_type type;
	uint32_t line; /* where it begins, from 1; in a table, where its key stands; 0: made here */
	char *key;     /* in a table; else NULL */
	char *text;    /* TOML_STRING */
	int64_t num;   /* TOML_INT; TOML_BOOL: 0 or 1 */
	struct toml_node **kids; /* TOML_TABLE: in the order of the file; TOML_ARRAY */
	size_t n;
	uint8_t origin; /* the reader's own: how it came about */
	uint8_t depth;  /* the reader's own */
};

/* Messages begin "line N: ". *ret is the caller's: toml_free(). */
SS_MUST_CHECK SS_NONNULL int toml_read(struct ss_span in, struct toml_node **ret,
				       struct ss_err *err);

/*
 * The canonical text of a table: keys by bytes, plain values before tables, one blank line before
 * each header, arrays of two or more one element a line. Reading it back gives an equal tree.
 */
SS_NONNULL void toml_write(const struct toml_node *table, struct ss_buf *b);

/* NULL = absent. */
SS_NONNULL struct toml_node *toml_get(const struct toml_node *table, const char *key);
/* Same types, values and keys, whatever the order of keys and the lines. */
SS_NONNULL bool toml_equal(const struct toml_node *a, const struct toml_node *b);
/* "a string", "an integer", "true or false", "a list", "a table" */
const char *toml_type_name(enum toml_type type);

/* --- building -------------------------------------------------------------------------- */

/* The caller owns it. */
struct toml_node *toml_new(enum toml_type type, uint32_t line);
struct toml_node *toml_new_text(const char *text);
void toml_free(struct toml_node *t); /* accepts NULL */
/* The table or array owns `kid` afterwards. The caller sees to it that keys are unique. */
SS_NONNULL void toml_put(struct toml_node *table, const char *key, struct toml_node *kid);
SS_NONNULL void toml_push(struct toml_node *array, struct toml_node *kid);
SS_NONNULL void toml_put_text(struct toml_node *table, const char *key, const char *value);
SS_NONNULL void toml_put_int(struct toml_node *table, const char *key, int64_t value);
SS_NONNULL void toml_put_bool(struct toml_node *table, const char *key, bool value);

static inline void toml_freep(struct toml_node **t)
{
	toml_free(*t);
}
#define AUTO_TOML SS_CLEANUP(toml_freep)
