/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

/*
 * The PROXY protocol, version 2 (haproxy, doc/proxy-protocol.txt §2.2), without TLVs: who the
 * client of an ingress is, in the host's words. The host writes one, dataplane reads it strictly
 * and writes its own. Pure.
 */
#define PROXY_HEADER_MAX 52u

struct proxy_header {
	bool is_udp;
	uint8_t n_addr;     /* 0 = unknown (LOCAL), 4 or 16 */
	uint8_t client[16]; /* address and port that called */
	uint8_t server[16]; /* address and port that were called */
	uint16_t client_port, server_port;
};

/* 1 = read, *ret_size bytes; 0 = more is needed; -1 = not one. TLVs are refused. */
SS_MUST_CHECK SS_NONNULL int proxy_header_read(struct ss_span in, struct proxy_header *ret,
					       size_t *ret_size, struct ss_err *err);
SS_NONNULL void proxy_header_write(const struct proxy_header *h, struct ss_buf *b);
