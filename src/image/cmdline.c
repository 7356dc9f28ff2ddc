/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "image/ramdisk.h"

#include <stdio.h>
#include <string.h>

int image_cmdline_check(struct ss_span text, struct ss_err *err)
{
	if (text.n > IMAGE_MAX_CMDLINE)
		return ss_fail(err, SS_ELIMIT, "the command line has %zu bytes; the limit is %u",
			       text.n, IMAGE_MAX_CMDLINE);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			return ss_fail(err, SS_EINPUT,
				       "the command line has byte 0x%02x at offset %zu; printable "
				       "ASCII is allowed",
				       (unsigned)text.p[i], i);
	return 0;
}

static void put(struct ss_buf *b, const char *text)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)text, strlen(text) });
}

int image_cmdline(struct ss_span ramdisk0, const char *text, const char *extra, struct ss_buf *ret,
		  struct ss_err *err)
{
	uint8_t sha384[CRYPTO_SHA384_SIZE];
	char hex[2 * CRYPTO_SHA384_SIZE + 1];
	char head[64];

	crypto_hash_once(CRYPTO_SHA384, ramdisk0, sha384);
	ss_hex((struct ss_span){ sha384, sizeof(sha384) }, hex);
	(void)snprintf(head, sizeof(head), "selfsame.rd0=%zu:", ramdisk0.n);
	put(ret, head);
	put(ret, hex);
	put(ret, " ");
	put(ret, text);
	if (extra != NULL && extra[0] != '\0') {
		put(ret, " ");
		put(ret, extra);
	}
	if (ss_buf_check(ret, "the command line", err) < 0)
		return -1;
	return image_cmdline_check(ss_buf_span(ret), err);
}
