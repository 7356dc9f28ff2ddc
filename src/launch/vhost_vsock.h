/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A vsock device for one guest of QEMU, served by this process: no root, no daemon, no help from
 * the host's kernel. QEMU connects to `vhost_path` (-chardev socket,path=…; the guest's memory must
 * be shared, which -M nitro-enclave sees to itself).
 *
 * The host is CID 3, as an enclave's parent is. A guest that calls port P reaches the unix socket
 * `base`_P, or is refused. A local program that connects to `base` and writes "CONNECT P\n" reaches
 * port P of the guest; the first line it reads is "OK HOST-PORT\n", or the end of the stream.
 * Limits: vsock_mux.h. Put the sockets into a directory that nobody else can enter.
 */
struct vhost_vsock_opts {
	const char *vhost_path;
	const char *base;
	uint32_t guest_cid;
	uint32_t max_conns; /* 0: 1024 */
};

struct vhost_vsock;

/* Listens on both paths, which must not exist yet. `o` is copied. */
SS_MUST_CHECK SS_NONNULL int vhost_vsock_open(const struct vhost_vsock_opts *o,
					      struct vhost_vsock **ret, struct ss_err *err);
void vhost_vsock_free(struct vhost_vsock *v); /* accepts NULL; removes the two sockets */

/* Readable when vhost_vsock_step() has work: for the owner's own poll(). */
SS_NONNULL int vhost_vsock_fd(const struct vhost_vsock *v);
/*
 * Does what there is to do without waiting. *ret_ended: QEMU has gone; another may come.
 * -1: QEMU or the guest broke a protocol that cannot be picked up again; the device is finished.
 */
SS_MUST_CHECK SS_NONNULL int vhost_vsock_step(struct vhost_vsock *v, bool *ret_ended,
					      struct ss_err *err);

/* vsock_mux_call() and vsock_mux_tick(), on the thread that steps. */
SS_NONNULL void vhost_vsock_call(struct vhost_vsock *v, int fd, uint32_t port);
SS_NONNULL void vhost_vsock_tick(struct vhost_vsock *v);
