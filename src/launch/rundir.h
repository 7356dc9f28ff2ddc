/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The folder in which supervisors and those who ask them meet: $XDG_RUNTIME_DIR/selfsame, or
 * /run/selfsame for root. It is ours and 0700, or it is refused.
 *
 *   NAME.lock  locked by the supervisor for as long as it lives, however it ends
 *   NAME.sock  its socket (launch/talk.h)
 *   cid-N      locked likewise: no two enclaves of QEMU have one address
 *   run-…      private folders of machines (io/cache.h)
 *
 * What a supervisor left behind that is gone is told by its lock, and removed by whoever meets it.
 */
#define RUNDIR_MAX_NAME 64u
#define RUNDIR_MAX_ENCLAVES 256u
#define RUNDIR_FIRST_CID 16u

struct rundir {
	char *path;
	int fd;
};
#define RUNDIR_NONE                                                                                \
	{                                                                                          \
		.fd = -1                                                                           \
	}
void rundir_done(struct rundir *d);
#define AUTO_RUNDIR SS_CLEANUP(rundir_done)

/* Makes it where it is missing. */
SS_MUST_CHECK SS_NONNULL int rundir_open(struct rundir *ret, struct ss_err *err);

/* A name, and perhaps an address, that are ours until rundir_unclaim(), or until we are gone. */
struct rundir_claim {
	struct rundir *dir; /* borrowed */
	char name[RUNDIR_MAX_NAME + 1];
	int lock;
	int cid_lock;
	uint32_t cid;
};
#define RUNDIR_CLAIM_NONE                                                                          \
	{                                                                                          \
		.lock = -1, .cid_lock = -1                                                         \
	}
/* Letters, digits, "-", "_", "."; the first a letter or a digit; no longer than the limit. */
SS_MUST_CHECK SS_NONNULL bool rundir_is_name(const char *name);
/* What a file's name suggests: without folders and ".eif", other characters as "-". */
SS_NONNULL void rundir_name_of(const char *path, char ret[RUNDIR_MAX_NAME + 1]);
/* `exactly`: it is an error if somebody has it; else "-2", "-3" … is appended. */
SS_MUST_CHECK SS_NONNULL int rundir_claim_name(struct rundir *d, const char *name, bool exactly,
					       struct rundir_claim *ret, struct ss_err *err);
/* Adds an address: `cid`, or with 0 the first free one. */
SS_MUST_CHECK SS_NONNULL int rundir_claim_cid(struct rundir_claim *c, uint32_t cid,
					      struct ss_err *err);
/* Removes the files; a process that was forked since must not. Accepts RUNDIR_CLAIM_NONE. */
void rundir_unclaim(struct rundir_claim *c);
/* Lets go without removing anything: somebody else holds the same locks. */
void rundir_drop_claim(struct rundir_claim *c);

/* A listening socket at NAME.sock, for the claim's owner. */
SS_MUST_CHECK SS_NONNULL int rundir_listen(const struct rundir_claim *c, int *ret_fd,
					   struct ss_err *err);
/* Connects to an enclave's supervisor; *ret_fd -1: there is none of that name. */
SS_MUST_CHECK SS_NONNULL int rundir_call(const char *name, int *ret_fd, struct ss_err *err);

/* Names with a living supervisor, in order; what the dead left is removed. Root sees /run/selfsame
 * as well as its own. The caller frees each name and the list. */
struct rundir_names {
	char **v;
	size_t n;
};
SS_MUST_CHECK SS_NONNULL int rundir_list(struct rundir_names *ret, struct ss_err *err);
void rundir_names_done(struct rundir_names *n);
