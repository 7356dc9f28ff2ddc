/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_listen.h"

#include "base/cur.h"
#include "base/mem.h"
#include "base/show.h"

#include <arpa/inet.h>
#include <string.h>

#define BACKLOG 128

/* "8443", "0". */
static bool read_port(const char *text, in_port_t *ret)
{
	const size_t n = strspn(text, "0123456789");
	unsigned port = 0;

	if (n == 0 || n > 5 || text[n] != '\0' || (n > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	*ret = htons((uint16_t)port);
	return port <= UINT16_MAX;
}

static bool read_v4(const char *host, const char *port, struct ep_listen *ret)
{
	struct sockaddr_in *a = &ret->v4;

	a->sin_family = AF_INET;
	ret->n = sizeof(*a);
	return inet_pton(AF_INET, host, &a->sin_addr) == 1 &&
	       ntohl(a->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET && read_port(port, &a->sin_port);
}

static bool read_v6(const char *host, const char *port, struct ep_listen *ret)
{
	struct sockaddr_in6 *a = &ret->v6;

	a->sin6_family = AF_INET6;
	ret->n = sizeof(*a);
	return inet_pton(AF_INET6, host, &a->sin6_addr) == 1 &&
	       IN6_IS_ADDR_LOOPBACK(&a->sin6_addr) && read_port(port, &a->sin6_port);
}

int ep_listen_read(const char *text, struct ep_listen *ret, struct ss_err *err)
{
	const bool brackets = text[0] == '[';
	const char *end = strrchr(text, brackets ? ']' : ':');
	const size_t n = end != NULL ? (size_t)(end - text) - brackets : 0;
	char host[INET6_ADDRSTRLEN] = "";
	const struct ss_span shown = { (const uint8_t *)text, strlen(text) };
	struct ep_listen l = { 0 };
	bool good = n > 0 && n < sizeof(host);

	if (good) {
		memcpy(host, text + brackets, n);
		good = brackets ? end[1] == ':' && read_v6(host, end + 2, &l)
				: read_v4(host, end + 1, &l);
	}
	if (!good)
		return ss_fail(err, SS_EUSAGE,
			       "'%s' is not an address of this machine alone and a port, as in "
			       "127.0.0.1:8443",
			       SS_SHOW(shown));
	*ret = l;
	return 0;
}

static void put_where(const struct ep_listen *l, char where[EP_WHERE_MAX])
{
	char host[INET6_ADDRSTRLEN] = "";

	if (l->any.sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &l->v4.sin_addr, host, sizeof(host));
		(void)snprintf(where, EP_WHERE_MAX, "%s:%u", host, ntohs(l->v4.sin_port));
		return;
	}
	(void)inet_ntop(AF_INET6, &l->v6.sin6_addr, host, sizeof(host));
	(void)snprintf(where, EP_WHERE_MAX, "[%s]:%u", host, ntohs(l->v6.sin6_port));
}

int ep_listen_open(const struct ep_listen *l, int *ret_fd, char where[EP_WHERE_MAX],
		   struct ss_err *err)
{
	AUTO_CLOSE int fd = socket(l->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ep_listen became = { .n = sizeof(became.v6) };
	const int on = 1;

	put_where(l, where);
	if (fd < 0)
		return ss_fail_sys(err, "no socket");
	/* A port of connections that have ended is free; one that somebody listens on is not. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &l->any, l->n) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, &became.any, &became.n) != 0)
		return ss_fail_sys(err, "cannot listen on %s", where);
	put_where(&became, where);
	*ret_fd = ss_take_fd(&fd);
	return 0;
}
