/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_jks.h"

#include "base/mem.h"
#include "base/text.h"

#include <openssl/evp.h>
#include <string.h>

#define MAGIC 0xfeedfeedu
#define VERSION 2u
#define TRUSTED 2u /* the kind of entry that is a certificate */
#define SHA1_SIZE 20u
#define WHITENER "Mighty Aphrodite" /* behind the password, in every such store */

/* As writeUTF() of Java has ASCII. */
static void put_text(struct ss_buf *b, const char *s)
{
	ss_buf_be16(b, (uint16_t)strlen(s));
	ss_buf_put(b, ss_text(s));
}

/* What stands at the end: SHA-1 of the password in UTF-16, the whitener and all of the store. It
 * keeps nobody out, and Java without a password does not look at it. */
static bool digest(struct ss_span store, uint8_t ret[SHA1_SIZE])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c != NULL && EVP_DigestInit_ex(c, EVP_sha1(), NULL) == 1;

	for (const char *p = REC_JKS_PASSWORD; ok && *p != '\0'; p++) {
		const uint8_t utf16[] = { 0, (uint8_t)*p };

		ok = EVP_DigestUpdate(c, utf16, sizeof(utf16)) == 1;
	}
	ok = ok && EVP_DigestUpdate(c, WHITENER, strlen(WHITENER)) == 1 &&
	     EVP_DigestUpdate(c, store.p, store.n) == 1 && EVP_DigestFinal_ex(c, ret, NULL) == 1;
	EVP_MD_CTX_free(c);
	return ok;
}

int rec_jks_write(struct ss_span der, struct ss_buf *ret, struct ss_err *err)
{
	const size_t at = ret->n;
	uint8_t sum[SHA1_SIZE];

	ss_buf_be32(ret, MAGIC);
	ss_buf_be32(ret, VERSION);
	ss_buf_be32(ret, 1);
	ss_buf_be32(ret, TRUSTED);
	put_text(ret, REC_JKS_ALIAS);
	ss_buf_be64(ret, 0); /* when it was added */
	put_text(ret, "X.509");
	ss_buf_be32(ret, (uint32_t)der.n);
	ss_buf_put(ret, der);
	if (ss_buf_check(ret, "the trust store for Java", err) < 0)
		return -1;
	if (!digest((struct ss_span){ ret->p + at, ret->n - at }, sum))
		return ss_fail(err, SS_ESYS, "cannot make the trust store for Java");
	ss_buf_put(ret, (struct ss_span){ sum, sizeof(sum) });
	return ss_buf_check(ret, "the trust store for Java", err);
}
