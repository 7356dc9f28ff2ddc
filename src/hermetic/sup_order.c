/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/sort.h"
#include "hermetic/sup.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

/*
 * The names of a folder in another order, the same each time: whatever one call brought is told
 * sorted by a hash of the names. Only what one call brings: a folder of some hundred names comes in
 * one. Where an entry stands in the file system (d_off) belongs to its place in the buffer, so
 * that who notes one and goes on from there finds the rest.
 */
#define LISTED_MAX ((size_t)16 << 20)
#define OFF_AT 8u
#define SIZE_AT 16u

struct listed {
	const uint8_t *p;
	size_t n;
	uint64_t hash;
};

static uint64_t hash_of(uint64_t seed, const uint8_t *name, size_t max)
{
	uint64_t h = seed ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < max && name[i] != 0; i++)
		h = (h ^ name[i]) * 0x100000001b3u;
	h ^= h >> 32; /* the last bytes count in the first bits, too */
	h *= 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

static int by_hash(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->p < y->p ? -1 : x->p > y->p;
}

/* How many records there are; 0 = they are not as they should be. */
static size_t find_records(const uint8_t *p, size_t n, size_t name_at, uint64_t seed,
			   struct listed *v)
{
	size_t count = 0;

	for (size_t at = 0; at < n; count++) {
		uint16_t size;

		if (n - at <= name_at)
			return 0;
		memcpy(&size, p + at + SIZE_AT, sizeof(size));
		if (size <= name_at || size > n - at)
			return 0;
		v[count] = (struct listed){ p + at, size,
					    hash_of(seed, p + at + name_at, size - name_at) };
		at += size;
	}
	return count;
}

void sup_order_mix(uint8_t *p, size_t n, size_t name_at, uint64_t seed)
{
	AUTO_FREE uint8_t *was = ss_calloc(n + 1, 1);
	AUTO_FREE struct listed *v = ss_calloc(n / name_at + 1, sizeof(*v));
	AUTO_FREE uint64_t *off = NULL;
	size_t count;

	memcpy(was, p, n);
	count = find_records(was, n, name_at, seed, v);
	if (count < 2)
		return;
	off = ss_calloc(count, sizeof(*off));
	for (size_t i = 0; i < count; i++)
		memcpy(&off[i], v[i].p + OFF_AT, sizeof(*off));
	ss_sort(v, count, sizeof(*v), by_hash);
	for (size_t i = 0; i < count; i++) {
		memcpy(p, v[i].p, v[i].n);
		memcpy(p + OFF_AT, &off[i], sizeof(*off));
		p += v[i].n;
	}
}

/* The numbers that stat tells of what is listed; what lies elsewhere keeps its own, and so does
 * what is mounted on. */
static void number_all(struct sup *s, const struct sup_task *t, uint8_t *p, size_t n,
		       size_t name_at)
{
	char path[SUP_PATH_BYTES], place[64];
	struct stat st;
	size_t dir;

	(void)snprintf(place, sizeof(place), "/proc/%d/fd/%d", t->tid, (int)t->args[0]);
	if (stat(place, &st) < 0 || st.st_dev != s->root_dev)
		return;
	dir = sup_inode_place(place + strlen("/proc/"), path, sizeof(path) / 2);
	if (dir == 0)
		return;
	sup_level_told(s, t);
	if (dir > 1) /* not "/" itself */
		path[dir++] = '/';
	for (size_t at = 0; at < n;) {
		uint16_t size;
		uint64_t ino;

		if (n - at <= name_at)
			return;
		memcpy(&size, p + at + SIZE_AT, sizeof(size));
		if (size <= name_at || size > n - at)
			return;
		memcpy(&ino, p + at, sizeof(ino));
		ino = sup_inode_entry(path, dir, (const char *)p + at + name_at, size - name_at,
				      ino);
		memcpy(p + at, &ino, sizeof(ino));
		at += size;
	}
}

void sup_order(struct sup *s, const struct sup_task *t, size_t name_at, size_t n)
{
	AUTO_FREE uint8_t *p = NULL;

	if (n > LISTED_MAX)
		return;
	p = ss_calloc(n, 1);
	if (!sup_read(t->tid, t->args[1], p, n))
		return;
	if (s->view->stat.set)
		number_all(s, t, p, n, name_at);
	if (s->view->order.set)
		sup_order_mix(p, n, name_at, (uint64_t)s->view->order.v);
	(void)sup_write(t->tid, t->args[1], p, n);
}
