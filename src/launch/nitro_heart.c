/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nitro_heart.h"

#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PORT 9000u
#define TRY_MS 50u /* between two looks whether the port is free */

static int take_port(const struct nitro_sys *sys, unsigned limit_ms, int fd, struct ss_err *err)
{
	for (unsigned waited = 0;; waited += TRY_MS) {
		if (sys->bind(sys->ctx, fd, PORT) == 0)
			break;
		if (errno != EADDRINUSE)
			return ss_fail_sys(err, "cannot take vsock port %u", PORT);
		if (waited >= limit_ms) {
			ss_err_set(err, SS_ESYS,
				   "vsock port %u, which enclaves call when they boot, has been "
				   "taken for %u s",
				   PORT, limit_ms / 1000);
			err->hint = "another enclave that starts has it, or a program of the "
				    "instance: ss --vsock -lp";
			return -1;
		}
		sys->pause(sys->ctx, TRY_MS);
	}
	if (sys->listen(sys->ctx, fd) < 0)
		return ss_fail_sys(err, "cannot listen at vsock port %u", PORT);
	return 0;
}

int nitro_heart_open(const struct nitro_sys *sys, unsigned limit_ms, struct nitro_heart *ret,
		     struct ss_err *err)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };
	struct nitro_heart h = { .sys = sys, .port = -1, .owner = -1, .beat = -1, .stop = -1 };

	h.owner = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	h.stop = eventfd(0, EFD_CLOEXEC);
	/* Only a family: the kernel finds an abstract name. */
	if (h.owner < 0 || h.stop < 0 ||
	    bind(h.owner, (const struct sockaddr *)&any, sizeof(any.sun_family)) < 0 ||
	    listen(h.owner, 4) < 0) {
		ss_err_set_sys(err, "cannot make the heartbeat's socket");
		nitro_heart_done(&h);
		return -1;
	}
	h.port = sys->socket(sys->ctx);
	if (h.port < 0) {
		ss_err_set_sys(err, "this kernel gives no vsock");
		err->hint = "load it: modprobe vsock";
		nitro_heart_done(&h);
		return -1;
	}
	if (take_port(sys, limit_ms, h.port, err) < 0) {
		nitro_heart_done(&h);
		return -1;
	}
	*ret = h;
	return 0;
}

/* False: told to stop, or the time is over. */
static bool wait_for(const struct nitro_heart *h, int fd, int timeout_ms)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = h->stop, .events = POLLIN } };
	int n;

	do
		n = poll(p, 2, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0 && p[1].revents == 0;
}

/* The enclave has called and said the byte. */
static bool answer(const struct nitro_heart *h, int fd)
{
	uint8_t byte = 0;

	return wait_for(h, fd, (int)NITRO_HEART_CALL_MS) && recv(fd, &byte, 1, MSG_DONTWAIT) == 1 &&
	       byte == NITRO_HEART_BYTE && send(fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

static void *serve(void *arg)
{
	static const uint8_t byte = NITRO_HEART_BYTE;
	struct nitro_heart *h = arg;
	bool beaten = false;

	while (!beaten && wait_for(h, h->port, -1)) {
		AUTO_CLOSE int fd = accept4(h->port, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		uint32_t cid;

		if (fd < 0) { /* out of descriptors, perhaps: not in a hurry */
			h->sys->pause(h->sys->ctx, TRY_MS);
			continue;
		}
		beaten = h->sys->peer_cid(h->sys->ctx, fd, &cid) == 0 && cid == h->cid &&
			 answer(h, fd);
	}
	ss_closep(&h->port);
	h->port = -1;
	if (beaten)
		(void)!send(h->beat, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	return NULL;
}

int nitro_heart_run(struct nitro_heart *h, uint32_t cid, struct ss_err *err)
{
	struct sockaddr_un name = { 0 };
	socklen_t n = sizeof(name);
	sigset_t all, before;
	int rc;

	h->cid = cid;
	h->beat = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->beat < 0 || getsockname(h->owner, (struct sockaddr *)&name, &n) < 0)
		return ss_fail_sys(err, "cannot make the heartbeat's socket");
	/* Waits in the backlog; a byte follows when there is one to tell of. */
	if (connect(h->beat, (const struct sockaddr *)&name, n) < 0)
		return ss_fail_sys(err, "cannot reach the heartbeat's socket");
	/* Signals are the owner's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&h->thread, NULL, serve, h);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		errno = rc;
		return ss_fail_sys(err, "cannot start a thread for the heartbeat");
	}
	h->running = true;
	return 0;
}

void nitro_heart_done(struct nitro_heart *h)
{
	if (h->running) {
		(void)eventfd_write(h->stop, 1);
		(void)pthread_join(h->thread, NULL);
	}
	ss_closep(&h->port);
	ss_closep(&h->owner);
	ss_closep(&h->beat);
	ss_closep(&h->stop);
	*h = (struct nitro_heart){ .port = -1, .owner = -1, .beat = -1, .stop = -1 };
}

bool nitro_heart_is_ours(int fd)
{
	struct ucred who = { 0 };
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && who.pid == getpid();
}
