/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/layout.h"
#include "expect.h"
#include "fmt/cpio.h"

#include <string.h>

#define ROOM ((size_t)256 * 1024)

static void add_line(void *ctx, const char *line)
{
	struct ss_buf *b = ctx;

	ss_buf_put(b, (struct ss_span){ (const uint8_t *)line, strlen(line) });
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)";", 1 });
}

/* An archive of the names in `list`, divided by spaces: "d/" a folder, "@" a trailer, "0" zeros. */
static void make(struct ss_buf *b, const char *list)
{
	static const uint8_t zeros[8];
	uint32_t ino = 1;

	while (*list != '\0') {
		const size_t n = strcspn(list, " ");
		const struct cpio_entry e = { .ino = ino++,
					      .mode = list[n - 1] == '/' ? CPIO_DIR | 0755
									 : CPIO_REG | 0644,
					      .nlink = 1,
					      .name = { (const uint8_t *)list, n } };

		if (n == 1 && list[0] == '@')
			cpio_trailer_write(ino, 0, 0, b);
		else if (n == 1 && list[0] == '0')
			ss_buf_put(b, (struct ss_span){ zeros, sizeof(zeros) });
		else
			cpio_entry_write(&e, b);
		list += list[n] == ' ' ? n + 1 : n;
	}
}

static void check(const char *list, enum eif_layout want, const char *findings)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf got = SS_BUF_INIT(ROOM);
	AUTO_LAYOUT_CHECK struct eif_layout_check *c = eif_layout_new(add_line, &got);
	struct ss_err err = { 0 };

	make(&b, list);
	for (size_t i = 0; i < b.n; i += 13)
		assert_int_equal(
			eif_layout_put(c, (struct ss_span){ b.p + i, b.n - i < 13 ? b.n - i : 13 },
				       &err),
			0);
	assert_int_equal(eif_layout_end(c), want);
	ss_buf_put(&got, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)got.p, findings);
}

#define TAIL                                                                                       \
	" rootfs/ rootfs/dev/ rootfs/run/ rootfs/sys/ rootfs/var/ rootfs/proc/ rootfs/tmp/ cmd "   \
	"env @ 0"

static void what_nitro_cli_writes_has_no_findings(void **state)
{
	(void)state;
	/* an empty image: everything is touched */
	check("rootfs/ rootfs/dev rootfs/dev/pts rootfs/dev/shm rootfs/etc rootfs/etc/hosts "
	      "rootfs/etc/mtab rootfs/etc/resolv.conf rootfs/proc rootfs/sys" TAIL,
	      EIF_LAYOUT_NITRO_CLI, "");
	/* all there; "bin-x" comes after what is in "bin" */
	check("rootfs rootfs/bin/ rootfs/bin/sh rootfs/bin-x rootfs/dev/ rootfs/dev/pts/ "
	      "rootfs/dev/shm/ rootfs/etc/ rootfs/etc/hosts rootfs/etc/mtab "
	      "rootfs/etc/resolv.conf rootfs/proc/ rootfs/sys/ rootfs/tmp/" TAIL,
	      EIF_LAYOUT_NITRO_CLI, "");
	/* some of them */
	check("rootfs rootfs/a rootfs/etc/ rootfs/etc/passwd rootfs/usr/ rootfs/dev "
	      "rootfs/dev/pts rootfs/dev/shm rootfs/etc/hosts rootfs/etc/mtab "
	      "rootfs/etc/resolv.conf rootfs/proc rootfs/sys" TAIL,
	      EIF_LAYOUT_NITRO_CLI, "");
}

static void what_it_would_not_write_is_found(void **state)
{
	static const struct {
		const char *list;
		const char *findings;
	} cases[] = {
		{ "rootfs init" TAIL, "'init' lies outside 'rootfs';" },
		{ "rootfs rootfs/a nsm.ko rootfs/b" TAIL, "'nsm.ko' lies outside 'rootfs';" },
		{ "rootfs rootfsx/a" TAIL, "'rootfsx/a' lies outside 'rootfs';" },
		{ "rootfs ./init" TAIL, "'./init' lies outside 'rootfs';" },
		{ "rootfs rootfs/../init" TAIL,
		  "'rootfs/../init' is a name that nothing below a folder has;" },
		{ "rootfs rootfs/b rootfs/a" TAIL, "'rootfs/a' comes twice or out of order;" },
		{ "rootfs rootfs/a rootfs/a" TAIL, "'rootfs/a' comes twice or out of order;" },
		{ "rootfs rootfs/a-b rootfs/a/b" TAIL,
		  "'rootfs/a/b' comes twice or out of order;" },
		{ "rootfs rootfs/etc/ rootfs/z rootfs/etc/" TAIL,
		  "'rootfs/etc' comes twice or out of order;" },
		{ "rootfs rootfs/z rootfs/etc rootfs/dev" TAIL,
		  "'rootfs/dev' comes twice or out of order;" },
		{ "rootfs rootfs/z rootfs/dev rootfs/zz" TAIL,
		  "'rootfs/zz' comes twice or out of order;" },
		{ "rootfs cmd" TAIL, "'cmd' lies outside 'rootfs';" },
		{ "rootfs rootfs/ cmd env @",
		  "'cmd' is not what comes at the end of nitro-cli's archive;"
		  "'env' is not what comes at the end of nitro-cli's archive;"
		  "the archive ends before 'env', its last entry;" },
		{ "rootfs rootfs/a @", "the archive ends before 'env', its last entry;" },
		{ "rootfs rootfs/ rootfs/dev/ rootfs/run/ rootfs/sys/ rootfs/var/ rootfs/proc/ "
		  "rootfs/tmp/ cmd/ env @",
		  "'cmd' has another type than nitro-cli gives it;" },
		{ "rootfs rootfs/ rootfs/dev/ rootfs/run/ rootfs/sys/ rootfs/var/ rootfs/proc/ "
		  "rootfs/tmp/ cmd env cmd @",
		  "'cmd' follows 'env', the last entry;" },
		{ "rootfs" TAIL " init @",
		  "'init' stands in a second archive;a second archive follows the first;" },
		{ "rootfs" TAIL " @", "a second archive follows the first;" },
		{ "rootfs" TAIL " x", "'x' stands in a second archive;"
				      "the archive ends without a trailer, at byte 1460;" },
		{ "rootfs rootfs/\x1b[1m" TAIL, "" },
		{ "rootfs in\x1bit" TAIL, "'in\\x1bit' lies outside 'rootfs';" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		check(cases[i].list, EIF_LAYOUT_NITRO_CLI, cases[i].findings);
}

static void our_own_layout_is_known(void **state)
{
	(void)state;
	check("config rootfs/ rootfs/a/ rootfs/a/b rootfs/a-b @ 0", EIF_LAYOUT_SELFSAME, "");
	check("config rootfs/ rootfs/b rootfs/a init @", EIF_LAYOUT_SELFSAME,
	      "'rootfs/a' comes twice or out of order;'init' lies outside 'rootfs';");
	check("config rootfs/ @ rootfs/x @", EIF_LAYOUT_SELFSAME,
	      "'rootfs/x' stands in a second archive;a second archive follows the first;");
}

static void any_other_is_unknown_without_findings(void **state)
{
	AUTO_BUF struct ss_buf got = SS_BUF_INIT(ROOM);
	AUTO_LAYOUT_CHECK struct eif_layout_check *c = eif_layout_new(add_line, &got);
	struct ss_err err = { 0 };

	(void)state;
	check("", EIF_LAYOUT_NONE, "");
	check("0 0", EIF_LAYOUT_NONE, "");
	check("init etc/ @", EIF_LAYOUT_UNKNOWN, "");
	check("init rootfs/ ../x @ @", EIF_LAYOUT_UNKNOWN, "");
	assert_int_equal(
		eif_layout_put(c, (struct ss_span){ (const uint8_t *)"\x1f\x8b\x08", 3 }, &err), 0);
	assert_int_equal(eif_layout_end(c), EIF_LAYOUT_UNKNOWN);
	assert_int_equal(got.n, 0);
}

/* Cut anywhere, it is said, and nothing is read past the end. */
static void a_truncated_archive_is_found(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	struct ss_err err = { 0 };

	(void)state;
	make(&b, "rootfs rootfs/a" TAIL);
	for (size_t n = 120; n + 150 < b.n; n++) {
		AUTO_BUF struct ss_buf got = SS_BUF_INIT(ROOM);
		AUTO_LAYOUT_CHECK struct eif_layout_check *c = eif_layout_new(add_line, &got);
		AUTO_FREE uint8_t *copy = ss_calloc(n, 1);

		memcpy(copy, b.p, n);
		assert_int_equal(eif_layout_put(c, (struct ss_span){ copy, n }, &err), 0);
		assert_int_equal(eif_layout_end(c), EIF_LAYOUT_NITRO_CLI);
		assert_true(got.n > 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nitro_cli_writes_has_no_findings),
		cmocka_unit_test(what_it_would_not_write_is_found),
		cmocka_unit_test(our_own_layout_is_known),
		cmocka_unit_test(any_other_is_unknown_without_findings),
		cmocka_unit_test(a_truncated_archive_is_found),
	};

	return cmocka_run_group_tests_name("eif_layout", tests, NULL, NULL);
}
