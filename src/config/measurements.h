/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/measure.h"

#include <jansson.h>

/*
 * measurements.json: the result of a build, committed beside enclave.lock.
 * docs/formats/measurements.md describes it. Keys stand in one order, so equal results are equal
 * bytes. The registers have nitro-cli's names.
 */
#define CFG_MEASUREMENTS_MAX ((size_t)256 * 1024)
#define CFG_COMMIT_MAX 64u /* digits of a SHA-256 commit */

/* Which source was built; informative, never compared. */
struct cfg_source {
	char commit[CFG_COMMIT_MAX + 1]; /* "" = not from a git work tree */
	bool dirty;                      /* something was not committed */
};

struct cfg_measurements {
	struct eif_measurements m;
	struct cfg_source source;
};

/* nitro-cli's "Measurements" object; the caller's. */
json_t *cfg_registers_json(const struct eif_measurements *m);
SS_NONNULL void cfg_measurements_write(const struct cfg_measurements *m, struct ss_buf *b);
SS_MUST_CHECK SS_NONNULL int cfg_measurements_read(struct ss_span in, struct cfg_measurements *ret,
						   struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int cfg_measurements_load(const char *path, struct cfg_measurements *ret,
						   struct ss_err *err);
/*
 * The registers, from whoever measured: measurements.json, 'selfsame measure --json', or what
 * nitro-cli prints, {"Measurements": {…}}. Parts where they stand there; nothing else is set.
 */
SS_MUST_CHECK SS_NONNULL int
cfg_measurements_load_any(const char *path, struct eif_measurements *ret, struct ss_err *err);

/*
 * What differs between two results, one line each, in the order of the file: "kernel: sha384 … is
 * …", "PCR2: …". The source is not compared, nor the file's hash where only one is signed. True if
 * nothing differs.
 */
SS_MUST_CHECK SS_NONNULL bool cfg_measurements_same(
	const struct eif_measurements *want, const struct eif_measurements *got,
	void (*differs)(void *ctx, const char *what, const char *want, const char *got), void *ctx);
