/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "io/spawn.h"
#include "launch/guest_clock.h"
#include "launch/qemu.h"

#include <glob.h>
#include <string.h>

#define SETUP_HINT                                                                                 \
	"install QEMU (Debian, Ubuntu: qemu-system-x86; Fedora: qemu-system-x86-core), or run "    \
	"tools/setup-qemu; SELFSAME_QEMU names another program"
#define NSM_HINT "'tools/setup-qemu nsm' makes one; SELFSAME_QEMU names another program"

/* --- which QEMU ---------------------------------------------------------------------------- */

struct machines {
	bool nitro, microvm, nsm;
};

static bool begins(const char *line, const char *word)
{
	const size_t n = strlen(word);

	return strncmp(line, word, n) == 0 && line[n] == ' ';
}

static void on_machine(void *ctx, enum io_stream from, const char *line)
{
	struct machines *m = ctx;

	if (from != IO_STDOUT)
		return;
	m->nitro |= begins(line, "nitro-enclave");
	m->microvm |= begins(line, "microvm");
}

static void on_option(void *ctx, enum io_stream from, const char *line)
{
	struct machines *m = ctx;

	m->nsm |= from == IO_STDOUT && strncmp(line + strspn(line, " "), "virtio-id=", 10) == 0;
}

/* Some releases end well also when there is no such device. */
static int ask_device(const char *program, struct machines *m, struct ss_err *err)
{
	const char *const argv[] = { program, "-device", "vhost-user-test-device,help", NULL };
	const struct io_spawn s = {
		.argv = argv, .timeout_ms = QEMU_HELP_MS, .line = on_option, .ctx = m
	};
	struct io_exit ignored;

	return io_spawn_run(&s, &ignored, err);
}

static int ask(const char *program, bool nsm, struct machines *ret, struct ss_err *err)
{
	const char *const argv[] = { program, "-M", "help", NULL };
	struct machines m = { 0 };
	const struct io_spawn s = {
		.argv = argv, .timeout_ms = QEMU_HELP_MS, .line = on_machine, .ctx = &m
	};
	struct io_exit exit;

	if (io_spawn_run(&s, &exit, err) < 0 ||
	    io_exit_check(&exit, "qemu -M help", SS_ESYS, err) < 0 ||
	    (nsm && ask_device(program, &m, err) < 0))
		return ss_ctx(err, "'%s'", SS_SHOW(ss_text(program)));
	*ret = m;
	return 0;
}

/* Programs in the order in which they are asked, each with its folder of firmware or NULL. */
struct candidates {
	glob_t made; /* by tools/setup-qemu */
	char *named; /* $SELFSAME_QEMU, or on PATH */
};

static void candidates_done(struct candidates *c)
{
	globfree(&c->made);
	free(c->named);
}

static int look_around(struct candidates *ret, struct ss_err *err)
{
	const char *env = getenv("SELFSAME_QEMU");
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char pattern[1024];

	ret->named = io_spawn_find(env != NULL ? env : QEMU_NAME);
	if (env != NULL) {
		if (ret->named == NULL)
			return ss_fail(err, SS_ESYS, "SELFSAME_QEMU: '%s' is not a program",
				       SS_SHOW(ss_text(env)));
		return 0;
	}
	if (xdg != NULL && xdg[0] == '/')
		(void)snprintf(pattern, sizeof(pattern), "%s/selfsame/qemu-*/" QEMU_NAME, xdg);
	else
		(void)snprintf(pattern, sizeof(pattern), "%s/.cache/selfsame/qemu-*/" QEMU_NAME,
			       home != NULL ? home : "");
	if (pattern[0] == '/')
		(void)glob(pattern, 0, NULL, &ret->made); /* none is as good as unreadable */
	return 0;
}

/* The firmware that lies beside a program of tools/setup-qemu. */
static char *firmware_beside(const char *program)
{
	const int n = (int)(strrchr(program, '/') - program);
	char path[1024];
	AUTO_FREE char *dir = NULL;

	if (snprintf(path, sizeof(path), "%.*s/qboot.rom", n, program) >= (int)sizeof(path) ||
	    access(path, R_OK) != 0)
		return NULL;
	path[n] = '\0';
	dir = ss_copy(path);
	return TAKE_PTR(dir);
}

/* Takes `program` if it is better than what we have. -1: it cannot be asked. */
static int consider(const char *program, bool nsm, struct qemu_found *best, struct ss_err *err)
{
	struct machines m;

	if (ask(program, nsm, &m, err) < 0)
		return -1;
	if (nsm ? !m.microvm || !m.nsm : !m.nitro && (!m.microvm || best->program != NULL))
		return 0;
	qemu_found_done(best);
	best->program = ss_copy(program);
	best->firmware = firmware_beside(program);
	best->kind = nsm ? QEMU_NSM : m.nitro ? QEMU_NITRO : QEMU_MICROVM;
	return 0;
}

static int fail_without(const struct candidates *c, bool nsm, struct ss_err *err)
{
	if (nsm && err->code == SS_OK && (c->named != NULL || c->made.gl_pathc > 0)) {
		ss_err_set(err, SS_ESYS,
			   "no QEMU here can be given an NSM: it takes microvm and "
			   "vhost-user-test-device, of 10.2 or newer");
		err->hint = NSM_HINT;
		return -1;
	}
	if (c->named == NULL && c->made.gl_pathc == 0)
		ss_err_set(err, SS_ESYS, "there is no QEMU: '" QEMU_NAME "' is not on PATH");
	else if (err->code == SS_OK)
		ss_err_set(err, SS_ESYS, "'%s' has neither the machine nitro-enclave nor microvm",
			   SS_SHOW(ss_text(c->named != NULL ? c->named : c->made.gl_pathv[0])));
	err->hint = SETUP_HINT;
	return -1;
}

static int choose(bool nsm, struct qemu_found *ret, struct ss_err *err)
{
	SS_CLEANUP(candidates_done) struct candidates c = { 0 };
	struct ss_err first = { 0 };

	if (look_around(&c, err) < 0)
		return -1;
	if (c.named != NULL)
		(void)consider(c.named, nsm, ret, &first);
	for (size_t i = 0; i < c.made.gl_pathc; i++)
		if (ret->program == NULL || ret->kind == QEMU_MICROVM) {
			struct ss_err ignored = { 0 };

			/* One made for another machine may not even start. */
			(void)consider(c.made.gl_pathv[i], nsm, ret, &ignored);
		}
	if (ret->program != NULL)
		return 0;
	*err = first;
	return fail_without(&c, nsm, err);
}

/* --- KVM ----------------------------------------------------------------------------------- */

static void on_trial(void *ctx, enum io_stream from, const char *line)
{
	size_t *lines = ctx;

	*lines += from == IO_STDOUT && line[0] != '\0';
}

/*
 * The kernel alone, without a ramdisk: it comes up, starts its user space, which has nothing to do,
 * and resets the machine. Under a KVM that does not work QEMU dies, or the guest says nothing.
 */
static bool try_kvm(const struct qemu_found *q, int kernel)
{
	struct qemu_args a = { 0 };
	size_t lines = 0;
	struct io_spawn s = { .timeout_ms = QEMU_TRY_MS, .line = on_trial, .ctx = &lines };
	struct io_exit exit = { .status = -1 };
	struct ss_err ignored = { 0 };
	bool lives;

	qemu_args_add(&a, "%s", q->program);
	if (q->firmware != NULL) {
		qemu_args_add(&a, "-L");
		qemu_args_add(&a, "%s", q->firmware);
	}
	for (const char *const *w =
		     (const char *const[]){ "-M", "microvm,acpi=off", "-accel", "kvm", "-cpu",
					    "host", "-m", "256M", "-append",
					    "console=ttyS0 reboot=t panic=-1 quiet", "-display",
					    "none", "-monitor", "none", "-serial", "stdio",
					    "-no-reboot", "-kernel", NULL };
	     *w != NULL; w++)
		qemu_args_add(&a, "%s", *w);
	qemu_args_add(&a, "/proc/%d/fd/%d", (int)getpid(), kernel);
	s.argv = (const char *const *)a.v;
	lives = io_spawn_run(&s, &exit, &ignored) == 0 && exit.status == 0 && lines > 0;
	qemu_args_done(&a);
	return lives;
}

int qemu_find(const struct eif_file *f, bool nsm, struct qemu_found *ret, struct ss_err *err)
{
	SS_CLEANUP(qemu_found_done) struct qemu_found q = { 0 };
	AUTO_CLOSE int kernel = -1;

	if (choose(nsm, &q, err) < 0)
		return -1;
	if (access("/dev/kvm", R_OK | W_OK) == 0) {
		if (qemu_copy_parts(f, EIF_KERNEL, &kernel, err) < 0)
			return -1;
		q.kvm = try_kvm(&q, kernel);
	}
	q.tsc_khz = q.kvm ? 0 : guest_clock_khz();
	*ret = q;
	q = (struct qemu_found){ 0 };
	return 0;
}

void qemu_found_done(struct qemu_found *q)
{
	free(TAKE_PTR(q->program));
	free(TAKE_PTR(q->firmware));
}
