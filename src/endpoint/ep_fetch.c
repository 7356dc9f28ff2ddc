/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_fetch.h"

#include "base/hex.h"
#include "fmt/http_head.h"
#include "io/entropy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_MAX ((size_t)512) /* the longest name and the nonce take half of it */

static int ask(struct ep_conn *c, const struct ep_url *u, const uint8_t *nonce, struct ss_err *err)
{
	const bool v6 = strchr(u->host, ':') != NULL;
	char hex[2 * EP_NONCE_SIZE + 1];
	char request[REQUEST_MAX];
	int n;

	ss_hex((struct ss_span){ nonce, EP_NONCE_SIZE }, hex);
	n = snprintf(request, sizeof(request),
		     "GET /attestation?nonce=%s HTTP/1.1\r\nHost: %s%s%s:%s\r\n"
		     "Accept: application/cbor\r\n\r\n",
		     hex, v6 ? "[" : "", u->host, v6 ? "]" : "", u->port);
	return ep_conn_write(c, (struct ss_span){ (const uint8_t *)request, (size_t)n }, err);
}

static int judge(const struct http_answer *a, struct ss_err *err)
{
	if (a->status >= 300 && a->status < 400)
		return ss_fail(err, SS_EREMOTE,
			       "the endpoint redirects (status %u): another peer's document would "
			       "say nothing of this one",
			       a->status);
	if (a->status != 200)
		return ss_fail(err, SS_EREMOTE, "the endpoint answers with status %u%s", a->status,
			       a->status == 503 ? ": it is busy" : "");
	if (!http_is_nocase(a->type, "application/cbor"))
		return ss_fail(err, SS_EREMOTE, "the answer is not application/cbor");
	if (!a->has_length || a->length == 0 || a->length > EP_MAX_DOCUMENT)
		return ss_fail(err, SS_EREMOTE, "the answer is not of 1 to %zu bytes",
			       EP_MAX_DOCUMENT);
	return 0;
}

/* The head, and behind it what came of the document. */
static int read_head(struct ep_conn *c, struct http_answer *ret, struct ss_buf *document,
		     struct ss_err *err)
{
	uint8_t room[HTTP_HEAD_MAX];
	size_t n = 0, more, size = 0;
	int rc = 0;

	while (rc == 0) {
		if (ep_conn_read(c, room + n, sizeof(room) - n, &more, err) < 0)
			return -1;
		if (more == 0)
			return ss_fail(err, SS_EREMOTE, "the answer ends within its head");
		n += more;
		rc = http_answer_read((struct ss_span){ room, n }, ret, &size, err);
	}
	if (rc < 0) {
		err->code = SS_EREMOTE;
		return -1;
	}
	if (judge(ret, err) < 0)
		return -1;
	ss_buf_put(document, (struct ss_span){ room + size, n - size });
	ret->type = (struct ss_span){ NULL, 0 }; /* lay in the room */
	return 0;
}

static int read_document(struct ep_conn *c, uint64_t length, struct ss_buf *document,
			 struct ss_err *err)
{
	uint8_t block[4096];
	size_t n;

	while (document->n < length) {
		if (ep_conn_read(c, block, sizeof(block), &n, err) < 0)
			return -1;
		if (n == 0)
			return ss_fail(err, SS_EREMOTE, "the answer ends at byte %zu of %" PRIu64,
				       document->n, length);
		ss_buf_put(document, (struct ss_span){ block, n });
		if (document->bad)
			break;
	}
	if (document->bad || document->n > length)
		return ss_fail(err, SS_EREMOTE, "the answer is longer than it says");
	return 0;
}

int ep_fetch(struct ep_conn *c, const struct ep_url *u, struct ep_evidence *ret, struct ss_err *err)
{
	struct http_answer a = { 0 };

	io_entropy(ret->nonce, sizeof(ret->nonce));
	if (ask(c, u, ret->nonce, err) < 0 || read_head(c, &a, &ret->document, err) < 0 ||
	    read_document(c, a.length, &ret->document, err) < 0)
		return ss_ctx(err, "%s port %s", u->host, u->port);
	return 0;
}

void ep_evidence_done(struct ep_evidence *e)
{
	ss_buf_done(&e->document);
}
