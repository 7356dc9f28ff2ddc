/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * A Dockerfile as a row of instructions: comments, blank lines, continuation, the `escape`
 * directive and heredocs end here, as BuildKit's parser has them. Every character of an instruction
 * remembers where it stands in the file, so that it can be replaced there.
 */
#define DF_MAX_SIZE ((size_t)1024 * 1024)

/* A line at the top of the file, `# name=value`; n 0 = none. */
struct df_directive {
	size_t at;
	size_t n;
};

struct df_source {
	struct ss_span in;
	size_t at;
	uint32_t line; /* of what comes next, from 1 */
	char escape;
	bool body;                 /* the directives at the top are over */
	struct df_directive first; /* of them all */
	struct df_directive escape_line;
	struct df_directive syntax_line;
};

/* What a heredoc holds, without the line that ends it. */
#define DF_HEREDOCS_MAX 16u

struct df_heredoc {
	size_t at; /* in the file */
	size_t n;
};

struct df_instruction {
	struct ss_buf text;   /* joined, with a NUL after its end that n does not count */
	struct ss_buf places; /* a size_t for each character of `text` */
	uint32_t line;
	size_t end;                                  /* offset of the next instruction's line */
	uint32_t heredoc_line;                       /* 0 = none */
	struct df_heredoc heredocs[DF_HEREDOCS_MAX]; /* in the order of their words */
	size_t n_heredocs;
};

SS_NONNULL void df_source_init(struct df_source *s, struct ss_span in);
SS_NONNULL void df_instruction_done(struct df_instruction *i);
/* *ret_end: there is none any more. *ret is reused: zeroed before the first call. */
SS_MUST_CHECK SS_NONNULL int df_next(struct df_source *s, struct df_instruction *ret, bool *ret_end,
				     struct ss_err *err);

/* A word of an instruction: quotes and escapes keep blanks inside. */
struct df_word {
	const char *p;
	size_t n;
};

/* The word at or after *at, which moves behind it; false at the end. */
SS_NONNULL bool df_word_next(const struct df_instruction *i, char escape, size_t *at,
			     struct df_word *ret);
/* Where the word stands in the file; false if it is broken over two lines there. */
SS_NONNULL bool df_word_place(const struct df_instruction *i, const struct df_word *w, size_t *ret);
SS_NONNULL bool df_word_is(const struct df_word *w, const char *upper); /* whatever the case */
