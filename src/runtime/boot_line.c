/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/boot_line.h"

#include "base/hex.h"

#include <string.h>

#define SIZE_DIGITS 12u /* a ramdisk of a terabyte has 13 */

static bool take_text(struct ss_cur *c, const char *text)
{
	const size_t n = strlen(text);
	const struct ss_span s = ss_cur_take(c, n);

	return !c->bad && memcmp(s.p, text, n) == 0;
}

static bool take_size(struct ss_cur *c, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i <= SIZE_DIGITS; i++) {
		const uint8_t d = ss_cur_u8(c);

		if (d == ':' && i > 0) {
			*ret = v;
			return v > 0;
		}
		if (d < '0' || d > '9' || (i > 0 && v == 0)) /* no leading zero */
			return false;
		v = v * 10 + (uint64_t)(d - '0');
	}
	return false;
}

static bool take_hash(struct ss_cur *c, uint8_t ret[48])
{
	const struct ss_span s = ss_cur_take(c, 96);
	char text[97] = { 0 };

	if (c->bad)
		return false;
	memcpy(text, s.p, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (text[i] >= 'A' && text[i] <= 'F')
			return false;
	return ss_unhex(text, ret, 48);
}

int rt_boot_line_read(struct ss_span line, const char *text, struct rt_boot_line *ret,
		      struct ss_err *err)
{
	struct rt_boot_line b = { 0 };
	struct ss_cur c;

	if (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	c = ss_cur_init(line);
	if (!take_text(&c, "selfsame.rd0=") || !take_size(&c, &b.rd0_size) ||
	    !take_hash(&c, b.rd0_sha384) || !take_text(&c, " ") || !take_text(&c, text) ||
	    (ss_cur_left(&c) > 0 && ss_cur_u8(&c) != ' '))
		return ss_fail(err, SS_EVERIFY,
			       "the command line does not begin as this kernel's must");
	*ret = b;
	return 0;
}
