/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vhost_nsm.h"

#include "base/mem.h"
#include "io/clock.h"
#include "launch/vhost_socket.h"

#include <errno.h>

#define EVENTS_A_STEP 8
#define REQUESTS_A_STEP 4 /* one may cost two signatures' time */

/* What an event is about. */
enum tag { TAG_LISTEN = 1, TAG_VHOST, TAG_KICK };

struct vhost_nsm {
	int epoll_fd;
	struct vhost_socket socket;
	struct nsm_machine *machine;
	struct vhost_user_device device;
	struct vhost_user session; /* fd -1 while QEMU is not there */
};

int vhost_nsm_open(const char *path, struct nsm_machine *m, struct vhost_nsm **ret,
		   struct ss_err *err)
{
	const struct epoll_event listening = { .events = EPOLLIN, .data.u64 = TAG_LISTEN };
	struct vhost_nsm *v = ss_calloc(1, sizeof(*v));

	v->socket.fd = v->session.fd = -1;
	v->machine = m;
	v->device = (struct vhost_user_device){ .n_queues = 1 };
	v->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (v->epoll_fd < 0) {
		vhost_nsm_free(v);
		return ss_fail_sys(err, "cannot wait for events");
	}
	if (vhost_socket_open(path, v->epoll_fd, listening, &v->socket, err) < 0) {
		vhost_nsm_free(v);
		return -1;
	}
	*ret = v;
	return 0;
}

static void end_session(struct vhost_nsm *v)
{
	if (v->session.fd >= 0)
		vhost_user_done(&v->session);
}

void vhost_nsm_free(struct vhost_nsm *v)
{
	if (v == NULL)
		return;
	end_session(v);
	vhost_socket_done(&v->socket);
	ss_closep(&v->epoll_fd);
	free(v);
}

int vhost_nsm_fd(const struct vhost_nsm *v)
{
	return v->epoll_fd;
}

/* One call of the guest: a buffer that holds the request, and behind it one for the answer. */
struct call {
	uint16_t heads[2];
	uint8_t request[NSM_MAX_REQUEST + 1];
	size_t n;
	struct vring_chain answer;
};

/* *ret_got: both buffers are there. The request is copied: the guest may change it any time. */
static int next_call(struct vhost_nsm *v, struct call *ret, bool *ret_got, struct ss_err *err)
{
	struct vring *r = &v->session.rings[0];
	struct vring_chain *c = &ret->answer;

	if (vring_next(r, &v->session.mem, c, ret_got, err) < 0)
		return -1;
	if (!*ret_got)
		return 0;
	if (c->n_write > 0)
		return ss_fail(err, SS_EINPUT, "a request that is a buffer to write to");
	ret->heads[0] = c->head;
	ret->n =
		c->read_bytes < sizeof(ret->request) ? (size_t)c->read_bytes : sizeof(ret->request);
	vring_iov_get(c->iov, c->n_read, ret->request, ret->n);
	if (vring_next(r, &v->session.mem, c, ret_got, err) < 0)
		return -1;
	if (!*ret_got) {
		vring_unget(r);
		return 0;
	}
	if (c->n_read > 0)
		return ss_fail(err, SS_EINPUT, "a buffer for an answer that cannot be written to");
	ret->heads[1] = c->head;
	return 0;
}

static uint32_t answer(struct vhost_nsm *v, const struct call *c, uint64_t now_ms)
{
	uint8_t room[NSM_MAX_RESPONSE];
	struct ss_buf b = SS_BUF_OVER(room);

	if (c->answer.write_bytes < sizeof(room))
		b.max = b.cap = (size_t)c->answer.write_bytes;
	nsm_machine_answer(v->machine, (struct ss_span){ c->request, c->n }, now_ms, &b);
	vring_iov_put(c->answer.iov, c->answer.n_write, b.p, b.n);
	return (uint32_t)b.n;
}

/* *ret_more: the guest may have more requests waiting. */
static int from_guest(struct vhost_nsm *v, bool *ret_more, struct ss_err *err)
{
	struct vring *r = &v->session.rings[0];
	struct call c;
	unsigned n = 0;

	for (; vring_is_running(r) && n < REQUESTS_A_STEP; n++) {
		bool got;

		if (next_call(v, &c, &got, err) < 0)
			return ss_ctx(err, "queue of the NSM");
		if (!got)
			break;
		vring_give(r, c.heads[0], 0);
		vring_give(r, c.heads[1], answer(v, &c, io_clock_now_ms()));
	}
	if (n > 0)
		vring_notify(r);
	*ret_more = n == REQUESTS_A_STEP;
	return 0;
}

static int on_event(struct vhost_nsm *v, uint64_t tag, bool *ret_ended, struct ss_err *err)
{
	const struct epoll_event calling = { .events = EPOLLIN, .data.u64 = TAG_VHOST };

	switch (tag) {
	case TAG_LISTEN:
		return vhost_socket_accept(&v->socket, &v->device, v->epoll_fd, calling, TAG_KICK,
					   &v->session, err);
	case TAG_VHOST:
		if (v->session.fd < 0)
			return 0;
		if (vhost_user_message(&v->session, ret_ended, err) < 0)
			return -1;
		if (*ret_ended)
			end_session(v);
		return 0;
	default:
		vhost_count_take(v->session.rings[0].kick);
		return 0;
	}
}

int vhost_nsm_step(struct vhost_nsm *v, bool *ret_ended, struct ss_err *err)
{
	struct epoll_event events[EVENTS_A_STEP];
	bool more = false;
	int n;

	*ret_ended = false;
	n = epoll_wait(v->epoll_fd, events, EVENTS_A_STEP, 0);
	if (n < 0 && errno != EINTR)
		return ss_fail_sys(err, "cannot wait for events");
	for (int i = 0; i < n; i++) {
		bool ended = false;

		if (on_event(v, events[i].data.u64, &ended, err) < 0)
			return -1;
		*ret_ended |= ended;
	}
	if (v->session.fd >= 0 && from_guest(v, &more, err) < 0)
		return -1;
	/* What is left makes the kick readable once more, behind everything else. */
	if (more)
		vhost_count_up(v->session.rings[0].kick);
	return 0;
}
