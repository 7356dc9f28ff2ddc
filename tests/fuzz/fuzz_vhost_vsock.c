/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does as the input says to a live vsock device: packets, buffers, descriptors, plain
 * garbage in its memory, while local programs call, write, read and hang up.
 * Holds: no memory fault; an error has a text; a device that went on still answers a call.
 */
#include "../unit/fake_guest.h"
#include "launch/vhost_vsock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define MAX_LOCAL 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	bool ready;
	struct fake_guest g;
	struct vhost_vsock *v;
	char dir[64], vhost[80], base[80], port[96];
	int listener;
	int local[MAX_LOCAL];
	size_t n_local;
} f;

static int unix_socket(const char *path, bool listening)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (listening) {
		assert(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0);
		assert(listen(fd, 64) == 0);
	} else if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		abort();
	}
	return fd;
}

/* False when the device gave up. */
static bool step(void)
{
	struct ss_err err = { 0 };
	bool ended;

	for (unsigned i = 0; i < 8; i++) {
		struct pollfd p = { .fd = vhost_vsock_fd(f.v), .events = POLLIN };

		if (poll(&p, 1, 0) == 0)
			return true;
		if (vhost_vsock_step(f.v, &ended, &err) < 0) {
			assert(err.msg[0] != '\0' && err.code != SS_OK);
			return false;
		}
	}
	return true;
}

static void settle(void)
{
	struct pollfd p = { .fd = vhost_vsock_fd(f.v), .events = POLLIN };

	while (poll(&p, 1, 0) > 0)
		assert(step());
}

static void start_guest(void)
{
	memset(f.g.mem, 0, FG_SIZE);
	memset(f.g.offered, 0, sizeof(f.g.offered));
	memset(f.g.taken, 0, sizeof(f.g.taken));
	fg_ring(&f.g, FG_RX);
	fg_ring(&f.g, FG_TX);
	settle();
}

static void stop_guest(void)
{
	char sink[256];

	for (uint32_t q = 0; q < 2; q++) {
		const uint32_t which[2] = { q, 0 };

		fg_send(f.g.sock, 11, which, sizeof(which), NULL, 0);
	}
	settle();
	while (recv(f.g.sock, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		continue;
}

static void open_device(void)
{
	const struct vhost_vsock_opts o = {
		.vhost_path = f.vhost, .base = f.base, .guest_cid = FG_CID, .max_conns = 8
	};
	struct ss_err err = { 0 };

	assert(vhost_vsock_open(&o, &f.v, &err) == 0);
	f.g.sock = unix_socket(f.vhost, false);
	memset(f.g.mem, 0, FG_SIZE);
	fg_start(&f.g);
	settle();
	stop_guest();
}

static void close_device(void)
{
	vhost_vsock_free(f.v);
	f.v = NULL;
	ss_closep(&f.g.sock);
}

static void clean_up(void)
{
	close_device();
	(void)close(f.listener);
	(void)unlink(f.port);
	(void)rmdir(f.dir);
}

static void prepare(void)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(f.dir, sizeof(f.dir), "%.30s/fuzz-vhost-vsock.XXXXXX",
		       tmp != NULL ? tmp : "/tmp");
	assert(mkdtemp(f.dir) != NULL);
	(void)snprintf(f.vhost, sizeof(f.vhost), "%s/vhost", f.dir);
	(void)snprintf(f.base, sizeof(f.base), "%s/vsock", f.dir);
	(void)snprintf(f.port, sizeof(f.port), "%s_7", f.base);
	f.listener = unix_socket(f.port, true);
	fg_init(&f.g);
	open_device();
	assert(atexit(clean_up) == 0);
	f.ready = true;
}

static void hang_up(void)
{
	int fd;

	while (f.n_local > 0)
		(void)close(f.local[--f.n_local]);
	while ((fd = accept4(f.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		(void)close(fd);
}

struct input {
	const uint8_t *p;
	size_t n;
};

static uint64_t number(struct input *in, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n && in->n > 0; i++, in->p++, in->n--)
		v = v << 8 | *in->p;
	return v;
}

static void send_packet(struct input *in)
{
	static const uint8_t zeros[FG_BUF];
	const struct vsock_header h = {
		.op = (uint16_t)number(in, 1),
		.flags = (uint32_t)number(in, 1) & 3,
		.src_port = (uint32_t)number(in, 1) & 3,
		.dst_port = (number(in, 1) & 7) == 0 ? 8 : 7,
		.len = (uint32_t)number(in, 2) & (FG_BUF - 1),
		.buf_alloc = (uint32_t)number(in, 2),
		.fwd_cnt = (uint32_t)number(in, 1),
		.src_cid = FG_CID,
		.dst_cid = VSOCK_HOST_CID,
		.type = VSOCK_TYPE_STREAM,
	};

	fg_packet(&f.g, &h, zeros);
}

static void write_desc(struct input *in)
{
	const size_t q = number(in, 1) & 1;
	const size_t i = number(in, 1) & (FG_QUEUE_SIZE - 1);
	const uint64_t gpa = FG_GPA + number(in, 3);
	const uint32_t len = (uint32_t)number(in, 3);
	const unsigned flags = (unsigned)number(in, 1) & 7;
	const unsigned next = (unsigned)number(in, 1) & 31;

	fg_desc(&f.g, q, i, gpa, len, flags, next);
	fg_offer(&f.g, q, (unsigned)i);
	fg_kick(&f.g, q);
}

static void poke(struct input *in)
{
	const size_t at = number(in, 3) % FG_SIZE;
	size_t n = number(in, 1);

	n = n < in->n ? n : in->n;
	n = n < FG_SIZE - at ? n : FG_SIZE - at;
	memcpy(f.g.mem + at, in->p, n);
	in->p += n;
	in->n -= n;
	fg_kick(&f.g, FG_TX);
}

/* What local programs do. */
static void act_locally(struct input *in)
{
	static char block[65536];
	const uint64_t what = number(in, 1);
	const size_t n = (size_t)(what & 3) * 20000 + (size_t)(what & 15);
	int fd;

	if (f.n_local < MAX_LOCAL && (fd = accept4(f.listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		f.local[f.n_local++] = fd;
	if (f.n_local == 0)
		return;
	fd = f.local[f.n_local - 1];
	if ((what & 16) != 0 && send(fd, block, n, MSG_NOSIGNAL) < 0 && errno == EPIPE)
		(void)close(f.local[--f.n_local]);
	else if ((what & 32) != 0)
		(void)recv(fd, block, sizeof(block), 0);
	else if ((what & 64) != 0)
		(void)shutdown(fd, SHUT_WR);
	else if ((what & 128) != 0)
		(void)close(f.local[--f.n_local]);
}

static void call_guest(struct input *in)
{
	const size_t n = (size_t)(number(in, 1) & 31) < in->n ? (in->p[-1] & 31) : in->n;

	if (f.n_local == MAX_LOCAL)
		return;
	f.local[f.n_local] = unix_socket(f.base, false);
	(void)send(f.local[f.n_local], in->p, n, MSG_NOSIGNAL);
	f.n_local++;
	in->p += n;
	in->n -= n;
}

static bool play(struct input *in)
{
	while (in->n > 0) {
		switch (number(in, 1) % 6) {
		case 0:
			send_packet(in);
			break;
		case 1:
			fg_give_buffer(&f.g, (uint32_t)number(in, 2) & (2 * FG_BUF - 1));
			fg_kick(&f.g, FG_RX);
			break;
		case 2:
			write_desc(in);
			break;
		case 3:
			poke(in);
			break;
		case 4:
			act_locally(in);
			break;
		case 5:
			call_guest(in);
			break;
		}
		if (!step())
			return false;
	}
	return true;
}

/* A guest that starts on the device, whatever the last one did to it, finds it in order. */
static void expect_answer(void)
{
	const struct vsock_header h = { .src_cid = FG_CID,
					.dst_cid = VSOCK_HOST_CID,
					.src_port = 99,
					.dst_port = 7,
					.type = VSOCK_TYPE_STREAM,
					.op = VSOCK_REQUEST };
	struct vsock_header got = { 0 };
	const uint8_t *data;

	fg_give_buffer(&f.g, FG_BUF);
	fg_packet(&f.g, &h, NULL);
	settle();
	assert(fg_take(&f.g, &got, &data) && got.op == VSOCK_RESPONSE && got.dst_port == 99);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!f.ready)
		prepare();
	start_guest();
	expect_answer();
	if (play(&in)) {
		stop_guest();
	} else {
		close_device();
		open_device();
	}
	hang_up();
	return 0;
}
