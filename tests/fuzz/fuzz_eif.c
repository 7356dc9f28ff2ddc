/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/examine.h"
#include "io/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 548u
#define MAX_SIZE ((size_t)1 << 20)

static void must(bool ok)
{
	if (!ok)
		abort();
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The plain way, as nitro-cli reads: section after section from the end of the header, whatever the
 * table says; then each register over its collected content. */
struct naive {
	struct ss_buf content[3];
	size_t parts;
};

static void naive_read(struct ss_span s, struct naive *n)
{
	size_t ramdisks = 0;

	for (size_t at = HEAD; at < s.n;) {
		const uint8_t *h = s.p + at;
		const unsigned type = (unsigned)h[0] << 8 | h[1];
		struct ss_span d;

		must(s.n - at >= 12 && be32(h + 4) == 0);
		d = (struct ss_span){ h + 12, be32(h + 8) };
		must(d.n <= s.n - at - 12);
		at += 12 + d.n;
		if (type > 3)
			continue;
		n->parts++;
		ss_buf_put(&n->content[0], d);
		ss_buf_put(&n->content[type == 3 && ramdisks > 0 ? 2 : 1], d);
		ramdisks += type == 3;
	}
}

static void check_measurements(struct ss_span s, const struct eif_measurements *m)
{
	struct naive n = { { SS_BUF_INIT(MAX_SIZE), SS_BUF_INIT(MAX_SIZE), SS_BUF_INIT(MAX_SIZE) },
			   0 };
	const uint8_t *const got[3] = { m->pcr0, m->pcr1, m->pcr2 };
	uint8_t sha[CRYPTO_SHA256_SIZE];

	naive_read(s, &n);
	must(n.parts == m->n_parts && m->file_size == s.n);
	for (size_t i = 0; i < 3; i++) {
		uint8_t block[96] = { 0 };
		uint8_t want[48];

		crypto_hash_once(CRYPTO_SHA384, ss_buf_span(&n.content[i]), block + 48);
		crypto_hash_once(CRYPTO_SHA384, (struct ss_span){ block, 96 }, want);
		must(memcmp(want, got[i], sizeof(want)) == 0);
		ss_buf_done(&n.content[i]);
	}
	crypto_hash_once(CRYPTO_SHA256, s, sha);
	must(memcmp(sha, m->file_sha256, sizeof(sha)) == 0);
}

static void check_file(const struct eif_file *f, struct ss_span s)
{
	AUTO_BUF struct ss_buf head = SS_BUF_INIT(HEAD);
	AUTO_EXAMINED struct eif_examined x = { 0 };
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };

	eif_header_write(&f->header, &head);
	must(head.n == HEAD && memcmp(head.p, s.p, HEAD) == 0);
	if (eif_file_measure(f, true, &m, &err) < 0) {
		must(strstr(err.msg, "the CRC-32 at byte 544") != NULL);
		return;
	}
	check_measurements(s, &m);
	must(eif_examine(f, &m, 1795000000, &x, &err) == 0);
	must(!x.is_signed || x.readable.code != SS_OK || m.has_pcr8);
}

static void try(struct ss_span s)
{
	static int fd = -1;
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	struct ss_err err = { 0 };

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	must(ftruncate(fd, 0) == 0 && io_pwrite_all(fd, 0, s, &err) == 0);
	if (eif_file_adopt(dup(fd), s.n, "f", &f, &err) < 0) {
		must(err.code != SS_OK && strncmp(err.msg, "'f': ", 5) == 0 && err.msg[5] != '\0');
		return;
	}
	check_file(&f, s);
}

/* As it is, and with a CRC that fits, which no mutation would find. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE uint8_t *copy = ss_calloc(size, 1);
	uint32_t crc;

	if (size > MAX_SIZE)
		return 0;
	try((struct ss_span){ data, size });
	if (size < HEAD)
		return 0;
	memcpy(copy, data, size);
	crc = crypto_crc32(0, (struct ss_span){ copy, 544 });
	crc = crypto_crc32(crc, (struct ss_span){ copy + HEAD, size - HEAD });
	for (unsigned i = 0; i < 4; i++)
		copy[544 + i] = (uint8_t)(crc >> (24 - 8 * i));
	try((struct ss_span){ copy, size });
	return 0;
}
