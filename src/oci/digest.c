/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/digest.h"

#include "base/hex.h"
#include "base/show.h"

#include <stdio.h>
#include <string.h>

static const struct {
	enum crypto_hash_kind kind;
	const char *name;
} algorithms[] = {
	{ CRYPTO_SHA256, "sha256" },
	{ CRYPTO_SHA512, "sha512" },
};

static const char *name_of(enum crypto_hash_kind kind)
{
	return kind == CRYPTO_SHA512 ? "sha512" : "sha256";
}

static bool read_digest(const char *text, struct oci_digest *ret)
{
	for (size_t i = 0; i < SS_NELEMS(algorithms); i++) {
		const size_t n = strlen(algorithms[i].name);
		const char *hex = text + n + 1;

		if (strncmp(text, algorithms[i].name, n) != 0 || text[n] != ':')
			continue;
		*ret = (struct oci_digest){ .kind = algorithms[i].kind };
		return hex[strspn(hex, "0123456789abcdef")] == '\0' &&
		       ss_unhex(hex, ret->v, crypto_hash_size(ret->kind));
	}
	return false;
}

int oci_digest_read(const char *text, struct oci_digest *ret, struct ss_err *err)
{
	struct oci_digest d;

	if (!read_digest(text, &d))
		return ss_fail(err, SS_EINPUT, "'%s' is not a sha256 or sha512 digest",
			       SS_SHOW(((struct ss_span){ (const uint8_t *)text, strlen(text) })));
	*ret = d;
	return 0;
}

bool oci_is_digest(const char *text)
{
	struct oci_digest d;

	return read_digest(text, &d);
}

static void hex_of(const struct oci_digest *d, size_t bytes, char *ret)
{
	ss_hex((struct ss_span){ d->v, bytes }, ret);
}

void oci_digest_write(const struct oci_digest *d, char ret[OCI_DIGEST_TEXT])
{
	char hex[2 * CRYPTO_HASH_MAX + 1];

	hex_of(d, crypto_hash_size(d->kind), hex);
	(void)snprintf(ret, OCI_DIGEST_TEXT, "%s:%s", name_of(d->kind), hex);
}

void oci_digest_write_short(const struct oci_digest *d, char ret[OCI_DIGEST_SHORT])
{
	char hex[13];

	hex_of(d, 6, hex);
	(void)snprintf(ret, OCI_DIGEST_SHORT, "%s:%s", name_of(d->kind), hex);
}

void oci_digest_path(const struct oci_digest *d, char ret[OCI_BLOB_PATH])
{
	char hex[2 * CRYPTO_HASH_MAX + 1];

	hex_of(d, crypto_hash_size(d->kind), hex);
	(void)snprintf(ret, OCI_BLOB_PATH, "blobs/%s/%s", name_of(d->kind), hex);
}

bool oci_digest_equal(const struct oci_digest *a, const struct oci_digest *b)
{
	return a->kind == b->kind && memcmp(a->v, b->v, crypto_hash_size(a->kind)) == 0;
}

void oci_digest_of(enum crypto_hash_kind kind, struct ss_span bytes, struct oci_digest *ret)
{
	*ret = (struct oci_digest){ .kind = kind };
	crypto_hash_once(kind, bytes, ret->v);
}

int oci_digest_check(const struct oci_digest *want, const struct oci_digest *got,
		     struct ss_err *err)
{
	char w[OCI_DIGEST_TEXT], g[OCI_DIGEST_TEXT];

	if (oci_digest_equal(want, got))
		return 0;
	oci_digest_write(want, w);
	oci_digest_write(got, g);
	return ss_fail(err, SS_EINPUT, "digest %s, but %s was expected", g, w);
}
