/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/key_link.h"

#include <stdbool.h>

/* What keyplane counts; dataplane has it soon, and prints it (docs/formats/metrics.md). */
struct kp;

struct kp_counts {
	bool is_due; /* dataplane does not know yet */
	uint64_t n[KP_COUNTS];
};

SS_NONNULL void kp_count(struct kp *k, enum kp_count which);
/* An answer of the service, whoever asked: counted if it is a refusal. */
SS_NONNULL void kp_count_status(struct kp *k, unsigned status);
/* If something is due; where the pair has no room it stays so. */
SS_NONNULL void kp_counts_tell(struct kp *k);
