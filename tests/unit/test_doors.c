/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "io/doors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

/* Needs root: each sentence runs in a network namespace of its own. */

#define WAIT_MS 60000

static struct sockaddr_storage address(const char *text, uint16_t port, socklen_t *ret_n)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (inet_pton(AF_INET, text, &a.sin_addr) == 1) {
		memcpy(&s, &a, sizeof(a));
		*ret_n = sizeof(a);
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &a6.sin6_addr), 1);
		memcpy(&s, &a6, sizeof(a6));
		*ret_n = sizeof(a6);
	}
	return s;
}

/* A connection to that address, or the errno. */
static int try_tcp(const char *text, uint16_t port, int *ret)
{
	socklen_t n;
	const struct sockaddr_storage s = address(text, port, &n);

	*ret = socket(s.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*ret >= 0);
	if (connect(*ret, (const struct sockaddr *)&s, n) == 0)
		return 0;
	return errno;
}

static void enter(bool led, int doors[IO_DOORS])
{
	struct ss_err err = { 0 };

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	expect_ok(io_doors_open(led, doors, &err), &err);
}

/* "8.8.8.8 443", as the door has it. */
static void expect_at(int fd, const char *want)
{
	struct sockaddr_in6 a = { 0 };
	socklen_t n = sizeof(a);
	char text[INET6_ADDRSTRLEN] = "", line[INET6_ADDRSTRLEN + 8];

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	assert_non_null(inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof(text)));
	(void)snprintf(line, sizeof(line), "%s %u", text, ntohs(a.sin6_port));
	assert_string_equal(line, want);
}

static void any_address_and_port_leads_to_one_door(void **state)
{
	static const struct {
		const char *to;
		uint16_t port;
		const char *at;
	} rows[] = {
		{ "8.8.8.8", 443, "::ffff:8.8.8.8 443" },
		{ "198.18.77.1", 1, "::ffff:198.18.77.1 1" },
		{ "10.0.0.1", 65535, "::ffff:10.0.0.1 65535" },
		{ "198.18.0.1", 53, "::ffff:198.18.0.1 53" },
		{ "2001:db8::1", 9418, "2001:db8::1 9418" },
		{ "fd73:656c:6673:616d::c612:4d01", 80, "fd73:656c:6673:616d::c612:4d01 80" },
		{ "fd73:656c:6673:616d::c612:1", 53, "fd73:656c:6673:616d::c612:1 53" },
		{ "::2", 80, "::2 80" },
	};
	int doors[IO_DOORS];

	(void)state;
	enter(true, doors);
	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		AUTO_CLOSE int c = -1;
		AUTO_CLOSE int got = -1;

		assert_int_equal(try_tcp(rows[i].to, rows[i].port, &c), 0);
		got = accept4(doors[IO_DOOR_LED], NULL, NULL, SOCK_CLOEXEC);
		assert_true(got >= 0);
		expect_at(got, rows[i].at);
	}
	io_doors_done(doors);
	assert_int_equal(doors[IO_DOOR_LED], -1);
}

static void what_is_said_to_oneself_passes(void **state)
{
	static const char *const own[] = { "127.0.0.1", "127.9.8.7", "::1", "198.18.0.2",
					   "fd73:656c:6673:616d::c612:2" };
	int doors[IO_DOORS];
	socklen_t n;

	(void)state;
	enter(true, doors);
	for (size_t i = 0; i < SS_NELEMS(own); i++) {
		const struct sockaddr_storage s = address(own[i], 5432, &n);
		AUTO_CLOSE int listening = socket(s.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		AUTO_CLOSE int none = -1;
		AUTO_CLOSE int there = -1;

		assert_int_equal(try_tcp(own[i], 5432, &none), ECONNREFUSED);
		assert_int_equal(bind(listening, (const struct sockaddr *)&s, n), 0);
		assert_int_equal(listen(listening, 1), 0);
		assert_int_equal(try_tcp(own[i], 5432, &there), 0);
	}
	io_doors_done(doors);
}

static void datagrams_go_by_their_port_and_are_answered_from_where_they_went(void **state)
{
	static const char *const to[] = { "8.8.8.8", "198.18.0.1", "2001:db8::1" };
	int doors[IO_DOORS];

	(void)state;
	enter(true, doors);
	for (size_t i = 0; i < SS_NELEMS(to); i++) {
		for (unsigned port = 53; port < 55; port++) {
			const int door = doors[port == 53 ? IO_DOOR_NAMES : IO_DOOR_DATAGRAMS];
			struct sockaddr_in6 from = { 0 };
			uint8_t room[256], byte = 0;
			struct iovec v = { &byte, 1 };
			struct msghdr m = { .msg_name = &from,
					    .msg_namelen = sizeof(from),
					    .msg_iov = &v,
					    .msg_iovlen = 1,
					    .msg_control = room,
					    .msg_controllen = sizeof(room) };
			struct pollfd p = { door, POLLIN, 0 };
			AUTO_CLOSE int c = -1;
			socklen_t n;
			const struct sockaddr_storage s = address(to[i], (uint16_t)port, &n);

			/* Connected: only what comes from there is heard. The own addresses have
			 * no door but for names. */
			c = socket(s.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
			assert_int_equal(connect(c, (const struct sockaddr *)&s, n), 0);
			assert_int_equal(send(c, "q", 1, 0), 1);
			if (port != 53 && i == 1)
				continue;
			assert_int_equal(poll(&p, 1, WAIT_MS), 1);
			assert_int_equal(recvmsg(door, &m, 0), 1);
			assert_int_equal(byte, 'q');
			if (port != 53)
				continue;
			for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h != NULL;
			     h = CMSG_NXTHDR(&m, h))
				if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO) {
					m.msg_control = h;
					m.msg_controllen = CMSG_SPACE(sizeof(struct in6_pktinfo));
					break;
				}
			byte = 'a';
			assert_int_equal(sendmsg(door, &m, 0), 1);
			p.fd = c;
			assert_int_equal(poll(&p, 1, WAIT_MS), 1);
			assert_int_equal(recv(c, &byte, 1, 0), 1);
			assert_int_equal(byte, 'a');
		}
	}
	io_doors_done(doors);
}

static void the_proxy_alone_leads_nobody(void **state)
{
	AUTO_CLOSE int c = -1;
	AUTO_CLOSE int other = -1;
	AUTO_CLOSE int got = -1;
	int doors[IO_DOORS];

	(void)state;
	enter(false, doors);
	assert_int_equal(doors[IO_DOOR_LED], -1);
	assert_int_equal(doors[IO_DOOR_LINK], -1);
	assert_int_equal(try_tcp("198.18.0.1", 3128, &c), 0);
	got = accept4(doors[IO_DOOR_PROXY], NULL, NULL, SOCK_CLOEXEC);
	assert_true(got >= 0);
	assert_int_equal(try_tcp("8.8.8.8", 443, &other), ENETUNREACH);
	io_doors_done(doors);
}

static void without_the_link_nobody_is_led(void **state)
{
	AUTO_CLOSE int c = -1;
	int doors[IO_DOORS];

	(void)state;
	enter(true, doors);
	assert_int_equal(close(doors[IO_DOOR_LINK]), 0);
	doors[IO_DOOR_LINK] = -1;
	assert_int_equal(try_tcp("8.8.8.8", 443, &c), ECONNREFUSED);
	io_doors_done(doors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_address_and_port_leads_to_one_door),
		cmocka_unit_test(what_is_said_to_oneself_passes),
		cmocka_unit_test(datagrams_go_by_their_port_and_are_answered_from_where_they_went),
		cmocka_unit_test(the_proxy_alone_leads_nobody),
		cmocka_unit_test(without_the_link_nobody_is_led),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
