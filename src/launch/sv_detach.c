/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "io/stop.h"
#include "launch/supervise.h"
#include "launch/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* What the other process says when it could not even start the machine. */
static void report_failure(int fd, const struct ss_err *failed)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TALK_HEAD + sizeof(*failed));
	const struct talk t = { .type = TALK_TEXT,
				.body = { (const uint8_t *)failed->msg, strlen(failed->msg) } };

	talk_write(&t, &b);
	(void)!send(fd, b.p, b.n, MSG_NOSIGNAL);
}

/* In the new process: away from the terminal and from whoever started us. */
static void leave(void)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		(void)dup2(null, fd);
	(void)!chdir("/");
}

SS_NORETURN static void supervise(struct sv_plan *p, int report)
{
	struct sv_end end;
	struct ss_err err = { 0 };
	int status = SV_OUR_FAILURE;

	leave();
	if (sv_run(p, NULL, report, &end, &err) < 0)
		report_failure(report, &err);
	else
		status = sv_exit_status(&end);
	sv_plan_free(p);
	_exit(status);
}

/* One message; -1 also if the other side ended without one. */
static int receive(int fd, int wake, struct ss_buf *in, struct talk *ret, struct ss_err *err)
{
	size_t size;

	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
				       { .fd = wake, .events = POLLIN } };
		uint8_t block[4096];
		ssize_t n;
		int rc;

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0)
			return ss_fail(err, SS_ESYS, "stopped by a signal before it was ready");
		n = recv(fd, block, sizeof(block), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ss_fail(err, SS_ESYS, "the supervisor ended without a word");
		ss_buf_put(in, (struct ss_span){ block, (size_t)n });
		rc = talk_read(ss_buf_span(in), ret, &size, err);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
}

static int wait_until_ready(int fd, int wake, json_t **ret, struct ss_err *err)
{
	AUTO_BUF struct ss_buf in = SS_BUF_INIT(TALK_HEAD + TALK_MAX_BODY);
	struct talk t = { 0 };

	if (receive(fd, wake, &in, &t, err) < 0)
		return -1;
	if (t.type == TALK_TEXT)
		return ss_fail(err, SS_ESYS, "%.*s", (int)t.body.n, (const char *)t.body.p);
	return js_read(t.body, TALK_MAX_BODY, "the supervisor's answer", ret, err);
}

int sv_detach(struct sv_plan *p, json_t **ret, struct ss_err *err)
{
	int fds[2], wake, rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return ss_fail_sys(err, "cannot make a pair of sockets");
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		supervise(p, fds[1]);
	}
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		return ss_fail_sys(err, "cannot start a supervisor");
	}
	rundir_drop_claim(&p->claim); /* they are the other's */
	rc = io_stop_watch(&wake, err);
	if (rc == 0) {
		rc = wait_until_ready(fds[0], wake, ret, err);
		(void)close(fds[0]); /* before it was ready: then it stops */
		io_stop_unwatch();
	}
	return rc;
}
