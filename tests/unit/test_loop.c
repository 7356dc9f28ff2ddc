/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "launch/loop.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct owner {
	struct loop *l;
	struct loop_fd io;
	struct loop_timer timer;
	struct owner *other;
	unsigned calls;
	uint32_t events;
	char order[16];
};

static struct loop *new_loop(void)
{
	struct loop *l = NULL;
	struct ss_err err = { 0 };

	expect_ok(loop_new(&l, &err), &err);
	return l;
}

static void turn(struct loop *l, int ms)
{
	struct ss_err err = { 0 };

	expect_ok(loop_turn(l, ms, &err), &err);
}

static void count(struct loop_fd *f, uint32_t events)
{
	struct owner *o = LOOP_OWNER(f, struct owner, io);

	o->calls++;
	o->events = events;
}

static void remove_other(struct loop_fd *f, uint32_t events)
{
	struct owner *o = LOOP_OWNER(f, struct owner, io);

	count(f, events);
	loop_remove(o->l, &o->other->io);
}

static void loop_tells_of_a_descriptor_as_long_as_it_is_wanted(void **state)
{
	struct owner o = { .l = new_loop(), .io.on = count };
	struct ss_err err = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	o.io.fd = fds[0];
	expect_ok(loop_add(o.l, &o.io, EPOLLIN, &err), &err);
	turn(o.l, 0);
	assert_int_equal(o.calls, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	turn(o.l, -1);
	turn(o.l, -1); /* it was not read */
	assert_int_equal(o.calls, 2);
	assert_int_equal(o.events, EPOLLIN);
	loop_want(o.l, &o.io, EPOLLOUT);
	turn(o.l, -1);
	assert_int_equal(o.events, EPOLLOUT);
	loop_want(o.l, &o.io, 0);
	turn(o.l, 0);
	assert_int_equal(o.calls, 3);
	loop_remove(o.l, &o.io);
	loop_remove(o.l, &o.io);
	turn(o.l, 0);
	assert_int_equal(o.calls, 3);
	loop_free(o.l);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void loop_forgets_a_descriptor_in_the_middle_of_a_round(void **state)
{
	struct owner a = { .l = new_loop(), .io.on = remove_other }, b = a;
	struct ss_err err = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	a.other = &b;
	b.other = &a;
	a.io.fd = fds[0];
	b.io.fd = fds[1];
	expect_ok(loop_add(a.l, &a.io, EPOLLOUT, &err), &err);
	expect_ok(loop_add(a.l, &b.io, EPOLLOUT, &err), &err);
	turn(a.l, -1); /* both are ready: the first to be told removes the other */
	assert_int_equal(a.calls + b.calls, 1);
	loop_free(a.l);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void loop_a_descriptor_that_cannot_be_watched_is_an_error(void **state)
{
	struct owner o = { .l = new_loop(), .io = { .fd = -1, .on = count } };
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(loop_add(o.l, &o.io, EPOLLIN, &err), &err, SS_ESYS,
		     "cannot wait for a descriptor: Bad file descriptor");
	loop_want(o.l, &o.io, EPOLLOUT);
	loop_remove(o.l, &o.io);
	loop_free(o.l);
}

static char order[64];
static size_t n_order;

static void note(struct loop_timer *t)
{
	order[n_order++] = LOOP_OWNER(t, struct owner, timer)->order[0];
}

static void loop_timers_come_in_their_order(void **state)
{
	static const unsigned ms[] = { 30, 5, 20, 10, 25, 15, 1, 40, 35 };
	struct owner o[SS_NELEMS(ms)] = { 0 };
	struct loop *l = new_loop();
	const uint64_t start = loop_now();

	(void)state;
	n_order = 0;
	for (size_t i = 0; i < SS_NELEMS(ms); i++) {
		o[i].order[0] = (char)('a' + i);
		o[i].timer.on = note;
		loop_after(l, &o[i].timer, ms[i]);
	}
	loop_cancel(l, &o[4].timer); /* one in the middle of the heap */
	loop_cancel(l, &o[4].timer);
	loop_after(l, &o[8].timer, 2); /* moved from the end to the front */
	while (n_order < SS_NELEMS(ms) - 1)
		turn(l, -1);
	order[n_order] = '\0';
	assert_string_equal(order, "gibdfcah");
	assert_true(loop_now() - start >= 40);
	turn(l, 0);
	assert_int_equal(n_order, 8);
	loop_free(l);
}

static void again(struct loop_timer *t)
{
	struct owner *o = LOOP_OWNER(t, struct owner, timer);

	o->calls++;
	loop_after(o->l, t, 0);
}

static void loop_a_timer_may_set_itself_without_holding_up_the_round(void **state)
{
	struct owner o = { .l = new_loop(), .timer.on = again };

	(void)state;
	loop_after(o.l, &o.timer, 0);
	while (o.calls < 5)
		turn(o.l, -1);
	loop_free(o.l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loop_tells_of_a_descriptor_as_long_as_it_is_wanted),
		cmocka_unit_test(loop_forgets_a_descriptor_in_the_middle_of_a_round),
		cmocka_unit_test(loop_a_descriptor_that_cannot_be_watched_is_an_error),
		cmocka_unit_test(loop_timers_come_in_their_order),
		cmocka_unit_test(loop_a_timer_may_set_itself_without_holding_up_the_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
