/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_conn.h"

#include "base/mem.h"
#include "keyplane/kp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void kp_conns_init(struct kp_conns *c, uint64_t memory)
{
	const uint64_t fit = memory / KP_MEMORY_SHARE / KP_CONN_BYTES;

	c->max = KP_MAX_CONNS;
	if (fit < c->max)
		c->max = fit > KP_MIN_CONNS ? (uint32_t)fit : KP_MIN_CONNS;
}

static uint32_t slot_of(uint64_t id)
{
	return (uint32_t)id;
}

struct kp_conn *kp_conn_find(const struct kp *k, uint64_t id)
{
	struct kp_conn *c = slot_of(id) < KP_LINK_SLOTS ? k->conns.by_slot[slot_of(id)] : NULL;

	return c != NULL && c->id == id ? c : NULL;
}

bool kp_conn_can_be(const struct kp *k, uint64_t id)
{
	return slot_of(id) < KP_LINK_SLOTS && k->conns.by_slot[slot_of(id)] == NULL;
}

struct kp_conn *kp_conn_begin(struct kp *k, const struct kp_link_head *h, int fd)
{
	struct kp_conns *all = &k->conns;
	struct kp_conn *c = ss_calloc(1, sizeof(*c));

	c->net = (struct kp_watch){ .fd = fd, .kind = KP_K_NET };
	c->app = (struct kp_watch){ .fd = -1, .kind = KP_K_APP };
	c->id = h->id;
	c->listener = h->a;
	c->until_ms = k->now_ms + KP_HANDSHAKE_MS;
	c->next = all->all;
	if (all->all != NULL)
		all->all->prev = c;
	all->all = c;
	all->by_slot[slot_of(c->id)] = c;
	all->n++;
	all->shaking++;
	return c;
}

static void tell_over(struct kp *k, const struct kp_conn *c, enum kp_over why)
{
	kp_tell(k, &(struct kp_link_head){ .type = KP_LINK_OVER,
					   .a = (uint8_t)why,
					   .id = c->id,
					   .in = c->in,
					   .out = c->out });
}

static void leave_again(struct kp *k, struct kp_conn *c)
{
	struct kp_conn **p = &k->conns.again;

	if (!c->is_again)
		return;
	while (*p != c)
		p = &(*p)->after;
	*p = c->after;
	c->is_again = false;
}

static void count_unshaken(struct kp *k, const struct kp_conn *c, enum kp_over why)
{
	if (why == KP_OVER_BUSY)
		kp_count(k, KP_N_LIMIT);
	else
		kp_count(k, c->until_ms <= k->now_ms ? KP_N_SLOW : KP_N_UNSHAKEN);
}

void kp_conn_end(struct kp *k, struct kp_conn *c, enum kp_over why, bool reset)
{
	struct kp_conns *all = &k->conns;

	if (c->stage == KP_C_SHAKE) {
		all->shaking--;
		count_unshaken(k, c, why);
	}
	kp_nsm_leave(&k->nsm, &c->waiter);
	if (c->value != NULL)
		kp_secret_drop(TAKE_PTR(c->value));
	leave_again(k, c);
	if (reset) {
		kp_watch_reset(k, &c->net);
		kp_watch_reset(k, &c->app);
	}
	kp_watch_close(k, &c->net);
	kp_watch_close(k, &c->app);
	kp_stream_free(TAKE_PTR(c->tls));
	all->by_slot[slot_of(c->id)] = NULL;
	if (c->next != NULL)
		c->next->prev = c->prev;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		all->all = c->next;
	all->n--;
	c->after = all->gone;
	all->gone = c;
	tell_over(k, c, why);
}

void kp_conns_free_gone(struct kp *k)
{
	while (k->conns.gone != NULL) {
		struct kp_conn *c = k->conns.gone;

		k->conns.gone = c->after;
		explicit_bzero(c->held, sizeof(c->held));
		free(c);
	}
}

/* --- the wire -------------------------------------------------------------------------------- */

enum kp_step kp_conn_send(struct kp *k, struct kp_conn *c)
{
	const struct ss_span out = kp_stream_out(c->tls);
	ssize_t n;

	if (out.n == 0)
		return KP_WENT;
	n = send(c->net.fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return KP_STOPPED;
	if (n <= 0) {
		kp_conn_end(k, c, c->stage == KP_C_SHAKE ? KP_OVER_HANDSHAKE : KP_OVER_CUT, true);
		return KP_OVER;
	}
	kp_stream_sent(c->tls, (size_t)n);
	return (size_t)n == out.n ? KP_WENT : KP_STOPPED;
}

enum kp_step kp_conn_recv(struct kp *k, struct kp_conn *c)
{
	ssize_t n;

	if (kp_stream_out(c->tls).n > KP_MAX_OUT)
		return KP_STOPPED;
	n = recv(c->net.fd, k->scratch, sizeof(k->scratch), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return KP_STOPPED;
	(void)kp_stream_take(c->tls, (struct ss_span){ k->scratch, n > 0 ? (size_t)n : 0 });
	return KP_WENT;
}

void kp_conn_want_app(struct kp *k, struct kp_conn *c)
{
	c->stage = KP_C_APP;
	c->until_ms = k->now_ms + KP_APP_MS;
	kp_tell(k, &(struct kp_link_head){ .type = KP_LINK_WANT, .id = c->id });
}
