/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nitro_abi.h"
#include "launch/nitro_error.h"
#include "nitro_run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* --- the driver's errors, each provoked in the model -------------------------------------------
 */

struct raw {
	struct nitro_model *m;
	int fd;
	uint8_t *p; /* 64 MiB of huge pages */
};

static int vcpu(const struct raw *r, uint32_t id)
{
	return r->m->sys.ioctl(r->m, r->fd, NITRO_ADD_VCPU, &id);
}

static int region(const struct raw *r, const void *p, uint64_t size, uint64_t flags)
{
	struct nitro_region g = { flags, size, (uintptr_t)p };

	return r->m->sys.ioctl(r->m, r->fd, NITRO_ADD_REGION, &g);
}

static int go(const struct raw *r, uint64_t cid, uint64_t flags)
{
	struct nitro_start_info i = { flags, cid };

	return r->m->sys.ioctl(r->m, r->fd, NITRO_START, &i);
}

static int used_vcpu(struct raw *r)
{
	return vcpu(r, 2) < 0 ? 0 : vcpu(r, 2);
}

static int foreign_vcpu(struct raw *r)
{
	return vcpu(r, 1);
}

static int half_core(struct raw *r)
{
	r->m->pool[6] = false;
	return vcpu(r, 2);
}

static int odd_size(struct raw *r)
{
	return region(r, r->p, MIB, 0);
}

static int wild_address(struct raw *r)
{
	return region(r, r->p + 64 * MIB, 2 * MIB, 0);
}

static int unaligned(struct raw *r)
{
	return region(r, r->p + 4096, 2 * MIB, 0);
}

static int twice(struct raw *r)
{
	return region(r, r->p, 2 * MIB, 0) < 0 ? 0 : region(r, r->p, 2 * MIB, 0);
}

static int with_pages(struct raw *r, unsigned shift)
{
	r->m->pages[1] = (struct model_pages){ shift, 1u << 20, 1u << 20 };
	return region(r, r->m->sys.map(r->m, 2 * MIB, shift, 0), 2 * MIB, 0);
}

static int small_pages(struct raw *r)
{
	return with_pages(r, 12);
}

static int medium_pages(struct raw *r)
{
	return with_pages(r, 16);
}

static int other_node(struct raw *r)
{
	r->m->pages[1] = (struct model_pages){ 22, 1, 1 };
	return region(r, r->m->sys.map(r->m, 4 * MIB, 22, 1), 4 * MIB, 0);
}

static int many_regions(struct raw *r)
{
	r->m->max_regions = 1;
	return region(r, r->p, 2 * MIB, 0) < 0 ? 0 : region(r, r->p + 2 * MIB, 2 * MIB, 0);
}

static int no_regions(struct raw *r)
{
	return go(r, 0, 0);
}

static int no_vcpus(struct raw *r)
{
	return region(r, r->p, 64 * MIB, 0) < 0 ? 0 : go(r, 0, 0);
}

static int little_memory(struct raw *r)
{
	return region(r, r->p, 62 * MIB, 0) < 0 ? 0 : go(r, 0, 0);
}

static int one_of_a_core(struct raw *r)
{
	return region(r, r->p, 64 * MIB, 0) < 0 || vcpu(r, 0) < 0 ? 0 : go(r, 0, 0);
}

static int started(struct raw *r)
{
	if (region(r, r->p, 64 * MIB, 0) < 0 || vcpu(r, 0) < 0 || vcpu(r, 0) < 0 || go(r, 0, 0) < 0)
		return 0;
	return go(r, 0, 0);
}

static int wild_vcpu(struct raw *r)
{
	return vcpu(r, 8);
}

static int empty_pool(struct raw *r)
{
	uint64_t slot;

	memset(r->m->pool, 0, sizeof(r->m->pool));
	return r->m->sys.ioctl(r->m, -1, NITRO_CREATE_VM, &slot);
}

static int wild_flag(struct raw *r)
{
	return go(r, 0, 2);
}

static int wild_cid(struct raw *r)
{
	return go(r, UINT32_MAX, 0);
}

#define FILE_ "in /etc/nitro_enclaves/allocator.yaml "

static const struct {
	int (*provoke)(struct raw *r);
	int number;
	const char *msg;
} errors[] = {
	{ used_vcpu, NITRO_VCPU_ALREADY_USED,
	  "a CPU that was to be added belongs to an enclave already; " FILE_
	  "set 'cpu_count: 6' (now 4)" },
	{ foreign_vcpu, NITRO_VCPU_NOT_IN_POOL,
	  "a CPU that was to be added is not in the pool for enclaves; " FILE_
	  "set 'cpu_count: 4' (now 4)" },
	{ half_core, NITRO_VCPU_INVALID_CORE,
	  "a CPU that was to be added is on a core that is not in the pool for enclaves; " FILE_
	  "set 'cpu_count: 4' (now 4)" },
	{ odd_size, NITRO_REGION_SIZE, "a region of memory is not a multiple of 2 MiB" },
	{ wild_address, NITRO_REGION_ADDRESS,
	  "a region of memory is not at an address of this process" },
	{ unaligned, NITRO_REGION_UNALIGNED,
	  "a region of memory does not begin at a multiple of 2 MiB" },
	{ twice, NITRO_REGION_USED, "a region of memory was given to the enclave twice" },
	{ small_pages, NITRO_NOT_HUGE_PAGE,
	  "a region of memory is not made of huge pages; " FILE_
	  "set 'memory_mib: 576' (now 512; 448 MiB free)" },
	{ other_node, NITRO_OTHER_NODE,
	  "the huge pages are on another NUMA node than the CPUs of the pool; " FILE_
	  "set 'memory_mib: 576' (now 512; 448 MiB free)" },
	{ many_regions, NITRO_MAX_REGIONS,
	  "the memory is in more pieces than an enclave may have (7 regions were taken); huge "
	  "pages "
	  "of 1 GiB make fewer: " FILE_
	  "set 'memory_mib: 1024' (now 512), soon after the instance has started" },
	{ no_regions, NITRO_NO_REGIONS, "the enclave was started without memory" },
	{ no_vcpus, NITRO_NO_VCPUS, "the enclave was started without a CPU" },
	{ little_memory, NITRO_MEMORY_MIN,
	  "the memory is less than the 64 MiB that every enclave needs" },
	{ one_of_a_core, NITRO_FULL_CORES,
	  "an enclave gets whole cores, and these CPUs are not; a core has 2: give --cpus 4" },
	{ started, NITRO_NOT_INIT_STATE, "the enclave has been started already and takes no more" },
	{ wild_vcpu, NITRO_INVALID_VCPU,
	  "a CPU that was to be added does not exist on this instance; " FILE_
	  "set 'cpu_count: 4' (now 4)" },
	{ empty_pool, NITRO_NO_CPUS_IN_POOL,
	  "the pool has no CPU left for this enclave; " FILE_ "set 'cpu_count: 6' (now 4)" },
	{ medium_pages, NITRO_PAGE_SIZE,
	  "a region of memory is of pages that are not multiples of 2 MiB; " FILE_
	  "set 'memory_mib: 576' (now 512; 448 MiB free)" },
	{ wild_flag, NITRO_INVALID_FLAG, "the driver does not know a flag that it was given" },
	{ wild_cid, NITRO_INVALID_CID,
	  "no enclave can have this CID: 0 to 3, 2^32-1 and the parent's own are taken" },
};

static void every_error_of_the_driver_has_its_sentence(void **state)
{
	(void)state;
	assert_int_equal(SS_NELEMS(errors), 275 - 256 + 1);
	for (size_t i = 0; i < SS_NELEMS(errors); i++) {
		const struct nitro_case c = {
			.memory_mib = 512, .cpus = 3, .cpus_added = 1, .regions = 7
		};
		struct nitro_model m;
		struct nitro_pool p;
		struct ss_err err = { 0 };
		struct raw r = { .m = &m };
		uint64_t slot;

		nitro_model_init(&m);
		nitro_pool_load(&m.sys, &p);
		r.fd = m.sys.ioctl(&m, -1, NITRO_CREATE_VM, &slot);
		r.p = m.sys.map(&m, 64 * MIB, 21, 0);
		assert_int_equal(errors[i].provoke(&r), -1);
		assert_int_equal(errno, errors[i].number);
		p.pages[NITRO_PAGE_SIZES - 1].free = m.pages[0].free;
		nitro_explain(&c, &p, errors[i].number, &err);
		assert_string_equal(err.msg, errors[i].msg);
		/* No two are alike. */
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(errors[k].msg, errors[i].msg);
		(void)close(r.fd);
		nitro_model_done(&m);
	}
}

static void another_address_space_is_told(void **state)
{
	struct fixture *f = *state;
	const struct nitro_case c = { .step = NITRO_AT_REGION };
	const struct nitro_pool p = { 0 };
	struct raw r = { .m = &f->m };
	struct ss_err err = { 0 };
	uint64_t slot;

	r.fd = f->m.sys.ioctl(&f->m, -1, NITRO_CREATE_VM, &slot);
	f->m.mm = 2;
	assert_int_equal(vcpu(&r, 0), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(region(&r, NULL, 2 * MIB, 0), -1);
	nitro_explain(&c, &p, errno, &err);
	assert_string_equal(err.msg, "cannot give the enclave memory: the driver takes orders only "
				     "from the process that made it");
	(void)close(r.fd);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, nitro_run_setup, nitro_run_teardown)
	const struct CMUnitTest tests[] = {
		T(every_error_of_the_driver_has_its_sentence),
		T(another_address_space_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
