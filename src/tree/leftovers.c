/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/leftovers.h"

#include "base/mem.h"
#include "base/text.h"
#include "tree/store.h"

#include <string.h>

#define FILE_(p)                                                                                   \
	{                                                                                          \
		LEFTOVER_FILE, (p)                                                                 \
	}
#define ANY(p)                                                                                     \
	{                                                                                          \
		LEFTOVER_ANY, (p)                                                                  \
	}
#define EMPTY(p)                                                                                   \
	{                                                                                          \
		LEFTOVER_EMPTY, (p)                                                                \
	}
#define END                                                                                        \
	{                                                                                          \
		LEFTOVER_FILE, NULL                                                                \
	}

const struct tree_leftover tree_login_records[] = {
	EMPTY("var/log/lastlog"), EMPTY("var/log/faillog"), EMPTY("var/log/tallylog"),
	EMPTY("var/log/wtmp"),    EMPTY("var/log/btmp"),    END,
};

const struct tree_leftover tree_package_archives[] = {
	FILE_("var/cache/apt/archives/*.deb"),
	FILE_("var/cache/apt/archives/partial/*"),
	FILE_("var/cache/apk/*.apk"),
	END,
};

/* Without them a package manager that is started in the enclave has to ask the mirror first. */
const struct tree_leftover tree_package_lists[] = {
	FILE_("var/lib/apt/lists/**"),
	FILE_("var/cache/apk/APKINDEX*"),
	FILE_("var/cache/dnf/**"),
	FILE_("var/cache/yum/**"),
	FILE_("var/cache/libdnf5/**"),
	FILE_("var/cache/zypp/**"),
	END,
};

const struct tree_leftover tree_dpkg_old[] = {
	FILE_("var/lib/dpkg/*-old"),
	FILE_("var/cache/debconf/*-old"),
	END,
};

const struct tree_leftover tree_man_cache[] = {
	FILE_("var/cache/man/**/index.db"),
	END,
};

const struct tree_leftover tree_font_cache[] = {
	FILE_("var/cache/fontconfig/*.cache-*"),
	FILE_("~/.cache/fontconfig/*.cache-*"),
	END,
};

const struct tree_leftover tree_kernel_list[] = {
	FILE_("etc/apt/apt.conf.d/01autoremove-kernels"),
	END,
};

const struct tree_leftover tree_stamp_files[] = {
	FILE_("etc/.updated"),
	FILE_("var/.updated"),
	FILE_("var/lib/apt/periodic/*"),
	FILE_("var/lib/logrotate/status"),
	FILE_("var/lib/logrotate.status"),
	FILE_("var/lib/systemd/random-seed"),
	FILE_("var/lib/systemd/catalog/database"),
	FILE_("var/lib/systemd/timers/stamp-*"),
	END,
};

const struct tree_leftover tree_tmp_leftovers[] = {
	ANY("tmp/hsperfdata_*"),
	ANY("tmp/node-compile-cache"),
	ANY("tmp/v8-compile-cache*"),
	END,
};

const struct tree_leftover tree_tmp_files[] = {
	ANY("tmp/*"),
	ANY("var/tmp/*"),
	END,
};

/* Only those that nothing runs from: no store of modules that links point into, no browsers, no
 * models, no virtual environments. */
const struct tree_leftover tree_tool_caches[] = {
	ANY("~/.cache/pip"),
	ANY("~/.cache/go-build"),
	ANY("~/.cache/yarn"),
	ANY("~/.cache/node-gyp"),
	ANY("~/.npm/_cacache"),
	ANY("~/.npm/_logs"),
	FILE_("~/.npm/_update-notifier-last-checked"),
	ANY("usr/local/share/.cache/yarn"),
	END,
};

const struct tree_leftover tree_histories[] = {
	FILE_("~/.bash_history"),      FILE_("~/.ash_history"),      FILE_("~/.python_history"),
	FILE_("~/.node_repl_history"), FILE_("~/.sqlite_history"),   FILE_("~/.mysql_history"),
	FILE_("~/.psql_history"),      FILE_("~/.rediscli_history"), FILE_("~/.lesshst"),
	FILE_("~/.viminfo"),           FILE_("~/.wget-hsts"),        END,
};

const struct tree_leftover tree_home_cache[] = {
	ANY("~/.cache/*"),
	END,
};

static const struct tree_leftover all_logs[] = {
	ANY("var/log/journal/*"),
	END,
};

/* --- finding ---------------------------------------------------------------------------------- */

struct found {
	tree_id *v;
	size_t n;
	size_t cap;
};

static void found_done(struct found *f)
{
	free(f->v);
}

static void add(struct found *f, tree_id id)
{
	if (f->n == f->cap) {
		f->cap = f->cap > 0 ? 2 * f->cap : 64;
		f->v = ss_reallocarray(f->v, f->cap, sizeof(*f->v));
	}
	f->v[f->n++] = id;
}

/* '*' is any bytes, none too. */
static bool matches(struct ss_span glob, struct ss_span name)
{
	size_t g = 0, i = 0, star = SIZE_MAX, from = 0;

	while (i < name.n) {
		if (g < glob.n && glob.p[g] == '*') {
			star = g++;
			from = i;
		} else if (g < glob.n && glob.p[g] == name.p[i]) {
			g++;
			i++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (g < glob.n && glob.p[g] == '*')
		g++;
	return g == glob.n;
}

static void add_children(const struct tree *t, tree_id dir, struct ss_span glob, struct found *f)
{
	const struct tree_node *n = store_node_of(t, dir);

	if (store_type(n) != TREE_DIR)
		return;
	for (tree_id id = n->at; id != TREE_NONE; id = store_name(t, id)->next)
		if (matches(glob, tree_name(t, id)))
			add(f, id);
}

/* One component further: from `f` to what it leads to. */
static void step(const struct tree *t, struct ss_span part, struct found *f)
{
	SS_CLEANUP(found_done) struct found next = { 0 };
	struct found was;

	if (part.n == 2 && memcmp(part.p, "**", 2) == 0) {
		for (size_t i = 0; i < f->n; i++) /* grows while it is read */
			add_children(t, f->v[i], (struct ss_span){ part.p, 1 }, f);
		return;
	}
	for (size_t i = 0; i < f->n; i++) {
		if (memchr(part.p, '*', part.n) != NULL) {
			add_children(t, f->v[i], part, &next);
		} else {
			const tree_id id = tree_child(t, f->v[i], part);

			if (id != TREE_NONE)
				add(&next, id);
		}
	}
	was = *f;
	*f = next;
	next = was;
}

static void find(const struct tree *t, const char *pattern, struct found *f)
{
	while (f->n > 0 && *pattern != '\0') {
		const char *end = strchr(pattern, '/');
		const size_t n = end != NULL ? (size_t)(end - pattern) : strlen(pattern);

		step(t, (struct ss_span){ (const uint8_t *)pattern, n }, f);
		pattern += end != NULL ? n + 1 : n;
	}
}

static void find_all(const struct tree *t, const char *pattern, struct found *f)
{
	SS_CLEANUP(found_done) struct found more = { 0 };

	add(f, TREE_ROOT);
	if (strncmp(pattern, "~/", 2) != 0) {
		find(t, pattern, f);
		return;
	}
	find(t, "root", f);
	find(t, pattern + 2, f);
	add(&more, TREE_ROOT);
	find(t, "home/*", &more);
	find(t, pattern + 2, &more);
	for (size_t i = 0; i < more.n; i++)
		add(f, more.v[i]);
}

/* --- removing --------------------------------------------------------------------------------- */

static void empty(struct tree *t, tree_id id, struct tree_normalised *n)
{
	const struct tree_node *node = store_node_of(t, id);

	if (store_type(node) != TREE_REG || node->size == 0)
		return;
	if (node->nlink > 1) {
		n->kept++;
		return;
	}
	tree_set_body(t, id, (struct tree_body){ 0, 0 }, 0);
	n->changed++;
}

static void remove_one(struct tree *t, tree_id id, bool any, struct tree_normalised *n)
{
	if (!any && store_type(store_node_of(t, id)) != TREE_REG)
		return;
	tree_remove(t, id);
	n->changed++;
}

void tree_drop_leftovers(struct tree *t, const struct tree_leftover *list,
			 struct tree_normalised *n)
{
	for (; list->pattern != NULL; list++) {
		SS_CLEANUP(found_done) struct found f = { 0 };

		/* What one pattern finds is of one depth, or not removed with what is below it:
		 * none goes with another. */
		find_all(t, list->pattern, &f);
		for (size_t i = 0; i < f.n; i++) {
			if (list->act == LEFTOVER_EMPTY)
				empty(t, f.v[i], n);
			else
				remove_one(t, f.v[i], list->act == LEFTOVER_ANY, n);
		}
	}
}

static bool ends_with(struct ss_span s, const char *end)
{
	const size_t n = strlen(end);

	return s.n > n && memcmp(s.p + s.n - n, end, n) == 0;
}

/* app.log.1, app.log.2.gz, app.log.old: a program that finds none makes none. */
static bool is_rotated(struct ss_span name)
{
	static const char *const ends[] = { ".gz", ".xz", ".bz2", ".zst", ".old" };
	size_t n = name.n;

	for (size_t i = 0; i < SS_NELEMS(ends); i++)
		if (ends_with(name, ends[i]))
			return true;
	while (n > 0 && name.p[n - 1] >= '0' && name.p[n - 1] <= '9')
		n--;
	return n < name.n && n > 1 && name.p[n - 1] == '.';
}

/* Those of other rows, which may be switched off. */
static bool is_others(const struct tree *t, tree_id id)
{
	static const char *const paths[] = {
		"var/log/lastlog",
		"var/log/faillog",
		"var/log/tallylog",
		"var/log/wtmp",
		"var/log/btmp",
		"var/log/dpkg.log",
		"var/log/alternatives.log",
		"var/log/bootstrap.log",
		"var/log/apt/history.log",
		"var/log/apt/term.log",
		"var/log/apt/eipp.log.xz",
	};

	for (size_t i = 0; i < SS_NELEMS(paths); i++)
		if (id == tree_find(t, ss_text(paths[i])))
			return true;
	return false;
}

void tree_empty_logs(struct tree *t, struct tree_normalised *n)
{
	SS_CLEANUP(found_done) struct found f = { 0 };

	tree_drop_leftovers(t, all_logs, n);
	find_all(t, "var/log/**", &f);
	for (size_t i = 0; i < f.n; i++) {
		if (store_type(store_node_of(t, f.v[i])) != TREE_REG || is_others(t, f.v[i]))
			continue;
		if (is_rotated(tree_name(t, f.v[i])))
			remove_one(t, f.v[i], false, n);
		else
			empty(t, f.v[i], n);
	}
}
