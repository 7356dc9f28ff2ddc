/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/tls_hello.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* The same message in records of `piece` bytes has the same name. */
static void check_pieces(const uint8_t *message, struct ss_span name, size_t piece)
{
	static uint8_t again[2 * TLS_HELLO_MAX], scratch[TLS_HELLO_MAX];
	const size_t whole = 4 + ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]);
	struct ss_span got = { NULL, 0 };
	size_t n = 0;

	for (size_t at = 0; at < whole; at += piece) {
		const size_t here = whole - at < piece ? whole - at : piece;

		if (n + 5 + here > sizeof(again))
			return;
		memcpy(again + n, "\x16\3\3", 3);
		again[n + 3] = (uint8_t)(here >> 8);
		again[n + 4] = (uint8_t)here;
		memcpy(again + n + 5, message + at, here);
		n += 5 + here;
	}
	if (n > TLS_HELLO_MAX) {
		check(tls_hello_look((struct ss_span){ again, n }, scratch, &got) ==
		      TLS_HELLO_TOO_LONG);
		return;
	}
	check(tls_hello_look((struct ss_span){ again, n }, scratch, &got) == TLS_HELLO_NAME);
	check(got.n == name.n && memcmp(got.p, name.p, name.n) == 0);
}

/* The first byte says where the stream is cut. What was decided with a part holds for the whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t scratch[TLS_HELLO_MAX], other[TLS_HELLO_MAX];
	struct ss_span in, name = { NULL, 0 }, early = { NULL, 0 };
	enum tls_hello rc, part;

	if (size == 0)
		return 0;
	in = (struct ss_span){ data + 1, size - 1 };
	rc = tls_hello_look(in, scratch, &name);
	part = tls_hello_look((struct ss_span){ in.p, in.n * data[0] / 256 }, other, &early);
	check(part == TLS_HELLO_MORE || part == rc);
	check(rc != TLS_HELLO_MORE || in.n < TLS_HELLO_MAX);
	check((rc == TLS_HELLO_NAME) == (name.n > 0));
	if (rc != TLS_HELLO_NAME)
		return 0;
	check(name.p > scratch && name.n < (size_t)(scratch + TLS_HELLO_MAX - name.p));
	check(part != rc || (early.n == name.n && memcmp(early.p, name.p, name.n) == 0));
	check_pieces(scratch, name, 1 + data[0] % 64u);
	return 0;
}
