/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "fmt/cpio.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static struct cpio_entry sample(void)
{
	return (struct cpio_entry){ .ino = 1,
				    .mode = CPIO_REG | 0644,
				    .uid = 10,
				    .gid = 11,
				    .nlink = 1,
				    .mtime = 1492533000,
				    .size = 5,
				    .dev_major = 3,
				    .dev_minor = 1,
				    .name = text("dir/file") };
}

/* Reads header and name at the front of `s`. */
static int read_entry(struct ss_span s, struct cpio_entry *ret, struct ss_err *err)
{
	struct ss_cur c = ss_cur_init(s);
	struct ss_span raw;
	size_t n;

	if (cpio_header_read(ss_cur_take(&c, s.n < CPIO_HEADER_SIZE ? s.n : CPIO_HEADER_SIZE), ret,
			     &n, err) < 0)
		return -1;
	raw = ss_cur_take(&c, n);
	if (ss_cur_check(&c, "name", err) < 0)
		return -1;
	return cpio_name_read(raw, ret, err);
}

static void cpio_entry_has_the_bytes_of_the_format(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
	const struct cpio_entry e = sample();
	static const char want[] = "070701"
				   "00000001"
				   "000081a4"
				   "0000000a"
				   "0000000b"
				   "00000001"
				   "58f63f08"
				   "00000005"
				   "00000003"
				   "00000001"
				   "00000000"
				   "00000000"
				   "00000009"
				   "00000000"
				   "dir/file\0";

	(void)state;
	cpio_entry_write(&e, &b);
	assert_int_equal(b.n, cpio_entry_size(8));
	assert_int_equal(b.n, 120);
	assert_memory_equal(b.p, want, 119);
	assert_int_equal(b.p[119], 0);
}

static void cpio_entry_reads_back_what_was_written(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
	const struct cpio_entry e = sample();
	struct cpio_entry got = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	cpio_entry_write(&e, &b);
	expect_ok(read_entry(ss_buf_span(&b), &got, &err), &err);
	assert_int_equal(got.mode, e.mode);
	assert_int_equal(got.uid, 10);
	assert_int_equal(got.gid, 11);
	assert_int_equal(got.mtime, e.mtime);
	assert_int_equal(got.size, 5);
	assert_int_equal(got.dev_major, 3);
	assert_int_equal(got.dev_minor, 1);
	assert_int_equal(got.name.n, 8);
	assert_memory_equal(got.name.p, "dir/file", 8);
	assert_false(cpio_is_trailer(&got));
	expect_ok(cpio_entry_check(&got, &err), &err);
}

static void cpio_truncated_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
	const struct cpio_entry e = sample();
	struct cpio_entry got;
	struct ss_err err = { 0 };

	(void)state;
	cpio_entry_write(&e, &b);
	for (size_t n = 0; n < CPIO_HEADER_SIZE + 9; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);

		memcpy(copy, b.p, n);
		assert_int_equal(read_entry((struct ss_span){ copy, n }, &got, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
	}
}

static void cpio_bad_headers_are_refused(void **state)
{
	static const struct {
		size_t at;
		char byte;
		enum ss_code code;
		const char *msg;
	} cases[] = {
		{ 0, '1', SS_EINPUT, "not a newc header: wrong magic" },
		{ 5, '2', SS_EINPUT, "not a newc header: wrong magic" }, /* the crc form */
		{ 6, ' ', SS_EINPUT, "newc header: 'ino' is not hexadecimal" },
		{ 61, 'x', SS_EINPUT, "newc header: 'size' is not hexadecimal" },
		{ 94, '1', SS_ELIMIT, "newc header: a name of 268435465 bytes; the limit is 4096" },
		{ 109, '1', SS_EINPUT, "newc header: 'check' is not zero" },
		{ 112, '\0', SS_EINPUT, "a name with a NUL inside" },
		{ 118, 'x', SS_EINPUT, "a name without its NUL" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
		const struct cpio_entry e = sample();
		struct cpio_entry got;
		struct ss_err err = { 0 };

		cpio_entry_write(&e, &b);
		b.p[cases[i].at] = (uint8_t)cases[i].byte;
		expect_fails(read_entry(ss_buf_span(&b), &got, &err), &err, cases[i].code,
			     cases[i].msg);
	}
}

static void cpio_entries_that_would_lose_something_are_refused(void **state)
{
	static const struct {
		uint32_t mode, size, rdev;
		enum ss_code code;
		const char *msg;
	} cases[] = {
		{ CPIO_DIR | 0755, 1, 0, SS_EINPUT, "a body where the type has none" },
		{ CPIO_FIFO | 0644, 1, 0, SS_EINPUT, "a body where the type has none" },
		{ CPIO_CHR | 0644, 9, 5, SS_EINPUT, "a body where the type has none" },
		{ CPIO_LNK | 0777, 0, 0, SS_ELIMIT, "a link target of 0 bytes; 1 to 4095 may be" },
		{ CPIO_LNK | 0777, 4096, 0, SS_ELIMIT,
		  "a link target of 4096 bytes; 1 to 4095 may be" },
		{ 0140644, 0, 0, SS_EINPUT, "mode 0140644 is of no known type" },
		{ 0644, 0, 0, SS_EINPUT, "mode 0644 is of no known type" },
		{ 0200000 | CPIO_REG, 0, 0, SS_EINPUT, "mode 0300000 has unknown bits" },
		{ CPIO_CHR | 0644, 0, 1048576, SS_ELIMIT,
		  "device 0:1048576; 4095:1048575 is the last that Linux has" },
		{ CPIO_REG | 0644, 0, 5, SS_EINPUT, "a device number where the type has none" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct cpio_entry e = sample();
		struct ss_err err = { 0 };

		e.mode = cases[i].mode;
		e.size = cases[i].size;
		e.rdev_minor = cases[i].rdev;
		expect_fails(cpio_entry_check(&e, &err), &err, cases[i].code, cases[i].msg);
	}
}

static void cpio_names_that_could_leave_the_root_are_refused(void **state)
{
	static const struct {
		const char *name, *msg;
	} cases[] = {
		{ "", "an empty name" },
		{ "/etc", "an absolute name" },
		{ "a//b", "a name with an empty component" },
		{ "a/", "a name with an empty component" },
		{ ".", "a name with '.' or '..' in it" },
		{ "..", "a name with '.' or '..' in it" },
		{ "./a", "a name with '.' or '..' in it" },
		{ "a/../b", "a name with '.' or '..' in it" },
		{ "a/..", "a name with '.' or '..' in it" },
	};
	static const char *const good[] = { "a", "...", ".a", "a.", "..a/b..", "a/.../b" };
	struct ss_err err = { 0 };
	AUTO_FREE uint8_t *big = ss_calloc(4096, 1);

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		expect_fails(cpio_name_check(text(cases[i].name), &err), &err, SS_EINPUT,
			     cases[i].msg);
	for (size_t i = 0; i < SS_NELEMS(good); i++)
		expect_ok(cpio_name_check(text(good[i]), &err), &err);
	memset(big, 'a', 4096);
	expect_ok(cpio_name_check((struct ss_span){ big, 4095 }, &err), &err);
	expect_fails(cpio_name_check((struct ss_span){ big, 4096 }, &err), &err, SS_ELIMIT,
		     "a name of 4096 bytes; the limit is 4095");
}

static void cpio_order_is_depth_first_by_bytes(void **state)
{
	static const char *const sorted[] = { "a",   "a/a", "a/b", "a/b/c", "a/b-c", "a\x01",
					      "a-b", "a.b", "b",   "b\xff", "c" };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(sorted); i++)
		for (size_t j = 0; j < SS_NELEMS(sorted); j++)
			assert_int_equal(cpio_name_before(text(sorted[i]), text(sorted[j])), i < j);
}

static void cpio_trailer_is_known_and_holds_nothing(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1024);
	struct cpio_entry got = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	cpio_trailer_write(0, 0, 0, &b);
	assert_int_equal(b.n % 4, 0);
	expect_ok(read_entry(ss_buf_span(&b), &got, &err), &err);
	assert_true(cpio_is_trailer(&got));
	expect_ok(cpio_trailer_check(&got, &err), &err);
	got.size = 4;
	expect_fails(cpio_trailer_check(&got, &err), &err, SS_EINPUT, "the trailer carries values");
}

/* What a listing program prints for the archive in `path`, read through a pipe. */
static void list_with(char *const *argv, const char *path, char *ret, size_t cap)
{
	posix_spawn_file_actions_t fa;
	int p[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	assert_int_equal(posix_spawn_file_actions_init(&fa), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(&fa, 0, path, O_RDONLY, 0), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&fa, p[1], 1), 0);
	assert_int_equal(posix_spawn_file_actions_addclose(&fa, p[0]), 0);
	assert_int_equal(posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ), 0);
	close(p[1]);
	while (n < cap - 1 && (got = read(p[0], ret + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	ret[n] = '\0';
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)posix_spawn_file_actions_destroy(&fa);
}

static void put_file(struct ss_buf *b, const char *name, uint32_t ino, uint32_t mode,
		     const char *body)
{
	static const uint8_t zeros[4] = { 0 };
	struct cpio_entry e = sample();

	e.ino = ino;
	e.mode = mode;
	e.size = (uint32_t)strlen(body);
	e.name = text(name);
	cpio_entry_write(&e, b);
	ss_buf_put(b, text(body));
	ss_buf_put(b, (struct ss_span){ zeros, cpio_pad(e.size) });
}

static void cpio_archives_are_read_by_gnu_cpio_and_bsdtar(void **state)
{
	static const char want[] = "dir\ndir/one\ndir/seven77\nlink\n";
	static char cpio_name[] = "cpio", bsdtar_name[] = "bsdtar", dash_t[] = "-t",
		    quiet[] = "--quiet", dash_tf[] = "-tf", dash[] = "-";
	char *const cpio[] = { cpio_name, dash_t, quiet, NULL };
	char *const bsdtar[] = { bsdtar_name, dash_tf, dash, NULL };
	char path[] = "/tmp/test_cpio.XXXXXX", got[256];
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	AUTO_CLOSE int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	put_file(&b, "dir", 1, CPIO_DIR | 0755, "");
	put_file(&b, "dir/one", 2, CPIO_REG | 0644, "1");
	put_file(&b, "dir/seven77", 3, CPIO_REG | 0600, "1234567");
	put_file(&b, "link", 4, CPIO_LNK | 0777, "dir/one");
	cpio_trailer_write(5, 3, 1, &b);
	assert_int_equal(write(fd, b.p, b.n), b.n);
	list_with(cpio, path, got, sizeof(got));
	assert_string_equal(got, want);
	list_with(bsdtar, path, got, sizeof(got));
	assert_string_equal(got, want);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpio_entry_has_the_bytes_of_the_format),
		cmocka_unit_test(cpio_entry_reads_back_what_was_written),
		cmocka_unit_test(cpio_truncated_at_every_byte_is_refused),
		cmocka_unit_test(cpio_bad_headers_are_refused),
		cmocka_unit_test(cpio_entries_that_would_lose_something_are_refused),
		cmocka_unit_test(cpio_names_that_could_leave_the_root_are_refused),
		cmocka_unit_test(cpio_order_is_depth_first_by_bytes),
		cmocka_unit_test(cpio_trailer_is_known_and_holds_nothing),
		cmocka_unit_test(cpio_archives_are_read_by_gnu_cpio_and_bsdtar),
	};

	return cmocka_run_group_tests_name("cpio", tests, NULL, NULL);
}
