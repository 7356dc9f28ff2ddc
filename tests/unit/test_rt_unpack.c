/* SPDX-License-Identifier: Apache-2.0 */
/* What needs many runs; the rest of the unpacker's tests is tests/runtime/unpack.py. */
#include "base/mem.h"
#include "expect.h"
#include "runtime/unpack.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_INODES 16u

static struct rt_archive archive;
static struct rt_fs fs;

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void put(struct ss_buf *b, uint32_t ino, uint32_t mode, uint32_t nlink, const char *name,
		const char *body)
{
	static const uint8_t zeros[4] = { 0 };
	struct cpio_entry e = { .ino = ino, .mode = mode, .nlink = nlink, .name = text(name) };

	e.size = (uint32_t)strlen(body);
	cpio_entry_write(&e, b);
	ss_buf_put(b, text(body));
	ss_buf_put(b, (struct ss_span){ zeros, cpio_pad(e.size) });
}

static void put_sample(struct ss_buf *b)
{
	put(b, 1, CPIO_DIR | 0755, 2, "d", "");
	put(b, 2, CPIO_REG | 0644, 2, "d/f", "body!");
	put(b, 2, CPIO_REG | 0644, 2, "d/g", "");
	put(b, 3, CPIO_LNK | 0777, 1, "l", "d/f");
	cpio_trailer_write(0, 0, 0, b);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Unpacks into a folder of its own, which is gone afterwards. */
static int unpack(struct ss_span bytes, struct ss_err *err)
{
	struct rt_link table[MAX_INODES] = { { 0 } };
	struct rt_links links = { .v = table, .n = MAX_INODES };
	char dir[] = "/tmp/test_rt_unpack.XXXXXX";
	AUTO_CLOSE int fd = memfd_create("ramdisk", MFD_CLOEXEC), root = -1;
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	assert_non_null(mkdtemp(dir));
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rt_archive_init(&archive, fd, 0, bytes.n);
	/* Owner 0:0 is what new files are taken to have: anybody can run this. */
	rt_fs_init(&fs, root, 0);
	rc = rt_unpack(&archive, NULL, &links, &fs, err);
	rt_fs_done(&fs);
	assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	return rc;
}

static void ramdisk_truncated_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	struct ss_err err = { 0 };

	(void)state;
	put_sample(&b);
	expect_ok(unpack(ss_buf_span(&b), &err), &err);
	assert_int_equal(archive.entries, 4);
	assert_int_equal(archive.bytes, 8);
	for (size_t n = 0; n < b.n; n++) {
		assert_int_equal(unpack((struct ss_span){ b.p, n }, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_non_null(strstr(err.msg, "the ramdisk ends early, at byte "));
	}
}

/* No byte of header or padding can change without being noticed, or without meaning something. */
static void ramdisk_with_any_padding_byte_set_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	struct ss_err err = { 0 };
	size_t zeros = 0;

	(void)state;
	put_sample(&b);
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] != 0)
			continue;
		b.p[i] = 1;
		assert_int_equal(unpack(ss_buf_span(&b), &err), -1);
		b.p[i] = 0;
		zeros++;
	}
	assert_true(zeros > 10);
}

static void ramdisk_with_more_linked_inodes_than_the_table_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(8192);
	struct ss_err err = { 0 };

	(void)state;
	for (uint32_t i = 1; i < MAX_INODES; i++) {
		const char name[2] = { (char)('a' + i), '\0' };

		put(&b, i, CPIO_REG | 0644, 1, name, "");
	}
	put(&b, MAX_INODES, CPIO_REG | 0644, 2, "z", "");
	expect_fails(unpack(ss_buf_span(&b), &err), &err, SS_ELIMIT,
		     "'z': more names for inode 16; the last that may is 15");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ramdisk_truncated_at_every_byte_is_refused),
		cmocka_unit_test(ramdisk_with_any_padding_byte_set_is_refused),
		cmocka_unit_test(ramdisk_with_more_linked_inodes_than_the_table_is_refused),
	};

	return cmocka_run_group_tests_name("rt_unpack", tests, NULL, NULL);
}
