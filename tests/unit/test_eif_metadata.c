/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/metadata.h"
#include "expect.h"

#include <stdlib.h>
#include <string.h>

static char *written(const struct eif_metadata *m)
{
	struct ss_buf b = SS_BUF_INIT(4096);

	eif_metadata_write(m, &b);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_false(b.bad);
	return (char *)b.p;
}

static void metadata_has_nitro_clis_keys_in_its_order(void **state)
{
	const struct eif_metadata m = { .name = "hello",
					.version = "1",
					.build_time = 1720545398,
					.tool_version = "1",
					.kernel_version = "6.12.57" };
	AUTO_FREE char *text = written(&m);

	(void)state;
	assert_string_equal(
		text,
		"{\"ImageName\":\"hello\",\"ImageVersion\":\"1\",\"BuildMetadata\":{\"BuildTime\":"
		"\"2024-07-09T17:16:38+00:00\",\"BuildTool\":\"selfsame\",\"BuildToolVersion\":"
		"\"1\",\"OperatingSystem\":\"Linux\",\"KernelVersion\":\"6.12.57\"},\"DockerInfo\":"
		"null,\"CustomMetadata\":null}");
}

static void strings_are_escaped_where_json_demands_it_and_nowhere_else(void **state)
{
	const struct eif_metadata m = { .name = "a\"b\\c/d\x01\x1f\b\f\n\r\t\x7f\xc3\xa9",
					.version = "",
					.build_time = 0,
					.tool_version = "1",
					.kernel_version = "Unknown" };
	AUTO_FREE char *text = written(&m);

	(void)state;
	assert_non_null(strstr(text, "{\"ImageName\":\"a\\\"b\\\\c/d\\u0001\\u001f\\b\\f\\n\\r\\t"
				     "\x7f\xc3\xa9\",\"ImageVersion\":\"\","));
	assert_non_null(strstr(text, "\"BuildTime\":\"1970-01-01T00:00:00+00:00\""));
}

/* --- the kernel's version -------------------------------------------------------------------- */

static uint8_t image[0x20000];

static void make_bzimage(unsigned field, size_t at, const char *version)
{
	memset(image, 0, sizeof(image));
	image[0x1fe] = 0x55;
	image[0x1ff] = 0xaa;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x206] = 0x0f;
	image[0x207] = 0x02;
	image[0x20e] = (uint8_t)field;
	image[0x20f] = (uint8_t)(field >> 8);
	memcpy(image + at, version, strlen(version) + 1);
}

static const char *version_of(size_t n)
{
	static char ret[EIF_KERNEL_VERSION_SIZE];
	AUTO_FREE uint8_t *copy = ss_calloc(n, 1); /* exact size: ASan sees a read past it */

	memcpy(copy, image, n);
	eif_kernel_version((struct ss_span){ copy, n }, ret);
	return ret;
}

static void the_version_stands_where_the_boot_protocol_says(void **state)
{
	(void)state;
	make_bzimage(0x3000, 0x3200, "6.12.57-selfsame (a@b) #1 SMP");
	assert_string_equal(version_of(EIF_KERNEL_HEAD), "6.12.57-selfsame");
	make_bzimage(0xffff, 0x101ff, "4.14.256");
	assert_string_equal(version_of(EIF_KERNEL_HEAD), "4.14.256");
	make_bzimage(0x10, 0x210, "6.1");
	assert_string_equal(version_of(0x214), "6.1");
	assert_string_equal(version_of(0x213), "Unknown");
}

static void any_other_kernel_is_unknown(void **state)
{
	static const size_t spoil[] = { 0x1fe, 0x1ff, 0x202, 0x205 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(spoil); i++) {
		make_bzimage(0x3000, 0x3200, "6.12.57 x");
		image[spoil[i]] ^= 1;
		assert_string_equal(version_of(EIF_KERNEL_HEAD), "Unknown");
	}
	make_bzimage(0x3000, 0x3200, "6.12.57 x");
	image[0x207] = 1; /* protocol 1.15: the field is something else */
	assert_string_equal(version_of(EIF_KERNEL_HEAD), "Unknown");
	make_bzimage(0, 0x200, "");
	image[0x1fe] = 0x55;
	assert_string_equal(version_of(EIF_KERNEL_HEAD), "Unknown");
	memset(image, 0, sizeof(image));
	assert_string_equal(version_of(EIF_KERNEL_HEAD), "Unknown");
}

static void a_text_that_is_no_version_is_unknown(void **state)
{
	static const char long_one[] =
		"6.12.57-a-name-that-goes-on-for-more-than-sixty-three-characters-in-all x";
	static const char *const bad[] = { "",           " 6.12",      "6\n.12 x",
					   "6.12\xff x", "6.12\x7f x", long_one };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		make_bzimage(0x3000, 0x3200, bad[i]);
		assert_string_equal(version_of(EIF_KERNEL_HEAD), "Unknown");
	}
	make_bzimage(0x3000, 0x3200,
		     "012345678901234567890123456789012345678901234567890123456789012 x");
	assert_int_equal(strlen(version_of(EIF_KERNEL_HEAD)), 63);
}

static void a_kernel_cut_at_every_byte_is_read_safely(void **state)
{
	(void)state;
	make_bzimage(0x100, 0x300, "6.12.57 x");
	for (size_t n = 0; n < 0x320; n++)
		assert_string_equal(version_of(n), n < 0x308 ? "Unknown" : "6.12.57");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_has_nitro_clis_keys_in_its_order),
		cmocka_unit_test(strings_are_escaped_where_json_demands_it_and_nowhere_else),
		cmocka_unit_test(the_version_stands_where_the_boot_protocol_says),
		cmocka_unit_test(any_other_kernel_is_unknown),
		cmocka_unit_test(a_text_that_is_no_version_is_unknown),
		cmocka_unit_test(a_kernel_cut_at_every_byte_is_read_safely),
	};

	return cmocka_run_group_tests_name("eif_metadata", tests, NULL, NULL);
}
