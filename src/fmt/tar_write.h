/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * The one kind of tar that this project writes: ustar, regular files, mode 0644, owner 0, time 0,
 * so that the bytes depend on names and contents only. Sizes of 8 GiB and more are in base 256, as
 * GNU tar writes them and every reader reads them.
 */
#define TAR_WRITE_NAME_MAX 100u

/* The header of a file; its bytes follow, then tar_write_pad(). `name` has at most
 * TAR_WRITE_NAME_MAX bytes. */
SS_NONNULL void tar_write_header(const char *name, uint64_t size, struct ss_buf *ret);
/* Zeros from `size` bytes up to the next block. */
SS_NONNULL void tar_write_pad(uint64_t size, struct ss_buf *ret);
/* Two blocks of zeros. */
SS_NONNULL void tar_write_end(struct ss_buf *ret);
