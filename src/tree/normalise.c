/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/normalise.h"

#include "base/text.h"
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
static void remove_files(struct tree *t, const char *const *paths, uint32_t *changed)
{
	for (; *paths != NULL; paths++) {
		const tree_id id = tree_find(t, ss_text(*paths));

		if (is_regular(t, id)) {
			tree_remove(t, id);
			(*changed)++;
		}
	}
}

static int engine_traces(struct tree *t, uint32_t epoch, uint32_t *changed, struct ss_err *err)
{
	static const char *const marks[] = { ".dockerenv", "run/.containerenv", NULL };
	/* Engines mount their own over these while a step runs. Where the image has none, the
	 * mount point stays behind: an empty file. */
	static const char *const stubs[] = { "etc/hostname", "etc/resolv.conf" };
	const tree_id secrets = tree_find(t, ss_text("run/secrets"));

	(void)epoch;
	(void)err;
	remove_files(t, marks, changed);
	for (size_t i = 0; i < SS_NELEMS(stubs); i++) {
		const tree_id id = tree_find(t, ss_text(stubs[i]));

		if (is_regular(t, id) && size_of(t, id) == 0) {
			tree_remove(t, id);
			(*changed)++;
		}
	}
	/* buildah leaves it where a step had a secret. */
	if (secrets != TREE_NONE && store_type(store_node_of(t, secrets)) == TREE_DIR &&
	    store_node_of(t, secrets)->at == TREE_NONE) {
		tree_remove(t, secrets);
		(*changed)++;
	}
	return 0;
}

/* Absent and a stub come to the same: a file with which "localhost" is known. */
static int hosts(struct tree *t, uint32_t epoch, uint32_t *changed, struct ss_err *err)
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
	(*changed)++;
	return tree_put(t, ss_text("etc/hosts"), &in, NULL, err);
}

static int apt_logs(struct tree *t, uint32_t epoch, uint32_t *changed, struct ss_err *err)
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
	remove_files(t, logs, changed);
	return 0;
}

static bool ends_with(struct ss_span s, const char *end)
{
	const size_t n = strlen(end);

	return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static int apt_cache(struct tree *t, uint32_t epoch, uint32_t *changed, struct ss_err *err)
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
			(*changed)++;
		}
	}
	return 0;
}

static int ldconfig_cache(struct tree *t, uint32_t epoch, uint32_t *changed, struct ss_err *err)
{
	static const char *const caches[] = { "var/cache/ldconfig/aux-cache", NULL };

	(void)epoch;
	(void)err;
	remove_files(t, caches, changed);
	return 0;
}

static int machine_id(struct tree *t, uint32_t epoch, uint32_t *changed, struct ss_err *err)
{
	static const char *const ids[] = { "etc/machine-id", "var/lib/dbus/machine-id" };

	(void)epoch;
	(void)err;
	for (size_t i = 0; i < SS_NELEMS(ids); i++) {
		const tree_id id = tree_find(t, ss_text(ids[i]));

		if (is_regular(t, id) && size_of(t, id) > 0) {
			tree_set_body(t, id, (struct tree_body){ 0, 0 }, 0);
			(*changed)++;
		}
	}
	return 0;
}

static int passwd_backups(struct tree *t, uint32_t epoch, uint32_t *changed, struct ss_err *err)
{
	static const char *const backups[] = { "etc/passwd-", "etc/shadow-",
					       "etc/group-",  "etc/gshadow-",
					       "etc/subuid-", "etc/subgid-",
					       NULL };

	(void)epoch;
	(void)err;
	remove_files(t, backups, changed);
	return 0;
}

const struct tree_normaliser tree_normalisers[TREE_NORMALISERS + 1] = {
	{ "engine-traces",
	  "removes .dockerenv, run/.containerenv, empty etc/hostname and "
	  "etc/resolv.conf, and an empty run/secrets, which engines leave behind" },
	{ "hosts", "gives an etc/hosts that is missing or empty the two lines for localhost" },
	{ "apt-logs", "removes the logs of apt, dpkg and update-alternatives" },
	{ "apt-cache", "removes var/cache/apt/*.bin, which apt makes again" },
	{ "ldconfig-cache", "removes var/cache/ldconfig/aux-cache, which ldconfig makes again" },
	{ "machine-id", "empties etc/machine-id and var/lib/dbus/machine-id" },
	{ "shadow-day", "sets the days of the last change in etc/shadow to that of the epoch" },
	{ "passwd-backups",
	  "removes the backup files of passwd, shadow, group, gshadow, subuid and "
	  "subgid" },
	{ "pyc-times",
	  "sets the times in .pyc files to the time that their sources get, and removes "
	  "stale ones" },
	{ NULL, NULL },
};

static int (*const rows[TREE_NORMALISERS])(struct tree *, uint32_t, uint32_t *, struct ss_err *) = {
	engine_traces, hosts,           apt_logs,       apt_cache,    ldconfig_cache,
	machine_id,    tree_fix_shadow, passwd_backups, tree_fix_pyc,
};

int tree_normalise(struct tree *t, const struct tree_normalise_opts *o, struct tree_normalised *ret,
		   struct ss_err *err)
{
	for (unsigned i = 0; i < TREE_NORMALISERS; i++) {
		ret[i].changed = 0;
		if ((o->off >> i & 1) == 0 && rows[i](t, o->epoch, &ret[i].changed, err) < 0)
			return ss_ctx(err, "normaliser %s", tree_normalisers[i].name);
	}
	return 0;
}

int tree_normaliser_find(const char *name)
{
	for (int i = 0; i < (int)TREE_NORMALISERS; i++)
		if (strcmp(tree_normalisers[i].name, name) == 0)
			return i;
	return -1;
}
