/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "runtime/etc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOSTS "127.0.0.1 localhost enclave\n::1 localhost ip6-localhost ip6-loopback enclave\n"
#define NO_RESOLVER "# no name can be asked for: [egress] allows none\n"

static char top[] = "/tmp/test_rt_etc.XXXXXX";
static int root = -1;

static int make_root(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	root = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : 0;
}

static void empty_dir(const char *name)
{
	const int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (unlinkat(fd, e->d_name, 0) < 0)
			(void)unlinkat(fd, e->d_name, AT_REMOVEDIR);
	if (d != NULL)
		(void)closedir(d);
}

static int clear(void **state)
{
	(void)state;
	empty_dir("etc");
	empty_dir("elsewhere");
	empty_dir(".");
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	(void)close(root);
	return rmdir(top);
}

static void put(const char *path, const char *text)
{
	const int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void set_time(const char *path, time_t seconds)
{
	const struct timespec t[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	assert_int_equal(utimensat(root, path, t, AT_SYMLINK_NOFOLLOW), 0);
}

static struct stat look(const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void holds(const char *path, const char *want)
{
	char text[512];
	const int fd = openat(root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, want);
	(void)close(fd);
}

static bool write_files(const char *resolver)
{
	struct ss_err err = { 0 };
	bool written = false;

	assert_int_equal(rt_etc_write(root, resolver, &written, &err), 0);
	return written;
}

static void etc_is_made_where_the_image_has_none(void **state)
{
	(void)state;
	set_time(".", 1000);
	(void)umask(077);
	assert_true(write_files("198.18.0.2"));
	holds("etc/hostname", "enclave\n");
	holds("etc/hosts", HOSTS);
	holds("etc/resolv.conf", "nameserver 198.18.0.2\n");
	assert_int_equal(look("etc/hosts").st_mode, S_IFREG | 0644);
	assert_int_equal(look("etc").st_mtime, 1000);
	assert_int_equal(look(".").st_mtime, 1000);
}

static void etc_files_of_the_image_are_replaced_and_times_stay(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(root, "etc", 0755), 0);
	put("etc/hosts", "6.6.6.6 localhost\n");
	put("etc/passwd", "root:x:0:0::/:/bin/sh\n");
	assert_int_equal(linkat(root, "etc/hosts", root, "etc/second", 0), 0);
	set_time("etc/passwd", 77);
	set_time("etc", 5000);
	set_time(".", 6000);
	assert_true(write_files(NULL));
	holds("etc/hosts", HOSTS);
	holds("etc/second", "6.6.6.6 localhost\n");
	holds("etc/passwd", "root:x:0:0::/:/bin/sh\n");
	holds("etc/resolv.conf", NO_RESOLVER);
	assert_int_equal(look("etc/passwd").st_mtime, 77);
	assert_int_equal(look("etc").st_mtime, 5000);
	assert_int_equal(look("etc/hosts").st_mtime, 5000);
	assert_int_equal(look(".").st_mtime, 6000);
}

static void etc_files_that_are_links_are_not_followed(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(root, "etc", 0755), 0);
	assert_int_equal(mkdirat(root, "elsewhere", 0755), 0);
	put("elsewhere/stub", "untouched\n");
	assert_int_equal(symlinkat("../elsewhere/stub", root, "etc/resolv.conf"), 0);
	assert_int_equal(symlinkat("/etc/passwd", root, "etc/hosts"), 0);
	assert_int_equal(symlinkat("not-there", root, "etc/hostname"), 0);
	assert_int_equal(mkfifoat(root, "etc/x", 0600), 0);
	assert_true(write_files("::1"));
	holds("elsewhere/stub", "untouched\n");
	holds("etc/resolv.conf", "nameserver ::1\n");
	holds("etc/hosts", HOSTS);
	holds("etc/hostname", "enclave\n");
}

static void etc_that_is_a_link_is_left_alone(void **state)
{
	static const char *const targets[] = { "elsewhere", "/tmp", "." };

	(void)state;
	assert_int_equal(mkdirat(root, "elsewhere", 0755), 0);
	for (size_t i = 0; i < SS_NELEMS(targets); i++) {
		assert_int_equal(symlinkat(targets[i], root, "etc"), 0);
		assert_false(write_files(NULL));
		assert_int_equal(unlinkat(root, "etc", 0), 0);
	}
	assert_int_equal(faccessat(root, "elsewhere/hosts", F_OK, 0), -1);
	assert_int_equal(faccessat(root, "hosts", F_OK, 0), -1);
	put("etc", "a file\n");
	assert_false(write_files(NULL));
	holds("etc", "a file\n");
	assert_int_equal(unlinkat(root, "etc", 0), 0);
}

static void etc_files_that_are_folders_are_an_error(void **state)
{
	struct ss_err err = { 0 };
	bool written;

	(void)state;
	assert_int_equal(mkdirat(root, "etc", 0755), 0);
	assert_int_equal(mkdirat(root, "etc/hosts", 0755), 0);
	expect_fails(rt_etc_write(root, NULL, &written, &err), &err, SS_ESYS,
		     "cannot replace /etc/hosts of the image: Is a directory");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(etc_is_made_where_the_image_has_none, clear),
		cmocka_unit_test_teardown(etc_files_of_the_image_are_replaced_and_times_stay,
					  clear),
		cmocka_unit_test_teardown(etc_files_that_are_links_are_not_followed, clear),
		cmocka_unit_test_teardown(etc_that_is_a_link_is_left_alone, clear),
		cmocka_unit_test_teardown(etc_files_that_are_folders_are_an_error, clear),
	};

	return cmocka_run_group_tests_name("rt_etc", tests, make_root, remove_root);
}
