/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * The header of a virtio vsock packet (virtio 1.2, §5.10.6): 44 bytes, little-endian. The data of a
 * VSOCK_RW packet follows it; every other packet is the header alone.
 */
#define VSOCK_HEADER_SIZE 44u
#define VSOCK_MAX_DATA 0x10000u /* Linux sends and takes no longer packets */
#define VSOCK_TYPE_STREAM 1u
#define VSOCK_HOST_CID 3u /* an enclave calls its parent by this number, not by 2 */

enum vsock_op {
	VSOCK_REQUEST = 1,
	VSOCK_RESPONSE = 2,
	VSOCK_RST = 3,
	VSOCK_SHUTDOWN = 4,
	VSOCK_RW = 5,
	VSOCK_CREDIT_UPDATE = 6,
	VSOCK_CREDIT_REQUEST = 7,
};

/* Of a VSOCK_SHUTDOWN: the sender will read no more, will send no more. */
#define VSOCK_SHUT_RCV 1u
#define VSOCK_SHUT_SEND 2u

struct vsock_header {
	uint64_t src_cid;
	uint64_t dst_cid;
	uint32_t src_port;
	uint32_t dst_port;
	uint32_t len;
	uint16_t type;
	uint16_t op; /* enum vsock_op, or anything a guest writes */
	uint32_t flags;
	uint32_t buf_alloc;
	uint32_t fwd_cnt;
};

SS_NONNULL void vsock_header_read(const uint8_t raw[VSOCK_HEADER_SIZE], struct vsock_header *ret);
SS_NONNULL void vsock_header_write(const struct vsock_header *h, uint8_t ret[VSOCK_HEADER_SIZE]);
