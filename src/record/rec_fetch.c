/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/show.h"
#include "base/text.h"
#include "io/fetch.h"
#include "record/rec_answer.h"
#include "record/rec_package.h"
#include "record/rec_parts.h"
#include "record/rec_reach.h"
#include "record/rec_secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LAST_MAX ((size_t)1 << 20) /* more than the library hands over at once */

/* Asking the server: what it answers goes into the store and, as soon as its length is known, to
 * the step. An answer counts only when it is whole. */

struct fetching {
	struct rec_conn *c;
	struct rec_request *q;
	struct rec_put put;
	struct cfg_input in; /* owns its text */
	bool sent;           /* the head is out: bytes follow as they come, */
	struct ss_buf last;  /* but for the last: whoever has those may rely on the entry */
	char where[REC_REACH_WHERE];
	bool passing; /* not to be recorded: a failure of the moment */
	struct rec_watch watch;
	const struct cfg_input *want; /* what it must be; NULL = whatever comes */
};

static void fetching_done(struct fetching *f)
{
	cfg_fields_done(cfg_input_fields, &f->in);
	rec_put_done(&f->put);
	ss_buf_done(&f->last);
	rec_watch_done(&f->watch);
}

static bool is_one_of(struct ss_span s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ss_is_folded(s, names[i]))
			return true;
	return false;
}

/* --- what the server is told ---------------------------------------------------------------------
 */

/* Left out: what is about this connection, what would get less than the whole, what the library
 * writes itself. */
static bool is_dropped(struct ss_span name)
{
	static const char *const names[] = {
		"accept-encoding",
		"connection",
		"content-length",
		"expect",
		"host",
		"if-match",
		"if-modified-since",
		"if-none-match",
		"if-range",
		"if-unmodified-since",
		"keep-alive",
		"proxy-authorization",
		"proxy-connection",
		"range",
		"te",
		"trailer",
		"transfer-encoding",
		"upgrade",
		"http2-settings",
	};

	return is_one_of(name, names, SS_NELEMS(names));
}

static char *header_text(const struct rec_field *f)
{
	const size_t n = f->name.n + f->value.n + 3;
	char *s = ss_calloc(n, 1);

	/* The library's form for a header without a value. */
	(void)snprintf(s, n, "%.*s%s%.*s", (int)f->name.n, (const char *)f->name.p,
		       f->value.n > 0 ? ": " : ";", (int)f->value.n, (const char *)f->value.p);
	return s;
}

static char **make_headers(const struct rec_head *h)
{
	static const char *const fixed[] = { "Accept-Encoding: identity", "Expect:" };
	char **v = ss_calloc(h->n + 8, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		if (!is_dropped(h->fields[i].name))
			v[n++] = header_text(&h->fields[i]);
	for (size_t i = 0; i < SS_NELEMS(fixed); i++)
		v[n++] = strdup(fixed[i]);
	if (rec_head_field(h, "accept").p == NULL)
		v[n++] = strdup("Accept:");
	if (rec_head_field(h, "content-type").p == NULL)
		v[n++] = strdup("Content-Type:");
	return v;
}

static void free_headers(char ***v)
{
	for (size_t i = 0; *v != NULL && (*v)[i] != NULL; i++)
		free((*v)[i]);
	free(*v);
}

/* --- what it answers -----------------------------------------------------------------------------
 */

static void on_secret(void *ctx, const char *plain, const char *real)
{
	const struct fetching *f = ctx;

	rec_alias_add(f->c->r, plain, real);
}

static int on_field(void *ctx, struct ss_span name, struct ss_span value, struct ss_err *err)
{
	struct fetching *f = ctx;

	(void)err;
	/* A redirect is written without what is secret in it; nothing else has a right to it. */
	if (rec_answer_is_kept(name) && !ss_is_folded(name, "location") &&
	    rec_watch_has(&f->watch, value))
		return 0;
	rec_answer_put(&f->in, (const char *)f->q->real.p, name, value, on_secret, f);
	return 0;
}

/* A failure of the moment is not worth keeping: the step may try again. */
static bool is_of_the_moment(unsigned status)
{
	return status >= 500 || status == 408 || status == 425 || status == 429;
}

/* What it is, as people call it; the URL stands before it anyway. */
static void name_package(const char *url, char *ret, size_t size)
{
	struct rec_package p;

	ret[0] = '\0';
	if (rec_package_of(url, &p))
		(void)snprintf(ret, size, "%s %s %s: ", p.kind, p.name, p.version);
}

static int check_status(const struct fetching *f, unsigned status, struct ss_err *err)
{
	char name[REC_PACKAGE_NAME_MAX + REC_PACKAGE_VERSION_MAX + 32];

	if (f->want == NULL || f->want->status == status)
		return 0;
	name_package(f->want->url, name, sizeof(name));
	return ss_fail(err, SS_EVERIFY,
		       "%sthe lock has sha256 %s with status %u, the server now answers with "
		       "status %u",
		       name, f->want->sha256, (unsigned)f->want->status, status);
}

static int on_begin(void *ctx, unsigned status, bool has_length, uint64_t length,
		    struct ss_err *err)
{
	struct fetching *f = ctx;
	const struct rec_config *cfg = rec_config_of(f->c->r);

	if (status < 200 || status > 599 || status == 206)
		return ss_fail(err, SS_EREMOTE, "the server answered with status %u", status);
	if (check_status(f, status, err) < 0)
		return -1;
	if (cfg->body_max > 0 && has_length && length > cfg->body_max)
		return ss_fail(err, SS_ELIMIT, "%" PRIu64 " bytes; the limit is %" PRIu64, length,
			       cfg->body_max);
	f->in.status = status;
	f->in.size = has_length ? length : 0;
	f->passing = is_of_the_moment(status);
	cfg_texts_sort(&f->in.headers);
	if (f->want != NULL || !has_length || length == 0 || !rec_has_body(f->q, status) ||
	    rec_head_field(&f->q->head, "range").p != NULL)
		return 0;
	f->sent = true;
	if (!rec_send_head(f->c, f->q, &f->in, NULL))
		return ss_fail(err, SS_ESYS, "the step has gone");
	return 0;
}

static int on_bytes(void *ctx, struct ss_span bytes, struct ss_err *err)
{
	struct fetching *f = ctx;

	if (rec_put_bytes(&f->put, bytes, err) < 0)
		return -1;
	rec_watch_put(&f->watch, bytes);
	if (f->sent && f->put.size >= f->in.size) {
		ss_buf_put(&f->last, bytes);
		return ss_buf_check(&f->last, "the last bytes", err);
	}
	if (f->sent && !rec_conn_put(f->c, bytes))
		return ss_fail(err, SS_ESYS, "the step has gone");
	return 0;
}

static int on_reach(void *ctx, const uint8_t *address, struct ss_err *err)
{
	const struct fetching *f = ctx;

	return rec_reach_check(rec_config_of(f->c->r)->local, f->where, address, err);
}

static bool on_stopped(void *ctx)
{
	const struct fetching *f = ctx;

	return rec_is_stopping(f->c->r);
}

/* --- the exchange --------------------------------------------------------------------------------
 */

static int fetch(struct fetching *f, struct ss_err *err)
{
	const struct rec_config *cfg = rec_config_of(f->c->r);
	SS_CLEANUP(free_headers) char **headers = make_headers(&f->q->head);
	AUTO_BUF struct ss_buf alias = SS_BUF_INIT(REC_URL_ROOM);
	const char *url = rec_alias_find(f->c->r, (const char *)f->q->plain.p, &alias)
				  ? (const char *)alias.p
				  : (const char *)f->q->real.p;
	const struct io_fetch x = {
		.method = f->q->method,
		.url = url,
		.headers = (const char *const *)headers,
		.body_fd = f->q->body_fd,
		.body_size = f->q->body_size,
		.ca_file = cfg->ca_file,
		.stall_s = cfg->stall_s,
		.stopped = on_stopped,
		.reach = on_reach,
		.field = on_field,
		.begin = on_begin,
		.bytes = on_bytes,
		.ctx = f,
	};

	rec_reach_where(url, f->where);
	if (rec_reach_check_name(cfg->local, f->where, err) < 0)
		return -1;
	rec_watch_begin(&f->q->head, url, &f->watch);
	if (rec_put_begin(cfg->store, cfg->body_max > 0 ? cfg->body_max : REC_OBJECT_MAX, &f->put,
			  err) < 0)
		return -1;
	return io_fetch_run(&x, err);
}

/* The body becomes an object, the answer an entry. */
static int keep(struct fetching *f, const struct rec_turn *turn, struct ss_err *err)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	char hex[REC_HEX];

	if (f->sent && f->put.size != f->in.size)
		return ss_fail(err, SS_EREMOTE, "the body is of another length than its head says");
	if (strcmp(f->q->method, "HEAD") != 0)
		f->in.size = f->put.size;
	if (f->passing || f->watch.seen)
		return 0;
	if (strcmp(f->q->method, "HEAD") != 0) {
		if (rec_put_commit(&f->put, NULL, hash, err) < 0)
			return -1;
		ss_hex((struct ss_span){ hash, sizeof(hash) }, hex);
		cfg_text_set(&f->in.sha256, hex);
	}
	rec_tape_fill(rec_tape_of(f->c->r), turn, &f->in);
	return 0;
}

/* Before the head is out the step gets a reason; behind it the connection breaks off. */
static bool fail(struct fetching *f, const struct ss_err *why)
{
	char line[SS_ERR_MSG_MAX + 32];

	(void)snprintf(line, sizeof(line), "cannot fetch: %s", why->msg);
	rec_tell(f->c->r, f->q, line);
	rec_count_failure(f->c);
	return !f->sent && rec_send_refusal(f->c, f->q, why->code == SS_EINPUT ? 403 : 502, line);
}

bool rec_record(struct rec_conn *c, struct rec_request *q)
{
	SS_CLEANUP(fetching_done)
	struct fetching f = { .c = c, .q = q, .put = REC_PUT_NONE, .last = SS_BUF_INIT(LAST_MAX) };
	const struct rec_id id = { q->method, (const char *)q->plain.p,
				   q->key[0] != '\0' ? q->key : NULL };
	struct rec_turn turn = { 0 };
	struct ss_err err = { 0 };

	if (rec_tape_begin(rec_tape_of(c->r), &id, &turn, &err) < 0 || fetch(&f, &err) < 0 ||
	    keep(&f, &turn, &err) < 0)
		return fail(&f, &err);
	if (f.passing)
		rec_tell(c->r, q, "not recorded: a failure of the server");
	else if (f.watch.seen)
		rec_tell(c->r, q, "not recorded: the answer repeats a credential of the request");
	rec_count(c, rec_has_body(q, (unsigned)f.in.status) ? f.in.size : 0, false);
	if (f.sent)
		return rec_conn_put(c, ss_buf_span(&f.last));
	return rec_send_answer(c, q, &f.in, f.put.fd);
}

/* --- once more -----------------------------------------------------------------------------------
 */

static int keep_wanted(struct fetching *f, struct ss_err *err)
{
	char name[REC_PACKAGE_NAME_MAX + REC_PACKAGE_VERSION_MAX + 32];
	uint8_t want[CRYPTO_SHA256_SIZE], hash[CRYPTO_SHA256_SIZE];
	struct rec_put *p = &f->put;
	AUTO_HASH struct crypto_hash *h = crypto_hash_fork(p->hash);
	char hex[REC_HEX];

	if (!ss_unhex(f->want->sha256, want, sizeof(want)))
		return ss_fail(err, SS_EINPUT, "the lock's entry has no hash");
	crypto_hash_end(h, hash);
	if (p->size == f->want->size && memcmp(hash, want, sizeof(want)) == 0)
		return rec_put_commit(p, want, hash, err);
	ss_hex((struct ss_span){ hash, sizeof(hash) }, hex);
	name_package(f->want->url, name, sizeof(name));
	return ss_fail(err, SS_EVERIFY,
		       "%sthe lock has sha256 %s, the server now has sha256 %s (%" PRIu64 " bytes)",
		       name, f->want->sha256, hex, p->size);
}

bool rec_fetch_again(struct rec_conn *c, struct rec_request *q, const struct cfg_input *want)
{
	SS_CLEANUP(fetching_done)
	struct fetching f = {
		.c = c, .q = q, .put = REC_PUT_NONE, .last = SS_BUF_INIT(LAST_MAX), .want = want
	};
	struct ss_err err = { 0 };

	if (fetch(&f, &err) < 0 || keep_wanted(&f, &err) < 0)
		return fail(&f, &err);
	rec_count(c, want->size, false);
	return rec_send_answer(c, q, want, f.put.fd);
}
