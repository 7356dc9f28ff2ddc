/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Every system call that depends on a Nitro instance, so that tests run against a model of it
 * (tests/unit/nitro_model.h). Each answers as its namesake does: -1 and errno. Sockets are vsock,
 * streams, close-on-exec and non-blocking.
 */
struct nitro_sys {
	void *ctx;
	int (*open)(void *ctx, const char *path);
	int (*ioctl)(void *ctx, int fd, unsigned long request, void *arg);
	/* Fresh huge pages of one size, wanted from one NUMA node (-1 = any), not inherited by
	 * children; NULL and errno. Touched through system calls only: a page that is missing after
	 * all is then EFAULT and not SIGBUS. */
	void *(*map)(void *ctx, size_t size, unsigned page_shift, int node);
	void (*unmap)(void *ctx, void *p, size_t size);
	/* A small file of sysfs or /etc: up to `n` bytes. */
	int (*read_file)(void *ctx, const char *path, char *ret, size_t n);
	int (*socket)(void *ctx);
	int (*bind)(void *ctx, int fd, uint32_t port); /* any CID */
	int (*listen)(void *ctx, int fd);
	int (*connect)(void *ctx, int fd, uint32_t cid, uint32_t port);
	int (*own_port)(void *ctx, int fd, uint32_t *ret);
	int (*peer_cid)(void *ctx, int fd, uint32_t *ret);
	void (*pause)(void *ctx, unsigned ms);
};

extern const struct nitro_sys nitro_sys_linux;
