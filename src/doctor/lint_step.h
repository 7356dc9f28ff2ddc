/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "doctor/lint.h"
#include "doctor/sh_lex.h"
#include "engine/df_lines.h"

/*
 * Inside of the linter: a file under way, the scripts of one RUN, and one command as the rules see
 * it. Everything is borrowed but where it says otherwise.
 */
#define LINT_SCRIPTS 64u /* sh -c in sh -c, heredocs: in one RUN */
#define LINT_VARS 512u   /* ARG and ENV that are followed in one stage */

/* The file. */
struct lint {
	struct ss_span in;
	const struct lint_options *o;
	struct lint_report *r;
	size_t *lines; /* where each begins; owned */
	size_t n_lines;
	struct df_source src;
	struct df_instruction now;
	struct cfg_pairs globals; /* ARG before the first FROM */
	struct cfg_pairs vars;    /* ARG and ENV of this stage */
	bool in_stage;
	bool kept;     /* this stage becomes part of the image */
	bool snapshot; /* packages come from an archive that keeps old states */
	bool other_shell;
	bool epoch; /* SOURCE_DATE_EPOCH is set, or its lack was told */
};

/* Where a byte of a script stands in the file. */
struct lint_place {
	const struct df_instruction *i; /* up to `split`: at `base` of its text */
	size_t base;
	size_t split; /* from here on: at `rest` of the file */
	size_t rest;
	bool fixed; /* all of it at `rest` */
};

struct lint_script {
	struct sh_script sh;
	struct lint_place place;
	uint32_t *readers; /* for each command, the one that reads its output, or SH_NONE */
};

/* One RUN: its scripts, and what they do anywhere. */
struct lint_run {
	struct lint *l;
	struct lint_script v[LINT_SCRIPTS];
	size_t n;
	char *mounts; /* the --mount flags as they are written; owned */
	bool sums;    /* a checksum or signature is checked */
	bool commit;  /* git goes to a commit */
	bool epoch;   /* SOURCE_DATE_EPOCH is set */
	bool frozen;  /* bundle config */
	bool rm_lists;
	bool rm_git;
	bool rm_apk;
	bool rm_rpm;
	bool rm_home; /* ~/.cache and the like */
	bool rm_npm;
};

/* One command without what only wraps it (sudo, env, xargs ...). argv[0] is its name, without a
 * folder. */
struct lint_cmd {
	struct lint_run *run;
	const struct lint_script *s;
	uint32_t index;
	const char **argv; /* NULL-terminated; owned */
	size_t argc;
	size_t at; /* of the name in the script */
};

/* --- findings ----------------------------------------------------------------------------------
 */

SS_NONNULL void lint_find_lines(struct lint *l);
SS_NONNULL void lint_sort(struct lint_report *r);
SS_NONNULL size_t lint_place(const struct lint_place *p, size_t at);
SS_NONNULL char *lint_copy(const char *s, size_t n);
SS_NONNULL void lint_say_at(struct lint *l, enum lint_code code, size_t at, struct ss_span words);
SS_NONNULL void lint_say(const struct lint_cmd *c, enum lint_code code);
/* `text` with the variables of ARG and ENV filled in, as far as they are known; the caller's. */
SS_NONNULL char *lint_expand(const struct lint *l, const char *text);
SS_NONNULL bool lint_has_var(const struct lint *l, const char *name);
SS_NONNULL bool lint_is_hex(const char *s, size_t n); /* exactly n digits */

/* --- commands ----------------------------------------------------------------------------------
 */

/* False if nothing but keywords and assignments is there. lint_cmd_done() is due after true. */
SS_NONNULL bool lint_cmd_of(struct lint_run *run, const struct lint_script *s, uint32_t index,
			    struct lint_cmd *ret);
/* What find -exec runs, as a command of its own; false if there is none. */
SS_NONNULL bool lint_exec_of(const struct lint_cmd *c, struct lint_cmd *ret);
SS_NONNULL void lint_cmd_done(struct lint_cmd *c);
/* Its name alone; "" where lint_cmd_of() would say false. */
SS_NONNULL const char *lint_name_of(const struct lint_script *s, uint32_t index);
SS_NONNULL bool lint_is_one_of(const char *s, const char *const *list);
SS_NONNULL bool lint_is_shell(const char *name);

SS_NONNULL bool lint_has(const struct lint_cmd *c, const char *flag); /* "--x", "--x=..." */
SS_NONNULL bool lint_has_letter(const struct lint_cmd *c, char letter);
/* The value of "--x=V", "--x V", "-x V" or "-xV"; NULL = absent. Either name may be NULL. */
const char *lint_value(const struct lint_cmd *c, const char *flag, const char *letter);
/*
 * The next word that is no option, from *i (1 at first) on; NULL at the end. `valued` names options
 * whose value is a word of its own: " -o --option ".
 */
SS_NONNULL const char *lint_next(const struct lint_cmd *c, size_t *i, const char *valued);
/* True if the command writes into a file by redirection; /dev/null is none. */
SS_NONNULL bool lint_writes(const struct lint_cmd *c);
/* "latest", "main" and the like: no version. */
SS_NONNULL bool lint_is_tag(const char *s);
SS_NONNULL bool lint_is_pinned_at(const char *word); /* NAME@1.2 */
SS_NONNULL bool lint_is_pinned_dash(const char *s);  /* NAME-1.2 */
SS_NONNULL bool lint_is_mounted(const struct lint_cmd *c, const char *path);

/* --- the rules ---------------------------------------------------------------------------------
 */

SS_NONNULL void lint_apply(const struct lint_cmd *c);
SS_NONNULL void lint_words(const struct lint_cmd *c); /* what any command's words may hold */
SS_NONNULL void lint_text(struct lint *l, struct ss_span text, size_t at); /* ENV, ARG */
SS_NONNULL void lint_system(const struct lint_cmd *c);
SS_NONNULL void lint_python(const struct lint_cmd *c);
SS_NONNULL void lint_script_package(const struct lint_cmd *c);
SS_NONNULL void lint_compiled_package(const struct lint_cmd *c);
SS_NONNULL void lint_fetch(const struct lint_cmd *c);
SS_NONNULL void lint_machine(const struct lint_cmd *c);
SS_NONNULL void lint_pack(const struct lint_cmd *c);

/* The scripts of the RUN that `l` stands at; `at` is behind RUN in its text. */
SS_NONNULL void lint_run_step(struct lint *l, size_t at);
