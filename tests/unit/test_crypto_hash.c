/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "crypto/hash.h"
#include "expect.h"

#include <string.h>

static void check(enum crypto_hash_kind kind, const char *text, const char *want)
{
	uint8_t d[CRYPTO_HASH_MAX];
	char hex[2 * CRYPTO_HASH_MAX + 1];

	crypto_hash_once(kind, (struct ss_span){ (const uint8_t *)text, strlen(text) }, d);
	ss_hex((struct ss_span){ d, crypto_hash_size(kind) }, hex);
	assert_string_equal(hex, want);
}

static void digests_are_those_of_fips_180_4(void **state)
{
	(void)state;
	check(CRYPTO_SHA256, "abc",
	      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check(CRYPTO_SHA384, "abc",
	      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358ba"
	      "eca134c825a7");
}

static void a_fork_goes_on_from_the_same_state(void **state)
{
	AUTO_HASH struct crypto_hash *a = crypto_hash_new(CRYPTO_SHA384);
	AUTO_HASH struct crypto_hash *b = NULL;
	uint8_t da[48], db[48];

	(void)state;
	crypto_hash_put(a, (struct ss_span){ (const uint8_t *)"ab", 2 });
	b = crypto_hash_fork(a);
	crypto_hash_put(b, (struct ss_span){ (const uint8_t *)"x", 1 });
	crypto_hash_end(b, db);
	crypto_hash_put(a, (struct ss_span){ (const uint8_t *)"c", 1 });
	crypto_hash_end(a, da);
	assert_int_equal(da[0], 0xcb);
	assert_int_equal(da[1], 0x00);
	assert_memory_not_equal(da, db, sizeof(da));
}

static void crc32_is_iso_hdlc_and_chains(void **state)
{
	const struct ss_span a = { (const uint8_t *)"1234", 4 };
	const struct ss_span b = { (const uint8_t *)"56789", 5 };

	(void)state;
	assert_int_equal(crypto_crc32(crypto_crc32(0, a), b), 0xcbf43926u);
}

static void crc32_of_two_halves_is_that_of_the_whole(void **state)
{
	const struct ss_span a = { (const uint8_t *)"1234", 4 };
	const struct ss_span b = { (const uint8_t *)"56789", 5 };

	(void)state;
	assert_int_equal(crypto_crc32_combine(crypto_crc32(0, a), crypto_crc32(0, b), 5),
			 0xcbf43926u);
	assert_int_equal(crypto_crc32_combine(0x12345678, 0, 0), 0x12345678);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_those_of_fips_180_4),
		cmocka_unit_test(a_fork_goes_on_from_the_same_state),
		cmocka_unit_test(crc32_is_iso_hdlc_and_chains),
		cmocka_unit_test(crc32_of_two_halves_is_that_of_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
