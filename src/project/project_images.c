/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/text.h"
#include "io/file.h"
#include "io/self.h"
#include "project/project.h"

#include <string.h>

/* A few rows for each architecture; more is another file. */
#define IMAGES_LOCK_MAX ((size_t)256 * 1024)
#define IMAGES_FIELDS 4u /* architecture, file, key, sha256; the size comes after them */

static bool is_kernel(struct ss_span file)
{
	static const char head[] = "kernel-";
	static const char tail[] = ".config";
	const size_t n_head = sizeof(head) - 1;
	const size_t n_tail = sizeof(tail) - 1;

	if (file.n <= n_head || memcmp(file.p, head, n_head) != 0)
		return false;
	return file.n < n_tail || memcmp(file.p + file.n - n_tail, tail, n_tail) != 0;
}

static bool row_is(struct ss_span row, const char *arch, const char *sha256)
{
	struct ss_span field[IMAGES_FIELDS];

	for (size_t i = 0; i < IMAGES_FIELDS; i++) {
		const uint8_t *space = row.n > 0 ? memchr(row.p, ' ', row.n) : NULL;

		if (space == NULL)
			return false;
		field[i] = (struct ss_span){ row.p, (size_t)(space - row.p) };
		row = (struct ss_span){ space + 1, row.n - field[i].n - 1 };
	}
	return ss_is(field[0], arch) && is_kernel(field[1]) && ss_is(field[3], sha256);
}

bool project_images_has(struct ss_span lock, const char *arch,
			const uint8_t sha256[CRYPTO_SHA256_SIZE])
{
	char hex[2 * CRYPTO_SHA256_SIZE + 1];

	ss_hex((struct ss_span){ sha256, CRYPTO_SHA256_SIZE }, hex);
	while (lock.n > 0) {
		const uint8_t *end = memchr(lock.p, '\n', lock.n);
		const size_t n = end != NULL ? (size_t)(end - lock.p) : lock.n;

		if (row_is((struct ss_span){ lock.p, n }, arch, hex))
			return true;
		if (end == NULL)
			break;
		lock = (struct ss_span){ end + 1, lock.n - n - 1 };
	}
	return false;
}

const char *project_kernel_standing(const char *arch, const uint8_t sha256[CRYPTO_SHA256_SIZE])
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(IMAGES_LOCK_MAX);
	struct ss_err ignored = { 0 };
	AUTO_FREE char *path = io_self_find("kernel/images.lock", &ignored);

	if (path == NULL || io_load_file(path, &b, &ignored) < 0)
		return "unknown";
	return project_images_has((struct ss_span){ b.p, b.n }, arch, sha256) ? "known" : "unknown";
}
