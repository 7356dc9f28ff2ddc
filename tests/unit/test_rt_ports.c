/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "measured_sample.h"
#include "runtime/own_ports.h"

#include <string.h>

static void ports_of_ingress_and_health_are_listed(void **state)
{
	char got[RT_PORTS_TEXT];
	struct sample s;

	(void)state;
	sample_init(&s);
	s.c.health = (struct mc_health){ .check = MC_CHECK_TCP, .port = 65535 };
	rt_ports_put(&s.c, got);
	assert_string_equal(got, "8080,53,65535");
	s.c.health = (struct mc_health){ .check = MC_CHECK_NONE };
	rt_ports_put(&s.c, got);
	assert_string_equal(got, "8080,53");
	sample_done(&s);
}

static void without_any_there_is_nothing_to_be_kept(void **state)
{
	const struct mc_config none = { .version = MC_VERSION };
	char got[RT_PORTS_TEXT] = "x";
	struct ss_err err = { 0 };

	(void)state;
	rt_ports_put(&none, got);
	assert_string_equal(got, "");
	expect_ok(rt_ports_keep(&none, &err), &err);
}

static void as_many_as_a_config_can_have_find_room(void **state)
{
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(65536);
	struct mc_config c = { .health = { .check = MC_CHECK_HTTP, .port = 65535 } };
	char got[RT_PORTS_TEXT];

	(void)state;
	for (uint16_t i = 0; i < MC_MAX_INGRESS; i++) {
		const struct mc_ingress one = { .port = (uint16_t)(20000 + i),
						.to = (uint16_t)(65535 - i) };

		mc_put_ingress(&raw, &one);
	}
	c.ingress = list(&raw, MC_MAX_INGRESS);
	rt_ports_put(&c, got);
	assert_int_equal(strlen(got), (MC_MAX_INGRESS + 1) * 6 - 1);
	assert_memory_equal(got, "65535,65534,", 12);
	assert_string_equal(got + strlen(got) - 12, ",65472,65535");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_of_ingress_and_health_are_listed),
		cmocka_unit_test(without_any_there_is_nothing_to_be_kept),
		cmocka_unit_test(as_many_as_a_config_can_have_find_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
