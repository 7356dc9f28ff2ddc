/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "runtime/boot_line.h"

#include <string.h>

#define HASH                                                                                       \
	"0123456789abcdef0123456789abcdef0123456789abcdef"                                         \
	"0123456789abcdef0123456789abcdef0123456789abcdef"
#define TEXT "retain_initrd console=ttyS0"
#define REFUSED "the command line does not begin as this kernel's must"

static int read_line(const char *line, struct rt_boot_line *ret, struct ss_err *err)
{
	const size_t n = strlen(line);
	AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);

	memcpy(copy, line, n);
	return rt_boot_line_read((struct ss_span){ copy, n }, TEXT, ret, err);
}

static void boot_line_gives_size_and_hash(void **state)
{
	static const char *const good[] = {
		"selfsame.rd0=67104:" HASH " " TEXT,
		"selfsame.rd0=67104:" HASH " " TEXT "\n",
		"selfsame.rd0=67104:" HASH " " TEXT " virtio_mmio.device=512@0xfeb00e00:12\n",
		"selfsame.rd0=67104:" HASH " " TEXT " selfsame.rd0=1:00 rdinit=/bin/sh",
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(good); i++) {
		struct rt_boot_line b = { 0 };
		struct ss_err err = { 0 };

		expect_ok(read_line(good[i], &b, &err), &err);
		assert_int_equal(b.rd0_size, 67104);
		assert_int_equal(b.rd0_sha384[0], 0x01);
		assert_int_equal(b.rd0_sha384[47], 0xef);
	}
}

/* Each of these is a way to divide or extend the measured bytes. */
static void boot_line_that_begins_otherwise_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		TEXT,
		" selfsame.rd0=67104:" HASH " " TEXT,
		"quiet selfsame.rd0=67104:" HASH " " TEXT,
		"Selfsame.rd0=67104:" HASH " " TEXT,
		"selfsame.rd0=067104:" HASH " " TEXT,
		"selfsame.rd0=0:" HASH " " TEXT,
		"selfsame.rd0=:" HASH " " TEXT,
		"selfsame.rd0=-1:" HASH " " TEXT,
		"selfsame.rd0=+1:" HASH " " TEXT,
		"selfsame.rd0= 1:" HASH " " TEXT,
		"selfsame.rd0=0x10:" HASH " " TEXT,
		"selfsame.rd0=1234567890123:" HASH " " TEXT,
		"selfsame.rd0=67104;" HASH " " TEXT,
		"selfsame.rd0=67104:" HASH "0 " TEXT,
		"selfsame.rd0=67104:" HASH TEXT,
		"selfsame.rd0=67104:" HASH "  " TEXT,
		"selfsame.rd0=67104:" HASH "\t" TEXT,
		"selfsame.rd0=67104:" HASH " " TEXT "07070100000001",
		"selfsame.rd0=67104:" HASH " " TEXT "x",
		"selfsame.rd0=67104:" HASH " " TEXT "\t",
		"selfsame.rd0=67104:" HASH " retain_initrd  console=ttyS0",
		"selfsame.rd0=67104:" HASH " retain_initrd console=ttyS1",
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		struct rt_boot_line b;
		struct ss_err err = { 0 };

		expect_fails(read_line(bad[i], &b, &err), &err, SS_EVERIFY, REFUSED);
	}
}

static void boot_line_cut_at_every_byte_is_refused(void **state)
{
	static const char line[] = "selfsame.rd0=67104:" HASH " " TEXT;

	(void)state;
	for (size_t n = 0; n < sizeof(line) - 1; n++) {
		char cut[sizeof(line)] = { 0 };
		struct rt_boot_line b;
		struct ss_err err = { 0 };

		memcpy(cut, line, n);
		expect_fails(read_line(cut, &b, &err), &err, SS_EVERIFY, REFUSED);
	}
}

static void boot_line_hash_in_capitals_is_refused(void **state)
{
	char line[] = "selfsame.rd0=67104:" HASH " " TEXT;
	struct rt_boot_line b;
	struct ss_err err = { 0 };

	(void)state;
	line[19 + 10] = 'A';
	expect_fails(read_line(line, &b, &err), &err, SS_EVERIFY, REFUSED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_line_gives_size_and_hash),
		cmocka_unit_test(boot_line_that_begins_otherwise_is_refused),
		cmocka_unit_test(boot_line_cut_at_every_byte_is_refused),
		cmocka_unit_test(boot_line_hash_in_capitals_is_refused),
	};

	return cmocka_run_group_tests_name("rt_boot_line", tests, NULL, NULL);
}
