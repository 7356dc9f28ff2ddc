/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "io/fan.h"

#include <string.h>
#include <unistd.h>

struct sum {
	uint64_t n;
	uint64_t mix; /* depends on the order of the bytes */
	uint64_t fail_at;
	unsigned nap_us;
};

static int add(void *ctx, struct ss_span chunk, struct ss_err *err)
{
	struct sum *s = ctx;

	if (s->nap_us > 0)
		(void)usleep(s->nap_us);
	for (size_t i = 0; i < chunk.n; i++)
		s->mix = s->mix * 31 + chunk.p[i];
	s->n += chunk.n;
	if (s->fail_at > 0 && s->n >= s->fail_at)
		return ss_fail(err, SS_EINPUT, "enough at %llu", (unsigned long long)s->fail_at);
	return 0;
}

static void feed(struct io_fan *f, size_t total, size_t piece, uint64_t *ret_mix, bool *ret_ok)
{
	uint8_t block[4099];
	uint64_t mix = 0;

	*ret_ok = true;
	for (size_t done = 0; done < total;) {
		const size_t n = piece < total - done ? piece : total - done;

		for (size_t i = 0; i < n; i++) {
			block[i] = (uint8_t)((done + i) * 7 >> 3);
			mix = mix * 31 + block[i];
		}
		if (io_fan_put(f, (struct ss_span){ block, n }) < 0) {
			*ret_ok = false;
			return;
		}
		done += n;
	}
	*ret_mix = mix;
}

static void every_consumer_sees_every_byte_in_order(void **state)
{
	struct sum fast = { 0 }, slow = { .nap_us = 300 };
	const struct io_consumer c[] = { { add, &fast }, { add, &slow } };
	struct io_fan *f = NULL;
	struct ss_err err = { 0 };
	uint64_t mix = 0;
	bool ok;

	(void)state;
	expect_ok(io_fan_open(c, 2, &f, &err), &err);
	feed(f, 20 * IO_FAN_CHUNK_SIZE + 17, 4099, &mix, &ok);
	assert_true(ok);
	expect_ok(io_fan_close(f, &err), &err);
	assert_int_equal(fast.n, 20 * IO_FAN_CHUNK_SIZE + 17);
	assert_true(fast.mix == mix && slow.mix == mix);
}

static void bytes_filled_in_place_join_those_that_are_copied(void **state)
{
	struct sum got = { 0 };
	const struct io_consumer c[] = { { add, &got } };
	struct io_fan *f = NULL;
	struct ss_err err = { 0 };
	uint64_t mix = 0, total = 0;

	(void)state;
	expect_ok(io_fan_open(c, 1, &f, &err), &err);
	for (size_t i = 0; total < 3 * IO_FAN_CHUNK_SIZE; i++) {
		size_t n = 0;
		uint8_t one = (uint8_t)i;
		uint8_t *p = io_fan_tail(f, &n);

		assert_true(p != NULL && n >= 1 && n <= IO_FAN_CHUNK_SIZE);
		n = i % 5 == 0 ? n : (n + 1) / 2;
		for (size_t k = 0; k < n; k++) {
			p[k] = (uint8_t)(i + k);
			mix = mix * 31 + p[k];
		}
		io_fan_advance(f, n);
		expect_ok(io_fan_put(f, (struct ss_span){ &one, 1 }), &err);
		mix = mix * 31 + one;
		total += n + 1;
	}
	expect_ok(io_fan_close(f, &err), &err);
	assert_int_equal(got.n, total);
	assert_true(got.mix == mix);
}

static void the_first_failure_stops_the_producer_and_is_told(void **state)
{
	struct sum good = { 0 }, bad = { .fail_at = 2 * IO_FAN_CHUNK_SIZE };
	const struct io_consumer c[] = { { add, &good }, { add, &bad } };
	struct io_fan *f = NULL;
	struct ss_err err = { 0 };
	uint64_t mix = 0;
	bool ok;

	(void)state;
	expect_ok(io_fan_open(c, 2, &f, &err), &err);
	feed(f, 64 * IO_FAN_CHUNK_SIZE, 4099, &mix, &ok);
	assert_false(ok);
	expect_fails(io_fan_close(f, &err), &err, SS_EINPUT, "enough at 524288");
}

static void an_abort_does_not_wait_for_the_end(void **state)
{
	struct sum s = { .nap_us = 1000 };
	const struct io_consumer c[] = { { add, &s } };
	struct io_fan *f = NULL;
	struct ss_err err = { 0 };
	uint64_t mix = 0;
	bool ok;

	(void)state;
	expect_ok(io_fan_open(c, 1, &f, &err), &err);
	feed(f, 3 * IO_FAN_CHUNK_SIZE, 4099, &mix, &ok);
	io_fan_abort(f);
	assert_true(s.n <= 3 * IO_FAN_CHUNK_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_consumer_sees_every_byte_in_order),
		cmocka_unit_test(bytes_filled_in_place_join_those_that_are_copied),
		cmocka_unit_test(the_first_failure_stops_the_producer_and_is_told),
		cmocka_unit_test(an_abort_does_not_wait_for_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
