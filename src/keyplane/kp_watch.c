/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_watch.h"

#include "keyplane/kp.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

bool kp_watch_set(const struct kp *k, struct kp_watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	int op = EPOLL_CTL_MOD;

	if (w->events == events)
		return true;
	if (w->events == 0)
		op = EPOLL_CTL_ADD;
	else if (events == 0)
		op = EPOLL_CTL_DEL;
	if (epoll_ctl(k->epoll_fd, op, w->fd, &e) < 0)
		return false;
	w->events = events;
	return true;
}

void kp_watch_close(const struct kp *k, struct kp_watch *w)
{
	/* dataplane may still have its copy, and then closing ours does not take it out of epoll.
	 */
	(void)kp_watch_set(k, w, 0);
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
	w->events = 0;
}

void kp_watch_reset(const struct kp *k, struct kp_watch *w)
{
	static const struct linger at_once = { .l_onoff = 1 };

	/* Only TCP knows this way; elsewhere it is an end without close_notify. */
	if (w->fd >= 0)
		(void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	kp_watch_close(k, w);
}
