/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "tree/siphash.h"
#include "tree/tree.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static tree_id put(struct tree *t, const char *path, enum tree_type type, uint16_t mode)
{
	struct tree_inode in = { .type = type, .mode = mode };
	struct ss_err err = { 0 };
	tree_id id = TREE_NONE;

	if (type == TREE_LNK)
		in.target = text("target");
	expect_ok(tree_put(t, text(path), &in, &id, &err), &err);
	return id;
}

/* "path:mode" of all names, in canonical order, with "=N" where there are N names. */
static const char *list(struct tree *t)
{
	static char out[4096];
	struct tree_walk w;
	size_t n = 0;

	out[0] = '\0';
	tree_sort(t);
	tree_walk_init(&w, t);
	for (tree_id id = tree_walk_next(&w); id != TREE_NONE; id = tree_walk_next(&w)) {
		struct tree_inode in;

		tree_stat(t, id, &in);
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s%s:%o", n > 0 ? " " : "",
				      (int)w.path_n, w.path, in.type == TREE_DIR ? "/" : "",
				      in.mode);
		if (in.nlink > 1)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "=%u", in.nlink);
	}
	return out;
}

static void a_walk_is_depth_first_with_siblings_in_byte_order(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	put(t, "b", TREE_REG, 1);
	put(t, "a-b", TREE_REG, 2);
	put(t, "a/c", TREE_REG, 3);
	put(t, "a/b/z", TREE_REG, 4);
	put(t, "\xff", TREE_REG, 5);
	put(t, "a.b", TREE_REG, 6);
	put(t, "ab", TREE_REG, 7);
	assert_string_equal(list(t), "a/:755 a/b/:755 a/b/z:4 a/c:3 a-b:2 a.b:6 ab:7 b:1 \xff:5");
	assert_int_equal(tree_count(t), 9);
	put(t, "a/a", TREE_REG, 8);
	assert_string_equal(list(t),
			    "a/:755 a/a:10 a/b/:755 a/b/z:4 a/c:3 a-b:2 a.b:6 ab:7 b:1 \xff:5");
	tree_free(t);
}

static void a_directory_over_a_directory_keeps_its_children_and_anything_else_replaces(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	put(t, "d/f", TREE_REG, 0644);
	put(t, "d", TREE_DIR, 0700);
	assert_string_equal(list(t), "d/:700 d/f:644");
	put(t, "d", TREE_REG, 0600);
	assert_string_equal(list(t), "d:600");
	put(t, "d", TREE_LNK, 0777);
	put(t, "d", TREE_DIR, 0711);
	assert_string_equal(list(t), "d/:711");
	put(t, "", TREE_DIR, 0555);
	assert_string_equal(list(t), "d/:711");
	tree_free(t);
}

static void whiteouts_hide_earlier_layers_only_wherever_they_stand_in_theirs(void **state)
{
	struct ss_err err = { 0 };

	(void)state;
	for (int last = 0; last < 2; last++) {
		struct tree *t = tree_new();

		tree_layer_begin(t);
		put(t, "d", TREE_DIR, 0700);
		put(t, "d/old", TREE_REG, 0644);
		put(t, "d/deep/old", TREE_REG, 0644);
		put(t, "f", TREE_REG, 0644);
		tree_layer_begin(t);
		if (!last)
			expect_ok(tree_whiteout(t, text("d"), &err), &err);
		put(t, "d/deep/new", TREE_REG, 0600);
		if (last)
			expect_ok(tree_whiteout(t, text("d"), &err), &err);
		expect_ok(tree_whiteout(t, text("d"), &err), &err);
		expect_ok(tree_whiteout(t, text("absent/name"), &err), &err);
		expect_ok(tree_whiteout(t, text("f/below"), &err), &err);
		assert_string_equal(list(t), "d/:755 d/deep/:755 d/deep/new:600 f:644");
		tree_layer_begin(t);
		expect_ok(tree_opaque(t, text("d/deep"), &err), &err);
		assert_string_equal(list(t), "d/:755 d/deep/:755 f:644");
		expect_ok(tree_opaque(t, text(""), &err), &err);
		assert_string_equal(list(t), "");
		tree_free(t);
	}
}

static void an_opaque_directory_keeps_its_own_entry_and_what_its_layer_puts(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	tree_layer_begin(t);
	put(t, "d/a", TREE_REG, 0644);
	put(t, "d/b/c", TREE_REG, 0644);
	tree_layer_begin(t);
	put(t, "d", TREE_DIR, 0700);
	put(t, "d/b", TREE_DIR, 0701);
	expect_ok(tree_opaque(t, text("d"), &err), &err);
	put(t, "d/n", TREE_REG, 0600);
	expect_ok(tree_opaque(t, text("d"), &err), &err);
	assert_string_equal(list(t), "d/:700 d/b/:701 d/n:600");
	expect_ok(tree_opaque(t, text("d/n"), &err), &err);
	expect_ok(tree_opaque(t, text("gone"), &err), &err);
	assert_string_equal(list(t), "d/:700 d/b/:701 d/n:600");
	tree_free(t);
}

static void hard_links_live_on_when_a_layer_replaces_one_of_their_names(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	tree_layer_begin(t);
	put(t, "a", TREE_REG, 0644);
	expect_ok(tree_link(t, text("d/b"), text("a"), &err), &err);
	expect_ok(tree_link(t, text("c"), text("d/b"), &err), &err);
	assert_string_equal(list(t), "a:644=3 c:644=3 d/:755 d/b:644=3");
	assert_int_equal(tree_inode_no(t, tree_find(t, text("a"))),
			 tree_inode_no(t, tree_find(t, text("d/b"))));
	tree_layer_begin(t);
	put(t, "a", TREE_REG, 0600);
	assert_string_equal(list(t), "a:600 c:644=2 d/:755 d/b:644=2");
	expect_ok(tree_whiteout(t, text("c"), &err), &err);
	assert_string_equal(list(t), "a:600 d/:755 d/b:644");
	expect_ok(tree_link(t, text("d"), text("d/b"), &err), &err);
	assert_string_equal(list(t), "a:600 d:644");
	expect_ok(tree_link(t, text("d"), text("d"), &err), &err);
	assert_string_equal(list(t), "a:600 d:644");
	tree_free(t);
}

static void a_hard_link_to_a_symbolic_link_is_one_of_its_own(void **state)
{
	struct tree *t = tree_new();
	struct tree_inode in;
	struct ss_err err = { 0 };

	(void)state;
	put(t, "l", TREE_LNK, 0777);
	expect_ok(tree_link(t, text("m"), text("l"), &err), &err);
	tree_stat(t, tree_find(t, text("m")), &in);
	assert_int_equal(in.nlink, 1);
	assert_memory_equal(in.target.p, "target", 6);
	tree_free(t);
}

static void expect_same(const struct tree_inode *a, const struct tree_inode *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->rdev_major, b->rdev_major);
	assert_int_equal(a->rdev_minor, b->rdev_minor);
	assert_true(a->mtime == b->mtime);
	assert_int_equal(a->body.source, b->body.source);
	assert_true(a->body.at == b->body.at);
	assert_int_equal(a->target.n, b->target.n);
}

static void what_an_entry_says_is_given_back(void **state)
{
	static const struct tree_inode ins[] = {
		{ .type = TREE_REG, .mode = 07777, .uid = UINT32_MAX, .gid = 1, .mtime = -1 },
		{ .type = TREE_REG, .size = UINT32_MAX, .body = { 0, (1ull << 48) - 1 } },
		{ .type = TREE_CHR, .rdev_major = UINT32_MAX, .rdev_minor = 7, .mtime = 1ll << 40 },
		{ .type = TREE_BLK, .mode = 0600, .rdev_minor = UINT32_MAX },
		{ .type = TREE_FIFO, .mode = 0600, .mtime = -(1ll << 40) },
		{ .type = TREE_DIR, .mode = 01777, .gid = 50 },
	};
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	uint32_t source;

	(void)state;
	expect_ok(tree_source_add(t, dup(0), &source, &err), &err);
	for (size_t i = 0; i < SS_NELEMS(ins); i++) {
		struct tree_inode out;
		tree_id id;

		expect_ok(tree_put(t, text("d/x"), &ins[i], &id, &err), &err);
		tree_stat(t, id, &out);
		assert_int_equal(out.nlink, 1);
		expect_same(&out, &ins[i]);
		tree_remove(t, id);
	}
	assert_int_equal(tree_count(t), 1);
	tree_free(t);
}

static void times_that_48_bits_cannot_hold_are_kept_as_the_nearest(void **state)
{
	static const struct {
		int64_t in;
		int64_t out;
	} cases[] = {
		{ INT64_MAX, (1ll << 47) - 1 },
		{ INT64_MIN, -(1ll << 47) + 1 },
		{ (1ll << 32) - 1, (1ll << 32) - 1 },
		{ -(1ll << 32), -(1ll << 32) },
	};
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct tree_inode in = { .type = TREE_REG, .mtime = cases[i].in };
		tree_id id;

		expect_ok(tree_put(t, text("f"), &in, &id, &err), &err);
		tree_stat(t, id, &in);
		assert_true(in.mtime == cases[i].out);
	}
	tree_free(t);
}

static void bad_entries_are_refused_by_name(void **state)
{
	static const struct {
		const char *path;
		enum tree_type type;
		const char *target;
		const char *msg;
	} cases[] = {
		{ "/a", TREE_REG, "", "'/a': an empty component in the path" },
		{ "a/", TREE_REG, "", "'a/': an empty component in the path" },
		{ "a//b", TREE_REG, "", "'a//b': an empty component in the path" },
		{ "a/./b", TREE_REG, "", "'a/./b': '.' or '..' in the path" },
		{ "..", TREE_DIR, "", "'..': '.' or '..' in the path" },
		{ "a/..", TREE_DIR, "", "'a/..': '.' or '..' in the path" },
		{ "", TREE_REG, "", "the root directory is not a directory" },
		{ "file/x", TREE_REG, "", "'file/x': its parent 'file' is not a directory" },
		{ "link/x/y", TREE_REG, "",
		  "'link/x/y': its parent 'link' is a link to 'target', which is not there" },
		{ "l", TREE_LNK, "", "'l': a symbolic link without a target" },
	};
	struct tree *t = tree_new();
	struct ss_err err = { 0 };

	(void)state;
	put(t, "file", TREE_REG, 0);
	put(t, "link", TREE_LNK, 0);
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		const struct tree_inode in = { .type = cases[i].type,
					       .target = text(cases[i].target) };

		expect_fails(tree_put(t, text(cases[i].path), &in, NULL, &err), &err, SS_EINPUT,
			     cases[i].msg);
	}
	expect_fails(tree_put(t, (struct ss_span){ (const uint8_t *)"a\0b", 3 },
			      &(struct tree_inode){ 0 }, NULL, &err),
		     &err, SS_EINPUT, "'a\\x00b': a NUL byte in the path");
	expect_fails(tree_put(t, text("l"),
			      &(struct tree_inode){ .type = TREE_LNK,
						    .target = { (const uint8_t *)"a\0b", 3 } },
			      NULL, &err),
		     &err, SS_EINPUT, "'l': a NUL byte in the link target");
	expect_fails(tree_link(t, text("n"), text("gone"), &err), &err, SS_EINPUT,
		     "'n': hard link to 'gone', which is not there");
	expect_fails(tree_link(t, text("n"), text(""), &err), &err, SS_EINPUT,
		     "'n': hard link to '', which is a directory");
	expect_fails(tree_link(t, text("n"), text("link/../file"), &err), &err, SS_EINPUT,
		     "'link/../file': '.' or '..' in the path");
	expect_fails(tree_link(t, text("link/n"), text("file"), &err), &err, SS_EINPUT,
		     "'link/n': its parent 'link' is a link to 'target', which is not there");
	expect_fails(tree_link(t, text(""), text("file"), &err), &err, SS_EINPUT,
		     "the root directory is not a directory");
	expect_fails(tree_whiteout(t, text(""), &err), &err, SS_EINPUT,
		     "a whiteout of the root directory");
	expect_fails(tree_whiteout(t, text("../x"), &err), &err, SS_EINPUT,
		     "whiteout: '../x': '.' or '..' in the path");
	expect_fails(tree_opaque(t, text("x/../.."), &err), &err, SS_EINPUT,
		     "opaque directory: 'x/../..': '.' or '..' in the path");
	assert_string_equal(list(t), "file:0 link:0");
	tree_free(t);
}

static void names_paths_and_targets_have_limits_and_reach_them(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	char path[TREE_MAX_PATH + 3];
	char target[TREE_MAX_LINK + 3];
	struct tree_inode in = { .type = TREE_LNK, .target = { (const uint8_t *)target, 4095 } };
	struct tree_walk w;
	size_t names = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 == 0 ? 'x' : '/';
	memset(target, 't', sizeof(target));
	expect_ok(tree_put(t, (struct ss_span){ (uint8_t *)path, 4095 }, &in, NULL, &err), &err);
	assert_int_equal(tree_count(t), 2048);
	tree_sort(t);
	tree_walk_init(&w, t);
	while (tree_walk_next(&w) != TREE_NONE)
		assert_int_equal(w.path_n, 2 * names++ + 1);
	assert_int_equal(names, 2048);
	in.target.n = 4096;
	expect_fails(tree_put(t, text("l"), &in, NULL, &err), &err, SS_ELIMIT,
		     "'l': a link target of 4096 bytes; the limit is 4095");
	in.target.n = 1;
	assert_int_equal(tree_put(t, (struct ss_span){ (uint8_t *)path, 4097 }, &in, NULL, &err),
			 -1);
	assert_int_equal(err.code, SS_ELIMIT);
	assert_non_null(strstr(err.msg, "': a path of 4097 bytes; the limit is 4095"));
	memset(path, 'n', sizeof(path));
	expect_ok(tree_put(t, (struct ss_span){ (uint8_t *)path, 255 }, &in, NULL, &err), &err);
	assert_int_equal(tree_put(t, (struct ss_span){ (uint8_t *)path, 256 }, &in, NULL, &err),
			 -1);
	assert_non_null(strstr(err.msg, "': a name of 256 bytes; the limit is 255"));
	expect_ok(tree_whiteout(t, text("x"), &err), &err);
	tree_remove(t, tree_find(t, text("x")));
	assert_int_equal(tree_count(t), 1);
	tree_free(t);
}

static void sources_have_a_limit_and_are_closed_with_the_tree(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	uint32_t source;
	int fd;

	(void)state;
	for (uint32_t i = 0; i < 900; i++) {
		fd = dup(0);
		assert_true(fd >= 0);
		expect_ok(tree_source_add(t, fd, &source, &err), &err);
		assert_int_equal(source, i);
	}
	tree_free(t);
	assert_int_equal(dup2(fd, fd), -1);
}

static void bodies_are_read_where_they_lie_and_a_short_source_is_named(void **state)
{
	struct tree *t = tree_new();
	struct tree_inode in = { .type = TREE_REG, .size = 5 };
	struct ss_err err = { 0 };
	uint8_t p[8] = { 0 };
	tree_id id;

	(void)state;
	expect_ok(tree_body_new(t, text("xxxxx"), &in.body, &err), &err);
	expect_ok(tree_body_new(t, text("hello"), &in.body, &err), &err);
	expect_ok(tree_put(t, text("d/f"), &in, &id, &err), &err);
	expect_ok(tree_read(t, id, 1, p, 3, &err), &err);
	assert_string_equal((char *)p, "ell");
	in.size = 6;
	expect_ok(tree_put(t, text("d/g"), &in, &id, &err), &err);
	expect_fails(tree_read(t, id, 0, p, 6, &err), &err, SS_EINPUT,
		     "'d/g': its contents end early");
	tree_free(t);
}

static void a_patch_shows_in_every_part_of_a_marked_body_and_in_no_other(void **state)
{
	struct tree *t = tree_new();
	struct tree_inode in = { .type = TREE_REG, .size = 16 };
	struct ss_err err = { 0 };
	tree_id marked;
	tree_id other;

	(void)state;
	expect_ok(tree_body_new(t, text("0123456789abcdef"), &in.body, &err), &err);
	expect_ok(tree_put(t, text("f"), &in, &marked, &err), &err);
	expect_ok(tree_put(t, text("g"), &in, &other, &err), &err);
	tree_patch_set(t, 8, (const uint8_t *)"WXYZ");
	tree_patch_mark(t, marked);
	for (size_t at = 0; at <= 16; at++) {
		for (size_t n = 0; n <= 16 - at; n++) {
			uint8_t p[16];

			expect_ok(tree_read(t, marked, at, p, n, &err), &err);
			assert_memory_equal(p, &"01234567WXYZcdef"[at], n);
			expect_ok(tree_read(t, other, at, p, n, &err), &err);
			assert_memory_equal(p, &"0123456789abcdef"[at], n);
		}
	}
	tree_free(t);
}

static void attributes_that_the_table_names_are_kept_and_the_rest_is_counted(void **state)
{
	struct tree *t = tree_new();
	struct tree_xattr x;
	struct ss_err err = { 0 };
	tree_id id;

	(void)state;
	id = put(t, "f", TREE_REG, 0644);
	expect_ok(tree_xattr_set(t, id, text("user.note"), text("x"), &err), &err);
	expect_ok(tree_xattr_set(t, id, text("security.selinux"), text("x"), &err), &err);
	expect_ok(tree_xattr_set(t, id, text("system.posix_acl_access"), text("A"), &err), &err);
	expect_ok(tree_xattr_set(t, id, text("security.capability"), text("old"), &err), &err);
	expect_ok(tree_xattr_set(t, id, text("security.capability"), text("C"), &err), &err);
	assert_int_equal(tree_xattrs_dropped(t), 2);
	expect_ok(tree_link(t, text("g"), text("f"), &err), &err);
	id = tree_find(t, text("g"));
	assert_true(tree_xattr(t, id, 0, &x));
	assert_memory_equal(x.name.p, "security.capability", x.name.n);
	assert_int_equal(x.value.n, 1);
	assert_int_equal(x.value.p[0], 'C');
	assert_true(tree_xattr(t, id, 1, &x));
	assert_memory_equal(x.name.p, "system.posix_acl_access", x.name.n);
	assert_false(tree_xattr(t, id, 2, &x));
	put(t, "f", TREE_REG, 0600);
	assert_false(tree_xattr(t, tree_find(t, text("f")), 0, &x));
	assert_true(tree_xattr(t, id, 0, &x));
	tree_remove(t, id);
	id = put(t, "h", TREE_REG, 0600); /* takes the freed inode */
	assert_false(tree_xattr(t, id, 0, &x));
	tree_free(t);
}

static void attributes_have_limits(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	uint8_t value[TREE_MAX_XATTR + 1] = { 0 };
	struct tree_xattr x;
	char path[32];

	(void)state;
	for (unsigned i = 0; i < TREE_MAX_XATTRS; i++) {
		(void)snprintf(path, sizeof(path), "f%u", i);
		expect_ok(tree_xattr_set(t, put(t, path, TREE_REG, 0), text("security.capability"),
					 text("c"), &err),
			  &err);
	}
	expect_fails(tree_xattr_set(t, TREE_ROOT, text("security.capability"), text("c"), &err),
		     &err, SS_ELIMIT, "more than 4096 extended attributes");
	expect_fails(tree_xattr_set(t, TREE_ROOT, text("security.capability"),
				    (struct ss_span){ value, sizeof(value) }, &err),
		     &err, SS_ELIMIT, "security.capability of 4097 bytes; the limit is 4096");
	for (unsigned i = 0; i < TREE_MAX_XATTRS; i++) { /* what is removed counts no more */
		(void)snprintf(path, sizeof(path), "f%u", i);
		tree_remove(t, tree_find(t, text(path)));
		expect_ok(tree_xattr_set(t, put(t, path, TREE_REG, 0),
					 text("system.posix_acl_access"), text("a"), &err),
			  &err);
		assert_true(tree_xattr(t, tree_find(t, text(path)), 0, &x));
		assert_memory_equal(x.name.p, "system.posix_acl_access", x.name.n);
		assert_false(tree_xattr(t, tree_find(t, text(path)), 1, &x));
	}
	tree_free(t);
}

/* The reference values are those of CPython's hash of bytes (SipHash-1-3) with a key of zeros. */
static void siphash_gives_the_values_of_another_implementation(void **state)
{
	static const struct tree_key zero = { 0, 0 };
	static const struct {
		uint64_t number;
		const char *s;
		uint64_t hash;
	} cases[] = {
		{ 0u, "", 0xbd60acb658c79e45u },
		{ 0u, "a", 0x0c9972277e54d711u },
		{ 1u, "bin", 0x8000c1c03379be08u },
		{ 77u, "libssl3", 0xf9ee646d28b5e15eu },
		{ 4294967294u, "12345678", 0x6266baafc2a5faf8u },
		{ 5u, "python3.11-minimal.postinst", 0xdb13156a50050380u },
		{ 5u, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  0x20bf005edfe1919du },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		assert_true(tree_siphash(&zero, cases[i].number, text(cases[i].s)) ==
			    cases[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_is_depth_first_with_siblings_in_byte_order),
		cmocka_unit_test(
			a_directory_over_a_directory_keeps_its_children_and_anything_else_replaces),
		cmocka_unit_test(whiteouts_hide_earlier_layers_only_wherever_they_stand_in_theirs),
		cmocka_unit_test(an_opaque_directory_keeps_its_own_entry_and_what_its_layer_puts),
		cmocka_unit_test(hard_links_live_on_when_a_layer_replaces_one_of_their_names),
		cmocka_unit_test(a_hard_link_to_a_symbolic_link_is_one_of_its_own),
		cmocka_unit_test(what_an_entry_says_is_given_back),
		cmocka_unit_test(times_that_48_bits_cannot_hold_are_kept_as_the_nearest),
		cmocka_unit_test(bad_entries_are_refused_by_name),
		cmocka_unit_test(names_paths_and_targets_have_limits_and_reach_them),
		cmocka_unit_test(sources_have_a_limit_and_are_closed_with_the_tree),
		cmocka_unit_test(bodies_are_read_where_they_lie_and_a_short_source_is_named),
		cmocka_unit_test(a_patch_shows_in_every_part_of_a_marked_body_and_in_no_other),
		cmocka_unit_test(attributes_that_the_table_names_are_kept_and_the_rest_is_counted),
		cmocka_unit_test(attributes_have_limits),
		cmocka_unit_test(siphash_gives_the_values_of_another_implementation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
