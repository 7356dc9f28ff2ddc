/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

#include <sys/uio.h>

/*
 * Guest memory and virtio's split ring, from the device's side.
 *
 * The guest may write both at any moment. So each field is fetched once and the copy is checked;
 * no address is used before it was found inside a region; and what a chain gives, iovecs into guest
 * memory, are bytes that may change under the reader: copy a header before parsing it.
 *
 * A ring that breaks the rules is an error for good: there is nothing to synchronise on again.
 * Descriptors handed in are not kept, except kick and call, which the ring then owns.
 */
#define VRING_MAX_REGIONS 8u /* vhost-user's own, without configurable memory slots */
#define VRING_MAX_SIZE 1024u /* QEMU gives a vsock ring 128 */
/* A descriptor is one iovec, or two where it crosses from one region into the next. */
#define VRING_MAX_IOV 256u

struct vring_region {
	uint64_t gpa;   /* where the guest sees it */
	uint64_t uaddr; /* where the VMM has it mapped: ring addresses are given so */
	uint64_t size;
	uint8_t *host;
	void *map;
	size_t map_size;
};

struct vring_mem {
	struct vring_region regions[VRING_MAX_REGIONS];
	size_t n;
};

/* Maps `size` bytes at `offset` of the shared file `fd`, which must be that long now. */
SS_MUST_CHECK SS_NONNULL int vring_mem_add(struct vring_mem *m, int fd, uint64_t offset,
					   uint64_t gpa, uint64_t uaddr, uint64_t size,
					   struct ss_err *err);
SS_NONNULL void vring_mem_done(struct vring_mem *m);

struct vring {
	uint32_t num; /* 0 = not set */
	uint64_t desc_uaddr, avail_uaddr, used_uaddr;
	uint8_t *desc, *avail, *used; /* NULL until vring_attach() */
	uint16_t next_avail;
	uint16_t next_used;
	bool enabled;
	int kick; /* -1 = none */
	int call;
};

/* One request of the guest: first what it lets us read, then what it lets us write. */
struct vring_chain {
	uint16_t head;
	struct iovec iov[VRING_MAX_IOV];
	size_t n_read, n_write;
	uint64_t read_bytes, write_bytes;
};

SS_NONNULL void vring_init(struct vring *r);
SS_NONNULL void vring_done(struct vring *r);

/* Finds the three tables, whose VMM addresses and size were stored, in `m`. */
SS_MUST_CHECK SS_NONNULL int vring_attach(struct vring *r, const struct vring_mem *m,
					  struct ss_err *err);
static inline bool vring_is_running(const struct vring *r)
{
	return r->enabled && r->desc != NULL && r->kick >= 0;
}

/* *ret_got says whether the guest had a chain waiting. */
SS_MUST_CHECK SS_NONNULL int vring_next(struct vring *r, const struct vring_mem *m,
					struct vring_chain *ret, bool *ret_got, struct ss_err *err);
/* Takes back the last vring_next(): the chain stays the guest's first. */
SS_NONNULL void vring_unget(struct vring *r);
/* Gives a chain back, `written` bytes of it filled. Several, then one vring_notify(). */
SS_NONNULL void vring_give(struct vring *r, uint16_t head, uint32_t written);
SS_NONNULL void vring_notify(struct vring *r);

/* Skips `n` bytes at the front of *iov; false if there are fewer. */
SS_MUST_CHECK SS_NONNULL bool vring_iov_skip(struct iovec **iov, size_t *n_iov, size_t n);
/* Shortens the iovecs to at most `n` bytes in all. */
SS_NONNULL void vring_iov_cut(struct iovec *iov, size_t *n_iov, size_t n);
/* Copies between iovecs and plain memory; the caller knows that there are `n` bytes. */
SS_NONNULL void vring_iov_get(const struct iovec *iov, size_t n_iov, uint8_t *to, size_t n);
SS_NONNULL void vring_iov_put(const struct iovec *iov, size_t n_iov, const uint8_t *from, size_t n);
