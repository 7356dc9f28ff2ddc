/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "launch/nitro_sys.h"

#include <stdbool.h>

/*
 * A Nitro instance as its driver's documentation describes it, behind struct nitro_sys: CPU pool,
 * huge pages, up to four enclaves, and vsock (unix sockets with abstract names). It refuses what
 * the driver refuses, in the driver's order. Siblings: CPU n and n + cores.
 */
#define MODEL_CPUS 16u
#define MODEL_ENCLAVES 4u
#define MODEL_KINDS 4u
#define MODEL_MAPS 16u
#define MODEL_FIRST_CID 16u

struct model_pages {
	unsigned shift;
	uint64_t total, free;
};

struct model_map {
	uint8_t *p;
	void *whole; /* what munmap() takes */
	uint64_t size, whole_size;
	unsigned shift;
	int node;
};

struct model_enclave {
	bool exists, started, debug;
	int mm;
	int fd;    /* the caller's end of a pipe */
	int alive; /* ours: closed when the enclave ends */
	bool vcpus[MODEL_CPUS];
	unsigned n_vcpus, n_regions, n_ioctls; /* regions as the hypervisor counts them */
	uint64_t addresses[MODEL_MAPS], sizes[MODEL_MAPS], memory;
	uint64_t cid;
};

struct nitro_model {
	struct nitro_sys sys;
	/* To be changed before use. */
	unsigned cpus, threads; /* of the instance, of a core */
	bool pool[MODEL_CPUS];
	int nodes, pool_node, memory_node;
	struct model_pages pages[MODEL_KINDS];
	unsigned max_regions;
	bool scattered; /* no two pages are neighbours */
	uint64_t image_offset;
	const char *allocator;
	int open_errno, map_errno, start_errno;
	unsigned refused_shift; /* a control group gives none of these pages */
	bool map_bad;           /* the pages are not there after all */
	int mm;                 /* of the process that calls */
	void (*on_pause)(struct nitro_model *m);
	/* To be looked at. */
	struct model_enclave enclaves[MODEL_ENCLAVES];
	struct model_map maps[MODEL_MAPS];
	unsigned pauses;
};

/* 8 CPUs, 2 threads a core, CPUs 2, 3, 6 and 7 in the pool, 256 pages of 2 MiB, all on node 0. */
void nitro_model_init(struct nitro_model *m);
void nitro_model_done(struct nitro_model *m);

/* As if the enclave had ended by itself. */
void nitro_model_end(struct model_enclave *e);
/* The owner has closed it. */
bool nitro_model_is_closed(const struct model_enclave *e);
unsigned nitro_model_maps(const struct nitro_model *m);
/* A byte of the enclave's memory. */
uint8_t nitro_model_byte(const struct model_enclave *e, uint64_t at);

/* A call from `cid` to a port of the parent: blocking, or -1. */
int nitro_model_call(uint32_t cid, uint32_t port);
/* Listens where the enclave (or, CID 0, the hypervisor) would. */
int nitro_model_listen(uint32_t cid, uint32_t port);
