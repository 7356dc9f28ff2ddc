/* SPDX-License-Identifier: Apache-2.0 */
#include "io/hand.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * A packet: a byte with a bit for each door that comes with it, then the step's words without a
 * NUL. The answer is a packet, too: a reason, or a NUL and perhaps a
 * word.
 */
#define REASON_MAX 256u

union passed {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int) * IO_DOORS)];
};

/* The socket of the folder, by a name that is short enough wherever it lies. */
static int socket_in(const char *dir, int *ret_dir, struct sockaddr_un *ret, struct ss_err *err)
{
	*ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return ss_fail_sys(err, "cannot open '%s'", dir);
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/" IO_HAND_SOCKET,
		       *ret_dir);
	return 0;
}

int io_hand_listen(const char *dir, int *ret_fd, struct ss_err *err)
{
	AUTO_CLOSE int folder = -1;
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;

	if (socket_in(dir, &folder, &a, err) < 0)
		return -1;
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 16) < 0)
		return ss_fail_sys(err, "cannot listen in '%s'", dir);
	*ret_fd = ss_take_fd(&fd);
	return 0;
}

static int send_word(int fd, const int doors[IO_DOORS], const char *text, struct ss_err *err)
{
	uint8_t mask = 0;
	union passed passed = { .room = { 0 } };
	char words[IO_HAND_TEXT_MAX];
	const size_t n = strnlen(text, sizeof(words) - 1);
	struct iovec parts[] = { { &mask, 1 }, { words, n } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	int fds[IO_DOORS];
	size_t n_fds = 0;

	memcpy(words, text, n);
	for (size_t i = 0; i < IO_DOORS; i++)
		if (doors[i] >= 0) {
			mask |= (uint8_t)(1u << i);
			fds[n_fds++] = doors[i];
		}
	if (n_fds > 0) {
		m.msg_control = passed.room;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		passed.head.cmsg_level = SOL_SOCKET;
		passed.head.cmsg_type = SCM_RIGHTS;
		passed.head.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&passed.head), fds, sizeof(int) * n_fds);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0
		       ? ss_fail_sys(err, "cannot hand the step's network over")
		       : 0;
}

int io_hand_say(const char *dir, const int doors[IO_DOORS], const char *text,
		char ret_hint[IO_HAND_HINT_MAX], struct ss_err *err)
{
	AUTO_CLOSE int folder = -1;
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char reason[REASON_MAX] = { 0 };
	struct sockaddr_un a;
	ssize_t n;

	if (socket_in(dir, &folder, &a, err) < 0)
		return -1;
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return ss_fail_sys(err, "nobody serves the step's network");
	if (send_word(fd, doors, text, err) < 0)
		return -1;
	do
		n = recv(fd, reason, sizeof(reason) - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return ss_fail_sys(err, "nobody serves the step's network");
	if (n == 0)
		return ss_fail(err, SS_ESYS, "nobody serves the step's network any more");
	if (reason[0] != '\0')
		return ss_fail(err, SS_ESYS, "the step's network: %s", reason);
	(void)snprintf(ret_hint, IO_HAND_HINT_MAX, "%.*s", (int)IO_HAND_HINT_MAX - 1, reason + 1);
	return 0;
}

/* Into the places that the mask says; all are closed again if they are not as many. */
static int sort_out(struct msghdr *m, uint8_t mask, int ret[IO_DOORS], struct ss_err *err)
{
	int fds[IO_DOORS] = { 0 };
	size_t n = 0, at = 0;
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		n = n < IO_DOORS ? n : IO_DOORS;
		memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	}
	if ((size_t)__builtin_popcount(mask) != n || mask >> IO_DOORS != 0 ||
	    (m->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0) {
		for (size_t i = 0; i < n; i++)
			(void)close(fds[i]);
		return ss_fail(err, SS_EINPUT, "not a step's network");
	}
	for (size_t i = 0; i < IO_DOORS; i++)
		ret[i] = (mask >> i & 1) != 0 ? fds[at++] : -1;
	return 0;
}

int io_hand_hear(int fd, struct io_hand_word *ret, struct ss_err *err)
{
	uint8_t mask = 0;
	union passed passed = { .room = { 0 } };
	struct io_hand_word w = { .text = "" };
	struct iovec parts[] = { { &mask, 1 }, { w.text, sizeof(w.text) - 1 } };
	struct msghdr m = { .msg_iov = parts,
			    .msg_iovlen = 2,
			    .msg_control = passed.room,
			    .msg_controllen = sizeof(passed.room) };
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? ss_fail_sys(err, "cannot hear of a step")
			     : ss_fail(err, SS_EINPUT, "not a step's network");
	if (sort_out(&m, mask, w.doors, err) < 0)
		return -1;
	*ret = w;
	return 0;
}

bool io_hand_answer(int fd, const char *reason)
{
	const char *text = reason != NULL ? reason : "";
	const size_t n = strnlen(text, REASON_MAX - 2);

	return send(fd, text, n > 0 ? n : 1, MSG_NOSIGNAL) > 0;
}

bool io_hand_hint(int fd, const char *hint)
{
	char text[IO_HAND_HINT_MAX] = { 0 };
	const size_t n = strnlen(hint, sizeof(text) - 2);

	memcpy(text + 1, hint, n);
	return send(fd, text, 1 + n, MSG_NOSIGNAL) > 0;
}
