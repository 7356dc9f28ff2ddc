/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "launch/host_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/*
 * Counters as Prometheus text over HTTP: one request a connection, whatever its path but for its
 * form. The enclave's own lines stand behind ours, and only under names that are not ours.
 */
#define WEB_MS 15000u /* for the request to come, and again for the answer to go */
#define OURS "selfsame_host_"
#define THEIRS "selfsame_"

/* --- text ------------------------------------------------------------------------------------ */

SS_PRINTF(2, 3) static void put(struct ss_buf *b, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0 && n < (int)sizeof(line))
		ss_buf_put(b, (struct ss_span){ (const uint8_t *)line, (size_t)n });
}

static void put_type(struct ss_buf *b, const char *name, const char *type, const char *help)
{
	put(b, "# HELP " OURS "%s %s\n# TYPE " OURS "%s %s\n", name, help, name, type);
}

static void put_one(struct ss_buf *b, const char *name, const char *type, const char *help,
		    uint64_t v)
{
	put_type(b, name, type, help);
	put(b, OURS "%s %" PRIu64 "\n", name, v);
}

void host_metrics_write(const struct host *h, struct ss_buf *b)
{
	const struct host_counts *n = &h->n;
	const struct {
		const char *name, *type, *help;
		uint64_t v;
	} rows[] = {
		{ "connections", "gauge", "streams under way", h->relays.n },
		{ "connections_total", "counter", "streams so far", h->relays.started },
		{ "to_enclave_bytes_total", "counter", "stream bytes", h->relays.to_enclave },
		{ "from_enclave_bytes_total", "counter", "stream bytes", h->relays.from_enclave },
		{ "accepted_total", "counter", "clients of published ports", n->accepted },
		{ "accept_refused_total", "counter", "clients over a limit", n->accept_refused },
		{ "datagrams_received_total", "counter", "from the network", n->datagrams_in },
		{ "datagrams_sent_total", "counter", "to the network", n->datagrams_out },
		{ "flows_total", "counter", "clients of published UDP ports", n->flows },
		{ "flows_evicted_total", "counter", "clients over the limit", n->flows_refused },
		{ "egress_opened_total", "counter", "connections out", n->opened },
		{ "dns_questions_total", "counter", "questions forwarded or not", n->questions },
		{ "dns_refused_total", "counter", "of names off the list", n->questions_refused },
		{ "control_streams_total", "counter", "control streams", n->control_streams },
		{ "control_broken_total", "counter", "that broke the form", n->control_broken },
		{ "lines_total", "counter", "log lines", n->lines },
		{ "lines_lost_total", "counter", "lost inside", n->lines_lost },
	};

	for (size_t i = 0; i < SS_NELEMS(rows); i++)
		put_one(b, rows[i].name, rows[i].type, rows[i].help, rows[i].v);
	put_type(b, "egress_refused_total", "counter", "connections out that were not made");
	for (unsigned s = FRAME_OPEN_OK + 1; s <= FRAME_OPEN_LAST; s++)
		put(b, OURS "egress_refused_total{reason=\"%s\"} %" PRIu64 "\n",
		    frame_opened_name((enum frame_opened)s), n->open_refused[s]);
}

static bool may_stand(struct ss_span line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < 0x20 || line.p[i] > 0x7e)
			return false;
	if (ss_begins(line, "# HELP ") || ss_begins(line, "# TYPE "))
		line = (struct ss_span){ line.p + 7, line.n - 7 };
	return ss_begins(line, THEIRS) && !ss_begins(line, OURS);
}

void host_metrics_filter(struct ss_span text, struct ss_buf *b)
{
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		const size_t n = end != NULL ? (size_t)(end - text.p) : text.n;
		const struct ss_span line = { text.p, n };

		if (may_stand(line)) {
			ss_buf_put(b, line);
			ss_buf_put(b, (struct ss_span){ (const uint8_t *)"\n", 1 });
		}
		text.p += n + (end != NULL);
		text.n -= n + (end != NULL);
	}
}

/* --- HTTP ------------------------------------------------------------------------------------ */

static void end_web(struct host_web *w)
{
	if (!w->open)
		return;
	host_scrape_cancel(w->host, w);
	loop_remove(w->host->o.loop, &w->io);
	loop_cancel(w->host->o.loop, &w->limit);
	(void)close(w->io.fd);
	ss_buf_done(&w->answer);
	w->open = false;
}

static void on_web_limit(struct loop_timer *t)
{
	end_web(LOOP_OWNER(t, struct host_web, limit));
}

static void send_answer(struct host_web *w)
{
	ssize_t n;

	do
		n = send(w->io.fd, w->answer.p + w->sent, w->answer.n - w->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		n = 0;
	w->sent += n > 0 ? (size_t)n : 0;
	if (n < 0 || w->sent == w->answer.n) {
		(void)shutdown(w->io.fd, SHUT_WR);
		end_web(w);
		return;
	}
	loop_want(w->host->o.loop, &w->io, EPOLLOUT);
}

static void begin_answer(struct host_web *w, const char *status, struct ss_span body)
{
	w->answer = (struct ss_buf)SS_BUF_INIT((size_t)8 * FRAME_MAX_BODY);
	put(&w->answer,
	    "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n",
	    status, body.n);
	ss_buf_put(&w->answer, body);
	loop_after(w->host->o.loop, &w->limit, WEB_MS);
	send_answer(w);
}

static void on_text(void *ctx, struct ss_span text)
{
	begin_answer(ctx, "200 OK", text);
}

static void take_request(struct host_web *w)
{
	static const char no[] = "GET /metrics\n";
	const ssize_t n =
		recv(w->io.fd, w->head + w->n_head, sizeof(w->head) - w->n_head, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_web(w);
		return;
	}
	w->n_head += (size_t)n;
	if (memmem(w->head, w->n_head, "\r\n\r\n", 4) == NULL && w->n_head < sizeof(w->head))
		return;
	loop_want(w->host->o.loop, &w->io, 0);
	w->asked = true;
	if (ss_begins((struct ss_span){ (const uint8_t *)w->head, w->n_head }, "GET /metrics "))
		host_scrape(w->host, on_text, w);
	else
		begin_answer(w, "404 Not Found",
			     (struct ss_span){ (const uint8_t *)no, sizeof(no) - 1 });
}

static void on_web(struct loop_fd *f, uint32_t events)
{
	struct host_web *w = LOOP_OWNER(f, struct host_web, io);

	if (!w->asked)
		take_request(w);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		end_web(w);
	else if (w->answer.n > 0)
		send_answer(w);
}

static void on_client(struct loop_fd *f, uint32_t events)
{
	struct host *h = LOOP_OWNER(f, struct host, metrics);
	const int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ss_err err = { 0 };

	(void)events;
	for (size_t i = 0; fd >= 0 && i < HOST_MAX_WEB; i++) {
		struct host_web *w = &h->web[i];

		if (w->open)
			continue;
		*w = (struct host_web){ .io = { .fd = fd, .on = on_web },
					.limit.on = on_web_limit,
					.host = h,
					.open = true };
		loop_after(h->o.loop, &w->limit, WEB_MS);
		if (loop_add(h->o.loop, &w->io, EPOLLIN, &err) < 0)
			end_web(w);
		return;
	}
	ss_closep(&fd);
}

int host_metrics_start(struct host *h, struct ss_err *err)
{
	h->metrics = (struct loop_fd){ .fd = h->o.metrics_fd, .on = on_client };
	return h->metrics.fd >= 0 ? loop_add(h->o.loop, &h->metrics, EPOLLIN, err) : 0;
}

void host_metrics_done(struct host *h)
{
	for (size_t i = 0; i < HOST_MAX_WEB; i++)
		end_web(&h->web[i]);
	if (h->metrics.fd < 0)
		return;
	loop_remove(h->o.loop, &h->metrics);
	(void)close(h->metrics.fd);
}
