/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/recipient.h"
#include "expect.h"
#include "keyplane/kp.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* keyplane's side of the pair; the process with the keys is the test. */
struct world {
	int theirs;
	struct kp_kms_waiter w[12];
};

static struct kp k;

struct message {
	struct kp_keys_head head;
	uint8_t text[KP_KEYS_MAX_TEXT];
};

static void begin(struct world *w)
{
	struct ss_err err = { 0 };
	int pair[2];

	*w = (struct world){ .theirs = -1 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	w->theirs = pair[1];
	k.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_true(k.epoll_fd >= 0);
	expect_ok(kp_kms_init(&k, pair[0], &err), &err);
}

static void finish(struct world *w)
{
	(void)close(k.kms.w.fd);
	(void)close(k.epoll_fd);
	(void)close(w->theirs);
}

/* What is asked now; `what` 0: nothing is. */
static struct message expect_asked(const struct world *w, unsigned what)
{
	static struct message m;
	const ssize_t n = recv(w->theirs, &m, sizeof(m), MSG_DONTWAIT);

	if (what == 0) {
		assert_int_equal(n, -1);
	} else {
		assert_int_equal(n, (ssize_t)(sizeof(m.head) + m.head.n));
		assert_int_equal(m.head.what, what);
	}
	return m;
}

static void say(const struct world *w, unsigned what, uint8_t key, size_t n)
{
	static struct message m;

	m.head = (struct kp_keys_head){ .what = what, .n = (uint32_t)n, .key = { key } };
	memset(m.text, 'x', n);
	assert_int_equal(send(w->theirs, &m, sizeof(m.head) + n, 0), (ssize_t)(sizeof(m.head) + n));
}

static struct kp_kms_said hear(void)
{
	struct kp_kms_said said = { 0 };
	struct ss_err err = { 0 };

	assert_int_equal(kp_kms_hear(&k, &said, &err), 1);
	return said;
}

static void wait_unwrap(struct kp_kms_waiter *w, const uint8_t *key, const char *message)
{
	w->key = key;
	w->message = (struct ss_span){ (const uint8_t *)message, strlen(message) };
	kp_kms_wait(&k, KP_KMS_UNWRAP, w);
}

static void one_question_is_under_way_and_messages_go_before_keys(void **state)
{
	static const uint8_t key[KP_KEY] = { 7 };
	struct world w;
	struct kp_kms_said said;
	struct ss_err err = { 0 };
	struct message m;

	(void)state;
	begin(&w);
	kp_kms_wait(&k, KP_KMS_NEW, &w.w[0]);
	kp_kms_wait(&k, KP_KMS_NEW, &w.w[1]);
	wait_unwrap(&w.w[2], key, "first");
	wait_unwrap(&w.w[3], key, "second");
	(void)expect_asked(&w, KP_KEYS_NEW);
	(void)expect_asked(&w, 0);
	assert_int_equal(kp_kms_hear(&k, &said, &err), 0);
	say(&w, KP_KEYS_DONE, 1, CRYPTO_RECIPIENT_SPKI);
	said = hear();
	assert_ptr_equal(said.to, &w.w[0]);
	assert_true(said.is_done);
	assert_int_equal(said.text.n, CRYPTO_RECIPIENT_SPKI);
	m = expect_asked(&w, KP_KEYS_UNWRAP);
	assert_memory_equal(m.head.key, key, sizeof(key));
	assert_int_equal(m.head.n, 5);
	assert_memory_equal(m.text, "first", 5);
	say(&w, KP_KEYS_FAILED, 0, 0);
	said = hear();
	assert_ptr_equal(said.to, &w.w[2]);
	assert_false(said.is_done);
	m = expect_asked(&w, KP_KEYS_UNWRAP);
	assert_memory_equal(m.text, "second", 6);
	say(&w, KP_KEYS_DONE, 0, 3);
	said = hear();
	assert_ptr_equal(said.to, &w.w[3]);
	assert_memory_equal(said.text.p, "xxx", 3);
	kp_kms_wipe(&said);
	assert_memory_equal(said.text.p, "\0\0\0", 3);
	(void)expect_asked(&w, KP_KEYS_NEW);
	finish(&w);
}

static void eight_keys_are_under_way_until_their_documents_are_given(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	for (size_t i = 0; i < 10; i++)
		kp_kms_wait(&k, KP_KMS_NEW, &w.w[i]);
	for (uint8_t i = 0; i < KP_KMS_MAKING; i++) {
		(void)expect_asked(&w, KP_KEYS_NEW);
		say(&w, KP_KEYS_DONE, i, CRYPTO_RECIPIENT_SPKI);
		assert_ptr_equal(hear().to, &w.w[i]);
	}
	(void)expect_asked(&w, 0);
	kp_kms_leave(&k, &w.w[3]);
	(void)expect_asked(&w, KP_KEYS_NEW);
	kp_kms_leave(&k, &w.w[3]); /* once is enough */
	kp_kms_leave(&k, &w.w[9]); /* it never came to its turn */
	say(&w, KP_KEYS_DONE, 8, CRYPTO_RECIPIENT_SPKI);
	assert_ptr_equal(hear().to, &w.w[8]);
	kp_kms_leave(&k, &w.w[4]);
	(void)expect_asked(&w, 0);
	finish(&w);
}

static void an_answer_to_one_who_has_gone_is_nobodys_and_its_key_is_known(void **state)
{
	static const uint8_t id[KP_KEY] = { 5 };
	struct world w;

	(void)state;
	begin(&w);
	kp_kms_wait(&k, KP_KMS_NEW, &w.w[0]);
	kp_kms_wait(&k, KP_KMS_NEW, &w.w[1]);
	(void)expect_asked(&w, KP_KEYS_NEW);
	kp_kms_leave(&k, &w.w[0]);
	(void)expect_asked(&w, 0);
	assert_false(kp_kms_has(&k, id));
	say(&w, KP_KEYS_DONE, 5, CRYPTO_RECIPIENT_SPKI);
	assert_null(hear().to);
	assert_true(kp_kms_has(&k, id));
	(void)expect_asked(&w, KP_KEYS_NEW);
	say(&w, KP_KEYS_FAILED, 0, 0);
	assert_ptr_equal(hear().to, &w.w[1]);
	finish(&w);
}

static void sixteen_keys_are_known(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	for (uint8_t i = 1; i <= KP_RECIPIENTS + 1; i++) {
		const uint8_t id[KP_KEY] = { i }, oldest[KP_KEY] = { 1 };

		assert_false(kp_kms_has(&k, id));
		kp_kms_wait(&k, KP_KMS_NEW, &w.w[0]);
		(void)expect_asked(&w, KP_KEYS_NEW);
		say(&w, KP_KEYS_DONE, i, CRYPTO_RECIPIENT_SPKI);
		assert_ptr_equal(hear().to, &w.w[0]);
		kp_kms_leave(&k, &w.w[0]);
		assert_true(kp_kms_has(&k, id));
		assert_int_equal(kp_kms_has(&k, oldest), i <= KP_RECIPIENTS);
	}
	finish(&w);
}

static void what_cannot_be_said_is_the_end(void **state)
{
	static const struct {
		unsigned what;
		size_t n;
		bool asks;
		const char *msg;
	} cases[] = {
		{ KP_KEYS_DONE, CRYPTO_RECIPIENT_SPKI - 1, true, "a key of KMS that is none" },
		{ KP_KEYS_DONE, 0, false, "the process with the keys of KMS has ended" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct world w;
		struct kp_kms_said said;
		struct ss_err err = { 0 };

		begin(&w);
		if (cases[i].asks)
			kp_kms_wait(&k, KP_KMS_NEW, &w.w[0]);
		say(&w, cases[i].what, 1, cases[i].n);
		assert_int_equal(kp_kms_hear(&k, &said, &err), -1);
		assert_string_equal(err.msg, cases[i].msg);
		finish(&w);
	}
	for (size_t cut = 0; cut < 2; cut++) {
		struct world w;
		struct kp_kms_said said;
		struct ss_err err = { 0 };
		const struct kp_keys_head h = { .what = KP_KEYS_DONE, .n = 1 };

		begin(&w);
		kp_kms_wait(&k, KP_KMS_NEW, &w.w[0]);
		assert_true(send(w.theirs, &h, sizeof(h) - cut, 0) > 0);
		assert_int_equal(kp_kms_hear(&k, &said, &err), -1);
		assert_string_equal(err.msg, "the process with the keys of KMS has ended");
		finish(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_question_is_under_way_and_messages_go_before_keys),
		cmocka_unit_test(eight_keys_are_under_way_until_their_documents_are_given),
		cmocka_unit_test(an_answer_to_one_who_has_gone_is_nobodys_and_its_key_is_known),
		cmocka_unit_test(sixteen_keys_are_known),
		cmocka_unit_test(what_cannot_be_said_is_the_end),
	};

	return cmocka_run_group_tests_name("kp_kms", tests, NULL, NULL);
}
