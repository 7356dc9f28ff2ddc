/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Two pairs of sockets and a relay between them: out ↔ [outside … enclave] ↔ in. */
struct fixture {
	struct loop *l;
	struct relay_set set;
	int out, in;
};

static void pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	struct ss_err err = { 0 };

	expect_ok(loop_new(&f->l, &err), &err);
	relay_set_init(&f->set, f->l, 2);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	relay_set_done(&f->set);
	loop_free(f->l);
	ss_closep(&f->out);
	ss_closep(&f->in);
	free(f);
	return 0;
}

static void start(struct fixture *f, const char *first, const char *first_out, bool connecting)
{
	int a[2], b[2];
	struct ss_err err = { 0 };
	struct relay_pair p = { .connecting = connecting };

	pair(a);
	pair(b);
	f->out = a[0];
	f->in = b[0];
	p.outside = a[1];
	p.enclave = b[1];
	p.first = (struct ss_span){ (const uint8_t *)first, strlen(first) };
	p.first_out = (struct ss_span){ (const uint8_t *)first_out, strlen(first_out) };
	expect_ok(relay_start(&f->set, &p, &err), &err);
}

static void settle(struct fixture *f)
{
	struct ss_err err = { 0 };

	for (int i = 0; i < 50; i++)
		expect_ok(loop_turn(f->l, 0, &err), &err);
}

static void expect_text(int fd, const char *text)
{
	char got[256] = "";
	const ssize_t n = read(fd, got, sizeof(got) - 1);

	assert_int_equal(n, strlen(text));
	assert_string_equal(got, text);
}

static void expect_end(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 0);
}

static void expect_nothing(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void relay_hands_on_both_ways(void **state)
{
	struct fixture *f = *state;

	start(f, "", "", false);
	say(f->out, "ping");
	say(f->in, "pong!");
	settle(f);
	expect_text(f->in, "ping");
	expect_text(f->out, "pong!");
	assert_int_equal(f->set.to_enclave, 4);
	assert_int_equal(f->set.from_enclave, 5);
	assert_int_equal(f->set.n, 1);
}

static void relay_first_bytes_go_before_all_others(void **state)
{
	struct fixture *f = *state;

	start(f, "header ", "hello ", true);
	say(f->out, "body");
	say(f->in, "answer");
	settle(f);
	expect_text(f->in, "header body");
	expect_text(f->out, "hello answer");
}

static void relay_half_close_is_kept(void **state)
{
	struct fixture *f = *state;

	start(f, "", "", false);
	say(f->out, "question");
	assert_int_equal(shutdown(f->out, SHUT_WR), 0);
	settle(f);
	expect_text(f->in, "question");
	expect_end(f->in);
	say(f->in, "late answer");
	settle(f);
	expect_text(f->out, "late answer");
	assert_int_equal(f->set.n, 1);
	assert_int_equal(shutdown(f->in, SHUT_WR), 0);
	settle(f);
	expect_end(f->out);
	assert_int_equal(f->set.n, 0);
}

static void relay_what_was_sent_before_the_end_arrives(void **state)
{
	struct fixture *f = *state;

	start(f, "", "", false);
	say(f->in, "last words");
	(void)close(f->in);
	f->in = -1;
	settle(f);
	expect_text(f->out, "last words");
	expect_end(f->out);
	say(f->out, "to nobody");
	settle(f);
	(void)close(f->out);
	f->out = -1;
	settle(f);
	assert_int_equal(f->set.n, 0);
}

/* Everything that fits between here and a reader that does not read. */
static size_t stuff(struct fixture *f, int fd)
{
	static char block[65536];
	size_t n = 0;

	for (;;) {
		const ssize_t done = send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (done < 0) {
			settle(f);
			if (send(fd, block, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
				return n;
			n++;
			continue;
		}
		n += (size_t)done;
		settle(f);
	}
}

static void relay_a_slow_reader_is_waited_for_with_one_buffer(void **state)
{
	static char block[65536];
	struct fixture *f = *state;
	size_t n, got = 0;

	start(f, "", "", false);
	n = stuff(f, f->out);
	assert_true(n < (size_t)2 * 1024 * 1024);
	say(f->in, "other way"); /* which is not held up */
	settle(f);
	expect_text(f->out, "other way");
	assert_int_equal(shutdown(f->out, SHUT_WR), 0);
	while (got < n) {
		const ssize_t part = read(f->in, block, sizeof(block));

		if (part > 0)
			got += (size_t)part;
		settle(f);
	}
	expect_end(f->in);
}

static void relay_a_hung_up_side_is_read_to_its_end(void **state)
{
	static char block[65536];
	struct fixture *f = *state;
	size_t n, got = 0;

	start(f, "", "", false);
	n = stuff(f, f->in);
	(void)close(f->in); /* with bytes in every buffer */
	f->in = -1;
	settle(f);
	for (;;) {
		const ssize_t part = read(f->out, block, sizeof(block));

		if (part == 0)
			break;
		assert_true(part > 0 || errno == EAGAIN);
		if (part > 0)
			got += (size_t)part;
		settle(f);
	}
	assert_int_equal(got, n);
}

static void relay_more_than_the_limit_are_closed(void **state)
{
	struct fixture *f = *state;
	int a[2], b[2];
	struct ss_err err = { 0 };
	struct relay_pair p = { 0 };

	for (int i = 0; i < 3; i++) {
		pair(a);
		pair(b);
		p.outside = a[1];
		p.enclave = b[1];
		if (i < 2)
			expect_ok(relay_start(&f->set, &p, &err), &err);
	}
	expect_fails(relay_start(&f->set, &p, &err), &err, SS_ELIMIT, "2 connections already");
	expect_end(a[0]);
	expect_end(b[0]);
	(void)close(a[0]);
	(void)close(b[0]);
	assert_true(relay_set_is_full(&f->set));
}

static int listen_tcp(struct sockaddr_in *ret)
{
	socklen_t n = sizeof(*ret);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)ret, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &n), 0);
	return fd;
}

static void relay_a_refused_connection_resets_the_caller(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in addr, nobody;
	struct relay_pair p = { .connecting = true };
	struct ss_err err = { 0 };
	const int listener = listen_tcp(&addr);
	char c;

	f->out = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(f->out, (struct sockaddr *)&addr, sizeof(addr)), 0);
	p.outside = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	(void)close(listen_tcp(&nobody)); /* a port that is free again */
	p.enclave = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)connect(p.enclave, (struct sockaddr *)&nobody, sizeof(nobody));
	expect_ok(relay_start(&f->set, &p, &err), &err);
	settle(f);
	assert_int_equal(f->set.n, 0);
	assert_int_equal(read(f->out, &c, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	(void)close(listener);
}

static void relay_a_caller_that_leaves_before_the_enclave_answers_ends_it(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in addr;
	struct relay_pair p = { .connecting = true };
	struct ss_err err = { 0 };
	const int listener = listen_tcp(&addr);
	int a[2], full[2];

	/* A listener whose queue is full does not answer a further call. */
	for (int i = 0; i < 2; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(full[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	pair(a);
	f->out = a[0];
	p.outside = a[1];
	p.enclave = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)connect(p.enclave, (struct sockaddr *)&addr, sizeof(addr));
	expect_ok(relay_start(&f->set, &p, &err), &err);
	settle(f);
	assert_int_equal(f->set.n, 1);
	say(f->out, "early"); /* waits */
	settle(f);
	assert_int_equal(f->set.n, 1);
	(void)close(f->out);
	f->out = -1;
	settle(f);
	assert_int_equal(f->set.n, 0);
	(void)close(full[0]);
	(void)close(full[1]);
	(void)close(listener);
}

static void relay_the_set_ends_all_of_them(void **state)
{
	struct fixture *f = *state;

	start(f, "", "", false);
	expect_nothing(f->out);
	relay_set_done(&f->set);
	expect_end(f->out);
	expect_end(f->in);
	relay_set_init(&f->set, f->l, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(relay_hands_on_both_ways),
		TEST(relay_first_bytes_go_before_all_others),
		TEST(relay_half_close_is_kept),
		TEST(relay_what_was_sent_before_the_end_arrives),
		TEST(relay_a_slow_reader_is_waited_for_with_one_buffer),
		TEST(relay_a_hung_up_side_is_read_to_its_end),
		TEST(relay_more_than_the_limit_are_closed),
		TEST(relay_a_refused_connection_resets_the_caller),
		TEST(relay_a_caller_that_leaves_before_the_enclave_answers_ends_it),
		TEST(relay_the_set_ends_all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
