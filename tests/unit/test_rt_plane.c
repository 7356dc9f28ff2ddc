/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "fmt/frame.h"
#include "runtime/plane_link.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rt_plane p;
static int other = -1;

static int make_pair(void **state)
{
	struct ss_err err = { 0 };
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	other = pair[1];
	return rt_plane_init(&p, pair[0], &err);
}

static int close_pair(void **state)
{
	(void)state;
	(void)close(p.fd);
	return other >= 0 ? close(other) : 0;
}

struct heard {
	struct rt_plane_head h;
	char text[RT_PLANE_MAX_TEXT + 1];
	size_t n;
};

static struct heard hear(void)
{
	struct heard m = { 0 };
	const ssize_t n = recv(other, &m, sizeof(m.h) + sizeof(m.text), MSG_DONTWAIT);

	assert_true(n >= (ssize_t)sizeof(m.h));
	m.n = (size_t)n - sizeof(m.h);
	return m;
}

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void link_carries_lines_whole(void **state)
{
	struct heard m;

	(void)state;
	rt_plane_log(&p, FRAME_STDERR, FRAME_LINE_GOES_ON, 77, span("a line"));
	m = hear();
	assert_int_equal(m.h.type, RT_PLANE_LOG);
	assert_int_equal(m.h.a, FRAME_STDERR);
	assert_int_equal(m.h.b, FRAME_LINE_GOES_ON);
	assert_int_equal(m.h.count, 0);
	assert_int_equal(m.h.time, 77);
	assert_string_equal(m.text, "a line");
	rt_plane_log(&p, FRAME_STDOUT, 0, 78, span(""));
	m = hear();
	assert_int_equal(m.n, 0);
}

static void link_that_is_full_drops_lines_and_counts_them(void **state)
{
	static char big[RT_PLANE_MAX_TEXT];
	unsigned sent = 0, got = 0;
	struct heard m;

	(void)state;
	memset(big, 'x', sizeof(big));
	for (unsigned i = 0; i < 2000; i++) {
		rt_plane_log(&p, FRAME_STDOUT, 0, i,
			     (struct ss_span){ (uint8_t *)big, sizeof(big) });
		sent += p.lost == 0;
	}
	assert_in_range(sent, 10, 1000);
	assert_int_equal(p.lost, 2000 - sent);
	for (; got < sent; got++)
		assert_int_equal(hear().h.count, 0);
	rt_plane_log(&p, FRAME_STDOUT, 0, 0, span("after"));
	m = hear();
	assert_int_equal(m.h.count, 2000 - sent);
	assert_string_equal(m.text, "after");
	assert_int_equal(p.lost, 0);
}

static void link_that_takes_nothing_is_an_error_in_bounded_time(void **state)
{
	const struct rt_plane_head h = { .type = RT_PLANE_DRAIN };
	struct ss_err err = { 0 };
	int rc = 0;

	(void)state;
	for (unsigned i = 0; rc == 0 && i < 1000000; i++)
		rc = rt_plane_tell(&p, &h, "", &err);
	expect_fails(rc, &err, SS_ESYS, "the dataplane takes nothing within 2 s");
}

static void link_cuts_a_text_that_is_too_long(void **state)
{
	static char big[RT_PLANE_MAX_TEXT + 10];
	struct ss_err err = { 0 };

	(void)state;
	memset(big, 'y', sizeof(big) - 1);
	expect_ok(rt_plane_tell(&p, &(struct rt_plane_head){ .type = RT_PLANE_DOWN }, big, &err),
		  &err);
	assert_int_equal(hear().n, RT_PLANE_MAX_TEXT);
}

static void link_to_nobody_is_silence(void **state)
{
	struct rt_plane none = { .fd = -1, .pid = -1 };
	struct ss_err err = { 0 };

	(void)state;
	rt_plane_log(&none, FRAME_STDOUT, 0, 0, span("x"));
	expect_ok(rt_plane_tell(&none, &(struct rt_plane_head){ .type = RT_PLANE_DRAIN }, "", &err),
		  &err);
	assert_int_equal(none.lost, 0);
}

static void link_hears_the_four_wishes(void **state)
{
	static const struct rt_plane_head wishes[] = {
		{ .type = RT_PLANE_READY },
		{ .type = RT_PLANE_TIME, .time = UINT64_MAX },
		{ .type = RT_PLANE_STOP, .time = 5000 },
		{ .type = RT_PLANE_FLUSHED },
	};
	struct rt_plane_wish w = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(wishes); i++)
		assert_int_equal(send(other, &wishes[i], sizeof(wishes[i]), 0), sizeof(wishes[i]));
	for (size_t i = 0; i < SS_NELEMS(wishes); i++) {
		assert_int_equal(rt_plane_hear(&p, &w, &err), 1);
		assert_int_equal(w.type, wishes[i].type);
		assert_int_equal(w.time, wishes[i].time);
	}
	assert_int_equal(rt_plane_hear(&p, &w, &err), 0);
}

static void says_what_it_may_not(const void *bytes, size_t n)
{
	struct rt_plane_wish w = { .type = RT_PLANE_READY };
	struct ss_err err = { 0 };

	assert_int_equal(send(other, bytes, n, 0), n);
	expect_fails(rt_plane_hear(&p, &w, &err), &err, SS_EINPUT,
		     "the dataplane says what it may not say");
	assert_int_equal(w.type, RT_PLANE_READY);
}

static void link_refuses_every_other_form(void **state)
{
	uint8_t bytes[sizeof(struct rt_plane_head) + 1] = { RT_PLANE_READY };
	static uint8_t big[100000];

	(void)state;
	for (size_t n = 1; n <= sizeof(bytes); n++)
		if (n != sizeof(struct rt_plane_head))
			says_what_it_may_not(bytes, n);
	says_what_it_may_not(big, sizeof(big));
	for (unsigned type = 0; type < 256; type++) {
		struct rt_plane_head h = { .type = (uint8_t)type };

		if (type < RT_PLANE_READY || type > RT_PLANE_FLUSHED)
			says_what_it_may_not(&h, sizeof(h));
	}
	for (size_t at = 1; at < sizeof(struct rt_plane_head); at++) { /* READY is all zeros */
		bytes[at] = 1;
		says_what_it_may_not(bytes, sizeof(struct rt_plane_head));
		bytes[at] = 0;
	}
}

static void link_notices_that_the_other_side_has_gone(void **state)
{
	struct rt_plane_wish w;
	struct ss_err err = { 0 };

	(void)state;
	(void)close(other);
	other = -1;
	expect_fails(rt_plane_hear(&p, &w, &err), &err, SS_ESYS, "the dataplane has hung up");
	expect_fails(rt_plane_tell(&p, &(struct rt_plane_head){ .type = RT_PLANE_DRAIN }, "", &err),
		     &err, SS_ESYS, "cannot tell the dataplane: Broken pipe");
	rt_plane_log(&p, FRAME_STDOUT, 0, 0, span("x"));
	assert_int_equal(p.lost, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_pair, close_pair)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(link_carries_lines_whole),
		CASE(link_that_is_full_drops_lines_and_counts_them),
		CASE(link_that_takes_nothing_is_an_error_in_bounded_time),
		CASE(link_cuts_a_text_that_is_too_long),
		CASE(link_to_nobody_is_silence),
		CASE(link_hears_the_four_wishes),
		CASE(link_refuses_every_other_form),
		CASE(link_notices_that_the_other_side_has_gone),
	};

	return cmocka_run_group_tests_name("rt_plane", tests, NULL, NULL);
}
