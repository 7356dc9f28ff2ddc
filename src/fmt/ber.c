/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/ber.h"

#include <assert.h>

#define LONG_FORM 0x80u
#define LENGTH_MAX 4u    /* octets of a length: more than any message has */
#define TAG_NUMBER 0x1fu /* all set: the tag goes on in more bytes */

/* Tag and length of an element, and where its contents are. */
struct head {
	unsigned tag;
	bool is_indefinite;
	size_t from, n;
};

void ber_refuse_at(struct ber_in *in, size_t at, const char *why)
{
	if (in->why != NULL)
		return;
	in->why = why;
	in->why_at = at;
}

void ber_refuse(struct ber_in *in, const char *why)
{
	ber_refuse_at(in, in->at, why);
}

/* Where the innermost element ends; of an indefinite one the last byte that it may reach. */
static size_t end_of(const struct ber_in *in)
{
	return in->depth > 0 ? in->open[in->depth - 1].end : in->all.n;
}

static bool is_indefinite(const struct ber_in *in)
{
	return in->depth > 0 && in->open[in->depth - 1].is_indefinite;
}

static struct ss_cur rest(const struct ber_in *in)
{
	const size_t n = end_of(in) - in->at;

	return ss_cur_init((struct ss_span){ n > 0 ? in->all.p + in->at : NULL, n });
}

bool ber_more(const struct ber_in *in)
{
	struct ss_cur c = rest(in);

	if (in->why != NULL)
		return false;
	if (is_indefinite(in)) /* where its end is missing, whatever is read next will say so */
		return ss_cur_left(&c) == 0 || ss_cur_u8(&c) != 0;
	return ss_cur_left(&c) > 0;
}

//= x690#section-8.1.3.5
//# The second and subsequent octets hold the length; more than are needed may be used
static size_t read_length(struct ss_cur *c, unsigned first, const char **ret_why)
{
	size_t n = 0;

	if (first < LONG_FORM)
		return first;
	if (first > LONG_FORM + LENGTH_MAX) {
		*ret_why = "a length of more than four octets";
		return 0;
	}
	for (unsigned i = 0; i < first - LONG_FORM; i++)
		n = n << 8 | ss_cur_u8(c);
	return n;
}

/* What comes next; NULL, or why it is no element. */
static const char *look(const struct ber_in *in, struct head *ret)
{
	struct ss_cur c = rest(in);
	const char *why = NULL;
	unsigned first;

	ret->tag = ss_cur_u8(&c);
	first = ss_cur_u8(&c);
	ret->is_indefinite = first == LONG_FORM;
	ret->n = read_length(&c, first, &why);
	if (c.bad)
		return "an element that ends early";
	if (why != NULL)
		return why;
	if ((ret->tag & TAG_NUMBER) == TAG_NUMBER)
		return "a tag of several bytes";
	//= x690#section-8.1.3.2
	//# A sender shall use the definite form if the encoding is primitive
	if (ret->is_indefinite && (ret->tag & BER_CONSTRUCTED) == 0)
		return "a primitive element of indefinite length";
	if (ret->n > ss_cur_left(&c))
		return "an element that ends early";
	ret->from = in->at + ss_cur_offset(&c);
	return NULL;
}

unsigned ber_next(const struct ber_in *in)
{
	struct head h = { 0 };

	return ber_more(in) && look(in, &h) == NULL ? h.tag : 0;
}

/* The next element, if it has this tag. */
static bool expect(struct ber_in *in, unsigned tag, struct head *ret)
{
	const char *why;

	if (in->why != NULL)
		return false;
	why = ber_more(in) ? look(in, ret) : "an element is missing";
	if (why == NULL && ret->tag != tag)
		why = "another element than was expected";
	if (why != NULL)
		ber_refuse(in, why);
	return why == NULL;
}

void ber_enter(struct ber_in *in, unsigned tag)
{
	struct head h = { 0 };

	assert((tag & BER_CONSTRUCTED) != 0);
	if (!expect(in, tag, &h))
		return;
	if (in->depth == BER_MAX_DEPTH) {
		ber_refuse(in, "elements in more than 16 others");
		return;
	}
	in->open[in->depth].end = h.is_indefinite ? end_of(in) : h.from + h.n;
	in->open[in->depth].is_indefinite = h.is_indefinite;
	in->depth++;
	in->at = h.from;
}

//= x690#section-8.1.5
//# The end-of-contents octets shall be two zero octets
void ber_leave(struct ber_in *in)
{
	struct ss_cur c = rest(in);

	if (in->why != NULL)
		return;
	assert(in->depth > 0);
	if (ber_more(in))
		ber_refuse(in, ss_cur_left(&c) == 0 ? "an element that ends early"
						    : "an element that holds more than it should");
	else if (is_indefinite(in) && ss_cur_be16(&c) != 0)
		ber_refuse(in, "an end of contents that has some");
	else if (c.bad)
		ber_refuse(in, "an element that ends early");
	if (in->why != NULL)
		return;
	in->at += ss_cur_offset(&c);
	in->depth--;
}

struct ss_span ber_take(struct ber_in *in, unsigned tag)
{
	struct head h = { 0 };

	assert((tag & BER_CONSTRUCTED) == 0);
	if (!expect(in, tag, &h))
		return (struct ss_span){ NULL, 0 };
	in->at = h.from + h.n;
	return (struct ss_span){ in->all.p + h.from, h.n };
}

uint32_t ber_uint(struct ber_in *in)
{
	const size_t at = in->at;
	const struct ss_span s = ber_take(in, BER_INTEGER);
	uint32_t v = 0;

	if (in->why != NULL)
		return 0;
	//= x690#section-8.3.2
	//# The first nine bits are neither all ones nor all zero
	if (s.n == 0 || (s.n > 1 && s.p[0] == 0 && s.p[1] < 0x80))
		ber_refuse_at(in, at, "an integer that is not the shortest");
	else if (s.p[0] >= 0x80)
		ber_refuse_at(in, at, "a negative integer");
	if (in->why != NULL)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (v > UINT32_MAX >> 8)
			return UINT32_MAX;
		v = v << 8 | s.p[i];
	}
	return v;
}

void ber_null(struct ber_in *in)
{
	const size_t at = in->at;

	if (ber_take(in, BER_NULL).n > 0)
		ber_refuse_at(in, at, "a null that holds something");
}

//= x690#section-8.7.3.2
//# Each piece is the encoding of an octet string
void ber_octets(struct ber_in *in, unsigned tag, struct ss_buf *ret)
{
	if (!ber_is(in, tag | BER_CONSTRUCTED)) {
		ss_buf_put(ret, ber_take(in, tag));
		return;
	}
	ber_enter(in, tag | BER_CONSTRUCTED);
	while (ber_more(in))
		ss_buf_put(ret, ber_take(in, BER_OCTETS));
	ber_leave(in);
}

int ber_end(const struct ber_in *in, const char *what, struct ss_err *err)
{
	if (in->why != NULL)
		return ss_fail(err, SS_EINPUT, "%s: %s, at byte %zu", what, in->why, in->why_at);
	assert(in->depth == 0);
	if (in->at < in->all.n)
		return ss_fail(err, SS_EINPUT, "%s: %zu bytes follow its end", what,
			       in->all.n - in->at);
	return 0;
}
