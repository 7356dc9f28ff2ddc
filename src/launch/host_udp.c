/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/proxy_header.h"
#include "launch/host_parts.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/*
 * A published UDP port: each client address is a flow, which is a stream to the enclave of its own
 * and ends when it has been idle. When there are too many the longest idle makes room: addresses of
 * datagrams can be forged, so a new one is worth no less than an old one.
 */
#define READS_A_TURN 64

struct host_flow {
	struct grams grams;
	struct loop_timer idle;
	TAILQ_ENTRY(host_flow) list;
	struct host_listener *listener;
	union resolve_addr client;
};

static bool is_same(const union resolve_addr *a, const union resolve_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port &&
		       a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
	       memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

static void end_flow(struct host_flow *f)
{
	struct host *h = f->listener->host;

	loop_cancel(h->o.loop, &f->idle);
	TAILQ_REMOVE(&f->listener->flows, f, list);
	h->n_flows--;
	grams_done(&f->grams);
	free(f);
}

static void on_ended(struct grams *g)
{
	end_flow(LOOP_OWNER(g, struct host_flow, grams));
}

static void on_idle(struct loop_timer *t)
{
	end_flow(LOOP_OWNER(t, struct host_flow, idle));
}

static void touch(struct host_flow *f)
{
	loop_after(f->listener->host->o.loop, &f->idle, HOST_FLOW_IDLE_MS);
	TAILQ_REMOVE(&f->listener->flows, f, list);
	TAILQ_INSERT_TAIL(&f->listener->flows, f, list);
}

static void on_datagram(struct grams *g, struct ss_span s)
{
	struct host_flow *f = LOOP_OWNER(g, struct host_flow, grams);

	/* What the network does not take is lost, as datagrams are. */
	if (sendto(f->listener->io.fd, s.p, s.n, MSG_DONTWAIT, &f->client.sa,
		   resolve_addr_size(&f->client)) >= 0)
		f->listener->host->n.datagrams_out++;
	touch(f);
}

static struct host_flow *find_flow(struct host_listener *l, const union resolve_addr *client)
{
	struct host_flow *f;

	/* The busiest stand at the end. */
	TAILQ_FOREACH_REVERSE(f, &l->flows, host_flow_list, list)
	if (is_same(&f->client, client))
		return f;
	return NULL;
}

/* What leaves first: the header, if the image wants one, and the first datagram. */
static void put_first(const struct host_listener *l, const union resolve_addr *client,
		      struct ss_span datagram, struct ss_buf *b)
{
	union resolve_addr server = { 0 };
	socklen_t n = sizeof(server);

	if (l->port.proxy && getsockname(l->io.fd, &server.sa, &n) == 0)
		host_proxy_header(client, &server, true, b);
	ss_buf_be16(b, (uint16_t)datagram.n);
	ss_buf_put(b, datagram);
}

static void new_flow(struct host_listener *l, const union resolve_addr *client, struct ss_span s)
{
	struct host *h = l->host;
	AUTO_BUF struct ss_buf first = SS_BUF_INIT(PROXY_HEADER_MAX + 2 + (size_t)GRAM_MAX);
	struct ss_err err = { 0 };
	struct host_flow *f;
	int fd;

	if (h->n_flows == HOST_MAX_FLOWS) {
		h->n.flows_refused++;
		if (TAILQ_EMPTY(&l->flows))
			return; /* another port's clients have them all */
		end_flow(TAILQ_FIRST(&l->flows));
	}
	fd = h->o.machine->ops->dial(h->o.machine, FRAME_PORT_UDP + l->port.to, &err);
	if (fd < 0)
		return;
	put_first(l, client, s, &first);
	f = ss_calloc(1, sizeof(*f));
	f->client = *client;
	f->listener = l;
	f->idle.on = on_idle;
	f->grams.datagram = on_datagram;
	f->grams.ended = on_ended;
	if (grams_start(&f->grams, h->o.loop, fd, ss_buf_span(&first), &err) < 0) {
		free(f);
		return;
	}
	h->n.flows++;
	h->n_flows++;
	TAILQ_INSERT_TAIL(&l->flows, f, list);
	touch(f);
}

void host_udp_event(struct host_listener *l)
{
	struct host *h = l->host;

	for (int i = 0; i < READS_A_TURN; i++) {
		union resolve_addr client = { 0 };
		socklen_t size = sizeof(client);
		const ssize_t n =
			recvfrom(l->io.fd, h->datagram, GRAM_MAX, MSG_DONTWAIT, &client.sa, &size);
		const struct ss_span s = { h->datagram, n > 0 ? (size_t)n : 0 };
		struct host_flow *f;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* also what came back for a datagram of ours */
		h->n.datagrams_in++;
		f = find_flow(l, &client);
		if (f == NULL) {
			new_flow(l, &client, s);
		} else {
			grams_send(&f->grams, s);
			touch(f);
		}
	}
}

void host_udp_done(struct host_listener *l)
{
	struct host_flow *f;

	while ((f = TAILQ_FIRST(&l->flows)) != NULL)
		end_flow(f);
}
