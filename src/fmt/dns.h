/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * DNS messages (RFC 1035, EDNS RFC 6891) as far as a resolver inside an enclave needs them: one
 * question is read strictly, an answer of its own is written, and of an answer that came from
 * outside only head and question are looked at. Pure, no allocation.
 */
#define DNS_MAX_NAME 253u
#define DNS_MAX_MESSAGE 4096u
#define DNS_MAX_ANSWERS 8u

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28, DNS_HTTPS = 65, DNS_SVCB = 64 };
enum dns_rcode {
	DNS_OK = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5
};

struct dns_query {
	uint16_t id;
	uint16_t type;
	uint16_t class_; /* 1 = IN */
	bool wants_recursion;
	bool has_edns;
	uint16_t room;               /* bytes that the asker takes in UDP: 512 or what EDNS says */
	struct ss_span question;     /* encoded, with type and class */
	char name[DNS_MAX_NAME + 1]; /* lower case, no dot at the end; "" is the root */
};

/*
 * -1: drop it, or answer FORMERR with *ret if ret->id is set (the head of a question was there; a
 * broken one with id 0 is dropped). Exactly one question, opcode 0, no answers, at most the OPT
 * record of EDNS 0; labels as they are but only letters, digits, - and _; no compression.
 */
SS_MUST_CHECK SS_NONNULL int dns_query_read(struct ss_span in, struct dns_query *ret,
					    struct ss_err *err);
/*
 * The answer with `n` addresses (each 4 bytes for A, 16 for AAAA; at most DNS_MAX_ANSWERS are
 * taken, none for another type or with an rcode), all with `ttl` seconds. Always fits into 512
 * bytes. The whole is appended, or `b` is bad and nothing is. `addrs` may be NULL where n is 0.
 */
void dns_answer_write(const struct dns_query *q, enum dns_rcode rcode, const uint8_t (*addrs)[16],
		      size_t n, uint32_t ttl, struct ss_buf *b);
/* Is `in` an answer to `q`: same id, response bit, same question? */
SS_MUST_CHECK SS_NONNULL bool dns_is_answer_to(struct ss_span in, const struct dns_query *q);
