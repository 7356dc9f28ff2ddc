/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: pack DIR MEGABYTES BYTES-A-FILE
 *
 * Packing alone: a tree whose bodies lie in a spool becomes an EIF in DIR. Prints, for the bodies'
 * bytes, the floor (two SHA-384 and one CRC-32, each timed alone, over two cores), what the whole
 * took, and the processor time of the thread that walks the tree and reads the bodies: what
 * packing costs beside the hashes. Times vary with what else runs; compare those of one run.
 */
#include "image/image.h"
#include "io/atomic.h"
#include "io/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static double seconds(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(int rc, const struct ss_err *err)
{
	if (rc < 0) {
		(void)fprintf(stderr, "pack: %s\n", err->msg);
		exit(1);
	}
}

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* One spool as a layer leaves it: bodies one after the other, each at a multiple of 512. */
static struct tree *make_tree(uint64_t total, uint32_t each, uint32_t *ret_files)
{
	struct tree *t = tree_new();
	AUTO_FREE uint8_t *body = ss_calloc(each + 512u, 1);
	struct ss_err err = { 0 };
	uint32_t source;
	uint32_t files = 0;
	uint64_t at = 0;
	int fd = -1;

	for (uint32_t i = 0; i < each; i++)
		body[i] = (uint8_t)(i * 2654435761u >> 13);
	must(io_spool_new(&fd, &err), &err);
	must(tree_source_add(t, fd, &source, &err), &err);
	for (; at < total; files++) {
		struct tree_inode in = {
			.type = TREE_REG, .mode = 0644, .size = each, .body = { source, at }
		};
		char path[96];

		memcpy(body, &at, sizeof(at));
		must(io_pwrite_all(fd, at, (struct ss_span){ body, each }, &err), &err);
		(void)snprintf(path, sizeof(path), "usr/lib/package-%05u/module_component_%07u.py",
			       files / 40, files);
		must(tree_put(t, text(path), &in, NULL, &err), &err);
		at += (each + 511u) / 512 * 512 + 512;
	}
	*ret_files = files;
	return t;
}

static double time_hash(const uint8_t *block, size_t n, uint64_t total)
{
	struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA384);
	const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
	uint8_t out[CRYPTO_HASH_MAX];

	for (uint64_t done = 0; done < total; done += n)
		crypto_hash_put(h, (struct ss_span){ block, n });
	crypto_hash_end(h, out);
	crypto_hash_free(h);
	return seconds(CLOCK_THREAD_CPUTIME_ID) - start;
}

static double time_crc(const uint8_t *block, size_t n, uint64_t total)
{
	const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
	uint32_t crc = 0;

	for (uint64_t done = 0; done < total; done += n)
		crc = crypto_crc32(crc, (struct ss_span){ block, n });
	return seconds(CLOCK_THREAD_CPUTIME_ID) - start + (crc == 1 ? 1e-9 : 0);
}

int main(int argc, char **argv)
{
	AUTO_BUF struct ss_buf raw = SS_BUF_INIT(64);
	char kernel[4096], init[4096], output[4096];
	struct image_request req = { .arch = "x86_64", .name = "bench", .version = "1" };
	struct image_result res;
	struct ss_err err = { 0 };
	struct tree *t;
	uint32_t files;
	double wall, cpu, floor;
	const uint64_t total = (argc == 4 ? strtoull(argv[2], NULL, 10) : 0) << 20;
	const uint32_t each = argc == 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;

	if (total == 0 || each < 8)
		return 2;
	(void)snprintf(kernel, sizeof(kernel), "%s/kernel", argv[1]);
	(void)snprintf(init, sizeof(init), "%s/init", argv[1]);
	(void)snprintf(output, sizeof(output), "%s/pack.eif", argv[1]);
	must(io_atomic_store(kernel, text("kernel"), &err), &err);
	must(io_atomic_store(init, text("init"), &err), &err);
	t = make_tree(total, each, &files);
	mc_put_string(&raw, text("/x"));
	req.runtime = (struct image_runtime){ kernel, init, init, "quiet" };
	req.config = (struct mc_config){ .argv = { ss_buf_span(&raw), 1 },
					 .cwd = text("/"),
					 .stop_signal = 15 };
	req.output = output;
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	must(image_build(t, &req, &res, &err), &err);
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	{
		AUTO_FREE uint8_t *block = ss_calloc(1u << 18, 1);

		floor = (2 * time_hash(block, 1u << 18, res.bytes) +
			 time_crc(block, 1u << 18, res.bytes)) /
			2;
	}
	printf("%u files, %llu MB: %.2f s, floor of the hashes %.2f s, reading and heading %.2f "
	       "s\n",
	       files, (unsigned long long)(res.bytes / 1000000), wall, floor, cpu);
	tree_free(t);
	return 0;
}
