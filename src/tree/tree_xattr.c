/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "tree/store.h"

#include <string.h>

/* In the order of their bytes. Whatever is not here is dropped and counted. */
static const char *const kept[XATTR_KINDS] = {
	[XATTR_CAPABILITY] = "security.capability",
	[XATTR_ACL_ACCESS] = "system.posix_acl_access",
	[XATTR_ACL_DEFAULT] = "system.posix_acl_default",
};

static struct tree_attr *find_attr(const struct tree *t, uint32_t inode, enum tree_xattr_kind kind)
{
	if ((store_node(t, inode)->mode & NODE_XATTRS) == 0)
		return NULL;
	for (size_t i = 0; i < t->n_attrs; i++)
		if (t->attrs[i].inode == inode && t->attrs[i].kind == kind)
			return &t->attrs[i];
	return NULL;
}

static bool find_kind(struct ss_span name, enum tree_xattr_kind *ret)
{
	for (unsigned i = 0; i < XATTR_KINDS; i++) {
		if (strlen(kept[i]) == name.n && memcmp(kept[i], name.p, name.n) == 0) {
			*ret = (enum tree_xattr_kind)i;
			return true;
		}
	}
	return false;
}

static struct tree_attr *add_attr(struct tree *t, uint32_t inode, enum tree_xattr_kind kind)
{
	if (t->n_attrs == t->cap_attrs) {
		t->cap_attrs = t->cap_attrs == 0 ? 16 : t->cap_attrs * 2;
		t->attrs = ss_reallocarray(t->attrs, t->cap_attrs, sizeof(*t->attrs));
	}
	store_node(t, inode)->mode |= NODE_XATTRS;
	t->attrs[t->n_attrs] = (struct tree_attr){ .inode = inode, .kind = kind };
	return &t->attrs[t->n_attrs++];
}

int tree_xattr_set(struct tree *t, tree_id id, struct ss_span name, struct ss_span value,
		   struct ss_err *err)
{
	const uint32_t inode = tree_inode_no(t, id);
	enum tree_xattr_kind kind;
	struct tree_attr *a;

	if (!find_kind(name, &kind)) {
		t->attrs_dropped++;
		return 0;
	}
	if (value.n > TREE_MAX_XATTR)
		return ss_fail(err, SS_ELIMIT, "%s of %zu bytes; the limit is %u", kept[kind],
			       value.n, TREE_MAX_XATTR);
	a = find_attr(t, inode, kind);
	if (a == NULL && t->n_attrs == TREE_MAX_XATTRS)
		return ss_fail(err, SS_ELIMIT, "more than %u extended attributes", TREE_MAX_XATTRS);
	if (a == NULL)
		a = add_attr(t, inode, kind);
	free(a->value);
	a->value = ss_calloc(value.n + 1, 1);
	a->n = (uint16_t)value.n;
	if (value.n > 0)
		memcpy(a->value, value.p, value.n);
	return 0;
}

void tree_xattrs_clear(struct tree *t, uint32_t inode)
{
	size_t n = 0;

	if ((store_node(t, inode)->mode & NODE_XATTRS) == 0)
		return;
	for (size_t i = 0; i < t->n_attrs; i++) {
		if (t->attrs[i].inode == inode)
			free(t->attrs[i].value);
		else
			t->attrs[n++] = t->attrs[i];
	}
	t->n_attrs = n;
	store_node(t, inode)->mode &= (uint16_t)~NODE_XATTRS;
}

bool tree_xattr(const struct tree *t, tree_id id, size_t i, struct tree_xattr *ret)
{
	for (unsigned kind = 0; kind < XATTR_KINDS; kind++) {
		const struct tree_attr *a =
			find_attr(t, tree_inode_no(t, id), (enum tree_xattr_kind)kind);

		if (a == NULL || i-- > 0)
			continue;
		ret->name = (struct ss_span){ (const uint8_t *)kept[kind], strlen(kept[kind]) };
		ret->value = (struct ss_span){ a->value, a->n };
		return true;
	}
	return false;
}

uint64_t tree_xattrs_dropped(const struct tree *t)
{
	return t->attrs_dropped;
}
