/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "fmt/frame.h"

#include <string.h>

#define ROOM ((size_t)FRAME_HEAD + FRAME_MAX_BODY)

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* One of each type beside its bytes, put down by hand from docs/formats/vsock.md. */
struct sample {
	struct frame f;
	const char *bytes;
	size_t n;
};

#define BYTES(s) s, sizeof(s) - 1

static size_t samples(struct sample ret[24])
{
	const struct sample all[] = {
		{ { .type = FRAME_HELLO, .hello = { 0x01020304, 0x1122334455667788 } },
		  BYTES("\1\0\0\0\0\0\0\x10"
			"\0\1\0\0\1\2\3\4\x11\x22\x33\x44\x55\x66\x77\x88") },
		{ { .type = FRAME_TIME, .time_ns = 258 },
		  BYTES("\2\0\0\0\0\0\0\x08"
			"\0\0\0\0\0\0\1\2") },
		{ { .type = FRAME_STOP, .grace_ms = 10000 },
		  BYTES("\3\0\0\0\0\0\0\4"
			"\0\0\x27\x10") },
		{ { .type = FRAME_SCRAPE }, BYTES("\4\0\0\0\0\0\0\0") },
		{ { .type = FRAME_WELCOME, .memory = 1ull << 32 },
		  BYTES("\x10\0\0\0\0\0\0\x0c"
			"\0\1\0\0\0\0\0\1\0\0\0\0") },
		{ { .type = FRAME_STATE, .state = { FRAME_FAILING, text("503") } },
		  BYTES("\x11\0\0\0\0\0\0\4"
			"\2"
			"503") },
		{ { .type = FRAME_STATE, .state = { FRAME_STARTING, { NULL, 0 } } },
		  BYTES("\x11\0\0\0\0\0\0\1"
			"\0") },
		{ { .type = FRAME_LOG,
		    .log = { FRAME_STDERR, FRAME_LINE_GOES_ON, 7, text("a\xff") } },
		  BYTES("\x12\0\0\0\0\0\0\x0e"
			"\2\1\0\0\0\0\0\0\0\0\0\7"
			"a\xff") },
		{ { .type = FRAME_LOST, .lost = { 3, 512 } },
		  BYTES("\x13\0\0\0\0\0\0\x10"
			"\0\0\0\0\0\0\0\3\0\0\0\0\0\0\2\0") },
		{ { .type = FRAME_METRICS, .metrics = text("up 1\n") },
		  BYTES("\x14\0\0\0\0\0\0\5"
			"up 1\n") },
		{ { .type = FRAME_EXIT, .exit = { FRAME_EXITED, 7, { NULL, 0 } } },
		  BYTES("\x15\0\0\0\0\0\0\4"
			"\0\7\0\0") },
		{ { .type = FRAME_EXIT, .exit = { FRAME_SIGNALLED, 9, text("killed") } },
		  BYTES("\x15\0\0\0\0\0\0\x0a"
			"\1\x09\0\0"
			"killed") },
		{ { .type = FRAME_OPEN, .open = { FRAME_TCP, FRAME_NAME, 443, text("a.example") } },
		  BYTES("\x20\0\0\0\0\0\0\x0d"
			"\6\1\1\xbb"
			"a.example") },
		{ { .type = FRAME_OPEN, .open = { FRAME_UDP, FRAME_IPV4, 53, text("\x0a\1\2\3") } },
		  BYTES("\x20\0\0\0\0\0\0\x08"
			"\x11\4\0\x35\x0a\1\2\3") },
		{ { .type = FRAME_OPEN,
		    .open = { FRAME_TCP, FRAME_IPV6, 1, text("0123456789abcdef") } },
		  BYTES("\x20\0\0\0\0\0\0\x14"
			"\6\6\0\1"
			"0123456789abcdef") },
		{ { .type = FRAME_OPEN, .open = { FRAME_DNS, FRAME_NO_ADDRESS, 0, { NULL, 0 } } },
		  BYTES("\x20\0\0\0\0\0\0\4"
			"\x35\0\0\0") },
		{ { .type = FRAME_OPENED, .opened = FRAME_OPEN_REFUSED },
		  BYTES("\x21\0\0\0\0\0\0\4"
			"\3\0\0\0") },
		{ { .type = FRAME_CSR_ASK, .names = { (const uint8_t *)"\2\1a\5*.b.c", 9 } },
		  BYTES("\5\0\0\0\0\0\0\x09"
			"\2\1a\5*.b.c") },
		{ { .type = FRAME_CHAIN, .chain = { 1, 4, text("abc") } },
		  BYTES("\6\0\0\0\0\0\0\x0b"
			"\0\0\0\1\0\0\0\4"
			"abc") },
		{ { .type = FRAME_CSR, .csr = text("\x30") }, BYTES("\x16\0\0\0\0\0\0\1\x30") },
		{ { .type = FRAME_CSR, .csr = { NULL, 0 } }, BYTES("\x16\0\0\0\0\0\0\0") },
		{ { .type = FRAME_CHAIN_SAID, .said = FRAME_CHAIN_KEY },
		  BYTES("\x17\0\0\0\0\0\0\4"
			"\2\0\0\0") },
	};

	memcpy(ret, all, sizeof(all));
	return SS_NELEMS(all);
}

static struct ss_span raw_of(const struct sample *s)
{
	return (struct ss_span){ (const uint8_t *)s->bytes, s->n };
}

static void each_frame_is_written_as_the_document_says(void **state)
{
	struct sample s[24];
	const size_t n = samples(s);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);

		frame_write(&s[i].f, &b);
		assert_false(b.bad);
		assert_int_equal(b.n, s[i].n);
		assert_memory_equal(b.p, s[i].bytes, b.n);
	}
}

static void expect_span(struct ss_span got, struct ss_span want)
{
	assert_int_equal(got.n, want.n);
	if (want.n > 0)
		assert_memory_equal(got.p, want.p, want.n);
}

static void expect_same(const struct frame *got, const struct frame *want)
{
	assert_int_equal(got->type, want->type);
	switch (want->type) {
	case FRAME_HELLO:
		assert_int_equal(got->hello.egress_port, want->hello.egress_port);
		assert_true(got->hello.time_ns == want->hello.time_ns);
		break;
	case FRAME_TIME:
		assert_true(got->time_ns == want->time_ns);
		break;
	case FRAME_STOP:
		assert_int_equal(got->grace_ms, want->grace_ms);
		break;
	case FRAME_SCRAPE:
		break;
	case FRAME_WELCOME:
		assert_true(got->memory == want->memory);
		break;
	case FRAME_STATE:
		assert_int_equal(got->state.state, want->state.state);
		expect_span(got->state.reason, want->state.reason);
		break;
	case FRAME_LOG:
		assert_int_equal(got->log.source, want->log.source);
		assert_int_equal(got->log.flags, want->log.flags);
		assert_true(got->log.time_ns == want->log.time_ns);
		expect_span(got->log.text, want->log.text);
		break;
	case FRAME_LOST:
		assert_true(got->lost.lines == want->lost.lines);
		assert_true(got->lost.bytes == want->lost.bytes);
		break;
	case FRAME_METRICS:
		expect_span(got->metrics, want->metrics);
		break;
	case FRAME_EXIT:
		assert_int_equal(got->exit.kind, want->exit.kind);
		assert_int_equal(got->exit.value, want->exit.value);
		expect_span(got->exit.reason, want->exit.reason);
		break;
	case FRAME_OPEN:
		assert_int_equal(got->open.transport, want->open.transport);
		assert_int_equal(got->open.kind, want->open.kind);
		assert_int_equal(got->open.port, want->open.port);
		expect_span(got->open.address, want->open.address);
		break;
	case FRAME_OPENED:
		assert_int_equal(got->opened, want->opened);
		break;
	case FRAME_CSR_ASK:
		expect_span(got->names, want->names);
		break;
	case FRAME_CHAIN:
		assert_int_equal(got->chain.offset, want->chain.offset);
		assert_int_equal(got->chain.total, want->chain.total);
		expect_span(got->chain.part, want->chain.part);
		break;
	case FRAME_CSR:
		expect_span(got->csr, want->csr);
		break;
	case FRAME_CHAIN_SAID:
		assert_int_equal(got->said, want->said);
		break;
	}
}

static void each_frame_reads_back_whatever_follows_it(void **state)
{
	struct sample s[24];
	const size_t n = samples(s);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		struct frame f;
		struct ss_err err = { 0 };
		size_t size = 0;

		ss_buf_put(&b, raw_of(&s[i]));
		ss_buf_put(&b, text("\xff next"));
		assert_int_equal(frame_read(ss_buf_span(&b), &f, &size, &err), 1);
		assert_int_equal(size, s[i].n);
		expect_same(&f, &s[i].f);
	}
}

static void a_frame_cut_at_any_byte_asks_for_more(void **state)
{
	struct sample s[24];
	const size_t n = samples(s);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (size_t cut = 0; cut < s[i].n; cut++) {
			AUTO_FREE uint8_t *copy = ss_calloc(cut > 0 ? cut : 1, 1);
			struct frame f = { .type = FRAME_LOST };
			struct ss_err err = { 0 };
			size_t size = 77;

			memcpy(copy, s[i].bytes, cut);
			assert_int_equal(frame_read((struct ss_span){ copy, cut }, &f, &size, &err),
					 0);
			assert_int_equal(size, 77);
			assert_int_equal(f.type, FRAME_LOST);
		}
	}
}

/* Every other value of every byte: refused, incomplete, or what writes back to these bytes. */
static void a_frame_has_one_encoding(void **state)
{
	struct sample s[24];
	const size_t n = samples(s);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		uint8_t bytes[64];

		memcpy(bytes, s[i].bytes, s[i].n);
		for (size_t at = 0; at < s[i].n; at++) {
			for (unsigned v = 0; v < 256; v++) {
				AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
				struct frame f;
				struct ss_err err = { 0 };
				size_t size;

				bytes[at] = (uint8_t)v;
				if (frame_read((struct ss_span){ bytes, s[i].n }, &f, &size,
					       &err) != 1)
					continue;
				frame_write(&f, &b);
				assert_int_equal(b.n, size);
				assert_memory_equal(b.p, bytes, size);
			}
			bytes[at] = (uint8_t)s[i].bytes[at];
		}
	}
}

static void what_breaks_the_form_is_named(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *msg;
	} cases[] = {
		{ BYTES("\0\0\0\0\0\0\0\0"), "frame: there is no type 0" },
		{ BYTES("\7\0\0\0\xff\xff\xff\xff"), "frame: there is no type 7" },
		{ BYTES("\5\0\0\0\0\0\x0f\xe2"),
		  "frame CSR_ASK: a body of 4066 bytes; it has 0 to 4065" },
		{ BYTES("\5\0\0\0\0\0\0\0"), "frame CSR_ASK: a number of names that cannot be" },
		{ BYTES("\5\0\0\0\0\0\0\1\0"), "frame CSR_ASK: a number of names that cannot be" },
		{ BYTES("\5\0\0\0\0\0\0\3\x11\1a"),
		  "frame CSR_ASK: a number of names that cannot be" },
		{ BYTES("\5\0\0\0\0\0\0\5\2\1a\2b"),
		  "frame CSR_ASK: names that are not as many as it says" },
		{ BYTES("\5\0\0\0\0\0\0\4\1\1ab"),
		  "frame CSR_ASK: names that are not as many as it says" },
		{ BYTES("\5\0\0\0\0\0\0\3\1\1*"), "frame CSR_ASK: a name that is none" },
		{ BYTES("\5\0\0\0\0\0\0\4\1\2a."), "frame CSR_ASK: a name that is none" },
		{ BYTES("\5\0\0\0\0\0\0\2\1\0"), "frame CSR_ASK: a name that is none" },
		{ BYTES("\6\0\0\0\0\0\0\x09"
			"\0\0\0\0\0\0\0\0x"),
		  "frame CHAIN: a chain of a length that cannot be" },
		{ BYTES("\6\0\0\0\0\0\0\x09"
			"\0\0\0\0\0\0\x40\1x"),
		  "frame CHAIN: a chain of a length that cannot be" },
		{ BYTES("\6\0\0\0\0\0\0\x08"
			"\0\0\0\0\0\0\0\1"),
		  "frame CHAIN: no part of a chain" },
		{ BYTES("\6\0\0\0\0\0\0\x09"
			"\0\0\0\1\0\0\0\1x"),
		  "frame CHAIN: a part past the end of its chain" },
		{ BYTES("\6\0\0\0\0\0\x20\x09"),
		  "frame CHAIN: a body of 8201 bytes; it has 8 to 8200" },
		{ BYTES("\x16\0\0\0\0\0\x10\1"),
		  "frame CSR: a body of 4097 bytes; it has 0 to 4096" },
		{ BYTES("\x17\0\0\0\0\0\0\4"
			"\7\0\0\0"),
		  "frame CHAIN_SAID: an unknown status" },
		{ BYTES("\x17\0\0\0\0\0\0\4"
			"\0\0\1\0"),
		  "frame CHAIN_SAID: bytes that must be zero are not" },
		{ BYTES("\xff\0\0\0\0\0\0\0"), "frame: there is no type 255" },
		{ BYTES("\1\1\0\0\0\0\0\x10"), "frame HELLO: bytes that must be zero are not" },
		{ BYTES("\1\0\0\1\0\0\0\x10"), "frame HELLO: bytes that must be zero are not" },
		{ BYTES("\1\0\0\0\0\0\0\x0f"), "frame HELLO: a body of 15 bytes; it has 16" },
		{ BYTES("\1\0\0\0\xff\xff\xff\xff"),
		  "frame HELLO: a body of 4294967295 bytes; it has 16" },
		{ BYTES("\4\0\0\0\0\0\0\1"), "frame SCRAPE: a body of 1 bytes; it has 0" },
		{ BYTES("\x11\0\0\0\0\0\0\0"), "frame STATE: a body of 0 bytes; it has 1 to 1025" },
		{ BYTES("\x11\0\0\0\0\0\4\2"),
		  "frame STATE: a body of 1026 bytes; it has 1 to 1025" },
		{ BYTES("\x12\0\0\0\0\0\x20\x0d"),
		  "frame LOG: a body of 8205 bytes; it has 12 to 8204" },
		{ BYTES("\x14\0\0\0\0\1\0\1"),
		  "frame METRICS: a body of 65537 bytes; it has 0 to 65536" },
		{ BYTES("\x15\0\0\0\0\0\4\5"),
		  "frame EXIT: a body of 1029 bytes; it has 4 to 1028" },
		{ BYTES("\x20\0\0\0\0\0\1\2"), "frame OPEN: a body of 258 bytes; it has 4 to 257" },
		{ BYTES("\1\0\0\0\0\0\0\x10"
			"\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		  "frame HELLO: a version that is not spoken here" },
		{ BYTES("\1\0\0\0\0\0\0\x10"
			"\0\1\0\1\0\0\0\0\0\0\0\0\0\0\0\0"),
		  "frame HELLO: bytes that must be zero are not" },
		{ BYTES("\1\0\0\0\0\0\0\x10"
			"\0\1\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0"),
		  "frame HELLO: an egress port that is none" },
		{ BYTES("\1\0\0\0\0\0\0\x10"
			"\0\1\0\0\0\0\0\0\x80\0\0\0\0\0\0\0"),
		  "frame HELLO: a time after the year 2262" },
		{ BYTES("\2\0\0\0\0\0\0\x08"
			"\xff\0\0\0\0\0\0\0"),
		  "frame TIME: a time after the year 2262" },
		{ BYTES("\x10\0\0\0\0\0\0\x0c"
			"\1\1\0\0\0\0\0\1\0\0\0\0"),
		  "frame WELCOME: a version that is not spoken here" },
		{ BYTES("\x11\0\0\0\0\0\0\1"
			"\6"),
		  "frame STATE: an unknown state" },
		{ BYTES("\x12\0\0\0\0\0\0\x0c"
			"\0\0\0\0\0\0\0\0\0\0\0\0"),
		  "frame LOG: an unknown source" },
		{ BYTES("\x12\0\0\0\0\0\0\x0c"
			"\5\0\0\0\0\0\0\0\0\0\0\0"),
		  "frame LOG: an unknown source" },
		{ BYTES("\x12\0\0\0\0\0\0\x0c"
			"\1\2\0\0\0\0\0\0\0\0\0\0"),
		  "frame LOG: unknown flags" },
		{ BYTES("\x12\0\0\0\0\0\0\x0c"
			"\1\0\1\0\0\0\0\0\0\0\0\0"),
		  "frame LOG: bytes that must be zero are not" },
		{ BYTES("\x12\0\0\0\0\0\0\x0c"
			"\1\0\0\0\x80\0\0\0\0\0\0\0"),
		  "frame LOG: a time after the year 2262" },
		{ BYTES("\x15\0\0\0\0\0\0\4"
			"\3\0\0\0"),
		  "frame EXIT: an unknown kind of end" },
		{ BYTES("\x15\0\0\0\0\0\0\4"
			"\1\0\0\0"),
		  "frame EXIT: a signal that there is not" },
		{ BYTES("\x15\0\0\0\0\0\0\4"
			"\1\x41\0\0"),
		  "frame EXIT: a signal that there is not" },
		{ BYTES("\x15\0\0\0\0\0\0\4"
			"\0\0\0\1"),
		  "frame EXIT: bytes that must be zero are not" },
		{ BYTES("\x20\0\0\0\0\0\0\x08"
			"\7\4\0\1\1\1\1\1"),
		  "frame OPEN: an unknown transport" },
		{ BYTES("\x20\0\0\0\0\0\0\x08"
			"\6\2\0\1\1\1\1\1"),
		  "frame OPEN: an unknown kind of address" },
		{ BYTES("\x20\0\0\0\0\0\0\x08"
			"\6\4\0\0\1\1\1\1"),
		  "frame OPEN: port 0" },
		{ BYTES("\x20\0\0\0\0\0\0\4"
			"\6\0\0\1"),
		  "frame OPEN: no address" },
		{ BYTES("\x20\0\0\0\0\0\0\7"
			"\6\4\0\1\1\1\1"),
		  "frame OPEN: an IPv4 address that is not 4 bytes" },
		{ BYTES("\x20\0\0\0\0\0\0\x08"
			"\6\6\0\1\1\1\1\1"),
		  "frame OPEN: an IPv6 address that is not 16 bytes" },
		{ BYTES("\x20\0\0\0\0\0\0\4"
			"\6\1\0\1"),
		  "frame OPEN: a name that is none" },
		{ BYTES("\x20\0\0\0\0\0\0\7"
			"\6\1\0\1"
			"a\0b"),
		  "frame OPEN: a name that is none" },
		{ BYTES("\x20\0\0\0\0\0\0\x0b"
			"\6\1\0\1"
			"1.2.3.4"),
		  "frame OPEN: a name that is none" },
		{ BYTES("\x20\0\0\0\0\0\0\4"
			"\x35\0\0\x35"),
		  "frame OPEN: an address for DNS, which has none" },
		{ BYTES("\x20\0\0\0\0\0\0\x08"
			"\x35\4\0\0\1\1\1\1"),
		  "frame OPEN: an address for DNS, which has none" },
		{ BYTES("\x21\0\0\0\0\0\0\4"
			"\7\0\0\0"),
		  "frame OPENED: an unknown status" },
		{ BYTES("\x21\0\0\0\0\0\0\4"
			"\0\0\0\1"),
		  "frame OPENED: bytes that must be zero are not" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct frame f = { .type = FRAME_LOST };
		struct ss_err err = { 0 };
		size_t size = 77;

		expect_fails(
			frame_read((struct ss_span){ (const uint8_t *)cases[i].bytes, cases[i].n },
				   &f, &size, &err),
			&err, SS_EINPUT, cases[i].msg);
		assert_int_equal(size, 77);
		assert_int_equal(f.type, FRAME_LOST);
	}
}

/* Writes `f` with a text of n bytes and reads it back; the text that is left. */
static struct ss_span text_after(struct frame *f, struct ss_span *slot, struct ss_span with,
				 struct ss_buf *b)
{
	struct frame back = { 0 };
	struct ss_err err = { 0 };
	size_t size = 0;

	*slot = with;
	b->n = 0;
	frame_write(f, b);
	assert_false(b->bad);
	assert_int_equal(frame_read(ss_buf_span(b), &back, &size, &err), 1);
	assert_int_equal(size, b->n);
	return f->type == FRAME_STATE  ? back.state.reason
	       : f->type == FRAME_LOG  ? back.log.text
	       : f->type == FRAME_EXIT ? back.exit.reason
				       : back.metrics;
}

static void a_text_over_its_limit_is_cut_and_stays_readable(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	AUTO_FREE uint8_t *big = ss_calloc(FRAME_MAX_BODY + 1, 1);
	struct frame s = { .type = FRAME_STATE };
	struct frame l = { .type = FRAME_LOG, .log.source = FRAME_STDOUT };
	struct frame e = { .type = FRAME_EXIT };
	struct frame m = { .type = FRAME_METRICS };

	(void)state;
	memset(big, 'a', FRAME_MAX_BODY + 1);
	for (size_t over = 0; over < 2; over++) {
		const struct ss_span t = { big, FRAME_MAX_TEXT + over };

		assert_int_equal(text_after(&s, &s.state.reason, t, &b).n, FRAME_MAX_TEXT);
		assert_int_equal(text_after(&e, &e.exit.reason, t, &b).n, FRAME_MAX_TEXT);
		assert_int_equal(text_after(&l, &l.log.text,
					    (struct ss_span){ big, FRAME_MAX_LINE + over }, &b)
					 .n,
				 FRAME_MAX_LINE);
	}
	assert_int_equal(text_after(&m, &m.metrics, (struct ss_span){ big, FRAME_MAX_BODY }, &b).n,
			 FRAME_MAX_BODY);
	big[99] = '\n'; /* the last whole line */
	assert_int_equal(
		text_after(&m, &m.metrics, (struct ss_span){ big, FRAME_MAX_BODY + 1 }, &b).n, 100);
	big[99] = 'a';
	assert_int_equal(
		text_after(&m, &m.metrics, (struct ss_span){ big, FRAME_MAX_BODY + 1 }, &b).n, 0);
}

static void a_frame_that_does_not_fit_leaves_nothing_behind(void **state)
{
	struct sample s[24];
	const size_t n = samples(s);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		uint8_t room[64];

		for (size_t max = 0; max <= s[i].n; max++) {
			struct ss_buf b = { .p = room, .cap = max, .max = max };

			frame_write(&s[i].f, &b);
			assert_int_equal(b.bad, max < s[i].n);
			assert_int_equal(b.n, max < s[i].n ? 0 : s[i].n);
		}
	}
}

static void an_open_that_nobody_could_read_is_not_written(void **state)
{
	AUTO_FREE char *big = ss_calloc(FRAME_MAX_NAME + 2, 1);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	struct frame f = { .type = FRAME_OPEN,
			   .open = { FRAME_TCP, FRAME_NAME, 443, { NULL, 0 } } };

	(void)state;
	for (size_t i = 0; i <= FRAME_MAX_NAME; i++)
		big[i] = i % 2 == 0 ? 'a' : '.';
	f.open.address = text(big);
	frame_write(&f, &b);
	assert_true(b.bad);
	assert_int_equal(b.n, 0);
	b.bad = false;
	f.open.address.n = FRAME_MAX_NAME;
	frame_write(&f, &b);
	assert_false(b.bad);
	assert_int_equal(b.n, FRAME_HEAD + 4 + FRAME_MAX_NAME);
}

static void states_and_statuses_have_names(void **state)
{
	(void)state;
	assert_string_equal(frame_state_name(FRAME_STARTING), "starting");
	assert_string_equal(frame_state_name(FRAME_READY), "ready");
	assert_string_equal(frame_state_name(FRAME_FAILING), "failing");
	assert_string_equal(frame_state_name(FRAME_DRAINING), "draining");
	assert_string_equal(frame_state_name(FRAME_RESTARTING), "restarting");
	assert_string_equal(frame_state_name(FRAME_WAITING), "waiting");
	assert_string_equal(frame_state_name((enum frame_state)9), "unknown");
	assert_string_equal(frame_opened_name(FRAME_OPEN_OK), "opened");
	assert_string_equal(frame_opened_name(FRAME_OPEN_NOT_ALLOWED), "not allowed");
	assert_string_equal(frame_opened_name(FRAME_OPEN_NO_NAME), "no such name");
	assert_string_equal(frame_opened_name(FRAME_OPEN_REFUSED), "connection refused");
	assert_string_equal(frame_opened_name(FRAME_OPEN_UNREACHABLE), "unreachable");
	assert_string_equal(frame_opened_name(FRAME_OPEN_TIMED_OUT), "timed out");
	assert_string_equal(frame_opened_name(FRAME_OPEN_BUSY), "too many connections");
	assert_string_equal(frame_opened_name((enum frame_opened)99), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_is_written_as_the_document_says),
		cmocka_unit_test(each_frame_reads_back_whatever_follows_it),
		cmocka_unit_test(a_frame_cut_at_any_byte_asks_for_more),
		cmocka_unit_test(a_frame_has_one_encoding),
		cmocka_unit_test(what_breaks_the_form_is_named),
		cmocka_unit_test(a_text_over_its_limit_is_cut_and_stays_readable),
		cmocka_unit_test(a_frame_that_does_not_fit_leaves_nothing_behind),
		cmocka_unit_test(an_open_that_nobody_could_read_is_not_written),
		cmocka_unit_test(states_and_statuses_have_names),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
