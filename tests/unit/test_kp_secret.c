/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "expect.h"
#include "keyplane/kp_secret.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t alice[MC_SECRET_FROM] = { 1 }, bob[MC_SECRET_FROM] = { 2 };
#define ALICE ((struct ss_span){ alice, sizeof(alice) })
#define BOB ((struct ss_span){ bob, sizeof(bob) })

struct world {
	struct kp_secrets s;
	struct ss_buf raw;
	int pair[2];
	uint8_t seen[SECRET_MESSAGE_MAX + 1];
};

static void world_init(struct world *w)
{
	static const struct {
		const char *name;
		struct ss_span from;
		bool file;
	} rows[] = { { "A", ALICE, false }, { "F", ALICE, true }, { "B", BOB, true } };
	struct ss_err err = { 0 };

	*w = (struct world){ .raw = SS_BUF_INIT(MC_MAX_SIZE) };
	for (size_t i = 0; i < SS_NELEMS(rows); i++)
		mc_put_secret(&w->raw, &(struct mc_secret){ .name = ss_text(rows[i].name),
							    .from = rows[i].from,
							    .file = rows[i].file });
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, w->pair), 0);
	expect_ok(kp_secrets_init(&w->s, (struct mc_list){ ss_buf_span(&w->raw), SS_NELEMS(rows) },
				  w->pair[0], &err),
		  &err);
}

static void world_done(struct world *w)
{
	(void)close(w->pair[0]);
	(void)close(w->pair[1]);
	ss_buf_done(&w->raw);
}

static unsigned begin(struct world *w, struct ss_span who, const char *name, size_t n,
		      struct kp_value **ret)
{
	return kp_secret_begin(&w->s, who, ss_text(name), n, ret);
}

static unsigned send_text(struct world *w, struct ss_span who, const char *name,
			  struct ss_span value)
{
	struct kp_value *v;
	const unsigned status = begin(w, who, name, value.n, &v);

	if (status != 200)
		return status;
	if (value.n > 0)
		memcpy(v->bytes, value.p, value.n);
	v->n = value.n;
	return kp_secret_end(&w->s, v);
}

static void expect_told(struct world *w, uint32_t index, struct ss_span value)
{
	struct secret_head h;
	const ssize_t n = recv(w->pair[1], w->seen, sizeof(w->seen), MSG_DONTWAIT);

	assert_int_equal(n, sizeof(h) + value.n);
	memcpy(&h, w->seen, sizeof(h));
	assert_int_equal(h.index, index);
	assert_int_equal(h.n, value.n);
	assert_true(value.n == 0 || memcmp(w->seen + sizeof(h), value.p, value.n) == 0);
}

static void a_value_of_its_sender_goes_to_init_once_and_is_wiped(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(send_text(&w, ALICE, "A", ss_text("value")), 204);
	expect_told(&w, 0, ss_text("value"));
	assert_memory_equal(w.s.values[0].bytes, "\0\0\0\0\0", 5);
	assert_int_equal(send_text(&w, ALICE, "A", ss_text("value")), 409);
	assert_int_equal(send_text(&w, BOB, "B", (struct ss_span){ NULL, 0 }), 204);
	expect_told(&w, 2, (struct ss_span){ NULL, 0 });
	world_done(&w);
}

static void an_unknown_name_and_somebody_else_s_have_one_answer(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(send_text(&w, BOB, "A", ss_text("x")), 403);
	assert_int_equal(send_text(&w, ALICE, "B", ss_text("x")), 403);
	assert_int_equal(send_text(&w, ALICE, "nowhere", ss_text("x")), 403);
	assert_int_equal(send_text(&w, ALICE, "a", ss_text("x")), 403);
	assert_int_equal(send_text(&w, (struct ss_span){ alice, 31 }, "A", ss_text("x")), 403);
	/* Nor does one learn that it was taken. */
	assert_int_equal(send_text(&w, ALICE, "A", ss_text("x")), 204);
	assert_int_equal(send_text(&w, BOB, "A", ss_text("x")), 403);
	world_done(&w);
}

static void a_variable_is_shorter_than_a_file_and_has_no_zero_byte(void **state)
{
	static struct world w;
	static uint8_t big[MC_MAX_SECRET];
	struct kp_value *v;

	(void)state;
	world_init(&w);
	assert_int_equal(begin(&w, ALICE, "A", MC_MAX_SECRET_ENV + 1, &v), 413);
	assert_int_equal(begin(&w, ALICE, "F", MC_MAX_SECRET + 1, &v), 413);
	assert_int_equal(send_text(&w, ALICE, "A", (struct ss_span){ big, 1 }), 400);
	assert_int_equal(send_text(&w, ALICE, "F", (struct ss_span){ big, sizeof(big) }), 204);
	expect_told(&w, 1, (struct ss_span){ big, sizeof(big) });
	memset(big, 'x', MC_MAX_SECRET_ENV);
	assert_int_equal(send_text(&w, ALICE, "A", (struct ss_span){ big, MC_MAX_SECRET_ENV }),
			 204);
	expect_told(&w, 0, (struct ss_span){ big, MC_MAX_SECRET_ENV });
	world_done(&w);
}

static void four_are_received_at_a_time_and_the_first_whole_one_counts(void **state)
{
	static struct world w;
	struct kp_value *v[KP_SECRETS_AT_ONCE], *more;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < SS_NELEMS(v); i++)
		assert_int_equal(begin(&w, ALICE, "A", 1, &v[i]), 200);
	assert_int_equal(begin(&w, BOB, "B", 1, &more), 503);
	assert_int_equal(begin(&w, BOB, "A", 1, &more), 403);
	for (size_t i = 0; i < 2; i++) {
		v[i]->bytes[0] = (uint8_t)('a' + i);
		v[i]->n = 1;
	}
	assert_int_equal(kp_secret_end(&w.s, v[1]), 204);
	assert_int_equal(kp_secret_end(&w.s, v[0]), 409);
	expect_told(&w, 0, ss_text("b"));
	kp_secret_drop(v[2]);
	assert_int_equal(send_text(&w, BOB, "B", ss_text("x")), 204);
	world_done(&w);
}

static void what_init_does_not_hear_is_not_taken(void **state)
{
	static struct world w;
	static uint8_t big[MC_MAX_SECRET];
	ssize_t n = 0;

	(void)state;
	world_init(&w);
	while (n >= 0)
		n = send(w.pair[0], big, sizeof(big), MSG_DONTWAIT);
	assert_int_equal(send_text(&w, ALICE, "F", (struct ss_span){ big, sizeof(big) }), 503);
	while (recv(w.pair[1], w.seen, sizeof(w.seen), MSG_DONTWAIT) > 0)
		continue;
	assert_int_equal(send_text(&w, ALICE, "F", (struct ss_span){ big, sizeof(big) }), 204);
	world_done(&w);
}

static void without_a_way_to_init_nothing_begins(void **state)
{
	struct ss_buf raw = SS_BUF_INIT(MC_MAX_SIZE);
	static struct kp_secrets s;
	struct ss_err err = { 0 };

	(void)state;
	mc_put_secret(&raw, &(struct mc_secret){ .name = ss_text("A"), .from = ALICE });
	assert_int_equal(kp_secrets_init(&s, (struct mc_list){ ss_buf_span(&raw), 1 }, -1, &err),
			 -1);
	expect_ok(kp_secrets_init(&s, (struct mc_list){ 0 }, -1, &err), &err);
	ss_buf_done(&raw);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_of_its_sender_goes_to_init_once_and_is_wiped),
		cmocka_unit_test(an_unknown_name_and_somebody_else_s_have_one_answer),
		cmocka_unit_test(a_variable_is_shorter_than_a_file_and_has_no_zero_byte),
		cmocka_unit_test(four_are_received_at_a_time_and_the_first_whole_one_counts),
		cmocka_unit_test(what_init_does_not_hear_is_not_taken),
		cmocka_unit_test(without_a_way_to_init_nothing_begins),
	};

	return cmocka_run_group_tests_name("kp_secret", tests, NULL, NULL);
}
