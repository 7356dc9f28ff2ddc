/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_expect.h"

#include <selfsame-verify.h>

/*
 * What somebody measured, in JSON, as a release: measurements.json, what 'selfsame measure --json'
 * prints, or nitro-cli's {"Measurements": {...}}. docs/formats/measurements.md describes the first.
 * Keys that are not needed are passed over: others write more of them.
 */
/* `parts` has room for ATT_PARTS_MAX, and *ret borrows it. */
SS_MUST_CHECK SS_NONNULL int ssv_measurements_read(struct ss_span in, struct att_part *parts,
						   struct att_release *ret, struct ss_err *err);
