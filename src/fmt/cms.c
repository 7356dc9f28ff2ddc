/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/cms.h"

#include "fmt/ber.h"

#include <inttypes.h>
#include <string.h>

#define OID(text)                                                                                  \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}

static const struct ss_span oid_data = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
static const struct ss_span oid_enveloped = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03");
static const struct ss_span oid_oaep = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07");
static const struct ss_span oid_mgf1 = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08");
static const struct ss_span oid_sha256 = OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01");
static const struct ss_span oid_aes256_cbc = OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2a");

#define VERSION 2u /* of EnvelopedData and KeyTransRecipientInfo where a key identifier is used */

static void expect_oid(struct ber_in *in, struct ss_span want, const char *why)
{
	const size_t at = in->at;
	const struct ss_span oid = ber_take(in, BER_OID);

	if (in->why == NULL && (oid.n != want.n || memcmp(oid.p, want.p, want.n) != 0))
		ber_refuse_at(in, at, why);
}

static void expect_version(struct ber_in *in, const char *why)
{
	const size_t at = in->at;

	if (ber_uint(in) != VERSION)
		ber_refuse_at(in, at, why);
}

/* Something comes that can be read and is not this. */
static bool is_other(const struct ber_in *in, unsigned tag)
{
	return ber_next(in) != 0 && !ber_is(in, tag);
}

/* AlgorithmIdentifier of SHA-256: parameters absent or NULL mean the same (RFC 4055, section 2.1).
 */
static void read_sha256(struct ber_in *in, const char *why)
{
	ber_enter(in, BER_SEQUENCE);
	expect_oid(in, oid_sha256, why);
	if (ber_more(in))
		ber_null(in);
	ber_leave(in);
}

//= rfc4055#section-4.1
//# RSAES-OAEP-params: [0] hashFunc, [1] maskGenFunc, [2] pSourceFunc; what is left out is SHA-1
static void read_oaep(struct ber_in *in)
{
	ber_enter(in, BER_SEQUENCE);
	expect_oid(in, oid_oaep, "the key is not encrypted with RSAES-OAEP");
	ber_enter(in, BER_SEQUENCE);
	if (!ber_more(in) || is_other(in, BER_CONTEXT | BER_CONSTRUCTED))
		ber_refuse(in, "the hash of OAEP is not SHA-256");
	ber_enter(in, BER_CONTEXT | BER_CONSTRUCTED);
	read_sha256(in, "the hash of OAEP is not SHA-256");
	ber_leave(in);
	if (!ber_more(in) || is_other(in, BER_CONTEXT | BER_CONSTRUCTED | 1))
		ber_refuse(in, "the mask of OAEP is not MGF1 with SHA-256");
	ber_enter(in, BER_CONTEXT | BER_CONSTRUCTED | 1);
	ber_enter(in, BER_SEQUENCE);
	expect_oid(in, oid_mgf1, "the mask of OAEP is not MGF1 with SHA-256");
	read_sha256(in, "the mask of OAEP is not MGF1 with SHA-256");
	ber_leave(in);
	ber_leave(in);
	if (ber_is(in, BER_CONTEXT | BER_CONSTRUCTED | 2))
		ber_refuse(in, "OAEP has a label");
	ber_leave(in);
	ber_leave(in);
}

//= rfc5652#section-6.2.1
//# If the RecipientIdentifier is subjectKeyIdentifier, then the version MUST be 2.
static void read_recipient(struct ber_in *in, struct cms_envelope *e, struct ss_buf *key)
{
	size_t at;

	if (is_other(in, BER_SEQUENCE))
		ber_refuse(in, "the recipient is not one of key transport");
	ber_enter(in, BER_SEQUENCE);
	expect_version(in, "the recipient's version is not 2");
	if (ber_is(in, BER_SEQUENCE))
		ber_refuse(in, "the recipient is named by a certificate");
	at = in->at;
	e->id = ber_take(in, BER_CONTEXT);
	if (e->id.n > CMS_MAX_ID)
		ber_refuse_at(in, at, "the recipient's identifier is over 64 bytes");
	read_oaep(in);
	at = in->at;
	ber_octets(in, BER_OCTETS, key);
	if (key->bad)
		ber_refuse_at(in, at, "the encrypted key is over 512 bytes");
	ber_leave(in);
}

//= rfc5652#section-6.1
//# EncryptedContentInfo: contentType, contentEncryptionAlgorithm, [0] encryptedContent
static void read_content(struct ber_in *in, struct cms_envelope *e, struct ss_buf *content)
{
	size_t at;

	ber_enter(in, BER_SEQUENCE);
	expect_oid(in, oid_data, "the content is not data");
	ber_enter(in, BER_SEQUENCE);
	expect_oid(in, oid_aes256_cbc, "the content is not encrypted with AES-256-CBC");
	at = in->at;
	e->iv = ber_take(in, BER_OCTETS);
	if (e->iv.n != CMS_BLOCK)
		ber_refuse_at(in, at, "the initial vector is not of 16 bytes");
	ber_leave(in);
	if (!ber_more(in))
		ber_refuse(in, "the content is not in the message");
	at = in->at;
	ber_octets(in, BER_CONTEXT, content);
	if (content->n == 0 || content->n % CMS_BLOCK != 0)
		ber_refuse_at(in, at, "the content is not of whole blocks");
	ber_leave(in);
}

//= rfc5652#section-6.1
//# EnvelopedData: version, [0] originatorInfo, recipientInfos, encryptedContentInfo, [1]
//# unprotectedAttrs
static void read_enveloped(struct ber_in *in, struct cms_envelope *e, struct ss_buf *key,
			   struct ss_buf *content)
{
	ber_enter(in, BER_SEQUENCE);
	expect_version(in, "the version is not 2");
	if (ber_is(in, BER_CONTEXT | BER_CONSTRUCTED))
		ber_refuse(in, "there is an originator");
	ber_enter(in, BER_SET);
	read_recipient(in, e, key);
	if (ber_next(in) != 0)
		ber_refuse(in, "there is more than one recipient");
	ber_leave(in);
	read_content(in, e, content);
	if (ber_is(in, BER_CONTEXT | BER_CONSTRUCTED | 1))
		ber_refuse(in, "there are attributes");
	ber_leave(in);
}

int cms_envelope_read(struct ss_span message, struct cms_envelope *ret, struct ss_buf *content,
		      struct ss_err *err)
{
	struct cms_envelope e = { 0 };
	struct ss_buf key = SS_BUF_OVER(e.key);
	struct ber_in in;

	if (message.n > CMS_MAX_MESSAGE)
		return ss_fail(err, SS_ELIMIT, "CMS: the message is over %zu bytes",
			       CMS_MAX_MESSAGE);
	ber_init(&in, message);
	ber_enter(&in, BER_SEQUENCE);
	expect_oid(&in, oid_enveloped, "the message is not enveloped data");
	ber_enter(&in, BER_CONTEXT | BER_CONSTRUCTED);
	read_enveloped(&in, &e, &key, content);
	ber_leave(&in);
	ber_leave(&in);
	if (ber_end(&in, "CMS", err) < 0 || ss_buf_check(content, "CMS", err) < 0)
		return -1;
	e.n_key = key.n;
	*ret = e;
	return 0;
}
