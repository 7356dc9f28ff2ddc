/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "certs.h"
#include "crypto/x509.h"
#include "expect.h"

#include <string.h>

#define PEM_MAX ((size_t)65536)

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void add_name(void *ctx, const char *name, struct ss_span value)
{
	struct ss_buf *b = ctx;

	ss_buf_put(b, text(name));
	ss_buf_put(b, text("="));
	ss_buf_put(b, value);
	ss_buf_put(b, text(";"));
}

static void a_certificate_says_what_it_is(void **state)
{
	AUTO_CERT struct crypto_cert *c = NULL;
	AUTO_BUF struct ss_buf names = SS_BUF_INIT(PEM_MAX);
	AUTO_BUF struct ss_buf der = SS_BUF_INIT(PEM_MAX);
	enum crypto_curve curve;
	struct ss_err err = { 0 };
	char alg[64], date[SS_DATE_SIZE];

	(void)state;
	expect_ok(crypto_cert_read_pem(text(cert_P384), &c, &err), &err);
	ss_date_text(crypto_cert_not_before(c), date);
	assert_string_equal(date, "2020-01-02T03:04:05+00:00");
	ss_date_text(crypto_cert_not_after(c), date);
	assert_string_equal(date, "2089-12-31T23:59:59+00:00");
	crypto_cert_issuer(c, add_name, &names);
	ss_buf_put(&names, text("|"));
	crypto_cert_subject(c, add_name, &names);
	ss_buf_put(&names, (struct ss_span){ (const uint8_t *)"", 1 });
	assert_string_equal((const char *)names.p,
			    "commonName=selfsame test issuer;|countryName=NL;organizationName="
			    "selfsame test;commonName=signer \xc3\xa9;");
	crypto_cert_algorithm(c, alg, sizeof(alg));
	assert_string_equal(alg, "ecdsa-with-SHA384");
	expect_ok(crypto_cert_curve(c, &curve, &err), &err);
	assert_int_equal(curve, CRYPTO_P384);
	crypto_cert_der(c, &der);
	assert_int_equal(der.p[0], 0x30);
	assert_int_equal(der.n, 4 + ((size_t)der.p[2] << 8 | der.p[3]));
	assert_int_equal(crypto_cert_signature(c).p[0], 0x30);
}

static void dates_before_1970_are_read(void **state)
{
	AUTO_CERT struct crypto_cert *c = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(crypto_cert_read_pem(text(cert_early), &c, &err), &err);
	assert_int_equal(crypto_cert_not_before(c), -315619200);
	assert_int_equal(crypto_cert_not_after(c), 9);
}

static void dates_are_spelled_as_openssl_does(void **state)
{
	char t[CRYPTO_DATE_SIZE];

	(void)state;
	crypto_date_text(1720545398, t);
	assert_string_equal(t, "Jul  9 17:16:38 2024 GMT");
	crypto_date_text(-315619200, t);
	assert_string_equal(t, "Jan  1 00:00:00 1960 GMT");
	crypto_date_text(1796083199, t);
	assert_string_equal(t, "Nov 30 23:59:59 2026 GMT");
}

static void keys_that_are_not_ours_are_named(void **state)
{
	AUTO_CERT struct crypto_cert *ed = NULL;
	AUTO_CERT struct crypto_cert *k1 = NULL;
	enum crypto_curve curve;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(crypto_cert_read_pem(text(cert_ed25519), &ed, &err), &err);
	expect_fails(crypto_cert_curve(ed, &curve, &err), &err, SS_EINPUT,
		     "the certificate's key is ED25519; EIF signatures need P-256, P-384 or P-521");
	expect_ok(crypto_cert_read_pem(text(cert_K256), &k1, &err), &err);
	expect_fails(crypto_cert_curve(k1, &curve, &err), &err, SS_EINPUT,
		     "the certificate's key is on the curve 'secp256k1'; EIF signatures need "
		     "P-256, P-384 or P-521");
}

static void join(struct ss_buf *b, const char *first, const char *second, const char *third)
{
	b->n = 0;
	ss_buf_put(b, text(first));
	ss_buf_put(b, text(second));
	ss_buf_put(b, text(third));
}

static void an_encrypted_certificate_asks_nobody(void **state)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
	static const char header[] = "Proc-Type: 4,ENCRYPTED\n"
				     "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n";
	AUTO_CERT struct crypto_cert *c = NULL;
	struct ss_err err = { 0 };
	char pem[4096];
	const int n =
		snprintf(pem, sizeof(pem), "%s%s%s", begin, header, cert_P384 + sizeof(begin) - 1);

	(void)state;
	assert_true(n > 0 && (size_t)n < sizeof(pem));
	expect_fails(
		crypto_cert_read_pem((struct ss_span){ (const uint8_t *)pem, (size_t)n }, &c, &err),
		&err, SS_EINPUT, "the certificate is encrypted with a passphrase");
}

static void text_to_be_published_holds_certificates_only(void **state)
{
	static const struct {
		const char *first;
		const char *second;
		const char *third;
		const char *msg; /* NULL = fine */
	} cases[] = {
		{ cert_P384, "", "", NULL },
		{ "\n \n", cert_P384, "\n\n", NULL },
		{ cert_P384, "\r\n", cert_P256, NULL },
		{ "", "", "", "there is no certificate in PEM form" },
		{ "\n\n", "", "", "there is no certificate in PEM form" },
		{ "hello\n", "", "", "line 1 is no part of a certificate in PEM form" },
		{ "subject=CN = x\n", cert_P384, "",
		  "line 1 is no part of a certificate in PEM form" },
		{ cert_P256, key_P256, "", "line 10 is no part of a certificate in PEM form" },
		{ key_P256, cert_P256, "", "line 1 is no part of a certificate in PEM form" },
		{ cert_P256, "-----BEGIN CERTIFICATE-----\n", "", "certificate 2 does not end" },
		{ cert_P256, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "",
		  "certificate 2, which ends in line 12: there is no certificate in PEM form" },
		{ "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", "",
		  "certificate 1, which ends in line 2: there is no certificate in PEM form" },
		{ "-----BEGIN CERTIFICATE-----\nA B\n", "", "",
		  "line 2 is no part of a certificate in PEM form" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_CERT struct crypto_cert *c = NULL;
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(PEM_MAX);
		struct ss_err err = { 0 };
		int rc;

		join(&b, cases[i].first, cases[i].second, cases[i].third);
		rc = crypto_cert_read_pem_only(ss_buf_span(&b), &c, &err);
		if (cases[i].msg == NULL)
			expect_ok(rc, &err);
		else
			expect_fails(rc, &err, SS_EINPUT, cases[i].msg);
	}
}

/* The one that counts is the first, whoever else is in the file. */
static void the_first_certificate_is_taken(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(PEM_MAX);
	enum crypto_curve curve;
	struct ss_err err = { 0 };

	(void)state;
	join(&b, "\n", cert_P521, cert_P256);
	for (int only = 0; only < 2; only++) {
		AUTO_CERT struct crypto_cert *c = NULL;
		const int rc = only ? crypto_cert_read_pem_only(ss_buf_span(&b), &c, &err)
				    : crypto_cert_read_pem(ss_buf_span(&b), &c, &err);

		expect_ok(rc, &err);
		expect_ok(crypto_cert_curve(c, &curve, &err), &err);
		assert_int_equal(curve, CRYPTO_P521);
	}
}

static void a_truncated_certificate_is_refused(void **state)
{
	const size_t end = strlen(cert_P256) - 1;

	(void)state;
	for (size_t n = 0; n < end; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n, 1);
		struct crypto_cert *c = NULL;
		struct ss_err err = { 0 };

		memcpy(copy, cert_P256, n);
		assert_int_equal(crypto_cert_read_pem((struct ss_span){ copy, n }, &c, &err), -1);
		assert_int_equal(crypto_cert_read_pem_only((struct ss_span){ copy, n }, &c, &err),
				 -1);
		assert_null(c);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_says_what_it_is),
		cmocka_unit_test(dates_before_1970_are_read),
		cmocka_unit_test(dates_are_spelled_as_openssl_does),
		cmocka_unit_test(keys_that_are_not_ours_are_named),
		cmocka_unit_test(an_encrypted_certificate_asks_nobody),
		cmocka_unit_test(text_to_be_published_holds_certificates_only),
		cmocka_unit_test(the_first_certificate_is_taken),
		cmocka_unit_test(a_truncated_certificate_is_refused),
	};

	return cmocka_run_group_tests_name("crypto_x509", tests, NULL, NULL);
}
