/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_secret.h"

#include "fmt/http_head.h"

#include <stdio.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define REQUEST_MAX ((size_t)512) /* the longest names of both take two thirds of it */

bool ep_secret_is_name(const char *name)
{
	const size_t n = strlen(name);

	return n > 0 && n <= EP_SECRET_NAME_MAX && strspn(name, LETTERS) > 0 &&
	       strspn(name, LETTERS "0123456789") == n;
}

static int put(struct ep_conn *c, const struct ep_url *u, const char *name, struct ss_span value,
	       struct ss_err *err)
{
	const bool v6 = strchr(u->host, ':') != NULL;
	char head[REQUEST_MAX];
	const int n = snprintf(head, sizeof(head),
			       "PUT /secrets/%s HTTP/1.1\r\nHost: %s%s%s:%s\r\n"
			       "Content-Length: %zu\r\n\r\n",
			       name, v6 ? "[" : "", u->host, v6 ? "]" : "", u->port, value.n);

	if (ep_conn_write(c, (struct ss_span){ (const uint8_t *)head, (size_t)n }, err) < 0)
		return -1;
	return ep_conn_write(c, value, err);
}

static int judge(const struct http_answer *a, const char *name, struct ss_err *err)
{
	switch (a->status) {
	case 204:
		return 0;
	case 403:
		return ss_fail(err, SS_EREMOTE,
			       "the enclave does not take '%s' from this sender: its "
			       "configuration names another, or no such secret",
			       name);
	case 409:
		return ss_fail(err, SS_EREMOTE, "the enclave has '%s' since it began", name);
	default:
		return ss_fail(err, SS_EREMOTE, "the enclave answers '%s' with status %u", name,
			       a->status);
	}
}

/* An answer without a body, and nothing behind it: one question has one answer. */
static int read_answer(struct ep_conn *c, const char *name, struct ss_err *err)
{
	uint8_t room[HTTP_HEAD_MAX];
	struct http_answer a = { 0 };
	size_t n = 0, more, size = 0;
	int rc = 0;

	while (rc == 0) {
		if (ep_conn_read(c, room + n, sizeof(room) - n, &more, err) < 0)
			return -1;
		if (more == 0)
			return ss_fail(err, SS_EREMOTE, "the answer ends within its head");
		n += more;
		rc = http_answer_read((struct ss_span){ room, n }, &a, &size, err);
	}
	if (rc < 0) {
		err->code = SS_EREMOTE;
		return -1;
	}
	if (n > size || a.length > 0)
		return ss_fail(err, SS_EREMOTE, "the answer has a body");
	return judge(&a, name, err);
}

int ep_secret_send(const struct att_verified *yes, struct ep_conn *c, const struct ep_url *u,
		   const char *name, struct ss_span value, struct ss_err *err)
{
	const struct ss_span proven = att_verified_doc(yes)->public_key, seen = ep_conn_spki(c);

	if (proven.n != seen.n || memcmp(proven.p, seen.p, seen.n) != 0)
		return ss_fail(err, SS_EVERIFY, "the document binds another key");
	if (put(c, u, name, value, err) < 0 || read_answer(c, name, err) < 0)
		return ss_ctx(err, "%s port %s", u->host, u->port);
	return 0;
}
