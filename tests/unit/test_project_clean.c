/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "project/steps.h"

#include <stdio.h>
#include <string.h>

#define LINE_2 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"

static const char pem[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBszCCAVmgAwIBAgIIRAAAAAAAAAAwCgYIKoZIzj0EAwIwKTEnMCUGA1UEAwwe\n" LINE_2
	"\nAAAA\n-----END CERTIFICATE-----\n";
static const char other[] = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* `before` bytes of padding, then the texts. */
static void put(struct tree *t, const char *path, size_t before, const char *a, const char *b,
		const char *c)
{
	AUTO_BUF struct ss_buf body = SS_BUF_INIT(1 << 20);
	struct tree_inode in = { .type = TREE_REG, .mode = 0644 };
	struct ss_err err = { 0 };

	for (size_t i = 0; i < before; i++)
		ss_buf_put(&body, text("."));
	ss_buf_put(&body, text(a));
	ss_buf_put(&body, text(b));
	ss_buf_put(&body, text(c));
	in.size = (uint32_t)body.n;
	expect_ok(tree_body_new(t, ss_buf_span(&body), &in.body, &err), &err);
	expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
}

static void expect_body(const struct tree *t, const char *path, size_t skip, const char *want)
{
	const tree_id id = tree_find(t, text(path));
	struct ss_err err = { 0 };
	struct tree_inode in;
	char got[4096];

	assert_int_not_equal(id, TREE_NONE);
	tree_stat(t, id, &in);
	assert_int_equal(in.size, skip + strlen(want));
	expect_ok(tree_read(t, id, skip, (uint8_t *)got, in.size - skip, &err), &err);
	assert_memory_equal(got, want, strlen(want));
}

static void the_block_goes_and_all_else_stays(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	put(t, "bundle", 0, other, pem, "");
	put(t, "copied", 0, pem, other, pem);
	put(t, "alone", 0, pem, "", "");
	put(t, "another", 0, other, other, "");
	put(t, "empty", 0, "", "", "");
	tree_sort(t);
	expect_ok(project_clean(text(pem), t, &err), &err);
	expect_body(t, "bundle", 0, other);
	expect_body(t, "copied", 0, other);
	expect_body(t, "alone", 0, "");
	expect_body(t, "another", 0,
		    "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n"
		    "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n");
	tree_free(t);
}

/* A file is read in pieces: the block is found wherever one ends. */
static void the_block_is_found_across_pieces(void **state)
{
	(void)state;
	for (size_t before = 65536 - sizeof(pem) - 2; before < 65536 + 2; before++) {
		struct tree *t = tree_new();
		struct ss_err err = { 0 };

		put(t, "f", before, pem, other, "");
		tree_sort(t);
		expect_ok(project_clean(text(pem), t, &err), &err);
		expect_body(t, "f", before, other);
		tree_free(t);
	}
}

static void any_other_form_is_refused_by_name(void **state)
{
	static const struct {
		const char *path, *body;
	} cases[] = {
		{ "app/one-line", LINE_2 },
		{ "etc/crlf", "-----BEGIN CERTIFICATE-----\r\nMIIB\r\n" LINE_2 "\r\n" },
		{ "etc/ssl/certs/java/cacerts", "\x0c\x1fselfsame: recorder of one build and more "
						"that makes it long enough to be "
						"looked at" },
	};
	char want[256];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct tree *t = tree_new();
		struct ss_err err = { 0 };

		put(t, cases[i].path, 65530, cases[i].body, "", "");
		(void)snprintf(want, sizeof(want),
			       "'/%s' holds the certificate of this build's recorder, which only "
			       "steps may see",
			       cases[i].path);
		tree_sort(t);
		expect_fails(project_clean(text(pem), t, &err), &err, SS_EINPUT, want);
		tree_free(t);
	}
}

static void both_names_of_a_file_lose_it_once(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	put(t, "a", 0, other, pem, "");
	expect_ok(tree_link(t, text("b"), text("a"), &err), &err);
	tree_sort(t);
	expect_ok(project_clean(text(pem), t, &err), &err);
	expect_body(t, "a", 0, other);
	expect_body(t, "b", 0, other);
	tree_free(t);
}

static void what_is_no_certificate_is_no_mark(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(project_clean(text("x\n"), t, &err), &err, SS_EINPUT,
		     "the recorder's certificate is not PEM");
	tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block_goes_and_all_else_stays),
		cmocka_unit_test(the_block_is_found_across_pieces),
		cmocka_unit_test(any_other_form_is_refused_by_name),
		cmocka_unit_test(both_names_of_a_file_lose_it_once),
		cmocka_unit_test(what_is_no_certificate_is_no_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
