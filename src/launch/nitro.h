/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/machine.h"
#include "launch/nitro_sys.h"

/*
 * A Nitro enclave as a machine (launch/machine.h), straight over /dev/nitro_enclaves;
 * docs/nitro.md.
 *
 * The driver takes orders only from the address space that made the enclave: start, use and free it
 * in one process, after every fork(). Memory is huge pages of the CPU pool's NUMA node, and both
 * come from the allocator (/etc/nitro_enclaves/allocator.yaml); an error says which line of it to
 * change. If the process dies, the kernel ends the enclave.
 *
 * Heartbeat: vsock port 9000 is one for the whole instance. It is held only from just before the
 * enclave is started until it has called; who finds it taken waits, whether another selfsame,
 * another user's, another container's or nitro-cli has it. What listen() gives for that port is a
 * unix socket on which the enclave's byte arrives again. Not run on Nitro yet.
 */
#define NITRO_DEVICE "/dev/nitro_enclaves"
#define NITRO_TURN_MS 600000u /* for port 9000 */

struct nitro_opts {
	int eif; /* borrowed for the call */
	uint64_t eif_size;
	const struct nitro_sys *sys; /* NULL = nitro_sys_linux; else it outlives the machine */
};

SS_MUST_CHECK SS_NONNULL int nitro_start(const struct machine_spec *spec,
					 const struct nitro_opts *o, struct machine **ret,
					 struct ss_err *err);
