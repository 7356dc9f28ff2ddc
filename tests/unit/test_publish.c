/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/publish.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

static void publish_takes_ip_host_and_guest(void **state)
{
	static const struct {
		const char *text, *shown;
		uint16_t to;
	} cases[] = {
		{ "8080:80", "*:8080", 80 },
		{ "0:65535", "*:0", 65535 },
		{ "127.0.0.1:1:2", "127.0.0.1:1", 2 },
		{ "[::1]:65535:1", "[::1]:65535", 1 },
		{ "[2001:db8::5]:443:8443", "[2001:db8::5]:443", 8443 },
		{ "0.0.0.0:5:6", "0.0.0.0:5", 6 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct publish_port p;
		struct ss_err err = { 0 };
		char shown[PUBLISH_TEXT];

		expect_ok(publish_read(cases[i].text, &p, &err), &err);
		publish_show(&p.addr, p.any, shown);
		assert_string_equal(shown, cases[i].shown);
		assert_int_equal(p.to, cases[i].to);
		assert_int_equal(p.fd, -1);
	}
}

static void publish_refuses_what_has_another_form(void **state)
{
	static const char *const cases[] = {
		"",
		":",
		":1",
		"1:",
		"1",
		"1:0",
		"65536:1",
		"1:65536",
		"000001:1",
		"a:1",
		"1:a",
		"-1:1",
		"1:-1",
		" 1:1",
		"1:1 ",
		"::1:1:1",
		"[::1:1:1",
		"::1]:1:1",
		"[]:1:1",
		"[1.2.3.4]:1:1",
		"1.2.3:1:1",
		"1.2.3.4.5:1:1",
		"host:1:1",
		"1.2.3.4::1",
		"1:2:3:4",
		"[::1%lo]:1:1",
		"+1:1",
		"1/tcp:1",
		"1:1/udp",
		"0x1:1",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1:1",
	};
	char want[200];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct publish_port p;
		struct ss_err err = { 0 };

		(void)snprintf(want, sizeof(want), "--port: '%s' is not [IP:]HOST:GUEST", cases[i]);
		expect_fails(publish_read(cases[i], &p, &err), &err, SS_EUSAGE, want);
	}
}

static void publish_an_address_may_lack_its_ip_or_its_port(void **state)
{
	static const struct {
		const char *text, *ip;
		uint16_t port;
		const char *shown; /* NULL: refused */
	} cases[] = {
		{ "9100", "127.0.0.1", 0, "127.0.0.1:9100" },
		{ "192.0.2.1:9100", "127.0.0.1", 0, "192.0.2.1:9100" },
		{ "[::1]:0", "127.0.0.1", 0, "[::1]:0" },
		{ "192.0.2.1", "127.0.0.1", 0, NULL },
		{ "[::1]", "127.0.0.1", 0, NULL },
		{ "", "127.0.0.1", 0, NULL },
		{ "192.0.2.1", "", 53, "192.0.2.1:53" },
		{ "192.0.2.1:5353", "", 53, "192.0.2.1:5353" },
		{ "[2001:db8::1]", "", 53, "[2001:db8::1]:53" },
		{ "[2001:db8::1]:5353", "", 53, "[2001:db8::1]:5353" },
		{ "2001:db8::1", "", 53, NULL },
		{ "resolver", "", 53, NULL },
		{ "", "", 53, NULL },
		{ "]", "", 53, NULL },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		union resolve_addr a;
		struct ss_err err = { 0 };
		char shown[PUBLISH_TEXT];
		const int rc =
			publish_read_addr(cases[i].text, cases[i].ip, cases[i].port, &a, &err);

		if (cases[i].shown == NULL) {
			(void)snprintf(shown, sizeof(shown), "'%s' is not an address and a port",
				       cases[i].text);
			expect_fails(rc, &err, SS_EUSAGE, shown);
			continue;
		}
		expect_ok(rc, &err);
		publish_show(&a, false, shown);
		assert_string_equal(shown, cases[i].shown);
	}
}

/* An IPv4 caller reaches a socket for every address, and is refused by one for ::1. */
static bool reaches(uint16_t port, int type)
{
	AUTO_CLOSE int fd = socket(AF_INET, type, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;
}

static void publish_binds_every_address_or_the_one(void **state)
{
	struct ss_err err = { 0 };
	struct publish_port all, one;

	(void)state;
	expect_ok(publish_read("0:1", &all, &err), &err);
	expect_ok(publish_bind(&all.addr, true, false, &all.fd, &err), &err);
	assert_int_not_equal(publish_port_of(&all.addr), 0);
	assert_true(reaches(publish_port_of(&all.addr), SOCK_STREAM));
	expect_ok(publish_read("[::1]:0:1", &one, &err), &err);
	if (publish_bind(&one.addr, false, false, &one.fd, &err) == 0)
		assert_false(reaches(publish_port_of(&one.addr), SOCK_STREAM));
	else /* a machine without IPv6 */
		assert_int_equal(err.code, SS_ESYS);
	ss_closep(&all.fd);
	ss_closep(&one.fd);
}

static void publish_a_port_that_is_taken_says_by_whom_not(void **state)
{
	struct ss_err err = { 0 };
	struct publish_port p;
	char want[200];

	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		union resolve_addr again;
		int other = -1;

		expect_ok(publish_read("127.0.0.1:0:1", &p, &err), &err);
		expect_ok(publish_bind(&p.addr, false, udp != 0, &p.fd, &err), &err);
		again = p.addr;
		(void)snprintf(want, sizeof(want),
			       "port %u is taken: another program listens at 127.0.0.1:%u (%s)",
			       publish_port_of(&again), publish_port_of(&again),
			       udp != 0 ? "UDP" : "TCP");
		expect_fails(publish_bind(&again, false, udp != 0, &other, &err), &err, SS_ESYS,
			     want);
		assert_string_equal(err.hint, "choose another: --port OTHER:GUEST, or 0:GUEST for "
					      "any that is free");
		assert_int_equal(other, -1);
		ss_closep(&p.fd);
	}
}

static void publish_another_layout_has_any_port_up_to_the_limit(void **state)
{
	const struct facts f = FACTS_NONE; /* has_config is false */
	AUTO_FREE struct publish *p = ss_calloc(1, sizeof(*p));
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < PUBLISH_MAX; i++)
		expect_ok(publish_open(&f, "127.0.0.1:0:77", p, &err), &err);
	assert_int_equal(p->n, PUBLISH_MAX);
	assert_int_equal(p->v[PUBLISH_MAX - 1].to, 77);
	expect_fails(publish_open(&f, "127.0.0.1:0:77", p, &err), &err, SS_ELIMIT,
		     "--port: more than 128");
	publish_done(p);
	assert_int_equal(p->v[0].fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(publish_takes_ip_host_and_guest),
		cmocka_unit_test(publish_refuses_what_has_another_form),
		cmocka_unit_test(publish_an_address_may_lack_its_ip_or_its_port),
		cmocka_unit_test(publish_binds_every_address_or_the_one),
		cmocka_unit_test(publish_a_port_that_is_taken_says_by_whom_not),
		cmocka_unit_test(publish_another_layout_has_any_port_up_to_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
