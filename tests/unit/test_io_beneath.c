/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "io/beneath.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/selfsame-test-XXXXXX";
static int top = -1; /* folder, with `out` and `tree` in it */

static size_t count(const char *name)
{
	const int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

/* A new empty tree beside the folder that nothing may reach. */
static void begin(struct io_beneath *b, bool portable)
{
	struct ss_err err = { 0 };
	int fd = -1;

	expect_ok(io_folder_fresh(top, "out", &fd, &err), &err);
	(void)close(fd);
	expect_ok(io_folder_fresh(top, "tree", &fd, &err), &err);
	io_beneath_init(b, fd);
	b->portable = portable;
}

static void put(struct io_beneath *b, const char *path, const char *text)
{
	struct ss_err err = { 0 };
	int fd = -1;

	expect_ok(io_beneath_file(b, path, 0640, &fd, &err), &err);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void have(const char *path, const char *text)
{
	char got[64] = "";
	const int fd = openat(top, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, got, sizeof(got) - 1) >= 0);
	(void)close(fd);
	assert_string_equal(got, text);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(top, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode;
}

static void things_are_made_with_exact_permissions(void **state)
{
	(void)state;
	for (int portable = 0; portable < 2; portable++) {
		AUTO_BENEATH struct io_beneath b = IO_BENEATH_NONE;
		const mode_t old = umask(portable ? 077 : 0);
		char target[8] = "";
		struct ss_err err = { 0 };
		struct stat st;

		begin(&b, portable);
		put(&b, "f", "one");
		put(&b, "a/b/c", "two"); /* parents appear */
		expect_ok(io_beneath_folder(&b, "a/d", 0775, &err), &err);
		expect_ok(io_beneath_symlink(&b, "a/l", "../f", &err), &err);
		expect_ok(io_beneath_mtime(&b, "a/l", 77, &err), &err);
		expect_ok(io_beneath_mtime(&b, "a/nothing", 77, &err), &err);
		(void)umask(old);
		assert_int_equal(mode_of("tree/f"), S_IFREG | 0640);
		assert_int_equal(mode_of("tree/a"), S_IFDIR | 0755);
		assert_int_equal(mode_of("tree/a/b"), S_IFDIR | 0755);
		assert_int_equal(mode_of("tree/a/d"), S_IFDIR | 0775);
		assert_int_equal(readlinkat(top, "tree/a/l", target, sizeof(target)), 4);
		assert_string_equal(target, "../f");
		assert_int_equal(fstatat(top, "tree/a/l", &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_mtime, 77);
		have("tree/f", "one");
		have("tree/a/b/c", "two");
	}
}

static void paths_that_are_not_plain_are_refused(void **state)
{
	static const char *const bad[] = {
		"",     "/",    "/x",    "..",     ".",  "../x",
		"a/..", "a//b", "a/./b", "a/../b", "a/", "a/b/../../../x"
	};

	(void)state;
	for (size_t i = 0; i < 2 * SS_NELEMS(bad); i++) {
		AUTO_BENEATH struct io_beneath b = IO_BENEATH_NONE;
		const char *path = bad[i / 2];
		struct ss_err err = { 0 };
		char want[128];
		int fd = -1;

		begin(&b, i % 2 == 1);
		put(&b, "a/b", "");
		(void)snprintf(want, sizeof(want), "'%s' is no path below a folder", path);
		expect_fails(io_beneath_file(&b, path, 0600, &fd, &err), &err, SS_EINPUT, want);
		expect_fails(io_beneath_folder(&b, path, 0700, &err), &err, SS_EINPUT, want);
		expect_fails(io_beneath_symlink(&b, path, "x", &err), &err, SS_EINPUT, want);
		assert_int_equal(count("out"), 0);
		assert_int_equal(count("tree"), 1);
	}
}

/* The classic: a link first, then a file through it. */
static void links_are_never_followed(void **state)
{
	static const char *const targets[] = { "../out", "..", "/tmp", "real", "a/l2" };

	(void)state;
	for (size_t i = 0; i < 2 * SS_NELEMS(targets); i++) {
		AUTO_BENEATH struct io_beneath b = IO_BENEATH_NONE;
		struct ss_err err = { 0 };
		int fd = -1;

		begin(&b, i % 2 == 1);
		expect_ok(io_beneath_folder(&b, "real", 0755, &err), &err);
		expect_ok(io_beneath_folder(&b, "a", 0755, &err), &err);
		expect_ok(io_beneath_symlink(&b, "a/l2", "../../out", &err), &err);
		expect_ok(io_beneath_symlink(&b, "l", targets[i / 2], &err), &err);
		expect_fails(io_beneath_file(&b, "l/x", 0600, &fd, &err), &err, SS_EINPUT,
			     "'l/x' lies below something that is not a folder");
		expect_fails(io_beneath_file(&b, "l/y/x", 0600, &fd, &err), &err, SS_EINPUT,
			     "'l/y/x' lies below something that is not a folder");
		expect_fails(io_beneath_folder(&b, "a/l2/x", 0755, &err), &err, SS_EINPUT,
			     "'a/l2/x' lies below something that is not a folder");
		/* the link itself may be replaced, and nothing behind it is touched */
		put(&b, "l", "file");
		assert_int_equal(mode_of("tree/l"), S_IFREG | 0640);
		expect_ok(io_beneath_folder(&b, "a/l2", 0755, &err), &err);
		put(&b, "a/l2/x", "inside");
		assert_int_equal(count("out"), 0);
		assert_int_equal(count("tree/real"), 0);
		have("tree/a/l2/x", "inside");
	}
}

/* A folder that is remembered and then becomes a link must be looked at again. */
static void a_remembered_folder_is_forgotten_when_it_is_replaced(void **state)
{
	(void)state;
	for (int portable = 0; portable < 2; portable++) {
		AUTO_BENEATH struct io_beneath b = IO_BENEATH_NONE;
		struct ss_err err = { 0 };
		int fd = -1;

		begin(&b, portable);
		expect_ok(io_beneath_folder(&b, "d/e", 0755, &err), &err);
		expect_ok(io_beneath_mtime(&b, "d/e/none", 1, &err), &err); /* remembers d/e */
		expect_ok(io_beneath_symlink(&b, "d/e", "../../out", &err), &err);
		expect_fails(io_beneath_file(&b, "d/e/x", 0600, &fd, &err), &err, SS_EINPUT,
			     "'d/e/x' lies below something that is not a folder");
		expect_ok(io_beneath_folder(&b, "g", 0755, &err), &err);
		expect_ok(io_beneath_mtime(&b, "g/none", 1, &err), &err);
		expect_ok(io_beneath_symlink(&b, "g", "../out", &err), &err);
		expect_fails(io_beneath_file(&b, "g/x", 0600, &fd, &err), &err, SS_EINPUT,
			     "'g/x' lies below something that is not a folder");
		assert_int_equal(count("out"), 0);
	}
}

static void what_is_there_is_replaced(void **state)
{
	AUTO_BENEATH struct io_beneath b = IO_BENEATH_NONE;
	struct ss_err err = { 0 };
	int fd = -1;

	(void)state;
	begin(&b, false);
	put(&b, "f", "old");
	put(&b, "f", "new");
	have("tree/f", "new");
	expect_ok(io_beneath_folder(&b, "f", 0700, &err), &err);
	put(&b, "f/x", "kept");
	expect_ok(io_beneath_folder(&b, "f", 0711, &err), &err); /* again: its children stay */
	assert_int_equal(mode_of("tree/f"), S_IFDIR | 0711);
	have("tree/f/x", "kept");
	expect_fails(io_beneath_file(&b, "f", 0600, &fd, &err), &err, SS_EINPUT,
		     "'f' replaces a folder that is not empty");
	put(&b, "f/x", "");
	expect_fails(io_beneath_file(&b, "f/x/y", 0600, &fd, &err), &err, SS_EINPUT,
		     "'f/x/y' lies below something that is not a folder");
	expect_ok(io_beneath_folder(&b, "g", 0700, &err), &err);
	put(&b, "g", "empty folders go");
	have("tree/g", "empty folders go");
}

static void links_in_and_out_join_names(void **state)
{
	AUTO_BENEATH struct io_beneath b = IO_BENEATH_NONE;
	AUTO_CLOSE int side = -1;
	struct ss_err err = { 0 };
	bool there = true;
	struct stat st;

	(void)state;
	begin(&b, false);
	expect_ok(io_folder_fresh(top, "side", &side, &err), &err);
	expect_ok(io_beneath_link_in(&b, "x", side, "key", &there, &err), &err);
	assert_false(there);
	put(&b, "a/f", "text");
	expect_ok(io_beneath_link_out(&b, "a/f", side, "key", &err), &err);
	put(&b, "x", "replaced");
	expect_ok(io_beneath_link_in(&b, "x", side, "key", &there, &err), &err);
	assert_true(there);
	have("tree/x", "text");
	assert_int_equal(fstatat(top, "tree/x", &st, 0), 0);
	assert_int_equal(st.st_nlink, 3);
	expect_ok(io_folder_remove(top, "side", &err), &err);
}

static void deep_and_odd_trees_are_removed(void **state)
{
	struct ss_err err = { 0 };
	AUTO_CLOSE int fd = -1;
	int at;

	(void)state;
	expect_ok(io_folder_fresh(top, "deep", &fd, &err), &err);
	at = dup(fd);
	for (int i = 0; i < 3000; i++) {
		int next;

		assert_int_equal(mkdirat(at, i % 2 ? "~0" : "d", 0700), 0);
		assert_int_equal(mkdirat(at, "~1", 0), 0); /* cannot be entered */
		assert_int_equal(symlinkat("/tmp", at, "link"), 0);
		next = openat(at, i % 2 ? "~0" : "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		(void)close(at);
		at = next;
	}
	(void)close(at);
	expect_ok(io_folder_remove(top, "deep", &err), &err);
	assert_int_equal(faccessat(top, "deep", F_OK, 0), -1);
	expect_ok(io_folder_remove(top, "deep", &err), &err); /* absent is fine */
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return top >= 0 ? 0 : -1;
}

static int drop_folder(void **state)
{
	struct ss_err err = { 0 };

	(void)state;
	(void)close(top);
	return io_folder_remove(AT_FDCWD, folder, &err);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(things_are_made_with_exact_permissions),
		cmocka_unit_test(paths_that_are_not_plain_are_refused),
		cmocka_unit_test(links_are_never_followed),
		cmocka_unit_test(a_remembered_folder_is_forgotten_when_it_is_replaced),
		cmocka_unit_test(what_is_there_is_replaced),
		cmocka_unit_test(links_in_and_out_join_names),
		cmocka_unit_test(deep_and_odd_trees_are_removed),
	};

	return cmocka_run_group_tests_name("io_beneath", tests, make_folder, drop_folder);
}
