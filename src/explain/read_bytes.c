/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

/*
 * Whatever has no reader: the first ranges that differ, each as a window of hexadecimal digits. A
 * word that is a time on both sides tells why, whatever the format.
 */
#define WINDOW 16u
#define RANGES 3u
#define BEFORE 8u
#define AROUND (BEFORE + 16u)
/* Words of 64 bits only, seconds to microseconds: at least 13 bits of such a word are zero, so that
 * chance does not look like time. One of 32 bits would, one time in four. */
#define TIME_SIZE 8u
#define TWO_YEARS 63072000u

static uint64_t word(const uint8_t *p, size_t n, bool big)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[big ? i : n - 1 - i];
	return v;
}

/* Seconds between 2001 and 2036, at most two years apart. */
static bool are_times(uint64_t a, uint64_t b)
{
	const uint64_t gap = a > b ? a - b : b - a;

	return gap > 0 && gap < TWO_YEARS && a > 1000000000u && b > 1000000000u &&
	       a < 2100000000u && b < 2100000000u;
}

struct window {
	uint8_t a[AROUND];
	uint8_t b[AROUND];
	size_t n;   /* bytes of each */
	size_t at;  /* the first that differs */
	size_t end; /* behind the last of that run */
};

/* A word that holds the whole run and is a time on both sides. */
static bool word_is_time(const struct window *w, bool big, uint64_t unit, int64_t ret[2])
{
	for (size_t from = w->end > TIME_SIZE ? w->end - TIME_SIZE : 0; from <= w->at; from++) {
		uint64_t x;
		uint64_t y;

		if (from + TIME_SIZE > w->n)
			return false;
		x = word(w->a + from, TIME_SIZE, big) / unit;
		y = word(w->b + from, TIME_SIZE, big) / unit;
		if (are_times(x, y)) {
			ret[0] = (int64_t)x;
			ret[1] = (int64_t)y;
			return true;
		}
	}
	return false;
}

static bool holds_times(struct window *w, int64_t ret[2])
{
	static const uint64_t units[] = { 1, 1000, 1000000 };

	w->end = w->at;
	for (size_t i = w->at; i < w->n && i < w->at + TIME_SIZE; i++)
		if (w->a[i] != w->b[i])
			w->end = i + 1;
	for (size_t i = w->end; i < w->n && i < w->end + 4; i++)
		if (w->a[i] != w->b[i])
			return false; /* the run goes on: no single word */
	for (size_t u = 0; u < SS_NELEMS(units); u++)
		for (unsigned big = 0; big < 2; big++)
			if (word_is_time(w, big != 0, units[u], ret))
				return true;
	return false;
}

static int tell_range(struct ex_run *r, const struct ex_pair *p, uint64_t at, struct ss_err *err)
{
	const uint64_t from = at > BEFORE ? at - BEFORE : 0;
	struct window w = { .at = (size_t)(at - from) };
	char where[64];
	char x[2 * WINDOW + 1];
	char y[2 * WINDOW + 1];
	size_t n, m;
	int64_t times[2];

	if (ex_read_some(&p->a, from, w.a, AROUND, &n, err) < 0 ||
	    ex_read_some(&p->b, from, w.b, AROUND, &m, err) < 0)
		return -1;
	w.n = n < m ? n : m;
	(void)snprintf(where, sizeof(where), "byte %llu on", (unsigned long long)at);
	if (holds_times(&w, times)) {
		ex_say_time(r, p, EX_TIME_TEXT, where, times[0], times[1]);
		return 0;
	}
	n = n - w.at < WINDOW ? n - w.at : WINDOW;
	m = m - w.at < WINDOW ? m - w.at : WINDOW;
	ss_hex((struct ss_span){ w.a + w.at, n }, x);
	ss_hex((struct ss_span){ w.b + w.at, m }, y);
	ex_say_text(r, p, EX_UNKNOWN, where, x, y);
	return 0;
}

int ex_bytes_differ(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	uint64_t at = p->first;
	bool same;

	*ret_done = true;
	if (p->a.n != p->b.n) { /* what follows a shift differs everywhere */
		char x[32];
		char y[32];

		(void)snprintf(x, sizeof(x), "%llu bytes", (unsigned long long)p->a.n);
		(void)snprintf(y, sizeof(y), "%llu bytes", (unsigned long long)p->b.n);
		ex_say_text(r, p, EX_UNKNOWN, "size", x, y);
	}
	for (size_t i = 0; i < RANGES; i++) {
		if (ex_first_difference(&p->a, &p->b, at, &at, &same, err) < 0)
			return -1;
		if (same || at >= p->a.n || at >= p->b.n)
			return 0;
		if (tell_range(r, p, at, err) < 0)
			return -1;
		if (p->a.n != p->b.n)
			return 0;
		at += WINDOW;
	}
	return 0;
}
