/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_metrics.h"

#include "runtime/dp.h"
#include "runtime/format.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define LEAST_PAGE 4096u

static char page[FRAME_MAX_BODY];
static size_t used;

SS_PRINTF(1, 2) static void put(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	used += rt_vformat(page + used, sizeof(page) - used, fmt, ap);
	va_end(ap);
}

static void head(const char *name, const char *type)
{
	put("# TYPE selfsame_%s %s\n", name, type);
}

static void one(const char *name, const char *type, uint64_t v)
{
	head(name, type);
	put("selfsame_%s %llu\n", name, (unsigned long long)v);
}

static void row(const char *name, const char *label, const char *value, uint64_t v)
{
	put("selfsame_%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)v);
}

static void put_application(const struct dp *d)
{
	head("state", "gauge");
	for (unsigned s = FRAME_STARTING; s <= FRAME_STATE_LAST; s++)
		row("state", "state", frame_state_name((enum frame_state)s),
		    s == (unsigned)d->health.state ? 1 : 0);
	one("application_starts_total", "counter", d->health.starts);
	head("health_checks_total", "counter");
	row("health_checks_total", "result", "well", d->health.checks_well);
	row("health_checks_total", "result", "failed", d->health.checks_failed);
}

/* Of all that dataplane has, which is this struct: the pages that were ever touched. */
static uint64_t resident(const struct dp *d)
{
	static uint8_t pages[sizeof(*d) / LEAST_PAGE + 2];
	const size_t page_size = (size_t)getpagesize();
	const size_t at = (uintptr_t)d % page_size;
	const union {
		const struct dp *given;
		uint8_t *wanted; /* mincore() writes nothing there */
	} p = { .given = d };
	const size_t n = (at + sizeof(*d) + page_size - 1) / page_size;
	uint64_t have = 0;

	if (n > sizeof(pages) || mincore(p.wanted - at, n * page_size, pages) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		have += pages[i] & 1u;
	return have * page_size;
}

static void put_memory(const struct dp *d)
{
	struct sysinfo i = { 0 };

	(void)sysinfo(&i); /* it cannot fail */
	one("memory_bytes", "gauge", d->memory);
	one("memory_free_bytes", "gauge", (uint64_t)i.freeram * i.mem_unit);
	one("dataplane_memory_bytes", "gauge", resident(d));
}

static void put_log(const struct dp *d)
{
	one("log_lines_total", "counter", d->log.lines);
	one("log_lines_lost_total", "counter", d->log.lost_lines);
	one("log_bytes_lost_total", "counter", d->log.lost_bytes);
	one("control_streams_total", "counter", d->control.streams);
}

static void ingress_row(const char *name, const struct dp_listener *l, const char *label,
			const char *value, uint64_t v)
{
	put("selfsame_ingress_%s{port=\"%u\",proto=\"%s\"", name, l->in.port,
	    l->in.udp ? "udp" : "tcp");
	if (label != NULL)
		put(",%s=\"%s\"", label, value);
	put("} %llu\n", (unsigned long long)v);
}

static void put_ingress(const struct dp *d)
{
	const struct dp_listener *const end = d->ingress.listeners + d->ingress.n;
	const struct dp_listener *l;

	head("ingress_connections_total", "counter");
	for (l = d->ingress.listeners; l < end; l++)
		ingress_row("connections_total", l, NULL, NULL, l->taken);
	head("ingress_connections_open", "gauge");
	for (l = d->ingress.listeners; l < end; l++)
		ingress_row("connections_open", l, NULL, NULL, l->open);
	head("ingress_refused_total", "counter");
	for (l = d->ingress.listeners; l < end; l++) {
		ingress_row("refused_total", l, "reason", "limit", l->over_limit);
		ingress_row("refused_total", l, "reason", "header", l->bad_header);
		ingress_row("refused_total", l, "reason", "application", l->not_taken);
		if (l->in.tls == MC_TLS_ATTESTED)
			ingress_row("refused_total", l, "reason", "handshake", l->unshaken);
	}
	head("ingress_timed_out_total", "counter");
	for (l = d->ingress.listeners; l < end; l++)
		ingress_row("timed_out_total", l, NULL, NULL, l->idle);
	head("ingress_cut_total", "counter");
	for (l = d->ingress.listeners; l < end; l++)
		if (l->in.tls == MC_TLS_ATTESTED)
			ingress_row("cut_total", l, NULL, NULL, l->cut);
	head("ingress_bytes_total", "counter");
	for (l = d->ingress.listeners; l < end; l++) {
		ingress_row("bytes_total", l, "direction", "in", l->bytes[DP_HOST]);
		ingress_row("bytes_total", l, "direction", "out", l->bytes[DP_APP]);
	}
	head("ingress_datagrams_lost_total", "counter");
	for (l = d->ingress.listeners; l < end; l++)
		if (l->in.udp)
			ingress_row("datagrams_lost_total", l, NULL, NULL, l->lost);
}

static void put_egress(const struct dp *d)
{
	const bool on = d->tun.w.fd >= 0;

	head("egress_connections_total", "counter");
	row("egress_connections_total", "transport", "tcp", d->tcp.opened);
	row("egress_connections_total", "transport", "udp", d->udp.opened);
	head("egress_connections_open", "gauge");
	row("egress_connections_open", "transport", "tcp", on ? d->tcp.slots.used : 0);
	row("egress_connections_open", "transport", "udp", on ? d->udp.slots.used : 0);
	head("egress_bytes_total", "counter");
	row("egress_bytes_total", "direction", "in", d->tcp.bytes[DP_HOST] + d->udp.bytes[DP_HOST]);
	row("egress_bytes_total", "direction", "out", d->tcp.bytes[DP_APP] + d->udp.bytes[DP_APP]);
	one("egress_datagrams_lost_total", "counter", d->udp.lost);
	one("egress_packets_total", "counter", d->tun.packets);
	one("egress_packets_lost_total", "counter", d->tun.lost);
}

static void put_dns(const struct dp *d)
{
	const struct dp_resolver *r = &d->resolver;

	head("dns_questions_total", "counter");
	row("dns_questions_total", "answer", "address", r->addresses);
	row("dns_questions_total", "answer", "empty", r->empty);
	row("dns_questions_total", "answer", "forwarded", r->forwarded);
	row("dns_questions_total", "answer", "not_listed", r->unlisted);
	row("dns_questions_total", "answer", "failed", r->failed);
}

static void put_refusals(const struct dp *d)
{
	head("egress_refused_total", "counter");
	for (unsigned w = 0; w < DP_W_COUNT; w++)
		row("egress_refused_total", "reason", dp_why_label((enum dp_why)w),
		    d->refusals.n[w]);
}

/* What keyplane counted; rows of one name are neighbours. */
static void put_key(const struct dp *d)
{
	static const struct {
		const char *name, *label, *value;
	} rows[KP_COUNTS] = {
		[KP_N_SHAKEN] = { "tls_handshakes_total", "result", "done" },
		[KP_N_UNSHAKEN] = { "tls_handshakes_total", "result", "failed" },
		[KP_N_SLOW] = { "tls_handshakes_total", "result", "timed_out" },
		[KP_N_LIMIT] = { "tls_handshakes_total", "result", "limit" },
		[KP_N_GIVEN] = { "documents_total", "result", "given" },
		[KP_N_LATE] = { "documents_total", "result", "limit" },
		[KP_N_FAILED] = { "documents_total", "result", "failed" },
		[KP_N_APP_GIVEN] = { "application_documents_total", "result", "given" },
		[KP_N_APP_LATE] = { "application_documents_total", "result", "limit" },
		[KP_N_APP_FAILED] = { "application_documents_total", "result", "failed" },
		[KP_N_FORM] = { "service_refused_total", "reason", "form" },
		[KP_N_SENDER] = { "service_refused_total", "reason", "sender" },
		[KP_N_PATH] = { "service_refused_total", "reason", "path" },
		[KP_N_METHOD] = { "service_refused_total", "reason", "method" },
		[KP_N_TAKEN] = { "service_refused_total", "reason", "taken" },
		[KP_N_SIZE] = { "service_refused_total", "reason", "size" },
		[KP_N_HEAD] = { "service_refused_total", "reason", "head" },
		[KP_N_BUSY] = { "service_refused_total", "reason", "busy" },
		[KP_N_SECRETS] = { "secrets_total", "result", "taken" },
	};

	for (size_t i = 0; i < KP_COUNTS; i++) {
		if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
			head(rows[i].name, "counter");
		row(rows[i].name, rows[i].label, rows[i].value, d->key.counts[i]);
	}
}

struct ss_span dp_metrics_text(const struct dp *d)
{
	used = 0;
	put_application(d);
	put_memory(d);
	put_log(d);
	put_ingress(d);
	put_egress(d);
	put_dns(d);
	put_refusals(d);
	put_key(d);
	return (struct ss_span){ (const uint8_t *)page, used };
}
