/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vsock_mux.h"

#include "base/mem.h"
#include "launch/vring.h"
#include "launch/vsock_conn.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#define N_BUCKETS 1024u /* a power of two */

LIST_HEAD(conn_list, vsock_conn);
TAILQ_HEAD(conn_queue, vsock_conn);

struct vsock_mux {
	struct vsock_mux_opts o;
	struct conn_list buckets[N_BUCKETS];
	struct conn_list all;
	struct conn_list dead;
	struct conn_queue ready;
	uint64_t seed; /* the guest chooses ports; it cannot choose buckets */
	size_t n_conns;
	size_t n_held;
	uint32_t next_port;
	uint32_t tick;
	struct vsock_header rsts[VSOCK_MAX_RSTS];
	size_t rst_at, rst_n;
};

static struct conn_list *bucket_of(struct vsock_mux *m, uint32_t guest_port, uint32_t host_port)
{
	uint64_t x = (((uint64_t)guest_port << 32) | host_port) ^ m->seed;

	/* The finaliser of splitmix64: every input bit reaches every output bit. */
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return &m->buckets[(x ^ (x >> 31)) & (N_BUCKETS - 1)];
}

static struct vsock_conn *find_conn(struct vsock_mux *m, uint32_t guest_port, uint32_t host_port)
{
	struct vsock_conn *c;

	LIST_FOREACH(c, bucket_of(m, guest_port, host_port), bucket)
	if (c->guest_port == guest_port && c->host_port == host_port)
		return c;
	return NULL;
}

static void enqueue(struct vsock_mux *m, struct vsock_conn *c)
{
	if (c->want == 0 || c->queued)
		return;
	TAILQ_INSERT_TAIL(&m->ready, c, ready);
	c->queued = true;
}

/* Ends a stream here; what points at it keeps pointing at memory until the sweep. */
static void kill_conn(struct vsock_mux *m, struct vsock_conn *c)
{
	if (c->state != VSOCK_HELLO)
		LIST_REMOVE(c, bucket);
	if (c->queued)
		TAILQ_REMOVE(&m->ready, c, ready);
	c->queued = false;
	m->n_held -= c->held != NULL;
	vsock_conn_close(c);
	LIST_REMOVE(c, all);
	LIST_INSERT_HEAD(&m->dead, c, all);
	c->state = VSOCK_DEAD;
	m->n_conns--;
}

/* Ends a stream both here and, as soon as it takes a packet, in the guest. */
static void reset_conn(struct vsock_mux *m, struct vsock_conn *c)
{
	if (c->state == VSOCK_HELLO) {
		kill_conn(m, c);
		return;
	}
	m->n_held -= c->held != NULL;
	vsock_conn_close(c);
	c->want = VSOCK_WANT_RST;
	enqueue(m, c);
}

/* The answer to a packet that belongs to no stream; dropped when the guest takes none. */
static void refuse(struct vsock_mux *m, const struct vsock_header *h)
{
	if (m->rst_n == VSOCK_MAX_RSTS)
		return;
	m->rsts[(m->rst_at + m->rst_n) % VSOCK_MAX_RSTS] = (struct vsock_header){
		.src_cid = h->dst_cid,
		.dst_cid = h->src_cid,
		.src_port = h->dst_port,
		.dst_port = h->src_port,
		.type = h->type,
		.op = VSOCK_RST,
	};
	m->rst_n++;
}

struct vsock_mux *vsock_mux_new(const struct vsock_mux_opts *o)
{
	struct vsock_mux *m = ss_calloc(1, sizeof(*m));

	assert(o->max_conns > 0 && o->max_conns <= VSOCK_MAX_CONNS);
	m->o = *o;
	m->next_port = VSOCK_FIRST_PORT;
	LIST_INIT(&m->all);
	LIST_INIT(&m->dead);
	TAILQ_INIT(&m->ready);
	/* Without the kernel's randomness a guest could only slow its own streams down. */
	if (getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) != sizeof(m->seed))
		m->seed = (uintptr_t)m;
	return m;
}

void vsock_mux_sweep(struct vsock_mux *m)
{
	struct vsock_conn *c;

	while ((c = LIST_FIRST(&m->dead)) != NULL) {
		LIST_REMOVE(c, all);
		free(c);
	}
}

void vsock_mux_reset(struct vsock_mux *m)
{
	struct vsock_conn *c;

	while ((c = LIST_FIRST(&m->all)) != NULL)
		kill_conn(m, c);
	m->rst_n = 0;
}

void vsock_mux_free(struct vsock_mux *m)
{
	if (m == NULL)
		return;
	vsock_mux_reset(m);
	vsock_mux_sweep(m);
	free(m);
}

size_t vsock_mux_count(const struct vsock_mux *m)
{
	return m->n_conns;
}

bool vsock_mux_is_pending(const struct vsock_mux *m)
{
	return m->rst_n > 0 || !TAILQ_EMPTY(&m->ready);
}

/* A new stream around `fd`, which it owns from here on; NULL if there are too many. */
static struct vsock_conn *add_conn(struct vsock_mux *m, int fd, enum vsock_state state)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	struct vsock_conn *c;

	if (m->n_conns >= m->o.max_conns) {
		(void)close(fd);
		return NULL;
	}
	c = ss_calloc(1, sizeof(*c));
	c->fd = fd;
	c->state = state;
	c->born = m->tick;
	ev.data.ptr = c;
	if (epoll_ctl(m->o.epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
		(void)close(fd);
		free(c);
		return NULL;
	}
	LIST_INSERT_HEAD(&m->all, c, all);
	m->n_conns++;
	return c;
}

static void place(struct vsock_mux *m, struct vsock_conn *c, uint32_t guest_port,
		  uint32_t host_port)
{
	c->guest_port = guest_port;
	c->host_port = host_port;
	LIST_INSERT_HEAD(bucket_of(m, guest_port, host_port), c, bucket);
}

void vsock_mux_accept(struct vsock_mux *m, int fd)
{
	(void)add_conn(m, fd, VSOCK_HELLO); /* the port comes with its first event */
}

/* The guest calls a port here. */
static void on_request(struct vsock_mux *m, const struct vsock_header *h)
{
	struct vsock_conn *c = NULL;
	const int fd = m->o.dial(m->o.ctx, h->dst_port);

	if (fd >= 0)
		c = add_conn(m, fd, VSOCK_OPEN);
	if (c == NULL) {
		refuse(m, h);
		return;
	}
	place(m, c, h->src_port, h->dst_port);
	c->peer_alloc = h->buf_alloc;
	c->peer_fwd = h->fwd_cnt;
	c->want = VSOCK_WANT_RESPONSE;
	enqueue(m, c);
}

/* The guest accepts a call from here: its caller may start. */
static void on_response(struct vsock_mux *m, struct vsock_conn *c)
{
	char text[24];
	const int n = snprintf(text, sizeof(text), "OK %u\n", c->host_port);

	c->state = VSOCK_OPEN;
	if (!c->is_plain && send(c->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
		reset_conn(m, c);
	else
		c->want |= VSOCK_WANT_DATA;
}

static void on_data(struct vsock_mux *m, struct vsock_conn *c, uint32_t len, struct iovec *data,
		    size_t n_data)
{
	const bool held = c->held != NULL;

	if (c->guest_done || len > vsock_conn_room(c) ||
	    vsock_conn_send(c, data, n_data, len) < 0) {
		reset_conn(m, c);
		return;
	}
	m->n_held += !held && c->held != NULL;
	if (m->n_held > VSOCK_ALL_BUFS)
		reset_conn(m, c);
}

/* What an open stream's packet does to it. */
static void on_open(struct vsock_mux *m, struct vsock_conn *c, const struct vsock_header *h,
		    struct iovec *data, size_t n_data)
{
	switch (h->op) {
	case VSOCK_RW:
		on_data(m, c, h->len, data, n_data);
		break;
	case VSOCK_SHUTDOWN:
		c->guest_deaf |= (h->flags & VSOCK_SHUT_RCV) != 0;
		c->guest_done |= (h->flags & VSOCK_SHUT_SEND) != 0;
		break;
	case VSOCK_CREDIT_REQUEST:
		c->want |= VSOCK_WANT_CREDIT;
		break;
	case VSOCK_CREDIT_UPDATE:
		break;
	default:
		reset_conn(m, c);
		break;
	}
	if (c->state == VSOCK_OPEN && !c->host_done && c->asked && vsock_conn_credit(c) > 0) {
		c->asked = false;
		c->want |= VSOCK_WANT_DATA;
	}
	vsock_conn_settle(c);
}

void vsock_mux_packet(struct vsock_mux *m, const struct vsock_header *h, struct iovec *data,
		      size_t n_data)
{
	struct vsock_conn *c;

	if (h->src_cid != m->o.guest_cid)
		return; /* it cannot speak for another, nor hear an answer to that */
	c = h->type == VSOCK_TYPE_STREAM && h->dst_cid == VSOCK_HOST_CID
		    ? find_conn(m, h->src_port, h->dst_port)
		    : NULL;
	if (h->op == VSOCK_RST) {
		if (c != NULL)
			kill_conn(m, c);
		return;
	}
	if (c == NULL) {
		if (h->op == VSOCK_REQUEST && h->type == VSOCK_TYPE_STREAM &&
		    h->dst_cid == VSOCK_HOST_CID)
			on_request(m, h);
		else
			refuse(m, h);
		return;
	}
	c->peer_alloc = h->buf_alloc;
	c->peer_fwd = h->fwd_cnt;
	if (c->state == VSOCK_CALLING && h->op == VSOCK_RESPONSE)
		on_response(m, c);
	else if (c->state == VSOCK_OPEN)
		on_open(m, c, h, data, n_data);
	else
		reset_conn(m, c);
	enqueue(m, c);
}

static void call(struct vsock_mux *m, struct vsock_conn *c, uint32_t port)
{
	do {
		c->host_port = m->next_port;
		m->next_port = m->next_port == UINT32_MAX ? VSOCK_FIRST_PORT : m->next_port + 1;
	} while (find_conn(m, port, c->host_port) != NULL);
	c->state = VSOCK_CALLING;
	place(m, c, port, c->host_port);
	c->want = VSOCK_WANT_REQUEST;
	enqueue(m, c);
}

/* A caller on the local socket has said which port of the guest it wants, or nonsense. */
static void on_hello(struct vsock_mux *m, struct vsock_conn *c)
{
	uint32_t port;
	const int rc = vsock_conn_hello(c, &port);

	if (rc < 0)
		kill_conn(m, c);
	if (rc > 0)
		call(m, c, port);
}

void vsock_mux_call(struct vsock_mux *m, int fd, uint32_t port)
{
	struct vsock_conn *c = add_conn(m, fd, VSOCK_HELLO);

	if (c == NULL)
		return;
	c->is_plain = true;
	call(m, c, port);
}

void vsock_mux_tick(struct vsock_mux *m)
{
	struct vsock_conn *c = LIST_FIRST(&m->all);

	m->tick++;
	while (c != NULL) {
		struct vsock_conn *next = LIST_NEXT(c, all);

		if ((c->state == VSOCK_HELLO || c->state == VSOCK_CALLING) &&
		    m->tick - c->born > VSOCK_CALL_TICKS)
			reset_conn(m, c);
		c = next;
	}
}

void vsock_mux_event(struct vsock_mux *m, struct vsock_conn *c, uint32_t events)
{
	const bool held = c->held != NULL;

	if (c->state == VSOCK_HELLO)
		on_hello(m, c);
	if (c->state == VSOCK_CALLING && (events & (EPOLLHUP | EPOLLERR)) != 0)
		reset_conn(m, c); /* its caller waits no longer */
	if (c->state != VSOCK_OPEN)
		return; /* a stream that opens looks at its socket first thing */
	if (vsock_conn_flush(c) < 0) {
		reset_conn(m, c);
		return;
	}
	m->n_held -= held && c->held == NULL;
	if ((events & ~(uint32_t)EPOLLOUT) != 0 && !c->host_done)
		c->want |= VSOCK_WANT_DATA;
	vsock_conn_settle(c);
	enqueue(m, c);
}

/* The header of a packet to the guest; it carries our credit, whatever else it says. */
static size_t tell(struct vsock_mux *m, struct vsock_conn *c, enum vsock_op op, uint32_t flags,
		   uint32_t len, const struct iovec *room, size_t n_room)
{
	const struct vsock_header h = {
		.src_cid = VSOCK_HOST_CID,
		.dst_cid = m->o.guest_cid,
		.src_port = c->host_port,
		.dst_port = c->guest_port,
		.len = len,
		.type = VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.flags = flags,
		.buf_alloc = VSOCK_CONN_BUF,
		.fwd_cnt = c->fwd_cnt,
	};
	uint8_t raw[VSOCK_HEADER_SIZE];

	vsock_header_write(&h, raw);
	vring_iov_put(room, n_room, raw, sizeof(raw));
	c->fwd_told = c->fwd_cnt;
	c->want &= ~VSOCK_WANT_CREDIT;
	return sizeof(raw) + len;
}

/* Bytes read from the socket into a guest buffer behind its header; 0 = none now. */
static size_t pull(struct vsock_conn *c, const struct iovec *room, size_t n_room)
{
	struct iovec copy[VRING_MAX_IOV];
	struct iovec *iov = copy;
	size_t n_iov = 0, left = vsock_conn_credit(c);
	ssize_t n;

	if (left > VSOCK_MAX_DATA)
		left = VSOCK_MAX_DATA;
	if (left == 0) {
		c->want &= ~VSOCK_WANT_DATA; /* until there is credit */
		if (!c->asked)
			c->want |= VSOCK_WANT_ASK;
		c->asked = true;
		return 0;
	}
	for (; n_iov < n_room; n_iov++)
		copy[n_iov] = room[n_iov];
	if (!vring_iov_skip(&iov, &n_iov, VSOCK_HEADER_SIZE))
		return 0;
	vring_iov_cut(iov, &n_iov, left);
	do
		n = readv(c->fd, iov, (int)n_iov);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->tx_cnt += (uint32_t)n;
		return (size_t)n;
	}
	c->want &= ~VSOCK_WANT_DATA; /* until the next event */
	if (n == 0)
		c->host_done = true;
	else if (errno != EAGAIN)
		c->want = VSOCK_WANT_RST;
	return 0;
}

/* The most urgent thing that a stream has to tell. */
static size_t fill_from(struct vsock_mux *m, struct vsock_conn *c, const struct iovec *room,
			size_t n_room)
{
	size_t n;

	if ((c->want & VSOCK_WANT_DATA) != 0 && (c->want & VSOCK_WANT_RESPONSE) == 0) {
		n = pull(c, room, n_room);
		if (n > 0)
			return tell(m, c, VSOCK_RW, 0, (uint32_t)n, room, n_room);
		vsock_conn_settle(c);
	}
	if ((c->want & VSOCK_WANT_RST) != 0) {
		n = tell(m, c, VSOCK_RST, 0, 0, room, n_room);
		kill_conn(m, c);
		return n;
	}
	if ((c->want & VSOCK_WANT_REQUEST) != 0) {
		c->want &= ~VSOCK_WANT_REQUEST;
		return tell(m, c, VSOCK_REQUEST, 0, 0, room, n_room);
	}
	if ((c->want & VSOCK_WANT_RESPONSE) != 0) {
		c->want = (c->want & ~VSOCK_WANT_RESPONSE) | VSOCK_WANT_DATA;
		return tell(m, c, VSOCK_RESPONSE, 0, 0, room, n_room);
	}
	if ((c->want & VSOCK_WANT_CREDIT) != 0)
		return tell(m, c, VSOCK_CREDIT_UPDATE, 0, 0, room, n_room);
	if ((c->want & VSOCK_WANT_ASK) != 0) {
		c->want &= ~VSOCK_WANT_ASK;
		return tell(m, c, VSOCK_CREDIT_REQUEST, 0, 0, room, n_room);
	}
	if ((c->want & VSOCK_WANT_SHUTDOWN) != 0) {
		c->want &= ~VSOCK_WANT_SHUTDOWN;
		c->shutdown_told |= VSOCK_SHUT_SEND | (c->write_done ? VSOCK_SHUT_RCV : 0);
		n = tell(m, c, VSOCK_SHUTDOWN, c->shutdown_told, 0, room, n_room);
		if (c->write_done)
			vsock_conn_close(c); /* the guest's reset ends it */
		return n;
	}
	return 0;
}

size_t vsock_mux_fill(struct vsock_mux *m, const struct iovec *room, size_t n_room)
{
	struct vsock_conn *c;
	size_t n;

	assert(n_room <= VRING_MAX_IOV);
	if (m->rst_n > 0) {
		uint8_t raw[VSOCK_HEADER_SIZE];

		vsock_header_write(&m->rsts[m->rst_at], raw);
		vring_iov_put(room, n_room, raw, sizeof(raw));
		m->rst_at = (m->rst_at + 1) % VSOCK_MAX_RSTS;
		m->rst_n--;
		return sizeof(raw);
	}
	while ((c = TAILQ_FIRST(&m->ready)) != NULL) {
		TAILQ_REMOVE(&m->ready, c, ready);
		c->queued = false;
		n = fill_from(m, c, room, n_room);
		if (c->state != VSOCK_DEAD)
			enqueue(m, c); /* behind all the others */
		if (n > 0)
			return n;
	}
	return 0;
}
