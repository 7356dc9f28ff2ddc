/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "mux_guest.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A local program that calls the guest: its end of the socket. */
static int call_guest(struct fixture *f, const char *line)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	vsock_mux_accept(f->mux, fds[0]);
	assert_int_equal(write(fds[1], line, strlen(line)), strlen(line));
	events(f);
	return fds[1];
}

static void a_local_program_reaches_a_port_of_the_guest(void **state)
{
	struct fixture *f = *state;
	AUTO_CLOSE int fd = call_guest(f, "CONNECT 8080\nGET /");
	struct vsock_header h;
	char text[32] = { 0 };

	expect_packet(f, VSOCK_REQUEST, 8080);
	assert_int_equal(f->h.src_port, VSOCK_FIRST_PORT);
	expect_silence(f);
	h = header(VSOCK_RESPONSE, 8080);
	h.dst_port = VSOCK_FIRST_PORT;
	say_header(f, &h);
	assert_int_equal(read(fd, text, sizeof(text)), 14);
	assert_string_equal(text, "OK 1073741824\n");
	expect_packet(f, VSOCK_RW, 8080);
	assert_int_equal(f->h.len, 5);
	assert_memory_equal(f->packet + VSOCK_HEADER_SIZE, "GET /", 5);
}

static void a_line_may_come_byte_by_byte(void **state)
{
	struct fixture *f = *state;
	AUTO_CLOSE int fd = call_guest(f, "");

	for (const char *c = "CONNECT 4294967295\n"; *c != '\0'; c++) {
		expect_silence(f);
		assert_int_equal(write(fd, c, 1), 1);
	}
	expect_packet(f, VSOCK_REQUEST, UINT32_MAX);
}

static void a_call_that_the_guest_refuses_ends_without_a_word(void **state)
{
	struct fixture *f = *state;
	AUTO_CLOSE int fd = call_guest(f, "CONNECT 80\n");
	struct vsock_header h = header(VSOCK_RST, 80);
	char c;

	expect_packet(f, VSOCK_REQUEST, 80);
	h.dst_port = f->h.src_port;
	say_header(f, &h);
	assert_int_equal(read(fd, &c, 1), 0);
	assert_int_equal(vsock_mux_count(f->mux), 0);
}

static void a_caller_that_gives_up_frees_the_call(void **state)
{
	struct fixture *f = *state;
	int fd = call_guest(f, "CONNECT 80\n");

	expect_packet(f, VSOCK_REQUEST, 80);
	(void)close(fd);
	expect_packet(f, VSOCK_RST, 80);
	assert_int_equal(vsock_mux_count(f->mux), 0);
}

static void every_other_first_line_is_hung_up_on(void **state)
{
	static const char *const bad[] = {
		"\n",
		"CONNECT \n",
		"CONNECT\n",
		"connect 80\n",
		"CONNECT -1\n",
		"CONNECT 80 \n",
		"CONNECT 0x50\n",
		"CONNECT 4294967296\n",
		"CONNECT 00000000000080\n",
		"CONNECT 000000000080\n" /* 21 bytes */,
		"GET / HTTP/1.1\r\n",
		"CONNECT 80\r\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		AUTO_CLOSE int fd = call_guest(f, bad[i]);
		char c;

		/* What was not read may turn the end of stream into a reset. */
		assert_true(read(fd, &c, 1) <= 0);
		assert_int_equal(vsock_mux_count(f->mux), 0);
		expect_silence(f);
	}
}

static void packets_in_another_guests_name_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST, 1);

	h.src_cid = CID + 1;
	say_header(f, &h);
	expect_silence(f);
}

static void packets_to_another_host_or_of_another_type_are_refused(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST, 1);
	uint8_t raw[VSOCK_HEADER_SIZE];
	const struct iovec room = { raw, sizeof(raw) };

	h.dst_cid = 2;
	say_header(f, &h);
	assert_int_equal(vsock_mux_fill(f->mux, &room, 1), sizeof(raw));
	vsock_header_read(raw, &h);
	assert_int_equal(h.op, VSOCK_RST);
	assert_int_equal(h.src_cid, 2);
	h = header(VSOCK_REQUEST, 1);
	h.type = 2;
	say_header(f, &h);
	assert_int_equal(vsock_mux_fill(f->mux, &room, 1), sizeof(raw));
	vsock_header_read(raw, &h);
	assert_int_equal(h.op, VSOCK_RST);
	assert_int_equal(h.type, 2);
	assert_int_equal(vsock_mux_count(f->mux), 0);
}

static void every_operation_on_no_stream_is_refused_but_a_reset(void **state)
{
	struct fixture *f = *state;

	for (unsigned op = 0; op <= UINT16_MAX; op += op < 16 ? 1 : 4093) {
		if (op == VSOCK_REQUEST)
			continue;
		say(f, op, 77);
		if (op != VSOCK_RST)
			expect_packet(f, VSOCK_RST, 77);
		expect_silence(f);
	}
}

static void an_operation_that_makes_no_sense_resets_its_stream_alone(void **state)
{
	struct fixture *f = *state;

	for (unsigned op = 0; op < 16; op++) {
		if (op >= VSOCK_RST && op <= VSOCK_CREDIT_REQUEST)
			continue;
		open_stream(f, 1);
		open_stream(f, 2);
		say(f, op, 1);
		expect_packet(f, VSOCK_RST, 1);
		assert_int_equal(vsock_mux_count(f->mux), 1);
		say(f, VSOCK_RST, 2);
		assert_int_equal(vsock_mux_count(f->mux), 0);
	}
}

static void streams_take_turns(void **state)
{
	static char block[5000];
	struct fixture *f = *state;
	int first, second;

	open_stream(f, 1);
	first = ss_take_fd(&f->peer);
	open_stream(f, 2);
	second = f->peer;
	assert_int_equal(write(first, block, sizeof(block)), sizeof(block));
	assert_int_equal(write(second, block, sizeof(block)), sizeof(block));
	for (unsigned i = 0, last = 0; i < 10; i++) {
		assert_true(heard(f, VSOCK_HEADER_SIZE + 1000));
		assert_int_equal(f->h.op, VSOCK_RW);
		assert_int_equal(f->h.len, 1000);
		assert_int_not_equal(f->h.dst_port, last);
		last = f->h.dst_port;
	}
	(void)close(first);
}

static void no_more_streams_than_allowed(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < MAX_CONNS; i++)
		open_stream(f, i);
	say(f, VSOCK_REQUEST, MAX_CONNS);
	expect_packet(f, VSOCK_RST, MAX_CONNS);
	assert_int_equal(vsock_mux_count(f->mux), MAX_CONNS);
	say(f, VSOCK_RST, 3);
	open_stream(f, MAX_CONNS);
}

static void refusals_that_the_guest_does_not_fetch_are_bounded(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;

	for (uint32_t i = 0; i < 1000; i++)
		say(f, VSOCK_RW, i);
	while (heard(f, sizeof(f->packet)))
		n++;
	assert_int_equal(n, VSOCK_MAX_RSTS);
}

static void a_reset_of_the_guest_ends_every_stream(void **state)
{
	struct fixture *f = *state;
	char c;

	open_stream(f, 1);
	say(f, VSOCK_REQUEST, 2);
	say(f, VSOCK_RW, 3);
	vsock_mux_reset(f->mux);
	assert_int_equal(vsock_mux_count(f->mux), 0);
	assert_int_equal(read(f->peer, &c, 1), 0);
	expect_silence(f);
}

static void headers_survive_the_way_there_and_back(void **state)
{
	uint8_t raw[VSOCK_HEADER_SIZE], again[VSOCK_HEADER_SIZE];
	struct vsock_header h;

	(void)state;
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(i + 1);
	vsock_header_read(raw, &h);
	assert_int_equal(h.src_cid, UINT64_C(0x0807060504030201));
	assert_int_equal(h.op, 0x201f);
	assert_int_equal(h.fwd_cnt, 0x2c2b2a29);
	vsock_header_write(&h, again);
	assert_memory_equal(raw, again, sizeof(raw));
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, mux_guest_setup, mux_guest_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(a_local_program_reaches_a_port_of_the_guest),
		ROW(a_line_may_come_byte_by_byte),
		ROW(a_call_that_the_guest_refuses_ends_without_a_word),
		ROW(a_caller_that_gives_up_frees_the_call),
		ROW(every_other_first_line_is_hung_up_on),
		ROW(packets_in_another_guests_name_are_dropped),
		ROW(packets_to_another_host_or_of_another_type_are_refused),
		ROW(every_operation_on_no_stream_is_refused_but_a_reset),
		ROW(an_operation_that_makes_no_sense_resets_its_stream_alone),
		ROW(streams_take_turns),
		ROW(no_more_streams_than_allowed),
		ROW(refusals_that_the_guest_does_not_fetch_are_bounded),
		ROW(a_reset_of_the_guest_ends_every_stream),
		ROW(headers_survive_the_way_there_and_back),
	};

	return cmocka_run_group_tests_name("vsock_mux_calls", tests, NULL, NULL);
}
