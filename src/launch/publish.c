/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/publish.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 4096

/* --- reading --------------------------------------------------------------------------------- */

/* The whole of `text[0 … n)` a number up to 65535. */
static bool read_port(const char *text, size_t n, uint16_t *ret)
{
	uint32_t v = 0;

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(text[i] - '0');
	}
	*ret = (uint16_t)v;
	return v <= UINT16_MAX;
}

/* "192.0.2.1" or "[2001:db8::1]". */
static bool read_ip(const char *text, size_t n, uint16_t port, union resolve_addr *ret)
{
	char plain[INET6_ADDRSTRLEN];
	const bool v6 = n >= 2 && text[0] == '[' && text[n - 1] == ']';

	if (v6) {
		text++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(plain))
		return false;
	memcpy(plain, text, n);
	plain[n] = '\0';
	*ret = (union resolve_addr){ 0 };
	if (v6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		return inet_pton(AF_INET6, plain, &ret->v6.sin6_addr) == 1;
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons(port);
	return inet_pton(AF_INET, plain, &ret->v4.sin_addr) == 1;
}

int publish_read(const char *text, struct publish_port *ret, struct ss_err *err)
{
	const char *guest = strrchr(text, ':');
	const char *host;
	uint16_t port;

	*ret = (struct publish_port){ .fd = -1 };
	if (guest == NULL || !read_port(guest + 1, strlen(guest + 1), &ret->to) || ret->to == 0)
		goto bad;
	host = memrchr(text, ':', (size_t)(guest - text));
	ret->any = host == NULL;
	host = host != NULL ? host + 1 : text;
	if (!read_port(host, (size_t)(guest - host), &port))
		goto bad;
	if (ret->any) {
		ret->addr.v6.sin6_family = AF_INET6;
		ret->addr.v6.sin6_port = htons(port);
		return 0;
	}
	if (read_ip(text, (size_t)(host - 1 - text), port, &ret->addr))
		return 0;
bad:
	return ss_fail(err, SS_EUSAGE, "--port: '%s' is not [IP:]HOST:GUEST",
		       SS_SHOW(ss_text(text)));
}

int publish_read_addr(const char *text, const char *default_ip, uint16_t default_port,
		      union resolve_addr *ret, struct ss_err *err)
{
	const char *port = strrchr(text, ':');
	const bool bracket = strchr(text, ']') != NULL && text[strlen(text) - 1] == ']';
	uint16_t v = default_port;

	if (default_port != 0 && (port == NULL || bracket)) {
		if (read_ip(text, strlen(text), v, ret))
			return 0;
	} else if (port == NULL) {
		if (read_port(text, strlen(text), &v) &&
		    read_ip(default_ip, strlen(default_ip), v, ret))
			return 0;
	} else if (read_port(port + 1, strlen(port + 1), &v) &&
		   read_ip(text, (size_t)(port - text), v, ret)) {
		return 0;
	}
	return ss_fail(err, SS_EUSAGE, "'%s' is not an address and a port", SS_SHOW(ss_text(text)));
}

/* --- binding --------------------------------------------------------------------------------- */

uint16_t publish_port_of(const union resolve_addr *addr)
{
	return ntohs(addr->sa.sa_family == AF_INET6 ? addr->v6.sin6_port : addr->v4.sin_port);
}

void publish_show(const union resolve_addr *addr, bool any, char ret[PUBLISH_TEXT])
{
	const bool v6 = addr->sa.sa_family == AF_INET6;
	char text[INET6_ADDRSTRLEN] = "?";

	if (any) {
		(void)snprintf(ret, PUBLISH_TEXT, "*:%u", publish_port_of(addr));
		return;
	}
	(void)inet_ntop(addr->sa.sa_family,
			v6 ? (const void *)&addr->v6.sin6_addr : (const void *)&addr->v4.sin_addr,
			text, sizeof(text));
	(void)snprintf(ret, PUBLISH_TEXT, v6 ? "[%s]:%u" : "%s:%u", text, publish_port_of(addr));
}

static int fail_bind(const union resolve_addr *addr, bool any, bool udp, struct ss_err *err)
{
	const int e = errno;
	char text[PUBLISH_TEXT];

	publish_show(addr, any, text);
	if (e == EADDRINUSE) {
		(void)ss_fail(err, SS_ESYS, "port %u is taken: another program listens at %s (%s)",
			      publish_port_of(addr), text, udp ? "UDP" : "TCP");
		err->hint = "choose another: --port OTHER:GUEST, or 0:GUEST for any that is free";
		return -1;
	}
	errno = e;
	ss_err_set_sys(err, "cannot listen at %s", text);
	if (e == EACCES)
		err->hint = "ports below 1024 need root, or the capability CAP_NET_BIND_SERVICE";
	return -1;
}

static int try_bind(union resolve_addr *addr, bool any, bool udp)
{
	const int type = (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	const int on = 1, off = 0;
	AUTO_CLOSE int fd = socket(addr->sa.sa_family, type, 0);
	socklen_t n = sizeof(*addr);

	if (fd < 0)
		return -1;
	if (addr->sa.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? &off : &on, sizeof(on));
	if (!udp)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &addr->sa, resolve_addr_size(addr)) != 0 ||
	    (!udp && listen(fd, BACKLOG) != 0) || getsockname(fd, &addr->sa, &n) != 0)
		return -1;
	return ss_take_fd(&fd);
}

int publish_bind(union resolve_addr *addr, bool any, bool udp, int *ret_fd, struct ss_err *err)
{
	int fd = try_bind(addr, any, udp);

	if (fd < 0 && any && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		/* A host without IPv6. */
		addr->v4 = (struct sockaddr_in){ .sin_family = AF_INET,
						 .sin_port = addr->v6.sin6_port };
		fd = try_bind(addr, any, udp);
	}
	if (fd < 0)
		return fail_bind(addr, any, udp, err);
	*ret_fd = fd;
	return 0;
}

/* --- all that one --port means --------------------------------------------------------------- */

/* "8080, 443", for the message. */
static void list_ports(const struct facts *f, char *ret, size_t size)
{
	struct mc_list l = f->config.ingress;
	struct mc_ingress in;
	size_t n = 0;

	ret[0] = '\0';
	while (mc_next_ingress(&l, &in) && n + 8 < size)
		n += (size_t)snprintf(ret + n, size - n, "%s%u", n > 0 ? ", " : "", in.port);
}

static int fail_ingress(const struct facts *f, uint16_t port, struct ss_err *err)
{
	char ports[256];

	list_ports(f, ports, sizeof(ports));
	if (ports[0] == '\0')
		return ss_fail(err, SS_EUSAGE, "--port: the image has no ingress at all");
	return ss_fail(err, SS_EUSAGE, "--port: the image has no ingress %u; it has %s", port,
		       ports);
}

static int add(struct publish *p, struct publish_port port, const struct mc_ingress *in,
	       struct ss_err *err)
{
	if (p->n == PUBLISH_MAX)
		return ss_fail(err, SS_ELIMIT, "--port: more than %u", PUBLISH_MAX);
	port.udp = in->udp;
	port.proxy = in->proxy;
	port.attested = in->tls == MC_TLS_ATTESTED;
	if (publish_bind(&port.addr, port.any, port.udp, &port.fd, err) < 0)
		return -1;
	p->v[p->n++] = port;
	return 0;
}

int publish_open(const struct facts *f, const char *text, struct publish *ret, struct ss_err *err)
{
	struct publish_port port;
	struct mc_ingress in = { 0 };
	bool found = false;

	if (publish_read(text, &port, err) < 0)
		return -1;
	if (!f->has_config) /* another's layout: its ports are not known here */
		return add(ret, port, &in, err);
	for (int udp = 0; udp < 2; udp++) {
		if (!facts_ingress(f, port.to, udp != 0, &in))
			continue;
		found = true;
		if (add(ret, port, &in, err) < 0)
			return -1;
	}
	return found ? 0 : fail_ingress(f, port.to, err);
}

void publish_done(struct publish *p)
{
	for (size_t i = 0; i < p->n; i++) {
		ss_closep(&p->v[i].fd);
		p->v[i].fd = -1;
	}
}
