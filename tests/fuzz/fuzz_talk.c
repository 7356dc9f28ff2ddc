/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "launch/talk.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken writes back to the same bytes, and no less of it is enough. */
static void check(const struct talk *t, struct ss_span in, size_t taken)
{
	AUTO_BUF struct ss_buf out = SS_BUF_INIT(TALK_HEAD + TALK_MAX_BODY);
	struct talk again;
	struct ss_err err = { 0 };
	size_t n;

	if (taken > in.n || taken < TALK_HEAD)
		abort();
	talk_write(t, &out);
	if (out.bad || out.n != taken || memcmp(out.p, in.p, taken) != 0)
		abort();
	if (talk_read((struct ss_span){ in.p, taken - 1 }, &again, &n, &err) != 0)
		abort();
	/* Whoever asks is known by its first TALK_MAX_ASK bytes. */
	if (t->type < TALK_DESCRIPTION && taken > TALK_MAX_ASK)
		abort();
}

/* What a client of the supervisor's socket says, or a supervisor to its client. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ss_span in = { data, size };

	for (;;) {
		struct talk t;
		struct ss_err err = { 0 };
		size_t taken = 0;
		const int rc = talk_read(in, &t, &taken, &err);

		if (rc < 0 && (err.code == SS_OK || err.msg[0] == '\0'))
			abort();
		if (rc != 1)
			return 0;
		check(&t, in, taken);
		in = (struct ss_span){ in.p + taken, in.n - taken };
	}
}
