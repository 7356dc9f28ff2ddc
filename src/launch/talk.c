/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/talk.h"

/* The shortest and the longest body of a type; false: no such type. */
static bool sizes(unsigned type, size_t *least, size_t *most)
{
	*least = *most = 0;
	switch (type) {
	case TALK_DESCRIBE:
	case TALK_METRICS:
	case TALK_DONE:
		return true;
	case TALK_STOP:
		*least = *most = 4;
		return true;
	case TALK_LOGS:
	case TALK_CONSOLE:
		*least = *most = 1;
		return true;
	case TALK_CSR:
		*least = 1;
		*most = TALK_MAX_NAMES;
		return true;
	case TALK_CHAIN:
		*least = 1;
		*most = TALK_MAX_CHAIN;
		return true;
	case TALK_REFUSED:
		*least = 1;
		*most = TALK_MAX_BODY;
		return true;
	case TALK_DESCRIPTION:
	case TALK_END:
	case TALK_FRAME:
	case TALK_BYTES:
	case TALK_TEXT:
		*most = TALK_MAX_BODY;
		return true;
	default:
		return false;
	}
}

static int read_body(struct ss_span body, struct talk *ret, struct ss_err *err)
{
	struct ss_cur c = ss_cur_init(body);
	uint8_t flag;

	switch (ret->type) {
	case TALK_STOP:
		ret->grace_ms = ss_cur_be32(&c);
		return 0;
	case TALK_LOGS:
	case TALK_CONSOLE:
		flag = ss_cur_u8(&c);
		ret->follow = flag == 1;
		return flag <= 1 ? 0
				 : ss_fail(err, SS_EINPUT, "message %d: a flag of %u",
					   (int)ret->type, flag);
	case TALK_DESCRIBE:
	case TALK_METRICS:
	case TALK_DONE:
	case TALK_DESCRIPTION:
	case TALK_END:
	case TALK_FRAME:
	case TALK_BYTES:
	case TALK_TEXT:
	case TALK_CSR:
	case TALK_CHAIN:
	case TALK_REFUSED:
		ret->body = body;
		return 0;
	}
	return ss_fail(err, SS_EINPUT, "message of type %d", (int)ret->type);
}

int talk_read(struct ss_span in, struct talk *ret, size_t *ret_size, struct ss_err *err)
{
	struct ss_cur c = ss_cur_init(in);
	const uint8_t type = ss_cur_u8(&c);
	const struct ss_span zero = ss_cur_take(&c, 3);
	const uint32_t n = ss_cur_be32(&c);
	size_t least, most;

	if (in.n < TALK_HEAD)
		return 0;
	if (!sizes(type, &least, &most))
		return ss_fail(err, SS_EINPUT, "message of type %u", type);
	if ((zero.p[0] | zero.p[1] | zero.p[2]) != 0)
		return ss_fail(err, SS_EINPUT, "message %u: bytes that must be zero are not", type);
	if (n < least || n > most)
		return ss_fail(err, SS_EINPUT, "message %u: a body of %u bytes", type, n);
	if (in.n - TALK_HEAD < n)
		return 0;
	*ret = (struct talk){ .type = (enum talk_type)type };
	*ret_size = TALK_HEAD + (size_t)n;
	return read_body(ss_cur_take(&c, n), ret, err) < 0 ? -1 : 1;
}

void talk_write(const struct talk *t, struct ss_buf *b)
{
	struct ss_span body = { NULL, 0 };
	uint8_t raw[4];
	struct ss_buf own = SS_BUF_OVER(raw);

	switch (t->type) {
	case TALK_STOP:
		ss_buf_be32(&own, t->grace_ms);
		body = ss_buf_span(&own);
		break;
	case TALK_LOGS:
	case TALK_CONSOLE:
		raw[0] = t->follow;
		body = (struct ss_span){ raw, 1 };
		break;
	case TALK_DESCRIBE:
	case TALK_METRICS:
	case TALK_DONE:
		break;
	case TALK_DESCRIPTION:
	case TALK_END:
	case TALK_FRAME:
	case TALK_BYTES:
	case TALK_TEXT:
	case TALK_CSR:
	case TALK_CHAIN:
	case TALK_REFUSED:
		body = t->body;
		break;
	}
	if (body.n > TALK_MAX_BODY)
		body.n = TALK_MAX_BODY;
	ss_buf_put(b, (struct ss_span){ (const uint8_t[4]){ (uint8_t)t->type }, 4 });
	ss_buf_be32(b, (uint32_t)body.n);
	ss_buf_put(b, body);
}
