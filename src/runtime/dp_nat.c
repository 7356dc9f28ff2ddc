/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_nat.h"

#include "runtime/plane_net.h"

#include <string.h>

#define FIRST_USE 1024u
#define PEERS4_BITS 16u
#define PEERS6_BITS 64u

static size_t family(const struct dp_addr *a)
{
	return a->n == 4 ? 0 : 1;
}

void dp_nat_init(struct dp_loop *l, struct dp_nat *n, uint64_t seed,
		 void (*linger_expired)(struct dp *d, struct dp_timer *t))
{
	n->own[0] = (struct dp_place){ dp_addr_text(PLANE_NET_OWN4), PLANE_NET_PORT };
	n->own[1] = (struct dp_place){ dp_addr_text(PLANE_NET_OWN6), PLANE_NET_PORT };
	n->peers[0] = dp_addr_text(PLANE_NET_FLOWS4);
	n->peers[1] = dp_addr_text(PLANE_NET_FLOWS6);
	n->seed = seed;
	memset(n->heads, 0xff, sizeof(n->heads)); /* DP_NONE */
	dp_slots_init(l, &n->slots, n->flows, sizeof(n->flows[0]), n->next, DP_MAX_FLOWS);
	dp_timers_init(l, &n->linger, DP_LINGER_MS, linger_expired);
}

static uint32_t *head_of(struct dp_nat *n, const struct dp_place *app,
			 const struct dp_place *remote)
{
	const uint64_t h = dp_place_hash(dp_place_hash(n->seed, app), remote);

	return &n->heads[h & (DP_MAX_FLOWS - 1)];
}

struct dp_flow *dp_nat_find(struct dp_nat *n, const struct dp_place *app,
			    const struct dp_place *remote)
{
	for (uint32_t i = *head_of(n, app, remote); i != DP_NONE; i = n->flows[i].chain)
		if (dp_place_is(&n->flows[i].remote, remote) && dp_place_is(&n->flows[i].app, app))
			return &n->flows[i];
	return NULL;
}

bool dp_nat_is_peer(const struct dp_nat *n, const struct dp_addr *a)
{
	return dp_addr_in(a, &n->peers[family(a)], a->n == 4 ? PEERS4_BITS : PEERS6_BITS);
}

struct dp_flow *dp_nat_by_peer(struct dp_nat *n, const struct dp_place *peer)
{
	const size_t last = peer->addr.n - 2u;
	const uint32_t i = (uint32_t)peer->addr.a[last] << 8 | peer->addr.a[last + 1];
	struct dp_flow *f;

	if (!dp_nat_is_peer(n, &peer->addr) || i >= DP_MAX_FLOWS)
		return NULL;
	f = &n->flows[i];
	if (f->state == DP_F_FREE || f->use != peer->port || f->remote.addr.n != peer->addr.n)
		return NULL;
	return f;
}

struct dp_place dp_nat_peer(const struct dp_nat *n, const struct dp_flow *f)
{
	struct dp_place p = { n->peers[family(&f->remote.addr)], f->use };
	const uint32_t i = dp_slots_index(&n->slots, f);

	p.addr.a[p.addr.n - 2] = (uint8_t)(i >> 8);
	p.addr.a[p.addr.n - 1] = (uint8_t)i;
	return p;
}

struct dp_flow *dp_nat_new(struct dp_nat *n, const struct dp_place *app,
			   const struct dp_place *remote)
{
	struct dp_timer *oldest = dp_timers_first(&n->linger);
	struct dp_flow *f = dp_slots_take(&n->slots);
	uint32_t *head;

	/* No watch points to a slot of these, so it may be used again at once. */
	if (f == NULL && oldest != NULL) {
		dp_nat_forget(n, DP_OWNER(oldest, struct dp_flow, timer));
		dp_slots_settle(&n->slots);
		f = dp_slots_take(&n->slots);
	}
	if (f == NULL)
		return NULL;
	head = head_of(n, app, remote);
	f->timer = (struct dp_timer){ .prev = NULL };
	f->app = *app;
	f->remote = *remote;
	f->state = DP_F_HELD;
	f->use = f->use < FIRST_USE || f->use == UINT16_MAX ? FIRST_USE : (uint16_t)(f->use + 1);
	f->owner = DP_NONE;
	f->chain = *head;
	*head = dp_slots_index(&n->slots, f);
	return f;
}

void dp_nat_forget(struct dp_nat *n, struct dp_flow *f)
{
	const uint32_t i = dp_slots_index(&n->slots, f);
	uint32_t *at = head_of(n, &f->app, &f->remote);

	while (*at != i)
		at = &n->flows[*at].chain;
	*at = f->chain;
	dp_timer_stop(&f->timer);
	f->state = DP_F_FREE;
	dp_slots_give(&n->slots, f);
}

void dp_nat_linger(struct dp_loop *l, struct dp_nat *n, struct dp_flow *f)
{
	f->state = DP_F_LINGER;
	f->owner = DP_NONE;
	dp_timer_set(l, &n->linger, &f->timer);
}

void dp_nat_inwards(const struct dp_nat *n, const struct dp_flow *f, struct dp_packet *k)
{
	const struct dp_place peer = dp_nat_peer(n, f);

	dp_packet_turn(k, &peer, &n->own[family(&f->remote.addr)]);
}

void dp_nat_outwards(const struct dp_flow *f, struct dp_packet *k)
{
	dp_packet_turn(k, &f->remote, &f->app);
}
