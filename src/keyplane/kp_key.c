/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_tls_parts.h"

#include <openssl/err.h>
#include <openssl/rand.h>

int kp_fail_tls(struct ss_err *err, enum ss_code code, const char *what)
{
	ERR_clear_error();
	return ss_fail(err, code, "TLS: %s", what);
}

int kp_sha256(struct ss_span s, uint8_t ret[BINDING_SHA256], struct ss_err *err)
{
	if (EVP_Digest(s.n > 0 ? s.p : (const uint8_t *)"", s.n, ret, NULL, EVP_sha256(), NULL) !=
	    1)
		return kp_fail_tls(err, SS_ESYS, "no SHA-256");
	return 0;
}

struct ss_span kp_tls_spki(const struct kp_tls *t)
{
	return (struct ss_span){ t->spki, t->n_spki };
}

struct ss_span kp_tls_spki_sha256(const struct kp_tls *t)
{
	return (struct ss_span){ t->sha256, sizeof(t->sha256) };
}

struct ss_span kp_tls_binding(const struct kp_tls *t)
{
	return (struct ss_span){ t->binding, t->n_binding };
}

struct ss_span kp_tls_chain(const struct kp_tls *t)
{
	return ss_buf_span(&t->chain);
}

int kp_key_new(struct kp_tls *t, struct ss_span entropy, struct ss_err *err)
{
	struct ss_buf b = SS_BUF_OVER(t->binding);
	uint8_t *p = t->spki;
	int n;

	RAND_seed(entropy.p, (int)entropy.n);
	t->key = EVP_EC_gen("P-256");
	if (t->key == NULL)
		return kp_fail_tls(err, SS_ESYS, "cannot begin");
	n = i2d_PUBKEY(t->key, NULL);
	if (n <= 0 || (size_t)n > sizeof(t->spki) || i2d_PUBKEY(t->key, &p) != n)
		return kp_fail_tls(err, SS_ESYS, "cannot write the public key");
	t->n_spki = (size_t)n;
	if (kp_sha256(kp_tls_spki(t), t->sha256, err) < 0)
		return -1;
	binding_write(BINDING_ENDPOINT, t->sha256, &b);
	t->n_binding = b.n;
	return 0;
}
