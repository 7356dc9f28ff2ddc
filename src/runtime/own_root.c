/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/own_root.h"

#include "base/mem.h"
#include "runtime/app_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define MIN_FREE "/proc/sys/vm/min_free_kbytes"
#define QUIET (MS_NODEV | MS_NOSUID | MS_NOEXEC)

#define ATTEST_BACKLOG 64

static int make_dirs(const char *const *paths, struct ss_err *err)
{
	for (; *paths != NULL; paths++)
		if (mkdir(*paths, 0755) < 0)
			return ss_fail_sys(err, "cannot make %s", *paths);
	return 0;
}

/* stage0 has mounted /proc and /sys. */
static int fill_root(struct ss_err *err)
{
	static const char attest[] = "/new" RT_ATTEST, secrets[] = "/new" RT_SECRETS;
	static const char *const paths[] = { "/new/proc", "/new/sys", "/new/dev", "/new/app",
					     "/new/mnt",  attest,     secrets,    NULL };

	if (mkdir("/new", 0700) < 0)
		return ss_fail_sys(err, "cannot make /new");
	if (mount("root", "/new", "tmpfs", QUIET, "mode=0755,size=64k,nr_inodes=64") < 0)
		return ss_fail_sys(err, "cannot mount the root");
	if (make_dirs(paths, err) < 0)
		return -1;
	if (mount("/proc", "/new/proc", NULL, MS_MOVE, NULL) < 0 ||
	    mount("/sys", "/new/sys", NULL, MS_MOVE, NULL) < 0)
		return ss_fail_sys(err, "cannot move /proc and /sys");
	if (mount("dev", "/new/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755") < 0)
		return ss_fail_sys(err, "cannot mount /dev");
	return 0;
}

int rt_open_program(const char *path, int *ret, struct ss_err *err)
{
	*ret = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret < 0)
		return ss_fail_sys(err, "cannot open %s of ramdisk 0", path);
	return 0;
}

int rt_attest_socket(int *ret, struct ss_err *err)
{
	static const struct sockaddr_un name = { .sun_family = AF_UNIX,
						 .sun_path = RT_ATTEST "/attest.sock" };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (mount("attest", RT_ATTEST, "tmpfs", QUIET, "mode=0555,size=4k,nr_inodes=4") < 0 ||
	    fd < 0 || bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
	    chmod(name.sun_path, 0666) < 0 || mkdir(RT_ATTEST "/secrets", 0555) < 0 ||
	    listen(fd, ATTEST_BACKLOG) < 0 ||
	    mount(NULL, RT_ATTEST, NULL, MS_REMOUNT | MS_RDONLY | QUIET, NULL) < 0)
		return ss_fail_sys(err, "cannot make the application's socket");
	*ret = ss_take_fd(&fd);
	return 0;
}

int rt_own_root(struct ss_err *err)
{
	(void)umask(0);
	if (fill_root(err) < 0)
		return -1;
	(void)unlink("/init"); /* its memory goes when this program ends, its name now */
	if (chdir("/new") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		return ss_fail_sys(err, "cannot enter the root");
	return 0;
}

int rt_put_setting(const char *path, const char *value, struct ss_err *err)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0; /* a kernel without the feature has nothing to be set */
	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		return ss_fail_sys(err, "cannot set %s", path);
	return 0;
}

static bool read_number(const char *path, uint64_t *ret)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[24];
	const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	uint64_t v = 0;

	for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(text[i] - '0');
	*ret = v;
	return n > 0;
}

/*
 * From 512 MiB on the kernel keeps up to a twentieth of all memory free, so that huge pages can be
 * made. Nothing here can be swapped out or dropped, so that would be lost to the application.
 */
static int limit_free_memory(struct ss_err *err)
{
	uint64_t kib;

	if (!read_number(MIN_FREE, &kib))
		return ss_fail_sys(err, "cannot read " MIN_FREE);
	return kib > 16384 ? rt_put_setting(MIN_FREE, "16384", err) : 0; /* KiB */
}

int rt_kernel_settings(struct ss_err *err)
{
	static const struct {
		const char *path, *value;
	} settings[] = {
		/* No program of the application's is started by the kernel. */
		{ "/proc/sys/kernel/core_pattern", "core" },
		/* The application holds no capability over the network, and may bind any port. */
		{ "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0" },
		/* The kernel's guess, one for 10 KiB of memory, is less than ten thousand
		 * connections take: two of dataplane's each, and one of the application's. */
		{ "/proc/sys/fs/file-max", "1048576" },
	};

	for (size_t i = 0; i < SS_NELEMS(settings); i++)
		if (rt_put_setting(settings[i].path, settings[i].value, err) < 0)
			return -1;
	return limit_free_memory(err);
}

int rt_loopback_up(struct ss_err *err)
{
	struct ifreq r = { .ifr_name = "lo" };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return ss_fail_sys(err, "no loopback interface");
	r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
	if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		return ss_fail_sys(err, "cannot bring the loopback interface up");
	return 0;
}
