/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "expect.h"
#include "runtime/sha384.h"

#include <openssl/evp.h>

static void by_openssl(struct ss_span in, uint8_t ret[RT_SHA384_SIZE])
{
	unsigned n = 0;

	assert_int_equal(EVP_Digest(in.p, in.n, ret, &n, EVP_sha384(), NULL), 1);
	assert_int_equal(n, RT_SHA384_SIZE);
}

/* In pieces of `step` bytes. */
static void by_us(struct ss_span in, size_t step, uint8_t ret[RT_SHA384_SIZE])
{
	struct ss_cur c = ss_cur_init(in);
	struct rt_sha384 s;

	rt_sha384_init(&s);
	while (ss_cur_left(&c) > 0)
		rt_sha384_update(&s,
				 ss_cur_take(&c, ss_cur_left(&c) < step ? ss_cur_left(&c) : step));
	rt_sha384_final(&s, ret);
}

static void sha384_of_abc_is_the_one_of_fips180(void **state)
{
	static const char want[] =
		"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		"8086072ba1e7cc2358baeca134c825a7";
	uint8_t got[RT_SHA384_SIZE];
	char text[2 * RT_SHA384_SIZE + 1];

	(void)state;
	by_us((struct ss_span){ (const uint8_t *)"abc", 3 }, 3, got);
	ss_hex((struct ss_span){ got, sizeof(got) }, text);
	assert_string_equal(text, want);
}

static void sha384_of_every_length_to_1000_is_openssls(void **state)
{
	static const size_t steps[] = { 1, 7, 127, 128, 129, 1000 };
	static uint8_t data[1000];
	uint8_t want[RT_SHA384_SIZE], got[RT_SHA384_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof(data); n++) {
		by_openssl((struct ss_span){ data, n }, want);
		for (size_t i = 0; i < SS_NELEMS(steps); i++) {
			by_us((struct ss_span){ data, n }, steps[i], got);
			assert_memory_equal(got, want, sizeof(want));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha384_of_abc_is_the_one_of_fips180),
		cmocka_unit_test(sha384_of_every_length_to_1000_is_openssls),
	};

	return cmocka_run_group_tests_name("rt_sha384", tests, NULL, NULL);
}
