/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "io/file.h"
#include "record/rec_parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define READ_SIZE 65536u
#define BODY_MAX ((uint64_t)1 << 32) /* of a request */

static struct ss_span span_of(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* --- the connection ------------------------------------------------------------------------------
 */

struct ss_span rec_conn_have(const struct rec_conn *c)
{
	return (struct ss_span){ c->in.p + c->used, c->in.n - c->used };
}

void rec_conn_take(struct rec_conn *c, size_t n)
{
	c->used += n;
	if (c->used == c->in.n) {
		c->in.n = 0;
		c->used = 0;
	}
}

bool rec_conn_more(struct rec_conn *c)
{
	uint8_t block[READ_SIZE];
	size_t want;
	ssize_t n;

	if (c->used > 0) {
		memmove(c->in.p, c->in.p + c->used, c->in.n - c->used);
		c->in.n -= c->used;
		c->used = 0;
	}
	if (c->in.n >= c->in.max)
		return false;
	want = c->in.max - c->in.n < READ_SIZE ? c->in.max - c->in.n : READ_SIZE;
	n = c->tls != NULL ? rec_tls_read(c->tls, block, want) : recv(c->fd, block, want, 0);
	if (n <= 0)
		return false;
	ss_buf_put(&c->in, (struct ss_span){ block, (size_t)n });
	return true;
}

bool rec_conn_put(struct rec_conn *c, struct ss_span s)
{
	while (s.n > 0) {
		const ssize_t n = c->tls != NULL ? rec_tls_write(c->tls, s)
						 : send(c->fd, s.p, s.n, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		s.p += n;
		s.n -= (size_t)n;
	}
	return true;
}

/* --- the request ---------------------------------------------------------------------------------
 */

void rec_request_done(struct rec_request *q)
{
	ss_buf_done(&q->raw);
	ss_buf_done(&q->real);
	ss_buf_done(&q->plain);
	ss_closep(&q->body_fd);
	q->body_fd = -1;
}

static int read_head(struct rec_conn *c, struct rec_request *q, struct ss_err *err)
{
	size_t n = 0;
	int rc;

	for (;;) {
		rc = rec_head_read(rec_conn_have(c), &q->head, &n, err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			break;
		if (!rec_conn_more(c))
			return 0;
	}
	/* Its spans must outlive what the connection reads next. */
	ss_buf_put(&q->raw, (struct ss_span){ rec_conn_have(c).p, n });
	rec_conn_take(c, n);
	return rec_head_read(ss_buf_span(&q->raw), &q->head, &n, err);
}

/* Over TLS that was led here, a request is for the host of the hello and for no other. */
static int check_host(const struct rec_conn *c, struct ss_span host, struct ss_err *err)
{
	AUTO_BUF struct ss_buf url = SS_BUF_INIT(REC_URL_ROOM), real = SS_BUF_INIT(REC_URL_ROOM);
	AUTO_BUF struct ss_buf plain = SS_BUF_INIT(REC_URL_ROOM);
	const size_t n = strlen(c->origin);
	bool secret;

	ss_buf_put(&url, span_of("https://"));
	ss_buf_put(&url, host);
	if (rec_url_make(ss_buf_span(&url), &real, &plain, &secret, err) < 0)
		return ss_ctx(err, "Host");
	if (real.n != n + 2 || memcmp(real.p, c->origin, n) != 0)
		return ss_fail(err, SS_EINPUT, "request: for host '%s' on a connection to '%s'",
			       SS_SHOW(host), c->origin);
	return 0;
}

/* The URL that the request is about: a proxy's, or one that was led here. */
static int read_url(const struct rec_conn *c, struct rec_request *q, struct ss_err *err)
{
	AUTO_BUF struct ss_buf whole = SS_BUF_INIT(REC_URL_ROOM);
	struct ss_span host = rec_head_field(&q->head, "host");
	struct ss_span url = q->head.target;
	bool secret;

	if (url.n > 0 && url.p[0] == '/') {
		if (host.n == 0 && c->where != NULL)
			host = span_of(c->where);
		if (host.n == 0)
			return ss_fail(err, SS_EINPUT, "request: no host");
		if (c->led && c->origin != NULL && check_host(c, host, err) < 0)
			return -1;
		ss_buf_put(&whole, span_of(c->origin != NULL ? c->origin : "http://"));
		if (c->origin == NULL)
			ss_buf_put(&whole, host);
		ss_buf_put(&whole, url);
		if (ss_buf_check(&whole, "URL", err) < 0)
			return -1;
		url = ss_buf_span(&whole);
	}
	return rec_url_make(url, &q->real, &q->plain, &secret, err);
}

static int put_body(struct rec_request *q, struct crypto_hash *h, struct ss_span s,
		    struct ss_err *err)
{
	if (s.n > BODY_MAX - q->body_size)
		return ss_fail(err, SS_ELIMIT, "request: a body of more than 4 GiB");
	if (io_write_all(q->body_fd, s, err) < 0)
		return -1;
	crypto_hash_put(h, s);
	q->body_size += s.n;
	return 0;
}

static int read_chunks(struct rec_conn *c, struct rec_request *q, struct crypto_hash *h,
		       struct ss_err *err)
{
	struct rec_chunks chunks = { 0 };
	bool end = false;

	while (!end) {
		struct ss_span have = rec_conn_have(c), out;
		const size_t before = have.n;

		if (have.n == 0 && !rec_conn_more(c))
			return ss_fail(err, SS_EINPUT, "request: its body ends early");
		if (have.n == 0)
			continue;
		if (rec_chunks_next(&chunks, &have, &out, &end, err) < 0 ||
		    put_body(q, h, out, err) < 0)
			return -1;
		rec_conn_take(c, before - have.n);
	}
	return 0;
}

static int read_length(struct rec_conn *c, struct rec_request *q, struct crypto_hash *h,
		       struct ss_err *err)
{
	while (q->body_size < q->head.length) {
		const uint64_t left = q->head.length - q->body_size;
		struct ss_span have = rec_conn_have(c);

		if (have.n == 0 && !rec_conn_more(c))
			return ss_fail(err, SS_EINPUT, "request: its body ends early");
		have = rec_conn_have(c);
		have.n = have.n < left ? have.n : (size_t)left;
		if (put_body(q, h, have, err) < 0)
			return -1;
		rec_conn_take(c, have.n);
	}
	return 0;
}

static int read_body(struct rec_conn *c, struct rec_request *q, uint8_t *ret_hash,
		     struct ss_err *err)
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);

	if (q->head.expects && !rec_conn_put(c, span_of("HTTP/1.1 100 Continue\r\n\r\n")))
		return ss_fail(err, SS_EINPUT, "request: its body ends early");
	if (io_spool_new(&q->body_fd, err) < 0)
		return -1;
	if ((q->head.chunked ? read_chunks(c, q, h, err) : read_length(c, q, h, err)) < 0)
		return -1;
	crypto_hash_end(h, ret_hash);
	return 0;
}

static bool is_known(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       strcmp(method, "POST") == 0;
}

int rec_request_read(struct rec_conn *c, struct rec_request *q, struct ss_err *err)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	struct rec_choice choice = { 0 };
	int rc = read_head(c, q, err);

	if (rc <= 0)
		return rc;
	if (q->head.method.n < sizeof(q->method))
		memcpy(q->method, q->head.method.p, q->head.method.n);
	if (strcmp(q->method, "CONNECT") == 0 && c->tls == NULL)
		return REC_CONNECT;
	if (!is_known(q->method))
		return ss_fail(err, SS_EINPUT, "'%s %s': only GET, HEAD and POST are recorded",
			       SS_SHOW(q->head.method), SS_SHOW(q->head.target));
	if (read_url(c, q, err) < 0)
		return -1;
	if (q->head.chunked || q->head.length > 0) {
		if (read_body(c, q, hash, err) < 0)
			return -1;
		choice.body = hash;
	}
	q->authorized = rec_head_field(&q->head, "authorization").p != NULL ||
			rec_head_field(&q->head, "cookie").p != NULL ||
			rec_head_field(&q->head, "private-token").p != NULL ||
			rec_head_field(&q->head, "x-api-key").p != NULL;
	choice.accept = rec_head_field(&q->head, "accept");
	choice.authorized = q->authorized;
	choice.content_type = rec_head_field(&q->head, "content-type");
	choice.git_protocol = rec_head_field(&q->head, "git-protocol");
	(void)rec_key_make(&choice, q->key);
	return 1;
}

/* --- CONNECT -------------------------------------------------------------------------------------
 */

int rec_origin_set(struct rec_conn *c, struct ss_span where, char ret_host[256], struct ss_err *err)
{
	AUTO_BUF struct ss_buf url = SS_BUF_INIT(REC_URL_ROOM), real = SS_BUF_INIT(REC_URL_ROOM);
	AUTO_BUF struct ss_buf plain = SS_BUF_INIT(REC_URL_ROOM);
	const char *from;
	bool secret;
	size_t n;

	for (size_t i = 0; i < where.n; i++)
		if (strchr("/?#@", where.p[i]) != NULL)
			return ss_fail(err, SS_EINPUT, "'%s' is not a host and a port",
				       SS_SHOW(where));
	ss_buf_put(&url, span_of("https://"));
	ss_buf_put(&url, where);
	if (rec_url_make(ss_buf_span(&url), &real, &plain, &secret, err) < 0)
		return -1;
	real.p[real.n - 2] = '\0'; /* its '/' */
	cfg_text_set(&c->origin, (const char *)real.p);
	from = c->origin + strlen("https://");
	n = strcspn(from, from[0] == '[' ? "]" : ":");
	from += from[0] == '[';
	n -= c->origin[strlen("https://")] == '[';
	(void)snprintf(ret_host, 256, "%.*s", (int)n, from);
	return 0;
}

bool rec_connect(struct rec_conn *c, const struct rec_request *q)
{
	char host[256];
	struct ss_err err = { 0 };

	if (rec_origin_set(c, q->head.target, host, &err) < 0 || rec_conn_have(c).n > 0) {
		if (err.msg[0] == '\0')
			ss_err_set(&err, SS_EINPUT, "bytes before the answer");
		ss_err_prepend(&err, "CONNECT");
		rec_tell(c->r, q, err.msg);
		return false;
	}
	if (!rec_conn_put(c, span_of("HTTP/1.1 200 Connection established\r\n\r\n")))
		return false;
	c->tls = rec_tls_accept(rec_authority_of(c->r), host, c->fd, &err);
	if (c->tls == NULL)
		rec_tell(c->r, q, err.msg);
	return c->tls != NULL;
}
