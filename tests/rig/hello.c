/* SPDX-License-Identifier: Apache-2.0 */
#include "hello.h"

#include "fmt/frame.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_S 0.1

void hello_done(struct hello *h)
{
	if (h->fd >= 0)
		(void)close(h->fd);
	h->fd = -1;
}

struct pollfd hello_poll(const struct hello *h, double *due)
{
	if (h->state == HELLO_WAITS && h->due < *due)
		*due = h->due;
	return (struct pollfd){ .fd = h->fd, .events = POLLIN };
}

static void try_later(struct hello *h, double now)
{
	hello_done(h);
	h->state = HELLO_WAITS;
	h->due = now + AGAIN_S;
}

static void ask(struct hello *h, double now)
{
	static const char text[] = "CONNECT 9001\n";
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", h->base);
	h->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	h->n = 0;
	h->state = HELLO_ASKS;
	if (h->fd < 0 || connect(h->fd, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
	    send(h->fd, text, sizeof(text) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(text) - 1)
		try_later(h, now);
}

static void say(struct hello *h)
{
	uint8_t room[64];
	struct ss_buf b = SS_BUF_OVER(room);
	struct timespec t = { 0 };
	struct frame f = { .type = FRAME_HELLO };

	(void)clock_gettime(CLOCK_REALTIME, &t);
	f.hello.egress_port = 9002;
	f.hello.time_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	frame_write(&f, &b);
	(void)send(h->fd, b.p, b.n, MSG_NOSIGNAL);
	h->state = HELLO_SAID;
	h->n = 0;
	h->body = 0;
}

/* Frames only need to be told apart: EXIT is the last, and the host then closes. */
static bool skip_frames(struct hello *h, const uint8_t *p, size_t n)
{
	for (; n > 0; p++, n--) {
		if (h->body > 0) {
			h->body--;
			continue;
		}
		h->head[h->n++] = *p;
		if (h->n < FRAME_HEAD)
			continue;
		h->n = 0;
		h->body = (uint32_t)h->head[4] << 24 | (uint32_t)h->head[5] << 16 |
			  (uint32_t)h->head[6] << 8 | h->head[7];
		if (h->head[0] == FRAME_EXIT)
			return false;
	}
	return true;
}

static void hear(struct hello *h, double now)
{
	uint8_t rest[4096];
	const bool asks = h->state == HELLO_ASKS;
	const ssize_t n = asks ? read(h->fd, h->answer + h->n, 1) : read(h->fd, rest, sizeof(rest));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0 || (asks && ++h->n == sizeof(h->answer)))
		try_later(h, now);
	else if (asks && h->answer[h->n - 1] == '\n')
		say(h);
	else if (!asks && !skip_frames(h, rest, (size_t)n)) {
		hello_done(h);
		h->state = HELLO_OVER;
	}
}

void hello_step(struct hello *h, const struct pollfd *p, double now)
{
	if (h->state == HELLO_WAITS && now >= h->due)
		ask(h, now);
	else if (h->fd >= 0 && p->revents != 0)
		hear(h, now);
}
