/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/nitro.h"

#include "base/mem.h"
#include "launch/nitro_abi.h"
#include "launch/nitro_heart.h"
#include "launch/nitro_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HEARTBEAT 9000u
#define HYPERVISOR 0u        /* the CID at which consoles are */
#define CONSOLE_PORTS 10000u /* and their first port: of the enclave with CID 0 */
#define NOTICE "debug mode: its console can be read, and PCR0 to PCR2 in its documents are zero"

struct nitro {
	struct machine m;
	const struct nitro_sys *sys;
	int enclave; /* its end is the enclave's end */
	int ended;   /* epoll over it and over `stopped`: lives on when `enclave` is closed */
	int stopped; /* eventfd */
	int console;
	bool by_us;
	struct nitro_memory memory;
	struct nitro_heart heart;
};

static struct nitro *of(struct machine *m)
{
	return (struct nitro *)m; /* it begins with it */
}

static const struct nitro *of_const(const struct machine *m)
{
	return (const struct nitro *)m;
}

static int call(const struct nitro *n, uint32_t cid, uint32_t port, struct ss_err *err)
{
	AUTO_CLOSE int fd = n->sys->socket(n->sys->ctx);

	if (fd < 0)
		return ss_fail_sys(err, "cannot make a vsock");
	if (n->sys->connect(n->sys->ctx, fd, cid, port) < 0 && errno != EINPROGRESS)
		return ss_fail_sys(err, "cannot call port %u of CID %u", port, cid);
	return ss_take_fd(&fd);
}

static int dial(struct machine *m, uint32_t port, struct ss_err *err)
{
	return call(of(m), m->cid, port, err);
}

static int listen_at(struct machine *m, uint32_t *port, struct ss_err *err)
{
	struct nitro *n = of(m);
	AUTO_CLOSE int fd = -1;

	if (*port == HEARTBEAT) {
		if (n->heart.owner < 0)
			return ss_fail(err, SS_ESYS, "port %u is taken", HEARTBEAT);
		return ss_take_fd(&n->heart.owner);
	}
	fd = n->sys->socket(n->sys->ctx);
	if (fd < 0)
		return ss_fail_sys(err, "cannot make a vsock");
	if (n->sys->bind(n->sys->ctx, fd, *port) < 0 || n->sys->listen(n->sys->ctx, fd) < 0 ||
	    n->sys->own_port(n->sys->ctx, fd, port) < 0)
		return ss_fail_sys(err, "cannot listen at vsock port %u", *port);
	return ss_take_fd(&fd);
}

static bool is_ours(const struct machine *m, int accepted_fd)
{
	const struct nitro *n = of_const(m);
	uint32_t cid;

	if (n->sys->peer_cid(n->sys->ctx, accepted_fd, &cid) == 0)
		return cid == m->cid;
	return nitro_heart_is_ours(accepted_fd);
}

static int console(const struct machine *m)
{
	return of_const(m)->console;
}

static int end_fd(const struct machine *m)
{
	return of_const(m)->ended;
}

/* The driver says that it has ended, never why: the enclave itself says that to its host. */
static void end(struct machine *m, struct machine_end *ret)
{
	const bool by_us = of(m)->by_us;

	*ret = (struct machine_end){ .by_us = by_us, .in_order = !by_us };
}

static void stop(struct machine *m)
{
	struct nitro *n = of(m);

	if (n->enclave < 0)
		return;
	n->by_us = true;
	(void)close(n->enclave); /* the driver ends the enclave before this returns */
	n->enclave = -1;
	(void)eventfd_write(n->stopped, 1);
}

static void nitro_free(struct machine *m)
{
	struct nitro *n = of(m);

	ss_closep(&n->enclave);
	nitro_heart_done(&n->heart);
	ss_closep(&n->console);
	ss_closep(&n->ended);
	ss_closep(&n->stopped);
	nitro_memory_done(n->sys, &n->memory);
	free(n);
}

static const struct machine_ops ops = {
	.name = "nitro",
	.dial = dial,
	.listen = listen_at,
	.is_ours = is_ours,
	.console = console,
	.end_fd = end_fd,
	.end = end,
	.stop = stop,
	.free = nitro_free,
};

static int explain(const struct nitro_case *c, const struct nitro_pool *p, struct ss_err *err)
{
	nitro_explain(c, p, errno, err);
	return -1;
}

static int create(struct nitro *n, struct nitro_case *c, const struct nitro_pool *p,
		  struct ss_err *err)
{
	AUTO_CLOSE int device = n->sys->open(n->sys->ctx, NITRO_DEVICE);
	uint64_t slot = 0;

	c->step = NITRO_AT_CREATE;
	if (device < 0) {
		const int number = errno;

		ss_err_set_sys(err, "cannot open '" NITRO_DEVICE "'");
		err->hint =
			number == EACCES || number == EPERM
				? "join the group that has it: usermod -aG ne USER, then log in "
				  "again"
				: "start the instance with enclaves enabled, and load the driver: "
				  "modprobe nitro_enclaves";
		return -1;
	}
	n->enclave = n->sys->ioctl(n->sys->ctx, device, NITRO_CREATE_VM, &slot);
	return n->enclave < 0 ? explain(c, p, err) : 0;
}

static int give_memory(struct nitro *n, struct nitro_case *c, const struct nitro_pool *p,
		       const struct nitro_opts *o, struct ss_err *err)
{
	struct nitro_image_load load = { .flags = NITRO_IMAGE_EIF };

	c->step = NITRO_AT_LOAD;
	if (n->sys->ioctl(n->sys->ctx, n->enclave, NITRO_IMAGE_LOAD, &load) < 0)
		return explain(c, p, err);
	if (nitro_memory_take(n->sys, p, c, &n->memory, err) < 0 ||
	    nitro_memory_load(&n->memory, load.offset, o->eif, o->eif_size, c, p, err) < 0)
		return -1;
	c->step = NITRO_AT_REGION;
	for (size_t i = 0; i < n->memory.n; i++, c->regions++) {
		struct nitro_region r = { .size = n->memory.maps[i].size,
					  .address = (uintptr_t)n->memory.maps[i].p };

		if (n->sys->ioctl(n->sys->ctx, n->enclave, NITRO_ADD_REGION, &r) < 0)
			return explain(c, p, err);
	}
	return 0;
}

static int give_cpus(struct nitro *n, struct nitro_case *c, const struct nitro_pool *p,
		     struct ss_err *err)
{
	c->step = NITRO_AT_VCPU;
	for (; c->cpus_added < c->cpus; c->cpus_added++) {
		uint32_t id = 0; /* the driver chooses, core by core */

		if (n->sys->ioctl(n->sys->ctx, n->enclave, NITRO_ADD_VCPU, &id) < 0)
			return explain(c, p, err);
	}
	return 0;
}

static int launch(struct nitro *n, struct nitro_case *c, const struct nitro_pool *p, bool debug,
		  struct ss_err *err)
{
	struct nitro_start_info info = { .flags = debug ? NITRO_START_DEBUG : 0, .cid = c->cid };

	if (nitro_heart_open(n->sys, NITRO_TURN_MS, &n->heart, err) < 0)
		return -1;
	c->step = NITRO_AT_START;
	if (n->sys->ioctl(n->sys->ctx, n->enclave, NITRO_START, &info) < 0)
		return explain(c, p, err);
	n->m.cid = (uint32_t)info.cid;
	return nitro_heart_run(&n->heart, n->m.cid, err);
}

static int watch_end(struct nitro *n, struct ss_err *err)
{
	struct epoll_event ev = { 0 }; /* EPOLLHUP comes without being asked for */

	n->ended = epoll_create1(EPOLL_CLOEXEC);
	n->stopped = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->ended < 0 || n->stopped < 0 ||
	    epoll_ctl(n->ended, EPOLL_CTL_ADD, n->enclave, &ev) < 0)
		return ss_fail_sys(err, "cannot watch the enclave");
	ev.events = EPOLLIN;
	if (epoll_ctl(n->ended, EPOLL_CTL_ADD, n->stopped, &ev) < 0)
		return ss_fail_sys(err, "cannot watch the enclave");
	return 0;
}

/* A console that cannot be had is no reason to end the enclave. */
static void open_console(struct nitro *n)
{
	struct ss_err why = { 0 };

	n->m.notice = NOTICE;
	n->console = call(n, HYPERVISOR, CONSOLE_PORTS + n->m.cid, &why);
	if (n->console < 0)
		n->m.notice = "debug mode: PCR0 to PCR2 in its documents are zero; its console "
			      "cannot be reached";
}

int nitro_start(const struct machine_spec *spec, const struct nitro_opts *o, struct machine **ret,
		struct ss_err *err)
{
	struct nitro *n = ss_calloc(1, sizeof(*n));
	struct nitro_case c = { .memory_mib = spec->memory_mib,
				.cpus = spec->cpus,
				.cid = spec->cid };
	struct nitro_pool pool;

	*n = (struct nitro){ .m = { .ops = &ops, .has_nsm = true, .is_attested = true },
			     .sys = o->sys != NULL ? o->sys : &nitro_sys_linux,
			     .enclave = -1,
			     .ended = -1,
			     .stopped = -1,
			     .console = -1,
			     .heart = { .port = -1, .owner = -1, .beat = -1, .stop = -1 } };
	nitro_pool_load(n->sys, &pool);
	if (create(n, &c, &pool, err) < 0 || watch_end(n, err) < 0 ||
	    give_memory(n, &c, &pool, o, err) < 0 || give_cpus(n, &c, &pool, err) < 0 ||
	    launch(n, &c, &pool, spec->debug, err) < 0) {
		nitro_free(&n->m);
		return -1;
	}
	if (spec->debug)
		open_console(n);
	*ret = &n->m;
	return 0;
}
