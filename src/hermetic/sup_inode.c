/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Inode numbers of the root file system. Where a file system puts a file depends on what it held
 * before; archives (cpio), databases and indexes write that down. A file is told the number that
 * its path makes, so no order of anything decides. The names of a hard link have one number: that
 * of the name which was seen first while there were several; a table of those, as large as it is.
 *
 * A file that is renamed gets another number, as with file systems that have none of their own
 * (FAT, many of FUSE); one that takes another's place under the same name keeps it. Who has the old
 * one open sees a third: it has no path any more.
 */
#define LEAST 16u /* below are numbers that mean something: the root, bad blocks, the journal */
#define LINKS 65536u

static struct {
	uint64_t ino; /* 0: free */
	uint32_t told;
} links[LINKS];
static size_t n_links;

uint32_t sup_inode_of(const char *path, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)path[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	/* 31 bits: programs and formats that keep no more. */
	return LEAST + (uint32_t)(h % (INT32_MAX - LEAST));
}

/* Where it is or would be; NULL: there is no more room. */
static uint32_t *link_at(uint64_t ino, bool make)
{
	size_t i = (size_t)(ino * 0x9e3779b97f4a7c15u >> 48) % LINKS;

	while (links[i].ino != 0 && links[i].ino != ino)
		i = (i + 1) % LINKS;
	if (links[i].ino == ino)
		return &links[i].told;
	if (!make || n_links >= LINKS / 2)
		return NULL;
	links[i].ino = ino;
	n_links++;
	return &links[i].told;
}

uint32_t sup_inode_linked(uint64_t ino, uint32_t of_path)
{
	uint32_t *told = link_at(ino, true);

	if (told == NULL)
		return of_path;
	if (*told == 0)
		*told = of_path;
	return *told;
}

uint64_t sup_inode_entry(char *path, size_t dir, const char *name, size_t max, uint64_t ino)
{
	const size_t n = strnlen(name, max);
	const uint32_t *told = link_at(ino, false);

	if (told != NULL)
		return *told;
	if (n == 1 && name[0] == '.')
		return sup_inode_of(path, dir > 1 ? dir - 1 : 1);
	if (n == 2 && name[0] == '.' && name[1] == '.') {
		for (dir -= dir > 1; dir > 1 && path[dir - 1] != '/'; dir--)
			;
		return sup_inode_of(path, dir > 1 ? dir - 1 : 1);
	}
	if (n >= SUP_PATH_BYTES - dir)
		return ino;
	memcpy(path + dir, name, n);
	return sup_inode_of(path, dir + n);
}

size_t sup_inode_place(const char *place, char *ret, size_t size)
{
	char path[96];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%s", place);
	n = readlink(path, ret, size);
	return n > 0 && (size_t)n < size && ret[0] == '/' ? (size_t)n : 0;
}

bool sup_inode_tell(const char *place, uint64_t ino, bool is_linked, uint64_t *ret)
{
	char path[SUP_PATH_BYTES];
	const size_t n = sup_inode_place(place, path, sizeof(path));
	uint32_t told;

	if (n == 0)
		return false;
	told = sup_inode_of(path, n);
	*ret = is_linked ? sup_inode_linked(ino, told) : told;
	return true;
}
