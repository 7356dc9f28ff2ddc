/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/writer.h"

#include "io/atomic.h"
#include "io/fan.h"
#include "io/file.h"

#include <assert.h>
#include <string.h>

/* How much is written before the disk is asked to begin. */
#define WRITEBACK_STEP ((uint64_t)32 * 1024 * 1024)

/* What comes after the file header, on its way to the file. */
struct sink {
	int fd;
	uint32_t crc;
	uint64_t n;
	uint64_t flushed;
};

struct eif_writer {
	struct io_atomic out;
	struct eif_header header;
	struct eif_section sections[EIF_MAX_SECTIONS];
	struct eif_rules rules;
	uint64_t end;  /* of the sections begun so far */
	uint64_t left; /* bytes the section under way still lacks */
	bool in_section;
	bool want_sha256;
	bool discard;
	struct sink sink;
	struct eif_meter *meter;
	struct io_fan *fan; /* NULL once everything is measured, or a consumer failed */
	bool measured;
	struct eif_measurements m;
};

static int sink_put(void *ctx, struct ss_span s, struct ss_err *err)
{
	struct sink *k = ctx;

	if (io_pwrite_all(k->fd, EIF_HEADER_SIZE + k->n, s, err) < 0)
		return -1;
	k->crc = crypto_crc32(k->crc, s);
	k->n += s.n;
	if (k->n - k->flushed >= WRITEBACK_STEP) {
		io_writeback(k->fd, k->flushed, k->n - k->flushed);
		k->flushed = k->n;
	}
	return 0;
}

int eif_writer_open(const char *path, const struct eif_writer_opts *o, struct eif_writer **ret,
		    struct ss_err *err)
{
	AUTO_EIF_WRITER struct eif_writer *w = ss_calloc(1, sizeof(*w));
	struct io_consumer consumers[3];

	w->out = (struct io_atomic)IO_ATOMIC_NONE;
	w->header.version = o->version != 0 ? o->version : EIF_VERSION;
	w->header.flags = o->flags;
	w->header.default_mem = o->default_mem;
	w->header.default_cpus = o->default_cpus;
	w->want_sha256 = o->want_sha256;
	w->discard = o->discard;
	w->end = EIF_HEADER_SIZE;
	if (io_atomic_open(path, o->mode, &w->out, err) < 0)
		return -1;
	w->sink.fd = w->out.fd;
	w->meter = eif_meter_new(w->sections);
	consumers[0] = (struct io_consumer){ eif_meter_put_image, w->meter };
	consumers[1] = (struct io_consumer){ eif_meter_put_parts, w->meter };
	consumers[2] = (struct io_consumer){ sink_put, &w->sink };
	if (io_fan_open(consumers, SS_NELEMS(consumers), &w->fan, err) < 0)
		return -1;
	*ret = TAKE_PTR(w);
	return 0;
}

/* A consumer stopped: its error is told when the fan is closed. */
static int fan_failed(struct eif_writer *w, struct ss_err *err)
{
	const int rc = io_fan_close(TAKE_PTR(w->fan), err);

	assert(rc < 0);
	return ss_ctx(err, "'%s'", w->out.path);
}

static int push(struct eif_writer *w, struct ss_span s, struct ss_err *err)
{
	if (w->measured) {
		if (sink_put(&w->sink, s, err) < 0)
			return ss_ctx(err, "'%s'", w->out.path);
		return 0;
	}
	if (io_fan_put(w->fan, s) < 0)
		return fan_failed(w, err);
	return 0;
}

int eif_writer_begin(struct eif_writer *w, enum eif_section_type type, uint64_t size,
		     struct ss_err *err)
{
	AUTO_BUF struct ss_buf head = SS_BUF_INIT(EIF_SECTION_HEADER_SIZE);
	const size_t i = w->header.n_sections;

	assert(!w->in_section && w->measured == (type == EIF_SIGNATURE));
	if (i == EIF_MAX_SECTIONS)
		return ss_fail(err, SS_ELIMIT, "more than %u sections", EIF_MAX_SECTIONS);
	if (size > INT64_MAX - EIF_SECTION_HEADER_SIZE - w->end)
		return ss_fail(err, SS_ELIMIT, "the image is larger than 2^63 bytes");
	w->sections[i] = (struct eif_section){ type, w->end, size };
	if (eif_rules_next(&w->rules, &w->sections[i], err) < 0)
		return -1;
	w->header.offsets[i] = w->end;
	w->header.sizes[i] = size;
	w->header.n_sections++;
	w->end += EIF_SECTION_HEADER_SIZE + size;
	w->left = size;
	w->in_section = true;
	eif_section_header_write(type, size, &head);
	return push(w, ss_buf_span(&head), err);
}

int eif_writer_put(struct eif_writer *w, struct ss_span s, struct ss_err *err)
{
	assert(w->in_section && s.n <= w->left);
	w->left -= s.n;
	return push(w, s, err);
}

uint8_t *eif_writer_room(struct eif_writer *w, size_t *ret_n, struct ss_err *err)
{
	uint8_t *p;

	assert(w->in_section && w->left > 0 && !w->measured);
	p = io_fan_tail(w->fan, ret_n);
	if (p == NULL) {
		(void)fan_failed(w, err);
		return NULL;
	}
	*ret_n = *ret_n < w->left ? *ret_n : (size_t)w->left;
	return p;
}

void eif_writer_advance(struct eif_writer *w, size_t n)
{
	assert(w->in_section && n <= w->left);
	w->left -= n;
	io_fan_advance(w->fan, n);
}

int eif_writer_end(struct eif_writer *w, struct ss_err *err)
{
	(void)err;
	assert(w->in_section && w->left == 0);
	w->in_section = false;
	return 0;
}

static int end_measuring(struct eif_writer *w, struct ss_err *err)
{
	assert(!w->in_section && !w->measured);
	if (io_fan_close(TAKE_PTR(w->fan), err) < 0)
		return ss_ctx(err, "'%s'", w->out.path);
	w->measured = true;
	eif_meter_end(w->meter, &w->m);
	w->m.pcr0_unknown = (w->header.flags & EIF_FLAGS_PCIE) != 0;
	return 0;
}

int eif_writer_measured(struct eif_writer *w, struct eif_measurements *ret, struct ss_err *err)
{
	if (end_measuring(w, err) < 0)
		return -1;
	*ret = w->m;
	return 0;
}

int eif_writer_sign(struct eif_writer *w, struct ss_span section,
		    const uint8_t pcr8[CRYPTO_SHA384_SIZE], struct ss_err *err)
{
	assert(w->measured && !w->m.has_pcr8);
	if (eif_writer_begin(w, EIF_SIGNATURE, section.n, err) < 0 ||
	    eif_writer_put(w, section, err) < 0 || eif_writer_end(w, err) < 0)
		return -1;
	memcpy(w->m.pcr8, pcr8, CRYPTO_SHA384_SIZE);
	w->m.has_pcr8 = true;
	return 0;
}

static int write_header(struct eif_writer *w, struct ss_err *err)
{
	AUTO_BUF struct ss_buf head = SS_BUF_INIT(EIF_HEADER_SIZE);
	uint32_t crc;

	eif_header_write(&w->header, &head);
	crc = crypto_crc32(0, (struct ss_span){ head.p, EIF_CRC_OFFSET });
	w->header.crc32 = crypto_crc32_combine(crc, w->sink.crc, w->sink.n);
	head.n = EIF_CRC_OFFSET;
	ss_buf_be32(&head, w->header.crc32);
	return io_pwrite_all(w->out.fd, 0, ss_buf_span(&head), err);
}

/* Read again from the page cache, on this core, while the disk takes what is still dirty. */
static int hash_file(struct eif_writer *w, struct ss_err *err)
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	AUTO_FREE uint8_t *block = ss_calloc(IO_FAN_CHUNK_SIZE, 1);
	size_t n;

	io_writeback(w->out.fd, 0, w->end);
	for (uint64_t at = 0; at < w->end; at += n) {
		if (io_pread_full(w->out.fd, at, block, IO_FAN_CHUNK_SIZE, &n, err) < 0)
			return -1;
		if (n == 0)
			return ss_fail(err, SS_ESYS, "the file was cut while it was written");
		crypto_hash_put(h, (struct ss_span){ block, n });
	}
	crypto_hash_end(h, w->m.file_sha256);
	w->m.has_sha256 = true;
	return 0;
}

static int finish(struct eif_writer *w, struct eif_measurements *ret, struct ss_err *err)
{
	if (eif_rules_end(&w->rules, w->header.version, err) < 0)
		return ss_ctx(err, "'%s'", w->out.path);
	if (!w->measured && end_measuring(w, err) < 0)
		return -1;
	assert(w->sink.n == w->end - EIF_HEADER_SIZE);
	if (write_header(w, err) < 0)
		return ss_ctx(err, "'%s'", w->out.path);
	if (w->want_sha256 && hash_file(w, err) < 0)
		return ss_ctx(err, "'%s'", w->out.path);
	if (!w->discard && io_atomic_commit(&w->out, err) < 0)
		return -1;
	w->m.file_size = w->end;
	*ret = w->m;
	return 0;
}

int eif_writer_finish(struct eif_writer *w, struct eif_measurements *ret, struct ss_err *err)
{
	const int rc = finish(w, ret, err);

	eif_writer_abort(w);
	return rc;
}

void eif_writer_abort(struct eif_writer *w)
{
	if (w == NULL)
		return;
	io_fan_abort(w->fan);
	eif_meter_free(w->meter);
	io_atomic_done(&w->out);
	free(w);
}
