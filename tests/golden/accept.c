/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: accept RAMDISK
 *
 * Reads a ramdisk as the runtime does, and compares what it holds with what its measured config
 * states (ramdisk 1; ramdisk 0 has none). Prints the number of entries.
 */
#include "fmt/measured.h"
#include "io/file.h"
#include "runtime/archive.h"

#include <stdio.h>
#include <string.h>

struct sums {
	uint32_t entries;
	uint64_t bytes;
	uint64_t pages;
};

static bool is_config(const struct rt_member *m)
{
	return m->e.name.n == 6 && memcmp(m->e.name.p, "config", 6) == 0;
}

static int read_body(struct rt_archive *a, struct ss_buf *ret, struct ss_err *err)
{
	struct ss_span piece;

	do {
		if (rt_archive_body(a, &piece, err) < 0)
			return -1;
		ss_buf_put(ret, piece);
	} while (piece.n > 0);
	return 0;
}

static int read_all(struct rt_archive *a, struct ss_buf *config, struct sums *s, struct ss_err *err)
{
	for (;;) {
		AUTO_BUF struct ss_buf body = SS_BUF_INIT((size_t)1 << 30);
		struct rt_member m;
		bool more = false;

		if (rt_archive_next(a, &m, &more, err) < 0)
			return -1;
		if (!more)
			return 0;
		if (is_config(&m)) {
			if (read_body(a, config, err) < 0)
				return -1;
			continue;
		}
		s->entries++;
		s->bytes += m.e.size;
		if ((m.e.mode & CPIO_TYPE_MASK) == CPIO_REG)
			s->pages += (m.e.size + (uint64_t)4095) / 4096;
		if (read_body(a, &body, err) < 0)
			return -1;
	}
}

static int run(const char *path, struct sums *s, struct ss_err *err)
{
	static struct rt_archive a;
	AUTO_BUF struct ss_buf config = SS_BUF_INIT(MC_MAX_SIZE);
	AUTO_CLOSE int fd = -1;
	struct mc_config c;
	uint64_t size;

	if (io_open_file(path, &fd, &size, err) < 0)
		return -1;
	rt_archive_init(&a, fd, 0, size);
	if (read_all(&a, &config, s, err) < 0)
		return -1;
	if (config.n == 0)
		return 0;
	if (mc_read(ss_buf_span(&config), &c, err) < 0)
		return -1;
	if (c.entries != s->entries || c.bytes != s->bytes || c.pages != s->pages)
		return ss_fail(err, SS_EINPUT, "the config states other sums than the archive has");
	return 0;
}

int main(int argc, char **argv)
{
	struct sums s = { 0 };
	struct ss_err err = { 0 };

	if (argc != 2)
		return 2;
	if (run(argv[1], &s, &err) < 0) {
		printf("%s\n", err.msg);
		return 1;
	}
	printf("%u\n", s.entries);
	return 0;
}
