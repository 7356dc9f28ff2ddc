/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "runtime/dp_limits.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Pipes, all made at the start, each lent to one direction of a connection while bytes of it are
 * under way. A pipe holds DP_PIPE_SIZE bytes if it was empty.
 */
#define DP_NO_PIPE UINT16_MAX

struct dp_pipes {
	int fd[DP_PIPES][2];
	uint16_t free[DP_PIPES];
	uint16_t n_free;
	uint16_t n;
};

/* Makes n pipes, fewer if the user may not have more; at least one. */
SS_MUST_CHECK SS_NONNULL int dp_pipes_init(struct dp_pipes *p, uint16_t n, struct ss_err *err);
/* DP_NO_PIPE when all are lent. */
SS_NONNULL uint16_t dp_pipe_take(struct dp_pipes *p);
/* With `held` bytes still in it, which are thrown away. */
SS_NONNULL void dp_pipe_give(struct dp_pipes *p, uint16_t id, size_t held);
