/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_verdict.h"
#include "base/date.h"
#include "base/hex.h"
#include "crypto/x509_chain.h"

#include <assert.h>

/* What the certificates of a document say of themselves. What of it holds, the checks say. */
#define NAME_MAX_SHOWN ((size_t)16 * 1024)

static void set(json_t *o, const char *key, json_t *value)
{
	const int rc = json_object_set_new(o, key, value);

	assert(rc == 0);
}

static json_t *name_json(struct ss_span name)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(NAME_MAX_SHOWN);

	crypto_name_text(name, &b);
	return json_stringn(b.n > 0 ? (const char *)b.p : "", b.n);
}

static json_t *date_json(int64_t unix_s)
{
	char text[SS_DATE_SIZE];

	ss_date_text(unix_s, text);
	return json_string(text);
}

static json_t *certificate_json(const char *name, struct ss_span der)
{
	uint8_t digest[CRYPTO_SHA256_SIZE];
	char hex[2 * CRYPTO_SHA256_SIZE + 1];
	struct crypto_cert_facts f = { 0 };
	struct ss_err err = { 0 };
	json_t *o = json_object();

	crypto_hash_once(CRYPTO_SHA256, der, digest);
	ss_hex((struct ss_span){ digest, sizeof(digest) }, hex);
	set(o, "Certificate", json_string(name));
	set(o, "Sha256", json_string(hex));
	if (crypto_cert_facts_read(der, &f, &err) < 0)
		return o;
	set(o, "Subject", name_json(f.subject));
	set(o, "Issuer", name_json(f.issuer));
	set(o, "NotBefore", date_json(f.not_before));
	set(o, "NotAfter", date_json(f.not_after));
	return o;
}

json_t *att_certificates_json(const struct att_doc *d)
{
	json_t *list = json_array();
	char name[24];
	int rc = 0;

	for (size_t i = 0; i < d->n_bundle; i++) {
		(void)snprintf(name, sizeof(name), "cabundle[%zu]", i);
		rc |= json_array_append_new(list, certificate_json(name, d->bundle[i]));
	}
	rc |= json_array_append_new(list, certificate_json("certificate", d->certificate));
	assert(rc == 0);
	return list;
}
