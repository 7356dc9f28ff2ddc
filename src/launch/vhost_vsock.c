/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vhost_vsock.h"

#include "base/mem.h"
#include "launch/vhost_user.h"
#include "launch/vsock_mux.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

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
	int listen_vhost;
	int listen_base;
	int again; /* an eventfd: this step left work */
	char *vhost_path;
	char *base;
	uint8_t config[8]; /* the guest's CID, little-endian */
	struct vhost_user_device device;
	struct vhost_user session; /* fd -1 while QEMU is not there */
	struct vsock_mux *mux;
};

static int fill_addr(const char *path, struct sockaddr_un *ret, struct ss_err *err)
{
	const size_t n = strlen(path);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n >= sizeof(ret->sun_path))
		return ss_fail(err, SS_ELIMIT, "'%s' is too long for a socket's name", path);
	memcpy(ret->sun_path, path, n);
	return 0;
}

static int listen_at(struct vhost_vsock *v, const char *path, enum tag tag, int *ret,
		     struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;
	struct epoll_event ev = { .events = EPOLLIN | (tag == TAG_LISTEN_BASE ? EPOLLET : 0),
				  .data.u64 = tag };
	struct sockaddr_un addr;

	if (fill_addr(path, &addr, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		return ss_fail_sys(err, "cannot listen at '%s'", path);
	*ret = ss_take_fd(&fd); /* the name exists: from here it is removed again */
	if (listen(*ret, 128) != 0 || epoll_ctl(v->epoll_fd, EPOLL_CTL_ADD, *ret, &ev) != 0)
		return ss_fail_sys(err, "cannot listen at '%s'", path);
	return 0;
}

/* Where a guest's call goes. */
static int dial(void *ctx, uint32_t port)
{
	const struct vhost_vsock *v = ctx;
	AUTO_CLOSE int fd = -1;
	struct ss_err err = { 0 };
	struct sockaddr_un addr;
	char path[sizeof(addr.sun_path)];

	if (snprintf(path, sizeof(path), "%s_%u", v->base, port) >= (int)sizeof(path) ||
	    fill_addr(path, &addr, &err) < 0)
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
	struct vhost_vsock *v = ss_calloc(1, sizeof(*v));
	struct vsock_mux_opts mo = { .guest_cid = o->guest_cid, .dial = dial, .ctx = v };

	v->listen_vhost = v->listen_base = v->session.fd = -1;
	v->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	v->again = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	v->vhost_path = ss_copy(o->vhost_path);
	v->base = ss_copy(o->base);
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
	    listen_at(v, v->vhost_path, TAG_LISTEN_VHOST, &v->listen_vhost, err) < 0 ||
	    listen_at(v, v->base, TAG_LISTEN_BASE, &v->listen_base, err) < 0) {
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
	if (v->listen_vhost >= 0)
		(void)unlink(v->vhost_path);
	if (v->listen_base >= 0)
		(void)unlink(v->base);
	ss_closep(&v->listen_vhost);
	ss_closep(&v->listen_base);
	ss_closep(&v->again);
	ss_closep(&v->epoll_fd);
	free(v->vhost_path);
	free(v->base);
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

	while ((fd = accept4(v->listen_base, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		vsock_mux_accept(v->mux, fd);
}

static int accept_vhost(struct vhost_vsock *v, struct ss_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = TAG_VHOST };
	const int fd = accept4(v->listen_vhost, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return 0; /* it has gone again */
	if (v->session.fd >= 0) {
		(void)close(fd); /* one guest at a time */
		return 0;
	}
	vhost_user_init(&v->device, fd, v->epoll_fd, TAG_KICK, &v->session);
	if (epoll_ctl(v->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		return ss_fail_sys(err, "cannot wait for QEMU");
	return 0;
}

static void drain(int fd)
{
	uint64_t count;

	if (fd >= 0 && read(fd, &count, sizeof(count)) < 0)
		return; /* it was drained already: every step looks at the rings anyway */
}

static int on_event(struct vhost_vsock *v, const struct epoll_event *ev, bool *ret_ended,
		    struct ss_err *err)
{
	switch (ev->data.u64) {
	case TAG_LISTEN_VHOST:
		return accept_vhost(v, err);
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
		drain(v->again);
		return 0;
	default:
		if (ev->data.u64 < TAG_END)
			drain(v->session.rings[ev->data.u64 - TAG_KICK].kick);
		else
			vsock_mux_event(v->mux, ev->data.ptr, ev->events);
		return 0;
	}
}

/* The next step looks at what the mux has to say. */
static void step_soon(const struct vhost_vsock *v)
{
	const uint64_t one = 1;

	if (write(v->again, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

void vhost_vsock_call(struct vhost_vsock *v, int fd, uint32_t port)
{
	vsock_mux_call(v->mux, fd, port);
	step_soon(v);
}

void vhost_vsock_tick(struct vhost_vsock *v)
{
	vsock_mux_tick(v->mux);
	step_soon(v);
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
		step_soon(v);
	return 0;
}
