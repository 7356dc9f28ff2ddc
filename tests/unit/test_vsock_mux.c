/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "launch/vsock_mux.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CID 16u
#define PORT 9000u     /* somebody listens there */
#define CREDIT 262144u /* what the guest says it can take */
#define MAX_CONNS 8u

struct fixture {
	struct vsock_mux *mux;
	int epoll_fd;
	int peer;      /* the local program's end of the stream that was dialled last */
	int older[64]; /* the ends of streams dialled before: they stay open */
	size_t n_older;
	int sndbuf;
	struct vsock_header h; /* of the packet that said() took */
	uint8_t packet[VSOCK_HEADER_SIZE + VSOCK_MAX_DATA];
};

static int dial(void *ctx, uint32_t port)
{
	struct fixture *f = ctx;
	int fds[2];

	if (port != PORT)
		return -1;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	if (f->sndbuf > 0)
		assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &f->sndbuf, sizeof(int)),
				 0);
	if (f->peer >= 0)
		f->older[f->n_older++] = f->peer;
	f->peer = fds[1];
	return fds[0];
}

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	struct vsock_mux_opts o = { .guest_cid = CID, .max_conns = MAX_CONNS, .dial = dial };

	f->peer = -1;
	f->epoll_fd = epoll_create1(0);
	o.epoll_fd = f->epoll_fd;
	o.ctx = f;
	f->mux = vsock_mux_new(&o);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vsock_mux_free(f->mux);
	for (size_t i = 0; i < f->n_older; i++)
		ss_closep(&f->older[i]);
	ss_closep(&f->peer);
	ss_closep(&f->epoll_fd);
	free(f);
	return 0;
}

/* What the owner does in a round. */
static void events(struct fixture *f)
{
	struct epoll_event ev[16];
	const int n = epoll_wait(f->epoll_fd, ev, 16, 0);

	for (int i = 0; i < n; i++)
		vsock_mux_event(f->mux, ev[i].data.ptr, ev[i].events);
	vsock_mux_sweep(f->mux);
}

static struct vsock_header header(enum vsock_op op, uint32_t guest_port)
{
	return (struct vsock_header){ .src_cid = CID,
				      .dst_cid = VSOCK_HOST_CID,
				      .src_port = guest_port,
				      .dst_port = PORT,
				      .type = VSOCK_TYPE_STREAM,
				      .op = (uint16_t)op,
				      .buf_alloc = CREDIT };
}

static void say_header(struct fixture *f, const struct vsock_header *h)
{
	struct iovec none = { 0 };

	vsock_mux_packet(f->mux, h, &none, 0);
}

static void say(struct fixture *f, enum vsock_op op, uint32_t guest_port)
{
	const struct vsock_header h = header(op, guest_port);

	say_header(f, &h);
}

static void say_data(struct fixture *f, uint32_t guest_port, const void *data, uint32_t n)
{
	struct vsock_header h = header(VSOCK_RW, guest_port);
	char *copy = ss_calloc(n, 1);
	struct iovec iov = { copy, n };

	memcpy(copy, data, n);
	h.len = n;
	vsock_mux_packet(f->mux, &h, &iov, 1);
	free(copy);
}

/* The next packet to the guest, in f->h and f->packet; false if there is none. */
static bool heard(struct fixture *f, size_t room)
{
	const struct iovec iov[2] = { { f->packet, 10 }, { f->packet + 10, room - 10 } };
	size_t n;

	events(f);
	if (!vsock_mux_is_pending(f->mux))
		return false;
	n = vsock_mux_fill(f->mux, iov, 2);
	if (n == 0)
		return false;
	vsock_header_read(f->packet, &f->h);
	assert_int_equal(n, VSOCK_HEADER_SIZE + f->h.len);
	assert_int_equal(f->h.src_cid, VSOCK_HOST_CID);
	assert_int_equal(f->h.dst_cid, CID);
	return true;
}

static void expect_packet(struct fixture *f, enum vsock_op op, uint32_t guest_port)
{
	assert_true(heard(f, sizeof(f->packet)));
	assert_int_equal(f->h.op, op);
	assert_int_equal(f->h.dst_port, guest_port);
}

static void expect_silence(struct fixture *f)
{
	assert_false(heard(f, sizeof(f->packet)));
}

static void open_stream(struct fixture *f, uint32_t guest_port)
{
	say(f, VSOCK_REQUEST, guest_port);
	expect_packet(f, VSOCK_RESPONSE, guest_port);
	assert_int_equal(f->h.buf_alloc, VSOCK_CONN_BUF);
	assert_int_equal(f->h.src_port, PORT);
	expect_silence(f);
}

static size_t drain(int fd, size_t at_most)
{
	static char sink[1 << 16];
	size_t n = 0;
	ssize_t r = 1;

	while (n < at_most && r > 0) {
		r = read(fd, sink, at_most - n < sizeof(sink) ? at_most - n : sizeof(sink));
		n += r > 0 ? (size_t)r : 0;
	}
	return n;
}

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

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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

	return cmocka_run_group_tests_name("vsock_mux", tests, NULL, NULL);
}
