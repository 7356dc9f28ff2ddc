/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "runtime/dp_health.h"

#include <string.h>

static int status_of(const char *line, size_t n)
{
	AUTO_FREE uint8_t *copy = ss_calloc(n + (n == 0), 1);

	memcpy(copy, line, n);
	return dp_health_status((struct ss_span){ copy, n });
}

static void a_status_line_is_read_strictly(void **state)
{
	static const struct {
		const char *line;
		int status;
	} rows[] = {
		{ "HTTP/1.1 200 OK", 200 },
		{ "HTTP/1.0 404 Not Found", 404 },
		{ "HTTP/1.1 204 ", 204 },
		{ "HTTP/1.1 204", 204 },
		{ "HTTP/1.1 999 \xc3\xa4\t", 999 },
		{ "HTTP/1.1 000", 0 },
		{ "HTTP/2.0 200 OK", -1 },
		{ "HTTP/1.x 200 OK", -1 },
		{ "http/1.1 200 OK", -1 },
		{ "HTTP/1.1  200 OK", -1 },
		{ "HTTP/1.1 20 OK", -1 },
		{ "HTTP/1.1 2000", -1 },
		{ "HTTP/1.1 200OK", -1 },
		{ "HTTP/1.1 +20 OK", -1 },
		{ "HTTP/1.1 200 a\rb", -1 },
		{ "HTTP/1.1 200 \x01", -1 },
		{ "HTTP/1.10 200 OK", -1 },
		{ "ICY 200 OK", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(rows); i++)
		if (status_of(rows[i].line, strlen(rows[i].line)) != rows[i].status)
			fail_msg("'%s'", rows[i].line);
}

static void a_status_line_cut_anywhere_is_none_or_shorter(void **state)
{
	static const char line[] = "HTTP/1.1 301 Moved Permanently";

	(void)state;
	for (size_t n = 0; n < sizeof(line) - 1; n++)
		assert_int_equal(status_of(line, n), n < 12 ? -1 : 301);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_line_is_read_strictly),
		cmocka_unit_test(a_status_line_cut_anywhere_is_none_or_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
