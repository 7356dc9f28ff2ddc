/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/reader.h"
#include "launch/machine.h"
#include "launch/nsm_machine.h"

/*
 * QEMU as a machine (launch/machine.h), with whatever the QEMU that is found here has:
 *
 *   QEMU_NITRO    -M nitro-enclave: it loads the EIF, measures it and emulates an NSM, whose
 *                 documents nobody signs
 *   QEMU_MICROVM  -M microvm, the parts of the EIF given one by one; no NSM
 *   QEMU_NSM      the same with an NSM of ours (launch/vhost_nsm.h), whose documents a test root
 *                 signs; QEMU 10.2 or newer
 *
 * QEMU runs as the caller, in a process group of its own, and ends with us, however we end. Its
 * files are a folder below `opts.work` and nameless ones; the vsock device is launch/vhost_vsock.h
 * on a thread of its own.
 */
enum qemu_kind { QEMU_NITRO, QEMU_MICROVM, QEMU_NSM };

struct qemu_found {
	char *program;
	char *firmware; /* for -L, or NULL: QEMU's own */
	enum qemu_kind kind;
	bool kvm;         /* tried: guests live */
	uint32_t tsc_khz; /* of a guest's processor without KVM; 0 = unknown */
};

#define QEMU_NAME "qemu-system-x86_64"
#define QEMU_TRY_MS 5000u   /* a trial under KVM */
#define QEMU_HELP_MS 20000u /* "-M help" on a loaded machine */

/*
 * $SELFSAME_QEMU and no other; or the first with -M nitro-enclave of the one on PATH and those that
 * tools/setup-qemu made; or one without. With `nsm` it is QEMU_NSM or an error. KVM is tried with
 * the kernel of `f`: one that has not gone through its whole short life in QEMU_TRY_MS counts as
 * broken.
 */
SS_MUST_CHECK SS_NONNULL int qemu_find(const struct eif_file *f, bool nsm, struct qemu_found *ret,
				       struct ss_err *err);
void qemu_found_done(struct qemu_found *q); /* accepts a zeroed one */

struct qemu_opts {
	const struct qemu_found *found;
	const struct eif_file *file; /* what is started: its descriptor, not its name */
	const char *work;            /* a folder of ours that nobody else can enter */
	const char *id;              /* the NSM's module id */
	bool kernel_messages;        /* on the console, from the first line */
	struct nsm_machine *nsm;     /* QEMU_NSM: the machine's from the call on, else NULL */
};

/* spec->cid is set. `o` is needed for the call only. */
SS_MUST_CHECK SS_NONNULL int qemu_start(const struct machine_spec *spec, const struct qemu_opts *o,
					struct machine **ret, struct ss_err *err);

/* --- parts, for the tests -------------------------------------------------------------------- */

#define QEMU_MAX_ARGS 48u

/* An argument vector; the strings are owned. */
struct qemu_args {
	char *v[QEMU_MAX_ARGS + 1];
	size_t n;
};
void qemu_args_done(struct qemu_args *a);
SS_NONNULL SS_PRINTF(2, 3) void qemu_args_add(struct qemu_args *a, const char *fmt, ...);

/* What QEMU is started with for a guest of ours. `fds` are those that it inherits. */
struct qemu_fds {
	int eif;            /* QEMU_NITRO */
	int kernel, initrd; /* the others */
};
struct qemu_guest {
	const struct qemu_found *found;
	const struct qemu_fds *fds;
	const char *cmdline; /* the measured one; not of QEMU_NITRO */
	const char *id;
	uint64_t memory_mib;
	unsigned cpus;
	bool kernel_messages;
};
SS_NONNULL void qemu_args_guest(const struct qemu_guest *g, struct qemu_args *ret);

/* All sections of one type, one behind the other, in a file without a name. */
SS_MUST_CHECK SS_NONNULL int qemu_copy_parts(const struct eif_file *f, enum eif_section_type type,
					     int *ret_fd, struct ss_err *err);
