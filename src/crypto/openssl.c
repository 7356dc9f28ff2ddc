/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/openssl.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdlib.h>

int crypto_curve_nid(enum crypto_curve c)
{
	switch (c) {
	case CRYPTO_P256:
		return NID_X9_62_prime256v1;
	case CRYPTO_P384:
		return NID_secp384r1;
	case CRYPTO_P521:
		return NID_secp521r1;
	}
	abort(); /* no such curve */
}

void crypto_err_set(struct ss_err *err, const char *what)
{
	const unsigned long code = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(code);

	ERR_clear_error();
	ss_err_set(err, SS_ESYS, "%s: %s", what, why != NULL ? why : "OpenSSL gives no reason");
}

int crypto_pkey_curve(const EVP_PKEY *p, const char *whose, enum crypto_curve *ret,
		      struct ss_err *err)
{
	static const enum crypto_curve curves[] = { CRYPTO_P256, CRYPTO_P384, CRYPTO_P521 };
	const char *kind = EVP_PKEY_get0_type_name(p);
	char group[80] = "";

	if (!EVP_PKEY_is_a(p, "EC"))
		return ss_fail(err, SS_EINPUT,
			       "%s is %s; EIF signatures need P-256, P-384 or P-521", whose,
			       kind != NULL ? kind : "of an unknown kind");
	(void)EVP_PKEY_get_group_name(p, group, sizeof(group), NULL);
	ERR_clear_error();
	for (size_t i = 0; i < SS_NELEMS(curves); i++) {
		if (OBJ_sn2nid(group) == crypto_curve_nid(curves[i])) {
			*ret = curves[i];
			return 0;
		}
	}
	return ss_fail(err, SS_EINPUT,
		       "%s is on the curve '%s'; EIF signatures need P-256, P-384 or P-521", whose,
		       group[0] != '\0' ? group : "?");
}
