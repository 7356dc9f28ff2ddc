/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_names.h"

#include "runtime/plane_net.h"

#include <string.h>

/* 198.18.16.0 … 198.18.255.255 is 15 times DP_MAX_NAMES. */
#define TURNS4 15u
#define NET4_BITS 16u
#define NET6_BITS 64u

void dp_names_init(struct dp_names *t, uint64_t seed)
{
	t->base[0] = dp_addr_text(PLANE_NET_NAMES4);
	t->base[1] = dp_addr_text(PLANE_NET_NAMES6);
	t->seed = seed;
	t->n = 0;
	memset(t->heads, 0xff, sizeof(t->heads)); /* DP_NONE */
	dp_timers_aside(&t->held, DP_NAME_HOLD_MS);
}

/* FNV-1a from a secret start: an application can only make its own names slow. */
static uint32_t *head_of(struct dp_names *t, struct ss_span name)
{
	uint64_t h = t->seed;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ name.p[i]) * 0x100000001b3u;
	return &t->heads[(h ^ h >> 32) & (DP_MAX_NAMES - 1)];
}

static struct ss_span name_of(const struct dp_name *e)
{
	return (struct ss_span){ (const uint8_t *)e->name, e->n };
}

static uint32_t slot_of(const struct dp_names *t, const struct dp_name *e)
{
	return (uint32_t)(e - t->v);
}

static void unlink_name(struct dp_names *t, const struct dp_name *e)
{
	uint32_t *at = head_of(t, name_of(e));

	while (*at != slot_of(t, e))
		at = &t->v[*at].chain;
	*at = e->chain;
}

/* A slot that was never used, or the one that is free for longest. */
static struct dp_name *take_slot(struct dp_names *t, uint64_t now_ms)
{
	struct dp_timer *i;

	if (t->n < DP_MAX_NAMES) {
		struct dp_name *e = &t->v[t->n++];

		*e = (struct dp_name){ .n = 0 };
		return e;
	}
	for (i = t->held.head.next; i != &t->held.head && i->at_ms <= now_ms; i = i->next) {
		struct dp_name *e = DP_OWNER(i, struct dp_name, timer);

		if (e->uses > 0)
			continue;
		unlink_name(t, e);
		e->turn++;
		return e;
	}
	return NULL;
}

struct dp_name *dp_names_give(struct dp_names *t, struct ss_span name, uint64_t now_ms)
{
	uint32_t *head = head_of(t, name);
	struct dp_name *e = NULL;

	for (uint32_t i = *head; i != DP_NONE && e == NULL; i = t->v[i].chain)
		if (t->v[i].n == name.n && memcmp(t->v[i].name, name.p, name.n) == 0)
			e = &t->v[i];
	if (e == NULL) {
		e = take_slot(t, now_ms);
		if (e == NULL)
			return NULL;
		memcpy(e->name, name.p, name.n);
		e->name[name.n] = '\0';
		e->n = (uint8_t)name.n;
		e->chain = *head;
		*head = slot_of(t, e);
	}
	dp_timer_set_at(&t->held, &e->timer, now_ms + DP_NAME_HOLD_MS);
	return e;
}

struct dp_addr dp_names_addr(const struct dp_names *t, const struct dp_name *name, bool v4)
{
	struct dp_addr a = t->base[v4 ? 0 : 1];
	const uint32_t slot = slot_of(t, name);
	uint32_t v;

	if (v4) {
		v = (uint32_t)a.a[2] << 8 | a.a[3];
		v += name->turn % TURNS4 * DP_MAX_NAMES + slot;
		a.a[2] = (uint8_t)(v >> 8);
		a.a[3] = (uint8_t)v;
		return a;
	}
	for (unsigned i = 0; i < 4; i++) {
		a.a[8 + i] = (uint8_t)(name->turn >> (24 - 8 * i));
		a.a[12 + i] = (uint8_t)(slot >> (24 - 8 * i));
	}
	return a;
}

bool dp_names_has(const struct dp_names *t, const struct dp_addr *a)
{
	if (a->n == 16)
		return dp_addr_in(a, &t->base[1], NET6_BITS);
	return dp_addr_in(a, &t->base[0], NET4_BITS) && a->a[2] >= t->base[0].a[2];
}

struct dp_name *dp_names_find(struct dp_names *t, const struct dp_addr *a)
{
	struct dp_addr is;
	uint32_t slot;

	if (!dp_names_has(t, a))
		return NULL;
	/* DP_MAX_NAMES is a power of two, and the range begins at a multiple of it. */
	slot = ((uint32_t)a->a[a->n - 2u] << 8 | a->a[a->n - 1u]) & (DP_MAX_NAMES - 1);
	if (slot >= t->n)
		return NULL;
	is = dp_names_addr(t, &t->v[slot], a->n == 4);
	return dp_addr_is(&is, a) ? &t->v[slot] : NULL;
}
