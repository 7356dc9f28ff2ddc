/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * Why two builds differ, as a table: a stable code, what happened, and what mends it. The same rows
 * are docs/causes.md, which a test compares. Codes are never renamed; new ones may come.
 */
enum ex_cause {
	EX_UNKNOWN,
	/* time */
	EX_TIME_PYC,
	EX_TIME_MTIME,
	EX_TIME_MEMBER,
	EX_TIME_GZIP,
	EX_TIME_TEXT,
	EX_TIME_SHADOW,
	EX_TIME_LOG,
	EX_TIME_COMPILED,
	EX_TIME_KERNEL,
	EX_TIME_METADATA,
	EX_TIME_KEYSTORE,
	EX_TIME_NPM_LOG,
	EX_TIME_STAMP,
	/* order */
	EX_ORDER_READDIR,
	EX_ORDER_LINES,
	EX_ORDER_PACKAGES,
	/* identity */
	EX_ID_MACHINE,
	EX_ID_HOST,
	EX_ID_USER,
	EX_ID_OWNER,
	/* random */
	EX_RAND_HASH_SEED,
	EX_RAND_TOKEN,
	EX_RAND_UUID,
	EX_RAND_SALT,
	EX_RAND_KEY,
	EX_RAND_TEMP_NAME,
	EX_RAND_LTO,
	EX_RAND_COMPOSER,
	EX_RAND_SIGNATURE,
	/* caches and other files that are made again */
	EX_CACHE_LDCONFIG,
	EX_CACHE_APT,
	EX_CACHE_APT_LISTS,
	EX_CACHE_DEBCONF,
	EX_CACHE_FONTCONFIG,
	EX_CACHE_MAN,
	EX_CACHE_PYTHON,
	EX_CACHE_PIP,
	EX_CACHE_NPM,
	EX_CACHE_GO,
	EX_CACHE_CARGO,
	EX_CACHE_MAVEN,
	EX_CACHE_CDS,
	EX_CACHE_APK,
	EX_CACHE_RPM,
	EX_CACHE_SYSTEMD,
	EX_CACHE_HOME,
	/* what is left behind */
	EX_LEFT_TMP,
	EX_LEFT_ENGINE,
	EX_LEFT_BACKUP,
	EX_LEFT_LOGINS,
	EX_LEFT_GIT,
	EX_LEFT_KERNEL_LIST,
	/* the place of the build */
	EX_PATH_BUILD_DIR,
	EX_PATH_DIRECT_URL,
	EX_ENV_UMASK,
	EX_ENV_LOCALE,
	EX_ENV_TIMEZONE,
	EX_ENV_MACHINE,
	/* inputs that moved */
	EX_NET_PACKAGE,
	EX_TOOL_COMPILER,
	EX_TOOL_COMPRESSOR,
	EX_TOOL_BUILD_ID,
	EX_TOOL_KERNEL_CONFIG,
	EX_TOOL_SQLITE,
	EX_INPUT_CONFIG,
	EX_INPUT_CMDLINE,
	EX_INPUT_METADATA,
	EX_INPUT_HEADER,
	EX_INPUT_PART,
	/* the form of the archive */
	EX_FORM_INODES,
	EX_FORM_HARD_LINKS,
	EX_FORM_PADDING,
	EX_FORM_SECTION_ORDER,
	EX_FORM_DATABASE,
	EX_CAUSES
};

struct ex_cause_row {
	const char *code; /* "time.pyc-header" */
	const char *what; /* one clause, no full stop */
	const char *mend; /* the edit, or "normaliser NAME" with what it does */
};

SS_NONNULL const struct ex_cause_row *ex_cause_row(enum ex_cause c);

/* What the path alone tells: the file at this path, of a root file system without a leading "/", is
 * known to differ for this reason. EX_UNKNOWN: nothing. */
enum ex_cause ex_cause_of_path(struct ss_span path);

/* What two values tell that stand in each other's place: dates, versions, random digits, paths. */
enum ex_cause ex_cause_of_values(struct ss_span a, struct ss_span b);

/* What a line begins with: it was copied from /proc or the like. EX_UNKNOWN: nothing. */
enum ex_cause ex_cause_of_line(struct ss_span line);

/* The part of two lines that differs, widened to whole words. */
SS_NONNULL void ex_narrow(struct ss_span *a, struct ss_span *b);
