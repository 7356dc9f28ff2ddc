/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* Whole reads and writes on descriptors and small files: EINTR and short transfers end here. */

/* All of `s`, at the descriptor's own position. A full disk says so by name. */
SS_MUST_CHECK SS_NONNULL int io_write_all(int fd, struct ss_span s, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int io_pwrite_all(int fd, uint64_t at, struct ss_span s,
					   struct ss_err *err);

/* Up to `n` bytes; *ret_n < n only at the end of the file. */
SS_MUST_CHECK SS_NONNULL int io_read_full(int fd, uint8_t *p, size_t n, size_t *ret_n,
					  struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int io_pread_full(int fd, uint64_t at, uint8_t *p, size_t n, size_t *ret_n,
					   struct ss_err *err);

/*
 * A hint that these bytes, just written, may go to the disk now: then the sync at the end finds
 * little left. Does nothing where the system has no such call.
 */
void io_writeback(int fd, uint64_t at, uint64_t n);

/* A regular file, opened for reading; *ret_size may be NULL. Errors name the path. */
SS_MUST_CHECK int io_open_file(const char *path, int *ret_fd, uint64_t *ret_size,
			       struct ss_err *err);

/* A whole small file into an empty buffer born with its limit. */
SS_MUST_CHECK SS_NONNULL int io_load_file(const char *path, struct ss_buf *ret, struct ss_err *err);

/*
 * A spool: a read-write file without a name in $TMPDIR (default /var/tmp), which vanishes with its
 * last descriptor, however the program ends.
 */
SS_MUST_CHECK SS_NONNULL int io_spool_new(int *ret_fd, struct ss_err *err);
