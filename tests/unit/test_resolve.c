/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/resolve.h"

#include <string.h>
#include <sys/socket.h>

struct fixture {
	struct loop *l;
	struct resolver *r;
	unsigned done;
	size_t n_addrs; /* of the last answer, and its first */
	union resolve_addr addr;
};

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	struct ss_err err = { 0 };

	expect_ok(loop_new(&f->l, &err), &err);
	expect_ok(resolver_new(f->l, &f->r, &err), &err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	resolver_free(f->r);
	loop_free(f->l);
	free(f);
	return 0;
}

static void on_answer(void *ctx, const struct resolve_answer *a)
{
	struct fixture *f = ctx;

	f->done++;
	f->n_addrs = a->n;
	f->addr = a->addrs[0];
}

static void until_done(struct fixture *f, unsigned n)
{
	struct ss_err err = { 0 };

	while (f->done < n)
		expect_ok(loop_turn(f->l, 10000, &err), &err);
}

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void resolve_gives_addresses_with_the_port(void **state)
{
	struct fixture *f = *state;

	assert_non_null(resolver_ask(f->r, span("127.0.0.1"), 443, on_answer, f));
	until_done(f, 1);
	assert_int_equal(f->n_addrs, 1);
	assert_memory_equal(&f->addr.v4.sin_addr, "\x7f\0\0\1", 4);
	assert_int_equal(ntohs(f->addr.v4.sin_port), 443);
	assert_int_equal(resolve_addr_size(&f->addr), sizeof(struct sockaddr_in));
	assert_non_null(resolver_ask(f->r, span("::1"), 53, on_answer, f));
	until_done(f, 2);
	assert_int_equal(f->addr.sa.sa_family, AF_INET6);
	assert_int_equal(ntohs(f->addr.v6.sin6_port), 53);
	assert_int_equal(resolve_addr_size(&f->addr), sizeof(struct sockaddr_in6));
	assert_non_null(resolver_ask(f->r, span("a..b"), 1, on_answer, f));
	until_done(f, 3);
	assert_int_equal(f->n_addrs, 0);
}

static void resolve_takes_so_many_questions_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct resolve_job *first = resolver_ask(f->r, span("127.0.0.1"), 1, on_answer, f);

	/* Answers are taken by the loop only, which does not turn. */
	for (unsigned i = 1; i < RESOLVE_MAX_JOBS; i++)
		assert_non_null(resolver_ask(f->r, span("127.0.0.1"), 1, on_answer, f));
	assert_null(resolver_ask(f->r, span("127.0.0.1"), 1, on_answer, f));
	resolver_cancel(first);
	until_done(f, RESOLVE_MAX_JOBS - 1);
	assert_non_null(resolver_ask(f->r, span("127.0.0.1"), 1, on_answer, f));
	until_done(f, RESOLVE_MAX_JOBS);
	resolver_cancel(NULL);
}

static void resolve_one_that_is_freed_is_not_heard_of(void **state)
{
	struct fixture *f = *state;
	struct ss_err err = { 0 };

	for (unsigned i = 0; i < 20; i++)
		assert_non_null(resolver_ask(f->r, span("127.0.0.1"), 1, on_answer, f));
	resolver_free(TAKE_PTR(f->r));
	expect_ok(loop_turn(f->l, 0, &err), &err);
	assert_int_equal(f->done, 0);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(resolve_gives_addresses_with_the_port),
		ROW(resolve_takes_so_many_questions_and_no_more),
		ROW(resolve_one_that_is_freed_is_not_heard_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
