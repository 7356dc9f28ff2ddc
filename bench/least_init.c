/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of a boot: as /init of ramdisk 0 in the place of ours, unpacks ramdisk 1 below /app as
 * plainly as can be, without a check, and executes /rootfs/probe in it. argv[1], from stage0, is
 * where ramdisk 1 begins. The archive is one that bench/boot.py wrote: files, folders, links.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char name[4096], target[4096], block[1 << 20];

static unsigned long field(const char *header, unsigned i)
{
	char hex[9] = { 0 };

	memcpy(hex, header + 6 + (size_t)8 * i, 8);
	return strtoul(hex, NULL, 16);
}

static void take(int fd, char *to, size_t n)
{
	for (size_t at = 0; at < n;) {
		const ssize_t got = read(fd, to + at, n - at);

		if (got <= 0)
			exit(1);
		at += (size_t)got;
	}
}

static void skip_to_four(int fd)
{
	const off_t at = lseek(fd, 0, SEEK_CUR);

	(void)lseek(fd, (at + 3) & ~(off_t)3, SEEK_SET);
}

static void body(int fd, int to, size_t left)
{
	while (left > 0) {
		const size_t n = left < sizeof(block) ? left : sizeof(block);

		take(fd, block, n);
		if (write(to, block, n) != (ssize_t)n)
			exit(1);
		left -= n;
	}
}

static void entry(int fd, mode_t mode, size_t size)
{
	int to;

	if (S_ISDIR(mode)) {
		(void)mkdir(name, mode & 07777);
	} else if (S_ISLNK(mode)) {
		take(fd, target, size);
		target[size] = '\0';
		if (symlink(target, name) != 0)
			exit(1);
	} else {
		to = open(name, O_CREAT | O_WRONLY | O_EXCL, mode & 07777);
		body(fd, to, size);
		(void)close(to);
	}
}

int main(int argc, char **argv)
{
	static char probe[] = "/probe", path[] = "PATH=/bin";
	char *const args[] = { probe, NULL }, *const env[] = { path, NULL };
	char header[110];
	int fd = open("/sys/firmware/initrd", O_RDONLY | O_CLOEXEC);

	if (argc < 2 || fd < 0 || mkdir("/app", 0700) != 0 ||
	    mount("app", "/app", "tmpfs", 0, "size=100%,nr_inodes=0") != 0 || chdir("/app") != 0)
		return 1;
	(void)lseek(fd, (off_t)strtoul(argv[1], NULL, 10), SEEK_SET);
	for (;;) {
		take(fd, header, sizeof(header));
		take(fd, name, field(header, 11));
		skip_to_four(fd);
		if (strcmp(name, "TRAILER!!!") == 0)
			break;
		entry(fd, (mode_t)field(header, 1), field(header, 6));
		skip_to_four(fd);
	}
	if (chroot("/app/rootfs") != 0 || chdir("/") != 0)
		return 1;
	(void)puts("least: application started");
	(void)fflush(stdout);
	(void)execve(probe, args, env);
	return 1;
}
