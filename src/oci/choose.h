/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "oci/manifest.h"

/*
 * The one image of an index that is meant: with tag `tag` if that is not NULL, for linux on `arch`
 * ("amd64"). Attestations and other artifacts do not count. A descriptor that states a fitting
 * platform goes before one that states none; if two are left the choice is the user's, and the
 * error lists what there is. The result is borrowed from the index.
 */
SS_MUST_CHECK int oci_choose(const struct oci_index *index, const char *tag, const char *arch,
			     const struct oci_desc **ret, struct ss_err *err);
