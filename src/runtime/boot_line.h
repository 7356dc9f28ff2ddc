/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * The kernel's command line as stage0 demands it:
 *
 *     selfsame.rd0=<bytes>:<SHA-384 of ramdisk 0, 96 lower hex digits> <text>
 *
 * at the very beginning, then the end or a space. <text> is compiled into stage0. What follows the
 * space is the host's or the hypervisor's and decides nothing here.
 */
struct rt_boot_line {
	uint64_t rd0_size;
	uint8_t rd0_sha384[48];
};

/* `line` is /proc/cmdline; one newline at its end, which the kernel adds, is not part of it. */
SS_MUST_CHECK SS_NONNULL int rt_boot_line_read(struct ss_span line, const char *text,
					       struct rt_boot_line *ret, struct ss_err *err);
