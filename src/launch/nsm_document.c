/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nsm_document.h"

#include "fmt/cbor.h"

#define PAYLOAD_MAX 16384u /* AWS's own limit */
#define SIGNATURE_SIZE 96u
#define OPEN_MAP 0xbf /* of indefinite length … */
#define BREAK 0xff    /* … and its end */

static const uint8_t protected_header[] = { 0xa1, 0x01, 0x38, 0x22 }; /* {alg: ES384} */

static void put_byte(struct ss_buf *b, uint8_t v)
{
	ss_buf_put(b, (struct ss_span){ &v, 1 });
}

static void put_optional(struct ss_buf *b, const char *key, struct ss_span v)
{
	cbor_put_tstr(b, key);
	if (v.p == NULL)
		cbor_put_null(b);
	else
		cbor_put_bstr(b, v);
}

static void put_pcrs(const struct nsm_document *d, struct ss_buf *b)
{
	cbor_put_tstr(b, "pcrs");
	cbor_put_map(b, (uint64_t)__builtin_popcount(d->which));
	for (uint32_t i = 0; i < NSM_PCRS; i++) {
		if ((d->which & UINT32_C(1) << i) == 0)
			continue;
		cbor_put_uint(b, i);
		cbor_put_bstr(b, (struct ss_span){ d->pcrs[i], NSM_PCR_SIZE });
	}
}

static void put_payload(const struct nsm_document *d, const struct nsm_chain *c, struct ss_buf *b)
{
	put_byte(b, OPEN_MAP);
	cbor_put_tstr(b, "module_id");
	cbor_put_tstr(b, d->module_id);
	cbor_put_tstr(b, "digest");
	cbor_put_tstr(b, "SHA384");
	cbor_put_tstr(b, "timestamp");
	cbor_put_uint(b, d->timestamp_ms);
	put_pcrs(d, b);
	cbor_put_tstr(b, "certificate");
	cbor_put_bstr(b, ss_buf_span(&c->leaf));
	cbor_put_tstr(b, "cabundle");
	cbor_put_array(b, NSM_CHAIN_LENGTH);
	for (size_t i = 0; i < NSM_CHAIN_LENGTH; i++)
		cbor_put_bstr(b, ss_buf_span(&c->authorities[i]));
	put_optional(b, "public_key", d->asked.public_key);
	put_optional(b, "user_data", d->asked.user_data);
	put_optional(b, "nonce", d->asked.nonce);
	put_byte(b, BREAK);
}

static int sign(struct ss_span payload, const struct nsm_chain *c, uint8_t ret[CRYPTO_RS_MAX],
		struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(PAYLOAD_MAX + 64);
	uint8_t digest[CRYPTO_SHA384_SIZE];

	//= rfc9052#section-4.4
	//# Sig_structure = [ context, body_protected, external_aad, payload ]
	cbor_put_array(&b, 4);
	cbor_put_tstr(&b, "Signature1");
	cbor_put_bstr(&b, (struct ss_span){ protected_header, sizeof(protected_header) });
	cbor_put_bstr(&b, (struct ss_span){ NULL, 0 });
	cbor_put_bstr(&b, payload);
	if (ss_buf_check(&b, "what is signed", err) < 0)
		return -1;
	crypto_hash_once(CRYPTO_SHA384, ss_buf_span(&b), digest);
	return crypto_key_sign(c->key, CRYPTO_SHA384, (struct ss_span){ digest, sizeof(digest) },
			       ret, err);
}

int nsm_document_write(const struct nsm_document *d, const struct nsm_chain *c, struct ss_buf *ret,
		       struct ss_err *err)
{
	AUTO_BUF struct ss_buf payload = SS_BUF_INIT(PAYLOAD_MAX);
	uint8_t signature[CRYPTO_RS_MAX];

	put_payload(d, c, &payload);
	if (ss_buf_check(&payload, "the payload", err) < 0 ||
	    sign(ss_buf_span(&payload), c, signature, err) < 0)
		return ss_ctx(err, "attestation document");
	cbor_put_array(ret, 4);
	cbor_put_bstr(ret, (struct ss_span){ protected_header, sizeof(protected_header) });
	cbor_put_map(ret, 0);
	cbor_put_bstr(ret, ss_buf_span(&payload));
	cbor_put_bstr(ret, (struct ss_span){ signature, SIGNATURE_SIZE });
	return ss_buf_check(ret, "attestation document", err);
}
