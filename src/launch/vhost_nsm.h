/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/nsm_machine.h"

/*
 * The NSM as a virtio device of QEMU's: `-device vhost-user-test-device,virtio-id=33,num_vqs=1`,
 * which QEMU has since 10.2, connects to `path` (-chardev socket,path=…) and the guest's /dev/nsm
 * is the machine of launch/nsm_machine.h. The guest's memory must be shared.
 *
 * As Linux's driver has it, a call is two chains: one that we may read, the request, and behind it
 * one that we may write. What is longer than a request can be is answered InputTooLarge, unread.
 */
struct vhost_nsm;

/* Listens at `path`, which must not exist yet. `m` is borrowed. */
SS_MUST_CHECK SS_NONNULL int vhost_nsm_open(const char *path, struct nsm_machine *m,
					    struct vhost_nsm **ret, struct ss_err *err);
void vhost_nsm_free(struct vhost_nsm *v); /* accepts NULL; removes the socket */

/* As vhost_vsock_fd() and vhost_vsock_step(). */
SS_NONNULL int vhost_nsm_fd(const struct vhost_nsm *v);
SS_MUST_CHECK SS_NONNULL int vhost_nsm_step(struct vhost_nsm *v, bool *ret_ended,
					    struct ss_err *err);
