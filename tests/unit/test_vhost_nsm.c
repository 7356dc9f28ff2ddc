/* SPDX-License-Identifier: Apache-2.0 */
/* The device as QEMU and a guest see it: a request in one chain, room for its answer in the next.
 */
#include "expect.h"
#include "fake_guest.h"
#include "io/clock.h"
#include "launch/vhost_nsm.h"

#include <poll.h>

#define Q 0u /* the one queue */

struct fixture {
	struct fake_guest g;
	struct nsm_root *root;
	struct nsm_machine *m;
	struct vhost_nsm *v;
	char dir[64], socket[80];
	struct ss_err err;
};

static void settle(struct fixture *f)
{
	struct pollfd p = { .fd = vhost_nsm_fd(f->v), .events = POLLIN };
	bool ended;

	while (poll(&p, 1, 0) > 0)
		expect_ok(vhost_nsm_step(f->v, &ended, &f->err), &f->err);
}

static void settle_fails(struct fixture *f, enum ss_code code, const char *msg)
{
	bool ended;

	while (vhost_nsm_step(f->v, &ended, &f->err) == 0)
		assert_int_not_equal(poll(&(struct pollfd){ vhost_nsm_fd(f->v), POLLIN, 0 }, 1, 0),
				     0);
	expect_fails(-1, &f->err, code, msg);
}

static void connect_qemu(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const uint64_t features = UINT64_C(1) << 32 | UINT64_C(1) << 30;

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->socket);
	f->g.sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(f->g.sock, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	settle(f);
	fg_send(f->g.sock, 3, NULL, 0, NULL, 0);
	fg_send(f->g.sock, 2, &features, sizeof(features), NULL, 0);
	fg_mem_table(&f->g, FG_SIZE);
	fg_ring(&f->g, Q);
	settle(f);
}

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));
	struct nsm_machine_opts o = { .module_id = "i-0123-enc0456" };
	char root[80];

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test-vhost-nsm.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->socket, sizeof(f->socket), "%s/nsm", f->dir);
	(void)snprintf(root, sizeof(root), "%s/root", f->dir);
	expect_ok(nsm_root_open(root, io_clock_now(), &f->root, &f->err), &f->err);
	o.root = f->root;
	expect_ok(nsm_machine_new(&o, io_clock_now(), &f->m, &f->err), &f->err);
	expect_ok(vhost_nsm_open(f->socket, f->m, &f->v, &f->err), &f->err);
	fg_init(&f->g);
	connect_qemu(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[160];

	fg_done(&f->g);
	vhost_nsm_free(f->v);
	nsm_machine_free(f->m);
	nsm_root_free(f->root);
	(void)snprintf(path, sizeof(path), "%s/root/" NSM_ROOT_KEY, f->dir);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path), "%s/root/" NSM_ROOT_CERT, f->dir);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path), "%s/root", f->dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(f->dir), 0); /* the socket is gone */
	free(f);
	return 0;
}

/* Offers buffer i, holding `bytes` for a request, or empty for an answer. */
static void offer(struct fixture *f, unsigned i, struct ss_span bytes, uint32_t len, unsigned flags)
{
	if (bytes.n > 0)
		memcpy(f->g.mem + fg_buf(Q, i), bytes.p, bytes.n);
	fg_desc(&f->g, Q, i, FG_GPA + fg_buf(Q, i), len, flags, 0);
	fg_offer(&f->g, Q, i);
}

/* One call; what was written into the room for its answer. */
static struct ss_span call(struct fixture *f, struct ss_span request, uint32_t room)
{
	const size_t used = 0x8000 + 4 + 8 * (size_t)(f->g.taken[Q] % FG_QUEUE_SIZE);

	offer(f, 0, request, (uint32_t)request.n, 0);
	offer(f, 1, (struct ss_span){ NULL, 0 }, room, FG_WRITE);
	fg_kick(&f->g, Q);
	settle(f);
	f->g.taken[Q] = (uint16_t)(f->g.taken[Q] + 2);
	assert_int_equal(fg_get(&f->g, 0x8000 + 2, 2), f->g.taken[Q]);
	assert_int_equal(fg_get(&f->g, used, 4), 0);
	assert_int_equal(fg_get(&f->g, used + 4, 4), 0);
	assert_int_equal(fg_get(&f->g, used + 8, 4), 1);
	return (struct ss_span){ f->g.mem + fg_buf(Q, 1), fg_get(&f->g, used + 12, 4) };
}

static struct ss_span get_random(void)
{
	return (struct ss_span){ (const uint8_t *)"\x69GetRandom", 10 };
}

static void a_call_is_answered_in_the_second_buffer(void **state)
{
	struct fixture *f = *state;
	struct ss_span s;

	for (unsigned i = 0; i < 20; i++) {
		expect_ok(nsm_read_get_random(call(f, get_random(), FG_BUF), &s, &f->err), &f->err);
		assert_int_equal(s.n, NSM_MAX_RANDOM);
	}
}

static void a_document_comes_through_whole(void **state)
{
	struct fixture *f = *state;
	uint8_t room[256];
	struct ss_buf b = SS_BUF_OVER(room);
	struct ss_span doc;

	nsm_put_attestation(&b, &(struct nsm_attestation){ .nonce = get_random() });
	/* It lies across several of the guest's buffers, which are neighbours. */
	expect_ok(nsm_read_attestation(call(f, ss_buf_span(&b), NSM_MAX_RESPONSE), &doc, &f->err),
		  &f->err);
	assert_true(doc.n > 3000 && doc.p[0] == 0x84);
}

static void a_request_waits_for_its_second_buffer(void **state)
{
	struct fixture *f = *state;

	offer(f, 0, get_random(), 10, 0);
	fg_kick(&f->g, Q);
	settle(f);
	assert_int_equal(fg_get(&f->g, 0x8000 + 2, 2), 0);
	offer(f, 1, (struct ss_span){ NULL, 0 }, FG_BUF, FG_WRITE);
	fg_kick(&f->g, Q);
	settle(f);
	assert_int_equal(fg_get(&f->g, 0x8000 + 2, 2), 2);
}

static void more_calls_than_one_step_takes_are_all_answered(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < FG_QUEUE_SIZE; i += 2) {
		offer(f, i, get_random(), 10, 0);
		offer(f, i + 1, (struct ss_span){ NULL, 0 }, FG_BUF, FG_WRITE);
	}
	fg_kick(&f->g, Q);
	settle(f);
	assert_int_equal(fg_get(&f->g, 0x8000 + 2, 2), FG_QUEUE_SIZE);
}

static void odd_sizes_are_answered_or_left_empty(void **state)
{
	struct fixture *f = *state;
	struct ss_span s;

	expect_fails(nsm_read_get_random(call(f, get_random(), 64), &s, &f->err), &f->err,
		     SS_EREMOTE, "the NSM refuses: BufferTooSmall");
	assert_int_equal(call(f, get_random(), 8).n, 0);
	/* Longer than a request can be: the buffers behind it are read no further. */
	s = (struct ss_span){ f->g.mem + fg_buf(Q, 2), NSM_MAX_REQUEST + 1 };
	fg_desc(&f->g, Q, 2, FG_GPA + fg_buf(Q, 2), NSM_MAX_REQUEST + 1, 0, 0);
	fg_offer(&f->g, Q, 2);
	offer(f, 1, (struct ss_span){ NULL, 0 }, FG_BUF, FG_WRITE);
	fg_kick(&f->g, Q);
	settle(f);
	s = (struct ss_span){ f->g.mem + fg_buf(Q, 1), 21 };
	expect_fails(nsm_read_get_random(s, &s, &f->err), &f->err, SS_EREMOTE,
		     "the NSM refuses: InputTooLarge");
}

static void buffers_in_the_wrong_order_end_the_device(void **state)
{
	struct fixture *f = *state;

	offer(f, 0, (struct ss_span){ NULL, 0 }, FG_BUF, FG_WRITE);
	fg_kick(&f->g, Q);
	settle_fails(f, SS_EINPUT, "queue of the NSM: a request that is a buffer to write to");
}

static void two_requests_in_a_row_end_the_device(void **state)
{
	struct fixture *f = *state;

	offer(f, 0, get_random(), 10, 0);
	offer(f, 1, get_random(), 10, 0);
	fg_kick(&f->g, Q);
	settle_fails(f, SS_EINPUT,
		     "queue of the NSM: a buffer for an answer that cannot be written to");
}

static void a_guest_that_comes_again_finds_its_registers_locked(void **state)
{
	struct fixture *f = *state;
	uint8_t room[64];
	struct ss_buf b = SS_BUF_OVER(room);
	struct nsm_pcr p;

	nsm_put_lock_pcr(&b, 16);
	expect_ok(nsm_read_lock_pcr(call(f, ss_buf_span(&b), FG_BUF), &f->err), &f->err);
	ss_closep(&f->g.sock);
	settle(f);
	fg_done(&f->g);
	fg_init(&f->g);
	connect_qemu(f);
	b.n = 0;
	nsm_put_describe_pcr(&b, 16);
	expect_ok(nsm_read_describe_pcr(call(f, ss_buf_span(&b), FG_BUF), &p, &f->err), &f->err);
	assert_true(p.locked);
}

static void a_socket_that_cannot_be_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct vhost_nsm *v = NULL;
	char msg[160];

	(void)snprintf(msg, sizeof(msg), "cannot listen at '%s': Address already in use",
		       f->socket);
	expect_fails(vhost_nsm_open(f->socket, f->m, &v, &f->err), &f->err, SS_ESYS, msg);
	assert_null(v);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_call_is_answered_in_the_second_buffer),
		T(a_document_comes_through_whole),
		T(a_request_waits_for_its_second_buffer),
		T(more_calls_than_one_step_takes_are_all_answered),
		T(odd_sizes_are_answered_or_left_empty),
		T(buffers_in_the_wrong_order_end_the_device),
		T(two_requests_in_a_row_end_the_device),
		T(a_guest_that_comes_again_finds_its_registers_locked),
		T(a_socket_that_cannot_be_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
