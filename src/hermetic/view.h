/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * What a RUN step sees of the world, as plain data: each property is either left as the machine and
 * the engine have it, or a value. `selfsame build` fixes (hm_view_fixed), `selfsame doctor` varies;
 * both hand a view to the engine, which writes it to a file and names that in $SELFSAME_STEP_VIEW.
 * selfsame-runtime reads it for each step and does the rest.
 *
 * A property that cannot be had on this machine ends the step with an error that names it: what is
 * not varied is never counted as varied.
 *
 * The file is text: "selfsame-view 1", then a line "KEY VALUE" a property, keys ascending, each at
 * most once but for env (one a variable, by name). There is one text for each view and any other is
 * refused. No heap but for env.
 */
#define HM_VIEW_ENV "SELFSAME_STEP_VIEW"
#define HM_VIEW_MAX_SIZE ((size_t)256 * 1024)
#define HM_TEXT_MAX 256u /* with its NUL */
#define HM_ENV_MAX 256u  /* variables */

/* set: v is the value; else the property is left as it is. */
struct hm_num {
	bool set;
	int64_t v;
};

/* "" = left as it is. Printable ASCII or UTF-8 bytes, no control characters. */
struct hm_text {
	char s[HM_TEXT_MAX];
};

struct hm_view {
	/* Files, or folders with a '/' at the end, in which `keys` finds nothing. Absolute. */
	char **allow;
	size_t n_allow;
	/* 0: addresses are the same in each run (personality ADDR_NO_RANDOMIZE). */
	struct hm_num aslr;
	/* CLOCK_REALTIME stands at this second and moves only when the step itself sleeps ... */
	struct hm_num clock_frozen;
	/* ... or it runs, this many seconds away from the true one. Not both. Needs the supervisor,
	 * as everything does that is marked S. */
	struct hm_num clock_offset;
	/* The step may run on the first so many processors of those it would have had. */
	struct hm_num cpus;
	/* Connections over IP begin late, each by another part of so many milliseconds (S). */
	struct hm_num connect_ms;
	struct hm_text domain; /* NIS domain: domainname(1), uname */
	/* "NAME=VALUE": set in the step's environment, over what the engine and the Dockerfile
	 * say; "NAME": taken out of it. */
	char **env;
	size_t n_env;
	struct hm_text host;           /* instead of "selfsame" */
	struct hm_text kernel_release; /* S: uname -r, /proc/sys/kernel/osrelease */
	struct hm_text kernel_version; /* S: uname -v, /proc/version */
	/* 1: a step that makes a key, a token or a password hash fails, after it ended well (S) */
	struct hm_num keys;
	struct hm_text locale;    /* LANG, instead of C.UTF-8 where the image sets none */
	struct hm_num memory_mib; /* limit of the step's cgroup; told by sysinfo and meminfo */
	/* 1: CLOCK_MONOTONIC, as the C library reads it, begins at a full second in each program
	 * (S). Only with clock_frozen. */
	struct hm_num monotonic;
	/* Folders list their names in an order that this number and the names make, as far as one
	 * call of the step asks for them (S). */
	struct hm_num order;
	/* 1: no network but a loopback on which the build's recorder is (step_net.h); 2: and the
	 * image's own bundles of certificates do not have the recorder's */
	struct hm_num net;
	struct hm_num path_bytes; /* PATH becomes this long at least: folders that are not there */
	struct hm_num pid_base;   /* S: processes have greater numbers than this */
	/* 1: /proc and /sys files that tell of the machine have fixed contents: cpuinfo, meminfo,
	 * uptime, version, loadavg, stat, cmdline, boot_id, uuid ... (S) */
	struct hm_num proc;
	/* As many processors are told, however many there are, and at most those are used (S). A
	 * task that has chosen some of them sees those. */
	struct hm_num processors;
	/* S: getrandom, /dev/random, /dev/urandom, AT_RANDOM, the uuid file come from a generator
	 * with this seed, and from what the step runs. */
	bool has_seed;
	uint8_t seed[32];
	/* 1: times that the stat family tells are not later than the frozen clock, devices and
	 * inodes have fixed numbers (S). Only with clock_frozen. */
	struct hm_num stat;
	struct hm_num tsc;   /* 0: the time stamp counter only counts how often it was read (S) */
	struct hm_text tz;   /* TZ, instead of UTC where the image sets none */
	struct hm_num umask; /* instead of 022 */
	/* 1: the step has a user name space of its own, with the ids it has outside */
	struct hm_num user_ns;
	/* 1: which files of the image the step has changed is told with its level (S). Only with
	 * keys, which looks at all of them. */
	struct hm_num written;
};

#define HM_PROCESSORS 4
#define HM_PROCESSORS_MAX 64 /* what each kernel has room for */

/* What a step of a hermetic build sees. Nothing is left to the machine but how fast it is. */
SS_NONNULL void hm_view_fixed(uint32_t epoch, const uint8_t seed[32], struct hm_view *ret);

/* True if the step needs our supervisor as its first process. */
SS_NONNULL bool hm_view_is_supervised(const struct hm_view *v);

/* Adds a variable (see env); one of that name that is there goes. */
SS_NONNULL void hm_view_env(struct hm_view *v, const char *variable);
/* Adds a path to `allow`. */
SS_NONNULL void hm_view_allow(struct hm_view *v, const char *path);
SS_NONNULL void hm_text_set(struct hm_text *t, const char *s);
static inline struct hm_num hm_num(int64_t v)
{
	return (struct hm_num){ true, v };
}

/* SS_EINPUT: a value that is out of its bounds, or two that exclude each other. */
SS_MUST_CHECK SS_NONNULL int hm_view_check(const struct hm_view *v, struct ss_err *err);

/* `v` has passed hm_view_check(). Latches the buffer bad if it is too small. */
SS_NONNULL void hm_view_write(const struct hm_view *v, struct ss_buf *ret);
/* *ret is the caller's to hm_view_done(). */
SS_MUST_CHECK SS_NONNULL int hm_view_read(struct ss_span text, struct hm_view *ret,
					  struct ss_err *err);
/* Accepts a zeroed one, which is the view that leaves everything as it is. */
void hm_view_done(struct hm_view *v);
#define AUTO_VIEW SS_CLEANUP(hm_view_done)
