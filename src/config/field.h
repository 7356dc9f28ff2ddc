/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/toml.h"

/*
 * What a TOML file of ours may say, as data: a table of keys with their types and bounds fills a
 * struct, and refuses whatever is not in it. Messages begin "line N: " and name the key; an unknown
 * one names its nearest neighbour.
 *
 * Everything a reader stores belongs to the struct that was filled: cfg_fields_done().
 */

/* Text without NUL; owned. */
struct cfg_texts {
	char **v; /* NULL-terminated */
	size_t n;
};

struct cfg_pair {
	char *key;
	char *value;
};

/* Sorted by the bytes of the keys, which are unique. */
struct cfg_pairs {
	struct cfg_pair *v;
	size_t n;
};

/* The elements of an array of tables, each of cfg_field.size bytes. */
struct cfg_list {
	void *v;
	size_t n;
};

enum cfg_kind {
	CFG_TEXT,  /* char *; not empty, no control characters */
	CFG_TEXTS, /* struct cfg_texts; elements may be empty, any character */
	CFG_PAIRS, /* struct cfg_pairs: a table of text; values as in CFG_TEXTS */
	CFG_NUM,   /* uint64_t, min … max */
	CFG_BOOL,  /* bool */
	CFG_TABLE, /* the rows of `fields`, in the same struct */
	CFG_LIST,  /* struct cfg_list: elements filled by `fields` */
	CFG_OWN,   /* read by check() alone; what it stores is freed by its reader */
};

struct cfg_field {
	const char *key; /* NULL ends the table */
	enum cfg_kind kind;
	size_t at; /* offsetof() */
	bool need;
	uint64_t min;        /* CFG_NUM */
	uint64_t max;        /* CFG_NUM; CFG_TEXTS, CFG_PAIRS, CFG_LIST: elements, 0 = 4096 */
	const char *choices; /* CFG_TEXT: "x86_64 aarch64"; NULL = any */
	const struct cfg_field *fields;
	size_t size; /* CFG_LIST */
	/* After the value was stored; `base` is the struct, `name` is "ingress.port". May be NULL.
	 */
	int (*check)(const struct toml_node *v, void *base, const char *name, struct ss_err *err);
};

#define CFG_FIELDS_END                                                                             \
	{                                                                                          \
		.key = NULL                                                                        \
	}

/* 64 lower-case hexadecimal digits; and the check of a CFG_TEXT for them. */
SS_MUST_CHECK SS_NONNULL bool cfg_is_sha256(const char *s);
SS_MUST_CHECK SS_NONNULL int cfg_check_sha256(const struct toml_node *v, void *base,
					      const char *name, struct ss_err *err);

#define CFG_TEXT_MAX 4096u

/*
 * Fills `base`, whose values stand at their defaults, from `table`. `where` is the table's name,
 * "" for the root. After a failure `base` holds a part; cfg_fields_done() frees either.
 */
SS_MUST_CHECK SS_NONNULL int cfg_fields_read(const struct cfg_field *fields,
					     const struct toml_node *table, const char *where,
					     void *base, struct ss_err *err);
SS_NONNULL void cfg_fields_done(const struct cfg_field *fields, void *base);

/* The way back: puts what `base` holds into `table`. Left out is what is empty, 0 or false and not
 * needed; CFG_OWN fields are the caller's. */
SS_NONNULL void cfg_fields_write(const struct cfg_field *fields, const void *base,
				 struct toml_node *table);

/* NULL = absent. */
SS_NONNULL const char *cfg_pairs_get(const struct cfg_pairs *p, const char *key);
/* Sets or replaces; both are copied. */
SS_NONNULL void cfg_pairs_set(struct cfg_pairs *p, const char *key, const char *value);
SS_NONNULL void cfg_pairs_done(struct cfg_pairs *p);
SS_NONNULL void cfg_texts_push(struct cfg_texts *t, const char *text);
SS_NONNULL void cfg_texts_done(struct cfg_texts *t);
/* By their bytes; twins are dropped. */
SS_NONNULL void cfg_texts_sort(struct cfg_texts *t);
/* Replaces *to, which is owned, by a copy of `text` (NULL stays NULL). */
void cfg_text_set(char **to, const char *text);
