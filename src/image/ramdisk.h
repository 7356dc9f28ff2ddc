/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/progress.h"
#include "eif/writer.h"
#include "fmt/cpio.h"
#include "image/image.h"

/*
 * Where the bytes of a ramdisk go, private to src/image: to an EIF's section, or nowhere but into
 * the count of them. A ramdisk is made by one function that runs twice, so its size and its bytes
 * cannot disagree. Bodies are not read by a run that only counts.
 */
struct rd_out {
	struct eif_writer *w; /* NULL: only count */
	uint64_t n;           /* bytes so far */
	struct ss_progress *progress;
};

SS_MUST_CHECK SS_NONNULL int rd_put(struct rd_out *out, struct ss_span s, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rd_zeros(struct rd_out *out, size_t n, struct ss_err *err);
/* Header and name of one entry. */
SS_MUST_CHECK SS_NONNULL int rd_entry(struct rd_out *out, const struct cpio_entry *e,
				      struct ss_err *err);
/* A body from memory, or that of regular file `id`, whose size is `size`; and the zeros after it.
 */
SS_MUST_CHECK SS_NONNULL int rd_bytes(struct rd_out *out, struct ss_span s, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rd_body(struct rd_out *out, const struct tree *t, tree_id id,
				     uint32_t size, struct ss_err *err);
/* `size` bytes of an open file from its start, hashed on the way if `h` is not NULL. */
SS_MUST_CHECK int rd_file(struct rd_out *out, int fd, uint64_t size, struct crypto_hash *h,
			  struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rd_trailer(struct rd_out *out, uint32_t ino, uint32_t dev_major,
					uint32_t dev_minor, struct ss_err *err);

/* --- ramdisk 0 and 1 of the selfsame layout -------------------------------------------------- */

/* The same bytes for every application. */
struct rd_programs {
	struct ss_span dataplane, init, keyplane;
};
SS_MUST_CHECK SS_NONNULL int rd_runtime_make(const struct rd_programs *p, struct ss_buf *ret,
					     struct ss_err *err);

struct rd_app {
	const struct tree *t;
	uint32_t epoch;
	struct ss_buf config; /* the measured config, encoded */
	struct ss_buf xattrs; /* the part of it that newc cannot hold */
	size_t n_xattrs;
	uint32_t entries;
	uint64_t bytes;
	uint64_t pages;
	uint64_t size; /* of the archive */
};

/* Counts and checks every entry and encodes the config; *ret is the caller's: rd_app_done(). */
SS_MUST_CHECK SS_NONNULL int rd_app_plan(const struct tree *t, const struct image_request *req,
					 struct rd_app *ret, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rd_app_write(const struct rd_app *a, struct rd_out *out,
					  struct ss_err *err);
SS_NONNULL void rd_app_done(struct rd_app *a);

/* --- ramdisks of the nitro-cli layout -------------------------------------------------------- */

/* What docker lays over an image for a container, and `docker export` shows. */
SS_MUST_CHECK SS_NONNULL int rd_docker_layer(struct tree *t, struct ss_err *err);
/* Each writes or counts a whole archive. */
SS_MUST_CHECK SS_NONNULL int rd_bootstrap_write(struct ss_span init, struct ss_span nsm,
						struct rd_out *out, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rd_customer_write(const struct tree *t, struct ss_span cmd,
					       struct ss_span env, struct rd_out *out,
					       struct ss_err *err);

/* --- the smaller sections -------------------------------------------------------------------- */

/* "selfsame.rd0=<bytes>:<SHA-384> <text>[ <extra>]" */
SS_MUST_CHECK int image_cmdline(struct ss_span ramdisk0, const char *text, const char *extra,
				struct ss_buf *ret, struct ss_err *err);
/* Printable ASCII and at most IMAGE_MAX_CMDLINE bytes. */
SS_MUST_CHECK SS_NONNULL int image_cmdline_check(struct ss_span text, struct ss_err *err);
