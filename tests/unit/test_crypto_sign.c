/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "certs.h"
#include "crypto/x509.h"
#include "expect.h"

#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* RFC 6979, appendix A.2.5, A.2.6, A.2.7: r and s. */
static void signatures_are_those_of_rfc_6979(void **state)
{
	static const struct {
		const char *key;
		const char *cert;
		enum crypto_hash_kind hash;
		const char *message;
		const char *rs;
	} cases[] = {
		{ key_P256, cert_P256, CRYPTO_SHA256, "sample",
		  "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
		  "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8" },
		{ key_P256, cert_P256, CRYPTO_SHA256, "test",
		  "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
		  "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083" },
		{ key_P256, cert_P256, CRYPTO_SHA384, "sample",
		  "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719"
		  "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954" },
		{ key_P256, cert_P256, CRYPTO_SHA512, "sample",
		  "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00"
		  "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe" },
		{ key_P384, cert_P384, CRYPTO_SHA384, "sample",
		  "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
		  "81a648152e44acf96e36dd1e80fabe46"
		  "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
		  "a329c145786e679e7b82c71a38628ac8" },
		{ key_P384_pkcs8, cert_P384, CRYPTO_SHA384, "test",
		  "8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb"
		  "0542a7f0812998da8f1dd3ca3cf023db"
		  "ddd0760448d42d8a43af45af836fce4de8be06b485e9b61b827c2f13173923e0"
		  "6a739f040649a667bf3b828246baa5a5" },
		{ key_P384, cert_P384, CRYPTO_SHA512, "test",
		  "a0d5d090c9980faf3c2ce57b7ae951d31977dd11c775d314af55f76c676447d0"
		  "6fb6495cd21b4b6e340fc236584fb277"
		  "976984e59b4c77b0e8e4460dca3d9f20e07b9bb1f63beefaf576f6b2e8b22463"
		  "4a2092cd3792e0159ad9cee37659c736" },
		{ key_P521, cert_P521, CRYPTO_SHA512, "sample",
		  "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f17"
		  "4e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa"
		  "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af28"
		  "2623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a" },
		{ key_P521, cert_P521, CRYPTO_SHA512, "test",
		  "013e99020abf5cee7525d16b69b229652ab6bdf2affcaef38773b4b7d08725f10c"
		  "db93482fdcc54edcee91eca4166b2a7c6265ef0ce2bd7051b7cef945babd47ee6d"
		  "01fbd0013c674aa79cb39849527916ce301c66ea7ce8b80682786ad60f98f7e78a"
		  "19ca69eff5c57400e3b3a0ad66ce0978214d13baf4e9ac60752f7b155e2de4dce3" },
		{ key_P521, cert_P521, CRYPTO_SHA256, "sample",
		  "01511bb4d675114fe266fc4372b87682baecc01d3cc62cf2303c92b3526012659d"
		  "16876e25c7c1e57648f23b73564d67f61c6f14d527d54972810421e7d87589e1a7"
		  "004a171143a83163d6df460aaf61522695f207a58b95c0644d87e52aa1a347916e"
		  "4f7a72930b1bc06dbe22ce3f58264afd23704cbb63b29b931f7de6c9d949a7ecfc" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_KEY struct crypto_key *k = NULL;
		AUTO_CERT struct crypto_cert *c = NULL;
		uint8_t digest[CRYPTO_HASH_MAX], rs[CRYPTO_RS_MAX];
		const struct ss_span d = { digest, crypto_hash_size(cases[i].hash) };
		char hex[2 * CRYPTO_RS_MAX + 1];
		struct ss_err err = { 0 };
		size_t n;

		expect_ok(crypto_key_read_pem(text(cases[i].key), &k, &err), &err);
		expect_ok(crypto_cert_read_pem(text(cases[i].cert), &c, &err), &err);
		assert_true(crypto_cert_has_key(c, k));
		crypto_hash_once(cases[i].hash, text(cases[i].message), digest);
		expect_ok(crypto_key_sign(k, cases[i].hash, d, rs, &err), &err);
		n = 2 * crypto_curve_size(crypto_key_curve(k));
		ss_hex((struct ss_span){ rs, n }, hex);
		assert_string_equal(hex, cases[i].rs);
		expect_ok(crypto_cert_verify(c, d, (struct ss_span){ rs, n }, &err), &err);
		/* every bit counts */
		for (size_t bit = 0; bit < 8 * n; bit += 7) {
			rs[bit / 8] ^= (uint8_t)(1u << bit % 8);
			expect_fails(crypto_cert_verify(c, d, (struct ss_span){ rs, n }, &err),
				     &err, SS_EVERIFY,
				     "the signature is not by the certificate's key");
			rs[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		digest[5] ^= 1;
		expect_fails(crypto_cert_verify(c, d, (struct ss_span){ rs, n }, &err), &err,
			     SS_EVERIFY, "the signature is not by the certificate's key");
	}
}

static void signatures_of_the_wrong_size_are_refused(void **state)
{
	AUTO_CERT struct crypto_cert *c = NULL;
	uint8_t rs[CRYPTO_RS_MAX] = { 0 }, digest[32] = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(crypto_cert_read_pem(text(cert_P256), &c, &err), &err);
	expect_fails(crypto_cert_verify(c, (struct ss_span){ digest, 32 },
					(struct ss_span){ rs, 96 }, &err),
		     &err, SS_EVERIFY, "the signature has 96 bytes, those of P-256 have 64");
	/* r = s = 0 is no signature of anything */
	expect_fails(crypto_cert_verify(c, (struct ss_span){ digest, 32 },
					(struct ss_span){ rs, 64 }, &err),
		     &err, SS_EVERIFY, "the signature is not by the certificate's key");
}

static void keys_that_cannot_sign_are_refused(void **state)
{
	static const struct {
		const char *pem;
		const char *msg;
	} cases[] = {
		{ "", "there is no private key in PEM form" },
		{ "-----BEGIN PRIVATE KEY-----\n", "there is no private key in PEM form" },
		{ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		  "there is no private key in PEM form" },
		{ cert_P256, "there is no private key in PEM form" },
		{ key_P384_locked, "the private key is encrypted with a passphrase" },
		{ key_ed25519,
		  "the private key is ED25519; EIF signatures need P-256, P-384 or P-521" },
		{ key_K256, "the private key is on the curve 'secp256k1'; EIF signatures need "
			    "P-256, P-384 or P-521" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct crypto_key *k = NULL;
		struct ss_err err = { 0 };

		expect_fails(crypto_key_read_pem(text(cases[i].pem), &k, &err), &err, SS_EINPUT,
			     cases[i].msg);
		assert_null(k);
	}
}

static void a_certificate_of_another_key_is_told_apart(void **state)
{
	AUTO_KEY struct crypto_key *k = NULL;
	AUTO_CERT struct crypto_cert *other = NULL;
	AUTO_CERT struct crypto_cert *early = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(crypto_key_read_pem(text(key_P384), &k, &err), &err);
	expect_ok(crypto_cert_read_pem(text(cert_P256), &other, &err), &err);
	expect_ok(crypto_cert_read_pem(text(cert_early), &early, &err), &err);
	assert_false(crypto_cert_has_key(other, k));
	assert_true(crypto_cert_has_key(early, k));
}

/* A key cut at every byte is refused, and nothing is read past it. */
static void a_truncated_key_is_refused(void **state)
{
	const size_t end = strlen(key_P256) - 1; /* the last newline may be missing */

	(void)state;
	for (size_t n = 0; n < end; n++) {
		AUTO_FREE uint8_t *copy = ss_calloc(n, 1);
		struct crypto_key *k = NULL;
		struct ss_err err = { 0 };

		memcpy(copy, key_P256, n);
		assert_int_equal(crypto_key_read_pem((struct ss_span){ copy, n }, &k, &err), -1);
		assert_null(k);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_those_of_rfc_6979),
		cmocka_unit_test(signatures_of_the_wrong_size_are_refused),
		cmocka_unit_test(keys_that_cannot_sign_are_refused),
		cmocka_unit_test(a_certificate_of_another_key_is_told_apart),
		cmocka_unit_test(a_truncated_key_is_refused),
	};

	return cmocka_run_group_tests_name("crypto_sign", tests, NULL, NULL);
}
