/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/dns.h"
#include "record/rec_names.h"

#include <stdlib.h>
#include <string.h>

/*
 * Questions of a program in a step, each behind a byte that says how long it is. Every answer is
 * one to its question; an address leads back to the name; another recorder that hears the same says
 * the same, and this one the same a second time.
 */
#define INPUTS 512u /* of one pair of recorders: their tables are large */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dns_query *read_query(struct ss_span in, struct dns_query *q)
{
	struct ss_err err = { 0 };

	return dns_query_read(in, q, &err) == 0 ? q : NULL;
}

/* An answer of ours ends in its one address, or in the OPT record behind it. */
static void must_lead_back(struct rec_names *n, const struct dns_query *q, struct ss_span answer)
{
	uint8_t address[16] = { [10] = 0xff, 0xff };
	const size_t m = q->type == DNS_AAAA ? 16 : 4, opt = q->has_edns ? 11 : 0;
	char where[REC_WHERE_MAX];

	if (answer.n < 12 + q->question.n + 12 + m + opt)
		return;
	memcpy(address + 16 - m, answer.p + answer.n - opt - m, m);
	rec_names_where(n, address, where);
	if (strcmp(where, q->name) != 0 && strcmp(where, "127.0.0.1") != 0 &&
	    strcmp(where, "[::1]") != 0)
		abort();
}

static void try_one(struct rec_names *n, struct ss_span in)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(DNS_MAX_MESSAGE), b = SS_BUF_INIT(DNS_MAX_MESSAGE);
	struct dns_query q;
	const bool is = read_query(in, &q) != NULL;

	if (!rec_names_answer(n, in, &a)) {
		if (is)
			abort();
		return;
	}
	if (!rec_names_answer(n, in, &b) || a.n != b.n || memcmp(a.p, b.p, a.n) != 0)
		abort();
	if (is && !dns_is_answer_to(ss_buf_span(&a), &q))
		abort();
	if (is && (q.type == DNS_A || q.type == DNS_AAAA) && a.n > 7 && a.p[7] == 1)
		must_lead_back(n, &q, ss_buf_span(&a));
}

/* What the one has said a second time, the other says the first time. */
static void must_agree(struct rec_names *n, struct rec_names *other, struct ss_span one)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(DNS_MAX_MESSAGE), b = SS_BUF_INIT(DNS_MAX_MESSAGE);
	const bool is = rec_names_answer(n, one, &a);

	if (is != rec_names_answer(other, one, &b) || a.n != b.n ||
	    (is && memcmp(a.p, b.p, a.n) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rec_names *n, *other;
	static unsigned inputs;

	if (inputs++ % INPUTS == 0) {
		rec_names_free(n);
		rec_names_free(other);
		n = rec_names_new();
		other = rec_names_new();
	}
	for (size_t i = 0; i < size;) {
		const size_t rest = size - i - 1, m = data[i] < rest ? data[i] : rest;
		const struct ss_span one = { data + i + 1, m };

		try_one(n, one);
		must_agree(n, other, one);
		i += 1 + m;
	}
	return 0;
}
