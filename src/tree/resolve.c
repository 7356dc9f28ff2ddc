/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/store.h"

#include <string.h>

#define MAX_HOPS 40 /* Linux's limit */

/* What is still to be walked: a link's target goes in front of the rest of the path. */
struct todo {
	size_t n;
	uint8_t path[TREE_MAX_PATH];
};

static struct ss_span next_component(const struct todo *todo, size_t *at)
{
	size_t from = *at;
	size_t end;

	while (from < todo->n && todo->path[from] == '/')
		from++;
	end = from;
	while (end < todo->n && todo->path[end] != '/')
		end++;
	*at = end;
	return (struct ss_span){ todo->path + from, end - from };
}

/* `target` then what lies in `todo` behind `at`; false if that is too long. */
static bool put_in_front(struct todo *todo, size_t at, struct ss_span target)
{
	const size_t left = todo->n - at;

	if (target.n > sizeof(todo->path) - left)
		return false;
	memmove(todo->path + target.n, todo->path + at, left);
	memcpy(todo->path, target.p, target.n);
	todo->n = target.n + left;
	return true;
}

static tree_id step(const struct tree *t, tree_id at, struct ss_span c)
{
	if (c.n == 1 && c.p[0] == '.')
		return at;
	if (c.n == 2 && c.p[0] == '.' && c.p[1] == '.')
		return at == TREE_ROOT ? at : store_name(t, at)->parent;
	return c.n > TREE_MAX_NAME ? TREE_NONE : tree_child(t, at, c);
}

tree_id tree_resolve(const struct tree *t, struct ss_span path)
{
	struct todo todo = { .n = path.n };
	tree_id at = TREE_ROOT;
	size_t pos = 0;
	unsigned hops = 0;

	if (path.n > sizeof(todo.path))
		return TREE_NONE;
	memcpy(todo.path, path.p, path.n);
	for (;;) {
		const struct ss_span c = next_component(&todo, &pos);
		struct tree_inode in;
		tree_id next;

		if (c.n == 0)
			return at;
		tree_stat(t, at, &in);
		next = in.type == TREE_DIR ? step(t, at, c) : TREE_NONE;
		if (next == TREE_NONE)
			return TREE_NONE;
		tree_stat(t, next, &in);
		if (in.type != TREE_LNK) {
			at = next;
			continue;
		}
		if (++hops > MAX_HOPS || !put_in_front(&todo, pos, in.target))
			return TREE_NONE;
		pos = 0;
		at = in.target.p[0] == '/' ? TREE_ROOT : at;
	}
}
