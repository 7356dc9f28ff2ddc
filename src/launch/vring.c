/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vring.h"

#include "base/mem.h"
#include "base/num.h"

#include <endian.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define DESC_SIZE 16u
#define DESC_NEXT 1u
#define DESC_WRITE 2u
#define AVAIL_NO_INTERRUPT 1u

struct desc {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

int vring_mem_add(struct vring_mem *m, int fd, uint64_t offset, uint64_t gpa, uint64_t uaddr,
		  uint64_t size, struct ss_err *err)
{
	struct vring_region *r = &m->regions[m->n];
	struct stat st = { 0 };
	uint64_t end, gpa_end, uaddr_end;
	void *map;

	if (m->n == VRING_MAX_REGIONS)
		return ss_fail(err, SS_ELIMIT, "more than %u memory regions", VRING_MAX_REGIONS);
	if (size == 0 || !ss_add_u64(offset, size, &end) || !ss_add_u64(gpa, size, &gpa_end) ||
	    !ss_add_u64(uaddr, size, &uaddr_end))
		return ss_fail(err, SS_EINPUT, "memory region %zu has an impossible size", m->n);
	if (fstat(fd, &st) != 0)
		return ss_fail_sys(err, "cannot look at guest memory");
	if (end > (uint64_t)st.st_size)
		return ss_fail(err, SS_EINPUT, "memory region %zu ends past its file", m->n);
	/* From the file's start: an offset need not be a multiple of a huge page's size. */
	map = mmap(NULL, (size_t)end, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return ss_fail_sys(err, "cannot map guest memory");
	*r = (struct vring_region){ .gpa = gpa,
				    .uaddr = uaddr,
				    .size = size,
				    .host = (uint8_t *)map + offset,
				    .map = map,
				    .map_size = (size_t)end };
	m->n++;
	return 0;
}

void vring_mem_done(struct vring_mem *m)
{
	for (size_t i = 0; i < m->n; i++)
		(void)munmap(m->regions[i].map, m->regions[i].map_size);
	*m = (struct vring_mem){ 0 };
}

void vring_init(struct vring *r)
{
	*r = (struct vring){ .kick = -1, .call = -1 };
}

void vring_done(struct vring *r)
{
	ss_closep(&r->kick);
	ss_closep(&r->call);
	vring_init(r);
}

/* `n` bytes at the VMM's address, whole, in one region, aligned; or NULL. */
static uint8_t *find_table(const struct vring_mem *m, uint64_t uaddr, uint64_t n, uint64_t align)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct vring_region *r = &m->regions[i];

		if (uaddr >= r->uaddr && uaddr - r->uaddr < r->size &&
		    n <= r->size - (uaddr - r->uaddr)) {
			uint8_t *p = r->host + (uaddr - r->uaddr);

			return (uintptr_t)p % align == 0 ? p : NULL;
		}
	}
	return NULL;
}

int vring_attach(struct vring *r, const struct vring_mem *m, struct ss_err *err)
{
	const uint64_t num = r->num;

	if (num == 0 || num > VRING_MAX_SIZE || (num & (num - 1)) != 0)
		return ss_fail(err, SS_EINPUT, "a ring of %u descriptors", r->num);
	r->desc = find_table(m, r->desc_uaddr, DESC_SIZE * num, 16);
	r->avail = find_table(m, r->avail_uaddr, 6 + 2 * num, 2);
	r->used = find_table(m, r->used_uaddr, 6 + 8 * num, 4);
	if (r->desc == NULL || r->avail == NULL || r->used == NULL) {
		r->desc = NULL;
		return ss_fail(err, SS_EINPUT, "a ring lies outside guest memory");
	}
	return 0;
}

/* One fetch each: what was checked is what is used. */
static uint16_t fetch16(const uint8_t *p)
{
	return le16toh(__atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE));
}

static void fetch_desc(const struct vring *r, uint16_t i, struct desc *ret)
{
	const volatile uint64_t *p =
		(const volatile uint64_t *)(const void *)(r->desc + (size_t)DESC_SIZE * i);
	const uint64_t gpa = le64toh(p[0]);
	const uint64_t rest = le64toh(p[1]);

	*ret = (struct desc){ .gpa = gpa,
			      .len = (uint32_t)rest,
			      .flags = (uint16_t)(rest >> 32),
			      .next = (uint16_t)(rest >> 48) };
}

/* Appends the memory of one descriptor to the chain's iovecs. */
static int add_desc(const struct vring_mem *m, const struct desc *d, struct vring_chain *c,
		    struct ss_err *err)
{
	uint64_t gpa = d->gpa, left = d->len;
	size_t *const n = (d->flags & DESC_WRITE) != 0 ? &c->n_write : &c->n_read;

	while (left > 0) {
		const struct vring_region *r = NULL;
		uint64_t at, part;

		for (size_t i = 0; i < m->n && r == NULL; i++)
			if (gpa >= m->regions[i].gpa &&
			    gpa - m->regions[i].gpa < m->regions[i].size)
				r = &m->regions[i];
		if (r == NULL)
			return ss_fail(err, SS_EINPUT, "a descriptor points outside guest memory");
		if (c->n_read + c->n_write == VRING_MAX_IOV)
			return ss_fail(err, SS_ELIMIT, "a chain has more than %u parts",
				       VRING_MAX_IOV);
		at = gpa - r->gpa;
		part = left < r->size - at ? left : r->size - at;
		c->iov[c->n_read + c->n_write] =
			(struct iovec){ .iov_base = r->host + at, .iov_len = (size_t)part };
		*n += 1;
		left -= part;
		gpa += part; /* cannot wrap: region ends are below 2^64 */
	}
	if ((d->flags & DESC_WRITE) != 0)
		c->write_bytes += d->len;
	else
		c->read_bytes += d->len;
	return 0;
}

static int walk(const struct vring *r, const struct vring_mem *m, uint16_t head,
		struct vring_chain *c, struct ss_err *err)
{
	uint16_t i = head;

	c->head = head;
	c->n_read = c->n_write = 0;
	c->read_bytes = c->write_bytes = 0;
	for (uint32_t seen = 0; seen < r->num; seen++) {
		struct desc d;

		if (i >= r->num)
			return ss_fail(err, SS_EINPUT, "descriptor %u in a ring of %u", i, r->num);
		fetch_desc(r, i, &d);
		if ((d.flags & ~(DESC_NEXT | DESC_WRITE)) != 0)
			return ss_fail(err, SS_EINPUT,
				       "descriptor %u has flags that were not offered", i);
		if ((d.flags & DESC_WRITE) == 0 && c->n_write > 0)
			return ss_fail(err, SS_EINPUT,
				       "descriptor %u is readable after a writable one", i);
		if (add_desc(m, &d, c, err) < 0)
			return -1;
		if ((d.flags & DESC_NEXT) == 0)
			return 0;
		i = d.next;
	}
	return ss_fail(err, SS_EINPUT, "a chain of descriptors has no end");
}

int vring_next(struct vring *r, const struct vring_mem *m, struct vring_chain *ret, bool *ret_got,
	       struct ss_err *err)
{
	const uint16_t waiting = (uint16_t)(fetch16(r->avail + 2) - r->next_avail);
	const size_t slot = r->next_avail & (r->num - 1);

	if (waiting > r->num)
		return ss_fail(err, SS_EINPUT, "%u chains wait in a ring of %u", waiting, r->num);
	if (waiting == 0) {
		*ret_got = false;
		return 0;
	}
	if (walk(r, m, fetch16(r->avail + 4 + 2 * slot), ret, err) < 0)
		return -1;
	r->next_avail++;
	*ret_got = true;
	return 0;
}

void vring_unget(struct vring *r)
{
	r->next_avail--;
}

void vring_give(struct vring *r, uint16_t head, uint32_t written)
{
	const size_t slot = r->next_used & (r->num - 1);
	volatile uint32_t *e = (volatile uint32_t *)(void *)(r->used + 4 + 8 * slot);

	e[0] = htole32((uint32_t)head);
	e[1] = htole32(written);
	r->next_used++;
	__atomic_store_n((uint16_t *)(void *)(r->used + 2), htole16(r->next_used),
			 __ATOMIC_RELEASE);
}

void vring_notify(struct vring *r)
{
	const uint64_t one = 1;

	/* The guest sets the flag, then looks at the index; we the other way round. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (r->call >= 0 && (fetch16(r->avail) & AVAIL_NO_INTERRUPT) == 0 &&
	    write(r->call, &one, sizeof(one)) < 0)
		return; /* the counter is full: the interrupt is pending already */
}

bool vring_iov_skip(struct iovec **iov, size_t *n_iov, size_t n)
{
	while (n > 0) {
		struct iovec *v = *iov;

		if (*n_iov == 0)
			return false;
		if (n < v->iov_len) {
			v->iov_base = (uint8_t *)v->iov_base + n;
			v->iov_len -= n;
			return true;
		}
		n -= v->iov_len;
		*iov += 1;
		*n_iov -= 1;
	}
	return true;
}

void vring_iov_cut(struct iovec *iov, size_t *n_iov, size_t n)
{
	for (size_t i = 0; i < *n_iov; i++) {
		if (n <= iov[i].iov_len) {
			iov[i].iov_len = n;
			*n_iov = n > 0 ? i + 1 : i;
			return;
		}
		n -= iov[i].iov_len;
	}
}

void vring_iov_get(const struct iovec *iov, size_t n_iov, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n_iov && n > 0; i++) {
		const size_t part = n < iov[i].iov_len ? n : iov[i].iov_len;

		memcpy(to, iov[i].iov_base, part);
		to += part;
		n -= part;
	}
}

void vring_iov_put(const struct iovec *iov, size_t n_iov, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < n_iov && n > 0; i++) {
		const size_t part = n < iov[i].iov_len ? n : iov[i].iov_len;

		memcpy(iov[i].iov_base, from, part);
		from += part;
		n -= part;
	}
}
