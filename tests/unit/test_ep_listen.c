/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused: tests/cli/proxy.t. */
#include "base/mem.h"
#include "endpoint/ep_listen.h"
#include "expect.h"

#include <string.h>

static void an_address_of_this_machine_is_read_and_told(void **state)
{
	static const char *const good[] = { "127.0.0.1:0", "127.255.255.254:0", "[::1]:0" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(good); i++) {
		struct ep_listen l = { 0 }, again = { 0 };
		struct ss_err err = { 0 };
		char where[EP_WHERE_MAX] = "";
		AUTO_CLOSE int fd = -1;

		expect_ok(ep_listen_read(good[i], &l, &err), &err);
		expect_ok(ep_listen_open(&l, &fd, where, &err), &err);
		assert_true(fd >= 0);
		/* a port was chosen, and the rest is what was asked for */
		assert_memory_equal(where, good[i], strlen(good[i]) - 1);
		assert_string_not_equal(where, good[i]);
		expect_ok(ep_listen_read(where, &again, &err), &err);
		assert_int_equal(again.n, l.n);
	}
}

static void a_port_is_one_listener_s(void **state)
{
	struct ep_listen l = { 0 };
	struct ss_err err = { 0 };
	char where[EP_WHERE_MAX] = "", other[EP_WHERE_MAX] = "", msg[128];
	AUTO_CLOSE int fd = -1;
	AUTO_CLOSE int none = -1;

	(void)state;
	expect_ok(ep_listen_read("127.0.0.1:0", &l, &err), &err);
	expect_ok(ep_listen_open(&l, &fd, where, &err), &err);
	expect_ok(ep_listen_read(where, &l, &err), &err);
	(void)snprintf(msg, sizeof(msg), "cannot listen on %s: Address already in use", where);
	expect_fails(ep_listen_open(&l, &none, other, &err), &err, SS_ESYS, msg);
	assert_int_equal(none, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_of_this_machine_is_read_and_told),
		cmocka_unit_test(a_port_is_one_listener_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
