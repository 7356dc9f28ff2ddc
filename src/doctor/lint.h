/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/enclave_lock.h"

/*
 * What a Dockerfile says that will not be the same tomorrow, found without building it. Each
 * finding has a stable code, a place, what it leads to and the edit that mends it; the rows are
 * docs/doctor.md, which a test compares. Codes are never renamed; new ones may come.
 *
 * RUN is read as shell (doctor/sh_lex.h); what cannot be read so is a finding too, for nothing in
 * it was checked. Caches and leftovers count only in stages that become part of the image.
 */
enum lint_code {
	/* images */
	LINT_IMAGE_LATEST,
	LINT_IMAGE_UNPINNED,
	/* downloads */
	LINT_ADD_CHECKSUM,
	LINT_ADD_GIT,
	LINT_DOWNLOAD_SHELL,
	LINT_DOWNLOAD_CHECKSUM,
	LINT_GIT_COMMIT,
	LINT_GIT_FOLDER,
	/* packages of the system */
	LINT_APT_VERSION,
	LINT_UPGRADE,
	LINT_APT_REPOSITORY,
	LINT_APT_LISTS,
	LINT_APK_VERSION,
	LINT_APK_VIRTUAL,
	LINT_APK_CACHE,
	LINT_RPM_VERSION,
	LINT_RPM_CACHE,
	LINT_PACMAN_VERSION,
	/* packages of languages */
	LINT_PIP_HASHES,
	LINT_PIP_CACHE,
	LINT_CONDA_VERSION,
	LINT_PYTHON_LOCK,
	LINT_NPM_INSTALL,
	LINT_NPM_GLOBAL,
	LINT_NPM_CACHE,
	LINT_YARN_LOCK,
	LINT_GO_LATEST,
	LINT_GO_UPDATE,
	LINT_CARGO_LOCKED,
	LINT_CARGO_VERSION,
	LINT_RUSTUP_CHANNEL,
	LINT_GEM_VERSION,
	LINT_BUNDLE_LOCK,
	LINT_PHP_VERSION,
	LINT_PERL_VERSION,
	LINT_DOTNET_LOCK,
	LINT_OTHER_VERSION,
	/* what a step asks the machine */
	LINT_TIME_DATE,
	LINT_TIME_VARIABLE,
	LINT_TIME_EPOCH,
	LINT_RANDOM_VARIABLE,
	LINT_RANDOM_UUID,
	LINT_RANDOM_DEVICE,
	LINT_RANDOM_KEY,
	LINT_RANDOM_SALT,
	LINT_HOST_NAME,
	LINT_HOST_KERNEL,
	LINT_HOST_PROC,
	LINT_HOST_NATIVE,
	LINT_ACCOUNT_NUMBER,
	/* what a step packs */
	LINT_ARCHIVE_TAR,
	LINT_ARCHIVE_GZIP,
	LINT_ARCHIVE_ZIP,
	LINT_ARCHIVE_JAR,
	LINT_ARCHIVE_FIND,
	LINT_KEYSTORE,
	/* what was not looked at */
	LINT_NOT_READ,
	LINT_NOT_SHELL,
	LINT_CODES
};

struct lint_row {
	const char *code; /* "apt.no-version" */
	const char *what; /* one clause, no full stop */
	const char *leads;
	const char *mend;
};
SS_NONNULL const struct lint_row *lint_row(enum lint_code c);

#define LINT_FILE_MAX ((size_t)1 << 20)
#define LINT_KEEP 10000u /* findings kept; the rest is only counted */
#define LINT_WORDS 120u  /* bytes of the words that are kept */

struct lint_finding {
	enum lint_code code;
	uint32_t line;
	size_t at; /* in the file: where the words begin */
	size_t seq;
	char *words;
};

struct lint_report {
	struct lint_finding *v; /* by place, then by code */
	size_t n;
	size_t cap;
	uint64_t left_out;
};

struct lint_options {
	const struct cfg_lock *locked; /* bases that it pins are pinned; may be NULL */
	const struct cfg_pairs *args;  /* build arguments */
	const char *platform;          /* "linux/amd64" */
	const char *target;            /* the stage that is built; NULL = the last */
	/* True if the file of that name in the context holds the text. NULL: nothing is known of a
	 * context. */
	bool (*has)(void *ctx, const char *path, const char *text);
	void *ctx;
};

/* SS_EINPUT, SS_ELIMIT: not a Dockerfile; the message has the line. On success lint_report_done()
 * is due. */
SS_MUST_CHECK SS_NONNULL int lint_read(struct ss_span in, const struct lint_options *o,
				       struct lint_report *ret, struct ss_err *err);
SS_NONNULL void lint_report_done(struct lint_report *r);
