/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "fmt/toml.h"

#include <string.h>

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static char *text_of(struct ss_buf *b)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"", 1 });
	return (char *)b->p;
}

static void values_come_with_the_line_of_their_key(void **state)
{
	AUTO_TOML struct toml_node *t = NULL;
	const struct toml_node *port, *list;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(toml_read(span("# a comment\nname = \"x\"\n\n[[ingress]]\nport = 443\n"
				 "[app]\nlist = [\n  1,\n  2,\n]\n"),
			    &t, &err),
		  &err);
	assert_int_equal(t->n, 3);
	assert_string_equal(t->kids[0]->key, "name");
	assert_int_equal(t->kids[0]->line, 2);
	port = toml_get(toml_get(t, "ingress")->kids[0], "port");
	assert_int_equal(port->line, 5);
	assert_int_equal(port->num, 443);
	list = toml_get(toml_get(t, "app"), "list");
	assert_int_equal(list->line, 7);
	assert_int_equal(list->kids[1]->line, 9);
	assert_null(toml_get(t, "nothing"));
}

static void keys_keep_the_order_of_the_file(void **state)
{
	AUTO_TOML struct toml_node *t = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(toml_read(span("z = 1\na = 2\nm = { y = 1, b = 2 }\n"), &t, &err), &err);
	assert_string_equal(t->kids[0]->key, "z");
	assert_string_equal(t->kids[1]->key, "a");
	assert_string_equal(t->kids[2]->kids[0]->key, "y");
}

static void bad_text_is_refused_by_line(void **state)
{
	static const struct {
		const char *text;
		enum ss_code code;
		const char *msg;
	} cases[] = {
		{ "a = 1\nb = 1.5\n", SS_EINPUT,
		  "line 2: a number with a fraction has no use here" },
		{ "a = -inf\n", SS_EINPUT, "line 1: a number with a fraction has no use here" },
		{ "a = 1e3\n", SS_EINPUT, "line 1: a number with a fraction has no use here" },
		{ "a = 2020-01-01\n", SS_EINPUT,
		  "line 1: a date or time has no use here; write it as a string" },
		{ "\na = [ 10:00:00 ]\n", SS_EINPUT,
		  "line 2: a date or time has no use here; write it as a string" },
		{ "\n\na = \"x\\u0000y\"\n", SS_EINPUT,
		  "line 3: a NUL character has no place here" },
		{ "\"\\U00000000\" = 1\n", SS_EINPUT, "line 1: a NUL character has no place here" },
		{ "a = \"\\ud800\"\n", SS_EINPUT, "line 1: no character has the number d800" },
		{ "a = \"\\U00110000\"\n", SS_EINPUT,
		  "line 1: no character has the number 110000" },
		{ "a = \"\\u12g4\"\n", SS_EINPUT, "line 1: \\u needs 4 digits" },
		{ "a = \"\\x\"\n", SS_EINPUT, "line 1: no such escape after the backslash" },
		{ "a = \"\\", SS_EINPUT, "line 1: no such escape after the backslash" },
		{ "a = 1\nb = \n", SS_EINPUT, "line 2: expected a value" },
		{ "a = ", SS_EINPUT, "line 1: expected a value" },
		{ "a", SS_EINPUT, "line 1: expected '=' after the key" },
		{ "a b = 1", SS_EINPUT, "line 1: expected '=' after the key" },
		{ "= 1", SS_EINPUT, "line 1: expected a key" },
		{ "a. = 1", SS_EINPUT, "line 1: expected a key" },
		{ "\"\"\"a\"\"\" = 1", SS_EINPUT,
		  "line 1: a key cannot be a string of many lines" },
		{ "a = 1 b = 2\n", SS_EINPUT, "line 1: something follows where the line must end" },
		{ "a = 1\rb = 2\n", SS_EINPUT,
		  "line 1: something follows where the line must end" },
		{ "a = 1\nb = \"x\n", SS_EINPUT, "line 2: the string is not closed" },
		{ "a = '''\n\n''\n", SS_EINPUT, "line 4: the string is not closed" },
		{ "a = \"\x01\"\n", SS_EINPUT, "line 1: a control character in a string" },
		{ "a = '\x7f'\n", SS_EINPUT, "line 1: a control character in a string" },
		{ "# \x01\n", SS_EINPUT, "line 1: a control character in a comment" },
		{ "a = 1\n[a\n", SS_EINPUT, "line 2: expected ']' after the table's name" },
		{ "[[a]\n", SS_EINPUT, "line 1: expected ']]' after the table's name" },
		{ "[]\n", SS_EINPUT, "line 1: expected a key" },
		{ "a = [1 2]\n", SS_EINPUT, "line 1: expected ',' or ']'" },
		{ "a = [1,,2]\n", SS_EINPUT, "line 1: expected a value" },
		{ "a = [1", SS_EINPUT, "line 1: expected ',' or ']'" },
		{ "a = {b = 1 c = 2}\n", SS_EINPUT, "line 1: expected ',' or '}'" },
		{ "a = {b = 1,}\n", SS_EINPUT, "line 1: expected a key" },
		{ "a = {b = 1\n}\n", SS_EINPUT, "line 1: expected ',' or '}'" },
		{ "a = 01\n", SS_EINPUT, "line 1: '01' is not a value" },
		{ "a = 1__0\n", SS_EINPUT, "line 1: '1__0' is not a value" },
		{ "a = +0x1\n", SS_EINPUT, "line 1: '+0x1' is not a value" },
		{ "a = 0o8\n", SS_EINPUT, "line 1: '0o8' is not a value" },
		{ "a = True\n", SS_EINPUT, "line 1: 'True' is not a value" },
		{ "a = 9223372036854775808\n", SS_EINPUT,
		  "line 1: 9223372036854775808 does not fit into 64 bits" },
		{ "\xef\xbb\xbf"
		  "a = 1\n",
		  SS_EINPUT, "line 1: expected a key" },
		{ "a=[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", SS_ELIMIT,
		  "line 1: nested deeper than 16" },
		{ "x = 1\na.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 1\n", SS_ELIMIT,
		  "line 2: nested deeper than 16" },
		{ "a=[{b={c=[{d.e.f.g.h.i.j.k.l.m.n.o=1}]}}]", SS_ELIMIT,
		  "line 1: nested deeper than 16" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct toml_node *t = NULL;
		struct ss_err err = { 0 };

		expect_fails(toml_read(span(cases[i].text), &t, &err), &err, cases[i].code,
			     cases[i].msg);
		assert_null(t);
	}
}

static void nothing_is_set_or_opened_twice(void **state)
{
	static const struct {
		const char *text;
		const char *msg;
	} cases[] = {
		{ "a = 1\na = 2\n", "line 2: 'a' is set already, in line 1" },
		{ "a = 1\n\n'a' = 2\n", "line 3: 'a' is set already, in line 1" },
		{ "[a]\n[a]\n", "line 2: 'a' is set already, in line 1" },
		{ "[a]\n[[a]]\n", "line 2: 'a' is set already, in line 1" },
		{ "[[a]]\n[a]\n", "line 2: 'a' is set already, in line 1" },
		{ "a = []\n[[a]]\n", "line 2: 'a' is set already, in line 1" },
		{ "a = {}\n[a.b]\n", "line 2: 'a' is set already, in line 1" },
		{ "a = {}\na.b = 1\n", "line 2: 'a' is set already, in line 1" },
		{ "a = 1\na.b = 1\n", "line 2: 'a' is set already, in line 1" },
		{ "a.b = 1\n[a]\n", "line 2: 'a' is set already, in line 1" },
		{ "[a.b]\n[a]\nb.c = 1\n", "line 3: 'b' is set already, in line 1" },
		{ "[a.b.c]\n[a]\nb.x = 1\n", "line 3: 'b' is set already, in line 1" },
		{ "x = { a = 1, a = 2 }\n", "line 1: 'a' is set already, in line 1" },
		{ "x = { a = {}, a.b = 2 }\n", "line 1: 'a' is set already, in line 1" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct toml_node *t = NULL;
		struct ss_err err = { 0 };

		expect_fails(toml_read(span(cases[i].text), &t, &err), &err, SS_EINPUT,
			     cases[i].msg);
	}
}

static void the_forms_of_a_value(void **state)
{
	static const struct {
		const char *text;
		int64_t num;
		const char *string;
	} cases[] = {
		{ "v = 0xdead_BEEF", 0xdeadbeef, NULL },
		{ "v = 0o755", 0755, NULL },
		{ "v = 0b101", 5, NULL },
		{ "v = +1_000", 1000, NULL },
		{ "v = -0", 0, NULL },
		{ "v = -9223372036854775808", INT64_MIN, NULL },
		{ "v = 9223372036854775807", INT64_MAX, NULL },
		{ "v = true#x", 1, NULL },
		{ "v = \"\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001f600\"", 0,
		  "\b\t\n\f\r\"\\\xc3\xa9\xf0\x9f\x98\x80" },
		{ "v = 'a\\b\"'", 0, "a\\b\"" },
		{ "v = \"\"", 0, "" },
		{ "v = \"\"\"\"\"\"", 0, "" },
		{ "v = \"\"\"\r\na\r\nb\"\"\"\"\"", 0, "a\nb\"\"" },
		{ "v = '''\n'a''b''''", 0, "'a''b'" },
		{ "v = \"\"\"a \\  \n\n \t b\"\"\"", 0, "a b" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_TOML struct toml_node *t = NULL;
		struct ss_err err = { 0 };
		const struct toml_node *v;

		expect_ok(toml_read(span(cases[i].text), &t, &err), &err);
		v = toml_get(t, "v");
		if (cases[i].string != NULL)
			assert_string_equal(v->text, cases[i].string);
		else
			assert_int_equal(v->num, cases[i].num);
	}
}

static void headers_and_dots_meet_as_the_language_says(void **state)
{
	AUTO_TOML struct toml_node *t = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(toml_read(span("[fruit]\napple.color = 1\napple.taste.sweet = true\n"
				 "[fruit.apple.texture]\nx = 1\n"
				 "[a.b]\n[a]\ny = 1\n"
				 "[[l]]\n[l.sub]\nz = 1\n[[l]]\n[l.sub]\nz = 2\n"),
			    &t, &err),
		  &err);
	assert_int_equal(toml_get(toml_get(toml_get(t, "fruit"), "apple"), "texture")->n, 1);
	assert_int_equal(toml_get(toml_get(t, "a"), "y")->num, 1);
	assert_int_equal(toml_get(toml_get(toml_get(t, "l")->kids[1], "sub"), "z")->num, 2);
}

static void a_document_cut_at_any_byte_is_read_or_refused_by_line(void **state)
{
	static const char doc[] = "a.\"b\\n\".c = [ 1, { x = '''y''' }, # c\n ]\n[[t]]\nd = true\n";

	(void)state;
	for (size_t n = 0; n <= strlen(doc); n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n, 1); /* exact, so that ASan sees one past */
		AUTO_TOML struct toml_node *t = NULL;
		struct ss_err err = { 0 };

		memcpy(copy, doc, n);
		if (toml_read((struct ss_span){ copy, n }, &t, &err) < 0)
			assert_memory_equal(err.msg, "line ", 5);
		else
			assert_non_null(t);
	}
}

static void text_that_is_not_utf_8_is_refused_by_line(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xc0\xaf",
		"\xc3",
		"\xe2\x82",
		"\xe0\x80\xaf",
		"\xed\xa0\x80",
		"\xf0\x82\x82\xac",
		"\xf4\x90\x80\x80",
		"\xff",
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		struct toml_node *t = NULL;
		struct ss_err err = { 0 };
		char text[64];

		(void)snprintf(text, sizeof(text), "a = 1\nb = '%s'\n", bad[i]);
		expect_fails(toml_read(span(text), &t, &err), &err, SS_EINPUT,
			     "line 2: not text (UTF-8 without NUL)");
	}
}

static void writing_is_sorted_and_canonical(void **state)
{
	AUTO_TOML struct toml_node *t = NULL;
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(toml_read(span("z = true\na = 'q\"\\'\n[t]\n[t.u]\nx = -5\n[[l]]\nk = [1, 2]\n"
				 "[[l]]\n[m]\n\"a b\" = {c = 1, b = [{}, 1]}\ne = []\n"),
			    &t, &err),
		  &err);
	toml_write(t, &b);
	assert_string_equal(text_of(&b), "a = \"q\\\"\\\\\"\n"
					 "z = true\n"
					 "\n[[l]]\nk = [\n\t1,\n\t2,\n]\n"
					 "\n[[l]]\n"
					 "\n[m]\ne = []\n"
					 "\n[m.\"a b\"]\nb = [\n\t{},\n\t1,\n]\nc = 1\n"
					 "\n[t]\n"
					 "\n[t.u]\nx = -5\n");
}

static void what_was_built_reads_back_equal(void **state)
{
	AUTO_TOML struct toml_node *t = toml_new(TOML_TABLE, 0);
	AUTO_TOML struct toml_node *back = NULL;
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);
	struct toml_node *sub = toml_new(TOML_TABLE, 0);
	struct ss_err err = { 0 };

	(void)state;
	toml_put_text(t, "text", "\x01\x7f\t\n\"\\ \xc3\xa9");
	toml_put_int(t, "least", INT64_MIN);
	toml_put_int(t, "most", INT64_MAX);
	toml_put_bool(sub, "", false);
	toml_put(t, "sub.table", sub);
	toml_write(t, &b);
	expect_ok(toml_read(ss_buf_span(&b), &back, &err), &err);
	assert_true(toml_equal(t, back));
	toml_put_bool(t, "more", true);
	assert_false(toml_equal(t, back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_with_the_line_of_their_key),
		cmocka_unit_test(keys_keep_the_order_of_the_file),
		cmocka_unit_test(bad_text_is_refused_by_line),
		cmocka_unit_test(nothing_is_set_or_opened_twice),
		cmocka_unit_test(the_forms_of_a_value),
		cmocka_unit_test(headers_and_dots_meet_as_the_language_says),
		cmocka_unit_test(a_document_cut_at_any_byte_is_read_or_refused_by_line),
		cmocka_unit_test(text_that_is_not_utf_8_is_refused_by_line),
		cmocka_unit_test(writing_is_sorted_and_canonical),
		cmocka_unit_test(what_was_built_reads_back_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
