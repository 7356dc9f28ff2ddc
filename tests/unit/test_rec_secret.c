/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/text.h"
#include "expect.h"
#include "record/rec_secret.h"

#include <string.h>

/* Whether an answer is kept from the store: `fields` as a head has them, each with its "\r\n". */
static bool seen(const char *fields, const char *url, const char *body, size_t step)
{
	AUTO_BUF struct ss_buf head = SS_BUF_INIT(REC_HEAD_MAX);
	struct rec_watch w = REC_WATCH_NONE;
	static struct rec_head h;
	struct ss_err err = { 0 };
	size_t n = 0;
	bool ret;

	ss_buf_put(&head, ss_text("GET / HTTP/1.1\r\n"));
	ss_buf_put(&head, ss_text(fields));
	ss_buf_put(&head, ss_text("\r\n"));
	assert_int_equal(rec_head_read(ss_buf_span(&head), &h, &n, &err), 1);
	rec_watch_begin(&h, url, &w);
	for (size_t i = 0, m = strlen(body); i < m; i += step)
		rec_watch_put(&w, (struct ss_span){ (const uint8_t *)body + i,
						    m - i < step ? m - i : step });
	ret = w.seen;
	rec_watch_done(&w);
	return ret;
}

static void each_kind_of_credential_is_seen(void **state)
{
	static const struct {
		const char *fields, *url, *body;
		bool want;
	} cases[] = {
		{ "Authorization: Bearer abcdefgh\r\n", "http://h/", "x abcdefgh", true },
		{ "Authorization: Bearer abcdefgh\r\n", "http://h/", "x abcdefg", false },
		{ "authorization: abcdefgh\r\n", "http://h/", "abcdefgh", true },
		/* user:pass-w0rd */
		{ "Authorization: Basic dXNlcjpwYXNzLXcwcmQ=\r\n", "http://h/", "my pass-w0rd.",
		  true },
		{ "Authorization: BASIC dXNlcjpwYXNzLXcwcmQ=\r\n", "http://h/", "user:pass-w0rd",
		  true },
		{ "Authorization: Basic dXNlcjpwYXNzLXcwcmQ=\r\n", "http://h/",
		  "dXNlcjpwYXNzLXcwcmQ=", true },
		{ "Authorization: Basic dXNlcjpwYXNzLXcwcmQ=\r\n", "http://h/", "the user", false },
		{ "Cookie: a=first-1; b=second-2\r\n", "http://h/", "second-2", true },
		{ "Cookie: a=first-1; b=second-2\r\n", "http://h/", "first-1", true },
		{ "Private-Token: token-123\r\n", "http://h/", "token-123", true },
		{ "X-Api-Key: token-123\r\n", "http://h/", "token-123", true },
		{ "X-Other: token-123\r\n", "http://h/", "token-123", false },
		{ "", "http://h/?token=a%2Fbcdef&x=1", "a/bcdef", true },
		{ "", "http://h/?token=a%2Fbcdef&x=1", "a%2Fbcdef", true },
		{ "", "http://h/?v=1;sig=signature-1", "signature-1", true },
		{ "", "http://h/?version=long-enough", "long-enough", false },
		{ "", "http://h/?token=short", "short", false }, /* in many a page by chance */
		{ "", "http://h/?token=%zzabcd%4", "%zzabcd%4", true },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		for (size_t step = 1; step < 20; step++)
			if (seen(cases[i].fields, cases[i].url, cases[i].body, step) !=
			    cases[i].want)
				fail_msg("case %zu in steps of %zu", i, step);
}

static void one_that_lies_across_any_cut_is_seen(void **state)
{
	char body[400];

	(void)state;
	for (size_t at = 0; at < 300; at += 7) {
		memset(body, 'a', sizeof(body) - 1);
		body[sizeof(body) - 1] = '\0';
		memcpy(body + at, "aaab-secret", 11);
		for (size_t step = 1; step < 100; step += 9)
			assert_true(seen("X-Api-Key: aaab-secret\r\n", "", body, step));
	}
}

static void more_of_them_than_there_is_room_for_are_no_overflow(void **state)
{
	AUTO_BUF struct ss_buf fields = SS_BUF_INIT(REC_HEAD_MAX);
	char one[64];

	(void)state;
	ss_buf_put(&fields, ss_text("Cookie: "));
	for (unsigned i = 0; i < 2 * REC_SECRETS_MAX; i++) {
		(void)snprintf(one, sizeof(one), "c%u=value-%u; ", i, i + 1000);
		ss_buf_put(&fields, ss_text(one));
	}
	ss_buf_put(&fields, (struct ss_span){ (const uint8_t *)"\r\n", 3 });
	assert_true(seen((const char *)fields.p, "", "value-1063", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_credential_is_seen),
		cmocka_unit_test(one_that_lies_across_any_cut_is_seen),
		cmocka_unit_test(more_of_them_than_there_is_room_for_are_no_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
