/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "launch/nitro_error.h"
#include "launch/nitro_memory.h"
#include "nitro_run.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
#define T(name) cmocka_unit_test_setup_teardown(name, nitro_run_setup, nitro_run_teardown)
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
		T(cpu_lists_are_read_strictly),
		T(the_pool_is_read_from_the_instance),
		T(the_node_is_that_of_the_pools_first_cpu),
		T(a_vsock_port_of_this_kernel_is_had_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
