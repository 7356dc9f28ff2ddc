/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nitro_error.h"

#include "launch/nitro.h"
#include "launch/nitro_abi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The driver keeps its pool as it is while there is an enclave. */
#define RESTART "then, with no enclave running: systemctl restart nitro-enclaves-allocator.service"
#define REPORT "this should not happen; please report it with the output of --json"
#define TEXT 384u

/* What to change. */
enum mend { MEND_NOTHING, MEND_MEMORY, MEND_MORE_CPUS, MEND_POOL, MEND_CORES, MEND_PAGES };

struct row {
	int number;
	enum ss_code code;
	enum mend mend;
	const char *sentence, *hint;
};

static const struct row rows[] = {
	{ NITRO_VCPU_ALREADY_USED, SS_ESYS, MEND_MORE_CPUS,
	  "a CPU that was to be added belongs to an enclave already", RESTART },
	{ NITRO_VCPU_NOT_IN_POOL, SS_ESYS, MEND_POOL,
	  "a CPU that was to be added is not in the pool for enclaves", RESTART },
	{ NITRO_VCPU_INVALID_CORE, SS_ESYS, MEND_POOL,
	  "a CPU that was to be added is on a core that is not in the pool for enclaves", RESTART },
	{ NITRO_REGION_SIZE, SS_ESYS, MEND_NOTHING, "a region of memory is not a multiple of 2 MiB",
	  REPORT },
	{ NITRO_REGION_ADDRESS, SS_ESYS, MEND_NOTHING,
	  "a region of memory is not at an address of this process", REPORT },
	{ NITRO_REGION_UNALIGNED, SS_ESYS, MEND_NOTHING,
	  "a region of memory does not begin at a multiple of 2 MiB", REPORT },
	{ NITRO_REGION_USED, SS_ESYS, MEND_NOTHING,
	  "a region of memory was given to the enclave twice", REPORT },
	{ NITRO_NOT_HUGE_PAGE, SS_ESYS, MEND_MEMORY, "a region of memory is not made of huge pages",
	  RESTART },
	{ NITRO_OTHER_NODE, SS_ESYS, MEND_MEMORY,
	  "the huge pages are on another NUMA node than the CPUs of the pool", RESTART },
	{ NITRO_MAX_REGIONS, SS_ESYS, MEND_PAGES,
	  "the memory is in more pieces than an enclave may have", RESTART },
	{ NITRO_NO_REGIONS, SS_ESYS, MEND_NOTHING, "the enclave was started without memory",
	  REPORT },
	{ NITRO_NO_VCPUS, SS_EUSAGE, MEND_NOTHING, "the enclave was started without a CPU",
	  "give --cpus" },
	{ NITRO_MEMORY_MIN, SS_EUSAGE, MEND_NOTHING,
	  "the memory is less than the 64 MiB that every enclave needs",
	  "give --memory 64 or more" },
	{ NITRO_FULL_CORES, SS_EUSAGE, MEND_CORES,
	  "an enclave gets whole cores, and these CPUs are not", NULL },
	{ NITRO_NOT_INIT_STATE, SS_ESYS, MEND_NOTHING,
	  "the enclave has been started already and takes no more", REPORT },
	{ NITRO_INVALID_VCPU, SS_ESYS, MEND_POOL,
	  "a CPU that was to be added does not exist on this instance", RESTART },
	{ NITRO_NO_CPUS_IN_POOL, SS_ESYS, MEND_MORE_CPUS,
	  "the pool has no CPU left for this enclave", RESTART },
	{ NITRO_PAGE_SIZE, SS_ESYS, MEND_MEMORY,
	  "a region of memory is of pages that are not multiples of 2 MiB", RESTART },
	{ NITRO_INVALID_FLAG, SS_ESYS, MEND_NOTHING,
	  "the driver does not know a flag that it was given",
	  "a newer kernel on the parent instance may know it" },
	{ NITRO_INVALID_CID, SS_EUSAGE, MEND_NOTHING,
	  "no enclave can have this CID: 0 to 3, 2^32-1 and the parent's own are taken",
	  "leave --cid out, and a free one is chosen" },
};

static unsigned whole_cores(const struct nitro_pool *p, unsigned cpus)
{
	const unsigned t = p->threads > 0 ? p->threads : 1;

	return (cpus + t - 1) / t * t;
}

/* Everything that is configured stays, and what is missing is added. */
static void say_memory(const struct nitro_case *c, const struct nitro_pool *p, char text[TEXT])
{
	const uint64_t free_mib = nitro_pool_free_mib(p);
	uint64_t set = p->memory_mib;

	if (c->memory_mib > free_mib)
		set += c->memory_mib - free_mib;
	if (set < c->memory_mib)
		set = c->memory_mib;
	(void)snprintf(text, TEXT,
		       "; in " NITRO_ALLOCATOR_FILE
		       " %s 'memory_mib: %llu' (now %llu; %llu MiB free)",
		       set == p->memory_mib ? "keep" : "set", (unsigned long long)set,
		       (unsigned long long)p->memory_mib, (unsigned long long)free_mib);
}

static void say_cpus(const struct nitro_case *c, const struct nitro_pool *p, char text[TEXT])
{
	const unsigned missing = c->cpus > c->cpus_added ? c->cpus - c->cpus_added : 0;
	const unsigned set = whole_cores(p, p->cpus + missing);

	if (p->usable > 0 && set > p->usable)
		(void)snprintf(text, TEXT,
			       "; this instance can give %u in all, and the pool has %u: stop "
			       "another enclave, ask for fewer, or take a larger instance",
			       p->usable, p->cpus);
	else if (p->cpu_list[0] != '\0')
		(void)snprintf(text, TEXT,
			       "; in " NITRO_ALLOCATOR_FILE " set 'cpu_count: %u' instead of "
			       "'cpu_pool: %s', or add %u CPUs to that",
			       set, p->cpu_list, set - p->cpus);
	else
		(void)snprintf(text, TEXT,
			       "; in " NITRO_ALLOCATOR_FILE " set 'cpu_count: %u' (now %u)", set,
			       p->cpu_count);
}

static void say_pool(const struct nitro_pool *p, char text[TEXT])
{
	if (p->cpu_list[0] != '\0')
		(void)snprintf(text, TEXT,
			       "; in " NITRO_ALLOCATOR_FILE
			       " 'cpu_pool: %s' must name whole cores of one NUMA node, none of "
			       "them CPU 0's; or set 'cpu_count: %u' instead",
			       p->cpu_list, whole_cores(p, p->cpus > 0 ? p->cpus : 2));
	else
		(void)snprintf(text, TEXT,
			       "; in " NITRO_ALLOCATOR_FILE " set 'cpu_count: %u' (now %u)",
			       whole_cores(p, p->cpu_count > 0 ? p->cpu_count : 2), p->cpu_count);
}

static void say_cores(const struct nitro_case *c, const struct nitro_pool *p, char text[TEXT])
{
	const unsigned up = whole_cores(p, c->cpus);

	if (p->threads > 1 && up != c->cpus)
		(void)snprintf(text, TEXT, "; a core has %u: give --cpus %u", p->threads, up);
	else
		say_pool(p, text);
}

static void say_pages(const struct nitro_case *c, const struct nitro_pool *p, char text[TEXT])
{
	const uint64_t mib = p->memory_mib > c->memory_mib ? p->memory_mib : c->memory_mib;
	const uint64_t set = (mib + 1023) / 1024 * 1024;

	(void)snprintf(
		text, TEXT,
		" (%u regions were taken); huge pages of 1 GiB make fewer: in " NITRO_ALLOCATOR_FILE
		" set 'memory_mib: %llu' (now %llu), soon after the instance has started",
		c->regions, (unsigned long long)set, (unsigned long long)p->memory_mib);
}

static void say(enum mend m, const struct nitro_case *c, const struct nitro_pool *p,
		char text[TEXT])
{
	text[0] = '\0';
	switch (m) {
	case MEND_NOTHING:
		break;
	case MEND_MEMORY:
		say_memory(c, p, text);
		break;
	case MEND_MORE_CPUS:
		say_cpus(c, p, text);
		break;
	case MEND_POOL:
		say_pool(p, text);
		break;
	case MEND_CORES:
		say_cores(c, p, text);
		break;
	case MEND_PAGES:
		say_pages(c, p, text);
		break;
	}
}

/* Errors that are not the driver's own. */
static void explain_other(const struct nitro_case *c, int number, struct ss_err *err)
{
	static const char *const steps[] = {
		[NITRO_AT_CREATE] = "make the enclave",
		[NITRO_AT_LOAD] = "ask where the image goes",
		[NITRO_AT_REGION] = "give the enclave memory",
		[NITRO_AT_VCPU] = "give the enclave a CPU",
		[NITRO_AT_START] = "start the enclave",
	};

	if (number == EIO) {
		ss_err_set(err, SS_ESYS,
			   "cannot %s: the driver takes orders only from the process that made it",
			   steps[c->step]);
		err->hint = REPORT;
		return;
	}
	errno = number;
	ss_err_set_sys(err, "cannot %s", steps[c->step]);
	if (c->step == NITRO_AT_CREATE)
		err->hint = "an instance holds at most 4 enclaves: selfsame list, nitro-cli "
			    "describe-enclaves";
	else if (c->step == NITRO_AT_START && c->cid != 0)
		err->hint = "another enclave may have this CID: leave --cid out, and a free one "
			    "is chosen";
	else
		err->hint = "the kernel's log may say more: dmesg | grep nitro_enclaves";
}

void nitro_explain(const struct nitro_case *c, const struct nitro_pool *p, int number,
		   struct ss_err *err)
{
	char text[TEXT];

	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		if (rows[i].number != number)
			continue;
		say(rows[i].mend, c, p, text);
		ss_err_set(err, rows[i].code, "%s%s", rows[i].sentence, text);
		err->hint = rows[i].hint;
		return;
	}
	explain_other(c, number, err);
}

void nitro_explain_memory(const struct nitro_case *c, const struct nitro_pool *p,
			  struct ss_err *err)
{
	char text[TEXT], node[32] = "";

	if (p->node >= 0)
		(void)snprintf(node, sizeof(node), " of NUMA node %d", p->node);
	say_memory(c, p, text);
	ss_err_set(err, SS_ESYS, "the huge pages%s do not hold the enclave's %llu MiB%s", node,
		   (unsigned long long)c->memory_mib, text);
	err->hint = RESTART;
}
