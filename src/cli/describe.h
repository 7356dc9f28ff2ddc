/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/examine.h"
#include "eif/layout.h"

#include <jansson.h>

#define CLI_FINDINGS 20u /* how many are shown; the others are counted */

/* Everything that `describe` shows, gathered by cmd_describe.c, for people or as JSON. */
struct cli_described {
	struct eif_file file;
	struct eif_measurements m;
	struct eif_examined signature;
	enum eif_layout layout; /* of ramdisk 1 */
	struct ss_buf findings; /* lines about it, each ended by a newline */
	size_t n_findings;
	struct ss_err metadata_err; /* not nitro-cli's form, or none: why */
	json_t *metadata;           /* an object, or NULL */
};

/* describe_text.c */
SS_NONNULL void cli_describe_text(const struct cli_described *d);
/* describe_json.c: nitro-cli's describe-eif, its keys in its order. */
SS_MUST_CHECK SS_NONNULL int cli_describe_json(const struct cli_described *d, struct ss_err *err);
