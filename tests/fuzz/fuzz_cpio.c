/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/cpio.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_say_why(const struct ss_err *err)
{
	if (err->code == SS_OK || err->msg[0] == '\0')
		abort();
}

/* The digits of a header may be of either case; everything else must come back as it was. */
static void compare(const uint8_t *was, const struct ss_buf *now, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = was[i];

		if (i < CPIO_HEADER_SIZE && c >= 'A' && c <= 'F')
			c = (uint8_t)(c + ('a' - 'A'));
		if (now->p[i] != c)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct ss_buf out = SS_BUF_INIT(CPIO_HEADER_SIZE + CPIO_MAX_NAME + 4);
	struct ss_cur c = ss_cur_init((struct ss_span){ data, size });
	struct cpio_entry e;
	struct ss_err err = { 0 };
	struct ss_span raw;
	size_t n;

	if (cpio_header_read(ss_cur_take(&c, size < CPIO_HEADER_SIZE ? size : CPIO_HEADER_SIZE), &e,
			     &n, &err) < 0) {
		must_say_why(&err);
		return 0;
	}
	raw = ss_cur_take(&c, n);
	if (c.bad || cpio_name_read(raw, &e, &err) < 0)
		return 0;
	if (cpio_name_check(e.name, &err) == 0 &&
	    (e.name.p[0] == '/' || memmem(e.name.p, e.name.n, "/../", 4) != NULL))
		abort();
	if (cpio_entry_check(&e, &err) < 0)
		must_say_why(&err);
	cpio_entry_write(&e, &out);
	if (out.n != cpio_entry_size(e.name.n))
		abort();
	compare(data, &out, CPIO_HEADER_SIZE + n);
	return 0;
}
