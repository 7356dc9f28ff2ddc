/* SPDX-License-Identifier: Apache-2.0 */
/* Every other choice of CMS, and messages of openssl(1): tests/oracle/recipient.py. */
#include "base/hex.h"
#include "expect.h"
#include "fmt/cms.h"

#include <string.h>

/* A message of AWS KMS itself, as a user published it (RustCrypto/formats, issue 779). */
static const char kms[] =
	"308006092a864886f70d010703a08030800201023182016b308201670201028020710d335fec8e74647c098c"
	"28bf4e5709b1d595fc9d4f81e88d3202ebe7fb6997303c06092a864886f70d010107302fa00f300d06096086"
	"480165030402010500a11c301a06092a864886f70d010108300d060960864801650304020105000482010029"
	"cffeb1322f4f82b818c7aaef2fe20fe54dc6ddbf75e25dc0e99dddc55ef622864dedb8b920b8011c9343e71d"
	"56ccb08aba22dc35ba18defefbe8d699702717a43fc6b67fb45fb0440854dd0e43b9f312843fedb803d17c61"
	"4a7601ae960cf47a49fdfe28099a4b2f5a222c20a8b8d3fe04138d804ff407d152da620990b12d36c04644ed"
	"d2c02b3e245e7fdfa5b48c572a9b567db4fca4e69c0fca2bad0559e37dd46a302d18e393880540b7c3dc0813"
	"4ba42122b1a989a12c8f856e6978092eba510b37d6c2afed9cbe5eb6f9c52c64ea0f12557c90873d6f67829d"
	"fd79303dfca325fe8fdf71c027d90786e94a8f5c02e4dfb720f4907dedbdadd9221103308006092a864886f7"
	"0d010701301d060960864801650304012a041037343df1470df625eeb6f4bfd2f1acc3a0800410cc74adf65d"
	"973c8b72cd51e1b927f0f000000000000000000000";
#define KMS_SIZE ((sizeof(kms) - 1) / 2)

static uint8_t *message(void)
{
	uint8_t *p = ss_calloc(KMS_SIZE, 1);

	assert_true(ss_unhex(kms, p, KMS_SIZE));
	return p;
}

static void a_message_of_kms_is_read(void **state)
{
	AUTO_FREE uint8_t *m = message();
	AUTO_BUF struct ss_buf content = SS_BUF_INIT(CMS_MAX_MESSAGE);
	struct cms_envelope e = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(cms_envelope_read((struct ss_span){ m, KMS_SIZE }, &e, &content, &err), &err);
	assert_true(e.id.p == m + 33 && e.id.n == 32);
	assert_true(e.iv.p == m + 415 && e.iv.n == CMS_BLOCK);
	assert_int_equal(e.n_key, 256);
	assert_memory_equal(e.key, m + 131, 256);
	assert_int_equal(content.n, CMS_BLOCK);
	assert_memory_equal(content.p, m + 435, CMS_BLOCK);
}

static void a_message_cut_at_every_byte_is_refused(void **state)
{
	AUTO_FREE uint8_t *m = message();

	(void)state;
	for (size_t n = 0; n < KMS_SIZE; n++) {
		/* exactly as large as it is: one byte too far is seen by the sanitizer */
		AUTO_FREE uint8_t *part = ss_calloc(n > 0 ? n : 1, 1);
		AUTO_BUF struct ss_buf content = SS_BUF_INIT(CMS_MAX_MESSAGE);
		struct cms_envelope e = { .n_key = 7 };
		struct ss_err err = { 0 };

		memcpy(part, m, n);
		assert_int_equal(cms_envelope_read((struct ss_span){ part, n }, &e, &content, &err),
				 -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_non_null(strstr(err.msg, n == 0 ? "an element is missing" : "at byte"));
		assert_int_equal(e.n_key, 7);
	}
}

/* A byte that is not of id, key, vector or content is of the form: no other value will do. */
static void another_byte_of_the_form_is_refused(void **state)
{
	AUTO_FREE uint8_t *m = message();

	(void)state;
	for (size_t at = 0; at < KMS_SIZE; at++) {
		const bool is_value = (at >= 33 && at < 65) || (at >= 131 && at < 387) ||
				      (at >= 415 && at < 431) || (at >= 435 && at < 451);

		for (unsigned bit = 0; bit < 8; bit++) {
			AUTO_BUF struct ss_buf content = SS_BUF_INIT(CMS_MAX_MESSAGE);
			struct cms_envelope e = { 0 };
			struct ss_err err = { 0 };
			int rc;

			m[at] ^= (uint8_t)(1u << bit);
			rc = cms_envelope_read((struct ss_span){ m, KMS_SIZE }, &e, &content, &err);
			m[at] ^= (uint8_t)(1u << bit);
			if (is_value)
				expect_ok(rc, &err);
			else if (rc == 0)
				fail_msg("byte %zu, bit %u", at, bit);
		}
	}
}

static void each_other_choice_has_its_message(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *msg;
	} cases[] = {
		{ 12, 2, "CMS: the message is not enveloped data, at byte 2" },
		{ 19, 0, "CMS: the version is not 2, at byte 17" },
		{ 19, 0x80, "CMS: a negative integer, at byte 17" },
		{ 24, 0xa1, "CMS: the recipient is not one of key transport, at byte 24" },
		{ 30, 0, "CMS: the recipient's version is not 2, at byte 28" },
		{ 31, 0x30, "CMS: the recipient is named by a certificate, at byte 31" },
		{ 32, 65, "CMS: the recipient's identifier is over 64 bytes, at byte 31" },
		{ 77, 1, "CMS: the key is not encrypted with RSAES-OAEP, at byte 67" },
		{ 80, 0xa1, "CMS: the hash of OAEP is not SHA-256, at byte 80" },
		{ 94, 2, "CMS: the hash of OAEP is not SHA-256, at byte 84" },
		{ 95, 4, "CMS: another element than was expected, at byte 95" },
		{ 97, 0xa2, "CMS: the mask of OAEP is not MGF1 with SHA-256, at byte 97" },
		{ 111, 9, "CMS: the mask of OAEP is not MGF1 with SHA-256, at byte 101" },
		{ 124, 3, "CMS: the mask of OAEP is not MGF1 with SHA-256, at byte 114" },
		{ 399, 2, "CMS: the content is not data, at byte 389" },
		{ 412, 0x2e, "CMS: the content is not encrypted with AES-256-CBC, at byte 402" },
		{ 414, 15, "CMS: the initial vector is not of 16 bytes, at byte 413" },
		{ 434, 15, "CMS: another element than was expected, at byte 450" },
		{ 451, 4, "CMS: an element that ends early, at byte 461" },
		{ 453, 5, "CMS: an element that holds more than it should, at byte 453" },
		{ 454, 1, "CMS: an end of contents that has some, at byte 453" },
	};
	AUTO_FREE uint8_t *m = message();

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf content = SS_BUF_INIT(CMS_MAX_MESSAGE);
		const uint8_t was = m[cases[i].at];
		struct cms_envelope e = { 0 };
		struct ss_err err = { 0 };

		m[cases[i].at] = cases[i].value;
		expect_fails(cms_envelope_read((struct ss_span){ m, KMS_SIZE }, &e, &content, &err),
			     &err, SS_EINPUT, cases[i].msg);
		m[cases[i].at] = was;
	}
}

static void a_message_over_the_limit_is_not_looked_at(void **state)
{
	AUTO_FREE uint8_t *m = ss_calloc(CMS_MAX_MESSAGE + 1, 1);
	AUTO_BUF struct ss_buf content = SS_BUF_INIT(CMS_MAX_MESSAGE);
	struct cms_envelope e = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(
		cms_envelope_read((struct ss_span){ m, CMS_MAX_MESSAGE + 1 }, &e, &content, &err),
		&err, SS_ELIMIT, "CMS: the message is over 16384 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_of_kms_is_read),
		cmocka_unit_test(a_message_cut_at_every_byte_is_refused),
		cmocka_unit_test(another_byte_of_the_form_is_refused),
		cmocka_unit_test(each_other_choice_has_its_message),
		cmocka_unit_test(a_message_over_the_limit_is_not_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
