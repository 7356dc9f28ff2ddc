/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console.h"

#include "runtime/format.h"

#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#define CONSOLE_FD 2
#define LINE_MAX_BYTES 640u

/* One write a line, so that the kernel's own lines stay outside; what the console does not take is
 * lost, there is nobody else to tell. */
static void put_line(char *line, size_t n)
{
	line[n++] = '\n';
	while (n > 0) {
		const ssize_t done = write(CONSOLE_FD, line, n);

		if (done <= 0)
			return;
		line += done;
		n -= (size_t)done;
	}
}

void rt_say(enum rt_phase phase, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	size_t n = rt_format(line, sizeof(line) - 1, "rt:%02u ", (unsigned)phase);
	va_list ap;

	va_start(ap, fmt);
	n += rt_vformat(line + n, sizeof(line) - 1 - n, fmt, ap);
	va_end(ap);
	put_line(line, n);
}

void rt_stop(enum rt_stop_code code, const struct ss_err *err)
{
	char line[LINE_MAX_BYTES];
	const size_t n = rt_format(line, sizeof(line) - 1, "rt:E%02u %s", (unsigned)code, err->msg);

	put_line(line, n);
	rt_end();
}

void rt_end(void)
{
	(void)reboot(RB_AUTOBOOT);
	_exit(1); /* not reached as PID 1; if it were, the kernel panics, which ends the machine too
		   */
}
