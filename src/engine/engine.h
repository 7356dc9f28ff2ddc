/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/progress.h"
#include "config/enclave_lock.h"

struct hm_view;

/*
 * A Dockerfile becomes an OCI layout, by an engine that is found at run time: buildah where it is
 * installed, else BuildKit (buildctl, or docker buildx).
 *
 * Base images that the Dockerfile does not pin by digest are resolved once; the engine then gets a
 * temporary Dockerfile in which every base is pinned. A base that `locked` has keeps its digest
 * from there; with `locked_only`, one that is not in it is an error. A digest that cannot be had is
 * an error always. RUN steps go through selfsame-runtime (src/hermetic) where the engine lets them.
 *
 * The layout lies in a private folder below the cache; engine_result_done() removes it, and what a
 * killed run left behind is removed by the next one (each folder has a lock that dies with its
 * process). Two builds of one project at once do not meet.
 */
struct engine_request {
	const char *engine;     /* "auto", "buildah", "buildkit" */
	const char *dockerfile; /* paths as the caller would open them */
	const char *context;
	const char *arch; /* "x86_64", "aarch64" */
	uint32_t epoch;   /* the SOURCE_DATE_EPOCH of steps, and the time of the context's files */
	const char *target;              /* NULL = the last stage */
	const char *platform;            /* NULL = linux/<arch> */
	const struct cfg_pairs *args;    /* --build-arg */
	const struct cfg_pairs *secrets; /* id → file */
	/* Files that are results, never inputs: COPY does not see them. NULL-terminated; may be
	 * NULL */
	const char *const *outputs;
	bool keep_modes; /* the context as it lies there, not as git keeps it (engine/stage.h) */
	const struct cfg_lock *locked; /* NULL: resolve all bases anew */
	bool locked_only;              /* rebuild */
	/* What the steps see (hermetic/view.h); NULL = all is left as it is. buildah only. */
	const struct hm_view *view;
	/* With a view, if not NULL: told once, when the bases are at hand, when the newest of them
	 * was made (seconds; 0: none says). It gives what takes the place of `epoch`, and may still
	 * alter the view. */
	int (*bases_made)(void *ctx, uint64_t newest, uint32_t *ret_epoch, struct ss_err *err);
	void *ctx;
	bool view_or_none; /* an engine that cannot do that builds without */
	const char *net;   /* the folder of the recorder's doors, if the view has a net */
	const char *work;  /* the folder for the private one; NULL = that of the cache */
	struct ss_progress *progress; /* the engine's output, line by line; may be NULL */
};

struct engine_result {
	char *source;          /* "oci:DIR" for oci_load() */
	char *engine;          /* "buildah", "buildkit": what was used */
	char *version;         /* "1.28.2" */
	bool viewed;           /* the steps saw the view */
	struct cfg_list bases; /* of struct cfg_base, by name: for the lock */
	/* What RUN --mount hid, which this engine then removed from the image: "/x" or
	 * "Dockerfile: line 3: /x"; sorted. */
	struct cfg_texts lost;
	char *dir; /* the private folder, and its lock */
	int lock_fd;
};

/*
 * SS_ESYS: the engine is missing or the Dockerfile fails (the message has the engine's last words
 * and the step); SS_EREMOTE: a registry or the network; SS_EINPUT: the Dockerfile is malformed.
 */
SS_MUST_CHECK SS_NONNULL int engine_build(const struct engine_request *req,
					  struct engine_result *ret, struct ss_err *err);
/* True if the ignore file of that Dockerfile and context surely leaves out the file with this path,
 * or what it lies in. */
SS_NONNULL bool engine_leaves_out(const char *dockerfile, const char *context, const char *path);
/* Accepts a zeroed one with lock_fd -1. */
SS_NONNULL void engine_result_done(struct engine_result *r);
