/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Length of the printable UTF-8 sequence at the front of `s`; 0 if there is none. */
static size_t utf8_length(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	const size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	static const uint32_t least[] = { 0, 0x20, 0xa0, 0x800, 0x10000 };
	uint32_t v = len == 1 ? p[0] : p[0] & (0x7fu >> len);

	if (p[0] == '\t')
		return 1;
	if (p[0] == 0x7f || (p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = (v << 6) | (p[i] & 0x3f);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 0;
	return len;
}

static void print_line(struct console *c)
{
	c->line[c->n] = '\0';
	if (c->until != NULL && strstr(c->line, c->until) != NULL)
		c->found = true;
	if (strstr(c->line, "Kernel panic - not syncing") != NULL)
		c->panicked = true;
	for (size_t i = 0; i < c->n;) {
		const size_t len = utf8_length(c->line + i, c->n - i);

		if (len > 0)
			(void)fwrite(c->line + i, 1, len, stdout);
		else
			(void)printf("\\x%02x", (unsigned char)c->line[i]);
		i += len > 0 ? len : 1;
	}
	(void)putchar('\n');
	(void)fflush(stdout);
	c->n = 0;
}

void console_put(struct console *c, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n' || c->n == CONSOLE_LINE_MAX - 1) {
			print_line(c);
			if (bytes[i] == '\n')
				continue;
		}
		if (bytes[i] == '\r' || bytes[i] == '\0')
			continue; /* a serial line ends "\r\n" */
		c->line[c->n++] = bytes[i];
	}
}

void console_end(struct console *c)
{
	if (c->n > 0)
		print_line(c);
}
