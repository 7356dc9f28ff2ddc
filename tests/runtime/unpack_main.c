/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: rt-unpack ARCHIVE FOLDER [TOP [START]]
 * The enclave's unpacker as an ordinary program. Prints "ENTRIES BYTES", or why not; exit 0, or 3
 * for a ramdisk that is refused, 4 when the system did.
 */
#include "base/mem.h"
#include "runtime/unpack.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#define MAX_INODES 65536u

static struct rt_archive archive;
static struct rt_fs fs;
static struct rt_link link_table[MAX_INODES];

int main(int argc, char **argv)
{
	struct rt_links links = { .v = link_table, .n = MAX_INODES };
	const char *top = argc > 3 && argv[3][0] != '\0' ? argv[3] : NULL;
	const uint64_t start = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	AUTO_CLOSE int fd = argc > 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	AUTO_CLOSE int root = argc > 2 ? open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct ss_err err = { 0 };
	struct stat st;

	if (fd < 0 || root < 0 || fstat(fd, &st) < 0) {
		perror("rt-unpack");
		return 2;
	}
	(void)umask(0);
	rt_archive_init(&archive, fd, start, (uint64_t)st.st_size);
	rt_fs_init(&fs, root, 0);
	if (rt_unpack(&archive, top, &links, &fs, &err) < 0) {
		rt_fs_done(&fs);
		printf("%s\n", err.msg);
		return err.code == SS_ESYS ? 4 : 3;
	}
	rt_fs_done(&fs);
	printf("%u %" PRIu64 "\n", archive.entries, archive.bytes);
	return 0;
}
