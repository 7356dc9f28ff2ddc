/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "hermetic/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void secrets_are_known_by_name_or_content(void **state)
{
	static const struct {
		const char *path, *content, *kind;
	} cases[] = {
		{ "/k", "-----BEGIN PRIVATE KEY-----\nMC4C", "a private key" },
		{ "/k", "x\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "a private key" },
		{ "/etc/ssl/both.pem",
		  "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"
		  "-----BEGIN EC PRIVATE KEY-----\n",
		  "a private key" },
		{ "/etc/ssh/ssh_host_ed25519_key", "-----BEGIN OPENSSH PRIVATE KEY-----",
		  "a host key" },
		{ "/k.json", "\"-----BEGIN PRIVATE KEY-----\\nMC4C\"", "a private key" },
		{ "/k", "-----BEGIN PRIVATE KEY-----\r\nMC4C", "a private key" },
		{ "/k.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ", "a private key" },
		{ "/k.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "a private key" },
		{ "/root/.gnupg/private-keys-v1.d/AB.key", "(", "a keyring" },
		{ "/var/lib/rabbitmq/.erlang.cookie", "ABC", "a token" },
		{ "/etc/dropbear/dropbear_rsa_host_key", "x", "a host key" },
		{ "/app.p12", "0", "a key store" },
		{ "/etc/bind/K.private", "Private-key-format: v1.3\n", "a DNSSEC key" },
		{ "/k.ppk", "PuTTY-User-Key-File-3: ", "a private key" },
		{ "/k", "AGE-SECRET-KEY-1QQ", "a private key" },
		/* and what is none */
		{ "/c.pem", "-----BEGIN CERTIFICATE-----\nA\n", NULL },
		{ "/c.pem", "-----BEGIN PUBLIC KEY-----\n", NULL },
		{ "/etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAA", NULL },
		{ "/how-to", "-----BEGIN\n PRIVATE KEY-----", NULL },
		/* As programs have it that read keys. */
		{ "/ssh.py", "S = b\"-----BEGIN OPENSSH PRIVATE KEY-----\"\n", NULL },
		{ "/key.js", "s = '-----BEGIN PRIVATE KEY-----\\n' + body", NULL },
		{ "/key.go", "`-----BEGIN PRIVATE KEY-----\n`", NULL },
		{ "/how-to", "-----BEGIN \nPRIVATE KEY-----", NULL },
		{ "/app.p12", "", NULL },
		{ "/x", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		const char *kind = hm_key_kind(cases[i].path, text(cases[i].content), true);

		if (cases[i].kind == NULL)
			assert_null(kind);
		else
			assert_string_equal(kind, cases[i].kind);
	}
}

static void a_piece_is_judged_by_what_may_stand_anywhere(void **state)
{
	(void)state;
	assert_null(hm_key_kind("/app.p12", text("0"), false));
	assert_null(hm_key_kind("/k", text("AGE-SECRET-KEY-1QQ"), false));
	assert_string_equal(hm_key_kind("/k", text("-----BEGIN PRIVATE KEY-----"), false),
			    "a private key");
}

/* The mark, cut anywhere between two pieces that overlap as they shall. */
static void nothing_is_missed_between_two_pieces(void **state)
{
	static const char mark[] = "-----BEGIN RSA PRIVATE KEY-----\nMC4C";
	static const char filler[] =
		"................................................................"
		"................................................................";

	(void)state;
	for (size_t cut = 0; cut <= sizeof(mark) - 1; cut++) {
		char whole[512];
		const size_t at = 150 + cut;

		(void)snprintf(whole, sizeof(whole), "%s%.22s%s%s", filler, filler, mark, filler);
		assert_true(
			hm_key_kind("/k", (struct ss_span){ (const uint8_t *)whole, at }, true) !=
				NULL ||
			hm_key_kind("/k",
				    (struct ss_span){ (const uint8_t *)whole + at - HM_KEY_OVERLAP,
						      strlen(whole) - at + HM_KEY_OVERLAP },
				    false) != NULL);
	}
}

/* Version 2: two trusted certificates, then a key; cut at each byte it is none before the tag. */
static void a_java_key_store_is_one_with_a_key_only(void **state)
{
	static const uint8_t
		store[] = {
			0xfe, 0xed, 0xfe, 0xed, 0, 0,   0,   2, 0, 0, 0, 3, /* three entries */
			0,    0,    0,    2,    0, 1,   'a', 0, 0, 0, 0, 0,
			0,    0,    0,    0,    1, 'X', 0,   0, 0, 2, 9, 9, /* one */
			0,    0,    0,    2,    0, 0,   0,   0, 0, 0, 0, 0,
			0,    0,    0,    0,    0, 0,   0,   0, /* two */
			0,    0,    0,    1,                    /* a key */
		};

	(void)state;
	for (size_t n = 0; n <= sizeof(store); n++) {
		uint8_t *exact = malloc(n + 1);
		const char *kind;

		assert_non_null(exact);
		memcpy(exact, store, n);
		kind = hm_key_kind("/etc/cacerts", (struct ss_span){ exact, n }, true);
		if (n == sizeof(store))
			assert_string_equal(kind, "a key store");
		else
			assert_null(kind);
		free(exact);
	}
}

static void only_a_new_password_is_one(void **state)
{
	static const struct {
		const char *before, *after;
		bool is_new;
	} cases[] = {
		{ "", "root:*:1:\n", false },
		{ "", "root:!:1:\nu:!$6$x:1:\n", false },
		{ "", "root:$6$a$b:1:\n", true },
		{ "root:$6$a$b:1:0\n", "root:$6$a$b:2:0\nu:*:\n", false },
		{ "root:$6$a$b:1:0\n", "root:$6$a$c:1:0\n", true },
		{ "root:$6$a$b:1:0\n", "other:$6$a$b:1:0\n", true },
		{ "root:$6$a$b", "root:$6$a$b", false },
		{ "", "root:$", false },
		{ "", ":\n::\n\nroot", false },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		assert_int_equal(hm_key_new_password(text(cases[i].before), text(cases[i].after)),
				 cases[i].is_new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_known_by_name_or_content),
		cmocka_unit_test(a_piece_is_judged_by_what_may_stand_anywhere),
		cmocka_unit_test(nothing_is_missed_between_two_pieces),
		cmocka_unit_test(a_java_key_store_is_one_with_a_key_only),
		cmocka_unit_test(only_a_new_password_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
