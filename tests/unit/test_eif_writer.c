/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "eif/writer.h"
#include "expect.h"
#include "io/fan.h"
#include "io/file.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)64 * 1024 * 1024)

static char folder[] = "/tmp/selfsame-test-XXXXXX";
static char path[64];

struct sec {
	enum eif_section_type type;
	size_t n;
	unsigned seed; /* of its bytes */
};

static uint8_t byte_at(const struct sec *s, size_t i)
{
	const uint64_t x = (i + s->seed) * 0x9e3779b97f4a7c15u;

	return (uint8_t)(x >> 56);
}

static void fill(const struct sec *s, struct ss_buf *b)
{
	for (size_t i = 0; i < s->n; i++) {
		const uint8_t c = byte_at(s, i);

		ss_buf_put(b, (struct ss_span){ &c, 1 });
	}
}

/* Pieces of every size, copied and in place by turns. */
static int put_section(struct eif_writer *w, const struct sec *s, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(FILE_MAX);
	size_t piece = 1;

	fill(s, &b);
	if (eif_writer_begin(w, s->type, s->n, err) < 0)
		return -1;
	for (size_t at = 0; at < s->n;) {
		size_t n = piece < s->n - at ? piece : s->n - at;

		if (piece % 2 == 1) {
			if (eif_writer_put(w, (struct ss_span){ b.p + at, n }, err) < 0)
				return -1;
		} else {
			size_t room;
			uint8_t *p = eif_writer_room(w, &room, err);

			if (p == NULL)
				return -1;
			assert_in_range(room, 1, s->n - at);
			n = n < room ? n : room;
			memcpy(p, b.p + at, n);
			eif_writer_advance(w, n);
		}
		at += n;
		piece = piece < 100000 ? piece * 3 + (piece & 1) : piece + 1;
	}
	return eif_writer_end(w, err);
}

static int write_file(const struct sec *s, size_t n, struct eif_measurements *ret,
		      struct ss_err *err)
{
	const struct eif_writer_opts o = {
		.flags = EIF_FLAG_ARM64, .default_mem = 5, .default_cpus = 6, .want_sha256 = true
	};
	AUTO_EIF_WRITER struct eif_writer *w = NULL;

	if (eif_writer_open(path, &o, &w, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (put_section(w, &s[i], err) < 0)
			return -1;
	return eif_writer_finish(TAKE_PTR(w), ret, err);
}

/* The registers the slow way: collect the content, hash it, extend. */
static void check_register(const struct sec *s, size_t n, size_t from_ramdisk, size_t to_ramdisk,
			   const uint8_t *got)
{
	AUTO_BUF struct ss_buf content = SS_BUF_INIT(FILE_MAX);
	uint8_t block[96] = { 0 };
	uint8_t want[48];
	size_t ramdisk = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i].type == EIF_RAMDISK) {
			if (ramdisk >= from_ramdisk && ramdisk < to_ramdisk)
				fill(&s[i], &content);
			ramdisk++;
		} else if (s[i].type != EIF_METADATA && from_ramdisk == 0) {
			fill(&s[i], &content);
		}
	}
	crypto_hash_once(CRYPTO_SHA384, ss_buf_span(&content), block + 48);
	crypto_hash_once(CRYPTO_SHA384, (struct ss_span){ block, 96 }, want);
	assert_memory_equal(got, want, 48);
}

static void check_file(const struct sec *s, size_t n, const struct eif_measurements *m)
{
	AUTO_BUF struct ss_buf file = SS_BUF_INIT(FILE_MAX);
	AUTO_BUF struct ss_buf want = SS_BUF_INIT(FILE_MAX);
	struct eif_header h;
	struct ss_err err = { 0 };
	uint8_t sha[32];
	uint32_t crc;

	expect_ok(io_load_file(path, &file, &err), &err);
	expect_ok(eif_header_read((struct ss_span){ file.p, EIF_HEADER_SIZE }, &h, &err), &err);
	assert_int_equal(h.n_sections, n);
	eif_header_write(&h, &want);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(h.offsets[i], want.n);
		assert_int_equal(h.sizes[i], s[i].n);
		eif_section_header_write(s[i].type, s[i].n, &want);
		fill(&s[i], &want);
	}
	assert_int_equal(file.n, want.n);
	assert_memory_equal(file.p, want.p, file.n);
	crc = crypto_crc32(0, (struct ss_span){ file.p, 544 });
	crc = crypto_crc32(crc, (struct ss_span){ file.p + 548, file.n - 548 });
	assert_int_equal(h.crc32, crc);
	crypto_hash_once(CRYPTO_SHA256, ss_buf_span(&file), sha);
	assert_memory_equal(m->file_sha256, sha, 32);
	assert_true(m->has_sha256);
	assert_int_equal(m->file_size, file.n);
}

static void check_case(const struct sec *s, size_t n)
{
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };
	size_t part = 0;

	expect_ok(write_file(s, n, &m, &err), &err);
	check_file(s, n, &m);
	check_register(s, n, 0, 32, m.pcr0);
	check_register(s, n, 0, 1, m.pcr1);
	check_register(s, n, 1, 32, m.pcr2);
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(FILE_MAX);
		uint8_t sha[48];

		if (!eif_section_is_measured(s[i].type))
			continue;
		fill(&s[i], &b);
		crypto_hash_once(CRYPTO_SHA384, ss_buf_span(&b), sha);
		assert_int_equal(m.parts[part].type, s[i].type);
		assert_int_equal(m.parts[part].size, s[i].n);
		assert_memory_equal(m.parts[part].sha384, sha, 48);
		part++;
	}
	assert_int_equal(m.n_parts, part);
	assert_false(m.has_pcr8 || m.pcr0_unknown);
}

static void a_file_of_two_ramdisks_is_what_the_format_says(void **state)
{
	const struct sec s[] = { { EIF_KERNEL, 300001, 1 },
				 { EIF_CMDLINE, 30, 2 },
				 { EIF_METADATA, 200, 3 },
				 { EIF_RAMDISK, 700, 4 },
				 { EIF_RAMDISK, 3 * IO_FAN_CHUNK_SIZE + 5, 5 } };

	(void)state;
	check_case(s, SS_NELEMS(s));
}

static void odd_orders_and_counts_are_measured_in_file_order(void **state)
{
	const struct sec one[] = { { EIF_KERNEL, 5, 1 },
				   { EIF_CMDLINE, 6, 2 },
				   { EIF_METADATA, 2, 3 },
				   { EIF_RAMDISK, 1000, 4 } };
	const struct sec four[] = { { EIF_CMDLINE, 0, 1 },    { EIF_KERNEL, 70, 2 },
				    { EIF_RAMDISK, 0, 3 },    { EIF_RAMDISK, 80, 4 },
				    { EIF_METADATA, 0, 5 },   { EIF_RAMDISK, 0, 6 },
				    { EIF_RAMDISK, 90000, 7 } };
	const struct sec late[] = { { EIF_KERNEL, 9, 1 },   { EIF_RAMDISK, 8, 2 },
				    { EIF_RAMDISK, 7, 3 },  { EIF_CMDLINE, 6, 4 },
				    { EIF_METADATA, 5, 5 }, { EIF_RAMDISK, 4, 6 } };
	const struct sec empty[] = { { EIF_KERNEL, 0, 1 },
				     { EIF_CMDLINE, 0, 2 },
				     { EIF_METADATA, 0, 3 },
				     { EIF_RAMDISK, 0, 4 },
				     { EIF_RAMDISK, 0, 5 } };

	(void)state;
	check_case(one, SS_NELEMS(one));
	check_case(four, SS_NELEMS(four));
	check_case(late, SS_NELEMS(late));
	check_case(empty, SS_NELEMS(empty));
}

static void pcr2_of_one_ramdisk_is_the_known_constant(void **state)
{
	const struct sec s[] = { { EIF_KERNEL, 5, 1 },
				 { EIF_CMDLINE, 6, 2 },
				 { EIF_METADATA, 2, 3 },
				 { EIF_RAMDISK, 1000, 4 } };
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };
	char hex[97];

	(void)state;
	expect_ok(write_file(s, SS_NELEMS(s), &m, &err), &err);
	ss_hex((struct ss_span){ m.pcr2, 48 }, hex);
	assert_string_equal(hex, "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c"
				 "10edb30948c90ba67310f7b964fc500a");
}

static void thirty_two_sections_fit_and_no_more(void **state)
{
	struct sec s[33] = { { EIF_KERNEL, 5, 1 }, { EIF_CMDLINE, 6, 2 }, { EIF_METADATA, 2, 3 } };
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 3; i < 33; i++)
		s[i] = (struct sec){ EIF_RAMDISK, i, (unsigned)i };
	check_case(s, 32);
	expect_fails(write_file(s, 33, &m, &err), &err, SS_ELIMIT, "more than 32 sections");
}

static void a_file_that_breaks_the_rules_is_not_written(void **state)
{
	static const struct {
		struct sec s[5];
		size_t n;
		enum ss_code code;
		const char *msg;
	} cases[] = {
		{ { { EIF_CMDLINE, 1, 1 } }, 1, SS_EINPUT, "'P': there is no kernel" },
		{ { { EIF_KERNEL, 1, 1 } }, 1, SS_EINPUT, "'P': there is no cmdline" },
		{ { { EIF_KERNEL, 1, 1 }, { EIF_CMDLINE, 1, 1 } },
		  2,
		  SS_EINPUT,
		  "'P': there is no ramdisk" },
		{ { { EIF_KERNEL, 1, 1 }, { EIF_CMDLINE, 1, 1 }, { EIF_RAMDISK, 1, 1 } },
		  3,
		  SS_EINPUT,
		  "'P': there is no metadata, which version 4 demands" },
		{ { { EIF_CMDLINE, 1, 1 }, { EIF_RAMDISK, 1, 1 } },
		  2,
		  SS_EINPUT,
		  "section 1 at byte 561: a ramdisk before the kernel" },
		{ { { EIF_KERNEL, 1, 1 }, { EIF_KERNEL, 1, 1 } },
		  2,
		  SS_EINPUT,
		  "section 1 at byte 561: a second kernel section" },
		{ { { EIF_CMDLINE, 4097, 1 } },
		  1,
		  SS_ELIMIT,
		  "section 0 at byte 548: cmdline of 4097 bytes; the limit is 4096" },
		{ { { EIF_METADATA, 16777217, 1 } },
		  1,
		  SS_ELIMIT,
		  "section 0 at byte 548: metadata of 16777217 bytes; the limit is 16777216" },
	};

	(void)state;
	(void)unlink(path);
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct eif_measurements m = { 0 };
		struct ss_err err = { 0 };
		char want[256];
		const char *p = strstr(cases[i].msg, "'P'");

		(void)snprintf(want, sizeof(want), "%s%s%s%s", p != NULL ? "'" : "",
			       p != NULL ? path : "", p != NULL ? "'" : "",
			       p != NULL ? p + 3 : cases[i].msg);
		expect_fails(write_file(cases[i].s, cases[i].n, &m, &err), &err, cases[i].code,
			     want);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static size_t names_in_folder(void)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

/* The file system says no in the middle: the old file stays, and nothing else. */
static void a_full_disk_leaves_what_was_there(void **state)
{
	const struct sec s[] = { { EIF_KERNEL, 9, 1 },
				 { EIF_CMDLINE, 9, 2 },
				 { EIF_METADATA, 9, 3 },
				 { EIF_RAMDISK, 20 * IO_FAN_CHUNK_SIZE, 5 } };
	AUTO_BUF struct ss_buf file = SS_BUF_INIT(16);
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };
	struct rlimit old, small;
	FILE *f = fopen(path, "we");
	char want[128];
	int rc;

	(void)state;
	assert_non_null(f);
	(void)fputs("old", f);
	(void)fclose(f);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ 3 * IO_FAN_CHUNK_SIZE + 77, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	rc = write_file(s, SS_NELEMS(s), &m, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)snprintf(want, sizeof(want), "'%s': cannot write: File too large", path);
	expect_fails(rc, &err, SS_ESYS, want);
	expect_ok(io_load_file(path, &file, &err), &err);
	assert_int_equal(file.n, 3);
	assert_memory_equal(file.p, "old", 3);
	assert_int_equal(names_in_folder(), 1);
}

static void an_abort_leaves_nothing(void **state)
{
	const struct eif_writer_opts o = { .default_cpus = 2 };
	const struct sec s = { EIF_KERNEL, 2 * IO_FAN_CHUNK_SIZE, 1 };
	struct eif_writer *w = NULL;
	struct ss_err err = { 0 };

	(void)state;
	(void)unlink(path);
	expect_ok(eif_writer_open(path, &o, &w, &err), &err);
	expect_ok(put_section(w, &s, &err), &err);
	eif_writer_abort(w);
	eif_writer_abort(NULL);
	assert_int_equal(names_in_folder(), 0);
}

static void a_signature_may_follow_the_measurement(void **state)
{
	const struct eif_writer_opts o = { .version = 3, .mode = 0600, .want_sha256 = true };
	const struct sec s[] = { { EIF_KERNEL, 9, 1 },
				 { EIF_CMDLINE, 9, 2 },
				 { EIF_RAMDISK, 300, 5 },
				 { EIF_SIGNATURE, 77, 6 } };
	struct eif_writer *w = NULL;
	struct eif_measurements before = { 0 }, after = { 0 };
	AUTO_BUF struct ss_buf section = SS_BUF_INIT(FILE_MAX);
	const uint8_t pcr8[CRYPTO_SHA384_SIZE] = { 8 };
	struct stat st = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(eif_writer_open(path, &o, &w, &err), &err);
	for (size_t i = 0; i < 3; i++)
		expect_ok(put_section(w, &s[i], &err), &err);
	expect_ok(eif_writer_measured(w, &before, &err), &err);
	fill(&s[3], &section);
	expect_ok(eif_writer_sign(w, ss_buf_span(&section), pcr8, &err), &err);
	expect_ok(eif_writer_finish(w, &after, &err), &err);
	check_file(s, SS_NELEMS(s), &after);
	check_register(s, 3, 0, 1, before.pcr0);
	assert_memory_equal(before.pcr0, after.pcr0, 48);
	assert_true(after.has_pcr8 && !before.has_pcr8);
	assert_memory_equal(after.pcr8, pcr8, 48);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_signature_over_the_limit_is_not_written(void **state)
{
	const struct eif_writer_opts o = { .version = 3 };
	const struct sec s = { EIF_SIGNATURE, EIF_SIGNATURE_MAX + 1, 1 };
	const uint8_t pcr8[CRYPTO_SHA384_SIZE] = { 8 };
	AUTO_BUF struct ss_buf section = SS_BUF_INIT(FILE_MAX);
	AUTO_EIF_WRITER struct eif_writer *w = NULL;
	struct eif_measurements m;
	struct ss_err err = { 0 };

	(void)state;
	fill(&s, &section);
	expect_ok(eif_writer_open(path, &o, &w, &err), &err);
	expect_ok(eif_writer_measured(w, &m, &err), &err);
	expect_fails(eif_writer_sign(w, ss_buf_span(&section), pcr8, &err), &err, SS_ELIMIT,
		     "section 0 at byte 548: signature of 32769 bytes; the limit is 32768");
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/a.eif", folder);
	return 0;
}

static int drop_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_two_ramdisks_is_what_the_format_says),
		cmocka_unit_test(odd_orders_and_counts_are_measured_in_file_order),
		cmocka_unit_test(pcr2_of_one_ramdisk_is_the_known_constant),
		cmocka_unit_test(thirty_two_sections_fit_and_no_more),
		cmocka_unit_test(a_file_that_breaks_the_rules_is_not_written),
		cmocka_unit_test(a_full_disk_leaves_what_was_there),
		cmocka_unit_test(an_abort_leaves_nothing),
		cmocka_unit_test(a_signature_may_follow_the_measurement),
		cmocka_unit_test(a_signature_over_the_limit_is_not_written),
	};

	return cmocka_run_group_tests_name("eif_writer", tests, make_folder, drop_folder);
}
