/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "hermetic/chacha.h"

#include <stdio.h>
#include <string.h>

static void expect_hex(const uint8_t *p, size_t n, const char *want)
{
	char hex[2 * HM_BLOCK + 1] = "";

	for (size_t i = 0; i < n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", p[i]);
	assert_string_equal(hex, want);
}

/* RFC 8439, appendix A.1: test vectors 1, 2, 3 and 4. */
static void the_stream_is_ChaCha20s(void **state)
{
	uint8_t key[HM_KEY] = { 0 }, block[HM_BLOCK];

	(void)state;
	hm_chacha_block(key, 0, block);
	expect_hex(block, HM_BLOCK,
		   "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
		   "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
	hm_chacha_block(key, 1, block);
	expect_hex(block, HM_BLOCK,
		   "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
		   "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
	key[31] = 1;
	hm_chacha_block(key, 1, block);
	expect_hex(block, HM_BLOCK,
		   "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
		   "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0");
	key[31] = 0;
	key[1] = 0xff;
	hm_chacha_block(key, 2, block);
	expect_hex(block, HM_BLOCK,
		   "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
		   "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096");
}

/* What a second implementation says: tests/oracle/hchacha.py. */
static void keys_come_from_keys(void **state)
{
	static const char sixteen[] = "sixteen bytes...";
	uint8_t key[HM_KEY], a[HM_KEY];

	(void)state;
	for (unsigned i = 0; i < HM_KEY; i++)
		key[i] = (uint8_t)i;
	hm_chacha_mix(key, (struct ss_span){ NULL, 0 }, a);
	expect_hex(a, HM_KEY, "700d7e842fc4ad2a78a3cce93ecafd8cdc9d692f5af9fbb1df85eac1caaa9e03");
	hm_chacha_mix(key, (struct ss_span){ (const uint8_t *)sixteen, 16 }, a);
	expect_hex(a, HM_KEY, "b481136ebda0ee1942c260f49b1eb3abab57767e9f58225198a576bff6132e2b");
	hm_chacha_mix(key, (struct ss_span){ (const uint8_t *)"abc", 3 }, a);
	expect_hex(a, HM_KEY, "d082161f3600ad76ddb0760ff96d3f8df7d8b470bfa64625d9019141e1976002");
}

static void what_padding_makes_equal_stays_apart(void **state)
{
	static const uint8_t zeros[64];
	uint8_t key[HM_KEY] = { 0 }, all[33][HM_KEY];

	(void)state;
	for (size_t n = 0; n < SS_NELEMS(all); n++) {
		hm_chacha_mix(key, (struct ss_span){ zeros, n }, all[n]);
		for (size_t k = 0; k < n; k++)
			assert_memory_not_equal(all[n], all[k], HM_KEY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stream_is_ChaCha20s),
		cmocka_unit_test(keys_come_from_keys),
		cmocka_unit_test(what_padding_makes_equal_stays_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
