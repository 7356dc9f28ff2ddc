/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "explain/ex_bytes.h"
#include "fmt/cpio.h"

/*
 * The names that something holds: a ramdisk, a tree, an archive. One form for all of them, so that
 * one comparison serves all. Bodies are ranges, never loaded. The list owns its texts and holds a
 * reference to its source.
 */
#define EX_LIST_MEMBERS 65536u /* of one container inside a file */

enum ex_form { EX_RAMDISK, EX_TREE, EX_TAR, EX_AR, EX_ZIP };

struct ex_entry {
	size_t name_at; /* in the list's text */
	uint32_t name_n;
	uint32_t nth;  /* how many of this name stand before it */
	uint32_t mode; /* type and permissions, cpio's */
	uint32_t uid;
	uint32_t gid;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t ino; /* what the archive says; 0 where it has none */
	uint32_t nlink;
	uint32_t order; /* its place in the archive */
	uint32_t link;  /* `order` of the first name of the same file; its own if it has one name */
	size_t target_at; /* of a link, in the list's text; target_n 0: the target is the body */
	uint32_t target_n;
	uint32_t crc; /* EX_ZIP */
	bool packed;  /* EX_ZIP: deflated */
	tree_id id;
	int64_t mtime;
	uint64_t at; /* of the body in the source; a link's target is its body */
	uint64_t n;
	uint64_t size; /* unpacked */
	/* EX_RAMDISK: a body that nobody sees, for another name of the file brings a later one. */
	uint64_t dead_at;
	uint64_t dead_n;
};

struct ex_list {
	enum ex_form form;
	struct ex_source *src;
	struct ex_entry *v; /* sorted by name, then nth */
	size_t n;
	size_t orders; /* every `order` and `link` is below */
	size_t cap;
	size_t max;
	struct ss_buf text;
};

void ex_list_init(struct ex_list *l, enum ex_form form, struct ex_source *src, size_t max);
void ex_list_done(struct ex_list *l); /* accepts a zeroed one */
#define AUTO_EX_LIST SS_CLEANUP(ex_list_done)

/* Appends a copy of `e` under `name`; `order` and `link` are set here. */
SS_MUST_CHECK SS_NONNULL int ex_list_add(struct ex_list *l, struct ss_span name,
					 const struct ex_entry *e, struct ss_err *err);
/* The target of the link that was added last. */
SS_NONNULL void ex_list_target(struct ex_list *l, struct ss_span target);
/* All are there: sorts, numbers equal names, joins hard links by `ino` where `nlink` > 1. */
SS_NONNULL void ex_list_end(struct ex_list *l);

static inline struct ss_span ex_name(const struct ex_list *l, const struct ex_entry *e)
{
	return (struct ss_span){ l->text.p + e->name_at, e->name_n };
}
static inline struct ex_bytes ex_body(const struct ex_list *l, const struct ex_entry *e)
{
	return (struct ex_bytes){ .src = l->src, .id = e->id, .at = e->at, .n = e->n };
}
static inline struct ss_span ex_target(const struct ex_list *l, const struct ex_entry *e)
{
	return (struct ss_span){ l->text.p + e->target_at, e->target_n };
}
static inline uint32_t ex_type(const struct ex_entry *e)
{
	return e->mode & CPIO_TYPE_MASK;
}

/* Each reads all of `b` into a list that ex_list_end() has finished. Malformed: SS_EINPUT. */
SS_MUST_CHECK SS_NONNULL int ex_list_cpio(const struct ex_bytes *b, size_t max, struct ex_list *ret,
					  struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int ex_list_tar(const struct ex_bytes *b, struct ex_list *ret,
					 struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int ex_list_ar(const struct ex_bytes *b, struct ex_list *ret,
					struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int ex_list_zip(const struct ex_bytes *b, struct ex_list *ret,
					 struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int ex_list_tree(struct ex_source *src, struct ex_list *ret,
					  struct ss_err *err);
