/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/frame.h"
#include "runtime/format.h"
#include "runtime/supervisor.h"

#include <poll.h>
#include <sys/wait.h>
#include <time.h>

uint64_t rt_now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void rt_say_status(char *ret, size_t room, int status)
{
	if (WIFSIGNALED(status))
		(void)rt_format(ret, room, "killed by signal %d", WTERMSIG(status));
	else
		(void)rt_format(ret, room, "exited %d", WEXITSTATUS(status));
}

/* Whatever else dataplane wishes is too late. */
static void wait_flushed(struct rt_plane *p)
{
	const uint64_t due = rt_now_ms() + RT_FLUSH_MS;
	struct pollfd fd = { .fd = p->fd, .events = POLLIN };

	for (;;) {
		const uint64_t now = rt_now_ms();
		struct rt_plane_wish wish;
		struct ss_err ignored;
		int rc;

		if (now >= due || poll(&fd, 1, (int)(due - now)) <= 0)
			return;
		rc = rt_plane_hear(p, &wish, &ignored);
		if (rc < 0 || (rc > 0 && wish.type == RT_PLANE_FLUSHED))
			return;
	}
}

static void tell_end(struct rt_plane *p, enum frame_end kind, uint8_t value, const char *reason)
{
	const struct rt_plane_head log = { .type = RT_PLANE_LOG,
					   .a = FRAME_RUNTIME,
					   .count = p->lost,
					   .time = rt_clock_now().real };
	const struct rt_plane_head end = { .type = RT_PLANE_EXIT, .a = (uint8_t)kind, .b = value };
	struct ss_err ignored;

	if (p->fd < 0)
		return;
	if (p->lost > 0 &&
	    rt_plane_tell(p, &log, "the lines before this one were lost", &ignored) < 0)
		return;
	if (rt_plane_tell(p, &end, reason, &ignored) == 0)
		wait_flushed(p);
}

void rt_last_word(struct rt_plane *p, int status)
{
	char text[64];

	rt_say_status(text, sizeof(text), status);
	rt_output_say(RT_P_EXITED, "application %s", text);
	if (WIFSIGNALED(status))
		tell_end(p, FRAME_SIGNALLED, (uint8_t)WTERMSIG(status), "");
	else
		tell_end(p, FRAME_EXITED, (uint8_t)WEXITSTATUS(status), "");
	rt_say(RT_P_END, "end");
	rt_end();
}

void rt_last_stop(struct rt_plane *p, enum rt_stop_code code, const struct ss_err *err)
{
	tell_end(p, FRAME_STOPPED, (uint8_t)code, err->msg);
	rt_output_fresh_line();
	rt_stop(code, err);
}
