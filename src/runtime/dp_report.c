/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_report.h"

#include "runtime/dp.h"
#include "runtime/format.h"

#include <time.h>

#define LINE_MAX_BYTES 600u

static const struct {
	const char *label, *text;
} whys[DP_W_COUNT] = {
	[DP_W_NOT_LISTED] = { "not_listed", "not on the allow-list" },
	[DP_W_NO_NAME] = { "no_name", "no name was given this address, or it was too long ago" },
	[DP_W_OTHER_SNI] = { "other_sni", "TLS asks for another server" },
	[DP_W_NO_SNI] = { "no_sni", "TLS does not name the server" },
	[DP_W_BAD_TLS] = { "bad_tls", "the TLS ClientHello is not in order" },
	[DP_W_LIMIT] = { "limit", "too many connections" },
	[DP_W_NO_HOST] = { "no_host", "the host is not there" },
	[DP_W_HOST_LIST] = { "host_list", "the host does not allow it" },
	[DP_W_HOST_NAME] = { "host_no_name", "the host finds no such name" },
	[DP_W_HOST_REFUSED] = { "host_refused", "connection refused" },
	[DP_W_HOST_UNREACHABLE] = { "host_unreachable", "unreachable" },
	[DP_W_HOST_TIMED_OUT] = { "host_timed_out", "timed out" },
	[DP_W_HOST_BUSY] = { "host_busy", "the host has too many connections" },
	[DP_W_HOST_BROKEN] = { "host_broken", "the host's answer is not in order" },
	[DP_W_KIND] = { "kind", "only TCP and UDP are carried" },
};

const char *dp_why_text(enum dp_why why)
{
	return whys[why].text;
}

const char *dp_why_label(enum dp_why why)
{
	return whys[why].label;
}

static uint64_t realtime_ns(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void say(struct dp *d, const char *text, size_t n)
{
	const struct dp_line line = { .source = FRAME_DATAPLANE,
				      .time_ns = realtime_ns(),
				      .text = { (const uint8_t *)text, n } };

	if (!d->config.logs)
		return;
	dp_log_put(&d->log, &line);
	dp_control_kick(d);
}

void dp_say(struct dp *d, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = rt_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	say(d, line, n);
}

/* A bucket that fills by one line every DP_REFUSED_EVERY_MS, told by when it would be full. */
static bool may_say(struct dp *d)
{
	const uint64_t now = d->loop.now_ms;
	const uint64_t full = (uint64_t)DP_REFUSED_BURST * DP_REFUSED_EVERY_MS;
	struct dp_refusals *r = &d->refusals;

	if (r->ready_ms < now)
		r->ready_ms = now;
	if (r->ready_ms + DP_REFUSED_EVERY_MS > now + full) {
		r->unsaid++;
		return false;
	}
	r->ready_ms += DP_REFUSED_EVERY_MS;
	return true;
}

void dp_refused(struct dp *d, enum dp_why why, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;
	size_t n;

	d->refusals.n[why]++;
	if (!may_say(d))
		return;
	n = rt_format(line, sizeof(line), "refused: ");
	va_start(ap, fmt);
	n += rt_vformat(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	n += rt_format(line + n, sizeof(line) - n, ": %s", dp_why_text(why));
	if (d->refusals.unsaid > 0)
		n += rt_format(line + n, sizeof(line) - n,
			       " (and %llu refusals before without a line)",
			       (unsigned long long)d->refusals.unsaid);
	d->refusals.unsaid = 0;
	say(d, line, n);
}
