/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ramdisk1.h"

#include "base/mem.h"
#include "base/show.h"
#include "runtime/format.h"
#include "runtime/kernel_abi.h"
#include "runtime/meminfo.h"
#include "runtime/unpack.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define INITRD "/sys/firmware/initrd"
#define MIB (1u << 20)

static struct rt_archive archive;
static uint8_t config_bytes[MC_MAX_SIZE];
static struct rt_fs fs;

static int open_archive(uint64_t at, struct ss_err *err)
{
	struct stat st;
	const int fd = open(INITRD, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return ss_fail_sys(err, "cannot open " INITRD);
	if (st.st_size < 0 || (uint64_t)st.st_size < at)
		return ss_fail(err, SS_EINPUT, "it begins at byte %llu, the end is at %lld",
			       (unsigned long long)at, (long long)st.st_size);
	rt_archive_init(&archive, fd, at, (uint64_t)st.st_size);
	return rt_archive_skip_zeros(&archive, err);
}

static bool is_config(const struct rt_member *m)
{
	return m->e.name.n == 6 && memcmp(m->e.name.p, "config", 6) == 0 &&
	       (m->e.mode & CPIO_TYPE_MASK) == CPIO_REG && m->e.nlink == 1;
}

static int read_config_bytes(size_t *ret_n, struct ss_err *err)
{
	struct rt_member m;
	size_t n = 0;
	bool more;

	if (rt_archive_next(&archive, &m, &more, err) < 0)
		return -1;
	if (!more || !is_config(&m))
		return ss_fail(err, SS_EINPUT, "its first entry is not the file 'config'");
	if (m.e.size > sizeof(config_bytes))
		return ss_fail(err, SS_ELIMIT, "'config' has %u bytes; the limit is %zu", m.e.size,
			       sizeof(config_bytes));
	for (;;) {
		struct ss_span piece;

		if (rt_archive_body(&archive, &piece, err) < 0)
			return -1;
		if (piece.n == 0)
			break;
		memcpy(config_bytes + n, piece.p, piece.n);
		n += piece.n;
	}
	*ret_n = n;
	return 0;
}

int rt_ramdisk1_config(uint64_t at, struct rt_ramdisk1 *ret, enum rt_stop_code *ret_code,
		       struct ss_err *err)
{
	size_t n = 0;

	*ret_code = RT_E_RAMDISK1;
	if (open_archive(at, err) < 0 || read_config_bytes(&n, err) < 0)
		return ss_ctx(err, "ramdisk 1");
	*ret_code = RT_E_CONFIG;
	ret->config_bytes = (struct ss_span){ config_bytes, n };
	return mc_read(ret->config_bytes, &ret->config, err);
}

static uint64_t mib_up(uint64_t bytes)
{
	return bytes / MIB + (bytes % MIB != 0);
}

/* More memory also means larger tables, and what the kernel keeps free. */
static uint64_t memory_more(uint64_t missing)
{
	return missing + missing / 16 + 2 * (uint64_t)MIB;
}

static int check_memory(struct rt_ramdisk1 *r, struct ss_err *err)
{
	const uint64_t need = mc_tree_need(r->config.entries, r->config.pages);
	uint64_t available;

	if (rt_meminfo_available(&available, err) < 0)
		return -1;
	r->available = available;
	if (available < need)
		return ss_fail(err, SS_ELIMIT,
			       "the image needs %llu MiB to start, %llu MiB are free: give the "
			       "enclave %llu MiB more",
			       (unsigned long long)mib_up(need),
			       (unsigned long long)(available / MIB),
			       (unsigned long long)mib_up(memory_more(need - available)));
	return 0;
}

/* The limits are there so that writing fails before memory has run out. */
static int mount_app(const struct rt_ramdisk1 *r, struct ss_err *err)
{
	char options[96];

	(void)rt_format(options, sizeof(options), "mode=0700,size=%llu,nr_inodes=%llu",
			(unsigned long long)r->room.files, (unsigned long long)r->room.inodes);
	if (mount("app", "/app", "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, options) < 0)
		return ss_fail_sys(err, "cannot mount /app");
	return 0;
}

static int unpack_with(struct rt_links *links, struct ss_err *err)
{
	AUTO_CLOSE int root = open("/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (root < 0)
		return ss_fail_sys(err, "cannot open /app");
	rt_fs_init(&fs, root, 0);
	rc = rt_unpack(&archive, "rootfs", links, &fs, err);
	rt_fs_done(&fs);
	return rc;
}

/* The table of hard links has a place for every inode that there can be, but a page of it only
 * costs memory when an inode with several names lies in it. */
static int unpack(const struct mc_config *c, struct ss_err *err)
{
	struct rt_links links = { .n = c->entries + 2 }; /* from 1, and "config" is one */
	const size_t size = (size_t)links.n * sizeof(*links.v);
	int rc;

	links.v = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (links.v == MAP_FAILED)
		return ss_fail_sys(err, "cannot map the table of hard links");
	rc = unpack_with(&links, err);
	(void)munmap(links.v, size);
	return rc;
}

/* The archive's counters hold `config` as well. */
static int check_complete(const struct mc_config *c, uint64_t config_size, struct ss_err *err)
{
	const uint64_t entries = archive.entries - 1u;
	const uint64_t bytes = archive.bytes - config_size;

	if (entries != c->entries || bytes != c->bytes)
		return ss_fail(err, SS_EVERIFY,
			       "%llu entries with %llu bytes arrived, the measured config says %u "
			       "with %llu",
			       (unsigned long long)entries, (unsigned long long)bytes, c->entries,
			       (unsigned long long)c->bytes);
	return 0;
}

static char path_room[CPIO_MAX_NAME], name_room[64], proc_room[64];

static const char *as_string(char *room, size_t n, struct ss_span s)
{
	if (s.n >= n)
		return NULL;
	memcpy(room, s.p, s.n);
	room[s.n] = '\0';
	return room;
}

/* An O_PATH descriptor opens nothing, so this is safe for fifos too. */
static int restore_xattr(int app, struct ss_span path, struct ss_span name, struct ss_span value,
			 struct ss_err *err)
{
	struct rt_open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				   .resolve = RT_RESOLVE_BENEATH | RT_RESOLVE_NO_SYMLINKS |
					      RT_RESOLVE_NO_MAGICLINKS | RT_RESOLVE_NO_XDEV };
	const char *p = as_string(path_room, sizeof(path_room), path);
	const char *attr = as_string(name_room, sizeof(name_room), name);
	AUTO_CLOSE int fd = -1;

	if (p == NULL || attr == NULL)
		return ss_fail(err, SS_ELIMIT, "an attribute with a name too long");
	fd = (int)syscall(RT_SYS_OPENAT2, app, p, &how, sizeof(how));
	if (fd < 0)
		return ss_fail_sys(err, "cannot find '%s', which has attributes", SS_SHOW(path));
	(void)rt_format(proc_room, sizeof(proc_room), "/proc/self/fd/%d", fd);
	if (setxattr(proc_room, attr, value.p, value.n, 0) < 0)
		return ss_fail_sys(err, "'%s': cannot set %s", SS_SHOW(path), attr);
	return 0;
}

static int restore_xattrs(struct mc_list xattrs, struct ss_err *err)
{
	struct ss_span path, name, value;
	AUTO_CLOSE int app = open("/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (app < 0)
		return ss_fail_sys(err, "cannot open /app");
	while (mc_next_xattr(&xattrs, &path, &name, &value))
		if (restore_xattr(app, path, name, value, err) < 0)
			return -1;
	return 0;
}

int rt_ramdisk1_unpack(struct rt_ramdisk1 *r, enum rt_stop_code *ret_code, struct ss_err *err)
{
	const uint64_t config_size = archive.bytes;

	*ret_code = RT_E_MEMORY;
	if (check_memory(r, err) < 0)
		return -1;
	*ret_code = RT_E_UNPACK;
	r->room = rt_room_divide(r->available, r->config.entries, r->config.pages);
	if (mount_app(r, err) < 0)
		return -1;
	if (unpack(&r->config, err) < 0) {
		if (err->code != SS_ESYS)
			*ret_code = RT_E_RAMDISK1;
		return ss_ctx(err, "ramdisk 1");
	}
	*ret_code = RT_E_INCOMPLETE;
	if (check_complete(&r->config, config_size, err) < 0)
		return -1;
	*ret_code = RT_E_UNPACK;
	if (restore_xattrs(r->config.xattrs, err) < 0)
		return -1;
	(void)close(archive.fd);
	return 0;
}
