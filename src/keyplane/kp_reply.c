/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_reply.h"

#include "base/hex.h"
#include "base/text.h"

#define MAX_DIGITS 20
#define DIGEST 32u /* SHA-256 */

static void put(struct ss_buf *b, const char *text)
{
	ss_buf_put(b, ss_text(text));
}

static void put_number(struct ss_buf *b, size_t v)
{
	char text[MAX_DIGITS + 1];
	size_t at = sizeof(text) - 1;

	text[at] = '\0';
	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	put(b, text + at);
}

static void put_body(struct ss_buf *b, struct ss_span body, const char *connection)
{
	put(b, "Content-Length: ");
	put_number(b, body.n);
	put(b, "\r\nCache-Control: no-store\r\n");
	put(b, connection);
	put(b, "\r\n");
	if (body.n > 0)
		ss_buf_put(b, body);
}

static void put_end(struct ss_buf *b, struct ss_span body)
{
	put_body(b, body, "Connection: close\r\n");
}

void kp_reply_taken(struct ss_buf *b)
{
	put(b, "HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\n\r\n");
}

void kp_reply_document(struct ss_buf *b, struct ss_span document, bool goes_on)
{
	put(b, "HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\n");
	put_body(b, document, goes_on ? "" : "Connection: close\r\n");
}

static void put_digest(struct ss_buf *b, struct ss_span digest)
{
	char hex[2 * DIGEST + 1];

	ss_hex((struct ss_span){ digest.p, DIGEST }, hex);
	put(b, hex);
}

void kp_reply_recipient(struct ss_buf *b, struct ss_span document, struct ss_span key)
{
	put(b, "HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nSelfsame-Key: ");
	put_digest(b, key);
	put(b, "\r\n");
	put_end(b, document);
}

void kp_reply_bytes(struct ss_buf *b, struct ss_span bytes)
{
	put(b, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n");
	put_end(b, bytes);
}

void kp_reply_chain(struct ss_buf *b, struct ss_span pem, struct ss_span etag)
{
	put(b, "HTTP/1.1 200 OK\r\nContent-Type: application/pem-certificate-chain\r\nETag: \"");
	put_digest(b, etag);
	put(b, "\"\r\n");
	put_end(b, pem);
}

void kp_reply_status(struct ss_buf *b, unsigned status, const char *allow)
{
	static const struct {
		unsigned status;
		const char *line;
	} rows[] = {
		{ 400, "HTTP/1.1 400 Bad Request\r\n" },
		{ 403, "HTTP/1.1 403 Forbidden\r\n" },
		{ 404, "HTTP/1.1 404 Not Found\r\n" },
		{ 405, "HTTP/1.1 405 Method Not Allowed\r\n" },
		{ 409, "HTTP/1.1 409 Conflict\r\n" },
		{ 413, "HTTP/1.1 413 Content Too Large\r\n" },
		{ 431, "HTTP/1.1 431 Request Header Fields Too Large\r\n" },
		{ 503, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n" },
	};
	const char *line = "HTTP/1.1 500 Internal Server Error\r\n";

	for (size_t i = 0; i < SS_NELEMS(rows); i++)
		if (rows[i].status == status)
			line = rows[i].line;
	put(b, line);
	if (allow != NULL) {
		put(b, "Allow: ");
		put(b, allow);
		put(b, "\r\n");
	}
	put_end(b, (struct ss_span){ NULL, 0 });
}
