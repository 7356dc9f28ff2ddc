/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_control.h"

#include "runtime/dp.h"
#include "runtime/dp_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void hang_up(struct dp *d)
{
	struct dp_control *c = &d->control;

	dp_watch_close(&c->w);
	if (!c->exit_known)
		dp_timer_stop(&c->timer);
	/* Whether the host has them cannot be known. */
	dp_log_lost(&d->log, c->lines_out, c->bytes_out);
	c->lines_out = 0;
	c->bytes_out = 0;
	dp_cert_leave(d);
	if (c->exit_sent)
		dp_link_flushed(d);
}

static void hello_expired(struct dp *d, struct dp_timer *t)
{
	(void)t;
	hang_up(d);
}

/* The host had its second. */
static void flush_expired(struct dp *d, struct dp_timer *t)
{
	(void)t;
	dp_link_flushed(d);
}

int dp_control_init(struct dp *d, struct ss_err *err)
{
	struct dp_control *c = &d->control;
	int fd = -1;

	c->w = (struct dp_watch){ .fd = -1, .kind = DP_K_CONTROL };
	dp_timers_init(&d->loop, &c->hello, DP_HELLO_MS, hello_expired);
	dp_timers_init(&d->loop, &c->flush, DP_FLUSH_MS, flush_expired);
	if (dp_wire_listen(FRAME_PORT_CONTROL, &fd, err) < 0)
		return -1;
	c->call = (struct dp_watch){ .fd = fd, .kind = DP_K_CONTROL_CALL };
	if (!dp_watch_set(&d->loop, &c->call, EPOLLIN))
		return ss_fail_sys(err, "the control port");
	return 0;
}

void dp_control_call_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	struct dp_control *c = &d->control;
	int fd;

	(void)events;
	for (unsigned i = 0; i < DP_TURN_ACCEPTS && (fd = dp_wire_accept(w->fd)) >= 0; i++) {
		struct dp_watch second = { .fd = fd };

		if (c->w.fd >= 0) {
			dp_watch_close(&second);
			continue;
		}
		c->w.fd = fd;
		c->streams++;
		c->greeted = false;
		c->welcome_due = false;
		c->metrics_due = false;
		c->n_in = 0;
		c->n_out = 0;
		c->at_out = 0;
		if (!dp_watch_set(&d->loop, &c->w, EPOLLIN)) {
			hang_up(d);
			continue;
		}
		if (!c->exit_known)
			dp_timer_set(&d->loop, &c->hello, &c->timer);
	}
}

static void greet(struct dp *d, const struct frame *f)
{
	struct dp_control *c = &d->control;

	c->greeted = true;
	c->welcome_due = true;
	c->state_due = true;
	c->exit_sent = false;
	if (!c->exit_known)
		dp_timer_stop(&c->timer);
	c->host_known = true;
	c->egress_port = f->hello.egress_port;
	dp_link_time(d, f->hello.time_ns);
	if (d->tun.w.fd >= 0)
		dp_dial_host_came(d);
}

/* False: the host breaks the form. */
static bool obey(struct dp *d, const struct frame *f)
{
	struct dp_control *c = &d->control;

	if ((f->type == FRAME_HELLO) == c->greeted)
		return false;
	if (f->type == FRAME_HELLO)
		greet(d, f);
	else if (f->type == FRAME_TIME)
		dp_link_time(d, f->time_ns);
	else if (f->type == FRAME_STOP)
		dp_link_stop(d, f->grace_ms);
	else if (f->type == FRAME_CSR_ASK || f->type == FRAME_CHAIN)
		dp_cert_ask(d, f);
	else
		c->metrics_due = true;
	return true;
}

/* Frames that only an enclave says are refused by their first byte, before their body is awaited.
 */
static bool is_of_host(uint8_t type)
{
	return type == FRAME_HELLO || type == FRAME_TIME || type == FRAME_STOP ||
	       type == FRAME_SCRAPE || type == FRAME_CSR_ASK || type == FRAME_CHAIN;
}

/* The host's last question is to be answered before the next is read. */
static bool owes_answer(const struct dp *d)
{
	return d->control.metrics_due || dp_cert_is_busy(d);
}

/* Takes whole frames out of `in`. False: broken. */
static bool take_frames(struct dp *d)
{
	struct dp_control *c = &d->control;

	while (c->n_in > 0 && !owes_answer(d)) {
		struct ss_err err = { 0 };
		struct frame f;
		size_t size = 0;
		int rc;

		if (!is_of_host(c->in[0]))
			return false;
		rc = frame_read((struct ss_span){ c->in, c->n_in }, &f, &size, &err);
		if (rc < 0 || (rc == 0 && c->n_in == sizeof(c->in)))
			return false;
		if (rc == 0)
			return true;
		if (!obey(d, &f))
			return false;
		c->n_in -= size;
		memmove(c->in, c->in + size, c->n_in);
	}
	return true;
}

static bool hear(struct dp *d)
{
	struct dp_control *c = &d->control;
	ssize_t n;

	if (owes_answer(d))
		return true;
	n = recv(c->w.fd, c->in + c->n_in, sizeof(c->in) - c->n_in, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->n_in += (size_t)n;
	return take_frames(d);
}

static void put_state(struct dp *d, struct ss_buf *b)
{
	const struct frame f = { .type = FRAME_STATE,
				 .state = { d->health.state,
					    { d->health.reason, d->health.n_reason } } };

	frame_write(&f, b);
}

static void put_metrics(struct dp *d, struct ss_buf *b)
{
	const struct frame f = { .type = FRAME_METRICS, .metrics = dp_metrics_text(d) };

	frame_write(&f, b);
}

static void put_lost(struct dp_log *l, struct ss_buf *b)
{
	const struct frame f = { .type = FRAME_LOST,
				 .lost = { l->lost_lines - l->told_lines,
					   l->lost_bytes - l->told_bytes } };

	l->told_lines = l->lost_lines;
	l->told_bytes = l->lost_bytes;
	frame_write(&f, b);
}

/* As many lines as surely fit. */
static void put_lines(struct dp *d, struct ss_buf *b)
{
	static uint8_t room[FRAME_MAX_LINE];
	struct dp_control *c = &d->control;
	struct dp_line line;

	while (b->max - b->n >= 2 * FRAME_HEAD + 64u + FRAME_MAX_LINE) {
		struct frame f = { .type = FRAME_LOG };

		if (d->log.lost_lines != d->log.told_lines)
			put_lost(&d->log, b);
		if (!dp_log_take(&d->log, room, &line))
			break;
		f.log.source = line.source;
		f.log.flags = line.flags;
		f.log.time_ns = line.time_ns;
		f.log.text = line.text;
		frame_write(&f, b);
		c->lines_out++;
		c->bytes_out += line.text.n;
	}
}

/* Fills `out`, which is empty, in the order that the format wants. */
static void prepare(struct dp *d)
{
	struct dp_control *c = &d->control;
	struct ss_buf b = SS_BUF_OVER(c->out);

	c->lines_out = 0;
	c->bytes_out = 0;
	if (!c->greeted || c->exit_sent)
		return;
	if (c->welcome_due) {
		const struct frame f = { .type = FRAME_WELCOME, .memory = d->memory };

		frame_write(&f, &b);
	}
	c->welcome_due = false;
	if (c->state_due)
		put_state(d, &b);
	c->state_due = false;
	if (c->metrics_due)
		put_metrics(d, &b);
	c->metrics_due = false;
	dp_cert_put(d, &b);
	put_lines(d, &b);
	if (c->exit_known && b.n == 0) {
		frame_write(&c->exit, &b);
		c->exit_sent = true;
	}
	c->n_out = b.n;
	c->at_out = 0;
}

/* Sends until the stream takes no more or there is nothing left. False: the stream is over. */
static bool speak(struct dp *d)
{
	struct dp_control *c = &d->control;

	for (unsigned i = 0; i < DP_TURN_PACKETS; i++) {
		ssize_t n;

		if (c->at_out == c->n_out) {
			c->n_out = 0;
			c->at_out = 0;
			prepare(d);
		}
		if (c->n_out == 0)
			break;
		n = send(c->w.fd, c->out + c->at_out, c->n_out - c->at_out,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->at_out += (size_t)n;
	}
	return true;
}

static bool has_more_to_say(const struct dp *d)
{
	const struct dp_control *c = &d->control;

	if (!c->greeted || c->exit_sent)
		return false;
	return c->welcome_due || c->state_due || c->metrics_due || d->cert.due || c->exit_known ||
	       d->log.used > 0 || d->log.lost_lines != d->log.told_lines;
}

/* While it does not take an answer, its next question is not read. */
static bool listen_on(struct dp *d)
{
	struct dp_control *c = &d->control;
	uint32_t events = owes_answer(d) ? 0 : EPOLLIN | EPOLLRDHUP;

	if (c->n_out > 0 || c->resumes || has_more_to_say(d))
		events |= EPOLLOUT;
	return dp_watch_set(&d->loop, &c->w, events);
}

void dp_control_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	struct dp_control *c = &d->control;
	bool well = true;

	(void)w;
	c->resumes = false;
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		well = hear(d);
	/* A turn more for each question that was read with the first. */
	do
		well = well && speak(d) && take_frames(d);
	while (well && (c->metrics_due || d->cert.due) && c->n_out == 0);
	if (!well || !listen_on(d))
		hang_up(d);
}

void dp_control_kick(struct dp *d)
{
	if (d->control.w.fd >= 0 && !listen_on(d))
		hang_up(d);
}

void dp_control_resume(struct dp *d)
{
	d->control.resumes = true;
	dp_control_kick(d);
}

void dp_control_state(struct dp *d)
{
	d->control.state_due = true;
	dp_control_kick(d);
}

void dp_control_exit(struct dp *d, uint8_t kind, uint8_t value, struct ss_span reason)
{
	struct dp_control *c = &d->control;
	const size_t n = reason.n < sizeof(c->exit_text) ? reason.n : sizeof(c->exit_text);

	if (c->exit_known)
		return;
	if (n > 0)
		memcpy(c->exit_text, reason.p, n);
	c->exit = (struct frame){ .type = FRAME_EXIT,
				  .exit = { (enum frame_end)kind, value, { c->exit_text, n } } };
	c->exit_known = true;
	dp_timer_set(&d->loop, &c->flush, &c->timer);
	dp_control_kick(d);
}
