/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "expect.h"
#include "fmt/http_head.h"

#include <string.h>

#define HOST "Host: a\r\n"
#define GET "GET /a HTTP/1.1\r\n"

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void expect_text(struct ss_span got, const char *want)
{
	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.p, want, got.n);
}

static void a_request_is_read_to_the_end_of_its_head(void **state)
{
	static const char in[] = "GET /attestation?nonce=00ff HTTP/1.1\r\nHost:  x:8443 \r\n"
				 "content-LENGTH: 0\r\nAccept: */*\r\n\r\nrest";
	struct http_request r = { 0 };
	struct ss_err err = { 0 };
	size_t n = 0;

	(void)state;
	assert_int_equal(http_request_read(text(in), &r, &n, &err), 1);
	assert_int_equal(n, strlen(in) - 4);
	expect_text(r.method, "GET");
	expect_text(r.path, "/attestation");
	expect_text(r.query, "nonce=00ff");
	assert_true(r.has_length);
	assert_int_equal(r.length, 0);
	assert_false(r.has_upgrade);
	assert_int_equal(http_request_read(text("POST / HTTP/1.1\r\n" HOST
						"Upgrade: h2c\r\nContent-Length: 12\r\n\r\n"),
					   &r, &n, &err),
			 1);
	assert_true(r.has_length && r.has_upgrade);
	assert_int_equal(r.length, 12);
	assert_null(r.query.p);
	assert_int_equal(http_request_read(text("GET /? HTTP/1.1\r\n" HOST "\r\n"), &r, &n, &err),
			 1);
	assert_non_null(r.query.p);
	assert_int_equal(r.query.n, 0);
	assert_false(r.has_length);
}

static void an_answer_is_read_to_the_end_of_its_head(void **state)
{
	static const char in[] = "HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\n"
				 "Content-Length: 4611\r\n\r\n\xd2\x84";
	struct http_answer a = { 0 };
	struct ss_err err = { 0 };
	size_t n = 0;

	(void)state;
	assert_int_equal(http_answer_read(text(in), &a, &n, &err), 1);
	assert_int_equal(n, strlen(in) - 2);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.length, 4611);
	assert_true(a.has_length);
	assert_false(a.has_location);
	expect_text(a.type, "application/cbor");
	assert_int_equal(
		http_answer_read(text("HTTP/1.1 302\r\nLocation: /\r\n\r\n"), &a, &n, &err), 1);
	assert_true(a.has_location);
	assert_false(a.has_length);
	assert_null(a.type.p);
}

static void a_head_cut_at_any_byte_asks_for_more(void **state)
{
	static const char in[] = GET HOST "Accept: */*\r\n\r\n";
	static const char answer[] = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n";
	struct http_request r = { .length = 77 };
	struct http_answer a = { .status = 77 };
	struct ss_err err = { 0 };
	size_t size = 77;

	(void)state;
	for (size_t n = 0; n < sizeof(in) - 1; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n + 1, 1);

		memcpy(copy, in, n);
		assert_int_equal(http_request_read((struct ss_span){ copy, n }, &r, &size, &err),
				 0);
	}
	for (size_t n = 0; n < sizeof(answer) - 1; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n + 1, 1);

		memcpy(copy, answer, n);
		assert_int_equal(http_answer_read((struct ss_span){ copy, n }, &a, &size, &err), 0);
	}
	assert_int_equal(r.length, 77);
	assert_int_equal(a.status, 77);
	assert_int_equal(size, 77);
}

static void requests_that_readers_differ_on_are_refused(void **state)
{
	static const struct {
		const char *in;
		const char *msg;
	} cases[] = {
		{ "GET /a HTTP/1.1\n", "HTTP: byte 0xa at 15" },
		{ "GET /a HTTP/1.1\rx", "HTTP: byte 0xd at 15" },
		{ "GET /\x01", "HTTP: byte 0x1 at 5" },
		{ "GET /\xc3\xa4", "HTTP: byte 0xc3 at 5" },
		{ "\x16\x03\x01", "HTTP: byte 0x16 at 0" },
		{ "\r\n", "HTTP: the request has no method" },
		{ " /a HTTP/1.1\r\n", "HTTP: the request has no method" },
		{ "G(T /a HTTP/1.1\r\n", "HTTP: the request has no method" },
		{ "ABCDEFGHIJKLMNOPQ /a HTTP/1.1\r\n", "HTTP: the request has no method" },
		{ "GET /a\r\n", "HTTP: the request has no path of 1 to 4096 bytes" },
		{ "GET  /a HTTP/1.1\r\n", "HTTP: the request has no path of 1 to 4096 bytes" },
		{ "GET * HTTP/1.1\r\n", "HTTP: the request has no path of 1 to 4096 bytes" },
		{ "GET http://a/ HTTP/1.1\r\n",
		  "HTTP: the request has no path of 1 to 4096 bytes" },
		{ "GET /\t HTTP/1.1\r\n", "HTTP: the request has no path of 1 to 4096 bytes" },
		{ "GET /a HTTP/1.0\r\n", "HTTP: the request is not of HTTP/1.1" },
		{ "GET /a HTTP/1.1 \r\n", "HTTP: the request is not of HTTP/1.1" },
		{ "GET /a b HTTP/1.1\r\n", "HTTP: the request is not of HTTP/1.1" },
		{ GET "\r\n", "HTTP: the request has no Host" },
		{ GET HOST HOST, "HTTP: Host comes twice" },
		{ GET "Host : a\r\n", "HTTP: header 1 has no name" },
		{ GET HOST " folded\r\n", "HTTP: header 2 has no name" },
		{ GET HOST ": a\r\n", "HTTP: header 2 has no name" },
		{ GET HOST "nothing\r\n", "HTTP: header 2 has no name" },
		{ GET HOST "A: b\x80\r\n", "HTTP: byte 0x80 at 30" },
		{ GET HOST "transfer-Encoding: chunked\r\n", "HTTP: there is a Transfer-Encoding" },
		{ GET HOST "Content-Length: 0\r\nContent-Length: 0\r\n",
		  "HTTP: Content-Length comes twice" },
		{ GET HOST "Content-Length: +1\r\n", "HTTP: Content-Length is no number" },
		{ GET HOST "Content-Length: 1,1\r\n", "HTTP: Content-Length is no number" },
		{ GET HOST "Content-Length: 0x10\r\n", "HTTP: Content-Length is no number" },
		{ GET HOST "Content-Length: \r\n", "HTTP: Content-Length has not 1 to 10 digits" },
		{ GET HOST "Content-Length: 01\r\n",
		  "HTTP: Content-Length has not 1 to 10 digits" },
		{ GET HOST "Content-Length: 12345678901\r\n",
		  "HTTP: Content-Length has not 1 to 10 digits" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct http_request r;
		struct ss_err err = { 0 };
		size_t n;

		expect_fails(http_request_read(text(cases[i].in), &r, &n, &err), &err, SS_EINPUT,
			     cases[i].msg);
	}
}

static void answers_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *in;
		const char *msg;
	} cases[] = {
		{ "HTTP/1.0 200 OK\r\n", "HTTP: the answer is not of HTTP/1.1" },
		{ "HTTP/1.1 20\r\n", "HTTP: the answer is not of HTTP/1.1" },
		{ "HTTP/1.1 2000\r\n", "HTTP: the answer is not of HTTP/1.1" },
		{ "HTTP/1.1 2x0 OK\r\n", "HTTP: the answer has no status" },
		{ "HTTP/1.1 100 Continue\r\n", "HTTP: status 100" },
		{ "HTTP/1.1 999 No\r\n", "HTTP: status 999" },
		{ "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Type: b\r\n",
		  "HTTP: Content-Type comes twice" },
		{ "HTTP/1.1 302 Found\r\nLocation: a\r\nLocation: b\r\n",
		  "HTTP: Location comes twice" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
		  "HTTP: there is a Transfer-Encoding" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct http_answer a;
		struct ss_err err = { 0 };
		size_t n;

		expect_fails(http_answer_read(text(cases[i].in), &a, &n, &err), &err, SS_EINPUT,
			     cases[i].msg);
	}
}

/* A head of exactly n bytes: one header is as long as it takes. */
static void put_head(uint8_t *p, size_t n)
{
	static const char begin[] = GET HOST "A: ";

	memset(p, 'x', n);
	memcpy(p, begin, sizeof(begin) - 1);
	memcpy(p + n - 4, "\r\n\r\n", 4);
}

static void a_head_of_the_limit_is_read_and_one_byte_more_is_not(void **state)
{
	static uint8_t bytes[HTTP_HEAD_MAX + 1];
	struct http_request r;
	struct ss_err err = { 0 };
	size_t n = 0;

	(void)state;
	put_head(bytes, HTTP_HEAD_MAX);
	assert_int_equal(http_request_read((struct ss_span){ bytes, HTTP_HEAD_MAX }, &r, &n, &err),
			 1);
	assert_int_equal(n, HTTP_HEAD_MAX);
	put_head(bytes, sizeof(bytes));
	expect_fails(http_request_read((struct ss_span){ bytes, sizeof(bytes) }, &r, &n, &err),
		     &err, SS_ELIMIT, "HTTP: the head is longer than 8192 bytes");
	expect_fails(http_request_read((struct ss_span){ bytes, HTTP_HEAD_MAX }, &r, &n, &err),
		     &err, SS_ELIMIT, "HTTP: the head is longer than 8192 bytes");
	assert_int_equal(
		http_request_read((struct ss_span){ bytes, HTTP_HEAD_MAX - 1 }, &r, &n, &err), 0);
}

static void so_many_headers_are_read_and_one_more_is_not(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HTTP_HEAD_MAX);
	struct http_request r;
	struct ss_err err = { 0 };
	size_t n = 0;

	(void)state;
	ss_buf_put(&b, text(GET HOST));
	for (size_t i = 1; i < HTTP_MAX_HEADERS; i++)
		ss_buf_put(&b, text("A: b\r\n"));
	ss_buf_put(&b, text("\r\n"));
	assert_int_equal(http_request_read(ss_buf_span(&b), &r, &n, &err), 1);
	b.n -= 2;
	ss_buf_put(&b, text("A: b\r\n"));
	expect_fails(http_request_read(ss_buf_span(&b), &r, &n, &err), &err, SS_ELIMIT,
		     "HTTP: more than 64 headers");
}

static void a_query_is_taken_apart_pair_by_pair(void **state)
{
	struct ss_span q = text("nonce=00&b&c==d&&=e"), name, value;
	static const char *const names[] = { "nonce", "b", "c", "", "" };
	static const char *const values[] = { "00", NULL, "=d", NULL, "e" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(names); i++) {
		assert_true(http_query_next(&q, &name, &value));
		expect_text(name, names[i]);
		if (values[i] == NULL)
			assert_null(value.p);
		else
			expect_text(value, values[i]);
	}
	assert_false(http_query_next(&q, &name, &value));
}

static void a_look_decides_at_the_first_byte_that_differs(void **state)
{
	static const char ours[] = "GET /.well-known/x?nonce=1 HTTP/1.1\r\n";
	const size_t decided = strlen("GET /.well-known/x") + 1;

	(void)state;
	for (size_t n = 0; n < sizeof(ours); n++)
		assert_int_equal(
			http_look((struct ss_span){ (const uint8_t *)ours, n }, "/.well-known/x"),
			n < decided ? HTTP_LOOK_MORE : HTTP_LOOK_OURS);
	assert_int_equal(http_look(text("GET /.well-known/x "), "/.well-known/x"), HTTP_LOOK_OURS);
	assert_int_equal(http_look(text("GET /.well-known/xy"), "/.well-known/x"), HTTP_LOOK_OTHER);
	assert_int_equal(http_look(text("GET /.well-known/x/"), "/.well-known/x"), HTTP_LOOK_OTHER);
	assert_int_equal(http_look(text("H"), "/.well-known/x"), HTTP_LOOK_OTHER);
	assert_int_equal(http_look(text("GET /.W"), "/.well-known/x"), HTTP_LOOK_OTHER);
}

static void media_types_are_compared_without_case(void **state)
{
	(void)state;
	assert_true(http_is_nocase(text("Application/CBOR"), "application/cbor"));
	assert_false(http_is_nocase(text("application/cbor;"), "application/cbor"));
	assert_false(http_is_nocase(text("application/cboR\x01"), "application/cbor"));
	assert_true(http_is(text("GET"), "GET"));
	assert_false(http_is(text("get"), "GET"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_to_the_end_of_its_head),
		cmocka_unit_test(an_answer_is_read_to_the_end_of_its_head),
		cmocka_unit_test(a_head_cut_at_any_byte_asks_for_more),
		cmocka_unit_test(requests_that_readers_differ_on_are_refused),
		cmocka_unit_test(answers_that_are_none_are_refused),
		cmocka_unit_test(a_head_of_the_limit_is_read_and_one_byte_more_is_not),
		cmocka_unit_test(so_many_headers_are_read_and_one_more_is_not),
		cmocka_unit_test(a_query_is_taken_apart_pair_by_pair),
		cmocka_unit_test(a_look_decides_at_the_first_byte_that_differs),
		cmocka_unit_test(media_types_are_compared_without_case),
	};

	return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
