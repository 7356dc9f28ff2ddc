/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/normalise.h"

#include "base/text.h"
#include "tree/edit.h"
#include "tree/leftovers.h"
#include "tree/rows.h"
#include "tree/store.h"

#include <string.h>

static bool is_regular(const struct tree *t, tree_id id)
{
	return id != TREE_NONE && store_type(store_node_of(t, id)) == TREE_REG;
}

static uint32_t size_of(const struct tree *t, tree_id id)
{
	struct tree_inode in;

	tree_stat(t, id, &in);
	return in.size;
}

/* Removes those of the paths, up to NULL, that are regular files. */
static void remove_files(struct tree *t, const char *const *paths, struct tree_normalised *n)
{
	for (; *paths != NULL; paths++) {
		const tree_id id = tree_find(t, ss_text(*paths));

		if (is_regular(t, id)) {
			tree_remove(t, id);
			n->changed++;
		}
	}
}

static int engine_traces(struct tree *t, uint32_t epoch, struct tree_normalised *n,
			 struct ss_err *err)
{
	static const char *const marks[] = { ".dockerenv", "run/.containerenv", NULL };
	/* Engines mount their own over these while a step runs. Where the image has none, the
	 * mount point stays behind: an empty file. */
	static const char *const stubs[] = { "etc/hostname", "etc/resolv.conf" };
	const tree_id secrets = tree_find(t, ss_text("run/secrets"));

	(void)epoch;
	(void)err;
	remove_files(t, marks, n);
	for (size_t i = 0; i < SS_NELEMS(stubs); i++) {
		const tree_id id = tree_find(t, ss_text(stubs[i]));

		if (is_regular(t, id) && size_of(t, id) == 0) {
			tree_remove(t, id);
			n->changed++;
		}
	}
	/* buildah leaves it where a step had a secret. */
	if (secrets != TREE_NONE && store_type(store_node_of(t, secrets)) == TREE_DIR &&
	    store_node_of(t, secrets)->at == TREE_NONE) {
		tree_remove(t, secrets);
		n->changed++;
	}
	return 0;
}

/* Absent and a stub come to the same: a file with which "localhost" is known. */
static int hosts(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	static const char lines[] = "127.0.0.1 localhost\n::1 localhost\n";
	struct tree_inode in = { .type = TREE_REG, .mode = 0644, .size = sizeof(lines) - 1 };
	const tree_id dir = tree_find(t, ss_text("etc"));
	const tree_id id = tree_find(t, ss_text("etc/hosts"));

	(void)epoch;
	if (dir != TREE_NONE && store_type(store_node_of(t, dir)) != TREE_DIR)
		return 0;
	if (id != TREE_NONE && !(is_regular(t, id) && size_of(t, id) == 0))
		return 0;
	if (tree_body_new(t, ss_text(lines), &in.body, err) < 0)
		return -1;
	n->changed++;
	return tree_put(t, ss_text("etc/hosts"), &in, NULL, err);
}

static int apt_logs(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	static const char *const logs[] = { "var/log/dpkg.log",
					    "var/log/alternatives.log",
					    "var/log/bootstrap.log",
					    "var/log/apt/history.log",
					    "var/log/apt/term.log",
					    "var/log/apt/eipp.log.xz",
					    NULL };

	(void)epoch;
	(void)err;
	remove_files(t, logs, n);
	return 0;
}

static bool ends_with(struct ss_span s, const char *end)
{
	const size_t n = strlen(end);

	return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static int apt_cache(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	const tree_id dir = tree_find(t, ss_text("var/cache/apt"));
	tree_id next;

	(void)epoch;
	(void)err;
	if (dir == TREE_NONE || store_type(store_node_of(t, dir)) != TREE_DIR)
		return 0;
	for (tree_id id = store_node_of(t, dir)->at; id != TREE_NONE; id = next) {
		next = store_name(t, id)->next;
		if (is_regular(t, id) && ends_with(tree_name(t, id), ".bin")) {
			tree_remove(t, id);
			n->changed++;
		}
	}
	return 0;
}

static int ldconfig_cache(struct tree *t, uint32_t epoch, struct tree_normalised *n,
			  struct ss_err *err)
{
	static const char *const caches[] = { "var/cache/ldconfig/aux-cache", NULL };

	(void)epoch;
	(void)err;
	remove_files(t, caches, n);
	return 0;
}

static int machine_id(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	static const char *const ids[] = { "etc/machine-id", "var/lib/dbus/machine-id" };

	(void)epoch;
	(void)err;
	for (size_t i = 0; i < SS_NELEMS(ids); i++) {
		const tree_id id = tree_find(t, ss_text(ids[i]));

		if (is_regular(t, id) && size_of(t, id) > 0) {
			tree_set_body(t, id, (struct tree_body){ 0, 0 }, 0);
			n->changed++;
		}
	}
	return 0;
}

static int passwd_backups(struct tree *t, uint32_t epoch, struct tree_normalised *n,
			  struct ss_err *err)
{
	static const char *const backups[] = { "etc/passwd-", "etc/shadow-",
					       "etc/group-",  "etc/gshadow-",
					       "etc/subuid-", "etc/subgid-",
					       NULL };

	(void)epoch;
	(void)err;
	remove_files(t, backups, n);
	return 0;
}

static int logs(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	(void)epoch;
	(void)err;
	tree_empty_logs(t, n);
	return 0;
}

const struct tree_normaliser tree_normalisers[TREE_NORMALISERS + 1] = {
	{ "engine-traces",
	  "removes .dockerenv, run/.containerenv, empty etc/hostname and "
	  "etc/resolv.conf, and an empty run/secrets, which engines leave behind",
	  false },
	{ "hosts", "gives an etc/hosts that is missing or empty the two lines for localhost",
	  false },
	{ "apt-logs", "removes the logs of apt, dpkg and update-alternatives", false },
	{ "apt-cache", "removes var/cache/apt/*.bin, which apt makes again", false },
	{ "ldconfig-cache", "removes var/cache/ldconfig/aux-cache, which ldconfig makes again",
	  false },
	{ "machine-id", "empties etc/machine-id and var/lib/dbus/machine-id", false },
	{ "shadow-day", "sets the days of the last change in etc/shadow to that of the epoch",
	  false },
	{ "passwd-backups",
	  "removes the backup files of passwd, shadow, group, gshadow, subuid and "
	  "subgid",
	  false },
	{ "pyc-times",
	  "sets the times in .pyc files to the time that their sources get, and removes "
	  "stale ones",
	  false },
	{ "logs", "empties the files below var/log, and removes rotated ones and the journal",
	  false },
	{ "login-records", "empties lastlog, faillog, tallylog, wtmp and btmp in var/log", false },
	{ "package-archives", "removes packages that apt and apk keep after installing them",
	  false },
	{ "package-lists", "removes what apt, apk, dnf, yum and zypper know of their mirrors",
	  true },
	{ "dpkg-old", "removes the former state that dpkg and debconf keep in *-old files", false },
	{ "man-cache", "removes the indexes below var/cache/man, which mandb makes again", false },
	{ "font-cache", "removes caches of fontconfig, which programs make again", false },
	{ "kernel-list", "removes apt's list of kernels of the building machine", false },
	{ "stamp-files",
	  "removes files that say when something was done, and systemd's random seed and catalog",
	  false },
	{ "tmp-leftovers", "removes what Java and Node.js leave in tmp", false },
	{ "tmp", "removes everything in tmp and var/tmp", true },
	{ "tool-caches",
	  "removes the caches of pip, npm, yarn, node-gyp and the Go compiler in home folders",
	  false },
	{ "histories", "removes histories of shells and clients in home folders", false },
	{ "home-cache", "removes everything in .cache of home folders", true },
	{ "gzip-times", "sets the time in the header of .gz and .tgz files to none", false },
	{ "ar-times", "sets dates and owners of members in static libraries to 0", false },
	{ "zip-times", "sets the times of entries in .jar, .war, .ear and .zip files to the epoch",
	  false },
	{ "pip-records", "sorts the RECORD of Python packages", false },
	{ "pip-urls",
	  "removes direct_url.json of Python packages that came from a folder of the build", true },
	{ "git-index",
	  "sets the times and numbers of files that the index of a git repository keeps to 0",
	  false },
	{ NULL, NULL, false },
};

/* In the table's order (pip-records comes after pyc-times): a function, or a list of names. */
static const struct row {
	int (*fix)(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err);
	const struct tree_leftover *list;
	bool vouched; /* leaves vouched files alone */
} rows[TREE_NORMALISERS] = {
	{ engine_traces, NULL, false },      { hosts, NULL, false },
	{ apt_logs, NULL, false },           { apt_cache, NULL, false },
	{ ldconfig_cache, NULL, false },     { machine_id, NULL, false },
	{ tree_fix_shadow, NULL, false },    { passwd_backups, NULL, false },
	{ tree_fix_pyc, NULL, false },       { logs, NULL, false },
	{ NULL, tree_login_records, false }, { NULL, tree_package_archives, false },
	{ NULL, tree_package_lists, false }, { NULL, tree_dpkg_old, false },
	{ NULL, tree_man_cache, false },     { NULL, tree_font_cache, false },
	{ NULL, tree_kernel_list, false },   { NULL, tree_stamp_files, false },
	{ NULL, tree_tmp_leftovers, false }, { NULL, tree_tmp_files, false },
	{ NULL, tree_tool_caches, false },   { NULL, tree_histories, false },
	{ NULL, tree_home_cache, false },    { tree_fix_gzip, NULL, true },
	{ tree_fix_ar, NULL, true },         { tree_fix_zip, NULL, true },
	{ tree_fix_records, NULL, false },   { tree_fix_urls, NULL, false },
	{ tree_fix_git, NULL, false },
};

static int run_row(struct tree *t, const struct row *r, uint32_t epoch, struct tree_normalised *n,
		   struct ss_err *err)
{
	if (r->fix != NULL)
		return r->fix(t, epoch, n, err);
	tree_drop_leftovers(t, r->list, n);
	return 0;
}

int tree_normalise(struct tree *t, const struct tree_normalise_opts *o, struct tree_normalised *ret,
		   struct ss_err *err)
{
	bool marked = false;

	t->clock = o->clock;
	for (unsigned i = 0; i < TREE_NORMALISERS; i++) {
		ret[i] = (struct tree_normalised){ 0, 0 };
		if ((o->off >> i & 1) != 0)
			continue;
		if (rows[i].vouched && !marked && tree_mark_vouched(t, err) < 0)
			return -1;
		marked = marked || rows[i].vouched;
		if (run_row(t, &rows[i], o->epoch, &ret[i], err) < 0)
			return ss_ctx(err, "normaliser %s", tree_normalisers[i].name);
	}
	return 0;
}

uint32_t tree_normalisers_off(void)
{
	uint32_t off = 0;

	for (unsigned i = 0; i < TREE_NORMALISERS; i++)
		off |= (uint32_t)tree_normalisers[i].asked << i;
	return off;
}

int tree_normaliser_find(const char *name)
{
	for (int i = 0; i < (int)TREE_NORMALISERS; i++)
		if (strcmp(tree_normalisers[i].name, name) == 0)
			return i;
	return -1;
}
