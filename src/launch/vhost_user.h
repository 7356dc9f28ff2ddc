/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/vring.h"

/*
 * The back-end's half of vhost-user (QEMU, docs/interop/vhost-user), as far as a device needs that
 * offers neither migration nor more than its features word: QEMU says where the guest's memory and
 * rings are, and which descriptors carry kicks and calls. A device is the four fields below.
 *
 * QEMU runs the guest's code, so its messages too are checked: sizes, indexes, counts of
 * descriptors, regions against their files. Any fault ends the session with an error.
 */
#define VHOST_USER_MAX_QUEUES 4u
#define VHOST_USER_MAX_PAYLOAD 512u /* the largest that we understand, SET_MEM_TABLE, has 264 */
#define VHOST_USER_TIMEOUT_S 10     /* a message that has begun must end */

#define VIRTIO_F_VERSION_1 32

struct vhost_user_device {
	uint64_t features; /* virtio feature bits offered; VERSION_1 is always */
	struct ss_span config;
	unsigned n_queues;
	/* The driver is gone (guest reset, end): forget what belongs to it. May be NULL. */
	void (*stopped)(void *ctx);
	void *ctx;
};

struct vhost_user {
	const struct vhost_user_device *device; /* borrowed */
	int fd;
	int epoll_fd;      /* borrowed; kicks are registered with ev.data.u64 = kick_tag + queue */
	uint64_t kick_tag; /* small: not an address */
	struct vring_mem mem;
	struct vring rings[VHOST_USER_MAX_QUEUES];
};

/* Takes the connected socket `fd`, which then belongs to `ret`. */
SS_NONNULL void vhost_user_init(const struct vhost_user_device *d, int fd, int epoll_fd,
				uint64_t kick_tag, struct vhost_user *ret);
SS_NONNULL void vhost_user_done(struct vhost_user *u);

/* Call when `fd` is readable: takes one message and acts on it. *ret_ended: QEMU hung up. */
SS_MUST_CHECK SS_NONNULL int vhost_user_message(struct vhost_user *u, bool *ret_ended,
						struct ss_err *err);
