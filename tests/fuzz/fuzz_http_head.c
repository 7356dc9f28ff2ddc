/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "fmt/http_head.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_inside(struct ss_span s, struct ss_span in)
{
	check(s.p == NULL || (s.p >= in.p && s.n <= in.n && s.p - in.p <= (ptrdiff_t)(in.n - s.n)));
}

/* Pairs and what lies between them are the query again. */
static void check_query(struct ss_span query)
{
	struct ss_span name, value;
	const size_t whole = query.n;
	size_t n = 0, pairs = 0;

	while (http_query_next(&query, &name, &value)) {
		n += name.n + value.n + (value.p != NULL);
		pairs++;
	}
	check(pairs == 0 ? whole == 0 : n + pairs - 1 == whole || n + pairs == whole);
}

static void check_request(struct ss_span in, struct ss_span part)
{
	struct http_request r, p;
	struct ss_err err = { 0 }, early = { 0 };
	size_t n = 0, m = 0;
	const int rc = http_request_read(in, &r, &n, &err);
	const int was = http_request_read(part, &p, &m, &early);

	check(was == 0 || was == rc);
	check(rc >= 0 || err.msg[0] != '\0');
	check(rc != 0 || in.n < HTTP_HEAD_MAX);
	if (rc != 1)
		return;
	check(n <= in.n && n <= HTTP_HEAD_MAX && memcmp(in.p + n - 4, "\r\n\r\n", 4) == 0);
	check(was == 0 || m == n);
	check_inside(r.method, in);
	check_inside(r.path, in);
	check_inside(r.query, in);
	check(r.path.n > 0 && r.path.p[0] == '/' && memchr(r.path.p, '?', r.path.n) == NULL);
	check(r.length <= 9999999999u && (r.has_length || r.length == 0));
	if (r.query.p != NULL)
		check_query(r.query);
	check((http_look(in, "/a") == HTTP_LOOK_OURS) ==
	      (http_is(r.method, "GET") && http_is(r.path, "/a")));
}

static void check_answer(struct ss_span in, struct ss_span part)
{
	struct http_answer a, p;
	struct ss_err err = { 0 }, early = { 0 };
	size_t n = 0, m = 0;
	const int rc = http_answer_read(in, &a, &n, &err);
	const int was = http_answer_read(part, &p, &m, &early);

	check(was == 0 || was == rc);
	check(rc >= 0 || err.msg[0] != '\0');
	if (rc != 1)
		return;
	check(n <= in.n && a.status >= 200 && a.status <= 599);
	check(a.length <= 9999999999u && (a.has_length || a.length == 0));
	check_inside(a.type, in);
}

/* The first byte says where the head is cut: what was decided with a part holds for the whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ss_span in, part;

	if (size == 0)
		return 0;
	in = (struct ss_span){ data + 1, size - 1 };
	part = (struct ss_span){ in.p, in.n * data[0] / 256 };
	check_request(in, part);
	check_answer(in, part);
	return 0;
}
