/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vsock_packet.h"

static uint64_t take_le(const uint8_t **p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(*p)[i] << (8 * i);
	*p += n;
	return v;
}

static void put_le(uint8_t **p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(*p)[i] = (uint8_t)(v >> (8 * i));
	*p += n;
}

void vsock_header_read(const uint8_t raw[VSOCK_HEADER_SIZE], struct vsock_header *ret)
{
	const uint8_t *p = raw;

	ret->src_cid = take_le(&p, 8);
	ret->dst_cid = take_le(&p, 8);
	ret->src_port = (uint32_t)take_le(&p, 4);
	ret->dst_port = (uint32_t)take_le(&p, 4);
	ret->len = (uint32_t)take_le(&p, 4);
	ret->type = (uint16_t)take_le(&p, 2);
	ret->op = (uint16_t)take_le(&p, 2);
	ret->flags = (uint32_t)take_le(&p, 4);
	ret->buf_alloc = (uint32_t)take_le(&p, 4);
	ret->fwd_cnt = (uint32_t)take_le(&p, 4);
}

void vsock_header_write(const struct vsock_header *h, uint8_t ret[VSOCK_HEADER_SIZE])
{
	uint8_t *p = ret;

	put_le(&p, h->src_cid, 8);
	put_le(&p, h->dst_cid, 8);
	put_le(&p, h->src_port, 4);
	put_le(&p, h->dst_port, 4);
	put_le(&p, h->len, 4);
	put_le(&p, h->type, 2);
	put_le(&p, h->op, 2);
	put_le(&p, h->flags, 4);
	put_le(&p, h->buf_alloc, 4);
	put_le(&p, h->fwd_cnt, 4);
}
