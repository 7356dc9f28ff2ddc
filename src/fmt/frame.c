/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/frame.h"

#include "fmt/egress.h"

#include <string.h>

#define NO_PORT UINT32_MAX /* VMADDR_PORT_ANY */
#define MAX_SIGNAL 64u

/* How long the body of a type is: `fixed` bytes, then up to `text`. */
struct kind {
	enum frame_type type;
	const char *name;
	uint32_t fixed;
	uint32_t text;
};

static const struct kind kinds[] = {
	{ FRAME_HELLO, "HELLO", 16, 0 },
	{ FRAME_TIME, "TIME", 8, 0 },
	{ FRAME_STOP, "STOP", 4, 0 },
	{ FRAME_SCRAPE, "SCRAPE", 0, 0 },
	{ FRAME_CSR_ASK, "CSR_ASK", 0, FRAME_MAX_NAMES_TEXT },
	{ FRAME_CHAIN, "CHAIN", 8, FRAME_MAX_PART },
	{ FRAME_WELCOME, "WELCOME", 12, 0 },
	{ FRAME_STATE, "STATE", 1, FRAME_MAX_TEXT },
	{ FRAME_LOG, "LOG", 12, FRAME_MAX_LINE },
	{ FRAME_LOST, "LOST", 16, 0 },
	{ FRAME_METRICS, "METRICS", 0, FRAME_MAX_BODY },
	{ FRAME_EXIT, "EXIT", 4, FRAME_MAX_TEXT },
	{ FRAME_CSR, "CSR", 0, FRAME_MAX_CSR },
	{ FRAME_CHAIN_SAID, "CHAIN_SAID", 4, 0 },
	{ FRAME_OPEN, "OPEN", 4, FRAME_MAX_NAME },
	{ FRAME_OPENED, "OPENED", 4, 0 },
};

static const struct kind *find_kind(unsigned type)
{
	for (size_t i = 0; i < SS_NELEMS(kinds); i++)
		if ((unsigned)kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static const char not_zero[] = "bytes that must be zero are not";
static const char bad_version[] = "a version that is not spoken here";
static const char bad_time[] = "a time after the year 2262";

static struct ss_span take_rest(struct ss_cur *c)
{
	return ss_cur_take(c, ss_cur_left(c));
}

static const char *check_time(uint64_t ns)
{
	return ns > INT64_MAX ? bad_time : NULL;
}

/* version u16, zero u16: how both greetings begin. */
static const char *read_version(struct ss_cur *c)
{
	const uint16_t version = ss_cur_be16(c);

	if (ss_cur_be16(c) != 0)
		return not_zero;
	return version == FRAME_VERSION ? NULL : bad_version;
}

static const char *read_hello(struct ss_cur *c, struct frame *f)
{
	const char *why = read_version(c);

	f->hello.egress_port = ss_cur_be32(c);
	f->hello.time_ns = ss_cur_be64(c);
	if (why == NULL && f->hello.egress_port == NO_PORT)
		return "an egress port that is none";
	return why != NULL ? why : check_time(f->hello.time_ns);
}

static const char *read_welcome(struct ss_cur *c, struct frame *f)
{
	const char *why = read_version(c);

	f->memory = ss_cur_be64(c);
	return why;
}

static const char *read_state(struct ss_cur *c, struct frame *f)
{
	f->state.state = (enum frame_state)ss_cur_u8(c);
	f->state.reason = take_rest(c);
	return f->state.state <= FRAME_STATE_LAST ? NULL : "an unknown state";
}

static const char *read_log(struct ss_cur *c, struct frame *f)
{
	uint16_t zero;

	f->log.source = (enum frame_source)ss_cur_u8(c);
	f->log.flags = ss_cur_u8(c);
	zero = ss_cur_be16(c);
	f->log.time_ns = ss_cur_be64(c);
	f->log.text = take_rest(c);
	if (f->log.source < FRAME_STDOUT || f->log.source > FRAME_DATAPLANE)
		return "an unknown source";
	if (f->log.flags > FRAME_LINE_GOES_ON)
		return "unknown flags";
	return zero != 0 ? not_zero : check_time(f->log.time_ns);
}

static const char *read_exit(struct ss_cur *c, struct frame *f)
{
	uint16_t zero;

	f->exit.kind = (enum frame_end)ss_cur_u8(c);
	f->exit.value = ss_cur_u8(c);
	zero = ss_cur_be16(c);
	f->exit.reason = take_rest(c);
	if (f->exit.kind > FRAME_STOPPED)
		return "an unknown kind of end";
	if (f->exit.kind == FRAME_SIGNALLED && (f->exit.value == 0 || f->exit.value > MAX_SIGNAL))
		return "a signal that there is not";
	return zero != 0 ? not_zero : NULL;
}

static const char *check_open(const struct frame *f)
{
	const size_t n = f->open.address.n;

	switch (f->open.transport) {
	case FRAME_DNS:
		return f->open.kind == FRAME_NO_ADDRESS && f->open.port == 0 && n == 0
			       ? NULL
			       : "an address for DNS, which has none";
	case FRAME_TCP:
	case FRAME_UDP:
		break;
	default:
		return "an unknown transport";
	}
	if (f->open.port == 0)
		return "port 0";
	switch (f->open.kind) {
	case FRAME_NO_ADDRESS:
		return "no address";
	case FRAME_NAME:
		return n <= FRAME_MAX_NAME && egress_is_name(f->open.address)
			       ? NULL
			       : "a name that is none";
	case FRAME_IPV4:
		return n == 4 ? NULL : "an IPv4 address that is not 4 bytes";
	case FRAME_IPV6:
		return n == 16 ? NULL : "an IPv6 address that is not 16 bytes";
	}
	return "an unknown kind of address";
}

static const char *read_open(struct ss_cur *c, struct frame *f)
{
	f->open.transport = (enum frame_transport)ss_cur_u8(c);
	f->open.kind = (enum frame_address)ss_cur_u8(c);
	f->open.port = ss_cur_be16(c);
	f->open.address = take_rest(c);
	return check_open(f);
}

static const char *read_opened(struct ss_cur *c, struct frame *f)
{
	f->opened = (enum frame_opened)ss_cur_u8(c);
	if (ss_cur_u8(c) != 0 || ss_cur_be16(c) != 0)
		return not_zero;
	return f->opened <= FRAME_OPEN_LAST ? NULL : "an unknown status";
}

/* --- the certificate --- */

bool frame_is_dns_name(struct ss_span name)
{
	if (name.n > FRAME_MAX_NAME || name.n == 0 || name.p[name.n - 1] == '.')
		return false;
	if (name.n > 2 && name.p[0] == '*' && name.p[1] == '.')
		name = (struct ss_span){ name.p + 2, name.n - 2 };
	return egress_is_name(name);
}

bool frame_next_name(struct ss_span names, size_t *at, struct ss_span *ret)
{
	size_t i = *at > 0 ? *at : 1;

	if (i >= names.n || names.p[i] > names.n - i - 1)
		return false;
	*ret = (struct ss_span){ names.p + i + 1, names.p[i] };
	*at = i + 1 + ret->n;
	return true;
}

static const char *check_names(struct ss_span names)
{
	struct ss_span name;
	size_t at = 0, n = 0;

	if (names.n == 0 || names.p[0] == 0 || names.p[0] > FRAME_MAX_NAMES)
		return "a number of names that cannot be";
	for (; frame_next_name(names, &at, &name); n++)
		if (!frame_is_dns_name(name))
			return "a name that is none";
	return n == names.p[0] && at == names.n ? NULL : "names that are not as many as it says";
}

bool frame_is_names(struct ss_span names)
{
	return check_names(names) == NULL;
}

static const char *check_chain(const struct frame *f)
{
	if (f->chain.total == 0 || f->chain.total > FRAME_MAX_CHAIN)
		return "a chain of a length that cannot be";
	if (f->chain.part.n == 0 || f->chain.part.n > FRAME_MAX_PART)
		return "no part of a chain";
	return f->chain.offset <= f->chain.total &&
			       f->chain.part.n <= f->chain.total - f->chain.offset
		       ? NULL
		       : "a part past the end of its chain";
}

static const char *read_chain(struct ss_cur *c, struct frame *f)
{
	f->chain.offset = ss_cur_be32(c);
	f->chain.total = ss_cur_be32(c);
	f->chain.part = take_rest(c);
	return check_chain(f);
}

static const char *read_said(struct ss_cur *c, struct frame *f)
{
	f->said = (enum frame_said)ss_cur_u8(c);
	if (ss_cur_u8(c) != 0 || ss_cur_be16(c) != 0)
		return not_zero;
	return f->said <= FRAME_CHAIN_LAST ? NULL : "an unknown status";
}

/* The body has a length that its type can have. NULL, or what is wrong with it. */
static const char *read_body(struct ss_cur *c, struct frame *f)
{
	switch (f->type) {
	case FRAME_HELLO:
		return read_hello(c, f);
	case FRAME_TIME:
		f->time_ns = ss_cur_be64(c);
		return check_time(f->time_ns);
	case FRAME_STOP:
		f->grace_ms = ss_cur_be32(c);
		return NULL;
	case FRAME_SCRAPE:
		return NULL;
	case FRAME_WELCOME:
		return read_welcome(c, f);
	case FRAME_STATE:
		return read_state(c, f);
	case FRAME_LOG:
		return read_log(c, f);
	case FRAME_LOST:
		f->lost.lines = ss_cur_be64(c);
		f->lost.bytes = ss_cur_be64(c);
		return NULL;
	case FRAME_METRICS:
		f->metrics = take_rest(c);
		return NULL;
	case FRAME_EXIT:
		return read_exit(c, f);
	case FRAME_OPEN:
		return read_open(c, f);
	case FRAME_OPENED:
		return read_opened(c, f);
	case FRAME_CSR_ASK:
		f->names = take_rest(c);
		return check_names(f->names);
	case FRAME_CHAIN:
		return read_chain(c, f);
	case FRAME_CSR:
		f->csr = take_rest(c);
		return NULL;
	case FRAME_CHAIN_SAID:
		return read_said(c, f);
	}
	return "an unknown type";
}

static int read_head(struct ss_cur *c, const struct kind **ret, uint32_t *ret_size,
		     struct ss_err *err)
{
	const uint8_t type = ss_cur_u8(c);
	const uint32_t zero = (uint32_t)ss_cur_u8(c) | ss_cur_be16(c);
	const uint32_t size = ss_cur_be32(c);
	const struct kind *k = find_kind(type);

	if (k == NULL)
		return ss_fail(err, SS_EINPUT, "frame: there is no type %u", (unsigned)type);
	if (zero != 0)
		return ss_fail(err, SS_EINPUT, "frame %s: %s", k->name, not_zero);
	if (k->text == 0 && size != k->fixed)
		return ss_fail(err, SS_EINPUT, "frame %s: a body of %u bytes; it has %u", k->name,
			       size, k->fixed);
	if (size < k->fixed || size - k->fixed > k->text)
		return ss_fail(err, SS_EINPUT, "frame %s: a body of %u bytes; it has %u to %u",
			       k->name, size, k->fixed, k->fixed + k->text);
	*ret = k;
	*ret_size = size;
	return 0;
}

int frame_read(struct ss_span in, struct frame *ret, size_t *ret_size, struct ss_err *err)
{
	struct ss_cur c = ss_cur_init(in);
	const struct kind *k = NULL;
	struct frame f = { 0 };
	uint32_t size = 0;
	struct ss_cur body;
	const char *why;

	if (in.n < FRAME_HEAD)
		return 0;
	if (read_head(&c, &k, &size, err) < 0)
		return -1;
	if (ss_cur_left(&c) < size)
		return 0;
	body = ss_cur_init(ss_cur_take(&c, size));
	f.type = k->type;
	why = read_body(&body, &f);
	if (why != NULL)
		return ss_fail(err, SS_EINPUT, "frame %s: %s", k->name, why);
	*ret = f;
	*ret_size = FRAME_HEAD + (size_t)size;
	return 1;
}

/* --- writing -----------------------------------------------------------------------------------
 */

/* The text of a frame, cut to what its type holds; of metrics only whole lines stay. */
static struct ss_span text_of(const struct frame *f, const struct kind *k)
{
	struct ss_span s = { NULL, 0 };

	if (f->type == FRAME_STATE)
		s = f->state.reason;
	else if (f->type == FRAME_LOG)
		s = f->log.text;
	else if (f->type == FRAME_METRICS)
		s = f->metrics;
	else if (f->type == FRAME_EXIT)
		s = f->exit.reason;
	else if (f->type == FRAME_OPEN)
		s = f->open.address;
	else if (f->type == FRAME_CSR_ASK)
		s = f->names;
	else if (f->type == FRAME_CHAIN)
		s = f->chain.part;
	else if (f->type == FRAME_CSR)
		s = f->csr;
	if (s.n <= k->text)
		return s;
	s.n = k->text;
	while (f->type == FRAME_METRICS && s.n > 0 && s.p[s.n - 1] != '\n')
		s.n--;
	return s;
}

static void put_u8(struct ss_buf *b, unsigned v)
{
	const uint8_t byte = (uint8_t)v;

	ss_buf_put(b, (struct ss_span){ &byte, 1 });
}

static void put_version(struct ss_buf *b)
{
	ss_buf_be16(b, FRAME_VERSION);
	ss_buf_be16(b, 0);
}

/* Everything of the body but its text. */
static void put_fixed(const struct frame *f, struct ss_buf *b)
{
	switch (f->type) {
	case FRAME_HELLO:
		put_version(b);
		ss_buf_be32(b, f->hello.egress_port);
		ss_buf_be64(b, f->hello.time_ns);
		break;
	case FRAME_TIME:
		ss_buf_be64(b, f->time_ns);
		break;
	case FRAME_STOP:
		ss_buf_be32(b, f->grace_ms);
		break;
	case FRAME_WELCOME:
		put_version(b);
		ss_buf_be64(b, f->memory);
		break;
	case FRAME_STATE:
		put_u8(b, f->state.state);
		break;
	case FRAME_LOG:
		put_u8(b, f->log.source);
		put_u8(b, f->log.flags);
		ss_buf_be16(b, 0);
		ss_buf_be64(b, f->log.time_ns);
		break;
	case FRAME_LOST:
		ss_buf_be64(b, f->lost.lines);
		ss_buf_be64(b, f->lost.bytes);
		break;
	case FRAME_EXIT:
		put_u8(b, f->exit.kind);
		put_u8(b, f->exit.value);
		ss_buf_be16(b, 0);
		break;
	case FRAME_OPEN:
		put_u8(b, f->open.transport);
		put_u8(b, f->open.kind);
		ss_buf_be16(b, f->open.port);
		break;
	case FRAME_OPENED:
		ss_buf_be32(b, (uint32_t)f->opened << 24);
		break;
	case FRAME_CHAIN:
		ss_buf_be32(b, f->chain.offset);
		ss_buf_be32(b, f->chain.total);
		break;
	case FRAME_CHAIN_SAID:
		ss_buf_be32(b, (uint32_t)f->said << 24);
		break;
	case FRAME_SCRAPE:
	case FRAME_METRICS:
	case FRAME_CSR_ASK:
	case FRAME_CSR:
		break;
	}
}

/* Half a name is another name. */
static bool can_be_written(const struct frame *f)
{
	if (f->type == FRAME_OPEN)
		return check_open(f) == NULL;
	if (f->type == FRAME_CSR_ASK)
		return check_names(f->names) == NULL;
	if (f->type == FRAME_CHAIN)
		return check_chain(f) == NULL;
	return f->type != FRAME_CSR || f->csr.n <= FRAME_MAX_CSR;
}

void frame_write(const struct frame *f, struct ss_buf *b)
{
	const struct kind *k = find_kind(f->type);
	struct ss_span text;

	if (k == NULL || !can_be_written(f)) {
		b->bad = true;
		return;
	}
	text = text_of(f, k);
	if (b->n > b->max || FRAME_HEAD + k->fixed + text.n > b->max - b->n) {
		b->bad = true;
		return;
	}
	ss_buf_be32(b, (uint32_t)f->type << 24);
	ss_buf_be32(b, k->fixed + (uint32_t)text.n);
	put_fixed(f, b);
	ss_buf_put(b, text);
}

/* --- for people --------------------------------------------------------------------------------
 */

const char *frame_state_name(enum frame_state s)
{
	switch (s) {
	case FRAME_STARTING:
		return "starting";
	case FRAME_READY:
		return "ready";
	case FRAME_FAILING:
		return "failing";
	case FRAME_DRAINING:
		return "draining";
	case FRAME_RESTARTING:
		return "restarting";
	case FRAME_WAITING:
		return "waiting";
	}
	return "unknown";
}

const char *frame_opened_name(enum frame_opened s)
{
	switch (s) {
	case FRAME_OPEN_OK:
		return "opened";
	case FRAME_OPEN_NOT_ALLOWED:
		return "not allowed";
	case FRAME_OPEN_NO_NAME:
		return "no such name";
	case FRAME_OPEN_REFUSED:
		return "connection refused";
	case FRAME_OPEN_UNREACHABLE:
		return "unreachable";
	case FRAME_OPEN_TIMED_OUT:
		return "timed out";
	case FRAME_OPEN_BUSY:
		return "too many connections";
	}
	return "unknown";
}
