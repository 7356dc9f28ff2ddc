/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/sh_lex.h"
#include "expect.h"

#include <stdio.h>
#include <string.h>

/* "name arg <file >file A=b; name ..." with who reads whom: what the lexer made of it. */
static char *shown(const char *text)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1 << 16);
	struct sh_script s;
	struct ss_err err = { 0 };
	const size_t n = strlen(text);
	char *exact = ss_calloc(n + 1, 1); /* one byte more than is read */
	static const char *const marks[] = { "", "=", "<", ">" };

	memcpy(exact, text, n);
	if (sh_read((struct ss_span){ (const uint8_t *)exact, n }, &s, &err) < 0)
		fail_msg("'%s' at %zu: %s", text, s.bad_at, err.msg);
	for (size_t i = 0; i < s.n_cmds; i++) {
		const struct sh_cmd *c = &s.cmds[i];
		char line[64];

		if (c->n == 0)
			continue;
		(void)snprintf(line, sizeof(line), "%s", b.n > 0 ? "; " : "");
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)line, strlen(line) });
		if (c->piped_from != SH_NONE)
			ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"| ", 2 });
		if (c->parent != SH_NONE)
			ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"^ ", 2 });
		for (uint32_t k = 0; k < c->n; k++) {
			const struct sh_word *w = &s.words[c->first + k];
			const char *m = marks[w->kind];

			if (k > 0)
				ss_buf_put(&b, (struct ss_span){ (const uint8_t *)" ", 1 });
			ss_buf_put(&b, (struct ss_span){ (const uint8_t *)m, strlen(m) });
			ss_buf_put(&b, (struct ss_span){ s.texts.p + w->text, w->n });
		}
	}
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	sh_script_done(&s);
	free(exact);
	return (char *)memcpy(ss_calloc(b.n, 1), b.p, b.n);
}

static void commands_are_what_the_shell_would_run(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{ "", "" },
		{ " \t\n;\n", "" },
		{ "a b c", "a b c" },
		{ "a && b || c; d & e", "a; b; c; d; e" },
		{ "a | b |& c", "a; | b; | c" },
		{ "a 'b c' \"d  e\" f\\ g", "a b c d  e f g" },
		{ "a \"x\\\"y\\z\\$\" 'x\\'", "a x\"y\\z$ x\\" },
		{ "a $'it\\'s' $\"x\"", "a it's x" },
		{ "a \\\n  b\\\nc", "a bc" },
		{ "a # b; c\nd#e", "a; d#e" },
		{ "A=1 B+=2 a C=3", "=A=1 =B+=2 a C=3" },
		{ "A='x y'", "=A=x y" },
		{ "a >x 2>&1 </y >>z <<<w 3<>q &>r >|s", "a >x >1 </y >z <w <q >r >s" },
		{ "a x2>y", "a x2 >y" },
		{ "a $X ${Y:-z} $# $1", "a $X ${Y:-z} $# $1" },
		{ "a $(b | c)", "a $(); ^ b; | ^ c" },
		{ "a \"x$(b \"$(c ')')\")y\"", "a x$()y; ^ b $(); ^ c )" },
		{ "a `b c` \"`d`\"", "a $() $(); ^ b c; ^ d" },
		{ "a <(b) >(c)", "a $() $(); ^ b; ^ c" },
		{ "a ${X:-$(b)}", "a ${X:-$(b)}; ^ b" },
		{ "X=$(a) b", "=X=$() b; ^ a" },
		{ "X=(a $(b) c) d", "=X= d; ^ b" },
		{ "a $((1 + 2)) b", "a $() b; ^ 1 + 2" },
		{ "(a; b) | c", "a; b; | c" },
		{ "{ a; b; } && c", "a; b; c" },
		{ "{ a; b; } | c", "a; b; | c" },
		{ "while a; do b; done | c", "a; b; | c" },
		{ "(a) | (b; c)", "a; | b; c" },
		{ "if a; then b; elif c; then d; else e; fi", "a; b; c; d; e" },
		{ "while a; do b; done; until c; do d; done", "a; b; c; d" },
		{ "for x in a b; do c $x; done", "for x in a b; c $x" },
		{ "! a; time b", "a; b" },
		{ "case $x in a|date) b;; (c) d ;; *) e ;; esac; f", "case $x; b; d; e; f" },
		{ "case a in\n x)\n  b\n  ;;\nesac\nc", "case a; b; c" },
		{ "case a in x) case b in y) c;; esac;; z) d;; esac", "case a; case b; c; d" },
		{ "[[ a && b || ( c < d ) ]] && e", "[[ a b c d ]]; e" },
		{ "[ a = b ] && c", "[ a = b ]; c" },
		{ "f() { a; }; f", "f; a; f" },
		{ "'if' a; \\if b", "if a; if b" },
		{ "a <<E\nb $(c)\nE\nd", "a; d; ^ c" },
		{ "a <<'E'\nb $(c)\nE\nd", "a; d" },
		{ "a <<-E\n\tb\n\tE\nd", "a; d" },
		{ "a <<E && b\nx\nE\nc", "a; b; c" },
		{ "a <<E1 <<E2\nx\nE1\ny `z`\nE2\nc", "a; c; ^ z" },
		{ "a <<E", "a" },
		{ "a <<E\nno end", "a" },
		{ "a \"\" ''", "a  " },
		{ "echo a#b '#' \"#\"", "echo a#b # #" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_FREE char *got = shown(cases[i].in);

		if (strcmp(got, cases[i].out) != 0)
			fail_msg("'%s'\n  want '%s'\n  got  '%s'", cases[i].in, cases[i].out, got);
	}
}

static void what_does_not_close_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *in;
		size_t at;
		const char *msg;
	} cases[] = {
		{ "a 'b", 3, "a ' that is not closed" },
		{ "a \"b", 3, "a \" that is not closed" },
		{ "a \"$(b\"", 5, "a '(' that is not closed" },
		{ "a $(b", 4, "a '(' that is not closed" },
		{ "a `b", 3, "a '`' that is not closed" },
		{ "a ${b", 4, "a '${' that is not closed" },
		{ "a; (b", 0, "a '(' that is not closed" },
		{ "a; b)", 4, "a ')' that nothing opened" },
		{ "a >", 2, "a redirection without a file" },
		{ "a > ; b", 2, "a redirection without a file" },
		{ "a <<", 4, "a heredoc without a name" },
		{ "a << ; b", 5, "a heredoc without a name" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct sh_script s;
		struct ss_err err = { 0 };
		const struct ss_span in = { (const uint8_t *)cases[i].in, strlen(cases[i].in) };

		expect_fails(sh_read(in, &s, &err), &err, SS_EINPUT, cases[i].msg);
		assert_int_equal(s.bad_at, cases[i].at);
	}
}

static void a_script_cut_anywhere_is_read_or_refused(void **state)
{
	static const char text[] =
		"A=1 x \"$(b `c` ${D:-'e'})\" | f <<E >g; case h in i) j;; esac\nk $(l)\nE\n"
		"[[ m < n ]] && { o $'p' <(q); } # r\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		AUTO_FREE char *exact = ss_calloc(n > 0 ? n : 1, 1);
		struct sh_script s;
		struct ss_err err = { 0 };

		memcpy(exact, text, n);
		if (sh_read((struct ss_span){ (const uint8_t *)exact, n }, &s, &err) < 0) {
			assert_true(err.msg[0] != '\0' && s.bad_at <= n);
			continue;
		}
		sh_script_done(&s);
	}
}

static void bounds_are_kept(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4 << 20);
	struct sh_script s;
	struct ss_err err = { 0 };

	(void)state;
	for (unsigned i = 0; i <= SH_DEPTH_MAX; i++)
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"$(", 2 });
	for (unsigned i = 0; i <= SH_DEPTH_MAX; i++)
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)")", 1 });
	expect_fails(sh_read(ss_buf_span(&b), &s, &err), &err, SS_ELIMIT,
		     "substitutions nest too deep; the limit is 16");
	b.n = 0;
	for (unsigned i = 0; i <= SH_NEST_MAX; i++)
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"$(", 2 });
	expect_fails(sh_read(ss_buf_span(&b), &s, &err), &err, SS_ELIMIT,
		     "quotes and brackets nest too deep; the limit is 64");
	b.n = 0;
	for (unsigned i = 0; i <= SH_CMDS_MAX; i++)
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"a;", 2 });
	expect_fails(sh_read(ss_buf_span(&b), &s, &err), &err, SS_ELIMIT,
		     "too many commands; the limit is 65536");
	expect_fails(sh_read((struct ss_span){ (const uint8_t *)"a\0b", 3 }, &s, &err), &err,
		     SS_EINPUT, "a NUL character");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_what_the_shell_would_run),
		cmocka_unit_test(what_does_not_close_is_refused_with_its_place),
		cmocka_unit_test(a_script_cut_anywhere_is_read_or_refused),
		cmocka_unit_test(bounds_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
