/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"

#include <stdbool.h>
#include <string.h>

/*
 * A bug of gcc 12.2 with -ftrivial-auto-var-init=zero: initialising a struct from copies of structs
 * that hold arrays of structs cleared bytes of the copy, as if they were padding. It put zeros into
 * the digests of measurements.json. This test fails if a compiler flag brings it back.
 */
struct part {
	int type;
	uint64_t size;
	uint8_t digest[48];
};

struct measured {
	uint8_t pcr[48];
	bool a;
	bool b;
	struct part parts[4];
	size_t n;
	bool has;
	uint8_t file[32];
};

struct source {
	char commit[65];
	bool dirty;
};

struct both {
	struct measured m;
	struct source s;
};

static size_t count_zeros(const struct both *b)
{
	size_t n = 0;

	for (size_t i = 0; i < SS_NELEMS(b->m.parts); i++)
		for (size_t k = 0; k < sizeof(b->m.parts[i].digest); k++)
			n += b->m.parts[i].digest[k] == 0;
	for (size_t k = 0; k < sizeof(b->m.file); k++)
		n += b->m.file[k] == 0;
	return n;
}

static size_t (*volatile count)(const struct both *) = count_zeros;

static size_t copy_and_count(const struct measured *m, const struct source *s)
{
	const struct both b = { .m = *m, .s = *s };

	return count(&b);
}

static void a_struct_made_of_copies_keeps_every_byte(void **state)
{
	static struct measured m;
	static struct source s;

	(void)state;
	memset(&m, 0x11, sizeof(m));
	memset(&s, 0x11, sizeof(s));
	m.a = m.b = m.has = s.dirty = true;
	assert_int_equal(copy_and_count(&m, &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_struct_made_of_copies_keeps_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
