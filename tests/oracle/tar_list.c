/* SPDX-License-Identifier: Apache-2.0 */
/* Lists a plain tar archive as our reader sees it, one line an entry, for tar.py. */
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "fmt/tar.h"
#include "io/file.h"

#include <stdio.h>

static int read_at(void *ctx, uint64_t at, uint8_t *p, size_t n, size_t *ret_n, struct ss_err *err)
{
	const int *fd = ctx;

	return io_pread_full(*fd, at, p, n, ret_n, err);
}

static void put_hex(const char *name, struct ss_span s)
{
	AUTO_FREE char *hex = ss_calloc(s.n * 2 + 1, 1);

	ss_hex(s, hex);
	printf(" %s=%s", name, hex);
}

static int hash_part(int fd, uint64_t at, uint64_t n, struct crypto_hash *h, struct ss_err *err)
{
	uint8_t block[65536];

	while (n > 0) {
		const size_t want = n < sizeof(block) ? (size_t)n : sizeof(block);
		size_t got = 0;

		if (io_pread_full(fd, at, block, want, &got, err) < 0)
			return -1;
		if (got < want)
			return ss_fail(err, SS_EINPUT, "the body is not there");
		crypto_hash_put(h, (struct ss_span){ block, want });
		at += want;
		n -= want;
	}
	return 0;
}

static void hash_zeros(uint64_t n, struct crypto_hash *h)
{
	static const uint8_t zeros[65536];

	for (; n > 0; n -= n < sizeof(zeros) ? n : sizeof(zeros))
		crypto_hash_put(h, (struct ss_span){ zeros, n < sizeof(zeros) ? (size_t)n
									      : sizeof(zeros) });
}

static int hash_body(int fd, const struct tar_entry *e, struct crypto_hash *h, struct ss_err *err)
{
	const struct tar_segment whole = { 0, e->size };
	uint64_t at = e->body, done = 0;

	for (size_t i = 0; i < (e->sparse ? e->n_segments : 1); i++) {
		const struct tar_segment *s = e->sparse ? &e->segments[i] : &whole;

		hash_zeros(s->at - done, h);
		if (hash_part(fd, at, s->n, h, err) < 0)
			return -1;
		at += s->n;
		done = s->at + s->n;
	}
	hash_zeros(e->size - done, h);
	return 0;
}

static int show(int fd, const struct tar_entry *e, bool bodies, struct ss_err *err)
{
	static const char types[] = "-hlcbdp";
	uint8_t sum[CRYPTO_SHA256_SIZE];
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);

	if (bodies && hash_body(fd, e, h, err) < 0)
		return -1;
	crypto_hash_end(h, sum);
	printf("%c mode=%o uid=%u gid=%u size=%llu mtime=%lld dev=%u,%u", types[e->type], e->mode,
	       e->uid, e->gid, (unsigned long long)e->size, (long long)e->mtime, e->rdev_major,
	       e->rdev_minor);
	put_hex("path", e->path);
	put_hex("link", e->link);
	put_hex("sha256", (struct ss_span){ sum, sizeof(sum) });
	for (size_t i = 0; i < e->n_xattrs; i++) {
		put_hex("xattr", e->xattrs[i].name);
		put_hex("value", e->xattrs[i].value);
	}
	putchar('\n');
	return 0;
}

static int list(const char *path, bool bodies, struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;
	struct tar_source src = { read_at, &fd };
	AUTO_TAR struct tar_reader *t = tar_new(&src);
	struct tar_entry e;
	bool end = false;

	if (io_open_file(path, &fd, NULL, err) < 0)
		return -1;
	for (;;) {
		if (tar_next(t, &e, &end, err) < 0)
			return -1;
		if (end)
			return 0;
		if (show(fd, &e, bodies, err) < 0)
			return -1;
	}
}

int main(int argc, char **argv)
{
	struct ss_err err = { 0 };

	/* "--headers FILE" leaves the bodies alone. */
	if (argc < 2 || argc > 3)
		return 2;
	if (list(argv[argc - 1], argc == 2, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 3;
	}
	return 0;
}
