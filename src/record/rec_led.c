/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "base/text.h"
#include "fmt/dns.h"
#include "fmt/tls_hello.h"
#include "io/address.h"
#include "io/clock.h"
#include "io/dial.h"
#include "record/rec_parts.h"
#include "record/rec_reach.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define FIRST_BYTES_S 30 /* who waits for the other side to begin speaks no HTTP */
#define DIAL_MS 30000u
#define PIPE_SIZE 65536u
#define SHOWN 24u /* of the first bytes */

/*
 * A connection that was led here: where it was to go says its own address, what it is say its first
 * bytes. TLS by the name in its hello, HTTP by its Host; what is neither is refused by name.
 */

struct led {
	struct rec_conn *c;
	char where[REC_WHERE_MAX]; /* the name that was looked up, or the address */
	unsigned port;
	uint8_t first[TLS_HELLO_MAX];
	size_t n;
};

static bool refuse(struct led *l, const char *why)
{
	const struct linger now = { 1, 0 };
	char line[REC_WHERE_MAX + SS_ERR_MSG_MAX];

	(void)snprintf(line, sizeof(line), "tcp %s:%u: refused: %s", l->where, l->port, why);
	rec_refused(l->c->r, line);
	rec_count_failure(l->c);
	/* A reset, as from where nobody listens. */
	(void)setsockopt(l->c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return false;
}

static bool read_where(struct led *l)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in6 a6;
	struct sockaddr_in a;
	uint8_t address[16] = { [10] = 0xff, 0xff };
	socklen_t n = sizeof(s);

	if (getsockname(l->c->fd, (struct sockaddr *)&s, &n) < 0)
		return false;
	if (s.ss_family == AF_INET6) {
		memcpy(&a6, &s, sizeof(a6));
		memcpy(address, &a6.sin6_addr, sizeof(address));
		l->port = ntohs(a6.sin6_port);
	} else {
		memcpy(&a, &s, sizeof(a));
		memcpy(address + 12, &a.sin_addr, 4);
		l->port = ntohs(a.sin_port);
	}
	rec_names_where(rec_names_in(l->c->r), address, l->where);
	return true;
}

/* --- names over TCP ------------------------------------------------------------------------------
 */

static bool have(struct rec_conn *c, size_t n)
{
	while (rec_conn_have(c).n < n)
		if (!rec_conn_more(c))
			return false;
	return true;
}

static bool tell_names(struct rec_conn *c)
{
	while (have(c, 2)) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)DNS_MAX_MESSAGE + 2);
		struct ss_cur cur = ss_cur_init(rec_conn_have(c));
		const size_t n = ss_cur_be16(&cur);

		if (n > DNS_MAX_MESSAGE || !have(c, n + 2))
			return false;
		ss_buf_be16(&b, 0);
		if (!rec_names_answer(rec_names_in(c->r),
				      (struct ss_span){ rec_conn_have(c).p + 2, n }, &b))
			return false;
		b.p[0] = (uint8_t)((b.n - 2) >> 8);
		b.p[1] = (uint8_t)(b.n - 2);
		rec_conn_take(c, n + 2);
		if (!rec_conn_put(c, ss_buf_span(&b)))
			return false;
	}
	return false;
}

/* --- what is listed ------------------------------------------------------------------------------
 */

static bool is_listed(const struct led *l)
{
	const struct cfg_texts *raw = rec_config_of(l->c->r)->raw;
	char name[REC_WHERE_MAX + 8];

	(void)snprintf(name, sizeof(name), "%s:%u", l->where, l->port);
	for (size_t i = 0; raw != NULL && i < raw->n; i++)
		if (strcmp(raw->v[i], name) == 0)
			return true;
	return false;
}

/* One direction, as far as it goes without waiting: false at its end. */
static bool pass(int from, int to)
{
	uint8_t block[PIPE_SIZE];
	const ssize_t n = recv(from, block, sizeof(block), 0);

	if (n <= 0) {
		(void)shutdown(to, SHUT_WR);
		return false;
	}
	for (ssize_t done = 0; done < n;) {
		struct pollfd p = { to, POLLOUT, 0 };
		ssize_t put;

		if (poll(&p, 1, -1) < 0)
			return false;
		put = send(to, block + done, (size_t)(n - done), MSG_NOSIGNAL);
		if (put <= 0)
			return false;
		done += put;
	}
	return true;
}

/* What is listed is passed on, but also so no name may come to mean this machine. */
static int check_peer(const struct led *l, int fd, struct ss_err *err)
{
	char where[REC_WHERE_MAX + 8];
	struct sockaddr_storage s = { 0 };
	socklen_t n = sizeof(s);
	uint8_t address[16];
	uint16_t port;

	(void)snprintf(where, sizeof(where), "%s:%u", l->where, l->port);
	if (getpeername(fd, (struct sockaddr *)&s, &n) < 0 ||
	    !io_address_of((const struct sockaddr *)&s, n, address, &port))
		return ss_fail(err, SS_ESYS, "nobody knows who took the connection");
	return rec_reach_check(rec_config_of(l->c->r)->local, where, address, err);
}

static bool relay(struct led *l)
{
	AUTO_CLOSE int out = -1;
	struct ss_err err = { 0 };
	char port[8], line[REC_WHERE_MAX + 64];
	struct pollfd p[2];

	(void)snprintf(port, sizeof(port), "%u", l->port);
	if (io_dial(l->where, port, io_clock_steady_ms() + DIAL_MS, &out, &err) < 0 ||
	    check_peer(l, out, &err) < 0)
		return refuse(l, err.msg);
	(void)snprintf(line, sizeof(line), "tcp %s:%u: passed on and not recorded: it is listed",
		       l->where, l->port);
	rec_refused(l->c->r, line);
	p[0] = (struct pollfd){ l->c->fd, POLLIN, 0 };
	p[1] = (struct pollfd){ out, POLLIN, 0 };
	while ((p[0].fd >= 0 || p[1].fd >= 0) && !rec_is_stopping(l->c->r)) {
		if (poll(p, 2, 1000) < 0)
			break;
		if (p[0].revents != 0 && !pass(l->c->fd, out))
			p[0].fd = -1;
		if (p[1].revents != 0 && !pass(out, l->c->fd))
			p[1].fd = -1;
		p[0].revents = p[1].revents = 0;
	}
	return false;
}

/* --- the first bytes -----------------------------------------------------------------------------
 */

/* Nothing wakes a reader before so many bytes are there, however few it asked for. */
static bool wait_for(struct led *l, size_t bytes)
{
	const int low = (int)bytes;

	return setsockopt(l->c->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) == 0;
}

/* Looks at more of them than before, without taking any. */
static bool more(struct led *l)
{
	ssize_t n;

	if (l->n == sizeof(l->first) || !wait_for(l, l->n + 1))
		return false;
	n = recv(l->c->fd, l->first, sizeof(l->first), MSG_PEEK);
	if (!wait_for(l, 1) || n <= (ssize_t)l->n)
		return false;
	l->n = (size_t)n;
	return true;
}

enum look { LOOK_MORE, LOOK_HTTP, LOOK_OTHER };

/* A word in capitals, a blank, and what a target begins with. */
static enum look look_http(struct ss_span in)
{
	size_t n = 0;

	while (n < in.n && n < 16 && in.p[n] >= 'A' && in.p[n] <= 'Z')
		n++;
	if (n == in.n || (n >= 3 && n + 1 == in.n && in.p[n] == ' '))
		return n < 16 ? LOOK_MORE : LOOK_OTHER;
	return n >= 3 && in.p[n] == ' ' && strchr("/*h", in.p[n + 1]) != NULL && in.p[n + 1] != 0
		       ? LOOK_HTTP
		       : LOOK_OTHER;
}

static bool begin_tls(struct led *l, struct ss_span name)
{
	char where[REC_WHERE_MAX + 8], host[256];
	struct ss_err err = { 0 };

	if (name.n > 253 || (name.p != NULL && memchr(name.p, 0, name.n) != NULL))
		return refuse(l, "TLS for what is no name");
	if (name.p != NULL)
		(void)snprintf(where, sizeof(where), "%.*s:%u", (int)name.n, (const char *)name.p,
			       l->port);
	else
		(void)snprintf(where, sizeof(where), "%s:%u", l->where, l->port);
	if (rec_origin_set(l->c, ss_text(where), host, &err) < 0)
		return refuse(l, err.msg);
	l->c->tls = rec_tls_accept(rec_authority_of(l->c->r), host, l->c->fd, &err);
	return l->c->tls != NULL || refuse(l, err.msg);
}

static bool begin_http(struct led *l)
{
	char where[REC_WHERE_MAX + 8];

	if (ss_begins((struct ss_span){ l->first, l->n }, "PRI "))
		return refuse(l, "HTTP/2 without TLS");
	(void)snprintf(where, sizeof(where), l->port == 80 ? "%s" : "%s:%u", l->where, l->port);
	cfg_text_set(&l->c->where, where);
	return true;
}

static bool say_other(struct led *l)
{
	const struct ss_span shown = { l->first, l->n < SHOWN ? l->n : SHOWN };
	char why[160];

	(void)snprintf(why, sizeof(why), "neither HTTP nor TLS: it begins with '%s'",
		       SS_SHOW(shown));
	return refuse(l, why);
}

static bool judge(struct led *l)
{
	uint8_t scratch[TLS_HELLO_MAX];
	struct ss_span name = { NULL, 0 };

	while (more(l)) {
		const struct ss_span in = { l->first, l->n };

		switch (tls_hello_look(in, scratch, &name)) {
		case TLS_HELLO_MORE:
			continue;
		case TLS_HELLO_NAME:
			return begin_tls(l, name);
		case TLS_HELLO_NO_NAME:
			return begin_tls(l, (struct ss_span){ NULL, 0 });
		case TLS_HELLO_BROKEN:
		case TLS_HELLO_TOO_LONG:
			return refuse(l, "TLS that is not in order");
		case TLS_HELLO_NOT_TLS:
			break;
		}
		switch (look_http(in)) {
		case LOOK_MORE:
			continue;
		case LOOK_HTTP:
			return begin_http(l);
		case LOOK_OTHER:
			return say_other(l);
		}
	}
	if (l->n > 0)
		return say_other(l);
	return refuse(l, "it says nothing, so it is neither HTTP nor TLS");
}

bool rec_led(struct rec_conn *c)
{
	const unsigned first_s = rec_config_of(c->r)->first_s;
	const struct timeval patience = { .tv_sec = first_s > 0 ? first_s : FIRST_BYTES_S };
	AUTO_FREE struct led *l = ss_calloc(1, sizeof(*l));
	bool ok;

	l->c = c;
	if (!read_where(l))
		return false;
	if (l->port == 53)
		return tell_names(c);
	if (is_listed(l))
		return relay(l);
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ok = judge(l);
	rec_patience(c->fd);
	return ok;
}
