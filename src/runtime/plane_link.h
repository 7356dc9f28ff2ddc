/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "runtime/plane.h"

#include <sys/types.h>

/*
 * init's end of the pair to dataplane (plane.h), and how dataplane is started. Lines never wait:
 * what the pair does not take is counted, and the next line that it takes says how many are
 * lacking. All else waits a bounded time. What comes back is one of four wishes in one form;
 * anything else is the end of trust in whoever sent it.
 */
#define RT_PLANE_FILES 65536u
#define RT_PLANE_SEND_MS 2000u

struct rt_plane {
	int fd; /* -1: no dataplane here */
	pid_t pid;
	uint32_t lost; /* lines since the last one that went */
};

struct rt_plane_wish {
	enum rt_plane_type type; /* RT_PLANE_READY or above */
	uint64_t time;
};

/* `fd` becomes its own. */
SS_MUST_CHECK SS_NONNULL int rt_plane_init(struct rt_plane *p, int fd, struct ss_err *err);
SS_NONNULL void rt_plane_log(struct rt_plane *p, uint8_t source, uint8_t flags, uint64_t time_ns,
			     struct ss_span line);
/* -1: dataplane takes nothing, or is gone. The head's text is cut at RT_PLANE_MAX_TEXT. */
SS_MUST_CHECK SS_NONNULL int rt_plane_tell(struct rt_plane *p, const struct rt_plane_head *h,
					   const char *text, struct ss_err *err);
/* 1 = *ret is a wish; 0 = there is none now; -1 = no such thing may come, or dataplane is gone. */
SS_MUST_CHECK SS_NONNULL int rt_plane_hear(struct rt_plane *p, struct rt_plane_wish *ret,
					   struct ss_err *err);

struct rt_plane_start {
	int program; /* its file */
	int tun;     /* or -1 */
	int key;     /* its end of the pair to keyplane, or -1 */
	struct ss_span config;
	uint64_t memory; /* of the machine, bytes */
};
/* What is written to descriptor 2 by a process that does not get as far as dataplane says why. */
SS_MUST_CHECK SS_NONNULL int rt_plane_start(const struct rt_plane_start *s, struct rt_plane *ret,
					    struct ss_err *err);

/*
 * keyplane, the program that has the TLS key (docs/decisions/0020), beside dataplane and before it:
 *   0 /dev/null   1, 2 the console   3 the pair to dataplane   4 the measured config's bytes
 *   5 /dev/nsm    6 the application's socket, listening, or closed where there is none
 *   7 the pair to init (fmt/secret_link.h), or closed where no secrets are measured
 * argv[1] is the memory in bytes, argv[2] the first id that is a user of the application. It has no
 * capability and a network namespace of its own, in which nothing is.
 */
#define RT_KEY_ID 0x3fffff01u
#define RT_KEY_FILES 16384u /* two a connection, and some more */
/* Its heap: what KP_MEMORY_SHARE gives to connections, and this for the rest. */
#define RT_KEY_HEAP ((uint64_t)32 << 20)

struct rt_key_start {
	int program;
	int pair;
	int nsm;
	int local;
	int init; /* the pair to init, or -1 */
	struct ss_span config;
	uint64_t memory;
	uint32_t least_uid;
};
SS_MUST_CHECK SS_NONNULL int rt_key_start(const struct rt_key_start *s, pid_t *ret,
					  struct ss_err *err);
