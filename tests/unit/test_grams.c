/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "expect.h"
#include "launch/grams.h"

#include <string.h>
#include <sys/socket.h>

struct fixture {
	struct loop *l;
	struct grams g;
	int other;
	struct ss_buf got; /* the datagrams, each behind its length again */
	unsigned ended;
};

static void on_datagram(struct grams *g, struct ss_span s)
{
	struct fixture *f = LOOP_OWNER(g, struct fixture, g);

	ss_buf_be16(&f->got, (uint16_t)s.n);
	ss_buf_put(&f->got, s);
}

static void on_ended(struct grams *g)
{
	LOOP_OWNER(g, struct fixture, g)->ended++;
	grams_done(g);
}

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	struct ss_err err = { 0 };
	int fds[2];

	expect_ok(loop_new(&f->l, &err), &err);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	f->other = fds[0];
	f->got = (struct ss_buf)SS_BUF_INIT((size_t)1 << 20);
	f->g.datagram = on_datagram;
	f->g.ended = on_ended;
	expect_ok(grams_start(&f->g, f->l, fds[1], (struct ss_span){ (const uint8_t *)"first", 5 },
			      &err),
		  &err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	grams_done(&f->g);
	ss_closep(&f->other);
	ss_buf_done(&f->got);
	loop_free(f->l);
	free(f);
	return 0;
}

static void settle(struct fixture *f)
{
	struct ss_err err = { 0 };

	for (int i = 0; i < 20; i++)
		expect_ok(loop_turn(f->l, 0, &err), &err);
}

static void expect_first(struct fixture *f)
{
	char text[6] = "";

	settle(f);
	assert_int_equal(read(f->other, text, 5), 5);
	assert_string_equal(text, "first");
}

static void grams_arrive_whole_however_they_are_cut(void **state)
{
	static const char bytes[] = "\0\3abc\0\0\0\1x\0\5hello";
	struct fixture *f = *state;
	const size_t n = sizeof(bytes) - 1;

	expect_first(f);
	for (size_t cut = 1; cut <= n; cut++) {
		f->got.n = 0;
		for (size_t at = 0; at < n; at += cut) {
			const size_t part = n - at < cut ? n - at : cut;

			assert_int_equal(write(f->other, bytes + at, part), part);
			settle(f);
		}
		assert_int_equal(f->got.n, n);
		assert_memory_equal(f->got.p, bytes, n);
		assert_null(f->g.in);
	}
}

static void grams_leave_with_their_length(void **state)
{
	struct fixture *f = *state;
	char text[32] = "";

	grams_send(&f->g, (struct ss_span){ (const uint8_t *)"lost", 4 }); /* nobody is there yet */
	assert_int_equal(f->g.dropped, 1);
	expect_first(f);
	grams_send(&f->g, (struct ss_span){ (const uint8_t *)"abc", 3 });
	grams_send(&f->g, (struct ss_span){ NULL, 0 });
	assert_int_equal(read(f->other, text, sizeof(text)), 7);
	assert_memory_equal(text, "\0\3abc\0\0", 7);
}

static void grams_a_full_stream_loses_whole_datagrams_only(void **state)
{
	static uint8_t data[60000], block[65536];
	struct fixture *f = *state;
	AUTO_BUF struct ss_buf all = SS_BUF_INIT((size_t)4 << 20);
	size_t whole = 0;

	expect_first(f);
	for (unsigned i = 0; i < 50; i++) {
		memset(data, (int)i + 1, sizeof(data));
		grams_send(&f->g, (struct ss_span){ data, sizeof(data) });
	}
	assert_true(f->g.dropped > 0 && f->g.dropped < 50);
	for (int i = 0; i < 100; i++) {
		const ssize_t n = read(f->other, block, sizeof(block));

		if (n > 0)
			ss_buf_put(&all, (struct ss_span){ block, (size_t)n });
		settle(f);
	}
	for (size_t at = 0; at < all.n; at += 2 + sizeof(data), whole++) {
		assert_int_equal(all.p[at] << 8 | all.p[at + 1], sizeof(data));
		assert_int_equal(all.p[at + 2], all.p[at + 1 + sizeof(data)]);
	}
	assert_int_equal(whole + f->g.dropped, 50);
	grams_send(&f->g, (struct ss_span){ data, 10 }); /* and it goes on */
	assert_int_equal(read(f->other, block, sizeof(block)), 12);
}

static void grams_the_end_is_told_once(void **state)
{
	struct fixture *f = *state;

	expect_first(f);
	assert_int_equal(write(f->other, "\0\2ab\0\7cut", 9), 9);
	(void)close(f->other);
	f->other = -1;
	settle(f);
	assert_int_equal(f->ended, 1);
	assert_int_equal(f->got.n, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(grams_arrive_whole_however_they_are_cut),
		TEST(grams_leave_with_their_length),
		TEST(grams_a_full_stream_loses_whole_datagrams_only),
		TEST(grams_the_end_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
