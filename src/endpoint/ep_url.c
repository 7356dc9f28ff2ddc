/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_url.h"

#include "base/show.h"
#include "fmt/egress.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "https://"
#define MAX_PORT 65535u

static struct ss_span span_of(const char *s, size_t n)
{
	return (struct ss_span){ (const uint8_t *)s, n };
}

bool ep_is_url(const char *text)
{
	return strstr(text, "://") != NULL;
}

static void put_host(const char *p, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + ('a' - 'A') : p[i]);
	ret[n] = '\0';
}

/* *p stands behind the host. False: it is none. */
static bool read_host(const char **p, struct ep_url *u)
{
	const bool brackets = **p == '[';
	const char *begin = *p + brackets;
	const size_t n = strcspn(begin, brackets ? "]" : ":/?#@");
	uint8_t addr[16];

	if (n == 0 || n > EP_MAX_HOST || (brackets && begin[n] != ']'))
		return false;
	put_host(begin, n, u->host);
	*p = begin + n + brackets;
	u->is_address = inet_pton(brackets ? AF_INET6 : AF_INET, u->host, addr) == 1;
	return u->is_address || (!brackets && egress_is_name(span_of(u->host, n)));
}

/* ":8443", "" or "/": what follows the host. */
static bool read_rest(const char *p, struct ep_url *u)
{
	unsigned port = 0;
	size_t n = 0;

	(void)snprintf(u->port, sizeof(u->port), "443");
	if (*p == ':') {
		for (p++; n < 5 && *p >= '0' && *p <= '9'; n++)
			port = port * 10 + (unsigned)(*p++ - '0');
		if (port == 0 || port > MAX_PORT)
			return false;
		(void)snprintf(u->port, sizeof(u->port), "%u", port);
	}
	return *p == '\0' || strcmp(p, "/") == 0;
}

int ep_url_read(const char *text, struct ep_url *ret, struct ss_err *err)
{
	const char *p = text + strlen(SCHEME);
	struct ep_url u = { 0 };

	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0 || !read_host(&p, &u) || !read_rest(p, &u))
		return ss_fail(err, SS_EUSAGE, "'%s' is not https://NAME[:PORT]",
			       SS_SHOW(span_of(text, strlen(text))));
	*ret = u;
	return 0;
}
