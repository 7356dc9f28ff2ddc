/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Genuine attestation documents, published by others for tests: tests/vectors/attestation. */

#include "base/buf.h"
#include "expect.h"

#include <stdlib.h>

#define VECTOR_NOV "production-2022-nov.cose"
#define VECTOR_NOV_SIZE 4461u
#define VECTOR_NOV_AT 1668034320 /* its own time, in seconds */
#define VECTOR_DEBUG "debug-2022.cose"
#define VECTOR_DSTACK "production-2025-indefinite-map.cose" /* with a tail */
#define VECTOR_DSTACK_SIZE 4527u                            /* without it */

/* `b` is empty, with room. */
static inline void load_vector(const char *name, struct ss_buf *b)
{
	const char *folder = getenv("VECTORS");
	uint8_t block[8192];
	char path[4096];
	FILE *f;
	size_t n;

	assert_non_null(folder);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rbe");
	assert_non_null(f);
	n = fread(block, 1, sizeof(block), f);
	(void)fclose(f);
	assert_true(n > 0 && n < sizeof(block));
	ss_buf_put(b, (struct ss_span){ block, n });
	assert_false(b->bad);
}
