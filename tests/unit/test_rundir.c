/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/tmp/rundir-XXXXXX";
static char path[64];

static int make(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL || setenv("XDG_RUNTIME_DIR", top, 1) != 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/selfsame", top);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	(void)rmdir(path);
	return rmdir(top);
}

static struct rundir open_it(void)
{
	struct rundir d = RUNDIR_NONE;
	struct ss_err err = { 0 };

	expect_ok(rundir_open(&d, &err), &err);
	return d;
}

static bool there(const char *name)
{
	char file[200];

	(void)snprintf(file, sizeof(file), "%s/%s", path, name);
	return access(file, F_OK) == 0;
}

static void rundir_names_are_letters_digits_and_signs(void **state)
{
	char name[RUNDIR_MAX_NAME + 2];

	(void)state;
	for (int c = 1; c < 256; c++) {
		const bool letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		const bool sign = c == '-' || c == '_' || c == '.';

		assert_int_equal(rundir_is_name((const char[]){ (char)c, '\0' }), letter);
		assert_int_equal(rundir_is_name((const char[]){ 'a', (char)c, '\0' }),
				 letter || sign);
	}
	assert_false(rundir_is_name(""));
	memset(name, 'n', sizeof(name));
	name[RUNDIR_MAX_NAME + 1] = '\0';
	assert_false(rundir_is_name(name));
	name[RUNDIR_MAX_NAME] = '\0';
	assert_true(rundir_is_name(name));
}

static void rundir_a_files_name_always_suggests_one(void **state)
{
	static const struct {
		const char *file, *name;
	} cases[] = {
		{ "hello.eif", "hello" },
		{ "/a/b.c/x y.eif", "x-y" },
		{ "/", "e" },
		{ "", "e" },
		{ ".eif", "eif" },
		{ "..", "e" },
		{ "-_.a", "a" },
		{ "\xc3\xa4pfel.eif", "pfel" },
		{ "a\x1b[1m.eif", "a--1m" },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789",
		  "0123456789012345678901234567890123456789012345678901234567890123" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		char name[RUNDIR_MAX_NAME + 1];

		rundir_name_of(cases[i].file, name);
		assert_string_equal(name, cases[i].name);
		assert_true(rundir_is_name(name));
	}
}

static void rundir_a_name_and_an_address_are_one_claims(void **state)
{
	AUTO_RUNDIR struct rundir d = open_it();
	struct rundir_claim a = RUNDIR_CLAIM_NONE, b = RUNDIR_CLAIM_NONE, c = RUNDIR_CLAIM_NONE;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(rundir_claim_name(&d, "app", true, &a, &err), &err);
	expect_fails(rundir_claim_name(&d, "app", true, &b, &err), &err, SS_EUSAGE,
		     "an enclave named 'app' is running");
	expect_ok(rundir_claim_name(&d, "app", false, &b, &err), &err);
	assert_string_equal(b.name, "app-2");
	expect_ok(rundir_claim_name(&d, "app", false, &c, &err), &err);
	assert_string_equal(c.name, "app-3");
	expect_ok(rundir_claim_cid(&a, 0, &err), &err);
	assert_int_equal(a.cid, RUNDIR_FIRST_CID);
	expect_ok(rundir_claim_cid(&b, 4000000000u, &err), &err);
	expect_fails(rundir_claim_cid(&c, 4000000000u, &err), &err, SS_EUSAGE,
		     "CID 4000000000 is taken by another enclave");
	expect_ok(rundir_claim_cid(&c, 0, &err), &err);
	assert_int_equal(c.cid, RUNDIR_FIRST_CID + 1);
	rundir_unclaim(&a);
	assert_false(there("app.lock") || there("cid-16"));
	expect_ok(rundir_claim_name(&d, "app", true, &a, &err), &err);
	expect_ok(rundir_claim_cid(&a, 0, &err), &err);
	assert_int_equal(a.cid, RUNDIR_FIRST_CID);
	rundir_unclaim(&a);
	rundir_unclaim(&b);
	rundir_unclaim(&c);
	rundir_unclaim(&c); /* once more does nothing */
}

static void rundir_a_name_that_is_none_is_refused_with_a_hint(void **state)
{
	AUTO_RUNDIR struct rundir d = open_it();
	struct rundir_claim a = RUNDIR_CLAIM_NONE;
	struct ss_err err = { 0 };
	int fd = 5;

	(void)state;
	expect_fails(rundir_claim_name(&d, "../x", true, &a, &err), &err, SS_EUSAGE,
		     "'../x' is no name for an enclave");
	assert_string_equal(err.hint, "letters, digits, '-', '_' and '.', at most 64 of them");
	assert_int_equal(a.lock, -1);
	expect_ok(rundir_call("../x", &fd, &err), &err);
	assert_int_equal(fd, -1);
}

static void rundir_the_living_are_listed_and_reached(void **state)
{
	AUTO_RUNDIR struct rundir d = open_it();
	struct rundir_claim a = RUNDIR_CLAIM_NONE, b = RUNDIR_CLAIM_NONE;
	struct rundir_names names = { 0 };
	struct ss_err err = { 0 };
	int la = -1, lb = -1, fd = -1;

	(void)state;
	expect_ok(rundir_claim_name(&d, "zebra", true, &a, &err), &err);
	expect_ok(rundir_claim_name(&d, "ape", true, &b, &err), &err);
	expect_ok(rundir_listen(&a, &la, &err), &err);
	expect_ok(rundir_listen(&b, &lb, &err), &err);
	expect_ok(rundir_list(&names, &err), &err);
	assert_true(names.n >= 2); /* root sees the system's as well */
	for (size_t i = 1; i < names.n; i++)
		assert_true(strcmp(names.v[i - 1], names.v[i]) < 0);
	rundir_names_done(&names);
	expect_ok(rundir_call("zebra", &fd, &err), &err);
	assert_true(fd >= 0);
	ss_closep(&fd);
	expect_ok(rundir_call("gnu", &fd, &err), &err);
	assert_int_equal(fd, -1);
	ss_closep(&la);
	ss_closep(&lb);
	rundir_unclaim(&a);
	rundir_unclaim(&b);
}

/* A supervisor that ends without a word: its files stay, its locks do not. */
static void die_with(const char *name)
{
	const pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rundir d = RUNDIR_NONE;
		struct rundir_claim c = RUNDIR_CLAIM_NONE;
		struct ss_err err = { 0 };
		int fd;

		_exit(rundir_open(&d, &err) < 0 ||
		      rundir_claim_name(&d, name, true, &c, &err) < 0 ||
		      rundir_claim_cid(&c, 77, &err) < 0 || rundir_listen(&c, &fd, &err) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void rundir_what_the_dead_left_is_removed(void **state)
{
	AUTO_RUNDIR struct rundir d = open_it();
	struct rundir_claim a = RUNDIR_CLAIM_NONE;
	struct rundir_names names = { 0 };
	struct ss_err err = { 0 };
	int fd = -1;

	(void)state;
	die_with("dead");
	assert_true(there("dead.sock") && there("dead.lock") && there("cid-77"));
	expect_ok(rundir_call("dead", &fd, &err), &err);
	assert_int_equal(fd, -1);
	assert_false(there("dead.sock") || there("dead.lock"));
	die_with("dead");
	expect_ok(rundir_list(&names, &err), &err);
	for (size_t i = 0; i < names.n; i++)
		assert_string_not_equal(names.v[i], "dead");
	rundir_names_done(&names);
	assert_false(there("dead.sock"));
	die_with("dead");
	expect_ok(rundir_claim_name(&d, "dead", true, &a, &err), &err);
	assert_false(there("dead.sock")); /* its own comes with rundir_listen() */
	expect_ok(rundir_claim_cid(&a, 77, &err), &err);
	rundir_unclaim(&a);
	assert_false(there("cid-77"));
}

static void rundir_a_folder_that_others_may_enter_is_refused(void **state)
{
	struct rundir d = RUNDIR_NONE;
	struct ss_err err = { 0 };
	char want[200];

	(void)state;
	for (unsigned mode = 0701; mode <= 0770; mode += 7) {
		assert_int_equal(chmod(path, mode), 0);
		(void)snprintf(want, sizeof(want),
			       "others may enter '%s' (its mode is %04o, not 0700)", path, mode);
		if ((mode & 077) != 0)
			expect_fails(rundir_open(&d, &err), &err, SS_ESYS, want);
	}
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/tmp", path), 0);
	(void)snprintf(want, sizeof(want), "cannot open the folder '%s': Not a directory", path);
	expect_fails(rundir_open(&d, &err), &err, SS_ESYS, want);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(d.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rundir_names_are_letters_digits_and_signs),
		cmocka_unit_test(rundir_a_files_name_always_suggests_one),
		cmocka_unit_test(rundir_a_name_and_an_address_are_one_claims),
		cmocka_unit_test(rundir_a_name_that_is_none_is_refused_with_a_hint),
		cmocka_unit_test(rundir_the_living_are_listed_and_reached),
		cmocka_unit_test(rundir_what_the_dead_left_is_removed),
		cmocka_unit_test(rundir_a_folder_that_others_may_enter_is_refused),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
