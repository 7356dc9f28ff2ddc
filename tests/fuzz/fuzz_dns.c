/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/dns.h"

#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* The C library reads the question as we do. */
static void check_question(struct ss_span in, const struct dns_query *q)
{
	char name[NS_MAXDNAME];
	ns_msg m;
	ns_rr rr;
	size_t n;

	check(ns_initparse(in.p, (int)in.n, &m) == 0);
	check(ns_parserr(&m, ns_s_qd, 0, &rr) == 0);
	check(ns_rr_type(rr) == q->type && ns_rr_class(rr) == q->class_ && ns_msg_id(m) == q->id);
	check(strlen(q->name) <= DNS_MAX_NAME);
	n = strlen(ns_rr_name(rr));
	memcpy(name, ns_rr_name(rr), n + 1);
	for (size_t i = 0; i < n; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] ^= 0x20;
	check(strcmp(name, q->name[0] != '\0' ? q->name : ".") == 0 ||
	      (q->name[0] == '\0' && n == 0));
	check(q->room >= 512 && q->room <= DNS_MAX_MESSAGE);
}

static void check_answer(const struct dns_query *q, size_t n)
{
	static const uint8_t addrs[DNS_MAX_ANSWERS][16] = { { 192, 0, 2, 1 } };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(512);
	const bool has = q->type == DNS_A || q->type == DNS_AAAA;
	ns_msg m;

	dns_answer_write(q, DNS_OK, addrs, n, 60, &b);
	check(!b.bad && dns_is_answer_to(ss_buf_span(&b), q));
	check(ns_initparse(b.p, (int)b.n, &m) == 0);
	check(ns_msg_count(m, ns_s_an) == (has ? n : 0));
	for (size_t i = 0; has && i < n; i++) {
		ns_rr rr;

		check(ns_parserr(&m, ns_s_an, (int)i, &rr) == 0 && ns_rr_type(rr) == q->type);
		check(ns_rr_rdlen(rr) == (q->type == DNS_A ? 4 : 16));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t asked[] = { 1, 'a', 0, 0, 1, 0, 1 };
	const struct dns_query fixed = { .id = 1, .question = { asked, sizeof(asked) } };
	const struct ss_span in = { data, size };
	struct dns_query q;
	struct ss_err err = { 0 };

	if (dns_is_answer_to(in, &fixed))
		check(size >= 12 + sizeof(asked) && data[1] == 1 && (data[2] & 0x80) != 0);
	if (dns_query_read(in, &q, &err) < 0) {
		check(err.code != SS_OK && err.msg[0] != '\0' && q.question.n == 0);
		return 0;
	}
	check(q.question.p == data + 12 && q.question.n <= size - 12);
	check_question(in, &q);
	for (size_t n = 0; n <= DNS_MAX_ANSWERS; n++)
		check_answer(&q, n);
	check(!dns_is_answer_to(in, &q));
	return 0;
}
