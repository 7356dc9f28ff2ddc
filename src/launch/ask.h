/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/talk.h"

/*
 * The other end of a supervisor's socket: for `list`, `stop`, `logs`, `console`. A supervisor is
 * ours, but what it hands on is not: messages are read as strictly as anybody's.
 */

/* One message of the answer; the spans live as long as the call. */
typedef int (*ask_message)(void *ctx, const struct talk *t, struct ss_err *err);

/*
 * Asks the supervisor of the enclave `name`, and hands on what it answers until it closes. An
 * enclave that is not there is an error; so is an answer that is cut short.
 */
SS_MUST_CHECK SS_NONNULL int ask(const char *name, const struct talk *question, ask_message on,
				 void *ctx, struct ss_err *err);
/* A REFUSED as an error, for after ask(): it is no failure of the supervisor. */
SS_NONNULL void ask_refused(const struct talk *t, struct ss_err *ret);
