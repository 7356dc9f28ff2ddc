/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

/*
 * /etc/hostname, /etc/hosts and /etc/resolv.conf of the image, written anew before the application
 * starts: what they say is the runtime's, never the host's. Whatever had such a name goes, so a
 * link is not followed and another name of the same file keeps what it holds; times of the image
 * stay. /etc is made if it is lacking; one that is a link, or no directory, is left alone, and then
 * *ret_written is false.
 */
#define RT_HOSTNAME "enclave"

/* `root`: the directory that becomes the application's root. `resolver`: an address, or NULL where
 * there is none to ask. */
SS_MUST_CHECK int rt_etc_write(int root, const char *resolver, bool *ret_written,
			       struct ss_err *err);
