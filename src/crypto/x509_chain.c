/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/x509_chain.h"

#include "fmt/der.h"

#include <string.h>

/* Of id-ce, 2.5.29: the last byte of the two extensions that are processed. */
static const uint8_t id_key_usage[] = { 0x55, 0x1d, 0x0f };
static const uint8_t id_constraints[] = { 0x55, 0x1d, 0x13 };

/* SEQUENCE { ecdsa-with-SHA384 }: without parameters (RFC 5758, section 3.2). */
static const uint8_t ecdsa_sha384[] = {
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03
};

//= rfc5480#section-2.1.1
//# The parameter is the OID of a named curve; implicit and specified curves are not to be used
static const uint8_t ec_on_p384[] = { 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
				      0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };

static bool is_bytes(struct ss_span s, const uint8_t *p, size_t n)
{
	return s.n == n && memcmp(s.p, p, n) == 0;
}

/* A Name of one attribute at least: sets of pairs of a type and something. */
static struct ss_span read_name(struct der_in *in)
{
	const struct ss_span whole = der_whole(in, DER_SEQUENCE);
	struct der_in outer = der_in_init(whole);
	struct der_in name = der_open(&outer, DER_SEQUENCE);

	if (!der_more(&name))
		der_refuse(in, "a name that is empty");
	while (der_more(&name)) {
		struct der_in set = der_open(&name, DER_SET);

		do {
			struct der_in pair = der_open(&set, DER_SEQUENCE);

			(void)der_take(&pair, DER_OID);
			der_skip(&pair);
			der_close(&set, &pair);
		} while (der_more(&set));
		der_close(&name, &set);
	}
	der_close(in, &name);
	return whole;
}

static void read_validity(struct der_in *in, struct crypto_cert_facts *f)
{
	struct der_in v = der_open(in, DER_SEQUENCE);

	f->not_before = der_time(&v);
	f->not_after = der_time(&v);
	der_close(in, &v);
}

static void read_key(struct der_in *in, struct crypto_cert_facts *f)
{
	struct der_in spki = der_open(in, DER_SEQUENCE);
	const struct ss_span alg = der_take(&spki, DER_SEQUENCE);
	unsigned unused;
	const struct ss_span key = der_bits(&spki, &unused);

	der_close(in, &spki);
	f->is_p384 = is_bytes(alg, ec_on_p384, sizeof(ec_on_p384)) && unused == 0 &&
		     key.n == CRYPTO_P384_POINT && key.p[0] == 4;
	f->point = key;
}

/* --- extensions ------------------------------------------------------------------------------ */

static void read_constraints(struct der_in *in, struct ss_span value, struct crypto_cert_facts *f)
{
	struct der_in outer = der_in_init(value);
	struct der_in c = der_open(&outer, DER_SEQUENCE);

	f->has_constraints = true;
	if (der_is(&c, DER_BOOLEAN))
		f->is_ca = der_bool(&c);
	f->has_path_len = der_is(&c, DER_INTEGER);
	if (f->has_path_len)
		f->path_len = der_uint(&c);
	der_close(&outer, &c);
	der_close(in, &outer);
}

static void read_usage(struct der_in *in, struct ss_span value, struct crypto_cert_facts *f)
{
	struct der_in outer = der_in_init(value);
	unsigned unused;
	const struct ss_span bits = der_bits(&outer, &unused);

	f->has_usage = true;
	for (size_t i = 0; i < bits.n; i++) {
		const uint8_t sign = i == 0 ? 0x80 : 0;
		const uint8_t cert_sign = i == 0 ? 0x04 : 0;

		f->usage |= (bits.p[i] & sign) != 0 ? CRYPTO_USAGE_SIGN : 0;
		f->usage |= (bits.p[i] & cert_sign) != 0 ? CRYPTO_USAGE_CERT_SIGN : 0;
		f->usage |=
			(bits.p[i] & (uint8_t) ~(sign | cert_sign)) != 0 ? CRYPTO_USAGE_OTHER : 0;
	}
	der_close(in, &outer);
}

static void note_oid(struct ss_span oid, char ret[CRYPTO_OID_SIZE])
{
	_Static_assert(CRYPTO_OID_SIZE == DER_OID_TEXT, "der_oid_text() writes so much");
	if (ret[0] == '\0')
		der_oid_text(oid, ret);
}

static void read_extension(struct der_in *list, struct crypto_cert_facts *f,
			   struct ss_span *ret_oid)
{
	struct der_in e = der_open(list, DER_SEQUENCE);
	const struct ss_span oid = der_take(&e, DER_OID);
	const bool critical = der_is(&e, DER_BOOLEAN) && der_bool(&e);
	const struct ss_span value = der_take(&e, DER_OCTETS);

	der_close(list, &e);
	*ret_oid = oid;
	if (is_bytes(oid, id_constraints, sizeof(id_constraints))) {
		f->constraints_critical = critical;
		read_constraints(list, value, f);
	} else if (is_bytes(oid, id_key_usage, sizeof(id_key_usage))) {
		read_usage(list, value, f);
	} else if (critical) {
		note_oid(oid, f->critical);
	}
}

static void read_extensions(struct der_in *in, struct crypto_cert_facts *f)
{
	struct ss_span seen[CRYPTO_MAX_EXTENSIONS];
	struct der_in tagged = der_open(in, DER_CONTEXT + 3);
	struct der_in list = der_open(&tagged, DER_SEQUENCE);
	size_t n = 0;

	for (; der_more(&list); n++) {
		if (n == CRYPTO_MAX_EXTENSIONS) {
			der_refuse(in, "more extensions than are read");
			return;
		}
		read_extension(&list, f, &seen[n]);
		for (size_t i = 0; i < n; i++)
			if (seen[n].n > 0 && is_bytes(seen[n], seen[i].p, seen[i].n))
				note_oid(seen[n], f->repeated);
	}
	der_close(&tagged, &list);
	der_close(in, &tagged);
}

/* --- the certificate ------------------------------------------------------------------------- */

//= rfc5280#section-4.1
//# TBSCertificate: version, serialNumber, signature, issuer, validity, subject,
//# subjectPublicKeyInfo, then unique identifiers, which nobody is to use, and extensions
static void read_tbs(struct der_in *tbs, struct crypto_cert_facts *f, struct ss_span *ret_alg)
{
	struct der_in version = der_open(tbs, DER_CONTEXT + 0);

	if (der_uint(&version) != 2)
		der_refuse(tbs, "not of version 3");
	der_close(tbs, &version);
	if (der_take(tbs, DER_INTEGER).n == 0) /* the serial number: whatever the issuer likes */
		der_refuse(tbs, "no serial number");
	*ret_alg = der_take(tbs, DER_SEQUENCE);
	f->issuer = read_name(tbs);
	read_validity(tbs, f);
	f->subject = read_name(tbs);
	read_key(tbs, f);
	if (der_more(tbs))
		read_extensions(tbs, f);
}

int crypto_cert_facts_read(struct ss_span der, struct crypto_cert_facts *ret, struct ss_err *err)
{
	struct crypto_cert_facts f = { 0 };
	struct der_in in = der_in_init(der);
	struct der_in cert = der_open(&in, DER_SEQUENCE);
	struct ss_span inner = { NULL, 0 }, outer;
	struct der_in wrap, tbs;
	unsigned unused;

	f.tbs = der_whole(&cert, DER_SEQUENCE);
	wrap = der_in_init(f.tbs);
	tbs = der_open(&wrap, DER_SEQUENCE);
	read_tbs(&tbs, &f, &inner);
	der_close(&cert, &tbs);
	outer = der_take(&cert, DER_SEQUENCE);
	f.signature = der_bits(&cert, &unused);
	if (unused != 0)
		der_refuse(&cert, "a signature that is none");
	der_close(&in, &cert);
	if (der_end(&in, "certificate", err) < 0)
		return -1;
	f.is_ecdsa_sha384 = is_bytes(inner, ecdsa_sha384, sizeof(ecdsa_sha384)) &&
			    is_bytes(outer, ecdsa_sha384, sizeof(ecdsa_sha384));
	*ret = f;
	return 0;
}

bool crypto_cert_signed_by(const struct crypto_cert_facts *c, const struct crypto_p384 *issuer)
{
	uint8_t digest[CRYPTO_SHA384_SIZE];

	crypto_hash_once(CRYPTO_SHA384, c->tbs, digest);
	return crypto_p384_verify(issuer, digest, c->signature);
}
