/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "io/file.h"
#include "launch/guest_clock.h"
#include "launch/qemu.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* Without these QEMU does not end with the guest. No register covers what we append. */
#define END_WORDS "reboot=t panic=-1"
/* On a loaded machine an emulated timer looks dead to a kernel that tries it for ten ticks. */
#define TCG_WORDS " no_timer_check"
#define VIRTIO_ID_NSM 33u

void qemu_args_done(struct qemu_args *a)
{
	while (a->n > 0) {
		a->n--;
		free(TAKE_PTR(a->v[a->n]));
	}
}

void qemu_args_add(struct qemu_args *a, const char *fmt, ...)
{
	va_list ap;
	int n;

	assert(a->n < QEMU_MAX_ARGS);
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	a->v[a->n] = ss_calloc((size_t)n + 1, 1);
	va_start(ap, fmt);
	(void)vsnprintf(a->v[a->n], (size_t)n + 1, fmt, ap);
	va_end(ap);
	a->n++;
}

static void add_words(struct qemu_args *a, const char *const *words)
{
	for (; *words != NULL; words++)
		qemu_args_add(a, "%s", *words);
}

/* The machine itself, and what it starts. */
static void add_machine(const struct qemu_guest *g, struct qemu_args *a)
{
	char tcg[128] = "";
	const char *quiet = g->kernel_messages ? "" : " quiet";

	if (!g->found->kvm && g->found->tsc_khz != 0)
		(void)snprintf(tcg, sizeof(tcg), TCG_WORDS " " GUEST_CLOCK_WORDS,
			       g->found->tsc_khz);
	else if (!g->found->kvm)
		(void)snprintf(tcg, sizeof(tcg), TCG_WORDS);
	qemu_args_add(a, "-M");
	if (g->found->kind == QEMU_NITRO) {
		qemu_args_add(a, "nitro-enclave,vsock=c,id=%s", g->id);
		qemu_args_add(a, "-kernel");
		qemu_args_add(a, "/proc/self/fd/%d", g->fds->eif);
		qemu_args_add(a, "-append");
		qemu_args_add(a, END_WORDS "%s%s", tcg, quiet);
		return;
	}
	/* Without acpi=off QEMU does not tell the kernel on its command line where the devices are.
	 */
	qemu_args_add(a, "microvm,acpi=off,memory-backend=mem");
	qemu_args_add(a, "-object");
	qemu_args_add(a, "memory-backend-memfd,id=mem,size=%" PRIu64 "M,share=on", g->memory_mib);
	qemu_args_add(a, "-device");
	qemu_args_add(a, "vhost-user-vsock-device,chardev=c");
	if (g->found->kind == QEMU_NSM) {
		qemu_args_add(a, "-chardev");
		qemu_args_add(a, "socket,id=n,path=nsm");
		qemu_args_add(a, "-device");
		qemu_args_add(a,
			      "vhost-user-test-device,chardev=n,virtio-id=%u,num_vqs=1,"
			      "vq_size=8",
			      VIRTIO_ID_NSM);
	}
	qemu_args_add(a, "-kernel");
	qemu_args_add(a, "/proc/self/fd/%d", g->fds->kernel);
	qemu_args_add(a, "-initrd");
	qemu_args_add(a, "/proc/self/fd/%d", g->fds->initrd);
	qemu_args_add(a, "-append");
	qemu_args_add(a, "%s " END_WORDS "%s%s", g->cmdline, tcg, quiet);
}

void qemu_args_guest(const struct qemu_guest *g, struct qemu_args *ret)
{
	qemu_args_add(ret, "%s", g->found->program);
	if (g->found->firmware != NULL) {
		qemu_args_add(ret, "-L");
		qemu_args_add(ret, "%s", g->found->firmware);
	}
	qemu_args_add(ret, "-chardev");
	qemu_args_add(ret, "socket,id=c,path=vhost");
	add_machine(g, ret);
	qemu_args_add(ret, "-m");
	qemu_args_add(ret, "%" PRIu64 "M", g->memory_mib);
	qemu_args_add(ret, "-smp");
	qemu_args_add(ret, "%u", g->cpus);
	add_words(ret, g->found->kvm
			       ? (const char *const[]){ "-accel", "kvm", "-cpu", "host", NULL }
			       : (const char *const[]){ "-accel", "tcg", "-cpu", "max", NULL });
	add_words(ret, (const char *const[]){ "-display", "none", "-monitor", "none", "-serial",
					      "stdio", "-no-reboot", "-nodefaults", NULL });
}

struct copy {
	int fd;
};

static int put(void *ctx, struct ss_span s, struct ss_err *err)
{
	const struct copy *c = ctx;

	return io_write_all(c->fd, s, err);
}

int qemu_copy_parts(const struct eif_file *f, enum eif_section_type type, int *ret_fd,
		    struct ss_err *err)
{
	AUTO_CLOSE int fd = -1;
	struct copy c;
	const struct eif_section *s;

	if (io_spool_new(&fd, err) < 0)
		return -1;
	c.fd = fd;
	for (size_t i = 0; (s = eif_file_find(f, type, i)) != NULL; i++)
		if (eif_file_each(f, s, put, &c, err) < 0)
			return ss_ctx(err, "a copy of the %s for QEMU", eif_section_name(type));
	*ret_fd = ss_take_fd(&fd);
	return 0;
}
