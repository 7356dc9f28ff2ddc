/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_cache.h"

#include <string.h>

struct slot {
	uint8_t key[CRYPTO_SHA256_SIZE];
	struct att_issuers is;
};

struct att_cache {
	struct slot slots[ATT_CACHE_SLOTS];
	size_t next;
};

struct att_cache *att_cache_new(void)
{
	return ss_calloc(1, sizeof(struct att_cache));
}

void att_cache_free(struct att_cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < ATT_CACHE_SLOTS; i++)
		crypto_p384_free(c->slots[i].is.key);
	free(c);
}

void att_cache_key(const struct att_doc *d, size_t n, uint8_t ret[CRYPTO_SHA256_SIZE])
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);

	for (size_t i = 0; i < n; i++) {
		const size_t size = d->bundle[i].n; /* at most ATT_CERT_MAX */
		const uint8_t head[2] = { (uint8_t)(size >> 8), (uint8_t)size };

		crypto_hash_put(h, (struct ss_span){ head, sizeof(head) });
		crypto_hash_put(h, d->bundle[i]);
	}
	crypto_hash_end(h, ret);
}

const struct att_issuers *att_cache_find(const struct att_cache *c,
					 const uint8_t key[CRYPTO_SHA256_SIZE])
{
	for (size_t i = 0; i < ATT_CACHE_SLOTS; i++)
		if (c->slots[i].is.key != NULL &&
		    memcmp(c->slots[i].key, key, CRYPTO_SHA256_SIZE) == 0)
			return &c->slots[i].is;
	return NULL;
}

void att_cache_put(struct att_cache *c, const uint8_t key[CRYPTO_SHA256_SIZE],
		   const struct att_issuers *is)
{
	struct slot *s = &c->slots[c->next];
	struct crypto_p384 *old = s->is.key;

	c->next = (c->next + 1) % ATT_CACHE_SLOTS;
	memcpy(s->key, key, CRYPTO_SHA256_SIZE);
	s->is = *is;
	s->is.key = crypto_p384_share(is->key);
	crypto_p384_free(old);
}
