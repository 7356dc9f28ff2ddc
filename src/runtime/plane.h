/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * What init and dataplane say to each other: datagrams over a SOCK_SEQPACKET pair, each a struct
 * rt_plane_head and then text. Both are ours, but dataplane speaks with the host: init takes what
 * it says for bounded requests (a time, a wish to stop), never for commands.
 *
 * dataplane is started by init before the application, with exactly these descriptors:
 *   0 /dev/null   1, 2 the console   3 this pair   4 the measured config's bytes (a sealed memfd)
 *   5 the TUN device, or closed where no egress is allowed
 *   6 the pair to keyplane, or closed where there is no NSM; argv[1] is the memory in bytes
 * It runs as RT_PLANE_ID in its own mount, PID, IPC and UTS namespaces, in init's network
 * namespace. Its one capability is to listen below port 1024 (vsock's ports are guarded like
 * TCP's); when every listener is up it gives that up, puts itself under seccomp and says
 * RT_PLANE_READY. The application starts after that. If dataplane ends, the enclave ends
 * (RT_E_DATAPLANE).
 */
#define RT_PLANE_ID 0x3fffff00u /* no id of an image: those begin at RT_ID_BASE */
#define RT_PLANE_MAX_TEXT 8192u /* FRAME_MAX_LINE */

enum rt_plane_type {
	/* to dataplane */
	RT_PLANE_LOG = 1, /* a: source, b: flags (frame.h); time; the line */
	RT_PLANE_STARTED, /* the application runs; count: how many times it was started before */
	RT_PLANE_DOWN,    /* it ended and will be started again; text: why */
	RT_PLANE_DRAIN,   /* it was told to stop: no new connections */
	RT_PLANE_EXIT,    /* a: enum frame_end, b: value; text: reason. Answered by FLUSHED */
	RT_PLANE_WAITS,   /* the application is not started yet; text: for what it waits */
	/* to init */
	RT_PLANE_READY = 32,
	RT_PLANE_TIME,    /* time: what the host says, ns since 1970 */
	RT_PLANE_STOP,    /* time: grace in ms, 0 = the measured one */
	RT_PLANE_FLUSHED, /* the host has all, or a second has passed */
};

struct rt_plane_head {
	uint8_t type;
	uint8_t a;
	uint8_t b;
	uint8_t zero;
	uint32_t count; /* LOG: lines lost before this one, because this pair was full; STARTED */
	uint64_t time;
};
