/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/measurements.h"
#include "eif/reader.h"
#include "explain/ex_run.h"

/*
 * One of the two artifacts, opened: what it is, by how it is spelt ("oci:DIR") or by its first
 * bytes. Private to src/explain.
 */
enum ex_what {
	EX_IS_EIF,
	EX_IS_TREE,         /* an image or a root file system */
	EX_IS_CPIO,         /* perhaps packed */
	EX_IS_MEASUREMENTS, /* measurements.json */
	EX_IS_FILE,         /* anything else */
};

struct ex_side {
	enum ex_what what;
	const char *name; /* as it was given; borrowed */
	struct eif_file eif;
	struct ex_bytes all; /* EIF, cpio (unpacked), file: its bytes; holds the source */
	struct ex_list list; /* tree */
	struct eif_measurements m;
};

SS_MUST_CHECK SS_NONNULL int ex_side_open(const char *name, const struct ex_options *o,
					  struct ex_side *ret, struct ss_err *err);
void ex_side_done(struct ex_side *s); /* accepts a zeroed one */
#define AUTO_EX_SIDE SS_CLEANUP(ex_side_done)

/* "an enclave image", … for messages. */
const char *ex_what_name(enum ex_what w);
/* Bytes of a section of an EIF. */
SS_NONNULL struct ex_bytes ex_section(const struct ex_side *s, const struct eif_section *sec);
/* The names of a ramdisk, packed or not; `left` as ex_unpack(). */
SS_MUST_CHECK SS_NONNULL int ex_ramdisk(const struct ex_bytes *b, uint64_t *left,
					struct ex_list *ret, struct ss_err *err);

/* Two EIFs, section by section. */
/* Of two that differ: sets the report's pcr8; *ret_where says it, static. */
SS_MUST_CHECK SS_NONNULL int ex_compare_signatures(struct ex_run *r, const struct ex_bytes *a,
						   const struct ex_bytes *b, const char **ret_where,
						   struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int ex_compare_eif(struct ex_run *r, const struct ex_side *a,
					    const struct ex_side *b, struct ss_err *err);
/* Two ramdisks or cpio archives. */
SS_MUST_CHECK SS_NONNULL int ex_compare_ramdisks(struct ex_run *r, const struct ex_bytes *a,
						 const struct ex_bytes *b, struct ss_err *err);
