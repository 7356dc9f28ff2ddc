/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fmt/frame.h"
#include "fmt/json.h"
#include "launch/facts.h"
#include "launch/publish.h"
#include "launch/qemu.h"
#include "launch/rundir.h"

/*
 * One run of one enclave, from the file to the exit status. Two steps: sv_prepare() looks at
 * everything that can be known before, so that a mistake costs nothing; sv_run() starts the machine
 * and serves it until it has ended; it is the supervisor, in the foreground or in a process of its
 * own (sv_detach()).
 *
 * SIGTERM, SIGINT and SIGHUP tell the enclave to stop, with its measured grace; a second one ends
 * the machine at once.
 */
#define SV_END_MARGIN_MS 10000u /* behind the grace */
#define SV_LAST_MS 5000u        /* for the machine to end after EXIT */
#define SV_MAX_GRACE_MS 600000u
#define SV_BEAT_MS 180000u /* plus 90 s for each further 6 GiB of file and 100 GiB of memory */

struct sv_opts {
	const char *eif;
	const char *name;    /* NULL: what the file's name suggests */
	uint64_t memory_mib; /* 0 = what the image proposes or needs */
	unsigned cpus;       /* 0 = what the image proposes */
	uint32_t cid;        /* 0 = any that is free */
	bool debug;
	bool local;               /* QEMU also where there is a Nitro device */
	const char *const *ports; /* "[IP:]HOST:GUEST" */
	size_t n_ports;
	const char *metrics;  /* "[IP:]PORT", or NULL */
	const char *dns;      /* "IP[:PORT]", or NULL: the host's */
	uint32_t grace_ms;    /* 0 = the measured one */
	const char *nsm_root; /* QEMU with an NSM of ours below this test root; NULL = without */
	const char *nsm_role; /* what PCR3 is of; NULL = zeros */
	const char *nsm_instance; /* what PCR4 is of; NULL = a name of ours */
};

/* Everything that is known and held before the machine starts. Too large for a stack. */
struct sv_plan {
	struct sv_opts o;
	struct facts facts;
	struct rundir dir;
	struct rundir_claim claim;
	struct publish ports;
	bool has_dns;
	union resolve_addr dns;
	union resolve_addr metrics_addr;
	int metrics_fd; /* -1 = none */
	uint64_t memory_mib;
	unsigned cpus;
	bool is_nitro;
	struct qemu_found qemu; /* where it is not */
	struct nsm_root *root;  /* or NULL */
	char id[64];            /* EnclaveID */
};

SS_MUST_CHECK SS_NONNULL int sv_prepare(const struct sv_opts *o, struct sv_plan **ret,
					struct ss_err *err);
/* What PCR4 is of where the NSM is ours: the instance, as the EnclaveID begins. Borrowed. */
SS_NONNULL const char *sv_instance(const struct sv_plan *p);
/* Debug mode where documents are signed, by AWS's NSM or by ours: no register says what runs. */
SS_NONNULL bool sv_is_unmeasured(const struct sv_plan *p);
void sv_plan_free(struct sv_plan *p); /* accepts NULL; lets go of the name and of the ports */

enum sv_kind {
	SV_EXITED,    /* the application: value is its status */
	SV_SIGNALLED, /* the application, by signal `value` */
	SV_KILLED,    /* by us: it did not stop in time, or we were told twice */
	SV_STOPPED,   /* by the runtime or the kernel inside: reason */
	SV_FAILED,    /* the machine or we: reason */
};

/* What runs, as far as it is not in the plan. */
struct sv_status {
	const char *machine; /* its ops' name, or NULL: not started */
	bool is_kvm, has_nsm;
	bool booted; /* the heartbeat has come */
	bool stopping;
	enum frame_state state;
	const char *reason; /* of the state; borrowed from the run */
	pid_t pid;
	uint32_t cid;
};

struct sv_end {
	enum sv_kind kind;
	unsigned value;
	char reason[FRAME_MAX_TEXT + 64]; /* escaped; "" where there is nothing to add */
	struct sv_status last;            /* without its reason */
};

/* What `run` exits with: the application's status, 128 + n for a signal, 125 for a failure. */
#define SV_OUR_FAILURE 125
SS_NONNULL int sv_exit_status(const struct sv_end *e);
/* "exited 7", "killed by signal 9 (SIGKILL)" …, for people. */
#define SV_TEXT 1280u
SS_NONNULL void sv_end_show(const struct sv_end *e, char ret[SV_TEXT]);

/* Where a run in the foreground shows things. */
struct sv_face {
	int out_fd, err_fd;    /* the application's, and everything else; borrowed */
	bool out_tty, err_tty; /* then control bytes are shown, not obeyed */
	bool all_to_err;       /* standard output is for somebody else */
	bool quiet;            /* only what the enclave says */
};

/* Serves until the enclave has ended. -1 only if it could not be started. `face` NULL: in the
 * background. `report`: a socket to whoever waits for it to be ready (sv_detach()), or -1. */
SS_MUST_CHECK int sv_run(struct sv_plan *p, const struct sv_face *face, int report,
			 struct sv_end *ret, struct ss_err *err);

/*
 * Does so in a process of its own, and returns when the enclave is ready, or as soon as it is
 * known to have failed. *ret is what sv_describe() says then. The plan is the other process's.
 */
SS_MUST_CHECK SS_NONNULL int sv_detach(struct sv_plan *p, json_t **ret, struct ss_err *err);

/* `nitro-cli describe-enclaves`'s keys, and ours behind them. */
SS_NONNULL json_t *sv_describe(const struct sv_plan *p, const struct sv_status *s);
/* The same with how it ended. */
SS_NONNULL void sv_describe_end(json_t *description, const struct sv_end *e);
