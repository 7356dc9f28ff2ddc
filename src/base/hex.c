/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"

#include <string.h>

void ss_hex(struct ss_span s, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		ret[2 * i] = digits[s.p[i] >> 4];
		ret[2 * i + 1] = digits[s.p[i] & 15];
	}
	ret[2 * s.n] = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool ss_unhex(const char *text, uint8_t *ret, size_t n)
{
	if (strlen(text) != 2 * n)
		return false;
	for (size_t i = 0; i < 2 * n; i++)
		if (digit(text[i]) < 0)
			return false;
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)((unsigned)digit(text[2 * i]) << 4 |
				   (unsigned)digit(text[2 * i + 1]));
	return true;
}
