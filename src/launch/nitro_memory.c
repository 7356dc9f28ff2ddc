/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nitro_memory.h"

#include "base/num.h"

#include <errno.h>
#include <unistd.h>

#define STEP (64u << 20) /* a read: other work gets its turn */

bool nitro_memory_plan(const struct nitro_pool *p, uint64_t size, uint64_t ret[NITRO_PAGE_SIZES])
{
	uint64_t left = size;

	for (size_t i = 0; i < NITRO_PAGE_SIZES; i++) {
		const uint64_t fit = left >> p->pages[i].shift;

		ret[i] = fit < p->pages[i].free ? fit : p->pages[i].free;
		left -= ret[i] << p->pages[i].shift;
	}
	/* What is left is less than the smallest page that is still free; one of that kind holds
	 * what all smaller ones were to hold, too. */
	for (size_t n = 0; left > 0 && n < NITRO_PAGE_SIZES; n++) {
		const size_t i = NITRO_PAGE_SIZES - 1 - n;

		if (ret[i] == p->pages[i].free) {
			ret[i] = 0;
			continue;
		}
		ret[i]++;
		return true;
	}
	return left == 0;
}

/* -1 and errno, with nothing taken; *ret_at is the size that could not be had. */
static int take(const struct nitro_sys *sys, const struct nitro_pool *p,
		const uint64_t n[NITRO_PAGE_SIZES], struct nitro_memory *ret, size_t *ret_at)
{
	struct nitro_memory m = { 0 };

	for (size_t i = 0; i < NITRO_PAGE_SIZES; i++) {
		struct nitro_map map = { .size = n[i] << p->pages[i].shift };

		if (n[i] == 0)
			continue;
		map.p = sys->map(sys->ctx, map.size, p->pages[i].shift, p->node);
		if (map.p == NULL) {
			const int number = errno;

			nitro_memory_done(sys, &m);
			*ret_at = i;
			errno = number;
			return -1;
		}
		m.maps[m.n++] = map;
		m.size += map.size;
	}
	*ret = m;
	return 0;
}

int nitro_memory_take(const struct nitro_sys *sys, const struct nitro_pool *p,
		      const struct nitro_case *c, struct nitro_memory *ret, struct ss_err *err)
{
	struct nitro_pool left = *p;
	uint64_t n[NITRO_PAGE_SIZES];
	size_t at;

	if (c->memory_mib > UINT64_MAX >> 21)
		return ss_fail(err, SS_EUSAGE, "%llu MiB are more than any machine has",
			       (unsigned long long)c->memory_mib);
	/* Free pages may be refused: somebody was faster, or a control group has none of this size.
	 * Then the other sizes must do; there are few. */
	while (nitro_memory_plan(&left, c->memory_mib << 20, n)) {
		if (take(sys, &left, n, ret, &at) == 0)
			return 0;
		if (errno != ENOMEM)
			return ss_fail_sys(err, "cannot get huge pages of %llu KiB",
					   1ull << (p->pages[at].shift - 10));
		left.pages[at].free = 0;
	}
	nitro_explain_memory(c, p, err);
	return -1;
}

/* The kernel copies, so that a page that is not there is an error and not a signal. */
static int fill(const struct nitro_map *m, uint64_t at, int fd, uint64_t from, uint64_t n,
		bool *ret_no_page, struct ss_err *err)
{
	while (n > 0) {
		const ssize_t got = pread(fd, m->p + at, n < STEP ? n : STEP, (off_t)from);

		if (got < 0 && errno == EINTR)
			continue;
		*ret_no_page = got < 0 && errno == EFAULT;
		if (got < 0)
			return ss_fail_sys(err, "cannot read the image into the enclave's memory");
		if (got == 0)
			return ss_fail(err, SS_EINPUT, "the image has become shorter");
		at += (uint64_t)got;
		from += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
}

int nitro_memory_load(const struct nitro_memory *m, uint64_t offset, int fd, uint64_t size,
		      const struct nitro_case *c, const struct nitro_pool *p, struct ss_err *err)
{
	uint64_t end, done = 0;
	bool no_page = false;

	if (!ss_add_u64(offset, size, &end) || end > m->size)
		return ss_fail(err, SS_EUSAGE,
			       "the image of %llu bytes goes to byte %llu of the enclave's memory, "
			       "which has %llu",
			       (unsigned long long)size, (unsigned long long)offset,
			       (unsigned long long)m->size);
	for (size_t i = 0; i < m->n && done < size; i++) {
		const uint64_t have = m->maps[i].size;
		uint64_t n;

		if (offset >= have) {
			offset -= have;
			continue;
		}
		n = have - offset < size - done ? have - offset : size - done;
		if (fill(&m->maps[i], offset, fd, done, n, &no_page, err) < 0) {
			if (no_page)
				nitro_explain_memory(c, p, err);
			return -1;
		}
		done += n;
		offset = 0;
	}
	return 0;
}

void nitro_memory_done(const struct nitro_sys *sys, struct nitro_memory *m)
{
	for (size_t i = 0; i < m->n; i++)
		sys->unmap(sys->ctx, m->maps[i].p, m->maps[i].size);
	*m = (struct nitro_memory){ 0 };
}
