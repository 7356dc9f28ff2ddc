/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A machine that runs one EIF: a Nitro enclave (launch/nitro.h) or QEMU (launch/qemu.h), seen alike
 * by what serves it (launch/host.h). The owner polls; nothing here waits but start, stop and free.
 *
 * Vsock: the host is CID 3. `dial` calls a port of the enclave; `listen` takes the calls of this
 * enclave, and of no other, to a port of the host.
 */
struct machine;

#define MACHINE_MAX_CONNS 12288u /* streams of one enclave at a time, both ways */

struct machine_spec {
	const char *eif;     /* path */
	uint64_t memory_mib; /* decided by the caller: launch/need.h */
	unsigned cpus;
	uint32_t cid; /* 0 = any that is free */
	bool debug;   /* Nitro: console, and PCR0..2 of zeros */
};

struct machine_end {
	bool by_us;    /* machine_stop() */
	bool in_order; /* the guest ended itself */
	char why[256]; /* otherwise: what is known ("QEMU ended with status 1: …") */
};

struct machine_ops {
	const char *name; /* "nitro", "qemu nitro-enclave", "qemu microvm with our NSM", "qemu
			     microvm" */
	/* A non-blocking stream to the enclave's port. Connecting may still be under way (writable
	 * = connected), and a port that nobody listens at may be an end of the stream as well as an
	 * error of the socket. */
	int (*dial)(struct machine *m, uint32_t port, struct ss_err *err);
	/* A listening socket for the enclave's calls; *port 0 = any, and then what it became.
	 * accept4() it with the owner's own hands; on Nitro calls of other CIDs come too and are to
	 * be closed: see machine_is_ours(). */
	int (*listen)(struct machine *m, uint32_t *port, struct ss_err *err);
	bool (*is_ours)(const struct machine *m, int accepted_fd);
	int (*console)(const struct machine *m); /* readable console bytes, or -1 */
	int (*end_fd)(const struct machine *m);  /* readable when the machine has ended */
	void (*end)(struct machine *m, struct machine_end *ret); /* after that */
	void (*stop)(struct machine *m); /* at once, without a word to the guest */
	void (*free)(struct machine *m); /* ends it if it has not; nothing is left behind */
};

/* What every implementation's struct begins with. */
struct machine {
	const struct machine_ops *ops;
	uint32_t cid;
	bool has_nsm;       /* something inside answers /dev/nsm */
	bool is_attested;   /* its documents are signed by AWS's root */
	const char *notice; /* one line to tell the user, or NULL */
};
