/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "expect.h"
#include "runtime/supervisor.h"

#include <setjmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * init's loop up to the start of the application, with the time given to it: where it would wait,
 * what happens next happens at once. The link replaces rt_now_ms(), poll(), the start of the
 * application and the end of the machine.
 */
#define NOBODY 65534u
#define HOUR 3600000u
#define MAX_EVENTS 3u

enum outcome { STARTED = 1, STOPPED };

struct event {
	uint64_t at;
	void (*happen)(void);
};

static struct {
	struct rt_supervisor s;
	struct mc_config config;
	int plane, keyplane; /* the other ends */
	uint64_t now;
	struct event events[MAX_EVENTS];
	size_t n_events, past;
	enum rt_stop_code code;
	struct ss_err why;
	jmp_buf over;
} w;

uint64_t __wrap_rt_now_ms(void);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_rt_app_start(struct rt_app *app, struct ss_err *err);
SS_NORETURN void __wrap_rt_last_stop(struct rt_plane *p, enum rt_stop_code code,
				     const struct ss_err *err);
int __wrap_reboot(int how);

uint64_t __wrap_rt_now_ms(void)
{
	return w.now;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const struct event *next = w.past < w.n_events ? &w.events[w.past] : NULL;
	const int rc = __real_poll(fds, n, 0);

	if (rc != 0)
		return rc;
	if (next != NULL && (timeout < 0 || next->at <= w.now + (uint64_t)timeout)) {
		w.now = next->at;
		w.past++;
		next->happen();
		return __real_poll(fds, n, 0);
	}
	assert_true(timeout >= 0); /* else it waits for ever */
	w.now += (uint64_t)timeout;
	return 0;
}

int __wrap_rt_app_start(struct rt_app *app, struct ss_err *err)
{
	(void)app;
	(void)err;
	longjmp(w.over, STARTED);
}

void __wrap_rt_last_stop(struct rt_plane *p, enum rt_stop_code code, const struct ss_err *err)
{
	assert_ptr_equal(p, &w.s.plane);
	w.code = code;
	w.why = *err;
	longjmp(w.over, STOPPED);
}

int __wrap_reboot(int how)
{
	fail_msg("reboot(%d)", how);
	return -1;
}

/* --- what happens ---------------------------------------------------------------------------- */

static void plane_says(enum rt_plane_type type)
{
	const struct rt_plane_head h = { .type = (uint8_t)type };

	assert_int_equal(send(w.plane, &h, sizeof(h), 0), sizeof(h));
}

static void plane_ready(void)
{
	plane_says(RT_PLANE_READY);
}

static void host_wants_a_stop(void)
{
	plane_says(RT_PLANE_STOP);
}

static void secret_comes(uint32_t index)
{
	const struct secret_head h = { index, 1 };
	uint8_t m[sizeof(h) + 1] = { 0 };

	memcpy(m, &h, sizeof(h));
	m[sizeof(h)] = 'x';
	assert_int_equal(send(w.keyplane, m, sizeof(m), 0), sizeof(m));
}

static void first_comes(void)
{
	secret_comes(0);
}

static void second_comes(void)
{
	secret_comes(1);
}

static void keyplane_hangs_up(void)
{
	assert_int_equal(close(w.keyplane), 0);
	w.keyplane = -1;
}

/* --- the world ------------------------------------------------------------------------------- */

static struct mc_secret secret(const char *name, bool required)
{
	static const uint8_t from[MC_SECRET_FROM];

	return (struct mc_secret){ ss_text(name), { from, sizeof(from) }, required, false };
}

static void pair(int *ours, int *theirs)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	*ours = fds[0];
	*theirs = fds[1];
}

static int world_init(void **state)
{
	struct ss_err err = { 0 };
	int fd;

	(void)state;
	memset(&w, 0, sizeof(w));
	rt_secrets_forget();
	w.now = 1000;
	w.config.restart = MC_RESTART_NEVER;
	w.config.grace_ms = 1000;
	w.s.config = &w.config;
	w.s.key = -1;
	w.s.clock = (struct rt_clock){ .source = RT_CLOCK_KVM, .ptp = -1 };
	w.s.secrets = (struct rt_secrets){ .dir = -1, .n = 2 };
	w.s.secrets.all[0] = secret("PASSWORD", true);
	w.s.secrets.all[1] = secret("TOKEN", true);
	pair(&w.s.secrets.fd, &w.keyplane);
	pair(&fd, &w.plane);
	expect_ok(rt_plane_init(&w.s.plane, fd, &err), &err);
	return 0;
}

static int world_done(void **state)
{
	(void)state;
	(void)close(w.s.fds[RT_POLL_SIGNALS].fd);
	(void)close(w.s.plane.fd);
	(void)close(w.plane);
	if (w.s.secrets.fd >= 0)
		(void)close(w.s.secrets.fd);
	if (w.keyplane >= 0)
		(void)close(w.keyplane);
	return 0;
}

static void at(uint64_t ms, void (*happen)(void))
{
	assert_true(w.n_events < MAX_EVENTS);
	w.events[w.n_events++] = (struct event){ ms, happen };
}

static enum outcome supervise(void)
{
	const int rc = setjmp(w.over);

	if (rc == 0)
		rt_supervise(&w.s);
	assert_int_equal(w.past, w.n_events);
	return (enum outcome)rc;
}

static void expect_stop(uint64_t when, enum rt_stop_code code, const char *msg)
{
	assert_int_equal(supervise(), STOPPED);
	assert_string_equal(w.why.msg, msg);
	assert_int_equal(w.code, code);
	assert_int_equal(w.now, when);
}

static void expect_start(uint64_t when)
{
	assert_int_equal(supervise(), STARTED);
	assert_int_equal(w.now, when);
}

/* What init told dataplane for the host, of this type. */
static void expect_told(enum rt_plane_type type, const char *text)
{
	struct {
		struct rt_plane_head head;
		char text[512];
	} m;
	ssize_t n;

	do
		n = recv(w.plane, &m, sizeof(m) - 1, MSG_DONTWAIT);
	while (n > 0 && m.head.type != type);
	assert_true(n >= (ssize_t)sizeof(m.head));
	((char *)&m)[n] = '\0';
	assert_string_equal(m.text, text);
}

/* --- sentences ------------------------------------------------------------------------------- */

static void an_hour_without_a_required_secret_ends_the_enclave(void **state)
{
	(void)state;
	at(2000, plane_ready);
	expect_stop(2000 + HOUR, RT_E_SECRETS, "not sent within 60 minutes: PASSWORD, TOKEN");
	expect_told(RT_PLANE_WAITS, "secrets: PASSWORD, TOKEN");
}

static void who_waits_longest_is_named(void **state)
{
	(void)state;
	at(2000, plane_ready);
	at(2000 + HOUR / 2, first_comes);
	expect_stop(2000 + HOUR, RT_E_SECRETS, "not sent within 60 minutes: TOKEN");
}

static void what_comes_in_the_last_millisecond_starts_the_application(void **state)
{
	(void)state;
	at(2000, plane_ready);
	at(3000, second_comes);
	at(2000 + HOUR - 1, first_comes);
	expect_start(2000 + HOUR - 1);
}

static void the_hour_begins_where_the_clock_was_waited_for(void **state)
{
	(void)state;
	w.s.clock.source = RT_CLOCK_HOST; /* which says no time */
	at(20000, plane_ready);
	expect_stop(20000 + RT_TIME_MS + HOUR, RT_E_SECRETS,
		    "not sent within 60 minutes: PASSWORD, TOKEN");
}

static void what_is_not_required_is_not_waited_for(void **state)
{
	(void)state;
	w.s.secrets.all[0].required = false;
	w.s.secrets.all[1].required = false;
	at(2000, plane_ready);
	expect_start(2000);
}

static void the_hour_is_no_shorter_without_keyplane(void **state)
{
	(void)state;
	at(2000, plane_ready);
	at(3000, keyplane_hangs_up);
	expect_stop(2000 + HOUR, RT_E_SECRETS, "not sent within 60 minutes: PASSWORD, TOKEN");
}

static void where_nobody_can_send_them_nobody_waits(void **state)
{
	(void)state;
	(void)close(w.s.secrets.fd);
	w.s.secrets.fd = -1;
	at(2000, plane_ready);
	expect_stop(2000, RT_E_SECRETS,
		    "without an NSM nobody can send what is required: PASSWORD, TOKEN");
}

static void a_wish_to_stop_ends_the_wait(void **state)
{
	(void)state;
	at(2000, plane_ready);
	at(3000, host_wants_a_stop);
	expect_stop(3000, RT_E_EARLY, "stopped before the application was started");
}

static void a_dataplane_that_is_never_ready_ends_the_enclave(void **state)
{
	(void)state;
	expect_stop(1000 + RT_READY_MS, RT_E_DATAPLANE, "the dataplane is not ready within 30 s");
}

int main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, world_init, world_done)
	static const struct CMUnitTest tests[] = {
		ONE(an_hour_without_a_required_secret_ends_the_enclave),
		ONE(who_waits_longest_is_named),
		ONE(what_comes_in_the_last_millisecond_starts_the_application),
		ONE(the_hour_begins_where_the_clock_was_waited_for),
		ONE(what_is_not_required_is_not_waited_for),
		ONE(the_hour_is_no_shorter_without_keyplane),
		ONE(where_nobody_can_send_them_nobody_waits),
		ONE(a_wish_to_stop_ends_the_wait),
		ONE(a_dataplane_that_is_never_ready_ends_the_enclave),
	};

	/* Who ends the machine by mistake may not. */
	if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
