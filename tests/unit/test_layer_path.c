/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "tree/tree.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static int put(struct tree *t, const char *path, enum tree_type type, const char *target,
	       struct ss_err *err)
{
	const struct tree_inode in = { .type = type, .mode = 0700, .target = text(target) };

	return tree_put(t, text(path), &in, NULL, err);
}

/* One entry: "f PATH", "d PATH", "l PATH TARGET", "h PATH TARGET" (hard), "- PATH" (whiteout),
 * "o PATH" (opaque). */
static int play_one(struct tree *t, const char *entry, struct ss_err *err)
{
	char path[64] = "";
	char target[64] = "";
	char kind = 0;
	const int n = sscanf(entry, "%c %63s %63s", &kind, path, target);

	assert_true(n >= 1);
	switch (kind) {
	case 'f':
		return put(t, path, TREE_REG, "", err);
	case 'd':
		return put(t, path, TREE_DIR, "", err);
	case 'l':
		return put(t, path, TREE_LNK, target, err);
	case 'h':
		return tree_link(t, text(path), text(target), err);
	case '-':
		return tree_whiteout(t, text(path), err);
	case 'o':
		return tree_opaque(t, text(path), err);
	default:
		fail_msg("'%s'", entry);
		return -1;
	}
}

/* All entries of a text, with ";" between, up to the first that is refused; "|" begins a layer. */
static int play(struct tree *t, const char *entries, struct ss_err *err)
{
	int rc = 0;

	tree_layer_begin(t);
	while (*entries != '\0' && rc == 0) {
		const size_t n = strcspn(entries, ";|");
		char entry[192];

		assert_true(n < sizeof(entry));
		memcpy(entry, entries, n);
		entry[n] = '\0';
		rc = play_one(t, entry, err);
		if (entries[n] == '|')
			tree_layer_begin(t);
		entries += n + (entries[n] != '\0' ? 1 : 0);
		entries += strspn(entries, " ");
	}
	return rc;
}

/* Names in order: "d/" a directory (with "!" if no layer brought it), "l>target", "f=2" of two. */
static const char *list(struct tree *t)
{
	static char out[1024];
	struct tree_walk w;
	size_t n = 0;

	out[0] = '\0';
	tree_sort(t);
	tree_walk_init(&w, t);
	for (tree_id id = tree_walk_next(&w); id != TREE_NONE; id = tree_walk_next(&w)) {
		struct tree_inode in;

		tree_stat(t, id, &in);
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s", n > 0 ? " " : "",
				      (int)w.path_n, w.path);
		if (in.type == TREE_DIR)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "/%s",
					      in.mode == 0755 ? "!" : "");
		if (in.type == TREE_LNK)
			n += (size_t)snprintf(out + n, sizeof(out) - n, ">%.*s", (int)in.target.n,
					      (const char *)in.target.p);
		if (in.nlink > 1)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "=%u", in.nlink);
	}
	return out;
}

struct example {
	const char *entries;
	const char *gives;
};

static void check(const struct example *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tree *t = tree_new();
		struct ss_err err = { 0 };

		if (play(t, v[i].entries, &err) < 0)
			fail_msg("'%s': %s", v[i].entries, err.msg);
		if (strcmp(list(t), v[i].gives) != 0)
			fail_msg("'%s' gives\n%s, not\n%s", v[i].entries, list(t), v[i].gives);
		tree_free(t);
	}
}

static void parents_that_are_links_lead_inside_the_root(void **state)
{
	static const struct example cases[] = {
		{ "d u; l b u; f b/t", "b>u u/ u/t" },
		{ "d u/v; l b /u/v; f b/t", "b>/u/v u/! u/v/ u/v/t" },
		{ "d u; d s; l s/b ../u; f s/b/t", "s/ s/b>../u u/ u/t" },
		{ "d u/v; l u/b v/../v/./; f u/b/t", "u/! u/b>v/../v/./ u/v/ u/v/t" },
		{ "d u; l b /; f b/b/t", "b>/ t u/" },
		{ "d u; l b u | f b/t | f b/v; l w b; f w/x", "b>u u/ u/t u/v u/x w>b" },
		{ "d u; l a b; l b c; l c u; f a/t; d b/e; f c/e/g",
		  "a>b b>c c>u u/ u/e/ u/e/g u/t" },
		{ "d u/v; l b u; l u/c v; f b/c/t", "b>u u/! u/c>v u/v/ u/v/t" },
	};

	(void)state;
	check(cases, SS_NELEMS(cases));
}

static void directories_are_made_behind_a_link_but_none_for_it(void **state)
{
	static const struct example cases[] = {
		{ "d u; l b u; f b/x/y/t", "b>u u/ u/x/! u/x/y/! u/x/y/t" },
		{ "d u; l b u; f a/b; l a/c ../b; f a/c/x/t",
		  "a/! a/b a/c>../b b>u u/ u/x/! u/x/t" },
	};
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	check(cases, SS_NELEMS(cases));
	expect_fails(play(t, "l b u/v; d u; f b/t", &err), &err, SS_EINPUT,
		     "'b/t': its parent 'b' is a link to 'u/v', which is not there");
	assert_string_equal(list(t), "b>u/v u/");
	tree_free(t);
}

static void the_last_component_is_never_followed(void **state)
{
	static const struct example cases[] = {
		{ "d u; l b u; f b", "b u/" },
		{ "f u/x; l b u | d b; f b/t", "b/ b/t u/! u/x" },
		{ "f u/x; l b u; f b/t | d b", "b/ u/! u/t u/x" },
		{ "f u/x; l b u; l u/s x | - b/s", "b>u u/! u/x" },
		{ "f u/x; l b u | - b", "u/! u/x" },
		{ "f u/x; l b u; h c b", "b>u c>u u/! u/x" },
	};

	(void)state;
	check(cases, SS_NELEMS(cases));
}

/* The way to an entry is walked as the tree is when its turn comes. */
static void a_layer_may_replace_the_link_before_or_after(void **state)
{
	static const struct example cases[] = {
		{ "f u/x; l b u | d b; f b/t", "b/ b/t u/! u/x" },
		{ "f u/x; l b u | f b/t; d b; f b/v", "b/ b/v u/! u/t u/x" },
		{ "f u/x; l b u | f b/t; - b; f b/v", "b/! b/v u/! u/t u/x" },
		{ "f u/x; l b u | - b; f b/t", "b/! b/t u/! u/x" },
		{ "f u/x; d v; l b u | f b/t; l b v; f b/w", "b>v u/! u/t u/x v/ v/w" },
		{ "f u/x; d v; l b u | f b/t; h c u/x; l b v; f b/w",
		  "b>v c=2 u/! u/t u/x=2 v/ v/w" },
		{ "f u/x; l b u; l c b | f c/t; d b; f c/w", "b/ b/w c>b u/! u/t u/x" },
		{ "f b/t; l b u; d u; f b/w", "b>u u/ u/w" },
	};

	(void)state;
	check(cases, SS_NELEMS(cases));
}

static void marks_through_links_hide_what_lower_layers_have(void **state)
{
	static const struct example cases[] = {
		{ "f u/x; f u/y; l b u | - b/x", "b>u u/! u/y" },
		{ "f u/x; f u/y; l b u | f b/x; - b/x; - b/y", "b>u u/! u/x" },
		{ "f u/x; f u/y; l b u | f u/x; - b/x; - b/y", "b>u u/! u/x" },
		{ "f u/d/x; l b u | f b/d/n; - b/d", "b>u u/! u/d/! u/d/n" },
		{ "f u/x; f u/y; l b u | o b; f b/t", "b>u u/! u/t" },
		{ "f u/x; f u/d/y; l b u | f b/t; d b/d; o b", "b>u u/! u/d/ u/t" },
		{ "f u/d/x; f u/y; l b u | o b/d", "b>u u/! u/d/! u/y" },
		/* A folder of this layer's own has nothing of lower ones in it. */
		{ "f u/x; l b u | d b; - b/x; o b", "b/ u/! u/x" },
		/* A mark that stands before it still goes through the link. */
		{ "f u/x; l b u | - b/x; d b", "b/ u/!" },
		{ "f u/x; l b u | o b; d b", "b/ u/!" },
		/* What is not there, or in no folder, needs no hiding. */
		{ "f x; l b u; l f x | - b/x; - f/x; o b; o f; o f/x; - x/y", "b>u f>x x" },
	};

	(void)state;
	check(cases, SS_NELEMS(cases));
}

static void hard_links_reach_through_links(void **state)
{
	static const struct example cases[] = {
		{ "f u/x; l b u | h h b/x", "b>u h=2 u/! u/x=2" },
		{ "f u/x; l b u | h b/h u/x", "b>u u/! u/h=2 u/x=2" },
		{ "f u/x; l b /u; l u/c . | h b/h u/c/x", "b>/u u/! u/c>. u/h=2 u/x=2" },
		/* Both names are the same. */
		{ "f u/x; l b u | h b/x u/x; - u/x", "b>u u/! u/x" },
		{ "l u/s x; l b u | h b/s u/s; - u/s", "b>u u/! u/s>x" },
	};

	(void)state;
	check(cases, SS_NELEMS(cases));
}

static void links_that_lead_nowhere_good_are_refused_by_name(void **state)
{
	static const char tree[] = "f d/f; l d/up ../../d; l top ..; l gone x/y; l file d/f; l "
				   "deep d/f/x; l self self;"
				   " l a b; l b a; l far /d/../../d; l two top;";
	static const struct {
		const char *entry;
		const char *msg;
	} cases[] = {
		{ "f d/up/t",
		  "'d/up/t': its parent 'd/up' is a link to '../../d', which leaves the root" },
		{ "d top/t", "'top/t': its parent 'top' is a link to '..', which leaves the root" },
		{ "f two/x/t",
		  "'two/x/t': its parent 'two' is a link to 'top', which leaves the root" },
		{ "f far/t",
		  "'far/t': its parent 'far' is a link to '/d/../../d', which leaves the root" },
		{ "- top/t",
		  "whiteout: 'top/t': its parent 'top' is a link to '..', which leaves the root" },
		{ "o top",
		  "opaque directory: its parent 'top' is a link to '..', which leaves the root" },
		{ "h h top/d/f", "'h': hard link to 'top/d/f': its parent 'top' is a link to '..', "
				 "which leaves the root" },
		{ "h top/h d/f",
		  "'top/h': its parent 'top' is a link to '..', which leaves the root" },
		{ "f gone/t",
		  "'gone/t': its parent 'gone' is a link to 'x/y', which is not there" },
		{ "h h gone/t", "'h': hard link to 'gone/t', which is not there" },
		{ "f file/t",
		  "'file/t': its parent 'file' is a link to 'd/f', which is not a directory" },
		{ "f deep/t",
		  "'deep/t': its parent 'deep' is a link to 'd/f/x', which is not a directory" },
		{ "h h file/t", "'h': hard link to 'file/t', which is not there" },
		{ "f self/t", "'self/t': its parent 'self' is a link to 'self', which leads "
			      "through more than 40 links" },
		{ "f d/../t", "'d/../t': '.' or '..' in the path" },
		{ "l d/l /", NULL },
		{ "f d/l/a/t", "'d/l/a/t': its parent 'd/l/a' is a link to 'b', which leads "
			       "through more than 40 links" },
		{ "- a/t", "whiteout: 'a/t': its parent 'a' is a link to 'b', which leads through "
			   "more than 40 links" },
		{ "f d/l/d/f/t", "'d/l/d/f/t': its parent 'd/l/d/f' is not a directory" },
	};
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	char before[1024];

	(void)state;
	expect_ok(play(t, tree, &err), &err);
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		if (cases[i].msg == NULL) {
			expect_ok(play(t, cases[i].entry, &err), &err);
			continue;
		}
		(void)snprintf(before, sizeof(before), "%s", list(t));
		expect_fails(play(t, cases[i].entry, &err), &err, SS_EINPUT, cases[i].msg);
		assert_string_equal(list(t), before);
	}
	tree_free(t);
}

static void links_of_lower_layers_can_be_refused(void **state)
{
	static const char *const refused[] = { "f b/t", "d c/d",   "- b/x",
					       "o b",   "h h b/x", "h b/h u/x" };
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	tree_refuse_links(t);
	expect_ok(play(t, "f u/x; l b u; f b/y; l c b; f c/z", &err), &err);
	for (size_t i = 0; i < SS_NELEMS(refused); i++) {
		assert_int_equal(play(t, refused[i], &err), -1);
		assert_non_null(strstr(err.msg, "', which not all engines follow"));
	}
	expect_fails(play(t, "l n b; f n/t", &err), &err, SS_EINPUT,
		     "'n/t': its parent 'n' is a link to 'b', which not all engines follow");
	expect_ok(play(t, "l b u; f b/t; f c", &err), &err); /* its own, and the last component */
	assert_string_equal(list(t), "b>u c n>b u/! u/t u/x u/y u/z");
	tree_free(t);
}

static void forty_links_are_followed_and_no_more(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	char path[16];
	char target[16] = "d";

	(void)state;
	expect_ok(play(t, "d d", &err), &err);
	for (unsigned i = 1; i <= 41; i++) {
		(void)snprintf(path, sizeof(path), "l%u", i);
		expect_ok(put(t, path, TREE_LNK, target, &err), &err);
		(void)snprintf(target, sizeof(target), "%s", path);
	}
	expect_ok(play(t, "f l40/t; f l20/x", &err), &err);
	assert_true(tree_find(t, text("d/t")) != TREE_NONE);
	expect_fails(
		play(t, "f l41/u", &err), &err, SS_EINPUT,
		"'l41/u': its parent 'l41' is a link to 'l40', which leads through more than 40 "
		"links");
	/* They are counted over the whole path. */
	expect_ok(play(t, "l d/again /l20; f l19/again/v", &err), &err);
	expect_fails(
		play(t, "f l20/again/w", &err), &err, SS_EINPUT,
		"'l20/again/w': its parent 'l20/again' is a link to '/l20', which leads through "
		"more than 40 links");
	tree_free(t);
}

/* The tree's users have room for TREE_MAX_PATH bytes; links could lead to more. */
static void paths_behind_links_have_the_limit_of_all_paths(void **state)
{
	static const struct {
		int letter;
		int n; /* bytes behind 3999 and a "/" */
		const char *more;
		const char *msg; /* NULL: fine */
	} cases[] = {
		{ 'a', 95, "", NULL },
		{ 'b', 96, "", "': a path of 4096 bytes behind symbolic links; the limit is 4095" },
		{ 'c', 96, "/x",
		  "': a path of 4096 bytes behind symbolic links; the limit is 4095" },
		{ 'd', 95, "/x",
		  "': a path of 4097 bytes behind symbolic links; the limit is 4095" },
		{ 'e', 93, "/x", NULL },
	};
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	char deep[4000];
	char name[256];
	char path[512];
	struct tree_walk w;
	size_t most = 0;

	(void)state;
	for (size_t i = 0; i < 4000; i++)
		deep[i] = i % 2 == 0 ? 'x' : '/';
	deep[3999] = '\0';
	expect_ok(put(t, deep, TREE_DIR, "", &err), &err);
	deep[1999] = '\0'; /* in two links: what is left to walk has a limit too */
	expect_ok(put(t, "h", TREE_LNK, deep, &err), &err);
	expect_ok(put(t, "h/q", TREE_LNK, deep + 2000, &err), &err);
	expect_ok(put(t, "l", TREE_LNK, "h/q", &err), &err);
	expect_ok(put(t, "f", TREE_REG, "", &err), &err);
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		memset(name, cases[i].letter, sizeof(name));
		(void)snprintf(path, sizeof(path), "l/%.*s%s", cases[i].n, name, cases[i].more);
		for (unsigned hard = 0; hard < 2; hard++) {
			const int rc = hard ? tree_link(t, text(path), text("f"), &err)
					    : put(t, path, TREE_REG, "", &err);

			assert_int_equal(rc, cases[i].msg == NULL ? 0 : -1);
			if (rc == 0)
				continue;
			assert_int_equal(err.code, SS_ELIMIT);
			assert_non_null(strstr(err.msg, cases[i].msg));
		}
	}
	tree_sort(t);
	tree_walk_init(&w, t);
	while (tree_walk_next(&w) != TREE_NONE)
		most = w.path_n > most ? w.path_n : most;
	assert_int_equal(most, TREE_MAX_PATH);
	tree_free(t);
}

static void a_link_that_grows_past_a_path_is_refused(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	char target[TREE_MAX_LINK + 1];

	(void)state;
	for (size_t i = 0; i < 4095; i++)
		target[i] = i % 2 == 0 ? '.' : '/';
	target[4095] = '\0';
	expect_ok(put(t, "l", TREE_LNK, target, &err), &err);
	expect_ok(put(t, "l/t", TREE_REG, "", &err), &err);
	assert_int_equal(put(t, "l/d/t", TREE_REG, "", &err), -1);
	assert_non_null(strstr(err.msg, "', which makes its path too long"));
	assert_memory_equal(err.msg, "'l/d/t': its parent 'l' is a link to './././", 44);
	tree_free(t);
}

/* Forty links of two thousand names each, for every entry: hours, if nobody counted. */
static void walks_through_links_are_bounded_in_all(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	char target[4001];
	char path[32];
	unsigned done = 0;
	int rc = 0;

	(void)state;
	for (size_t i = 0; i < 1990; i++)
		memcpy(target + 2 * i, "./", 2);
	expect_ok(play(t, "d d", &err), &err);
	for (unsigned i = 1; i <= 40; i++) {
		(void)snprintf(target + 3980, 16, i == 1 ? "d" : "l%u", i - 1);
		(void)snprintf(path, sizeof(path), "l%u", i);
		expect_ok(put(t, path, TREE_LNK, target, &err), &err);
	}
	while (rc == 0 && done < 10000) {
		(void)snprintf(path, sizeof(path), done % 2 == 0 ? "l40/%u" : "l39/%u", done);
		rc = put(t, path, TREE_REG, "", &err);
		done += rc == 0;
	}
	/* 2^26 / (39.5 * 1991 + 1) */
	assert_in_range(done, 850, 856);
	(void)snprintf(target, sizeof(target),
		       "'%s': links lead through more than 67108864 names in all", path);
	expect_fails(rc, &err, SS_ELIMIT, target);
	/* What needs no link goes on. */
	expect_ok(play(t, "f d/t; - d/t; h h d/t", &err), &err);
	tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parents_that_are_links_lead_inside_the_root),
		cmocka_unit_test(directories_are_made_behind_a_link_but_none_for_it),
		cmocka_unit_test(the_last_component_is_never_followed),
		cmocka_unit_test(a_layer_may_replace_the_link_before_or_after),
		cmocka_unit_test(marks_through_links_hide_what_lower_layers_have),
		cmocka_unit_test(hard_links_reach_through_links),
		cmocka_unit_test(links_that_lead_nowhere_good_are_refused_by_name),
		cmocka_unit_test(links_of_lower_layers_can_be_refused),
		cmocka_unit_test(forty_links_are_followed_and_no_more),
		cmocka_unit_test(paths_behind_links_have_the_limit_of_all_paths),
		cmocka_unit_test(a_link_that_grows_past_a_path_is_refused),
		cmocka_unit_test(walks_through_links_are_bounded_in_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
