/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_names.h"

#include "base/mem.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "fmt/dns.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <string.h>

#define FIRST 0xc6120100u /* 198.18.1.0: the 256 before it are the namespace's own */
#define SLOTS 0x1ff00u
#define TTL_S 86400u

struct rec_names {
	pthread_mutex_t lock;
	size_t n;
	char *v[SLOTS]; /* by address; once there they stay */
};

static void must(int rc)
{
	assert(rc == 0);
	(void)rc;
}

struct rec_names *rec_names_new(void)
{
	struct rec_names *n = ss_calloc(1, sizeof(*n));

	must(pthread_mutex_init(&n->lock, NULL));
	return n;
}

void rec_names_free(struct rec_names *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(n->v[i]);
	must(pthread_mutex_destroy(&n->lock));
	free(n);
}

static size_t slot_of(const char *name)
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	uint8_t hash[CRYPTO_SHA256_SIZE];
	struct ss_cur c;

	crypto_hash_put(h, ss_text(name));
	crypto_hash_end(h, hash);
	c = ss_cur_init((struct ss_span){ hash, sizeof(hash) });
	return (size_t)(ss_cur_be64(&c) % SLOTS);
}

/* The slot of a name, which gets one if it has none; false: there are too many. */
static bool find_or_add(struct rec_names *n, const char *name, size_t *ret)
{
	size_t i = slot_of(name);
	bool ok;

	must(pthread_mutex_lock(&n->lock));
	while (n->v[i] != NULL && strcmp(n->v[i], name) != 0)
		i = (i + 1) % SLOTS;
	ok = n->v[i] != NULL || n->n < REC_NAMES_MAX;
	if (ok && n->v[i] == NULL) {
		n->v[i] = ss_copy(name);
		n->n++;
	}
	must(pthread_mutex_unlock(&n->lock));
	*ret = i;
	return ok;
}

static bool ends(const char *name, const char *end)
{
	const size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0 && (n == m || name[n - m - 1] == '.');
}

/* In the form of the question's type. */
static void put_number(uint32_t v4, uint16_t type, uint8_t ret[16])
{
	static const uint8_t prefix[8] = { 0xfd, 0x73, 0x65, 0x6c, 0x66, 0x73, 0x61, 0x6d };
	const uint32_t be = htonl(v4);

	memset(ret, 0, 16);
	if (type == DNS_AAAA)
		memcpy(ret, prefix, sizeof(prefix));
	memcpy(ret + (type == DNS_AAAA ? 12 : 0), &be, sizeof(be));
}

/* Any name has an address; but there is nothing behind an address, and one's own name is one's own.
 */
static enum dns_rcode look_up(struct rec_names *n, const struct dns_query *q, uint8_t ret[16],
			      size_t *ret_n)
{
	size_t slot;

	*ret_n = 0;
	if (q->class_ != 1)
		return DNS_REFUSED;
	if (ends(q->name, "arpa"))
		return DNS_NXDOMAIN;
	if ((q->type != DNS_A && q->type != DNS_AAAA) || q->name[0] == '\0')
		return DNS_OK;
	*ret_n = 1;
	if (ends(q->name, "localhost")) {
		memset(ret, 0, 16);
		if (q->type == DNS_A)
			ret[0] = 127;
		ret[q->type == DNS_A ? 3 : 15] = 1;
		return DNS_OK;
	}
	if (!find_or_add(n, q->name, &slot))
		return DNS_SERVFAIL;
	put_number(FIRST + (uint32_t)slot, q->type, ret);
	return DNS_OK;
}

bool rec_names_answer(struct rec_names *n, struct ss_span question, struct ss_buf *ret)
{
	struct dns_query q;
	struct ss_err err = { 0 };
	uint8_t address[1][16] = { { 0 } };
	enum dns_rcode rcode = DNS_FORMERR;
	size_t n_addresses = 0;

	if (dns_query_read(question, &q, &err) == 0)
		rcode = look_up(n, &q, address[0], &n_addresses);
	else if (q.id == 0)
		return false;
	dns_answer_write(&q, rcode, (const uint8_t(*)[16])address, n_addresses, TTL_S, ret);
	return !ret->bad;
}

/* --- the other way ------------------------------------------------------------------------------
 */

void rec_names_where(struct rec_names *n, const uint8_t address[16], char ret[REC_WHERE_MAX])
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	const bool v4 = memcmp(address, mapped, sizeof(mapped)) == 0;
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t as6[16];
	uint32_t number;
	const char *name = NULL;

	memcpy(&number, address + 12, sizeof(number));
	number = ntohl(number) - FIRST; /* wraps below it */
	put_number(FIRST + number, DNS_AAAA, as6);
	if (number < SLOTS && (v4 || memcmp(as6, address, sizeof(as6)) == 0)) {
		must(pthread_mutex_lock(&n->lock));
		name = n->v[number];
		must(pthread_mutex_unlock(&n->lock));
	}
	if (name == NULL)
		(void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, text,
				sizeof(text));
	if (name != NULL)
		(void)snprintf(ret, REC_WHERE_MAX, "%s", name);
	else
		(void)snprintf(ret, REC_WHERE_MAX, v4 ? "%s" : "[%s]", text);
}
