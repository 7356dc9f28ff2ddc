/* SPDX-License-Identifier: Apache-2.0 */
/* The whole device, driven through its sockets by a guest that may write anything into its rings.
 */
#include "expect.h"
#include "fake_guest.h"
#include "launch/vhost_vsock.h"

#include <poll.h>
#include <sys/stat.h>

struct fixture {
	struct fake_guest g;
	struct vhost_vsock *v;
	char dir[64], vhost[80], base[80];
	int listener; /* at base_7 */
	struct ss_err err;
};

static int unix_socket(const char *path, bool listening)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (listening)
		assert_int_equal(
			bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) | listen(fd, 8), 0);
	else
		assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Steps until there is nothing left to do. */
static void settle(struct fixture *f)
{
	struct pollfd p = { .fd = vhost_vsock_fd(f->v), .events = POLLIN };
	bool ended;

	while (poll(&p, 1, 0) > 0)
		expect_ok(vhost_vsock_step(f->v, &ended, &f->err), &f->err);
}

static void settle_fails(struct fixture *f, enum ss_code code, const char *msg)
{
	bool ended;

	while (vhost_vsock_step(f->v, &ended, &f->err) == 0)
		assert_int_not_equal(
			poll(&(struct pollfd){ vhost_vsock_fd(f->v), POLLIN, 0 }, 1, 0), 0);
	expect_fails(-1, &f->err, code, msg);
}

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	struct vhost_vsock_opts o = { .guest_cid = FG_CID };
	char port[96];

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test-vhost-vsock.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->vhost, sizeof(f->vhost), "%s/vhost", f->dir);
	(void)snprintf(f->base, sizeof(f->base), "%s/vsock", f->dir);
	(void)snprintf(port, sizeof(port), "%s_7", f->base);
	f->listener = unix_socket(port, true);
	o.vhost_path = f->vhost;
	o.base = f->base;
	expect_ok(vhost_vsock_open(&o, &f->v, &f->err), &f->err);
	fg_init(&f->g);
	f->g.sock = unix_socket(f->vhost, false);
	settle(f);
	fg_start(&f->g);
	settle(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char port[96];

	(void)snprintf(port, sizeof(port), "%s_7", f->base);
	ss_closep(&f->listener);
	assert_int_equal(unlink(port), 0);
	fg_done(&f->g);
	vhost_vsock_free(f->v);
	assert_int_equal(rmdir(f->dir), 0); /* nothing is left behind */
	free(f);
	return 0;
}

static struct vsock_header header(enum vsock_op op)
{
	return (struct vsock_header){ .src_cid = FG_CID,
				      .dst_cid = VSOCK_HOST_CID,
				      .src_port = 1000,
				      .dst_port = 7,
				      .type = VSOCK_TYPE_STREAM,
				      .op = (uint16_t)op,
				      .buf_alloc = 65536 };
}

static void expect_packet(struct fixture *f, enum vsock_op op, struct vsock_header *ret,
			  const uint8_t **ret_data)
{
	settle(f);
	assert_true(fg_take(&f->g, ret, ret_data));
	assert_int_equal(ret->op, op);
}

static void a_guest_talks_to_a_local_program(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST), got;
	const uint8_t *data;
	char text[8];
	int fd;

	for (unsigned i = 0; i < 8; i++)
		fg_give_buffer(&f->g, FG_BUF);
	fg_packet(&f->g, &h, NULL);
	expect_packet(f, VSOCK_RESPONSE, &got, &data);
	fd = accept(f->listener, NULL, NULL);
	h.op = VSOCK_RW;
	h.len = 5;
	fg_packet(&f->g, &h, "hello");
	settle(f);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(write(fd, "answer", 6), 6);
	expect_packet(f, VSOCK_RW, &got, &data);
	assert_int_equal(got.len, 6);
	assert_memory_equal(data, "answer", 6);
	(void)close(fd);
	expect_packet(f, VSOCK_SHUTDOWN, &got, &data);
	assert_false(fg_take(&f->g, &got, &data));
}

static void a_local_program_calls_the_guest(void **state)
{
	struct fixture *f = *state;
	const int fd = unix_socket(f->base, false);
	struct vsock_header got, h;
	const uint8_t *data;
	char text[32] = { 0 };

	fg_give_buffer(&f->g, FG_BUF);
	assert_int_equal(write(fd, "CONNECT 443\n", 12), 12);
	expect_packet(f, VSOCK_REQUEST, &got, &data);
	assert_int_equal(got.dst_port, 443);
	h = header(VSOCK_RESPONSE);
	h.src_port = 443;
	h.dst_port = got.src_port;
	fg_packet(&f->g, &h, NULL);
	settle(f);
	assert_int_equal(read(fd, text, sizeof(text)), 14);
	assert_memory_equal(text, "OK ", 3);
	(void)close(fd);
}

static void packets_wait_for_a_buffer(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST), got;
	const uint8_t *data;

	fg_packet(&f->g, &h, NULL);
	settle(f);
	assert_false(fg_take(&f->g, &got, &data));
	fg_give_buffer(&f->g, FG_BUF);
	fg_kick(&f->g, FG_RX);
	expect_packet(f, VSOCK_RESPONSE, &got, &data);
}

static void a_buffer_that_was_not_needed_is_the_next_ones(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST), got;
	const uint8_t *data;
	int fd;

	fg_give_buffer(&f->g, FG_BUF);
	fg_give_buffer(&f->g, FG_BUF);
	fg_packet(&f->g, &h, NULL);
	expect_packet(f, VSOCK_RESPONSE, &got, &data); /* and a look at the socket: nothing */
	fd = accept(f->listener, NULL, NULL);
	assert_int_equal(write(fd, "x", 1), 1);
	expect_packet(f, VSOCK_RW, &got, &data);
	(void)close(fd);
}

static void a_full_ring_is_worked_off(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_RW), got;
	const uint8_t *data;
	unsigned n = 0;

	for (unsigned i = 0; i < FG_QUEUE_SIZE; i++)
		fg_give_buffer(&f->g, 64);
	for (unsigned i = 0; i < FG_QUEUE_SIZE; i++)
		fg_packet(&f->g, &h, NULL); /* of no stream: each is refused */
	settle(f);
	while (fg_take(&f->g, &got, &data))
		n++;
	assert_int_equal(n, FG_QUEUE_SIZE);
	assert_int_equal(fg_get(&f->g, 0x18000 + 2, 2), FG_QUEUE_SIZE);
}

static void when_qemu_goes_the_next_one_may_come(void **state)
{
	struct fixture *f = *state;
	bool ended = false;

	ss_closep(&f->g.sock);
	expect_ok(vhost_vsock_step(f->v, &ended, &f->err), &f->err);
	assert_true(ended);
	memset(f->g.mem, 0, FG_SIZE);
	f->g.offered[FG_RX] = f->g.offered[FG_TX] = f->g.taken[FG_RX] = 0;
	f->g.sock = unix_socket(f->vhost, false);
	settle(f);
	fg_start(&f->g);
	a_guest_talks_to_a_local_program(state);
}

static void a_second_qemu_is_sent_away(void **state)
{
	struct fixture *f = *state;
	const int fd = unix_socket(f->vhost, false);
	char c;

	settle(f);
	assert_int_equal(read(fd, &c, 1), 0);
	(void)close(fd);
	a_guest_talks_to_a_local_program(state);
}

static void a_packet_shorter_than_its_header_is_the_end(void **state)
{
	struct fixture *f = *state;

	fg_desc(&f->g, FG_TX, 0, FG_GPA, VSOCK_HEADER_SIZE - 1, 0, 0);
	fg_offer(&f->g, FG_TX, 0);
	fg_kick(&f->g, FG_TX);
	settle_fails(f, SS_EINPUT, "the guest sent a packet of 43 bytes");
}

static void a_packet_that_claims_more_than_it_has_is_the_end(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_RW);

	h.len = 10;
	vsock_header_write(&h, f->g.mem + fg_buf(FG_TX, 0));
	fg_desc(&f->g, FG_TX, 0, FG_GPA + fg_buf(FG_TX, 0), VSOCK_HEADER_SIZE + 9, 0, 0);
	fg_offer(&f->g, FG_TX, 0);
	fg_kick(&f->g, FG_TX);
	settle_fails(f, SS_EINPUT, "the guest sent a packet of 53 bytes that says it has 10");
}

static void a_packet_over_64_kib_is_the_end(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_RW);

	h.len = VSOCK_MAX_DATA + 1;
	vsock_header_write(&h, f->g.mem);
	fg_desc(&f->g, FG_TX, 0, FG_GPA, FG_SIZE, 0, 0);
	fg_offer(&f->g, FG_TX, 0);
	fg_kick(&f->g, FG_TX);
	settle_fails(f, SS_EINPUT,
		     "the guest sent a packet of 262144 bytes that says it has 65537");
}

static void a_buffer_that_holds_no_packet_is_the_end(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST);

	fg_give_buffer(&f->g, VSOCK_HEADER_SIZE);
	fg_packet(&f->g, &h, NULL);
	settle_fails(f, SS_EINPUT, "queue to the guest: a buffer that cannot hold a packet");
}

static void a_buffer_that_is_not_writable_is_the_end(void **state)
{
	struct fixture *f = *state;
	struct vsock_header h = header(VSOCK_REQUEST);

	fg_desc(&f->g, FG_RX, 0, FG_GPA, FG_BUF, 0, 0);
	fg_offer(&f->g, FG_RX, 0);
	fg_packet(&f->g, &h, NULL);
	settle_fails(f, SS_EINPUT, "queue to the guest: a buffer that cannot hold a packet");
}

static void a_ring_of_garbage_is_the_end(void **state)
{
	struct fixture *f = *state;

	memset(f->g.mem, 0xff, FG_SIZE);
	fg_kick(&f->g, FG_TX);
	settle_fails(f, SS_EINPUT, "queue from the guest: 65535 chains wait in a ring of 16");
}

static void sockets_that_cannot_be_are_refused(void **state)
{
	struct fixture *f = *state;
	char longer[200], msg[300];
	struct vhost_vsock_opts o = { .vhost_path = f->vhost, .base = f->base, .guest_cid = 16 };
	struct vhost_vsock *v = NULL;
	struct stat st;

	(void)snprintf(msg, sizeof(msg), "cannot listen at '%s': Address already in use", f->vhost);
	expect_fails(vhost_vsock_open(&o, &v, &f->err), &f->err, SS_ESYS, msg);
	assert_int_equal(stat(f->vhost, &st), 0); /* the other's socket is still there */
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	o.vhost_path = longer;
	(void)snprintf(msg, sizeof(msg), "'%s' is too long for a socket's name", longer);
	expect_fails(vhost_vsock_open(&o, &v, &f->err), &f->err, SS_ELIMIT, msg);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(a_guest_talks_to_a_local_program),
		ROW(a_local_program_calls_the_guest),
		ROW(packets_wait_for_a_buffer),
		ROW(a_buffer_that_was_not_needed_is_the_next_ones),
		ROW(a_full_ring_is_worked_off),
		ROW(when_qemu_goes_the_next_one_may_come),
		ROW(a_second_qemu_is_sent_away),
		ROW(a_packet_shorter_than_its_header_is_the_end),
		ROW(a_packet_that_claims_more_than_it_has_is_the_end),
		ROW(a_packet_over_64_kib_is_the_end),
		ROW(a_buffer_that_holds_no_packet_is_the_end),
		ROW(a_buffer_that_is_not_writable_is_the_end),
		ROW(a_ring_of_garbage_is_the_end),
		ROW(sockets_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests_name("vhost_vsock", tests, NULL, NULL);
}
