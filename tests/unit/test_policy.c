/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy may not say, with exact messages: tests/cli/policy-add.t. */
#include "config/policy.h"
#include "expect.h"

#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static struct att_part part(const char *name, uint8_t fill)
{
	struct att_part p = { .size = fill };

	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	memset(p.sha384, fill, sizeof(p.sha384));
	return p;
}

static void what_is_written_is_read_back(void **state)
{
	const struct att_part parts[] = { part("kernel", 1), part("cmdline", 2),
					  part("ramdisk0", 3), part("ramdisk31", 4) };
	struct att_release r = { .has_pcr8 = true, .parts = parts, .n_parts = 4 };
	const struct att_entry e = { "1.4.2", "a \"note\"\\", "2026-11-21", "2026-11-21T10:30:00Z",
				     &r };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	AUTO_POLICY struct cfg_policy p = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	memset(r.pcr, 0x5a, sizeof(r.pcr));
	memset(r.pcr8, 0xa5, sizeof(r.pcr8));
	cfg_policy_put(&e, &b);
	expect_ok(cfg_policy_read(ss_buf_span(&b), &p, &err), &err);
	assert_int_equal(p.release_rows.n, 1);
	assert_string_equal(p.releases[0].name, "1.4.2");
	assert_string_equal(p.releases[0].note, "a \"note\"\\");
	assert_true(p.releases[0].has_not_before && p.releases[0].has_not_after);
	assert_int_equal(p.releases[0].not_before, 1795219200);
	assert_int_equal(p.releases[0].not_after, 1795219200 + 10 * 3600 + 30 * 60);
	assert_memory_equal(p.releases[0].pcr, r.pcr, sizeof(r.pcr));
	assert_true(p.releases[0].has_pcr8);
	assert_memory_equal(p.releases[0].pcr8, r.pcr8, sizeof(r.pcr8));
	assert_int_equal(p.releases[0].n_parts, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(p.releases[0].parts[i].name, parts[i].name);
		assert_true(p.releases[0].parts[i].size == parts[i].size);
		assert_memory_equal(p.releases[0].parts[i].sha384, parts[i].sha384, 48);
	}
	assert_false(p.releases[0].kernel_known); /* a file cannot say so */
}

static void everything_else_is_read(void **state)
{
	static const char all[] =
		"minimum_release = \"1.4\"\nmax_age = 300\nnonce = true\n"
		"min_rebuilders = 0\nrole = \"arn:x\"\ninstance = \"i-1\"\n"
		"[[pcr]]\nindex = 16\nvalue = \"00000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000000000000000000001\"\n"
		"[[signer]]\ncertificate = \"c.pem\"\n";
	AUTO_POLICY struct cfg_policy p = { 0 };
	const struct cfg_policy_register *g;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(cfg_policy_read(text(all), &p, &err), &err);
	assert_string_equal(p.minimum, "1.4");
	assert_int_equal(p.max_age, 300);
	assert_true(p.nonce);
	assert_string_equal(p.role, "arn:x");
	assert_string_equal(p.instance, "i-1");
	assert_int_equal(p.registers.n, 1);
	g = p.registers.v;
	assert_int_equal(g->index, 16);
	assert_int_equal(g->value[47], 1);
	assert_int_equal(p.signers.n, 1);
	assert_int_equal(p.release_rows.n, 0);
}

static void truncated_at_every_byte_it_is_refused_or_says_less(void **state)
{
	struct att_release r = { 0 };
	const struct att_entry e = { "1", NULL, NULL, NULL, &r };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);

	(void)state;
	cfg_policy_put(&e, &b);
	for (size_t n = 0; n < b.n; n++) {
		AUTO_FREE uint8_t *cut = ss_calloc(n > 0 ? n : 1, 1);
		AUTO_POLICY struct cfg_policy p = { 0 };
		struct ss_err err = { 0 };

		memcpy(cut, b.p, n);
		if (cfg_policy_read((struct ss_span){ cut, n }, &p, &err) < 0)
			assert_true(err.msg[0] != '\0');
		else /* before the first header, or with all but the last newline */
			assert_true(p.release_rows.n == 0 || n + 1 == b.n);
	}
}

static void names_that_stand_for_no_part_are_refused(void **state)
{
	static const char *const bad[] = { "ramdisk", "ramdisk100", "ramdiskx", "Kernel",
					   "metadata" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		AUTO_POLICY struct cfg_policy p = { 0 };
		struct ss_err err = { 0 };
		char toml[128];

		(void)snprintf(toml, sizeof(toml), "[[release]]\n[[release.part]]\ntype = \"%s\"\n",
			       bad[i]);
		expect_fails(cfg_policy_read(text(toml), &p, &err), &err, SS_EINPUT,
			     "line 3: 'release.part.type' must be kernel, cmdline, ramdisk0, "
			     "ramdisk1 …");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(everything_else_is_read),
		cmocka_unit_test(truncated_at_every_byte_it_is_refused_or_says_less),
		cmocka_unit_test(names_that_stand_for_no_part_are_refused),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
