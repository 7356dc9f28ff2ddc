/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's built-in /init, and the root of what PCR1 proves: it starts the runtime that the
 * measured command line names, or stops.
 *
 * PCRs do not say where the command line ends and a ramdisk begins, so nothing here trusts the
 * loader's division: the command line must begin with our text, which holds length and hash of
 * ramdisk 0; exactly these bytes are taken from the front of what was loaded, checked, unpacked at
 * "/", and become the only program. Where they end is init's argument.
 */
#include "base/mem.h"
#include "runtime/boot_line.h"
#include "runtime/cmdline_text.h" /* RT_CMDLINE_TEXT, made from kernel/cmdline-<arch> */
#include "runtime/console.h"
#include "runtime/format.h"
#include "runtime/sha384.h"
#include "runtime/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define LINE_ROOM 8192u /* no architecture's command line is longer than 4096 */
#define MAX_INODES 256u /* ramdisk 0 holds a handful */
#define INITRD "/sys/firmware/initrd"

static uint8_t line[LINE_ROOM];
static uint8_t block[4096]; /* sysfs hands out no more at once */
static struct rt_archive archive;
static struct rt_link link_table[MAX_INODES];
static struct rt_fs fs;

static void must(bool ok, enum rt_stop_code code, const char *what)
{
	struct ss_err err;

	if (ok)
		return;
	ss_err_set_sys(&err, "%s", what);
	rt_stop(code, &err);
}

static void mount_all(void)
{
	(void)umask(0);
	must(mkdir("/proc", 0555) == 0 || errno == EEXIST, RT_E_SYSTEM, "cannot make /proc");
	must(mkdir("/sys", 0555) == 0 || errno == EEXIST, RT_E_SYSTEM, "cannot make /sys");
	must(mount("proc", "/proc", "proc", MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL) == 0,
	     RT_E_SYSTEM, "cannot mount /proc");
	must(mount("sysfs", "/sys", "sysfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL) == 0,
	     RT_E_SYSTEM, "cannot mount /sys");
}

/* The command line must fit with room to spare: a cut one cannot be judged. */
static struct rt_boot_line read_boot_line(void)
{
	struct rt_boot_line b = { 0 };
	struct ss_err err = { 0 };
	size_t n = 0;
	AUTO_CLOSE int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	must(fd >= 0, RT_E_SYSTEM, "cannot open /proc/cmdline");
	for (;;) {
		const ssize_t got = read(fd, line + n, sizeof(line) - n);

		must(got >= 0, RT_E_SYSTEM, "cannot read /proc/cmdline");
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (n == sizeof(line)) {
		ss_err_set(&err, SS_ELIMIT, "the command line is too long");
		rt_stop(RT_E_COMMAND_LINE, &err);
	}
	if (rt_boot_line_read((struct ss_span){ line, n }, RT_CMDLINE_TEXT, &b, &err) < 0)
		rt_stop(RT_E_COMMAND_LINE, &err);
	return b;
}

static void check_hash(int fd, const struct rt_boot_line *b)
{
	struct ss_err err = { 0 };
	struct rt_sha384 s;
	uint8_t got[RT_SHA384_SIZE];
	uint64_t at = 0;

	rt_sha384_init(&s);
	while (at < b->rd0_size) {
		const uint64_t left = b->rd0_size - at;
		const size_t want = left < sizeof(block) ? (size_t)left : sizeof(block);
		const ssize_t n = pread(fd, block, want, (off_t)at);

		must(n >= 0, RT_E_NO_RAMDISK, "cannot read the ramdisk");
		if (n == 0) {
			ss_err_set(&err, SS_EVERIFY,
				   "the ramdisks have %llu bytes, ramdisk 0 alone has %llu",
				   (unsigned long long)at, (unsigned long long)b->rd0_size);
			rt_stop(RT_E_NO_RAMDISK, &err);
		}
		rt_sha384_update(&s, (struct ss_span){ block, (size_t)n });
		at += (uint64_t)n;
	}
	rt_sha384_final(&s, got);
	if (memcmp(got, b->rd0_sha384, sizeof(got)) != 0) {
		ss_err_set(&err, SS_EVERIFY,
			   "ramdisk 0 is not the one that the command line names");
		rt_stop(RT_E_HASH, &err);
	}
}

/* This program's own name goes first, since the archive brings another /init. */
static void unpack(int fd, const struct rt_boot_line *b)
{
	struct rt_links links = { .v = link_table, .n = MAX_INODES };
	struct ss_err err = { 0 };
	AUTO_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(root >= 0, RT_E_SYSTEM, "cannot open /");
	must(unlink("/init") == 0, RT_E_SYSTEM, "cannot remove /init");
	rt_archive_init(&archive, fd, 0, b->rd0_size);
	rt_fs_init(&fs, root, 0);
	if (rt_unpack(&archive, NULL, &links, &fs, &err) < 0) {
		(void)ss_ctx(&err, "ramdisk 0");
		rt_stop(RT_E_RAMDISK0, &err);
	}
	rt_fs_done(&fs);
}

int main(void)
{
	static char name[] = "/init", offset[24];
	char *const argv[] = { name, offset, NULL };
	char *const envp[] = { NULL };
	struct rt_boot_line b;
	int fd;

	mount_all();
	b = read_boot_line();
	fd = open(INITRD, O_RDONLY | O_CLOEXEC);
	must(fd >= 0, RT_E_NO_RAMDISK, "cannot open " INITRD);
	check_hash(fd, &b);
	unpack(fd, &b);
	rt_say(RT_P_STAGE0, "ramdisk 0 is the measured one");
	(void)rt_format(offset, sizeof(offset), "%llu", (unsigned long long)b.rd0_size);
	(void)execve(name, argv, envp);
	must(false, RT_E_INIT, "cannot start /init");
}
