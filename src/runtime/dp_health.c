/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_health.h"

#include "runtime/dp.h"
#include "runtime/dp_local.h"
#include "runtime/format.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define STATUS_LINE_MIN 12u /* "HTTP/1.1 200" */

static void become(struct dp *d, enum frame_state state, struct ss_span why)
{
	struct dp_health *h = &d->health;
	const size_t n = why.n < sizeof(h->reason) ? why.n : sizeof(h->reason);

	if (n > 0)
		memcpy(h->reason, why.p, n);
	h->n_reason = n;
	h->state = state;
	dp_control_state(d);
}

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void stop_check(struct dp *d)
{
	dp_timer_stop(&d->health.next);
	dp_timer_stop(&d->health.limit);
	dp_watch_close(&d->health.w);
}

static void plan_next(struct dp *d)
{
	struct dp_health *h = &d->health;
	uint32_t wait = d->config.health.interval_ms;

	if (h->state == FRAME_STARTING) {
		h->wait_ms = 2 * h->wait_ms;
		wait = h->wait_ms < wait ? h->wait_ms : wait;
	}
	dp_timer_set_at(&h->nexts, &h->next, d->loop.now_ms + wait);
}

static void went_well(struct dp *d)
{
	struct dp_health *h = &d->health;

	h->checks_well++;
	h->failures = 0;
	h->judged = true;
	if (h->state != FRAME_READY)
		become(d, FRAME_READY, text(""));
}

static void failed(struct dp *d, const char *why)
{
	struct dp_health *h = &d->health;

	h->checks_failed++;
	h->judged = true;
	if (h->failures < UINT32_MAX)
		h->failures++;
	/* What starts has time to; who watches sees that it is not ready. */
	if (h->state == FRAME_READY && h->failures >= d->config.health.failures)
		become(d, FRAME_FAILING, text(why));
}

static void end_check(struct dp *d)
{
	dp_timer_stop(&d->health.limit);
	dp_watch_close(&d->health.w);
	plan_next(d);
}

static void fail_check(struct dp *d, const char *why)
{
	failed(d, why);
	end_check(d);
}

static bool send_request(struct dp *d)
{
	static char request[MC_MAX_PATH + 128];
	const struct ss_span path = d->config.health.path;
	const size_t n =
		rt_format(request, sizeof(request),
			  "GET %.*s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: selfsame\r\n"
			  "Accept: */*\r\nConnection: close\r\n\r\n",
			  (int)path.n, (const char *)path.p);

	d->health.sent = true;
	return send(d->health.w.fd, request, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

static void begin_check(struct dp *d, struct dp_timer *t)
{
	struct dp_health *h = &d->health;

	(void)t;
	h->sent = false;
	h->judged = false;
	h->n_line = 0;
	h->n_answer = 0;
	h->w.fd = dp_local_call(d->config.health.port, false);
	if (h->w.fd < 0) {
		fail_check(d, errno == ECONNREFUSED ? "health check: connection refused"
						    : "health check: no connection");
		return;
	}
	dp_timer_set_at(&h->limits, &h->limit, d->loop.now_ms + d->config.health.timeout_ms);
	if (!dp_watch_set(&d->loop, &h->w, EPOLLIN | EPOLLOUT | EPOLLRDHUP))
		fail_check(d, "health check: no memory");
}

static void check_expired(struct dp *d, struct dp_timer *t)
{
	(void)t;
	if (!d->health.judged)
		failed(d, "health check: timed out");
	end_check(d);
}

void dp_health_init(struct dp *d)
{
	struct dp_health *h = &d->health;

	h->state = FRAME_STARTING;
	h->w = (struct dp_watch){ .fd = -1, .kind = DP_K_HEALTH };
	dp_timers_init(&d->loop, &h->nexts, 0, begin_check);
	dp_timers_init(&d->loop, &h->limits, 0, check_expired);
}

/* "HTTP/1." digit " " three digits, then the end or a space and a reason. */
int dp_health_status(struct ss_span line)
{
	const uint8_t *p = line.p;

	if (line.n < STATUS_LINE_MIN || memcmp(p, "HTTP/1.", 7) != 0 || p[7] < '0' || p[7] > '9' ||
	    p[8] != ' ')
		return -1;
	for (size_t i = 9; i < STATUS_LINE_MIN; i++)
		if (p[i] < '0' || p[i] > '9')
			return -1;
	if (line.n > STATUS_LINE_MIN && p[STATUS_LINE_MIN] != ' ')
		return -1;
	for (size_t i = STATUS_LINE_MIN; i < line.n; i++)
		if (p[i] < ' ' && p[i] != '\t')
			return -1;
	return (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
}

/* Looks for the whole first line in what came. */
static void judge(struct dp *d)
{
	struct dp_health *h = &d->health;
	const char *end = memchr(h->line, '\n', h->n_line);
	char why[64];
	size_t n;
	int status;

	if (end == NULL && h->n_line < sizeof(h->line))
		return;
	n = end == NULL ? 0 : (size_t)(end - h->line);
	if (n > 0 && h->line[n - 1] == '\r')
		n--;
	status = dp_health_status((struct ss_span){ (const uint8_t *)h->line, n });
	if (status >= 200 && status < 400) {
		went_well(d);
	} else if (status < 0) {
		failed(d, "health check: the answer is no HTTP");
	} else {
		(void)rt_format(why, sizeof(why), "health check: status %d", status);
		failed(d, why);
	}
}

/* The rest of the answer is read, within bounds, so that the application sees nothing odd. */
static void read_answer(struct dp *d)
{
	struct dp_health *h = &d->health;

	while (h->n_answer < DP_HEALTH_ANSWER) {
		const ssize_t n = recv(h->w.fd, d->scratch, DP_COPY_BYTES, MSG_DONTWAIT);
		size_t more;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			break;
		h->n_answer += (size_t)n;
		if (h->judged)
			continue;
		more = sizeof(h->line) - h->n_line;
		more = (size_t)n < more ? (size_t)n : more;
		memcpy(h->line + h->n_line, d->scratch, more);
		h->n_line += more;
		judge(d);
	}
	if (!h->judged)
		failed(d, "health check: the connection ended without an answer");
	end_check(d);
}

void dp_health_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	struct dp_health *h = &d->health;

	if (!h->sent) {
		const int why = dp_local_outcome(w->fd);

		if (why != 0) {
			fail_check(d, why == ECONNREFUSED ? "health check: connection refused"
							  : "health check: no connection");
			return;
		}
		if (d->config.health.check == MC_CHECK_TCP) {
			went_well(d);
			end_check(d);
			return;
		}
		if (!send_request(d) || !dp_watch_set(&d->loop, w, EPOLLIN | EPOLLRDHUP)) {
			fail_check(d, "health check: the request was not taken");
			return;
		}
	}
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		read_answer(d);
}

void dp_health_started(struct dp *d, uint32_t before)
{
	struct dp_health *h = &d->health;
	char why[64];

	stop_check(d);
	h->running = true;
	h->failures = 0;
	h->starts++;
	if (h->state == FRAME_DRAINING)
		return;
	why[0] = '\0';
	if (before > 0)
		(void)rt_format(why, sizeof(why), "restarts: %u", before);
	become(d, FRAME_STARTING, text(why));
	if (d->config.health.check == MC_CHECK_NONE) {
		become(d, FRAME_READY, text(why));
		return;
	}
	h->wait_ms = DP_FIRST_CHECK_MS / 2;
	plan_next(d);
}

void dp_health_waits(struct dp *d, struct ss_span why)
{
	if (d->health.state == FRAME_STARTING)
		become(d, FRAME_WAITING, why);
}

void dp_health_down(struct dp *d, struct ss_span why)
{
	stop_check(d);
	d->health.running = false;
	if (d->health.state != FRAME_DRAINING)
		become(d, FRAME_RESTARTING, why);
}

void dp_health_drain(struct dp *d)
{
	stop_check(d);
	if (d->health.state != FRAME_DRAINING)
		become(d, FRAME_DRAINING, text(""));
}
