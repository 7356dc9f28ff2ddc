/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "launch/host_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define BEAT 0xb7u
#define NOTE_MS 1000u /* between two notes that the enclave can cause */

void host_note(struct host *h, const char *fmt, ...)
{
	const uint64_t now = loop_now();
	char text[SS_ERR_MSG_MAX];
	va_list ap;

	if (h->noted_ms != 0 && now - h->noted_ms < NOTE_MS)
		return;
	h->noted_ms = now;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	h->o.on.note(h->o.on.ctx, text);
}

/* --- heartbeat ------------------------------------------------------------------------------- */

static void end_beat(struct host_beat *b)
{
	if (!b->open)
		return;
	loop_remove(b->host->o.loop, &b->io);
	loop_cancel(b->host->o.loop, &b->limit);
	(void)close(b->io.fd);
	b->open = false;
}

static void on_beat_limit(struct loop_timer *t)
{
	end_beat(LOOP_OWNER(t, struct host_beat, limit));
}

static void on_beat(struct loop_fd *f, uint32_t events)
{
	struct host_beat *b = LOOP_OWNER(f, struct host_beat, io);
	struct host *h = b->host;
	uint8_t byte = 0;
	const ssize_t n = recv(f->fd, &byte, 1, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* The one byte fits into the empty buffer of a new stream. */
	if (n == 1 && byte == BEAT && send(f->fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		h->n.beats++;
	else
		byte = 0;
	end_beat(b);
	if (byte != BEAT || h->n.beats != 1)
		return;
	h->o.on.beat(h->o.on.ctx);
	host_control_start(h);
}

static void on_beat_call(struct loop_fd *f, uint32_t events)
{
	struct host *h = LOOP_OWNER(f, struct host, beat_listener);
	const int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ss_err err = { 0 };

	(void)events;
	if (fd < 0)
		return;
	for (size_t i = 0; i < HOST_MAX_BEATS; i++) {
		struct host_beat *b = &h->beats[i];

		if (b->open || !h->o.machine->ops->is_ours(h->o.machine, fd))
			continue;
		*b = (struct host_beat){ .io = { .fd = fd, .on = on_beat },
					 .limit.on = on_beat_limit,
					 .host = h,
					 .open = true };
		loop_after(h->o.loop, &b->limit, HOST_HELLO_MS);
		if (loop_add(h->o.loop, &b->io, EPOLLIN, &err) < 0)
			end_beat(b);
		return;
	}
	(void)close(fd);
}

static int start_beats(struct host *h, struct ss_err *err)
{
	uint32_t port = FRAME_PORT_HEARTBEAT;
	const int fd = h->o.machine->ops->listen(h->o.machine, &port, err);

	if (fd < 0)
		return ss_ctx(err, "heartbeat");
	h->beat_listener = (struct loop_fd){ .fd = fd, .on = on_beat_call };
	return loop_add(h->o.loop, &h->beat_listener, EPOLLIN, err);
}

static void done_beats(struct host *h)
{
	for (size_t i = 0; i < HOST_MAX_BEATS; i++)
		end_beat(&h->beats[i]);
	if (h->beat_listener.fd >= 0) {
		loop_remove(h->o.loop, &h->beat_listener);
		(void)close(h->beat_listener.fd);
	}
}

/* --- all of it ------------------------------------------------------------------------------- */

int host_new(const struct host_opts *o, struct host **ret, struct ss_err *err)
{
	struct host *h = ss_calloc(1, sizeof(*h));

	h->o = *o;
	h->beat_listener.fd = h->control.io.fd = h->egress.fd = h->metrics.fd = -1;
	h->datagram = ss_calloc(GRAM_MAX, 1);
	LIST_INIT(&h->calls);
	relay_set_init(&h->relays, o->loop, HOST_MAX_CONNS);
	if (resolver_new(o->loop, &h->resolver, err) < 0 || start_beats(h, err) < 0 ||
	    host_egress_start(h, err) < 0 || host_ingress_start(h, err) < 0 ||
	    host_metrics_start(h, err) < 0) {
		host_free(h);
		return -1;
	}
	*ret = h;
	return 0;
}

void host_free(struct host *h)
{
	if (h == NULL)
		return;
	host_cert_free(h);
	host_metrics_done(h);
	host_ingress_done(h);
	host_egress_done(h);
	host_control_done(h);
	done_beats(h);
	relay_set_done(&h->relays);
	resolver_free(h->resolver);
	free(h->datagram);
	free(h);
}

const struct host_counts *host_counts(const struct host *h)
{
	return &h->n;
}
