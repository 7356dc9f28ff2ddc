/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "fmt/egress.h"

#include <arpa/inet.h>
#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static struct egress_rule rule(const char *s)
{
	struct egress_rule r = { 0 };
	struct ss_err err = { 0 };

	expect_ok(egress_rule_read(text(s), &r, &err), &err);
	return r;
}

static bool allows(const char *r, const char *name, uint16_t port)
{
	const struct egress_rule x = rule(r);

	return egress_allows_name(&x, text(name), port);
}

/* `addr` as text, read by the C library. */
static bool allows_addr(const char *r, const char *addr, uint16_t port)
{
	const struct egress_rule x = rule(r);
	uint8_t raw[16];
	const bool v6 = strchr(addr, ':') != NULL;

	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, addr, raw), 1);
	return egress_allows_addr(&x, raw, v6 ? 16 : 4, port);
}

static void rules_of_each_kind_are_read(void **state)
{
	struct egress_rule r;

	(void)state;
	r = rule("API.example.com.:443");
	assert_int_equal(r.kind, EGRESS_HOST);
	assert_int_equal(r.port, 443);
	assert_int_equal(r.name.n, strlen("API.example.com"));
	r = rule("*.example.com:*");
	assert_int_equal(r.kind, EGRESS_SUFFIX);
	assert_int_equal(r.port, 0);
	assert_int_equal(r.name.n, strlen(".example.com"));
	assert_memory_equal(r.name.p, ".example.com", r.name.n);
	r = rule("10.0.0.0/8:65535");
	assert_int_equal(r.kind, EGRESS_CIDR4);
	assert_int_equal(r.bits, 8);
	assert_int_equal(r.port, 65535);
	assert_int_equal(rule("10.1.2.3:1").bits, 32);
	assert_int_equal(rule("0.0.0.0/0:1").bits, 0);
	r = rule("[2001:db8::/32]:443");
	assert_int_equal(r.kind, EGRESS_CIDR6);
	assert_int_equal(r.bits, 32);
	assert_int_equal(r.addr[3], 0xb8);
	assert_int_equal(rule("[::1]:443").bits, 128);
	assert_int_equal(rule("[::/0]:443").bits, 0);
	assert_int_equal(rule("localhost:1").kind, EGRESS_HOST);
	assert_int_equal(rule("_dns.xn--bcher-kva.example:1").kind, EGRESS_HOST);
}

static void rules_that_are_none_say_why(void **state)
{
	static const struct {
		const char *rule;
		const char *msg;
	} cases[] = {
		{ "", "'': no port: it must be host:port, or host:* for any" },
		{ "a.b", "'a.b': no port: it must be host:port, or host:* for any" },
		{ "[::1]", "'[::1]': no port: it must be host:port, or host:* for any" },
		{ "a.b:", "'a.b:': the port must be 1 to 65535 or *" },
		{ "a.b:0", "'a.b:0': the port must be 1 to 65535 or *" },
		{ "a.b:080", "'a.b:080': the port must be 1 to 65535 or *" },
		{ "a.b:65536", "'a.b:65536': the port must be 1 to 65535 or *" },
		{ "a.b:4 3", "'a.b:4 3': the port must be 1 to 65535 or *" },
		{ "a.b:+1", "'a.b:+1': the port must be 1 to 65535 or *" },
		{ "a.b:**", "'a.b:**': the port must be 1 to 65535 or *" },
		{ "a.b:99999999999", "'a.b:99999999999': the port must be 1 to 65535 or *" },
		{ ":1", "':1': neither a host name nor an address" },
		{ "*:1", "'*:1': a '*' stands only before '.suffix' or as the port" },
		{ "*.:1", "'*.:1': neither a host name nor an address" },
		{ "a.*.b:1", "'a.*.b:1': a '*' stands only before '.suffix' or as the port" },
		{ "*.*.b:1", "'*.*.b:1': a '*' stands only before '.suffix' or as the port" },
		{ "a..b:1", "'a..b:1': neither a host name nor an address" },
		{ ".a:1", "'.a:1': neither a host name nor an address" },
		{ "a b:1", "'a b:1': neither a host name nor an address" },
		{ "b\xc3\xbc"
		  "cher.de:1",
		  "'b\xc3\xbc"
		  "cher.de:1': neither a host name nor an address" },
		{ "1.2.3:1", "'1.2.3:1': neither a host name nor an address" },
		{ "256.1.1.1:1", "'256.1.1.1:1': neither a host name nor an address" },
		{ "01.1.1.1:1", "'01.1.1.1:1': neither a host name nor an address" },
		{ "1.1.1.1.:1", "'1.1.1.1.:1': neither a host name nor an address" },
		{ "*.10:1", "'*.10:1': neither a host name nor an address" },
		{ "0x7f.1:1", "'0x7f.1:1': neither a host name nor an address" },
		{ "a.b/8:1", "'a.b/8:1': neither a host name nor an address" },
		{ "10.0.0.0/33:1", "'10.0.0.0/33:1': the prefix must be /0 to /32" },
		{ "10.0.0.0/:1", "'10.0.0.0/:1': the prefix must be /0 to /32" },
		{ "10.0.0.0/08:1", "'10.0.0.0/08:1': the prefix must be /0 to /32" },
		{ "10.0.0.1/31:1", "'10.0.0.1/31:1': the address has bits behind its prefix" },
		{ "10.0.0.0/6:1", "'10.0.0.0/6:1': the address has bits behind its prefix" },
		{ "2001:db8::1:443",
		  "'2001:db8::1:443': an IPv6 address stands in brackets: [2001:db8::1]:443" },
		{ "[2001:db8::/129]:1", "'[2001:db8::/129]:1': the prefix must be /0 to /128" },
		{ "[2001:db8::1/127]:1",
		  "'[2001:db8::1/127]:1': the address has bits behind its prefix" },
		{ "[::ffff:10.0.0.0/104]:1",
		  "'[::ffff:10.0.0.0/104]:1': an IPv4 address in IPv6's form; write it as IPv4" },
		{ "[10.0.0.1]:1", "'[10.0.0.1]:1': not an IPv6 address in the brackets" },
		{ "[fe80::1%eth0]:1", "'[fe80::1%eth0]:1': not an IPv6 address in the brackets" },
		{ "[]:1", "'[]:1': not an IPv6 address in the brackets" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct egress_rule r = { .bits = 77 };
		struct ss_err err = { 0 };

		expect_fails(egress_rule_read(text(cases[i].rule), &r, &err), &err, SS_EINPUT,
			     cases[i].msg);
		assert_int_equal(r.bits, 77);
	}
}

static void a_rule_truncated_at_every_byte_is_refused_or_another_rule(void **state)
{
	static const char *const rules[] = { "*.example.com:443", "10.0.0.0/8:5432",
					     "[2001:db8::/32]:443" };

	(void)state;
	for (size_t k = 0; k < SS_NELEMS(rules); k++) {
		const size_t whole = strlen(rules[k]);
		const size_t colon = (size_t)(strrchr(rules[k], ':') - rules[k]);

		for (size_t n = 0; n < whole; n++) {
			AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);
			struct egress_rule r;
			struct ss_err err = { 0 };
			int rc;

			memcpy(copy, rules[k], n);
			rc = egress_rule_read((struct ss_span){ copy, n }, &r, &err);
			assert_int_equal(rc, n > colon + 1 ? 0 : -1); /* a shorter port */
		}
	}
}

static void a_name_is_compared_without_case_and_last_dot(void **state)
{
	(void)state;
	assert_true(allows("api.example.com:443", "api.example.com", 443));
	assert_true(allows("api.example.com:443", "API.Example.COM.", 443));
	assert_true(allows("API.example.com.:443", "api.example.com", 443));
	assert_true(allows("api.example.com:*", "api.example.com", 1));
	assert_false(allows("api.example.com:443", "api.example.com", 80));
	assert_false(allows("api.example.com:443", "api.example.com..", 443));
	assert_false(allows("api.example.com:443", "xapi.example.com", 443));
	assert_false(allows("api.example.com:443", "api.example.co", 443));
	assert_false(allows("api.example.com:443", "api_example.com", 443));
	assert_false(allows("api.example.com:443", "", 443));
}

static void a_suffix_is_one_label_or_more_before_it(void **state)
{
	(void)state;
	assert_true(allows("*.example.com:443", "a.example.com", 443));
	assert_true(allows("*.example.com:443", "a.b.EXAMPLE.com.", 443));
	assert_false(allows("*.example.com:443", "example.com", 443));
	assert_false(allows("*.example.com:443", ".example.com", 443));
	assert_false(allows("*.example.com:443", "aexample.com", 443));
	assert_false(allows("*.example.com:443", "a.example.com.evil.org", 443));
	assert_false(allows("*.example.com:443", "a..example.com", 443));
	assert_false(allows("*.example.com:443", "a b.example.com", 443));
	assert_true(allows("*.com:443", "example.com", 443));
}

static void the_resolver_asks_without_a_port(void **state)
{
	const struct egress_rule r = rule("*.example.com:443");

	(void)state;
	assert_true(egress_knows_name(&r, text("a.example.com")));
	assert_false(egress_knows_name(&r, text("example.com")));
}

static void a_name_that_is_an_address_is_matched_as_an_address(void **state)
{
	(void)state;
	assert_true(allows("10.0.0.0/8:80", "10.1.2.3", 80));
	assert_false(allows("10.0.0.0/8:80", "11.1.2.3", 80));
	assert_false(allows("10.0.0.0/8:80", "10.1.2", 80));
	assert_false(allows("10.0.0.0/8:80", "10.1.2.3.example.com", 80));
	assert_true(allows("[2001:db8::/32]:80", "2001:DB8::1", 80));
	assert_true(allows("10.0.0.0/8:80", "::ffff:10.1.2.3", 80));
}

static void addresses_are_in_a_range_or_not(void **state)
{
	(void)state;
	assert_true(allows_addr("10.0.0.0/8:80", "10.255.255.255", 80));
	assert_false(allows_addr("10.0.0.0/8:80", "10.255.255.255", 81));
	assert_false(allows_addr("10.0.0.0/8:80", "11.0.0.0", 80));
	assert_false(allows_addr("10.0.0.0/8:80", "9.255.255.255", 80));
	assert_true(allows_addr("10.128.0.0/9:*", "10.128.0.0", 1));
	assert_false(allows_addr("10.128.0.0/9:*", "10.127.255.255", 1));
	assert_true(allows_addr("10.1.2.3:1", "10.1.2.3", 1));
	assert_false(allows_addr("10.1.2.3:1", "10.1.2.2", 1));
	assert_true(allows_addr("0.0.0.0/0:1", "203.0.113.9", 1));
	assert_false(allows_addr("0.0.0.0/0:1", "::1", 1));
	assert_true(allows_addr("0.0.0.0/0:1", "::ffff:203.0.113.9", 1));
	assert_false(allows_addr("[::/0]:1", "::ffff:203.0.113.9", 1));
	assert_false(allows_addr("[::/0]:1", "203.0.113.9", 1));
	assert_true(allows_addr("[::/0]:1", "2001:db8::1", 1));
	assert_true(allows_addr("[2001:db8::/33]:1", "2001:db8:7fff::1", 1));
	assert_false(allows_addr("[2001:db8::/33]:1", "2001:db8:8000::1", 1));
	assert_true(allows_addr("[2001:db8::1]:1", "2001:db8::1", 1));
	assert_false(allows_addr("[2001:db8::1]:1", "2001:db8::", 1));
	assert_false(allows_addr("example.com:1", "203.0.113.9", 1));
}

static void addresses_of_another_length_are_no_addresses(void **state)
{
	const struct egress_rule r = rule("0.0.0.0/0:1"), s = rule("[::/0]:1");
	const uint8_t addr[17] = { 0 };

	(void)state;
	for (size_t n = 0; n <= sizeof(addr); n++) {
		assert_int_equal(egress_allows_addr(&r, addr, n, 1), n == 4);
		assert_int_equal(egress_allows_addr(&s, addr, n, 1), n == 16);
	}
}

static void names_have_bounds(void **state)
{
	uint8_t name[256];

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 63; i < sizeof(name); i += 64)
		name[i] = '.';
	assert_true(egress_is_name((struct ss_span){ name, 63 }));
	assert_true(egress_is_name((struct ss_span){ name, 64 })); /* with the dot */
	assert_true(egress_is_name((struct ss_span){ name, 253 }));
	assert_false(egress_is_name((struct ss_span){ name, 254 }));
	name[63] = 'a';
	assert_false(egress_is_name((struct ss_span){ name, 64 }));
	name[63] = '.';
	name[253] = '.';
	assert_true(egress_is_name((struct ss_span){ name, 254 }));
	assert_false(egress_is_name((struct ss_span){ NULL, 0 }));
	assert_false(egress_is_name(text(".")));
	assert_false(egress_is_name(text("a..")));
	assert_false(egress_is_name(text("10.1.2.3")));
	assert_false(egress_is_name(text("a.5")));
	assert_false(egress_is_name(text("a.0x7f")));
	assert_false(egress_is_name(text("0X7F000001")));
	assert_false(egress_is_name(text("0x")));
	assert_true(egress_is_name(text("a.0x7g")));
	assert_true(egress_is_name(text("0x7f.a")));
	assert_true(egress_is_name(text("5.a")));
	assert_true(egress_is_name(text("a.b5")));
	assert_false(egress_is_name((struct ss_span){ (const uint8_t *)"a\0b", 3 }));
}

/* Texts made of the letters of addresses: we and the C library say the same. */
static void ipv6_is_read_as_the_c_library_reads_it(void **state)
{
	static const char letters[] = "::::0a1f.";
	uint32_t seed = 1;
	unsigned good = 0;

	(void)state;
	for (unsigned i = 0; i < 400000; i++) {
		char host[64], all[80];
		uint8_t want[16];
		struct egress_rule r;
		struct ss_err err;
		size_t n = 0;
		bool is, mapped;

		seed = seed * 1664525u + 1013904223u;
		for (size_t len = 2 + (seed >> 8) % 24; n < len; n++) {
			seed = seed * 1664525u + 1013904223u;
			host[n] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		host[n] = '\0';
		is = inet_pton(AF_INET6, host, want) == 1;
		mapped = is && memcmp(want, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
		(void)snprintf(all, sizeof(all), "[%s]:1", host);
		if ((egress_rule_read(text(all), &r, &err) == 0) != (is && !mapped))
			fail_msg("%s: the C library says %s", host, is ? "yes" : "no");
		if (is && !mapped)
			assert_memory_equal(r.addr, want, 16);
		good += is;
	}
	assert_true(good > 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_each_kind_are_read),
		cmocka_unit_test(rules_that_are_none_say_why),
		cmocka_unit_test(a_rule_truncated_at_every_byte_is_refused_or_another_rule),
		cmocka_unit_test(a_name_is_compared_without_case_and_last_dot),
		cmocka_unit_test(a_suffix_is_one_label_or_more_before_it),
		cmocka_unit_test(the_resolver_asks_without_a_port),
		cmocka_unit_test(a_name_that_is_an_address_is_matched_as_an_address),
		cmocka_unit_test(addresses_are_in_a_range_or_not),
		cmocka_unit_test(addresses_of_another_length_are_no_addresses),
		cmocka_unit_test(names_have_bounds),
		cmocka_unit_test(ipv6_is_read_as_the_c_library_reads_it),
	};

	return cmocka_run_group_tests_name("egress", tests, NULL, NULL);
}
