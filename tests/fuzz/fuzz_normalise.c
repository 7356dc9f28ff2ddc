/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of any contents under a name that a normaliser looks at; the first byte picks it. Whatever
 * it holds: nothing fails, its length stays (a RECORD may lose bytes), a second run changes nothing
 * more, and what a list vouches for keeps its bytes.
 */
#include "tree/normalise.h"

#include <stdlib.h>
#include <string.h>

#define SITE "site/x.dist-info/"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void put(struct tree *t, const char *path, struct ss_span body)
{
	struct tree_inode in = { .type = TREE_REG, .mode = 0644, .size = (uint32_t)body.n };
	struct ss_err err = { 0 };

	must(tree_body_new(t, body, &in.body, &err) == 0);
	must(tree_put(t, text(path), &in, NULL, &err) == 0);
}

static uint32_t normalise(struct tree *t)
{
	const struct tree_normalise_opts o = { .off = 2, .epoch = 1700000000 }; /* not etc/hosts */
	struct tree_normalised n[TREE_NORMALISERS];
	struct ss_err err = { 0 };
	uint32_t changed = 0;

	must(tree_normalise(t, &o, n, &err) == 0);
	for (size_t i = 0; i < TREE_NORMALISERS; i++)
		changed += n[i].changed;
	return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"x.a",
		"x.jar",
		"x.gz",
		SITE "RECORD",
		SITE "direct_url.json",
		"etc/shadow",
		"var/lib/dpkg/info/x.md5sums",
		"lib/apk/db/installed",
		"m/__pycache__/x.pyc",
	};
	const char *name;
	struct tree *t;
	struct tree_inode in;
	tree_id id;

	if (size == 0)
		return 0;
	t = tree_new();
	name = names[data[0] % SS_NELEMS(names)];
	put(t, "site/y.pyc", text("y"));
	put(t, SITE "RECORD", text("x.dist-info/direct_url.json,,\n"));
	put(t, name, (struct ss_span){ data + 1, size - 1 });
	(void)normalise(t);
	must(normalise(t) == 0);
	id = tree_find(t, text(name));
	if (id != TREE_NONE) {
		tree_stat(t, id, &in);
		must(in.size == size - 1 || strcmp(name, SITE "RECORD") == 0 ||
		     strcmp(name, "etc/shadow") == 0);
	}
	tree_free(t);
	return 0;
}
