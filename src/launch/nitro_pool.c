/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nitro_pool.h"

#include <stdio.h>
#include <string.h>

#define SMALL_FILE 4096u

/* Both architectures' huge pages that a region may consist of. */
static const unsigned shifts[NITRO_PAGE_SIZES] = { 34, 31, 30, 29, 28, 25, 24, 23, 21 };

static bool number(const char **s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		v = v * 10 + (uint64_t)(**s - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

bool nitro_cpu_list_read(const char *s, unsigned *ret_n, unsigned *ret_first)
{
	uint64_t n = 0, first = 0, from, to;

	if (*s == '\0' || *s == '\n') {
		*ret_n = *ret_first = 0;
		return *s == '\0' || s[1] == '\0';
	}
	for (;; s++) {
		if (!number(&s, NITRO_MAX_CPUS - 1, &from))
			return false;
		to = from;
		if (*s == '-' && (s++, !number(&s, NITRO_MAX_CPUS - 1, &to) || to < from))
			return false;
		if (n == 0)
			first = from;
		n += to - from + 1;
		if (n > NITRO_MAX_CPUS)
			return false;
		if (*s != ',')
			break;
	}
	if (*s == '\n')
		s++;
	if (*s != '\0')
		return false;
	*ret_n = (unsigned)n;
	*ret_first = (unsigned)first;
	return true;
}

static bool load(const struct nitro_sys *sys, const char *path, char text[SMALL_FILE])
{
	const int n = sys->read_file(sys->ctx, path, text, SMALL_FILE - 1);

	text[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

static bool load_cpus(const struct nitro_sys *sys, const char *path, unsigned *ret_n,
		      unsigned *ret_first)
{
	char text[SMALL_FILE];

	return load(sys, path, text) && nitro_cpu_list_read(text, ret_n, ret_first);
}

static uint64_t load_number(const struct nitro_sys *sys, const char *path)
{
	char text[SMALL_FILE];
	const char *s = text;
	uint64_t v;

	return load(sys, path, text) && number(&s, 1u << 30, &v) ? v : 0;
}

/* One "key: value" of a line; text behind the value stays. */
static const char *value_of(const char *line, const char *key)
{
	const size_t n = strlen(key);

	if (strncmp(line, key, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	return line + strspn(line, " \t\"'");
}

static void read_allocator(const struct nitro_sys *sys, struct nitro_pool *p)
{
	char text[SMALL_FILE];
	uint64_t v;

	if (!load(sys, NITRO_ALLOCATOR_FILE, text))
		return;
	for (const char *line = text; line != NULL && *line != '\0';) {
		const char *s = value_of(line, "memory_mib");

		if (s != NULL && number(&s, 1ull << 40, &v))
			p->memory_mib = v;
		s = value_of(line, "cpu_count");
		if (s != NULL && number(&s, NITRO_MAX_CPUS, &v))
			p->cpu_count = (unsigned)v;
		s = value_of(line, "cpu_pool");
		if (s != NULL)
			(void)snprintf(p->cpu_list, sizeof(p->cpu_list), "%.*s",
				       (int)strspn(s, "0123456789,-"), s);
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
}

/* A CPU in the pool is offline, and its topology is gone with it: CPU 0 speaks for all cores. The
 * folder cpuN/nodeM stays. */
static int node_of(const struct nitro_sys *sys, unsigned cpu)
{
	char text[SMALL_FILE], path[96];
	unsigned n, first;

	for (int node = 0; node < 64; node++) {
		(void)snprintf(path, sizeof(path),
			       "/sys/devices/system/cpu/cpu%u/node%d/hugepages/hugepages-2048kB/"
			       "nr_hugepages",
			       cpu, node);
		if (load(sys, path, text))
			return node;
	}
	/* One node only: it must be that. */
	if (load_cpus(sys, "/sys/devices/system/node/online", &n, &first) && n == 1)
		return (int)first;
	return -1;
}

static uint64_t load_pages(const struct nitro_sys *sys, int node, unsigned shift, const char *what)
{
	char path[128];

	if (node >= 0)
		(void)snprintf(path, sizeof(path),
			       "/sys/devices/system/node/node%d/hugepages/hugepages-%llukB/%s",
			       node, 1ull << (shift - 10), what);
	else
		(void)snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/%s",
			       1ull << (shift - 10), what);
	return load_number(sys, path);
}

void nitro_pool_load(const struct nitro_sys *sys, struct nitro_pool *ret)
{
	unsigned first = 0, present = 0, unused;

	*ret = (struct nitro_pool){ .node = -1 };
	if (load_cpus(sys, NITRO_CPUS_FILE, &ret->cpus, &first) && ret->cpus > 0)
		ret->node = node_of(sys, first);
	if (!load_cpus(sys, "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list",
		       &ret->threads, &unused) ||
	    ret->threads == 0)
		ret->threads = 1;
	if (load_cpus(sys, "/sys/devices/system/cpu/present", &present, &unused) &&
	    present > ret->threads)
		ret->usable = present - ret->threads;
	for (size_t i = 0; i < NITRO_PAGE_SIZES; i++) {
		ret->pages[i].shift = shifts[i];
		ret->pages[i].total = load_pages(sys, ret->node, shifts[i], "nr_hugepages");
		ret->pages[i].free = load_pages(sys, ret->node, shifts[i], "free_hugepages");
	}
	read_allocator(sys, ret);
}

uint64_t nitro_pool_free_mib(const struct nitro_pool *p)
{
	uint64_t mib = 0;

	for (size_t i = 0; i < NITRO_PAGE_SIZES; i++)
		mib += p->pages[i].free << (p->pages[i].shift - 20);
	return mib;
}
