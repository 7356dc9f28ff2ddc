/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "expect.h"

#include <time.h>

static void known_moments_have_their_dates(void **state)
{
	static const struct {
		int64_t unix_s;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00+00:00" },
		{ -1, "1969-12-31T23:59:59+00:00" },
		{ 951782400, "2000-02-29T00:00:00+00:00" },
		{ 951868800, "2000-03-01T00:00:00+00:00" },
		{ 1492533000, "2017-04-18T16:30:00+00:00" },
		{ 4107542400, "2100-03-01T00:00:00+00:00" },
		{ 4294967295, "2106-02-07T06:28:15+00:00" },
		{ 253402300799, "9999-12-31T23:59:59+00:00" },
		{ INT64_MAX, "9999-12-31T23:59:59+00:00" },
		{ -62135596800, "0001-01-01T00:00:00+00:00" },
	};
	char text[SS_DATE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ss_date_text(cases[i].unix_s, text);
		assert_string_equal(text, cases[i].text);
	}
	ss_date_text(INT64_MIN, text);
	assert_string_equal(text, "-9999-01-01T00:00:00+00:00");
}

/* The C library judges, one moment in every 9 hours from the year 1 to 4000. */
static void dates_are_those_of_the_c_library(void **state)
{
	(void)state;
	for (int64_t s = -62135596800; s < 64060588800; s += 32767) {
		const struct ss_date d = ss_date_of(s);
		const time_t t = (time_t)s;
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		assert_true(d.year == tm.tm_year + 1900 && d.month == (unsigned)tm.tm_mon + 1 &&
			    d.day == (unsigned)tm.tm_mday && d.hour == (unsigned)tm.tm_hour &&
			    d.minute == (unsigned)tm.tm_min && d.second == (unsigned)tm.tm_sec);
		assert_true(ss_date_unix(&d) == s);
	}
}

static void dates_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int64_t unix_s;
	} good[] = {
		{ "1970-01-01", 0 },
		{ "1969-12-31T23:59:59Z", -1 },
		{ "2000-02-29T00:00:00+00:00", 951782400 },
		{ "2022-11-09T22:52:00Z", 1668034320 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "0000-01-01", -62167219200 },
	};
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11",
		"2026-11-31",
		"2026-02-29",
		"2026-13-01",
		"2026-00-01",
		"2026-01-00",
		"2026-1-1",
		"26-01-01",
		"2026-11-21T10:30:00",
		"2026-11-21T10:30Z",
		"2026-11-21 10:30:00Z",
		"2026-11-21t10:30:00Z",
		"2026-11-21T24:00:00Z",
		"2026-11-21T10:60:00Z",
		"2026-11-21T10:30:60Z",
		"2026-11-21T10:30:00+01:00",
		"2026-11-21T10:30:00ZZ",
		"2026-11-21T",
		"+2026-11-21",
		" 2026-11-21",
		"2026-11-21 ",
		"2026-11-21T10:30:00.5Z",
	};
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(ss_date_read(good[i].text, &t));
		assert_true(t == good[i].unix_s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t = 77;
		assert_false(ss_date_read(bad[i], &t));
		assert_true(t == 77);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_moments_have_their_dates),
		cmocka_unit_test(dates_are_those_of_the_c_library),
		cmocka_unit_test(dates_are_read_strictly),
	};

	return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
