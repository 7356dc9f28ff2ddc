/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"

#include <stdio.h>
#include <string.h>

/*
 * Years are counted from March, so that the leap day is the last of its year, in eras of 400 years
 * = 146097 days. 1970-01-01 is day 719468 after 0000-03-01.
 */
#define ERA_DAYS 146097
#define EPOCH_DAY 719468
#define DAY_S 86400

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Day of the year from March of the first of a month, March = 0. */
static int64_t month_start(int64_t m)
{
	return (153 * m + 2) / 5;
}

int64_t ss_date_unix(const struct ss_date *d)
{
	const int64_t y = d->month <= 2 ? d->year - 1 : d->year;
	const int64_t m = d->month <= 2 ? (int64_t)d->month + 9 : (int64_t)d->month - 3;
	const int64_t era = floor_div(y, 400);
	const int64_t of_era = y - era * 400;
	const int64_t day = of_era * 365 + of_era / 4 - of_era / 100 + month_start(m) +
			    (int64_t)d->day - 1 + era * ERA_DAYS - EPOCH_DAY;

	return ((day * 24 + d->hour) * 60 + d->minute) * 60 + d->second;
}

struct ss_date ss_date_of(int64_t unix_s)
{
	static const struct ss_date first = { -9999, 1, 1, 0, 0, 0 };
	static const struct ss_date last = { 9999, 12, 31, 23, 59, 59 };
	struct ss_date d;
	int64_t day, sec, era, y, m;

	if (unix_s <= ss_date_unix(&first))
		return first;
	if (unix_s >= ss_date_unix(&last))
		return last;
	day = floor_div(unix_s, DAY_S);
	sec = unix_s - day * DAY_S;
	day += EPOCH_DAY;
	era = floor_div(day, ERA_DAYS);
	day -= era * ERA_DAYS;
	/* Leap days so far are taken out: 1460 = 4 years, 36524 = 100 years, 146096 = 400 years. */
	y = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * y + y / 4 - y / 100;
	m = (5 * day + 2) / 153;
	d.day = (unsigned)(day - month_start(m) + 1);
	d.month = (unsigned)(m < 10 ? m + 3 : m - 9);
	d.year = y + era * 400 + (d.month <= 2);
	d.hour = (unsigned)(sec / 3600);
	d.minute = (unsigned)(sec / 60 % 60);
	d.second = (unsigned)(sec % 60);
	return d;
}

void ss_date_text(int64_t unix_s, char ret[SS_DATE_SIZE])
{
	const struct ss_date d = ss_date_of(unix_s);

	(void)snprintf(ret, SS_DATE_SIZE, "%04lld-%02u-%02uT%02u:%02u:%02u+00:00",
		       (long long)d.year, d.month, d.day, d.hour, d.minute, d.second);
}

/* `n` digits and, unless it is NUL, the character after them. */
static bool take_number(const char **text, size_t n, char after, unsigned *ret)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		v = v * 10 + (unsigned)(**text - '0');
	}
	*ret = v;
	if (after == '\0')
		return true;
	return *(*text)++ == after;
}

/* "T10:30:00Z", or nothing: midnight. */
static bool take_clock(const char *text, struct ss_date *d)
{
	if (*text == '\0')
		return true;
	return *text++ == 'T' && take_number(&text, 2, ':', &d->hour) &&
	       take_number(&text, 2, ':', &d->minute) && take_number(&text, 2, '\0', &d->second) &&
	       (strcmp(text, "Z") == 0 || strcmp(text, "+00:00") == 0);
}

static bool is_same(const struct ss_date *a, const struct ss_date *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day &&
	       a->hour == b->hour && a->minute == b->minute && a->second == b->second;
}

bool ss_date_exact(const struct ss_date *d, int64_t *ret)
{
	struct ss_date again;
	int64_t t;

	if (d->month < 1 || d->month > 12) /* the calendar below counts on it */
		return false;
	t = ss_date_unix(d);
	again = ss_date_of(t); /* another one where the day, hour … does not exist */
	if (!is_same(d, &again))
		return false;
	*ret = t;
	return true;
}

bool ss_date_read(const char *text, int64_t *ret)
{
	struct ss_date d = { 0 };
	unsigned year = 0;

	if (!take_number(&text, 4, '-', &year) || !take_number(&text, 2, '-', &d.month) ||
	    !take_number(&text, 2, '\0', &d.day) || !take_clock(text, &d))
		return false;
	d.year = year;
	return ss_date_exact(&d, ret);
}
