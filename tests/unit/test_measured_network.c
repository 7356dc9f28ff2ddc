/* SPDX-License-Identifier: Apache-2.0 */
/* What the measured config says of ingress, egress, health and secrets. */
#include "base/mem.h"
#include "fmt/egress.h"
#include "measured_sample.h"

#include <stdio.h>
#include <string.h>

static void expect_ingress_refused(const struct mc_config *from, const struct mc_ingress *in,
				   size_t n, const char *msg)
{
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c = *from;

	for (size_t i = 0; i < n; i++)
		mc_put_ingress(&raw, &in[i]);
	c.ingress = list(&raw, n);
	if (msg == NULL)
		expect_taken(&c);
	else
		expect_refused(&c, SS_EINPUT, msg);
}

static void measured_config_secrets_that_cannot_come_are_refused(void **state)
{
	static const uint8_t from[MC_SECRET_FROM + 1];
	static const char longest[] =
		"_234567890123456789012345678901234567890123456789012345678901234";
	static const struct {
		const char *names[2];
		size_t n_from;
		const char *msg; /* NULL = taken */
	} cases[] = {
		{ { "A" }, 32, NULL },
		{ { longest }, 32, NULL },
		{ { "A", "B" }, 32, NULL },
		{ { "A", "A" }, 32, "measured config: two secrets of one name" },
		{ { "" }, 32, "measured config: a secret of no valid name" },
		{ { "1A" }, 32, "measured config: a secret of no valid name" },
		{ { "A-B" }, 32, "measured config: a secret of no valid name" },
		{ { "A/B" }, 32, "measured config: a secret of no valid name" },
		{ { "_2345678901234567890123456789012345678901234567890123456789012345" },
		  32,
		  "measured config: a secret of no valid name" },
		{ { "A" }, 31, "measured config: a secret's sender that is no SHA-256" },
		{ { "A" }, 33, "measured config: a secret's sender that is no SHA-256" },
	};
	SS_CLEANUP(sample_done) struct sample s = { 0 };

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
		size_t n = 0;

		for (; n < 2 && cases[i].names[n] != NULL; n++)
			mc_put_secret(&raw,
				      &(struct mc_secret){ .name = text(cases[i].names[n]),
							   .from = { from, cases[i].n_from } });
		s.c.secrets = list(&raw, n);
		if (cases[i].msg == NULL)
			expect_taken(&s.c);
		else
			expect_refused(&s.c, SS_EINPUT, cases[i].msg);
	}
}

static void measured_config_secrets_are_at_most_32(void **state)
{
	static const uint8_t from[MC_SECRET_FROM];
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	char name[24];

	(void)state;
	sample_init(&s);
	for (size_t n = 1; n <= MC_MAX_SECRETS + 1; n++) {
		(void)snprintf(name, sizeof(name), "A%zu", n);
		mc_put_secret(&raw, &(struct mc_secret){ .name = text(name),
							 .from = { from, sizeof(from) } });
		s.c.secrets = list(&raw, n);
		if (n <= MC_MAX_SECRETS)
			expect_taken(&s.c);
	}
	expect_refused(&s.c, SS_EINPUT, "measured config: too many secrets");
}

static void measured_config_ingresses_that_cannot_be_served_are_refused(void **state)
{
	static const struct {
		struct mc_ingress in[2];
		size_t n;
		const char *msg; /* NULL = taken */
	} cases[] = {
		{ { { .port = 0, .to = 1 } }, 1, "measured config: port 0" },
		{ { { .port = 1, .to = 0 } }, 1, "measured config: port 0" },
		{ { { .port = 8999, .to = 9000 } }, 1, NULL },
		{ { { .port = 9000, .to = 1 } }, 1, "measured config: a port that is reserved" },
		{ { { .port = 9015, .to = 1 } }, 1, "measured config: a port that is reserved" },
		{ { { .port = 9016, .to = 1 } }, 1, NULL },
		{ { { .port = 1, .to = 1, .tls = (enum mc_tls)3 } },
		  1,
		  "measured config: an integer over its limit" },
		{ { { .port = 1, .to = 1, .tls = MC_TLS_PASSTHROUGH, .udp = true } },
		  1,
		  "measured config: TLS over datagrams" },
		{ { { .port = 1, .to = 1 }, { .port = 1, .to = 2 } },
		  2,
		  "measured config: two ingresses for one port" },
		{ { { .port = 1, .to = 1, .udp = true }, { .port = 1, .to = 2, .udp = true } },
		  2,
		  "measured config: two ingresses for one port" },
		{ { { .port = 1, .to = 1 }, { .port = 1, .to = 1, .udp = true } }, 2, NULL },
	};
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	struct mc_ingress many[MC_MAX_INGRESS + 1];

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		expect_ingress_refused(&s.c, cases[i].in, cases[i].n, cases[i].msg);
	for (size_t i = 0; i < SS_NELEMS(many); i++)
		many[i] = (struct mc_ingress){ .port = (uint16_t)(i + 1), .to = 80 };
	expect_ingress_refused(&s.c, many, MC_MAX_INGRESS, NULL);
	expect_ingress_refused(&s.c, many, MC_MAX_INGRESS + 1,
			       "measured config: too many ingresses");
}

static void measured_config_protocols_are_names_where_tls_ends(void **state)
{
	static const struct {
		const char *name; /* NULL = none */
		size_t times;
		enum mc_tls tls;
		bool http;
		const char *msg; /* NULL = taken */
	} cases[] = {
		{ "h2", 16, MC_TLS_ATTESTED, true, NULL },
		{ "h2", 17, MC_TLS_ATTESTED, false, "measured config: too many protocols" },
		{ "", 1, MC_TLS_ATTESTED, false,
		  "measured config: a protocol's name that is none" },
		{ "selfsame/1", 1, MC_TLS_ATTESTED, false,
		  "measured config: a protocol's name that is none" },
		{ "selfsame/2", 1, MC_TLS_ATTESTED, false, NULL },
		{ "h2", 1, MC_TLS_PASSTHROUGH, false,
		  "measured config: protocols where no TLS ends" },
		{ NULL, 0, MC_TLS_NONE, true, "measured config: protocols where no TLS ends" },
		{ NULL, 0, MC_TLS_ATTESTED, false, NULL },
	};
	static const char longest[257] = { [0 ... 255] = 'a' };
	SS_CLEANUP(sample_done) struct sample s = { 0 };

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < SS_NELEMS(cases) + 2; i++) {
		AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
		const bool is_long = i >= SS_NELEMS(cases);
		const size_t over = i - SS_NELEMS(cases);
		const size_t times = is_long ? 1 : cases[i].times;
		const struct mc_ingress in = { .port = 1,
					       .to = 1,
					       .tls = is_long ? MC_TLS_ATTESTED : cases[i].tls,
					       .http = !is_long && cases[i].http };
		struct mc_ingress with = in;

		for (size_t k = 0; k < times; k++)
			mc_put_string(&raw,
				      is_long ? text(longest + 1 - over) : text(cases[i].name));
		with.alpn = list(&raw, times);
		expect_ingress_refused(&s.c, &with, 1,
				       !is_long ? cases[i].msg
				       : over > 0
					       ? "measured config: a protocol's name that is none"
					       : NULL);
	}
}

static void measured_config_egress_rules_are_rules(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c;

	(void)state;
	sample_init(&s);
	mc_put_string(&raw, text("example.com"));
	c = s.c;
	c.egress = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: an egress rule that is none");
	raw.n = 0;
	for (size_t i = 0; i < EGRESS_MAX_RULES; i++)
		mc_put_string(&raw, text("a.b:1"));
	c.egress = list(&raw, EGRESS_MAX_RULES);
	expect_taken(&c);
	mc_put_string(&raw, text("a.b:1"));
	c.egress = list(&raw, EGRESS_MAX_RULES + 1);
	expect_refused(&c, SS_EINPUT, "measured config: too many egress rules");
}

static void measured_config_health_is_whole_or_absent(void **state)
{
	static const char half[] =
		"measured config: a health check that is neither whole nor absent";
	static const char path[] = "measured config: a health check of no valid path";
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_FREE uint8_t *big = ss_calloc(MC_MAX_PATH + 1, 1);
	struct mc_config c;

	(void)state;
	sample_init(&s);
	c = s.c;
	c.health = (struct mc_health){ 0 };
	expect_taken(&c);
	c.health.port = 1;
	expect_refused(&c, SS_EINPUT, half);
	c.health = (struct mc_health){ .path = text("/") };
	expect_refused(&c, SS_EINPUT, path);
	c.health = s.c.health;
	c.health.check = MC_CHECK_TCP;
	expect_refused(&c, SS_EINPUT, path);
	c.health.path = text("");
	expect_taken(&c);
	c.health.port = 0;
	expect_refused(&c, SS_EINPUT, half);
	c.health.port = 1;
	c.health.interval_ms = 0;
	expect_refused(&c, SS_EINPUT, half);
	c.health.interval_ms = MC_MAX_INTERVAL_MS;
	c.health.timeout_ms = 0;
	expect_refused(&c, SS_EINPUT, half);
	c.health.timeout_ms = MC_MAX_TIMEOUT_MS;
	c.health.failures = 0;
	expect_refused(&c, SS_EINPUT, half);
	c.health.failures = MC_MAX_FAILURES;
	expect_taken(&c);
	c.health.failures++;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c.health = s.c.health;
	c.health.interval_ms = MC_MAX_INTERVAL_MS + 1;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c.health = s.c.health;
	c.health.timeout_ms = MC_MAX_TIMEOUT_MS + 1;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c.health = s.c.health;
	memset(big, '/', MC_MAX_PATH + 1);
	c.health.path = (struct ss_span){ big, MC_MAX_PATH };
	expect_taken(&c);
	c.health.path.n++;
	expect_refused(&c, SS_EINPUT, path);
	for (const char *const *bad = (const char *const[]){ "", "healthz", "/a b", "/a\r\nX: y",
							     "/\x7f", "/\xc3\xa4", NULL };
	     *bad != NULL; bad++) {
		c.health.path = text(*bad);
		expect_refused(&c, SS_EINPUT, path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measured_config_secrets_that_cannot_come_are_refused),
		cmocka_unit_test(measured_config_secrets_are_at_most_32),
		cmocka_unit_test(measured_config_ingresses_that_cannot_be_served_are_refused),
		cmocka_unit_test(measured_config_protocols_are_names_where_tls_ends),
		cmocka_unit_test(measured_config_egress_rules_are_rules),
		cmocka_unit_test(measured_config_health_is_whole_or_absent),
	};

	return cmocka_run_group_tests_name("measured_network", tests, NULL, NULL);
}
