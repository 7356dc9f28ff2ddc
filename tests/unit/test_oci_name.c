/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "oci/name.h"

#include <stdlib.h>
#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void names_are_cleaned(void **state)
{
	static const struct {
		const char *raw, *clean;
	} cases[] = {
		{ "a", "a" },         { "./a", "a" },     { "././a/./b//c/", "a/b/c" },
		{ ".", "" },          { "./", "" },       { "/", "" },
		{ "//", "" },         { "..a", "..a" },   { "a/...", "a/..." },
		{ ".a/b.", ".a/b." }, { "a\\b", "a\\b" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct oci_name n;
		struct ss_err err = { 0 };

		expect_ok(oci_name_clean(text(cases[i].raw), &n, &err), &err);
		assert_int_equal(n.n, strlen(cases[i].clean));
		assert_memory_equal(n.p, cases[i].clean, n.n);
	}
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	static const struct {
		const char *raw;
		size_t n;
		const char *msg;
	} cases[] = {
		{ "", 0, "an empty name" },
		{ "..", 2, "'..' in a name" },
		{ "../a", 4, "'..' in a name" },
		{ "a/..", 4, "'..' in a name" },
		{ "a/../b", 6, "'..' in a name" },
		{ "a//../b", 7, "'..' in a name" },
		{ "./..", 4, "'..' in a name" },
		{ "/a", 2, "an absolute name" },
		{ "//a", 3, "an absolute name" },
		{ "/.", 2, "an absolute name" },
		{ "a\0b", 3, "a NUL byte in a name" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct oci_name n;
		struct ss_err err = { 0 };

		expect_fails(oci_name_clean(
				     (struct ss_span){ (const uint8_t *)cases[i].raw, cases[i].n },
				     &n, &err),
			     &err, SS_EINPUT, cases[i].msg);
	}
}

static void the_room_is_enough_and_not_more(void **state)
{
	static uint8_t raw[2 * OCI_NAME_MAX];
	struct oci_name n;
	struct ss_err err = { 0 };

	(void)state;
	memset(raw, 'a', sizeof(raw));
	expect_ok(oci_name_clean((struct ss_span){ raw, OCI_NAME_MAX }, &n, &err), &err);
	assert_int_equal(n.n, OCI_NAME_MAX);
	expect_fails(oci_name_clean((struct ss_span){ raw, OCI_NAME_MAX + 1 }, &n, &err), &err,
		     SS_ELIMIT, "a name of more than 4099 bytes");
	raw[1] = '/';
	expect_fails(oci_name_clean((struct ss_span){ raw, OCI_NAME_MAX + 1 }, &n, &err), &err,
		     SS_ELIMIT, "a name of more than 4099 bytes");
}

static void marks_are_told_from_names(void **state)
{
	static const struct {
		const char *name;
		enum oci_mark mark;
		const char *about; /* or the refusal */
		bool ok;
	} cases[] = {
		{ "a", OCI_MARK_NONE, "a", true },
		{ "a/.wha", OCI_MARK_NONE, "a/.wha", true },
		{ "a.wh.b", OCI_MARK_NONE, "a.wh.b", true },
		{ ".wh.a", OCI_MARK_WHITEOUT, "a", true },
		{ "d/.wh.a", OCI_MARK_WHITEOUT, "d/a", true },
		{ "d/.wh..a", OCI_MARK_WHITEOUT, "d/.a", true },
		{ "d/.wh....", OCI_MARK_WHITEOUT, "d/...", true },
		{ ".wh..wh..opq", OCI_MARK_OPAQUE, "", true },
		{ "d/e/.wh..wh..opq", OCI_MARK_OPAQUE, "d/e", true },
		{ ".wh.", OCI_MARK_NONE, "a whiteout of nothing", false },
		{ "d/.wh..", OCI_MARK_NONE, "a whiteout of nothing", false },
		{ "d/.wh...", OCI_MARK_NONE, "a whiteout of nothing", false },
		{ ".wh.a/b", OCI_MARK_NONE, "an entry below a whiteout", false },
		{ ".wh..wh..opq/b", OCI_MARK_NONE, "an entry below a whiteout", false },
		{ ".wh..wh.aufs", OCI_MARK_NONE, "metadata of AUFS, which is not supported",
		  false },
		{ ".wh..wh..opq2", OCI_MARK_NONE, "metadata of AUFS, which is not supported",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct oci_name n;
		struct ss_err err = { 0 };
		enum oci_mark mark = OCI_MARK_NONE;
		int rc;

		expect_ok(oci_name_clean(text(cases[i].name), &n, &err), &err);
		rc = oci_name_mark(&n, &mark, &err);
		if (!cases[i].ok) {
			expect_fails(rc, &err, SS_EINPUT, cases[i].about);
			continue;
		}
		expect_ok(rc, &err);
		assert_int_equal(mark, cases[i].mark);
		assert_int_equal(n.n, strlen(cases[i].about));
		assert_memory_equal(n.p, cases[i].about, n.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_cleaned),
		cmocka_unit_test(names_that_lead_elsewhere_are_refused),
		cmocka_unit_test(the_room_is_enough_and_not_more),
		cmocka_unit_test(marks_are_told_from_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
