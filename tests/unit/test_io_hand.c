/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "io/hand.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder whose name is longer than a socket's may be. */
static char dir[512];

struct side {
	int listen_fd;
	const char *reason;
	const char *answer; /* instead of that: a word */
	char hint[IO_HAND_HINT_MAX];
	struct io_hand_word word;
	struct ss_err err;
	int rc;
};

/* Hears one word and answers it. */
static void *serve(void *ctx)
{
	struct side *s = ctx;
	const int fd = accept(s->listen_fd, NULL, NULL);

	s->rc = io_hand_hear(fd, &s->word, &s->err);
	if (s->answer != NULL)
		(void)io_hand_hint(fd, s->answer);
	else
		(void)io_hand_answer(fd, s->reason);
	(void)close(fd);
	return NULL;
}

static int say(struct side *s, const int doors[IO_DOORS], const char *text, struct ss_err *err)
{
	pthread_t t;
	int rc;

	assert_int_equal(pthread_create(&t, NULL, serve, s), 0);
	rc = io_hand_say(dir, doors, text, s->hint, err);
	assert_int_equal(pthread_join(t, NULL), 0);
	return rc;
}

static int begin(void **state)
{
	static struct side s;
	struct ss_err err = { 0 };
	size_t n;

	(void)snprintf(dir, sizeof(dir), "/tmp/selfsame-hand-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	for (n = strlen(dir); n < 300; n += 100) {
		(void)snprintf(dir + n, sizeof(dir) - n, "/%099d", 0);
		if (mkdir(dir, 0700) < 0)
			return -1;
	}
	s = (struct side){ 0 };
	expect_ok(io_hand_listen(dir, &s.listen_fd, &err), &err);
	*state = &s;
	return 0;
}

static int end(void **state)
{
	struct side *s = *state;
	char path[600];

	(void)close(s->listen_fd);
	(void)snprintf(path, sizeof(path), "%s/" IO_HAND_SOCKET, dir);
	(void)unlink(path);
	for (char *slash = strrchr(dir, '/'); strcmp(dir, "/tmp") != 0; slash = strrchr(dir, '/')) {
		(void)rmdir(dir);
		*slash = '\0';
	}
	return 0;
}

static void doors_arrive_in_their_places(void **state)
{
	struct side *s = *state;
	int pipe_fds[2], doors[IO_DOORS];
	struct ss_err err = { 0 };
	char byte = 0;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	for (size_t i = 0; i < IO_DOORS; i++)
		doors[i] = -1;
	doors[IO_DOOR_PROXY] = pipe_fds[0];
	doors[IO_DOOR_LINK] = pipe_fds[1];
	expect_ok(say(s, doors, "apt-get update", &err), &err);
	expect_ok(s->rc, &s->err);
	assert_string_equal(s->word.text, "apt-get update");
	assert_int_equal(s->word.doors[IO_DOOR_LED], -1);
	assert_int_equal(s->word.doors[IO_DOOR_NAMES], -1);
	assert_int_equal(s->word.doors[IO_DOOR_DATAGRAMS], -1);
	/* The same pipe, by other descriptors that an exec closes. */
	assert_int_equal(write(s->word.doors[IO_DOOR_LINK], "x", 1), 1);
	assert_int_equal(read(doors[IO_DOOR_PROXY], &byte, 1), 1);
	assert_int_not_equal(s->word.doors[IO_DOOR_LINK], doors[IO_DOOR_LINK]);
	assert_int_equal(fcntl(s->word.doors[IO_DOOR_PROXY], F_GETFD), FD_CLOEXEC);
	io_doors_done(s->word.doors);
	io_doors_done(doors);
}

static void an_end_has_neither_doors_nor_words(void **state)
{
	struct side *s = *state;
	int doors[IO_DOORS];
	struct ss_err err = { 0 };

	for (size_t i = 0; i < IO_DOORS; i++)
		doors[i] = -1;
	expect_ok(say(s, doors, "", &err), &err);
	expect_ok(s->rc, &s->err);
	assert_string_equal(s->word.text, "");
	for (size_t i = 0; i < IO_DOORS; i++)
		assert_int_equal(s->word.doors[i], -1);
}

static void words_without_end_are_cut(void **state)
{
	static char text[5000];
	struct side *s = *state;
	int doors[IO_DOORS];
	struct ss_err err = { 0 };

	memset(text, 'a', sizeof(text) - 1);
	for (size_t i = 0; i < IO_DOORS; i++)
		doors[i] = -1;
	expect_ok(say(s, doors, text, &err), &err);
	expect_ok(s->rc, &s->err);
	assert_int_equal(strlen(s->word.text), IO_HAND_TEXT_MAX - 1);
}

static void a_reason_is_told(void **state)
{
	struct side *s = *state;
	int doors[IO_DOORS];
	struct ss_err err = { 0 };

	for (size_t i = 0; i < IO_DOORS; i++)
		doors[i] = -1;
	s->reason = "too many";
	expect_fails(say(s, doors, "x", &err), &err, SS_ESYS, "the step's network: too many");
}

static void who_lets_it_go_on_may_have_a_word_for_it(void **state)
{
	static const struct {
		const char *said, *heard;
	} cases[] = { { "light", "light" },
		      { "", "" },
		      { "fourteen bytes", "fourteen bytes" },
		      { "fourteen bytes and more", "fourteen bytes" } };
	struct side *s = *state;
	int doors[IO_DOORS];

	for (size_t i = 0; i < IO_DOORS; i++)
		doors[i] = -1;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct ss_err err = { 0 };

		s->answer = cases[i].said;
		memset(s->hint, 'x', sizeof(s->hint));
		expect_ok(say(s, doors, "x", &err), &err);
		assert_string_equal(s->hint, cases[i].heard);
	}
	s->answer = NULL;
	memset(s->hint, 'x', sizeof(s->hint));
	{
		struct ss_err err = { 0 };

		expect_ok(say(s, doors, "x", &err), &err);
		assert_string_equal(s->hint, "");
	}
}

/* Bytes of somebody else: a mask for doors that did not come, and one for doors that are none. */
static void what_is_no_word_is_refused(void **state)
{
	static const unsigned char masks[] = { 0x01, 0x1f, 0x20, 0xff };
	struct io_hand_word w;
	int pair[2];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(masks); i++) {
		struct ss_err err = { 0 };

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
		assert_int_equal(send(pair[0], &masks[i], 1, 0), 1);
		expect_fails(io_hand_hear(pair[1], &w, &err), &err, SS_EINPUT,
			     "not a step's network");
		(void)close(pair[0]);
		(void)close(pair[1]);
	}
}

static void who_says_nothing_is_refused(void **state)
{
	struct io_hand_word w;
	struct ss_err err = { 0 };
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	(void)close(pair[0]);
	expect_fails(io_hand_hear(pair[1], &w, &err), &err, SS_EINPUT, "not a step's network");
	(void)close(pair[1]);
}

static void nobody_there_is_an_error(void **state)
{
	struct side *s = *state;
	int doors[IO_DOORS];
	struct ss_err err = { 0 };

	for (size_t i = 0; i < IO_DOORS; i++)
		doors[i] = -1;
	(void)close(s->listen_fd);
	expect_fails(io_hand_say(dir, doors, "x", s->hint, &err), &err, SS_ESYS,
		     "nobody serves the step's network: Connection refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(doors_arrive_in_their_places, begin, end),
		cmocka_unit_test_setup_teardown(an_end_has_neither_doors_nor_words, begin, end),
		cmocka_unit_test_setup_teardown(words_without_end_are_cut, begin, end),
		cmocka_unit_test_setup_teardown(a_reason_is_told, begin, end),
		cmocka_unit_test_setup_teardown(who_lets_it_go_on_may_have_a_word_for_it, begin,
						end),
		cmocka_unit_test(what_is_no_word_is_refused),
		cmocka_unit_test(who_says_nothing_is_refused),
		cmocka_unit_test_setup_teardown(nobody_there_is_an_error, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
