/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/reader.h"

#include "io/fan.h"
#include "io/file.h"

#include <assert.h>
#include <string.h>

#define ULL(x) ((unsigned long long)(x))

/* --- the way in: header, table, section headers ------------------------------------------- */

/* Where the table says that section i lies; `end` is where section i - 1 ended. */
static int check_place(const struct eif_file *f, size_t i, uint64_t end, struct ss_err *err)
{
	const uint64_t at = f->header.offsets[i];
	const uint64_t size = f->header.sizes[i];

	if (at < EIF_HEADER_SIZE)
		return ss_fail(err, SS_EINPUT,
			       "section %zu at byte %llu overlaps the file header, which ends at "
			       "byte %u",
			       i, ULL(at), EIF_HEADER_SIZE);
	if (at < end)
		return ss_fail(err, SS_EINPUT,
			       "section %zu at byte %llu overlaps section %zu, which ends at byte "
			       "%llu",
			       i, ULL(at), i - 1, ULL(end));
	if (at > end)
		return ss_fail(err, SS_EINPUT,
			       "section %zu at byte %llu leaves a gap of %llu bytes at byte %llu",
			       i, ULL(at), ULL(at - end), ULL(end));
	if (f->size - at < EIF_SECTION_HEADER_SIZE)
		return ss_fail(
			err, SS_EINPUT,
			"section %zu at byte %llu: its header ends past the file, which ends "
			"at byte %llu",
			i, ULL(at), ULL(f->size));
	if (size > f->size - at - EIF_SECTION_HEADER_SIZE)
		return ss_fail(err, SS_EINPUT,
			       "section %zu at byte %llu: %llu bytes of data end past the file, "
			       "which ends at byte %llu",
			       i, ULL(at), ULL(size), ULL(f->size));
	return 0;
}

static int check_section_header(const struct eif_file *f, size_t i,
				const struct eif_section_header *h, struct ss_err *err)
{
	const unsigned long long at = ULL(f->header.offsets[i]);

	if (h->type < EIF_KERNEL || h->type > EIF_METADATA)
		return ss_fail(err, SS_EINPUT, "section %zu at byte %llu has the unknown type %u",
			       i, at, h->type);
	if (h->flags != 0)
		return ss_fail(err, SS_EINPUT,
			       "section %zu at byte %llu: its flags at byte %llu are 0x%04x, not "
			       "zero",
			       i, at, at + 2, h->flags);
	if (h->size != f->header.sizes[i])
		return ss_fail(
			err, SS_EINPUT,
			"section %zu at byte %llu: the table says %llu bytes, its own header "
			"%llu",
			i, at, ULL(f->header.sizes[i]), ULL(h->size));
	return 0;
}

static int read_at(const struct eif_file *f, uint64_t at, uint8_t *p, size_t n, struct ss_err *err)
{
	size_t got;

	if (io_pread_full(f->fd, at, p, n, &got, err) < 0)
		return -1;
	if (got < n)
		return ss_fail(err, SS_EINPUT, "the file became shorter while it was read");
	return 0;
}

static int read_sections(struct eif_file *f, struct ss_err *err)
{
	struct eif_rules rules = { 0 };
	uint64_t end = EIF_HEADER_SIZE;

	for (size_t i = 0; i < f->header.n_sections; i++) {
		uint8_t raw[EIF_SECTION_HEADER_SIZE];
		struct eif_section_header h;

		if (check_place(f, i, end, err) < 0 ||
		    read_at(f, f->header.offsets[i], raw, sizeof(raw), err) < 0 ||
		    eif_section_header_read((struct ss_span){ raw, sizeof(raw) }, &h, err) < 0 ||
		    check_section_header(f, i, &h, err) < 0)
			return -1;
		f->sections[i] = (struct eif_section){ .type = (enum eif_section_type)h.type,
						       .offset = f->header.offsets[i],
						       .size = h.size };
		if (eif_rules_next(&rules, &f->sections[i], err) < 0)
			return -1;
		end = eif_section_data(&f->sections[i]) + h.size;
	}
	if (end < f->size)
		return ss_fail(err, SS_EINPUT, "%llu bytes follow the last section, at byte %llu",
			       ULL(f->size - end), ULL(end));
	return eif_rules_end(&rules, f->header.version, err);
}

static int read_structure(struct eif_file *f, struct ss_err *err)
{
	const size_t n = f->size < EIF_HEADER_SIZE ? (size_t)f->size : EIF_HEADER_SIZE;
	uint8_t raw[EIF_HEADER_SIZE];

	if (read_at(f, 0, raw, n, err) < 0 ||
	    eif_header_read((struct ss_span){ raw, n }, &f->header, err) < 0)
		return -1;
	return read_sections(f, err);
}

int eif_file_adopt(int fd, uint64_t size, const char *name, struct eif_file *ret,
		   struct ss_err *err)
{
	AUTO_EIF_FILE struct eif_file f = { .fd = fd, .size = size };

	f.path = ss_calloc(strlen(name) + 1, 1);
	memcpy(f.path, name, strlen(name));
	if (read_structure(&f, err) < 0)
		return ss_ctx(err, "'%s'", name);
	*ret = f;
	f = (struct eif_file)EIF_FILE_NONE;
	return 0;
}

int eif_file_open(const char *path, struct eif_file *ret, struct ss_err *err)
{
	uint64_t size = 0;
	int fd = -1;

	if (io_open_file(path, &fd, &size, err) < 0)
		return -1;
	return eif_file_adopt(fd, size, path, ret, err);
}

void eif_file_done(struct eif_file *f)
{
	ss_closep(&f->fd);
	free(f->path);
	*f = (struct eif_file)EIF_FILE_NONE;
}

const struct eif_section *eif_file_find(const struct eif_file *f, enum eif_section_type type,
					size_t nth)
{
	for (size_t i = 0; i < f->header.n_sections; i++)
		if (f->sections[i].type == type && nth-- == 0)
			return &f->sections[i];
	return NULL;
}

int eif_file_read(const struct eif_file *f, uint64_t at, uint8_t *p, size_t n, struct ss_err *err)
{
	return read_at(f, at, p, n, err) < 0 ? ss_ctx(err, "'%s'", f->path) : 0;
}

/* --- contents ----------------------------------------------------------------------------- */

int eif_file_each(const struct eif_file *f, const struct eif_section *s,
		  int (*put)(void *ctx, struct ss_span s, struct ss_err *err), void *ctx,
		  struct ss_err *err)
{
	AUTO_FREE uint8_t *block = ss_calloc(IO_FAN_CHUNK_SIZE, 1);
	size_t n;

	for (uint64_t done = 0; done < s->size; done += n) {
		n = s->size - done < IO_FAN_CHUNK_SIZE ? (size_t)(s->size - done)
						       : IO_FAN_CHUNK_SIZE;
		if (read_at(f, eif_section_data(s) + done, block, n, err) < 0)
			return ss_ctx(err, "'%s'", f->path);
		if (put(ctx, (struct ss_span){ block, n }, err) < 0)
			return -1;
	}
	return 0;
}

static int append(void *ctx, struct ss_span s, struct ss_err *err)
{
	struct ss_buf *b = ctx;

	ss_buf_put(b, s);
	return ss_buf_check(b, "section", err);
}

int eif_file_load(const struct eif_file *f, const struct eif_section *s, struct ss_buf *ret,
		  struct ss_err *err)
{
	if (s->size > ret->max)
		return ss_fail(err, SS_ELIMIT, "'%s': %s of %llu bytes; the limit is %zu", f->path,
			       eif_section_name(s->type), ULL(s->size), ret->max);
	return eif_file_each(f, s, append, ret, err);
}

/* --- the one pass -------------------------------------------------------------------------- */

/* The CRC is cheap, so its thread also serves whoever looks at one section. */
struct sums {
	uint32_t crc;
	uint64_t at; /* in the file */
	struct eif_tap tap;
};

static int sum_crc(void *ctx, struct ss_span s, struct ss_err *err)
{
	struct sums *k = ctx;
	const uint64_t at = k->at;
	uint64_t from, to;

	k->crc = crypto_crc32(k->crc, s);
	k->at += s.n;
	if (k->tap.section == NULL)
		return 0;
	from = eif_section_data(k->tap.section);
	to = from + k->tap.section->size;
	from = from > at ? from : at;
	to = to < k->at ? to : k->at;
	if (from >= to)
		return 0;
	return k->tap.put(k->tap.ctx, (struct ss_span){ s.p + (from - at), (size_t)(to - from) },
			  err);
}

static int sum_sha(void *ctx, struct ss_span s, struct ss_err *err)
{
	(void)err;
	crypto_hash_put(ctx, s);
	return 0;
}

/* Everything after the file header to every consumer, each on a thread of its own. */
static int feed_threads(const struct eif_file *f, const struct io_consumer *c, size_t n_c,
			struct ss_err *err)
{
	struct io_fan *fan = NULL;
	size_t n;

	if (io_fan_open(c, n_c, &fan, err) < 0)
		return -1;
	for (uint64_t at = EIF_HEADER_SIZE; at < f->size; at += n) {
		uint8_t *room = io_fan_room(fan);

		if (room == NULL)
			break;
		n = f->size - at < IO_FAN_CHUNK_SIZE ? (size_t)(f->size - at) : IO_FAN_CHUNK_SIZE;
		if (read_at(f, at, room, n, err) < 0) {
			io_fan_abort(fan);
			return -1;
		}
		io_fan_push(fan, n);
	}
	return io_fan_close(fan, err);
}

/* The same for a file of one block, where threads would cost more than the work. */
static int feed_here(const struct eif_file *f, const struct io_consumer *c, size_t n_c,
		     struct ss_err *err)
{
	const size_t n = (size_t)(f->size - EIF_HEADER_SIZE);
	AUTO_FREE uint8_t *block = ss_calloc(n, 1);

	if (read_at(f, EIF_HEADER_SIZE, block, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n_c; i++)
		if (c[i].put(c[i].ctx, (struct ss_span){ block, n }, err) < 0)
			return -1;
	return 0;
}

static int feed(const struct eif_file *f, const struct io_consumer *c, size_t n_c,
		struct ss_err *err)
{
	const bool small = f->size - EIF_HEADER_SIZE <= IO_FAN_CHUNK_SIZE;
	const int rc = small ? feed_here(f, c, n_c, err) : feed_threads(f, c, n_c, err);

	return rc < 0 ? ss_ctx(err, "'%s'", f->path) : 0;
}

/* The header stood fast since it was read: its bytes are those eif_header_write() makes. */
static void header_bytes(const struct eif_file *f, struct ss_buf *b)
{
	eif_header_write(&f->header, b);
	assert(b->n == EIF_HEADER_SIZE);
}

int eif_file_check_crc(const struct eif_file *f, uint32_t rest, struct ss_err *err)
{
	AUTO_BUF struct ss_buf head = SS_BUF_INIT(EIF_HEADER_SIZE);
	uint32_t crc;

	header_bytes(f, &head);
	crc = crypto_crc32(0, (struct ss_span){ head.p, EIF_CRC_OFFSET });
	crc = crypto_crc32_combine(crc, rest, f->size - EIF_HEADER_SIZE);
	if (crc == f->header.crc32)
		return 0;
	return ss_fail(err, SS_EINPUT, "'%s': the CRC-32 at byte %u says %08x, the file has %08x",
		       f->path, EIF_CRC_OFFSET, f->header.crc32, crc);
}

int eif_file_check(const struct eif_file *f, struct ss_err *err)
{
	struct sums sums = { .at = EIF_HEADER_SIZE };
	const struct io_consumer c = { sum_crc, &sums };

	if (feed(f, &c, 1, err) < 0)
		return -1;
	return eif_file_check_crc(f, sums.crc, err);
}

int eif_file_measure(const struct eif_file *f, bool want_sha256, struct eif_measurements *ret,
		     struct ss_err *err)
{
	static const struct eif_tap nobody = { 0 };

	return eif_file_measure_tapped(f, want_sha256, &nobody, ret, err);
}

int eif_file_measure_tapped(const struct eif_file *f, bool want_sha256, const struct eif_tap *tap,
			    struct eif_measurements *ret, struct ss_err *err)
{
	AUTO_METER struct eif_meter *meter = eif_meter_new(f->sections);
	AUTO_HASH struct crypto_hash *sha = crypto_hash_new(CRYPTO_SHA256);
	AUTO_BUF struct ss_buf head = SS_BUF_INIT(EIF_HEADER_SIZE);
	struct eif_measurements m = { .file_size = f->size, .has_sha256 = want_sha256 };
	struct sums sums = { .at = EIF_HEADER_SIZE, .tap = *tap };
	const struct io_consumer c[] = { { eif_meter_put_image, meter },
					 { eif_meter_put_parts, meter },
					 { sum_crc, &sums },
					 { sum_sha, sha } };

	header_bytes(f, &head);
	crypto_hash_put(sha, ss_buf_span(&head));
	if (feed(f, c, want_sha256 ? SS_NELEMS(c) : SS_NELEMS(c) - 1, err) < 0 ||
	    eif_file_check_crc(f, sums.crc, err) < 0)
		return -1;
	eif_meter_end(meter, &m);
	crypto_hash_end(sha, m.file_sha256);
	if (!want_sha256)
		memset(m.file_sha256, 0, sizeof(m.file_sha256));
	m.pcr0_unknown = (f->header.flags & EIF_FLAGS_PCIE) != 0;
	*ret = m;
	return 0;
}
