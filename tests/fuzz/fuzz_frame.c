/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken writes back to the same bytes, and no less of it is enough. */
static void check_frame(const struct frame *f, struct ss_span in, size_t taken)
{
	AUTO_BUF struct ss_buf out = SS_BUF_INIT(FRAME_HEAD + FRAME_MAX_BODY);
	struct frame again;
	struct ss_err err = { 0 };
	size_t n;

	if (taken > in.n || taken < FRAME_HEAD)
		abort();
	frame_write(f, &out);
	if (out.bad || out.n != taken || memcmp(out.p, in.p, taken) != 0)
		abort();
	if (frame_read((struct ss_span){ in.p, taken - 1 }, &again, &n, &err) != 0)
		abort();
}

/* A stream of frames, until it breaks or ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ss_span in = { data, size };

	for (;;) {
		struct frame f;
		struct ss_err err = { 0 };
		size_t taken = 0;
		const int rc = frame_read(in, &f, &taken, &err);

		if (rc < 0 && (err.code == SS_OK || err.msg[0] == '\0'))
			abort();
		if (rc == 0 && in.n >= FRAME_HEAD + FRAME_MAX_BODY)
			abort();
		if (rc != 1)
			return 0;
		check_frame(&f, in, taken);
		in = (struct ss_span){ in.p + taken, in.n - taken };
	}
}
