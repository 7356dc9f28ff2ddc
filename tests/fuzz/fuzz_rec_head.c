/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_head.h"
#include "record/rec_url.h"

#include <stdlib.h>
#include <string.h>

/*
 * What a program in a step may send: a head, a URL, chunks. More bytes never change what was
 * decided; a URL in its plain form is one that a lock takes, and stays as it is; chunks give the
 * same body however they are cut.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_head(struct ss_span in)
{
	static struct rec_head whole, part;
	struct rec_range r;
	struct ss_err err = { 0 };
	size_t n = 0, m = 0;
	const int rc = rec_head_read(in, &whole, &n, &err);

	if (rc < 0 && (err.code == SS_OK || err.msg[0] == '\0'))
		abort();
	if (rc != 1)
		return;
	if (n > in.n || rec_head_read((struct ss_span){ in.p, n }, &part, &m, &err) != 1 ||
	    m != n || part.n != whole.n ||
	    rec_head_read((struct ss_span){ in.p, n - 1 }, &part, &m, &err) != 0)
		abort();
	if (rec_head_range(&whole, 100, &r) == REC_RANGE_PART && (r.n == 0 || r.at + r.n > 100))
		abort();
}

static void try_url(struct ss_span in)
{
	AUTO_BUF struct ss_buf real = SS_BUF_INIT(65536), plain = SS_BUF_INIT(65536);
	AUTO_BUF struct ss_buf real2 = SS_BUF_INIT(65536), plain2 = SS_BUF_INIT(65536);
	struct ss_err err = { 0 };
	bool secret;

	if (rec_url_make(in, &real, &plain, &secret, &err) < 0) {
		if (err.msg[0] == '\0')
			abort();
		return;
	}
	if (!cfg_is_input_url((const char *)plain.p))
		abort();
	if (rec_url_make((struct ss_span){ plain.p, plain.n - 1 }, &real2, &plain2, &secret, &err) <
	    0)
		return; /* one byte more than a URL may have */
	if (plain.n != plain2.n || memcmp(plain.p, plain2.p, plain.n) != 0)
		abort();
}

static int decode(struct ss_span in, size_t step, struct ss_buf *ret)
{
	struct rec_chunks c = { 0 };
	struct ss_err err = { 0 };
	bool end = false;

	while (in.n > 0 && !end) {
		struct ss_span part = { in.p, step < in.n ? step : in.n }, out;

		in.p += part.n;
		in.n -= part.n;
		while (part.n > 0 && !end) {
			if (rec_chunks_next(&c, &part, &out, &end, &err) < 0)
				return -1;
			ss_buf_put(ret, out);
		}
	}
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ss_span in = { data, size };
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(1u << 20), b = SS_BUF_INIT(1u << 20);

	try_head(in);
	try_url(in);
	if (decode(in, size, &a) != decode(in, 1, &b) || a.n != b.n ||
	    (a.n > 0 && memcmp(a.p, b.p, a.n) != 0))
		abort();
	return 0;
}
