/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_verify.h"
#include "endpoint/ep_conn.h"

#include <stdbool.h>

/*
 * A secret, handed over on the very connection that was attested (docs/formats/endpoint.md,
 * "Secrets"). Without a yes for its key nothing can be handed over.
 */
#define EP_SECRET_MAX ((size_t)64 * 1024)
#define EP_SECRET_NAME_MAX 64u

/* A letter or '_', then letters, digits and '_'. */
SS_NONNULL bool ep_secret_is_name(const char *name);

/* SS_EREMOTE: the enclave did not take it, and why; or the connection is gone. */
SS_MUST_CHECK SS_NONNULL int ep_secret_send(const struct att_verified *yes, struct ep_conn *c,
					    const struct ep_url *u, const char *name,
					    struct ss_span value, struct ss_err *err);
