/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "fmt/binding.h"

#include <string.h>

static uint8_t digest[BINDING_SHA256];

static struct ss_span whole_of(enum binding domain, struct ss_buf *b)
{
	for (size_t i = 0; i < sizeof(digest); i++)
		digest[i] = (uint8_t)(200 + i);
	binding_write(domain, digest, b);
	assert_false(b->bad);
	return ss_buf_span(b);
}

static void the_bytes_are_those_of_the_format(void **state)
{
	AUTO_BUF struct ss_buf endpoint = SS_BUF_INIT(BINDING_MAX);
	AUTO_BUF struct ss_buf app = SS_BUF_INIT(BINDING_MAX);

	(void)state;
	(void)whole_of(BINDING_ENDPOINT, &endpoint);
	assert_int_equal(endpoint.n, 52);
	assert_memory_equal(endpoint.p, "selfsame/1 endpoint\0\xc8\xc9", 22);
	(void)whole_of(BINDING_APP, &app);
	assert_int_equal(app.n, 47);
	assert_memory_equal(app.p, "selfsame/1 app\0\xc8\xc9", 17);
	assert_memory_equal(app.p + 15, digest, sizeof(digest));
}

static void what_was_written_is_read_as_its_own_domain(void **state)
{
	(void)state;
	for (unsigned i = BINDING_ENDPOINT; i <= BINDING_APP; i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(BINDING_MAX);
		const struct ss_span whole = whole_of((enum binding)i, &b);
		struct ss_span got = { NULL, 0 };
		enum binding domain = BINDING_ENDPOINT;

		assert_true(binding_read(whole, &domain, &got));
		assert_int_equal(domain, i);
		assert_int_equal(got.n, sizeof(digest));
		assert_memory_equal(got.p, digest, sizeof(digest));
	}
}

static void what_is_cut_or_longer_or_of_another_domain_is_neither(void **state)
{
	(void)state;
	for (unsigned i = BINDING_ENDPOINT; i <= BINDING_APP; i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(BINDING_MAX + 1);
		const size_t n = whole_of((enum binding)i, &b).n;
		struct ss_span got = { NULL, 0 };
		enum binding domain = BINDING_ENDPOINT;

		for (size_t cut = 0; cut < n; cut++) {
			AUTO_FREE uint8_t *copy = ss_calloc(cut + 1, 1);

			memcpy(copy, b.p, cut);
			assert_false(binding_read((struct ss_span){ copy, cut }, &domain, &got));
		}
		for (size_t at = 0; at < n - BINDING_SHA256; at++) {
			b.p[at] ^= 1;
			assert_false(binding_read(ss_buf_span(&b), &domain, &got));
			b.p[at] ^= 1;
		}
		ss_buf_put(&b, (struct ss_span){ digest, 1 });
		assert_false(binding_read(ss_buf_span(&b), &domain, &got));
		assert_null(got.p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_those_of_the_format),
		cmocka_unit_test(what_was_written_is_read_as_its_own_domain),
		cmocka_unit_test(what_is_cut_or_longer_or_of_another_domain_is_neither),
	};

	return cmocka_run_group_tests_name("binding", tests, NULL, NULL);
}
