/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * In the place of P-384 verifications, which a fuzzer can neither make good nor wait for: while the
 * seam is on, a signature holds unless its last byte is zero. Who asked is written down, so that a
 * target can see that each signature was asked about, with the key of the right certificate. The
 * functions themselves are there when it is off. The target is linked with --wrap for each.
 */
#include "attest/att_doc.h"
#include "crypto/x509_chain.h"

#include <stdlib.h>
#include <string.h>

#define SEAM_KEYS 64u
#define SEAM_CALLS 32u
#define SEAM_POINT 97u

struct seam_call {
	struct ss_span tbs; /* of the certificate; none: a document was asked about */
	uint8_t point[SEAM_POINT];
};

static struct {
	bool is_on;
	size_t n_calls;
	struct seam_call calls[SEAM_CALLS];
	size_t n_keys; /* of all time; the newest are here */
	struct {
		const struct crypto_p384 *key;
		uint8_t point[SEAM_POINT];
	} keys[SEAM_KEYS];
} seam;

int __real_crypto_p384_new(struct ss_span point, struct crypto_p384 **ret, struct ss_err *err);
int __wrap_crypto_p384_new(struct ss_span point, struct crypto_p384 **ret, struct ss_err *err);
struct crypto_p384 *__real_crypto_p384_share(const struct crypto_p384 *k);
struct crypto_p384 *__wrap_crypto_p384_share(const struct crypto_p384 *k);
bool __real_crypto_cert_signed_by(const struct crypto_cert_facts *c, const struct crypto_p384 *k);
bool __wrap_crypto_cert_signed_by(const struct crypto_cert_facts *c, const struct crypto_p384 *k);
bool __real_crypto_p384_verify_rs(const struct crypto_p384 *k, const uint8_t digest[48],
				  struct ss_span rs);
bool __wrap_crypto_p384_verify_rs(const struct crypto_p384 *k, const uint8_t digest[48],
				  struct ss_span rs);

static void seam_must(bool good)
{
	if (!good)
		abort();
}

static void seam_put_key(const struct crypto_p384 *k, const uint8_t *point)
{
	const size_t i = seam.n_keys++ % SEAM_KEYS;

	seam.keys[i].key = k;
	memcpy(seam.keys[i].point, point, SEAM_POINT);
}

/* A key that lives is the newest at its address. */
static const uint8_t *seam_point_of(const struct crypto_p384 *k)
{
	for (size_t i = 1; i <= SEAM_KEYS && i <= seam.n_keys; i++)
		if (seam.keys[(seam.n_keys - i) % SEAM_KEYS].key == k)
			return seam.keys[(seam.n_keys - i) % SEAM_KEYS].point;
	abort();
}

int __wrap_crypto_p384_new(struct ss_span point, struct crypto_p384 **ret, struct ss_err *err)
{
	if (__real_crypto_p384_new(point, ret, err) < 0)
		return -1;
	seam_must(point.n == SEAM_POINT);
	seam_put_key(*ret, point.p);
	return 0;
}

struct crypto_p384 *__wrap_crypto_p384_share(const struct crypto_p384 *k)
{
	struct crypto_p384 *other = __real_crypto_p384_share(k);
	uint8_t point[SEAM_POINT];

	if (seam.is_on) {
		memcpy(point, seam_point_of(k), SEAM_POINT);
		seam_put_key(other, point);
	}
	return other;
}

static void seam_write_down(struct ss_span tbs, const struct crypto_p384 *k)
{
	struct seam_call *c = &seam.calls[seam.n_calls];

	seam_must(seam.n_calls++ < SEAM_CALLS);
	c->tbs = tbs;
	memcpy(c->point, seam_point_of(k), SEAM_POINT);
}

static bool seam_holds(struct ss_span signature)
{
	return signature.n > 0 && signature.p[signature.n - 1] != 0;
}

bool __wrap_crypto_cert_signed_by(const struct crypto_cert_facts *c, const struct crypto_p384 *k)
{
	if (!seam.is_on)
		return __real_crypto_cert_signed_by(c, k);
	seam_write_down(c->tbs, k);
	return seam_holds(c->signature);
}

bool __wrap_crypto_p384_verify_rs(const struct crypto_p384 *k, const uint8_t digest[48],
				  struct ss_span rs)
{
	if (!seam.is_on)
		return __real_crypto_p384_verify_rs(k, digest, rs);
	seam_write_down((struct ss_span){ NULL, 0 }, k);
	return seam_holds(rs);
}

/* --- for the targets ------------------------------------------------------------------------- */

static void seam_begin(bool is_on)
{
	seam.is_on = is_on;
	seam.n_calls = 0;
}

/* The real ones too: always for the first inputs of a process, so that a finding is found again by
 * its file alone, then for one of sixteen. */
static bool seam_is_turn_of_the_real(void)
{
	static size_t n;

	return n++ < 256 || n % 16 == 0;
}

/* The key of certificate `i` of `d`, root 0, leaf last, is that of call `at`. */
static bool seam_is_key_of(const struct att_doc *d, size_t i, size_t at)
{
	struct crypto_cert_facts f;
	struct ss_err err = { 0 };

	seam_must(crypto_cert_facts_read(i < d->n_bundle ? d->bundle[i] : d->certificate, &f,
					 &err) == 0);
	return memcmp(f.point.p, seam.calls[at].point, SEAM_POINT) == 0;
}

static bool seam_is_of(struct ss_span tbs, struct ss_span der)
{
	return tbs.p >= der.p && tbs.p + tbs.n <= der.p + der.n;
}

/* Each certificate below the first `known` was asked about, with the key of the one above it. */
static void seam_saw_chain(const struct att_doc *d, size_t known)
{
	seam_must(seam.n_calls >= d->n_bundle + 1 - known);
	for (size_t i = known; i <= d->n_bundle; i++) {
		const struct ss_span der = i < d->n_bundle ? d->bundle[i] : d->certificate;

		seam_must(seam_is_of(seam.calls[i - known].tbs, der));
		seam_must(seam_is_key_of(d, i - 1, i - known));
	}
}
