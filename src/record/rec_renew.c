/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_renew.h"

#include "base/hex.h"
#include "base/text.h"
#include "io/fetch.h"
#include "record/rec_answer.h"
#include "record/rec_reach.h"
#include "record/rec_url.h"

#include <inttypes.h>
#include <string.h>

struct renewing {
	const struct cfg_input *in;
	struct cfg_input now;
	struct crypto_hash *hash;
	struct rec_put put;
	struct rec_store *store; /* NULL = only hash */
	const struct cfg_texts *local;
	char where[REC_REACH_WHERE];
	uint64_t size;
};

static void renewing_done(struct renewing *r)
{
	cfg_fields_done(cfg_input_fields, &r->now);
	crypto_hash_free(r->hash);
	rec_put_done(&r->put);
}

bool rec_is_last(const struct cfg_list *inputs, size_t i)
{
	const struct cfg_input *v = inputs->v;

	if (i + 1 == inputs->n || strcmp(v[i].url, v[i + 1].url) != 0 ||
	    strcmp(v[i].method, v[i + 1].method) != 0)
		return true;
	return strcmp(v[i].key != NULL ? v[i].key : "", v[i + 1].key != NULL ? v[i + 1].key : "") !=
	       0;
}

/* --- the request ---------------------------------------------------------------------------------
 */

struct common {
	const char *accept;
	const char *git_protocol;
	const char *lines[6]; /* as the library wants them */
};

#define SAME_FOR_ALL "Accept-Encoding: identity", "Expect:"
#define PIP                                                                                        \
	"application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, "        \
	"text/html; q=0.01"
#define NPM "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"

/* The request that has the entry's key; NULL = none that is known. */
static const struct common *find_request(const struct cfg_input *in)
{
	static const struct common all[] = {
		{ NULL, NULL, { "Accept: */*", SAME_FOR_ALL } },
		{ NULL, "version=2", { "Accept: */*", "Git-Protocol: version=2", SAME_FOR_ALL } },
		{ PIP, NULL, { "Accept: " PIP, SAME_FOR_ALL } },
		{ NPM, NULL, { "Accept: " NPM, SAME_FOR_ALL } },
		{ "application/json", NULL, { "Accept: application/json", SAME_FOR_ALL } },
		{ "text/*", NULL, { "Accept: text/*", SAME_FOR_ALL } },
		{ "text/html", NULL, { "Accept: text/html", SAME_FOR_ALL } },
	};

	for (size_t i = 0; i < SS_NELEMS(all); i++) {
		struct rec_choice c = { 0 };
		char key[REC_KEY];

		if (all[i].accept != NULL)
			c.accept = ss_text(all[i].accept);
		if (all[i].git_protocol != NULL)
			c.git_protocol = ss_text(all[i].git_protocol);
		(void)rec_key_make(&c, key);
		if (strcmp(key, in->key != NULL ? in->key : "") == 0)
			return &all[i];
	}
	return NULL;
}

static bool is_able(const struct cfg_input *in)
{
	return strcmp(in->method, "GET") == 0 && in->sha256 != NULL &&
	       strstr(in->url, "=" REC_REDACTED) == NULL;
}

static int on_reach(void *ctx, const uint8_t *address, struct ss_err *err)
{
	const struct renewing *r = ctx;

	return rec_reach_check(r->local, r->where, address, err);
}

/* --- the answer ----------------------------------------------------------------------------------
 */

static int on_field(void *ctx, struct ss_span name, struct ss_span value, struct ss_err *err)
{
	struct renewing *r = ctx;

	(void)err;
	rec_answer_put(&r->now, r->in->url, name, value, NULL, NULL);
	return 0;
}

static int on_begin(void *ctx, unsigned status, bool has_length, uint64_t length,
		    struct ss_err *err)
{
	struct renewing *r = ctx;

	if (status < 200 || status >= 500 || status == 206 || status == 408 || status == 425 ||
	    status == 429)
		return ss_fail(err, SS_EREMOTE, "the server answered with status %u", status);
	if (has_length && length > REC_OBJECT_MAX)
		return ss_fail(err, SS_ELIMIT, "%" PRIu64 " bytes; the limit is %" PRIu64, length,
			       REC_OBJECT_MAX);
	r->now.status = status;
	cfg_texts_sort(&r->now.headers);
	return 0;
}

static int on_bytes(void *ctx, struct ss_span bytes, struct ss_err *err)
{
	struct renewing *r = ctx;

	if (bytes.n > REC_OBJECT_MAX - r->size)
		return ss_fail(err, SS_ELIMIT, "more than %" PRIu64 " bytes", REC_OBJECT_MAX);
	r->size += bytes.n;
	if (r->store != NULL)
		return rec_put_bytes(&r->put, bytes, err);
	crypto_hash_put(r->hash, bytes);
	return 0;
}

static int finish(struct renewing *r, struct ss_err *err)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	char hex[REC_HEX];

	if (r->store == NULL)
		crypto_hash_end(r->hash, hash);
	else if (rec_put_commit(&r->put, NULL, hash, err) < 0)
		return -1;
	ss_hex((struct ss_span){ hash, sizeof(hash) }, hex);
	cfg_text_set(&r->now.sha256, hex);
	cfg_text_set(&r->now.method, r->in->method);
	cfg_text_set(&r->now.url, r->in->url);
	cfg_text_set(&r->now.key, r->in->key);
	r->now.size = r->size;
	r->now.turn = r->in->turn;
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool is_same(const struct cfg_input *a, const struct cfg_input *b)
{
	if (a->status != b->status || !same_text(a->sha256, b->sha256) ||
	    !same_text(a->type, b->type) || a->headers.n != b->headers.n)
		return false;
	for (size_t i = 0; i < a->headers.n; i++)
		if (strcmp(a->headers.v[i], b->headers.v[i]) != 0)
			return false;
	return true;
}

int rec_renew(struct rec_store *store, const struct cfg_texts *local, const struct cfg_input *in,
	      enum rec_renewed *ret, struct cfg_input *ret_now, struct ss_err *err)
{
	SS_CLEANUP(renewing_done)
	struct renewing r = { .in = in, .store = store, .local = local, .put = REC_PUT_NONE };
	const struct common *how = is_able(in) ? find_request(in) : NULL;
	struct io_fetch x = { .method = "GET",
			      .url = in->url,
			      .body_fd = -1,
			      .reach = on_reach,
			      .field = on_field,
			      .begin = on_begin,
			      .bytes = on_bytes,
			      .ctx = &r };

	*ret = REC_UNABLE;
	if (how == NULL)
		return 0;
	x.headers = how->lines;
	r.hash = crypto_hash_new(CRYPTO_SHA256);
	if (store != NULL && rec_put_begin(store, REC_OBJECT_MAX, &r.put, err) < 0)
		return -1;
	rec_reach_where(in->url, r.where);
	if (rec_reach_check_name(local, r.where, err) < 0 || io_fetch_run(&x, err) < 0 ||
	    finish(&r, err) < 0)
		return ss_ctx(err, "'%s'", in->url);
	*ret = is_same(&r.now, in) ? REC_SAME : REC_OTHER;
	if (*ret == REC_OTHER) {
		*ret_now = r.now;
		r.now = (struct cfg_input){ 0 };
	}
	return 0;
}
