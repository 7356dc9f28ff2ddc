/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ECHO_BUF ((size_t)64 * 1024)
#define BEAT '\xb7'

int peers_listen(struct peers *p, const char *base, unsigned port, bool heartbeat)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (p->n == PEER_MAX || snprintf(addr.sun_path, sizeof(addr.sun_path), "%s_%u", base,
					 port) >= (int)sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 64) != 0) {
		(void)close(fd);
		return -1;
	}
	p->v[p->n++] = (struct peer){ .fd = fd, .listening = true, .heartbeat = heartbeat };
	return 0;
}

size_t peers_poll(const struct peers *p, struct pollfd *ret)
{
	for (size_t i = 0; i < p->n; i++)
		ret[i] = (struct pollfd){ .fd = p->v[i].fd,
					  .events = p->v[i].held > 0 ? POLLOUT : POLLIN };
	return p->n;
}

static void take_caller(struct peers *p, size_t i)
{
	const int fd = accept4(p->v[i].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (p->n == PEER_MAX) {
		(void)close(fd);
		return;
	}
	p->v[p->n++] = (struct peer){ .fd = fd,
				      .heartbeat = p->v[i].heartbeat,
				      .buf = calloc(ECHO_BUF, 1) };
}

/* False when the conversation is over. */
static bool answer(struct peers *p, struct peer *e)
{
	ssize_t n;

	if (e->buf == NULL)
		return false;
	if (e->held == 0) {
		n = read(e->fd, e->buf, e->heartbeat ? 1 : ECHO_BUF);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0 || (e->heartbeat && e->buf[0] != BEAT))
			return false;
		e->held = (size_t)n;
		e->at = 0;
	}
	n = send(e->fd, e->buf + e->at, e->held, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	p->heartbeats += e->heartbeat;
	e->at += (size_t)n;
	e->held -= (size_t)n;
	return true;
}

void peers_step(struct peers *p, const struct pollfd *polled, size_t n)
{
	/* From the end: the last one takes the place of one that is removed. */
	for (size_t i = n; i-- > 0;) {
		if (polled[i].revents == 0)
			continue;
		if (p->v[i].listening) {
			take_caller(p, i);
		} else if (!answer(p, &p->v[i])) {
			(void)close(p->v[i].fd);
			free(p->v[i].buf);
			p->v[i] = p->v[--p->n];
		}
	}
}

void peers_done(struct peers *p)
{
	for (size_t i = 0; i < p->n; i++) {
		(void)close(p->v[i].fd);
		free(p->v[i].buf);
	}
	p->n = 0;
}
