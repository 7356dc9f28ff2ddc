/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "doctor/sh_lex.h"

/* Inside of the shell's reader: the script under way, and its words. */
#define SH_HEREDOCS_MAX 16u
#define SH_TEXTS_MAX ((size_t)32 << 20)

/* A stretch of the script that is still to be read. */
struct sh_item {
	size_t at;
	size_t end;
	uint32_t parent;
	uint32_t depth;
	bool text; /* as between double quotes: only substitutions count */
};

struct sh_heredoc {
	uint32_t text;
	uint32_t n;
	bool chomp;
	bool raw;
};

struct sh_lexer {
	struct ss_span in;
	struct sh_script *s;
	struct ss_err *err;
	struct sh_item *items;
	size_t n_items;
	size_t cap_items;
	/* of the stretch under way */
	struct sh_item now;
	size_t k;
	uint32_t cmd;  /* open, or SH_NONE */
	uint32_t last; /* ended last, with words */
	uint32_t pipe; /* the next one reads from it */
	bool has_name;
	bool in_test; /* [[ */
	bool in_case; /* between `case` and `in` */
	bool in_pattern;
	size_t cases;
	size_t parens;
	struct sh_heredoc docs[SH_HEREDOCS_MAX];
	size_t n_docs;
};

/* Both return -1, with the place. */
int sh_bad(struct sh_lexer *x, size_t at, const char *what);
int sh_too_much(struct sh_lexer *x, size_t at, const char *what, unsigned limit);

bool sh_is_blank(uint8_t c);
bool sh_is_meta(uint8_t c); /* ends a word */
/* The byte `ahead` of here; 0 behind the end of the stretch. */
SS_NONNULL uint8_t sh_peek(const struct sh_lexer *x, size_t ahead);
/* A stretch that is read later: what stands in a substitution. */
SS_MUST_CHECK SS_NONNULL int sh_push_item(struct sh_lexer *x, size_t at, size_t end, bool text);
/*
 * Where what was opened before `k` closes: kind is ')', '}' or '`'. Quotes count, and so does what
 * opens inside.
 */
SS_MUST_CHECK SS_NONNULL int sh_find_close(struct sh_lexer *x, size_t k, char kind, size_t *ret);
/* The word that begins here. */
SS_MUST_CHECK SS_NONNULL int sh_read_word(struct sh_lexer *x, struct sh_word *ret);
/* As between double quotes, up to the end of the stretch or to the quote. */
SS_MUST_CHECK SS_NONNULL int sh_read_text(struct sh_lexer *x, bool quote);
SS_NONNULL bool sh_word_is(const struct sh_lexer *x, const struct sh_word *w, const char *text);
SS_NONNULL bool sh_is_keyword(const struct sh_lexer *x, const struct sh_word *w);
/* NAME= or NAME+=, unquoted so far. */
SS_NONNULL bool sh_is_assignment(const struct sh_lexer *x, const struct sh_word *w);
