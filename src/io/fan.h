/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

/*
 * One producer, up to IO_FAN_MAX consumers, each on a thread of its own, all of which see
 * every chunk in order: how a block goes to both hashes, the CRC and the file while it is warm.
 *
 * The producer asks for room, fills it, and hands it on; it waits only when the slowest consumer
 * is IO_FAN_CHUNKS behind. The first consumer that fails stops the whole fan: io_fan_room() then
 * returns NULL and io_fan_close() tells the error. Memory: IO_FAN_CHUNKS * IO_FAN_CHUNK_SIZE.
 */
#define IO_FAN_MAX 6u
#define IO_FAN_CHUNKS 8u
#define IO_FAN_CHUNK_SIZE ((size_t)256 * 1024)

struct io_consumer {
	/* Called on the consumer's thread, with chunks in order. */
	int (*put)(void *ctx, struct ss_span chunk, struct ss_err *err);
	void *ctx;
};

struct io_fan;

/* `consumers` is copied; every ctx must outlive the fan. */
SS_MUST_CHECK SS_NONNULL int io_fan_open(const struct io_consumer *consumers, size_t n,
					 struct io_fan **ret, struct ss_err *err);

/* An empty chunk of IO_FAN_CHUNK_SIZE bytes, or NULL if a consumer failed. */
SS_MUST_CHECK SS_NONNULL uint8_t *io_fan_room(struct io_fan *f);
/* Hands on the first `n` bytes of the chunk last given by io_fan_room(). n may be 0. */
SS_NONNULL void io_fan_push(struct io_fan *f, size_t n);
/* Copies any number of bytes through room and push, joining small pieces into whole chunks. */
SS_MUST_CHECK SS_NONNULL int io_fan_put(struct io_fan *f, struct ss_span s);
/*
 * The same without the copy: the free part of the chunk that io_fan_put() is filling, *ret_n >= 1
 * bytes to write in place, or NULL if a consumer failed; then how many were written.
 */
SS_MUST_CHECK SS_NONNULL uint8_t *io_fan_tail(struct io_fan *f, size_t *ret_n);
SS_NONNULL void io_fan_advance(struct io_fan *f, size_t n);

/* Flushes, waits for every consumer, frees `f`; 0, or -1 with the first consumer's error. */
SS_MUST_CHECK SS_NONNULL int io_fan_close(struct io_fan *f, struct ss_err *err);
/* Stops without waiting for the chunks under way; for error paths. Accepts NULL. */
void io_fan_abort(struct io_fan *f);
