/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/enclave_toml.h"
#include "config/measurements.h"

/*
 * What git knows of the source: the commit that last changed it, and the measurements recorded in
 * its history. git is only asked, never told; nothing it is configured to run is run.
 */
enum cfg_git_state {
	CFG_GIT_NONE,    /* no git, not a work tree, or no commit yet */
	CFG_GIT_SHALLOW, /* the clone ends before the commit that would be it */
	CFG_GIT_COMMIT,
};

struct cfg_git {
	enum cfg_git_state state;
	struct cfg_source source; /* commit "" unless CFG_GIT_COMMIT */
	int64_t time;             /* of the commit */
	bool beside; /* files that git ignores, but the build may read: then it is dirty, too */
};

struct cfg_git_paths {
	const char *project;        /* a folder; the others are relative to it */
	const char *context;        /* "." */
	const char *dockerfile;     /* NULL = none */
	const char *const *outputs; /* files that count neither as source nor as changes */
	size_t n_outputs;
	/* Whether the build surely leaves out a file that git ignores, by its whole path; NULL:
	 * nobody asks for such files. */
	bool (*leaves_out)(const void *ctx, const char *path);
	const void *ctx;
};

/* Never fails for want of git: state says so. */
SS_MUST_CHECK SS_NONNULL int cfg_git_look(const struct cfg_git_paths *p, struct cfg_git *ret,
					  struct ss_err *err);

/*
 * The file `name` in `dir` as `commit` (any name that git knows for one) has it, appended to `ret`.
 * No such commit is SS_EUSAGE; *ret_there is false if the commit has no such file.
 */
SS_MUST_CHECK SS_NONNULL int cfg_git_file(const char *dir, const char *commit, const char *name,
					  struct ss_buf *ret, bool *ret_there, struct ss_err *err);

/* --- source date epoch --------------------------------------------------------------------- */

struct cfg_epoch_from {
	const char *option; /* --source-date-epoch: seconds or "commit"; NULL = not given */
	const char *env;    /* SOURCE_DATE_EPOCH; NULL or "" = not set */
	const struct cfg_enclave *config;
	const struct cfg_git *git;
};

/* The option, else the environment, else the file, else 0. */
SS_MUST_CHECK SS_NONNULL int cfg_epoch_choose(const struct cfg_epoch_from *from, uint32_t *ret,
					      struct ss_err *err);

/* --- recorded history ------------------------------------------------------------------------ */

struct cfg_record {
	char commit[CFG_COMMIT_MAX + 1];
	int64_t time;
	char *subject;
	bool removed;      /* the commit deleted the file */
	struct ss_err bad; /* what is wrong with the file; SS_OK: nothing, and m is there */
	struct cfg_measurements m;
};

/* Each commit that changed measurements.json in `dir`, newest first. */
SS_MUST_CHECK SS_NONNULL int
cfg_history(const char *dir, int (*each)(void *ctx, const struct cfg_record *r, struct ss_err *err),
	    void *ctx, struct ss_err *err);
