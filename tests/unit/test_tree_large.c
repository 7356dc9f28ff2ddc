/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "tree_model.h"

#include <time.h>

static struct ss_span text(const char *s)
{
	return model_span(s);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Names as a large Debian image with Python and Node has them: 22 bytes on average. */
static void a_million_names_fit_their_budget(void **state)
{
	static const char *const roots[] = { "usr/lib/python3/dist-packages", "usr/share/doc",
					     "srv/app/node_modules/@scope", "usr/include/x86_64" };
	static const char *const ends[] = { "py", "cpython-311.pyc", "d.ts", "js.map", "h", "gz" };
	const unsigned n = 1000000;
	struct tree *t = tree_new();
	const size_t empty = tree_memory(t);
	struct ss_err err = { 0 };

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct tree_inode in = { .type = i % 50 == 0 ? TREE_LNK : TREE_REG,
					 .mode = 0644,
					 .target = text("../lib/libsomething.so.1.2.3") };
		char path[200];

		(void)snprintf(path, sizeof(path), "%s/package_%u/module_component_%u.%s",
			       roots[i / 7 % 4], i / 40, i * 2654435761u % 99991u, ends[i % 6]);
		expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
	}
	tree_sort(t);
	print_message("# %u names, %zu bytes a name\n", tree_count(t),
		      (tree_memory(t) - empty) / tree_count(t));
	assert_true(tree_count(t) > n * 9 / 10);
	assert_true((tree_memory(t) - empty) / tree_count(t) <= 100);
	tree_free(t);
}

static void the_budget_holds_at_every_size(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		const struct tree_inode in = { .type = TREE_REG, .mode = 0644 };
		char path[64];

		(void)snprintf(path, sizeof(path), "d%u/module_component_%06u", i / 100, i);
		expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
		/* One of each kind of block is not full yet. */
		if (tree_memory(t) > (640u << 10) + (size_t)112 * tree_count(t))
			fail_msg("%zu bytes for %u names", tree_memory(t), tree_count(t));
	}
	tree_free(t);
}

static void one_directory_may_hold_a_hundred_thousand_names(void **state)
{
	const unsigned n = 100000;
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	struct tree_walk w;
	char path[32];

	(void)state;
	for (unsigned i = 0; i < n; i++) { /* prime to n: each number once */
		(void)snprintf(path, sizeof(path), "d/%05u", (unsigned)((uint64_t)i * 77777 % n));
		expect_ok(tree_put(t, text(path), &(struct tree_inode){ .type = TREE_REG }, NULL,
				   &err),
			  &err);
	}
	tree_sort(t);
	tree_walk_init(&w, t);
	assert_int_equal(tree_walk_next(&w), tree_find(t, text("d")));
	for (unsigned i = 0; i < n; i++) {
		assert_true(tree_walk_next(&w) != TREE_NONE);
		(void)snprintf(path, sizeof(path), "d/%05u", i);
		assert_memory_equal(w.path, path, 7);
	}
	assert_int_equal(tree_walk_next(&w), TREE_NONE);
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "d/%05u", i);
		tree_remove(t, tree_find(t, text(path)));
	}
	assert_int_equal(tree_count(t), 1);
	tree_free(t);
}

static void names_that_come_and_go_leave_no_memory_behind(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	struct tree_inode in = { .type = TREE_LNK };
	char target[4001];
	size_t early = 0;

	(void)state;
	memset(target, 't', 4000);
	target[4000] = '\0';
	in.target = text(target);
	for (unsigned layer = 0; layer < 60; layer++) {
		tree_layer_begin(t);
		expect_ok(tree_whiteout(t, text("d"), &err), &err);
		for (unsigned i = 0; i < 1000; i++) {
			char path[300];

			(void)snprintf(path, sizeof(path), "d/%0250u", i + layer * 7);
			expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
		}
		if (layer == 10)
			early = tree_memory(t);
	}
	assert_int_equal(tree_count(t), 1001);
	assert_true(tree_memory(t) <= early);
	tree_free(t);
}

static double seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Each of these would take hours if a whiteout cost as much as the directory it names. */
static void repeated_whiteouts_cost_no_more_than_the_entries(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	const double begin = seconds();
	char path[64];

	(void)state;
	tree_layer_begin(t);
	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(path, sizeof(path), "d/e%u/%u", i % 100, i);
		expect_ok(tree_put(t, text(path), &(struct tree_inode){ .type = TREE_REG }, NULL,
				   &err),
			  &err);
		expect_ok(tree_whiteout(t, text("d"), &err), &err);
		expect_ok(tree_opaque(t, text(""), &err), &err);
	}
	assert_int_equal(tree_count(t), 100101);
	tree_layer_begin(t);
	expect_ok(tree_whiteout(t, text("d"), &err), &err);
	assert_int_equal(tree_count(t), 0);
	assert_true(seconds() - begin < 20);
	tree_free(t);
}

static void random_operations_give_what_a_naive_list_of_paths_gives(void **state)
{
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (unsigned run = 0; run < 3000; run++) {
		uint8_t bytes[3000];
		const size_t n = 30 + random_next(&seed) % (run % 50 == 0 ? 2900 : 300);

		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)(random_next(&seed) >> 24);
		model_play((struct ss_span){ bytes, n });
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_names_fit_their_budget),
		cmocka_unit_test(the_budget_holds_at_every_size),
		cmocka_unit_test(one_directory_may_hold_a_hundred_thousand_names),
		cmocka_unit_test(names_that_come_and_go_leave_no_memory_behind),
		cmocka_unit_test(repeated_whiteouts_cost_no_more_than_the_entries),
		cmocka_unit_test(random_operations_give_what_a_naive_list_of_paths_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
