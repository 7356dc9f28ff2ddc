/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "record/rec_head.h"

#include <stdlib.h>
#include <string.h>

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void expect_text(struct ss_span s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static const char good[] = "GET http://h/a?b HTTP/1.1\r\nHost: h\r\naccept:  */* \r\n"
			   "Range: bytes=1-2\r\nEmpty:\r\n\r\n";

static void a_request_is_read(void **state)
{
	struct rec_head h;
	struct ss_err err = { 0 };
	size_t n = 0;

	(void)state;
	assert_int_equal(rec_head_read(span(good), &h, &n, &err), 1);
	assert_int_equal(n, sizeof(good) - 1);
	expect_text(h.method, "GET");
	expect_text(h.target, "http://h/a?b");
	assert_int_equal(h.n, 4);
	expect_text(rec_head_field(&h, "accept"), "*/*");
	expect_text(rec_head_field(&h, "empty"), "");
	assert_null(rec_head_field(&h, "cookie").p);
	assert_true(h.keep);
	assert_int_equal(h.length, 0);
}

static void a_request_cut_anywhere_wants_more(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		uint8_t *copy = malloc(n + 1); /* exact, so that a byte too far is seen */
		struct rec_head h;
		struct ss_err err = { 0 };
		size_t size;

		assert_non_null(copy);
		copy = realloc(copy, n > 0 ? n : 1);
		memcpy(copy, good, n);
		assert_int_equal(rec_head_read((struct ss_span){ copy, n }, &h, &size, &err), 0);
		free(copy);
	}
}

static void what_could_be_read_in_two_ways_is_refused(void **state)
{
#define L "GET / HTTP/1.1\r\n"
	static const struct {
		const char *in, *msg;
	} cases[] = {
		{ "\r\n\r\n", "request: not one of HTTP/1.1" },
		{ "GET /\r\n\r\n", "request: not one of HTTP/1.1" },
		{ "GET  / HTTP/1.1\r\n\r\n", "request: not one of HTTP/1.1" },
		{ "GET / HTTP/1.1 \r\n\r\n", "request: not one of HTTP/1.1" },
		{ "GET / HTTP/2.0\r\n\r\n", "request: not one of HTTP/1.1" },
		{ "GET / HTTP/1.2\r\n\r\n", "request: not one of HTTP/1.1" },
		{ "G\"T / HTTP/1.1\r\n\r\n", "request: not one of HTTP/1.1" },
		{ L "A: b\nC: d\r\n\r\n", "request: a bare newline" },
		{ L "A : b\r\n\r\n", "request: not a header field" },
		{ L " A: b\r\n\r\n", "request: not a header field" },
		{ L "A: b\r\n c\r\n\r\n", "request: not a header field" },
		{ L ": b\r\n\r\n", "request: not a header field" },
		{ L "A\r\n\r\n", "request: not a header field" },
		{ L "A: b\rc\r\n\r\n", "request: a control character" },
		{ L "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
		  "request: a bad Content-Length" },
		{ L "Content-Length: +1\r\n\r\n", "request: a bad Content-Length" },
		{ L "Content-Length: \r\n\r\n", "request: a bad Content-Length" },
		{ L "Content-Length: 1234567890123456789\r\n\r\n",
		  "request: a bad Content-Length" },
		{ L "Transfer-Encoding: gzip\r\n\r\n", "request: a bad Transfer-Encoding" },
		{ L "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		  "request: a bad Transfer-Encoding" },
		{ L "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
		  "request: a length beside chunks" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct rec_head h;
		struct ss_err err = { 0 };
		size_t n;

		expect_fails(rec_head_read(span(cases[i].in), &h, &n, &err), &err, SS_EINPUT,
			     cases[i].msg);
	}
}

static void a_head_has_its_limits(void **state)
{
	static uint8_t text[REC_HEAD_MAX];
	char many[32 + 8 * (REC_FIELDS_MAX + 1)] = L;
	struct rec_head h;
	struct ss_err err = { 0 };
	size_t n;

	(void)state;
	memset(text, 'a', sizeof(text));
	expect_fails(rec_head_read((struct ss_span){ text, sizeof(text) }, &h, &n, &err), &err,
		     SS_ELIMIT, "request: a head of more than 32768 bytes");
	for (size_t i = 0; i <= REC_FIELDS_MAX; i++)
		strcat(many, "A: b\r\n");
	strcat(many, "\r\n");
	expect_fails(rec_head_read(span(many), &h, &n, &err), &err, SS_ELIMIT,
		     "request: more than 100 header fields");
}

static void a_range_is_cut_out_of_the_whole(void **state)
{
	static const struct {
		const char *range;
		enum rec_ranged want;
		uint64_t at, n;
	} cases[] = {
		{ "bytes=0-0", REC_RANGE_PART, 0, 1 },
		{ "bytes=2-", REC_RANGE_PART, 2, 8 },
		{ "bytes=9-99", REC_RANGE_PART, 9, 1 },
		{ "bytes=-3", REC_RANGE_PART, 7, 3 },
		{ "bytes=-99", REC_RANGE_PART, 0, 10 },
		{ "bytes=10-", REC_RANGE_OUTSIDE, 0, 0 },
		{ "bytes=-0", REC_RANGE_OUTSIDE, 0, 0 },
		{ "bytes=0-1,3-4", REC_RANGE_NONE, 0, 0 },
		{ "bytes=3-2", REC_RANGE_NONE, 0, 0 },
		{ "bytes=-", REC_RANGE_NONE, 0, 0 },
		{ "bytes=a-", REC_RANGE_NONE, 0, 0 },
		{ "lines=1-2", REC_RANGE_NONE, 0, 0 },
		{ "bytes=", REC_RANGE_NONE, 0, 0 },
		{ "bytes=1", REC_RANGE_NONE, 0, 0 },
		{ "bytes=5-999999999999999999", REC_RANGE_PART, 5, 5 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		char text[128];
		struct rec_head h;
		struct rec_range r = { 0 };
		struct ss_err err = { 0 };
		size_t n;

		(void)snprintf(text, sizeof(text), L "Range: %s\r\n\r\n", cases[i].range);
		assert_int_equal(rec_head_read(span(text), &h, &n, &err), 1);
		assert_int_equal(rec_head_range(&h, 10, &r), cases[i].want);
		assert_int_equal(r.at, cases[i].at);
		assert_int_equal(r.n, cases[i].n);
	}
}

static int decode(const char *in, size_t step, char *ret, bool *ret_end, size_t *ret_left)
{
	struct rec_chunks c = { 0 };
	struct ss_span all = span(in), part, out;
	struct ss_err err = { 0 };

	*ret_end = false;
	ret[0] = '\0';
	while (all.n > 0 && !*ret_end) {
		part = (struct ss_span){ all.p, step < all.n ? step : all.n };
		all.p += part.n;
		all.n -= part.n;
		while (part.n > 0 && !*ret_end) {
			if (rec_chunks_next(&c, &part, &out, ret_end, &err) < 0)
				return -1;
			strncat(ret, (const char *)out.p, out.n);
		}
		*ret_left = all.n + part.n;
	}
	return 0;
}

static void chunks_are_put_together_however_they_come(void **state)
{
	static const char in[] = "3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nT: 1\r\n\r\nnext";

	(void)state;
	for (size_t step = 1; step < sizeof(in); step++) {
		char out[64];
		bool end = false;
		size_t left = 0;

		assert_int_equal(decode(in, step, out, &end, &left), 0);
		assert_true(end);
		assert_int_equal(left, 4);
		assert_string_equal(out, "abc0123456789");
	}
}

static void broken_chunks_are_refused(void **state)
{
	static const char *const cases[] = { "x\r\n",     "\r\n",           "1\nab",
					     "1\r\nabc",  "-1\r\n",         "1\r\na\n\n",
					     "0\r\n\n",   "0\r\nA\n",       "fffffffffffffffff\r\n",
					     "1;\n\r\na", "1\r\na\r\rx\r\n" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		char out[64];
		bool end;
		size_t left;

		if (decode(cases[i], 100, out, &end, &left) == 0)
			fail_msg("'%s' was taken", cases[i]);
	}
}

static void a_date_is_written_as_http_wants_it(void **state)
{
	char text[REC_DATE_SIZE];

	(void)state;
	rec_date_write(0, text);
	assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	rec_date_write(784111777, text); /* the example of RFC 9110, section 5.6.7 */
	assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	rec_date_write(UINT64_MAX, text);
	assert_string_equal(text, "Sun, 07 Feb 2106 06:28:15 GMT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read),
		cmocka_unit_test(a_request_cut_anywhere_wants_more),
		cmocka_unit_test(what_could_be_read_in_two_ways_is_refused),
		cmocka_unit_test(a_head_has_its_limits),
		cmocka_unit_test(a_range_is_cut_out_of_the_whole),
		cmocka_unit_test(chunks_are_put_together_however_they_come),
		cmocka_unit_test(broken_chunks_are_refused),
		cmocka_unit_test(a_date_is_written_as_http_wants_it),
	};

	return cmocka_run_group_tests_name("rec_head", tests, NULL, NULL);
}
