/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/dns.h"

#include <string.h>

#define HEAD 12u
#define MAX_ENCODED 255u /* of a name, with its last zero */
#define MAX_LABEL 63u
#define MIN_ROOM 512u
#define TYPE_OPT 41u
#define POINTER_TO_QUESTION 0xc00cu
#define ANSWER_HEAD 12u
#define OPT_SIZE 11u

/* Bits of the second word of a head. */
#define IS_ANSWER 0x8000u
#define OPCODE 0x7800u
#define WANTS_RECURSION 0x0100u
#define HAS_RECURSION 0x0080u
#define AUTHENTIC 0x0020u /* AD and CD: an asker may set them */
#define UNCHECKED 0x0010u

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* --- reading a question ------------------------------------------------------------------------
 */

static bool is_letter(uint8_t c)
{
	const uint8_t l = lower(c);

	return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* NULL, or why the name is none. */
static const char *read_name(struct ss_cur *c, char ret[DNS_MAX_NAME + 1])
{
	const size_t from = ss_cur_offset(c);
	size_t n = 0;

	for (;;) {
		const uint8_t size = ss_cur_u8(c);
		struct ss_span label;

		if (size > MAX_LABEL)
			return "a name with a pointer or a label of another kind";
		label = ss_cur_take(c, size);
		if (c->bad)
			return "a name that does not end";
		if (ss_cur_offset(c) - from > MAX_ENCODED)
			return "a name over 255 bytes";
		if (size == 0)
			break;
		if (n > 0)
			ret[n++] = '.';
		for (size_t i = 0; i < label.n; i++) {
			if (!is_letter(label.p[i]))
				return "a name with other letters than those of hosts";
			ret[n++] = (char)lower(label.p[i]);
		}
	}
	ret[n] = '\0';
	return NULL;
}

/* RFC 6891 §6.1.2: what EDNS appends to a question. */
static const char *read_opt(struct ss_cur *c, struct dns_query *q)
{
	const uint8_t name = ss_cur_u8(c);
	const uint16_t type = ss_cur_be16(c);
	const uint16_t room = ss_cur_be16(c);
	const uint32_t flags = ss_cur_be32(c);
	const uint16_t size = ss_cur_be16(c);
	const struct ss_span options = ss_cur_take(c, size);
	struct ss_cur o = ss_cur_init(options);

	if (c->bad || name != 0 || type != TYPE_OPT)
		return "a record that is not EDNS's";
	if ((flags >> 16 & 0xff) != 0)
		return "a version of EDNS that is not 0";
	while (ss_cur_left(&o) > 0) {
		(void)ss_cur_be16(&o);
		(void)ss_cur_take(&o, ss_cur_be16(&o));
	}
	if (o.bad)
		return "options of EDNS that do not end";
	q->has_edns = true;
	q->room = room < MIN_ROOM ? MIN_ROOM : room > DNS_MAX_MESSAGE ? DNS_MAX_MESSAGE : room;
	return NULL;
}

static const char *read_counts(struct ss_cur *c, bool *ret_has_more)
{
	const uint16_t questions = ss_cur_be16(c);
	const uint16_t answers = ss_cur_be16(c);
	const uint16_t authorities = ss_cur_be16(c);
	const uint16_t more = ss_cur_be16(c);

	*ret_has_more = more > 0;
	if (questions != 1)
		return "not one question";
	if (answers != 0 || authorities != 0 || more > 1)
		return "answers in a question";
	return NULL;
}

static const char *read_flags(uint16_t flags)
{
	if ((flags & OPCODE) != 0)
		return "another operation than a question";
	if ((flags & ~(WANTS_RECURSION | AUTHENTIC | UNCHECKED)) != 0)
		return "bits that no question has";
	return NULL;
}

static const char *read_rest(struct ss_cur *c, struct ss_span in, struct dns_query *q)
{
	bool has_more = false;
	const char *why = read_counts(c, &has_more);

	if (why == NULL)
		why = read_name(c, q->name);
	if (why != NULL)
		return why;
	q->type = ss_cur_be16(c);
	q->class_ = ss_cur_be16(c);
	if (c->bad)
		return "a question without type and class";
	q->question = (struct ss_span){ in.p + HEAD, ss_cur_offset(c) - HEAD };
	if (has_more)
		why = read_opt(c, q);
	if (why == NULL && ss_cur_left(c) > 0)
		why = "bytes behind the end";
	return why;
}

int dns_query_read(struct ss_span in, struct dns_query *ret, struct ss_err *err)
{
	struct ss_cur c = ss_cur_init(in);
	struct dns_query q = { .room = MIN_ROOM };
	uint16_t flags;
	const char *why;

	*ret = q;
	if (in.n < HEAD)
		return ss_fail(err, SS_EINPUT, "DNS: %zu bytes are no message", in.n);
	if (in.n > DNS_MAX_MESSAGE)
		return ss_fail(err, SS_ELIMIT, "DNS: %zu bytes; the limit is %u", in.n,
			       DNS_MAX_MESSAGE);
	q.id = ss_cur_be16(&c);
	flags = ss_cur_be16(&c);
	if ((flags & IS_ANSWER) != 0)
		return ss_fail(err, SS_EINPUT, "DNS: an answer instead of a question");
	q.wants_recursion = (flags & WANTS_RECURSION) != 0;
	ret->id = q.id;
	ret->wants_recursion = q.wants_recursion;
	why = read_flags(flags);
	if (why == NULL)
		why = read_rest(&c, in, &q);
	if (why != NULL)
		return ss_fail(err, SS_EINPUT, "DNS: %s", why);
	*ret = q;
	return 0;
}

/* --- answering ---------------------------------------------------------------------------------
 */

static void put_address(const struct dns_query *q, const uint8_t addr[16], size_t n_addr,
			uint32_t ttl, struct ss_buf *b)
{
	ss_buf_be16(b, POINTER_TO_QUESTION);
	ss_buf_be16(b, q->type);
	ss_buf_be16(b, q->class_);
	ss_buf_be32(b, ttl);
	ss_buf_be16(b, (uint16_t)n_addr);
	ss_buf_put(b, (struct ss_span){ addr, n_addr });
}

static void put_opt(struct ss_buf *b)
{
	static const uint8_t root = 0;

	ss_buf_put(b, (struct ss_span){ &root, 1 });
	ss_buf_be16(b, TYPE_OPT);
	ss_buf_be16(b, DNS_MAX_MESSAGE);
	ss_buf_be32(b, 0);
	ss_buf_be16(b, 0);
}

void dns_answer_write(const struct dns_query *q, enum dns_rcode rcode, const uint8_t (*addrs)[16],
		      size_t n, uint32_t ttl, struct ss_buf *b)
{
	const size_t n_addr = q->type == DNS_A ? 4 : q->type == DNS_AAAA ? 16 : 0;
	unsigned flags = IS_ANSWER | HAS_RECURSION | (unsigned)rcode;
	size_t size;

	if (rcode != DNS_OK || n_addr == 0 || q->question.n == 0)
		n = 0;
	if (n > DNS_MAX_ANSWERS)
		n = DNS_MAX_ANSWERS;
	size = HEAD + q->question.n + n * (ANSWER_HEAD + n_addr) + (q->has_edns ? OPT_SIZE : 0);
	if (b->n > b->max || size > b->max - b->n) {
		b->bad = true;
		return;
	}
	if (q->wants_recursion)
		flags |= WANTS_RECURSION;
	ss_buf_be16(b, q->id);
	ss_buf_be16(b, (uint16_t)flags);
	ss_buf_be16(b, q->question.n > 0 ? 1 : 0);
	ss_buf_be16(b, (uint16_t)n);
	ss_buf_be16(b, 0);
	ss_buf_be16(b, q->has_edns ? 1 : 0);
	ss_buf_put(b, q->question);
	for (size_t i = 0; i < n; i++)
		put_address(q, addrs[i], n_addr, ttl, b);
	if (q->has_edns)
		put_opt(b);
}

bool dns_is_answer_to(struct ss_span in, const struct dns_query *q)
{
	struct ss_cur c = ss_cur_init(in);
	const uint16_t id = ss_cur_be16(&c);
	const uint16_t flags = ss_cur_be16(&c);
	const uint16_t questions = ss_cur_be16(&c);
	struct ss_span question;

	(void)ss_cur_take(&c, 6);
	question = ss_cur_take(&c, q->question.n);
	if (c.bad || id != q->id || (flags & (IS_ANSWER | OPCODE)) != IS_ANSWER || questions != 1 ||
	    question.n < 5)
		return false;
	/* A label's length is never a letter, so the whole name is compared without case. */
	for (size_t i = 0; i < question.n - 4; i++)
		if (lower(question.p[i]) != lower(q->question.p[i]))
			return false;
	return memcmp(question.p + question.n - 4, q->question.p + question.n - 4, 4) == 0;
}
