/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "hermetic/chacha.h"
#include "hermetic/view.h"

#include <sched.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

/*
 * selfsame-step: the first process of a step, which starts what the step is and makes its view
 * (view.h) come true. It traces all processes of the step. A seccomp filter stops them at the few
 * system calls that tell of the world; everything else runs at full speed, unseen. This is an aid
 * to say the same thing twice, not a sandbox: a program that wants to know can find out.
 *
 * In a container it is process 1: if it dies, by whatever, the kernel ends the step with it.
 * x86_64 and aarch64. Programs for other instruction sets run untouched, but for i386's clock and
 * getrandom.
 */
#define SUP_DIR "/dev/.selfsame"
#define SUP_PROGRAM SUP_DIR "/step"
#define SUP_VIEW SUP_DIR "/view"
#define SUP_LEVEL SUP_DIR "/level" /* what the builder reads afterwards; sup_level.c */

/* Who the step is, from the bundle: selfsame-runtime gives it to us in two words (sup_args.c). */
struct sup_who {
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	size_t n_groups;
	uint64_t bounding, effective, permitted, inheritable, ambient; /* capabilities */
};

SS_MUST_CHECK SS_NONNULL int hm_who_read(const char *ids, const char *caps, struct sup_who *ret,
					 struct ss_err *err);
/* Both words for what hm_who_read() reads. */
SS_NONNULL void hm_who_write(const struct sup_who *who, struct ss_buf *ret_ids,
			     struct ss_buf *ret_caps);

/* --- what the filter tells the tracer about ------------------------------------------------------
 */

enum sup_call {
	SUP_NONE,
	SUP_CLOCK_GETTIME,
	SUP_GETTIMEOFDAY,
	SUP_TIME,
	SUP_GETRANDOM,
	SUP_UNAME,
	SUP_SYSINFO,
	SUP_NANOSLEEP,
	SUP_CLOCK_NANOSLEEP,
	SUP_SELECT, /* without descriptors: a sleep */
	SUP_PSELECT,
	SUP_POLL,
	SUP_PPOLL,
	SUP_FUTEX, /* with a deadline on the wall clock */
	SUP_MQ,
	SUP_TIMERFD,
	SUP_TIMER,
	SUP_RESTART,
	SUP_STAT, /* (path, buffer) */
	SUP_LSTAT,
	SUP_FSTAT, /* (fd, buffer) */
	SUP_NEWFSTATAT,
	SUP_STATX,
	SUP_GETDENTS,
	SUP_GETDENTS64,
	SUP_CONNECT,
	SUP_CLOCK_GETTIME_32, /* i386 */
	SUP_CLOCK_GETTIME_64, /* i386 with 64-bit time */
	SUP_GETTIMEOFDAY_32,
	SUP_TIME_32,
	SUP_AFFINITY,
	SUP_ODD,  /* who makes it may see other files than we do from here on (sup_stat.c) */
	SUP_ROOT, /* and somebody else with it */
};

static inline bool sup_is_stat(enum sup_call call)
{
	return call == SUP_STAT || call == SUP_LSTAT || call == SUP_FSTAT ||
	       call == SUP_NEWFSTATAT || call == SUP_STATX;
}

/*
 * Calls that are answered without being made can be told to a listener, one switch each, instead of
 * the tracer (sup_notify.c). NOTIFY_STAT: the stat family, too, which sup_stat.c then answers.
 */
#define SUP_NOTIFY 1u
#define SUP_NOTIFY_STAT 2u

/* Installs the filter in this process, for good. `notify` is 0, or what goes to the listener, whose
 * descriptor is *ret_listener; -1: there is none, and the tracer hears of all. */
SS_MUST_CHECK SS_NONNULL int sup_filter_install(const struct hm_view *v, unsigned notify,
						int *ret_listener, struct ss_err *err);
/* Which call of this architecture that is; SUP_NONE if it is none of ours. */
enum sup_call sup_filter_call(int nr);
/* A listener may be told about it. */
bool sup_filter_tells(enum sup_call call);

/* --- tasks ------------------------------------------------------------------------------------ */

/* A wait that moves the clock when it is over. */
struct sup_wait {
	bool is;         /* there is one */
	bool has_until;  /* a deadline, else a length */
	int64_t until;   /* in the step's time, ns */
	int64_t from;    /* when it began, in the step's time */
	int64_t length;  /* ns */
	int64_t mono;    /* when it began, in the process's monotonic time; 0: that is true */
	bool on_timeout; /* over when the call says ETIMEDOUT, not 0 */
};

/* An argument that points to a time of the true clock while the call runs. */
struct sup_swap {
	bool is;
	unsigned arg;
	uint64_t value; /* of the argument, the step's own */
	bool in_place;  /* there was no room beside the stack: the step's own bytes were replaced */
	uint64_t was[4];
	size_t n;
};

/* A call that the listener heard of and that is to be made after all (sup_notify.c). */
enum sup_slow {
	SUP_SLOW_NO,
	SUP_SLOW_ASKED, /* it was interrupted, to begin anew as any traced call does */
	SUP_SLOW_IN,    /* that it does: the listener lets it pass */
};

struct sup_task {
	pid_t tid;
	pid_t maker;
	struct sup_task *next;
	uint8_t key[HM_KEY];
	uint64_t made;   /* tasks it made: each gets a key of its own */
	uint64_t blocks; /* of its key stream that were used */
	uint64_t tsc;
	uint64_t loader;     /* where the program's loader is; 0: it has none */
	uint64_t loader_tsc; /* what that reads */
	int64_t late;        /* stopped until then, ns of the monotonic clock; 0: it is not */
	bool known;          /* its maker said so; else it waits */
	bool stopped;        /* waits for that */
	enum sup_call call;
	uint64_t args[6];
	uint64_t ip; /* where the program stands that makes the call */
	struct sup_wait wait;
	struct sup_swap swap;
	uint64_t reads;      /* of the clock since it moved */
	int64_t short_sleep; /* ns in sleeps that have moved nothing */
	bool slept;          /* since it last read the clock */
	unsigned turns;      /* how often it slept and read */
	bool odd;            /* it may see other files than we do */
	enum sup_slow slow;
	pid_t process; /* its first task; 0: nobody asked */
	int64_t mono;  /* of a first task: what its process's monotonic clock is at least; 0: it has
			* not begun */
};

struct sup_tasks {
	struct sup_task *v[1024];
	size_t n;
};

SS_NONNULL struct sup_task *sup_task_find(struct sup_tasks *all, pid_t tid);
/* Finds or makes. */
SS_NONNULL struct sup_task *sup_task_get(struct sup_tasks *all, pid_t tid);
SS_NONNULL void sup_task_drop(struct sup_tasks *all, pid_t tid);
/* `child` is the next one that `maker` makes. */
SS_NONNULL void sup_task_derive(struct sup_task *maker, struct sup_task *child);
/* The next bytes of its stream. */
SS_NONNULL void sup_task_random(struct sup_task *t, uint8_t *p, size_t n);

/* --- the step's clock (sup_clock.c) ----------------------------------------------------------- */

struct sup_clock {
	bool frozen;
	int64_t now;    /* ns since 1970, if frozen */
	int64_t offset; /* ns, else */
};

#define SUP_SECOND INT64_C(1000000000)

SS_NONNULL void sup_clock_init(const struct hm_view *v, struct sup_clock *ret);
/* What a task reads. It may be waiting for the clock: then that moves. */
SS_NONNULL int64_t sup_clock_read(struct sup_clock *c, struct sup_task *t);
/* Now, without a reader. */
SS_NONNULL int64_t sup_clock_now(const struct sup_clock *c);
/* The true clock's time for one of the step's. */
SS_NONNULL int64_t sup_clock_true(const struct sup_clock *c, int64_t at);
/* A task has slept for that long, from when the clock stood at `from`. */
SS_NONNULL void sup_clock_slept(struct sup_clock *c, struct sup_task *t, int64_t from, int64_t ns);
SS_NONNULL void sup_clock_reach(struct sup_clock *c, int64_t at);
/* What a task that has ended did counts for who made it. */
SS_NONNULL void sup_clock_inherit(struct sup_clock *c, struct sup_task *maker,
				  const struct sup_task *ended);

/* --- a program's monotonic clock (sup_mono.c) -------------------------------------------------
 */

/* What it is told when the true one is at `now`; *at is where its own stands. */
SS_NONNULL int64_t sup_mono_tell(int64_t *at, int64_t now);
/* Somebody slept until then. */
SS_NONNULL void sup_mono_reach(int64_t *at, int64_t until, int64_t now);

/* --- the time stamp counter of a program's loader (sup_tsc.c) ----------------------------------
 */

/*
 * glibc's loader reads the counter eight times for statistics that only LD_DEBUG shows: eight stops
 * for each program. Where it was seen to do so, the same bytes at the same place of the next
 * program's loader become an instruction that does nothing. The counter that a program reads does
 * not count the loader's readings, so that it is the same either way.
 */
#define SUP_LOADER_SIZE ((uint64_t)256 * 1024) /* at most */

struct sup_tsc_sites {
	struct {
		uint64_t at; /* from the loader's beginning */
		uint64_t code;
	} v[32];
	size_t n;
};

/* A task has read the counter `at` bytes into its loader, with an instruction at the beginning of
 * `code`. */
SS_NONNULL void sup_tsc_learn(struct sup_tsc_sites *all, uint64_t at, uint64_t code);
/* A program of this task begins, with these variables. */
SS_NONNULL void sup_tsc_spare(const struct sup_tsc_sites *all, const struct sup_task *t,
			      const uint64_t *env, size_t n_env);

/* --- one step (sup_loop.c) -------------------------------------------------------------------- */

struct sup {
	const struct hm_view *view;
	struct sup_clock clock;
	struct sup_tasks tasks;
	uint8_t key[HM_KEY]; /* of this step */
	uint64_t root_dev;
	uint64_t root_mount; /* its id; 0: this kernel does not tell */
	cpu_set_t cpus;      /* what the step may run on */
	pid_t main;          /* the step's own process */
	int fifo[2];
	struct {
		uint8_t key[HM_KEY];
		uint64_t blocks;
	} stream[2];
	struct timespec began; /* of the true clock */
	struct ss_buf shadow;  /* passwords as they were */
	int uuid_fd, uuid_watch;
	uint64_t uuids;
	uint64_t connects;
	int64_t late;    /* when the first task that is late goes on; 0: none is */
	unsigned notify; /* what the listener is told */
	int listener;    /* -1: there is none */
	uint64_t heard;  /* the call that it is told about */
	int proc;        /* /proc */
	struct sup_tsc_sites tsc_sites;
	bool began_main; /* the step's own program has begun */
	bool other_root; /* somebody changed the root folder of several tasks */
	bool told;       /* of a file, by the stat family (sup_level.c) */
	int level_fd;    /* -1: nobody wants to know */
};

/* The files of the view's `proc` and `seed`, mounted where the step finds them (sup_masks.c). */
SS_MUST_CHECK SS_NONNULL int sup_masks(struct sup *s, struct ss_err *err);
/* More bytes for /dev/random and /dev/urandom; another uuid if one was read. */
SS_NONNULL void sup_masks_feed(struct sup *s);

/* Before a step, and after one that ended well: -1 if it made a secret (sup_keys.c). */
SS_NONNULL void sup_keys_begin(struct sup *s);
SS_MUST_CHECK SS_NONNULL int sup_keys_end(struct sup *s, struct ss_err *err);

/* Starts the step; it waits until it is traced. */
SS_MUST_CHECK SS_NONNULL int sup_start(struct sup *s, const struct sup_who *who, char **argv,
				       struct ss_err *err);
/* Until the step is over; *ret is its exit status. */
SS_MUST_CHECK SS_NONNULL int sup_loop(struct sup *s, int *ret, struct ss_err *err);

/* At a call that the filter stopped; true = the rest of it is wanted, too: sup_call_end(). */
SS_NONNULL bool sup_call_begin(struct sup *s, struct sup_task *t);
SS_NONNULL void sup_call_end(struct sup *s, struct sup_task *t);
/* The answer of a call that never happens. */
SS_NONNULL int64_t sup_call_answer(struct sup *s, struct sup_task *t, enum sup_call call);

/*
 * The listener (sup_notify.c). What it answers costs one switch to us and back, where a stop of the
 * tracer costs several calls and two stops if the result is wanted. A call that it cannot answer
 * goes the way of the tracer. A signal interrupts a call that waits for its answer; it begins
 * again, whatever the handler says, and nothing of the first time counts. x86_64 only: elsewhere a
 * tracer cannot say that a call begins again.
 */
/* What this step may have: 0 where this machine cannot. */
SS_NONNULL unsigned sup_notify_can(const struct hm_view *v, const struct sup_who *who);
/* It is there: listens. */
SS_NONNULL void sup_notify_begin(struct sup *s, int listener);
/* One call that waits. */
SS_NONNULL void sup_notify(struct sup *s);
/* The call that it is about still waits: its memory is what it was. */
SS_NONNULL bool sup_notify_valid(const struct sup *s);
/* A stop of a task that was interrupted, before or in the call: true = its next stop is wanted. */
SS_NONNULL bool sup_notify_again(struct sup_task *t);
/* At a call of a task that shall make it: true = its end is wanted, too. */
SS_NONNULL bool sup_notify_enter(struct sup_task *t);

/* The stat family (sup_stat.c): what a call brought, made what the step shall see. */
SS_NONNULL void sup_stat_patch(struct sup *s, const struct sup_task *t, enum sup_call call);
/* Or the answer without the call, for a task that sees files as we do; false: make it. */
SS_NONNULL bool sup_stat_answer(struct sup *s, const struct sup_task *t, enum sup_call call,
				int64_t *ret);

/* A task reads its monotonic clock. */
SS_NONNULL int64_t sup_mono_read(struct sup *s, struct sup_task *t);
/* How far that is before the true one; 0 once it is true. */
SS_NONNULL int64_t sup_mono_ahead(struct sup *s, struct sup_task *t);
/* A task has slept for that long, from when that clock stood at `from`. */
SS_NONNULL void sup_mono_slept(struct sup *s, struct sup_task *t, int64_t from, int64_t ns);

/* --- inode numbers of the root file system (sup_inode.c) --------------------------------------
 */
#define SUP_PATH_BYTES 4096u

/* What a file at that path is told. */
SS_NONNULL uint32_t sup_inode_of(const char *path, size_t n);
/* One of several names of the file whose true number that is: all get what the first got. */
uint32_t sup_inode_linked(uint64_t ino, uint32_t of_path);
/* The same of a name that a folder lists with its true number; `path` is the folder's with a '/' at
 * its end, `dir` its length, and there is room behind it. */
SS_NONNULL uint64_t sup_inode_entry(char *path, size_t dir, const char *name, size_t max,
				    uint64_t ino);
/* What is open at "PID/fd/N" or the like below /proc: its path and the length of that; 0: it has
 * none. No NUL. */
SS_NONNULL size_t sup_inode_place(const char *place, char *ret, size_t size);
/* False: it has no path. */
SS_MUST_CHECK SS_NONNULL bool sup_inode_tell(const char *place, uint64_t ino, bool is_linked,
					     uint64_t *ret);

/* Whether the step needed that (sup_level.c): before what SUP_DIR holds is gone ... */
SS_NONNULL void sup_level_begin(struct sup *s);
/* ... when a task is told of a file ... */
SS_NONNULL void sup_level_told(struct sup *s, const struct sup_task *t);
/* ... and afterwards: "light\n" or "full\n" goes to SUP_LEVEL; sup_keys_end() adds what
 * the step wrote, a NUL behind each path. */
SS_NONNULL void sup_level_end(const struct sup *s);
/* A line of /proc/PID/maps with that address in it, and whose it is; "" = nobody's. */
SS_NONNULL bool sup_level_line(const char *line, uint64_t at, const char **ret_path);
/* Of glibc. */
SS_NONNULL bool sup_level_is_loader(const char *path);

/* The same for those that wait (sup_wait.c). */
SS_NONNULL bool sup_wait_begin(struct sup *s, struct sup_task *t);
SS_NONNULL void sup_wait_end(struct sup *s, struct sup_task *t, int64_t result);
/* A call has listed a folder into `n` bytes of records with their name at `name_at`
 * (sup_order.c). */
SS_NONNULL void sup_order(struct sup *s, const struct sup_task *t, size_t name_at, size_t n);
/* The same, of bytes that are here. */
SS_NONNULL void sup_order_mix(uint8_t *p, size_t n, size_t name_at, uint64_t seed);
/* A task is about to connect: over IP it stays where it is for a while (sup_late.c). */
SS_NONNULL void sup_late_begin(struct sup *s, struct sup_task *t);
/* Those whose time has come go on. Milliseconds until the next one; -1 = nobody is late. */
SS_NONNULL int sup_late_end(struct sup *s, void (*go)(pid_t tid, int signal));
/* A program has begun. */
SS_NONNULL void sup_exec(struct sup *s, struct sup_task *t);

/* --- the processor (sup_regs.c) --------------------------------------------------------------- */

/* Where the call is made that the filter stopped, its six arguments, and which it is. */
SS_NONNULL bool sup_regs_args(struct sup_task *t, enum sup_call *ret_call);
/* What the call that it stands behind returned. */
SS_NONNULL bool sup_regs_result(pid_t tid, int64_t *ret);
/* The call does not happen, and returns that. */
SS_NONNULL void sup_regs_skip(pid_t tid, int64_t result);
void sup_regs_set_arg(pid_t tid, unsigned i, uint64_t v);
/* The call that a task is about to make, if it stands before one. */
SS_NONNULL bool sup_regs_entry(struct sup_task *t, int *ret_nr);
/* A call of ours that a signal has interrupted begins again after it. */
void sup_regs_again(pid_t tid);
/* True if the task stands in a call that makes another with a name space of its own. */
bool sup_regs_makes_space(pid_t tid);
SS_NONNULL bool sup_regs_sp(pid_t tid, uint64_t *ret, bool *ret_narrow);
/* True if the signal comes from reading the time stamp counter: then it was answered. */
SS_NONNULL bool sup_regs_tsc(struct sup_tsc_sites *all, struct sup_task *t);
/* Eight bytes of a program, whether it may write there or not. */
void sup_regs_poke(pid_t tid, uint64_t at, uint64_t code);

/* A number that the kernel wants in the place of a pointer, or a place in another process. */
static inline void *sup_pointer(uint64_t v)
{
	void *p = NULL;

	memcpy(&p, &v, sizeof(p));
	return p;
}

SS_NONNULL bool sup_read(pid_t tid, uint64_t at, void *p, size_t n);
SS_NONNULL bool sup_write(pid_t tid, uint64_t at, const void *p, size_t n);
