/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/dockerfile.h"
#include "expect.h"

#include <string.h>

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static struct cfg_pairs build_args; /* VERSION = "given" */

static int read_text(const char *text, struct df_file *ret, struct ss_err *err)
{
	const struct df_globals g = { &build_args, "linux/arm64", "linux/amd64" };

	return df_read(span(text), &g, ret, err);
}

/* "line name platform pinned;" for each use. */
static void expect_uses(const char *text, const char *want)
{
	struct df_file f;
	struct ss_err err = { 0 };
	char got[2048] = "";

	expect_ok(read_text(text, &f, &err), &err);
	for (size_t i = 0; i < f.n_uses; i++) {
		const struct df_use *u = &f.uses[i];
		const size_t n = strlen(got);

		(void)snprintf(got + n, sizeof(got) - n, "%u %s%s%s;", u->line, u->name,
			       u->platform != NULL ? " " : "",
			       u->platform != NULL ? u->platform : "");
	}
	assert_string_equal(got, want);
	df_done(&f);
}

static void names_get_their_full_form(void **state)
{
	(void)state;
	expect_uses("FROM debian", "1 docker.io/library/debian:latest;");
	expect_uses("FROM debian:12", "1 docker.io/library/debian:12;");
	expect_uses("from someone/thing:1", "1 docker.io/someone/thing:1;");
	expect_uses("FROM docker.io/debian:12", "1 docker.io/library/debian:12;");
	expect_uses("FROM localhost:5000/base", "1 localhost:5000/base:latest;");
	expect_uses("FROM localhost/base", "1 localhost/base:latest;");
	expect_uses("FROM [::1]:5000/a/b:c", "1 [::1]:5000/a/b:c;");
	expect_uses("FROM public.ecr.aws/x/y-z/q__r.s:T_1.2-3",
		    "1 public.ecr.aws/x/y-z/q__r.s:T_1.2-3;");
	expect_uses("FROM debian@" D1, "1 docker.io/library/debian@" D1 ";");
	expect_uses("FROM debian:12@" D1, "1 docker.io/library/debian@" D1 ";");
	expect_uses("FROM scratch", "");
}

static void stages_are_not_images(void **state)
{
	(void)state;
	expect_uses("FROM a AS Build\nFROM build\nFROM b as two\nCOPY --from=BUILD /x /y\n"
		    "COPY --chown=1:1 --from=0 /x /y\nCOPY --from=c:1 /x /y\nCOPY --from /x\n"
		    "RUN --mount=type=bind,from=two,target=/z --mount=from=d,target=/q cmd\n"
		    "RUN echo --mount=from=no\nADD --from=x y z\n",
		    "1 docker.io/library/a:latest;3 docker.io/library/b:latest;"
		    "6 docker.io/library/c:1;8 docker.io/library/two:latest;"
		    "8 docker.io/library/d:latest;");
	/* A stage comes into being with its FROM, under its own name only afterwards. */
	expect_uses("FROM debian AS debian\nCOPY --from=debian / /\n",
		    "1 docker.io/library/debian:latest;2 docker.io/library/debian:latest;");
}

static void variables_of_from_are_followed(void **state)
{
	(void)state;
	expect_uses("ARG BASE=debian\nARG TAG=12\nFROM ${BASE}:$TAG",
		    "3 docker.io/library/debian:12;");
	expect_uses("ARG VERSION=12\nFROM debian:$VERSION", "2 docker.io/library/debian:given;");
	expect_uses("ARG VERSION\nFROM debian:$VERSION", "2 docker.io/library/debian:given;");
	expect_uses("FROM debian:${VERSION:-13}", "1 docker.io/library/debian:13;");
	expect_uses("ARG A B=x\nARG C=${B}y\nFROM ${A:-e}${B:+f}$C${D-g}${B+h}${A+i}",
		    "3 docker.io/library/efxygh:latest;");
	expect_uses("ARG E=\nFROM a${E:-b}${E-c}", "2 docker.io/library/ab:latest;");
	expect_uses("ARG I=1\nFROM a:${X:-${I}${Y:-2}}", "2 docker.io/library/a:12;");
	expect_uses("ARG Q=\"a b\"\nFROM \"debian\":'12'", "2 docker.io/library/debian:12;");
	expect_uses("FROM --platform=$BUILDPLATFORM go AS x\nFROM --platform=linux/$TARGETARCH y",
		    "1 docker.io/library/go:latest linux/amd64;"
		    "2 docker.io/library/y:latest linux/arm64;");
	expect_uses("ARG A=1\nFROM a:$A\nARG A=2\nFROM b:$A",
		    "2 docker.io/library/a:1;4 docker.io/library/b:1;");
}

static void comments_continuation_and_heredocs_end_before_instructions(void **state)
{
	(void)state;
	expect_uses("# FROM no\n\n  FROM \\\n# comment\n\n   a \\  \n  AS x\r\n"
		    "RUN echo \\\n  FROM no\nRUN echo \\\\\nFROM b\n",
		    "3 docker.io/library/a:latest;11 docker.io/library/b:latest;");
	expect_uses("# syntax=docker/dockerfile:1\n# escape=`\nFROM `\na\nRUN dir c:\\\nFROM b",
		    "3 docker.io/library/a:latest;6 docker.io/library/b:latest;");
	expect_uses("# a comment ends the directives\n# escape=`\nFROM \\\na",
		    "3 docker.io/library/a:latest;");
	expect_uses("FROM a\nRUN <<EOF cat <<-'E2' && x 3<<\"E3\"\nFROM n1\nEOF\n\tE\nFROM n2\n"
		    "\t\tE2\nE3\nCOPY <<x /y\nFROM n3\nx\nONBUILD RUN <<z\nFROM n4\nz\nFROM b",
		    "1 docker.io/library/a:latest;15 docker.io/library/b:latest;");
	expect_uses(
		"FROM a\nRUN [\"x\", \"<<EOF\"]\nRUN x <<<EOF\nRUN x << EOF\nENV A <<EOF\nFROM b",
		"1 docker.io/library/a:latest;6 docker.io/library/b:latest;");
	expect_uses("\xef\xbb\xbf"
		    "FROM a",
		    "1 docker.io/library/a:latest;");
	expect_uses("FROM a\\", "1 docker.io/library/a:latest;");
}

static void what_cannot_be_followed_is_refused_by_line(void **state)
{
	static const struct {
		const char *text;
		const char *msg;
	} cases[] = {
		{ "", "no FROM" },
		{ "# nothing\n", "no FROM" },
		{ "ARG A=1\n", "no FROM" },
		{ "RUN x\nFROM a", "line 1: RUN before the first FROM" },
		{ "FROM a\nFRMO b", "line 2: unknown instruction 'FRMO'; did you mean FROM?" },
		{ "FROM a\nxyzzyplugh b", "line 2: unknown instruction 'xyzzyplugh'" },
		{ "FROM", "line 1: FROM needs an image" },
		{ "FROM --platform=x", "line 1: FROM needs an image" },
		{ "FROM --chown=x a", "line 1: FROM has no option '--chown=x'" },
		{ "FROM a b", "line 1: FROM takes an image, or an image, AS and a name" },
		{ "FROM a AS", "line 1: FROM takes an image, or an image, AS and a name" },
		{ "FROM a AS b c", "line 1: FROM takes an image, or an image, AS and a name" },
		{ "FROM $X", "line 1: the image '$X' is empty: a variable without a value" },
		{ "FROM ${X", "line 1: cannot follow '${X'" },
		{ "FROM ${X#y}", "line 1: cannot follow 'X#y'" },
		{ "FROM ${}", "line 1: cannot follow ''" },
		{ "FROM \"a", "line 1: a '\"' is not closed" },
		{ "FROM a'", "line 1: cannot follow '\\x27'" },
		{ "FROM Debian", "line 1: 'Debian' is not the name of an image in a registry" },
		{ "FROM a:", "line 1: 'a:' is not the name of an image in a registry" },
		{ "FROM a//b", "line 1: 'a//b' is not the name of an image in a registry" },
		{ "FROM oci:dir:x",
		  "line 1: 'oci:dir:x' is not the name of an image in a registry" },
		{ "FROM oci-archive:x.tar/y",
		  "line 1: 'oci-archive:x.tar/y' is not the name of an image in a registry" },
		{ "FROM a@sha256:12",
		  "line 1: 'a@sha256:12': the digest must be sha256: and 64 lower-case digits" },
		{ "FROM deb\\\nian", "line 1: the image's name is broken over two lines" },
		{ "FROM a\nCOPY --from=$X / /",
		  "line 2: 'from' may hold neither variables nor quotes" },
		{ "FROM a\nCOPY --from= / /", "line 2: 'from' is empty or too long" },
		{ "FROM a\nCOPY --from=0 / /", "line 2: there is no stage 0 before this one" },
		{ "FROM a\nRUN --mount=\"from=x\" y", "line 2: quotes in --mount" },
		{ "FROM a\nRUN <<EOF\nx\n", "line 2: the heredoc 'EOF' does not end" },
		{ "FROM a\nRUN cat <<EOF>/x\nEOF\n",
		  "line 2: cannot tell where the heredoc '<<EOF>/x' ends" },
		{ "# escape=x\nFROM a", "line 1: escape must be \\ or `, and be given once" },
		{ "# escape=`\n# escape=`\nFROM a",
		  "line 2: escape must be \\ or `, and be given once" },
		{ "# syntax=x\n# syntax=x\nFROM a", "line 2: syntax is given twice" },
		{ "ARG =x\nFROM a", "line 1: ARG needs a name" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct df_file f;
		struct ss_err err = { 0 };

		expect_fails(read_text(cases[i].text, &f, &err), &err, SS_EINPUT, cases[i].msg);
		assert_int_equal(f.n_uses, 0);
	}
}

static void a_file_with_a_nul_is_refused(void **state)
{
	static const char text[] = "FROM a\nRUN x\0y\n";
	const struct df_globals g = { &build_args, "linux/arm64", "linux/amd64" };
	struct df_file f;
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(
		df_read((struct ss_span){ (const uint8_t *)text, sizeof(text) - 1 }, &g, &f, &err),
		&err, SS_EINPUT, "line 2: a NUL character");
}

static void limits_are_told(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)1 << 22);
	const struct df_globals g = { &build_args, "linux/arm64", "linux/amd64" };
	struct df_file f;
	struct ss_err err = { 0 };

	(void)state;
	for (int i = 0; i < 257; i++)
		ss_buf_put(&b, span("FROM a\n"));
	expect_fails(df_read(ss_buf_span(&b), &g, &f, &err), &err, SS_ELIMIT,
		     "line 257: more than 256 stages");
	b.n = 0;
	ss_buf_put(&b, span("FROM a\n"));
	for (int i = 0; i < 1024; i++)
		ss_buf_put(&b, span("COPY --from=b / /\n"));
	expect_fails(df_read(ss_buf_span(&b), &g, &f, &err), &err, SS_ELIMIT,
		     "line 1025: more than 1024 images");
	while (b.n <= (size_t)1 << 20)
		ss_buf_put(&b, span("#\n"));
	expect_fails(df_read(ss_buf_span(&b), &g, &f, &err), &err, SS_ELIMIT,
		     "1048577 bytes; the limit is 1048576");
}

static void other_facts_are_kept(void **state)
{
	struct df_file f;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(read_text("ARG B\nFROM a\nARG A C=1\nRUN --mount=type=cache,target=/c x\n"
			    "RUN <<E\nE\n",
			    &f, &err),
		  &err);
	assert_int_equal(f.args.n, 3);
	assert_string_equal(f.args.v[0], "A");
	assert_int_equal(f.cache_mount_line, 4);
	assert_int_equal(f.heredoc_line, 5);
	assert_int_equal(f.n_stages, 1);
	assert_false(f.grafted);
	df_done(&f);
	expect_ok(read_text("FROM a AS x\nFROM b\nCOPY --from=x / /\n", &f, &err), &err);
	assert_false(f.grafted);
	df_done(&f);
	expect_ok(read_text("FROM a AS x\nFROM X\n", &f, &err), &err);
	assert_true(f.grafted);
	df_done(&f);
}

static void the_first_place_of_each_mount_is_kept(void **state)
{
	struct df_file f;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(read_text("FROM a\nRUN --mount=type=cache,target=/c --mount=type=bind,dst=/d/ x\n"
			    "RUN --mount=type=tmpfs,destination=/c/ --mount=type=ssh x\n"
			    "RUN \\\n --mount=target=$A,type=tmpfs x\n",
			    &f, &err),
		  &err);
	assert_int_equal(f.mounts.n, 3);
	assert_string_equal(cfg_pairs_get(&f.mounts, "/c"), "2");
	assert_string_equal(cfg_pairs_get(&f.mounts, "/d"), "2");
	assert_string_equal(cfg_pairs_get(&f.mounts, "$A"), "4");
	df_done(&f);
}

static void pinning_changes_the_names_and_nothing_else(void **state)
{
	static const char *const digests[] = { D1, D2, D1 };
	static const char text[] =
		"# syntax=docker/dockerfile:1\r\nARG T=1\r\nFROM  debian:$T  AS x \r\n"
		"RUN echo debian:1\r\nCOPY --from=localhost:5/q:2 / /\r\n"
		"RUN --mount=type=bind,from=r,target=/r z";
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	struct cfg_pairs none = { 0 }, inject = { 0 };
	struct df_file f;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(read_text(text, &f, &err), &err);
	df_write(span(text), &f, digests, &none, &b);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)b.p,
			    "#\r\nARG T=1\r\nFROM  docker.io/library/debian@" D1 "  AS x \r\n"
			    "RUN echo debian:1\r\nCOPY --from=localhost:5/q@" D2 " / /\r\n"
			    "RUN --mount=type=bind,from=docker.io/library/r@" D1 ",target=/r z");
	b.n = 0;
	cfg_pairs_set(&inject, "TZ", "UTC");
	cfg_pairs_set(&inject, "A", "x y");
	df_write(span(text), &f, digests, &inject, &b);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_non_null(strstr((const char *)b.p, "AS x \r\nARG A='x y' TZ='UTC'\nRUN"));
	cfg_pairs_done(&inject);
	df_done(&f);
}

static void the_escape_directive_is_moved_to_the_top(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "# syntax=x\n# escape=`\nFROM scratch\n", "# escape=`\n#\nFROM scratch\n" },
		{ "# check=x\n# escape=`\nFROM scratch", "# escape=`\n# check=x\nFROM scratch" },
		{ "# check=x\n# syntax=y\n# Escape = \\\nFROM scratch",
		  "# escape=\\\n#\n# check=x\nFROM scratch" },
		{ "# escape=`\n# syntax=x\nFROM scratch", "# escape=`\n#\nFROM scratch" },
		{ "# check=x\nFROM scratch", "# check=x\nFROM scratch" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
		const struct cfg_pairs none = { 0 };
		const char *digests = NULL;
		struct df_file f;
		struct ss_err err = { 0 };

		expect_ok(read_text(cases[i].text, &f, &err), &err);
		df_write(span(cases[i].text), &f, &digests, &none, &b);
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
		assert_string_equal((const char *)b.p, cases[i].want);
		df_done(&f);
	}
}

static void volumes_become_comments(void **state)
{
	static const char text[] = "FROM scratch\nVOLUME /a\nRUN x\n  volume [\"/b\", \\\n# c\n"
				   " \"/c\"]\nENV A=VOLUME\nFROM scratch\nVOLUME /d";
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	const char *digests = NULL;
	struct cfg_pairs inject = { 0 };
	struct df_file f;
	struct ss_err err = { 0 };

	(void)state;
	cfg_pairs_set(&inject, "A", "1");
	expect_ok(read_text(text, &f, &err), &err);
	df_write(span(text), &f, &digests, &inject, &b);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)b.p,
			    "FROM scratch\nARG A='1'\n#\nRUN x\n  #\n#\n#\nENV A=VOLUME\n"
			    "FROM scratch\nARG A='1'\n#");
	cfg_pairs_done(&inject);
	df_done(&f);
}

static void an_arg_line_follows_each_from_even_at_the_end(void **state)
{
	static const char *const digests[] = { D1, D2 };
	static const char text[] = "FROM a\nFROM \\\n b";
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(65536);
	struct cfg_pairs inject = { 0 };
	struct df_file f;
	struct ss_err err = { 0 };

	(void)state;
	cfg_pairs_set(&inject, "A", "1");
	expect_ok(read_text(text, &f, &err), &err);
	df_write(span(text), &f, digests, &inject, &b);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)b.p,
			    "FROM docker.io/library/a@" D1 "\nARG A='1'\nFROM \\\n "
			    "docker.io/library/b@" D2 "\nARG A='1'\n");
	cfg_pairs_done(&inject);
	df_done(&f);
}

static int set_up(void **state)
{
	(void)state;
	cfg_pairs_set(&build_args, "VERSION", "given");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cfg_pairs_done(&build_args);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_get_their_full_form),
		cmocka_unit_test(stages_are_not_images),
		cmocka_unit_test(variables_of_from_are_followed),
		cmocka_unit_test(comments_continuation_and_heredocs_end_before_instructions),
		cmocka_unit_test(what_cannot_be_followed_is_refused_by_line),
		cmocka_unit_test(a_file_with_a_nul_is_refused),
		cmocka_unit_test(limits_are_told),
		cmocka_unit_test(other_facts_are_kept),
		cmocka_unit_test(the_first_place_of_each_mount_is_kept),
		cmocka_unit_test(pinning_changes_the_names_and_nothing_else),
		cmocka_unit_test(the_escape_directive_is_moved_to_the_top),
		cmocka_unit_test(volumes_become_comments),
		cmocka_unit_test(an_arg_line_follows_each_from_even_at_the_end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
