/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/text.h"
#include "expect.h"
#include "record/rec_names.h"

#include <arpa/inet.h>
#include <string.h>

static void put_name(struct ss_buf *b, const char *name)
{
	while (*name != '\0') {
		const size_t n = strcspn(name, ".");
		const uint8_t size = (uint8_t)n;

		ss_buf_put(b, (struct ss_span){ &size, 1 });
		ss_buf_put(b, (struct ss_span){ (const uint8_t *)name, n });
		name += n + (name[n] == '.');
	}
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)"", 1 });
}

static void make_question(const char *name, uint16_t type, uint16_t class_, struct ss_buf *ret)
{
	ss_buf_be16(ret, 7);     /* id */
	ss_buf_be16(ret, 0x100); /* recursion is wanted */
	ss_buf_be16(ret, 1);
	ss_buf_be16(ret, 0);
	ss_buf_be16(ret, 0);
	ss_buf_be16(ret, 0);
	put_name(ret, name);
	ss_buf_be16(ret, type);
	ss_buf_be16(ret, class_);
}

/* The rcode; *ret is the address, "" where the answer has none. */
static unsigned ask(struct rec_names *n, const char *name, uint16_t type, char ret[64])
{
	AUTO_BUF struct ss_buf q = SS_BUF_INIT(512), a = SS_BUF_INIT(4096);
	const size_t size = type == 28 ? 16 : 4;

	make_question(name, type, 1, &q);
	assert_true(rec_names_answer(n, ss_buf_span(&q), &a));
	ret[0] = '\0';
	if (a.p[7] == 1)
		assert_non_null(
			inet_ntop(type == 28 ? AF_INET6 : AF_INET, a.p + a.n - size, ret, 64));
	return a.p[3] & 15;
}

static void an_address_follows_from_the_name_and_leads_back(void **state)
{
	struct rec_names *n = rec_names_new(), *other = rec_names_new();
	char a[64], b[64], c[64], where[REC_WHERE_MAX];
	uint8_t bytes[16] = { [10] = 0xff, 0xff };

	(void)state;
	assert_int_equal(ask(n, "x.example", 1, a), 0);
	assert_int_equal(ask(other, "before.example", 1, b), 0);
	assert_int_equal(ask(other, "X.Example", 1, b), 0);
	assert_string_equal(a, b);
	assert_true(strncmp(a, "198.18.", 7) == 0 || strncmp(a, "198.19.", 7) == 0);
	assert_int_equal(ask(n, "y.example", 1, b), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(inet_pton(AF_INET, a, bytes + 12), 1);
	rec_names_where(n, bytes, where);
	assert_string_equal(where, "x.example");
	assert_int_equal(ask(n, "x.example", 28, c), 0);
	assert_int_equal(inet_pton(AF_INET6, c, bytes), 1);
	rec_names_where(n, bytes, where);
	assert_string_equal(where, "x.example");
	rec_names_free(n);
	rec_names_free(other);
}

static void what_is_no_name_s_address_is_itself(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "::ffff:8.8.8.8", "8.8.8.8" },
		{ "::ffff:198.18.0.1", "198.18.0.1" },
		{ "::ffff:198.18.1.0", "198.18.1.0" }, /* nobody asked */
		{ "2001:db8::1", "[2001:db8::1]" },
		{ "fd73:656c:6673:616d::c612:100", "[fd73:656c:6673:616d::c612:100]" },
		{ "fd73:656c:6673:616d:1:0:c612:100", "[fd73:656c:6673:616d:1:0:c612:100]" },
	};
	struct rec_names *n = rec_names_new();

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		char where[REC_WHERE_MAX];
		uint8_t a[16];

		assert_int_equal(inet_pton(AF_INET6, cases[i].text, a), 1);
		rec_names_where(n, a, where);
		assert_string_equal(where, cases[i].want);
	}
	rec_names_free(n);
}

static void other_questions_have_other_answers(void **state)
{
	AUTO_BUF struct ss_buf q = SS_BUF_INIT(512), a = SS_BUF_INIT(4096);
	struct rec_names *n = rec_names_new();
	char got[64];

	(void)state;
	assert_int_equal(ask(n, "mail.example", 15, got), 0);
	assert_string_equal(got, "");
	assert_int_equal(ask(n, "1.0.18.198.in-addr.arpa", 1, got), 3);
	assert_int_equal(ask(n, "", 1, got), 0);
	assert_string_equal(got, "");
	assert_int_equal(ask(n, "localhost", 1, got), 0);
	assert_string_equal(got, "127.0.0.1");
	assert_int_equal(ask(n, "a.localhost", 28, got), 0);
	assert_string_equal(got, "::1");
	assert_int_equal(ask(n, "notlocalhost", 1, got), 0);
	assert_string_not_equal(got, "127.0.0.1");
	make_question("version.bind", 16, 3, &q);
	assert_true(rec_names_answer(n, ss_buf_span(&q), &a));
	assert_int_equal(a.p[3] & 15, 5);
	rec_names_free(n);
}

static void a_question_truncated_at_every_byte_is_refused(void **state)
{
	AUTO_BUF struct ss_buf q = SS_BUF_INIT(512);
	struct rec_names *n = rec_names_new();

	(void)state;
	make_question("x.example", 1, 1, &q);
	for (size_t i = 0; i < q.n; i++) {
		AUTO_FREE uint8_t *exact = ss_calloc(i, 1);
		AUTO_BUF struct ss_buf a = SS_BUF_INIT(4096);

		if (i > 0)
			memcpy(exact, q.p, i);
		if (rec_names_answer(n, (struct ss_span){ exact, i }, &a))
			assert_int_equal(a.p[3] & 15, 1);
		else
			assert_true(i < 12);
	}
	rec_names_free(n);
}

static void too_many_names_are_an_error_and_not_a_wrong_address(void **state)
{
	struct rec_names *n = rec_names_new();
	char name[32], got[64], first[64];

	(void)state;
	assert_int_equal(ask(n, "n0.example", 1, first), 0);
	for (unsigned i = 1; i < REC_NAMES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		assert_int_equal(ask(n, name, 1, got), 0);
	}
	assert_int_equal(ask(n, "one-more.example", 1, got), 2);
	assert_string_equal(got, "");
	assert_int_equal(ask(n, "n0.example", 1, got), 0);
	assert_string_equal(got, first);
	rec_names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_follows_from_the_name_and_leads_back),
		cmocka_unit_test(what_is_no_name_s_address_is_itself),
		cmocka_unit_test(other_questions_have_other_answers),
		cmocka_unit_test(a_question_truncated_at_every_byte_is_refused),
		cmocka_unit_test(too_many_names_are_an_error_and_not_a_wrong_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
