/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/cbor.h"
#include "measured_sample.h"

#include <stdio.h>
#include <string.h>

static void assert_text(struct ss_span s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void measured_config_reads_back_what_was_written(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c;
	struct mc_ingress in;
	struct mc_secret secret;
	struct ss_span one, two, three;
	struct ss_err err = { 0 };
	uint32_t group;

	(void)state;
	sample_init(&s);
	mc_write(&s.c, &b);
	expect_ok(mc_read(ss_buf_span(&b), &c, &err), &err);
	assert_int_equal(c.entries, 3);
	assert_int_equal(c.bytes, 12345);
	assert_int_equal(c.pages, 4);
	assert_int_equal(c.uid, 1000);
	assert_int_equal(c.gid, 1001);
	assert_int_equal(c.stop_signal, 15);
	assert_false(c.new_privileges);
	assert_true(c.nsm);
	assert_text(c.cwd, "/srv");
	assert_int_equal(c.argv.n, 2);
	assert_true(mc_next_string(&c.argv, &one));
	assert_text(one, "/bin/hello");
	assert_true(mc_next_string(&c.argv, &one));
	assert_text(one, "not\xff"
			 "utf8");
	assert_false(mc_next_string(&c.argv, &one));
	assert_true(mc_next_string(&c.env, &one));
	assert_text(one, "PATH=/bin");
	assert_true(mc_next_uint(&c.groups, &group));
	assert_true(mc_next_uint(&c.groups, &group));
	assert_int_equal(group, 1000);
	assert_false(mc_next_uint(&c.groups, &group));
	assert_true(mc_next_ingress(&c.ingress, &in));
	assert_int_equal(in.port, 443);
	assert_int_equal(in.to, 8080);
	assert_int_equal(in.tls, MC_TLS_ATTESTED);
	assert_false(in.udp);
	assert_true(in.proxy);
	assert_true(in.http);
	assert_true(mc_next_string(&in.alpn, &one));
	assert_text(one, "h2");
	assert_true(mc_next_string(&in.alpn, &one));
	assert_text(one, "http/1.1");
	assert_false(mc_next_string(&in.alpn, &one));
	assert_true(mc_next_ingress(&c.ingress, &in));
	assert_int_equal(in.port, 443);
	assert_int_equal(in.to, 53);
	assert_true(in.udp);
	assert_false(in.proxy);
	assert_false(in.http);
	assert_int_equal(in.alpn.n, 0);
	assert_false(mc_next_ingress(&c.ingress, &in));
	assert_true(mc_next_string(&c.egress, &one));
	assert_text(one, "*.example.com:443");
	assert_true(mc_next_string(&c.egress, &one));
	assert_text(one, "10.0.0.0/8:*");
	assert_false(mc_next_string(&c.egress, &one));
	assert_true(mc_next_secret(&c.secrets, &secret));
	assert_text(secret.name, "DB_PASSWORD");
	assert_int_equal(secret.from.n, 32);
	assert_int_equal(secret.from.p[31], 9);
	assert_true(secret.required);
	assert_false(secret.file);
	assert_true(mc_next_secret(&c.secrets, &secret));
	assert_text(secret.name, "tls_key");
	assert_false(secret.required);
	assert_true(secret.file);
	assert_false(mc_next_secret(&c.secrets, &secret));
	assert_int_equal(c.health.check, MC_CHECK_HTTP);
	assert_int_equal(c.health.port, 8080);
	assert_int_equal(c.health.interval_ms, 10000);
	assert_int_equal(c.health.timeout_ms, 5000);
	assert_int_equal(c.health.failures, 3);
	assert_text(c.health.path, "/healthz?a=%20");
	assert_int_equal(c.restart, MC_RESTART_ON_FAILURE);
	assert_int_equal(c.grace_ms, 2500);
	assert_int_equal(c.clock_ms, 250);
	assert_true(c.logs);
	assert_true(mc_next_xattr(&c.xattrs, &one, &two, &three));
	assert_text(one, "rootfs/bin/ping");
	assert_text(two, "security.capability");
	assert_int_equal(three.n, 4);
	assert_false(mc_next_xattr(&c.xattrs, &one, &two, &three));
}

static void measured_config_truncated_at_every_byte_is_refused(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c;
	struct ss_err err = { 0 };

	(void)state;
	sample_init(&s);
	mc_write(&s.c, &b);
	for (size_t n = 0; n < b.n; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);

		memcpy(copy, b.p, n);
		assert_int_equal(mc_read((struct ss_span){ copy, n }, &c, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
	}
}

/* Every other value of every byte: refused, or read as something that writes back to these bytes.
 */
static void measured_config_has_one_encoding_for_each_value(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(MC_MAX_SIZE);
	struct ss_err err = { 0 };

	(void)state;
	sample_init(&s);
	mc_write(&s.c, &b);
	for (size_t i = 0; i < b.n; i++) {
		const uint8_t was = b.p[i];

		for (unsigned v = 0; v < 256; v++) {
			AUTO_BUF struct ss_buf again = SS_BUF_INIT(MC_MAX_SIZE);
			struct mc_config c;

			b.p[i] = (uint8_t)v;
			if (mc_read(ss_buf_span(&b), &c, &err) < 0)
				continue;
			mc_write(&c, &again);
			assert_int_equal(again.n, b.n);
			assert_memory_equal(again.p, b.p, b.n);
		}
		b.p[i] = was;
	}
}

static void measured_config_numbers_out_of_range_are_refused(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	struct mc_config c;

	(void)state;
	sample_init(&s);
	c = s.c;
	c.version = 2;
	expect_refused(&c, SS_EINPUT, "measured config: a version this runtime does not know");
	c = s.c;
	c.uid = MC_ID_MAX + 1;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.gid = UINT32_MAX;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.stop_signal = 0;
	expect_refused(&c, SS_EINPUT, "measured config: signal 0");
	c.stop_signal = 65;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.pages = UINT64_MAX;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.restart = (enum mc_restart)3;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.grace_ms = MC_MAX_GRACE_MS;
	expect_taken(&c);
	c.grace_ms++;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
	c = s.c;
	c.clock_ms = MC_MAX_CLOCK_MS;
	expect_taken(&c);
	c.clock_ms++;
	expect_refused(&c, SS_EINPUT, "measured config: an integer over its limit");
}

static void measured_config_strings_that_cannot_be_used_are_refused(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	AUTO_FREE uint8_t *big = ss_calloc(MC_MAX_STRING, 1);
	struct mc_config c;

	(void)state;
	sample_init(&s);
	c = s.c;
	c.argv = (struct mc_list){ .n = 0 };
	expect_refused(&c, SS_EINPUT, "measured config: no argument at all");
	mc_put_string(&raw, text(""));
	c.argv = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: an empty program name");
	raw.n = 0;
	mc_put_string(&raw, (struct ss_span){ (const uint8_t *)"a\0b", 3 });
	c.argv = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: a string with a NUL inside");
	raw.n = 0;
	memset(big, 'a', MC_MAX_STRING);
	mc_put_string(&raw, (struct ss_span){ big, MC_MAX_STRING - 1 });
	c.argv = list(&raw, 1);
	expect_taken(&c);
	raw.n = 0;
	mc_put_string(&raw, (struct ss_span){ big, MC_MAX_STRING });
	c.argv = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: a string over its limit");
	c = s.c;
	raw.n = 0;
	mc_put_string(&raw, text("=value"));
	c.env = list(&raw, 1);
	expect_refused(&c, SS_EINPUT,
		       "measured config: an environment entry that is not NAME=value");
	c = s.c;
	c.cwd = text("srv");
	expect_refused(&c, SS_EINPUT,
		       "measured config: a working directory that is not an absolute path");
}

static void measured_config_lists_over_their_limits_are_refused(void **state)
{
	SS_CLEANUP(sample_done) struct sample s = { 0 };
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	struct mc_config c;

	(void)state;
	sample_init(&s);
	for (unsigned i = 0; i < MC_MAX_STRINGS - 1; i++)
		mc_put_string(&raw, text("a"));
	c = s.c;
	c.argv = list(&raw, MC_MAX_STRINGS - 1);
	expect_taken(&c);
	mc_put_string(&raw, text("a"));
	c.argv = list(&raw, MC_MAX_STRINGS);
	expect_refused(&c, SS_EINPUT,
		       "measured config: too many arguments and environment entries");
	raw.n = 0;
	for (unsigned i = 0; i < MC_MAX_GROUPS + 1; i++)
		mc_put_uint(&raw, i);
	c = s.c;
	c.groups = list(&raw, MC_MAX_GROUPS + 1);
	expect_refused(&c, SS_EINPUT, "measured config: too many groups");
	raw.n = 0;
	mc_put_xattr(&raw, text("../x"), text("security.capability"), text("v"));
	c = s.c;
	c.xattrs = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: an attribute of no valid name");
	raw.n = 0;
	mc_put_xattr(&raw, text("rootfs/x"), text("user.x"), text("v"));
	c.xattrs = list(&raw, 1);
	expect_refused(&c, SS_EINPUT, "measured config: an attribute that is not carried");
}

static void measured_config_over_its_size_is_refused_by_size(void **state)
{
	AUTO_FREE uint8_t *big = ss_calloc(MC_MAX_SIZE + 1, 1);
	struct mc_config c;
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(mc_read((struct ss_span){ big, MC_MAX_SIZE + 1 }, &c, &err), &err, SS_ELIMIT,
		     "measured config: 1048577 bytes; the limit is 1048576");
}

static void memory_need_grows_with_every_part_and_never_wraps(void **state)
{
	const uint64_t base = mc_memory_need(4000000, 1000000, 100, 1000);

	(void)state;
	assert_true(mc_memory_need(4000001, 1000000, 100, 1000) > base);
	assert_true(mc_memory_need(4000000, 1000001, 100, 1000) > base);
	assert_true(mc_memory_need(4000000, 1000000, 101, 1000) > base);
	assert_true(mc_memory_need(4000000, 1000000, 100, 1001) > base);
	assert_true(base > 1000000 + mc_tree_need(100, 1000));
	assert_true(mc_memory_need(0, 0, UINT64_MAX, 0) == UINT64_MAX);
	assert_true(mc_memory_need(0, 0, 0, UINT64_MAX) == UINT64_MAX);
	assert_true(mc_memory_need(UINT64_MAX, 0, 0, 0) == UINT64_MAX);
	assert_true(mc_memory_need(0, UINT64_MAX, 0, 0) == UINT64_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(measured_config_reads_back_what_was_written),
		cmocka_unit_test(measured_config_truncated_at_every_byte_is_refused),
		cmocka_unit_test(measured_config_has_one_encoding_for_each_value),
		cmocka_unit_test(measured_config_numbers_out_of_range_are_refused),
		cmocka_unit_test(measured_config_strings_that_cannot_be_used_are_refused),
		cmocka_unit_test(measured_config_lists_over_their_limits_are_refused),
		cmocka_unit_test(measured_config_over_its_size_is_refused_by_size),
		cmocka_unit_test(memory_need_grows_with_every_part_and_never_wraps),
	};

	return cmocka_run_group_tests_name("measured", tests, NULL, NULL);
}
