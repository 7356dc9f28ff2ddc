/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * A shell script as a row of simple commands: what `sh` and `bash` would run, without running or
 * expanding anything. Quotes, escapes, comments, heredocs, [[ ]], case patterns, pipelines,
 * subshells, $(...), `...` and <(...) are understood; keywords end commands. What stands in a
 * substitution is a command of its own whose parent is the command it is written in.
 *
 * The text is hostile: bounds are below, nothing recurses, and the work is at most SH_DEPTH_MAX
 * times the size of the script. What does not close is refused, with its place. Inside $(...) a
 * heredoc or a case pattern may end the substitution early; nothing worse comes of that.
 */
#define SH_SCRIPT_MAX ((size_t)1 << 20)
#define SH_WORDS_MAX 65536u
#define SH_CMDS_MAX 65536u
#define SH_DEPTH_MAX 16u /* substitutions in substitutions */
#define SH_NEST_MAX 64u  /* quotes and brackets in one substitution */
#define SH_NONE UINT32_MAX

enum sh_kind {
	SH_WORD,
	SH_ASSIGN, /* NAME=value before the command's name */
	SH_READ,   /* the file of <, the text of <<< */
	SH_WRITE,  /* the file of >, >> and the like */
};

struct sh_word {
	enum sh_kind kind;
	bool quoted;   /* by anything: then it is no keyword */
	uint32_t text; /* offset in sh_script.texts; ends with a NUL */
	uint32_t n;
	size_t at; /* in the script, as it is written */
	size_t end;
};

struct sh_cmd {
	uint32_t first; /* of its words */
	uint32_t n;     /* 0: only keywords */
	uint32_t parent;
	uint32_t piped_from; /* the command before the "|" */
	size_t at;
};

/* Words have no quotes any more; variables stand as they are written, substitutions as "$()". */
struct sh_script {
	struct sh_word *words;
	size_t n_words;
	size_t cap_words;
	struct sh_cmd *cmds;
	size_t n_cmds;
	size_t cap_cmds;
	struct ss_buf texts;
	size_t bad_at; /* after a failure: where in the script */
};

/* On failure *ret has bad_at and sh_script_done() is not needed. SS_EINPUT, SS_ELIMIT. */
SS_MUST_CHECK SS_NONNULL int sh_read(struct ss_span in, struct sh_script *ret, struct ss_err *err);
SS_NONNULL void sh_script_done(struct sh_script *s);

SS_NONNULL static inline const char *sh_text(const struct sh_script *s, const struct sh_word *w)
{
	return (const char *)s->texts.p + w->text;
}
