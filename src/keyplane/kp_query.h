/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyplane/kp_device.h"

/* Calls of the NSM, one at a time; all wait for its answer, which lies here until the next one. */
struct kp;

SS_MUST_CHECK SS_NONNULL int kp_query(struct ss_span request, struct ss_span *ret,
				      struct ss_err *err);
/* A document; the NSM then rests (kp_nsm.h). */
SS_MUST_CHECK SS_NONNULL int kp_query_document(struct kp *k, struct ss_span request,
					       struct ss_span *ret, struct ss_err *err);
