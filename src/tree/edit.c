/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/edit.h"

#include "tree/store.h"

#include <string.h>

#define BLOCK 32u /* the most that is ever replaced at once */

struct tree_edit tree_edit_init(struct tree *t, tree_id id)
{
	return (struct tree_edit){ .t = t, .id = id, .size = store_node_of(t, id)->size };
}

int tree_edit_read(const struct tree_edit *e, uint64_t at, uint8_t *p, size_t n, struct ss_err *err)
{
	return tree_read(e->t, e->id, at, p, n, err);
}

int tree_edit_put(struct tree_edit *e, uint64_t at, const uint8_t *p, size_t n, struct ss_err *err)
{
	uint8_t was[BLOCK];

	for (; n > 0;) {
		const size_t one = n < BLOCK ? n : BLOCK;

		if (tree_read(e->t, e->id, at, was, one, err) < 0)
			return -1;
		if (memcmp(was, p, one) != 0) {
			e->wanted = true;
			if (e->dry)
				return 0;
			if (!e->begun && tree_body_copy(e->t, e->id, &e->copy, err) < 0)
				return -1;
			e->begun = true;
			if (tree_body_replace(e->t, &e->copy, at, (struct ss_span){ p, one }, err) <
			    0)
				return -1;
		}
		at += one;
		p += one;
		n -= one;
	}
	return 0;
}

void tree_edit_end(const struct tree_edit *e, struct tree_normalised *n)
{
	if (!e->begun)
		return;
	tree_set_body(e->t, e->id, e->copy, e->size);
	n->changed++;
}

bool tree_is_file_named(const struct tree *t, tree_id id, const char *end)
{
	const struct tree_name *name = store_name(t, id);
	const size_t n = strlen(end);

	if (id == TREE_ROOT || name->parent == TREE_NONE || name->len <= n)
		return false;
	return memcmp(store_text(t, name->text) + name->len - n, end, n) == 0 &&
	       store_type(store_node_of(t, id)) == TREE_REG;
}
