/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "engine/dockerfile.h"
#include "engine/engine.h"
#include "io/cache.h"
#include "io/env.h"
#include "io/spawn.h"

/*
 * Inside src/engine: one build under way. engine.c fills it step by step; buildah.c and buildkit.c
 * each know how to ask one engine.
 */
enum engine_kind { ENGINE_BUILDAH, ENGINE_BUILDCTL, ENGINE_BUILDX };

/* In a private folder: where the runtime of the steps keeps what it runs. */
#define ENGINE_STEPS "steps"

/* There, too: what its RUN --mount hid, a path a line (hermetic/hidden.h). */
#define ENGINE_HIDDEN "hidden"

/* There, too: what a step sees (hermetic/view.h), if the request says. */
#define ENGINE_VIEW "view"

/* A command line under construction; owns its words. */
struct engine_words {
	char **v; /* NULL-terminated */
	size_t n;
};

struct engine_job {
	const struct engine_request *req;
	enum engine_kind kind;
	char *program;  /* path of the engine */
	char *version;  /* "1.28.2" */
	char *platform; /* "linux/amd64" */
	uint32_t epoch; /* the request's, or what bases_made() says */
	struct io_private work;
	struct ss_buf text; /* the Dockerfile as it is */
	struct df_file file;
	char **digests;   /* one for each use of `file` */
	char *dockerfile; /* the pinned one, in `work` */
	char *ignore;     /* what .dockerignore says and what we add, in `work` */
	char *context;    /* the request's, or a copy in `work` (stage.h) */
	char *layout;     /* "<work>/oci" */
	bool stale;       /* a killed run had left something */
	bool enclosed;    /* what an engine starts and mounts ends with it (io/enclose.h) */
	bool viewed;      /* the steps see the view of the request */
	bool recorded;    /* what runs now has the recorder for a network */
	bool tidying;     /* no signal stops what runs now */
	int store_lock;   /* buildah: held while its store is in use */
	char *store;      /* buildah: our own image store */
};

/* The platform of one image: FROM's own, else the build's. */
static inline const char *engine_platform(const struct engine_job *j, const struct df_use *u)
{
	return u->platform != NULL ? u->platform : j->platform;
}

/* --- words.c -------------------------------------------------------------------------------- */

void engine_words_done(struct engine_words *w);
#define AUTO_WORDS SS_CLEANUP(engine_words_done)
SS_NONNULL void engine_word(struct engine_words *w, const char *word);
/* All of them up to NULL. */
void engine_words(struct engine_words *w, ...) __attribute__((sentinel));
SS_PRINTF(2, 3) void engine_wordf(struct engine_words *w, const char *fmt, ...);
/* A formatted text; the caller's. */
SS_PRINTF(1, 2) char *engine_text(const char *fmt, ...);

/* What every engine and its helpers find around them: proxies, credentials, nothing that changes
 * how they build. TMPDIR is the private folder. */
SS_NONNULL void engine_env(const struct engine_job *j, struct io_env *ret);

/* How a program ended. */
struct engine_end {
	int status;      /* 0 … 255, or 128 + n for signal n */
	char last[1024]; /* its last line on standard error that is not blank, or our runtime's */
	bool has_reason; /* it is our runtime's */
	char step[1024]; /* the last line of our supervisor (hermetic/sup.h), what it says of a step
			  */
};

/* Runs it with that environment; its lines go to the progress. */
SS_MUST_CHECK SS_NONNULL int engine_run(const struct engine_job *j, const struct engine_words *w,
					struct engine_end *ret, struct ss_err *err);
/* The same with its standard output, as it is, to a descriptor; silent. */
SS_MUST_CHECK SS_NONNULL int engine_run_to(const struct engine_job *j, const struct engine_words *w,
					   int out_fd, struct engine_end *ret, struct ss_err *err);
/* Runs it for its standard output, trimmed of the last newline; *ret is the caller's. What it says
 * on standard error is kept for the message only. */
SS_MUST_CHECK SS_NONNULL int engine_ask(const struct engine_job *j, const struct engine_words *w,
					struct engine_end *ret_end, char **ret, struct ss_err *err);
/* The last words of a program, without its "Error: " and the time of the day; the caller's. */
SS_NONNULL char *engine_last_words(const struct engine_end *e);
/* -1 with `code`, "what: " and the last words, unless its status is 0. */
SS_MUST_CHECK SS_NONNULL int engine_check(const struct engine_end *e, enum ss_code code,
					  struct ss_err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* --- one engine each -------------------------------------------------------------------------- */

/* Makes the image store ready, and sweeps out what killed runs left in it. */
SS_MUST_CHECK SS_NONNULL int buildah_open(struct engine_job *j, struct ss_err *err);
/* Clears what the private folder of a build that did not end well cannot take with it. */
SS_NONNULL void buildah_clear(struct engine_job *j, const char *work);
/* After a build that did not end well: clears all that it left, whatever signals come. */
SS_NONNULL void buildah_close(struct engine_job *j);
/* Removes what a killed engine left in the store and no longer knows of (sweep.c); the caller is
 * alone. */
SS_NONNULL void buildah_sweep(const char *store);
/* The digest of what `name` means now. */
SS_MUST_CHECK SS_NONNULL int buildah_resolve(struct engine_job *j, const char *name,
					     const char *platform, char **ret, struct ss_err *err);
/* Has the image "repo@digest" at hand afterwards. */
SS_MUST_CHECK SS_NONNULL int buildah_pull(struct engine_job *j, const char *pinned,
					  const char *platform, struct ss_err *err);
/* Writes the configuration of that image, which is at hand, to a descriptor: JSON as it is. */
SS_MUST_CHECK SS_NONNULL int buildah_config(struct engine_job *j, const char *pinned,
					    const char *platform, int out_fd, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int buildah_build(struct engine_job *j, struct ss_err *err);

SS_MUST_CHECK SS_NONNULL int buildkit_build(struct engine_job *j, struct ss_err *err);

/* --- lost.c -----------------------------------------------------------------------------------
 */

/* Reads what ENGINE_HIDDEN lists. */
SS_MUST_CHECK SS_NONNULL int engine_lost(const struct engine_job *j, struct cfg_texts *ret,
					 struct ss_err *err);

/* --- find.c --------------------------------------------------------------------------------------
 */

/* Sets kind, enclosed, program and version of the engine that "auto", "buildah" or "buildkit" means
 * here. */
SS_MUST_CHECK SS_NONNULL int engine_find(struct engine_job *j, struct ss_err *err);

/* --- bases.c --------------------------------------------------------------------------------- */

/* Seconds of an image's `created`, RFC 3339 with any zone and fraction; 0 = it is none, or before
 * 1970. */
SS_MUST_CHECK SS_NONNULL uint64_t engine_made_at(const char *created);
/* buildah: has all bases at hand afterwards. */
SS_MUST_CHECK SS_NONNULL int engine_pull(struct engine_job *j, struct ss_err *err);
/* After that: what the request's bases_made() is for. */
SS_MUST_CHECK SS_NONNULL int engine_tell_made(struct engine_job *j, struct ss_err *err);

/* --- pins.c --------------------------------------------------------------------------------------
 */

/* Fills j->digests, and `bases` with what the Dockerfile itself does not pin. */
SS_MUST_CHECK SS_NONNULL int engine_pin(struct engine_job *j, struct cfg_list *bases,
					struct ss_err *err);
