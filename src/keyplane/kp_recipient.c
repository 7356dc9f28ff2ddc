/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_recipient.h"

#include "crypto/recipient.h"
#include "keyplane/kp_tls.h"

#include <string.h>

_Static_assert(CRYPTO_RECIPIENT_SPKI <= KP_MAX_PUBLIC_KEY, "a document can hold it");

static const struct crypto_recipient *find(const struct kp_recipients *all,
					   const uint8_t id[KP_KEY])
{
	for (unsigned i = 0; i < KP_RECIPIENTS; i++)
		if (all->key[i] != NULL && memcmp(all->id[i], id, KP_KEY) == 0)
			return all->key[i];
	return NULL;
}

int kp_recipient_new(struct kp_recipients *all, uint8_t *ret_spki, uint8_t ret_id[KP_KEY],
		     struct ss_err *err)
{
	AUTO_RECIPIENT struct crypto_recipient *r = NULL;
	const unsigned i = all->next;

	if (crypto_recipient_new(&r, err) < 0)
		return -1;
	crypto_recipient_spki(r, ret_spki);
	if (kp_sha256((struct ss_span){ ret_spki, CRYPTO_RECIPIENT_SPKI }, ret_id, err) < 0)
		return -1;
	crypto_recipient_free(all->key[i]);
	all->key[i] = TAKE_PTR(r);
	memcpy(all->id[i], ret_id, KP_KEY);
	all->next = (i + 1) % KP_RECIPIENTS;
	return 0;
}

int kp_recipient_unwrap(const struct kp_recipients *all, const uint8_t id[KP_KEY],
			struct ss_span message, struct ss_buf *ret, struct ss_err *err)
{
	const struct crypto_recipient *r = find(all, id);

	if (r == NULL)
		return ss_fail(err, SS_EUSAGE, "there is no such key");
	return crypto_recipient_unwrap(r, message, ret, err);
}
