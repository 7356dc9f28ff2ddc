/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "mux_guest.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_call_to_a_port_where_somebody_listens_is_answered(void **state)
{
	struct fixture *f = *state;

	open_stream(f, 1);
	assert_int_equal(vsock_mux_count(f->mux), 1);
}

static void a_call_to_any_other_port_is_refused(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST, 1);

	h.dst_port = 1;
	say_header(f, &h);
	expect_packet(f, VSOCK_RST, 1);
	assert_int_equal(f->h.src_port, 1);
	assert_int_equal(vsock_mux_count(f->mux), 0);
}

static void bytes_go_both_ways(void **state)
{
	struct fixture *f = *state;
	char text[8];

	open_stream(f, 1);
	say_data(f, 1, "ping", 4);
	assert_int_equal(read(f->peer, text, sizeof(text)), 4);
	assert_memory_equal(text, "ping", 4);
	assert_int_equal(write(f->peer, "pong!", 5), 5);
	expect_packet(f, VSOCK_RW, 1);
	assert_int_equal(f->h.len, 5);
	assert_int_equal(f->h.fwd_cnt, 4);
	assert_memory_equal(f->packet + VSOCK_HEADER_SIZE, "pong!", 5);
	expect_silence(f);
}

static void a_small_guest_buffer_gets_what_fits(void **state)
{
	struct fixture *f = *state;

	open_stream(f, 1);
	assert_int_equal(write(f->peer, "abcdef", 6), 6);
	assert_true(heard(f, VSOCK_HEADER_SIZE + 4));
	assert_int_equal(f->h.len, 4);
	assert_true(heard(f, VSOCK_HEADER_SIZE + 4));
	assert_int_equal(f->h.len, 2);
	assert_memory_equal(f->packet + VSOCK_HEADER_SIZE, "ef", 2);
}

static void the_guest_gets_no_more_than_its_credit(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST, 1);
	char big[100] = { 0 };

	h.buf_alloc = 60;
	say_header(f, &h);
	expect_packet(f, VSOCK_RESPONSE, 1);
	assert_int_equal(write(f->peer, big, sizeof(big)), sizeof(big));
	expect_packet(f, VSOCK_RW, 1);
	assert_int_equal(f->h.len, 60);
	expect_packet(f, VSOCK_CREDIT_REQUEST, 1);
	expect_silence(f);
	h.op = VSOCK_CREDIT_UPDATE;
	h.fwd_cnt = 25;
	say_header(f, &h);
	expect_packet(f, VSOCK_RW, 1);
	assert_int_equal(f->h.len, 25);
	expect_packet(f, VSOCK_CREDIT_REQUEST, 1);
	h.fwd_cnt = 85;
	say_header(f, &h);
	expect_packet(f, VSOCK_RW, 1);
	assert_int_equal(f->h.len, 15);
	expect_silence(f);
}

static void a_guest_that_lies_about_its_credit_gets_nothing(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST, 1);

	h.buf_alloc = 1000;
	h.fwd_cnt = 5; /* of nothing sent */
	say_header(f, &h);
	expect_packet(f, VSOCK_RESPONSE, 1);
	assert_int_equal(write(f->peer, "x", 1), 1);
	expect_packet(f, VSOCK_CREDIT_REQUEST, 1);
	expect_silence(f);
}

static void a_slow_reader_holds_bytes_back_and_the_guest_hears_it(void **state)
{
	static char block[32768];
	struct fixture *f = *state;
	size_t sent = 0, got;

	f->sndbuf = 4096;
	open_stream(f, 1);
	for (; sent + sizeof(block) <= VSOCK_CONN_BUF; sent += sizeof(block)) {
		memset(block, (int)('a' + sent / sizeof(block)), sizeof(block));
		say_data(f, 1, block, sizeof(block));
	}
	say(f, VSOCK_CREDIT_REQUEST, 1);
	expect_packet(f, VSOCK_CREDIT_UPDATE, 1);
	assert_true(f->h.fwd_cnt < VSOCK_CONN_BUF / 2);
	for (got = 0; got < sent;) {
		char bytes[1000];
		const ssize_t n = read(f->peer, bytes, sizeof(bytes));

		for (ssize_t i = 0; i < n; i++, got++)
			assert_int_equal(bytes[i], 'a' + got / sizeof(block));
		events(f);
	}
	/* Half of the buffer has become free on the way: told without being asked. */
	expect_packet(f, VSOCK_CREDIT_UPDATE, 1);
	assert_int_equal(f->h.fwd_cnt, sent);
	say_data(f, 1, "more", 4);
	assert_int_equal(drain(f->peer, 4), 4);
}

static void a_guest_that_sends_more_than_there_is_room_for_is_reset(void **state)
{
	static char block[65536];
	struct fixture *f = *state;

	f->sndbuf = 4096;
	open_stream(f, 1);
	for (size_t i = 0; i < 4; i++)
		say_data(f, 1, block, sizeof(block));
	while (heard(f, sizeof(f->packet)) && f->h.op == VSOCK_CREDIT_UPDATE)
		continue;
	assert_int_equal(f->h.op, VSOCK_RST);
	assert_int_equal(vsock_mux_count(f->mux), 0);
}

static void the_local_end_of_stream_is_a_half_close(void **state)
{
	struct fixture *f = *state;

	open_stream(f, 1);
	assert_int_equal(write(f->peer, "last", 4), 4);
	assert_int_equal(shutdown(f->peer, SHUT_WR), 0);
	expect_packet(f, VSOCK_RW, 1);
	expect_packet(f, VSOCK_SHUTDOWN, 1);
	assert_int_equal(f->h.flags, VSOCK_SHUT_SEND);
	expect_silence(f);
	say_data(f, 1, "still", 5);
	assert_int_equal(drain(f->peer, 5), 5);
}

static void the_guests_half_close_reaches_the_socket_behind_its_bytes(void **state)
{
	static char block[65536];
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_SHUTDOWN, 1);
	char c;

	f->sndbuf = 4096;
	open_stream(f, 1);
	say_data(f, 1, block, sizeof(block));
	h.flags = VSOCK_SHUT_SEND;
	say_header(f, &h);
	for (size_t got = 0; got < sizeof(block); events(f))
		got += drain(f->peer, sizeof(block) - got);
	assert_int_equal(read(f->peer, &c, 1), 0);
	assert_int_equal(write(f->peer, "reply", 5), 5);
	while (heard(f, sizeof(f->packet)) && f->h.op == VSOCK_CREDIT_UPDATE)
		continue;
	assert_int_equal(f->h.op, VSOCK_RW);
	assert_int_equal(f->h.len, 5);
}

static void when_both_have_ended_the_guest_is_told_and_its_reset_frees(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_SHUTDOWN, 1);

	open_stream(f, 1);
	h.flags = VSOCK_SHUT_SEND;
	say_header(f, &h);
	assert_int_equal(shutdown(f->peer, SHUT_WR), 0);
	expect_packet(f, VSOCK_SHUTDOWN, 1);
	assert_int_equal(f->h.flags, VSOCK_SHUT_SEND | VSOCK_SHUT_RCV);
	assert_int_equal(vsock_mux_count(f->mux), 1);
	say(f, VSOCK_RST, 1);
	assert_int_equal(vsock_mux_count(f->mux), 0);
	expect_silence(f);
}

static void a_guest_that_closes_gets_a_reset_when_all_has_arrived(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_SHUTDOWN, 1);
	char text[8];

	open_stream(f, 1);
	say_data(f, 1, "bye", 3);
	h.flags = VSOCK_SHUT_SEND | VSOCK_SHUT_RCV;
	say_header(f, &h);
	expect_packet(f, VSOCK_RST, 1);
	assert_int_equal(vsock_mux_count(f->mux), 0);
	assert_int_equal(read(f->peer, text, sizeof(text)), 3);
	assert_int_equal(read(f->peer, text, sizeof(text)), 0);
}

static void a_guest_that_reads_no_more_stops_the_local_writer(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_SHUTDOWN, 1);

	open_stream(f, 1);
	h.flags = VSOCK_SHUT_RCV;
	say_header(f, &h);
	assert_int_equal(send(f->peer, "x", 1, MSG_NOSIGNAL), -1);
	say_data(f, 1, "but I write", 11);
	assert_int_equal(drain(f->peer, 11), 11);
}

static void a_socket_that_breaks_resets_the_stream(void **state)
{
	struct fixture *f = *state;

	open_stream(f, 1);
	ss_closep(&f->peer);
	f->peer = -1;
	say_data(f, 1, "x", 1);
	expect_packet(f, VSOCK_RST, 1);
	assert_int_equal(vsock_mux_count(f->mux), 0);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, mux_guest_setup, mux_guest_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(a_call_to_a_port_where_somebody_listens_is_answered),
		ROW(a_call_to_any_other_port_is_refused),
		ROW(bytes_go_both_ways),
		ROW(a_small_guest_buffer_gets_what_fits),
		ROW(the_guest_gets_no_more_than_its_credit),
		ROW(a_guest_that_lies_about_its_credit_gets_nothing),
		ROW(a_slow_reader_holds_bytes_back_and_the_guest_hears_it),
		ROW(a_guest_that_sends_more_than_there_is_room_for_is_reset),
		ROW(the_local_end_of_stream_is_a_half_close),
		ROW(the_guests_half_close_reaches_the_socket_behind_its_bytes),
		ROW(when_both_have_ended_the_guest_is_told_and_its_reset_frees),
		ROW(a_guest_that_closes_gets_a_reset_when_all_has_arrived),
		ROW(a_guest_that_reads_no_more_stops_the_local_writer),
		ROW(a_socket_that_breaks_resets_the_stream),
	};

	return cmocka_run_group_tests_name("vsock_mux", tests, NULL, NULL);
}
