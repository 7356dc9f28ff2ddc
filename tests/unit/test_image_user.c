/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "image/image.h"

#include <stdio.h>
#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void put(struct tree *t, const char *path, const char *body)
{
	struct tree_inode in = { .type = TREE_REG, .mode = 0644 };
	struct ss_err err = { 0 };

	in.size = (uint32_t)strlen(body);
	expect_ok(tree_body_new(t, text(body), &in.body, &err), &err);
	expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
}

static struct tree *accounts(void)
{
	struct tree *t = tree_new();

	put(t, "etc/passwd",
	    "# comment:x:7:7::/:\n\nbroken\nnobody:x:many:7::/:\nroot:x:0:0:root:/root:/bin/sh\n"
	    "web:x:1000:1001::/srv:/bin/sh\nweb:x:2000:2000::/:\n1000:x:3:4::/:\nlast:x:5:6");
	put(t, "etc/group",
	    "root:x:0:\nbin:x:1:root,web\nweb:x:1001:\nlog:x:40:web,web\nadm:x:4:other,web\n"
	    "dup:x:40:web\nbad:x:x:web\nalso:x:5:website\nempty:x:9\nend:x:8:last");
	return t;
}

/* "uid:gid groups", or the error. */
static const char *resolve(const struct tree *t, const char *who)
{
	static char out[SS_ERR_MSG_MAX];
	struct image_user u;
	struct ss_err err = { 0 };
	size_t n;

	if (image_user_resolve(t, who, &u, &err) < 0)
		return strcpy(out, err.msg);
	n = (size_t)snprintf(out, sizeof(out), "%u:%u", u.uid, u.gid);
	for (size_t i = 0; i < u.n_groups; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, " %u", u.groups[i]);
	return out;
}

static void users_are_resolved_as_engines_do(void **state)
{
	static const struct {
		const char *who;
		const char *is;
	} cases[] = {
		{ NULL, "0:0 1" },
		{ "", "0:0 1" },
		{ "root", "0:0 1" },
		{ "0", "0:0 1" },
		{ "web", "1000:1001 1 4 40" },
		{ "1000", "1000:1001 1 4 40" }, /* a number is never a name */
		{ "web:log", "1000:40" },
		{ "web:77", "1000:77" },
		{ "4711", "4711:0" },
		{ "4711:4712", "4711:4712" },
		{ ":adm", "0:4" },
		{ "last", "5:6 8" },
		{ "1073741823:1073741823", "1073741823:1073741823" },
		{ "website", "user 'website': no user 'website' in the image's /etc/passwd" },
		{ "nobody", "user 'nobody': no user 'nobody' in the image's /etc/passwd" },
		{ "-1", "user '-1': no user '-1' in the image's /etc/passwd" },
		{ "web:none", "user 'web:none': no group 'none' in the image's /etc/group" },
		{ "web:bad", "user 'web:bad': no group 'bad' in the image's /etc/group" },
		{ "web:", "user 'web:': no group after the ':'" },
		{ "1073741824", "user '1073741824': user 1073741824; an enclave has ids up to "
				"1073741823" },
		{ "99999999999", "user '99999999999': user 99999999999; an enclave has ids up to "
				 "1073741823" },
		{ "1:4294967296", "user '1:4294967296': group 4294967296; an enclave has ids up to "
				  "1073741823" },
		{ "1:1073741824", "user '1:1073741824': group 1073741824; an enclave has ids up to "
				  "1073741823" },
	};
	struct tree *t = accounts();

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++)
		assert_string_equal(resolve(t, cases[i].who), cases[i].is);
	tree_free(t);
}

static void an_image_without_accounts_knows_numbers_only(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	assert_string_equal(resolve(t, NULL), "0:0");
	assert_string_equal(resolve(t, "12:13"), "12:13");
	assert_string_equal(resolve(t, "root"),
			    "user 'root': no user 'root' in the image's /etc/passwd");
	tree_free(t);
}

static void accounts_are_found_through_links_and_must_be_files(void **state)
{
	struct tree *t = tree_new();
	const struct tree_inode link = { .type = TREE_LNK, .target = text("../lib/./passwd") };
	const struct tree_inode dir = { .type = TREE_DIR };
	struct ss_err err = { 0 };

	(void)state;
	put(t, "lib/passwd", "web:x:7:8::/:\n");
	expect_ok(tree_put(t, text("etc/passwd"), &link, NULL, &err), &err);
	assert_string_equal(resolve(t, "web"), "7:8");
	expect_ok(tree_put(t, text("etc/group"), &dir, NULL, &err), &err);
	assert_string_equal(resolve(t, "web"), "user 'web': 'etc/group' is not a regular file");
	tree_free(t);
}

static void groups_and_files_have_limits(void **state)
{
	struct tree *t = tree_new();
	struct tree_inode in = { .type = TREE_REG, .size = IMAGE_MAX_ACCOUNTS + 1 };
	char group[4096] = "";
	size_t n = 0;
	struct ss_err err = { 0 };

	(void)state;
	put(t, "etc/passwd", "web:x:7:8::/:\n");
	for (unsigned i = 0; i <= MC_MAX_GROUPS; i++)
		n += (size_t)snprintf(group + n, sizeof(group) - n, "g%u:x:%u:web\n", i, 1000 - i);
	put(t, "etc/group", group);
	assert_string_equal(resolve(t, "web"), "user 'web': 'web' is in more than 64 groups");
	group[strlen(group) - strlen("g64:x:936:web\n")] = '\0';
	put(t, "etc/group", group);
	assert_memory_equal(resolve(t, "web"), "7:8 937 938 ", 12);
	put(t, "etc/group", "g:x:1073741824:web\n");
	assert_string_equal(resolve(t, "web"), "user 'web': supplementary group 1073741824; an "
					       "enclave has ids up to 1073741823");
	expect_ok(tree_put(t, text("etc/passwd"), &in, NULL, &err), &err);
	assert_string_equal(resolve(t, "web"),
			    "user 'web': 'etc/passwd': 4194305 bytes; the limit is 4194304");
	tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_resolved_as_engines_do),
		cmocka_unit_test(an_image_without_accounts_knows_numbers_only),
		cmocka_unit_test(accounts_are_found_through_links_and_must_be_files),
		cmocka_unit_test(groups_and_files_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
