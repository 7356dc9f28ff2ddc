/* SPDX-License-Identifier: Apache-2.0 */
#include "io/file.h"
#include "record/rec_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COPY_SIZE 65536u
#define HEAD_ROOM ((size_t)256 * 1024)

static void put(struct ss_buf *b, const char *s)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)s, strlen(s) });
}

/* The words of RFC 9110; a reader goes by the number. */
static const char *reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} rows[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 410, "Gone" },
		{ 416, "Range Not Satisfiable" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < SS_NELEMS(rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Status";
}

static void begin_head(struct ss_buf *b, const struct rec_conn *c, unsigned status)
{
	char date[REC_DATE_SIZE], line[96];

	rec_date_write(rec_config_of(c->r)->epoch, date);
	(void)snprintf(line, sizeof(line), "HTTP/1.1 %u %s\r\nDate: %s\r\n", status, reason(status),
		       date);
	put(b, line);
}

static bool end_head(struct ss_buf *b, struct rec_conn *c, const struct rec_request *q)
{
	put(b, q->head.keep ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
	return !b->bad && rec_conn_put(c, ss_buf_span(b));
}

static void put_length(struct ss_buf *b, uint64_t n)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "Content-Length: %" PRIu64 "\r\n", n);
	put(b, line);
}

bool rec_send_refusal(struct rec_conn *c, const struct rec_request *q, unsigned status,
		      const char *why)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HEAD_ROOM);
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(HEAD_ROOM);

	put(&text, "selfsame: ");
	put(&text, why);
	put(&text, "\n");
	begin_head(&b, c, status);
	put(&b, "Content-Type: text/plain\r\n");
	put_length(&b, text.n);
	if (!end_head(&b, c, q))
		return false;
	return strcmp(q->method, "HEAD") == 0 || rec_conn_put(c, ss_buf_span(&text));
}

bool rec_has_body(const struct rec_request *q, unsigned status)
{
	return strcmp(q->method, "HEAD") != 0 && status != 204 && status != 304;
}

bool rec_send_head(struct rec_conn *c, const struct rec_request *q, const struct cfg_input *in,
		   const struct rec_range *range)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HEAD_ROOM);
	char line[96];

	begin_head(&b, c, range != NULL ? 206 : (unsigned)in->status);
	if (in->type != NULL) {
		put(&b, "Content-Type: ");
		put(&b, in->type);
		put(&b, "\r\n");
	}
	if (range != NULL) {
		(void)snprintf(line, sizeof(line),
			       "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n",
			       range->at, range->at + range->n - 1, in->size);
		put(&b, line);
		put_length(&b, range->n);
	} else if (rec_has_body(q, (unsigned)in->status) || (in->sha256 == NULL && in->size > 0)) {
		put_length(&b, in->size);
	}
	if (in->status == 200)
		put(&b, "Accept-Ranges: bytes\r\n");
	for (size_t i = 0; i < in->headers.n; i++) {
		put(&b, in->headers.v[i]);
		put(&b, "\r\n");
	}
	return end_head(&b, c, q);
}

static bool outside(struct rec_conn *c, const struct rec_request *q, uint64_t size)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HEAD_ROOM);
	char line[64];

	begin_head(&b, c, 416);
	(void)snprintf(line, sizeof(line), "Content-Range: bytes */%" PRIu64 "\r\n", size);
	put(&b, line);
	put_length(&b, 0);
	return end_head(&b, c, q);
}

static bool send_bytes(struct rec_conn *c, int fd, const struct rec_range *r)
{
	AUTO_FREE uint8_t *p = ss_calloc(COPY_SIZE, 1);
	struct ss_err err = { 0 };

	for (uint64_t done = 0; done < r->n;) {
		const uint64_t left = r->n - done;
		size_t n = left < COPY_SIZE ? (size_t)left : COPY_SIZE;

		if (io_pread_full(fd, r->at + done, p, n, &n, &err) < 0 || n == 0 ||
		    !rec_conn_put(c, (struct ss_span){ p, n }))
			return false;
		done += n;
	}
	return true;
}

bool rec_send_answer(struct rec_conn *c, const struct rec_request *q, const struct cfg_input *in,
		     int fd)
{
	struct rec_range range = { 0, in->size };
	enum rec_ranged how = REC_RANGE_NONE;

	if (strcmp(q->method, "GET") == 0 && in->status == 200)
		how = rec_head_range(&q->head, in->size, &range);
	if (how == REC_RANGE_OUTSIDE)
		return outside(c, q, in->size);
	if (!rec_send_head(c, q, in, how == REC_RANGE_PART ? &range : NULL))
		return false;
	return !rec_has_body(q, (unsigned)in->status) || in->size == 0 || send_bytes(c, fd, &range);
}
