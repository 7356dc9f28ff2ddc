/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/toml.h"

/*
 * The words of TOML: what the reader (toml_read.c) is made of. One position in the text, never
 * past its end; the line is counted as newlines are passed.
 */
struct toml_lex {
	struct ss_span in; /* checked UTF-8 */
	size_t at;
	uint32_t line;
};

#define TOML_END (-1)

/* The byte `ahead` of the position, or TOML_END. */
SS_NONNULL static inline int toml_peek(const struct toml_lex *l, size_t ahead)
{
	return ahead < l->in.n - l->at ? l->in.p[l->at + ahead] : TOML_END;
}

/* Passes `n` bytes that toml_peek() has seen and that hold no newline. */
SS_NONNULL static inline void toml_pass(struct toml_lex *l, size_t n)
{
	l->at += n;
}

/* Spaces and tabs. */
SS_NONNULL void toml_pass_blanks(struct toml_lex *l);
/* Blanks, then a comment and the line's end, or the end of the text; *ret_end says which. Anything
 * else is refused. */
SS_MUST_CHECK SS_NONNULL int toml_pass_line(struct toml_lex *l, bool *ret_end, struct ss_err *err);
/* Blanks, newlines and comments, as between the elements of an array. */
SS_MUST_CHECK SS_NONNULL int toml_pass_space(struct toml_lex *l, struct ss_err *err);

/* One part of a key, bare or quoted, appended to `ret` with a NUL. */
SS_MUST_CHECK SS_NONNULL int toml_lex_key(struct toml_lex *l, struct ss_buf *ret,
					  struct ss_err *err);
/* A string that begins here with a quote. The node is the caller's. */
SS_MUST_CHECK SS_NONNULL int toml_lex_string(struct toml_lex *l, struct toml_node **ret,
					     struct ss_err *err);
/* An integer or a boolean. */
SS_MUST_CHECK SS_NONNULL int toml_lex_plain(struct toml_lex *l, struct toml_node **ret,
					    struct ss_err *err);
/* Refuses text that is not UTF-8, by line. */
SS_MUST_CHECK SS_NONNULL int toml_lex_check(struct ss_span in, struct ss_err *err);
