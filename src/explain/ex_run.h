/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "explain/ex_list.h"
#include "explain/explain.h"

/*
 * One comparison under way; private to src/explain. Differences are told with ex_say(), which
 * copies. Pairs of contents wait on a stack, so that containers in containers need no recursion:
 * whoever opens a container pushes what differs in it, and ex_content() works the stack off.
 */
struct ex_pair {
	struct ex_bytes a, b;    /* the pair holds a reference to both sources */
	bool a_packed, b_packed; /* raw deflate, out of a zip; with the two fields of its trailer */
	uint32_t a_crc, b_crc;
	uint64_t a_size, b_size;
	uint64_t first;     /* they are the same up to here; less is fine */
	struct ss_buf path; /* within the part, members behind '!' */
	unsigned depth;
};

struct ex_run {
	const struct ex_options *o;
	struct ex_report *ret;
	const char *part; /* static */
	bool measured;
	/* The file under way: names are counted once, however much differs in them. */
	uint64_t file;
	uint64_t counted;
	uint64_t group_counted[2][EX_CAUSES];
	struct ex_group groups[2][EX_CAUSES];
	enum ex_cause of_path; /* what its path tells */
	bool metadata;         /* in that section all causes are one of two */
	uint64_t said;
	bool follows; /* what differs in this content follows from what is told elsewhere */
	struct ex_pair *stack;
	size_t n;
	size_t cap;
	size_t pairs;  /* pushed for this file */
	uint64_t left; /* of EX_UNPACK for this file */
};

SS_NONNULL void ex_run_init(struct ex_run *r, const struct ex_options *o, struct ex_report *ret);
/* The groups; the run is over. Releases what a failure left on the stack. */
SS_NONNULL void ex_run_done(struct ex_run *r);

/* From here on everything is about another file; `path` within the part. */
SS_NONNULL void ex_next_file(struct ex_run *r, struct ss_span path);
/* `cause` EX_UNKNOWN: what the path tells, else unknown. */
SS_NONNULL void ex_say(struct ex_run *r, const struct ex_diff *d);
/* The same, but only counted. */
SS_NONNULL void ex_count(struct ex_run *r, enum ex_cause cause);

/* Content of `p`: `where` is static text or was composed by the caller. */
SS_NONNULL void ex_say_content(struct ex_run *r, const struct ex_pair *p, enum ex_cause cause,
			       const char *where, struct ss_span a, struct ss_span b);
/* The same with numbers or other C strings for values. */
SS_NONNULL void ex_say_text(struct ex_run *r, const struct ex_pair *p, enum ex_cause cause,
			    const char *where, const char *a, const char *b);
/* Two times, as dates. */
SS_NONNULL void ex_say_time(struct ex_run *r, const struct ex_pair *p, enum ex_cause cause,
			    const char *where, int64_t a, int64_t b);

static inline struct ss_span ex_text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, __builtin_strlen(s) };
}

/* Takes a copy; beyond the limits of depth and number it only counts. */
SS_NONNULL void ex_push(struct ex_run *r, const struct ex_pair *p);
void ex_pair_done(struct ex_pair *p);
/* Looks into two contents that differ, and into all that is pushed meanwhile. */
SS_MUST_CHECK SS_NONNULL int ex_content(struct ex_run *r, const struct ex_pair *p,
					struct ss_err *err);

/* How two lists are compared. */
struct ex_matching {
	const struct ex_list *a;
	const struct ex_list *b;
	struct ss_span prefix; /* of the paths told: "lib.a!" */
	unsigned depth;   /* > 0: inside a file; contents are pushed, not looked into at once */
	bool mtime;       /* compare these too */
	bool mtime_apart; /* but no register covers them */
	bool order;
	bool inodes;
	uint64_t same_to; /* both sources are the same bytes up to here */
};
SS_MUST_CHECK SS_NONNULL int ex_match(struct ex_run *r, const struct ex_matching *m,
				      struct ss_err *err);

/*
 * A reader of one type of content. *ret_done = false: it is not of that type after all, or broken;
 * then nothing was told and the next reader has its turn. -1 only if reading fails.
 */
typedef int (*ex_reader)(struct ex_run *r, const struct ex_pair *p, bool *ret_done,
			 struct ss_err *err);

int ex_pyc(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_config(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_elf(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_stream(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_archive(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_kernel(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_fields(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_document(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_json(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_keyed(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_ini(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_lines(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);
int ex_bytes_differ(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err);

/* Both contents of at most EX_LOAD bytes in memory; *ret_done = false if one is larger. */
SS_MUST_CHECK SS_NONNULL int ex_load(const struct ex_pair *p, struct ss_buf *a, struct ss_buf *b,
				     bool *ret_done, struct ss_err *err);
/* The same of texts; *ret_done = false too if one is none. */
SS_MUST_CHECK SS_NONNULL int ex_load_text(const struct ex_pair *p, struct ss_buf *a,
					  struct ss_buf *b, bool *ret_done, struct ss_err *err);
/* A private key in PEM: such a content is never shown. */
bool ex_holds_key(struct ss_span s);
/* True if the last component of the path, or of the member's name, is this. */
SS_NONNULL bool ex_is_named(const struct ex_pair *p, const char *name);
SS_NONNULL bool ex_ends_with(const struct ex_pair *p, const char *end);
