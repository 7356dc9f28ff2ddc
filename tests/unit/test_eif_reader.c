/* SPDX-License-Identifier: Apache-2.0 */
#include "eif_bytes.h"
#include "io/fan.h"

#include <stdlib.h>
#include <sys/resource.h>

#define TEST_MAX ((size_t)8 * 1024 * 1024)

static void a_valid_file_is_read(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	AUTO_BUF struct ss_buf cmdline = SS_BUF_INIT(64);
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	struct ss_err err = { 0 };

	(void)state;
	eb_make(&b, 4, 1, eb_good, SS_NELEMS(eb_good));
	expect_ok(eb_open(ss_buf_span(&b), &f, &err), &err);
	assert_int_equal(f.header.version, 4);
	assert_int_equal(f.header.flags, EIF_FLAG_ARM64);
	assert_int_equal(f.header.n_sections, 5);
	assert_ptr_equal(eif_file_find(&f, EIF_KERNEL, 0), &f.sections[0]);
	assert_ptr_equal(eif_file_find(&f, EIF_RAMDISK, 1), &f.sections[4]);
	assert_null(eif_file_find(&f, EIF_RAMDISK, 2));
	assert_null(eif_file_find(&f, EIF_SIGNATURE, 0));
	assert_int_equal(f.sections[4].offset, 548 + 4 * 12 + 12 + 13 + 2 + 13);
	expect_ok(eif_file_load(&f, eif_file_find(&f, EIF_CMDLINE, 0), &cmdline, &err), &err);
	assert_int_equal(cmdline.n, 13);
	assert_memory_equal(cmdline.p, "console=ttyS0", 13);
	expect_ok(eif_file_check(&f, &err), &err);
}

/* The registers against one hash over collected content. */
static void check_registers(const struct eif_measurements *m, const struct eb_section *s, size_t n)
{
	AUTO_BUF struct ss_buf pcr0 = SS_BUF_INIT(TEST_MAX);
	AUTO_BUF struct ss_buf pcr1 = SS_BUF_INIT(TEST_MAX);
	AUTO_BUF struct ss_buf pcr2 = SS_BUF_INIT(TEST_MAX);
	const struct ss_buf *all[] = { &pcr0, &pcr1, &pcr2 };
	const uint8_t *got[] = { m->pcr0, m->pcr1, m->pcr2 };
	size_t ramdisk = 0;

	for (size_t i = 0; i < n; i++) {
		const struct ss_span d = { (const uint8_t *)s[i].data, s[i].n };

		if (s[i].type > 3)
			continue;
		ss_buf_put(&pcr0, d);
		ss_buf_put(s[i].type != 3 || ramdisk == 0 ? &pcr1 : &pcr2, d);
		ramdisk += s[i].type == 3;
	}
	for (size_t i = 0; i < 3; i++) {
		uint8_t block[96] = { 0 };
		uint8_t want[48];

		crypto_hash_once(CRYPTO_SHA384, ss_buf_span(all[i]), block + 48);
		crypto_hash_once(CRYPTO_SHA384, (struct ss_span){ block, 96 }, want);
		assert_memory_equal(got[i], want, 48);
	}
}

static void versions_2_3_and_4_are_measured_alike(void **state)
{
	const struct eb_section old[] = { eb_good[0], eb_good[1], eb_good[3], eb_good[4] };
	struct eif_measurements m[3];
	struct ss_err err = { 0 };

	(void)state;
	for (unsigned v = 2; v <= 4; v++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);

		if (v < 4)
			eb_make(&b, v, 0, old, SS_NELEMS(old));
		else
			eb_make(&b, v, 0, eb_good, SS_NELEMS(eb_good));
		expect_ok(eb_read(ss_buf_span(&b), &m[v - 2], &err), &err);
		check_registers(&m[v - 2], old, SS_NELEMS(old));
		assert_int_equal(m[v - 2].n_parts, 4);
	}
	assert_memory_equal(m[0].pcr0, m[2].pcr0, 48);
}

static void one_and_three_ramdisks_are_valid(void **state)
{
	const struct eb_section three[] = { eb_good[0], eb_good[1], eb_good[2], eb_good[3],
					    eb_good[4], eb_good[0], eb_good[1] };
	struct eb_section s[SS_NELEMS(three)];
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	memcpy(s, three, sizeof(s));
	s[5].type = s[6].type = 3;
	for (size_t n = 4; n <= 7; n++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);

		eb_make(&b, 4, 0, s, n);
		expect_ok(eb_read(ss_buf_span(&b), &m, &err), &err);
		check_registers(&m, s, n);
	}
}

/* Past one block the work goes to threads: the result must not depend on it. */
static void files_around_the_size_of_a_block_are_measured(void **state)
{
	static char big[2 * IO_FAN_CHUNK_SIZE];
	struct eb_section s[SS_NELEMS(eb_good)];

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * i >> 7);
	memcpy(s, eb_good, sizeof(s));
	for (size_t n = IO_FAN_CHUNK_SIZE - 110; n < IO_FAN_CHUNK_SIZE - 80; n++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
		struct eif_measurements m = { 0 };
		struct ss_err err = { 0 };
		uint8_t sha[32];

		s[4] = (struct eb_section){ 3, big, n };
		eb_make(&b, 4, 0, s, SS_NELEMS(s));
		expect_ok(eb_read(ss_buf_span(&b), &m, &err), &err);
		check_registers(&m, s, SS_NELEMS(s));
		crypto_hash_once(CRYPTO_SHA256, ss_buf_span(&b), sha);
		assert_memory_equal(m.file_sha256, sha, 32);
	}
}

static int collect(void *ctx, struct ss_span s, struct ss_err *err)
{
	(void)err;
	ss_buf_put(ctx, s);
	return 0;
}

static int refuse(void *ctx, struct ss_span s, struct ss_err *err)
{
	(void)ctx, (void)s;
	return ss_fail(err, SS_EINPUT, "not this");
}

/* On the one thread of a small file and on one of several: exactly the section's data. */
static void whoever_taps_a_section_sees_its_data(void **state)
{
	static char big[3 * IO_FAN_CHUNK_SIZE + 7];
	struct eb_section s[SS_NELEMS(eb_good)];

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * i >> 9);
	memcpy(s, eb_good, sizeof(s));
	for (size_t i = 0; i < 2 * SS_NELEMS(s); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
		AUTO_BUF struct ss_buf seen = SS_BUF_INIT(TEST_MAX);
		AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
		struct eif_tap tap = { .put = collect, .ctx = &seen };
		struct eif_measurements m = { 0 };
		struct ss_err err = { 0 };

		if (i == SS_NELEMS(s))
			s[3] = s[4] = (struct eb_section){ 3, big, sizeof(big) };
		eb_make(&b, 4, 0, s, SS_NELEMS(s));
		expect_ok(eb_open(ss_buf_span(&b), &f, &err), &err);
		tap.section = &f.sections[i % SS_NELEMS(s)];
		expect_ok(eif_file_measure_tapped(&f, false, &tap, &m, &err), &err);
		assert_int_equal(seen.n, s[i % SS_NELEMS(s)].n);
		assert_memory_equal(seen.p, s[i % SS_NELEMS(s)].data, seen.n);
		check_registers(&m, s, SS_NELEMS(s));
		tap.put = refuse;
		expect_fails(eif_file_measure_tapped(&f, false, &tap, &m, &err), &err, SS_EINPUT,
			     "'x.eif': not this");
	}
}

static void a_pcie_file_says_that_pcr0_is_unknown(void **state)
{
	static const struct {
		unsigned flags;
		bool unknown;
	} cases[] = { { 0, false },    { 1, false },    { 0x40, true },
		      { 0x200, true }, { 0x240, true }, { 0x241, true } };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
		struct eif_measurements m = { 0 };
		struct ss_err err = { 0 };

		eb_make(&b, 4, cases[i].flags, eb_good, SS_NELEMS(eb_good));
		expect_ok(eb_read(ss_buf_span(&b), &m, &err), &err);
		assert_int_equal(m.pcr0_unknown, cases[i].unknown);
	}
}

/* --- what is refused ------------------------------------------------------------------------ */

struct edit {
	size_t at;
	uint8_t byte;
};

/* Section headers of eb_good lie at 548, 572, 597, 611, 636; the file ends at 663. */
static void contradictions_are_refused_each_with_its_message(void **state)
{
	static const struct {
		struct edit e[3];
		enum ss_code code;
		const char *msg;
	} cases[] = {
		{ { { 34, 2 }, { 35, 0x23 } },
		  SS_EINPUT,
		  "section 0 at byte 547 overlaps the file header, which ends at byte 548" },
		{ { { 35, 0x25 } },
		  SS_EINPUT,
		  "section 0 at byte 549 leaves a gap of 1 bytes at byte 548" },
		{ { { 43, 0x3b } },
		  SS_EINPUT,
		  "section 1 at byte 571 overlaps section 0, which ends at byte 572" },
		{ { { 43, 0x3d } },
		  SS_EINPUT,
		  "section 1 at byte 573 leaves a gap of 1 bytes at byte 572" },
		{ { { 36, 0xff } },
		  SS_EINPUT,
		  "section 1 at byte 18374686479671624252 leaves a gap of 18374686479671623680 "
		  "bytes at byte 572" },
		{ { { 284 + 32, 0xff } },
		  SS_EINPUT,
		  "section 4 at byte 636: 18374686479671623695 bytes of data end past the file, "
		  "which ends at byte 663" },
		{ { { 284 + 39, 16 } },
		  SS_EINPUT,
		  "section 4 at byte 636: 16 bytes of data end past the file, which ends at byte "
		  "663" },
		{ { { 284 + 39, 14 } },
		  SS_EINPUT,
		  "section 4 at byte 636: the table says 14 bytes, its own header 15" },
		{ { { 559, 11 } },
		  SS_EINPUT,
		  "section 0 at byte 548: the table says 12 bytes, its own header 11" },
		{ { { 552, 1 } },
		  SS_EINPUT,
		  "section 0 at byte 548: the table says 12 bytes, its own header "
		  "72057594037927948" },
		{ { { 284 + 39, 14 }, { 647, 14 } },
		  SS_EINPUT,
		  "1 bytes follow the last section, at byte 662" },
		{ { { 549, 0 } }, SS_EINPUT, "section 0 at byte 548 has the unknown type 0" },
		{ { { 598, 6 } }, SS_EINPUT, "section 2 at byte 597 has the unknown type 6" },
		{ { { 548, 1 } }, SS_EINPUT, "section 0 at byte 548 has the unknown type 257" },
		{ { { 550, 1 } },
		  SS_EINPUT,
		  "section 0 at byte 548: its flags at byte 550 are 0x0100, not zero" },
		{ { { 639, 2 } },
		  SS_EINPUT,
		  "section 4 at byte 636: its flags at byte 638 are 0x0002, not zero" },
		{ { { 573, 1 } }, SS_EINPUT, "section 1 at byte 572: a second kernel section" },
		{ { { 598, 2 } }, SS_EINPUT, "section 2 at byte 597: a second cmdline section" },
		{ { { 612, 5 } }, SS_EINPUT, "section 3 at byte 611: a second metadata section" },
		{ { { 612, 4 }, { 637, 4 } },
		  SS_EINPUT,
		  "section 4 at byte 636: a second signature section" },
		{ { { 549, 3 } }, SS_EINPUT, "section 0 at byte 548: a ramdisk before the kernel" },
		{ { { 549, 4 }, { 612, 1 }, { 637, 1 } },
		  SS_EINPUT,
		  "section 4 at byte 636: a second kernel section" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
		struct eif_measurements m;
		struct ss_err err = { 0 };
		char want[256];

		eb_make(&b, 4, 0, eb_good, SS_NELEMS(eb_good));
		assert_int_equal(b.n, 663);
		for (size_t k = 0; k < SS_NELEMS(cases[i].e) && cases[i].e[k].at > 0; k++)
			b.p[cases[i].e[k].at] = cases[i].e[k].byte;
		(void)snprintf(want, sizeof(want), "'x.eif': %s", cases[i].msg);
		expect_fails(eb_read(ss_buf_span(&b), &m, &err), &err, cases[i].code, want);
	}
}

static void the_kernel_may_come_after_all_but_ramdisks(void **state)
{
	const struct eb_section s[] = { { 4, "not looked at", 13 },
					eb_good[2],
					eb_good[1],
					eb_good[0],
					eb_good[3],
					eb_good[4] };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	eb_make(&b, 4, 0, s, SS_NELEMS(s));
	expect_ok(eb_read(ss_buf_span(&b), &m, &err), &err);
	check_registers(&m, s, SS_NELEMS(s));
}

static void missing_sections_are_refused(void **state)
{
	static const struct {
		unsigned version;
		size_t without;
		const char *msg;
	} cases[] = {
		{ 4, 1, "'x.eif': there is no cmdline" },
		{ 3, 1, "'x.eif': there is no cmdline" },
		{ 4, 2, "'x.eif': there is no metadata, which version 4 demands" },
	};
	struct eif_measurements m;
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
		struct eb_section s[SS_NELEMS(eb_good)];
		size_t n = 0;

		for (size_t k = 0; k < SS_NELEMS(eb_good); k++)
			if (k != cases[i].without)
				s[n++] = eb_good[k];
		eb_make(&b, cases[i].version, 0, s, n);
		expect_fails(eb_read(ss_buf_span(&b), &m, &err), &err, SS_EINPUT, cases[i].msg);
	}
	{
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);

		eb_make(&b, 4, 0, eb_good, 3);
		expect_fails(eb_read(ss_buf_span(&b), &m, &err), &err, SS_EINPUT,
			     "'x.eif': there is no ramdisk");
	}
	{
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);

		eb_make(&b, 4, 0, eb_good + 1, 2);
		expect_fails(eb_read(ss_buf_span(&b), &m, &err), &err, SS_EINPUT,
			     "'x.eif': there is no kernel");
	}
	{
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);

		eb_make(&b, 4, 0, eb_good, 0);
		expect_fails(eb_read(ss_buf_span(&b), &m, &err), &err, SS_EINPUT,
			     "'x.eif': there is no kernel");
	}
}

static void sections_over_their_limit_are_refused(void **state)
{
	static char big[EIF_SIGNATURE_MAX + 1];
	struct eb_section s[6];
	struct eif_measurements m;
	struct ss_err err = { 0 };

	(void)state;
	memcpy(s, eb_good, sizeof(eb_good));
	s[5] = (struct eb_section){ 4, big, EIF_SIGNATURE_MAX };
	for (size_t i = 0; i < 3; i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);

		if (i == 1)
			s[5].n++;
		if (i == 2)
			s[1] = (struct eb_section){ 2, big, EIF_CMDLINE_MAX + 1 };
		eb_make(&b, 4, 0, s, SS_NELEMS(s));
		if (i == 0)
			expect_ok(eb_read(ss_buf_span(&b), &m, &err), &err);
		else
			expect_fails(eb_read(ss_buf_span(&b), &m, &err), &err, SS_ELIMIT,
				     i == 1 ? "'x.eif': section 5 at byte 663: signature of 32769 "
					      "bytes; the limit is 32768"
					    : "'x.eif': section 1 at byte 572: cmdline of 4097 "
					      "bytes; the limit is 4096");
	}
}

static void thirty_three_sections_are_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	struct eb_section s[33];
	struct eif_measurements m;
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 33; i++)
		s[i] = eb_good[i < 4 ? i : 4];
	eb_make(&b, 4, 0, s, 33);
	expect_fails(eb_read(ss_buf_span(&b), &m, &err), &err, SS_ELIMIT,
		     "'x.eif': EIF header: 33 sections at byte 26; the format holds 32");
	b.n = 0;
	eb_make(&b, 4, 0, s, 32);
	expect_ok(eb_read(ss_buf_span(&b), &m, &err), &err);
	check_registers(&m, s, 32);
}

static void a_wrong_crc_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	struct eif_measurements m;
	struct ss_err err = { 0 };
	char want[128];

	(void)state;
	eb_make(&b, 4, 0, eb_good, SS_NELEMS(eb_good));
	(void)snprintf(want, sizeof(want),
		       "'x.eif': the CRC-32 at byte 544 says %02x%02x%02x%02x, the file has "
		       "%02x%02x%02x%02x",
		       b.p[544], b.p[545], b.p[546], b.p[547] ^ 1u, b.p[544], b.p[545], b.p[546],
		       b.p[547]);
	b.p[547] ^= 1;
	expect_fails(eb_read(ss_buf_span(&b), &m, &err), &err, SS_EINPUT, want);
	expect_ok(eb_open(ss_buf_span(&b), &f, &err), &err);
	expect_fails(eif_file_check(&f, &err), &err, SS_EINPUT, want);
}

static void a_file_truncated_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	struct eif_measurements m;

	(void)state;
	eb_make(&b, 4, 0, eb_good, SS_NELEMS(eb_good));
	for (size_t n = 0; n < b.n; n++) {
		struct ss_err err = { 0 };

		assert_int_equal(eb_read((struct ss_span){ b.p, n }, &m, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_non_null(strstr(err.msg, n < 548 ? "ends early, at byte" : "past the file"));
	}
}

static void bytes_after_the_end_are_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	struct eif_measurements m;

	(void)state;
	eb_make(&b, 4, 0, eb_good, SS_NELEMS(eb_good));
	for (size_t n = 1; n < 30; n++) {
		const uint8_t zero = 0;
		struct ss_err err = { 0 };
		char want[128];

		ss_buf_put(&b, (struct ss_span){ &zero, 1 });
		eb_mend(b.p, b.n);
		(void)snprintf(want, sizeof(want),
			       "'x.eif': %zu bytes follow the last section, at byte 663", n);
		expect_fails(eb_read(ss_buf_span(&b), &m, &err), &err, SS_EINPUT, want);
	}
}

static void every_changed_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	struct eif_measurements m;

	(void)state;
	eb_make(&b, 4, 0, eb_good, SS_NELEMS(eb_good));
	for (size_t i = 0; i < b.n * 255; i++) {
		const size_t at = i / 255;
		const uint8_t was = b.p[at];
		struct ss_err err = { 0 };

		b.p[at] ^= (uint8_t)(1 + i % 255);
		assert_int_equal(eb_read(ss_buf_span(&b), &m, &err), -1);
		assert_true(err.code == SS_EINPUT || err.code == SS_ELIMIT);
		b.p[at] = was;
	}
}

/* Everything that reading a file yields, in one string of bytes. */
static int all_of(struct ss_span s, struct ss_buf *ret, struct ss_err *err)
{
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	AUTO_BUF struct ss_buf metadata = SS_BUF_INIT(TEST_MAX);
	struct eif_measurements m = { 0 };

	if (eb_open(s, &f, err) < 0 || eif_file_measure(&f, false, &m, err) < 0)
		return -1;
	f.header.crc32 = 0;
	eif_header_write(&f.header, ret);
	for (size_t i = 0; i < m.n_parts; i++) {
		ss_buf_be16(ret, (uint16_t)m.parts[i].type);
		ss_buf_put(ret, (struct ss_span){ m.parts[i].sha384, 48 });
	}
	if (eif_file_load(&f, eif_file_find(&f, EIF_METADATA, 0), &metadata, err) < 0)
		return -1;
	ss_buf_put(ret, ss_buf_span(&metadata));
	return 0;
}

/* With a CRC that fits, no byte may change without being refused or seen. */
static void every_changed_byte_with_a_mended_crc_is_refused_or_read(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	AUTO_BUF struct ss_buf good = SS_BUF_INIT(TEST_MAX);
	struct ss_err err = { 0 };
	size_t read = 0;

	(void)state;
	eb_make(&b, 4, 0, eb_good, SS_NELEMS(eb_good));
	expect_ok(all_of(ss_buf_span(&b), &good, &err), &err);
	for (size_t i = 0; i < b.n * 8; i++) {
		AUTO_BUF struct ss_buf other = SS_BUF_INIT(TEST_MAX);
		const size_t at = i / 8;
		const uint8_t was = b.p[at];

		if (at >= 544 && at < 548)
			continue; /* the CRC itself */
		b.p[at] ^= (uint8_t)(1u << i % 8);
		eb_mend(b.p, b.n);
		if (all_of(ss_buf_span(&b), &other, &err) == 0) {
			read++;
			assert_true(other.n != good.n || memcmp(other.p, good.p, good.n) != 0);
		}
		b.p[at] = was;
	}
	/* default_mem, default_cpus, the flags' three bits, version 4 -> none, and all data */
	assert_int_equal(read, 8 * (8 + 8 + 12 + 13 + 2 + 13 + 15) + 3);
}

static void what_is_not_a_regular_file_is_refused(void **state)
{
	struct eif_file f = EIF_FILE_NONE;
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(eif_file_open("/dev/null", &f, &err), &err, SS_EINPUT,
		     "'/dev/null' is not a regular file");
	expect_fails(eif_file_open("/nonexistent/x.eif", &f, &err), &err, SS_ESYS,
		     "cannot open '/nonexistent/x.eif': No such file or directory");
}

/* 10 GiB without a block on the disk: offsets past 2^32, and no memory taken for them. */
static void a_file_of_10_gib_is_opened_in_constant_memory(void **state)
{
	const uint64_t big = (uint64_t)10 << 30;
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	AUTO_BUF struct ss_buf cmdline = SS_BUF_INIT(64);
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	uint8_t head[12] = { 0, 3 };
	struct rlimit old, small;
	struct ss_err err = { 0 };
	int fd = -1, rc;

	(void)state;
	eb_make(&b, 4, 0, eb_good, SS_NELEMS(eb_good));
	eb_put(b.p + 284 + 8 * 3, big, 8);
	eb_put(b.p + 611 + 4, big, 8);
	eb_put(b.p + 28 + 8 * 4, 611 + 12 + big, 8);
	eb_put(head + 4, 15, 8);
	expect_ok(io_spool_new(&fd, &err), &err);
	expect_ok(io_pwrite_all(fd, 0, (struct ss_span){ b.p, 623 }, &err), &err);
	expect_ok(io_pwrite_all(fd, 623 + big, (struct ss_span){ head, 12 }, &err), &err);
	expect_ok(io_pwrite_all(fd, 635 + big, (struct ss_span){ b.p, 15 }, &err), &err);
	assert_int_equal(getrlimit(RLIMIT_DATA, &old), 0);
	small = (struct rlimit){ 256u << 20, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_DATA, &small), 0);
	rc = eif_file_adopt(fd, 650 + big, "x.eif", &f, &err);
	assert_int_equal(setrlimit(RLIMIT_DATA, &old), 0);
	expect_ok(rc, &err);
	assert_true(f.sections[3].size == big);
	assert_true(f.sections[4].offset == 623 + big);
	expect_ok(eif_file_load(&f, eif_file_find(&f, EIF_CMDLINE, 0), &cmdline, &err), &err);
	assert_int_equal(cmdline.n, 13);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_valid_file_is_read),
		cmocka_unit_test(versions_2_3_and_4_are_measured_alike),
		cmocka_unit_test(one_and_three_ramdisks_are_valid),
		cmocka_unit_test(files_around_the_size_of_a_block_are_measured),
		cmocka_unit_test(whoever_taps_a_section_sees_its_data),
		cmocka_unit_test(a_pcie_file_says_that_pcr0_is_unknown),
		cmocka_unit_test(contradictions_are_refused_each_with_its_message),
		cmocka_unit_test(the_kernel_may_come_after_all_but_ramdisks),
		cmocka_unit_test(missing_sections_are_refused),
		cmocka_unit_test(sections_over_their_limit_are_refused),
		cmocka_unit_test(thirty_three_sections_are_refused),
		cmocka_unit_test(a_wrong_crc_is_refused),
		cmocka_unit_test(a_file_truncated_at_every_byte_is_refused),
		cmocka_unit_test(bytes_after_the_end_are_refused),
		cmocka_unit_test(every_changed_byte_is_refused),
		cmocka_unit_test(every_changed_byte_with_a_mended_crc_is_refused_or_read),
		cmocka_unit_test(what_is_not_a_regular_file_is_refused),
		cmocka_unit_test(a_file_of_10_gib_is_opened_in_constant_memory),
	};

	return cmocka_run_group_tests_name("eif_reader", tests, NULL, NULL);
}
