/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/key_link.h"
#include "runtime/dp_loop.h"

/*
 * dataplane's end of the pair to keyplane (fmt/key_link.h): attested connections are handed over,
 * and the application's ends where they are asked for. What is handed over is no longer watched or
 * held here; a connection's slot stays taken until keyplane says that it is over.
 */
struct dp_key {
	struct dp_watch w; /* fd -1: no keyplane here */
	bool is_ready;
	uint64_t counts[KP_COUNTS]; /* of keyplane, as it said last */
};

/* fd -1: there is none. */
SS_MUST_CHECK SS_NONNULL int dp_key_init(struct dp *d, int fd, struct ss_err *err);
SS_NONNULL void dp_key_event(struct dp *d, struct dp_watch *w, uint32_t events);
/* fd -1: none goes with it. False: keyplane does not listen fast enough. */
SS_NONNULL bool dp_key_tell(struct dp *d, const struct kp_link_head *h, int fd);
/* The same with text. False: dp_cert_send() is called when there may be room. */
SS_NONNULL bool dp_key_ask(struct dp *d, const struct kp_link_head *h, struct ss_span text);
