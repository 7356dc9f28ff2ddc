/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/lock_input.h"
#include "config/lock_step.h"

/*
 * enclave.lock: what the tool writes beside enclave.toml, and all that `rebuild` goes by.
 * docs/formats/enclave-lock.md describes every key.
 *
 * The text is TOML in canonical form: written twice it is the same bytes, and it holds no host
 * name, no absolute path and no time of the day. Reading is as strict as for enclave.toml.
 */
#define CFG_LOCK_SCHEMA 1u
#define CFG_LOCK_MAX TOML_MAX_SIZE

struct cfg_base {
	char *name;   /* as the Dockerfile has it: "debian:12" */
	char *digest; /* "sha256:…" */
};

struct cfg_lock {
	uint64_t schema;
	uint64_t layout;
	char *form; /* "selfsame", "nitro-cli" */
	char *tool; /* the release that wrote it */
	char *arch;
	uint64_t epoch;
	struct cfg_texts normalisers; /* those applied, sorted */
	/* [image] */
	char *name;
	char *version;
	char *manifest; /* "sha256:…" of the image taken; NULL when it was built here */
	/* [build]; engine NULL when nothing was built */
	char *engine;
	char *engine_version;
	char *hermetic; /* "full", "no", "engine" (that could not); NULL, as no builder writes any
			 * more: no */
	char *level;    /* "light", "full" if somebody chose it for all steps; NULL: each step's */
	uint64_t clock; /* of the steps, seconds; 0, as in locks of early releases: `epoch` */
	char *seed;     /* of the steps' randomness, 64 digits; with "full" */
	char *dockerfile; /* --file, from the lock's folder; NULL: as enclave.toml says */
	char *target;
	char *platform;
	struct cfg_pairs args;
	struct cfg_list bases;  /* [[base]], of struct cfg_base, by name */
	struct cfg_list inputs; /* [[input]], of struct cfg_input; lock_input.h */
	struct cfg_list steps;  /* [[step]], of struct cfg_step; lock_step.h */
	/* [kernel] */
	char *kernel; /* "nitro", "local", "file" */
	char *kernel_sha256;
	char *kernel_standing; /* "known", "host toolchain", "unknown" */
	char *cmdline;         /* --cmdline; NULL = none */
	/* [runtime]: file → sha256 */
	struct cfg_pairs runtime;
};

/* Adds or replaces. */
SS_NONNULL void cfg_lock_base_set(struct cfg_lock *l, const char *name, const char *digest);
/* NULL = absent. */
SS_NONNULL const char *cfg_lock_base(const struct cfg_lock *l, const char *name);

SS_NONNULL void cfg_lock_write(const struct cfg_lock *l, struct ss_buf *b);
/* On failure *ret is empty. */
SS_MUST_CHECK SS_NONNULL int cfg_lock_read(struct ss_span in, struct cfg_lock *ret,
					   struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int cfg_lock_load(const char *path, struct cfg_lock *ret,
					   struct ss_err *err);
SS_NONNULL void cfg_lock_done(struct cfg_lock *l);

/* "sha256:" and 64 lower-case digits. */
SS_MUST_CHECK SS_NONNULL bool cfg_is_digest(const char *s);

/* The keys of the file; for the test that all are documented. */
extern const struct cfg_field cfg_lock_fields[];
