/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "hermetic/sup.h"

#include <stdlib.h>
#include <string.h>

/* Two words, a NUL between them. What is read, read again from what is written, is written the
 * same. */

static char *text(const struct ss_buf *b)
{
	char *ret = ss_calloc(b->n + 1, 1);

	if (b->bad)
		abort();
	memcpy(ret, b->p, b->n);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct ss_buf ids = SS_BUF_INIT(4096);
	AUTO_BUF struct ss_buf caps = SS_BUF_INIT(4096);
	AUTO_BUF struct ss_buf again = SS_BUF_INIT(4096);
	AUTO_BUF struct ss_buf caps_again = SS_BUF_INIT(4096);
	AUTO_FREE char *all = ss_calloc(size + 2, 1);
	AUTO_FREE char *a = NULL;
	AUTO_FREE char *b = NULL;
	struct sup_who who;
	struct ss_err err = { 0 };

	if (size > 0)
		memcpy(all, data, size);
	if (hm_who_read(all, all + strlen(all) + 1, &who, &err) < 0) {
		if (err.code != SS_EINPUT || err.msg[0] == '\0')
			abort();
		return 0;
	}
	hm_who_write(&who, &ids, &caps);
	a = text(&ids);
	b = text(&caps);
	if (hm_who_read(a, b, &who, &err) < 0)
		abort();
	hm_who_write(&who, &again, &caps_again);
	if (again.n != ids.n || memcmp(again.p, ids.p, ids.n) != 0 || caps_again.n != caps.n ||
	    memcmp(caps_again.p, caps.p, caps.n) != 0)
		abort();
	return 0;
}
