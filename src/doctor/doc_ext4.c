/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doc_ext4.h"

#include "base/mem.h"
#include "base/num.h"
#include "io/cache.h"
#include "io/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Of a sparse file: what is not written costs nothing. It never has more than what is free: a step
 * must see a full disk as such, and not lose what it wrote. */
#define GIB ((uint64_t)1 << 30)
#define SIZE_MAX_GIB 64u
#define ATTEMPTS 16 /* others may take a free device first */
#define TIMEOUT_MS 60000u
#define UUID "6f1f0b5e-7d0a-4c3c-9a51-2b5c1f0d4711"
#define OPTIONS "hash_seed=b9c3a4d2-15e8-4f6b-8a77-0d3e5c9f4711,lazy_itable_init=1,root_owner=0:0"

static char *below(const char *dir, const char *name)
{
	const size_t n = strlen(dir) + strlen(name) + sizeof("/ext4/");
	char *p = ss_calloc(n, 1);

	(void)snprintf(p, n, "%s/ext4%s%s", dir, name[0] != '\0' ? "/" : "", name);
	return p;
}

static int make_image(const char *path, int *ret_fd, struct ss_err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct statvfs st = { 0 };
	size_t free;
	uint64_t gib;

	if (fd < 0 || fstatvfs(fd, &st) < 0)
		return ss_fail_sys(err, "cannot make '%s'", path);
	gib = ss_mul_size(st.f_bavail, st.f_frsize, &free) ? free / GIB : SIZE_MAX_GIB;
	if (gib == 0)
		return ss_fail(err, SS_ESYS, "less than 1 GiB is free for an ext4");
	if (gib > SIZE_MAX_GIB)
		gib = SIZE_MAX_GIB;
	if (ftruncate(fd, (off_t)(gib * GIB)) < 0)
		return ss_fail_sys(err, "cannot make '%s'", path);
	*ret_fd = ss_take_fd(&fd);
	return 0;
}

/* Where PATH is a user's, the programs of the administrator are not on it. */
static char *find_mke2fs(struct ss_err *err)
{
	static const char *const names[] = { "mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs" };

	for (size_t i = 0; i < SS_NELEMS(names); i++) {
		char *found = io_spawn_find(names[i]);

		if (found != NULL && access(found, X_OK) == 0)
			return found;
		free(found);
	}
	(void)ss_fail(err, SS_ESYS, "no mke2fs, which makes an ext4");
	return NULL;
}

static int format(const char *image, struct ss_err *err)
{
	AUTO_FREE char *program = find_mke2fs(err);
	const char *const argv[] = { program,
				     "-q",
				     "-F",
				     "-t",
				     "ext4",
				     "-b",
				     "4096",
				     "-I",
				     "256",
				     "-m",
				     "0",
				     "-O",
				     "^has_journal,dir_index,extent,sparse_super",
				     "-U",
				     UUID,
				     "-E",
				     OPTIONS,
				     image,
				     NULL };
	const struct io_spawn s = { .argv = argv, .timeout_ms = TIMEOUT_MS };
	struct io_exit e;

	if (program == NULL || io_spawn_run(&s, &e, err) < 0)
		return -1;
	return io_exit_check(&e, "mke2fs", SS_ESYS, err);
}

/* It lets go of the file when nobody has it any more, and that is at the end of the mount. */
static int attach(int image, char *ret_device, size_t size, int *ret_fd, struct ss_err *err)
{
	AUTO_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	const struct loop_config config = { .fd = (uint32_t)image,
					    .info.lo_flags = LO_FLAGS_AUTOCLEAR };

	if (control < 0)
		return ss_fail_sys(err, "no loop device: cannot open '/dev/loop-control'");
	for (int i = 0; i < ATTEMPTS; i++) {
		const int n = ioctl(control, LOOP_CTL_GET_FREE);
		AUTO_CLOSE int fd = -1;

		if (n < 0)
			return ss_fail_sys(err, "no loop device is free");
		(void)snprintf(ret_device, size, "/dev/loop%d", n);
		fd = open(ret_device, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return ss_fail_sys(err, "no loop device: cannot open '%s'", ret_device);
		if (ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
			*ret_fd = ss_take_fd(&fd);
			return 0;
		}
		if (errno != EBUSY)
			return ss_fail_sys(err, "no loop device: cannot use '%s'", ret_device);
	}
	return ss_fail(err, SS_ESYS, "no loop device: others took each of %d", ATTEMPTS);
}

static int mount_it(int image, const char *at, struct ss_err *err)
{
	AUTO_CLOSE int loop = -1;
	char device[32];

	if (mkdir(at, 0700) < 0)
		return ss_fail_sys(err, "cannot make '%s'", at);
	if (attach(image, device, sizeof(device), &loop, err) < 0)
		return -1;
	/* Its tables of inodes stay unwritten, or the file would not be sparse for long. */
	if (mount(device, at, "ext4", 0, "noinit_itable") < 0)
		return ss_fail_sys(err, "cannot mount an ext4");
	return 0;
}

int doc_ext4_begin(const char *dir, char **ret, struct ss_err *err)
{
	AUTO_FREE char *top = below(dir, "");
	AUTO_FREE char *image = below(dir, "image");
	AUTO_FREE char *root = below(dir, "root");
	AUTO_FREE char *work = below(dir, "root/work");
	AUTO_CLOSE int fd = -1;

	if (geteuid() != 0)
		return ss_fail(err, SS_ESYS, "only root may mount an ext4");
	if (mkdir(top, 0700) < 0)
		return ss_fail_sys(err, "cannot make '%s'", top);
	if (make_image(image, &fd, err) < 0 || format(image, err) < 0 ||
	    mount_it(fd, root, err) < 0)
		return -1;
	if (mkdir(work, 0700) < 0)
		return ss_fail_sys(err, "cannot make '%s'", work);
	*ret = TAKE_PTR(work);
	return 0;
}

void doc_ext4_end(const char *dir)
{
	AUTO_FREE char *top = below(dir, "");

	io_remove_tree(top);
}
