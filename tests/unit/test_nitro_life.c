/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "launch/nitro_heart.h"
#include "nitro_run.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- its end -----------------------------------------------------------------------------------
 */

static void the_end_of_an_enclave_is_seen(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);
	struct machine_end e = { .why = "?" };

	assert_false(is_readable(m->ops->end_fd(m), 0));
	nitro_model_end(&f->m.enclaves[0]);
	assert_true(is_readable(m->ops->end_fd(m), 1000));
	m->ops->end(m, &e);
	assert_true(e.in_order);
	assert_false(e.by_us);
	assert_string_equal(e.why, "");
	m->ops->free(m);
}

static void stopping_ends_it_at_once_and_twice_is_no_harm(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);
	struct machine_end e;

	m->ops->stop(m);
	assert_true(nitro_model_is_closed(&f->m.enclaves[0]));
	assert_true(is_readable(m->ops->end_fd(m), 1000));
	m->ops->stop(m);
	m->ops->end(m, &e);
	assert_true(e.by_us);
	assert_false(e.in_order);
	m->ops->free(m);
	assert_int_equal(nitro_model_maps(&f->m), 0);
}

/* --- vsock -------------------------------------------------------------------------------------
 */

static void beat(int fd, bool answered)
{
	const uint8_t byte = NITRO_HEART_BYTE;
	uint8_t got = 0;

	assert_true(fd >= 0);
	(void)!send(fd, &byte, 1, MSG_NOSIGNAL);
	assert_int_equal(recv(fd, &got, 1, 0) == 1, answered);
	if (answered)
		assert_int_equal(got, NITRO_HEART_BYTE);
	(void)close(fd);
}

static void take_beat(struct machine *m)
{
	struct ss_err err = { 0 };
	uint32_t port = 9000;
	const int fd = m->ops->listen(m, &port, &err);
	int at;
	uint8_t byte = 0;

	assert_true(fd >= 0);
	assert_int_equal(port, 9000);
	assert_true(is_readable(fd, 1000));
	at = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(at >= 0);
	assert_true(m->ops->is_ours(m, at));
	assert_true(is_readable(at, 5000));
	assert_int_equal(recv(at, &byte, 1, 0), 1);
	assert_int_equal(byte, NITRO_HEART_BYTE);
	assert_int_equal(send(at, &byte, 1, MSG_NOSIGNAL), 1); /* somebody is still there */
	(void)close(at);
	(void)close(fd);
	assert_int_equal(m->ops->listen(m, &port, &err), -1);
	assert_string_equal(err.msg, "port 9000 is taken");
}

static void a_heartbeat_is_answered_and_the_port_let_go(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);

	beat(nitro_model_call(99, 9000), false); /* a stranger */
	beat(nitro_model_call(MODEL_FIRST_CID, 9000), true);
	take_beat(m);
	for (int i = 0; i < 1000; i++) {
		const int fd = nitro_model_call(MODEL_FIRST_CID, 9000);

		if (fd < 0)
			break; /* nobody has it */
		(void)close(fd);
		assert_true(i < 999);
		(void)poll(NULL, 0, 1);
	}
	m->ops->free(m);
}

static void first_beats(struct nitro_model *m)
{
	if (m->pauses == 3)
		beat(nitro_model_call(MODEL_FIRST_CID, 9000), true);
}

static void two_that_start_at_once_take_turns(void **state)
{
	struct fixture *f = *state;
	struct machine *first = must_start(f, 64), *second;

	f->m.on_pause = first_beats;
	second = must_start(f, 64);
	assert_true(f->m.pauses >= 3);
	assert_int_equal(second->cid, MODEL_FIRST_CID + 1);
	beat(nitro_model_call(MODEL_FIRST_CID + 1, 9000), true);
	take_beat(first);
	take_beat(second);
	first->ops->free(first);
	second->ops->free(second);
}

static void a_fifth_enclave_is_refused_with_a_hint(void **state)
{
	struct fixture *f = *state;
	struct machine *m[MODEL_ENCLAVES + 1] = { NULL };
	const struct machine_spec s = spec(64, 2);
	struct ss_err err = { 0 };

	f->m.cpus = 16;
	for (unsigned c = 1; c < 16; c++)
		f->m.pool[c] = c != 8; /* CPU 0's sibling */
	for (uint32_t i = 0; i < MODEL_ENCLAVES; i++) {
		m[i] = must_start(f, 64);
		beat(nitro_model_call(MODEL_FIRST_CID + i, 9000), true);
	}
	expect_fails(start(f, &s, &m[MODEL_ENCLAVES], &err), &err, SS_ESYS,
		     "cannot make the enclave: No space left on device");
	assert_string_equal(err.hint, "an instance holds at most 4 enclaves: selfsame list, "
				      "nitro-cli describe-enclaves");
	for (size_t i = 0; i < MODEL_ENCLAVES; i++)
		m[i]->ops->free(m[i]);
}

static void one_that_never_calls_gives_the_port_back_at_its_end(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);
	struct nitro_heart h;
	struct ss_err err = { 0 };

	expect_fails(nitro_heart_open(&f->m.sys, 1000, &h, &err), &err, SS_ESYS,
		     "vsock port 9000, which enclaves call when they boot, has been taken for 1 s");
	m->ops->free(m);
	expect_ok(nitro_heart_open(&f->m.sys, 0, &h, &err), &err);
	nitro_heart_done(&h);
}

static void calls_go_both_ways_and_strangers_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct machine *m = must_start(f, 64);
	AUTO_CLOSE int guest = nitro_model_listen(MODEL_FIRST_CID, 443);
	struct ss_err err = { 0 };
	uint32_t port = 0;
	AUTO_CLOSE int fd = m->ops->dial(m, 443, &err);
	AUTO_CLOSE int at = m->ops->listen(m, &port, &err);

	assert_true(fd >= 0);
	assert_true(is_readable(guest, 1000));
	assert_true(at >= 0 && port >= 1024);
	for (uint32_t cid = MODEL_FIRST_CID; cid < MODEL_FIRST_CID + 2; cid++) {
		AUTO_CLOSE int caller = nitro_model_call(cid, port);
		AUTO_CLOSE int got = accept4(at, NULL, NULL, SOCK_CLOEXEC);

		assert_true(caller >= 0 && got >= 0);
		assert_int_equal(m->ops->is_ours(m, got), cid == MODEL_FIRST_CID);
	}
	assert_int_equal(m->ops->dial(m, 444, &err), -1);
	assert_string_equal(err.msg, "cannot call port 444 of CID 16: Connection refused");
	m->ops->free(m);
}

static void debug_mode_has_a_console(void **state)
{
	struct fixture *f = *state;
	AUTO_CLOSE int hypervisor = nitro_model_listen(0, 10000 + MODEL_FIRST_CID);
	struct machine_spec s = spec(64, 2);
	struct machine *m = NULL;
	struct ss_err err = { 0 };
	AUTO_CLOSE int at = -1;
	char text[3] = "";

	s.debug = true;
	expect_ok(start(f, &s, &m, &err), &err);
	assert_true(f->m.enclaves[0].debug);
	assert_string_equal(m->notice, "debug mode: its console can be read, and PCR0 to PCR2 in "
				       "its documents are zero");
	at = accept4(hypervisor, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(write(at, "hi", 2), 2);
	assert_true(is_readable(m->ops->console(m), 1000));
	assert_int_equal(read(m->ops->console(m), text, 2), 2);
	assert_string_equal(text, "hi");
	m->ops->free(m);
}

static void a_console_that_cannot_be_reached_is_said(void **state)
{
	struct fixture *f = *state;
	struct machine_spec s = spec(64, 2);
	struct machine *m = NULL;
	struct ss_err err = { 0 };

	s.debug = true;
	expect_ok(start(f, &s, &m, &err), &err);
	assert_int_equal(m->ops->console(m), -1);
	assert_string_equal(m->notice, "debug mode: PCR0 to PCR2 in its documents are zero; its "
				       "console cannot be reached");
	m->ops->free(m);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, nitro_run_setup, nitro_run_teardown)
	const struct CMUnitTest tests[] = {
		T(the_end_of_an_enclave_is_seen),
		T(stopping_ends_it_at_once_and_twice_is_no_harm),
		T(a_heartbeat_is_answered_and_the_port_let_go),
		T(two_that_start_at_once_take_turns),
		T(a_fifth_enclave_is_refused_with_a_hint),
		T(one_that_never_calls_gives_the_port_back_at_its_end),
		T(calls_go_both_ways_and_strangers_are_told_apart),
		T(debug_mode_has_a_console),
		T(a_console_that_cannot_be_reached_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
