/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/proxy_header.h"
#include "launch/host_parts.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ACCEPTS_A_TURN 64
#define AGAIN_MS 100u

/* The address as PROXY has it: IPv4 where it is one, also in IPv6's clothes. */
static uint8_t put_addr(const union resolve_addr *a, uint8_t to[16], uint16_t *port)
{
	if (a->sa.sa_family == AF_INET) {
		memcpy(to, &a->v4.sin_addr, 4);
		*port = ntohs(a->v4.sin_port);
		return 4;
	}
	*port = ntohs(a->v6.sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
		memcpy(to, a->v6.sin6_addr.s6_addr + 12, 4);
		return 4;
	}
	memcpy(to, a->v6.sin6_addr.s6_addr, 16);
	return 16;
}

void host_proxy_header(const union resolve_addr *client, const union resolve_addr *server, bool udp,
		       struct ss_buf *b)
{
	struct proxy_header h = { .is_udp = udp };

	h.n_addr = put_addr(client, h.client, &h.client_port);
	/* Both ends of one connection have one family, but a socket for datagrams of any address
	 * does not say where one arrived. */
	if (put_addr(server, h.server, &h.server_port) != h.n_addr)
		memset(h.server, 0, sizeof(h.server));
	proxy_header_write(&h, b);
}

static void take_client(struct host_listener *l, int fd)
{
	struct host *h = l->host;
	uint8_t raw[PROXY_HEADER_MAX];
	struct ss_buf header = SS_BUF_OVER(raw);
	struct relay_pair pair = { .outside = fd, .connecting = true };
	union resolve_addr client = { 0 }, server = { 0 };
	socklen_t n_client = sizeof(client), n_server = sizeof(server);
	struct ss_err err = { 0 };
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (getpeername(fd, &client.sa, &n_client) != 0 ||
	    getsockname(fd, &server.sa, &n_server) != 0 || relay_set_is_full(&h->relays)) {
		h->n.accept_refused++;
		(void)close(fd);
		return;
	}
	if (l->port.proxy)
		host_proxy_header(&client, &server, false, &header);
	pair.first = ss_buf_span(&header);
	pair.enclave = h->o.machine->ops->dial(h->o.machine, l->port.to, &err);
	if (pair.enclave < 0) {
		h->n.accept_refused++;
		(void)close(fd);
		return;
	}
	h->n.accepted++;
	if (relay_start(&h->relays, &pair, &err) < 0)
		h->n.accept_refused++;
}

static void on_again(struct loop_timer *t)
{
	struct host_listener *l = LOOP_OWNER(t, struct host_listener, again);

	loop_want(l->host->o.loop, &l->io, EPOLLIN);
}

static void on_tcp(struct host_listener *l)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		const int fd = accept4(l->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			take_client(l, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* They wait in the queue; asking again at once would be a busy loop. */
			loop_want(l->host->o.loop, &l->io, 0);
			loop_after(l->host->o.loop, &l->again, AGAIN_MS);
		}
		return;
	}
}

static void on_io(struct loop_fd *f, uint32_t events)
{
	struct host_listener *l = LOOP_OWNER(f, struct host_listener, io);

	(void)events;
	if (l->port.udp)
		host_udp_event(l);
	else
		on_tcp(l);
}

int host_ingress_start(struct host *h, struct ss_err *err)
{
	h->listeners = ss_calloc(h->o.n_ports > 0 ? h->o.n_ports : 1, sizeof(*h->listeners));
	for (size_t i = 0; i < h->o.n_ports; i++) {
		struct host_listener *l = &h->listeners[i];

		*l = (struct host_listener){ .io = { .fd = h->o.ports[i].fd, .on = on_io },
					     .again.on = on_again,
					     .host = h,
					     .port = h->o.ports[i] };
		TAILQ_INIT(&l->flows);
	}
	for (size_t i = 0; i < h->o.n_ports; i++)
		if (loop_add(h->o.loop, &h->listeners[i].io, EPOLLIN, err) < 0)
			return -1;
	return 0;
}

void host_ingress_done(struct host *h)
{
	for (size_t i = 0; h->listeners != NULL && i < h->o.n_ports; i++) {
		struct host_listener *l = &h->listeners[i];

		host_udp_done(l);
		loop_remove(h->o.loop, &l->io);
		loop_cancel(h->o.loop, &l->again);
		(void)close(l->io.fd);
	}
	free(TAKE_PTR(h->listeners));
}
