/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vhost_user.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	RESET_OWNER = 4,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	SET_VRING_ERR = 14,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
	GET_CONFIG = 24,
};

#define HEADER_SIZE 12u
#define VERSION 1u
#define FLAG_REPLY 4u
#define F_PROTOCOL_FEATURES 30
#define PROTOCOL_CONFIG 9
#define NO_FD 0x100u /* in the word of SET_VRING_KICK and its like */

struct message {
	uint32_t request;
	uint32_t size;
	uint8_t payload[VHOST_USER_MAX_PAYLOAD];
	int fds[VRING_MAX_REGIONS];
	size_t n_fds;
};

/* Fields are in the host's own byte order: both ends run on it. */
static uint32_t word(const struct message *msg, size_t at)
{
	uint32_t v;

	assert(at + sizeof(v) <= sizeof(msg->payload));
	memcpy(&v, msg->payload + at, sizeof(v));
	return v;
}

static uint64_t long_word(const struct message *msg, size_t at)
{
	uint64_t v;

	assert(at + sizeof(v) <= sizeof(msg->payload));
	memcpy(&v, msg->payload + at, sizeof(v));
	return v;
}

static void message_done(struct message *msg)
{
	for (size_t i = 0; i < msg->n_fds; i++)
		ss_closep(&msg->fds[i]);
}

void vhost_user_init(const struct vhost_user_device *d, int fd, int epoll_fd, uint64_t kick_tag,
		     struct vhost_user *ret)
{
	const struct timeval limit = { .tv_sec = VHOST_USER_TIMEOUT_S };

	assert(d->n_queues <= VHOST_USER_MAX_QUEUES);
	*ret = (struct vhost_user){
		.device = d, .fd = fd, .epoll_fd = epoll_fd, .kick_tag = kick_tag
	};
	for (size_t i = 0; i < VHOST_USER_MAX_QUEUES; i++)
		vring_init(&ret->rings[i]);
	/* Cannot fail on a socket; on anything else the first message will. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* QEMU holds the same eventfd: closing ours alone would leave it in the epoll set. */
static void drop_kick(struct vhost_user *u, struct vring *r)
{
	if (r->kick >= 0)
		(void)epoll_ctl(u->epoll_fd, EPOLL_CTL_DEL, r->kick, NULL);
	ss_closep(&r->kick);
	r->kick = -1;
}

void vhost_user_done(struct vhost_user *u)
{
	for (size_t i = 0; i < VHOST_USER_MAX_QUEUES; i++) {
		drop_kick(u, &u->rings[i]);
		vring_done(&u->rings[i]);
	}
	vring_mem_done(&u->mem);
	ss_closep(&u->fd);
	u->fd = -1;
}

/* Takes the descriptors that came along. */
static int take_fds(struct msghdr *hdr, struct message *ret, struct ss_err *err)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c != NULL; c = CMSG_NXTHDR(hdr, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		/* There is one such part at most, and room in it for no more than these. */
		ret->n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		assert(ret->n_fds <= VRING_MAX_REGIONS);
		memcpy(ret->fds, CMSG_DATA(c), ret->n_fds * sizeof(int));
	}
	if ((hdr->msg_flags & MSG_CTRUNC) != 0)
		return ss_fail(err, SS_ELIMIT, "more descriptors than a message may carry");
	return 0;
}

/* *ret_ended when the other side has hung up between two messages. */
static int receive(int fd, struct message *ret, bool *ret_ended, struct ss_err *err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * VRING_MAX_REGIONS)];
	uint32_t head[3] = { 0 };
	struct iovec iov = { head, sizeof(head) };
	struct msghdr hdr = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;

	do
		n = recvmsg(fd, &hdr, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return ss_fail_sys(err, "cannot receive");
	*ret_ended = n <= 0;
	if (n <= 0)
		return 0;
	if (take_fds(&hdr, ret, err) < 0)
		return -1;
	if ((size_t)n < sizeof(head) || (head[1] & 3u) != VERSION)
		return ss_fail(err, SS_EINPUT, "not a vhost-user message");
	ret->request = head[0];
	ret->size = head[2];
	if (ret->size > sizeof(ret->payload))
		return ss_fail(err, SS_ELIMIT, "message %u has %u bytes", ret->request, ret->size);
	do
		n = ret->size > 0 ? recv(fd, ret->payload, ret->size, MSG_WAITALL) : 0;
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return ss_fail_sys(err, "cannot receive message %u", ret->request);
	if ((size_t)n < ret->size)
		return ss_fail(err, SS_EINPUT, "message %u is cut short", ret->request);
	return 0;
}

static int reply(struct vhost_user *u, const struct message *to, const void *payload, size_t size,
		 struct ss_err *err)
{
	const uint32_t head[3] = { to->request, VERSION | FLAG_REPLY, (uint32_t)size };
	uint8_t raw[HEADER_SIZE + VHOST_USER_MAX_PAYLOAD];

	assert(size <= VHOST_USER_MAX_PAYLOAD);
	memcpy(raw, head, HEADER_SIZE);
	memcpy(raw + HEADER_SIZE, payload, size);
	if (send(u->fd, raw, HEADER_SIZE + size, MSG_NOSIGNAL) != (ssize_t)(HEADER_SIZE + size))
		return ss_fail_sys(err, "cannot answer message %u", to->request);
	return 0;
}

static int reply_long(struct vhost_user *u, const struct message *to, uint64_t v,
		      struct ss_err *err)
{
	return reply(u, to, &v, sizeof(v), err);
}

static int set_mem_table(struct vhost_user *u, struct message *msg, struct ss_err *err)
{
	const uint32_t n = word(msg, 0);

	if (n == 0 || n > VRING_MAX_REGIONS || msg->n_fds != n || msg->size < 8 + 32 * n)
		return ss_fail(err, SS_EINPUT, "%u memory regions in %u bytes, %zu descriptors", n,
			       msg->size, msg->n_fds);
	/* Rings lie in the old memory: QEMU says where they are now before it goes on. */
	for (size_t i = 0; i < VHOST_USER_MAX_QUEUES; i++)
		u->rings[i].desc = NULL;
	vring_mem_done(&u->mem);
	for (uint32_t i = 0; i < n; i++) {
		const size_t at = 8 + 32 * (size_t)i;

		if (vring_mem_add(&u->mem, msg->fds[i], long_word(msg, at + 24), long_word(msg, at),
				  long_word(msg, at + 16), long_word(msg, at + 8), err) < 0)
			return -1;
	}
	for (size_t i = 0; i < u->device->n_queues; i++) {
		struct ss_err gone = { 0 };

		/* Where it is still the right place, the ring simply goes on. */
		if (u->rings[i].desc_uaddr != 0 && vring_attach(&u->rings[i], &u->mem, &gone) < 0)
			u->rings[i].desc_uaddr = 0;
	}
	return 0;
}

static int set_addr(struct vhost_user *u, struct vring *r, const struct message *msg,
		    struct ss_err *err)
{
	r->desc_uaddr = long_word(msg, 8);
	r->used_uaddr = long_word(msg, 16);
	r->avail_uaddr = long_word(msg, 24);
	return vring_attach(r, &u->mem, err);
}

static int get_base(struct vhost_user *u, struct vring *r, const struct message *msg,
		    struct ss_err *err)
{
	const uint32_t answer[2] = { word(msg, 0), r->next_avail };

	r->desc = NULL;
	r->desc_uaddr = 0;
	drop_kick(u, r);
	if (u->device->stopped != NULL)
		u->device->stopped(u->device->ctx);
	return reply(u, msg, answer, sizeof(answer), err);
}

/* The one descriptor of SET_VRING_KICK or SET_VRING_CALL, or the word that there is none (-1). */
static int take_fd(struct message *msg, int *ret, struct ss_err *err)
{
	const bool none = (word(msg, 0) & NO_FD) != 0;

	if (msg->n_fds != (none ? 0 : 1))
		return ss_fail(err, SS_EINPUT, "%zu descriptors where %d belong", msg->n_fds,
			       none ? 0 : 1);
	*ret = none ? -1 : ss_take_fd(&msg->fds[0]);
	/* An eventfd of QEMU's is non-blocking; whatever else this may be must not block us. */
	if (*ret >= 0)
		(void)fcntl(*ret, F_SETFL, O_NONBLOCK);
	return 0;
}

static int set_kick(struct vhost_user *u, uint32_t i, struct message *msg, struct ss_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = u->kick_tag + i };
	struct vring *r = &u->rings[i];

	drop_kick(u, r);
	if (take_fd(msg, &r->kick, err) < 0)
		return -1;
	if (r->kick >= 0 && epoll_ctl(u->epoll_fd, EPOLL_CTL_ADD, r->kick, &ev) != 0)
		return ss_fail_sys(err, "cannot wait for kicks");
	return 0;
}

static int set_call(struct vring *r, struct message *msg, struct ss_err *err)
{
	ss_closep(&r->call);
	r->call = -1;
	return take_fd(msg, &r->call, err);
}

static int get_config(struct vhost_user *u, struct message *msg, struct ss_err *err)
{
	const struct ss_span config = u->device->config;
	const uint32_t offset = word(msg, 0), size = word(msg, 4);

	/* A size of 0 in the answer is the protocol's way to say no. */
	if (offset > config.n || size > config.n - offset || msg->size < 12 + size)
		return reply(u, msg, msg->payload, 0, err);
	memcpy(msg->payload + 12, config.p + offset, size);
	return reply(u, msg, msg->payload, 12 + size, err);
}

/* Messages about one ring. */
static int on_ring(struct vhost_user *u, struct message *msg, struct ss_err *err)
{
	const uint32_t i = word(msg, 0) & 0xff;
	struct vring *r = &u->rings[i < VHOST_USER_MAX_QUEUES ? i : 0];

	if (i >= u->device->n_queues)
		return ss_fail(err, SS_EINPUT, "there is no queue %u", i);
	switch (msg->request) {
	case SET_VRING_NUM:
		r->num = word(msg, 4);
		r->desc = NULL; /* SET_VRING_ADDR follows, and checks both together */
		return 0;
	case SET_VRING_BASE:
		/* Every chain is given back at once, so both counters are the same. */
		r->next_avail = r->next_used = (uint16_t)word(msg, 4);
		return 0;
	case SET_VRING_ADDR:
		return set_addr(u, r, msg, err);
	case GET_VRING_BASE:
		return get_base(u, r, msg, err);
	case SET_VRING_KICK:
		return set_kick(u, i, msg, err);
	case SET_VRING_CALL:
		return set_call(r, msg, err);
	case SET_VRING_ENABLE:
		r->enabled = word(msg, 4) == 1;
		return 0;
	default: /* SET_VRING_ERR: a broken ring ends the session anyway */
		return 0;
	}
}

/* The shortest payload of each request; -1: not one that we know. */
static int payload_size(uint32_t request)
{
	switch ((enum request)request) {
	case GET_FEATURES:
	case SET_OWNER:
	case RESET_OWNER:
	case GET_PROTOCOL_FEATURES:
		return 0;
	case SET_FEATURES:
	case SET_MEM_TABLE:
	case SET_VRING_NUM:
	case SET_VRING_BASE:
	case GET_VRING_BASE:
	case SET_VRING_KICK:
	case SET_VRING_CALL:
	case SET_VRING_ERR:
	case SET_PROTOCOL_FEATURES:
	case SET_VRING_ENABLE:
		return 8;
	case GET_CONFIG:
		return 12;
	case SET_VRING_ADDR:
		return 40;
	}
	return -1;
}

static int act(struct vhost_user *u, struct message *msg, struct ss_err *err)
{
	const uint64_t features = u->device->features | (UINT64_C(1) << VIRTIO_F_VERSION_1) |
				  (UINT64_C(1) << F_PROTOCOL_FEATURES);
	const uint64_t protocol = UINT64_C(1) << PROTOCOL_CONFIG;

	switch (msg->request) {
	case GET_FEATURES:
		return reply_long(u, msg, features, err);
	case GET_PROTOCOL_FEATURES:
		return reply_long(u, msg, protocol, err);
	case SET_FEATURES:
	case SET_PROTOCOL_FEATURES:
		if ((long_word(msg, 0) & ~(msg->request == SET_FEATURES ? features : protocol)) !=
		    0)
			return ss_fail(err, SS_EINPUT, "features that were not offered");
		return 0;
	case SET_OWNER:
	case RESET_OWNER:
		return 0;
	case SET_MEM_TABLE:
		return set_mem_table(u, msg, err);
	case GET_CONFIG:
		return get_config(u, msg, err);
	default:
		return on_ring(u, msg, err);
	}
}

int vhost_user_message(struct vhost_user *u, bool *ret_ended, struct ss_err *err)
{
	SS_CLEANUP(message_done) struct message msg = { 0 };
	int least;

	if (receive(u->fd, &msg, ret_ended, err) < 0)
		return ss_ctx(err, "vhost-user");
	if (*ret_ended)
		return 0;
	least = payload_size(msg.request);
	if (least < 0)
		return ss_fail(err, SS_EINPUT, "vhost-user: message %u is not known", msg.request);
	if (msg.size < (uint32_t)least)
		return ss_fail(err, SS_EINPUT, "vhost-user: message %u has only %u bytes",
			       msg.request, msg.size);
	if (act(u, &msg, err) < 0)
		return ss_ctx(err, "vhost-user: message %u", msg.request);
	return 0;
}
