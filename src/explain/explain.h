/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/progress.h"
#include "explain/cause.h"
#include "oci/source.h"

/*
 * Two artifacts -> what differs -> why -> what mends it.
 *
 * An artifact is an EIF, an image or root file system (everything oci_load() takes), a cpio
 * archive, a measurements.json, or any other file. They are compared as they are: no normaliser
 * runs. Bytes are compared in blocks first, and only what differs is looked into: sections, then
 * entries, then contents, then what containers hold, EX_MAX_DEPTH deep. Contents are hostile: what
 * does not parse is compared as bytes, never an error. Equal files cost one read of both.
 *
 * Memory: that of the two lists of names (some 100 bytes a name), of at most EX_KEEP differences
 * with EX_TEXTS bytes of text, and of one pair of files under way, of which no more than EX_LOAD
 * bytes each are ever held. What containers unpack to goes to spools on disk.
 */
#define EX_KEEP 100000u               /* differences kept; the rest is only counted */
#define EX_LOAD ((size_t)8 << 20)     /* of one file that is held in memory */
#define EX_UNPACK ((uint64_t)1 << 30) /* bytes unpacked out of one file of an artifact */
#define EX_MAX_DEPTH 6u               /* containers in containers */
#define EX_MAX_PAIRS 4096u            /* pairs of contents looked at inside one file */
#define EX_PATH 16384u                /* bytes of a name that is looked behind, all '!' together */
#define EX_TEXTS ((size_t)64 << 20)   /* bytes of all names and values that are kept */
#define EX_EVIDENCE 160u              /* bytes of one value that are kept */
#define EX_LINES 16u                  /* differences told of one text, list or map */

enum ex_kind {
	EX_ADDED,
	EX_REMOVED,
	EX_MOVED,
	EX_TYPE,
	EX_MODE,
	EX_OWNER,
	EX_MTIME,
	EX_LINK,
	EX_DEVICE,
	EX_XATTR,
	EX_ORDER,
	EX_INODE,
	EX_CONTENT,
	EX_KINDS
};
const char *ex_kind_name(enum ex_kind k); /* "added", … */

/* One difference. Texts are what the artifacts hold, not escaped; owned by the report. */
struct ex_diff {
	enum ex_kind kind;
	enum ex_cause cause;
	bool measured;       /* the registers cover it (of an image: what a build packs) */
	const char *part;    /* "kernel", "ramdisk1", "tree", …; static */
	struct ss_span path; /* within the part; members of containers follow a '!'; may be empty */
	struct ss_span where; /* "line 3", "bytes 8 to 11: time"; may be empty */
	struct ss_span a;     /* the two values; both empty where there are none */
	struct ss_span b;
};

/* All differences of one cause. */
struct ex_group {
	enum ex_cause cause;
	bool measured;
	uint64_t files;
	uint64_t diffs; /* all, also those beyond EX_KEEP */
};

/* PCR8 is of the signer's certificate: no section that the other registers cover says it. */
enum ex_pcr8 { EX_PCR8_SAME, EX_PCR8_DIFFERS, EX_PCR8_UNKNOWN };

struct ex_report {
	struct ex_diff *diffs; /* in the order they were found */
	size_t n;
	size_t cap;
	size_t texts;      /* bytes of what they hold */
	uint64_t left_out; /* found after EX_KEEP or EX_TEXTS were kept */
	uint64_t files;    /* names with at least one difference */
	bool registers;    /* something of PCR0 to PCR2 differs */
	enum ex_pcr8 pcr8; /* by what the signature sections hold */
	/* What these two kinds leave out, for people; then nobody can say that the registers are
	 * the same. NULL = nothing. Static. */
	const char *not_compared;
	/* Measured ones first, then the many-filed ones, then by code. */
	struct ex_group groups[2 * EX_CAUSES];
	size_t n_groups;
	size_t causes; /* distinct ones among the groups */
};

/* A word that only the second artifact was shown: where it stands there and not in the first, the
 * cause is known. */
struct ex_known {
	const char *word;
	enum ex_cause cause;
};

struct ex_options {
	const char *arch; /* picks the platform out of an index */
	struct oci_limits limits;
	struct ss_progress *progress; /* may be NULL */
	const struct ex_known *known; /* borrowed; of n_known */
	size_t n_known;
};

/* *ret is the caller's: ex_report_done(). No difference: ret->n == 0. */
SS_MUST_CHECK SS_NONNULL int ex_compare(const char *a, const char *b, const struct ex_options *o,
					struct ex_report *ret, struct ss_err *err);
void ex_report_done(struct ex_report *r); /* accepts a zeroed one */
/* "differ", "are the same", or what is to be said of PCR8 in their place. Static. */
SS_NONNULL const char *ex_registers_say(const struct ex_report *r);
#define AUTO_EX_REPORT SS_CLEANUP(ex_report_done)
