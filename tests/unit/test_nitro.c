/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/nitro.h"
#include "launch/nitro_abi.h"
#include "launch/nitro_error.h"
#include "launch/nitro_heart.h"
#include "launch/nitro_memory.h"
#include "nitro_model.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB (1ull << 20)
#define IMAGE_SIZE (3u * 1024 * 1024 + 77)

struct fixture {
	struct nitro_model m;
	int image;
};

static uint8_t image_byte(uint64_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16) + 1);
}

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	uint8_t *bytes = ss_calloc(1, IMAGE_SIZE);

	nitro_model_init(&f->m);
	f->image = memfd_create("image", MFD_CLOEXEC);
	for (uint64_t i = 0; i < IMAGE_SIZE; i++)
		bytes[i] = image_byte(i);
	assert_int_equal(write(f->image, bytes, IMAGE_SIZE), IMAGE_SIZE);
	free(bytes);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nitro_model_done(&f->m);
	ss_closep(&f->image);
	free(f);
	return 0;
}

static struct machine_spec spec(uint64_t memory_mib, unsigned cpus)
{
	return (struct machine_spec){ .eif = "x", .memory_mib = memory_mib, .cpus = cpus };
}

static int start(struct fixture *f, const struct machine_spec *s, struct machine **ret,
		 struct ss_err *err)
{
	const struct nitro_opts o = { .eif = f->image, .eif_size = IMAGE_SIZE, .sys = &f->m.sys };

	return nitro_start(s, &o, ret, err);
}

static struct machine *must_start(struct fixture *f, uint64_t memory_mib)
{
	const struct machine_spec s = spec(memory_mib, 2);
	struct machine *m = NULL;
	struct ss_err err = { 0 };

	expect_ok(start(f, &s, &m, &err), &err);
	return m;
}

static void refused(struct fixture *f, const struct machine_spec *s, enum ss_code code,
		    const char *msg)
{
	struct machine *m = NULL;
	struct ss_err err = { 0 };

	expect_fails(start(f, s, &m, &err), &err, code, msg);
	/* Nothing is left behind. */
	assert_null(m);
	assert_int_equal(nitro_model_maps(&f->m), 0);
	for (size_t i = 0; i < MODEL_ENCLAVES; i++)
		if (f->m.enclaves[i].exists)
			assert_true(nitro_model_is_closed(&f->m.enclaves[i]));
}

static bool is_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* --- start -------------------------------------------------------------------------------------
 */

static void the_image_lies_at_its_offset_across_the_regions(void **state)
{
	struct fixture *f = *state;
	const struct model_enclave *e = &f->m.enclaves[0];
	struct machine *m;

	f->m.pages[0] = (struct model_pages){ 23, 1, 1 };
	f->m.pages[1] = (struct model_pages){ 21, 100, 100 };
	f->m.image_offset = 7 * MIB;
	m = must_start(f, 65);

	assert_int_equal(e->n_ioctls, 2);
	assert_int_equal(e->sizes[0], 8 * MIB);
	assert_int_equal(e->sizes[1], 58 * MIB); /* 57 and what fills the page */
	assert_int_equal(nitro_model_byte(e, 7 * MIB - 1), 0);
	for (uint64_t i = 0; i < IMAGE_SIZE; i++)
		if (nitro_model_byte(e, 7 * MIB + i) != image_byte(i))
			fail_msg("byte %llu is another", (unsigned long long)i);
	assert_int_equal(nitro_model_byte(e, 7 * MIB + IMAGE_SIZE), 0);
	assert_true(e->started);
	assert_false(e->debug);
	assert_int_equal(m->cid, MODEL_FIRST_CID);
	assert_string_equal(m->ops->name, "nitro");
	assert_true(m->has_nsm && m->is_attested);
	assert_null(m->notice);
	assert_int_equal(m->ops->console(m), -1);
	m->ops->free(m);
	assert_int_equal(nitro_model_maps(&f->m), 0);
	assert_true(nitro_model_is_closed(e));
}

static void a_region_wholly_before_the_image_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct machine *m;

	f->m.pages[0] = (struct model_pages){ 22 + 1, 1, 1 };
	f->m.pages[1] = (struct model_pages){ 21, 100, 100 };
	f->m.image_offset = 10 * MIB;
	m = must_start(f, 64);
	assert_int_equal(nitro_model_byte(&f->m.enclaves[0], 10 * MIB - 1), 0);
	assert_int_equal(nitro_model_byte(&f->m.enclaves[0], 10 * MIB), image_byte(0));
	m->ops->free(m);
}

static void sizes_that_are_refused_are_made_up_for_by_others(void **state)
{
	struct fixture *f = *state;
	struct machine *m;

	f->m.pages[1] = (struct model_pages){ 25, 4, 4 };
	f->m.refused_shift = 25;
	m = must_start(f, 64);
	assert_int_equal(f->m.enclaves[0].n_ioctls, 1);
	assert_int_equal(f->m.pages[0].free, 256 - 32);
	assert_int_equal(f->m.pages[1].free, 4);
	m->ops->free(m);
}

static void pages_are_planned_largest_first(void **state)
{
	static const struct {
		uint64_t mib, gib_free, small_free; /* pages of 1 GiB, of 2 MiB */
		bool enough;
		uint64_t gib, small;
	} cases[] = {
		{ 512, 0, 256, true, 0, 256 },
		{ 514, 0, 256, false, 0, 0 },
		{ 1024, 1, 0, true, 1, 0 },
		{ 1026, 1, 1, true, 1, 1 },
		{ 1025, 1, 1, true, 1, 1 },
		{ 1026, 1, 0, false, 0, 0 },
		{ 512, 1, 0, true, 1, 0 },
		{ 512, 1, 255, true, 1, 0 }, /* the larger one holds it all */
		{ 512, 1, 256, true, 0, 256 },
		{ 3072, 1, 1024, true, 1, 1024 },
		{ 2048, 3, 512, true, 2, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct nitro_pool p = { 0 };
		uint64_t n[NITRO_PAGE_SIZES];

		for (size_t k = 0; k < NITRO_PAGE_SIZES; k++)
			p.pages[k].shift = k < 3 ? 34 - (unsigned)k * 2 : 28 - (unsigned)(k - 3);
		p.pages[2] = (struct nitro_pages){ 30, 9, cases[i].gib_free };
		p.pages[NITRO_PAGE_SIZES - 1] = (struct nitro_pages){ 21, 9, cases[i].small_free };
		assert_int_equal(nitro_memory_plan(&p, cases[i].mib * MIB, n), cases[i].enough);
		if (!cases[i].enough)
			continue;
		assert_int_equal(n[2], cases[i].gib);
		assert_int_equal(n[NITRO_PAGE_SIZES - 1], cases[i].small);
	}
}

static void cpus_are_whole_cores_and_the_cid_is_the_one_asked_for(void **state)
{
	struct fixture *f = *state;
	struct machine_spec s = spec(64, 2);
	struct machine *m = NULL;
	struct ss_err err = { 0 };

	s.cid = 77;
	expect_ok(start(f, &s, &m, &err), &err);
	assert_int_equal(m->cid, 77);
	assert_int_equal(f->m.enclaves[0].n_vcpus, 2);
	assert_true(f->m.enclaves[0].vcpus[2] && f->m.enclaves[0].vcpus[6]);
	m->ops->free(m);
}

/* --- what is refused ---------------------------------------------------------------------------
 */

static void orders_that_cannot_be_met_say_what_to_change(void **state)
{
	struct fixture *f = *state;
	struct machine_spec s = spec(64, 3);

	refused(f, &s, SS_EUSAGE,
		"an enclave gets whole cores, and these CPUs are not; a core has 2: give --cpus 4");
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));
	s = spec(64, 0);
	refused(f, &s, SS_EUSAGE, "the enclave was started without a CPU");
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));
	s = spec(62, 2);
	refused(f, &s, SS_EUSAGE, "the memory is less than the 64 MiB that every enclave needs");
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));
	s = spec(64, 2);
	s.cid = 3;
	refused(f, &s, SS_EUSAGE,
		"no enclave can have this CID: 0 to 3, 2^32-1 and the parent's own are taken");
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));
	s = spec(64, 6);
	refused(f, &s, SS_ESYS,
		"the pool has no CPU left for this enclave; in /etc/nitro_enclaves/allocator.yaml "
		"set 'cpu_count: 6' (now 4)");
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));
	s = spec(64, 8);
	refused(f, &s, SS_ESYS,
		"the pool has no CPU left for this enclave; this instance can give 6 in all, and "
		"the pool has 4: stop another enclave, ask for fewer, or take a larger instance");
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));
	s = spec(1024, 2);
	refused(f, &s, SS_ESYS,
		"the huge pages of NUMA node 0 do not hold the enclave's 1024 MiB; in "
		"/etc/nitro_enclaves/allocator.yaml set 'memory_mib: 1024' (now 512; 512 MiB "
		"free)");
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));
	s = spec(10, 2);
	refused(f, &s, SS_EUSAGE,
		"the image of 3145805 bytes goes to byte 8388608 of the enclave's memory, which "
		"has 10485760");
}

static void memory_that_another_enclave_has_is_added_to_what_is_configured(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 128);
	const struct machine_spec s = spec(448, 2);
	struct machine *other = NULL;
	struct ss_err err = { 0 };

	expect_fails(start(f, &s, &other, &err), &err, SS_ESYS,
		     "the huge pages of NUMA node 0 do not hold the enclave's 448 MiB; in "
		     "/etc/nitro_enclaves/allocator.yaml set 'memory_mib: 576' (now 512; 384 MiB "
		     "free)");
	assert_string_equal(err.hint, "then, with no enclave running: systemctl restart "
				      "nitro-enclaves-allocator.service");
	m->ops->free(m);
}

static void an_instance_that_is_not_ready_says_what_is_missing(void **state)
{
	struct fixture *f = *state;
	const struct machine_spec s = spec(128, 2);

	f->m.open_errno = ENOENT;
	refused(f, &s, SS_ESYS, "cannot open '/dev/nitro_enclaves': No such file or directory");
	f->m.open_errno = EACCES;
	refused(f, &s, SS_ESYS, "cannot open '/dev/nitro_enclaves': Permission denied");
	f->m.open_errno = 0;

	f->m.max_regions = 63;
	f->m.scattered = true;
	refused(f, &s, SS_ESYS,
		"the memory is in more pieces than an enclave may have (0 regions were taken); "
		"huge pages of 1 GiB make fewer: in /etc/nitro_enclaves/allocator.yaml set "
		"'memory_mib: 1024' (now 512), soon after the instance has started");
	f->m.scattered = false;
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));

	f->m.memory_node = 1;
	refused(f, &s, SS_ESYS,
		"the huge pages are on another NUMA node than the CPUs of the pool; in "
		"/etc/nitro_enclaves/allocator.yaml keep 'memory_mib: 512' (now 512; 512 MiB "
		"free)");
	f->m.memory_node = 0;
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));

	f->m.map_errno = ENOMEM;
	refused(f, &s, SS_ESYS,
		"the huge pages of NUMA node 0 do not hold the enclave's 128 MiB; in "
		"/etc/nitro_enclaves/allocator.yaml keep 'memory_mib: 512' (now 512; 512 MiB "
		"free)");
	f->m.map_errno = EPERM;
	refused(f, &s, SS_ESYS, "cannot get huge pages of 2048 KiB: Operation not permitted");
	f->m.map_errno = 0;
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));

	f->m.map_bad = true; /* pread() cannot write there: no SIGBUS */
	refused(f, &s, SS_ESYS,
		"the huge pages of NUMA node 0 do not hold the enclave's 128 MiB; in "
		"/etc/nitro_enclaves/allocator.yaml keep 'memory_mib: 512' (now 512; 512 MiB "
		"free)");
	f->m.map_bad = false;
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));

	f->m.start_errno = EBUSY;
	refused(f, &s, SS_ESYS, "cannot start the enclave: Device or resource busy");
	memset(f->m.enclaves, 0, sizeof(f->m.enclaves));

	memset(f->m.pool, 0, sizeof(f->m.pool));
	f->m.allocator = "---\nmemory_mib: 512\ncpu_pool: 2,3\n";
	refused(f, &s, SS_ESYS,
		"the pool has no CPU left for this enclave; in /etc/nitro_enclaves/allocator.yaml "
		"set 'cpu_count: 2' instead of 'cpu_pool: 2,3', or add 2 CPUs to that");
}

static void an_image_that_shrinks_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct machine_spec s = spec(64, 2);

	assert_int_equal(ftruncate(f->image, 1000), 0);
	refused(f, &s, SS_EINPUT, "the image has become shorter");
}

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

/* --- its end -----------------------------------------------------------------------------------
 */

static void the_end_of_an_enclave_is_seen(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);
	struct machine_end e = { .why = "?" };

	assert_false(is_readable(m->ops->end_fd(m), 0));
	nitro_model_end(&f->m.enclaves[0]);
	assert_true(is_readable(m->ops->end_fd(m), 1000));
	m->ops->end(m, &e);
	assert_true(e.in_order);
	assert_false(e.by_us);
	assert_string_equal(e.why, "");
	m->ops->free(m);
}

static void stopping_ends_it_at_once_and_twice_is_no_harm(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);
	struct machine_end e;

	m->ops->stop(m);
	assert_true(nitro_model_is_closed(&f->m.enclaves[0]));
	assert_true(is_readable(m->ops->end_fd(m), 1000));
	m->ops->stop(m);
	m->ops->end(m, &e);
	assert_true(e.by_us);
	assert_false(e.in_order);
	m->ops->free(m);
	assert_int_equal(nitro_model_maps(&f->m), 0);
}

/* --- vsock -------------------------------------------------------------------------------------
 */

static void beat(int fd, bool answered)
{
	const uint8_t byte = NITRO_HEART_BYTE;
	uint8_t got = 0;

	assert_true(fd >= 0);
	(void)!send(fd, &byte, 1, MSG_NOSIGNAL);
	assert_int_equal(recv(fd, &got, 1, 0) == 1, answered);
	if (answered)
		assert_int_equal(got, NITRO_HEART_BYTE);
	(void)close(fd);
}

static void take_beat(struct machine *m)
{
	struct ss_err err = { 0 };
	uint32_t port = 9000;
	const int fd = m->ops->listen(m, &port, &err);
	int at;
	uint8_t byte = 0;

	assert_true(fd >= 0);
	assert_int_equal(port, 9000);
	assert_true(is_readable(fd, 1000));
	at = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(at >= 0);
	assert_true(m->ops->is_ours(m, at));
	assert_true(is_readable(at, 5000));
	assert_int_equal(recv(at, &byte, 1, 0), 1);
	assert_int_equal(byte, NITRO_HEART_BYTE);
	assert_int_equal(send(at, &byte, 1, MSG_NOSIGNAL), 1); /* somebody is still there */
	(void)close(at);
	(void)close(fd);
	assert_int_equal(m->ops->listen(m, &port, &err), -1);
	assert_string_equal(err.msg, "port 9000 is taken");
}

static void a_heartbeat_is_answered_and_the_port_let_go(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);

	beat(nitro_model_call(99, 9000), false); /* a stranger */
	beat(nitro_model_call(MODEL_FIRST_CID, 9000), true);
	take_beat(m);
	for (int i = 0; i < 1000; i++) {
		const int fd = nitro_model_call(MODEL_FIRST_CID, 9000);

		if (fd < 0)
			break; /* nobody has it */
		(void)close(fd);
		assert_true(i < 999);
		(void)poll(NULL, 0, 1);
	}
	m->ops->free(m);
}

static void first_beats(struct nitro_model *m)
{
	if (m->pauses == 3)
		beat(nitro_model_call(MODEL_FIRST_CID, 9000), true);
}

static void two_that_start_at_once_take_turns(void **state)
{
	struct fixture *f = *state;
	struct machine *first = must_start(f, 64), *second;

	f->m.on_pause = first_beats;
	second = must_start(f, 64);
	assert_true(f->m.pauses >= 3);
	assert_int_equal(second->cid, MODEL_FIRST_CID + 1);
	beat(nitro_model_call(MODEL_FIRST_CID + 1, 9000), true);
	take_beat(first);
	take_beat(second);
	first->ops->free(first);
	second->ops->free(second);
}

static void a_fifth_enclave_is_refused_with_a_hint(void **state)
{
	struct fixture *f = *state;
	struct machine *m[MODEL_ENCLAVES + 1] = { NULL };
	const struct machine_spec s = spec(64, 2);
	struct ss_err err = { 0 };

	f->m.cpus = 16;
	for (unsigned c = 1; c < 16; c++)
		f->m.pool[c] = c != 8; /* CPU 0's sibling */
	for (uint32_t i = 0; i < MODEL_ENCLAVES; i++) {
		m[i] = must_start(f, 64);
		beat(nitro_model_call(MODEL_FIRST_CID + i, 9000), true);
	}
	expect_fails(start(f, &s, &m[MODEL_ENCLAVES], &err), &err, SS_ESYS,
		     "cannot make the enclave: No space left on device");
	assert_string_equal(err.hint, "an instance holds at most 4 enclaves: selfsame list, "
				      "nitro-cli describe-enclaves");
	for (size_t i = 0; i < MODEL_ENCLAVES; i++)
		m[i]->ops->free(m[i]);
}

static void one_that_never_calls_gives_the_port_back_at_its_end(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);
	struct nitro_heart h;
	struct ss_err err = { 0 };

	expect_fails(nitro_heart_open(&f->m.sys, 1000, &h, &err), &err, SS_ESYS,
		     "vsock port 9000, which enclaves call when they boot, has been taken for 1 s");
	m->ops->free(m);
	expect_ok(nitro_heart_open(&f->m.sys, 0, &h, &err), &err);
	nitro_heart_done(&h);
}

static void calls_go_both_ways_and_strangers_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);
	AUTO_CLOSE int guest = nitro_model_listen(MODEL_FIRST_CID, 443);
	struct ss_err err = { 0 };
	uint32_t port = 0;
	AUTO_CLOSE int fd = m->ops->dial(m, 443, &err);
	AUTO_CLOSE int at = m->ops->listen(m, &port, &err);

	assert_true(fd >= 0);
	assert_true(is_readable(guest, 1000));
	assert_true(at >= 0 && port >= 1024);
	for (uint32_t cid = MODEL_FIRST_CID; cid < MODEL_FIRST_CID + 2; cid++) {
		AUTO_CLOSE int caller = nitro_model_call(cid, port);
		AUTO_CLOSE int got = accept4(at, NULL, NULL, SOCK_CLOEXEC);

		assert_true(caller >= 0 && got >= 0);
		assert_int_equal(m->ops->is_ours(m, got), cid == MODEL_FIRST_CID);
	}
	assert_int_equal(m->ops->dial(m, 444, &err), -1);
	assert_string_equal(err.msg, "cannot call port 444 of CID 16: Connection refused");
	m->ops->free(m);
}

static void debug_mode_has_a_console(void **state)
{
	struct fixture *f = *state;
	AUTO_CLOSE int hypervisor = nitro_model_listen(0, 10000 + MODEL_FIRST_CID);
	struct machine_spec s = spec(64, 2);
	struct machine *m = NULL;
	struct ss_err err = { 0 };
	AUTO_CLOSE int at = -1;
	char text[3] = "";

	s.debug = true;
	expect_ok(start(f, &s, &m, &err), &err);
	assert_true(f->m.enclaves[0].debug);
	assert_string_equal(m->notice, "debug mode: its console can be read, and PCR0 to PCR2 in "
				       "its documents are zero");
	at = accept4(hypervisor, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(write(at, "hi", 2), 2);
	assert_true(is_readable(m->ops->console(m), 1000));
	assert_int_equal(read(m->ops->console(m), text, 2), 2);
	assert_string_equal(text, "hi");
	m->ops->free(m);
}

static void a_console_that_cannot_be_reached_is_said(void **state)
{
	struct fixture *f = *state;
	struct machine_spec s = spec(64, 2);
	struct machine *m = NULL;
	struct ss_err err = { 0 };

	s.debug = true;
	expect_ok(start(f, &s, &m, &err), &err);
	assert_int_equal(m->ops->console(m), -1);
	assert_string_equal(m->notice, "debug mode: PCR0 to PCR2 in its documents are zero; its "
				       "console cannot be reached");
	m->ops->free(m);
}

/* --- what is read ------------------------------------------------------------------------------
 */

static void cpu_lists_are_read_strictly(void **state)
{
	static const struct {
		const char *s;
		bool good;
		unsigned n, first;
	} cases[] = {
		{ "", true, 0, 0 },          { "\n", true, 0, 0 },
		{ "2,3,6-9\n", true, 6, 2 }, { "1", true, 1, 1 },
		{ "0-4095", true, 4096, 0 }, { "4096", false, 0, 0 },
		{ "3-1", false, 0, 0 },      { "1,", false, 0, 0 },
		{ ",1", false, 0, 0 },       { "1-", false, 0, 0 },
		{ " 1", false, 0, 0 },       { "1 ", false, 0, 0 },
		{ "1\n\n", false, 0, 0 },    { "\n1", false, 0, 0 },
		{ "0-4095,1", false, 0, 0 }, { "99999999999999999999", false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		unsigned n = 0, first = 0;

		assert_int_equal(nitro_cpu_list_read(cases[i].s, &n, &first), cases[i].good);
		assert_int_equal(n, cases[i].n);
		assert_int_equal(first, cases[i].first);
	}
}

static void the_pool_is_read_from_the_instance(void **state)
{
	struct fixture *f = *state;
	struct nitro_pool p;

	f->m.allocator = "#memory_mib: 1\n---\nmemory_mib: 3072 # much\ncpu_count: 8\n";
	nitro_pool_load(&f->m.sys, &p);
	assert_int_equal(p.cpus, 4);
	assert_int_equal(p.threads, 2);
	assert_int_equal(p.usable, 6);
	assert_int_equal(p.node, 0);
	assert_int_equal(p.memory_mib, 3072);
	assert_int_equal(p.cpu_count, 8);
	assert_string_equal(p.cpu_list, "");
	assert_int_equal(nitro_pool_free_mib(&p), 512);
	f->m.allocator = "cpu_pool: \"2,3,6-9\"\nmemory_mib:\ncpu_count: x\n";
	nitro_pool_load(&f->m.sys, &p);
	assert_string_equal(p.cpu_list, "2,3,6-9");
	assert_int_equal(p.memory_mib, 0);
	assert_int_equal(p.cpu_count, 0);
}

static void the_node_is_that_of_the_pools_first_cpu(void **state)
{
	struct fixture *f = *state;
	struct nitro_pool p;

	f->m.nodes = 2;
	f->m.pool_node = f->m.memory_node = 1;
	nitro_pool_load(&f->m.sys, &p);
	assert_int_equal(p.node, 1);
	assert_int_equal(nitro_pool_free_mib(&p), 512);
	/* Without a pool nobody knows, and the figures are the instance's. */
	for (size_t i = 0; i < SS_NELEMS(f->m.pool); i++)
		f->m.pool[i] = false;
	nitro_pool_load(&f->m.sys, &p);
	assert_int_equal(p.node, -1);
	assert_int_equal(p.cpus, 0);
}

/* The part that is not modelled: real vsock of this kernel. */
static void a_vsock_port_of_this_kernel_is_had_once(void **state)
{
	const struct nitro_sys *s = &nitro_sys_linux;
	AUTO_CLOSE int a = s->socket(s->ctx);
	AUTO_CLOSE int b = s->socket(s->ctx);
	uint32_t port = 0, cid;

	(void)state;
	if (a < 0) { /* this kernel has no vsock, and says so */
		assert_true(errno == EAFNOSUPPORT || errno == EPERM || errno == EACCES);
		skip(); /* TAP tells of it */
	}
	assert_int_equal(s->bind(s->ctx, a, 0), 0);
	assert_int_equal(s->listen(s->ctx, a), 0);
	assert_int_equal(s->own_port(s->ctx, a, &port), 0);
	assert_true(port >= 1024);
	assert_int_equal(s->bind(s->ctx, b, port), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(s->peer_cid(s->ctx, a, &cid), -1);
	assert_int_equal(s->open(s->ctx, "/nonexistent"), -1);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_image_lies_at_its_offset_across_the_regions),
		T(a_region_wholly_before_the_image_is_passed_over),
		T(sizes_that_are_refused_are_made_up_for_by_others),
		T(pages_are_planned_largest_first),
		T(cpus_are_whole_cores_and_the_cid_is_the_one_asked_for),
		T(orders_that_cannot_be_met_say_what_to_change),
		T(memory_that_another_enclave_has_is_added_to_what_is_configured),
		T(an_instance_that_is_not_ready_says_what_is_missing),
		T(an_image_that_shrinks_is_refused),
		T(every_error_of_the_driver_has_its_sentence),
		T(another_address_space_is_told),
		T(the_end_of_an_enclave_is_seen),
		T(stopping_ends_it_at_once_and_twice_is_no_harm),
		T(a_heartbeat_is_answered_and_the_port_let_go),
		T(two_that_start_at_once_take_turns),
		T(a_fifth_enclave_is_refused_with_a_hint),
		T(one_that_never_calls_gives_the_port_back_at_its_end),
		T(calls_go_both_ways_and_strangers_are_told_apart),
		T(debug_mode_has_a_console),
		T(a_console_that_cannot_be_reached_is_said),
		T(cpu_lists_are_read_strictly),
		T(the_pool_is_read_from_the_instance),
		T(the_node_is_that_of_the_pools_first_cpu),
		T(a_vsock_port_of_this_kernel_is_had_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
