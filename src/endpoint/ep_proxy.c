/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_proxy.h"

#include "base/mem.h"
#include "io/clock.h"
#include "io/stop.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define RETRY_FIRST_MS 1000u /* after no answer; doubled up to the last */
#define RETRY_LAST_MS 15000u
#define NO_ROOM_MS 100u /* without descriptors nobody is taken for so long */

/* Of the descriptors poll() waits for; behind them two of each connection. */
enum { P_STOP, P_ANSWER, P_LISTEN, P_RELAYS };

struct proxy {
	const struct ep_proxy_opts *o;
	struct ep_keeper keeper;
	struct ep_tls *tls;
	struct ep_relays all;
	size_t n;
	uint64_t last_id;
	int listener, stop_fd;
	bool has_pin;
	struct ep_pin pin;
	uint64_t asked_ms, ask_at_ms; /* the question under way or the last; the next */
	uint64_t good_until_ms;       /* of the last yes */
	uint64_t retry_ms;
	uint64_t accept_at_ms;
	uint64_t end_at_ms; /* after a signal; 0 = there was none */
	char why[SS_ERR_MSG_MAX];
	struct pollfd polled[P_RELAYS + 2 * EP_MAX_RELAYS];
};

static void tell(const struct proxy *p, const struct ep_event *e)
{
	p->o->event(p->o->ctx, e);
}

const char *ep_over_name(enum ep_over o)
{
	switch (o) {
	case EP_RUNS:
		break;
	case EP_OVER_DONE:
		return "done";
	case EP_OVER_CLIENT:
		return "client";
	case EP_OVER_UNREACHABLE:
		return "unreachable";
	case EP_OVER_HANDSHAKE:
		return "handshake";
	case EP_OVER_KEY:
		return "key";
	case EP_OVER_CUT:
		return "cut";
	case EP_OVER_IDLE:
		return "idle";
	case EP_OVER_UNATTESTED:
		return "unattested";
	case EP_OVER_STOPPED:
		return "stopped";
	}
	return "";
}

/* --- connections ----------------------------------------------------------------------------- */

static void end_relay(struct proxy *p, struct ep_relay *r, enum ep_over over)
{
	tell(p, &(struct ep_event){ .kind = EP_EVENT_CLOSED,
				    .id = r->id,
				    .over = over,
				    .sent = r->out.total,
				    .received = r->in.total });
	LIST_REMOVE(r, all);
	p->n--;
	ep_relay_free(r, over != EP_OVER_DONE);
}

static void end_all(struct proxy *p, enum ep_over over)
{
	struct ep_relay *r;

	while ((r = LIST_FIRST(&p->all)) != NULL)
		end_relay(p, r, over);
}

static void turn(struct proxy *p, struct ep_relay *r, const struct pollfd got[2], uint64_t now)
{
	const bool was_open = r->state == EP_OPEN;
	const enum ep_over over = ep_relay_turn(r, got, p->tls, p->o->url, &p->pin, now);

	if (!was_open && r->state == EP_OPEN)
		tell(p, &(struct ep_event){ .kind = EP_EVENT_OPENED, .id = r->id });
	if (over == EP_RUNS)
		return;
	end_relay(p, r, over);
	/* The enclave may have begun anew: whether it did, a document says. */
	if (over == EP_OVER_KEY && p->ask_at_ms > p->asked_ms + RETRY_FIRST_MS)
		p->ask_at_ms = p->asked_ms + RETRY_FIRST_MS;
}

static void accept_all(struct proxy *p, uint64_t now)
{
	const struct pollfd nothing[2] = { { .fd = -1 }, { .fd = -1 } };

	while (p->n < EP_MAX_RELAYS) {
		const int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct ep_relay *r;

		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN)
				p->accept_at_ms = now + NO_ROOM_MS;
			return;
		}
		r = ep_relay_new(fd, ++p->last_id, &p->pin, now);
		LIST_INSERT_HEAD(&p->all, r, all);
		p->n++;
		turn(p, r, nothing, now);
	}
}

/* --- attestation ----------------------------------------------------------------------------- */

/* Next time before the yes is too old, with a quarter of its age for answers that do not come. */
static void take_yes(struct proxy *p, const struct ep_pin *pin)
{
	const bool new_key = p->has_pin && !ep_pin_is_same_key(&p->pin, pin);

	if (new_key)
		end_all(p, EP_OVER_KEY);
	p->pin = *pin;
	p->has_pin = true;
	p->good_until_ms = p->asked_ms + p->o->max_age_ms;
	p->ask_at_ms = p->asked_ms + p->o->max_age_ms / 4 * 3;
	p->retry_ms = RETRY_FIRST_MS;
	tell(p, &(struct ep_event){ .kind = EP_EVENT_ATTESTED, .new_key = new_key });
}

/* -1: it was no. */
static int take_answer(struct proxy *p, uint64_t now, struct ss_err *err)
{
	struct ep_pin pin = { 0 };

	if (ep_keeper_take(&p->keeper, &pin, err) == 0) {
		take_yes(p, &pin);
		return 0;
	}
	if (err->code == SS_EVERIFY)
		return -1;
	(void)snprintf(p->why, sizeof(p->why), "%s", err->msg);
	tell(p, &(struct ep_event){ .kind = EP_EVENT_NOT_ANSWERED, .why = p->why });
	*err = (struct ss_err){ 0 };
	p->ask_at_ms = now + p->retry_ms;
	p->retry_ms = p->retry_ms * 2 < RETRY_LAST_MS ? p->retry_ms * 2 : RETRY_LAST_MS;
	return 0;
}

/* What the clock demands. -1: the last yes is too old. */
static int keep_time(struct proxy *p, uint64_t now, struct ss_err *err)
{
	if (now >= p->good_until_ms)
		return ss_fail(err, SS_EREMOTE, "no attestation in time: %s",
			       p->why[0] != '\0' ? p->why : "the endpoint has not answered yet");
	if (!p->keeper.is_asking && now >= p->ask_at_ms) {
		p->asked_ms = now;
		p->ask_at_ms = UINT64_MAX;
		return ep_keeper_ask(&p->keeper, err);
	}
	return 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int wait_ms(const struct proxy *p, uint64_t now)
{
	const struct ep_relay *r = LIST_FIRST(&p->all);
	uint64_t at = p->good_until_ms;

	if (!p->keeper.is_asking)
		at = least(at, p->ask_at_ms);
	if (p->end_at_ms != 0)
		at = least(at, p->end_at_ms);
	if (p->accept_at_ms > now)
		at = least(at, p->accept_at_ms);
	for (; r != NULL; r = LIST_NEXT(r, all)) {
		if (r->is_ready)
			return 0;
		at = least(at, r->until_ms);
	}
	return at > now ? (int)least(at - now, 3600000) : 0;
}

static size_t fill_polled(struct proxy *p, uint64_t now)
{
	const bool takes = p->end_at_ms == 0 && p->n < EP_MAX_RELAYS && now >= p->accept_at_ms;
	const struct ep_relay *r = LIST_FIRST(&p->all);
	size_t n = P_RELAYS;

	/* The signal stays noted: it is looked for until it was seen. */
	p->polled[P_STOP] =
		(struct pollfd){ .fd = p->end_at_ms == 0 ? p->stop_fd : -1, .events = POLLIN };
	p->polled[P_ANSWER] = (struct pollfd){ .fd = p->keeper.wake[0], .events = POLLIN };
	p->polled[P_LISTEN] = (struct pollfd){ .fd = takes ? p->listener : -1, .events = POLLIN };
	for (; r != NULL; r = LIST_NEXT(r, all)) {
		ep_relay_poll(r, p->polled + n);
		n += 2;
	}
	return n;
}

/* The list has changed only by those whose turn it is, so the descriptors still lie in its order.
 */
static void turn_all(struct proxy *p, uint64_t now)
{
	const struct pollfd *got = p->polled + P_RELAYS;
	struct ep_relay *r = LIST_FIRST(&p->all), *next;

	for (; r != NULL; r = next, got += 2) {
		next = LIST_NEXT(r, all);
		if (got[0].revents != 0 || got[1].revents != 0 || r->is_ready || now >= r->until_ms)
			turn(p, r, got, now);
	}
}

static void begin_to_end(struct proxy *p, uint64_t now)
{
	p->end_at_ms = now + p->o->grace_ms;
	ss_closep(&p->listener);
	p->listener = -1;
	tell(p, &(struct ep_event){ .kind = EP_EVENT_STOPPING });
}

/* 1: go on; 0: the end after a signal. */
static int one_round(struct proxy *p, struct ss_err *err)
{
	uint64_t now = io_clock_steady_ms();
	const size_t n = fill_polled(p, now);

	if (poll(p->polled, n, wait_ms(p, now)) < 0) {
		if (errno != EINTR)
			return ss_fail_sys(err, "cannot wait for connections");
		for (size_t i = 0; i < n; i++)
			p->polled[i].revents = 0;
	}
	now = io_clock_steady_ms();
	/* First what may end all, then what may begin something. */
	if (p->polled[P_ANSWER].revents != 0 && take_answer(p, now, err) < 0)
		return -1;
	if (keep_time(p, now, err) < 0)
		return -1;
	if (!LIST_EMPTY(&p->all) && p->n * 2 + P_RELAYS == n)
		turn_all(p, now);
	if (p->polled[P_STOP].revents != 0)
		begin_to_end(p, now);
	if (p->polled[P_LISTEN].revents != 0 && p->listener >= 0)
		accept_all(p, now);
	return p->end_at_ms == 0 || (p->n > 0 && now < p->end_at_ms);
}

static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r); /* what there is must do */
	}
}

/* Nothing listens before this is a yes. */
static int attest_first(struct proxy *p, struct ss_err *err)
{
	struct ep_pin pin = { 0 };

	p->asked_ms = io_clock_steady_ms();
	if (p->o->attest(p->o->ctx, &pin, err) < 0)
		return -1;
	take_yes(p, &pin);
	return 0;
}

static int serve(struct proxy *p, struct ss_err *err)
{
	char where[EP_WHERE_MAX] = "";
	int rc;

	if (ep_keeper_open(&p->keeper, p->o->attest, p->o->ctx, err) < 0 ||
	    ep_tls_new(&p->tls, err) < 0 || attest_first(p, err) < 0 ||
	    ep_listen_open(&p->o->listen, &p->listener, where, err) < 0 ||
	    io_stop_watch(&p->stop_fd, err) < 0)
		return -1;
	tell(p, &(struct ep_event){ .kind = EP_EVENT_LISTENING, .where = where });
	do
		rc = one_round(p, err);
	while (rc > 0);
	ss_closep(&p->listener);
	p->listener = -1;
	end_all(p, rc < 0 ? EP_OVER_UNATTESTED : EP_OVER_STOPPED);
	/* After a signal this does not come back: a question that is still under way is not waited
	 * for. */
	io_stop_unwatch();
	return rc;
}

int ep_proxy_run(const struct ep_proxy_opts *o, struct ss_err *err)
{
	AUTO_FREE struct proxy *p = ss_calloc(1, sizeof(*p));
	int rc;

	p->o = o;
	p->listener = -1;
	p->keeper = (struct ep_keeper)EP_KEEPER_INIT;
	LIST_INIT(&p->all);
	raise_limit();
	rc = serve(p, err);
	ss_closep(&p->listener);
	ep_keeper_done(&p->keeper);
	ep_tls_free(p->tls);
	return rc;
}
