/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/mem.h"
#include "base/show.h"
#include "io/clock.h"
#include "launch/nitro.h"
#include "launch/sv_parts.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#define GIB ((uint64_t)1024 * 1024 * 1024)

static void set_end(struct sv *s, enum sv_kind kind, unsigned value, const char *reason)
{
	if (s->end_known)
		return;
	s->end = (struct sv_end){ .kind = kind, .value = value };
	(void)snprintf(s->end.reason, sizeof(s->end.reason), "%s", reason);
	s->end_known = true;
}

void sv_fail(struct sv *s, const char *fmt, ...)
{
	char text[SS_ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	set_end(s, SV_FAILED, 0, text);
	s->machine->ops->stop(s->machine);
}

/* --- stopping -------------------------------------------------------------------------------- */

static void kill_it(struct sv *s, const char *why)
{
	set_end(s, SV_KILLED, SIGKILL, why);
	s->machine->ops->stop(s->machine);
}

void sv_stop(struct sv *s, uint32_t grace_ms)
{
	const uint32_t measured = s->p->facts.has_config ? s->p->facts.config.grace_ms : 0;
	const uint32_t grace = grace_ms != 0 ? grace_ms : s->p->o.grace_ms;

	s->stops++;
	if (s->machine_ended)
		return;
	if (s->stops > 1) {
		kill_it(s, "told to stop a second time");
	} else if (host_stop_guest(s->host, grace)) {
		sv_note(s, "stopping");
		loop_after(s->loop, &s->limit,
			   (uint64_t)(grace != 0 ? grace : measured) + SV_END_MARGIN_MS);
	} else {
		kill_it(s, "it cannot be told to stop: there is no control stream");
	}
}

/* The one time that runs: for the heartbeat, for stopping, or for the machine to end. */
static void on_limit(struct loop_timer *t)
{
	struct sv *s = LOOP_OWNER(t, struct sv, limit);

	if (s->machine_ended)
		return;
	if (s->end_known) {
		sv_note(s, "the enclave has said its last word, but the machine goes on: ended");
		s->machine->ops->stop(s->machine);
	} else if (s->stops > 0) {
		kill_it(s, "it did not stop in time");
	} else {
		sv_fail(s, "no heartbeat: the enclave did not boot in time");
	}
}

static void on_signal(struct loop_fd *f, uint32_t events)
{
	struct sv *s = LOOP_OWNER(f, struct sv, signal_io);
	struct signalfd_siginfo info;

	(void)events;
	if (read(f->fd, &info, sizeof(info)) != sizeof(info))
		return;
	s->cut = s->stops > 0;
	sv_stop(s, 0);
}

/* --- what the enclave says ------------------------------------------------------------------- */

/* Who waits for it to be ready is told so, once. */
static void report(struct sv *s)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TALK_HEAD + TALK_MAX_BODY);
	const struct sv_status status = sv_status(s);
	struct talk t = { .type = s->end_known ? TALK_END : TALK_DESCRIPTION };
	json_t *o;
	char *text;

	if (s->report_io.fd < 0 || s->reported)
		return;
	s->reported = true;
	o = sv_describe(s->p, &status);
	if (s->end_known)
		sv_describe_end(o, &s->end);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	assert(text != NULL);
	t.body = (struct ss_span){ (const uint8_t *)text, strlen(text) };
	talk_write(&t, &b);
	free(text);
	loop_remove(s->loop, &s->report_io);
	/* A stream socket that nothing was written to takes this much at once. */
	(void)!send(s->report_io.fd, b.p, b.n, MSG_NOSIGNAL);
	(void)close(ss_take_fd(&s->report_io.fd));
}

/* Whoever waited has gone: then nobody wants it. */
static void on_report(struct loop_fd *f, uint32_t events)
{
	struct sv *s = LOOP_OWNER(f, struct sv, report_io);

	(void)events;
	loop_remove(s->loop, f);
	s->reported = true;
	sv_stop(s, 0);
}

static void on_beat(void *ctx)
{
	struct sv *s = ctx;

	s->booted = true;
	if (s->stops == 0)
		loop_cancel(s->loop, &s->limit);
	if (!s->p->facts.has_config)
		report(s); /* another's layout says no more */
}

static void on_welcome(void *ctx, uint64_t memory)
{
	(void)ctx;
	(void)memory;
}

/* What the enclave gave as a reason, whole as far as there is room, fit for a terminal. */
static void show_reason(struct ss_span text, char *ret, size_t size)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)4 * FRAME_MAX_TEXT);

	ss_show_line(&b, text);
	(void)snprintf(ret, size, "%.*s", (int)b.n, b.n > 0 ? (const char *)b.p : "");
}

static void on_state(void *ctx, enum frame_state state, struct ss_span reason)
{
	struct sv *s = ctx;
	const bool is_new = s->state != state;

	s->state = state;
	show_reason(reason, s->reason, sizeof(s->reason));
	if (is_new && (state != FRAME_READY || !s->told_ready))
		sv_note(s, "%s%s%s", frame_state_name(state), s->reason[0] != '\0' ? ": " : "",
			s->reason);
	else if (is_new)
		sv_note(s, "ready again");
	s->told_ready |= state == FRAME_READY;
	if (state == FRAME_READY || state == FRAME_FAILING || state == FRAME_WAITING)
		report(s);
}

static void on_line(void *ctx, const struct frame *f)
{
	sv_show_frame(ctx, f);
}

static void on_lost(void *ctx, uint64_t lines, uint64_t bytes)
{
	sv_note(ctx, "%llu log lines (%llu bytes) lost inside: the host was too slow",
		(unsigned long long)lines, (unsigned long long)bytes);
}

static void on_exit_frame(void *ctx, const struct frame *f)
{
	struct sv *s = ctx;
	char reason[FRAME_MAX_TEXT], coded[FRAME_MAX_TEXT + 16];

	show_reason(f->exit.reason, reason, sizeof(reason));
	switch (f->exit.kind) {
	case FRAME_EXITED:
		set_end(s, SV_EXITED, f->exit.value, reason);
		break;
	case FRAME_SIGNALLED:
		set_end(s, SV_SIGNALLED, f->exit.value, reason);
		break;
	case FRAME_STOPPED:
		/* As the console has it: docs/formats/ramdisk.md lists the codes. */
		(void)snprintf(coded, sizeof(coded), "rt:E%02u %s", f->exit.value, reason);
		set_end(s, SV_STOPPED, f->exit.value,
			strncmp(reason, "rt:", 3) == 0 ? reason : coded);
		break;
	}
	loop_after(s->loop, &s->limit, SV_LAST_MS);
}

static void on_host_note(void *ctx, const char *text)
{
	sv_note(ctx, "%s", text);
}

/* --- the console ----------------------------------------------------------------------------- */

static void on_console_line(void *ctx, struct ss_span line)
{
	struct sv *s = ctx;
	const uint8_t *computed = s->p->facts.m.pcr0;
	char theirs[97], ours[97];

	sv_show_console(s, line);
	if (!s->console.has_pcr0 || s->p->facts.m.pcr0_unknown)
		return;
	s->console.has_pcr0 = false; /* once */
	/* On Nitro only debug mode has a console. */
	if (s->p->is_nitro || sv_is_unmeasured(s->p) ||
	    memcmp(s->console.pcr0, computed, sizeof(s->console.pcr0)) == 0)
		return;
	ss_hex((struct ss_span){ s->console.pcr0, sizeof(s->console.pcr0) }, theirs);
	ss_hex((struct ss_span){ computed, sizeof(s->console.pcr0) }, ours);
	sv_fail(s, "QEMU measured another image: its PCR0 is %s, this file's is %s", theirs, ours);
}

/* False when there is no more. */
static bool read_console(struct sv *s)
{
	uint8_t block[16384];
	const ssize_t n = read(s->console_io.fd, block, sizeof(block));

	if (n > 0)
		console_watch_put(&s->console, (struct ss_span){ block, (size_t)n });
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void on_console(struct loop_fd *f, uint32_t events)
{
	struct sv *s = LOOP_OWNER(f, struct sv, console_io);

	(void)events;
	if (!read_console(s))
		loop_remove(s->loop, f);
}

/* --- the end --------------------------------------------------------------------------------- */

/* How it ended, from what the console said; false: it did not say. */
static bool end_from_console(struct sv *s)
{
	char text[300];

	switch (s->console.end) {
	case CONSOLE_NO_END:
		return false;
	case CONSOLE_EXITED:
		set_end(s, SV_EXITED, s->console.value, "");
		return true;
	case CONSOLE_KILLED:
		set_end(s, SV_SIGNALLED, s->console.value, "");
		return true;
	case CONSOLE_STOPPED:
		set_end(s, SV_STOPPED, 0, s->console.text);
		return true;
	case CONSOLE_PANIC:
		(void)snprintf(text, sizeof(text), "kernel panic: %s", s->console.text);
		set_end(s, SV_STOPPED, 0, text);
		return true;
	}
	return false;
}

/* The machine is gone and all that it said has been read. */
static void conclude(struct sv *s)
{
	if (s->end_known || end_from_console(s))
		return;
	if (!s->machine_end.in_order)
		set_end(s, SV_FAILED, 0, s->machine_end.why);
	else if (!s->booted)
		set_end(s, SV_FAILED, 0, "the enclave ended before its first heartbeat");
	else
		set_end(s, SV_FAILED, 0, "the enclave ended without a word");
}

static void on_drain(struct loop_timer *t)
{
	struct sv *s = LOOP_OWNER(t, struct sv, drain);

	/* A slow reader of ours is waited for: what the enclave said is there. */
	if (s->outlet != NULL && outlet_is_full(s->outlet))
		loop_after(s->loop, t, SV_DRAIN_MS);
	else
		s->drained = true;
}

static void on_ended(struct loop_fd *f, uint32_t events)
{
	struct sv *s = LOOP_OWNER(f, struct sv, ended_io);

	(void)events;
	loop_remove(s->loop, f);
	loop_cancel(s->loop, &s->limit);
	s->machine->ops->end(s->machine, &s->machine_end);
	s->machine_ended = true;
	loop_after(s->loop, &s->drain, SV_DRAIN_MS);
	host_end(s->host);
}

/* What was said before the end is on its way still: through QEMU's pipe, through the sockets. */
static bool is_over(const struct sv *s)
{
	if (!s->machine_ended)
		return false;
	return s->drained || s->cut || (!s->console_io.added && !host_is_connected(s->host));
}

/* --- the run --------------------------------------------------------------------------------- */

struct sv_status sv_status(const struct sv *s)
{
	if (s->machine == NULL)
		return s->end.last;
	return (struct sv_status){ .machine = s->machine->ops->name,
				   .is_kvm = s->p->qemu.kvm,
				   .has_nsm = s->machine->has_nsm,
				   .booted = s->booted,
				   .stopping = s->stops > 0 || s->end_known,
				   .state = s->state,
				   .reason = s->reason,
				   .pid = getpid(),
				   .cid = s->machine->cid };
}

static void put_image(const struct eif_measurements *m, struct nsm_machine_opts *o)
{
	memcpy(o->pcrs[0], m->pcr0, NSM_PCR_SIZE);
	memcpy(o->pcrs[1], m->pcr1, NSM_PCR_SIZE);
	memcpy(o->pcrs[2], m->pcr2, NSM_PCR_SIZE);
	if (m->has_pcr8)
		memcpy(o->pcrs[8], m->pcr8, NSM_PCR_SIZE);
}

/* The NSM that QEMU has not: registers as we measured them, as AWS's would have them; in debug mode
 * that is zeros for all that an image has. */
static int make_nsm(const struct sv_plan *p, struct nsm_machine **ret, struct ss_err *err)
{
	struct nsm_machine_opts o = { .module_id = p->id, .root = p->root };

	if (p->root == NULL)
		return 0;
	if (!sv_is_unmeasured(p))
		put_image(&p->facts.m, &o);
	if (p->o.nsm_role != NULL)
		nsm_pcr_of_text(p->o.nsm_role, o.pcrs[3]);
	nsm_pcr_of_text(sv_instance(p), o.pcrs[4]);
	return nsm_machine_new(&o, io_clock_now(), ret, err);
}

static int start_machine(struct sv *s, struct ss_err *err)
{
	const struct sv_plan *p = s->p;
	const struct machine_spec spec = { .eif = p->facts.file.path,
					   .memory_mib = p->memory_mib,
					   .cpus = p->cpus,
					   .cid = p->claim.cid,
					   .debug = p->o.debug };
	struct qemu_opts o = { .found = &p->qemu,
			       .file = &p->facts.file,
			       .work = p->dir.path,
			       .id = p->id,
			       .kernel_messages = p->o.debug };
	const struct nitro_opts n = { .eif = p->facts.file.fd, .eif_size = p->facts.file.size };

	if (make_nsm(p, &o.nsm, err) < 0)
		return -1;
	return p->is_nitro ? nitro_start(&spec, &n, &s->machine, err)
			   : qemu_start(&spec, &o, &s->machine, err);
}

static int start_host(struct sv *s, struct ss_err *err)
{
	struct sv_plan *p = s->p;
	struct host_port ports[PUBLISH_MAX];
	const struct host_opts o = { .loop = s->loop,
				     .machine = s->machine,
				     .facts = &p->facts,
				     .ports = ports,
				     .n_ports = p->ports.n,
				     .has_dns = p->has_dns,
				     .dns = p->dns,
				     .metrics_fd = ss_take_fd(&p->metrics_fd),
				     .on = { on_beat, on_welcome, on_state, on_line, on_lost,
					     on_exit_frame, on_host_note, s } };

	for (size_t i = 0; i < p->ports.n; i++) {
		struct publish_port *from = &p->ports.v[i];

		ports[i] = (struct host_port){ ss_take_fd(&from->fd), from->to, from->udp,
					       from->proxy };
	}
	return host_new(&o, &s->host, err);
}

static void news(void *ctx, int failed)
{
	sv_show_news(ctx, failed);
}

static int start_watching(struct sv *s, int report_fd, struct ss_err *err)
{
	sigset_t stops;

	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGINT);
	(void)sigaddset(&stops, SIGTERM);
	(void)sigaddset(&stops, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &stops, NULL);
	s->signal_io = (struct loop_fd){ .fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK),
					 .on = on_signal };
	if (s->signal_io.fd < 0)
		return ss_fail_sys(err, "cannot watch signals");
	s->report_io = (struct loop_fd){ .fd = report_fd, .on = on_report };
	if (loop_add(s->loop, &s->signal_io, EPOLLIN, err) < 0 ||
	    (report_fd >= 0 && loop_add(s->loop, &s->report_io, EPOLLIN, err) < 0))
		return -1;
	if (s->face == NULL)
		return 0;
	return outlet_new(s->loop, s->face->out_fd, s->face->err_fd, news, s, &s->outlet, err);
}

static uint64_t boot_limit(const struct sv_plan *p)
{
	return SV_BEAT_MS + 90000u * (p->facts.file.size / (6 * GIB) + p->memory_mib / 102400);
}

static int watch_machine(struct sv *s, struct ss_err *err)
{
	const struct machine_ops *ops = s->machine->ops;

	s->ended_io = (struct loop_fd){ .fd = ops->end_fd(s->machine), .on = on_ended };
	s->console_io = (struct loop_fd){ .fd = ops->console(s->machine), .on = on_console };
	s->console = (struct console_watch){ .line = on_console_line, .ctx = s };
	if (s->console_io.fd >= 0 && loop_add(s->loop, &s->console_io, EPOLLIN, err) < 0)
		return -1;
	loop_after(s->loop, &s->limit, boot_limit(s->p));
	return loop_add(s->loop, &s->ended_io, EPOLLIN, err);
}

static void say_what_starts(struct sv *s)
{
	const struct sv_plan *p = s->p;
	const struct machine *m = s->machine;

	sv_note(s, "%s: %s%s, %llu MiB, %u CPU%s, CID %u", p->claim.name, m->ops->name,
		p->is_nitro   ? ""
		: p->qemu.kvm ? " under KVM"
			      : " without KVM (TCG: slow)",
		(unsigned long long)p->memory_mib, p->cpus, p->cpus == 1 ? "" : "s", m->cid);
	if (m->notice != NULL)
		sv_note(s, "%s", m->notice);
	if (p->facts.expired.code != SS_OK)
		sv_note(s, "%s", p->facts.expired.msg);
	for (size_t i = 0; i < p->ports.n; i++) {
		char text[PUBLISH_TEXT];

		publish_show(&p->ports.v[i].addr, p->ports.v[i].any, text);
		sv_note(s, "publishing %s -> %u%s", text, p->ports.v[i].to,
			p->ports.v[i].udp ? " (UDP)" : "");
		if (p->ports.v[i].attested && !m->has_nsm)
			sv_note(s, "port %u stays closed: without an NSM nothing can be attested",
				p->ports.v[i].to);
	}
	if (p->ports.n == 0 && p->facts.config.ingress.n > 0)
		sv_note(s, "no port is published: --port HOST:GUEST does it");
}

static int start(struct sv *s, int report_fd, struct ss_err *err)
{
	/* On Nitro the start may wait for its turn: until then a signal simply ends us. */
	if (loop_new(&s->loop, err) < 0 || (s->p->is_nitro && start_machine(s, err) < 0) ||
	    start_watching(s, report_fd, err) < 0 || (!s->p->is_nitro && start_machine(s, err) < 0))
		return -1;
	if (start_host(s, err) < 0 || sv_serve_start(s, err) < 0 || watch_machine(s, err) < 0)
		return -1;
	say_what_starts(s);
	return 0;
}

/* Whoever is told of the end finds nothing left of it: name, address and ports are free. */
static void let_go(struct sv *s)
{
	struct machine *m = TAKE_PTR(s->machine);

	sv_serve_close(s);
	host_free(TAKE_PTR(s->host));
	m->ops->free(m);
	rundir_unclaim(&s->p->claim);
}

static void finish(struct sv *s)
{
	const uint64_t until = loop_now() + SV_DRAIN_MS;
	struct ss_err err = { 0 };
	char text[SV_TEXT];

	console_watch_end(&s->console);
	conclude(s);
	sv_end_show(&s->end, text);
	sv_note(s, "%s: %s", s->p->claim.name, text);
	s->end.last = sv_status(s);
	let_go(s);
	report(s);
	sv_serve_end(s);
	while (!s->cut && !sv_serve_is_idle(s) && loop_now() < until)
		if (loop_turn(s->loop, 100, &err) < 0)
			return;
}

static void done(struct sv *s)
{
	if (s->loop == NULL)
		return;
	sv_serve_done(s);
	host_free(s->host);
	if (s->machine != NULL)
		s->machine->ops->free(s->machine);
	outlet_free(s->outlet, s->cut);
	ss_closep(&s->signal_io.fd);
	ss_closep(&s->report_io.fd);
	loop_free(s->loop);
}

static void free_sv(struct sv **s)
{
	done(*s);
	store_done(&(*s)->lines);
	store_done(&(*s)->console_store);
	free((*s)->record);
	free(*s);
}

static struct sv *new_sv(struct sv_plan *p, const struct sv_face *face)
{
	struct sv *s = ss_calloc(1, sizeof(*s));

	s->p = p;
	s->face = face;
	s->signal_io.fd = s->report_io.fd = s->listener.fd = s->console_io.fd = -1;
	s->limit.on = on_limit;
	s->drain.on = on_drain;
	s->record = ss_calloc(STORE_MAX_RECORD, 1);
	s->show_console = !p->facts.config.logs || p->o.debug;
	store_init(&s->lines, SV_LINES);
	store_init(&s->console_store, SV_CONSOLE);
	LIST_INIT(&s->clients);
	return s;
}

int sv_run(struct sv_plan *p, const struct sv_face *face, int report_fd, struct sv_end *ret,
	   struct ss_err *err)
{
	SS_CLEANUP(free_sv) struct sv *s = new_sv(p, face);

	if (start(s, report_fd, err) < 0)
		return -1;
	while (!is_over(s))
		if (loop_turn(s->loop, -1, err) < 0)
			return -1;
	finish(s);
	*ret = s->end;
	ret->last.reason = "";
	return 0;
}
