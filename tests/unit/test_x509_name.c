/* SPDX-License-Identifier: Apache-2.0 */
/* Names of certificates, made fit for people: nothing in a value looks like the next attribute, and
 * nothing of it reaches a terminal. tests/cli/verify.t compares with another reader. */
#include "crypto/x509_chain.h"
#include "expect.h"

#include <string.h>

struct text {
	char s[2048];
};

static const char *shown(const uint8_t *der, size_t n, struct text *ret)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(sizeof(ret->s) - 1);

	crypto_name_text((struct ss_span){ der, n }, &b);
	assert_false(b.bad);
	if (b.n > 0)
		memcpy(ret->s, b.p, b.n);
	ret->s[b.n] = '\0';
	return ret->s;
}

/* One set of one attribute, 2.5.4.LAST. */
static size_t pair(uint8_t *ret, uint8_t last, uint8_t tag, const char *value)
{
	const uint8_t n = (uint8_t)strlen(value);
	const uint8_t head[] = {
		0x31, (uint8_t)(n + 9), 0x30, (uint8_t)(n + 7), 0x06, 0x03, 0x55, 0x04, last, tag, n
	};

	memcpy(ret, head, sizeof(head));
	memcpy(ret + sizeof(head), value, n);
	return sizeof(head) + n;
}

static size_t name_of(uint8_t *ret, uint8_t last, uint8_t tag, const char *value)
{
	const size_t n = pair(ret + 2, last, tag, value);

	ret[0] = 0x30;
	ret[1] = (uint8_t)n;
	return n + 2;
}

static void attributes_stand_in_their_order(void **state)
{
	uint8_t der[256] = { 0x30 };
	size_t n = 2;
	struct text t;

	(void)state;
	n += pair(der + n, 6, 0x13, "US");
	n += pair(der + n, 10, 0x0c, "Amazon");
	n += pair(der + n, 3, 0x16, "aws.nitro-enclaves");
	n += pair(der + n, 46, 0x13, "7");
	der[1] = (uint8_t)(n - 2);
	assert_string_equal(shown(der, n, &t), "C=US, O=Amazon, CN=aws.nitro-enclaves, 2.5.4.46=7");
}

static void values_are_escaped(void **state)
{
	static const struct {
		uint8_t tag;
		const char *value;
		const char *want;
	} cases[] = {
		{ 0x0c, "a, CN=b", "CN=a\\x2c CN\\x3db" },
		{ 0x0c, "a+b", "CN=a\\x2bb" },
		{ 0x0c, "\x1b[2J", "CN=\\x1b[2J" },
		{ 0x0c, "\xff", "CN=\\xff" },
		{ 0x0c, "\xc3\xa9\xe2\x80\xae", "CN=\xc3\xa9\\xe2\\x80\\xae" },
		{ 0x0c, "a\\x2cb", "CN=a\\x5cx2cb" },
		{ 0x0c, "", "CN=" },
		{ 0x1e, "ab", "CN=?" }, /* BMPString */
	};
	uint8_t der[256];
	struct text t;

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		const size_t n = name_of(der, 3, cases[i].tag, cases[i].value);

		assert_string_equal(shown(der, n, &t), cases[i].want);
	}
}

static void cut_at_any_byte_it_ends(void **state)
{
	uint8_t der[256];
	const size_t whole = name_of(der, 3, 0x0c, "somebody");
	struct text t;

	(void)state;
	for (size_t n = 0; n < whole; n++) {
		uint8_t *cut = malloc(n + 1);

		assert_non_null(cut);
		memcpy(cut, der, n);
		assert_null(strstr(shown(cut, n, &t), "somebody"));
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_stand_in_their_order),
		cmocka_unit_test(values_are_escaped),
		cmocka_unit_test(cut_at_any_byte_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
