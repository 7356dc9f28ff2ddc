/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/x509.h"
#include "expect.h"
#include "project/steps.h"
#include "record/rec_tls.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The authority of a recorder: its certificate, as text and as DER. */
static char pem[2048];
static uint8_t der[1024];
static size_t n_der;
static struct rec_authority *authority;

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
	for (size_t before = 65536 - strlen(pem) - 2; before < 65536 + 2; before++) {
		struct tree *t = tree_new();
		struct ss_err err = { 0 };

		put(t, "f", before, pem, other, "");
		tree_sort(t);
		expect_ok(project_clean(text(pem), t, &err), &err);
		expect_body(t, "f", before, other);
		tree_free(t);
	}
}

static void expect_refused(const char *path, struct ss_span body)
{
	struct tree *t = tree_new();
	struct tree_inode in = { .type = TREE_REG, .mode = 0644, .size = (uint32_t)body.n };
	struct ss_err err = { 0 };
	char want[256];

	expect_ok(tree_body_new(t, body, &in.body, &err), &err);
	expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
	tree_sort(t);
	(void)snprintf(want, sizeof(want),
		       "'/%s' holds the certificate of this build's recorder, which only steps "
		       "may see",
		       path);
	expect_fails(project_clean(text(pem), t, &err), &err, SS_EINPUT, want);
	tree_free(t);
}

static void as_it_stands_and_in_a_key_store_it_is_refused_by_name(void **state)
{
	AUTO_BUF struct ss_buf jks = SS_BUF_INIT(1 << 16);
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(rec_authority_jks(authority, &jks, &err), &err);
	expect_refused("etc/ssl/certs/java/cacerts", ss_buf_span(&jks));
	expect_refused("etc/ca.der", (struct ss_span){ der, n_der });
}

/* As openssl crl2pkcs7 and JSON hold it: behind other bytes, in lines of any length. */
static void in_base64_at_any_alignment_it_is_refused_by_name(void **state)
{
	static const size_t widths[] = { 64, 76, 10000 };

	(void)state;
	for (size_t before = 0; before < 5; before++) {
		uint8_t all[1024 + 8] = { 0 }, chars[2048], lines[4096];
		int n_chars;

		memcpy(all + before, der, n_der);
		n_chars = EVP_EncodeBlock(chars, all, (int)(before + n_der));
		for (size_t w = 0; w < SS_NELEMS(widths); w++) {
			size_t n = 0;

			for (size_t i = 0; i < (size_t)n_chars; i++) {
				if (i > 0 && i % widths[w] == 0)
					lines[n++] = '\n';
				lines[n++] = chars[i];
			}
			expect_refused("etc/nginx/trusted.p7b", (struct ss_span){ lines, n });
		}
	}
}

static void a_bundle_with_other_ends_of_lines_is_refused_by_name(void **state)
{
	uint8_t crlf[4096];
	size_t n = 0;

	(void)state;
	for (const char *p = pem; *p != '\0'; p++) {
		if (*p == '\n')
			crlf[n++] = '\r';
		crlf[n++] = (uint8_t)*p;
	}
	expect_refused("etc/crlf", (struct ss_span){ crlf, n });
}

/* The name alone, in DER: what the recorder is to a step as a server. */
static void a_leaf_is_refused_by_name(void **state)
{
	static const char leaf[] = "\x0c\x1fselfsame: recorder of one build and more of it";

	(void)state;
	expect_refused("app/server.der", text(leaf));
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
		     "line 1 is no part of a certificate in PEM form");
	tree_free(t);
}

static int make_authority(void **state)
{
	AUTO_BUF struct ss_buf as_pem = SS_BUF_INIT(sizeof(pem) - 1);
	AUTO_BUF struct ss_buf as_der = SS_BUF_INIT(sizeof(der));
	struct ss_err err = { 0 };
	size_t n = 0;

	(void)state;
	authority = rec_authority_new(&err);
	if (authority == NULL || rec_authority_pem(authority, &as_pem, &err) < 0 ||
	    crypto_certs_put_der(ss_buf_span(&as_pem), &as_der, &n, &err) < 0)
		return -1;
	memcpy(pem, as_pem.p, as_pem.n);
	memcpy(der, as_der.p, as_der.n);
	n_der = as_der.n;
	return 0;
}

static int free_authority(void **state)
{
	(void)state;
	rec_authority_free(authority);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block_goes_and_all_else_stays),
		cmocka_unit_test(the_block_is_found_across_pieces),
		cmocka_unit_test(as_it_stands_and_in_a_key_store_it_is_refused_by_name),
		cmocka_unit_test(in_base64_at_any_alignment_it_is_refused_by_name),
		cmocka_unit_test(a_bundle_with_other_ends_of_lines_is_refused_by_name),
		cmocka_unit_test(a_leaf_is_refused_by_name),
		cmocka_unit_test(both_names_of_a_file_lose_it_once),
		cmocka_unit_test(what_is_no_certificate_is_no_mark),
	};

	return cmocka_run_group_tests(tests, make_authority, free_authority);
}
