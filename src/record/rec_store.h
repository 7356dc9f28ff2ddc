/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "crypto/hash.h"

/*
 * The store of inputs: bodies that RUN steps fetched, each a file named by its SHA-256, shared by
 * all builds of one user (docs/formats/inputs.md). Nothing in it is trusted: what is handed out was
 * read and hashed first. Whoever uses the store holds a shared lock; who removes holds it alone.
 *
 * An object appears whole or not at all, whatever ends the program: its bytes go to a file without
 * a name, and the name is made last. Any number of threads may use one struct rec_store.
 */
#define REC_OBJECT_MAX ((uint64_t)64 << 30)
#define REC_HEX (2 * CRYPTO_SHA256_SIZE + 1)

struct rec_store {
	char *path;
	int dir;    /* -1 = closed */
	int lock;   /* holds the lock */
	bool named; /* no files without a name here (or in a test) */
	unsigned n; /* of names given in tmp/ */
};

#define REC_STORE_NONE                                                                             \
	{                                                                                          \
		.dir = -1, .lock = -1                                                              \
	}

enum rec_hold {
	REC_SHARED, /* to read and to add */
	REC_ALONE,  /* to remove; fails at once if anybody holds it */
};

/* `path` NULL = the user's. Made if it is not there. */
SS_MUST_CHECK int rec_store_open(const char *path, enum rec_hold hold, struct rec_store *ret,
				 struct ss_err *err);
void rec_store_done(struct rec_store *s); /* accepts NONE */
#define AUTO_REC_STORE SS_CLEANUP(rec_store_done)

/* --- reading -----------------------------------------------------------------------------------
 */

enum rec_found {
	REC_MISSING,
	REC_DAMAGED, /* there, but other bytes; rec_put_commit() mends it */
	REC_WHOLE,
};

/*
 * Opens an object and hashes it: only what is whole is handed out. ret_fd (NULL: only look) is at
 * the start; -1 unless REC_WHOLE. Its time of use is noted, once a day.
 */
SS_MUST_CHECK int rec_store_get(const struct rec_store *s, const uint8_t hash[CRYPTO_SHA256_SIZE],
				enum rec_found *ret, int *ret_fd, uint64_t *ret_size,
				struct ss_err *err);

/* --- adding ------------------------------------------------------------------------------------
 */

struct rec_put {
	struct rec_store *store;
	struct crypto_hash *hash;
	uint64_t size;
	uint64_t max;
	int fd;
	char name[32]; /* below tmp/; "" = it has none */
};

#define REC_PUT_NONE                                                                               \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* More than `max` bytes are refused; at most REC_OBJECT_MAX. */
SS_MUST_CHECK SS_NONNULL int rec_put_begin(struct rec_store *s, uint64_t max, struct rec_put *ret,
					   struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int rec_put_bytes(struct rec_put *p, struct ss_span bytes,
					   struct ss_err *err);
/*
 * Makes it an object. With `want` the hash must be that one: SS_EVERIFY otherwise, and nothing is
 * added. An object that is there already stays, unless it is damaged.
 */
SS_MUST_CHECK int rec_put_commit(struct rec_put *p, const uint8_t *want,
				 uint8_t ret[CRYPTO_SHA256_SIZE], struct ss_err *err);
void rec_put_done(struct rec_put *p); /* drops what was not committed; accepts NONE */
#define AUTO_REC_PUT SS_CLEANUP(rec_put_done)

/* To the disk, before a lock that relies on it: one call for all objects. */
SS_MUST_CHECK SS_NONNULL int rec_store_sync(const struct rec_store *s, struct ss_err *err);

/* --- all of it ---------------------------------------------------------------------------------
 */

struct rec_object {
	uint8_t hash[CRYPTO_SHA256_SIZE];
	uint64_t size;
	int64_t used; /* seconds since 1970 */
};

/* In the order of the hashes; what is no object is skipped and told to `odd` (may be NULL). */
SS_MUST_CHECK int
rec_store_each(const struct rec_store *s,
	       int (*each)(void *ctx, const struct rec_object *o, struct ss_err *err),
	       void (*odd)(void *ctx, struct ss_span path), void *ctx, struct ss_err *err);
/* Only under REC_ALONE. Absent is fine. */
SS_MUST_CHECK SS_NONNULL int rec_store_remove(const struct rec_store *s,
					      const uint8_t hash[CRYPTO_SHA256_SIZE],
					      struct ss_err *err);
