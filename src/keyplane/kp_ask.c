/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_ask.h"

#include "base/text.h"
#include "fmt/cms.h"
#include "fmt/measured.h"

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

/* Which words there are, and whether all that must be there are. */
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
	const struct place key = { "key", &a->has_key, &a->n_key, a->key, KP_KEY, KP_KEY };

	switch (a->want) {
	case KP_WANT_DOCUMENT:
		return take_query(query, places, local ? SS_NELEMS(places) : 1) &&
		       (local || a->has_nonce);
	case KP_WANT_RECIPIENT:
		return take_query(query, places, 2); /* the key is not the asker's */
	case KP_WANT_UNWRAP:
		return take_query(query, &key, 1) && a->has_key;
	case KP_WANT_CERTIFICATE:
	case KP_WANT_SECRET:
		return query.p == NULL;
	}
	return false;
}

/* Two have a body, of which a secret's may be empty; all else must have none. */
static unsigned read_length(const struct http_request *r, struct kp_ask *a)
{
	size_t most = 0;

	if (a->want == KP_WANT_UNWRAP)
		most = CMS_MAX_MESSAGE;
	if (a->want == KP_WANT_SECRET)
		most = MC_MAX_SECRET;
	if (r->length > most)
		return most > 0 ? 413 : 400;
	if (most > 0 && (!r->has_length || (r->length == 0 && a->want == KP_WANT_UNWRAP)))
		return 400;
	a->n_body = (size_t)r->length;
	return 200;
}

/* What there is behind each door. */
static const struct row {
	enum kp_door door;
	enum kp_want want;
	const char *path, *method;
	const char *allow; /* of all rows with this path */
} rows[] = {
	{ KP_DOOR_SERVICE, KP_WANT_DOCUMENT, KP_PATH_SERVICE, "GET", "GET" },
	{ KP_DOOR_PATH, KP_WANT_DOCUMENT, KP_PATH_WELL_KNOWN, "GET", "GET" },
	{ KP_DOOR_SENDER, KP_WANT_DOCUMENT, KP_PATH_SERVICE, "GET", "GET" },
	{ KP_DOOR_SENDER, KP_WANT_SECRET, KP_PATH_SECRETS, "PUT", "PUT" },
	{ KP_DOOR_LOCAL, KP_WANT_DOCUMENT, KP_PATH_SERVICE, "GET", "GET" },
	{ KP_DOOR_LOCAL, KP_WANT_CERTIFICATE, KP_PATH_CERTIFICATE, "GET", "GET" },
	{ KP_DOOR_LOCAL, KP_WANT_RECIPIENT, KP_PATH_RECIPIENT, "GET", "GET, POST" },
	{ KP_DOOR_LOCAL, KP_WANT_UNWRAP, KP_PATH_RECIPIENT, "POST", "GET, POST" },
};

/* A path that ends with '/' is followed by a name. */
static bool is_at(const struct row *row, struct ss_span path)
{
	const size_t n = strlen(row->path);

	return row->path[n - 1] == '/' ? ss_begins(path, row->path) : ss_is(path, row->path);
}

/* NULL with *ret_allow where the path is there, for other methods. */
static const struct row *find_row(enum kp_door door, const struct http_request *r,
				  const char **ret_allow)
{
	*ret_allow = NULL;
	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		if (rows[i].door != door || !is_at(&rows[i], r->path))
			continue;
		if (http_is(r->method, rows[i].method))
			return &rows[i];
		*ret_allow = rows[i].allow;
	}
	return NULL;
}

unsigned kp_ask_read(enum kp_door door, const struct http_request *r, struct kp_ask *ret)
{
	const char *allow;
	const struct row *row = find_row(door, r, &allow);
	unsigned status;

	*ret = (struct kp_ask){ .allow = row == NULL ? allow : NULL };
	if (row == NULL)
		return allow != NULL ? 405 : 404;
	ret->want = row->want;
	if (r->has_upgrade)
		return 400;
	if (row->want == KP_WANT_SECRET) {
		const size_t n = strlen(row->path);

		ret->name = (struct ss_span){ r->path.p + n, r->path.n - n };
		if (!mc_is_secret_name(ret->name))
			return 400;
	}
	status = read_length(r, ret);
	if (status != 200)
		return status;
	return read_values(door, r->query, ret) ? 200 : 400;
}
