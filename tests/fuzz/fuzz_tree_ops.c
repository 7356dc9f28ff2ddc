/* SPDX-License-Identifier: Apache-2.0 */
/* Any order of puts, links, whiteouts, opaque directories and removals gives what a naive list of
 * paths gives. */
#include "tree_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	model_play((struct ss_span){ data, size });
	return 0;
}
