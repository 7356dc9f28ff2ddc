/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * What Linux 6.12 offers and musl's headers do not spell: system call numbers (the same on x86_64
 * and aarch64), structures and flags. Written here so that the runtime needs no kernel headers.
 */
#define RT_SYS_OPEN_TREE 428
#define RT_SYS_MOVE_MOUNT 429
#define RT_SYS_OPENAT2 437
#define RT_SYS_MOUNT_SETATTR 442

struct rt_open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};
#define RT_RESOLVE_NO_XDEV 0x01u
#define RT_RESOLVE_NO_MAGICLINKS 0x02u
#define RT_RESOLVE_NO_SYMLINKS 0x04u
#define RT_RESOLVE_BENEATH 0x08u

struct rt_mount_attr {
	uint64_t attr_set;
	uint64_t attr_clr;
	uint64_t propagation;
	uint64_t userns_fd;
};
#define RT_MOUNT_ATTR_RDONLY 0x1u
#define RT_MOUNT_ATTR_NOSUID 0x2u
#define RT_MOUNT_ATTR_NODEV 0x4u
#define RT_MOUNT_ATTR_NOEXEC 0x8u
#define RT_MOUNT_ATTR_IDMAP 0x00100000u
#define RT_OPEN_TREE_CLONE 1u
#define RT_MOVE_MOUNT_F_EMPTY_PATH 0x4u
#define RT_MOVE_MOUNT_T_EMPTY_PATH 0x40u

struct rt_sockaddr_vm {
	uint16_t family; /* RT_AF_VSOCK */
	uint16_t reserved;
	uint32_t port;
	uint32_t cid;
	uint8_t flags;
	uint8_t zero[3];
};
#define RT_AF_VSOCK 40

/* random.h: credit, size, bytes. */
#define RT_RNDADDENTROPY 0x40085203u

/* if_tun.h */
#define RT_TUNSETIFF 0x400454cau
#define RT_IFF_TUN 0x0001
#define RT_IFF_NO_PI 0x1000
