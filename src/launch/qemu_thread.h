/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/vhost_nsm.h"
#include "launch/vhost_vsock.h"

/*
 * What QEMU needs from us while it runs, on a thread of its own: the vsock device, the NSM where it
 * is ours, and a reader of what QEMU says on standard error. The bytes of streams so never wait for
 * the bytes of clients.
 *
 * A device that breaks ends QEMU: there is no enclave without it.
 */
struct qemu_thread;

struct qemu_thread_opts {
	struct vhost_vsock *vsock; /* the thread's from here on, freed with it */
	struct vhost_nsm *nsm;     /* likewise, or NULL */
	int words_fd;              /* QEMU's standard error, non-blocking; likewise */
	int pidfd;                 /* of QEMU; borrowed */
};

#define QEMU_TICK_MS 5000 /* vhost_vsock_tick() */

SS_MUST_CHECK SS_NONNULL int qemu_thread_start(const struct qemu_thread_opts *o,
					       struct qemu_thread **ret, struct ss_err *err);
/* Ends and joins; accepts NULL. */
void qemu_thread_free(struct qemu_thread *t);
/* Calls a port of the guest for whoever has the other end of `fd`, which is the thread's now. */
SS_NONNULL void qemu_thread_call(struct qemu_thread *t, int fd, uint32_t port);
/* After QEMU has ended: what broke the device, or else QEMU's last line; "" = nothing known. */
SS_NONNULL void qemu_thread_why(struct qemu_thread *t, char *ret, size_t size);
