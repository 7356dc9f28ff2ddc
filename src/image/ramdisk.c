/* SPDX-License-Identifier: Apache-2.0 */
#include "image/ramdisk.h"

#include "io/file.h"

int rd_put(struct rd_out *out, struct ss_span s, struct ss_err *err)
{
	out->n += s.n;
	return out->w != NULL && s.n > 0 ? eif_writer_put(out->w, s, err) : 0;
}

int rd_zeros(struct rd_out *out, size_t n, struct ss_err *err)
{
	static const uint8_t zeros[512];

	while (n > 0) {
		const size_t part = n < sizeof(zeros) ? n : sizeof(zeros);

		if (rd_put(out, (struct ss_span){ zeros, part }, err) < 0)
			return -1;
		n -= part;
	}
	return 0;
}

int rd_entry(struct rd_out *out, const struct cpio_entry *e, struct ss_err *err)
{
	uint8_t room[CPIO_HEADER_SIZE + CPIO_MAX_NAME + 4];
	/* A buffer that never grows: its memory is all there from the start. */
	struct ss_buf b = { .p = room, .cap = sizeof(room), .max = sizeof(room) };

	if (out->w == NULL) {
		out->n += cpio_entry_size(e->name.n);
		return 0;
	}
	cpio_entry_write(e, &b);
	return rd_put(out, ss_buf_span(&b), err);
}

int rd_bytes(struct rd_out *out, struct ss_span s, struct ss_err *err)
{
	if (rd_put(out, s, err) < 0)
		return -1;
	return rd_zeros(out, cpio_pad(s.n), err);
}

int rd_body(struct rd_out *out, const struct tree *t, tree_id id, uint32_t size, struct ss_err *err)
{
	for (uint32_t at = 0; out->w != NULL && at < size;) {
		size_t n = 0;
		uint8_t *room = eif_writer_room(out->w, &n, err);

		if (room == NULL)
			return -1;
		n = n < size - at ? n : size - at;
		if (tree_read(t, id, at, room, n, err) < 0)
			return -1;
		eif_writer_advance(out->w, n);
		ss_progress_step(out->progress, n);
		at += (uint32_t)n;
	}
	out->n += size;
	return rd_zeros(out, cpio_pad(size), err);
}

int rd_file(struct rd_out *out, int fd, uint64_t size, struct crypto_hash *h, struct ss_err *err)
{
	uint64_t at = 0;

	while (at < size) {
		size_t n = 0;
		size_t got = 0;
		uint8_t *room = eif_writer_room(out->w, &n, err);

		if (room == NULL)
			return -1;
		n = n < size - at ? n : (size_t)(size - at);
		if (io_pread_full(fd, at, room, n, &got, err) < 0)
			return -1;
		if (got < n)
			return ss_fail(err, SS_EINPUT, "it became shorter while it was read");
		if (h != NULL)
			crypto_hash_put(h, (struct ss_span){ room, n });
		eif_writer_advance(out->w, n);
		at += n;
	}
	out->n += size;
	return 0;
}

int rd_trailer(struct rd_out *out, uint32_t ino, uint32_t dev_major, uint32_t dev_minor,
	       struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(256);

	cpio_trailer_write(ino, dev_major, dev_minor, &b);
	return rd_put(out, ss_buf_span(&b), err);
}
