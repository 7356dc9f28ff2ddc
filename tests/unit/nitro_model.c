/* SPDX-License-Identifier: Apache-2.0 */
#include "nitro_model.h"

#include "base/mem.h"
#include "launch/nitro_abi.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MIB (1ull << 20)
#define PARENT 3u

static int refuse(int number)
{
	errno = number;
	return -1;
}

/* --- CPUs --------------------------------------------------------------------------------------
 */

static unsigned cores(const struct nitro_model *m)
{
	return m->cpus / m->threads;
}

static bool is_used(const struct nitro_model *m, unsigned cpu)
{
	for (size_t i = 0; i < MODEL_ENCLAVES; i++)
		if (m->enclaves[i].exists && m->enclaves[i].vcpus[cpu])
			return true;
	return false;
}

static bool has_whole_core(const struct nitro_model *m, const bool set[MODEL_CPUS], unsigned cpu)
{
	for (unsigned c = cpu % cores(m); c < m->cpus; c += cores(m))
		if (!set[c])
			return false;
	return true;
}

static bool has_part_of_core(const struct nitro_model *m, const struct model_enclave *e,
			     unsigned cpu)
{
	for (unsigned c = cpu % cores(m); c < m->cpus; c += cores(m))
		if (e->vcpus[c])
			return true;
	return false;
}

/* A core that the enclave has begun is filled first. */
static unsigned choose(const struct nitro_model *m, const struct model_enclave *e)
{
	for (int pass = 0; pass < 2; pass++)
		for (unsigned c = 0; c < m->cpus; c++)
			if (m->pool[c] && !is_used(m, c) &&
			    (pass == 1 || has_part_of_core(m, e, c)))
				return c;
	return 0;
}

static int add_vcpu(struct nitro_model *m, struct model_enclave *e, uint32_t *id)
{
	unsigned c = *id;

	if (m->mm != e->mm)
		return refuse(EIO);
	if (e->started)
		return refuse(NITRO_NOT_INIT_STATE);
	if (c >= m->cpus)
		return refuse(NITRO_INVALID_VCPU);
	if (c == 0) {
		c = choose(m, e);
		if (c == 0)
			return refuse(NITRO_NO_CPUS_IN_POOL);
	} else if (e->vcpus[c]) {
		return refuse(NITRO_VCPU_ALREADY_USED);
	} else if (!m->pool[c] || is_used(m, c)) {
		return refuse(NITRO_VCPU_NOT_IN_POOL);
	} else if (!has_whole_core(m, m->pool, c)) {
		return refuse(NITRO_VCPU_INVALID_CORE);
	}
	e->vcpus[c] = true;
	e->n_vcpus++;
	*id = c;
	return 0;
}

/* --- memory ------------------------------------------------------------------------------------
 */

static void *map(void *ctx, size_t size, unsigned page_shift, int node)
{
	struct nitro_model *m = ctx;
	struct model_map *slot = NULL;

	if (m->map_errno != 0) {
		errno = m->map_errno;
		return NULL;
	}
	for (size_t i = 0; i < MODEL_MAPS && slot == NULL; i++)
		slot = m->maps[i].p == NULL ? &m->maps[i] : NULL;
	for (size_t i = 0; slot != NULL && i < MODEL_KINDS; i++) {
		struct model_pages *k = &m->pages[i];

		if (k->shift != page_shift || page_shift == m->refused_shift ||
		    k->free < size >> page_shift)
			continue;
		k->free -= size >> page_shift;
		slot->shift = page_shift;
		slot->node = node < 0 ? m->memory_node : node;
		if (m->memory_node != m->pool_node)
			slot->node = m->memory_node;
		slot->size = size;
		slot->whole_size = size + 2 * MIB;
		slot->whole = mmap(NULL, slot->whole_size,
				   m->map_bad ? PROT_NONE : PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		slot->p = (uint8_t *)(((uintptr_t)slot->whole + 2 * MIB - 1) & ~(2 * MIB - 1));
		return slot->p;
	}
	errno = ENOMEM;
	return NULL;
}

static void unmap(void *ctx, void *p, size_t size)
{
	struct nitro_model *m = ctx;

	for (size_t i = 0; i < MODEL_MAPS; i++) {
		struct model_map *s = &m->maps[i];

		if (s->p != p || s->size != size)
			continue;
		for (size_t k = 0; k < MODEL_KINDS; k++)
			if (m->pages[k].shift == s->shift)
				m->pages[k].free += size >> s->shift;
		(void)munmap(s->whole, s->whole_size);
		*s = (struct model_map){ 0 };
	}
}

static const struct model_map *map_of(const struct nitro_model *m, const struct nitro_region *r)
{
	for (size_t i = 0; i < MODEL_MAPS; i++) {
		const uintptr_t p = (uintptr_t)m->maps[i].p;

		if (p != 0 && r->address >= p && r->address + r->size <= p + m->maps[i].size)
			return &m->maps[i];
	}
	return NULL;
}

static int add_region(struct nitro_model *m, struct model_enclave *e, const struct nitro_region *r)
{
	const struct model_map *s;
	uint64_t pieces;

	if (r->flags >= 1)
		return refuse(NITRO_INVALID_FLAG);
	if (m->mm != e->mm)
		return refuse(EIO);
	if (e->started)
		return refuse(NITRO_NOT_INIT_STATE);
	if (r->size == 0 || r->size % (2 * MIB) != 0)
		return refuse(NITRO_REGION_SIZE);
	if (r->address % (2 * MIB) != 0)
		return refuse(NITRO_REGION_UNALIGNED);
	s = map_of(m, r);
	if (s == NULL)
		return refuse(NITRO_REGION_ADDRESS);
	for (unsigned i = 0; i < e->n_ioctls; i++)
		if (e->addresses[i] == r->address)
			return refuse(NITRO_REGION_USED);
	if (s->shift == 12)
		return refuse(NITRO_NOT_HUGE_PAGE);
	if (s->shift < 21)
		return refuse(NITRO_PAGE_SIZE);
	if (s->node != m->pool_node)
		return refuse(NITRO_OTHER_NODE);
	pieces = m->scattered ? r->size >> s->shift : 1;
	if (e->n_regions + pieces > m->max_regions)
		return refuse(NITRO_MAX_REGIONS);
	e->n_regions += (unsigned)pieces;
	e->sizes[e->n_ioctls] = r->size;
	e->addresses[e->n_ioctls++] = r->address;
	e->memory += r->size;
	return 0;
}

/* --- enclaves ----------------------------------------------------------------------------------
 */

static int create(struct nitro_model *m, uint64_t *slot)
{
	int ends[2];

	for (unsigned c = 0; c < m->cpus; c++) {
		if (!m->pool[c] || is_used(m, c))
			continue;
		for (size_t i = 0; i < MODEL_ENCLAVES; i++) {
			if (m->enclaves[i].exists)
				continue;
			if (pipe(ends) < 0)
				return -1;
			m->enclaves[i] = (struct model_enclave){
				.exists = true, .mm = m->mm, .fd = ends[0], .alive = ends[1]
			};
			*slot = i + 1;
			return ends[0];
		}
		return refuse(ENOSPC);
	}
	return refuse(NITRO_NO_CPUS_IN_POOL);
}

static bool is_cid(uint64_t cid)
{
	return cid == 0 || (cid > PARENT && cid < UINT32_MAX);
}

static bool has_whole_cores(const struct nitro_model *m, const struct model_enclave *e)
{
	for (unsigned c = 0; c < m->cpus; c++)
		if (e->vcpus[c] && !has_whole_core(m, e->vcpus, c))
			return false;
	return true;
}

static int start(struct nitro_model *m, struct model_enclave *e, struct nitro_start_info *info)
{
	if (info->flags >= 2)
		return refuse(NITRO_INVALID_FLAG);
	if (!is_cid(info->cid))
		return refuse(NITRO_INVALID_CID);
	if (e->started)
		return refuse(NITRO_NOT_INIT_STATE);
	if (e->n_regions == 0)
		return refuse(NITRO_NO_REGIONS);
	if (e->memory < 64 * MIB)
		return refuse(NITRO_MEMORY_MIN);
	if (e->n_vcpus == 0)
		return refuse(NITRO_NO_VCPUS);
	if (!has_whole_cores(m, e))
		return refuse(NITRO_FULL_CORES);
	if (m->start_errno != 0)
		return refuse(m->start_errno);
	if (info->cid == 0)
		info->cid = MODEL_FIRST_CID + (uint64_t)(e - m->enclaves);
	e->cid = info->cid;
	e->debug = info->flags == 1;
	e->started = true;
	return 0;
}

static int image_load(struct nitro_model *m, const struct model_enclave *e,
		      struct nitro_image_load *l)
{
	if (e->started)
		return refuse(NITRO_NOT_INIT_STATE);
	if (l->flags != NITRO_IMAGE_EIF)
		return refuse(NITRO_INVALID_FLAG);
	l->offset = m->image_offset;
	return 0;
}

static int control(void *ctx, int fd, unsigned long request, void *arg)
{
	struct nitro_model *m = ctx;

	if (request == NITRO_CREATE_VM)
		return create(m, arg);
	for (size_t i = 0; i < MODEL_ENCLAVES; i++) {
		struct model_enclave *e = &m->enclaves[i];

		if (!e->exists || e->fd != fd)
			continue;
		switch (request) {
		case NITRO_ADD_VCPU:
			return add_vcpu(m, e, arg);
		case NITRO_IMAGE_LOAD:
			return image_load(m, e, arg);
		case NITRO_ADD_REGION:
			return add_region(m, e, arg);
		case NITRO_START:
			return start(m, e, arg);
		}
	}
	return refuse(ENOTTY);
}

static int open_device(void *ctx, const char *path)
{
	const struct nitro_model *m = ctx;

	if (m->open_errno != 0 || strcmp(path, "/dev/nitro_enclaves") != 0)
		return refuse(m->open_errno != 0 ? m->open_errno : ENOENT);
	return eventfd(0, EFD_CLOEXEC);
}

/* --- sysfs -------------------------------------------------------------------------------------
 */

static int list(char *ret, size_t n, const bool set[MODEL_CPUS])
{
	size_t at = 0;

	for (unsigned c = 0; c < MODEL_CPUS && at + 8 < n; c++)
		if (set[c])
			at += (size_t)snprintf(ret + at, n - at, "%s%u", at > 0 ? "," : "", c);
	return (int)(at + (size_t)snprintf(ret + at, n - at, "\n"));
}

static int read_pages(const struct nitro_model *m, const char *path, char *ret, size_t n)
{
	char want[160];
	unsigned cpu;
	int node;

	/* A CPU's folder leads to its node. */
	if (sscanf(path,
		   "/sys/devices/system/cpu/cpu%u/node%d/hugepages/hugepages-2048kB/nr_hugepages",
		   &cpu, &node) == 2)
		return m->nodes > 1 && cpu < m->cpus && m->pool[cpu] && node == m->pool_node
			       ? snprintf(ret, n, "0\n")
			       : refuse(ENOENT);
	for (size_t i = 0; i < MODEL_KINDS; i++) {
		const struct model_pages *k = &m->pages[i];

		for (int f = 0; f < 2; f++) {
			(void)snprintf(want, sizeof(want),
				       "/sys/devices/system/node/node%d/hugepages/"
				       "hugepages-%llukB/%s_hugepages",
				       m->pool_node, k->shift > 10 ? 1ull << (k->shift - 10) : 0,
				       f == 0 ? "nr" : "free");
			if (strcmp(path, want) == 0)
				return snprintf(ret, n, "%llu\n",
						(unsigned long long)(f == 0 ? k->total : k->free));
		}
	}
	return refuse(ENOENT);
}

static int read_file(void *ctx, const char *path, char *ret, size_t n)
{
	const struct nitro_model *m = ctx;
	bool set[MODEL_CPUS] = { false };

	if (strcmp(path, "/sys/module/nitro_enclaves/parameters/ne_cpus") == 0)
		return list(ret, n, m->pool);
	if (strcmp(path, "/sys/devices/system/cpu/present") == 0)
		return snprintf(ret, n, "0-%u\n", m->cpus - 1);
	if (strcmp(path, "/sys/devices/system/node/online") == 0)
		return m->nodes == 1 ? snprintf(ret, n, "%d\n", m->pool_node)
				     : snprintf(ret, n, "0-%d\n", m->nodes - 1);
	if (strcmp(path, "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list") == 0) {
		for (unsigned c = 0; c < m->cpus; c += cores(m))
			set[c] = true;
		return list(ret, n, set);
	}
	if (strcmp(path, "/etc/nitro_enclaves/allocator.yaml") == 0 && m->allocator != NULL)
		return snprintf(ret, n, "%s", m->allocator);
	return read_pages(m, path, ret, n);
}

/* --- vsock -------------------------------------------------------------------------------------
 */

/* Who listens at `port` of `cid`, or, with n > 0, the n-th caller from there. */
static socklen_t name_of(uint32_t cid, uint32_t port, unsigned n, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1,
					    "nitro-model/%d/%u/%u/%u", (int)getpid(), cid, port,
					    n));
}

static bool read_name(const struct sockaddr_un *a, socklen_t n, unsigned *cid, unsigned *port)
{
	int pid;
	unsigned number;
	char text[sizeof(a->sun_path) + 1] = { 0 };

	if (n <= offsetof(struct sockaddr_un, sun_path) + 1)
		return false;
	memcpy(text, a->sun_path + 1, n - offsetof(struct sockaddr_un, sun_path) - 1);
	return sscanf(text, "nitro-model/%d/%u/%u/%u", &pid, cid, port, &number) == 4;
}

static int vsock_socket(void *ctx)
{
	(void)ctx;
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int vsock_bind(void *ctx, int fd, uint32_t port)
{
	static uint32_t next = 1024;
	struct sockaddr_un a;
	const socklen_t n = name_of(PARENT, port != 0 ? port : next++, 0, &a);

	(void)ctx;
	return bind(fd, (const struct sockaddr *)&a, n);
}

static int vsock_listen(void *ctx, int fd)
{
	(void)ctx;
	return listen(fd, 16);
}

static int vsock_connect(void *ctx, int fd, uint32_t cid, uint32_t port)
{
	struct sockaddr_un a;
	const socklen_t n = name_of(cid, port, 0, &a);

	(void)ctx;
	return connect(fd, (const struct sockaddr *)&a, n);
}

static int own_port(void *ctx, int fd, uint32_t *ret)
{
	struct sockaddr_un a;
	socklen_t n = sizeof(a);
	unsigned cid, port;

	(void)ctx;
	if (getsockname(fd, (struct sockaddr *)&a, &n) < 0 || !read_name(&a, n, &cid, &port))
		return refuse(EINVAL);
	*ret = port;
	return 0;
}

static int peer_cid(void *ctx, int fd, uint32_t *ret)
{
	struct sockaddr_un a;
	socklen_t n = sizeof(a);
	unsigned cid, port;

	(void)ctx;
	if (getpeername(fd, (struct sockaddr *)&a, &n) < 0 || !read_name(&a, n, &cid, &port))
		return refuse(EAFNOSUPPORT);
	*ret = cid;
	return 0;
}

static void pause_ms(void *ctx, unsigned ms)
{
	struct nitro_model *m = ctx;

	(void)ms;
	(void)poll(NULL, 0, 1);
	m->pauses++;
	if (m->on_pause != NULL)
		m->on_pause(m);
}

int nitro_model_call(uint32_t cid, uint32_t port)
{
	static unsigned calls;
	struct sockaddr_un from, to;
	const socklen_t from_n = name_of(cid, port, ++calls, &from);
	const socklen_t to_n = name_of(PARENT, port, 0, &to);
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (const struct sockaddr *)&from, from_n) < 0 ||
	    connect(fd, (const struct sockaddr *)&to, to_n) < 0)
		return -1;
	return ss_take_fd(&fd);
}

int nitro_model_listen(uint32_t cid, uint32_t port)
{
	struct sockaddr_un a;
	const socklen_t n = name_of(cid, port, 0, &a);
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (const struct sockaddr *)&a, n) < 0 || listen(fd, 4) < 0)
		return -1;
	return ss_take_fd(&fd);
}

/* --- the instance ------------------------------------------------------------------------------
 */

void nitro_model_init(struct nitro_model *m)
{
	*m = (struct nitro_model){
		.sys = { .ctx = m,
			 .open = open_device,
			 .ioctl = control,
			 .map = map,
			 .unmap = unmap,
			 .read_file = read_file,
			 .socket = vsock_socket,
			 .bind = vsock_bind,
			 .listen = vsock_listen,
			 .connect = vsock_connect,
			 .own_port = own_port,
			 .peer_cid = peer_cid,
			 .pause = pause_ms },
		.cpus = 8,
		.threads = 2,
		.nodes = 1,
		.pool = { [2] = true, [3] = true, [6] = true, [7] = true },
		.pages = { { 21, 256, 256 } },
		.max_regions = 64,
		.image_offset = 8 * MIB,
		.allocator = "---\n# of this instance\nmemory_mib: 512\ncpu_count: 4\n",
		.mm = 1,
	};
}

void nitro_model_done(struct nitro_model *m)
{
	for (size_t i = 0; i < MODEL_ENCLAVES; i++)
		if (m->enclaves[i].exists && m->enclaves[i].alive >= 0)
			(void)close(m->enclaves[i].alive);
	for (size_t i = 0; i < MODEL_MAPS; i++)
		if (m->maps[i].p != NULL)
			(void)munmap(m->maps[i].whole, m->maps[i].whole_size);
}

void nitro_model_end(struct model_enclave *e)
{
	(void)close(e->alive);
	e->alive = -1;
}

bool nitro_model_is_closed(const struct model_enclave *e)
{
	struct pollfd p = { .fd = e->alive };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

unsigned nitro_model_maps(const struct nitro_model *m)
{
	unsigned n = 0;

	for (size_t i = 0; i < MODEL_MAPS; i++)
		n += m->maps[i].p != NULL;
	return n;
}

uint8_t nitro_model_byte(const struct model_enclave *e, uint64_t at)
{
	for (unsigned i = 0; i < e->n_ioctls; i++) {
		if (at < e->sizes[i])
			return ((const uint8_t *)(uintptr_t)e->addresses[i])[at];
		at -= e->sizes[i];
	}
	return 0;
}
