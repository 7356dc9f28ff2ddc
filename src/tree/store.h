/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tree/siphash.h"
#include "tree/tree.h"

/*
 * What a tree is made of; private to src/tree. Names and inodes lie in blocks that never move, so
 * that growing copies nothing and asks for no room twice. A removed one goes to a free list. Text
 * lies in blocks as well; what removed names leave behind is squeezed out when it is the larger
 * part. The lookup table is an open-addressed hash of (parent, name).
 */
#define STORE_BLOCK 4096u /* names or inodes a block */
#define STORE_TEXT_BLOCK (1u << 18)

struct tree_name {
	tree_id parent; /* TREE_NONE: not in use */
	tree_id next;   /* sibling; or the next free name */
	tree_id prev;
	uint32_t text;
	uint32_t inode;
	uint16_t layer; /* that put it last */
	uint8_t len;
	uint8_t unused;
};

struct tree_node {
	uint16_t mode;   /* permissions; NODE_TYPE_SHIFT; NODE_XATTRS */
	uint16_t source; /* of the body; NODE_PATCHED, NODE_VOUCHED */
	uint16_t at_hi;  /* body: offset, 48 bits with `at` */
	int16_t mtime_hi;
	uint32_t at; /* body; or first child; or text of the link; or major number; or next free */
	uint32_t size; /* body; or layer in which the directory was last swept; or link; or minor */
	uint32_t mtime;
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink; /* names; 0: not in use */
};

#define NODE_MODE 07777u
#define NODE_TYPE_SHIFT 12
#define NODE_XATTRS 0x8000u
#define NODE_SOURCE 0x3ffu
#define NODE_PATCHED 0x8000u
#define NODE_VOUCHED 0x4000u /* a list of digests has this body's: edit.h */

enum tree_xattr_kind { XATTR_CAPABILITY, XATTR_ACL_ACCESS, XATTR_ACL_DEFAULT, XATTR_KINDS };

struct tree_attr {
	uint32_t inode;
	enum tree_xattr_kind kind;
	uint16_t n;
	uint8_t *value;
};

struct tree {
	struct tree_name *names[TREE_MAX_NAMES / STORE_BLOCK + 1];
	struct tree_node *nodes[TREE_MAX_NAMES / STORE_BLOCK + 1];
	uint8_t *text[TREE_MAX_TEXT / STORE_TEXT_BLOCK];
	uint32_t n_names; /* ever used; free ones included */
	uint32_t n_nodes;
	uint32_t n_live; /* names, the root included */
	tree_id free_name;
	uint32_t free_node;
	uint32_t text_n; /* used, with what was lost at the ends of blocks */
	uint32_t text_dead;

	struct tree_key key;
	tree_id *slots; /* 0 = empty: the root is never looked up */
	uint32_t n_slots;

	uint16_t layer;
	bool sorted;

	/* The directory of the last tree_put(): entries of one directory follow one another. Its
	 * path as the entry had it, and the length of the path that it really has. */
	tree_id dir;
	size_t dir_n;
	size_t dir_real_n;
	bool dir_linked; /* a symbolic link led there */
	bool refuse_links;
	uint32_t link_steps;
	uint8_t dir_path[TREE_MAX_PATH];

	struct tree_attr *attrs;
	size_t n_attrs;
	size_t cap_attrs;
	uint64_t attrs_dropped;

	int sources[TREE_MAX_SOURCES];
	uint32_t n_sources;
	uint32_t spool; /* index of the tree's own source, or TREE_NONE */
	uint64_t spool_n;
	uint32_t clock; /* tree_normalise_opts.clock, for its rows */
	uint32_t patch_at;
	uint8_t patch[4];
};

static inline struct tree_name *store_name(const struct tree *t, tree_id id)
{
	return &t->names[id / STORE_BLOCK][id % STORE_BLOCK];
}

static inline struct tree_node *store_node(const struct tree *t, uint32_t no)
{
	return &t->nodes[no / STORE_BLOCK][no % STORE_BLOCK];
}

static inline struct tree_node *store_node_of(const struct tree *t, tree_id id)
{
	return store_node(t, store_name(t, id)->inode);
}

static inline enum tree_type store_type(const struct tree_node *n)
{
	return (enum tree_type)((n->mode >> NODE_TYPE_SHIFT) & 7u);
}

static inline const uint8_t *store_text(const struct tree *t, uint32_t at)
{
	return t->text[at / STORE_TEXT_BLOCK] + at % STORE_TEXT_BLOCK;
}

static inline struct ss_span store_span(const struct tree *t, tree_id id)
{
	const struct tree_name *n = store_name(t, id);

	return (struct ss_span){ store_text(t, n->text), n->len };
}

/* A name that is linked into its parent and the lookup table; the inode gets a link more. */
SS_MUST_CHECK SS_NONNULL int tree_name_new(struct tree *t, tree_id parent, struct ss_span text,
					   uint32_t inode, tree_id *ret, struct ss_err *err);
/* The reverse; the name has no children. The inode goes with its last name. */
SS_NONNULL void tree_name_drop(struct tree *t, tree_id id);
/* An inode without names, from what `in` says. */
SS_MUST_CHECK SS_NONNULL int tree_node_new(struct tree *t, const struct tree_inode *in,
					   uint32_t *ret, struct ss_err *err);
/* One link less. */
SS_NONNULL void tree_node_drop(struct tree *t, uint32_t no);
/* Owner, mode and time of `in` to an inode; nothing that its type decides. */
SS_NONNULL void tree_node_set(struct tree_node *n, const struct tree_inode *in);
SS_NONNULL tree_id tree_child(const struct tree *t, tree_id parent, struct ss_span text);
SS_NONNULL void tree_xattrs_clear(struct tree *t, uint32_t inode);
/* Gives back the text of removed names when that is worth the copying. */
SS_NONNULL void tree_text_squeeze(struct tree *t);
/* The body of `id`, as tree_read() gives it, once more in the spool; block by block. */
SS_MUST_CHECK SS_NONNULL int tree_body_copy(struct tree *t, tree_id id, struct tree_body *ret,
					    struct ss_err *err);
/* Bytes of such a copy. */
SS_MUST_CHECK SS_NONNULL int tree_body_replace(struct tree *t, const struct tree_body *b,
					       uint64_t at, struct ss_span bytes,
					       struct ss_err *err);
/* tree_read() without the patch. */
SS_MUST_CHECK SS_NONNULL int tree_read_raw(const struct tree *t, tree_id id, uint64_t at,
					   uint8_t *p, size_t n, struct ss_err *err);
