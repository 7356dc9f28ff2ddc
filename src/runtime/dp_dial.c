/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_dial.h"

#include "runtime/dp.h"
#include "runtime/dp_wire.h"
#include "runtime/format.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define OPEN_MAX (FRAME_HEAD + 4u + FRAME_MAX_NAME)

static enum dp_why why_of(int error)
{
	return error == ETIMEDOUT ? DP_W_HOST_TIMED_OUT : DP_W_NO_HOST;
}

bool dp_dial_begin(struct dp *d, struct dp_pair *p, struct dp_dial *dial, enum dp_why *ret_why)
{
	struct dp_end *e = &p->end[DP_HOST];

	*dial = (struct dp_dial){ .n_got = 0 };
	*ret_why = DP_W_NO_HOST;
	if (d->control.egress_port == 0)
		return false;
	e->w.fd = dp_wire_dial(d->control.egress_port);
	if (e->w.fd < 0) {
		*ret_why = errno == EMFILE || errno == ENFILE ? DP_W_LIMIT : why_of(errno);
		return false;
	}
	e->blocked = true; /* until it is connected */
	if (!dp_pair_watch(d, p, DP_HOST)) {
		*ret_why = DP_W_LIMIT;
		return false;
	}
	return true;
}

static void put_open(const struct dp_target *to, struct ss_buf *b)
{
	struct frame f = { .type = FRAME_OPEN, .open = { .transport = to->transport } };

	if (to->name != NULL) {
		f.open.kind = FRAME_NAME;
		f.open.address = (struct ss_span){ (const uint8_t *)to->name->name, to->name->n };
		f.open.port = to->place.port;
	} else if (to->transport != FRAME_DNS) {
		f.open.kind = to->place.addr.n == 4 ? FRAME_IPV4 : FRAME_IPV6;
		f.open.address = (struct ss_span){ to->place.addr.a, to->place.addr.n };
		f.open.port = to->place.port;
	}
	frame_write(&f, b);
}

/* -1: broken. The first write of a stream: all of it is taken or nothing. */
static int send_open(struct dp *d, struct dp_pair *p, struct dp_dial *dial,
		     const struct dp_target *to)
{
	struct dp_end *e = &p->end[DP_HOST];
	uint8_t room[OPEN_MAX];
	struct ss_buf b = SS_BUF_OVER(room);
	ssize_t n;

	if (e->blocked)
		return 0;
	put_open(to, &b);
	n = send(e->w.fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
		e->blocked = true;
		return dp_pair_watch(d, p, DP_HOST) ? 0 : -1;
	}
	dial->sent = n == (ssize_t)b.n;
	return dial->sent ? 0 : -1;
}

static enum dp_why why_opened(enum frame_opened s)
{
	switch (s) {
	case FRAME_OPEN_NOT_ALLOWED:
		return DP_W_HOST_LIST;
	case FRAME_OPEN_NO_NAME:
		return DP_W_HOST_NAME;
	case FRAME_OPEN_REFUSED:
		return DP_W_HOST_REFUSED;
	case FRAME_OPEN_UNREACHABLE:
		return DP_W_HOST_UNREACHABLE;
	case FRAME_OPEN_TIMED_OUT:
		return DP_W_HOST_TIMED_OUT;
	case FRAME_OPEN_BUSY:
		return DP_W_HOST_BUSY;
	case FRAME_OPEN_OK:
		break;
	}
	return DP_W_HOST_BROKEN;
}

static enum dp_dial_state judge_answer(const struct dp_dial *dial, enum dp_why *ret_why)
{
	struct ss_err err = { 0 };
	struct frame f;
	size_t size = 0;

	*ret_why = DP_W_HOST_BROKEN;
	if (frame_read((struct ss_span){ dial->got, sizeof(dial->got) }, &f, &size, &err) != 1 ||
	    f.type != FRAME_OPENED || size != sizeof(dial->got))
		return DP_DIAL_REFUSED;
	if (f.opened == FRAME_OPEN_OK)
		return DP_DIAL_OPEN;
	*ret_why = why_opened(f.opened);
	return DP_DIAL_REFUSED;
}

enum dp_dial_state dp_dial_step(struct dp *d, struct dp_pair *p, struct dp_dial *dial,
				const struct dp_target *to, enum dp_why *ret_why)
{
	const int fd = p->end[DP_HOST].w.fd;
	ssize_t n;

	*ret_why = DP_W_HOST_BROKEN;
	if (!dial->sent) {
		int error = 0;
		socklen_t size = sizeof(error);

		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0 ||
		    send_open(d, p, dial, to) < 0) {
			*ret_why = why_of(error);
			return DP_DIAL_REFUSED;
		}
		if (!dial->sent)
			return DP_DIAL_WAITS;
	}
	/* Not a byte more: what follows belongs to the application. An end right behind the first
	 * bytes is no event of its own. */
	while (dial->n_got < sizeof(dial->got)) {
		n = recv(fd, dial->got + dial->n_got, sizeof(dial->got) - dial->n_got,
			 MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return DP_DIAL_WAITS;
		if (n <= 0)
			return DP_DIAL_REFUSED;
		dial->n_got = (uint8_t)(dial->n_got + n);
	}
	return judge_answer(dial, ret_why);
}

void dp_dial_host_came(struct dp *d)
{
	dp_tcp_host_came(d);
	dp_udp_host_came(d);
	dp_resolver_host_came(d);
}

/* --- who is called */

void dp_target_hold(const struct dp_target *t)
{
	if (t->name != NULL)
		t->name->uses++;
}

void dp_target_release(struct dp_target *t)
{
	if (t->name != NULL)
		t->name->uses--;
	t->name = NULL;
}

const char *dp_target_show(const struct dp_target *t, char ret[DP_TARGET_TEXT])
{
	const char *const transport = t->transport == FRAME_UDP ? "udp" : "tcp";
	char addr[DP_ADDR_TEXT];

	if (t->name != NULL)
		(void)rt_format(ret, DP_TARGET_TEXT, "%s %s:%u", transport, t->name->name,
				t->place.port);
	else
		(void)rt_format(ret, DP_TARGET_TEXT,
				t->place.addr.n == 4 ? "%s %s:%u" : "%s [%s]:%u", transport,
				dp_addr_show(&t->place.addr, addr), t->place.port);
	return ret;
}

/* Never to be reached from outside, whatever the list says: our own, this machine's, groups. */
static bool is_special(struct dp *d, const struct dp_addr *a)
{
	static const char *const nets[] = { PLANE_NET_OWN4, "127.0.0.0", "0.0.0.0",
					    "224.0.0.0",    "240.0.0.0", PLANE_NET_OWN6,
					    "::",           "ff00::",    "fe80::" };
	static const uint8_t bits[] = { 15, 8, 8, 4, 4, 48, 127, 8, 10 };

	(void)d;
	for (size_t i = 0; i < SS_NELEMS(nets); i++) {
		const struct dp_addr net = dp_addr_text(nets[i]);

		if (dp_addr_in(a, &net, bits[i]))
			return true;
	}
	return false;
}

bool dp_target_judge(struct dp *d, enum frame_transport transport, const struct dp_place *place,
		     struct dp_target *ret, enum dp_why *ret_why)
{
	*ret = (struct dp_target){ .transport = transport, .place = *place };
	*ret_why = DP_W_NOT_LISTED;
	if (dp_names_has(&d->names, &place->addr)) {
		ret->name = dp_names_find(&d->names, &place->addr);
		if (ret->name == NULL) {
			*ret_why = DP_W_NO_NAME;
			return false;
		}
		return dp_policy_allows_name(
			&d->policy,
			(struct ss_span){ (const uint8_t *)ret->name->name, ret->name->n },
			place->port);
	}
	return !is_special(d, &place->addr) && dp_policy_allows_place(&d->policy, place);
}
