/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_ask.h"

#include <string.h>

/* A word of the query: where its bytes go, and how many there may be. */
struct place {
	const char *name;
	bool *has;
	size_t *n;
	uint8_t *room;
	size_t least, most;
};

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lower-case only: one request has one form. */
static bool take_hex(const struct place *p, struct ss_span text)
{
	const size_t n = text.n / 2;

	if (text.p == NULL || text.n % 2 != 0 || n < p->least || n > p->most || *p->has)
		return false;
	for (size_t i = 0; i < n; i++) {
		const int high = digit(text.p[2 * i]), low = digit(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		p->room[i] = (uint8_t)(high << 4 | low);
	}
	*p->has = true;
	*p->n = n;
	return true;
}

static bool take_query(struct ss_span query, const struct place *places, size_t n)
{
	struct ss_span name, value;
	size_t i;

	if (query.n > 0 && query.p[query.n - 1] == '&')
		return false;
	while (http_query_next(&query, &name, &value)) {
		for (i = 0; i < n && !http_is(name, places[i].name); i++)
			continue;
		if (i == n || !take_hex(&places[i], value))
			return false;
	}
	return true;
}

static bool read_values(enum kp_door door, struct ss_span query, struct kp_ask *a)
{
	const bool local = door == KP_DOOR_LOCAL;
	const struct place places[] = {
		{ "nonce", &a->has_nonce, &a->n_nonce, a->nonce, local ? 0 : KP_NONCE,
		  local ? KP_MAX_NONCE : KP_NONCE },
		{ "user_data", &a->has_user_data, &a->n_user_data, a->user_data, 0,
		  KP_MAX_USER_DATA },
		{ "public_key", &a->has_public_key, &a->n_public_key, a->public_key, 1,
		  KP_MAX_PUBLIC_KEY },
	};

	return take_query(query, places, local ? SS_NELEMS(places) : 1) && (local || a->has_nonce);
}

unsigned kp_ask_read(enum kp_door door, const struct http_request *r, struct kp_ask *ret)
{
	const char *path = door == KP_DOOR_PATH ? KP_PATH_WELL_KNOWN : KP_PATH_SERVICE;
	const bool document = http_is(r->path, path);

	*ret = (struct kp_ask){ .want = document ? KP_WANT_DOCUMENT : KP_WANT_CERTIFICATE };
	if (!document && (door != KP_DOOR_LOCAL || !http_is(r->path, KP_PATH_CERTIFICATE)))
		return 404;
	if (!http_is(r->method, "GET"))
		return 405;
	if (r->length > 0 || r->has_upgrade)
		return 400;
	if (!document)
		return r->query.p == NULL ? 200 : 400;
	return read_values(door, r->query, ret) ? 200 : 400;
}
