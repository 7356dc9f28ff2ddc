/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "record/rec_tape.h"

#include <stdio.h>
#include <string.h>

static const struct rec_id a = { "GET", "http://h/a", NULL };
static const struct rec_id b = { "GET", "http://h/b", NULL };

/* An answer is one letter: its hash. */
static void fill(struct rec_tape *t, const struct rec_turn *turn, char letter)
{
	char sha[65];
	struct cfg_input in = { .sha256 = sha, .size = 1, .status = 200 };

	memset(sha, letter, 64);
	sha[64] = '\0';
	rec_tape_fill(t, turn, &in);
}

static void ask(struct rec_tape *t, const struct rec_id *id, const char *answers)
{
	for (; *answers != '\0'; answers++) {
		struct rec_turn turn;
		struct ss_err err = { 0 };

		expect_ok(rec_tape_begin(t, id, &turn, &err), &err);
		if (*answers != '.') /* failed */
			fill(t, &turn, *answers);
	}
}

static void list(struct rec_tape *t, struct cfg_list *ret)
{
	struct ss_err err = { 0 };

	expect_ok(rec_tape_list(t, ret, &err), &err);
}

/* A lock is played, what it lacks is recorded, and both are listed: of the lock's what was asked
 * for. */
static void a_lock_that_is_played_may_grow(void **state)
{
	struct rec_tape *first = rec_tape_new();
	struct cfg_list locked = { 0 }, grown = { 0 };
	struct rec_tape *t;
	const struct cfg_input *v;

	(void)state;
	ask(first, &a, "xyz");
	ask(first, &(const struct rec_id){ "GET", "http://h/unused", NULL }, "u");
	list(first, &locked);
	assert_int_equal(locked.n, 4);
	t = rec_tape_load(&locked);
	assert_int_equal(rec_tape_play(t, &a)->sha256[0], 'x');
	assert_int_equal(rec_tape_play(t, &a)->sha256[0], 'y');
	assert_null(rec_tape_play(t, &b));
	ask(t, &b, "n");
	list(t, &grown);
	v = grown.v;
	assert_int_equal(grown.n, 3);
	assert_string_equal(v[0].url, "http://h/a");
	assert_int_equal(v[0].sha256[0], 'x');
	assert_int_equal(v[1].sha256[0], 'y');
	assert_int_equal(v[1].turn, 2);
	assert_string_equal(v[2].url, "http://h/b");
	assert_int_equal(v[2].sha256[0], 'n');
	rec_tape_free(t);
	rec_tape_free(first);
	cfg_inputs_done(&locked);
	cfg_inputs_done(&grown);
}

/* What was recorded is what is played, also behind the end and without those that failed. */
static void what_was_recorded_is_played_in_order(void **state)
{
	static const struct {
		const char *asked, *played;
		size_t entries;
	} cases[] = {
		{ "a", "aaa", 1 },       { "aaaa", "aaaaaa", 1 }, { "aab", "aabbb", 2 },
		{ "abab", "ababbb", 4 }, { "..a", "aaa", 1 },     { "a..b.b", "abbb", 2 },
		{ "...", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct rec_tape *t = rec_tape_new(), *p;
		struct cfg_list l = { 0 };

		ask(t, &a, cases[i].asked);
		ask(t, &b, "c");
		list(t, &l);
		assert_int_equal(l.n, cases[i].entries + 1);
		p = rec_tape_load(&l);
		for (const char *want = cases[i].played; *want != '\0'; want++) {
			const struct cfg_input *in = rec_tape_play(p, &a);

			assert_non_null(in);
			assert_int_equal(in->sha256[0], *want);
		}
		assert_non_null(rec_tape_play(p, &b));
		if (cases[i].entries == 0)
			assert_null(rec_tape_play(p, &a));
		rec_tape_free(p);
		rec_tape_free(t);
		cfg_inputs_done(&l);
	}
}

/* The order is that in which they were asked, not that in which the answers came. */
static void an_answer_keeps_the_turn_of_its_request(void **state)
{
	struct rec_tape *t = rec_tape_new();
	struct cfg_list l = { 0 };
	struct rec_turn first, second;
	struct ss_err err = { 0 };
	const struct cfg_input *in;

	(void)state;
	expect_ok(rec_tape_begin(t, &a, &first, &err), &err);
	expect_ok(rec_tape_begin(t, &a, &second, &err), &err);
	fill(t, &second, 'b');
	fill(t, &first, 'a');
	list(t, &l);
	in = l.v;
	assert_int_equal(l.n, 2);
	assert_int_equal(in[0].sha256[0], 'a');
	assert_int_equal(in[0].turn, 0);
	assert_int_equal(in[1].sha256[0], 'b');
	assert_int_equal(in[1].turn, 2);
	cfg_inputs_done(&l);
	rec_tape_free(t);
}

static void method_url_and_key_tell_requests_apart(void **state)
{
	static const struct rec_id ids[] = {
		{ "GET", "http://h/a", NULL },   { "HEAD", "http://h/a", NULL },
		{ "GET", "http://h/a", "0101" }, { "GET", "http://h/a", "0102" },
		{ "GET", "http://h/a/", NULL },  { "GET", "http://g/a", NULL },
	};
	struct rec_tape *t = rec_tape_new(), *p;
	struct cfg_list l = { 0 };

	(void)state;
	for (size_t i = SS_NELEMS(ids); i > 0; i--)
		ask(t, &ids[i - 1], (const char[]){ (char)('0' + i), '\0' });
	list(t, &l);
	assert_int_equal(l.n, SS_NELEMS(ids));
	p = rec_tape_load(&l);
	for (size_t i = 0; i < SS_NELEMS(ids); i++)
		assert_int_equal(rec_tape_play(p, &ids[i])->sha256[0], (char)('1' + i));
	assert_null(rec_tape_play(p, &b));
	cfg_inputs_done(&l);
	rec_tape_free(p);
	rec_tape_free(t);
}

static void more_answers_than_a_lock_holds_are_refused(void **state)
{
	struct rec_tape *t = rec_tape_new();
	struct cfg_list l = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	for (unsigned i = 0; i <= CFG_INPUTS_MAX; i++) {
		char url[64];
		const struct rec_id id = { "GET", url, NULL };

		(void)snprintf(url, sizeof(url), "http://h/%u", i);
		ask(t, &id, "a");
	}
	expect_fails(rec_tape_list(t, &l, &err), &err, SS_ELIMIT, "more than 32768 inputs");
	cfg_inputs_done(&l);
	rec_tape_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_that_is_played_may_grow),
		cmocka_unit_test(what_was_recorded_is_played_in_order),
		cmocka_unit_test(an_answer_keeps_the_turn_of_its_request),
		cmocka_unit_test(method_url_and_key_tell_requests_apart),
		cmocka_unit_test(more_answers_than_a_lock_holds_are_refused),
	};

	return cmocka_run_group_tests_name("rec_tape", tests, NULL, NULL);
}
