/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"
#include "launch/vsock_packet.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * A guest without a QEMU: memory that is shared, two split rings in it that a test writes as it
 * likes, and the messages by which QEMU would hand them over.
 *
 * Memory, from GPA FG_GPA: queue q's tables at q * 0x10000 (descriptors, +0x4000 available,
 * +0x8000 used), its buffers of FG_BUF bytes from FG_BUFS + q * FG_QUEUE_SIZE * FG_BUF.
 */
#define FG_GPA UINT64_C(0x100000)
#define FG_UADDR UINT64_C(0x7f0000000000)
#define FG_QUEUE_SIZE 16u
#define FG_BUF 4096u
#define FG_BUFS 0x20000u
#define FG_SIZE (FG_BUFS + 2 * FG_QUEUE_SIZE * FG_BUF)
#define FG_CID 16u
#define FG_RX 0u
#define FG_TX 1u

#define FG_NEXT 1u
#define FG_WRITE 2u
#define FG_INDIRECT 4u

struct fake_guest {
	int memfd;
	uint8_t *mem;
	int sock;
	int kick[2];
	int call[2];
	uint16_t offered[2]; /* the available index as the guest has it */
	uint16_t taken[2];   /* used entries it has looked at */
};

static inline void fg_init(struct fake_guest *g)
{
	*g = (struct fake_guest){ .sock = -1 };
	g->memfd = memfd_create("fake-guest", MFD_CLOEXEC);
	assert(g->memfd >= 0 && ftruncate(g->memfd, FG_SIZE) == 0);
	g->mem = mmap(NULL, FG_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->memfd, 0);
	assert(g->mem != MAP_FAILED);
	for (size_t q = 0; q < 2; q++) {
		g->kick[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		g->call[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert(g->kick[q] >= 0 && g->call[q] >= 0);
	}
}

static inline void fg_done(struct fake_guest *g)
{
	ss_closep(&g->sock);
	for (size_t q = 0; q < 2; q++) {
		ss_closep(&g->kick[q]);
		ss_closep(&g->call[q]);
	}
	(void)munmap(g->mem, FG_SIZE);
	ss_closep(&g->memfd);
}

/* --- QEMU's part --------------------------------------------------------------------------- */

static inline void fg_send(int sock, uint32_t request, const void *payload, uint32_t n,
			   const int *fds, size_t n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 16)] = { 0 };
	uint32_t head[3] = { request, 1, n };
	uint8_t copy[1024];
	struct iovec iov[2] = { { head, sizeof(head) }, { copy, n } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n > 0 ? 2 : 1 };
	struct cmsghdr *c;

	assert(n <= sizeof(copy) && n_fds <= 16);
	if (n > 0)
		memcpy(copy, payload, n);
	if (n_fds > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	(void)sendmsg(sock, &msg, MSG_NOSIGNAL); /* it may be refused: that is what is tested */
}

static inline void fg_mem_table(const struct fake_guest *g, uint64_t size)
{
	const uint64_t table[5] = { 1, FG_GPA, size, FG_UADDR, 0 };

	fg_send(g->sock, 5, table, sizeof(table), &g->memfd, 1);
}

static inline void fg_ring(const struct fake_guest *g, uint32_t q)
{
	const uint32_t num[2] = { q, FG_QUEUE_SIZE };
	const uint32_t base[2] = { q, 0 };
	const uint32_t enable[2] = { q, 1 };
	const uint64_t at = FG_UADDR + q * UINT64_C(0x10000);
	const uint64_t addr[5] = { q, at, at + 0x8000, at + 0x4000, 0 };
	const uint64_t which = q;

	fg_send(g->sock, 8, num, sizeof(num), NULL, 0);
	fg_send(g->sock, 10, base, sizeof(base), NULL, 0);
	fg_send(g->sock, 9, addr, sizeof(addr), NULL, 0);
	fg_send(g->sock, 12, &which, sizeof(which), &g->kick[q], 1);
	fg_send(g->sock, 13, &which, sizeof(which), &g->call[q], 1);
	fg_send(g->sock, 18, enable, sizeof(enable), NULL, 0);
}

/* All that QEMU says until the guest's driver runs, but for the questions it asks. */
static inline void fg_start(const struct fake_guest *g)
{
	const uint64_t features = UINT64_C(1) << 32 | UINT64_C(1) << 30;

	fg_send(g->sock, 3, NULL, 0, NULL, 0);
	fg_send(g->sock, 2, &features, sizeof(features), NULL, 0);
	fg_mem_table(g, FG_SIZE);
	fg_ring(g, FG_RX);
	fg_ring(g, FG_TX);
}

/* --- the guest's part ---------------------------------------------------------------------- */

static inline void fg_put(struct fake_guest *g, size_t at, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		g->mem[at + i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t fg_get(const struct fake_guest *g, size_t at, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)g->mem[at + i] << (8 * i);
	return v;
}

static inline size_t fg_buf(size_t q, size_t i)
{
	return FG_BUFS + (q * FG_QUEUE_SIZE + i) * FG_BUF;
}

static inline void fg_desc(struct fake_guest *g, size_t q, size_t i, uint64_t gpa, uint32_t len,
			   unsigned flags, unsigned next)
{
	const size_t at = q * 0x10000 + 16 * i;

	fg_put(g, at, gpa, 8);
	fg_put(g, at + 8, len, 4);
	fg_put(g, at + 12, flags, 2);
	fg_put(g, at + 14, next, 2);
}

static inline void fg_offer(struct fake_guest *g, size_t q, unsigned head)
{
	const size_t avail = q * 0x10000 + 0x4000;

	fg_put(g, avail + 4 + 2 * (size_t)(g->offered[q] % FG_QUEUE_SIZE), head, 2);
	g->offered[q]++;
	fg_put(g, avail + 2, g->offered[q], 2);
}

static inline void fg_kick(const struct fake_guest *g, size_t q)
{
	const uint64_t one = 1;

	assert(write(g->kick[q], &one, sizeof(one)) == sizeof(one));
}

/* Gives one empty buffer of `len` bytes for the next packet to the guest. */
static inline void fg_give_buffer(struct fake_guest *g, uint32_t len)
{
	const size_t i = g->offered[FG_RX] % FG_QUEUE_SIZE;

	fg_desc(g, FG_RX, i, FG_GPA + fg_buf(FG_RX, i), len, FG_WRITE, 0);
	fg_offer(g, FG_RX, (unsigned)i);
}

/* Sends a packet: the header in one descriptor, the data in the next. */
static inline void fg_packet(struct fake_guest *g, const struct vsock_header *h, const void *data)
{
	const size_t i = (g->offered[FG_TX] * 2u) % FG_QUEUE_SIZE;
	const size_t at = fg_buf(FG_TX, i);

	assert(h->len <= FG_BUF);
	vsock_header_write(h, g->mem + at);
	if (h->len > 0)
		memcpy(g->mem + at + FG_BUF, data, h->len);
	fg_desc(g, FG_TX, i, FG_GPA + at, VSOCK_HEADER_SIZE, h->len > 0 ? FG_NEXT : 0,
		(unsigned)i + 1);
	fg_desc(g, FG_TX, i + 1, FG_GPA + at + FG_BUF, h->len, 0, 0);
	fg_offer(g, FG_TX, (unsigned)i);
	fg_kick(g, FG_TX);
}

/* The next packet that came, its data in the guest's memory; false if there is none. */
static inline bool fg_take(struct fake_guest *g, struct vsock_header *ret, const uint8_t **ret_data)
{
	const size_t used = 0x8000;
	size_t at;

	if (g->taken[FG_RX] == fg_get(g, used + 2, 2))
		return false;
	at = fg_buf(FG_RX, fg_get(g, used + 4 + 8 * (size_t)(g->taken[FG_RX] % FG_QUEUE_SIZE), 4));
	g->taken[FG_RX]++;
	vsock_header_read(g->mem + at, ret);
	*ret_data = g->mem + at + VSOCK_HEADER_SIZE;
	return true;
}
