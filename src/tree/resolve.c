/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/resolve.h"

#include "tree/store.h"

#include <string.h>

struct ss_span tree_todo_next(struct tree_todo *todo)
{
	size_t from = todo->at;
	size_t end;

	while (from < todo->n && todo->path[from] == '/')
		from++;
	end = from;
	while (end < todo->n && todo->path[end] != '/')
		end++;
	todo->at = end;
	return (struct ss_span){ todo->path + from, end - from };
}

bool tree_todo_add(struct tree_todo *todo, struct ss_span text)
{
	const size_t left = todo->n - todo->at;

	if (text.n > sizeof(todo->path) - left)
		return false;
	memmove(todo->path + text.n, todo->path + todo->at, left);
	if (text.n > 0)
		memcpy(todo->path, text.p, text.n);
	todo->n = text.n + left;
	todo->at = 0;
	return true;
}

static tree_id step(const struct tree *t, tree_id at, struct ss_span c)
{
	if (tree_is_dot(c))
		return at;
	if (tree_is_dot_dot(c))
		return at == TREE_ROOT ? at : store_name(t, at)->parent;
	return c.n > TREE_MAX_NAME ? TREE_NONE : tree_child(t, at, c);
}

tree_id tree_resolve(const struct tree *t, struct ss_span path)
{
	struct tree_todo todo = { .n = 0 };
	tree_id at = TREE_ROOT;
	unsigned hops = 0;

	if (!tree_todo_add(&todo, path))
		return TREE_NONE;
	for (;;) {
		const struct ss_span c = tree_todo_next(&todo);
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
		if (++hops > TREE_MAX_HOPS || !tree_todo_add(&todo, in.target))
			return TREE_NONE;
		at = in.target.p[0] == '/' ? TREE_ROOT : at;
	}
}
