/* SPDX-License-Identifier: Apache-2.0 */
/* Whole messages, held against OpenSSL's reading: fuzz_cms and tests/oracle/recipient.py. */
#include "base/hex.h"
#include "expect.h"
#include "fmt/ber.h"

#include <string.h>

/* An exact-size copy on the heap: a read one past the end is seen by the sanitizer. */
static struct ss_span unhex(const char *text)
{
	const size_t n = strlen(text) / 2;
	uint8_t *p = ss_calloc(n > 0 ? n : 1, 1);

	assert_true(ss_unhex(text, p, n));
	return (struct ss_span){ p, n };
}

static void done(const struct ss_span *s)
{
	free((void *)(uintptr_t)s->p);
}
#define AUTO_BYTES SS_CLEANUP(done) const struct ss_span

/* SEQUENCE { INTEGER, [0] { OCTET STRING in the form that is there } } and its end. */
static int read_all(struct ss_span s, uint32_t *ret_n, struct ss_buf *ret, struct ss_err *err)
{
	struct ber_in in;

	ber_init(&in, s);
	ber_enter(&in, BER_SEQUENCE);
	*ret_n = ber_uint(&in);
	ber_enter(&in, BER_CONTEXT | BER_CONSTRUCTED);
	ber_octets(&in, BER_OCTETS, ret);
	ber_leave(&in);
	ber_leave(&in);
	return ber_end(&in, "test", err);
}

static const char *const forms[] = {
	"300a020105a0050403616263",               /* definite */
	"3080020105a080040361626300000000",       /* indefinite */
	"308110020105a0820009048400000003616263", /* lengths that are not the shortest */
	"300e020105a009240704016104026263",       /* in pieces */
	"3012020105a00d24800401610400040262630000",
	"3080020105a08024800403616263000000000000",
};

static void elements_are_read_in_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < SS_NELEMS(forms); i++) {
		AUTO_BYTES s = unhex(forms[i]);
		AUTO_BUF struct ss_buf octets = SS_BUF_INIT(16);
		struct ss_err err = { 0 };
		uint32_t v = 0;

		expect_ok(read_all(s, &v, &octets, &err), &err);
		assert_int_equal(v, 5);
		assert_int_equal(octets.n, 3);
		assert_memory_equal(octets.p, "abc", 3);
	}
}

static void every_form_cut_at_every_byte_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < SS_NELEMS(forms); i++) {
		for (size_t n = 0; n < strlen(forms[i]) / 2; n++) {
			char text[64] = "";
			struct ss_err err = { 0 };
			AUTO_BUF struct ss_buf octets = SS_BUF_INIT(16);
			uint32_t v = 0;

			memcpy(text, forms[i], 2 * n);
			{
				AUTO_BYTES s = unhex(text);

				expect_fails(read_all(s, &v, &octets, &err), &err, SS_EINPUT,
					     err.msg);
			}
			assert_non_null(strstr(err.msg, ", at byte "));
		}
	}
}

static void what_breaks_the_form_is_told_with_its_place(void **state)
{
	static const struct {
		const char *hex, *msg;
	} cases[] = {
		{ "", "test: an element is missing, at byte 0" },
		{ "30", "test: an element that ends early, at byte 0" },
		{ "3003020105", "test: an element is missing, at byte 5" },
		{ "3080020105", "test: an element that ends early, at byte 5" },
		{ "310a020105a0050403616263",
		  "test: another element than was expected, at byte 0" },
		{ "3f00", "test: a tag of several bytes, at byte 0" },
		{ "3085000000000a", "test: a length of more than four octets, at byte 0" },
		{ "30ff", "test: a length of more than four octets, at byte 0" },
		{ "3084ffffffff", "test: an element that ends early, at byte 0" },
		{ "300a020105a0050480616263",
		  "test: a primitive element of indefinite length, at byte 7" },
		{ "300e020105a009240724050403616263",
		  "test: another element than was expected, at byte 9" },
		{ "300a020105a0060403616263", "test: an element that ends early, at byte 5" },
		{ "300a020105a005040361626300", "test: 1 bytes follow its end" },
		{ "300c020105a00504036162630500",
		  "test: an element that holds more than it should, at byte 12" },
		{ "3080020105a0800403616263000100000000",
		  "test: an end of contents that has some, at byte 12" },
		{ "3080020105a08004036162630081000000",
		  "test: an end of contents that has some, at byte 12" },
		{ "300a020105a0800403616263", "test: an element that ends early, at byte 12" },
		{ "300a020105a0050003616263",
		  "test: another element than was expected, at byte 7" },
		{ "30090200a0050403616263",
		  "test: an integer that is not the shortest, at byte 2" },
		{ "300b02020005a0050403616263",
		  "test: an integer that is not the shortest, at byte 2" },
		{ "300a0201ffa0050403616263", "test: a negative integer, at byte 2" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BYTES s = unhex(cases[i].hex);
		AUTO_BUF struct ss_buf octets = SS_BUF_INIT(16);
		struct ss_err err = { 0 };
		uint32_t v = 0;

		expect_fails(read_all(s, &v, &octets, &err), &err, SS_EINPUT, cases[i].msg);
	}
}

static void a_failure_stays_the_first(void **state)
{
	AUTO_BYTES s = unhex("0500020105");
	struct ss_err err = { 0 };
	struct ber_in in;

	(void)state;
	ber_init(&in, s);
	ber_null(&in);
	ber_refuse(&in, "the first");
	ber_refuse(&in, "the second");
	assert_int_equal(ber_uint(&in), 0);
	assert_null(ber_take(&in, BER_OCTETS).p);
	ber_enter(&in, BER_SEQUENCE);
	ber_leave(&in);
	assert_false(ber_more(&in) || ber_is(&in, BER_INTEGER));
	expect_fails(ber_end(&in, "test", &err), &err, SS_EINPUT, "test: the first, at byte 2");
}

static void a_null_holds_nothing(void **state)
{
	AUTO_BYTES s = unhex("0500050100");
	struct ss_err err = { 0 };
	struct ber_in in;

	(void)state;
	ber_init(&in, s);
	ber_null(&in);
	ber_null(&in);
	expect_fails(ber_end(&in, "test", &err), &err, SS_EINPUT,
		     "test: a null that holds something, at byte 2");
}

static void elements_lie_in_at_most_16_others(void **state)
{
	char text[4 * (BER_MAX_DEPTH + 1) + 1] = "";

	(void)state;
	for (unsigned depth = BER_MAX_DEPTH; depth <= BER_MAX_DEPTH + 1; depth++) {
		struct ss_err err = { 0 };
		struct ber_in in;

		for (unsigned i = 0; i < depth; i++)
			(void)snprintf(text + (size_t)4 * i, 5, "30%02x", 2 * (depth - 1 - i));
		{
			AUTO_BYTES s = unhex(text);

			ber_init(&in, s);
			for (unsigned i = 0; i < depth; i++)
				ber_enter(&in, BER_SEQUENCE);
			for (unsigned i = 0; i < depth; i++)
				ber_leave(&in);
			if (depth == BER_MAX_DEPTH)
				expect_ok(ber_end(&in, "test", &err), &err);
			else
				expect_fails(ber_end(&in, "test", &err), &err, SS_EINPUT,
					     "test: elements in more than 16 others, at byte 32");
		}
	}
}

static void a_string_over_its_buffer_is_seen_there(void **state)
{
	AUTO_BYTES s = unhex("240704016104026263");
	AUTO_BUF struct ss_buf octets = SS_BUF_INIT(2);
	struct ss_err err = { 0 };
	struct ber_in in;

	(void)state;
	ber_init(&in, s);
	ber_octets(&in, BER_OCTETS, &octets);
	expect_ok(ber_end(&in, "test", &err), &err);
	assert_true(octets.bad && octets.n == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_read_in_every_form),
		cmocka_unit_test(every_form_cut_at_every_byte_is_refused),
		cmocka_unit_test(what_breaks_the_form_is_told_with_its_place),
		cmocka_unit_test(a_failure_stays_the_first),
		cmocka_unit_test(a_null_holds_nothing),
		cmocka_unit_test(elements_lie_in_at_most_16_others),
		cmocka_unit_test(a_string_over_its_buffer_is_seen_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
