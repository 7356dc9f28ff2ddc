/* SPDX-License-Identifier: Apache-2.0 */
#include "config/measurements.h"
#include "expect.h"

#include <string.h>

static struct cfg_measurements sample(void)
{
	struct cfg_measurements m = { 0 };

	memset(m.m.pcr0, 0xa0, sizeof(m.m.pcr0));
	memset(m.m.pcr1, 0xa1, sizeof(m.m.pcr1));
	memset(m.m.pcr2, 0xa2, sizeof(m.m.pcr2));
	memset(m.m.pcr8, 0xa8, sizeof(m.m.pcr8));
	m.m.file_size = UINT64_C(5000000000);
	m.m.has_sha256 = true;
	memset(m.m.file_sha256, 0xff, sizeof(m.m.file_sha256));
	m.m.parts[0] = (struct eif_part){ .type = EIF_KERNEL, .size = 10 };
	m.m.parts[1] = (struct eif_part){ .type = EIF_CMDLINE, .size = 0 };
	m.m.parts[2] = (struct eif_part){ .type = EIF_RAMDISK, .size = 7 };
	m.m.parts[3] = (struct eif_part){ .type = EIF_RAMDISK, .size = 8 };
	m.m.n_parts = 4;
	(void)snprintf(m.source.commit, sizeof(m.source.commit),
		       "0123456789abcdef0123456789abcdef01234567");
	m.source.dirty = true;
	return m;
}

static char *write_text(const struct cfg_measurements *m, struct ss_buf *b)
{
	cfg_measurements_write(m, b);
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"", 1 });
	b->n--;
	return (char *)b->p;
}

static void keys_stand_in_one_order(void **state)
{
	static const char *const keys[] = { "\"HashAlgorithm\": \"Sha384 { ... }\"",
					    "\"PCR0\": \"a0a0",
					    "\"PCR1\": \"a1a1",
					    "\"PCR2\": \"a2a2",
					    "\"PCR8\": \"a8a8",
					    "\"eif\": {\n    \"sha256\": \"ffff",
					    "\"size\": 5000000000",
					    "\"parts\": [\n    {\n      \"type\": \"kernel\",\n",
					    "\"size\": 10,\n      \"sha384\": \"0000",
					    "\"type\": \"cmdline\"",
					    "\"type\": \"ramdisk\"",
					    "\"source\": {\n    \"commit\": \"0123",
					    "\"dirty\": true\n  }\n}\n" };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	struct cfg_measurements m = sample();
	const char *at;

	(void)state;
	m.m.has_pcr8 = true;
	at = write_text(&m, &b);
	for (size_t i = 0; i < SS_NELEMS(keys); i++) {
		at = strstr(at, keys[i]);
		if (at == NULL)
			fail_msg("%s is missing or out of order", keys[i]);
	}
}

static void what_was_written_reads_back_and_writes_to_the_same_bytes(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536), again = SS_BUF_INIT(65536);
	struct cfg_measurements m = sample(), back;
	struct ss_err err = { 0 };

	(void)state;
	m.source.commit[0] = '\0';
	(void)write_text(&m, &b);
	expect_ok(cfg_measurements_read(ss_buf_span(&b), &back, &err), &err);
	assert_false(back.m.has_pcr8);
	assert_int_equal(back.m.n_parts, 4);
	assert_string_equal(back.source.commit, "");
	assert_string_equal(write_text(&back, &again), (const char *)b.p);
}

static void cut_at_any_byte_it_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	const struct cfg_measurements m = sample();

	(void)state;
	(void)write_text(&m, &b);
	for (size_t n = 0; n + 1 < b.n; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n, 1);
		struct cfg_measurements back;
		struct ss_err err = { 0 };

		memcpy(copy, b.p, n);
		assert_int_equal(cfg_measurements_read((struct ss_span){ copy, n }, &back, &err),
				 -1);
		assert_true(err.code == SS_EINPUT && err.msg[0] != '\0');
	}
}

static void expect_refused(const char *from, const char *to, const char *msg)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536), edited = SS_BUF_INIT(65536);
	struct cfg_measurements m = sample(), back;
	struct ss_err err = { 0 };
	const char *text = write_text(&m, &b);
	const char *at = strstr(text, from);

	assert_non_null(at);
	ss_buf_put(&edited, (struct ss_span){ (const uint8_t *)text, (size_t)(at - text) });
	ss_buf_put(&edited, (struct ss_span){ (const uint8_t *)to, strlen(to) });
	at += strlen(from);
	ss_buf_put(&edited, (struct ss_span){ (const uint8_t *)at, strlen(at) });
	expect_fails(cfg_measurements_read(ss_buf_span(&edited), &back, &err), &err, SS_EINPUT,
		     msg);
}

static void wrong_values_are_named(void **state)
{
	(void)state;
	expect_refused("\"PCR0\": \"a", "\"PCR0\": \"x", "'PCR0' must be 96 hexadecimal digits");
	expect_refused("Sha384", "Sha512", "'HashAlgorithm' must be Sha384 { ... }");
	expect_refused("\"kernel\"", "\"metadata\"",
		       "part 0: 'type' must be kernel, cmdline or ramdisk");
	expect_refused("\"commit\": \"0", "\"commit\": \"X",
		       "'commit' must be lower-case hexadecimal");
	expect_refused("true", "1", "'dirty' must be true or false");
	expect_refused("\"sha256\": \"ff", "\"sha256\": \"f",
		       "'eif': 'sha256' must be 64 hexadecimal digits");
}

struct found {
	char text[1024];
};

static void note(void *ctx, const char *what, const char *want, const char *got)
{
	struct found *f = ctx;
	const size_t n = strlen(f->text);

	(void)snprintf(f->text + n, sizeof(f->text) - n, "%s %.4s>%.4s;", what, want, got);
}

static void differences_are_named_part_by_part(void **state)
{
	const struct cfg_measurements a = sample();
	struct cfg_measurements b = sample();
	struct found f = { "" };

	(void)state;
	b.source.dirty = false; /* never compared */
	assert_true(cfg_measurements_same(&a.m, &b.m, note, &f));
	assert_string_equal(f.text, "");
	b.m.pcr2[0] = 0;
	b.m.parts[3].sha384[0] = 0x55;
	b.m.parts[3].size = 9;
	b.m.parts[0].size = 11;
	assert_false(cfg_measurements_same(&a.m, &b.m, note, &f));
	assert_string_equal(f.text, "PCR2 a2a2>00a2;kernel, size 10>11;ramdisk 1, size 8>9;"
				    "ramdisk 1 0000>5500;");
}

static void a_signed_and_an_unsigned_file_may_be_the_same_image(void **state)
{
	const struct cfg_measurements a = sample();
	struct cfg_measurements b = sample();
	struct found f = { "" };

	(void)state;
	b.m.has_pcr8 = true;
	b.m.file_size++;
	b.m.file_sha256[0] = 0;
	assert_true(cfg_measurements_same(&a.m, &b.m, note, &f));
	b.m.has_pcr8 = false;
	assert_false(cfg_measurements_same(&a.m, &b.m, note, &f));
	assert_string_equal(f.text, "file, size 5000>5000;file ffff>00ff;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_stand_in_one_order),
		cmocka_unit_test(what_was_written_reads_back_and_writes_to_the_same_bytes),
		cmocka_unit_test(cut_at_any_byte_it_is_refused),
		cmocka_unit_test(wrong_values_are_named),
		cmocka_unit_test(differences_are_named_part_by_part),
		cmocka_unit_test(a_signed_and_an_unsigned_file_may_be_the_same_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
