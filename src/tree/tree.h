/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

/*
 * The merged file system of an image: names, inodes, and where each body lies.
 *
 * Layers are applied one after the other (tree_layer_begin(), then put, link, whiteout); what an
 * upper layer hides is gone. Names and inodes are apart, so hard links keep their meaning across
 * layers: replacing one name leaves the others as they were. Bodies are never held in memory: an
 * inode says in which source (a descriptor the tree owns) and at which offset its bytes lie.
 * Nothing is ever created in a file system, so no path can lead outside.
 *
 * Memory: at most 112 bytes a name, all told: 24 a name, 32 an inode, 6 to 12 of lookup table,
 * and the text. What is removed is used again. Nothing here recurses, and no order of a table ever
 * reaches a result. Limits below; a tree over a limit is refused by name.
 *
 * Spans that the tree gives out are borrowed until it is next changed.
 */
#define TREE_MAX_NAMES (1u << 22) /* 4 M names: four times what the largest images have */
#define TREE_MAX_NAME 255u        /* of one component: Linux's NAME_MAX */
#define TREE_MAX_PATH 4095u       /* Linux's PATH_MAX - 1; the layouts check theirs */
#define TREE_MAX_LINK 4095u
/* Names walked, in all, where paths of layers lead through symbolic links: sixteen a name. Each may
 * be forty links of two thousand components. */
#define TREE_MAX_LINK_STEPS (1u << 26)
#define TREE_MAX_SIZE UINT32_MAX /* newc has 32 bits */
#define TREE_MAX_TEXT (1u << 30) /* of all names and link targets */
#define TREE_MAX_LAYERS 65535u
#define TREE_MAX_SOURCES 1024u
#define TREE_MAX_XATTR 4096u  /* bytes of one value: a capability has 24, an ACL 4 + 8 an entry */
#define TREE_MAX_XATTRS 4096u /* kept ones in the whole tree; MC_MAX_XATTRS */

enum tree_type { TREE_REG, TREE_DIR, TREE_LNK, TREE_CHR, TREE_BLK, TREE_FIFO };

/* A name: index into the tree's table; TREE_ROOT is "/", always there. */
typedef uint32_t tree_id;
#define TREE_ROOT 0u
#define TREE_NONE UINT32_MAX

/* Where a body lies. Holes read as zeros only if the source has them. */
struct tree_body {
	uint32_t source; /* from tree_source_add() */
	uint64_t at;
};

/* What one layer entry says of an inode; also what tree_stat() gives back. */
struct tree_inode {
	enum tree_type type;
	uint16_t mode; /* 07777 */
	uint32_t uid;
	uint32_t gid;
	uint32_t size; /* TREE_REG: bytes; TREE_LNK: length of `target`; else 0 */
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t nlink; /* names in the tree; set by tree_stat() only */
	int64_t mtime;  /* seconds; what 48 bits cannot hold is kept as the nearest they can */
	struct tree_body body;
	struct ss_span target; /* TREE_LNK */
};

struct tree;

SS_MUST_CHECK struct tree *tree_new(void);
void tree_free(struct tree *t); /* closes the sources; accepts NULL */

/* The tree owns `fd` from here on, even on failure. */
SS_MUST_CHECK SS_NONNULL int tree_source_add(struct tree *t, int fd, uint32_t *ret,
					     struct ss_err *err);
/* Copies `bytes` to the tree's own spool: for bodies that a normaliser rewrote, or small ones that
 * have no source. */
SS_MUST_CHECK SS_NONNULL int tree_body_new(struct tree *t, struct ss_span bytes,
					   struct tree_body *ret, struct ss_err *err);

/* --- applying layers ------------------------------------------------------------------- */

/* From here on links that an earlier layer brought are refused on the way to an entry. Engines do
 * not agree on them: over an overlay mount they are replaced by a directory. */
SS_NONNULL void tree_refuse_links(struct tree *t);
/* Whiteouts act on what earlier layers brought, never on this layer's own entries, wherever in the
 * layer they stand. At most TREE_MAX_LAYERS times. */
SS_NONNULL void tree_layer_begin(struct tree *t);

/*
 * Puts an entry at `path` (an empty path is the root directory). The caller has cleaned it; a
 * leading or trailing "/", an empty component, ".", ".." and NUL are refused here once more.
 * Missing parents appear as 0755 root. A directory over a directory keeps its children; anything
 * else replaces what was there. Parents may be symbolic links: they are followed inside the root,
 * as the tree is at this moment, the last component never. A parent that is something else, a link
 * that leads to something else, to nothing, above the root or through more than 40 links is
 * refused. The same holds for the paths of the next three functions. The entry has no extended
 * attributes until tree_xattr_set(). *ret_id may be NULL.
 */
SS_MUST_CHECK int tree_put(struct tree *t, struct ss_span path, const struct tree_inode *in,
			   tree_id *ret_id, struct ss_err *err);
/* Makes `path` another name of what is at `target`, which must exist and not be a directory. (A
 * hard link to a symbolic link becomes a symbolic link of its own: newc has no other form.) */
SS_MUST_CHECK SS_NONNULL int tree_link(struct tree *t, struct ss_span path, struct ss_span target,
				       struct ss_err *err);
/* Removes what earlier layers have at `path`; absent is fine (layers are made from odd tools), and
 * so are parents that are missing or no directories. */
SS_MUST_CHECK SS_NONNULL int tree_whiteout(struct tree *t, struct ss_span path, struct ss_err *err);
/* Empties the directory at `path`, all of which may lead through links, of what earlier layers put
 * below it. */
SS_MUST_CHECK SS_NONNULL int tree_opaque(struct tree *t, struct ss_span path, struct ss_err *err);
/* Adds or replaces one extended attribute of the inode. The table of architecture.md §4 decides
 * which are kept: security.capability, system.posix_acl_access and _default; the rest is counted.
 */
SS_MUST_CHECK SS_NONNULL int tree_xattr_set(struct tree *t, tree_id id, struct ss_span name,
					    struct ss_span value, struct ss_err *err);

/* --- changing a merged tree (normalisers, layouts) ---------------------------------------- */

/* TREE_NONE = absent. Links are not followed. */
SS_NONNULL tree_id tree_find(const struct tree *t, struct ss_span path);
/* The same, following symbolic links as a process with this root directory would, 40 at most. */
SS_NONNULL tree_id tree_resolve(const struct tree *t, struct ss_span path);
SS_NONNULL void tree_remove(struct tree *t, tree_id id); /* and all below it; not the root */
SS_NONNULL void tree_set_body(struct tree *t, tree_id id, struct tree_body body, uint32_t size);
SS_NONNULL void tree_set_inode(struct tree *t, tree_id id, uint16_t mode, uint32_t uid,
			       uint32_t gid);
/*
 * Four bytes that tree_read() gives in place of what the source has, at one offset in every body
 * that is marked: .pyc headers, without a copy of the files.
 */
SS_NONNULL void tree_patch_set(struct tree *t, uint32_t at, const uint8_t bytes[4]);
SS_NONNULL void tree_patch_mark(struct tree *t, tree_id id);

/* --- reading it -------------------------------------------------------------------------- */

SS_NONNULL void tree_stat(const struct tree *t, tree_id id, struct tree_inode *ret);
/* Same value for two names: they are hard links of one inode. */
SS_NONNULL uint32_t tree_inode_no(const struct tree *t, tree_id id);
SS_NONNULL uint32_t tree_inode_max(const struct tree *t); /* no inode has a greater number */
SS_NONNULL struct ss_span tree_name(const struct tree *t, tree_id id); /* last component */
SS_NONNULL uint32_t tree_count(const struct tree *t);                  /* names, without the root */
SS_NONNULL size_t tree_memory(const struct tree *t); /* bytes allocated for all of it */
/* newc's and tar's bits of S_IFMT. */
uint32_t tree_newc_type(enum tree_type type);
/* The path of `id`, in `buf`, which has TREE_MAX_PATH bytes; for messages. */
SS_NONNULL struct ss_span tree_path(const struct tree *t, tree_id id, uint8_t *buf);

/* Reads `n` bytes of the body of regular file `id` from `at`; the caller stays inside its size. */
SS_MUST_CHECK SS_NONNULL int tree_read(const struct tree *t, tree_id id, uint64_t at, uint8_t *p,
				       size_t n, struct ss_err *err);

struct tree_xattr {
	struct ss_span name;
	struct ss_span value;
};
/* The i-th kept attribute in order of name bytes; false when there are no more. */
SS_NONNULL bool tree_xattr(const struct tree *t, tree_id id, size_t i, struct tree_xattr *ret);
SS_NONNULL uint64_t tree_xattrs_dropped(const struct tree *t);

/*
 * A walk in canonical order: depth first, a directory before what it holds, siblings by memcmp of
 * their name bytes. tree_sort() brings the children into that order once; the walk itself
 * allocates nothing but the path.
 */
SS_NONNULL void tree_sort(struct tree *t);

struct tree_walk {
	const struct tree *t;
	tree_id at;
	size_t depth;
	size_t path_n;
	uint8_t path[TREE_MAX_PATH + 1]; /* of `at`, without a leading "/" */
};
SS_NONNULL void tree_walk_init(struct tree_walk *w, const struct tree *t);
/* The next name after the root, TREE_NONE at the end; w->path, w->path_n are its path. */
SS_NONNULL tree_id tree_walk_next(struct tree_walk *w);
