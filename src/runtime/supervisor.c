/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/supervisor.h"

#include "base/mem.h"
#include "runtime/format.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define WISHES_A_TURN 8u /* so that a talkative dataplane does not keep the application waiting */
#define MS_NS 1000000
#define NAMES_MAX 300u /* of secrets that are awaited, for people */

static uint8_t relay_room[16384];

SS_NORETURN static void stop(struct rt_supervisor *s, enum rt_stop_code code,
			     const struct ss_err *err)
{
	rt_last_stop(&s->plane, code, err);
}

static void must(struct rt_supervisor *s, int rc, enum rt_stop_code code, const struct ss_err *err)
{
	if (rc < 0)
		stop(s, code, err);
}

static void tell(struct rt_supervisor *s, const struct rt_plane_head *h, const char *text)
{
	struct ss_err err = { 0 };

	must(s, rt_plane_tell(&s->plane, h, text, &err), RT_E_DATAPLANE, &err);
}

/* --- what the life of the application asks for --------------------------------------------- */

static void start(struct rt_supervisor *s)
{
	struct ss_err err = { 0 };

	must(s, rt_app_start(&s->app, &err), RT_E_ISOLATION, &err);
	s->fds[RT_POLL_OUT].fd = s->app.output[0];
	s->fds[RT_POLL_ERR].fd = s->app.output[1];
	s->fds[RT_POLL_REPORT].fd = s->app.report;
	s->up = true;
	s->keeper_ended = false;
	s->stage = RT_AWAIT_END;
	s->stage_due = RT_LIFE_NEVER;
}

static void say_pause(struct rt_supervisor *s)
{
	char text[64];

	rt_say_status(text, sizeof(text), s->life.status);
	rt_output_say(RT_P_RESTART, "application %s; it starts again in %u ms", text,
		      s->life.pause_ms);
	tell(s, &(struct rt_plane_head){ .type = RT_PLANE_DOWN }, text);
}

static void send_signal(struct rt_supervisor *s, int sig)
{
	if (s->up && !s->keeper_ended)
		(void)kill(s->app.keeper, sig);
}

static void ask_to_stop(struct rt_supervisor *s)
{
	const uint64_t now = rt_now_ms();
	const uint64_t left = s->life.due > now ? s->life.due - now : 0;

	rt_output_say(RT_P_STOPPING, "application stops: signal %u, %llu ms until it is killed",
		      s->config->stop_signal, (unsigned long long)left);
	tell(s, &(struct rt_plane_head){ .type = RT_PLANE_DRAIN }, "");
	send_signal(s, (int)s->config->stop_signal);
}

SS_NORETURN static void finish(struct rt_supervisor *s)
{
	struct ss_err err = { 0 };

	if (s->life.ran)
		rt_last_word(&s->plane, s->life.status);
	ss_err_set(&err, SS_EUSAGE, "stopped before the application was started");
	stop(s, RT_E_EARLY, &err);
}

static void act(struct rt_supervisor *s, enum rt_life_do what)
{
	switch (what) {
	case RT_LIFE_WAIT:
		break;
	case RT_LIFE_START:
		start(s);
		break;
	case RT_LIFE_PAUSE:
		say_pause(s);
		break;
	case RT_LIFE_SIGNAL:
		ask_to_stop(s);
		break;
	case RT_LIFE_KILL:
		rt_output_say(RT_P_STOPPING, "application does not stop: killed");
		send_signal(s, SIGKILL);
		break;
	case RT_LIFE_END:
		finish(s);
	}
}

/* --- the application ------------------------------------------------------------------------ */

static void forget(struct pollfd *p)
{
	(void)close(p->fd);
	p->fd = -1; /* poll() passes over it */
}

static void relay(struct pollfd *p, enum rt_stream stream)
{
	const ssize_t n = read(p->fd, relay_room, sizeof(relay_room));

	if (n > 0) {
		rt_output_put(stream, (struct ss_span){ relay_room, (size_t)n });
		return;
	}
	if (n < 0 && errno == EINTR)
		return;
	rt_output_end(stream);
	forget(p);
}

/* The end of the pipe, which exec closes, means that the program runs. */
static void hear_report(struct rt_supervisor *s)
{
	struct pollfd *p = &s->fds[RT_POLL_REPORT];
	const uint32_t before = s->life.starts - 1;
	char line[RT_REPORT_MAX];
	const ssize_t n = read(p->fd, line, sizeof(line) - 1);

	if (n > 0) {
		line[n] = '\0';
		s->failed = true;
		s->code = (enum rt_stop_code)line[0];
		ss_err_set(&s->why, SS_ESYS, "%s", line + 1);
		return;
	}
	forget(p);
	if (s->failed)
		return;
	if (before == 0)
		rt_output_say(RT_P_STARTED, "application started");
	else
		rt_output_say(RT_P_STARTED, "application started again, %u times now", before);
	if (s->config->restart == MC_RESTART_NEVER)
		rt_secrets_forget();
	tell(s, &(struct rt_plane_head){ .type = RT_PLANE_STARTED, .count = before }, "");
}

/* With the keeper everything in its namespace is gone, so the pipes have ends. */
static bool is_over(const struct rt_supervisor *s)
{
	return s->up && s->keeper_ended && s->fds[RT_POLL_OUT].fd < 0 &&
	       s->fds[RT_POLL_ERR].fd < 0 && s->fds[RT_POLL_REPORT].fd < 0;
}

static void hear_end(struct rt_supervisor *s)
{
	struct ss_err err = { 0 };
	int status = 0;
	const ssize_t n = read(s->app.status, &status, sizeof(status));

	(void)close(s->app.status);
	s->up = false;
	rt_output_fresh_line();
	if (s->failed)
		stop(s, s->code, &s->why);
	if (n != (ssize_t)sizeof(status)) {
		/* The keeper was killed: that is the application's end. */
		status = s->keeper_status;
		if (!WIFSIGNALED(status)) {
			ss_err_set(&err, SS_ESYS, "the application's keeper is gone");
			stop(s, RT_E_LOST, &err);
		}
	}
	act(s, rt_life_ended(&s->life, status, rt_now_ms()));
}

/* --- signals, dataplane, time --------------------------------------------------------------- */

SS_NORETURN static void plane_ended(struct rt_supervisor *s, int status)
{
	struct ss_err err = { 0 };
	char text[64];

	rt_say_status(text, sizeof(text), status);
	(void)close(s->plane.fd);
	s->plane.fd = -1;
	ss_err_set(&err, SS_ESYS, "the dataplane %s", text);
	stop(s, RT_E_DATAPLANE, &err);
}

/* It ends when dataplane does, not the other way round: then that is what is told. */
SS_NORETURN static void key_ended(struct rt_supervisor *s, int status)
{
	struct ss_err err = { 0 };
	char text[64];
	int why;

	if (s->plane.fd >= 0 && waitpid(s->plane.pid, &why, WNOHANG) == s->plane.pid)
		plane_ended(s, why);
	rt_say_status(text, sizeof(text), status);
	ss_err_set(&err, SS_ESYS, "the keyplane %s", text);
	stop(s, RT_E_KEYPLANE, &err);
}

/* Collects whoever has ended. */
static void reap(struct rt_supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->plane.pid && s->plane.fd >= 0)
			plane_ended(s, status);
		if (pid == s->key)
			key_ended(s, status);
		if (!s->up || pid != s->app.keeper)
			continue;
		s->keeper_ended = true;
		s->keeper_status = status;
	}
}

static void hear_signal(struct rt_supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->fds[RT_POLL_SIGNALS].fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap(s);
	else
		act(s, rt_life_stop(&s->life, 0, rt_now_ms()));
}

static void await_secrets(struct rt_supervisor *s)
{
	struct ss_err err = { 0 };
	char names[NAMES_MAX], text[NAMES_MAX + 16];

	rt_secrets_list(&s->secrets, names, sizeof(names));
	if (s->secrets.fd < 0) {
		ss_err_set(&err, SS_ESYS, "without an NSM nobody can send what is required: %s",
			   names);
		stop(s, RT_E_SECRETS, &err);
	}
	rt_output_say(RT_P_SECRETS, "application waits for secrets: %s", names);
	(void)rt_format(text, sizeof(text), "secrets: %s", names);
	tell(s, &(struct rt_plane_head){ .type = RT_PLANE_WAITS }, text);
	s->stage = RT_AWAIT_SECRETS;
	s->stage_due = rt_now_ms() + RT_SECRETS_MS;
}

static void begin(struct rt_supervisor *s)
{
	if (s->stage != RT_AWAIT_SECRETS)
		rt_clock_start(&s->clock, rt_clock_now());
	if (rt_secrets_lack(&s->secrets))
		await_secrets(s);
	else
		act(s, rt_life_begin(&s->life, rt_now_ms()));
}

static void hear_secrets(struct rt_supervisor *s)
{
	const struct mc_secret *one = NULL;
	struct ss_err err = { 0 };
	int rc;

	while ((rc = rt_secrets_hear(&s->secrets, &one, &err)) > 0)
		rt_output_say(RT_P_SECRETS, "the secret %.*s came", (int)one->name.n,
			      (const char *)one->name.p);
	if (rc < 0 && err.code == SS_EINPUT)
		stop(s, RT_E_KEYPLANE, &err);
	if (rc < 0) { /* it has ended: reap() will hear how */
		forget(&s->fds[RT_POLL_SECRETS]);
		return;
	}
	if (s->stage == RT_AWAIT_SECRETS && !rt_secrets_lack(&s->secrets))
		begin(s);
}

static void say_refusal(struct rt_supervisor *s, int64_t away_ns)
{
	const uint64_t ms = (uint64_t)(away_ns < 0 ? -away_ns : away_ns) / MS_NS;
	char more[48] = "";

	if (s->clock.unsaid > 0)
		(void)rt_format(more, sizeof(more), "; %u more since the last line",
				s->clock.unsaid);
	s->clock.unsaid = 0;
	if (away_ns == 0)
		rt_output_say(RT_P_CLOCK, "the host's time is no time of this age: refused%s",
			      more);
	else
		rt_output_say(RT_P_CLOCK,
			      "the host's time jumps %llu ms %s, the bound is %u: refused%s",
			      (unsigned long long)ms, away_ns < 0 ? "back" : "ahead",
			      s->clock.bound_ms, more);
}

static void hear_time(struct rt_supervisor *s, uint64_t host_ns)
{
	const struct rt_clock_now now = rt_clock_now();
	struct ss_err err = { 0 };
	int64_t ns;

	switch (rt_clock_judge(&s->clock, host_ns, now, &ns)) {
	case RT_CLOCK_IGNORE:
	case RT_CLOCK_REFUSE_QUIETLY:
		return;
	case RT_CLOCK_SET:
		must(s, rt_clock_set(host_ns, &err), RT_E_CLOCK, &err);
		rt_output_say(RT_P_CLOCK, "clock set by the host, as it may once");
		if (s->stage == RT_AWAIT_TIME)
			begin(s);
		return;
	case RT_CLOCK_SLEW:
		must(s, rt_clock_slew(ns, &err), RT_E_CLOCK, &err);
		return;
	case RT_CLOCK_REFUSE:
		say_refusal(s, ns);
		return;
	}
}

static void plane_is_ready(struct rt_supervisor *s)
{
	if (s->stage != RT_AWAIT_READY)
		return;
	rt_output_say(RT_P_DATAPLANE, "dataplane ready");
	s->stage = RT_AWAIT_TIME;
	s->stage_due = rt_now_ms() + RT_TIME_MS;
	if (s->clock.source != RT_CLOCK_HOST || s->clock.taken)
		begin(s);
}

/* Its end of the pair is closed a little before init is told that it ended, and how. */
SS_NORETURN static void plane_is_lost(struct rt_supervisor *s, const struct ss_err *err)
{
	struct pollfd p = { .fd = s->fds[RT_POLL_SIGNALS].fd, .events = POLLIN };

	(void)poll(&p, 1, 1000);
	reap(s);
	(void)close(s->plane.fd);
	s->plane.fd = -1;
	stop(s, RT_E_DATAPLANE, err);
}

static void hear_plane(struct rt_supervisor *s)
{
	struct rt_plane_wish wish = { 0 };
	struct ss_err err = { 0 };

	for (unsigned i = 0; i < WISHES_A_TURN; i++) {
		const int rc = rt_plane_hear(&s->plane, &wish, &err);

		if (rc < 0)
			plane_is_lost(s, &err);
		if (rc == 0)
			return;
		if (wish.type == RT_PLANE_READY)
			plane_is_ready(s);
		else if (wish.type == RT_PLANE_TIME)
			hear_time(s, wish.time);
		else if (wish.type == RT_PLANE_STOP)
			act(s, rt_life_stop(&s->life, wish.time, rt_now_ms()));
	}
}

static void follow_ptp(struct rt_supervisor *s)
{
	struct ss_err err = { 0 };
	bool refused;
	int64_t ns;

	must(s, rt_clock_follow_ptp(&s->clock, &ns, &refused, &err), RT_E_CLOCK, &err);
	if (refused)
		rt_output_say(RT_P_CLOCK, "the hypervisor's time jumps %llu ms %s: refused",
			      (unsigned long long)((ns < 0 ? -ns : ns) / MS_NS),
			      ns < 0 ? "back" : "ahead");
	s->ptp_due = rt_now_ms() + RT_PTP_MS;
}

static void look_at_time(struct rt_supervisor *s)
{
	const uint64_t now = rt_now_ms();
	struct ss_err err = { 0 };

	if (now >= s->stage_due && s->stage == RT_AWAIT_READY) {
		ss_err_set(&err, SS_ESYS, "the dataplane is not ready within %u s",
			   RT_READY_MS / 1000);
		stop(s, RT_E_DATAPLANE, &err);
	}
	if (now >= s->stage_due && s->stage == RT_AWAIT_TIME) {
		rt_output_say(RT_P_CLOCK, "the host gives no time: the clock stays as it is");
		begin(s);
	}
	if (now >= s->stage_due && s->stage == RT_AWAIT_SECRETS) {
		char names[NAMES_MAX];

		rt_secrets_list(&s->secrets, names, sizeof(names));
		ss_err_set(&err, SS_ESYS, "not sent within %u minutes: %s", RT_SECRETS_MS / 60000,
			   names);
		stop(s, RT_E_SECRETS, &err);
	}
	if (now >= s->ptp_due)
		follow_ptp(s);
	act(s, rt_life_tick(&s->life, now));
}

/* --- the loop ------------------------------------------------------------------------------- */

static int open_signals(struct rt_supervisor *s, struct ss_err *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGPWR);
	s->fds[RT_POLL_SIGNALS].fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->fds[RT_POLL_SIGNALS].fd < 0)
		return ss_fail_sys(err, "cannot wait for signals");
	return 0;
}

static int patience_ms(const struct rt_supervisor *s)
{
	const uint64_t now = rt_now_ms();
	uint64_t due = s->life.due;

	due = s->stage_due < due ? s->stage_due : due;
	due = s->ptp_due < due ? s->ptp_due : due;
	if (due == RT_LIFE_NEVER)
		return -1;
	if (due <= now)
		return 0;
	return due - now < INT32_MAX ? (int)(due - now) : INT32_MAX;
}

static void turn(struct rt_supervisor *s)
{
	struct ss_err err = { 0 };

	if (poll(s->fds, RT_POLLS, patience_ms(s)) < 0) {
		if (errno == EINTR)
			return;
		ss_err_set_sys(&err, "cannot wait for the application");
		stop(s, RT_E_LOST, &err);
	}
	/* First, so that "started" stands before what the program says. */
	if (s->fds[RT_POLL_REPORT].fd >= 0 && s->fds[RT_POLL_REPORT].revents != 0)
		hear_report(s);
	for (int i = RT_POLL_OUT; i <= RT_POLL_ERR; i++)
		if (s->fds[i].fd >= 0 && s->fds[i].revents != 0)
			relay(&s->fds[i], i == RT_POLL_OUT ? RT_STREAM_OUT : RT_STREAM_ERR);
	if (s->fds[RT_POLL_SIGNALS].revents != 0)
		hear_signal(s);
	if (is_over(s))
		hear_end(s);
	if (s->plane.fd >= 0 && s->fds[RT_POLL_PLANE].revents != 0)
		hear_plane(s);
	if (s->fds[RT_POLL_SECRETS].fd >= 0 && s->fds[RT_POLL_SECRETS].revents != 0)
		hear_secrets(s);
	look_at_time(s);
}

void rt_supervise(struct rt_supervisor *s)
{
	const bool has_plane = s->plane.fd >= 0;
	struct ss_err err = { 0 };

	for (size_t i = 0; i < RT_POLLS; i++)
		s->fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	s->fds[RT_POLL_PLANE].fd = s->plane.fd;
	s->fds[RT_POLL_SECRETS].fd = s->secrets.fd;
	rt_life_init(&s->life, s->config->restart, s->config->grace_ms);
	must(s, open_signals(s, &err), RT_E_LOST, &err);
	s->ptp_due = s->clock.source == RT_CLOCK_PTP ? rt_now_ms() + RT_PTP_MS : RT_LIFE_NEVER;
	s->stage = RT_AWAIT_READY;
	s->stage_due = rt_now_ms() + RT_READY_MS;
	if (!has_plane)
		begin(s);
	for (;;)
		turn(s);
}
