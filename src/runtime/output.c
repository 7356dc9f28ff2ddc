/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/output.h"

#include "fmt/frame.h"
#include "runtime/format.h"
#include "runtime/log_lines.h"
#include "runtime/wall_clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CONSOLE_FD 2
#define SAID_MAX 512u
#define EARLY_MAX 2048u

static struct rt_lines lines[RT_STREAMS];
static struct rt_plane *linked;
static bool mid_line; /* the console's last byte was no newline */
/* What was said before there was a linked: lines with their newlines. */
static uint8_t early[EARLY_MAX];
static size_t early_n;

static void put_console(struct ss_span s)
{
	if (s.n > 0)
		mid_line = s.p[s.n - 1] != '\n';
	while (s.n > 0) {
		const ssize_t done = write(CONSOLE_FD, s.p, s.n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return; /* a console that takes nothing must not stop the application */
		s.p += done;
		s.n -= (size_t)done;
	}
}

void rt_output_fresh_line(void)
{
	if (mid_line)
		put_console((struct ss_span){ (const uint8_t *)"\n", 1 });
}

static void send_line(uint8_t source, struct ss_span line, bool goes_on)
{
	rt_plane_log(linked, source, goes_on ? FRAME_LINE_GOES_ON : 0, rt_clock_now().real, line);
}

static void remember(const char *text, size_t n)
{
	if (n + 1 > sizeof(early) - early_n)
		return;
	memcpy(early + early_n, text, n);
	early_n += n;
	early[early_n++] = '\n';
}

void rt_output_say(enum rt_phase phase, const char *fmt, ...)
{
	char text[SAID_MAX];
	size_t n = rt_format(text, sizeof(text), "rt:%02u ", (unsigned)phase);
	const size_t head = n;
	va_list ap;

	va_start(ap, fmt);
	n += rt_vformat(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	rt_output_fresh_line();
	rt_say(phase, "%s", text + head);
	if (linked != NULL)
		send_line(FRAME_RUNTIME, (struct ss_span){ (const uint8_t *)text, n }, false);
	else
		remember(text, n);
}

void rt_output_link(struct rt_plane *p)
{
	struct ss_span rest = { early, early_n };

	linked = p;
	while (rest.n > 0) {
		const uint8_t *newline = memchr(rest.p, '\n', rest.n);
		const size_t n = newline != NULL ? (size_t)(newline - rest.p) : rest.n - 1;

		send_line(FRAME_RUNTIME, (struct ss_span){ rest.p, n }, false);
		rest.p += n + 1;
		rest.n -= n + 1;
	}
	early_n = 0;
}

static void send_output(void *ctx, struct ss_span line, bool goes_on)
{
	const enum rt_stream *stream = ctx;

	send_line(*stream == RT_STREAM_OUT ? FRAME_STDOUT : FRAME_STDERR, line, goes_on);
}

void rt_output_put(enum rt_stream stream, struct ss_span s)
{
	put_console(s);
	if (linked != NULL)
		rt_lines_put(&lines[stream], s, send_output, &stream);
}

void rt_output_end(enum rt_stream stream)
{
	if (linked != NULL)
		rt_lines_end(&lines[stream], send_output, &stream);
}
