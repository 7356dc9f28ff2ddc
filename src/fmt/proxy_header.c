/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/proxy_header.h"

#include <string.h>

#define FIXED 16u
#define LOCAL 0x20u /* version 2, and the command in the low half */
#define PROXY 0x21u
#define STREAM 1u
#define DATAGRAM 2u

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', 0,   '\r',
				       '\n', 'Q',  'U',  'I',  'T', '\n' };

/* Address family in the high half, transport in the low one; 0 is unknown. */
static unsigned family_of(const struct proxy_header *h)
{
	const unsigned transport = h->is_udp ? DATAGRAM : STREAM;

	return h->n_addr == 4 ? 0x10 | transport : h->n_addr == 16 ? 0x20 | transport : 0;
}

/* Two addresses and two ports. */
static size_t body_of(const struct proxy_header *h)
{
	return h->n_addr > 0 ? 2 * ((size_t)h->n_addr + 2) : 0;
}

/* The 4 bytes behind the signature. */
static int read_kind(struct ss_cur *c, struct proxy_header *h, struct ss_err *err)
{
	const uint8_t command = ss_cur_u8(c);
	const uint8_t family = ss_cur_u8(c);
	const uint16_t size = ss_cur_be16(c);

	if (command != LOCAL && command != PROXY)
		return ss_fail(err, SS_EINPUT, "PROXY header: version and command are %#x",
			       command);
	h->is_udp = (family & 0xf) == DATAGRAM;
	h->n_addr = command == LOCAL ? 0 : family >> 4 == 1 ? 4 : 16;
	if (family != family_of(h))
		return ss_fail(err, SS_EINPUT, "PROXY header: family and transport are %#x",
			       family);
	if (size != body_of(h))
		return ss_fail(err, SS_EINPUT, "PROXY header: %u bytes of addresses; it has %zu",
			       size, body_of(h));
	return 0;
}

static void take_addr(struct ss_cur *c, size_t n, uint8_t ret[16])
{
	const struct ss_span s = ss_cur_take(c, n);

	if (s.n > 0)
		memcpy(ret, s.p, s.n);
}

int proxy_header_read(struct ss_span in, struct proxy_header *ret, size_t *ret_size,
		      struct ss_err *err)
{
	const size_t seen = in.n < sizeof(signature) ? in.n : sizeof(signature);
	struct ss_cur c = ss_cur_init(in);
	struct proxy_header h = { 0 };

	if (seen > 0 && memcmp(in.p, signature, seen) != 0)
		return ss_fail(err, SS_EINPUT, "PROXY header: no signature of version 2");
	if (in.n < FIXED)
		return 0;
	(void)ss_cur_take(&c, sizeof(signature));
	if (read_kind(&c, &h, err) < 0)
		return -1;
	if (ss_cur_left(&c) < body_of(&h))
		return 0;
	if (h.n_addr > 0) {
		take_addr(&c, h.n_addr, h.client);
		take_addr(&c, h.n_addr, h.server);
		h.client_port = ss_cur_be16(&c);
		h.server_port = ss_cur_be16(&c);
	}
	*ret = h;
	*ret_size = FIXED + body_of(&h);
	return 1;
}

void proxy_header_write(const struct proxy_header *h, struct ss_buf *b)
{
	const uint8_t kind[2] = { h->n_addr > 0 ? PROXY : LOCAL, (uint8_t)family_of(h) };

	if ((h->n_addr > 0 && kind[1] == 0) || b->n > b->max ||
	    FIXED + body_of(h) > b->max - b->n) {
		b->bad = true;
		return;
	}
	ss_buf_put(b, (struct ss_span){ signature, sizeof(signature) });
	ss_buf_put(b, (struct ss_span){ kind, sizeof(kind) });
	ss_buf_be16(b, (uint16_t)body_of(h));
	if (h->n_addr == 0)
		return;
	ss_buf_put(b, (struct ss_span){ h->client, h->n_addr });
	ss_buf_put(b, (struct ss_span){ h->server, h->n_addr });
	ss_buf_be16(b, h->client_port);
	ss_buf_be16(b, h->server_port);
}
