/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/text.h"
#include "expect.h"
#include "io/address.h"
#include "record/rec_reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static enum rec_reach reach(const char *text)
{
	uint8_t a[16];

	assert_true(io_address_read(text, a));
	return rec_reach_of(a);
}

static void numbers_are_told_apart_to_the_last_bit(void **state)
{
	static const struct {
		const char *text;
		enum rec_reach want;
	} cases[] = {
		{ "0.0.0.0", REC_REACH_SELF },
		{ "0.255.255.255", REC_REACH_SELF },
		{ "1.0.0.0", REC_REACH_ANY },
		{ "126.255.255.255", REC_REACH_ANY },
		{ "127.0.0.0", REC_REACH_SELF },
		{ "127.255.255.255", REC_REACH_SELF },
		{ "128.0.0.0", REC_REACH_ANY },
		{ "169.253.255.255", REC_REACH_ANY },
		{ "169.254.0.0", REC_REACH_LINK },
		{ "169.254.255.255", REC_REACH_LINK },
		{ "169.255.0.0", REC_REACH_ANY },
		{ "169.254.169.253", REC_REACH_LINK },
		{ "169.254.169.254", REC_REACH_METADATA },
		{ "169.254.170.2", REC_REACH_METADATA },
		{ "100.100.100.199", REC_REACH_ANY },
		{ "100.100.100.200", REC_REACH_METADATA },
		{ "168.63.129.16", REC_REACH_METADATA },
		{ "192.0.0.192", REC_REACH_METADATA },
		{ "10.0.0.1", REC_REACH_ANY },
		{ "172.16.0.1", REC_REACH_ANY },
		{ "192.168.1.1", REC_REACH_ANY },
		{ "::", REC_REACH_SELF },
		{ "::1", REC_REACH_SELF },
		{ "::2", REC_REACH_SELF }, /* 0.0.0.2 */
		{ "::127.0.0.1", REC_REACH_SELF },
		{ "::8.8.8.8", REC_REACH_ANY },
		{ "::ffff:127.0.0.1", REC_REACH_SELF },
		{ "::ffff:169.254.1.1", REC_REACH_LINK },
		{ "::ffff:0:127.0.0.1", REC_REACH_SELF },
		{ "64:ff9b::127.0.0.1", REC_REACH_SELF },
		{ "64:ff9b::a9fe:a9fe", REC_REACH_METADATA },
		{ "64:ff9b::808:808", REC_REACH_ANY },
		{ "64:ff9b:1::10.0.0.1", REC_REACH_ANY },
		{ "64:ff9b:1:2:3:4:127.0.0.1", REC_REACH_SELF },
		{ "2002:7f00:1::", REC_REACH_SELF },
		{ "2002:a9fe:a9fe::1", REC_REACH_METADATA },
		{ "2002:808:808::1", REC_REACH_ANY },
		{ "fe7f:ffff::", REC_REACH_ANY },
		{ "fe80::", REC_REACH_LINK },
		{ "febf:ffff::1", REC_REACH_LINK },
		{ "fec0::", REC_REACH_ANY },
		{ "fd00:ec2::254", REC_REACH_METADATA },
		{ "fd00:ec2::23", REC_REACH_METADATA },
		{ "fd00:ec2::253", REC_REACH_ANY },
		{ "fd20:ce::254", REC_REACH_METADATA },
		{ "fd00:42::42", REC_REACH_METADATA },
		{ "fd00:c1::a9fe:a9fe", REC_REACH_METADATA },
		{ "fd12:3456::1", REC_REACH_ANY },
		{ "2001:db8::1", REC_REACH_ANY },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		if (reach(cases[i].text) != cases[i].want)
			fail_msg("%s", cases[i].text);
}

static void names_that_mean_this_machine_or_its_cloud_are_known(void **state)
{
	(void)state;
	assert_int_equal(rec_reach_of_name(ss_text("localhost")), REC_REACH_SELF);
	assert_int_equal(rec_reach_of_name(ss_text("LocalHost.")), REC_REACH_SELF);
	assert_int_equal(rec_reach_of_name(ss_text("a.localhost")), REC_REACH_SELF);
	assert_int_equal(rec_reach_of_name(ss_text("notlocalhost")), REC_REACH_ANY);
	assert_int_equal(rec_reach_of_name(ss_text("localhost.example.com")), REC_REACH_ANY);
	assert_int_equal(rec_reach_of_name(ss_text("metadata.google.internal")),
			 REC_REACH_METADATA);
	assert_int_equal(rec_reach_of_name(ss_text("Metadata.Google.Internal..")),
			 REC_REACH_METADATA);
	assert_int_equal(rec_reach_of_name(ss_text("x.metadata.google.internal")), REC_REACH_ANY);
	assert_int_equal(rec_reach_of_name(ss_text("")), REC_REACH_ANY);
	assert_int_equal(rec_reach_of_name(ss_text("...")), REC_REACH_ANY);
}

static void host_and_port_of_a_url_are_as_lists_have_them(void **state)
{
	static const struct {
		const char *url, *want;
	} cases[] = {
		{ "http://h/", "h:80" },
		{ "https://h/", "h:443" },
		{ "https://h:80/a:b@c", "h:80" },
		{ "http://[::1]/", "[::1]:80" },
		{ "https://[fe80::1]:8443/?q", "[fe80::1]:8443" },
		{ "http://h?q", "h:80" },
		{ "http://h", "h:80" },
		{ "", ":80" },
	};
	char long_url[4096] = "http://", got[REC_REACH_WHERE];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		rec_reach_where(cases[i].url, got);
		assert_string_equal(got, cases[i].want);
	}
	memset(long_url + 7, 'a', sizeof(long_url) - 8);
	rec_reach_where(long_url, got);
	assert_int_equal(strlen(got), REC_REACH_WHERE - 8 + 3);
}

static void what_is_refused_names_the_key(void **state)
{
	struct cfg_texts list = { 0 };
	struct ss_err err = { 0 };
	uint8_t a[16];

	(void)state;
	assert_true(io_address_read("127.0.0.1", a));
	expect_fails(rec_reach_check(NULL, "self.test:80", a, &err), &err, SS_EINPUT,
		     "'self.test:80' is this machine (127.0.0.1): no step may ask it, unless "
		     "'build.local' in enclave.toml lists it");
	cfg_texts_push(&list, "self.test:81");
	assert_int_equal(rec_reach_check(&list, "self.test:80", a, &err), -1);
	cfg_texts_push(&list, "self.test:80");
	expect_ok(rec_reach_check(&list, "self.test:80", a, &err), &err);
	assert_true(io_address_read("fe80::1", a));
	expect_fails(rec_reach_check(&list, "[fe80::1]:80", a, &err), &err, SS_EINPUT,
		     "'[fe80::1]:80' is only on this machine's link (fe80::1): no step may ask it, "
		     "unless 'build.local' in enclave.toml lists it");
	expect_fails(rec_reach_check_name(&list, "localhost:80", &err), &err, SS_EINPUT,
		     "'localhost:80' is this machine: no step may ask it, unless 'build.local' in "
		     "enclave.toml lists it");
	expect_fails(rec_reach_check_name(&list, "127.1:8080", &err), &err, SS_EINPUT,
		     "'127.1:8080' is this machine (127.0.0.1): no step may ask it, unless "
		     "'build.local' in enclave.toml lists it");
	assert_int_equal(rec_reach_check_name(&list, "[::1]:80", &err), -1);
	expect_ok(rec_reach_check_name(&list, "deb.debian.org:80", &err), &err);
	expect_ok(rec_reach_check_name(&list, "192.0.2.200:80", &err), &err);
	cfg_texts_done(&list);
}

static void what_a_socket_says_is_an_address(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) };
	const struct sockaddr other = { .sa_family = AF_UNIX };
	static const uint8_t want[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	uint8_t got[16];
	uint16_t port = 0;

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(io_address_of((const struct sockaddr *)&a, sizeof(a), got, &port));
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(port, 80);
	assert_false(io_address_of((const struct sockaddr *)&a, sizeof(a) - 1, got, &port));
	assert_false(io_address_of(&other, sizeof(other), got, &port));
	assert_true(io_address_is_own(want));
	assert_false(io_address_read("localhost", got));
	assert_false(io_address_read("", got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_told_apart_to_the_last_bit),
		cmocka_unit_test(names_that_mean_this_machine_or_its_cloud_are_known),
		cmocka_unit_test(host_and_port_of_a_url_are_as_lists_have_them),
		cmocka_unit_test(what_is_refused_names_the_key),
		cmocka_unit_test(what_a_socket_says_is_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
