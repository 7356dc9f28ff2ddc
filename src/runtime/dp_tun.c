/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_tun.h"

#include "runtime/dp.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define DNS_PORT 53u

int dp_tun_init(struct dp *d, int fd, struct ss_err *err)
{
	struct dp_tun *t = &d->tun;
	const int flags = fcntl(fd, F_GETFL);

	t->w = (struct dp_watch){ .fd = fd, .kind = DP_K_TUN };
	t->own[0] = dp_addr_text(PLANE_NET_OWN4);
	t->own[1] = dp_addr_text(PLANE_NET_OWN6);
	t->resolver[0] = dp_addr_text(PLANE_NET_RESOLVER4);
	t->resolver[1] = dp_addr_text(PLANE_NET_RESOLVER6);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    !dp_watch_set(&d->loop, &t->w, EPOLLIN))
		return ss_fail_sys(err, "the TUN device");
	return 0;
}

bool dp_tun_is_resolver(const struct dp_tun *t, const struct dp_place *p)
{
	return p->port == DNS_PORT &&
	       (dp_addr_is(&p->addr, &t->resolver[0]) || dp_addr_is(&p->addr, &t->resolver[1]));
}

void dp_tun_write(struct dp *d, const uint8_t *p, size_t n)
{
	/* The device takes all or nothing; what is lost, TCP repeats. */
	if (write(d->tun.w.fd, p, n) != (ssize_t)n)
		d->tun.lost++;
}

void dp_tun_datagram(struct dp *d, const struct dp_place *src, const struct dp_place *dst,
		     struct ss_span body)
{
	uint8_t head[DP_PACKET_UDP_HEAD];
	const size_t n = dp_packet_udp(src, dst, body, head);
	const struct iovec v[2] = { { head, n }, dp_iov(body) };

	if (n == 0 || writev(d->tun.w.fd, v, 2) != (ssize_t)(n + body.n))
		d->tun.lost++;
}

void dp_tun_refuse(struct dp *d, const struct dp_packet *k, enum dp_packet_kind kind,
		   enum dp_unreachable why)
{
	static uint8_t answer[DP_PACKET_ICMP];

	if (kind == DP_P_TCP && (k->tcp_flags & DP_TCP_RST) != 0)
		return;
	dp_tun_write(d, answer,
		     kind == DP_P_TCP ? dp_packet_reset(k, answer)
				      : dp_packet_unreachable(k, why, answer));
}

static bool is_own(const struct dp_tun *t, const struct dp_addr *a)
{
	return dp_addr_is(a, &t->own[0]) || dp_addr_is(a, &t->own[1]);
}

/* To a group or to all: the kernel itself looks for routers and announces itself. */
static bool is_group(const struct dp_addr *a)
{
	return a->n == 4 ? a->a[0] >> 4 == 14 : a->a[0] == 0xff;
}

static void take(struct dp *d, size_t n)
{
	struct dp_packet k;
	const enum dp_packet_kind kind = dp_packet_read(d->tun.packet, n, &k);
	char addr[DP_ADDR_TEXT];

	d->tun.packets++;
	if (kind == DP_P_BAD) {
		d->tun.bad++;
		return;
	}
	if (!is_own(&d->tun, &k.src.addr) || is_group(&k.dst.addr))
		return;
	switch (kind) {
	case DP_P_TCP:
		dp_tcp_packet(d, &k);
		break;
	case DP_P_UDP:
		dp_udp_packet(d, &k);
		break;
	case DP_P_OTHER:
		dp_refused(d, DP_W_KIND, "a packet to %s", dp_addr_show(&k.dst.addr, addr));
		dp_tun_refuse(d, &k, kind, DP_U_PROHIBITED);
		break;
	case DP_P_BAD:
		break;
	}
}

void dp_tun_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	(void)events;
	for (unsigned i = 0; i < DP_TURN_PACKETS; i++) {
		const ssize_t n = read(w->fd, d->tun.packet, sizeof(d->tun.packet));

		if (n <= 0)
			return;
		take(d, (size_t)n);
	}
}
