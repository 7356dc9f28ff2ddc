/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests of libselfsame-verify share: its public header, and what one genuine document
 * says. Nothing of the library's inside is used. */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#include <selfsame-verify.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOV "production-2022-nov.cose"
#define NOV_AT 1668034320
#define NOV_PCR0                                                                                   \
	"22f9e1c949208da55eb01b9b9fc88f87454f77ba133f0d82320b509621c92482"                         \
	"152a99d0a12335b97178c02d6f977d01"
#define NOV_PCR1                                                                                   \
	"bcdf05fefccaa8e55bf2c8d6dee9e79bbff31e34bf28a99aa19e6b29c37ee80b"                         \
	"214a414b7607236edf26fcb78654e63f"
#define NOV_PCR2                                                                                   \
	"00943ea859140fed74e1025fe41aedb38780eae5656b3f9ef9b4b0e611135031"                         \
	"5544db3efcda05725108f72b2ab141f7"
#define ZERO96                                                                                     \
	"000000000000000000000000000000000000000000000000"                                         \
	"000000000000000000000000000000000000000000000000"
#define NOV_REGISTERS                                                                              \
	"\"pcr0\": \"" NOV_PCR0 "\", \"pcr1\": \"" NOV_PCR1 "\", \"pcr2\": \"" NOV_PCR2 "\""
#define NOV_RELEASE "{\"version\": \"1.4.2\", " NOV_REGISTERS "}"
#define NOV_POLICY "{\"release\": [" NOV_RELEASE "]}"

static inline int policy(struct ssv_question *q, const char *json)
{
	return ssv_expect_policy(q, json, strlen(json), "test");
}

static inline void unhex(const char *hex, uint8_t *ret, size_t n)
{
	assert_int_equal(strlen(hex), 2 * n);
	for (size_t i = 0; i < n; i++) {
		const char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
		char *end;

		ret[i] = (uint8_t)strtoul(two, &end, 16);
		assert_ptr_equal(end, two + 2);
	}
}

struct document {
	uint8_t bytes[8192];
	size_t n;
};

static inline void load_document(const char *name, struct document *ret)
{
	const char *folder = getenv("VECTORS");
	char path[4096];
	FILE *f;

	assert_non_null(folder);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rbe");
	assert_non_null(f);
	ret->n = fread(ret->bytes, 1, sizeof(ret->bytes), f);
	(void)fclose(f);
	assert_true(ret->n > 0 && ret->n < sizeof(ret->bytes));
}

/* The code of the answer; whatever is not yes says why. */
static inline void expect_code(struct ssv_question *q, const struct document *d, const char *code)
{
	struct ssv_verdict *v;

	ssv_verify(q, d->bytes, d->n, &v);
	assert_string_equal(ssv_verdict_code(v), code);
	assert_true((code[0] == '\0') == (ssv_verdict_yes(v) != NULL));
	assert_true((code[0] == '\0') == (ssv_verdict_message(v)[0] == '\0'));
	ssv_verdict_free(v);
}

static inline void expect_no_question(struct ssv_question *q, const struct document *d,
				      const char *message)
{
	struct ssv_verdict *v;

	ssv_verify(q, d->bytes, d->n, &v);
	assert_string_equal(ssv_verdict_code(v), "no-question");
	assert_string_equal(ssv_verdict_message(v), message);
	assert_null(ssv_verdict_yes(v));
	ssv_verdict_free(v);
}
