/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/eif.h"
#include "expect.h"

#include <string.h>

/* A valid header, as the writer makes it; each test spoils one thing. */
static struct eif_header good(void)
{
	struct eif_header h = { .version = 4,
				.flags = EIF_FLAG_ARM64,
				.default_mem = 1u << 30,
				.default_cpus = 2,
				.n_sections = 2,
				.crc32 = 0xfeedface };

	h.offsets[0] = EIF_HEADER_SIZE;
	h.sizes[0] = 12;
	h.offsets[1] = EIF_HEADER_SIZE + 24;
	h.sizes[1] = UINT64_MAX;
	return h;
}

static void eif_header_round_trips(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EIF_HEADER_SIZE);
	AUTO_BUF struct ss_buf again = SS_BUF_INIT(EIF_HEADER_SIZE);
	const struct eif_header in = good();
	struct eif_header out;
	struct ss_err err = { 0 };

	(void)state;
	eif_header_write(&in, &b);
	expect_ok(ss_buf_check(&b, "header", &err), &err);
	assert_int_equal(b.n, EIF_HEADER_SIZE);
	expect_ok(eif_header_read(ss_buf_span(&b), &out, &err), &err);
	assert_int_equal(out.version, 4);
	assert_int_equal(out.flags, EIF_FLAG_ARM64);
	assert_int_equal(out.default_mem, 1u << 30);
	assert_int_equal(out.default_cpus, 2);
	assert_int_equal(out.n_sections, 2);
	assert_int_equal(out.offsets[1], EIF_HEADER_SIZE + 24);
	assert_true(out.sizes[1] == UINT64_MAX);
	assert_int_equal(out.crc32, 0xfeedface);
	eif_header_write(&out, &again);
	assert_memory_equal(b.p, again.p, EIF_HEADER_SIZE);
}

/* The format's table, field by field, typed from the specification. */
static void eif_header_fields_lie_where_the_format_says(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EIF_HEADER_SIZE);
	const struct eif_header in = good();
	static const uint8_t head[28] = { 0x2e, 0x65, 0x69, 0x66, 0, 4, 0, 1, 0, 0, 0, 0, 0x40, 0,
					  0,    0,    0,    0,    0, 0, 0, 0, 0, 2, 0, 0, 0,    2 };
	static const uint8_t offset1[8] = { 0, 0, 0, 0, 0, 0, 0x02, 0x3c };
	static const uint8_t tail[8] = { 0, 0, 0, 0, 0xfe, 0xed, 0xfa, 0xce };

	(void)state;
	eif_header_write(&in, &b);
	assert_memory_equal(b.p, head, sizeof(head));
	assert_memory_equal(b.p + 0x01c + 8, offset1, sizeof(offset1));
	assert_int_equal(b.p[0x11c + 7], 12);
	assert_int_equal(b.p[0x11c + 8], 0xff);
	assert_memory_equal(b.p + 0x21c, tail, sizeof(tail));
}

static void eif_header_truncated_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EIF_HEADER_SIZE);
	const struct eif_header in = good();
	struct eif_header out;

	(void)state;
	eif_header_write(&in, &b);
	for (size_t n = 0; n < EIF_HEADER_SIZE; n++) {
		struct ss_err err = { 0 };
		/* An exact-size heap copy, so that ASan sees a read one past it. */
		AUTO_FREE uint8_t *copy = ss_calloc(n, 1);

		if (n > 0)
			memcpy(copy, b.p, n);
		assert_int_equal(eif_header_read((struct ss_span){ copy, n }, &out, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_non_null(strstr(err.msg, "EIF header ends early, at byte "));
	}
}

static void eif_header_bad_fields_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		enum ss_code code;
		const char *msg;
	} cases[] = {
		{ 0, 'E', SS_EINPUT, "not an EIF file: wrong magic at byte 0" },
		{ 3, 'g', SS_EINPUT, "not an EIF file: wrong magic at byte 0" },
		{ 4, 1, SS_EINPUT, "EIF header: version 260 at byte 4 is not supported" },
		{ 5, 0, SS_EINPUT, "EIF header: version 0 at byte 4 is not supported" },
		{ 5, 1, SS_EINPUT, "EIF header: version 1 at byte 4 is not supported" },
		{ 5, 5, SS_EINPUT, "EIF header: version 5 at byte 4 is not supported" },
		{ 6, 0x80, SS_EINPUT, "EIF header: unknown flags 0x8000 at byte 6" },
		{ 7, 0x23, SS_EINPUT, "EIF header: unknown flags 0x0022 at byte 6" },
		{ 24, 1, SS_EINPUT, "EIF header: the reserved field at byte 24 is not zero" },
		{ 25, 1, SS_EINPUT, "EIF header: the reserved field at byte 24 is not zero" },
		{ 540, 1, SS_EINPUT, "EIF header: the reserved field at byte 540 is not zero" },
		{ 543, 1, SS_EINPUT, "EIF header: the reserved field at byte 540 is not zero" },
		{ 27, 33, SS_ELIMIT, "EIF header: 33 sections at byte 26; the format holds 32" },
		{ 26, 1, SS_ELIMIT, "EIF header: 258 sections at byte 26; the format holds 32" },
		{ 27, 1, SS_EINPUT,
		  "EIF header: slot 1 is unused, but its offset at byte 36 is not zero" },
		{ 51, 1, SS_EINPUT,
		  "EIF header: slot 2 is unused, but its offset at byte 44 is not zero" },
		{ 539, 1, SS_EINPUT,
		  "EIF header: slot 31 is unused, but its size at byte 532 is not zero" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(EIF_HEADER_SIZE);
		const struct eif_header in = good();
		struct eif_header out;
		struct ss_err err = { 0 };

		eif_header_write(&in, &b);
		b.p[cases[i].at] = cases[i].byte;
		expect_fails(eif_header_read(ss_buf_span(&b), &out, &err), &err, cases[i].code,
			     cases[i].msg);
	}
}

static void every_change_of_a_byte_is_refused_or_read(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EIF_HEADER_SIZE);
	const struct eif_header in = good();

	(void)state;
	eif_header_write(&in, &b);
	for (size_t i = 0; i < 256 * EIF_HEADER_SIZE; i++) {
		AUTO_BUF struct ss_buf again = SS_BUF_INIT(EIF_HEADER_SIZE);
		const size_t at = i / 256;
		const uint8_t was = b.p[at];
		struct eif_header out;
		struct ss_err err = { 0 };

		b.p[at] = (uint8_t)i;
		if (eif_header_read(ss_buf_span(&b), &out, &err) == 0) {
			eif_header_write(&out, &again);
			assert_memory_equal(again.p, b.p, EIF_HEADER_SIZE);
		} else {
			assert_true(err.msg[0] != '\0');
		}
		b.p[at] = was;
	}
}

static void eif_section_header_round_trips(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EIF_SECTION_HEADER_SIZE);
	static const uint8_t want[] = { 0, 3, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5 };
	struct eif_section_header h;
	struct ss_err err = { 0 };

	(void)state;
	eif_section_header_write(EIF_RAMDISK, 0x102030405u, &b);
	assert_int_equal(b.n, sizeof(want));
	assert_memory_equal(b.p, want, sizeof(want));
	b.p[3] = 9;
	expect_ok(eif_section_header_read(ss_buf_span(&b), &h, &err), &err);
	assert_int_equal(h.type, EIF_RAMDISK);
	assert_int_equal(h.flags, 9);
	assert_true(h.size == 0x102030405u);
	expect_fails(eif_section_header_read((struct ss_span){ b.p, 11 }, &h, &err), &err,
		     SS_EINPUT, "section header ends early, at byte 4");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(eif_header_round_trips),
		cmocka_unit_test(eif_header_fields_lie_where_the_format_says),
		cmocka_unit_test(eif_header_truncated_at_every_byte_is_refused),
		cmocka_unit_test(eif_header_bad_fields_are_refused),
		cmocka_unit_test(every_change_of_a_byte_is_refused_or_read),
		cmocka_unit_test(eif_section_header_round_trips),
	};

	return cmocka_run_group_tests_name("eif_header", tests, NULL, NULL);
}
