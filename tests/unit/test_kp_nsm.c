/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "keyplane/kp_nsm.h"
#include "keyplane/kp_reply.h"
#include "nsm/nsm_serve.h"

#include <string.h>

static void the_queues_take_turns_and_each_is_in_order(void **state)
{
	static const unsigned want[] = { 0, 3, 1, 4, 2 };
	struct kp_waiter w[5];
	struct kp_nsm q;

	(void)state;
	kp_nsm_init(&q);
	assert_true(kp_nsm_is_idle(&q));
	for (unsigned i = 0; i < 5; i++)
		assert_true(kp_nsm_wait(&q, i < 3 ? KP_Q_NETWORK : KP_Q_LOCAL, &w[i], 0));
	assert_false(kp_nsm_is_idle(&q));
	for (unsigned i = 0; i < 5; i++)
		assert_ptr_equal(kp_nsm_next(&q, 0), &w[want[i]]);
	assert_null(kp_nsm_next(&q, 0));
	assert_true(kp_nsm_is_idle(&q));
}

static void after_a_call_the_nsm_rests_three_times_as_long(void **state)
{
	struct kp_waiter w;
	struct kp_nsm q;

	(void)state;
	kp_nsm_init(&q);
	kp_nsm_called(&q, 1000, 1040);
	assert_true(kp_nsm_wait(&q, KP_Q_LOCAL, &w, 1040));
	assert_null(kp_nsm_next(&q, 1040));
	assert_null(kp_nsm_next(&q, 1159));
	assert_ptr_equal(kp_nsm_next(&q, 1160), &w);
}

static void who_waited_five_seconds_is_told_and_256_may_wait(void **state)
{
	static struct kp_waiter w[KP_MAX_WAITING + 2];
	struct kp_nsm q;

	(void)state;
	kp_nsm_init(&q);
	for (unsigned i = 0; i < KP_MAX_WAITING; i++)
		assert_true(kp_nsm_wait(&q, KP_Q_NETWORK, &w[i], i));
	assert_false(kp_nsm_wait(&q, KP_Q_NETWORK, &w[KP_MAX_WAITING], 0));
	assert_true(kp_nsm_wait(&q, KP_Q_LOCAL, &w[KP_MAX_WAITING + 1], 9000));
	assert_null(kp_nsm_expired(&q, KP_WAIT_NSM_MS - 1));
	assert_ptr_equal(kp_nsm_expired(&q, KP_WAIT_NSM_MS), &w[0]);
	assert_null(kp_nsm_expired(&q, KP_WAIT_NSM_MS));
	assert_ptr_equal(kp_nsm_expired(&q, KP_WAIT_NSM_MS + 1), &w[1]);
}

static void who_leaves_is_not_served_wherever_it_stood(void **state)
{
	for (unsigned gone = 0; gone < 3; gone++) {
		struct kp_waiter w[4];
		struct kp_nsm q;

		kp_nsm_init(&q);
		for (unsigned i = 0; i < 3; i++)
			assert_true(kp_nsm_wait(&q, KP_Q_NETWORK, &w[i], 0));
		kp_nsm_leave(&q, &w[gone]);
		kp_nsm_leave(&q, &w[gone]); /* again: nothing */
		assert_true(kp_nsm_wait(&q, KP_Q_NETWORK, &w[3], 0));
		for (unsigned i = 0; i < 4; i++)
			if (i != gone)
				assert_ptr_equal(kp_nsm_next(&q, 0), &w[i]);
		assert_true(kp_nsm_is_idle(&q));
	}
	(void)state;
}

static void an_application_s_user_data_is_always_behind_its_domain(void **state)
{
	static struct kp_ask ask = { .has_nonce = true,
				     .n_nonce = 2,
				     .has_public_key = true,
				     .n_public_key = 1,
				     .nonce = "ab",
				     .public_key = "k" };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(NSM_MAX_REQUEST);
	uint8_t digest[32];
	struct nsm_request r;
	struct ss_err err = { 0 };

	(void)state;
	memset(digest, 7, sizeof(digest));
	kp_nsm_put_app(&b, &ask, digest);
	expect_ok(nsm_request_read(ss_buf_span(&b), &r, &err), &err);
	assert_int_equal(r.call, NSM_ATTESTATION);
	assert_int_equal(r.attestation.user_data.n, 47);
	assert_memory_equal(r.attestation.user_data.p, "selfsame/1 app", 15);
	assert_memory_equal(r.attestation.user_data.p + 15, digest, sizeof(digest));
	assert_int_equal(r.attestation.nonce.n, 2);
	assert_int_equal(r.attestation.public_key.n, 1);
	b.n = 0;
	ask.has_nonce = ask.has_public_key = false;
	kp_nsm_put_app(&b, &ask, digest);
	expect_ok(nsm_request_read(ss_buf_span(&b), &r, &err), &err);
	assert_null(r.attestation.nonce.p);
	assert_null(r.attestation.public_key.p);
	assert_int_equal(r.attestation.user_data.n, 47);
}

static void an_answer_has_its_length_and_is_never_kept(void **state)
{
	static const struct {
		unsigned status;
		const char *line;
		const char *allow;
	} rows[] = {
		{ 400, "HTTP/1.1 400 Bad Request\r\n", NULL },
		{ 403, "HTTP/1.1 403 Forbidden\r\n", NULL },
		{ 404, "HTTP/1.1 404 Not Found\r\n", NULL },
		{ 405, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, POST\r\n", "GET, POST" },
		{ 409, "HTTP/1.1 409 Conflict\r\n", NULL },
		{ 413, "HTTP/1.1 413 Content Too Large\r\n", NULL },
		{ 431, "HTTP/1.1 431 Request Header Fields Too Large\r\n", NULL },
		{ 500, "HTTP/1.1 500 Internal Server Error\r\n", NULL },
		{ 503, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n", NULL },
	};
	static const uint8_t digest[32] = { 1 };
	static const char rest[] =
		"Content-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
	static const char document[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nContent-Length: 10\r\n"
		"Cache-Control: no-store\r\nConnection: close\r\n\r\n0123456789";
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(KP_MAX_REPLY);

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		const size_t n = strlen(rows[i].line);

		b.n = 0;
		kp_reply_status(&b, rows[i].status, rows[i].allow);
		assert_int_equal(b.n, n + sizeof(rest) - 1);
		assert_memory_equal(b.p, rows[i].line, n);
		assert_memory_equal(b.p + n, rest, sizeof(rest) - 1);
	}
	b.n = 0;
	kp_reply_document(&b, (struct ss_span){ (const uint8_t *)"0123456789", 10 }, false);
	assert_int_equal(b.n, sizeof(document) - 1);
	assert_memory_equal(b.p, document, b.n);
	b.n = 0;
	kp_reply_document(&b, (struct ss_span){ (const uint8_t *)"0123456789", 10 }, true);
	assert_null(memmem(b.p, b.n, "Connection", 10));
	assert_memory_equal(b.p + b.n - 14, "\r\n\r\n0123456789", 14);
	b.n = 0;
	kp_reply_taken(&b);
	assert_memory_equal(b.p, "HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\n\r\n", b.n);
	b.n = 0;
	kp_reply_recipient(&b, (struct ss_span){ (const uint8_t *)"0123456789", 10 },
			   (struct ss_span){ digest, 32 });
	assert_non_null(memmem(b.p, b.n, "\r\nSelfsame-Key: ", 16));
	assert_memory_equal(b.p + b.n - 14, "\r\n\r\n0123456789", 14);
	b.n = 0;
	kp_reply_bytes(&b, (struct ss_span){ (const uint8_t *)"0123456789", 10 });
	assert_non_null(memmem(b.p, b.n, "\r\nContent-Type: application/octet-stream\r\n", 42));
	assert_memory_equal(b.p + b.n - 14, "\r\n\r\n0123456789", 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_queues_take_turns_and_each_is_in_order),
		cmocka_unit_test(after_a_call_the_nsm_rests_three_times_as_long),
		cmocka_unit_test(who_waited_five_seconds_is_told_and_256_may_wait),
		cmocka_unit_test(who_leaves_is_not_served_wherever_it_stood),
		cmocka_unit_test(an_application_s_user_data_is_always_behind_its_domain),
		cmocka_unit_test(an_answer_has_its_length_and_is_never_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
