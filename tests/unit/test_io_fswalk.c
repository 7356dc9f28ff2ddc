/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "io/fswalk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct heard {
	char text[4096];
	const char *stop_at;
};

static int hear(void *ctx, const struct io_walk_entry *e, struct ss_err *err)
{
	struct heard *h = ctx;
	char path[256];

	(void)snprintf(path, sizeof(path), "%.*s", (int)e->path.n, (const char *)e->path.p);
	(void)snprintf(h->text + strlen(h->text), sizeof(h->text) - strlen(h->text), "%s%s|", path,
		       S_ISDIR(e->st->st_mode) ? "/" : "");
	if (h->stop_at != NULL && strcmp(path, h->stop_at) == 0)
		return ss_fail(err, SS_EINPUT, "stop");
	return 0;
}

static void make(char *top)
{
	static const char *const dirs[] = { "b", "b/z", "b/z/y", "B", "a-", "a" };
	static const char *const files[] = { "b/z/f", "b/1", "a/x", "a-/x", "a.", "\xff", "Z" };
	char path[256];

	assert_non_null(mkdtemp(top));
	for (size_t i = 0; i < SS_NELEMS(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", top, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (size_t i = 0; i < SS_NELEMS(files); i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "%s/%s", top, files[i]);
		fd = open(path, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		(void)close(fd);
	}
	(void)snprintf(path, sizeof(path), "%s/a/up", top);
	assert_int_equal(symlink("..", path), 0);
}

static void drop(const char *top)
{
	static const char *const all[] = { "b/z/f", "b/1", "a/x", "a-/x", "a.", "\xff", "Z", "a/up",
					   "b/z/y", "b/z", "b",   "B",    "a-", "a",    "" };
	char path[256];

	for (size_t i = 0; i < SS_NELEMS(all); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", top, all[i]);
		(void)remove(path);
	}
}

static void the_order_is_that_of_the_bytes_and_links_are_not_followed(void **state)
{
	char top[] = "/tmp/selfsame-walk-XXXXXX";
	struct heard h = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	make(top);
	expect_ok(io_walk(top, hear, &h, &err), &err);
	assert_string_equal(h.text,
			    "/|B/|Z|a/|a/up|a/x|a-/|a-/x|a.|b/|b/1|b/z/|b/z/f|b/z/y/|\xff|");
	drop(top);
}

static void an_entry_that_fails_ends_the_walk_with_its_path(void **state)
{
	char top[] = "/tmp/selfsame-walk-XXXXXX";
	struct heard h = { .stop_at = "b/z" };
	struct ss_err err = { 0 };

	(void)state;
	make(top);
	expect_fails(io_walk(top, hear, &h, &err), &err, SS_EINPUT, "'b/z': stop");
	assert_string_equal(h.text, "/|B/|Z|a/|a/up|a/x|a-/|a-/x|a.|b/|b/1|b/z/|");
	drop(top);
}

/* Between the walk's look and the open the file may have been changed for another. */
static int swap(void *ctx, const struct io_walk_entry *e, struct ss_err *err)
{
	int fd = -1;

	(void)ctx;
	if (e->path.n != 1 || e->path.p[0] != 'Z')
		return 0;
	expect_ok(io_walk_open(e, &fd, err), err);
	(void)close(fd);
	assert_int_equal(renameat(e->dir, "a.", e->dir, "Z"), 0);
	expect_fails(io_walk_open(e, &fd, err), err, SS_EINPUT, "changed while it was being read");
	assert_int_equal(unlinkat(e->dir, "Z", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", e->dir, "Z"), 0);
	assert_int_equal(io_walk_open(e, &fd, err), -1);
	assert_int_equal(err->code, SS_ESYS);
	return -1;
}

static void only_the_file_that_was_seen_is_opened(void **state)
{
	char top[] = "/tmp/selfsame-walk-XXXXXX";
	struct ss_err err = { 0 };

	(void)state;
	make(top);
	assert_int_equal(io_walk(top, swap, NULL, &err), -1);
	assert_int_equal(err.code, SS_ESYS);
	drop(top);
}

static void what_is_not_a_folder_is_said(void **state)
{
	struct heard h = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(io_walk("/nonexistent", hear, &h, &err), &err, SS_ESYS,
		     "cannot open '/nonexistent': No such file or directory");
	expect_fails(io_walk("/etc/passwd", hear, &h, &err), &err, SS_ESYS,
		     "cannot open '/etc/passwd': Not a directory");
	assert_string_equal(h.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_is_that_of_the_bytes_and_links_are_not_followed),
		cmocka_unit_test(an_entry_that_fails_ends_the_walk_with_its_path),
		cmocka_unit_test(only_the_file_that_was_seen_is_opened),
		cmocka_unit_test(what_is_not_a_folder_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
