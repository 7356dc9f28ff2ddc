/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/field.h"
#include "engine/df_lines.h"

/*
 * What a Dockerfile takes from outside: the images of FROM, COPY --from and RUN --mount=from, so
 * that each can be pinned by digest before an engine sees the file. Nothing is built or fetched.
 *
 * The reader is strict where it matters for this: what it cannot follow with certainty is refused
 * by line, never passed on unpinned.
 */
#define DF_MAX_USES 1024u

/* One place where an image is named. Strings are owned. */
struct df_use {
	uint32_t line;
	size_t at; /* of the name in the file */
	size_t n;
	char *name;     /* full: "docker.io/library/debian:12", or "…@sha256:…" */
	char *repo;     /* without tag or digest */
	char *digest;   /* what the file pins it to; NULL = nothing */
	char *platform; /* of FROM --platform; NULL = the build's own */
};

/* A stretch of the file. */
struct df_range {
	size_t at;
	size_t n;
};

struct df_file {
	struct df_use *uses; /* in file order */
	size_t n_uses;
	size_t *stages; /* for each FROM, where the line after it begins */
	size_t n_stages;
	struct df_range *volumes; /* VOLUME instructions, whole lines */
	size_t n_volumes;
	struct cfg_pairs mounts;   /* targets of RUN --mount as they are written → first line */
	struct cfg_texts args;     /* names that ARG declares, anywhere; sorted */
	struct df_source top;      /* the directives */
	uint32_t heredoc_line;     /* of the first; 0 = none */
	uint32_t cache_mount_line; /* of the first RUN --mount=type=cache; 0 = none */
	bool grafted;              /* a stage begins with an earlier one */
};

struct df_globals {
	const struct cfg_pairs *args; /* build arguments */
	const char *platform;         /* "linux/amd64": what is built */
	const char *build_platform;   /* what it is built on */
};

/* `in` must stay as it is until df_write(). On failure *ret is empty. */
SS_MUST_CHECK SS_NONNULL int df_read(struct ss_span in, const struct df_globals *g,
				     struct df_file *ret, struct ss_err *err);
void df_done(struct df_file *f);

/*
 * The same file with each name replaced by repo@digest, without its `# syntax=` line (which would
 * fetch a parser), with `# escape=` first (where every engine finds it), and with `inject` as one
 * ARG line after each FROM if it is not empty; an empty value there is a name without one. VOLUME
 * becomes comments: an enclave has no volumes, and buildah would throw away what steps put into
 * one. All else is byte for byte. `digests` has one for each use.
 */
SS_NONNULL void df_write(struct ss_span in, const struct df_file *f, const char *const *digests,
			 const struct cfg_pairs *inject, struct ss_buf *ret);
