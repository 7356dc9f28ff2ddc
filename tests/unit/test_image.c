/* SPDX-License-Identifier: Apache-2.0 */
/* What the golden tests (tests/golden) do not reach: limits, failures, what is told besides. */
#include "expect.h"
#include "image/ramdisk.h"
#include "io/atomic.h"
#include "io/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/selfsame-image-XXXXXX";
static char kernel[64], init[64], dataplane[64], keyplane[64], output[64];

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static int setup(void **state)
{
	struct ss_err err = { 0 };

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(kernel, sizeof(kernel), "%s/kernel", dir);
	(void)snprintf(init, sizeof(init), "%s/init", dir);
	(void)snprintf(dataplane, sizeof(dataplane), "%s/dataplane", dir);
	(void)snprintf(keyplane, sizeof(keyplane), "%s/keyplane", dir);
	(void)snprintf(output, sizeof(output), "%s/out.eif", dir);
	return io_atomic_store(kernel, text("kernel"), &err) < 0 ||
			       io_atomic_store(init, text("init"), &err) < 0 ||
			       io_atomic_store(dataplane, text("dataplane"), &err) < 0 ||
			       io_atomic_store(keyplane, text("keyplane"), &err) < 0
		       ? -1
		       : 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(kernel);
	(void)unlink(init);
	(void)unlink(dataplane);
	(void)unlink(keyplane);
	(void)unlink(output);
	return rmdir(dir);
}

static struct image_request request(struct ss_buf *argv)
{
	if (argv->n == 0)
		mc_put_string(argv, text("/bin/app"));
	return (struct image_request){
		.layout = IMAGE_SELFSAME,
		.arch = "x86_64",
		.name = "n",
		.version = "1",
		.default_mem = 1,
		.default_cpus = 1,
		.runtime = { kernel, init, dataplane, keyplane, "quiet" },
		.config = { .argv = { ss_buf_span(argv), 1 }, .cwd = text("/"), .stop_signal = 15 },
		.output = output,
	};
}

static void expect_refused(struct tree *t, const struct image_request *r, enum ss_code code,
			   const char *msg)
{
	struct image_result res;
	struct ss_err err = { 0 };

	expect_fails(image_build(t, r, &res, &err), &err, code, msg);
	assert_int_equal(access(output, F_OK), -1);
}

static void bad_requests_are_refused_and_leave_no_file(void **state)
{
	AUTO_BUF struct ss_buf argv = SS_BUF_INIT(4096);
	struct tree *t = tree_new();
	char longer[2100];
	char expected[200];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
#define REFUSED(code, msg, ...)                                                                    \
	do {                                                                                       \
		struct image_request r = request(&argv);                                           \
		__VA_ARGS__;                                                                       \
		expect_refused(t, &r, code, msg);                                                  \
	} while (0)
	REFUSED(SS_EUSAGE, "architecture 'riscv64' is neither x86_64 nor aarch64",
		r.arch = "riscv64");
	REFUSED(SS_EINPUT, "the image's name has 0 bytes; 1 to 256 may be", r.name = "");
	REFUSED(SS_EINPUT, "the image's version has 2099 bytes; 1 to 256 may be",
		r.version = longer);
	REFUSED(SS_EINPUT, "the image's name is not UTF-8", r.name = "\xff");
	REFUSED(SS_EINPUT,
		"the command line has byte 0x0a at offset 119; printable ASCII is allowed",
		r.runtime.cmdline = "quiet\n");
	REFUSED(SS_EINPUT,
		"the command line has byte 0xc3 at offset 120; printable ASCII is allowed",
		r.extra_cmdline = "\xc3\xa9");
	(void)snprintf(expected, sizeof(expected),
		       "the command line has %zu bytes; the limit is 2047",
		       strlen("selfsame.rd0=244:") + 96 + 1 + strlen("quiet ") + 2099);
	REFUSED(SS_ELIMIT, expected, r.extra_cmdline = longer);
	REFUSED(SS_EINPUT,
		"measured config: a working directory that is not an absolute path, at byte 62",
		r.config.cwd = text("srv"));
	REFUSED(SS_EINPUT, "measured config: signal 0, at byte 91", r.config.stop_signal = 0);
	(void)snprintf(expected, sizeof(expected),
		       "init: cannot open '%s/none': No such file or directory", dir);
	(void)snprintf(longer, sizeof(longer), "%s/none", dir);
	REFUSED(SS_ESYS, expected, r.runtime.init = longer);
	(void)snprintf(expected, sizeof(expected),
		       "dataplane: cannot open '%s/none': No such file or directory", dir);
	REFUSED(SS_ESYS, expected, r.runtime.dataplane = longer);
	(void)snprintf(expected, sizeof(expected), "kernel: '%s' is not a regular file", dir);
	REFUSED(SS_EINPUT, expected, r.runtime.kernel = dir);
	tree_free(t);
}

static void a_body_that_cannot_be_read_leaves_no_file(void **state)
{
	AUTO_BUF struct ss_buf argv = SS_BUF_INIT(4096);
	struct tree *t = tree_new();
	struct image_request r = request(&argv);
	struct tree_inode in = { .type = TREE_REG, .size = 3 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(tree_body_new(t, text("ab"), &in.body, &err), &err);
	expect_ok(tree_put(t, text("d/f"), &in, NULL, &err), &err);
	expect_refused(t, &r, SS_EINPUT, "'d/f': its contents end early");
	tree_free(t);
}

/* Planning reads no body: the largest images can be planned from nothing. */
static void sizes_beyond_32_bits_are_counted_and_links_reach_16_gib(void **state)
{
	AUTO_BUF struct ss_buf argv = SS_BUF_INIT(4096);
	struct tree *t = tree_new();
	struct image_request r = request(&argv);
	struct tree_inode in = { .type = TREE_REG, .size = UINT32_MAX };
	struct ss_err err = { 0 };
	struct rd_app a;
	uint32_t source;

	(void)state;
	expect_ok(tree_source_add(t, open("/dev/null", O_RDONLY | O_CLOEXEC), &source, &err), &err);
	for (char path[] = "0"; path[0] < '5'; path[0]++) {
		expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
		if (path[0] == '3')
			expect_ok(tree_link(t, text("4-"), text("3"), &err), &err);
	}
	tree_sort(t);
	expect_ok(rd_app_plan(t, &r, &a, &err), &err);
	assert_int_equal(a.entries, 7);
	assert_true(a.bytes == 5 * (uint64_t)UINT32_MAX);
	assert_true(a.pages == 5 * ((uint64_t)1 << 20));
	assert_true(a.size > a.bytes && a.size < a.bytes + 2000);
	rd_app_done(&a);
	expect_ok(tree_link(t, text("5"), text("4"), &err), &err);
	tree_sort(t);
	expect_fails(rd_app_plan(t, &r, &a, &err), &err, SS_ELIMIT,
		     "'rootfs/4': a hard link more than 16 GiB into the image");
	tree_free(t);
}

static void the_result_tells_what_was_packed(void **state)
{
	AUTO_BUF struct ss_buf argv = SS_BUF_INIT(4096);
	struct tree *t = tree_new();
	struct image_request r = request(&argv);
	struct tree_inode in = { .type = TREE_REG, .mode = 04755, .size = 5 };
	struct image_result res;
	struct ss_err err = { 0 };
	tree_id id;

	(void)state;
	expect_ok(tree_body_new(t, text("12345"), &in.body, &err), &err);
	expect_ok(tree_put(t, text("bin/su"), &in, &id, &err), &err);
	assert_int_equal(image_privileges(t, id), IMAGE_SETUID);
	in.mode = 02755;
	expect_ok(tree_put(t, text("bin/wall"), &in, &id, &err), &err);
	assert_int_equal(image_privileges(t, id), IMAGE_SETGID);
	in.mode = 02644; /* mandatory locking, once */
	expect_ok(tree_put(t, text("bin/lock"), &in, &id, &err), &err);
	assert_int_equal(image_privileges(t, id), 0);
	expect_ok(tree_xattr_set(
			  t, id, text("security.capability"),
			  (struct ss_span){ (const uint8_t *)"\1\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
							     "\0\0",
					    20 },
			  &err),
		  &err);
	assert_int_equal(image_privileges(t, id), IMAGE_CAPABILITY);
	expect_ok(tree_link(t, text("bin/again"), text("bin/su"), &err), &err);
	r.want_sha256 = true;
	expect_ok(image_build(t, &r, &res, &err), &err);
	assert_int_equal(res.setuid_files, 3); /* names */
	assert_int_equal(res.capability_files, 1);
	assert_int_equal(res.entries, 6); /* rootfs, bin, four names */
	assert_int_equal(res.bytes, 15);
	assert_string_equal(res.kernel_version, "Unknown");
	assert_true(res.memory_need ==
		    mc_memory_need(6, res.m.parts[2].size + res.m.parts[3].size, 6, 3));
	assert_int_equal(res.m.n_parts, 4);
	expect_ok(image_build(t, &r, &res, &err), &err); /* the tree is still whole */
	assert_int_equal(res.entries, 6);
	tree_free(t);
}

static void each_epoch_and_user_reaches_pcr2_only_and_the_command_line_pcr1(void **state)
{
	AUTO_BUF struct ss_buf argv = SS_BUF_INIT(4096);
	struct image_result res[3];
	struct ss_err err = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct tree *t = tree_new();
		struct image_request r = request(&argv);

		r.epoch = i == 1 ? 5 : 0;
		r.extra_cmdline = i == 2 ? "debug" : NULL;
		expect_ok(image_build(t, &r, &res[i], &err), &err);
		tree_free(t);
	}
	assert_memory_equal(res[0].m.pcr1, res[1].m.pcr1, 48);
	assert_memory_not_equal(res[0].m.pcr2, res[1].m.pcr2, 48);
	assert_memory_not_equal(res[0].m.pcr1, res[2].m.pcr1, 48);
	assert_memory_equal(res[0].m.pcr2, res[2].m.pcr2, 48);
}

static void a_ramdisk_is_counted_as_it_is_written(void **state)
{
	struct rd_out out = { 0 };
	struct ss_err err = { 0 };
	struct cpio_entry e = { .name = text("abc") };

	(void)state;
	expect_ok(rd_entry(&out, &e, &err), &err);
	assert_int_equal(out.n, 116);
	expect_ok(rd_bytes(&out, text("12345"), &err), &err);
	assert_int_equal(out.n, 124);
	expect_ok(rd_trailer(&out, 0, 0, 0, &err), &err);
	assert_int_equal(out.n, 248);
	expect_ok(rd_zeros(&out, 1000, &err), &err);
	assert_int_equal(out.n, 1248);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_requests_are_refused_and_leave_no_file),
		cmocka_unit_test(a_body_that_cannot_be_read_leaves_no_file),
		cmocka_unit_test(sizes_beyond_32_bits_are_counted_and_links_reach_16_gib),
		cmocka_unit_test(the_result_tells_what_was_packed),
		cmocka_unit_test(each_epoch_and_user_reaches_pcr2_only_and_the_command_line_pcr1),
		cmocka_unit_test(a_ramdisk_is_counted_as_it_is_written),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
