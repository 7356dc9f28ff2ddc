/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "fake_guest.h"
#include "launch/vhost_user.h"

#include <errno.h>
#include <sys/epoll.h>

static const uint8_t config[8] = { FG_CID };

struct fixture {
	struct fake_guest g;
	struct vhost_user u;
	struct vhost_user_device device;
	int epoll_fd;
	unsigned stops;
	struct ss_err err;
};

static void stopped(void *ctx)
{
	struct fixture *f = ctx;

	f->stops++;
}

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	int fds[2];

	fg_init(&f->g);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	f->g.sock = fds[0];
	f->epoll_fd = epoll_create1(0);
	f->device = (struct vhost_user_device){
		.config = { config, sizeof(config) }, .n_queues = 2, .stopped = stopped, .ctx = f
	};
	vhost_user_init(&f->device, fds[1], f->epoll_fd, 100, &f->u);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vhost_user_done(&f->u);
	ss_closep(&f->epoll_fd);
	fg_done(&f->g);
	free(f);
	return 0;
}

static void take(struct fixture *f)
{
	bool ended = false;

	expect_ok(vhost_user_message(&f->u, &ended, &f->err), &f->err);
	assert_false(ended);
}

static void take_fails(struct fixture *f, enum ss_code code, const char *msg)
{
	bool ended = false;

	expect_fails(vhost_user_message(&f->u, &ended, &f->err), &f->err, code, msg);
}

static void start(struct fixture *f)
{
	fg_start(&f->g);
	for (unsigned i = 0; i < 15; i++)
		take(f);
}

static uint64_t answer(struct fixture *f, uint32_t request, size_t size)
{
	uint32_t head[3] = { 0 };
	uint64_t v = 0;

	assert_int_equal(recv(f->g.sock, head, sizeof(head), MSG_DONTWAIT), sizeof(head));
	assert_int_equal(head[0], request);
	assert_int_equal(head[1], 5);
	assert_int_equal(head[2], size);
	assert_int_equal(recv(f->g.sock, &v, sizeof(v), MSG_DONTWAIT), sizeof(v));
	return v;
}

static void the_device_offers_what_qemu_needs(void **state)
{
	struct fixture *f = *state;

	fg_send(f->g.sock, 1, NULL, 0, NULL, 0);
	take(f);
	assert_int_equal(answer(f, 1, 8), UINT64_C(1) << 32 | UINT64_C(1) << 30);
	fg_send(f->g.sock, 15, NULL, 0, NULL, 0);
	take(f);
	assert_int_equal(answer(f, 15, 8), 1 << 9);
}

static void the_configuration_is_read_in_parts(void **state)
{
	struct fixture *f = *state;
	const uint32_t whole[5] = { 0, 8, 0, 0, 0 };
	uint8_t bytes[20];
	uint32_t head[3];

	fg_send(f->g.sock, 24, whole, sizeof(whole), NULL, 0);
	take(f);
	assert_int_equal(recv(f->g.sock, head, sizeof(head), MSG_DONTWAIT), sizeof(head));
	assert_int_equal(head[2], 20);
	assert_int_equal(recv(f->g.sock, bytes, sizeof(bytes), MSG_DONTWAIT), sizeof(bytes));
	assert_memory_equal(bytes + 12, config, sizeof(config));
}

static void a_configuration_past_its_end_is_no(void **state)
{
	static const uint32_t bad[][2] = {
		{ 0, 9 }, { 8, 1 }, { 9, 0 }, { UINT32_MAX, 1 }, { 4, UINT32_MAX }, { 0, 8 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		const uint32_t ask[4] = { bad[i][0], bad[i][1], 0, 0 };
		uint32_t head[3];

		/* The last one is within the configuration, but has no room for the answer. */
		fg_send(f->g.sock, 24, ask, sizeof(ask), NULL, 0);
		take(f);
		assert_int_equal(recv(f->g.sock, head, sizeof(head), MSG_DONTWAIT), sizeof(head));
		assert_int_equal(head[2], 0);
	}
}

static void both_rings_run_after_the_usual_messages(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_true(vring_is_running(&f->u.rings[0]));
	assert_true(vring_is_running(&f->u.rings[1]));
}

static void a_ring_waits_until_it_is_enabled(void **state)
{
	struct fixture *f = *state;

	fg_start(&f->g);
	for (unsigned i = 0; i < 14; i++) {
		take(f);
		assert_false(vring_is_running(&f->u.rings[1]));
	}
}

static void a_ring_that_is_stopped_says_how_far_it_was(void **state)
{
	struct fixture *f = *state;
	const uint32_t which[2] = { 1, 0 };

	start(f);
	f->u.rings[1].next_avail = 77;
	fg_send(f->g.sock, 11, which, sizeof(which), NULL, 0);
	take(f);
	assert_int_equal(answer(f, 11, 8), UINT64_C(77) << 32 | 1);
	assert_false(vring_is_running(&f->u.rings[1]));
	assert_int_equal(f->stops, 1);
	fg_ring(&f->g, 1);
	for (unsigned i = 0; i < 6; i++)
		take(f);
	assert_true(vring_is_running(&f->u.rings[1]));
}

static void rings_go_on_in_a_new_memory_table(void **state)
{
	struct fixture *f = *state;

	start(f);
	fg_mem_table(&f->g, FG_SIZE);
	take(f);
	assert_true(vring_is_running(&f->u.rings[0]));
	fg_mem_table(&f->g, 0x8000);
	take(f);
	assert_false(vring_is_running(&f->u.rings[0])); /* its used table lies outside now */
	fg_mem_table(&f->g, FG_SIZE);
	take(f);
	assert_false(vring_is_running(&f->u.rings[0])); /* QEMU has to say where it is */
}

static void every_message_cut_short_is_refused(void **state)
{
	const uint64_t addr[5] = { 0 };
	uint32_t head[3] = { 9, 1, sizeof(addr) };
	uint8_t raw[sizeof(head) + sizeof(addr)];

	memcpy(raw, head, sizeof(head));
	memcpy(raw + sizeof(head), addr, sizeof(addr));
	for (size_t n = 0; n < sizeof(raw); n++) {
		struct fixture *f;
		bool ended = false;

		(void)setup(state);
		f = *state;
		assert_int_equal(write(f->g.sock, raw, n), n);
		ss_closep(&f->g.sock);
		f->g.sock = -1;
		if (n == 0)
			expect_ok(vhost_user_message(&f->u, &ended, &f->err), &f->err);
		else
			take_fails(f, SS_EINPUT,
				   n < sizeof(head) ? "vhost-user: not a vhost-user message"
						    : "vhost-user: message 9 is cut short");
		assert_int_equal(ended, n == 0);
		(void)teardown(state);
	}
}

static void messages_too_short_for_what_they_ask_are_refused(void **state)
{
	static const struct {
		uint32_t request, least;
	} rows[] = { { 2, 8 },  { 5, 8 },  { 8, 8 },  { 9, 40 }, { 10, 8 }, { 11, 8 },
		     { 12, 8 }, { 13, 8 }, { 14, 8 }, { 16, 8 }, { 18, 8 }, { 24, 12 } };
	static const uint8_t zeros[64];

	for (size_t i = 0; i < SS_NELEMS(rows); i++) {
		for (uint32_t n = 0; n < rows[i].least; n++) {
			struct fixture *f;
			char msg[64];

			(void)setup(state);
			f = *state;
			fg_send(f->g.sock, rows[i].request, zeros, n, NULL, 0);
			(void)snprintf(msg, sizeof(msg), "vhost-user: message %u has only %u bytes",
				       rows[i].request, n);
			take_fails(f, SS_EINPUT, msg);
			(void)teardown(state);
		}
	}
}

static void unknown_messages_are_refused(void **state)
{
	struct fixture *f = *state;

	fg_send(f->g.sock, 99, NULL, 0, NULL, 0);
	take_fails(f, SS_EINPUT, "vhost-user: message 99 is not known");
}

static void a_message_that_is_too_long_is_refused_unread(void **state)
{
	struct fixture *f = *state;
	uint32_t head[3] = { 5, 1, VHOST_USER_MAX_PAYLOAD + 1 };

	assert_int_equal(write(f->g.sock, head, sizeof(head)), sizeof(head));
	take_fails(f, SS_ELIMIT, "vhost-user: message 5 has 513 bytes");
	head[2] = UINT32_MAX;
	assert_int_equal(write(f->g.sock, head, sizeof(head)), sizeof(head));
	take_fails(f, SS_ELIMIT, "vhost-user: message 5 has 4294967295 bytes");
}

static void another_version_is_refused(void **state)
{
	struct fixture *f = *state;
	const uint32_t head[3] = { 1, 2, 0 };

	assert_int_equal(write(f->g.sock, head, sizeof(head)), sizeof(head));
	take_fails(f, SS_EINPUT, "vhost-user: not a vhost-user message");
}

static void features_that_were_not_offered_are_refused(void **state)
{
	struct fixture *f = *state;
	const uint64_t indirect = UINT64_C(1) << 28;

	fg_send(f->g.sock, 2, &indirect, sizeof(indirect), NULL, 0);
	take_fails(f, SS_EINPUT, "vhost-user: message 2: features that were not offered");
}

static void queues_that_do_not_exist_are_refused(void **state)
{
	struct fixture *f = *state;
	const uint32_t enable[2] = { 2, 1 };
	const uint64_t kick = 255;

	fg_send(f->g.sock, 18, enable, sizeof(enable), NULL, 0);
	take_fails(f, SS_EINPUT, "vhost-user: message 18: there is no queue 2");
	fg_send(f->g.sock, 12, &kick, sizeof(kick), f->g.kick, 1);
	take_fails(f, SS_EINPUT, "vhost-user: message 12: there is no queue 255");
}

static void memory_tables_that_do_not_add_up_are_refused(void **state)
{
	struct fixture *f = *state;
	uint64_t table[5] = { 2, FG_GPA, FG_SIZE, FG_UADDR, 0 };
	const int two[2] = { f->g.memfd, f->g.memfd };

	fg_send(f->g.sock, 5, table, sizeof(table), two, 2);
	take_fails(f, SS_EINPUT,
		   "vhost-user: message 5: 2 memory regions in 40 bytes, 2 descriptors");
	table[0] = 1;
	fg_send(f->g.sock, 5, table, sizeof(table), NULL, 0);
	take_fails(f, SS_EINPUT,
		   "vhost-user: message 5: 1 memory regions in 40 bytes, 0 descriptors");
	table[0] = 0;
	fg_send(f->g.sock, 5, table, sizeof(table), NULL, 0);
	take_fails(f, SS_EINPUT,
		   "vhost-user: message 5: 0 memory regions in 40 bytes, 0 descriptors");
	table[0] = 9;
	fg_send(f->g.sock, 5, table, sizeof(table), NULL, 0);
	take_fails(f, SS_EINPUT,
		   "vhost-user: message 5: 9 memory regions in 40 bytes, 0 descriptors");
	fg_mem_table(&f->g, FG_SIZE + 1);
	take_fails(f, SS_EINPUT, "vhost-user: message 5: memory region 0 ends past its file");
}

static void a_ring_outside_memory_is_refused(void **state)
{
	struct fixture *f = *state;
	const uint32_t num[2] = { 0, FG_QUEUE_SIZE };
	const uint64_t addr[5] = { 0, FG_UADDR + FG_SIZE, FG_UADDR, FG_UADDR, 0 };

	fg_mem_table(&f->g, FG_SIZE);
	fg_send(f->g.sock, 8, num, sizeof(num), NULL, 0);
	fg_send(f->g.sock, 9, addr, sizeof(addr), NULL, 0);
	take(f);
	take(f);
	take_fails(f, SS_EINPUT, "vhost-user: message 9: a ring lies outside guest memory");
}

static void descriptors_must_be_as_many_as_belong(void **state)
{
	struct fixture *f = *state;
	const uint64_t with = 0, without = 0x100;
	int many[9];

	fg_send(f->g.sock, 12, &with, sizeof(with), NULL, 0);
	take_fails(f, SS_EINPUT, "vhost-user: message 12: 0 descriptors where 1 belong");
	fg_send(f->g.sock, 13, &without, sizeof(without), f->g.call, 1);
	take_fails(f, SS_EINPUT, "vhost-user: message 13: 1 descriptors where 0 belong");
	for (size_t i = 0; i < 9; i++)
		many[i] = f->g.memfd;
	fg_send(f->g.sock, 5, &with, sizeof(with), many, 9);
	take_fails(f, SS_ELIMIT, "vhost-user: more descriptors than a message may carry");
}

static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	char c;

	assert_int_equal(pipe(fds), 0);
	fg_send(f->g.sock, 3, NULL, 0, &fds[1], 1);
	(void)close(fds[1]);
	take(f);
	assert_int_equal(read(fds[0], &c, 1), 0); /* nobody holds the other end */
	(void)close(fds[0]);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(the_device_offers_what_qemu_needs),
		ROW(the_configuration_is_read_in_parts),
		ROW(a_configuration_past_its_end_is_no),
		ROW(both_rings_run_after_the_usual_messages),
		ROW(a_ring_waits_until_it_is_enabled),
		ROW(a_ring_that_is_stopped_says_how_far_it_was),
		ROW(rings_go_on_in_a_new_memory_table),
		cmocka_unit_test(every_message_cut_short_is_refused),
		cmocka_unit_test(messages_too_short_for_what_they_ask_are_refused),
		ROW(unknown_messages_are_refused),
		ROW(a_message_that_is_too_long_is_refused_unread),
		ROW(another_version_is_refused),
		ROW(features_that_were_not_offered_are_refused),
		ROW(queues_that_do_not_exist_are_refused),
		ROW(memory_tables_that_do_not_add_up_are_refused),
		ROW(a_ring_outside_memory_is_refused),
		ROW(descriptors_must_be_as_many_as_belong),
		ROW(descriptors_that_nobody_asked_for_are_closed),
	};

	return cmocka_run_group_tests_name("vhost_user", tests, NULL, NULL);
}
