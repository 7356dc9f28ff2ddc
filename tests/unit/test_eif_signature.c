/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "certs.h"
#include "eif/signature.h"
#include "expect.h"

#include <string.h>

#define ROOM ((size_t)4 * EIF_SIGNATURE_MAX)

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void count_up(uint8_t *p)
{
	for (size_t i = 0; i < CRYPTO_SHA384_SIZE; i++)
		p[i] = (uint8_t)i;
}

static int make(const char *pem, const char *key, struct ss_buf *ret, struct ss_err *err)
{
	AUTO_KEY struct crypto_key *k = NULL;
	uint8_t pcr0[CRYPTO_SHA384_SIZE];

	count_up(pcr0);
	if (crypto_key_read_pem(text(key), &k, err) < 0)
		return -1;
	return eif_signature_make(text(pem), k, pcr0, ret, err);
}

/* SHA-384 of whole sections that other implementations of CBOR and ECDSA made (OpenSSL 4.0's own
 * deterministic nonces), for PCR0 = 00 01 … 2f. */
static void sections_are_those_of_an_independent_implementation(void **state)
{
	static const struct {
		const char *cert;
		const char *key;
		size_t n;
		const char *sha384;
		const char *pcr8;
	} cases[] = {
		{ cert_P256, key_P256, 1358,
		  "0e59041a62b9490a1453b7f62730ff81e0f10909712c3b194586cb7eaf7adda3"
		  "060d7858797f7b0fa63cec6c085c40c1",
		  "75b6d13e48287bf2f6519f17b3dcd0441a834f74fce00d62883528e7fcf59e7a"
		  "4e068f9fe3814036d222478aa00e1a2a" },
		{ cert_P384, key_P384, 1594,
		  "d4704e20cd3feb2ef496d72d78df4b1fea11786d204b2ed9092646f36972006e"
		  "6df25b773cde02da54df4544541e706f",
		  "6fe7a6a269ef75cef26d033716289294e57ba8cfdfda0e46cffabb15651ef7b2"
		  "f04acbf92e102845d6ece5176d8c3026" },
		{ cert_P521, key_P521, 1854,
		  "05046ad85b612e9aab36efc408af94b424db63a14156b254547e122cf4b5b6c6"
		  "a174f12a671d890e475e7368758dbbae",
		  "969d84a5509b75d068baaef84e08fc5df7d63d68f6683a483146bda9813a1261"
		  "16df15828eac88e5797e22f1c2a1d431" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		AUTO_CERT struct crypto_cert *c = NULL;
		uint8_t d[CRYPTO_SHA384_SIZE];
		char hex[97];
		struct ss_err err = { 0 };

		expect_ok(make(cases[i].cert, cases[i].key, &b, &err), &err);
		assert_int_equal(b.n, cases[i].n);
		crypto_hash_once(CRYPTO_SHA384, ss_buf_span(&b), d);
		ss_hex((struct ss_span){ d, 48 }, hex);
		assert_string_equal(hex, cases[i].sha384);
		expect_ok(crypto_cert_read_pem(text(cases[i].cert), &c, &err), &err);
		eif_signature_pcr8(c, d);
		ss_hex((struct ss_span){ d, 48 }, hex);
		assert_string_equal(hex, cases[i].pcr8);
	}
}

/* From the tests of AWS's own library, by way of the format's description. */
static void the_encoding_is_nitro_clis(void **state)
{
	static const char payload[] =
		"a26e72656769737465725f696e646578006e72656769737465725f76616c75659830000102030405"
		"060708090a0b0c0d0e0f101112131415161718181819181a181b181c181d181e181f182018211822"
		"1823182418251826182718281829182a182b182c182d182e182f";
	static const char section[] =
		"81a2737369676e696e675f6365727469666963617465983b182d182d182d182d182d184218451847"
		"1849184e182018431845185218541849184618491843184118541845182d182d182d182d182d0a18"
		"4d1849184918420a182d182d182d182d182d1845184e184418201843184518521854184918461849"
		"1843184118541845182d182d182d182d182d0a697369676e6174757265";
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	AUTO_SIGNATURE struct eif_signature s = { 0 };
	AUTO_FREE char *hex = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(make("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", key_P384,
		       &b, &err),
		  &err);
	hex = ss_calloc(2 * b.n + 1, 1);
	ss_hex(ss_buf_span(&b), hex);
	assert_memory_equal(hex, section, strlen(section));
	expect_ok(eif_signature_read(ss_buf_span(&b), &s, &err), &err);
	ss_hex(s.payload, hex);
	assert_string_equal(hex, payload);
	ss_hex(s.protected, hex);
	assert_string_equal(hex, "a1013822");
	assert_false(s.tagged);
	assert_int_equal(s.rs.n, 96);
}

static void a_signature_verifies_and_says_why_not(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	AUTO_SIGNATURE struct eif_signature s = { 0 };
	AUTO_CERT struct crypto_cert *c = NULL;
	AUTO_CERT struct crypto_cert *other = NULL;
	AUTO_CERT struct crypto_cert *ed = NULL;
	uint8_t pcr0[CRYPTO_SHA384_SIZE];
	struct ss_err err = { 0 };

	(void)state;
	count_up(pcr0);
	expect_ok(make(cert_P384, key_P384, &b, &err), &err);
	expect_ok(eif_signature_read(ss_buf_span(&b), &s, &err), &err);
	assert_int_equal(s.curve, CRYPTO_P384);
	assert_int_equal(s.pem.n, strlen(cert_P384));
	assert_memory_equal(s.pem.p, cert_P384, s.pem.n);
	expect_ok(crypto_cert_read_pem(ss_buf_span(&s.pem), &c, &err), &err);
	expect_ok(eif_signature_verify(&s, c, &err), &err);
	expect_ok(eif_signature_covers(&s, pcr0, &err), &err);

	pcr0[47] ^= 1;
	expect_fails(eif_signature_covers(&s, pcr0, &err), &err, SS_EVERIFY,
		     "the signature is over another PCR0");
	pcr0[47] ^= 1;
	s.register_index = 4;
	expect_fails(eif_signature_covers(&s, pcr0, &err), &err, SS_EVERIFY,
		     "the signature is over PCR4, not PCR0");
	expect_ok(crypto_cert_read_pem(text(cert_P256), &other, &err), &err);
	expect_fails(eif_signature_verify(&s, other, &err), &err, SS_EVERIFY,
		     "the signature is ES384, but the certificate's key is on P-256");
	expect_ok(crypto_cert_read_pem(text(cert_ed25519), &ed, &err), &err);
	expect_fails(eif_signature_verify(&s, ed, &err), &err, SS_EVERIFY,
		     "the certificate's key is ED25519; EIF signatures need P-256, P-384 or P-521");
	s.curve = CRYPTO_P256;
	expect_fails(eif_signature_verify(&s, other, &err), &err, SS_EVERIFY,
		     "the signature has 96 bytes, those of P-256 have 64");
}

static void the_payload_and_the_headers_are_signed(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	AUTO_CERT struct crypto_cert *c = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(make(cert_P256, key_P256, &b, &err), &err);
	expect_ok(crypto_cert_read_pem(text(cert_P256), &c, &err), &err);
	{
		AUTO_SIGNATURE struct eif_signature s = { 0 };
		uint8_t *payload;

		expect_ok(eif_signature_read(ss_buf_span(&b), &s, &err), &err);
		payload = s.cose.p + (s.payload.p - s.cose.p);
		payload[s.payload.n - 1] ^= 1;
		expect_fails(eif_signature_verify(&s, c, &err), &err, SS_EVERIFY,
			     "the signature is not by the certificate's key");
		payload[s.payload.n - 1] ^= 1;
		expect_ok(eif_signature_verify(&s, c, &err), &err);
		s.cose.p[s.protected.p - s.cose.p] ^= 1;
		expect_fails(eif_signature_verify(&s, c, &err), &err, SS_EVERIFY,
			     "the signature is not by the certificate's key");
	}
}

static void dates_are_inclusive(void **state)
{
	static const struct {
		int64_t now;
		const char *msg; /* NULL = in time */
	} cases[] = {
		{ 1577934244, "the certificate is not valid before Jan  2 03:04:05 2020 GMT" },
		{ 1577934245, NULL },
		{ 3786911999, NULL },
		{ 3786912000, "the certificate is not valid after Dec 31 23:59:59 2089 GMT" },
		{ 0, "the certificate is not valid before Jan  2 03:04:05 2020 GMT" },
		{ 4102444800, "the certificate is not valid after Dec 31 23:59:59 2089 GMT" },
		{ INT64_MIN, "the certificate is not valid before Jan  2 03:04:05 2020 GMT" },
		{ INT64_MAX, "the certificate is not valid after Dec 31 23:59:59 2089 GMT" },
	};
	AUTO_CERT struct crypto_cert *c = NULL;
	AUTO_CERT struct crypto_cert *early = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(crypto_cert_read_pem(text(cert_P384), &c, &err), &err);
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		const int rc = eif_signature_in_time(c, cases[i].now, &err);

		if (cases[i].msg == NULL)
			expect_ok(rc, &err);
		else
			expect_fails(rc, &err, SS_EVERIFY, cases[i].msg);
	}
	/* a clock in 1970 */
	expect_ok(crypto_cert_read_pem(text(cert_early), &early, &err), &err);
	expect_ok(eif_signature_in_time(early, 0, &err), &err);
	expect_fails(eif_signature_in_time(early, 10, &err), &err, SS_EVERIFY,
		     "the certificate is not valid after Jan  1 00:00:09 1970 GMT");
}

static void what_is_read_is_written_again(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf again = SS_BUF_INIT(ROOM);
	AUTO_SIGNATURE struct eif_signature s = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(make(cert_P521, key_P521, &b, &err), &err);
	expect_ok(eif_signature_read(ss_buf_span(&b), &s, &err), &err);
	eif_signature_write(&s, &again);
	assert_int_equal(again.n, b.n);
	assert_memory_equal(again.p, b.p, b.n);
}

static void a_section_that_is_too_large_is_not_made(void **state)
{
	AUTO_BUF struct ss_buf pem = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	struct ss_err err = { 0 };
	size_t most = 0;

	(void)state;
	while (pem.n < 20000)
		ss_buf_put(&pem, text("AAAAAAAAAAAAAAA\n"));
	ss_buf_put(&pem, (struct ss_span){ (const uint8_t *)"", 1 });
	expect_fails(make((const char *)pem.p, key_P384, &b, &err), &err, SS_ELIMIT,
		     "the signature section would be larger than 32768 bytes");
	assert_non_null(err.hint);
	assert_int_equal(b.n, 0);
	for (size_t n = 16200; n < 17000; n++) {
		const uint8_t was = pem.p[n];

		pem.p[n] = 0;
		b.n = 0;
		if (make((const char *)pem.p, key_P384, &b, &err) == 0)
			most = b.n;
		pem.p[n] = was;
	}
	assert_in_range(most, EIF_SIGNATURE_MAX - 1, EIF_SIGNATURE_MAX);
}

static void a_section_truncated_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(make(cert_P256, key_P256, &b, &err), &err);
	for (size_t n = 0; n < b.n; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n, 1);
		struct eif_signature s = { 0 };

		if (n > 0)
			memcpy(copy, b.p, n);
		err.msg[0] = '\0';
		assert_int_equal(eif_signature_read((struct ss_span){ copy, n }, &s, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_int_equal(strncmp(err.msg, "signature section", 17), 0);
	}
}

/* Refused, or it writes the same bytes again: nothing is passed over. */
static void every_changed_byte_is_refused_or_read(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(make(cert_P256, key_P256, &b, &err), &err);
	for (size_t i = 0; i < 8 * b.n; i++) {
		AUTO_BUF struct ss_buf again = SS_BUF_INIT(ROOM);
		AUTO_SIGNATURE struct eif_signature s = { 0 };

		b.p[i / 8] ^= (uint8_t)(1u << i % 8);
		if (eif_signature_read(ss_buf_span(&b), &s, &err) == 0) {
			eif_signature_write(&s, &again);
			assert_int_equal(again.n, b.n);
			assert_memory_equal(again.p, b.p, b.n);
		}
		b.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}

/* The section around a COSE_Sign1 and a certificate given in hexadecimal. */
static void wrap(struct ss_buf *b, const char *cose_hex)
{
	static const uint8_t head[] = "\x81\xa2\x73signing_certificate\x80\x69signature";
	uint8_t cose[512];
	const size_t n = strlen(cose_hex) / 2;

	assert_true(n <= sizeof(cose) && ss_unhex(cose_hex, cose, n));
	ss_buf_put(b, (struct ss_span){ head, sizeof(head) - 1 });
	if (n < 24) {
		const uint8_t c = (uint8_t)(0x80 + n);

		ss_buf_put(b, (struct ss_span){ &c, 1 });
	} else {
		const uint8_t c[2] = { 0x98, (uint8_t)n };

		ss_buf_put(b, (struct ss_span){ c, 2 });
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t c[2] = { 0x18, cose[i] };

		ss_buf_put(b,
			   cose[i] < 24 ? (struct ss_span){ c + 1, 1 } : (struct ss_span){ c, 2 });
	}
}

#define ONES "010101010101010101010101010101010101010101010101"
#define PAYLOAD(len, index, n)                                                                     \
	"58" len "a26e72656769737465725f696e646578" index                                          \
	"6e72656769737465725f76616c7565" n ONES ONES

static void malformed_cose_is_refused(void **state)
{
	static const struct {
		const char *cose;
		const char *msg; /* NULL = fine */
	} cases[] = {
		{ "8444a1013822a0" PAYLOAD("52", "00", "9830") "4101", NULL },
		{ "d28444a1013822a0" PAYLOAD("52", "04", "9830") "40", NULL },
		{ "8343a10126a0" PAYLOAD("52", "00", "9830"), "COSE_Sign1" },
		{ "d18443a10126a0" PAYLOAD("52", "00", "9830") "40", "COSE_Sign1" },
		{ "8443a10126a10126" PAYLOAD("52", "00", "9830") "40", "COSE_Sign1" },
		{ "8443a10126a0" PAYLOAD("52", "00", "9830") "4000", "COSE_Sign1" },
		{ "8443a10127a0" PAYLOAD("52", "00", "9830") "40",
		  "signature section: the COSE algorithm -8 is none of ES256, ES384, ES512" },
		{ "8443a10226a0" PAYLOAD("52", "00", "9830") "40", "COSE headers" },
		{ "8440a0" PAYLOAD("52", "00", "9830") "40", "COSE headers" },
		{ "8446a20126020126a0" PAYLOAD("52", "00", "9830") "40", "COSE headers" },
		{ "8443a10126a0" PAYLOAD("53", "1820", "9830") "40", "payload" },
		{ "8443a10126a0" PAYLOAD("52", "20", "9830") "40", "payload" },
		{ "8443a10126a0" PAYLOAD("52", "00", "982f") "40", "payload" },
		{ "8443a10126a04040", "payload" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		AUTO_BUF struct ss_buf again = SS_BUF_INIT(ROOM);
		AUTO_SIGNATURE struct eif_signature s = { 0 };
		struct ss_err err = { 0 };
		int rc;

		wrap(&b, cases[i].cose);
		rc = eif_signature_read(ss_buf_span(&b), &s, &err);
		if (cases[i].msg == NULL) {
			expect_ok(rc, &err);
			eif_signature_write(&s, &again);
			assert_int_equal(again.n, b.n);
			assert_memory_equal(again.p, b.p, b.n);
			continue;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, SS_EINPUT);
		if (strstr(err.msg, cases[i].msg) == NULL)
			fail_msg("case %zu says: %s", i, err.msg);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_are_those_of_an_independent_implementation),
		cmocka_unit_test(the_encoding_is_nitro_clis),
		cmocka_unit_test(a_signature_verifies_and_says_why_not),
		cmocka_unit_test(the_payload_and_the_headers_are_signed),
		cmocka_unit_test(dates_are_inclusive),
		cmocka_unit_test(what_is_read_is_written_again),
		cmocka_unit_test(a_section_that_is_too_large_is_not_made),
		cmocka_unit_test(a_section_truncated_at_every_byte_is_refused),
		cmocka_unit_test(every_changed_byte_is_refused_or_read),
		cmocka_unit_test(malformed_cose_is_refused),
	};

	return cmocka_run_group_tests_name("eif_signature", tests, NULL, NULL);
}
