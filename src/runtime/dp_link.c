/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_link.h"

#include "runtime/dp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
	struct rt_plane_head head;
	uint8_t text[RT_PLANE_MAX_TEXT];
};

int dp_link_init(struct dp *d, int fd, struct ss_err *err)
{
	d->link = (struct dp_link){ .w = { .fd = fd, .kind = DP_K_LINK } };
	if (!dp_watch_set(&d->loop, &d->link.w, EPOLLIN))
		return ss_fail_sys(err, "the pair to init");
	return 0;
}

static bool tell(struct dp *d, const struct rt_plane_head *h)
{
	return send(d->link.w.fd, h, sizeof(*h), MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       (ssize_t)sizeof(*h);
}

/* Each that is due, until the pair is full. */
static void tell_all(struct dp *d)
{
	struct dp_link *l = &d->link;
	const struct {
		bool *due;
		struct rt_plane_head head;
	} rows[] = {
		{ &l->ready_due, { .type = RT_PLANE_READY } },
		{ &l->time_due, { .type = RT_PLANE_TIME, .time = l->time_ns } },
		{ &l->stop_due, { .type = RT_PLANE_STOP, .time = l->grace_ms } },
		{ &l->flushed_due, { .type = RT_PLANE_FLUSHED } },
	};
	bool full = false;

	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		if (*rows[i].due && !full && tell(d, &rows[i].head))
			*rows[i].due = false;
		full = full || *rows[i].due;
	}
	(void)dp_watch_set(&d->loop, &l->w, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void dp_link_ready(struct dp *d)
{
	d->link.ready_due = true;
	tell_all(d);
}

void dp_link_flushed(struct dp *d)
{
	d->link.flushed_due = true;
	tell_all(d);
}

void dp_link_time(struct dp *d, uint64_t time_ns)
{
	if (d->link.time_at_ms != 0 && d->loop.now_ms - d->link.time_at_ms < DP_TIME_MS)
		return;
	d->link.time_at_ms = d->loop.now_ms;
	d->link.time_ns = time_ns;
	d->link.time_due = true;
	tell_all(d);
}

void dp_link_stop(struct dp *d, uint32_t grace_ms)
{
	d->link.grace_ms = grace_ms;
	d->link.stop_due = true;
	tell_all(d);
}

static void take_line(struct dp *d, const struct rt_plane_head *h, struct ss_span text)
{
	const struct dp_line line = { .source = (enum frame_source)h->a,
				      .flags = h->b & FRAME_LINE_GOES_ON,
				      .time_ns = h->time,
				      .text = text };

	if (!d->config.logs || h->a < FRAME_STDOUT || h->a > FRAME_RUNTIME)
		return;
	dp_log_lost(&d->log, h->count, 0);
	dp_log_put(&d->log, &line);
	dp_control_kick(d);
}

static void take(struct dp *d, const struct rt_plane_head *h, struct ss_span text)
{
	switch ((enum rt_plane_type)h->type) {
	case RT_PLANE_LOG:
		take_line(d, h, text);
		break;
	case RT_PLANE_STARTED:
		dp_health_started(d, h->count);
		break;
	case RT_PLANE_DOWN:
		dp_health_down(d, text);
		break;
	case RT_PLANE_WAITS:
		dp_health_waits(d, text);
		break;
	case RT_PLANE_DRAIN:
		dp_ingress_drain(d);
		dp_health_drain(d);
		break;
	case RT_PLANE_EXIT:
		dp_control_exit(d, h->a, h->b, text);
		break;
	case RT_PLANE_READY:
	case RT_PLANE_TIME:
	case RT_PLANE_STOP:
	case RT_PLANE_FLUSHED:
		break; /* ours, never init's */
	}
}

void dp_link_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	static struct message m;

	if ((events & EPOLLOUT) != 0)
		tell_all(d);
	for (unsigned i = 0; i < DP_TURN_PACKETS; i++) {
		const ssize_t n = recv(w->fd, &m, sizeof(m), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			_exit(1); /* without init there is no enclave */
		if ((size_t)n >= sizeof(m.head))
			take(d, &m.head, (struct ss_span){ m.text, (size_t)n - sizeof(m.head) });
	}
}
