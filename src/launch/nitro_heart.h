/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "launch/nitro_sys.h"

#include <pthread.h>
#include <stdbool.h>

/*
 * The one call that an enclave makes when it boots, to port 9000 of an address that all enclaves of
 * the instance share. The port is taken before the enclave starts and let go as soon as it has
 * called, by a thread of its own: so enclaves of all users, containers and programs can start at
 * the same time, and take turns for that moment. The byte is answered here, and arrives once more
 * on a unix socket, where the machine's owner waits for it.
 */
#define NITRO_HEART_BYTE 0xb7u
#define NITRO_HEART_CALL_MS 10000u /* for the byte of one call */

struct nitro_heart {
	const struct nitro_sys *sys;
	int port;  /* vsock, listening; -1 when its turn is over */
	int owner; /* unix, listening; -1 once the owner has it */
	int beat;  /* connected to it */
	int stop;  /* eventfd */
	uint32_t cid;
	bool running;
	pthread_t thread;
};

/* Waits until the port is free, at most `limit_ms`. */
SS_MUST_CHECK SS_NONNULL int nitro_heart_open(const struct nitro_sys *sys, unsigned limit_ms,
					      struct nitro_heart *ret, struct ss_err *err);
/* `h` stays where it is from here on. */
SS_MUST_CHECK SS_NONNULL int nitro_heart_run(struct nitro_heart *h, uint32_t cid,
					     struct ss_err *err);
void nitro_heart_done(struct nitro_heart *h); /* accepts what nitro_heart_open() failed on */

/* A call on the owner's socket that comes from here. */
SS_MUST_CHECK bool nitro_heart_is_ours(int fd);
