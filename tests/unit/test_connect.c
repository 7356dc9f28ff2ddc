/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/connect.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
	struct loop *l;
	struct resolver *r;
	/* of the last that is done */
	unsigned done;
	enum frame_opened status;
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	struct ss_err err = { 0 };

	f->fd = -1;
	expect_ok(loop_new(&f->l, &err), &err);
	expect_ok(resolver_new(f->l, &f->r, &err), &err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ss_closep(&f->fd);
	resolver_free(f->r);
	loop_free(f->l);
	free(f);
	return 0;
}

static void on_done(void *ctx, enum frame_opened status, int fd)
{
	struct fixture *f = ctx;

	f->done++;
	f->status = status;
	ss_closep(&f->fd);
	f->fd = fd;
}

static void until_done(struct fixture *f, unsigned n)
{
	struct ss_err err = { 0 };

	while (f->done < n)
		expect_ok(loop_turn(f->l, 10000, &err), &err);
}

static union resolve_addr loopback(uint16_t port)
{
	union resolve_addr a = { 0 };

	a.v4.sin_family = AF_INET;
	a.v4.sin_port = htons(port);
	a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* A socket of 127.0.0.1, listening or not; its port. */
static int server(int type, bool listens, uint16_t *ret_port)
{
	union resolve_addr a = loopback(0);
	socklen_t n = sizeof(a);
	const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &a.sa, sizeof(a.v4)), 0);
	if (listens)
		assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, &a.sa, &n), 0);
	*ret_port = ntohs(a.v4.sin_port);
	return fd;
}

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void connect_reaches_an_address_from_the_loop_only(void **state)
{
	struct fixture *f = *state;
	uint16_t port;
	AUTO_CLOSE int s = server(SOCK_STREAM, true, &port);
	const struct connect_to to = { .addr = loopback(port), .port = port };
	union resolve_addr peer;
	socklen_t n = sizeof(peer);

	assert_non_null(connect_start(f->l, f->r, &to, on_done, f));
	assert_int_equal(f->done, 0);
	until_done(f, 1);
	assert_int_equal(f->status, FRAME_OPEN_OK);
	assert_int_equal(getpeername(f->fd, &peer.sa, &n), 0);
	assert_int_equal(ntohs(peer.v4.sin_port), port);
	assert_true(s >= 0);
}

static void connect_tries_each_address_of_a_name(void **state)
{
	struct fixture *f = *state;
	uint16_t port;
	AUTO_CLOSE int s = server(SOCK_STREAM, true, &port);
	/* "localhost" has ::1 too on most machines, where nobody listens at this port. */
	const struct connect_to to = { .name = span("localhost"), .port = port };

	assert_non_null(connect_start(f->l, f->r, &to, on_done, f));
	until_done(f, 1);
	assert_int_equal(f->status, FRAME_OPEN_OK);
	assert_true(f->fd >= 0 && s >= 0);
}

static void connect_says_why_not(void **state)
{
	struct fixture *f = *state;
	uint16_t port;
	AUTO_CLOSE int s = server(SOCK_STREAM, false, &port); /* bound: nobody else gets it */
	struct connect_to to = { .addr = loopback(port), .port = port };

	assert_true(s >= 0);
	assert_non_null(connect_start(f->l, f->r, &to, on_done, f));
	until_done(f, 1);
	assert_int_equal(f->status, FRAME_OPEN_REFUSED);
	assert_int_equal(f->fd, -1);
	to.addr.v4.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	assert_non_null(connect_start(f->l, f->r, &to, on_done, f));
	until_done(f, 2);
	assert_int_equal(f->status, FRAME_OPEN_UNREACHABLE);
	/* Two dots in a row are no name anywhere: nobody is asked. */
	to.name = span("not..a.name");
	assert_non_null(connect_start(f->l, f->r, &to, on_done, f));
	until_done(f, 3);
	assert_int_equal(f->status, FRAME_OPEN_NO_NAME);
}

static void connect_of_datagrams_is_to_the_one_address(void **state)
{
	struct fixture *f = *state;
	uint16_t port;
	AUTO_CLOSE int s = server(SOCK_DGRAM, false, &port);
	const struct connect_to to = { .addr = loopback(port), .port = port, .udp = true };
	char got[8] = "";

	assert_non_null(connect_start(f->l, f->r, &to, on_done, f));
	until_done(f, 1);
	assert_int_equal(f->status, FRAME_OPEN_OK);
	assert_int_equal(send(f->fd, "abc", 3, 0), 3);
	assert_int_equal(recv(s, got, sizeof(got), 0), 3);
	assert_string_equal(got, "abc");
}

static void connect_that_is_cancelled_is_not_heard_of(void **state)
{
	struct fixture *f = *state;
	uint16_t port;
	AUTO_CLOSE int s = server(SOCK_STREAM, true, &port);
	const struct connect_to name = { .name = span("localhost"), .port = port };
	const struct connect_to addr = { .addr = loopback(port), .port = port };

	connect_cancel(NULL);
	connect_cancel(connect_start(f->l, f->r, &name, on_done, f));
	connect_cancel(connect_start(f->l, f->r, &addr, on_done, f));
	assert_non_null(connect_start(f->l, f->r, &name, on_done, f));
	until_done(f, 1);
	assert_int_equal(f->done, 1);
	assert_true(s >= 0);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(connect_reaches_an_address_from_the_loop_only),
		ROW(connect_tries_each_address_of_a_name),
		ROW(connect_says_why_not),
		ROW(connect_of_datagrams_is_to_the_one_address),
		ROW(connect_that_is_cancelled_is_not_heard_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
