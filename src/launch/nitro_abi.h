/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <sys/ioctl.h>

/*
 * What the driver behind /dev/nitro_enclaves takes and answers, under names of ours: kernel headers
 * before 5.10 do not have it. nitro_sys.c holds it against <linux/nitro_enclaves.h> where that
 * exists.
 */
struct nitro_image_load {
	uint64_t flags;
	uint64_t offset; /* out: where the EIF begins in the enclave's memory */
};

struct nitro_region {
	uint64_t flags;
	uint64_t size;
	uint64_t address;
};

struct nitro_start_info {
	uint64_t flags;
	uint64_t cid; /* in: 0 = any; out */
};

#define NITRO_CREATE_VM _IOR(0xAE, 0x20, uint64_t)
#define NITRO_ADD_VCPU _IOWR(0xAE, 0x21, uint32_t)
#define NITRO_IMAGE_LOAD _IOWR(0xAE, 0x22, struct nitro_image_load)
#define NITRO_ADD_REGION _IOW(0xAE, 0x23, struct nitro_region)
#define NITRO_START _IOWR(0xAE, 0x24, struct nitro_start_info)

#define NITRO_IMAGE_EIF 1u
#define NITRO_START_DEBUG 1u

/* Values of errno that only this driver has. */
enum nitro_errno {
	NITRO_VCPU_ALREADY_USED = 256,
	NITRO_VCPU_NOT_IN_POOL,
	NITRO_VCPU_INVALID_CORE,
	NITRO_REGION_SIZE,
	NITRO_REGION_ADDRESS,
	NITRO_REGION_UNALIGNED,
	NITRO_REGION_USED,
	NITRO_NOT_HUGE_PAGE,
	NITRO_OTHER_NODE,
	NITRO_MAX_REGIONS,
	NITRO_NO_REGIONS,
	NITRO_NO_VCPUS,
	NITRO_MEMORY_MIN,
	NITRO_FULL_CORES,
	NITRO_NOT_INIT_STATE,
	NITRO_INVALID_VCPU,
	NITRO_NO_CPUS_IN_POOL,
	NITRO_PAGE_SIZE,
	NITRO_INVALID_FLAG,
	NITRO_INVALID_CID, /* 275 */
};
