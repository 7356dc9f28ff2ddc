/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "expect.h"
#include "keyplane/kp_ask.h"

#include <stdio.h>
#include <string.h>

#define NONCE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"

static struct kp_ask ask;

static unsigned status_of(enum kp_door door, const char *method, const char *target,
			  const char *headers)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(HTTP_HEAD_MAX);
	const char *const parts[] = { method,  " ",   target, " HTTP/1.1\r\nHost: a\r\n",
				      headers, "\r\n" };
	struct http_request r;
	struct ss_err err = { 0 };
	size_t n;

	for (size_t i = 0; i < SS_NELEMS(parts); i++)
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)parts[i], strlen(parts[i]) });
	assert_int_equal(http_request_read(ss_buf_span(&b), &r, &n, &err), 1);
	return kp_ask_read(door, &r, &ask);
}

static unsigned get(enum kp_door door, const char *target)
{
	return status_of(door, "GET", target, "");
}

static void the_endpoint_takes_one_nonce_of_32_bytes_and_nothing_else(void **state)
{
	static const char *const bad[] = {
		"/attestation",
		"/attestation?",
		"/attestation?nonce",
		"/attestation?nonce=",
		"/attestation?nonce=00",
		"/attestation?nonce=" NONCE "00",
		"/attestation?nonce=" NONCE "&",
		"/attestation?nonce=" NONCE "&nonce=" NONCE,
		"/attestation?nonce=" NONCE "&user_data=00",
		"/attestation?public_key=00&nonce=" NONCE,
		"/attestation?Nonce=" NONCE,
		"/attestation?nonce=000102030405060708090A0B0C0D0E0F"
		"101112131415161718191a1b1c1d1eff",
		"/attestation?nonce=g00102030405060708090a0b0c0d0e0f"
		"101112131415161718191a1b1c1d1eff",
		"/attestation?nonce=%30%30",
	};

	(void)state;
	assert_int_equal(get(KP_DOOR_SERVICE, "/attestation?nonce=" NONCE), 200);
	assert_int_equal(ask.want, KP_WANT_DOCUMENT);
	assert_true(ask.has_nonce);
	assert_false(ask.has_user_data || ask.has_public_key);
	assert_int_equal(ask.n_nonce, 32);
	for (unsigned i = 0; i < 31; i++)
		assert_int_equal(ask.nonce[i], i);
	assert_int_equal(ask.nonce[31], 255);
	for (size_t i = 0; i < SS_NELEMS(bad); i++)
		assert_int_equal(get(KP_DOOR_SERVICE, bad[i]), 400);
}

static void each_door_has_its_own_paths(void **state)
{
	static const char *const targets[] = {
		"/attestation?nonce=" NONCE,
		"/.well-known/selfsame/attestation?nonce=" NONCE,
		"/certificate",
		"/",
		"/attestation/?nonce=" NONCE,
		"//attestation?nonce=" NONCE,
	};
	static const unsigned want[][3] = {
		{ 200, 404, 200 }, { 404, 200, 404 }, { 404, 404, 200 },
		{ 404, 404, 404 }, { 404, 404, 404 }, { 404, 404, 404 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(targets); i++)
		for (unsigned door = KP_DOOR_SERVICE; door <= KP_DOOR_LOCAL; door++)
			assert_int_equal(get((enum kp_door)door, targets[i]), want[i][door]);
	assert_int_equal(get(KP_DOOR_LOCAL, "/certificate"), 200);
	assert_int_equal(ask.want, KP_WANT_CERTIFICATE);
	assert_int_equal(get(KP_DOOR_LOCAL, "/certificate?"), 400);
}

static void other_methods_bodies_and_upgrades_are_refused(void **state)
{
	(void)state;
	assert_int_equal(status_of(KP_DOOR_SERVICE, "POST", "/attestation?nonce=" NONCE, ""), 405);
	assert_int_equal(status_of(KP_DOOR_SERVICE, "get", "/attestation?nonce=" NONCE, ""), 405);
	assert_int_equal(status_of(KP_DOOR_SERVICE, "GET", "/attestation?nonce=" NONCE,
				   "Content-Length: 1\r\n"),
			 400);
	assert_int_equal(
		status_of(KP_DOOR_SERVICE, "GET", "/attestation?nonce=" NONCE, "Upgrade: h2c\r\n"),
		400);
	assert_int_equal(status_of(KP_DOOR_SERVICE, "GET", "/attestation?nonce=" NONCE,
				   "Content-Length: 0\r\n"),
			 200);
}

static void the_application_gives_three_values_in_any_order_or_none(void **state)
{
	(void)state;
	assert_int_equal(get(KP_DOOR_LOCAL, "/attestation"), 200);
	assert_false(ask.has_nonce || ask.has_user_data || ask.has_public_key);
	assert_int_equal(get(KP_DOOR_LOCAL, "/attestation?user_data=ff00&public_key=07&nonce="),
			 200);
	assert_true(ask.has_nonce && ask.has_user_data && ask.has_public_key);
	assert_int_equal(ask.n_nonce, 0);
	assert_int_equal(ask.n_user_data, 2);
	assert_memory_equal(ask.user_data, "\xff\0", 2);
	assert_int_equal(ask.public_key[0], 7);
	assert_int_equal(get(KP_DOOR_LOCAL, "/attestation?public_key="), 400);
	assert_int_equal(get(KP_DOOR_LOCAL, "/attestation?user_data=0"), 400);
	assert_int_equal(get(KP_DOOR_LOCAL, "/attestation?user_data=00&user_data=00"), 400);
}

static void a_recipient_s_document_has_a_key_that_is_not_the_asker_s(void **state)
{
	(void)state;
	assert_int_equal(get(KP_DOOR_LOCAL, "/recipient"), 200);
	assert_int_equal(ask.want, KP_WANT_RECIPIENT);
	assert_int_equal(get(KP_DOOR_LOCAL, "/recipient?user_data=07&nonce=" NONCE), 200);
	assert_true(ask.has_nonce && ask.has_user_data);
	assert_false(ask.has_public_key || ask.has_key);
	assert_int_equal(get(KP_DOOR_LOCAL, "/recipient?public_key=07"), 400);
	assert_int_equal(get(KP_DOOR_LOCAL, "/recipient?key=" NONCE), 400);
	assert_int_equal(get(KP_DOOR_SERVICE, "/recipient"), 404);
	assert_int_equal(get(KP_DOOR_PATH, "/recipient"), 404);
	assert_int_equal(status_of(KP_DOOR_LOCAL, "PUT", "/recipient", ""), 405);
	assert_string_equal(ask.allow, "GET, POST");
	assert_int_equal(status_of(KP_DOOR_LOCAL, "POST", "/attestation", ""), 405);
	assert_string_equal(ask.allow, "GET");
}

static void a_message_names_its_key_and_has_1_byte_to_16_kib(void **state)
{
	static const struct {
		const char *target;
		const char *headers;
		unsigned status;
	} cases[] = {
		{ "/recipient?key=" NONCE, "Content-Length: 1\r\n", 200 },
		{ "/recipient?key=" NONCE, "Content-Length: 16384\r\n", 200 },
		{ "/recipient?key=" NONCE, "Content-Length: 16385\r\n", 413 },
		{ "/recipient?key=" NONCE, "Content-Length: 9999999999\r\n", 413 },
		{ "/recipient?key=" NONCE, "Content-Length: 0\r\n", 400 },
		{ "/recipient?key=" NONCE, "", 400 },
		{ "/recipient?key=" NONCE, "Content-Length: 1\r\nUpgrade: x\r\n", 400 },
		{ "/recipient", "Content-Length: 1\r\n", 400 },
		{ "/recipient?key=00", "Content-Length: 1\r\n", 400 },
		{ "/recipient?key=" NONCE "00", "Content-Length: 1\r\n", 400 },
		{ "/recipient?key=" NONCE "&key=" NONCE, "Content-Length: 1\r\n", 400 },
		{ "/recipient?key=" NONCE "&nonce=00", "Content-Length: 1\r\n", 400 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		assert_int_equal(
			status_of(KP_DOOR_LOCAL, "POST", cases[i].target, cases[i].headers),
			cases[i].status);
	assert_int_equal(status_of(KP_DOOR_LOCAL, "POST", cases[1].target, cases[1].headers), 200);
	assert_int_equal(ask.want, KP_WANT_UNWRAP);
	assert_int_equal(ask.n_body, 16384);
	assert_int_equal(ask.key[31], 255);
}

static void a_secret_has_a_name_and_a_length_and_only_its_door(void **state)
{
	static const struct {
		const char *target;
		const char *headers;
		unsigned status;
	} cases[] = {
		{ "/secrets/A", "Content-Length: 0\r\n", 200 },
		{ "/secrets/_9", "Content-Length: 65536\r\n", 200 },
		{ "/secrets/A", "Content-Length: 65537\r\n", 413 },
		{ "/secrets/A", "", 400 },
		{ "/secrets/A", "Content-Length: 1\r\nUpgrade: x\r\n", 400 },
		{ "/secrets/A?", "Content-Length: 1\r\n", 400 },
		{ "/secrets/", "Content-Length: 1\r\n", 400 },
		{ "/secrets/9", "Content-Length: 1\r\n", 400 },
		{ "/secrets/A/B", "Content-Length: 1\r\n", 400 },
		{ "/secrets/%41", "Content-Length: 1\r\n", 400 },
		{ "/secrets", "Content-Length: 1\r\n", 404 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		assert_int_equal(
			status_of(KP_DOOR_SENDER, "PUT", cases[i].target, cases[i].headers),
			cases[i].status);
	assert_int_equal(status_of(KP_DOOR_SENDER, "PUT", cases[1].target, cases[1].headers), 200);
	assert_int_equal(ask.want, KP_WANT_SECRET);
	assert_int_equal(ask.n_body, 65536);
	assert_int_equal(ask.name.n, 2);
	for (unsigned door = KP_DOOR_SERVICE; door <= KP_DOOR_LOCAL; door++)
		assert_int_equal(
			status_of((enum kp_door)door, "PUT", "/secrets/A", "Content-Length: 0\r\n"),
			404);
	assert_int_equal(get(KP_DOOR_SENDER, "/secrets/A"), 405);
	assert_string_equal(ask.allow, "PUT");
	assert_int_equal(get(KP_DOOR_SENDER, "/attestation?nonce=" NONCE), 200);
	assert_int_equal(get(KP_DOOR_SENDER, "/attestation?nonce=00"), 400);
	assert_int_equal(get(KP_DOOR_SENDER, "/recipient"), 404);
}

static void values_of_their_limit_are_taken_and_one_byte_more_is_not(void **state)
{
	static const struct {
		const char *name;
		size_t most;
	} cases[] = { { "nonce", 512 }, { "user_data", 1024 }, { "public_key", 1024 } };
	static char target[64 + 2 * 1025];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		const int n = snprintf(target, sizeof(target), "/attestation?%s=", cases[i].name);

		memset(target + n, 'a', 2 * cases[i].most);
		target[(size_t)n + 2 * cases[i].most] = '\0';
		assert_int_equal(get(KP_DOOR_LOCAL, target), 200);
		memset(target + n, 'a', 2 * cases[i].most + 2);
		target[(size_t)n + 2 * cases[i].most + 2] = '\0';
		assert_int_equal(get(KP_DOOR_LOCAL, target), 400);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_endpoint_takes_one_nonce_of_32_bytes_and_nothing_else),
		cmocka_unit_test(each_door_has_its_own_paths),
		cmocka_unit_test(other_methods_bodies_and_upgrades_are_refused),
		cmocka_unit_test(the_application_gives_three_values_in_any_order_or_none),
		cmocka_unit_test(a_recipient_s_document_has_a_key_that_is_not_the_asker_s),
		cmocka_unit_test(a_message_names_its_key_and_has_1_byte_to_16_kib),
		cmocka_unit_test(a_secret_has_a_name_and_a_length_and_only_its_door),
		cmocka_unit_test(values_of_their_limit_are_taken_and_one_byte_more_is_not),
	};

	return cmocka_run_group_tests_name("kp_ask", tests, NULL, NULL);
}
