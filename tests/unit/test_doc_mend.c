/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "doctor/doc_mend.h"
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE "FROM a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"

/* A context with every lock there is. */
static bool has_all(void *ctx, const char *path, const char *text)
{
	(void)ctx;
	(void)path;
	return text[0] == '\0';
}

static bool has_none(void *ctx, const char *path, const char *text)
{
	(void)ctx;
	(void)path;
	(void)text;
	return false;
}

static void mend(const char *in, bool locks, struct doc_mend *ret, struct ss_buf *ret_text)
{
	const struct cfg_pairs none = { 0 };
	const struct lint_options o = { .args = &none,
					.platform = "linux/amd64",
					.has = locks ? has_all : has_none };
	struct lint_report found;
	struct ss_err err = { 0 };

	expect_ok(lint_read(ss_text(in), &o, &found, &err), &err);
	expect_ok(doc_mend_lint(ss_text(in), &o, &found, ret, &err), &err);
	doc_patch_text(&ret->patch, ss_text(in), ret_text);
	lint_report_done(&found);
}

/* `want` NULL: nothing is changed. */
static void expect_mended(const char *in, bool locks, const char *want)
{
	AUTO_DOC_MEND struct doc_mend m = { .mended = 0 };
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(65536);
	AUTO_FREE char *file = ss_calloc(strlen(in) + sizeof(BASE), 1);
	AUTO_FREE char *wanted = ss_calloc(strlen(want != NULL ? want : in) + sizeof(BASE), 1);

	(void)sprintf(file, "%s%s", BASE, in);
	(void)sprintf(wanted, "%s%s", BASE, want != NULL ? want : in);
	mend(file, locks, &m, &text);
	ss_buf_put(&text, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)text.p, wanted);
	if (want != NULL)
		assert_true(m.mended > 0 && m.by_hand == 0);
	else
		assert_true(m.mended == 0 && m.by_hand > 0 && m.patch.n == 0);
}

static void each_mend_makes_its_finding_go(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "RUN apt-get update && echo a\n",
		  "RUN apt-get update && echo a && rm -rf /var/lib/apt/lists/*\n" },
		{ "RUN apt-get update && \\\n    echo a  \nCMD x\n",
		  "RUN apt-get update && \\\n    echo a && rm -rf /var/lib/apt/lists/*  \nCMD "
		  "x\n" },
		{ "RUN apk add a=1", "RUN apk --no-cache add a=1" },
		{ "RUN dnf install -y a-1-2\n",
		  "RUN dnf install -y a-1-2 && dnf clean all && rm -rf /var/cache/dnf\n" },
		{ "RUN yum install -y a-1-2\n",
		  "RUN yum install -y a-1-2 && yum clean all && rm -rf /var/cache/yum\n" },
		{ "RUN microdnf install a-1-2\n",
		  "RUN microdnf install a-1-2 && microdnf clean all\n" },
		{ "RUN zypper install a-1-2\n",
		  "RUN zypper install a-1-2 && zypper clean --all\n" },
		{ "RUN pip install --require-hashes -r r\n",
		  "RUN pip --no-cache-dir install --require-hashes -r r\n" },
		{ "RUN pip3 install --require-hashes -r r\n",
		  "RUN pip3 --no-cache-dir install --require-hashes -r r\n" },
		{ "RUN npm ci\n", "RUN npm ci && rm -rf ~/.npm\n" },
		{ "RUN yarn install; echo\n", "RUN yarn install --frozen-lockfile; echo\n" },
		{ "RUN pnpm install\n", "RUN pnpm install --frozen-lockfile\n" },
		{ "RUN cargo build --release\n", "RUN cargo build --locked --release\n" },
		{ "RUN cargo install --version 1.0 a\n",
		  "RUN cargo install --locked --version 1.0 a\n" },
		{ "RUN bundle install\n", "ENV BUNDLE_FROZEN=true\nRUN bundle install\n" },
		{ "RUN dotnet restore x\n", "RUN dotnet restore --locked-mode x\n" },
		{ "RUN uv sync\n", "RUN uv sync --locked\n" },
		{ "RUN pipenv install\n", "RUN pipenv install --deploy\n" },
		{ "RUN date > /x\n", "RUN date -u -d @${SOURCE_DATE_EPOCH:-0} > /x\n" },
		{ "RUN echo \"$(date +%s)\" `date`\n",
		  "RUN echo \"$(date -u -d @${SOURCE_DATE_EPOCH:-0} +%s)\" `date -u -d "
		  "@${SOURCE_DATE_EPOCH:-0}`\n" },
		{ "RUN gcc -c x.c\n", "ARG SOURCE_DATE_EPOCH\nRUN gcc -c x.c\n" },
		{ "RUN gzip a\n", "RUN gzip -n a\n" },
		{ "RUN tar -czf a b\n",
		  "RUN tar --sort=name --mtime=@${SOURCE_DATE_EPOCH:-0} --owner=0 --group=0 "
		  "--numeric-owner -czf a b\n" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		expect_mended(cases[i].in, true, cases[i].want);
}

static void what_needs_a_choice_or_has_no_place_is_left_to_people(void **state)
{
	static const char *const cases[] = {
		"RUN apt-get install -y a\n",      /* which version? */
		"RUN date -d yesterday\n",         /* which day? */
		"RUN useradd a\n",                 /* which number? */
		"RUN [\"gzip\", \"a\"]\n",         /* no shell */
		"RUN apt-get update # and more\n", /* the edit would be a comment */
		"RUN apt-get update;\n",           /* a list that goes on */
		"RUN <<E\napt-get update\nE\n",    /* behind the end word nothing may stand */
		"RUN tar czf a b\n",               /* the old spelling comes first */
		"RUN /usr/bin/gzip a\n",           /* not the word itself */
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		expect_mended(cases[i], true, NULL);
	expect_mended("RUN cargo build\n", false, NULL); /* no Cargo.lock */
	expect_mended("RUN yarn install\n", false, NULL);
}

static void many_findings_are_mended_at_once_and_each_edit_once(void **state)
{
	AUTO_DOC_MEND struct doc_mend m = { .mended = 0 };
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(65536);

	(void)state;
	mend(BASE
	     "RUN apt-get update && apt-get install a && apt-get update && date >/x && gzip y\n",
	     true, &m, &text);
	ss_buf_put(&text, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)text.p,
			    BASE "RUN apt-get update && apt-get install a && apt-get update && "
				 "date -u -d @${SOURCE_DATE_EPOCH:-0} >/x && gzip -n y && rm -rf "
				 "/var/lib/apt/lists/*\n");
	assert_int_equal(m.by_hand, 1); /* which version of a */
}

/* --- causes --------------------------------------------------------------------------------------
 */

static void expect_causes(const enum ex_cause *causes, size_t n, const char *in, const char *toml,
			  const char *want, const char *want_toml, size_t by_hand)
{
	const struct ss_span was = ss_text(toml != NULL ? toml : "");
	AUTO_DOC_MEND struct doc_mend file = { .mended = 0 };
	AUTO_DOC_MEND struct doc_mend switches = { .mended = 0 };
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(65536);
	AUTO_BUF struct ss_buf text2 = SS_BUF_INIT(65536);
	struct doc_report r = { .varied = 0 };
	struct ss_err err = { 0 };

	for (size_t i = 0; i < n; i++)
		r.diff.groups[i] = (struct ex_group){ .cause = causes[i], .measured = true };
	r.diff.n_groups = r.diff.causes = n;
	expect_ok(doc_mend_causes(ss_text(in), toml != NULL ? &was : NULL, &r, &file, &switches,
				  &err),
		  &err);
	doc_patch_text(&file.patch, ss_text(in), &text);
	doc_patch_text(&switches.patch, was, &text2);
	assert_true(ss_is(ss_buf_span(&text), want));
	assert_true(ss_is(ss_buf_span(&text2), want_toml));
	assert_int_equal(file.by_hand, by_hand);
}

static void causes_are_mended_by_a_line_a_stage_a_word_a_step_a_switch(void **state)
{
	static const enum ex_cause zone[] = { EX_ENV_TIMEZONE, EX_UNKNOWN };
	static const enum ex_cause umask[] = { EX_ENV_UMASK };
	static const enum ex_cause rows[] = { EX_LEFT_TMP, EX_CACHE_HOME };

	(void)state;
	expect_causes(zone, 2, "FROM a AS b\nRUN x\nFROM c\n", NULL,
		      "FROM a AS b\nARG TZ=UTC\nRUN x\nFROM c\nARG TZ=UTC\n", "", 1);
	expect_causes(zone, 1, "FROM a\nARG TZ=UTC\nRUN x\n", NULL, "FROM a\nARG TZ=UTC\nRUN x\n",
		      "", 1);
	expect_causes(umask, 1,
		      "FROM a\nRUN --mount=type=tmpfs,target=/x \\\n  make\nRUN [\"y\"]\n"
		      "RUN <<E\nz\nE\nRUN umask 022; w\n",
		      NULL,
		      "FROM a\nRUN --mount=type=tmpfs,target=/x \\\n  umask 022 && make\nRUN "
		      "[\"y\"]\nRUN <<E\nz\nE\nRUN umask 022; w\n",
		      "", 0);
	expect_causes(rows, 2, "FROM a\n", "name = \"x\"\n", "FROM a\n",
		      "name = \"x\"\n\n[normalize]\ntmp = true\nhome-cache = true\n", 0);
	expect_causes(rows, 2, "FROM a\n", "[normalize]\nlogs = false\n[app]\n", "FROM a\n",
		      "[normalize]\ntmp = true\nhome-cache = true\nlogs = false\n[app]\n", 0);
	expect_causes(rows, 1, "FROM a\n", "[normalize]\ntmp = false\n", "FROM a\n",
		      "[normalize]\ntmp = false\n", 1);
	expect_causes(rows, 1, "FROM a\n", NULL, "FROM a\n", "", 1);
	expect_causes(rows, 1, "FROM a\n", "name = \"x\"", "FROM a\n",
		      "name = \"x\"\n\n[normalize]\ntmp = true\n", 0);
}

/* --- patches -------------------------------------------------------------------------------------
 */

static void a_patch_is_shown_as_patch_takes_it(void **state)
{
	static const char in[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15";
	AUTO_DOC_PATCH struct doc_patch p = { 0 };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(4096);

	(void)state;
	doc_patch_show(&p, ss_text(in), "f", &b);
	assert_int_equal(b.n, 0);
	assert_true(doc_patch_add(&p, strlen(in), 0, "!"));
	assert_true(doc_patch_add(&p, 2, 0, "new\n"));
	assert_true(doc_patch_add(&p, 5, 0, "!"));
	assert_false(doc_patch_add(&p, 5, 0, "!"));
	assert_true(doc_patch_add(&p, 6, 1, ""));
	assert_false(doc_patch_add(&p, 6, 1, "x"));
	doc_patch_show(&p, ss_text(in), "f\033", &b);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)b.p,
			    "--- f\\x1b\n+++ f\\x1b\n@@ -1,7 +1,8 @@\n 1\n+new\n 2\n-3\n+3!\n-4\n"
			    "+\n 5\n 6\n 7\n@@ -12,4 +13,4 @@\n 12\n 13\n 14\n-15\n\\ No newline "
			    "at end of file\n+15!\n\\ No newline at end of file\n");
}

static void store(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static void a_file_that_was_changed_meanwhile_is_left_as_it_is(void **state)
{
	char path[] = "/tmp/test_doc_mend.XXXXXX";
	AUTO_DOC_PATCH struct doc_patch p = { 0 };
	struct ss_err err = { 0 };
	struct stat st = { 0 };
	char got[16] = "", want[256];
	FILE *f;

	(void)state;
	assert_true(close(mkstemp(path)) == 0);
	store(path, "one\n");
	assert_int_equal(chmod(path, 0640), 0);
	assert_true(doc_patch_add(&p, 3, 0, "!"));
	expect_ok(doc_patch_apply(&p, ss_text("one\n"), path, &err), &err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(got, sizeof(got), f));
	(void)fclose(f);
	assert_string_equal(got, "one!\n");
	(void)snprintf(want, sizeof(want), "'%s' was changed meanwhile; it is left as it is", path);
	expect_fails(doc_patch_apply(&p, ss_text("one\n"), path, &err), &err, SS_ESYS, want);
	store(path, "onf\n");
	expect_fails(doc_patch_apply(&p, ss_text("one\n"), path, &err), &err, SS_ESYS, want);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(want, sizeof(want), "cannot look at '%s': No such file or directory", path);
	expect_fails(doc_patch_apply(&p, ss_text("one\n"), path, &err), &err, SS_ESYS, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mend_makes_its_finding_go),
		cmocka_unit_test(what_needs_a_choice_or_has_no_place_is_left_to_people),
		cmocka_unit_test(many_findings_are_mended_at_once_and_each_edit_once),
		cmocka_unit_test(causes_are_mended_by_a_line_a_stage_a_word_a_step_a_switch),
		cmocka_unit_test(a_patch_is_shown_as_patch_takes_it),
		cmocka_unit_test(a_file_that_was_changed_meanwhile_is_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
