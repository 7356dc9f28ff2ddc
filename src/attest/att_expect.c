/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_expect.h"

#include <string.h>

#define VERSION_NUMBERS 8u
#define VERSION_DIGITS 9u

int att_expect_check(const struct att_expect *e, struct ss_err *err)
{
	const unsigned all = 7; /* PCR0, PCR1, PCR2 */
	unsigned seen = 0;
	size_t n = 0;

	for (size_t i = 0; i < e->n_sets; i++)
		n += e->sets[i].n;
	for (size_t i = 0; i < e->n_registers; i++)
		if (e->registers[i].index < 3 && e->registers[i].n > 0)
			seen |= 1u << e->registers[i].index;
	if (e->endpoint != NULL && e->nonce.p == NULL)
		return ss_fail(err, SS_EUSAGE, "an endpoint needs a nonce: no verdict");
	if (n > 0 || seen == all)
		return 0;
	(void)ss_fail(err, SS_EUSAGE, "%s",
		      seen == 0 ? "nothing is expected of the code that runs: no verdict"
				: "PCR0, PCR1 and PCR2 must all be expected: no verdict");
	err->hint =
		"give --eif, --measurements, --policy, or --pcr for each of PCR0, PCR1 and PCR2";
	return -1;
}

bool att_is_version(const char *text)
{
	for (size_t i = 0; i < VERSION_NUMBERS; i++) {
		const size_t digits = strspn(text, "0123456789");

		if (digits == 0 || digits > VERSION_DIGITS)
			return false;
		text += digits;
		if (*text == '\0')
			return true;
		if (*text++ != '.')
			return false;
	}
	return false;
}

/* The next number of a version, and past its dot. */
static uint64_t next_number(const char **text)
{
	uint64_t n = 0;

	for (; **text >= '0' && **text <= '9'; (*text)++)
		n = n * 10 + (uint64_t)(**text - '0'); /* at most 9 digits */
	if (**text == '.')
		(*text)++;
	return n;
}

int att_version_compare(const char *a, const char *b)
{
	for (size_t i = 0; i < VERSION_NUMBERS; i++) {
		const uint64_t x = next_number(&a);
		const uint64_t y = next_number(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static void extend(struct ss_span s, uint8_t ret[ATT_PCR_SIZE])
{
	static const uint8_t zeros[ATT_PCR_SIZE];
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA384);

	crypto_hash_put(h, (struct ss_span){ zeros, sizeof(zeros) });
	crypto_hash_put(h, s);
	crypto_hash_end(h, ret);
}

void att_pcr_of_text(const char *text, uint8_t ret[ATT_PCR_SIZE])
{
	extend((struct ss_span){ (const uint8_t *)text, strlen(text) }, ret);
}

void att_pcr_of_certificate(struct ss_span der, uint8_t ret[ATT_PCR_SIZE])
{
	uint8_t inner[CRYPTO_SHA384_SIZE];

	crypto_hash_once(CRYPTO_SHA384, der, inner);
	extend((struct ss_span){ inner, sizeof(inner) }, ret);
}
