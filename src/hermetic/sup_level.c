/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Did anything in the step ask for the times of a file, or for the inode numbers in a folder? Every
 * file's time of change is later than the frozen clock, and the device is another in each build:
 * whoever was told of one was told something that is not true, and the step needs its level. Who
 * asked for nothing, or for what is not there, hears the same at either.
 *
 * The exception is glibc's loader, which asks for each library that it maps: it looks for the size,
 * and compares device and number of one library with those of another. It is known by its name; all
 * that is not known for certain counts.
 */

bool sup_level_is_loader(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;

	return strncmp(base, "ld-linux", 8) == 0 ||
	       (strncmp(base, "ld-", 3) == 0 && base[3] >= '0' && base[3] <= '9');
}

/* "55d0-55e0 r-xp 00000000 00:1f 123        /usr/bin/x" */
bool sup_level_line(const char *line, uint64_t at, const char **ret_path)
{
	char *end = NULL;
	const uint64_t from = strtoull(line, &end, 16);
	uint64_t to;

	*ret_path = "";
	if (end == line || *end != '-')
		return false;
	to = strtoull(end + 1, &end, 16);
	if (*end != ' ' || at < from || at >= to)
		return false;
	*ret_path = strchr(end, '/');
	if (*ret_path == NULL)
		*ret_path = "";
	return true;
}

static bool is_of_loader(const struct sup_task *t)
{
	char name[32], line[512];
	bool ret = false, goes_on = false;
	FILE *f;

	(void)snprintf(name, sizeof(name), "/proc/%d/maps", t->tid);
	f = fopen(name, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		const bool rest = goes_on;
		const char *path;

		goes_on = strchr(line, '\n') == NULL;
		line[strcspn(line, "\n")] = '\0';
		if (!rest && sup_level_line(line, t->ip, &path)) {
			ret = sup_level_is_loader(path);
			break;
		}
	}
	if (f != NULL)
		(void)fclose(f);
	return ret;
}

void sup_level_told(struct sup *s, const struct sup_task *t)
{
	s->told = s->told || !is_of_loader(t);
}

void sup_level_begin(struct sup *s)
{
	s->level_fd = open(SUP_LEVEL, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
}

void sup_level_end(const struct sup *s)
{
	const char *text = s->told ? "full\n" : "light\n";

	/* Whoever reads nothing takes it for full. */
	if (s->level_fd >= 0)
		(void)!write(s->level_fd, text, strlen(text));
}
