/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_log.h"

#include <string.h>

/* A record: length u16, source u8, flags u8, time u64, text. Bytes may lie round the end. */
#define RECORD_HEAD 12u

static void put_bytes(struct dp_log *l, const uint8_t *p, size_t n)
{
	const size_t at = (l->first + l->used) % DP_LOG_RING;
	const size_t straight = n < DP_LOG_RING - at ? n : DP_LOG_RING - at;

	if (n == 0)
		return;
	memcpy(l->ring + at, p, straight);
	memcpy(l->ring, p + straight, n - straight);
	l->used += n;
}

static void take_bytes(struct dp_log *l, uint8_t *ret, size_t n)
{
	const size_t straight = n < DP_LOG_RING - l->first ? n : DP_LOG_RING - l->first;

	memcpy(ret, l->ring + l->first, straight);
	memcpy(ret + straight, l->ring, n - straight);
	l->first = (l->first + n) % DP_LOG_RING;
	l->used -= n;
}

static size_t take_head(struct dp_log *l, struct dp_line *ret)
{
	uint8_t head[RECORD_HEAD];
	size_t n;

	take_bytes(l, head, sizeof(head));
	n = (size_t)head[0] << 8 | head[1];
	ret->source = (enum frame_source)head[2];
	ret->flags = head[3];
	memcpy(&ret->time_ns, head + 4, sizeof(ret->time_ns));
	return n;
}

static void drop_oldest(struct dp_log *l)
{
	struct dp_line line;
	const size_t n = take_head(l, &line);

	l->first = (l->first + n) % DP_LOG_RING;
	l->used -= n;
	dp_log_lost(l, 1, n);
}

void dp_log_lost(struct dp_log *l, uint64_t lines, uint64_t bytes)
{
	l->lost_lines += lines;
	l->lost_bytes += bytes;
}

void dp_log_put(struct dp_log *l, const struct dp_line *line)
{
	const size_t n = line->text.n < FRAME_MAX_LINE ? line->text.n : FRAME_MAX_LINE;
	uint8_t head[RECORD_HEAD] = { (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)line->source,
				      line->flags };

	memcpy(head + 4, &line->time_ns, sizeof(line->time_ns));
	while (DP_LOG_RING - l->used < sizeof(head) + n)
		drop_oldest(l);
	put_bytes(l, head, sizeof(head));
	put_bytes(l, line->text.p, n);
	l->lines++;
}

bool dp_log_take(struct dp_log *l, uint8_t room[FRAME_MAX_LINE], struct dp_line *ret)
{
	size_t n;

	if (l->used == 0)
		return false;
	n = take_head(l, ret);
	take_bytes(l, room, n);
	ret->text = (struct ss_span){ room, n };
	return true;
}
