/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "runtime/dp_pair.h"

/*
 * Datagrams in a stream, each behind its length in two bytes. The stream is a pair's DP_HOST end.
 * What is incomplete stays in the socket's own buffer; a datagram that does not fit is dropped
 * whole, and one that fits in part is finished from a pipe (way DP_APP).
 */
#define DP_DATAGRAM_MAX 65535u

enum dp_take { DP_TAKE_QUIET, DP_TAKE_AGAIN, DP_TAKE_OVER };

/* Calls `put` for each that is there. The span lies in the shared buffer. */
SS_NONNULL enum dp_take dp_datagrams_take(struct dp *d, struct dp_pair *p,
					  void (*put)(struct dp *d, struct dp_pair *p,
						      struct ss_span datagram));
enum dp_put { DP_PUT_SENT, DP_PUT_LOST, DP_PUT_OVER };
/* head and body are one datagram; head may be empty. */
SS_NONNULL enum dp_put dp_datagrams_put(struct dp *d, struct dp_pair *p, struct ss_span head,
					struct ss_span body);
