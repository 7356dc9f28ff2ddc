/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: floor EIF BLOB...
 *
 * The floor of one build (docs/architecture.md, "Speed"): each stage alone, on one thread, over the
 * very bytes of the run it judges, and then one sequential write of the result's size. Prints
 * "stage seconds" lines; bench/run adds them up. Files are read from the page cache in the same
 * pieces that the program uses; the reading is part of the stage.
 */
#include "base/mem.h"
#include "crypto/hash.h"
#include "fmt/inflate.h"
#include "io/fan.h"
#include "io/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PIECE IO_FAN_CHUNK_SIZE

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const struct ss_err *err)
{
	(void)fprintf(stderr, "floor: %s\n", err->msg);
	exit(1);
}

typedef void (*stage_fn)(void *ctx, struct ss_span piece);

/* One pass over a file. */
static void over(const char *path, stage_fn fn, void *ctx)
{
	static uint8_t block[PIECE];
	AUTO_CLOSE int fd = -1;
	struct ss_err err = { 0 };
	size_t n;

	if (io_open_file(path, &fd, NULL, &err) < 0)
		die(&err);
	do {
		if (io_read_full(fd, block, sizeof(block), &n, &err) < 0)
			die(&err);
		fn(ctx, (struct ss_span){ block, n });
	} while (n == sizeof(block));
}

static void hash_piece(void *ctx, struct ss_span piece)
{
	crypto_hash_put(ctx, piece);
}

static void crc_piece(void *ctx, struct ss_span piece)
{
	uint32_t *crc = ctx;

	*crc = crypto_crc32(*crc, piece);
}

static void read_piece(void *ctx, struct ss_span piece)
{
	uint64_t *n = ctx;

	*n += piece.n;
}

static double time_hash(char **paths, enum crypto_hash_kind kind)
{
	const double start = now();

	for (; *paths != NULL; paths++) {
		AUTO_HASH struct crypto_hash *h = crypto_hash_new(kind);
		uint8_t out[CRYPTO_HASH_MAX];

		over(*paths, hash_piece, h);
		crypto_hash_end(h, out);
	}
	return now() - start;
}

/* Inflation into one buffer; with `hash`, the time of hashing what comes out is kept apart. */
struct sink {
	uint8_t block[PIECE];
	struct crypto_hash *hash;
	double hashing;
	struct inflate *in;
};

static int sink_room(void *ctx, uint8_t **ret, size_t *ret_n, struct ss_err *err)
{
	struct sink *s = ctx;

	(void)err;
	*ret = s->block;
	*ret_n = sizeof(s->block);
	return 0;
}

static int sink_push(void *ctx, size_t n, struct ss_err *err)
{
	struct sink *s = ctx;
	const double start = now();

	(void)err;
	crypto_hash_put(s->hash, (struct ss_span){ s->block, n });
	s->hashing += now() - start;
	return 0;
}

static void inflate_piece(void *ctx, struct ss_span piece)
{
	struct sink *s = ctx;
	struct ss_err err = { 0 };

	if (inflate_put(s->in, piece, &err) < 0)
		die(&err);
}

static enum inflate_kind kind_of(const char *path)
{
	AUTO_CLOSE int fd = -1;
	struct ss_err err = { 0 };
	uint8_t head[INFLATE_SNIFF];
	size_t n;

	if (io_open_file(path, &fd, NULL, &err) < 0 ||
	    io_read_full(fd, head, sizeof(head), &n, &err) < 0)
		die(&err);
	return inflate_sniff((struct ss_span){ head, n });
}

/* Plain layers have nothing to inflate, and one digest is blob and diff_id at once. */
static void time_layers(char **paths, double *ret_inflate, double *ret_diff)
{
	*ret_inflate = *ret_diff = 0;
	for (; *paths != NULL; paths++) {
		const enum inflate_kind kind = kind_of(*paths);
		AUTO_FREE struct sink *s = ss_calloc(1, sizeof(*s));
		const struct inflate_sink out = { sink_room, sink_push, s };
		const struct inflate_limits none = { 0 };
		struct ss_err err = { 0 };
		double start;
		uint8_t digest[CRYPTO_HASH_MAX];

		if (kind == INFLATE_PLAIN)
			continue;
		s->hash = crypto_hash_new(CRYPTO_SHA256);
		if (inflate_new(kind, &out, &none, &s->in, &err) < 0)
			die(&err);
		start = now();
		over(*paths, inflate_piece, s);
		if (inflate_end(s->in, &err) < 0)
			die(&err);
		*ret_inflate += now() - start - s->hashing;
		*ret_diff += s->hashing;
		crypto_hash_end(s->hash, digest);
		crypto_hash_free(s->hash);
		inflate_free(s->in);
	}
}

static double time_write(const char *eif)
{
	AUTO_FREE char *to = ss_calloc(strlen(eif) + 8, 1);
	AUTO_FREE uint8_t *block = ss_calloc(PIECE, 1);
	AUTO_CLOSE int fd = -1;
	struct ss_err err = { 0 };
	uint64_t left;
	int in = -1;
	double start;

	memset(block, 0x5a, PIECE);
	if (io_open_file(eif, &in, &left, &err) < 0)
		die(&err);
	(void)close(in);
	(void)snprintf(to, strlen(eif) + 8, "%s.floor", eif);
	fd = open(to, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	start = now();
	while (left > 0) {
		const size_t n = left < PIECE ? (size_t)left : PIECE;

		if (io_write_all(fd, (struct ss_span){ block, n }, &err) < 0)
			die(&err);
		left -= n;
	}
	(void)fsync(fd);
	start = now() - start;
	(void)unlink(to);
	return start;
}

int main(int argc, char **argv)
{
	char *eif[] = { argc > 1 ? argv[1] : NULL, NULL };
	uint32_t crc = 0;
	uint64_t read = 0;
	double start, inflate, diff;

	if (argc < 2)
		return 2;
	over(eif[0], read_piece, &read); /* into the page cache */
	time_layers(argv + 2, &inflate, &diff);
	printf("inflate %.3f\n", inflate);
	printf("sha256-diff-ids %.3f\n", diff);
	printf("sha256-blobs %.3f\n", time_hash(argv + 2, CRYPTO_SHA256));
	printf("sha384 %.3f\n", time_hash(eif, CRYPTO_SHA384));
	start = now();
	over(eif[0], crc_piece, &crc);
	printf("crc32 %.3f\n", now() - start);
	printf("sha256-eif %.3f\n", time_hash(eif, CRYPTO_SHA256));
	printf("write %.3f\n", time_write(eif[0]));
	printf("bytes %llu\n", (unsigned long long)read);
	return 0;
}
