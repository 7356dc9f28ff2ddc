/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nitro_sys.h"

#include "base/mem.h"
#include "launch/nitro_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<linux/nitro_enclaves.h>)
#include <linux/nitro_enclaves.h>

_Static_assert(NITRO_CREATE_VM == NE_CREATE_VM, "request");
_Static_assert(NITRO_ADD_VCPU == NE_ADD_VCPU, "request");
_Static_assert(NITRO_IMAGE_LOAD == NE_GET_IMAGE_LOAD_INFO, "request");
_Static_assert(NITRO_ADD_REGION == NE_SET_USER_MEMORY_REGION, "request");
_Static_assert(NITRO_START == NE_START_ENCLAVE, "request");
_Static_assert(NITRO_IMAGE_EIF == NE_EIF_IMAGE, "flag");
_Static_assert(NITRO_START_DEBUG == NE_ENCLAVE_DEBUG_MODE, "flag");
_Static_assert(NITRO_VCPU_ALREADY_USED == NE_ERR_VCPU_ALREADY_USED, "first errno");
_Static_assert(NITRO_NO_CPUS_IN_POOL == NE_ERR_NO_CPUS_AVAIL_IN_POOL, "errno");
_Static_assert(NITRO_INVALID_CID == NE_ERR_INVALID_ENCLAVE_CID, "last errno");
#define SAME(ours, field, theirs, other)                                                           \
	_Static_assert(offsetof(struct ours, field) == offsetof(struct theirs, other), "place")
SAME(nitro_image_load, offset, ne_image_load_info, memory_offset);
SAME(nitro_region, size, ne_user_memory_region, memory_size);
SAME(nitro_region, address, ne_user_memory_region, userspace_addr);
SAME(nitro_start_info, cid, ne_enclave_start_info, enclave_cid);
#endif

#define BACKLOG 64
#define MAX_NODES 64

static int open_device(void *ctx, const char *path)
{
	(void)ctx;
	return open(path, O_RDWR | O_CLOEXEC);
}

static int control(void *ctx, int fd, unsigned long request, void *arg)
{
	(void)ctx;
	return ioctl(fd, request, arg);
}

static void unmap(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)munmap(p, size);
}

static void *map(void *ctx, size_t size, unsigned page_shift, int node)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			  (int)((uint32_t)page_shift << MAP_HUGE_SHIFT);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	unsigned long mask;
	int saved;

	(void)ctx;
	if (p == MAP_FAILED)
		return NULL;
	/* A child would share the pages copy-on-write, and the parent could lose those that the
	 * enclave has. */
	if (madvise(p, size, MADV_DONTFORK) < 0)
		goto undo;
	if (node < 0 || node >= MAX_NODES)
		return p;
	mask = 1ul << node;
	/* A kernel without NUMA has no other node either. */
	if (syscall(SYS_mbind, p, size, MPOL_BIND, &mask, (unsigned long)MAX_NODES + 1, 0ul) == 0 ||
	    errno == ENOSYS)
		return p;
undo:
	saved = errno;
	(void)munmap(p, size);
	errno = saved;
	return NULL;
}

static int read_file(void *ctx, const char *path, char *ret, size_t n)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t at = 0;

	(void)ctx;
	if (fd < 0)
		return -1;
	while (at < n) {
		const ssize_t got = read(fd, ret + at, n - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return (int)at;
}

static int vsock_socket(void *ctx)
{
	(void)ctx;
	return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int vsock_bind(void *ctx, int fd, uint32_t port)
{
	const struct sockaddr_vm a = { .svm_family = AF_VSOCK,
				       .svm_cid = VMADDR_CID_ANY,
				       .svm_port = port == 0 ? VMADDR_PORT_ANY : port };

	(void)ctx;
	return bind(fd, (const struct sockaddr *)&a, sizeof(a));
}

static int vsock_listen(void *ctx, int fd)
{
	(void)ctx;
	return listen(fd, BACKLOG);
}

static int vsock_connect(void *ctx, int fd, uint32_t cid, uint32_t port)
{
	const struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };

	(void)ctx;
	return connect(fd, (const struct sockaddr *)&a, sizeof(a));
}

static int own_port(void *ctx, int fd, uint32_t *ret)
{
	struct sockaddr_vm a = { 0 };
	socklen_t n = sizeof(a);

	(void)ctx;
	if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return -1;
	*ret = a.svm_port;
	return 0;
}

static int peer_cid(void *ctx, int fd, uint32_t *ret)
{
	struct sockaddr_vm a = { 0 };
	socklen_t n = sizeof(a);

	(void)ctx;
	if (getpeername(fd, (struct sockaddr *)&a, &n) < 0)
		return -1;
	if (a.svm_family != AF_VSOCK) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	*ret = a.svm_cid;
	return 0;
}

static void pause_ms(void *ctx, unsigned ms)
{
	(void)ctx;
	(void)poll(NULL, 0, (int)ms);
}

const struct nitro_sys nitro_sys_linux = {
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
	.pause = pause_ms,
};
