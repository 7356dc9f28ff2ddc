/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Which step wrote a file last, as the supervisors of the steps tell (hermetic/sup_keys.c): a list
 * of paths from each, in the order in which the steps ran. Asked for by `build --double` alone.
 * Text beyond PROJECT_WRITTEN_MAX bytes is forgotten: then nobody is known to have written a file.
 */
#define PROJECT_WRITTEN_MAX ((size_t)256 * 1024 * 1024)

struct project_wrote {
	size_t at; /* of the path in the text */
	size_t n;
	uint64_t step;
};

struct project_written {
	struct ss_buf text;
	struct project_wrote *v;
	size_t n;
	bool sorted;
};

/* Paths that begin with '/', each with a NUL behind it; what is none is left out. Steps come in
 * their order. */
SS_NONNULL void project_written_add(struct project_written *w, uint64_t step, struct ss_span paths);
/* 0: no step is known to have written it. */
SS_MUST_CHECK SS_NONNULL uint64_t project_written_by(struct project_written *w,
						     struct ss_span path);
/* Accepts a zeroed one. */
SS_NONNULL void project_written_done(struct project_written *w);
