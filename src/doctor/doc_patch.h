/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/*
 * Small changes to a text that somebody wrote: each cuts some bytes at a place and puts others
 * there, all else stays byte by byte. Shown as a unified diff before anything is written.
 */
#define DOC_EDITS_MAX 1024u

struct doc_edit {
	size_t at;
	size_t cut;
	char *put; /* owned */
};

struct doc_patch {
	struct doc_edit *v; /* by place; those at one place in the order they came */
	size_t n;
};

void doc_patch_done(struct doc_patch *p); /* accepts a zeroed one */
#define AUTO_DOC_PATCH SS_CLEANUP(doc_patch_done)

/* False if it is there already, lies over another, or there are too many. */
SS_NONNULL bool doc_patch_add(struct doc_patch *p, size_t at, size_t cut, const char *put);

/* The text with all edits. Latches the buffer bad if it is too small. */
SS_NONNULL void doc_patch_text(const struct doc_patch *p, struct ss_span in, struct ss_buf *ret);
/* A unified diff with three lines around each change, which patch(1) takes. Nothing if there is no
 * edit. */
SS_NONNULL void doc_patch_show(const struct doc_patch *p, struct ss_span in, const char *name,
			       struct ss_buf *ret);

/* Writes the text with all edits over the file, whole or not at all, with the mode it has. SS_ESYS:
 * it is not the text it was. */
SS_MUST_CHECK SS_NONNULL int doc_patch_apply(const struct doc_patch *p, struct ss_span was,
					     const char *path, struct ss_err *err);
