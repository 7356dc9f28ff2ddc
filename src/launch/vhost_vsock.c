/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vhost_vsock.h"

#include "base/mem.h"
#include "launch/vhost_socket.h"
#include "launch/vsock_mux.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define QUEUE_TO_GUEST 0u
#define QUEUE_FROM_GUEST 1u
#define N_QUEUES 2u /* the third, for events, QEMU serves itself */
#define DEFAULT_CONNS 1024u
#define EVENTS_A_STEP 64

/* What an event is about, where it is not a stream's address. */
enum tag {
	TAG_LISTEN_VHOST = 1,
	TAG_VHOST,
	TAG_LISTEN_BASE,
	TAG_AGAIN,
	TAG_KICK, /* and one for each queue */
	TAG_END = TAG_KICK + N_QUEUES,
};

struct vhost_vsock {
	int epoll_fd;
	struct vhost_socket vhost;
	struct vhost_socket base;
	int again;         /* an eventfd: this step left work */
	uint8_t config[8]; /* the guest's CID, little-endian */
	struct vhost_user_device device;
	struct vhost_user session; /* fd -1 while QEMU is not there */
	struct vsock_mux *mux;
};

/* Where a guest's call goes. */
static int dial(void *ctx, uint32_t port)
{
	const struct vhost_vsock *v = ctx;
	AUTO_CLOSE int fd = -1;
	struct ss_err err = { 0 };
	struct sockaddr_un addr;
	char path[sizeof(addr.sun_path)];

	if (snprintf(path, sizeof(path), "%s_%u", v->base.path, port) >= (int)sizeof(path) ||
	    vhost_socket_addr(path, &addr, &err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		return -1;
	return ss_take_fd(&fd);
}

/* The guest's driver has let go of the device: no stream outlives that. */
static void stopped(void *ctx)
{
	struct vhost_vsock *v = ctx;

	vsock_mux_reset(v->mux);
}

static int watch_again(struct vhost_vsock *v, struct ss_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = TAG_AGAIN };

	if (v->epoll_fd < 0 || v->again < 0 ||
	    epoll_ctl(v->epoll_fd, EPOLL_CTL_ADD, v->again, &ev) != 0)
		return ss_fail_sys(err, "cannot wait for events");
	return 0;
}

int vhost_vsock_open(const struct vhost_vsock_opts *o, struct vhost_vsock **ret, struct ss_err *err)
{
	const struct epoll_event qemu = { .events = EPOLLIN, .data.u64 = TAG_LISTEN_VHOST };
	const struct epoll_event callers = { .events = EPOLLIN | EPOLLET,
					     .data.u64 = TAG_LISTEN_BASE };
	struct vhost_vsock *v = ss_calloc(1, sizeof(*v));
	struct vsock_mux_opts mo = { .guest_cid = o->guest_cid, .dial = dial, .ctx = v };

	v->vhost.fd = v->base.fd = v->session.fd = -1;
	v->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	v->again = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (size_t i = 0; i < 4; i++)
		v->config[i] = (uint8_t)(o->guest_cid >> (8 * i));
	v->device = (struct vhost_user_device){ .config = { v->config, sizeof(v->config) },
						.n_queues = N_QUEUES,
						.stopped = stopped,
						.ctx = v };
	mo.epoll_fd = v->epoll_fd;
	mo.max_conns = o->max_conns > 0 ? o->max_conns : DEFAULT_CONNS;
	v->mux = vsock_mux_new(&mo);
	if (watch_again(v, err) < 0 ||
	    vhost_socket_open(o->vhost_path, v->epoll_fd, qemu, &v->vhost, err) < 0 ||
	    vhost_socket_open(o->base, v->epoll_fd, callers, &v->base, err) < 0) {
		vhost_vsock_free(v);
		return -1;
	}
	*ret = v;
	return 0;
}

static void end_session(struct vhost_vsock *v)
{
	vsock_mux_reset(v->mux);
	if (v->session.fd >= 0)
		vhost_user_done(&v->session);
}

void vhost_vsock_free(struct vhost_vsock *v)
{
	if (v == NULL)
		return;
	end_session(v);
	vsock_mux_free(v->mux);
	vhost_socket_done(&v->vhost);
	vhost_socket_done(&v->base);
	ss_closep(&v->again);
	ss_closep(&v->epoll_fd);
	free(v);
}

int vhost_vsock_fd(const struct vhost_vsock *v)
{
	return v->epoll_fd;
}

/* One chain from the guest: a header and its data, or something else. */
static int take_packet(struct vhost_vsock *v, struct vring_chain *c, struct ss_err *err)
{
	struct vsock_header h;
	uint8_t raw[VSOCK_HEADER_SIZE];
	struct iovec *data = c->iov;
	size_t n_data = c->n_read;

	if (c->read_bytes < sizeof(raw))
		return ss_fail(err, SS_EINPUT, "the guest sent a packet of %llu bytes",
			       (unsigned long long)c->read_bytes);
	vring_iov_get(data, n_data, raw, sizeof(raw));
	vsock_header_read(raw, &h);
	if (h.op != VSOCK_RW)
		h.len = 0;
	if (h.len > VSOCK_MAX_DATA || h.len > c->read_bytes - sizeof(raw))
		return ss_fail(err, SS_EINPUT,
			       "the guest sent a packet of %llu bytes that says it has %u",
			       (unsigned long long)c->read_bytes, h.len);
	if (!vring_iov_skip(&data, &n_data, sizeof(raw)))
		return ss_fail(err, SS_EINPUT, "the guest's packet shrank");
	vring_iov_cut(data, &n_data, h.len);
	vsock_mux_packet(v->mux, &h, data, n_data);
	return 0;
}

static int from_guest(struct vhost_vsock *v, bool *ret_more, struct ss_err *err)
{
	struct vring *r = &v->session.rings[QUEUE_FROM_GUEST];
	struct vring_chain c;
	uint32_t n = 0;

	/* A bounded number at a time: a busy guest must not starve the sockets. */
	for (; vring_is_running(r) && n < r->num; n++) {
		bool got;

		if (vring_next(r, &v->session.mem, &c, &got, err) < 0)
			return ss_ctx(err, "queue from the guest");
		if (!got)
			break;
		if (take_packet(v, &c, err) < 0)
			return -1;
		vring_give(r, c.head, 0);
	}
	if (n > 0)
		vring_notify(r);
	*ret_more = n > 0 && n == r->num;
	return 0;
}

static int to_guest(struct vhost_vsock *v, bool *ret_more, struct ss_err *err)
{
	struct vring *r = &v->session.rings[QUEUE_TO_GUEST];
	struct vring_chain c;
	uint32_t n = 0;

	for (; vring_is_running(r) && n < r->num && vsock_mux_is_pending(v->mux); n++) {
		size_t size;
		bool got;

		if (vring_next(r, &v->session.mem, &c, &got, err) < 0)
			return ss_ctx(err, "queue to the guest");
		if (!got)
			break;
		if (c.n_read > 0 || c.write_bytes <= VSOCK_HEADER_SIZE)
			return ss_fail(err, SS_EINPUT,
				       "queue to the guest: a buffer that cannot hold a packet");
		size = vsock_mux_fill(v->mux, c.iov, c.n_write);
		if (size == 0) {
			vring_unget(r);
			break;
		}
		vring_give(r, c.head, (uint32_t)size);
	}
	if (n > 0)
		vring_notify(r);
	*ret_more = n > 0 && n == r->num;
	return 0;
}

/* All who wait: the event comes once, so that running out of descriptors is no busy loop. */
static void accept_callers(struct vhost_vsock *v)
{
	int fd;

	while ((fd = accept4(v->base.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		vsock_mux_accept(v->mux, fd);
}

static int on_event(struct vhost_vsock *v, const struct epoll_event *ev, bool *ret_ended,
		    struct ss_err *err)
{
	const struct epoll_event calling = { .events = EPOLLIN, .data.u64 = TAG_VHOST };

	switch (ev->data.u64) {
	case TAG_LISTEN_VHOST:
		return vhost_socket_accept(&v->vhost, &v->device, v->epoll_fd, calling, TAG_KICK,
					   &v->session, err);
	case TAG_VHOST:
		if (v->session.fd < 0)
			return 0;
		if (vhost_user_message(&v->session, ret_ended, err) < 0)
			return -1;
		if (*ret_ended)
			end_session(v);
		return 0;
	case TAG_LISTEN_BASE:
		accept_callers(v);
		return 0;
	case TAG_AGAIN:
		vhost_count_take(v->again);
		return 0;
	default:
		if (ev->data.u64 < TAG_END)
			vhost_count_take(v->session.rings[ev->data.u64 - TAG_KICK].kick);
		else
			vsock_mux_event(v->mux, ev->data.ptr, ev->events);
		return 0;
	}
}

void vhost_vsock_call(struct vhost_vsock *v, int fd, uint32_t port)
{
	vsock_mux_call(v->mux, fd, port);
	vhost_count_up(v->again); /* the next step looks at what the mux has to say */
}

void vhost_vsock_tick(struct vhost_vsock *v)
{
	vsock_mux_tick(v->mux);
	vhost_count_up(v->again);
}

int vhost_vsock_step(struct vhost_vsock *v, bool *ret_ended, struct ss_err *err)
{
	struct epoll_event events[EVENTS_A_STEP];
	bool more_in = false, more_out = false;
	int n;

	*ret_ended = false;
	n = epoll_wait(v->epoll_fd, events, EVENTS_A_STEP, 0);
	if (n < 0 && errno != EINTR)
		return ss_fail_sys(err, "cannot wait for events");
	for (int i = 0; i < n; i++) {
		bool ended = false;

		if (on_event(v, &events[i], &ended, err) < 0)
			return -1;
		*ret_ended |= ended;
	}
	if (v->session.fd >= 0 &&
	    (from_guest(v, &more_in, err) < 0 || to_guest(v, &more_out, err) < 0))
		return -1;
	vsock_mux_sweep(v->mux);
	/* What is left makes the descriptor readable once more, behind everything else. */
	if (more_in || more_out)
		vhost_count_up(v->again);
	return 0;
}
