/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Two pipes, an outlet that writes to them, and what it told. */
struct fixture {
	struct loop *l;
	struct outlet *o;
	int out[2], err[2];
	unsigned told;
	int failed;
};

static void on_news(void *ctx, int failed)
{
	struct fixture *f = ctx;

	f->told++;
	f->failed = failed;
}

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	struct ss_err err = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(f->out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(f->err, O_CLOEXEC), 0);
	expect_ok(loop_new(&f->l, &err), &err);
	expect_ok(outlet_new(f->l, f->out[1], f->err[1], on_news, f, &f->o, &err), &err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	outlet_free(f->o, true);
	loop_free(f->l);
	for (int i = 0; i < 2; i++) {
		ss_closep(&f->out[i]);
		ss_closep(&f->err[i]);
	}
	free(f);
	return 0;
}

static void put(struct fixture *f, enum outlet_to to, const char *text)
{
	outlet_put(f->o, to, (struct ss_span){ (const uint8_t *)text, strlen(text) });
}

static void expect_read(int fd, const char *want)
{
	char got[100] = "";
	size_t n = 0;

	while (n < strlen(want)) {
		const ssize_t r = read(fd, got + n, strlen(want) - n);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_string_equal(got, want);
}

/* Turns of the loop until this many news have come. */
static void until_told(struct fixture *f, unsigned told)
{
	struct ss_err err = { 0 };

	while (f->told < told)
		expect_ok(loop_turn(f->l, 10000, &err), &err);
}

static void outlet_writes_in_order_to_where_it_belongs(void **state)
{
	struct fixture *f = *state;

	put(f, OUTLET_OUT, "one ");
	put(f, OUTLET_ERR, "error");
	put(f, OUTLET_OUT, "two");
	put(f, OUTLET_OUT, "");
	expect_read(f->out[0], "one two");
	expect_read(f->err[0], "error");
}

static void outlet_is_full_for_a_slow_reader_and_says_when_there_is_room(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE uint8_t *block = ss_calloc(65536, 1);
	size_t put_n = 0, got_n = 0;

	while (!outlet_is_full(f->o)) {
		outlet_put(f->o, OUTLET_OUT, (struct ss_span){ block, 65536 });
		put_n += 65536;
	}
	assert_true(put_n >= OUTLET_ROOM && put_n <= OUTLET_ROOM + ((size_t)256 << 10));
	assert_false(outlet_is_empty(f->o));
	while (got_n < put_n) {
		const ssize_t n = read(f->out[0], block, 65536);

		assert_true(n > 0);
		got_n += (size_t)n;
	}
	until_told(f, 1);
	while (outlet_is_full(f->o))
		until_told(f, f->told + 1);
	assert_int_equal(f->failed, 0);
}

static void outlet_a_reader_that_is_gone_is_told_and_costs_nothing(void **state)
{
	struct fixture *f = *state;

	ss_closep(&f->out[0]);
	f->out[0] = -1;
	put(f, OUTLET_OUT, "nobody reads this");
	until_told(f, 1);
	assert_int_equal(f->failed, EPIPE);
	for (int i = 0; i < 1000; i++)
		put(f, OUTLET_OUT, "nor this");
	while (!outlet_is_empty(f->o))
		until_told(f, f->told + 1);
	put(f, OUTLET_ERR, "but that");
	expect_read(f->err[0], "but that");
}

static void outlet_free_writes_what_waits_or_forgets_it_at_once(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE uint8_t *block = ss_calloc(OUTLET_ROOM, 1);
	struct ss_err err = { 0 };

	put(f, OUTLET_OUT, "last words");
	outlet_free(TAKE_PTR(f->o), false);
	expect_read(f->out[0], "last words");
	/* Nobody reads: more than a pipe holds. It would wait for ever. */
	expect_ok(outlet_new(f->l, f->out[1], f->err[1], on_news, f, &f->o, &err), &err);
	outlet_put(f->o, OUTLET_OUT, (struct ss_span){ block, OUTLET_ROOM });
	outlet_free(TAKE_PTR(f->o), true);
}

/* "killed: told to stop a second time" was lost when the writing thread came too late. */
static void outlet_free_at_once_still_writes_what_has_room(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE uint8_t *block = ss_calloc(OUTLET_ROOM, 1);

	outlet_put(f->o, OUTLET_OUT, (struct ss_span){ block, OUTLET_ROOM });
	for (int i = 0; i < 1000; i++)
		put(f, OUTLET_ERR, ".");
	put(f, OUTLET_ERR, "the reason");
	outlet_free(TAKE_PTR(f->o), true);
	for (int i = 0; i < 1000; i++)
		expect_read(f->err[0], ".");
	expect_read(f->err[0], "the reason");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(outlet_writes_in_order_to_where_it_belongs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			outlet_is_full_for_a_slow_reader_and_says_when_there_is_room, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			outlet_a_reader_that_is_gone_is_told_and_costs_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(outlet_free_writes_what_waits_or_forgets_it_at_once,
						setup, teardown),
		cmocka_unit_test_setup_teardown(outlet_free_at_once_still_writes_what_has_room,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
