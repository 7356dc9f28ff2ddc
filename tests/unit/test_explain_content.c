/* SPDX-License-Identifier: Apache-2.0 */
/* What two contents of a type are told to differ in: place, both values, cause. */
#include "base/mem.h"
#include "expect.h"
#include "explain/ex_run.h"

#include <stdio.h>
#include <string.h>

static void put(struct ss_buf *to, struct ss_span s)
{
	ss_buf_put(to, s);
}

static void compare(const char *name, struct ss_span a, struct ss_span b, struct ex_report *ret)
{
	const struct ex_options o = { .arch = "x86_64" };
	struct ex_pair p = { .path = SS_BUF_INIT(64) };
	struct ss_err err = { 0 };
	struct ex_run r;

	p.a = (struct ex_bytes){ .src = ex_source_mem(a), .n = a.n };
	p.b = (struct ex_bytes){ .src = ex_source_mem(b), .n = b.n };
	put(&p.path, ex_text(name));
	ex_run_init(&r, &o, ret);
	r.part = "file";
	ex_next_file(&r, ss_buf_span(&p.path));
	expect_ok(ex_content(&r, &p, &err), &err);
	ex_run_done(&r);
	ex_pair_done(&p);
}

/* One line a difference: "cause|where|a|b". */
static void expect_told(const char *name, struct ss_span a, struct ss_span b, const char *want)
{
	AUTO_EX_REPORT struct ex_report report = { 0 };
	AUTO_BUF struct ss_buf seen = SS_BUF_INIT(65536);

	compare(name, a, b, &report);
	for (size_t i = 0; i < report.n; i++) {
		const struct ex_diff *d = &report.diffs[i];

		put(&seen, ex_text(ex_cause_row(d->cause)->code));
		put(&seen, ex_text("|"));
		put(&seen, d->where);
		put(&seen, ex_text("|"));
		put(&seen, d->a);
		put(&seen, ex_text("|"));
		put(&seen, d->b);
		put(&seen, ex_text("\n"));
	}
	put(&seen, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)seen.p, want);
}

static void expect_text(const char *a, const char *b, const char *want)
{
	expect_told("etc/x.conf", ex_text(a), ex_text(b), want);
}

/* --- INI ----------------------------------------------------------------------------------------
 */

static void ini_is_compared_by_section_and_key(void **state)
{
	(void)state;
	expect_text("[a]\nk = 1\nl=2\n[b]\nk = x\n", "[a]\nk = 2\nl = 2\n[b]\nk = y\n",
		    "unknown|a.k|1|2\nunknown|b.k|x|y\n");
	expect_text("top: 1\n[a]\nk: 1\n", "top: 2\n[a]\nk: 1\n", "unknown|top|1|2\n");
	expect_text("[a]\nk = at 2024-01-02\n", "[a]\nk = at 2025-01-02\n",
		    "time.text|a.k|at 2024-01-02|at 2025-01-02\n");
	expect_text("[a]\nk = 1\n", "[a]\n# made by hand\nk = 1\nm = 3\n",
		    "unknown|a.#: only the second has it||# made by hand\n"
		    "unknown|a.m: only the second has it||3\n");
}

static void ini_in_another_order_is_the_same_by_key(void **state)
{
	(void)state;
	expect_text("[a]\nk = 1\nl = 2\n[b]\nm = 3\n", "[b]\nm = 3\n[a]\nl = 2\nk = 1\n",
		    "order.lines|the same keys in another order||\n");
	expect_text("[a]\nk = 1\nl = 2\n", "[a]\nl = 2\nk = 5\n", "unknown|a.k|1|5\n");
}

static void ini_keys_that_come_again_are_numbered(void **state)
{
	(void)state;
	expect_text("[Service]\nEnvironment=A=1\nEnvironment=B=1\n",
		    "[Service]\nEnvironment=A=1\nEnvironment=B=2\nEnvironment=C=1\n",
		    "unknown|Service.Environment 2|B=1|B=2\n"
		    "unknown|Service.Environment 3: only the second has it||C=1\n");
}

static void ini_values_may_take_several_lines(void **state)
{
	(void)state;
	expect_text("[a]\nk =\n  one\n  two\nl = 1\n", "[a]\nk =\n  one\n  three\nl = 1\n",
		    "unknown|a.k|one\n  two|one\n  three\n");
}

static void what_is_no_ini_is_compared_by_line(void **state)
{
	(void)state;
	expect_text("[a]\nk = 1\njust words\n", "[a]\nk = 2\njust words\n",
		    "unknown|line 2|k = 1|k = 2\n");
	expect_text("k = 1\n", "k = 2\n", "unknown|line 1|k = 1|k = 2\n");
	expect_text("[a]\n", "[b]\n", "unknown|line 1|[a]|[b]\n");
	/* Only blanks differ. */
	expect_text("[a]\nk = 1\n", "[a]\nk =  1\n", "unknown|line 2|k = 1|k =  1\n");
}

static void private_keys_are_not_shown(void **state)
{
	static const char pem[] = "-----BEGIN PRIVATE KEY-----";

	(void)state;
	expect_text("[a]\nk = -----BEGIN PRIVATE KEY-----\n  AAAA=\n",
		    "[a]\nk = -----BEGIN PRIVATE KEY-----\n  BBBB=\n",
		    "rand.private-key|a private key||\n");
	assert_true(ex_holds_key(ex_text(pem)));
	expect_told("x.json", ex_text("{\"k\": \"-----BEGIN PRIVATE KEY-----AA\"}"),
		    ex_text("{\"k\": \"-----BEGIN PRIVATE KEY-----BB\"}"),
		    "rand.private-key|/k||\n");
}

/* --- notes of ELF -------------------------------------------------------------------------------
 */

struct maker {
	struct ss_buf b;
	bool big;
	bool wide;
};

static void number(struct ss_buf *b, const struct maker *m, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const size_t shift = 8 * (m->big ? n - 1 - i : i);
		const uint8_t byte = (uint8_t)(v >> shift);

		put(b, (struct ss_span){ &byte, 1 });
	}
}

static void pad(struct ss_buf *b, size_t align)
{
	static const uint8_t zeros[8];

	put(b, (struct ss_span){ zeros, (align - b->n % align) % align });
}

static void put_note(struct ss_buf *b, const struct maker *m, size_t align, const char *owner,
		     uint32_t type, const char *desc)
{
	number(b, m, strlen(owner) + 1, 4);
	number(b, m, strlen(desc), 4);
	number(b, m, type, 4);
	put(b, (struct ss_span){ (const uint8_t *)owner, strlen(owner) + 1 });
	pad(b, align);
	put(b, ex_text(desc));
	pad(b, align);
}

static void put_section(struct maker *m, uint32_t name, uint32_t type, uint64_t at, uint64_t n,
			uint64_t align)
{
	const size_t word = m->wide ? 8 : 4;

	number(&m->b, m, name, 4);
	number(&m->b, m, type, 4);
	number(&m->b, m, 0, word);
	number(&m->b, m, 0, word);
	number(&m->b, m, at, word);
	number(&m->b, m, n, word);
	number(&m->b, m, 0, 4);
	number(&m->b, m, 0, 4);
	number(&m->b, m, align, word);
	number(&m->b, m, 0, word);
}

/* A file with one section of notes. */
static void make_elf(struct maker *m, const char *section, struct ss_span notes, size_t align)
{
	const size_t head = m->wide ? 64 : 52;
	const size_t word = m->wide ? 8 : 4;
	const size_t names_n = 1 + strlen(section) + 1 + sizeof(".shstrtab");
	const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', m->wide ? 2 : 1, m->big ? 2 : 1, 1 };

	put(&m->b, (struct ss_span){ ident, sizeof(ident) });
	number(&m->b, m, 1, 2);
	number(&m->b, m, 21, 2);
	number(&m->b, m, 1, 4);
	number(&m->b, m, 0, word);
	number(&m->b, m, 0, word);
	number(&m->b, m, head + notes.n + names_n, word);
	number(&m->b, m, 0, 4);
	number(&m->b, m, head, 2);
	number(&m->b, m, 0, 2);
	number(&m->b, m, 0, 2);
	number(&m->b, m, m->wide ? 64 : 40, 2);
	number(&m->b, m, 3, 2);
	number(&m->b, m, 2, 2);
	put(&m->b, notes);
	put(&m->b, (struct ss_span){ (const uint8_t *)"", 1 });
	put(&m->b, (struct ss_span){ (const uint8_t *)section, strlen(section) + 1 });
	put(&m->b, (struct ss_span){ (const uint8_t *)".shstrtab", sizeof(".shstrtab") });
	put_section(m, 0, 0, 0, 0, 0);
	put_section(m, 1, 7, head, notes.n, align);
	put_section(m, (uint32_t)(2 + strlen(section)), 3, head + notes.n, names_n, 1);
}

static void expect_notes(const char *a, const char *b, uint32_t type, const char *owner,
			 const char *want)
{
	for (unsigned form = 0; form < 8; form++) {
		struct maker x = { SS_BUF_INIT(65536), (form & 1) != 0, (form & 2) != 0 };
		struct maker y = { SS_BUF_INIT(65536), x.big, x.wide };
		AUTO_BUF struct ss_buf u = SS_BUF_INIT(4096);
		AUTO_BUF struct ss_buf v = SS_BUF_INIT(4096);
		const size_t align = (form & 4) != 0 ? 8 : 4;

		/* What stands before and behind is found, too. */
		put_note(&u, &x, align, "First", 1, "abcde");
		put_note(&v, &y, align, "First", 1, "abcde");
		put_note(&u, &x, align, owner, type, a);
		put_note(&v, &y, align, owner, type, b);
		put_note(&u, &x, align, "Last", 9, "xyz");
		put_note(&v, &y, align, "Last", 9, "xyz");
		make_elf(&x, ".note.x", ss_buf_span(&u), align);
		make_elf(&y, ".note.x", ss_buf_span(&v), align);
		expect_told("bin/x", ss_buf_span(&x.b), ss_buf_span(&y.b), want);
		ss_buf_done(&x.b);
		ss_buf_done(&y.b);
	}
}

static void notes_of_either_byte_order_are_told_by_owner_and_type(void **state)
{
	(void)state;
	expect_notes("\1\2\3\4", "\1\2\3\5", 3, "GNU",
		     "tool.build-id|note: build id|01020304|01020305\n");
	expect_notes("\1\2", "\1\3", 1, "GNU",
		     "tool.compiler-version|note of GNU, type 0x1|0102|0103\n");
	expect_notes("{\"version\":\"1.2-3\"}", "{\"version\":\"1.2-4\"}", 0xcafe1a7e, "FDO",
		     "net.package-version|note of FDO, type 0xcafe1a7e|{\"version\":\"1.2-3\"}|"
		     "{\"version\":\"1.2-4\"}\n");
	expect_notes("aa/bb", "aa/cc", 4, "Go", "tool.build-id|note of Go, type 0x4|aa/bb|aa/cc\n");
}

static void a_note_that_only_one_has_is_named(void **state)
{
	struct maker x = { SS_BUF_INIT(65536), true, true };
	struct maker y = { SS_BUF_INIT(65536), true, true };
	AUTO_BUF struct ss_buf u = SS_BUF_INIT(4096);
	AUTO_BUF struct ss_buf v = SS_BUF_INIT(4096);

	(void)state;
	put_note(&u, &x, 4, "One", 1, "a");
	put_note(&v, &y, 4, "Two", 1, "a");
	make_elf(&x, ".note.x", ss_buf_span(&u), 4);
	make_elf(&y, ".note.x", ss_buf_span(&v), 4);
	expect_told("bin/x", ss_buf_span(&x.b), ss_buf_span(&y.b),
		    "unknown|a note that only the first has|note of One, type 0x1|\n"
		    "unknown|a note that only the second has||note of Two, type 0x1\n");
	ss_buf_done(&x.b);
	ss_buf_done(&y.b);
}

/* A section that ends anywhere, and one whose sizes lie: told all the same, as bytes. */
static void notes_that_are_broken_are_told_as_bytes(void **state)
{
	struct maker x = { SS_BUF_INIT(65536), false, true };
	AUTO_BUF struct ss_buf u = SS_BUF_INIT(4096);

	(void)state;
	put_note(&u, &x, 4, "One", 1, "abcd");
	for (size_t n = 1; n < u.n; n++) {
		const struct ss_span cut = { u.p, n };
		struct maker a = { SS_BUF_INIT(65536), false, true };
		struct maker b = { SS_BUF_INIT(65536), false, true };
		AUTO_EX_REPORT struct ex_report report = { 0 };

		make_elf(&a, ".note.x", cut, 4);
		make_elf(&b, ".note.x", cut, 4);
		b.b.p[64 + n - 1] ^= 0x80;
		compare("bin/x", ss_buf_span(&a.b), ss_buf_span(&b.b), &report);
		assert_int_equal(report.n, 1);
		ss_buf_done(&a.b);
		ss_buf_done(&b.b);
	}
	ss_buf_done(&x.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ini_is_compared_by_section_and_key),
		cmocka_unit_test(ini_in_another_order_is_the_same_by_key),
		cmocka_unit_test(ini_keys_that_come_again_are_numbered),
		cmocka_unit_test(ini_values_may_take_several_lines),
		cmocka_unit_test(what_is_no_ini_is_compared_by_line),
		cmocka_unit_test(private_keys_are_not_shown),
		cmocka_unit_test(notes_of_either_byte_order_are_told_by_owner_and_type),
		cmocka_unit_test(a_note_that_only_one_has_is_named),
		cmocka_unit_test(notes_that_are_broken_are_told_as_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
