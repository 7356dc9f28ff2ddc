/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/plane_link.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#define QUEUE_BYTES (1 << 20) /* some thousand lines */

int rt_plane_init(struct rt_plane *p, int fd, struct ss_err *err)
{
	const struct timeval patience = { .tv_sec = RT_PLANE_SEND_MS / 1000 };
	const int size = QUEUE_BYTES;

	*p = (struct rt_plane){ .fd = fd, .pid = -1 };
	/* Beyond the system's limit with the right to it, else what the limit gives. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0 &&
	     setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0))
		return ss_fail_sys(err, "cannot prepare the pair to the dataplane");
	return 0;
}

static bool put(const struct rt_plane *p, const struct rt_plane_head *h, struct ss_span text,
		int flags)
{
	struct rt_plane_head head = *h;
	struct iovec v[2] = { { .iov_base = &head, .iov_len = sizeof(head) } };
	const struct msghdr m = { .msg_iov = v, .msg_iovlen = text.n > 0 ? 2 : 1 };
	ssize_t n;

	text.n = text.n < RT_PLANE_MAX_TEXT ? text.n : RT_PLANE_MAX_TEXT;
	memcpy(&v[1].iov_base, &text.p, sizeof(text.p)); /* sendmsg() does not write there */
	v[1].iov_len = text.n;
	do
		n = sendmsg(p->fd, &m, MSG_NOSIGNAL | flags);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)(sizeof(head) + text.n);
}

void rt_plane_log(struct rt_plane *p, uint8_t source, uint8_t flags, uint64_t time_ns,
		  struct ss_span line)
{
	const struct rt_plane_head h = {
		.type = RT_PLANE_LOG, .a = source, .b = flags, .count = p->lost, .time = time_ns
	};

	if (p->fd < 0)
		return;
	if (put(p, &h, line, MSG_DONTWAIT))
		p->lost = 0;
	else if (p->lost < UINT32_MAX)
		p->lost++;
}

int rt_plane_tell(struct rt_plane *p, const struct rt_plane_head *h, const char *text,
		  struct ss_err *err)
{
	const struct ss_span s = { (const uint8_t *)text, strlen(text) };

	if (p->fd < 0 || put(p, h, s, 0))
		return 0;
	if (errno == EAGAIN)
		return ss_fail(err, SS_ESYS, "the dataplane takes nothing within %u s",
			       RT_PLANE_SEND_MS / 1000);
	return ss_fail_sys(err, "cannot tell the dataplane");
}

static bool is_wish(const struct rt_plane_head *h)
{
	if (h->a != 0 || h->b != 0 || h->zero != 0 || h->count != 0)
		return false;
	return h->type == RT_PLANE_TIME || h->type == RT_PLANE_STOP ||
	       ((h->type == RT_PLANE_READY || h->type == RT_PLANE_FLUSHED) && h->time == 0);
}

int rt_plane_hear(struct rt_plane *p, struct rt_plane_wish *ret, struct ss_err *err)
{
	struct rt_plane_head h;
	/* The whole length, if more came than fits. */
	const ssize_t n = recv(p->fd, &h, sizeof(h), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return ss_fail_sys(err, "cannot hear the dataplane");
	if (n == 0)
		return ss_fail(err, SS_ESYS, "the dataplane has hung up");
	if (n != (ssize_t)sizeof(h) || !is_wish(&h))
		return ss_fail(err, SS_EINPUT, "the dataplane says what it may not say");
	*ret = (struct rt_plane_wish){ .type = (enum rt_plane_type)h.type, .time = h.time };
	return 1;
}
