/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "tree/normalise.h"

#include <stdio.h>
#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void put(struct tree *t, const char *path)
{
	struct tree_inode in = { .type = TREE_REG, .mode = 0640, .uid = 7, .size = 1 };
	struct ss_err err = { 0 };

	expect_ok(tree_body_new(t, text("x"), &in.body, &err), &err);
	expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
}

static void put_type(struct tree *t, const char *path, enum tree_type type)
{
	const struct tree_inode in = { .type = type, .mode = 0755, .target = text("target") };
	struct ss_err err = { 0 };

	expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
}

static struct tree_normalised run(struct tree *t, const char *name)
{
	const int row = tree_normaliser_find(name);
	const struct tree_normalise_opts o = { .off = ~(1u << row) };
	struct tree_normalised n[TREE_NORMALISERS];
	struct ss_err err = { 0 };

	assert_true(row >= 0);
	expect_ok(tree_normalise(t, &o, n, &err), &err);
	return n[row];
}

enum fate { STAYS, GOES, EMPTIED };

static enum fate fate_of(const struct tree *t, const char *path)
{
	const tree_id id = tree_find(t, text(path));
	struct tree_inode in;

	if (id == TREE_NONE)
		return GOES;
	tree_stat(t, id, &in);
	return in.type == TREE_REG && in.size == 0 ? EMPTIED : STAYS;
}

/* Files, the row that treats each, and what becomes of it. NULL: none does. */
static const struct {
	const char *row;
	const char *path;
	enum fate fate;
} cases[] = {
	{ "logs", "var/log/nginx/access.log", EMPTIED },
	{ "logs", "var/log/syslog", EMPTIED },
	{ "logs", "var/log/app.log.1", GOES },
	{ "logs", "var/log/deep/er/app.log.12.gz", GOES },
	{ "logs", "var/log/x.old", GOES },
	{ "logs", "var/log/x.zst", GOES },
	{ "logs", "var/log/.1", EMPTIED },
	{ "logs", "var/log/journal/0123/system.journal", GOES },
	{ NULL, "var/logs/x", STAYS },
	{ NULL, "srv/var/log/x", STAYS },
	{ "apt-logs", "var/log/dpkg.log", GOES },
	{ "apt-logs", "var/log/apt/history.log", GOES },
	{ "login-records", "var/log/lastlog", EMPTIED },
	{ "login-records", "var/log/faillog", EMPTIED },
	{ "login-records", "var/log/tallylog", EMPTIED },
	{ "login-records", "var/log/wtmp", EMPTIED },
	{ "login-records", "var/log/btmp", EMPTIED },
	{ "package-archives", "var/cache/apt/archives/a_1_amd64.deb", GOES },
	{ "package-archives", "var/cache/apt/archives/partial/b", GOES },
	{ "package-archives", "var/cache/apk/a-1.apk", GOES },
	{ NULL, "var/cache/apt/archives/lock", STAYS },
	{ NULL, "srv/a.deb", STAYS },
	{ "package-lists", "var/lib/apt/lists/deb_InRelease", GOES },
	{ "package-lists", "var/lib/apt/lists/partial/x", GOES },
	{ "package-lists", "var/cache/apk/APKINDEX.1.tar.gz", GOES },
	{ "package-lists", "var/cache/dnf/a/b/c", GOES },
	{ "package-lists", "var/cache/yum/a", GOES },
	{ "package-lists", "var/cache/libdnf5/a", GOES },
	{ "package-lists", "var/cache/zypp/a/b", GOES },
	{ "dpkg-old", "var/lib/dpkg/status-old", GOES },
	{ "dpkg-old", "var/cache/debconf/templates.dat-old", GOES },
	{ NULL, "var/lib/dpkg/status", STAYS },
	{ NULL, "var/lib/dpkg/info/a-old", STAYS },
	{ "man-cache", "var/cache/man/index.db", GOES },
	{ "man-cache", "var/cache/man/de/index.db", GOES },
	{ NULL, "var/cache/man/de/other", STAYS },
	{ "font-cache", "var/cache/fontconfig/abc-le64.cache-7", GOES },
	{ "font-cache", "root/.cache/fontconfig/abc-le64.cache-8", GOES },
	{ NULL, "var/cache/fontconfig/CACHEDIR.TAG", STAYS },
	{ "kernel-list", "etc/apt/apt.conf.d/01autoremove-kernels", GOES },
	{ NULL, "etc/apt/apt.conf.d/01autoremove", STAYS },
	{ "stamp-files", "etc/.updated", GOES },
	{ "stamp-files", "var/.updated", GOES },
	{ "stamp-files", "var/lib/apt/periodic/update-stamp", GOES },
	{ "stamp-files", "var/lib/logrotate/status", GOES },
	{ "stamp-files", "var/lib/logrotate.status", GOES },
	{ "stamp-files", "var/lib/systemd/random-seed", GOES },
	{ "stamp-files", "var/lib/systemd/catalog/database", GOES },
	{ "stamp-files", "var/lib/systemd/timers/stamp-apt.timer", GOES },
	{ "tmp-leftovers", "tmp/hsperfdata_root/17", GOES },
	{ "tmp-leftovers", "tmp/node-compile-cache/a", GOES },
	{ "tmp-leftovers", "tmp/v8-compile-cache-0/a", GOES },
	{ "tmp", "tmp/app/run", GOES },
	{ "tmp", "var/tmp/a", GOES },
	{ "tool-caches", "root/.cache/pip/http/a", GOES },
	{ "tool-caches", "home/me/.cache/go-build/00/a", GOES },
	{ "tool-caches", "root/.cache/yarn/v6/a", GOES },
	{ "tool-caches", "root/.cache/node-gyp/20/a", GOES },
	{ "tool-caches", "root/.npm/_cacache/a", GOES },
	{ "tool-caches", "root/.npm/_logs/2024-debug-0.log", GOES },
	{ "tool-caches", "root/.npm/_update-notifier-last-checked", GOES },
	{ "tool-caches", "usr/local/share/.cache/yarn/a", GOES },
	{ NULL, "root/.npm/_npx/a", STAYS },
	{ NULL, "root/.cargo/registry/a", STAYS },
	{ NULL, "srv/.cache/pip/a", STAYS },
	{ "histories", "root/.bash_history", GOES },
	{ "histories", "home/me/.python_history", GOES },
	{ "histories", "home/you/.wget-hsts", GOES },
	{ NULL, "root/.bashrc", STAYS },
	{ "home-cache", "root/.cache/ms-playwright/chromium/chrome", GOES },
	{ "home-cache", "home/me/.cache/huggingface/model", GOES },
};

/* Rows that reach into what another row of this table has, and may. */
static bool is_wider(const char *wide, const char *row)
{
	if (strcmp(wide, "tmp") == 0)
		return strcmp(row, "tmp-leftovers") == 0;
	return strcmp(wide, "home-cache") == 0 &&
	       (strcmp(row, "tool-caches") == 0 || strcmp(row, "font-cache") == 0);
}

static void each_row_treats_its_own_files_and_no_others(void **state)
{
	(void)state;
	for (size_t r = 0; r < TREE_NORMALISERS; r++) {
		const char *row = tree_normalisers[r].name;
		struct tree *t = tree_new();
		uint32_t want = 0;

		for (size_t i = 0; i < SS_NELEMS(cases); i++)
			put(t, cases[i].path);
		(void)run(t, row);
		for (size_t i = 0; i < SS_NELEMS(cases); i++) {
			const bool mine = cases[i].row != NULL && strcmp(cases[i].row, row) == 0;

			want += mine;
			if (cases[i].row != NULL && is_wider(row, cases[i].row))
				continue;
			if (fate_of(t, cases[i].path) != (mine ? cases[i].fate : STAYS))
				fail_msg("%s: '%s' has another fate", row, cases[i].path);
		}
		/* A row runs once: what it leaves behind it does not treat again. */
		assert_int_equal(run(t, row).changed, 0);
		if (r >= 9 && r <= 22)
			assert_true(want > 0);
		tree_free(t);
	}
}

static void what_could_be_meant_is_only_treated_when_it_is_asked_for(void **state)
{
	static const char *const asked[] = { "package-lists", "tmp", "home-cache", "pip-urls" };
	uint32_t want = 0;

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(asked); i++)
		want |= 1u << tree_normaliser_find(asked[i]);
	assert_int_equal(tree_normalisers_off(), want);
}

static void links_are_not_followed_and_other_types_stay(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	put(t, "srv/log/x");
	put_type(t, "var/log", TREE_LNK);
	put_type(t, "root", TREE_LNK);
	put(t, "target/.bash_history");
	put_type(t, "etc/.updated", TREE_DIR);
	put_type(t, "var/.updated", TREE_LNK);
	put(t, "var/cache/man"); /* no directory */
	assert_int_equal(run(t, "logs").changed, 0);
	assert_int_equal(run(t, "histories").changed, 0);
	assert_int_equal(run(t, "stamp-files").changed, 0);
	assert_int_equal(run(t, "man-cache").changed, 0);
	put_type(t, "var/log", TREE_DIR);
	put_type(t, "var/log/access.log", TREE_LNK); /* to /dev/stdout, as nginx has it */
	put_type(t, "var/log/pipe", TREE_FIFO);
	assert_int_equal(run(t, "logs").changed, 0);
	assert_int_equal(fate_of(t, "var/log/access.log"), STAYS);
	tree_free(t);
}

static void a_log_with_another_name_keeps_its_contents(void **state)
{
	struct tree *t = tree_new();
	struct ss_err err = { 0 };
	struct tree_normalised n;

	(void)state;
	put(t, "srv/data");
	expect_ok(tree_link(t, text("var/log/data"), text("srv/data"), &err), &err);
	n = run(t, "logs");
	assert_int_equal(n.changed, 0);
	assert_int_equal(n.kept, 1);
	assert_int_equal(fate_of(t, "srv/data"), STAYS);
	tree_free(t);
}

static void mode_and_owner_of_an_emptied_log_stay(void **state)
{
	struct tree *t = tree_new();
	struct tree_inode in;

	(void)state;
	put(t, "var/log/x");
	assert_int_equal(run(t, "logs").changed, 1);
	tree_stat(t, tree_find(t, text("var/log/x")), &in);
	assert_true(in.size == 0 && in.mode == 0640 && in.uid == 7);
	tree_free(t);
}

static void many_files_in_deep_folders_are_found(void **state)
{
	struct tree *t = tree_new();
	char path[512];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(path, sizeof(path), "var/log/%d/%d/%d/x.log", i % 7, i % 31, i);
		put(t, path);
	}
	assert_int_equal(run(t, "logs").changed, 5000);
	tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_treats_its_own_files_and_no_others),
		cmocka_unit_test(what_could_be_meant_is_only_treated_when_it_is_asked_for),
		cmocka_unit_test(links_are_not_followed_and_other_types_stay),
		cmocka_unit_test(a_log_with_another_name_keeps_its_contents),
		cmocka_unit_test(mode_and_owner_of_an_emptied_log_stay),
		cmocka_unit_test(many_files_in_deep_folders_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
