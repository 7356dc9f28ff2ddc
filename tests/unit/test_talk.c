/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "launch/talk.h"

#include <string.h>

static void expect_bytes(const struct talk *t, const char *bytes, size_t n)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TALK_HEAD + TALK_MAX_BODY);

	talk_write(t, &b);
	assert_int_equal(b.n, n);
	assert_memory_equal(b.p, bytes, n);
}

static void talk_messages_have_these_bytes(void **state)
{
	const struct ss_span json = { (const uint8_t *)"{}", 2 };

	(void)state;
	expect_bytes(&(struct talk){ .type = TALK_DESCRIBE }, "\1\0\0\0\0\0\0\0", 8);
	expect_bytes(&(struct talk){ .type = TALK_STOP, .grace_ms = 0x01020304 },
		     "\2\0\0\0\0\0\0\4\1\2\3\4", 12);
	expect_bytes(&(struct talk){ .type = TALK_LOGS, .follow = true }, "\3\0\0\0\0\0\0\1\1", 9);
	expect_bytes(&(struct talk){ .type = TALK_CONSOLE }, "\4\0\0\0\0\0\0\1\0", 9);
	expect_bytes(&(struct talk){ .type = TALK_DESCRIPTION, .body = json },
		     "\x10\0\0\0\0\0\0\2{}", 10);
	expect_bytes(&(struct talk){ .type = TALK_DONE }, "\x15\0\0\0\0\0\0\0", 8);
}

static void talk_what_is_written_is_read(void **state)
{
	static const enum talk_type types[] = { TALK_DESCRIBE, TALK_STOP,    TALK_LOGS,
						TALK_CONSOLE,  TALK_METRICS, TALK_DESCRIPTION,
						TALK_END,      TALK_FRAME,   TALK_BYTES,
						TALK_TEXT,     TALK_DONE,    TALK_CSR,
						TALK_CHAIN,    TALK_REFUSED };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(types); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(TALK_HEAD + TALK_MAX_BODY);
		struct talk in = { .type = types[i] }, out;
		struct ss_err err = { 0 };
		size_t size;

		if (types[i] == TALK_STOP)
			in.grace_ms = 77;
		else if (types[i] == TALK_LOGS)
			in.follow = true;
		else if (types[i] > TALK_METRICS && types[i] != TALK_DONE)
			in.body = (struct ss_span){ (const uint8_t *)"body", 4 };
		talk_write(&in, &b);
		assert_int_equal(talk_read(ss_buf_span(&b), &out, &size, &err), 1);
		assert_int_equal(size, b.n);
		assert_int_equal(out.type, in.type);
		if (types[i] == TALK_STOP)
			assert_int_equal(out.grace_ms, 77);
		else if (types[i] == TALK_LOGS)
			assert_true(out.follow);
		else if (in.body.n > 0)
			assert_memory_equal(out.body.p, "body", 4);
		/* Cut anywhere it is neither wrong nor there. */
		for (size_t n = 0; n < b.n; n++) {
			uint8_t *exact = ss_calloc(n > 0 ? n : 1, 1);

			memcpy(exact, b.p, n);
			assert_int_equal(talk_read((struct ss_span){ exact, n }, &out, &size, &err),
					 0);
			free(exact);
		}
	}
}

static void talk_broken_heads_are_refused_before_their_body_came(void **state)
{
	static const struct {
		const char *bytes;
		const char *msg;
	} cases[] = {
		{ "\0\0\0\0\0\0\0\0", "message of type 0" },
		{ "\6\0\0\0\0\0\0\0", "message 6: a body of 0 bytes" },
		{ "\6\0\0\0\0\0\x0f\xe2", "message 6: a body of 4066 bytes" },
		{ "\7\0\0\0\0\0\x40\1", "message 7: a body of 16385 bytes" },
		{ "\x16\0\0\0\0\0\0\0", "message 22: a body of 0 bytes" },
		{ "\x08\0\0\0\0\0\0\0", "message of type 8" },
		{ "\xff\0\0\0\0\0\0\0", "message of type 255" },
		{ "\1\0\0\1\0\0\0\0", "message 1: bytes that must be zero are not" },
		{ "\1\0\0\0\0\0\0\1", "message 1: a body of 1 bytes" },
		{ "\2\0\0\0\0\0\0\3", "message 2: a body of 3 bytes" },
		{ "\3\0\0\0\0\0\0\0", "message 3: a body of 0 bytes" },
		{ "\x10\0\0\0\0\4\0\1", "message 16: a body of 262145 bytes" },
		{ "\x15\0\0\0\xff\xff\xff\xff", "message 21: a body of 4294967295 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct ss_err err = { 0 };
		struct talk t;
		size_t size;

		expect_fails(talk_read((struct ss_span){ (const uint8_t *)cases[i].bytes, 8 }, &t,
				       &size, &err),
			     &err, SS_EINPUT, cases[i].msg);
	}
}

static void talk_a_flag_is_0_or_1(void **state)
{
	struct ss_err err = { 0 };
	struct talk t;
	size_t size;

	(void)state;
	expect_fails(talk_read((struct ss_span){ (const uint8_t *)"\4\0\0\0\0\0\0\1\2", 9 }, &t,
			       &size, &err),
		     &err, SS_EINPUT, "message 4: a flag of 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(talk_messages_have_these_bytes),
		cmocka_unit_test(talk_what_is_written_is_read),
		cmocka_unit_test(talk_broken_heads_are_refused_before_their_body_came),
		cmocka_unit_test(talk_a_flag_is_0_or_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
