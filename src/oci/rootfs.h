/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "oci/source.h"

/*
 * A folder as a root file system: names, owners, modes, links, devices, extended attributes as they
 * are there; hard links by device and inode. Contents are copied to a spool, so that the folder may
 * change afterwards; one that changes while its file is read is refused. Sockets are left out, as
 * every archiver does: they mean nothing without the process behind them.
 */
SS_MUST_CHECK SS_NONNULL int oci_rootfs_load(const char *dir, const struct oci_limits *limits,
					     struct tree *t, struct ss_err *err);
