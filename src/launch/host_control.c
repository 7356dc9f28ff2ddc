/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/host_parts.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define READS_A_TURN 4
#define RETRY_MAX_MS 1000u /* a stream that breaks again and again is called no more often */

static void call(struct host *h);

static uint64_t wall_ns(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- scrapes --------------------------------------------------------------------------------- */

static void answer_scrapes(struct host *h, struct ss_span guest)
{
	struct host_control *c = &h->control;
	AUTO_BUF struct ss_buf text = SS_BUF_INIT((size_t)4 * FRAME_MAX_BODY);
	struct host_scrape asked[HOST_MAX_SCRAPES];
	const size_t n = c->n_scrapes;

	loop_cancel(h->o.loop, &c->scrape_limit);
	c->scraping = false;
	c->n_scrapes = 0;
	if (n == 0)
		return;
	memcpy(asked, c->scrapes, sizeof(asked));
	host_metrics_write(h, &text);
	host_metrics_filter(guest, &text);
	for (size_t i = 0; i < n; i++)
		asked[i].done(asked[i].ctx, ss_buf_span(&text));
}

static void on_scrape_limit(struct loop_timer *t)
{
	answer_scrapes(LOOP_OWNER(t, struct host, control.scrape_limit),
		       (struct ss_span){ NULL, 0 });
}

void host_scrape_cancel(struct host *h, void *ctx)
{
	struct host_control *c = &h->control;

	for (size_t i = 0; i < c->n_scrapes;)
		if (c->scrapes[i].ctx == ctx)
			c->scrapes[i] = c->scrapes[--c->n_scrapes];
		else
			i++;
}

/* --- the stream ------------------------------------------------------------------------------ */

static void want(struct host *h)
{
	struct host_control *c = &h->control;

	loop_want(h->o.loop, &c->io,
		  EPOLLIN | (c->n_out > 0 || !c->connected ? (uint32_t)EPOLLOUT : 0u));
}

static void hang_up(struct host *h)
{
	struct host_control *c = &h->control;

	if (c->io.fd < 0)
		return;
	loop_remove(h->o.loop, &c->io);
	loop_cancel(h->o.loop, &c->limit);
	loop_cancel(h->o.loop, &c->time);
	(void)close(c->io.fd);
	c->io.fd = -1;
	c->n_in = c->n_out = 0;
	c->connected = c->welcomed = false;
	if (c->scraping)
		answer_scrapes(h, (struct ss_span){ NULL, 0 });
	host_cert_lost(h);
}

/* Later again, unless the enclave has said its last word. */
void host_control_lose(struct host *h)
{
	struct host_control *c = &h->control;
	const bool spoke = c->welcomed;
	uint64_t ms = HOST_RETRY_MS;

	hang_up(h);
	if (!c->wanted)
		return;
	/* Nobody listens yet: soon again. It listened and hung up: less and less often. */
	c->retries = spoke ? c->retries + 1 : 0;
	if (c->retries > 0)
		ms = ms << (c->retries < 4 ? c->retries : 4);
	loop_after(h->o.loop, &c->retry, ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS);
}

static void flush(struct host *h)
{
	struct host_control *c = &h->control;
	ssize_t n;

	if (c->n_out == 0 || !c->connected)
		return;
	n = send(c->io.fd, c->out, c->n_out, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n <= 0)
		return; /* a broken stream is found when it is read */
	memmove(c->out, c->out + n, c->n_out - (size_t)n);
	c->n_out -= (size_t)n;
}

/* False: an enclave that does not read for so long is not told. */
bool host_control_say(struct host *h, const struct frame *f)
{
	struct host_control *c = &h->control;
	const size_t room = sizeof(c->out) - c->n_out;
	struct ss_buf b = { .p = c->out + c->n_out, .cap = room, .max = room };

	if (c->io.fd < 0)
		return false;
	frame_write(f, &b);
	if (b.bad)
		return false;
	c->n_out += b.n;
	flush(h);
	want(h);
	return true;
}

static void on_time(struct loop_timer *t)
{
	struct host *h = LOOP_OWNER(t, struct host, control.time);
	const struct frame f = { .type = FRAME_TIME, .time_ns = wall_ns() };

	(void)host_control_say(h, &f); /* one that is missed is no loss */
	loop_after(h->o.loop, t, HOST_TIME_MS);
}

static void on_limit(struct loop_timer *t)
{
	host_control_lose(LOOP_OWNER(t, struct host, control.limit));
}

static void on_retry(struct loop_timer *t)
{
	call(LOOP_OWNER(t, struct host, control.retry));
}

static void on_welcome(struct host *h, const struct frame *f)
{
	struct host_control *c = &h->control;

	loop_cancel(h->o.loop, &c->limit);
	loop_after(h->o.loop, &c->time, HOST_TIME_MS);
	c->welcomed = true;
	h->n.control_streams++;
	h->o.on.welcome(h->o.on.ctx, f->memory);
}

/* False: this is not what an enclave says here. */
static bool on_frame(struct host *h, const struct frame *f)
{
	const struct host_events *on = &h->o.on;

	if (h->control.welcomed != (f->type != FRAME_WELCOME))
		return false;
	switch (f->type) {
	case FRAME_WELCOME:
		on_welcome(h, f);
		return true;
	case FRAME_STATE:
		on->state(on->ctx, f->state.state, f->state.reason);
		return true;
	case FRAME_LOG:
		h->n.lines++;
		on->line(on->ctx, f);
		return true;
	case FRAME_LOST:
		h->n.lines_lost += f->lost.lines;
		h->n.bytes_lost += f->lost.bytes;
		on->lost(on->ctx, f->lost.lines, f->lost.bytes);
		return true;
	case FRAME_METRICS:
		if (h->control.scraping)
			answer_scrapes(h, f->metrics);
		return true;
	case FRAME_EXIT:
		h->control.wanted = false;
		on->exit(on->ctx, f);
		hang_up(h);
		return true;
	case FRAME_CSR:
	case FRAME_CHAIN_SAID:
		return host_cert_frame(h, f);
	case FRAME_HELLO:
	case FRAME_TIME:
	case FRAME_STOP:
	case FRAME_SCRAPE:
	case FRAME_CSR_ASK:
	case FRAME_CHAIN:
	case FRAME_OPEN:
	case FRAME_OPENED:
		return false;
	}
	return false;
}

/* Every whole frame that has arrived, while somebody takes them. -1: the stream breaks the form. */
static int take_frames(struct host *h, struct ss_err *err)
{
	struct host_control *c = &h->control;
	size_t at = 0;

	while (c->io.fd >= 0 && !c->paused) {
		struct frame f;
		size_t size = 0;
		const int rc =
			frame_read((struct ss_span){ c->in + at, c->n_in - at }, &f, &size, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
		if (!on_frame(h, &f))
			return ss_fail(err, SS_EINPUT, "a frame that is out of place");
		at += size;
	}
	if (c->io.fd < 0)
		return 0;
	memmove(c->in, c->in + at, c->n_in - at);
	c->n_in -= at;
	return 0;
}

/* 1: there may be more; 0: no more now; -1: the stream has ended. */
static int receive(struct host_control *c)
{
	const ssize_t n = recv(c->io.fd, c->in + c->n_in, HOST_CONTROL_IN - c->n_in, MSG_DONTWAIT);

	if (n > 0) {
		c->n_in += (size_t)n;
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void on_io(struct loop_fd *f, uint32_t events)
{
	struct host *h = LOOP_OWNER(f, struct host, control.io);
	struct host_control *c = &h->control;
	struct ss_err err = { 0 };
	int rc = 1;

	if ((events & EPOLLOUT) != 0)
		c->connected = true;
	flush(h);
	for (int i = 0; rc > 0 && i < READS_A_TURN && c->io.fd >= 0 && !c->paused; i++) {
		rc = receive(c);
		if (rc > 0 && take_frames(h, &err) < 0) {
			h->n.control_broken++;
			host_note(h, "the enclave's control stream: %s", err.msg);
			rc = -1;
		}
	}
	if (c->io.fd < 0)
		return; /* it said EXIT */
	if (rc < 0)
		host_control_lose(h);
	else
		want(h);
}

static void call(struct host *h)
{
	struct host_control *c = &h->control;
	struct frame hello = { .type = FRAME_HELLO };
	struct ss_err err = { 0 };
	int fd;

	fd = h->o.machine->ops->dial(h->o.machine, FRAME_PORT_CONTROL, &err);
	if (fd < 0) {
		loop_after(h->o.loop, &c->retry, HOST_RETRY_MS);
		return;
	}
	c->io = (struct loop_fd){ .fd = fd, .on = on_io };
	if (loop_add(h->o.loop, &c->io, EPOLLIN | EPOLLOUT, &err) < 0) {
		host_control_lose(h);
		return;
	}
	loop_after(h->o.loop, &c->limit, HOST_HELLO_MS);
	hello.hello.egress_port = h->egress_port;
	hello.hello.time_ns = wall_ns();
	(void)host_control_say(h, &hello); /* the buffer is empty */
}

void host_control_start(struct host *h)
{
	struct host_control *c = &h->control;

	if (c->wanted)
		return;
	c->wanted = true;
	if (c->in == NULL)
		c->in = ss_calloc(HOST_CONTROL_IN, 1);
	c->retry.on = on_retry;
	c->limit.on = on_limit;
	c->time.on = on_time;
	c->scrape_limit.on = on_scrape_limit;
	call(h);
}

void host_control_done(struct host *h)
{
	struct host_control *c = &h->control;

	c->wanted = false;
	c->n_scrapes = 0;
	hang_up(h);
	loop_cancel(h->o.loop, &c->retry);
	loop_cancel(h->o.loop, &c->scrape_limit);
	free(TAKE_PTR(c->in));
}

/* --- what the owner wants -------------------------------------------------------------------- */

bool host_stop_guest(struct host *h, uint32_t grace_ms)
{
	const struct frame f = { .type = FRAME_STOP, .grace_ms = grace_ms };

	return h->control.welcomed && host_control_say(h, &f);
}

void host_pause(struct host *h, bool paused)
{
	struct host_control *c = &h->control;
	struct ss_err err = { 0 };

	if (c->paused == paused)
		return;
	c->paused = paused;
	if (c->io.fd < 0)
		return;
	/* Out of the loop, which would tell of a hang-up again and again. */
	if (paused)
		loop_remove(h->o.loop, &c->io);
	else if (loop_add(h->o.loop, &c->io, EPOLLIN, &err) < 0 || take_frames(h, &err) < 0)
		host_control_lose(h);
	else if (c->io.fd >= 0)
		want(h);
}

void host_scrape(struct host *h, void (*done)(void *ctx, struct ss_span text), void *ctx)
{
	const struct frame f = { .type = FRAME_SCRAPE };
	struct host_control *c = &h->control;

	if (c->n_scrapes == HOST_MAX_SCRAPES)
		answer_scrapes(h, (struct ss_span){ NULL, 0 });
	c->scrape_limit.on = on_scrape_limit;
	c->scrapes[c->n_scrapes++] = (struct host_scrape){ done, ctx };
	if (c->scraping)
		return;
	c->scraping = c->welcomed && host_control_say(h, &f);
	loop_after(h->o.loop, &c->scrape_limit, c->scraping ? HOST_SCRAPE_MS : 0);
}

void host_end(struct host *h)
{
	h->control.wanted = false;
	loop_cancel(h->o.loop, &h->control.retry);
}

bool host_is_connected(const struct host *h)
{
	return h->control.io.fd >= 0;
}
