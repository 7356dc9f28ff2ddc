/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "launch/run_policy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/policy-XXXXXX";
static char path[64];

static int make(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/run.toml", dir);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void put(const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void run_policy_production_refuses_debug_mode_and_nothing_else(void **state)
{
	struct run_policy p = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(run_policy_check_debug(&p, true, &err), &err);
	put("# this host\npolicy = \"production\"\n");
	expect_ok(run_policy_add(&p, path, true, &err), &err);
	expect_ok(run_policy_check_debug(&p, false, &err), &err);
	expect_fails(run_policy_check_debug(&p, true, &err), &err, SS_EUSAGE,
		     "--debug: this host's policy is \"production\"");
	assert_non_null(strstr(err.hint, "PCR0 to PCR2 are zero"));
}

static void run_policy_a_second_file_cannot_loosen_the_first(void **state)
{
	struct run_policy p = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	put("policy = \"production\"\n");
	expect_ok(run_policy_add(&p, path, true, &err), &err);
	put("policy = \"development\"\n");
	expect_ok(run_policy_add(&p, path, true, &err), &err);
	assert_true(p.production);
	put("");
	expect_ok(run_policy_add(&p, path, true, &err), &err);
	assert_true(p.production);
}

static void run_policy_a_file_that_says_something_else_is_refused(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "\npolicy = \"prod\"\n", "line 2: policy is \"production\" or \"development\"" },
		{ "policy = true\n", "line 1: policy is \"production\" or \"development\"" },
		{ "policy = [\"production\"]\n",
		  "line 1: policy is \"production\" or \"development\"" },
		{ "debug = false\n", "line 1: unknown key 'debug'; the one there is is 'policy'" },
		{ "[policy]\nx = 1\n", "line 1: policy is \"production\" or \"development\"" },
	};
	char want[200];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct run_policy p = { 0 };
		struct ss_err err = { 0 };

		put(cases[i].text);
		(void)snprintf(want, sizeof(want), "'%s': %s", path, cases[i].msg);
		expect_fails(run_policy_add(&p, path, true, &err), &err, SS_EINPUT, want);
		assert_false(p.production);
	}
}

static void run_policy_only_a_file_that_was_asked_for_must_be_there(void **state)
{
	struct run_policy p = { 0 };
	struct ss_err err = { 0 };
	char want[200];

	(void)state;
	(void)unlink(path);
	expect_ok(run_policy_add(&p, path, false, &err), &err);
	expect_ok(run_policy_add(&p, "/dev/null/run.toml", false, &err), &err);
	(void)snprintf(want, sizeof(want), "cannot open '%s': No such file or directory", path);
	expect_fails(run_policy_add(&p, path, true, &err), &err, SS_ESYS, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_policy_production_refuses_debug_mode_and_nothing_else),
		cmocka_unit_test(run_policy_a_second_file_cannot_loosen_the_first),
		cmocka_unit_test(run_policy_a_file_that_says_something_else_is_refused),
		cmocka_unit_test(run_policy_only_a_file_that_was_asked_for_must_be_there),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
