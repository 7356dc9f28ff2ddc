/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/tls_hello.h"

#include <string.h>

#define RECORD_HEAD 5u
#define RECORD_HANDSHAKE 22u
#define RECORD_MAX 16384u
#define MESSAGE_HEAD 4u
#define CLIENT_HELLO 1u
#define SERVER_NAME 0u
#define HOST_NAME 0u
#define MAJOR 3u /* of every version from SSL 3 to TLS 1.3 */

/* --- the message -------------------------------------------------------------------------------
 */

/* A span behind its own length of 1 or 2 bytes. */
static struct ss_span take_counted(struct ss_cur *c, size_t width)
{
	return ss_cur_take(c, width == 1 ? ss_cur_u8(c) : ss_cur_be16(c));
}

/* RFC 6066 §3: a list with one name of the one type there is. */
static bool read_server_name(struct ss_span in, struct ss_span *ret)
{
	struct ss_cur c = ss_cur_init(in);
	const uint16_t size = ss_cur_be16(&c);
	uint8_t type;

	if (size != ss_cur_left(&c))
		return false;
	type = ss_cur_u8(&c);
	*ret = take_counted(&c, 2);
	return !c.bad && ss_cur_left(&c) == 0 && type == HOST_NAME && ret->n > 0;
}

static enum tls_hello read_extensions(struct ss_cur *c, struct ss_span *ret)
{
	enum tls_hello found = TLS_HELLO_NO_NAME;
	const uint16_t size = ss_cur_be16(c);

	if (c->bad || size != ss_cur_left(c))
		return TLS_HELLO_BROKEN;
	while (ss_cur_left(c) > 0) {
		const uint16_t type = ss_cur_be16(c);
		const struct ss_span body = take_counted(c, 2);

		if (c->bad)
			return TLS_HELLO_BROKEN;
		if (type != SERVER_NAME)
			continue;
		if (found == TLS_HELLO_NAME || !read_server_name(body, ret))
			return TLS_HELLO_BROKEN;
		found = TLS_HELLO_NAME;
	}
	return found;
}

/* RFC 8446 §4.1.2, and the same in every version before it. */
static enum tls_hello read_message(struct ss_span in, struct ss_span *ret_name)
{
	struct ss_cur c = ss_cur_init(in);
	const uint16_t version = ss_cur_be16(&c);
	struct ss_span random, session, suites, compression;
	struct ss_span name = { NULL, 0 };
	enum tls_hello found;

	random = ss_cur_take(&c, 32);
	session = take_counted(&c, 1);
	suites = take_counted(&c, 2);
	compression = take_counted(&c, 1);
	if (c.bad || random.n != 32 || version >> 8 != MAJOR || session.n > 32 || suites.n < 2 ||
	    suites.n % 2 != 0 || compression.n == 0)
		return TLS_HELLO_BROKEN;
	if (ss_cur_left(&c) == 0)
		return TLS_HELLO_NO_NAME; /* before extensions there were */
	found = read_extensions(&c, &name);
	if (found == TLS_HELLO_NAME)
		*ret_name = name;
	return found;
}

/* --- out of its records ------------------------------------------------------------------------
 */

struct gather {
	uint8_t *to;
	size_t n;
	size_t whole; /* bytes of the message with its head; 0 = not known yet */
};

/* TLS_HELLO_MORE, unless the head of the message says something else. */
static enum tls_hello read_message_head(struct gather *g)
{
	size_t size;

	if (g->n > 0 && g->to[0] != CLIENT_HELLO)
		return TLS_HELLO_BROKEN;
	if (g->n < MESSAGE_HEAD)
		return TLS_HELLO_MORE;
	size = (size_t)g->to[1] << 16 | (size_t)g->to[2] << 8 | g->to[3];
	g->whole = MESSAGE_HEAD + size;
	return RECORD_HEAD + g->whole > TLS_HELLO_MAX ? TLS_HELLO_TOO_LONG : TLS_HELLO_MORE;
}

/* One record, or the part of it that is there. */
static enum tls_hello gather_record(struct ss_cur *c, struct gather *g)
{
	const size_t there = ss_cur_left(c);
	struct ss_span head, body;
	size_t size;

	head = ss_cur_take(c, there < RECORD_HEAD ? there : RECORD_HEAD);
	if ((head.n > 0 && head.p[0] != RECORD_HANDSHAKE) || (head.n > 1 && head.p[1] != MAJOR))
		return TLS_HELLO_BROKEN;
	if (head.n < RECORD_HEAD)
		return TLS_HELLO_MORE;
	size = (size_t)head.p[3] << 8 | head.p[4];
	if (size == 0 || size > RECORD_MAX)
		return TLS_HELLO_BROKEN;
	body = ss_cur_take(c, ss_cur_left(c) < size ? ss_cur_left(c) : size);
	if (body.n > 0)
		memcpy(g->to + g->n, body.p, body.n); /* less than what came in */
	g->n += body.n;
	return read_message_head(g);
}

enum tls_hello tls_hello_look(struct ss_span in, uint8_t *scratch, struct ss_span *ret_name)
{
	const bool full = in.n >= TLS_HELLO_MAX;
	struct gather g = { 0 };
	struct ss_cur c;

	/* The version's second byte may be anything: servers do not look at it either. */
	if ((in.n > 0 && in.p[0] != RECORD_HANDSHAKE) || (in.n > 1 && in.p[1] != MAJOR))
		return TLS_HELLO_NOT_TLS;
	if (full)
		in.n = TLS_HELLO_MAX;
	c = ss_cur_init(in);
	g.to = scratch;
	while (ss_cur_left(&c) > 0) {
		const enum tls_hello seen = gather_record(&c, &g);

		if (seen != TLS_HELLO_MORE)
			return seen;
		if (g.whole > 0 && g.n >= g.whole)
			return read_message(
				(struct ss_span){ scratch + MESSAGE_HEAD, g.whole - MESSAGE_HEAD },
				ret_name);
	}
	return full ? TLS_HELLO_TOO_LONG : TLS_HELLO_MORE;
}
