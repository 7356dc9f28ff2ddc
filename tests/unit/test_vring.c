/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "fake_guest.h"
#include "launch/vring.h"

#include <string.h>

struct fixture {
	struct fake_guest g;
	struct vring_mem mem;
	struct vring ring;
	struct vring_chain chain;
	struct ss_err err;
};

static void point(struct vring *r, size_t q)
{
	r->num = FG_QUEUE_SIZE;
	r->desc_uaddr = FG_UADDR + q * 0x10000;
	r->avail_uaddr = r->desc_uaddr + 0x4000;
	r->used_uaddr = r->desc_uaddr + 0x8000;
}

/* The memory in two regions that follow one another, so that a buffer can lie across. */
static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	const uint64_t cut = FG_BUFS + 3 * FG_BUF + 100;

	fg_init(&f->g);
	vring_init(&f->ring);
	expect_ok(vring_mem_add(&f->mem, f->g.memfd, 0, FG_GPA, FG_UADDR, cut, &f->err), &f->err);
	expect_ok(vring_mem_add(&f->mem, f->g.memfd, cut, FG_GPA + cut, FG_UADDR + cut,
				FG_SIZE - cut, &f->err),
		  &f->err);
	point(&f->ring, FG_TX);
	expect_ok(vring_attach(&f->ring, &f->mem, &f->err), &f->err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vring_done(&f->ring);
	vring_mem_done(&f->mem);
	fg_done(&f->g);
	free(f);
	return 0;
}

static bool next(struct fixture *f)
{
	bool got = false;

	expect_ok(vring_next(&f->ring, &f->mem, &f->chain, &got, &f->err), &f->err);
	return got;
}

static void next_fails(struct fixture *f, enum ss_code code, const char *msg)
{
	bool got = false;

	expect_fails(vring_next(&f->ring, &f->mem, &f->chain, &got, &f->err), &f->err, code, msg);
	assert_false(got);
}

static void vring_is_empty_until_the_guest_offers(void **state)
{
	assert_false(next(*state));
}

static void vring_gives_a_chain_as_iovecs(void **state)
{
	struct fixture *f = *state;

	fg_desc(&f->g, FG_TX, 5, FG_GPA + fg_buf(1, 0), 44, FG_NEXT, 2);
	fg_desc(&f->g, FG_TX, 2, FG_GPA + fg_buf(1, 1), 100, FG_NEXT, 9);
	fg_desc(&f->g, FG_TX, 9, FG_GPA + fg_buf(1, 2), 200, FG_WRITE, 0);
	fg_offer(&f->g, FG_TX, 5);
	assert_true(next(f));
	assert_int_equal(f->chain.head, 5);
	assert_int_equal(f->chain.n_read, 2);
	assert_int_equal(f->chain.n_write, 1);
	assert_int_equal(f->chain.read_bytes, 144);
	assert_int_equal(f->chain.write_bytes, 200);
	memcpy(f->g.mem + fg_buf(1, 1), "guest", 5);
	assert_memory_equal(f->chain.iov[1].iov_base, "guest", 5);
	assert_false(next(f));
}

static void vring_cuts_a_buffer_where_two_regions_meet(void **state)
{
	struct fixture *f = *state;

	fg_desc(&f->g, FG_TX, 0, FG_GPA + fg_buf(0, 3), FG_BUF, 0, 0);
	fg_offer(&f->g, FG_TX, 0);
	assert_true(next(f));
	assert_int_equal(f->chain.n_read, 2);
	assert_int_equal(f->chain.iov[0].iov_len, 100);
	assert_int_equal(f->chain.iov[1].iov_len, FG_BUF - 100);
	assert_int_equal(f->chain.read_bytes, FG_BUF);
}

static void vring_descriptor_of_no_bytes_is_no_part(void **state)
{
	struct fixture *f = *state;

	fg_desc(&f->g, FG_TX, 0, 0, 0, 0, 0);
	fg_offer(&f->g, FG_TX, 0);
	assert_true(next(f));
	assert_int_equal(f->chain.n_read, 0);
}

static void vring_chain_may_be_as_long_as_the_ring(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < FG_QUEUE_SIZE; i++)
		fg_desc(&f->g, FG_TX, i, FG_GPA + i, 1, i + 1 < FG_QUEUE_SIZE ? FG_NEXT : 0, i + 1);
	fg_offer(&f->g, FG_TX, 0);
	assert_true(next(f));
	assert_int_equal(f->chain.read_bytes, FG_QUEUE_SIZE);
}

static void vring_unget_offers_the_same_chain_again(void **state)
{
	struct fixture *f = *state;

	fg_desc(&f->g, FG_TX, 3, FG_GPA, 8, 0, 0);
	fg_offer(&f->g, FG_TX, 3);
	assert_true(next(f));
	vring_unget(&f->ring);
	assert_true(next(f));
	assert_int_equal(f->chain.head, 3);
}

static void vring_used_entries_follow_the_counter_past_its_end(void **state)
{
	struct fixture *f = *state;

	f->ring.next_used = UINT16_MAX;
	vring_give(&f->ring, 7, 100);
	vring_give(&f->ring, 8, 200);
	assert_int_equal(fg_get(&f->g, 0x18000 + 2, 2), 1);
	assert_int_equal(fg_get(&f->g, 0x18000 + 4 + 8 * 15, 4), 7);
	assert_int_equal(fg_get(&f->g, 0x18000 + 4 + 8 * 15 + 4, 4), 100);
	assert_int_equal(fg_get(&f->g, 0x18000 + 4, 4), 8);
	assert_int_equal(fg_get(&f->g, 0x18000 + 8, 4), 200);
}

static void vring_notify_is_silent_when_the_guest_asks_for_that(void **state)
{
	struct fixture *f = *state;
	uint64_t count = 0;

	f->ring.call = dup(f->g.call[1]);
	fg_put(&f->g, 0x14000, 1, 2);
	vring_notify(&f->ring);
	assert_int_equal(read(f->g.call[1], &count, sizeof(count)), -1);
	fg_put(&f->g, 0x14000, 0, 2);
	vring_notify(&f->ring);
	assert_int_equal(read(f->g.call[1], &count, sizeof(count)), sizeof(count));
}

static void vring_refuses_a_descriptor_past_the_ring(void **state)
{
	struct fixture *f = *state;

	fg_offer(&f->g, FG_TX, FG_QUEUE_SIZE);
	next_fails(f, SS_EINPUT, "descriptor 16 in a ring of 16");
}

static void vring_refuses_a_next_past_the_ring(void **state)
{
	struct fixture *f = *state;

	fg_desc(&f->g, FG_TX, 0, FG_GPA, 8, FG_NEXT, UINT16_MAX);
	fg_offer(&f->g, FG_TX, 0);
	next_fails(f, SS_EINPUT, "descriptor 65535 in a ring of 16");
}

static void vring_refuses_a_loop(void **state)
{
	struct fixture *f = *state;

	fg_desc(&f->g, FG_TX, 0, FG_GPA, 8, FG_NEXT, 1);
	fg_desc(&f->g, FG_TX, 1, FG_GPA, 8, FG_NEXT, 0);
	fg_offer(&f->g, FG_TX, 0);
	next_fails(f, SS_EINPUT, "a chain of descriptors has no end");
}

static void vring_refuses_indirect_descriptors(void **state)
{
	struct fixture *f = *state;

	fg_desc(&f->g, FG_TX, 4, FG_GPA, 16, FG_INDIRECT, 0);
	fg_offer(&f->g, FG_TX, 4);
	next_fails(f, SS_EINPUT, "descriptor 4 has flags that were not offered");
}

static void vring_refuses_readable_after_writable(void **state)
{
	struct fixture *f = *state;

	fg_desc(&f->g, FG_TX, 0, FG_GPA, 8, FG_NEXT | FG_WRITE, 1);
	fg_desc(&f->g, FG_TX, 1, FG_GPA, 8, 0, 0);
	fg_offer(&f->g, FG_TX, 0);
	next_fails(f, SS_EINPUT, "descriptor 1 is readable after a writable one");
}

static void vring_refuses_every_address_outside_memory(void **state)
{
	static const struct {
		uint64_t gpa;
		uint32_t len;
	} bad[] = {
		{ 0, 1 },
		{ FG_GPA - 1, 1 },
		{ FG_GPA - 1, 2 },
		{ FG_GPA + FG_SIZE, 1 },
		{ FG_GPA + FG_SIZE - 1, 2 },
		{ FG_GPA, UINT32_MAX },
		{ UINT64_MAX, 1 },
		{ UINT64_MAX - 7, UINT32_MAX },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		fg_desc(&f->g, FG_TX, 0, bad[i].gpa, bad[i].len, 0, 0);
		fg_offer(&f->g, FG_TX, 0);
		next_fails(f, SS_EINPUT, "a descriptor points outside guest memory");
		f->ring.next_avail = f->g.offered[FG_TX];
	}
}

static void vring_refuses_more_chains_than_it_has_places(void **state)
{
	struct fixture *f = *state;

	fg_put(&f->g, 0x14000 + 2, FG_QUEUE_SIZE + 1, 2);
	next_fails(f, SS_EINPUT, "17 chains wait in a ring of 16");
}

static void vring_refuses_a_chain_of_too_many_parts(void **state)
{
	struct fixture *f = *state;
	struct vring big;
	bool got = false;

	/* 512 descriptors need 8 KiB: queue 0's table has that room. */
	vring_init(&big);
	point(&big, 0);
	big.num = 512;
	expect_ok(vring_attach(&big, &f->mem, &f->err), &f->err);
	for (unsigned i = 0; i < 512; i++)
		fg_desc(&f->g, 0, i, FG_GPA, 1, FG_NEXT, i + 1);
	fg_put(&f->g, 0x4000 + 2, 1, 2);
	expect_fails(vring_next(&big, &f->mem, &f->chain, &got, &f->err), &f->err, SS_ELIMIT,
		     "a chain has more than 256 parts");
}

static void vring_refuses_tables_outside_memory(void **state)
{
	static const uint64_t bad[] = { 0,
					FG_UADDR - 16,
					FG_UADDR + FG_SIZE - 16,
					FG_UADDR + FG_SIZE,
					UINT64_MAX - 15,
					FG_UADDR + 8 /* not aligned */ };
	struct fixture *f = *state;

	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		point(&f->ring, FG_TX);
		f->ring.desc_uaddr = bad[i];
		expect_fails(vring_attach(&f->ring, &f->mem, &f->err), &f->err, SS_EINPUT,
			     "a ring lies outside guest memory");
		assert_false(vring_is_running(&f->ring));
		point(&f->ring, FG_TX);
		f->ring.used_uaddr = bad[i] | 2;
		expect_fails(vring_attach(&f->ring, &f->mem, &f->err), &f->err, SS_EINPUT,
			     "a ring lies outside guest memory");
	}
}

static void vring_refuses_sizes_that_are_no_power_of_two(void **state)
{
	struct fixture *f = *state;

	f->ring.num = 0;
	expect_fails(vring_attach(&f->ring, &f->mem, &f->err), &f->err, SS_EINPUT,
		     "a ring of 0 descriptors");
	f->ring.num = 24;
	expect_fails(vring_attach(&f->ring, &f->mem, &f->err), &f->err, SS_EINPUT,
		     "a ring of 24 descriptors");
	f->ring.num = 2048;
	expect_fails(vring_attach(&f->ring, &f->mem, &f->err), &f->err, SS_EINPUT,
		     "a ring of 2048 descriptors");
}

static void vring_mem_refuses_regions_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	const int fd = f->g.memfd;

	expect_fails(vring_mem_add(&f->mem, fd, 0, 0, 0, FG_SIZE + 1, &f->err), &f->err, SS_EINPUT,
		     "memory region 2 ends past its file");
	expect_fails(vring_mem_add(&f->mem, fd, 1, 0, 0, FG_SIZE, &f->err), &f->err, SS_EINPUT,
		     "memory region 2 ends past its file");
	expect_fails(vring_mem_add(&f->mem, fd, 0, 0, 0, 0, &f->err), &f->err, SS_EINPUT,
		     "memory region 2 has an impossible size");
	expect_fails(vring_mem_add(&f->mem, fd, UINT64_MAX, 0, 0, 4096, &f->err), &f->err,
		     SS_EINPUT, "memory region 2 has an impossible size");
	expect_fails(vring_mem_add(&f->mem, fd, 0, UINT64_MAX - 4094, 0, 4096, &f->err), &f->err,
		     SS_EINPUT, "memory region 2 has an impossible size");
	for (size_t i = 2; i < VRING_MAX_REGIONS; i++)
		expect_ok(vring_mem_add(&f->mem, fd, 0, 0, 0, 4096, &f->err), &f->err);
	expect_fails(vring_mem_add(&f->mem, fd, 0, 0, 0, 4096, &f->err), &f->err, SS_ELIMIT,
		     "more than 8 memory regions");
}

static void vring_iov_skips_and_cuts_to_the_byte(void **state)
{
	char text[] = "abcdefgh";
	uint8_t out[8] = { 0 };

	(void)state;
	for (size_t skip = 0; skip <= 9; skip++) {
		struct iovec v[3] = { { text, 3 }, { text + 3, 0 }, { text + 3, 5 } };
		struct iovec *iov = v;
		size_t n = 3;

		assert_int_equal(vring_iov_skip(&iov, &n, skip), skip <= 8);
		if (skip > 8)
			continue;
		vring_iov_cut(iov, &n, 2);
		vring_iov_get(iov, n, out, skip <= 6 ? 2 : 8 - skip);
		assert_memory_equal(out, text + skip, skip <= 6 ? 2 : 8 - skip);
	}
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(vring_is_empty_until_the_guest_offers),
		ROW(vring_gives_a_chain_as_iovecs),
		ROW(vring_cuts_a_buffer_where_two_regions_meet),
		ROW(vring_descriptor_of_no_bytes_is_no_part),
		ROW(vring_chain_may_be_as_long_as_the_ring),
		ROW(vring_unget_offers_the_same_chain_again),
		ROW(vring_used_entries_follow_the_counter_past_its_end),
		ROW(vring_notify_is_silent_when_the_guest_asks_for_that),
		ROW(vring_refuses_a_descriptor_past_the_ring),
		ROW(vring_refuses_a_next_past_the_ring),
		ROW(vring_refuses_a_loop),
		ROW(vring_refuses_indirect_descriptors),
		ROW(vring_refuses_readable_after_writable),
		ROW(vring_refuses_every_address_outside_memory),
		ROW(vring_refuses_more_chains_than_it_has_places),
		ROW(vring_refuses_a_chain_of_too_many_parts),
		ROW(vring_refuses_tables_outside_memory),
		ROW(vring_refuses_sizes_that_are_no_power_of_two),
		ROW(vring_mem_refuses_regions_that_cannot_be),
		ROW(vring_iov_skips_and_cuts_to_the_byte),
	};

	return cmocka_run_group_tests_name("vring", tests, NULL, NULL);
}
