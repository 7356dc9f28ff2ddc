/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/signature.h"

#include "fmt/cbor.h"

#include <assert.h>
#include <string.h>

#define COSE_TAG 18u
#define COSE_ALG 1u
#define COSE_MAX 512u /* two labels, 48 integers, r ‖ s on P-521: less than 300 */

static const struct {
	enum crypto_curve curve;
	int64_t cose;
	const char *name;
} algorithms[] = {
	{ CRYPTO_P256, -7, "ES256" },
	{ CRYPTO_P384, -35, "ES384" },
	{ CRYPTO_P521, -36, "ES512" },
};

const char *eif_signature_algorithm(enum crypto_curve c)
{
	for (size_t i = 0; i < SS_NELEMS(algorithms); i++)
		if (algorithms[i].curve == c)
			return algorithms[i].name;
	return "?";
}

/* --- reading ------------------------------------------------------------------------------- */

static void read_bytes(struct cbor_in *in, struct ss_buf *ret)
{
	for (struct cbor_seq s = cbor_array(in); cbor_more(in, &s);) {
		const uint8_t c = (uint8_t)cbor_uint_max(in, UINT8_MAX);

		ss_buf_put(ret, (struct ss_span){ &c, 1 });
	}
}

static void open_map(struct cbor_in *in, uint64_t pairs)
{
	const struct cbor_seq s = cbor_map(in);

	if (s.open || s.left != pairs)
		cbor_refuse(in, "a map of another size was expected");
}

static void open_array(struct cbor_in *in, uint64_t items)
{
	const struct cbor_seq s = cbor_array(in);

	if (s.open || s.left != items)
		cbor_refuse(in, "an array of another size was expected");
}

static int read_protected(struct eif_signature *s, struct ss_err *err)
{
	struct cbor_in in = cbor_in_init(s->protected, CBOR_STRICT);
	int64_t alg;

	open_map(&in, 1);
	if (cbor_uint(&in) != COSE_ALG)
		cbor_refuse(&in, "the key 1 (alg) was expected");
	alg = cbor_int(&in);
	if (cbor_end(&in, "signature section: COSE headers", err) < 0)
		return -1;
	for (size_t i = 0; i < SS_NELEMS(algorithms); i++) {
		if (algorithms[i].cose == alg) {
			s->curve = algorithms[i].curve;
			return 0;
		}
	}
	return ss_fail(err, SS_EINPUT,
		       "signature section: the COSE algorithm %lld is none of ES256, ES384, ES512",
		       (long long)alg);
}

static int read_payload(struct eif_signature *s, struct ss_err *err)
{
	struct cbor_in in = cbor_in_init(s->payload, CBOR_STRICT);
	AUTO_BUF struct ss_buf value = SS_BUF_INIT(CRYPTO_SHA384_SIZE);

	open_map(&in, 2);
	cbor_key(&in, "register_index");
	s->register_index = (uint32_t)cbor_uint_max(&in, 31);
	cbor_key(&in, "register_value");
	read_bytes(&in, &value);
	if (value.n != CRYPTO_SHA384_SIZE || value.bad)
		cbor_refuse(&in, "a register of 48 bytes was expected");
	if (cbor_end(&in, "signature section: payload", err) < 0)
		return -1;
	memcpy(s->register_value, value.p, CRYPTO_SHA384_SIZE);
	return 0;
}

static int read_cose(struct eif_signature *s, struct ss_err *err)
{
	struct cbor_in in = cbor_in_init(ss_buf_span(&s->cose), CBOR_STRICT);

	s->tagged = cbor_take_tag(&in, COSE_TAG);
	open_array(&in, 4);
	s->protected = cbor_bstr(&in);
	open_map(&in, 0);
	s->payload = cbor_bstr(&in);
	s->rs = cbor_bstr(&in);
	if (cbor_end(&in, "signature section: COSE_Sign1", err) < 0 || read_protected(s, err) < 0)
		return -1;
	return read_payload(s, err);
}

int eif_signature_read(struct ss_span section, struct eif_signature *ret, struct ss_err *err)
{
	struct cbor_in in = cbor_in_init(section, CBOR_STRICT);
	AUTO_SIGNATURE struct eif_signature s = { .pem = SS_BUF_INIT(EIF_SIGNATURE_MAX),
						  .cose = SS_BUF_INIT(EIF_SIGNATURE_MAX) };

	if (section.n > EIF_SIGNATURE_MAX)
		return ss_fail(err, SS_ELIMIT, "signature section of %zu bytes; the limit is %u",
			       section.n, EIF_SIGNATURE_MAX);
	open_array(&in, 1);
	open_map(&in, 2);
	cbor_key(&in, "signing_certificate");
	read_bytes(&in, &s.pem);
	cbor_key(&in, "signature");
	read_bytes(&in, &s.cose);
	if (cbor_end(&in, "signature section", err) < 0 || read_cose(&s, err) < 0)
		return -1;
	*ret = s;
	s = (struct eif_signature){ 0 };
	return 0;
}

void eif_signature_done(struct eif_signature *s)
{
	ss_buf_done(&s->pem);
	ss_buf_done(&s->cose);
}

/* --- writing ------------------------------------------------------------------------------- */

static void write_section(struct ss_span pem, struct ss_span cose, struct ss_buf *b)
{
	cbor_put_array(b, 1);
	cbor_put_map(b, 2);
	cbor_put_tstr(b, "signing_certificate");
	cbor_put_byte_array(b, pem);
	cbor_put_tstr(b, "signature");
	cbor_put_byte_array(b, cose);
}

static void write_protected(enum crypto_curve c, struct ss_buf *b)
{
	cbor_put_map(b, 1);
	cbor_put_uint(b, COSE_ALG);
	for (size_t i = 0; i < SS_NELEMS(algorithms); i++)
		if (algorithms[i].curve == c)
			cbor_put_int(b, algorithms[i].cose);
}

static void write_payload(uint32_t index, const uint8_t value[CRYPTO_SHA384_SIZE], struct ss_buf *b)
{
	cbor_put_map(b, 2);
	cbor_put_tstr(b, "register_index");
	cbor_put_uint(b, index);
	cbor_put_tstr(b, "register_value");
	cbor_put_byte_array(b, (struct ss_span){ value, CRYPTO_SHA384_SIZE });
}

static void write_cose(const struct eif_signature *s, struct ss_buf *b)
{
	if (s->tagged)
		cbor_put_tag(b, COSE_TAG);
	cbor_put_array(b, 4);
	cbor_put_bstr(b, s->protected);
	cbor_put_map(b, 0);
	cbor_put_bstr(b, s->payload);
	cbor_put_bstr(b, s->rs);
}

void eif_signature_write(const struct eif_signature *s, struct ss_buf *b)
{
	AUTO_BUF struct ss_buf protected = SS_BUF_INIT(COSE_MAX);
	AUTO_BUF struct ss_buf payload = SS_BUF_INIT(COSE_MAX);
	AUTO_BUF struct ss_buf cose = SS_BUF_INIT(EIF_SIGNATURE_MAX);
	struct eif_signature again = *s;

	write_protected(s->curve, &protected);
	write_payload(s->register_index, s->register_value, &payload);
	again.protected = ss_buf_span(&protected);
	again.payload = ss_buf_span(&payload);
	write_cose(&again, &cose);
	write_section(ss_buf_span(&s->pem), ss_buf_span(&cose), b);
}

//= rfc9052#section-4.4
//# The Sig_structure is a CBOR array: context "Signature1", body_protected, external_aad, payload
static struct ss_span digest_of(const struct eif_signature *s, uint8_t room[CRYPTO_HASH_MAX])
{
	const enum crypto_hash_kind hash = crypto_curve_hash(s->curve);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EIF_SIGNATURE_MAX + COSE_MAX);

	cbor_put_array(&b, 4);
	cbor_put_tstr(&b, "Signature1");
	cbor_put_bstr(&b, s->protected);
	cbor_put_bstr(&b, (struct ss_span){ NULL, 0 });
	cbor_put_bstr(&b, s->payload);
	crypto_hash_once(hash, ss_buf_span(&b), room);
	return (struct ss_span){ room, crypto_hash_size(hash) };
}

int eif_signature_make(struct ss_span pem, const struct crypto_key *key,
		       const uint8_t pcr0[CRYPTO_SHA384_SIZE], struct ss_buf *ret,
		       struct ss_err *err)
{
	AUTO_BUF struct ss_buf protected = SS_BUF_INIT(COSE_MAX);
	AUTO_BUF struct ss_buf payload = SS_BUF_INIT(COSE_MAX);
	AUTO_BUF struct ss_buf cose = SS_BUF_INIT(COSE_MAX);
	AUTO_BUF struct ss_buf section = SS_BUF_INIT(4 * (size_t)EIF_SIGNATURE_MAX);
	struct eif_signature s = { .curve = crypto_key_curve(key) };
	uint8_t digest[CRYPTO_HASH_MAX], rs[CRYPTO_RS_MAX];

	write_protected(s.curve, &protected);
	write_payload(0, pcr0, &payload);
	s.protected = ss_buf_span(&protected);
	s.payload = ss_buf_span(&payload);
	if (crypto_key_sign(key, crypto_curve_hash(s.curve), digest_of(&s, digest), rs, err) < 0)
		return -1;
	s.rs = (struct ss_span){ rs, 2 * crypto_curve_size(s.curve) };
	write_cose(&s, &cose);
	write_section(pem, ss_buf_span(&cose), &section);
	if (section.bad || section.n > EIF_SIGNATURE_MAX) {
		(void)ss_fail(err, SS_ELIMIT, "the signature section would be larger than %u bytes",
			      EIF_SIGNATURE_MAX);
		err->hint = "only the first certificate counts: leave the others out of the file";
		return -1;
	}
	ss_buf_put(ret, ss_buf_span(&section));
	return ss_buf_check(ret, "signature section", err);
}

/* --- checking ------------------------------------------------------------------------------ */

void eif_signature_pcr8(const struct crypto_cert *c, uint8_t ret[CRYPTO_SHA384_SIZE])
{
	AUTO_BUF struct ss_buf der = SS_BUF_INIT((size_t)1 << 30); /* it came from PEM in memory */
	uint8_t inner[CRYPTO_SHA384_SIZE];

	crypto_cert_der(c, &der);
	assert(!der.bad);
	crypto_hash_once(CRYPTO_SHA384, ss_buf_span(&der), inner);
	eif_pcr_extend(inner, ret);
}

int eif_signature_verify(const struct eif_signature *s, const struct crypto_cert *c,
			 struct ss_err *err)
{
	uint8_t room[CRYPTO_HASH_MAX];
	enum crypto_curve curve;

	if (crypto_cert_curve(c, &curve, err) < 0) {
		err->code = SS_EVERIFY; /* such a key cannot have made it */
		return -1;
	}
	if (curve != s->curve)
		return ss_fail(err, SS_EVERIFY,
			       "the signature is %s, but the certificate's key is on %s",
			       eif_signature_algorithm(s->curve), crypto_curve_name(curve));
	return crypto_cert_verify(c, digest_of(s, room), s->rs, err);
}

int eif_signature_covers(const struct eif_signature *s, const uint8_t pcr0[CRYPTO_SHA384_SIZE],
			 struct ss_err *err)
{
	if (s->register_index != 0)
		return ss_fail(err, SS_EVERIFY, "the signature is over PCR%u, not PCR0",
			       s->register_index);
	if (memcmp(s->register_value, pcr0, CRYPTO_SHA384_SIZE) != 0)
		return ss_fail(err, SS_EVERIFY, "the signature is over another PCR0");
	return 0;
}

int eif_signature_in_time(const struct crypto_cert *c, int64_t now, struct ss_err *err)
{
	char date[CRYPTO_DATE_SIZE];

	if (now < crypto_cert_not_before(c)) {
		crypto_date_text(crypto_cert_not_before(c), date);
		return ss_fail(err, SS_EVERIFY, "the certificate is not valid before %s", date);
	}
	if (now > crypto_cert_not_after(c)) {
		crypto_date_text(crypto_cert_not_after(c), date);
		return ss_fail(err, SS_EVERIFY, "the certificate is not valid after %s", date);
	}
	return 0;
}
